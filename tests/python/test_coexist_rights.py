"""Programs that give up rights, folders, descriptors or /proc: whole files of mode 0600, or one clear line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from capture_support import environment
from coexist_support import run, whole

HEAD = """
    import os, resource, sys, time, tonnage
    from tonnage import _capture, _core, _recorder, _helper, _templates
    kept = [[n] for n in range(20_000)]
    def attempt(how, path=None):
        try:
            with tonnage.snapshot(path, mode=how) as taken:
                print(how, how == "auto" or how == taken.mode, len(taken.check()))
        except tonnage.Error as error:
            print(how, type(error).__name__, error)
    def all_ways():
        for how in "stop", "fork", "auto":
            attempt(how)
            attempt(how, f"{how}.tonnage")
        with tonnage.every(0.02, "a-{n}.tonnage", quiet=True, at_exit=False) as handle:
            while len(handle.files) < 2: time.sleep(0.01)
"""
ALL = "".join(f"{how} True 0\n" * 2 for how in ("stop", "fork", "auto"))

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

CHANGES = {
    "another user": "os.chmod('.', 0o777); os.setgroups([]); os.setgid(65534); os.setuid(65534)",
    "another folder": "os.chdir('..'); os.chdir(folder)",
    "no descriptors": "os.closerange(3, 1 << 16)",
    "few descriptors": "resource.setrlimit(resource.RLIMIT_NOFILE, (8, 8))",
    "no rights in the mask": "os.umask(0o777)",
    "a temporary folder that is missing": "os.environ['TMPDIR'] = '/nowhere'",
    "no temporary folder": "os.environ.pop('TMPDIR', None)",
    "no environment": "os.environ.clear()",
}


@pytest.fixture
def shared() -> Iterator[Path]:
    """A folder that other users reach, which those of pytest are not."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@pytest.mark.parametrize("change", CHANGES)
def test_snapshots_are_taken_after(change: str, shared: Path) -> None:
    if change == "another user" and os.geteuid() != 0:
        pytest.skip("needs root")
    assert run(f"{HEAD}\n    folder = os.getcwd()\n    {CHANGES[change]}\n    all_ways()\n", shared / "files") == ALL
    for name in whole(shared / "files"):
        assert (shared / "files" / name).stat().st_mode & 0o7777 == 0o600


def test_a_copy_has_the_mode_of_the_first_whatever_the_mask(tmp_path: Path) -> None:
    code = f"""{HEAD}
    os.umask(0o777)
    with tonnage.snapshot() as taken:
        taken.save("new.tonnage")
        taken.save("new.tonnage", force=True)
    tonnage.snapshot("forced.tonnage").close()
    tonnage.snapshot("forced.tonnage", force=True).close()
    """
    run(code, tmp_path / "files")
    modes = {(tmp_path / "files" / name).stat().st_mode & 0o7777 for name in whole(tmp_path / "files")}
    assert modes == {0o600}


def test_a_recording_goes_on_where_it_began(tmp_path: Path) -> None:
    code = f"""{HEAD}
    with tonnage.every(0.02, "a-{{n}}.tonnage", quiet=True, at_exit=False) as handle:
        os.chdir("/")
        os.closerange(3, 1 << 16)
        os.umask(0o777)
        while len(handle.files) < 3: time.sleep(0.01)
    """
    run(code, tmp_path / "files")
    assert len(whole(tmp_path / "files")) >= 3


def test_without_a_descriptor_left_it_is_an_error_of_ours(tmp_path: Path) -> None:
    code = f"""{HEAD}
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    for how in "stop", "fork":
        attempt(how)
        attempt(how, f"{{how}}.tonnage")
    """
    lines = run(code, tmp_path / "files").splitlines()
    assert len(lines) == 4
    assert all(" FileError " in line and "too many open files" in line.lower() for line in lines), lines
    whole(tmp_path / "files")


@root_only
def test_where_no_process_may_be_made_only_fork_is_refused(shared: Path) -> None:
    code = f"""{HEAD}
    os.chmod(".", 0o777); os.setgroups([]); os.setgid(65534); os.setuid(65534)
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    for how in "stop", "fork", "auto":
        attempt(how)
    try: tonnage.every(1)
    except RuntimeError as error: print(error)
    """
    stop, fork, auto, every = run(code, shared / "files").splitlines()
    assert (stop, auto) == ("stop True 0", "auto True 0")
    assert fork.startswith("fork LimitError ") and "mode stop" in fork
    assert "gives no thread" in every


@root_only
@pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare here")
def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """Mounted without the right to write, in a mount namespace of the program."""
    folder = tmp_path / "files"
    folder.mkdir()
    program = tmp_path / "program.py"
    code = f"""{HEAD}
    for how in "stop", "fork":
        attempt(how, "a.tonnage")
    try:
        tonnage.every(0.02, "a-{{n}}.tonnage", quiet=True)
    except tonnage.Error as error:
        print(error)
    """
    program.write_text(textwrap.dedent(code))
    mount = 'cd "$2" && mount --bind . . && mount -o remount,bind,ro . && cd "$2" || exit 77; exec "$0" "$1"'
    words = ["unshare", "--mount", "sh", "-c", mount, sys.executable, program, folder]
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("no mount namespace can be made here")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[:2] for line in lines[:2]] == [["stop", "FileError"], ["fork", "FileError"]]
    assert len(lines) == 3
    assert all("read-only" in line.lower() for line in lines), lines
    assert list(folder.iterdir()) == []


@root_only
def test_another_root_without_proc_is_one_line_for_all_that_are_not_taken(tmp_path: Path) -> None:
    code = f"""{HEAD}
    handle = tonnage.every(0.02, "a-{{n}}.tonnage", quiet=True, at_exit=False)
    while not handle.files: time.sleep(0.01)
    inside, outside = os.pipe()
    before = os.dup(2)
    os.dup2(outside, 2)
    os.chroot("."); os.chdir("/")
    attempt("stop", "b.tonnage")
    said = b""
    while b"/proc" not in said: said += os.read(inside, 1 << 16)
    time.sleep(0.2)
    os.dup2(before, 2)
    os.set_blocking(inside, False)
    try:
        said += os.read(inside, 1 << 16)
    except BlockingIOError:
        pass
    print(said.decode(), end="")
    handle.stop()
    """
    first, *said = run(code, tmp_path / "files").splitlines()
    assert first.startswith("stop FileError ")
    assert all(line.startswith("tonnage: no snapshot (every 0.02s): ") for line in said)
    # Before it the one that was under way may be told, whose folder has another name now.
    assert len(said) == 1 or (len(said) == 2 and "cannot write" in said[0])
    assert all("is /proc mounted?" in line for line in (first, said[-1]))
    whole(tmp_path / "files")


@root_only
def test_with_rights_that_its_user_has_not_nothing_is_taken_from_outside(shared: Path) -> None:
    """A set-group-id interpreter that has made its ids equal: only the auxiliary vector still says it."""
    real = Path(sys.executable).resolve()
    python = shared / "bin" / real.name
    python.parent.mkdir()
    shutil.copy(real, python)
    (shared / "pyvenv.cfg").write_text(f"home = {real.parent}\n")
    os.chown(python, 0, 65534)
    python.chmod(0o2755)
    (shared / "pyproject.toml").write_text("[tool.tonnage]\nkeep = 3\n")
    code = """if True:
        import os, sys
        taken = os.getegid() != os.getgid()
        os.setregid(os.getegid(), os.getegid())
        from tonnage import _options, _startup
        print(taken, _startup._is_for_others())
        _options.config([])
    """
    paths = os.pathsep.join(path for path in sys.path if path)
    outside = {**environment(), "PYTHONPATH": paths, "TONNAGE_EVERY": "5"}
    done = subprocess.run([python, "-c", code], cwd=shared, env=outside, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first, *rows = done.stdout.splitlines()
    if not first.startswith("True"):
        pytest.skip("set-group-id does nothing in the temporary folder")
    assert first == "True True"
    assert {row.split()[2] for row in rows[1:]} == {"default"}
