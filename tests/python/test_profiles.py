"""Stacks that allocated, written for pprof, speedscope and flame graphs: against the second reader and protobuf."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pure_reader as reader
import pytest
import stack_files
import tonnage
from hypothesis import given, settings
from hypothesis import strategies as st
from pure_writer import Code, Site
from stack_files import WHATS, Frame, Stack, file_of

profile_proto = pytest.importorskip("profile_proto")

MAIN = Code("<module>", "<module>", "/srv/app.py", 1)
WORK = Code("work", "Worker.work", "/srv/app; x.py", 10)
LINES = Code("lines", "lines", "/srv/lines.py", 5, bytes.fromhex("e800 e902 8200 f8 d80000 f003410100 00"))
ROOTS = [Code(name, name, "", 0) for name in ("<main thread>", "Pool-1; x")]
OTHERS = [Code(name, name, "", 0) for name in ("<native>", "<truncated>", "<lost>", "<tonnage>")]
ODD = Code("na\nme", 'q"\\\ud800', "é/ü.py", 3)
CODES = [MAIN, WORK, LINES, ODD, *ROOTS, *OTHERS]


def exported(data: bytes, to: str, what: str | None = None) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "a.tonnage", Path(folder) / "out"
        path.write_bytes(data)
        with tonnage.load(path) as snapshot:
            snapshot.export(out, to=to, what=what)
        return out.read_bytes()


def pprof(data: bytes, what: str | None = None) -> Any:
    profile = profile_proto.Profile()
    profile.ParseFromString(gzip.decompress(exported(data, "pprof", what)))
    assert profile.string_table[0] == ""
    return profile


def read_samples(profile: Any) -> dict[tuple[Stack, str], tuple[int, ...]]:
    """What it says, by stack and allocator; every reference in it is followed."""
    text = profile.string_table
    functions = {f.id: f for f in profile.function}
    locations = {location.id: location for location in profile.location}
    assert 0 not in functions and 0 not in locations
    assert (len(functions), len(locations)) == (len(profile.function), len(profile.location))
    lines = [(line.function_id, line.line) for location in profile.location for line in location.line]
    assert len(lines) == len(profile.location) == len(set(lines)), "one location for each line of a function"
    found: dict[tuple[Stack, str], tuple[int, ...]] = {}
    for sample in profile.sample:
        labels = {text[label.key]: text[label.str] for label in sample.label}
        stack = []
        for number in reversed(sample.location_id):
            assert locations[number].mapping_id == 1
            (line,) = locations[number].line
            f = functions[line.function_id]
            plain = text[f.system_name] if f.system_name else text[f.name]
            stack.append(Frame(text[f.name], plain, text[f.filename], f.start_line, line.line))
        root = stack[0]
        named = not root.file and root.name not in {code.name for code in OTHERS}
        assert labels.get("thread") == (root.name if named else None)
        key = tuple(stack), labels["domain"]
        assert key not in found
        found[key] = tuple(sample.value)
    return found


def read_collapsed(data: bytes) -> Counter[tuple[str, ...]]:
    found: Counter[tuple[str, ...]] = Counter()
    for line in data.decode().splitlines():
        stack, _, number = line.rpartition(" ")
        assert int(number) > 0
        found[tuple(stack.split(";"))] += int(number)
    return found


def collapsed_frame(frame: Frame) -> str:
    name, file = frame.name.replace(";", "\\x3b"), frame.file.replace(";", "\\x3b")
    if not file:
        return name
    return f"{name} ({file}:{frame.line})" if frame.line else f"{name} ({file})"


def read_speedscope(data: bytes) -> tuple[Any, list[Counter[tuple[tuple[Any, ...], ...]]]]:
    """Profiles as weights by stack, after the checks of speedscope's file-format-schema.json."""
    found = json.loads(data)
    assert set(found) == {"$schema", "exporter", "name", "activeProfileIndex", "shared", "profiles"}
    assert found["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    assert all(type(found[key]) is str for key in ("exporter", "name"))
    assert set(found["shared"]) == {"frames"}
    frames = found["shared"]["frames"]
    for frame in frames:
        assert {"name"} <= set(frame) <= {"name", "file", "line", "col"}
        assert all(type(frame[key]) is (int if key in ("line", "col") else str) for key in frame)
    profiles = []
    for profile in found["profiles"]:
        assert set(profile) == {"type", "name", "unit", "startValue", "endValue", "samples", "weights"}
        assert profile["type"] == "sampled" and type(profile["name"]) is str
        assert profile["unit"] in ("none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes")
        assert len(profile["samples"]) == len(profile["weights"])
        assert (profile["startValue"], profile["endValue"]) == (0, sum(profile["weights"]))
        sums: Counter[tuple[tuple[Any, ...], ...]] = Counter()
        for sample, weight in zip(profile["samples"], profile["weights"], strict=True):
            assert weight > 0 and sample and all(0 <= number < len(frames) for number in sample)
            named = (frames[number] for number in sample)
            sums[tuple((frame["name"], frame.get("file", ""), frame.get("line", 0)) for frame in named)] += weight
        profiles.append(sums)
    return found, profiles


# ---- files ----

counts = st.integers(0, 4_000).map(lambda n: n / 4)
sizes = st.sampled_from([0, 1, 16, 512, 2**33]) | st.integers(0, 2**40)


@st.composite
def files(draw: st.DrawFn) -> bytes:
    n = draw(st.integers(0, 12))
    stack = [
        (draw(st.integers(0, row)), draw(st.integers(0, len(CODES) - 1)), draw(st.integers(0, 9)) * 2, draw(lines))
        for row in range(n)
    ]
    domains = st.sampled_from([0, 1, 2, 2**31, 2**31 + 389047])
    rows = draw(st.lists(st.tuples(st.integers(0, n), domains, *[sizes] * 5, *[counts] * 4), min_size=1, max_size=12))
    return file_of(CODES, stack, [Site(*row) for row in rows])


lines = st.sampled_from([0, 0, 1, 7, 2**31])


@settings(max_examples=150, deadline=None)
@given(files(), st.sampled_from(WHATS))
def test_pprof_has_each_stack_and_allocator_once_with_all_four_values(data: bytes, what: str) -> None:
    profile = pprof(data, what)
    assert read_samples(profile) == stack_files.samples(reader.Snapshot.open(data), what)


@settings(max_examples=100, deadline=None)
@given(files(), st.sampled_from(WHATS))
def test_collapsed_has_the_bytes_of_each_stack(data: bytes, what: str) -> None:
    expected: Counter[tuple[str, ...]] = Counter()
    for stack, weight in stack_files.weights(reader.Snapshot.open(data), what).items():
        expected[tuple(map(collapsed_frame, stack))] += weight
    assert read_collapsed(exported(data, "collapsed", what)) == expected


@settings(max_examples=100, deadline=None)
@given(files(), st.sampled_from(WHATS))
def test_speedscope_has_bytes_and_blocks_of_each_stack(data: bytes, what: str) -> None:
    found, profiles = read_speedscope(exported(data, "speedscope", what))
    assert [profile["name"] for profile in found["profiles"]] == [f"{what} bytes", f"{what} blocks"]
    assert [profile["unit"] for profile in found["profiles"]] == ["bytes", "none"]
    for profile, blocks in zip(profiles, (False, True), strict=True):
        expected: Counter[tuple[tuple[Any, ...], ...]] = Counter()
        for stack, weight in stack_files.weights(reader.Snapshot.open(data), what, blocks=blocks).items():
            expected[tuple((frame.name, frame.file, frame.line) for frame in stack)] += weight
        assert profile == expected


# ---- what is about the whole ----

ONE = [Site(1, 1, 100, 700, 0, 100, 300, 1, 7, 0, 3)]


def test_pprof_has_the_sample_types_of_go_and_says_which_one_is_meant() -> None:
    data = file_of(CODES, [(0, 0, 0, 2)], ONE, **{"process.executable": "/usr/bin/\udcffpython3"})
    for what, default, values in (
        (None, "inuse_space", [7, 700, 1, 100]),
        ("allocated", "alloc_space", [7, 700, 1, 100]),
        ("peak", "inuse_space", [7, 700, 3, 300]),
    ):
        profile = pprof(data, what)
        text = profile.string_table
        types = [(text[t.type], text[t.unit]) for t in profile.sample_type]
        assert types == [
            ("alloc_objects", "count"), ("alloc_space", "bytes"), ("inuse_objects", "count"), ("inuse_space", "bytes"),
        ]  # fmt: skip
        assert text[profile.default_sample_type] == default
        assert (text[profile.period_type.type], text[profile.period_type.unit], profile.period) == ("space", "bytes", 1)
        assert profile.time_nanos == 1_700_000_000_000_000_000
        (mapping,) = profile.mapping
        assert (mapping.id, text[mapping.filename]) == (1, "/usr/bin/\\udcffpython3")
        assert mapping.has_functions and mapping.has_filenames and mapping.has_line_numbers
        (sample,) = profile.sample
        assert list(sample.value) == values
        assert ("high-water" in text[profile.comment[0]]) == (what == "peak")


def test_the_period_of_a_sampled_recording_is_its_interval() -> None:
    facts = {"trace.mode": "sampled", "trace.interval_bytes": 524288}
    assert pprof(file_of(CODES, [(0, 0, 0, 2)], ONE, **facts)).period == 524288


def test_two_instructions_of_a_line_are_one_stack() -> None:
    stack = [(0, 0, 2, 7), (0, 0, 4, 7), (1, 1, 0, 11), (2, 1, 8, 11)]
    data = file_of(CODES, stack, [Site(3, 0, 10, 10, live_count=1), Site(4, 0, 20, 20, live_count=1)])
    text = exported(data, "collapsed").decode()
    assert text == "<module> (/srv/app.py:7);Worker.work (/srv/app\\x3b x.py:11) 30\n"
    assert len(pprof(data).sample) == len(json.loads(exported(data, "speedscope"))["profiles"][0]["samples"]) == 1


def test_a_name_that_pprof_would_take_for_a_mangled_one_stands_alone() -> None:
    codes = [MAIN, WORK, Code("_Z3foo", "_Z3foo", "a.py", 1), Code("plain", "plain", "a.py", 1)]
    stack = [(row, row, 0, 1) for row in range(4)]
    profile = pprof(file_of(codes, stack, [Site(4, 0, 1, 1)]))
    names = {profile.string_table[f.name]: profile.string_table[f.system_name] for f in profile.function}
    assert names == {"<module>": "", "Worker.work": "work", "_Z3foo": "", "plain": "plain"}


def test_stacks_are_whole_however_deep() -> None:
    n = 50_000
    data = file_of([MAIN], [(row, 0, 0, 1 + row % 3) for row in range(n)], [Site(n, 0, 5, 5), Site(n, 1, 6, 6)])
    assert [len(sample.location_id) for sample in pprof(data).sample] == [n, n]
    assert exported(data, "collapsed").count(b";") == n - 1


def test_stacks_that_would_fill_a_disk_are_refused(tmp_path: Path) -> None:
    n = 50_000
    path = tmp_path / "a.tonnage"
    path.write_bytes(file_of([MAIN], [(row, 0, 0, 1) for row in range(n)], [Site(n, 2**31 + i, 1) for i in range(n)]))
    with tonnage.load(path) as snapshot, pytest.raises(tonnage.LimitError, match="2500000000 frames in all"):
        snapshot.export(tmp_path / "out", to="pprof")
    assert exported(path.read_bytes(), "collapsed").endswith(b" 50000\n")


@pytest.mark.parametrize("seed", range(4))
def test_large_profiles_come_out_of_gzip_as_they_went_in(seed: int) -> None:
    rng = random.Random(seed)
    codes = [Code(f"f{i}", "".join(rng.choices("abcdefgh" if seed % 2 else "a", k=rng.randrange(1, 400))), f"{i}.py", i)
             for i in range(1, 800)]  # fmt: skip
    stack = [(rng.randrange(row + 1), rng.randrange(len(codes)), 0, rng.randrange(1, 5000)) for row in range(6000)]
    sites = [Site(1 + row, row % 3, rng.randrange(2**30), 2**31, 0, 0, 0, 1, row) for row in range(6000)]
    data = file_of(codes, stack, sites)
    packed = exported(data, "pprof")
    assert len(packed) < len(gzip.decompress(packed)) * 0.7
    assert read_samples(pprof(data)) == stack_files.samples(reader.Snapshot.open(data), "live")


# ---- a program ----

PROGRAM = """
import sys, threading, tonnage, tonnage.trace
def make():
    return bytes(9_967)
def work(n):
    for i in range(n): kept[len(kept)] = make()
kept = {}
tonnage.trace.start(*eval(sys.argv[2]))
work(100)
for i in range(70): del kept[i]
worker = threading.Thread(target=work, args=(5,))
worker.start()
worker.join()
tonnage.snapshot(sys.argv[1])
"""


def test_what_a_program_allocated_is_in_its_profiles(tmp_path: Path) -> None:
    path = tmp_path / "a.tonnage"
    subprocess.run([sys.executable, "-c", PROGRAM, str(path), "()"], check=True)
    data = path.read_bytes()
    for what, alive in (("live", 30), ("allocated", 30), ("peak", 100)):
        found = {key: values for key, values in read_samples(pprof(data, what)).items() if key[0][-1].name == "make"}
        stacks = {stack[0].name: stack for stack, _ in found}
        main, other = stacks.pop("<main thread>"), stacks.popitem()[1]
        assert not stacks and len(found) == 2
        assert found[main, "obj"] == (100, 1_000_000, alive, alive * 10_000)
        assert found[other, "obj"] == ((5, 50_000, 0, 0) if what == "peak" else (5, 50_000, 5, 50_000))
        names = [(frame.name, frame.line) for frame in main if frame.file]
        assert names == [("<module>", 9), ("work", 6), ("make", 4)]
        expected = stack_files.samples(reader.Snapshot.open(data), what)
        assert read_samples(pprof(data, what)) == expected
        space = 1 if what == "allocated" else 3
        bytes_of: Counter[tuple[str, ...]] = Counter()
        for (stack, _), values in expected.items():
            bytes_of[tuple(map(collapsed_frame, stack))] += values[space]
        assert read_collapsed(exported(data, "collapsed", what)) == +bytes_of


def test_a_sampled_program_has_its_interval_as_period(tmp_path: Path) -> None:
    path = tmp_path / "a.tonnage"
    subprocess.run([sys.executable, "-c", PROGRAM, str(path), "(4096,)"], check=True)
    profile = pprof(path.read_bytes())
    assert profile.period == 4096
    assert read_samples(profile) == stack_files.samples(reader.Snapshot.open(path), "live")


# ---- refusals ----


@pytest.mark.parametrize("to", ["pprof", "speedscope", "collapsed"])
def test_what_was_not_traced_is_said_to_be(tmp_path: Path, to: str) -> None:
    path = tmp_path / "a.tonnage"
    path.write_bytes(file_of(CODES, [(0, 0, 0, 2)], None))
    with tonnage.load(path) as snapshot, pytest.raises(tonnage.ArgumentError, match="nothing was traced"):
        snapshot.export(tmp_path / "out", to=to)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"what": "cpu"}, "no samples of the processor's time"),
        ({"what": "objects"}, "sums are live, allocated, peak, cpu, not 'objects'"),
        ({"where": "type:dict"}, "takes no selection"),
        ({"columns": "size"}, "takes no selection"),
        ({"max_nodes": 3}, "takes no selection"),
    ],
)
def test_what_a_profile_does_not_take_is_refused(tmp_path: Path, arguments: dict[str, Any], message: str) -> None:
    path = tmp_path / "a.tonnage"
    path.write_bytes(file_of(CODES, [(0, 0, 0, 2)], ONE))
    with tonnage.load(path) as snapshot, pytest.raises(tonnage.ArgumentError, match=message):
        snapshot.export(tmp_path / "out", to="pprof", **arguments)


