"""The grammar of docs/selection.md, through --where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_support import Cli


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("", ["BigCart", "Cart", "dict", "float", "str", "str"]),
        ("type:Cart", ["Cart"]),
        ("type:shop.cart.Cart", ["Cart"]),
        ("type:Cart+", ["BigCart", "Cart"]),
        ("-type:Cart+ module:builtins", ["dict", "float", "str", "str"]),
        ("type:shop.*", ["BigCart", "Cart"]),
        ("type:builtins.dict", ["dict"]),
        ("module:shop", ["BigCart", "Cart"]),
        ("module:shop.ca", []),
        ("size:>=1k", ["dict"]),
        ("size:>32 size:<=56", ["BigCart", "Cart"]),
        ("size:=32", ["float"]),
        ("size:32", ["float"]),
        ("!size:<0.0625KiB", ["dict", "str", "str"]),
        ("text:größ", ["str"]),
        ("text:\"it's\"", ["str"]),
        ("text:0.1", ["float"]),
        ("-text:größ type:str", ["str"]),
        ("address:0x7f0000000100", ["Cart"]),
        ("address:0x7f0000000101", []),
        ("address:0x7f0000000700", []),
        ("type:Recorder", []),
        ("type:roots", []),
    ],
)
def test_selection_names_these(cli: Cli, shop: Path, where: str, names: list[str]) -> None:
    rows = json.loads(cli("largest", shop, "--json", "--limit", "0", "--where", where).stdout)["rows"]
    assert sorted(row["type"].split(".")[-1] for row in rows) == names
    total = json.loads(cli("summary", shop, "--json", "--where", where).stdout)["total"]
    assert total == {"count": len(rows), "size": sum(row["size"] for row in rows)}


@pytest.mark.parametrize(
    ("where", "character"),
    [
        ("dict", 1),
        ("type:dict sice:3", 11),
        ("type:", 1),
        ("size:>=many", 1),
        ("text:'open", 1),
        ("text:'a'b", 1),
        ("address:0xzz", 1),
        ("count:>=3", 1),
        ("size:99999999999999999999", 1),
        (":", 1),
    ],
)
def test_bad_selection_names_the_character(cli: Cli, shop: Path, where: str, character: int) -> None:
    got = cli("summary", shop, "--where", where)
    assert (got.returncode, got.stdout) == (2, "")
    assert f"character {character} " in got.stderr
    assert got.stderr.count("\n") == 1
