"""A stretch of the program whose memory is measured: what it needs at the peak, and what it leaves.

Regions may nest and overlap. Allocations are recorded exactly meanwhile: a recording that is on is used, and left on;
else one is started, and stopped with the last region. All threads count.
"""

from __future__ import annotations

import gc
from _thread import RLock

from tonnage import trace
from tonnage._errors import ArgumentError, Error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Sums = dict[int, tuple[int, int]]  # bytes and blocks by the number of a stack

_LIVE, _AT_PEAK = 3, 10  # columns of trace_sites(): bytes, with blocks beside them
_COLLECTIONS = 3  # finalizers may leave garbage for the next

_lock = RLock()
_started = 0  # the number of the recording that is ours


# Nothing is alive for the call itself, which would count as the program's.


def now() -> dict[str, Any]:
    """What the recorder knows, which is loaded."""
    from tonnage import _capture

    return _capture.trace_now()


def sites() -> list[Any]:
    """Its sums."""
    from tonnage import _capture

    return _capture.trace_sites()


def _sums(column: int) -> Sums:
    found: Sums = {}
    for row in sites():
        if row[column + 1]:
            size, count = found.get(row[0], (0, 0))
            found[row[0]] = size + row[column], count + round(row[column + 1])
    return found


def _record() -> None:
    global _started
    mode = trace._call(lambda c: c.trace_mode())
    if mode == "sampled":
        raise ArgumentError(
            "allocations are recorded by samples, but each block is needed here: call trace.stop() before, or"
            " trace.switch('exact')",
            -8,
        )
    if mode == "off":
        trace.start()
        _started = trace._starts


class Stack:
    """Bytes and blocks that one stack of calls allocated; frames begin with the innermost."""

    __slots__ = ("count", "frames", "size")

    def __init__(self, number: int, size: int, count: int) -> None:
        rows = trace._without_runner(trace._call(lambda c: c.trace_frames(number)))
        self.size = size
        self.count = count
        self.frames = tuple(trace.Frame(file, line or None, name, qualname) for file, line, name, qualname in rows)


class Region:
    """Begun by begin(); finish() measures; close() ends it, also where finish() was never called.

    Args:
        by_stack: also note who had allocated what, for `at_peak()` and `left_behind()`.
    """

    __slots__ = ("_at_peak", "_base", "_before", "_by_stack", "is_lost", "left", "peak")

    def __init__(self, by_stack: bool) -> None:
        self._by_stack = by_stack
        self._base = 0
        self._before: Sums = {}
        self._at_peak: Sums = {}
        self.is_lost = False  # the recording was cleared or stopped meanwhile
        self.peak = 0  # bytes, above what was alive when it began
        self.left = 0  # bytes, alive at its end above what was alive when it began

    def begin(self) -> None:
        """Raises ArgumentError where a recording is on that takes samples."""
        with _lock:
            _record()
            for region in trace._regions:
                region.note_peak()
            if self._by_stack:
                self._before = _sums(_LIVE)
            trace._peak_before = max(trace._peak_before, now()["peak"])
            trace._regions.append(self)
            self._base = now()["traced"]
            trace._call(lambda c: c.trace_reset_peak())

    def note_peak(self) -> None:
        """The recorder's high-water mark is about to begin anew, or this region is about to end."""
        peak = now()["peak"] - self._base
        if peak > self.peak and not self.is_lost:
            self.peak = peak
            if self._by_stack:
                self._at_peak = _sums(_AT_PEAK)

    def finish(self, collect: bool = True) -> None:
        """Measures. What is garbage is collected before it counts as left.

        Raises:
            Error: the recording was cleared, stopped or switched meanwhile.
        """
        with _lock:
            self.note_peak()
            for _ in range(_COLLECTIONS if collect else 0):
                if not gc.collect():
                    break
            if self.is_lost:
                raise Error("the recording was stopped or cleared meanwhile: what was needed is not known")
            self.left = max(now()["traced"] - self._base, 0)

    def close(self) -> None:
        """Ends it, and the recording if nobody else needs it."""
        with _lock:
            if self not in trace._regions:
                return
            trace._regions.remove(self)
            if _started == trace._starts and not trace._regions:
                trace.stop()

    def at_peak(self, least: int) -> list[Stack]:
        """Who had allocated at least so many bytes of what was alive at the peak, the most first; until close()."""
        return self._stacks(self._at_peak, least)

    def left_behind(self, least: int) -> list[Stack]:
        """Who allocated at least so many bytes of what was not alive when it began and is now; until close()."""
        return self._stacks(_sums(_LIVE), least)

    def _stacks(self, sums: Sums, least: int) -> list[Stack]:
        more = []
        for number, (size, count) in sums.items():
            size_before, count_before = self._before.get(number, (0, 0))
            if size - size_before >= least:
                more.append((size - size_before, count - count_before, number))
        more.sort(reverse=True)
        stacks = (Stack(number, size, count) for size, count, number in more)
        return [stack for stack in stacks if not stack.frames or not is_own(stack.frames[0])]


def is_own(frame: trace.Frame) -> bool:
    """Whether it is one of tonnage's."""
    return frame.file.startswith(__file__.removesuffix("_region.py"))
