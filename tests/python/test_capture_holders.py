"""Objects that only the memory of a C type holds: elements of arrays, the bytes of a BytesIO; and what bools show."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import tonnage
from capture_support import Shot


def test_the_elements_of_an_array_of_objects_are_held_by_it(tmp_path: Path) -> None:
    numpy = pytest.importorskip("numpy")

    class Derived(numpy.ndarray):  # type: ignore[misc, name-defined, unused-ignore]
        pass

    flat = numpy.array([f"text {n} " * 90 for n in range(100)], dtype=object)
    square = numpy.array([[f"two {row} {n} " * 90 for n in range(5)] for row in range(4)], dtype=object)
    derived = numpy.ndarray.__new__(Derived, (3,), dtype=object)
    derived[1], derived.tag = "derived " * 90, "attribute"
    view, numbers = flat[10:20], numpy.zeros((3, 4))
    with tonnage.snapshot(tmp_path / "a.tonnage") as taken:
        assert all(id(text) in taken for text in [*flat, *square.ravel(), derived[1]])
        assert [child.label for child in taken[id(flat)].references][-2:] == ["[98]", "[99]"]
        assert [child.address for child in taken[id(flat)].children][-100:] == [id(text) for text in flat]
        assert sum(child.address in {id(text) for text in square.ravel()} for child in taken[id(square)].children) == 20
        assert not any(child.label.startswith("[") for child in taken[id(square)].references)
        assert "[1]" in [child.label for child in taken[id(derived)].references]
        assert taken[id(view)].n_refs == 2  # its base and dtype: what the base owns is not counted again
        assert not any(child.label.startswith("[") for child in taken[id(numbers)].references)
    assert Shot(tmp_path / "a.tonnage").file.check() == []
    count, size = tonnage.deep_size(flat)
    assert count > 100
    assert size > sum(tonnage.size_of(text) for text in flat)


def test_the_bytes_of_a_stream_are_held_by_it(tmp_path: Path) -> None:
    stream = io.BytesIO(bytes(range(256)) * 400)
    with tonnage.snapshot(tmp_path / "a.tonnage") as taken:
        (buffer,) = (child for child in taken[id(stream)].children if child.type == "bytes")
        assert buffer.size > 256 * 400


def test_a_snapshot_of_nothing_is_whole(tmp_path: Path) -> None:
    with tonnage.snapshot(tmp_path / "a.tonnage", of=[]) as taken:
        assert len(taken) == 0
        assert not taken.check()


def test_truth_values_show_their_names(tmp_path: Path) -> None:
    with tonnage.snapshot(tmp_path / "a.tonnage") as taken:
        assert [taken[id(value)].preview for value in (True, False, 1, 0)] == ["True", "False", "1", "0"]
