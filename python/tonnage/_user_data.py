"""Figures that the program tells of itself: rows of (title, format, number), in displays and in snapshots."""

from __future__ import annotations

from tonnage._errors import ArgumentError
from tonnage._live_text import changed, number, size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from tonnage._live_text import Paint

    Row = tuple[str, str, int | float]
    Callback = Callable[[], Iterable[Row]] | None

ROWS_MAX = 100  # as many as views show
FORMATS = {"size": "bytes", "count": "a whole number", "number": "any number"}


def _wrong(what: str) -> ArgumentError:
    return ArgumentError(f"user data: {what}", -8)


def _row(given: object) -> Row:
    row = tuple(given) if isinstance(given, (tuple, list)) else ()
    if len(row) != 3 or not isinstance(row[0], str):
        raise _wrong(f"a row is (title, format, number), not {given!r}")
    title, form, value = row
    try:
        title.encode()
    except UnicodeEncodeError:
        raise _wrong(f"the title {title!r} is no text that can be written") from None
    if form not in FORMATS:
        known = ", ".join(f"{name!r} ({what})" for name, what in FORMATS.items())
        raise _wrong(f"unknown format {form!r} of {title!r}: there are {known}")
    if isinstance(value, bool) or not isinstance(value, int if form != "number" else (int, float)):
        raise _wrong(f"{title!r} must be {FORMATS[form]}, not {value!r}")
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        raise _wrong(f"{title!r} is out of range: {value}")
    return title, form, value


def read(rows: Iterable[Row] | None) -> tuple[Row, ...]:
    """Rows that were found to be right.

    Raises:
        ArgumentError: one is not.
    """
    found = tuple(map(_row, rows or ()))
    if len(found) > ROWS_MAX:
        raise _wrong(f"{len(found)} rows are too many: at most {ROWS_MAX}")
    return found


def _names(rows: tuple[Row, ...]) -> str:
    return ", ".join(f"{title!r} ({form})" for title, form, _ in rows) or "none"


def must_match(before: tuple[Row, ...], now: tuple[Row, ...]) -> None:
    """Raises ArgumentError where rows are not those of before: differences would be of different things."""
    if [row[:2] for row in before] != [row[:2] for row in now]:
        raise _wrong(f"rows must stay the same, in the same order: they were {_names(before)}, and are {_names(now)}")


class Figures:
    """What a callback tells, the same rows each time."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: tuple[Row, ...] | None = None

    def ask(self, callback: Callback) -> tuple[Row, ...]:
        """The rows now.

        Raises:
            ArgumentError: a row is wrong, or rows are not those of the last time.
        """
        rows = read(None if callback is None else callback())
        if self._rows is not None and callback is not None:
            must_match(self._rows, rows)
        self._rows = None if callback is None else rows
        return rows


def lines(rows: tuple[Row, ...], before: tuple[Row, ...] | None, paint: Paint) -> list[str]:
    """Rows as text, with differences where there is something to compare with."""
    found = []
    for at, (title, form, value) in enumerate(rows):
        text: Callable[[Any], str] = size if form == "size" else number
        change = ""
        if before is not None and len(before) == len(rows):
            change = f" ({changed(value - before[at][2], text, paint)})"
        found.append(f"{title}: {text(value)}{change}")
    return found
