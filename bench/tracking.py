#!/usr/bin/env python3
"""Measures what it costs to track the instances of a class, beside Pympler's ClassTracker.

    bench/tracking.py [--quick] [--python PATH ...] [--output FILE]

Prints the tables of docs/performance.md, "Tracked classes". Each figure is of fresh processes, with and without
tracking by turns; the median of the ratios of such pairs counts, with the second least and the second largest beside
it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from harness import cell, mark, median, processor, table

PAIRS = 7
INSTANCES = 100_000
TIMES = {"plain": 1_000_000, "slots": 1_000_000}  # instances that are made
SHARES = {"pympler": 0.05, "pympler trace": 0.002}  # of these, as they take so much longer
DEPTHS = (0, 20)
GOALS = {"tracked": 1.3, "trace": 2.0}
OF_COLLECT, BYTES = 2.0, 120
CALL = ": the call"
PARTS = {CALL: "snapshot", ": all threads stand still": "pause", ": until sizes are known": "known"}


def has_pympler(python: str) -> bool:
    return subprocess.run([python, "-c", "import pympler"], capture_output=True, check=False).returncode == 0


def modes(python: str) -> list[str]:
    return ["tracked", "trace", *(SHARES if has_pympler(python) else ())]


def told(numbers: list[float], digits: int = 2) -> str:
    numbers = sorted(numbers)
    return f"{median(numbers):.{digits}f} ({numbers[1]:.{digits}f}–{numbers[-2]:.{digits}f})"


def creation(python: str, quick: bool) -> str:
    rows = []
    for kind, times in TIMES.items():
        for mode in [*modes(python), "other"]:
            for depth in DEPTHS[:1] if quick else DEPTHS:
                n = max(1000, round(times * SHARES.get(mode, 1) * (0.01 if quick else 1)))
                pairs = [
                    (cell(python, "tracking_cells.py", "create", "off", kind, depth, n)["ns"],
                     cell(python, "tracking_cells.py", "create", mode, kind, depth, n)["ns"])
                    for _ in range(3 if quick else PAIRS)
                ]  # fmt: skip
                ratios = [tracked / plain for plain, tracked in pairs]
                goal = f"≤ {GOALS[mode]:g} ({mark(median(ratios), GOALS[mode])})" if mode in GOALS else ""
                nanoseconds = (f"{median([pair[i] for pair in pairs]):,.0f} ns" for i in range(2))
                rows.append([kind, mode, str(depth), *nanoseconds, told(ratios), goal])
    return table(["class", "mode", "frames below", "untracked", "tracked", "ratio", "goal"], rows)


def memory(python: str, quick: bool) -> list[list[str]]:
    n = INSTANCES // (100 if quick else 1)
    rows = []
    for mode in modes(python):
        if mode == "pympler trace":
            continue
        found = [
            cell(python, "tracking_cells.py", "memory", mode, n)["bytes"]
            - cell(python, "tracking_cells.py", "memory", "off", n)["bytes"]
            for _ in range(3)
        ]
        goal = f"≤ {BYTES} B ({mark(median(found), BYTES)})" if mode in GOALS else ""
        rows.append([f"memory, {mode}", f"{median(found):,.0f} B an instance", "", goal])
    return rows


def snapshots(python: str, quick: bool) -> list[list[str]]:
    n = INSTANCES // (100 if quick else 1)
    rows = []
    for mode in ("tracked", "pympler") if has_pympler(python) else ("tracked",):
        found = [cell(python, "tracking_cells.py", "snapshot", mode, n) for _ in range(3)]
        for what, key in PARTS.items() if mode == "tracked" else [("", "snapshot")]:
            ratio = median([one[key] / one["collect"] for one in found])
            goal = f"≤ {OF_COLLECT:g} × ({mark(ratio, OF_COLLECT)})" if what == CALL else ""
            seconds = median([one[key] for one in found])
            rows.append([f"snapshot, {mode}{what}", f"{seconds:.3f} s", f"{ratio:.1f} ×", goal])
    return rows


def measure(python: str, quick: bool) -> str:
    load = os.getloadavg()[0]
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
    head = f"### CPython {version}, {processor()}, medians of {PAIRS} pairs, load of others {load:.1f}"
    sizes = table(["what", "measured", "of gc.collect()", "goal"], memory(python, quick) + snapshots(python, quick))
    return f"{head}\n\n{creation(python, quick)}\n\n{sizes}"


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
