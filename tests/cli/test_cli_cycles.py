"""What `tonnage cycles` prints of a few cycles that are known, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import cycles_snapshot
import pytest
from cli_support import Cli
from tonnage import _core

GOLDEN = Path(__file__).with_name("golden")
IN_C = Path(__file__).parents[1] / "c" / "cycles.tonnage"


def words(verb: str, file: Path, *rest: str) -> list[str]:
    """Of the file in the current folder: pages name it in commands."""
    return [verb, file.with_name("cycles.tonnage").name, *rest]


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("cycles", ()),
        ("cycles", ("--garbage", "--sort", "cycle", "--limit", "1")),
        ("cycles", ("--by", "id")),
        ("cycles", ("--where", "type:str")),
    ],
)
def test_text_is_the_golden_one(cli: Cli, shop: Path, name: str, rest: tuple[str, ...]) -> None:
    got = cli(*words(name, shop, *rest), cwd=shop.parent)
    slug = "-".join([name, *rest]).replace("--", "").translate(str.maketrans(":*.", "___"))
    assert (got.returncode, got.stderr) == (0, "")
    assert got.stdout == (GOLDEN / f"{slug}.txt").read_text(encoding="utf-8")


def test_the_file_of_the_tests_in_c_is_this_one() -> None:
    assert IN_C.read_bytes() == cycles_snapshot.data()


def test_groups_are_those_that_were_planted(cli: Cli, shop: Path) -> None:
    view = json.loads(cli("cycles", shop.with_name("cycles.tonnage"), "--json").stdout)
    assert (view["schema"], view["view"], view["by"], view["garbage"]) == (1, "cycles", "type", False)
    assert all(list(row) == view["columns"] for row in view["rows"])
    rows = {row["cycle"]: row for row in view["rows"]}
    told = {
        cycle: (row["cycles"], row["waiting"], row["listed"], row["count"], row["length_min"], row["length_max"])
        for cycle, row in rows.items()
    }
    assert told == {
        "app.Node.children[index] → app.Node.parent → app.Node": (3, 1, 1, 9, 3, 3),
        "app.Link.next → app.Link": (2, 1, 0, 8, 3, 5),
        "dict[key] → dict": (1, 0, 0, 1, 1, 1),
        "app.Open.me → app.Open": (1, 0, 0, 2, 2, 2),
    }
    size = 9 * 48 + 3 * 16 + 8 * 32 + 184 + 152
    assert view["total"] == {"cycles": 7, "waiting": 2, "listed": 1, "count": 20, "size": size}
    assert view["collectable"] == {"count": 9, "size": 160 + 5 * 32 + 90}
    assert view["listed"] == {"count": 1, "size": 48}
    assert view["finalizers"] == [
        {"type": "app.Node", "count": 6, "size": 288, "finalized": 1, "waiting": 2, "listed": 1, "in_cycles": 6}
    ]
    garbage = json.loads(cli("cycles", shop.with_name("cycles.tonnage"), "--json", "--garbage").stdout)
    assert garbage["finalizers"] == view["finalizers"]
    assert view["weak"] == [
        {"type": "app.Link", "count": 1, "references": 1, "callbacks": 0},
        {"type": "app.Node", "count": 1, "references": 1, "callbacks": 1},
        {"type": None, "count": 0, "references": 1, "callbacks": 0},
    ]
    ((alive, dead),) = [(row["alive"], row["dead"]) for row in view["weak_tables"]]
    assert (alive, dead) == (1, 0)


def test_each_says_what_keeps_it(cli: Cli, shop: Path) -> None:
    view = json.loads(cli("cycles", shop.with_name("cycles.tonnage"), "--by", "id", "--json").stdout)
    assert all(list(row) == view["columns"] for row in view["rows"])
    states = sorted((row["state"], row["source"], row["path"] is None, row["about"]) for row in view["rows"])
    assert states[-1] == ("waiting", True, True, None)
    assert [state[0] for state in states] == ["alive"] * 4 + ["listed"] + ["waiting"] * 2
    assert [(row["retained"], row["count"]) for row in view["rows"] if row["retained"] != row["size"]] == [(250, 5)]


def test_options_choose_and_sort(cli: Cli, shop: Path) -> None:
    file = shop.with_name("cycles.tonnage")

    def rows(*rest: str) -> list[dict[str, int]]:
        found: list[dict[str, int]] = json.loads(cli("cycles", file, "--json", *rest).stdout)["rows"]
        return found

    assert [row["cycles"] for row in rows()] == [3, 2, 1, 1]
    assert [row["cycles"] for row in rows("--sort", "-cycles")] == [1, 1, 2, 3]
    assert [(row["cycles"], row["waiting"], row["listed"]) for row in rows("--garbage")] == [(2, 1, 1), (1, 1, 0)]
    assert [row["listed"] for row in rows("--sort", "listed")] == [1, 0, 0, 0]
    assert [row["count"] for row in rows("--where", "type:app.Open")] == [2]
    sizes = [row["size"] for row in rows("--by", "id", "--sort", "-size")]
    assert sizes == sorted(sizes)
    assert len(sizes) == 7


@pytest.mark.parametrize(
    ("rest", "message"),
    [
        (["--by", "module"], '--by takes type site or id not "module"'),
        (["--by", "foo"], '--by takes type site or id not "foo"'),
        (["--by", "or"], '--by takes type site or id not "or"'),
        (["--threshold", "1k"], "cycles are many small ones"),
        (["--sort", "address"], "cycles size count waiting listed cycle"),
        (["--garbage=yes"], "no value"),
    ],
)
def test_what_makes_no_sense_is_refused(cli: Cli, shop: Path, rest: list[str], message: str) -> None:
    got = cli("cycles", shop.with_name("cycles.tonnage"), *rest)
    assert (got.returncode, got.stdout) == (2, "")
    assert message in got.stderr.replace(",", "")
    assert got.stderr.count("\n") == 1


def test_too_little_memory_is_said_wherever_it_runs_out(shop: Path) -> None:
    path = shop.with_name("cycles.tonnage")
    done = 0
    for limit in range(20_000, 1_200_000, 4000):
        with path.open("rb") as file:
            try:
                core = _core.Snapshot(file.fileno(), max_memory=limit)
                done += bool(core.view("cycles", by="id")) and bool(core.view("cycles", json=True))
            except MemoryError:
                assert not done
            except Exception as error:  # noqa: BLE001
                assert type(error).__name__ in ("LimitError", "NoMemoryError"), error
                assert not done
    assert done > 10
