"""Other tools in the same process, debuggers, profilers and allocators: each works as it does alone, and so do we."""

from __future__ import annotations

import glob
import sys
from pathlib import Path

import pytest
from coexist_support import MODES, needs, run, start, whole

TAKE = """
    import sys, time, tonnage
    kept = [[n] for n in range(20_000)]
    for how in "stop", "fork", "auto":
        with tonnage.snapshot(f"{how}.tonnage", mode=how) as taken:
            facts = taken.facts
            print(how, facts["python.allocator"], facts.get("malloc.kind"))
    with tonnage.every(0.02, "a-{n}.tonnage", quiet=True, at_exit=False) as handle:
        while len(handle.files) < 2: time.sleep(0.01)
"""


def expected(allocator: str, malloc: str) -> str:
    return "".join(f"{mode} {allocator} {malloc}\n" for mode in ("stop", "fork", "auto"))


@pytest.mark.parametrize(
    "options",
    [("-X", "dev"), ("-W", "error"), ("-X", "tracemalloc=5"), ("-O",), ("-m", "coverage", "run", "--branch")],
    ids=lambda options: " ".join(options),
)
def test_options_of_the_interpreter(options: tuple[str, ...], tmp_path: Path) -> None:
    """Without a warning, too."""
    variables = {}
    if "coverage" in options:
        needs("coverage")
        variables["COVERAGE_FILE"] = str(tmp_path / "coverage")
    allocator = "debug" if "dev" in options else "pymalloc"
    assert run(TAKE, tmp_path / "files", options=options, **variables) == expected(allocator, "glibc")
    assert len(whole(tmp_path / "files")) >= 5


@pytest.mark.parametrize(
    ("name", "allocator"), [("malloc", "malloc"), ("malloc_debug", "debug"), ("pymalloc_debug", "debug")]
)
def test_allocators_of_the_interpreter_are_named(name: str, allocator: str, tmp_path: Path) -> None:
    assert run(TAKE, tmp_path / "files", PYTHONMALLOC=name) == expected(allocator, "glibc")
    assert len(whole(tmp_path / "files")) >= 5


@pytest.mark.parametrize("name", ["pymalloc", "malloc"])
def test_another_malloc_is_not_taken_for_that_of_the_C_library(name: str, tmp_path: Path) -> None:
    found = glob.glob("/usr/lib/*/libjemalloc.so.2")
    if not found:
        pytest.skip("no libjemalloc.so.2 here (Debian: libjemalloc2)")
    said = run(TAKE, tmp_path / "files", PYTHONMALLOC=name, LD_PRELOAD=found[0])
    assert said == expected(name, "None")
    assert len(whole(tmp_path / "files")) >= 5


def test_faulthandler_tells_what_it_told(tmp_path: Path) -> None:
    """Whoever dumps later reads frames of a thread that goes on, and crashes where one goes away under it: so it is
    waited for in a frame that stays."""
    code = """
    import faulthandler, os, signal, time, tonnage
    on_signal = open("../signal", "w+")
    later, write = os.pipe()
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, file=on_signal, all_threads=False)
    kept = [[n] for n in range(20_000)]
    told = []
    for again in range(3):
        for how in "stop", "fork":
            faulthandler.dump_traceback_later(600, file=write)
            tonnage.snapshot(f"{how}{again}.tonnage", mode=how).close()
            os.kill(os.getpid(), signal.SIGUSR1)
            faulthandler.dump_traceback_later(0.001, file=write)
            told.append(os.read(later, 1))
            faulthandler.cancel_dump_traceback_later()
    with tonnage.every(0.02, "a-{n}.tonnage", quiet=True, at_exit=False, on_signal="USR2") as handle:
        while len(handle.files) < 3:
            os.kill(os.getpid(), signal.SIGUSR2)
            os.kill(os.getpid(), signal.SIGUSR1)
            time.sleep(0.01)
    told = [len(told) == 6, b"most recent call first" in os.read(later, 10_000),
            "most recent call first" in open(on_signal.name).read()]
    print(faulthandler.is_enabled(), *told, flush=True)
    faulthandler._sigsegv()
    """
    done = start(code, tmp_path / "files")
    assert (done.returncode, done.stdout) == (-11, "True True True True\n")
    assert done.stderr.startswith("Fatal Python error: Segmentation fault")
    whole(tmp_path / "files")


@MODES
def test_tracemalloc_counts_what_it_counted(how: str, tmp_path: Path) -> None:
    code = f"""
    import gc, tracemalloc, tonnage
    from tonnage import _capture
    path, how = b"a.tonnage", {how!r}
    def take():
        _capture.snapshot(path, mode=how, force=True)
    take()
    early = [[n] for n in range(10_000)]
    tracemalloc.start(3)
    late = [[n] for n in range(10_000)]
    take(); gc.collect(); gc.disable()
    line = tracemalloc.get_object_traceback(late)[-1].lineno
    def counted():
        return sum(t.size for t in tracemalloc.take_snapshot().traces if t.traceback[-1].lineno == line)
    before = counted()
    take()
    after = counted()
    print(before == after, before > 500_000, tracemalloc.get_object_traceback(early))
    tracemalloc.reset_peak()
    used = tracemalloc.get_traced_memory()[0]
    take()
    print(tracemalloc.get_traced_memory()[1] - used < 4096)
    """
    assert run(code, tmp_path / "files") == "True True None\nTrue\n"
    whole(tmp_path / "files")


@MODES
def test_trace_and_profile_functions_stay_and_see_the_same(how: str, tmp_path: Path) -> None:
    """A recording in another thread adds nothing to what they are called for."""
    code = f"""
    import sys, tonnage, time
    handle = tonnage.every(0.02, "a-{{n}}.tonnage", mode={how!r}, quiet=True, at_exit=False)
    def work(n):
        return n + 1
    def count(install, calls):
        def function(frame, event, argument):
            if frame.f_code is not install.__code__ and "tonnage" in frame.f_code.co_filename: raise SystemError
            events.append(event)
            return function
        events = []
        install(function)
        for n in range(calls): work(n)
        install(None)
        return len(events)
    for install in sys.settrace, sys.setprofile:
        def wrapped(function, install=install): install(function)
        first = count(wrapped, 20_000)
        print(first == count(wrapped, 20_000))
    with tonnage.snapshot("b.tonnage", mode={how!r}): pass
    while len(handle.files) < 2: time.sleep(0.01)
    handle.stop()
    sys.settrace(traced := lambda *_: None)
    sys.setprofile(profiled := lambda *_: None)
    with tonnage.snapshot("c.tonnage", mode={how!r}): pass
    print(sys.gettrace() is traced, sys.getprofile() is profiled)
    sys.settrace(None); sys.setprofile(None)
    """
    assert run(code, tmp_path / "files") == "True\nTrue\nTrue True\n"
    whole(tmp_path / "files")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring came with 3.12")
@MODES
def test_monitoring_goes_on(how: str, tmp_path: Path) -> None:
    code = f"""
    import sys, tonnage
    m, seen = sys.monitoring, []
    m.use_tool_id(2, "mine")
    m.register_callback(2, m.events.PY_START, lambda code, offset: seen.append(code))
    m.register_callback(2, m.events.LINE, lambda code, line: None)
    m.set_events(2, m.events.PY_START | m.events.LINE)
    def work(): pass
    work()
    tonnage.snapshot("a.tonnage", mode={how!r}).close()
    work()
    print(seen.count(work.__code__), m.get_tool(2), m.get_events(2) == m.events.PY_START | m.events.LINE)
    """
    assert run(code, tmp_path / "files") == "2 mine True\n"
    whole(tmp_path / "files")


@MODES
def test_cprofile_counts_the_calls_of_the_program(how: str, tmp_path: Path) -> None:
    code = f"""
    import cProfile, pstats, tonnage
    def work(): return 1
    profile = cProfile.Profile()
    with tonnage.every(0.02, "a-{{n}}.tonnage", mode={how!r}, quiet=True, at_exit=False) as handle:
        profile.enable()
        while len(handle.files) < 2:
            work(); calls = work()
        [work() for n in range(1000)]
        tonnage.snapshot("b.tonnage", mode={how!r}).close()
        profile.disable()
    rows = [row for (_, _, name), row in pstats.Stats(profile).stats.items() if name == "work"]
    print(len(rows), rows[0][0] >= 1000, rows[0][0] % 2)
    """
    assert run(code, tmp_path / "files") == "1 True 0\n"
    whole(tmp_path / "files")
