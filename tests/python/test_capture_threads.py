"""Snapshots from several threads at once, while another one makes arenas come and go."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pure_reader

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
