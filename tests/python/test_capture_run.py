"""`tonnage run`: programs behave as without it, and a snapshot is there at the end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import tonnage
from capture_support import Shot, environment

COMMAND = shutil.which("tonnage", path=sysconfig.get_path("scripts")) or shutil.which("tonnage")
FRONTS = [[sys.executable, "-m", "tonnage"], *([[COMMAND]] if COMMAND else [])]


@pytest.fixture(params=FRONTS, ids=["module", "command"][: len(FRONTS)])
def front(request: pytest.FixtureRequest) -> list[str]:
    words: list[str] = request.param
    return words


def tool(words: list[str], folder: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, input=stdin, capture_output=True, text=True, timeout=120, env=environment(), cwd=folder, check=False
    )


def test_a_script_runs_and_its_globals_are_in_the_snapshot(front: list[str], tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "import sys\nclass Thing: pass\nkept = [Thing() for _ in range(77)]\nprint(sys.argv)\n"
    )
    done = tool([*front, "run", "-o", "out.tonnage", "app.py", "one", "--two"], tmp_path)
    assert (done.returncode, done.stdout) == (0, "['app.py', 'one', '--two']\n"), done.stderr
    assert "out.tonnage" in done.stderr
    with tonnage.load(tmp_path / "out.tonnage") as snapshot:
        counts = {row["type"]: row["count"] for row in snapshot.summary(limit=0).rows}
        assert counts["__main__.Thing"] == 77
    assert Shot(tmp_path / "out.tonnage").file.check() == []


def test_a_module_runs(front: list[str], tmp_path: Path) -> None:
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "__main__.py").write_text("import sys\nprint(__name__, __package__, sys.argv[1:])\n")
    done = tool([*front, "run", "-o", "out.tonnage", "-m", "pack", "x"], tmp_path)
    assert (done.returncode, done.stdout) == (0, "__main__ pack ['x']\n"), done.stderr
    assert (tmp_path / "out.tonnage").exists()


def test_code_on_the_command_line_runs(front: list[str], tmp_path: Path) -> None:
    done = tool([*front, "run", "-o", "out.tonnage", "-c", "import sys; print(sys.argv)", "y"], tmp_path)
    assert (done.returncode, done.stdout) == (0, "['-c', 'y']\n"), done.stderr
    assert (tmp_path / "out.tonnage").exists()


@pytest.mark.parametrize(
    ("code", "expected", "said"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('words')", 1, "words\n"),
        ("raise ValueError('oh')", 1, "ValueError: oh"),
        ("import sys; sys.exit()", 0, ""),
        ("1 +", 1, "SyntaxError"),
    ],
)
def test_the_exit_code_is_the_programs_own(
    front: list[str], tmp_path: Path, code: str, expected: int, said: str
) -> None:
    done = tool([*front, "run", "-o", "out.tonnage", "-c", code], tmp_path)
    assert done.returncode == expected
    assert said in done.stderr
    if "Syntax" not in said:
        assert (tmp_path / "out.tonnage").exists()


def test_an_interrupt_ends_as_without_the_tool(front: list[str], tmp_path: Path) -> None:
    words = [*front, "run", "-o", "out.tonnage", "-c", "raise KeyboardInterrupt"]
    plain = tool([sys.executable, "-c", "raise KeyboardInterrupt"], tmp_path)
    done = tool(words, tmp_path)
    assert done.returncode == plain.returncode == -signal.SIGINT
    shell = subprocess.run(
        ["sh", "-c", '"$@"; exit $?', "sh", *words, "--", "again"],
        capture_output=True,
        env=environment(),
        cwd=tmp_path,
        check=False,
        timeout=120,
    )
    assert shell.returncode in (130, 2)  # 2: the file exists by then
    assert Shot(tmp_path / "out.tonnage").file.check() == []


def test_a_program_takes_its_own_snapshots_under_run(front: list[str], tmp_path: Path) -> None:
    code = "import tonnage; s = tonnage.snapshot('mine.tonnage'); print(len(s) > 1000); s.close()"
    done = tool([*front, "run", "-o", "out.tonnage", "-c", code], tmp_path)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
    for name in ("mine.tonnage", "out.tonnage"):
        assert Shot(tmp_path / name).file.check() == []


def test_no_snapshot_is_taken_when_not_asked_for(front: list[str], tmp_path: Path) -> None:
    done = tool([*front, "run", "--no-at-exit", "-c", "print(1)"], tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1\n", "")
    assert os.listdir(tmp_path) == []


def test_a_failed_snapshot_keeps_the_programs_exit_code(front: list[str], tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    words = [*front, "run", "-o", "gone/out.tonnage", "-c", "import os, sys; os.rmdir('gone'); sys.exit(4)"]
    done = tool(words, tmp_path)
    assert done.returncode == 4
    assert "tonnage: no snapshot" in done.stderr


def test_options_reach_the_capture(front: list[str], tmp_path: Path) -> None:
    code = "kept = '-'.join(['very', 'private', 'text'])"
    assert tool([*front, "run", "--previews", "0", "-o", "a.tonnage", "-c", code], tmp_path).returncode == 0
    assert tool([*front, "run", "--redact", "-o", "b.tonnage", "-c", code], tmp_path).returncode == 0
    assert Shot(tmp_path / "a.tonnage").facts["capture.previews_bytes"] == 0
    assert Shot(tmp_path / "b.tonnage").facts["capture.redacted"] == 1


def test_a_call_without_a_path_leaves_a_file(front: list[str], tmp_path: Path) -> None:
    code = (
        "import os, tonnage; s = tonnage.snapshot(); print(os.getpid(), s.path, len(s) > 1000); s.close()\n"
        "with tonnage.snapshot(of=[1]) as s: pass"
    )
    done = tool([*front, "run", "-o", "out.tonnage", "-c", code], tmp_path)
    pid, path, read = done.stdout.split()
    names = [f"tonnage-{pid}-1.tonnage", f"tonnage-{pid}-2.tonnage", "out.tonnage"]
    assert (done.returncode, path, read) == (0, str(tmp_path / names[0]), "True"), done.stderr
    assert sorted(os.listdir(tmp_path)) == sorted(names)
    said = done.stderr.splitlines()
    assert [line.split(" (")[0] for line in said] == [f"tonnage: wrote {name}" for name in names]
    assert all(line.endswith(f"next: tonnage summary {name}") for line, name in zip(said, names, strict=True))
    assert all(Shot(tmp_path / name).file.check() == [] for name in names)


def test_options_are_the_defaults_of_the_programs_own_calls(front: list[str], tmp_path: Path) -> None:
    code = (
        "import tonnage; tonnage.snapshot('a.tonnage').close()\n"
        "tonnage.snapshot('b.tonnage', previews=40, redact=False).close()"
    )
    words = [*front, "run", "--no-at-exit", "--redact", "--previews", "7", "-c", code]
    done = tool(words, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    a, b = Shot(tmp_path / "a.tonnage").facts, Shot(tmp_path / "b.tonnage").facts
    assert (a["capture.redacted"], b["capture.redacted"]) == (1, 0)
    assert b["capture.previews_bytes"] == 40


INTERRUPT = """
import os, signal, tonnage
from tonnage import _capture
real = _capture.begin
def interrupted(*words, **options):
    if {before}:
        os.kill(os.getpid(), signal.SIGINT)
    job = real(*words, **options)
    os.kill(os.getpid(), signal.SIGINT)
    return job
_capture.begin = interrupted
"""


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("force", [True, False], ids=["force", "new"])
def test_an_interrupt_at_the_end_is_told_in_one_line(
    front: list[str], tmp_path: Path, before: bool, force: bool
) -> None:
    path = tmp_path / "out.tonnage"
    if force:
        path.write_text("mine")
    words = [*front, "run", "-o", "out.tonnage", *["--force"] * force, "-c", INTERRUPT.format(before=before)]
    done = tool(words, tmp_path)
    assert done.returncode == -signal.SIGINT
    if before:
        assert done.stderr == "tonnage: interrupted: no snapshot\n"
        assert (path.read_text() == "mine") if force else not path.exists()
    else:
        assert done.stderr == "tonnage: interrupted: out.tonnage is written and whole\n"
        assert Shot(path).file.check() == []
    assert len(os.listdir(tmp_path)) == path.exists()


def test_the_file_of_a_run_can_be_read_by_the_command(tmp_path: Path) -> None:
    if COMMAND is None:
        pytest.skip("the command is not installed beside this interpreter")
    assert tool([COMMAND, "run", "-o", "a.tonnage", "-c", "kept = [1.5] * 10"], tmp_path).returncode == 0
    for verb in ("summary", "largest", "info", "check"):
        done = tool([COMMAND, verb, "a.tonnage"], tmp_path)
        assert done.returncode == 0, (verb, done.stderr)
        assert done.stdout or verb == "check"
