"""Paths as Python: every one that is flagged evaluates to its object, in the process that was looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import graph_files
import pure_writer
import pytest
from test_paths import opened

PROGRAM = Path(__file__).parents[1] / "programs" / "planted_paths.py"
# What surely has a name in Python, by the numbers of planted_paths.py.
NAMED = {1, 4, 5, 6, 7, 8, 9, 11, 13, 14, 15, 16, 17, 18, 19, 20, 21, 32, 33, 40, 41, 42, 43, 46, 47, 48, 50, 51, 71}
NAMED |= {62, 80, 81, 82, 84, 85, 87, 88, 89, 100, 101, 103, 104, 105, 107, 108, 110, 111, 112, 113, 114, 115}
# What has none: behind overridden access, in sets, under keys that cannot be written.
UNNAMED = {12, 30, 31, 44, 45, 106, 109, 117, 118}


def evaluated(workload: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, PROGRAM, workload, "4000"], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    got: dict[str, Any] = json.loads(done.stdout)
    assert got["wrong"] == []
    return got


@pytest.mark.parametrize("workload", ["planted", "stdlib", "numpy"])
def test_every_flagged_path_evaluates_to_its_object(workload: str, capsys: pytest.CaptureFixture[str]) -> None:
    if workload == "numpy":
        pytest.importorskip("numpy")
    got = evaluated(workload)
    with capsys.disabled():
        print(f"\n{workload}: {got['flagged']} of {got['paths']} paths are flagged evaluable", end=" ")
    assert NAMED - set(got["things"]) == set()
    assert UNNAMED & set(got["things"]) == set()
    assert got["flagged"] > got["paths"] / 2


def test_without_names_nothing_wrong_is_flagged() -> None:
    got = evaluated("redacted")
    assert got["flagged"] < got["paths"] / 20


def test_a_path_of_100_000_steps_is_written_whole() -> None:
    n = 100_000
    graph = graph_files.Graph([[(i + 1, 0)] for i in range(n)] + [[]], modules=[[0]])
    description, objects, _ = graph_files.describe(graph)
    number = {id(node): i for i, node in enumerate(description.ordered())}
    snapshot = opened(pure_writer.write(description))
    text, evaluable, steps = next(snapshot.paths(number[id(objects[n])], "", 1, False))
    assert text.endswith(".a0" * n)
    assert not evaluable  # nothing is known of the class
    assert len(steps) == n + 5
