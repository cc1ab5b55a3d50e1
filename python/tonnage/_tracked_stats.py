"""Reading what a tracker knows: tables in the manner of `pstats`, of a tracker that runs or of a file."""

from __future__ import annotations

import os

from tonnage._errors import ArgumentError, NotFoundError
from tonnage._live_text import Screen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tonnage._live_text import Target
    from tonnage._snapshot import Snapshot
    from tonnage._tracked_data import History
    from tonnage._tracked_tables import Tracked

SORTS = ("size", "retained", "birth", "death", "count", "class", "name")


def _where(cls: str | type | None) -> str | None:
    """The selection of a class; of text as it stands in selections: "Node", "app.Node+", "app.*"."""
    if cls is None:
        return None
    if isinstance(cls, type):
        cls = f"{cls.__module__}.{cls.__qualname__}"
    if not isinstance(cls, str):
        raise TypeError(f"cls must be a class or text such as 'app.Node', not {type(cls).__name__}")
    quote = "'" if '"' in cls else '"'
    if quote in cls:
        raise ArgumentError(f"no class is called {cls!r}", -8)
    return f"type:{quote}{cls}{quote}" if " " in cls else f"type:{cls}"


class Stats:
    """What a tracker knows, as tables. Each table shows what is known when it is made; that of a file does not change.

        >>> tracker.stats.sort("size").print(limit=10, cls="Node")  # doctest: +SKIP
        >>> print(tonnage.track.Stats("app.tonnage").summary())     # doctest: +SKIP

    Args:
        source: a file with tracked classes; None: what `load` names later. A tracker gives a function.
    """

    __slots__ = ("_reversed", "_snapshot", "_sort", "_source")

    def __init__(self, source: Callable[[], History] | str | os.PathLike[str] | None = None) -> None:
        self._source: Callable[[], History] | None = None
        self._snapshot: Snapshot | None = None
        self._sort: str | None = None
        self._reversed = False
        if callable(source):
            self._source = source
        elif source is not None:
            self.load(source)

    def _file(self) -> Snapshot:
        if self._snapshot is not None:
            return self._snapshot
        if self._source is None:
            raise ArgumentError("there are no statistics: load() reads a file of them", -8)
        from tonnage import _tracked_file

        return _tracked_file.save(self._source(), None)

    def _view(self, by: str, cls: str | type | None, limit: int, depth: int = 0) -> Tracked:
        sort = self._sort
        if self._reversed:
            sort = "-" + (sort or SORTS[0])
        return self._file().tracked(_where(cls), by=by, sort=sort, limit=limit, depth=depth)

    # ---- order ----

    def sort(self, key: str | None = None) -> Stats:
        """Puts tables in order of "size", "retained", "birth", "death", "count", "class" or "name"; None: of size.

        Numbers descend, names ascend. Of classes birth and death are how many were born and died; of instances count is
        how many of its class are alive.

        Returns:
            itself.
        """
        if key is not None and key not in SORTS:
            raise ArgumentError(f"cannot sort by {key!r}: there are {', '.join(SORTS)}", -8)
        self._sort = key
        self._reversed = False
        return self

    def reverse(self) -> Stats:
        """Turns the order around. Returns itself."""
        self._reversed = not self._reversed
        return self

    # ---- tables ----

    def summary(self, cls: str | type | None = None, limit: int = 0) -> Tracked:
        """Each snapshot: instances of each class, their bytes, the average and share, what is shared; process and tool.

        Args:
            cls: only this class, or text such as "Node", "app.Node+" (and subclasses) or "app.*".
            limit: the last so many snapshots; 0: all.
        """
        return self._view("snapshot", cls, limit)

    def classes(self, cls: str | type | None = None, limit: int = 0) -> Tracked:
        """Births, deaths, ages and growth of each class; of at most three as curves."""
        return self._view("class", cls, limit)

    def instances(self, cls: str | type | None = None, limit: int = 20, depth: int = 0) -> Tracked:
        """Instances, with their parts to depth (0: all that are known) and where they were made. Limit 0: all."""
        return self._view("instance", cls, limit, depth)

    def print(self, limit: int = 20, cls: str | type | None = None, *, depth: int = 0, file: Target = None) -> Stats:
        """Writes the table of instances.

        Args:
            limit: so many; 0: all.
            cls: as in `summary`.
            depth: levels of the trees of parts; 0: all.
            file: what has write(), or a function; None: standard output.

        Returns:
            itself.
        """
        Screen(file, False).show([repr(self.instances(cls, limit, depth))])
        return self

    def print_summary(self, cls: str | type | None = None, limit: int = 0, *, file: Target = None) -> Stats:
        """Writes `summary`. Returns itself."""
        Screen(file, False).show([repr(self.summary(cls, limit))])
        return self

    # ---- numbers ----

    def annotate(self) -> list[dict[str, Any]]:
        """Each snapshot as a dict: its figures and, in `classes`, count, size, share and average of each class."""
        return self.summary().snapshots

    @property
    def tracked_classes(self) -> list[str]:
        """Full names of the classes that had an instance, in order."""
        return sorted(row["class"] for row in self.summary().classes)

    def growth(self, cls: str | type) -> list[tuple[float, int, int]]:
        """What a class took at each snapshot: seconds since tracking began, instances, bytes."""
        rows = []
        for moment in self.summary(self._known(cls)).snapshots:
            sums = moment["classes"]
            count, size = (sum(row[key] for row in sums) for key in ("count", "size"))
            rows.append((moment["time_ns"] / 1e9, count, size))
        return rows

    def lifetimes(self, cls: str | type) -> list[tuple[float, int]]:
        """How many instances died at which age: (younger than so many seconds, how many), the youngest first."""
        deaths: dict[int, int] = {}
        for row in self.summary(self._known(cls)).classes:
            for age in row["ages"]:
                deaths[age["below_ns"]] = deaths.get(age["below_ns"], 0) + age["died"]
        return [(below / 1e9, died) for below, died in sorted(deaths.items())]

    def _known(self, cls: str | type) -> str | type:
        if not self.summary(cls).classes:
            raise NotFoundError(f"no class that was tracked is called {cls!r}", -4)
        return cls

    # ---- files ----

    def save(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Writes what is known to a file, for `tonnage tracked FILE` and `load`.

        Raises:
            ExistsError: path exists and force is false.
            FileError: it cannot be written; none is left.
        """
        if self._snapshot is not None:
            self._snapshot.save(path, force)
        elif self._source is None:
            raise ArgumentError("there are no statistics: load() reads a file of them", -8)
        else:
            from tonnage import _tracked_file

            _tracked_file.save(self._source(), path, force).close()

    def report(self, path: str | os.PathLike[str], *, force: bool = False) -> None:
        """Writes a page for a browser that shows all of it (docs/viewer.md).

        Raises:
            ExistsError: path exists and force is false.
            FileError: it cannot be written; none is left.
        """
        self._file().report(path, force=force)

    def load(self, path: str | os.PathLike[str]) -> Stats:
        """Reads a file that `save` or `tonnage run --track` has written. Returns itself.

        Raises:
            ArgumentError: nothing was tracked.
            FileError, CorruptError: it cannot be read.
        """
        from tonnage._snapshot import load

        snapshot = load(path)
        try:
            snapshot.tracked(limit=1)
        except BaseException:
            snapshot.close()
            raise
        self._snapshot, self._source = snapshot, None
        return self

    def __repr__(self) -> str:
        return f"<tonnage.track.Stats of {'a tracker' if self._snapshot is None else self._snapshot!r}>"
