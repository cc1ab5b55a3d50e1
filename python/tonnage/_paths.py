"""Paths of a snapshot: who holds an object, in Python's words."""

from __future__ import annotations

from _collections_abc import Sequence

from tonnage._errors import ArgumentError
from tonnage._object import Object
from tonnage._reference import Reference
from tonnage._sets import ObjectSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

    from tonnage._core import Paths as Core
    from tonnage._core import Set, _Path
    from tonnage._snapshot import Snapshot

    Goal = Callable[[Object], object] | str | ObjectSet
    Avoid = str | int | Object | ObjectSet | Iterable[str | int | Object | ObjectSet]


_SHOWN = 6


class Path:
    """References from one object to the next: from a root to an object, or along a chain.

    `str(path)` reads as Python: `app.CACHE['user:7'].history[3]`, `thread 'worker-2' › serve() › local 'batch'`.
    """

    __slots__ = ("_fields", "_snapshot")

    def __init__(self, snapshot: Snapshot, fields: _Path) -> None:
        self._snapshot = snapshot
        self._fields = fields

    def __str__(self) -> str:
        return self._fields[0]

    def __repr__(self) -> str:
        return f"<Path {self._fields[0]}>"

    def __len__(self) -> int:
        return len(self._fields[2])

    @property
    def evaluable(self) -> bool:
        """Whether Python gets the object itself by `expression`; where that is in doubt, it is not."""
        return self._fields[1]

    @property
    def expression(self) -> str | None:
        """The path for `eval(path.expression, dict(sys.modules))` in the process; None where it is not evaluable."""
        return self._fields[0] if self._fields[1] else None

    @property
    def steps(self) -> Sequence[Reference]:
        """The references, in order: from the root (or where a chain begins) to the object."""
        return tuple(
            Reference(self._snapshot, source, place, (target, kind, style, None, label, place))
            for source, target, kind, style, label, place in self._fields[2]
        )

    @property
    def nodes(self) -> tuple[Object, ...]:
        """What it leads through, both ends included."""
        steps = self._fields[2]
        ends = [steps[0][0], *(step[1] for step in steps)] if steps else []
        return tuple(Object(self._snapshot, node) for node in ends)


class Paths:
    """Paths to one object, the shortest first; the next one is searched when it is asked for."""

    __slots__ = ("_node", "_options", "_paths", "_snapshot")

    def __init__(
        self, snapshot: Snapshot, node: int, limit: int, avoid: tuple[str, Set | None], shortest: bool
    ) -> None:
        self._snapshot = snapshot
        self._node = node
        words, members = avoid
        self._options: dict[str, Any] = {"limit": limit, "avoid": words or None, "avoid_set": members, "all": shortest}
        self._paths: Core = snapshot._core.paths(node, words, limit, shortest, members)

    def __iter__(self) -> Iterator[Path]:
        return self

    def __next__(self) -> Path:
        return Path(self._snapshot, next(self._paths))

    def __repr__(self) -> str:
        """The page of `tonnage paths`: the first ones, whether they have been taken or not. It takes none."""
        try:
            return repr(self._snapshot._view("paths", node=self._node, **(self._options | {"limit": self._shown()})))
        except ValueError as error:
            return f"<tonnage Paths: {error}>"

    def _shown(self) -> int:
        limit: int = self._options["limit"]
        return min(limit, _SHOWN) if limit else _SHOWN


def avoided(snapshot: Snapshot, avoid: Avoid | None) -> tuple[str, Set | None]:
    """What paths keep away from, as the library takes it: words, and a set of objects of the snapshot."""
    if avoid is None:
        return "", None
    words: list[str] = []
    things: list[Object | int] = []
    members: ObjectSet | None = None
    one = isinstance(avoid, (str, int, Object, ObjectSet)) or not hasattr(avoid, "__iter__")
    for item in [avoid] if one else avoid:  # type: ignore[union-attr]
        if isinstance(item, str):  # brackets keep the commas of a selection, if it is one of several
            words.append(f"({item})" if item is not avoid and ":" in item else item)
        elif isinstance(item, ObjectSet):
            members = item if members is None else members | item
        elif isinstance(item, (int, Object)):
            things.append(item)
        else:
            kind = type(item).__name__
            raise TypeError(f"avoid takes words, objects of the snapshot, addresses and sets, not {kind}")
    if things:
        some = ObjectSet(snapshot, snapshot._set_of(things))
        members = some if members is None else members | some
    return ",".join(words), None if members is None else snapshot.objects._members_of(members)


def find(snapshot: Snapshot, node: int, limit: int, avoid: Avoid | None, shortest: bool) -> Paths:
    """Paths to a node."""
    if limit < 0:
        raise ArgumentError(f"limit must be 0, which is all, or more, not {limit!r}", -8)
    return Paths(snapshot, node, limit, avoided(snapshot, avoid), shortest)


def chain(snapshot: Snapshot, node: int, goal: Goal, inwards: bool, avoid: Avoid | None, limit: int) -> Path | None:
    """The shortest chain of references between a node and the nearest other one that the goal holds for."""
    core = snapshot._core
    selected = core.select(goal) if isinstance(goal, str) else None
    if isinstance(goal, ObjectSet):
        selected = snapshot.objects._members_of(goal)
    elif selected is None and not callable(goal):
        raise TypeError(f"goal must be a function, a selection or an ObjectSet, not {type(goal).__name__}")
    words, members = avoided(snapshot, avoid)
    found = core.chain(node, inwards, words, members)
    for count, other in enumerate(found):
        if limit and count > limit:
            return None
        if other == node:
            continue
        if other in selected if selected is not None else goal(Object(snapshot, other)):  # type: ignore[operator]
            return Path(snapshot, found.path(other))
    return None
