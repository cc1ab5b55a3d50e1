"""Shares of time and of bytes, per function and line, with each clock: as far apart as chance makes so few samples.

tests/soak/test_soak_shares.py has the same of 10 000 samples each.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_shares import CASES, assert_shares, sampled_shares


@pytest.mark.parametrize(("name", "clock"), CASES)
def test_shares_are_those_that_the_program_measures(name: str, clock: str, tmp_path: Path) -> None:
    assert_shares(clock, sampled_shares(name, clock, 300 if clock == "virtual" else 1500, tmp_path))
