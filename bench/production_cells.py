"""One measurement in a fresh process, as cells.py, of what a snapshot costs a process in production.

    python production_cells.py CELL WORKLOAD N [ARGUMENT ...]

production.py starts these.
"""

from __future__ import annotations

import gc
import os
import random
import resource
import tempfile
import time
from typing import Any

from cells import PAGE, ROUNDS, build, run, seconds, status_bytes

CHUNK = 500
MIB = 1 << 20


def fork(workload: str, n: int, arguments: list[str]) -> dict[str, Any]:
    """The pause of the first and of repeated forks. Argument: MiB of a buffer that lies beside the objects."""
    import tonnage

    kept = build(workload, n), filled(int(arguments[0]) * MIB if arguments else 0)
    gc.collect()
    baseline, pauses, calls, rss, own, facts = [], [], [], [], [], {}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "heap.tonnage")
        for _ in range(ROUNDS + 1):
            baseline.append(seconds(gc.collect)[0])
            took, taken = seconds(lambda: tonnage.snapshot(path, mode="fork", force=True))
            with taken:
                facts = taken.facts
            pauses.append(facts["capture.pause_ns"] / 1e9)
            calls.append(took)
            rss.append(status_bytes("VmRSS"))
            own.append(facts["capture.own_bytes"])
    assert kept
    return {
        "gc": baseline,
        "pauses": pauses,
        "calls": calls,
        "rss": rss,
        "own_bytes": own,
        "objects": facts["objects.count"],
        "version": facts["python.version"],
        "tool": facts["capture.tool_version"],
    }


def filled(size: int) -> bytearray:
    """Every page of it differs from a page of zeros."""
    buffer = bytearray(size)
    buffer[::PAGE] = b"x" * len(buffer[::PAGE])
    return buffer


# ---- a program that works on while the child does ----


def change_graph_heap(nodes: list[Any], which: list[int]) -> None:
    for i in which:
        nodes[i].ident += 1


def change_json_like(records: list[Any], which: list[int]) -> None:
    for i in which:
        records[i]["price"] += 1.0


CHANGES = {"graph_heap": change_graph_heap, "json_like": change_json_like}


def busy(workload: str, n: int, arguments: list[str]) -> dict[str, Any]:
    """Time of a chunk of changes, anywhere in the heap, before and while a child works, and what is copied.

    Argument: seconds of the part before.
    """
    from tonnage import _capture

    items, _, _ = build(workload, n)
    change, draw = CHANGES[workload], random.Random(1).randrange

    def chunk() -> float:
        which = [draw(n) for _ in range(CHUNK)]
        return seconds(lambda: change(items, which))[0]

    before, during, begins, faults, copied = [], [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        path = os.fsencode(os.path.join(folder, "heap.tonnage"))

        def begin() -> object:
            return _capture.begin(path, mode="fork", force=True)

        for _ in range(ROUNDS):
            end = time.perf_counter() + float(arguments[0]) / ROUNDS
            while time.perf_counter() < end:
                before.append(chunk())
            took, job = seconds(begin)
            begins.append(took)
            start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            while not _capture.poll(job):
                during.append(chunk())
            faults.append((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - start) * PAGE)
            copied.append(private_while(_capture, begin(), chunk))
    return {
        "before": before,
        "during": during,
        "begins": begins,
        "faults": faults,
        "copied": copied,
        "rss": status_bytes("VmRSS"),
    }


def private_while(capture: Any, job: object, chunk: Any) -> int:
    """Bytes that were no longer shared with the child shortly before it ended: all are, just after a fork.

    The child's last act is to give its memory back: what is read meanwhile does not count.
    """
    looks = [(time.perf_counter(), 0)]
    while not capture.poll(job):
        chunk()
        if time.perf_counter() > looks[-1][0] + 0.05:
            looks.append((time.perf_counter(), private_dirty()))
    end = time.perf_counter() - 0.05 - status_bytes("VmRSS") / 20e9
    return max(size for when, size in looks if when < end or size == 0)


def private_dirty() -> int:
    with open("/proc/self/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Private_Dirty:"))


if __name__ == "__main__":
    run({"fork": fork, "busy": busy})
