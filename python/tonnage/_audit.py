"""Reference counts against references: a table whose rows are sets."""

from __future__ import annotations

from tonnage._set_view import SetRow, SetView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tonnage._core import Groups, Set
    from tonnage._sets import ObjectSet
    from tonnage._snapshot import Snapshot


class Audit(SetView):
    """The page of `tonnage audit`; rows have their `objects`, those of a grade that have in common what `by` says."""

    __slots__ = ("_graded",)

    def __init__(self, asked: ObjectSet, against: Snapshot | None = None, **options: Any) -> None:
        self._graded: dict[str, Groups] = {}
        super().__init__(asked, "audit", None if asked._is_all else asked._set, against, **options)

    def _members(self, row: SetRow) -> Set:
        snapshot, grade = self._asked._snapshot, row["grade"]
        if grade not in self._graded:
            members = snapshot._core.audit_set(self._selected_set(), grade)
            self._graded[grade] = snapshot._core.groups(self._options["by"], set=members)
        groups = self._graded[grade]
        index = groups.of(snapshot[row["address"]]._node)  # of the example
        assert index is not None
        return groups.members(index)
