"""Live bytes and counts of each stack are those that tracemalloc tells of the same run; what differs is in a table."""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from trace_support import FOLLOWED, HERE, answer

PROGRAMS = HERE.parent / "programs"
sys.path.insert(0, str(PROGRAMS))

import allocations  # noqa: E402

BOTH = """
    import gc, json, os, _tracemalloc
    import allocations
    from tonnage import trace, _capture
    from trace_support import FOLLOWED

    def of_program(stack):
        return any(file == allocations.__file__ for file, _ in stack)
    def add(sums, stack, size, count):
        if of_program(stack):
            total = sums.setdefault(tuple(map(tuple, stack)), [0, 0])
            total[0] += size
            total[1] += count
    def both(program, first):
        program()  # what is made once, in caches, is there
        gc.collect()
        gc.disable()
        if first:
            _tracemalloc.start(100)
        trace.start(**FOLLOWED)
        if not first:
            _tracemalloc.start(100)
            trace.cost()  # follows free lists again: it has taken the one place for that
        gc.collect()  # what is in free lists is nobody's
        kept = program()
        while len(os.listdir("/proc/self/task")) > 1:
            pass  # a thread frees its state when join() may have returned already
        gc.collect()
        theirs, ours = _tracemalloc._get_traces(), _capture.trace_sites()
        them, us = {}, {}
        for domain, size, stack, _ in theirs:
            add(them, stack if domain == 0 else (), size, 1)
        for row in ours:
            if row[4] and not row[2] and (first or row[1] != 2):  # RAW: tracemalloc's own as well, through us
                add(us, [frame[:2] for frame in _capture.trace_frames(row[0]) if frame[0]], row[3], row[4])
        dropped = trace.cost().dropped
        if not first:  # what it frees of its own within a realloc of ours is found when its place is used again
            del dropped["replaced"]
        trace.stop()
        _tracemalloc.stop()
        gc.enable()
        return [[[stack, us.get(stack, [0, 0]), them.get(stack, [0, 0])] for stack in {**us, **them}], dropped]
    said = {name: both(program, True) for name, program in allocations.PROGRAMS.items()}
    said |= {f"{name} after": both(allocations.PROGRAMS[name], False) for name in ("containers", "texts", "grown")}
    print(json.dumps(said))
"""

# Where blocks may stand on other lines than tracemalloc says, and why; docs/trace.md has it in words.
RESIZED = {  # a block that is resized keeps the line that made it; tracemalloc gives it the line of the last resize
    "grown": [("list", "append"), ("data", "extend"), ("text", "add")],
}
REUSED = {  # an object from a free list has the line that made its block; they are followed from 3.13 on
    "objects": 4,
    "calls": 110,
    "code": 3000,
    "threads": 10,
    "grown": 2,
    "freed": 4,
}
IS_FOLLOWED = FOLLOWED["free_lists"] == "track"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = os.pathsep.join((str(HERE), str(PROGRAMS)))
    return answer(BOTH, tmp_path_factory.mktemp("equal"), PYTHONPATH=path, PYTHONHASHSEED="0")


def marks() -> dict[int, str]:
    """Names of lines of the programs."""
    text = Path(allocations.__file__).read_text(encoding="utf-8").splitlines()
    return {number: words.rpartition("  # ")[2] for number, words in enumerate(text, 1) if "  # " in words}


@pytest.mark.parametrize("program", [*allocations.PROGRAMS, "containers after", "texts after", "grown after"])
def test_stacks_have_the_bytes_and_counts_that_tracemalloc_tells(both: Any, program: str) -> None:
    stacks, dropped = both[program]
    names, program = marks(), program.split()[0]
    group_of = {name: group for group in RESIZED.get(program, []) for name in group}
    off: defaultdict[Any, list[int]] = defaultdict(lambda: [0, 0])
    for stack, ours, theirs in stacks:
        place = next(line for file, line in stack if file == allocations.__file__)
        key = group_of.get(names.get(place, ""), str(stack))
        off[key] = [a + b - c for a, b, c in zip(off[key], ours, theirs, strict=True)]
    wrong = {key: sums for key, sums in off.items() if sums != [0, 0]}
    assert [sum(sums[i] for sums in wrong.values()) for i in (0, 1)] == [0, 0]
    assert sum(abs(count) for _, count in wrong.values()) / 2 <= (0 if IS_FOLLOWED else REUSED.get(program, 0)), wrong
    assert not IS_FOLLOWED or not wrong
    assert sum(theirs[1] for _, _, theirs in stacks) >= 100
    assert set(dropped.values()) == {0}


def test_the_table_of_differences_explains_something(both: Any) -> None:
    names = marks()
    for program, groups in RESIZED.items():
        moved = {names.get(stack[0][1]) for stack, ours, theirs in both[program][0] if ours != theirs}
        assert moved >= {name for group in groups for name in group}
    if not IS_FOLLOWED:
        assert all(any(ours != theirs for _, ours, theirs in both[program][0]) for program in ("calls", "code"))
