"""Notes, of every object that can be reached, what sys.getsizeof says and how large its block is.

The block is read from the allocators' own headers: that of the pymalloc pool an address lies in, and the size word of
glibc's chunk.  A second, independent decoding of the same bytes, in Python.
"""

from __future__ import annotations

import ctypes
import gc
import json
import re
import struct
import sys
from array import array
from typing import Any

from plant import SIDE, finish, plant, take, type_name

HAVE_GC, MANAGED_WEAKREF, MANAGED_DICT = 1 << 14, 1 << 3, 1 << 4


class Plain:
    def __init__(self) -> None:
        self.first = 1.5
        self.second = "x"


class Slotted:
    __slots__ = ("one", "two", "three")


class Wide:
    def __init__(self) -> None:
        for index in range(40):
            setattr(self, f"attribute_{index}", index)


class ListWithDict(list[int]):
    pass


class StrWithDict(str):
    pass


class IntWithSlots(int):
    __slots__ = ()


def make() -> list[Any]:
    """Objects of each kind whose parts need a rule, in several sizes."""
    from collections import OrderedDict, deque
    from io import BytesIO, StringIO

    made: list[Any] = []
    for n in (0, 1, 3, 8, 9, 20, 100, 700, 5000):
        made += [list(range(n)), tuple(range(n)), {i: i for i in range(n)}, {f"k{i}": i for i in range(n)}]
        made += [set(range(n)), frozenset(range(n)), deque(range(n)), bytearray(n), bytes(n), "x" * n, "\xe9" * n]
        made += ["\u20ac" * n, "\U0001f600" * n, array("d", bytes(8 * n)), 1 << (30 * n), [0] * n]
        made += [OrderedDict.fromkeys(range(n)), BytesIO(bytes(n)), ListWithDict(range(n)), StrWithDict("y" * n)]
        text = StringIO()
        text.write("z" * n)
        made.append(text)
        grown: list[int] = []
        for i in range(n):
            grown.append(i)
        made.append(grown)
    encoded = "\u20ac" * 50 + "q"
    ctypes.pythonapi.PyUnicode_AsUTF8.restype = ctypes.c_char_p
    ctypes.pythonapi.PyUnicode_AsUTF8(ctypes.py_object(encoded))
    made.append(encoded)
    made += [Plain() for _ in range(60)] + [Wide() for _ in range(5)] + [Slotted() for _ in range(5)]
    with_dict = Plain()
    made += [with_dict, vars(with_dict), IntWithSlots(10**40), 1.25, 2j, object(), memoryview(b"abc"), range(3)]
    return made


def closure() -> list[Any]:
    """Every object that the collector or a chain of gc.get_referents leads to."""
    found = {id(obj): obj for obj in gc.get_objects()}
    queue = list(found.values())
    while queue:
        for obj in gc.get_referents(queue.pop()):
            if id(obj) not in found:
                found[id(obj)] = obj
                queue.append(obj)
    return list(found.values())


def writable_maps() -> list[tuple[int, int, str]]:
    maps = []
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        for line in file:
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ \S+ *(.*)", line)
            if match and match[3].startswith("rw"):
                maps.append((int(match[1], 16), int(match[2], 16), match[4]))
    return maps


def pool_block(address: int, maps: list[tuple[int, int, str]]) -> int:
    """Block size of the pymalloc pool around an address; 0 when there is none."""
    pool = address & ~0x3FFF
    for start, end, name in maps:
        if start <= pool and pool + 0x4000 <= end:
            if name:
                return 0
            header = struct.unpack("<IIQQQIIII", ctypes.string_at(pool, 48))
            count, _, _, _, _, _, szidx, nextoffset, maxnextoffset = header
            block = 16 * (szidx + 1)
            if szidx < 32 and maxnextoffset == 0x4000 - block and 48 <= nextoffset <= 0x4000 and 0 < count <= 1020:
                return block
    return 0


def main() -> None:
    made = make()
    for index, obj in enumerate(made):
        plant(f"made {index}", obj)
    large = [[0] * 1_000_000, bytes(3_000_000), dict.fromkeys(range(50_000)), "x" * 200_000]
    for index, obj in enumerate(large):
        plant(f"large {index}", obj)
    gc.collect()
    gc.disable()
    names: dict[str, int] = {}
    mros: list[list[str]] = []
    rows = array("Q")
    everything = closure()
    maps = writable_maps()
    own = {id(everything), id(maps), id(rows), id(names), id(mros), id(made)}
    for obj in everything:
        kind = type(obj)
        if id(obj) in own:
            continue
        key = type_name(obj)
        if key not in names:
            names[key] = len(names)
            mros.append([base.__qualname__ for base in kind.__mro__])
        pre = 16 if kind.__flags__ & HAVE_GC and (kind is not type or obj.__flags__ & 1 << 9) else 0
        if kind.__flags__ & (MANAGED_DICT | (MANAGED_WEAKREF if sys.version_info >= (3, 12) else 0)):
            pre += 16
        start = id(obj) - pre
        block, allocator = pool_block(start, maps), 1
        if not block:
            inside = next((name for low, high, name in maps if low <= start < high), None)
            static = isinstance(obj, type) and not obj.__flags__ & 1 << 9  # also in pages that look like malloc's
            allocator = 2 if inside in ("", "[heap]") and not static else 0
            block = (struct.unpack("<Q", ctypes.string_at(start - 8, 8))[0] & ~7) if allocator else 0
        rows.extend((id(obj), names[key], sys.getsizeof(obj), block, allocator))
    del everything, obj
    blocks = sys.getallocatedblocks()
    take()
    with open(SIDE + ".rows", "wb") as file:
        rows.tofile(file)
    with open(SIDE + ".types", "w", encoding="utf-8") as text:
        json.dump([list(names), mros], text)
    finish(allocated_blocks=blocks)


main()
