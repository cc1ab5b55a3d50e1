"""The snapshot file: pure writer, pure reader, and the command and the capture against both.

The command is `$TONNAGE_CLI` or `.venv/bin/tonnage` of the source tree. Tests of the command and of
the capture are skipped where there is none.
"""

from __future__ import annotations

import dataclasses
import json
import os
import random
import struct
import subprocess
import sys
import textwrap
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pure_reader as reader
import pure_writer as writer
import pytest
from format_samples import (
    COLLECTED_TYPE,
    CUT,
    ENCODINGS,
    IMMORTAL,
    ITEMS,
    LINE_TABLE,
    MEMBERS,
    OWN,
    PAIRS,
    PYMALLOC,
    STATIC,
    SYNTHETIC_TYPE,
    UNLABELLED,
    VALUE_STACK,
    broken_contents,
    broken_frames,
    broken_headers,
    good_files,
    no_objects,
    sample,
    sample_chunks,
    text_hash,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pure_reader import Snapshot
from pure_writer import Code, Description, Encoding, Node, Sample, Shape, Site, Trace, Type

ROOT = Path(__file__).resolve().parents[2]
GOOD, FINDINGS, UNREADABLE, UNSUPPORTED = 0, 1, 5, 6  # exit codes of the command
GOOD_FILES = good_files()
CORRUPT_FILES = {**broken_headers(), **broken_frames(), **broken_contents()}
# Faults in what is read only when it is needed, columns and records: `check` opens the file and finds them. Any other
# fault keeps a file from being opened.
FOUND_INSIDE = """
    hash|padding|row count of previews huge|row count of entries wraps|no shapes|odd pairs
    shape out of range|shape far out of range|reference out of range|reference far out of range
    references too few|references too many|references missing|degrees too few|degrees too many|degree too large
    degrees wrap|lengths too few|capacities too many|hashes too few|entries too many|entry out of range
    entry far out of range|buffers too few|buffer kinds too many|buffers not in flags
    odd object out of range|odd objects descend|odd object twice
    code: name|code: qualified name|code: file|code: line table ends outside|code: line table one longer
    stack: parent is itself|stack: parent later|stack: parent out of range|stack: code
    preview: node|preview: descending|preview: ends outside|preview: bytes left over|preview: twice
    sites missing|blocks: addresses descend|blocks: sum wraps|blocks: sum beyond all
    block: size|block: site|block: site far|block: node|block: node far|block: kind|block: kind without node
    block: node without kind|block: own, of a synthetic node|block: own twice|block: interval|block: interval of nothing
"""
FOUND = {name.strip() for name in FOUND_INSIDE.replace("\n", "|").split("|") if name.strip()}
FOUND |= {name for name in CORRUPT_FILES if name.startswith("tracked: ")}
FOUND |= {name for name in broken_frames() if name.startswith(("REFS", "SHAP")) and "announces" not in name}


def numbers(description: Description) -> dict[Node, int]:
    """Node numbers of a description."""
    return {node: number for number, node in enumerate(description.ordered())}


def assert_same(snapshot: Snapshot, description: Description) -> None:
    """Everything that the reader found is what was described."""
    nodes = description.ordered()
    number = numbers(description)
    assert snapshot.n_nodes == len(nodes)
    addresses = [node.address for node in nodes if node.address is not None]
    assert snapshot.n_objects == len(addresses)
    assert list(snapshot.addresses) == addresses

    assert snapshot.facts == description.facts
    assert [(code.name, code.qualified_name, code.file) for code in snapshot.codes] == [
        (code.name, code.qualified_name, code.file) for code in description.codes
    ]
    assert [(code.first_line, code.line_table) for code in snapshot.codes] == [
        (code.first_line, code.line_table) for code in description.codes
    ]
    assert [
        (0 if entry.parent is None else entry.parent + 1, entry.code, entry.offset, entry.line)
        for entry in snapshot.stack_entries
    ] == description.stack

    assert [
        (time.time_ns, time.rss, time.traced, *time.generations, time.threads) for time in snapshot.times
    ] == [tuple(None if value in (2**32 - 1, 2**64 - 1) else value for value in row) for row in description.times]

    assert_same_traces(snapshot, description)
    assert_same_samples(snapshot, description)

    assert len(snapshot.types) == len(description.types)
    for found, type_ in zip(snapshot.types, description.types, strict=True):
        assert (found.name, found.module, found.flags) == (type_.name, type_.module, type_.flags)
        assert (found.basic_size, found.item_size) == (type_.basic_size, type_.item_size)
        assert found.visitor == type_.visitor
        assert found.node == (None if type_.node is None else number[type_.node])
        mro = [description.types[row] for row in found.mro]
        assert mro == type_.resolved_mro()
        assert (None if found.base is None else description.types[found.base]) is type_.base

    for index, node in enumerate(nodes):
        shape = description.shapes[snapshot.shapes[index]]
        assert shape is node.shape
        assert snapshot.type_of(index).name == shape.type.name
        assert snapshot.sizes[index] == node.size
        assert snapshot.refcounts[index] == node.refcount
        assert snapshot.flags[index] == node.flags | len(node.buffers) << 8
        buffers = [
            (size, reader.BUFFER_KINDS.index(kind)) for size, kind in snapshot.buffers(index)
        ]
        assert buffers == [*node.buffers]
        assert snapshot.length(index) == (node.length if shape.has_length else None)
        assert snapshot.capacity(index) == (node.capacity if shape.has_capacity else None)
        assert snapshot.hash(index) == (node.hash if shape.has_hash else None)
        entry = node.stack - 1 if shape.has_stack and node.stack else None
        assert snapshot.stack_entry(index) == entry
        preview = snapshot.previews.get(index)
        if preview is None:
            assert node.preview is None
        else:
            assert (preview.kind | CUT * preview.cut, preview.content) == node.preview
        assert_references(snapshot, index, node, number)


def assert_same_traces(snapshot: Snapshot, description: Description) -> None:
    """Sites, and blocks in ascending order."""
    number = numbers(description)
    if description.sites is None:
        assert snapshot.sites is None
    else:
        assert snapshot.sites is not None
        assert [(site.stack, *site[2:]) for site in snapshot.sites] == [
            (site.stack - 1 if site.stack else None, *dataclasses.astuple(site)[2:]) for site in description.sites
        ]
        assert [site.domain for site in snapshot.sites] == [
            site.domain & 2**31 - 1 if site.domain >> 31 else reader.ALLOCATORS[site.domain]
            for site in description.sites
        ]
    assert [
        (trace.address, trace.bytes, trace.site, trace.birth or 0, trace.node, trace.kind, trace.interval)
        for trace in snapshot.traces
    ] == [
        (
            trace.address,
            trace.bytes,
            trace.site,
            trace.birth,
            None if trace.node is None else number[trace.node],
            (None, "own", *reader.BUFFER_KINDS)[trace.kind],
            trace.interval,
        )
        for trace in sorted(description.traces or [], key=lambda trace: trace.address)
    ]


def assert_same_samples(snapshot: Snapshot, description: Description) -> None:
    """Samples, in the order of the file."""
    if description.samples is None:
        assert snapshot.samples is None
        return
    assert snapshot.samples == [
        (
            sample.stack - 1 if sample.stack else None,
            sample.thread,
            sample.task or None,
            sample.state in (1, 3),
            sample.state in (2, 3),
            sample.samples,
            sample.ns,
            sample.cpu_ns,
        )
        for sample in description.samples
    ]


def assert_references(snapshot: Snapshot, index: int, node: Node, number: dict[Node, int]) -> None:
    """Labels, styles, kinds and targets of one node."""
    shape = node.shape
    found = snapshot.references(index)
    targets = [None if target is None else number[target] for target in node.references]
    assert [reference.target for reference in found] == targets
    for reference, (label, style, kind) in zip(found, shape.fixed, strict=False):
        assert (reference.label, reference.style) == (label, reader.LABEL_STYLES[style])
        assert reference.kind == (None if reference.target is None else reader.KINDS[kind])
    run = found[len(shape.fixed) :]
    run_targets = targets[len(shape.fixed) :]
    for place, reference in enumerate(run):
        expected: tuple[object, str] = {
            ITEMS: (place, "items"),
            PAIRS: (run_targets[place - 1], "value") if place % 2 else (None, "key"),
            MEMBERS: (None, "members"),
            UNLABELLED: (None, "unlabelled"),
            VALUE_STACK: (place, "stack"),
        }[shape.run_style]
        assert (reference.label, reference.style) == expected
        kind_name = None if reference.target is None else reader.KINDS[shape.run_kind]
        assert reference.kind == kind_name


# --- Round trips ---------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ENCODINGS, ids=str)
def test_every_encoding_gives_the_same(encoding: Encoding) -> None:
    description = sample()
    snapshot = Snapshot.open(writer.write(description, default=encoding))
    assert_same(snapshot, description)
    assert snapshot.check() == []


@st.composite
def descriptions(draw: st.DrawFn) -> Description:
    """Random processes of up to 20 objects, without what only `sample` has meaning for."""
    strings = st.text(st.characters(), max_size=6)
    word = st.integers(0, 2**32 - 1)
    wide = st.integers(0, 2**64 - 1)
    roots = Type("roots", "tonnage", SYNTHETIC_TYPE)
    types = [
        Type(draw(strings), draw(st.none() | strings), basic_size=draw(word), item_size=draw(word))
        for _ in range(draw(st.integers(1, 4)))
    ]
    for type_ in types[1:]:
        type_.base = draw(st.none() | st.just(types[0]))
    fixed = st.tuples(strings, st.integers(0, 4), st.integers(0, 4))
    shapes = [
        Shape(
            draw(st.sampled_from(types)) if row else roots,
            draw(st.lists(fixed, max_size=3)),
            draw(st.integers(0, 5)),
            draw(st.integers(0, 4)),
            *(draw(st.booleans()) for _ in range(4)),
        )
        for row in range(draw(st.integers(2, 6)))
    ]
    granules = draw(st.sets(st.integers(0, 2**60 - 1) | st.integers(0, 2**17), max_size=20))
    objects = [
        Node(
            draw(st.sampled_from(shapes[1:])),
            16 * granule + draw(st.sampled_from((0, 8))),
            size=draw(st.integers(2**20, 2**64 - 1)),
            refcount=draw(word),
            flags=PYMALLOC | draw(st.integers(0, 7)),
            buffers=draw(st.lists(st.tuples(st.integers(0, 2**18), st.integers(0, 9)), max_size=3)),
            preview=draw(st.none() | st.tuples(st.just(7), strings.map(lambda s: s.encode("utf-8", "surrogatepass")))),
        )
        for granule in sorted(granules)
    ]
    nodes = objects + [Node(shapes[0]) for _ in range(draw(st.integers(1, 3)))]
    codes = [
        Code(draw(strings), draw(strings), draw(strings), draw(word), b"")
        for _ in range(draw(st.integers(0, 3)))
    ]
    n_entries = draw(st.integers(0, 5)) if codes else 0
    stack = [
        (draw(st.integers(0, row)), draw(st.integers(0, len(codes) - 1)), draw(word), draw(word))
        for row in range(n_entries)
    ]
    for node in nodes:
        n_run = draw(st.integers(0, 6)) if node.shape.run_style else 0
        n_run -= n_run % 2 if node.shape.run_style == PAIRS else 0
        for _ in range(len(node.shape.fixed) + n_run):
            node.references.append(draw(st.none() | st.sampled_from(nodes)))
        node.length, node.capacity, node.hash = draw(st.tuples(wide, wide, wide))
        node.stack = draw(st.integers(0, n_entries))
    finite = st.floats(allow_nan=False)
    integers = st.integers(-(2**63), 2**64 - 1)
    facts = draw(st.dictionaries(strings, integers | finite | strings, max_size=4))
    sites = draw(st.none() | st.lists(random_sites(n_entries), max_size=4))
    traces = draw(st.none() | random_traces(nodes, len(sites or ())))
    samples = draw(st.none() | st.lists(random_samples(n_entries), max_size=4))
    return Description(
        nodes, [roots, *types], shapes, facts, codes, stack, sites=sites, traces=traces, samples=samples
    )


def random_samples(n_entries: int) -> st.SearchStrategy[Sample]:
    """Any row of samples; sums of a few do not reach the bound."""
    many = st.integers(0, 2**60)
    name = st.text(max_size=4)
    return st.builds(
        Sample, st.integers(0, n_entries), name, name, st.integers(0, 3), st.integers(1, 2**60), many, many
    )


def random_sites(n_entries: int) -> st.SearchStrategy[Site]:
    """Any site; sums of a few do not reach the bound."""
    many = st.integers(0, 2**60)
    counts = st.floats(0, 2**60)
    domain = st.integers(0, 2) | st.integers(2**31, 2**32 - 1)
    return st.builds(Site, st.integers(0, n_entries), domain, *[many] * 5, *[counts] * 4)


@st.composite
def random_traces(draw: st.DrawFn, nodes: list[Node], n_sites: int) -> list[Trace]:
    """Own blocks of some objects, buffers and other blocks anywhere."""
    site = st.integers(0, n_sites - 1)
    birth = st.integers(0, 2**64 - 1)
    interval = st.just(0) | st.integers(0, 2**48)
    size = st.integers(1, 2**50)
    traces = []
    last = -1
    for node in nodes:
        if node.address is None or not n_sites or not draw(st.booleans()):
            continue
        address = max(last, 0, node.address - draw(st.sampled_from((0, 8, 16, 32))))
        if address <= node.address:
            bytes_ = node.address - address + draw(size)
            traces.append(Trace(address, bytes_, draw(site), draw(birth), node, 1, draw(interval)))
            last = address
    for _ in range(draw(st.integers(0, 5)) if n_sites else 0):
        owner = draw(st.none() | st.sampled_from(nodes))
        kind = draw(st.integers(2, 11)) if owner else 0
        traces.append(Trace(draw(birth), draw(size), draw(site), draw(birth), owner, kind, draw(interval)))
    return traces


any_encoding = st.builds(
    Encoding,
    width=st.sampled_from((1, 2, 4, 8)),
    delta=st.booleans(),
    planes=st.booleans(),
    compress=st.booleans(),
    level=st.sampled_from((1, 19)),
    checksum=st.booleans(),
    content_size=st.booleans(),
    rows=st.integers(1, 9),
)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    descriptions(),
    st.dictionaries(st.sampled_from(sorted(reader.KNOWN)), any_encoding),
    any_encoding,
    st.randoms(use_true_random=False),
)
def test_random_processes(
    description: Description,
    encodings: dict[str, Encoding],
    default: Encoding,
    chance: random.Random,
) -> None:
    chunks = writer.describe(description, encodings, default)
    chance.shuffle(chunks)
    chunks.sort(key=lambda chunk: chunk.first_row)
    snapshot = Snapshot.open(writer.assemble(chunks, toc_encoding=default))
    assert_same(snapshot, description)
    assert snapshot.check() == []


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 300)), any_encoding)
def test_column_round_trip(values: list[int], encoding: Encoding) -> None:
    chunks = writer.column_chunks("REFS", values, encoding)
    data = memoryview(writer.assemble(chunks))
    found: list[int] = []
    offset = reader.HEADER_BYTES
    for _ in chunks:
        chunk = reader.read_chunk(data, offset, len(data))
        found.extend(reader.decode_column(chunk))
        offset = chunk.end
    assert found == values


def test_bytes_by_hand() -> None:
    """Bytes worked out on paper, so that writer and reader cannot err together."""
    assert writer.column_payload([1, 258, 3], 2, False, False) == bytes.fromhex("0100 0201 0300")
    assert writer.column_payload([1, 258, 3], 2, True, False) == bytes.fromhex("0100 0101 01ff")
    assert writer.column_payload([1, 258, 3], 2, False, True) == bytes.fromhex("010203 000100")
    assert writer.column_payload([1, 258, 3], 2, True, True) == bytes.fromhex("010101 0001ff")
    for transform, stored in ((0, "010002010300"), (3, "0101010001ff")):
        head = b"REFS" + bytes([1, 0, 2, transform]) + struct.pack("<QQQQ", 0, 3, 6, 6)
        payload = bytes.fromhex(stored)
        data = head + struct.pack("<Q", reader.hash64(head + payload)) + payload + bytes(2)
        chunk = reader.read_chunk(memoryview(data), 0, len(data))
        assert list(reader.decode_column(chunk)) == [1, 258, 3]
    # XXH3 of nothing, from the reference implementation.
    assert reader.hash64(b"") == 0x2D06800538D394C2
    assert writer.header()[:24] == bytes.fromhex(
        "89544e470d0a1a0a 0100 0000 00000000 0000000000000000"
    )
    region = writer.address_rows([0x10_0000, 0x10_0018, 0x1F_FFF0])[0]
    assert region[:9] == bytes.fromhex("0100000000000000 03")
    assert region[-1] == 0x80
    assert len(region) == 8200


def test_lines_of_a_code_object() -> None:
    """The line table of the sample by hand, and that of a real function."""
    lines = [(0, 2, 10), (2, 6, 11), (6, 12, 11), (12, 14, None), (14, 16, 12), (16, 18, 11)]
    assert list(reader.code_lines(LINE_TABLE, 10)) == lines
    code = test_every_encoding_gives_the_same.__code__
    found: dict[int, int | None] = {}
    for start, end, line in reader.code_lines(code.co_linetable, code.co_firstlineno):
        found.update(dict.fromkeys(range(start, end, 2), line))
    expected: dict[int, int | None] = {}
    for start, end, line in code.co_lines():
        expected.update(dict.fromkeys(range(start, end, 2), line))
    assert found == expected


def test_stack_and_labels() -> None:
    """The sample, read by its meaning."""
    description = sample()
    number = numbers(description)
    snapshot = Snapshot.open(writer.write(description))
    texts = {
        node: content.content.decode("utf-8", "surrogatepass")
        for node, content in snapshot.previews.items()
        if content.kind == reader.PREVIEW_STR and not content.cut
    }
    alpha = next(node for node, string in texts.items() if string == "alpha")
    entry = snapshot.stack_entry(alpha)
    assert entry == 1
    frames = [(snapshot.codes[code].name, line) for _, code, _, line in snapshot.stack(entry)]
    assert frames == [("<lambda>", 12), ("main", 11)]
    pairs = next(node for node in description.nodes if node.shape.run_style == PAIRS)
    labels = [reference.label for reference in snapshot.references(number[pairs])]
    assert labels[0::2] == [None, None, None]
    assert labels[1] == alpha
    smile = labels[5]
    assert isinstance(smile, int)
    assert texts[smile].endswith("\ud800\udc00")
    address = snapshot.addresses[alpha]
    assert snapshot.node_at(address) == alpha
    assert snapshot.node_at(address + 8) is None


def test_summary_of_the_sample() -> None:
    rows = {row.type: row for row in Snapshot.open(writer.write(sample())).summary()}
    base = 0x7F00_1230_0000
    assert rows["demo.Point"] == reader.SummaryRow("demo.Point", 2, 96, 48, base + 0x400)
    assert rows["list"] == reader.SummaryRow("list", 2, 72 + 160, 160, base + 0x280)
    assert "Nowhere" in rows
    assert "demo.sub.Outer.Inner" in rows
    assert not any("Recorder" in name or "roots" in name for name in rows)


def test_more_nodes_than_fit_in_a_chunk() -> None:
    """Node columns are cut at 262 144 rows."""
    n_objects = 300_000
    holder = Type("list", flags=COLLECTED_TYPE)
    roots = Type("roots", "tonnage", SYNTHETIC_TYPE)
    shapes = [Shape(holder, run_style=ITEMS), Shape(roots, run_style=UNLABELLED)]
    tables = Description([Node(shapes[1])], [holder, roots], shapes, {"capture.mode": "stop"})
    compressed = Encoding(compress=True, rows=1_000_000)
    chunks = writer.describe(tables, default=compressed, omit=("ADDR", "SHAP", "REFS", "DEGR"))
    chunks = [chunk for chunk in chunks if chunk.id not in (b"SIZE", b"REFC", b"FLAG")]
    node_columns = {
        "SHAP": [0] * n_objects + [1],
        "SIZE": [56 + 8 * (node % 4) for node in range(n_objects)] + [0],
        "REFC": [1] * n_objects + [0],
        "FLAG": [PYMALLOC] * n_objects + [0],
        "DEGR": [1] * n_objects + [1],
        "REFS": [1 + node * 7 % n_objects for node in range(n_objects)] + [1],
    }
    for chunk_id, values in node_columns.items():
        encoding = dataclasses.replace(compressed, delta=chunk_id == "REFS")
        chunks += writer.column_chunks(chunk_id, values, encoding)
    rows = writer.address_rows(range(0x7000_0000_0000, 0x7000_0000_0000 + 16 * n_objects, 16))
    chunks += writer.table_chunks("ADDR", rows, compressed)
    data = writer.assemble(chunks)

    snapshot = Snapshot.open(data)
    assert [chunk.n_rows for chunk in snapshot.chunks["SHAP"]] == [262_144, n_objects + 1 - 262_144]
    assert snapshot.n_objects == n_objects
    assert snapshot.references(299_999) == [reader.Reference(0, "items", "owning", 299_993)]
    assert snapshot.summary()[0].size == sum(node_columns["SIZE"])
    assert snapshot.check() == []


# --- What a reader must accept -------------------------------------------------------------------


@pytest.mark.parametrize("name", GOOD_FILES)
def test_good_files(name: str) -> None:
    snapshot = Snapshot.open(GOOD_FILES[name])
    assert snapshot.check() == []


def test_a_path_can_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.tonnage"
    path.write_bytes(no_objects())
    assert Snapshot.open(path).n_nodes == 1
    assert Snapshot.open(str(path)).n_objects == 0


def test_missing_columns() -> None:
    """What was not recorded is unknown, not zero, but for counts and flags of nodes."""
    snapshot = Snapshot.open(GOOD_FILES["optional chunks missing"])
    assert snapshot.refcounts[0] == 0
    assert snapshot.length(0) is snapshot.capacity(0) is snapshot.hash(0) is None
    assert snapshot.previews == {}


# --- What a reader must refuse -------------------------------------------------------------------


@pytest.mark.parametrize("name", CORRUPT_FILES)
def test_corrupt_files(name: str) -> None:
    with pytest.raises(reader.Corrupt):
        Snapshot.open(CORRUPT_FILES[name])


def truncated_files() -> list[bytes]:
    """A good file cut in many places."""
    return list(writer.truncations(writer.assemble(sample_chunks())))


def test_truncated_files() -> None:
    good = writer.assemble(sample_chunks())
    whole = len(writer.chunk_borders(good)) - 1
    for data in truncated_files():
        with pytest.raises(reader.Truncated):
            Snapshot.open(data)
        if len(data) >= reader.HEADER_BYTES:
            found = reader.walk_chunks(data)
            borders = writer.chunk_borders(good)
            assert len(found) == sum(border <= len(data) for border in borders[1:])
            assert len(found) <= whole
    with pytest.raises(reader.Truncated):
        Snapshot.open(good + b"\0")


@pytest.mark.parametrize(
    "data", [b"garbage", b"\x89TNG\r\n\x1a\r", bytes(4096), b"PK\3\4" + bytes(100)], ids=repr
)
def test_other_files(data: bytes) -> None:
    with pytest.raises(reader.NotASnapshot):
        Snapshot.open(data)


@pytest.mark.parametrize("major", [0, 2, 256, 65535])
def test_other_major_version(major: int) -> None:
    with pytest.raises(reader.Unsupported, match=f"{major}"):
        Snapshot.open(writer.with_version(writer.assemble(sample_chunks()), major))


def test_other_chunk_version() -> None:
    with pytest.raises(reader.Unsupported):
        Snapshot.open(writer.changed_chunk(sample_chunks(), "HASH", version=2))


def test_flipped_bits() -> None:
    """No bit of a file can change unnoticed."""
    data = writer.write(sample(), default=Encoding(compress=True, level=19))
    for byte in range(len(data)):
        with pytest.raises(reader.SnapshotError):
            Snapshot.open(writer.flip(data, 8 * byte + byte % 8))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.sampled_from([b"", writer.MAGIC, writer.header()]))
def test_garbage(tail: bytes, start: bytes) -> None:
    with pytest.raises(reader.SnapshotError):
        Snapshot.open(start + tail)


def test_check_finds_contradictions() -> None:
    """Each change breaks one rule that `check` alone looks at."""
    changes: dict[str, Callable[[Description], object]] = {
        "unknown flags": lambda d: setattr(d.nodes[3], "flags", PYMALLOC | 1 << 15),
        "allocator": lambda d: setattr(d.nodes[3], "flags", 0),
        "is immortal or synthetic": lambda d: setattr(d.nodes[0], "refcount", 1),
        "less than its buffers": lambda d: setattr(
            next(n for n in d.nodes if n.buffers), "size", 8
        ),
        "in static memory": lambda d: setattr(
            next(n for n in d.nodes if n.flags & STATIC), "size", 8
        ),
        "reference count": lambda d: setattr(d.nodes[3], "refcount", 2**32),
        "not synthetic": lambda d: setattr(d.types[0], "flags", SYNTHETIC_TYPE),
        "unknown visitor": lambda d: setattr(d.types[0], "visitor", 5),
        "first of its own MRO": lambda d: setattr(d.types[0], "mro", d.types[:2][::-1]),
        "type 0 (type): unknown flags": lambda d: setattr(d.types[0], "flags", 1 << 7),
        "unknown kind of run": lambda d: setattr(d.shapes[1], "run_kind", 5),
        "unknown run style": lambda d: setattr(d.shapes[1], "run_style", 6),
        "buffer is of unknown kind": lambda d: setattr(
            next(n for n in d.nodes if len(n.buffers) == 1), "buffers", [(88, 10)]
        ),
        "only the pool scan": lambda d: d.nodes[0].references.append(d.nodes[3]),
        "not UTF-8": lambda d: setattr(d.nodes[-2], "preview", (1, b"\xff")),
        "its hash": lambda d: setattr(d.nodes[-2], "hash", 1),
        "length 4": lambda d: setattr(d.nodes[-2], "preview", (1, b"alph")),
        "preview of node": lambda d: setattr(d.nodes[-2], "preview", (8, b"")),
        "3 bytes": lambda d: setattr(d.nodes[-2], "preview", (3, b"abc")),
        "does not begin in it": lambda d: (d.traces or []).__setitem__(0, Trace(2, 1, 0, 0, d.nodes[-2], 1)),
        "by its line table": lambda d: d.stack.__setitem__(0, (0, 0, 2, 12)),
    }
    for expected, change in changes.items():
        description = sample()
        change(description)
        findings = Snapshot.open(writer.write(description)).check()
        assert any(expected in finding for finding in findings), (expected, findings)


# --- The command ---------------------------------------------------------------------------------


def find_command() -> str | None:
    """Path of the command, None where it was not built."""
    given_path = os.environ.get("TONNAGE_CLI")
    path = Path(given_path) if given_path else ROOT / ".venv" / "bin" / "tonnage"
    return str(path) if path.exists() else None


COMMAND = find_command()
needs_command = pytest.mark.skipif(
    COMMAND is None, reason="no command: TONNAGE_CLI is unset and .venv/bin/tonnage missing"
)


def run_command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """The command with its output as text; a run of more than a minute fails."""
    assert COMMAND is not None
    words = [COMMAND, *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def check_code(tmp_path: Path, data: bytes) -> int:
    """Exit code of `tonnage check`. What it opens and finds fault with has a verdict; the rest is refused in a line."""
    path = tmp_path / "file.tonnage"
    path.write_bytes(data)
    done = run_command("check", path)
    assert (done.returncode in (GOOD, FINDINGS)) == done.stdout.startswith("verdict: "), done
    assert (done.returncode in (GOOD, FINDINGS)) == (done.stderr == ""), done
    return done.returncode


def summary_of_command(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Rows of `tonnage summary` by type name; addresses as numbers."""
    done = run_command("summary", path, "--json", "--limit", "0")
    assert done.returncode == GOOD, done.stderr
    parsed = json.loads(done.stdout)
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in parsed["rows"] if isinstance(parsed, dict) else parsed:
        address = row["largest_address"]
        number = int(address, 0) if isinstance(address, str) else address
        rows.setdefault(row["type"], []).append({**row, "largest_address": number})
    return rows


def assert_same_summary(path: Path, snapshot: Snapshot) -> None:
    """The command's rows are those of the pure reader.

    Types that print alike are compared together. Of several largest objects any may be named.
    """
    expected: dict[str, list[reader.SummaryRow]] = {}
    for row in snapshot.summary():
        expected.setdefault(row.type, []).append(row)
    found = summary_of_command(path)
    assert found.keys() == expected.keys()
    for name, rows in expected.items():
        others = found[name]
        assert sum(row["count"] for row in others) == sum(row.count for row in rows), name
        assert sum(row["size"] for row in others) == sum(row.size for row in rows), name
        assert max(row["largest"] for row in others) == max(row.largest for row in rows), name
        for row_found in others:
            node = snapshot.node_at(row_found["largest_address"])
            assert node is not None, name
            assert snapshot.type_of(node).full_name == name
            assert snapshot.sizes[node] == row_found["largest"], name


@needs_command
@pytest.mark.parametrize("name", GOOD_FILES)
def test_command_reads_good_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / "good.tonnage"
    path.write_bytes(GOOD_FILES[name])
    done = run_command("check", path)
    assert done.returncode == GOOD, done.stdout + done.stderr
    assert_same_summary(path, Snapshot.open(path))
    info = run_command("info", path, "--json")
    assert info.returncode == GOOD, info.stderr
    assert json.loads(info.stdout)


@needs_command
@pytest.mark.parametrize("encoding", ENCODINGS, ids=str)
def test_command_reads_every_encoding(tmp_path: Path, encoding: Encoding) -> None:
    path = tmp_path / "good.tonnage"
    path.write_bytes(writer.write(sample(), default=encoding))
    assert run_command("check", path).returncode == GOOD
    assert_same_summary(path, Snapshot.open(path))


@needs_command
@pytest.mark.parametrize("name", CORRUPT_FILES)
def test_command_refuses_corrupt_files(tmp_path: Path, name: str) -> None:
    assert check_code(tmp_path, CORRUPT_FILES[name]) == (FINDINGS if name in FOUND else UNREADABLE)


def test_every_fault_that_is_found_is_made() -> None:
    assert FOUND <= CORRUPT_FILES.keys()


@needs_command
def test_command_finds_truncation(tmp_path: Path) -> None:
    """With a whole header the chunks that are left are listed; without one there is nothing to open."""
    codes = {len(data): check_code(tmp_path, data) for data in truncated_files()}
    assert codes == {length: FINDINGS if length >= reader.HEADER_BYTES else UNREADABLE for length in codes}


@needs_command
@pytest.mark.parametrize("data", [b"", b"garbage", bytes(4096)], ids=["empty", "short", "zeros"])
def test_command_refuses_other_files(tmp_path: Path, data: bytes) -> None:
    assert check_code(tmp_path, data) == UNREADABLE


@needs_command
@pytest.mark.parametrize("major", [0, 2, 65535])
def test_command_refuses_other_versions(tmp_path: Path, major: int) -> None:
    data = writer.with_version(writer.assemble(sample_chunks()), major)
    assert check_code(tmp_path, data) == UNSUPPORTED


@needs_command
def test_command_notices_flipped_bits(tmp_path: Path) -> None:
    """A flipped bit is a fault found where a file can be opened, as `info` then can; else the file is refused.

    The header is behind a hash of its own, so that no bit makes it another version; without its trailer a file is cut.
    """
    data = writer.write(sample(), default=Encoding(compress=True, level=19))
    borders = writer.chunk_borders(data)
    header, trailer = range(reader.HEADER_BYTES), range(len(data) - 32, len(data))
    places = {*header, *trailer}
    for border in borders[:-1]:
        places.update(range(border, border + 48, 3), (border + 48, border + 50))
    for byte in sorted(places):
        code = check_code(tmp_path, writer.flip(data, 8 * byte + byte % 8))
        opened = run_command("info", tmp_path / "file.tonnage").returncode
        assert opened == UNREADABLE if byte in header or byte in trailer else opened in (GOOD, UNREADABLE), byte
        assert code == (FINDINGS if opened == GOOD or byte in trailer else UNREADABLE), byte


# --- The capture ---------------------------------------------------------------------------------

PROGRAM = """
    import json, sys
    import tonnage

    class Marker:
        __slots__ = ("payload", "empty")

    class Plain:
        pass

    markers = [Marker() for _ in range(7)]
    for index, marker in enumerate(markers):
        marker.payload = "payload %d \\u20ac \\ud800" % index
    plain = Plain()
    plain.first = markers
    key, other = "the key", b"the other key"
    table = {key: markers, other: 12345 ** 30}
    pair = (table, markers)
    members = {"only member"}
    tonnage.snapshot(sys.argv[1])
    print(json.dumps({
        "markers": id(markers), "items": [id(marker) for marker in markers],
        "payloads": [id(marker.payload) for marker in markers],
        "texts": [ascii(marker.payload) for marker in markers],
        "plain": id(plain), "table": id(table), "pair": id(pair), "members": id(members),
        "member": id(next(iter(members))),
        "keys": [id(key), id(other)], "values": [id(value) for value in table.values()],
        "bits": table[other].bit_length(), "marker_type": id(Marker),
    }))
"""


@dataclasses.dataclass(frozen=True)
class Captured:
    """A file by the capture of a program, and what the program said of its objects."""

    path: Path
    snapshot: Snapshot
    told: dict[str, Any]

    def node(self, address: int) -> int:
        """The object at an address, which must be there."""
        node = self.snapshot.node_at(address)
        assert node is not None, hex(address)
        return node

    def nodes(self, key: str) -> list[int]:
        """Nodes of a list of addresses that the program told."""
        return [self.node(address) for address in self.told[key]]


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    """One capture for all tests."""
    if find_spec("tonnage") is None:
        pytest.skip("the package tonnage cannot be imported by this interpreter")
    path = tmp_path_factory.mktemp("capture") / "real.tonnage"
    words = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return Captured(path, Snapshot.open(path), json.loads(done.stdout))


def test_capture_keeps_the_rules(captured: Captured) -> None:
    assert captured.snapshot.check() == []


@needs_command
def test_capture_and_summary_of_command(captured: Captured) -> None:
    assert run_command("check", captured.path).returncode == GOOD
    assert_same_summary(captured.path, captured.snapshot)


def test_capture_counts(captured: Captured) -> None:
    rows = {row.type: row for row in captured.snapshot.summary()}
    assert rows["__main__.Marker"].count == 7
    assert rows["__main__.Plain"].count == 1
    assert rows["__main__.Marker"].size == 7 * rows["__main__.Marker"].largest


def test_capture_references(captured: Captured) -> None:
    """References of known objects have the targets and labels that the program gave them."""
    snapshot = captured.snapshot
    items = captured.nodes("items")
    markers = captured.node(captured.told["markers"])
    run = [ref for ref in snapshot.references(markers) if ref.style == "items"]
    assert run == [reader.Reference(i, "items", "owning", node) for i, node in enumerate(items)]
    for node, payload in zip(items, captured.nodes("payloads"), strict=True):
        by_label = {ref.label: ref for ref in snapshot.references(node)}
        assert by_label["payload"] == reader.Reference("payload", "attribute", "owning", payload)
        assert by_label["empty"].target is None
        assert by_label["empty"].kind is None
    pair = snapshot.references(captured.node(captured.told["pair"]))
    items_of_pair = [(ref.label, ref.target) for ref in pair if ref.style == "items"]
    assert items_of_pair == [(0, captured.node(captured.told["table"])), (1, markers)]
    table = snapshot.references(captured.node(captured.told["table"]))
    values = [ref for ref in table if ref.style == "value"]
    keys = captured.nodes("keys")
    expected = zip(keys, captured.nodes("values"), strict=True)
    assert [(ref.label, ref.target) for ref in values] == list(expected)
    assert [ref.target for ref in table if ref.style == "key"] == keys
    members = snapshot.references(captured.node(captured.told["members"]))
    member = captured.node(captured.told["member"])
    assert [ref.target for ref in members if ref.style == "members"] == [member]


def test_capture_attribute(captured: Captured) -> None:
    """An attribute is found by its name, on the instance or by the key in its dictionary."""
    snapshot = captured.snapshot
    direct = snapshot.references(captured.node(captured.told["plain"]))
    named = {ref.label: ref.target for ref in direct if isinstance(ref.label, str)}
    for ref in direct:
        if ref.target is not None and snapshot.type_of(ref.target).full_name == "dict":
            for inner in snapshot.references(ref.target):
                if inner.style == "value" and isinstance(inner.label, int):
                    key = snapshot.previews.get(inner.label)
                    named[key.content.decode() if key else ""] = inner.target
    assert named["first"] == captured.node(captured.told["markers"])


def test_capture_contents(captured: Captured) -> None:
    """Lengths, hashes, previews and types of known objects."""
    snapshot = captured.snapshot
    for node, shown in zip(captured.nodes("payloads"), captured.told["texts"], strict=True):
        string = json.loads('"' + shown[1:-1] + '"')
        assert snapshot.length(node) == len(string)
        assert snapshot.hash(node) in (None, text_hash(string))
        preview = snapshot.previews.get(node)
        if preview is not None:
            content = string.encode("utf-8", "surrogatepass")
            assert preview.kind == reader.PREVIEW_STR
            assert content.startswith(preview.content)
            assert preview.cut == (preview.content != content)
    big = captured.nodes("values")[1]
    assert snapshot.type_of(big).full_name == "int"
    assert snapshot.length(big) == captured.told["bits"]
    marker = snapshot.type_of(captured.nodes("items")[0])
    assert marker.full_name == "__main__.Marker"
    assert marker.node == captured.node(captured.told["marker_type"])
    assert [snapshot.types[row].full_name for row in marker.mro] == ["__main__.Marker", "object"]


def test_capture_reference_counts(captured: Captured) -> None:
    """No object has more owning references in the file than it counts itself."""
    snapshot = captured.snapshot
    owned = [0] * snapshot.n_nodes
    for node in range(snapshot.n_nodes):
        if snapshot.flags[node] & STATIC:
            continue  # data of the program image refers without counting
        for ref in snapshot.references(node):
            if ref.kind == "owning" and ref.target is not None:
                owned[ref.target] += 1
    too_many = [
        (snapshot.type_of(node).full_name, owned[node], snapshot.refcounts[node])
        for node in range(snapshot.n_objects)
        if not snapshot.flags[node] & IMMORTAL and owned[node] > snapshot.refcounts[node]
    ]
    assert too_many == []


def test_capture_facts(captured: Captured) -> None:
    """Sums in the facts agree with the columns, and no self-check failed."""
    snapshot = captured.snapshot
    facts = snapshot.facts
    rows = snapshot.summary()
    own = [node for node in range(snapshot.n_objects) if snapshot.flags[node] & OWN]
    assert facts["objects.count"] == sum(row.count for row in rows)
    assert facts["objects.bytes"] == sum(row.size for row in rows)
    assert facts["own.count"] == len(own)
    assert facts["own.bytes"] == sum(snapshot.sizes[node] for node in own)
    assert facts["capture.mode"] == "stop"
    failed = {key: value for key, value in facts.items() if key.endswith(".failed") and value}
    assert failed == {}
    ledger: dict[str, int] = {
        key: value
        for key, value in facts.items()
        if key.startswith("ledger.") and isinstance(value, int)
    }
    if ledger:
        total = ledger.pop("ledger.rss_bytes")
        taken_off = ledger.pop("ledger.not_resident_bytes", 0) + ledger.pop("ledger.overcounted_bytes", 0)
        assert total == sum(ledger.values()) - taken_off
