"""What suspects and why print, and what they refuse."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import Cli

GOLDEN = Path(__file__).with_name("golden")
PRICES = "0x7f0000000200"


def words(verb: str, file: Path, *rest: str) -> list[str]:
    """Of files in the current folder: pages name them in commands."""
    return [verb, file.with_name("new.tonnage").name if "--against" in rest else file.name, *rest]


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("suspects", ()),
        ("suspects", ("--against", "old.tonnage", "--limit", "1")),
        ("suspects", ("--by", "type", "--limit", "2")),
        ("patterns", ("--where", "type:str")),
        ("patterns", ("--where", "type:str", "--width", "3", "--depth", "2", "--limit", "1", "--skip", "1")),
        ("patterns", ("--where", "type:str", "--at", "aa", "--depth", "1")),
        ("patterns", ("--where", "type:*", "--by", "module", "--no-fold")),
        ("audit", ()),
        ("audit", ("--by", "module", "--limit", "1", "--sort", "count")),
        ("waste", ()),
        ("waste", ("--threshold", "1")),
        ("why", (PRICES,)),
        ("why", ("type:str",)),
        ("why", ("--against", "old.tonnage")),
        ("why", ("type:*", "--by", "type", "--limit", "2")),
    ],
)
def test_text_is_the_golden_one(cli: Cli, shop: Path, name: str, rest: tuple[str, ...]) -> None:
    got = cli(*words(name, shop, *rest), cwd=shop.parent)
    slug = "-".join([name, *rest]).replace("--", "").translate(str.maketrans(":*.", "___"))
    assert (got.returncode, got.stderr) == (0, "")
    assert got.stdout == (GOLDEN / f"{slug}.txt").read_text(encoding="utf-8")


def test_suspects_json_has_the_same_facts(cli: Cli, shop: Path) -> None:
    view = json.loads(cli("suspects", shop, "--json").stdout)
    assert (view["schema"], view["view"]) == (1, "suspects")
    (row,) = view["rows"]
    assert list(row) == view["columns"]
    assert (row["address"], row["type"], row["count"], row["size"]) == (PRICES, "dict", 3, 1880)
    assert row["content"] == [{"type": "str", "count": 1, "size": 128}, {"type": "float", "count": 1, "size": 32}]
    assert row["holder"]["kind"] == "instance"
    assert view["total"] == {"count": 6, "size": 2048}
    assert view["before"] is None
    assert view["ledger"][0]["bytes"] == 8192
    assert view["info"]["pid"] == 4242
    text = cli("suspects", shop).stdout
    assert f"\n1. {row['text']}" in text


def test_suspects_follow_their_options(cli: Cli, shop: Path) -> None:
    assert json.loads(cli("suspects", shop, "--json", "--where", "type:float").stdout)["rows"] == []
    against = ("suspects", shop.with_name("new.tonnage"), "--against", shop.with_name("old.tonnage"))
    view = json.loads(cli(*against, "--json").stdout)
    assert [row["size"] - row["size_before"] for row in view["rows"]] == sorted(
        (row["size"] - row["size_before"] for row in view["rows"]), reverse=True
    )
    limited = json.loads(cli(*against, "--json", "--limit", "1").stdout)
    assert (len(limited["rows"]), limited["more"]) == (1, len(view["rows"]) - 1)
    assert "<1 more; use --limit 0 to see all>" in cli(*against, "--limit", "1").stdout


def test_audit_json_has_the_same_rows(cli: Cli, shop: Path) -> None:
    view = json.loads(cli("audit", shop, "--json", "--limit", "0").stdout)
    assert (view["schema"], view["view"], view["searched"]) == (1, "audit", False)
    assert view["rows"]
    assert all(list(row) == view["columns"] for row in view["rows"])
    for grade, total in view["total"]["grades"].items():
        rows = [row for row in view["rows"] if row["grade"] == grade]
        assert {key: sum(row[key] or 0 for row in rows) for key in total} == total
    text = cli("audit", shop, "--limit", "0").stdout
    assert all(row["address"] in text for row in view["rows"])
    assert json.loads(cli("audit", shop, "--json", "--where", "type:nosuch").stdout)["rows"] == []


def test_waste_json_has_the_same_facts(cli: Cli, shop: Path) -> None:
    view = json.loads(cli("waste", shop, "--json", "--threshold", "1").stdout)
    assert (view["schema"], view["view"]) == (1, "waste")
    room, cart = view["rows"]
    for row in view["rows"]:
        assert list(row) == view["columns"]
    # of a table of 1656 bytes two entries want 8 + 5 * 24 bytes behind a header of 32
    assert (room["kind"], room["address"], room["size"], room["saved"]) == ("room", PRICES, 1720, 1656 - 160)
    assert (room["label"], room["grade"]) == ("shop.cart.Cart.prices", "warning")
    # a header of 16 bytes, an object of 16, a word an attribute, in steps of 16; of a BigCart the same
    assert (cart["label"], cart["saved"], cart["attributes"]) == ("shop.cart.Cart", 56 - 48, "prices")
    assert view["total"] == {"count": 6, "size": 2048, "saved": 1496 + 8, "overlap": 0, "threshold": 65536}
    assert json.loads(cli("waste", shop, "--json").stdout)["rows"] == []


def test_waste_follows_its_options(cli: Cli, shop: Path) -> None:
    def rows(*options: str) -> list[str]:
        return [row["label"] for row in json.loads(cli("waste", shop, "--json", *options).stdout)["rows"]]

    assert rows("--threshold", "16") == ["shop.cart.Cart.prices"]
    assert rows("--threshold", "1", "--sort", "label")[0] == "shop.cart.Cart"
    assert rows("--threshold", "1", "--sort", "-saved")[0] == "shop.cart.Cart"
    assert rows("--threshold", "1", "--where", "type:dict") == ["shop.cart.Cart.prices"]
    assert rows("--threshold", "1", "--by", "type") == ["dict", "shop.cart.Cart"]
    assert rows("--threshold", "1", "--by", "module") == ["builtins", "shop.cart"]
    assert "<1 more; use --limit 0 to see all>" in cli("waste", shop, "--threshold", "1", "--limit", "1").stdout


def test_an_address_is_a_selection(cli: Cli, shop: Path) -> None:
    answers = [
        cli("why", shop, *rest).stdout
        for rest in ([PRICES], [str(int(PRICES, 16))], [f"address:{PRICES}"], ["--where", f"address:{PRICES}"])
    ]
    assert len(set(answers)) == 1
    view = json.loads(cli("why", shop, PRICES, "--json").stdout)
    assert (view["schema"], view["view"], view["count"], view["retained"]) == (1, "why", 1, 1880)
    assert view["object"]["nearest"]["size"] == 1880


@pytest.mark.parametrize(
    ("rest", "code", "message"),
    [
        (["why"], 2, "why is what alive?"),
        (["why", "type:nothing"], 3, 'nothing is selected by "type:nothing"'),
        (["why", "0x10"], 3, 'nothing is selected by "address:0x10"'),
        (["why", "colour:red"], 2, "colour"),
        (["why", PRICES, "--sort", "size"], 2, "one answer in words has no rows"),
        (["why", PRICES, "--threshold", "3"], 2, "--threshold makes no sense here"),
        (["why", "type:str", "--by", "type", "--sort", "colour"], 2, "columns here: size, count, largest, type"),
        (["why", PRICES, PRICES], 2, "one word too many"),
        (["why", "type:str", "--where", "type:float"], 2, "a SELECTION or --where, not both"),
        (["why", "type:str is:garbage"], 2, "what waits for the collector is root:unreachable"),
        (["groups", "--heads", "modules", "--by", "type"], 2, "groups: --heads or --by, not both"),
        (["audit", "--sort", "type"], 2, "type"),
        (["audit", "--threshold", "1k"], 2, "its rows are findings"),
        (["suspects", "--sort", "size"], 2, "columns here: retained, count, kind"),
        (["suspects", "--threshold", "1k"], 2, "a suspect retains a tenth of the heap"),
        (["suspects", "--by", "colour"], 2, "--by takes type, clodo"),
        (["waste", "--sort", "largest"], 2, "columns here: saved, size, count, kind, label"),
        (["waste", "--where", "colour:red"], 2, "colour"),
        (["suspects", "--against", "nowhere.tonnage"], 5, "nowhere.tonnage"),
    ],
)
def test_what_makes_no_sense_is_refused(cli: Cli, shop: Path, rest: list[str], code: int, message: str) -> None:
    got = cli(rest[0], shop, *rest[1:])
    assert (got.returncode, got.stdout) == (code, "")
    assert message in got.stderr
    assert got.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("domnators", 'unknown verb "domnators"; did you mean dominators?'),
        ("Groups", 'unknown verb "Groups"; did you mean groups?'),
        ("shel", 'unknown verb "shel"; did you mean shell?'),
        ("frobnicate", 'unknown verb "frobnicate"; see tonnage --help'),
    ],
)
def test_a_verb_that_is_none_is_told_with_the_nearest(cli: Cli, shop: Path, verb: str, said: str) -> None:
    got = cli(verb, shop)
    assert (got.returncode, got.stdout, got.stderr) == (2, "", f"tonnage: {said}\n")


def test_help_lists_every_verb(cli: Cli) -> None:
    page = cli("--help").stdout
    assert cli("help").stdout == page
    for verb in ("run", "config", "shell", "why"):
        assert f"\n  {verb} " in page


@pytest.mark.parametrize("verb", ["dominators", "why", "suspects", "groups", "refs", "referrers", "paths", "retained"])
def test_an_option_may_state_the_default(cli: Cli, shop: Path, verb: str) -> None:
    rest = [verb, shop, "type:str"] if verb == "why" else [verb, shop, "--where", "type:str"]
    default = "--fold" if verb in ("dominators", "why", "suspects") else "--no-fold"
    other = "--no-fold" if default == "--fold" else "--fold"
    plain = cli(*rest).stdout
    assert plain
    assert [cli(*rest, default).stdout, cli(*rest, other, default).stdout] == [plain, plain]


def test_suspects_against_a_later_snapshot_say_so(cli: Cli, shop: Path, tmp_path: Path) -> None:
    later = tmp_path / "later.tonnage"
    done = subprocess.run(
        [sys.executable, "-c", "import sys, tonnage; tonnage.snapshot(sys.argv[1])", later], timeout=100, check=False
    )
    assert done.returncode == 0
    said = "later (the older one comes after --against)"
    assert said in cli("suspects", shop, "--against", later).stdout
    assert said not in cli("suspects", later, "--against", shop).stdout


def test_what_the_limit_cut_of_the_top_consumers_is_told_apart(cli: Cli, shop: Path) -> None:
    def groups(*rest: str) -> tuple[int, int, str]:
        consumers = json.loads(cli("suspects", shop, "--by", "type", *rest, "--json").stdout)["consumers"]
        return len(consumers["rows"]), consumers["limited"], cli("suspects", shop, "--by", "type", *rest).stdout

    large, none, text = groups("--limit", "0")
    assert none == 0 and "use --limit N to see more>" not in text
    shown, limited, text = groups("--limit", "1")
    assert (shown, limited) == (1, large - 1) and large > 1
    assert f"<{limited} more group" in text and "use --limit N to see more>" in text


def test_the_shell_is_run_by_a_python(cli: Cli, shop: Path) -> None:
    got = cli("shell", shop, input="print(len(s), tonnage.__name__)")
    assert (got.returncode, got.stdout, got.stderr) == (0, "6 tonnage\n", "")
