"""Dominators and retained sizes: against networkx and by brute force, on graphs that are made up, and on large ones."""

from __future__ import annotations

import tempfile

from graph_model import OWNING, Graph, Solution, graphs, write
from hypothesis import given, settings
from hypothesis import strategies as st
from tonnage import _core


def opened(graph: Graph) -> _core.Snapshot:
    with tempfile.TemporaryFile() as file:
        file.write(write(graph))
        file.flush()
        return _core.Snapshot(file.fileno())


def ids(data: bytes) -> list[int]:
    return list(memoryview(data).cast("I"))


def members(found: _core.Set) -> set[int]:
    result, node = set(), found.next(0)
    while node is not None:
        result.add(node)
        node = found.next(node + 1)
    return result


@settings(deadline=None, max_examples=600)
@given(graphs())
def test_dominators_are_those_of_networkx(graph: Graph) -> None:
    core, solution = opened(graph), Solution(graph)
    n = len(graph.items)
    assert [core.hold(node) for node in range(n)] == solution.holds
    assert {node: core.dominator(node) for node in range(n)} == solution.dominators()


@settings(deadline=None, max_examples=300)
@given(graphs())
def test_a_node_retains_what_cannot_be_reached_without_it(graph: Graph) -> None:
    core, solution = opened(graph), Solution(graph)
    for node in range(len(graph.items)):
        _, size, count = solution.gone([node])
        assert core.retained(node) == (size, count), node


@settings(deadline=None, max_examples=200)
@given(graphs())
def test_dominated_lists_are_the_tree_biggest_first(graph: Graph) -> None:
    core, solution = opened(graph), Solution(graph)
    idom = solution.dominators()
    for node in range(len(graph.items)):
        found = ids(core.dominated(node))
        assert sorted(found) == sorted(other for other, above in idom.items() if above == node)
        assert found == sorted(found, key=lambda other: (-core.retained(other)[0], other))


@settings(deadline=None, max_examples=300)
@given(graphs(), st.data())
def test_a_set_retains_what_cannot_be_reached_around_it(graph: Graph, data: st.DataObject) -> None:
    core, solution = opened(graph), Solution(graph)
    chosen = core.select("size:>=" + str(data.draw(st.integers(0, 1000))))
    inside = members(chosen)
    nodes, size, _ = solution.gone(inside)
    found, found_bytes = core.retained_set(chosen)
    assert found_bytes == size
    assert members(found) == {node for node in nodes if node < graph.root and not solution.is_own(node)}
    idom = solution.dominators()
    above = {idom[node] for node in inside} - inside
    expected = {node for node in above if node is not None and node < graph.root and not solution.is_own(node)}
    assert members(core.set_dominators(chosen)) == expected


@settings(deadline=None, max_examples=300)
@given(graphs())
def test_a_cut_reference_frees_what_cannot_be_reached_without_it(graph: Graph) -> None:
    core, solution = opened(graph), Solution(graph)
    for source, item in enumerate(graph.items):
        place = 0  # among those that hold
        for index, (kind, target) in enumerate((k, t) for k, t in item.references if t is not None):
            holds = target in solution.edges[source] and (kind == OWNING if source < graph.root else kind != 3)
            expected = solution.gone([], (source, place))[1:] if holds else (0, 0)
            assert core.cut(source, index) == expected, (source, index)
            place += holds
