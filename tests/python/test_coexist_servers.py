"""Servers and pools that fork their workers: each process leaves its own files, and the program does as without us."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tonnage
from capture_support import PROGRAMS, TIMEOUT_SECONDS, environment, python
from coexist_support import needs

RECORDED = {"TONNAGE": "1", "TONNAGE_EVERY": "0.5", "TONNAGE_QUIET": "1"}


def processes(folder: Path) -> set[int]:
    """The processes that files are of. One that is not whole raises, and so does a file of any other name."""
    found = set()
    for path in folder.iterdir():
        if path.suffix == ".tonnage" and not path.name.startswith("."):
            with tonnage.load(path) as snapshot:
                assert snapshot.check() == []
                assert snapshot.pid is not None
                found.add(snapshot.pid)
        else:
            assert path.name in ("socket", "log", "__pycache__"), f"{path.name} was left"
    return found


def recorded(folder: Path, pid: int) -> bool:
    """Whether a file of this process has its name."""
    return any(f"-{pid}-" in path.name for path in folder.glob("*.tonnage"))


def wait_until(reached: Callable[[], object]) -> None:
    end = time.monotonic() + TIMEOUT_SECONDS
    while not reached():
        assert time.monotonic() < end
        time.sleep(0.02)


class Connection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_SECONDS)
        self.path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_SECONDS)
        self.sock.connect(self.path)


class Server:
    """A server in a folder of its own, and the ids of the processes that answered."""

    def __init__(self, words: list[str], folder: Path, variables: dict[str, str]) -> None:
        self.folder, self.log = folder, folder / "log"
        folder.mkdir()
        env = environment(PYTHONPATH=str(PROGRAMS), PYTHONUNBUFFERED="1", **variables)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *words], cwd=folder, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        wait_until(self.is_up)

    def is_up(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            self.get()
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    def get(self) -> int:
        connection = Connection(self.folder / "socket")
        try:
            connection.request("GET", "/")
            answer = connection.getresponse()
            assert answer.status == 200
            return int(answer.read())
        finally:
            connection.close()

    def ask(self, n: int) -> set[int]:
        return {self.get() for _ in range(n)}

    def ask_all(self, n: int) -> set[int]:
        """Until each worker has answered, too: one that has not begun loses the signal that is to end it."""
        asked = self.ask(n)
        for _ in range(10_000):
            if self.workers() <= asked:
                return asked
            asked.add(self.get())
        raise AssertionError(f"of {self.workers()} only {asked} answer")

    def workers(self) -> set[int]:
        pid = self.process.pid
        return {int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def wait_for_files(self, workers: set[int]) -> None:
        """Until it and these workers have one each."""
        wait_until(lambda: all(recorded(self.folder, pid) for pid in (*workers, self.process.pid)))

    def replace_workers(self) -> None:
        old = self.workers()
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: len(self.workers() - old) >= 2 and not self.workers() & old)

    def end(self, with_signal: int = signal.SIGTERM) -> int:
        self.process.send_signal(with_signal)
        return self.process.wait(TIMEOUT_SECONDS)

    def said(self) -> set[str]:
        """Lines of its log, without times and ids."""
        lines = self.log.read_text().splitlines()
        return {re.sub(r"\d+", "N", re.sub(r"^\[[^]]*\] ", "", line)) for line in lines}


@contextmanager
def serving(words: list[str], folder: Path, variables: dict[str, str]) -> Iterator[Server]:
    server = Server(words, folder, variables)
    try:
        yield server
    finally:
        server.process.kill()
        server.process.wait()


# ---- gunicorn ----

GUNICORN = ["-m", "gunicorn", "web:application", "--bind", "unix:socket", "--workers", "2"]


@pytest.mark.parametrize("kind", [["--preload"], ["-k", "gthread", "--threads", "4"]], ids=["sync-preload", "gthread"])
def test_workers_of_gunicorn_leave_their_own_files_and_answer_all(kind: list[str], tmp_path: Path) -> None:
    needs("gunicorn")
    logs, codes = [], []
    for name, variables in (("with", RECORDED), ("without", {})):
        with serving([*GUNICORN, *kind], tmp_path / name, variables) as server:
            asked = server.ask_all(50)
            if variables:
                server.wait_for_files(server.workers())
            server.replace_workers()
            asked |= server.ask_all(50)
            codes.append(server.end())
            logs.append(server.said())
            if variables:
                assert asked | {server.process.pid} <= processes(server.folder)
    assert codes == [0, 0]
    assert logs[0] == logs[1]


def test_workers_of_gunicorn_that_are_replaced_all_the_time_leave_their_files(tmp_path: Path) -> None:
    needs("gunicorn")
    with serving([*GUNICORN, "--max-requests", "5"], tmp_path / "with", RECORDED) as server:
        asked = server.ask(40)
        assert len(asked) > 4
        assert server.end() == 0
        assert asked | {server.process.pid} <= processes(server.folder)


# ---- uvicorn ----


def test_workers_of_uvicorn_leave_their_own_files_and_answer_all(tmp_path: Path) -> None:
    needs("uvicorn")
    words = ["-m", "uvicorn", "web:asgi", "--uds", "socket", "--workers", "2"]
    logs, codes = [], []
    for name, variables in (("with", RECORDED), ("without", {})):
        with serving(words, tmp_path / name, variables) as server:
            asked = server.ask(50)
            if variables:
                server.wait_for_files(asked)
            codes.append(server.end())
            logs.append({line for line in server.said() if "GET" not in line})
            if variables:
                assert asked | {server.process.pid} <= processes(server.folder)
    assert codes[0] == codes[1]
    assert logs[0] == logs[1]


# ---- pools ----


def record(code: str, folder: Path) -> str:
    """Runs a program that is recorded; what it printed."""
    program = folder.parent / "program.py"
    program.write_text(textwrap.dedent(code))
    folder.mkdir()
    done = python([program], env=environment(**RECORDED), cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_processes_of_a_pool_that_are_replaced_leave_their_files(tmp_path: Path) -> None:
    code = """
    import multiprocessing, os
    def work(n):
        return os.getpid()
    if __name__ == "__main__":
        with multiprocessing.get_context("fork").Pool(2, maxtasksperchild=3) as pool:
            found = pool.map(work, range(24), chunksize=1)
            pool.close()
            pool.join()
        print(len(found), os.getpid(), *sorted(set(found)))
    """
    n, *pids = map(int, record(code, tmp_path / "files").split())
    assert n == 24
    assert len(pids) >= 8
    assert set(pids) <= processes(tmp_path / "files")


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_processes_of_an_executor_leave_their_own_files(method: str, tmp_path: Path) -> None:
    code = f"""
    import concurrent.futures, glob, multiprocessing, os, time
    def work(n):
        open(f"../works-{{os.getpid()}}", "w").close()
        while len(glob.glob("../works-*")) < 2: time.sleep(0.01)  # so that both get work
        return os.getpid()
    if __name__ == "__main__":
        context = multiprocessing.get_context({method!r})
        with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as pool:
            found = list(pool.map(work, range(8)))
        print(len(found), os.getpid(), *sorted(set(found)))
    """
    n, *pids = map(int, record(code, tmp_path / "files").split())
    assert (n, len(pids)) == (8, 3)
    assert set(pids) <= processes(tmp_path / "files")
