"""What the benchmarks share: cells, processes that measure one thing, and tables of what they say."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent
# workload: objects each of its N stands for
WORKLOADS = {"graph_heap": 5.5, "json_like": 10}
ROUNDS = 5

Cell = dict[str, Any]


def cell(python: str, script: str, *words: object, timeout: int = 3600) -> Cell:
    """Runs one cell of a script and gives what it printed."""
    done = subprocess.run(
        [python, str(FOLDER / script), *map(str, words)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=timeout,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "0"},
    )
    result: Cell = json.loads(done.stdout)
    return result


def median(numbers: list[float]) -> float:
    return statistics.median(numbers)


def mark(value: float, goal: float, at_least: bool = False) -> str:
    return "met" if (value >= goal if at_least else value <= goal) else "missed"


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
