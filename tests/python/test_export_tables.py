"""Tables of a snapshot: every column against a reader of the file of its own, as CSV, as Arrow arrays, as Parquet."""

from __future__ import annotations

import csv
import gc
import importlib.util
import os
import resource
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import format_samples
import pure_reader
import pytest
import tonnage
from capture_support import environment
from graph_model import Graph, Solution, graphs
from hypothesis import given, settings
from test_dominators import opened
from tonnage import _core

OWN = 64
STYLES = {"items": "index", "members": "member", "unlabelled": "unknown"}

Row = dict[str, Any]


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a process with names that hurt, threads, garbage and values of every sort."""
    path = tmp_path_factory.mktemp("export") / "hurt.tonnage"
    program = """
import sys, threading, time, tonnage
Odd = type('a,"b\\n\\x1b[31m', (), {"__module__": "mod,ule\\ud801"})
class Slots: __slots__ = ("x", "y")
kept = [Odd(), Slots(), 10 ** 40, -5, 2.5, 1j, True]
kept += ["text, with \\"quotes\\"\\n", b"\\xff,", "\\ud800", "x" * 500, {1: 2}, {3}]
kept[1].x = kept
setattr(kept[0], "attr,\\ud802", kept)
def wait(event, local): event.wait()
event = threading.Event()
threading.Thread(target=wait, args=(event, kept), daemon=True).start()
while not event._cond._waiters: time.sleep(0.001)
tonnage.snapshot(sys.argv[1])
event.set()
"""
    subprocess.run([sys.executable, "-c", program, path], check=True, env=environment())
    return path


@pytest.fixture(scope="module")
def oracle(taken: Path) -> pure_reader.Snapshot:
    """The file as the other reader has it."""
    return pure_reader.Snapshot.open(taken)


def read_csv(path: Path) -> list[Row]:
    """Rows; nothing is None, and a quoted nothing is not told from it here."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]


def written(snapshot: tonnage.Snapshot, tmp_path: Path, name: str, columns: str | None = None) -> list[Row]:
    path = tmp_path / "table.csv"
    snapshot.table(name, columns).to_csv(path, force=True)
    return read_csv(path)


def is_own(oracle: pure_reader.Snapshot, node: int) -> bool:
    return bool(oracle.flags[node] & OWN or oracle.type_of(node).flags & OWN)


def escaped(text: str) -> str:
    """As views write names: what is not printable is escaped, one line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def number(value: int | None) -> str | None:
    return None if value is None else str(value)


def truth(value: int) -> str:
    return "true" if value else "false"


def test_columns_of_objects_are_those_of_the_file(taken: Path, oracle: pure_reader.Snapshot, tmp_path: Path) -> None:
    with tonnage.load(taken) as snapshot:
        rows = written(snapshot, tmp_path, "objects")
    ours = [node for node in range(oracle.n_objects) if not is_own(oracle, node)]
    assert len(rows) == len(ours)
    assert any(row["type"] and "\\x1b" in row["type"] for row in rows)
    for node, row in zip(ours, rows, strict=True):
        type_, flags = oracle.type_of(node), oracle.flags[node]
        assert row == {
            "address": str(oracle.addresses[node]),
            "type": escaped(type_.full_name),
            "module": None if type_.module is None else escaped(type_.module),
            "type_id": str(oracle.shape_table[oracle.shapes[node]].type),
            "size": str(oracle.sizes[node]),
            "length": number(oracle.length(node)),
            "capacity": number(oracle.capacity(node)),
            "refcount": str(oracle.refcounts[node]),
            "generation": str(flags >> 1 & 3) if flags & 1 else None,
            "tracked": truth(flags & 1),
            "immortal": truth(flags & 8),
            "static": truth(flags & 16),
            "finalized": truth(flags & 32),
            "hidden": truth(flags & 128),
            "guessed": truth(flags & 4096),
            "hash": number(oracle.hash(node)),
            "preview": row["preview"],
        }


def test_previews_are_those_of_the_objects(taken: Path, tmp_path: Path) -> None:
    with tonnage.load(taken) as snapshot:
        rows = written(snapshot, tmp_path, "objects", "address,preview")
        previews = [(str(one.address), snapshot._core.preview(one._node) or None) for one in snapshot.objects]
    assert [(row["address"], row["preview"]) for row in rows] == previews
    assert {preview for _, preview in previews} >= {"True", "1j", "-5", "2.5", r"'\ud800'"}


def expected_references(oracle: pure_reader.Snapshot, source: int) -> list[Row]:
    rows = []
    for place, r in enumerate(oracle.references(source)):
        if r.target is None or r.target >= oracle.n_objects or is_own(oracle, r.target):
            continue
        style = STYLES.get(r.style, r.style)
        fixed = len(oracle.shape_table[oracle.shapes[source]].fixed)
        counted = place - fixed if style in ("index", "stack", "unknown") else (place - fixed) // 2
        key = r.label if style == "value" and isinstance(r.label, int) and r.label < oracle.n_objects else None
        rows.append(
            {
                "target": str(oracle.addresses[r.target]),
                "kind": r.kind,
                "style": style,
                "name": escaped(r.label) if isinstance(r.label, str) else None,
                "index": str(counted) if style in ("index", "stack", "unknown", "key", "value") else None,
                "key": None if key is None else str(oracle.addresses[key]),
            }
        )
    return rows


def test_references_are_those_of_the_file_in_their_order(
    taken: Path, oracle: pure_reader.Snapshot, tmp_path: Path
) -> None:
    with tonnage.load(taken) as snapshot:
        rows = written(snapshot, tmp_path, "references")
    expected = [
        {"source": str(oracle.addresses[source]), **row}
        for source in range(oracle.n_objects)
        if not is_own(oracle, source)
        for row in expected_references(oracle, source)
    ]
    assert rows == expected
    assert {row["style"] for row in rows} >= {"attribute", "index", "key", "value", "member", "field"}


def test_roots_are_the_references_of_what_is_no_object(
    taken: Path, oracle: pure_reader.Snapshot, tmp_path: Path
) -> None:
    with tonnage.load(taken) as snapshot:
        rows = written(snapshot, tmp_path, "roots")
        threads = [len(thread.frames) for thread in snapshot.threads]
    expected = [
        {"root": oracle.type_of(source).full_name, "target": row["target"], "kind": row["kind"], "style": row["style"]}
        for source in range(oracle.n_objects, oracle.n_nodes)
        for row in expected_references(oracle, source)
    ]
    assert [{key: row[key] for key in ("root", "target", "kind", "style")} for row in rows] == expected
    local = next(row for row in rows if row["function"] == "wait" and row["name"] == "local")
    assert (local["label"], local["root"], local["style"]) == ("local local", "frame", "local")
    assert {row["thread"] for row in rows if row["root"] == "frame"} <= set(map(str, range(len(threads))))


def test_types_count_what_the_objects_are(taken: Path, oracle: pure_reader.Snapshot, tmp_path: Path) -> None:
    with tonnage.load(taken) as snapshot:
        rows = written(snapshot, tmp_path, "types")
    counts: Counter[int] = Counter()
    sizes: Counter[int] = Counter()
    for node in range(oracle.n_objects):
        if not is_own(oracle, node):
            counts[oracle.shape_table[oracle.shapes[node]].type] += 1
            sizes[oracle.shape_table[oracle.shapes[node]].type] += oracle.sizes[node]
    expected = [
        {
            "type_id": str(row),
            "type": escaped(type_.full_name),
            "module": None if type_.module is None else escaped(type_.module),
            "count": str(counts[row]),
            "size": str(sizes[row]),
            "base": number(type_.base),
            "basic_size": str(type_.basic_size),
            "item_size": str(type_.item_size),
            "heaptype": truth(type_.flags & 1),
            "finalizer": truth(type_.flags & 8),
        }
        for row, type_ in enumerate(oracle.types)
        if not type_.flags & (4 | OWN)
    ]
    assert rows == expected


def test_what_is_retained_is_what_the_objects_say(taken: Path, tmp_path: Path) -> None:
    with tonnage.load(taken) as snapshot:
        rows = written(snapshot, tmp_path, "objects", "retained,address,dominator,retained_count,hold")
        for row in rows[::97]:
            one = snapshot[int(row["address"])]
            assert int(row["retained"]) == one.retained
            assert row["dominator"] == (str(one.dominator.address) if one.dominator and one.dominator.address else None)
    assert list(rows[0]) == ["retained", "address", "dominator", "retained_count", "hold"]
    assert {row["hold"] for row in rows} >= {"references"}


@settings(deadline=None, max_examples=100)
@given(graphs())
def test_any_graph_is_written(graph: Graph) -> None:
    core = opened(graph)
    solution = Solution(graph)
    ours = {node for node in range(graph.root) if not solution.is_own(node)}
    with tempfile.TemporaryDirectory() as folder:
        rows = {}
        for table in ("objects", "references", "types", "roots"):
            path = Path(folder, f"{table}.csv")
            core.export(str(path), "csv", table=table, columns=",".join(name for name, _ in _core.columns(table)))
            rows[table] = read_csv(path)
    at = {core.node(node)[3]: node for node in ours}
    assert {at[int(row["address"])] for row in rows["objects"]} == ours
    for row in rows["objects"]:
        assert (int(row["retained"]), int(row["retained_count"])) == core.retained(at[int(row["address"])])
    expected = [
        (source, target)
        for source in sorted(ours)
        for _, target in graph.items[source].references
        if target is not None and target in ours
    ]
    assert sorted((at[int(row["source"])], at[int(row["target"])]) for row in rows["references"]) == sorted(expected)
    assert sum(int(row["count"]) for row in rows["types"]) == len(ours)


@pytest.mark.parametrize("name", sorted(format_samples.good_files()))
def test_every_good_file_has_tables_and_one_without_objects_has_none(name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tonnage"
    path.write_bytes(format_samples.good_files()[name])
    oracle = pure_reader.Snapshot.open(path)
    ours = [node for node in range(oracle.n_objects) if not is_own(oracle, node)]
    with tonnage.load(path) as snapshot:
        rows = written(snapshot, tmp_path, "objects")
        assert [int(row["address"]) for row in rows] == [oracle.addresses[node] for node in ours]
        references = written(snapshot, tmp_path, "references")
        assert len(references) == sum(len(expected_references(oracle, node)) for node in ours)


def test_a_selection_is_honoured_by_every_table(taken: Path, tmp_path: Path) -> None:
    with tonnage.load(taken) as snapshot:
        lists = snapshot.where("type:list")
        addresses = {str(one.address) for one in lists}
        path = tmp_path / "x.csv"
        for export in (
            lambda what: snapshot.export(path, what=what, where="type:list", force=True),
            lambda what: lists.export(path, what=what, force=True),
            lambda what: snapshot.objects.export(path, what=what, where="type:list", force=True),
        ):
            export("objects")
            assert {row["address"] for row in read_csv(path)} == addresses
            export("references")
            assert {row["source"] for row in read_csv(path)} <= addresses
            export("roots")
            assert {row["target"] for row in read_csv(path)} <= addresses
            export("types")
            assert {row["type"]: int(row["count"]) for row in read_csv(path) if row["count"] != "0"} == {
                "list": len(lists)
            }


def test_an_older_snapshot_leaves_what_is_new(tmp_path: Path) -> None:
    old, new = tmp_path / "old.tonnage", tmp_path / "new.tonnage"
    program = """
import sys, tonnage
tonnage.snapshot(sys.argv[1]).close()
class New: pass
kept = [New() for _ in range(7)]
tonnage.snapshot(sys.argv[2]).close()
"""
    subprocess.run([sys.executable, "-c", program, old, new], check=True, env=environment())
    with tonnage.load(old) as before, tonnage.load(new) as after:
        after.export(tmp_path / "a.csv", against=before)
        rows = read_csv(tmp_path / "a.csv")
        assert [row["type"] for row in rows].count("__main__.New") == 7
        assert {int(row["address"]) for row in rows} == {one.address for one in after - before}


# ---- Arrow ----


def test_arrow_arrays_are_valid_and_the_same_as_the_csv(taken: Path, tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    with tonnage.load(taken) as snapshot:
        for name in ("objects", "references", "types", "roots"):
            columns = [column for column, _ in _core.columns(name)]
            table = arrow.table(snapshot.table(name, columns))
            table.validate(full=True)
            rows = written(snapshot, tmp_path, name, ",".join(columns))
            assert table.num_rows == len(rows)
            for column in columns:
                values = table[column].to_pylist()
                texts = [
                    (truth(one) if isinstance(one, bool) else str(one)) if one not in (None, "") else None
                    for one in values
                ]
                assert texts == [row[column] for row in rows], (name, column)
                assert table.schema.field(column).nullable or None not in values


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More objects and references than two batches have."""
    path = tmp_path_factory.mktemp("export") / "large.tonnage"
    program = """
import sys, tonnage
kept = [[str(i), float(i)] for i in range(100_000)]
tonnage.snapshot(sys.argv[1]).close()
"""
    subprocess.run([sys.executable, "-c", program, path], check=True, env=environment())
    return path


def test_batches_follow_one_another_without_gap(large: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    oracle = pure_reader.Snapshot.open(large)
    ours = [node for node in range(oracle.n_objects) if not is_own(oracle, node)]
    with tonnage.load(large) as snapshot:
        reader = arrow.RecordBatchReader.from_stream(snapshot.table("objects"))
        batches = []
        for batch in reader:
            batches.append(batch)
            snapshot.largest(limit=2)  # what else is read meanwhile
            snapshot.where("text:999").summary()
        table = arrow.Table.from_batches(batches)
        assert len(batches) >= 3 and all(batch.num_rows for batch in batches)
        assert table["address"].to_pylist() == [oracle.addresses[node] for node in ours]
        assert table["length"].to_pylist() == [oracle.length(node) for node in ours]
        assert table["hash"].to_pylist() == [oracle.hash(node) for node in ours]
        previews = table["preview"].to_pylist()
        assert [one is not None for one in previews] == [node in oracle.previews for node in ours]
        floats = [one for one, type_ in zip(previews, table["type"].to_pylist(), strict=True) if type_ == "float"]
        assert {f"{float(i)}" for i in range(100_000)} <= set(floats)
        references = arrow.table(snapshot.table("references"))
        counts = sum(len(expected_references(oracle, node)) for node in ours)
        assert references.num_rows == counts > 300_000


def test_long_texts_make_batches_short_and_nothing_is_lost(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    path = tmp_path / "long.tonnage"
    program = """
import sys, tonnage
kept = [f"{i:08}" + "x" * 600 for i in range(80_000)]
tonnage.snapshot(sys.argv[1], previews=500).close()
"""
    subprocess.run([sys.executable, "-c", program, path], check=True, env=environment())
    with tonnage.load(path) as snapshot:
        reader = arrow.RecordBatchReader.from_stream(snapshot.table("objects", where="type:str len:608 text:xxx"))
        batches = list(reader)
        table = arrow.Table.from_batches(batches)
        assert len(batches) > 2
        expected = [one.address for one in snapshot.where("type:str len:608 text:xxx")]
        assert table["address"].to_pylist() == expected and len(expected) == 80_000
        numbers = sorted(int(text[1:9]) for text in table["preview"].to_pylist())
        assert numbers == list(range(80_000))
        assert set(table["length"].to_pylist()) == {608}


def test_arrays_outlive_the_snapshot_and_a_stream_keeps_it(taken: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    snapshot = tonnage.load(taken)
    table = arrow.table(snapshot.table("types"))
    reader = arrow.RecordBatchReader.from_stream(snapshot.table("objects"))
    kept = snapshot.table("roots")
    total = snapshot.summary().total
    words = reader.schema
    snapshot.close()
    batch = reader.read_next_batch()
    column = batch.column(1)
    del reader, batch
    gc.collect()
    assert column.dictionary_decode().to_pylist().count("module") > 10
    assert sum(table["size"].to_pylist()) == total["size"]
    assert str(words.field("type").type).startswith("dictionary")
    with pytest.raises(ValueError, match="closed"):
        arrow.table(kept)


def test_a_stream_that_is_never_read_or_read_by_half_leaks_nothing(taken: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    with tonnage.load(taken) as snapshot:
        table = snapshot.table("objects")
        for _ in range(3):
            table.__arrow_c_stream__()
            arrow.RecordBatchReader.from_stream(table)
        snapshot.close()
        gc.collect()
        open_files = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if _is_open(fd)]
        assert str(taken) not in open_files


def _is_open(fd: str) -> bool:
    return os.path.islink(f"/proc/self/fd/{fd}")


def test_threads_that_read_one_snapshot_do_not_wait_for_ever(large: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    counts: list[int] = []
    with tonnage.load(large) as snapshot:

        def read() -> None:
            counts.append(arrow.table(snapshot.table("objects", ["address", "type", "preview"])).num_rows)

        def look() -> None:
            for node in range(0, 20_000, 10):
                snapshot._core.preview(node)

        threads = [threading.Thread(target=one) for one in (read, look, read, look)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert counts == [len(snapshot)] * 2


def test_objects_have_the_ways_out_that_their_table_has(taken: Path, tmp_path: Path) -> None:
    with tonnage.load(taken) as snapshot:
        for asked in (snapshot, snapshot.where("type:str or type:dict")):
            table = asked.table("objects", ["address", "size"], where="type:dict")
            if importlib.util.find_spec("pyarrow"):
                assert asked.to_arrow(["address", "size"], where="type:dict") == table.to_arrow()
            asked.to_csv(tmp_path / "a.csv", ["address", "size"], where="type:dict", force=True)
            table.to_csv(tmp_path / "b.csv", force=True)
            assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
            assert asked.backrefs("type:dict").rows == snapshot.referrers("type:dict").rows  # type: ignore[attr-defined]


def test_pandas_keeps_every_digit(taken: Path, oracle: pure_reader.Snapshot) -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    with tonnage.load(taken) as snapshot:
        frame = snapshot.to_pandas()
        total = snapshot.summary().total
        chosen = snapshot.to_pandas(["size"], where="type:dict")
        dicts = snapshot.where("type:dict").size
    assert (len(frame), int(frame["size"].sum())) == (total["count"], total["size"])
    ours = [node for node in range(oracle.n_objects) if not is_own(oracle, node)]
    assert [None if value is pandas_na() else int(value) for value in frame["hash"].astype(object)] == [
        oracle.hash(node) for node in ours
    ]
    assert str(frame["type"].dtype) == "category" and str(frame["address"].dtype) == "uint64"
    assert int(chosen["size"].sum()) == dicts


def pandas_na() -> object:
    import pandas

    return pandas.NA


# ---- files ----


def test_a_name_that_exists_is_refused_unless_told_otherwise(taken: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("mine")
    with tonnage.load(taken) as snapshot:
        with pytest.raises(tonnage.ExistsError, match="x.csv exists"):
            snapshot.export(path)
        assert path.read_text() == "mine"
        snapshot.export(path, force=True)
    assert path.read_text().startswith("address,") and path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["x.csv"]


@pytest.mark.parametrize("to", ["parquet", "arrow"])
def test_a_folder_has_a_file_a_table_and_gives_way_when_told(taken: Path, tmp_path: Path, to: str) -> None:
    pytest.importorskip("pyarrow")
    path = tmp_path / "out"
    with tonnage.load(taken) as snapshot:
        snapshot.export(path, to=to)
        names = sorted(os.listdir(path))
        assert names == [f"{name}.{to}" for name in ("objects", "references", "roots", "types")]
        with pytest.raises(tonnage.ExistsError):
            snapshot.export(path, to=to)
        (path / "mine").write_text("x")
        snapshot.export(path, to=to, force=True)
        assert sorted(os.listdir(path)) == names
        snapshot.export(path, to=to, what="types", force=True)
        assert path.is_file()
    assert os.listdir(tmp_path) == ["out"]


@pytest.mark.parametrize(
    ("to", "what"), [("csv", "objects"), ("parquet", "objects"), ("parquet", None), ("arrow", None)]
)
def test_a_full_disk_leaves_nothing(taken: Path, tmp_path: Path, to: str, what: str | None) -> None:
    if to != "csv":
        pytest.importorskip("pyarrow")
    program = f"""
import resource, signal, sys, tonnage
snapshot = tonnage.load(sys.argv[1])
if {to!r} != "csv": import pyarrow.parquet
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try: snapshot.export("out", to={to!r}, what={what!r})
except tonnage.FileError as error: print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, taken], capture_output=True, text=True, cwd=tmp_path, env=environment()
    )
    assert done.stdout.startswith("cannot write out: ") and done.stdout.count("\n") == 1, done.stderr
    assert os.listdir(tmp_path) == []


def test_parquet_has_what_the_arrow_arrays_have(taken: Path, tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    import pyarrow.ipc
    import pyarrow.parquet

    with tonnage.load(taken) as snapshot:
        snapshot.export(tmp_path / "p", to="parquet")
        snapshot.export(tmp_path / "a", to="arrow")
        for name in ("objects", "references", "types", "roots"):
            table = arrow.table(snapshot.table(name))
            assert pyarrow.parquet.read_table(tmp_path / "p" / f"{name}.parquet").equals(table)
            assert pyarrow.ipc.open_file(tmp_path / "a" / f"{name}.arrow").read_all().equals(table)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"to": "xls"}, "formats are csv, parquet, arrow"),
        ({"what": "objekts"}, "tables are objects, references, types, roots"),
        ({"columns": ["size", "nope"]}, "no column 'nope': it is address, type"),
        ({"columns": "size,size"}, "named twice"),
        ({"columns": []}, "no column"),
        ({"to": "parquet", "columns": ["size"]}, "say which"),
        ({"where": "type:"}, "type"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(
    taken: Path, tmp_path: Path, words: dict[str, Any], message: str
) -> None:
    with tonnage.load(taken) as snapshot, pytest.raises(tonnage.ArgumentError, match=message) as told:
        snapshot.export(tmp_path / "x.csv", **words)
    assert "\n" not in str(told.value) and os.listdir(tmp_path) == []


def test_a_package_that_is_missing_is_named_with_the_extra_that_has_it(taken: Path) -> None:
    program = """
import sys, tonnage
for name in ("pyarrow", "pandas", "duckdb"): sys.modules[name] = None
snapshot = tonnage.load(sys.argv[1])
for call in (lambda: snapshot.to_pandas(), lambda: snapshot.export("x.parquet"), lambda: snapshot.sql("select 1"),
             lambda: snapshot.table().to_arrow()):
    try: call()
    except tonnage.MissingPackageError as error: print(isinstance(error, ModuleNotFoundError), error)
"""
    done = subprocess.run([sys.executable, "-c", program, taken], capture_output=True, text=True, env=environment())
    assert done.stdout.splitlines() == [
        "True to_pandas() needs pandas: pip install 'tonnage[pandas]'",
        "True the format parquet needs pyarrow: pip install 'tonnage[parquet]'",
        "True a query needs duckdb: pip install 'tonnage[sql]'",
        "True to_arrow() needs pyarrow: pip install 'tonnage[parquet]'",
    ], done.stderr


def test_no_memory_is_an_error_and_the_next_export_is_whole(large: Path, tmp_path: Path) -> None:
    with tonnage.load(large, max_memory=3 << 20) as snapshot:
        with pytest.raises(tonnage.LimitError):
            snapshot.export(tmp_path / "x.csv", what="references")
        assert os.listdir(tmp_path) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 0
