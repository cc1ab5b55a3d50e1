"""Where the program's time goes: samples of the stacks of all threads, on and off while it runs.

    >>> from tonnage import sample
    >>> with sample.start():                   # doctest: +SKIP
    ...     work()
    >>> print(sample.save().profile())         # doctest: +SKIP

`tonnage sample app.py`, `tonnage run --sample` and the variable TONNAGE_SAMPLE start it before the program does.
docs/sample.md tells what the clocks mean, what it costs, and where it ends. Importing this module is cheap: the sampler
is loaded when first used.
"""

from __future__ import annotations

import atexit
import os
import time

from tonnage import trace
from tonnage._records import Record as _Record
from tonnage._records import call as _call
from tonnage._records import wrong as _wrong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

    from tonnage._snapshot import Snapshot

__all__ = ["CLOCKS", "Sampling", "Status", "clear", "is_on", "save", "start", "status", "stop"]

CLOCKS = ("prof", "real", "virtual", "gil", "alloc")
_NUMBERS = {"real": 0, "prof": 1, "virtual": 2, "gil": 3}  # the sampler's
_began = False
_current: Sampling | None = None  # the last that was started
_forks_watched = False


class Status(_Record):
    """What was sampled, and what that took.

    on: whether it goes on; clock; interval: seconds or, of the clock alloc, bytes, 0 where each block is recorded;
    seconds: how long it was on; ticks; missed: those that came too late, whose time the next one has; samples;
    rejected: samples that could not be read, by cause; lost: samples without a stack of their own, since there were too
    many; threads: how many were seen; own_seconds: processor time of the sampler; own_bytes: its memory. None: not
    known, as most of the clock alloc.
    """

    __slots__ = (
        "clock", "interval", "lost", "missed", "on", "own_bytes", "own_seconds", "rejected", "samples", "seconds",
        "threads", "ticks",
    )  # fmt: skip

    clock: str
    interval: float
    lost: int | None
    missed: int | None
    on: bool
    own_bytes: int
    own_seconds: float
    rejected: dict[str, int]
    samples: int | None
    seconds: float
    threads: int | None
    ticks: int | None

    @property
    def overhead(self) -> float:
        """Processor time of the sampler, as a share of the time it was on."""
        return self.own_seconds / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        from tonnage._settings import show_interval

        interval = self.interval if self.clock == "alloc" else self.interval * 1e9
        each = f"each {show_interval(self.clock, round(interval))}" if interval else "exactly"
        words = [f"{self.seconds:.1f} s by {self.clock} {each}"]
        words += [] if self.samples is None else [f"{self.samples} samples"]
        counts = {"missed ticks": self.missed, "rejected": sum(self.rejected.values()), "lost": self.lost}
        words += [f"{name}: {count}" for name, count in counts.items() if count]
        return ", ".join([*words, f"overhead {self.overhead * 100:.2f} %"])


class Sampling:
    """Samples until it is stopped. A context manager, which stops it at the end; what was sampled stays."""

    __slots__ = ("_began_ns", "_cost", "_ended_ns", "_kept", "_owns_trace", "_timed", "clock", "interval")

    def __init__(self, clock: str, interval: float, owns_trace: bool, timed: bool) -> None:
        self.clock = clock
        self.interval = interval  # seconds or, of the clock alloc, bytes; 0: each block
        self._owns_trace = owns_trace
        self._timed = timed
        self._began_ns = time.monotonic_ns()
        self._ended_ns = 0
        self._kept: Snapshot | None = None  # of a recorder that is stopped, which has forgotten all
        self._cost: trace.Cost | None = None

    @property
    def active(self) -> bool:
        """Whether it still samples."""
        return _current is self and not self._ended_ns

    def stop(self) -> None:
        """Samples no more. Stopping again does nothing."""
        self._stop(keep=True)

    def _stop(self, keep: bool) -> None:
        if not self.active:
            return
        self._ended_ns = time.monotonic_ns()
        if self._timed:
            from tonnage import _helper

            _helper.cancel("sample")
        if self.clock == "alloc":
            self._stop_bytes(keep)
        else:
            _call(lambda c: c.sample_stop())

    def _stop_bytes(self, keep: bool) -> None:
        try:
            if keep and self._owns_trace and trace.is_on():
                self._cost = trace.cost()
                self._kept = _write(None, False)
        finally:
            _call(lambda c: c.sample_bytes(False))
            if self._owns_trace:
                trace.stop()

    def save(self, path: str | os.PathLike[str] | None = None, *, force: bool = False) -> Snapshot:
        """See `tonnage.sample.save`."""
        return save(path, force=force)

    def _status(self) -> Status:
        """Of the clock alloc, whose sampler is the recorder of allocations."""
        cost = self._cost or trace.cost()
        seconds = ((self._ended_ns or time.monotonic_ns()) - self._began_ns) / 1e9
        own = sum(cost.own.values()), sum(cost.seconds.values())
        return Status(self.clock, self.interval, None, None, self.active, *own, {}, None, seconds, None, None)

    def __enter__(self) -> Sampling:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<tonnage.sample.Sampling by {self.clock}{'' if self.active else ', stopped'}>"


def start(
    clock: str | None = None,
    interval: float | str | None = None,
    *,
    max_stacks: int | None = None,
    duration: float | str | None = None,
) -> Sampling:
    """Samples all Python threads of the process from now on.

    Started again by the same clock of time it goes on with what was sampled before; any other start forgets that.

    Args:
        clock: "prof": processor time of each thread; "virtual": without that of the system; "real": time that passes,
            also while a thread waits; "gil": time that passes, of the thread that holds the interpreter's lock;
            "alloc": bytes allocated, by the recorder of `tonnage.trace`. None: "alloc" where the interval is a size,
            else "prof".
        interval: time between samples: seconds or text such as "1ms"; of "alloc" bytes, or text such as "64KiB".
            None: 10 ms, or 512 KiB.
        max_stacks: how many stacks, by thread and task, are told apart; what comes more is `<lost>`. None: 65536.
        duration: it stops by itself after so many seconds, or text such as "5m". None: it does not.

    Returns:
        A handle, whose `stop()` ends it, as leaving a with block does that it opened.

    Raises:
        ArgumentError: it samples already, or an argument makes no sense.
        VersionError: this interpreter is not supported.
        RuntimeError: with a duration, while the interpreter ends, or when the system gives no thread.

    Cost: docs/sample.md.

    Example:
        >>> with sample.start("real", "5ms"):  # doctest: +SKIP
        ...     work()
    """
    from tonnage._settings import Settings

    clock, distance = check(clock, interval)
    said = Settings()
    try:
        said.read_call({"sample_stacks": max_stacks, "sample_duration": duration})
    except ValueError as error:
        raise _wrong(error) from None
    if is_on():
        raise _wrong(f"it samples already, by {_current.clock if _current else 'a clock'}: stop it first")
    return _start(clock, distance, said.sample_stacks, said.sample_duration)


def check(clock: str | None, interval: float | str | None) -> tuple[str, int]:
    """What `start` makes of them: the clock, and nanoseconds or, of the clock alloc, bytes. Raises ArgumentError."""
    from tonnage._settings import read_interval

    if clock is not None and clock not in CLOCKS:
        raise _wrong(f"unknown clock {clock!r}: it is {', '.join(CLOCKS[:-1])} or {CLOCKS[-1]}")
    try:
        return read_interval(clock, interval)
    except ValueError as error:
        raise _wrong(error) from None


def _start(clock: str, distance: int, max_stacks: int, duration: float | None) -> Sampling:
    global _began, _current
    interval, owns_trace = distance / 1e9, False
    if clock == "alloc":
        interval, owns_trace = _start_bytes(distance)
    else:
        _call(lambda c: c.sample_start(_NUMBERS[clock], distance, max_stacks))
    _began = True
    _current = sampling = Sampling(clock, interval, owns_trace, duration is not None)
    if duration is not None:
        from tonnage import _helper

        try:
            _helper.schedule("sample", duration, sampling.stop)
        except RuntimeError:
            sampling.stop()
            raise
        _watch_forks()
    return sampling


def _start_bytes(distance: int) -> tuple[int, bool]:
    """What bytes are sampled by, 0: each block is recorded; and whether it was switched on for that."""
    owns_trace = not trace.is_on()
    if owns_trace:
        trace.start(distance)
    _call(lambda c: c.sample_clear())  # what is of another clock, as the sampler does by itself
    _call(lambda c: c.sample_bytes(True))
    now = _call(lambda c: c.trace_now())
    return (now["interval"] if now["mode"] == "sampled" else 0), owns_trace


def end_in_child() -> None:
    """In a process that is forked, where nobody asks for samples: they end, and nothing is kept of them."""
    if _current is not None:
        _current._stop(keep=False)


def _watch_forks() -> None:
    """A duration is over in a process that is forked: nothing in it would end it."""
    global _forks_watched
    if not _forks_watched:
        _forks_watched = True
        os.register_at_fork(after_in_child=lambda: end_in_child() if _current and _current._timed else None)


@atexit.register  # now: handlers of later come before it, and the last snapshot is taken by one
def _end() -> None:
    if _began:
        _call(lambda c: c.sample_stop())


def stop() -> None:
    """Samples no more; `save` still has what was sampled. Does nothing when it is off."""
    if _current is not None:
        _current.stop()


def is_on() -> bool:
    """Whether it samples, by any clock."""
    if _current is not None and _current.clock == "alloc":
        return _current.active
    return bool(_call(lambda c: c.sample_status()).get("on"))


def clear() -> None:
    """Forgets what was sampled; sampling goes on where it is on. A trace that was on before is left alone."""
    current = _current
    if current is not None and current._kept is not None:
        current._kept.close()
        current._kept = None
    if current is not None and current.active and current._owns_trace:
        trace.clear()
    _call(lambda c: c.sample_clear())


def status() -> Status | None:
    """What was sampled and what that took; None: nothing was."""
    if _current is not None and _current.clock == "alloc":
        return _current._status()
    found = _call(lambda c: c.sample_status())
    if not found:
        return None
    return Status(
        found["clock"],
        found["interval_ns"] / 1e9,
        found["lost_stacks"],
        found["missed"],
        bool(found["on"]),
        found["own_bytes"],
        found["own_cpu_ns"] / 1e9,
        dict(found["rejected"]),
        found["samples"],
        found["duration_ns"] / 1e9,
        found["threads"],
        found["ticks"],
    )


def save(path: str | os.PathLike[str] | None = None, *, force: bool = False) -> Snapshot:
    """Writes what was sampled until now, and what allocations are recorded, to a file without objects.

    Under `tonnage run --redact` it has no names of files and functions.

    Args:
        path: the file to make; it appears when it is whole, readable by its owner only. None: a file without a name in
            the temporary folder (`TMPDIR`), gone when the snapshot is closed.
        force: replace an existing file.

    Returns:
        The file, opened: `.profile()` has its tables, `.export()` writes it for other programs.

    Raises:
        ArgumentError: nothing was sampled.
        ExistsError: path exists and force is false.
        FileError: it cannot be written; none is left.

    Example:
        >>> sample.save("app.tonnage")  # doctest: +SKIP
    """
    kept = None if _current is None else _current._kept
    if kept is not None:
        return _copy(kept, path, force)
    if not trace.is_on() and not _call(lambda c: c.sample_status()):
        raise _wrong("nothing was sampled: tonnage.sample.start() does it")
    return _write(path, force)


def _copy(kept: Snapshot, path: str | os.PathLike[str] | None, force: bool) -> Snapshot:
    from tonnage._snapshot import Snapshot, load

    if path is None:
        return Snapshot(os.dup(kept._fd), None)
    kept.save(path, force)
    return load(path)


def _write(path: str | os.PathLike[str] | None, force: bool) -> Snapshot:
    from tonnage import _files
    from tonnage._snapshot import Snapshot, load
    from tonnage._take import defaults

    if path is not None:
        name = os.path.abspath(os.fspath(path))
        _call(lambda c: c.sample_save(name, -1, force, defaults.redact))
        return load(name)
    fd = _files.open_unlinked()
    try:
        _call(lambda c: c.sample_save(None, fd, False, defaults.redact))
    except BaseException:
        os.close(fd)
        raise
    return Snapshot(fd, None)
