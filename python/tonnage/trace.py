"""Which code allocated what is alive.

    >>> from tonnage import trace
    >>> trace.start()                          # exact, all frames; trace.start("sampled") can stay on
    >>> x = [0] * 1000
    >>> print(trace.site_of(x))                # doctest: +SKIP
      File "app.py", line 3, in <module>
    >>> trace.stop()

`tonnage run --trace` and the variable TONNAGE_TRACE start it before the program does. docs/trace.md tells what is
recorded, what it costs, and where it ends. Importing this module is cheap: the recorder is loaded when first used.
"""

from __future__ import annotations

import atexit

from tonnage import _records

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from tonnage._region import Region
    from tonnage._snapshot import Snapshot

__all__ = [
    "Cost",
    "Frame",
    "Memory",
    "Site",
    "clear",
    "cost",
    "is_on",
    "memory",
    "reset_peak",
    "save",
    "site_of",
    "start",
    "stop",
    "switch",
]

_Record = _records.Record
_call = _records.call
_wrong = _records.wrong
FREE_LISTS = ("ignore", "track", "flush")
_INTERVAL_MAX = 1 << 40
_DEPTH_MAX = (1 << 31) - 1
_starts = 0
_regions: list[Region] = []  # stretches of the program that are measured now (_region.py)
_peak_before = 0  # the high-water mark when one of them made it begin anew


class Frame(_Record):
    """A call on a recorded stack: file, line, name, qualified_name.

    Names such as <main thread> have neither file nor line. The line is None where the instruction has none.
    """

    __slots__ = ("file", "line", "name", "qualified_name")

    file: str
    line: int | None
    name: str
    qualified_name: str

    def __str__(self) -> str:
        return f'File "{self.file}", line {self.line or "?"}, in {self.name}' if self.file else self.name


class Site(_Record):
    """Where an object was allocated: frames, the innermost first; birth, its number among all allocations, or None.

    size is what was asked for from the allocator for the object itself; interval the mean distance of samples in bytes
    when it was one, else None. maybe_stale: the interpreter keeps dead objects of this type for the next: it may be
    made of such, elsewhere, and the frames are those of the one before.
    """

    __slots__ = ("birth", "frames", "interval", "maybe_stale", "size")

    birth: int | None
    frames: tuple[Frame, ...]
    interval: int | None
    maybe_stale: bool
    size: int

    def __str__(self) -> str:
        """As a traceback: the innermost last."""
        return "\n".join(f"  {frame}" for frame in reversed(self.frames))


class Memory(_Record):
    """In bytes: traced now, its peak since the start, the resident set of the process, and own, the recorder's part.

    `Cost.own` is what the recorder has mapped, of which not all is resident.
    """

    __slots__ = ("own", "peak", "process", "traced")

    own: int
    peak: int
    process: int
    traced: int


class Cost(_Record):
    """What recording takes: own bytes by part, calls and seconds by kind of call, and what was dropped by cause.

    Own bytes are those mapped; `Memory.own` is what of them is resident. Seconds are extrapolated from one call in
    1024. reconnected: how often another tool had taken our hooks out.
    """

    __slots__ = ("calls", "dropped", "own", "reconnected", "seconds")

    calls: dict[str, int]
    dropped: dict[str, int]
    own: dict[str, int]
    reconnected: int
    seconds: dict[str, float]


def _mode(mode: str | int | None) -> tuple[str, int]:
    """The recorder's mode, and its interval; 0: the recorder's own."""
    if mode is None or mode == "exact":
        return "exact", 0
    if mode == "sampled":
        return "sampled", 0
    if isinstance(mode, bool) or not isinstance(mode, int):
        raise _wrong(f"mode must be 'exact', 'sampled' or a number of bytes, not {mode!r}")
    if not 1 <= mode <= _INTERVAL_MAX:
        raise _wrong(f"{mode} bytes between samples are out of range: 1 to {_INTERVAL_MAX}")
    return "sampled", mode


def start(mode: str | int | None = None, *, depth: int | None = None, free_lists: str = "ignore") -> None:
    """Records allocations from now on. What was allocated before is not known, and its end is no concern.

    Args:
        mode: "exact", which None is, too: every allocation. "sampled": one in 512 KiB on average, by chance, cheap
            enough to stay on; a number of bytes: one in so many. Sums of samples are estimates without bias.
        depth: how many of the innermost frames are kept. None: all.
        free_lists: the interpreter keeps some dead objects, in their blocks, for the next of their type. "ignore": such
            an object seems to be made where the one before was; "track": it gets its own stack (Python 3.13 and
            later); "flush": as "ignore", but the lists are emptied before each snapshot, `clear` and `reset_peak`.

    Raises:
        ArgumentError: it records already, or an argument makes no sense.
        VersionError: this interpreter is not supported, or does not tell of its free lists.
        NoMemoryError: there is no memory for the recorder.

    Cost: docs/trace.md.

    Example:
        >>> trace.start("sampled")  # doctest: +SKIP
    """
    name, interval = _mode(mode)
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, int)):
        raise TypeError(f"depth must be an int or None, not {type(depth).__name__}")
    if depth is not None and not 1 <= depth <= _DEPTH_MAX:
        raise _wrong(f"depth must be at least 1 frame, not {depth}")
    if free_lists not in FREE_LISTS:
        raise _wrong(f"unknown way with free lists {free_lists!r}: it is ignore, track or flush")
    global _starts, _peak_before
    _call(lambda c: c.trace_start(name, depth=depth or 0, interval=interval, free_lists=free_lists))
    _starts += 1
    _peak_before = 0


@atexit.register  # now: handlers of later come before it, and the last snapshot is taken by one
def _end() -> None:
    if _starts:
        stop()


def stop() -> None:
    """Records no more, and forgets what was recorded. Does nothing when it is off."""
    if is_on():
        _forget()
        _call(lambda c: c.trace_stop())


def _forget() -> None:
    """What is recorded is about to be lost: regions that began before cannot be measured any more."""
    global _peak_before
    _peak_before = 0
    for region in _regions:
        region.is_lost = True


def is_on() -> bool:
    """Whether allocations are recorded."""
    return bool(_call(lambda c: c.trace_mode()) != "off")


def clear() -> None:
    """Forgets blocks and sums: what is allocated now is unknown from then on. Recording goes on."""
    _forget()
    _call(lambda c: c.trace_clear())


def reset_peak() -> None:
    """The high-water mark begins with what is alive now."""
    global _peak_before
    if _regions:
        from tonnage._region import renew_peak

        renew_peak()
    _peak_before = 0
    _call(lambda c: c.trace_reset_peak())


def switch(mode: str | int) -> None:
    """Another mode, as for `start`, while recording goes on.

    From exact to sampled, what is alive stays known by sample; to exact nothing does: it begins anew. Another interval
    keeps samples, and fewer where it is larger.

    Raises:
        ArgumentError: nothing is recorded, or the mode makes no sense.
    """
    name, interval = _mode(mode)
    _call(lambda c: c.trace_switch(name, interval))
    _forget()


def memory() -> Memory:
    """Traced memory now and at its peak, that of the process, and the recorder's own; traced 0 when it is off."""
    now, cost = _call(lambda c: (c.trace_now(), c.trace_cost()))
    return Memory(cost["resident"], max(now["peak"], _peak_before), now["process"], max(now["traced"], 0))


def cost() -> Cost:
    """What the recorder itself takes, and what it had to drop."""
    now, found = _call(lambda c: (c.trace_now(), c.trace_cost()))
    parts: dict[str, dict[str, int]] = {}
    for name, value in found.items():
        part, dot, rest = name.partition(".")
        if dot:
            parts.setdefault(part, {})[rest] = value
    seconds = {name: value / 1e9 for name, value in parts["ns"].items()}
    return Cost(parts["calls"], parts["dropped"], parts["own"], now["reconnected"], seconds)


def save(path: str | os.PathLike[str] | None = None, *, force: bool = False) -> Snapshot:
    """Writes sums of what is recorded, by stack, to a file without objects: some kilobytes, in milliseconds.

    It has what `sites`, `creators`, `temporary`, `peak` and `profile` tell, and what is sampled. Blocks one by one
    it has not: who keeps them, and how old they are, a snapshot tells.

    Args:
        path: the file to make; it appears when it is whole, readable by its owner only. None: a file without a name in
            the temporary folder (`TMPDIR`), gone when the snapshot is closed.
        force: replace an existing file.

    Raises:
        ArgumentError: nothing is recorded.
        ExistsError: path exists and force is false.
        FileError: it cannot be written; none is left.

    Cost: a pass over stacks, not over blocks.

    Example:
        >>> trace.save("app.tonnage")  # doctest: +SKIP
    """
    from tonnage import sample

    if not is_on():
        raise _wrong("nothing is recorded: tonnage.trace.start() does it")
    return sample._write(path, force)


def _without_runner(rows: tuple[tuple[str, int, str, str], ...]) -> tuple[tuple[str, int, str, str], ...]:
    """The program's part of a stack: without the frames of `tonnage run` that started it, as in a snapshot."""
    runner = __file__.removesuffix("trace.py") + "_run.py"
    at = next((i for i, row in enumerate(rows) if row[0] == runner), 0)
    return rows[:at] + rows[-1:] if at else rows


def site_of(x: object) -> Site | None:
    """Where a live object was allocated.

    Args:
        x: any object. One that stands in another (a view into an array) has no block of its own.

    Returns:
        Its stack, birth and size; None: it is older than the recording or no sample, stands in static memory, or
        recording is off.

    Example:
        >>> site = trace.site_of(x)  # doctest: +SKIP
        >>> site.frames[0].line      # doctest: +SKIP
        3
    """
    found = _call(lambda c: c.trace_site_of(x))
    if found is None:
        return None
    stack, birth, size, interval, maybe_stale = found
    rows = _without_runner(_call(lambda c: c.trace_frames(stack)))
    frames = tuple(Frame(file, line or None, name, qualname) for file, line, name, qualname in rows)
    return Site(birth or None, frames, int(interval) or None, maybe_stale, size)
