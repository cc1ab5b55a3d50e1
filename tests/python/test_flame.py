"""Trees of stacks, of processes made by chance: each node is worked out again, frame by frame, from the file alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import sample_files
import site_files
import tonnage
from pure_reader import Snapshot as Pure

SEEDS = range(10)
Frame = tuple[str, int, str]
Way = tuple[str, ...]
LOST: Frame = ("<lost>", 0, "<lost>")

NAMES: dict[str, Callable[[Frame], str]] = {
    "line": lambda frame: f"{frame[0]}:{frame[1]} {frame[2]}()" if frame[2] != frame[0] else frame[0],
    "file": lambda frame: frame[0],
    "function": lambda frame: f"{frame[0]} {frame[2]}()" if frame[2] != frame[0] else frame[0],
}


def frames_of(pure: Pure, stack: int | None) -> list[Frame]:
    return site_files.stack_of(pure, stack) or [LOST]


def worked_out(
    weights: Iterable[tuple[list[Frame], float]], by: str, inverted: bool = False
) -> tuple[Counter[Way], Counter[Way]]:
    """What stacks have that begin with these frames, and what those have that are no longer."""
    total: Counter[Way] = Counter()
    own: Counter[Way] = Counter()
    for frames, weight in weights:
        way = tuple(NAMES[by](frame) for frame in (frames if inverted else reversed(frames)))
        own[way] += weight  # type: ignore[assignment]
        for depth in range(1, len(way) + 1):
            total[way[:depth]] += weight  # type: ignore[assignment]
    return Counter({way: n for way, n in total.items() if n}), Counter({way: n for way, n in own.items() if n})


def told(view: tonnage.View, number: str = "total") -> Counter[Way]:
    """Nodes by the names of their frames from the first one on."""
    ways: list[Way] = []
    found: Counter[Way] = Counter()
    for node in view.rows:
        assert node["parent"] is None or node["parent"] < len(ways)
        ways.append((*(ways[node["parent"]] if node["parent"] is not None else ()), node["name"]))
        assert ways[-1] not in found
        found[ways[-1]] = node[number]
    return Counter({way: n for way, n in found.items() if n})


def live(pure: Pure) -> list[tuple[list[Frame], float]]:
    return [(frames_of(pure, pure.sites[trace.site].stack), trace.bytes) for trace in pure.traces]


@pytest.fixture(params=SEEDS)
def planted(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return site_files.any_program(request.param).write(tmp_path / "any.tonnage")


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("by", NAMES)
def test_nodes_are_the_blocks_of_stacks_that_go_through_their_frames(planted: Path, by: str, inverted: bool) -> None:
    pure = Pure.open(planted)
    total, own = worked_out(live(pure), by, inverted)
    with tonnage.load(planted) as snapshot:
        view = snapshot.flame(by=by, inverted=inverted, limit=0)
        assert told(view) == total
        assert told(view, "own") == own
        assert view.data["total"] == {"total": own.total(), "count": len(pure.traces)}


@pytest.mark.parametrize(
    ("what", "number"),
    [
        ("count", lambda site: site.live_count),
        ("allocated", lambda site: site.allocated_bytes),
        ("temporary", lambda site: site.temporary_bytes),
        ("peak", lambda site: site.at_peak_bytes),
    ],
)
@pytest.mark.parametrize("inverted", [False, True])
def test_other_sums_are_those_of_the_recorder(
    planted: Path, what: str, number: Callable[..., float], inverted: bool
) -> None:
    pure = Pure.open(planted)
    total, own = worked_out(((frames_of(pure, site.stack), number(site)) for site in pure.sites), "line", inverted)
    with tonnage.load(planted) as snapshot:
        view = snapshot.flame(what, inverted=inverted, limit=0)
        assert (told(view), told(view, "own")) == (total, own)
        assert view.data["whats"][:5] == ["live", "count", "allocated", "temporary", "peak"]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("inverted", [False, True])
def test_samples_are_where_threads_were(tmp_path: Path, seed: int, inverted: bool) -> None:
    path = sample_files.any_profile(seed).write(tmp_path / "any.tonnage")
    pure = Pure.open(path)
    samples = [(frames_of(pure, sample.stack), sample.ns) for sample in pure.samples or ()]
    counts = [(frames_of(pure, sample.stack), sample.samples) for sample in pure.samples or ()]
    with tonnage.load(path) as snapshot:
        view = snapshot.flame(by="function", inverted=inverted, limit=0)
        assert (view.data["what"], view.data["unit"]) == ("cpu", "ns")
        assert told(view) == worked_out(samples, "function", inverted)[0]
        assert told(view, "count") == worked_out(counts, "function", inverted)[0]
        for node in view.rows:
            assert node["low"] <= node["total"] <= node["high"]
        profile = snapshot.profile(page="tree", limit=0, depth=1000).rows
        if not inverted:
            assert sorted(row["total"] for row in profile) == sorted(told(view).values())


def test_a_tree_that_is_cut_has_the_widest_nodes_and_says_what_it_left_out(planted: Path) -> None:
    with tonnage.load(planted) as snapshot:
        for inverted in (False, True):
            whole = snapshot.flame(inverted=inverted, limit=0)
            for limit in (1, 5, 20):
                cut = snapshot.flame(inverted=inverted, limit=limit)
                assert told(cut).items() <= told(whole).items()
                widths = sorted((node["total"] for node in whole.rows), reverse=True)
                assert [node["total"] for node in cut.rows] == widths[:limit]
                ways = list(told(cut))
                below = Counter(way[:-1] for way in told(whole) if way not in told(cut) and way[:-1] in {*ways, ()})
                assert below == Counter({
                    **{way: node["more"] for way, node in zip(ways, cut.rows, strict=True)}, (): cut.data["more"],
                })  # fmt: skip


def test_born_selects_blocks_by_the_number_of_their_allocation(planted: Path) -> None:
    pure = Pure.open(planted)
    births = sorted(trace.birth for trace in pure.traces if trace.birth)
    first, last = births[len(births) // 4], births[len(births) // 2]
    some = [
        (frames_of(pure, pure.sites[trace.site].stack), trace.bytes)
        for trace in pure.traces
        if trace.birth and first <= trace.birth <= last
    ]
    with tonnage.load(planted) as snapshot:
        assert told(snapshot.flame(born=(first, last), limit=0)) == worked_out(some, "line")[0]
        assert snapshot.flame(born=(first, last)).data["born"] == [first, last]
        with pytest.raises(tonnage.ArgumentError, match="of live and count"):
            snapshot.flame("peak", born=(first, last))
        with pytest.raises(tonnage.ArgumentError, match="not behind the last"):
            snapshot.flame(born=(last + 1, first))
        with pytest.raises(tonnage.ArgumentError, match="it is live, count,"):
            snapshot.flame("lives")


def test_where_selects_blocks_of_objects(planted: Path) -> None:
    pure = Pure.open(planted)
    with tonnage.load(planted) as snapshot:
        some = [(frames_of(pure, pure.sites[t.site].stack), t.bytes) for t in pure.traces if t.node is not None]
        assert told(snapshot.flame(where="size:>=0", limit=0)) == worked_out(some, "line")[0]


def test_sampled_nodes_have_the_intervals_of_tables_of_sites(tmp_path: Path) -> None:
    path = site_files.any_program(3, interval=4096).write(tmp_path / "sampled.tonnage")
    with tonnage.load(path) as snapshot:
        nodes = snapshot.flame(by="function", inverted=True, limit=0).rows
        first = {node["name"]: node for node in nodes if node["parent"] is None}
        rows = {row["name"]: row for row in snapshot.sites(by="function", limit=0).rows if row["size"]}
        assert first.keys() == rows.keys()
        for name, row in rows.items():
            node = first[name]
            assert (node["total"], node["count"]) == (row["size"], row["count"])
            assert (node["low"], node["high"]) == (row["size_low"], row["size_high"])
        assert "retained" not in snapshot.flame().data["whats"]
        with pytest.raises(tonnage.ArgumentError, match="traced exactly"):
            snapshot.flame("retained")


def kept(tmp_path: Path) -> tonnage.Snapshot:
    """0 holds 1 and 2, which both hold 3; a root holds 0, and 4 alone."""
    program = site_files.empty(edges=[[(1, 0), (2, 0)], [(3, 0)], [(3, 0)], [], []], roots=[0, 4])
    main, load = program.code("main", "/srv/a.py", 1), program.code("load", "/srv/a.py", 9)
    root = program.frame(None, main, 2)
    for number, stack in enumerate([program.frame(root, load, 10), root, root, root, program.frame(root, load, 11)]):
        program.block(64, stack, birth=number + 1, node=program.objects[number], kind=1)
    return tonnage.load(program.write(tmp_path / "kept.tonnage"))


def test_retained_counts_each_byte_once_at_the_stack_that_made_the_object_on_top(tmp_path: Path) -> None:
    with kept(tmp_path) as snapshot:
        sizes = [row["size"] for row in snapshot.largest(limit=0, sort="address").rows]
        nodes = {node["name"]: node for node in snapshot.flame("retained").rows}
        assert nodes["/srv/a.py:10 load()"]["own"] == sum(sizes[:4])
        assert nodes["/srv/a.py:11 load()"]["own"] == sizes[4]
        assert (nodes["/srv/a.py:2 main()"]["own"], nodes["/srv/a.py:2 main()"]["total"]) == (0, sum(sizes[:5]))


def test_what_a_file_does_not_tell_is_refused(tmp_path: Path) -> None:
    samples = sample_files.shop().write(tmp_path / "samples.tonnage")
    blocks = site_files.any_program(1).write(tmp_path / "blocks.tonnage")
    with tonnage.load(samples) as snapshot:
        assert snapshot.flame().data["whats"] == ["cpu"]
        with pytest.raises(tonnage.ArgumentError, match="--trace"):
            snapshot.flame("live")
        with pytest.raises(tonnage.ArgumentError, match="of stacks, not of objects"):
            snapshot.flame("cpu", where="size:>=1")
        with pytest.raises(tonnage.ArgumentError, match="frames are lines"):
            snapshot.flame(by="thread")
    with tonnage.load(blocks) as snapshot, pytest.raises(tonnage.ArgumentError, match="--sample"):
        snapshot.flame("cpu")


def test_what_is_alive_stands_where_it_was_allocated(planted: Path) -> None:
    pure = Pure.open(planted)
    with tonnage.load(planted) as snapshot:
        alive = snapshot._core.view("timeline", json=True)
    from json import loads

    data = loads(alive)
    bins = data["alive"]
    for left, right in zip(bins, bins[1:], strict=False):
        assert left["last"] + 1 == right["first"]
    assert data["now"]["births"] == bins[-1]["last"]
    for one in bins:
        inside = [t.bytes for t in pure.traces if t.birth and one["first"] <= t.birth <= one["last"]]
        assert (one["size"], one["count"]) == (sum(inside), len(inside))
    assert sum(one["size"] for one in bins) == sum(trace.bytes for trace in pure.traces)
