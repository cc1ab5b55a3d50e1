"""Who refers to a set, kind by kind: a table whose rows are sets."""

from __future__ import annotations

from tonnage._errors import ArgumentError, NotFoundError
from tonnage._set_view import SetRow, SetView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tonnage._core import Patterns as Core
    from tonnage._core import Set
    from tonnage._sets import ObjectSet
    from tonnage._snapshot import Snapshot


def _letters(name: str) -> str:
    """a3b as aaab."""
    import re

    return re.sub(r"([A-Z]?[a-z])([1-9]\d{0,3})(?!\d)", lambda run: run[1] * int(run[2]), name)


class Patterns(SetView):
    """The page of `tonnage patterns`; `patterns["a2b"]` is the row of that name, and rows have their `objects`."""

    __slots__ = ("_pattern",)

    def __init__(
        self,
        asked: ObjectSet,
        against: Snapshot | None = None,
        *,
        depth: int,
        width: int,
        skip: int,
        **options: Any,
    ) -> None:
        self._pattern: Core | None = None
        bounds = {"depth": (depth, 1, 1000), "width": (width, 1, 702), "skip": (skip, 0, 1 << 31)}
        for name, (value, least, most) in bounds.items():
            if not least <= value <= most:
                raise ArgumentError(f"{name} must be from {least} to {most}, not {value}", -8)
        if (options["sort"] or "").startswith("-"):
            raise ArgumentError("a pattern follows what is most, never what is least", -8)
        super().__init__(asked, "patterns", asked._set, against, depth=depth, branches=width, skip=skip, **options)

    def __getitem__(self, name: str | int) -> SetRow:
        """The row of a name, which must be among those shown, or the n-th of these.

        Raises:
            NotFoundError: there is none of this name. A KeyError, too.
        """
        if isinstance(name, int):
            return super().__getitem__(name)
        for row in self:
            if row["name"] is not None and _letters(row["name"]) == _letters(name):
                return row
        raise NotFoundError(f"no row {name!r} is shown here", -9)

    def _render(self, **form: Any) -> str:
        options = self._options
        if self._pattern is None:
            self._pattern = self._asked._snapshot._core.patterns(
                set=self._selected_set(),
                by=options["by"] or "clodo",
                sort=options["sort"] or "references",
                depth=options["depth"],
                width=options["branches"],
                at=options["at"],
                fold=options["fold"],
            )
        return super()._render(patterns=self._pattern, **form)

    def _members(self, row: SetRow) -> Set:
        assert self._pattern is not None  # the text is made of it
        return self._pattern.members(row["row"])
