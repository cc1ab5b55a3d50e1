#!/usr/bin/env python3
"""Measures what sampling processor time costs a program, beside plop, pyinstrument and py-spy.

    bench/sampling.py [--quick] [--python PATH ...] [--output FILE]

Each figure is of fresh processes that run a program in turns, with and without a profiler; the median of the ratios of
such pairs counts, with the second least and the second largest beside it. *Program* is the processor time of the
program's own threads; *process* has that of the sampler in it, too, and not that of py-spy, which is another process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from harness import cell, mark, median, processor, table

ROUNDS = {"parse": 900, "match": 400, "loops": 600, "digest": 200}
PAIRS, THREADS = 7, 16
GOALS = {"100 Hz": 1.005, "1 kHz": 1.02, "alloc": 1.02}
PEERS = {"plop": "plop", "pyinstrument": "pyinstrument", "py-spy": "py_spy"}


def there(python: str, peer: str) -> bool:
    if peer == "py-spy":
        return (Path(python).parent / "py-spy").exists()
    return subprocess.run([python, "-c", f"import {PEERS[peer]}"], capture_output=True, check=False).returncode == 0


def ratios(python: str, program: str, mode: str, threads: int, quick: bool) -> list[tuple[float, float]]:
    rounds = max(1, round(ROUNDS[program] * (0.02 if quick else 1)) // threads)
    found = []
    for _ in range(3 if quick else PAIRS):
        plain = cell(python, "sampling_cells.py", "off", program, rounds, threads)
        with_it = cell(python, "sampling_cells.py", mode, program, rounds, threads)
        found.append(((with_it["cpu"] - with_it["own"]) / plain["cpu"], with_it["cpu"] / plain["cpu"]))
    return found


def told(numbers: list[float]) -> str:
    numbers = sorted(numbers)
    return f"{median(numbers):.4f} ({numbers[1]:.4f}–{numbers[-2]:.4f})"


def slowdowns(python: str, quick: bool) -> str:
    modes = [*GOALS, *(peer for peer in PEERS if there(python, peer))]
    programs = ["loops"] if quick else list(ROUNDS)
    rows = []
    for threads in (1, THREADS):
        for mode in modes:
            if threads > 1 and mode in ("plop", "pyinstrument"):
                continue  # they see the thread that began them
            pairs = {name: ratios(python, name, mode, threads, quick) for name in programs}
            worst = max(median([program for program, _ in found]) for found in pairs.values())
            goal = f"≤ {GOALS[mode]:g} ({mark(worst, GOALS[mode])})" if mode in GOALS else ""
            for name, found in pairs.items():
                program, process = zip(*found, strict=True)
                rows.append([mode, str(threads), name, told(list(program)), told(list(process)), goal])
    return table(["profiler", "threads", "program", "program's time", "process's time", "goal"], rows)


def measure(python: str, quick: bool) -> str:
    load = os.getloadavg()[0]
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
    head = f"### CPython {version}, {processor()}, medians of {PAIRS} pairs, load of others {load:.1f}"
    return f"{head}\n\n{slowdowns(python, quick)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="little work: a check that it works, not a measurement")
    parser.add_argument("--python", action="append", help="interpreter that has tonnage (default: this one)")
    parser.add_argument("--output", type=Path, help="write the tables there as well")
    options = parser.parse_args()
    pieces = [measure(python, options.quick) for python in options.python or [sys.executable]]
    print("\n\n".join(pieces), flush=True)
    if options.output:
        options.output.write_text("\n\n".join(pieces) + "\n", encoding="utf-8")


main()
