#!/usr/bin/env python3
"""Measures what recording allocations costs, beside tracemalloc and memray.

    bench/recording.py [--quick] [--instructions] [--python PATH ...] [--output FILE]

Prints the tables of docs/performance.md, "Recording allocations". Each figure is of fresh processes that run a program
in turns, with and without a recorder; the median of the ratios of such pairs counts, with the second least and the
second largest beside it. --instructions counts instructions with callgrind instead, whatever else runs meanwhile.
"""

from __future__ import annotations

import argparse
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness import FOLDER, cell, mark, median, processor, table

ROUNDS = {"parse": 900, "churn": 750, "tree": 750, "vectors": 1000, "deep": 3500, "floats": 1000,
          "match": 400, "loops": 600, "digest": 200}  # fmt: skip
SHARES = {"tracemalloc1": 0.3, "tracemalloc25": 0.05, "memray": 0.3}  # of the rounds, as these take so much longer
ALLOCATING = ("parse", "churn", "tree", "vectors", "deep", "floats")
ORDINARY = ("match", "loops", "digest")
PAIRS = 7
OBJECTS = 450_000  # of graph_heap: 2.5 million blocks
EXACT, DEPTH1, SAMPLED, ORDINARILY = 1.6, 1.2, 1.02, 1.005  # goals of slow-downs
OF_TRACEMALLOC, OF_MEMRAY, MEMORY, SNAPSHOT = 0.15, 0.3, 0.4, 1.5  # of added time, of memory, of a whole snapshot
FILE = 0.1  # of memray's
HEAP, THREADS = 1 << 30, 16  # bytes that are alive, threads: sampling is to cost no more beside them


def rounds_of(program: str, mode: str, quick: bool) -> int:
    return max(1, round(ROUNDS[program] * (0.01 if quick else SHARES.get(mode, 1))))


def ratios(python: str, program: str, mode: str, quick: bool, heap: int = 0, threads: int = 1) -> list[float]:
    words = [program, rounds_of(program, mode, quick) // threads or 1, heap, threads]
    found = []
    for _ in range(3 if quick else PAIRS):
        plain = cell(python, "recording_cells.py", "run", "off", *words)["cpu"]
        found.append(cell(python, "recording_cells.py", "run", mode, *words)["cpu"] / plain)
    return sorted(found)


def told(numbers: list[float]) -> str:
    return f"{median(numbers):.3f} ({numbers[1]:.3f}–{numbers[-2]:.3f})"


def geometric(numbers: list[float]) -> float:
    return math.exp(statistics.fmean(math.log(number) for number in numbers))


def has_memray(python: str) -> bool:
    return subprocess.run([python, "-c", "import memray"], capture_output=True, check=False).returncode == 0


def slowdowns(python: str, quick: bool) -> str:
    allocating, ordinary = (ALLOCATING[:1], ORDINARY[:1]) if quick else (ALLOCATING, ORDINARY)
    modes = ["exact", "depth1", "sampled", "tracemalloc1", "tracemalloc25"] + ["memray"] * has_memray(python)
    of: dict[tuple[str, str], list[float]] = {}
    for program in allocating + ordinary:
        for mode in modes:
            of[program, mode] = ratios(python, program, mode, quick)

    def line(name: str, words: Callable[[str], str]) -> list[str]:
        return [name, *(words(mode) for mode in modes)]

    mean = {mode: geometric([median(of[program, mode]) for program in allocating]) for mode in modes}
    plain = {mode: geometric([median(of[program, mode]) for program in ordinary]) for mode in modes}
    goals = {"exact": EXACT, "depth1": DEPTH1, "sampled": SAMPLED}
    rows = [[program, *(told(of[program, mode]) for mode in modes)] for program in allocating + ordinary]
    rows += [
        line("**first six**", lambda mode: f"**{mean[mode]:.3f}**"),
        line("goal", lambda mode: f"≤ {goals[mode]:g} ({mark(mean[mode], goals[mode])})" if mode in goals else ""),
        line("**last three**", lambda mode: f"**{plain[mode]:.3f}**"),
        line("goal", lambda mode: f"≤ {ORDINARILY:g} ({mark(plain[mode], ORDINARILY)})" if mode == "sampled" else ""),
    ]
    added = (mean["exact"] - 1) / (mean["tracemalloc1"] - 1)
    met = mark(added, OF_TRACEMALLOC)
    said = f"Exact adds {added:.3f} of what tracemalloc(1) adds; goal ≤ {OF_TRACEMALLOC:g} ({met})."
    if "memray" in modes:
        beside = (mean["exact"] - 1) / (mean["memray"] - 1)
        said += f" {beside:.3f} of what memray adds; goal ≤ {OF_MEMRAY:g} ({mark(beside, OF_MEMRAY)})."
    return f"{table(['program', *modes], rows)}\n\n{said}"


def surroundings(python: str, quick: bool) -> str:
    """Sampling beside much that is alive, and in many threads."""
    programs = ALLOCATING[:1] if quick else ALLOCATING
    heap = HEAP // (100 if quick else 1)
    settings = {"": {}, f"{heap >> 20} MiB alive": {"heap": heap}, f"{THREADS} threads": {"threads": THREADS}}
    of = {
        name: [ratios(python, program, "sampled", quick, **words) for program in programs]
        for name, words in settings.items()
    }
    rows = [[name or "alone", *(told(one) for one in found), f"{geometric([median(one) for one in found]):.3f}"]
            for name, found in of.items()]  # fmt: skip
    return table(["sampled", *programs, "geometric mean"], rows)


def files(python: str, quick: bool) -> str:
    """With the heap, and sums by stack alone; memray's has each allocation there was, and no heap."""
    rows = []
    for program in ALLOCATING[:1] if quick else ALLOCATING:
        rounds = rounds_of(program, "memray", quick)
        ours = cell(python, "recording_cells.py", "file", program, rounds)
        theirs = cell(python, "recording_cells.py", "run", "memray", program, rounds)["own"]
        share = ours["sums"] / theirs
        sizes = [f"{size / 1e3:.0f} kB" for size in (ours["bytes"], ours["sums"], theirs)]
        rows.append([program, *sizes, f"{share:.3f} ×", f"≤ {FILE} ({mark(share, FILE)})"])
    return table(["program", "traced snapshot", "without objects", "memray's file", "share", "goal"], rows)


def memory(python: str, n: int) -> str:
    modes = ["off", "exact", "depth1", "sampled", "tracemalloc1", "tracemalloc25"] + ["memray"] * has_memray(python)
    found = {mode: [cell(python, "recording_cells.py", "heap", mode, n) for _ in range(3)] for mode in modes}
    rss = {mode: median([one["rss"] for one in found[mode]]) for mode in modes}
    cpu = {mode: median([one["cpu"] for one in found[mode]]) for mode in modes}
    own = {mode: median([one["own"] for one in found[mode]]) for mode in modes}
    base = rss["tracemalloc1"] - rss["off"]
    rows = []
    for mode in modes:
        share = (rss[mode] - rss["off"]) / base
        goal = f"≤ {MEMORY:g} ({mark(share, MEMORY)})" if mode == "exact" else ""
        figures = [f"{rss[mode] / 1e6:.0f} MB", f"{own[mode] / 1e6:.0f} MB", f"{share:.2f} ×", goal]
        rows.append([mode, f"{cpu[mode]:.2f} s", f"{cpu[mode] / cpu['off']:.2f} ×", *figures])
    head = ["recorder", "processor", "slow-down", "resident", "its own figure", "added, of tracemalloc(1)", "goal"]
    return table(head, rows)


def snapshots(python: str, n: int) -> str:
    found = {mode: cell(python, "recording_cells.py", "snapshots", mode, n) for mode in ("off", "exact", "sampled")}
    wall = {mode: median(one["wall"]) for mode, one in found.items()}
    rows = []
    for mode, one in found.items():
        share = wall[mode] / wall["off"]
        goal = f"≤ {SNAPSHOT:g} ({mark(share, SNAPSHOT)})" if mode == "exact" else ""
        rows.append(
            [
                mode,
                f"{wall[mode]:.2f} s",
                f"{median(one['cpu']):.2f} s",
                f"{share:.2f} ×",
                goal,
                f"{one['bytes'] / 1e6:.1f} MB",
            ]
        )
    return table(["recorder", "snapshot", "processor", "of an untraced one", "goal", "file"], rows)


def pages(python: str, n: int) -> str:
    rows = []
    for functions in (n // 1500, n // 150, n // 15):
        one = cell(python, "recording_cells.py", "pages", max(1, functions))
        figures = [f"{1000 * seconds:.1f} ms" for word in ("file", "line", "cumulative") for seconds in one[word]]
        rows.append([f"{one['sites']:,}", f"{one['stacks']:,}", *figures])
    heads = [f"{what}, {by}" for by in ("by file", "by line", "by line cumulative") for what in ("copied", "page")]
    return table(["stacks that allocated", "nodes of their tree", *heads], rows)


def instructions(python: str, program: str, mode: str, rounds: int) -> tuple[int, int]:
    """Of a process, and of those what the library with the hooks and the recorder executes itself."""
    words = [python, str(FOLDER / "recording_cells.py"), "run", mode, program, str(rounds)]
    with tempfile.TemporaryDirectory() as folder:
        tool = ["valgrind", "-q", "--tool=callgrind", f"--callgrind-out-file={folder}/out"]
        hashes = os.environ | {"PYTHONHASHSEED": "0"}
        subprocess.run([*tool, *words], env=hashes, stdout=subprocess.DEVNULL, check=True)
        command = ["callgrind_annotate", "--threshold=100", "--auto=no", f"{folder}/out"]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [(int(found[1].replace(",", "")), line) for line in lines if (found := re.match(r"\s*([\d,]+) \(", line))]
    return next(n for n, line in rows if "TOTALS" in line), sum(n for n, line in rows if "/_capture." in line)


def added(python: str, quick: bool) -> str:
    """What a round executes more: rounds that a run has more of, so that starting counts for nothing."""
    rows = []
    for program in (ALLOCATING + ORDINARY)[: 1 if quick else None]:
        n = max(2, ROUNDS[program] // 100)
        row, plain = [program], 0
        for mode in ("off", "exact", "depth1", "sampled"):
            few, many = (instructions(python, program, mode, rounds) for rounds in (n, 2 * n))
            total, own = ((b - a) / n for a, b in zip(few, many, strict=True))
            plain = plain or total
            row.append(f"{total / 1000:.0f} thousand" if mode == "off" else f"{own / plain:.1%}")
        rows.append(row)
    return table(["instructions", "a round without", "exact", "depth1", "sampled"], rows)


def measure(python: str, quick: bool) -> str:
    load = os.getloadavg()[0]
    n = OBJECTS // (100 if quick else 1)
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
    pieces = [
        f"### CPython {version}, {processor()}, medians of {PAIRS} pairs, load of others {load:.1f}",
        slowdowns(python, quick),
        surroundings(python, quick),
        *([files(python, quick)] if has_memray(python) else []),
        memory(python, n),
        snapshots(python, n),
        pages(python, n),
    ]
    return "\n\n".join(pieces)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="little work: a check that it works, not a measurement")
    parser.add_argument("--python", action="append", help="interpreter that has tonnage (default: this one)")
    parser.add_argument("--output", type=Path, help="write the tables there as well")
    parser.add_argument("--instructions", action="store_true", help="count those that are added, with callgrind")
    options = parser.parse_args()
    table_of = added if options.instructions else measure
    pieces = [table_of(python, options.quick) for python in options.python or [sys.executable]]
    print("\n\n".join(pieces), flush=True)
    if options.output:
        options.output.write_text("\n\n".join(pieces) + "\n", encoding="utf-8")


main()
