"""The benchmarks run: what they measure is not tested, as it depends on the machine."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench"


def test_a_quick_look_at_the_analysis_fills_its_table() -> None:
    words = [sys.executable, str(BENCH / "analysis.py"), "--quick"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    head, *rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("|") and "---" not in line]
    assert len(rows) == 3 * (17 if find_spec("pyarrow") else 15)
    assert {len(row) for row in rows} == {len(head)}


@pytest.mark.parametrize("part", ["import", "idle", "fork"])
def test_a_quick_look_at_production_fills_its_table(part: str) -> None:
    words = [sys.executable, str(BENCH / "production.py"), "--quick", "--only", part]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    head, *rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("|") and "---" not in line]
    assert len(rows) >= 2
    assert {len(row) for row in rows} == {len(head)}


def test_a_quick_look_at_diff_fills_its_table() -> None:
    words = [sys.executable, str(BENCH / "diff.py"), "--quick"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    head, *rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("|") and "---" not in line]
    assert len(rows) == 10
    assert {len(row) for row in rows} == {len(head)}


def test_a_quick_look_at_groups_fills_its_table() -> None:
    words = [sys.executable, str(BENCH / "groups.py"), "--quick"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("|") and "---" not in line]
    assert len(rows) > 15
    assert {len(row) for row in rows} == {len(rows[0])}


def test_a_quick_look_at_recording_fills_its_tables() -> None:
    words = [sys.executable, str(BENCH / "recording.py"), "--quick"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    tables = [text.splitlines() for text in done.stdout.split("\n\n") if text.startswith("|")]
    files = [1] * bool(find_spec("memray"))
    assert [len(lines) - 2 for lines in tables] == [2 + 4, 3, *files, 6 + len(files), 3, 3]
    assert all(len({line.count("|") for line in lines}) == 1 for lines in tables)


def test_a_quick_look_at_sampling_fills_its_table() -> None:
    words = [sys.executable, str(BENCH / "sampling.py"), "--quick"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")][2:]
    assert len(rows) >= 2 * 3
    assert len({row.count("|") for row in rows}) == 1


def test_a_quick_look_at_the_viewer_fills_its_table() -> None:
    for part, rows in (("report", 4), ("serve", 3)):
        words = [sys.executable, str(BENCH / "viewer.py"), "--quick", "--only", part]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        lines = [line.split("|") for line in done.stdout.splitlines() if line.startswith("|") and "---" not in line]
        assert len(lines) == 1 + rows and len({len(line) for line in lines}) == 1
