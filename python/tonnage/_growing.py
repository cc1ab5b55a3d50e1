"""tonnage.Growing and tonnage.growth: types of which there are more objects than ever before, since the last look."""

from __future__ import annotations

from tonnage import _live_text
from tonnage._errors import ArgumentError
from tonnage._live_text import changed, moment, number, size
from tonnage._periodic import Display

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tonnage._live_text import Paint, Target


class _Type:
    """What is known of a type: its peak, and how often it went above it."""

    __slots__ = ("bytes", "count", "grown", "grown_bytes", "name", "peak", "steps")

    def __init__(self, name: str) -> None:
        self.name = name
        self.count = self.bytes = 0  # now
        self.peak = 0
        self.grown = self.grown_bytes = 0  # with the last look
        self.steps = 0  # looks in a row in which there were more than ever

    def look(self, count: int, n_bytes: int) -> None:
        """Takes what there is now."""
        self.grown = count - self.peak if count > self.peak else 0
        self.grown_bytes = n_bytes - self.bytes
        self.steps = self.steps + 1 if self.grown else 0
        self.count, self.bytes, self.peak = count, n_bytes, max(count, self.peak)


_ORDERS: dict[str, Callable[[_Type], tuple[object, ...]]] = {
    "growth": lambda kind: (-kind.grown, -kind.grown_bytes, kind.name),
    "size": lambda kind: (-kind.grown_bytes, -kind.grown, kind.name),
    "steady": lambda kind: (-kind.steps, -kind.grown, kind.name),
}


class _History:
    """Looks at the types of this process, or at those of a selection."""

    __slots__ = ("looks", "since", "types")

    def __init__(self) -> None:
        self.types: dict[str, _Type] = {}
        self.looks = 0
        self.since = 0.0  # the last one

    def look(self, census: Mapping[str, tuple[int, int]], time: float) -> list[_Type]:
        """Takes what there is now; the types that have grown."""
        for name in census.keys() | self.types.keys():
            self.types.setdefault(name, _Type(name)).look(*census.get(name, (0, 0)))
            if self.looks == 0:
                self.types[name].steps = 0
        self.looks += 1
        self.since = time
        return [kind for kind in self.types.values() if kind.grown]


def _census(where: str | None) -> Mapping[str, tuple[int, int]]:
    """Objects and bytes by type, of all objects but tonnage's own."""
    from tonnage._take import take

    with take(None, None, None if where else 0, None, None, False, None, False, named=False) as snapshot:
        groups = (snapshot.where(where) if where else snapshot.objects).by("type")
        return {group.kind: (group.count, group.size) for group in groups}


class Growing(Display):
    """Types of which there are more objects than there ever were when this looked.

    A type is shown when its count is above its peak of all looks before: what comes and goes is not. The first look
    has nothing to compare with, and tells the totals.

    Args:
        count: rows; the others are one, "n more".
        file: where the page goes: what has write(), or a function that gets the text. None: the standard output.
        color: colours. None: where the file is a terminal, and NO_COLOR is not set.
        sort: "growth": the most new objects first; "size": the most new bytes; "steady": those that grew with the most
            looks in a row.
        shortnames: types without their modules.
        where: only objects of this selection (docs/selection.md).

    Cost: a snapshot each time, as `tonnage.snapshot()`, in an unlinked file.

    Example:
        >>> growing = tonnage.Growing(sort="steady")   # doctest: +SKIP
        >>> growing.start(300)                         # doctest: +SKIP
    """

    __slots__ = ("_history", "count", "shortnames", "sort", "where")

    def __init__(
        self,
        count: int = 10,
        file: Target = None,
        *,
        color: bool | None = None,
        sort: str = "growth",
        shortnames: bool = False,
        where: str | None = None,
    ) -> None:
        super().__init__(file, color)
        if count < 1:
            raise ArgumentError(f"count must be at least 1 row, not {count}", -8)
        if sort not in _ORDERS:
            raise ArgumentError(f"unknown sort {sort!r}: it is {', '.join(_ORDERS)}", -8)
        self.count = count
        self.sort = sort
        self.shortnames = shortnames
        self.where = where
        self._history = _History()

    def display(self) -> None:
        """Writes the page.

        Raises:
            Error: no snapshot can be taken.
        """
        if self.sort not in _ORDERS:
            raise ArgumentError(f"unknown sort {self.sort!r}: it is {', '.join(_ORDERS)}", -8)
        history, time, paint = self._history, _live_text.now(), self._screen.paint()
        since, first = history.since, history.looks == 0
        rows = sorted(history.look(_census(self.where), time), key=_ORDERS[self.sort])
        if first:
            title, lines = "First look at types; the next one shows which have grown", []
        else:
            top = f"Top {self.count} of " if len(rows) > self.count else ""
            kinds = "1 type that has" if len(rows) == 1 else f"{len(rows)} types that have"
            title = f"{top}{kinds} grown since {moment(since)}"
            lines = self._rows(rows, paint)
        count = sum(kind.count for kind in history.types.values())
        n_bytes = sum(kind.bytes for kind in history.types.values())
        total = f"Total: count={count}, size={size(n_bytes)}"
        self._screen.show([paint.title(f"{moment(time)}: {title}"), *lines, total])

    def _rows(self, rows: list[_Type], paint: Paint) -> list[str]:
        lines = [f"#{rank}: {self._line(kind, paint)}" for rank, kind in enumerate(rows[: self.count], 1)]
        others = rows[self.count :]
        if others:
            grown = changed(sum(kind.grown for kind in others), number, paint)
            more = changed(sum(kind.grown_bytes for kind in others), size, paint)
            lines.append(f"{len(others)} more: count {grown}, size {more}")
        return lines

    def _line(self, kind: _Type, paint: Paint) -> str:
        name = kind.name.rpartition(".")[2] if self.shortnames else kind.name
        looks = "" if kind.steps < 2 else f", with each of {kind.steps} looks"
        return (
            f"{name}: count={kind.count} ({changed(kind.grown, number, paint)}), "
            f"size={size(kind.bytes)} ({changed(kind.grown_bytes, size, paint)}){looks}"
        )


_of_process: dict[str | None, _History] = {}  # by selection


def growth(count: int, file: Target, color: bool | None, sort: str, shortnames: bool, where: str | None) -> None:
    """See tonnage.growth."""
    growing = Growing(count, file, color=color, sort=sort, shortnames=shortnames, where=where)
    growing._history = _of_process.setdefault(where, growing._history)
    growing.display()
