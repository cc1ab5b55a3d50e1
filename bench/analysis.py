#!/usr/bin/env python3
"""Measures what snapshots answer: dominators and retained sizes, from the file on.

    bench/analysis.py [--quick] [--large] [--python PATH ...] [--output FILE]

Prints the tables of docs/performance.md, "Analysis".  Each round of a cell is a fresh process; the median counts.
--large adds 20 million objects.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from harness import ROUNDS, Cell, cell, mark, median, processor, table

# workload: objects each of its N stands for, goal for dominators in whole captures, objects to measure in millions
WORKLOADS = {"syntax": (14_000, 2, (1, 5, 10)), "graph_heap": (5.5, 8, (0.1, 1, 5, 10)), "json_like": (10, 2, (5,))}
PEAK = 96  # bytes an object
SUSPECTS = 4  # goal for suspects in collections
CYCLES = 1.5  # … for cycles
PARQUET = 3  # … for objects as Parquet, in whole captures
PATTERNS = 1  # … of everything, and of all dicts
WASTE_AND_AUDIT = 2  # … for these together


def rows_of(python: str, folder: str, name: str, n: int, goal: float, whole: bool, quick: bool) -> list[list[str]]:
    path = str(Path(folder) / "heap.tonnage")
    saved = cell(python, "analysis_cells.py", "save", name, n, path)
    objects, base, call = saved["objects"], median(saved["gc"]), median(saved["calls"])
    where = f"{name}, {objects / 1e6:.1f} M objects"

    def times(what: str, results: list[Cell], limit: float | None) -> list[str]:
        took = median([result["seconds"] for result in results])
        used = median([result["cpu"] for result in results])
        peak = median([result["peak_bytes"] for result in results]) / objects
        return [
            where,
            what,
            f"{took:.2f} s",
            f"{took / objects * 1e9:.0f} ns",
            f"{used / objects * 1e9:.0f} ns",
            f"{took / base:.1f} ×",
            f"{took / call:.2f} ×",
            "" if limit is None else f"≤ {limit:g} × ({mark(took / call, limit)})",
            f"{peak:.0f} B",
            f"≤ {PEAK} B ({mark(peak, PEAK)})" if limit is not None else "",
        ]

    def run(kind: str, rounds: int) -> list[Cell]:
        return [cell(python, "analysis_cells.py", kind, path) for _ in range(1 if quick else rounds)]

    def unit(what: str, took: float) -> list[str]:
        of_call = "1" if took is call else f"{took / call:.2f} ×"
        of_gc = "1" if took is base else f"{took / base:.1f} ×"
        return [where, what, f"{took:.2f} s", f"{took / objects * 1e9:.0f} ns", "", of_gc, of_call, "", "", ""]

    rows = [
        unit("gc.collect()", base),
        unit("whole capture", call),
        times("dominators, retained sizes", run("dominators", ROUNDS), goal),
    ]
    if whole:
        rows.append(times("tonnage dominators", run("view", 3), None))
        rows.append(times("tonnage retained --where type:dict", run("freed", 3), None))
        rows.append(times("tonnage suspects, the whole command", run("suspects", ROUNDS), None))
        rows[-1][7] = f"≤ {SUSPECTS} × gc ({mark(float(rows[-1][5].split()[0]), SUSPECTS)})"
        rows.append(times("components, groups of cycles, references loaded", run("cycles", ROUNDS), None))
        rows[-1][7] = f"≤ {CYCLES} × gc ({mark(float(rows[-1][5].split()[0]), CYCLES)})"
        rows.append(times("waste, references loaded", run("waste", ROUNDS), None))
        rows.append(times("audit, references loaded", run("audit", ROUNDS), None))
        together = float(rows[-2][5].split()[0]) + float(rows[-1][5].split()[0])
        rows[-1][7] = f"with waste ≤ {WASTE_AND_AUDIT} × gc ({mark(together, WASTE_AND_AUDIT)})"
        rows.append(times(f"patterns, references loaded both ways (≤ {PATTERNS} gc)", run("patterns", ROUNDS), None))
        rows.append(times(f"patterns of type:dict, likewise (≤ {PATTERNS} gc)", run("dicts", ROUNDS), None))
        run("index", 1)
        rows.append(times("dominators, retained sizes from FILE.index", run("indexed", 3), None))
        os.remove(path + ".index")
        rows.append(times("objects as CSV", run("csv", 3), None))
        if find_spec("pyarrow"):
            rows.append(times("objects as Parquet", run("parquet", ROUNDS), None))
            rows[-1][7] = f"≤ {PARQUET} × ({mark(float(rows[-1][6].split()[0]), PARQUET)})"
            rows.append(times("all tables as Parquet", run("tables", 3), None))
        rows.append(times("a path, references loaded (≤ 0.3 gc)", run("path", 3), None))
        rows.append(times("tonnage paths --where type:dict --merge", run("merged", 3), None))
    return rows


HEAD = ["heap", "what", "time", "per object", "processor", "of gc.collect()", "of a capture", "goal", "peak", "goal"]


def measure(python: str, quick: bool, large: bool) -> str:
    rows = []
    load = os.getloadavg()[0]  # of others: nothing of ours has run yet
    with tempfile.TemporaryDirectory() as folder:
        for name, (per, goal, sizes) in WORKLOADS.items():
            sizes = (0.02,) if quick else sizes + ((20,) if large and name == "graph_heap" else ())
            for millions in sizes:
                n, whole = max(1, round(millions * 1e6 / per)), millions == max(sizes)
                rows += rows_of(python, folder, name, n, goal, whole, quick)
        saved = cell(python, "analysis_cells.py", "save", "graph_heap", 1, str(Path(folder) / "small.tonnage"))
    version = str(saved["version"]).split()[0]
    head = (
        f"### CPython {version}, tonnage {saved['tool']}, {processor()}, medians of {ROUNDS}, load of others {load:.1f}"
    )
    return f"{head}\n\n{table(HEAD, rows)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small heaps: a check that it works, not a measurement")
    parser.add_argument("--large", action="store_true", help="20 million objects, too: takes 8 GB and some minutes")
    parser.add_argument("--python", action="append", help="interpreter that has tonnage (default: this one)")
    parser.add_argument("--output", type=Path, help="write the tables there as well")
    options = parser.parse_args()
    pieces = [measure(python, options.quick, options.large) for python in options.python or [sys.executable]]
    print("\n\n".join(pieces), flush=True)
    if options.output:
        options.output.write_text("\n\n".join(pieces) + "\n", encoding="utf-8")


main()
