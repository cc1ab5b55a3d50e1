"""Snapshots of a program that runs on: every so often, at a signal, when memory grows, at the end; and what is kept.

    helper thread: _ask() -> _step() -> _begin(): a job, a snapshot under way -> _look() -> Kept: its file, and who goes

The helper thread begins a snapshot, and looks now and then after one that a forked child writes; one that is made in
place is written by the thread itself. A fork of the program waits for neither. One snapshot is under way at a time;
what is asked meanwhile comes after it.
"""

from __future__ import annotations

import os
import sys
import time
from _thread import RLock

from tonnage import _errors
from tonnage._files import what_prevents
from tonnage._templates import Names, Template, escape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, TracebackType

    from tonnage._settings import Settings
    from tonnage._tracked_file import Packed

    Identity = tuple[int, int, int]
    Job = object

GROWTH = 1.25  # of RSS: a point worth keeping, and the step of on_rss
_POLL_SECONDS = 0.05  # the helper's, while one is under way
_WAIT_SECONDS = 0.01
_TRIES = 100
_AGAIN = (_errors.Busy, _errors.ExistsError)  # the collector runs; somebody else took the name


def say(text: str) -> None:
    """A line on the standard error of the process, if it is open: not through what the program puts into sys.stderr."""
    stream = sys.__stderr__
    if stream is None or stream.closed:
        return
    try:  # nothing is imported here: files of the library may be out of reach by now
        os.write(2, f"tonnage: {text}\n".encode(errors="backslashreplace"))
    except OSError:
        return


def shown(path: str) -> str:
    """A path as short as it can be from here."""
    try:
        short = os.path.relpath(path)
    except OSError:  # the current folder is gone
        return path
    return path if short.startswith("..") else short


def identity(path: str) -> Identity | None:
    """Differs when another file has come to a path; None: there is none."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def resident() -> int:
    """0 where it cannot be read; the snapshot says why."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:  # somebody took it away already
        return 0


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"


def check_first(names: Names, force: bool) -> None:
    """Raises tonnage.Error if the first file cannot be made, as far as can be told."""
    name = names.render(1)
    if names.is_one and not force and os.path.lexists(name):
        raise _errors.ExistsError(f"{name} exists", -13)
    if (reason := what_prevents(name)) is not None:
        raise _errors.FileError(f"cannot write {name}: {reason}", -2)


# ---- the one place that takes snapshots ----


def _begin(name: str, settings: Settings, tracked: Packed | None = None) -> Job | None:
    """Begins to write a snapshot; None: it is written. Raises tonnage.Error."""
    from tonnage import _capture

    try:
        if not settings.objects:
            if _capture.trace_mode() == "off" and not _capture.sample_status() and tracked is None:
                what = "nothing is recorded, sampled or tracked"
                raise _errors.ArgumentError(f"without objects nothing is left to write: {what}", -8)
            _capture.sample_save(name, -1, settings.force, settings.redact, tracked)
            return None
        return _capture.begin(
            os.fsencode(name),
            mode=settings.mode,
            previews=settings.previews,
            redact=settings.redact,
            force=settings.force,
            scan=settings.scan,
            tracked=tracked,
        )
    except _capture.Error as error:
        raise _errors.from_status(*error.args) from None


def _poll(job: Job) -> bool:
    """Whether it is written now. Raises tonnage.Error when it failed."""
    from tonnage import _capture

    try:
        return _capture.poll(job)
    except _capture.Error as error:
        raise _errors.from_status(*error.args) from None


def _tracked(settings: Settings) -> Packed | None:
    """What stands in the last file besides. Where it cannot be told that is said."""
    if "tonnage.track" not in sys.modules:
        return None
    from tonnage import _track_names

    try:
        return _track_names.last(settings)
    except (_errors.Error, OSError) as error:
        say(f"no tracked classes: {error}")
        return None


# ---- its files ----


class Kept:
    """Files of one process, and which of them must go: all but the newest, and those where RSS had grown by a quarter.

    The number of the latter is logarithmic in the growth. A file that another one has taken the place of is never
    deleted, nor one that was changed.
    """

    __slots__ = ("_grown", "_limit", "_recent", "files", "last")

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._recent: list[tuple[str, Identity, bool]] = []  # the newest; whether each is a point of growth
        self._grown = 0.0  # RSS at the last such point
        self.files: list[str] = []
        self.last: str | None = None

    def add(self, path: str, rss: int) -> None:
        """Takes a file that was just written, and deletes those that must go."""
        self.last = path
        found = identity(path)
        if found is None:
            return
        grew = rss >= self._grown * GROWTH
        if grew:
            self._grown = rss
        self.files.append(path)
        if self._limit is None:
            return
        self._recent.append((path, found, grew))
        if len(self._recent) > self._limit:
            path, known, grew = self._recent.pop(0)
            if not grew:
                self._delete(path, known)

    def _delete(self, path: str, known: Identity) -> None:
        self.files.remove(path)
        if identity(path) == known:
            try:
                os.unlink(path)
            except OSError as error:
                say(f"cannot delete {shown(path)}: {error.strerror}")


class Recording:
    """Takes snapshots until it is stopped. Made by `tonnage.every()`, `tonnage run` and TONNAGE=1.

    It is a context manager, which stops it at the end.
    """

    __slots__ = (
        "__weakref__", "_at_exit", "_child", "_folder", "_in_pool", "_job", "_kept", "_level", "_lock", "_pid",
        "_told", "_tries", "_wanted", "names", "settings",
    )  # fmt: skip

    def __init__(self, settings: Settings, *, at_exit: bool, child: bool = False) -> None:
        """at_exit: by a handler of atexit; child: this is not the process that was started."""
        self.settings = settings
        self._folder = os.getcwd()
        self._at_exit = at_exit
        self._child = child
        self._in_pool = False  # registered with multiprocessing
        self._reset()

    def _reset(self) -> None:
        settings = self.settings
        self._pid = os.getpid()
        self.names = Names(
            settings.out, self._folder, several=settings.is_repeated, child=self._child, force=settings.force
        )
        self._kept = Kept(settings.keep)
        # Guards what follows. The helper thread never waits for it: a fork in its holder would wait for that thread.
        self._lock = RLock()
        self._job: tuple[Job, str, str, int] | None = None  # with its name, what asked for it, RSS at its beginning
        self._wanted: str | None = None  # what asked for the next one
        self._tries = 0
        self._told = ""  # the last failure that was told, until one is written
        self._level = settings.on_rss or 0

    @property
    def files(self) -> list[str]:
        """Paths of the files that were written and not deleted since, the oldest first."""
        return list(self._kept.files)

    @property
    def last(self) -> str | None:
        """Path of the newest file; None: none was written yet."""
        return self._kept.last

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<tonnage Recording, {'on' if _current is self else 'stopped'}, {len(self._kept.files)} files>"

    # ---- on and off ----

    def check(self) -> None:
        """Raises tonnage.Error if its first file cannot be made, as far as can be told."""
        check_first(self.names, self.settings.force)

    def start(self) -> None:
        """Makes it the one recording of this process; the one before is stopped. When it cannot, that one goes on."""
        global _current
        before = _current
        _watch_end()
        if before is not None:
            before._unschedule()
        try:
            self._schedule()
        except BaseException:
            self._unschedule()
            if before is not None:
                before._schedule()
            raise
        _watch_forks(self._needs_helper)
        _current = self
        if before is not None:
            before._finish()

    @property
    def _needs_helper(self) -> bool:
        return self.settings.is_repeated or (self.settings.is_said("timeline") and self.settings.timeline > 0)

    def _schedule(self) -> None:
        if not self._needs_helper:
            return
        from tonnage import _helper

        settings = self.settings
        _helper.timeline(settings.timeline)
        if settings.every is not None:
            asked = f"every {settings.text('every')}"
            _helper.schedule("every", settings.every, lambda: self._ask(asked), repeat=True)
        if settings.on_signal is not None:
            reason = f"signal {settings.text('on-signal')}"
            _helper.on_signal(settings.on_signal, lambda: self._ask(reason))
        if settings.on_rss is not None:
            _helper.on_rss(self._level, self._ask_for_rss)

    def _unschedule(self) -> None:
        if not self._needs_helper:
            return
        from tonnage import _helper

        _helper.cancel("every")
        _helper.cancel("snapshot")
        try:
            _helper.timeline(0)
            _helper.on_rss(0, None)
            if self.settings.on_signal is not None:
                _helper.on_signal(self.settings.on_signal, None)
        except RuntimeError:  # the helper has ended: the interpreter ends
            return

    def stop(self) -> None:
        """Takes no more; waits for the one that is under way. Stopping again does nothing."""
        global _current
        if _current is not self:
            return
        _current = None
        self._unschedule()
        self._finish()

    def _finish(self) -> None:
        with self._lock:
            self._wanted = None
            self._wait()

    def _become_child(self) -> None:
        """After a fork: other files, nothing under way; what the parent wrote is the parent's."""
        self._child = True
        self._at_exit = self.settings.at_exit
        self._reset()
        self._schedule()
        util = sys.modules.get("multiprocessing.util")
        if util is not None and not self._in_pool:
            self._in_pool = True
            util.register_after_fork(self, _watch_end_of_pool_process)

    # ---- in the helper thread ----

    def _ask(self, reason: str) -> None:
        if _current is self:
            self._wanted = reason
            self._step()

    def _ask_for_rss(self) -> None:
        from tonnage import _helper

        reason = f"RSS above {_mib(self._level)}"
        self._level = int(max(resident(), self._level) * GROWTH)
        _helper.on_rss(self._level, self._ask_for_rss)
        self._ask(reason)

    def _step(self) -> None:
        """Looks after the one that is under way, then begins the one that is wanted."""
        again = True
        if self._lock.acquire(blocking=False):
            try:
                if self._job is None or self._look():
                    self._begin_wanted()
                again = self._job is not None or self._wanted is not None
            finally:
                self._lock.release()
        if again and _current is self:
            from tonnage import _helper

            try:
                _helper.schedule("snapshot", _POLL_SECONDS, self._step)
            except RuntimeError:  # the helper has ended: end() does the rest
                return

    def _begin_wanted(self) -> None:
        reason, self._wanted = self._wanted, None
        if reason is None or _current is not self:
            return
        try:
            name, rss = self.names.new(), resident()
            job = _begin(name, self.settings)
        except (_errors.Error, OSError) as error:
            self._failed(error, reason)
            return
        if job is None:
            self._finished(name, reason, rss)
        else:
            self._job = job, name, reason, rss

    def _look(self) -> bool:
        """Whether the one that was under way is over."""
        assert self._job is not None
        job, name, reason, rss = self._job
        try:
            if not _poll(job):
                return False
        except _errors.Error as error:
            self._job = None
            self._failed(error, reason)
        else:
            self._job = None
            self._finished(name, reason, rss)
        return True

    def _may_try_again(self, error: Exception) -> bool:
        self._tries += 1
        if isinstance(error, _errors.ExistsError) and self.names.is_one:
            return False
        return isinstance(error, _AGAIN) and self._tries < _TRIES

    def _failed(self, error: Exception, reason: str) -> None:
        if self._may_try_again(error):
            self._wanted = self._wanted or reason
        else:
            self._tries = 0
            if (text := f"no snapshot ({reason}): {error}") != self._told:  # what goes on being wrong is one line
                self._told = text
                say(text)

    def _finished(self, name: str, reason: str, rss: int) -> None:
        self._tries = 0
        self._told = ""
        if not self.settings.quiet:
            say(f"wrote {shown(name)} ({_mib(_size(name))}, RSS {_mib(rss)}, {reason})")
        self._kept.add(name, rss)

    # ---- in any thread ----

    def _wait(self) -> None:
        while self._job is not None and not self._look():
            time.sleep(_WAIT_SECONDS)

    def take(self, last: bool = False) -> str:
        """Takes one now, and returns its path when it is whole; last: no more after it.

        Raises:
            Error: it cannot be taken; no file is left.
        """
        global _current
        with self._lock:
            if last and _current is self:
                _current = None  # what the helper asks from now on is not done; the time line goes on into this file
            self._wait()
            tracked = _tracked(self.settings)
            self._tries = 0
            while True:
                name, rss = self.names.new(), resident()
                before = identity(name)
                try:
                    job = _begin(name, self.settings, tracked)
                    while job is not None and not _poll(job):
                        time.sleep(_WAIT_SECONDS)
                    return name
                except _errors.Error as error:
                    if not self._may_try_again(error):
                        raise
                    time.sleep(_POLL_SECONDS)
                finally:
                    if identity(name) != before:  # also after an interrupt: it has its name only when it is whole
                        self._kept.add(name, rss)

    def save_tracked(self) -> str | None:
        """Writes a file of tracked classes alone, where there are any; its path.

        Raises:
            Error: it cannot be written.
        """
        tracked = _tracked(self.settings)
        if tracked is None:
            return None
        from tonnage import _tracked_file

        name = self.names.new()
        _tracked_file.write(tracked, name, self.settings.force, self.settings.redact)
        return name

    def end(self) -> None:
        """At the end of the process: finishes what is under way and takes the last one, if one is wanted."""
        global _current
        _current = None
        try:
            if self._at_exit:
                name = self.take()
                if not self.settings.quiet:
                    say(f"wrote {shown(name)} ({_mib(_size(name))}, RSS {_mib(resident())}, at exit)")
            else:
                with self._lock:
                    self._wait()
        except (_errors.Error, OSError) as error:
            say(f"no snapshot (at exit): {error}")
        except KeyboardInterrupt:
            say("interrupted: no snapshot")


# ---- of this process ----

_current: Recording | None = None
_end_is_watched = False
_forks_watched = 0  # how often a hook was registered; the last one counts, which runs after that of the helper


def _watch_end() -> None:
    global _end_is_watched
    if not _end_is_watched:
        import atexit

        _end_is_watched = True
        atexit.register(_end)


def _end() -> None:
    if _current is not None:
        _current.end()


def _watch_end_of_pool_process(_: Recording) -> None:
    """Processes of multiprocessing end by os._exit, after its own handlers; the last of them is ours."""
    from multiprocessing.util import Finalize

    Finalize(None, _end, exitpriority=-1000)


def _watch_forks(with_helper: bool) -> None:
    global _forks_watched
    wanted = 2 if with_helper else 1
    if _forks_watched < wanted:
        _forks_watched = wanted
        os.register_at_fork(after_in_child=lambda: _in_child() if _forks_watched == wanted else None)


def _is_about_to_exec() -> bool:
    """Whether subprocess forked, to call a preexec_fn and become another program."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return (
        frame is not None
        and frame.f_code.co_name == "_execute_child"
        and frame.f_globals.get("__name__") == "subprocess"
    )


def _in_child() -> None:
    global _current
    if _current is None:
        return
    if not _current.settings.children or _is_about_to_exec():
        if _current.settings.sample is not None:
            from tonnage import sample

            sample.end_in_child()
        _current = None
        return
    try:
        _current._become_child()
    except Exception as error:
        _current = None
        say(f"no snapshots of process {os.getpid()}: {error}")


def tell_defaults(settings: Settings) -> None:
    """Lets the program's own calls of tonnage do what the user said where they do not."""
    from tonnage._take import defaults

    defaults.mode, defaults.previews, defaults.redact = settings.mode, settings.previews, settings.redact
    defaults.scan, defaults.settings = settings.scan, settings


def record_processes(settings: Settings) -> None:
    """Lets processes that are started from here record as this one does."""
    out = Template(os.path.join(escape(os.getcwd()), settings.out.text))  # whatever their current folder is
    os.environ.update(settings.environment(out), TONNAGE_PARENT=str(os.getpid()))


def every(seconds: object, path: str | os.PathLike[str] | None, **said: object) -> Recording:
    """See tonnage.every."""
    from tonnage._settings import Settings
    from tonnage._take import defaults

    try:
        os.getcwd()
    except OSError as error:
        raise _errors.FileError(f"the current folder is gone: {error.strerror}", -2) from None
    settings = Settings() if defaults.settings is None else defaults.settings.copy()
    said |= {"every": seconds, "out": None if path is None else os.fspath(path)}
    try:
        settings.read_call(said)
    except ValueError as error:
        raise _errors.ArgumentError(str(error), -8) from None
    recording = Recording(settings, at_exit=settings.at_exit)
    recording.check()
    recording.start()
    return recording
