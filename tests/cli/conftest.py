"""The command as a program: what it prints, where, and its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "python")]

from cli_support import CLI, Cli  # noqa: E402


@pytest.fixture(scope="session")
def cli() -> Cli:
    """Runs the command; no terminal, English messages."""

    def run(*words: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
        arguments = {
            "capture_output": True, "encoding": "utf-8", "errors": "strict", "timeout": 60,
            "env": {**os.environ, "LC_ALL": "C"}, **options,
        }  # fmt: skip
        return subprocess.run([CLI, *map(str, words)], **arguments)  # type: ignore[call-overload]

    return run


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot of a small shop, all of whose numbers the tests know."""
    import cycles_snapshot
    import shop_snapshot

    path = tmp_path_factory.mktemp("cli") / "shop.tonnage"
    path.write_bytes(shop_snapshot.data())
    path.with_name("cycles.tonnage").write_bytes(cycles_snapshot.data())
    path.with_name("old.tonnage").write_bytes(shop_snapshot.older())
    path.with_name("new.tonnage").write_bytes(shop_snapshot.newer())
    return path
