"""What pages that are printed again and again look like, and where they go."""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class Writable(Protocol):
        def write(self, text: str, /) -> object: ...

    Target = Writable | Callable[[str], object] | None

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_BOLD, _RED, _GREEN, _PLAIN = "\033[1m", "\033[31m", "\033[32m", "\033[0m"

now = time.time  # tests have a clock of their own


def moment(seconds: float) -> str:
    """A time as the other pages have it."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))


def size(n_bytes: int) -> str:
    """Bytes as the library writes them, which is not loaded into the target."""
    value, unit = float(abs(n_bytes)), 0
    while unit < len(_UNITS) - 1 and value >= 1023.95:
        value /= 1024
        unit += 1
    text = f"{abs(n_bytes)} B" if abs(n_bytes) < 1024 else f"{int(value * 10 + 0.5) / 10:.1f} {_UNITS[unit]}"
    return f"-{text}" if n_bytes < 0 else text


def number(value: float) -> str:
    """A figure with no more digits than it has."""
    return str(value) if isinstance(value, int) else f"{value:.15g}"


def changed(value: float, text: Callable[[Any], str], paint: Paint) -> str:
    """A difference, with its sign."""
    shown = text(value)
    return paint.change(value, f"+{shown}" if value >= 0 else shown)


def short_path(path: str, parts: int) -> str:
    """The last so many parts of a path; 0: all of it."""
    words = path.split("/")
    if parts < 1 or len(words) <= parts + (words[0] == ""):
        return path
    return ".../" + "/".join(words[-parts:])


class Paint:
    """Colours of a terminal, or none."""

    __slots__ = ("_on",)

    def __init__(self, on: bool) -> None:
        self._on = on

    def title(self, text: str) -> str:
        """A heading."""
        return f"{_BOLD}{text}{_PLAIN}" if self._on else text

    def change(self, value: float, text: str) -> str:
        """What has grown is red, what has shrunk green."""
        if not self._on or not value:
            return text
        return f"{_RED if value > 0 else _GREEN}{text}{_PLAIN}"


class Screen:
    """Where pages go: a file, a function, or the standard output of the time."""

    __slots__ = ("color", "file")

    def __init__(self, file: Target, color: bool | None) -> None:
        if file is not None and not hasattr(file, "write") and not callable(file):
            raise TypeError(f"file must have write(), or be callable, not {type(file).__name__}")
        self.file = file
        self.color = color

    def paint(self) -> Paint:
        """Colours are for terminals, where nobody says otherwise."""
        if self.color is not None:
            return Paint(self.color)
        file = sys.stdout if self.file is None else self.file
        isatty = getattr(file, "isatty", None)
        return Paint(not os.environ.get("NO_COLOR") and isatty is not None and bool(isatty()))

    def show(self, lines: list[str]) -> None:
        """Writes a page at once. What the file cannot encode is escaped."""
        file = sys.stdout if self.file is None else self.file
        text = "\n".join(lines)
        write = getattr(file, "write", None)
        if write is None:
            if file is not None:  # sys.stdout may be
                file(text)  # type: ignore[operator]
            return
        encoding = getattr(file, "encoding", None)
        if isinstance(encoding, str):
            text = text.encode(encoding, "backslashreplace").decode(encoding)
        write(text + "\n")
        flush = getattr(file, "flush", None)
        if flush is not None:
            flush()
