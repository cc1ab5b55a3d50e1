"""Programs that fork, spawn and exec while captures run: no deadlock, no zombie, no warning, no descriptor taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from coexist_support import MODES, ROUNDS, run, whole

HEAD = """
    import os, pty, subprocess, sys, threading, time, warnings, tonnage
    how, n = sys.argv[1], int(sys.argv[2])
    warnings.simplefilter("error")
    kept = [[n] for n in range(20_000)]
    handle = tonnage.every(0.02, "a-{n}.tonnage", mode=how, quiet=True, at_exit=False)
    def fork(n):
        for again in range(n):
            child = os.fork()
            if child == 0:
                os._exit(0)
            assert os.waitpid(child, 0) == (child, 0)
    def take():
        tonnage.snapshot(mode=how).close()
"""
TAIL = """
    while len(handle.files) < 2: time.sleep(0.01)
    handle.stop()
    try:
        print(os.waitpid(-1, os.WNOHANG | 0x40000000))  # __WALL
    except ChildProcessError:
        print("no child")
"""


@MODES
def test_a_program_without_threads_forks_without_a_warning(how: str, tmp_path: Path) -> None:
    """But where it has waited, as on a machine with much else to do: 50 ms for a snapshot in progress, or 20 ms for the
    kernel to forget a thread that has ended."""
    code = f"""{HEAD}
    quiet = 0
    for again in range(n):
        begun = time.monotonic()
        with warnings.catch_warnings(record=True, action="always") as told:
            child = os.fork()
        if child == 0:
            os._exit(0)
        waited = time.monotonic() - begun
        assert os.waitpid(child, 0) == (child, 0)
        assert not told or waited >= 0.02, str(told[0].message)
        quiet += not told
    assert quiet > n / 2
    {TAIL}"""
    assert run(code, tmp_path / "files", how, str(100 * ROUNDS)) == "no child\n"
    whole(tmp_path / "files")


@MODES
def test_threads_fork_while_others_take_snapshots(how: str, tmp_path: Path) -> None:
    code = f"""{HEAD}
    warnings.simplefilter("ignore")  # of the threads of the program itself
    threads = [threading.Thread(target=fork, args=(n // 4,)) for again in range(4)]
    threads += [threading.Thread(target=take) for again in range(4)]
    for one in threads: one.start()
    for one in threads: one.join()
    {TAIL}"""
    assert run(code, tmp_path / "files", how, str(100 * ROUNDS)) == "no child\n"
    whole(tmp_path / "files")


@MODES
def test_children_that_were_forked_during_a_capture_take_their_own(how: str, tmp_path: Path) -> None:
    code = f"""{HEAD}
    warnings.simplefilter("ignore")
    over = threading.Event()
    def takes():
        while not over.is_set(): take()
    thread = threading.Thread(target=takes)
    thread.start()
    for again in range(n):
        child = os.fork()
        if child == 0:
            take()
            tonnage.every(60, mode=how, quiet=True, at_exit=False).stop()
            os._exit(7)
        assert os.waitpid(child, 0) == (child, 7 << 8)
    over.set()
    thread.join()
    {TAIL}"""
    assert run(code, tmp_path / "files", how, str(10 * ROUNDS)) == "no child\n"
    whole(tmp_path / "files")


@MODES
def test_other_ways_to_make_a_process(how: str, tmp_path: Path) -> None:
    code = f"""{HEAD}
    warnings.filterwarnings("ignore", ".*multi-threaded", DeprecationWarning)  # of a fork that has waited, as above
    for again in range(n):
        child = os.posix_spawn("/bin/true", ["true"], os.environ)
        assert os.waitpid(child, 0) == (child, 0)
        subprocess.run(["/bin/true"], close_fds=True, check=True)
        subprocess.run(["/bin/true"], close_fds=True, check=True, preexec_fn=lambda: None)
        child, terminal = pty.fork()
        if child == 0:
            os._exit(3)
        assert os.waitpid(child, 0) == (child, 3 << 8)
        os.close(terminal)
    {TAIL}"""
    assert run(code, tmp_path / "files", how, str(10 * ROUNDS)) == "no child\n"
    whole(tmp_path / "files")


def test_a_program_that_becomes_another_meanwhile_gets_the_file(tmp_path: Path) -> None:
    """waitpid() of the other one, which knows nothing, does not see the child."""
    code = """
    import os, sys
    from tonnage import _capture
    kept = [[n] for n in range(300_000)]
    job = _capture.begin(b"a.tonnage", mode="fork")
    os.execv(sys.executable, [sys.executable, "-c", '''if True:
        import glob, os, time
        while not glob.glob("*.tonnage"): time.sleep(0.01)
        try: print(os.waitpid(-1, os.WNOHANG))
        except ChildProcessError: print("no child")
    '''])
    """
    assert run(code, tmp_path / "files") == "no child\n"
    assert whole(tmp_path / "files") == ["a.tonnage"]


def test_files_that_a_program_opens_after_closing_all_stay_open(tmp_path: Path) -> None:
    """As daemons do: a number that was ours before is the program's now."""
    code = """
    import os
    from tonnage import _capture
    kept = [[n] for n in range(300_000)]
    job = _capture.begin(b"a.tonnage", mode="fork")
    os.closerange(3, 1 << 16)
    mine = [os.open(os.devnull, os.O_RDONLY) for n in range(20)]
    while not _capture.poll(job): pass
    del job
    print(len([os.fstat(fd) for fd in mine]))
    """
    assert run(code, tmp_path / "files") == "20\n"
    assert whole(tmp_path / "files") == ["a.tonnage"]


@pytest.mark.parametrize("way", ["fork", "spawn"])
def test_a_pool_begun_while_a_recording_runs(way: str, tmp_path: Path) -> None:
    code = f"""
    import concurrent.futures, multiprocessing, os, tonnage
    def work(n):
        tonnage.snapshot().close()
        return n
    if __name__ == "__main__":
        handle = tonnage.every(0.02, "a-{{n}}.tonnage", quiet=True, at_exit=False)
        context = multiprocessing.get_context({way!r})
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
            print(sum(pool.map(work, range(6))))
        handle.stop()
    """
    assert run(code, tmp_path / "files", options=("-W", "ignore::DeprecationWarning")) == "15\n"
    whole(tmp_path / "files")
