"""Stacks as a tree: the page of `tonnage flame`, and its nodes."""

from __future__ import annotations

from tonnage._sites import places
from tonnage._view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tonnage._core import Snapshot as Core


_DRAWN = 1000


class Flame(View):
    """The widest frames of a tree of stacks. Rows are its nodes, with the frame of each (docs/view-json.md)."""

    __slots__ = ()

    def __init__(self, core: Core, **options: Any) -> None:
        for name in ("include", "exclude"):
            options[name] = places(options[name], name)
        super().__init__(core, "flame", **options)

    def _render(self, **form: Any) -> str:
        return self._core.flame(**form, **self._options)

    def _repr_html_(self) -> str:
        from tonnage._flame_html import flame
        from tonnage._json_text import loads

        wide = {**self._options, "limit": max(self._options["limit"], _DRAWN)}  # more than a page of text has
        return flame(loads(self._core.flame(json=True, **wide)))

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Nodes, each behind its `parent`: `name`, `file`, `line` and `function` of its frame, and its sums."""
        if self._rows is None:
            frames = self.data["frames"]
            self._rows = [{**frames[node["frame"]], **node} for node in self.data["nodes"]]
        return self._rows
