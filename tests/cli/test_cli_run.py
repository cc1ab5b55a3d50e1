"""`tonnage run` finds a Python that has the package and becomes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from cli_support import CLI, Cli


def python_that(path: Path, imports: bool) -> Path:
    """A stand-in that says which words it was given."""
    path.write_text(f'#!/bin/sh\n[ "$1" = -c ] && exit {0 if imports else 1}\necho "$0 $*"\nexit 7\n')
    path.chmod(0o755)
    return path


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """The command in a folder of its own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    shutil.copy(CLI, folder / "tonnage")
    return folder


def run(cli: Cli, folder: Path, path: Path | str, *words: str) -> tuple[int, str, str]:
    import subprocess

    got = subprocess.run(
        [folder / "tonnage", "run", *words], env={"PATH": str(path)}, capture_output=True, text=True
    )
    return got.returncode, got.stdout, got.stderr


def test_named_python_gets_all_words(cli: Cli, beside: Path, tmp_path: Path) -> None:
    python = python_that(tmp_path / "mine", True)
    expected = (7, f"{python} -m tonnage run -o x.tonnage app.py --json\n", "")
    assert run(cli, beside, "", "--python", str(python), "-o", "x.tonnage", "app.py", "--json") == expected
    assert run(cli, beside, "", f"--python={python}", "-o", "x.tonnage", "app.py", "--json") == expected


def test_python_beside_goes_before_path(cli: Cli, beside: Path, tmp_path: Path) -> None:
    python_that(tmp_path / "python3", True)
    near = python_that(beside / "python", True)
    python_that(beside / "python3", False)
    assert run(cli, beside, tmp_path, "app.py")[1] == f"{near} -m tonnage run app.py\n"


def test_path_is_the_last_resort(cli: Cli, beside: Path, tmp_path: Path) -> None:
    far = python_that(tmp_path / "python3", True)
    assert run(cli, beside, tmp_path, "app.py")[1] == f"{far} -m tonnage run app.py\n"


def test_a_link_to_the_command_is_resolved(cli: Cli, beside: Path, tmp_path: Path) -> None:
    near = python_that(beside / "python3", True)
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "tonnage").symlink_to(beside / "tonnage")
    assert run(cli, tmp_path / "link", "", "app.py")[1] == f"{near} -m tonnage run app.py\n"


def test_no_python_says_what_was_tried(cli: Cli, beside: Path, tmp_path: Path) -> None:
    without = python_that(tmp_path / "python3", False)
    code, out, err = run(cli, beside, tmp_path, "app.py")
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert "python3" in err and "--python" in err
    assert run(cli, beside, "", "--python", str(without), "app.py")[0] == 3
    assert run(cli, beside, "", "--python")[0] == 2


def test_config_is_handed_over_as_run_is(cli: Cli, beside: Path, tmp_path: Path) -> None:
    import subprocess

    python = python_that(tmp_path / "python3", True)
    for words in (["--every", "5m", "--json"], ["--help"]):
        got = subprocess.run(
            [beside / "tonnage", "config", *words], env={"PATH": str(tmp_path)}, capture_output=True, text=True
        )
        assert (got.returncode, got.stdout) == (7, f"{python} -m tonnage config {' '.join(words)}\n")
    missing = subprocess.run([beside / "tonnage", "config"], env={"PATH": ""}, capture_output=True, text=True)
    assert (missing.returncode, missing.stderr.startswith("tonnage: config: no Python")) == (3, True)


def test_a_python_that_is_only_tried_is_not_recorded(beside: Path, tmp_path: Path) -> None:
    import subprocess

    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\necho "$1 ${{TONNAGE-unset}}" >>{tmp_path}/log\n')
    python.chmod(0o755)
    subprocess.run([beside / "tonnage", "run", "app.py"], env={"PATH": str(tmp_path), "TONNAGE": "1"}, check=True)
    assert (tmp_path / "log").read_text() == "-c unset\n-m 1\n"
