"""What `tonnage sites` and its kin print of a program whose allocations are known, and what they refuse."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pure_reader
import pytest
import sites_snapshot
from cli_support import Cli
from pure_writer import Site

GOLDEN = Path(__file__).with_name("golden")
IN_C = Path(__file__).parents[1] / "c"


def words(verb: str, file: Path, *rest: str) -> list[str]:
    """Of files in the current folder, which are made where there are none."""
    for name, rounds, interval in (("few", 10, 0), ("many", 20, 0), ("part", 10, 4096), ("whole", 40, 4096)):
        made = file.with_name(f"{name}.tonnage")
        if not made.exists():
            made.write_bytes(sites_snapshot.data(rounds, interval))
    named = [f"{word}.tonnage" if word in ("few", "many", "part", "whole") else word for word in rest]
    return [verb, *(named if any(word.endswith(".tonnage") for word in named) else ["many.tonnage", *named])]


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("sites", ()),
        ("sites", ("--by", "traceback", "--limit", "2")),
        ("sites", ("--by", "module", "--cumulative", "--sort", "name")),
        ("sites", ("--by", "type", "--where", "type:*", "--retained")),
        ("sites", ("few", "many", "--include", "any:app/*")),
        ("sites", ("part", "--by", "function")),
        ("sites", ("part", "whole", "--threshold", "2k")),
        ("creators", ("--depth", "2")),
        ("creators", ("--from", "work.py:11", "--from", "main.py:7")),
        ("peak", ("--by", "file", "--exclude", "domain:raw")),
        ("temporary", ("--by", "function", "--limit", "1")),
        ("survivors", ()),
        ("survivors", ("--by", "traceback")),
        ("peak", ("part", "--by", "traceback", "--limit", "2")),
        ("temporary", ("--by", "traceback")),
        ("sites", ("part", "whole", "--by", "traceback", "--limit", "1")),
    ],
)
def test_text_is_the_golden_one(cli: Cli, shop: Path, name: str, rest: tuple[str, ...]) -> None:
    got = cli(*words(name, shop, *rest), cwd=shop.parent)
    slug = "-".join([name, *rest]).replace("--", "").translate(str.maketrans(":*./", "____"))
    assert (got.returncode, got.stderr) == (0, "")
    assert got.stdout == (GOLDEN / f"{slug}.txt").read_text(encoding="utf-8")


def rows(cli: Cli, shop: Path, verb: str, *rest: str) -> dict[str, dict[str, object]]:
    """By name; every row has the keys that the columns promise."""
    got = cli(*words(verb, shop, *rest), "--limit", "0", "--json", cwd=shop.parent)
    assert (got.returncode, got.stderr) == (0, "")
    view = json.loads(got.stdout)
    assert (view["schema"], view["view"]) == (1, verb)
    assert all(list(row) == view["columns"] for row in view["rows"])
    return {row["name"]: row for row in view["rows"]}


def content(data: bytes) -> list[tuple[str, int, bytes]]:
    """Of all chunks: what is stored depends on the version of zstd that wrote it."""
    chunks = pure_reader.read_container(memoryview(data))
    return [(one.id, one.n_rows, pure_reader.decompress(one)) for of_id in chunks.values() for one in of_id]


@pytest.mark.skipif(sys.version_info >= (3, 15), reason="made with the exp() of an older C library")
def test_the_files_of_the_tests_in_c_are_these() -> None:
    assert content((IN_C / "sites.tonnage").read_bytes()) == content(sites_snapshot.data())
    assert content((IN_C / "sites-part.tonnage").read_bytes()) == content(sites_snapshot.data(10, 4096))


def test_lines_have_what_was_planted_and_native_code_is_a_row(cli: Cli, shop: Path) -> None:
    found = {name: (row["size"], row["count"]) for name, row in rows(cli, shop, "sites").items()}
    assert found == {
        "/srv/app/work.py:11": (60_000, 60),
        "<native>": (5000, 1),
        "/usr/lib/python3.11/json/__init__.py:40": (256, 4),
    }
    alone = rows(cli, shop, "sites", "--include", "<native>")
    assert list(alone) == ["<native>"]


def test_callers_are_followed_to_the_bottom_of_the_stack(cli: Cli, shop: Path) -> None:
    called = rows(cli, shop, "creators", "--from", "work.py:11", "--depth", "1")
    sizes = {name: row["size"] for name, row in called.items()}
    assert sizes == {"/srv/app/main.py:7": 40_000, "/srv/app/main.py:3": 20_000}
    way = ("--from", "work.py:11", "--from", "app/main.py:3", "--from", "main.py:20")
    bottom = rows(cli, shop, "creators", *way)
    assert {name: row["count"] for name, row in bottom.items()} == {"(bottom of the stack)": 20}
    assert rows(cli, shop, "creators", *way, "--from", "work.py:1") == {}


def test_what_the_limit_leaves_out_of_a_level_is_a_line_of_its_own(cli: Cli, shop: Path) -> None:
    page = cli(*words("creators", shop, "--limit", "1", "--depth", "2"), cwd=shop.parent).stdout
    lines = [line.split(maxsplit=6) for line in page.splitlines() if "more>" in line or ".py:" in line]
    assert [(line[0], line[3], line[6]) for line in lines] == [
        ("58.6", "60", "/srv/app/work.py:11"),
        ("39.1", "40", "/srv/app/main.py:7"),
        ("19.5", "20", "<1 more>"),
        ("5.1", "5", "<2 more>"),
    ]
    assert "<3 more rows; use --limit 0 to see all>" in page
    view = json.loads(cli(*words("creators", shop, "--limit", "1", "--depth", "2"), "--json", cwd=shop.parent).stdout)
    assert (len(view["rows"]), view["more"]) == (2, 3)
    sampled = cli(*words("creators", shop, "part", "--limit", "1", "--depth", "2"), cwd=shop.parent).stdout
    (rest,) = (line for line in sampled.splitlines() if "<1 more>" in line)
    assert rest.split()[3:] and " to " in rest


def test_files_are_sorted_by_time_told_once_and_compared_with_the_one_before_or_the_first(cli: Cli, shop: Path) -> None:
    got = cli(*words("sites", shop, "whole", "few", "many", "few"), "--json", cwd=shop.parent)
    tables = json.loads(got.stdout)["tables"]
    change = [table["rows"][0]["size_change"] for table in tables]
    assert change[0] == 30_000 and len(tables) == 2
    first = cli(*words("sites", shop, "few", "many", "whole"), "--first", "--json", cwd=shop.parent)
    against = [table["against"]["wall_time_ns"] for table in json.loads(first.stdout)["tables"]]
    assert against == [10**18 + 10 * 10**9] * 2
    text = cli(*words("sites", shop, "few", "many"), cwd=shop.parent).stdout
    assert "compared with few.tonnage of 2001-09-09 01:46:50 UTC, of the same process" in text


def test_several_processes_are_warned_about(cli: Cli, shop: Path) -> None:
    words("sites", shop)
    other = sites_snapshot.program(5)
    other.heap.facts["process.pid"] = 8
    other.write(shop.with_name("other.tonnage"))
    got = cli("sites", "few.tonnage", "other.tonnage", cwd=shop.parent)
    assert got.stdout.startswith("note: the snapshots are of 2 processes\n")
    assert "of another process" in got.stdout


@pytest.mark.parametrize("interval", [0, 4096])
def test_blocks_of_a_site_that_says_it_has_none_are_no_reason_to_fail(cli: Cli, shop: Path, interval: int) -> None:
    words("sites", shop)
    odd = sites_snapshot.program(30, interval).description()
    odd.sites = [Site(site.stack, site.domain) for site in odd.sites]
    shop.with_name("odd.tonnage").write_bytes(sites_snapshot.writer.write(odd))
    for files in (("part", "odd"), ("odd", "whole"), ("few", "odd"), ("odd", "odd")):
        for by in ("line", "type", "traceback"):
            names = (f"{name}.tonnage" for name in files)
            got = cli("sites", *names, "--by", by, cwd=shop.parent)
            assert (got.returncode, got.stderr) == (0, "")
            assert " alive" in got.stdout


def test_a_row_of_json_says_what_pytracemalloc_printed(cli: Cli, shop: Path) -> None:
    row = rows(cli, shop, "sites", "few", "many")["/srv/app/work.py:11"]
    assert row["text"] == "/srv/app/work.py:11: size=58.6 KiB (+29.3 KiB), count=60 (+30), average=1000 B"
    assert row["size_change_pct"] == 100 and row["significant"] is True and row["change_low"] is None


def test_the_interval_of_samples_is_said_though_the_newer_file_has_none(cli: Cli, shop: Path) -> None:
    got = cli(*words("sites", shop, "part", "many"), cwd=shop.parent)
    assert "sampled every 4.0 KiB" in got.stdout
    view = json.loads(cli(*words("sites", shop, "part", "many"), "--json", cwd=shop.parent).stdout)
    assert view["interval_bytes"] == 4096


def test_a_leak_has_a_slope_and_what_was_made_at_first_has_none(cli: Cli, shop: Path) -> None:
    found = rows(cli, shop, "survivors")
    leak, setup = found["/srv/app/work.py:11"], found["/usr/lib/python3.11/json/__init__.py:40"]
    assert 50_000 < leak["slope_low"] <= leak["slope"] <= leak["slope_high"]  # type: ignore[operator]
    assert setup["slope_low"] == setup["slope"] == 0
    assert [cohort["count"] for cohort in setup["cohorts"]] == [4] + [0] * 9  # type: ignore[attr-defined]


@pytest.mark.parametrize("verb", ["peak", "temporary"])
def test_types_are_offered_only_where_there_are_some(cli: Cli, shop: Path, verb: str) -> None:
    page = cli(verb, "--help").stdout
    assert "traceback or thread\n" in page
    got = cli(*words(verb, shop, "--by", "type"), cwd=shop.parent)
    assert got.returncode == 2 and "--by takes line, file" in got.stderr
    assert "thread or type\n" in cli("survivors", "--help").stdout


def test_colours_are_forced_or_forbidden(cli: Cli, shop: Path) -> None:
    assert "\033[" in cli(*words("sites", shop), "--color", "always", cwd=shop.parent).stdout
    assert "\033[" not in cli(*words("sites", shop), "--color=never", cwd=shop.parent).stdout


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (("--by", "color"), "--by takes line, file, function"),
        (("--color", "blue"), "--color takes always, never or auto"),
        (("--sort", "slope"), "cannot sort by"),
        (("--include", "domain:gpu"), "domains are mem, obj, raw and numbers"),
        (("--by", "traceback", "--cumulative"), "cumulative sums are of lines"),
        (("--from", "app.py"), "unknown option"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(cli: Cli, shop: Path, rest: tuple[str, ...], message: str) -> None:
    got = cli(*words("sites", shop), *rest, cwd=shop.parent)
    assert (got.returncode, got.stdout) == (2, "")
    assert message in got.stderr and got.stderr.count("\n") == 1


@pytest.mark.parametrize("verb", ["sites", "creators", "peak", "temporary", "survivors"])
def test_every_option_of_a_page_has_an_example_that_works(cli: Cli, shop: Path, verb: str) -> None:
    words(verb, shop)
    page = cli(verb, "--help").stdout
    assert f"  {verb} " in cli("--help").stdout and max(map(len, page.splitlines())) <= 120
    options, examples = page.split("examples:\n")
    listed = {line.split()[0] for line in options.splitlines() if line.startswith("  --")} - {"--help"}
    lines = [shlex.split(line) for line in examples.splitlines()]
    assert listed == {word for line in lines for word in line if word.startswith("--")}
    names = {"app": "many", "1": "few", "2": "many", "3": "part"}
    names = {f"{word}.tonnage": f"{file}.tonnage" for word, file in names.items()}
    for line in lines:
        got = cli(*(names.get(word, word) for word in line[1:]), cwd=shop.parent)
        hints = "tonnage: no type "
        assert got.returncode == 0 and got.stdout, line
        assert all(said.startswith(hints) for said in got.stderr.splitlines()), line


def test_a_snapshot_without_a_recorder_says_how_to_get_one(cli: Cli, shop: Path) -> None:
    got = cli("sites", shop)
    assert got.returncode == 2 and "--trace" in got.stderr
