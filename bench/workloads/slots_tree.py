"""A balanced binary tree of N nodes with __slots__ (left, right, key, value).

Per node: Node, its key (an int above the small-int cache) and its value (a
float): about 3 N objects, of which only the N nodes are tracked by the
collector.  Each node also points at its parent, so the tree is full of cycles
and 'who holds this' has a long answer.

usage: python slots_tree.py N [--hold SECONDS]
"""

import gc

import _common


class Node:
    __slots__ = ("parent", "left", "right", "key", "value")

    def __init__(self, parent, key, value):
        self.parent = parent
        self.left = None
        self.right = None
        self.key = key
        self.value = value


class Tree:
    __slots__ = ("root", "size")


def build(n, seed=_common.SEED):
    was = gc.isenabled()
    gc.disable()
    tree = Tree()
    tree.size = n
    tree.root = Node(None, 1_000_001, 0.5)
    queue = [tree.root]
    made = 1
    head = 0
    while made < n:
        node = queue[head]
        head += 1
        made += 1
        node.left = Node(node, 1_000_000 + made, made + 0.5)
        queue.append(node.left)
        if made < n:
            made += 1
            node.right = Node(node, 1_000_000 + made, made + 0.5)
            queue.append(node.right)
    del queue
    if was:
        gc.enable()
    return tree, {"Node": n, "int": n + 1, "float": n, "Tree": 1}


if __name__ == "__main__":
    _common.main(build, 333_000)
