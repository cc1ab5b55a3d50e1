"""Files that hold stacks and what they allocated, and what profiles of them must say, read by the second reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import pure_reader as reader
import pure_writer as writer
from pure_writer import Code, Description, Fact, Node, Sample, Shape, Site, Type

WHATS = ("live", "allocated", "peak")
Values = tuple[int, int, int, int]  # as of Go's heap profiles: allocated blocks, bytes; alive blocks, bytes


class Frame(NamedTuple):
    """A line of a function, texts as every export escapes them."""

    name: str
    plain_name: str
    file: str
    first_line: int
    line: int


Stack = tuple[Frame, ...]  # outermost first


def file_of(
    codes: Sequence[Code],
    stack: Sequence[tuple[int, int, int, int]],
    sites: Sequence[Site] | None,
    samples: Sequence[Sample] | None = None,
    **facts: Fact,
) -> bytes:
    """A file without objects."""
    root = Type("root", "tonnage", flags=4, mro=())
    shape = Shape(root)
    description = Description(
        [Node(shape)], [root], [shape], {"capture.wall_time_ns": 1_700_000_000_000_000_000, **facts},
        list(codes), list(stack), sites=None if sites is None else list(sites),
        samples=None if samples is None else list(samples),
    )  # fmt: skip
    return writer.write(description)


def escaped(text: str) -> str:
    """As Python's repr, quotes and backslashes left alone."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def frames(file: reader.Snapshot, stack: int | None) -> Stack:
    """Of a row of STAK, None: lost."""
    if stack is None:
        return (Frame("<lost>", "<lost>", "", 0, 0),)
    found = []
    for entry in reversed(file.stack(stack)):
        code = file.codes[entry.code]
        line = entry.line or (code.line(entry.offset) if code.line_table else 0) or 0
        texts = map(escaped, (code.qualified_name, code.name, code.file))
        found.append(Frame(*texts, code.first_line, line))
    return tuple(found)


def domain(name: str | int) -> str:
    """What the label of an allocator says."""
    return f"tracked {name}" if isinstance(name, int) else name


def samples(file: reader.Snapshot, what: str) -> dict[tuple[Stack, str], Values]:
    """What a pprof profile must say, by stack and allocator; rows with nothing in them are left out."""
    sums: dict[tuple[Stack, str], list[float]] = {}
    for site in file.sites or ():
        peak = what == "peak"
        numbers = (
            site.allocated_count,
            site.allocated_bytes,
            site.at_peak_count if peak else site.live_count,
            site.at_peak_bytes if peak else site.live_bytes,
        )
        if any(numbers):
            row = sums.setdefault((frames(file, site.stack), domain(site.domain)), [0, 0, 0, 0])
            row[:] = [a + b for a, b in zip(row, numbers, strict=True)]
    rounded = {key: tuple(int(number + 0.5) for number in row) for key, row in sums.items()}
    return {key: row for key, row in rounded.items() if any(row)}  # type: ignore[misc]


def weights(file: reader.Snapshot, what: str, *, blocks: bool = False) -> Counter[Stack]:
    """What the other profiles must say: bytes, or blocks, by stack."""
    sums: dict[Stack, float] = {}
    for site in file.sites or ():
        number: float = {
            ("live", False): site.live_bytes,
            ("live", True): site.live_count,
            ("allocated", False): site.allocated_bytes,
            ("allocated", True): site.allocated_count,
            ("peak", False): site.at_peak_bytes,
            ("peak", True): site.at_peak_count,
        }[what, blocks]
        stack = frames(file, site.stack)
        sums[stack] = sums.get(stack, 0) + number
    return Counter({stack: int(number + 0.5) for stack, number in sums.items() if int(number + 0.5)})
