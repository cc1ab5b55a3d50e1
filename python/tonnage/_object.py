"""Objects of a snapshot: small windows on the file, made when asked for."""

from __future__ import annotations

# The abstract class itself: importing it as collections.abc would load the whole package collections into the target.
from _collections_abc import Sequence

from tonnage._keywords import told
from tonnage._reference import References, listed, overload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, overload

    from tonnage._paths import Avoid, Goal, Path, Paths
    from tonnage._snapshot import Snapshot
    from tonnage._view import View
    from tonnage.trace import Site


_PARTS = {
    0: "items", 1: "keys", 2: "values", 3: "table", 4: "utf8", 5: "blocks", 6: "data", 7: "cache", 8: "wide",
    9: "other", 255: "object",
}  # fmt: skip
_FLAGS = (
    (0x1, "tracked"), (0x8, "immortal"), (0x10, "static"), (0x20, "finalized"), (0x40, "own"), (0x80, "hidden"),
    (0x1000, "guessed"),
)  # fmt: skip
_HOLDS = ("references", "immortal", "static", "c", "unreachable")
_ALLOCATORS = ("none", "pymalloc", "malloc", "unknown")
_TYPE_SYNTHETIC = 4
_LABEL_ITEM, _LABEL_FIELD, _LABEL_KEY, _LABEL_VALUE = 1, 3, 6, 7


def an_address(item: object) -> int:
    """The address that stands for an object; a live object given itself is a mistake that must not pass unseen."""
    if not isinstance(item, int):
        raise TypeError(f"needs an address or an Object of the snapshot, not a live {type(item).__name__}: use id(x)")
    return item


class Objects(Sequence["Object"]):
    """A sequence of objects of a snapshot, made one by one when they are looked at.

    Slices are sequences again. `x in objects` takes an `Object` or an address; anything else is a TypeError.
    """

    __slots__ = ("_ids", "_snapshot")

    def __init__(self, snapshot: Snapshot, ids: memoryview[int]) -> None:
        self._snapshot = snapshot
        self._ids = ids

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, index: int) -> Object: ...
    @overload
    def __getitem__(self, index: slice) -> Objects: ...  # noqa: F811
    def __getitem__(self, index: int | slice) -> Object | Objects:  # noqa: F811
        if isinstance(index, slice):
            return Objects(self._snapshot, self._ids[index])
        try:
            return Object(self._snapshot, self._ids[index])
        except IndexError:
            raise IndexError(f"no entry {index}: there are {len(self._ids)}") from None

    def __iter__(self) -> Iterator[Object]:
        for node in self._ids:
            yield Object(self._snapshot, node)

    def __contains__(self, item: object) -> bool:
        if isinstance(item, Object):
            node = item._node if item._snapshot is self._snapshot else None
        else:
            address = an_address(item)
            node = self._snapshot._core.at(address) if 0 <= address < 1 << 64 else None
        return node is not None and node in self._ids

    def __repr__(self) -> str:
        return listed(self)


@told
class Object:
    """An object as it was when the snapshot was taken.

    Attributes are read from the file; nothing of the process is touched, except by `obj`.
    """

    __slots__ = ("_fields", "_node", "_snapshot")

    def __init__(self, snapshot: Snapshot, node: int) -> None:
        self._snapshot = snapshot
        self._node = node
        self._fields = snapshot._core.node(node)

    def __repr__(self) -> str:
        return self._snapshot._core.describe(self._node)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Object):
            return NotImplemented
        return self._snapshot is other._snapshot and self._node == other._node

    def __hash__(self) -> int:
        return hash((id(self._snapshot), self._node))

    def __dir__(self) -> list[str]:
        """What Tab completes: `keys` and `values` where it is a dict."""
        left_out = () if "dict" in self.bases else ("keys", "values")
        return [name for name in object.__dir__(self) if name not in left_out]

    @property
    def address(self) -> int:
        """Address in the process, equal to `id()` there; 0 for roots, threads and frames."""
        return self._fields[3]

    @property
    def type(self) -> str:
        """Full name of its type: `app.Session`; of a builtin: `dict`."""
        return self._snapshot._type(self._fields[0])[2]

    @property
    def module(self) -> str | None:
        """Module of its type."""
        return self._snapshot._type(self._fields[0])[1]

    @property
    def bases(self) -> tuple[str, ...]:
        """Full names of its type and of the classes it inherits from, in method resolution order."""
        return tuple(self._snapshot._type(row)[2] for row in self._snapshot._type(self._fields[0])[9])

    @property
    def size(self) -> int:
        """Bytes taken from the allocator: its own block as rounded, with its header, and its private buffers."""
        return self._fields[4]

    @property
    def parts(self) -> dict[str, int]:
        """What `size` is made of, in bytes: `object` is its own block."""
        parts: dict[str, int] = {}
        for kind, size in self._fields[9]:
            name = _PARTS.get(kind, "other")
            parts[name] = parts.get(name, 0) + size
        return parts

    @property
    def refcount(self) -> int:
        """Reference count; 0 where immortal."""
        return self._fields[2]

    @property
    def length(self) -> int | None:
        """Code points of a str, bytes of bytes, bits of an int; None where the type has no such thing."""
        return self._fields[5]

    @property
    def capacity(self) -> int | None:
        """Places there is room for: items of a list, entries of a dict, slots of a set."""
        return self._fields[6]

    @property
    def flags(self) -> frozenset[str]:
        """Of tracked, immortal, static, finalized, own (tonnage's), hidden (no reference known), guessed; synthetic."""
        found = {name for bit, name in _FLAGS if self._fields[1] & bit}
        if self._snapshot._type(self._fields[0])[3] & _TYPE_SYNTHETIC:
            found.add("synthetic")
        return frozenset(found)

    @property
    def generation(self) -> int | None:
        """Generation of the collector, 0 to 2, or 3 when frozen; None when not tracked."""
        return self._fields[1] >> 1 & 3 if self._fields[1] & 1 else None

    @property
    def allocator(self) -> str:
        """Where its own block comes from: `pymalloc`, `malloc`, `none` (static memory) or `unknown`."""
        return _ALLOCATORS[self._fields[1] >> 10 & 3]

    @property
    def preview(self) -> str:
        """Short text of its value, as Python would write it, or a name; '' when there is none."""
        return self._snapshot._core.preview(self._node)

    @property
    def n_refs(self) -> int:
        """Number of references it holds. Cost: none."""
        return self._fields[8]

    @property
    def n_parents(self) -> int:
        """Number of objects that refer to it. Cost: like `parents`."""
        return len(self.parents)

    @property
    def children(self) -> Objects:
        """What it refers to, one entry a reference, in the order of its fields or items.

        Cost: 4 bytes and some nanoseconds a reference; the first call for a snapshot loads all references.
        """
        return self._objects(self._snapshot._core.targets(self._node))

    @property
    def parents(self) -> Objects:
        """What refers to it, each once: objects, and roots, threads and frames.

        Cost: the first call for a snapshot turns all references around, 4 bytes a reference.
        """
        return self._objects(self._snapshot._core.referrers(self._node))

    @property
    def references(self) -> References:
        """The references it holds, with labels: `.name`, `['k']`, `[3]`."""
        return References(self._snapshot, self._node, self.n_refs)

    @property
    def keys(self) -> Objects:
        """Keys of a dict, in order, where `values` has their values.

        A `__dict__` that shares its keys with other instances has them in the order of the class's table, and none in a
        snapshot of a part of the process (`of=`): the class holds these keys, and classes are not followed. The labels
        of `references` name them.

        Raises:
            AttributeError: it is no dict.
        """
        self._must_be_dict("keys")
        keys = self._snapshot._core.targets(self._node, style=_LABEL_KEY)
        if not keys:
            keys = self._shared_keys()
        return self._objects(keys)

    @property
    def values(self) -> Objects:
        """Values of a dict, in order.

        Raises:
            AttributeError: it is no dict.
        """
        self._must_be_dict("values")
        core = self._snapshot._core
        pairs = core.targets(self._node, style=_LABEL_VALUE)
        return self._objects(pairs or core.targets(self._node, style=_LABEL_ITEM))

    @property
    def retained(self) -> int:
        """Bytes that would go if this object went: its own and those of all that only it keeps alive, cycles included.

        Cost: the first call for a snapshot finds the dominators of all objects, some hundred nanoseconds an object.
        """
        return self._snapshot._core.retained(self._node)[0]

    @property
    def retained_count(self) -> int:
        """Objects that would go if this one went, itself included. Cost: like `retained`."""
        return self._snapshot._core.retained(self._node)[1]

    @property
    def dominator(self) -> Object | None:
        """The nearest object without which this one would go; the root where no single one holds it. None of the root.

        Cost: like `retained`.
        """
        node = self._snapshot._core.dominator(self._node)
        return None if node is None else Object(self._snapshot, node)

    @property
    def dominated(self) -> Objects:
        """Objects whose `dominator` this is, the one that retains most first. Cost: like `retained`, and a sort."""
        return self._objects(self._snapshot._core.dominated(self._node))

    @property
    def hold(self) -> str:
        """What anchors it: `static` memory, `immortal`, `c` (its reference count is above the references found),
        `unreachable` (garbage that waits for the collector); `references` where only these hold it.

        Cost: like `retained`.
        """
        return _HOLDS[self._snapshot._core.hold(self._node)]

    def dominators(
        self,
        *,
        by: str | None = None,
        where: str | None = None,
        limit: int = 20,
        sort: str | None = None,
        threshold: int | str | None = None,
        depth: int = 1,
        fold: bool = True,
    ) -> View:
        """The dominator tree below this object; arguments as in `Snapshot.dominators`."""
        return self._snapshot._view(
            "dominators",
            node=self._node,
            by=by,
            where=where,
            limit=limit,
            sort=sort,
            threshold=threshold,
            depth=depth,
            fold=fold,
        )

    def treemap(
        self,
        *,
        where: str | None = None,
        limit: int = 50,
        threshold: int | str | None = None,
        depth: int = 0,
        fold: bool = True,
    ) -> View:
        """Of the dominator tree below this object what retains most; arguments as in `Snapshot.treemap`."""
        return self._snapshot._view(
            "treemap", node=self._node, where=where, limit=limit, threshold=threshold, depth=depth, fold=fold
        )

    @property
    def obj(self) -> object:
        """The object that lives at this address now, of the same type and size: *not* surely the same object.

        Works only for a snapshot that `tonnage.snapshot()` returned, in the process that took it. When the object of
        the snapshot is gone and another one of its type took its place, you get that one.

        Cost: walks the live heap, some hundred nanoseconds an object.

        Raises:
            ReferenceError: no object of this type and size starts there any more.
            NotFoundError: this process did not take the snapshot, or this is a root, thread or frame.
        """
        return self._snapshot._live(self)

    def show(
        self,
        *,
        limit: int = 20,
        where: str | None = None,
        sort: str | None = None,
        threshold: int | str | None = None,
    ) -> View:
        """The page of the command's `show`: what it is, what it holds, what holds it.

        Args:
            limit: references shown, and referrers; 0 for all.
            where: only those whose other end is in this selection.
            sort: "size", "address", "type", "label", "kind" or "preview" of the other end; default: as they stand.
            threshold: only those whose other end has this many bytes or more; an int or text such as "64k".
        """
        return self._snapshot._view("show", node=self._node, limit=limit, where=where, sort=sort, threshold=threshold)

    def path(self, avoid: Avoid | None = None) -> Path | None:
        """The shortest path from a root to it: who holds it, as Python. None when nothing leads to it.

        Args:
            avoid: what to keep away from, as `paths` has it.

        Cost: mostly some objects around it are looked at; at worst all references of the snapshot. The first call for a
        snapshot turns all references around, as `parents` does.

        Example:
            >>> print(snapshot[id(x)].path())  # doctest: +SKIP
            app.CACHE['user:7'].history[3]
        """
        return next(self.paths(1, avoid), None)

    def paths(self, limit: int = 20, avoid: Avoid | None = None, all_shortest: bool = False) -> Paths:
        """Paths from the roots to it, the shortest first, each as long as the one before it or longer, without loops.

        Args:
            limit: paths, 0 for all there are: mostly far too many to wait for.
            avoid: words with commas between them: weak, caches, frames, tracebacks, closures, modules, classes,
                guessed, held (by C code), or a selection such as "type:app.Registry"; or an Object, an address or a
                set; or a list of any of these. No path leads through such objects.
            all_shortest: only those as long as the first.

        Returns:
            An iterator of `Path`; the next one is searched when it is asked for. Cost: for the second path the
            distances of all objects from the roots, once a snapshot: 16 bytes and some hundred nanoseconds an object.
        """
        from tonnage._paths import find

        return find(self._snapshot, self._node, limit, avoid, all_shortest)

    def chain_to(self, goal: Goal, avoid: Avoid | None = None, limit: int = 0) -> Path | None:
        """The shortest chain of references from it outwards to another object.

        Args:
            goal: a function that is called with objects, the nearest first, until it returns something true; or a
                selection, or a set.
            avoid: what to keep away from, as in `paths`.
            limit: give up after so many objects; 0: not before there are no more.

        Returns:
            The chain, which begins here; None when there is none.
        """
        from tonnage._paths import chain

        return chain(self._snapshot, self._node, goal, False, avoid, limit)

    def chain_from(self, goal: Goal, avoid: Avoid | None = None, limit: int = 0) -> Path | None:
        """The shortest chain of references to it from another object, searched inwards: see `chain_to`.

        Roots, threads and frames are among what a function is called with.
        """
        from tonnage._paths import chain

        return chain(self._snapshot, self._node, goal, True, avoid, limit)

    def refs(
        self,
        depth: int = 1,
        limit: int = 20,
        where: str | None = None,
        sort: str | None = None,
        threshold: int | str | None = None,
        by: str | None = None,
        fold: bool = False,
    ) -> View:
        """What it refers to, as a tree: the page of the command's `refs`.

        Args:
            depth: levels.
            limit: references of each object shown; 0 for all.
            where, sort, threshold: as in `show`.
            by, fold: groups instead of a tree, as in `Snapshot.refs`.
        """
        return self._tree(
            "refs", depth=depth, limit=limit, where=where, sort=sort, threshold=threshold, by=by, fold=fold
        )

    def referrers(
        self,
        depth: int = 1,
        limit: int = 20,
        where: str | None = None,
        sort: str | None = None,
        threshold: int | str | None = None,
        by: str | None = None,
        fold: bool = False,
    ) -> View:
        """What refers to it, as a tree; see `refs`."""
        return self._tree(
            "referrers", depth=depth, limit=limit, where=where, sort=sort, threshold=threshold, by=by, fold=fold
        )

    def _tree(self, kind: str, **options: Any) -> View:
        return self._snapshot._view(kind, node=self._node, **options)

    @property
    def site(self) -> Site | None:
        """Where it was allocated, as `tonnage.trace.site_of` has it; None where that was not recorded.

        Cost: the first object of a snapshot a pass over the blocks, 4 bytes an object.
        """
        from tonnage.trace import Frame, Site

        found = self._snapshot._core.birth(self._node)
        if found is None:
            return None
        birth, size, interval, frames, maybe_stale = found
        made = (Frame(file, line or None, name, qualified) for file, line, name, qualified in frames)
        return Site(birth or None, tuple(made), interval or None, maybe_stale, size)

    def why(self, *, limit: int = 5, fold: bool = True) -> View:
        """Why it is alive and what would free it, in words: the page of `tonnage why`."""
        return self._snapshot.why(self, limit=limit, fold=fold)

    def _objects(self, ids: bytes) -> Objects:
        return Objects(self._snapshot, memoryview(ids).cast("I"))

    def _must_be_dict(self, name: str) -> None:
        if "dict" not in self.bases:
            raise AttributeError(f"{self.type} has no {name}: it is no dict; see .children and .references")

    def _shared_keys(self) -> bytes:
        """Keys of a `__dict__` that shares its keys with other instances: they stand in a table of their own.

        The table is its first reference; the value in place n + 1 has the key in place n. All keys or, so that keys and
        values stand side by side, none.
        """
        core = self._snapshot._core
        references = core.references(self._node, 0, self.n_refs)
        if not references or references[0][2] != _LABEL_FIELD:
            return b""
        keys = {place: key for key, *_, place in core.references(references[0][0], 0, 1 << 32)}
        places = [place - 1 for _, _, style, *_, place in references if style == _LABEL_ITEM]
        if not all(place in keys for place in places):
            return b""
        return b"".join(keys[place].to_bytes(4, "little") for place in places)
