"""Tables of sites against what a second reader of the file works out, for processes made by chance."""

from __future__ import annotations

import fnmatch
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

import networkx
import pure_writer as writer
import pytest
import site_files
import tonnage
from pure_reader import Snapshot as Pure
from pure_reader import Trace
from pure_writer import Site

SEEDS = range(12)
Frames = list[tuple[str, int, str]]


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., tuple[tonnage.Snapshot, Pure]]:
    """A process made by chance, opened by the library and by the other reader."""

    def open_both(seed: int, interval: int = 0) -> tuple[tonnage.Snapshot, Pure]:
        path = site_files.any_program(seed, interval).write(tmp_path / f"{seed}-{interval}.tonnage")
        return tonnage.load(path), Pure.open(path)

    return open_both


def module(file: str) -> str:
    """Of the files that site_files has: none is a module of the heap."""
    known = {"/usr/lib/python3.11/json/decoder.py": "json.decoder"}
    return known.get(file, file if "/" not in file else file.rpartition("/")[2].removesuffix(".py"))


def home(file: str) -> str:
    if "/" not in file:
        return file
    return "stdlib" if "/lib/python3" in file else "(program)"


KEYS: dict[str, Callable[[tuple[str, int, str]], str]] = {
    "line": lambda frame: site_files.place(frame[0], frame[1]),
    "file": lambda frame: frame[0],
    "function": lambda frame: f"{frame[0]} {frame[2]}()" if frame[2] != frame[0] else frame[0],
    "module": lambda frame: module(frame[0]),
    "distribution": lambda frame: home(frame[0]),
}


def stack_of(pure: Pure, trace: Trace) -> Frames:
    return site_files.stack_of(pure, pure.sites[trace.site].stack)


def summed(pure: Pure, key: Callable[[Frames], list[str]]) -> dict[str, tuple[int, int]]:
    """Bytes and blocks that are alive by names of their stacks, each block once a name."""
    bytes_: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for trace in pure.traces:
        for name in set(key(stack_of(pure, trace))):
            bytes_[name] += trace.bytes
            count[name] += 1
    return {name: (bytes_[name], count[name]) for name in bytes_}


def told(view: tonnage.View) -> dict[str, tuple[int, int]]:
    return {row["name"]: (row["size"], row["count"]) for row in view.rows}


@pytest.mark.parametrize("by", KEYS)
@pytest.mark.parametrize("seed", SEEDS)
def test_rows_are_the_sums_of_the_blocks_of_their_innermost_frames(
    written: Callable[..., tuple[tonnage.Snapshot, Pure]], seed: int, by: str
) -> None:
    snapshot, pure = written(seed)
    expected = summed(pure, lambda frames: [KEYS[by](frames[0])] if frames else ["<lost>"])
    view = snapshot.sites(by=by, limit=0)
    # sites that have nothing alive are no rows
    assert told(view) == expected
    assert view.total["size"] == sum(trace.bytes for trace in pure.traces)
    assert view.total["count"] == len(pure.traces)


@pytest.mark.parametrize("by", KEYS)
@pytest.mark.parametrize("seed", SEEDS)
def test_cumulative_rows_have_each_block_once_however_often_a_place_is_on_its_stack(
    written: Callable[..., tuple[tonnage.Snapshot, Pure]], seed: int, by: str
) -> None:
    snapshot, pure = written(seed)
    expected = summed(pure, lambda frames: [KEYS[by](frame) for frame in frames] or ["<lost>"])
    assert told(snapshot.sites(by=by, cumulative=True, limit=0)) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_threads_are_the_roots_of_stacks(written: Callable[..., tuple[tonnage.Snapshot, Pure]], seed: int) -> None:
    snapshot, pure = written(seed)
    expected = summed(pure, lambda frames: [frames[-1][0]] if frames else ["<lost>"])
    assert told(snapshot.sites(by="thread", limit=0)) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_tracebacks_are_whole(written: Callable[..., tuple[tonnage.Snapshot, Pure]], seed: int) -> None:
    snapshot, pure = written(seed)
    expected: dict[tuple[tuple[str, int | None, str], ...], int] = defaultdict(int)
    for trace in pure.traces:
        frames = tuple((file, line or None, name) for file, line, name in stack_of(pure, trace))
        expected[frames] += trace.bytes
    found: dict[tuple[tuple[str, int | None, str], ...], int] = defaultdict(int)
    for row in snapshot.sites(by="traceback", limit=0):
        found[tuple((frame["file"], frame["line"], frame["function"]) for frame in row["traceback"])] += row["size"]
    assert found == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_types_are_those_of_the_objects_that_have_the_blocks(
    written: Callable[..., tuple[tonnage.Snapshot, Pure]], seed: int
) -> None:
    snapshot, pure = written(seed)
    expected: Counter[str] = Counter()
    for trace in pure.traces:
        frames = stack_of(pure, trace)
        type_ = "(no object)" if trace.node is None else "app.Thing"
        expected[f"{site_files.place(*frames[0][:2]) if frames else '<lost>'} {type_}"] += trace.bytes
    assert {row["name"]: row["size"] for row in snapshot.sites(by="type", limit=0)} == expected


def matches(pattern: str, file: str) -> bool:
    ends = [file, *(file[i + 1 :] for i, char in enumerate(file) if char == "/" and i + 1 < len(file))]
    return any(fnmatch.fnmatchcase(end, pattern) for end in ends)


PATTERNS = ["work.py", "app/work.py", "main.py:2", "*.py", "w?rk.py:3", "any:main.py", "any:app/*:4", "<native>",
            "rk.py", "domain:raw", "domain:389047", "<lost>", "any:worker"]  # fmt: skip
DOMAINS = {"domain:raw": "raw", "domain:389047": 389047}


def named(pattern: str, frames: Frames, domain: str | int) -> bool:
    if pattern in DOMAINS:
        return domain == DOMAINS[pattern]
    frames = frames or [("<lost>", 0, "<lost>")]
    anywhere = pattern.startswith("any:")
    file, _, line = pattern.removeprefix("any:").partition(":")
    asked = frames if anywhere else frames[:1]
    return any(matches(file, frame[0]) and (not line or frame[1] == int(line)) for frame in asked)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_places_include_and_exclude(written: Callable[..., tuple[tonnage.Snapshot, Pure]], pattern: str) -> None:
    hits = 0
    for seed in SEEDS:
        snapshot, pure = written(seed)
        chosen = [
            trace.bytes
            for trace in pure.traces
            if named(pattern, stack_of(pure, trace), pure.sites[trace.site].domain)
        ]
        hits += bool(chosen)
        everything = sum(trace.bytes for trace in pure.traces)
        assert snapshot.sites(include=pattern).total["size"] == sum(chosen)
        assert snapshot.sites(exclude=[pattern]).total["size"] == everything - sum(chosen)
        assert snapshot.sites(include=[pattern, "*"], exclude=pattern).total["size"] == everything - sum(chosen)
    assert hits or pattern == "rk.py"


@pytest.mark.parametrize("seed", SEEDS)
def test_objects_of_a_place_are_selected_and_parted_in_every_verb(
    written: Callable[..., tuple[tonnage.Snapshot, Pure]], seed: int
) -> None:
    snapshot, pure = written(seed)
    born: dict[int, Frames] = {}
    for trace in pure.traces:
        if trace.kind == "own":
            assert trace.node is not None
            born[pure.addresses[trace.node]] = stack_of(pure, trace)
    for pattern in ("work.py", "app/main.py:3", "any:json/*", "<native>"):
        expected = {address for address, frames in born.items() if frames and named(pattern, frames, "")}
        assert {item.address for item in snapshot.where(f"site:{pattern}")} == expected
    groups = {group.kind: len(group) for group in snapshot.by("site")}
    names = Counter(
        f"{site_files.place(*frames[0][:2])} {frames[0][2]}()" if frames[0][2] != frames[0][0] else frames[0][0]
        for frames in born.values()
        if frames
    )
    names["(not recorded)"] = len(snapshot) - sum(names.values())
    assert groups == +names
    for item in snapshot:
        site, frames = item.site, born.get(item.address)
        if not frames:
            assert site is None
            continue
        assert site is not None
        assert [(f.file or f.qualified_name, f.line or 0, f.qualified_name) for f in site.frames] == frames
        (trace,) = (t for t in pure.traces if t.kind == "own" and pure.addresses[t.node] == item.address)
        assert (site.birth, site.size) == (trace.birth, trace.bytes)


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_have_their_objects(written: Callable[..., tuple[tonnage.Snapshot, Pure]], seed: int) -> None:
    snapshot, pure = written(seed)
    expected: dict[str, set[int]] = defaultdict(set)
    for trace in pure.traces:
        if trace.node is not None:
            frames = stack_of(pure, trace)
            expected[site_files.place(*frames[0][:2]) if frames else "<lost>"].add(pure.addresses[trace.node])
    for row in snapshot.sites(limit=0):
        assert {item.address for item in row.objects} == expected.get(row["name"], set())


@pytest.mark.parametrize("seed", SEEDS)
def test_tracebacks_have_their_objects_though_they_share_a_line(
    written: Callable[..., tuple[tonnage.Snapshot, Pure]], seed: int
) -> None:
    snapshot, pure = written(seed)
    expected: dict[tuple[tuple[str, int | None, str], ...], set[int]] = defaultdict(set)
    for trace in pure.traces:
        if trace.node is not None:
            frames = tuple((file, line or None, name) for file, line, name in stack_of(pure, trace))
            expected[frames].add(pure.addresses[trace.node])
    rows = snapshot.sites(by="traceback", limit=0).rows
    assert seed or len({row["name"] for row in rows}) < len(rows)
    for row in rows:
        frames = tuple((frame["file"], frame["line"], frame["function"]) for frame in row["traceback"])
        assert {item.address for item in row.objects} == expected.get(frames, set())


def test_two_functions_of_one_line_are_two_tracebacks(tmp_path: Path) -> None:
    program = site_files.empty(2)
    for number, name in enumerate(("f", "<lambda>")):
        row = program.frame(None, program.code(name, "/srv/app/main.py", 1), 1)
        program.block(64, row, birth=number + 1, node=program.objects[number], kind=1)
    rows = tonnage.load(program.write(tmp_path / "line.tonnage")).sites(by="traceback").rows
    assert sorted((row["count"], len(row.objects)) for row in rows) == [(1, 1), (1, 1)]


@pytest.mark.parametrize(
    "view",
    [
        lambda s: s.sites(cumulative=True),
        lambda s: s.peak(),
        lambda s: s.temporary(),
    ],
)
def test_rows_that_are_no_sums_of_what_is_alive_refuse_to_have_objects(
    written: Callable[..., tuple[tonnage.Snapshot, Pure]], view: Callable[[tonnage.Snapshot], tonnage.View]
) -> None:
    row = next(row for seed in SEEDS for row in view(written(seed)[0]).rows)
    with pytest.raises(tonnage.ArgumentError, match="objects"):
        row.objects  # noqa: B018


@pytest.mark.parametrize("seed", SEEDS)
def test_creators_are_walked_back_to_the_bottom(
    written: Callable[..., tuple[tonnage.Snapshot, Pure]], seed: int
) -> None:
    snapshot, pure = written(seed)
    stacks = []
    for trace in pure.traces:
        frames = [(file, line) for file, line, _ in stack_of(pure, trace)] or [("<lost>", 0)]
        if len(frames) > 1:
            frames.pop()  # the root of a thread
        stacks.append(([*frames, ("bottom", 0)], trace))

    def check(creators: tonnage._sites.Creators, path: list[tuple[str, int]], depth: int) -> None:
        here = [(frames, trace) for frames, trace in stacks if frames[: len(path)] == path]
        assert (creators.size, creators.count) == (sum(trace.bytes for _, trace in here), len(here))
        owners = {pure.addresses[trace.node] for _, trace in here if trace.node is not None}
        assert {item.address for item in creators.members} == owners
        if path and path[-1] == ("bottom", 0):
            assert not creators.back
            return
        callers = {frames[len(path)] for frames, _ in here}
        assert {("bottom", 0) if key is None else key for key in creators.back} == callers
        assert list(creators.back.values()) == sorted(creators.back.values(), key=lambda c: -c.size)
        for key, further in creators.back.items():
            if depth < 3:
                check(further, [*path, ("bottom", 0) if key is None else key], depth + 1)

    check(snapshot.creators(), [], 0)
    with pytest.raises(tonnage.NotFoundError, match="has not called it"):
        snapshot.creators().back["nobody.py", 1]


def test_a_frame_without_a_line_has_callers_of_its_own(tmp_path: Path) -> None:
    program = site_files.empty(2)
    function = program.code("f", "/srv/app.py", 1)
    for number, (line, size) in enumerate(((0, 10), (3, 1000))):
        caller = program.frame(None, program.code("<module>", f"/srv/main{line}.py", 1), 9)
        program.block(size, program.frame(caller, function, line), birth=3, node=program.objects[number], kind=1)
    snapshot = tonnage.load(program.write(tmp_path / "lines.tonnage"))
    creators = snapshot.creators().back["/srv/app.py", 0]
    assert (creators.size, list(creators.back), len(creators.members)) == (10, [("/srv/main0.py", 9)], 1)
    assert repr(creators).startswith("<tonnage.Creators /srv/app.py:")
    for place, size in (("app.py:0", 10), ("=/srv/app.py:0", 10), ("app.py:3", 1000), ("=/srv/app.py", 1010)):
        assert snapshot.sites(include=place).total["size"] == size
    tree = json.loads(snapshot._core.sites("creators", json=True, depth=2, limit=0))["rows"]
    callers = [(row["name"], row["size"]) for row in tree if row["depth"]]
    assert callers == [("/srv/main3.py:9", 1000), ("/srv/main0.py:9", 10)]


def test_a_stack_of_deep_recursion_costs_a_step_a_frame(tmp_path: Path) -> None:
    n = 100_000
    program = site_files.empty(1, roots=[0])
    at, function = program.frame(None, program.code("<main thread>")), program.code("f", "/srv/app.py", 1)
    for _ in range(n):
        at = program.frame(at, function, 2)
    program.block(64, at, birth=3, node=program.objects[0], kind=1)
    snapshot = tonnage.load(program.write(tmp_path / "deep.tonnage"))
    (item,) = snapshot.where("site:app.py")
    begun = time.process_time()
    assert item.site is not None and len(item.site.frames) == n + 1
    page = str(item.show())
    assert time.process_time() - begun < 10  # a step for each pair of frames is 30 s and more
    assert page.count("/srv/app.py:2 f()") == 31 and "              …" in page.splitlines()


def test_what_is_cut_from_a_stack_is_no_bottom_of_it(tmp_path: Path) -> None:
    program = site_files.empty()
    cut = program.frame(None, program.code("<truncated>"))
    line = program.frame(cut, program.code("f", "/srv/app.py", 1), 3)
    program.block(100, line, birth=1)
    program.facts["trace.depth"] = 1
    snapshot = tonnage.load(program.write(tmp_path / "cut.tonnage"))
    callers = snapshot.creators().back["/srv/app.py", 3].back
    assert list(callers) == [("<truncated>", 0)] and list(callers["<truncated>", 0].back) == [None]
    note = "note: stacks were cut at 1 frame: "
    assert note in str(snapshot.sites(cumulative=True)) and note in str(snapshot.sites(by="traceback"))
    assert note not in str(snapshot.sites())
    assert "\n    (stack cut at 1 frame)\n" in str(snapshot.sites(by="traceback"))


def test_pages_say_when_another_tool_took_the_hooks_out(tmp_path: Path) -> None:
    program = site_files.empty()
    program.block(100, program.frame(None, program.code("f", "/srv/app.py", 1), 3), birth=1)
    for times, words in ((0, None), (1, "1 time:"), (2, "2 times:")):
        program.facts["trace.reconnected"] = times
        snapshot = tonnage.load(program.write(tmp_path / "lost.tonnage"))
        for page in (snapshot.sites(), snapshot.summary()):
            found = "note: another tool took the recorder's hooks out, " in str(page)
            assert found == bool(words) and (words is None or words in str(page))
        assert snapshot.sites().data["reconnected"] == times


@pytest.mark.parametrize("by", ["line", "module", "type"])
@pytest.mark.parametrize("seed", SEEDS)
def test_retained_is_the_dominator_tree_folded_on_stacks(
    written: Callable[..., tuple[tonnage.Snapshot, Pure]], seed: int, by: str
) -> None:
    snapshot, pure = written(seed)
    names: dict[int, str] = {}
    for trace in pure.traces:
        if trace.kind == "own" and trace.node is not None:
            frames = stack_of(pure, trace)
            place = (KEYS["module" if by == "module" else "line"](frames[0])) if frames else "<lost>"
            names[pure.addresses[trace.node]] = place + (" app.Thing" if by == "type" else "")
    parents = networkx.DiGraph()
    for item in snapshot:
        above = item.dominator
        if above is not None and above.address:
            parents.add_edge(above.address, item.address)
    expected: Counter[str] = Counter()
    for item in snapshot:
        name = names.get(item.address)
        if name is None:
            continue
        above = networkx.ancestors(parents, item.address) if item.address in parents else set()
        if not any(names.get(other) == name for other in above):
            expected[name] += item.retained
    found = {row["name"]: row["retained"] for row in snapshot.sites(by=by, retained=True, limit=0) if row["retained"]}
    assert found == +expected


@pytest.mark.parametrize("seed", SEEDS)
def test_peaks_temporaries_and_all_there_ever_was_are_those_of_the_rows_of_the_file(
    written: Callable[..., tuple[tonnage.Snapshot, Pure]], seed: int
) -> None:
    snapshot, pure = written(seed)
    peak: Counter[str] = Counter()
    temporary: Counter[str] = Counter()
    ever: Counter[str] = Counter()
    live: Counter[str] = Counter()
    for site in pure.sites:
        frames = site_files.stack_of(pure, site.stack)
        name = site_files.place(*frames[0][:2]) if frames else "<lost>"
        peak[name] += site.at_peak_bytes
        temporary[name] += int(site.temporary_count)
        ever[name] += site.allocated_bytes
        live[name] += site.live_bytes
    assert {row["name"]: row["size"] for row in snapshot.peak(limit=0)} == +peak
    assert {row["name"]: row["count"] for row in snapshot.temporary(limit=0)} == +temporary
    rows = snapshot.sites(sort="freed", limit=0).rows
    assert {row["name"]: row["allocated_size"] for row in rows} == +ever
    freed = sorted((max(ever[name] - live[name], 0) for name in +ever), reverse=True)
    assert [row["freed_size"] for row in rows] == freed
    assert "allocated_size" not in snapshot.sites(by="type").rows[0]


@pytest.mark.parametrize("seed", SEEDS)
def test_cohorts_part_what_is_alive_by_birth(
    written: Callable[..., tuple[tonnage.Snapshot, Pure]], seed: int
) -> None:
    snapshot, pure = written(seed)
    first, last = pure.facts["trace.started_births"], pure.facts["trace.births"]
    expected: dict[str, list[int]] = defaultdict(lambda: [0] * 10)
    for trace in pure.traces:
        frames = stack_of(pure, trace)
        assert trace.birth is not None
        cohort = (trace.birth - first - 1) * 10 // (last - first)
        expected[site_files.place(*frames[0][:2]) if frames else "<lost>"][min(cohort, 9)] += trace.bytes
    for row in snapshot.survivors(limit=0):
        assert [cohort["size"] for cohort in row["cohorts"]] == expected[row["name"]]
        middle = expected[row["name"]][1:9]
        assert row["slope"] == pytest.approx(sum(middle) / 8 / ((last - first) / 10 / 1000))
        assert row["slope_low"] <= row["slope"] <= row["slope_high"]


@pytest.mark.parametrize("seed", SEEDS)
def test_changes_are_row_by_row_what_one_has_more_than_the_other(
    written: Callable[..., tuple[tonnage.Snapshot, Pure]], seed: int
) -> None:
    (old, _), (new, _) = written(seed), written(seed + 100)
    before, now = told(old.sites(limit=0)), told(new.sites(limit=0))
    view = new.sites(against=old, limit=0)
    assert {row["name"] for row in view} == set(before) | set(now)
    for row in view:
        (x, m), (y, n) = now.get(row["name"], (0, 0)), before.get(row["name"], (0, 0))
        assert (row["size"], row["old_size"], row["size_change"], row["count_change"]) == (x, y, x - y, m - n)
        assert str(row).startswith(f"{row['name']}: size=") and f"count={m} ({m - n:+d})" in str(row)
        assert row["significant"] is (x != y)
    sizes = [abs(row["size_change"]) for row in view]
    assert sizes == sorted(sizes, reverse=True)
    assert [str(row) for row in view[:2]] == [row["text"] for row in view.rows][:2]


@pytest.mark.parametrize("seed", SEEDS)
def test_samples_count_by_their_weights(written: Callable[..., tuple[tonnage.Snapshot, Pure]], seed: int) -> None:
    snapshot, pure = written(seed, 2048)
    expected: Counter[str] = Counter()
    for trace in pure.traces:
        frames = stack_of(pure, trace)
        expected[site_files.place(*frames[0][:2]) if frames else "<lost>"] += trace.bytes * trace.weight  # type: ignore[assignment]
    for row in snapshot.sites(limit=0):
        assert row["size"] == pytest.approx(expected[row["name"]], abs=20)
        assert 0 < row["size_low"] <= row["size"] + 1 and row["size"] <= row["size_high"]
    kept = snapshot.where("type:*").sites(limit=0).total["size"]
    assert kept == pytest.approx(
        sum(trace.bytes * trace.weight for trace in pure.traces if trace.node is not None), abs=50
    )


@pytest.mark.parametrize(("n", "whole"), [(10, True), (40_000, False)])
def test_samples_that_stand_for_more_than_can_be_counted_are_refused(tmp_path: Path, n: int, whole: bool) -> None:
    program = site_files.empty()
    line = program.frame(None, program.code("f", "/srv/app/main.py", 1), 3)
    for birth in range(1, n + 1):
        program.block(1, line, birth=birth, interval=2**48)
    file = program.description()
    file.sites = [Site(site.stack, site.domain, live_bytes=1, live_count=1) for site in file.sites]
    path = tmp_path / "heavy.tonnage"
    path.write_bytes(writer.write(file))
    if whole:
        assert tonnage.load(path).sites(by="type").total["size"] == pytest.approx(n * 2**48)
        return
    with pytest.raises(tonnage.CorruptError, match="stands for too much"):
        tonnage.load(path).sites(by="type")


def test_what_was_not_traced_says_how_it_would_be(tmp_path: Path) -> None:
    path = tmp_path / "plain.tonnage"
    path.write_bytes(site_files.writer.write(site_files.empty(1).heap))
    snapshot = tonnage.load(path)
    with pytest.raises(tonnage.ArgumentError, match="--trace"):
        snapshot.sites()
    assert len(snapshot.where("site:app.py")) == 0
    assert next(iter(snapshot)).site is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.sites(by="colour"), "unknown part of a stack"),
        (lambda s: s.sites(include=[7]), "takes text such as"),
        (lambda s: s.sites(include="any:"), "a place looks like"),
        (lambda s: s.sites(by="type", cumulative=True), "cumulative sums are"),
        (lambda s: s.where("site:any:"), "a site looks like"),
        (lambda s: s.where("site:domain:raw"), "a site looks like"),
        (lambda s: s.creators().back[1], "needs .file, line."),
    ],
)
def test_mistakes_are_said(
    written: Callable[..., tuple[tonnage.Snapshot, Pure]], call: Callable[[tonnage.Snapshot], object], message: str
) -> None:
    snapshot, _ = written(1)
    with pytest.raises((tonnage.ArgumentError, TypeError), match=message):
        call(snapshot)
