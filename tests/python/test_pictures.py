"""Pictures: what is drawn of random heaps worked out again from plain lists; planted programs; files and notebooks."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import networkx
import pytest
import tonnage
from folded_heaps import Heap, address, heaps, number_of, opened
from graph_model import Graph, Item
from hypothesis import given, settings
from hypothesis import strategies as st
from test_dominators import opened as opened_graph
from tonnage._object import Object

SETTINGS = settings(deadline=None, max_examples=200)
DRAWS = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")


def some(snapshot: tonnage.Snapshot, nodes: set[int]) -> Any:
    chosen = {address(node) for node in nodes}
    return snapshot.objects.filter(lambda item: item.address in chosen)


class Model:
    """docs/pictures.md of a heap: what is drawn as what, and who is next to whom, in which order."""

    def __init__(self, heap: Heap, fold: bool, back: bool) -> None:
        self.heap, self.back = heap, back
        self.owner: dict[int, int] = {}
        for node, own in enumerate(heap.dicts):
            if fold and own is not None:
                self.owner.setdefault(own, node)
        sources = [*enumerate(heap.targets), (len(heap) + 1, heap.local)]
        if back:
            sources.append((len(heap), heap.roots))
        self.references = [  # in order of source, the dict of an instance with it
            (self.whole(source), self.whole(target))
            for source, targets in sources
            for target in targets
            if not (self.owner.get(target) == source)
        ]
        self.members: dict[int, list[int]] = {}
        for node in range(len(heap)):
            self.members.setdefault(self.whole(node), []).append(node)

    def whole(self, node: int) -> int:
        return self.owner.get(node, node)

    def near(self, node: int) -> list[int]:
        """Neighbours, each once."""
        if not self.back:
            own = [self.heap.targets[node]] if node < len(self.heap) else []
            own += [self.heap.targets[part] for part in self.members.get(node, []) if part != node]
            found = [self.whole(t) for targets in own for t in targets if self.owner.get(t) != node]
            return list(dict.fromkeys(found))
        found = sorted({source for source, target in self.references if target == node} - {node})
        return sorted(found, key=lambda other: other < len(self.heap))

    def draw(self, start: set[int], depth: int, width: int) -> tuple[dict[int, int], dict[int, int]]:
        """Depth of each node that is drawn, and how many neighbours of each are not."""
        found = {self.whole(node): 0 for node in sorted(start)}
        queue = list(found)
        for node in queue:
            if found[node] == depth or (node >= len(self.heap)):
                continue
            new = [other for other in self.near(node) if other not in found]
            for other in new[:width]:
                found[other] = found[node] + 1
                queue.append(other)
        left = {
            node: len([other for other in self.near(node) if other not in found])
            for node in found
            if node < len(self.heap)
        }
        return found, left


def node_of(heap: Heap, row: dict[str, Any]) -> int:
    if row["address"] is None:
        return len(heap) + (row["title"] == "frame")
    return number_of(row["address"])


@pytest.mark.parametrize("of", ["refs", "backrefs"])
@SETTINGS
@given(heap=heaps(), fold=st.booleans(), depth=st.integers(1, 4), width=st.integers(1, 4), data=st.data())
def test_what_is_near_is_drawn_and_the_rest_counted(
    of: str, heap: Heap, fold: bool, depth: int, width: int, data: st.DataObject
) -> None:
    start = data.draw(st.sets(st.integers(0, len(heap) - 1), min_size=1))
    model = Model(heap, fold, of == "backrefs")
    found, left = model.draw(start, depth, width)
    with opened(heap) as snapshot:
        picture = some(snapshot, start).graph(of, depth=depth, width=width, fold=fold, limit=0)
        rows = [row for row in picture.nodes if row["kind"] != "ghost"]
        nodes = {row["id"]: node_of(heap, row) for row in rows}
        assert sorted(nodes.values()) == sorted(found)
        assert {nodes[row["id"]] for row in rows if row["asked"]} == {model.whole(node) for node in start}
        expanded = {node for node in found if node < len(heap)}
        counts = Counter(
            pair for pair in model.references
            if set(pair) <= set(found) and pair[1 if of == "backrefs" else 0] in expanded
        )  # fmt: skip
        edges = [edge for edge in picture.edges if edge["from"] in nodes and edge["to"] in nodes]
        assert {(nodes[edge["from"]], nodes[edge["to"]]): edge["count"] for edge in edges} == counts
        ghosts = {row["id"]: row["count"] for row in picture.nodes if row["kind"] == "ghost"}
        told = {node: 0 for node in left}
        for edge in picture.edges:
            ends = (edge["from"], edge["to"]) if of == "backrefs" else (edge["to"], edge["from"])
            if ends[0] in ghosts:
                told[nodes[ends[1]]] = ghosts[ends[0]]
                assert found[nodes[ends[1]]] < depth
        for row in rows:
            for line in row["lines"]:
                if beyond := re.fullmatch(r"(\d+) more (?:before|behind) it", line):
                    told[nodes[row["id"]]] = int(beyond[1])
                    assert found[nodes[row["id"]]] == depth
        assert told == left


@SETTINGS
@given(heaps(), st.integers(1, 4), st.integers(1, 4), st.booleans())
def test_edges_of_groups_are_their_references_and_bytes_their_area(
    heap: Heap, limit: int, width: int, fold: bool
) -> None:
    with opened(heap) as snapshot:
        picture = snapshot.graph(by="type", limit=limit, width=width, fold=fold, proportional=True)
        groups = snapshot.objects.by("type", fold=fold)
        owner = {own: node for own, node in heap.folded(range(len(heap))).items()} if fold else {}
        sizes = heap.whole(owner)
        totals: dict[str, int] = {}
        for node in range(len(heap)):
            if node not in owner:
                totals[heap.name(node)] = totals.get(heap.name(node), 0) + sizes[node]
        titles = {row["id"]: row["title"] for row in picture.nodes if row["kind"] == "group"}
        drawn = {row["title"]: row["size"] for row in picture.nodes if row["kind"] == "group"}
        assert len(drawn) == min(limit, len(totals)) and drawn.items() <= totals.items()
        assert min(drawn.values()) >= max([0, *(totals[name] for name in totals.keys() - drawn.keys())])
        rest = sum(row["size"] for row in picture.nodes if row["kind"] == "ghost")
        assert rest + sum(drawn.values()) == sum(heap.sizes)
        name = {node: heap.name(owner.get(node, node)) for node in range(len(heap))}
        counts = Counter((name[s], name[t]) for s, targets in enumerate(heap.targets) for t in targets)
        between = {pair: n for pair, n in counts.items() if pair[0] != pair[1] and set(pair) <= drawn.keys()}
        edges = {(titles[edge["from"]], titles[edge["to"]]): edge["count"] for edge in picture.edges}
        place = {title: node for node, title in titles.items()}
        wanted: dict[tuple[str, str], int] = {}
        for pair in sorted(between, key=lambda pair: (-between[pair], place[pair[0]], place[pair[1]])):
            if sum(a == pair[0] for a, _ in wanted) < width or all(b != pair[1] for _, b in wanted):
                wanted[pair] = between[pair]
        assert edges == wanted
        assert len(groups) == len(totals)
        widths = {
            title: float(found[1])
            for title in drawn
            if (found := re.search(rf"width=([\d.]+), .*<b>{re.escape(title)}</b>", picture.dot))
        }
        assert set(widths) == set(drawn)
        largest = max(drawn.values())
        for title, size in drawn.items():
            assert widths[title] == pytest.approx(max(0.35, 3.2 * (size / largest) ** 0.5), abs=0.011)


@SETTINGS
@given(heaps())
def test_each_component_is_a_box_with_its_members_and_their_references(heap: Heap) -> None:
    graph = networkx.MultiDiGraph((s, t) for s, targets in enumerate(heap.targets) for t in targets)
    parts = [part for part in networkx.strongly_connected_components(graph)]
    circles = {frozenset(part) for part in parts if len(part) > 1 or graph.has_edge(*[next(iter(part))] * 2)}
    with opened(heap) as snapshot:
        picture = snapshot.graph("cycles", by="id", fold=False, limit=0)
        boxes: dict[int, set[int]] = {}
        for row in picture.nodes:
            boxes.setdefault(row["cluster"], set()).add(number_of(row["address"]))
        assert {frozenset(box) for box in boxes.values()} == circles
        nodes = {row["id"]: number_of(row["address"]) for row in picture.nodes}
        edges = {(nodes[edge["from"]], nodes[edge["to"]]): edge["count"] for edge in picture.edges}
        assert edges == Counter(
            (s, t) for s, t in graph.edges() if any(s in part and t in part for part in circles)
        )
        assert len(picture.data["clusters"]) == len(circles)


@SETTINGS
@given(heaps(), st.data())
def test_paths_begin_at_a_root_and_are_as_short_as_any(heap: Heap, data: st.DataObject) -> None:
    target = data.draw(st.integers(0, len(heap) - 1))
    n = len(heap)
    graph = networkx.DiGraph((s, t) for s, targets in enumerate(heap.targets) for t in targets)
    graph.add_edges_from((n, t) for t in [*heap.roots, n + 1])
    graph.add_edges_from((n + 1, t) for t in heap.local)
    with opened(heap) as snapshot:
        picture = some(snapshot, {target}).graph("paths", width=1, fold=False)
        nodes = {row["id"]: node_of(heap, row) for row in picture.nodes}
        edges = {nodes[edge["from"]]: nodes[edge["to"]] for edge in picture.edges}
        begin = (set(nodes.values()) - set(edges.values())).pop() if edges else target
        steps = list(itertools.takewhile(lambda node: node is not None, walk(edges, begin)))
        assert steps[-1] == target and begin >= n
        assert all(graph.has_edge(*pair) for pair in itertools.pairwise(steps))
        assert len(steps) - 1 == networkx.shortest_path_length(graph, begin, target)


@SETTINGS
@given(heaps(), st.data())
def test_paths_to_several_are_those_to_each_alone(heap: Heap, data: st.DataObject) -> None:
    targets = data.draw(st.sets(st.integers(0, len(heap) - 1), min_size=2)) if len(heap) > 1 else {0}
    with opened(heap) as snapshot:
        alone = [told_nodes(heap, some(snapshot, {node}).graph("paths", width=1, fold=False)) for node in targets]
        together = told_nodes(heap, some(snapshot, targets).graph("paths", width=1, fold=False, limit=0))
        assert together == set().union(*alone)
        away = some(snapshot, targets).graph("paths", fold=False, limit=0, avoid="type:nosuch or type:app.Session")
        shunned = {node for node in range(len(heap)) if heap.name(node) == "app.Session"}
        assert not {s for s, _ in told_nodes(heap, away)} & shunned


def told_nodes(heap: Heap, picture: Any) -> set[tuple[int, int]]:
    nodes = {row["id"]: node_of(heap, row) for row in picture.nodes}
    return {(nodes[edge["from"]], nodes[edge["to"]]) for edge in picture.edges}


def walk(edges: dict[int, int], node: int) -> Any:
    for _ in range(len(edges) + 1):
        yield node
        if node not in edges:
            return
        node = edges[node]


def test_paths_to_all_of_a_long_list_and_a_long_chain_are_drawn_step_by_step_once() -> None:
    """Searches of the list would be 800 000 000 steps, climbs up the chain 200 000 000 with a label each."""
    n = 20_000
    chain = [Item([(0, n + i + 2)] if i + 1 < n else []) for i in range(n)]
    list_ = Item([(0, i + 1) for i in range(n)])
    graph = Graph([list_, *(Item() for _ in range(n)), *chain], [Item([(0, 0), (0, n + 1)])])
    drawn = json.loads(opened_graph(graph).picture("paths", limit=0).json())
    steps = {(edge["from"], edge["to"]) for edge in drawn["edges"]}
    assert len(steps) == len(drawn["edges"]) == 2 * n + 1
    assert {to for _, to in steps} == {row["id"] for row in drawn["rows"] if row["asked"]}


PROGRAM = """
import sys, tonnage, weakref
class Address:
    def __init__(self, city): self.city = city
class Session:
    kept = []
    def __init__(self, user):
        self.user, self.address, self.nothing = user, Address("Zürich & <Bern>\\n'\\"\\\\"), None
CACHE = {f"user:{n}": Session(f"name {n}") for n in range(12)}
Session.kept.append(CACHE["user:7"])
WEAK = weakref.ref(CACHE["user:7"])
vars(CACHE["user:7"])
HOSTILE = {"<b>&amp;</b>": 1000.5, '"; n0 -> n1; //': 2000.5, "\\0\\n": 3000.5, "\\ud800": 4000.5, "\\u202e": 5000.5}
def serve(session, number):
    batch = [session] * 5
    tonnage.snapshot(sys.argv[1]).close()
serve(CACHE["user:7"], 3)
"""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "planted.tonnage"
    subprocess.run([sys.executable, "-c", PROGRAM, path], check=True)
    return path


@pytest.fixture
def seven(planted: Path) -> Any:
    with tonnage.load(planted) as snapshot:
        (found,) = [item for item in snapshot.where("type:__main__.Session") if len(item.parents) > 2]
        yield snapshot.objects.filter(lambda item: item == found)


def told(picture: Any) -> set[tuple[str, str, str, int]]:
    titles = {row["id"]: row["title"] for row in picture.nodes}
    return {(titles[edge["from"]], edge["label"], titles[edge["to"]], edge["count"]) for edge in picture.edges}


def test_references_have_their_names_and_none_of_what_titles_tell(seven: Any) -> None:
    picture = seven.graph("refs")
    assert told(picture) == {
        ("Session", ".user", "str", 1), ("Session", ".address", "Address", 1), ("Address", ".city", "str", 1),
    }  # fmt: skip
    (address_row,) = [row for row in picture.nodes if row["title"] == "Address"]
    assert (address_row["kind"], address_row["type"]) == ("object", "__main__.Address")
    assert "__main__.Session" in {row["title"] for row in seven.graph("refs", full_names=True).nodes}


def test_backrefs_end_at_modules_classes_and_frames(seven: Any) -> None:
    picture = seven.graph("backrefs", depth=5)
    assert told(picture) == {
        ("serve()", "local session", "Session", 1), ("serve()", "local batch", "list", 1),
        ("list", "[0], [1], [2], …", "Session", 5), ("list", "[0]", "Session", 1),
        ("class Session", ".kept", "list", 1), ("module __main__", ".CACHE", "dict", 1),
        ("dict", "['user:7']", "Session", 1), ("ReferenceType", "<referent>", "Session", 1),
        ("module __main__", ".WEAK", "ReferenceType", 1),
    }  # fmt: skip
    assert {edge["kind"] for edge in picture.edges} == {"owning", "weak"}
    assert "style=dashed, label=<&lt;referent&gt;<br/>weak>" in picture.dot
    frame = next(row for row in picture.nodes if row["title"] == "serve()")
    assert (frame["kind"], frame["lines"]) == ("root", ["<string>:16"])


def test_without_folding_the_dict_is_there(seven: Any) -> None:
    assert ("Session", ".__dict__", "dict", 1) in told(seven.graph("refs", fold=False))


def test_paths_lead_from_names_to_the_object(seven: Any) -> None:
    picture = seven.graph("paths", width=2)
    assert told(picture) == {
        ("serve()", "local session", "Session", 1), ("module __main__", ".CACHE", "dict", 1),
        ("dict", "['user:7']", "Session", 1),
    }  # fmt: skip
    (cache,) = [item for item in seven[0].parents if item.type == "dict"]
    away = seven.graph("paths", width=1, avoid=["frames", f"address:{cache.address:#x}"])
    assert ("class Session", ".kept", "list", 1) in told(away)
    frames = seven[0]._snapshot.where("type:list len:5")
    same = seven.graph("paths", width=1, avoid=["frames", cache, frames])
    assert told(same) == told(away)


def test_heads_are_words_or_objects(seven: Any) -> None:
    snapshot = seven[0]._snapshot
    by_words = snapshot.graph(heads="type:__main__.Session", limit=0)
    by_set = snapshot.graph(heads=snapshot.where("type:__main__.Session"), limit=0)
    assert by_words.dot == by_set.dot
    assert by_words.data["by"] == "heads"


def test_functions_choose_mark_and_tell(seven: Any) -> None:
    asked: list[Object] = []

    def keep(item: Object) -> bool:
        asked.append(item)
        return item.type not in ("dict", "list")

    picture = seven.graph(
        "backrefs", only=keep, highlight=lambda item: "weak" in item.type, extra_info=lambda item: f"<{item.type}>\nx"
    )
    assert {row["type"] for row in picture.nodes} == {"__main__.Session", "frame", "weakref.ReferenceType", "module"}
    assert [row["type"] for row in picture.nodes if row["highlighted"]] == ["weakref.ReferenceType"]
    assert all(row["lines"][-1] == f"<{row['type']}>\\nx" for row in picture.nodes if row["address"])
    assert len({item.address for item in asked}) == len(asked)
    same = seven.graph("backrefs", only="-type:dict -type:list", highlight="type:weakref.*")
    assert told(same) == told(picture)


def test_a_function_that_rejects_most_of_a_long_list_is_asked_once_for_each() -> None:
    calls = Counter[int]()

    def keep(item: Object) -> bool:
        calls[item.address] += 1
        return item.preview == "1999"

    numbers = list(range(1000, 2000))
    picture = tonnage.show_refs(numbers, filter=keep, too_many=3)
    assert isinstance(picture, tonnage._picture.Picture)
    assert len(picture) == 1000 and not calls
    picture = tonnage.show_refs([numbers], filter=keep, too_many=3)
    assert not isinstance(picture, str)
    assert [row["lines"][0] for row in picture.nodes] == ["1000 items", "1999"]
    assert set(calls.values()) == {1} and len(calls) == 1000


def test_lines_tell_what_is_asked_for(seven: Any) -> None:
    (item,) = seven
    row = seven.graph("refs", addresses=True, refcounts=True, retained=True).nodes[0]
    assert row["lines"][1:] == [
        f"at {item.address:#x}",
        f"reference count {item.refcount}",
        f"retains {tonnage._core.format_bytes(item.retained)}, {item.retained_count} objects",
    ]


@DRAWS
@pytest.mark.parametrize("of", ["refs", "backrefs", "paths", "groups", "cycles"])
def test_svg_is_well_formed_and_has_every_title(planted: Path, of: str) -> None:
    with tonnage.load(planted) as snapshot:
        asked = snapshot.where("type:dict text:x or type:__main__.*") if of != "groups" else snapshot.objects
        if of in ("refs", "backrefs"):
            dicts = snapshot.where("type:dict")
            asked |= dicts.filter(lambda item: any("<b>" in key.preview for key in item.children))
        picture = asked.graph(of, limit=0 if of != "groups" else 15, by="id" if of == "cycles" else None)
        drawn = picture.svg
        assert picture._repr_svg_() == drawn
        texts = " ".join("".join(node.itertext()) for node in ElementTree.fromstring(drawn).iter())
        for row in picture.nodes:
            assert " ".join(row["title"].split()) in re.sub(r"\s+", " ", texts.replace("\xa0", " ")), row


def test_text_is_always_the_same(planted: Path) -> None:
    with tonnage.load(planted) as one, tonnage.load(planted) as other:
        for of in ("groups", "refs", "backrefs", "paths", "cycles"):
            first, second = (s.where("module:__main__").graph(of).dot for s in (one, other))
            assert first == second and first.startswith("digraph tonnage {\n") and first.endswith("}\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"of": "tree"}, "unknown picture"),
        ({"of": "refs", "by": "type"}, "no groups"),
        ({"of": "cycles", "by": "module"}, "by type"),
        ({"of": "refs", "proportional": True}, "proportional"),
        ({"of": "groups", "only": "type:str"}, "only is for"),
        ({"of": "refs", "garbage": True}, "garbage"),
        ({"of": "refs", "sort": "count"}, "cannot sort"),
        ({"of": "groups", "by": "type", "heads": "modules"}, None),
        ({"of": "groups", "by": "module", "heads": "modules"}, "not by both"),
    ],
)
def test_what_makes_no_sense_is_refused(planted: Path, options: dict[str, Any], message: str | None) -> None:
    with tonnage.load(planted) as snapshot:
        if message is None:
            assert snapshot.graph(**options).nodes
            return
        with pytest.raises(tonnage.ArgumentError, match=message):
            snapshot.where("type:__main__.*").graph(**options)
        with pytest.raises(tonnage.NotFoundError, match="no object is selected"):
            snapshot.where("type:nosuch").graph("refs")


# ---- live objects and files ----


class Box:
    def __init__(self, what: object) -> None:
        self.what = what


def test_live_objects_are_drawn_and_the_list_of_them_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = ["only here"]
    box = Box(inner)
    name = str(tmp_path / "refs.dot")
    assert tonnage.show_refs([box], filename=name) == name
    assert capsys.readouterr().out == f"Graph written to {name} (3 nodes)\n"
    assert Path(name).read_text().count("label=<<b>") == 4
    picture = tonnage.show_backrefs([inner], max_depth=2)
    assert not isinstance(picture, str)
    found = told(picture)
    assert ("Box", ".what", "list", 1) in found
    assert len([row for row in picture.nodes if row["type"] == "list"]) == 1
    assert any(title.startswith("test_live_objects") and label == "local inner" for title, label, _, _ in found)
    assert tonnage.show_refs({"a": [1, 2]}).nodes[0]["lines"][0] == "1 item"  # type: ignore[union-attr]
    alone = tonnage.show_backrefs(object())  # but for the call nobody holds it
    assert len(alone) == 1


@DRAWS
@pytest.mark.parametrize(
    ("suffix", "magic"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF"), ("ps", b"%!PS")]
)
def test_the_name_says_the_format(tmp_path: Path, suffix: str, magic: bytes) -> None:
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(b"old")
    tonnage.show_refs({"a": [1, 2]}, filename=path)
    assert path.read_bytes().startswith(magic)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_without_graphviz_there_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(tonnage.NotFoundError, match="needs the command dot of Graphviz"):
        tonnage.show_refs({"a": 1}, filename=tmp_path / "x.svg")
    picture = tonnage.show_refs({"a": 1})
    assert not isinstance(picture, str)
    assert picture._repr_svg_() is None
    assert picture.save(tmp_path / "x.gv") == str(tmp_path / "x.gv")
    assert [path.name for path in tmp_path.iterdir()] == ["x.gv"]
    with pytest.raises(tonnage.ArgumentError, match=r"ends in \.dot"):
        tonnage.show_refs({"a": 1}, filename=tmp_path / "x.bmp")
    with pytest.raises(tonnage.FileError, match="cannot write"):
        picture.save(tmp_path / "no" / "x.dot")


def test_a_picture_outlives_the_name_of_its_snapshot(planted: Path) -> None:
    picture = tonnage.load(planted).where("type:__main__.Session").graph("refs", limit=2)
    assert len(json.loads(picture.json())["rows"]) == len(picture) == len(picture.nodes)
    assert re.fullmatch(r"<picture of refs: \d+ nodes, \d+ edges>", repr(picture))


def test_too_little_memory_is_said_wherever_it_runs_out(planted: Path) -> None:
    done = 0
    for limit in range(400_000, 12_000_000, 40_000):
        with planted.open("rb") as file:
            try:
                core = tonnage._core.Snapshot(file.fileno(), max_memory=limit)
                asked = core.select("type:__main__.*")
                for of in ("groups", "refs", "backrefs", "paths", "cycles"):
                    found = core.picture(of, set=asked, limit=5, by="id" if of == "cycles" else None, lines=15)
                    assert found.dot() and found.json()
                done += 1
            except MemoryError:
                assert not done
            except tonnage.Error as error:
                assert isinstance(error, (tonnage.LimitError, tonnage.NoMemoryError)), error
                assert not done
    assert done


def test_a_backslash_is_drawn_as_it_is(tmp_path: Path) -> None:
    dump = tmp_path / "dump.json"
    dump.write_text('{"address": 16, "type": "str", "size": 64, "len": 4, "value": "\\\\N\\\\G", "refs": []}\n')
    tonnage.import_dump(dump, tmp_path / "dump.tonnage")
    with tonnage.load(tmp_path / "dump.tonnage") as snapshot:
        picture = snapshot.where("type:str").graph("refs")
        assert "\\" not in picture.dot and "&#92;&#92;&#92;&#92;N" in picture.dot
        if shutil.which("dot"):
            drawn = picture.svg.replace("&#92;", "\\")
            assert "\\\\N\\\\G" in drawn


def test_groups_have_the_numbers_of_the_summary_unless_dicts_are_folded(planted: Path) -> None:
    command = Path(sys.executable).with_name("tonnage")
    with tonnage.load(planted) as snapshot:
        rows = snapshot.summary(limit=0).rows
        assert sum(row["count"] for row in rows if row["type"] == "dict") > len(snapshot.where("type:module")) > 0
        for words in [[], ["--no-fold"]]:
            text = subprocess.check_output([command, "graph", planted, "--limit", "0", "--json", *words])
            told = [(row["title"], row["count"], row["size"]) for row in json.loads(text)["rows"]]
            assert sorted(told) == sorted((row["type"], row["count"], row["size"]) for row in rows)
        assert snapshot.graph(limit=0).dot == snapshot.graph(limit=0, fold=False).dot
        folded = subprocess.check_output([command, "graph", planted, "--fold", "--limit", "0"], encoding="utf-8")
        assert folded == snapshot.graph(limit=0, fold=True).dot != snapshot.graph(limit=0).dot


def test_what_a_folded_node_retains_is_with_its_dict(planted: Path) -> None:
    with tonnage.load(planted) as snapshot:
        (module,) = [item for item in snapshot.where("type:module") if "__main__" in repr(item)]
        (names,) = [item for item in module.children if item.type == "dict"]
        asked = snapshot.objects.filter(lambda item: item == module)
        row = asked.graph("refs", depth=1, retained=True).nodes[0]
        members, size = snapshot._core.retained_set(snapshot.objects.filter(lambda item: item in (module, names))._set)
        assert row["size"] == module.size + names.size > module.retained  # frames and functions hold its dict, too
        assert row["lines"][-1] == f"retains {tonnage._core.format_bytes(size)}, {len(members)} objects"


def test_what_is_too_much_for_a_picture_is_refused(
    planted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tonnage.load(planted) as snapshot:
        assert len(snapshot.objects) > 2000
        with pytest.raises(tonnage.ArgumentError, match=r"at most 2000 groups, these are \d+: set a limit"):
            snapshot.graph(by="id", limit=0)
        assert len(snapshot.graph(by="id", limit=2000)) == 2001  # and the rest
    monkeypatch.setenv("PATH", str(tmp_path))
    many = [[n] * (n == 7) for n in range(5001)]
    few = tonnage.show_refs(many, max_depth=1, limit=3)
    assert not isinstance(few, str) and sum(node["asked"] for node in few.nodes) == 3
    assert any(edge["label"] == "[0]" for edge in few.edges)  # the largest one is among them
    with pytest.raises(tonnage.ArgumentError, match="limit must be 0"):
        tonnage.show_backrefs(many, limit=-1)
    with pytest.raises(tonnage.ArgumentError, match="more than Graphviz draws"):
        tonnage.show_refs(many, filename=tmp_path / "x.svg", max_depth=1)
    assert tonnage.show_refs(many, filename=tmp_path / "x.dot", max_depth=1)
    (tmp_path / "dot").write_text("#!/bin/sh\n")
    (tmp_path / "dot").chmod(0o755)
    with pytest.raises(tonnage.FileError, match="dot failed"):
        tonnage.show_refs([1], filename=tmp_path / "x.svg")
    assert not (tmp_path / "x.svg").exists()
