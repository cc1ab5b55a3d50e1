"""Changes between sampled snapshots: their intervals against what was planted, with samples that chance made."""

from __future__ import annotations

import math
import random
from pathlib import Path

import pytest
import site_files
import tonnage

SIZES = [100] * 300 + [3000] * 200 + [40_000] * 100
SEEDS = range(60)
ENOUGH = 56  # of them hold the truth at 95 % in all but 1 of 100 runs


def chance(size: int, interval: int) -> float:
    return -math.expm1(-size / interval) if interval else 1.0


def snapshot(folder: Path, second: int, blocks: list[tuple[int, int]], interval: int) -> tonnage.Snapshot:
    """Of blocks (birth, size), all of one line."""
    program = site_files.empty()
    thread = program.frame(None, program.code("main thread"))
    line = program.frame(thread, program.code("f", "/srv/app/main.py", 1), 3)
    for birth, size in blocks:
        program.block(size, line, birth=birth, interval=interval).address = 0x7000_0000 + 65536 * birth
    program.facts.update({"trace.mode": "sampled" if interval else "exact"})
    if interval:
        program.facts["trace.interval_bytes"] = interval
    program.heap.facts["capture.wall_time_ns"] = 10**18 + second * 10**9
    return tonnage.load(program.write(folder / f"{second}.tonnage"))


@pytest.mark.parametrize("freed", [0, 200])
@pytest.mark.parametrize(("before", "after"), [(8192, 16384), (0, 8192), (8192, 8192)])
def test_a_change_is_within_its_interval_when_samples_were_thinned(
    tmp_path: Path, before: int, after: int, freed: int
) -> None:
    truth = -sum(SIZES[:: len(SIZES) // freed] if freed else [])
    held = sure = 0
    for seed in SEEDS:
        rng = random.Random(seed)
        seen = [(birth, size) for birth, size in enumerate(SIZES, 1) if rng.random() < chance(size, before)]
        kept = [(b, s) for b, s in seen if rng.random() < chance(s, after) / chance(s, before)]
        if freed:
            kept = [(b, s) for b, s in kept if (b - 1) % (len(SIZES) // freed)]
        old, new = snapshot(tmp_path, 1, seen, before), snapshot(tmp_path, 2, kept, after)
        (row,) = new.sites(against=old)
        assert row["change_low"] <= row["size_change"] + 1 and row["size_change"] - 1 <= row["change_high"]
        held += row["change_low"] <= truth <= row["change_high"]
        sure += row["significant"]
    assert held >= ENOUGH
    assert freed or sure <= len(SEEDS) - ENOUGH


def test_that_no_sample_came_or_went_does_not_mean_that_nothing_did(tmp_path: Path) -> None:
    many = [(birth, 100) for birth in range(1, 31)]
    old, new = snapshot(tmp_path, 1, many, 8192), snapshot(tmp_path, 2, many, 8192)
    (row,) = new.sites(against=old)
    assert row["size_change"] == 0 and not row["significant"]
    assert row["change_high"] == -row["change_low"] == pytest.approx(-math.log(0.025) * 8192, rel=1e-3)


@pytest.mark.parametrize("n", [1, 12])
def test_a_line_of_another_process_that_has_no_sample_may_have_had_blocks(tmp_path: Path, n: int) -> None:
    both = []
    for pid, lines in ((8, (4,)), (7, (3, 4))):
        program = site_files.empty()
        for line in lines:
            row = program.frame(None, program.code("f", "/srv/app/main.py", 1), line)
            for _ in range(n):
                program.block(100, row, birth=len(program.blocks) + 1, interval=8192)
        program.heap.facts.update({"process.pid": pid, "capture.wall_time_ns": 10**18 - pid})
        both.append(tonnage.load(program.write(tmp_path / f"{pid}.tonnage")))
    (row,) = (row for row in both[1].sites(against=both[0]) if row["line"] == 3)
    assert row["size_change"] == pytest.approx(8192 * n, rel=0.01)
    assert row["significant"] == (n > 6)


def test_a_block_whose_object_is_selected_later_counts_in_the_interval_as_in_the_change(tmp_path: Path) -> None:
    both = []
    for second, size in ((1, 64), (2, 5000)):
        program = site_files.empty(2)
        line = program.frame(None, program.code("f", "/srv/app/main.py", 1), 3)
        for number, birth in ((0, 10), (1, 11)):
            program.block(64, line, birth=birth, node=program.objects[number], kind=1, interval=4096)
        program.objects[0].size, program.objects[1].size = size, 9000
        program.heap.facts["capture.wall_time_ns"] = 10**18 + second * 10**9
        both.append(tonnage.load(program.write(tmp_path / f"{second}.tonnage")))
    (row,) = both[1].where("size:>1k").sites(against=both[0])
    assert row["count_change"] > 0
    assert row["change_low"] <= row["size_change"] <= row["change_high"]


@pytest.mark.parametrize("page", ["peak", "temporary"])
def test_sums_of_samples_that_are_gone_have_changes_with_an_interval(tmp_path: Path, page: str) -> None:
    both = []
    for second, few, many in ((1, 30_000, 100_000), (2, 20_000, 20_000_000)):
        program = site_files.empty()
        thread = program.frame(None, program.code("main thread"))
        for line, bytes_ in ((3, few), (4, many)):
            row = program.frame(thread, program.code("f", "/srv/app/main.py", 1), line)
            program.block(1000, row, birth=line, interval=65536)
            program.ever[row, 1] = (10**8, 10**5, bytes_, bytes_ // 100, bytes_ + 10**6, bytes_ // 100)
        program.heap.facts["capture.wall_time_ns"] = 10**18 + second * 10**9
        both.append(tonnage.load(program.write(tmp_path / f"{second}.tonnage")))
    view = getattr(both[1], page)(against=both[0])
    rows = {row["line"]: row for row in view}
    for row in rows.values():
        assert row["change_low"] < row["size_change"] < row["change_high"]
    assert [rows[line]["significant"] for line in (3, 4)] == [False, True]
    assert "-9.8 KiB to -9.8 KiB" not in str(view)


def test_the_peak_says_when_it_was_and_how_far_above_now(tmp_path: Path) -> None:
    program = site_files.empty()
    line = program.frame(program.frame(None, program.code("main thread")), program.code("f", "/srv/app/main.py", 1), 3)
    program.block(1000, line, birth=9)
    facts = {"traced_bytes": 1000, "peak_bytes": 50_000, "started_births": 100, "peak_birth": 900, "births": 1100}
    program.facts.update({f"trace.{name}": value for name, value in facts.items()})
    program.heap.facts["capture.monotonic_ns"] = 60 * 10**9
    program.heap.times = [(second * 10**9, 1, traced, 0, 0, 0, 1) for second, traced in ((1, 9), (48, 48_000), (55, 7))]
    with tonnage.load(program.write(tmp_path / "a.tonnage")) as taken:
        page = taken.peak()
        assert page.data["peak"] == {"above_now": 49_000, "birth": 800, "births": 1000, "before_ns": 12 * 10**9}
        assert "the peak was 47.9 KiB more than now, after 800 of 1000 allocations, some 12" in str(page)
    program.heap.times = [(10**9, 1, 9, 0, 0, 0, 1)]  # far from the peak: it tells nothing
    with tonnage.load(program.write(tmp_path / "b.tonnage")) as taken:
        assert taken.peak().data["peak"]["before_ns"] is None


def test_a_line_whose_samples_are_all_young_may_have_kept_something(tmp_path: Path) -> None:
    program = site_files.empty()
    row = program.frame(None, program.code("f", "/srv/app/main.py", 1), 3)
    for birth in (998, 999, 1000):
        program.block(100, row, birth=birth, interval=8192)
    program.facts.update({"trace.started_births": 0, "trace.births": 1000})
    (row,) = tonnage.load(program.write(tmp_path / "young.tonnage")).survivors()
    assert row["slope"] == row["slope_low"] == 0
    assert row["slope_high"] == pytest.approx(-math.log(0.025) * 8192 / 8 / 0.1, rel=1e-3)
