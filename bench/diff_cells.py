"""Cells of diff.py: `python diff_cells.py pair WORKLOAD N OLD NEW`, one JSON object on stdout."""

from __future__ import annotations

import gc
import time
from typing import Any

from cells import build, collections, run, seconds


def pair(workload: str, n: int, arguments: list[str]) -> dict[str, Any]:
    """Two snapshots of one heap, between which one object in a hundred goes and as many come."""
    import tonnage

    kept = build(workload, n)
    made: list[Any] = [[number, str(number)] for number in range(n // 100)]
    gc.collect()
    baseline = collections()
    processor = []
    for _ in range(5):
        start = time.process_time()
        gc.collect()
        processor.append(time.process_time() - start)
    old, new = arguments
    tonnage.snapshot(old, mode="stop", force=True).close()
    made[:] = [[number, str(number)] for number in range(n // 100, 2 * (n // 100))]
    took, _ = seconds(lambda: tonnage.snapshot(new, mode="stop", force=True).close())
    with tonnage.load(new) as snapshot:
        facts = snapshot.facts
    assert kept
    return {
        "gc": baseline,
        "gc_cpu": processor,
        "call": took,
        "objects": facts["objects.count"],
        "version": facts["python.version"],
        "tool": facts["capture.tool_version"],
    }


if __name__ == "__main__":
    run({"pair": pair})
