"""Small graphs as snapshot files: nodes with references of given kinds, and roots of every sort."""

from __future__ import annotations

from dataclasses import dataclass, field

import pure_writer as writer
from pure_writer import Description, Node, Shape, Type

OWNING, BORROWED, WEAK, INTERNED, GUESSED = range(5)
ATTRIBUTE, ITEM, LOCAL, FIELD, ROOT = range(5)
ITEMS, PAIRS, MEMBERS = 1, 2, 3
IMMORTAL, STATIC, OWN = 8, 16, 64
SYNTHETIC, OWN_TYPE = 4, 64


@dataclass
class Graph:
    """`edges[i]` are (target, kind) of object i; `roots` are objects that the root refers to.

    `modules[k]` are the objects in the namespace of module k; `frames[k]` those of frame k of the only thread;
    `internals` are fields of the interpreter, `types` members of the group of static types. `extra` is added to the
    reference counts.
    """

    edges: list[list[tuple[int, int]]]
    roots: list[int] = field(default_factory=list)
    modules: list[list[int]] = field(default_factory=list)
    frames: list[list[int]] = field(default_factory=list)
    internals: list[int] = field(default_factory=list)
    types: list[int] = field(default_factory=list)
    extra: dict[int, int] = field(default_factory=dict)
    flags: dict[int, int] = field(default_factory=dict)


def address(number: int) -> int:
    """Of object number."""
    return 0x10000 + 64 * number


def describe(graph: Graph) -> tuple[Description, dict[int, Node], list[Node]]:
    """The file's content, its objects by number, and the modules' namespaces."""
    base = Type("object")
    thing, own = Type("Thing", "app", base=base), Type("Spy", "tonnage", flags=OWN_TYPE, base=base)
    text, mapping, module = Type("str", base=base), Type("dict", base=base), Type("module", base=base)
    synthetic = {
        name: Type(name, None, flags=SYNTHETIC, mro=())
        for name in ("root", "interpreter", "static types", "thread", "frame")
    }
    types = [base, thing, own, text, mapping, module, *synthetic.values()]
    names, pairs = Shape(text), Shape(mapping, run_style=PAIRS)
    modules_shape = Shape(module, [("__dict__", ATTRIBUTE, OWNING)])
    shapes = [names, pairs, modules_shape]

    def shape(type_: Type, fixed: list[tuple[str, int, int]], **options: int) -> Shape:
        shapes.append(Shape(type_, fixed, **options))  # type: ignore[arg-type]
        return shapes[-1]

    objects: dict[int, Node] = {}
    for number, edges in enumerate(graph.edges):
        labels = [(f"a{i}", ATTRIBUTE, kind) for i, (_, kind) in enumerate(edges)]
        flags = graph.flags.get(number, 0)
        objects[number] = Node(shape(own if flags & OWN else thing, labels), address(number), 64, flags=flags)
    for number, edges in enumerate(graph.edges):
        objects[number].references = [objects[target] for target, _ in edges]
    n, n_modules = len(objects), len(graph.modules)
    extra = [Node(names, address(n + i), 64, preview=(1, f"m{i}".encode())) for i in range(n_modules)]
    spaces = [Node(pairs, address(2 * n + 100 + i), 64) for i in range(n_modules)]
    for space, members in zip(spaces, graph.modules, strict=True):
        space.references = [node for member in members for node in (None, objects[member])]
    holders = [Node(modules_shape, address(3 * n + 300 + i), 64, references=[space]) for i, space in enumerate(spaces)]
    table = Node(pairs, address(4 * n + 500), 64)
    table.references = [node for pair in zip(extra, holders, strict=True) for node in pair]
    fields = [("imports.modules", FIELD, OWNING)] + [(f"f{i}", FIELD, OWNING) for i in range(len(graph.internals))]
    interpreter = Node(
        shape(synthetic["interpreter"], fields), references=[table, *(objects[i] for i in graph.internals)]
    )
    statics = Node(
        shape(synthetic["static types"], [], run_style=MEMBERS, run_kind=BORROWED),
        references=[objects[i] for i in graph.types],
    )
    frames = [
        Node(
            shape(synthetic["frame"], [(f"v{i}", LOCAL, OWNING) for i in range(len(members))], has_stack=True),
            references=[objects[i] for i in members],
        )
        for members in graph.frames
    ]
    thread = Node(shape(synthetic["thread"], [], run_style=ITEMS), references=list(frames))
    groups = [("interpreter", ROOT, OWNING), ("thread", ROOT, OWNING), ("static types", ROOT, OWNING)]
    root = Node(
        shape(synthetic["root"], groups, run_style=ITEMS),
        references=[interpreter, thread, statics, *(objects[i] for i in graph.roots)],
    )
    nodes = [*objects.values(), *extra, *spaces, *holders, table, root, interpreter, thread, statics, *frames]
    for node in nodes:
        for i, target in enumerate(node.references):
            fixed = len(node.shape.fixed)
            kind = node.shape.fixed[i][2] if i < fixed else node.shape.run_kind
            if target is not None and kind == OWNING:
                target.refcount += 1
    for number, more in graph.extra.items():
        objects[number].refcount += more
    for node in nodes:
        node.refcount = 0 if node.address is None else node.refcount
    return Description(nodes, types, shapes), objects, spaces


def write(graph: Graph) -> bytes:
    """The file."""
    return writer.write(describe(graph)[0])
