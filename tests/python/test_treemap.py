"""The tree of what retains most: against a search over heaps worked out by hand, and against the page dominators."""

from __future__ import annotations

import random_heaps
import tonnage
from folded_heaps import Heap, address, heaps, number_of, opened
from hypothesis import given, settings
from hypothesis import strategies as st
from test_parted_views import some, tops

SETTINGS = settings(deadline=None, max_examples=200)


def below(heap: Heap, node: int, fold: bool) -> list[int]:
    """What hangs right from a node."""
    part = heap.part(node) if fold else None
    return [other for other in heap.children(node) + ([] if part is None else heap.children(part)) if other != part]


def above(heap: Heap, node: int, fold: bool) -> list[int]:
    """What it hangs from, the outermost first."""
    way: list[int] = []
    parts = {heap.part(other): other for other in range(len(heap))} if fold else {}
    while (node := heap.idom[node]) < len(heap):
        node = parts.get(node, node)
        way.insert(0, node)
    return way


def largest(heap: Heap, first: list[int], fold: bool, limit: int, depth: int) -> list[tuple[int, int, int, int]]:
    """Depth, object, how many below it are left out and their bytes, of what retains most of all that hangs there."""
    chosen: dict[int, int] = {}
    open_ones = dict.fromkeys(first, 0)
    while open_ones and (not limit or len(chosen) < limit):
        node = min(open_ones, key=lambda other: (-heap.retained([other]), other))
        chosen[node] = open_ones.pop(node)
        if not depth or chosen[node] + 1 < depth:
            open_ones |= dict.fromkeys(below(heap, node, fold), chosen[node] + 1)
    rows = []

    def tell(nodes: list[int]) -> None:
        for node in sorted(nodes, key=lambda other: (-heap.retained([other]), other)):
            if node in chosen:
                hidden = [other for other in below(heap, node, fold) if other not in chosen]
                rows.append((chosen[node], node, len(hidden), sum(heap.retained([other]) for other in hidden)))
                tell(below(heap, node, fold))

    tell(first)
    return rows


def found(view: tonnage._view.View) -> list[tuple[int, int, int, int]]:
    return [(row["depth"], number_of(row["address"]), row["more"], row["more_retained"]) for row in view]


@SETTINGS
@given(heaps(), st.booleans(), st.integers(0, 9), st.integers(0, 3))
def test_rows_are_those_that_retain_most_each_below_its_dominator(
    heap: Heap, fold: bool, limit: int, depth: int
) -> None:
    first = tops(heap, set(range(len(heap))))
    with opened(heap) as snapshot:
        view = snapshot.treemap(limit=limit, fold=fold, depth=depth)
        assert found(view) == largest(heap, first, fold, limit, depth)
        assert view.total == {"rows": len(first), "count": len(heap), "retained": sum(heap.sizes)}
        assert (view.data["whole"], view.data["object"], view.data["above"]) == (sum(heap.sizes), None, [])
        shown = [row for row in view if row["depth"] == 0]
        assert view.data["more"] == len(first) - len(shown)
        assert view.data["more_retained"] == sum(heap.sizes) - sum(row["retained"] for row in shown)


@SETTINGS
@given(heaps(), st.booleans(), st.integers(0, 9), st.data())
def test_it_begins_at_an_object_or_a_set(heap: Heap, fold: bool, limit: int, data: st.DataObject) -> None:
    node = data.draw(st.integers(0, len(heap) - 1))
    among = data.draw(st.sets(st.integers(0, len(heap) - 1), min_size=1))
    with opened(heap) as snapshot:
        view = snapshot[address(node)].treemap(limit=limit, fold=fold)
        first = below(heap, node, fold)
        assert found(view) == largest(heap, first, fold, limit, 0)
        assert (view.total["rows"], view.data["object"]["address"]) == (len(first), hex(address(node)))
        kept_by = [number_of(int(row["address"], 16)) for row in view.data["above"]]
        assert kept_by == above(heap, node, fold)
        view = some(snapshot, among).treemap(limit=limit, fold=fold)
        assert found(view) == largest(heap, tops(heap, among), fold, limit, 0)


@SETTINGS
@given(random_heaps.heaps(), st.booleans(), st.integers(0, 1 << 12))
def test_all_of_it_is_the_page_dominators(heap: random_heaps.Heap, fold: bool, threshold: int) -> None:
    """Also where objects are tonnage's own, take nothing, or are held by nothing."""
    with random_heaps.opened(random_heaps.describe(heap)) as snapshot:
        tree = snapshot.dominators(limit=0, depth=99, fold=fold)
        view = snapshot.treemap(limit=0, fold=fold)
        assert [{key: row[key] for key in tree.data["columns"]} for row in view] == list(tree)
        assert {(row["more"], row["more_retained"]) for row in view} <= {(0, 0)}
        assert (view.total, view.data["more"], view.data["more_retained"]) == (tree.total, 0, 0)
        large = [row for row in view if row["retained"] >= threshold]
        part = snapshot.treemap(limit=0, fold=fold, threshold=threshold)
        assert [row["node"] for row in part] == [row["node"] for row in large]
        assert sum(row["more"] for row in part) + part.data["more"] == sum(
            row["retained"] < threshold and (row["depth"] == 0 or above["retained"] >= threshold)
            for row, above in with_parents(list(view))
        )


def with_parents(rows: list[dict[str, int]]) -> list[tuple[dict[str, int], dict[str, int]]]:
    way: list[dict[str, int]] = []
    pairs = []
    for row in rows:
        del way[row["depth"] :]
        pairs.append((row, way[-1] if way else row))
        way.append(row)
    return pairs


def test_the_text_says_what_is_left_out_of_each_level() -> None:
    with tonnage.snapshot() as snapshot:
        view = snapshot.treemap(limit=40)
        lines = repr(view).splitlines()
        ghosts = sum("<" in line and " more>" in line for line in lines)
        parents = [above for row, above in with_parents(list(view)) if row["depth"]]
        assert ghosts == len({row["node"] for row in parents if row["more"]})
        assert lines[-1].startswith(f"<{view.data['more']} more, ")
