"""Objects of a snapshot through the Python API: what each attribute says of objects planted in this process."""

from __future__ import annotations

import math
import os
import random
import struct
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import tonnage
from capture_support import python


class Session:
    def __init__(self, name: str) -> None:
        self.name = name
        self.history: list[str] = [name, name]


class Planted:
    """Objects that live as long as the module's snapshot."""

    def __init__(self) -> None:
        self.sessions = [Session(f"user-{n}") for n in range(300)]
        self.table = {"alpha": [1.5, 2.5], "beta": b"x" * 500, ("k", 1): self.sessions[0]}
        self.many = [object() for _ in range(2000)]
        self.twice = [self.table, self.table]


@pytest.fixture(scope="module")
def planted() -> Planted:
    return Planted()


@pytest.fixture(scope="module")
def snapshot(planted: Planted) -> Iterator[tonnage.Snapshot]:
    with tonnage.snapshot() as taken:
        yield taken


def test_an_object_is_found_by_its_id(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    found = snapshot[id(planted.table)]
    assert (found.address, found.type, found.module) == (id(planted.table), "dict", "builtins")
    assert id(planted.table) in snapshot
    assert found in snapshot


def test_size_is_that_of_size_of_and_the_sum_of_the_parts(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    for thing in (planted.table, planted.many, planted.sessions[3], planted.table["beta"]):
        found = snapshot[id(thing)]
        assert found.size == tonnage.size_of(thing) == sum(found.parts.values())


def test_repr_names_type_address_size_and_references(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    address = id(planted.table["beta"])
    assert repr(snapshot[address]).startswith(f"bytes({address:#x}, 544 B, 0 refs, b'xxx")
    assert ", 6 refs)" in repr(snapshot[id(planted.table)])


def test_an_instance_is_of_its_class_and_bases(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    found = snapshot[id(planted.sessions[5])]
    assert found.type == f"{__name__}.Session"
    assert found.bases == (f"{__name__}.Session", "object")
    assert found.flags == {"tracked"}
    assert found.generation in (0, 1, 2)
    assert found.allocator == "pymalloc"


def test_children_come_in_the_order_of_items(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    children = snapshot[id(planted.many)].children
    assert len(children) == 2000
    assert isinstance(children, Sequence)
    assert children[7].address == id(planted.many[7])
    assert children[-1].address == id(planted.many[-1])
    assert [child.address for child in children[10:13]] == [id(one) for one in planted.many[10:13]]
    assert len(children[::2]) == 1000
    with pytest.raises(IndexError):
        children[2000]


def test_children_contain_objects_and_addresses(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    children = snapshot[id(planted.many)].children
    assert id(planted.many[3]) in children
    assert children[3] in children
    assert id(planted.table) not in children
    assert 3 not in children
    assert -1 not in children
    for live in "text", planted.many[3], None:
        with pytest.raises(TypeError, match=r"use id\(x\)"):
            _ = live in children
        with pytest.raises(TypeError, match=r"use id\(x\)"):
            _ = live in snapshot
        with pytest.raises(TypeError, match=r"use id\(x\)"):
            snapshot[live]  # type: ignore[index]


def test_a_place_beyond_the_end_says_how_many_there_are(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    many = snapshot[id(planted.many)]
    for sequence in many.children, many.references:
        for place in 99999, -99999:
            with pytest.raises(IndexError, match=f"^no entry {place}: there are 2000$"):
                sequence[place]


def test_children_repr_says_how_many_more(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    text = repr(snapshot[id(planted.many)].children)
    assert text.count("object(") == 6
    assert "… 1994 more" in text


def test_a_parent_counts_once_and_a_child_per_reference(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    twice, table = snapshot[id(planted.twice)], snapshot[id(planted.table)]
    assert list(twice.children) == [table, table]
    assert list(table.parents).count(twice) == 1
    assert table.n_parents == len(table.parents)
    assert twice.n_refs == 2


def test_keys_and_values_of_a_dict_stand_side_by_side(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    found = snapshot[id(planted.table)]
    assert [one.address for one in found.keys] == [id(key) for key in planted.table]
    assert [one.address for one in found.values] == [id(value) for value in planted.table.values()]


def test_keys_of_a_shared_dict_are_its_attributes() -> None:
    sessions = [Session("a"), Session("b")]
    space = vars(sessions[0])
    with tonnage.snapshot() as snapshot:
        found = snapshot[id(space)]
        values = [value.address for value in found.values]
        # In the order of the class's table: since 3.14 not always that of the assignments.
        found_items = dict(zip([key.preview for key in found.keys], values, strict=True))
        assert found_items == {repr(name): id(value) for name, value in space.items()}


@pytest.mark.parametrize("options", [{}, {"redact": True}, {"previews": 0}], ids=["plain", "redact", "no previews"])
def test_keys_of_a_shared_dict_are_told_by_their_place(options: dict[str, Any]) -> None:
    """Also where an instance lacks some of the attributes of others, and where no text was kept."""
    sessions = [Session("a"), Session("b"), Session("c")]
    del sessions[1].name
    sessions[2].__dict__.pop("history")
    spaces = [vars(session) for session in sessions]
    with tonnage.snapshot(**options) as snapshot:
        for space in spaces:
            found = snapshot[id(space)]
            # In the order of the class's table: since 3.14 not always that of the assignments.
            items = [(key.address, value.address) for key, value in zip(found.keys, found.values, strict=True)]
            assert sorted(items) == sorted((id(key), id(value)) for key, value in space.items())


def test_keys_that_belong_to_the_class_are_missing_in_a_part_of_the_process() -> None:
    """They are all there or none is, so that keys never stand beside the wrong values; labels name them."""
    sessions = [Session("a"), Session("b")]
    space = vars(sessions[0])
    with tonnage.snapshot(of=[sessions[0]]) as snapshot:
        found = snapshot[id(space)]
        assert len(found.values) == 2
        assert len(found.keys) in (0, 2)
        labels = {one.label: one.target.address for one in found.references}
        assert labels["['name']"] == id(sessions[0].name)


def test_keys_of_an_empty_dict_are_empty() -> None:
    empty: dict[str, str] = {}
    with tonnage.snapshot(of=[empty]) as snapshot:
        assert (len(snapshot[id(empty)].keys), len(snapshot[id(empty)].values)) == (0, 0)


def test_what_is_no_dict_has_no_keys(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    with pytest.raises(AttributeError, match="it is no dict"):
        _ = snapshot[id(planted.many)].keys


def test_references_carry_labels(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    found = snapshot[id(planted.table)]
    labels = {one.label: one.target.address for one in found.references}
    assert labels["['alpha']"] == id(planted.table["alpha"])
    many = snapshot[id(planted.many)].references
    assert len(many) == 2000
    assert [one.label for one in many[5:7]] == ["[5]", "[6]"]
    assert many[1999].target.address == id(planted.many[1999])
    assert many[-1].label == "[1999]"
    assert many[3].source == snapshot[id(planted.many)]
    assert sum(1 for _ in many) == 2000
    assert many[0].kind == "owning"


def test_references_read_backwards_are_the_same(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    references = snapshot[id(planted.many)].references
    assert [references[i].label for i in (9, 3, 4, 0)] == ["[9]", "[3]", "[4]", "[0]"]
    assert [one.label for one in references[8:2:-2]] == ["[8]", "[6]", "[4]"]


def test_a_walk_upwards_ends_at_the_root(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    seen, todo = set(), [snapshot[id(planted.many)]]
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            todo.extend(one.parents)
    assert any("synthetic" in one.flags and one.address == 0 for one in seen)


def test_obj_is_what_lives_at_the_address(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    assert snapshot[id(planted.table)].obj is planted.table
    assert snapshot[id(planted.sessions[9])].obj is planted.sessions[9]
    assert snapshot[id(None)].obj is None
    assert snapshot[id(Session)].obj is Session


def test_obj_that_is_gone_raises() -> None:
    thing = [1.5] * 5000
    address = id(thing)
    with tonnage.snapshot() as snapshot:
        found = snapshot[address]
        del thing
        with pytest.raises(ReferenceError, match="any more"):
            _ = found.obj


def test_obj_needs_the_process_that_took_it(tmp_path: object, planted: Planted) -> None:
    with tonnage.snapshot(f"{tmp_path}/a.tonnage") as taken, tonnage.load(f"{tmp_path}/a.tonnage") as loaded:
        assert taken[id(planted.table)].obj is planted.table
        with pytest.raises(LookupError, match="in the process that took it"):
            _ = loaded[id(planted.table)].obj
        pid = os.fork()
        if pid == 0:
            try:
                _ = taken[id(planted.table)].obj
            except LookupError:
                os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


def test_an_unknown_address_names_the_way_out(snapshot: tonnage.Snapshot) -> None:
    for address in (5, -1, 1 << 70):
        assert address not in snapshot
        with pytest.raises(KeyError) as caught:
            snapshot[address]
        assert "take another one" in str(caught.value)
        assert isinstance(caught.value, tonnage.NotFoundError)


def test_iteration_gives_every_object_once(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    addresses = [one.address for one in snapshot]
    assert len(addresses) == len(snapshot) == snapshot.summary().total["count"]
    assert addresses == sorted(set(addresses))
    assert {id(one) for one in planted.many} <= set(addresses)


def test_show_is_the_page_of_the_command(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    page = snapshot[id(planted.table)].show()
    assert "['alpha']" in str(page)
    assert page.data["object"]["type"] == "dict"


@pytest.mark.parametrize("options", [{}, {"redact": True}], ids=["plain", "redact"])
def test_calls_that_took_the_snapshot_are_left_out_of_texts(options: dict[str, Any]) -> None:
    """The file has them, as JSON and `.frames` say; a text begins with the caller."""
    me = test_calls_that_took_the_snapshot_are_left_out_of_texts.__name__
    with tonnage.snapshot(**options) as taken:
        frames = next(thread.frames for thread in taken.threads if thread.ident == threading.get_ident())
        own = [frame.own for frame in frames]
        first = own.index(False)
        assert first >= 1 and all(own[:first]) and not any(own[first:])
        info = taken.info(limit=1)
        thread = next(one for one in info.data["threads"] if one["ident"] == threading.get_ident())
        assert [frame["own"] for frame in thread["frames"]] == own
        page = repr(info)
        assert "tonnage/_snapshot.py" not in page and "tonnage/__init__.py" not in page
        assert f"<{len(frames) - first - 1} more frames" in page
        if not options:
            assert (frames[0].name, frames[first].name) == ("take", me)
            assert f"{Path(__file__).name}:" in page
            assert f": {me} ← " in repr(taken.threads)


def test_threads_have_frames_with_locals(snapshot: tonnage.Snapshot) -> None:
    frames = [frame for thread in snapshot.threads for frame in thread.frames]
    mine = [frame for frame in frames if frame.file == __file__ and frame.name == "snapshot"]
    assert len(mine) == 1
    assert mine[0].line
    assert any("planted" in one.label for one in mine[0].locals)


def test_guessed_references_come_only_with_a_scan() -> None:
    """The parser of a format holds its text, and has no tp_traverse that says so."""
    code = """
import _string, tonnage
held = "text {0} " * 200
holder = _string.formatter_parser(held)
for scan in False, True:
    with tonnage.snapshot(scan=scan) as taken:
        assert taken.check() == []
        found = [one.target.address for one in taken[id(holder)].references if one.kind == "guessed"]
        assert (id(held) in found) is scan
        kinds = {one.kind for item in taken for one in item.references}
        assert ("guessed" in kinds) is scan
"""
    done = python(["-c", code])
    assert (done.returncode, done.stderr) == (0, "")


def test_attributes_cannot_be_set(snapshot: tonnage.Snapshot, planted: Planted) -> None:
    found = snapshot[id(planted.table)]
    for name in ("size", "note"):
        with pytest.raises(AttributeError):
            setattr(found, name, 1)


def test_a_float_is_shown_as_python_shows_it(tmp_path: Path) -> None:
    known = random.Random(5)
    kept = [0.0, -0.0, 5e-324, sys.float_info.min, sys.float_info.max, 1e15, 1e16, 1e22, 1e23, 0.1, 1 / 3]
    kept += [2.0**k for k in range(-1074, 1024)] + [10.0**k for k in range(-300, 300)]
    kept += [known.uniform(-1, 1) * 10 ** known.randrange(-6, 18) for _ in range(10_000)]
    kept += [round(known.random() * 1000, known.randrange(6)) for _ in range(10_000)]
    kept += [one for (one,) in struct.iter_unpack("<d", known.randbytes(80_000)) if math.isfinite(one)]
    with tonnage.snapshot(tmp_path / "floats.tonnage") as snapshot:
        shown = {item.address: item.preview for item in snapshot.where("type:float")}
    assert [shown[id(one)] for one in kept] == [repr(one) for one in kept]
