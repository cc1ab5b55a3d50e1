"""Writes gc.get_referents of everything that can be reached, before and after the snapshot.

Rows of SIDE.before and SIDE.after, in u64: id, number of referents, their ids.
"""

from __future__ import annotations

import asyncio  # noqa: F401 - more kinds of objects in the process
import collections
import ctypes  # noqa: F401
import dataclasses
import email.message  # noqa: F401
import enum
import functools
import gc
import itertools
import logging
import re
import threading
import types
import weakref
from array import array
from typing import Any

from plant import SIDE, finish, take


class Color(enum.Enum):
    RED = 1
    GREEN = 2


@dataclasses.dataclass(slots=True)
class Point:
    x: float
    y: list[int]


class Base:
    class_attribute = [1, 2]

    def __init__(self, value: Any) -> None:
        self.value = value
        self.other = {value: value}


class Sub(Base, list):  # type: ignore[type-arg]
    __slots__ = ("extra",)


def generator(x: Any) -> Any:
    y = [x]
    yield y
    yield x


def zoo() -> list[Any]:
    kept: list[Any] = [Base(i) for i in range(200)]
    for item in kept[:50]:
        vars(item)
    materialised = Base("dict")
    materialised.__dict__["added by key"] = 1.5
    running = generator(object())
    next(running)
    sub = Sub("s")
    sub.extra = {1: 2}
    sub.append(object())
    kept += [materialised, running, sub, Point(1.0, [2]), Color.RED]
    kept += [collections.OrderedDict(a=[1]), collections.defaultdict(list, {1: [2]}), collections.deque([[1], [2]])]
    kept += [functools.partial(print, [1], end=[2]), functools.lru_cache(lambda: 1), itertools.chain([1], [[2]])]
    kept += [types.SimpleNamespace(a=[1]), types.MappingProxyType({1: []}), re.compile("a+").match("aaa")]
    kept += [weakref.ref(materialised), weakref.WeakValueDictionary({1: materialised}), memoryview(bytearray(9))]
    kept += [threading.local(), logging.getLogger("a.b"), {"a": {1, 2, (3, 4)}}, frozenset([(1, 2)]), slice([1], [2])]
    kept += [
        iter([1, 2]),
        enumerate([[1]]),
        zip([[1]], [[2]], strict=False),
        map(str, [[1]]),
        property(len),
    ]
    kept += [
        super(Sub, sub),
        classmethod(generator),
        staticmethod(generator),
        materialised.__init__,
        "".join,
        (i for i in [[1]]),
    ]
    try:
        raise ValueError([1])
    except ValueError as error:
        error.__cause__ = KeyError([2])
        kept.append(error)
    return kept


def dump() -> array[int]:
    found: dict[int, Any] = {}
    for obj in gc.get_objects():  # no comprehension: up to 3.11 one is a function, and tracked
        found[id(obj)] = obj
    queue = list(found.values())
    rows = array("Q")
    own = {id(found), id(queue), id(rows)}
    while queue:
        obj = queue.pop()
        if id(obj) in own:
            continue
        referents = gc.get_referents(obj)
        rows.extend((id(obj), len(referents), *sorted(map(id, referents))))
        for referent in referents:
            if id(referent) not in found:
                found[id(referent)] = referent
                queue.append(referent)
    return rows


def main() -> None:
    kept = zoo()
    gc.collect()
    gc.disable()
    dump()
    before = dump()
    take()
    after = dump()
    for name, rows in (("before", before), ("after", after)):
        with open(f"{SIDE}.{name}", "wb") as file:
            rows.tofile(file)
    finish(kept=len(kept))


main()
