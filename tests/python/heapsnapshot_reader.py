"""A strict reader of Chrome's heap snapshots: what the loader of DevTools needs, and what it leaves unsaid.

Their loader looks for the keys one after another in the text, reads rows of unsigned integers of 32 bits, and finds the
references of a node by counting those of the nodes before it. Nothing of tonnage is used here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pure_reader

KEYS = ["snapshot", "nodes", "edges", "trace_function_infos", "trace_tree", "samples", "locations", "strings"]
NODE_FIELDS = ["type", "name", "id", "self_size", "edge_count", "trace_node_id", "detachedness"]
EDGE_FIELDS = ["type", "name_or_index", "to_node"]


@dataclass
class HeapEdge:
    """A reference; `name` is an index for elements."""

    type: str
    name: str | int
    target: int


@dataclass
class HeapNode:
    """A node; `edges` are its references in order."""

    type: str
    name: str
    id: int
    self_size: int
    edges: list[HeapEdge]


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    assert len(set(keys)) == len(keys), f"a key stands twice: {keys}"
    return dict(pairs)


def _rows(numbers: list[int], n_fields: int, count: int, what: str) -> list[list[int]]:
    assert len(numbers) == n_fields * count, f"{len(numbers)} numbers for {count} {what}"
    assert all(type(number) is int and 0 <= number < 2**32 for number in numbers), f"a number of {what} has no 32 bits"
    return [numbers[i : i + n_fields] for i in range(0, len(numbers), n_fields)]


def read(text: bytes) -> list[HeapNode]:
    """Nodes in order of the file, or AssertionError."""
    data = json.loads(text.decode("utf-8"), object_pairs_hook=_pairs)
    assert list(data) == KEYS
    at = 0
    for key in KEYS:  # as the loader finds them, in the text
        at = text.index(b'"%s"' % key.encode(), at)
    head = data["snapshot"]
    meta = head["meta"]
    assert meta["node_fields"] == NODE_FIELDS
    assert meta["edge_fields"] == EDGE_FIELDS
    assert head["trace_function_count"] == 0
    assert data["trace_function_infos"] == data["trace_tree"] == data["samples"] == data["locations"] == []
    assert meta["sample_fields"] and meta["location_fields"]
    node_types, edge_types, strings = meta["node_types"][0], meta["edge_types"][0], data["strings"]
    assert all(isinstance(string, str) for string in strings)
    assert len(set(strings)) == len(strings), "equal names must have one number"
    node_rows = _rows(data["nodes"], len(NODE_FIELDS), head["node_count"], "nodes")
    edge_rows = iter(_rows(data["edges"], len(EDGE_FIELDS), head["edge_count"], "references"))
    nodes = []
    for type_, name, id_, size, n_edges, trace, detached in node_rows:
        assert trace == detached == 0
        edges = []
        for _ in range(n_edges):
            edge_type, label, to = next(edge_rows)
            assert to % len(NODE_FIELDS) == 0
            kind = edge_types[edge_type]
            named = label if kind in ("element", "hidden") else strings[label]
            edges.append(HeapEdge(kind, named, to // len(NODE_FIELDS)))
        nodes.append(HeapNode(node_types[type_], strings[name], id_, size, edges))
    assert next(edge_rows, None) is None, "references are left over"
    assert all(edge.target < len(nodes) for node in nodes for edge in node.edges)
    ids = {node.id for node in nodes}
    assert len(ids) == len(nodes), "an id stands twice"
    assert 0 not in ids
    assert nodes[0].type == "synthetic"
    assert not unreached(nodes)
    return nodes


def strong(nodes: list[HeapNode]) -> list[list[int]]:
    """By node, what it keeps alive."""
    return [[edge.target for edge in node.edges if edge.type != "weak"] for node in nodes]


def unreached(nodes: list[HeapNode]) -> set[int]:
    """Nodes that nothing keeps alive."""
    targets, seen, todo = strong(nodes), {0}, [0]
    while todo:
        new = set(targets[todo.pop()]) - seen
        seen |= new
        todo += new
    return set(range(len(nodes))) - seen


def distances(nodes: list[HeapNode]) -> list[int | None]:
    """As DevTools count them: from the referents of the root that are not synthetic, 1 there."""
    out: list[int | None] = [None] * len(nodes)
    todo = []
    for edge in nodes[0].edges:
        if nodes[edge.target].type != "synthetic" and out[edge.target] is None:
            out[edge.target] = 1
            todo.append(edge.target)
    targets = strong(nodes)
    for node in todo:
        for target in targets[node]:
            if out[target] is None:
                out[target] = (out[node] or 0) + 1
                todo.append(target)
    return out


def regions_meet(*paths: Path) -> bool:
    """Whether two regions of 1 MiB have one range of ids (docs/heapsnapshot.md): in one process of some 5000."""
    regions = {address >> 20 for path in paths for address in pure_reader.Snapshot.open(path).addresses}
    return len({region % 65535 for region in regions}) < len(regions)
