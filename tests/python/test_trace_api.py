"""tonnage.trace: starting and stopping, what it says, and the ways to switch it on from outside."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tonnage import ArgumentError, trace
from trace_support import answer, execute


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: trace.start("often"), "'exact', 'sampled' or a number of bytes"),
        (lambda: trace.start(0), "0 bytes between samples are out of range"),
        (lambda: trace.start(True), "a number of bytes"),
        (lambda: trace.start(1 << 41), "out of range"),
        (lambda: trace.start(depth=0), "at least 1 frame, not 0"),
        (lambda: trace.start(free_lists="drop"), "ignore, track or flush"),
        (lambda: trace.switch("exact"), "not recorded"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_starts(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(message)):
        call()
    assert not trace.is_on()


def test_it_starts_once_and_forgets_all_at_the_end(tmp_path: Path) -> None:
    code = """
        import json
        from tonnage import trace, ArgumentError

        said = []
        trace.stop(), trace.clear(), trace.reset_peak()  # while it is off: nothing
        trace.start()
        try:
            trace.start()
        except ArgumentError as error:
            said.append(str(error))
        x = bytes(5000)
        said += [trace.is_on(), trace.site_of(x) is not None, trace.site_of(len), trace.memory().traced > 5000]
        trace.stop()
        said += [trace.is_on(), trace.site_of(x), trace.memory().traced, trace.memory().peak]
        trace.start()
        said += [trace.site_of(x)]
        print(json.dumps(said))
    """
    message, *rest = answer(code, tmp_path)
    assert "already" in message
    assert rest == [True, True, None, True, False, None, 0, 0, None]


def test_a_site_reads_as_a_traceback_and_knows_size_and_birth(tmp_path: Path) -> None:
    code = """
        import json
        from tonnage import trace

        def outer():
            return inner()
        def inner():
            return bytes(300)
        class C:
            def method(self):
                return bytes(200)
        trace.start()
        x = outer()
        y = C().method()
        s, t = trace.site_of(x), trace.site_of(y)
        print(json.dumps([str(s), repr(s.frames[0]), s.size, t.birth > s.birth, s == trace.site_of(x), s != t,
                          t.frames[0].qualified_name, hash(s) == hash(trace.site_of(x)), s.interval]))
    """
    text, first, size, later, same, other, qualified, hashed, interval = answer(code, tmp_path)
    assert text.splitlines()[0] == "  <main thread>"
    assert text.splitlines()[-1].endswith('program.py", line 8, in inner'), text
    assert [line.rpartition(" ")[2] for line in text.splitlines()[1:]] == ["<module>", "outer", "inner"]
    assert first.startswith("Frame(file='") and "line=8, name='inner'" in first
    assert size == 300 + sys.getsizeof(b"")
    assert (later, same, other, hashed, interval, qualified) == (True, True, True, True, None, "C.method")


def test_threads_stand_on_the_name_of_their_kind(tmp_path: Path) -> None:
    code = """
        import concurrent.futures, json, threading, _thread, time
        from tonnage import trace

        keep = {}
        def work(name):
            keep[name] = bytes(1000)
        trace.start()
        for name in "worker-12", None, "Ünï 5":
            t = threading.Thread(target=work, args=(name,), name=name)
            t.start(), t.join()
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            list(pool.map(work, range(9)))
        lock = _thread.allocate_lock()
        lock.acquire()
        _thread.start_new_thread(lambda: (work("bare"), lock.release()), ())
        lock.acquire()
        work("main")
        print(json.dumps({str(name): trace.site_of(x).frames[-1].name for name, x in keep.items()}))
    """
    roots = answer(code, tmp_path)
    assert roots.pop("main") == "<main thread>"
    assert roots.pop("bare") == "<thread>"
    assert roots.pop("worker-12") == "<thread worker-#>"
    assert roots.pop("None") == "<thread Thread-# (work)>"
    assert roots.pop("Ünï 5") == "<thread Ünï #>"
    assert set(roots.values()) == {"<thread ThreadPoolExecutor-#_#>"}


def test_samples_add_up_to_what_was_allocated(tmp_path: Path) -> None:
    code = """
        import json
        from tonnage import trace
        from trace_support import of_lines

        small, large = [None] * 40_000, [None] * 20
        trace.start(20_000)
        for i in range(40_000):
            small[i] = bytes(200)  # small
        for i in range(20):
            large[i] = bytes(3_000_000)  # large
        lines = [of_lines(__file__, "small", "large", domains=(1,))]
        trace.switch(80_000)
        del small[20_000:]
        lines += [of_lines(__file__, "small", "large", domains=(1,)), trace.site_of(large[0]).interval]
        del small, large, i
        lines += [of_lines(__file__, "small", "large", domains=(1,)), trace.cost().dropped]
        print(json.dumps(lines))
    """
    (small, large), (half, again), interval, (none, nothing), dropped = answer(code, tmp_path)
    # Poisson: 466 samples of small ones, then 58. Five deviations are once in two million runs. That a large one is not
    # among the samples that stay has a chance of exp(-3_000_000 / 80_000).
    assert small[0] == pytest.approx(40_000 * 233, rel=5 / 466**0.5)
    assert small[1] == pytest.approx(40_000, rel=5 / 466**0.5)
    assert half[0] == pytest.approx(20_000 * 233, rel=5 / 58**0.5)
    assert large[1] == pytest.approx(20, rel=1e-6) and again[1] == pytest.approx(20, rel=1e-3)
    assert interval == 80_000
    assert none == nothing == [0, 0]
    assert set(dropped.values()) == {0}


def test_the_peak_is_what_was_alive_at_most_until_it_is_reset(tmp_path: Path) -> None:
    code = """
        import json
        from tonnage import trace

        trace.start()
        x = bytes(10_000_000)
        del x
        said = [trace.memory().peak, trace.memory().traced]
        trace.reset_peak()
        said += [trace.memory().peak]
        x = bytes(1_000_000)
        said += [trace.memory().traced]
        trace.clear()
        said += [trace.memory().traced, trace.site_of(x), trace.is_on(), trace.memory().process, trace.memory().own]
        print(json.dumps(said))
    """
    peak, now, reset, later, cleared, site, is_on, process, own = answer(code, tmp_path)
    assert peak > 10_000_000 > 1_000_000 > now
    assert now <= reset < 1_000_000 < later < 2_000_000
    assert cleared < 10_000 and site is None and is_on
    assert own > 4096 and process > own


def test_cost_counts_calls(tmp_path: Path) -> None:
    code = """
        import itertools, json
        from tonnage import trace

        trace.start()
        before = trace.cost()
        for _ in itertools.repeat(None, 10_000):
            bytes(400)
        after = trace.cost()
        print(json.dumps([after.calls[k] - before.calls[k] for k in ("alloc", "free")] + [after.seconds["alloc"],
                         sorted(after.own), sorted(after.dropped), after.reconnected]))
    """
    made, freed, seconds, own, dropped, reconnected = answer(code, tmp_path)
    assert 10_000 <= made < 11_000 and 10_000 <= freed < 11_000
    assert 0 < seconds < 10
    assert own == ["blocks", "codes", "shadow", "sites", "stacks", "threads"]
    assert {"memory", "stack", "site", "code", "sample", "replaced"} == set(dropped)
    assert reconnected == 0


PROGRAM = """
import sys
from tonnage import trace
import this_module
print(trace.is_on(), trace.site_of(this_module.made) and trace.site_of(this_module.made).frames[0].line,
      trace.site_of(this_module.made) and len(trace.site_of(this_module.made).frames))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "this_module.py").write_text("def f():\n    return bytes(100_000)\nmade = f()\n")
    (tmp_path / "app.py").write_text(PROGRAM)
    return tmp_path


def started(folder: Path, *options: str, **variables: str) -> tuple[str, str]:
    code = "import runpy; runpy.run_path('app.py')"
    done = execute(code, folder, *options, **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip(), done.stderr


@pytest.mark.parametrize(
    ("variables", "said", "frames"),
    [
        ({"TONNAGE_TRACE": "exact"}, "exact, all frames", None),
        ({"TONNAGE_TRACE": "1"}, "exact, all frames", None),
        ({"TONNAGE_TRACE": "1k"}, "sampled each 1KiB, all frames", None),
        ({"TONNAGE_TRACE": "exact", "TONNAGE_DEPTH": "1"}, "exact, 1 innermost frames", 3),
    ],
)
def test_the_variable_records_from_the_start_and_says_so(
    variables: dict[str, str], said: str, frames: int | None, folder: Path
) -> None:
    out, errors = started(folder, **variables)
    words = out.split()
    assert words[:2] == ["True", "2"]
    assert frames is None or int(words[2]) == frames
    assert re.fullmatch(rf"tonnage: records allocations of process \d+: {said}\n", errors)


def test_the_variable_may_say_no_and_nonsense_is_one_line(folder: Path) -> None:
    for no in "off", "0":
        assert started(folder, TONNAGE_TRACE=no) == ("False None None", "")
    out, errors = started(folder, TONNAGE_TRACE="often")
    assert out == "False None None"
    assert errors.startswith("tonnage: TONNAGE_TRACE is ignored: ") and errors.count("\n") == 1
    out, errors = started(folder, TONNAGE_TRACE="exact", TONNAGE_QUIET="1")
    assert (out.split()[0], errors) == ("True", "")


@pytest.mark.parametrize("option", ["--trace", "--trace=exact", "--trace=1k"])
def test_run_records_before_the_programs_imports(option: str, folder: Path) -> None:
    words = ["-m", "tonnage", "run", "--no-at-exit", option, "app.py"]
    code = f"import subprocess, sys; sys.exit(subprocess.run([sys.executable, *{words!r}]).returncode)"
    done = execute(code, folder)
    assert done.stdout.split()[:2] == ["True", "2"], done.stderr


def test_it_is_on_for_handlers_of_atexit_and_off_when_the_interpreter_ends(tmp_path: Path) -> None:
    code = """
        import atexit, json

        said = []
        atexit.register(lambda: print(json.dumps([*said, trace.is_on()])))
        from tonnage import trace

        atexit.register(lambda: said.append(trace.is_on()))  # as the handler that takes the last snapshot
        trace.start()
    """
    assert answer(code, tmp_path) == [True, False]
