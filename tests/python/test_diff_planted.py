"""A comparison of two snapshots of a real process: exactly what was planted is new, gone and still there."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import tonnage
from capture_support import Run
from tonnage._diff import Diff

KINDS = ("session", "slotted", "tuple", "named", "str", "bytes", "int", "float", "list", "frozenset")


@pytest.fixture(scope="module")
def moments(shared_run: Callable[..., Run]) -> Run:
    return shared_run("two_moments")


@pytest.fixture(scope="module")
def diff(moments: Run) -> Diff:
    found = tonnage.diff([Path(f"{moments.path}.before"), moments.path], limit=0)
    assert isinstance(found, Diff)
    assert found.same_process
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_planted_objects_are_told_apart_where_addresses_are_used_again(moments: Run, diff: Diff, kind: str) -> None:
    before: dict[str, int] = moments.side["before"][kind]
    after: dict[str, int] = moments.side["after"][kind]
    new, gone, kept = after.keys() - before.keys(), before.keys() - after.keys(), before.keys() & after.keys()
    found = {name: {item.address for item in getattr(diff, name)} for name in ("new", "gone", "survived")}
    assert found["new"] & set(after.values()) == {after[serial] for serial in new}
    assert found["gone"] & set(before.values()) == {before[serial] for serial in gone}
    assert found["survived"] & set(after.values()) == {after[serial] for serial in kept}


def test_objects_of_one_type_were_planted_in_the_place_of_others(moments: Run) -> None:
    sides = [{kind: set(moments.side[side][kind].items()) for kind in KINDS} for side in ("before", "after")]
    gone = {kind: {address for _, address in sides[0][kind] - sides[1][kind]} for kind in KINDS}
    new = {kind: {address for _, address in sides[1][kind] - sides[0][kind]} for kind in KINDS}
    assert sum(bool(gone[kind] & new[kind]) for kind in KINDS) >= 4


def test_every_object_is_on_one_side_or_survives(diff: Diff) -> None:
    total = diff.total
    assert total["old"]["count"] == total["gone"]["count"] + total["survived"]["count"]
    assert total["now"]["count"] == total["new"]["count"] + total["survived"]["count"]
    assert not diff.new & diff.survived
    assert diff.data["survivors"]["certain"] + diff.data["survivors"]["likely"] == total["survived"]["count"]
    for row in diff.rows:
        assert row["new"] - row["gone"] == row["count_change"]


def test_lists_that_were_extended_grew(moments: Run, diff: Diff) -> None:
    kept = set(moments.side["before"]["list"]) & set(moments.side["after"]["list"])
    found = {row["address"]: (row["old_length"], row["now_length"]) for row in diff.growing}
    assert {found.get(moments.side["after"]["list"][serial]) for serial in kept} == {(2, 22)}


def test_nothing_of_the_first_snapshot_is_in_the_difference(diff: Diff) -> None:
    assert not [item for part in (diff.new, diff.gone) for item in part if item.type.startswith("tonnage")]


ROWS_BETWEEN = """
import sys, tonnage
class Planted: pass
before = tonnage.snapshot()
assert before.summary(limit=3).rows and before.by("type").rows and before.where("type:dict").largest(2).total
assert [item.type for item in before.objects.sort("size").top(2)] and next(iter(before)).path is not None
planted = [Planted() for _ in range(50)]
loaded = set(sys.modules)
after = tonnage.snapshot()
new = after - before
names = {name.partition(".")[0] for name in loaded} & {"json", "re", "enum", "functools", "collections"}
print(len(new.where("type:__main__.Planted")), len(new), *sorted(names))
"""


def test_looking_at_rows_between_two_snapshots_is_hardly_in_the_difference() -> None:
    for _ in range(2):  # the first one may have compiled modules
        run = subprocess.run([sys.executable, "-c", ROWS_BETWEEN], capture_output=True, text=True)
        assert run.stderr == ""
    planted, new, *names = run.stdout.split()
    assert (planted, names) == ("50", [])
    assert 50 <= int(new) <= 50 + 600  # 3.15 makes some 370; json and what it imports would be 7000


def test_a_part_of_a_process_is_not_compared_with_the_whole(tmp_path: Path) -> None:
    kept = [[n] for n in range(10)]
    with tonnage.snapshot(of=[kept]) as part, tonnage.snapshot() as whole, tonnage.snapshot(of=[kept]) as again:
        found = whole.diff(part)
        assert not found.same_process
        assert "only what given ones reach" in str(found)
        with pytest.raises(tonnage.ArgumentError, match="only what given ones reach"):
            whole - part
        assert len(again - part) == 0
