"""Nothing is lost where nothing is: `tonnage audit` after CPython's own tests and after numpy and pandas were used.

By far the most of it is waiting for the tests: `make soak` only; tests/python/test_audit.py has the quick ones.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import tonnage
from soak_support import PLAN, ROOT

pytestmark = pytest.mark.skipif(os.environ.get("SOAK") != "whole", reason="make soak")
TIMEOUT_SECONDS = 1800


def left(folder: Path, program: str, *words: str) -> str:
    """Runs a program that leaves a.tonnage; what it prints last."""
    command = [sys.executable, "-W", "ignore", ROOT / "tests" / "programs" / program, "a.tonnage", *words]
    done = subprocess.run(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()[-1]


def lost(folder: Path) -> list[str]:
    with tonnage.load(folder / "a.tonnage") as snapshot:
        return [repr(one) for one in snapshot.audited("lost")]


@pytest.mark.timeout(TIMEOUT_SECONDS)
@pytest.mark.parametrize("half", sorted(PLAN["audited"]))
def test_nothing_is_lost_after_cpython_has_tested_itself(half: str, tmp_path: Path) -> None:
    if importlib.util.find_spec("test.test_list") is None:
        pytest.skip("CPython's own tests are not installed")
    names = PLAN["audited"][half].split()
    ran = json.loads(left(tmp_path, "self_tests.py", *names))
    assert sum(n > 0 for n in ran.values()) >= 0.9 * len(names)
    with tonnage.load(tmp_path / "a.tonnage") as snapshot:
        told = [repr(one) for one in snapshot.audited("short") if one.type != "numpy._DTypeMeta"]  # docs/audit.md
    assert told == []
    assert lost(tmp_path) == []


@pytest.mark.timeout(TIMEOUT_SECONDS)
def test_nothing_is_lost_after_a_hundred_rounds_of_numpy_and_pandas(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    pytest.importorskip("pandas")
    left(tmp_path, "data_frames.py", "100")
    assert lost(tmp_path) == []
