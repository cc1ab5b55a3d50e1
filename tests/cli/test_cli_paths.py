"""What paths, refs and referrers print of a small shop: text, JSON, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_support import Cli

CART, PRICES, NAMES, PRICE, BIG = (f"0x7f0000000{n}00" for n in (1, 2, 3, 5, 6))


def test_paths_go_from_short_to_long(cli: Cli, shop: Path) -> None:
    """The text in a dict's key, and the same object below an attribute: an object once, a way once."""
    view = json.loads(cli("paths", shop, NAMES, "--json").stdout)
    assert [(row["length"], row["evaluable"]) for row in view["rows"]] == [(3, False), (1, False)]
    assert [step["label"] for step in view["rows"][0]["steps"]] == ["modules", ".prices", "key 0"]
    assert view["rows"][0]["path"] == f"modules › <shop.cart.Cart {CART}>.prices<key 0>"
    assert view["rows"][1]["path"] == f"held by C › <str {NAMES}>"
    assert view["more"] == 0


def test_a_limit_says_that_there_is_more(cli: Cli, shop: Path) -> None:
    assert json.loads(cli("paths", shop, NAMES, "--limit", "1", "--json").stdout)["more"] == 1
    assert "<more; use --limit N" in cli("paths", shop, NAMES, "--limit", "1").stdout
    assert "<more" not in cli("paths", shop, NAMES, "--limit", "2").stdout


def test_all_stops_at_the_first_longer_one(cli: Cli, shop: Path) -> None:
    assert len(json.loads(cli("paths", shop, NAMES, "--all", "--json").stdout)["rows"]) == 1


def test_what_is_avoided_is_on_no_path(cli: Cli, shop: Path) -> None:
    rows = json.loads(cli("paths", shop, NAMES, "--avoid", "type:shop.cart.*", "--json").stdout)["rows"]
    assert [row["path"] for row in rows] == [f"held by C › <str {NAMES}>"]
    assert "no path leads to it" in cli("paths", shop, NAMES, "--avoid", "type:shop.cart.*, held").stdout


@pytest.mark.parametrize(
    ("sort", "addresses"),
    [
        ("size", [PRICES, "0x7f0000000400", NAMES, CART]),
        ("-size", [PRICE, BIG, CART, NAMES]),
        ("address", [CART, PRICES, NAMES, "0x7f0000000400"]),
        ("type", [PRICES, PRICE, BIG, CART]),
        ("length", [CART, BIG, PRICES, NAMES]),
    ],
)
def test_a_set_has_the_shortest_path_of_each(cli: Cli, shop: Path, sort: str, addresses: list[str]) -> None:
    view = json.loads(cli("paths", shop, "--where", "", "--sort", sort, "--limit", "4", "--json").stdout)
    assert [row["address"] for row in view["rows"]] == addresses
    assert (view["total"], view["more"]) == ({"count": 6, "size": 2048}, 2)
    assert all(list(row) == view["columns"] for row in view["rows"])


def test_merged_paths_add_up(cli: Cli, shop: Path) -> None:
    view = json.loads(cli("paths", shop, "--where", "type:str", "--merge", "--json").stdout)
    assert view["total"] == {"count": 2, "size": 192}
    everything = json.loads(cli("paths", shop, "--where", "", "--merge", "--limit", "0", "--json").stdout)
    assert everything["rows"][0]["count"] + everything["lost"]["count"] == 6
    for form in (view, everything):
        for place, row in enumerate(form["rows"]):
            below = [r for r in form["rows"][place + 1 :] if r["depth"] <= row["depth"] + 1]
            ends = next((i for i, r in enumerate(below) if r["depth"] <= row["depth"]), len(below))
            assert sum(r["count"] for r in below[:ends]) <= row["count"]


def test_a_merged_path_has_one_branch_for_all_entries(cli: Cli, shop: Path) -> None:
    lines = cli("paths", shop, "--where", "", "--merge").stdout.splitlines()
    rows = [line.split("%")[-1][30:] for line in lines[lines.index("    Count        Size      %  Path") + 1 :]]
    assert rows == [
        "modules › <shop.cart.Cart>",
        "  .prices",
        "     key",
        "    […]",
        "root › <shop.cart.BigCart>",
    ]


def test_groups_of_references_are_counted(cli: Cli, shop: Path) -> None:
    rows = json.loads(cli("refs", shop, "--where", "type:shop.cart.Cart", "--json").stdout)["rows"]
    assert {(r["label"], r["kind"], r["type"], r["count"], r["objects"], r["size"]) for r in rows} == {
        (".prices", "owning", "dict", 1, 1, 1720),
        (".watcher", "weak", "str", 1, 1, 128),
    }
    rows = json.loads(cli("referrers", shop, "--where", "type:str", "--json").stdout)["rows"]
    assert {(r["label"], r["kind"], r["type"], r["count"], r["objects"]) for r in rows} == {
        ("key", "owning", "dict", 2, 1),
        (".watcher", "weak", "shop.cart.Cart", 1, 1),
    }
    lines = cli("referrers", shop, "--where", "type:str").stdout.splitlines()
    assert [line for line in lines if "(weak)" in line] == [line for line in lines if ".watcher" in line] != []


def test_a_tree_goes_as_deep_as_it_is_told(cli: Cli, shop: Path) -> None:
    def depths(*options: str) -> list[int]:
        view = json.loads(cli("refs", shop, CART, "--json", *options).stdout)
        assert all(list(row) == view["columns"] for row in view["rows"])
        return [row["depth"] for row in view["rows"]]

    assert depths() == [1, 1]
    assert depths("--depth", "2") == [1, 2, 2, 2, 1]
    assert depths("--depth", "2", "--limit", "1") == [1, 2]
    assert "<2 more; use --limit N" in cli("refs", shop, CART, "--depth", "2", "--limit", "1").stdout


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("paths", "FILE"), "of what?"),
        (("refs", "FILE"), "of what?"),
        (("paths", "FILE", CART, "--where", "type:dict"), "an ADDRESS or --where (or --against), not both"),
        (("paths", "FILE", CART, "--merge"), "in order of their length"),
        (("paths", "FILE", CART, "--avoid", "everything"), "nothing called"),
        (("paths", "FILE", CART, "--avoid", "nope:1"), "selection"),
        (("paths", "FILE", "--where", "type:dict", "--sort", "path"), "cannot sort"),
        (("refs", "FILE", "--where", "type:dict", "--depth", "2"), "no depth"),
        (("refs", "FILE", CART, "--depth", "0"), "--depth takes"),
    ],
)
def test_what_makes_no_sense_is_refused(cli: Cli, shop: Path, words: tuple[str, ...], part: str) -> None:
    got = cli(*(str(shop) if word == "FILE" else word for word in words))
    assert (got.returncode, got.stdout) == (2, "")
    assert part in got.stderr
