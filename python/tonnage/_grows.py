"""Does memory grow when this is called again and again? The check of `tonnage.grows`."""

from __future__ import annotations

import gc

from tonnage._diff import Diff, Growth
from tonnage._errors import ArgumentError
from tonnage._snapshot import Snapshot
from tonnage._take import take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tonnage._sets import ObjectSet


class Grown:
    """What grew with the calls; false when nothing did, so that a test can say `assert not tonnage.grows(f)`."""

    __slots__ = ("collections", "snapshot", "times", "types", "_before")

    def __init__(
        self,
        times: int,
        types: list[dict[str, Any]],
        collections: list[dict[str, Any]],
        before: Snapshot,
        last: Snapshot,
    ) -> None:
        self.times = times
        self.types = types  # type, count and size (both of the second half), per_call
        self.collections = collections  # type, address, path, lengths, per_call
        self.snapshot = last
        self._before = before

    def __bool__(self) -> bool:
        return bool(self.types or self.collections)

    @property
    def objects(self) -> ObjectSet:
        """The new objects of the types that grew, in the last snapshot."""
        names = {row["type"] for row in self.types}
        return Diff(self._before, self.snapshot).new.filter(lambda item: item.type in names)

    def __repr__(self) -> str:
        if not self:
            return f"nothing grows with {self.times} calls"
        lines = [f"grows with {self.times} calls:"]
        lines += [f"  {row['per_call']} {row['type']} a call ({row['count']}, {row['size']} B)" for row in self.types]
        lines += [
            f"  {row['path'] or 'what nothing holds'} ({row['type']} at {row['address']:#x}) holds"
            f" {row['per_call']} more a call ({row['lengths'][-1]} now)"
            for row in self.collections
        ]
        return "\n".join(lines)


def _shot() -> Snapshot:
    gc.collect()
    return take(None, "stop", None, None, None, False, None, None)


def _rounds(func: Callable[[], object], times: int) -> Snapshot:
    for _ in range(times):
        func()
    return _shot()


def grows(func: Callable[[], object], times: int, warmup: int) -> Grown:
    """See `tonnage.grows`."""
    if times < 2 or warmup < 0:
        raise ArgumentError(f"times must be 2 or more and warmup 0 or more, not {times} and {warmup}", -8)
    first = _rounds(func, warmup)
    middle = _rounds(func, times)
    last = _rounds(func, times)
    growth = Growth((first, middle, last), limit=0)
    types = []
    for row in growth.rows:
        early, late = row["counts"][1] - row["counts"][0], row["counts"][2] - row["counts"][1]
        if early >= times and late >= times:
            size = row["sizes"][2] - row["sizes"][1]
            types.append({"type": row["type"], "count": late, "size": size, "per_call": late // times})
    collections = []
    for row in growth.collections:
        lengths = row["lengths"]
        if len(lengths) == 3 and all(lengths[i + 1] - lengths[i] >= times for i in (0, 1)):
            found = {key: row[key] for key in ("type", "address", "path", "lengths")}
            collections.append(found | {"per_call": (lengths[2] - lengths[1]) // times})
    first.close()
    return Grown(times, types, collections, middle, last)
