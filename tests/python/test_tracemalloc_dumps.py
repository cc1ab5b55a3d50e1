"""Dumps of tracemalloc: what is read of them is what tracemalloc itself says, and nothing else is read or run."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import random
import subprocess
import sys
import tempfile
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pure_reader as reader
import pytest
import stack_files
import tonnage
from hypothesis import example, given, settings
from hypothesis import strategies as st

Trace = tuple[int, int, tuple[tuple[str, int], ...], int | None]  # domain, size, frames innermost first, all of them
PROTOCOLS = (2, 3, 4, 5)
PROGRAM = """
import sys, tracemalloc
path, depth = sys.argv[1], int(sys.argv[2])
tracemalloc.start(depth)
import json, decimal
def deep(n):
    return [bytearray(100 + n)] if n == 0 else [bytearray(n), deep(n - 1)]
kept = [deep(12) for _ in range(40)], {str(i): float(i) for i in range(3000)}
snapshot = tracemalloc.take_snapshot()
snapshot.dump(path)
snapshot.filter_traces([tracemalloc.Filter(True, "<string>")]).dump(path + ".filtered")
"""


def dumped(traces: list[Any], limit: int = 9, protocol: int = 5, *, in_python: bool = False) -> bytes:
    """As Snapshot.dump writes it, by either of the two picklers."""
    snapshot: Any = tracemalloc.Snapshot(traces, limit)  # type: ignore[arg-type]
    out = io.BytesIO()
    (pickle._Pickler if in_python else pickle.Pickler)(out, protocol).dump(snapshot)  # type: ignore[attr-defined]
    return out.getvalue()


def imported(data: bytes) -> reader.Snapshot:
    with tempfile.TemporaryDirectory() as folder:
        dump, out = Path(folder) / "dump", Path(folder) / "out.tonnage"
        dump.write_bytes(data)
        try:
            with tonnage.import_dump(dump, out) as snapshot:
                assert len(snapshot.objects) == 0
        except tonnage.Error:
            assert os.listdir(folder) == ["dump"], "nothing is written of what is refused"
            raise
        file = reader.Snapshot.open(out)
    assert file.check() == []
    return file


def stack_of(frames: tuple[tuple[str, int], ...], in_all: int | None) -> stack_files.Stack:
    """What stands for a traceback, outermost first."""
    if frames == (("<unknown>", 0),):
        return (stack_files.Frame("<native>", "<native>", "", 0, 0),)
    found = [stack_files.Frame("<truncated>", "<truncated>", "", 0, 0)] if (in_all or 0) > len(frames) else []
    for file, line in reversed(frames):
        name = stack_files.escaped(file.rpartition("/")[2])
        found.append(stack_files.Frame(name, name, stack_files.escaped(file), 0, line))
    return tuple(found)


def expected_of(traces: list[Trace]) -> dict[tuple[stack_files.Stack, str], tuple[int, int, int, int]]:
    blocks: Counter[tuple[stack_files.Stack, str]] = Counter()
    sizes: Counter[tuple[stack_files.Stack, str]] = Counter()
    for domain, size, frames, in_all in traces:
        key = stack_of(frames, in_all), stack_files.domain(domain or "mem")
        blocks[key] += 1
        sizes[key] += size
    return {key: (0, 0, n, sizes[key]) for key, n in blocks.items()}  # what was ever allocated is not known


# ---- what is read ----


@pytest.mark.parametrize("depth", [1, 3, 25])
def test_a_dump_says_what_tracemalloc_says(tmp_path: Path, depth: int) -> None:
    subprocess.run([sys.executable, "-c", PROGRAM, str(tmp_path / "dump"), str(depth)], check=True)
    for name in ("dump", "dump.filtered"):
        loaded: Any = tracemalloc.Snapshot.load(str(tmp_path / name))
        traces = list(loaded.traces._traces)
        file = imported((tmp_path / name).read_bytes())
        assert len(traces) > 100
        assert stack_files.samples(file, "live") == expected_of(traces)
        assert not stack_files.samples(file, "peak") and "trace.peak_bytes" not in file.facts
        by_line = {(s.traceback[0].filename, s.traceback[0].lineno): (s.size, s.count)
                   for s in loaded.statistics("lineno")}  # fmt: skip
        found: dict[tuple[str, int], tuple[int, int]] = {}
        for site in file.sites or ():
            assert site.stack is not None
            entry = file.stack_entries[site.stack]
            key = (file.codes[entry.code].file or "<unknown>", entry.line)
            size, count = found.get(key, (0, 0))
            found[key] = size + site.live_bytes, count + int(site.live_count)
        assert found == by_line
        assert file.facts["trace.traced_bytes"] == sum(trace[1] for trace in traces)
        assert (file.facts["trace.depth"], file.facts["import.format"]) == (depth, "tracemalloc")


frames = st.tuples(st.sampled_from(["a.py", "/x/b.py", "<unknown>", "é\ud800.py", "dir/"]), st.integers(0, 2**32 - 1))
tracebacks = st.lists(frames, min_size=1, max_size=5).map(tuple)


@st.composite
def snapshots(draw: st.DrawFn) -> list[Trace]:
    """Tracebacks are shared, as tracemalloc shares them."""
    known = draw(st.lists(tracebacks, min_size=1, max_size=4))
    return [
        (
            draw(st.sampled_from([0, 0, 1, 389047, 2**31 - 1])),
            draw(st.sampled_from([0, 1, 255, 256, 65535, 65536, 2**31, 2**32, 2**40]) | st.integers(0, 2**48)),
            traceback := draw(st.sampled_from(known)),
            draw(st.sampled_from([None, len(traceback), len(traceback) + 3])),
        )
        for _ in range(draw(st.integers(0, 8)))
    ]


@settings(max_examples=200, deadline=None)
@given(snapshots(), st.sampled_from(PROTOCOLS), st.booleans(), st.sampled_from([1, 300, 65535]))
@example([(0, 8, (("a.py", 1),), 1)] * 2500, 5, False, 1)
@example([(0, 8, (("a.py", n),), 1) for n in range(2500)], 4, False, 1)
@example([(0, 8, tuple(("a.py", n) for n in range(600)), 700)], 2, True, 600)
def test_any_snapshot_of_any_protocol_is_read_as_it_is(
    traces: list[Trace], protocol: int, in_python: bool, limit: int
) -> None:
    file = imported(dumped(traces, limit, protocol, in_python=in_python))
    assert stack_files.samples(file, "live") == expected_of(traces)
    assert file.facts["trace.depth"] == limit


def test_dumps_of_older_pythons_have_no_number_of_frames_or_no_domain() -> None:
    frames = (("a.py", 3), ("b.py", 4))
    expected = expected_of([(0, 10, frames, None)])
    for trace in ((10, frames), (0, 10, frames), (0, 10, frames, None)):
        assert stack_files.samples(imported(dumped([trace])), "live") == expected
    assert stack_files.samples(imported(dumped([(5, 10, frames)])), "live") == expected_of([(5, 10, frames, None)])


# ---- what is refused ----

SMALL = [(0, 64, (("a.py", 3), ("b.py", 4)), 2), (389047, 2**33, (("a.py", 3), ("b.py", 4)), 5), (0, 1, (("c", 1),), 1)]


class Runs:
    """Writes a file when it is loaded."""

    def __init__(self, path: str, how: int) -> None:
        self.path, self.how = path, how

    def __reduce_ex__(self, protocol: Any) -> Any:
        call = exec, (f"open({self.path!r}, 'w').close()",)
        return call if self.how == 0 else (object, (), None, iter(()), iter(())) if self.how == 1 else (*call, {})


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("how", range(3))
def test_what_a_pickle_asks_to_run_is_not_run(tmp_path: Path, protocol: int, how: int) -> None:
    there = tmp_path / "there"
    for traces in ([Runs(str(there), how)], [(0, Runs(str(there), how), (("a.py", 1),), 1)]):
        with pytest.raises(tonnage.FormatError, match="nothing of it was run"):
            imported(dumped(traces, protocol=protocol))
    assert not there.exists()


CLASS = b"\x80\x04ctracemalloc\nSnapshot\n)\x81"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x80\x04cos\nsystem\n.", "byte 2: it asks for os.system,"),
        (b"\x80\x04ctracemalloc\nFilter\n.", "it asks for tracemalloc.Filter,"),
        (b"\x80\x04cos\n\x1b[31mevil\xff\n.", r"it asks for os.\?\[31mevil\?,"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "byte 14: it asks for os.system,"),
        (b"\x80\x04NN\x93.", "it asks for a class without a name"),
        (CLASS + b"}\x8c\x01a)\x81.", "makes an object with arguments, or of no class"),
        (CLASS + b"(K\x01t\x81.", "makes an object with arguments, or of no class"),
        (CLASS + b"b.", "builds an object of what is no dict"),
        (CLASS + b"}\x8c\x06__dictK\x01s.", "it ends in the middle|sets what a Snapshot"),
        (CLASS + b"}\x8c\x09__class__K\x01sb.", "sets what a Snapshot of tracemalloc does not have"),
        (CLASS + b".", "without traces"),
        (CLASS, "ends in the middle"),
        (b"\x80\x04N.", "no Snapshot of tracemalloc"),
        (b"\x80\x04)R.", "byte 3: REDUCE, which no dump of tracemalloc has"),
        (b"\x80\x04\x82\x01.", "EXT1"),
        (b"\x80\x04Pos.system\n.", "PERSID"),
        (b"\x80\x04(i.", "INST"),
        (b"\x80\x04)\x92.", "NEWOBJ_EX"),
        (b"\x80\x05\xff.", "an unknown opcode"),
        (b"\x80\x01.", "a protocol of pickles that is none of 2 to 5"),
        (b"\x80\x06.", "a protocol of pickles that is none of 2 to 5"),
        (b"\x80\x04]q\x00h\x01.", "takes from its memo what is not there"),
        (b"\x80\x04]r\x00\x00\x00\x80.", "memo is not filled in order"),
        (b"\x80\x04]r\xff\xff\xff\xff.", "memo is not filled in order"),
        (b"\x80\x04\x94.", "takes more values than there are"),
        (b"\x80\x04(\x94.", "takes more values than there are"),
        (b"\x80\x04\x87.", "takes more values than there are"),
        (b"\x80\x04K\x01(K\x01\x86.", "takes more values than there are"),
        (b"\x80\x04K\x01t.", "up to a mark, and there is none"),
        (b"\x80\x04K\x01e.", "up to a mark, and there is none"),
        (b"\x80\x04NK\x01a.", "appends to what is no list"),
        (b"\x80\x04(e.", "appends to what is no list"),
        (b"\x80\x04NNNs.", "sets items of what is no dict"),
        (b"\x80\x04}(K\x01u.", "sets items of what is no dict"),
        (b"\x80\x04]].", "more than one list"),
        (b"\x80\x04]K\x01a.", "no trace"),
        (b"\x80\x04])a.", "no trace"),
        (b"\x80\x04](K\x00K\x08)K\x01ta.", "a trace without frames"),
        (b"\x80\x04](K\x00K\x08K\x01\x85K\x01ta.", "a frame that is no file and line"),
        (b"\x80\x04](K\x00K\x08\x8c\x01aK\x01\x86K\x01ta.", "a frame that is no file and line"),
        (b"\x80\x04](K\x00NK\x01K\x01ta.", "a trace without size or domain"),
        (b"\x80\x04J\xff\xff\xff\xff.", "a number that is none"),
        (b"\x80\x04\x8a\x01\x80.", "a number that is none"),
        (b"\x80\x04\x8a\xff.", "a number that is none"),
        (b"\x80\x04\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x10.", "a number that is none"),
        (b"\x80\x04\x8c\x03a\x00b.", "a name with a zero in it"),
        (b"\x80\x04X\xff\xff\xff\xffabc.", "ends in the middle"),
        (b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc.", "ends in the middle"),
        (b"\x80\x04cos", "ends in the middle"),
    ],
)
def test_what_no_dump_has_is_refused_by_name(data: bytes, message: str) -> None:
    with pytest.raises(tonnage.FormatError, match=message):
        imported(data)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_dump_that_is_cut_anywhere_is_refused(protocol: int) -> None:
    whole = dumped(SMALL, protocol=protocol)
    imported(whole)
    for n in range(2, len(whole)):
        with pytest.raises(tonnage.FormatError):
            imported(whole[:n])
    with pytest.raises(tonnage.FormatError, match="more follows behind its end"):
        imported(whole + b".")


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("seed", range(3))
def test_a_dump_with_changed_bytes_is_read_or_refused(protocol: int, seed: int) -> None:
    rng = random.Random(seed)
    whole = dumped(SMALL, protocol=protocol)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(1, len(data))] = rng.choice((rng.randrange(256), *whole))
        try:
            file = imported(bytes(data))
        except tonnage.FormatError:
            continue
        assert sum(site.live_count for site in file.sites or ()) <= len(SMALL)


def test_a_tuple_that_grows_by_references_to_itself_takes_no_more_than_its_bytes() -> None:
    """Each tuple has the one before three times: written out, it would have 3**20000 items."""
    data = b"\x80\x04K\x01\x94" + b"".join(
        b"j%bj%bj%b\x87\x94" % ((n.to_bytes(4, "little"),) * 3) for n in range(20_000)
    )
    with pytest.raises(tonnage.FormatError, match="ends in the middle"):
        imported(data)
    shared = dumped([(0, 1, tuple(("a.py", n) for n in range(5_000)), 5_000)] * 100_000, 5_000)
    assert len(shared) < 1_000_000
    file = imported(shared)
    assert [(site.live_count, len(file.stack(site.stack or 0))) for site in file.sites or ()] == [(100_000, 5_000)]


def test_the_dump_is_one_that_pickletools_knows() -> None:
    """So that a change of pickle in a later Python is seen: these are all the instructions of dumps."""
    used = {op.name for protocol in PROTOCOLS for op, _, _ in pickletools.genops(dumped(SMALL, protocol=protocol))}
    assert used <= {
        "PROTO", "FRAME", "STOP", "MARK", "BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "SHORT_BINUNICODE",
        "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "EMPTY_LIST", "APPEND", "APPENDS", "EMPTY_DICT",
        "SETITEM", "SETITEMS", "GLOBAL", "STACK_GLOBAL", "NEWOBJ", "BUILD", "BINGET", "BINPUT", "MEMOIZE",
    }  # fmt: skip


@pytest.mark.parametrize("way", ["itself", "link", "symlink"])
def test_a_dump_is_never_replaced_by_its_own_import(tmp_path: Path, way: str) -> None:
    dump, out = tmp_path / "dump", tmp_path / ("dump" if way == "itself" else "out")
    dump.write_bytes(dumped([(0, 100, (("a.py", 1),), 1)]))
    if way == "link":
        out.hardlink_to(dump)
    elif way == "symlink":
        out.symlink_to(dump)
    before = dump.read_bytes()
    with pytest.raises(tonnage.ArgumentError, match="is the file that is read"):
        tonnage.import_dump(dump, out, force=True)
    assert dump.read_bytes() == before
