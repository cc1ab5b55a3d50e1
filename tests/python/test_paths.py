"""Shortest and next longer paths against networkx, on graphs of every sort of root and reference."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Collection, Iterator
from random import Random
from typing import Any

import graph_files as files
import networkx
import pure_writer
import pytest
import tonnage
from graph_files import BORROWED, GUESSED, INTERNED, OWN, OWNING, WEAK, Graph
from hypothesis import given, settings
from hypothesis import strategies as st
from tonnage import _core

FAR = 1 << 32
Path = tuple[int, ...]
Ids = Collection[int]
MOST = 60


def opened(data: bytes, max_memory: int = 0) -> _core.Snapshot:
    fd = os.memfd_create("graph")
    try:
        os.write(fd, data)
        return _core.Snapshot(fd, max_memory=max_memory)
    finally:
        os.close(fd)


def numbers(graph: Graph) -> tuple[dict[int, int], dict[str, int], dict[int, files.Node]]:
    """Nodes of the file: objects by number, synthetic ones by name."""
    description, objects, _ = files.describe(graph)
    place = {id(node): i for i, node in enumerate(description.ordered())}
    named = {node.shape.type.name: place[id(node)] for node in description.nodes if node.address is None}
    return {k: place[id(node)] for k, node in objects.items()}, named, dict(enumerate(description.ordered()))


def oracle(
    graph: Graph, target: int, avoid: frozenset[int] = frozenset(), guesses: bool = True
) -> tuple[networkx.DiGraph, int]:
    """The costs of docs/paths.md, worked out once more."""
    description, _, _ = files.describe(graph)
    nodes = description.ordered()
    place = {id(node): i for i, node in enumerate(nodes)}
    root = next(i for i, node in enumerate(nodes) if node.shape.type.name == "root")
    result, holding = networkx.DiGraph(), networkx.DiGraph()
    result.add_nodes_from(range(len(nodes)))
    holding.add_nodes_from(range(len(nodes)))

    def own(i: int) -> bool:
        return bool(nodes[i].flags & OWN)

    def add(source: int, target: int, weight: int) -> None:
        if result.has_edge(source, target):
            weight = min(weight, result[source][target]["weight"])
        result.add_edge(source, target, weight=weight)

    found = dict.fromkeys(range(len(nodes)), 0)
    for i, node in enumerate(nodes):
        name = node.shape.type.name
        synthetic = node.address is None
        for k, target in enumerate(node.references):
            if target is None:
                continue
            j = place[id(target)]
            kind = node.shape.fixed[k][2] if k < len(node.shape.fixed) else node.shape.run_kind
            found[j] += kind == OWNING
            if kind == OWNING or (synthetic and kind != INTERNED):
                holding.add_edge(i, j)
            if kind == GUESSED:
                weight = 1 + 5 * FAR
                if not guesses:
                    continue
            elif kind == OWNING or synthetic:
                weight = 1
            else:
                continue
            other = target.shape.type.name
            if name == "root" and target.address is None:
                weight = FAR if other == "static types" else 0
            elif name == "thread" or (name == "interpreter" and k == 0):
                weight = 0
            elif name == "interpreter":
                weight += 2 * FAR
            elif name == "module" or (name == "dict" and other == "module"):
                weight = 0
            elif own(i) and not own(j):
                weight += 6 * FAR
            add(i, j, weight)
    for i, node in enumerate(nodes):
        if node.address is not None and (node.flags & 24 or node.refcount > found[i]):
            add(root, i, 1 + 3 * FAR)
            holding.add_edge(root, i)
    garbage = holding.subgraph(set(holding) - networkx.descendants(holding, root) - {root})
    for component in networkx.strongly_connected_components(garbage):
        if not any(source not in component for i in component for source in garbage.predecessors(i)):
            for i in component:
                add(root, i, 1 + 4 * FAR)
    for origin in {i for i in result if any(weight % FAR == 0 for *_, weight in result.in_edges(i, data="weight"))}:
        others = [(a, b) for a, b, weight in result.in_edges(origin, data="weight") if weight % FAR]
        result.remove_edges_from(others if origin != target else [])
    result.remove_nodes_from(avoid - {root})
    return result, root


def ours(
    data: bytes, target: int, avoid: str = "", limit: int = 0, shortest: bool = False, members: Ids = ()
) -> Iterator[Path]:
    snapshot = opened(data)
    avoid_set = snapshot.set_of(b"".join(node.to_bytes(4, "little") for node in members)) if members else None
    for _, _, steps in snapshot.paths(target, avoid, limit, shortest, avoid_set):
        yield (steps[0][0], *(step[1] for step in steps)) if steps else (target,)


def cost(graph: networkx.DiGraph, path: Path) -> int:
    return sum(graph[a][b]["weight"] for a, b in itertools.pairwise(path))


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    n = draw(st.integers(1, 8))
    one = st.integers(0, n - 1)
    kinds = st.sampled_from([OWNING] * 8 + [BORROWED, WEAK, INTERNED, GUESSED])
    few = st.lists(one, max_size=2)
    return Graph(
        draw(st.lists(st.lists(st.tuples(one, kinds), max_size=4), min_size=n, max_size=n)),
        roots=draw(few),
        modules=draw(st.lists(few, max_size=2)),
        frames=draw(st.lists(few, max_size=2)),
        internals=draw(few),
        types=draw(few),
        extra=draw(st.dictionaries(one, st.just(1), max_size=2)),
        flags=draw(st.dictionaries(one, st.sampled_from([files.IMMORTAL, files.STATIC, OWN]), max_size=2)),
    )


def compare(got: list[Path], graph: networkx.DiGraph, root: int, target: int) -> None:
    """The same paths, as far as costs tell them apart, and in order of cost."""
    want: list[Path] = []
    if graph.has_node(target) and networkx.has_path(graph, root, target):
        every = networkx.shortest_simple_paths(graph, root, target, weight="weight")
        want = [tuple(path) for path in itertools.islice(every, MOST + 1)]
    assert len(set(got)) == len(got)
    assert [cost(graph, path) for path in got] == [cost(graph, path) for path in want[:MOST]]
    whole = len(want) <= MOST
    last = cost(graph, want[-1]) if want else 0
    assert {p for p in got if whole or cost(graph, p) < last} == {p for p in want if whole or cost(graph, p) < last}


@settings(max_examples=400, deadline=None)
@given(graphs())
def test_paths_are_those_of_networkx_in_order_of_cost(graph: Graph) -> None:
    data = files.write(graph)
    objects, _, _ = numbers(graph)
    for target in objects.values():
        weights, root = oracle(graph, target)
        compare(list(ours(data, target, limit=MOST)), weights, root, target)


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_all_shortest_paths_are_those_of_networkx(graph: Graph) -> None:
    data = files.write(graph)
    objects, _, _ = numbers(graph)
    for target in objects.values():
        weights, root = oracle(graph, target)
        want = (
            {tuple(path) for path in networkx.all_shortest_paths(weights, root, target, weight="weight")}
            if networkx.has_path(weights, root, target)
            else set()
        )
        got = list(ours(data, target, shortest=True))
        assert set(got) == want
        assert len(got) == len(want)


@settings(max_examples=150, deadline=None)
@given(graphs(), st.sets(st.integers(0, 7), max_size=3), st.sets(st.integers(0, 7)))
def test_avoided_objects_are_on_no_path_but_at_its_end(graph: Graph, avoided: set[int], as_set: set[int]) -> None:
    data = files.write(graph)
    objects, _, _ = numbers(graph)
    avoided &= objects.keys()
    avoided -= {i for i in avoided if graph.flags.get(i, 0) & OWN}
    words = ",".join(["guessed", *(f"(address:{files.address(i):#x},0x1)" for i in avoided - as_set)])
    members = [objects[i] for i in avoided & as_set]
    for target in objects:
        nodes = frozenset(objects[i] for i in avoided if i != target)
        weights, root = oracle(graph, objects[target], nodes, guesses=False)
        compare(list(ours(data, objects[target], words, MOST, members=members)), weights, root, objects[target])


class Held:
    """Held by a list, a tuple and a dict."""


held = Held()
in_list, in_tuple, in_dict = [held], (held,), {"x": held}
names = {f"{__name__}.{name}" for name in ("held", "in_list[0]", "in_tuple[0]", "in_dict['x']")}


def test_what_is_avoided_is_said_by_words_objects_addresses_and_sets() -> None:
    with tonnage.snapshot() as snapshot:
        item = snapshot[id(held)]
        two = snapshot.where(f"address:{id(in_list):#x},{id(in_tuple):#x}")
        some = {"frames": "frames", "a": f"address:{id(in_list):#x}", "b": f"address:{id(in_tuple):#x}"}
        every: list[Any] = [
            two,
            [two],
            [id(in_list), id(in_tuple)],
            [snapshot[id(in_list)], id(in_tuple), "frames"],
            (two[:1], two[1:]),
            list(some.values()),
            ",".join(some.values()),
            [f"address:{id(in_list):#x},{id(in_tuple):#x}", "type:nothing,none"],
        ]
        left = names - {f"{__name__}.in_list[0]", f"{__name__}.in_tuple[0]"}
        for avoid in every:
            assert {path.expression for path in item.paths(20, avoid=avoid)} & names == left
            assert str(item.path(avoid=avoid)) == f"{__name__}.held"
            page = snapshot.paths(f"address:{id(held):#x}", avoid=avoid)
            assert [row["path"] for row in page] == [f"{__name__}.held"]
        assert {path.expression for path in item.paths(20)} >= names
        assert {path.expression for path in item.paths(20, avoid=id(in_list))} & names == names - {
            f"{__name__}.in_list[0]"
        }
        near = snapshot[id(in_list)].chain_to(snapshot.where(f"type:{__name__}.Held"))
        assert near is not None and near.nodes[-1] == item
        assert snapshot[id(in_list)].chain_to(snapshot.where("type:str"), avoid=item) is None
        thread = next(node for path in item.paths(40) for node in path.nodes if not node.address)
        with pytest.raises(tonnage.ArgumentError, match="is no Python object"):
            item.path(avoid=thread)


def test_paths_show_the_first_ones_and_take_none() -> None:
    with tonnage.snapshot() as snapshot:
        paths = snapshot[id(held)].paths(3)
        shown = repr(paths)
        lines = [line.partition(">>> ")[2] for line in shown.splitlines() if ">>> " in line]
        assert lines == [str(path) for path in paths]
        assert len(lines) == 3
        assert repr(paths) == shown
        assert repr(snapshot[id(held)].paths(3, avoid=snapshot[id(in_list)])) != shown


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_the_first_path_does_not_depend_on_how_it_is_searched(graph: Graph) -> None:
    """Searched backward, and taken from the tree once many have been asked for."""
    data = files.write(graph)
    objects, _, _ = numbers(graph)
    alone = {target: next(ours(data, target), None) for target in objects.values()}
    snapshot = opened(data)
    for _ in range(20):
        for target, want in alone.items():
            found = next(snapshot.paths(target, "", 1, False), None)
            steps = found and found[2]
            got = steps and (steps[0][0], *(step[1] for step in steps))
            assert got == want


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_merged_paths_count_what_comes_through(graph: Graph) -> None:
    """Each row: as many as there are objects whose shortest path leads through it, but for folded steps."""
    snapshot = opened(files.write(graph))
    objects, _, nodes = numbers(graph)
    seen: dict[int, int] = {}
    n_lost = 0
    for number, target in objects.items():
        if graph.flags.get(number, 0) & OWN:
            continue
        found = next(snapshot.paths(target, "", 1, False), None)
        n_lost += found is None
        for node in {target, *(step[0] for step in found[2])} if found else ():
            seen[nodes[node].address or 0] = seen.get(nodes[node].address or 0, 0) + 1
    view = json.loads(snapshot.view("paths", json=True, merge=True, where="module:app", limit=0))
    goes_round = any("…" in row["path"].replace("[…]", "").replace("{…}", "") for row in view["rows"])
    for row in view["rows"]:
        if row["address"]:
            through = seen[int(row["address"], 16)]
            assert row["count"] <= through if goes_round else row["count"] == through
    assert view["lost"]["count"] == n_lost
    assert view["total"]["count"] == sum(not graph.flags.get(number, 0) & OWN for number in objects)


@settings(max_examples=150, deadline=None)
@given(graphs(), st.booleans())
def test_chains_go_to_the_nearest_first(graph: Graph, inwards: bool) -> None:
    snapshot = opened(files.write(graph))
    objects, _, nodes = numbers(graph)
    place = {id(node): i for i, node in nodes.items()}
    held = networkx.DiGraph()
    held.add_nodes_from(nodes)
    for i, node in nodes.items():
        for k, target in enumerate(node.references):
            kind = node.shape.fixed[k][2] if k < len(node.shape.fixed) else node.shape.run_kind
            if target is not None and (kind in (OWNING, GUESSED) or (node.address is None and kind != INTERNED)):
                held.add_edge(i, place[id(target)])
    for start in objects.values():
        way = held.reverse() if inwards else held
        distances = networkx.single_source_shortest_path_length(way, start)
        chain = snapshot.chain(start, inwards, "")
        got = list(chain)
        assert sorted(got) == sorted(distances)
        assert [distances[node] for node in got] == sorted(distances.values())
        for node in got:
            steps = chain.path(node)[2]
            assert len(steps) == distances[node]
            ends = [steps[0][0], *(step[1] for step in steps)] if steps else [start]
            assert (ends[-1], ends[0]) == ((start, node) if inwards else (node, start))
            assert all(held.has_edge(a, b) for a, b in itertools.pairwise(ends))


def test_a_chain_of_100_000_has_its_path_and_the_next_one() -> None:
    n = 100_000
    edges = [[(i + 1, OWNING)] for i in range(n - 1)] + [[]]
    edges[n // 2].append((n // 2 + 2, OWNING))
    edges.append([(n - 1, OWNING)])
    edges.append([(n, OWNING)])
    graph = Graph(edges, modules=[[0]], frames=[[0], [n + 1]])
    objects, _, _ = numbers(graph)
    data = files.write(graph)
    found = list(ours(data, objects[n - 1]))
    lengths = [len(path) for path in found]
    assert lengths[0] == 6
    assert {*lengths[1:3]} == {n + 2, n + 4}  # from the frame and from the module, with the short cut
    assert {*lengths[3:]} == {n + 3, n + 5}


def test_a_hub_of_100_000_referrers_gives_them_one_after_another() -> None:
    n = 100_000
    graph = Graph([[] for _ in range(1)] + [[(0, OWNING)] for _ in range(n)], modules=[list(range(1, n + 1))])
    objects, _, _ = numbers(graph)
    found = list(ours(files.write(graph), objects[0], limit=50))
    assert len(set(found)) == 50
    assert {len(path) for path in found} == {7}


def test_garbage_of_a_cycle_without_a_way_out_ends_the_search() -> None:
    """Behind the only holder there is a thick cluster that leads nowhere else: no search for ever."""
    n = 40
    cluster = [[(i, OWNING) for i in range(n + 1) if i != k] for k in range(1, n + 1)]
    graph = Graph([[(i, OWNING) for i in range(1, n + 1)] + [(n + 1, OWNING)], *cluster, []], modules=[[0]])
    objects, _, _ = numbers(graph)
    assert len(list(ours(files.write(graph), objects[n + 1]))) == 1


@settings(max_examples=60, deadline=None)
@given(graphs(), st.randoms(use_true_random=False))
def test_names_that_lie_do_no_harm(graph: Graph, random: Random) -> None:
    """Labels and types of any name and style: every path ends where it should."""
    description, _, _ = files.describe(graph)
    labels = ("__dict__", "cell_contents", "imports.modules", "mapping", "")
    types = (
        "dict",
        "module",
        "thread",
        "frame",
        "type",
        "cell",
        "interpreter",
        "mappingproxy",
        "generator",
        "property",
    )
    for shape in description.shapes:
        shape.fixed = [(random.choice((name, *labels)), random.randrange(5), kind) for name, _, kind in shape.fixed]
        if shape.run_style not in (0, files.PAIRS):
            shape.run_style = random.choice((1, 3, 4, 5))
    for type_ in description.types:
        type_.name = random.choice((type_.name, type_.name, *types))
    snapshot = opened(pure_writer.write(description))
    for kind in ("paths", "refs", "referrers"):
        assert snapshot.view(kind, where="", limit=0)
        assert json.loads(snapshot.view(kind, where="", json=True))["view"] == kind
    merged = json.loads(snapshot.view("paths", where="", merge=True, json=True, limit=0))
    by_place = json.loads(snapshot.view("groups", by="path", json=True, limit=0))
    assert by_place["total"]["count"] == merged["total"]["count"] == sum(row["count"] for row in by_place["rows"])
    for node in range(snapshot.n_nodes):
        for _, _, steps in snapshot.paths(node, "frames,modules,caches" if node % 2 else "", 4, False):
            assert not steps or steps[-1][1] == node
        assert snapshot.view("referrers", node=node, depth=3)


@pytest.mark.parametrize("name", ["interpreter", "thread", "module", "frame", "root"])
def test_nothing_begins_below_what_is_said_to_be_tonnages(name: str) -> None:
    """Whatever the file says to be tonnage's, with modules, a namespace or frames below it."""
    description, _, _ = files.describe(Graph([[(1, OWNING)], []], modules=[[0]], frames=[[1]]))
    for node in description.nodes:
        node.flags |= OWN if node.shape.type.name == name else 0
    snapshot = opened(pure_writer.write(description))
    for node in range(snapshot.n_nodes):
        assert all(text for text, _, _ in snapshot.paths(node, "modules" if node % 2 else "", 4, False))
    assert json.loads(snapshot.view("paths", where="", merge=True, json=True))["total"]["count"]


def with_absent_references(n: int) -> _core.Snapshot:
    """The thread refers to its only frame, n absent references behind; the frame has an object."""
    description, _, _ = files.describe(Graph([[]], frames=[[0]]))
    thread, frame = (next(n for n in description.nodes if n.shape.type.name == name) for name in ("thread", "frame"))
    thread.references = [*[None] * n, frame]
    frame.shape.has_stack = False
    return opened(pure_writer.write(description))


def test_a_frame_is_found_behind_a_million_absent_ones() -> None:
    """Each step back over the absent ones began at the first: never ready."""
    snapshot = with_absent_references(1_000_000)
    text, _, steps = next(snapshot.paths(0, "", 1, False))
    assert text.endswith(" › ?() › local 'v0'")
    assert len(steps) == 3


def test_merged_paths_of_a_chain_take_little_memory() -> None:
    """All paths together are 30 MB long; the chain is one place behind its first link."""
    n = 4500
    graph = Graph([[(i + 1, OWNING)] for i in range(n)] + [[]], modules=[[0]])
    snapshot = opened(files.write(graph), 12 << 20)
    rows = json.loads(snapshot.view("paths", where="type:app.Thing", merge=True, json=True, limit=0))["rows"]
    head = "m0.__dict__[…]"
    assert [(row["path"], row["count"]) for row in rows] == [
        (head, n + 1), (f"{head}.a0", n), (f"{head}.a0…", n - 1)
    ]  # fmt: skip


@pytest.mark.parametrize("words", ["nothing", "type:", "caches,frames,nonsense", "text:'a,b"])
def test_what_cannot_be_avoided_is_said(words: str) -> None:
    snapshot = opened(files.write(Graph([[]], roots=[0])))
    with pytest.raises(ValueError, match="avoid|selection"):
        snapshot.paths(0, words, 0, False)
