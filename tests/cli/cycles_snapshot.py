"""A process with a few cycles, described by hand: tests/c/cycles.tonnage is this file."""

from __future__ import annotations

import pure_writer as writer
from pure_writer import Description, Fact, Node, Shape, Type
from shop_snapshot import FACTS

OWNING, WEAK = 0, 2
ATTRIBUTE, FIELD, ROOT = 0, 3, 4
ITEMS, PAIRS = 1, 2
TRACKED, FINALIZED = 1, 32
BASE = 0x7F0000001000


def describe() -> Description:
    """Alive: a pair, a pair in gc.garbage, a ring of three, a dict that holds itself, an object that its dict holds.

    Garbage: a pair, and a ring of five with a text.  A class, which is left out; three weak references, one of them
    dead, and a weak dictionary.
    """
    object_type = Type("object")
    kinds = {name: Type(name, flags=2, base=object_type) for name in ("list", "dict", "tuple")}
    text_type = Type("str", base=object_type)
    type_type = Type("type", flags=2, base=object_type)
    node_type = Type("Node", "app", flags=3 | 8, base=object_type)
    link_type, open_type = (Type(name, "app", flags=3, base=object_type) for name in ("Link", "Open"))
    weak_type = Type("ReferenceType", "weakref", flags=2, base=object_type)
    table_type = Type("WeakValueDictionary", "weakref", flags=3, base=object_type)
    root_type, fields_type = (Type(name, None, flags=4, mro=()) for name in ("root", "interpreter"))
    types = [
        object_type, *kinds.values(), text_type, type_type, node_type, link_type, open_type, weak_type, table_type,
        root_type, fields_type,
    ]  # fmt: skip
    items, pairs = Shape(kinds["list"], run_style=ITEMS), Shape(kinds["dict"], run_style=PAIRS)
    parents, text = Shape(kinds["tuple"], run_style=ITEMS), Shape(text_type)
    own = {"__class__": ("__class__", ATTRIBUTE, OWNING)}
    node = Shape(node_type, [own["__class__"], ("children", ATTRIBUTE, OWNING), ("parent", ATTRIBUTE, OWNING)])
    link = Shape(link_type, [("next", ATTRIBUTE, OWNING), ("name", ATTRIBUTE, OWNING)])
    open_ = Shape(open_type, [("__dict__", ATTRIBUTE, OWNING)])
    class_ = Shape(type_type, [("__mro__", ATTRIBUTE, OWNING)])
    weak = Shape(weak_type, [("referent", FIELD, WEAK), ("__callback__", ATTRIBUTE, OWNING)])
    table = Shape(table_type, [("data", ATTRIBUTE, OWNING)])
    root = Shape(root_type, [("interpreter", ROOT, OWNING)], ITEMS)
    fields = Shape(fields_type, [("gc.garbage", FIELD, OWNING)])
    nodes: list[Node] = []

    def add(shape: Shape, size: int, *references: Node | None, flags: int = TRACKED, **more: object) -> Node:
        nodes.append(Node(shape, BASE + 64 * len(nodes), size, flags=flags, references=[*references], **more))  # type: ignore[arg-type]
        return nodes[-1]

    cls = add(class_, 1000)
    cls.references = [add(parents, 56, cls)]

    def pair() -> Node:
        parent = add(node, 48, cls)
        child = add(node, 48, cls, None, parent)
        parent.references += [add(items, 64, child), None]
        return parent

    def ring(n: int) -> list[Node]:
        links = [add(link, 32) for _ in range(n)]
        for one, after in zip(links, [*links[1:], links[0]], strict=True):
            one.references = [after, None]
        return links

    kept, listed, forgotten = pair(), pair(), pair()
    forgotten.flags |= FINALIZED
    alive, garbage = ring(3), ring(5)
    garbage[2].references[1] = add(text, 90, flags=0, preview=(1, b"hangs"))
    me = add(text, 51, flags=0, preview=(1, b"me"))
    itself = add(pairs, 184)
    itself.references = [me, itself]
    instance = add(open_, 48)
    attributes = add(pairs, 104, me, instance)
    instance.references = [attributes]
    call = add(text, 40, flags=0, preview=(1, b"callback"))
    weak_kept, weak_dead = add(weak, 72, kept, call), add(weak, 72, None, None)
    weak_entry = add(weak, 72, alive[0], None)
    weakly = add(table, 48, add(pairs, 104, me, weak_entry))
    uncollectable = add(items, 72, listed)
    interpreter = Node(fields, references=[uncollectable])
    held = [kept, alive[1], itself, instance, cls, weak_kept, weak_dead, weakly]
    top = Node(root, references=[interpreter, *held])
    for one in [*nodes, interpreter, top]:
        for place, target in enumerate(one.references):
            fixed = one.shape.fixed
            if target is not None and (place >= len(fixed) or fixed[place][2] == OWNING):
                target.refcount += 1
    interpreter.refcount = top.refcount = 0
    shapes = [items, pairs, parents, text, node, link, open_, class_, weak, table, root, fields]
    facts: dict[str, Fact] = {**FACTS, "gc.enabled": 0}
    return Description([*nodes, top, interpreter], types, shapes, facts)


def data() -> bytes:
    """The file."""
    return writer.write(describe())
