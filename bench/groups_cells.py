"""Groups and steps of one heap in a fresh process: `python groups_cells.py WORKLOAD N`, one JSON object on stdout.

Seconds are those of the processor, in the process that has the heap: a collection and a partition are slowed alike by
what else the machine does. What a partition needs of the file is loaded before, once.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import tonnage
from cells import build

ROUNDS = 5
KINDS = (
    "type", "clodo", "size", "sizeclass", "module", "dist", "generation", "content", "site", "rcs", "via", "root",
    "thread", "frame", "id",
)  # fmt: skip


def cpu(function: Callable[[], Any]) -> float:
    rounds = []
    for _ in range(ROUNDS):
        start = time.process_time()
        function()
        rounds.append(time.process_time() - start)
    return statistics.median(rounds)


def first_time(path: str, kind: str) -> float:
    """Of what is kept with the snapshot: each time of another one, with the references loaded."""
    rounds = []
    for _ in range(ROUNDS):
        with tonnage.load(path) as snapshot:
            snapshot.objects.referents()
            start = time.process_time()
            snapshot.by(kind)
            rounds.append(time.process_time() - start)
    return statistics.median(rounds)


def main() -> None:
    workload, n = sys.argv[1], int(sys.argv[2])
    root, _, _ = build(workload, n)
    gc.collect()
    collection = cpu(gc.collect)
    with tempfile.TemporaryDirectory() as folder, tonnage.snapshot(f"{folder}/heap.tonnage", mode="stop") as snapshot:
        everything = snapshot.objects
        everything.referents()
        found = {f"by {kind}": cpu(lambda kind=kind: everything.by(kind)) for kind in KINDS}  # type: ignore[misc]
        found["by path, the first time"] = first_time(f"{folder}/heap.tonnage", "path")
        found["by heads: modules"] = cpu(lambda: everything.group_by("modules"))
        half = snapshot.where("type:int or type:str or type:list")
        found["union of two"] = cpu(lambda: half | everything)
        found["referrers"] = cpu(half.referrers)
        found["reachable from all instances"] = cpu(snapshot.where("type:graph_heap.Node").reachable)
        found["owned"] = cpu(half.owned)
        print(json.dumps({"objects": len(everything), "collection": collection, "seconds": found}))
    assert root is not None


main()
