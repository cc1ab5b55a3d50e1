"""Heaps made by hypothesis and written as files by `pure_writer`: what an analysis says of them is checked by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

import pure_writer as writer
import tonnage
from hypothesis import strategies as st
from pure_writer import Description, Node, Shape, Type

TRACKED, IMMORTAL, STATIC, FINALIZED, OWN, GUESSED = 1, 8, 16, 32, 64, 0x1000
OWNING, BORROWED, WEAK, INTERNED, UNSURE = range(5)
FIRST = 0x7F0000000000


@dataclass
class Heap:
    """Object n is at `address(n)`; `references` are those of a list that owns, without absent ones."""

    kinds: list[int]  # place in KINDS
    sizes: list[int]
    flags: list[int]
    references: list[list[int]]
    roots: list[int]
    texts: list[int]

    def __len__(self) -> int:
        return len(self.kinds)


def address(number: int) -> int:
    return FIRST + 16 * number


def number_of(at: int) -> int:
    return (at - FIRST) // 16


# name, module, base: subclasses, modules inside modules, two types of one name
KINDS = (
    ("dict", "builtins", "object"), ("list", "builtins", "object"), ("Session", "app", "object"),
    ("Admin", "app.web", "Session"), ("Session", "apple", "object"), ("Session", "app", "object"),
)  # fmt: skip


@st.composite
def heaps(draw: Callable[..., object], largest: int = 40) -> Heap:
    """Objects of several types with references among them, cycles and duplicates too; some of tonnage's own."""
    n = draw(st.integers(0, largest))
    each = lambda strategy: draw(st.lists(strategy, min_size=n, max_size=n))  # noqa: E731
    targets = st.lists(st.integers(0, max(n - 1, 0)), max_size=4)
    return Heap(
        each(st.integers(0, len(KINDS) - 1)),
        each(st.sampled_from([0, 16, 32, 48, 64, 1000, 1 << 20, 1 << 33])),
        each(st.sampled_from([0, TRACKED, TRACKED | 2, TRACKED | 4, IMMORTAL, STATIC, FINALIZED, OWN, GUESSED])),
        each(targets),
        draw(targets) if n else [],
        each(st.integers(0, 3)),
    )


def describe(heap: Heap) -> Description:
    object_type = Type("object")
    types = [Type(name, module, base=object_type) for name, module, _ in KINDS]
    types[3].base = types[2]
    roots = Type("root", None, flags=4, mro=())
    shapes = [Shape(kind, run_style=1) for kind in types] + [Shape(roots, run_style=1)]
    nodes = [
        Node(shapes[kind], address(i), size, 1, flags, preview=(1, f"text {text}".encode()))
        for i, (kind, size, flags, text) in enumerate(
            zip(heap.kinds, heap.sizes, heap.flags, heap.texts, strict=True)
        )
    ]
    for node, targets in zip(nodes, heap.references, strict=True):
        node.references = [nodes[target] for target in targets]
    nodes.append(Node(shapes[-1], references=[nodes[target] for target in heap.roots]))
    return Description(nodes, [object_type, *types, roots], shapes, {})


@contextmanager
def opened(description: Description) -> Iterator[tonnage.Snapshot]:
    with NamedTemporaryFile(suffix=".tonnage") as file:
        Path(file.name).write_bytes(writer.write(description))
        with tonnage.load(file.name) as snapshot:
            yield snapshot
