"""Which objects of two snapshots are the same ones, and what is made of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import diff_support as support
import pure_writer
import pytest
import tonnage
from diff_support import DICT, FIRST, FLOAT, LIST, OWN, RECORDER, SESSION, STR, TRACKED, TUPLE, TYPE, Facts, Heap, Thing
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tonnage._diff import Diff, Growth
from tonnage._sets import ObjectSet

Load = Callable[..., tonnage.Snapshot]
YOUNG, OLD = TRACKED, TRACKED | 4


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """A heap as an opened file."""
    files = []

    def opened(heap: Heap, facts: Facts | None = None, **options: int) -> tonnage.Snapshot:
        path = tmp_path / f"{len(files)}.tonnage"
        path.write_bytes(support.write(heap, facts, **options))
        files.append(tonnage.load(path))
        return files[-1]

    return opened


def addresses(objects: ObjectSet) -> set[int]:
    return {item.address for item in objects}


def parts(diff: Diff) -> tuple[set[int], set[int], set[int]]:
    return addresses(diff.new), addresses(diff.gone), addresses(diff.survived)


CHAIN = {FIRST: Thing(TUPLE, targets=(FIRST + 32,)), FIRST + 32: Thing(TUPLE, targets=(FIRST + 16, FIRST + 48))}


@given(support.pairs(), st.booleans())
@example(({}, {}), False)
@example(({FIRST: Thing(TUPLE, targets=(FIRST + 16,)), FIRST + 16: Thing(STR)}, {FIRST: Thing(TUPLE)}), False)
@example((CHAIN | {FIRST + 16: Thing(STR), FIRST + 48: Thing(STR, text=1)}, CHAIN | {FIRST + 16: Thing(STR)}), False)
@example((CHAIN | {FIRST + 48: Thing(STR, text=1)}, CHAIN | {FIRST + 48: Thing(STR, text=2)}), True)
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_objects_are_matched_by_the_written_rules(load: Load, pair: tuple[Heap, Heap], incremental: bool) -> None:
    old, new = pair
    want = support.expected(old, new, incremental)
    release: dict[str, support.Fact] = {"python.hexversion": 0x030E0300} if incremental else {}
    with load(old, Facts()) as before, load(new, Facts(at=10, more=release)) as after:
        diff = after.diff(before, limit=0)
        assert parts(diff) == (want.new, want.gone, want.survived)
        assert diff.data["survivors"] == want.grades
        for row in diff.rows:
            kind = support.NAMES.index(row["type"])
            of = {name: [a for a in getattr(want, name) if (old if name == "gone" else new)[a].kind == kind]
                  for name in ("new", "gone", "survived")}  # fmt: skip
            assert {name: row[name] for name in of} == {name: len(found) for name, found in of.items()}
            assert row["new_size"] == sum(new[a].own + new[a].buffer for a in of["new"])
            assert row["gone_size"] == sum(old[a].own + old[a].buffer for a in of["gone"])
        total = diff.total
        assert total["now"]["count"] == len(want.new) + len(want.survived)
        assert total["now"]["size"] == sum(new[a].own + new[a].buffer for a in want.new | want.survived)
        for heap, side, left_out in ((old, "old", "left_out_old"), (new, "now", "left_out_now")):
            visible = [thing for thing in heap.values() if not support.is_own(thing)]
            assert total[side]["count"] + total[left_out]["count"] == len(visible)
            assert total[side]["size"] + total[left_out]["size"] == sum(thing.own + thing.buffer for thing in visible)
        left = total["left_out_old"]["count"] + total["left_out_now"]["count"]
        assert ("left out, since they are tonnage's own" in " ".join(str(diff).split())) == (left > 0)
        assert [total[name]["count"] for name in ("new", "gone", "survived")] == [
            len(want.new), len(want.gone), len(want.survived)
        ]  # fmt: skip


@given(support.pairs())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_selection_holds_on_both_sides(load: Load, pair: tuple[Heap, Heap]) -> None:
    old, new = pair
    want = support.expected(old, new)
    with load(old) as before, load(new) as after:
        diff = after.diff(before, where="type:list size:>=64")

        def chosen(found: set[int], heap: Heap) -> set[int]:
            return {a for a in found if heap[a].kind == LIST and heap[a].own + heap[a].buffer >= 64}

        assert parts(diff) == (chosen(want.new, new), chosen(want.gone, old), chosen(want.survived, new))
        assert {row["type"] for row in diff.rows} <= {"list"}


@given(support.pairs())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_file_twice_differs_in_nothing(load: Load, pair: tuple[Heap, Heap]) -> None:
    heap = pair[0]
    with load(heap) as one, load(heap) as two:
        diff = two.diff(one)
        assert (diff.rows, len(diff.new), len(diff.gone)) == ([], 0, 0)
        assert len(diff.survived) == len(two)
        assert len(two - two) == 0
        assert "nothing changed" in repr(diff)


def test_what_speaks_against_an_address(load: Load) -> None:
    """A line each: before, after, whether it is the same object."""
    item, other = FIRST + 0x1000, FIRST + 0x1010
    cases = [
        (Thing(STR, text=1), Thing(STR, text=1), True),
        (Thing(STR, text=1), Thing(STR, text=2), False),
        (Thing(FLOAT, text=1), Thing(FLOAT, text=2), False),
        (Thing(LIST, YOUNG), Thing(LIST, OLD, buffer=80), True),  # grew, and grew old
        (Thing(LIST, OLD), Thing(LIST, YOUNG), False),
        (Thing(DICT, OLD), Thing(DICT, YOUNG), True),  # the collector may have let go of it
        (Thing(SESSION, own=64), Thing(SESSION, own=80), False),
        (Thing(SESSION), Thing(LIST), False),
        (Thing(SESSION, targets=(item,)), Thing(SESSION, targets=(other,)), True),
        (Thing(TUPLE, targets=(item, item)), Thing(TUPLE, targets=(item, item)), True),
        (Thing(TUPLE, targets=(item, item)), Thing(TUPLE, targets=(item, other)), False),
        (Thing(TUPLE, targets=(item,)), Thing(TUPLE, targets=(item, item)), False),
        (Thing(SESSION, TRACKED | 32), Thing(SESSION, TRACKED), False),  # a finalizer runs once
    ]
    always = {item: Thing(STR), other: Thing(STR)}
    for before, after, same in cases:
        with load({FIRST: before, **always}) as old, load({FIRST: after, **always}) as new:
            assert (addresses(new - old) == set()) is same, (before, after)


def test_a_type_made_anew_makes_new_objects(load: Load) -> None:
    heap = {FIRST: Thing(SESSION), FIRST + 64: Thing(TYPE), FIRST + 128: Thing(TYPE)}
    with load(heap, session_type=FIRST + 64) as old, load(heap, session_type=FIRST + 128) as new:
        assert addresses(new - old) == {FIRST}
    with load(heap, session_type=FIRST + 64) as old, load(heap) as new:  # one file does not know
        assert len(new - old) == 0


def namesakes(classes: tuple[int, ...]) -> bytes:
    """An object of each of these classes, which share a name; 0: one whose object is not in the file."""
    root, base = pure_writer.Type("root", None, flags=4, mro=()), pure_writer.Type("object")
    kinds = pure_writer.Shape(pure_writer.Type("type", base=base))
    nodes = [pure_writer.Node(kinds, FIRST + 0x1000 + 64 * i, 64) for i in range(4)]
    types = {i: pure_writer.Type("P", "app", base=base, node=nodes[i] if i else None) for i in dict.fromkeys(classes)}
    shapes = {i: pure_writer.Shape(each) for i, each in types.items()}
    nodes = [pure_writer.Node(shapes[i], FIRST + 64 * at, 64) for at, i in enumerate(classes)] + nodes
    roots = pure_writer.Shape(root, run_style=1)
    all_nodes = [*nodes, pure_writer.Node(roots, references=list(nodes))]
    all_types = [base, root, kinds.type, *types.values()]
    return pure_writer.write(
        pure_writer.Description(all_nodes, all_types, [kinds, *shapes.values(), roots], Facts().all())
    )


@pytest.mark.parametrize(
    ("before", "after", "gone"),
    [
        ((0, 1, 2), (0, 1, 2), set()),
        ((2, 1, 0), (2, 1, 0), set()),
        ((1, 2), (1, 3), {1}),
        ((1, 2), (2, 1), {0, 1}),
        ((0, 1), (2, 1), set()),  # by name alone, what no address speaks for
        ((0, 1), (1, 1), {0}),
        ((1, 2), (0, 2), set()),
        ((0, 2), (0, 1), {1}),
    ],
)
def test_types_of_one_name_are_told_apart_by_their_addresses(
    tmp_path: Path, before: tuple[int, ...], after: tuple[int, ...], gone: set[int]
) -> None:
    (tmp_path / "old").write_bytes(namesakes(before))
    (tmp_path / "new").write_bytes(namesakes(after))
    with tonnage.load(tmp_path / "old") as old, tonnage.load(tmp_path / "new") as new:
        found = new.diff(old, where="type:app.P").gone
        assert {(address - FIRST) // 64 for address in addresses(found)} == gone


def test_news_of_an_object_gone_goes_through_any_chain_of_tuples(load: Load) -> None:
    """Up, down and in zigzag: one that holds what is gone has gone, and the others stay."""
    n = 200
    orders = [list(range(n)), list(range(n))[::-1], [at // 2 if at % 2 else n - 1 - at // 2 for at in range(n)]]
    for order in orders:
        chain = [FIRST + 64 * at for at in order]
        heap = {address: Thing(TUPLE, targets=(after,)) for address, after in zip(chain, chain[1:], strict=False)}
        for last, gone in ((chain[-1], 200), (chain[0], 0)):
            ends = heap | {chain[-1]: Thing(TUPLE, targets=(FIRST + 0x10000, last))}
            old = ends | {FIRST + 0x10000: Thing(STR, text=1)}
            new = ends | {FIRST + 0x10000: Thing(STR, text=2 if gone else 1)}
            with load(old) as before, load(new) as after_it:
                assert len(addresses(after_it.diff(before, where="type:tuple").gone)) == gone


def test_own_objects_are_on_neither_side(load: Load) -> None:
    old = {FIRST: Thing(RECORDER), FIRST + 64: Thing(LIST, OWN), FIRST + 128: Thing(LIST)}
    new = {
        FIRST + 64: Thing(LIST),
        FIRST + 128: Thing(LIST, OWN),
        FIRST + 192: Thing(RECORDER),
        FIRST + 256: Thing(STR),
    }
    with load(old) as before, load(new) as after:
        assert parts(after.diff(before)) == ({FIRST + 256}, set(), set())


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (Facts(pid=4243), "different processes"),
        (Facts(host="other"), "different machines"),
        (Facts(start=1_700_000_009 * support.SECOND), "that had one number"),
        (Facts(more={"python.version": "3.12.1"}), "different programs"),
    ],
)
def test_of_different_processes_there_are_totals_only(load: Load, facts: Facts, why: str) -> None:
    with load({FIRST: Thing(LIST)}) as old, load({FIRST: Thing(LIST), FIRST + 64: Thing(STR)}, facts) as new:
        diff = new.diff(old)
        assert not diff.same_process
        assert why in diff.data["why"]
        assert f"no object is in both: {diff.data['why']}" in " ".join(repr(diff).split())
        assert diff.rows[0]["type"] == "str"
        assert (diff.rows[0]["new"], diff.rows[0]["count_change"], diff.rows[0]["size_change"]) == (None, 1, 64)
        with pytest.raises(tonnage.ArgumentError, match=why):
            _ = diff.new


def test_a_clock_that_was_set_makes_no_other_process(load: Load) -> None:
    set_back = Facts(at=60, start=1_699_990_000 * support.SECOND)
    set_back.more["capture.wall_time_ns"] = 1_699_990_160 * support.SECOND
    with load({FIRST: Thing(LIST)}) as old, load({FIRST: Thing(LIST)}, set_back) as new:
        assert new.diff(old).same_process


def test_a_file_that_does_not_say_its_process_is_compared_by_type(load: Load, tmp_path: Path) -> None:
    golden = Path(__file__).parents[1] / "golden"
    with tonnage.load(golden / "good-1.0.tonnage") as old, tonnage.load(golden / "good.tonnage") as new:
        diff = new.diff(old)
        assert not diff.same_process
        assert "does not say" in diff.data["why"]
        assert diff.rows == []


def test_a_cut_file_is_an_error_of_its_own(tmp_path: Path, load: Load) -> None:
    heap = {FIRST + 16 * i: Thing(LIST) for i in range(100)}
    data = support.write(heap)
    (tmp_path / "cut").write_bytes(data[: len(data) // 2])
    with pytest.raises(tonnage.TruncatedError):
        tonnage.diff([tmp_path / "cut", tmp_path / "cut"])


def test_what_a_file_leaves_out_speaks_neither_for_nor_against(tmp_path: Path) -> None:
    old = {FIRST: Thing(STR, text=5), FIRST + 64: Thing(STR, text=5), FIRST + 128: Thing(LIST, OLD, targets=(FIRST,))}
    new = {FIRST: Thing(STR, text=6), FIRST + 64: Thing(STR, text=5), FIRST + 128: Thing(LIST, OLD, buffer=64)}
    (tmp_path / "old").write_bytes(support.write(old))
    found = {}
    for omitted in ((), ("HASH",), ("HASH", "LENG"), ("PREV",), ("FLAG", "BUFS", "BUFK"), ("DEGR", "REFS"), ("CAPA",)):
        (tmp_path / "new").write_bytes(pure_writer.write(support.describe(new), omit=omitted))
        for names in (("old", "new"), ("new", "old")):
            diff = tonnage.diff([tmp_path / name for name in names])
            assert isinstance(diff, Diff)
            found[omitted] = addresses(diff.new)
            assert len(diff.survived) == 3 - len(found[omitted])
    assert found.pop(("HASH", "LENG")) == set()  # nothing is left to compare
    assert set(map(frozenset, found.values())) == {frozenset({FIRST})}


def test_a_damaged_column_is_an_error(tmp_path: Path) -> None:
    heap = {FIRST + 64 * i: Thing(i % 4, targets=(FIRST, FIRST + 64), text=i) for i in range(60)}
    chunks = pure_writer.describe(support.describe(heap))
    (tmp_path / "old").write_bytes(support.write(heap))
    for name in ("DEGR", "REFS", "HASH", "LENG", "SHAP", "FLAG"):
        (chunk,) = [one for one in chunks if one.id == name.encode()]
        short = pure_writer.RawChunk(chunk.id, chunk.payload[: chunk.width], 1, width=chunk.width)
        wild = pure_writer.RawChunk(chunk.id, b"\xff" * len(chunk.payload), chunk.n_rows, width=chunk.width)
        for damaged in (short, wild):
            (tmp_path / "new").write_bytes(pure_writer.replaced(chunks, [damaged]))
            for names in (("old", "new"), ("new", "old")):
                try:
                    tonnage.diff([tmp_path / one for one in names], limit=0)
                except tonnage.Error as error:
                    assert isinstance(error, (tonnage.CorruptError, tonnage.LimitError)), (name, error)
                else:
                    assert name == "LENG" or damaged is wild, name  # lengths are not asked for where there are hashes
                    assert name in ("HASH", "LENG", "FLAG"), name  # any number is possible there


def test_collections_that_grew_come_with_their_lengths(load: Load) -> None:
    items = {FIRST + 0x1000 + 32 * i: Thing(STR, text=i) for i in range(9)}
    at = sorted(items)

    def heap(a: int, b: int, c: int) -> Heap:
        return {
            FIRST: Thing(LIST, targets=tuple(at[:a])),
            FIRST + 64: Thing(DICT, targets=tuple(at[:b])),
            FIRST + 128: Thing(LIST, targets=tuple(at[:c])),
            **items,
        }  # fmt: skip

    with load(heap(1, 2, 5)) as old, load(heap(9, 6, 4), Facts(at=2)) as new:
        growing = new.diff(old).growing
        assert [(row["address"], row["old_length"], row["now_length"], row["per_second"]) for row in growing] == [
            (FIRST, 1, 9, 4), (FIRST + 64, 1, 3, 1)
        ]  # fmt: skip


def test_references_of_survivors_to_new_objects_name_the_holder(load: Load) -> None:
    cache, session = FIRST, FIRST + 64
    fresh = [FIRST + 0x1000 + 64 * i for i in range(4)]
    old = {cache: Thing(DICT), session: Thing(SESSION)}
    new = {
        cache: Thing(DICT, targets=(fresh[0], fresh[1], fresh[0], fresh[2])),
        session: Thing(SESSION, targets=(fresh[3],) * 3),  # the second of them is weak, the third one borrowed
        **{address: Thing(STR, text=i) for i, address in enumerate(fresh)},
    }
    with load(old) as before, load(new) as after:
        rows = {(row["type"], row["label"]): (row["count"], row["size"]) for row in after.diff(before).references}
        assert rows == {
            ("dict", "[…]"): (2, 128), ("dict", "key"): (2, 128), ("app.Session", ".user"): (1, 64)
        }  # fmt: skip


def test_sets_of_a_diff_keep_every_operation(load: Load) -> None:
    old = {FIRST + 64 * i: Thing(LIST) for i in range(4)}
    new = {FIRST + 64 * i: Thing(LIST, buffer=32 * i) for i in range(2, 8)}
    with load(old) as before, load(new) as after:
        diff = after.diff(before)
        big = diff.new.where("size:>200")
        assert addresses(big) == {FIRST + 64 * i for i in (5, 6, 7)}
        assert addresses(diff.new - big) == {FIRST + 256}
        assert diff.new | diff.survived == after.objects
        assert ~diff.new == diff.survived
        assert diff.gone.summary().rows[0]["count"] == 2
        assert [row["size"] for row in big.largest()] == [288, 256, 224]


# ---- over more than two ----


def slope(times: list[float], values: list[int]) -> tuple[float, float]:
    """Least squares, as it stands in books."""
    n = len(times)
    t, y = sum(times) / n, sum(values) / n
    tt = sum((a - t) ** 2 for a in times)
    b = sum((a - t) * (c - y) for a, c in zip(times, values, strict=True)) / tt
    rest = sum((c - y - b * (a - t)) ** 2 for a, c in zip(times, values, strict=True))
    return b, (rest / (n - 2) / tt) ** 0.5


def test_slopes_are_those_of_least_squares_and_what_only_grows_comes_first(load: Load) -> None:
    times, lists, strings, floats = [0.0, 1.0, 2.5, 4.0], [1, 3, 4, 9], [50, 5, 90, 70], [9, 8, 8, 2]
    snapshots = []
    for k, at in enumerate(times):
        heap = {FIRST + 0x10000 + 64 * i: Thing(LIST) for i in range(lists[k])}
        heap |= {FIRST + 0x20000 + 64 * i: Thing(STR, text=i) for i in range(strings[k])}
        heap |= {FIRST + 0x30000 + 64 * i: Thing(FLOAT, own=32) for i in range(floats[k])}
        heap[FIRST] = Thing(SESSION)
        snapshots.append(load(heap, Facts(at=at)))
    growth = tonnage.diff(snapshots)
    assert isinstance(growth, Growth)
    assert [row["type"] for row in growth.rows] == ["list", "str", "float"]
    assert growth.data["unchanged"] == 1
    for row, counts, size in zip(growth.rows, (lists, strings, floats), (64, 64, 32), strict=True):
        assert (row["counts"], row["sizes"]) == (counts, [size * n for n in counts])
        want, error = slope(times, row["sizes"])
        assert (row["slope"], row["error"]) == (pytest.approx(want, rel=1e-4), pytest.approx(error, rel=1e-4))
    assert [(row["up"], row["down"]) for row in growth.rows] == [(3, 0), (1, 2), (0, 2)]


def test_what_a_leak_leaves_is_made_after_the_first_and_before_the_last(load: Load) -> None:
    def heap(numbers: list[int]) -> Heap:
        return {FIRST + 64 * i: Thing(STR, text=i) for i in numbers}

    first, second, third, last = [0, 1, 2], [0, 1, 10, 11], [0, 10, 11, 12], [0, 10, 12, 13]
    snapshots = [load(heap(numbers), Facts(at=i)) for i, numbers in enumerate((first, second, third, last))]
    growth = tonnage.diff(snapshots)
    assert isinstance(growth, Growth)
    assert addresses(growth.grown) == {FIRST + 64 * 10, FIRST + 64 * 12}
    assert growth.data["grown"]["rows"] == [{"type": "str", "count": 2, "size": 128}]
    three = tonnage.diff(snapshots[:3])
    assert isinstance(three, Growth)
    assert addresses(three.grown) == {FIRST + 64 * 10, FIRST + 64 * 11}


def test_collections_that_only_grow_are_followed_from_file_to_file(load: Load) -> None:
    items = {FIRST + 0x1000 + 32 * i: Thing(STR, text=i) for i in range(40)}
    at = tuple(sorted(items))
    lengths = {  # None: not there
        FIRST: (1, 2, 3, 10), FIRST + 64: (5, 5, 6, 6), FIRST + 128: (1, 9, 8, 30), FIRST + 192: (None, 1, 2, 3),
        FIRST + 256: (4, 4, 4, 4), FIRST + 320: (1, 5, 9, None), FIRST + 384: (3, 2, 4, 5),
    }  # fmt: skip
    snapshots = []
    for k in range(4):
        heap = {a: Thing(LIST, targets=at[:n]) for a, held in lengths.items() if (n := held[k]) is not None}
        snapshots.append(load(heap | items, Facts(at=k)))
    growth = tonnage.diff(snapshots)
    assert isinstance(growth, Growth)
    assert [(row["address"] - FIRST, row["start"], row["lengths"], row["up"]) for row in growth.collections] == [
        (0, 0, [1, 2, 3, 10], 3), (384, 1, [2, 4, 5], 2), (192, 1, [1, 2, 3], 2), (128, 2, [8, 30], 1),
        (64, 1, [5, 6, 6], 1),
    ]  # fmt: skip


def test_growth_over_other_processes_has_totals_only(load: Load) -> None:
    snapshots = [load({FIRST: Thing(LIST)}, Facts(pid=1 + (i == 1), at=i)) for i in range(3)]
    growth = tonnage.diff(snapshots)
    assert isinstance(growth, Growth)
    assert not growth.data["same_process"]
    assert "collections" not in growth.data
    with pytest.raises(tonnage.ArgumentError, match="different processes"):
        _ = growth.grown


def test_bad_calls_say_what_is_wrong(load: Load) -> None:
    snapshot = load({FIRST: Thing(LIST)})
    with pytest.raises(tonnage.ArgumentError, match="two snapshots or more"):
        tonnage.diff([snapshot])
    with pytest.raises(tonnage.ArgumentError, match="grouping"):
        snapshot.diff(load({}), by="colour")
    with pytest.raises(tonnage.ArgumentError, match="not by heads"):
        snapshot.diff(load({}), by="heads")
    with pytest.raises(tonnage.ArgumentError, match="cannot sort by"):
        snapshot.diff(load({}), sort="colour")
    with pytest.raises(TypeError):
        snapshot - 3  # type: ignore[operator]
    closed = load({})
    closed.close()
    with pytest.raises(ValueError, match="closed"):
        snapshot.diff(closed)


def test_rows_follow_the_column(load: Load) -> None:
    old = {FIRST + 64 * i: Thing(LIST) for i in range(5)}
    new = {FIRST + 64 * i: Thing(LIST) for i in range(2)} | {FIRST + 0x1000: Thing(STR, own=1024)}
    new |= {FIRST + 0x2000 + 64 * i: Thing(FLOAT, own=32) for i in range(3)}
    with load(old) as before, load(new) as after:
        orders = {sort: [row["type"] for row in after.diff(before, sort=sort)] for sort in
                  ("size", "-size", "count", "new", "gone", "type", "-type")}  # fmt: skip
    assert orders["size"] == ["str", "float", "list"]
    assert orders["-size"] == ["list", "float", "str"]
    assert orders["count"] == orders["new"] == ["float", "str", "list"]
    assert orders["gone"][0] == "list"
    assert (orders["type"], orders["-type"]) == (["float", "list", "str"], ["str", "list", "float"])


def test_counts_of_a_random_pair_add_up_by_module(load: Load) -> None:
    old = {FIRST + 64 * i: Thing(i % 4) for i in range(40)}
    new = {FIRST + 64 * i: Thing((i * 7) % 4) for i in range(20, 70)}
    with load(old) as before, load(new) as after:
        rows = after.diff(before, by="module", limit=0).rows
        count = Counter("app" if thing.kind == SESSION else "builtins" for thing in new.values())
        assert {row["module"]: row["now_count"] for row in rows} == count
        for row in rows:
            assert row["now_count"] - row["old_count"] == row["count_change"] == row["new"] - row["gone"]


@given(support.pairs())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_groups_of_both_sides_are_joined_and_add_up(load: Load, pair: tuple[Heap, Heap]) -> None:
    old, new = pair
    want = support.expected(old, new)
    with load(old) as before, load(new) as after:
        for by in ("size", "clodo", "sizeclass", "generation", "content", "rcs", "via", "module", "type"):
            diff = after.diff(before, by=by, limit=0)
            assert sum(row["new"] for row in diff.rows) == len(want.new), by
            assert sum(row["gone"] for row in diff.rows) == len(want.gone), by
            total = diff.total
            change = total["now"]["size"] - total["old"]["size"]
            assert sum(row["size_change"] for row in diff.rows) == change, by
        each = {row["each"]: row["new"] for row in after.diff(before, by="size", limit=0)}
        sizes = Counter(new[a].own + new[a].buffer for a in want.new)
        assert {size: n for size, n in each.items() if n} == sizes
