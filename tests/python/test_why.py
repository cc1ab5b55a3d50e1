"""What `why` says of random graphs, against a plain search; and of the objects of a real process."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import graph_files
import pytest
import tonnage
from capture_support import python
from graph_files import Graph as PathGraph
from graph_model import UNREACHABLE, Graph, Solution, graphs, write
from hypothesis import given, settings
from test_paths import graphs as path_graphs
from tonnage import _core

HOLDS = ["references", "immortal", "static", "c", "unreachable"]


def opened(data: bytes) -> _core.Snapshot:
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        return _core.Snapshot(file.fileno())


def answer(core: _core.Snapshot, where: str) -> Any:
    return json.loads(core.view("why", json=True, where=where))


def alive(solution: Solution) -> set[int]:
    """What is reachable without counting garbage as held."""
    told = solution.holds
    solution.holds = [0 if hold == UNREACHABLE else hold for hold in told]
    found = solution.reachable(())
    solution.holds = told
    return found


@settings(deadline=None, max_examples=200)
@given(graphs())
def test_what_is_said_to_free_an_object_does(graph: Graph) -> None:
    core, solution = opened(write(graph)), Solution(graph)
    living = alive(solution)
    by_address = {core.node(number)[3]: number for number in range(graph.root)}
    places = [(source, place) for source, edges in enumerate(solution.edges) for place in range(len(edges))]
    for number in range(graph.root):
        if solution.is_own(number):
            continue
        said = answer(core, f"address:{core.node(number)[3]:#x}")
        about = said["object"]
        assert (said["retained"], said["retained_count"]) == solution.gone([number])[1:]
        own_hold = HOLDS[solution.holds[number]]
        waits = own_hold in ("references", "unreachable") and number not in living
        assert about["hold"] == ("unreachable" if waits else own_hold)
        assert about["references"]["holding"] == sum(edges.count(number) for edges in solution.edges)
        if about["hold"] != "references":
            assert about["nearest"] is about["together"] is None
        elif about["nearest"]:
            for cut in (about["nearest"], about["widest"]):
                freed = [solution.gone([], place) for place in places]
                assert any(number in nodes and (cut["size"], cut["count"]) == (size, n) for nodes, size, n in freed)
            assert about["widest"]["size"] >= about["nearest"]["size"]
        else:
            check_together(solution, by_address, number, about["together"])


def check_together(solution: Solution, by_address: dict[int, int], number: int, together: Any) -> None:
    """All references to what is named come from outside of what it dominates, and without it the object goes."""
    held = by_address[int(together["address"], 16)]
    below, size, count = solution.gone([held])
    assert number in below
    assert (together["size"], together["count"]) == (size, count)
    outside = {source: edges.count(held) for source, edges in enumerate(solution.edges) if source not in below}
    assert together["references"] + together["garbage_references"] == sum(outside.values())
    if not any(map(solution.is_own, range(solution.graph.root))):  # what is tonnage's own is neither
        waiting = [source for source, hold in enumerate(solution.holds) if hold == UNREACHABLE]
        garbage = solution.gone(waiting)[0] if waiting else set()
        assert together["references"] == sum(n for source, n in outside.items() if source not in garbage)
    assert len(together["paths"]) == min(1000, together["references"])


@settings(deadline=None, max_examples=200)
@given(graphs())
def test_a_suspect_retains_what_cannot_be_reached_without_it(graph: Graph) -> None:
    core, solution = opened(write(graph)), Solution(graph)
    by_address = {core.node(number)[3]: number for number in range(graph.root)}
    said = json.loads(core.view("suspects", json=True))
    assert said["total"] == dict(zip(("size", "count"), solution.gone([graph.root])[1:], strict=True))
    for row in said["rows"]:
        if row["kind"] == "object":
            assert (row["size"], row["count"]) == solution.gone([by_address[int(row["address"], 16)]])[1:]


@settings(deadline=None, max_examples=200)
@given(path_graphs())
def test_the_path_is_the_first_of_all_paths(graph: PathGraph) -> None:
    """However it is found: along the dominators, or by a search."""
    core = opened(graph_files.write(graph))
    for number in range(len(graph.edges)):
        node = core.at(graph_files.address(number))
        assert node is not None
        if graph.flags.get(number, 0) & graph_files.OWN:
            continue
        (first, *_) = next(core.paths(node, "", 1, False), (None,))
        assert answer(core, f"address:{graph_files.address(number):#x}")["object"]["path"] == first


PROGRAM = """
import gc, sys, tonnage, weakref
class Session:
    def __init__(self, n): self.data = bytes(n)
A, B = {}, {}
WEAK = weakref.WeakValueDictionary()
A['one'] = only = Session(1000)
for i in range(100):
    both = Session(1001)
    A[i] = B[f'user:{i}'] = WEAK[i] = both
class Ring:
    def __init__(self): self.me = self
gc.collect(); gc.disable()
ring = Ring(); ids = [id(only), id(both), id(ring), id(A), id(B)]
del ring, only, both
tonnage.snapshot(sys.argv[1]).close()
print(*ids)
"""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[tonnage.Snapshot, list[int]]]:
    path: Path = tmp_path_factory.mktemp("why") / "why.tonnage"
    done = python(["-c", PROGRAM, path])
    assert done.returncode == 0, done.stderr
    with tonnage.load(path) as snapshot:
        yield snapshot, [int(word) for word in done.stdout.split()]


def test_one_reference_is_named_with_what_it_frees(planted: tuple[tonnage.Snapshot, list[int]]) -> None:
    snapshot, (only, *_) = planted
    view = snapshot[only].why()
    about = view.data["object"]
    assert about["path"] == about["nearest"]["path"] == "__main__.A['one']"
    assert about["nearest"]["size"] == snapshot[only].retained
    assert "Clearing __main__.A['one'] frees" in str(view)
    assert str(view) == str(snapshot.why(only)) == str(snapshot.why(f"address:{only:#x}"))


def test_two_references_are_both_named_and_weak_ones_told_apart(planted: tuple[tonnage.Snapshot, list[int]]) -> None:
    snapshot, (_, both, *_) = planted
    about = snapshot.why(both).data["object"]
    assert about["nearest"] is None
    assert {way["path"] for way in about["together"]["paths"]} == {"__main__.A[99]", "__main__.B['user:99']"}
    assert all(way["evaluable"] for way in about["together"]["paths"])
    assert about["together"]["size"] == snapshot[both].retained
    assert about["references"] == {"holding": 2, "weak": 1, "weak_entries": 1, "other": 0}


def test_garbage_is_said_to_wait(planted: tuple[tonnage.Snapshot, list[int]]) -> None:
    snapshot, (_, _, ring, *_) = planted
    view = snapshot.why(ring)
    assert view.data["object"]["hold"] == "unreachable"
    assert "waits for the garbage" in str(view)
    assert "switched off" in " ".join(str(view).split())


def test_what_holds_a_set_is_named_until_all_of_it_goes(planted: tuple[tonnage.Snapshot, list[int]]) -> None:
    snapshot, (*_, a, b) = planted
    view = snapshot.why("type:__main__.Session")
    assert view.data["count"] == 101
    holders = view.data["holders"]
    assert [int(holder["address"], 16) for holder in holders] == [a, b]
    assert [holder["selected"] for holder in holders] == [1, 101]
    assert snapshot.where("type:__main__.Session").why().data["holders"] == holders


HELD = """
import functools, gc, sys, tonnage
class Link:
    def __init__(self, after): self.after, self.data = after, bytes(1000)
class View:
    def __init__(self): self.blob = bytearray(2000)
    @functools.lru_cache(maxsize=None)
    def render(self): return 1
class Part:
    def __init__(self): self.data = bytes(3000)
class Ring:
    def __init__(self): self.me, self.data = self, bytes(500)
CHAIN = None
for _ in range(80): CHAIN = Link(CHAIN)
for _ in range(50): View().render()
LEFT, RIGHT = [Part() for _ in range(60)], [Part() for _ in range(40)]
class Sole:
    __slots__ = ("me", "data")
    def __init__(self): self.data = bytes(400)
for n in range(8): globals()[f"MANY{n}"] = [Sole() for _ in range(n + 1)]
gc.collect(); gc.disable()
for _ in range(30): Ring()
for _ in range(20): lost = Sole(); lost.me = lost
del lost
tonnage.snapshot(sys.argv[1]).close()
"""


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tonnage.Snapshot]:
    path: Path = tmp_path_factory.mktemp("held") / "held.tonnage"
    done = python(["-c", HELD, path])
    assert done.returncode == 0, done.stderr
    with tonnage.load(path) as snapshot:
        yield snapshot


def flat(view: object) -> str:
    return " ".join(str(view).split())


def test_one_reference_that_frees_the_whole_set_is_named_alone(held: tonnage.Snapshot) -> None:
    view = held.why("type:__main__.Link")
    (holder,) = view.data["holders"]
    assert (holder["path"], holder["selected"]) == ("__main__.CHAIN", 80)
    assert holder["alone"] == holder["size"] == view.data["object"]["nearest"]["size"] >= 80 * 1000
    assert "All of them hang from __main__.CHAIN" in flat(view)


def test_a_long_chain_is_written_short_in_words_and_whole_in_json(held: tonnage.Snapshot) -> None:
    last = max(held.where("type:__main__.Link"), key=lambda link: len(held.why(link.address).data["object"]["path"]))
    view = held.why(last.address)
    assert view.data["object"]["path"] == "__main__.CHAIN" + 79 * ".after"
    assert "__main__.CHAIN(.after)×79 is a __main__.Link" in flat(view)
    assert ".after.after" not in str(view)


def test_what_hangs_from_a_class_is_cleared_below_it(held: tonnage.Snapshot) -> None:
    assert "It is what functools.lru_cache keeps of View.render()" in flat(held.why("type:__main__.View"))
    blob = next(iter(held.where("type:bytearray len:2000")))  # from 3.15 on its bytes are an object of their own
    view = held.why(blob.address)
    assert "It is in what functools.lru_cache keeps of View.render()" in flat(view)
    paths = [view.data["object"][cut]["path"] for cut in ("nearest", "widest")]
    assert all(path.startswith("__main__.View.__dict__['render'].cache") for path in paths)
    assert view.data["object"]["widest"]["size"] > 50 * 2000


def test_a_set_of_garbage_is_freed_by_a_collection(held: tonnage.Snapshot) -> None:
    view = held.why("root:unreachable")
    assert (view.data["garbage"], view.data["holders"], view.data["object"]) == (True, [], None)
    assert "All of them are garbage" in flat(view)
    assert "a collection frees" in flat(view)
    assert "shortest paths" not in flat(view)
    assert held.why("type:__main__.Part").data["garbage"] is False


def test_without_a_common_holder_each_way_is_told_with_what_it_frees(held: tonnage.Snapshot) -> None:
    view = held.why("type:__main__.Part")
    assert view.data["object"] is None
    holders = view.data["holders"]
    assert [(h["path"], h["carried"], h["selected"]) for h in holders] == [
        ("__main__.LEFT", 60, 60), ("__main__.RIGHT", 40, 100)
    ]  # fmt: skip
    assert [h["alone"] > n * 3000 for h, n in zip(holders, (60, 40), strict=True)] == [True, True]
    assert holders[1]["size"] == sum(h["alone"] for h in holders)
    assert "With both gone, all of the selected objects go" in flat(view)
    for holder in holders:
        assert re.search(rf"tonnage why \S+ {holder['address']}\b", str(view))


def test_garbage_in_a_set_is_told_once_and_holds_nothing(held: tonnage.Snapshot) -> None:
    where = "type:__main__.Part or type:__main__.Ring"
    view, alone = held.why(where), held.why("type:__main__.Part")
    rings = held.where("type:__main__.Ring")
    folded = sum(ring.size for ring in rings) + sum(item.size for item in held.where("root:unreachable type:dict"))
    assert view.data["garbage"] is False
    assert (view.data["count"], view.data["garbage_count"]) == (130, 30)
    assert rings.size <= view.data["garbage_size"] <= folded
    assert view.data["holders"] == alone.data["holders"]
    assert "30 of them" in flat(view) and "what follows is about the other 100." in flat(view)
    assert "With both gone, all of them go" in flat(view)
    assert (alone.data["garbage_count"], alone.data["garbage_size"]) == (0, 0)


def test_garbage_that_refers_to_an_object_is_no_way_to_it(tmp_path: Path) -> None:
    path = tmp_path / "held.tonnage"
    program = """
import gc, sys, tonnage
class Part: __slots__ = ()
class Ring: pass
gc.collect(); gc.disable()
KEEP = [Part()]
for _ in range(3): ring = Ring(); ring.me = ring; ring.part = KEEP[0]
del ring
tonnage.snapshot(sys.argv[1]).close()
"""
    done = python(["-c", program, path])
    assert done.returncode == 0, done.stderr
    with tonnage.load(path) as snapshot:
        (part,) = snapshot.where("type:__main__.Part")
        view = part.why()
        together = view.data["object"]["together"]
        assert (together["references"], together["garbage_references"]) == (1, 3)
        assert [way["path"] for way in together["paths"]] == ["__main__.KEEP[0]"]
        assert "- and 3 references from garbage, which a collection takes away" in flat(view)


def test_of_a_set_with_one_live_object_that_one_is_told(held: tonnage.Snapshot) -> None:
    link = min(link.address for link in held.where("type:__main__.Link"))
    view = held.why(f"type:__main__.Ring or address:{link:#x}")
    assert view.data["garbage_count"] == 30
    assert "what follows is about the other one." in flat(view)
    assert view.data["holders"][0]["selected"] == 1


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7, 8, 0])
def test_as_many_ways_are_told_as_the_limit_says(held: tonnage.Snapshot, limit: int) -> None:
    view = held.why("type:__main__.Sole", limit=limit)
    holders, n = view.data["holders"], limit or 8
    assert view.data["garbage_count"] == 20
    assert [(h["path"], h["carried"]) for h in holders] == [(f"__main__.MANY{k}", k + 1) for k in range(7, 7 - n, -1)]
    assert view.data["holders_more"] == 8 - n
    assert (f"and {8 - n} more" in flat(view)) == (n < 8)
    assert holders[-1]["selected"] == sum(h["carried"] for h in holders)
    assert [h["selected"] is None for h in holders] == [2 < k < n - 1 for k in range(n)]


MANY = """
import sys, tonnage
class Sole: __slots__ = ()
for n in range(1100): globals()[f"MANY{n}"] = [Sole()]
tonnage.snapshot(sys.argv[1]).close()
"""


def test_no_more_than_1000_ways_are_told(tmp_path: Path) -> None:
    path = tmp_path / "many.tonnage"
    done = python(["-c", MANY, path])
    assert done.returncode == 0, done.stderr
    with tonnage.load(path) as snapshot:
        view = snapshot.why("type:__main__.Sole", limit=0)
        assert (len(view.data["holders"]), view.data["holders_more"]) == (1000, 100)
        assert "and 100 more; no more than 1000 are told" in flat(view)
        assert view.data["holders"][-1]["selected"] == 1000


@pytest.mark.parametrize(
    ("where", "said"),
    [("type:NoneType", "is never freed"), ("type:module text:gc", "live as long as the program")],
)
def test_what_cannot_be_freed_is_said_to(planted: tuple[tonnage.Snapshot, list[int]], where: str, said: str) -> None:
    snapshot, _ = planted
    text = " ".join(str(snapshot.why(where)).split())
    assert said in text or "never frees it" in text
    assert "Clearing" not in text


def test_nothing_selected_is_no_answer(planted: tuple[tonnage.Snapshot, list[int]]) -> None:
    snapshot, _ = planted
    with pytest.raises(tonnage.NotFoundError, match="nothing is selected"):
        snapshot.why("type:nothing")


DEEP = """
import sys, tonnage
class Link: __slots__ = ("a", "b")
head = None
for _ in range(20000):
    link = Link(); link.a = link.b = head; head = link
last = head
while last.a is not None: last = last.a
print(id(last)); del last, link
tonnage.snapshot(sys.argv[1]).close()
"""


def test_a_deep_chain_of_double_links_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "deep.tonnage"
    done = python(["-c", DEEP, path])
    assert done.returncode == 0, done.stderr
    with tonnage.load(path) as snapshot:
        view = snapshot.why(int(done.stdout))
        about = view.data["object"]
        assert about["path"].count(".a") + about["path"].count(".b") == 19999
        assert about["nearest"]["path"] == "__main__.head"  # every other reference has one beside it
        assert about["nearest"]["count"] == 20000
        assert len(str(view)) < 2000
