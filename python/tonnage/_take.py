"""Taking a snapshot of this process."""

from __future__ import annotations

import os

from tonnage import _errors, _files
from tonnage._snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tonnage._settings import Settings
    from tonnage._tracked_file import Packed
    from tonnage._user_data import Row


PREVIEWS_MAX = 512
MODES = ("auto", "stop", "fork")
_THREADS_MAX = 16


class Defaults:
    """What a call does where it does not say; `tonnage run` and TONNAGE=1 set it for their program."""

    __slots__ = ("mode", "name", "previews", "redact", "scan", "settings", "tell")

    def __init__(self) -> None:
        self.mode = "auto"
        self.previews = 80
        self.redact = False
        self.scan = False
        self.settings: Settings | None = None  # of a recording
        self.name: Callable[[], str] | None = None  # of the file of a call without a path; None: it has no name
        self.tell: Callable[[Snapshot], None] | None = None  # gets what such a call has taken


defaults = Defaults()


def _opened(name: str) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _errors.FileError(f"{name} is made, but cannot be opened: {error.strerror}", -2) from None


def take(
    path: str | os.PathLike[str] | None,
    mode: str | None,
    previews: int | None,
    redact: bool | None,
    roots: tuple[object, ...] | None,
    force: bool,
    threads: int | None,
    scan: bool | None,
    *,
    user_data: Iterable[Row] | None = None,
    tracked: Packed | None = None,
    named: bool = True,
) -> Snapshot:
    """Takes a snapshot of this process; see `tonnage.snapshot`. Not named: a recording gives it no path either.

    tracked: what a tracker knows (`_tracked_file.pack`), which the file has, too.
    """
    previews = defaults.previews if previews is None else previews
    redact = defaults.redact if redact is None else redact
    scan = defaults.scan if scan is None else scan
    mode = defaults.mode if mode is None else mode
    if mode not in MODES:
        raise _errors.ArgumentError(f"unknown mode '{mode}': it is auto, stop or fork", -8)
    for word, number in ("previews", previews), ("threads", threads):
        if not isinstance(number, int) and number is not None:
            raise TypeError(f"{word} must be an int, not {type(number).__name__}")
    if not 0 <= previews <= PREVIEWS_MAX:
        raise _errors.ArgumentError(f"previews must be 0 to {PREVIEWS_MAX} bytes, not {previews}", -8)
    if threads is not None and not 1 <= threads <= _THREADS_MAX:
        raise _errors.ArgumentError(f"threads must be 1 to {_THREADS_MAX}, not {threads}", -8)
    try:
        from tonnage import _capture
    except ImportError as error:
        raise _errors.of_import(error) from None

    user = None
    if user_data is not None:
        from tonnage._user_data import read

        user = read(user_data)
    tell = None
    if path is None and named and defaults.name is not None:
        path, tell = defaults.name(), defaults.tell
    name = None if path is None else os.path.abspath(os.fspath(path))
    fd = _files.open_unlinked() if name is None else -1
    try:
        target = fd if name is None else os.fsencode(name)
        _capture.snapshot(
            target,
            mode=mode,
            previews=previews,
            redact=redact,
            roots=roots,
            force=force,
            threads=threads or 0,
            scan=scan,
            user=user,
            tracked=tracked,
        )
        if name is not None:
            fd = _opened(name)
    except _capture.Error as error:
        if fd >= 0:
            os.close(fd)
        raise _errors.from_status(*error.args) from None
    except BaseException:
        if fd >= 0:
            os.close(fd)
        raise
    taken = Snapshot(fd, name, taken_by=os.getpid())
    if tell is not None:
        tell(taken)
    return taken
