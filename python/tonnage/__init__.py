"""What is in the memory of this process?

    >>> import tonnage
    >>> snapshot = tonnage.snapshot()          # doctest: +SKIP
    >>> snapshot.summary()                     # doctest: +SKIP
    >>> snapshot.save("now.tonnage")           # doctest: +SKIP

`python -m tonnage run script.py` takes one at the end of a program. Importing this module is cheap: capturing and
reading are loaded when first used.

(PYTEST_DONT_REWRITE: pytest, whose plugin is in here, would warn where tonnage was imported before it.)
"""

from __future__ import annotations

from tonnage import sample, trace
from tonnage._errors import (
    ArgumentError,
    BudgetExceeded,
    Busy,
    CorruptError,
    Error,
    ExistsError,
    FileError,
    FormatError,
    InterruptedCapture,
    LimitError,
    MissingPackageError,
    NoMemoryError,
    NotFoundError,
    NotPermittedError,
    TruncatedError,
    VersionError,
)
from tonnage._object import Object, Objects
from tonnage._reference import Reference, References
from tonnage._size import DeepSize, deep_size, size_of
from tonnage._snapshot import Snapshot, import_dump, load
from tonnage._take import take as _take
from tonnage._threads import Frame, Thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from tonnage._budget import Budget
    from tonnage._cost import InstanceCost
    from tonnage._diff import Diff, Growth
    from tonnage._garbage import Garbage
    from tonnage._growing import Growing
    from tonnage._grows import Grown
    from tonnage._live_text import Target
    from tonnage._picture import Picture
    from tonnage._recorder import Recording
    from tonnage._sets import ObjectSet
    from tonnage._snapshot_task import SnapshotTask
    from tonnage._timer import Timer
    from tonnage._top import Top
    from tonnage._tracker import Tracker
    from tonnage._user_data import Row

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "BudgetExceeded",
    "Busy",
    "CorruptError",
    "DeepSize",
    "Error",
    "ExistsError",
    "FileError",
    "FormatError",
    "Frame",
    "Garbage",
    "Growing",
    "InterruptedCapture",
    "MissingPackageError",
    "LimitError",
    "NoMemoryError",
    "NotFoundError",
    "NotPermittedError",
    "Object",
    "Objects",
    "Reference",
    "References",
    "Snapshot",
    "SnapshotTask",
    "Thread",
    "Top",
    "Tracker",
    "TruncatedError",
    "VersionError",
    "__version__",
    "budget",
    "cost_of",
    "deep_size",
    "diff",
    "every",
    "growth",
    "grows",
    "import_dump",
    "load",
    "load_ipython_extension",
    "process_memory",
    "sample",
    "show_backrefs",
    "show_refs",
    "size_of",
    "snapshot",
    "timer",
    "trace",
]


def snapshot(
    path: str | os.PathLike[str] | None = None,
    *,
    mode: str | None = None,
    previews: int | None = None,
    redact: bool | None = None,
    of: object = None,
    force: bool = False,
    threads: int | None = None,
    scan: bool | None = None,
    user_data: Iterable[Row] | None = None,
) -> Snapshot:
    """Takes a snapshot of this process.

    Args:
        path: the file to make; it appears when it is whole, readable by its owner only. None: a file without a name in
            the temporary folder (`TMPDIR`), gone when the snapshot is closed; `save()` gives it a name. Under `tonnage
            run`: tonnage-PID-N.tonnage in the current folder, and a line on standard error that names it.
        mode: "stop": in place; no Python code runs meanwhile. "fork": a forked child walks its copy of the memory, and
            the program pauses for the fork only, but may need more memory while the child works. "auto": stop where
            the pause is expected to stay under 100 ms, else fork if there is memory for it. None: "auto", or what
            `tonnage run` was told. Which one it was is in `.mode`.
        previews: longest piece of the value of a str, bytes or number that is kept, in bytes; 0: none. None: 80,
            or what `tonnage run` was told.
        redact: keep no text of the process at all, except names of types. None: False, or what `tonnage run` was told.
        of: an object, or a list of objects: only what they reach, themselves included, goes into the file. To start
            at a list itself, give a list with it inside. None: everything.
        force: replace an existing file.
        threads: how many threads share the work, this one included, 1 to 16. None: one for each processor that this
            thread may run on, at most 4, and one alone for a small heap. Helper threads run no Python code, take no
            signals and are gone when the call returns.
        scan: guess what objects of extension types hold that tell the interpreter nothing of their references: each
            word of theirs that is the address of an object counts as a reference of kind "guessed"; and look for
            pointers outside of objects to what has a higher reference count than references (`Snapshot.audit`). None:
            False, or what `tonnage run` was told.
        user_data: figures that the program tells of itself, rows (title, format, number), where format is "size",
            "count" or "number". `.user_data` has them, `tonnage info` and `diff` show them.

    Returns:
        The snapshot, ready to be read; nothing of it is loaded yet.

    Raises:
        ExistsError: path exists and force is false.
        Busy: called while the interpreter collects garbage (from a finalizer), or by a signal handler that interrupted
            a capture; take it later. The capture of another thread is waited for.
        VersionError: this interpreter is not supported.
        ImportError, VersionError: called in another interpreter than the main one.
        LimitError: mode is "fork", and the limits of the container could end the program with its child.
        InterruptedCapture: the forked child died; no file is left.
        FileError: the file cannot be written; none is left.

    Cost: stop: a pause of some hundred nanoseconds and less than 64 bytes an object; the memory is given back. fork: a
        pause of 10 to 40 ms for each GB of the process; then each page that the program writes to is copied once.

    Example:
        >>> import tonnage
        >>> with tonnage.snapshot() as s:      # doctest: +SKIP
        ...     print(s.summary(limit=5))
    """
    roots = None if of is None else tuple(of) if isinstance(of, list) else (of,)
    return _take(path, mode, previews, redact, roots, force, threads, scan, user_data=user_data)


def diff(
    snapshots: Sequence[Snapshot | str | os.PathLike[str]],
    *,
    by: str = "type",
    where: str | None = None,
    limit: int = 20,
    sort: str | None = None,
) -> Diff | Growth:
    """What changed between two snapshots, or grew over more of them.

    Args:
        snapshots: snapshots or their files, the oldest first.
        by: what objects of a row have in common: any kind of `ObjectSet.by` but heads.
        where: only objects of this selection (docs/selection.md), in all of them.
        limit: rows, 0 for all.
        sort: a column; "-" before it turns the order around.

    Returns:
        Of two a Diff, with the sets `new`, `gone` and `survived`; of more a Growth, with slopes by type, the set
        `grown` and the collections that only grow. Printing writes the page of `tonnage diff`.

    Raises:
        ArgumentError: fewer than two, or a column or a selection that makes no sense.

    Cost: a pass over the columns of each two neighbours.

    Example:
        >>> tonnage.diff(["app-1.tonnage", "app-2.tonnage", "app-3.tonnage"])  # doctest: +SKIP
    """
    from tonnage import _diff

    return _diff.diff(snapshots, {"by": by, "where": where, "limit": limit, "sort": sort})


def grows(func: Callable[[], object], *, times: int = 7, warmup: int = 2) -> Grown:
    """Whether memory grows each time a function is called.

    Calls it `warmup` times, then twice `times` times; after each of the three it collects garbage and takes a snapshot.
    What grows by at least one object a call in both halves is reported: what a first call makes for good is not.

    Args:
        func: called without arguments.
        times: calls of a half; an uncommon number keeps what grows by chance apart.
        warmup: calls before the first snapshot.

    Returns:
        What grew: `types`, `collections`, and `objects`, the set of new ones. It is false when nothing did.

    Cost: three snapshots that stop the program, and the calls.

    Example:
        >>> assert not tonnage.grows(lambda: sorted([2, 1]))  # doctest: +SKIP
    """
    from tonnage import _grows

    return _grows.grows(func, times, warmup)


def growth(
    count: int = 10,
    file: Target = None,
    *,
    color: bool | None = None,
    sort: str = "growth",
    shortnames: bool = False,
    where: str | None = None,
) -> None:
    """Shows the types of which there are more objects than at any call before.

    The first call has nothing to compare with, and tells the totals. Arguments and cost are those of `Growing`; calls
    with another `where` have a history of their own.

    Example:
        >>> tonnage.growth()   # doctest: +SKIP
        >>> work()             # doctest: +SKIP
        >>> tonnage.growth()   # doctest: +SKIP
    """
    from tonnage import _growing

    _growing.growth(count, file, color, sort, shortnames, where)


def process_memory() -> int | None:
    """The resident set of this process in bytes, as Linux counts it; None: /proc cannot be read.

    Example:
        >>> tonnage.process_memory()   # doctest: +SKIP
        25153536
    """
    from tonnage import _recorder

    return _recorder.resident() or None


def budget(limit: int | str) -> Budget:
    """A block, or a function, that may need so much memory and no more.

    Allocations are recorded exactly meanwhile (docs/trace.md). A recording that is on is used and goes on; else one is
    started for the block. All threads of the process count. Budgets may stand inside one another.

    Args:
        limit: what may be alive at once above what was alive before: bytes, or text such as "50 MB" (binary: 1 MB is
            1048576 bytes).

    Returns:
        A context manager with `peak` and `left` in bytes, and a decorator: each call of the function has this budget.

    Raises:
        ArgumentError: the limit makes no sense; or, where the block begins, a recording is on that takes samples.
        BudgetExceeded: where the block ends: it needed more. An AssertionError; the text has who allocated what was
            alive then. A block that raises something keeps its own exception.
        Error: where the block ends: the recording was stopped or cleared within.

    Cost: that of exact recording, and a collection of garbage where the block ends.

    Example:
        >>> with tonnage.budget("50 MB") as budget:  # doctest: +SKIP
        ...     load()
        >>> budget.peak, budget.left                 # doctest: +SKIP
        (31457280, 1024)
    """
    from tonnage._budget import Budget

    return Budget(limit)


def cost_of(factory: Callable[[], object], n: int = 100_000) -> InstanceCost:
    """What one more object costs, with all that is allocated for it alone.

    Makes n of them in ten batches, each of which is dropped before the next, and takes the mean growth of what is
    recorded as alive; the interval is from how much batches differ. What first calls make for good does not count,
    nor what all instances share.

    Args:
        factory: called without arguments; what it returns is kept until its batch is measured.
        n: instances, 10 or more.

    Returns:
        `InstanceCost`: bytes, interval, blocks and n. Bytes are as asked for from Python's allocators, headers before
        objects included; what the allocator rounds up is not (docs/size.md), nor what C code takes from malloc itself.

    Raises:
        ArgumentError: n is too small, or a recording is on that takes samples.

    Cost: the calls, recorded exactly, and a collection of garbage before and after each batch. Other threads that
        allocate meanwhile widen the interval.

    Example:
        >>> print(tonnage.cost_of(lambda: [None] * 3))  # doctest: +SKIP
        80.0 B in 2.00 blocks (95 % interval 80.0 to 80.0 B, n=100000)
    """
    from tonnage import _cost

    return _cost.cost_of(factory, n)


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext tonnage` in IPython: from then on `%%tonnage` shows what a cell needed and what it keeps."""
    from tonnage import _notebook

    _notebook.load(shell)


def show_refs(
    objs: object,
    *,
    filename: str | os.PathLike[str] | None = None,
    max_depth: int = 3,
    too_many: int = 10,
    limit: int = 0,
    filter: str | ObjectSet | Callable[[Object], object] | None = None,
    highlight: str | ObjectSet | Callable[[Object], object] | None = None,
    extra_info: Callable[[Object], object] | None = None,
    refcounts: bool = False,
    shortnames: bool = True,
) -> str | Picture:
    """Draws what live objects refer to.

    Takes a snapshot, which is read and gone with the picture.

    Args:
        objs: an object, or a list or tuple of objects, which is itself not drawn.
        filename: the picture goes there, in the format of the name's end: .dot, or .svg, .png, .pdf, .ps, .eps, .jpg
            where Graphviz is installed. A line with the name and the number of nodes is printed. None: no file.
        max_depth: levels of objects.
        too_many: objects drawn next to one; a node tells how many more there are.
        limit: objects of the list that the picture begins with, the largest ones; 0: all.
        filter: only these objects besides those asked for: a selection (docs/selection.md), or a function that is
            given an `Object` of the snapshot; its `obj` is the live one.
        highlight: objects to be marked, told in the same way.
        extra_info: a function that gives one more line for an object.
        refcounts: tell the reference count of each object.
        shortnames: types without their modules.

    Returns:
        The name; without a filename the picture, which shows itself in a notebook and has `save()` and `dot`.

    Raises:
        ArgumentError: the name ends in something else, or a number makes no sense.
        NotFoundError: Graphviz is not there, or an object is one of tonnage's own.
        FileError: the file cannot be written.

    Cost: that of `tonnage.snapshot()`, and Graphviz.

    Example:
        >>> tonnage.show_refs([{"a": [1, 2]}], filename="refs.svg")  # doctest: +SKIP
        Graph written to refs.svg (4 nodes)
        'refs.svg'
    """
    from tonnage._picture import show

    return show(
        "refs", objs, filename, max_depth, too_many, limit, filter, highlight, extra_info, refcounts, shortnames
    )


def show_backrefs(
    objs: object,
    *,
    filename: str | os.PathLike[str] | None = None,
    max_depth: int = 3,
    too_many: int = 10,
    limit: int = 0,
    filter: str | ObjectSet | Callable[[Object], object] | None = None,
    highlight: str | ObjectSet | Callable[[Object], object] | None = None,
    extra_info: Callable[[Object], object] | None = None,
    refcounts: bool = False,
    shortnames: bool = True,
) -> str | Picture:
    """Draws what refers to live objects, up to modules, classes and frames.

    Weak references are dashed. Arguments, results, errors and cost are those of `show_refs`.

    Example:
        >>> tonnage.show_backrefs(session, filename="who.svg", highlight="type:app.Cache")  # doctest: +SKIP
    """
    from tonnage._picture import show

    return show(
        "backrefs", objs, filename, max_depth, too_many, limit, filter, highlight, extra_info, refcounts, shortnames
    )


def timer(delay: float, func: Callable[..., object] | None, /, *args: Any, **kwargs: Any) -> Timer:
    """Calls a function again and again, in a thread of tonnage.

    There is one timer in a process: a second call replaces the first. A process that was forked has none. Calls never
    overlap; what one raises goes to sys.unraisablehook, and the next comes all the same. While nothing is due the
    thread sleeps; at the end of the interpreter a call in progress is waited for, and os.fork() waits up to 50 ms for
    it. The thread also takes snapshots for `--every`, `--on-signal` and `--on-rss`: a slow function delays them.

    Args:
        delay: seconds before the first call, and at least between the end of a call and the begin of the next.
        func: called as func(*args, **kwargs); None stops the timer.

    Returns:
        A handle: stop() ends the calls, and so does leaving a with block that it opened.

    Raises:
        RuntimeError: in a subinterpreter, while the interpreter ends, or when the system gives no thread.

    Example:
        >>> import tonnage
        >>> with tonnage.timer(60, print, "still here"):
        ...     pass  # the work
    """
    from tonnage import _timer

    return _timer.start(delay, func, args, kwargs)


def every(
    seconds: float | str | None = None,
    path: str | os.PathLike[str] | None = None,
    *,
    keep: int | None = None,
    on_signal: str | int | None = None,
    on_rss: int | str | None = None,
    at_exit: bool | None = None,
    mode: str | None = None,
    previews: int | None = None,
    redact: bool | None = None,
    scan: bool | None = None,
    objects: bool | None = None,
    timeline: float | str | None = None,
    quiet: bool | None = None,
) -> Recording:
    """Takes snapshots while the program runs on, until the handle is stopped.

    There is one such recording in a process: a second call replaces the first. A process that is forked has none, but
    where TONNAGE=1 or `tonnage run --children` records it. What an argument that is None means is what they were told,
    else what is said here.

    Args:
        seconds: one every so often: a number, or text such as "30s", "5m" or "2h". None: not by time.
        path: a template of their names; {pid}, {time} (UTC), {n} and {host} are filled in. Where more than one is to
            come and neither {n} nor {time} is there, `-{n}` goes before the suffix. No file is ever replaced. None:
            tonnage-{pid}-{n}.tonnage in the current folder.
        keep: all but the newest so many are deleted, but not those where RSS had grown by a quarter since the last such
            one. None: all stay.
        on_signal: one at each signal of this name or number, such as "USR2".
        on_rss: one when RSS crosses this size, in bytes or as text such as "2GiB", and at each further quarter.
        at_exit: one at the end of the process, by an atexit handler. None: True.
        mode, previews, redact, scan: as for `tonnage.snapshot()`.
        objects: False: files have what is recorded and sampled, by stack alone. None: True.
        timeline: seconds between two notes of RSS that the next file keeps; 0: none. None: 1.
        quiet: no line on standard error for each file. None: False.

    Returns:
        A handle: `stop()` ends it, and so does leaving a with block that it opened; `files` are the paths of its files,
        `last` the newest.

    Raises:
        ArgumentError: an argument makes no sense.
        ExistsError, FileError: the first file exists, or cannot be written.
        RuntimeError: in a subinterpreter, while the interpreter ends, or when the system gives no thread.

    Cost: nothing between snapshots but the time line, some microseconds each time.

    Example:
        >>> import tonnage
        >>> with tonnage.every("5m", "grows-{n}.tonnage", keep=6, on_signal="USR2", at_exit=False) as recording:
        ...     pass  # the work
        >>> recording.files
        []
    """
    from tonnage import _recorder

    return _recorder.every(
        seconds,
        path,
        keep=keep,
        on_signal=on_signal,
        on_rss=on_rss,
        at_exit=at_exit,
        mode=mode,
        previews=previews,
        redact=redact,
        scan=scan,
        objects=objects,
        timeline=timeline,
        quiet=quiet,
    )


_LATER = {
    "Garbage": "_garbage",
    "Growing": "_growing",
    "SnapshotTask": "_snapshot_task",
    "Top": "_top",
    "Tracker": "_tracker",
}


def __getattr__(name: str) -> object:
    """Classes that most programs do not use are loaded when somebody asks for them."""
    if name == "track":
        return __import__("tonnage.track", fromlist=("default",))
    if name not in _LATER:
        raise AttributeError(f"module 'tonnage' has no attribute {name!r}")
    found: object = getattr(__import__(f"tonnage.{_LATER[name]}", fromlist=(name,)), name)
    globals()[name] = found
    return found
