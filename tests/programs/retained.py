"""What retains what: cycles, pointers to parents, a deep chain, untracked dicts, locals, shared and forgotten things.

Argument: how deep the chain is.
"""

from __future__ import annotations

import ctypes
import gc
import weakref
from typing import Any

from plant import ARGUMENTS, finish, plant, take

N_RING, N_TREE, N_DEEP = 50, 40, int(ARGUMENTS[0])


class Node:
    def __init__(self, parent: Node | None = None) -> None:
        self.parent = parent
        self.children: list[Node] = []
        self.data = bytes(1000)


class Box:
    def __init__(self, content: object) -> None:
        self.content = content


def ring() -> Box:
    nodes = [Node() for _ in range(N_RING)]
    for node, after in zip(nodes, nodes[1:] + nodes[:1], strict=True):
        node.children.append(after)
        after.parent = node
    return Box(nodes[0])


def tree() -> Node:
    root = Node()
    level = [root]
    while len(level) < N_TREE:
        for node in list(level)[:N_TREE]:
            node.children.append(Node(node))
        level = [child for node in level for child in node.children] + level
        level = list(dict.fromkeys(level))
    return root


def deep() -> list[Any]:
    chain: list[Any] = []
    for _ in range(N_DEEP - 1):
        chain = [chain]
    return chain


ring_box = plant("ring", ring())
tree_root = plant("tree", tree())
deep_head = plant("deep", deep())
# Up to 3.13 the collector does not track a dict of atoms.
untracked = plant("untracked", [{"text": "u" * 5000 + str(id(ring))}])
shared = plant("shared", ["s" * 9000 + str(id(ring))])
first_cache, second_cache = plant("first", Box(shared)), plant("second", Box(shared))
del shared
weak_target = plant("weak target", Box("w" * 3000 + str(id(ring))))
weak_holder = plant("weak holder", [weakref.ref(weak_target)])
counted = plant("counted", Box(bytes(7000)))
ctypes.pythonapi.Py_IncRef(ctypes.py_object(counted))
plant("int", int)

gc.collect()
gc.disable()
forgotten = Node()
forgotten.children.append(plant("forgotten", forgotten))
forgotten.parent = Node(plant("hangs from it", Node()))
forgotten.parent.children.append(Node())
del forgotten


def keeping() -> None:
    rows = plant("rows", [bytes(2000) for _ in range(10)])
    take()
    assert rows


del counted
keeping()
finish()
