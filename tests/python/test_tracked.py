"""Tracked classes in files: each number is read back, pages and statistics tell it, hostile files do no harm."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from array import array
from collections.abc import Callable
from pathlib import Path

import pure_reader
import pure_tracked
import pytest
import tonnage
import tracked_files
from tonnage import _tracked_file
from tonnage._tracked_data import History, Instance, Kind, Moment, Rule, Sizes
from tonnage._tracked_stats import Stats
from tracked_files import S, history

NEVER = pure_tracked.NONE64


def read_back(found: History, redact: bool = False) -> pure_tracked.Tracked:
    return pure_tracked.read((payload, n_rows) for n_rows, payload in _tracked_file.pack(found, redact))


def assert_same(found: pure_tracked.Tracked, told: History) -> None:
    """All that was told is there."""
    now = told.now_ns, NEVER if told.stopped_ns is None else told.stopped_ns
    assert found.beginning == (told.started_wall_ns, told.started_ns, *now)
    assert found.rules == [
        (rule.name, rule.label, rule.resolution_level, rule.keep + 2 * rule.trace + 4 * rule.subclasses)
        for rule in told.rules
    ]
    assert found.classes == [
        (kind.name, kind.rule, (kind.born, kind.found, kind.died, kind.morphed, kind.lifetime_ns), tuple(kind.ages),
         tuple(kind.bases))
        for kind in told.kinds
    ]  # fmt: skip
    assert found.instances == {
        one.serial: {
            "birth": one.birth_ns, "death": one.death_ns, "address": one.address, "class": one.kind,
            "label": one.label, "morphed": one.morphed_to, "preview": one.preview, "found": one.found,
            "stack": None if one.stack is None else tuple(one.stack),
        }
        for one in told.instances.values()
    }  # fmt: skip
    assert len(found.moments) == len(told.moments)
    for got, moment in zip(found.moments, told.moments, strict=True):
        assert got["numbers"] == (
            moment.number, moment.wall_ns, moment.monotonic_ns, round(moment.seconds * S), moment.pause_ns, moment.rss,
            moment.own_bytes, NEVER if moment.heap_count is None else moment.heap_count,
            NEVER if moment.heap_bytes is None else moment.heap_bytes, moment.tracked_bytes, moment.shared_bytes,
            moment.shared_count, moment.more,
        )  # fmt: skip
        assert (got["description"], got["sums"]) == (moment.description, moment.kinds)
        assert (got["sizes"] or {}) == {serial: row[:3] for serial, row in moment.instances.items()}
        assert dict(got["trees"]) == moment.instances.trees  # type: ignore[call-overload]


def any_history(seed: int) -> History:
    """Made by chance, with every kind of text."""
    rng = random.Random(seed)

    def text() -> str:
        return "".join(rng.choice("ab.é\x00\n\udc80\U0001f600") for _ in range(rng.randrange(6)))

    def number() -> int:
        return rng.choice([0, 1, rng.randrange(2**20), 2**63, 2**64 - 2])

    told = History(started_wall_ns=number(), started_ns=5, now_ns=10**12, stopped_ns=rng.choice([None, 77]))
    told.rules = [Rule(name=rng.choice([None, text()]), label=rng.choice([None, text()]), resolution_level=n,
                       keep=n % 2 == 0, trace=n % 3 == 0, subclasses=n % 5 == 0)
                  for n in range(rng.randrange(1, 5))]  # fmt: skip
    n_kinds = rng.randrange(6)
    told.kinds = [
        Kind(index=at, name=text(), rule=rng.randrange(len(told.rules)), born=number(), found=number(), died=number(),
             morphed=number(), lifetime_ns=number(), ages=[number() for _ in range(40)],
             bases=tuple(other for other in range(n_kinds) if other != at and rng.random() < 0.3))
        for at in range(n_kinds)
    ]  # fmt: skip
    stacks = [[(text(), rng.randrange(1000), text()) for _ in range(rng.randrange(3))] for _ in range(3)]
    for serial in rng.sample(range(1, 10**6), rng.randrange(50) if n_kinds else 0):
        birth = rng.randrange(10**12)
        told.instances[serial] = Instance(
            serial=serial, kind=rng.randrange(n_kinds), birth_ns=birth, address=number(), found=rng.random() < 0.5,
            death_ns=rng.choice([None, birth, birth + 5]), label=rng.choice([None, text()]),
            morphed_to=rng.choice([None, text()]), preview=rng.choice([None, text()]),
            stack=rng.choice([None, *stacks]),
        )  # fmt: skip
    for n in range(rng.randrange(4)):
        rows = []
        for serial in told.instances:
            parts = tuple((depth, text(), text(), number(), rng.randrange(9)) for depth in range(rng.randrange(4)))
            if rng.random() < 0.7:
                rows.append((serial, (number(), number(), number(), parts)))
        told.moments.append(Moment(
            number=2 * n + 1, description=text(), wall_ns=number(), monotonic_ns=10 * n, seconds=rng.random(),
            pause_ns=number(), rss=number(), own_bytes=number(), heap_count=rng.choice([None, number()]),
            heap_bytes=rng.choice([None, number()]), tracked_bytes=number(), shared_bytes=number(),
            shared_count=number(), more=n, instances=Sizes.of(rows),
            kinds={at: (number(), number(), number(), number()) for at in range(n_kinds) if rng.random() < 0.8},
        ))  # fmt: skip
    return told


def test_what_is_packed_is_read_back() -> None:
    assert_same(read_back(history()), history())


@pytest.mark.parametrize("seed", range(30))
def test_any_history_survives_a_file(seed: int, tmp_path: Path) -> None:
    told = any_history(seed)
    with _tracked_file.save(told, tmp_path / "any.tonnage") as saved:
        assert saved.check() == []
        view = saved.tracked(limit=0)
        assert [row["serial"] for row in sorted(view.rows, key=lambda row: row["serial"])] == sorted(told.instances)
        for by in "all", "snapshot", "class", "instance":
            assert repr(saved.tracked(by=by))
    found = pure_reader.Snapshot.open(tmp_path / "any.tonnage").tracked
    assert found is not None
    assert_same(found, told)


def test_sizes_of_forgotten_instances_are_counted() -> None:
    told = history()
    del told.instances[3], told.instances[9]
    found = read_back(told)
    assert [set(moment["sizes"]) for moment in found.moments] == [  # type: ignore[call-overload]
        {1, 2, 4, 5, 6, 7}, {1, 2, 4, 5, 6, 7}, {1, 4, 5, 6, 7}
    ]  # fmt: skip
    assert [moment["numbers"][12] for moment in found.moments] == [2, 2, 2]  # type: ignore[index]
    assert not any(moment["trees"] for moment in found.moments)


def test_redacted_there_is_no_text_of_the_program_but_types() -> None:
    packed = b"".join(payload for _, payload in _tracked_file.pack(history(), redact=True))
    assert b"shop.Leaf" in packed
    for secret in b"juggling", b"factory", b"<Node", b"/srv", b"populate", b"['x']":
        assert secret not in packed


def test_many_instances_take_several_chunks(tmp_path: Path) -> None:
    n = 200_000
    told = history()
    told.instances = {at: Instance(serial=at, kind=0, birth_ns=at) for at in range(1, n)}
    serials = array("Q", range(1, n))
    sizes = Sizes(serials, serials, serials, serials, {})
    told.moments = [Moment(number=1, wall_ns=0, monotonic_ns=0, instances=sizes)]
    assert len(_tracked_file.pack(told)) > 2
    with _tracked_file.save(told, None) as saved:
        assert saved.check() == []
        assert [row["size"] for row in saved.tracked(limit=3).rows] == [n - 1, n - 2, n - 3]
        assert saved.tracked(limit=3).data["total"] == n - 1


def test_a_snapshot_may_carry_it(tmp_path: Path) -> None:
    from tonnage._take import take

    path = tmp_path / "both.tonnage"
    for mode in "stop", "fork":
        packed = _tracked_file.pack(history())
        taken = take(path, mode, None, None, None, True, None, None, tracked=packed)
        with taken:
            assert taken.check() == []
            assert len(taken.tracked().rows) == 8
            assert len(taken) > 1000
        found = pure_reader.Snapshot.open(path).tracked
        assert found is not None
        assert_same(found, history())


# ---- pages ----


def test_rows_are_those_of_the_history(tmp_path: Path) -> None:
    with tonnage.load(tracked_files.shop(tmp_path / "shop.tonnage")) as file:
        view = file.tracked(limit=0)
        assert [row["serial"] for row in view] == [9, 7, 6, 5, 4, 3, 2, 1]
        rows = {row["serial"]: row for row in view}
        assert rows[7]["sizes"] == [
            {"snapshot": k, "size": 700 * k, "flat": 48, "retained": 2100 * k} for k in (1, 2, 3)
        ]
        assert [one["snapshot"] for one in rows[2]["sizes"]] == [1, 2]
        assert (rows[2]["size"], rows[2]["death_ns"], rows[2]["age_ns"], rows[2]["morphed_to"]) == (
            400, 4 * S, 2 * S, "shop.Other"
        )  # fmt: skip
        assert rows[3]["sizes"][0]["parts"] == [
            {"depth": depth, "label": label, "type": name, "size": size, "more": more}
            for depth, label, name, size, more in tracked_files.TREE
        ]
        assert rows[1]["traceback"] == [{"file": f, "line": n, "function": name} for f, n, name in tracked_files.STACK]
        assert (rows[9]["name"], rows[9]["found"], rows[9]["traceback"], rows[9]["address"]) == (
            "factory", True, None, None
        )  # fmt: skip
        node, leaf, factory = view.classes
        assert (node["class"], leaf["class"], factory["class"]) == ("shop.Node", "shop.Leaf", "shop.Factory")
        assert (node["alive"], node["born"], node["found"], node["died"], node["morphed"]) == (4, 10, 1, 7, 1)
        assert node["mean_age_ns"] == 3 * S // 7
        assert node["ages"] == [{"below_ns": 8 * 10**6, "died": 5}, {"below_ns": 256 * 10**6, "died": 2}]
        assert (node["size"], node["family_count"], node["family_size"]) == (1500, 6, 3000)
        assert leaf["bases"] == ["shop.Node"]
        assert leaf["mean_age_ns"] is None
        moment = view.snapshots[1]
        assert (moment["heap_size"], view.snapshots[0]["heap_size"], moment["shared"]) == (8 << 20, None, 300)
        assert sum(row["size"] for row in moment["classes"]) + moment["shared"] == moment["tracked"]
        assert [row["average"] for row in moment["classes"]] == [250, 333, 100]


ORDERS = {
    "size": [9, 7, 6, 5, 4, 3, 2, 1], "retained": [9, 7, 6, 5, 4, 3, 2, 1], "birth": [7, 6, 5, 4, 3, 2, 1, 9],
    "death": [2, 1, 3, 4, 5, 6, 7, 9], "count": [1, 2, 3, 4, 5, 6, 7, 9], "class": [9, 5, 6, 7, 1, 2, 3, 4],
    "name": [1, 2, 3, 4, 5, 6, 7, 9], "-size": [1, 2, 3, 4, 5, 6, 7, 9],
}  # fmt: skip


@pytest.mark.parametrize("sort", ORDERS)
def test_instances_stand_in_the_order_that_was_asked_for(sort: str, tmp_path: Path) -> None:
    with tonnage.load(tracked_files.shop(tmp_path / "shop.tonnage")) as file:
        assert [row["serial"] for row in file.tracked(sort=sort, limit=0)] == ORDERS[sort]


@pytest.mark.parametrize(
    ("where", "classes", "serials"),
    [
        ("type:Node", ["shop.Node"], {1, 2, 3, 4}),
        ("type:shop.Node+", ["shop.Node", "shop.Leaf"], {1, 2, 3, 4, 5, 6, 7}),
        ("type:shop.*", ["shop.Node", "shop.Leaf", "shop.Factory"], {1, 2, 3, 4, 5, 6, 7, 9}),
        ("module:shop -type:Node+", ["shop.Factory"], {9}),
        ("module:sho", [], set()),
        ("size:>=1500", ["shop.Node", "shop.Leaf"], {5, 6, 7, 9}),
        ("type:Leaf retained:..5000", ["shop.Leaf"], {5}),
        ("text:factory or text:'Node 3'", ["shop.Factory"], {3, 9}),
    ],
)
def test_classes_and_instances_are_selected(where: str, classes: list[str], serials: set[int], tmp_path: Path) -> None:
    with tonnage.load(tracked_files.shop(tmp_path / "shop.tonnage")) as file:
        view = file.tracked(where, limit=0)
        assert [row["class"] for row in view.classes] == classes
        assert {row["serial"] for row in view} == serials


def test_a_class_is_found_by_the_name_of_any_of_its_instances(tmp_path: Path) -> None:
    code = """
import sys
from tonnage import track
class Session: pass
class Node: pass
track.track_class(Node, name="all")
objects = [Session(), Session(), Node()]
for name, one in zip(("first", "second", "third"), objects):
    track.track_object(one, name=name)
track.create_snapshot()
track.stats.save(sys.argv[1])
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.tonnage")], check=True)
    with tonnage.load(tmp_path / "a.tonnage") as file:
        for text, classes, names in (
            ("first", ["__main__.Session"], ["first"]),
            ("second", ["__main__.Session"], ["second"]),
            ("third", ["__main__.Node"], ["third"]),
            ("all", ["__main__.Node"], []),
        ):
            found = file.tracked(f"text:{text}", limit=0)
            assert [row["class"] for row in found.classes] == classes, text
            assert [row["name"] for row in found] == names, text


def test_hostile_texts_are_escaped(tmp_path: Path) -> None:
    path = tmp_path / "hostile.tonnage"
    path.write_bytes(tracked_files.file_of(tracked_files.hostile()))
    with tonnage.load(path) as file:
        assert file.check() == []
        for by in "all", "snapshot", "class", "instance":
            text = repr(file.tracked(by=by))
            assert "evil" in text
            assert not set(text) & {"\x1b", "\u202e"}
        assert json.loads(file.tracked().json())["rows"][0]["size"] == NEVER


def test_a_file_without_tracked_classes_says_so(tmp_path: Path) -> None:
    with tonnage.snapshot(of=[1]) as taken, pytest.raises(tonnage.ArgumentError, match="no tracked classes: run"):
        taken.tracked()


# ---- statistics ----


def test_statistics_are_those_of_the_file_and_of_the_tracker(tmp_path: Path) -> None:
    live = Stats(history)
    live.sort("size").save(tmp_path / "saved.tonnage")
    saved = Stats(tmp_path / "saved.tonnage")
    for stats in live, saved, Stats().load(tmp_path / "saved.tonnage"):
        assert stats.tracked_classes == ["shop.Factory", "shop.Leaf", "shop.Node"]
        assert stats.growth("Node") == [(2.0, 4, 500), (4.0, 4, 1000), (6.0, 3, 1500)]
        assert stats.growth("shop.Node+") == [(2.0, 7, 1000), (4.0, 7, 2000), (6.0, 6, 3000)]
        assert stats.lifetimes("Node") == [(0.008, 5), (0.256, 2)]
        assert [row["tracked"] for row in stats.annotate()] == [1400, 2400, 3400]
        with pytest.raises(tonnage.NotFoundError):
            stats.growth("Nobody")
    with pytest.raises(tonnage.ExistsError):
        live.save(tmp_path / "saved.tonnage")
    saved.save(tmp_path / "saved.tonnage.2")
    assert Stats(tmp_path / "saved.tonnage.2").growth("Leaf") == live.growth("Leaf")


def test_a_report_has_what_the_page_asks_for(tmp_path: Path) -> None:
    Stats(history).report(tmp_path / "shop.html")
    text = (tmp_path / "shop.html").read_text(encoding="utf-8")
    start = text.index('<script type="application/json" id="tonnage-data">')
    data = json.loads(text[text.index(">", start) + 1 : text.index("</script>", start)])
    assert data["files"][0]["has"] == ["tracked"]
    answer = next(data["answers"][key] for key in data["answers"] if key == "tracked?limit=100")
    assert [row["serial"] for row in answer["rows"]] == [9, 7, 6, 5, 4, 3, 2, 1]
    with pytest.raises(tonnage.ExistsError):
        Stats(history).report(tmp_path / "shop.html")


def test_sorted_tables_are_printed(tmp_path: Path) -> None:
    pages: list[str] = []
    stats = Stats(history)
    assert stats.sort("size").print(limit=2, cls="Node", file=pages.append) is stats
    stats.reverse().print(limit=1, cls="Node", file=pages.append)
    stats.sort("name").print_summary(limit=1, file=pages.append)
    first, second, summary = pages
    assert "<Node 4>" in first and "<Node 3>" in first and "<Node 2>" not in first
    assert "Birthplace of 4 and 1 more" in first and "['x']  list  <4 more>" in first
    assert "<Node 1>" in second and "<3 more instances" in second
    assert "Snapshot 3: Juggling <aftermath>" in summary and "<all that is tracked>" in summary


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda stats: stats.sort("colour"), tonnage.ArgumentError, "there are size, retained"),
        (lambda stats: stats.print(cls=5), TypeError, "cls must be a class or text"),
        (lambda stats: stats.print(limit=-1), tonnage.ArgumentError, "limit must be 0"),
        (lambda stats: Stats().summary(), tonnage.ArgumentError, "load"),
        (lambda stats: Stats("/no/such/file"), tonnage.FileError, "no/such/file"),
    ],
)
def test_wrong_questions_are_refused(call: Callable[[Stats], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(Stats(history))


def test_a_class_is_taken_for_its_name() -> None:
    class Node:
        pass

    told = history()
    told.kinds[1].name = f"{Node.__module__}.{Node.__qualname__}"
    assert [row["serial"] for row in Stats(lambda: told).instances(Node)] == [7, 6, 5]


def test_importing_statistics_loads_no_reader() -> None:
    code = "import sys, tonnage._tracked_stats, tonnage._tracked_file; assert 'tonnage._core' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
