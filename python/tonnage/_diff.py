"""What changed between two snapshots, and what grew over more."""

from __future__ import annotations

import os

from tonnage._errors import ArgumentError
from tonnage._keywords import must_take
from tonnage._sets import ObjectSet
from tonnage._snapshot import Snapshot, load
from tonnage._view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeAlias

    from tonnage._core import Set

    Source: TypeAlias = Snapshot | str | os.PathLike[str]


class _Files:
    """What the view of three snapshots or more asks for its text; oldest first."""

    __slots__ = ("cores", "snapshots")

    def __init__(self, snapshots: Sequence[Snapshot]) -> None:
        self.snapshots = snapshots  # a snapshot that nobody holds is closed
        self.cores = tuple(snapshot._core for snapshot in snapshots)

    def view(self, kind: str, **options: Any) -> str:
        from tonnage import _core

        return _core.growth_view(self.cores, **options)


def _with_addresses(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row | {"address": int(row["address"], 16)} for row in rows]


class Diff(View):
    """What changed from one snapshot to another: the page of `tonnage diff OLD NEW`.

    `new`, `gone` and `survived` are sets of objects, the second one of the old snapshot, with every operation that sets
    have; `rows` are the changes by type (or module).
    """

    __slots__ = ("_found", "_new", "_old", "_sets", "_where")

    def __init__(
        self,
        old: Snapshot,
        new: Snapshot,
        where: str | None = None,
        sets: tuple[Set | None, Set | None] = (None, None),
        **options: Any,
    ) -> None:
        self._old = old._again() if old is new else old
        self._new = new
        self._where = where
        self._sets = sets  # of old and of new: only these objects; None: all
        self._found: tuple[str, tuple[Set | None, Set | None, Set | None]] | None = None
        super().__init__(new._core, "summary", against=self._old, where=where, old_set=sets[0], set=sets[1], **options)

    def _part(self, index: int) -> ObjectSet:
        from tonnage import _core

        if self._found is None:
            found = _core.diff(self._old._core, self._new._core, self._where, *self._sets)
            self._found = found[1], found[5:]
        why, sets = self._found
        members = sets[index]
        if members is None:
            raise ArgumentError(f"no object is in both snapshots: {why}", -8)
        return ObjectSet(self._old if index == 1 else self._new, members)

    @property
    def same_process(self) -> bool:
        """Whether both are of one process: otherwise there are totals only, and no sets."""
        return bool(self.data["same_process"])

    @property
    def new(self) -> ObjectSet:
        """Objects of the newer snapshot that the older one has not.

        Raises:
            ArgumentError: they are not of one process.
        """
        return self._part(0)

    @property
    def gone(self) -> ObjectSet:
        """Objects of the older snapshot that the newer one has no more."""
        return self._part(1)

    @property
    def survived(self) -> ObjectSet:
        """Objects of the newer snapshot that the older one has, too."""
        return self._part(2)

    @property
    def types(self) -> list[dict[str, Any]]:
        """The rows: what is new, gone and still there of each type that changed."""
        return self.rows

    @property
    def growing(self) -> list[dict[str, Any]]:
        """Surviving collections that hold more than before, the most grown first; as many as the page shows."""
        return _with_addresses(self.data.get("growing", []))

    @property
    def references(self) -> list[dict[str, Any]]:
        """References of survivors to new objects, by type and label of the holder; as many as the page shows."""
        rows: list[dict[str, Any]] = self.data.get("references", [])
        return rows


class Growth(View):
    """What grew over three snapshots and more: the page of `tonnage diff` of as many files."""

    __slots__ = ("_sides", "_where")

    def __init__(self, snapshots: Sequence[Snapshot], where: str | None = None, **options: Any) -> None:
        self._sides = tuple(snapshots)
        self._where = where
        files: Any = _Files(self._sides)
        super().__init__(files, "growth", where=where, **options)

    @property
    def types(self) -> list[dict[str, Any]]:
        """The rows: counts and sizes in each snapshot, and the slope, of each type that changed."""
        return self.rows

    @property
    def grown(self) -> ObjectSet:
        """Objects of the last snapshot that were made after the first one and before the last.

        Raises:
            ArgumentError: the snapshots are not of one process.
        """
        from tonnage import _core

        members = _core.growth([snapshot._core for snapshot in self._sides], self._where)
        return ObjectSet(self._sides[-1], members)

    @property
    def collections(self) -> list[dict[str, Any]]:
        """Collections that never held less than before and hold more now; as many as the page shows."""
        return _with_addresses(self.data.get("collections", []))


def diff(sources: Sequence[Source], options: dict[str, Any]) -> Diff | Growth:
    """See `tonnage.diff`."""
    if isinstance(sources, (str, bytes, os.PathLike, Snapshot)):
        raise TypeError(f"snapshots must be a list of snapshots or paths, oldest first, not {type(sources).__name__}")
    for name, value in options.items():
        must_take("diff", name, value)
    for source in sources:
        if not isinstance(source, (Snapshot, str, os.PathLike)):
            raise TypeError(f"snapshots must be snapshots or paths, not {type(source).__name__}")
    if len(sources) < 2:
        raise ArgumentError("a diff is of two snapshots or more", -8)
    snapshots: list[Snapshot] = []
    for source in sources:
        opened = source if isinstance(source, Snapshot) else load(source)
        snapshots.append(opened._again() if any(opened is other for other in snapshots) else opened)
    if len(snapshots) == 2:
        return Diff(snapshots[0], snapshots[1], **options)
    return Growth(snapshots, **options)
