"""Each call of the system fails in turn, while a snapshot is taken or read: all goes well, or there is one error.

Then no file is left, no file is open, nothing is mapped, and the next snapshot is right.
"""

from __future__ import annotations

import os
import signal
import textwrap
from pathlib import Path

import failing_calls
import pytest
from capture_support import Shot, environment, python

TAKING = """
import tonnage
kind, code, threads, existing, mode, folder = sys.argv[1:]
path = os.path.join(folder, "a.tonnage")
class Planted: pass
kept = [Planted() for _ in range(2000)] + [[float(n), str(n)] for n in range(10_000)]

def attempt():
    if existing == "existing":
        with open(path, "w") as file:
            file.write("old")
    try:
        tonnage.snapshot(path, mode=mode, threads=int(threads), force=True).close()
        return "taken"
    except tonnage.Error as error:
        assert str(error) and "\\n" not in str(error), str(error)
        return f"{type(error).__name__}: {error}"

def look(said):
    plan("")
    with tonnage.load(path) as snapshot:
        assert snapshot.check() == [], said
        assert all(id(one) in snapshot for one in kept), said

for _ in range(3):
    attempt()
look("first")
left = ["a.tonnage"] if existing == "existing" else []
for later in ("",) if code == "EINTR" else ("", "+"):  # without end it would be tried without end
    for n in numbers():
        os.unlink(path) if os.path.exists(path) else None
        before = mapped(), open_files()
        plan(f"{kind}:{n}{later}:{code}")
        said = attempt()
        n_failed = failed()
        plan("")
        assert (mapped(), open_files()) == before, (n, said, mapped(), before)
        if n_failed:
            print(said)
        if said == "taken":
            look(said)
        else:
            assert os.listdir(folder) == left, (n, said, os.listdir(folder))
            assert not left or open(path).read() == "old"
        if not n_failed:
            assert said == "taken", said
            break
attempt()
look("last")
"""


def outcomes(code: str, library: Path, *words: str | Path) -> list[str]:
    """What the process said, a line for each failure."""
    program = failing_calls.PRELUDE + textwrap.dedent(code)
    done = python(["-c", program, *words], env=environment(LD_PRELOAD=str(library)))
    assert done.returncode == 0, f"{done.returncode}: {done.stdout[-500:]}\n{done.stderr}"
    return done.stdout.splitlines()


ALWAYS = {"taken"}
FILE = {"FileError"}


@pytest.mark.parametrize(
    ("kind", "code", "threads", "existing", "allowed", "least"),
    [
        ("mmap", "ENOMEM", 1, "", {"NoMemoryError"}, 100),
        ("mmap", "ENOMEM", 3, "existing", {"taken", "NoMemoryError"}, 100),
        ("write", "ENOSPC", 1, "", FILE, 10),
        ("write", "EIO", 3, "existing", FILE, 10),
        ("write", "EINTR", 1, "", ALWAYS, 5),
        ("open", "EMFILE", 1, "", {"taken", "FileError"}, 8),
        ("open", "EACCES", 3, "existing", {"taken", "FileError", "NotPermittedError"}, 8),
        ("nameless", "EOPNOTSUPP", 1, "", ALWAYS, 2),
        ("nameless", "EOPNOTSUPP", 1, "existing", ALWAYS, 2),
        ("read", "EIO", 1, "", {"taken", "FileError"}, 20),
        ("readlink", "EIO", 1, "", ALWAYS, 2),
        ("fsync", "EIO", 1, "", FILE, 2),
        ("fsync", "EINVAL", 1, "", ALWAYS, 2),
        ("stat", "EIO", 1, "", ALWAYS, 2),
        ("fstat", "EIO", 1, "", ALWAYS, 2),
        ("link", "EIO", 1, "", FILE, 2),
        ("link", "ENOSPC", 1, "existing", FILE, 4),
        ("rename", "EIO", 1, "existing", FILE, 2),
        ("close", "EIO", 1, "", ALWAYS, 4),
        ("pthread_create", "EAGAIN", 3, "", ALWAYS, 6),
    ],
)
def test_a_call_that_fails_while_taking(
    tmp_path: Path, library: Path, kind: str, code: str, threads: int, existing: str, allowed: set[str], least: int
) -> None:
    said = outcomes(TAKING, library, kind, code, str(threads), existing, "stop", tmp_path)
    assert {line.partition(":")[0] for line in said} <= allowed
    assert len(said) >= least, "too few calls failed: is the library there?"
    assert kind != "mmap" or any("free memory or take it with previews=0" in line for line in said)
    assert Shot(tmp_path / "a.tonnage").file.check() == []


@pytest.mark.parametrize(
    ("kind", "code", "existing", "allowed", "least"),
    [
        ("syscall", "EAGAIN", "", {"taken", "LimitError"}, 3),
        ("syscall", "ENOSYS", "existing", {"taken", "LimitError"}, 3),
        ("mmap", "ENOMEM", "", {"NoMemoryError"}, 100),
        ("write", "ENOSPC", "existing", {"taken", "FileError"}, 10),
        ("open", "EMFILE", "", {"taken", "FileError"}, 8),
        ("nameless", "EOPNOTSUPP", "existing", ALWAYS, 2),
        ("read", "EIO", "", {"taken", "FileError"}, 20),
        ("fsync", "EIO", "", FILE, 2),
        ("link", "EIO", "existing", FILE, 2),
        ("close", "EIO", "", ALWAYS, 4),
    ],
)
def test_a_call_that_fails_in_the_process_or_its_child(
    tmp_path: Path, library: Path, kind: str, code: str, existing: str, allowed: set[str], least: int
) -> None:
    said = outcomes(TAKING, library, kind, code, "1", existing, "fork", tmp_path)
    assert {line.partition(":")[0] for line in said} <= allowed
    assert len(said) >= least, "too few calls failed: is the library there?"
    assert Shot(tmp_path / "a.tonnage").facts["capture.mode"] == "fork"


def leaves_no_name(folder: Path) -> bool:
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY))
    except OSError:
        return False
    return True


KILLED = """
import tonnage
plan(sys.argv[1])
tonnage.snapshot(sys.argv[2], force=True)
"""


@pytest.mark.parametrize("kind", ["write", "fsync", "link"])
def test_a_killed_process_leaves_nothing(tmp_path: Path, library: Path, kind: str) -> None:
    path = tmp_path / "a.tonnage"
    for n in range(1, 100):
        words = ["-c", failing_calls.PRELUDE + KILLED, f"{kind}:{n}:KILL", path]
        done = python(words, env=environment(LD_PRELOAD=str(library)))
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        left = [one.name for one in tmp_path.iterdir()]
        assert len(left) == (not leaves_no_name(tmp_path)), left
        for name in left:  # whose it was can be told
            words_of_name = name.split(".")
            assert words_of_name[:2] == ["a", "tonnage"]
            assert words_of_name[-1] == "part"
            assert not Path(f"/proc/{int(words_of_name[2])}").exists()
            (tmp_path / name).unlink()
    assert n > (8 if kind == "write" else 1), "nothing was killed: is the library there?"
    assert [one.name for one in tmp_path.iterdir()] == ["a.tonnage"]
    assert Shot(path).file.check() == []


LIVE = """
import tonnage
from tonnage import trace
trace.start()
kept = [[float(n), str(n)] for n in range(5000)]
pages = []
tops = [tonnage.Top(5, pages.append, by=by, cumulative=cumulative)
        for by in ("file", "line", "function") for cumulative in (False, True)]
for _ in range(3):
    for top in tops:
        top.display()
for top in tops:
    for n in numbers():
        before = mapped()
        plan(f"mmap:{n}:ENOMEM")
        try:
            top.display()
            said = "shown"
        except tonnage.NoMemoryError as error:
            assert "to sum up what is alive" in str(error), str(error)
            said = "NoMemoryError"
        n_failed = failed()
        plan("")
        assert mapped() == before, (n, said, mapped(), before)
        if not n_failed:
            assert said == "shown"
            break
        print(said)
"""


def test_memory_that_is_refused_while_a_page_is_made(library: Path) -> None:
    said = outcomes(LIVE, library)
    assert set(said) <= {"shown", "NoMemoryError"}
    assert said.count("NoMemoryError") >= 30, "too few calls failed: is the library there?"


READING = """
import tonnage
from tonnage import _core
kind, code, path, address = sys.argv[1:]

def read():
    with tonnage.load(path) as snapshot:
        one = snapshot[int(address)]
        return [
            str(snapshot.summary(limit=3)), str(snapshot.largest(limit=3)), str(snapshot.info()), snapshot.check(),
            len(snapshot), repr(one), [one.size, [str(held) for held in one.references]],
        ]

def attempt():
    try:
        said = read()
        findings = {type(one).__name__ for one in said[3]}
        return "FileError: found" if findings == {"FileError"} else said
    except (tonnage.NoMemoryError, tonnage.LimitError, tonnage.FileError) as error:
        assert str(error) and "\\n" not in str(error), str(error)
        return f"{type(error).__name__}: {error}"
    except MemoryError:  # of the interpreter, as a message of the extension is made
        return "MemoryError: "

right = read()
assert right[3] == []
for later in ("",) if code == "EINTR" else ("", "+"):
    for n in numbers():
        before = mapped(), open_files()
        plan(f"{kind}:{n}{later}:{code}")
        said = attempt()
        n_failed = failed()
        plan("")
        assert (mapped(), open_files()) == before, (n, said)
        if isinstance(said, list):
            assert [(i, a, b) for i, (a, b) in enumerate(zip(said, right)) if a != b] == [], n
        if not n_failed:
            assert said == right, said
            break
        print(said if isinstance(said, str) else "read")
assert read() == right
"""


@pytest.mark.parametrize(
    ("kind", "code", "allowed", "least"),
    [
        ("malloc", "ENOMEM", {"NoMemoryError", "MemoryError"}, 50),
        ("pread", "EIO", {"FileError"}, 20),
        ("pread", "EINTR", {"read"}, 20),
        ("fcntl", "EMFILE", {"FileError"}, 2),
        ("fstat", "EIO", {"FileError"}, 2),
        ("close", "EIO", {"read"}, 2),
    ],
)
def test_a_call_that_fails_while_reading(
    tmp_path: Path, library: Path, kind: str, code: str, allowed: set[str], least: int
) -> None:
    path = tmp_path / "a.tonnage"
    taking = "import sys, tonnage; kept = [[n] for n in range(100)]; tonnage.snapshot(sys.argv[1]); print(id(kept))"
    taken = python(["-c", taking, path])  # little to read: it is read a hundred times
    said = outcomes(READING, library, kind, code, path, taken.stdout.strip())
    assert {line.partition(":")[0] for line in said} <= allowed
    assert len(said) >= least, "too few calls failed: is the library there?"
