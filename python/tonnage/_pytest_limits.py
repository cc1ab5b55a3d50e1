"""The part of the pytest plugin that measures: with --tonnage only.

What a test needs is measured around its call phase, fixtures left out. Numbers travel in the `user_properties` of
reports, which come from other processes, too.
"""

from __future__ import annotations

import gc

import pytest

from tonnage import _errors, _limits, trace
from tonnage._live_text import size as shown
from tonnage._region import Region, renew_peak
from tonnage._sets import ObjectSet  # loaded before a test, not between the snapshots around it
from tonnage._take import take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any, TypeVar

    from tonnage._limits import Filter
    from tonnage._snapshot import Snapshot

    T = TypeVar("T")

_PROPERTY = "tonnage_peak"


def _memory(size: int | str) -> int:
    return _limits.size_given(size, "limit_memory")


def _leaks(size: int | str, *, warmups: int = 0, filter: Filter | None = None) -> tuple[int, int, Filter | None]:
    if isinstance(warmups, bool) or not isinstance(warmups, int) or warmups < 0:
        raise ValueError(f"limit_leaks takes warmups, a number of runs, not {warmups!r}")
    if filter is not None and not callable(filter):
        raise ValueError(f"limit_leaks takes a filter, a function of frames, not {filter!r}")
    return _limits.size_given(size, "limit_leaks"), warmups, filter


def _objects(kind: type | str, n: int) -> tuple[str, int]:
    name = f"{kind.__module__}.{kind.__qualname__}" if isinstance(kind, type) else kind
    if not isinstance(name, str) or not name or "'" in name:
        raise ValueError(f"limit_objects takes a class, or its name such as 'app.Session', not {kind!r}")
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise ValueError(f"limit_objects takes n, a number of objects, not {n!r}")
    return name, n


class _Asked:
    """What the markers of a test say: of each the nearest, and of limit_objects of each type.

    Raises:
        ValueError: one line: a marker makes no sense.
    """

    __slots__ = ("filter", "leaks", "memory", "objects", "warmups")

    def __init__(self, item: pytest.Item) -> None:
        memory = self._read(item, "limit_memory", _memory)
        leaks = self._read(item, "limit_leaks", _leaks)
        self.memory: int | None = memory[0] if memory else None
        self.leaks: int | None = None
        self.warmups = 0
        self.filter: Filter | None = None
        if leaks:
            self.leaks, self.warmups, self.filter = leaks[0]
        self.objects = dict(reversed(self._read(item, "limit_objects", _objects)))

    @staticmethod
    def _read(item: pytest.Item, name: str, read: Callable[..., T]) -> list[T]:
        try:
            return [read(*mark.args, **mark.kwargs) for mark in item.iter_markers(name)]
        except TypeError as error:
            raise ValueError(f"{name}: {str(error).partition('() ')[2] or error}") from None

    def __bool__(self) -> bool:
        return not (self.memory is self.leaks is None and not self.objects)


_ASKED = pytest.StashKey[_Asked]()


def _shot() -> Snapshot:
    gc.collect()
    return take(None, "stop", None, None, None, False, None, None, named=False)


class _Measured:
    """A call phase that is measured."""

    def __init__(self, asked: _Asked) -> None:
        self._asked = asked
        self._before = _shot() if asked.objects else None
        self._sets = {name: self._of(self._before, name) for name in asked.objects}
        self._after: Snapshot | None = None
        self._region = Region(by_stack=bool(asked))
        self._region.begin()

    @property
    def peak(self) -> int | None:
        return None if self._region.is_lost else self._region.peak

    def note(self) -> str:
        """The test has failed: what it needed is known all the same."""
        renew_peak()
        if self.peak is None:
            return "the recording was stopped or cleared: what the test needed is not known"
        limit = self._asked.memory
        over = None if limit is None else _limits.peak(self._region, limit)
        return over or f"{shown(self.peak)} were needed at the peak"

    def exceeded(self) -> str:
        """What is to be said of limits; empty: they were kept."""
        asked, region = self._asked, self._region
        if not asked:
            renew_peak()
            return ""
        try:
            region.finish()
        except _errors.Error as error:
            return str(error)
        found = []
        if asked.memory is not None:
            found.append(("limit_memory", _limits.peak(region, asked.memory)))
        if asked.leaks is not None:
            found.append(("limit_leaks", _limits.leaks(region, asked.leaks, asked.filter, self._now)))
        for name, limit in asked.objects.items():
            sets = self._sets[name], self._of(self._now(), name)
            found.append(("limit_objects", _limits.objects(name, *sets, limit)))
        return "\n\n".join(f"{name}: {text}" for name, text in found if text)

    @staticmethod
    def _of(snapshot: Snapshot | None, name: str) -> ObjectSet:
        assert snapshot is not None
        return snapshot.where(f"type:'{name}+'")

    def _now(self) -> Snapshot:
        if self._after is None:
            self._after = _shot()
        return self._after

    def close(self) -> None:
        self._region.close()
        for snapshot in (self._before, self._after):
            if snapshot is not None:
                snapshot.close()


class Limits:
    """Registered as a plugin when it was asked for."""

    def __init__(self, config: pytest.Config) -> None:
        self._top: int = config.getoption("tonnage_top")
        self._recording: Region | None = None
        self._peaks: dict[str, int] = {}  # of tests that have run, here or in workers
        if self._top < 0:
            raise pytest.UsageError(f"--tonnage-top takes a number of tests, 0 for none, not {self._top}")
        try:
            trace.is_on()  # an interpreter that is not supported is named now
        except (_errors.Error, ImportError) as error:
            raise pytest.UsageError(f"--tonnage: {error}") from None

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Pytest calls it."""
        try:
            item.stash[_ASKED] = _Asked(item)
            return
        except ValueError as error:
            wrong = str(error)
        pytest.fail(wrong, pytrace=False)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        """Pytest calls it, and it runs what is inside of all that other plugins put around."""
        asked = item.stash[_ASKED]
        if self._top:
            self._keep_recording()
        elif not asked:
            return (yield)
        for _ in range(asked.warmups):
            item.runtest()
        measured, text = self._begin(asked)
        if measured is None:
            result = None if text else (yield)
        else:
            try:
                result = yield
                text = measured.exceeded()
            except BaseException:
                item.add_report_section("call", "memory", measured.note())
                raise
            finally:
                self._note(item, measured.peak)
                measured.close()
        if text:
            pytest.fail(text, pytrace=False)
        return result

    def _keep_recording(self) -> None:
        """Between tests, too, where all are measured: to start for each would take longer than many of them."""
        if self._recording is None:
            self._recording = Region(by_stack=False)
            try:
                self._recording.begin()
            except _errors.Error:
                pass  # the next will say so

    def pytest_sessionfinish(self) -> None:
        """Pytest calls it."""
        if self._recording is not None:
            self._recording.close()

    @staticmethod
    def _begin(asked: _Asked) -> tuple[_Measured | None, str]:
        """None where it cannot be measured, and why, if that matters."""
        try:
            return _Measured(asked), ""
        except _errors.Error as error:
            return None, str(error) if asked else ""

    @staticmethod
    def _note(item: pytest.Item, peak: int | None) -> None:
        item.user_properties[:] = [row for row in item.user_properties if row[0] != _PROPERTY]
        if peak is not None:
            item.user_properties.append((_PROPERTY, peak))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Pytest calls it."""
        if report.when == "call":
            for name, value in report.user_properties:
                if name == _PROPERTY and isinstance(value, int):
                    self._peaks[report.nodeid] = value

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Pytest calls it."""
        if not self._peaks or not self._top:
            return
        rows = sorted(self._peaks.items(), key=lambda row: -row[1])[: self._top]
        n = len(self._peaks)
        terminalreporter.section(f"memory of tests: {len(rows)} of {n} that needed most")
        for name, peak in rows:
            terminalreporter.write_line(f"{shown(peak):>10}  {name}")
