"""Findings of waste: rows, and the objects behind each."""

from __future__ import annotations

from tonnage._view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tonnage._core import Waste as CoreWaste
    from tonnage._sets import ObjectSet
    from tonnage._snapshot import Snapshot


class Finding(dict[str, "Any"]):
    """A row of `snapshot.waste()`, with the keys of docs/view-json.md."""

    __slots__ = ("_view",)
    _view: WasteView

    @property
    def objects(self) -> ObjectSet:
        """What would go, or have less in it. Cost: the first call for a view finds all waste again."""
        return self._view._objects(self["index"])


class WasteView(View):
    """The page of `tonnage waste`; its rows have `.objects`."""

    __slots__ = ("_made", "_snapshot")

    def __init__(self, snapshot: Snapshot, **options: Any) -> None:
        super().__init__(snapshot._core, "waste", **options)
        self._snapshot = snapshot
        self._made: CoreWaste | None = None

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The findings, each a dict from column to value with `.objects`."""
        if self._rows is None:
            made: list[dict[str, Any]] = []
            for row in super().rows:
                finding = Finding(row)
                finding._view = self
                made.append(finding)
            self._rows = made
        return self._rows

    def _objects(self, index: int) -> ObjectSet:
        from tonnage._sets import ObjectSet

        if self._made is None:
            members, where = self._options.get("set"), self._options.get("where")
            if where:
                members = self._core.select(where, members)
            self._made = self._core.waste(
                set=members, by=self._options.get("by"), where_rows=self._options.get("where_rows")
            )
        return ObjectSet(self._snapshot, self._made.members(index))
