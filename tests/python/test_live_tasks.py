"""Periodic tasks by a clock that is told: displays, snapshots, and what happens when one of them goes wrong."""

from __future__ import annotations

import gc
import io
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tonnage
from capture_support import python
from pure_reader import Snapshot as PureSnapshot
from tonnage import ArgumentError, Busy, _helper, _live_text
from tonnage._garbage import Garbage
from tonnage._growing import Growing
from tonnage._helper import Schedule
from tonnage._periodic import Periodic
from tonnage._snapshot_task import SnapshotTask
from trace_support import answer


class Clock:
    """The helper's schedule without its thread: alarms come as time passes."""

    def __init__(self) -> None:
        self.now = 1769860800.0
        self.alarm: float | None = None
        self.raised: list[BaseException] = []
        self.schedule = Schedule(lambda: self.now, self.arm)

    def arm(self, seconds: float | None) -> None:
        self.alarm = None if seconds is None else self.now + seconds

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while self.alarm is not None and self.alarm <= end:
            self.now, self.alarm = max(self.now, self.alarm), None
            try:
                self.schedule.run_due()
            except Exception as error:  # where the helper thread gives it to sys.unraisablehook
                self.raised.append(error)
        self.now = end


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    clock = Clock()
    monkeypatch.setattr(_helper, "_schedule", clock.schedule)
    monkeypatch.setattr(_helper, "_state", "on")
    monkeypatch.setattr(_live_text, "now", lambda: clock.now)
    yield clock


class Work(Periodic):
    """Notes when it is called."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.times: list[float] = []
        self.takes = 0.0
        self.error: Exception | None = None

    def _run(self) -> None:
        self.times.append(self.clock.now - 1769860800)
        self.clock.now += self.takes
        if self.error is not None:
            raise self.error


# ---- start and stop ----


def test_it_is_called_after_each_delay_until_it_is_stopped(clock: Clock) -> None:
    work = Work(clock)
    assert not work.active and repr(work) == "<tonnage.Work, stopped>"
    assert work.start(10) is work
    assert work.active and repr(work) == "<tonnage.Work, every 10 s>"
    clock.pass_time(35)
    work.stop()
    clock.pass_time(100)
    assert (work.times, work.active) == ([10, 20, 30], False)


def test_to_start_again_is_to_begin_anew(clock: Clock) -> None:
    work = Work(clock)
    work.start(10)
    clock.pass_time(9)
    work.start(20)
    clock.pass_time(42)
    assert work.times == [29, 49]


def test_several_go_on_beside_each_other_and_a_block_stops_its_own(clock: Clock) -> None:
    one, two = Work(clock), Work(clock)
    one.start(10)
    with two.start(4):
        clock.pass_time(10)
    clock.pass_time(10)
    assert (one.times, two.times) == ([10, 20], [4, 8])


def test_a_slow_one_is_not_called_while_it_runs(clock: Clock) -> None:
    work = Work(clock)
    work.takes = 25
    work.start(10)
    clock.pass_time(80)
    assert work.times == [10, 45, 80]


def test_what_it_raises_ends_neither_it_nor_others(clock: Clock) -> None:
    bad, good = Work(clock), Work(clock)
    bad.error = ZeroDivisionError()
    bad.start(10), good.start(10)
    clock.pass_time(30)
    assert (bad.times, good.times, len(clock.raised)) == ([10, 20, 30], [10, 20, 30], 3)


@pytest.mark.parametrize("delay", [0, -1, float("nan")])
def test_a_wrong_delay_is_named(clock: Clock, delay: float) -> None:
    with pytest.raises(ValueError, match="delay must be more than 0 seconds"):
        Work(clock).start(delay)


def test_a_top_comes_every_so_often_and_goes_on_after_a_wrong_row(clock: Clock) -> None:
    rows: list[Any] = [("a", "size", 1)]
    pages: list[str] = []
    top = tonnage.Top(3, pages.append, user_data_callback=lambda: rows)
    with top.start(60):
        clock.pass_time(60)
        rows = [("b", "size", 1)]
        clock.pass_time(60)
        rows = [("a", "size", 3)]
        clock.pass_time(60)
    assert [page.splitlines()[-1] for page in pages] == ["a: 1 B", "a: 3 B (+2 B)"]
    assert [type(error) for error in clock.raised] == [ArgumentError]
    assert pages[1].startswith("2026-01-31 12:03:00 UTC: Top 3 allocations per file")


def test_a_busy_main_thread_does_not_keep_it_from_being_called() -> None:
    done = python(
        [
            "-c",
            """if 1:
        import tonnage
        pages = []
        with tonnage.Top(3, pages.append).start(0.01):
            while len(pages) < 3:  # without a call into C that waits
                pass
        print("three")
    """,
        ]
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "three\n", "")


def test_a_fork_goes_on_without_it() -> None:
    done = python(
        [
            "-c",
            """if 1:
        import os, tonnage
        top = tonnage.Top(3, print).start(1000)
        pid = os.fork()
        if not pid:
            os._exit(0 if not top.active else 3)
        print(top.active, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """,
        ]
    )
    assert (done.stdout, done.stderr) == ("True 0\n", "")


# ---- snapshots ----


def facts(path: str) -> dict[str, object]:
    return {key: value for key, value in PureSnapshot.open(path).facts.items() if key.startswith("user.")}


def test_snapshots_have_names_by_the_template_and_figures_of_the_program(clock: Clock, tmp_path: Path) -> None:
    jobs = [7, -8, 9]
    task = SnapshotTask(
        tmp_path / "app-$counter.tonnage",
        user_data_callback=lambda: [
            ("Jobs", "count", jobs.pop(0)),
            ("Vidéo", "size", 1 << 40),
            ("Load", "number", 0.5),
        ],
        mode="stop",
        previews=0,
    )
    with task.start(60):
        clock.pass_time(125)
    assert task.files == [str(tmp_path / f"app-{n}.tonnage") for n in (1, 2)]
    assert task.take() == str(tmp_path / "app-3.tonnage")
    for path, value in zip(task.files, (7, -8, 9), strict=True):
        assert facts(path) == {
            "user.0.title": "Jobs", "user.0.format": "count", "user.0.value": value,
            "user.1.title": "Vidéo", "user.1.format": "size", "user.1.value": 1 << 40,
            "user.2.title": "Load", "user.2.format": "number", "user.2.value": 0.5,
        }  # fmt: skip
    with tonnage.load(task.files[1]) as taken:
        assert taken.user_data == [("Jobs", "count", -8), ("Vidéo", "size", 1 << 40), ("Load", "number", 0.5)]
        assert re.search(r"Told by the program\n  Jobs +-8\n  Vidéo +1\.0 TiB\n  Load +0\.5\n", str(taken.info()))
        assert "Told by the program" in str(taken.summary())
    with tonnage.load(task.files[0]) as old, tonnage.load(task.files[1]) as new:
        assert re.search(r"^Jobs +7 +-8 +-15$", str(tonnage.diff([old, new])), re.MULTILINE)
        assert re.search(r"^Vidéo +1\.0 TiB +1\.0 TiB +0 B$", str(tonnage.diff([old, new])), re.MULTILINE)


def test_a_forked_child_writes_figures_as_well_and_redaction_leaves_titles_out(tmp_path: Path) -> None:
    task = SnapshotTask(tmp_path / "a.tonnage", user_data_callback=lambda: [("Secret", "size", 5)], mode="fork")
    assert facts(task.take()) == {"user.0.title": "Secret", "user.0.format": "size", "user.0.value": 5}
    task.redact = True
    assert facts(task.take()) == {"user.0.format": "size", "user.0.value": 5}
    with tonnage.load(task.files[1]) as taken:
        assert taken.user_data == [("", "size", 5)]
        assert "(title not kept)" in str(taken.info())


def test_rows_that_changed_leave_no_file(tmp_path: Path) -> None:
    rows = [("a", "size", 1)]
    task = SnapshotTask(tmp_path / "a-{n}.tonnage", user_data_callback=lambda: rows, mode="stop", previews=0)
    task.take()
    rows = [("a", "count", 1)]
    with pytest.raises(ArgumentError, match="rows must stay the same"):
        task.take()
    assert [path.name for path in tmp_path.iterdir()] == ["a-1.tonnage"]


@pytest.mark.parametrize(
    ("template", "message"),
    [("", "template: the name of a file is empty"), ("{who}", "template: no field {who}"), ("$who", "no field $who")],
)
def test_a_wrong_template_is_named(template: str, message: str) -> None:
    with pytest.raises(ArgumentError, match=re.escape(message)):
        SnapshotTask(template)


def test_while_the_collector_runs_it_is_tried_again_soon(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    busy, times = 2, list[float]()

    class Taken:
        def close(self) -> None:
            times.append(clock.now - 1769860800)

    def take(*words: object, **options: object) -> Taken:
        nonlocal busy
        busy -= 1
        if busy >= 0:
            raise Busy("the collector runs", -12)
        return Taken()

    monkeypatch.setattr(sys.modules["tonnage._take"], "take", take)
    task = SnapshotTask(tmp_path / "a-{n}.tonnage")
    with task.start(60):
        clock.pass_time(61)
        assert times == [pytest.approx(60.1)]
        assert not clock.raised
        busy = 1000
        clock.pass_time(70)
        assert [type(error) for error in clock.raised] == [Busy]
    busy = 1
    clock.pass_time(70)
    assert len(times) == 1


# ---- garbage ----


class Uncollectable:
    """Stands for what a C extension holds in a cycle: the collector would put it there."""


@pytest.fixture
def garbage() -> Iterator[list[object]]:
    before = gc.garbage[:]
    yield gc.garbage
    gc.garbage[:] = before


def test_what_came_since_the_last_page_is_shown_once(clock: Clock, garbage: list[object]) -> None:
    pages: list[str] = []
    shown = Garbage(pages.append, format_object=lambda item: f"a {type(item).__name__}", collect=False)
    garbage += [Uncollectable(), Uncollectable()]
    shown.display()
    garbage.append(Uncollectable())
    with shown.start(60):
        clock.pass_time(120)
    shown.cumulative = True
    shown.display()
    assert pages[0].splitlines() == [
        "2026-01-31 12:00:00 UTC: Garbage: 2 new objects, 2 in all",
        "#1: birthplace unknown: a Uncollectable",
        "#2: birthplace unknown: a Uncollectable",
    ]
    assert pages[1].splitlines()[0].endswith("12:01:00 UTC: Garbage: 1 new object, 3 in all")
    assert pages[2].splitlines() == ["2026-01-31 12:02:00 UTC: Garbage: 0 new objects, 3 in all"]
    assert pages[3].splitlines()[0].endswith("Garbage: 3 objects") and len(pages[3].splitlines()) == 4


def test_an_object_whose_text_cannot_be_made_is_named_and_long_ones_are_cut(garbage: list[object]) -> None:
    class Broken:
        def __repr__(self) -> str:
            raise AttributeError("half of it is gone")

    pages: list[str] = []
    garbage += [Broken(), "x" * 1000, Broken()]
    Garbage(pages.append, collect=False, count=2).display()
    lines = pages[0].splitlines()
    assert re.fullmatch(r"#1: birthplace unknown: <Broken at 0x[0-9a-f]+: AttributeError in its text>", lines[1])
    assert lines[2].endswith("xxx...") and len(lines[2]) < 600
    assert lines[3] == "1 more"
    garbage[:] = ["first\nsecond"]
    Garbage(pages.append, collect=False, format_object=str).display()
    assert pages[1].splitlines()[1:] == ["#1: birthplace unknown: first second"]


def test_a_strange_metaclass_and_a_text_for_the_terminal_spoil_no_page(garbage: list[object]) -> None:
    class Strange(type):
        def __getattribute__(cls, name: str) -> object:
            raise RuntimeError(name)

    class Broken(metaclass=Strange):
        def __repr__(self) -> str:
            raise KeyError

    pages: list[str] = []
    garbage += [Broken(), "\x1b[2J\udc80"]
    Garbage(pages.append, collect=False, format_object=lambda x: x if isinstance(x, str) else repr(x)).display()
    lines = pages[0].splitlines()
    assert re.fullmatch(r"#1: birthplace unknown: <Broken at 0x[0-9a-f]+: KeyError in its text>", lines[1])
    assert lines[2] == r"#2: birthplace unknown: \x1b[2J\udc80"


def test_with_all_what_is_collected_is_kept_until_it_is_stopped(garbage: list[object]) -> None:
    def cycle() -> None:
        item = Uncollectable()
        item.me = item  # type: ignore[attr-defined]

    pages: list[str] = []
    flags = gc.get_debug()
    gc.collect()
    shown = Garbage(pages.append, all=True)
    try:
        cycle()
        shown.display()
    finally:
        shown.stop()
    assert "Uncollectable" in pages[0]
    assert gc.get_debug() == flags
    garbage.clear()
    cycle()
    gc.collect()
    assert garbage == []


def test_garbage_has_its_birthplace(tmp_path: Path) -> None:
    code = """
        import gc, json, tonnage
        from tonnage import trace
        class Node: pass
        trace.start()
        gc.garbage.append(Node())  # here
        pages = []
        tonnage.Garbage(pages.append, format_object=lambda x: "a node", filename_parts=1).display()
        print(json.dumps(pages[0].splitlines()[1:]))
    """
    assert answer(code, tmp_path) == ["#1: .../program.py:6: a node"]


# ---- growth ----


class Session:
    """Is made, and goes."""


@pytest.fixture
def census(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    monkeypatch.setattr("tonnage._growing._census", lambda where: dict(found))
    return found


def test_types_above_their_peak_are_shown(clock: Clock, census: dict[str, tuple[int, int]]) -> None:
    file = io.StringIO()
    growing = Growing(2, file)
    for counts in [(10, 5, 1, 0), (12, 5, 9, 0), (11, 9, 9, 3), (12, 10, 12, 4)]:
        census.update(zip(("app.A", "app.B", "app.C", "app.D"), ((n, 10 * n) for n in counts), strict=True))
        growing.display()
        clock.now += 60
    assert file.getvalue().splitlines() == [
        "2026-01-31 12:00:00 UTC: First look at types; the next one shows which have grown",
        "Total: count=16, size=160 B",
        "2026-01-31 12:01:00 UTC: 2 types that have grown since 2026-01-31 12:00:00 UTC",
        "#1: app.C: count=9 (+8), size=90 B (+80 B)",
        "#2: app.A: count=12 (+2), size=120 B (+20 B)",
        "Total: count=26, size=260 B",
        "2026-01-31 12:02:00 UTC: 2 types that have grown since 2026-01-31 12:01:00 UTC",
        "#1: app.B: count=9 (+4), size=90 B (+40 B)",
        "#2: app.D: count=3 (+3), size=30 B (+30 B)",
        "Total: count=32, size=320 B",
        "2026-01-31 12:03:00 UTC: Top 2 of 3 types that have grown since 2026-01-31 12:02:00 UTC",
        "#1: app.C: count=12 (+3), size=120 B (+30 B)",
        "#2: app.B: count=10 (+1), size=100 B (+10 B), with each of 2 looks",
        "1 more: count +1, size +10 B",
        "Total: count=38, size=380 B",
    ]


@pytest.mark.parametrize(("sort", "first"), [("growth", "leap"), ("size", "heavy"), ("steady", "steady")])
def test_what_grows_comes_in_the_order_that_is_asked_for(
    clock: Clock, census: dict[str, tuple[int, int]], sort: str, first: str
) -> None:
    pages: list[str] = []
    growing = Growing(1, pages.append, sort=sort, shortnames=True)
    for n in range(4):
        late = n == 3
        census.update(
            {"m.leap": (900 if late else 1, 100), "m.heavy": (2 if late else 1, 10000 * n), "m.steady": (n, n)}
        )
        growing.display()
    assert pages[-1].splitlines()[1].startswith(f"#1: {first}: ")


def test_growth_counts_objects_of_the_process_and_settles() -> None:
    done = python(
        [
            "-c",
            """if 1:
        import json, tonnage
        class Session: pass
        pages, kept = [], []
        for n in 0, 0, 0, 40, 0:
            kept += [Session() for _ in range(n)]
            tonnage.growth(50, pages.append)
        kept.clear()
        tonnage.growth(5, pages.append, where="type:Session")
        kept += [Session() for _ in range(3)]
        tonnage.growth(5, pages.append, where="type:Session")
        print(json.dumps(pages))
    """,
        ]
    )
    assert (done.returncode, done.stderr) == (0, "")
    pages = json.loads(done.stdout)
    told = [[line for line in page.splitlines() if "Session: " in line] for page in pages]
    assert [len(lines) for lines in told] == [0, 0, 0, 1, 0, 0, 1]
    assert "__main__.Session: count=40 (+40)" in told[3][0]
    assert "__main__.Session: count=3 (+3)" in told[6][0]


@pytest.mark.parametrize(
    ("words", "message"),
    [({"count": 0}, "at least 1 row"), ({"sort": "name"}, "unknown sort 'name': it is growth, size, steady")],
)
def test_a_wrong_argument_is_named(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        Growing(**words)


# ---- the process ----


def test_memory_of_the_process_is_that_of_proc() -> None:
    page = 4096
    with open("/proc/self/statm", "rb") as file:
        resident = int(file.read().split()[1]) * page
    known = tonnage.process_memory()
    assert known is not None and abs(known - resident) < 64 << 20


def test_names_that_are_loaded_late_are_there_and_others_are_not() -> None:
    assert tonnage.Top.__name__ == "Top" and "SnapshotTask" in tonnage.__all__
    with pytest.raises(AttributeError, match="module 'tonnage' has no attribute 'Bottom'"):
        tonnage.Bottom  # noqa: B018
