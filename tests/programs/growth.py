"""Grows the resident set in a stated way between two snapshots: SNAPSHOT.before and SNAPSHOT.

Arguments: kind, N.
"""

from __future__ import annotations

import gc
import importlib
import pathlib
import random
import sys
from typing import Any

import tonnage
from plant import ARGUMENTS, SNAPSHOT, finish, rss_bytes

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "bench" / "workloads"))


def workload(name: str, n: int) -> Any:
    return importlib.import_module(name).build(n)[0]


def fragmented(n: int) -> Any:
    """A heap of which 70 % were freed, at random."""
    nodes = workload("graph_heap", n)
    choose = random.Random(7)
    for node in nodes:
        node.links = []
    nodes[:] = [node for node in nodes if choose.random() >= 0.7]
    gc.collect()
    return nodes


def compressors(n: int) -> Any:
    """Memory that C code takes from malloc and no object owns."""
    import zlib

    kept = [zlib.compressobj(9) for _ in range(n)]
    for one in kept:
        one.compress(random.randbytes(1000))
    return kept


def blocks(n: int) -> Any:
    """Blocks of every size from malloc, a third of them freed again."""
    import ctypes

    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    libc.free.argtypes = [ctypes.c_void_p]
    choose = random.Random(3)
    kept = []
    for _ in range(n):
        size = choose.choice((24, 100, 600, 4000, 30000))
        address = libc.malloc(size)
        ctypes.memset(address, 1, size)
        kept.append(address)
    for address in kept[::3]:
        libc.free(address)
    return kept


def arrays(n: int) -> Any:
    import numpy

    kept = [numpy.ones(n) for _ in range(8)]
    kept += [numpy.full(choose, 1.0) for choose in range(1, 2000)]
    kept += [kept[0][5:], kept[1].reshape(-1, 2)]
    return kept


def buffers(n: int) -> Any:
    import array
    import mmap

    mapped = mmap.mmap(-1, n)
    mapped.write(b"x" * n)
    return [bytes([1]) * n, bytearray(b"y" * n), array.array("d", b"12345678" * (n // 8)), "z" * n, mapped]


def untouched(n: int) -> Any:
    """Memory that is taken and never written: it is in no resident set."""
    return [bytes(n)]


def threads(n: int) -> Any:
    import threading

    stop = threading.Event()

    def deep(level: int) -> None:
        if level:
            deep(level - 1)
        else:
            stop.wait()

    started = [threading.Thread(target=deep, args=(100,), daemon=True) for _ in range(n)]
    for thread in started:
        thread.start()
    return started


KINDS: dict[str, Any] = {
    "graph_heap": lambda n: workload("graph_heap", n),
    "json_like": lambda n: workload("json_like", n),
    "slots_tree": lambda n: workload("slots_tree", n),
    "fragmented": fragmented,
    "compressors": compressors,
    "blocks": blocks,
    "arrays": arrays,
    "buffers": buffers,
    "untouched": untouched,
    "threads": threads,
}


def main() -> None:
    kind, n = ARGUMENTS
    if kind == "arrays":
        import numpy  # noqa: F401 - its own memory is not what is measured
    tonnage.snapshot(SNAPSHOT + ".warm").close()
    gc.collect()
    rss_before = rss_bytes()
    tonnage.snapshot(SNAPSHOT + ".before").close()
    kept = KINDS[kind](int(n))
    gc.collect()
    rss_after = rss_bytes()
    tonnage.snapshot(SNAPSHOT).close()
    finish(rss_before=rss_before, rss_after=rss_after, kept=len(kept) if hasattr(kept, "__len__") else 1)


main()
