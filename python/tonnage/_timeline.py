"""Samples of a process before its snapshot."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tonnage._core import Snapshot as Core


@dataclass(frozen=True, slots=True)
class Sample:
    """A point of the time line; None where unknown."""

    time_ns: int
    """Nanoseconds of the clock of time.monotonic_ns(), and of the fact capture.monotonic_ns."""
    rss: int | None
    """Resident set in bytes."""
    traced: int | None
    """Bytes that the recorder traced."""
    generations: tuple[int | None, int | None, int | None]
    """What the garbage collector counts, the youngest generation first."""
    threads: int | None
    """Threads of the process."""


def read(core: Core) -> tuple[Sample, ...]:
    """All samples, in order of time."""
    return tuple(Sample(*row) for row in core.times())
