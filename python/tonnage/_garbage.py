"""tonnage.Garbage: what the collector could not free, or has found, with its birthplace."""

from __future__ import annotations

import gc

from tonnage import _live_text
from tonnage._followed import bare_name
from tonnage._live_text import moment, short_path
from tonnage._periodic import Display

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from tonnage._live_text import Target

_TEXT_MAX = 500


class Garbage(Display):
    """What is in `gc.garbage`, and was not there before: what the collector cannot free.

    Args:
        file: where the page goes: what has write(), or a function that gets the text. None: the standard output.
        color: colours. None: where the file is a terminal, and NO_COLOR is not set.
        cumulative: all that is there, each time.
        format_object: gives the text of an object. None: repr().
        all: what the collector finds counts, too, though it can be freed. It is kept from then on (gc.DEBUG_SAVEALL)
            until `stop()`: memory grows by all garbage.
        collect: a full collection comes first, so that what is garbage by now is there.
        count: objects that are shown; the others are one line, "n more".
        filename_parts: how many parts of a path are shown; 0: all.

    Where allocations are recorded (`tonnage.trace`) a row tells the line that made the object.

    Example:
        >>> garbage = tonnage.Garbage(all=True)   # doctest: +SKIP
        >>> garbage.start(60)                     # doctest: +SKIP
    """

    __slots__ = ("_saves", "_seen", "all", "collect", "count", "cumulative", "filename_parts", "format_object")

    def __init__(
        self,
        file: Target = None,
        *,
        color: bool | None = None,
        cumulative: bool = False,
        format_object: Callable[[object], str] | None = None,
        all: bool = False,
        collect: bool = True,
        count: int = 20,
        filename_parts: int = 3,
    ) -> None:
        super().__init__(file, color)
        self.cumulative = cumulative
        self.format_object = format_object
        self.all = all
        self.collect = collect
        self.count = count
        self.filename_parts = filename_parts
        self._seen: set[int] = set()  # addresses; what is in gc.garbage is alive
        self._saves = False  # it was us who set the flag
        if all:
            self._save()

    def _save(self) -> None:
        if not gc.get_debug() & gc.DEBUG_SAVEALL:
            gc.set_debug(gc.get_debug() | gc.DEBUG_SAVEALL)
            self._saves = True

    def stop(self) -> None:
        """No more calls; with all, the collector frees again what it finds. What is in gc.garbage stays there."""
        super().stop()
        if self._saves:
            self._saves = False
            gc.set_debug(gc.get_debug() & ~gc.DEBUG_SAVEALL)

    def display(self) -> None:
        """Writes the page."""
        if self.all:
            self._save()
        if self.collect:
            gc.collect()
        found = list(gc.garbage)
        new = [item for item in found if self.cumulative or id(item) not in self._seen]
        self._seen = set(map(id, found))
        word = "object" if self.cumulative else "new object"
        total = "" if self.cumulative else f", {len(found)} in all"
        title = f"{moment(_live_text.now())}: Garbage: {len(new)} {word}{'' if len(new) == 1 else 's'}{total}"
        lines = [self._screen.paint().title(title)]
        lines += [f"#{rank}: {self._line(item)}" for rank, item in enumerate(new[: self.count], 1)]
        if len(new) > self.count:
            lines.append(f"{len(new) - self.count} more")
        self._screen.show(lines)

    def _line(self, item: object) -> str:
        try:
            text = str((self.format_object or repr)(item))
        except Exception as error:  # an object that is garbage may be in pieces
            text = f"<{bare_name(type(item))} at {id(item):#x}: {bare_name(type(error))} in its text>"
        text = " ".join(text.splitlines())  # a row is one line
        text = text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
        text = text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}..."
        return f"{self._birthplace(item)}: {text}"

    def _birthplace(self, item: object) -> str:
        from tonnage import trace

        site = trace.site_of(item)
        if site is None or not site.frames:
            return "birthplace unknown"
        frame = site.frames[0]
        if not frame.file:
            return frame.name
        doubt = " (or an object before it)" if site.maybe_stale else ""
        return f"{short_path(frame.file, self.filename_parts)}:{frame.line or '?'}{doubt}"
