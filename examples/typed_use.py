"""The whole Python API in use, for type checkers: `mypy --strict examples/typed_use.py` must find nothing."""

from __future__ import annotations

import sys
from datetime import datetime

import tonnage


def biggest_by_type(snapshot: tonnage.Snapshot) -> dict[str, int]:
    return {row["type"]: row["size"] for row in snapshot.summary(by="type", limit=0, threshold="64k")}


def who_holds(snapshot: tonnage.Snapshot, thing: object) -> list[str]:
    item: tonnage.Object = snapshot[id(thing)]
    return [f"{parent.type} of {parent.size} bytes" for parent in item.parents[:5]]


def labels(item: tonnage.Object) -> list[tuple[str, int]]:
    return [(reference.label, reference.target.size) for reference in item.references]


def pairs(item: tonnage.Object) -> list[tuple[str, str]]:
    return [(key.preview, value.preview) for key, value in zip(item.keys, item.values, strict=False)]


def main() -> int:
    table = {"alpha": [1, 2, 3], "beta": "text"}
    with tonnage.snapshot(previews=40) as snapshot:
        taken: datetime | None = snapshot.time
        print(snapshot.pid, taken, snapshot.rss, len(snapshot))
        print(snapshot.summary(limit=5))
        print(snapshot.largest(limit=3).rows[0]["address"], snapshot.info().json()[:40])
        print(biggest_by_type(snapshot), who_holds(snapshot, table))
        item = snapshot[id(table)]
        print(item, labels(item), pairs(item), item.obj is table, id(table) in snapshot)
        first: tonnage.Object = item.children[0]
        some: tonnage.Objects = item.children[1:]
        print(first in some, first.flags, first.parts, first.generation)
        for thread in snapshot.threads:
            print(thread.name, [(frame.name, frame.line) for frame in thread.frames])
        lists = snapshot.where("type:list size:>1k") - snapshot.where("flag:immortal")
        print(lists.by("rcs")[0].by("id"), lists.sort("size").top(3), [group.kind for group in lists.by("via")])
        sizes: memoryview[int] = lists.column("size")
        print(sum(sizes) == lists.size, snapshot.group_by("modules")[id(sys)].children)
        findings: list[tonnage.Error] = snapshot.check()
        print(findings)
    size: tonnage.DeepSize = tonnage.deep_size(table)
    print(size.count, size.bytes, tonnage.size_of(table), tonnage.cost_of(dict, 1000).interval)
    with tonnage.budget("50 MB") as budget:
        table["gamma"] = list(range(1000))
    peak: int | None = budget.peak
    print(peak, budget.limit)
    try:
        tonnage.load("none.tonnage").close()
    except tonnage.FileError as error:
        print(error, error.status, error.offset)
    return 0


if __name__ == "__main__":
    sys.exit(main())
