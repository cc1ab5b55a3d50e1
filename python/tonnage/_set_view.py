"""A table of a snapshot whose rows are sets of objects."""

from __future__ import annotations

from tonnage._view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tonnage._core import Set
    from tonnage._sets import ObjectSet
    from tonnage._snapshot import Snapshot


class SetRow(dict[str, "Any"]):
    """A row: its keys are those of docs/view-json.md."""

    __slots__ = ("_view",)

    def __init__(self, view: SetView, row: dict[str, Any]) -> None:
        super().__init__(row)
        self._view = view

    @property
    def objects(self) -> ObjectSet:
        """Its members and the dicts that are parts of them, a set. Of an audit the first one costs a pass."""
        return self._view._asked._of(self._view._members(self))


class SetView(View):
    """A page about a set; its rows have their `objects`."""

    __slots__ = ("_asked", "_made")

    def __init__(
        self, asked: ObjectSet, kind: str, members: Set | None, against: Snapshot | None, **options: Any
    ) -> None:
        self._asked = asked
        self._made: list[SetRow] | None = None
        super().__init__(asked._snapshot._core, kind, set=members, against=asked._snapshot._older(against), **options)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows that are shown, each a dict that has its members as `objects`."""
        if self._made is None:
            self._made = [SetRow(self, row) for row in super().rows]
        return self._made  # type: ignore[return-value]

    def __iter__(self) -> Iterator[SetRow]:
        return iter(self.rows)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> SetRow:
        return self.rows[index]  # type: ignore[return-value]

    def _members(self, row: SetRow) -> Set:
        raise NotImplementedError

    def _selected(self) -> ObjectSet:
        """What the page is about."""
        return self._asked._narrowed(self._options.get("where"), self._against)

    def _selected_set(self) -> Set | None:
        """The same for the library: None for all objects."""
        if self._asked._is_all and self._against is None and not self._options.get("where"):
            return None
        return self._selected()._set
