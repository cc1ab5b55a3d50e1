"""Where time goes: the page of `tonnage profile`, and its rows."""

from __future__ import annotations

from tonnage._sites import places
from tonnage._view import View

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from tonnage._core import Snapshot as Core
    from tonnage._snapshot import Snapshot


class ProfileRow(dict[str, "Any"]):
    """A row; its `str` is "app.py load(): own=0.400 s (40.0 %), total=0.600 s (60.0 %), samples=40"."""

    __slots__ = ()

    def __str__(self) -> str:
        text: str | None = self.get("text")
        return super().__str__() if text is None else text


class Profile(View):
    """A table of functions, or of another part of stacks; or the call tree, the call graph, callers or callees.

    Rows are dicts with the keys of docs/view-json.md. The graph has none: `data["nodes"]` and `data["edges"]` are it.
    """

    __slots__ = ("_made", "_page")

    def __init__(self, core: Core, page: str, against: Snapshot | None, **options: Any) -> None:
        self._page = page
        self._made: list[ProfileRow] | None = None
        for name in ("include", "exclude"):
            options[name] = places(options[name], name)
        super().__init__(core, "profile", against=against, **options)

    def _render(self, **form: Any) -> str:
        return self._core.profile(self._page, **form, **self._options)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows that are shown."""
        if self._made is None:
            self._made = [ProfileRow(row) for row in super().rows]
        return self._made  # type: ignore[return-value]

    def __iter__(self) -> Iterator[ProfileRow]:
        return iter(self.rows)  # type: ignore[arg-type]

    def __getitem__(self, index: int) -> ProfileRow:
        return self.rows[index]  # type: ignore[return-value]
