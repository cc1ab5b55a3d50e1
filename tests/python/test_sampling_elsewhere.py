"""Planted programs that fork, and that run in several interpreters: test_sampling.py of these."""

from __future__ import annotations

import sys
from pathlib import Path

from test_sampling import BEGIN, assert_shares, by_function, names, sampled
from trace_support import answer


def test_children_are_sampled_and_begin_with_nothing(tmp_path: Path) -> None:
    said = answer(
        BEGIN
        + """
    import os, warnings
    warnings.simplefilter("error")
    _capture.sample_start(1, 500_000, 0)
    while not enough(200): spin(0.01)
    for _ in range(10):
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                first = _capture.sample_status()["samples"]
                while not enough(first + 20): spin(0.005)
                code = 0 if first < 100 else 2
            finally:
                os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0
    before = _capture.sample_status()["samples"]
    while not enough(before + 20): spin(0.01)
    finish(before)
    """,
        tmp_path,
    )
    assert said[2] >= 200


INTERPRETER = """
    try:
        import _interpreters as interpreters
        run = interpreters.exec
    except ImportError:
        import _xxsubinterpreters as interpreters
        run = interpreters.run_string
    other = interpreters.create()
"""


def test_subinterpreters_are_sampled(tmp_path: Path) -> None:
    snapshot, _ = sampled(
        INTERPRETER
        + """
    body = "end = time.thread_time() + 0.02\\n while time.thread_time() < end: pass"
    code = f"import time\\ndef inner():\\n {body}\\ninner()"

    def work():
        while not enough(200): run(other, code)

    _capture.sample_start(1, 500_000, 0)
    thread = threading.Thread(target=work, name="other")
    thread.start()
    thread.join()
    interpreters.destroy(other)
    finish()
    """,
        tmp_path,
    )
    found = by_function(snapshot, ["inner", "work"], "samples")
    # Before 3.13 a state names the thread that made it.
    assert found["inner" if sys.version_info >= (3, 13) else "work"] > 50
    rows = [row for row in snapshot.samples or () if {"inner", "work"} & set(names(snapshot, row))]
    assert not [row for row in rows if {"inner", "work"} <= set(names(snapshot, row))]


def test_a_thread_is_in_the_interpreter_that_it_has_gone_to(tmp_path: Path) -> None:
    snapshot, (status, spent) = sampled(
        INTERPRETER
        + """
    def outside(): spin(0.003)
    def inner(): run(other, code)

    code = "def inner():\\n while time.thread_time() < end: pass\\n"
    run(other, "import time\\n" + code.replace("end", "0"))
    code += "end = time.thread_time() + 0.006\\ninner()"
    _capture.sample_start(1, 500_000, 0)
    while not enough(1000): measured(outside), measured(inner)
    interpreters.destroy(other)
    finish()
    """,
        tmp_path,
    )
    assert_shares(by_function(snapshot, list(spent)), spent, status["samples"])
    rows = snapshot.samples or ()
    assert sum(row.samples for row in rows if len(names(snapshot, row)) < 3) < status["samples"] // 20
