"""Cycles of a snapshot: as a table whose rows are sets, and as strongly connected components."""

from __future__ import annotations

from _collections_abc import Sequence

from tonnage._errors import ArgumentError
from tonnage._paths import Path
from tonnage._reference import Reference, overload
from tonnage._set_view import SetRow, SetView
from tonnage._sets import ObjectSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tonnage._core import Components as Core
    from tonnage._core import Set
    from tonnage._snapshot import Snapshot


class Cycles(SetView):
    """The page of `tonnage cycles`; rows have their `objects`, the members of their cycles."""

    __slots__ = ("_found",)

    def __init__(self, asked: ObjectSet, against: Snapshot | None = None, **options: Any) -> None:
        self._found: Core | None = None
        if options["by"] not in ("type", "site", "id"):
            raise ArgumentError(
                "cycles stand by type, what they go over, by site, where they were made, too, or by id, each one, "
                f"not by {options['by']!r}",
                -8,
            )
        super().__init__(asked, "cycles", None if asked._is_all else asked._set, against, **options)

    def _render(self, **form: Any) -> str:
        if self._found is None:
            core = self._asked._snapshot._core
            by = "type" if self._options["by"] == "id" else self._options["by"]
            self._found = core.components(where=self._selected_set(), garbage=self._options["garbage"], by=by)
        return super()._render(components=self._found, **form)

    def _members(self, row: SetRow) -> Set:
        found = self._found
        assert found is not None  # the text is made of it
        return found.members(row["index"]) if self._options["by"] == "id" else found.group_members(row["index"])


class Component(ObjectSet):
    """Objects that all lead to one another: a set."""

    __slots__ = ("_found", "_index", "_row")

    def __init__(self, snapshot: Snapshot, found: Core, index: int) -> None:
        super().__init__(snapshot, None)
        self._found = found
        self._index = index
        self._row = found.row(index)

    def _make(self) -> Set:
        return self._found.members(self._index)

    def __len__(self) -> int:
        return self._row[0]

    @property
    def size(self) -> int:
        """Bytes of all members together."""
        return self._row[2]

    @property
    def is_source(self) -> bool:
        """Whether no other object that was asked about refers to a member."""
        return self._row[5]

    def shortest_cycle(self) -> Path:
        """References from a member back to it, as few as there are; of a very large component maybe not the fewest.

        `str(path)` begins with an object and reads on as Python.
        """
        return Path(self._snapshot, self._found.cycle(self._index)[0])

    @property
    def references(self) -> list[Reference]:
        """All references between members that hold: with the members, the graph to draw."""
        return [
            Reference(self._snapshot, source, place, (target, kind, style, None, label, place))
            for source, target, kind, style, label, place in self._found.references(self._index)
        ]


class Components(Sequence[Component]):
    """Strongly connected components of more than one object, or one that refers to itself; most bytes first."""

    __slots__ = ("_found", "_snapshot")

    def __init__(self, snapshot: Snapshot, of: Set) -> None:
        self._snapshot = snapshot
        self._found = snapshot._core.components(of=of)

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, index: int) -> Component: ...
    @overload
    def __getitem__(self, index: slice) -> list[Component]: ...  # noqa: F811
    def __getitem__(self, index: int | slice) -> Component | list[Component]:  # noqa: F811
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        return Component(self._snapshot, self._found, range(len(self))[index])

    @property
    def sources(self) -> list[Component]:
        """Those that no other object that was asked about leads to."""
        return [component for component in self if component.is_source]

    def __repr__(self) -> str:
        return f"<{len(self)} components>"
