"""When a snapshot cannot be made: a clear error, the program goes on, and no file is left."""

from __future__ import annotations

import os
import signal
import subprocess
import textwrap
from pathlib import Path

import pytest
from capture_support import Shot, environment, python

TRY = """
import os, sys, tonnage
kept = [[float(n), str(n)] for n in range(20_000)]
def attempt(path, **options):
    try:
        tonnage.snapshot(path, **options).close()
        return "taken"
    except tonnage.Error as error:
        return f"{type(error).__name__}: {error}"
"""


def outcome(code: str, *, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    done = python(["-c", TRY + textwrap.dedent(code)], env=env, cwd=cwd)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr}"
    return done.stdout.strip()


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    said = outcome(f"print(attempt({str(tmp_path / 'missing' / 'a.tonnage')!r}))")
    assert said.startswith("FileError: ")
    assert "missing" in said
    assert not list(tmp_path.iterdir())


def test_a_file_in_place_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    said = outcome(f"print(attempt({str(tmp_path / 'file' / 'a.tonnage')!r}))")
    assert said.startswith("FileError: ")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    said = outcome(f"print(attempt({str(folder / 'a.tonnage')!r}))")
    assert said.startswith(("FileError: ", "NotPermittedError: "))


def test_a_folder_as_the_file_is_refused(tmp_path: Path) -> None:
    said = outcome(f"print(attempt({str(tmp_path)!r})); print(attempt({str(tmp_path)!r}, force=True))").splitlines()
    assert said[0].startswith("ExistsError: ")
    assert said[1].startswith(("FileError: ", "ExistsError: "))
    assert not list(tmp_path.iterdir())
    assert not [path for path in tmp_path.parent.iterdir() if path.name.startswith(tmp_path.name + ".")]


def test_an_existing_file_is_kept_without_force(tmp_path: Path) -> None:
    path = tmp_path / "a.tonnage"
    path.write_text("precious")
    said = outcome(f"print(attempt({str(path)!r}))")
    assert said.startswith("ExistsError: ")
    assert path.read_text() == "precious"
    assert outcome(f"print(attempt({str(path)!r}, force=True))") == "taken"
    assert Shot(path).file.check() == []
    assert [one.name for one in tmp_path.iterdir()] == ["a.tonnage"]


def test_a_symbolic_link_counts_as_existing(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    assert outcome(f"print(attempt({str(tmp_path / 'link')!r}))").startswith("ExistsError: ")
    assert not (tmp_path / "nowhere").exists()


def test_the_file_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "a.tonnage"
    assert outcome(f"import os; os.umask(0); print(attempt({str(path)!r}))") == "taken"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("limit", [0, 1, 4096, 100_000])
def test_a_file_that_cannot_grow_is_removed(tmp_path: Path, limit: int) -> None:
    """RLIMIT_FSIZE stands in for a full disk: writes fail in the middle of the file."""
    path = tmp_path / "a.tonnage"
    code = f"""
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # as where Python is embedded without handlers
    attempt(None)
    resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, resource.RLIM_INFINITY))
    first = attempt({str(path)!r})
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(first)
    print(sorted(os.listdir({str(tmp_path)!r})))
    print(attempt({str(path)!r}))
    """
    said = outcome(code).splitlines()
    assert said[0].startswith("FileError: ")
    assert "raise the limit of file sizes (ulimit -f)" in said[0]
    assert said[1:] == ["[]", "taken"]
    assert Shot(path).file.check() == []


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here; RLIMIT_FSIZE covers the same path")
    try:
        code = f"print(attempt({str(folder / 'a.tonnage')!r})); print(os.listdir({str(folder)!r}))"
        said = outcome(code).splitlines()
        assert said[0].startswith("FileError: ")
        assert "disk full: free space or choose another folder (-o, TMPDIR)" in said[0]
        assert said[1] == "[]"
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_without_room_for_its_own_memory_the_program_lives(tmp_path: Path) -> None:
    """RLIMIT_AS from just above what is in use, in steps of 256 KiB, up to where it succeeds."""
    path = tmp_path / "a.tonnage"
    code = f"""
    import resource
    attempt(None)
    def used():
        with open("/proc/self/statm") as file:
            return int(file.read().split()[0]) * 4096
    said = set()
    done = False
    for extra in range(0, 200):
        base = used()
        resource.setrlimit(resource.RLIMIT_AS, (base + (extra << 18), resource.RLIM_INFINITY))
        try:
            tonnage.snapshot({str(path)!r}).close()
            done = True
        except MemoryError as error:
            said.add(type(error).__name__)
        except tonnage.Error as error:
            said.add(f"{{type(error).__name__}}: {{error}}")
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        left = os.listdir({str(tmp_path)!r})
        if done:
            break
        assert left == [], left
    print(done, sorted(said))
    assert [k[0] for k in kept[:10]] == [float(n) for n in range(10)]
    """
    said = outcome(code)
    assert said.startswith("True [")
    assert "NoMemoryError" in said
    assert Shot(path).file.check() == []


def test_an_interrupt_leaves_a_whole_file_or_none(tmp_path: Path) -> None:
    """A signal at many moments of a capture, its file and what follows, then Ctrl-C itself.

    The moments are fractions of the time that a capture takes here. Only a timer can send a signal during the pause,
    and its signal is SIGALRM; with the handler of SIGINT it does the same.
    """
    code = f"""
    import signal, time
    for number in signal.SIGALRM, signal.SIGINT:  # a background job begins with the latter ignored
        signal.signal(number, signal.default_int_handler)
    del kept[2000:]
    said = {{}}
    start = time.perf_counter()
    attempt({str(tmp_path / "first")!r})
    took = time.perf_counter() - start
    for n in range(12):
        try:
            signal.setitimer(signal.ITIMER_REAL, 1e-6 + took * n / 9)
            said[n] = attempt({str(tmp_path)!r} + f"/{{n}}")
            signal.setitimer(signal.ITIMER_REAL, 0)
        except KeyboardInterrupt:  # may come behind the assignment, too
            said[n] = "interrupted"
    print(*said.values())
    print(attempt({str(tmp_path / "last")!r}))
    signal.raise_signal(signal.SIGINT)
    """
    done = python(["-c", TRY + textwrap.dedent(code)], env=environment(TMPDIR=str(tmp_path)))
    said, last = done.stdout.splitlines()
    assert done.returncode == -signal.SIGINT, done.stderr
    assert set(said.split()) <= {"taken", "interrupted"}
    assert said.startswith("interrupted "), "the first signal comes long before the end"
    assert last == "taken"
    left = {path.name for path in tmp_path.iterdir()}
    taken = {str(n) for n, word in enumerate(said.split()) if word == "taken"}
    assert taken | {"first", "last"} <= left <= {"first", "last", *map(str, range(12))}
    for name in left:
        assert Shot(tmp_path / name).file.check() == [], name


@pytest.mark.parametrize(
    "options", ["mode='fork-bomb'", "previews=-1", "previews='x'", "mode=3", "of=[], mode='no'", "previews=10**30"]
)
def test_a_wrong_argument_is_refused_before_anything_is_written(tmp_path: Path, options: str) -> None:
    path = tmp_path / "a.tonnage"
    code = f"""
    try:
        tonnage.snapshot({str(path)!r}, {options})
        print("taken")
    except (tonnage.ArgumentError, TypeError, ValueError, OverflowError) as error:
        print(type(error).__name__)
    """
    assert outcome(code) in ("ArgumentError", "TypeError", "ValueError", "OverflowError")
    assert not list(tmp_path.iterdir())


def test_paths_with_odd_names_work(tmp_path: Path) -> None:
    names = ["a b", "\u20ac", "-o", "new\nline", "x" * 200]
    for name in names:
        assert outcome(f"print(attempt({str(tmp_path / name)!r}))") == "taken"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)


def test_without_a_path_nothing_is_left_in_the_temporary_folder(tmp_path: Path) -> None:
    code = """
    s = tonnage.snapshot()
    print(len(s) > 1000, os.listdir(os.environ["TMPDIR"]))
    """
    assert outcome(code, env=environment(TMPDIR=str(tmp_path))) == "True []"
    assert not list(tmp_path.iterdir())


def test_a_program_that_closed_its_standard_streams_cannot_write_into_the_snapshot(tmp_path: Path) -> None:
    """Their numbers are the lowest free ones: whoever opens next would get them, and what is printed would go there."""
    stop, fork = (str(tmp_path / name) for name in ("stop.tonnage", "fork.tonnage"))
    said = outcome(
        f"""
        import threading
        out = os.dup(1)
        for number in range(3):
            os.close(number)
        kept.extend([[float(n), str(n)] for n in range(40_000)])
        written, results = [], []
        for mode, path in [("stop", {stop!r}), ("fork", {fork!r})]:
            thread = threading.Thread(target=lambda: results.append(attempt(path, mode=mode)))
            thread.start()
            while thread.is_alive():
                for number in range(3):
                    try:
                        written.append(os.write(number, b"printed"))
                    except OSError:
                        pass
            thread.join()
        os.write(out, f"{{results}} {{len(written)}}".encode())
        os._exit(0)
        """
    )
    assert said == "['taken', 'taken'] 0"
    for path in (stop, fork):
        assert Shot(Path(path)).file.check() == []


def test_a_program_that_closes_a_number_twice_gets_no_part_of_the_snapshot(tmp_path: Path) -> None:
    """Between the two the number may have become that of the snapshot's file, and after them that of a pipe."""
    path = str(tmp_path / "a.tonnage")
    said = outcome(
        f"""
        import threading
        def is_open(number):
            try:
                return ".part" in (file := os.readlink(f"/proc/self/fd/{{number}}")) or " (deleted)" in file
            except OSError:
                return False
        kept.extend([[float(n), str(n)] for n in range(300_000)])
        out, results = os.dup(1), []
        os.dup2(out, 64)
        thread = threading.Thread(target=lambda: results.append(attempt({path!r}, mode="stop")))
        thread.start()
        has_number = False
        while thread.is_alive() and not has_number:
            has_number = any(is_open(number) for number in range(512, 600))  # none that programs come to
        os.closerange(3, 64)
        pipes = [os.pipe() for _ in range(8)]
        thread.join()
        for pipe in pipes:
            os.close(pipe[1])
        read = sum(len(os.read(pipe[0], 4096)) for pipe in pipes)
        os.write(64, f"{{results}} {{read}} {{has_number}}".encode())
        os._exit(0)
        """
    )
    assert said == "['taken'] 0 True"
    assert Shot(Path(path)).file.check() == []
