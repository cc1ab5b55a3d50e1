"""What the reading verbs print, as tables and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import Cli

GOLDEN = Path(__file__).with_name("golden")
VERBS = ("summary", "largest", "show", "info", "check")
CART = "0x7f0000000100"


def words(verb: str, file: Path, *rest: str) -> list[str]:
    return [verb, str(file), *([CART] if verb == "show" else []), *rest]


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("summary", ()),
        ("summary", ("--by", "size")),
        ("summary", ("--by", "module", "--sort", "-module")),
        ("summary", ("--limit", "2", "--threshold", "50")),
        ("summary", ("--where", "type:shop.*")),
        ("largest", ("--limit", "3")),
        ("show", ()),
        ("info", ()),
        ("check", ()),
    ],
)
def test_text_is_the_golden_one(cli: Cli, shop: Path, name: str, rest: tuple[str, ...]) -> None:
    got = cli(*words(name, shop, *rest))
    slug = "-".join([name, *rest]).replace("--", "").translate(str.maketrans(":*.", "___"))
    assert (got.returncode, got.stderr) == (0, "")
    assert got.stdout == (GOLDEN / f"{slug}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("verb", VERBS)
def test_json_has_schema_and_view(cli: Cli, shop: Path, verb: str) -> None:
    view = json.loads(cli(*words(verb, shop, "--json")).stdout)
    assert (view["schema"], view["view"]) == (1, verb)
    if verb != "check":
        assert view["info"]["pid"] == 4242
        assert view["info"]["argv"] == ["shop.py", "--port 80"]
        assert view["info"]["facts"]["python.version"] == "3.12.1"


def test_summary_json_says_what_was_planted(cli: Cli, shop: Path) -> None:
    view = json.loads(cli("summary", shop, "--json").stdout)
    rows = {row["type"]: row for row in view["rows"]}
    assert {name: (row["count"], row["size"], row["largest"]) for name, row in rows.items()} == {
        "dict": (1, 1720, 1720),
        "str": (2, 192, 128),
        "shop.cart.Cart": (1, 56, 56),
        "shop.cart.BigCart": (1, 48, 48),
        "float": (1, 32, 32),
    }
    assert [row["cum_size"] for row in view["rows"]] == [1720, 1912, 1968, 2016, 2048]
    assert all(list(row) == view["columns"] for row in view["rows"])
    assert rows["str"]["largest_address"] == "0x7f0000000400"
    assert view["total"] == {"count": 6, "size": 2048}
    assert view["own"] == {"count": 2, "size": 800}
    assert (view["more"], view["filtered"], view["groups"]) == (0, 0, 5)
    assert rows["dict"]["size_pct"] == pytest.approx(100 * 1720 / 2048, abs=1e-4)


def test_ledger_sums_and_unknown_rows_are_null(cli: Cli, shop: Path) -> None:
    ledger = {r["name"]: r["bytes"] for r in json.loads(cli("summary", shop, "--json").stdout)["ledger"]}
    assert ledger["malloc_other"] is None
    known = sum(n for name, n in ledger.items() if n and name not in ("rss", "not_resident"))
    assert known - ledger["not_resident"] == ledger["rss"] == 8192


@pytest.mark.parametrize(
    ("sort", "first"),
    [("size", "dict"), ("-size", "float"), ("count", "str"), ("type", "dict"), ("-type", "str")],
)
def test_rows_follow_the_column(cli: Cli, shop: Path, sort: str, first: str) -> None:
    rows = json.loads(cli("summary", shop, "--json", "--sort", sort).stdout)["rows"]
    assert rows[0]["type"] == first


def test_show_names_both_ends(cli: Cli, shop: Path) -> None:
    view = json.loads(cli("show", shop, "0x7f0000000200", "--json").stdout)
    assert view["object"]["parts"] == [{"part": "own block", "size": 64}, {"part": "keys", "size": 1656}]
    assert [row["label"] for row in view["references"]["rows"]] == [
        " key 0",
        "[\"it's\\x1b[\\ud800\"]",
        " key 1",
    ]
    assert [(row["label"], row["type"]) for row in view["referrers"]["rows"]] == [(".prices", "shop.cart.Cart")]
    weak = json.loads(cli("show", shop, CART, "--json").stdout)["references"]["rows"][1]
    assert (weak["label"], weak["kind"], weak["preview"]) == (".watcher", "weak", "'größer'…")


def test_address_may_be_decimal(cli: Cli, shop: Path) -> None:
    assert cli("show", shop, str(int(CART, 16))).stdout == cli("show", shop, CART).stdout


def test_text_never_holds_controls(cli: Cli, shop: Path) -> None:
    for verb in VERBS:
        out = cli(*words(verb, shop)).stdout
        assert not [c for c in out if ord(c) < 32 and c != "\n"], verb


def test_empty_selection_prints_a_table(cli: Cli, shop: Path) -> None:
    got = cli("summary", shop, "--where", "type:nothing")
    assert got.returncode == 0
    assert "0 objects, 0 B" in got.stdout


@pytest.mark.parametrize("name", ["no objects", "optional chunks missing", "small chunks", "widest"])
@pytest.mark.parametrize("verb", ["summary", "largest", "info", "check"])
def test_unusual_files_are_read(cli: Cli, tmp_path: Path, verb: str, name: str) -> None:
    import format_samples

    path = tmp_path / "good.tonnage"
    path.write_bytes(format_samples.good_files()[name])
    for form in ([], ["--json"]):
        got = cli(verb, path, *form)
        assert (got.returncode, got.stderr) == (0, "")
    json.loads(got.stdout)


def test_failed_self_check_is_a_finding(cli: Cli, tmp_path: Path) -> None:
    import shop_snapshot

    path = tmp_path / "failed.tonnage"
    path.write_bytes(shop_snapshot.data(**{"check.pools.failed": 3}))
    got = cli("check", path)
    assert got.returncode == 1
    assert "FAILED  pools.failed = 3" in got.stdout
    assert "1 self-check of the capture failed" in cli("summary", path).stdout
