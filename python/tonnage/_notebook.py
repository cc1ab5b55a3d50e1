"""Notebooks: `%load_ext tonnage`, then `%%tonnage` shows what a cell needed and what it keeps."""

from __future__ import annotations

from tonnage._errors import Error
from tonnage._html import page
from tonnage._live_text import size as shown
from tonnage._region import Region

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tonnage._region import Stack
    from tonnage.trace import Frame

    Row = tuple[int, int, str, str]  # bytes, blocks, place, line of source

_RUNNER = "interactiveshell.py"  # runs cells
_ROWS = 10
_SHARE = 100  # of all: smaller rows are not shown

HELP = "usage: %%tonnage [ROWS]\n\nRuns the cell; shows what it needed and what it keeps, by line (ROWS: 10)."


def _of_cell(stack: Stack) -> Frame | None:
    """The innermost frame of the cell's own code, or the innermost one where none of it is on the stack."""
    cell = None
    for index, frame in enumerate(stack.frames):
        if frame.file.endswith(_RUNNER):
            cell = stack.frames[index - 1].file if index else None
            break
    return next((frame for frame in stack.frames if frame.file == cell), stack.frames[0] if stack.frames else None)


def _rows(stacks: list[Stack]) -> list[Row]:
    """Stacks by line, the most first."""
    import linecache

    sums: dict[Frame | None, list[int]] = {}
    for stack in stacks:
        both = sums.setdefault(_of_cell(stack), [0, 0])
        both[0] += stack.size
        both[1] += stack.count
    rows: list[Row] = []
    for frame, (size, count) in sums.items():
        if frame is None:
            rows.append((size, count, "<native>", ""))
        else:
            text = linecache.getline(frame.file, frame.line or 0).strip()
            in_cell = frame.file.startswith("<ipython-input") or "ipykernel" in frame.file
            place = f"line {frame.line}" if in_cell else f"{frame.file}:{frame.line}"
            rows.append((size, count, place, text))
    return sorted(rows, key=lambda row: -row[0])


class CellMemory:
    """What a cell needed and keeps.

    Attributes:
        peak: bytes when it was largest, above what was alive before.
        left: bytes that are alive after it, garbage collected.
        allocations: how many it made.
        needed, kept: rows of both: bytes, blocks, place and line of source.
    """

    __slots__ = ("_limit", "allocations", "kept", "left", "needed", "peak")

    def __init__(self, region: Region, births: int, limit: int) -> None:
        self._limit = limit
        self.peak = region.peak
        self.left = region.left
        self.allocations = births
        self.needed = _rows(region.at_peak(max(region.peak // _SHARE, 1)))
        self.kept = _rows(region.left_behind(max(region.left // _SHARE, 1)))

    @property
    def _told(self) -> str:
        return f"{shown(self.peak)} needed at the peak, {shown(self.left)} kept; {self.allocations} allocations"

    def __repr__(self) -> str:
        lines = [self._told]
        for title, rows in (("alive at the peak", self.needed), ("kept", self.kept)):
            lines += [f"{title}:"] if rows else []
            lines += [
                f"  {shown(size):>10}  {count:>8}  {place}  {text}".rstrip()
                for size, count, place, text in rows[: self._limit]
            ]
            if len(rows) > self._limit:
                lines.append(f"  <{len(rows) - self._limit} more>")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from tonnage._html import table

        made = [page(self._told)]
        columns = ["size", "blocks", "place", "line"]
        for title, rows in (("alive at the peak", self.needed), ("kept", self.kept)):
            cells = [dict(zip(columns, row, strict=True)) for row in rows[: self._limit]]
            more = f"; {len(rows) - self._limit} more rows" if len(rows) > self._limit else ""
            made += [table(cells, columns, {"size": "bytes"}, title + more)] if cells else []
        return "\n".join(made)


def _run(shell: Any, line: str, cell: str) -> CellMemory | None:
    from tonnage import _region

    words = line.split()
    if len(words) > 1 or not all(word.isdecimal() for word in words):
        print(HELP)
        return None
    region = Region(by_stack=True)
    try:
        region.begin()
        try:
            before = _region.now()["births"]
            shell.run_cell(cell)
            births = _region.now()["births"] - before
            region.finish()
            return CellMemory(region, births, int(words[0]) if words else _ROWS)
        finally:
            region.close()
    except Error as error:
        print(f"tonnage: {error}")
        return None


def load(shell: Any) -> None:
    """Gives an IPython shell the magic `%%tonnage`."""

    def tonnage(line: str, cell: str) -> CellMemory | None:
        return _run(shell, line, cell)

    tonnage.__doc__ = HELP
    shell.register_magic_function(tonnage, magic_kind="cell", magic_name="tonnage")
