"""A graph of N small instances with a __dict__, about 5.5 N objects.

Each Node has: ident (an int above the small-int cache), name (a unique str),
links (a list of 3 random other nodes) and extra (a dict with two keys, an int
and a str out of a small pool).  Per node: Node, its int, its str, its list,
its dict, and the int in that dict for half of the nodes.  Whether the
instance's own attributes take up a dict object depends on the Python version
(from 3.11 on they are inline values with no dict object until one is asked
for); build() asks for none.

usage: python graph_heap.py N [--hold SECONDS]
"""

import gc
import random

import _common


class Node:
    def __init__(self, ident, name):
        self.ident = ident
        self.name = name
        self.links = []
        self.extra = {}


POOL = ["kind-%d" % i for i in range(16)]


def build(n, seed=_common.SEED):
    rnd = random.Random(seed)
    randrange = rnd.randrange
    was = gc.isenabled()
    gc.disable()
    nodes = [Node(1_000_000 + i, "node-%010d" % i) for i in range(n)]
    big = 0
    for i, node in enumerate(nodes):
        node.links = [nodes[randrange(n)], nodes[randrange(n)], nodes[randrange(n)]]
        if i & 1:
            node.extra = {"weight": 5_000_000 + i, "kind": POOL[i & 15]}
            big += 1
        else:
            node.extra = {"weight": i & 127, "kind": POOL[i & 15]}
    if was:
        gc.enable()
    census = {"Node": n, "int": n + big, "str": n, "list": n + 1, "dict": n}
    return nodes, census


if __name__ == "__main__":
    _common.main(build, 200_000)
