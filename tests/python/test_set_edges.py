"""Sets along references, and groups by what alone reaches an object: against networkx and by brute force."""

from __future__ import annotations

import networkx
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


@settings(deadline=None, max_examples=300)
@given(graphs(), st.data())
def test_parts_are_what_is_nearest_below_each(graph: Graph, data: st.DataObject) -> None:
    core, solution = opened(graph), Solution(graph)
    found, chosen = a_set(core, graph, solution, data)
    idom, parts = solution.dominators(), dict.fromkeys(sorted(chosen), 0)
    for node in range(graph.root):
        above: int | None = node
        while above is not None and above not in chosen:
            above = idom[above]
        if above is not None and not solution.is_own(node):
            parts[above] += graph.items[node].size
    assert list(memoryview(found.numbers("part", 0)).cast("Q")) == list(parts.values())
    assert sum(parts.values()) <= core.retained_set(found)[1]


@settings(deadline=None, max_examples=400)
@given(graphs(), st.data())
def test_groups_of_heads_are_what_each_dominates(graph: Graph, data: st.DataObject) -> None:
    """In the graph in which every head hangs from the root; garbage that no head reaches is outside, too."""
    core, solution = opened(graph), Solution(graph)
    found, heads = a_set(core, graph, solution, data)
    groups = core.groups("heads", heads=found)
    outside = [graph.root, *(node for node, hold in enumerate(solution.holds) if hold in (1, 2, 3))]

    def reached(start: list[int], around: set[int]) -> set[int]:
        seen, todo = set[int](), [node for node in start if node not in around]
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                todo += [target for target in solution.edges[node] if target not in around]
        return seen

    from_heads = heads | reached([t for head in heads for t in solution.edges[head]], heads)
    garbage = set(range(len(graph.items))) - from_heads - reached(outside, heads)
    without = reached([*outside, *garbage], heads)
    digraph = networkx.DiGraph()
    digraph.add_edges_from((u, v) for u, targets in enumerate(solution.edges) for v in targets)
    digraph.add_edges_from((graph.root, node) for node in {*outside, *garbage, *heads} - {graph.root})
    digraph.add_node(graph.root)
    above = networkx.immediate_dominators(digraph, graph.root)
    expected: dict[int, int | str] = {}
    for node in ours(graph, solution, set(range(graph.root))):
        place = node
        while place not in heads and place != graph.root:
            place = above[place]
        expected[node] = place if place in heads else "(other)" if node in without else "(shared)"
    got: dict[int, int | str] = {}
    for index in range(len(groups)):
        label, count, size, *_, head, _ = groups.row(index)
        inside = members(groups.members(index))
        assert (count, size) == (len(inside), sum(graph.items[node].size for node in inside))
        got |= dict.fromkeys(inside, label if head is None else head)
        assert all(groups.of(node) == index for node in inside)
        for parents in (False, True):
            related = {place for place, mark in enumerate(groups.related(index, parents)) if mark}
            steps = {(s, t) for s, targets in enumerate(solution.edges) for t in targets if s in expected}
            other = {s if parents else t for s, t in steps if (t if parents else s) in inside}
            assert related == {groups.of(node) for node in other if node in expected}
    assert got == expected


@settings(deadline=None, max_examples=300)
@given(graphs())
def test_kinds_of_holders_are_those_of_every_reference(graph: Graph) -> None:
    core, solution = opened(graph), Solution(graph)
    kinds: dict[int, set[str]] = {node: set() for node in ours(graph, solution, set(range(graph.root)))}
    for source, targets in enumerate(solution.edges):
        for target in targets if not solution.is_own(source) else ():
            if target in kinds:
                kinds[target].add("app.thing" if source < graph.root else "roots")
    groups = core.groups("rcs")
    got = {}
    for index in range(len(groups)):
        label = groups.row(index)[0]
        got |= dict.fromkeys(members(groups.members(index)), set() if label == "(nothing)" else set(label.split(", ")))
    assert got == kinds
