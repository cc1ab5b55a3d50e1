"""Views of the verbs parted by kinds, and with dicts folded, of random heaps: against sums worked out by hand."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
import tonnage
from folded_heaps import COLUMN, INSTANCES, KEYS, Heap, address, heaps, number_of, opened
from hypothesis import given, settings
from hypothesis import strategies as st

KINDS = st.sampled_from(sorted(KEYS))
SETTINGS = settings(deadline=None, max_examples=150)


def some(snapshot: tonnage.Snapshot, nodes: Iterable[int]) -> tonnage.ObjectSet:
    chosen = {address(node) for node in nodes}
    return snapshot.objects.filter(lambda item: item.address in chosen)


def tops(heap: Heap, among: set[int]) -> list[int]:
    """Of some objects those that no other one of them dominates."""

    def is_top(node: int) -> bool:
        above = heap.idom[node]
        while above < len(heap):
            if above in among:
                return False
            above = heap.idom[above]
        return True

    return [node for node in sorted(among) if is_top(node)]


def size(heap: Heap, node: int, fold: bool) -> int:
    """Of a row of the dominator tree."""
    part = heap.part(node) if fold else None
    return heap.sizes[node] + (0 if part is None else heap.sizes[part])


@SETTINGS
@given(heaps(), KINDS, st.booleans(), st.data())
def test_dominators_by_a_kind_add_up_the_rows_of_each_group(
    heap: Heap, by: str, fold: bool, data: st.DataObject
) -> None:
    among = data.draw(st.sets(st.integers(0, len(heap) - 1))) | {0}
    expected: dict[object, list[int]] = {}
    for node in tops(heap, among):
        row = expected.setdefault(KEYS[by](heap, node), [0, 0, 0, 0])
        gone = heap.gone([node])
        row[:] = [row[0] + 1, row[1] + len(gone), row[2] + size(heap, node, fold), row[3] + heap.retained([node])]
    with opened(heap) as snapshot:
        view = some(snapshot, among).dominators(by=by, fold=fold, limit=0)
        assert {row[COLUMN[by]]: [row["rows"], row["count"], row["size"], row["retained"]] for row in view} == expected
        assert [row["retained"] for row in view] == sorted((row[3] for row in expected.values()), reverse=True)
        assert (view.data["by"], view.data["fold"]) == (by, fold)
        least = some(snapshot, among).dominators(by=by, fold=fold, limit=0, sort="-size")
        assert [row["size"] for row in least] == sorted(row[2] for row in expected.values())


def tree(heap: Heap, node: int, depth: int, fold: bool) -> list[tuple[int, int, int]]:
    """Depth, object and size of what hangs from a node."""
    below, part = heap.children(node), heap.part(node) if fold else None
    if part is not None:
        below = [other for other in below if other != part] + heap.children(part)
        below.sort(key=lambda other: (-heap.retained([other]), other))
    return [
        row
        for other in below
        for row in [(depth, other, size(heap, other, fold)), *(tree(heap, other, depth + 1, fold) if depth < 3 else [])]
    ]


@SETTINGS
@given(heaps(), st.booleans(), st.data())
def test_what_hangs_from_a_folded_dict_hangs_from_its_owner(heap: Heap, fold: bool, data: st.DataObject) -> None:
    node = data.draw(st.integers(0, len(heap) - 1))
    with opened(heap) as snapshot:
        view = snapshot[address(node)].dominators(depth=4, limit=0, fold=fold)
        rows = [(row["depth"], number_of(row["address"]), row["size"]) for row in view]
        assert rows == tree(heap, node, 0, fold)
        assert not fold or not {number for _, number, _ in rows} & {heap.part(other) for other in range(len(heap))}
        assert view.total["retained"] + size(heap, node, fold) == heap.retained([node])
        for row in view:
            assert row["retained"] == heap.retained([number_of(row["address"])])


@SETTINGS
@given(heaps())
def test_folding_changes_no_sum_of_dominators(heap: Heap) -> None:
    with opened(heap) as snapshot:
        folded, plain = (snapshot.dominators(limit=0, fold=fold) for fold in (True, False))
        assert folded.total == plain.total
        assert sum(row["retained"] for row in folded) == sum(row["retained"] for row in plain) == sum(heap.sizes)
        assert [row["address"] for row in folded] == [row["address"] for row in plain]


@SETTINGS
@given(heaps(), KINDS, st.booleans(), st.data())
def test_what_goes_is_parted_by_any_kind(heap: Heap, by: str, fold: bool, data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.integers(0, len(heap) - 1), min_size=1))
    gone = heap.gone(chosen)
    owner = heap.folded(gone) if fold else {}
    counts, sizes = Counter[object](), Counter[object]()
    total = heap.whole(owner)
    for node in gone - set(owner):
        key = total[node] if by == "size" else KEYS[by](heap, node)
        counts[key] += 1
        sizes[key] += total[node]
    with opened(heap) as snapshot:
        view = some(snapshot, chosen).retained(by=by, fold=fold, limit=0)
        assert {row[COLUMN[by]]: (row["count"], row["size"]) for row in view} == {
            key: (count, sizes[key]) for key, count in counts.items()
        }
        assert view.total["size"] == sum(sizes.values()) == heap.retained(chosen)
        assert [row["size"] for row in view] == sorted(sizes.values(), reverse=True)
        above = {number_of(int(row["address"], 16)) for row in view.data["dominators"] if row["address"]}
        holders = {heap.idom[node] for node in chosen}
        if fold:
            holders = {next((o for o in range(len(heap)) if heap.part(o) == node), node) for node in holders}
        assert above == {node for node in holders - chosen if node < len(heap)}


@pytest.mark.parametrize("verb", ["dominators", "retained"])
def test_a_kind_that_is_none_is_refused(verb: str) -> None:
    with opened(Heap([INSTANCES[0]], [16], [None], [[]], [0], [])) as snapshot, pytest.raises(tonnage.ArgumentError):
        getattr(snapshot, verb)(where="type:app.Session", by="colour")


def references(heap: Heap, chosen: set[int], backward: bool, fold: bool) -> list[int]:
    """What is at the other end of each reference of a set, or to it."""
    n = len(heap)
    owner = heap.folded(range(n)) if fold else {}
    found = []
    for source, targets in enumerate([*heap.targets, [*heap.roots, n + 1], heap.local]):
        for target in targets:
            ends = owner.get(source, source), owner.get(target, target)
            if ends[0] == ends[1] and source != target and ends != (source, target):
                continue  # an object and its own dict
            if backward and chosen & {ends[1], target}:
                found.append(ends[0])
            if not backward and chosen & {ends[0], source}:
                found.append(ends[1])
    return found


@SETTINGS
@given(heaps(), st.sampled_from(["type", "module", "id"]), st.booleans(), st.booleans(), st.data())
def test_references_are_parted_by_what_is_at_the_other_end(
    heap: Heap, by: str, backward: bool, fold: bool, data: st.DataObject
) -> None:
    chosen = data.draw(st.sets(st.integers(0, len(heap) - 1), min_size=1))
    synthetic = {len(heap): "(root)", len(heap) + 1: "(frame)"}
    whole = [*heap.whole(heap.folded(range(len(heap))) if fold else {}), 0, 0]
    expected: dict[object, list[int]] = {}
    ends = references(heap, chosen, backward, fold)
    for end in ends:
        expected.setdefault(synthetic.get(end) or KEYS[by](heap, end), []).append(end)
    wanted = {
        key: (len(found), len(set(found)), sum(whole[end] for end in set(found)))
        for key, found in expected.items()
    }
    with opened(heap) as snapshot:
        verb = "referrers" if backward else "refs"
        if len(chosen) == 1:
            view = getattr(snapshot[address(min(chosen))], verb)(by=by, fold=fold, limit=0)
        else:
            view = some(snapshot, chosen)._view(verb, by=by, fold=fold)
        assert {row[COLUMN[by]]: (row["count"], row["objects"], row["size"]) for row in view} == wanted
        assert view.total == {"count": len(ends), "selected": len(chosen)}
        plain = some(snapshot, chosen)._view(verb, fold=fold)
        assert sum(row["count"] for row in plain) == len(ends)


def test_attributes_of_a_folded_dict_are_labels_of_its_owner(tmp_path: Path) -> None:
    program = (
        "import tonnage, sys\n"
        "class Box: pass\n"
        "boxes = [Box() for _ in range(7)]\n"
        "for box in boxes: box.content = [box]; box.__dict__[3] = 'odd'\n"
        "tonnage.snapshot(sys.argv[1])"
    )
    path = tmp_path / "boxes.tonnage"
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)
    with tonnage.load(path) as snapshot:
        rows = {row["label"]: row for row in snapshot.refs("type:__main__.Box", fold=True, limit=0)}
        assert (rows[".content"]["count"], rows[".content"]["objects"], rows[".content"]["type"]) == (7, 7, "list")
        assert (rows["[key]"]["count"], rows["[key]"]["objects"], rows["[key]"]["type"]) == (7, 1, "str")
        assert ".__dict__" not in rows
        assert ".__dict__" in {row["label"] for row in snapshot.refs("type:__main__.Box", limit=0)}
        dicts = snapshot.where("type:__main__.Box").referents().where("type:dict")
        holders = dicts.referents().where("type:list")._view("referrers", fold=True)
        assert {(row["label"], row["type"], row["count"]) for row in holders} == {(".content", "__main__.Box", 7)}
        box = snapshot.where("type:__main__.Box")[0]
        assert [row["held_by"] for row in box.dominators() if row["type"] == "list"] == [".content"]
        with pytest.raises(tonnage.ArgumentError, match="tree"):
            box.refs(fold=True)
