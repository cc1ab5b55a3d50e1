"""Calls of the C library that fail when told to: `tests/outside/fail_calls.c`, compiled once and preloaded."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "outside" / "fail_calls.c"


def build(folder: Path) -> Path:
    """Compiles the library to be preloaded."""
    library = folder / "fail_calls.so"
    compiler = os.environ.get("CC", "cc").split()
    flags = ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC", "-o", str(library)]
    subprocess.run([*compiler, *flags, str(SOURCE), "-ldl", "-lpthread"], check=True)
    return library


PRELUDE = """
import ctypes, os, sys
_calls = ctypes.CDLL(None)
failed, mapped = _calls.fail_calls_failed, _calls.fail_calls_mapped
failed.restype = mapped.restype = ctypes.c_long
def plan(text):
    _calls.fail_calls_plan.restype = ctypes.c_bool
    assert _calls.fail_calls_plan(text.encode()), text
def open_files():
    return sorted(os.listdir("/proc/self/fd"))
def numbers(count=1 << 30):
    "1, 2, 3 and so on, from 50 on in larger and larger steps."
    n = 1
    while n < count:
        yield n
        n += 1 if n < 50 else n // 16
"""
