"""Samples of programs: what lines are said to have is what tracemalloc says of them, but for chance."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from trace_support import answer

INTERVAL = 2000

RESIZED = f"""
    import json, tracemalloc
    from tonnage import trace, _capture
    from trace_support import line, of_lines

    keep, lists, words = [None] * 2000, [None] * 2000, bytes(1500)
    _capture.trace_start("sampled", interval={INTERVAL}, seed=11, max_samples=MOST)
    tracemalloc.start()
    for i in range(2000):
        keep[i] = bytearray(500)  # born
    for i in range(2000):
        keep[i].extend(words)  # grown
    for i in range(0, 2000, 2):
        del keep[i][200:]  # shrunk
    for i in range(2000):
        lists[i] = []
        for k in range(60):
            lists[i].append(None)  # appended
    said = of_lines(__file__, "born", "grown", "shrunk", "appended")
    true = {{row.traceback[0].lineno: row.size for row in tracemalloc.take_snapshot().statistics("lineno")
            if row.traceback[0].filename == __file__}}
    tracemalloc.stop()
    lines = [line(marker, __file__) for marker in ("born", "grown", "shrunk", "appended")]
    print(json.dumps([[size for size, _ in said], [true.get(n, 0) for n in lines], _capture.trace_now()["interval"]]))
"""


@pytest.mark.parametrize("most", [65536, 500])
def test_a_resized_block_is_of_the_line_that_resized_it(tmp_path: Path, most: int) -> None:
    said, true, interval = answer(RESIZED.replace("MOST", str(most)), tmp_path)
    assert min(true) > 50_000
    assert interval == INTERVAL or most == 500
    for estimate, truth in zip(said, true, strict=True):
        assert abs(estimate - truth) < 5 * math.sqrt(interval * truth)  # no block varies more than a tiny one


@pytest.mark.parametrize("exact_set", [False, True])
def test_what_an_allocator_asks_raw_for_is_no_block_of_its_own(exact_set: bool, tmp_path: Path) -> None:
    code = """
        import json, sys, tracemalloc
        from tonnage import trace
        from trace_support import RAW, of_lines

        exact_set, keep, lists = sys.argv[1] == "True", [None] * 300, [None] * 100
        if exact_set:  # it stays below tracemalloc's hooks, and samples
            trace.start()
            tracemalloc.start()
            trace.switch(INTERVAL)
        else:
            trace.start(INTERVAL)
        for i in range(300):
            keep[i] = bytes(5000)  # made
        for i in range(100):
            lists[i] = list(keep)  # listed
        for i in range(100):
            lists[i].extend(keep)  # grown
        lines = ("made", "listed", "grown")
        print(json.dumps([of_lines(__file__, *lines, domains=(RAW,)), of_lines(__file__, *lines)]))
    """
    raw, every = answer(code.replace("INTERVAL", str(INTERVAL)), tmp_path, str(exact_set))
    of_tracemalloc = 16 * 510 if exact_set else 0  # a trace of each; the blocks themselves are two million bytes
    assert sum(size for size, _ in raw) <= of_tracemalloc + 8 * math.sqrt(INTERVAL * of_tracemalloc)
    for (size, _), truth in zip(every, (300 * 5033, 0, 100 * 600 * 8), strict=True):
        assert not truth or abs(size - truth) < 0.2 * truth
