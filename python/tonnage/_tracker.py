"""tonnage.Tracker: births, deaths and sizes of the instances of chosen classes, and of chosen objects.

    _followed.py        has the engine follow what all trackers want, and tells each of what is its own
    _tracked_state.py   what a tracker knows
    _tracked_sizes.py   takes a snapshot, and finds the sizes in it
    _tracked_data.py    what comes of it: a History, for `stats` and files

Sizes of a snapshot are found behind the program's back, in the helper thread, or by who asks for them first.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import RLock

from tonnage import _followed
from tonnage._errors import ArgumentError, Busy, NotFoundError
from tonnage._followed import Wish, full_name
from tonnage._periodic import Periodic
from tonnage._records import call
from tonnage._tracked_data import History, Moment, Rule, no_sizes
from tonnage._tracked_sizes import Lives, capture, measure
from tonnage._tracked_state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from tonnage._snapshot import Snapshot
    from tonnage._tracked_stats import Stats

_AGAIN_SECONDS = 0.05
_TRIES = 100
_LEVEL_MAX = 100
_ROWS_KEPT = 1_000_000  # sizes of single instances, of all snapshots together: 32 bytes each


class _Measured:
    """A snapshot whose sizes are to be found."""

    __slots__ = ("began", "compute_total", "moment", "rows", "snapshot", "state")

    def __init__(
        self, state: State, snapshot: Snapshot, rows: bytes, moment: Moment, compute_total: bool, began: float
    ) -> None:
        self.state = state
        self.snapshot = snapshot
        self.rows = rows
        self.moment = moment
        self.compute_total = compute_total
        self.began = began


class _Snapshots(Periodic):
    """Snapshots of a tracker again and again."""

    __slots__ = ("_tracker", "_tries")

    def __init__(self, tracker: Tracker) -> None:
        super().__init__()
        self._tracker = tracker
        self._tries = 0

    def _run(self) -> None:
        """While the collector is at work it is tried again for some seconds."""
        from tonnage import _helper

        try:
            self._tracker._take("", False)
        except Busy:
            self._tries += 1
            if self._tries < _TRIES:
                _helper.schedule(f"{self._task} again", _AGAIN_SECONDS, self._again)
                return
            self._tries = 0
            raise
        self._tries = 0
        self._tracker._settle()

    def _again(self) -> None:
        if self.active:
            self._run()


class Tracker:
    """Births, deaths and sizes of the instances of chosen classes, and of chosen objects.

    Nothing of a class or an object that Python code can see is changed, and nothing is kept alive but classes. There
    may be several trackers: each knows its own only. A tracker that is dropped is closed.

    Example:
        >>> with tonnage.Tracker() as tracker:         # doctest: +SKIP
        ...     tracker.track_class(Session)
        ...     tracker.create_snapshot("before")
        ...     work()
        ...     tracker.create_snapshot("after")
        >>> tracker.stats.print_summary()              # doctest: +SKIP
    """

    __slots__ = ("__weakref__", "_lock", "_measuring", "_pending", "_periodic", "_pid", "_state", "_stopped", "_task")

    def __init__(self) -> None:
        self._task = f"sizes {id(self)}"
        self._periodic: _Snapshots | None = None
        self._new_locks()
        self._state = State()
        self._pending: list[_Measured] = []
        self._stopped: History | None = None  # what was known when it was closed

    def _locked(self) -> RLock:
        """In a child after fork the lock may be that of a thread that is not there."""
        if self._pid != os.getpid():
            self._new_locks()
        return self._lock

    def _new_locks(self) -> None:
        self._lock = RLock()  # of what is tracked
        self._measuring = RLock()  # of who finds sizes, which takes longer; may be taken within the other
        self._pid = os.getpid()

    def _open(self) -> State:
        if self._stopped is not None:
            raise ArgumentError("the tracker is closed: make another one", -8)
        return self._state

    # ---- what is tracked ----

    def track_class(
        self,
        cls: type,
        name: str | None = None,
        resolution_level: int = 0,
        keep: bool = False,
        trace: bool = False,
        subclasses: bool = True,
    ) -> None:
        """Tracks instances of a class that are made from now on.

        Of several tracked classes that an instance has, the most specialised one says how. A class that is tracked
        already is so from now on in this way.

        Args:
            cls: a class; also one written in C.
            name: what its instances are called.
            resolution_level: to which level what they refer to is sized one by one, at each snapshot; 0: not.
            keep: what is known of dead instances stays, of any number of them. Else it is the last 8,192.
            trace: keep the stack that makes each instance.
            subclasses: instances of classes that are derived from it, too.

        Raises:
            TypeError: it is no class.
            LimitError: too many classes are tracked.
            VersionError: called in another interpreter than the main one.

        Cost: docs/performance.md.
        """
        if not isinstance(cls, type):
            raise TypeError(f"a class is needed, not {type(cls).__name__}: track_object() tracks an object")
        rule = Rule(
            name=full_name(cls),
            label=name,
            resolution_level=_level(resolution_level),
            keep=bool(keep),
            trace=bool(trace),
            subclasses=bool(subclasses),
        )
        with self._locked():
            state = self._open()
            known = state.classes.get(id(cls))
            if known is None:  # the rule is there before the first instance
                number = state.add_rule(rule)
            else:
                number = known[1]
                state.rules[number] = rule
            try:
                _followed.follow(cls, Wish(state.ref, number, rule.trace, rule.keep, rule.subclasses))
            except BaseException:
                if known is None and state.rules[-1] is rule:
                    state.rules.pop()
                raise
            state.classes[id(cls)] = cls, number

    def track_object(
        self, obj: object, name: str | None = None, resolution_level: int = 0, keep: bool = False, trace: bool = False
    ) -> None:
        """Tracks one object that is there, of any type. It may die: it is not kept alive.

        Args:
            obj: the object. An instance of a tracked class has these options from now on.
            name: what it is called.
            resolution_level: to which level what it refers to is sized one by one, at each snapshot; 0: not.
            keep: what is known of it stays when it is dead.
            trace: look up who made it, which is known where allocations are recorded (`tonnage.trace`).

        Raises:
            VersionError: called in another interpreter than the main one.
        """
        rule = Rule(label=name, resolution_level=_level(resolution_level), keep=bool(keep), trace=bool(trace))
        with self._locked():
            self._open().take_single(obj, rule)

    def track_change(
        self,
        target: object,
        *,
        name: str | None = None,
        resolution_level: int | None = None,
        keep: bool | None = None,
        trace: bool | None = None,
        subclasses: bool | None = None,
    ) -> None:
        """Changes how a tracked class or object is tracked, from now on. What is not said stays.

        Raises:
            NotFoundError: it is not tracked.
        """
        with self._locked():
            state = self._open()
            known = state.classes.get(id(target)) if isinstance(target, type) else None
            followed = _followed.find(target) if known is None else None
            said = None
            if known is not None:
                rule = state.rules[known[1]]
                said = rule, rule.label
            elif followed is not None:
                said = state.rule_of(*followed)
            if said is None:
                raise NotFoundError("it is not tracked: track_class() and track_object() begin", -9)
            rule, label = said
            name = label if name is None else name
            resolution_level = rule.resolution_level if resolution_level is None else resolution_level
            keep = rule.keep if keep is None else keep
            trace = rule.trace if trace is None else trace
            if known is not None:
                subclasses = rule.subclasses if subclasses is None else subclasses
                self.track_class(known[0], name, resolution_level, keep, trace, subclasses)
            else:
                self.track_object(target, name, resolution_level, keep, trace)

    def detach_object(self, obj: object) -> None:
        """Tracks this object no more.

        Raises:
            NotFoundError: it is not tracked by itself, with track_object().
        """
        with self._locked():
            state = self._open()
            followed = _followed.find(obj)
            if followed is None or followed[0] not in state.special:
                raise NotFoundError("it is not tracked by itself: detach_class() is for instances of a class", -9)
            state.drop_single(followed[0])

    def detach_class(self, cls: type) -> None:
        """Tracks no more instances of a class than there are. Those that are there stay tracked.

        Raises:
            NotFoundError: it is not tracked.
        """
        with self._locked():
            state = self._open()
            if id(cls) not in state.classes:
                raise NotFoundError("the class is not tracked", -9)
            _followed.follow_no_more(cls, state.ref)
            del state.classes[id(cls)]

    def detach_all_classes(self) -> None:
        """`detach_class` of all classes."""
        with self._locked():
            for cls, _ in list(self._open().classes.values()):
                self.detach_class(cls)

    def detach_all(self) -> None:
        """Tracks nothing any more. What is known stays."""
        with self._locked():
            self.detach_all_classes()
            self._settle()
            self._state.drop_all()

    def clear(self) -> None:
        """Forgets all that is known, and tracks nothing any more."""
        with self._locked():
            self.stop_periodic_snapshots()
            if self._stopped is None:
                self.detach_all()
            self._state, self._stopped = State(), None

    def close(self) -> None:
        """Ends: no more snapshots, nothing is tracked, and what is known stays as it is. Does nothing a second time."""
        with self._locked():
            if self._stopped is None:
                self.stop_periodic_snapshots()
                history = self.history()
                history.stopped_ns = history.now_ns
                self.detach_all()
                self._stopped = history

    @property
    def stats(self) -> Stats:
        """Tables of what is known, and files of it (docs/track.md)."""
        from tonnage._tracked_stats import Stats

        return Stats(self.history)

    def history(self) -> History:
        """What is known, as data: a copy of now, with the sizes of all snapshots."""
        with self._locked():
            if self._stopped is not None:
                return self._stopped
            self._settle()
            return self._state.history()

    @property
    def closed(self) -> bool:
        """Whether close() was called."""
        return self._stopped is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self, _is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        """Without a history, which nobody will read. At the end of the interpreter names of the module may be gone."""
        if not _is_finalizing() and getattr(self, "_stopped", self) is None:
            self._pending.clear()
            self._state.moments.clear()
            self.detach_all()

    def __repr__(self) -> str:
        state = "closed, " if self.closed else ""
        classes, moments = len(self._state.classes), len(self._state.moments)
        return f"<tonnage.Tracker, {state}{classes} classes, {moments} snapshots>"

    # ---- snapshots ----

    def create_snapshot(self, description: str = "", compute_total: bool = False) -> None:
        """Sizes all that is tracked, in one consistent picture of the process.

        The program waits for the snapshot (`tonnage.snapshot()` says what that takes); sizes are found in it behind the
        program's back. Where nothing is tracked, the memory of the process is noted alone.

        Args:
            description: what it is called.
            compute_total: number and bytes of all objects, too.

        Raises:
            Busy: called while the interpreter collects garbage; try again later.
            Error: no snapshot can be taken.
        """
        with self._locked():
            self._open()
            self._take(description, compute_total)
            if self._pending:
                self._settle_later()

    def start_periodic_snapshots(self, interval: float = 1.0) -> None:
        """A snapshot each so many seconds, in the helper thread (docs/live.md); to start again is to begin anew.

        Raises:
            ValueError: interval is not more than 0.
        """
        self._open()
        self._periodic = self._periodic or _Snapshots(self)
        self._periodic.start(interval)

    def stop_periodic_snapshots(self) -> None:
        """No more of them. Does nothing when there are none."""
        if self._periodic is not None:
            self._periodic.stop()
            self._periodic = None  # it holds the tracker

    def _take(self, description: str, compute_total: bool) -> None:
        """What takes the program's time."""
        from tonnage._recorder import resident

        with self._locked():
            if self._stopped is not None:
                return
            state, began = self._state, time.monotonic()
            moment = Moment(
                number=len(state.moments) + 1,
                description=description,
                wall_ns=time.time_ns(),
                monotonic_ns=time.monotonic_ns(),
                rss=resident(),
            )
            if compute_total or not state.is_empty():
                state.waiting += 1
                try:
                    snapshot, rows = capture(state.wants_previews())
                except BaseException:
                    state.waiting -= 1
                    raise
                _followed.poll()  # who is in it has an owner by now
                self._pending.append(_Measured(state, snapshot, rows, moment, compute_total, began))
            moment.own_bytes = call(lambda c: c.lives_cost()[1] + c.trace_cost()["resident"])
            moment.seconds = time.monotonic() - began
            state.moments.append(moment)

    def _settle_later(self) -> None:
        from tonnage import _helper

        try:
            _helper.schedule(self._task, 0, self._settle)
        except RuntimeError:  # there is no thread any more
            self._settle()

    def _settle(self) -> None:
        """Finds the sizes of snapshots that wait for it."""
        self._locked()
        with self._measuring:
            while self._pending:
                measured = self._pending[0]
                try:
                    self._measure(measured)
                finally:  # what fails is not tried again
                    self._pending.remove(measured)
                    measured.state.waiting -= 1
                    if not self._pending:
                        _followed.poll()  # kinds may end now

    def _measure(self, measured: _Measured) -> None:
        moment, state = measured.moment, measured.state
        request = state.request(Lives(measured.rows))
        with measured.snapshot._again() as snapshot:  # one that a child has from its parent may be locked
            found = measure(snapshot, request, moment, measured.compute_total)
            moment.pause_ns = round((snapshot.pause or 0) * 1e9)
        measured.snapshot.close()
        _thin(state)
        state.morphed.update(found.morphed)
        state.previews = found.previews
        moment.seconds = time.monotonic() - measured.began


def _thin(state: State) -> None:
    """Sums of old snapshots stay, but of single instances only the newest sizes."""
    left = _ROWS_KEPT
    for moment in reversed(state.moments):
        left -= len(moment.instances)
        if left < 0 and len(moment.instances):
            moment.more += len(moment.instances)
            moment.instances = no_sizes()


def _level(number: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"resolution_level must be an int, not {type(number).__name__}")
    if not 0 <= number <= _LEVEL_MAX:
        raise ArgumentError(f"resolution_level must be 0 to {_LEVEL_MAX}, not {number}", -8)
    return number
