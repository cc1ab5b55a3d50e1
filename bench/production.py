#!/usr/bin/env python3
"""Measures what tonnage costs a process in production, as ratios to the same process without it.

    bench/production.py [--quick] [--python PATH ...] [--only PART ...] [--output FILE]

Prints the second set of tables of docs/performance.md: the pause of a fork and what the program feels while the child
works; the import; an idle process that is switched on; a web service under load (by wrk, where there is one).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from harness import FOLDER, WORKLOADS, Cell, cell, mark, median, processor, table

Rows = list[list[str]]
SCRIPT = "production_cells.py"
NODE_BYTES = 530  # of the resident set, for each N of graph_heap


class Scale(NamedTuple):
    """How much is measured."""

    objects: tuple[int, ...]
    buffer_mib: int
    processes: int
    busy_seconds: float
    imports: int
    idle_seconds: float
    service_bytes: int
    service_seconds: int
    service_every: float
    service_pairs: int


FULL = Scale((1_000_000, 5_000_000), 2048, 3, 5.0, 41, 20.0, 2 << 30, 20, 10.0, 3)
QUICK = Scale((50_000,), 64, 1, 0.5, 5, 2.0, 64 << 20, 2, 1.0, 1)

# ---- the pause of a fork, and the time after it ----


def forked(python: str, scale: Scale, name: str, n: int, *arguments: int) -> Cell:
    """Of several processes: each has one first fork."""
    cells = [cell(python, SCRIPT, "fork", name, n, *arguments) for _ in range(scale.processes)]
    joined = cells[0]
    joined["first"] = [one["pauses"][0] for one in cells]
    for key in ("gc", "rss", "own_bytes"):
        joined[key] = [value for one in cells for value in one[key]]
    for key in ("pauses", "calls"):
        joined[key] = [value for one in cells for value in one[key][1:]]
    return joined


def name_of(name: str, result: Cell) -> str:
    return f"{name}, {result['objects'] / 1e6:.1f} M objects, {median(result['rss']) / 1e9:.2f} GB"


def pause_rows(where: str, result: Cell) -> Rows:
    base, rss, own = median(result["gc"]), median(result["rss"]), median(result["own_bytes"])
    rows = [[where, "gc.collect()", f"{base * 1e3:.1f} ms", "1 ×", "", ""]]
    for what, key in (("pause of the fork, first", "first"), ("pause of the fork, repeated", "pauses")):
        pause = median(result[key])
        ratio, each = pause / base, pause * 1e3 / (rss / 1e9)
        rows.append([where, what, f"{pause * 1e3:.1f} ms", f"{ratio:.3f} ×", "≤ 0.05 ×", mark(ratio, 0.05)])
        rows.append([where, f"{what}, per GB of RSS", f"{each:.1f} ms", "", "≤ 40 ms", mark(each, 40)])
    one = own / result["objects"]
    call = median(result["calls"])
    rows.append([where, "until the file is whole", f"{call:.3f} s", f"{call / base:.2f} ×", "", ""])
    rows.append([where, "peak memory of the child, its own figure", f"{own / 1e6:.0f} MB",
                 f"{one:.1f} B an object", "≤ 64 B", mark(one, 64)])  # fmt: skip
    return rows


def busy_rows(where: str, result: Cell) -> Rows:
    before, during, rss = result["before"], result["during"] or [0.0], result["rss"]

    def row(what: str, value: float, base: float) -> list[str]:
        return [where, what, f"{value * 1e6:.0f} µs", f"{value / base:.2f} ×", "", ""]

    def share(what: str, sizes: list[float]) -> list[str]:
        size = median(sizes)
        return [where, what, f"{size / 1e6:.0f} MB", f"{size / rss:.0%} of RSS", "", ""]

    return [
        row("500 changes, no child, median", median(before), median(before)),
        row("500 changes, no child, worst", max(before), median(before)),
        row("500 changes while the child works, median", median(during), median(before)),
        row("500 changes while the child works, worst", max(during), median(before)),
        share("changed meanwhile and so copied, page faults", result["faults"]),
        share("changed meanwhile and so copied, Private_Dirty", result["copied"]),
    ]


def fork_table(python: str, scale: Scale) -> str:
    rows: Rows = []
    for name, per in WORKLOADS.items():
        for objects in scale.objects:
            n = round(objects / per)
            result = forked(python, scale, name, n)
            where = name_of(name, result)
            rows += pause_rows(where, result)
            rows += busy_rows(where, cell(python, SCRIPT, "busy", name, n, scale.busy_seconds))
    buffered = forked(python, scale, "graph_heap", round(scale.objects[0] / 5.5), scale.buffer_mib)
    rows += pause_rows(f"{name_of('graph_heap', buffered)} with a buffer", buffered)
    return table(["heap", "what", "measured", "relative", "goal", ""], rows)


# ---- the import ----

IMPORTS = {
    "python -c pass": "pass",
    "import tonnage": "import tonnage",
    "import tonnage, tonnage._capture": "import tonnage, tonnage._capture",
}
GOALS = tuple(IMPORTS)[1:]
RSS_CODE = "print(next(line.split()[1] for line in open('/proc/self/smaps_rollup') if line.startswith('Rss:')))"


def started(python: str, code: str) -> tuple[float, float, float]:
    """Seconds of a process from start to end, those of a processor, and its resident set in bytes."""

    def used() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    before, start = used(), time.perf_counter()
    done = subprocess.run([python, "-c", f"{code}\n{RSS_CODE}"], stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - start, used() - before, int(done.stdout) * 1024


def import_table(python: str, scale: Scale) -> str:
    """Whole processes, in turns, so that a busy machine slows all."""
    turns = [{name: started(python, code) for name, code in IMPORTS.items()} for _ in range(scale.imports + 1)][1:]
    said = {name: [median(list(of)) for of in zip(*(turn[name] for turn in turns), strict=True)] for name in IMPORTS}
    bare = said["python -c pass"]
    rows = []
    for name, (took, used, size) in said.items():
        row = [name, f"{took * 1e3:.1f} ms", f"{used * 1e3:.1f} ms", f"{size / 1e6:.1f} MB"]
        more, larger = took - bare[0], size - bare[2]
        if name in GOALS:
            row += [f"{more * 1e3:+.1f} ms, {larger / 1e6:+.2f} MB", "≤ 5 ms, ≤ 1 MB",
                    f"{mark(more, 0.005)}, {mark(larger, 1e6)}"]  # fmt: skip
        rows.append([*row, "", "", ""][:7])
    return table(["process", "time", "CPU", "RSS", "more than without", "goal", ""], rows)


# ---- an idle process that is switched on ----

IDLE_CODE = """
import resource, sys, time
def used():
    r = resource.getrusage(resource.RUSAGE_SELF)
    return r.ru_utime + r.ru_stime, r.ru_nvcsw + r.ru_nivcsw
import tonnage
if sys.argv[1] == "on":
    tonnage.every(3600, sys.argv[3] + "/{n}.tonnage", mode="fork", timeline=1, at_exit=False, quiet=True)
time.sleep(1.5)
before = used()
time.sleep(float(sys.argv[2]))
after = used()
print(after[0] - before[0], after[1] - before[1])
"""


def idle_table(python: str, scale: Scale) -> str:
    """Pairs at the same time: all but nothing runs in them."""
    with tempfile.TemporaryDirectory() as folder:
        words = [python, "-c", IDLE_CODE]
        started = [
            (how, subprocess.Popen([*words, how, str(scale.idle_seconds), folder], stdout=subprocess.PIPE, text=True))
            for _ in range(scale.processes)
            for how in ("off", "on")
        ]
        said = [(how, process.communicate()[0].split()) for how, process in started]
    rows = []
    shares = {}
    for how, what in (("off", "tonnage imported"), ("on", "every(3600, timeline=1)")):
        used = median([float(values[0]) for one, values in said if one == how])
        switches = median([float(values[1]) for one, values in said if one == how])
        shares[how] = share = used / scale.idle_seconds
        more = share - shares["off"]
        goal = ["≤ 0.01 % more", mark(more, 1e-4)] if how == "on" else ["", ""]
        rows.append([what, f"{used * 1e3:.2f} ms in {scale.idle_seconds:.0f} s", f"{share:.4%}",
                     f"{switches / scale.idle_seconds:.2f} a second", *goal])  # fmt: skip
    return table(["idle process", "CPU", "of one processor", "context switches", "goal", ""], rows)


# ---- a service under load ----


class Service:
    """service.py with its heap, which listens."""

    def __init__(self, python: str, scale: Scale, folder: str):
        n = scale.service_bytes // NODE_BYTES
        words = [python, str(FOLDER / "service.py"), "graph_heap", str(n), folder, str(scale.service_every)]
        self.folder = Path(folder)
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self.answer())

    def answer(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline()

    def command(self, word: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        if self.answer().strip() != word:
            raise RuntimeError("the service has ended")

    def rss(self) -> float:
        return float(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def loaded(self, path: str, pause_ms: int, length: int) -> Cell:
        words = ["wrk", "-t1", "-c16", f"-d{length}s", "-s", str(FOLDER / "latency.lua")]
        done = subprocess.run(
            [*words, f"http://127.0.0.1:{self.port}{path}"],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            env=os.environ | {"TONNAGE_WRK_DELAY_MS": str(pause_ms)},
        )
        result: Cell = json.loads(done.stdout.splitlines()[-1])
        return result

    def loaded_while_on(self, path: str, pause_ms: int, length: int) -> Cell:
        self.command("on")
        result = self.loaded(path, pause_ms, length)
        self.command("off")
        files = list(self.folder.iterdir())
        result["files"] = len(files)
        for file in files:
            file.unlink()
        return result


# what is asked for: the path, how long each connection waits between requests on average
LOADS = {
    "half loaded, a working set": ("/hot", 3),
    "half loaded, anywhere": ("/any", 3),
    "saturated, a working set": ("/hot", 0),
    "saturated, anywhere": ("/any", 0),
}


def service_rows(load: str, without: list[Cell], with_it: list[Cell]) -> Rows:
    def times(key: str, goal: float | None) -> list[str]:
        base, value = (median([one[key] for one in of]) / 1e3 for of in (without, with_it))
        told = [f"≤ {goal} ×", mark(value / base, goal)] if goal else ["", ""]
        return [load, key, f"{base:.2f} ms", f"{value:.2f} ms", f"{value / base:.2f} ×", *told]

    served = [median([one["requests"] / one["duration"] * 1e6 for one in of]) for of in (without, with_it)]
    lost = [sum(one["lost"] for one in of) for of in (without, with_it)]
    files = median([one["files"] for one in with_it])
    return [
        times("p50", None),
        times("p90", None),
        times("p99", 1.5),
        times("p999", None),
        times("max", None),
        [load, "requests a second", *(f"{one:.0f}" for one in served), f"{served[1] / served[0]:.2f} ×", "", ""],
        [load, "requests lost", *map(str, lost), "", "0", mark(lost[1], 0)],
        [load, "snapshots in a run", "0", f"{files:.0f}", "", "", ""],
    ]


def service_table(python: str, scale: Scale) -> str:
    if not shutil.which("wrk"):
        return "not available: there is no wrk (`tools/bootstrap.sh bench`)"
    rows: Rows = []
    with tempfile.TemporaryDirectory() as folder:
        service = Service(python, scale, folder)
        try:
            service.loaded("/any", 0, 1)
            for load, (path, pause_ms) in LOADS.items():
                pairs = [
                    (
                        service.loaded(path, pause_ms, scale.service_seconds),
                        service.loaded_while_on(path, pause_ms, scale.service_seconds),
                    )
                    for _ in range(scale.service_pairs)
                ]
                rows += service_rows(load, [one for one, _ in pairs], [one for _, one in pairs])
            size = service.rss()
        finally:
            service.process.kill()
            service.process.wait()
    return (
        f"A service with {size / 1e9:.2f} GB of objects, a snapshot every {scale.service_every:.0f} s, "
        f"{scale.service_pairs} pairs of {scale.service_seconds} s.\n\n"
    ) + table(["load", "what", "without", "with", "relative", "goal", ""], rows)


# ---- all ----


def main() -> None:
    parts: dict[str, Callable[[str, Scale], str]] = {
        "fork": fork_table,
        "import": import_table,
        "idle": idle_table,
        "service": service_table,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small heaps: a check that it works, not a measurement")
    parser.add_argument("--python", action="append", help="interpreter that has tonnage (default: this one)")
    parser.add_argument("--only", action="append", choices=parts, help="measure this part only")
    parser.add_argument("--output", type=Path, help="write the tables there as well")
    options = parser.parse_args()
    load = os.getloadavg()[0]  # of others: nothing of ours has run yet
    pieces = []
    for python in options.python or [sys.executable]:
        words = [python, "-c", "import sys, tonnage; print(sys.version.split()[0], tonnage.__version__)"]
        version, tool = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        pieces.append(f"### CPython {version}, tonnage {tool}, {processor()}, {os.cpu_count()} processors, "
                      f"load of others {load:.1f}")  # fmt: skip
        print(pieces[-1], flush=True)
        for name in options.only or parts:
            pieces.append(parts[name](python, QUICK if options.quick else FULL))
            print(f"\n{pieces[-1]}", flush=True)
    if options.output:
        options.output.write_text("\n\n".join(pieces) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
