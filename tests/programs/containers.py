"""One holder of every kind that CPython has, each the only one that refers to something new."""

from __future__ import annotations

import array
import asyncio
import collections
import contextvars
import csv
import ctypes
import dataclasses
import datetime
import enum
import functools
import gc
import io
import itertools
import mmap
import operator
import queue
import re
import threading
import types
import weakref
from collections.abc import Callable
from typing import Any

from plant import finish, hold, plant, take

KEEP: list[Any] = []
COUNT = itertools.count(1)


class Leaf:
    """Held by one holder only; its ident tells them apart."""

    __slots__ = ("__weakref__", "ident")

    def __init__(self) -> None:
        self.ident = next(COUNT) + 1_000_000


def holder_of(root: object, leaf: object) -> object:
    """The object nearest to root, by gc.get_referents, that refers to leaf."""
    queue = [root]
    seen = {id(root)}
    for obj in queue:
        referents = gc.get_referents(obj)
        if any(referent is leaf for referent in referents):
            return obj
        for referent in referents:
            if id(referent) not in seen and not isinstance(referent, (type, types.ModuleType)):
                seen.add(id(referent))
                queue.append(referent)
    raise LookupError("nothing holds the leaf")


def held_by(name: str, make: Callable[[Any], Any], find: Callable[[Any], Any] | None = None) -> None:
    """Plants make(leaf).  The leaf's holder is what find gives for it, else what the collector's own walk finds."""
    leaf = Leaf()
    made = make(leaf)
    holder = find(made) if find else holder_of(made, leaf)
    plant(name, holder)
    plant(f"{name}: held", leaf)
    hold(name, holder, leaf)
    KEEP.append(made)


class WithDict:
    def __init__(self, value: Any) -> None:
        self.value = value


class WithSlots:
    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class SlotsAndDict(WithSlots):
    pass


@dataclasses.dataclass
class Data:
    value: Any


@dataclasses.dataclass(slots=True)
class SlottedData:
    value: Any


Named = collections.namedtuple("Named", "first second")


class ListSub(list):  # type: ignore[type-arg]
    pass


class DictSub(dict):  # type: ignore[type-arg]
    __slots__ = ("value",)


class TupleSub(tuple):  # type: ignore[type-arg]
    pass


class SetSub(set):  # type: ignore[type-arg]
    __slots__ = ("value",)


class IntSub(int):
    pass


class StrSub(str):
    pass


class BytesSub(bytes):
    pass


class FloatSub(float):
    __slots__ = ("value",)


class PyObjectHolder(ctypes.Structure):
    _fields_ = [("number", ctypes.c_int), ("value", ctypes.py_object)]


def with_attribute(obj: Any, value: Any) -> Any:
    obj.value = value
    return obj


def materialised(value: Any) -> Any:
    made = WithDict(value)
    vars(made)
    return made


def closure(value: Any) -> Any:
    def inner() -> Any:
        return value

    return inner


def generator(value: Any) -> Any:
    yield 1
    yield value


def started(value: Any) -> Any:
    made = generator(value)
    next(made)
    return made


@types.coroutine
def pause() -> Any:
    yield 1


async def coroutine(value: Any) -> Any:
    await pause()
    return value


def suspended(value: Any) -> Any:
    made = coroutine(value)
    made.send(None)
    return made


async def async_generator(value: Any) -> Any:
    yield 1
    yield value


def started_async(value: Any) -> Any:
    made = async_generator(value)
    try:
        made.asend(None).send(None)
    except StopIteration:
        pass
    return made


def raised(value: Any) -> Any:
    local = value
    del value
    try:
        raise ValueError(1)
    except ValueError as error:
        assert local is not None
        return error


def frame_of(error: BaseException) -> Any:
    assert error.__traceback__ is not None
    return error.__traceback__.tb_frame


def cached(value: Any) -> Any:
    @functools.lru_cache(maxsize=4)
    def function(_: int) -> Any:
        return box.pop()

    box = [value]
    del value
    function(1)
    return function


class Zone(datetime.tzinfo):
    def __init__(self, value: Any = None) -> None:
        self.value = value


def make_class(value: Any) -> Any:
    return type("Made", (), {"value": value})


def make_module(value: Any) -> Any:
    module = types.ModuleType("made_module")
    module.value = value  # type: ignore[attr-defined]
    return module


def simple_queue(value: Any) -> Any:
    made: queue.SimpleQueue[Any] = queue.SimpleQueue()
    made.put(value)
    return made


def tee(value: Any) -> Any:
    first, second = itertools.tee(iter([value, 1]))
    next(first)
    return second


def context(value: Any) -> Any:
    variable: contextvars.ContextVar[Any] = contextvars.ContextVar("variable")
    made = contextvars.copy_context()
    made.run(variable.set, value)
    KEEP.append(variable)
    return made


def after_deletions(value: Any) -> Any:
    made = {index: value for index in range(9)}
    for index in range(8):
        del made[index]
    return made


def rotated(value: Any) -> Any:
    made = collections.deque([*range(64), value])
    made.rotate(9)
    return made


def after_deleted_attribute(value: Any) -> Any:
    made = WithDict(1)
    made.first = value  # type: ignore[attr-defined]
    del made.value
    return made


def replaced_dict(value: Any) -> Any:
    made = WithDict(1)
    made.__dict__ = {"b": value}
    return made


def mixed(value: Any) -> Any:
    made = SlotsAndDict(1)
    made.other = value  # type: ignore[attr-defined]
    return made


def with_cause(value: Any) -> Any:
    made = ValueError()
    made.__cause__ = with_attribute(KeyError(), value)
    return made


def cycle(value: Any) -> Any:
    made = itertools.cycle([value])
    next(made)
    return made


def weak_with_callback(value: Any) -> Any:
    KEEP.append(WithDict(1))
    return weakref.ref(KEEP[-1], types.MethodType(print, value))


def main() -> None:
    held_by("list", lambda x: [x])
    held_by("list grown", lambda x: [*range(100), x])
    held_by("tuple", lambda x: (1, x))
    held_by("dict value", lambda x: {"a": x})
    held_by("dict key", lambda x: {x: 1})
    held_by("dict with integer keys", lambda x: {7: x})
    held_by("dict after deletions", after_deletions)
    held_by("dict of 1000", lambda x: {**{f"key {i}": i for i in range(1000)}, "last": x})
    held_by("set", lambda x: {x})
    held_by("set of 101", lambda x: {x, *range(100)})
    held_by("frozenset", lambda x: frozenset([x]))
    held_by("deque", lambda x: collections.deque([1, x]))
    held_by("deque of many blocks", lambda x: collections.deque([*range(300), x, *range(300)]))
    held_by("deque rotated", rotated)
    held_by("OrderedDict value", lambda x: collections.OrderedDict(a=x))
    held_by("OrderedDict key", lambda x: collections.OrderedDict([(x, 1)]))
    held_by("defaultdict value", lambda x: collections.defaultdict(int, a=x))
    held_by("defaultdict factory", lambda x: collections.defaultdict(functools.partial(int, x)))
    held_by("Counter", lambda x: collections.Counter([x]))
    held_by("ChainMap", lambda x: collections.ChainMap({1: x}))
    held_by("instance", WithDict)
    held_by("instance with dict made", materialised)
    held_by("instance with an attribute deleted", after_deleted_attribute)
    held_by("instance with dict replaced", replaced_dict)
    held_by("slots", WithSlots)
    held_by("slots of a base", SlotsAndDict)
    held_by("slots and dict", mixed)
    held_by("dataclass", Data)
    held_by("dataclass with slots", SlottedData)
    held_by("namedtuple", lambda x: Named(1, x))
    held_by("enum member value", lambda x: enum.Enum("Made", {"MEMBER": (x, 1)}).MEMBER.value)  # type: ignore[attr-defined]
    held_by("list subclass item", lambda x: ListSub([x]))
    held_by("list subclass attribute", lambda x: with_attribute(ListSub(), x))
    held_by("dict subclass value", lambda x: DictSub(a=x))
    held_by("dict subclass slot", lambda x: with_attribute(DictSub(), x))
    held_by("tuple subclass item", lambda x: TupleSub([x]))
    held_by("tuple subclass attribute", lambda x: with_attribute(TupleSub([1, 2]), x))
    held_by("set subclass member", lambda x: SetSub([x]))
    held_by("set subclass slot", lambda x: with_attribute(SetSub(), x))
    held_by("int subclass attribute", lambda x: with_attribute(IntSub(10**30), x))
    held_by("str subclass attribute", lambda x: with_attribute(StrSub("str subclass"), x))
    held_by("bytes subclass attribute", lambda x: with_attribute(BytesSub(b"bytes"), x))
    held_by("float subclass slot", lambda x: with_attribute(FloatSub(2.5), x))
    held_by("exception argument", lambda x: ValueError(x))
    held_by("exception attribute", lambda x: with_attribute(ValueError(), x))
    held_by("exception cause", with_cause)
    held_by("exception group", lambda x: ExceptionGroup("g", [with_attribute(ValueError(), x)]))  # noqa: F821
    held_by("frame of a traceback", raised, frame_of)
    held_by("closure", closure)
    held_by("cell", types.CellType)
    held_by("function default", lambda x: lambda a=x: a)
    held_by("function keyword default", lambda x: lambda *, a=x: a)
    held_by("function attribute", lambda x: with_attribute(lambda: 1, x))
    held_by("bound method", lambda x: types.MethodType(print, x))
    held_by("builtin method", lambda x: [x].append)
    held_by("generator", started)
    held_by("generator not started", generator)
    held_by("coroutine", suspended)
    held_by("async generator", started_async)
    held_by("generator expression", lambda x: (i for i in [x]))
    held_by("partial argument", lambda x: functools.partial(print, x))
    held_by("partial keyword", lambda x: functools.partial(print, end=x))
    held_by("partial function", lambda x: functools.partial(types.MethodType(print, x)))
    held_by("lru_cache result", cached)
    held_by("property", lambda x: property(types.MethodType(print, x)))
    held_by("classmethod", classmethod)
    held_by("staticmethod", staticmethod)
    held_by("class attribute", make_class)
    held_by("module attribute", make_module, vars)
    held_by("SimpleNamespace", lambda x: types.SimpleNamespace(a=x))
    held_by("MappingProxyType", lambda x: types.MappingProxyType({1: x}))
    held_by("slice", lambda x: slice(x, 1))
    held_by("itertools.chain", lambda x: itertools.chain([1], [x]))
    held_by("itertools.repeat", itertools.repeat)
    held_by("itertools.cycle", cycle)
    held_by("itertools.product", lambda x: itertools.product([x]))
    held_by("itertools.tee", tee)
    held_by("map", lambda x: map(types.MethodType(print, x), [1]))
    held_by("dict view", lambda x: {1: x}.values())
    held_by("GenericAlias", lambda x: types.GenericAlias(list, (x,)))
    held_by("weakref callback", weak_with_callback)
    held_by("context variable default", lambda x: contextvars.ContextVar("v", default=x))
    held_by("context", context)
    held_by("ctypes.py_object", ctypes.py_object)
    held_by("ctypes structure", lambda x: PyObjectHolder(1, x))
    held_by("memoryview", lambda x: memoryview(with_attribute(BytesSub(b"view"), x)))
    held_by("datetime with a zone", lambda x: datetime.datetime(2020, 1, 1, tzinfo=Zone(x)), lambda d: vars(d.tzinfo))
    held_by("itemgetter", lambda x: operator.itemgetter(x))
    held_by("queue.SimpleQueue", simple_queue)
    held_by("asyncio.Future", future)
    held_by("threading.local", thread_local, lambda made: made.__dict__)
    plant_plain()
    gc.collect()
    take()
    finish()


def future(value: Any) -> Any:
    loop = asyncio.new_event_loop()
    made = loop.create_future()
    made.set_result(value)
    KEEP.append(loop)
    return made


def thread_local(value: Any) -> Any:
    made = threading.local()
    made.value = value
    return made


def plant_plain() -> None:
    """Kinds that hold no reference, or whose references are not the point."""
    mapped = mmap.mmap(-1, 100_000)
    row = csv.reader(["a"])
    for name, made in {
        "int": int("123456789123"),
        "float": float("2.25"),
        "complex": complex("1+2j"),
        "str": "".join(["pla", "nted"]),
        "str of two bytes": "\u20ac" * 10,
        "str of four bytes": "\U0001f600" * 10,
        "bytes": bytes(range(40)),
        "bytearray": bytearray(5000),
        "array": array.array("i", range(100)),
        "mmap": mapped,
        "re.Pattern": re.compile("unique (pattern) [a-z]+"),
        "re.Match": re.match("(a)", "a"),
        "BytesIO": io.BytesIO(b"x" * 3000),
        "StringIO": io.StringIO("text"),
        "range": range(10**12),
        "object": object(),
        "date": datetime.date(2020, 1, 2),
        "csv.reader": row,
        "lock": threading.Lock(),
        "struct": __import__("struct").Struct("<iiq"),
        "ellipsis": ...,
        "NotImplemented": NotImplemented,
        "None": None,
        "int type": int,
        "type type": type,
        "code": plant_plain.__code__,
        "Union": int | list[int],
        "empty tuple": (),
        "small int": 7,
        "True": True,
    }.items():
        plant(f"plain {name}", made)
        KEEP.append(made)


main()
