"""Patterns of places in the program, FILE and FILE:LINE, as `tonnage sites --include` has them (docs/sites.md)."""

from __future__ import annotations

from tonnage._errors import ArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Patterns = str | Iterable[str]


def _glob(pattern: str, text: str) -> bool:
    """ "*" stands for any characters, "?" for one; the last star takes as much as it must."""
    at = place = retry = 0
    star = -1
    while place < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, retry = at, place
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", text[place]):
            at += 1
            place += 1
        elif star >= 0:
            retry += 1
            at, place = star + 1, retry
        else:
            return False
    return not pattern[at:].strip("*")


class Pattern:
    """One of them: the whole path or its end from a slash on; with "=" before it the whole path, to the letter.

    Raises:
        ArgumentError: it names no file.
    """

    __slots__ = ("file", "line", "text", "whole")

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"a place is a str such as 'app.py', not {type(text).__name__}")
        file, colon, line = text.rpartition(":")
        has_line = bool(colon and file and line.isascii() and line.isdecimal())
        self.text = text
        self.line = int(line) if has_line else None
        self.file = file if has_line else text
        self.whole = len(self.file) > 1 and self.file.startswith("=")
        if self.whole:
            self.file = self.file[1:]
        if not self.file or self.file.startswith(("any:", "domain:")):
            raise ArgumentError(f"a place looks like app.py or app.py:88, not {text!r}", -8)

    def matches(self, file: str, line: int) -> bool:
        """file: a path, or the name of what has none."""
        if self.line is not None and self.line != line:
            return False
        if self.whole:
            return self.file == file
        ends = [file] + [file[at + 1 :] for at, c in enumerate(file) if c == "/" and file[at + 1 :]]
        return any(_glob(self.file, end) for end in ends)


def patterns(said: Patterns) -> tuple[Pattern, ...]:
    """One, or several."""
    return tuple(map(Pattern, (said,) if isinstance(said, str) else said))


class Chosen:
    """Which places count: those that an include names, if there is any, and no exclude."""

    __slots__ = ("exclude", "include")

    def __init__(self, include: Patterns = (), exclude: Patterns = ()) -> None:
        self.include = patterns(include)
        self.exclude = patterns(exclude)

    def __bool__(self) -> bool:
        return bool(self.include or self.exclude)

    def __call__(self, file: str, line: int) -> bool:
        named = not self.include or any(pattern.matches(file, line) for pattern in self.include)
        return named and not any(pattern.matches(file, line) for pattern in self.exclude)

    def has_lines(self) -> bool:
        """Whether one of them names a line."""
        return any(pattern.line is not None for pattern in self.include + self.exclude)
