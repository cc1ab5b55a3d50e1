"""Sets of objects, and groups of them: selected, combined, parted, walked along references, read when looked at."""

from __future__ import annotations

from tonnage._errors import ArgumentError, NotFoundError
from tonnage._object import Object, Objects, an_address
from tonnage._tables import Tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, overload

    from tonnage._core import Groups as CoreGroups
    from tonnage._core import Set
    from tonnage._cycles import Components
    from tonnage._snapshot import Snapshot
    from tonnage._view import View
else:

    def overload(function: object) -> object:
        return function


_ADDRESSES = 1 << 12  # nothing starts below
_KINDS = ("owning", "borrowed", "weak", "interned", "guessed")


def _kind_bits(kinds: str | None) -> int:
    if kinds is None:
        return 0
    words = _KINDS if kinds == "all" else kinds.split()
    if not words or not set(words) <= set(_KINDS):
        raise ArgumentError(f"kinds are {', '.join(_KINDS)}, or all, not {kinds!r}", -8)
    return sum(1 << _KINDS.index(word) for word in set(words))


class ObjectSet(Tables):
    """A set of objects of a snapshot: `snapshot.where("type:dict size:>1k")`, `snapshot.objects`.

    `|`, `&`, `-`, `^` and `~` make new ones, `<=` and `==` compare, `in` takes an `Object` or an address. No operation
    breaks references: every one is allowed on every set. Iterating and `[i]` go by address; one bit an object is kept.
    """

    __slots__ = ("_ids", "_made", "_snapshot")

    def __init__(self, snapshot: Snapshot, members: Set | None) -> None:
        self._snapshot = snapshot
        self._made = members  # None: _make() does it when it is needed
        self._ids: memoryview[int] | None = None

    @property
    def _set(self) -> Set:
        made = self._made
        if made is None:
            made = self._made = self._make()
        return made

    def _make(self) -> Set:
        raise NotImplementedError

    def _of(self, members: Set) -> ObjectSet:
        return ObjectSet(self._snapshot, members)

    def _nodes(self) -> memoryview[int]:
        """Numbers of the members, ascending; made when first needed, 4 bytes each."""
        if self._ids is None:
            self._ids = memoryview(self._set.ids()).cast("I")
        return self._ids

    # ---- a set ----

    def __len__(self) -> int:
        return len(self._set)

    def __iter__(self) -> Iterator[Object]:
        node = self._set.next(0)
        while node is not None:
            yield Object(self._snapshot, node)
            node = self._set.next(node + 1)

    def __contains__(self, item: object) -> bool:
        if isinstance(item, Object):
            return item._snapshot is self._snapshot and item._node in self._set
        address = an_address(item)
        node = self._snapshot._core.at(address) if 0 <= address < 1 << 64 else None
        return node is not None and node in self._set

    @overload
    def __getitem__(self, index: int) -> Object: ...
    @overload
    def __getitem__(self, index: slice) -> Objects: ...  # noqa: F811
    def __getitem__(self, index: int | slice) -> Object | Objects:  # noqa: F811
        """The n-th by address, or a sequence of some."""
        return Objects(self._snapshot, self._nodes())[index]

    def _other(self, other: object) -> Set | None:
        if not isinstance(other, ObjectSet):
            return None
        if other._snapshot is not self._snapshot:
            raise ArgumentError("the two sets are of two snapshots; see tonnage's diff", -8)
        return other._set

    def __or__(self, other: object) -> ObjectSet:
        members = self._other(other)
        return NotImplemented if members is None else self._of(self._set.union(members))

    def __and__(self, other: object) -> ObjectSet:
        members = self._other(other)
        return NotImplemented if members is None else self._of(self._set.intersect(members))

    def __sub__(self, other: object) -> ObjectSet:
        members = self._other(other)
        return NotImplemented if members is None else self._of(self._set.minus(members))

    def __xor__(self, other: object) -> ObjectSet:
        members = self._other(other)
        return NotImplemented if members is None else self._of(self._set.xor(members))

    def __invert__(self) -> ObjectSet:
        """All other objects of the snapshot."""
        return self._of(self._set.complement())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ObjectSet):
            return NotImplemented
        return other._snapshot is self._snapshot and self._set.equal(other._set)

    __hash__ = None  # type: ignore[assignment]

    def __le__(self, other: object) -> bool:
        members = self._other(other)
        return NotImplemented if members is None else self._set.subset(members)

    def __lt__(self, other: object) -> bool:
        members = self._other(other)
        return NotImplemented if members is None else len(self._set) < len(members) and self._set.subset(members)

    def __ge__(self, other: object) -> bool:
        members = self._other(other)
        return NotImplemented if members is None else members.subset(self._set)

    def __gt__(self, other: object) -> bool:
        members = self._other(other)
        return NotImplemented if members is None else len(self._set) > len(members) and members.subset(self._set)

    # ---- what it is ----

    @property
    def size(self) -> int:
        """Bytes of all members together. Cost: one pass over the sizes."""
        return self._set.size()

    def column(self, name: str) -> memoryview[int]:
        """One number a member, in the order of iteration, as a buffer of 64-bit unsigned integers.

        `numpy.asarray(objects.column("size"))` needs no copy.

        Args:
            name: "size", "address", "type" (a place in `types()`), "refcount", "length" (2**64 - 1: it has none),
                "flags" (docs/format.md), or "retained" (computes dominators at first).
        """
        return memoryview(self._set.numbers(name)).cast("Q")

    def types(self) -> dict[int, str]:
        """Full names of the types of members, by the number that `column("type")` has for them."""
        return {row: self._snapshot._type(row)[2] for row in sorted(set(self.column("type")))}

    def __repr__(self) -> str:
        try:
            return repr(self.by("clodo"))
        except ValueError as error:
            return f"<tonnage ObjectSet of {len(self)} objects: {error}>"

    # ---- smaller ones ----

    def where(self, selection: str) -> ObjectSet:
        """The members that a selection names (docs/selection.md).

        Raises:
            ArgumentError: the selection makes no sense; `offset` says where.
        """
        return self._of(self._snapshot._core.select(selection, self._set))

    def filter(self, predicate: Callable[[Object], object]) -> ObjectSet:
        """The members for which a function of yours is true. Cost: a call and an `Object` each; use `where` first."""
        kept = bytearray()
        for item in self:
            if predicate(item):
                kept += item._node.to_bytes(4, "little")
        return self._of(self._snapshot._core.set_of(bytes(kept)))

    def sort(self, key: str = "size") -> Sorted:
        """The members in order: the biggest first, or `sort("address")` and the like.

        Args:
            key: a name of `column()`; sizes, counts and lengths descend, addresses and types ascend; "-" before it
                turns the order round.
        """
        name = key.removeprefix("-")
        descending = (name not in ("address", "type")) != key.startswith("-")
        return Sorted(self._snapshot, memoryview(self._set.sorted(name, descending)).cast("I"))

    # ---- groups ----

    def by(self, kind: str, *, fold: bool = False) -> Groups:
        """Parts the set: every member falls into exactly one group, and every group is a set again.

        Args:
            kind: "type", "clodo" (type, or "dict of TYPE"), "size", "sizeclass", "module", "dist" (distribution), "id",
                "rcs" (kinds of what holds it), "via" (references that hold it), "root", "thread", "frame",
                "generation", "content" (equal str and bytes) or "site" (docs/sets.md).
            fold: the `__dict__` of a member counts as a part of that, if it is a member, too.

        Example:
            >>> held = snapshot.where("type:dict").by("rcs")   # doctest: +SKIP
            >>> held[0].by("id")                               # doctest: +SKIP
        """
        return Groups(self, self._snapshot._core.groups(kind, set=self._set, fold=fold))

    def group_by(self, heads: ObjectSet | list[Object] | list[int] | str, *, fold: bool = False) -> Groups:
        """Parts the set by what one head alone holds: the head, and what would go with it.

        What only several heads hold together is in the group "(shared)", what is held from elsewhere too in "(other)".

        Args:
            heads: objects, or their addresses; "modules", "threads", "instances" (of classes that are not of the
                standard library), several with commas between; or a selection, "type:app.Session". `groups[address]` is
                the group of a head.
            fold: as for `by`.
        """
        core = self._snapshot._core
        if isinstance(heads, str):
            return Groups(self, core.groups("heads", set=self._set, head_words=heads, fold=fold))
        if not isinstance(heads, ObjectSet):
            heads = self._of(self._snapshot._set_of(heads))
        return Groups(self, core.groups("heads", set=self._set, heads=self._members_of(heads), fold=fold))

    # ---- along references ----

    def referrers(self, kinds: str | None = None) -> ObjectSet:
        """The objects that refer to members.

        Args:
            kinds: of the references that count: "owning", "borrowed", "weak", "interned", "guessed", several with
                spaces between, or "all". None: those that hold, as everywhere (docs/graph.md).

        Cost: one pass over all references.
        """
        return self._of(self._set.referrers(_kind_bits(kinds)))

    def referents(self, kinds: str | None = None) -> ObjectSet:
        """The objects that members refer to; `kinds` as for `referrers`. Cost: the references of members."""
        return self._of(self._set.referents(_kind_bits(kinds)))

    def reachable(self, avoid: ObjectSet | None = None) -> ObjectSet:
        """All that members reach over references that hold, themselves included.

        Args:
            avoid: objects that no way leads through and that are not in the result: "reachable from X but not from Y"
                is `x.reachable(avoid=y)`, or `x.reachable() - y.reachable()` for what Y does not reach at all.

        Cost: the references that are followed.
        """
        return self._of(self._set.reachable(None if avoid is None else self._members_of(avoid)))

    def dominated(self) -> ObjectSet:
        """All that would go if the members went at once, themselves included. Cost: one pass over all references."""
        return self._of(self._snapshot._core.retained_set(self._set)[0])

    def owned(self) -> ObjectSet:
        """The objects that members alone refer to: every reference that holds one comes from a member."""
        return self._of(self._set.owned())

    def components(self) -> Components:
        """Strongly connected components of the members and the references that hold between them (docs/cycles.md)."""
        from tonnage._cycles import Components

        return Components(self._snapshot, self._set)

    def _members_of(self, other: ObjectSet) -> Set:
        members = self._other(other)
        if members is None:
            raise TypeError(f"needs an ObjectSet, not {type(other).__name__}")
        return members

    # ---- views ----

    def _view(self, kind: str, **options: Any) -> View:
        return self._snapshot._view(kind, set=self._set, **options)

    def why(self) -> View:
        """Why the members are alive and what would free them, in words, as `Snapshot.why`."""
        return self._view("why", file=self._snapshot.path)


class Sorted(Objects):
    """Objects in order: `[0]` is the first, slices are sequences again."""

    __slots__ = ()

    def top(self, n: int) -> Objects:
        """The first n."""
        return self[:n]


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

    def __getitem__(self, place: int | Object) -> Group:
        """The n-th group; the group of a head or member, by its address or as an Object.

        Raises:
            IndexError: there are fewer groups.
            NotFoundError: no object starts at this address, or it is not in the set that was parted. A KeyError, too.
        """
        n = len(self)
        if isinstance(place, int) and -n <= place < n:
            return Group(self, place % n)
        if isinstance(place, int) and abs(place) < _ADDRESSES:
            raise IndexError(f"no group {place}: there are {n}")
        return self.of(place)

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
        import json

        rows: list[dict[str, Any]] = json.loads(self.json())["rows"]
        for row in rows:
            for column in "largest_address", "head_address":
                row[column] = None if row[column] is None else int(row[column], 16)
        return rows

    def json(self) -> str:
        """The table as JSON text (docs/view-json.md)."""
        return self._core.view(json=True)

    def __repr__(self) -> str:
        from tonnage._view import terminal_width

        try:
            text = self._core.view(first=self._first, limit=self._PAGE, width=terminal_width()).rstrip("\n")
        except ValueError as error:
            return f"<tonnage Groups: {error}>"
        return text.removesuffix(">") + "; .more shows them>" if text.endswith(">") else text
