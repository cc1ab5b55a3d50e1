"""Shares of time and of bytes, per function and line, with each clock: as far apart as chance makes so few samples.

tests/soak/test_soak_shares.py has the same of 10 000 samples each.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pure_reader import Snapshot
from sample_shares import CASES, assert_shares, sampled_shares
from trace_support import answer


@pytest.mark.parametrize(("name", "clock"), CASES)
def test_shares_are_those_that_the_program_measures(name: str, clock: str, tmp_path: Path) -> None:
    assert_shares(clock, sampled_shares(name, clock, 300 if clock == "virtual" else 1500, tmp_path))


def test_a_file_that_is_written_meanwhile_has_what_was_run(tmp_path: Path) -> None:
    """With 62 looks the last 31 are not paid yet."""
    code = """
    import json, time
    from tonnage import sample
    begun = time.thread_time()
    sampling = sample.start("prof", "2ms")
    while sample.status().samples < 62: pass
    sampling.save("out.tonnage").close()
    print(json.dumps([time.thread_time() - begun, sample.status().samples]))
    """
    spent, samples = answer(code, tmp_path)
    written = Snapshot((tmp_path / "out.tonnage").read_bytes())
    assert 62 <= sum(row.samples for row in written.samples) <= samples
    assert 0.8 * spent <= sum(row.ns for row in written.samples) / 1e9 <= spent
