"""Files that say who allocated what: a heap, a call tree, blocks, and the sums that follow from them."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from pathlib import Path

import pure_writer as writer
from graph_files import Graph, describe
from pure_reader import Snapshot as Pure
from pure_writer import Code, Description, Node, Site, Trace

FILES = ("/srv/app/main.py", "/srv/app/work.py", "/usr/lib/python3.11/json/decoder.py", "<string>", "/srv/jail/work.py")
THREADS = ("main thread", "worker")
NATIVE = "<native>"


@dataclass
class Block:
    """What was allocated: `stack` is a row of the call tree, None if lost; `node` has it as its own block or buffer."""

    address: int
    bytes: int
    stack: int | None
    domain: int = 1
    birth: int = 0
    node: Node | None = None
    kind: int = 0
    interval: int = 0

    @property
    def weight(self) -> float:
        return 1.0 if not self.interval else -1.0 / math.expm1(-max(self.bytes, 1) / self.interval)


@dataclass
class Program:
    """A traced process. `frames` are rows of the call tree: parent (a row or None), row of `codes`, line."""

    heap: Description
    objects: dict[int, Node]
    codes: list[Code] = field(default_factory=list)
    frames: list[tuple[int | None, int, int]] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    ever: dict[tuple[int | None, int], tuple[int, int, int, int, int, int]] = field(default_factory=dict)
    facts: dict[str, int | str] = field(default_factory=dict)

    def code(self, name: str, file: str = "", line: int = 0) -> int:
        self.codes.append(Code(name, name, file, line))
        return len(self.codes) - 1

    def frame(self, parent: int | None, code: int, line: int = 0) -> int:
        self.frames.append((parent, code, line))
        return len(self.frames) - 1

    def block(self, bytes_: int, stack: int | None, **more: object) -> Block:
        node = more.get("node")
        own = isinstance(node, Node) and more.get("kind") == 1
        address = (node.address or 0) - 16 if own else 0x7000_0000 + 16384 * len(self.blocks)  # type: ignore[union-attr]
        self.blocks.append(Block(address, bytes_, stack, **more))  # type: ignore[arg-type]
        return self.blocks[-1]

    def description(self) -> Description:
        rows: dict[tuple[int | None, int], list[Block]] = {key: [] for key in self.ever}
        for block in self.blocks:
            rows.setdefault((block.stack, block.domain), []).append(block)
        sites, order = [], {}
        for key, blocks in rows.items():
            order[key] = len(sites)
            live = sum(round(b.bytes * b.weight) for b in blocks)
            count = sum(b.weight for b in blocks)
            ever = self.ever.get(key, (live, round(count), 0, 0, live, round(count)))
            stack = 0 if key[0] is None else key[0] + 1
            sites.append(
                Site(
                    stack,
                    key[1],
                    live_bytes=live,
                    allocated_bytes=ever[0],
                    allocated_count=ever[1],
                    temporary_bytes=ever[2],
                    temporary_count=ever[3],
                    at_peak_bytes=ever[4],
                    at_peak_count=ever[5],
                    peak_bytes=max(ever[4], live),
                    live_count=count,
                )
            )
        self.heap.codes = self.codes
        self.heap.stack = [(0 if p is None else p + 1, code, 0, line) for p, code, line in self.frames]
        self.heap.sites = sites
        self.heap.traces = [
            Trace(b.address, b.bytes, order[b.stack, b.domain], b.birth, b.node, b.kind, b.interval)
            for b in self.blocks
        ]
        sampled = any(b.interval for b in self.blocks)
        self.heap.facts.update({"trace.mode": "sampled" if sampled else "exact", **self.facts})
        if sampled:
            self.heap.facts.setdefault("trace.interval_bytes", max(b.interval for b in self.blocks))
        return self.heap

    def write(self, path: Path) -> Path:
        path.write_bytes(writer.write(self.description()))
        return path


def empty(n_objects: int = 0, edges: list[list[tuple[int, int]]] | None = None, **more: object) -> Program:
    """A process with so many objects, or these, that nobody has traced yet."""
    graph = Graph(edges if edges is not None else [[] for _ in range(n_objects)], **more)  # type: ignore[arg-type]
    heap, objects, _ = describe(graph)
    heap.facts.update({"process.pid": 7, "process.start_time_ns": 10**18, "capture.wall_time_ns": 10**18 + 5})
    return Program(heap, objects)


def tree(program: Program, rng: random.Random, n: int = 60) -> list[int]:
    """A call tree under two threads, with lines of several files and places without Python; its rows."""
    codes = [program.code(f"f{i}", rng.choice(FILES), 1) for i in range(12)]
    rows = [program.frame(None, program.code(name)) for name in THREADS]
    native = program.code(NATIVE)
    for _ in range(n):
        parent = rng.choice(rows[-12:] + rows[:2])
        if program.frames[parent][1] == native:
            continue
        code = native if rng.random() < 0.1 else rng.choice(codes)
        rows.append(program.frame(parent, code, 0 if code == native else rng.randrange(1, 6)))
    return rows


def any_program(seed: int, interval: int = 0) -> Program:
    """A process made by chance: objects that refer to each other, most with a known site, buffers, other blocks."""
    rng = random.Random(seed)
    n = rng.randrange(1, 40)
    edges = [[(rng.randrange(n), 0) for _ in range(rng.randrange(4))] for _ in range(n)]
    program = empty(edges=edges, roots=rng.sample(range(n), rng.randrange(1, n + 1)))
    rows = tree(program, rng)
    birth = 100
    for number in range(n):
        birth += rng.randrange(1, 5)
        if rng.random() < 0.8:
            stack = None if rng.random() < 0.05 else rng.choice(rows)
            program.block(64, stack, birth=birth, node=program.objects[number], kind=1, interval=interval)
        if rng.random() < 0.3:
            size, stack = rng.randrange(1, 5000), rng.choice(rows)
            program.block(size, stack, birth=birth + 1, node=program.objects[number], kind=2, interval=interval)
    for _ in range(rng.randrange(30)):
        birth += 1
        program.block(rng.randrange(1, 9000), rng.choice(rows), domain=rng.choice((0, 1, 2, 2**31 + 389047)),
                      birth=birth, interval=interval)
    for _ in range(rng.randrange(10)):
        ever = sorted((rng.randrange(10**6) for _ in range(3)), reverse=True)
        program.ever[rng.choice(rows), rng.randrange(3)] = (ever[0], 50, ever[2], 20, ever[1], 30)
    for key in list(program.ever):
        live = [b for b in program.blocks if (b.stack, b.domain) == key]
        size = sum(round(b.bytes * b.weight) for b in live)
        old = program.ever[key]
        program.ever[key] = (old[0] + size, old[1] + len(live), old[2], old[3], old[4] + size, old[5] + len(live))
    program.facts.update({"trace.started_births": 100, "trace.births": birth})
    return program


# ---- what a reader of the file works out from it alone ----


def stack_of(pure: Pure, row: int | None) -> list[tuple[str, int, str]]:
    """Frames of a row of the call tree, the innermost first: file (the name of what has none), line, function."""
    found = []
    while row is not None:
        entry = pure.stack_entries[row]
        code = pure.codes[entry.code]
        found.append((code.file or code.qualified_name, entry.line, code.qualified_name))
        row = entry.parent
    return found


def place(file: str, line: int) -> str:
    """As rows by line are called."""
    return f"{file}:{line}" if line else file
