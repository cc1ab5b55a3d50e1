"""What values of settings look like: how each sort of them is read from text, and written."""

from __future__ import annotations

from tonnage import sample as _sample
from tonnage._take import MODES, PREVIEWS_MAX
from tonnage._templates import Template

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Generic, TypeVar

    T = TypeVar("T")
else:  # without loading typing into the target
    T = None

    class Generic:
        def __class_getitem__(cls, _: object) -> type:
            return cls


_SECONDS_MIN, _SECONDS_MAX = 0.01, 1e8
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}
_SHORT_UNITS = {"": 1, "s": 1, "ms": 1e-3, "us": 1e-6}
_TICK_MIN, _TICK_MAX = 1e-4, 3600  # seconds between samples: below it the sampler is what is seen
_LETTERS = "kmgtpe"
_DISTANCE_MIN = 256  # bytes: below it next to nothing is left out
_NEVER_WAITED_FOR = ("KILL", "STOP", "SEGV", "BUS", "FPE", "ILL", "TRAP", "ABRT")  # as can_be_handled() of helper.c
_WORDS = {"1": True, "yes": True, "true": True, "on": True, "0": False, "no": False, "false": False, "off": False}


class Reason(ValueError):
    """Why a value is wrong, when its form is right."""


class Kind(Generic[T]):
    """Values of one sort: what they look like, how to read and write them.

    Args:
        takes: for messages and for --help, "takes …".
        parse: from text; any ValueError or KeyError is a no, a Reason says why.
        show: to text that parse reads.
        native: types of TOML and Python that are values of this sort as well; their str() is what parse gets.
    """

    __slots__ = ("native", "parse", "show", "takes")

    def __init__(
        self,
        takes: str,
        parse: Callable[[str], T],
        show: Callable[[T], str] = str,
        native: tuple[type, ...] = (str,),
    ) -> None:
        self.takes = takes
        self.parse = parse
        self.show = show
        self.native = native


def _seconds(text: str, units: Mapping[str, float], least: float, most: float) -> float:
    number = text.rstrip("hmsu")
    unit = units[text[len(number) :]]
    if not number or not all(c in "0123456789.e-" for c in number):  # float() takes "1_0", "inf" and blanks
        raise ValueError
    seconds = round(float(number) * unit, 9)
    if not least <= seconds <= most:
        raise Reason(f"{text} is out of range: {least:g} s to {most:.0f} s")
    return seconds


def _parse_seconds(text: str) -> float:
    return _seconds(text, _UNITS, _SECONDS_MIN, _SECONDS_MAX)


def show_seconds(seconds: float) -> str:
    for unit in "hm":
        if seconds >= 2 * _UNITS[unit] and seconds % _UNITS[unit] == 0:
            return f"{seconds / _UNITS[unit]:.0f}{unit}"
    return f"{seconds:.0f}s" if seconds == int(seconds) else f"{seconds!r}s"


def _parse_size(text: str) -> int:
    """As tn_parse_bytes() of the library does, which is not loaded into the target."""
    number = text.rstrip("bBi" + _LETTERS + _LETTERS.upper())
    unit = text[len(number) :]
    shift = 0
    if unit not in ("", "B", "b"):
        shift = 10 * (_LETTERS.index(unit[0].lower()) + 1)
        if unit[1:] not in ("", "i", "B", "b", "iB", "ib"):
            raise ValueError
    whole, _, fraction = number.rstrip(" ").partition(".")
    digits = whole + fraction
    if not (digits.isascii() and digits.isdecimal()) or (not shift and fraction.strip("0")):
        raise ValueError
    size = (int(whole or "0") << shift) + int(int(fraction or "0") / 10 ** len(fraction) * (1 << shift))
    if not 0 < size < 1 << 63:
        raise Reason(f"{text} is out of range")
    return size


def show_size(size: int) -> str:
    for shift, letter in ((30, "G"), (20, "M"), (10, "K")):
        if size % (1 << shift) == 0:
            return f"{size >> shift}{letter}iB"
    return str(size)


def _parse_count(text: str) -> int:
    if not text.isdecimal() or not 0 < (count := int(text)) < 1 << 31:
        raise ValueError
    return count


def _parse_previews(text: str) -> int:
    if not text.isdecimal():
        raise ValueError
    if int(text) > PREVIEWS_MAX:
        raise Reason(f"{text} is more than {PREVIEWS_MAX} bytes")
    return int(text)


def _parse_flag(text: str) -> bool:
    return _WORDS[text.lower()]


def _parse_depth(text: str) -> int:
    return 0 if text == "all" else _parse_count(text)


def _parse_trace(text: str) -> str | int | None:
    if text in ("exact", "sampled"):
        return text
    if text.lower() in _WORDS:  # 1 is no distance
        return "exact" if _WORDS[text.lower()] else None
    size = _parse_size(text)
    if size < _DISTANCE_MIN:
        raise Reason(f"{text} bytes between samples are too few: {_DISTANCE_MIN} at least; exact records each block")
    return size


def _parse_classes(text: str) -> tuple[str, ...]:
    names = tuple(text.replace(",", " ").split())
    if not names:
        raise ValueError
    for name in names:
        if "." not in name or not all(word.isidentifier() for word in name.replace(".<locals>", "").split(".")):
            raise Reason(f"{name} is no name of a class: module.Class, in the program itself __main__.Class")
    return names


def _parse_clock(text: str) -> str | None:
    if text in _sample.CLOCKS:
        return text
    return _sample.CLOCKS[0] if _WORDS[text.lower()] else None


def parse_distance(text: str) -> int:
    size = _parse_size(text)
    if size < _DISTANCE_MIN:
        raise Reason(f"{text} bytes between samples are too few: {_DISTANCE_MIN} at least")
    return size


def parse_tick(text: str) -> int:
    return round(_seconds(text, _SHORT_UNITS, _TICK_MIN, _TICK_MAX) * 1e9)


def _parse_interval(text: str) -> str:
    """A time or a size: which of them the clock says."""
    try:
        parse_tick(text)
    except (KeyError, ValueError) as error:
        try:
            parse_distance(text)
        except (KeyError, ValueError):
            raise error from None
    return text


def _parse_mode(text: str) -> str:
    if text not in MODES:
        raise ValueError
    return text


def _parse_name(text: str) -> Template:
    try:
        return Template(text)
    except ValueError as error:
        raise Reason(error) from None


def _parse_places(text: str) -> tuple[str, ...]:
    from tonnage._errors import ArgumentError
    from tonnage._places import Pattern

    try:
        found = [Pattern(word) for word in text.split(",")]
    except ArgumentError as error:
        raise Reason(error) from None
    if any(pattern.line is not None for pattern in found):
        raise Reason(f"{text}: rows of --top are files, without lines")
    return tuple(pattern.text for pattern in found)


def _signals() -> Any:
    return __import__("_signal")  # not signal, which loads enum


def _parse_signal(text: str) -> int:
    _signal = _signals()
    if text.isdecimal():
        number = int(text)
    else:
        name = text.upper()
        number = getattr(_signal, name if name.startswith("SIG") else f"SIG{name}", 0)
        number = number if isinstance(number, int) else 0
    if number not in _signal.valid_signals():
        raise ValueError
    if number in (_signal.SIGINT, _signal.SIGTERM):
        raise Reason(f"{text} ends programs, and would no more; USR1 and USR2 are free for programs")
    if any(number == getattr(_signal, f"SIG{name}") for name in _NEVER_WAITED_FOR):
        raise Reason(f"{text} cannot be waited for; USR1 and USR2 are free for programs")
    return number


def show_signal(number: int) -> str:
    for name in dir(_signals()):
        if name.startswith("SIG") and not name.startswith("SIG_") and getattr(_signals(), name) == number:
            return name[3:]
    return str(number)


SECONDS = Kind("seconds such as 30, 0.5, 30s, 5m or 2h", _parse_seconds, show_seconds, (int, float, str))
SIZE = Kind("a size such as 500M or 2GiB", _parse_size, show_size, (int, str))
SIGNAL = Kind("a signal such as USR2", _parse_signal, show_signal, (int, str))
CLOCK = Kind(f"a clock: {', '.join(_sample.CLOCKS[:-1])} or {_sample.CLOCKS[-1]}", _parse_clock, str, (bool, int, str))
INTERVAL = Kind(
    "a time such as 10ms, or, of the clock alloc, a size such as 512KiB", _parse_interval, str, (int, float, str)
)
TICK = Kind("a time such as 10ms", parse_tick, lambda ns: f"{ns / 1e6:g}ms", (int, float, str))
DISTANCE = Kind("a size such as 512KiB", parse_distance, show_size, (int, str))
STACKS = Kind("a number of stacks, at least 1", _parse_count, str, (int,))
COUNT = Kind("a number of files, at least 1", _parse_count, str, (int,))
ROWS = Kind("a number of rows, at least 1", _parse_count, str, (int,))
PREVIEWS = Kind("a number of bytes", _parse_previews, str, (int,))
MODE = Kind("auto, stop or fork", _parse_mode)
TRACE = Kind(
    "exact (or 1), sampled or a size such as 64K",
    _parse_trace,
    lambda mode: show_size(mode) if isinstance(mode, int) else str(mode),
    (bool, int, str),
)
DEPTH = Kind("a number of frames, at least 1, or all", _parse_depth, lambda depth: str(depth or "all"), (int, str))
CLASSES = Kind("classes such as app.models.Session, several with commas", _parse_classes, ",".join)
FLAG = Kind("1 or 0", _parse_flag, lambda flag: "1" if flag else "0", (bool,))
PLACES = Kind("names of files such as app.py,srv/*.py", _parse_places, lambda places: ",".join(places or ()))
NAME = Kind("the name of a file", _parse_name, lambda template: template.text)
