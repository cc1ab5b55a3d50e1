"""The ledger explains the resident set: what grew is named, and "unknown" explains nothing."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tonnage
from capture_support import Run, Shot, environment, python

EXPLAINED_SHARE = 0.98
TAKEN_OFF = ("not_resident_bytes", "overcounted_bytes")
APART = ("rss_bytes", "unknown_bytes")
KINDS = {
    "graph_heap": 60_000,
    "json_like": 30_000,
    "slots_tree": 100_000,
    "fragmented": 150_000,
    "compressors": 150,
    "blocks": 4_000,
    "arrays": 1_000_000,
    "buffers": 20_000_000,
    "threads": 20,
}


def growth(result: Run) -> tuple[dict[str, int], dict[str, int]]:
    before, after = Shot(Path(f"{result.path}.before")).facts, result.shot.facts

    def ledger(facts: dict[str, int]) -> dict[str, int]:
        rows = {key[7:]: value for key, value in facts.items() if key.startswith("ledger.")}
        return rows

    return ledger(before), ledger(after)


def untouched_heap(result: Run) -> int:
    """Bytes of malloc's heap, before the growth, that have no page says the kernel. Some interpreters begin so."""
    facts = Shot(Path(f"{result.path}.before")).facts
    return int(facts["smaps.heap.size_bytes"] - facts["smaps.heap.rss_bytes"])


def explained(ledger: dict[str, int]) -> int:
    """Bytes under a name."""
    named = {key: value for key, value in ledger.items() if key not in APART}
    return sum(-value if key in TAKEN_OFF else value for key, value in named.items())


@pytest.mark.parametrize("kind", KINDS)
def test_the_growth_of_the_resident_set_is_explained(shared_run: Callable[..., Run], kind: str) -> None:
    if kind == "arrays" and python(["-c", "import numpy"]).returncode:
        pytest.skip("numpy is not installed in this interpreter")
    result = shared_run("growth", kind, str(KINDS[kind]))
    before, after = growth(result)
    grown = after["rss_bytes"] - before["rss_bytes"]
    named = explained(after) - explained(before)
    rows = {key: after[key] - before.get(key, 0) for key in after}
    floor = 1_000_000 if kind == "threads" else 0  # twenty threads touch less than the noise of the rest
    assert abs(grown - named) <= max((1 - EXPLAINED_SHARE) * grown, floor), (
        f"{named} of {grown} bytes are named ({named / grown:.1%}): {rows}"
    )


@pytest.mark.parametrize("kind", ["graph_heap", "fragmented", "blocks", "buffers"])
def test_the_ledger_adds_up_to_the_resident_set(shared_run: Callable[..., Run], kind: str) -> None:
    _, after = growth(shared_run("growth", kind, str(KINDS[kind])))
    assert explained(after) + after["unknown_bytes"] == after["rss_bytes"]
    assert after["unknown_bytes"] <= 0.02 * after["rss_bytes"]


def test_the_resident_set_is_the_systems_own_figure(shared_run: Callable[..., Run]) -> None:
    result = shared_run("growth", "graph_heap", str(KINDS["graph_heap"]))
    seen = result.side["rss_after"]
    assert abs(result.shot.facts["memory.rss_bytes"] - seen) <= 0.02 * seen
    assert abs(result.shot.facts["ledger.rss_bytes"] - seen) <= 0.02 * seen, "its own buffers are not the program's"


def test_most_of_a_plain_heap_is_objects(shared_run: Callable[..., Run]) -> None:
    before, after = growth(shared_run("growth", "graph_heap", str(KINDS["graph_heap"])))
    assert after["objects_bytes"] - before["objects_bytes"] >= 0.93 * (after["rss_bytes"] - before["rss_bytes"])


def test_a_fragmented_heap_shows_as_free_memory_of_pymalloc(shared_run: Callable[..., Run]) -> None:
    before, after = growth(shared_run("growth", "fragmented", str(KINDS["fragmented"])))
    grown = after["rss_bytes"] - before["rss_bytes"]
    assert after["pymalloc_free_bytes"] - before["pymalloc_free_bytes"] >= 0.4 * grown


@pytest.mark.parametrize("kind", ["graph_heap", "json_like", "slots_tree", "fragmented", "blocks", "arrays", "buffers"])
def test_where_all_is_touched_nothing_is_taken_off_as_not_resident(shared_run: Callable[..., Run], kind: str) -> None:
    """Rows that claim too much cannot be balanced by a row of what is not in memory."""
    if kind == "arrays" and python(["-c", "import numpy"]).returncode:
        pytest.skip("numpy is not installed in this interpreter")
    result = shared_run("growth", kind, str(KINDS[kind]))
    before, after = growth(result)
    assert before["not_resident_bytes"] <= 0.03 * before["rss_bytes"] + untouched_heap(result)
    grown = after["rss_bytes"] - before["rss_bytes"]
    for row in TAKEN_OFF:
        assert abs(after[row] - before[row]) <= max(0.02 * grown, 500_000), row


def test_memory_never_touched_is_taken_off(shared_run: Callable[..., Run]) -> None:
    before, after = growth(shared_run("growth", "untouched", "50000000"))
    assert after["rss_bytes"] - before["rss_bytes"] < 5_000_000
    assert after["objects_bytes"] - before["objects_bytes"] >= 50_000_000
    assert abs(after["not_resident_bytes"] - before["not_resident_bytes"] - 50_000_000) <= 1_000_000
    assert abs(after["overcounted_bytes"] - before["overcounted_bytes"]) <= 500_000


PLAIN = "import sys, tonnage; kept = bytes(int(sys.argv[2])); tonnage.snapshot(sys.argv[1]).close()"


def plain(path: Path, size: int, **changes: str) -> dict[str, Any]:
    done = python(["-c", PLAIN, str(path), str(size)], env=environment(**changes))
    assert done.returncode == 0, done.stderr
    return Shot(path).facts


def test_what_is_counted_twice_is_not_said_to_be_swapped_out(tmp_path: Path) -> None:
    """Blocks of a debugging malloc lie in malloc's and are counted there, too: all of it is touched."""
    facts = plain(tmp_path / "a.tonnage", 0, PYTHONMALLOC="malloc_debug")
    assert facts["ledger.overcounted_bytes"] >= 500_000
    assert facts["check.ledger.overcounted_bytes"] == facts["ledger.overcounted_bytes"]
    untouched = facts["smaps.heap.size_bytes"] - facts["smaps.heap.rss_bytes"]
    assert facts["ledger.not_resident_bytes"] <= untouched + 100_000
    ledger = {key[7:]: value for key, value in facts.items() if key.startswith("ledger.")}
    assert explained(ledger) + ledger["unknown_bytes"] == ledger["rss_bytes"]


def test_objects_explain_no_more_than_the_resident_set(tmp_path: Path) -> None:
    """One object of 40 MB without a page."""
    path = tmp_path / "a.tonnage"
    facts = plain(path, 40_000_000)
    assert facts["objects.bytes"] > facts["ledger.rss_bytes"]
    assert abs(facts["objects.not_resident_bytes"] - 40_000_000) <= 500_000
    with tonnage.load(path) as snapshot:
        said = re.search(r"the objects explain ([0-9.]+) %", str(snapshot.summary()))
    assert said
    share = 100 * (facts["objects.bytes"] - facts["objects.not_resident_bytes"]) / facts["ledger.rss_bytes"]
    assert float(said[1]) == pytest.approx(share, abs=0.1)
    assert 0 < share < 50


@pytest.mark.parametrize("kind", ["compressors", "blocks"])
def test_memory_that_c_code_took_from_malloc_is_named(shared_run: Callable[..., Run], kind: str) -> None:
    before, after = growth(shared_run("growth", kind, str(KINDS[kind])))
    grown = after["rss_bytes"] - before["rss_bytes"]
    malloc = sum(after[key] - before[key] for key in ("malloc_other_bytes", "malloc_free_bytes"))
    assert malloc >= 0.9 * grown


def test_the_data_of_arrays_is_counted_once_at_its_owner(shared_run: Callable[..., Run]) -> None:
    if python(["-c", "import numpy"]).returncode:
        pytest.skip("numpy is not installed in this interpreter")
    result = shared_run("growth", "arrays", str(KINDS["arrays"]))
    sizes = sorted(result.shot.file.sizes[node] for node in result.shot.of_type("numpy.ndarray"))
    assert sum(size >= 8 * KINDS["arrays"] for size in sizes) == 8
    before, after = growth(result)
    assert after["objects_bytes"] - before["objects_bytes"] >= 8 * 8 * KINDS["arrays"]


def test_the_arena_table_is_found_whatever_came_to_it_since_the_import() -> None:
    """With one arena, several variables of 3.11 point to the table; later each but one points elsewhere, or nowhere."""
    code = """
    import tonnage, tonnage._capture
    def look(mode):
        with tonnage.snapshot(mode=mode) as taken:
            facts = taken.facts
        failed = [key for key, n in facts.items() if key.endswith(".failed") and n]
        print(facts["pymalloc.arenas"], *failed)
    look("stop")
    kept = [[n] for n in range(400_000)]
    for mode in "stop", "fork", "auto": look(mode)
    kept.clear()
    for mode in "stop", "fork", "auto": look(mode)
    """
    done = python(["-I", "-c", textwrap.dedent(code)])
    assert done.returncode == 0, done.stderr
    first, *full, a, b, c = [int(line) for line in done.stdout.splitlines()]
    assert min(full) > first + 20
    assert max(a, b, c) < min(full)
