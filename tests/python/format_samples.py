"""Snapshot files for the tests: a sample of everything, unusual good files, and broken ones."""

from __future__ import annotations

import dataclasses
import math
import struct
from collections.abc import Callable

import pure_reader as reader
import pure_tracked
import pure_writer as writer
from pure_writer import Code, Description, Encoding, Node, RawChunk, Sample, Shape, Site, Trace, Type

PYMALLOC, MALLOC = 1 << 10, 2 << 10  # FLAG bits 10-11
TRACKED, IMMORTAL, STATIC, OWN, HIDDEN = 1, 1 << 3, 1 << 4, 1 << 6, 1 << 7
SYNTHETIC_TYPE, HEAP_TYPE, COLLECTED_TYPE, OWN_TYPE = 1 << 2, 1, 2, 1 << 6
ATTRIBUTE, ITEM, LOCAL, FIELD, ROOT_NAME = range(5)
ITEMS, PAIRS, MEMBERS, UNLABELLED, VALUE_STACK = range(1, 6)
OWNING, BORROWED, WEAK, INTERNED, GUESSED = range(5)
CUT = 1 << 15

ENCODINGS = [
    Encoding(width=width, delta=delta, planes=planes, compress=compress, rows=rows)
    for width in (1, 2, 4, 8)
    for delta in (False, True)
    for planes in (False, True)
    for compress in (False, True)
    for rows in (3, 1000)
]


ANY_NODE = Node(Shape(Type("any")))

# Entries: no columns, +0; no columns, +1; short; none; one line, +1; long, -1.
LINE_TABLE = bytes.fromhex("e800 e902 8200 f8 d80000 f003410100 00")

# --- A sample with something of everything -------------------------------------------------------


def text_hash(string: str) -> int:
    """XXH3 of the UTF-8 of a string."""
    return reader.hash64(string.encode("utf-8", "surrogatepass"))


def sample() -> Description:
    """A small process: objects of many types, two threads' worth of stacks, all chunk kinds."""
    object_type = Type("object", flags=0, visitor=0)
    type_type = Type("type", flags=3, visitor=1, base=object_type, basic_size=900, item_size=40)
    named = {
        name: Type(name, flags=COLLECTED_TYPE, base=object_type)
        for name in ("list", "tuple", "dict", "set", "str", "bytes", "int", "float", "complex")
    }
    point = Type("Point", "demo", HEAP_TYPE | COLLECTED_TYPE | 48, visitor=2, base=object_type)
    inner = Type("Outer.Inner", "demo.sub", HEAP_TYPE | 8, base=point)
    nowhere = Type("Nowhere", None, HEAP_TYPE, visitor=3, base=object_type)
    ours = Type("Recorder", "tonnage._capture", HEAP_TYPE | OWN_TYPE, visitor=0, base=object_type)
    roots = Type("roots", "tonnage", SYNTHETIC_TYPE, mro=())
    frame = Type("frame", "tonnage", SYNTHETIC_TYPE, mro=())
    types = [
        type_type,
        point,
        inner,
        *named.values(),
        object_type,
        nowhere,
        ours,
        roots,
        frame,
    ]

    type_shape = Shape(
        type_type,
        [("__dict__", ATTRIBUTE, OWNING), ("__base__", ATTRIBUTE, OWNING), ("cache", FIELD, 1)],
    )
    list_shape = Shape(named["list"], run_style=ITEMS, has_capacity=True)
    tuple_shape = Shape(named["tuple"], run_style=ITEMS)
    dict_shape = Shape(named["dict"], run_style=PAIRS, has_capacity=True)
    set_shape = Shape(named["set"], run_style=MEMBERS, has_capacity=True)
    str_shape = Shape(named["str"], has_length=True, has_hash=True, has_stack=True)
    bytes_shape = Shape(named["bytes"], has_length=True, has_hash=True)
    int_shape = Shape(named["int"], has_length=True)
    float_shape = Shape(named["float"])
    complex_shape = Shape(named["complex"])
    point_shape = Shape(point, [("x", ATTRIBUTE, OWNING), ("y y", ITEM, OWNING)], has_stack=True)
    guessed_shape = Shape(nowhere, run_style=UNLABELLED, run_kind=GUESSED)
    inner_shape = Shape(inner, [("referent", FIELD, WEAK)], UNLABELLED)
    ours_shape = Shape(ours)
    root_shape = Shape(roots, [("interned", ROOT_NAME, INTERNED)], UNLABELLED)
    frame_shape = Shape(frame, [("x", LOCAL, OWNING), ("y", LOCAL, OWNING)], VALUE_STACK)
    shapes = [
        type_shape,
        list_shape,
        tuple_shape,
        dict_shape,
        set_shape,
        str_shape,
        bytes_shape,
        int_shape,
        float_shape,
        complex_shape,
        point_shape,
        guessed_shape,
        inner_shape,
        ours_shape,
        root_shape,
        frame_shape,
    ]

    def text(address: int, string: str, stack: int = 0, kept: int | None = None) -> Node:
        content = string.encode("utf-8", "surrogatepass")
        preview = (1, content) if kept is None else (1 | CUT, content[:kept])
        return Node(
            str_shape,
            address,
            64,
            9,
            PYMALLOC,
            length=len(string),
            hash=text_hash(string),
            stack=stack,
            preview=preview,
        )

    base = 0x7F00_1230_0000
    alpha = text(base + 0x40, "alpha", 2)
    smile = text(base + 0x80, "smile \N{SLIGHTLY SMILING FACE} \ud800\udc00", 3)
    long_text = text(base + 0xC0, "long " * 100, kept=16)
    data = Node(
        bytes_shape,
        base + 0x1_0000,
        100,
        1,
        MALLOC,
        length=5,
        hash=reader.hash64(b"a\0b\xff\n"),
        preview=(2, b"a\0b\xff\n"),
    )
    zero = Node(int_shape, 0x55_0000_1000, 0, 0, IMMORTAL | STATIC, length=0, preview=(3, bytes(8)))
    minus = Node(
        int_shape,
        base + 0x100,
        32,
        1,
        PYMALLOC,
        length=9,
        preview=(3, struct.pack("<q", -300)),
    )
    huge = Node(
        int_shape,
        base + 0x140,
        160,
        1,
        PYMALLOC,
        length=1000,
        preview=(5, struct.pack("<QB", 1000, 1)),
    )
    real = Node(
        float_shape, base + 0x180, 32, 1, PYMALLOC, preview=(4, struct.pack("<d", float("nan")))
    )
    pair = Node(
        complex_shape, base + 0x1C0, 32, 1, PYMALLOC, preview=(6, struct.pack("<dd", 1.5, -2.0))
    )
    type_nodes = []
    for index, type_ in enumerate((point, inner, type_type)):
        type_.node = Node(
            type_shape,
            base + 0x20_0008 + 0x400 * index,
            1064,
            7,
            MALLOC | TRACKED | 2 << 1,
            preview=(7, type_.name.encode()),
        )
        type_nodes.append(type_.node)
    empty_list = Node(list_shape, base + 0x200, 72, 1, PYMALLOC | TRACKED)
    items = Node(
        list_shape, base + 0x280, 72 + 88, 3, PYMALLOC | TRACKED, capacity=8, buffers=[(88, 0)]
    )
    items.references = [alpha, None, items, data, zero]
    pairs = Node(
        dict_shape,
        base + 0x300,
        64 + 104 + 48,
        9,
        PYMALLOC | TRACKED | 1 << 1,
        [alpha, items, zero, None, smile, empty_list],
        capacity=5,
        buffers=[(104, 1), (48, 2)],
    )
    members = Node(
        set_shape,
        base + 0x380,
        216 + 4096,
        1,
        PYMALLOC | TRACKED | 3 << 1 | 1 << 5,
        [minus, alpha],
        capacity=256,
        buffers=[(4096, 3)],
    )
    twins = Node(tuple_shape, base + 0x3F_FFF8, 56, 2**32 - 1, MALLOC | TRACKED, [pairs, pairs])
    type_nodes[0].references = [pairs, None, None]
    type_nodes[1].references = [None, type_nodes[0], twins]
    type_nodes[2].references = [None, None, None]
    p = Node(point_shape, base + 0x400, 48, 1, PYMALLOC | TRACKED, [huge, None], stack=1)
    q = Node(point_shape, base + 0x480, 48, 2, PYMALLOC | TRACKED, [p, real])
    child = Node(inner_shape, base + 0x500, 80, 1, PYMALLOC, [q, pair, long_text])
    lost = Node(guessed_shape, base + 0x580, 48, 1, PYMALLOC | HIDDEN | 1 << 12, [child, members])
    tool = Node(ours_shape, base + 0x600, 320, 1, PYMALLOC | OWN)
    root = Node(root_shape, references=[alpha])
    group = Node(root_shape, references=[None])
    call = Node(frame_shape, references=[q, None, twins, items])
    root.references += [group, call]
    group.references += [*type_nodes, child, tool]
    nodes = [
        root,
        group,
        call,
        lost,
        child,
        q,
        p,
        *type_nodes,
        twins,
        members,
        pairs,
        items,
        empty_list,
        pair,
        real,
        huge,
        minus,
        zero,
        data,
        long_text,
        smile,
        alpha,
        tool,
    ]
    facts: dict[str, writer.Fact] = {
        "capture.tool_version": "1.0",
        "capture.mode": "stop",
        "process.argv.0": "caf\N{LATIN SMALL LETTER E WITH ACUTE} \udc80",
        "capture.wall_time_ns": 2**64 - 1,
        "check.lists.failed": 0,
        "process.start_time_ns": -(2**63),
        "gc.enabled": 0.5,
    }
    codes = [
        Code("main", "main", "/srv/app.py", 10, LINE_TABLE),
        Code("<lambda>", "main.<locals>.<lambda>", "/srv/app.py", 12, b""),
    ]
    stack = [(0, 0, 2, 11), (1, 1, 8, 12), (1, 0, 6, 0)]
    times = [
        (5, 4096, 2**64 - 1, 699, 9, 1, 1),
        (6, 2**63, 0, 0, 0, 2**32 - 1, 2),
        (2**63, *[2**64 - 1] * 2, *[2**32 - 1] * 4),
    ]
    sites = [
        Site(3, 1, 400, 2**40, 7, 500, 450, 5, 2**33, 1, 5.5),
        Site(0, 2),
        Site(2, 2**31 | 389047, *[2**60] * 5, *[0.25] * 4),
        Site(3, 0, 1, 1, 0, 1, 1, 1, 1, 0, 1),
    ]
    traces = [
        Trace(base + 0x40, 60, 0, 11, alpha, 1),
        Trace(base + 0x1_0000, 38, 1, 0, data, 1, 2**48),
        Trace(base + 0x1_0000, 38, 2, 2**47, None, 0, 524288),
        Trace(base + 0x270, 72, 0, 13, items, 1),  # 16 bytes of headers
        Trace(base + 0x9000, 88, 3, 2**64 - 1, items, 2),
        Trace(base + 0xA000, 0, 3),
        Trace(base + 0xB000, 104, 3, 12, pairs, 3),
        Trace(base + 0xB100, 48, 3, 12, pairs, 4),
        Trace(base + 0xC000, 300, 0, 20, root, 3),
    ]
    samples = [
        Sample(3, samples=7, ns=2**62, cpu_ns=2**40),
        Sample(0, "", state=0),
        Sample(3, "caf\N{LATIN SMALL LETTER E WITH ACUTE}-1", "Task-7", 2, 2**62, 5),
        Sample(1, "worker-12", state=1, samples=2, ns=2**61, cpu_ns=2**61),
    ]
    return Description(nodes, types, shapes, facts, codes, stack, times, sites=sites, traces=traces, samples=samples,
                       tracked=pure_tracked.sample())  # fmt: skip


def sample_chunks() -> list[RawChunk]:
    """The sample, stored plainly, one chunk of each id."""
    return writer.describe(sample())


# --- What a reader must accept -------------------------------------------------------------------


def no_objects(samples: list[Sample] | None = None, tracked: list[bytes] | None = None) -> bytes:
    """A file with a root and nothing else, or these samples, or what was tracked."""
    roots = Type("roots", "tonnage", SYNTHETIC_TYPE)
    shape = Shape(roots, run_style=UNLABELLED)
    return writer.write(Description([Node(shape)], [roots], [shape], samples=samples, tracked=tracked))


def good_files() -> dict[str, bytes]:
    """Files that keep every rule, each unusual in some way."""
    chunks = sample_chunks()
    unknown = RawChunk(b"zz 9", b"anything", 5, version=9, compression=7, width=3, transform=255)
    backward = sorted(chunks, key=lambda chunk: chunk.id, reverse=True)
    optional = ("REFC", "LENG", "CAPA", "HASH", "STKI", "PREV", "CODE", "STAK", "TIME", "SEEN", "SITE", "SAMP", "TRAK")
    return {
        "plain": writer.assemble(chunks),
        "other order": writer.assemble(backward),
        "higher minor version": writer.assemble(chunks, minor=65535),
        "unknown chunk": writer.assemble([unknown, *chunks], minor=1),
        "optional chunks missing": writer.write(sample(), omit=[*optional, *reader.TRACE_COLUMNS]),
        "no block of a site": writer.write(sample(), omit=reader.TRACE_COLUMNS),
        "exact blocks": writer.write(sample(), omit=["TINT"]),
        "sites and no more": with_traces([Site()], []),
        "samples and no object": no_objects([Sample(task="crawler")]),
        "samples, but none": no_objects([]),
        "tracked and no object": no_objects(tracked=pure_tracked.sample()),
        "tracked, but nothing": no_objects(tracked=[pure_tracked.run()]),
        "no objects": no_objects(),
        "small chunks": writer.write(sample(), default=Encoding(compress=True, rows=2)),
        "compressed contents": writer.assemble(chunks, toc_encoding=Encoding(compress=True)),
        "widest": writer.write(sample(), default=Encoding(width=8, delta=True, planes=True)),
        "frame without size": writer.write(
            sample(), default=Encoding(compress=True, content_size=False, checksum=True)
        ),
    }


# --- What a reader must refuse -------------------------------------------------------------------


def column(chunk_id: str, change: Callable[[list[int]], object]) -> bytes:
    """The sample with another column; `change` works on its numbers in place."""
    description = sample()
    values = writer.columns(description)[chunk_id]
    change(values)
    new = writer.column_chunks(chunk_id, values, Encoding())
    return writer.replaced(writer.describe(description), new)


def with_sites(*sites: Site) -> bytes:
    """The sample with sites that no block has."""
    return writer.write(dataclasses.replace(sample(), sites=list(sites), traces=None))


def with_samples(*samples: Sample) -> bytes:
    """The sample with these samples."""
    return writer.write(dataclasses.replace(sample(), samples=list(samples)))


def with_traces(sites: list[Site], traces: list[Trace]) -> bytes:
    """A file with a root, these sites and blocks; a node of a block is its root."""
    roots = Type("roots", "tonnage", SYNTHETIC_TYPE)
    shape = Shape(roots, run_style=UNLABELLED)
    node = Node(shape)
    theirs = [trace if trace.node is None else dataclasses.replace(trace, node=node) for trace in traces]
    return writer.write(Description([node], [roots], [shape], sites=sites, traces=theirs))


def put(index: int, value: int) -> Callable[[list[int]], object]:
    """A change of one number."""
    return lambda values: values.__setitem__(index, value)


def put_field(place: int, value: int | bytes) -> Callable[[list[writer.TocRow]], object]:
    """A change of one field of the third row of the table of contents."""
    return lambda rows: rows.__setitem__(2, (*rows[2][:place], value, *rows[2][place + 1 :]))


def wrapping_degrees(values: list[int]) -> None:
    """Same sum modulo 2**64, but out of all bounds."""
    values[0] += 2**63
    values[1] += 2**63


def broken_headers() -> dict[str, bytes]:
    """Chunk headers and tables of contents that break a rule under valid hashes."""
    chunks = sample_chunks()
    by_id = {chunk.id.decode(): chunk for chunk in chunks}

    def changed(chunk_id: str, **fields: int | bytes) -> bytes:
        return writer.changed_chunk(chunks, chunk_id, **fields)

    files = {
        "hash": changed("SIZE", hash=1),
        "id is not ASCII": changed("HASH", id=b"HA\xffH"),
        "padding": changed("SHAP", padding=b"\1" * (-len(by_id["SHAP"].payload) % 8)),
        "row count over": changed("SIZE", n_rows=by_id["SIZE"].n_rows + 1),
        "row count of a table over": changed("TYPE", n_rows=by_id["TYPE"].n_rows + 1),
        "row count of a table under": changed("TYPE", n_rows=by_id["TYPE"].n_rows - 1),
        "row count of strings huge": changed("STRS", n_rows=2**62),
        "row count of previews huge": changed("PREV", n_rows=2**61),
        "row count wraps": changed("ADDR", n_rows=by_id["ADDR"].n_rows + 2**61),
        "row count of entries wraps": changed("STAK", n_rows=by_id["STAK"].n_rows + 2**60),
        "first row": changed("REFS", first_row=1),
        "first row huge": changed("REFS", first_row=2**64 - 1),
        "stored as is in another size": changed("REFS", raw_bytes=8),
        "announces too much": changed("REFS", raw_bytes=2**24 + 1, compression=1),
        "announces all": changed("STRS", raw_bytes=2**64 - 1, compression=1),
        "stored size outside": changed("FLAG", stored_bytes=1 << 40),
        "stored size wraps": changed("FLAG", stored_bytes=2**64 - 48),
        "stored size largest": changed("FLAG", stored_bytes=2**64 - 1),
        "stored size none": changed("FLAG", stored_bytes=0),
        "compression": changed("FLAG", compression=2),
        "width 0": changed("FLAG", width=0),
        "width 3": changed("FLAG", width=3),
        "width 16": changed("FLAG", width=16),
        "width of a table": changed("FACT", width=4),
        "transform": changed("FLAG", transform=4),
        "transform of a table": changed("ADDR", transform=1),
    }
    wide = by_id["HASH"]
    files["row count of a column wraps"] = changed("HASH", n_rows=wide.n_rows + 2**61)

    def toc(change: Callable[[list[writer.TocRow]], object]) -> bytes:
        return writer.assemble(chunks, change_toc=change)

    files["contents: row missing"] = toc(lambda rows: rows.pop())
    files["contents: first row missing"] = toc(lambda rows: rows.pop(0))
    files["contents: empty"] = toc(lambda rows: rows.clear())
    files["contents: row twice"] = toc(lambda rows: rows.append(rows[0]))
    files["contents: other order"] = toc(lambda rows: rows.reverse())
    for place, value in ((0, 33), (0, 2**64 - 8), (1, b"ABCD"), (2, 1), (3, 1), (4, 0)):
        files[f"contents: field {place} is {value!r}"] = toc(put_field(place, value))
    for chunk_id in reader.REQUIRED:
        kept = [chunk for chunk in chunks if chunk.id != chunk_id.encode()]
        files[f"{chunk_id} missing"] = writer.assemble(kept)
    halves = by_id["SHAP"]
    first = dataclasses.replace(halves, payload=halves.payload[:4], n_rows=4, raw_bytes=4)
    rest = dataclasses.replace(
        halves,
        payload=halves.payload[4:],
        n_rows=halves.n_rows - 4,
        first_row=4,
        raw_bytes=len(halves.payload) - 4,
    )
    files["node column cut elsewhere"] = writer.replaced(chunks, [first, rest])
    files["chunks of an id swapped"] = writer.assemble(
        writer.describe(sample(), default=Encoding(rows=2))[::-1]
    )
    files["second contents"] = writer.assemble([*chunks, RawChunk(b"TOC ", b"", 0)])
    files["gap before a chunk"] = changed(
        "SIZE", padding=bytes(-len(by_id["SIZE"].payload) % 8 + 8)
    )
    files["no chunks"] = writer.assemble([])
    good = writer.assemble(chunks)
    end = len(good)
    (toc_offset,) = struct.unpack("<Q", good[-32:-24])
    files["trailer: size"] = good[:-32] + writer.trailer(toc_offset, end + 1)
    for offset in (0, 31, 32, toc_offset + 8, end - 32, end, 2**64 - 8, 2**64 - 1):
        files[f"trailer: contents at {offset}"] = good[:-32] + writer.trailer(offset, end)
    files["header: reserved"] = writer.header(1, 0, (1, 0)) + good[32:]
    files["header: reserved, later"] = writer.header(1, 0, (0, 1)) + good[32:]
    return files


def broken_frames() -> dict[str, bytes]:
    """Payloads that are not one zstd frame of the announced size."""
    chunks = writer.describe(sample(), default=Encoding(compress=True, checksum=True))
    files = {}
    for chunk_id in ("REFS", "STRS", "SHAP", "ADDR"):
        chunk = next(chunk for chunk in chunks if chunk.id == chunk_id.encode())
        raw_bytes = chunk.raw_bytes or 0
        frame = chunk.payload
        changes: dict[str, dict[str, int | bytes]] = {
            "announces one more": {"raw_bytes": raw_bytes + 1},
            "announces one less": {"raw_bytes": raw_bytes - 1},
            "announces the most": {"raw_bytes": 2**24},
            "ends early": {"payload": frame[:-5]},
            "lacks its checksum": {"payload": frame[:-4]},
            "wrong checksum": {"payload": frame[:-1] + bytes([frame[-1] ^ 1])},
            "bytes follow": {"payload": frame + b"\0"},
            "second frame": {"payload": frame + frame},
            "empty frame follows": {"payload": frame + Encoding(compress=True).store(b"")[1]},
            "nothing": {"payload": b""},
            "garbage": {"payload": b"garbage, not a frame"},
            "only a magic number": {"payload": frame[:4]},
        }
        for name, fields in changes.items():
            files[f"{chunk_id}: {name}"] = writer.changed_chunk(chunks, chunk_id, **fields)
        bomb = writer.zstd_bomb(chunk, 1 << 28)
        files[f"{chunk_id}: bomb"] = writer.replaced(chunks, [bomb])
        widest = writer.zstd_bomb(chunk, 1 << 28, announced=2**24)
        files[f"{chunk_id}: bomb that announces the most"] = writer.replaced(chunks, [widest])
    return files


def broken_contents() -> dict[str, bytes]:
    """Numbers out of bounds in columns and tables that are well-formed chunks."""
    description = sample()
    chunks = writer.describe(description)
    n_nodes = len(description.nodes)
    n_objects = sum(node.address is not None for node in description.nodes)
    n_shapes, n_types = len(description.shapes), len(description.types)
    n_strings = next(chunk.n_rows for chunk in chunks if chunk.id == b"STRS")
    n_previews = next(chunk.n_rows for chunk in chunks if chunk.id == b"PREV")
    payloads = {chunk.id.decode(): chunk.payload for chunk in chunks}

    rows = writer.address_rows([node.address for node in description.nodes if node.address])

    def word(chunk_id: str, index: int, value: int) -> bytes:
        payload = bytearray(payloads[chunk_id])
        struct.pack_into("<I", payload, 4 * index, value)
        return writer.changed_chunk(chunks, chunk_id, payload=bytes(payload))

    def raw(chunk_id: str, payload: bytes, n_rows: int) -> bytes:
        return writer.replaced(chunks, [RawChunk(chunk_id.encode(), payload, n_rows)])

    files = {
        "shape out of range": column("SHAP", put(3, n_shapes)),
        "shape far out of range": column("SHAP", put(3, 2**64 - 1)),
        "a node too many": column("SHAP", lambda values: values.append(0)),
        "no root": column("SHAP", lambda values: values.__delitem__(slice(n_objects, None))),
        "no nodes": column("SHAP", lambda values: values.clear()),
        "sizes too few": column("SIZE", lambda values: values.pop()),
        "reference counts too few": column("REFC", lambda values: values.pop()),
        "flags too many": column("FLAG", lambda values: values.append(0)),
        "reference out of range": column("REFS", put(-1, n_nodes + 1)),
        "reference far out of range": column("REFS", put(0, 2**64 - 1)),
        "references too few": column("REFS", lambda values: values.pop()),
        "references too many": column("REFS", lambda values: values.append(0)),
        "references missing": writer.write(sample(), omit=["REFS"]),
        "degrees too few": column("DEGR", lambda values: values.pop()),
        "degrees too many": column("DEGR", lambda values: values.append(0)),
        "degree too large": column("DEGR", put(0, 2**64 - 1)),
        "degrees wrap": column("DEGR", wrapping_degrees),
        "lengths too few": column("LENG", lambda values: values.pop()),
        "capacities too many": column("CAPA", lambda values: values.append(0)),
        "hashes too few": column("HASH", lambda values: values.pop()),
        "entries too many": column("STKI", lambda values: values.append(0)),
        "entry out of range": column("STKI", put(0, len(description.stack) + 1)),
        "entry far out of range": column("STKI", put(0, 2**64 - 1)),
        "buffers too few": column("BUFS", lambda values: values.pop()),
        "buffer kinds too many": column("BUFK", lambda values: values.append(0)),
        "buffers not in flags": column("FLAG", put(0, 3 << 8)),
        "odd object out of range": column("AODD", lambda values: values.append(n_objects)),
        "odd objects descend": column("AODD", lambda values: values.reverse()),
        "odd object twice": column("AODD", lambda values: values.append(values[-1])),
        "type: name": word("TYPE", 0, n_strings),
        "type: module": word("TYPE", 1, n_strings),
        "type: node": word("TYPE", 6, n_nodes),
        "type: base": word("TYPE", 7, n_types),
        "type: MRO": word("TYPE", 10, n_types),
        "type: MRO ends outside": word("TYPE", 8, 2**32 - 1),
        "type: MRO one longer": word("TYPE", 8, 3),
        "no types": raw("TYPE", b"", 0),
        "no shapes": raw("SHTB", b"", 0),
        "shape: half a word": raw("SHTB", bytes(13), 1),
        "shape: type": word("SHTB", 0, n_types),
        "shape: label": word("SHTB", 3, n_strings),
        "shape: fixed ones end outside": word("SHTB", 2, 2**31),
        "shape: fixed ones wrap": word("SHTB", 2, 2**31 + 3),
        "shape: fixed ones many": word("SHTB", 2, 2**32 - 1),
        "code: name": word("CODE", 0, n_strings),
        "code: qualified name": word("CODE", 1, n_strings),
        "code: file": word("CODE", 2, 2**32 - 1),
        "code: line table ends outside": word("CODE", 4, 2**32 - 1),
        "code: line table one longer": word("CODE", 4, len(description.codes[0].line_table) + 4),
        "stack: parent is itself": word("STAK", 4, 2),
        "stack: parent later": word("STAK", 4, 3),
        "stack: parent out of range": word("STAK", 0, 2**32 - 1),
        "stack: code": word("STAK", 1, len(description.codes)),
        "fact: key": word("FACT", 0, n_strings),
        "fact: kind": word("FACT", 1, 4),
        "fact: string": word("FACT", 2, n_strings),
        "fact: string, high word": word("FACT", 3, 1),
        "time: unknown": raw("TIME", struct.pack("<3Q4I", 2**64 - 1, *[0] * 6), 1),
        "time: twice": raw("TIME", 2 * struct.pack("<3Q4I", 7, *[0] * 6), 2),
        "time: descending": word("TIME", 10, 4),
        "time: half a row": raw("TIME", bytes(60), 1),
        "time: rows missing": raw("TIME", struct.pack("<3Q4I", 7, *[0] * 6), 2),
        "seen: object": raw("SEEN", struct.pack("<4I", n_objects, 1, 0, 1), 1),
        "seen: kind": raw("SEEN", struct.pack("<4I", 0, 6, 0, 1), 1),
        "seen: library": raw("SEEN", struct.pack("<4I", 0, 0, n_strings, 1), 1),
        "seen: holder": raw("SEEN", struct.pack("<4I", 0, 5, n_objects, 1), 1),
        "seen: something where nothing is said": raw("SEEN", struct.pack("<4I", 0, 1, 1, 1), 1),
        "seen: none": raw("SEEN", struct.pack("<4I", 0, 1, 0, 0), 1),
        "seen: twice": raw("SEEN", 2 * struct.pack("<4I", 0, 1, 0, 1), 2),
        "seen: descending": raw("SEEN", struct.pack("<8I", 1, 1, 0, 1, 0, 1, 0, 1), 2),
        "seen: half a row": raw("SEEN", bytes(24), 1),
        "site: half a row": raw("SITE", bytes(120), 1),
        "site: stack": with_sites(Site(len(description.stack) + 1)),
        "site: domain": with_sites(Site(0, 3)),
        "site: bytes below 0": with_sites(Site(at_peak_bytes=-1)),
        "site: bytes beyond all sums": with_sites(Site(peak_bytes=2**62), Site(peak_bytes=2**62)),
        "site: count below 0": with_sites(Site(live_count=-0.5)),
        "site: count is no number": with_sites(Site(at_peak_count=math.nan)),
        "site: count without end": with_sites(Site(temporary_count=math.inf)),
        "site: counts beyond all sums": with_sites(Site(live_count=2.0**62), Site(live_count=2.0**62)),
        "samples: half a row": raw("SAMP", bytes(60), 1),
        "samples: stack": with_samples(Sample(len(description.stack) + 1)),
        "samples: thread": raw("SAMP", struct.pack("<4I3Q", 0, n_strings, 0, 0, 1, 0, 0), 1),
        "samples: task": raw("SAMP", struct.pack("<4I3Q", 0, 0, n_strings, 0, 1, 0, 0), 1),
        "samples: state": with_samples(Sample(state=4)),
        "samples: none": with_samples(Sample(samples=0)),
        "samples: time beyond all sums": with_samples(Sample(ns=2**62), Sample(ns=2**62)),
        "samples: processor time wraps": with_samples(Sample(cpu_ns=2**64 - 1), Sample(cpu_ns=1)),
        "samples: more than all sums": with_samples(Sample(samples=2**63)),
        **{f"tracked: {name}": no_objects(tracked=rows) for name, rows in pure_tracked.broken().items()},
        "tracked: bytes left over": raw("TRAK", pure_tracked.run() + bytes(8), 1),
        "sites missing": writer.write(sample(), omit=["SITE"]),
        "blocks: no addresses": writer.write(sample(), omit=["TADR"]),
        "blocks: intervals only": writer.write(sample(), omit=reader.TRACE_COLUMNS[:-1]),
        "blocks: no births": writer.write(sample(), omit=["TBIR"]),
        "blocks: sizes too few": column("TBYT", lambda values: values.pop()),
        "blocks: intervals too many": column("TINT", lambda values: values.append(0)),
        "blocks: addresses descend": column("TADR", put(0, 2**47)),
        "blocks: sum wraps": column("TBYT", wrapping_degrees),
        "blocks: sum beyond all": column("TBYT", put(0, 2**63 - 1)),
        "block: size": column("TBYT", put(5, 2**63)),
        "block: site": column("TSIT", put(0, 4)),
        "block: site far": column("TSIT", put(0, 2**32 - 1)),
        "block: node": column("TNOD", put(5, n_nodes + 1)),
        "block: node far": column("TNOD", put(5, 2**64 - 1)),
        "block: kind": column("TKND", put(5, 12)),
        "block: kind without node": column("TKND", put(8, 4)),
        "block: node without kind": column("TNOD", put(8, 1)),
        "block: own, of a synthetic node": with_traces([Site()], [Trace(64, 64, 0, 0, ANY_NODE, 1)]),
        "block: own twice": column("TNOD", put(1, writer.columns(description)["TNOD"][0])),
        "block: interval": column("TINT", put(1, 2**48 + 1)),
        "block: interval of nothing": column("TINT", put(3, 1)),
        "string ends outside": raw("STRS", struct.pack("<I", 1), 1),
        "string far outside": raw("STRS", struct.pack("<I", 2**32 - 1), 1),
        "strings wrap": raw("STRS", struct.pack("<II", 2**32 - 1, 1), 2),
        "string bytes left over": raw("STRS", struct.pack("<I", 1) + b"ab", 1),
        "string lengths outside": raw("STRS", bytes(7), 2),
        "preview: node": word("PREV", n_previews - 1, n_nodes),
        "preview: descending": word("PREV", 0, n_nodes - 1),
        "preview: ends outside": raw("PREV", struct.pack("<IHH", 0, 7, 1), 1),
        "preview: bytes left over": raw("PREV", struct.pack("<IHH", 0, 7, 1) + b"ab", 1),
        "preview: twice": raw("PREV", struct.pack("<IIHHHH", 1, 1, 7, 7, 0, 0), 2),
        "address rows swapped": raw("ADDR", b"".join(rows[::-1]), len(rows)),
        "address row twice": raw("ADDR", b"".join([rows[0], *rows]), len(rows) + 1),
        "address row out of range": word("ADDR", 2050 * (len(rows) - 1) + 1, 2**32 - 1),
    }
    strings = [b"x"] * n_strings
    strings[0] = b"\xff"
    files["string is not UTF-8"] = writer.replaced(
        chunks, writer.table_chunks("STRS", strings, writer.PLAIN, writer.join_strings)
    )
    odd = sample()
    pairs = next(node for node in odd.nodes if node.shape.run_style == PAIRS)
    pairs.references.pop()
    files["odd pairs"] = writer.write(odd)
    return files
