"""A snapshot leaves the program as it was, wherever it is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tonnage
from capture_support import PROGRAMS, Run, Shot, environment, python

OWN = 1 << 6
# Blocks behind the Snapshot that is returned: itself, its path and few fields; measured as 4 to 8.
BLOCKS_OF_A_SNAPSHOT = 16


def test_nothing_that_a_program_can_see_has_changed(shared_run: Callable[..., Run]) -> None:
    side = shared_run("untouched").side
    assert len(side["looked_at"]) > 20
    assert side["different"] == {}


def test_errno_is_as_before(shared_run: Callable[..., Run]) -> None:
    assert shared_run("untouched").side["errno"] == 77


def test_only_the_returned_snapshot_is_new(shared_run: Callable[..., Run]) -> None:
    side = shared_run("untouched").side
    before, after, closed = side["blocks"]
    assert after - before <= BLOCKS_OF_A_SNAPSHOT
    assert closed - before <= BLOCKS_OF_A_SNAPSHOT
    before, opened, closed = side["objects"]
    assert opened - before <= BLOCKS_OF_A_SNAPSHOT
    assert closed - before <= 2  # the lists of the program's own notes
    assert side["count"][1] - side["count"][0] <= BLOCKS_OF_A_SNAPSHOT


def test_a_second_snapshot_counts_nothing_of_the_first(run: Callable[..., Run], tmp_path: Path) -> None:
    result = run("twice")
    first = Shot(Path(f"{result.path}.first"))
    second = result.shot

    def counted(shot: Shot) -> int:
        return sum(1 for node in range(len(shot)) if not shot.has(node, OWN))

    for name in ("first", "view", "object"):
        assert second.has(result.node(name), OWN), name
    # What the program itself made in between: its lists of rows and their dicts, and nothing else.
    made = 400 + 40 * result.side["rows"]
    assert counted(second) - counted(first) <= made
    assert all(not second.type(node).startswith("tonnage") for node in range(len(second)) if not second.has(node, OWN))


def test_tonnages_own_objects_are_one_row_and_in_no_module(run: Callable[..., Run]) -> None:
    result = run("twice")
    shot = result.shot
    for address in [*result.side["own_ids"], *result.side["own_types"]]:
        assert shot.has(shot.at(address), OWN)
    own = [node for node in range(len(shot)) if shot.has(node, OWN)]
    assert shot.facts["own.count"] == len(own)
    assert shot.facts["own.bytes"] >= sum(shot.file.sizes[node] for node in own)
    with tonnage.load(result.path) as snapshot:
        data = snapshot.summary(limit=0).data
        assert data["own"]["count"] == len(own)
        assert len(snapshot) == len(shot) - len(own)
        modules = snapshot.summary(by="module", limit=0).rows
        assert not [row for row in modules if str(next(iter(row.values()))).startswith("tonnage")]
        assert not [row for row in data["rows"] if str(row["type"]).startswith("tonnage")]


# ---- places ----

TAKEN = [
    "in_destructor",
    "in_weakref_callback",
    "in_thread",
    "under_asyncio",
    "in_generator",
    "in_signal_handler",
    "in_trace_function",
    "in_interact",
    "deep_in_recursion",
    "in_subclass_hook",
    "in_audit_hook",
    "at_exit",
]


@pytest.mark.parametrize("place", TAKEN)
def test_a_snapshot_can_be_taken_from(run: Callable[..., Run], place: str) -> None:
    result = run("places", place)
    assert result.side["outcome"] == ["taken"]
    assert result.shot.file.check() == []
    assert not any(value for key, value in result.shot.facts.items() if key.endswith(".failed"))


@pytest.mark.parametrize("place", ["in_finalizer"])
def test_during_a_collection_it_says_busy_and_the_way_out(run: Callable[..., Run], place: str) -> None:
    result = run("places", place)
    (outcome,) = result.side["outcome"]
    assert outcome.startswith("Busy: ")
    assert len(outcome) > len("Busy: ") + 20
    assert not result.path.exists()


def test_a_callback_of_the_collector_gets_busy_or_a_sound_snapshot(run: Callable[..., Run]) -> None:
    """In the "start" phase the lists are whole in some versions; either answer is right, a torn file is not."""
    result = run("places", "in_collector_callback")
    (outcome,) = result.side["outcome"]
    if outcome == "taken":
        assert result.shot.file.check() == []
    else:
        assert outcome.startswith("Busy: ")
        assert not result.path.exists()


def test_many_threads_can_take_snapshots_at_once(run: Callable[..., Run]) -> None:
    result = run("places", "in_many_threads")
    assert set(result.side["outcome"]) == {"taken"}
    assert len(result.side["outcome"]) == 9
    assert Shot(Path(f"{result.path}.3")).file.check() == []


def test_a_collector_that_is_off_stays_off(run: Callable[..., Run]) -> None:
    assert run("places", "with_collector_disabled").side["outcome"] == ["taken", "False"]


def test_a_forked_child_can_take_one_too(run: Callable[..., Run]) -> None:
    result = run("places", "in_child_of_fork")
    assert result.side["outcome"] == ["taken", "taken"]
    assert result.shot.facts["process.pid"] != result.side["pid"]


def test_a_local_of_a_suspended_task_is_reached(run: Callable[..., Run]) -> None:
    result = run("places", "under_asyncio")
    node = result.node("local of a task")
    assert result.shot.is_reached(node)
    assert ("local", "in_other_task") in {
        (style, label) for parent in result.shot.parents(node) for style, label, _ in result.shot.label(parent, node)
    }


def test_a_snapshot_can_be_taken_at_a_breakpoint(tmp_path: Path) -> None:
    path, side = tmp_path / "at.tonnage", tmp_path / "at.json"
    done = python(
        [PROGRAMS / "places.py", path, side, "at_breakpoint"],
        stdin=f"import tonnage\ntonnage.snapshot({str(path)!r}).close()\nc\n",
    )
    assert done.returncode == 0, done.stderr
    result = Run(path, side, done.stdout)
    assert result.side["outcome"] == ["taken"]
    node = result.node("local at a breakpoint")
    assert any(
        label == "local_at_breakpoint" for p in result.shot.parents(node) for _, label, _ in result.shot.label(p, node)
    )


def test_a_snapshot_can_be_taken_at_the_prompt(tmp_path: Path) -> None:
    path = tmp_path / "prompt.tonnage"
    done = python(
        ["-i", "-q"],
        stdin=f"import tonnage\nkept = [1.5] * 99\ns = tonnage.snapshot({str(path)!r})\nprint(s[id(kept)].type)\n",
        env=environment(PYTHONSTARTUP=None),
    )
    assert "list" in done.stdout, done.stderr
    assert Shot(path).file.check() == []


@pytest.mark.parametrize("mode", ["stop", "fork"])
def test_of_two_snapshots_in_a_row_nothing_is_new_or_gone(mode: str, tmp_path: Path) -> None:
    code = f"""
import gc, tonnage
gc.collect()
gc.disable()  # what the checks of the layout made must be gone by itself
first = tonnage.snapshot("first.tonnage", mode={mode!r})
print(first.where("root:unreachable").types())
tonnage.snapshot().close()  # what is read of the package later is there
for names in ("second.tonnage", "third.tonnage"), (None, None):
    one, other = [tonnage.snapshot(name, mode={mode!r}) for name in names]
    difference = other.diff(one)
    print(list(difference.new), list(difference.gone))
"""
    done = python(["-c", code], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "{}\n[] []\n[] []\n"
