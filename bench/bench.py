#!/usr/bin/env python3
"""Measures speed and memory, as ratios to gc.collect() on the same heap in the same process.

    bench/bench.py [--quick] [--python PATH ...] [--no-peers] [--output FILE]

Prints the tables of docs/performance.md.  Each cell runs in a fresh process, five rounds each; the median counts.  The
peers are installed from PyPI into an environment of their own beside the results.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

from harness import ROUNDS, WORKLOADS, Cell, cell, mark, median, processor, table

PEERS = {"guppy3": "table_guppy", "Pympler": "table_pympler"}


def make_peers(folder: Path, base: str) -> str | None:
    """An environment with the peers for an interpreter; None when they cannot be had."""
    python = folder / "bin" / "python"
    try:
        subprocess.run([base, "-m", "venv", str(folder)], check=True, capture_output=True)
        subprocess.run(
            [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "setuptools", *PEERS],
            check=True,
            capture_output=True,
            timeout=600,
        )
    except (subprocess.SubprocessError, OSError):
        return None
    return str(python)


def peer_version(python: str, name: str) -> str:
    code = f"import importlib.metadata as m; print(m.version({name!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "?"


def capture_rows(name: str, result: Cell, alone: Cell) -> list[list[str]]:
    objects = result["objects"]
    where, base = f"{name}, {objects / 1e6:.1f} M objects", median(result["gc"])

    def times(what: str, of: Cell, key: str, goal: float) -> list[str]:
        took, base = median(of[key]), median(of["gc"])
        each = took / objects * 1e9
        return [
            where,
            what,
            f"{took:.3f} s",
            f"{each:.0f} ns",
            f"{took / base:.2f} ×",
            f"≤ {goal} ×",
            mark(took / base, goal),
        ]

    def each(what: str, size: float, goal: float) -> list[str]:
        one = size / objects
        return [where, what, f"{size / 1e6:.1f} MB", f"{one:.1f} B", "", f"≤ {goal:g} B", mark(one, goal)]

    return [
        [where, "gc.collect()", f"{base:.3f} s", f"{base / objects * 1e9:.0f} ns", "1", "", ""],
        times("pause, first", result, "first_pauses", 1.0),
        times("pause, repeated", result, "pauses", 0.6),
        times("whole call, first", result, "first_calls", 1.2),
        times("whole call, repeated", result, "calls", 1.2),
        times("pause, first, one thread", alone, "first_pauses", 1.0),
        times("pause, repeated, one thread", alone, "pauses", 0.6),
        times("whole call, repeated, one thread", alone, "calls", 1.2),
        each("file", result["file_bytes"], 10),
        each("file, previews=0", result["file_bytes_without_previews"], 10),
        each("peak memory, its own figure", max(result["own_bytes"]), 64),
        each("peak memory, first, VmHWM", median(result["first_peak_bytes"]), 64),
        each("peak memory, repeated, VmHWM", median(result["peak_bytes"]), 64),
    ]


def captured(python: str, name: str, n: int) -> tuple[Cell, Cell]:
    """With the threads it takes by itself and with one. A process has one first capture: several processes each."""
    results = []
    for arguments in ((), (1,)):
        cells = [cell(python, "cells.py", "capture", name, n, *arguments) for _ in range(ROUNDS if n < 500_000 else 3)]
        result = cells[0]
        for key in ("gc", "pauses", "calls"):
            result[key] = [value for one in cells for value in one[key]]
        for key, one_key in (("first_pauses", "first_pause"), ("first_calls", "first_call")):
            result[key] = [one[one_key] for one in cells]
        result["first_peak_bytes"] = [one["first_peak_bytes"] for one in cells]
        results.append(result)
    return results[0], results[1]


def command(python: str) -> str | None:
    """The command that is installed beside an interpreter."""
    beside = Path(python).parent / "tonnage"
    return str(beside) if beside.exists() else shutil.which("tonnage", path=sysconfig.get_path("scripts"))


def summary_rows(python: str, name: str, n: int) -> list[list[str]]:
    """From the start of the process to its last row, the file in the page cache."""
    tool = command(python)
    if tool is None:
        return [[name, "summary of the file", "not available", "", "", "≤ 0.25 ×", ""]]
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "heap.tonnage")
        base = median(cell(python, "cells.py", "save", name, n, path)["gc"])
        took = []
        for _ in range(ROUNDS + 1):
            start = time.perf_counter()
            subprocess.run([tool, "summary", path], stdout=subprocess.DEVNULL, check=True)
            took.append(time.perf_counter() - start)
    middle = median(took[1:])
    objects = n * WORKLOADS[name]
    return [
        [
            f"{name}, {objects / 1e6:.1f} M objects",
            "tonnage summary",
            f"{middle:.3f} s",
            f"{middle / objects * 1e9:.0f} ns",
            f"{middle / base:.2f} ×",
            "≤ 0.25 ×",
            mark(middle / base, 0.25),
        ]
    ]


def peer_rows(python: str, peers: str | None, name: str, n: int) -> list[list[str]]:
    """Time to the same table, and what the table covers."""
    rows = []

    def one(label: str, interpreter: str, kind: str, rounds: int) -> Cell:
        empty = cell(interpreter, "cells.py", kind, name, 1)
        results = [cell(interpreter, "cells.py", kind, name, n) for _ in range(rounds)]
        best = sorted(results, key=lambda result: result["seconds"])[len(results) // 2]
        best["explained"] = (best["bytes"] - empty["bytes"]) / best["grown"]
        best["label"] = label
        return best

    ours = one("tonnage", python, "table_tonnage", ROUNDS)
    results = [(ours, None)]
    for (peer, kind), goal in zip(PEERS.items(), (20, 30), strict=True):
        if peers is None:
            rows.append([name, peer, "not available", "", "", "", "", ""])
        else:
            results.append((one(f"{peer} {peer_version(peers, peer)}", peers, kind, 1 if n > 50_000 else 3), goal))
    for result, goal in results:
        ratio = result["seconds"] / ours["seconds"]
        rows.append(
            [
                f"{name}, {n * WORKLOADS[name] / 1e6:.1f} M objects",
                result["label"],
                f"{result['seconds']:.3f} s",
                f"{result['seconds'] / median(result['gc']):.1f} ×",
                f"{ratio:.0f} ×",
                "" if goal is None else f"≥ {goal} × ({mark(ratio, goal, at_least=True)})",
                f"{result['found'] / result['planted']:.1%}",
                f"{result['explained']:.1%}",
            ]
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small heaps: a check that it works, not a measurement")
    parser.add_argument("--python", action="append", help="interpreter that has tonnage (default: this one)")
    parser.add_argument("--no-peers", action="store_true", help="leave the other analysers out")
    parser.add_argument("--output", type=Path, help="write the tables there as well")
    options = parser.parse_args()
    load = os.getloadavg()[0]  # of others: nothing of ours has run yet
    sizes = [50_000] if options.quick else [1_000_000, 5_000_000]
    pieces = []
    for python in options.python or [sys.executable]:
        captures, summaries, peers_table = [], [], []
        version = tool = threads = ""
        for name, per in WORKLOADS.items():
            for objects in sizes:
                result, alone = captured(python, name, round(objects / per))
                version, tool = str(result["version"]).split()[0], result["tool"]
                threads = result["threads"]
                captures += capture_rows(name, result, alone)
            summaries += summary_rows(python, name, round(sizes[-1] / per))
        with tempfile.TemporaryDirectory() as folder:
            peers = None if options.no_peers else make_peers(Path(folder) / "peers", python)
            for name, per in WORKLOADS.items():
                peers_table += peer_rows(python, peers, name, round(sizes[0] / per))
        pieces.append(
            f"### CPython {version}, tonnage {tool}, {processor()}, {threads} threads, medians of {ROUNDS}, "
            f"load of others {load:.1f}\n\n"
            + table(["heap", "what", "measured", "per object", "of gc.collect()", "goal", ""], captures + summaries)
            + "\n\n"
            + table(
                ["heap", "to the table by type", "time", "of gc.collect()", "of tonnage", "goal", "found", "explained"],
                peers_table,
            )
        )
        print(pieces[-1], "\n", flush=True)
    if options.output:
        options.output.write_text("\n\n".join(pieces) + "\n", encoding="utf-8")


main()
