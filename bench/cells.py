"""One measurement in a fresh process: `python cells.py CELL WORKLOAD N [ARGUMENT ...]`, one JSON object on stdout.

bench.py starts these.  Nothing but the standard library, tonnage and, in the cells named after
them, the peers is imported, so that each cell measures the heap that the workload made and no other.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pathlib
import sys
import tempfile
import time
from typing import Any

FOLDER = pathlib.Path(__file__).parent
ROUNDS = 5
PAGE = os.sysconf("SC_PAGE_SIZE")


def status_bytes(name: str) -> int:
    with open("/proc/self/status", encoding="ascii") as file:
        for line in file:
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
    raise LookupError(name)


def reset_peak() -> None:
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def seconds(function: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def build(workload: str, n: int) -> tuple[Any, dict[str, int], int]:
    """The heap, its census and how much the resident set grew."""
    sys.path.insert(0, str(FOLDER / "workloads"))
    module = importlib.import_module(workload)
    gc.collect()
    before = status_bytes("VmRSS")
    root, census = module.build(n)
    return root, census, status_bytes("VmRSS") - before


def collections() -> list[float]:
    gc.collect()
    return [seconds(gc.collect)[0] for _ in range(ROUNDS)]


def capture(workload: str, n: int, arguments: list[str]) -> dict[str, Any]:
    """gc.collect(), the pause of the first and of repeated captures, the whole call, and what each takes.

    Argument: how many threads; without it as many as tonnage takes by itself.
    """
    import tonnage

    threads = int(arguments[0]) if arguments else None

    kept = build(workload, n)
    gc.collect()
    baseline: list[float] = []  # one before each capture, so that a busy machine slows both
    first: list[float] = []
    pauses: list[float] = []
    calls: list[float] = []
    peaks: list[int] = []
    own: list[int] = []
    facts: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "heap.tonnage")
        for turn in range(ROUNDS + 1):
            baseline.append(seconds(gc.collect)[0])
            rss = status_bytes("VmRSS")
            reset_peak()
            took, _ = seconds(lambda: whole(tonnage, path, threads))
            peak = status_bytes("VmHWM")
            with tonnage.load(path) as snapshot:
                facts = snapshot.facts
            pause = facts["capture.pause_ns"] / 1e9
            peaks.append(peak - rss)
            own.append(facts["capture.own_bytes"])
            if turn == 0:
                first = [pause, took]
            else:
                pauses.append(pause)
                calls.append(took)
        size = os.path.getsize(path)
        tonnage.snapshot(path, mode="stop", previews=0, force=True).close()
        bare = os.path.getsize(path)
    assert kept
    return {
        "gc": baseline,
        "first_pause": first[0],
        "first_call": first[1],
        "pauses": pauses,
        "calls": calls,
        "file_bytes": size,
        "file_bytes_without_previews": bare,
        "first_peak_bytes": peaks[0],
        "peak_bytes": peaks[1:],
        "own_bytes": own,
        "threads": facts["capture.threads"],
        "objects": facts["objects.count"],
        "object_bytes": facts["objects.bytes"],
        "version": facts["python.version"],
        "tool": facts["capture.tool_version"],
    }


def whole(tonnage: Any, path: str, threads: int | None) -> None:
    tonnage.snapshot(path, mode="stop", force=True, threads=threads).close()


def save(workload: str, n: int, arguments: list[str]) -> dict[str, Any]:
    """Leaves a file for the measurement of the command, and the time of gc.collect() on the same heap."""
    import tonnage

    kept = build(workload, n)
    baseline = collections()
    tonnage.snapshot(arguments[0], mode="stop", force=True).close()
    assert kept
    return {"gc": baseline}


def table_tonnage(workload: str, n: int, _: list[str]) -> dict[str, Any]:
    """Snapshot without a file, in place as the peers work, and the printed table by type."""
    import tonnage

    root, census, grown = build(workload, n)
    baseline = collections()
    took, snapshot = seconds(lambda: tonnage.snapshot(mode="stop"))
    printed, text = seconds(lambda: str(snapshot.summary()))
    rows = snapshot.summary(limit=0).rows
    return outcome(
        took + printed, text, census, grown, {r["type"]: r["count"] for r in rows}, total(rows), root, baseline
    )


def table_guppy(workload: str, n: int, _: list[str]) -> dict[str, Any]:
    from guppy import hpy

    root, census, grown = build(workload, n)
    baseline = collections()
    heapy = hpy()
    took, heap = seconds(heapy.heap)
    printed, text = seconds(lambda: str(heap))
    counts = {str(part.kind): part.count for part in heap.bytype.parts}
    return outcome(took + printed, text, census, grown, counts, heap.size, root, baseline)


def table_pympler(workload: str, n: int, _: list[str]) -> dict[str, Any]:
    from pympler import muppy, summary

    root, census, grown = build(workload, n)
    baseline = collections()
    start = time.perf_counter()
    rows = summary.summarize(muppy.get_objects())
    text = "\n".join(summary.format_(rows))
    took = time.perf_counter() - start
    return outcome(took, text, census, grown, {r[0]: r[1] for r in rows}, sum(r[2] for r in rows), root, baseline)


def total(rows: list[dict[str, Any]]) -> int:
    return sum(row["size"] for row in rows)


def outcome(
    took: float,
    text: str,
    census: dict[str, int],
    grown: int,
    counts: dict[str, int],
    size: int,
    root: Any,
    baseline: list[float],
) -> dict[str, Any]:
    """What a table covers: planted objects found, by type, and bytes; those of an empty heap come off later."""
    found = 0
    for name, count in census.items():
        near = sum(n for key, n in counts.items() if name == key.rpartition(".")[2].rstrip(">").rstrip("'").strip())
        found += min(near, count)
    assert text and root is not None
    return {
        "seconds": took,
        "found": found,
        "planted": sum(census.values()),
        "bytes": size,
        "grown": grown,
        "gc": baseline,
    }


CELLS = {
    "capture": capture,
    "save": save,
    "table_tonnage": table_tonnage,
    "table_guppy": table_guppy,
    "table_pympler": table_pympler,
}


def run(cells: dict[str, Any]) -> None:
    cell, workload, n, *arguments = sys.argv[1:]
    gc.disable()
    result = cells[cell](workload, int(n), arguments)
    print(json.dumps(result), flush=True)
    os._exit(0)  # without the time to free the heap


if __name__ == "__main__":
    run(CELLS)
