"""Sets of objects: selected, combined, walked along references, read when looked at."""

from __future__ import annotations

import sys

from tonnage._errors import ArgumentError
from tonnage._keywords import told
from tonnage._object import Object, Objects, an_address
from tonnage._reference import listed, overload
from tonnage._tables import Tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from tonnage._core import Set
    from tonnage._cycles import Components
    from tonnage._diff import Diff
    from tonnage._groups import Groups
    from tonnage._snapshot import Snapshot
    from tonnage._view import View


_KINDS = ("owning", "borrowed", "weak", "interned", "guessed")


def _kind_bits(kinds: str | None) -> int:
    if kinds is None:
        return 0
    words = _KINDS if kinds == "all" else kinds.split()
    if not words or not set(words) <= set(_KINDS):
        raise ArgumentError(f"kinds are {', '.join(_KINDS)}, or all, not {kinds!r}", -8)
    return sum(1 << _KINDS.index(word) for word in set(words))


@told
class ObjectSet(Tables):
    """A set of objects of a snapshot: `snapshot.where("type:dict size:>1k")`, `snapshot.objects`.

    `|`, `&`, `-`, `^` and `~` make new ones, `<=` and `==` compare, `in` takes an `Object` or an address. No operation
    breaks references: every one is allowed on every set. Iterating and `[i]` go by address; one bit an object is kept.
    """

    __slots__ = ("_ids", "_made", "_snapshot", "_words")

    def __init__(self, snapshot: Snapshot, members: Set | None, words: tuple[str, ...] | None = None) -> None:
        self._snapshot = snapshot
        self._words = words  # selections that made it of all objects, one after another; None: something else did, too
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

    @property
    def _is_all(self) -> bool:
        """Whether it is `snapshot.objects`: what a page says of no object stands in that of all."""
        return self._words == ()

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
        if isinstance(item, ObjectSet):
            raise TypeError("`in` asks for one object: x <= y says whether all of x are in y")
        address = an_address(item)
        node = self._snapshot._core.at(address) if 0 <= address < 1 << 64 else None
        return node is not None and node in self._set

    @overload
    def __getitem__(self, index: int) -> Object: ...
    @overload
    def __getitem__(self, index: slice) -> Sorted: ...  # noqa: F811
    def __getitem__(self, index: int | slice) -> Object | Sorted:  # noqa: F811
        """The n-th by address, or a set of some that keeps their order."""
        nodes = self._nodes()
        if isinstance(index, slice):
            return Sorted(self._snapshot, nodes[index])
        try:
            return Object(self._snapshot, nodes[index])
        except IndexError:
            raise IndexError(f"no entry {index}: there are {len(nodes)}") from None

    def _other(self, other: object) -> Set | None:
        if not isinstance(other, ObjectSet):
            return None
        if other._snapshot is not self._snapshot:
            raise ArgumentError("the two sets are of two snapshots: x.diff(y) has .new, .gone and .survived", -8)
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

    def column(self, name: str, none: int = 0) -> memoryview[int]:
        """One number a member, in the order of iteration, as a buffer of 64-bit unsigned integers.

        `numpy.asarray(objects.column("size"))` needs no copy.

        Args:
            name: "size", "address", "type" (a place in `types()`), "refcount", "length", "flags" (docs/format.md),
                "retained" (computes dominators at first), or "part", which adds up: what a member retains without what
                other members below it do; "part_count" is the same in objects.
            none: what stands for the length of members that have none: what is neither text nor number.
                `where("len:0..")` are those that have one.
        """
        return memoryview(self._set.numbers(name, none)).cast("Q")

    def types(self) -> dict[int, str]:
        """Full names of the types of members, by the number that `column("type")` has for them."""
        return {row: self._snapshot._type(row)[2] for row in sorted(set(self.column("type")))}

    def __repr__(self) -> str:
        name = self._snapshot.path
        try:
            table = repr(self.by("clodo"))
        except ValueError as error:
            try:
                count = f"{len(self)} objects of "
            except ValueError:
                count = ""
            return f"<tonnage {type(self).__name__} of {count}{name or 'a snapshot without a name'}: {error}>"
        return table if name is None else f"{name}\n{table}"

    def _repr_html_(self) -> str:
        return self.by("clodo")._repr_html_()

    @property
    def more(self) -> Groups:
        """What its table shows no more: the next page of `by("clodo")`."""
        return self.by("clodo").more

    # ---- smaller ones ----

    def where(self, selection: str, against: Snapshot | None = None) -> ObjectSet:
        """The members that a selection names (docs/selection.md).

        Args:
            selection: words, all of which must hold.
            against: an older snapshot of the process, for the words `is:new`, `is:survived`, `is:certain` and
                `is:likely`. Cost: comparing the two.

        Raises:
            ArgumentError: the selection makes no sense; `offset` says where.

        Example:
            >>> snapshot.objects.where("is:new type:dict", against=before)  # doctest: +SKIP
        """
        older = self._snapshot._older(against)
        members = self._snapshot._core.select(selection, self._set, None if older is None else older._core)
        words = None if self._words is None or older is not None else (*self._words, selection)
        return ObjectSet(self._snapshot, members, words)

    def _narrowed(self, where: str | None, against: Snapshot | None) -> ObjectSet:
        """Those that `where` and `against` of a verb leave."""
        words = where or ""
        if against is not None and "is:" not in words:
            words = f"is:new ({words})" if words.strip() else "is:new"
        return self.where(words, against=against)

    def diff(self, old: Snapshot | ObjectSet, by: str = "type", limit: int = 20, sort: str | None = None) -> Diff:
        """What changed in the set since an older snapshot of the process: members that are new, what is gone.

        Args:
            old: what it was before: a set of the older snapshot; or that snapshot itself, which stands for what the
                same selection names there. Only sets that selections made (`where`, `objects`) can say so.
            by: what objects of a row have in common: any kind of `by` but heads.
            limit: rows, 0 for all.
            sort: "size" or "count" (their changes), "new", "gone" or "type"; "-" before it turns the order around.

        Returns:
            A view, as of `Snapshot.diff`: `new` are the members that the older snapshot has not, in the set or not,
            `survived` the other members, `gone` the objects of old that the newer snapshot has no more.

        Raises:
            ArgumentError: the set is no selection, and old no set.

        Example:
            >>> snapshot.where("type:app.Session").diff(before, by="via").new  # doctest: +SKIP
        """
        from tonnage._diff import Diff

        older, members = self._before(old)
        return Diff(older, self._snapshot, sets=(members, self._set), by=by, limit=limit, sort=sort)

    def _before(self, old: Snapshot | ObjectSet) -> tuple[Snapshot, Set]:
        if isinstance(old, ObjectSet):
            if old._snapshot is self._snapshot:
                raise ArgumentError("both sets are of one snapshot: a - b is what a alone has", -8)
            return old._snapshot, old._set
        older = self._snapshot._older(old, "old")
        if older is None:
            raise TypeError("old must be a Snapshot or a set of one, not None")
        if self._words is None:
            raise ArgumentError("only a selection says what it was before: give a set of the older snapshot", -8)
        return older, older._core.select(" ".join(f"({word})" for word in self._words if word.strip()))

    def filter(self, predicate: Callable[[Object], object]) -> ObjectSet:
        """The members for which a function of yours is true. Cost: a call and an `Object` each; use `where` first."""
        if not callable(predicate):
            raise TypeError(f"predicate must be a function of an Object, not {type(predicate).__name__}")
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
        return Sorted(self._snapshot, memoryview(self._set.sorted(name, descending)).cast("I"), self._set)

    # ---- groups ----

    def by(self, kind: str, *, fold: bool = False) -> Groups:
        """Parts the set: every member falls into exactly one group, and every group is a set again.

        Args:
            kind: "type", "clodo" (type, or "dict of TYPE"), "size", "sizeclass", "module", "dist" (distribution), "id",
                "rcs" (kinds of what holds it), "via" (references that hold it), "root", "thread", "frame",
                "generation", "content" (equal str and bytes), "site" or "path" (its place: the shortest path
                without indices and keys; docs/sets.md).
            fold: the `__dict__` of a member counts as a part of that, if it is a member, too.

        Example:
            >>> held = snapshot.where("type:dict").by("rcs")   # doctest: +SKIP
            >>> held[0].by("id")                               # doctest: +SKIP
        """
        from tonnage._groups import Groups

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
        from tonnage._groups import Groups

        core = self._snapshot._core
        if isinstance(heads, str):
            return Groups(self, core.groups("heads", set=self._set, head_words=heads, fold=fold))
        return Groups(self, core.groups("heads", set=self._set, heads=self._heads(heads), fold=fold))

    def _heads(self, heads: ObjectSet | list[Object] | list[int]) -> Set:
        if isinstance(heads, ObjectSet):
            return self._members_of(heads)
        if isinstance(heads, Object) or not hasattr(heads, "__iter__"):
            raise TypeError(f"heads are a set, a list of objects or addresses, or words, not {type(heads).__name__}")
        return self._snapshot._set_of(heads)

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

    def immediate_dominators(self) -> ObjectSet:
        """The nearest objects outside without which a member would go. Cost: like `Object.retained`."""
        return self._of(self._snapshot._core.set_dominators(self._set))

    def audited(self, grade: str) -> ObjectSet:
        """Members of a grade of `audit()`: "lost", "leaked", "possible", "held", "explained" or "short".

        Example:
            >>> snapshot.objects.audited("lost").by("type")  # doctest: +SKIP
        """
        return self._of(self._snapshot._core.audit_set(self._set, grade))

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
            raise TypeError(f"avoid must be an ObjectSet, not {type(other).__name__}")
        return members

    # ---- views ----

    def _view(self, kind: str, *, against: Snapshot | None = None, **options: Any) -> View:
        if kind == "summary" and against is not None:  # it compares
            against, options["old_set"] = self._before(against)
        return self._snapshot._view(kind, set=self._set, against=against, **options)

    @property
    def _subject(self) -> ObjectSet:
        return self

    @property
    def _file(self) -> str | None:
        return self._snapshot.path

    def why(
        self,
        against: Snapshot | None = None,
        *,
        by: str | None = None,
        sort: str | None = None,
        limit: int = 5,
        fold: bool = True,
    ) -> View:
        """Why the members (those that are new since an older snapshot) are alive, as `Snapshot.why`."""
        return self._view("why", by=by, sort=sort, limit=limit, fold=fold, against=against, file=self._file)


class Sorted(ObjectSet):
    """A set in an order of its own: iterating, `[i]`, slices and columns go by it. What is made of it else does not."""

    __slots__ = ("_order",)

    def __init__(self, snapshot: Snapshot, order: memoryview[int], members: Set | None = None) -> None:
        super().__init__(snapshot, members)
        self._order = order

    def _make(self) -> Set:
        return self._snapshot._core.set_of(bytes(self._order))

    def _nodes(self) -> memoryview[int]:
        return self._order

    def __len__(self) -> int:
        return len(self._order)

    def __iter__(self) -> Iterator[Object]:
        for node in self._order:
            yield Object(self._snapshot, node)

    def column(self, name: str, none: int = 0) -> memoryview[int]:
        """As of any set, in this order."""
        values = dict(zip(memoryview(self._set.ids()).cast("I"), super().column(name, none), strict=True))
        return memoryview(b"".join(values[node].to_bytes(8, sys.byteorder) for node in self._order)).cast("Q")

    def top(self, n: int) -> Sorted:
        """The first n."""
        if n < 0:
            raise ArgumentError(f"n must be 0 or more, not {n}", -8)
        return self[:n]

    def __repr__(self) -> str:
        try:
            return listed(Objects(self._snapshot, self._order))
        except ValueError:
            return super().__repr__()
