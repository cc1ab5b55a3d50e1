#!/usr/bin/env python3
"""Measures sets and groups: every partition of all objects of a heap, and steps along references.

    bench/groups.py [--quick] [--python PATH] [--output FILE]

Prints the table of docs/performance.md, "Sets and groups".
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from harness import WORKLOADS, cell, mark, processor, table

GOAL = 0.5  # of gc.collect()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small heap: it works, the figures say nothing")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--output", type=Path)
    options, _ = parser.parse_known_args()
    n = 2_000 if options.quick else int(5_000_000 / WORKLOADS["graph_heap"])
    got = cell(options.python, "groups_cells.py", "graph_heap", n)
    base, objects = got["collection"], got["objects"]
    rows = [
        [what, f"{took * 1e3:.0f} ms", f"{took / objects * 1e9:.0f} ns", f"{took / base:.2f} ×"]
        + [mark(took / base, GOAL)]
        for what, took in got["seconds"].items()
    ]
    head = ["graph_heap", "processor", "per object", "of gc.collect()", f"goal ≤ {GOAL} ×"]
    machine = f"{processor()}, load {os.getloadavg()[0]:.1f}"
    text = f"{machine}, {objects / 1e6:.1f} M objects, gc.collect() {base * 1e3:.0f} ms\n\n{table(head, rows)}\n"
    print(text)
    if options.output:
        options.output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
