"""When a recording takes snapshots, and what it keeps: with a helper, a clock and a capture made for the test."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tonnage
from tonnage import _errors, _recorder
from tonnage._recorder import Kept, Recording

MIB = 1 << 20


class Stage:
    """Stands for the helper thread, the capture and the memory of the process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 0.0
        self.rss = 100 * MIB
        self.tasks: dict[str, tuple[float, float | None, Callable[[], object]]] = {}
        self.signals: dict[int, Callable[[], object]] = {}
        self.rss_limit: tuple[int, Callable[[], object]] | None = None
        self.interval = 0.0
        self.errors: list[Exception] = []  # for the next captures
        self.slow = False  # a capture is a job
        self.jobs: list[str] = []
        self.begun = 0

    # what tonnage._helper offers
    def schedule(self, name: str, seconds: float, function: Callable[[], object], *, repeat: bool = False) -> None:
        self.tasks[name] = self.now + seconds, seconds if repeat else None, function

    def cancel(self, name: str) -> None:
        self.tasks.pop(name, None)

    def on_signal(self, signum: int, function: Callable[[], object] | None) -> None:
        if function is None:
            self.signals.pop(signum, None)
        else:
            self.signals[signum] = function

    def on_rss(self, n_bytes: int, function: Callable[[], object] | None) -> None:
        self.rss_limit = None if function is None or not n_bytes else (n_bytes, function)

    def timeline(self, seconds: float) -> None:
        self.interval = seconds

    # what the recorder takes from elsewhere
    def begin(self, name: str, settings: object, tracked: object = None) -> object | None:
        self.begun += 1
        if self.errors:
            raise self.errors.pop(0)
        if self.slow:
            self.jobs.append(name)
            return name
        Path(name).write_text("whole")
        return None

    def poll(self, job: object) -> bool:
        if job in self.jobs:
            return False
        if self.errors:
            raise self.errors.pop(0)
        Path(str(job)).write_text("whole")
        return True

    # what the test does
    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [name for name, task in self.tasks.items() if task[0] <= end]:
            name = min(due, key=lambda name: self.tasks[name][0])
            at, interval, function = self.tasks.pop(name)
            self.now = max(self.now, at)
            if interval is not None:
                self.tasks[name] = self.now + interval, interval, function
            function()
        self.now = end

    def grow(self, rss: int) -> None:
        self.rss = rss
        if self.rss_limit is not None and rss > self.rss_limit[0]:
            function, self.rss_limit = self.rss_limit[1], None
            function()

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("*.tonnage"))


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "tonnage._helper", stage)  # type: ignore[arg-type]
    monkeypatch.setattr(tonnage, "_helper", stage, raising=False)
    monkeypatch.setattr(_recorder, "_begin", stage.begin)
    monkeypatch.setattr(_recorder, "_poll", stage.poll)
    monkeypatch.setattr(_recorder, "resident", lambda: stage.rss)
    monkeypatch.setattr(_recorder.time, "sleep", lambda seconds: stage.jobs.clear())
    yield stage
    if _recorder._current is not None:
        _recorder._current.stop()


def every(seconds: object = None, **said: Any) -> Recording:
    said = {"at_exit": False, "path": "a.tonnage", **said}
    return tonnage.every(seconds, said.pop("path"), **said)  # type: ignore[arg-type]


# ---- when ----


def test_one_every_so_often(stage: Stage) -> None:
    recording = every("10s")
    stage.run(9.9)
    assert (recording.files, recording.last) == ([], None)
    stage.run(20)
    assert stage.names() == ["a-1.tonnage", "a-2.tonnage"]
    assert recording.files == [str(stage.folder / name) for name in stage.names()]
    assert recording.last == str(stage.folder / "a-2.tonnage")


def test_one_at_each_signal(stage: Stage) -> None:
    every(on_signal="USR2")
    stage.signals[12]()
    stage.signals[12]()
    assert stage.names() == ["a-1.tonnage", "a-2.tonnage"]


def test_one_when_memory_crosses_the_size_and_at_each_further_quarter(stage: Stage) -> None:
    every(on_rss=200 * MIB)
    taken = []
    for mib in (150, 199, 201, 240, 252, 260, 300, 400, 401, 150, 499, 501):
        before = len(stage.names())
        stage.grow(mib * MIB)
        if len(stage.names()) > before:
            taken.append(mib)
    assert taken == [201, 252, 400, 501]  # 200, 201 + a quarter, 252 + a quarter, …


def test_a_process_that_leaves_and_comes_back_under_the_size_gives_no_second_one(stage: Stage) -> None:
    every(on_rss=200 * MIB)
    for mib in (201, 150, 201, 150, 220):
        stage.grow(mib * MIB)
    assert stage.names() == ["a-1.tonnage"]


def test_stopping_ends_it_all(stage: Stage) -> None:
    with every(10, on_signal="USR2", on_rss=MIB) as recording:
        stage.run(10)
        assert stage.interval == 1.0
    assert (stage.tasks, stage.signals, stage.rss_limit, stage.interval) == ({}, {}, None, 0)
    assert recording.files == [str(stage.folder / "a-1.tonnage")]
    recording.stop()
    assert repr(recording) == "<tonnage Recording, stopped, 1 files>"


def test_a_second_call_takes_the_place_of_the_first(stage: Stage) -> None:
    first = every(10, on_signal="USR2")
    second = every(20, path="b.tonnage", on_signal="USR1")
    first.stop()  # not the second
    stage.run(20)
    assert stage.names() == ["b-1.tonnage"]
    assert list(stage.signals) == [10]
    assert repr(second) == "<tonnage Recording, on, 1 files>"


def test_a_call_that_cannot_start_leaves_the_first(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    first = every(10, on_signal="USR2")

    def refuse(signum: int, function: object) -> None:
        if function is not None and signum == 10:
            raise RuntimeError("no")
        stage.on_signal(signum, function)  # type: ignore[arg-type]

    monkeypatch.setattr(sys.modules["tonnage._helper"], "on_signal", refuse)
    with pytest.raises(RuntimeError):
        every(20, path="b.tonnage", on_signal="USR1")
    stage.run(10)
    assert stage.names() == ["a-1.tonnage"]
    assert (list(stage.tasks), list(stage.signals)) == (["every"], [12])
    assert "on" in repr(first)


def test_the_folder_of_a_call_may_be_gone(stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with pytest.raises(tonnage.FileError, match="current folder"):
        every(10)


def test_the_time_line_needs_a_reason(stage: Stage) -> None:
    every()
    assert stage.interval == 0
    every(timeline=5)
    assert stage.interval == 5
    every(10, timeline=0)
    assert stage.interval == 0


def test_the_current_folder_may_change(stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    every(10)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    stage.run(10)
    assert stage.names() == ["a-1.tonnage"]


# ---- jobs ----


def test_a_slow_one_is_looked_after_and_delays_the_next(stage: Stage) -> None:
    stage.slow = True
    recording = every(10, on_signal="USR2")
    stage.run(15)
    assert (stage.begun, stage.names()) == (1, [])
    stage.signals[12]()
    stage.signals[12]()
    stage.run(4)
    assert (stage.begun, stage.names()) == (1, [])
    stage.jobs.clear()
    stage.run(0.1)
    assert (stage.begun, stage.names()) == (2, ["a-1.tonnage"])  # what was asked meanwhile is one
    stage.jobs.clear()
    stage.run(0.1)
    assert len(recording.files) == 2
    assert "snapshot" not in stage.tasks


def test_stopping_waits_for_the_one_under_way(stage: Stage) -> None:
    stage.slow = True
    recording = every(10)
    stage.run(10)
    recording.stop()
    assert stage.names() == ["a-1.tonnage"]
    assert recording.last == str(stage.folder / "a-1.tonnage")


def test_the_last_one_comes_after_the_one_under_way(stage: Stage) -> None:
    stage.slow = True
    recording = every(10)
    stage.run(10)
    assert recording.take() == str(stage.folder / "a-2.tonnage")
    assert recording.files == [str(stage.folder / name) for name in ("a-1.tonnage", "a-2.tonnage")]


# ---- what goes wrong ----


def test_while_the_collector_runs_it_is_tried_again_soon(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    stage.errors = [_errors.Busy("collecting", -11) for _ in range(5)]
    every(10)
    stage.run(11)
    assert (stage.begun, len(stage.names())) == (6, 1)
    assert capfd.readouterr().err.count("\n") == 1


def test_it_is_not_tried_for_ever(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    stage.errors = [_errors.Busy("collecting", -11) for _ in range(1000)]
    every(100)
    stage.run(190)
    assert capfd.readouterr().err == "tonnage: no snapshot (every 100s): collecting\n"
    assert stage.begun == _recorder._TRIES
    stage.errors.clear()
    stage.run(100)
    assert len(stage.names()) == 1


def test_a_name_that_somebody_else_took_is_passed_over(stage: Stage) -> None:
    stage.errors = [_errors.ExistsError("a-1.tonnage exists", -13)]
    every(10)
    stage.run(11)
    assert stage.names() == ["a-2.tonnage"]


@pytest.mark.parametrize("slow", [False, True])
def test_a_full_disk_is_one_line_and_the_next_one_is_taken(
    slow: bool, stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    every(10)
    stage.slow = slow
    stage.run(10)
    stage.errors = [_errors.FileError("no space left on device", -2)]
    stage.jobs.clear()
    stage.run(1 if slow else 10)
    stage.slow = False
    assert "tonnage: no snapshot (every 10s): no space left on device\n" in capfd.readouterr().err
    before = len(stage.names())
    stage.run(10)
    assert len(stage.names()) == before + 1


def test_quiet_says_nothing_but_what_goes_wrong(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    every(10, quiet=True)
    stage.run(10)
    assert capfd.readouterr().err == ""
    stage.errors = [_errors.FileError("no space left on device", -2)]
    stage.run(10)
    assert capfd.readouterr().err == "tonnage: no snapshot (every 10s): no space left on device\n"


def test_the_stream_of_the_program_is_not_used(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    import contextlib
    import io

    text = io.StringIO()
    with contextlib.redirect_stderr(text):
        every(10)
        stage.run(10)
    assert text.getvalue() == ""
    assert "wrote a-1.tonnage" in capfd.readouterr().err


def test_a_standard_error_that_raises_ends_nothing(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def write(self, text: str) -> None:
            raise ZeroDivisionError

    monkeypatch.setattr(sys, "stderr", Broken())
    every(10)
    stage.run(20)
    monkeypatch.undo()
    assert len(list(stage.folder.glob("*.tonnage"))) == 2


# ---- what is kept ----


def keep(folder: Path, limit: int | None, sizes: list[int]) -> list[int]:
    """The numbers of the files that stay."""
    kept = Kept(limit)
    for n, rss in enumerate(sizes):
        path = folder / f"{n:03}"
        path.touch()
        kept.add(str(path), rss)
    left = sorted(int(path.name) for path in folder.iterdir())
    assert [int(Path(path).name) for path in kept.files] == left
    assert kept.last == str(folder / f"{len(sizes) - 1:03}")
    return left


def test_without_a_limit_all_stay(tmp_path: Path) -> None:
    assert keep(tmp_path, None, [100] * 10) == list(range(10))


def test_the_first_and_the_newest_stay(tmp_path: Path) -> None:
    assert keep(tmp_path, 3, [100] * 10) == [0, 7, 8, 9]


def test_points_where_memory_had_grown_by_a_quarter_stay(tmp_path: Path) -> None:
    assert keep(tmp_path, 1, [100, 124, 125, 156, 157, 100, 125, 197, 10, 10]) == [0, 2, 4, 7, 9]


def test_the_number_of_points_is_logarithmic_in_the_growth(tmp_path: Path) -> None:
    left = keep(tmp_path, 2, list(range(1000, 100000, 100)))
    assert len(left) <= 2 + 1 + 21  # 1.25 ** 21 > 100


def test_a_point_among_the_newest_is_no_extra(tmp_path: Path) -> None:
    assert keep(tmp_path, 2, [100, 200]) == [0, 1]


@pytest.mark.parametrize("change", ["replaced", "rewritten", "renamed", "gone", "a folder"])
def test_only_what_was_written_is_deleted(change: str, tmp_path: Path) -> None:
    kept = Kept(1)
    first, mine = tmp_path / "first", tmp_path / "mine"
    for path in (first, mine):
        path.write_text("snapshot")
        kept.add(str(path), 100)
    if change == "replaced":
        (tmp_path / "other").write_text("precious")
        os.replace(tmp_path / "other", mine)
    elif change == "rewritten":
        mine.write_text("precious")
        os.utime(mine, ns=(1, 1))
    elif change == "renamed":
        mine.rename(tmp_path / "moved")
    else:
        mine.unlink()
    if change == "a folder":
        mine.mkdir()
    before = {path.name for path in tmp_path.iterdir()}
    (tmp_path / "next").touch()
    kept.add(str(tmp_path / "next"), 100)
    assert {path.name for path in tmp_path.iterdir()} == before | {"next"}


def test_a_recording_keeps_by_the_rules(stage: Stage) -> None:
    recording = every(10, keep=2)
    for mib in (100, 110, 126, 127, 128, 129):
        stage.rss = mib * MIB
        stage.run(10)
    assert stage.names() == ["a-1.tonnage", "a-3.tonnage", "a-5.tonnage", "a-6.tonnage"]
    assert [Path(path).name for path in recording.files] == stage.names()


def test_none_comes_after_the_last_one(stage: Stage) -> None:
    recording = every(10, on_signal="USR2")
    ask = stage.signals[12]
    recording.take(last=True)
    ask()
    stage.run(30)
    assert stage.names() == ["a-1.tonnage"]
