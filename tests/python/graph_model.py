"""Small graphs for the tests of dominators, paths and sets: made by hypothesis, written as files, and solved plainly.

The solution follows docs/graph.md by the shortest way that is plainly right: what a node retains is what cannot be
reached without it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import networkx
import pure_writer as writer
from hypothesis import strategies as st
from pure_writer import Description, Node, Shape, Type

OWNING, BORROWED, WEAK, INTERNED, GUESSED = range(5)
REFERENCES, BY_IMMORTAL, BY_STATIC, BY_C, UNREACHABLE = range(5)
IMMORTAL, STATIC, OWN = 1 << 3, 1 << 4, 1 << 6
SYNTHETIC_TYPE, OWN_TYPE = 1 << 2, 1 << 6
ATTRIBUTE, LOCAL, ROOT_NAME = 0, 2, 4
ITEMS = 1
BASE = 0x10000


@dataclass
class Item:
    """A node: `references` are (kind, number of the target or None); `extra`: its count above those found."""

    references: list[tuple[int, int | None]] = field(default_factory=list)
    size: int = 1
    flags: int = 0
    extra: int = 0
    own_type: bool = False


@dataclass
class Graph:
    """Objects are 0 … n-1, the root is n; synthetic nodes follow."""

    objects: list[Item]
    synthetic: list[Item]  # the root first

    @property
    def items(self) -> list[Item]:
        return self.objects + self.synthetic

    @property
    def root(self) -> int:
        return len(self.objects)


def write(graph: Graph) -> bytes:
    """The graph as a file."""
    plain = Type("thing", "app")
    ours = Type("recorder", "tonnage", OWN_TYPE)
    synthetic = Type("roots", None, SYNTHETIC_TYPE, mro=())
    shapes: dict[object, Shape] = {}
    nodes = []
    found = owning_found(graph)
    for number, item in enumerate(graph.items):
        is_object = number < graph.root
        kinds = tuple(kind for kind, _ in item.references)
        run = len(set(kinds)) <= 1 and is_object  # one kind: a list; several: a shape of its own
        key = (is_object, item.own_type, kinds[:1] if run else kinds, run)
        if key not in shapes:
            type_ = (ours if item.own_type else plain) if is_object else synthetic
            if run:
                shapes[key] = Shape(type_, run_style=ITEMS, run_kind=kinds[0] if kinds else 0)
            else:
                style = ATTRIBUTE if is_object else LOCAL
                shapes[key] = Shape(type_, [(f"x{place}", style, kind) for place, kind in enumerate(kinds)])
        flags = item.flags
        nodes.append(
            Node(
                shapes[key],
                BASE + 16 * number if is_object else None,
                item.size,
                found[number] + item.extra if is_object and not flags & IMMORTAL else 0,
                flags if is_object else 0,
            )
        )
    for node, item in zip(nodes, graph.items, strict=True):
        node.references = [None if target is None else nodes[target] for _, target in item.references]
    return writer.write(Description(nodes, [plain, ours, synthetic], list(shapes.values())))


def owning_found(graph: Graph) -> list[int]:
    """Owning references to each node."""
    found = [0] * len(graph.items)
    for item in graph.items:
        for kind, target in item.references:
            if target is not None and kind == OWNING:
                found[target] += 1
    return found


def holding(graph: Graph, source: int) -> list[int]:
    """Targets of the references of a node that hold, in order, as often as there are."""
    return [
        target
        for kind, target in graph.items[source].references
        if target is not None and (kind == OWNING if source < graph.root else kind != INTERNED)
    ]


class Solution:
    """What is true of a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        n = len(graph.items)
        self.edges = [holding(graph, source) for source in range(n)]
        self.holds = [self._hold(number) for number in range(n)]
        rest = set(range(n)) - self.reachable(())
        waiting = networkx.DiGraph()
        waiting.add_nodes_from(rest)
        waiting.add_edges_from((u, v) for u in rest for v in self.edges[u] if v in rest)
        components = networkx.condensation(waiting)
        for component, entered in components.in_degree():
            if entered == 0:
                for number in components.nodes[component]["members"]:
                    self.holds[number] = UNREACHABLE
        assert self.reachable(()) == set(range(n))

    def _hold(self, number: int) -> int:
        if number >= self.graph.root:
            return REFERENCES
        item = self.graph.items[number]
        if item.flags & STATIC:
            return BY_STATIC
        if item.flags & IMMORTAL:
            return BY_IMMORTAL
        return BY_C if item.extra > 0 else REFERENCES

    def reachable(self, without: Iterable[int], cut: tuple[int, int] | None = None) -> set[int]:
        """From the root and what is anchored; `cut` is a node and the place of one of its references that hold."""
        seen = set(without)
        todo = [self.graph.root, *(number for number, hold in enumerate(self.holds) if hold)]
        if self.graph.root in seen:  # anchors hang from it
            return set()
        found = set()
        while todo:
            number = todo.pop()
            if number in seen:
                continue
            seen.add(number)
            found.add(number)
            todo += [target for place, target in enumerate(self.edges[number]) if cut is None or cut != (number, place)]
        return found

    def gone(self, without: Iterable[int], cut: tuple[int, int] | None = None) -> tuple[set[int], int, int]:
        """What is no longer reachable: nodes, bytes, objects."""
        nodes = set(range(len(self.graph.items))) - self.reachable(without, cut)
        counted = [number for number in nodes if not self.is_own(number)]
        return (
            nodes,
            sum(self.graph.items[number].size for number in counted),
            sum(number < self.graph.root for number in counted),
        )

    def is_own(self, number: int) -> bool:
        """Of tonnage itself."""
        item = self.graph.items[number]
        return number < self.graph.root and (bool(item.flags & OWN) or item.own_type)

    def dominators(self) -> dict[int, int | None]:
        """By networkx."""
        digraph: Any = networkx.DiGraph()
        digraph.add_nodes_from(range(len(self.graph.items)))
        digraph.add_edges_from((u, v) for u, targets in enumerate(self.edges) for v in targets)
        digraph.add_edges_from((self.graph.root, v) for v, hold in enumerate(self.holds) if hold)
        found = dict(networkx.immediate_dominators(digraph, self.graph.root))
        return found | {self.graph.root: None}


@st.composite
def graphs(draw: st.DrawFn, most: int = 14) -> Graph:
    """Cycles, unreachable parts, several roots, anchors, duplicate, weak and absent references."""
    n = draw(st.integers(0, most))
    n_synthetic = draw(st.integers(0, 3))
    total = n + 1 + n_synthetic
    kinds = st.sampled_from([OWNING] * 8 + [BORROWED, WEAK, INTERNED, GUESSED])
    target = st.none() | st.integers(0, max(n - 1, 0)) if n else st.none()
    anything = st.integers(0, total - 1)
    objects = [
        Item(
            draw(st.lists(st.tuples(kinds, target | anything), max_size=4)),
            draw(st.integers(0, 1000)),
            draw(st.sampled_from([0] * 12 + [IMMORTAL, STATIC, IMMORTAL | STATIC, OWN])),
            draw(st.sampled_from([0] * 6 + [1, 5])),
            draw(st.sampled_from([False] * 9 + [True])),
        )
        for _ in range(n)
    ]
    for item in objects:
        if item.flags & IMMORTAL:
            item.extra = 0
    groups = [(OWNING, n + 1 + i) for i in range(n_synthetic)]
    root = Item(groups + draw(st.lists(st.tuples(kinds, target), max_size=3)), 0)
    synthetic = [
        Item(draw(st.lists(st.tuples(kinds, target), max_size=4)), draw(st.sampled_from([0, 0, 64])))
        for _ in range(n_synthetic)
    ]
    return Graph(objects, [root, *synthetic])
