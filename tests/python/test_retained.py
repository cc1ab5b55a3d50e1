"""Retained sizes of a real process, where other tools are wrong; and all of a real heap against networkx."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import networkx
import pytest
import tonnage
from capture_support import Run, run_program
from graph_model import IMMORTAL, OWN, OWN_TYPE, STATIC
from tonnage import _core

RUN = Callable[..., Run]
HOLDS = ["references", "immortal", "static", "c", "unreachable"]


@pytest.fixture(scope="module")
def planted(shared_run: RUN) -> Run:
    return shared_run("retained", "200000")


@pytest.fixture(scope="module")
def snapshot(planted: Run) -> Iterator[tonnage.Snapshot]:
    with tonnage.load(planted.path) as loaded:
        yield loaded


def test_a_ring_is_retained_by_what_leads_into_it(snapshot: tonnage.Snapshot, planted: Run) -> None:
    box = snapshot[planted.id("ring")]
    assert 50 * 1000 < box.retained < 50 * 1500
    assert box.retained_count == 1 + 50 * 3
    (node,) = box.dominated
    assert box.retained == box.size + node.retained


def test_pointers_to_parents_lift_nothing_to_the_root(snapshot: tonnage.Snapshot, planted: Run) -> None:
    root = snapshot[planted.id("tree")]
    todo, nodes = [root], []
    while todo:
        node = todo.pop()
        nodes.append(node)
        (children,) = (reference.target for reference in node.references if reference.label == ".children")
        todo += children.children
        assert node.retained == node.size + sum(below.retained for below in node.dominated)
    assert len(nodes) >= 40
    assert root.retained_count == 3 * len(nodes)
    assert root.retained == sum(
        part.size
        for node in nodes
        for part in [node, *(child for child in node.children if child.type in ("list", "bytes"))]
    )
    assert all(node.dominator is not None and node.dominator.type == "list" for node in nodes[1:])


def test_a_chain_deeper_than_any_limit_is_retained_whole(snapshot: tonnage.Snapshot, planted: Run) -> None:
    head = snapshot[planted.id("deep")]
    assert head.retained_count == 200_000
    assert head.retained >= 200_000 * 64
    assert head.retained == head.size + head.dominated[0].retained


def test_an_untracked_dict_in_a_chain_is_followed(snapshot: tonnage.Snapshot, planted: Run) -> None:
    holder = snapshot[planted.id("untracked")]
    assert holder.retained > 5000
    assert holder.retained_count == 3


def test_a_local_variable_is_a_holder(snapshot: tonnage.Snapshot, planted: Run) -> None:
    rows = snapshot[planted.id("rows")]
    assert rows.dominator is not None
    assert rows.dominator.type == "frame"
    assert rows.retained_count == 11
    (row,) = snapshot.dominators(where=f"address:{rows.address:#x}")
    assert row["held_by"] == "local rows of keeping()"


def test_what_two_hold_is_retained_by_both_together(snapshot: tonnage.Snapshot, planted: Run) -> None:
    first, second, shared = (snapshot[planted.id(name)] for name in ("first", "second", "shared"))
    assert first.retained == first.size
    assert shared.retained > 9000
    core = snapshot._core
    both = core.select(f"address:{first.address:#x}") and core.select("type:__main__.Box")
    members, size = core.retained_set(both)
    assert core.at(shared.address) in members
    assert size > first.size + second.size + shared.retained
    assert [reference.freed for reference in first.references if reference.label == ".content"] == [0]
    (row,) = (row for row in snapshot.dominators(where="type:list", limit=0) if row["address"] == shared.address)
    assert row["retained"] == shared.retained


def test_a_weak_reference_retains_nothing(snapshot: tonnage.Snapshot, planted: Run) -> None:
    holder, target = snapshot[planted.id("weak holder")], snapshot[planted.id("weak target")]
    assert holder.retained < 400
    assert target.retained > 3000
    (label,) = (reference for reference in snapshot[target.address].references if reference.label == ".content")
    assert label.freed > 3000


def test_clearing_a_step_that_is_no_reference_frees_nothing(snapshot: tonnage.Snapshot, planted: Run) -> None:
    path = snapshot[planted.id("counted")].path()
    assert path is not None
    assert str(path).startswith("held by C › ")
    assert [step.freed for step in path.steps] == [0]


def test_what_is_anchored_says_by_what(snapshot: tonnage.Snapshot, planted: Run) -> None:
    assert snapshot[planted.id("counted")].hold == "c"
    assert snapshot[planted.id("counted")].retained > 7000
    assert snapshot[planted.id("int")].hold == "static"
    assert snapshot[planted.id("ring")].hold == "references"


def test_garbage_is_retained_by_the_cycle_that_leads_to_it(snapshot: tonnage.Snapshot, planted: Run) -> None:
    cycle, below = snapshot[planted.id("forgotten")], snapshot[planted.id("hangs from it")]
    assert cycle.hold == "unreachable"
    assert below.hold == "references"
    (children,) = (reference.target for reference in cycle.references if reference.label == ".children")
    assert children.hold == "unreachable"
    assert (cycle.retained_count, children.retained_count) == (3 * 4 - 1, 1)
    (row,) = snapshot.dominators(where=f"address:{cycle.address:#x}")
    assert row["held_by"] == "garbage"


def test_the_rows_of_the_view_add_up_to_everything(snapshot: tonnage.Snapshot) -> None:
    view = snapshot.dominators(limit=0)
    assert view.total["count"] == len(snapshot) == sum(row["count"] for row in view.rows)
    assert view.total["retained"] == sum(row["retained"] for row in view.rows)
    grouped = snapshot.dominators(by="type", limit=0)
    assert grouped.total == view.total
    assert sum(row["retained"] for row in grouped.rows) == view.total["retained"]
    modules = snapshot.dominators(by="module", limit=0)
    assert sum(row["count"] for row in modules.rows) == view.total["count"]


@pytest.mark.parametrize("by", ["type", "module"])
def test_rows_of_what_goes_add_up_with_keys_that_no_object_owns(snapshot: tonnage.Snapshot, by: str) -> None:
    view = snapshot.retained("type:type", by=by, limit=0)
    assert sum(row["size"] for row in view.rows) == view.total["size"]
    assert sum(row["count"] for row in view.rows) == view.total["count"]
    assert sum(row["size_pct"] for row in view.rows) == pytest.approx(100, abs=0.05 * len(view.rows))
    keys = [row for row in view.rows if row[by] == "(shared keys of dicts)"]
    assert [(row["count"], row["size"] > 0) for row in keys] == [(0, True)]


def test_the_tree_of_the_view_is_that_of_the_objects(snapshot: tonnage.Snapshot, planted: Run) -> None:
    root = snapshot[planted.id("tree")]
    rows = root.dominators(depth=3, limit=0).rows
    expected = [
        (depth, item.address)
        for first in root.dominated
        for depth, item in [(0, first)]
        + [pair for second in first.dominated for pair in [(1, second)] + [(2, third) for third in second.dominated]]
    ]
    assert [(row["depth"], row["address"]) for row in rows] == expected


def test_every_object_of_a_real_heap_is_as_networkx_says(tmp_path: Path) -> None:
    small = run_program("retained", tmp_path, "1000", mode="stop")
    file, core = small.shot.file, _core.Snapshot(os.fsencode(small.path))
    n, root = file.n_nodes, file.n_objects
    edges: list[list[int]] = []
    found = [0] * n
    for node in range(n):
        held = []
        for reference in file.references(node):
            if reference.target is None:
                continue
            found[reference.target] += reference.kind == "owning"
            if reference.kind == "owning" if node < root else reference.kind != "interned":
                held.append(reference.target)
        edges.append(held)

    def hold(node: int) -> int:
        if node >= root or not (file.flags[node] & (STATIC | IMMORTAL) or file.refcounts[node] > found[node]):
            return 0
        return 2 if file.flags[node] & STATIC else 1 if file.flags[node] & IMMORTAL else 3

    holds = [hold(node) for node in range(n)]
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from((node, target) for node, held in enumerate(edges) for target in held)
    graph.add_edges_from((root, node) for node in range(n) if holds[node])
    waiting = graph.subgraph(set(range(n)) - {root} - networkx.descendants(graph, root))
    parts = networkx.condensation(waiting)
    for part, entered in list(parts.in_degree()):
        for node in parts.nodes[part]["members"] if not entered else ():
            holds[node] = 4
            graph.add_edge(root, node)
    assert [core.hold(node) for node in range(n)] == holds
    idom = dict(networkx.immediate_dominators(graph, root))
    assert [core.dominator(node) for node in range(n) if node != root] == [
        idom[node] for node in range(n) if node != root
    ]

    own = [bool(file.flags[node] & OWN or file.type_of(node).flags & OWN_TYPE) for node in range(n)]
    retained = [0 if own[node] else file.sizes[node] for node in range(n)]
    for node in _bottom_up(idom, root, n):
        if node != root:
            retained[idom[node]] += retained[node]
    assert [core.retained(node)[0] for node in range(n)] == retained


def _bottom_up(idom: dict[int, int], root: int, n: int) -> list[int]:
    children: list[list[int]] = [[] for _ in range(n)]
    for node in range(n):
        if node != root:
            children[idom[node]].append(node)
    order, todo = [], [root]
    while todo:
        node = todo.pop()
        order.append(node)
        todo += children[node]
    return order[::-1]


def test_what_a_part_of_the_process_shares_with_the_rest_is_held_outside() -> None:
    shared, kept = bytes(3000), [bytes(4000)]
    holder = [shared, kept]
    del kept
    with tonnage.snapshot(of=[holder]) as taken:
        item = taken[id(holder)]
        assert item.retained == item.size + taken[id(holder[1])].retained
        assert taken[id(shared)].hold == "c"
        (row,) = taken.dominators(where=f"address:{id(shared):#x}")
        assert row["held_by"] == "outside"
