"""Reference patterns: every row of random heaps worked out again from plain lists; planted programs in words."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
import tonnage
from folded_heaps import Heap, address, heaps, number_of, opened
from hypothesis import given, settings
from hypothesis import strategies as st

SETTINGS = settings(deadline=None, max_examples=300)


def some(snapshot: tonnage.Snapshot, nodes: Iterable[int]) -> tonnage.ObjectSet:
    chosen = {address(node) for node in nodes}
    return snapshot.objects.filter(lambda item: item.address in chosen)


class Model:
    """The definitions of docs/patterns.md, but for the order of rows, which is taken from what is to be judged."""

    def __init__(self, heap: Heap, chosen: set[int], fold: bool) -> None:
        self.heap, self.chosen = heap, chosen
        self.owner: dict[int, int] = {}
        for node, own in enumerate(heap.dicts):
            if fold and own is not None and own not in self.owner and (own not in chosen or node in chosen):
                self.owner[own] = node
        self.row_of = {self.whole(node): 0 for node in chosen}
        roots = {len(heap): heap.roots, len(heap) + 1: heap.local}
        self.references = [
            (self.whole(source), self.whole(target), self.label(source, place))
            for source, targets in [*enumerate(heap.targets), *roots.items()]
            for place, target in enumerate(targets)
            if self.owner.get(target) != self.whole(source) or source != self.whole(source)
        ]

    def whole(self, node: int) -> int:
        return self.owner.get(node, node)

    def kind(self, node: int) -> str:
        return self.heap.name(node) if node < len(self.heap) else ["root", "frame"][node - len(self.heap)]

    def label(self, node: int, place: int) -> str:
        if node == len(self.heap) + 1:
            return f"local v{place}"
        return ".__dict__" if place == 0 and node < len(self.heap) and self.heap.dicts[node] is not None else "[index]"

    def into(self, row: int) -> Counter[int]:
        """References into a row by source."""
        return Counter(source for source, target, _ in self.references if self.row_of.get(target) == row)

    def labels(self, row: int, sources: Iterable[int]) -> Counter[str]:
        """How these refer to a row."""
        among = set(sources)
        return Counter(
            label for source, target, label in self.references if self.row_of.get(target) == row and source in among
        )


def check_labels(told: list[dict[str, Any]], expected: Counter[str]) -> None:
    """At most three of them are told, the most first; of five and more the first four that were met compete."""
    counts = [each["references"] for each in told]
    assert len(told) == min(3, len(expected)) and counts == sorted(counts, reverse=True)
    assert all(expected[each["label"]] == each["references"] for each in told)
    if len(expected) <= 4:
        assert counts == [count for _, count in expected.most_common(3)]


def check(heap: Heap, chosen: set[int], fold: bool, depth: int, width: int) -> None:
    model = Model(heap, chosen, fold)
    with opened(heap) as snapshot:
        asked = some(snapshot, chosen)
        page = asked.patterns(by="type", fold=fold, depth=depth, width=width, limit=0)
        rows = sorted(page, key=lambda row: row["row"])
        assert [row["row"] for row in rows] == list(range(len(rows)))
        assert rows[0].objects == asked and rows[0]["size"] == sum(heap.sizes[node] for node in chosen)
        for row in rows:
            below = [other for other in rows if other["parent"] == row["row"]]
            into = model.into(row["row"]) if row["end"] == "open" else Counter[int]()
            expected: dict[str, set[int]] = {}
            loops, looping = Counter[int](), dict[int, set[int]]()
            for source, count in into.items():
                if source in model.row_of:
                    loops[model.row_of[source]] += count
                    looping.setdefault(model.row_of[source], set()).add(source)
                else:
                    expected.setdefault(model.kind(source), set()).add(source)
            assert {loop["row"]: loop["references"] for loop in row["loops"]} == loops
            for loop in row["loops"]:
                check_labels(loop["labels"], model.labels(row["row"], looping[loop["row"]]))
            assert len(below) == min(len(expected), width + 1)
            assert [other["references"] for other in below[:width]] == sorted(
                (other["references"] for other in below[:width]), reverse=True
            )
            for other in below:
                rest = other["end"] == "rest"
                named = {kind for kind in expected if kind not in {each["kind"] for each in below}}
                members = set().union(*(expected[kind] for kind in (named if rest else {other["kind"]})))
                assert other["kinds"] == (len(named) if rest else 1)
                assert other["count"] == len(members)
                assert other["references"] == sum(into[node] for node in members)
                check_labels(other["labels"], Counter() if rest else model.labels(row["row"], members))
                parts = {own for own, node in model.owner.items() if node in members}
                objects = {node for node in members | parts if node < len(heap)}
                assert other["dicts"] == len(parts)
                assert {number_of(item.address) for item in other.objects} == objects
                assert other["size"] == sum(heap.sizes[node] for node in objects)
                assert rest or other["depth"] < depth or other["end"] in ("depth", "root")
                model.row_of |= dict.fromkeys(members, other["row"])


@SETTINGS
@given(heaps(), st.booleans(), st.integers(1, 6), st.integers(1, 5), st.data())
def test_rows_are_the_referrers_of_the_row_above_that_no_row_before_has(
    heap: Heap, fold: bool, depth: int, width: int, data: st.DataObject
) -> None:
    check(heap, data.draw(st.sets(st.integers(0, len(heap) - 1))) | {0}, fold, depth, width)


@SETTINGS
@given(heaps(), st.data())
def test_a_name_leads_to_the_same_row_from_wherever_the_page_begins(heap: Heap, data: st.DataObject) -> None:
    with opened(heap) as snapshot:
        asked = some(snapshot, data.draw(st.sets(st.integers(0, len(heap) - 1))) | {0})
        page = asked.patterns(by="type", depth=5, limit=0)
        for row in page:
            if row["name"] is None:
                continue
            again = asked.patterns(by="type", depth=2, at=row["name"], limit=0)
            assert again[0] == again[row["name"]] and again[0].objects == row.objects
            assert (again[0]["kind"], again[0]["count"]) == (row["kind"], row["count"])


PROGRAM = """
import gc, sys, tonnage
class Session:
    def __init__(self, n): self.page = bytearray(n); self.peer = None
class Slim:
    __slots__ = ("held",)
SESSIONS = {}
for i in range(300):
    SESSIONS[i] = Session(1000)
for i in range(299):
    SESSIONS[i].peer = SESSIONS[i + 1]
HELD = [Slim() for _ in range(7)]
for number, slim in enumerate(HELD):
    slim.held = SESSIONS[number].page
def serve(batch):
    tonnage.snapshot(sys.argv[1]).close()
serve([SESSIONS[0].page])
"""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tonnage.Snapshot:
    path = tmp_path_factory.mktemp("patterns") / "planted.tonnage"
    subprocess.run([sys.executable, "-c", PROGRAM, path], check=True)
    return tonnage.load(path)


def test_a_planted_program_in_rows(planted: tonnage.Snapshot) -> None:
    page = planted.patterns("type:bytearray len:1000", limit=0)
    found = {row["kind"]: (row["name"], row["count"], row["references"], row["label"], row["end"]) for row in page}
    lists = [(row["name"], row["kind"], row["count"], row["references"], row["label"]) for row in page]
    assert found["bytearray"] == ("_", 300, 0, None, "open")
    assert found["__main__.Session"] == ("a", 300, 300, ".page", "open")
    assert found["__main__.Slim"] == ("b", 7, 7, ".held", "open")
    assert ("c", "list", 1, 1, "[index]") in lists  # the batch
    assert ("ba", "list", 1, 7, "[index]") in lists  # HELD
    assert ("a2", 1, 300, "[key]", "open") == found["dict (no owner)"]
    peers = {"references": 299, "labels": [{"label": ".peer", "references": 299}], "row": 1, "name": "a"}
    assert page["a"]["loops"] == [peers]


def test_a_module_ends_a_branch_and_its_attribute_is_named(planted: tonnage.Snapshot) -> None:
    row = planted.patterns("type:__main__.Session", limit=0)["a2"]
    assert (row["kind"], row["label"], row["end"]) == ("module", ".SESSIONS", "root")
    assert {item.type for item in row.objects} == {"module", "dict"}


def test_each_global_that_holds_a_row_is_named_where_the_module_has_several(planted: tonnage.Snapshot) -> None:
    text = str(planted.patterns("type:bytearray len:1000", limit=0))
    for line, words in (
        ("a2 ", "also from b2 .SESSIONS (1)"),
        ("ba ", "also from b2 .HELD (1)"),
        ("b2 ", ".slim"),
        ("a ", "also from a .peer (299)"),
    ):
        assert words in next(each for each in text.splitlines() if each.startswith(line))


def test_what_holds_all_by_several_names_is_told_with_these(tmp_path: Path) -> None:
    program = (
        "import sys, tonnage\nclass S: pass\nA = {1: S()}\nB = {1: S()}\nC = {1: S()}\n"
        "tonnage.snapshot(sys.argv[1]).close()\n"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "x"], check=True)
    with tonnage.load(tmp_path / "x") as snapshot:
        row = snapshot.patterns("type:__main__.S")["aa"]
        assert {each["label"] for each in row["labels"]} == {".A", ".B", ".C"} and row["references"] == 3


def test_the_call_that_took_the_snapshot_is_in_no_row(planted: tonnage.Snapshot) -> None:
    kinds = [row["kind"] for row in planted.patterns(by="type", width=26, limit=0)]
    frames = {kind for kind in kinds if kind and kind.startswith("frame of")}
    assert frames <= {"frame of serve()", "frame of <module>()"}
    assert "frame of serve()" in {row["kind"] for row in planted.patterns("type:bytearray len:1000", limit=0)}


def test_set_and_its_dicts_are_what_is_selected(planted: tonnage.Snapshot) -> None:
    page = planted.patterns()
    assert page["_"]["count"] + page["_"]["dicts"] == len(page["_"].objects) == page.total["count"]
    assert page["_"]["dicts"] > 0


def test_pages_one_behind_the_other_are_all_rows(planted: tonnage.Snapshot) -> None:
    whole = [row["row"] for row in planted.patterns("type:str", limit=0)]
    pages, seen = [], 0
    while True:
        page = planted.patterns("type:str", limit=7, skip=seen)
        pages += [row["row"] for row in page]
        seen += len(page)
        assert page.data["more"] == len(whole) - seen
        if not page.data["more"]:
            break
    assert pages == whole and len(whole) > 7


def test_a_name_may_be_spelled_out(planted: tonnage.Snapshot) -> None:
    page = planted.patterns("type:bytearray len:1000", limit=0)
    assert page["aa"] == page["a2"] == page["a1a"] and page["bb"] == page["b2"]
    for name in ("aa", "a1a1", "a2"):
        assert planted.patterns("type:bytearray len:1000", at=name)["a2"] == page["a2"]


def test_the_command_below_the_page_shows_the_rows_that_were_left_out(tmp_path: Path) -> None:
    program = (
        "import sys, tonnage\nclass S: pass\nKEPT = [{str(n): S()} for n in range(9)]\n"
        "class T:\n    def __init__(self, s): self.s = s\nALL = [T(d) for d in KEPT]\n"
        "tonnage.snapshot(sys.argv[1]).close()\n"
    )
    path = tmp_path / "it's.tonnage"
    subprocess.run([sys.executable, "-c", program, path], check=True)
    command = ["tonnage", "patterns", str(path), "--where", "type:__main__.S", "--width", "3", "--depth", "2"]
    tool = [str(Path(sys.executable).with_name("tonnage")), *command[1:]]
    whole = subprocess.run([*tool, "--limit", "0"], check=True, capture_output=True, text=True).stdout.splitlines()
    first = subprocess.run([*tool, "--limit", "1"], check=True, capture_output=True, text=True).stdout.splitlines()
    told = next(line for line in first if "more row" in line)
    words = shlex.split(told.partition(": ")[2].rstrip(">"))
    assert words == [*command, "--limit", "1", "--skip", "1"]
    again = subprocess.run([tool[0], *words[1:-4], "--skip", "1"], check=True, capture_output=True, text=True).stdout
    names = [line.split()[0] for line in whole if line[:1].islower()]
    assert [line.split()[0] for line in again.splitlines() if line[:1].islower()][-len(names) :] == names


def test_unfolded_the_dict_is_a_referrer_of_its_own(planted: tonnage.Snapshot) -> None:
    kinds = [row["kind"] for row in planted.patterns("type:__main__.Session", fold=False, limit=0)]
    assert "dict of module" in kinds
    assert "dict of module" not in [row["kind"] for row in planted.patterns("type:__main__.Session", limit=0)]


def test_what_cannot_be_asked_is_said(planted: tonnage.Snapshot) -> None:
    for options, words in (
        ({"at": "zz9"}, "no row"),
        ({"at": "a-b"}, "no name of a row"),
        ({"at": "a0"}, "no name of a row"),
        ({"at": "A"}, "no name of a row"),
        ({"at": "aA2"}, "no name of a row"),
        ({"at": "a99999999999"}, "1000 levels"),
        ({"width": 703}, "width must be from 1 to 702"),
        ({"width": 0}, "width must be from 1 to 702"),
        ({"depth": 0}, "depth must be from 1 to 1000"),
        ({"depth": -1}, "depth must be"),
        ({"skip": -1}, "skip must be"),
        ({"sort": "-size"}, "never what is least"),
        ({"sort": "weight"}, "references"),
        ({"depth": 1001}, "depth must be"),
        ({"depth": 1000, "at": "a"}, "1000 levels"),
        ({"by": "heads"}, "no such kinds"),
    ):
        with pytest.raises(tonnage.Error, match=words):
            planted.patterns("type:bytearray", **options)
    with pytest.raises(KeyError):
        planted.patterns("type:bytearray")["qq"]


def test_a_page_of_patterns_that_are_made_is_the_same_page(planted: tonnage.Snapshot) -> None:
    core, chosen = planted._core, planted.where("type:bytearray len:1000")._set
    made = core.patterns(set=chosen, depth=2, at="a2")
    for as_json in (False, True):
        page = core.view("patterns", set=chosen, depth=2, at="a2", fold=True, json=as_json)
        assert core.view("patterns", patterns=made, at="a2", json=as_json, fold=True) == page
    with planted._again() as other, pytest.raises(ValueError, match="of another snapshot"):
        other._core.view("patterns", patterns=made)


def test_more_than_26_kinds_have_names_that_lead_to_them(tmp_path: Path) -> None:
    program = """
import sys, tonnage
class Thing: pass
thing = Thing()
kinds = [type(f"Kind{n:02}", (), {"__slots__": "thing"}) for n in range(60)]
held = [kind() for n, kind in enumerate(kinds) for _ in range(100 - n)]
for one in held: one.thing = thing
del one, thing
tonnage.snapshot(sys.argv[1])
"""
    path = tmp_path / "x"
    subprocess.run([sys.executable, "-c", program, path], check=True)
    with tonnage.load(path) as snapshot:
        page = snapshot.patterns("type:__main__.Thing", width=70, limit=0)
        names = {row["kind"]: row["name"] for row in page}
        ends = ["", "A", "B"]
        for n in range(60):
            assert names[f"__main__.Kind{n:02}"] == ends[n // 26] + chr(97 + n % 26)
            assert len(page[names[f"__main__.Kind{n:02}"]].objects) == 100 - n
        assert page["Aa"]["kind"] == "__main__.Kind26" and page["aa"]["kind"] == "list"
        again = snapshot.patterns("type:__main__.Thing", at="Bh", limit=0)  # the width is what it takes
        assert again[0]["kind"] == "__main__.Kind59" and again.data["width"] == 60
        assert snapshot.patterns("type:__main__.Thing", at="Bh1").rows == snapshot.patterns(
            "type:__main__.Thing", at="Bh"
        ).rows


def test_only_what_is_new_is_asked_about(tmp_path: Path) -> None:
    program = (
        "import sys, tonnage\nclass Old: pass\nA = [Old() for _ in range(50)]\ntonnage.snapshot(sys.argv[1]).close()\n"
        "B = [Old() for _ in range(30)]\ntonnage.snapshot(sys.argv[2]).close()\n"
    )
    old, new = tmp_path / "old.tonnage", tmp_path / "new.tonnage"
    subprocess.run([sys.executable, "-c", program, old, new], check=True)
    with tonnage.load(old) as before, tonnage.load(new) as after:
        for page in (
            after.patterns("type:__main__.Old", against=before),
            after.where("type:__main__.Old").patterns(against=before),
            after.patterns("type:__main__.Old is:new", against=before),
        ):
            assert page["_"]["count"] == len(page["_"].objects) == 30
            assert (page["a"]["kind"], page["a"]["references"]) == ("list", 30)


def test_a_chain_of_a_million_is_followed_as_deep_as_asked(tmp_path: Path) -> None:
    path = tmp_path / "chain.tonnage"
    program = "import sys, tonnage\nx = None\nfor _ in range(10**6): x = (x,)\ntonnage.snapshot(sys.argv[1]).close()\n"
    subprocess.run([sys.executable, "-c", program, path], check=True)
    with tonnage.load(path) as snapshot:
        page = snapshot.patterns("type:tuple size:<=64", limit=3)
        assert page[0]["count"] >= 1_000_000  # all in one row, which refers to itself
        assert any(loop["row"] == 0 and loop["references"] >= 999_999 for loop in page[0]["loops"])
        deep = json.loads(snapshot.patterns("type:NoneType", depth=900, limit=0).json())
        assert max(row["depth"] for row in deep["rows"]) >= 2
