"""References of a snapshot: who holds what, under which label."""

from __future__ import annotations

# The abstract class itself: importing it as collections.abc would load the whole package collections into the target.
from _collections_abc import Sequence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import overload as overload

    from tonnage._core import _Reference
    from tonnage._object import Object
    from tonnage._snapshot import Snapshot
else:

    def overload(function: object) -> object:
        return function


_KINDS = ("owning", "borrowed", "weak", "interned", "guessed")
_SHOWN = 6
_PAGE = 512


def listed(items: Sequence[object]) -> str:
    """The first entries of a sequence, one a line, and how many more there are."""
    shown = [repr(item) for item in items[:_SHOWN]]
    if len(items) > _SHOWN:
        shown.append(f"… {len(items) - _SHOWN} more")
    return "[" + ",\n ".join(shown) + "]"


class Reference:
    """One reference: `source` holds `target` under a label."""

    __slots__ = ("_index", "_snapshot", "_source", "_target", "kind", "label")

    kind: str
    label: str

    def __init__(self, snapshot: Snapshot, source: int, index: int, fields: _Reference) -> None:
        self._snapshot = snapshot
        self._source = source
        self._index = index
        self._target = fields[0]
        self.kind = _KINDS[fields[1]]
        self.label = fields[4]

    @property
    def source(self) -> Object:
        """The object that holds the reference."""
        return self._snapshot._object(self._source)

    @property
    def target(self) -> Object:
        """The object referred to."""
        return self._snapshot._object(self._target)

    @property
    def freed(self) -> int:
        """Bytes that would go if this one reference were cleared; 0 where another one holds the target.

        Cost: like `Object.retained` and `Object.parents`.
        """
        return self._snapshot._core.cut(self._source, self._index)[0]

    def __repr__(self) -> str:
        kind = "" if self.kind == "owning" else f" ({self.kind})"
        return f"{self.label or '·'}{kind} → {self.target!r}"


class References(Sequence[Reference]):
    """The references of an object, in order, made when looked at."""

    __slots__ = ("_length", "_snapshot", "_source")

    def __init__(self, snapshot: Snapshot, source: int, length: int) -> None:
        self._snapshot = snapshot
        self._source = source
        self._length = length

    def __len__(self) -> int:
        return self._length

    def _page(self, start: int, count: int) -> list[Reference]:
        fields = self._snapshot._core.references(self._source, start, count)
        return [Reference(self._snapshot, self._source, start + place, one) for place, one in enumerate(fields)]

    @overload
    def __getitem__(self, index: int) -> Reference: ...
    @overload
    def __getitem__(self, index: slice) -> list[Reference]: ...  # noqa: F811
    def __getitem__(self, index: int | slice) -> Reference | list[Reference]:  # noqa: F811
        if isinstance(index, slice):
            start, stop, step = index.indices(self._length)
            if step == 1:
                return self._page(start, max(0, stop - start))
            return [self[i] for i in range(start, stop, step)]
        try:
            place = range(self._length)[index]
        except IndexError:
            raise IndexError(f"no entry {index}: there are {self._length}") from None
        return self._page(place, 1)[0]

    def __iter__(self) -> Iterator[Reference]:
        for start in range(0, self._length, _PAGE):
            yield from self._page(start, _PAGE)

    def __repr__(self) -> str:
        return listed(self)
