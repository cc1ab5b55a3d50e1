"""A small traced program, as long as it is asked to run: lines, callers, native code, temporaries, and a leak."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))

import pure_writer as writer
import site_files


def program(rounds: int, interval: int = 0) -> site_files.Program:
    """`a` and `b` call `c`, which keeps one list each time; every round `b` calls it twice."""
    made = site_files.empty(4, roots=[0, 1, 2, 3])
    main, worker = (made.frame(None, made.code(name)) for name in site_files.THREADS)
    native = made.frame(worker, made.code(site_files.NATIVE))
    top = made.frame(main, made.code("<module>", "/srv/app/main.py", 1), 20)
    a = made.frame(top, made.code("a", "/srv/app/main.py", 1), 3)
    b = made.frame(top, made.code("b", "/srv/app/main.py", 5), 7)
    c = made.code("c", "/srv/app/work.py", 9)
    by_a, by_b = (made.frame(caller, c, 11) for caller in (a, b))
    load = made.frame(top, made.code("load", "/usr/lib/python3.11/json/__init__.py", 1), 40)
    made.block(5000, native, domain=2, birth=50, interval=interval)
    for i in range(4):
        made.objects[i].flags |= 1 << 10  # in pymalloc
        made.block(64, load, birth=10 + i, node=made.objects[i], kind=1, interval=interval)
    for i in range(rounds):
        made.block(1000, by_a, birth=100 + 30 * i, interval=interval)
        made.block(1000, by_b, birth=110 + 30 * i, interval=interval)
        made.block(1000, by_b, birth=120 + 30 * i, interval=interval)
    made.ever[load, 1] = (90256, 304, 90000, 300, 256, 4)
    made.facts.update({"trace.started_births": 0, "trace.births": 100 + 30 * rounds, "trace.free_lists": "ignore"})
    made.heap.facts["capture.wall_time_ns"] = 10**18 + rounds * 10**9
    made.heap.facts["python.hexversion"] = 0x030B07F0
    return made


def data(rounds: int = 20, interval: int = 0) -> bytes:
    """The file."""
    return writer.write(program(rounds, interval).description())
