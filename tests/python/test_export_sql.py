"""SQL over a snapshot gives the totals of our own views, and reads nothing but the snapshot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tonnage
from capture_support import environment
from tonnage._sql import _Needs

duckdb = pytest.importorskip("duckdb")


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a process with a class of its own."""
    path = tmp_path_factory.mktemp("sql") / "app.tonnage"
    program = """
import sys, tonnage
class Session:
    def __init__(self, i): self.name, self.items = f"user {i}", [i] * i
SESSIONS = [Session(i) for i in range(100)]
tonnage.snapshot(sys.argv[1])
"""
    subprocess.run([sys.executable, "-c", program, path], check=True, env=environment())
    return path


def test_totals_are_those_of_the_summary(taken: Path, tmp_path: Path) -> None:
    with tonnage.load(taken) as snapshot:
        query = "select type, count(*) as n, sum(size) as bytes, max(size) as largest from objects group by type"
        answer = {row["type"]: (row["n"], int(row["bytes"]), row["largest"]) for row in snapshot.sql(query, limit=0)}
        rows = snapshot.summary(limit=0).rows
        assert answer == {row["type"]: (row["count"], row["size"], row["largest"]) for row in rows}
        modules = snapshot.sql("select module, sum(size) as bytes from objects group by module", limit=0)
        expected = {row["module"]: row["size"] for row in snapshot.summary(by="module", limit=0).rows}
        assert {row["module"] or "(unknown)": int(row["bytes"]) for row in modules} == expected


def test_parquet_opened_by_duckdb_has_the_same_totals(taken: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    with tonnage.load(taken) as snapshot:
        snapshot.export(tmp_path / "p", to="parquet")
        total = snapshot.summary().total
        references = snapshot.sql("select count(*) as n, count(distinct source) as s from refs")[0]
    with duckdb.connect(":memory:") as connection:
        folder = tmp_path / "p"
        found = connection.execute(f"select count(*), sum(size) from '{folder}/objects.parquet'").fetchall()
        assert found == [(total["count"], total["size"])]
        types = connection.execute(f"select sum(count), sum(size) from '{folder}/types.parquet'").fetchall()
        assert types == found
        counted = connection.execute(f"select count(*), count(distinct source) from '{folder}/references.parquet'")
        assert counted.fetchall() == [(references["n"], references["s"])]


def test_joins_along_references_find_what_the_sets_find(taken: Path) -> None:
    query = """
        select b.type as type, count(distinct b.address) as n
        from objects a join refs r on r.source = a.address join objects b on b.address = r.target
        where a.type = '__main__.Session' and r.kind = 'owning' group by all
    """
    with tonnage.load(taken) as snapshot:
        found = {row["type"]: row["n"] for row in snapshot.sql(query, limit=0)}
        held = snapshot.where("type:__main__.Session").referents()
        assert found == {group.kind: group.count for group in held.by("type")}
        holders = snapshot.sql(
            "select count(*) as n from \"references\" where label = '.items' and style = 'attribute'"
        )
        assert holders[0]["n"] == 100


def test_a_selection_and_an_older_snapshot_limit_the_tables(taken: Path) -> None:
    with tonnage.load(taken) as snapshot:
        strings = snapshot.where("type:str")
        for answer in (
            snapshot.sql("select count(*) as n, sum(size) as b from objects", where="type:str"),
            strings.sql("select count(*) as n, sum(size) as b from objects"),
        ):
            assert (answer[0]["n"], int(answer[0]["b"])) == (len(strings), strings.size)
        with tonnage.load(taken) as again:
            assert snapshot.sql("select count(*) as n from objects", against=again)[0]["n"] == 0


def test_what_retains_is_made_when_it_is_named(taken: Path) -> None:
    with tonnage.load(taken) as snapshot:
        top = snapshot.sql("select address, retained from objects order by retained desc, address limit 1")[0]
        assert top["retained"] == max(snapshot.objects.column("retained"))
        assert "retained" not in snapshot.sql("select * from objects limit 1").columns


@pytest.mark.parametrize(
    ("query", "table", "columns"),
    [
        ("select count(*) from objects", "objects", ["address"]),
        ("select sum(SIZE) from Objects", "objects", ["size"]),
        ("select sum(size) from objects", "references", None),
        ("with a as (select source s from refs) select * exclude (s) from a", "types", None),
        ("select label from refs where kind = 'weak'", "references", ["kind", "label"]),
        ("select type from objects join types using (type_id)", "types", ["type_id", "type"]),
        ("select type, retained from objects", "objects", ["type", "retained"]),
        ("select r.source from \"references\" r order by target", "references", ["source", "target"]),
        ("select a from (select size as a from objects)", "objects", ["size"]),
    ],
)
def test_only_what_a_query_names_is_made(query: str, table: str, columns: list[str] | None) -> None:
    with duckdb.connect(":memory:") as connection:
        assert _Needs(connection, query).columns(table) == columns


@pytest.mark.parametrize(
    "query",
    ["select * from objects", "from objects", "select o from objects o", "select objects from objects",
     "select columns('.*') from objects", "describe objects", "pivot objects on type using sum(size)",
     "select a.* from objects a natural join types", "select #1 from objects", "summarize objects"],
)  # fmt: skip
def test_everything_is_made_where_everything_is_meant(query: str) -> None:
    usual = [name for name, asked in tonnage._core.columns("objects") if not asked]
    with duckdb.connect(":memory:") as connection:
        assert _Needs(connection, query).columns("objects") == usual


@pytest.mark.parametrize(
    "query",
    ["select * from read_csv('/etc/passwd')", "copy objects to 'leak.csv'", "attach 'x.db'", "from glob('/etc/*')",
     "from '/etc/passwd'", "install httpfs", "set enable_external_access = true", "select frame from frame",
     "export database 'x'", "select * from read_text('/etc/passwd')", "selec", "", "select nope from objects"],
)  # fmt: skip
def test_a_query_reads_and_writes_nothing_else(
    taken: Path, query: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = [1]
    monkeypatch.chdir(tmp_path)
    with tonnage.load(taken) as snapshot, pytest.raises(tonnage.ArgumentError) as told:
        snapshot.sql(query)
    assert "\n" not in str(told.value) and frame
    assert os.listdir(tmp_path) == []


def test_an_answer_prints_a_table_and_is_json(taken: Path) -> None:
    query = "select i as a, 'x\x1b[31m' as a, i / 2 as half, null as nothing from range(3) t(i)"
    with tonnage.load(taken) as snapshot:
        answer = snapshot.sql(query, limit=2)
        assert repr(answer).splitlines() == [
            "a  a_1        half  nothing",
            "0  x\\x1b[31m     0",
            "1  x\\x1b[31m   0.5",
            "<more rows; limit 0 shows all>",
        ]
        assert json.loads(answer.json()) == {
            "schema": 1,
            "view": "sql",
            "query": query,
            "columns": ["a", "a_1", "half", "nothing"],
            "rows": [
                {"a": 0, "a_1": "x\x1b[31m", "half": 0.0, "nothing": None},
                {"a": 1, "a_1": "x\x1b[31m", "half": 0.5, "nothing": None},
            ],
            "more": True,
        }
        assert len(snapshot.sql(query, limit=0)) == 3 and not snapshot.sql(query, limit=3).more
        assert answer._repr_html_().count("<tr>") >= 3
        values = "'nan'::double as a, [1, 2] as b, 1.5::decimal(4, 2) as c, {'k': date '2026-01-02'} as d"
        special = snapshot.sql(f"select {values}")
        assert json.loads(special.json())["rows"] == [{"a": None, "b": [1, 2], "c": 1.5, "d": {"k": "2026-01-02"}}]
        with pytest.raises(tonnage.ArgumentError, match="limit"):
            snapshot.sql(query, limit=-1)


def test_sql_does_without_pyarrow(taken: Path) -> None:
    program = """
import sys, tonnage
sys.modules["pyarrow"] = None
answer = tonnage.load(sys.argv[1]).sql("select count(*) as n from objects a join refs on source = address")
print(answer[0]["n"])
"""
    done = subprocess.run([sys.executable, "-c", program, taken], capture_output=True, text=True, env=environment())
    with tonnage.load(taken) as snapshot:
        assert int(done.stdout) == snapshot.sql("select count(*) as n from refs")[0]["n"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_is_one_line(taken: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tonnage", "sql", taken, "select 1"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
    assert (done.returncode, done.stderr.count("\n")) == (5, 1)
    assert done.stderr.startswith("tonnage: cannot write to standard output: ")


@pytest.mark.parametrize("query", ["show tables", "select table_name as name from information_schema.tables"])
def test_all_tables_are_listed(taken: Path, query: str) -> None:
    with tonnage.load(taken) as snapshot:
        assert {row["name"] for row in snapshot.sql(query)} == {"objects", "references", "refs", "types", "roots"}


def test_what_is_no_table_or_no_query_is_said(taken: Path) -> None:
    with tonnage.load(taken) as snapshot:
        with pytest.raises(tonnage.ArgumentError, match=r"no table nope: tables are objects, references \(or refs\)"):
            snapshot.sql("select * from nope")
        with pytest.raises(TypeError, match="must be a str, not int"):
            snapshot.sql(5)  # type: ignore[arg-type]


def test_of_a_package_that_duckdb_misses_its_name_is_said(taken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytz", None)
    with tonnage.load(taken) as snapshot, pytest.raises(tonnage.ArgumentError) as told:
        snapshot.sql("select timestamptz '2026-01-02 03:04:05+00'")
    assert str(told.value) == "times with a zone need the package pytz: pip install pytz, or cast them to timestamp"


def test_output_is_utf_8_whatever_the_locale(taken: Path) -> None:
    words = [sys.executable, "-m", "tonnage", "sql", taken, "select 'é' as a"]
    for encoding in ("ascii", "latin-1", "utf-8"):
        env = {**environment(), "PYTHONIOENCODING": encoding}
        done = subprocess.run(words, capture_output=True, env=env, check=True)
        assert done.stdout.decode().split() == ["a", "é"]
