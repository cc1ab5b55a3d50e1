"""Sets of objects: selected, combined, walked along references, never loaded before they are looked at."""

from __future__ import annotations

from tonnage._errors import ArgumentError
from tonnage._object import Object, Objects, an_address

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, overload

    from tonnage._core import Set
    from tonnage._snapshot import Snapshot
    from tonnage._view import View
else:

    def overload(function: object) -> object:
        return function


_KINDS = ("owning", "borrowed", "weak", "interned", "guessed")


def _kind_bits(kinds: str | None) -> int:
    if kinds is None:
        return 0
    words = _KINDS if kinds == "all" else kinds.split()
    if not words or not set(words) <= set(_KINDS):
        raise ArgumentError(f"kinds are {', '.join(_KINDS)}, or all, not {kinds!r}", -8)
    return sum(1 << _KINDS.index(word) for word in set(words))


class ObjectSet:
    """A set of objects of a snapshot: `snapshot.where("type:dict size:>1k")`, `snapshot.objects`.

    `|`, `&`, `-`, `^` and `~` make new ones, `<=` and `==` compare, `in` takes an `Object` or an address. No operation
    breaks references: every one is allowed on every set. Iterating and `[i]` go by address; one bit an object is kept.
    """

    __slots__ = ("_ids", "_set", "_snapshot")

    def __init__(self, snapshot: Snapshot, members: Set) -> None:
        self._snapshot = snapshot
        self._set = members
        self._ids: memoryview[int] | None = None

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

    def __repr__(self) -> str:
        return repr(self.summary(limit=10))

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

    def _members_of(self, other: ObjectSet) -> Set:
        members = self._other(other)
        if members is None:
            raise TypeError(f"needs an ObjectSet, not {type(other).__name__}")
        return members

    # ---- views ----

    def summary(self, by: str = "type", limit: int = 20, sort: str | None = None, **options: Any) -> View:
        """Totals by type, size or module, as `Snapshot.summary` of these objects."""
        return self._snapshot._view("summary", by=by, limit=limit, sort=sort, set=self._set, **options)

    def largest(self, limit: int = 20, sort: str | None = None, **options: Any) -> View:
        """The largest members, as `Snapshot.largest`."""
        return self._snapshot._view("largest", limit=limit, sort=sort, set=self._set, **options)
