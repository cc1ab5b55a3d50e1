"""Shares of time and of bytes are within 2 % of what programs measure themselves, at 10 000 samples of each clock."""

from __future__ import annotations

from pathlib import Path

import pytest
from sample_shares import CASES, ENOUGH, TIMEOUT_SECONDS, assert_shares, sampled_shares


@pytest.mark.timeout(TIMEOUT_SECONDS)
@pytest.mark.parametrize(("name", "clock"), CASES)
def test_shares_are_within_two_percent_at_ten_thousand_samples(name: str, clock: str, tmp_path: Path) -> None:
    assert_shares(clock, sampled_shares(name, clock, ENOUGH, tmp_path))
