"""Shared by the workload generators: argument parsing, and one JSON line.

A generator is a plain script: `python graph_heap.py N [--hold SECONDS]` builds
its heap and prints one JSON line (what it made, seconds, RSS).  Imported, it
offers `build(n, seed=SEED) -> (root, census)`, where `census` maps a type name
to the exact number of objects of that type that build() created and that are
alive when it returns.  Shared small ints, interned names and singletons are
not counted.
"""

import json
import sys
import time

SEED = 20240229


def rss_kib():
    """Resident set size of this process, in KiB."""
    with open("/proc/self/status") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    raise RuntimeError("no VmRSS")


def main(build, default_n):
    args = sys.argv[1:]
    hold = 0.0
    if "--hold" in args:
        i = args.index("--hold")
        hold = float(args[i + 1])
        del args[i : i + 2]
    n = int(args[0]) if args else default_n
    before = rss_kib()
    t0 = time.perf_counter()
    root, census = build(n)
    dt = time.perf_counter() - t0
    print(
        json.dumps(
            {
                "n": n,
                "seconds": round(dt, 3),
                "rss_kib_before": before,
                "rss_kib_after": rss_kib(),
                "objects": sum(census.values()),
                "census": census,
            }
        ),
        flush=True,
    )
    if hold:
        time.sleep(hold)
    return root
