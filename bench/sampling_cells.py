"""Cells of sampling.py: `python sampling_cells.py MODE PROGRAM ROUNDS THREADS`, one JSON object on stdout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cells import FOLDER

sys.path.insert(0, str(FOLDER / "workloads"))
import programs
from tonnage import _capture, trace  # in every cell: what any import leaves in malloc's heap is not what sampling costs

INTERVALS_NS = {"100 Hz": 10_000_000, "1 kHz": 1_000_000}
PROF = 1


def begin(mode: str, folder: str) -> Callable[[], float]:
    """Switches a profiler on, plop and pyinstrument at 100 Hz; what is given ends it, and says what processor time of
    this process it has taken on a thread of its own, in seconds."""
    if mode in INTERVALS_NS:
        _capture.sample_start(PROF, INTERVALS_NS[mode], 0)

        def end() -> float:
            _capture.sample_stop()
            return float(_capture.sample_status()["own_cpu_ns"] / 1e9)

        return end
    if mode == "alloc":
        trace.start(512 << 10)
        return lambda: 0.0
    if mode == "plop":
        from plop.collector import Collector

        collector = Collector(interval=0.01)
        collector.start()

        def stop() -> float:
            collector.stop()
            return 0.0

        return stop
    if mode == "pyinstrument":
        from pyinstrument import Profiler

        profiler = Profiler(interval=0.01)
        profiler.start()

        def leave() -> float:
            profiler.stop()
            return 0.0

        return leave
    if mode == "py-spy":
        path = Path(sys.executable).parent / "py-spy"
        words = [path, "record", "-r", "100", "-p", str(os.getpid()), "-o", f"{folder}/spy", "-f", "raw"]
        spy = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(1)

        def kill() -> float:
            spy.terminate()
            spy.wait()
            return 0.0

        return kill
    return lambda: 0.0


def main(mode: str, name: str, rounds: str, threads: str) -> dict[str, float]:
    """Processor seconds of this process while a program runs, in some threads."""
    program = (programs.ALLOCATING | programs.ORDINARY)[name]
    program(2)
    with tempfile.TemporaryDirectory() as folder:
        end = begin(mode, folder)
        took = programs.cpu_seconds(program, int(rounds), int(threads))
        return {"cpu": took, "own": end()}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
