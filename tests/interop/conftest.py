"""What the tests against other programs import, and the snapshot that they read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(Path(__file__).parent), str(TESTS / "python"), str(TESTS / "cli")]

PROGRAM = """
import sys, tonnage
class Session:
    def __init__(self, i):
        self.name, self.data, self.me = f"session-{i}", [i] * 20, self
CACHE = {i: Session(i) for i in range(300)}
STRANGE = {"lone \\ud800": "\\ud800", "quote \\" \\\\ \\n \\x00": b"\\xff\\x00/"}
STRANGER = {"wide \\U0001f600": type('we"ird\\\\\\nname', (), {})()}
TWICE = ["twice " + "x" * int(i) for i in "99"]
tonnage.snapshot(sys.argv[1], force=True)
CACHE["extra"] = Session(7)
tonnage.snapshot(sys.argv[2], force=True)
"""


@pytest.fixture(scope="session")
def taken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two snapshots of one process, of whose regions no two meet: of those that do the second has other ids."""
    import heapsnapshot_reader as heap

    folder = tmp_path_factory.mktemp("interop")
    paths = folder / "one.tonnage", folder / "two.tonnage"
    while True:
        subprocess.run([sys.executable, "-c", PROGRAM, *map(str, paths)], check=True)
        if not heap.regions_meet(*paths):
            return paths
