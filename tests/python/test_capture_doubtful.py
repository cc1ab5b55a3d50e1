"""Blocks that look like objects but are half made: their fields lead nowhere, and a snapshot must not follow them."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
from capture_support import Shot, python

PLANT = """
import collections, ctypes, sys, types, tonnage
api = ctypes.pythonapi
api.PyObject_Malloc.restype = ctypes.c_void_p
api.PyObject_Malloc.argtypes = [ctypes.c_size_t]
nowhere = 0x10
def half_made(type_, size, *fields, head=(0, 0)):
    words = [*head, 1, id(type_), *fields]
    block = api.PyObject_Malloc(size)
    for i in range(size // 8):
        ctypes.c_uint64.from_address(block + 8 * i).value = words[i] if i < len(words) else 0
half_made({planted})
tonnage.snapshot(sys.argv[1]).close()
"""


@pytest.mark.parametrize(
    "planted",
    [
        "list, 56, 5, nowhere, 5",
        "list, 56, (1 << 61) + 1, id([]), 5",
        "dict, 64, 100, 7, nowhere, 0",
        "set, 216, 5, 5, 7, nowhere",
        "str, 80, 5, 0, 1 << 2, 0, 0, 0, nowhere, head=()",
        "types.FunctionType, types.FunctionType.__basicsize__ + 16, *[nowhere] * 12",
        "collections.deque, collections.deque.__basicsize__ + 16, 70, nowhere, nowhere, 0, 5",
    ],
)
def test_half_made_objects_are_not_followed(tmp_path: Path, planted: str) -> None:
    path = tmp_path / "a.tonnage"
    done = python(["-c", PLANT.replace("{planted}", planted), str(path)])
    assert done.returncode == 0, f"{done.returncode}: {done.stderr}"
    assert Shot(path).file.check() == []


REUSED = """
import ctypes, sys, tonnage
api = ctypes.pythonapi
api.PyObject_Malloc.restype = ctypes.c_void_p
api.PyObject_Malloc.argtypes = [ctypes.c_size_t]
name = "a name of code"
def leftover(size, *words):
    block = api.PyObject_Malloc(size)
    for i in range(size // 8):
        ctypes.c_uint64.from_address(block + 8 * i).value = words[i] if i < len(words) else 0
    return block
def code_that_was():
    return name
source = code_that_was.__code__
n = source.__sizeof__() // 8
words = [ctypes.c_uint64.from_address(id(source) + 8 * i).value for i in range(n)]
{change}
block = leftover(8 * n, *words)
tonnage.snapshot(sys.argv[1]).close()
print(block)
"""


@pytest.mark.parametrize(
    "change",
    [
        "words[3] ^= 0x80 << 40",  # one byte of a pointer: what an array of bytes wrote there
        "words[3] = leftover(64, leftover(64), id(str))",
        "words[0] = id(words) | 0x80000000",  # the count is a link of a free list, and looks immortal in its low half
    ],
    ids=["a torn reference", "a reference to a dead object", "a link for a count"],
)
def test_memory_in_use_again_is_not_the_object_that_it_was(tmp_path: Path, change: str) -> None:
    """A block that C code asked for and has not filled yet holds what was there before."""
    path = tmp_path / "a.tonnage"
    done = python(["-c", REUSED.replace("{change}", change), str(path)])
    assert done.returncode == 0, f"{done.returncode}: {done.stderr}"
    shot = Shot(path)
    assert shot.find(int(done.stdout)) is None
    assert {key: n for key, n in shot.facts.items() if key.endswith(".failed") and n} == {}


def test_names_that_are_no_text_are_not_read_as_such(tmp_path: Path) -> None:
    """zope.interface has classes whose __module__ is a property; a program may put anything in the places of names."""
    code = """
    import sys, threading, types, tonnage
    odd = [property(int), None, 5, 1 << 70, b"tonnage", 1.5, (), type("T", (str,), {})("tonnage"), object(), 2j]
    classes = [type(f"C{n}", (), {"__module__": one}) for n, one in enumerate(odd)]
    kept = [one() for one in classes] + [types.SimpleNamespace(__module__=one, __name__=one) for one in odd]
    for n, one in enumerate(odd):
        module = types.ModuleType("odd")
        module.__name__ = module.__file__ = one
        sys.modules[n] = module
        thread = threading.Thread(target=threading.Event().wait, daemon=True)
        thread.start()
        thread._name = one
    sys.argv[1:] = odd
    for mode in "stop", "fork":
        tonnage.snapshot(f"{mode}.tonnage", mode=mode).close()
    """
    done = python(["-c", textwrap.dedent(code)], cwd=tmp_path)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr}"
    for mode in "stop", "fork":
        shot = Shot(tmp_path / f"{mode}.tonnage")
        assert shot.file.check() == []
        assert shot.facts["check.unreadable.failed"] == 0
        assert {f"C{n}" for n in range(10)} <= {one.name.rpartition(".")[2] for one in shot.file.types}
