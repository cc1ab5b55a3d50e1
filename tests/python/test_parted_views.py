"""Views of the verbs parted by kinds, and with dicts folded, of random heaps: against sums worked out by hand."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import tonnage
from folded_heaps import COLUMN, IN_THE_TREE, INSTANCES, KEYS, Heap, address, heaps, number_of, opened
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
        row = expected.setdefault(IN_THE_TREE[by](heap, node), [0, 0, 0, 0])
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
        assert view.total["count"] == sum(counts.values())
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
        group = some(snapshot, chosen)
        ask = group.backrefs if backward else group.refs
        if len(chosen) == 1:
            one = snapshot[address(min(chosen))]
            view = (one.referrers if backward else one.refs)(by=by, fold=fold, limit=0)
        else:
            view = ask(by=by, fold=fold, limit=0)
        assert {row[COLUMN[by]]: (row["count"], row["objects"], row["size"]) for row in view} == wanted
        assert view.total == {"count": len(ends), "selected": len(chosen)}
        plain = ask(fold=fold, limit=0)
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
        holders = dicts.referents().where("type:list").backrefs(fold=True)
        assert {(row["label"], row["type"], row["count"]) for row in holders} == {(".content", "__main__.Box", 7)}
        box = snapshot.where("type:__main__.Box")[0]
        assert [row["held_by"] for row in box.dominators() if row["type"] == "list"] == [".content"]
        with pytest.raises(tonnage.ArgumentError, match="tree"):
            box.refs(fold=True)


@SETTINGS
@given(heaps(), KINDS, st.booleans(), st.integers(0, 3), st.data())
def test_why_answers_for_the_largest_groups_first(
    heap: Heap, by: str, fold: bool, limit: int, data: st.DataObject
) -> None:
    chosen = data.draw(st.sets(st.integers(0, len(heap) - 1), min_size=1))
    parts = {heap.part(node): node for node in chosen if fold}
    asked = chosen | {part for part in parts if part is not None}
    owner = heap.folded(asked) if fold else {}
    sizes = heap.whole(owner)
    groups: dict[object, set[int]] = {}
    for node in asked - set(owner):
        groups.setdefault(sizes[node] if by == "size" else KEYS[by](heap, node), set()).add(node)
    with opened(heap) as snapshot:
        view = some(snapshot, chosen).why(by=by, fold=fold, limit=limit)
        assert [sum(sizes[node] for node in groups[row[COLUMN[by]]]) for row in view] == sorted(
            (sum(sizes[node] for node in nodes) for nodes in groups.values()), reverse=True
        )[: limit or None]
        for row in view:
            nodes = groups.pop(row[COLUMN[by]])
            assert (row["count"], row["retained"]) == (len(nodes), heap.retained(nodes))
            assert row.get("size") == (sum(sizes[node] for node in nodes) if len(nodes) > 1 else None)
        assert (view.data["more"], view.data["more_count"]) == (len(groups), sum(map(len, groups.values())))
        assert view.data["more_size"] == sum(sizes[node] for nodes in groups.values() for node in nodes)
        assert view.total == {"count": len(asked) - len(owner), "size": sum(heap.sizes[node] for node in asked)}
        shown = " ".join(str(view).split())
        assert shown.count("keeps alive it is") + shown.count("keep alive they are") == len(view)


@SETTINGS
@given(heaps(), KINDS, st.integers(0, 3))
def test_top_consumers_are_groups_of_what_no_object_holds(heap: Heap, by: str, limit: int) -> None:
    expected: dict[object, list[int]] = {}
    for node in range(len(heap)):
        if heap.idom[node] >= len(heap):
            row = expected.setdefault(IN_THE_TREE[by](heap, node), [0, 0, 0])
            row[:] = [row[0] + 1, row[1] + len(heap.gone([node])), row[2] + heap.retained([node])]
    large = [row for row in expected.values() if row[2] >= sum(heap.sizes) // 100]
    with opened(heap) as snapshot:
        consumers = snapshot.suspects(by=by, limit=limit).data["consumers"]
        rows = {row[COLUMN[by]]: [row["rows"], row["count"], row["retained"]] for row in consumers["rows"]}
        assert [row[2] for row in rows.values()] == sorted((row[2] for row in large), reverse=True)[: limit or None]
        assert all(expected[key] == row for key, row in rows.items())
        assert consumers["total"]["retained"] == sum(row[2] for row in expected.values())
        assert consumers["more"] == len(expected) - len(rows)
        assert consumers["more_retained"] == consumers["total"]["retained"] - sum(row[2] for row in rows.values())
        assert snapshot.suspects().data["consumers"] is None


@SETTINGS
@given(heaps(), st.sampled_from(["retained", "count", "kind"]), st.booleans())
def test_suspects_stand_in_the_order_that_is_asked_for(heap: Heap, column: str, reverse: bool) -> None:
    key = {"retained": "size"}.get(column, column)
    with opened(heap) as snapshot:
        plain = snapshot.suspects(limit=0)
        view = snapshot.suspects(sort=f"{'-' if reverse else ''}{column}", limit=0)
        down = (column != "kind") != reverse
        for got, before in ((view.rows, plain.rows), (view.data["findings"], plain.data["findings"])):
            assert [row[key] for row in got] == sorted((row[key] for row in before), reverse=down)


@pytest.fixture(scope="module")
def attributes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tonnage.Snapshot]:
    """Most of the heap in the attributes of one instance."""
    program = (
        "import tonnage, sys\n"
        "class Store: pass\n"
        "store = Store()\n"
        "for i in range(3000): setattr(store, f'key{i}', bytes(4000))\n"
        "tonnage.snapshot(sys.argv[1])"
    )
    path = tmp_path_factory.mktemp("attributes") / "store.tonnage"
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)
    with tonnage.load(path) as snapshot:
        yield snapshot


def test_a_suspect_is_the_instance_and_not_its_dict(attributes: tonnage.Snapshot) -> None:
    (row,), (plain,) = attributes.suspects().rows, attributes.suspects(fold=False).rows
    assert (row["type"], row["path"]) == ("__main__.Store", "__main__.store")
    assert (plain["type"], plain["path"]) == ("dict", "__main__.store.__dict__")
    assert row["size"] > plain["size"] > 3000 * 4000
    assert attributes[row["address"]].references[0].target is not None


def test_why_names_no_dict_of_an_instance(attributes: tonnage.Snapshot) -> None:
    found = attributes.where("size:>4000 type:bytes").by("size")[0]
    assert len(found) >= 3000
    folded, plain = found.why(), found.why(fold=False)
    assert "__dict__" not in str(folded) and "__main__.store, a __main__.Store" in str(folded)
    assert "__main__.store.__dict__, a dict of 3000 entries" in str(plain)
    assert folded.data["holders"][0]["type"] == "__main__.Store"
    (store,) = attributes.where("type:__main__.Store")
    dict_of = next(item for item in store.children if item.type == "dict")
    assert attributes.where("type:__main__.Store").why().data["retained"] == store.retained
    assert store.retained == store.size + dict_of.retained


@SETTINGS
@given(heaps(), st.one_of(KINDS, st.none()), st.booleans(), st.integers(0, 3), st.data())
def test_paths_by_a_kind_lead_to_the_largest_of_each_group(
    heap: Heap, by: str | None, fold: bool, limit: int, data: st.DataObject
) -> None:
    chosen = data.draw(st.sets(st.integers(0, len(heap) - 1), min_size=1))
    everywhere = heap.folded(range(len(heap))) if fold else {}
    asked = chosen | {own for own, node in everywhere.items() if node in chosen}
    owner = heap.folded(asked) if fold else {}
    sizes = heap.whole(owner)
    groups: dict[object, list[int]] = {}
    for node in sorted(asked - set(owner)):
        key = node if by is None else sizes[node] if by == "size" else KEYS[by](heap, node)
        groups.setdefault(key, []).append(node)
    with opened(heap) as snapshot:
        view = some(snapshot, chosen).paths(by=by, fold=fold, limit=limit)
        shown = []
        for row in view:
            node = number_of(row["address"])
            key = node if by is None else row[COLUMN[by]]
            group = groups.pop(key)
            shown.append(sum(sizes[node] for node in group))
            assert node == max(group, key=lambda other: (sizes[other], -other))
            assert row["size"] == sizes[node]
            assert by is None or (row["count"], row["group_size"]) == (len(group), shown[-1])
            at = len(heap)
            for step in row["steps"]:
                targets = [*heap.targets, [*heap.roots, len(heap) + 1], heap.local][at]
                assert step["node"] in targets
                at = step["node"]
            assert at == node
        rest = [sum(sizes[node] for node in group) for group in groups.values()]
        assert shown == sorted(shown, reverse=True) and max(rest, default=0) <= min(shown, default=0)
        assert (len(shown), view.data["more"]) == (min(limit or 99, len(shown) + len(rest)), len(rest))
        assert view.total == {"count": len(asked) - len(owner), "size": sum(heap.sizes[node] for node in asked)}


@SETTINGS
@given(heaps(), KINDS, st.sampled_from(["dominators", "paths", "refs", "referrers"]), st.data())
def test_a_threshold_takes_out_whole_groups(heap: Heap, by: str, verb: str, data: st.DataObject) -> None:
    column = {"dominators": "retained", "paths": "group_size"}.get(verb, "size")
    with opened(heap) as snapshot:
        some_of = some(snapshot, range(len(heap)))
        whole = some_of._view(verb, by=by)
        least = data.draw(st.sampled_from(sorted({row[column] for row in whole} | {1})))
        shown = some_of._view(verb, by=by, threshold=least)
        assert [dict(row) for row in shown] == [dict(row) for row in whole if row[column] >= least]
        assert shown.data["filtered"] == len(whole) - len(shown)
        assert shown.total == whole.total
        assert ("below the threshold" in str(shown)) == (len(shown) < len(whole))


def test_merged_paths_are_not_parted_and_do_not_fold(attributes: tonnage.Snapshot) -> None:
    for options in ({"by": "type"}, {"fold": True}):
        with pytest.raises(tonnage.ArgumentError, match="merged"):
            attributes.paths("type:__main__.Store", merge=True, **options)
    with pytest.raises(tonnage.ArgumentError, match="parted"):
        attributes.where("type:__main__.Store")[0]._snapshot._view("paths", node=0, by="type")


def test_what_a_module_holds_is_the_modules(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("CACHE = {n: [bytes(1000)] for n in range(300)}\nclass Cart: pass\nCART = Cart()")
    path = tmp_path / "modules.tonnage"
    program = "import shop, sys, tonnage; MINE = [bytes(2000) for _ in range(200)]; tonnage.snapshot(sys.argv[1])"
    subprocess.run([sys.executable, "-c", program, str(path)], check=True, cwd=tmp_path)
    with tonnage.load(path) as snapshot:
        view = snapshot.dominators(by="module", limit=0)
        rows = {row["module"]: row for row in view}
        assert 300 * 1000 < rows["shop"]["retained"] < 300 * 1400
        assert 200 * 2000 < rows["__main__"]["retained"] < 200 * 2400
        assert sum(row["retained"] for row in view) == view.total["retained"]
        lists = {row["module"]: row["rows"] for row in snapshot.dominators(where="type:list size:<1k", by="module")}
        assert lists["shop"] == 300
