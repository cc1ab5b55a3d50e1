"""Programs that waste memory in one way each, and the same programs with the change made that `tonnage waste` tells.

Arguments: which, "before" or "after", and the path of a snapshot. Without a path it prints how many bytes both
allocators have given out for what is kept in KEPT: pymalloc's own counters (sys._debugmallocstats, on standard error)
and the C library's (mallinfo2). tonnage is not imported then.
"""

from __future__ import annotations

import array
import collections
import ctypes
import gc
import sys
from collections.abc import Callable
from typing import Any

N = 20000
KEPT: list[Any] = []


class Point:
    def __init__(self, number: int) -> None:
        self.x = self.y = self.z = None
        self.number = number % 200


class SlottedPoint:
    __slots__ = ("number", "x", "y", "z")
    __init__ = Point.__init__


class Watched:
    def __init__(self, number: int) -> None:
        self.number = number % 200
        self.name = None


class SlottedWatched:
    __slots__ = ("__weakref__", "name", "number")
    __init__ = Watched.__init__


class Watch:
    def __init__(self, number: int) -> None:
        self.number = number % 200


class SlottedWatch:
    __slots__ = ("__weakref__", "number")
    __init__ = Watch.__init__


class Base:
    def __init__(self, number: int) -> None:
        self.one = self.two = self.three = None


class Leaf(Base):
    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number % 200


class SlottedBase:
    __slots__ = ("one", "three", "two")
    __init__ = Base.__init__


class SlottedLeaf(SlottedBase):
    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number % 200


class Members(set[int]):
    pass


class SlottedMembers(set[int]):
    __slots__ = ("first", "second")


class Label(str):
    pass


class SlottedLabel(str):
    __slots__ = ("first",)


class Roomy(list[None]):
    __slots__ = ()


class Sharing:
    """Half of them lose what the class shares: more attributes than keys are shared."""

    def __init__(self, number: int) -> None:
        self.one = self.two = self.three = None


def text(number: int) -> str:
    return f"a text that is there more than once, {number % 100}"


def equal_texts(after: bool) -> None:
    seen: dict[str, str] = {}
    KEPT.extend(seen.setdefault(text(i), text(i)) if after else text(i) for i in range(N))


def equal_bytes(after: bool) -> None:
    seen: dict[bytes, bytes] = {}
    for i in range(N):
        value = text(i).encode()
        KEPT.append(seen.setdefault(value, value) if after else value)


def equal_floats(after: bool) -> None:
    seen: dict[float, float] = {}
    for i in range(N):
        value = (i % 500) / 7
        KEPT.append({"price": seen.setdefault(value, value) if after else value})


def equal_tuples(after: bool) -> None:
    seen: dict[Any, Any] = {}
    for i in range(N):
        value: Any = (i % 100, (text(i % 50), None))
        KEPT.append(seen.setdefault(value, value) if after else value)


def equal_lists(after: bool) -> None:
    shared = [[i, None, i + 1] for i in range(100)]
    KEPT.extend(shared[i % 100] if after else [i % 100, None, i % 100 + 1] for i in range(N))


def equal_dicts(after: bool) -> None:
    shared = [{"first": i, "second": None} for i in range(100)]
    KEPT.extend(shared[i % 100] if after else {"first": i % 100, "second": None} for i in range(N))


def array_room(after: bool) -> None:
    for i in range(N // 100):
        value = array.array("d", [i]) * 1000
        for _ in range(400):
            value.pop()  # one by one: more at once is given back
        KEPT.append(array.array("d", value) if after else value)


def list_room(after: bool) -> None:
    for _ in range(N // 100):
        value: list[None] = [None] * 1000
        del value[600:]
        KEPT.append(list(value) if after else value)


def dict_room(after: bool) -> None:
    for _ in range(N // 100):
        value = dict.fromkeys(range(300))
        for key in range(250):
            del value[key]
        KEPT.append(dict(value.items()) if after else value)


def literal_room(after: bool) -> None:
    for _ in range(N // 4):
        value = {"a": None, "b": None, "c": None, "d": None, "e": None, "f": None}
        for name in "bcdef":
            value.pop(name)
        KEPT.append(dict(value.items()) if after else value)


def frozenset_room(after: bool) -> None:
    for i in range(N // 20):
        value = frozenset(list(range(i % 200, i % 200 + 30)))  # noqa: C414
        KEPT.append(frozenset(set(value)) if after else value)


def subclass_room(after: bool) -> None:
    for _ in range(N // 10):
        value = Roomy([None] * 60)
        del value[10:]
        KEPT.append(Roomy(value) if after else value)


def few_in_deques(after: bool) -> None:
    KEPT.extend([None, None] if after else collections.deque([None, None]) for _ in range(N // 10))


def empty_mappings(after: bool) -> None:
    for _ in range(N // 10):
        KEPT.extend([None] * 3 if after else [collections.defaultdict(list), collections.OrderedDict(), Roomy()])


def few_equal_texts(after: bool) -> None:
    for i in range(N // 10):
        value = text(i) * 5 + str(i)
        KEPT.extend(value if after else value[:-1] + value[-1:] for _ in range(5))


def named_dict_room(after: bool) -> None:
    names = [f"name {i}" for i in range(1000)]
    KEPT.append(names)
    for _ in range(N // 400):
        value = dict.fromkeys(names)
        for name in names[:-3]:
            del value[name]
        KEPT.append(dict(value.items()) if after else value)


def set_room(after: bool) -> None:
    for _ in range(N // 100):
        value = set(range(200))
        value -= set(range(190))
        KEPT.append(set(value) if after else value)


def small_set_room(after: bool) -> None:
    for i in range(N):
        value = set()
        for member in range(5):
            value.add((i + member) % 250)
        KEPT.append(set(value) if after else value)


def bytearray_room(after: bool) -> None:
    for _ in range(N // 100):
        value = bytearray(2000)
        del value[1100:]
        KEPT.append(bytearray(value) if after else value)


def deque_room(after: bool) -> None:
    for _ in range(N // 100):
        value: collections.deque[None] = collections.deque([None] * 1000)
        for _ in range(995):
            value.pop()
        KEPT.append(collections.deque(value) if after else value)


def empty_lists(after: bool) -> None:
    KEPT.extend({"tags": None if after else []} for _ in range(N))


def empty_dicts(after: bool) -> None:
    KEPT.extend((None if after else {}, i) for i in range(N))


def empty_sets(after: bool) -> None:
    KEPT.extend({"tags": None if after else set()} for _ in range(N))


def slots(after: bool) -> None:
    KEPT.extend((SlottedPoint if after else Point)(i) for i in range(N))


def slots_of_dicts(after: bool) -> None:
    slots(after)
    if not after:
        for point in KEPT:
            point.__dict__


def slots_watched(after: bool) -> None:
    import weakref

    KEPT.extend((SlottedWatched if after else Watched)(i) for i in range(N))
    KEPT.append([weakref.ref(one) for one in KEPT])


def slots_watch(after: bool) -> None:
    import weakref

    KEPT.extend((SlottedWatch if after else Watch)(i) for i in range(N))
    KEPT.append([weakref.ref(one) for one in KEPT])


def slots_inherited(after: bool) -> None:
    KEPT.extend((SlottedBase if after else Base)(i) for i in range(N))
    KEPT.extend((SlottedLeaf if after else Leaf)(i) for i in range(N))


def slots_of_sets(after: bool) -> None:
    for i in range(N // 2):
        members = (SlottedMembers if after else Members)(range(i % 200, i % 200 + 6))
        members.first = members.second = None  # type: ignore[union-attr]
        KEPT.append(members)


def slots_of_texts(after: bool) -> None:
    for i in range(N // 5):
        label = (SlottedLabel if after else Label)(f"number {i} " * 20)
        label.first = None  # type: ignore[union-attr]
        KEPT.append(label)


def unshared(after: bool) -> None:
    for i in range(N):
        value = Sharing(i)
        if i % 2 and not after:
            value.__dict__ = dict(value.__dict__)  # a table of its own
        KEPT.append(value)


def boxed_floats(after: bool) -> None:
    for i in range(N // 1000):
        value = [1000 * i + k + 0.5 for k in range(1000)]
        KEPT.append(array.array("d", value) if after else value)


def boxed_ints(after: bool) -> None:
    for i in range(N // 1000):
        value = tuple(1000 * i + k + 10**12 for k in range(1000))
        KEPT.append(array.array("q", value) if after else value)


def second_copies(after: bool) -> None:
    for i in range(N):
        value = f"sch\u00f6n, number {i}"
        KEPT.append(value)
        if not after:
            ctypes.pythonapi.PyUnicode_AsUTF8(ctypes.py_object(value))


def zeros(after: bool) -> None:
    if not after:
        KEPT.append(bytes(100_000))
        KEPT.append(bytes(70_001))


def equal_data(after: bool) -> None:
    values: dict[bytes, bytearray] = {}
    for i in range(N // 100):
        content = text(i).encode() * 150  # 6 KiB: read as a whole because others look like it
        KEPT.append(values.setdefault(content, bytearray(content)) if after else bytearray(content))


def equal_short_data(after: bool) -> None:
    shared = [array.array("d", [i, i + 1, 0.5, i]) for i in range(100)]
    KEPT.extend(shared[i % 100] if after else array.array("d", shared[i % 100]) for i in range(N))


def few_large_texts(after: bool) -> None:
    kept = [text(0) * 15000, text(1).encode() * 15000]
    KEPT.extend(kept[i % 2] if after else kept[i % 2][:-1] + kept[i % 2][-1:] for i in range(4))


def zero_data(after: bool) -> None:
    if not after:
        KEPT.append(bytearray(300_000))
        KEPT.append(array.array("q", bytes(800_000)))


def tight(after: bool) -> None:
    """Nothing to find: arrays, distinct texts, slots, a list that has just grown."""
    KEPT.append(array.array("d", range(N)))
    KEPT.append([bytearray(text(i).encode() * 150 + bytes([i])) for i in range(100)])  # alike but for the last byte
    KEPT.append(bytearray(70_000) + b"no zero")
    KEPT.append([f"a text of its own, number {i}" for i in range(N // 10)])
    KEPT.extend(SlottedPoint(i) for i in range(N // 10))
    KEPT.append({f"key {i}": None for i in range(N // 10)})


def malloc_bytes() -> int:
    class Info(ctypes.Structure):
        _fields_ = [
            (name, ctypes.c_size_t)
            for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd")
            + ("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
        ]

    libc = ctypes.CDLL(None)
    libc.mallinfo2.restype = Info
    info = libc.mallinfo2()
    return int(info.uordblks + info.hblkhd)


def main() -> None:
    build: Callable[[bool], None] = globals()[sys.argv[1]]
    build(sys.argv[2] == "after")
    gc.collect()
    if len(sys.argv) > 3:
        import tonnage

        tonnage.snapshot(sys.argv[3], force=True)
        return
    print(malloc_bytes(), flush=True)
    sys._debugmallocstats()


if __name__ == "__main__":
    main()
