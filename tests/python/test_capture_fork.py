"""Mode fork: the same snapshot as in place, the program undisturbed, and nothing left when a process dies."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import tonnage
from capture_support import TIMEOUT_SECONDS, Shot, build_extension, environment, python


def heap(n: int) -> str:
    """A statement that makes a heap of four objects for each n."""
    return f"kept = [{{'number': float(n), 'text': [str(n)]}} for n in range({n})]"


def run(code: str, folder: Path, *, warnings: str = "error", env: dict[str, str] | None = None) -> str:
    done = python(["-W", warnings, "-W", "ignore::ResourceWarning", "-c", textwrap.dedent(code)], cwd=folder, env=env)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr}"
    assert done.stderr == ""
    return done.stdout


# ---- what is in the file ----


def test_both_modes_say_the_same_of_a_frozen_heap(tmp_path: Path) -> None:
    """Nothing runs in between but the two calls: they differ in their own arguments only."""
    code = """
    import gc
    from tonnage import _capture
    kept = [{"number": n, "text": [str(n)]} for n in range(20_000)] + [{n, float(n)} for n in range(1000)]
    arguments = (b"stop.tonnage", b"fork.tonnage", "st" + "op", "fo" + "rk")
    gc.disable()
    for again in range(2):
        _capture.snapshot(arguments[0], mode=arguments[2], force=True, threads=1)
        _capture.snapshot(arguments[1], mode=arguments[3], force=True, threads=1)
    print(*map(id, arguments))
    """
    ours = {int(word) for word in run(code, tmp_path).split()}
    stop, fork = Shot(tmp_path / "stop.tonnage"), Shot(tmp_path / "fork.tonnage")
    assert (stop.facts["capture.mode"], fork.facts["capture.mode"]) == ("stop", "fork")
    assert len(stop) > 80_000
    assert list(stop.file.addresses) == list(fork.file.addresses)

    def described(shot: Shot, node: int) -> tuple[object, ...]:
        file = shot.file
        return (
            file.sizes[node],
            file.flags[node],
            shot.type(node),
            shot.buffers(node),
            [(one.style, one.label, one.kind, one.target) for one in shot.references(node)],
        )

    for node in range(len(stop)):
        if stop.address(node) in ours or ours & {stop.address(child) for child in stop.children(node)}:
            continue  # an argument of one of the two calls, or what holds it: the frame, the dict of keywords
        assert described(stop, node) == described(fork, node)
        assert stop.file.refcounts[node] == fork.file.refcounts[node]
    same = [key for key in stop.facts if key.startswith(("objects.", "pymalloc.class", "gc.", "thread.", "check."))]
    same = [key for key in same if "ledger" not in key]  # other memory than that of objects
    assert len(same) > 60
    assert {key: stop.facts[key] for key in same} == {key: fork.facts[key] for key in same}


def test_the_file_says_which_mode_it_was_and_why(tmp_path: Path) -> None:
    for mode in "fork", "stop", "auto":
        with tonnage.snapshot(tmp_path / mode, mode=mode) as taken:
            assert taken.mode == ("fork" if mode == "fork" else taken.facts["capture.mode"])
            assert taken.facts["capture.mode_asked"] == mode
            assert taken.facts["capture.mode_reason"]
            assert taken.pid == os.getpid()
            assert 0 < (taken.pause or 0)
            assert taken.check() == []
            assert ("for a fork" in repr(taken.summary(limit=3))) is (taken.mode == "fork")


def test_auto_forks_where_a_walk_would_take_long(tmp_path: Path) -> None:
    """Half a GB of objects is a pause of more than 100 ms anywhere; a bare interpreter is not."""
    code = """
    import tonnage
    tonnage.snapshot("small.tonnage").close()
    kept = [[n, str(n), {"key": n}] for n in range(1_200_000)]
    tonnage.snapshot("large.tonnage", previews=0).close()
    """
    run(code, tmp_path)
    assert Shot(tmp_path / "small.tonnage").facts["capture.mode"] == "stop"
    facts = tonnage.load(tmp_path / "large.tonnage").facts
    assert facts["capture.mode"] == "fork" or "left" in str(facts["capture.mode_reason"])


# ---- the program is undisturbed ----

LOOK = """
import os, signal, sys, threading, tonnage
kept = [{'number': n} for n in range(50_000)]
tonnage.snapshot('warm.tonnage', mode='fork').close()
def look():
    return {
        'descriptors': sorted(os.listdir('/proc/self/fd'), key=int)[:-1],
        'threads': os.listdir('/proc/self/task'),
        'children': [open(f'/proc/self/task/{t}/children').read() for t in os.listdir('/proc/self/task')],
        'handlers': [signal.getsignal(n) for n in range(1, 32)],
        'blocked': signal.pthread_sigmask(signal.SIG_BLOCK, []),
        'maps': sum(1 for line in open('/proc/self/maps') if 'rw-s' in line),
        'timers': signal.getitimer(signal.ITIMER_REAL),
    }
"""


def test_the_program_sees_no_child_and_no_change(tmp_path: Path) -> None:
    code = (
        LOOK
        + """
seen = []
signal.signal(signal.SIGCHLD, lambda *_: seen.append('SIGCHLD'))
os.register_at_fork(before=lambda: seen.append('before'), after_in_parent=lambda: seen.append('parent'))
sys.addaudithook(lambda name, _: seen.append(name) if 'fork' in name else None)
before = look()
tonnage.snapshot('a.tonnage', mode='fork').close()
assert look() == before, (before, look())
assert seen == [], seen
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print('no child')
"""
    )
    assert run(code, tmp_path) == "no child\n"


def test_a_program_that_waits_for_its_own_child_gets_that_one(tmp_path: Path) -> None:
    code = """
    import os, tonnage
    from tonnage import _capture
    kept = [{'number': n} for n in range(200_000)]
    job = _capture.begin(b"a.tonnage", mode="fork")
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    assert os.waitpid(-1, 0) == (pid, 7 << 8)
    while not _capture.poll(job):
        pass
    assert _capture.poll(job)
    """
    run(code, tmp_path, warnings="ignore")
    assert Shot(tmp_path / "a.tonnage").facts["capture.mode"] == "fork"


def test_the_child_keeps_no_descriptor_of_the_program(tmp_path: Path) -> None:
    """The other end of a pipe sees its end when the program closes it, not when the child ends."""
    code = f"""
    import os, signal, sys
    sys.path.insert(0, {str(Path(__file__).parent)!r})
    from test_capture_fork import children_of
    from tonnage import _capture
    {heap(200_000)}
    reader, writer = os.pipe()
    job = _capture.begin(b"a.tonnage", mode="fork")
    os.close(writer)
    child, = children_of(os.getpid())
    while True:
        os.kill(child, signal.SIGSTOP)  # it lives on while we look
        if len(os.listdir(f"/proc/{{child}}/fd")) <= 2:
            break
        os.kill(child, signal.SIGCONT)
    print(os.read(reader, 1) == b"", _capture.poll(job))
    """
    assert run(code, tmp_path) == "True False\n"


def test_a_library_with_fork_handlers_is_not_called_and_locks_are_not_taken(tmp_path: Path) -> None:
    """Threads allocate, print and take locks all the time; a child that needed one of these would hang."""
    code = """
    import os, sys, threading, tonnage
    stop = threading.Event()
    def busy():
        while not stop.is_set():
            bytes(100_000); sorted(map(str, range(50))); os.stat("."); open(os.devnull, "w").write("x" * 9000)
    threads = [threading.Thread(target=busy) for _ in range(4)]
    for thread in threads: thread.start()
    for n in range(15):
        tonnage.snapshot(f"{n}.tonnage", mode="fork").close()
    stop.set()
    for thread in threads: thread.join()
    print(len(os.listdir()))
    """
    assert run(code, tmp_path) == "15\n"


def test_two_captures_at_once_are_both_whole(tmp_path: Path) -> None:
    code = """
    import tonnage
    from tonnage import _capture
    kept = [{'number': n, 'text': str(n)} for n in range(60_000)]
    job = _capture.begin(b"first.tonnage", mode="fork")
    tonnage.snapshot("second.tonnage", mode="fork").close()
    tonnage.snapshot("third.tonnage", mode="stop").close()
    while not _capture.poll(job):
        pass
    """
    run(code, tmp_path)
    counts = [Shot(tmp_path / f"{name}.tonnage").facts["objects.count"] for name in ("first", "second", "third")]
    assert max(counts) - min(counts) < 1000


# ---- foreign code in the child ----


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_extension("bad_traverse", tmp_path_factory.mktemp("extension"))


@pytest.mark.parametrize(
    ("kind", "how"),
    [("Crasher", "crashed"), ("Aborter", "crashed"), ("Faller", "crashed"), ("Hanger", "hung"), ("Spinner", "hung")],
)
def test_a_traverse_that_fails_in_the_child_is_named(extension: Path, tmp_path: Path, kind: str, how: str) -> None:
    code = f"""
    import sys, tonnage
    sys.path.insert(0, {str(extension)!r})
    import bad_traverse
    held, good = ["held"], bad_traverse.Good(["good"])
    kept = [bad_traverse.{kind}(held) for n in range(3)]
    tonnage.snapshot("a.tonnage", mode="fork").close()
    print(id(kept[0]), id(held), id(good))
    """
    holder, held, good = (int(word) for word in run(code, tmp_path).split())
    with tonnage.load(tmp_path / "a.tonnage") as taken:
        assert taken.facts["traverse.0.type"] == f"bad_traverse.{kind}"
        assert taken.facts["traverse.0.how"] == how
        assert taken.facts["check.traverse.failed"] == 1
        assert f"tp_traverse of bad_traverse.{kind} {how}" in repr(taken.summary())
        assert taken.check() == []
        assert len(taken[holder].references) == 0
        assert held in taken
        assert [one.target.type for one in taken[good].references] == ["list"]


def test_memory_that_no_child_gets_is_counted_as_unreadable(extension: Path, tmp_path: Path) -> None:
    code = f"""
    import sys, tonnage
    sys.path.insert(0, {str(extension)!r})
    import bad_traverse
    kept = [bad_traverse.uncopied(), [1.5]]
    tonnage.snapshot("a.tonnage", mode="fork").close()
    print(id(kept), id(kept[1]))
    """
    kept, other = (int(word) for word in run(code, tmp_path).split())
    shot = Shot(tmp_path / "a.tonnage")
    assert shot.facts["check.unreadable.failed"] + shot.facts["check.findings.failed"] > 0
    assert shot.at(other) in shot.children(shot.at(kept))


# ---- beside the program ----


def test_the_child_gives_way_to_the_program_whatever_its_priority(tmp_path: Path) -> None:
    code = f"""
    import contextlib, os, sys, time
    sys.path.insert(0, {str(Path(__file__).parent)!r})
    from test_capture_fork import children_of
    from tonnage import _capture
    {heap(300_000)}
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    job = _capture.begin(b"a.tonnage", mode="fork")
    child, = children_of(os.getpid())
    while os.sched_getscheduler(child) != os.SCHED_BATCH and not _capture.poll(job):
        time.sleep(0.001)
    print(os.sched_getscheduler(child) == os.SCHED_BATCH)
    """
    assert run(code, tmp_path) == "True\n"


# ---- deaths ----


def children_of(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found.extend(int(word) for word in (task / "children").read_text().split())
    return found


def test_a_killed_child_is_one_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    code = f"""
    import os, signal, sys, tonnage
    sys.path.insert(0, {str(Path(__file__).parent)!r})
    from test_capture_fork import children_of
    from tonnage import _capture
    {heap(300_000)}
    job = _capture.begin(b"a.tonnage", mode="fork")
    os.kill(children_of(os.getpid())[0], signal.SIGKILL)
    for again in range(2):
        try:
            while not _capture.poll(job): pass
        except _capture.Error as error:
            print(error.args[1])
    print(os.listdir(), children_of(os.getpid()))
    tonnage.snapshot("b.tonnage", mode="fork").close()
    print(os.listdir())
    """
    said, again, left, after = run(code, tmp_path).splitlines()
    assert said == again
    assert "killed (signal 9)" in said
    assert "mode stop" in said
    assert left == "[] []"
    assert after == "['b.tonnage']"


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


BIG = 200_000  # and four times as many objects: what one tells of it comes long before it is written


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has begun a capture and waits for it; the first line it prints is its child."""
    code = f"""
    import os, sys
    sys.path.insert(0, {str(Path(__file__).parent)!r})
    from test_capture_fork import children_of
    from tonnage import _capture
    {heap(BIG)}
    job = _capture.begin(b"a.tonnage", mode="fork")
    print(children_of(os.getpid())[0], flush=True)
    try:
        while not _capture.poll(job): pass
        print("whole", flush=True)
    except _capture.Error as error:
        print(error.args[1], flush=True)
    """
    words = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment()) as process:
        yield process
        process.kill()


def test_a_killed_program_leaves_a_whole_file_or_none(parent: subprocess.Popen[str], tmp_path: Path) -> None:
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not gone(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for path in tmp_path.iterdir():
        assert path.name == "a.tonnage"
        assert len(Shot(path)) > 4 * BIG


def test_the_program_may_be_stopped_and_go_on(parent: subprocess.Popen[str], tmp_path: Path) -> None:
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(parent.pid, signal.SIGSTOP)  # first: then it cannot wait for the child
    with contextlib.suppress(ProcessLookupError):  # on a busy machine it may have
        os.kill(child, signal.SIGSTOP)
        os.kill(child, signal.SIGCONT)
    os.kill(parent.pid, signal.SIGCONT)
    assert parent.stdout.readline() == "whole\n"
    assert len(Shot(tmp_path / "a.tonnage")) > 4 * BIG


def test_an_interrupt_ends_the_child_and_leaves_nothing(tmp_path: Path) -> None:
    code = f"""
    import os, signal, threading, tonnage
    {heap(200_000)}
    try:
        threading.Timer(0.15, os.kill, (os.getpid(), signal.SIGINT)).start()
        for n in range(1000):
            tonnage.snapshot(f"{{n}}.tonnage", mode="fork").close()
    except KeyboardInterrupt:
        pass
    try:
        os.waitpid(-1, 0x40000000)  # __WALL
    except ChildProcessError:
        print("no child")
    print(sorted(os.listdir()) == sorted(f"{{m}}.tonnage" for m in range(len(os.listdir()))))
    """
    assert run(code, tmp_path) == "no child\nTrue\n"


# ---- limits ----


def test_a_file_that_may_not_grow_is_one_clear_error(tmp_path: Path) -> None:
    code = f"""
    import os, resource, tonnage
    {heap(100_000)}
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        tonnage.snapshot("a.tonnage", mode="fork")
    except tonnage.Error as error:
        print(type(error).__name__, error)
    print(os.listdir())
    """
    said, left = run(code, tmp_path).splitlines()
    assert said.startswith("FileError ")
    assert "too large" in said
    assert left == "[]"


def test_an_address_space_that_is_full_is_one_clear_error(tmp_path: Path) -> None:
    code = f"""
    import os, resource, tonnage
    {heap(60_000)}
    tonnage.snapshot("warm", mode="fork", previews=0).close()
    os.unlink("warm")
    now = int(open("/proc/self/statm").read().split()[0]) * 4096
    for room in 0, 1, 4, 16:
        resource.setrlimit(resource.RLIMIT_AS, (now + (room << 20), resource.RLIM_INFINITY))
        try:
            tonnage.snapshot("a.tonnage", mode="fork")
            print("taken")
        except tonnage.Error as error:
            print(type(error).__name__, error)
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
    print(os.listdir())
    tonnage.snapshot("b.tonnage", mode="fork").close()
    """
    *said, left = run(code, tmp_path).splitlines()
    assert len(said) == 4
    assert all(line.startswith(("NoMemoryError ", "LimitError ")) for line in said), said
    assert left == "[]"
    assert len(Shot(tmp_path / "b.tonnage")) > 200_000  # four of each


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group of our own with a limit on memory."""
    for mount in "/sys/fs/cgroup/memory", "/sys/fs/cgroup":
        folder = Path(mount) / f"tonnage-test-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        if (folder / "memory.max").exists() or (folder / "memory.limit_in_bytes").exists():
            yield folder
            folder.rmdir()
            return
        folder.rmdir()
    pytest.skip("no control group can be made here")


def test_a_container_without_room_is_not_risked(group: Path, tmp_path: Path) -> None:
    limit = next(path for path in (group / "memory.max", group / "memory.limit_in_bytes") if path.exists())
    code = f"""
    import os, tonnage
    open({str(group / "cgroup.procs")!r}, "w").write(str(os.getpid()))
    {heap(500_000)}
    used = int(open("/proc/self/statm").read().split()[1]) * 4096
    open({str(limit)!r}, "w").write(str(used + (120 << 20)))
    try:
        tonnage.snapshot("a.tonnage", mode="fork")
    except tonnage.LimitError as error:
        print(error)
    with tonnage.snapshot("a.tonnage", previews=0) as taken:
        print(taken.mode, taken.facts["capture.mode_reason"])
    open({str(group.parent / "cgroup.procs")!r}, "w").write(str(os.getpid()))
    """
    refused, taken = run(code, tmp_path).splitlines()
    assert "a fork may take" in refused
    assert "mode stop" in refused
    assert taken.startswith("stop ")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"memory.max": "{limit}", "memory.current": "{used}"}, "MiB are left"),
        ({"memory.max": "{roomy}", "memory.current": "{used}", "memory.oom.group": "1"}, "memory.oom.group"),
        ({"memory.max": "{roomy}", "memory.current": "{used}", "memory.oom.group": "0"}, ""),
        ({"memory.max": "max", "memory.current": "{used}"}, ""),
        ({"pids.max": "9", "pids.current": "9"}, "pids.max"),
    ],
    ids=["full", "killed as one", "killed one by one", "no limit", "no processes"],
)
def test_limits_of_a_container_are_read(files: dict[str, str], said: str, tmp_path: Path) -> None:
    """A folder stands in for the control group, in a mount namespace of the program."""
    code = f"""
    import tonnage
    kept, block = {{}}, bytearray(600 << 20)
    used = int(open("/proc/self/statm").read().split()[1]) * 4096
    values = dict(used=used, limit=used + (150 << 20), roomy=used + used // 2 + (100 << 20))
    for name, text in {files!r}.items():
        open("/sys/fs/cgroup/" + name, "w").write(text.format(**values))
    try:
        with tonnage.snapshot("a.tonnage", mode="fork") as taken:
            print(taken.mode)
    except tonnage.LimitError as error:
        print(error)
    """
    (tmp_path / "program.py").write_text(textwrap.dedent(code))
    group = "/".join(["", "sys", "fs", "cgroup"])
    script = f"""
    mount -t tmpfs none {group} || exit 77
    echo 0::/ >cgroup && mount --bind cgroup /proc/self/cgroup 2>/dev/null
    exec "$@"
    """
    words = ["unshare", "--mount", "sh", "-c", textwrap.dedent(script), "sh", sys.executable, "program.py"]
    done = subprocess.run(words, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode == 77 or "unshare" in done.stderr:
        pytest.skip("no mount namespace can be made here")
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert (done.stdout == "fork\n") is (said == "")
