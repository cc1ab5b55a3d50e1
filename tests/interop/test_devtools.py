"""The loader of Chrome's DevTools, in Chromium, finds in an exported heap what tonnage says of the snapshot."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import devtools
import heapsnapshot_reader as heap
import pytest
import tonnage
from cli_support import CLI
from devtools import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with devtools.browser() as found:
        yield found


def export(path: Path, *words: str) -> bytes:
    return subprocess.run(
        [CLI, "export", str(path), "--to", "heapsnapshot", *words], check=True, capture_output=True
    ).stdout


def total(path: Path) -> int:
    result = subprocess.run([CLI, "summary", str(path), "--json"], check=True, capture_output=True)
    return int(json.loads(result.stdout)["total"]["size"])


def id_of(address: int) -> int:
    return (1 + (address >> 20) % 65535) * 65536 + (address >> 4) % 65536


@pytest.fixture(scope="module")
def found(browser: Browser, taken: tuple[Path, Path]) -> dict[str, Any]:
    return browser.load(export(taken[0]))


def test_devtools_load_it_without_a_warning_and_find_all_bytes(found: dict[str, Any], taken: tuple[Path, Path]) -> None:
    assert found["warnings"] == []
    keys = sum(size for _, _, name, _, size, *_ in found["nodes"] if name == "shared keys")
    assert found["total"] == total(taken[0]) + keys
    assert found["statistics"]["total"] == found["total"]


def test_they_read_what_the_strict_reader_reads(found: dict[str, Any], taken: tuple[Path, Path]) -> None:
    nodes = heap.read(export(taken[0]))
    read = [[node.id, node.type, node.name, node.self_size, len(node.edges)] for node in nodes]
    assert [[id_, type_, name, size, edges] for id_, type_, name, _, size, _, _, edges in found["nodes"]] == read
    for (*_, distance, _), expected in zip(found["nodes"], heap.distances(nodes), strict=True):
        assert (distance if distance < 100_000_000 else None) == expected


def test_what_they_find_retained_is_what_tonnage_does(found: dict[str, Any], taken: tuple[Path, Path]) -> None:
    with tonnage.load(taken[0]) as snapshot:
        retained = {id_of(thing.address): thing.retained for thing in snapshot.where("")}
    theirs = {id_: size for id_, type_, _, _, _, size, _, _ in found["nodes"] if id_ >= 65536 and type_ != "hidden"}
    assert theirs == retained


def test_folding_changes_nothing_for_what_is_left(
    browser: Browser, found: dict[str, Any], taken: tuple[Path, Path]
) -> None:
    folded = browser.load(export(taken[0], "--max-nodes", "2000"))
    assert folded["warnings"] == []
    assert folded["total"] == found["total"]
    assert 500 < len(folded["nodes"]) <= 2000
    whole = {node[0]: node[5] for node in found["nodes"]}
    assert all(node[5] == whole[node[0]] for node in folded["nodes"] if node[0] >= 65536)


def test_their_filter_finds_the_duplicate_strings(found: dict[str, Any]) -> None:
    names = {node[0]: node[2] for node in found["nodes"]}
    duplicated = [names[id_] for id_ in found["duplicated"]]
    assert duplicated.count("twice " + "x" * 9) == 2
    assert not any(name.startswith("session-") for name in duplicated)


def test_their_comparison_sees_the_one_new_session(
    browser: Browser, found: dict[str, Any], taken: tuple[Path, Path]
) -> None:
    second = browser.load(export(taken[1]))
    ids = [{node[0] for node in file["nodes"] if node[3] == "__main__.Session"} for file in (found, second)]
    assert (len(ids[0]), len(ids[1] - ids[0]), len(ids[0] - ids[1])) == (300, 1, 0)
