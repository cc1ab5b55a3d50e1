"""Each change that `waste` tells is made, and what the allocators give back then is what it told, within 10 %.

The oracle are the counters of pymalloc and of the C library in programs that do not know tonnage.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import tonnage
from capture_support import PROGRAMS, TIMEOUT_SECONDS

PROGRAM = str(PROGRAMS / "waste.py")
CASES = {
    "equal_texts": "equal-text",
    "equal_bytes": "equal-text",
    "equal_floats": "equal-number",
    "equal_tuples": "equal-tuple equal-text",
    "equal_lists": "equal-container",
    "equal_dicts": "equal-container",
    "array_room": "room",
    "list_room": "room",
    "dict_room": "room",
    "literal_room": "room",
    "frozenset_room": "room",
    "subclass_room": "room",
    "few_in_deques": "few",
    "empty_mappings": "empty",
    "few_equal_texts": "equal-text",
    "named_dict_room": "room",
    "set_room": "room",
    "small_set_room": "room",
    "bytearray_room": "room",
    "deque_room": "room",
    "empty_lists": "empty",
    "empty_dicts": "empty",
    "empty_sets": "empty",
    "slots": "slots",
    "slots_of_dicts": "slots",
    "slots_watched": "slots",
    "slots_watch": "slots",
    "slots_inherited": "slots",
    "slots_of_sets": "slots",
    "slots_of_texts": "slots",
    "unshared": "unshared",
    "boxed_floats": "boxed",
    "boxed_ints": "boxed",
    "second_copies": "second-copy",
    "zeros": "zeros",
    "equal_data": "equal-data",
    "equal_short_data": "equal-data",
    "few_large_texts": "equal-text",
    "zero_data": "zero-data",
}


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, PROGRAM, *arguments], capture_output=True, text=True, check=True, timeout=TIMEOUT_SECONDS
    )


def in_use(case: str, when: str) -> int:
    """Bytes that both allocators have given out: the least of two runs, as buffers of the interpreter may be alive."""
    runs = []
    for done in (run(case, when), run(case, when)):
        pymalloc = re.search(r"# bytes in allocated blocks\s*=\s*([\d,]+)", done.stderr)
        assert pymalloc, done.stderr
        runs.append(int(done.stdout) + int(pymalloc.group(1).replace(",", "")))
    return min(runs)


def findings(case: str, when: str, file: Path) -> tonnage.View:
    run(case, when, str(file))
    with tonnage.load(file) as snapshot:
        view = snapshot.waste(limit=0)
        assert len(view.rows) == len(view.data["rows"])
        return view


@pytest.mark.parametrize("case", CASES)
def test_the_change_gives_back_what_was_told(case: str, tmp_path: Path) -> None:
    before = findings(case, "before", tmp_path / "before.tonnage")
    told = [row for row in before.rows if row["kind"] in CASES[case].split()]
    assert told, [row["text"] for row in before.rows]
    given_back = in_use(case, "before") - in_use(case, "after")
    assert sum(row["saved"] for row in told) == pytest.approx(given_back, rel=0.1)
    # what is told together, of everything, is not more than what these say
    assert before.total["saved"] <= sum(row["saved"] for row in before.rows)


@pytest.mark.parametrize("case", CASES)
def test_after_the_change_there_is_nothing_left_of_that_kind(case: str, tmp_path: Path) -> None:
    after = findings(case, "after", tmp_path / "after.tonnage")
    assert [row["text"] for row in after.rows if row["kind"] in CASES[case].split()] == []


def test_a_program_without_waste_has_no_finding(tmp_path: Path) -> None:
    assert [row["text"] for row in findings("tight", "before", tmp_path / "tight.tonnage").rows] == []


def test_a_bare_interpreter_has_no_finding(tmp_path: Path) -> None:
    file = tmp_path / "bare.tonnage"
    subprocess.run([sys.executable, "-c", "import sys, tonnage; tonnage.snapshot(sys.argv[1])", str(file)], check=True)
    with tonnage.load(file) as snapshot:
        view = snapshot.waste()
        assert view.rows == []
        assert view.total["saved"] == 0


def test_all_changes_together_give_back_the_resident_memory_that_was_told(tmp_path: Path) -> None:
    catalogue = [str(PROGRAMS.parent.parent / "examples" / "big_catalogue.py")]

    def grown(*words: str) -> float:
        done = subprocess.run([sys.executable, *catalogue, *words], capture_output=True, text=True, check=True)
        return float(done.stdout.split()[2]) * 2**20

    file = tmp_path / "catalogue.tonnage"
    command = [sys.executable, "-m", "tonnage", "run", "-o", str(file), *catalogue]
    subprocess.run(command, capture_output=True, check=True, timeout=TIMEOUT_SECONDS)
    with tonnage.load(file) as snapshot:
        assert snapshot.waste().total["saved"] == pytest.approx(grown() - grown("lean"), rel=0.1)
