"""Threads and frames of a snapshot: the calls that were running."""

from __future__ import annotations

from tonnage._errors import NotFoundError
from tonnage._reference import References

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from tonnage._core import Snapshot as Core
    from tonnage._snapshot import Snapshot


_SHOWN = 6


class Frame:
    """A frame of a thread: a call that was running; `own`: of tonnage, the innermost ones took the snapshot."""

    __slots__ = ("_node", "_snapshot", "file", "line", "name", "own", "qualified_name")

    name: str
    qualified_name: str
    file: str
    line: int | None
    own: bool

    def __init__(
        self, snapshot: Snapshot, fields: tuple[int | None, str | None, str | None, str | None, int, bool]
    ) -> None:
        self._snapshot = snapshot
        self._node = fields[0]
        self.name = fields[1] or "?"
        self.qualified_name = fields[2] or self.name
        self.file = fields[3] or "?"
        self.line = fields[4] or None
        self.own = fields[5]

    @property
    def locals(self) -> References:
        """Its local variables, with their names as labels."""
        if self._node is None:
            raise NotFoundError("nothing is known of this frame's locals", -9)
        return References(self._snapshot, self._node, self._snapshot._core.node(self._node)[8])

    def __repr__(self) -> str:
        return f"{self.qualified_name} ({self.file}:{self.line or '?'})"


class Thread:
    """A thread and its calls, the innermost first."""

    __slots__ = ("frames", "holds_gil", "ident", "name", "native_id")

    ident: int | None
    native_id: int | None
    name: str | None
    holds_gil: bool
    frames: tuple[Frame, ...]

    def __init__(self, snapshot: Snapshot, facts: dict[str, int | float | str]) -> None:
        core = snapshot._core
        self.ident = _integer(facts.get("ident"))
        self.native_id = _integer(facts.get("native_id"))
        name = facts.get("name")
        self.name = None if name is None else str(name)
        self.holds_gil = bool(facts.get("holds_gil"))
        node = _integer(facts.get("node"))
        self.frames = () if node is None else tuple(_frames(snapshot, core, node))

    def __repr__(self) -> str:
        hidden = next((n for n, frame in enumerate(self.frames) if not frame.own), len(self.frames))
        calls = " ← ".join(frame.name for frame in self.frames[hidden : hidden + _SHOWN])
        return f"Thread({self.name or self.ident}: {calls or 'no frames'})"


def _frames(snapshot: Snapshot, core: Core, node: int) -> Iterator[Frame]:
    depth = 0
    while (fields := core.frame(node, depth)) is not None:
        yield Frame(snapshot, fields)
        depth += 1


def _integer(value: int | float | str | None) -> int | None:
    return int(value) if value is not None else None
