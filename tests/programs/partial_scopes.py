"""Snapshots of what some objects reach, and deep_size, beside a closure in Python."""

from __future__ import annotations

import functools
import gc
import sys
import types
from typing import Any

import tonnage
from plant import SNAPSHOT, finish

STOP = (types.ModuleType, type, types.FunctionType, types.CodeType, types.BuiltinFunctionType, types.FrameType)


class Node:
    def __init__(self, *children: Any) -> None:
        self.children = children
        self.weight = 1.5 * len(children)


class Slots:
    __slots__ = ("left", "right")

    def __init__(self, left: Any, right: Any) -> None:
        self.left = left
        self.right = right


def function_held() -> float:
    return 9.75


def closure(*roots: Any) -> set[int]:
    """Ids of everything reachable that deep_size counts, by gc.get_referents and the keys of dicts."""
    found: dict[int, Any] = {}
    stack = list(roots)
    first = {id(root) for root in roots}
    while stack:
        obj = stack.pop()
        if id(obj) in found or (isinstance(obj, STOP) and id(obj) not in first):
            continue
        found[id(obj)] = obj
        stack.extend(gc.get_referents(obj))
        if isinstance(obj, dict):
            stack.extend(obj.keys())
    return set(found)


def cases() -> dict[str, list[Any]]:
    shared = [float(n) for n in range(10)]
    cycle: list[Any] = [object()]
    cycle.append(cycle)
    return {
        "list of floats": [[float(n) + 0.25 for n in range(1000)]],
        "dict of lists": [{f"key {n}": [n + 1000, str(n)] for n in range(300)}],
        "tree of instances": [Node(Node(), Node(Node("text" * 3)))],
        "slots": [Slots(Slots([1000], b"left"), {2000: {3000}})],
        "cycle": [cycle],
        "shared by two roots": [[shared, 1], [shared, 2]],
        "one root twice": [shared, shared],
        "holds a module, a class and a function": [[sys, Node, function_held, len, [float("0.5")]]],
        "partial": [functools.partial(max, [1.5, 2.5], key=None)],
        "nothing new": [None],
        "deep": [functools.reduce(lambda inner, _: (inner,), range(100_000), (float("3.5"),))],
    }


def main() -> None:
    results = {}
    tonnage.deep_size([])
    for name, roots in cases().items():
        gc.collect()
        wanted = closure(*roots)
        size = tonnage.deep_size(*roots)
        taken = tonnage.snapshot(f"{SNAPSHOT}.{name}", of=roots)
        results[name] = {
            "count": size.count,
            "bytes": size.bytes,
            "ids": sorted(wanted) if len(wanted) < 5000 else [],
            "oracle": len(wanted),
            "scope": taken.facts["capture.scope"],
            "lacking": sum(1 for number in wanted if number not in taken),
            "sum": sum(taken[number].size for number in wanted if number in taken),
            "unrelated": id(results) in taken,
        }
        taken.close()
    finish(results=results)


main()
