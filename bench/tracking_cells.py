"""Cells of tracking.py: `python tracking_cells.py WHAT MODE …`, one JSON object on stdout."""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from typing import Any


class Plain:
    def __init__(self, a: int, b: int) -> None:
        self.a = a
        self.b = b


class Slots:
    __slots__ = ("__weakref__", "a", "b")  # Pympler needs the weak reference

    def __init__(self, a: int, b: int) -> None:
        self.a = a
        self.b = b


class Node:
    """Of a heap: what an instance has to itself, and what it shares with others."""

    def __init__(self, n: int, shared: list[int]) -> None:
        self.name = f"node {n}"
        self.links = [n, n + 1]
        self.shared = shared


class Bare:
    pass


CLASSES: dict[str, type[Any]] = {"plain": Plain, "slots": Slots}


def track(mode: str, cls: type[Any]) -> Any:
    """Tracks instances that are made from now on. "other": of a class that has none."""
    if mode == "off":
        return None
    if mode.startswith("pympler"):
        from pympler.classtracker import ClassTracker

        tracker = ClassTracker()
        tracker.track_class(cls, trace=mode.endswith("trace"))
        return tracker
    import tonnage

    tracker = tonnage.Tracker()
    tracker.track_class(Bare if mode == "other" else cls, trace=mode == "trace")
    return tracker


def at_depth(depth: int, work: Callable[[], float]) -> float:
    return at_depth(depth - 1, work) if depth else work()


def create(mode: str, kind: str, depth: str, n: str) -> dict[str, float]:
    """Processor nanoseconds to make and destroy an instance, the least of seven goes, under so many frames."""
    cls = CLASSES[kind]
    tracker = track(mode, cls)
    rounds = range(int(n))

    def work() -> float:
        least = float("inf")
        for _ in range(7):
            start = time.process_time_ns()
            for i in rounds:
                cls(i, i)
            least = min(least, time.process_time_ns() - start)
        return least

    took = at_depth(int(depth), work)
    assert tracker is None or tracker
    return {"ns": took / int(n)}


def resident() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def memory(mode: str, n: str) -> dict[str, float]:
    """Bytes that the resident set has grown by, per instance that is alive."""
    tracker = track(mode, Plain)
    Plain(0, 0)
    gc.collect()
    kept: list[object] = [None] * int(n)
    before = resident()
    for i in range(int(n)):
        kept[i] = Plain(0, 0)
    grown = resident() - before
    assert len(kept) == int(n) and (tracker is None or tracker)
    return {"bytes": grown / int(n)}


def snapshot(mode: str, n: str) -> dict[str, float]:
    """Seconds of gc.collect(), and of a tracked snapshot: of the call, until sizes are known, and that threads stood
    still for it. The least of three each, by turns."""
    tracker = track(mode, Node)
    shared = list(range(100))
    kept = [Node(i, shared) for i in range(int(n))]
    tracker.create_snapshot("first")
    tonnage = not mode.startswith("pympler")
    if tonnage:
        tracker.history()
    collected, taken, known = [], [], []
    for i in range(3):
        start = time.perf_counter()
        gc.collect()
        collected.append(time.perf_counter() - start)
        start = time.perf_counter()
        tracker.create_snapshot(f"number {i}")
        taken.append(time.perf_counter() - start)
        if tonnage:
            tracker.history()
        known.append(time.perf_counter() - start)
    paused = [moment.pause_ns / 1e9 for moment in tracker.history().moments[1:]] if tonnage else taken
    assert len(kept) == int(n)
    return {"collect": min(collected), "snapshot": min(taken), "known": min(known), "pause": min(paused)}


CELLS: dict[str, Callable[..., dict[str, float]]] = {"create": create, "memory": memory, "snapshot": snapshot}

if __name__ == "__main__":
    print(json.dumps(CELLS[sys.argv[1]](*sys.argv[2:])))
