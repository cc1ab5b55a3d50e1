"""`python -m tonnage run`: a program cannot tell it from a plain run. Each case runs both ways and is compared."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from capture_support import environment

PROGRAM = """\
import pickle, sys
class Thing: pass
thing = pickle.loads(pickle.dumps(Thing()))
hidden = ("__loader__", "thing", "Thing", "__builtins__")
shown = {name: str(value) for name, value in globals().items() if name not in hidden}
print(sorted(shown.items()), sys.argv, sys.path[0], sys.flags.safe_path, sys.flags.optimize, __builtins__.__name__)
print(Thing.__module__, sys.modules["__main__"].Thing is Thing, type(__loader__).__name__, __debug__)
if __name__ == "__main__" and len(sys.argv) > 1:
    exec(sys.argv[1])
"""

CASES: dict[str, list[str]] = {
    "script": ["s.py"],
    "script in a folder": ["pack/mod.py"],
    "arguments": ["s.py", "x = 1", "--force", "-m", "-h"],
    "exception": ["s.py", "1 / 0"],
    "chained exception": ["s.py", "raise ValueError('x') from KeyError(1)"],
    "exit code": ["s.py", "sys.exit(3)"],
    "exit text": ["s.py", "sys.exit('bye')"],
    "exit float": ["s.py", "raise SystemExit(2.5)"],
    "interrupt": ["s.py", "raise KeyboardInterrupt"],
    "signal": ["s.py", "import os; os.kill(os.getpid(), 15)"],
    "excepthook": ["s.py", "sys.excepthook = lambda *a: print(a[0], a[1]); 1 / 0"],
    "broken excepthook": ["s.py", "sys.excepthook = lambda *a: 1 / 0; nonesuch"],
    "atexit and thread": [
        "s.py",
        "import atexit, threading, time; atexit.register(print, 'bye');"
        "threading.Thread(target=lambda: (time.sleep(.1), print('thread'))).start()",
    ],
    "exception group": ["s.py", "raise ExceptionGroup('a', [ValueError(1), TypeError(2)])"],
    "asyncio": ["s.py", "import asyncio; asyncio.run(asyncio.sleep(0)); print('done')"],
    "fork": ["s.py", "import os; pid = os.fork(); pid and os.waitpid(pid, 0); print('here')"],
    "syntax error": ["bad.py"],
    "no such script": ["nonesuch.py"],
    "folder": ["folder"],
    "folder without main": ["empty"],
    "archive": ["archive.zip"],
    "package": ["-m", "pack"],
    "module": ["-m", "pack.mod", "1 / 0", "-o"],
    "package without main": ["-m", "pack.sub"],
    "no such module": ["-m", "nonesuch"],
    "code": ["-c", "import sys; print(sorted(globals()), sys.argv, repr(sys.path[0]))", "a", "-b"],
    "failing code": ["-c", "def f():\n    1 / 0\nf()"],
    "syntax error in code": ["-c", "f(:"],
    "spawned processes": ["spawn.py"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("programs")
    for name in ("pack", "pack/sub", "folder", "empty"):
        (root / name).mkdir()
    (root / "s.py").write_text(PROGRAM)
    (root / "pack/__init__.py").write_text("")
    (root / "pack/sub/__init__.py").write_text("")
    (root / "pack/__main__.py").write_text(PROGRAM)
    (root / "pack/mod.py").write_text(PROGRAM)
    (root / "folder/__main__.py").write_text(PROGRAM)
    (root / "bad.py").write_text("def f(:\n")
    (root / "spawn.py").write_text(
        "import multiprocessing\ndef double(x): return 2 * x\nif __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool: print(pool.map(double, [1, 2]))\n"
    )
    with zipfile.ZipFile(root / "archive.zip", "w") as archive:
        archive.writestr("__main__.py", PROGRAM)
    return root


def outcome(words: list[str], folder: Path, stdin: str = "") -> tuple[int, str, list[str]]:
    words = [sys.executable, *words]
    done = subprocess.run(
        words, input=stdin, capture_output=True, text=True, cwd=folder, env=environment(), timeout=120
    )
    errors = re.sub("0x[0-9a-f]+", "0x", done.stderr).splitlines()
    # A plain `python -m` shows its own two frames.
    errors = [line for line in errors if "_run_module_as_main" not in line and "_run_code" not in line]
    return done.returncode, re.sub("0x[0-9a-f]+", "0x", done.stdout), errors


FLAGGED = [
    *[(case, []) for case in CASES],
    *[(case, ["-O"]) for case in ("script", "module", "package", "folder", "archive", "code")],
    *[(case, ["-P"]) for case in ("script", "folder", "archive", "code")],
]


@pytest.mark.parametrize(("case", "flags"), FLAGGED, ids=lambda value: "".join(value) or "plain")
def test_a_program_runs_as_without(case: str, flags: list[str], folder: Path) -> None:
    plain = outcome([*flags, *CASES[case]], folder)
    assert outcome([*flags, "-m", "tonnage", "run", "--no-at-exit", *CASES[case]], folder) == plain


@pytest.mark.parametrize("text", [PROGRAM, PROGRAM + "print(sys.stdin.read())\n1 / 0\n", "def f(:\n", "", "é = 'ä'\n"])
@pytest.mark.parametrize("flags", [[], ["-P"]], ids=["plain", "-P"])
def test_a_program_from_standard_input_runs_as_without(text: str, flags: list[str], folder: Path) -> None:
    plain = outcome([*flags, "-", "x = 1", "-b"], folder, text)
    assert outcome([*flags, "-m", "tonnage", "run", "--no-at-exit", "-", "x = 1", "-b"], folder, text) == plain


@pytest.mark.parametrize("case", ["exception", "exit code", "exit text", "interrupt", "script", "package", "fork"])
def test_a_snapshot_at_the_end_changes_nothing_else(case: str, folder: Path, tmp_path: Path) -> None:
    import tonnage

    output = str(tmp_path / "end.tonnage")
    code, out, errors = outcome(["-m", "tonnage", "run", "-o", output, *CASES[case]], folder)
    note = [line for line in errors if line.startswith("tonnage: wrote ")]
    assert (code, out, [line for line in errors if line not in note]) == outcome(CASES[case], folder)
    assert len(note) == 1
    assert note[0].endswith(f"; next: tonnage summary {output}")
    with tonnage.load(output) as snapshot:
        assert [row["count"] for row in snapshot.summary(where="type:__main__.Thing")] == [1]


def test_the_default_name_counts_up(tmp_path: Path) -> None:
    (tmp_path / "s.py").write_text(
        "import os, tonnage\ntonnage.snapshot(f'tonnage-{os.getpid()}-1.tonnage').close()\nprint(os.getpid())\n"
    )
    code, out, _ = outcome(["-m", "tonnage", "run", "s.py"], tmp_path)
    assert code == 0
    names = sorted(path.name for path in tmp_path.glob("*.tonnage"))
    assert names == [f"tonnage-{out.strip()}-{n}.tonnage" for n in (1, 2)]


def test_an_existing_file_stops_the_run_before_it_begins(tmp_path: Path) -> None:
    (tmp_path / "a.tonnage").write_text("mine")
    code, out, errors = outcome(["-m", "tonnage", "run", "-o", "a.tonnage", "-c", "print(1)"], tmp_path)
    assert (code, out) == (2, "")
    assert "--force" in errors[0]
    code, out, _ = outcome(["-m", "tonnage", "run", "-o", "a.tonnage", "--force", "-c", "print(1)"], tmp_path)
    assert (code, out) == (0, "1\n")


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ("missing/a.tonnage", "there is no folder"),
        ("file/a.tonnage", "there is no folder"),
        ("/proc/a.tonnage", "no file can be made in /proc"),
        (".", "it is a folder"),
    ],
)
def test_a_place_for_no_file_stops_the_run_before_it_begins(output: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    code, out, errors = outcome(["-m", "tonnage", "run", "--force", "-o", output, "-c", "print(1)"], tmp_path)
    assert (code, out, len(errors)) == (2, "", 1)
    assert why in errors[0]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "words",
    [[], ["-o"], ["--nonesuch", "s.py"], ["--previews", "many", "s.py"], ["--previews", "513", "s.py"], ["-m"]],
    ids=" ".join,
)
def test_wrong_words_are_a_usage_error(words: list[str], tmp_path: Path) -> None:
    code, out, errors = outcome(["-m", "tonnage", "run", *words], tmp_path)
    assert (code, out) == (2, "")
    assert "--help" in errors[0]


def test_the_help_has_an_example_of_each_option(tmp_path: Path) -> None:
    code, out, errors = outcome(["-m", "tonnage", "run", "--help"], tmp_path)
    options, examples = out.split("examples:\n")
    assert (code, errors) == (0, [])
    listed = set(re.findall(r"^  (-+[a-z-]+)", options, re.MULTILINE))
    assert listed <= set(examples.split())
    assert len(listed) == 28
