"""One object of each builtin kind whose references bear names, and what Python finds under these names.

A row of the side file's `labels` is [case, id of the holder, label, id of what it leads to]: read from live attributes,
or known because the program put it there. `whole` are holders of which no reference may be without a name.
"""

from __future__ import annotations

import asyncio
import collections
import contextvars
import functools
import gc
import io
import itertools
import operator
import os
import queue
import random
import re
import struct
import sys
import threading
import types
import typing
import weakref
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from typing import Any

from plant import finish, take

KEEP: list[Any] = []
LABELS: list[tuple[str, int, str, int]] = []
WHOLE: list[tuple[str, int]] = []


class Leaf:
    __slots__ = ("__weakref__",)


def leaf() -> Any:
    made = Leaf()
    KEEP.append(made)
    return made


def keep(case: str, holder: Any, /, **labels: Any) -> Any:
    """Names are told with `_` for nothing: `fget=x` is the label fget."""
    KEEP.append((holder, labels))
    WHOLE.append((case, id(holder)))
    LABELS.extend((case, id(holder), label, id(held)) for label, held in labels.items())
    return holder


def attributes(case: str, holder: Any, names: str) -> None:
    """Labels that are attributes: whatever Python finds there."""
    keep(case, holder, **{name: getattr(holder, name) for name in names.split()})


async def wait_for(awaited: Any) -> None:
    await awaited


async def outer(inner: Any) -> None:
    await inner


def generate(value: object) -> Generator[object, None, None]:
    yield value


def delegate(inner: Any) -> Generator[object, None, None]:
    yield from inner


async def generate_async(awaited: Any) -> AsyncIterator[object]:
    await awaited
    yield awaited


class Slotted(functools.partial[Any]):
    __slots__ = ("extra",)


class WithDict(asyncio.Future[Any]):
    extra: object


def plant_subclasses(loop: asyncio.AbstractEventLoop) -> None:
    slotted = Slotted(leaf, leaf())
    slotted.extra = leaf()
    attributes("slots beside fields", slotted, "func args extra __class__")
    future = WithDict(loop=loop)
    future.extra = extra = leaf()
    dicts = [one for one in gc.get_referents(future) if type(one) is dict and "extra" in one]
    own: dict[str, object] = {"__dict__": dicts[0]} if dicts else {"extra": extra}
    keep("attributes beside fields", future, _loop=loop, __class__=WithDict, **own)
    error = BrokenPipeError(leaf(), leaf())
    error.extra = leaf()  # type: ignore[attr-defined]
    attributes("error of a class in C", error, "args errno strerror __dict__")


def plant_functools() -> None:
    def wrapped(key: object) -> object:
        return leaf()

    bounded, unbounded = functools.lru_cache(maxsize=4)(wrapped), functools.lru_cache(maxsize=None)(wrapped)
    key = leaf()
    for cached in (bounded, unbounded):
        KEEP.append((cached(key), cached((key, 2.5))))
        attributes("lru_cache", cached, "__wrapped__ __dict__")
    partial = functools.partial(wrapped, leaf(), word=leaf())
    attributes("partial", partial, "func args keywords")
    compare = functools.cmp_to_key(lambda left, right: 0)
    keep("cmp_to_key", compare(key), obj=key)
    for getter in (operator.itemgetter(1, key), operator.attrgetter("a.b"), operator.methodcaller("name", key, w=key)):
        keep(type(getter).__name__, getter)


def plant_asyncio() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    future, value, first, second = loop.create_future(), leaf(), functools.partial(leaf), functools.partial(leaf)
    future.add_done_callback(first)
    future.add_done_callback(second)
    inner = wait_for(future)
    task = loop.create_task(outer(inner), name="a name that nobody else has")
    done, failed, cancelled = loop.create_future(), loop.create_future(), loop.create_future()
    done.set_result(value)
    error = ValueError(leaf())
    failed.set_exception(error)
    failed.exception()
    cancelled.cancel("a message that nobody else has")
    ended = loop.create_task(wait_for(done))
    stopped = loop.create_task(wait_for(loop.create_future()))
    loop.run_until_complete(asyncio.sleep(0))
    stopped.cancel()
    for _ in range(3):
        loop.run_until_complete(asyncio.sleep(0))
    task.add_done_callback(first)
    task.add_done_callback(second)
    attributes("task", task, "_loop _coro _fut_waiter")
    keep("task", task, name=task.get_name(), callback=first)
    if sys.version_info >= (3, 12):
        keep("task", task, context=task.get_context())
    assert task._coro.cr_await is inner and inner.cr_await is not None  # type: ignore[attr-defined]
    attributes("coroutine", task._coro, "cr_await cr_code")  # type: ignore[attr-defined]
    attributes("inner coroutine", inner, "cr_await cr_code")
    keep("future iterator", inner.cr_await, future=future)
    keep("future", future, _loop=loop)
    keep("future with a result", done, _result=value, _loop=loop)
    keep("future with an exception", failed, _exception=error, _loop=loop)
    attributes("cancelled future", cancelled, "_cancel_message _loop")
    KEEP.extend((ended, stopped))
    STATES.update(
        {"pending": [id(task), id(future)], "finished": [id(ended), id(done), id(failed)],
         "cancelled": [id(stopped), id(cancelled)]}
    )  # fmt: skip
    return loop


STATES: dict[str, list[int]] = {}


def plant_contextvars() -> None:
    variables = [contextvars.ContextVar(f"variable {n}", default=leaf()) for n in range(40)]
    few, many = contextvars.copy_context(), contextvars.copy_context()
    values = [leaf() for _ in variables]
    tokens: list[Any] = []

    def fill(count: int) -> None:
        for variable, value in list(zip(variables, values, strict=True))[:count]:
            tokens.append(variable.set(value))

    few.run(fill, 3)
    many.run(fill, len(variables))
    KEEP.append(many)
    attributes("context variable", variables[0], "name")
    for token in tokens[:1]:
        keep("token", token, var=token.var, context=few)
    again = few.run(variables[0].set, leaf())
    keep("token with an old value", again, var=variables[0], old_value=values[0])
    keep("context", few)
    keep("view of a context", few.items())
    MAPPINGS.append([id(few), [[id(v), id(few[v])] for v in few]])
    MAPPINGS.append([id(many), [[id(v), id(many[v])] for v in many]])


MAPPINGS: list[Any] = []


class Sequence:
    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Leaf:
        if index > 2:
            raise IndexError
        return Leaf()


def plant_iterators() -> None:
    items, mapping, function = [leaf(), leaf(), leaf()], {"a": leaf(), "b": leaf()}, functools.partial(leaf)
    for sequence in (items, tuple(items), bytearray(b"abc"), b"abc", "abc", "ab\u1234", memoryview(b"abc"), Sequence()):
        keep(f"iterator of {type(sequence).__name__}", iter(sequence), sequence=sequence)
    keep("reversed list", reversed(items), sequence=items)
    rest = Sequence()
    keep("reversed", reversed(rest), sequence=rest)
    deque = collections.deque(items)
    keep("deque iterator", iter(deque), deque=deque)
    keep("reversed deque", reversed(deque), deque=deque)
    members = set(items)
    keep("set iterator", iter(members), set=members)
    for view in (mapping.keys(), mapping.values(), mapping.items()):
        keep("view", view, dict=mapping)
        keep("iterator of a view", iter(view), dict=mapping)
        keep("reversed view", reversed(view), dict=mapping)
    ordered = collections.OrderedDict(mapping)
    keep("ordered view", ordered.keys(), dict=ordered)
    keep("iterator of an ordered view", iter(ordered.items()), dict=ordered)
    sentinel = leaf()
    keep("iterator of a callable", iter(function, sentinel), callable=function, sentinel=sentinel)
    inner = iter(items)
    keep("enumerate", enumerate(inner), iterator=inner)
    keep("map", map(function, inner), function=function)
    keep("filter", filter(function, inner), function=function, iterator=inner)
    keep("zip", zip(inner, items, strict=False))
    plant_itertools(inner, items, function)


def plant_itertools(inner: Iterator[Any], items: list[Any], function: Callable[..., Any]) -> None:
    other = iter(items)
    keep("chain", itertools.chain(inner, other))
    keep("count", itertools.count(10**30, 10**20))
    keep("cycle", itertools.cycle(inner), iterator=inner)
    element = leaf()
    keep("repeat", itertools.repeat(element), element=element)
    keep("accumulate", itertools.accumulate(inner, function), iterator=inner, function=function)
    keep("compress", itertools.compress(inner, other), data=inner, selectors=other)
    keep("dropwhile", itertools.dropwhile(function, inner), predicate=function, iterator=inner)
    keep("takewhile", itertools.takewhile(function, inner), predicate=function, iterator=inner)
    keep("filterfalse", itertools.filterfalse(function, inner), predicate=function, iterator=inner)
    keep("starmap", itertools.starmap(function, inner), function=function, iterator=inner)
    keep("islice", itertools.islice(inner, 2), iterator=inner)
    keep("pairwise", itertools.pairwise(inner), iterator=inner)
    keep("zip_longest", itertools.zip_longest(inner, other, fillvalue=element), fillvalue=element)
    if sys.version_info >= (3, 12):
        keep("batched", itertools.batched(inner, 2), iterator=inner)
    for pools in (itertools.product(items), itertools.permutations(items), itertools.combinations(items, 2)):
        next(pools)
        keep("pools", pools)
    grouped = itertools.groupby(iter([[leaf()]]), lambda one: one[0])
    next(grouped)
    keep("groupby", grouped)
    first, second = itertools.tee(iter(items))
    keep("tee", first)
    keep("second tee", second)


def plant_generators(loop: asyncio.AbstractEventLoop) -> None:
    inner = generate(leaf())
    waiting, plain, fresh = delegate(inner), generate(leaf()), generate(leaf())
    next(waiting)
    next(plain)
    attributes("generator that waits", waiting, "gi_yieldfrom gi_code")
    attributes("generator", plain, "gi_code")
    attributes("fresh generator", fresh, "gi_code")
    assert plain.gi_yieldfrom is None is fresh.gi_yieldfrom
    NOT_WAITING.extend((id(plain), id(fresh), id(inner)))
    future = loop.create_future()
    producer = generate_async(future)
    step = producer.__anext__()
    step.send(None)  # type: ignore[attr-defined]
    attributes("async generator", producer, "ag_await ag_code")
    keep("step of an async generator", step, generator=producer)
    coroutine = wait_for(future)
    keep("coroutine's iterator", coroutine.__await__(), coroutine=coroutine)
    KEEP.append(coroutine)


NOT_WAITING: list[int] = []


class Base:
    __slots__ = ("slot",)

    @property
    def prop(self) -> int:
        """A text."""
        return 1

    @prop.setter
    def prop(self, value: int) -> None:
        pass

    @classmethod
    def of_class(cls) -> None:
        pass

    @staticmethod
    def static() -> None:
        pass

    def method(self) -> Any:
        return super()


def plant_descriptors() -> None:
    instance, items = Base(), [leaf()]
    attributes("property", Base.__dict__["prop"], "fget fset")
    attributes("property without a getter", property(None, lambda one, two: None), "fset")
    attributes("classmethod", Base.__dict__["of_class"], "__func__")
    attributes("staticmethod", Base.__dict__["static"], "__func__")
    attributes("slot", Base.__dict__["slot"], "__objclass__")
    attributes("method", instance.method, "__func__ __self__")
    attributes("builtin method", items.append, "__self__")
    attributes("method-wrapper", items.__len__, "__self__")
    for descriptor in (list.append, list.__len__, dict.__dict__["fromkeys"], types.FunctionType.__dict__["__code__"]):
        attributes("descriptor", descriptor, "__objclass__")
    parent = instance.method()
    keep("super", parent, __self__=instance, __thisclass__=Base, __self_class__=Base)
    keep("mappingproxy", types.MappingProxyType(mapping := {"a": leaf()}), mapping=mapping)
    attributes("namespace", types.SimpleNamespace(a=leaf()), "__dict__")
    attributes("slice", slice(leaf(), 2, 3), "start stop step")
    value = leaf()
    attributes("cell", (lambda: value).__closure__[0], "cell_contents")  # type: ignore[index]
    KEEP.append(called := (lambda reference: None))
    attributes("weak reference", weakref.ref(value, called), "__callback__")
    KEEP.append(called)
    proxy = weakref.proxy(value, called)
    keep("weak proxy", proxy, callback=called, referent=value)


def plant_typing() -> None:
    attributes("generic alias", list[int], "__origin__ __args__")
    attributes("union", int | str, "__args__")
    KEEP.append(typing.TypeVar("Q"))
    if sys.version_info >= (3, 12):
        names: dict[str, Any] = {}
        exec("type Alias[Z: int] = list[Z]", names)
        attributes("type alias", names["Alias"], "__type_params__")
        keep("type variable", names["Alias"].__type_params__[0])


def plant_containers() -> None:
    factory = functools.partial(leaf)
    keep("defaultdict", collections.defaultdict(factory, a=leaf()), default_factory=factory)
    keep("OrderedDict", collections.OrderedDict(a=leaf()))
    keep("deque", collections.deque([leaf()] * 200))
    data = bytearray(b"some bytes")
    view = memoryview(data)
    keep("memoryview", view)
    attributes("range", range(10**20), "stop")
    found = os.stat("/")
    keep("struct sequence", found)
    for name in ("st_mode", "st_ino"):
        LABELS.append(("struct sequence", id(found), name, id(getattr(found, name))))
    pattern = re.compile("(?P<name>a)b(?# nobody else has this)")
    match = pattern.match("ab" * 5)
    attributes("pattern", pattern, "pattern")
    attributes("match", match, "string re")
    keep("scanner", pattern.scanner("ab"), pattern=pattern)  # type: ignore[attr-defined]
    keep("Struct", packer := struct.Struct("iq"))
    keep("unpacking", packer.iter_unpack(bytes(packer.size)), struct=packer)
    local = threading.local()
    local.value = leaf()
    keep("thread-local data", local)
    keep("lock", threading.Lock())
    keep("RLock", threading.RLock())
    KEEP.append((queue.SimpleQueue(), random.Random(1)))


def plant_files(folder: str) -> None:
    path = os.path.join(folder, "text")
    with open(path, "w", encoding="utf-8") as out:
        out.write("line\nline\n")
    file = open(path, encoding="utf-8")  # noqa: SIM115
    file.readline()
    attributes("text file", file, "buffer")
    attributes("buffered file", file.buffer, "raw")
    keep("raw file", file.buffer.raw)
    keep("text in memory", io.StringIO("text"))
    binary = io.BytesIO(b"bytes")
    keep("bytes in memory", binary)
    keep("buffer of bytes in memory", binary.getbuffer())


def plant_exceptions() -> None:
    try:
        try:
            raise KeyError(leaf())
        except KeyError as cause:
            cause.extra = leaf()  # type: ignore[attr-defined]
            raise ValueError(leaf()) from cause
    except ValueError as error:
        attributes("exception", error, "args __traceback__ __cause__ __context__")
        attributes("cause", error.__cause__, "args __traceback__ __dict__")
        attributes("traceback", error.__traceback__, "tb_frame")
    value = leaf()
    keep("StopIteration", StopIteration(value), value=value)
    keep("SystemExit", SystemExit(value), code=value)
    try:
        value.nothing  # noqa: B018
    except AttributeError as error:
        attributes("AttributeError", error, "obj name args __traceback__")
    try:
        open("/nowhere/at all")  # noqa: SIM115
    except OSError as error:
        attributes("OSError", error, "strerror filename args __traceback__")
    inner = ValueError(leaf())
    group = ExceptionGroup("message that nobody else has", [inner])
    attributes("ExceptionGroup", group, "message args")


def main() -> None:
    loop = plant_asyncio()
    plant_subclasses(loop)
    plant_functools()
    plant_contextvars()
    plant_iterators()
    plant_generators(loop)
    plant_descriptors()
    plant_typing()
    plant_containers()
    plant_files(os.path.dirname(sys.argv[1]))
    plant_exceptions()
    take()
    finish(labels=LABELS, whole=WHOLE, states=STATES, mappings=MAPPINGS, not_waiting=NOT_WAITING)
    os._exit(0)  # tasks that never end would be told of


main()
