"""Pages whose rows say where the objects were made, of a program that makes known ones on known lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tonnage

PROGRAM = """
import gc, sys, tonnage
gc.disable()
class Ring:
    __slots__ = ("me", "other")
class Leaf:
    __slots__ = ("n",)
kept = set()
big = bytearray(3_000_000); rows = [[i] * 600 for i in range(99)]  # line 9
def alive(n):
    for _ in range(n):
        ring = Ring()  # line 12
        ring.me = ring
        kept.add(ring)
def dead(n):
    for _ in range(n):
        ring, second = Ring(), Ring()  # line 17
        ring.me = ring
        ring.other, second.me = second, ring
def leaves(n):
    for _ in range(n):
        kept.add(Leaf())  # line 22
def more(n):
    for _ in range(n):
        kept.add(Leaf())  # line 25
alive(3)
tonnage.snapshot(sys.argv[1])
leaves(20), more(5), dead(4)
tonnage.snapshot(sys.argv[2])
leaves(20)
tonnage.snapshot(sys.argv[3])
"""


def run(folder: Path, *options: str) -> list[Path]:
    (folder / "prog.py").write_text(PROGRAM)
    paths = [folder / f"{number}.tonnage" for number in (1, 2, 3)]
    subprocess.run(
        [sys.executable, "-m", "tonnage", "run", *options, "-o", folder / "end.tonnage", folder / "prog.py", *paths],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    return paths


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return run(tmp_path_factory.mktemp("traced"), "--trace")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return run(tmp_path_factory.mktemp("plain"))


def row(rows: list[dict[str, Any]], key: str, value: str) -> dict[str, Any]:
    (found,) = (one for one in rows if one[key] == value)
    return found


def test_the_largest_objects_say_where_they_were_made(traced: list[Path]) -> None:
    with tonnage.load(traced[0]) as snapshot:
        view = snapshot.largest(limit=1)
        (big,) = view.rows
        assert big["type"] in ("bytearray", "bytes")  # from 3.15 on the one has the other, which is most of it
        assert big["site"]["traceback"][0]["line"] == 9
        assert big["site"]["maybe_stale"] is False
        assert "prog.py:9 <module>()" in str(view)
        (old,) = snapshot.largest(limit=1, where="type:module").rows
        assert old["site"] is None or old["site"]["traceback"][0]["line"] != 9


def test_a_row_that_grew_says_which_line_made_most_of_it(traced: list[Path]) -> None:
    with tonnage.load(traced[0]) as first, tonnage.load(traced[1]) as second:
        view = second.diff(first)
        leaf = row(view.rows, "type", "__main__.Leaf")
        size = leaf["new_size"] // 25
        assert leaf["new"] == 25
        assert leaf["main_site"]["site"].endswith("prog.py:22 leaves()")
        assert (leaf["main_site"]["count"], leaf["main_site"]["size"]) == (20, 20 * size)
        assert "prog.py:22 leaves() (20 of 25)" in str(view)
        ring = row(view.rows, "type", "__main__.Ring")
        assert ring["main_site"]["site"].endswith("prog.py:17 dead()") and ring["main_site"]["count"] == 8
        by_module = row(second.diff(first, by="module").rows, "module", "__main__")
        assert by_module["main_site"]["count"] in (8, 20)
        assert "main_site" not in second.diff(first, by="site").rows[0]  # which says it itself


def test_a_collection_that_grew_says_where_it_was_made(traced: list[Path]) -> None:
    with tonnage.load(traced[0]) as first, tonnage.load(traced[1]) as second:
        view = second.diff(first)
        (kept,) = (one for one in view.data["growing"] if one["path"] == "__main__.kept")
        assert kept["site"]["traceback"][0]["line"] == 8
        assert kept["site"]["maybe_stale"] is False
        assert "prog.py:8 <module>()" in str(view)


def test_what_may_have_older_memory_is_perhaps_made_there(traced: list[Path]) -> None:
    with tonnage.load(traced[0]) as snapshot:
        view = snapshot.largest(where="type:list site:prog.py", limit=1)
        assert [one["site"]["maybe_stale"] for one in view.rows] == [True]
        assert str(view).count("perhaps ") == 1


def test_what_a_leak_leaves_says_which_line_made_it(traced: list[Path]) -> None:
    snapshots = [tonnage.load(path) for path in traced]
    view = tonnage.diff(snapshots)
    leaf = row(view.data["grown"]["rows"], "type", "__main__.Leaf")
    assert leaf["count"] == 25 and leaf["main_site"]["count"] == 20
    assert leaf["main_site"]["site"].endswith("prog.py:22 leaves()")
    (kept,) = (one for one in view.data["collections"] if one["path"] == "__main__.kept")
    assert kept["site"]["traceback"][0]["line"] == 8
    assert "prog.py:22 leaves() (20 of 25)" in str(view)
    for snapshot in snapshots:
        snapshot.close()


def test_cycles_stand_by_the_line_that_made_most_of_them(traced: list[Path]) -> None:
    with tonnage.load(traced[1]) as snapshot:
        view = snapshot.where("type:__main__.Ring").cycles(by="site")
        found = {one["site"].rsplit(":", 1)[1]: (one["cycles"], one["waiting"], len(one.objects)) for one in view}
        assert found == {"12 alive()": (3, 0, 3), "17 dead()": (4, 4, 8)}
        assert {one["cycle"] for one in view} == {"__main__.Ring.me → __main__.Ring"}
        (joined,) = snapshot.where("type:__main__.Ring").cycles().rows
        assert joined["cycles"] == 7 and "site" not in joined
        assert "prog.py:17 dead()" in str(view)
        (waiting,) = snapshot.cycles(by="site", where="type:__main__.Ring", garbage=True).rows
        assert waiting["site"].endswith(":17 dead()")
        with pytest.raises(tonnage.Error, match="by site"):
            snapshot.cycles(by="module")


def test_cycles_are_drawn_by_the_line_that_made_them(traced: list[Path]) -> None:
    with tonnage.load(traced[1]) as snapshot:
        picture = snapshot.where("type:__main__.Ring").graph(of="cycles", by="site")
        assert "4 cycles, 8 objects" in picture.dot and "prog.py:17 dead()" in picture.dot


def test_pages_of_what_was_not_recorded_have_no_such_column(plain: list[Path]) -> None:
    with tonnage.load(plain[0]) as first, tonnage.load(plain[1]) as second:
        assert "site" not in first.largest(limit=1).rows[0] and "Made at" not in str(first.largest(limit=1))
        diff = second.diff(first)
        assert not any("main_site" in one for one in diff.rows)
        assert not any("site" in one for one in diff.data["growing"])
        assert "made at" not in str(diff).lower()
        rings = second.where("type:__main__.Ring").cycles(by="site")
        assert [(one["site"], one["cycles"]) for one in rings] == [(None, 7)]
        assert "(not recorded)" in str(rings)
