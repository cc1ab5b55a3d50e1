"""Findings of waste: a table whose rows are sets."""

from __future__ import annotations

from tonnage._set_view import SetRow, SetView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tonnage._core import Set
    from tonnage._core import Waste as Core
    from tonnage._sets import ObjectSet
    from tonnage._snapshot import Snapshot


class Waste(SetView):
    """The page of `tonnage waste`; rows have their `objects`: what would go, or have less in it."""

    __slots__ = ("_found",)

    def __init__(self, asked: ObjectSet, against: Snapshot | None = None, **options: Any) -> None:
        self._found: Core | None = None
        super().__init__(asked, "waste", None if asked._is_all else asked._set, against, **options)

    def _render(self, **form: Any) -> str:
        if self._found is None:
            self._found = self._asked._snapshot._core.waste(
                set=self._selected_set(), by=self._options["by"], where_rows=self._options.get("where_rows")
            )
        return super()._render(waste=self._found, **form)

    def _members(self, row: SetRow) -> Set:
        assert self._found is not None  # the text is made of it
        return self._found.members(row["index"])
