"""Planted programs: what is sampled of each function is the processor time that the program itself has measured there.

A test counts samples, not seconds: a program goes on until it has enough of them, and measures with its thread's own
clock. Bounds are five standard deviations of as many draws, and what clocks and ticks are apart.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pure_reader import Sample, Snapshot
from trace_support import answer

CLOCKS = ("real", "prof", "virtual", "gil")
BEGIN = """
    import json, os, sys, threading, time
    from collections import Counter
    from tonnage import _capture

    spent = Counter()

    def spin(seconds):
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass

    def measured(function, *arguments):
        begun = time.thread_time()
        function(*arguments)
        spent[function.__name__] += time.thread_time() - begun

    def part():  # sampler and program on a processor each: on one, nothing moves while it is looked at
        processors = sorted(os.sched_getaffinity(0))
        for task in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{task}/comm") as name:
                is_sampler = name.read().strip() == "tonnage-sampler"
            os.sched_setaffinity(int(task), {processors[-1 if is_sampler else 0]})

    def enough(n=3000):
        return _capture.sample_status()["samples"] >= n

    def finish(*what):
        _capture.sample_stop()
        _capture.sample_save("out.tonnage", -1, True, False)
        print(json.dumps([_capture.sample_status(), spent, *what]))
"""


def sampled(code: str, folder: Path) -> tuple[Snapshot, list[Any]]:
    said = answer(BEGIN + code, folder)
    return Snapshot((folder / "out.tonnage").read_bytes()), said


def names(snapshot: Snapshot, row: Sample) -> list[str]:
    """Outermost first; nothing: lost."""
    if row.stack is None:
        return []
    return [snapshot.codes[entry.code].name for entry in snapshot.stack(row.stack)][::-1]


def by_function(snapshot: Snapshot, functions: list[str], what: str = "cpu_ns") -> Counter[str]:
    """The sums of rows with such a function on their stack."""
    found: Counter[str] = Counter()
    for row in snapshot.samples or ():
        for name in set(names(snapshot, row)) & set(functions):
            found[name] += getattr(row, what)
    return found


def assert_shares(found: Counter[str], spent: dict[str, float], n: int) -> None:
    for name, seconds in spent.items():
        share, expected = found[name] / found.total(), seconds / sum(spent.values())
        assert abs(share - expected) < 5 * math.sqrt(expected * (1 - expected) / n) + 0.02, (name, share, expected)


def test_shares_of_functions_are_those_of_their_processor_time(tmp_path: Path) -> None:
    snapshot, (status, spent) = sampled(
        """
    def many(): spin(0.0035)
    def some(): spin(0.0010)
    def few(): spin(0.0005)

    _capture.sample_start(1, 500_000, 0)
    while not enough():
        measured(many), measured(some), measured(few)
    finish()
    """,
        tmp_path,
    )
    assert_shares(by_function(snapshot, list(spent)), spent, status["samples"])
    assert snapshot.facts["sample.clock"] == "prof" and snapshot.facts["sample.on"] == 0
    assert snapshot.facts["sample.samples"] == sum(row.samples for row in snapshot.samples or ())
    assert snapshot.facts["objects.count"] == 0


def test_processor_time_is_paid_to_the_last_nanosecond(tmp_path: Path) -> None:
    snapshot, (_, _, seconds) = sampled(
        """
    _capture.sample_start(1, 1_000_000, 0)
    spin(0.05)  # until its thread has begun
    _capture.sample_clear()
    begun = time.thread_time()
    while not enough(300):
        spin(0.01)
    seconds = time.thread_time() - begun
    finish(seconds)
    """,
        tmp_path,
    )
    total = sum(row.cpu_ns for row in snapshot.samples or ())
    assert abs(total / 1e9 - seconds) < 0.05
    assert all(row.ns == row.cpu_ns for row in snapshot.samples or ())


@pytest.mark.parametrize("clock", CLOCKS)
def test_each_clock_gives_a_loop_all_of_its_time(clock: str, tmp_path: Path) -> None:
    snapshot, (status, _) = sampled(
        f"""
    def loop():
        while not enough(1000):
            spin(0.01)

    _capture.sample_start({CLOCKS.index(clock)}, 500_000, 0)
    loop()
    finish()
    """,
        tmp_path,
    )
    rows = snapshot.samples or ()
    assert status["clock"] == snapshot.facts["sample.clock"] == clock
    assert by_function(snapshot, ["loop"], "samples")["loop"] >= 0.9 * sum(row.samples for row in rows)
    if clock in ("real", "gil"):
        strata = status["ticks"] + status["missed"]
        assert sum(row.ns for row in rows) <= strata * status["interval_ns"]


def test_a_thread_that_sleeps_has_real_time_and_no_processor_time(tmp_path: Path) -> None:
    snapshot, _ = sampled(
        """
    def rest(): woken.wait()

    woken = threading.Event()
    sleeper = threading.Thread(target=rest, name="sleeper 17")
    sleeper.start()
    _capture.sample_start(0, 1_000_000, 0)
    while not enough(1000):
        spin(0.01)
    woken.set()
    sleeper.join()
    finish()
    """,
        tmp_path,
    )
    rows = [row for row in snapshot.samples or () if row.thread == "sleeper 17"]
    assert rows and names(snapshot, rows[0])[0] == "<thread sleeper #>"
    still = sum(row.ns for row in rows if "rest" in names(snapshot, row) and not row.running)
    assert still >= 0.9 * sum(row.ns for row in rows)
    assert sum(row.cpu_ns for row in rows) < 0.1 * sum(row.ns for row in rows)


def test_no_sample_is_on_another_thread(tmp_path: Path) -> None:
    snapshot, (status, spent) = sampled(
        """
    def thread_0(): spin(0.003)
    def thread_1(): spin(0.002)
    def thread_2(): spin(0.001)

    def work(function):
        while not enough():
            measured(function)

    _capture.sample_start(1, 500_000, 0)
    threads = [threading.Thread(target=work, args=(f,), name=f.__name__) for f in (thread_0, thread_1, thread_2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    finish()
    """,
        tmp_path,
    )
    for row in snapshot.samples or ():
        seen = {name for name in names(snapshot, row) if name.startswith("thread_")}
        assert seen <= {row.thread}, row
    assert_shares(by_function(snapshot, list(spent)), spent, status["samples"])


def test_c_code_without_the_lock_is_native_and_with_it_is_not(tmp_path: Path) -> None:
    snapshot, (status, spent) = sampled(
        """
    import hashlib
    data, numbers = bytes(3_000_000), list(range(60_000))

    def releases(): hashlib.sha256(data).digest()
    def holds(): sum(numbers), sorted(numbers)

    _capture.sample_start(1, 500_000, 0)
    while not enough():
        measured(releases), measured(holds)
    finish()
    """,
        tmp_path,
    )
    assert_shares(by_function(snapshot, list(spent)), spent, status["samples"])
    native: Counter[str] = Counter()
    for row in snapshot.samples or ():
        stack = names(snapshot, row)
        if row.running and set(stack) & set(spent):
            native[stack[-1]] += row.cpu_ns
            assert (stack[-1] == "<native>") == (not row.holds_lock)
    assert native["<native>"] > 0.8 * by_function(snapshot, ["releases"])["releases"]
    assert native["holds"] > 0.8 * by_function(snapshot, ["holds"])["holds"]


def test_generators_and_coroutines_are_where_they_run(tmp_path: Path) -> None:
    snapshot, (status, spent) = sampled(
        """
    import asyncio

    def numbers():
        while True:
            measured(in_generator)
            yield

    def in_generator(): spin(0.001)
    def in_alpha(): spin(0.003)
    def in_beta(): spin(0.001)

    async def task(function):
        steps = numbers()
        while not enough():
            measured(function)
            next(steps)
            await asyncio.sleep(0)

    async def main():
        alpha = asyncio.create_task(task(in_alpha), name="alpha 7")
        await asyncio.gather(alpha, asyncio.create_task(task(in_beta), name="β"))

    _capture.sample_start(1, 500_000, 0)
    asyncio.run(main())
    finish()
    """,
        tmp_path,
    )
    assert_shares(by_function(snapshot, list(spent)), spent, status["samples"])
    nameless = 0
    for row in snapshot.samples or ():
        stack = names(snapshot, row)
        if "in_alpha" in stack or "in_beta" in stack:
            name = "alpha 7" if "in_alpha" in stack else "β"
            assert row.task in (name, "task", None)  # where it cannot be read, that of the coroutine
            nameless += row.samples * (row.task != name)
        if "in_generator" in stack:
            assert stack[stack.index("in_generator") - 2] == "numbers"
    assert nameless < 0.02 * status["samples"]  # it had gone on by the time that its name was read


def test_collections_of_garbage_are_marked(tmp_path: Path) -> None:
    snapshot, _ = sampled(
        """
    import gc
    kept = [[] for _ in range(100_000)]

    def collects(): gc.collect()

    _capture.sample_start(1, 500_000, 0)
    while not enough(300):
        measured(collects)
    finish()
    """,
        tmp_path,
    )
    rows = [(names(snapshot, row), row.cpu_ns) for row in snapshot.samples or ()]
    marked = sum(ns for stack, ns in rows if stack[-2:] == ["collects", "<gc>"])
    assert marked > 0.9 * sum(ns for stack, ns in rows if "collects" in stack)


PATHS = """
    import re
    LEVELS, WIDTH = 5, 6
    source = ""
    for level in range(LEVELS)[::-1]:
        for i in range(WIDTH):
            source += f"def f_{level}_{i}(r):\\n    x = 0\\n"
            if level == LEVELS - 1:
                source += "    for i in range(r % 9):\\n        x += i\\n"
                source += "    return x\\n"
                continue
            for k in range(3):
                source += f"    x += f_{level + 1}_{(i + k) % WIDTH}(r >> {k + 1})\\n"
            if level % 2:
                source += f"    x += max([r, {i}], key=g_{level}_{i})\\n"
            source += "    return x\\n"
            if level % 2:
                source += f"def g_{level}_{i}(v):\\n    return f_{level + 1}_{i}(v)\\n"
    functions = {}
    exec(compile(source, "planted paths", "exec"), functions)
    allowed, name = [], ""
    for number, line in enumerate(source.splitlines(), 1):
        if line.startswith("def "):
            name = line[4 : line.index("(")]
        else:
            allowed += [[name, number, callee] for callee in re.findall(r"[fgh]_\\d_\\d", line)]

    def walk():
        for i in range(300):
            functions[f"f_0_{i % WIDTH}"](i * 7919)
            if "h_0_0" in functions:
                sum(functions[f"h_0_{i % WIDTH}"](i * 7919))

    _capture.sample_start(1, 200_000, 0)
    part()
    while not enough(5000):
        walk()
    finish(allowed)
"""


GENERATORS = """
    for level in range(LEVELS - 1)[::-1]:
        for i in range(WIDTH):
            source += f"def h_{level}_{i}(r):\\n    yield f_{level + 1}_{i}(r)\\n"
            if level < LEVELS - 2:
                source += f"    for x in h_{level + 1}_{(i + 1) % WIDTH}(r):\\n        yield x\\n"
                source += f"    yield sum(h_{level + 1}_{(i + 2) % WIDTH}(r))\\n"
            source += f"    yield f_{level + 1}_{(i + 3) % WIDTH}(r >> 1)\\n"
            if level < LEVELS - 2:
                source += f"    yield from h_{level + 1}_{i}(r)\\n"
"""


@pytest.mark.parametrize(
    ("interval", "n", "more"),
    [("200_000", 5000, ""), ("1_000_000", 1000, ""), ("200_000", 5000, GENERATORS)],
    ids=["shortest", "short", "generators"],
)
def test_stacks_are_paths_that_the_program_has(interval: str, n: int, more: str, tmp_path: Path) -> None:
    """Calls take less than a look at them, so that most are over before it ends; the longer interval has more looks."""
    program = PATHS.replace("200_000", interval).replace("5000", str(n))
    program = program.replace("    functions = {}\n", more + "    functions = {}\n")
    snapshot, (status, _, allowed) = sampled(program, tmp_path)
    edges = {tuple(edge) for edge in allowed}
    wrong: Counter[tuple[str, int, str]] = Counter()
    sure = 0
    for row in snapshot.samples or ():
        stack = snapshot.stack(row.stack)[::-1] if row.stack is not None else []
        planted = [
            (snapshot.codes[e.code].name, e.line) for e in stack if snapshot.codes[e.code].file == "planted paths"
        ]
        for (caller, line), (callee, _) in zip(planted, planted[1:], strict=False):
            if (caller, line, callee) not in edges:
                wrong[caller, line, callee] += row.samples
        sure += row.samples if stack and snapshot.codes[stack[-1].code].name != "<changing>" else 0
    assert not wrong
    assert any("h_1_" in name for row in snapshot.samples or () for name in names(snapshot, row)) == bool(more)
    assert sure > status["samples"] / (5 if more else 2)


def test_what_runs_while_a_function_ends_is_seen(tmp_path: Path) -> None:
    """The finalizer of a local variable: called by whom the function ends for, whose own frame is still there."""
    snapshot, _ = sampled(
        """
    class Closes:
        def __del__(self): spin(0.003)

    def opens(): file = Closes()

    _capture.sample_start(1, 500_000, 0)
    while not enough(500):
        measured(opens)
    finish()
    """,
        tmp_path,
    )
    found = by_function(snapshot, ["__del__"])
    assert found["__del__"] > 0.8 * sum(row.cpu_ns for row in snapshot.samples or ())


def test_calls_too_short_to_be_seen_twice_are_believed(tmp_path: Path) -> None:
    """Where the interpreter has noted what an instruction calls, or C calls it again and again."""
    snapshot, (status, _) = sampled(
        """
    import _pydecimal

    def pi():
        d = _pydecimal.Decimal
        last, t, s, n, na, k, ka = 0, d(3), d(3), 1, 0, 0, 24
        while s != last:
            last = s
            n, na = n + na, na + 8
            k, ka = k + ka, ka + 32
            t = t * n / k
            s += t

    _capture.sample_start(1, 1_000_000, 0)
    part()
    while not enough(1000):
        pi()
    finish()
    """,
        tmp_path,
    )
    changing = sum(row.samples for row in snapshot.samples or () if "<changing>" in names(snapshot, row))
    assert changing < 0.15 * status["samples"]


def test_what_is_called_once_is_believed_when_it_stays(tmp_path: Path) -> None:
    """Three calls deep, of functions that are new each time and run for three ticks each."""
    snapshot, (status, _) = sampled(
        """
    def new(i):
        calls = [f"def f{k}():\\n f{k + 1}()\\n" for k in range(3)]
        scope = {"spin": spin}
        exec(compile("".join(calls) + "def f3():\\n spin(0.003)\\n", f"new {i}", "exec"), scope)
        return scope["f0"]

    _capture.sample_start(1, 1_000_000, 0)
    i = 0
    while not enough(500):
        i += 1
        measured(new(i))
    finish()
    """,
        tmp_path,
    )
    found = by_function(snapshot, ["f0", "f3"])
    assert found["f3"] > 0.8 * sum(row.cpu_ns for row in snapshot.samples or ())


def test_it_starts_and_stops_and_forgets(tmp_path: Path) -> None:
    answer_ = answer(
        BEGIN
        + """
    assert _capture.sample_status() == {}
    _capture.sample_start(1, 1_000_000, 0)
    try:
        _capture.sample_start(1, 1_000_000, 0)
    except RuntimeError as error:
        assert "already" in str(error)
    while not enough(20): spin(0.01)
    _capture.sample_stop()
    first = _capture.sample_status()
    spin(0.02)
    assert _capture.sample_status() == first and not first["on"]
    _capture.sample_start(1, 1_000_000, 0)
    while not enough(first["samples"] + 20): spin(0.01)
    _capture.sample_clear()
    assert _capture.sample_status()["on"]
    _capture.sample_stop()
    _capture.sample_clear()
    assert _capture.sample_status() == {}
    for clock, interval in (9, 1_000_000), (0, 0), (0, 10**13):
        try:
            _capture.sample_start(clock, interval, 0)
        except ValueError:
            continue
        raise AssertionError(clock, interval)
    finish()
    """,
        tmp_path,
    )
    assert answer_[0] == {}


def test_stacks_outlive_the_recorder_of_allocations(tmp_path: Path) -> None:
    snapshot, _ = sampled(
        """
    from tonnage import trace

    def before(): spin(0.01)
    def beside(): spin(0.01)
    def after(): spin(0.01)

    _capture.sample_start(1, 500_000, 0)
    while not enough(100): before()
    trace.start()
    while not enough(200): beside()
    kept = [bytes(1000) for _ in range(100)]
    _capture.sample_save("both.tonnage", -1, True, False)
    trace.stop()
    while not enough(300): after()
    finish()
    """,
        tmp_path,
    )
    both = Snapshot((tmp_path / "both.tonnage").read_bytes())
    assert both.sites and sum(site.live_bytes for site in both.sites) > 100_000 and not both.traces
    assert snapshot.sites is None
    found = by_function(snapshot, ["before", "beside", "after"], "samples")
    assert all(found[name] >= 50 for name in ("before", "beside", "after"))


def test_rows_are_bounded_and_what_has_no_room_is_counted(tmp_path: Path) -> None:
    snapshot, (status, _) = sampled(
        """
    def deep(n): spin(0.002) if n == 0 else deep(n - 1)

    _capture.sample_start(1, 500_000, 8)
    i = 0
    while not enough(500):
        i = (i + 1) % 40
        deep(i)
    finish()
    """,
        tmp_path,
    )
    rows = snapshot.samples or []
    assert len(rows) <= 8 + 2 and status["lost_stacks"] > 0
    assert sum(row.samples for row in rows if row.stack is None) >= status["lost_stacks"]


def test_deep_recursion_keeps_its_innermost_frames(tmp_path: Path) -> None:
    snapshot, _ = sampled(
        """
    def deep(n):
        if n: deep(n - 1)
        else: leaf()

    def leaf():
        while not enough(100): spin(0.005)

    sys.setrecursionlimit(9000)
    _capture.sample_start(1, 500_000, 0)
    deep(5000)
    finish()
    """,
        tmp_path,
    )
    rows = snapshot.samples or ()
    inside = [row for row in rows if {"deep", "leaf"} <= set(names(snapshot, row))]
    assert sum(row.samples for row in inside) > 0.8 * sum(row.samples for row in rows)
    assert {tuple(names(snapshot, row)[:3]) for row in inside} == {("<main thread>", "<truncated>", "deep")}
