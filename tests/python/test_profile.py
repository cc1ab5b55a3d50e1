"""Profiles of files with planted samples: each sum is worked out again from the rows of the file."""

from __future__ import annotations

import fnmatch
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pure_reader as reader
import pytest
import sample_files
import site_files
import tonnage
from pure_reader import Snapshot as Pure
from sample_files import Profile, any_profile, shop

SEEDS = range(12)
Frame = tuple[str, int, str]  # file (the name of what has none), line, function
LOST: Frame = ("<lost>", 0, "<lost>")
STATES = {
    (True, True): "running with the lock",
    (True, False): "running without the lock",
    (False, True): "waiting with the lock",
    (False, False): "waiting",
}


def function(frame: Frame) -> str:
    return frame[0] if frame[0] == frame[2] else f"{frame[0]} {frame[2]}()"


def line(frame: Frame) -> str:
    return site_files.place(frame[0], frame[1])


def file(frame: Frame) -> str:
    return frame[0]


BY_FRAME: dict[str, Callable[[Frame], str]] = {"function": function, "line": line, "file": file}


@dataclass
class Sums:
    """Of groups, by name: nanoseconds, samples, processor time."""

    own: Counter[tuple[str, str]] = field(default_factory=Counter)
    total: Counter[tuple[str, str]] = field(default_factory=Counter)
    edges: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    tree: Counter[tuple[str, ...]] = field(default_factory=Counter)


def stack_of(pure: Pure, sample: reader.Sample) -> list[Frame]:
    return [LOST] if sample.stack is None else site_files.stack_of(pure, sample.stack)


def worked_out(pure: Pure, name: Callable[[Frame], str], samples: Iterable[reader.Sample]) -> Sums:
    sums = Sums()
    for sample in samples:
        groups = [name(frame) for frame in stack_of(pure, sample)]
        numbers = (("ns", sample.ns), ("samples", sample.samples), ("cpu_ns", sample.cpu_ns))
        for number, value in numbers:
            sums.own[number, groups[0]] += value
            for group in set(groups):
                sums.total[number, group] += value
            for callee, caller in set(zip(groups, groups[1:], strict=False)):
                sums.edges[number, caller, callee] += value
        for depth in range(len(groups)):
            sums.tree[tuple(reversed(groups[depth:]))] += sample.ns
    return sums


def positive(counter: Counter[tuple[str, str]], number: str) -> dict[str, int]:
    return {group: value for (which, group), value in counter.items() if which == number and value}


@pytest.fixture(params=SEEDS)
def planted(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return any_profile(request.param, blocks=request.param % 2 == 1).write(tmp_path / "any.tonnage")


# ---- sums ----


@pytest.mark.parametrize("by", BY_FRAME)
def test_own_and_all_in_all_are_those_of_the_samples(planted: Path, by: str) -> None:
    pure = Pure.open(planted)
    sums = worked_out(pure, BY_FRAME[by], pure.samples or ())
    with tonnage.load(planted) as snapshot:
        view = snapshot.profile(by, cumulative=True, limit=0)
        rows = {row["name"]: row for row in view}
        assert len(rows) == len(view)
        for key, counter, number in (
            ("own", sums.own, "ns"), ("samples", sums.own, "samples"), ("cpu_ns", sums.own, "cpu_ns"),
            ("total", sums.total, "ns"), ("total_samples", sums.total, "samples"),
            ("total_cpu_ns", sums.total, "cpu_ns"),
        ):  # fmt: skip
            assert {name: row[key] for name, row in rows.items() if row[key]} == positive(counter, number), key
        whole = sum(sample.ns for sample in pure.samples or ())
        assert view.total["own"] == view.total["total"] == whole
        assert [row["total"] for row in view] == sorted((row["total"] for row in view), reverse=True)
        plain = snapshot.profile(by, limit=0)
        assert {row["name"] for row in plain} == set(positive(sums.own, "samples"))
        assert [row["own"] for row in plain] == sorted((row["own"] for row in plain), reverse=True)
        for row in plain:
            assert row["own_pct"] == pytest.approx(100 * row["own"] / whole)


@pytest.mark.parametrize(
    ("by", "name"),
    [
        ("thread", lambda sample: sample.thread or "(no name)"),
        ("task", lambda sample: sample.task or "(no task)"),
        ("state", lambda sample: STATES[sample.running, sample.holds_lock]),
    ],
)
def test_threads_tasks_and_states_are_those_of_the_samples(
    planted: Path, by: str, name: Callable[[reader.Sample], str]
) -> None:
    pure = Pure.open(planted)
    sums: dict[str, list[int]] = {}
    for sample in pure.samples or ():
        row = sums.setdefault(name(sample), [0, 0, 0])
        row[:] = [row[0] + sample.ns, row[1] + sample.samples, row[2] + sample.cpu_ns]
    with tonnage.load(planted) as snapshot:
        found = {row["name"]: [row["own"], row["samples"], row["cpu_ns"]] for row in snapshot.profile(by, limit=0)}
        assert found == sums


def test_tracebacks_are_whole_stacks(planted: Path) -> None:
    pure = Pure.open(planted)
    sums: Counter[tuple[Frame, ...]] = Counter()
    for sample in pure.samples or ():
        sums[tuple(stack_of(pure, sample))] += sample.samples
    with tonnage.load(planted) as snapshot:
        found: Counter[tuple[Frame, ...]] = Counter()
        for row in snapshot.profile("traceback", limit=0):
            frames = tuple((f["file"], f["line"] or 0, f["function"]) for f in row["traceback"])
            found[frames or (LOST,)] += row["samples"]
        assert found == sums


@pytest.mark.parametrize(
    ("options", "counts"),
    [
        ({"thread": "worker-?"}, lambda p, s: fnmatch.fnmatchcase(s.thread, "worker-?")),
        ({"thread": ""}, lambda p, s: s.thread == ""),
        ({"task": "Task*"}, lambda p, s: (s.task or "").startswith("Task")),
        ({"state": "running"}, lambda p, s: s.running),
        ({"state": "waiting"}, lambda p, s: not s.running),
        ({"state": "gil"}, lambda p, s: s.holds_lock),
        ({"include": "work.py"}, lambda p, s: stack_of(p, s)[0][0].endswith("/work.py")),
        ({"include": "any:main.py:2"},
         lambda p, s: any(f[0].endswith("/main.py") and f[1] == 2 for f in stack_of(p, s))),
        ({"exclude": ("<native>", "<lost>")}, lambda p, s: stack_of(p, s)[0][0] not in ("<native>", "<lost>")),
        ({"include": "*.py", "state": "gil", "thread": "worker-1"},
         lambda p, s: stack_of(p, s)[0][0].endswith(".py") and s.holds_lock and s.thread == "worker-1"),
    ],
)  # fmt: skip
def test_only_what_is_asked_for_counts(
    planted: Path, options: dict[str, str], counts: Callable[[Pure, reader.Sample], bool]
) -> None:
    pure = Pure.open(planted)
    chosen = [sample for sample in pure.samples or () if counts(pure, sample)]
    sums = worked_out(pure, function, chosen)
    with tonnage.load(planted) as snapshot:
        if not any(sample.samples or sample.ns for sample in chosen):
            with pytest.raises(tonnage.NotFoundError, match="^no sample "):
                snapshot.profile(**options)  # type: ignore[arg-type]
            return
        view = snapshot.profile(cumulative=True, limit=0, **options)  # type: ignore[arg-type]
        assert {row["name"]: row["total_samples"] for row in view} == positive(sums.total, "samples")
        assert view.total["samples"] == sum(sample.samples for sample in chosen)


def test_a_module_has_what_its_files_have(tmp_path: Path) -> None:
    with tonnage.load(shop().write(tmp_path / "shop.tonnage")) as snapshot:
        modules = {row["name"]: (row["samples"], row["total_samples"]) for row in snapshot.profile("module")}
        assert modules["json.decoder"] == (20, 20)
        assert sum(own for own, _ in modules.values()) == 100


# ---- calls ----


@pytest.mark.parametrize("by", BY_FRAME)
def test_edges_are_calls_of_the_stacks(planted: Path, by: str) -> None:
    pure = Pure.open(planted)
    sums = worked_out(pure, BY_FRAME[by], pure.samples or ())
    with tonnage.load(planted) as snapshot:
        data = snapshot.profile(by, page="graph", limit=0).data
        names = {node["id"]: node["name"] for node in data["nodes"]}
        assert {node["name"]: node["own"] for node in data["nodes"] if node["own"]} == positive(sums.own, "ns")
        assert {node["name"]: node["total"] for node in data["nodes"] if node["total"]} == positive(sums.total, "ns")
        for key, number in (("total", "ns"), ("total_samples", "samples")):
            found = {(names[edge["from"]], names[edge["to"]]): edge[key] for edge in data["edges"] if edge[key]}
            assert found == {
                (caller, callee): value
                for (which, caller, callee), value in sums.edges.items()
                if which == number and value
            }


def test_callers_and_callees_are_edges_of_one_function(planted: Path) -> None:
    pure = Pure.open(planted)
    sums = worked_out(pure, function, pure.samples or ())
    names = {frame[2] for sample in pure.samples or () for frame in stack_of(pure, sample)} - {"<lost>"}
    with tonnage.load(planted) as snapshot:
        for name in sorted(names):
            for way, end in (("callers", 2), ("callees", 1)):
                view = snapshot.profile(**{way: name}, limit=0)  # type: ignore[arg-type]
                found = {(row["caller"]["name"], row["callee"]["name"]): row["total_samples"] for row in view}
                assert found == {
                    (edge[1], edge[2]): value
                    for edge, value in sums.edges.items()
                    if edge[0] == "samples" and (edge[end] == name or edge[end].endswith(f" {name}()"))
                }


def test_a_tree_has_every_stack_from_outside(planted: Path) -> None:
    pure = Pure.open(planted)
    sums = worked_out(pure, function, pure.samples or ())
    with tonnage.load(planted) as snapshot:
        way: list[str] = []
        found = {}
        for row in snapshot.profile(page="tree", limit=0, depth=1000):
            assert row["more"] == 0
            way[row["depth"] :] = [row["name"]]
            assert tuple(way) not in found
            found[tuple(way)] = row["total"]
        assert {path: ns for path, ns in found.items() if ns} == {path: ns for path, ns in sums.tree.items() if ns}


@pytest.mark.parametrize("limit", [0, 1, 2, 5])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_what_a_tree_leaves_out_is_added_up(planted: Path, limit: int, depth: int) -> None:
    pure = Pure.open(planted)
    sums = worked_out(pure, function, pure.samples or ())
    with tonnage.load(planted) as snapshot:
        below: dict[tuple[str, ...], int] = Counter()
        way: list[str] = []
        shown = set()
        for row in snapshot.profile(page="tree", limit=limit, depth=depth):
            way[row["depth"] :] = [row["name"]]
            below[tuple(way[:-1])] += row["total"]
            assert row["depth"] <= depth
            if not row["more"]:
                assert row["depth"] < depth
                shown.add(tuple(way))
        for path in {(), *shown}:
            children = sum(ns for way, ns in sums.tree.items() if way[:-1] == path)
            assert below[path] == children


def test_a_function_that_calls_itself_counts_once_a_stack(tmp_path: Path) -> None:
    with tonnage.load(shop().write(tmp_path / "shop.tonnage")) as snapshot:
        rows = {row["function"]: row for row in snapshot.profile(cumulative=True)}
        assert (rows["load"]["samples"], rows["load"]["total_samples"]) == (40, 60)
        callers = [(row["caller"]["function"], row["total_samples"]) for row in snapshot.profile(callers="load")]
        assert callers == [("main", 60), ("load", 50)]


# ---- beside bytes, and beside another file ----


@pytest.mark.parametrize("seed", [1, 3, 5])
def test_bytes_stand_beside_seconds(seed: int, tmp_path: Path) -> None:
    pure = Pure.open(path := any_profile(seed, blocks=True).write(tmp_path / "both.tonnage"))
    own: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for site in pure.sites or ():
        frames = [LOST] if site.stack is None else site_files.stack_of(pure, site.stack)
        own[function(frames[0])] += site.allocated_bytes
        total.update({name: site.allocated_bytes for name in {function(frame) for frame in frames}})
    with tonnage.load(path) as snapshot:
        for row in snapshot.profile(cumulative=True, limit=0, sort="bytes"):
            assert row["allocated_size"] == own[row["name"]]
            assert row["total_allocated_size"] == total[row["name"]]
            if row["total_cpu_ns"]:
                rate = row["total_allocated_size"] / (row["total_cpu_ns"] / 1e9)
                assert row["total_bytes_per_cpu_s"] == pytest.approx(rate)
            else:
                assert row["total_bytes_per_cpu_s"] is None
        bytes_ = snapshot.profile(clock="alloc", cumulative=True, limit=0)
        assert bytes_.data["profile"]["unit"] == "bytes"
        assert {row["name"]: row["own"] for row in bytes_ if row["own"]} == {k: v for k, v in own.items() if v}
        assert {row["name"]: row["total"] for row in bytes_ if row["total"]} == {k: v for k, v in total.items() if v}
        with pytest.raises(tonnage.ArgumentError, match="not by the name of a thread|neither by the name"):
            snapshot.profile(clock="alloc", task="x")


def test_a_file_with_allocations_alone_is_a_profile_of_bytes(tmp_path: Path) -> None:
    with tonnage.load(any_profile(3, "alloc", blocks=True).write(tmp_path / "alloc.tonnage")) as snapshot:
        data = snapshot.profile().data
        assert data["profile"]["clock"] == "alloc"
        assert data["units"]["own"] == "bytes"
        assert "bytes allocated" in str(snapshot.profile())


@pytest.mark.parametrize("by", ["function", "line", "traceback", "thread"])
@pytest.mark.parametrize("seed", SEEDS)
def test_changes_are_told_by_name(seed: int, by: str, tmp_path: Path) -> None:
    new, old = any_profile(seed), any_profile(seed + 100)
    with (
        tonnage.load(new.write(tmp_path / "new.tonnage")) as now,
        tonnage.load(old.write(tmp_path / "old.tonnage")) as before,
    ):

        def key(row: dict[str, object]) -> str:
            return str(row.get("traceback") or row["name"])

        rows = {key(row): row for row in now.profile(by, before, limit=0)}
        here = {key(row): row for row in now.profile(by, limit=0)}
        there = {key(row): row for row in before.profile(by, limit=0)}
        assert set(rows) == set(here) | set(there)
        for name, row in rows.items():
            a = here[name]["own"] if name in here else 0
            b = there[name]["own"] if name in there else 0
            assert (row["own"], row["old_own"], row["own_change"]) == (a, b, a - b)
        changes = [abs(row["own_change"]) for row in now.profile(by, before, limit=0)]
        assert changes == sorted(changes, reverse=True)


def test_a_profile_beside_itself_has_not_changed(planted: Path) -> None:
    with tonnage.load(planted) as snapshot:
        for row in snapshot.profile(against=snapshot, cumulative=True, limit=0):
            assert row["own_change"] == row["total_change"] == 0
            assert not row["significant"]


def test_a_change_of_much_is_sure_and_one_of_little_is_not(tmp_path: Path) -> None:
    def two(first: int, second: int) -> Profile:
        profile = Profile()
        root = profile.program.frame(None, profile.program.code(sample_files.MAIN))
        for name, samples in (("first", first), ("second", second)):
            profile.sample(profile.program.frame(root, profile.program.code(name, "/a.py", 1), 1), samples)
        return profile

    old = two(500, 500).write(tmp_path / "old.tonnage")
    for samples, sure in (((510, 490), False), ((700, 300), True)):
        new = two(*samples).write(tmp_path / "new.tonnage")
        with tonnage.load(new) as now, tonnage.load(old) as before:
            assert [row["significant"] for row in now.profile(against=before)] == [sure, sure]


def test_clocks_are_not_mixed(tmp_path: Path) -> None:
    with (
        tonnage.load(shop("real").write(tmp_path / "real.tonnage")) as real,
        tonnage.load(shop("prof").write(tmp_path / "prof.tonnage")) as prof,
        pytest.raises(tonnage.ArgumentError, match="one profile is of the clock real, the other of prof"),
    ):
        real.profile(against=prof)


# ---- intervals ----


def wilson(k: float, n: float) -> tuple[float, float]:
    z = 1.959963984540054
    p = k / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)


def test_a_share_has_its_interval(tmp_path: Path) -> None:
    with tonnage.load(shop().write(tmp_path / "shop.tonnage")) as snapshot:
        for row in snapshot.profile(limit=0):
            low, high = wilson(row["samples"], 100)
            assert row["own_low_pct"] == pytest.approx(100 * low, abs=1e-9)
            assert row["own_high_pct"] == pytest.approx(100 * high, abs=1e-9)
            assert row["own_low_pct"] < row["own_pct"] < row["own_high_pct"]


def test_samples_that_stand_for_nothing_make_no_share_more_certain(planted: Path) -> None:
    samples = Pure.open(planted).samples or ()
    whole = sum(sample.ns for sample in samples)
    n = whole**2 / sum(sample.ns**2 / sample.samples for sample in samples)
    with tonnage.load(planted) as snapshot:
        for row in snapshot.profile(limit=0):
            low, high = wilson(n * row["own"] / whole, n)
            assert row["own_low_pct"] == pytest.approx(100 * low, abs=1e-9)
            assert row["own_high_pct"] == pytest.approx(100 * high, abs=1e-9)


def test_intervals_hold_the_true_share_as_often_as_they_say(tmp_path: Path) -> None:
    """Of 400 profiles of a program that is in one function for 30 % of its time: 95 % of them, give or take chance."""
    rng = random.Random(1)
    held = 0
    for _ in range(400):
        hits = sum(rng.random() < 0.3 for _ in range(500))
        profile = Profile()
        root = profile.program.frame(None, profile.program.code(sample_files.MAIN))
        for name, samples in (("first", hits), ("second", 500 - hits)):
            profile.sample(profile.program.frame(root, profile.program.code(name, "/a.py", 1), 1), samples)
        with tonnage.load(profile.write(tmp_path / "drawn.tonnage")) as snapshot:
            (row,) = (row for row in snapshot.profile() if row["function"] == "first")
            held += row["own_low_pct"] <= 30 <= row["own_high_pct"]
    assert 368 <= held <= 392  # 380 expected, three standard deviations


# ---- the rest ----


def test_rows_say_what_they_are_in_words(tmp_path: Path) -> None:
    with tonnage.load(shop().write(tmp_path / "shop.tonnage")) as snapshot:
        view = snapshot.profile(limit=2)
        assert str(view[0]) == "/srv/shop.py load(): own=0.400 s (40.0 %), total=0.600 s (60.0 %), samples=40"
        assert [row["function"] for row in view[:1]] == ["load"]  # type: ignore[index]
        assert view.data["more"] == 5
        assert "  …/python3.11/json/decoder.py decode()\n" in repr(snapshot.profile())
        assert "<table" in view._repr_html_()
        assert "load()" in snapshot.profile(page="graph")._repr_html_()


def test_a_file_without_samples_says_how_to_get_them(tmp_path: Path) -> None:
    heap = site_files.empty(2).description()
    heap.sites = heap.traces = None
    (tmp_path / "none.tonnage").write_bytes(sample_files.writer.write(heap))
    with tonnage.load(tmp_path / "none.tonnage") as snapshot:
        with pytest.raises(tonnage.ArgumentError, match="run the program with --sample"):
            snapshot.profile()


def test_a_sampler_that_saw_nothing_is_no_error(tmp_path: Path) -> None:
    profile = shop("gil", recorded=True)
    profile.samples.clear()
    with tonnage.load(profile.write(tmp_path / "nothing.tonnage")) as snapshot:
        view = snapshot.profile()
        assert (view.data["profile"]["clock"], view.rows, view.total["samples"]) == ("gil", [], 0)
        for page in ("tree", "graph"):
            assert snapshot.profile(page=page).data["more"] == 0
        assert snapshot.profile(clock="alloc").total["total"] == 404_096


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "kind"}, "function, line, file"),
        ({"page": "pie"}, "table, tree, graph"),
        ({"clock": "real"}, "no samples of the clock real, but of prof"),
        ({"clock": "alloc"}, "no allocations"),
        ({"state": "idle"}, "running, waiting or gil"),
        ({"include": "domain:raw"}, "not of domains"),
        ({"by": "thread", "page": "tree"}, "who calls whom"),
        ({"sort": "bytes"}, "cannot sort by"),
        ({"callers": "a", "callees": "b"}, "not both"),
        ({"callers": ""}, "are those of a function"),
        ({"limit": -1}, "limit must be 0"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    options: dict[str, object], message: str, tmp_path: Path
) -> None:
    with tonnage.load(shop().write(tmp_path / "shop.tonnage")) as snapshot:
        with pytest.raises(tonnage.ArgumentError, match=message) as refused:
            snapshot.profile(**options)  # type: ignore[arg-type]
        assert "\n" not in str(refused.value)
        with pytest.raises(tonnage.NotFoundError, match='no stack has a function "nobody"'):
            snapshot.profile(callers="nobody")


def test_many_rows_and_deep_stacks_are_added_up(tmp_path: Path) -> None:
    """Not how long it takes: that no step is quadratic in rows, groups or depth, which would not end."""
    profile = Profile()
    program = profile.program
    at = program.frame(None, program.code(sample_files.MAIN))
    codes = [program.code(f"f{i}", f"/srv/{i % 100}.py", 1) for i in range(2000)]
    deep = [at := program.frame(at, codes[i % 2000], i % 50 + 1) for i in range(100_000)]
    for i in range(0, 100_000, 2):
        profile.sample(deep[i], 1, task=f"t{i % 7}")
    path = profile.write(tmp_path / "large.tonnage")
    with tonnage.load(path) as snapshot:
        assert snapshot.profile(cumulative=True).total["samples"] == 50_000
        assert len(snapshot.profile("task", limit=0)) == 7
        assert snapshot.profile(page="graph", limit=0).data["edges"]
        assert snapshot.profile(page="tree").rows[-1]["more"] == 1
        assert snapshot.profile(page="tree", limit=0, depth=100_001).rows[-1]["depth"] == 99_999
