"""Content hashes of bytearray, array.array and numpy arrays: what is read of them, and what is not."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from capture_support import Shot, python
from pure_reader import hash64

SHORT, IN_PAUSE = 4096, 256 << 20
HEAD = """
import array, json, sys, tonnage
from array import array as of
def alike(last):  # differs from others in a place that no sample has
    data = bytearray(range(256)) * 40
    data[1000] = last
    return of("B", data)
"""
TAIL = """
tonnage.snapshot(sys.argv[1], mode=sys.argv[2], redact="redact" in sys.argv, force=True)
print(json.dumps({name: [id(one), bytes(one).hex()] for name, one in kept.items()}))
"""
PLANTED = """
kept = {
    "short": of("B", b"short"), "empty": of("d"), "page": of("B", bytes(range(256)) * 16),
    "lone": of("d", [0.25] * 1000 + [1.5]),
    "twin 1": of("i", range(5000)), "twin 2": of("i", range(5000)),
    "look 1": alike(1), "look 2": alike(2), "zeros": of("q", bytes(80000)),
    "bytearray": bytearray(b"text" * 9), "cut": bytearray(b"gone, and kept"), "long 1": bytearray(b"x" * 9999),
    "long 2": bytearray(b"x" * 9999),
}
del kept["cut"][:10]
"""


def run(planted: str, folder: Path, *words: str) -> tuple[Shot, dict[str, tuple[int, bytes]]]:
    path = folder / "data.tonnage"
    done = python(["-c", HEAD + planted + TAIL, path, *words])
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return Shot(path), {name: (address, bytes.fromhex(content)) for name, (address, content) in told.items()}


def hash_at(shot: Shot, address: int) -> int | None:
    """From 3.15 on the content of a bytearray is a bytes object of its own."""
    node = shot.at(address)
    if shot.type(node) == "bytearray" and sys.version_info >= (3, 15):
        (node,) = (child for child in shot.children(node) if shot.type(child) == "bytes")
    return shot.file.hash(node)


@pytest.mark.parametrize("mode", ["stop", "fork"])
def test_data_that_others_look_like_is_hashed_and_what_is_alone_is_not_read(tmp_path: Path, mode: str) -> None:
    shot, planted = run(PLANTED, tmp_path, mode)
    found = {name: hash_at(shot, address) for name, (address, _) in planted.items()}
    expected = {name: hash64(content) for name, (_, content) in planted.items()}
    assert found == {**expected, "lone": 0}
    assert found["look 1"] != found["look 2"]
    long = {name for name, (_, content) in planted.items() if len(content) > SHORT} - {"lone"}
    if sys.version_info >= (3, 15):
        long -= {"long 1", "long 2"}
    assert shot.facts["capture.data_read_bytes"] == sum(len(planted[name][1]) for name in long)


def test_a_redacted_file_has_no_hash_of_data(tmp_path: Path) -> None:
    shot, planted = run(PLANTED, tmp_path, "stop", "redact")
    assert {hash_at(shot, address) for address, _ in planted.values()} == {None}
    assert shot.facts["capture.data_read_bytes"] == 0


def test_a_pause_reads_no_more_than_its_share_and_a_child_all(tmp_path: Path) -> None:
    planted = 'kept = {}; more = [of("B", bytes(1)) * (130 << 20) for _ in range(2)]'
    read = [run(planted, tmp_path, mode)[0].facts["capture.data_read_bytes"] for mode in ("stop", "fork")]
    assert read == [130 << 20, 260 << 20]
    assert read[0] <= IN_PAUSE < read[1]


def test_a_preview_of_a_bytearray_begins_where_its_content_does(tmp_path: Path) -> None:
    shot, planted = run(PLANTED, tmp_path, "stop")
    assert shot.file.previews[shot.at(planted["cut"][0])].content == b"kept"


def test_numpy_arrays_are_hashed_where_they_own_plain_data(tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    planted = """
import numpy
base = numpy.arange(10000.0).reshape(100, 100).copy()
kept = {"base": base, "copy": base.copy(), "short": numpy.array([1, 2, 3]), "zeros": numpy.zeros((3, 4000)),
        "view": base[1:], "objects": numpy.array([None, 1], dtype=object)}
"""
    shot, arrays = run(planted, tmp_path, "stop")
    found = {name: hash_at(shot, address) for name, (address, _) in arrays.items()}
    expected = {name: hash64(content) for name, (_, content) in arrays.items()}
    assert found == {**expected, "view": 0, "objects": 0}
