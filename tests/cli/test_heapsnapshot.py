"""Heap snapshots for DevTools, read by a strict reader, their numbers worked out from what was written there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import graph_model
import heapsnapshot_reader as heap
import networkx
import pure_reader
import pure_writer as writer
import pytest
from cli_support import CLI, Cli
from heapsnapshot_reader import HeapNode
from hypothesis import given, settings
from hypothesis import strategies as st
from pure_writer import Description, Node, Shape, Type

PROGRAM = """
import sys, tonnage
class Session:
    def __init__(self, i):
        self.name, self.data, self.me = f"session-{i}", [i] * 20, self
CACHE = {i: Session(i) for i in range(300)}
LONE = "lone \\ud800 \\" \\\\ \\n \\x00 end"
TWICE = ["twice " + "x" * int(i) for i in "99"]
LONG = ["long " + "y" * 5000 + tail for tail in "abb"]
STRANGE = type('we"ird\\\\\\nname', (), {})()
Object = type("Object", (), {"__module__": None})
PLAIN = Object()
BIG = bytearray(10_000_000)
def local_holder():
    kept_by_frame = CACHE
    tonnage.snapshot(sys.argv[1], force=True)
    extra = Session(7)
    CACHE["extra"] = extra
    tonnage.snapshot(sys.argv[2], force=True)
local_holder()
"""


def export(path: Path, *words: str) -> bytes:
    return subprocess.run(
        [CLI, "export", str(path), "--to", "heapsnapshot", *words], check=True, capture_output=True
    ).stdout


def export_data(data: bytes, *words: str) -> list[HeapNode]:
    with tempfile.NamedTemporaryFile(suffix=".tonnage") as file:
        file.write(data)
        file.flush()
        return heap.read(export(Path(file.name), *words))


def id_of(address: int) -> int:
    """As docs/heapsnapshot.md has it, where no two regions meet."""
    return (1 + (address >> 20) % 65535) * 65536 + (address >> 4) % 65536


def retained(nodes: list[HeapNode]) -> list[int]:
    """By networkx."""
    graph: Any = networkx.DiGraph()
    graph.add_nodes_from(range(len(nodes)))
    graph.add_edges_from((i, target) for i, targets in enumerate(heap.strong(nodes)) for target in targets)
    above = dict(networkx.immediate_dominators(graph, 0))
    tree = networkx.DiGraph((up, node) for node, up in above.items() if node != 0)
    tree.add_node(0)
    out = [node.self_size for node in nodes]
    for node in networkx.dfs_postorder_nodes(tree, 0):
        if node != 0:
            out[above[node]] += out[node]
    return out


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two snapshots of one process, of whose regions no two meet: of those that do the second has other ids."""
    folder = tmp_path_factory.mktemp("heapsnapshot")
    paths = folder / "one.tonnage", folder / "two.tonnage"
    for _ in range(10):
        subprocess.run([sys.executable, "-c", PROGRAM, *map(str, paths)], check=True)
        if not heap.regions_meet(*paths):
            return paths
    raise AssertionError("regions of two snapshots meet each time")


@pytest.fixture(scope="module")
def nodes(taken: tuple[Path, Path]) -> list[HeapNode]:
    return heap.read(export(taken[0]))


def test_all_bytes_of_the_snapshot_are_in_the_file(taken: tuple[Path, Path], nodes: list[HeapNode]) -> None:
    file = pure_reader.Snapshot.open(taken[0])
    own = [bool(file.flags[i] & 64 or file.type_of(i).flags & 64) for i in range(file.n_nodes)]
    assert sum(node.self_size for node in nodes) == sum(
        size for size, ours in zip(file.sizes, own, strict=True) if not ours
    )
    summary = json.loads(
        subprocess.run(
            [CLI, "summary", str(taken[0]), "--json", "--limit", "0"], check=True, capture_output=True
        ).stdout
    )
    assert summary["total"]["size"] == sum(n.self_size for n in nodes if n.name != "shared keys")


def test_objects_are_grouped_by_type_and_values_by_kind(nodes: list[HeapNode]) -> None:
    found = Counter((node.type, node.name) for node in nodes)
    assert found["object", "__main__.Session"] == 300
    assert found["object", "module __main__"] == 1
    assert found["object", "class __main__.Session"] + found["object", "class Session"] == 1
    assert found["closure", "local_holder"] == 1
    assert found["native", "frame of local_holder()"] == 1
    assert found["object", "(Object)"] == 1
    assert not any(node.name == "Object" for node in nodes if node.type == "object")
    assert found["string", 'lone \ud800 " \\ \n \x00 end'] == 1
    assert found["object", '__main__.we"ird\\\nname'] == 1


def test_equal_texts_and_no_others_have_equal_names(nodes: list[HeapNode]) -> None:
    names = Counter(node.name for node in nodes if node.type == "string")
    assert names["twice " + "x" * 9] == 2
    long = {name: count for name, count in names.items() if name.startswith("long yyy")}
    assert sorted(long.values()) == [1, 2]
    assert all(re.fullmatch(r"long y+… #[0-9a-f]{1,16}", name) for name in long)


def test_distances_are_counted_from_modules_and_frames(nodes: list[HeapNode]) -> None:
    found = heap.distances(nodes)
    for node, distance in zip(nodes, found, strict=True):
        if node.name == "module __main__" or node.name.startswith("frame of "):
            assert distance == 1
        if node.name == "__main__.Session":
            assert distance == 3  # frame, CACHE, session
    frame = next(node for node in nodes if node.name == "frame of local_holder()")
    assert ("context", "kept_by_frame") in {(edge.type, edge.name) for edge in frame.edges}


def test_an_object_has_the_same_id_in_two_files_of_a_process(taken: tuple[Path, Path], nodes: list[HeapNode]) -> None:
    second = heap.read(export(taken[1]))
    ids = [{node.id for node in file if node.name == "__main__.Session"} for file in (nodes, second)]
    assert len(ids[1] - ids[0]) == 1
    assert not ids[0] - ids[1]
    for path, file in zip(taken, (nodes, second), strict=True):
        addresses = pure_reader.Snapshot.open(path).addresses
        assert {id_of(address) for address in addresses} <= {node.id for node in file}


@pytest.mark.parametrize("most", [16, 100, 3000])
def test_folding_keeps_the_sum_and_what_the_others_retain(
    taken: tuple[Path, Path], nodes: list[HeapNode], most: int
) -> None:
    folded = heap.read(export(taken[0], "--max-nodes", str(most)))
    assert most / 4 < len(folded) <= most
    assert sum(node.self_size for node in folded) == sum(node.self_size for node in nodes)
    whole = {node.id: (node.name, size) for node, size in zip(nodes, retained(nodes), strict=True)}
    objects = 0
    for node, size in zip(folded, retained(folded), strict=True):
        if node.id >= 65536:  # an object
            objects += 1
            assert (node.name, size) == whole[node.id]
    assert objects > most / 8


@settings(deadline=None, max_examples=150)
@given(graph_model.graphs(), st.booleans())
def test_what_devtools_find_retained_is_what_cannot_be_reached_without_it(
    graph: graph_model.Graph, fold: bool
) -> None:
    found = export_data(graph_model.write(graph), *(["--max-nodes", "16"] if fold else []))
    solution = graph_model.Solution(graph)
    expected = {
        id_of(graph_model.BASE + 16 * number): solution.gone([number])[1] for number in range(len(graph.objects))
    }
    sizes = {node.id: size for node, size in zip(found, retained(found), strict=True) if node.id >= 65536}
    assert sizes.items() <= expected.items()
    assert fold or sizes == expected
    assert sum(node.self_size for node in found) == sum(
        item.size for number, item in enumerate(graph.items) if not solution.is_own(number)
    )


def lonely(*objects: tuple[int, int]) -> bytes:
    """A file of objects without references, by address and size, that the root holds."""
    thing, roots = Type("thing", "app"), Type("roots", None, 4, mro=())
    shapes = [Shape(thing), Shape(roots, run_style=1)]
    nodes = [Node(shapes[0], address, size, 1) for address, size in objects]
    root = Node(shapes[1], references=list(nodes))
    return writer.write(Description([*nodes, root], [thing, roots], shapes))


def test_an_object_of_4_gib_or_more_is_several_nodes_with_its_size() -> None:
    size = 11 * 2**30 + 7
    found = export_data(lonely((0x10000, size), (0x10010, 2**32 - 1), (0x10020, 2**32)))
    assert retained(found)[0] == size + 2**32 - 1 + 2**32
    by_id = {node.id: total for node, total in zip(found, retained(found), strict=True)}
    assert [by_id[id_of(0x10000 + 16 * i)] for i in range(3)] == [size, 2**32 - 1, 2**32]
    assert Counter(node.name for node in found)["(more bytes)"] == 2 + 0 + 1


def test_ids_differ_where_regions_meet() -> None:
    lap = 65535 << 20
    objects = [(0x7F0000000000 + turn * lap + 16 * i, 32) for turn in range(3) for i in range(4)]
    found = export_data(lonely(*objects, (0x10000, 16)))
    things = [node.id for node in found if node.name == "app.thing"]
    assert len(set(things)) == len(objects) + 1
    assert id_of(objects[0][0]) in things  # the first of those that meet has its own place


def test_nothing_but_the_root_is_an_empty_snapshot() -> None:
    found = export_data(lonely())
    assert len(found) == 5
    assert all(node.type == "synthetic" for node in found)


def test_a_redacted_snapshot_tells_no_text_and_finds_no_false_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "redacted.tonnage"
    program = """import sys, tonnage
SECRET = "very " + "secret" * int(sys.argv[2])
tonnage.snapshot(sys.argv[1], redact=True)"""
    subprocess.run([sys.executable, "-c", program, str(path), "9"], check=True)
    data = export(path)
    assert b"secret" not in data
    names = Counter(node.name for node in heap.read(data) if node.type == "string")
    assert all(name.startswith("#") for name in names)


def test_nothing_can_be_selected(cli: Cli, shop: Path) -> None:
    result = cli("export", shop, "--to", "heapsnapshot", "--where", "type:dict")
    assert result.returncode == 2
    assert "nothing can be selected" in result.stderr
    for value in ("0", "-1", "x", "99999999999"):
        assert cli("export", shop, "--to", "heapsnapshot", "--max-nodes", value).returncode == 2
    ignored = [("meliae", "max-nodes", "99"), ("heapsnapshot", "what", "types"), ("meliae", "columns", "size")]
    for to, option, value in ignored:
        assert cli("export", shop, "--to", to, f"--{option}", value).returncode == 2
    assert cli("export", shop, "--to", "heapsnapshot", "--max-nodes", "15").returncode == 2
