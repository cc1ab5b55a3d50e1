"""Who refers to a set, kind by kind: a table whose rows are sets."""

from __future__ import annotations

from tonnage._errors import NotFoundError
from tonnage._sets import ObjectSet
from tonnage._view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tonnage._core import Patterns as Core
    from tonnage._snapshot import Snapshot


class PatternRow(dict[str, "Any"]):
    """A row: its keys are those of docs/view-json.md."""

    __slots__ = ("_view",)

    def __init__(self, view: Patterns, row: dict[str, Any]) -> None:
        super().__init__(row)
        self._view = view

    @property
    def objects(self) -> ObjectSet:
        """Its members, a set. Cost: the first one of a page makes the pattern again."""
        return self._view._members(self["row"])


class Patterns(View):
    """The page of `tonnage patterns`; `patterns["a2b"]` is the row of that name, and rows have their `objects`."""

    __slots__ = ("_asked", "_made", "_pattern")

    def __init__(self, asked: ObjectSet, against: Snapshot | None = None, **options: Any) -> None:
        self._asked = asked
        self._made: list[PatternRow] | None = None
        self._pattern: Core | None = None
        super().__init__(asked._snapshot._core, "patterns", set=asked._set, against=against, **options)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows that are shown, in the order of the tree."""
        if self._made is None:
            self._made = [PatternRow(self, row) for row in super().rows]
        return self._made  # type: ignore[return-value]

    def __iter__(self) -> Iterator[PatternRow]:
        return iter(self.rows)  # type: ignore[arg-type]

    def __getitem__(self, name: str | int) -> PatternRow:
        """The row of a name, which must be among those shown, or the n-th of these.

        Raises:
            NotFoundError: there is none of this name. A KeyError, too.
        """
        if isinstance(name, int):
            return self.rows[name]  # type: ignore[return-value]
        for row in self:
            if row["name"] == name:
                return row
        raise NotFoundError(f"no row {name!r} is shown here", -9)

    def _members(self, row: int) -> ObjectSet:
        options = self._options
        if self._pattern is None:
            self._pattern = self._asked._snapshot._core.patterns(
                set=self._asked._chosen(options.get("where"), self._against),
                by=options["by"] or "clodo",
                sort=options["sort"] or "references",
                depth=self.data["depth"],
                width=self.data["width"],
                fold=options["fold"],
            )
        return self._asked._of(self._pattern.members(row))
