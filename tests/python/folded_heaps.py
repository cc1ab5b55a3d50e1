"""Heaps with instances that have a `__dict__`, made by hypothesis and written as files; and what is true of them.

All is worked out again from the lists the heap consists of: dominators by networkx, the rest by plain sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile

import networkx
import pure_writer as writer
import tonnage
from hypothesis import strategies as st
from pure_writer import Description, Node, Shape, Type

KINDS = (("Session", "app"), ("Basket", "shop"), ("list", "builtins"), ("dict", "builtins"), ("str", "builtins"))
INSTANCES = (0, 1)
DICT = 3
FIRST = 0x7F0000000000
OWNING, ATTRIBUTE, ITEMS, LOCAL = 0, 0, 1, 2


@dataclass
class Heap:
    """Object n is at `address(n)`, the root is node n, a frame with `local` variables the one after it."""

    kinds: list[int]
    sizes: list[int]
    dicts: list[int | None]  # the __dict__ of each
    items: list[list[int]]
    roots: list[int]
    local: list[int]
    targets: list[list[int]] = field(init=False)  # of each object
    idom: dict[int, int] = field(init=False)

    def __post_init__(self) -> None:
        self.targets = [
            ([] if own is None else [own]) + items for own, items in zip(self.dicts, self.items, strict=True)
        ]
        n = len(self)
        graph = networkx.DiGraph()
        graph.add_nodes_from(range(n + 2))
        graph.add_edges_from((source, target) for source, each in enumerate(self.targets) for target in each)
        graph.add_edges_from((n, target) for target in [*self.roots, n + 1])
        graph.add_edges_from((n + 1, target) for target in self.local)
        for node in range(n):  # nothing is garbage
            if node not in networkx.descendants(graph, n):
                self.roots.append(node)
                graph.add_edge(n, node)
        found = dict(networkx.immediate_dominators(graph, n))
        self.idom = {node: found[node] for node in range(n + 2) if node != n}

    def __len__(self) -> int:
        return len(self.kinds)

    def name(self, node: int) -> str:
        """Full name of the type."""
        kind, module = KINDS[self.kinds[node]]
        return kind if module == "builtins" else f"{module}.{kind}"

    def children(self, node: int) -> list[int]:
        """What it dominates right away, the most first."""
        below = [other for other, above in self.idom.items() if above == node and other < len(self)]
        return sorted(below, key=lambda other: (-self.retained([other]), other))

    def gone(self, nodes: Iterable[int]) -> set[int]:
        """Objects that cannot be reached around these."""
        seen, todo = set(nodes), [*self.roots, *self.local]
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                todo += self.targets[node]
        return set(range(len(self))) - seen | set(nodes)

    def retained(self, nodes: Iterable[int]) -> int:
        return sum(self.sizes[node] for node in self.gone(nodes))

    def part(self, node: int) -> int | None:
        """The dict that is a part of the node in the dominator tree."""
        own = self.dicts[node]
        return own if own is not None and self.idom[own] == node else None

    def folded(self, nodes: Iterable[int]) -> dict[int, int]:
        """Of some objects: each dict with the object among them that it counts as a part of, the first that has it."""
        among, found = set(nodes), dict[int, int]()
        for node in sorted(among):
            own = self.dicts[node]
            if own is not None and own in among:
                found.setdefault(own, node)
        return found

    def whole(self, owner: dict[int, int]) -> list[int]:
        """Sizes, those of owners with their dicts."""
        sizes = list(self.sizes)
        for own, node in owner.items():
            sizes[node] += self.sizes[own]
        return sizes


def address(number: int) -> int:
    return FIRST + 16 * number


def number_of(at: int) -> int:
    return (at - FIRST) // 16


KEYS: dict[str, Callable[[Heap, int], object]] = {
    "type": Heap.name,
    "module": lambda heap, node: KINDS[heap.kinds[node]][1],
    "size": lambda heap, node: heap.sizes[node],
    "id": lambda heap, node: f"{heap.name(node)}: {address(node):#x}",
}


def module_in_the_tree(heap: Heap, node: int) -> str:
    """Of the nearest dominator whose type is not builtin, the object itself first."""
    while node < len(heap):
        if KINDS[heap.kinds[node]][1] != "builtins":
            return KINDS[heap.kinds[node]][1]
        node = heap.idom[node]
    return "builtins"


IN_THE_TREE = KEYS | {"module": module_in_the_tree}
COLUMN = {"type": "type", "module": "module", "size": "each", "id": "kind"}


@st.composite
def heaps(draw: Callable[..., object], largest: int = 16) -> Heap:
    n = draw(st.integers(1, largest))
    some = st.lists(st.integers(0, n - 1), max_size=3)
    kinds = draw(st.lists(st.integers(0, len(KINDS) - 1), min_size=n, max_size=n))
    of_dicts = [number for number in range(n) if kinds[number] == DICT]
    own = st.sampled_from(of_dicts) if of_dicts else st.none()
    return Heap(
        kinds,
        draw(st.lists(st.sampled_from([16, 32, 48, 1000, 4096]), min_size=n, max_size=n)),
        [draw(own) if kind in INSTANCES else None for kind in kinds],
        [draw(some) for _ in range(n)],
        draw(some),
        draw(some),
    )


def write(heap: Heap) -> bytes:
    base = Type("object")
    types = [Type(name, module, base=base) for name, module in KINDS]
    root, frame = (Type(name, None, flags=4, mro=()) for name in ("root", "frame"))
    plain = [Shape(kind, run_style=ITEMS) for kind in types]
    with_dict = [Shape(kind, [("__dict__", ATTRIBUTE, OWNING)], run_style=ITEMS) for kind in types]
    of_root = Shape(root, run_style=ITEMS)
    of_frame = Shape(frame, [(f"v{place}", LOCAL, OWNING) for place in range(len(heap.local))])
    found = [0] * len(heap)
    for targets in [*heap.targets, heap.roots, heap.local]:
        for target in targets:
            found[target] += 1
    nodes = [
        Node((plain if heap.dicts[i] is None else with_dict)[kind], address(i), heap.sizes[i], found[i])
        for i, kind in enumerate(heap.kinds)
    ]
    for node, targets in zip(nodes, heap.targets, strict=True):
        node.references = [nodes[target] for target in targets]
    nodes.append(Node(of_root))
    nodes.append(Node(of_frame, references=[nodes[target] for target in heap.local]))
    nodes[-2].references = [*(nodes[target] for target in heap.roots), nodes[-1]]
    return writer.write(
        Description(nodes, [base, *types, root, frame], [*plain, *with_dict, of_root, of_frame], {})
    )


@contextmanager
def opened(heap: Heap) -> Iterator[tonnage.Snapshot]:
    with NamedTemporaryFile(suffix=".tonnage") as file:
        Path(file.name).write_bytes(write(heap))
        with tonnage.load(file.name) as snapshot:
            yield snapshot
