"""Deterministic programs whose live blocks two recorders must agree on, line by line: test_trace_equal.py runs them.

Each returns what it keeps. Lines that stand in the table of differences end with their name as a comment.
"""

from __future__ import annotations

import array
import ast
import collections
import contextlib
import functools
import json
import pickle
import re
import struct
import threading
import weakref
import zlib
from collections.abc import Callable, Coroutine, Generator
from decimal import Decimal
from fractions import Fraction
from typing import Any


class Slots:
    __slots__ = ("__weakref__", "left", "right")


class Plain:
    def __init__(self, n: int) -> None:
        self.number = n + 1000
        self.name = "plain %d" % n

    def method(self) -> int:
        return self.number


def objects() -> Any:
    keep: list[Any] = [None] * 2000
    for i in range(500):
        x = Slots()
        x.left, x.right = bytes(i), bytearray(i + 1)
        keep[i] = x
        keep[500 + i] = Plain(i)
        keep[1000 + i] = weakref.ref(x)
        keep[1500 + i] = keep[500 + i].method
    return keep, [type(f"T{i}", (Slots,), {"one": i, "__slots__": ()}) for i in range(20)]


def containers() -> Any:
    keep: list[Any] = [None] * 1800
    for i in range(200):
        keep[i] = [None] * i
        keep[200 + i] = (i, "a") * (i + 30)
        keep[400 + i] = dict.fromkeys(range(i))
        keep[600 + i] = set(range(1000, 1000 + i))
        keep[800 + i] = collections.deque(range(i), maxlen=100)
        keep[1000 + i] = collections.OrderedDict.fromkeys("abcdefgh"[: i % 8])
        keep[1200 + i] = array.array("d", bytes(8 * i))
        keep[1400 + i] = frozenset((i, i + 1000))
        keep[1600 + i] = collections.Counter("mississippi"[: i % 11])
    for i in range(0, 1800, 7):
        keep[i] = None
    return keep


def texts() -> Any:
    keep: list[Any] = [None] * 1600
    for i in range(200):
        keep[i] = "%d and %s" % (i, "more" * i)
        keep[200 + i] = f"{i:>50}{i!r}"
        keep[400 + i] = (f"{i}é" * i).encode()
        keep[600 + i] = json.dumps({"number": i, "list": [1, 2.5, None, "x" * i]})
        keep[800 + i] = re.sub("[aeiou]", "<vowel>", "some words " * (i % 9))
        keep[1000 + i] = struct.pack("<IQ", i, i) + b"tail"
        keep[1200 + i] = "a,b,c,d" * i + "é"
        keep[1400 + i] = 10 ** (i + 20)
    return keep


def generate(n: int) -> Generator[bytes, None, None]:
    kept = bytes(300 + n)
    yield kept
    yield bytes(n)


async def wait(n: int) -> int:
    kept = bytes(400 + n)
    await Pause()
    return len(kept)


class Pause:
    def __await__(self) -> Generator[None, None, None]:
        yield None


def closure(n: int) -> Callable[[], bytes]:
    text = bytes(n + 700)
    return lambda: text


def fall(n: int, kept: bytes) -> None:
    if n == 0:
        raise ValueError(bytes(900))
    fall(n - 1, kept + b"more")


def begun(one: Coroutine[Any, Any, int]) -> Coroutine[Any, Any, int]:
    one.send(None)
    return one


def calls() -> Any:
    keep: list[Any] = [None] * 500
    for i in range(100):
        keep[i] = generate(i)
        next(keep[i])
        keep[100 + i] = begun(wait(i))
        keep[200 + i] = closure(i)
        keep[300 + i] = functools.partial(closure, i + 1000)
        try:
            fall(i % 20, b"")
        except ValueError as error:
            keep[400 + i] = error
    return keep


SOURCE = """
import sys
class Made:
    "A class in text"
    def method(self, a, b=2, *c, d: int = 4, **e):
        try:
            return [x for x in (a, b, c, d, e) if x]
        finally:
            pass
def function{n}(a):
    yield a + {n}.5
"""


def code() -> Any:
    keep: list[Any] = [None] * 90
    for i in range(30):
        space: dict[str, Any] = {}
        exec(compile(SOURCE.replace("{n}", str(i)), f"<made {i}>", "exec"), space)
        keep[i] = space
        keep[30 + i] = ast.parse(SOURCE.replace("{n}", str(i)))
        keep[60 + i] = pickle.loads(pickle.dumps([{"n": n, "text": f"{n}/{i}"} for n in range(i)]))
    return keep


def packed() -> Any:
    keep: list[Any] = [None] * 150
    data = bytes(range(256)) * 30
    for i in range(30):
        keep[i] = zlib.compressobj(level=1 + i % 9)
        keep[i].compress(data)
        keep[30 + i] = zlib.compress(data[i:], 1)
        keep[60 + i] = Decimal(i) / Decimal(7)
        keep[90 + i] = Fraction(i, 1009)
        keep[120 + i] = threading.Lock()
    return keep


def threads() -> Any:
    keep: list[Any] = [None] * 400

    def even(n: int) -> None:
        for i in range(20):
            keep[20 * n + i] = bytes(100 * n + i)

    def odd(n: int) -> None:
        for i in range(20):
            keep[20 * n + i] = {f"{n}/{i}": bytearray(50 * n)}
        keep[(n * 7) % 20 : (n * 7) % 20 + 3] = [None] * 3

    for n in range(20):  # one after the other
        thread = threading.Thread(target=odd if n % 2 else even, args=(n,))
        thread.start()
        thread.join()
    return keep


def grown() -> Any:
    """What is resized: a list, bytes of an array, a table of a deque, a text."""
    keep: list[Any] = [None] * 60
    for i in range(20):
        rows: list[int | None] = [None]  # list
        data = bytearray(700)  # data
        text = str(i) * 600  # text
        for n in range(20 + i):
            rows.append(None)  # append
            data += b"0123456789"  # extend
            text += "more"  # add
        keep[i], keep[20 + i], keep[40 + i] = rows, data, text
    return keep


def freed() -> Any:
    """Much is made, little stays."""
    keep: list[Any] = [None] * 100
    for i in range(3000):
        x = [bytes(i % 700), {i: str(i)}, (i, float(i)), Slots()]
        if i % 30 == 0:
            keep[i // 30] = x
        with contextlib.suppress(KeyError):
            x[1][-1]
    return keep


PROGRAMS = {f.__name__: f for f in (objects, containers, texts, calls, code, packed, threads, grown, freed)}
