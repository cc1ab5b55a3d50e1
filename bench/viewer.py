#!/usr/bin/env python3
"""Measures the viewer: how long a report takes, how it opens and zooms, and how fast `tonnage serve` answers.

    bench/viewer.py [--quick] [--only report|page|serve] [--python PATH ...] [--output FILE]

Prints the tables of docs/performance.md, "The viewer". The report is beside `tonnage suspects` on the same file, in
turns; the page is opened in Chromium by the playwright-core of web/ (make web); questions are asked of a server once
each, so that none is answered from what it keeps.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from harness import FOLDER, ROUNDS, cell, mark, median, processor, table

REPORT, SERVED = 5_000_000, 10_000_000  # objects
PER = 5.5  # objects of a node of graph_heap
GOAL_TIMES, GOAL_BYTES, GOAL_PAINT, GOAL_FRAME, GOAL_ANSWER = 3, 5 << 20, 1000, 100, 100
MODULES = FOLDER.parent / "web" / "node_modules"
KINDS = "type clodo size sizeclass module generation via rcs".split()
TYPES = "dict list str int tuple".split()
VIEWS = "show refs referrers dominators treemap why paths".split()
# What pages ask while somebody looks around; ADDRESS: of an object that they lead to.
QUESTIONS = [
    *(f"groups?by={kind}&limit=1000" for kind in KINDS),
    *(f"groups?by=via&where=type:{name}" for name in TYPES),
    *(f"largest?limit=1000&where=type:{name}" for name in TYPES),
    "dominators?limit=500",
    "summary?where=size:>1k",
    *(f"{view}?object=ADDRESS" for view in VIEWS for _ in range(3)),
]


def save(python: str, folder: str, millions: int) -> tuple[str, int]:
    path = str(Path(folder) / f"heap-{millions}.tonnage")
    saved = cell(python, "analysis_cells.py", "save", "graph_heap", max(1, round(millions / PER)), path)
    return path, int(saved["objects"])


def seconds(*words: str) -> float:
    start = time.perf_counter()
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


# ---- report ----


def report(python: str, path: str, out: str, rounds: int) -> list[list[str]]:
    command = str(Path(python).parent / "tonnage")
    suspects, reports = [], []
    for _ in range(rounds):
        suspects.append(seconds(command, "suspects", path))
        reports.append(seconds(command, "report", path, "-o", out, "--force"))
    times, size = median(reports) / median(suspects), os.stat(out).st_size
    return [
        ["tonnage suspects", f"{median(suspects):.2f} s", ""],
        ["tonnage report", f"{median(reports):.2f} s", ""],
        ["report / suspects", f"{times:.2f} ×", f"≤ {GOAL_TIMES} × ({mark(times, GOAL_TIMES)})"],
        ["the page", f"{size / 1024:.0f} KiB", f"≤ {GOAL_BYTES >> 20} MiB ({mark(size, GOAL_BYTES)})"],
    ]


def page(out: str, rounds: int) -> list[list[str]]:
    if not MODULES.is_dir() or not shutil.which("node"):
        return [["first paint, frames", "not measured: no node, or no web/node_modules (make web)", ""]]
    done = subprocess.run(
        ["node", str(FOLDER / "viewer_page.mjs"), out, str(rounds)], stdout=subprocess.PIPE, text=True, check=True
    )
    told = json.loads(done.stdout)
    paint, shown, frame = (median(told[name]) for name in ("paint_ms", "shown_ms", "frame_ms"))
    return [
        ["first paint", f"{paint:.0f} ms", f"≤ {GOAL_PAINT} ms ({mark(paint, GOAL_PAINT)})"],
        ["its content", f"{shown:.0f} ms", ""],
        ["longest frame while zooming", f"{frame:.0f} ms", f"≤ {GOAL_FRAME} ms ({mark(frame, GOAL_FRAME)})"],
    ]


# ---- serve ----


class Served:
    """A server of one file."""

    def __init__(self, python: str, path: str) -> None:
        self._process = subprocess.Popen(
            [python, "-m", "tonnage", "serve", path, "--no-open"], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        url = urllib.parse.urlsplit(self._process.stdout.readline().strip())
        self._base = f"http://{url.netloc}"
        self._token = urllib.parse.parse_qs(url.query)["token"][0]

    def ask(self, question: str) -> tuple[float, str]:
        view, _, query = question.partition("?")
        said = urllib.parse.urlencode(urllib.parse.parse_qsl(query))
        request = urllib.request.Request(f"{self._base}/api/{view}?{said}", headers={"X-Tonnage-Token": self._token})
        start = time.perf_counter()
        with urllib.request.urlopen(request) as reply:
            text = reply.read().decode()
        return time.perf_counter() - start, text

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


def served(python: str, path: str) -> list[list[str]]:
    server = Served(python, path)
    try:
        first = server.ask("suspects?limit=0")[0]
        rows = json.loads(server.ask("largest?limit=200")[1])["rows"]
        addresses = [row["address"] for row in rows]
        server.ask(f"show?object={addresses.pop()}")  # referrers are loaded with the first
        took = {}
        for index, question in enumerate(QUESTIONS):
            asked = question.replace("ADDRESS", addresses[index % len(addresses)])
            took[asked] = 1000 * server.ask(asked)[0]
    finally:
        server.close()
    middle = median(list(took.values()))
    worst = max(took, key=lambda asked: took[asked])
    return [
        ["load, and suspects", f"{first:.2f} s", ""],
        [f"{len(took)} questions, median", f"{middle:.0f} ms", f"≤ {GOAL_ANSWER} ms ({mark(middle, GOAL_ANSWER)})"],
        [f"the longest, `{worst.partition('&')[0]}`", f"{took[worst]:.0f} ms", ""],
    ]


def measure(python: str, quick: bool, only: str | None) -> str:
    load, rounds = os.getloadavg()[0], 1 if quick else ROUNDS
    rows = []

    def add(objects: int, found: list[list[str]]) -> None:
        rows.extend([f"graph_heap, {objects / 1e6:.1f} M objects", *row] for row in found)

    with tempfile.TemporaryDirectory() as folder:
        if only != "serve":
            path, objects = save(python, folder, 20_000 if quick else REPORT)
            out = str(Path(folder) / "report.html")
            add(objects, report(python, path, out, rounds))
            if only != "report":
                add(objects, page(out, rounds))
        if only in (None, "serve"):
            path, objects = save(python, folder, 40_000 if quick else SERVED)
            add(objects, served(python, path))
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
    head = f"### CPython {version}, {processor()}, medians of {rounds}, load of others {load:.1f}"
    return f"{head}\n\n{table(['heap', 'what', 'measured', 'goal'], rows)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small heaps: a check that it works, not a measurement")
    parser.add_argument("--only", choices=("report", "page", "serve"))
    parser.add_argument("--python", action="append", help="interpreter that has tonnage (default: this one)")
    parser.add_argument("--output", type=Path, help="write the tables there as well")
    options = parser.parse_args()
    pieces = [measure(python, options.quick, options.only) for python in options.python or [sys.executable]]
    print("\n\n".join(pieces), flush=True)
    if options.output:
        options.output.write_text("\n\n".join(pieces) + "\n", encoding="utf-8")


main()
