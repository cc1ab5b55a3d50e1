"""tonnage export and tonnage sql as commands: what they write, where, and what they refuse."""

from __future__ import annotations

import csv
import io
import json
import os
import resource
from pathlib import Path

import pytest
from cli_support import Cli


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def total(cli: Cli, file: Path, *options: str) -> dict[str, int]:
    found: dict[str, int] = json.loads(cli("summary", file, "--json", *options).stdout)["total"]
    return found


@pytest.mark.parametrize("options", [(), ("--where", "type:str"), ("--where", "module:shop size:>50")])
def test_csv_adds_up_to_the_summary(cli: Cli, shop: Path, options: tuple[str, ...]) -> None:
    found = rows(cli("export", shop, "--to", "csv", *options).stdout)
    expected = total(cli, shop, *options)
    assert (len(found), sum(int(row["size"]) for row in found)) == (expected["count"], expected["size"])
    types = rows(cli("export", shop, "--to", "csv", "--what", "types", *options).stdout)
    assert sum(int(row["count"]) for row in types) == expected["count"]
    assert sum(int(row["size"]) for row in types) == expected["size"]


def test_against_leaves_what_is_new(cli: Cli, shop: Path) -> None:
    old, new = shop.with_name("old.tonnage"), shop.with_name("new.tonnage")
    found = {row["address"] for row in rows(cli("export", new, "--to", "csv", "--against", old).stdout)}
    largest = json.loads(cli("largest", new, "--against", old, "--json", "--limit", "0").stdout)["rows"]
    assert found == {str(int(row["address"], 16)) for row in largest} and found


def test_a_file_is_the_same_as_standard_output_and_named_by_its_end(cli: Cli, shop: Path, tmp_path: Path) -> None:
    out = tmp_path / "x.csv"
    assert cli("export", shop, "-o", out).returncode == 0
    assert out.read_text(encoding="utf-8") == cli("export", shop, "--to", "csv").stdout
    assert cli("export", shop, "--to", "csv", "-o", "-").stdout == out.read_text(encoding="utf-8")
    assert out.stat().st_mode & 0o777 == 0o600
    again = cli("export", shop, "-o", out, "--where", "type:str")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr == f"tonnage: {out} exists: choose another name, or --force to replace it\n"
    assert cli("export", shop, "-o", out, "--where", "type:str", "--force").returncode == 0
    assert len(rows(out.read_text(encoding="utf-8"))) == 2
    assert os.listdir(tmp_path) == ["x.csv"]


def test_a_full_disk_is_one_line_and_leaves_nothing(cli: Cli, shop: Path, tmp_path: Path) -> None:
    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    got = cli("export", shop, "-o", tmp_path / "x.csv", preexec_fn=full)
    assert got.returncode == 5
    assert got.stderr.startswith(f"tonnage: cannot write {tmp_path / 'x.csv'}: file too large")
    assert got.stderr.count("\n") == 1 and os.listdir(tmp_path) == []
    with open("/dev/full", "wb") as nowhere:
        got = cli("export", shop, "--to", "csv", capture_output=False, stdout=nowhere, stderr=-1)
    assert got.returncode == 5 and "No space left on device" in got.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "export: to which format? --to says it, or the end of the name after -o; see tonnage export --help"),
        (("--to", "xls"), 2, 'export: there is no format "xls"; see tonnage export --help'),
        (("--to", "csv", "--what", "x"), 2, "export: --what takes objects, references, types or roots, not \"x\""),
        (("--to", "csv", "--columns", "size,nope"), 2, "no column 'nope': it is address, type, module"),
        (("--to", "csv", "--by", "type"), 2, "export: --by makes no sense here: it writes single objects;"),
        (("--to", "csv", "--limit", "3"), 2, "export: --limit makes no sense here: a table is whole"),
        (("--to", "csv", "--where", "size:"), 2, "size"),
        (("--to", "csv", "--max-memory", "1k"), 5, ""),
    ],
)
def test_what_makes_no_sense_is_one_line(
    cli: Cli, shop: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    got = cli("export", shop, *words)
    assert (got.returncode, got.stdout, got.stderr.count("\n")) == (code, "", 1)
    assert message in got.stderr


def test_parquet_is_a_folder_or_one_file(cli: Cli, shop: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow.parquet

    got = cli("export", shop, "-o", tmp_path / "shop.parquet", "--where", "type:str")
    assert (got.returncode, got.stdout, got.stderr) == (0, "", "")
    table = pyarrow.parquet.read_table(tmp_path / "shop.parquet" / "objects.parquet")
    expected = total(cli, shop, "--where", "type:str")
    assert (table.num_rows, sum(table["size"].to_pylist())) == (expected["count"], expected["size"])
    got = cli("export", shop, "--to", "parquet", "--what", "types", "--columns", "type,count", "-o", tmp_path / "t")
    assert (got.returncode, got.stderr) == (0, "")
    assert pyarrow.parquet.read_table(tmp_path / "t").column_names == ["type", "count"]
    got = cli("export", shop, "-o", tmp_path / "shop.parquet")
    assert (got.returncode, got.stderr.count("\n")) == (2, 1) and "exists" in got.stderr
    got = cli("export", shop, "--to", "parquet")
    assert (got.returncode, got.stderr) == (
        2,
        "tonnage: export: Parquet and Arrow go to a file: -o says which\n",
    )
    old, new = shop.with_name("old.tonnage"), shop.with_name("new.tonnage")
    got = cli("export", new, "--against", old, "--to", "arrow", "--what", "objects", "-o", tmp_path / "a")
    assert (got.returncode, got.stderr) == (0, "")
    assert sorted(os.listdir(tmp_path)) == ["a", "shop.parquet", "t"]


def test_sql_prints_a_table_or_json(cli: Cli, shop: Path) -> None:
    pytest.importorskip("duckdb")
    query = "select type, count(*) as n, sum(size) as bytes from objects group by all order by bytes desc, type"
    got = cli("sql", shop, query, "--limit", "2")
    assert (got.returncode, got.stderr) == (0, "")
    assert got.stdout.splitlines() == [
        "type  n  bytes",
        "dict  1   1720",
        "str   2    192",
        "<more rows; --limit 0 shows all>",
    ]
    view = json.loads(cli("sql", shop, query, "--json", "--limit", "0", "--max-memory", "2G").stdout)
    assert (view["schema"], view["view"], view["more"]) == (1, "sql", False)
    by_type = json.loads(cli("summary", shop, "--json").stdout)["rows"]
    assert {(row["type"], row["n"], row["bytes"]) for row in view["rows"]} == {
        (row["type"], row["count"], row["size"]) for row in by_type
    }
    assert json.loads(cli("sql", shop, "select 1 as n", "--json").stdout)["rows"] == [{"n": 1}]
    picked = json.loads(cli("sql", shop, "select count(*) as n from objects", "--where", "type:str", "--json").stdout)
    assert picked["rows"] == [{"n": 2}]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("selec",), 2, "sql: Parser Error: syntax error"),
        (("select nope from objects",), 2, 'sql: Binder Error: Referenced column "nope" not found'),
        (("from read_csv('/etc/passwd')",), 2, "Permission Error"),
        ((), 2, "sql: the following arguments are required: QUERY; see tonnage sql --help"),
        (("select 1", "--limit", "-1"), 2, "--limit takes a number of rows"),
        (("select 1", "--where", "size:"), 2, "size"),
    ],
)
def test_a_query_that_is_wrong_is_one_line(
    cli: Cli, shop: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    pytest.importorskip("duckdb")
    got = cli("sql", shop, *words)
    assert (got.returncode, got.stdout, got.stderr.count("\n")) == (code, "", 1)
    assert message in got.stderr


def test_files_that_cannot_be_read_are_one_line(cli: Cli, shop: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.tonnage"
    broken.write_bytes(shop.read_bytes()[:-40])
    for words in (("export", broken, "--to", "csv"), ("sql", broken, "select 1")):
        got = cli(*words)
        assert (got.returncode, got.stdout, got.stderr.count("\n")) == (5, "", 1)


@pytest.mark.parametrize("where", [["--where", "type:flaot"], ["--where=type:flaot"]])
def test_verbs_of_python_say_what_no_type_is_called(cli: Cli, shop: Path, tmp_path: Path, where: list[str]) -> None:
    pytest.importorskip("pyarrow")
    pytest.importorskip("duckdb")
    said = "tonnage: no type is called flaot; did you mean float?\n"
    got = cli("sql", shop, "select count(*) as n from objects", "--limit", "1", *where)
    assert (got.returncode, got.stdout.split(), got.stderr) == (0, ["n", "0"], said)
    got = cli("export", shop, "-o", tmp_path / "x.parquet", *where)
    assert (got.returncode, got.stdout, got.stderr) == (0, "", said)
    assert cli("sql", shop, "select 1", "--where", "type:float").stderr == ""
    assert cli("sql", tmp_path / "none", "select 1", *where).stderr.count("\n") == 1


def test_what_is_wrong_with_words_is_not_said_of_the_file(cli: Cli, shop: Path, tmp_path: Path) -> None:
    got = cli("graph", shop, "--only", "type:str")
    assert (got.returncode, got.stderr) == (2, "tonnage: only is for what objects refer to and what refers to them\n")
    out = tmp_path / "x.parquet"
    out.write_text("kept")
    got = cli("export", shop, "-o", out, env={"PYTHONWARNINGS": "ignore"})
    assert (got.returncode, out.read_text()) == (2, "kept")
    assert got.stderr == f"tonnage: export: {out} exists: choose another name, or --force to replace it\n"


def test_a_package_that_is_missing_is_not_found(cli: Cli, shop: Path, tmp_path: Path) -> None:
    (tmp_path / "duckdb.py").write_text("raise ModuleNotFoundError(name='duckdb')\n")
    got = cli("sql", shop, "select 1", env={"PYTHONPATH": str(tmp_path)})
    assert (got.returncode, got.stdout) == (3, "")
    assert got.stderr == "tonnage: sql: a query needs duckdb: pip install 'tonnage[sql]'\n"
