"""Calls of the reader that fail in the midst: nothing stays locked, nothing stays open, the next call is right."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diff_support as support
import pytest
from capture_support import environment
from diff_support import DICT, FIRST, LIST, SESSION, STR, Heap, Thing
from tonnage import LimitError, _core

COUNT = 60


def heap(shift: int) -> Heap:
    """Lists that hold each other, sessions that hold strings, a dict of all; of two shifts, partly the same."""
    made: Heap = {}
    at = [FIRST + 64 * i for i in range(shift, COUNT + shift)]
    for i, address in enumerate(at):
        kind = (LIST, SESSION, STR)[(i + shift) % 3]
        made[address] = Thing(kind, targets=(at[i - 1], at[i // 2]) if kind != STR else (), text=i)
    made[FIRST - 4096] = Thing(DICT, targets=(at[0], at[1], at[2], at[3]))
    return made


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """An older and a newer one."""
    paths = tmp_path / "old.tonnage", tmp_path / "new.tonnage"
    for shift, path in zip((0, 9), paths, strict=True):
        path.write_bytes(support.write(heap(shift)))
    return paths


def open_files(path: Path) -> int:
    found = 0
    for number in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{number}") == str(path)
        except OSError:
            pass  # that of the list itself
    return found + Path("/proc/self/maps").read_text().count(str(path))


# What is asked: of the older and the newer snapshot. Each gives something that compares.
CALLS: dict[str, Callable[[_core.Snapshot, _core.Snapshot], object]] = {
    "facts": lambda old, new: new.facts(),
    "times": lambda old, new: new.times(),
    "type": lambda old, new: new.type(1),
    "node": lambda old, new: [new.node(node) for node in range(5)],
    "at": lambda old, new: new.at(FIRST + 640),
    "preview": lambda old, new: [new.preview(node) for node in range(5)],
    "describe": lambda old, new: [new.describe(node) for node in range(5)],
    "targets": lambda old, new: new.targets(0),
    "references": lambda old, new: [new.references(node, 0, 9) for node in range(5)],
    "referrers": lambda old, new: new.referrers(3),
    "select": lambda old, new: new.select("type:list size:>1").ids(),
    "select against": lambda old, new: new.select("is:new", None, old).ids(),
    "set_of": lambda old, new: new.set_of(bytes(8)).ids(),
    "numbers": lambda old, new: new.select("").numbers("retained", 0),
    "sorted": lambda old, new: new.select("").sorted("size", True),
    "union": lambda old, new: new.select("type:list").union(new.select("type:str")).ids(),
    "complement": lambda old, new: new.select("type:list").complement().ids(),
    "step": lambda old, new: new.select("type:list").referents(0).referrers(0).ids(),
    "reachable": lambda old, new: new.select("type:dict").reachable(None).ids(),
    "owned": lambda old, new: new.select("type:list").owned().ids(),
    "groups": lambda old, new: [row[:3] for row in map(groups(new).row, range(len(groups(new))))],
    "members": lambda old, new: groups(new).members(0).ids(),
    "related": lambda old, new: groups(new).related(0, True),
    "group of": lambda old, new: groups(new).of(4),
    "group table": lambda old, new: groups(new).view(json=True),
    "retained": lambda old, new: (new.hold(4), new.dominator(4), new.retained(4), new.dominated(4), new.cut(1, 0)),
    "retained_set": lambda old, new: new.retained_set(new.select("type:list"))[0].ids(),
    "set_dominators": lambda old, new: new.set_dominators(new.select("type:str")).ids(),
    "paths": lambda old, new: list(new.paths(5, "type:str", 3, False)),
    "chain": lambda old, new: chained(new),
    "diff": lambda old, new: [part.ids() for part in _core.diff(old, new, None)[5:] if part],
    "growth": lambda old, new: _core.growth([old, new], None).ids(),
    "growth view": lambda old, new: _core.growth_view([old, new, old], json=True),
    "view": lambda old, new: new.view("largest", json=True),
    "view against": lambda old, new: new.view("summary", json=True, against=old),
    "components": lambda old, new: componented(new),
    "garbage": lambda old, new: new.garbage().ids(),
    "audit": lambda old, new: new.audit_set(new.select("type:list"), "short").ids(),
    "waste": lambda old, new: (len(new.waste()), new.view("waste", json=True)),
    "picture": lambda old, new: pictured(new),
    "cycles": lambda old, new: new.view("cycles", json=True, by="id"),
    "check": lambda old, new: new.check(),
}


def groups(snapshot: _core.Snapshot) -> _core.Groups:
    return snapshot.groups("rcs")


def componented(snapshot: _core.Snapshot) -> list[Any]:
    found = snapshot.components()
    rows = [(found.row(n), found.members(n).ids(), found.cycle(n), found.references(n)) for n in range(len(found))]
    return [*rows, *[(found.group(n), found.group_members(n).ids()) for n in range(found.groups())]]


def pictured(snapshot: _core.Snapshot) -> list[Any]:
    found = []
    for of, by in (("groups", "module"), ("refs", None), ("backrefs", None), ("paths", None), ("cycles", "id")):
        picture = snapshot.picture(of, by=by, limit=3, highlight=snapshot.select("type:list"), lines=15)
        picture.note(0, "more")
        found.append((picture.dot(), picture.json(), picture.objects()))
    return found


def chained(snapshot: _core.Snapshot) -> list[Any]:
    chain = snapshot.chain(4, True, "")
    return [chain.path(node) for node in chain]


NO_MEMORY = """
import _testcapi, faulthandler, gc, sys
from pathlib import Path
from tonnage import _core
import tonnage._errors
import test_core_failures as support
faulthandler.dump_traceback_later(100, exit=True)
old, new = (Path(name) for name in sys.argv[1:3])
failed = 0
gc.disable()  # what it clears, other calls' ends included, would fail too, unseen
for name in sys.argv[3:]:
    call = support.CALLS[name]
    both = [_core.Snapshot(bytes(path)) for path in (old, new)]
    want = call(*both)
    for warm in False, True:
        nth = done = 0
        while done < 12:  # calls that did not need as many allocations, or did without that one
            for snapshot in both:
                snapshot.close()
            assert not support.open_files(old) + support.open_files(new), f"{name}: open after allocation {nth - 1}"
            both = [_core.Snapshot(bytes(path)) for path in (old, new)]
            if warm:
                call(*both)
            _testcapi.set_nomemory(nth, nth + 1)
            try:
                got = call(*both)
            except MemoryError as error:
                _testcapi.remove_mem_hooks()
                del error
                failed += 1
                done = 0
            else:
                _testcapi.remove_mem_hooks()
                assert got == want, name
                done += 1
            got = None
            nth += 1
            assert call(*both) == want, f"{name}: after allocation {nth - 1}"
    for snapshot in both:
        snapshot.close()
print("failed", failed)
"""


@pytest.mark.parametrize("part", range(6))
def test_without_memory_a_call_fails_and_the_next_is_right(files: tuple[Path, Path], part: int) -> None:
    pytest.importorskip("_testcapi", reason="this Python has no module that lets allocations fail")
    names = list(CALLS)[part::6]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(NO_MEMORY), *map(str, files), *names],
        capture_output=True, text=True, timeout=120, env=environment(PYTHONPATH=str(Path(__file__).parent)),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.split()[1]) > 5 * len(names)


@pytest.mark.parametrize("name", CALLS)
def test_a_limit_that_is_reached_ends_a_call_alone(files: tuple[Path, Path], name: str) -> None:
    both = [_core.Snapshot(bytes(path)) for path in files]
    want = CALLS[name](*both)
    for snapshot in both:
        snapshot.close()
    del snapshot, both
    ends = set()
    for limit in (*range(1000, 60_000, 1500), 10_000_000):
        opened: list[_core.Snapshot] = []
        try:
            for path in files:
                opened.append(_core.Snapshot(bytes(path), max_memory=limit))
            assert CALLS[name](*opened) == want
            ends.add("done")
        except LimitError:
            ends.add("limit")
            if len(opened) == 2:
                assert opened[1].n_objects == COUNT + 1
        for snapshot in opened:
            snapshot.close()
        assert [open_files(path) for path in files] == [0, 0]
    assert ends == {"done", "limit"}


READERS: dict[str, Callable[[_core.Snapshot], object]] = {
    "paths": lambda s: list(s.paths(5, "", 20, False)),
    "chain": lambda s: chained(s),
    "groups": lambda s: [groups(s).members(n).ids() for n in range(4)],
    "sets": lambda s: s.select("type:list").referents(0).union(s.select("")).numbers("size", 0),
    "references": lambda s: [s.references(n, 0, 9) for n in range(20)],
}


@pytest.mark.parametrize("name", READERS)
def test_a_snapshot_closed_while_others_read_is_closed_when_the_last_has_ended(
    files: tuple[Path, Path], name: str
) -> None:
    for _ in range(20):
        snapshot = _core.Snapshot(bytes(files[1]))
        started, ends = threading.Semaphore(0), []

        def work(snapshot: _core.Snapshot = snapshot, started: Any = started, ends: list[str] = ends) -> None:
            try:
                while True:
                    READERS[name](snapshot)
                    started.release()
            except ValueError as error:
                ends.append(str(error))

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        started.acquire()
        snapshot.close()
        for thread in threads:
            thread.join()
        assert ends == ["the snapshot is closed"] * 3
        assert open_files(files[1]) == 0


def test_what_lives_on_keeps_the_file_until_it_is_gone(files: tuple[Path, Path]) -> None:
    snapshot = _core.Snapshot(bytes(files[1]))
    kept: list[Any] = [snapshot.select("type:list"), groups(snapshot), snapshot.paths(5, "", 3, False)]
    kept += [snapshot.chain(4, True, "")]
    ids = kept[0].ids()
    snapshot.close()
    for use in lambda: next(kept[2]), lambda: next(kept[3]), lambda: kept[1].row(0), lambda: kept[0].size():
        with pytest.raises(ValueError, match="the snapshot is closed"):
            use()
    assert kept[0].ids() == ids
    while kept:
        kept.pop()
        assert (open_files(files[1]) == 0) is (not kept)


def test_two_threads_that_compare_in_different_orders_both_end(files: tuple[Path, Path]) -> None:
    old, new = (_core.Snapshot(bytes(path)) for path in files)
    want = [_core.diff(one, two, None)[:5] for one, two in ((old, new), (new, old))]
    found: list[object] = []

    def work(place: int) -> None:
        pair = (old, new) if place == 0 else (new, old)
        found.extend(_core.diff(*pair, None)[:5] == want[place] for _ in range(100))

    threads = [threading.Thread(target=work, args=(place,), daemon=True) for place in (0, 1, 0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [True] * 400


def test_snapshots_of_a_list_that_is_emptied_meanwhile_are_kept(files: tuple[Path, Path]) -> None:
    want = None
    for _ in range(60):
        given = [_core.Snapshot(bytes(path)) for path in (*files, files[0])]
        begun = threading.Event()

        def empty(given: list[_core.Snapshot] = given, begun: threading.Event = begun) -> None:
            begun.wait()
            given.clear()

        thread = threading.Thread(target=empty)
        thread.start()
        begun.set()
        try:
            found = _core.growth_view(given, json=True)
        except _core_error() as error:
            assert "two snapshots or more" in str(error)  # it was empty before
        else:
            want = want or found
            assert found == want
        thread.join()


def _core_error() -> type[Exception]:
    from tonnage import ArgumentError

    return ArgumentError
