"""Fixtures of all Python tests."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import failing_calls  # noqa: E402
from capture_support import Run, run_program  # noqa: E402


@pytest.fixture(scope="session", params=os.environ.get("PLANTED_MODES", "stop fork").split())
def mode(request: pytest.FixtureRequest) -> str:
    """How the planted programs take their snapshots: whoever runs one is tested both ways.

    PLANTED_MODES=stop leaves one out: what forks is the same on all CPythons, and test_capture_fork.py runs on each.
    """
    return str(request.param)


@pytest.fixture
def run(tmp_path: Path, mode: str) -> Callable[..., Run]:
    """Runs a program of tests/programs in a fresh process: `run("threads", "argument")`."""

    def start(name: str, *arguments: str, env: dict[str, str] | None = None) -> Run:
        return run_program(name, tmp_path, *arguments, mode=mode, env=env)

    return start


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is preloaded to let calls fail."""
    return failing_calls.build(tmp_path_factory.mktemp("failing"))


@pytest.fixture(scope="module")
def shared_run(tmp_path_factory: pytest.TempPathFactory, mode: str) -> Callable[..., Run]:
    """Like `run`, once for all tests of a module that ask for the same program and arguments."""
    done: dict[tuple[str, ...], Run] = {}

    def start(name: str, *arguments: str) -> Run:
        key = (name, *arguments)
        if key not in done:
            done[key] = run_program(name, tmp_path_factory.mktemp(name), *arguments, mode=mode)
        return done[key]

    return start
