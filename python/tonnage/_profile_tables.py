"""Stacks of a snapshot: where time goes, and trees of what was allocated or spent."""

from __future__ import annotations

from tonnage._errors import ArgumentError
from tonnage._keywords import told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from tonnage._core import Snapshot as Core
    from tonnage._flame import Flame
    from tonnage._profile import Profile
    from tonnage._snapshot import Snapshot


@told
class ProfileTables:
    """Methods of a snapshot about stacks: of `tonnage run --sample`, `tonnage sample` and `tonnage run --trace`."""

    __slots__ = ()

    @property
    def _core(self) -> Core:
        raise NotImplementedError

    def _older(self, against: Snapshot | None, name: str = "against") -> Snapshot | None:
        raise NotImplementedError

    def profile(
        self,
        by: str = "function",
        against: Snapshot | None = None,
        *,
        cumulative: bool = False,
        page: str = "table",
        callers: str | None = None,
        callees: str | None = None,
        thread: str | None = None,
        task: str | None = None,
        state: str | None = None,
        clock: str | None = None,
        include: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        sort: str | None = None,
        limit: int = 20,
        depth: int = 0,
    ) -> Profile:
        """Where time goes: the page of `tonnage profile`. Of a file that has allocations alone, bytes.

        Args:
            by: what a row stands for: "function", "line", "file", "module", "distribution", "traceback", "thread",
                "task" (of asyncio) or "state" (whether it ran, and held the interpreter's lock).
            against: another snapshot, of any run: what changed since.
            cumulative: also rows that have nothing of their own, and all in order of what they have all in all.
            page: "table", "tree" (who called whom) or "graph".
            callers: a function such as "load", "app.py" or "app.py:88": who called it.
            callees: likewise: what it called.
            thread: only this thread, by name; "*" and "?" stand for others.
            task: only this task, likewise.
            state: only "running", "waiting" or "gil", what held the lock.
            clock: "alloc": of a file that has both, allocations and not samples.
            include: only stacks that one of these places names: "app.py", "app.py:88", "any:app.py" (any frame).
            exclude: no stack that one of these names.
            sort: "own", "total", "samples", "name"; "bytes" where allocations were recorded, too; "change" where it is
                compared; "-" before it turns the order around.
            limit: rows, of each level of the tree; 0 for all.
            depth: levels of the tree, 0 for 12.

        Returns:
            A view; rows have the keys of docs/view-json.md, and their `str` is
            "app.py load(): own=0.400 s (40.0 %), total=0.600 s (60.0 %), samples=40".

        Raises:
            ArgumentError: no thread was sampled, and nothing was traced.
            NotFoundError: no stack has the function.

        Cost: a pass over stacks and samples.

        Example:
            >>> for row in snapshot.profile(by="line")[:10]:  # doctest: +SKIP
            ...     print(row)
        """
        from tonnage._profile import Profile

        if callers is not None and callees is not None:
            raise ArgumentError("callers or callees, not both", -8)
        if callers is not None or callees is not None:
            page = "callees" if callers is None else "callers"
        return Profile(
            self._core,
            page,
            self._older(against),
            by=by,
            cumulative=cumulative,
            function=callees if callers is None else callers,
            thread=thread,
            task=task,
            state=state,
            clock=clock,
            include=include,
            exclude=exclude,
            sort=sort,
            limit=limit,
            depth=depth,
        )

    def flame(
        self,
        what: str | None = None,
        *,
        by: str = "line",
        inverted: bool = False,
        where: str | None = None,
        born: tuple[int, int] | None = None,
        include: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        limit: int = 40,
    ) -> Flame:
        """Stacks as a tree, as flame graphs draw it: the page of `tonnage flame` (docs/flame.md).

        Args:
            what: "live" (bytes), "count" (blocks), "allocated", "temporary", "peak", "retained" or "cpu"; None: live,
                or cpu of a file that has no allocations.
            by: what a frame is: "line", "file", "function", "module" or "distribution".
            inverted: from where it was allocated, or spent, outwards.
            where: only blocks of these objects, in the selection language.
            born: of what is alive: only these allocations, the first and the last, as `tonnage timeline` numbers them.
            include: only stacks that one of these places names: "app.py", "app.py:88", "any:app.py" (any frame).
            exclude: no stack that one of these names.
            limit: nodes, the widest; 0 for a million at most.

        Returns:
            A view; rows are nodes, each behind its parent.

        Raises:
            ArgumentError: the file does not tell it.

        Cost: a pass over stacks, and over blocks where these are selected.

        Example:
            >>> snapshot.flame("peak", by="function")  # doctest: +SKIP
        """
        from tonnage._flame import Flame

        return Flame(
            self._core,
            what=what,
            by=by,
            inverted=inverted,
            where=where,
            born=born or (0, 0),
            include=include,
            exclude=exclude,
            limit=limit,
        )
