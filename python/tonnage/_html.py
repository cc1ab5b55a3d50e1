"""Tables in notebooks."""

from __future__ import annotations

import html

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def page(text: str) -> str:
    """A page that is no table, as it is."""
    return f"<pre>{html.escape(text)}</pre>"


def table(rows: list[dict[str, Any]], columns: list[str], units: dict[str, str], caption: str) -> str:
    """Rows as an HTML table: bytes in their units, addresses in hexadecimal, None as nothing."""
    from tonnage._core import format_bytes

    def cell(row: dict[str, Any], column: str) -> str:
        value, unit = row.get(column), units.get(column)
        if value is None:
            return ""
        if unit == "address":
            return f"{value:#x}"
        if unit == "bytes" and isinstance(value, int):
            return ("-" if value < 0 else "") + format_bytes(abs(value))
        return str(value)

    def line(tag: str, cells: list[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in cells) + "</tr>"

    lines = [line("th", columns), *(line("td", [cell(row, column) for column in columns]) for row in rows)]
    return f"<table><caption>{html.escape(caption)}</caption>\n" + "\n".join(lines) + "\n</table>"
