"""A flame graph in a notebook: boxes with their places in percent, no script."""

from __future__ import annotations

import html
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_LINE = 18  # pixels
_LEAST = 0.1  # percent of the width: narrower boxes cannot be seen
_STYLE = (
    "position:absolute;box-sizing:border-box;overflow:hidden;white-space:nowrap;text-overflow:ellipsis;padding:0 3px;"
    f"height:{_LINE - 1}px;line-height:{_LINE - 1}px;color:#000"
)


def _told(value: int, unit: str) -> str:
    from tonnage._core import format_bytes

    if unit == "bytes":
        return format_bytes(value)
    return f"{value / 1e9:.3f} s" if unit == "ns" else f"{value} {unit}"


def _colour(name: str) -> str:
    """The same for the same name: warm, and light enough for black text."""
    number = zlib.crc32(name.encode(errors="replace"))
    return f"hsl({20 + number % 35},{60 + number // 35 % 30}%,{68 + number // 1050 % 12}%)"


def flame(data: dict[str, Any]) -> str:
    """The view as HTML: the outermost frame is above, and what it called below; boxes are as wide as their share."""
    total, unit, frames = data["total"]["total"], data["unit"], data["frames"]
    places: list[tuple[int, float]] = []  # of each node: level, left edge in percent
    taken: dict[int | None, float] = {}  # by parent: the left edge of its next child
    boxes, levels = [], 1
    for number, node in enumerate(data["nodes"]):
        parent, width = node["parent"], 100 * node["total"] / total if total else 0.0
        level, start = (1, 0.0) if parent is None else (places[parent][0] + 1, places[parent][1])
        left = taken.get(parent, start)
        taken[parent] = left + width
        places.append((level, left))
        taken.setdefault(number, left)
        if width < _LEAST:
            continue
        name = frames[node["frame"]]["name"]
        levels = max(levels, level + 1)
        text = html.escape(name)
        tip = html.escape(f"{name}: {_told(node['total'], unit)} ({width:.1f} %)")
        where = f"left:{left:.3f}%;width:{width:.3f}%;top:{level * _LINE}px;background:{_colour(name)}"
        boxes.append(f'<div title="{tip}" style="{_STYLE};{where}">{text}</div>')
    head = html.escape(f"{data['what']}: {_told(total, unit)}")
    whole = f'<div style="{_STYLE};left:0;width:100%;top:0;background:#ddd">{head}</div>'
    size = f"position:relative;height:{levels * _LINE}px;font:12px monospace"
    return f'<div role="img" aria-label="{head}" style="{size}">' + whole + "".join(boxes) + "</div>"
