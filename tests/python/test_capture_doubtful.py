"""Blocks that look like objects but are half made: their fields lead nowhere, and a snapshot must not follow them."""

from __future__ import annotations

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
