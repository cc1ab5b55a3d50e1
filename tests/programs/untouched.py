"""Reads whatever a snapshot could disturb, before and after one."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import threading
import warnings
from typing import Any

import tonnage
from plant import SNAPSHOT, finish, type_name

PRIVATE = 110  # objects at the start of the list that nothing else in the process refers to


class Instance:
    def __init__(self, value: Any) -> None:
        self.value = value


class Slots:
    __slots__ = ("value",)


def dict_version(table: dict[Any, Any]) -> int:
    """ma_version_tag, a field of the structure up to 3.13."""
    return ctypes.c_uint64.from_address(id(table) + 24).value


def word(obj: object, offset: int) -> int:
    return ctypes.c_size_t.from_address(id(obj) + offset).value


def read(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except OSError:
        return ""


class State:
    """Everything looked at, as plain numbers and texts."""

    __slots__ = ("values",)

    def __init__(self, kept: list[Any]) -> None:
        before = gc.get_count(), gc.get_stats(), sys.getallocatedblocks()
        self.values = {
            "collections": [generation["collections"] for generation in before[1]],
            "count of older generations": before[0][1:],
            "freeze count": gc.get_freeze_count(),
            "enabled": gc.isenabled(),
            "garbage": len(gc.garbage),
            "threshold": gc.get_threshold(),
            "callbacks": len(gc.callbacks),
            "refcounts": [sys.getrefcount(x) for x in kept[:PRIVATE]],
            "tracked": [gc.is_tracked(x) for x in kept],
            "dict versions": [dict_version(x) for x in kept if type(x) is dict],
            "words before": [word(x, -24) for x in kept if type(x) is Instance],
            "referents": [len(gc.get_referents(x)) for x in kept],
            "signal handlers": [str(signal.getsignal(number)) for number in range(1, 32)],
            "signal mask": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))),
            "descriptors": len(os.listdir("/proc/self/fd")),
            "threads": len(os.listdir("/proc/self/task")),
            "python threads": threading.active_count(),
            "warnings": len(warnings.filters),
            "recursion": sys.getrecursionlimit(),
            "switch interval": sys.getswitchinterval(),
            "hooks": [sys.gettrace() is None, sys.getprofile() is None, sys.excepthook is sys.__excepthook__],
            "cwd": os.getcwd(),
            "environment": sorted(os.environ),
            "modules": len(sys.modules),
            "type flags": [x.__flags__ for x in (Instance, Slots, int, dict)],
            "children": read(f"/proc/self/task/{os.getpid()}/children"),
        }


def main() -> None:
    errno_location = ctypes.pythonapi["__errno_location"]
    errno_location.restype = ctypes.POINTER(ctypes.c_int)
    errno = errno_location()
    kept: list[Any] = [Instance([1]) for _ in range(100)]
    kept += [
        {"a": 1},
        {1: [2]},
        {},
        [1],
        (1, [2]),
        "text of the program",
        b"bytes",
        1.5,
        10**30,
        {1, 2},
        Slots(),
        Instance,
    ]
    kept += [main, sys.modules[__name__], type_name, print, sys.__dict__, 7, None, int, sys.stdout]
    tonnage.snapshot(SNAPSHOT + ".first").close()  # imports what it needs
    tonnage.snapshot(SNAPSHOT + ".second").close()
    State(kept)
    gc.collect()
    gc.disable()
    state_before = State(kept)
    objects_before = len(gc.get_objects())
    count_before = gc.get_count()[0]
    blocks_before = sys.getallocatedblocks()
    errno[0] = 77
    snapshot = tonnage.snapshot(SNAPSHOT)
    errno_after = errno[0]
    blocks_after = sys.getallocatedblocks()
    count_after = gc.get_count()[0]
    objects_open = len(gc.get_objects())
    snapshot.close()
    del snapshot
    blocks_closed = sys.getallocatedblocks()
    objects_after = len(gc.get_objects())
    state_after = State(kept)
    different = {
        key: [str(value), str(state_after.values[key])]
        for key, value in state_before.values.items()
        if value != state_after.values[key]
    }
    finish(
        different=different,
        errno=errno_after,
        looked_at=sorted(state_before.values),
        blocks=[blocks_before, blocks_after, blocks_closed],
        count=[count_before, count_after],
        objects=[objects_before, objects_open, objects_after],
    )


main()
