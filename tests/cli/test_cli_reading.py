"""What the reading verbs print, as tables and as JSON."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

import pytest
from cli_support import CLI, Cli

GOLDEN = Path(__file__).with_name("golden")
ABOUT_ONE = ("show", "retained", "paths", "refs", "referrers")
VERBS = ("summary", "groups", "largest", "info", "check", "diff", "dominators", "treemap", *ABOUT_ONE)
CART = "0x7f0000000100"


def words(verb: str, file: Path, *rest: str) -> list[str]:
    if verb == "diff":
        return [verb, str(file.with_name("old.tonnage")), str(file.with_name("new.tonnage")), *rest]
    return [verb, str(file), *([CART] if verb in ABOUT_ONE else []), *rest]


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("summary", ()),
        ("summary", ("--by", "size")),
        ("summary", ("--by", "module", "--sort", "-module")),
        ("summary", ("--limit", "2", "--threshold", "50")),
        ("summary", ("--where", "type:shop.*")),
        ("groups", ()),
        ("groups", ("--by", "rcs", "--sort", "count")),
        ("groups", ("--by", "id", "--limit", "2")),
        ("groups", ("--by", "path")),
        ("groups", ("--heads", "type:Cart+", "--threshold", "60")),
        ("largest", ("--limit", "3")),
        ("show", ()),
        ("info", ()),
        ("check", ()),
        ("dominators", ()),
        ("dominators", ("--depth", "3", "--limit", "2")),
        ("dominators", ("--by", "type", "--sort", "-type")),
        ("treemap", ("--limit", "3")),
        ("retained", ()),
        ("paths", ()),
        ("refs", ("--depth", "3", "--limit", "1")),
        ("referrers", ()),
        ("diff", ()),
        ("diff", ("--by", "module", "--where", "-type:float", "--limit", "2")),
        ("diff", ("--by", "path", "--limit", "3")),
        ("export", ("--to", "csv")),
        ("export", ("--to", "csv", "--what", "references", "--where", "type:dict")),
        ("export", ("--to", "csv", "--what", "types")),
        ("export", ("--to", "csv", "--what", "roots")),
        ("export", ("--to", "csv", "--columns", "type,retained,retained_count,dominator,hold")),
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


@pytest.mark.parametrize(
    ("options", "addresses"),
    [
        (["--limit", "3"], [0x200, 0x400, 0x300]),
        (["--limit", "3", "--sort", "size"], [0x200, 0x400, 0x300]),
        (["--limit", "3", "--sort", "-size"], [0x500, 0x600, 0x100]),
        (["--limit", "3", "--sort", "address"], [0x200, 0x300, 0x400]),
        (["--limit", "3", "--sort", "-address"], [0x400, 0x300, 0x200]),
        (["--limit", "4", "--sort", "type"], [0x200, 0x100, 0x400, 0x300]),
        (["--limit", "4", "--sort", "-type"], [0x400, 0x300, 0x100, 0x200]),
        (["--limit", "3", "--sort", "preview"], [0x200, 0x300, 0x400]),
        (["--limit", "3", "--sort", "-preview"], [0x400, 0x300, 0x200]),
        (["--threshold", "64"], [0x200, 0x400, 0x300]),
        (["--threshold", "64", "--where", "type:str"], [0x400, 0x300]),
        (["--threshold", "0.0625 k", "--where", "-type:str"], [0x200]),
        (["--where", "type:nothing", "--sort", "preview"], []),
    ],
)
def test_largest_follows_its_options(cli: Cli, shop: Path, options: list[str], addresses: list[int]) -> None:
    view = json.loads(cli("largest", shop, "--json", *options).stdout)
    assert [int(row["address"], 16) - 0x7F0000000000 for row in view["rows"]] == addresses
    sizes = [row["size"] for row in view["rows"]]
    assert [row["cum_size"] for row in view["rows"]] == list(itertools.accumulate(sizes))


@pytest.mark.parametrize(
    ("options", "labels", "more"),
    [
        ([], ["key 0", '["it\'s\\x1b[\\ud800"]', "key 1"], 0),
        (["--sort", "size"], ["key 1", "key 0", '["it\'s\\x1b[\\ud800"]'], 0),
        (["--sort", "size", "--limit", "1"], ["key 1"], 2),
        (["--sort", "-size", "--limit", "1"], ['["it\'s\\x1b[\\ud800"]'], 2),
        (["--sort", "label"], ['["it\'s\\x1b[\\ud800"]', "key 0", "key 1"], 0),
        (["--sort", "-label", "--limit", "2"], ["key 1", "key 0"], 1),
        (["--sort", "address"], ["key 0", "key 1", '["it\'s\\x1b[\\ud800"]'], 0),
        (["--sort", "type"], ['["it\'s\\x1b[\\ud800"]', "key 0", "key 1"], 0),
        (["--sort", "preview", "--limit", "2"], ["key 0", "key 1"], 1),
        (["--sort", "kind"], ["key 0", '["it\'s\\x1b[\\ud800"]', "key 1"], 0),
        (["--threshold", "64"], ["key 0", "key 1"], 0),
        (["--threshold", "64", "--where", "text:größ"], ["key 1"], 0),
        (["--threshold", "1k"], [], 0),
    ],
)
def test_show_follows_its_options(cli: Cli, shop: Path, options: list[str], labels: list[str], more: int) -> None:
    references = json.loads(cli("show", shop, "0x7f0000000200", "--json", *options).stdout)["references"]
    assert [row["label"] for row in references["rows"]] == labels
    assert (references["more"], references["count"]) == (more, len(labels) + more)


def test_show_options_are_about_referrers_too(cli: Cli, shop: Path) -> None:
    def referrers(*options: str) -> list[str]:
        view = json.loads(cli("show", shop, "0x7f0000000200", "--json", *options).stdout)
        return [row["type"] for row in view["referrers"]["rows"]]

    assert referrers("--sort", "size", "--limit", "1") == ["shop.cart.Cart"]
    assert referrers("--threshold", "56") == ["shop.cart.Cart"]
    assert referrers("--threshold", "57") == []


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--where", "text:process."], ["process.pid", "process.host", "process.argv.0", "process.argv.1"]),
        (["--where", "text:process.", "--sort", "-name", "--limit", "1"], ["process.pid"]),
        (["--where", "text:3.12 -text:tool"], ["python.version"]),
        (["--where", "text:UTC"], ["capture.wall_time_ns"]),
        (["--threshold", "2k", "--sort", "size", "--limit", "3"],
         ["memory.rss_bytes", "ledger.rss_bytes", "ledger.mapped_files_bytes"]),
        (["--where", "size:<1k", "--sort", "name"], ["ledger.not_resident_bytes", "ledger.tonnage_bytes"]),
        (["--where", "text:nothing"], []),
    ],
)  # fmt: skip
def test_info_follows_its_options(cli: Cli, shop: Path, options: list[str], names: list[str]) -> None:
    view = json.loads(cli("info", shop, "--json", *options).stdout)
    assert {row["name"] for row in view["rows"]} == set(names)
    if "--sort" in options:
        assert [row["name"] for row in view["rows"]] == names
    for row in view["rows"]:
        assert list(row) == view["columns"]
        assert row["value"] == view["info"]["facts"][row["name"]]
        assert row["size"] == (row["value"] if row["name"].endswith("bytes") else None)
    text = cli("info", shop, *options).stdout
    assert f"\n{len(names) + view['more']} of " in text
    assert [line.split()[0] for line in text.splitlines()[5:] if not line.startswith("<")] == [
        row["name"] for row in view["rows"]
    ]


def test_info_without_options_has_no_rows(cli: Cli, shop: Path) -> None:
    assert "rows" not in json.loads(cli("info", shop, "--json").stdout)


@pytest.mark.parametrize(
    ("options", "chunks", "more", "filtered"),
    [
        ([], ["SIZE", "DEGR", "REFS"], 0, 0),
        (["--sort", "offset"], ["SIZE", "DEGR", "REFS"], 0, 0),
        (["--sort", "-offset"], ["REFS", "DEGR", "SIZE"], 0, 0),
        (["--sort", "message"], ["DEGR", "REFS", "SIZE"], 0, 0),
        (["--sort", "-message", "--limit", "1"], ["SIZE"], 2, 0),
        (["--sort", "status"], ["SIZE", "DEGR", "REFS"], 0, 0),
        (["--where", "text:REFS"], ["REFS"], 0, 2),
        (["--where", "text:ECORRUPT -text:REFS"], ["SIZE", "DEGR"], 0, 1),
        (["--where", "text:nothing"], [], 0, 3),
    ],
)
def test_check_follows_its_options(
    cli: Cli, shop: Path, tmp_path: Path, options: list[str], chunks: list[str], more: int, filtered: int
) -> None:
    """Three chunks with a flipped bit; what is shown changes neither the verdict nor the exit code."""
    data = bytearray(shop.read_bytes())
    for chunk in json.loads(cli("check", shop, "--json").stdout)["chunks"]:
        if chunk["id"] in ("SIZE", "DEGR", "REFS"):
            data[chunk["offset"] + 48] ^= 1
    path = tmp_path / "broken.tonnage"
    path.write_bytes(data)
    got = cli("check", path, "--json", *options)
    view = json.loads(got.stdout)
    assert (got.returncode, view["verdict"]) == (1, "corrupt")
    assert [one["message"].split("chunk ")[1][:4] for one in view["findings"]] == chunks
    assert (view["more"], view["filtered"]) == (more, filtered)
    text = cli("check", path, *options).stdout
    assert "Findings in the file (3)\n" in text
    assert (f"  <{more} more; " in text) == (more > 0)
    assert (f"  <{filtered} not selected>\n" in text) == (filtered > 0)


def test_show_names_both_ends(cli: Cli, shop: Path) -> None:
    view = json.loads(cli("show", shop, "0x7f0000000200", "--json").stdout)
    assert view["object"]["parts"] == [{"part": "own block", "size": 64}, {"part": "keys", "size": 1656}]
    assert [row["label"] for row in view["references"]["rows"]] == [
        "key 0",
        '["it\'s\\x1b[\\ud800"]',
        "key 1",
    ]
    assert [(row["label"], row["type"]) for row in view["referrers"]["rows"]] == [(".prices", "shop.cart.Cart")]
    weak = json.loads(cli("show", shop, CART, "--json").stdout)["references"]["rows"][1]
    assert (weak["label"], weak["kind"], weak["preview"]) == (".watcher", "weak", "'größer'…")


def test_address_may_be_decimal(cli: Cli, shop: Path) -> None:
    assert cli("show", shop, str(int(CART, 16))).stdout == cli("show", shop, CART).stdout


def on_terminal(width: int, *words: str | Path) -> str:
    """What the command prints on a terminal of this many columns, without colours."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    environment = {**os.environ, "LC_ALL": "C", "NO_COLOR": "1"}
    process = subprocess.Popen([CLI, *map(str, words)], stdout=slave, env=environment)
    os.close(slave)
    pieces = []
    with contextlib.suppress(OSError):  # what a read gives when the other end is closed
        while piece := os.read(master, 65536):
            pieces.append(piece)
    os.close(master)
    assert process.wait() == 0
    return b"".join(pieces).decode().replace("\r\n", "\n")


@pytest.mark.parametrize(
    "rest",
    [
        ("--limit", "1", "--threshold", "50", "--where", "-text:nothing -text:to -text:see -text:here"),
        ("--by", "size"),
        ("--by", "module"),
    ],
    ids=["type", "size", "module"],
)
def test_a_summary_fits_its_terminal(cli: Cli, tmp_path: Path, rest: tuple[str, ...]) -> None:
    """At any width from 60 on lines are no wider, prose breaks between words, and only names of types are cut."""
    import shop_snapshot

    path = tmp_path / "shop.tonnage"
    arguments = {f"process.argv.{n}": f"--option-{n}=größer" for n in range(2, 12)}
    path.write_bytes(shop_snapshot.data(**{"check.pools.failed": 3}, **arguments))

    def parts(text: str) -> tuple[list[str], list[str], list[str], list[str], list[str]]:
        above, rest = text.split("\nIndex")
        table, rest = rest.split("\ntotal")
        rest, warning = rest.split("\n", 1)[1].split("\n\nwarning")
        foot, _, ledger = rest.partition("\n\nResident")
        return above.split(), table.splitlines(), foot.split(), ledger.splitlines(), warning.split()

    above, table, foot, ledger, warning = parts(cli("summary", path, *rest).stdout)
    for width in range(60, 201, 4):
        printed = on_terminal(width, "summary", path, *rest)
        assert max(map(len, printed.splitlines())) <= width, printed
        got = parts(printed)
        assert (got[0], got[2], got[4]) == (above, foot, warning)
        assert len(got[1]) == len(table)
        assert all(line.startswith(short) for line, short in zip(ledger, got[3], strict=True))
        assert width < 72 or got[3] == ledger
        assert width < 100 or got[1] == table
        assert width > 60 or "Cumulative" not in got[1][0]


def test_a_selection_has_no_ledger_of_the_whole_process_below_it(cli: Cli, shop: Path) -> None:
    assert "\n\nResident set (RSS), of which the objects explain 21.9 %\n" in cli("summary", shop).stdout
    selected = cli("summary", shop, "--where", "type:shop.*")
    assert "\nResident set" not in selected.stdout
    assert selected.stdout.endswith("(in no row above)\n")
    assert json.loads(cli("summary", shop, "--where", "type:shop.*", "--json").stdout)["ledger"][0]["bytes"] == 8192


def test_what_is_counted_twice_has_a_row_when_there_is_any(cli: Cli, shop: Path, tmp_path: Path) -> None:
    import shop_snapshot

    assert "counted twice" not in cli("summary", shop).stdout
    path = tmp_path / "a.tonnage"
    path.write_bytes(shop_snapshot.data(**{"ledger.overcounted_bytes": 1024}))
    assert "  of these counted twice or not measured           -1.0 KiB   -12.5 %\n" in cli("summary", path).stdout


def test_text_never_holds_controls(cli: Cli, shop: Path) -> None:
    for verb in VERBS:
        out = cli(*words(verb, shop)).stdout
        assert not [c for c in out if ord(c) < 32 and c != "\n"], verb


def test_empty_selection_prints_a_table(cli: Cli, shop: Path) -> None:
    got = cli("summary", shop, "--where", "type:nothing")
    assert got.returncode == 0
    assert "0 objects, 0 B" in got.stdout


@pytest.mark.parametrize("name", ["no objects", "optional chunks missing", "small chunks", "widest"])
@pytest.mark.parametrize("verb", ["summary", "largest", "info", "check", "dominators"])
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


def test_diff_json_says_what_was_planted(cli: Cli, shop: Path) -> None:
    view = json.loads(cli(*words("diff", shop, "--json")).stdout)
    rows = {row["type"]: row for row in view["rows"]}
    assert all(list(row) == view["columns"] for row in view["rows"])
    assert {name: (row["new"], row["gone"], row["survived"], row["size_change"]) for name, row in rows.items()} == {
        "dict": (0, 0, 1, 1320), "float": (1, 0, 0, 32), "str": (1, 1, 1, 0), "shop.cart.BigCart": (1, 1, 0, 0)
    }  # fmt: skip
    assert view["same_process"] is True
    assert view["apart_ns"] == 60_000_000_000
    assert view["survivors"] == {"certain": 1, "likely": 2, "reused": 1}
    assert view["growing"][0]["address"] == "0x7f0000000200"
    assert view["unchanged"] == 1


def test_against_is_the_diff_of_a_summary_and_the_new_ones_of_largest(cli: Cli, shop: Path) -> None:
    old, new = shop.with_name("old.tonnage"), shop.with_name("new.tonnage")
    assert cli("summary", new, "--against", old, "--limit", "3").stdout == cli("diff", old, new, "--limit", "3").stdout
    view = json.loads(cli("largest", new, "--against", old, "--json").stdout)
    assert [row["address"] for row in view["rows"]] == ["0x7f0000000400", "0x7f0000000600", "0x7f0000000500"]
    assert view["total"] == {"count": 3, "size": 208}
    text = cli("largest", new, f"--against={old}", "--where", "type:str").stdout
    assert "only what is new since the snapshot of 2023-11-14 22:12:20 UTC\nselected by: type:str\n" in text
    assert "\n1 object, 128 B\n" in text
    groups = json.loads(cli("groups", new, "--against", old, "--json").stdout)
    assert {row["kind"]: row["count"] for row in groups["rows"]} == {"str": 1, "shop.cart.BigCart": 1, "float": 1}


def test_against_leaves_what_is_new_to_every_verb_of_objects(cli: Cli, shop: Path) -> None:
    old, new = shop.with_name("old.tonnage"), shop.with_name("new.tonnage")
    since = {"pid": 4242, "wall_time_ns": json.loads(cli("info", old, "--json").stdout)["info"]["wall_time_ns"]}
    walks = ("dominators", "paths", "refs", "referrers", "retained")
    for verb in (*walks, "largest", "groups", "suspects", "waste", "why", "cycles"):
        view = json.loads(cli(verb, new, "--against", old, "--json").stdout)
        assert view["against"] == since, verb
        alone = json.loads(cli(verb, new, "--where", "type:str", "--json").stdout)
        assert alone["against"] is None, verb
    assert "is later" in cli("largest", old, "--against", new).stdout
    for verb in walks:
        got = cli(verb, new, "--against", old, "--json")
        assert (got.returncode, got.stderr) == (0, ""), verb
        whole = json.loads(cli(verb, new, "--where", "size:>=0", "--json").stdout)
        assert json.loads(got.stdout)["rows"] != whole["rows"], verb
        assert "only what is new since" in cli(verb, new, "--against", old).stdout, verb
    paths = json.loads(cli("paths", new, "--against", old, "--json").stdout)
    assert {row["address"] for row in paths["rows"]} == {"0x7f0000000400", "0x7f0000000600", "0x7f0000000500"}


def test_diff_of_more_files_is_their_growth(cli: Cli, shop: Path) -> None:
    old, new = (str(shop.with_name(f"{name}.tonnage")) for name in ("old", "new"))
    view = json.loads(cli("diff", old, new, old, "--json", "--limit", "2").stdout)
    assert view["view"] == "growth"
    assert [row["count"] for row in view["snapshots"]] == [5, 6, 5]
    assert len(view["rows"]) == 2
    text = cli("diff", old, "--limit", "2", new, old).stdout
    assert "Snapshot" in text and "Steps up" in text
    same = cli("diff", *[old] * 9).stdout
    assert same.count("unknown") == 9
    assert "not in this order: slopes are by snapshot" in same
    assert "60.0 s later (the older one comes first)" in cli("diff", new, old).stdout
