"""A stretch of the program whose memory is measured: what it needs at the peak, and what it leaves.

Regions may nest and overlap. Allocations are recorded exactly meanwhile: a recording that is on is used, and left on;
else one is started, and stopped with the last region. All threads count.
"""

from __future__ import annotations

import gc
import os
from _thread import RLock

from tonnage import trace
from tonnage._errors import ArgumentError, Error
from tonnage._records import call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Rows = tuple[tuple[str, int, str, str], ...]  # file, line, name and qualified name of each frame

_COLLECTIONS = 3  # finalizers may leave garbage for the next

_lock = RLock()
_started = 0  # the number of the recording that is ours


def _begin_anew() -> None:
    """In a child after fork: who held the lock in another thread is not there to let go."""
    global _lock
    _lock = RLock()


os.register_at_fork(after_in_child=_begin_anew)

# What these make for themselves would count as the program's: they make next to nothing.


def now() -> dict[str, Any]:
    """What the recorder knows, which is loaded."""
    from tonnage import _capture

    return _capture.trace_now()


def sums(at_peak: bool = False) -> memoryview[int]:
    """Stack, bytes and blocks, and so on, of what is alive or was at the high-water mark."""
    from tonnage import _capture

    return memoryview(_capture.trace_sums(at_peak)).cast("q")


_NOTHING = memoryview(b"").cast("q")


def _record() -> bool:
    """Whether it was not on before."""
    global _started
    mode: str = call(lambda c: c.trace_mode())
    if mode == "sampled":
        raise ArgumentError(
            "allocations are recorded by samples, but each block is needed here: call trace.stop() before, or"
            " trace.switch('exact')",
            -8,
        )
    if mode == "off":
        trace.start()
        _started = trace._starts
    return mode == "off"


def renew_peak() -> None:
    """The recorder's high-water mark begins anew; regions note the old one, and it stays that of the recording."""
    with _lock:
        traced, peak = now()["traced"], now()["peak"]
        running = [region for region in trace._regions if not region.is_lost and not region._is_over]
        higher = [region for region in running if peak - region._base > region.peak]
        table = sums(at_peak=True) if any(region._by_stack for region in higher) else _NOTHING
        for region in higher:
            region.peak, region._at_peak = peak - region._base, table
        trace._peak_before = max(trace._peak_before, peak)
        _settle(traced)
        call(lambda c: c.trace_reset_peak())


def _settle(traced: int) -> None:
    """What has come since so much was traced is our own tables: no region has needed it."""
    own = now()["traced"] - traced
    for region in trace._regions:
        region._base += own
        region._own += own


class Stack:
    """Bytes and blocks that one stack of lines allocated; frames begin with the innermost."""

    __slots__ = ("count", "frames", "size")

    def __init__(self, rows: Rows, size: int, count: int) -> None:
        self.size = size
        self.count = count
        self.frames = tuple(trace.Frame(file, line or None, name, qualname) for file, line, name, qualname in rows)


class Region:
    """Begun by begin(); finish() measures; close() ends it, also where finish() was never called.

    Args:
        by_stack: note who had allocated what, too, for `at_peak()`, and to take it off `left_behind()` and `left`.
    """

    __slots__ = (
        "_at_peak", "_base", "_before", "_by_stack", "_is_over", "_left", "_own", "birth", "is_lost", "left", "peak",
    )  # fmt: skip

    def __init__(self, by_stack: bool) -> None:
        self._by_stack = by_stack
        self._base = 0
        self._own = 0  # bytes of our tables that came since what was before was noted
        self.birth = 0  # the number of the last allocation before it
        self._before = self._at_peak = self._left = _NOTHING
        self._is_over = False  # measured: what comes is not of it
        self.is_lost = False  # the recording was cleared or stopped meanwhile
        self.peak = 0  # bytes, above what was alive when it began
        self.left = 0  # bytes that stacks have at its end above what they had when it began

    def begin(self) -> None:
        """Raises ArgumentError where a recording is on that takes samples."""
        with _lock:
            if not _record() and self._by_stack:
                gc.collect()  # garbage would hide what is left, and so would objects made from free lists
            renew_peak()
            traced = now()["traced"]
            if self._by_stack:
                self._before = sums()
                self._own = now()["traced"] - traced
            _settle(traced)
            trace._regions.append(self)
            self.birth = now()["births"]
            self._base = now()["traced"]

    def finish(self) -> None:
        """Measures. What is garbage is collected before it counts as left.

        Raises:
            Error: the recording was cleared, stopped or switched meanwhile.
        """
        with _lock:
            renew_peak()
            self._is_over = True
            for _ in range(_COLLECTIONS):
                if not gc.collect():
                    break
            if self.is_lost:
                raise Error("the recording was stopped or cleared meanwhile: what was needed is not known")
            traced = now()["traced"]
            self._left = sums()
            self.left = max(sum(size for size, _, _ in self._more(self._left)) - self._own, 0)
            _settle(traced)

    def close(self) -> None:
        """Ends it, and the recording if nobody else needs it."""
        with _lock:
            if self not in trace._regions:
                return
            trace._regions.remove(self)
            if _started == trace._starts and not trace._regions:
                trace.stop()
            traced = now()["traced"]
            self._before = self._at_peak = self._left = _NOTHING
            _settle(traced)

    def at_peak(self, least: int) -> list[Stack]:
        """Who had allocated at least so many bytes of what was alive at the peak, the most first; until close()."""
        return self._stacks(self._at_peak, least)

    def left_behind(self, least: int) -> list[Stack]:
        """Who allocated at least so many bytes of what is left, the most first; until close()."""
        return self._stacks(self._left, least)

    def _more(self, table: memoryview[int]) -> Iterator[tuple[int, int, int]]:
        """Bytes, blocks and number of each stack that has more than before."""
        sizes, counts = _by_number(table)
        sizes_before, counts_before = _by_number(self._before)
        for number, size in sizes.items():
            more = size - sizes_before.get(number, 0)
            if more > 0:
                yield more, counts[number] - counts_before.get(number, 0), number

    def _stacks(self, table: memoryview[int], least: int) -> list[Stack]:
        sums: dict[Rows, tuple[int, int]] = {}  # the recorder tells instructions of a line apart
        for size, count, number in self._more(table):
            rows = _frames(number)
            size_before, count_before = sums.get(rows, (0, 0))
            sums[rows] = size + size_before, count + count_before
        stacks = [Stack(rows, *both) for rows, both in sums.items() if both[0] >= least]
        stacks.sort(key=lambda stack: -stack.size)
        return [stack for stack in stacks if not stack.frames or not is_own(stack.frames[0])]


def _frames(number: int) -> Rows:
    return trace._without_runner(call(lambda c: c.trace_frames(number)))


def _by_number(table: memoryview[int]) -> tuple[dict[int, int], dict[int, int]]:
    """Bytes and blocks by stack."""
    sizes: dict[int, int] = {}
    counts: dict[int, int] = {}
    for number, size, count in zip(table[::3], table[1::3], table[2::3], strict=True):
        sizes[number] = sizes.get(number, 0) + size
        counts[number] = counts.get(number, 0) + count
    return sizes, counts


def is_own(frame: trace.Frame) -> bool:
    """Whether it is one of tonnage's."""
    return frame.file.startswith(__file__.removesuffix("_region.py"))
