"""Exports: what the C library writes, and Parquet and Arrow files by pyarrow. Also `python -m tonnage export`."""

from __future__ import annotations

import os
import sys

from tonnage._columns import Table, extra
from tonnage._errors import (
    ArgumentError,
    Error,
    ExistsError,
    FileError,
    FormatError,
    MissingPackageError,
    VersionError,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, NoReturn

    from tonnage._core import Set
    from tonnage._snapshot import Snapshot

TABLES = ("objects", "references", "types", "roots")
_COLUMNAR = ("parquet", "arrow")
_GRAPHS = ("heapsnapshot", "meliae")  # of objects as they are, with what they refer to
_PROFILES = ("pprof", "speedscope", "collapsed", "pstats", "plop")  # of stacks that allocated, or took time
_FORMATS = ("csv", *_COLUMNAR, *_GRAPHS, *_PROFILES)
_SUMS = ("live", "allocated", "peak", "cpu")

# ---- one table to one file ----


def _ahead(reader: Any) -> Iterator[Any]:
    """Batches, of which the next one is made while one is written."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as maker:
        batch = maker.submit(next, reader, None)
        while (made := batch.result()) is not None:
            batch = maker.submit(next, reader, None)
            yield made


def _write_parquet(arrow: Any, table: Table, file: Any) -> None:
    """Numbers that go up by small steps as differences; words and numbers that repeat in dictionaries."""
    parquet = extra("pyarrow.parquet", "parquet", "the format parquet")
    reader = arrow.RecordBatchReader.from_stream(table)
    words = [field.name for field in reader.schema if arrow.types.is_dictionary(field.type)]
    often = [name for name in ("size", "refcount", "type_id", "generation", "index") if name in table.columns]
    steps = {name: "DELTA_BINARY_PACKED" for name in ("address", "source") if name in table.columns}
    with parquet.ParquetWriter(
        file,
        reader.schema,
        compression="zstd",
        use_dictionary=words + often,
        column_encoding=steps or None,
        write_statistics=True,
    ) as writer:
        for batch in _ahead(reader):
            writer.write_batch(batch)


def _write_arrow(arrow: Any, table: Table, file: Any) -> None:
    ipc = extra("pyarrow.ipc", "parquet", "the format arrow")
    reader = arrow.RecordBatchReader.from_stream(table)
    with ipc.new_file(file, reader.schema) as writer:
        for batch in _ahead(reader):
            writer.write_batch(batch)


def cannot(path: str, error: OSError) -> Error:
    """Why it was not written."""
    if isinstance(error, FileExistsError):
        return ExistsError(f"{path} exists: choose another name, or force to replace it", -13)
    return FileError(f"cannot write {path}: {error.strerror or error}", -2)


def _write_table(table: Table, path: str, to: str) -> None:
    """To a file that is not there yet."""
    arrow = extra("pyarrow", "parquet", f"the format {to}")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        (_write_parquet if to == "parquet" else _write_arrow)(arrow, table, file)
        file.flush()
        os.fsync(file.fileno())


# ---- whole or not there ----


def remove(path: str) -> None:
    """A file, a folder, or nothing."""
    import shutil

    try:
        os.unlink(path)
    except IsADirectoryError:
        shutil.rmtree(path, ignore_errors=True)
    except FileNotFoundError:
        pass


def take_name(temp: str, path: str, force: bool) -> None:
    """A file gives way to a file at once; what is a folder, or gives way to one, steps aside before."""
    if not force or not os.path.lexists(path):
        if os.path.lexists(path):
            raise FileExistsError
        os.rename(temp, path)
    elif os.path.isdir(path) or os.path.isdir(temp):
        aside = temp + ".old"
        os.rename(path, aside)
        os.rename(temp, path)
        remove(aside)
    else:
        os.replace(temp, path)


def write(snapshot: Snapshot, tables: list[Table], path: str, to: str, *, single: bool, force: bool) -> None:
    """Tables to a folder with a file each, or the only one to a file."""
    temp = f"{path}.{os.getpid()}.part"
    try:
        if os.path.exists(path) and os.path.samestat(os.stat(path), os.fstat(snapshot._fd)):
            raise ArgumentError(f"{path} is the file that is read: choose another name", -8)
        if not force and os.path.lexists(path):
            raise FileExistsError
        if single:
            _write_table(tables[0], temp, to)
        else:
            os.mkdir(temp, 0o700)
            for table in tables:
                _write_table(table, os.path.join(temp, f"{table.name}.{to}"), to)
        take_name(temp, path, force)
    except OSError as error:
        if isinstance(error, Error):
            raise
        snapshot._core  # noqa: B018 - where it was closed meanwhile, that is the reason
        raise cannot(path, error) from None
    finally:
        remove(temp)


def _export_profile(
    snapshot: Snapshot,
    members: Set | None,
    path: str,
    to: str,
    what: str | None,
    columns: list[str] | str | None,
    force: bool,
    max_nodes: int,
) -> None:
    if members is not None or columns is not None or max_nodes:
        raise ArgumentError(f"{to} is of stacks: it takes no selection, columns or number of nodes", -8)
    if what is not None and what not in _SUMS:
        raise ArgumentError(f"sums are {', '.join(_SUMS)}, not {what!r}", -8)
    snapshot._core.export(path, to, force=force, profile=what)


def export(
    snapshot: Snapshot,
    members: Set | None,
    path: str,
    to: str | None,
    what: str | None,
    columns: list[str] | str | None,
    force: bool,
    max_nodes: int,
) -> None:
    """See `Snapshot.export`."""
    to = to or os.path.splitext(path)[1].removeprefix(".")
    if to not in _FORMATS:
        raise ArgumentError(f"formats are {', '.join(_FORMATS)}, not {to!r}", -8)
    if to in _PROFILES:
        _export_profile(snapshot, members, path, to, what, columns, force, max_nodes)
        return
    if to in _GRAPHS and (what is not None or columns is not None):
        raise ArgumentError(f"{to} is of objects as they are: it has no choice of tables or columns", -8)
    if max_nodes and to != "heapsnapshot":
        raise ArgumentError(f"{to} folds nothing: a number of nodes is for heapsnapshot", -8)
    if not 0 <= max_nodes < 2**32:
        raise ArgumentError(f"max_nodes must be 0, which is all, or more, not {max_nodes}", -8)
    if to in _GRAPHS:
        snapshot._core.export(path, to, force=force, set=members, max_nodes=max_nodes)
        return
    if what is not None and what not in TABLES:
        raise ArgumentError(f"tables are {', '.join(TABLES)}, not {what!r}", -8)
    if columns is not None and what is None and to != "csv":
        raise ArgumentError("columns are of one table: say which (what)", -8)
    if to == "csv":
        Table(snapshot, what or "objects", members, columns).to_csv(path, force)
        return
    names = TABLES if what is None else (what,)
    tables = [Table(snapshot, name, members, columns) for name in names]
    write(snapshot, tables, path, to, single=what is not None, force=force)


# ---- the other way ----


def import_file(dump: str | bytes, path: str | bytes, force: bool, max_memory: int) -> None:
    """See `import_dump`."""
    from tonnage import _core

    if not _is_packed(dump):
        _core.import_dump(dump, path, force, max_memory)
        return
    import gzip
    import shutil
    import tempfile
    import zlib

    if os.path.exists(path) and os.path.samefile(dump, path):
        raise ArgumentError(f"{os.fsdecode(path)} is the file that is read: choose another name", -8)
    with tempfile.TemporaryFile() as unpacked:
        try:
            with gzip.open(dump) as packed:
                shutil.copyfileobj(packed, unpacked)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise FormatError(f"{os.fsdecode(dump)}: it is compressed, and cannot be unpacked: {error}", -3) from None
        except OSError as error:
            raise FileError(f"cannot unpack {os.fsdecode(dump)}: {error.strerror or error}", -2) from None
        unpacked.flush()
        _core.import_dump(f"/dev/fd/{unpacked.fileno()}", path, force, max_memory)


def _is_packed(dump: str | bytes) -> bool:
    """Of a pipe nothing is read."""
    if not os.path.isfile(dump):
        return False
    try:
        with open(dump, "rb") as file:
            return file.read(2) == b"\x1f\x8b"
    except OSError:
        return False


# ---- the command ----


def fail(verb: str, error: BaseException) -> NoReturn:
    """Says it as the command does, and ends with its exit code."""
    codes = {ArgumentError: 2, ExistsError: 2, MissingPackageError: 3, VersionError: 6}
    code = next((code for kind, code in codes.items() if isinstance(error, kind)), 5)
    sys.stderr.write(f"tonnage: {verb}: {str(error).replace('or force to', 'or --force to')}\n")
    sys.exit(code)


def parse(words: list[str]) -> Any:
    """The words of `export`, which the command has seen already where it handed over."""
    from argparse import ArgumentParser

    parser = ArgumentParser(prog="tonnage export", add_help=False, allow_abbrev=False)
    for name in ("--to", "-o", "--what", "--columns", "--where", "--against", "--max-memory", "--python"):
        parser.add_argument(name)
    parser.add_argument("--force", action="store_true")
    parser.add_argument("file")
    return parser.parse_known_args(words)[0]


def is_columnar(words: list[str]) -> bool:
    """Whether these words of `export` are for Python: all others are the command's."""
    if {"-h", "--help"} & set(words):
        return False
    for index, word in enumerate(words):
        if word in ("--to", "-o") and index + 1 < len(words) and words[index + 1].endswith(_COLUMNAR):
            return True
        if word.startswith(("--to=", "-o=")) and word.endswith(_COLUMNAR):
            return True
    return False


def open_both(verb: str, file: str, against: str | None, max_memory: str | None) -> tuple[Snapshot, Snapshot | None]:
    """The snapshots that words name; what is wrong with them ends the process."""
    from tonnage import _core, load

    try:
        limit = 0 if max_memory is None else _core.parse_bytes(max_memory)
        opened = [load(name, max_memory=limit) for name in (file, against) if name is not None]
        for snapshot in opened:
            snapshot.facts  # noqa: B018 - the file is opened now, and refused here
    except (Error, OSError) as error:
        fail(verb, error)
    return opened[0], opened[1] if against is not None else None


def main(words: list[str]) -> None:
    """Entry of `export --to parquet`."""
    asked = parse(words)
    if asked.o is None or asked.o == "-":
        fail("export", ArgumentError("Parquet and Arrow go to a file: -o says which", -8))
    snapshot, older = open_both("export", asked.file, asked.against, asked.max_memory)
    try:
        snapshot.export(
            asked.o,
            to=asked.to,
            what=asked.what,
            columns=asked.columns,
            where=asked.where,
            against=older,
            force=asked.force,
        )
    except (Error, OSError) as error:
        fail("export", error)
