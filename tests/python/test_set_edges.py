"""Sets along references, and groups by what alone reaches an object: against networkx and by brute force."""

from __future__ import annotations

from graph_model import OWNING, Graph, Solution, graphs
from hypothesis import given, settings
from hypothesis import strategies as st
from test_dominators import members, opened
from tonnage import _core


def ours(graph: Graph, solution: Solution, nodes: set[int]) -> set[int]:
    return {node for node in nodes if node < graph.root and not solution.is_own(node)}


def a_set(core: _core.Snapshot, graph: Graph, solution: Solution, data: st.DataObject) -> tuple[_core.Set, set[int]]:
    possible = sorted(ours(graph, solution, set(range(graph.root))))
    chosen = data.draw(st.sets(st.sampled_from(possible))) if possible else set()
    return core.set_of(b"".join(node.to_bytes(4, "little") for node in sorted(chosen))), chosen


@settings(deadline=None, max_examples=300)
@given(graphs(), st.data())
def test_steps_lead_where_the_references_do(graph: Graph, data: st.DataObject) -> None:
    core, solution = opened(graph), Solution(graph)
    found, chosen = a_set(core, graph, solution, data)
    for kinds in (0, 1 << OWNING, 0b11111, 1 << data.draw(st.integers(0, 4))):
        steps = {
            (source, target)
            for source, item in enumerate(graph.items)
            for kind, target in item.references
            if target is not None and (kinds >> kind & 1 if kinds else target in solution.edges[source])
            if kinds or kind == OWNING or source >= graph.root
        }
        forward = {target for source, target in steps if source in chosen}
        backward = {source for source, target in steps if target in chosen}
        assert members(found.referents(kinds)) == ours(graph, solution, forward)
        assert members(found.referrers(kinds)) == ours(graph, solution, backward)


@settings(deadline=None, max_examples=300)
@given(graphs(), st.data())
def test_what_is_reached_and_what_is_owned(graph: Graph, data: st.DataObject) -> None:
    core, solution = opened(graph), Solution(graph)
    found, chosen = a_set(core, graph, solution, data)
    avoided, avoid = a_set(core, graph, solution, data)
    for limits, without in ((None, set[int]()), (avoided, avoid)):
        reached, todo = set(), [node for node in chosen if node not in without]
        while todo:
            node = todo.pop()
            if node not in reached and node not in without:
                reached.add(node)
                todo += solution.edges[node]
        assert members(found.reachable(limits)) == ours(graph, solution, reached)
    holders: dict[int, set[int]] = {}
    for source, targets in enumerate(solution.edges):
        for target in targets:
            holders.setdefault(target, set()).add(source)
    anchored = {node for node, hold in enumerate(solution.holds) if hold in (1, 2, 3)}
    owned = {node for node, sources in holders.items() if sources <= chosen and node not in anchored}
    assert members(found.owned()) == ours(graph, solution, owned)
    gone, _, _ = solution.gone(chosen)
    assert members(core.retained_set(found)[0]) == ours(graph, solution, gone)
