"""Tracked classes in a file: the page of `tonnage tracked`, and its rows."""

from __future__ import annotations

from tonnage._keywords import told
from tonnage._view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tonnage._core import Snapshot as Core


class Tracked(View):
    """Snapshots, classes and instances; its rows are instances, dicts with the keys of docs/view-json.md."""

    __slots__ = ("_page", "_snapshot")

    def __init__(self, snapshot: TrackedTables, page: str, **options: Any) -> None:
        self._page = page
        self._snapshot = snapshot  # one that nobody holds is closed
        super().__init__(snapshot._core, "tracked", **options)

    def _render(self, **form: Any) -> str:
        return self._core.tracked(self._page, **form, **self._options)

    @property
    def snapshots(self) -> list[dict[str, Any]]:
        """What each snapshot of the tracker says, the oldest first: its figures, and its `classes`."""
        found: list[dict[str, Any]] = self.data["snapshots"]
        return found

    @property
    def classes(self) -> list[dict[str, Any]]:
        """Births, deaths and ages of each class, and what it took last."""
        found: list[dict[str, Any]] = self.data["classes"]
        return found


@told
class TrackedTables:
    """The method of a snapshot that needs tracked classes: `tonnage run --track` or `tonnage.track` (docs/track.md)."""

    __slots__ = ()

    @property
    def _core(self) -> Core:
        raise NotImplementedError

    def tracked(
        self,
        where: str | None = None,
        *,
        by: str = "all",
        sort: str | None = None,
        limit: int = 20,
        depth: int = 0,
    ) -> Tracked:
        """Tracked classes: the page of `tonnage tracked`.

        Args:
            where: only these classes and instances: words type:, module:, size:, retained: and text:.
            by: what the page tells: "all", "snapshot", "class" or "instance".
            sort: "size", "retained", "birth", "death", "count", "class" or "name"; "-" before it turns it around.
            limit: instances, classes and last snapshots on the page, 0 for all.
            depth: levels of the trees of parts, 0 for all.

        Returns:
            A view, with `snapshots`, `classes` and, as rows, instances.

        Raises:
            ArgumentError: nothing was tracked.

        Cost: a pass over what was tracked.

        Example:
            >>> print(snapshot.tracked("type:app.Node", sort="size", limit=10))  # doctest: +SKIP
        """
        return Tracked(self, by, where=where, sort=sort, limit=limit, depth=depth)
