"""tonnage.Top: who has what is alive, in the terminal of a running program."""

from __future__ import annotations

from tonnage import _live_text
from tonnage._errors import ArgumentError
from tonnage._live_text import changed, moment, number, short_path, size
from tonnage._periodic import Display
from tonnage._places import Chosen
from tonnage._records import call
from tonnage._user_data import Figures, lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from tonnage._live_text import Paint, Target
    from tonnage._places import Patterns
    from tonnage._user_data import Callback, Row

    Place = tuple[str, int, str]
    Sum = tuple[int, float]  # bytes and blocks

WAYS = ("file", "line", "function")


_NOTHING = 0, 0.0


def _all(sums: Iterable[Sum]) -> Sum:
    found = list(sums)
    return sum(one[0] for one in found), sum(one[1] for one in found)


class _Look:
    """What was alive at one time."""

    __slots__ = ("interval", "mode", "own", "places", "process", "ranges", "time", "total", "user")

    def __init__(self, by: str, cumulative: bool, user: tuple[Row, ...]) -> None:
        self.time = _live_text.now()
        self.user = user
        now, cost, sums = call(lambda c: (c.trace_now(), c.trace_cost(), c.trace_live(by, cumulative)))
        self.mode: str = now["mode"]
        self.interval: int = now["interval"]
        self.process: int = now["process"]  # 0: not known
        rows, total, total_count, own, _ = sums
        self.own: int = cost["resident"] + own
        self.total: Sum = total, total_count
        self.places: dict[Place, Sum] = {row[:3]: row[3:5] for row in rows}
        self.ranges: dict[Place, tuple[float, float]] = {row[:3]: row[5:7] for row in rows}


class Top(Display):
    """The places in the code that have most of what is alive, as far as allocations are recorded (`tonnage.trace`).

    Args:
        count: rows; the others are one, "n more".
        file: where the page goes: what has write(), or a function that gets the text. None: the standard output.
        color: colours. None: where the file is a terminal, and NO_COLOR is not set.
        compare_with_previous: differences are those to the page before, else to the first one.
        filename_parts: how many parts of a path are shown; 0: all.
        full: the long form: lines, and counts and averages beside sizes, unless the next four say otherwise.
        show_size, show_count, show_average: a column is shown.
        show_lineno: rows are lines, not files.
        by: rows are "file", "line" or "function". None: as show_lineno says.
        cumulative: a row has what was called from there, too.
        include, exclude: places such as "app.py", "app/*.py" or, of rows that are lines, "app.py:88"; one or several.
            Rows are those that an include names, if there is any, and no exclude; the others are one, "left out".
        show_interval: beside an estimate stands its 95 % interval. None: in the long form.
        user_data_callback: gives rows (title, format, number) that the page ends with; format is "size", "count" or
            "number". They stay the same, in the same order.

    All but file, full, include and exclude are attributes as well, and may be set between two pages.

    Cost: docs/live.md.

    Example:
        >>> tonnage.trace.start("sampled")    # doctest: +SKIP
        >>> tonnage.Top(10).start(60)         # doctest: +SKIP
    """

    __slots__ = (
        "_chosen", "_figures", "_first", "_previous", "_kind", "by", "compare_with_previous", "count", "cumulative",
        "filename_parts", "show_average", "show_count", "show_interval", "show_lineno", "show_size",
        "user_data_callback",
    )  # fmt: skip

    def __init__(
        self,
        count: int = 10,
        file: Target = None,
        *,
        color: bool | None = None,
        compare_with_previous: bool = True,
        filename_parts: int = 3,
        full: bool = False,
        show_size: bool = True,
        show_count: bool | None = None,
        show_average: bool | None = None,
        show_lineno: bool | None = None,
        by: str | None = None,
        cumulative: bool = False,
        include: Patterns = (),
        exclude: Patterns = (),
        show_interval: bool | None = None,
        user_data_callback: Callback = None,
    ) -> None:
        super().__init__(file, color)
        if isinstance(count, bool) or not isinstance(count, int):
            raise TypeError(f"count must be an int, not {type(count).__name__}")
        if count < 1:
            raise ArgumentError(f"count must be at least 1 row, not {count}", -8)
        self.count = count
        self.compare_with_previous = compare_with_previous
        self.filename_parts = filename_parts
        self.show_size = show_size
        self.show_count = full if show_count is None else show_count
        self.show_average = full if show_average is None else show_average
        self.show_lineno = full if show_lineno is None else show_lineno
        self.by = by
        self.cumulative = cumulative
        self.show_interval = full if show_interval is None else show_interval
        self.user_data_callback = user_data_callback
        self._chosen = Chosen(include, exclude)
        self._figures = Figures()
        self._first: _Look | None = None
        self._previous: _Look | None = None
        self._kind: tuple[object, ...] = ()  # of what there is to compare with
        self._rows_are()

    def _rows_are(self) -> str:
        way = ("line" if self.show_lineno else "file") if self.by is None else self.by
        if way not in WAYS:
            raise ArgumentError(f"unknown rows {way!r}: by is file, line or function", -8)
        if way != "line" and self._chosen.has_lines():
            raise ArgumentError("places with a line need rows that are lines: by='line'", -8)
        return way

    def display(self) -> None:
        """Writes the page.

        Raises:
            ArgumentError: what the callback gives is wrong, or has changed its rows; nothing is written.
            NoMemoryError: there is no memory for the sums.
        """
        way = self._rows_are()
        look = _Look(way, self.cumulative, self._figures.ask(self.user_data_callback))
        kind = way, self.cumulative, look.mode == "off"
        if kind != self._kind:  # rows of other kinds have nothing in common
            self._kind, self._first, self._previous = kind, None, None
        before = self._previous if self.compare_with_previous else self._first
        page = _Page(self, self._chosen, way, look, before, self._screen.paint())
        self._first, self._previous = self._first or look, look
        self._screen.show(page.lines())


class _Page:
    """One page of a Top."""

    __slots__ = ("_before", "_chosen", "_look", "_paint", "_top", "_way")

    def __init__(self, top: Top, chosen: Chosen, way: str, look: _Look, before: _Look | None, paint: Paint) -> None:
        self._top = top
        self._chosen = chosen
        self._way = way
        self._look = look
        self._before = before
        self._paint = paint

    def lines(self) -> list[str]:
        look, before = self._look, self._before
        found = [self._title()]
        if look.mode == "off":
            found.append("no allocations are recorded: tonnage.trace.start() begins")
        else:
            found += self._rows()
            columns = self._columns(look.total, None if before is None else before.total)
            found.append(f"Total traced: {columns or size(look.total[0])}")
        found.append("Total process memory: " + self._process())
        return found + lines(look.user, None if before is None else before.user, self._paint)

    def _title(self) -> str:
        look = self._look
        words = f"{moment(look.time)}: Top {self._top.count} allocations per {self._way}"
        if self._top.cumulative:
            words += ", with what is called from there"
        if look.mode == "sampled":
            words += f", estimated from a sample each {size(look.interval)}"
        if self._before is not None:
            words += f"; changes since {moment(self._before.time)}"
        return self._paint.title(words)

    def _ordered(self) -> list[tuple[Place, Sum, Sum]]:
        """Rows with what they were, the largest difference first; without one, the largest."""
        now = self._look.places
        before = now if self._before is None else self._before.places
        rows = [(place, now.get(place, _NOTHING), before.get(place, _NOTHING)) for place in now | before]
        return sorted(rows, key=lambda row: (-abs(row[1][0] - row[2][0]), -row[1][0], row[0]))

    def _rows(self) -> list[str]:
        rows, left_out, count = self._ordered(), [], self._top.count
        if self._chosen:
            are = [self._chosen(row[0][0] or row[0][2], row[0][1]) for row in rows]
            left_out = [row for row, is_chosen in zip(rows, are, strict=True) if not is_chosen]
            rows = [row for row, is_chosen in zip(rows, are, strict=True) if is_chosen]
        found = [
            f"#{rank}: {self._label(place)}{self._told(now, before, self._look.ranges.get(place))}"
            for rank, (place, now, before) in enumerate(rows[:count], 1)
        ]
        return found + self._others("more", rows[count:]) + self._others("left out", left_out)

    def _others(self, what: str, rows: list[tuple[Place, Sum, Sum]]) -> list[str]:
        if not rows:
            return []
        if self._top.cumulative:  # a block counts in several: a sum says nothing
            return [f"{len(rows)} {what}"]
        return [f"{len(rows)} {what}{self._told(_all(row[1] for row in rows), _all(row[2] for row in rows))}"]

    def _told(self, now: Sum, before: Sum, between: tuple[float, float] | None = None) -> str:
        columns = self._columns(now, None if self._before is None else before)
        if columns and between and self._top.show_interval and self._look.mode == "sampled":
            columns += f", 95 %: {size(round(between[0]))} to {size(round(between[1]))}"
        return f": {columns}" if columns else ""

    def _label(self, place: Place) -> str:
        file, line, name = place
        if not file:
            return name
        shown = short_path(file, self._top.filename_parts)
        if self._way == "line":
            return f"{shown}:{line or '?'}"
        return f"{shown} {name}()" if self._way == "function" else shown

    def _columns(self, now: Sum, before: Sum | None) -> str:
        """ "size=408.0 KiB (+1.0 KiB), count=5379 (+2), average=77 B"; of a size alone its name is not needed."""
        top, paint = self._top, self._paint
        about = "≈" if self._look.mode == "sampled" else ""
        n_bytes, count = now
        found = []
        if top.show_size:
            text = about + size(n_bytes)
            text += "" if before is None else f" ({changed(n_bytes - before[0], size, paint)})"
            found.append(f"size={text}" if top.show_count or top.show_average else text)
        if top.show_count:
            text = f"count={about}{round(count)}"
            text += "" if before is None else f" ({changed(round(count - before[1]), number, paint)})"
            found.append(text)
        if top.show_average:
            found.append(f"average={about}{size(round(n_bytes / count) if count else 0)}")
        return ", ".join(found)

    def _process(self) -> str:
        """The resident set, without what tonnage itself takes of it."""
        look, before = self._look, self._before
        if not look.process:
            return "unknown"
        mine = look.process - look.own
        change = ""
        if before is not None and before.process:
            change = f" ({changed(mine - (before.process - before.own), size, self._paint)})"
        return f"{size(mine)}{change}, without {size(look.own)} of tonnage's own"
