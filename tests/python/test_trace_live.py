"""What is alive by place, of a process that records itself: sums of planted blocks, and those of a snapshot."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from trace_support import answer, execute

PLANT = """
    import json, sys
    from tonnage import _capture, trace
    import other  # a file of its own

    def rows(by, cumulative=False):
        found, total, count, own, own_count = _capture.trace_live(by, cumulative)
        return {tuple(row[:3]): row[3:5] for row in found}, (total, count), (own, own_count)

    def make(n):
        return [bytes(1000) for _ in range(n)]  # plants

    EACH = 1000 + sys.getsizeof(b"")
    trace.start()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "other.py").write_text("def keep(n):\n    return [bytearray(n)]\n")
    return tmp_path


def test_planted_blocks_stand_in_the_row_of_their_file_line_and_function(folder: Path) -> None:
    code = (
        PLANT
        + """
    kept, there = make(500), other.keep(70_000)
    def bytes_of(by, cumulative=False):
        found, _, _ = rows(by, cumulative)
        return {f"{key[0].rpartition('/')[2]}:{key[1]}:{key[2]}": value[0] for key, value in found.items()}
    print(json.dumps([EACH, bytes_of("file"), bytes_of("line"), bytes_of("function"), bytes_of("function", True)]))
    """
    )
    each, files, lines, functions, callers = answer(code, folder)
    plants = PLANT.splitlines().index("        return [bytes(1000) for _ in range(n)]  # plants") + 1
    assert 500 * each <= lines[f"program.py:{plants}:"] < 501 * each + 8 * 600  # with the list itself
    assert 70_000 < lines["other.py:2:"] <= files["other.py:0:"] < 71_000
    assert files["program.py:0:"] >= lines[f"program.py:{plants}:"]
    made = [name for name in functions if name.startswith("program.py:0:make")]
    assert sum(functions[name] for name in made) >= 500 * each
    assert functions["program.py:0:<module>"] < 20_000
    assert callers["program.py:0:<module>"] >= 500 * each + 70_000
    assert callers[":0:<main thread>"] >= callers["program.py:0:<module>"]


def test_a_block_counts_once_in_a_place_that_is_on_its_stack_twice(folder: Path) -> None:
    code = (
        PLANT
        + """
    def down(n):
        return down(n - 1) if n else bytearray(50_000)
    kept = down(9)
    found, _, _ = rows("function", True)
    print(json.dumps([value for key, value in found.items() if key[2] == "down"]))
    """
    )
    ((n_bytes, _),) = answer(code, folder)
    assert 50_000 < n_bytes < 53_000


def test_what_was_freed_is_in_no_sum(folder: Path) -> None:
    code = (
        PLANT
        + """
    before = rows("file")[1]
    kept = make(300)
    during = rows("file")[1]
    del kept
    after = rows("file")[1]
    print(json.dumps([EACH, during[0] - before[0], after[0] - before[0]]))
    """
    )
    each, grown, left = answer(code, folder)
    assert grown >= 300 * each
    assert left < 20 * each


def test_rows_without_callers_add_up_to_the_total(folder: Path) -> None:
    code = (
        PLANT
        + """
    kept = make(50)
    import email.message
    found = {by: rows(by) for by in ("file", "line", "function")}
    print(json.dumps([[sum(v[i] for v in f.values()) == total[i] for i in (0, 1)] for f, total, _ in found.values()]))
    """
    )
    assert answer(code, folder) == [[True, True]] * 3


def test_what_tonnage_allocates_is_a_sum_of_its_own(folder: Path) -> None:
    code = (
        PLANT
        + """
    import tonnage
    pages = []
    def figures():
        kept.append(bytearray(30_000))
        return []
    kept = []
    top = tonnage.Top(5, pages.append, user_data_callback=figures)
    for _ in range(5): top.display()
    found, _, own = rows("line")
    names = [key[0] for key in found]
    print(json.dumps([own[0] > 0, [name for name in names if "/tonnage/" in name], found[(__file__, LINE, "")][0]]))
    """
    )
    line = next(n for n, text in enumerate(code.splitlines(), 1) if "30_000" in text)
    own, names, called_back = answer(code.replace("LINE", str(line)), folder)
    assert (own, names) == (True, [])
    assert called_back >= 150_000  # the program's, though tonnage called it


def test_sums_are_those_of_a_snapshot(folder: Path) -> None:
    """Of lines that neither of the two touches between them."""
    code = (
        PLANT
        + """
    kept, there = make(200), other.keep(60_000)
    import tonnage
    found, _, _ = rows("line")
    with tonnage.snapshot() as s:
        pages = {row["name"]: (row["size"], row["count"]) for row in s.sites(limit=0).rows}
    files = (__file__, other.__file__)
    ours = {f"{file}:{line}": tuple(v) for (file, line, _), v in found.items() if file in files and v[0] > 10_000}
    print(json.dumps([len(ours), all(pages[name] == value for name, value in ours.items())]))
    """
    )
    assert answer(code, folder) == [2, True]


def test_of_samples_the_sums_are_estimates(folder: Path) -> None:
    code = (
        PLANT.replace(
            "trace.start()", 'from tonnage import _capture as c; c.trace_start("sampled", interval=1024, seed=7)'
        )
        + """
    kept = make(4000)
    found, total, _ = rows("file")
    print(json.dumps([EACH * 4000, found[(__file__, 0, "")][0], total[0]]))
    """
    )
    truth, estimate, total = answer(code, folder)
    assert abs(estimate - truth) < truth / 5
    assert total >= estimate


def test_an_estimate_has_the_interval_of_its_samples(folder: Path) -> None:
    code = (
        PLANT.replace(
            "trace.start()", 'from tonnage import _capture as c; c.trace_start("sampled", interval=8192, seed=7)'
        )
        + """
    def down(n):
        return down(n - 1) if n else make(1000)
    kept, there = make(2000), other.keep(3_000_000)
    more = down(5)
    import tonnage
    of_lines = {f"{row[0]}:{row[1]}": row[5:] for row in _capture.trace_live("line")[0]}
    (of_down,) = [row[5:] for row in _capture.trace_live("function", True)[0] if row[2] == "down"]
    with tonnage.snapshot() as s:
        pages = {row["name"]: (row["size_low"], row["size_high"]) for row in s.sites(limit=0).rows}
    line = next(name for name in of_lines if name.startswith(__file__) and name in pages and pages[name][1] > 3_000_000)
    large = next(name for name in of_lines if name.startswith(other.__file__))
    trace.stop()
    trace.start()
    made = bytearray(5000)
    exact = [row for row in _capture.trace_live("line")[0] if row[3] != row[5] or row[3] != row[6]]
    print(json.dumps([EACH, of_lines[line], pages[line], of_lines[large], of_down, exact]))
    """
    )
    each, of_line, page, of_large, of_down, exact = answer(code, folder)
    assert [math.floor(of_line[0]), math.ceil(of_line[1])] == page
    assert of_line[0] < 3000 * each < of_line[1]
    assert 3_000_000 < of_large[0] and of_large[1] < 3_100_000  # sure to be seen
    assert of_down[0] < 1000 * each < of_down[1] < 1.5 * 1000 * each
    assert exact == []


def test_nothing_is_recorded_and_wrong_words_are_refused(folder: Path) -> None:
    code = """
        import json
        from tonnage import _capture
        said = [list(_capture.trace_live("line"))]
        for words in ("module",), (), ("line", True, 1):
            try:
                _capture.trace_live(*words)
            except (TypeError, ValueError) as error:
                said.append(type(error).__name__)
        print(json.dumps(said))
    """
    assert answer(code, folder) == [[[], 0, 0.0, 0, 0.0], "ValueError", "TypeError", "TypeError"]


# ---- tonnage run --top, and TONNAGE_TOP ----

SERVICE = """
    import sys, tonnage
    kept = [bytearray(1000) for _ in range(400)]
    print("served", tonnage.trace.is_on())
"""


def test_run_shows_a_page_at_the_end_on_standard_error(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SERVICE.replace("    ", ""))
    words = ["-m", "tonnage", "run", "--top", "2", "--no-at-exit", str(tmp_path / "app.py")]
    done = execute(f"import os, sys; os.execv(sys.executable, [sys.executable, *{words!r}])", tmp_path)
    assert (done.returncode, done.stdout) == (0, "served True\n")
    title, first, *rest = done.stderr.splitlines()
    assert title.endswith(" UTC: Top 2 allocations per file")
    assert first.startswith("#1: ") and "/app.py: " in first and first.endswith(" KiB")
    assert rest[-2].startswith("Total traced: ") and rest[-1].startswith("Total process memory: ")
    assert not list(tmp_path.glob("*.tonnage"))


def test_variables_say_the_same_and_pages_go_to_a_file(tmp_path: Path) -> None:
    done = execute(
        SERVICE, tmp_path, TONNAGE_TRACE="1", TONNAGE_TOP="3", TONNAGE_TOP_FILE="top-{pid}.log", TONNAGE_QUIET="1"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "served True\n", "")
    (file,) = tmp_path.glob("top-*.log")
    assert "program.py: " in file.read_text() and file.read_text().count("UTC: Top 3") == 1


def test_pages_of_run_leave_out_what_is_not_asked_for(tmp_path: Path) -> None:
    done = execute(SERVICE, tmp_path, TONNAGE_TRACE="1", TONNAGE_TOP="3", TONNAGE_TOP_FILE="top.log", TONNAGE_QUIET="1",
                   TONNAGE_TOP_INCLUDE="program.py,nothing.py")  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    lines = (tmp_path / "top.log").read_text().splitlines()
    assert "/program.py: " in lines[1] and " left out: " in lines[2] and lines[3].startswith("Total traced: ")
    done = execute(SERVICE, tmp_path, TONNAGE_TRACE="1", TONNAGE_TOP="300", TONNAGE_TOP_FILE="other.log",
                   TONNAGE_QUIET="1", TONNAGE_TOP_EXCLUDE="program.py")  # fmt: skip
    text = (tmp_path / "other.log").read_text()
    assert "program.py" not in text and "\n1 left out: " in text


def test_a_file_that_cannot_be_written_is_one_line_and_the_program_goes_on(tmp_path: Path) -> None:
    done = execute(SERVICE, tmp_path, TONNAGE="1", TONNAGE_AT_EXIT="0", TONNAGE_QUIET="1", TONNAGE_TOP="3",
                   TONNAGE_TOP_FILE="nowhere/top.log")  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "served True\n")
    assert done.stderr == f"tonnage: no page of --top: {tmp_path}/nowhere/top.log: No such file or directory\n"


def test_without_a_thread_there_is_the_page_at_the_end(tmp_path: Path) -> None:
    code = """
        from tonnage import _capture, _top_pages
        from tonnage._settings import BY_NAME, Settings
        def helper_start(function):
            raise RuntimeError("the system gives no thread")
        _capture.helper_start = helper_start
        settings = Settings()
        settings.set(BY_NAME["top"], 4, "test")
        _top_pages.start(settings)
    """
    done = execute(code, tmp_path)
    assert (done.returncode, done.stdout) == (0, "")
    first, title, *_ = done.stderr.splitlines()
    assert first == "tonnage: no page of --top before the end: the system gives no thread"
    assert "UTC: Top 4 allocations" in title


def test_a_fork_shows_no_page(tmp_path: Path) -> None:
    code = SERVICE + "    import os; pid = os.fork()\n    pid and os.waitpid(pid, 0)\n"
    done = execute(code, tmp_path, TONNAGE_TRACE="1", TONNAGE_TOP="3", TONNAGE_QUIET="1")
    assert done.returncode == 0
    assert done.stderr.count("UTC: Top 3") == 1, done.stderr


def test_a_top_is_recorded_exactly_unless_something_else_is_said(tmp_path: Path) -> None:
    code = "from tonnage import _capture; print(_capture.trace_now()['mode'])"
    modes = [
        execute(
            code, tmp_path, TONNAGE_TRACE=mode, TONNAGE_TOP="1", TONNAGE_QUIET="1", TONNAGE_AT_EXIT="0", TONNAGE="1"
        )
        for mode in ("", "sampled", "exact")
    ]
    assert [done.stdout for done in modes] == ["exact\n", "sampled\n", "exact\n"]
