"""Builds a workload of bench/workloads and notes the id of every object it made.

Arguments: workload, N.
"""

from __future__ import annotations

import importlib
import pathlib
import sys
from array import array
from typing import Any

from plant import ARGUMENTS, SIDE, finish, take, type_name

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "bench" / "workloads"))


def graph_heap(nodes: Any) -> Any:
    yield nodes
    for node in nodes:
        yield from (node, node.ident, node.name, node.links, node.extra)
        if node.extra["weight"] > 1000:
            yield node.extra["weight"]


def json_like(records: Any) -> Any:
    yield records
    for record in records:
        place, tags = record["place"], record["tags"]
        yield from (record, record["id"], record["price"], place, place["street"], place["lat"], place["lon"])
        yield from (tags, tags[0], tags[1])


def slots_tree(tree: Any) -> Any:
    yield tree
    yield tree.size
    stack = [tree.root]
    while stack:
        node = stack.pop()
        yield from (node, node.key, node.value)
        stack.extend(child for child in (node.left, node.right) if child is not None)


def main() -> None:
    workload = importlib.import_module(ARGUMENTS[0])
    root, census = workload.build(int(ARGUMENTS[1]))
    ids: dict[str, array[int]] = {}
    for obj in globals()[ARGUMENTS[0]](root):
        ids.setdefault(type_name(obj), array("Q")).append(id(obj))
    take()
    with open(SIDE + ".ids", "wb") as file:
        for numbers in ids.values():
            numbers.tofile(file)
    finish(census=census, ids=[[name, len(numbers)] for name, numbers in ids.items()])


main()
