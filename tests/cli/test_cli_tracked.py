"""What `tonnage tracked` prints of classes whose every number is known, and what it refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import tracked_files
from cli_support import Cli
from test_cli_sites import content

GOLDEN = Path(__file__).with_name("golden")
IN_C = Path(__file__).parents[1] / "c"


def words(verb: str, file: Path, *rest: str) -> list[str]:
    """Of a file in the current folder, which is made where there is none."""
    path = file.with_name("tracked.tonnage")
    if not path.exists():
        tracked_files.shop(path)
    return [verb, "tracked.tonnage", *rest]


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("tracked", ()),
        ("tracked", ("--limit", "1")),
        ("tracked", ("--where", "type:Node", "--sort", "size", "--limit", "10")),
        ("tracked", ("--by", "snapshot")),
        ("tracked", ("--by", "snapshot", "--where", "type:Node+", "--sort", "count", "--limit", "1")),
        ("tracked", ("--by", "class")),
        ("tracked", ("--by", "instance", "--depth", "1", "--sort", "birth")),
    ],
)
def test_text_is_the_golden_one(cli: Cli, shop: Path, name: str, rest: tuple[str, ...]) -> None:
    got = cli(*words(name, shop, *rest), cwd=shop.parent)
    slug = "-".join([name, *rest]).replace("--", "").translate(str.maketrans(":*./", "____"))
    assert (got.returncode, got.stderr) == (0, "")
    assert got.stdout == (GOLDEN / f"{slug}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("by", ["all", "snapshot", "class", "instance"])
def test_rows_of_json_have_the_columns_that_are_told(cli: Cli, shop: Path, by: str) -> None:
    got = cli(*words("tracked", shop, "--by", by), "--json", cwd=shop.parent)
    view = json.loads(got.stdout)
    assert (got.returncode, view["schema"], view["view"], view["page"]) == (0, 1, "tracked", by)
    assert len(view["rows"]) == 8
    assert all(list(row) == view["columns"] for row in view["rows"])
    assert set(view["units"]) <= set(view["columns"])


@pytest.mark.skipif(sys.version_info >= (3, 15), reason="compressed by another zstd")
def test_the_file_of_the_tests_in_c_is_this_one(tmp_path: Path) -> None:
    made = tracked_files.shop(tmp_path / "tracked.tonnage")
    assert content((IN_C / "tracked.tonnage").read_bytes()) == content(made.read_bytes())


@pytest.mark.parametrize(
    ("rest", "code", "message"),
    [
        (("--by", "type"), 2, "--by takes all, snapshot, class or instance"),
        (("--threshold", "1k"), 2, "--where size:>=64k says it"),
        (("--against", "x"), 2, "its own snapshots"),
        (("--sort", "colour"), 2, "columns here: size, retained, birth, death, count, class, name"),
        (("--where", "site:app.py"), 2, "tracked classes are selected by type:"),
    ],
)
def test_what_cannot_be_told_is_refused_in_one_line(
    cli: Cli, shop: Path, rest: tuple[str, ...], code: int, message: str
) -> None:
    got = cli(*words("tracked", shop, *rest), cwd=shop.parent)
    assert (got.returncode, got.stdout) == (code, "")
    assert message in got.stderr
    assert got.stderr.count("\n") == 1


def test_a_file_without_tracked_classes_is_refused_in_one_line(cli: Cli, shop: Path) -> None:
    got = cli("tracked", shop)
    assert (got.returncode, got.stdout) == (2, "")
    assert "run the program with --track CLASS" in got.stderr
    assert got.stderr.count("\n") == 1
