"""Where threads were, written for other programs: against the second reader, protobuf, pstats and literal_eval."""

from __future__ import annotations

import ast
import contextlib
import io
import pstats
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pure_reader as reader
import pytest
import sample_files
import stack_files
import tonnage
from hypothesis import given, settings
from hypothesis import strategies as st
from pure_writer import Code, Sample, Site
from stack_files import Frame, Stack, escaped, file_of
from test_profiles import CODES, collapsed_frame, exported, pprof, read_collapsed, read_speedscope

COUNTS = {"real": "wall", "prof": "cpu", "virtual": "user", "gil": "gil"}  # what a sample type is called
STATES = ("waiting", "running without the lock", "waiting with the lock", "running with the lock")
THREADS = ["<main thread>", "Pool-1; x", "na\nme\ud800", ""]
TASKS = ["", "Task-1", "crawl '\""]
FORMATS = ["pprof", "speedscope", "collapsed", "pstats", "plop"]

# ---- files ----

numbers = st.sampled_from([0, 1, 400, 10**7, 2**31, 2**33]) | st.integers(0, 2**40)


@st.composite
def files(draw: st.DrawFn, clocks: tuple[str | None, ...] = (*COUNTS, None)) -> bytes:
    n = draw(st.integers(0, 12))
    lines = st.sampled_from([0, 0, 1, 7, 2**31])
    stack = [
        (draw(st.integers(0, row)), draw(st.integers(0, len(CODES) - 1)), draw(st.integers(0, 9)) * 2, draw(lines))
        for row in range(n)
    ]
    row = st.builds(
        Sample, st.integers(0, n), st.sampled_from(THREADS), st.sampled_from(TASKS), st.integers(0, 3),
        st.integers(1, 2**40), numbers, numbers,
    )  # fmt: skip
    clock = draw(st.sampled_from(clocks))
    facts: dict[str, Any] = {} if clock is None else {"sample.clock": clock, "sample.interval_ns": 10**7}
    return file_of(CODES, stack, None, draw(st.lists(row, min_size=1, max_size=12)), **facts)


def samples_of(file: reader.Snapshot) -> list[reader.Sample]:
    assert file.samples
    return file.samples


def main_value(file: reader.Snapshot, sample: reader.Sample) -> int:
    return sample.ns if "sample.clock" in file.facts else sample.samples


def weights(file: reader.Snapshot, thread: str | None = None) -> Counter[Stack]:
    sums: Counter[Stack] = Counter()
    for sample in samples_of(file):
        if thread is None or sample.thread == thread:
            sums[stack_files.frames(file, sample.stack)] += main_value(file, sample)
    return +sums


# ---- pprof ----


def read_pprof(profile: Any) -> dict[tuple[Stack, str, str, str], tuple[int, ...]]:
    """By stack, thread, task and state."""
    text = profile.string_table
    functions = {f.id: f for f in profile.function}
    locations = {location.id: location for location in profile.location}
    found = {}
    for sample in profile.sample:
        labels = {text[label.key]: text[label.str] for label in sample.label}
        assert len(labels) == len(sample.label) and set(labels) <= {"thread", "task", "state"}
        stack = []
        for number in reversed(sample.location_id):
            (line,) = locations[number].line
            f = functions[line.function_id]
            plain = text[f.system_name] if f.system_name else text[f.name]
            stack.append(Frame(text[f.name], plain, text[f.filename], f.start_line, line.line))
        key = tuple(stack), labels.get("thread", ""), labels.get("task", ""), labels.get("state", "")
        assert key not in found
        found[key] = tuple(sample.value)
    return found


@settings(max_examples=150, deadline=None)
@given(files())
def test_pprof_has_each_stack_thread_task_and_state_once(data: bytes) -> None:
    file = reader.Snapshot.open(data)
    clock = file.facts.get("sample.clock")
    profile = pprof(data)
    text = profile.string_table
    types = [(text[t.type], text[t.unit]) for t in profile.sample_type]
    time = [(COUNTS[str(clock)], "nanoseconds")] if clock else []
    assert types == [("samples", "count"), *time, *([("cpu", "nanoseconds")] if clock not in (None, "prof") else [])]
    expected: defaultdict[tuple[Stack, str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for sample in samples_of(file):
        state = STATES[sample.running + 2 * sample.holds_lock] if clock else ""
        stack = stack_files.frames(file, sample.stack)
        row = expected[stack, escaped(sample.thread), escaped(sample.task or ""), state]
        row[:] = map(sum, zip(row, (sample.samples, sample.ns, sample.cpu_ns), strict=True))
    assert read_pprof(profile) == {key: tuple(row[: len(types)]) for key, row in expected.items()}


@pytest.mark.parametrize("clock", sample_files.CLOCKS)
def test_pprof_says_when_how_long_and_how_often(tmp_path: Path, clock: str) -> None:
    shop = sample_files.shop(clock)
    shop.facts["sample.started_wall_ns"] = 1_800_000_000_000_000_000
    profile = pprof(shop.write(tmp_path / "a.tonnage").read_bytes())
    text = profile.string_table
    assert text[profile.default_sample_type] == text[profile.period_type.type] == COUNTS[clock]
    assert (text[profile.period_type.unit], profile.period) == ("nanoseconds", 10_000_000)
    assert (profile.time_nanos, profile.duration_nanos) == (1_800_000_000_000_000_000, 100 * 10_000_000)


# ---- collapsed, speedscope ----


@settings(max_examples=100, deadline=None)
@given(files())
def test_collapsed_has_the_nanoseconds_of_each_stack(data: bytes) -> None:
    expected: Counter[tuple[str, ...]] = Counter()
    for stack, weight in weights(reader.Snapshot.open(data)).items():
        expected[tuple(map(collapsed_frame, stack))] += weight
    assert read_collapsed(exported(data, "collapsed")) == expected


@settings(max_examples=100, deadline=None)
@given(files())
def test_speedscope_has_all_threads_and_each(data: bytes) -> None:
    file = reader.Snapshot.open(data)
    found, profiles = read_speedscope(exported(data, "speedscope"))
    assert {profile["unit"] for profile in found["profiles"]} == {
        "nanoseconds" if "sample.clock" in file.facts else "none"
    }
    by_name = dict(zip((profile["name"] for profile in found["profiles"]), profiles, strict=True))
    threads = {sample.thread for sample in samples_of(file)}
    names = {thread: escaped(thread) or "unknown thread" for thread in threads}
    assert found["profiles"][0]["name"] == "all threads"
    assert sorted(by_name) == sorted([*names.values(), "all threads"]) and len(by_name) == len(profiles)
    for thread, name in [(None, "all threads"), *names.items()]:
        expected: Counter[tuple[tuple[Any, ...], ...]] = Counter()
        for stack, weight in weights(file, thread).items():
            expected[tuple((frame.name, frame.file, frame.line) for frame in stack)] += weight
        assert by_name[name] == expected


# ---- pstats ----

Function = tuple[str, int, str]


def function_of(frame: Frame) -> Function:
    return frame.file or "~", frame.first_line, frame.name


def stats_of(file: reader.Snapshot) -> dict[Function, Any]:
    """As pstats has them: of a function its own samples, samples, own nanoseconds, nanoseconds; of callers, too."""
    sums: defaultdict[Function, list[int]] = defaultdict(lambda: [0] * 4)
    edges: defaultdict[Function, defaultdict[Function, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0] * 4))
    for sample in samples_of(file):
        path = [function_of(frame) for frame in stack_files.frames(file, sample.stack)]
        for function in set(path):
            sums[function][1] += sample.samples
            sums[function][3] += sample.ns
        sums[path[-1]][0] += sample.samples
        sums[path[-1]][2] += sample.ns
        for caller, callee in set(zip(path, path[1:], strict=False)):
            edges[callee][caller][0] += sample.samples
            edges[callee][caller][3] += sample.ns
        if len(path) > 1:
            edges[path[-1]][path[-2]][1] += sample.samples
            edges[path[-1]][path[-2]][2] += sample.ns
    return {
        function: (*row[:2], row[2] / 1e9, row[3] / 1e9,
                   {caller: (*edge[:2], edge[2] / 1e9, edge[3] / 1e9) for caller, edge in edges[function].items()})
        for function, row in sums.items()
    }  # fmt: skip


def loaded(data: bytes) -> Any:
    with tempfile.NamedTemporaryFile() as file:
        file.write(exported(data, "pstats"))
        file.flush()
        return pstats.Stats(file.name, stream=io.StringIO())


@settings(max_examples=150, deadline=None)
@given(files(tuple(COUNTS)))
def test_pstats_loads_samples_and_seconds_of_functions_and_callers(data: bytes) -> None:
    stats = loaded(data)
    assert stats.stats == stats_of(reader.Snapshot.open(data))
    stats.strip_dirs().sort_stats("cumulative").print_stats()
    stats.print_callers()
    stats.print_callees()


def test_pstats_prints_what_was_planted(tmp_path: Path) -> None:
    stats = loaded(sample_files.shop().write(tmp_path / "a.tonnage").read_bytes())
    assert stats.prim_calls == 100 and stats.total_tt == pytest.approx(1.0)
    found = {name: row[:4] for (_, _, name), row in stats.stats.items()}
    assert found["load"] == (40, 60, 0.4, 0.6), "it calls itself, and counts once"
    out = stats.stream
    with contextlib.redirect_stdout(out):
        stats.sort_stats("tottime").print_stats("load")
    assert "{main thread}" in str(pstats.func_std_string(("~", 0, "<main thread>")))
    assert "shop.py:10(load)" in out.getvalue()


def test_numbers_of_more_than_32_bits_are_as_marshal_has_them() -> None:
    for number in (2**31 - 1, 2**31, 2**45, 2**60 - 1, 2**62):
        data = file_of(CODES, [(0, 0, 0, 2)], None, [Sample(1, samples=number, ns=number)], **{"sample.clock": "prof"})
        assert loaded(data).stats[("/srv/app.py", 1, "<module>")][:3] == (number, number, number / 1e9)


# ---- plop ----


def plop_of(file: reader.Snapshot) -> dict[tuple[tuple[str, int, str], ...], int]:
    """With names as they are."""
    found: Counter[tuple[tuple[str, int, str], ...]] = Counter()
    for sample in samples_of(file):
        entries = [] if sample.stack is None else file.stack(sample.stack)
        codes = [file.codes[entry.code] for entry in entries]
        stack = tuple((code.file, code.first_line, code.name) for code in codes) or (("", 0, "<lost>"),)
        found[stack] += sample.samples
    return dict(found)


@settings(max_examples=150, deadline=None)
@given(files())
def test_plop_has_the_samples_of_each_stack_of_functions(data: bytes) -> None:
    found = ast.literal_eval(exported(data, "plop").decode())
    assert found == plop_of(reader.Snapshot.open(data))
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_plop_is_what_repr_writes() -> None:
    names = ["a'b", 'a"b', "a'\"b", "\\", "\n\r\t\x01", "\x7f\xa0\xad", "é\u200b\ud800\udfff", "\U0001f600\U000e0001"]
    codes = [Code(name, name, name, row) for row, name in enumerate(names)]
    stack = [(row, row, 0, 1) for row in range(len(names))]
    data = file_of(codes, stack, None, [Sample(row + 1, samples=len(names) - row) for row in range(len(names))])
    assert exported(data, "plop").decode() == repr(plop_of(reader.Snapshot.open(data)))


# ---- which of the sums ----

ONE = [Site(1, 1, 100, 700, 0, 100, 300, 1, 7, 0, 3)]
SAMPLES = [Sample(1, samples=2, ns=20, cpu_ns=10)]


def test_without_a_word_it_is_what_the_snapshot_has() -> None:
    stack = [(0, 0, 0, 2)]
    line = "<module> (/srv/app.py:2) "
    for sites, samples, clock, number in (
        (None, SAMPLES, "real", 20), ([], SAMPLES, "real", 20), (ONE, SAMPLES, "real", 100), (ONE, None, "real", 100),
        (ONE, None, "alloc", 700), (ONE, SAMPLES, None, 100), (None, SAMPLES, None, 2),
    ):  # fmt: skip
        facts = {} if clock is None else {"sample.clock": clock}
        assert exported(file_of(CODES, stack, sites, samples, **facts), "collapsed").decode() == f"{line}{number}\n"
    both = file_of(CODES, stack, ONE, SAMPLES, **{"sample.clock": "real"})
    assert exported(both, "collapsed", "cpu").decode() == f"{line}20\n"
    assert ast.literal_eval(exported(both, "plop").decode()) == {(("/srv/app.py", 1, "<module>"),): 2}


@pytest.mark.parametrize("to", FORMATS)
def test_what_was_not_sampled_has_no_time(tmp_path: Path, to: str) -> None:
    path = tmp_path / "a.tonnage"
    path.write_bytes(file_of(CODES, [(0, 0, 0, 2)], ONE))
    with tonnage.load(path) as snapshot, pytest.raises(tonnage.ArgumentError, match="nothing was sampled"):
        snapshot.export(tmp_path / "out", to=to, what="cpu")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("what", stack_files.WHATS)
@pytest.mark.parametrize("to", ["pstats", "plop"])
def test_formats_of_time_take_no_bytes(tmp_path: Path, to: str, what: str) -> None:
    path = tmp_path / "a.tonnage"
    path.write_bytes(file_of(CODES, [(0, 0, 0, 2)], ONE, SAMPLES))
    with tonnage.load(path) as snapshot, pytest.raises(tonnage.ArgumentError, match="and not of memory"):
        snapshot.export(tmp_path / "out", to=to, what=what)


def test_pstats_makes_no_seconds_up(tmp_path: Path) -> None:
    path = tmp_path / "a.tonnage"
    path.write_bytes(file_of(CODES, [(0, 0, 0, 2)], None, SAMPLES))
    with tonnage.load(path) as snapshot, pytest.raises(tonnage.ArgumentError, match="samples stand for is not known"):
        snapshot.export(tmp_path / "out", to="pstats")


@pytest.mark.parametrize("to", ["speedscope", "pstats", "collapsed", "plop"])
def test_names_that_would_fill_a_disk_are_refused(tmp_path: Path, to: str) -> None:
    """A name of 2 MB in each of 9000 frames, which are lines, and in as many functions."""
    n, name = 9_000, "n" * 2_000_000
    path = tmp_path / "a.tonnage"
    codes = [Code(name, name, "a.py", row) for row in range(n)]
    samples = [Sample(n, ns=1)]
    path.write_bytes(file_of(codes, [(row, row, 0, 1) for row in range(n)], None, samples, **{"sample.clock": "real"}))
    with tonnage.load(path) as snapshot, pytest.raises(tonnage.LimitError, match="more than 16 GiB as text"):
        snapshot.export(tmp_path / "out", to=to)
    assert not (tmp_path / "out").exists()
