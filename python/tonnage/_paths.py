"""Paths of a snapshot: who holds an object, in Python's words."""

from __future__ import annotations

from _collections_abc import Sequence

from tonnage._errors import ArgumentError
from tonnage._object import Object
from tonnage._reference import Reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tonnage._core import Paths as Core
    from tonnage._core import _Path
    from tonnage._snapshot import Snapshot

    Goal = Callable[[Object], object] | str


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

    __slots__ = ("_paths", "_snapshot")

    def __init__(self, snapshot: Snapshot, paths: Core) -> None:
        self._snapshot = snapshot
        self._paths = paths

    def __iter__(self) -> Iterator[Path]:
        return self

    def __next__(self) -> Path:
        return Path(self._snapshot, next(self._paths))


def words(avoid: str | Sequence[str] | None) -> str:
    """What paths keep away from, as the library takes it."""
    if avoid is None or isinstance(avoid, str):
        return avoid or ""
    return ",".join(avoid)


def find(snapshot: Snapshot, node: int, limit: int, avoid: str | Sequence[str] | None, shortest: bool) -> Paths:
    """Paths to a node."""
    if not isinstance(limit, int) or limit < 0:
        raise ArgumentError(f"limit must be 0, which is all, or more, not {limit!r}", -8)
    return Paths(snapshot, snapshot._core.paths(node, words(avoid), limit, shortest))


def chain(
    snapshot: Snapshot, node: int, goal: Goal, inwards: bool, avoid: str | Sequence[str] | None, limit: int
) -> Path | None:
    """The shortest chain of references between a node and the nearest other one that the goal holds for."""
    core = snapshot._core
    selected = core.select(goal) if isinstance(goal, str) else None
    found = core.chain(node, inwards, words(avoid))
    for count, other in enumerate(found):
        if limit and count > limit:
            return None
        if other == node:
            continue
        if other in selected if selected is not None else goal(Object(snapshot, other)):  # type: ignore[operator]
            return Path(snapshot, found.path(other))
    return None
