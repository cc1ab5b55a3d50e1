#!/usr/bin/env python3
"""Measures `tonnage diff` of two snapshots, from the start of the process to the last row, files in the page cache.

    bench/diff.py [--quick] [--python PATH] [--output FILE]

Wall time and processor time stand side by side: on a busy machine only the second one means anything.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from harness import ROUNDS, WORKLOADS, cell, mark, median, processor, table

GOAL = 1.0  # of gc.collect()


def timed(words: list[str]) -> tuple[float, float, int]:
    """Wall and processor seconds of a command, and its peak memory in bytes."""
    start = time.perf_counter()
    child = os.posix_spawn(words[0], words, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", 1, 0)])
    _, status, used = os.wait4(child, 0)
    assert status == 0, words
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024


def rows_of(python: str, tool: str, name: str, n: int) -> list[list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        old, new = (str(Path(folder) / f"{word}.tonnage") for word in ("old", "new"))
        saved = cell(python, "diff_cells.py", "pair", name, n, old, new)
        base, base_cpu, objects = median(saved["gc"]), median(saved["gc_cpu"]), saved["objects"]
        where = f"{name}, {objects / 1e6:.1f} M objects"
        rows = [[where, "gc.collect()", f"{base:.3f} s", f"{base_cpu:.3f} s", "1", "1", "", ""]]
        for what, words in (
            ("tonnage diff", ["diff", old, new]),
            ("tonnage diff --by via", ["diff", old, new, "--by", "via"]),
            ("tonnage largest --against", ["largest", new, "--against", old]),
            ("tonnage diff of three", ["diff", old, new, new]),
        ):
            found = [timed([tool, *words]) for _ in range(ROUNDS + 1)][1:]
            wall, cpu, peak = (median([float(one[i]) for one in found]) for i in range(3))
            goal = f"≤ {GOAL:g} × ({mark(cpu / base_cpu, GOAL)})" if what == "tonnage diff" else ""
            rows.append(
                [where, what, f"{wall:.3f} s", f"{cpu:.3f} s", f"{wall / base:.1f} ×", f"{cpu / base_cpu:.1f} ×", goal,
                 f"{peak / objects:.0f} B"]
            )  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small heaps: a check that it works, not a measurement")
    parser.add_argument("--python", default=sys.executable, help="interpreter that has tonnage (default: this one)")
    parser.add_argument("--output", type=Path, help="write the table there as well")
    options = parser.parse_args()
    beside = Path(options.python).parent / "tonnage"
    tool = str(beside) if beside.exists() else shutil.which("tonnage")
    if tool is None:
        sys.exit("no command `tonnage` beside the interpreter")
    load = os.getloadavg()[0]
    rows = []
    for name, per in WORKLOADS.items():
        for objects in (20_000,) if options.quick else (1_000_000, 5_000_000):
            rows += rows_of(options.python, tool, name, round(objects / per))
    head = ["heap", "what", "time", "processor", "of gc.collect()", "of its processor time", "goal", "peak per object"]
    text = f"### {processor()}, medians of {ROUNDS}, load of others {load:.1f}\n\n{table(head, rows)}\n"
    print(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")


main()
