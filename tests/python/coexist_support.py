"""What the tests of coexistence share: running a program that uses tonnage beside something else.

TONNAGE_COEXIST_ROUNDS=N repeats loops N times as often as a test run does.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import tonnage
from capture_support import TIMEOUT_SECONDS, environment

ROUNDS = int(os.environ.get("TONNAGE_COEXIST_ROUNDS", "1"))
MODES = pytest.mark.parametrize("how", ["stop", "fork"])


def needs(*names: str) -> None:
    """Skips a test where a package has no wheel for this interpreter."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"not installed for this interpreter: {', '.join(missing)}")


def start(
    code: str, folder: Path, *words: str, options: tuple[str, ...] = (), **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs a program in a folder of its own. A hang is ended, and shows where each thread is."""
    program = folder.parent / f"{folder.name}.py"
    program.write_text(textwrap.dedent(code))
    folder.mkdir(exist_ok=True)
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", *options, str(program), *words],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        env=environment(**variables),
        cwd=folder,
        check=False,
    )


def run(code: str, folder: Path, *words: str, options: tuple[str, ...] = (), **variables: str) -> str:
    """Runs a program that ends well and says nothing on standard error; what it printed."""
    done = start(code, folder, *words, options=options, **variables)
    assert (done.returncode, done.stderr) == (0, ""), f"{done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


def whole(folder: Path) -> list[str]:
    """Names of the snapshots of a folder, all of which are whole; anything else in it is an error."""
    names = sorted(path.name for path in folder.iterdir())
    for name in names:
        assert name.endswith(".tonnage"), f"{name} was left"
        with tonnage.load(folder / name) as snapshot:
            assert snapshot.check() == []
    return names
