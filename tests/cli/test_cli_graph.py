"""What `tonnage graph` writes of snapshots that are known, where it writes it, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cli_support import Cli

GOLDEN = Path(__file__).with_name("golden")
CART, PRICES, EVIL = "0x7f0000000100", "0x7f0000000200", "0x7f0000000400"
DRAWS = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


def words(verb: str, file: Path, *rest: str) -> list[str]:
    """Cycles are those of the snapshot that has some."""
    name = "cycles.tonnage" if "--cycles" in rest else "new.tonnage" if "--against" in rest else file.name
    return [verb, str(file.with_name(name)), *rest]


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("graph", ()),
        ("graph", ("--by", "module", "--proportional", "--limit", "1")),
        ("graph", (CART, "--refcounts", "--addresses", "--highlight", "type:float")),
        ("graph", (EVIL, "--backrefs", "--full-names")),
        ("graph", (PRICES, "--refs", "--width", "1", "--only", "type:str")),
        ("graph", (EVIL, "--paths", "--retained")),
        ("graph", ("--against", "old.tonnage", "--paths")),
        ("graph", ("--cycles",)),
        ("graph", ("--cycles", "--by", "id", "--limit", "3")),
        ("graph", ("--cycles", "--by", "id", "--garbage", "--no-fold")),
    ],
)
def test_text_is_the_golden_one(cli: Cli, shop: Path, name: str, rest: tuple[str, ...]) -> None:
    got = cli(*words(name, shop, *rest), cwd=shop.parent)
    slug = "-".join([name, *rest]).replace("--", "").translate(str.maketrans(":*.", "___"))
    assert (got.returncode, got.stderr) == (0, "")
    assert got.stdout == (GOLDEN / f"{slug}.txt").read_text(encoding="utf-8")


def test_json_has_the_same_nodes_and_edges(cli: Cli, shop: Path) -> None:
    view = json.loads(cli("graph", shop, CART, "--json").stdout)
    assert (view["schema"], view["view"], view["of"], view["by"]) == (1, "graph", "refs", None)
    assert (view["where"], view["against"], view["info"]["pid"]) == (f"address:{CART}", None, 4242)
    assert all(list(row) == view["columns"] for row in view["rows"])
    rows = {row["id"]: row for row in view["rows"]}
    assert [(row["title"], row["lines"], row["kind"], row["asked"]) for row in rows.values()] == [
        ("Cart", ["56 B"], "object", True),
        ("dict", ["1 item", "1.7 KiB"], "container", False),
        ("str", ["'größer'…", "128 B"], "builtin", False),
        ("float", ["0.1", "32 B"], "builtin", False),
    ]
    edges = {(rows[e["from"]]["address"], e["label"], e["kind"], rows[e["to"]]["address"]) for e in view["edges"]}
    assert edges == {
        (CART, ".prices", "owning", PRICES),
        (CART, ".watcher", "weak", EVIL),
        (PRICES, "key 1", "owning", EVIL),
        (PRICES, '["it\'s\\x1b[\\ud800"]', "owning", "0x7f0000000500"),
    }
    text = cli("graph", shop, CART).stdout
    assert text.count(" -> ") == len(view["edges"])


def test_against_draws_only_what_is_new(cli: Cli, shop: Path) -> None:
    old, new = shop.with_name("old.tonnage"), shop.with_name("new.tonnage")
    view = json.loads(cli("graph", new, "--against", old, "--json").stdout)
    assert view["against"]["pid"] == 4242
    assert {row["title"]: row["count"] for row in view["rows"]} == {"str": 1, "shop.cart.BigCart": 1, "float": 1}


def test_a_file_is_written_whole_and_told(cli: Cli, shop: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.dot"
    path.write_text("old")
    got = cli("graph", shop, "-o", path)
    assert (got.returncode, got.stdout) == (2, "")
    assert got.stderr.endswith(f"{path} exists: choose another name, or --force to replace it\n")
    assert path.read_text() == "old"
    got = cli("graph", shop, "-o", path, "--force")
    assert (got.returncode, got.stdout, got.stderr) == (0, f"Graph written to {path} (5 nodes)\n", "")
    assert path.read_text(encoding="utf-8") == cli("graph", shop).stdout
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["x.dot"]
    got = cli("graph", shop, "-o", tmp_path / "no" / "x.dot")
    assert (got.returncode, got.stdout, got.stderr.count("\n")) == (5, "", 1)
    assert "No such file or directory" in got.stderr


@DRAWS
@pytest.mark.parametrize(
    ("suffix", "magic"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("ps", b"%!PS")]
)
def test_the_name_says_the_format(cli: Cli, shop: Path, tmp_path: Path, suffix: str, magic: bytes) -> None:
    path = tmp_path / f"x.{suffix}"
    assert cli("graph", shop, "--by", "module", "--proportional", "-o", path).returncode == 0
    assert path.read_bytes().startswith(magic)
    if suffix == "svg":
        ElementTree.parse(path)
    assert os.listdir(tmp_path) == [path.name]


def test_without_graphviz_there_is_one_clear_line(cli: Cli, shop: Path, tmp_path: Path) -> None:
    got = cli("graph", shop, "-o", tmp_path / "x.svg", env={"PATH": str(tmp_path)})
    assert (got.returncode, got.stdout) == (3, "")
    assert got.stderr.endswith("x.svg needs the command dot of Graphviz, which is not here; "
                               "a name ending in .dot needs nothing\n")  # fmt: skip
    assert os.listdir(tmp_path) == []


def test_what_comes_to_stand_there_meanwhile_stays(cli: Cli, shop: Path, tmp_path: Path) -> None:
    path, slow = tmp_path / "x.svg", tmp_path / "bin" / "dot"
    slow.parent.mkdir()
    slow.write_text(f"#!/bin/sh\necho mine > {path}\ncat > /dev/null\necho drawn\n")
    slow.chmod(0o755)
    env = {"PATH": f"{slow.parent}:/bin:/usr/bin"}
    got = cli("graph", shop, "-o", path, env=env)
    assert (got.returncode, path.read_text()) == (2, "mine\n")
    assert got.stderr.endswith("x.svg exists: choose another name, or --force to replace it\n")
    assert cli("graph", shop, "-o", path, "--force", env=env).returncode == 0
    assert path.read_text() == "drawn\n"
    assert sorted(os.listdir(tmp_path)) == ["bin", "x.svg"]


@pytest.mark.parametrize("end", ["exit 3", "cat >/dev/null"])
def test_a_dot_that_fails_or_writes_nothing_leaves_no_file(cli: Cli, shop: Path, tmp_path: Path, end: str) -> None:
    broken = tmp_path / "bin" / "dot"
    broken.parent.mkdir()
    broken.write_text(f"#!/bin/sh\n{end}\n")
    broken.chmod(0o755)
    got = cli("graph", shop, "-o", tmp_path / "x.svg", env={"PATH": f"{broken.parent}:/usr/bin:/bin"})
    assert (got.returncode, got.stdout, got.stderr.count("\n")) == (5, "", 1)
    assert os.listdir(tmp_path) == ["bin"]


@pytest.mark.parametrize(
    ("rest", "code", "message"),
    [
        (["--refs"], 2, "of what?"),
        ([CART, "--where", "type:str"], 2, "an ADDRESS or --where"),
        (["type:str"], 2, "is not an address"),
        ([CART, "--refs", "--paths"], 2, "one picture at a time"),
        ([CART, "--by", "type"], 2, "a picture of objects has no groups"),
        (["--cycles", "--by", "module"], 2, "cycles stand by type"),
        (["--only", "type:str"], 2, "only is for"),
        ([CART, "--proportional"], 2, "proportional"),
        (["--garbage"], 2, "garbage is asked for in a picture of cycles"),
        (["--width", "0"], 2, "--width takes a number from 1 on"),
        (["--only"], 2, "a value must follow"),
        (["--refs=1"], 2, "no value is taken"),
        (["-o", "x.bmp"], 2, "-o takes a name that ends in .dot"),
        (["-o", "x.dot", "--json"], 2, "--json goes to standard output"),
        (["--sort", "cycles"], 2, "columns here: size, count, largest, type"),
        ([CART, "--sort", "count"], 2, "columns here: size, address"),
        (["--where", "type:nosuch", "--refs"], 3, "no object is selected"),
    ],
)
def test_what_makes_no_sense_is_refused(cli: Cli, shop: Path, rest: list[str], code: int, message: str) -> None:
    got = cli("graph", shop, *rest, cwd=shop.parent)
    assert (got.returncode, got.stdout) == (code, "")
    assert message in got.stderr
    assert got.stderr.count("\n") == 1 + ("type:nosuch" in rest)  # a hint at what is not there
    assert not list(shop.parent.glob("x.*"))
