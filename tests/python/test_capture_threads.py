"""Snapshots from several threads at once, while another one makes arenas come and go; and by several threads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pure_reader
import pytest
import tonnage

PROGRAM = """
import sys, threading, tonnage
done = threading.Event()
def churn():
    while not done.is_set():
        kept = [[n] for n in range(100_000)]
        del kept
def take(path):
    for _ in range(3):
        tonnage.snapshot(path, force=True).close()
        tonnage.size_of([1])
threads = [threading.Thread(target=take, args=(path,)) for path in sys.argv[1:]]
churner = threading.Thread(target=churn)
churner.start()
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
done.set()
churner.join()
"""


def test_threads_may_take_snapshots_at_once(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.tonnage" for n in range(3)]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *paths], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    for path in paths:
        snapshot = pure_reader.Snapshot.open(path)
        assert snapshot.check() == []
        assert not any(value for key, value in snapshot.facts.items() if key.endswith(".failed"))


ASKED = """
import os, signal, sys, threading, time, tonnage
came = []
signal.signal(signal.SIGUSR1, lambda number, frame: came.append(threading.current_thread() is threading.main_thread()))
kept = [{"n": n, "text": str(n)} for n in range(50_000)]
before = len(os.listdir("/proc/self/task"))
for threads, path in enumerate(sys.argv[1:], 1):
    os.kill(os.getpid(), signal.SIGUSR1)
    tonnage.snapshot(path, threads=threads).close()
for _ in range(10_000):  # the kernel lists what has ended for a moment
    if len(os.listdir("/proc/self/task")) == before: break
    time.sleep(0.001)
assert len(os.listdir("/proc/self/task")) == before
print(came)
"""


def test_several_threads_find_what_one_finds(tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.tonnage" for n in range(1, 5)]
    done = subprocess.run(
        [sys.executable, "-c", ASKED, *paths], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{[True] * 4}\n"
    counts = []
    for threads, path in enumerate(paths, 1):
        snapshot = pure_reader.Snapshot.open(path)
        assert snapshot.check() == []
        assert snapshot.facts["capture.threads"] == threads
        assert not any(value for key, value in snapshot.facts.items() if key.endswith(".failed"))
        counts.append(snapshot.facts["objects.count"])
    assert counts[0] > 150_000
    assert max(counts) - min(counts) < 50  # what the program itself makes between two snapshots


@pytest.mark.parametrize("threads", [0, -1, 17])
def test_a_senseless_number_of_threads_is_refused(tmp_path: Path, threads: int) -> None:
    with pytest.raises(tonnage.ArgumentError, match="threads must be 1 to 16"):
        tonnage.snapshot(tmp_path / "a.tonnage", threads=threads)
