"""One measurement of the analysis in a fresh process; analysis.py starts these.

`python analysis_cells.py save WORKLOAD N PATH` leaves a file; `… CELL PATH` analyses one.  One JSON object on stdout.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from typing import Any

from cells import ROUNDS, build, reset_peak, seconds, status_bytes, whole


def save(workload: str, n: str, path: str) -> dict[str, Any]:
    """A file, and the times of gc.collect() and of whole captures of the heap, in turns."""
    import tonnage

    kept = build(workload, int(n))
    gc.collect()
    collections, calls = [], []
    for _ in range(ROUNDS):
        collections.append(seconds(gc.collect)[0])
        calls.append(seconds(lambda: whole(tonnage, path, None))[0])
    with tonnage.load(path) as snapshot:
        facts = snapshot.facts
    assert kept
    return {
        "gc": collections,
        "calls": calls,
        "objects": facts["objects.count"],
        "version": facts["python.version"],
        "tool": facts["capture.tool_version"],
    }


def measured(path: str, function: Any) -> dict[str, Any]:
    """From the closed file on: time, processor time, and how far the resident set rose."""
    import tonnage._core  # noqa: F401

    rss = status_bytes("VmRSS")
    reset_peak()
    cpu, start = time.process_time(), time.perf_counter()
    with tonnage.load(path, max_memory=64 << 30) as snapshot:
        n = function(snapshot)
        took, used = time.perf_counter() - start, time.process_time() - cpu
        peak = status_bytes("VmHWM") - rss
        return {"seconds": took, "cpu": used, "peak_bytes": peak, "result": n, "nodes": snapshot._core.n_nodes}


def dominators(path: str) -> dict[str, Any]:
    """Dominators and retained sizes of everything."""
    return measured(path, lambda snapshot: snapshot._core.retained(snapshot._core.n_objects)[0])


def view(path: str) -> dict[str, Any]:
    """What `tonnage dominators` prints."""
    return measured(path, lambda snapshot: len(repr(snapshot.dominators())))


def freed(path: str) -> dict[str, Any]:
    """What `tonnage retained --where type:dict` prints."""
    return measured(path, lambda snapshot: len(repr(snapshot.retained("type:dict"))))


def index(path: str) -> dict[str, Any]:
    """Makes FILE.index."""
    return measured(path, lambda snapshot: snapshot.index())


def indexed(path: str) -> dict[str, Any]:
    """Dominators and retained sizes of everything, from FILE.index."""

    def ask(snapshot: Any) -> int:
        assert snapshot.index()
        return int(snapshot._core.retained(snapshot._core.n_objects)[0])

    return measured(path, ask)


def parquet(path: str) -> dict[str, Any]:
    """The objects as Parquet, pyarrow loaded."""
    import pyarrow.parquet  # noqa: F401

    return measured(path, lambda snapshot: snapshot.export(path + ".parquet", what="objects", force=True))


def tables(path: str) -> dict[str, Any]:
    """All tables as Parquet, pyarrow loaded."""
    import pyarrow.parquet  # noqa: F401

    return measured(path, lambda snapshot: snapshot.export(path + ".tables", to="parquet", force=True))


def csv(path: str) -> dict[str, Any]:
    """The objects as CSV."""
    return measured(path, lambda snapshot: snapshot.export(path + ".csv", force=True))


def path(path: str) -> dict[str, Any]:
    """The first path that is asked of a snapshot whose references are there, in both directions."""
    import tonnage

    with tonnage.load(path, max_memory=64 << 30) as snapshot:
        core = snapshot._core
        target = core.n_objects // 2
        core.node(target), core.referrers(target)
        rss = status_bytes("VmRSS")
        reset_peak()
        cpu, start = time.process_time(), time.perf_counter()
        found = next(core.paths(target, "", 1, False))[0]
        took, used = time.perf_counter() - start, time.process_time() - cpu
        peak = status_bytes("VmHWM") - rss
        return {"seconds": took, "cpu": used, "peak_bytes": peak, "result": found, "nodes": core.n_nodes}


def merged(path: str) -> dict[str, Any]:
    """What `tonnage paths --where type:dict --merge` prints."""
    return measured(path, lambda snapshot: len(repr(snapshot.paths("type:dict", merge=True))))


def command(verb: str, path: str) -> dict[str, Any]:
    """A verb of the command, from the start of the process to its end."""
    import resource
    import subprocess
    import sysconfig

    tonnage = os.path.join(sysconfig.get_path("scripts"), "tonnage")
    start = time.perf_counter()
    done = subprocess.run([tonnage, verb, path, "--max-memory", "64G"], capture_output=True, check=True)
    took, used = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": took,
        "cpu": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * 1024,
        "result": len(done.stdout),
    }


def suspects(path: str) -> dict[str, Any]:
    """`tonnage suspects` as a command."""
    return command("suspects", path)


def loaded(core: Any, question: Any) -> dict[str, Any]:
    """One question to an open snapshot, without what it took to get there."""
    rss = status_bytes("VmRSS")
    reset_peak()
    cpu, start = time.process_time(), time.perf_counter()
    found = question()
    took, used = time.perf_counter() - start, time.process_time() - cpu
    peak = status_bytes("VmHWM") - rss
    return {"seconds": took, "cpu": used, "peak_bytes": peak, "result": found, "nodes": core.n_nodes}


def waste(path: str) -> dict[str, Any]:
    """The findings of `waste` with everything loaded that other questions load too, without their paths."""
    import tonnage

    with tonnage.load(path) as snapshot:
        core = snapshot._core
        target = core.n_objects // 2
        core.node(target), core.targets(target), core.preview(target)
        return loaded(core, lambda: len(core.waste()))


def audit(path: str) -> dict[str, Any]:
    """All rows of `tonnage audit --limit 0`, of a snapshot whose references are there."""
    import tonnage

    with tonnage.load(path, max_memory=64 << 30) as snapshot:
        core = snapshot._core
        target = core.n_objects // 2
        core.node(target), core.targets(target), core.preview(target)
        return loaded(core, lambda: len(core.view("audit", json=True, limit=0)))


def patterns(path: str, where: str | None = None) -> dict[str, Any]:
    """The page of `patterns`, with references and anchors loaded as `show` and `paths` load them."""
    import tonnage

    with tonnage.load(path, max_memory=64 << 30) as snapshot:
        core = snapshot._core
        target = core.n_objects // 2
        core.node(target), core.referrers(target), core.hold(target)
        return loaded(core, lambda: len(repr(snapshot.patterns(where=where))))


def dicts(path: str) -> dict[str, Any]:
    """The same of all dicts."""
    return patterns(path, "type:dict")


def cycles(path: str) -> dict[str, Any]:
    """Components and their groups, of a snapshot whose references are there."""
    import tonnage

    with tonnage.load(path, max_memory=64 << 30) as snapshot:
        core = snapshot._core
        core.targets(core.n_objects)
        return loaded(core, lambda: core.components().groups())


CELLS = {
    "save": save, "index": index, "indexed": indexed, "dominators": dominators, "view": view, "freed": freed,
    "path": path, "merged": merged, "suspects": suspects, "cycles": cycles, "waste": waste,
    "patterns": patterns, "dicts": dicts,
    "parquet": parquet, "tables": tables, "csv": csv,
    "audit": audit,
}  # fmt: skip


if __name__ == "__main__":
    gc.disable()
    print(json.dumps(CELLS[sys.argv[1]](*sys.argv[2:])), flush=True)
    os._exit(0)
