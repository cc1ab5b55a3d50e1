"""What a recording does: one table of settings.

`tonnage run`, TONNAGE=1, `[tool.tonnage]` of pyproject.toml, `tonnage.every()`, `tonnage config` and `--help` are all
derived from the class Settings below. Who says something last wins: default, pyproject.toml, environment, command line
or call.
"""

from __future__ import annotations

import os

from tonnage import sample as _sample
from tonnage._kinds import (
    CLASSES,
    CLOCK,
    COUNT,
    DEPTH,
    DISTANCE,
    FLAG,
    INTERVAL,
    MODE,
    NAME,
    PLACES,
    PREVIEWS,
    ROWS,
    SECONDS,
    SIGNAL,
    SIZE,
    STACKS,
    TICK,
    TRACE,
    Kind,
    Reason,
    parse_distance,
    parse_tick,
)
from tonnage._templates import Template

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Generic, TypeVar

    T = TypeVar("T")
else:  # without loading typing into the target
    T = None

    class Generic:
        def __class_getitem__(cls, _: object) -> type:
            return cls


_NEVER: Any = object()


class Setting(Generic[T]):
    """One row of the table.

    Args:
        kind: what its values look like.
        default: when nobody says anything.
        metavar: what stands for the value in --help; "" for a flag.
        help: the rest of its line there.
        off: the value that "off", and false in TOML and Python, stands for; without it that is no value.
        bare: the value of its option without one, which then takes one after "=" only.
        short: a second name on the command line.
        variable: of the environment; by default TONNAGE_ and the name, "" for none.
        project: whether pyproject.toml does.
    """

    __slots__ = ("bare", "default", "help", "kind", "metavar", "name", "off", "project", "short", "variable")

    def __init__(
        self,
        kind: Kind[Any],
        default: T,
        metavar: str,
        help: str,
        *,
        off: T = _NEVER,
        bare: T | None = None,
        short: str = "",
        variable: str | None = None,
        project: bool = True,
    ) -> None:
        self.kind = kind
        self.default = default
        self.metavar = metavar
        self.help = help
        self.off = off
        self.bare = bare
        self.short = short
        self.variable = variable
        self.project = project
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name.replace("_", "-")
        if self.variable is None:
            self.variable = f"TONNAGE_{name.upper()}"

    def __get__(self, settings: Settings, owner: type) -> T:
        value: T = settings.values[self.name]
        return value

    @property
    def option(self) -> str:
        """The long option."""
        return f"--{self.name}"

    def read(self, value: object, where: str) -> T:
        """The value that text, or a value of TOML or Python, stands for.

        Raises:
            ValueError: one line that begins with where.
        """
        switched_off = self.off is not _NEVER and (value is False or value == "off")
        right = isinstance(value, self.kind.native) and (bool in self.kind.native or not isinstance(value, bool))
        if switched_off:
            return self.off
        if not right:
            raise ValueError(f"{where} takes {self._takes()}, not {value!r}")
        return self.read_text(str(value), where)

    def read_text(self, text: str, where: str) -> T:
        """The same of text, as the command line and the environment have it."""
        if self.off is not _NEVER and (text.lower() == "off" or (text == "0" and self.off == 0)):
            return self.off
        try:
            value: T = self.kind.parse(text)
            return value
        except Reason as reason:
            raise ValueError(f"{where}: {reason}") from None
        except (KeyError, ValueError, OverflowError):
            raise ValueError(f"{where} takes {self._takes()}, not '{text}'") from None

    def _takes(self) -> str:
        return self.kind.takes if self.off is _NEVER else f"{self.kind.takes}, or off"

    def show(self, value: T) -> str:
        """Text that read_text() reads."""
        return "off" if self.off is not _NEVER and value == self.off else str(self.kind.show(value))


_AT_SECURE = 23  # of the auxiliary vector; elf.h


def is_privileged() -> bool:
    """Whether the process has rights that who started it has not: AT_SECURE, which set-user-id and capabilities set.

    What is said from outside, by variables and by a file in the current folder, then counts for nothing.
    """
    if os.geteuid() != os.getuid() or os.getegid() != os.getgid():
        return True
    try:
        with open("/proc/self/auxv", "rb") as file:
            words = memoryview(file.read()).cast("L").tolist()
    except PermissionError:  # it is readable but where the process has more rights
        return True
    except (OSError, TypeError):
        return False
    return bool(dict(zip(words[::2], words[1::2], strict=False)).get(_AT_SECURE))


class Settings:
    """The values, and who said so."""

    out = Setting(
        NAME,
        Template("tonnage-{pid}-{n}.tonnage"),
        "FILE",
        "the file to make; may hold {pid} {time} {n} {host}",
        short="-o",
    )
    force = Setting(FLAG, False, "", "replace existing files", variable="", project=False)
    every = Setting[float | None](SECONDS, None, "SECONDS", "a snapshot every so often: 30, 0.5, 5m, 2h", off=None)
    on_signal = Setting[int | None](SIGNAL, None, "SIGNAL", "a snapshot at each of these signals: USR2", off=None)
    on_rss = Setting[int | None](
        SIZE,
        None,
        "SIZE",
        "a snapshot when RSS crosses this size, and each further quarter: 2GiB",
        off=None,
    )
    at_exit = Setting(FLAG, True, "", "a snapshot when the program ends")
    keep = Setting[int | None](
        COUNT, None, "N", "delete all but the newest N files, and those where RSS had grown a quarter", off=None
    )
    mode = Setting(MODE, "auto", "MODE", "stop: in place; fork: by a forked child; auto: as suits")
    timeline = Setting(SECONDS, 1.0, "SECONDS", "time between two notes of RSS, with --every, --on-…", off=0.0)
    children = Setting(FLAG, False, "", "record child processes as well, each in files of its own", variable="TONNAGE")
    trace = Setting[str | int | None](
        TRACE,
        None,
        "MODE",
        "record who allocates: exact (also if nothing is said), sampled, or a size between samples: 64K",
        off=None,
        bare="exact",
    )
    top = Setting[int | None](
        ROWS, None, "N", "show the N places that have most of what is alive; with --trace if nothing is said", off=None
    )
    top_every = Setting(SECONDS, 60.0, "SECONDS", "time between two pages of --top, and one at the end")
    top_file = Setting[Template | None](
        NAME, None, "FILE", "--top appends to this file, not standard error; {pid} {host}", off=None
    )
    top_include = Setting[tuple[str, ...] | None](
        PLACES,
        None,
        "FILE",
        "--top shows only files with this name, app.py or srv/*.py; again, or with commas: of more",
        off=None,
    )
    top_exclude = Setting[tuple[str, ...] | None](PLACES, None, "FILE", "--top leaves these out: '<frozen*'", off=None)
    track = Setting[tuple[str, ...] | None](
        CLASSES,
        None,
        "CLASS",
        "track instances of app.models.Session; again, or with commas: of more",
        off=None,
    )
    track_every = Setting[float | None](
        SECONDS, None, "SECONDS", "time between two snapshots of --track, and one at the end", off=None
    )
    sample = Setting[str | None](
        CLOCK,
        None,
        "CLOCK",
        f"sample where time goes: {', '.join(_sample.CLOCKS)} (if nothing is said: {_sample.CLOCKS[0]})",
        off=None,
        bare=_sample.CLOCKS[0],
    )
    sample_interval = Setting[str | None](
        INTERVAL, None, "I", "between samples: 10ms or, of the clock alloc, 512KiB", off=None
    )
    sample_duration = Setting[float | None](SECONDS, None, "S", "sampling ends after so many seconds: 30, 5m", off=None)
    sample_stacks = Setting(STACKS, 65536, "N", "stacks that are told apart; what comes more is one row, <lost>")
    depth = Setting(DEPTH, 0, "N", "innermost frames that --trace keeps of each stack")
    previews = Setting(PREVIEWS, 80, "N", "longest piece of a value that is kept, in bytes")
    redact = Setting(FLAG, False, "", "keep no text of the process at all, except names of types")
    scan = Setting(FLAG, False, "", "guess references of extension types, and look for pointers that C code has")
    objects = Setting(FLAG, True, "", "objects in the files; without: what --trace and --sample sum up by stack alone")
    quiet = Setting(FLAG, False, "", "no line on standard error for each file")

    __slots__ = ("sources", "values")

    def __init__(self) -> None:
        self.values: dict[str, Any] = {setting.name: setting.default for setting in TABLE}
        self.sources = {setting.name: "default" for setting in TABLE}

    def copy(self) -> Settings:
        """A copy that may be changed."""
        copy = Settings()
        copy.values.update(self.values)
        copy.sources.update(self.sources)
        return copy

    def set(self, setting: Setting[Any], value: object, source: str) -> None:
        """Says something."""
        self.values[setting.name] = value
        self.sources[setting.name] = source

    def is_said(self, name: str) -> bool:
        """Whether somebody said it."""
        return self.sources[name] != "default"

    @property
    def trace_mode(self) -> str | int | None:
        """How allocations are recorded; exactly where only --top asks for it. None: not."""
        return "exact" if self.trace is None and self.top is not None else self.trace

    @property
    def is_tracked(self) -> bool:
        """Whether classes are tracked, or the memory of the process as if some were."""
        return self.track is not None or self.track_every is not None

    @property
    def is_repeated(self) -> bool:
        """Whether more than one file is to come, or may."""
        return not (self.every is None and self.on_signal is None and self.on_rss is None)

    def read_environment(self, environment: Mapping[str, str]) -> None:
        """Takes what TONNAGE_… says; an empty variable says nothing.

        Raises:
            ValueError: a value is wrong.
        """
        for setting in TABLE:
            if setting.variable and (text := environment.get(setting.variable)):
                self.set(setting, setting.read_text(text, setting.variable), setting.variable)

    def read_project(self, folder: str) -> None:
        """Takes what [tool.tonnage] says in the nearest pyproject.toml that has it, from a folder upwards.

        Raises:
            ValueError: a key or a value is wrong, or the file.
        """
        path, table = _find_project(folder)
        known = {setting.name: setting for setting in TABLE if setting.project}
        for key, value in table.items():
            if key not in known:
                raise ValueError(f"{path}: no setting {key} in [tool.tonnage]: there are {', '.join(known)}")
            self.set(known[key], known[key].read(value, f"{path}: {key}"), path)

    def read_call(self, said: Mapping[str, object]) -> None:
        """Takes arguments of a call, by the names of the settings with _; None says nothing.

        Raises:
            ValueError: a value is wrong.
        """
        for name, value in said.items():
            if value is not None:
                setting = BY_NAME[name.replace("_", "-")]
                self.set(setting, setting.read(value, name), "call")

    def sampling(self) -> tuple[str, int]:
        """Clock of samples, and interval: nanoseconds or, of the clock alloc, bytes.

        Raises:
            ValueError: they do not fit; the line says who said so where that was not the command line.
        """
        try:
            return read_interval(self.sample, self.sample_interval)
        except ValueError as error:
            told = ("default", "command line", "call")
            names = [name for name in ("sample", "sample-interval") if self.sources[name] not in told]
            said = ", ".join(f"{name} {self.text(name)} is said by {self.sources[name]}" for name in names)
            raise ValueError(f"{error}; {said}" if said else str(error)) from None

    def text(self, name: str) -> str:
        """A value as text that can be read again."""
        return BY_NAME[name].show(self.values[name])

    def occasions(self) -> str:
        """When snapshots are taken, in words."""
        words = [f"{name.replace('-', ' ')} {self.text(name)}" for name in ("every", "on-signal", "on-rss")]
        words = [word for word in words if not word.endswith(" off")]
        return ", ".join([*words, "at exit"] if self.at_exit else words) or "no snapshots"

    def environment(self, out: Template) -> Iterator[tuple[str, str]]:
        """The variables that make another process record as this one does, into files of another name."""
        for setting in TABLE:
            if setting.variable:
                value = out if setting.name == "out" else self.values[setting.name]
                yield setting.variable, setting.show(value)


def read_interval(clock: str | None, interval: object) -> tuple[str, int]:
    """Clock and interval of samples as they are said.

    Args:
        clock: None: alloc where the interval is a size and can be no time, else the first.
        interval: None: that of the clock.

    Returns:
        The clock, and nanoseconds or, of the clock alloc, bytes.

    Raises:
        ValueError: it is no interval of that clock.
    """
    if clock is None:
        clock = "alloc" if _is_size(interval) else _sample.CLOCKS[0]
    setting = _DISTANCE if clock == "alloc" else _TICK
    return clock, setting.default if interval is None else setting.read(interval, f"the interval of {clock}")


def show_interval(clock: str, interval: int) -> str:
    """Text for what read_interval() gives."""
    return (_DISTANCE if clock == "alloc" else _TICK).show(interval)


def _is_size(interval: object) -> bool:
    """Whether it is text for a size, and for no time."""
    if not isinstance(interval, str):
        return False
    for parse in parse_tick, parse_distance:
        try:
            parse(interval)
        except (KeyError, ValueError):
            continue
        return parse is parse_distance
    return False


_TICK = Setting(TICK, 10_000_000, "", "")
_DISTANCE = Setting(DISTANCE, 512 << 10, "", "")
TABLE: tuple[Setting[Any], ...] = tuple(row for row in vars(Settings).values() if isinstance(row, Setting))
BY_NAME = {setting.name: setting for setting in TABLE}


def _find_project(folder: str) -> tuple[str, dict[str, object]]:
    while True:
        path = os.path.join(folder, "pyproject.toml")
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError:
            data = b""
        if b"tonnage" in data and (table := _table(path, data)) is not None:
            return path, table
        above = os.path.dirname(folder)
        if above == folder:
            return "", {}
        folder = above


def _table(path: str, data: bytes) -> dict[str, object] | None:
    import tomllib

    try:
        tool = tomllib.loads(data.decode()).get("tool", {})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    table = tool.get("tonnage") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ValueError(f"{path}: tool.tonnage is no table")
    return table
