"""Objects as tables, files and answers to SQL, for other programs: of a snapshot, or of a set."""

from __future__ import annotations

import os

from tonnage._errors import ArgumentError
from tonnage._keywords import told
from tonnage._verbs import Verbs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tonnage._columns import Table
    from tonnage._snapshot import Snapshot
    from tonnage._sql import Answer


@told
class Tabular(Verbs):
    """Methods for other programs."""

    __slots__ = ()

    def table(
        self,
        name: str = "objects",
        columns: list[str] | str | None = None,
        where: str | None = None,
        against: Snapshot | None = None,
    ) -> Table:
        """A table as columns, for what reads Apache Arrow: pandas, polars, DuckDB, pyarrow (docs/export.md).

        Args:
            name: "objects", "references" (of these objects to any), "types" or "roots" (references to these objects
                from what is none).
            columns: their names, in this order; None: all but those that cost more, which are there when named.
            where: only objects of this selection.
            against: an older snapshot of the process: only objects that are new since, or what `is:` in `where` says.

        Returns:
            A table with `__arrow_c_stream__`, `to_pandas()`, `to_arrow()` and `to_csv()`. Cost: none, till it is read.

        Example:
            >>> snapshot.table("objects").to_pandas()  # doctest: +SKIP
        """
        from tonnage._columns import Table

        return Table(self._subject._snapshot, name, self._chosen(where, against), columns)

    def to_pandas(self, columns: list[str] | str | None = None, where: str | None = None) -> Any:
        """The objects as a `pandas.DataFrame`: `table("objects", columns, where).to_pandas()`."""
        return self.table("objects", columns, where).to_pandas()

    def to_arrow(self, columns: list[str] | str | None = None, where: str | None = None) -> Any:
        """The objects as a `pyarrow.Table`: `table("objects", columns, where).to_arrow()`."""
        return self.table("objects", columns, where).to_arrow()

    def to_csv(
        self,
        path: str | os.PathLike[str],
        columns: list[str] | str | None = None,
        where: str | None = None,
        force: bool = False,
    ) -> None:
        """The objects as CSV: `table("objects", columns, where).to_csv(path, force)`."""
        self.table("objects", columns, where).to_csv(path, force)

    def export(
        self,
        path: str | os.PathLike[str],
        to: str | None = None,
        what: str | None = None,
        columns: list[str] | str | None = None,
        where: str | None = None,
        against: Snapshot | None = None,
        force: bool = False,
        max_nodes: int = 0,
    ) -> None:
        """Writes the objects in the format of another program, whole or not at all (docs/export.md).

        Args:
            path: the file, or for Parquet and Arrow the folder of a file a table; for its owner only.
            to: "csv", "parquet", "arrow", "heapsnapshot" (docs/heapsnapshot.md) or "meliae" (docs/import.md); of stacks
                "pprof", "speedscope", "collapsed", "pstats" or "plop"; None: as the name ends. Parquet and Arrow need
                pyarrow, the extra `tonnage[parquet]`.
            what: "objects", "references", "types" or "roots", which then is one file; None: all, of CSV objects. Of
                stacks "live", "allocated" (all there ever was), "peak" (at the high-water mark) or "cpu" (where threads
                were); None: "live", or what the snapshot has.
            columns: as of `table`.
            where: only objects of this selection.
            against: an older snapshot of the process: only objects that are new since, or what `is:` in `where` says.
            force: replace what is there.
            max_nodes: of a heap snapshot: what retains least is folded until there are no more nodes; 0: all.

        Raises:
            ExistsError: path exists and force is false.
            FileError: it cannot be written.
            MissingPackageError: pyarrow is not installed.

        Example:
            >>> snapshot.export("app.parquet")  # doctest: +SKIP
        """
        from tonnage._export import export

        chosen = self._chosen(where, against)
        export(self._subject._snapshot, chosen, os.fspath(path), to, what, columns, force, max_nodes)

    def sql(self, query: str, limit: int = 20, where: str | None = None, against: Snapshot | None = None) -> Answer:
        """A query over the tables `objects`, `references` (or `refs`), `types` and `roots`, by DuckDB.

        Args:
            query: SQL. It reads nothing but these tables. `*` leaves out columns that cost more: name them.
            limit: rows, 0 for all.
            where: only objects of this selection.
            against: an older snapshot of the process: only objects that are new since, or what `is:` in `where` says.

        Returns:
            An answer with `rows` and `columns`; `print` writes a table. Cost: the columns that the query names are
            made each time.

        Raises:
            ArgumentError: DuckDB does not like the query.
            MissingPackageError: duckdb is not installed; it is the extra `tonnage[sql]`.

        Example:
            >>> snapshot.sql("select type, sum(size) from objects group by all order by 2 desc")  # doctest: +SKIP
        """
        from tonnage._sql import query as ask

        if limit < 0:
            raise ArgumentError(f"limit must be 0, which is all, or more, not {limit}", -8)
        return ask(self._subject._snapshot, self._chosen(where, against), query, limit)
