"""Files that say where threads were: a call tree with planted samples and, if blocks are planted, who allocated."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

import pure_writer as writer
import site_files
from pure_writer import Description, Sample

CLOCKS = ("real", "prof", "virtual", "gil")
MAIN = "<main thread>"
GC, NATIVE, CHANGING = "<gc>", "<native>", "<changing>"
TICK_NS = 10_000_000


@dataclass
class Profile:
    """A process whose threads were sampled. `program` has the call tree, and blocks if any were recorded."""

    program: site_files.Program = field(default_factory=site_files.empty)
    clock: str = "prof"
    samples: list[Sample] = field(default_factory=list)
    facts: dict[str, int | str] = field(default_factory=dict)

    def sample(self, stack: int | None, samples: int = 1, *, ns: int | None = None, cpu_ns: int | None = None,
               thread: str = MAIN, task: str = "", running: bool = True, lock: bool = True) -> Sample:  # fmt: skip
        """Samples on a row of the call tree, None: lost; by default a tick each, and of processor time if it runs."""
        ns = samples * TICK_NS if ns is None else ns
        cpu_ns = ns * running if cpu_ns is None else cpu_ns
        row = 0 if stack is None else stack + 1
        self.samples.append(Sample(row, thread, task, running + 2 * lock, samples, ns, cpu_ns))
        return self.samples[-1]

    def description(self) -> Description:
        program = self.program
        recorded = bool(program.blocks or program.ever)
        heap = program.description()
        if not recorded:
            heap.sites = heap.traces = None
            del heap.facts["trace.mode"]
        heap.samples = None if self.clock == "alloc" else self.samples
        count = sum(sample.samples for sample in self.samples)
        heap.facts["sample.clock"] = self.clock
        if self.clock != "alloc":
            heap.facts.update({
                "sample.interval_ns": TICK_NS, "sample.on": 0, "sample.duration_ns": count * TICK_NS,
                "sample.ticks": count, "sample.missed": 0, "sample.samples": count, "sample.rejected.torn": 0,
                "sample.lost_stacks": 0, "sample.own.cpu_ns": 1_000_000, "sample.max_stacks": 65536,
            })  # fmt: skip
        heap.facts.update(self.facts)
        return heap

    def write(self, path: Path) -> Path:
        path.write_bytes(writer.write(self.description()))
        return path


def shop(clock: str = "prof", *, recorded: bool = False) -> Profile:
    """A small program of which every number is known: 100 samples, of which 5 are of a second thread.

    main() calls load(), which calls itself once, and sell(); a task of sell() collects garbage. Recorded: load() and
    the second thread have allocated, too.
    """
    profile = Profile(clock=clock)
    p = profile.program
    root, worker = p.frame(None, p.code(MAIN)), p.frame(None, p.code("<thread worker-#>"))
    main, load, sell = (p.code(name, "/srv/shop.py", line) for line, name in ((1, "main"), (10, "load"), (20, "sell")))
    decode = p.code("decode", "/usr/lib/python3.11/json/decoder.py", 300)
    top = p.frame(root, main, 3)
    outer = p.frame(top, load, 12)
    inner = p.frame(outer, load, 13)
    sold = p.frame(top, sell, 22)
    profile.sample(top, 5)
    profile.sample(outer, 10)
    profile.sample(inner, 30)
    profile.sample(p.frame(inner, decode, 355), 20)
    profile.sample(sold, 15, task="Task-1")
    profile.sample(sold, 5, running=False, lock=False, task="Task-1")
    profile.sample(p.frame(sold, p.code(GC)), 10, task="Task-2")
    native = p.frame(worker, p.code(NATIVE))
    profile.sample(native, 4, thread="worker-1", lock=False)
    if recorded:
        p.block(300_000, inner, birth=1)
        p.block(100_000, outer, birth=2)
        p.block(4096, native, domain=2, birth=3)
    profile.sample(None, thread="worker-1")
    return profile


def any_profile(seed: int, clock: str = "prof", *, blocks: bool = False) -> Profile:
    """Made by chance: stacks of two threads, with recursion and places without Python."""
    rng = random.Random(seed)
    program = site_files.any_program(seed) if blocks else site_files.empty()
    rows = range(len(program.frames)) if blocks else site_files.tree(program, rng)
    profile = Profile(program, clock)
    for _ in range(rng.randrange(1, 60)):
        count, ns = rng.randrange(1, 40), rng.randrange(10**9)
        profile.sample(
            None if rng.random() < 0.05 else rng.choice(rows), count, ns=ns, cpu_ns=rng.randrange(ns + 1),
            thread=rng.choice((MAIN, "worker-1", "worker-2", "")), task=rng.choice(("", "", "Task-1", "crawl")),
            running=rng.random() < 0.7, lock=rng.random() < 0.5,
        )  # fmt: skip
    return profile
