"""Cycles of a snapshot: as a table whose rows are sets, and as strongly connected components."""

from __future__ import annotations

from _collections_abc import Sequence

from tonnage._object import Reference
from tonnage._paths import Path
from tonnage._sets import ObjectSet
from tonnage._view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, overload

    from tonnage._core import Components as Core
    from tonnage._core import Set
    from tonnage._snapshot import Snapshot
else:

    def overload(function: object) -> object:
        return function


class CycleRow(dict[str, "Any"]):
    """A row: its keys are those of docs/view-json.md."""

    __slots__ = ("_view",)

    def __init__(self, view: Cycles, row: dict[str, Any]) -> None:
        super().__init__(row)
        self._view = view

    @property
    def objects(self) -> ObjectSet:
        """The members of its cycles, a set. Cost: the first one of a view finds all components again."""
        return self._view._members(self["index"])


class Cycles(View):
    """The page of `tonnage cycles`; rows have their `objects`."""

    __slots__ = ("_components", "_made", "_snapshot")

    def __init__(self, snapshot: Snapshot, **options: Any) -> None:
        self._snapshot = snapshot
        self._components: Core | None = None
        self._made: list[CycleRow] | None = None
        super().__init__(snapshot._core, "cycles", file=snapshot.path, **options)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows, each a dict that has the members of its cycles as `objects`."""
        if self._made is None:
            self._made = [CycleRow(self, row) for row in super().rows]
        return self._made  # type: ignore[return-value]

    def __getitem__(self, index: int) -> CycleRow:
        return self.rows[index]  # type: ignore[return-value]

    def _members(self, index: int) -> ObjectSet:
        core, options = self._snapshot._core, self._options
        if self._components is None:
            where: Set | None = options.get("set")
            if options.get("where"):
                where = core.select(options["where"], where)
            self._components = core.components(where=where, garbage=options["garbage"])
            self._components.groups()
        found = self._components
        members = found.members(index) if options["by"] == "id" else found.group_members(index)
        return ObjectSet(self._snapshot, members)


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
