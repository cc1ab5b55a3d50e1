"""Heaps of one kind of object: whole stretches of the file then lack columns that mixed heaps always have."""

from __future__ import annotations

import subprocess
import sys

import pytest
from capture_support import environment

NODE_BLOCK = 262_144  # nodes that the file keeps together (docs/format.md, 1.3)
KINDS = {
    "empty bytearrays": "bytearray()",
    "empty texts": "Text()",
    "texts of one letter": "Text('x')",
    "plain objects": "object()",
    "empty lists": "[]",
    "numbers": "10.0 ** 9 + i",
    "large integers": "i << 90",
    "empty slots": "Slots()",
    "weak references": "weakref.ref(target, Text)",
}
PROGRAM = """if True:
    import sys, tonnage, weakref
    class Text(str): __slots__ = ()
    class Slots: __slots__ = ("nothing",)
    class Target: pass
    target = Target()
    kept = [{made} for i in range({n})]
    kind = type(kept[0]).__name__
    for mode in "stop", "fork":
        with tonnage.snapshot(mode=mode) as taken:
            count = sum(row["count"] for row in taken.summary(limit=0) if row["type"].split(".")[-1] == kind)
            print(mode, count >= {n}, len(taken.check()))
            some = kept[:: {n} // 50]
            print([repr(taken[id(one)]) for one in some if taken[id(one)].address != id(one)])
"""


@pytest.mark.parametrize("kind", KINDS)
def test_stretches_of_one_kind_are_captured(kind: str) -> None:
    code = PROGRAM.format(made=KINDS[kind], n=2 * NODE_BLOCK + 50_000)
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "stop True 0\n[]\nfork True 0\n[]\n"
