"""Cells of recording.py: `python recording_cells.py CELL MODE [ARGUMENT ...]`, one JSON object on stdout."""

from __future__ import annotations

import gc
import json
import os
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from cells import FOLDER, build, status_bytes

sys.path.insert(0, str(FOLDER / "workloads"))
import programs
import tonnage._capture  # in every cell: what any import leaves in malloc's heap is not what recording costs
from tonnage import trace


def _memray(path: str) -> Callable[[], int]:
    import memray

    tracker = memray.Tracker(path, trace_python_allocators=True)
    tracker.__enter__()

    def stop() -> int:
        tracker.__exit__(None, None, None)
        return os.path.getsize(path)

    return stop


def begin(mode: str, folder: str) -> Callable[[], int]:
    """Switches a recorder on; what is given ends it and says how large its own memory (memray: its file) was."""
    if mode == "off":
        return lambda: 0
    if mode.startswith("tracemalloc"):
        tracemalloc.start(int(mode.removeprefix("tracemalloc")))

        def end() -> int:
            own = tracemalloc.get_tracemalloc_memory()
            tracemalloc.stop()
            return own

        return end
    if mode == "memray":
        return _memray(f"{folder}/memray.bin")
    trace.start("sampled" if mode == "sampled" else "exact", depth=1 if mode == "depth1" else None)

    def stop() -> int:
        own = trace.memory().own
        trace.stop()
        return own

    return stop


def run(mode: str, name: str, rounds: str, heap: str = "0", threads: str = "1") -> dict[str, Any]:
    """Processor seconds of a program, in some threads each, beside bytes that were allocated since then and stay."""
    program = (programs.ALLOCATING | programs.ORDINARY)[name]
    program(2)
    with tempfile.TemporaryDirectory() as folder:
        end = begin(mode, folder)
        kept = [bytes(1000) for _ in range(int(heap) // 1040)]
        gc.freeze()
        program(2)
        gc.collect()
        took = programs.cpu_seconds(program, int(rounds), int(threads))
        del kept
        return {"cpu": took, "own": end()}


def file(name: str, rounds: str) -> dict[str, Any]:
    """Bytes of a snapshot after a program that was recorded."""
    with tempfile.TemporaryDirectory() as folder:
        end = begin("exact", folder)
        programs.ALLOCATING[name](int(rounds))
        tonnage.snapshot(f"{folder}/a.tonnage").close()
        tonnage.trace.save(f"{folder}/sums.tonnage").close()
        end()
        return {"bytes": os.path.getsize(f"{folder}/a.tonnage"), "sums": os.path.getsize(f"{folder}/sums.tonnage")}


def heap(mode: str, n: str) -> dict[str, Any]:
    """Building a heap that stays: processor seconds, how much the resident set grew, the recorder's own figure."""
    with tempfile.TemporaryDirectory() as folder:
        before = status_bytes("VmRSS")
        end = begin(mode, folder)
        start = time.process_time()
        root, _, _ = build("graph_heap", int(n))
        took = time.process_time() - start
        grown = status_bytes("VmRSS") - before
        assert root
        return {"cpu": took, "rss": grown, "own": end()}


def snapshots(mode: str, n: str) -> dict[str, Any]:
    """Seconds of whole snapshots in place, while a recorder runs."""
    with tempfile.TemporaryDirectory() as folder:
        end = begin(mode, folder)
        root, _, _ = build("graph_heap", int(n))
        wall, cpu, size = [], [], 0
        for _ in range(5):
            path = f"{folder}/a.tonnage"
            start, used = time.perf_counter(), time.process_time()
            tonnage.snapshot(path, mode="stop", force=True).close()
            wall.append(time.perf_counter() - start)
            cpu.append(time.process_time() - used)
            size = os.path.getsize(path)
        assert root
        end()
        return {"wall": wall, "cpu": cpu, "bytes": size}


def pages(n: str) -> dict[str, Any]:
    """Seconds of pages of tonnage.Top, when functions have allocated below 0, 3 and 20 calls."""
    import io

    names: dict[str, Any] = {}
    lines = (f"def f{i}(d): return f{i}(d - 1) if d else bytes(100)" for i in range(int(n)))
    exec(compile("\n".join(lines), "/srv/app.py", "exec"), names)
    tonnage.trace.start()
    kept = [names[f"f{i}"](depth) for i in range(int(n)) for depth in (0, 3, 20)]
    found: dict[str, Any] = dict(tonnage._capture.trace_now())
    for word, by, cumulative in ("file", "file", False), ("line", "line", False), ("cumulative", "line", True):
        top, wall = tonnage.Top(10, io.StringIO(), by=by, cumulative=cumulative), []
        for _ in range(6):
            start = time.perf_counter()
            tonnage._capture.trace_live(by, cumulative)
            copied = time.perf_counter()
            top.display()
            wall.append((copied - start, time.perf_counter() - copied))
        found[word] = [sorted(times)[len(times) // 2] for times in zip(*wall[1:], strict=True)]
    assert kept
    return found


if __name__ == "__main__":
    cells = {"run": run, "file": file, "heap": heap, "snapshots": snapshots, "pages": pages}
    print(json.dumps(cells[sys.argv[1]](*sys.argv[2:])))
