"""What is done now, or again and again: the common part of Top, Garbage, Growing and SnapshotTask.

Each is a task of its own in the schedule of the helper thread (_helper.py), which runs one at a time.
"""

from __future__ import annotations

from itertools import count

from tonnage._live_text import Screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from tonnage._live_text import Target

_next = count(1).__next__


class Periodic:
    """Calls its `_run` again and again. A context manager that stops it."""

    __slots__ = ("_task", "delay")

    def __init__(self) -> None:
        self._task = f"{type(self).__name__} {_next()}"
        self.delay: float | None = None  # None: it was never started

    def _run(self) -> None:
        raise NotImplementedError

    def start(self, delay: float) -> Self:
        """Does it in so many seconds, and that long after each end again, in the helper thread.

        It does not wait for the main thread, and is never called while it is at it. What it raises goes to
        sys.unraisablehook, and the next comes all the same. To start again is to begin anew, with the new delay. A
        process that is forked goes on without it.

        Args:
            delay: seconds.

        Returns:
            Itself: `with top.start(60):` stops it at the end.

        Raises:
            ValueError: delay is not more than 0.
            RuntimeError: in a subinterpreter, while the interpreter ends, or when the system gives no thread.
        """
        from tonnage import _helper

        if not delay > 0:
            raise ValueError(f"delay must be more than 0 seconds, not {delay!r}")
        _helper.schedule(self._task, delay, self._run, repeat=True)
        self.delay = delay
        return self

    def stop(self) -> None:
        """No more calls; one in progress is not interrupted. Does nothing when it was not started."""
        if self.delay is not None:
            from tonnage import _helper

            _helper.cancel(self._task)

    @property
    def active(self) -> bool:
        """Whether it will be called."""
        if self.delay is None:
            return False
        from tonnage import _helper

        return _helper.is_scheduled(self._task)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = f"every {self.delay:g} s" if self.active and self.delay is not None else "stopped"
        return f"<tonnage.{type(self).__name__}, {state}>"


class Display(Periodic):
    """Writes a page each time."""

    __slots__ = ("_screen",)

    def __init__(self, file: Target, color: bool | None) -> None:
        super().__init__()
        self._screen = Screen(file, color)

    @property
    def color(self) -> bool | None:
        """Whether there are colours; None: on terminals."""
        return self._screen.color

    @color.setter
    def color(self, value: bool | None) -> None:
        self._screen.color = value

    def display(self) -> None:
        """Writes the page."""
        raise NotImplementedError

    def _run(self) -> None:
        self.display()
