"""A set of objects parted into groups, each a set again."""

from __future__ import annotations

from tonnage._errors import NotFoundError
from tonnage._object import Object
from tonnage._reference import overload
from tonnage._sets import ObjectSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tonnage._core import Groups as CoreGroups
    from tonnage._core import Set

_ADDRESSES = 1 << 12  # nothing starts below


class Group(ObjectSet):
    """One of several groups: a set that knows what its members have in common, and looks for them when asked.

    With `fold`, `len()` counts dicts that `count` leaves out: they are members, but no objects of their own.
    """

    __slots__ = ("_groups", "_row")

    def __init__(self, groups: Groups, index: int) -> None:
        super().__init__(groups._parted._snapshot, None)
        self._groups = groups
        self._row = groups._core.row(index)

    def _make(self) -> Set:
        return self._groups._core.members(self.index)

    @property
    def kind(self) -> str:
        """What its members have in common, as the table shows it."""
        return self._row[0]

    @property
    def count(self) -> int:
        """Objects that count."""
        return self._row[1]

    @property
    def size(self) -> int:
        """Bytes of all members together."""
        return self._row[2]

    @property
    def index(self) -> int:
        """Its place among the groups, as they are sorted now."""
        found = self._groups._core.of(self._row[4])
        assert found is not None
        return found

    @property
    def head(self) -> Object | None:
        """The object, thread or frame that alone holds the members, where groups have such."""
        return None if self._row[5] is None else Object(self._snapshot, self._row[5])

    @property
    def children(self) -> GroupList:
        """Groups that members refer to. Cost: one pass over the members' references."""
        return self._related(False)

    @property
    def parents(self) -> GroupList:
        """Groups whose members refer to members. Cost: one pass over all references."""
        return self._related(True)

    def _related(self, parents: bool) -> GroupList:
        marks = self._groups._core.related(self.index, parents)
        return GroupList(self._groups[index] for index, mark in enumerate(marks) if mark)


class GroupList(list[Group]):
    """Some groups; prints one a line."""

    def __repr__(self) -> str:
        from tonnage._core import format_bytes

        return "\n".join(f"{group.kind}: {group.count} objects, {format_bytes(group.size)}" for group in self) or "[]"


class Groups:
    """A set parted into groups, the biggest first. Prints as a table; `[0]` is a group, which is a set again.

    `[address]` and `[object]` are the group of a head, or the one that an object is in. Iterating gives all groups.
    """

    __slots__ = ("_core", "_first", "_parted")

    _PAGE = 10

    def __init__(self, parted: ObjectSet, core: CoreGroups, first: int = 0) -> None:
        self._parted = parted
        self._core = core
        self._first = first  # of the page that is printed

    def __len__(self) -> int:
        return len(self._core)

    def __iter__(self) -> Iterator[Group]:
        return (Group(self, index) for index in range(len(self)))

    @overload
    def __getitem__(self, place: int | Object) -> Group: ...
    @overload
    def __getitem__(self, place: slice) -> ObjectSet: ...  # noqa: F811
    def __getitem__(self, place: int | Object | slice) -> Group | ObjectSet:  # noqa: F811
        """The n-th group; the members of several, `[:3]`; the group of a head or member, by its address or itself.

        Raises:
            IndexError: there are fewer groups.
            NotFoundError: no object starts at this address, or it is not in the set that was parted. A KeyError, too.
        """
        n = len(self)
        if isinstance(place, slice):
            found = self._parted._of(self._parted._snapshot._core.set_of(b""))
            for index in range(*place.indices(n)):
                found |= Group(self, index)
            return found
        if isinstance(place, int) and -n <= place < n:
            return Group(self, place % n)
        if isinstance(place, int) and abs(place) < _ADDRESSES:
            raise IndexError(f"no group {place}: there are {n}")
        return self.of(place)

    def __contains__(self, item: object) -> bool:
        """Whether an object, given as such or by its address, is in one of the groups."""
        return item in self._parted

    def of(self, item: Object | int) -> Group:
        """The group of a head or member, given as an Object or by its address."""
        snapshot = self._parted._snapshot
        thing = item if isinstance(item, Object) else snapshot[item]
        index = self._core.of(thing._node) if thing._snapshot is snapshot else None
        if index is None:
            raise NotFoundError(f"{thing!r} is in none of these groups", -9)
        return Group(self, index)

    @property
    def size(self) -> int:
        """Bytes of all groups together."""
        return self._core.total()[1]

    @property
    def count(self) -> int:
        """Objects of all groups together."""
        return self._core.total()[0]

    @property
    def more(self) -> Groups:
        """The same groups, printed from where this page ends."""
        return Groups(self._parted, self._core, min(self._first + self._PAGE, len(self)))

    def sort(self, key: str = "size") -> Groups:
        """Puts the groups into another order, here too: "size", "count", "largest" or "kind"; "-" turns it round."""
        name = key.removeprefix("-")
        self._core.sort(name, (name != "kind") != key.startswith("-"))
        return Groups(self._parted, self._core)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of the table, all of them: `kind`, `count`, `size`, …, as `tonnage groups --json` has them."""
        from tonnage._json_text import loads

        rows: list[dict[str, Any]] = loads(self.json())["rows"]
        for row in rows:
            for column in "largest_address", "head_address":
                row[column] = None if row[column] is None else int(row[column], 16)
        return rows

    def json(self) -> str:
        """The table as JSON text (docs/view-json.md)."""
        return self._core.view(json=True)

    def _repr_html_(self) -> str:
        from tonnage._html import table
        from tonnage._json_text import loads

        data = loads(self.json())
        rows = self.rows[self._first :][: self._PAGE]
        return table(rows, data["columns"], data["units"], f"{self.count} objects in {len(self)} groups")

    def __repr__(self) -> str:
        from tonnage._view import terminal_width

        try:
            text = self._core.view(first=self._first, limit=self._PAGE, width=terminal_width()).rstrip("\n")
        except ValueError as error:
            return f"<tonnage Groups: {error}>"
        return text.removesuffix(">") + "; .more shows them>" if text.endswith(">") else text
