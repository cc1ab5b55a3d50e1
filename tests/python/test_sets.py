"""Sets of objects: algebra, selections and views of them, against Python's own sets."""

from __future__ import annotations

import operator
from collections.abc import Callable
from pathlib import Path

import pytest
import tonnage
from hypothesis import given, settings
from hypothesis import strategies as st
from pure_writer import Description, Node, Shape, Type, write
from random_heaps import KINDS, OWN, Heap, address, describe, heaps, number_of, opened
from tonnage._sets import ObjectSet
from tonnage._tables import Tables
from tonnage._view import View

FIRST = 0x7F0000000000

KINDS_OF_GROUPS = (
    "type", "clodo", "size", "sizeclass", "module", "dist", "generation", "content", "site", "rcs", "via", "root",
    "thread", "frame", "id",
)  # fmt: skip


def selectable(heap: Heap) -> set[int]:
    return {i for i, flags in enumerate(heap.flags) if not flags & OWN}


def numbers(found: ObjectSet) -> set[int]:
    return {number_of(item.address) for item in found}


TABLES: dict[str, Callable[[Tables, str | None], View]] = {
    "summary": lambda of, where: of.summary(where=where, limit=0),
    "largest": lambda of, where: of.largest(where=where, limit=0),
    "groups": lambda of, where: of.groups(by="clodo", where=where, limit=0),
    "dominators": lambda of, where: of.dominators(where=where, limit=0),
    "treemap": lambda of, where: of.treemap(where=where, limit=0),
    "retained": lambda of, where: of.retained(where=where, limit=0),
    "paths": lambda of, where: of.paths(where=where, limit=0),
    "refs": lambda of, where: of.refs(where=where, limit=0),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_a_set_is_that_of_its_selection(name: str) -> None:
    with tonnage.snapshot() as snapshot:
        for where in "type:type", "size:>2k":
            expected = TABLES[name](snapshot, where).data
            found = TABLES[name](snapshot.where(where), None).data
            differing = {key for key in expected if expected[key] != found[key]}
            assert differing <= {"where"}
            assert expected["rows"]


def some(snapshot: tonnage.Snapshot, members: set[int]) -> ObjectSet:
    chosen = snapshot.objects.filter(lambda item: number_of(item.address) in members)
    assert numbers(chosen) == members
    return chosen


@settings(deadline=None, max_examples=60)
@given(heaps(), st.data())
def test_algebra_is_that_of_pythons_sets(heap: Heap, data: st.DataObject) -> None:
    everything = selectable(heap)
    subsets = st.sets(st.sampled_from(sorted(everything))) if everything else st.just(set[int]())
    one, other = data.draw(subsets), data.draw(subsets)
    with opened(describe(heap)) as snapshot:
        assert numbers(snapshot.objects) == everything
        a, b = some(snapshot, one), some(snapshot, other)
        both: list[Callable[[object, object], object]] = [operator.or_, operator.and_, operator.sub, operator.xor]
        for operation in both:
            made = operation(a, b)
            assert isinstance(made, ObjectSet)
            assert numbers(made) == operation(one, other)
            assert len(made) == len(numbers(made))
            assert made.size == sum(heap.sizes[i] for i in numbers(made))
        assert numbers(~a) == everything - one
        for compare in (operator.eq, operator.ne, operator.le, operator.lt, operator.ge, operator.gt):
            assert compare(a, b) is compare(one, other)
        assert [number_of(item.address) for item in a] == sorted(one)
        assert all((address(i) in a) is (i in one) for i in range(len(heap)))
        assert [item.address for item in a[:3]] == [address(i) for i in sorted(one)[:3]]


@pytest.fixture(scope="module")
def big_dict(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dict of 50 000 lists, each by a str of its own."""
    base, root = Type("object"), Type("root", None, flags=4, mro=())
    dicts, texts, lists = (
        Shape(Type(name, base=base), run_style=2 * (name == "dict")) for name in ("dict", "str", "list")
    )
    roots = Shape(root, [], 1)
    entries: list[Node | None] = []
    for i in range(50_000):
        entries.append(Node(texts, FIRST + 128 * i, 64, preview=(1, f"key {i}".encode())))
        entries.append(Node(lists, FIRST + 128 * i + 64, 64))
    nodes = [entry for entry in entries if entry]
    nodes.append(Node(dicts, FIRST + 64 * len(nodes), 64, references=entries))
    nodes.append(Node(roots, references=nodes[-1:]))
    path = tmp_path_factory.mktemp("big") / "dict.tonnage"
    path.write_bytes(
        write(Description(nodes, [base, root, dicts.type, texts.type, lists.type], [dicts, texts, lists, roots]))
    )
    return path


def test_groups_by_reference_take_little_memory_a_key(big_dict: Path) -> None:
    with tonnage.load(big_dict, max_memory=17 << 20) as snapshot:
        groups = snapshot.where("type:list").by("via")
        assert len(groups) == 50_000
        assert groups[0].kind == "dict (no owner)['key 0']"


def test_a_number_of_one_object_takes_no_column_of_all(big_dict: Path) -> None:
    for name, value in (("size", 64), ("type", 3), ("refcount", 0), ("flags", 0)):
        with tonnage.load(big_dict, max_memory=1000 << 10) as snapshot:
            assert list(snapshot.where(f"address:{FIRST:#x}").column(name)) == [value]


Test = Callable[[Heap, int], bool]


def _full_name(heap: Heap, i: int) -> str:
    name, module, _ = KINDS[heap.kinds[i]]
    return name if module == "builtins" else f"{module}.{name}"


def _mro(heap: Heap, i: int) -> set[str]:
    kind = heap.kinds[i]
    return {KINDS[kind][0], *(["Session"] if kind == 3 else [])}


WORDS: dict[str, Test] = {
    "type:Session": lambda heap, i: KINDS[heap.kinds[i]][0] == "Session",
    "type:Session+": lambda heap, i: "Session" in _mro(heap, i),
    "type:app*": lambda heap, i: _full_name(heap, i).startswith("app"),
    "module:app": lambda heap, i: KINDS[heap.kinds[i]][1] in ("app", "app.web"),
    "size:>=1000": lambda heap, i: heap.sizes[i] >= 1000,
    "size:32..64": lambda heap, i: 32 <= heap.sizes[i] <= 64,
    "size:<0": lambda heap, i: False,
    "flag:untracked": lambda heap, i: not heap.flags[i] & 1,
    "flag:gen1": lambda heap, i: heap.flags[i] & 7 == 3,
    "refcount:1": lambda heap, i: True,
    "text:'text 2'": lambda heap, i: heap.texts[i] == 2,
    f"address:{address(1):#x},{address(3):#x}": lambda heap, i: i in (1, 3),
}


def selections() -> st.SearchStrategy[tuple[str, Test]]:
    """Words in brackets, negated, side by side and with "or" between, and what they mean."""
    words = st.sampled_from(sorted(WORDS)).map(lambda word: (word, WORDS[word]))

    def more(inner: st.SearchStrategy[tuple[str, Test]]) -> st.SearchStrategy[tuple[str, Test]]:
        several = st.lists(inner, min_size=1, max_size=3)
        negated = st.tuples(st.sampled_from("-!"), inner).map(
            lambda pair: (f"{pair[0]}({pair[1][0]})", lambda heap, i: not pair[1][1](heap, i))
        )
        both = several.map(
            lambda parts: (" ".join(f"({one})" for one, _ in parts), lambda h, i: all(test(h, i) for _, test in parts))
        )
        either = several.map(
            lambda parts: (" or ".join(text for text, _ in parts), lambda h, i: any(test(h, i) for _, test in parts))
        )
        return negated | both | either

    return st.recursive(words, more, max_leaves=8)


@settings(deadline=None, max_examples=300)
@given(heaps(12), selections(), st.data())
def test_selections_mean_what_their_words_do(heap: Heap, selection: tuple[str, Test], data: st.DataObject) -> None:
    text, holds = selection
    everything = selectable(heap)
    wanted = {i for i in everything if holds(heap, i)}
    with opened(describe(heap)) as snapshot:
        assert numbers(snapshot.where(text)) == wanted
        assert numbers(snapshot.where(f"-({text})")) == everything - wanted
        further = snapshot.largest(where=text, threshold=32, limit=0)
        assert {number_of(row["address"]) for row in further} == {i for i in wanted if heap.sizes[i] >= 32}


@settings(deadline=None, max_examples=40)
@given(heaps(), st.data())
def test_every_view_restricts_itself_to_the_set(heap: Heap, data: st.DataObject) -> None:
    everything = selectable(heap)
    members = data.draw(st.sets(st.sampled_from(sorted(everything)))) if everything else set()
    with opened(describe(heap)) as snapshot:
        chosen = some(snapshot, members)
        for by in KINDS_OF_GROUPS:
            view = chosen.summary(by=by, limit=0)
            wanted = {"count": len(members), "size": sum(heap.sizes[i] for i in members)}
            assert view.total == wanted
            assert {key: sum(row[key] for row in view) for key in wanted} == wanted
        largest = chosen.largest(limit=0)
        assert sorted(row["address"] for row in largest) == [address(i) for i in sorted(members)]
        where = "type:dict size:>=32"
        narrowed = numbers(chosen.where(where))
        assert narrowed == numbers(snapshot.where(where)) & members
        assert chosen.summary(where=where).total["count"] == len(narrowed)


@settings(deadline=None, max_examples=30)
@given(heaps(), st.data())
def test_groups_cover_each_object_exactly_once(heap: Heap, data: st.DataObject) -> None:
    everything = selectable(heap)
    members = data.draw(st.sets(st.sampled_from(sorted(everything)))) if everything else set()
    with opened(describe(heap)) as snapshot:
        chosen = some(snapshot, members)
        for by in KINDS_OF_GROUPS:
            groups = chosen.by(by)
            seen: list[int] = []
            for group in groups:
                inside = numbers(group)
                assert (group.count, group.size) == (len(inside), sum(heap.sizes[i] for i in inside))
                assert all(groups[item].kind == group.kind for item in group)
                seen += sorted(inside)
            assert sorted(seen) == sorted(members)
            assert [row["kind"] for row in groups.rows] == [group.kind for group in groups]
            sizes = [row["size"] for row in groups.rows]
            assert sizes == sorted(sizes, reverse=True)
            assert sum(sizes) == groups.size == chosen.size


def test_sets_of_two_snapshots_do_not_mix() -> None:
    heap = Heap([0], [16], [0], [[]], [0], [0])
    with opened(describe(heap)) as one, opened(describe(heap)) as other:
        with pytest.raises(tonnage.ArgumentError, match="two snapshots"):
            _ = one.objects | other.objects
        assert one.objects != other.objects
        with pytest.raises(ValueError, match="another snapshot"):
            one._core.view("summary", set=other.objects._set)
        with pytest.raises(TypeError):
            _ = one.objects | {1}


def test_an_object_of_another_snapshot_is_in_no_set_and_makes_none() -> None:
    heap = Heap([0, 0], [16, 16], [0, 0], [[1], []], [0, 0], [0, 0])
    with opened(describe(heap)) as one, opened(describe(heap)) as other:
        stranger = other[address(0)]
        assert stranger not in one.objects
        assert stranger not in one
        assert stranger not in one.objects[:2]
        assert stranger in other.objects
        uses: list[Callable[[], object]] = [
            lambda: one.objects.group_by([stranger]),
            lambda: one.groups(heads=[stranger]),
            lambda: one[address(1)].path(avoid=stranger),
            lambda: one.paths(avoid=[stranger, "frames"]),
            lambda: one.why(stranger),
        ]
        for use in uses:
            with pytest.raises(tonnage.ArgumentError, match="is of another snapshot"):
                use()
        for mixed in (lambda: one.why(other.objects), lambda: one.paths(avoid=other.objects)):
            with pytest.raises(tonnage.ArgumentError, match="two snapshots"):
                mixed()


@settings(max_examples=60, deadline=None)
@given(heaps(), st.data())
def test_a_sorted_set_and_slices_are_sets_in_an_order(heap: Heap, data: st.DataObject) -> None:
    ours = sorted(selectable(heap))
    with opened(describe(heap)) as snapshot:
        chosen = some(snapshot, data.draw(st.sets(st.sampled_from(ours))) if ours else set())
        by_address = sorted(numbers(chosen))
        by_size = sorted(by_address, key=lambda i: (-heap.sizes[i], i))
        part = slice(*data.draw(st.tuples(*[st.none() | st.integers(-4, 4)] * 2, st.sampled_from([None, 1, 2, -1]))))
        n = data.draw(st.integers(0, 5))
        for found, order in (
            (chosen[part], by_address[part]),
            (chosen.sort("size"), by_size),
            (chosen.sort("size").top(n), by_size[:n]),
            (chosen.sort("size")[part], by_size[part]),
        ):
            assert isinstance(found, ObjectSet)
            assert [number_of(item.address) for item in found] == order
            assert [number_of(found[i].address) for i in range(len(found))] == order
            assert list(found.column("size")) == [heap.sizes[i] for i in order]
            assert numbers(found & chosen) == numbers(found | found) == set(order)
            assert numbers(chosen - found) == set(by_address) - set(order)
            assert found == some(snapshot, set(order))
            assert found <= chosen
            assert all(item in found for item in found)
            assert found.size == sum(heap.sizes[i] for i in order)
            assert sum(group.count for group in found.by("type")) == found.summary(limit=0).total["count"] == len(order)


@settings(max_examples=60, deadline=None)
@given(heaps(), st.data())
def test_dominators_of_a_set_are_the_nearest_outside_it(heap: Heap, data: st.DataObject) -> None:
    ours = sorted(selectable(heap))
    with opened(describe(heap)) as snapshot:
        chosen = some(snapshot, data.draw(st.sets(st.sampled_from(ours))) if ours else set())
        expected = set()
        for item in chosen:
            above = item.dominator
            while above is not None and above in chosen:
                above = above.dominator
            if above is not None and above.address:
                expected.add(above.address)
        found = {item.address for item in chosen.immediate_dominators()}
        assert found == {one for one in expected if one in snapshot.objects}


def test_what_is_closed_says_so() -> None:
    with opened(describe(Heap([0, 0], [16, 16], [0, 0], [[1], []], [0, 0], [0, 0]))) as snapshot:
        everything, item = snapshot.objects, snapshot[address(0)]
        groups = everything.by("type")
        kept = {
            "ObjectSet": everything, "Sorted": everything.sort("size"), "Group": groups[0], "Groups": groups,
            "Paths": item.paths(2),
        }  # fmt: skip
        assert not any("closed" in repr(one) for one in kept.values())
        sliced = everything[:1]
    for name, one in (*kept.items(), ("Sorted", sliced)):
        assert repr(one).startswith(f"<tonnage {name}") and repr(one).endswith("the snapshot is closed>")


def test_a_set_outlives_the_closing_of_its_snapshot() -> None:
    with opened(describe(Heap([0], [16], [0], [[]], [0], [0]))) as snapshot:
        kept = snapshot.objects
    assert len(kept) == 1
    with pytest.raises(ValueError, match="closed"):
        _ = kept.size
