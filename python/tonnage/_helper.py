"""What the one helper thread of the process does: named tasks at their time, on signals, above a number of bytes.

Functions run in the helper thread, one at a time, with the interpreter lock. What they raise goes to
sys.unraisablehook; the helper goes on. A process that was forked has no tasks until it makes some. Forks wait up to
50 ms for a function that runs; then the thread stays, and Python 3.12 and later may warn of it.
"""

from __future__ import annotations

import os
import sys
import time

from tonnage import _capture

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Function = Callable[[], object]

ALARM, SIGNAL, RSS = 1, 2, 4


class Schedule:
    """Named tasks, each due at a time of `clock`.

    There is no lock: a handler of Python signals may run between any two steps, and so may a fork. Single steps on a
    dict are whole under the interpreter lock, and whoever changed the tasks arms the alarm until nobody else did
    meanwhile.

    Args:
        clock: seconds, never going back.
        arm: is given the seconds until the next task, None without one; run_due() must be called then or later.
    """

    __slots__ = ("_arm", "_change", "_clock", "_tasks")

    def __init__(self, clock: Callable[[], float], arm: Callable[[float | None], None]):
        self._clock = clock
        self._arm = arm
        self._tasks: dict[str, _Task] = {}
        self._change = object()

    def add(self, name: str, seconds: float, function: Function, repeat: bool = False) -> None:
        """Calls function in so many seconds, then, with repeat, so many seconds after each end; replaces a task."""
        self._tasks[name] = _Task(self._clock() + seconds, seconds if repeat else None, function)
        self._rearm()

    def cancel(self, name: str) -> None:
        """Forgets a task; one that runs is not interrupted."""
        self._tasks.pop(name, None)
        self._rearm()

    def __contains__(self, name: object) -> bool:
        """Whether a task of this name waits or, with repeat, runs."""
        task = self._tasks.get(name) if isinstance(name, str) else None
        return task is not None and (task.due is not None or task.interval is not None)

    def run_due(self) -> None:
        """Runs the task that has been due for longest; the alarm comes at once where more are due."""
        task = min((task for task in list(self._tasks.values()) if task.due is not None), key=_due, default=None)
        try:
            if task is not None and _due(task) <= self._clock():
                task.due = None  # it stays in the dict: another may take its name meanwhile
                try:
                    task.function()
                finally:
                    if task.interval is not None:
                        task.due = self._clock() + task.interval
        finally:
            self._rearm()

    def _rearm(self) -> None:
        change = self._change = object()
        while True:
            due = min((task.due for task in list(self._tasks.values()) if task.due is not None), default=None)
            self._arm(None if due is None else max(0.0, due - self._clock()))
            if self._change is change:
                return
            change = self._change


class _Task:
    __slots__ = ("due", "function", "interval")

    def __init__(self, due: float, interval: float | None, function: Function):
        self.due: float | None = due  # None: not waiting
        self.interval = interval
        self.function = function


def _due(task: _Task) -> float:
    assert task.due is not None
    return task.due


# ---- of this process ----

_schedule = Schedule(time.monotonic, _capture.helper_alarm)
_on_signal: dict[int, Function] = {}
_on_rss: Function | None = None
_state = "new"  # then "on", and "ended" when the interpreter ends


def schedule(name: str, seconds: float, function: Function, *, repeat: bool = False) -> None:
    """Calls function in the helper thread in so many seconds, at the soonest.

    Args:
        name: a task of the same name is replaced.
        seconds: from now on; with repeat, also from each end to the next begin.
        function: takes nothing. It may schedule and cancel, its own name too.
        repeat: again and again, until cancelled.

    Raises:
        RuntimeError: the interpreter is ending, this is a subinterpreter, or the system gives no thread.
    """
    _start()
    _schedule.add(name, seconds, function, repeat)


def cancel(name: str) -> None:
    """Forgets a task, if there is one; one that runs is not interrupted."""
    if _state == "on":
        _schedule.cancel(name)


def is_scheduled(name: str) -> bool:
    """Whether there is a task of this name that will be called."""
    return _state == "on" and name in _schedule


def on_signal(signum: int, function: Function | None) -> None:
    """Calls function in the helper thread when this signal has come; None: no more, the former disposition is back.

    The program sees nothing of the signal: its system calls are restarted. A handler that the program installs later
    takes the place of ours. At the end of the interpreter ours stays, and does nothing.
    """
    _start()
    _capture.helper_signal(signum, function is not None)
    if function is None:
        _on_signal.pop(signum, None)
    else:
        _on_signal[signum] = function


def on_rss(n_bytes: int, function: Function | None) -> None:
    """Calls function once when the resident set has more bytes, then no more until asked again; 0 or None: not.

    It is looked at once a second.
    """
    global _on_rss
    _start()
    _on_rss = function
    _capture.helper_watch_rss(0 if function is None else n_bytes)


def timeline(seconds: float) -> None:
    """Has memory sampled at this interval from now on; what was sampled before is dropped. 0: not."""
    _start()
    _capture.helper_timeline(seconds)


def _called(reasons: int, signals: int) -> None:
    """In the helper thread. One function raising does not keep the others from running."""
    try:
        if reasons & SIGNAL:
            for signum, function in list(_on_signal.items()):
                if signals >> (signum - 1) & 1:
                    function()
    finally:
        try:
            function_of_rss = _on_rss  # another thread may take it away meanwhile
            if reasons & RSS and function_of_rss is not None:
                function_of_rss()
        finally:
            if reasons & ALARM:
                _schedule.run_due()


def _start() -> None:
    global _state
    if _state == "on":
        return
    if _state == "ended" or sys.is_finalizing():
        raise RuntimeError("the interpreter is ending: no more tasks can be scheduled")
    _capture.helper_start(_called)
    first, _state = _state == "new", "on"
    if first:
        import atexit

        os.register_at_fork(
            before=_capture.helper_pause, after_in_parent=_capture.helper_resume, after_in_child=_forget
        )
        atexit.register(_end)


def _forget() -> None:
    """In a child after fork: the hooks are registered, all else is as in the beginning."""
    global _schedule, _state, _on_rss
    _capture.helper_forget()
    _schedule = Schedule(time.monotonic, _capture.helper_alarm)
    _on_signal.clear()
    _on_rss = None
    _state = "off" if _state == "on" else _state


def _end() -> None:
    global _state
    _state = "ended"
    _capture.helper_stop()
