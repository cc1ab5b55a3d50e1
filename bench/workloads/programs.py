"""Programs that recorders are measured on: functions of a number of rounds, each of which allocates in its own way."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from typing import Any

TEXT = json.dumps([{"id": i, "name": f"name {i}", "tags": ["a", "b", str(i)], "x": i * 1.5} for i in range(200)])
SMALL = [i % 100 for i in range(20000)]
WORDS = " ".join(f"word{i % 97} {i}" for i in range(4000))


def parse(rounds: int) -> None:
    for _ in range(rounds):
        json.dumps(json.loads(TEXT))


def churn(rounds: int) -> None:
    for _ in range(rounds):
        kept: list[Any] = []
        for i in range(2000):
            kept.append((i, str(i), [i]))
            if i % 3 == 0:
                kept.pop()


class Tree:
    __slots__ = ("left", "right")

    def __init__(self, depth: int) -> None:
        self.left = Tree(depth - 1) if depth else None
        self.right = Tree(depth - 1) if depth else None


def tree(rounds: int) -> None:
    for _ in range(rounds):
        Tree(10)


class Vector:
    def __init__(self, x: float, y: float) -> None:
        self.x, self.y = x, y

    def __add__(self, other: Vector) -> Vector:
        return Vector(self.x + other.x, self.y + other.y)


def vectors(rounds: int) -> None:
    step = Vector(0.5, 0.25)
    for _ in range(rounds):
        at = Vector(0.0, 0.0)
        for _ in range(1500):
            at = at + step


def _below(depth: int) -> None:
    if depth:
        _below(depth - 1)
    else:
        for i in range(1000):
            str(i) + "x"


def deep(rounds: int) -> None:
    for _ in range(rounds):
        _below(40)


def floats(rounds: int) -> None:
    for _ in range(rounds):
        x, y, v, w = 0.0, 1.0, 0.5, 0.0
        for _ in range(2000):
            r = (x * x + y * y) ** -1.5
            v, w = v - x * r * 0.01, w - y * r * 0.01
            x, y = x + v * 0.01, y + w * 0.01


def match(rounds: int) -> None:
    for _ in range(rounds):
        re.findall(r"word(\d+) (\d+)", WORDS)


def loops(rounds: int) -> None:
    for _ in range(rounds):
        total = 0
        for i in SMALL:
            total = (total ^ i) & 127


def digest(rounds: int) -> None:
    for _ in range(rounds):
        for i in range(60):
            hashlib.sha256(WORDS.encode()).digest()
            sorted(range(200), key=lambda n: -n)


ALLOCATING = {"parse": parse, "churn": churn, "tree": tree, "vectors": vectors, "deep": deep, "floats": floats}
ORDINARY = {"match": match, "loops": loops, "digest": digest}


def cpu_seconds(program: Callable[[int], None], rounds: int, threads: int) -> float:
    """Processor seconds of this process while one of them runs, in some threads: one is the thread that asks."""
    start = time.process_time()
    if threads == 1:
        program(rounds)
    else:
        running = [threading.Thread(target=program, args=(rounds,)) for _ in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
    return time.process_time() - start
