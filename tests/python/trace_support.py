"""What the tests of the recorder share: running a program that records itself, and reading sums by line.

Programs import this module as well; it loads nothing but what they need.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
TIMEOUT_SECONDS = 300

MEM, OBJ, RAW = 0, 1, 2
# For programs whose lines make objects that have a free list, and are to be exact: before 3.14 that is no int.
FOLLOWED = {"free_lists": "track" if sys.version_info >= (3, 13) else "ignore"}


# ---- in the program ----


def sums(
    file: str | None = None, domains: tuple[int, ...] = (MEM, OBJ, RAW), tracked: bool = False
) -> dict[tuple[str, int], list[float]]:
    """Live bytes and count by (file, line) of the innermost frame; names where there is no file."""
    from tonnage import _capture

    out: dict[tuple[str, int], list[float]] = {}
    for row in _capture.trace_sites():
        if row[2] != tracked or (not tracked and row[1] not in domains) or not row[4]:
            continue
        frames = _capture.trace_frames(row[0])
        key = (frames[0][0] or frames[0][2], frames[0][1]) if frames else ("?", 0)
        if file is None or key[0] == file:
            total = out.setdefault(key, [0, 0])
            total[0] += row[3]
            total[1] += row[4]
    return out


def line(marker: str, file: str) -> int:
    """The line of a program that ends with a comment."""
    with open(file, encoding="utf-8") as text:
        return next(number for number, words in enumerate(text, 1) if words.rstrip().endswith(f"# {marker}"))


def of_lines(file: str, *markers: str, **options: Any) -> list[list[float]]:
    """Live bytes and count of lines with such comments."""
    found = sums(file, **options)
    return [found.get((file, line(marker, file)), [0, 0]) for marker in markers]


# ---- in the test ----


def execute(
    code: str,
    folder: Path,
    *words: str,
    options: tuple[str, ...] = (),
    timeout: int = TIMEOUT_SECONDS,
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """Runs a program."""
    program = folder / "program.py"
    program.write_text(textwrap.dedent(code))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TONNAGE", "PYTHON"))}
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", *options, str(program), *words],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=kept | {"PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"} | variables,
        cwd=folder,
        check=False,
    )


def answer(
    code: str,
    folder: Path,
    *words: str,
    options: tuple[str, ...] = (),
    timeout: int = TIMEOUT_SECONDS,
    **variables: str,
) -> Any:
    """Runs a program that ends well and in silence, and prints JSON in its last line."""
    done = execute(code, folder, *words, options=options, timeout=timeout, **variables)
    assert (done.returncode, done.stderr) == (0, ""), f"{done.returncode}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout.splitlines()[-1])
