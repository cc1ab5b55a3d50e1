"""What the tests of the capture share: running a planted program, and asking about the file it left.

The file is read by `pure_reader`, which shares no code with the library, so that a mistake of the library's reader
cannot hide one of the capture.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pure_reader
import pytest

PROGRAMS = Path(__file__).parents[1] / "programs"
TIMEOUT_SECONDS = 300  # a hang fails the test; nothing else is measured with it


class Shot:
    """A snapshot file with short names for what tests ask."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = pure_reader.Snapshot.open(path)
        self.facts: dict[str, Any] = self.file.facts

    def __len__(self) -> int:
        return self.file.n_objects

    def find(self, address: int) -> int | None:
        return self.file.node_at(address)

    def at(self, address: int) -> int:
        node = self.file.node_at(address)
        assert node is not None, f"no object at {address:#x}"
        return node

    def address(self, node: int) -> int:
        return self.file.addresses[node] if node < self.file.n_objects else 0

    def type(self, node: int) -> str:
        return self.file.type_of(node).full_name

    def bases(self, node: int) -> list[str]:
        return [self.file.types[row].full_name for row in self.file.type_of(node).mro]

    def own_block(self, node: int) -> int:
        return self.file.sizes[node] - sum(buffer.size for buffer in self.file.buffers(node))

    def buffers(self, node: int) -> dict[str, int]:
        parts: dict[str, int] = {}
        for buffer in self.file.buffers(node):
            parts[buffer.kind] = parts.get(buffer.kind, 0) + buffer.size
        return parts

    def has(self, node: int, flag: int) -> bool:
        return bool(self.file.flags[node] & flag)

    def references(self, node: int) -> list[pure_reader.Reference]:
        return [reference for reference in self.file.references(node) if reference.target is not None]

    def children(self, node: int) -> list[int]:
        return [reference.target for reference in self.references(node) if reference.target is not None]

    @cached_property
    def _edges(self) -> dict[int, list[int]]:
        edges: dict[int, list[int]] = {}
        for node in range(self.file.n_nodes):
            for child in self.children(node):
                edges.setdefault(child, []).append(node)
        return edges

    def parents(self, node: int) -> list[int]:
        return self._edges.get(node, [])

    def label(self, holder: int, held: int) -> list[tuple[str, str | int | None, str | None]]:
        """Style, label and kind of each reference of holder to held."""
        return [(r.style, r.label, r.kind) for r in self.references(holder) if r.target == held]

    def is_reached(self, node: int) -> bool:
        """Whether some chain of references leads from the root to the node."""
        seen = {node}
        queue = [node]
        while queue:
            current = queue.pop()
            if current == self.file.n_objects:
                return True
            for parent in self.parents(current):
                if parent not in seen:
                    seen.add(parent)
                    queue.append(parent)
        return False

    def of_type(self, name: str) -> Iterator[int]:
        wanted = {
            row for row, shape in enumerate(self.file.shape_table) if self.file.types[shape.type].full_name == name
        }
        return (node for node, shape in enumerate(self.file.shapes) if shape in wanted)


def shown_by_links(shot: Shot, node: int) -> Counter[int]:
    """Addresses that the collector sees through a bounded `lru_cache`: entries, which it does not know, own them."""
    shown: Counter[int] = Counter()
    if shot.type(node) == "functools._lru_cache_wrapper":
        for cache in (held.target for held in shot.references(node) if held.label == "cache"):
            assert cache is not None
            links = (child for child in shot.children(cache) if shot.type(child) == "functools._lru_list_elem")
            shown.update(shot.address(child) for link in links for child in shot.children(link))
    return shown


class Run:
    """A planted program that has ended: its snapshot, and what it wrote beside it."""

    def __init__(self, path: Path, side: Path, output: str) -> None:
        self.path = path
        self.side_path = side
        self.output = output
        self.side: dict[str, Any] = json.loads(side.read_text()) if side.exists() else {}

    @cached_property
    def shot(self) -> Shot:
        return Shot(self.path)

    def id(self, name: str) -> int:
        number: int = self.side["planted"][name]["id"]
        return number

    def node(self, name: str) -> int:
        return self.shot.at(self.id(name))

    def numbers(self, suffix: str) -> array[int]:
        numbers = array("Q")
        numbers.frombytes(Path(f"{self.side_path}{suffix}").read_bytes())
        return numbers


def environment(**changes: str | None) -> dict[str, str]:
    """The environment of a child: without what would change its memory, and with the changes."""
    result = {key: value for key, value in os.environ.items() if not key.startswith(("TONNAGE_", "PYTHONMALLOC"))}
    result.update(PYTHONHASHSEED="0", PYTHONDONTWRITEBYTECODE="1")
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def python(
    words: Sequence[str | Path], *, env: dict[str, str] | None = None, stdin: str = "", cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs this interpreter in a fresh process."""
    return subprocess.run(
        [sys.executable, *map(str, words)],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        env=env or environment(),
        cwd=cwd,
        check=False,
    )


def run_program(name: str, folder: Path, *arguments: str, mode: str, env: dict[str, str] | None = None) -> Run:
    """Runs a planted program, which must end well, and gives what it left."""
    path, side = folder / f"{name}.tonnage", folder / f"{name}.json"
    env = {**(env or environment()), "PLANTED_MODE": mode}
    done = python([PROGRAMS / f"{name}.py", path, side, *arguments], env=env)
    assert done.returncode == 0, f"{name} {arguments} ended with {done.returncode}\n{done.stderr}"
    return Run(path, side, done.stdout)


def build_extension(name: str, folder: Path) -> Path:
    """Compiles the extension module of that name in tests/programs; gives the folder to import it from."""
    compiler, headers = shutil.which("cc") or shutil.which("gcc"), Path(sysconfig.get_path("include"))
    if compiler is None or not (headers / "Python.h").exists():
        pytest.skip("no C compiler, or no headers of this interpreter")
    words = [compiler, "-shared", "-fPIC", "-O0", "-w", f"-I{headers}", "-o", str(folder / f"{name}.so")]
    subprocess.run([*words, str(PROGRAMS / f"{name}.c")], check=True)
    return folder
