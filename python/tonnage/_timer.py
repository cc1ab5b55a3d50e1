"""tonnage.timer: a function called again and again."""

from __future__ import annotations

from tonnage import _helper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

_current: Timer | None = None


class Timer:
    """The timer of this process, until it is stopped or another takes its place. A context manager that stops it."""

    __slots__ = ("delay",)

    def __init__(self, delay: float):
        self.delay = delay

    @property
    def active(self) -> bool:
        """Whether it still calls its function."""
        return _current is self and _helper.is_scheduled("timer")

    def stop(self) -> None:
        """No more calls; one in progress is not interrupted. Does nothing when another timer took its place."""
        global _current
        if _current is self:
            _current = None
            _helper.cancel("timer")

    def __enter__(self) -> Timer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<tonnage.Timer every {self.delay:g} s{'' if self.active else ', stopped'}>"


def start(delay: float, function: Callable[..., object] | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Timer:
    """See tonnage.timer."""
    global _current
    handle = Timer(delay)
    if function is None:
        _current = None
        _helper.cancel("timer")
        return handle
    if not callable(function):
        raise TypeError(f"func must be callable or None, not {type(function).__name__}")
    if not delay > 0:
        raise ValueError(f"delay must be more than 0 seconds, not {delay!r}")
    _helper.schedule("timer", delay, lambda: function(*args, **kwargs), repeat=True)
    _current = handle
    return handle
