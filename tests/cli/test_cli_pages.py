"""What pages of several verbs have in common: the selection, names of files, totals that agree, exact sizes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from cli_support import Cli

SELECTING = ("summary", "groups", "largest", "suspects", "why", "dominators", "retained", "paths", "refs", "referrers")
OWN, OWN_TYPE = 1 << 6, 1 << 6


@pytest.mark.parametrize("verb", [*SELECTING, "patterns", "cycles"])
def test_a_page_of_a_selection_says_once_by_what(cli: Cli, shop: Path, verb: str) -> None:
    got = cli(verb, shop, "--where", "type:str")
    assert (got.returncode, got.stderr) == (0, "")
    assert [line for line in got.stdout.splitlines() if line.startswith("selected by")] == ["selected by: type:str"]
    if verb != "why":
        assert "selected by" not in cli(verb, shop, *(["0x7f0000000100"] if verb in SELECTING[6:] else [])).stdout


@pytest.mark.parametrize("verb", ["show", "refs", "referrers"])
def test_a_page_of_an_object_says_what_is_left_out(cli: Cli, shop: Path, verb: str) -> None:
    got = cli(verb, shop, "0x7f0000000200", "--where", "type:str")
    assert "selected by: type:str" in got.stdout.splitlines()[1]


# The cart and the basket of shop_snapshot, and what is builtin: members, what they retain, references by the other end.
SELECTED = [("shop.cart", 2), ("builtins", 4)]
HELD = [("builtins", 1), ("shop.cart", 5)]
PARTED = {
    "suspects": HELD,
    "why": SELECTED,
    "groups": SELECTED,
    "dominators": HELD,
    "retained": SELECTED,
    "paths": SELECTED,
    "refs": [("builtins", 5)],
    "referrers": [("shop.cart", 2), ("(tonnage.roots)", 2)],
}


@pytest.mark.parametrize("verb", PARTED)
def test_every_verb_is_parted_sorted_limited_and_written_as_json(cli: Cli, shop: Path, verb: str) -> None:
    options = ("--where", "type:*", "--by", "module", "--sort", "-count", "--limit", "2", "--json")
    got = cli(verb, shop, *options)
    assert (got.returncode, got.stderr) == (0, "")
    view = json.loads(got.stdout)
    assert (view["by"], view["where"]) == ("module", "type:*")
    rows = view["consumers"]["rows"] if verb == "suspects" else view["rows"]
    assert [(row["kind" if verb == "groups" else "module"], row["count"]) for row in rows] == PARTED[verb]


def test_diff_goes_on_with_the_files_it_was_given(cli: Cli, shop: Path) -> None:
    old, new = (shop.with_name(f"{name}.tonnage") for name in ("old", "new"))
    got = cli("diff", old, new, "--sort", "new")
    (line,) = (line for line in got.stdout.splitlines() if line.startswith("next: "))
    assert line.startswith(f"next: tonnage largest {new} --against {old} --where 'type:")
    assert cli(*line.removeprefix("next: tonnage ").replace("'", "").split()).returncode == 0
    many = cli("diff", old, new, old)
    table = many.stdout.partition("Snapshot")[2].splitlines()
    assert [row.split()[-1] for row in table[1:4]] == [str(old), str(new), str(old)]
    view = json.loads(cli("diff", old, new, old, "--json").stdout)
    assert [row["file"] for row in view["snapshots"]] == [str(old), str(new), str(old)]
    against = cli("summary", new, "--against", old, "--sort", "new").stdout
    assert f"next: tonnage largest {new} --against {old} " in against


def test_sizes_are_not_rounded_where_they_are_the_kind(cli: Cli, shop: Path) -> None:
    (size,) = {row["size"] for row in json.loads(cli("largest", shop, "--limit", "1", "--json").stdout)["rows"]}
    assert size > 1024 and size % 1024
    for verb in ("groups", "summary"):
        assert f" {size} B" in cli(verb, shop, "--by", "size").stdout


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pages") / "taken.tonnage"
    program = (
        "import tonnage, sys\n"
        "class Box:\n    def __init__(self): self.a = self.b = 1\n"
        "def keep():\n    boxes = [Box() for _ in range(9)]; vars(boxes[0]); tonnage.snapshot(sys.argv[1])\n"
        "keep()"
    )
    subprocess.run([sys.executable, "-c", program, str(path)], check=True)
    return path


def test_totals_of_objects_and_of_the_heap_differ_by_what_is_said(cli: Cli, taken: Path) -> None:
    import pure_reader

    file = pure_reader.Snapshot(taken.read_bytes())
    own = [bool(file.flags[n] & OWN or file.type_of(n).flags & OWN_TYPE) for n in range(file.n_nodes)]
    objects = sum(file.sizes[n] for n in range(file.n_objects) if not own[n])
    keys = sum(file.sizes[n] for n in range(file.n_objects, file.n_nodes) if not own[n])
    assert keys > 0
    for verb in ("dominators", "suspects"):
        heap = json.loads(cli(verb, taken, "--json").stdout)["heap"]
        assert heap == {"size": objects + keys, "objects": objects, "shared_keys": keys}
        assert " are keys that dicts share, no objects: " in cli(verb, taken).stdout
    assert json.loads(cli("groups", taken, "--json").stdout)["total"]["size"] == objects


def test_labels_begin_with_no_blank(cli: Cli, taken: Path) -> None:
    import tonnage

    paths = json.loads(cli("paths", taken, "--where", "type:__main__.Box", "--json").stdout)
    labels = {step["label"] for row in paths["rows"] for step in row["steps"]}
    assert "local boxes" in labels
    with tonnage.load(taken) as snapshot:
        (path,) = snapshot.where("type:__main__.Box")[0].paths(limit=1)
        labels |= {step.label for step in path.steps}
        labels |= {reference.label for item in snapshot for reference in item.references}
    assert not {label for label in labels if label.startswith(" ")}
