"""Threads that are blocked in C or wait in a lock; what only their locals hold."""

from __future__ import annotations

import gc
import os
import select
import sys
import threading
import time
from typing import Any

from plant import finish, plant, take

READY = threading.Semaphore(0)
LOCK = threading.Lock()
PIPE = os.pipe()
DONE = threading.Event()


def sleeper() -> None:
    only_here = plant("20 MB", bytes(bytearray(20_000_000)))
    table = plant("untracked dict", {"number": 1.25, "other": 2.5})
    number = plant("float", float("3.75"))
    READY.release()
    time.sleep(3600)
    assert only_here and table and number


def locker() -> None:
    held_while_locking = plant("list of the locker", [object() for _ in range(10)])
    READY.release()
    LOCK.acquire()
    assert held_while_locking


def selector() -> None:
    in_select = plant("str of the selector", "".join(["in ", "select"]))
    READY.release()
    select.select([PIPE[0]], [], [])
    assert in_select


def outer(argument: Any) -> None:
    cell = plant("in a cell", object())

    def inner(value: Any) -> None:
        READY.release()
        DONE.wait()
        assert value and cell

    inner(argument)
    assert cell


def evaluating() -> list[Any]:
    """A temporary that only the value stack of a calling frame holds."""
    return [plant("on a value stack", [float("4.5")]), pause()]


def pause() -> None:
    READY.release()
    DONE.wait()


def generating() -> Any:
    inside = plant("in a running generator", object())
    READY.release()
    DONE.wait()
    yield inside


def main() -> None:
    sys.setswitchinterval(1000)  # a thread that is ready goes on until it waits: nobody takes the lock from it
    LOCK.acquire()
    targets: list[Any] = [sleeper, locker, selector, evaluating]
    threads = [threading.Thread(target=target, name=target.__name__, daemon=True) for target in targets]
    threads.append(threading.Thread(target=lambda: next(generating()), name="generating", daemon=True))
    for thread in threads:
        thread.start()
    argument = threading.Thread(target=outer, args=(plant("argument", object()),), name="outer", daemon=True)
    argument.start()
    for _ in range(len(threads) + 1):
        READY.acquire()
    mine = plant("local of main", [object()])
    gc.collect()
    gc.collect()
    tracked = {name: gc.is_tracked(x) for name, x in (("main", mine),)}
    take()
    finish(tracked=tracked, names=[thread.name for thread in [*threads, argument]], main_ident=threading.get_ident())
    os._exit(0)


main()
