"""A table of a snapshot as columns, for what reads Apache Arrow: pandas, polars, DuckDB, pyarrow."""

from __future__ import annotations

import os

from tonnage._errors import ArgumentError, MissingPackageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tonnage._core import Set
    from tonnage._snapshot import Snapshot


def extra(package: str, name: str, use: str) -> Any:
    """A package that tonnage does without but for one use, which the extra of this name installs.

    Raises:
        MissingPackageError: it is not installed.
    """
    from importlib import import_module

    try:
        return import_module(package)
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] != package.partition(".")[0]:
            raise
        raise MissingPackageError(f"{use} needs {package}: pip install 'tonnage[{name}]'") from None


class Table:
    """One of the tables objects, references, types and roots, of all objects or of a set (docs/export.md).

    It has no rows in Python: what reads the Arrow interface takes it as it is (`polars.DataFrame(table)`,
    `pyarrow.table(table)`), again as often as it is given. Cost: none, before it is read.
    """

    __slots__ = ("_columns", "_name", "_set", "_snapshot")

    def __init__(self, snapshot: Snapshot, name: str, members: Set | None, columns: list[str] | str | None) -> None:
        from tonnage import _core

        known = _core.columns(name)
        if isinstance(columns, str):
            columns = columns.split(",")
        chosen = [column for column, asked in known if not asked] if columns is None else list(columns)
        unknown = [column for column in chosen if column not in dict(known)]
        if unknown or not chosen:
            names = ", ".join(column for column, _ in known)
            raise ArgumentError(f"{name} has no column {', '.join(map(repr, unknown)) or ''}: it is {names}", -8)
        self._snapshot = snapshot
        self._name = name
        self._set = members
        self._columns = chosen

    @property
    def name(self) -> str:
        """Which table it is: "objects", "references", "types" or "roots"."""
        return self._name

    @property
    def columns(self) -> list[str]:
        """Names of its columns."""
        return list(self._columns)

    def __repr__(self) -> str:
        of = self._snapshot.path or "a snapshot without a name"
        return f"<tonnage.Table {self._name} of {of}: {', '.join(self._columns)}>"

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Batches by the Arrow PyCapsule interface. A schema may be asked for, as everywhere; it is not heeded."""
        return self._snapshot._core.batches(self._name, self._set, ",".join(self._columns)).stream()

    def to_arrow(self) -> Any:
        """A `pyarrow.Table`. Needs pyarrow, the extra `tonnage[parquet]`."""
        return extra("pyarrow", "parquet", "to_arrow()").table(self)

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame`. Needs pandas and pyarrow, the extra `tonnage[pandas]`.

        Columns with nulls have pandas' own integers (`UInt64`, `Int64`), which keep every digit; words are categories.
        """
        pandas = extra("pandas", "pandas", "to_pandas()")
        arrow = extra("pyarrow", "pandas", "to_pandas()")
        whole = {arrow.uint64(): pandas.UInt64Dtype(), arrow.int64(): pandas.Int64Dtype()}
        table = arrow.table(self)
        columns = {
            field.name: table[field.name].to_pandas(types_mapper=whole.get if field.nullable else None)
            for field in table.schema
        }
        return pandas.DataFrame(columns, copy=False)

    def to_csv(self, path: str | os.PathLike[str], force: bool = False) -> None:
        """Writes it as CSV, whole or not at all.

        Args:
            path: the file; readable by its owner only.
            force: replace an existing file.

        Raises:
            ExistsError: path exists and force is false.
            FileError: it cannot be written.
        """
        self._snapshot._core.export(
            os.fspath(path),
            "csv",
            force=force,
            set=self._set,
            table=self._name,
            columns=",".join(self._columns),
        )
