"""`tonnage run` finds a Python that has the package and becomes it."""

from __future__ import annotations

import shutil
import subprocess
import sys
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
    got = subprocess.run([folder / "tonnage", "run", *words], env={"PATH": str(path)}, capture_output=True, text=True)
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


KNOWN = "not supported; tonnage knows CPython 3.11 to 3.15 with the global interpreter lock"
FREE_THREADED = "import sysconfig; sysconfig.get_config_var = lambda name: name == 'Py_GIL_DISABLED'"
PRETENDERS = {
    "PyPy (Python 3.10.14): ": "sys.implementation.name = 'pypy'; sys.version_info = (3, 10, 14)",
    "GraalPy (Python 3.11.7): ": "sys.implementation.name = 'graalpy'; sys.version_info = (3, 11, 7)",
    "a free-threaded build of CPython 3.14.2: ": f"sys.version_info = (3, 14, 2); {FREE_THREADED}",
    "a debug build of CPython 3.12.1: ": "sys.version_info = (3, 12, 1); sys.gettotalrefcount = sys.getobjects = len",
    "a trace-refs build of CPython 3.12.1: ": "sys.version_info = (3, 12, 1); sys.getobjects = len",
    "CPython 3.10.14: ": "sys.version_info = (3, 10, 14)",
    "CPython 3.16.0: ": "sys.version_info = (3, 16, 0)",
}


def pretender(path: Path, what: str) -> Path:
    """Some other interpreter, into which tonnage cannot be imported: this one under a mask."""
    mask = f"import sys; {what}; sys.modules['tonnage'] = None; exec(sys.argv[1])"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{mask}" "$2"\n')
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("found", PRETENDERS)
def test_an_unsupported_interpreter_is_named(cli: Cli, beside: Path, tmp_path: Path, found: str) -> None:
    other = pretender(tmp_path / "other", PRETENDERS[found])
    said = f"tonnage: run: {other} is {found}{KNOWN}\n"
    assert run(cli, beside, "", "--python", str(other), "app.py") == (6, "", said)


def test_a_supported_interpreter_without_the_package_is_asked_to_install_it(
    cli: Cli, beside: Path, tmp_path: Path
) -> None:
    other = pretender(tmp_path / "other", "pass")
    code, _, said = run(cli, beside, "", "--python", str(other), "app.py")
    assert code == 3
    assert "install the package there" in said


def test_a_supported_interpreter_goes_before_an_unsupported_one(cli: Cli, beside: Path, tmp_path: Path) -> None:
    pretender(beside / "python3", PRETENDERS["CPython 3.16.0: "])
    far = python_that(tmp_path / "python3", True)
    assert run(cli, beside, tmp_path, "app.py")[1] == f"{far} -m tonnage run app.py\n"
    far.unlink()
    assert run(cli, beside, tmp_path, "app.py")[0] == 6


def test_the_package_without_its_extension_names_the_interpreter(tmp_path: Path) -> None:
    import tonnage

    package = tmp_path / "tonnage"
    package.mkdir()
    for source in Path(tonnage.__file__).parent.glob("*.py"):
        shutil.copy(source, package)
    mask = "sys.implementation.name = 'pypy'"
    for words, expected in (
        ("tonnage.size_of([])", "VersionError"),
        ("tonnage.snapshot()", "VersionError"),
        ("from tonnage._run import main; sys.argv = ['tonnage', 'run', '-c', 'print(1)']; main()", "tonnage: run: "),
    ):
        code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import tonnage; {mask}; {words}"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=100)
        assert done.stdout == ""
        assert done.returncode == (6 if "main" in words else 1)
        assert expected in done.stderr
        assert f"PyPy (Python {sys.version.split()[0]}): {KNOWN}" in done.stderr


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


def test_sample_is_handed_over_as_run_is(cli: Cli, beside: Path, tmp_path: Path) -> None:
    python = python_that(tmp_path / "python3", True)
    words = ["--clock", "real", "-o", "a.tonnage", "app.py", "--json"]
    got = subprocess.run(
        [beside / "tonnage", "sample", *words], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert (got.returncode, got.stdout) == (7, f"{python} -m tonnage sample {' '.join(words)}\n")
    page = cli("sample", "--help")
    assert (page.returncode, page.stderr) == (0, "") and page.stdout.startswith(
        "usage: tonnage sample [--python PATH] "
    )
    assert (
        cli("sample", "--python").stderr == "tonnage: sample: a path must follow --python; see tonnage sample --help\n"
    )
    assert "\n  sample     runs a Python program and samples where its time goes\n" in cli("--help").stdout


def test_a_python_that_is_only_tried_is_not_recorded(beside: Path, tmp_path: Path) -> None:
    import subprocess

    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\necho "$1 ${{TONNAGE-unset}}" >>{tmp_path}/log\n')
    python.chmod(0o755)
    subprocess.run([beside / "tonnage", "run", "app.py"], env={"PATH": str(tmp_path), "TONNAGE": "1"}, check=True)
    assert (tmp_path / "log").read_text() == "-c unset\n-m 1\n"
