"""An independent writer of small snapshot files, from docs/format.md alone, for the tests.

Three layers, each usable by itself:

* `Description` with `Node`, `Shape`, `Type`, … says what a process held; objects refer to each
  other as Python objects, and numbers (nodes, strings, rows) are given out by `describe`;
* `describe` turns it into `RawChunk`s, in any mix of widths, transforms, compression and chunk
  sizes (`Encoding`);
* `assemble` adds header, table of contents and trailer to any list of chunks, also of wrong ones.

The end of the file holds helpers that damage a good file. Sizes are bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace

import xxhash
import zstandard

MAGIC = bytes.fromhex("89544e470d0a1a0a")
END_MARK = b"TNG-END\x0a"
NODE_ROWS = 262_144
NONE32 = 2**32 - 1
MAX_RAW_BYTES = 2**24


TocRow = tuple[int | bytes, ...]  # offset, id, 0, first_row, n_rows

# --- Chunks and files ----------------------------------------------------------------------------


@dataclass
class RawChunk:
    """A chunk as it stands in the file; None means: what the payload says.

    `payload` is what is stored, compressed or not. `raw_bytes` must be given when it is compressed.
    """

    id: bytes
    payload: bytes
    n_rows: int
    first_row: int = 0
    version: int = 1
    compression: int = 0
    width: int = 0
    transform: int = 0
    raw_bytes: int | None = None
    stored_bytes: int | None = None
    hash: int | None = None
    padding: bytes | None = None

    def encode(self) -> bytes:
        """Header, payload and padding."""
        n_bytes = len(self.payload)
        head = struct.pack(
            "<4sBBBBQQQQ",
            self.id,
            self.version,
            self.compression,
            self.width,
            self.transform,
            self.first_row,
            self.n_rows,
            n_bytes if self.raw_bytes is None else self.raw_bytes,
            n_bytes if self.stored_bytes is None else self.stored_bytes,
        )
        digest = xxhash.xxh3_64_intdigest(head + self.payload) if self.hash is None else self.hash
        padding = bytes(-n_bytes % 8) if self.padding is None else self.padding
        return head + struct.pack("<Q", digest) + self.payload + padding


def header(major: int = 1, minor: int = 0, reserved: tuple[int, int] = (0, 0)) -> bytes:
    """The first 32 bytes of a file, with a valid hash."""
    start = MAGIC + struct.pack("<HHIQ", major, minor, *reserved)
    return start + struct.pack("<Q", xxhash.xxh3_64_intdigest(start))


def trailer(toc_offset: int, file_bytes: int) -> bytes:
    """The last 32 bytes of a file, with a valid hash."""
    start = struct.pack("<QQ", toc_offset, file_bytes)
    return start + struct.pack("<Q", xxhash.xxh3_64_intdigest(start)) + END_MARK


def assemble(
    chunks: Sequence[RawChunk],
    *,
    major: int = 1,
    minor: int = 0,
    toc_encoding: Encoding | None = None,
    change_toc: Callable[[list[TocRow]], object] | None = None,
) -> bytes:
    """A whole file.

    `change_toc` may change the rows of the table of contents.
    """
    parts = [header(major, minor)]
    position = len(parts[0])
    rows: list[TocRow] = []
    for chunk in chunks:
        encoded = chunk.encode()
        rows.append((position, chunk.id, 0, chunk.first_row, chunk.n_rows))
        parts.append(encoded)
        position += len(encoded)
    if change_toc is not None:
        change_toc(rows)
    payload = b"".join(struct.pack("<Q4sIQQ", *row) for row in rows)
    toc = _table_chunk(b"TOC ", payload, len(rows), 0, toc_encoding or Encoding()).encode()
    return b"".join([*parts, toc, trailer(position, position + len(toc) + 32)])


# --- Encodings -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Encoding:
    """How the chunks of one id are written.

    `width` is the least number of bytes of an element (more where a number needs more). `rows` is
    the most rows of a chunk, for anything but node columns, which are cut as specified.
    """

    width: int = 1
    delta: bool = False
    planes: bool = False
    compress: bool = False
    level: int = 3
    checksum: bool = False
    content_size: bool = True
    rows: int = 1000

    def store(self, raw: bytes) -> tuple[int, bytes]:
        """Compression and stored payload."""
        if not self.compress:
            return 0, raw
        compressor = zstandard.ZstdCompressor(
            level=self.level,
            write_checksum=self.checksum,
            write_content_size=self.content_size,
        )
        return 1, compressor.compress(raw)


Encodings = Mapping[str, Encoding]
PLAIN = Encoding()


def column_payload(values: Sequence[int], width: int, delta: bool, planes: bool) -> bytes:
    """Elements of a column before compression."""
    modulus = 1 << 8 * width
    if delta:
        before = [0, *values]
        values = [(value - last) % modulus for value, last in zip(values, before, strict=False)]
    if planes:
        return b"".join(
            bytes(value >> 8 * plane & 255 for value in values) for plane in range(width)
        )
    return b"".join(value.to_bytes(width, "little") for value in values)


def column_chunks(chunk_id: str, values: Sequence[int], encoding: Encoding) -> list[RawChunk]:
    """A column in chunks; a single one without rows when there are no values."""
    rows = NODE_ROWS if chunk_id in ("SHAP", "SIZE", "REFC", "FLAG") else encoding.rows
    chunks = []
    for start in range(0, max(len(values), 1), rows):
        part = values[start : start + rows]
        needed = (max(part, default=0).bit_length() + 7) // 8
        width = next(width for width in (1, 2, 4, 8) if width >= max(needed, encoding.width))
        raw = column_payload(part, width, encoding.delta, encoding.planes)
        compression, payload = encoding.store(raw)
        chunks.append(
            RawChunk(
                chunk_id.encode(),
                payload,
                len(part),
                start,
                compression=compression,
                width=width,
                transform=encoding.delta + 2 * encoding.planes,
                raw_bytes=len(raw),
            )
        )
    return chunks


def table_chunks(
    chunk_id: str,
    rows: Sequence[bytes],
    encoding: Encoding,
    join: Callable[[Sequence[bytes]], bytes] = b"".join,
) -> list[RawChunk]:
    """A table in chunks; a single one without rows when there are no rows."""
    most = min(encoding.rows, 2000)
    return [
        _table_chunk(
            chunk_id.encode(),
            join(rows[start : start + most]),
            len(rows[start : start + most]),
            start,
            encoding,
        )
        for start in range(0, max(len(rows), 1), most)
    ]


def _table_chunk(
    chunk_id: bytes, raw: bytes, n_rows: int, first_row: int, encoding: Encoding
) -> RawChunk:
    compression, payload = encoding.store(raw)
    return RawChunk(
        chunk_id, payload, n_rows, first_row, compression=compression, raw_bytes=len(raw)
    )


def join_strings(rows: Sequence[bytes]) -> bytes:
    """Payload of `STRS`."""
    return b"".join(struct.pack("<I", len(row)) for row in rows) + b"".join(rows)


# --- What a process held -------------------------------------------------------------------------


@dataclass(eq=False)
class Type:
    """A row of `TYPE`; `mro` None is the chain of bases."""

    name: str
    module: str | None = "builtins"
    flags: int = 0
    visitor: int = 1
    basic_size: int = 16
    item_size: int = 0
    node: Node | None = None
    base: Type | None = None
    mro: Sequence[Type] | None = None

    def resolved_mro(self) -> list[Type]:
        """The MRO, the type itself first."""
        if self.mro is not None:
            return list(self.mro)
        return [self, *(self.base.resolved_mro() if self.base else [])]


@dataclass(eq=False)
class Shape:
    """A row of `SHTB`; `fixed` holds label, style and kind of each fixed reference."""

    type: Type
    fixed: Sequence[tuple[str, int, int]] = ()
    run_style: int = 0
    run_kind: int = 0
    has_length: bool = False
    has_capacity: bool = False
    has_hash: bool = False
    has_stack: bool = False

    def flags(self) -> int:
        """The word `flags` of the row."""
        has = (self.has_length, self.has_capacity, self.has_hash, self.has_stack)
        return self.run_style | self.run_kind << 4 | sum(bit << 8 + i for i, bit in enumerate(has))


@dataclass(eq=False)
class Node:
    """An object, or a synthetic node when `address` is None.

    `references` are the fixed ones of the shape, then the run; None is an absent one. `buffers`
    holds bytes and kind of each. `flags` has no number of buffers: `describe` puts it there.
    `stack` is the value of `STKI`. `preview` is kind (with bit 15) and content.
    """

    shape: Shape
    address: int | None = None
    size: int = 0
    refcount: int = 0
    flags: int = 0
    references: list[Node | None] = field(default_factory=list)
    length: int = 0
    capacity: int = 0
    buffers: Sequence[tuple[int, int]] = ()
    hash: int = 0
    stack: int = 0
    preview: tuple[int, bytes] | None = None


@dataclass(frozen=True)
class Code:
    """A row of `CODE`."""

    name: str
    qualified_name: str
    file: str
    first_line: int
    line_table: bytes = b""


@dataclass(frozen=True)
class Site:
    """A row of `SITE`: `stack` as stored (0: lost), `domain` 0…2, or 2**31 + a number."""

    stack: int = 0
    domain: int = 1
    live_bytes: int = 0
    allocated_bytes: int = 0
    temporary_bytes: int = 0
    peak_bytes: int = 0
    at_peak_bytes: int = 0
    live_count: float = 0
    allocated_count: float = 0
    temporary_count: float = 0
    at_peak_count: float = 0

    def encode(self) -> bytes:
        """The row."""
        return struct.pack("<2I5q4d", *astuple(self))


@dataclass(frozen=True)
class Sample:
    """A row of `SAMP`: `stack` as stored (0: lost), `state` 1 on a processor + 2 with the lock."""

    stack: int = 0
    thread: str = "<main thread>"
    task: str = ""
    state: int = 3
    samples: int = 1
    ns: int = 0
    cpu_ns: int = 0

    def encode(self, string_row: Callable[[str], int]) -> bytes:
        """The row."""
        names = (string_row(self.thread), string_row(self.task))
        return struct.pack("<4I3Q", self.stack, *names, self.state, self.samples, self.ns, self.cpu_ns)


@dataclass(frozen=True)
class Trace:
    """A live block: `kind` 0 none, 1 the own block of `node`, 2 + k its buffer of kind k; `interval` 0: exact."""

    address: int
    bytes: int
    site: int
    birth: int = 0
    node: Node | None = None
    kind: int = 0
    interval: int = 0


Fact = int | float | str


@dataclass
class Description:
    """All that goes into one file.

    `nodes` may be in any order; the synthetic ones keep theirs, and the first of them is the root.
    `stack` holds the rows of `STAK`: parent as stored (0: none), row of `codes`, offset, line.
    `times` holds those of `TIME`: three u64, four u32.
    `seen` holds those of `SEEN`: number of the object, kind, a library or a number, count. None: no such chunk.
    `traces` may be in any order; `TINT` is there if one has an interval. None of them, `sites` or `samples`: no
    such chunks. `tracked` holds the records of `TRAK` (`pure_tracked.py`).
    """

    nodes: list[Node]
    types: list[Type]
    shapes: list[Shape]
    facts: dict[str, Fact] = field(default_factory=dict)
    codes: list[Code] = field(default_factory=list)
    stack: list[tuple[int, int, int, int]] = field(default_factory=list)
    times: list[tuple[int, int, int, int, int, int, int]] = field(default_factory=list)
    seen: list[tuple[int, int, str | int, int]] | None = None
    sites: list[Site] | None = None
    traces: list[Trace] | None = None
    samples: list[Sample] | None = None
    tracked: list[bytes] | None = None

    def ordered(self) -> list[Node]:
        """Nodes in the order of their numbers: objects by address, then synthetic ones."""
        objects = [node for node in self.nodes if node.address is not None]
        objects.sort(key=lambda node: node.address or 0)
        return objects + [node for node in self.nodes if node.address is None]


class _Strings:
    """Gives out rows of `STRS`, the same one for equal strings."""

    def __init__(self) -> None:
        self.rows: dict[str, int] = {}

    def row(self, string: str) -> int:
        return self.rows.setdefault(string, len(self.rows))

    def encoded(self) -> list[bytes]:
        return [string.encode("utf-8", "surrogatepass") for string in self.rows]


def address_rows(addresses: Sequence[int]) -> list[bytes]:
    """Rows of `ADDR`."""
    regions: dict[int, int] = {}
    for address in sorted(addresses):
        bit = 1 << (address % 2**20) // 16
        regions[address // 2**20] = regions.get(address // 2**20, 0) | bit
    return [
        struct.pack("<Q", region) + bitmap.to_bytes(8192, "little")
        for region, bitmap in regions.items()
    ]


def fact_row(key: int, value: Fact, string_row: Callable[[str], int]) -> bytes:
    """A row of `FACT`; the kind follows from the type of the value."""
    if isinstance(value, str):
        return struct.pack("<IIQ", key, 3, string_row(value))
    if isinstance(value, float):
        return struct.pack("<IId", key, 2, value)
    return struct.pack("<IIq", key, 1, value) if value < 0 else struct.pack("<IIQ", key, 0, value)


def join_previews(rows: Sequence[tuple[int, int, bytes]]) -> bytes:
    """Payload of `PREV` from node, kind and content."""
    return b"".join(
        [
            *(struct.pack("<I", node) for node, _, _ in rows),
            *(struct.pack("<H", kind) for _, kind, _ in rows),
            *(struct.pack("<H", len(content)) for _, _, content in rows),
            *(content for _, _, content in rows),
        ]
    )


def preview_chunks(rows: Sequence[tuple[int, int, bytes]], encoding: Encoding) -> list[RawChunk]:
    """`PREV` in chunks, from node, kind and content."""
    chunks = []
    for start in range(0, max(len(rows), 1), encoding.rows):
        part = rows[start : start + encoding.rows]
        chunks.append(_table_chunk(b"PREV", join_previews(part), len(part), start, encoding))
    return chunks


def columns(description: Description) -> dict[str, list[int]]:
    """Numbers of every column, by id."""
    nodes = description.ordered()
    number = {node: index for index, node in enumerate(nodes)}
    shape_row = {shape: row for row, shape in enumerate(description.shapes)}
    return {
        "AODD": [i for i, node in enumerate(nodes) if node.address and node.address % 16],
        "SHAP": [shape_row[node.shape] for node in nodes],
        "SIZE": [node.size for node in nodes],
        "REFC": [node.refcount for node in nodes],
        "FLAG": [node.flags | len(node.buffers) << 8 for node in nodes],
        "DEGR": [
            len(node.references) - len(node.shape.fixed) for node in nodes if node.shape.run_style
        ],
        "REFS": [
            0 if target is None else 1 + number[target]
            for node in nodes
            for target in node.references
        ],
        "LENG": [node.length for node in nodes if node.shape.has_length],
        "CAPA": [node.capacity for node in nodes if node.shape.has_capacity],
        "BUFS": [size for node in nodes for size, _ in node.buffers],
        "BUFK": [kind for node in nodes for _, kind in node.buffers],
        "HASH": [node.hash for node in nodes if node.shape.has_hash],
        "STKI": [node.stack for node in nodes if node.shape.has_stack],
        **trace_columns(description.traces, number),
    }


def trace_columns(traces: Sequence[Trace] | None, number: Mapping[Node, int]) -> dict[str, list[int]]:
    """Numbers of the columns of blocks."""
    if traces is None:
        return {}
    rows = sorted(traces, key=lambda trace: trace.address)
    numbers = {
        "TADR": [trace.address for trace in rows],
        "TBYT": [trace.bytes for trace in rows],
        "TSIT": [trace.site for trace in rows],
        "TBIR": [trace.birth for trace in rows],
        "TNOD": [0 if trace.node is None else 1 + number[trace.node] for trace in rows],
        "TKND": [trace.kind for trace in rows],
    }
    sampled = any(trace.interval for trace in rows)
    return {**numbers, "TINT": [trace.interval for trace in rows]} if sampled else numbers


def describe(
    description: Description,
    encodings: Encodings | None = None,
    default: Encoding = PLAIN,
    omit: Sequence[str] = (),
) -> list[RawChunk]:
    """Chunks of all ids but those in `omit`; columns and tables without rows have one chunk."""
    encodings = encodings or {}
    strings = _Strings()
    nodes = description.ordered()
    number = {node: index for index, node in enumerate(nodes)}
    type_row = {type_: row for row, type_ in enumerate(description.types)}

    tables: dict[str, list[bytes]] = {
        "ADDR": address_rows([node.address for node in nodes if node.address is not None]),
        "TYPE": [],
        "SHTB": [],
        "CODE": [],
        "STAK": [struct.pack("<4I", *entry) for entry in description.stack],
        "FACT": [
            fact_row(strings.row(key), value, strings.row)
            for key, value in description.facts.items()
        ],
    }
    if description.times:
        tables["TIME"] = [struct.pack("<3Q4I", *row) for row in description.times]
    if description.seen is not None:
        tables["SEEN"] = [
            struct.pack("<4I", node, kind, strings.row(what) if isinstance(what, str) else what, count)
            for node, kind, what, count in description.seen
        ]
    if description.sites is not None:
        tables["SITE"] = [site.encode() for site in description.sites]
    if description.samples is not None:
        tables["SAMP"] = [sample.encode(strings.row) for sample in description.samples]
    if description.tracked is not None:
        tables["TRAK"] = description.tracked
    for type_ in description.types:
        mro = [type_row[other] for other in type_.resolved_mro()]
        row = [
            strings.row(type_.name),
            NONE32 if type_.module is None else strings.row(type_.module),
            type_.flags,
            type_.visitor,
            type_.basic_size,
            type_.item_size,
            NONE32 if type_.node is None else number[type_.node],
            NONE32 if type_.base is None else type_row[type_.base],
            len(mro),
            *mro,
        ]
        tables["TYPE"].append(struct.pack(f"<{len(row)}I", *row))
    for shape in description.shapes:
        row = [type_row[shape.type], shape.flags(), len(shape.fixed)]
        for label, style, kind in shape.fixed:
            row += [strings.row(label), style + 256 * kind]
        tables["SHTB"].append(struct.pack(f"<{len(row)}I", *row))
    for code in description.codes:
        names = [strings.row(name) for name in (code.name, code.qualified_name, code.file)]
        table = code.line_table
        start = struct.pack("<5I", *names, code.first_line, len(table))
        tables["CODE"].append(start + table + bytes(-len(table) % 4))

    chunks: list[RawChunk] = []
    for chunk_id, rows in tables.items():
        chunks += table_chunks(chunk_id, rows, encodings.get(chunk_id, default))
    encoding = encodings.get("STRS", default)
    chunks += table_chunks("STRS", strings.encoded(), encoding, join_strings)
    for chunk_id, values in columns(description).items():
        chunks += column_chunks(chunk_id, values, encodings.get(chunk_id, default))
    previews = [(number[node], *node.preview) for node in nodes if node.preview is not None]
    chunks += preview_chunks(previews, encodings.get("PREV", default))
    return [chunk for chunk in chunks if chunk.id.decode() not in omit]


def write(
    description: Description,
    encodings: Encodings | None = None,
    default: Encoding = PLAIN,
    omit: Sequence[str] = (),
) -> bytes:
    """A whole file."""
    return assemble(describe(description, encodings, default, omit))


# --- Damage --------------------------------------------------------------------------------------


def chunk_borders(data: bytes) -> list[int]:
    """Offsets at which a chunk begins, and that of the trailer, of a good file."""
    borders = [32]
    while borders[-1] < len(data) - 32:
        (stored_bytes,) = struct.unpack_from("<Q", data, borders[-1] + 32)
        borders.append(borders[-1] + 48 + (stored_bytes + 7) // 8 * 8)
    return borders


def truncations(data: bytes) -> Iterator[bytes]:
    """The file cut at chunk borders, within chunk headers, and within header and trailer."""
    borders = chunk_borders(data)
    cuts = {0, 1, 7, 8, 9, 10, 31, len(data) - 31, len(data) - 8, len(data) - 1}
    for cut in sorted(cuts.union(borders, (border + 20 for border in borders))):
        yield data[:cut]


def flip(data: bytes, bit: int) -> bytes:
    """The file with one bit changed; bit 0 is the lowest one of the first byte."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def with_version(data: bytes, major: int, minor: int = 0) -> bytes:
    """The file under another version, with a valid hash of the header."""
    return header(major, minor) + data[32:]


def changed_chunk(chunks: Sequence[RawChunk], chunk_id: str, **fields: int | bytes) -> bytes:
    """A file in which the first chunk of an id has other fields, its hash valid unless given."""
    index = next(i for i, chunk in enumerate(chunks) if chunk.id == chunk_id.encode())
    changed = replace(chunks[index], **fields)  # type: ignore[arg-type]
    return assemble([*chunks[:index], changed, *chunks[index + 1 :]])


def replaced(chunks: Sequence[RawChunk], new: Sequence[RawChunk]) -> bytes:
    """A file in which all chunks of the id of the new ones are replaced by these."""
    return assemble([*(chunk for chunk in chunks if chunk.id != new[0].id), *new])


def zstd_bomb(chunk: RawChunk, yields: int, announced: int | None = None) -> RawChunk:
    """The chunk with a frame of zeros that yields more bytes than the header announces."""
    compressor = zstandard.ZstdCompressor(level=19).compressobj()
    block = bytes(1 << 20)
    parts = [compressor.compress(block) for _ in range(yields >> 20)]
    payload = b"".join([*parts, compressor.flush()])
    raw_bytes = chunk.raw_bytes if announced is None else announced
    return replace(chunk, payload=payload, compression=1, raw_bytes=raw_bytes)
