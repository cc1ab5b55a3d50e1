"""Cycles: against networkx and brute force on made-up graphs, and planted ones; garbage against the collector."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import networkx
import pytest
import tonnage
from capture_support import Run, python
from graph_model import BASE, IMMORTAL, STATIC, UNREACHABLE, Graph, Item, Solution, graphs
from hypothesis import given, settings
from hypothesis import strategies as st
from test_dominators import members, opened
from tonnage import _core

RUN = Callable[..., Run]
ALIVE, WAITING, LISTED, UNTOLD = range(4)
RING = 200_000
ANCHORED = (1, 2, 3)  # holds: immortal, static, C


class Cycles:
    """What is true of the cycles of a graph, over these objects."""

    def __init__(self, graph: Graph, solution: Solution, of: set[int] | None = None) -> None:
        self.graph, self.solution = graph, solution
        self.nodes = {
            number
            for number, item in enumerate(graph.objects)
            if not item.flags & (IMMORTAL | STATIC) and not solution.is_own(number) and (of is None or number in of)
        }
        self.edges = [
            (u, v) for u in sorted(self.nodes) for v in solution.edges[u] if v in self.nodes
        ]  # as often as they are there
        self.digraph: Any = networkx.DiGraph()
        self.digraph.add_nodes_from(self.nodes)
        self.digraph.add_edges_from(self.edges)

    def components(self) -> list[set[int]]:
        found = networkx.strongly_connected_components(self.digraph)
        return [part for part in found if len(part) > 1 or self.digraph.has_edge(*(2 * list(part)))]

    def shortest(self, part: set[int]) -> int:
        """Objects in the shortest cycle, by the shortest way back from each object."""
        inside = self.digraph.subgraph(part)
        best = len(part)
        for node in part:
            lengths = networkx.single_source_shortest_path_length(inside, node)
            best = min([best, *(lengths[u] + 1 for u, v in inside.in_edges(node) if u in lengths)])
        return best


def alive(graph: Graph, solution: Solution) -> set[int]:
    """All that a root or an anchor leads to."""
    holds = [hold if hold != UNREACHABLE else 0 for hold in solution.holds]
    seen: set[int] = set()
    todo = [graph.root, *(number for number, hold in enumerate(holds) if hold)]
    while todo:
        number = todo.pop()
        if number not in seen:
            seen.add(number)
            todo += solution.edges[number]
    return seen


def rows_of(found: _core.Components) -> list[tuple[frozenset[int], tuple[int, int, int, int, int, bool]]]:
    return [(frozenset(members(found.members(i))), found.row(i)) for i in range(len(found))]


@settings(deadline=None, max_examples=600)
@given(graphs())
def test_components_are_those_of_networkx(graph: Graph) -> None:
    core, solution = opened(graph), Solution(graph)
    truth, living = Cycles(graph, solution), alive(graph, solution)
    found = rows_of(core.components())
    assert sorted(map(sorted, truth.components())) == sorted(sorted(part) for part, _ in found)
    outside = [(u, v) for u in range(len(graph.items)) for v in solution.edges[u] if not solution.is_own(u)]
    for part, (count, first, size, references, state, source) in found:
        assert (count, first) == (len(part), min(part))
        assert size == sum(graph.objects[number].size for number in part)
        assert references == sum(u in part and v in part for u, v in truth.edges)
        assert state == (ALIVE if first in living else WAITING)
        if not any(solution.is_own(number) for number in range(len(graph.objects))):
            assert source == (not any(v in part and u not in part for u, v in outside))
    sizes = [(-row[2], row[1]) for _, row in found]
    assert sizes == sorted(sizes)


@settings(deadline=None, max_examples=300)
@given(graphs(), st.data())
def test_components_of_a_set_are_those_of_its_own_references(graph: Graph, data: st.DataObject) -> None:
    core, solution = opened(graph), Solution(graph)
    chosen = core.select("size:>=" + str(data.draw(st.integers(0, 1000))))
    truth = Cycles(graph, solution, members(chosen))
    found = rows_of(core.components(of=chosen))
    assert sorted(map(sorted, truth.components())) == sorted(sorted(part) for part, _ in found)
    for part, row in found:
        assert row[4] == UNTOLD
        assert row[5] == (not any(v in part and u not in part for u, v in truth.edges))
    everything = rows_of(core.components())
    touched = [row for row in everything if row[0] & members(chosen)]
    assert rows_of(core.components(where=chosen)) == touched
    waiting = [row for row in everything if row[1][4] in (WAITING, LISTED)]
    assert rows_of(core.components(garbage=True)) == waiting


@settings(deadline=None, max_examples=400)
@given(graphs())
def test_garbage_is_what_no_root_and_no_anchor_leads_to(graph: Graph) -> None:
    core, solution = opened(graph), Solution(graph)
    living = alive(graph, solution)
    expected = {n for n in range(len(graph.objects)) if n not in living and not solution.is_own(n)}
    assert members(core.garbage()) == expected
    core.hold(0)  # dominators mark garbage; nothing changes for that
    assert members(core.garbage()) == expected


@settings(deadline=None, max_examples=400)
@given(graphs())
def test_a_cycle_goes_round_and_is_the_shortest(graph: Graph) -> None:
    core, solution = opened(graph), Solution(graph)
    truth = Cycles(graph, solution)
    found = core.components()
    for i in range(len(found)):
        part = members(found.members(i))
        (_, _, steps), shortest = found.cycle(i)
        assert shortest
        assert len(steps) == truth.shortest(part)
        for step, following in zip(steps, [*steps[1:], steps[0]], strict=True):
            assert step[1] == following[0]
            assert (step[0], step[1]) in truth.edges
            assert {step[0], step[1]} <= part
        inside = sorted((u, v) for u, v in truth.edges if u in part and v in part)
        assert sorted((u, v) for u, v, *_ in found.references(i)) == inside


@settings(deadline=None, max_examples=300)
@given(graphs())
def test_a_row_says_what_goes_with_its_members(graph: Graph) -> None:
    core, solution = opened(graph), Solution(graph)
    data = json.loads(core.view("cycles", json=True, by="id"))
    found = core.components()
    assert [row["index"] for row in data["rows"]] == list(range(len(found)))
    for row in data["rows"]:
        part = members(found.members(row["index"]))
        _, size, count = solution.gone(part)
        assert (row["retained"], row["retained_count"]) == (size, count)
        assert row["count"] == len(part)
        inside = sum(graph.objects[number].size for number in part)
        assert row["content"] == ([{"type": "app.thing", "count": len(part), "size": inside}] if inside else [])
    assert data["collectable"]["count"] == len(core.garbage())


@settings(deadline=None, max_examples=200)
@given(graphs())
def test_groups_part_the_components(graph: Graph) -> None:
    core = opened(graph)
    found = core.components()
    seen: set[int] = set()
    rows = [found.group(i) for i in range(found.groups())]
    assert sum(row[0] for row in rows) == len(found)
    assert sum(row[1] for row in rows) == sum(found.row(i)[4] == WAITING for i in range(len(found)))
    for i, row in enumerate(rows):
        part = members(found.group_members(i))
        assert len(part) == row[3]
        assert not part & seen
        seen |= part
    assert [-row[0] for row in rows] == sorted(-row[0] for row in rows)


def ring_of(n: int, chords: int = 0) -> Graph:
    """A ring, with so many references to the object two steps before."""
    objects = [Item([(0, (i + 1) % n)]) for i in range(n)]
    for i in range(chords):
        objects[3 * i + 2].references.append((0, 3 * i))
    return Graph(objects, [Item([(0, 0)])])


def test_rings_of_all_lengths_are_one_group() -> None:
    one, two = ring_of(7), ring_of(3)
    objects = one.objects + [Item([(kind, target + 7) for kind, target in item.references]) for item in two.objects]  # type: ignore[operator]
    data = json.loads(opened(Graph(objects, [Item([(0, 0), (0, 7)])])).view("cycles", json=True))
    (row,) = data["rows"]
    assert (row["cycles"], row["count"], row["length_min"], row["length_max"]) == (2, 10, 3, 7)
    assert row["cycle"] == "app.thing[index] → app.thing"


def test_a_short_cycle_of_a_large_component_is_said_to_be_maybe_not_the_shortest() -> None:
    graph = ring_of(3000)
    graph.objects[0].references.append((0, 1500))  # cycles of 3000 and of 1501: the first search finds this one
    found = opened(graph).components()
    (_, _, steps), shortest = found.cycle(0)
    assert (len(steps), shortest) == (1501, False)
    (_, _, steps), shortest = opened(ring_of(3000)).components().cycle(0)
    assert (len(steps), shortest) == (3000, True)


def test_references_of_one_large_container_have_their_places() -> None:
    """In one pass over it: 100 000 members looked up one by one would be 5 000 000 000 looks."""
    n = 100_000
    around = [Item([(0, 0)]) for _ in range(n)]
    graph = Graph([Item([(0, i + 1) for i in range(n)]), *around], [Item([(0, 0)])])
    found = opened(graph).components()
    references = found.references(0)
    assert len(references) == 2 * n
    assert [(target, place) for source, target, *_, place in references if source == 0] == [
        (i + 1, i) for i in range(n)
    ]


def test_each_of_many_cycles_is_told_without_a_pass_over_all_objects() -> None:
    """So many passes over so many objects would be 10 000 000 000 steps."""
    n = 100_000
    graph = Graph([Item([(0, i)], size=8 + i % 5) for i in range(n)], [Item([])])
    core = opened(graph)
    data = json.loads(core.view("cycles", json=True, by="id", limit=0))
    assert len(data["rows"]) == n
    for row in data["rows"]:
        size = 8 + (int(row["address"], 16) - BASE) // 16 % 5
        assert row["content"] == [{"type": "app.thing", "count": 1, "size": size}]


def test_each_of_many_cycles_in_one_list_is_told_without_a_search_of_the_list() -> None:
    """So many searches of so long a list would be 10 000 000 000 steps."""
    n = 100_000
    graph = Graph([Item([(0, i + 1) for i in range(n)]), *(Item([(0, i + 1)]) for i in range(n))], [Item([(0, 0)])])
    data = json.loads(opened(graph).view("cycles", json=True, by="id", limit=0))
    assert len(data["rows"]) == n
    for row in data["rows"]:
        assert row["path"].endswith(f"[{(int(row['address'], 16) - BASE) // 16 - 1}]")


# ---- planted ----


@pytest.fixture(scope="module")
def planted(shared_run: RUN) -> Run:
    return shared_run("cycles", str(RING))


@pytest.fixture(scope="module")
def snapshot(planted: Run) -> Iterator[tonnage.Snapshot]:
    with tonnage.load(planted.path) as loaded:
        yield loaded


def test_garbage_is_what_the_collector_says(snapshot: tonnage.Snapshot, planted: Run) -> None:
    garbage = snapshot.garbage()
    assert {item.address for item in garbage.where("flag:tracked")} == set(planted.side["freed"])
    assert len(planted.side["freed"]) > 3 * 30
    assert garbage.where("type:bytes size:>=3000")


def test_planted_cycles_are_counted_by_what_they_go_over(snapshot: tonnage.Snapshot) -> None:
    view = snapshot.cycles(limit=0)
    rows = {row["cycle"]: row for row in view}
    pairs = rows["__main__.Node.children[index] → __main__.Node.parent → __main__.Node"]
    assert (pairs["cycles"], pairs["waiting"], pairs["listed"], pairs["count"]) == (73, 30, 3, 3 * 73)
    rings = rows["__main__.Link.next → __main__.Link"]
    assert (rings["cycles"], rings["length_min"], rings["length_max"]) == (1, RING, RING)
    assert rows["__main__.Closing.me → __main__.Closing"]["cycles"] == 2
    (table,) = (row for cycle, row in rows.items() if cycle.startswith("dict[") and row["length_min"] == 1)
    assert table["cycles"] >= 1
    assert view.total["cycles"] == sum(row["cycles"] for row in view)
    assert view.total["waiting"] == sum(row["waiting"] for row in view)


def test_classes_that_no_module_names_are_told_and_others_are_not(tmp_path: Path) -> None:
    program = """
import sys, tonnage
class Base: pass
class Outer:
    class Inner(Base): pass
class Registry:
    kept = []
    def made():
        class Forgotten(Outer.Inner): pass
        return Forgotten
for _ in range(25): Registry.kept.append(Registry.made())
print(*map(id, Registry.kept))
print(*map(id, (Base, Outer, Outer.Inner, Registry)))
tonnage.snapshot(sys.argv[1])
"""
    done = python(["-c", program, tmp_path / "x"])
    assert done.returncode == 0, done.stderr
    with tonnage.load(tmp_path / "x") as loaded:
        (row,) = (row for row in loaded.cycles(limit=0) if row["cycle"] == "type.__mro__[index] → type")
        found = {item.address for item in row.objects.where("type:type")}  # type: ignore[attr-defined]
        made, named = (set(map(int, line.split())) for line in done.stdout.splitlines())
        assert made <= found
        assert not named & found
        assert row["waiting"] == 0


def test_rows_are_sets(snapshot: tonnage.Snapshot, planted: Run) -> None:
    for by in ("type", "id"):
        for row in snapshot.cycles(by=by, limit=5):
            assert len(row.objects) == row["count"]  # type: ignore[attr-defined]
            assert row.objects.size == row["size"]  # type: ignore[attr-defined]
    (ring,) = snapshot.where(f"address:{planted.id('ring')}").cycles(by="id")
    assert (ring["count"], ring["length"], ring["shortest"]) == (RING, RING, True)
    assert ring.objects == snapshot.where("type:__main__.Link") - snapshot.garbage()  # type: ignore[attr-defined]
    assert len(ring["steps"]) == 100


def test_a_page_of_cycles_that_are_made_is_the_same_page(snapshot: tonnage.Snapshot) -> None:
    core = snapshot._core
    made = core.components(garbage=True)
    for by in ("type", "id"):
        assert core.view("cycles", components=made, by=by, garbage=True) == core.view("cycles", by=by, garbage=True)
    with snapshot._again() as other, pytest.raises(ValueError, match="of another snapshot"):
        other._core.view("cycles", components=made)


def test_what_keeps_a_cycle_is_told(snapshot: tonnage.Snapshot, planted: Run) -> None:
    def row(name: str) -> dict[str, Any]:
        (found,) = snapshot.cycles(by="id", where=f"address:{planted.id(name)}")
        return found

    assert row("kept")["path"] == "__main__.KEPT[0]"
    assert row("kept")["state"] == "alive"
    assert row("kept")["retained"] == snapshot[planted.id("kept")].retained
    assert row("table")["cycle"] == "dict['me'] → dict"
    assert row("closure")["cycle"] == "function.__closure__[0] → cell.cell_contents → function"
    listed = row("listed")
    assert (listed["state"], listed["about"]) == ("listed", "gc_garbage")
    garbage = snapshot.cycles(by="id", garbage=True, limit=0)
    assert {row["state"] for row in garbage} == {"waiting", "listed"}
    assert sum(row["state"] == "listed" for row in garbage) == 3
    waiting = [row for row in garbage if row["state"] == "waiting"]
    assert len(waiting) == 30 + 3
    assert all(row["path"] is None and row["source"] for row in waiting)
    assert any(row["cycle"] == "type.__mro__[0] → type" for row in waiting)


def test_the_page_says_the_same(snapshot: tonnage.Snapshot) -> None:
    text = " ".join(str(snapshot.cycles(by="id", garbage=True, limit=0)).split())
    assert "Nothing holds it: it waits for the collector." in text
    assert "34 more cycles" in str(snapshot.cycles(by="id", garbage=True, limit=2))
    assert "the collector is switched off" in " ".join(str(snapshot.cycles()).split())


def test_finalizers_and_weak_references_are_counted(snapshot: tonnage.Snapshot, planted: Run) -> None:
    data = snapshot.cycles(limit=0).data
    (closing,) = (row for row in data["finalizers"] if row["type"] == "__main__.Closing")
    assert (closing["count"], closing["waiting"], closing["in_cycles"], closing["finalized"]) == (2, 1, 2, 0)
    (plain,) = (row for row in data["weak"] if row["type"] == "__main__.Plain")
    assert (plain["count"], plain["references"], plain["callbacks"]) == (7, 8, 8)
    (dead,) = (row for row in data["weak"] if row["type"] is None)
    assert dead["count"] == 0
    assert dead["references"] >= 4
    (table,) = (row for row in data["weak_tables"] if row["address"] == f"{planted.id('weak'):#x}")
    assert (table["type"], table["alive"], table["dead"]) == ("weakref.WeakValueDictionary", 7, 0)
    only = snapshot.cycles(where="type:__main__.Plain").data
    assert [row["type"] for row in only["weak"]] == ["__main__.Plain"]
    assert only["rows"] == []


def test_components_of_a_set_are_sets(snapshot: tonnage.Snapshot, planted: Run) -> None:
    nodes = snapshot.where("type:__main__.Node")
    pairs = nodes | nodes.referents().where("type:list")
    components = pairs.components()
    assert len(components) == 73
    assert all(len(component) == 3 and component.is_source for component in components)
    one = components[0]
    assert one <= pairs
    cycle = one.shortest_cycle()
    assert len(cycle) == 3
    assert cycle.nodes[0] == cycle.nodes[-1]
    assert str(cycle).startswith("<")
    assert sorted(reference.label for reference in one.references) == [".children", ".parent", "[0]"]
    assert len(components.sources) == len(components[:]) == 73
    biggest = snapshot.components()[0]
    assert snapshot[planted.id("closure")] in biggest | snapshot.components()[1]


def test_what_is_no_sort_or_group_of_cycles_is_refused(snapshot: tonnage.Snapshot) -> None:
    with pytest.raises(tonnage.ArgumentError, match="by type"):
        snapshot.cycles(by="module")
    with pytest.raises(tonnage.ArgumentError):
        snapshot.cycles(sort="retained")
    with pytest.raises(tonnage.ArgumentError, match="there is no component"):
        snapshot._core.components().row(1 << 31)


class Fresh:
    """One that refers to itself."""

    def __init__(self) -> None:
        self.me: object = self


def test_against_an_older_snapshot_a_cycle_has_something_new() -> None:
    kept = [Fresh()]
    with tonnage.snapshot() as before:
        kept.append(Fresh())
        with tonnage.snapshot() as after:
            where = "type:test_cycles.Fresh"
            old, new = (after[id(one)] for one in kept)
            assert set(after.cycles(where=where)[0].objects.where(where)) == {old, new}
            for by in "type", "id":
                (row,) = after.cycles(by=by, where=where, against=before)
                assert list(row.objects.where(where)) == [new]
                (row,) = after.where(where).cycles(by=by, where="is:survived", against=before)
                assert list(row.objects.where(where)) == [old]
            assert after.cycles(where=where, against=after).rows == []
        with pytest.raises(TypeError, match="against must be a Snapshot"):
            before.cycles(against=1)  # type: ignore[arg-type]


def test_labels_of_steps_begin_with_no_blank() -> None:
    one = Fresh()
    one.me = {one}
    with tonnage.snapshot() as snapshot:
        (row,) = snapshot.cycles(by="id", where=f"address:{id(one):#x}")
        assert "member" in [step["label"] for step in row["steps"]]


# ---- gc.garbage ----

SAVED = """
import gc, sys, types, tonnage
gc.disable()
class Looped:
    def __init__(self): self.me = self; self.data = bytearray(1000)
    def __del__(self): pass
def forget():
    for _ in range(30): Looped()
    for number in range(3):
        class Forgotten: pass
        Forgotten.number = number
    dead = types.ModuleType("dead")
    dead.me = dead
gc.collect()
forget()
tonnage.snapshot(sys.argv[1])
gc.set_debug(gc.DEBUG_SAVEALL)
gc.collect()
tonnage.snapshot(sys.argv[2])
gc.set_debug(0)
print(*map(id, gc.garbage))
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[tonnage.Snapshot, tonnage.Snapshot, set[int]]]:
    """Before and after a collection that saves all it finds; what gc.garbage has then."""
    folder = tmp_path_factory.mktemp("saved")
    done = python(["-c", SAVED, folder / "before", folder / "after"])
    assert done.returncode == 0, done.stderr
    with tonnage.load(folder / "before") as before, tonnage.load(folder / "after") as after:
        yield before, after, set(map(int, done.stdout.split()))


SAVED_TYPE = tuple[tonnage.Snapshot, tonnage.Snapshot, set[int]]


def test_what_a_debugged_collection_saved_is_told_as_before_it(saved: SAVED_TYPE) -> None:
    before, after, listed = saved
    old, new = before.cycles(limit=0, garbage=True), after.cycles(limit=0, garbage=True)
    assert [(row["cycle"], row["cycles"], row["count"]) for row in old] == [
        (row["cycle"], row["cycles"], row["count"]) for row in new
    ]
    members, still = (
        {item.address for row in view for item in row.objects}  # type: ignore[attr-defined]
        for view in (old, new)
    )
    assert members == still
    assert "module.me → module" in [row["cycle"] for row in new]
    assert sum(row["waiting"] for row in old) == sum(row["listed"] for row in new) > 30 + 3
    assert sum(row["listed"] for row in old) == sum(row["waiting"] for row in new) == 0
    data = after.cycles(limit=0).data
    assert data["listed"] == {"count": len(listed), "size": sum(after[address].size for address in listed)}
    assert data["collectable"]["count"] == len(after.garbage()) == 0
    assert data["total"]["listed"] == sum(row["listed"] for row in new)
    (looped,) = (row for row in data["finalizers"] if row["type"] == "__main__.Looped")
    assert (looped["finalized"], looped["waiting"], looped["listed"], looped["in_cycles"]) == (30, 0, 30, 30)


def test_the_page_says_what_is_in_the_list_of_the_collector(saved: SAVED_TYPE) -> None:
    before, after, listed = saved
    text = " ".join(str(after.cycles()).split())
    assert f"Nothing waits for the collector. In gc.garbage are {len(listed)} objects" in text
    assert "There is no garbage" not in text
    assert "in gc.garbage" not in " ".join(str(before.cycles()).split()).lower()
    of_it = " ".join(str(after.cycles(where="type:__main__.Looped")).split())
    assert "Nothing of what is selected waits for the collector. In gc.garbage are 30 objects of it" in of_it


def test_a_selection_says_nothing_of_the_garbage_outside_it(saved: SAVED_TYPE) -> None:
    before, after, _ = saved
    nothing = " ".join(str(before.cycles(where="type:nosuch")).split())
    assert nothing.endswith("No cycles. Nothing of what is selected waits for the collector.")
    some = " ".join(str(before.cycles(where="type:__main__.Looped")).split())
    assert "Of what is selected, a collection frees 30 objects" in some
    new = " ".join(str(after.cycles(against=before)).split())
    assert new.count("only what is new since the snapshot of") == 1
    assert "There is no garbage" not in new


def test_of_garbage_only_types_with_some_have_finalizers(saved: SAVED_TYPE) -> None:
    before, after, _ = saved
    for snapshot in (before, after):
        everything = {row["type"]: row for row in snapshot.cycles(limit=0).data["finalizers"]}
        rows = snapshot.cycles(limit=0, garbage=True).data["finalizers"]
        assert rows == [row for row in everything.values() if row["waiting"] or row["listed"]]
        assert "__main__.Looped" in [row["type"] for row in rows]
        assert len(rows) < len(everything)


def test_a_cycle_of_one_object_is_told_in_one_sentence(saved: SAVED_TYPE) -> None:
    before, _, _ = saved
    text = " ".join(str(before.cycles(by="id", where="type:__main__.Looped", limit=1)).split())
    assert "__main__.Looped.me → __main__.Looped. Nothing holds it" in text
    assert "In it:" not in text


def test_weak_references_to_types_of_the_program_come_first(snapshot: tonnage.Snapshot) -> None:
    rows = snapshot.cycles(limit=0).data["weak"]
    assert rows[0]["type"] == "__main__.Plain"
    assert rows[0]["references"] < max(row["references"] for row in rows)
    standard = [row["type"] is None or not row["type"].startswith("__main__.") for row in rows]
    assert standard == sorted(standard)
    assert "type" in [row["type"] for row in rows]
