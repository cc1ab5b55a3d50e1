"""The grammar of docs/selection.md, through --where."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_support import Cli
from pure_writer import Description, Node, Shape, Type, write


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
        ('text:"it\'s"', ["str"]),
        ("text:0.1", ["float"]),
        ("-text:größ type:str", ["str"]),
        ("address:0x7f0000000100", ["Cart"]),
        ("address:0x7f0000000101", []),
        ("address:0x7f0000000700", []),
        ("address:0x7f0000000101,0x7f0000000100,0x7f0000000600", ["BigCart", "Cart"]),
        ("type:Cart or type:float", ["Cart", "float"]),
        ("type:Cart or type:str text:größ", ["Cart", "str"]),
        ("(type:Cart or type:str) size:>=64", ["str", "str"]),
        ("-(type:Cart+ or type:str)", ["dict", "float"]),
        ("!( !type:Cart !type:float )or type:dict", ["Cart", "dict", "float"]),
        ("(((size:32)))", ["float"]),
        ("text:(", []),
        ("size:48..64", ["BigCart", "Cart", "str"]),
        ("size:..32", ["float"]),
        ("size:1k..", ["dict"]),
        ("size:2k..1k", []),
        ("size:<0", []),
        ("size:>=0 size:<=18446744073709551600 type:float", ["float"]),
        ("size:>18446744073709551600", []),
        ("len:7", ["str"]),
        ("len:>7", ["str"]),
        ("-len:0.. -type:dict", ["BigCart", "Cart", "float"]),
        ("refcount:2..3", ["Cart", "str"]),
        ("flag:tracked", ["BigCart", "Cart", "dict"]),
        ("flag:gen2", ["dict"]),
        ("flag:untracked type:float", ["float"]),
        ("-flag:untracked", ["BigCart", "Cart", "dict"]),
        ("dist:stdlib", ["dict", "float", "str", "str"]),
        ("dist:(unknown)", ["BigCart", "Cart"]),
        ("retained:>=1832", ["Cart", "dict"]),
        ("retained:1k.. -type:dict", ["Cart"]),
        ("dominated-by:0x7f0000000100", ["dict", "float", "str"]),  # one str is held by C
        ("dominated-by:0x7f0000000200 or dominated-by:0x1", ["float", "str"]),
        ("root:several", ["Cart", "dict", "float", "str", "str"]),  # the Cart is held by C and by the root
        ("root:interpreter", ["BigCart"]),
        ("root:unreachable", []),
        ("type:Recorder", []),
        ("type:roots", []),
    ],
)
def test_selection_names_these(cli: Cli, shop: Path, where: str, names: list[str]) -> None:
    rows = json.loads(cli("largest", shop, "--json", "--limit", "0", "--where", where).stdout)["rows"]
    assert sorted(row["type"].split(".")[-1] for row in rows) == names
    total = json.loads(cli("summary", shop, "--json", "--where", where).stdout)["total"]
    assert total == {"count": len(rows), "size": sum(row["size"] for row in rows)}


PATHS = {
    "/usr/lib/python3.11/json/__init__.py": "stdlib",
    "/usr/lib64/python3.12/json/__init__.py": "stdlib",
    "/opt/free/lib/python3.14t/json/__init__.py": "stdlib",
    "/srv/python3.11-app/lib/main.py": "(program)",
    "/srv/python3.11/main.py": "(program)",
    "/srv/lib/python3.x/main.py": "(program)",
    "/srv/lib/python3.11": "(program)",
    "/srv/mylib/python3.11/main.py": "(program)",
    "/usr/lib/python3.11/site-packages/numpy/core.py": "numpy",
    "/usr/lib/python3/dist-packages/six.py": "six",
}


def test_a_distribution_is_told_by_whole_folders_of_a_path(cli: Cli, tmp_path: Path) -> None:
    base, root = Type("object"), Type("root", None, flags=4, mro=())
    modules = Shape(Type("module", base=base), [("__dict__", 0, 0)])
    dicts, texts, roots = Shape(Type("dict", base=base), run_style=2), Shape(Type("str", base=base)), Shape(root, [], 1)
    shapes, types, nodes = [modules, dicts, texts, roots], [base, root, modules.type, dicts.type, texts.type], []

    def made(shape: Shape, references: list[Node | None] | None = None, text: str = "") -> Node:
        preview = (1, text.encode()) if text else None
        nodes.append(Node(shape, 0x7F0000000000 + 64 * len(nodes), 64, references=references or [], preview=preview))
        return nodes[-1]

    for number, path in enumerate(PATHS):
        entries = [made(texts, text=text) for text in ("__name__", f"m{number}", "__file__", path)]
        made(modules, [made(dicts, [*entries])])
        types.append(Type(f"T{number}", f"m{number}", base=base))
        shapes.append(Shape(types[-1]))
        made(shapes[-1])
    top = Node(roots, references=[*nodes])
    file = tmp_path / "paths.tonnage"
    file.write_bytes(write(Description([*nodes, top], types, shapes)))
    for number, (path, distribution) in enumerate(PATHS.items()):
        found = json.loads(
            cli("largest", file, "--json", "--where", f"type:m{number}.T{number} dist:{distribution}").stdout
        )
        assert len(found["rows"]) == 1, path


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
        ("or type:dict", 1),
        ("type:dict or", 11),
        ("type:dict or or type:str", 11),
        ("(type:dict", 1),
        ("type:dict) type:str", 10),
        ("type:dict ()", 11),
        ("size:1k..2m..", 1),
        ("size:..", 1),
        ("len:1k", 1),
        ("flag:green", 1),
        ("root:green", 1),
        ("dominated-by:me", 1),
        ("dominated:0x1", 1),
        ("address:0x1,,0x2", 1),
        ("(" * 33 + "size:1" + ")" * 33, 33),
        ("size:1 " * 1001, 7001),
    ],
)
def test_bad_selection_names_the_character(cli: Cli, shop: Path, where: str, character: int) -> None:
    got = cli("summary", shop, "--where", where)
    assert (got.returncode, got.stdout) == (2, "")
    assert f"character {character} " in got.stderr
    assert got.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("summary", "--where", "type:Crat"), ["no type is called Crat; did you mean shop.cart.Cart?"]),
        (("largest", "--where", "(type:shop.crat.cart+ or type:str)"),
         ["no type is called shop.crat.cart; did you mean shop.cart.Cart?"]),
        (("dominators", "--where", "-type:'Zebra crossing'"), ["no type is called Zebra crossing"]),
        (("paths", "--where", "type:shoq.*"), ["no type has a name that begins with shoq."]),
        (("groups", "--heads", "type:Nope"), ["no type is called Nope"]),
        (("suspects", "--where", "dominated-by:0x1"), ["no object starts at 0x1"]),
        (("refs", "--where", "address:0x7f0000000100,0x2"), ["no object starts at 0x2"]),
        (("summary", "--where", "type:builtins.dict text:type:Nope"), []),
        (("summary", "--where", "type:shop.* type:Cart+ type:Recorder"), []),
    ],
)  # fmt: skip
def test_a_name_that_does_not_occur_is_said(cli: Cli, shop: Path, words: tuple[str, ...], said: list[str]) -> None:
    got = cli(words[0], shop, *words[1:])
    assert got.returncode == 0
    assert got.stderr.splitlines() == [f"tonnage: {line}" for line in said]
    assert got.stdout


def test_of_two_files_a_name_may_be_in_one(cli: Cli, shop: Path) -> None:
    files = shop.with_name("old.tonnage"), shop.with_name("new.tonnage")
    assert cli("diff", *files, "--where", "type:float").stderr == ""
    said = cli("diff", *files, "--where", "type:flaot").stderr
    assert said == "tonnage: no type is called flaot; did you mean float?\n"
