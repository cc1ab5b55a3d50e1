"""A table of a snapshot: the command's text, and the same rows as data."""

from __future__ import annotations

import sys

from tonnage._errors import ArgumentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tonnage._core import Snapshot as Core
    from tonnage._snapshot import Snapshot


_LIMIT_MAX = (1 << 32) - 2  # no snapshot has more rows


def terminal_width() -> int:
    """Columns of the terminal that standard output is, else 0: the view's own default.

    At least as many as leave room for addresses: with these one goes on.
    """
    import os

    try:
        return max(80, os.get_terminal_size(sys.__stdout__.fileno()).columns) if sys.__stdout__ else 0
    except (OSError, ValueError):
        return 0


def _with_numbers(row: dict[str, Any], addresses: set[str]) -> dict[str, Any]:
    """A row, and the rows in it (steps of a path), with addresses as numbers."""
    made: dict[str, Any] = {}
    for key, value in row.items():
        if key in addresses and isinstance(value, str):
            made[key] = int(value, 16)
        elif isinstance(value, list):
            made[key] = [_with_numbers(one, addresses) if isinstance(one, dict) else one for one in value]
        else:
            made[key] = value
    return made


def _bytes(threshold: int | str) -> int:
    from tonnage._core import parse_bytes

    try:
        number = threshold if isinstance(threshold, int) else parse_bytes(threshold)
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 64:
        raise ArgumentError(f"threshold must be a number of bytes, or text such as '64k', not {threshold!r}", -8)
    return number


class View:
    """Rows of a table. `print(view)` writes what the command of the same name writes.

    Iterating gives the rows as dicts; `rows`, `total` and `json()` come from the command's `--json`.
    """

    __slots__ = ("_against", "_core", "_data", "_json", "_kind", "_options", "_rows", "_text")

    def __init__(
        self,
        core: Core,
        kind: str,
        *,
        threshold: int | str | None = None,
        against: Snapshot | None = None,
        **options: Any,
    ) -> None:
        if threshold is not None:
            options["where_rows"] = f"size:>={_bytes(threshold)}"
        limit = options.get("limit", 0)
        if limit < 0:
            raise ArgumentError(f"limit must be 0, which is all, or more, not {limit}", -8)
        options["limit"] = min(limit, _LIMIT_MAX)
        if against is not None:
            options["against"] = against._core
        self._against = against  # a snapshot that nobody holds is closed
        self._core = core
        self._kind = kind
        self._options = options
        self._json: str | None = None
        self._data: dict[str, Any] | None = None
        self._rows: list[dict[str, Any]] | None = None
        self._text = self._render(width=terminal_width())

    def _render(self, **form: Any) -> str:
        """The text, or with `json=True` the JSON. One that keeps what both are made of passes that on."""
        return self._core.view(self._kind, **form, **self._options)

    def __repr__(self) -> str:
        return self._text.rstrip("\n")

    def _repr_html_(self) -> str:
        from tonnage._html import page, table

        columns = self.data.get("columns")
        if not columns or not self.rows:
            return page(repr(self))
        name, more = self.data["view"], self.data.get("more")
        return table(self.rows, columns, self.data["units"], f"{name}; {more} more rows" if more else name)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]

    def json(self) -> str:
        """The view as JSON text, the same as the command with `--json`. Cost: like making the view, once."""
        if self._json is None:
            self._json = self._render(json=True)
        return self._json

    @property
    def data(self) -> dict[str, Any]:
        """The whole JSON object of the view (docs/view-json.md); addresses are text there."""
        if self._data is None:
            from tonnage._json_text import loads

            self._data = loads(self.json())
        assert self._data is not None
        return self._data

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows, each a dict from column to value: sizes in bytes, addresses as int, ready for `snapshot[...]`."""
        if self._rows is None:
            rows: list[dict[str, Any]] = self.data.get("rows", [])
            addresses = {column for column, unit in self.data.get("units", {}).items() if unit == "address"}
            self._rows = [_with_numbers(row, addresses | {"address"}) for row in rows]
        return self._rows

    @property
    def total(self) -> Any:
        """What all rows add up to, those not shown included."""
        if "total" not in self.data:
            raise ArgumentError(f"{self._kind} has no total", -8)
        return self.data["total"]
