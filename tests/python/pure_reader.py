"""A second reader of the snapshot file, written from docs/format.md alone.

It is the oracle of the tests: strict and simple, and it shares no code with the library. It reads
the whole file into memory and decodes every chunk it knows. `Snapshot.open` raises when the file
breaks a rule without which the numbers have no meaning (section 1 and the list of section 4);
`Snapshot.check` lists what else contradicts the specification.

Sizes are bytes. A node is a number below `n_nodes`; nodes below `n_objects` are objects.
"""

from __future__ import annotations

import math
import struct
import sys
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from os import PathLike
from pathlib import Path
from typing import NamedTuple, TypeVar

import pure_tracked
import xxhash
import zstandard

MAGIC = b"\x89TNG\r\n\x1a\n"
END_MARK = b"TNG-END\n"
HEADER_BYTES = 32
TRAILER_BYTES = 32
CHUNK_HEADER_BYTES = 48
MAX_RAW_BYTES = 16 * 1024 * 1024
NODE_ROWS = 262_144
MAX_NODES = 4_294_967_294
REGION_BYTES = 1 << 20
ADDRESS_ROW_BYTES = 8 + 65_536 // 8
NONE32 = 0xFFFF_FFFF

NODE_COLUMNS = frozenset({"SHAP", "SIZE", "REFC", "FLAG"})
TRACE_COLUMNS = ("TADR", "TBYT", "TSIT", "TBIR", "TNOD", "TKND", "TINT")
COLUMNS = NODE_COLUMNS.union(
    ("AODD", "DEGR", "REFS", "LENG", "CAPA", "BUFS", "BUFK", "HASH", "STKI", *TRACE_COLUMNS)
)
FIXED_ROW_BYTES = {
    "ADDR": ADDRESS_ROW_BYTES, "STAK": 16, "FACT": 16, "TIME": 40, "SEEN": 16, "SITE": 80, "SAMP": 40, "TOC ": 32
}  # fmt: skip
TABLES = ("ADDR", "SHTB", "TYPE", "STRS", "PREV", "CODE", "STAK", "FACT", "TIME", "SEEN", "SITE", "SAMP", "TRAK",
          "TOC ")  # fmt: skip
KNOWN = COLUMNS.union(TABLES)
REQUIRED = ("FACT", "STRS", "TYPE", "SHTB", "ADDR", "SHAP", "SIZE")

TYPECODES = {1: "B", 2: "H", 4: "I", 8: "Q"}
DELTA, PLANES = 1, 2

LABEL_STYLES = ("attribute", "item", "local", "field", "root")
RUN_STYLES = ("none", "items", "pairs", "members", "unlabelled", "stack")
KINDS = ("owning", "borrowed", "weak", "interned", "guessed")
BUFFER_KINDS = (
    "items",
    "keys",
    "values",
    "table",
    "utf8",
    "blocks",
    "data",
    "cache",
    "wide",
    "other",
)
ALLOCATORS = ("mem", "obj", "raw")
MAX_INTERVAL = 1 << 48
SEEN_KINDS = ("static", "stack", "frame", "malloc", "block", "object")
RUN_NONE, RUN_ITEMS, RUN_PAIRS, RUN_STACK = 0, 1, 2, 5
HAS_LENGTH, HAS_CAPACITY, HAS_HASH, HAS_STACK, KEYS_TWICE = 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12

FLAG_TRACKED, FLAG_IMMORTAL, FLAG_STATIC, FLAG_OWN = 1 << 0, 1 << 3, 1 << 4, 1 << 6
FLAG_HIDDEN = 1 << 7
FLAG_BITS = 15
TYPE_SYNTHETIC, TYPE_OWN = 1 << 2, 1 << 6
TYPE_FLAG_BITS = 7
N_VISITORS = 5

PREVIEW_STR, PREVIEW_BYTES, PREVIEW_INT, PREVIEW_FLOAT = 1, 2, 3, 4
PREVIEW_BIG_INT, PREVIEW_COMPLEX, PREVIEW_NAME = 5, 6, 7
PREVIEW_CUT = 1 << 15
PREVIEW_BYTES_OF_KIND = {3: 8, 4: 8, 5: 9, 6: 16}

T = TypeVar("T")


class SnapshotError(Exception):
    """The file cannot be read as a snapshot of version 1."""


class NotASnapshot(SnapshotError):
    """The file does not begin with the mark of a snapshot."""


class Unsupported(SnapshotError):
    """The file is of another major version, or a known chunk is of another version."""


class Truncated(SnapshotError):
    """There is no valid trailer at the end of the file."""


class Corrupt(SnapshotError):
    """The trailer is valid, but a hash, a bound or a rule of the specification fails."""


class Chunk(NamedTuple):
    """Header and stored payload of one chunk; `offset` and `end` are positions in the file."""

    id: str
    version: int
    compression: int
    width: int
    transform: int
    first_row: int
    n_rows: int
    raw_bytes: int
    stored_bytes: int
    offset: int
    end: int
    payload: memoryview


class FixedReference(NamedTuple):
    """One fixed reference of a shape."""

    label: str
    style: int
    kind: int


class Shape(NamedTuple):
    """Row of `SHTB`: `type` is a row of `types`."""

    type: int
    flags: int
    fixed: tuple[FixedReference, ...]

    @property
    def run_style(self) -> int:
        """Style of the run, one of RUN_STYLES."""
        return self.flags & 15

    @property
    def run_kind(self) -> int:
        """Kind of the references of the run, one of KINDS."""
        return self.flags >> 4 & 15


class Type(NamedTuple):
    """Row of `TYPE`: `base` and `mro` are rows of `types`, `node` is the type object."""

    name: str
    module: str | None
    flags: int
    visitor: int
    basic_size: int
    item_size: int
    node: int | None
    base: int | None
    mro: tuple[int, ...]

    @property
    def full_name(self) -> str:
        """Name with its module, which is left out for builtins and where it is unknown."""
        if self.module is None or self.module == "builtins":
            return self.name
        return f"{self.module}.{self.name}"


class Reference(NamedTuple):
    """One reference of a node.

    `style` is one of LABEL_STYLES for a fixed reference, else "items", "key", "value", "members",
    "unlabelled" or "stack". `label` is the name of a fixed reference, the index of an item or of a
    place on a value stack, the node of the key of a value, else None. `kind` is one of KINDS, and
    None like `target` where the reference is absent.
    """

    label: str | int | None
    style: str
    kind: str | None
    target: int | None


class Buffer(NamedTuple):
    """A private buffer: bytes taken from the allocator, and one of BUFFER_KINDS."""

    size: int
    kind: str


class Preview(NamedTuple):
    """Row of `PREV`: kind 1…7, and whether more follows in the process."""

    kind: int
    content: bytes
    cut: bool


class Code(NamedTuple):
    """Row of `CODE`."""

    name: str
    qualified_name: str
    file: str
    first_line: int
    line_table: bytes

    def line(self, offset: int) -> int | None:
        """Line of the instruction at a byte offset, from the line table; None where it has none."""
        for start, end, line in code_lines(self.line_table, self.first_line):
            if start <= offset < end:
                return line
        return None


class StackEntry(NamedTuple):
    """Row of `STAK`: rows of the parent entry and of the code, byte offset, line (0: unknown)."""

    parent: int | None
    code: int
    offset: int
    line: int


class Seen(NamedTuple):
    """Row of `SEEN`: words outside of references that point to an object; `what` is a library or a node."""

    kind: str
    what: str | int | None
    count: int


class Site(NamedTuple):
    """Row of `SITE`: `stack` is a row of `stack_entries`, `domain` one of ALLOCATORS or a number."""

    stack: int | None
    domain: str | int
    live_bytes: int
    allocated_bytes: int
    temporary_bytes: int
    peak_bytes: int
    at_peak_bytes: int
    live_count: float
    allocated_count: float
    temporary_count: float
    at_peak_count: float


class Sample(NamedTuple):
    """Row of `SAMP`: `stack` is a row of `stack_entries`, None: lost; `task` None: none."""

    stack: int | None
    thread: str
    task: str | None
    running: bool
    holds_lock: bool
    samples: int
    ns: int
    cpu_ns: int


class Trace(NamedTuple):
    """A block that was alive: `site` is a row of `sites`, `kind` "own" or of BUFFER_KINDS, `interval` 0 if exact."""

    address: int
    bytes: int
    site: int
    birth: int | None
    node: int | None
    kind: str | None
    interval: int

    @property
    def weight(self) -> float:
        """How many blocks it stands for."""
        return 1.0 if not self.interval else -1.0 / math.expm1(-self.bytes / self.interval)


class Time(NamedTuple):
    """Row of `TIME`: nanoseconds of the monotonic clock, bytes, counts; None where unknown."""

    time_ns: int
    rss: int | None
    traced: int | None
    generations: tuple[int | None, int | None, int | None]
    threads: int | None


@dataclass(frozen=True)
class SummaryRow:
    """Objects of one type, tonnage's own left out; sizes in bytes."""

    type: str
    count: int
    size: int
    largest: int
    largest_address: int


@dataclass(frozen=True)
class Sparse:
    """A column that has a row for some nodes only: `nodes[i]`, ascending, has `values[i]`."""

    nodes: array[int]
    values: array[int]

    def get(self, node: int) -> int | None:
        """The value of a node, None where it has no row."""
        row = bisect_left(self.nodes, node)
        if row < len(self.nodes) and self.nodes[row] == node:
            return self.values[row]
        return None


def require(condition: bool, message: str) -> None:
    """Raise Corrupt unless the rule holds."""
    if not condition:
        raise Corrupt(message)


def hash64(*parts: bytes | memoryview) -> int:
    """XXH3, 64 bits, seed 0, of the parts one after another."""
    state = xxhash.xxh3_64()
    for part in parts:
        state.update(part)
    return state.intdigest()


def words(typecode: str, data: bytes | bytearray | memoryview) -> array[int]:
    """Little-endian unsigned integers of the width of `typecode`."""
    result = array(typecode)
    require(len(data) % result.itemsize == 0, "a payload ends within a word")
    result.frombytes(data)
    if sys.byteorder == "big":
        result.byteswap()
    return result


def text(data: bytes) -> str:
    """UTF-8 in which lone surrogates are allowed."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise Corrupt(f"a string is not UTF-8: {error}") from None


# --- Container -----------------------------------------------------------------------------------


def check_header(data: memoryview) -> None:
    """Refuse a file whose first 32 bytes are not the header of version 1."""
    start = bytes(data[: len(MAGIC)])
    if start != MAGIC:
        if MAGIC.startswith(start):
            raise Truncated("the file ends within its first 8 bytes")
        raise NotASnapshot("the file does not begin with the mark of a snapshot")
    if len(data) >= 10:
        major = int.from_bytes(data[8:10], "little")
        if major != 1:
            raise Unsupported(f"major version {major}")
    if len(data) < HEADER_BYTES:
        raise Truncated("the file ends within its header")
    zero32, zero64, stored_hash = struct.unpack_from("<IQQ", data, 12)
    require(stored_hash == hash64(data[:24]), "hash of the header")
    require(zero32 == 0 and zero64 == 0, "reserved bytes of the header are not 0")


def read_chunk(data: memoryview, offset: int, limit: int) -> Chunk:
    """The chunk at `offset`, which must end, padding included, at or before `limit`."""
    where = f"chunk at {offset}"
    require(offset % 8 == 0, f"{where}: not at a multiple of 8")
    require(offset + CHUNK_HEADER_BYTES <= limit, f"{where}: its header ends outside")
    raw_id, version, compression, width, transform = struct.unpack_from("<4sBBBB", data, offset)
    numbers = struct.unpack_from("<5Q", data, offset + 8)
    first_row, n_rows, raw_bytes, stored_bytes, stored_hash = numbers
    start = offset + CHUNK_HEADER_BYTES
    require(stored_bytes <= limit - start, f"{where}: its payload ends outside")
    stop = start + stored_bytes
    end = (stop + 7) // 8 * 8
    require(end <= limit, f"{where}: its padding ends outside")
    payload = data[start:stop]
    require(stored_hash == hash64(data[offset : offset + 40], payload), f"{where}: hash")
    require(not any(data[stop:end]), f"{where}: padding is not 0")
    require(all(0x20 <= byte < 0x7F for byte in raw_id), f"{where}: id is not ASCII")
    chunk_id = raw_id.decode("ascii")
    if chunk_id in KNOWN and version != 1:
        raise Unsupported(f"{where}: {chunk_id} of version {version}")
    require(raw_bytes <= MAX_RAW_BYTES, f"{where}: announces {raw_bytes} bytes")
    if compression == 0:
        require(raw_bytes == stored_bytes, f"{where}: stored as is, but in another size")
    chunk = Chunk(
        chunk_id,
        version,
        compression,
        width,
        transform,
        first_row,
        n_rows,
        raw_bytes,
        stored_bytes,
        offset,
        end,
        payload,
    )
    if chunk_id in KNOWN:
        check_known_chunk(chunk)
    return chunk


def check_known_chunk(chunk: Chunk) -> None:
    """Rules of a chunk header that depend on the id."""
    where = f"{chunk.id} at {chunk.offset}"
    require(chunk.compression in (0, 1), f"{where}: compression {chunk.compression}")
    if chunk.id in COLUMNS:
        require(chunk.width in TYPECODES, f"{where}: width {chunk.width}")
        require(chunk.transform <= (DELTA | PLANES), f"{where}: transform {chunk.transform}")
        require(chunk.raw_bytes == chunk.n_rows * chunk.width, f"{where}: size and rows disagree")
    else:
        require(chunk.width == 0 and chunk.transform == 0, f"{where}: is not a column")
    row_bytes = FIXED_ROW_BYTES.get(chunk.id)
    if row_bytes is not None:
        require(chunk.raw_bytes == chunk.n_rows * row_bytes, f"{where}: size and rows disagree")


def walk_chunks(data: bytes) -> list[Chunk]:
    """The whole chunks of a file that may be truncated, from offset 32 on, in file order."""
    view = memoryview(data)
    check_header(view)
    chunks: list[Chunk] = []
    offset = HEADER_BYTES
    while True:
        try:
            chunk = read_chunk(view, offset, len(view))
        except Corrupt:
            return chunks
        chunks.append(chunk)
        offset = chunk.end
        if chunk.id == "TOC ":
            return chunks


def read_container(data: memoryview) -> dict[str, list[Chunk]]:
    """All chunks but the table of contents by id, after every check of section 1."""
    check_header(data)
    trailer = len(data) - TRAILER_BYTES
    if trailer < HEADER_BYTES or bytes(data[-8:]) != END_MARK:
        raise Truncated("no trailer at the end of the file")
    toc_offset, file_bytes, trailer_hash = struct.unpack_from("<QQQ", data, trailer)
    if trailer_hash != hash64(data[trailer : trailer + 16]):
        raise Truncated("hash of the trailer")
    require(file_bytes == len(data), "the trailer gives another size of the file")
    require(HEADER_BYTES <= toc_offset < trailer, "the table of contents is outside the file")

    toc = read_chunk(data, toc_offset, trailer)
    require(toc.id == "TOC ", "the trailer does not lead to a table of contents")
    require(toc.end == trailer, "the trailer does not follow the table of contents")
    require(toc.first_row == 0, "the table of contents begins at another row")
    rows = list(struct.iter_unpack("<Q4sIQQ", decompress(toc)))

    by_id: dict[str, list[Chunk]] = {}
    position = HEADER_BYTES
    for offset, row_id, zero, first_row, n_rows in rows:
        require(offset == position, f"table of contents: no chunk begins at {offset}")
        chunk = read_chunk(data, offset, toc_offset)
        require(chunk.id != "TOC ", "there is a second table of contents")
        expected = (chunk.id.encode("ascii"), 0, chunk.first_row, chunk.n_rows)
        same = (row_id, zero, first_row, n_rows) == expected
        require(same, f"table of contents and chunk at {offset} disagree")
        by_id.setdefault(chunk.id, []).append(chunk)
        position = chunk.end
    require(position == toc_offset, "chunks are missing in the table of contents")

    for chunk_id, chunks in by_id.items():
        next_row = 0
        for chunk in chunks:
            require(chunk.first_row == next_row, f"{chunk_id} at {chunk.offset}: first row")
            next_row += chunk.n_rows
        if chunk_id in NODE_COLUMNS:
            whole = all(chunk.n_rows == NODE_ROWS for chunk in chunks[:-1])
            require(whole and chunks[-1].n_rows <= NODE_ROWS, f"{chunk_id}: rows of a chunk")
    for chunk_id in REQUIRED:
        require(chunk_id in by_id, f"{chunk_id} is missing")
    return by_id


def zstd_frame_bytes(data: memoryview) -> int:
    """Size of the zstd frame at the start of `data`, from its block headers (RFC 8878)."""
    require(bytes(data[:4]) == b"\x28\xb5\x2f\xfd" and len(data) > 5, "not a zstd frame")
    descriptor = data[4]
    single_segment = descriptor >> 5 & 1
    window_bytes = 1 - single_segment
    dictionary_bytes = (0, 1, 2, 4)[descriptor & 3]
    size_bytes = (single_segment, 2, 4, 8)[descriptor >> 6]
    checksum_bytes = 4 * (descriptor >> 2 & 1)
    position = 5 + window_bytes + dictionary_bytes + size_bytes
    last = False
    while not last:
        require(position + 3 <= len(data), "a zstd frame ends early")
        block = int.from_bytes(data[position : position + 3], "little")
        last = bool(block & 1)
        run_length = block >> 1 & 3 == 1
        position += 3 + (1 if run_length else block >> 3)
    return position + checksum_bytes


def decompress(chunk: Chunk) -> bytes:
    """The `raw_bytes` bytes of payload of a known chunk; never asks for more than one above."""
    if chunk.compression == 0:
        return bytes(chunk.payload)
    where = f"{chunk.id} at {chunk.offset}"
    require(zstd_frame_bytes(chunk.payload) == chunk.stored_bytes, f"{where}: not one zstd frame")
    try:
        with zstandard.ZstdDecompressor().stream_reader(chunk.payload) as stream:
            raw = stream.read(chunk.raw_bytes + 1)
    except zstandard.ZstdError as error:
        raise Corrupt(f"{where}: {error}") from None
    require(len(raw) == chunk.raw_bytes, f"{where}: the frame yields another size")
    return raw


def decode_column(chunk: Chunk) -> array[int]:
    """The `n_rows` numbers of a chunk of a column."""
    raw: bytes | bytearray = decompress(chunk)
    if chunk.transform & PLANES:
        elements = bytearray(len(raw))
        for plane in range(chunk.width):
            start = plane * chunk.n_rows
            elements[plane :: chunk.width] = raw[start : start + chunk.n_rows]
        raw = elements
    stored = words(TYPECODES[chunk.width], raw)
    if chunk.transform & DELTA:
        mask = (1 << 8 * chunk.width) - 1
        return array("Q", (value & mask for value in accumulate(stored)))
    return array("Q", stored)


# --- Tables --------------------------------------------------------------------------------------


class WordReader:
    """Reads rows of u32 words out of one payload; a row must not run past its end."""

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.words = words("I", payload)
        self.position = 0

    def take(self, n: int) -> array[int]:
        """The next n words."""
        end = self.position + n
        require(end <= len(self.words), "a row ends outside its chunk")
        taken = self.words[self.position : end]
        self.position = end
        return taken

    def take_bytes(self, n: int) -> bytes:
        """The next n bytes and the zeros that pad them to a multiple of 4."""
        start = self.position * 4
        self.take((n + 3) // 4)
        require(not any(self.payload[start + n : self.position * 4]), "padding of a row is not 0")
        return self.payload[start : start + n]

    def at_end(self) -> bool:
        """Whether all words were taken."""
        return self.position == len(self.words)


def parse_strings(chunk: Chunk) -> list[str]:
    """Rows of one chunk of `STRS`."""
    raw = decompress(chunk)
    position = 4 * chunk.n_rows
    require(position <= len(raw), "STRS: lengths end outside the chunk")
    strings = []
    for length in words("I", raw[:position]):
        require(position + length <= len(raw), "STRS: a string ends outside the chunk")
        strings.append(text(raw[position : position + length]))
        position += length
    require(position == len(raw), "STRS: bytes are left over")
    return strings


def parse_previews(chunk: Chunk) -> Iterator[tuple[int, Preview]]:
    """Rows of one chunk of `PREV`: node and preview."""
    raw = decompress(chunk)
    n = chunk.n_rows
    position = 8 * n
    require(position <= len(raw), "PREV: numbers end outside the chunk")
    nodes = words("I", raw[: 4 * n])
    kinds = words("H", raw[4 * n : 6 * n])
    lengths = words("H", raw[6 * n : 8 * n])
    for node, kind, length in zip(nodes, kinds, lengths, strict=True):
        require(position + length <= len(raw), "PREV: a preview ends outside the chunk")
        content = raw[position : position + length]
        position += length
        yield node, Preview(kind & ~PREVIEW_CUT, content, bool(kind & PREVIEW_CUT))
    require(position == len(raw), "PREV: bytes are left over")


def parse_addresses(chunks: Sequence[Chunk]) -> array[int]:
    """Addresses in ascending order, as multiples of 16 (`AODD` is not applied)."""
    addresses = array("Q")
    bits_of = [tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256)]
    previous = -1
    for chunk in chunks:
        raw = decompress(chunk)
        for start in range(0, len(raw), ADDRESS_ROW_BYTES):
            region = int.from_bytes(raw[start : start + 8], "little")
            require(region > previous, "ADDR: regions do not ascend")
            require(region < 1 << 44, "ADDR: a region is outside the address space")
            previous = region
            bitmap = raw[start + 8 : start + ADDRESS_ROW_BYTES]
            require(any(bitmap), "ADDR: a region holds no object")
            base = region * REGION_BYTES
            for index, byte in enumerate(bitmap):
                if byte:
                    first = base + 128 * index
                    addresses.extend(first + 16 * bit for bit in bits_of[byte])
    return addresses


def code_lines(table: bytes, first_line: int) -> Iterator[tuple[int, int, int | None]]:
    """Byte ranges and lines (start, end, line or None) of a line table of CPython 3.11."""
    position = 0
    line = first_line
    start = 0

    def varint() -> int:
        nonlocal position
        value = shift = 0
        while True:
            require(position < len(table), "a line table ends within a number")
            byte = table[position]
            position += 1
            value |= (byte & 63) << shift
            shift += 6
            if not byte & 64:
                return value

    while position < len(table):
        first = table[position]
        require(first & 128 != 0, "a line table has no entry where one should begin")
        position += 1
        code = first >> 3 & 15
        end = start + 2 * ((first & 7) + 1)
        if code == 15:
            yield start, end, None
        else:
            if code >= 13:
                delta = varint()
                line += -(delta >> 1) if delta & 1 else delta >> 1
                if code == 14:
                    for _ in range(3):
                        varint()
            elif code >= 10:
                line += code - 10
                position += 2
            else:
                position += 1
            yield start, end, line
        start = end


# --- Snapshot ------------------------------------------------------------------------------------


class Snapshot:
    """A whole snapshot in memory."""

    strings: list[str]
    types: list[Type]
    shape_table: list[Shape]
    facts: dict[str, int | float | str]
    previews: dict[int, Preview]
    codes: list[Code]
    stack_entries: list[StackEntry]
    times: list[Time]
    seen: dict[int, list[Seen]] | None
    sites: list[Site] | None
    samples: list[Sample] | None
    tracked: pure_tracked.Tracked | None
    traces: list[Trace]
    addresses: array[int]  # of objects, ascending
    shapes: array[int]  # of nodes: rows of shape_table
    sizes: array[int]  # of nodes, bytes
    refcounts: array[int]  # of nodes
    flags: array[int]  # of nodes
    n_objects: int
    n_nodes: int
    chunks: dict[str, list[Chunk]]

    def __init__(self, data: bytes) -> None:
        self.chunks = read_container(memoryview(data))
        self._findings: list[str] = []
        self._read_tables()
        self._read_nodes()
        self._read_references()
        self._read_buffers()
        self._lengths = self._sparse("LENG", HAS_LENGTH)
        self._capacities = self._sparse("CAPA", HAS_CAPACITY)
        self._hashes = self._sparse("HASH", HAS_HASH)
        self._stacks = self._sparse("STKI", HAS_STACK)
        self._read_previews()
        self._read_sites()
        self._read_samples()
        self._read_tracked()
        self._read_traces()
        self._check_ranges()

    @classmethod
    def open(cls, source: str | PathLike[str] | bytes) -> Snapshot:
        """Read a file, or the bytes of one."""
        return cls(source if isinstance(source, bytes) else Path(source).read_bytes())

    # Columns and tables.

    def column(self, chunk_id: str) -> array[int] | None:
        """All numbers of a column; None if it was not recorded."""
        chunks = self.chunks.get(chunk_id)
        if chunks is None:
            return None
        numbers = array("Q")
        for chunk in chunks:
            numbers.extend(decode_column(chunk))
        return numbers

    def _node_column(self, chunk_id: str) -> array[int]:
        numbers = self.column(chunk_id)
        if numbers is None:
            return array("Q", bytes(8 * self.n_nodes))
        require(len(numbers) == self.n_nodes, f"{chunk_id}: its rows are not the nodes")
        return numbers

    def _sparse(self, chunk_id: str, shape_flag: int) -> Sparse | None:
        numbers = self.column(chunk_id)
        if numbers is None:
            return None
        has = [bool(shape.flags & shape_flag) for shape in self.shape_table]
        nodes = array("Q", (node for node, shape in enumerate(self.shapes) if has[shape]))
        require(len(nodes) == len(numbers), f"{chunk_id}: its rows are not the nodes that have one")
        return Sparse(nodes, numbers)

    def _rows(self, chunk_id: str, parse: Callable[[WordReader], T]) -> list[T]:
        """Rows of a table of u32 words."""
        rows: list[T] = []
        for chunk in self.chunks.get(chunk_id, ()):
            reader = WordReader(decompress(chunk))
            for _ in range(chunk.n_rows):
                require(not reader.at_end(), f"{chunk_id}: fewer rows than announced")
                rows.append(parse(reader))
            require(reader.at_end(), f"{chunk_id}: bytes are left over")
        return rows

    def _string(self, row: int) -> str:
        require(row < len(self.strings), f"string {row} is out of range")
        return self.strings[row]

    def _read_tables(self) -> None:
        self.strings = [string for chunk in self.chunks["STRS"] for string in parse_strings(chunk)]
        self.types = self._rows("TYPE", self._parse_type)
        self.shape_table = self._rows("SHTB", self._parse_shape)
        self.codes = self._rows("CODE", self._parse_code)
        self.stack_entries = self._rows("STAK", self._parse_stack_entry)
        self._read_times()
        self._read_seen()
        self.facts = {}
        for key, value in self._rows("FACT", self._parse_fact):
            if key in self.facts:
                self._findings.append(f"fact {key!r} is there twice")
            self.facts[key] = value

    def _read_times(self) -> None:
        self.times = []
        previous = -1
        for chunk in self.chunks.get("TIME", ()):
            for time, *wide, first, second, third, threads in struct.iter_unpack("<3Q4I", decompress(chunk)):
                require(previous < time < (1 << 64) - 1, "TIME: times do not ascend")
                previous = time
                rss, traced = (None if value == (1 << 64) - 1 else value for value in wide)
                young, middle, old, alive = (
                    None if value == NONE32 else value for value in (first, second, third, threads)
                )
                self.times.append(Time(time, rss, traced, (young, middle, old), alive))

    def _read_seen(self) -> None:
        self.seen = None if "SEEN" not in self.chunks else {}
        previous = (-1, 0, 0)
        for chunk in self.chunks.get("SEEN", ()):
            for node, kind, what, count in struct.iter_unpack("<4I", decompress(chunk)):
                require(previous < (node, kind, what) and count > 0, "SEEN: rows do not ascend")
                require(kind < len(SEEN_KINDS), f"SEEN: kind {kind}")
                require(kind in (0, 5) or what == 0, "SEEN: something where nothing is said")
                previous = (node, kind, what)
                assert self.seen is not None
                said = self._string(what) if kind == 0 else what if kind == 5 else None
                self.seen.setdefault(node, []).append(Seen(SEEN_KINDS[kind], said, count))

    def _parse_type(self, reader: WordReader) -> Type:
        name, module, flags, visitor, basic, item, node, base, n_mro = reader.take(9)
        return Type(
            self._string(name),
            None if module == NONE32 else self._string(module),
            flags,
            visitor,
            basic,
            item,
            None if node == NONE32 else node,
            None if base == NONE32 else base,
            tuple(reader.take(n_mro)),
        )

    def _parse_shape(self, reader: WordReader) -> Shape:
        type_row, flags, n_fixed = reader.take(3)
        pairs = reader.take(2 * n_fixed)
        fixed = [
            FixedReference(self._string(label), style_kind & 0xFF, style_kind >> 8)
            for label, style_kind in zip(pairs[::2], pairs[1::2], strict=True)
        ]
        return Shape(type_row, flags, tuple(fixed))

    def _parse_code(self, reader: WordReader) -> Code:
        name, qualified_name, file, first_line, table_bytes = reader.take(5)
        return Code(
            self._string(name),
            self._string(qualified_name),
            self._string(file),
            first_line,
            reader.take_bytes(table_bytes),
        )

    def _parse_stack_entry(self, reader: WordReader) -> StackEntry:
        parent, code, offset, line = reader.take(4)
        return StackEntry(parent - 1 if parent else None, code, offset, line)

    def _parse_fact(self, reader: WordReader) -> tuple[str, int | float | str]:
        key, kind, low, high = reader.take(4)
        raw = struct.pack("<II", low, high)
        require(kind <= 3, f"FACT: kind {kind}")
        value: int | float | str = low | high << 32
        if kind == 1:
            value = int.from_bytes(raw, "little", signed=True)
        elif kind == 2:
            value = float(struct.unpack("<d", raw)[0])
        elif kind == 3:
            value = self._string(low | high << 32)
        return self._string(key), value

    def _read_nodes(self) -> None:
        self.addresses = parse_addresses(self.chunks["ADDR"])
        self.n_objects = len(self.addresses)
        previous = -1
        for node in self.column("AODD") or ():
            require(previous < node < self.n_objects, f"AODD: node {node}")
            self.addresses[node] += 8
            previous = node
        self.shapes = self.column("SHAP") or array("Q")
        self.n_nodes = len(self.shapes)
        require(self.n_objects < self.n_nodes <= MAX_NODES, f"{self.n_nodes} nodes")
        require(max(self.shapes) < len(self.shape_table), "SHAP: a shape is out of range")
        self.sizes = self._node_column("SIZE")
        self.refcounts = self._node_column("REFC")
        self.flags = self._node_column("FLAG")

    def _read_references(self) -> None:
        has_run = [shape.run_style != RUN_NONE for shape in self.shape_table]
        pairs = [shape.run_style == RUN_PAIRS for shape in self.shape_table]
        n_fixed = [len(shape.fixed) for shape in self.shape_table]
        n_runs = sum(1 for shape in self.shapes if has_run[shape])
        degrees = self.column("DEGR") or array("Q", bytes(8 * n_runs))
        require(len(degrees) == n_runs, "DEGR: its rows are not the nodes that have a run")
        starts = array("Q", [0])
        position = row = 0
        for shape in self.shapes:
            position += n_fixed[shape]
            if has_run[shape]:
                degree = degrees[row]
                row += 1
                require(not (pairs[shape] and degree % 2), "DEGR: an odd number in pairs")
                position += degree
            require(position < 1 << 64, "DEGR: the sum is out of range")
            starts.append(position)
        self._targets = self.column("REFS") or array("Q")
        self._starts = starts
        require(position == len(self._targets), "REFS: its rows are not the references")
        require(max(self._targets, default=0) <= self.n_nodes, "REFS: a node is out of range")

    def _read_buffers(self) -> None:
        counts = [flags >> 8 & 3 for flags in self.flags]
        self._buffer_starts = array("Q", accumulate(counts, initial=0))
        self._buffer_sizes = self.column("BUFS") or array("Q")
        self._buffer_kinds = self.column("BUFK") or array("Q")
        for name, numbers in (("BUFS", self._buffer_sizes), ("BUFK", self._buffer_kinds)):
            same = len(numbers) == self._buffer_starts[-1]
            require(same, f"{name}: its rows are not the buffers that FLAG counts")

    def _read_previews(self) -> None:
        self.previews = {}
        previous = -1
        for chunk in self.chunks.get("PREV", ()):
            for node, preview in parse_previews(chunk):
                require(previous < node < self.n_nodes, f"PREV: node {node}")
                self.previews[node] = preview
                previous = node

    def _read_sites(self) -> None:
        self.sites = None if "SITE" not in self.chunks else []
        for chunk in self.chunks.get("SITE", ()):
            for stack, domain, *numbers in struct.iter_unpack("<2I5q4d", decompress(chunk)):
                require(stack <= len(self.stack_entries), f"SITE: stack {stack}")
                require(bool(domain >> 31) or domain < len(ALLOCATORS), f"SITE: domain {domain}")
                name = domain & (1 << 31) - 1 if domain >> 31 else ALLOCATORS[domain]
                assert self.sites is not None
                self.sites.append(Site(stack - 1 if stack else None, name, *numbers))
        for column in list(zip(*self.sites or (), strict=True))[2:]:
            require(all(value >= 0 for value in column), "SITE: a number below 0, or none")
            require(sum(column) < 1 << 63, "SITE: a sum is out of range")

    def _read_samples(self) -> None:
        self.samples = None if "SAMP" not in self.chunks else []
        for chunk in self.chunks.get("SAMP", ()):
            for stack, thread, task, state, *numbers in struct.iter_unpack("<4I3Q", decompress(chunk)):
                require(stack <= len(self.stack_entries), f"SAMP: stack {stack}")
                require(max(thread, task) < len(self.strings), f"SAMP: string {max(thread, task)}")
                require(state < 4, f"SAMP: state {state}")
                require(numbers[0] > 0, "SAMP: no samples")
                said = self.strings[thread], self.strings[task] or None, bool(state & 1), bool(state & 2)
                assert self.samples is not None
                self.samples.append(Sample(stack - 1 if stack else None, *said, *numbers))
        for column in list(zip(*self.samples or (), strict=True))[5:]:
            require(sum(column) < 1 << 63, "SAMP: a sum is out of range")

    def _read_tracked(self) -> None:
        self.tracked = None
        if "TRAK" in self.chunks:
            try:
                chunks = ((bytes(decompress(chunk)), chunk.n_rows) for chunk in self.chunks["TRAK"])
                self.tracked = pure_tracked.read(chunks)
            except pure_tracked.WrongRecord as error:
                require(False, str(error))

    def _read_traces(self) -> None:
        self.traces = []
        there = {chunk_id for chunk_id in TRACE_COLUMNS if chunk_id in self.chunks}
        require(not there or there | {"TINT"} == set(TRACE_COLUMNS), f"of columns of blocks only {there}")
        columns = [self.column(chunk_id) for chunk_id in TRACE_COLUMNS]
        if not there:
            return
        n = len(columns[0] or ())
        require(all(column is None or len(column) == n for column in columns), "columns of blocks disagree")
        exact = array("Q", bytes(8 * n))
        before, owner, total = 0, -1, 0
        for address, size, site, birth, node, kind, interval in zip(
            *(exact if column is None else column for column in columns), strict=True
        ):
            total += 2 * (size + interval) if interval else size
            require(before <= address, "TADR: addresses descend")
            require(site < len(self.sites or ()), f"TSIT: site {site}")
            require(node <= self.n_nodes, f"TNOD: node {node}")
            require(kind < 2 + len(BUFFER_KINDS) and bool(kind) == bool(node), f"TKND: kind {kind}")
            require(interval <= MAX_INTERVAL and bool(size or not interval), f"TINT: interval {interval}")
            require(kind != 1 or owner < node <= self.n_objects, f"TNOD: own block of node {node}")
            before, owner = address, node if kind == 1 else owner
            said = None if not kind else "own" if kind == 1 else BUFFER_KINDS[kind - 2]
            self.traces.append(Trace(address, size, site, birth or None, node - 1 if node else None, said, interval))
        require(total < 1 << 63, "TBYT: the sum is out of range")

    def _check_ranges(self) -> None:
        """Every row number and node number that no other method has looked at."""
        n_types = len(self.types)
        for row, type_ in enumerate(self.types):
            require(type_.base is None or type_.base < n_types, f"type {row}: base")
            require(all(other < n_types for other in type_.mro), f"type {row}: MRO")
            require(type_.node is None or type_.node < self.n_nodes, f"type {row}: node")
        for row, shape in enumerate(self.shape_table):
            require(shape.type < n_types, f"shape {row}: type")
        for node, places in (self.seen or {}).items():
            require(node < self.n_objects, f"SEEN: object {node}")
            for place in places:
                require(not isinstance(place.what, int) or place.what < self.n_objects, "SEEN: holder")
        for row, entry in enumerate(self.stack_entries):
            require(entry.parent is None or entry.parent < row, f"call-tree entry {row}: parent")
            require(entry.code < len(self.codes), f"call-tree entry {row}: code")
        if self._stacks is not None:
            highest = max(self._stacks.values, default=0)
            require(highest <= len(self.stack_entries), "STKI: an entry is out of range")

    # What a node is.

    def type_of(self, node: int) -> Type:
        """The type that the shape of a node names."""
        return self.types[self.shape_table[self.shapes[node]].type]

    def node_at(self, address: int) -> int | None:
        """The object at an address."""
        node = bisect_left(self.addresses, address)
        found = node < self.n_objects and self.addresses[node] == address
        return node if found else None

    def length(self, node: int) -> int | None:
        """Length as `LENG` has it, in its unit; None where not recorded."""
        return self._lengths.get(node) if self._lengths else None

    def capacity(self, node: int) -> int | None:
        """Capacity in elements, as `CAPA` has it; None where not recorded."""
        return self._capacities.get(node) if self._capacities else None

    def hash(self, node: int) -> int | None:
        """XXH3 of the content, as `HASH` has it; None where not recorded."""
        return self._hashes.get(node) if self._hashes else None

    def stack_entry(self, node: int) -> int | None:
        """Row of `stack_entries` where the node was allocated."""
        value = self._stacks.get(node) if self._stacks else None
        return value - 1 if value else None

    def stack(self, entry: int) -> list[StackEntry]:
        """Call-tree entries from a row of `stack_entries` up to its outermost caller."""
        entries: list[StackEntry] = []
        row: int | None = entry
        while row is not None:
            entries.append(self.stack_entries[row])
            row = self.stack_entries[row].parent
        return entries

    def buffers(self, node: int) -> list[Buffer]:
        """Private buffers of a node."""
        rows = range(self._buffer_starts[node], self._buffer_starts[node + 1])
        kinds = self._buffer_kinds
        require(all(kinds[row] < len(BUFFER_KINDS) for row in rows), "BUFK: unknown kind")
        return [Buffer(self._buffer_sizes[row], BUFFER_KINDS[kinds[row]]) for row in rows]

    def run(self, node: int) -> list[int | None]:
        """Targets of the run of a node, None where absent."""
        first = self._starts[node] + len(self.shape_table[self.shapes[node]].fixed)
        targets = self._targets[first : self._starts[node + 1]]
        return [value - 1 if value else None for value in targets]

    def references(self, node: int) -> list[Reference]:
        """All references of a node: the fixed ones of its shape, then its run."""
        shape = self.shape_table[self.shapes[node]]
        start = self._starts[node]
        result = []
        for place, fixed in enumerate(shape.fixed):
            value = self._targets[start + place]
            kind, target = (KINDS[fixed.kind], value - 1) if value else (None, None)
            result.append(Reference(fixed.label, LABEL_STYLES[fixed.style], kind, target))
        run = self.run(node)
        for place, target in enumerate(run):
            label: int | None = None
            style = RUN_STYLES[shape.run_style]
            if shape.run_style in (RUN_ITEMS, RUN_STACK):
                label = place
            elif shape.run_style == RUN_PAIRS:
                style = "value" if place % 2 else "key"
                label = run[place - 1] if place % 2 else None
            kind = None if target is None else KINDS[shape.run_kind]
            result.append(Reference(label, style, kind, target))
        return result

    def summary(self) -> list[SummaryRow]:
        """One row for each type that has objects, in the order of `types`."""
        rows: dict[int, list[int]] = {}
        type_of_shape = [shape.type for shape in self.shape_table]
        for node in range(self.n_objects):
            if self.flags[node] & FLAG_OWN:
                continue
            size = self.sizes[node]
            row = rows.setdefault(type_of_shape[self.shapes[node]], [0, 0, -1, 0])
            row[0] += 1
            row[1] += size
            if size > row[2]:
                row[2:] = [size, self.addresses[node]]
        return [
            SummaryRow(self.types[row].full_name, *numbers) for row, numbers in sorted(rows.items())
        ]

    # What contradicts the specification.

    def check(self) -> list[str]:
        """Rules of docs/format.md that the file breaks although it can be read, one a line."""
        findings = list(self._findings)
        findings += self._check_types()
        findings += self._check_shapes()
        findings += self._check_nodes()
        findings += self._check_previews()
        findings += self._check_stacks()
        findings += self._check_traces()
        return findings

    def _check_types(self) -> Iterator[str]:
        for row, type_ in enumerate(self.types):
            name = f"type {row} ({type_.full_name})"
            if type_.flags >> TYPE_FLAG_BITS:
                yield f"{name}: unknown flags {type_.flags:#x}"
            if type_.visitor >= N_VISITORS:
                yield f"{name}: unknown visitor {type_.visitor}"
            if type_.mro and type_.mro[0] != row:
                yield f"{name}: is not the first of its own MRO"
            if len(set(type_.mro)) != len(type_.mro):
                yield f"{name}: a type is twice in its MRO"
            if type_.node is not None and type_.node >= self.n_objects:
                yield f"{name}: its type object is a synthetic node"

    def _check_shapes(self) -> Iterator[str]:
        for row, shape in enumerate(self.shape_table):
            name = f"shape {row} ({self.types[shape.type].full_name})"
            if shape.flags >> 13 or (shape.flags & KEYS_TWICE and shape.flags & 15 != RUN_PAIRS):
                yield f"{name}: unknown flags {shape.flags:#x}"
            if shape.run_style >= len(RUN_STYLES):
                yield f"{name}: unknown run style {shape.run_style}"
            if shape.run_kind >= len(KINDS):
                yield f"{name}: unknown kind of run {shape.run_kind}"
            for fixed in shape.fixed:
                if fixed.style >= len(LABEL_STYLES) or fixed.kind >= len(KINDS):
                    yield f"{name}: reference {fixed.label!r} of unknown style or kind"
            if self.types[shape.type].visitor == 0 and (shape.fixed or shape.run_style):
                yield f"{name}: has references, but its type has none"

    def _check_nodes(self) -> Iterator[str]:
        synthetic = [
            bool(self.types[shape.type].flags & TYPE_SYNTHETIC) for shape in self.shape_table
        ]
        for node, (flags, size, refcount) in enumerate(
            zip(self.flags, self.sizes, self.refcounts, strict=True)
        ):
            is_object = node < self.n_objects
            problems = []
            if synthetic[self.shapes[node]] == is_object:
                problems.append("objects and only they have a type that is not synthetic")
            if flags >> FLAG_BITS:
                problems.append(f"unknown flags {flags:#x}")
            if refcount > NONE32:
                problems.append(f"reference count {refcount}")
            if refcount and (flags & FLAG_IMMORTAL or not is_object):
                problems.append("has a reference count, but is immortal or synthetic")
            no_allocator = not flags >> 10 & 3
            if no_allocator != bool(flags & FLAG_STATIC or not is_object):
                problems.append("flags and allocator disagree")
            buffer_bytes = 0
            if flags >> 8 & 3:
                rows = range(self._buffer_starts[node], self._buffer_starts[node + 1])
                buffer_bytes = sum(self._buffer_sizes[row] for row in rows)
            if buffer_bytes > size:
                problems.append(f"size {size} is less than its buffers, {buffer_bytes}")
            if flags & FLAG_STATIC and size != buffer_bytes:
                problems.append(f"size {size - buffer_bytes} in static memory")
            for problem in problems:
                yield f"node {node} ({self.type_of(node).full_name}): {problem}"
        hidden = {node for node, flags in enumerate(self.flags) if flags & FLAG_HIDDEN}
        if hidden:
            for node in range(self.n_nodes):
                targets = self._targets[self._starts[node] : self._starts[node + 1]]
                if node not in hidden and any(value - 1 in hidden for value in targets):
                    yield f"node {node}: refers to one that only the pool scan should know"
        for kind in sorted(set(self._buffer_kinds)):
            if kind >= len(BUFFER_KINDS):
                yield f"a buffer is of unknown kind {kind}"

    def _check_previews(self) -> Iterator[str]:
        for node, preview in self.previews.items():
            name = f"preview of node {node} ({self.type_of(node).full_name})"
            if not PREVIEW_STR <= preview.kind <= PREVIEW_NAME:
                yield f"{name}: unknown kind {preview.kind}"
                continue
            expected = PREVIEW_BYTES_OF_KIND.get(preview.kind)
            if expected is not None and (len(preview.content) != expected or preview.cut):
                yield f"{name}: {len(preview.content)} bytes, cut: {preview.cut}"
                continue
            length = preview_length(preview)
            if length is None:
                yield f"{name}: not UTF-8"
                continue
            recorded = None if preview.kind == PREVIEW_NAME else self.length(node)
            if recorded is not None and not (
                length < recorded if preview.cut else length == recorded
            ):
                yield f"{name}: length {length}, but the node has {recorded}"
            if preview.kind in (PREVIEW_STR, PREVIEW_BYTES) and not preview.cut:
                content_hash = self.hash(node)
                if content_hash is not None and content_hash != hash64(preview.content):
                    yield f"{name}: its hash is not that of the node"

    def _check_stacks(self) -> Iterator[str]:
        for row, entry in enumerate(self.stack_entries):
            code = self.codes[entry.code]
            try:
                line = code.line(entry.offset)
            except Corrupt as error:
                yield f"call-tree entry {row}: {error}"
                continue
            if entry.line and code.line_table and line != entry.line:
                yield f"call-tree entry {row}: line {entry.line}, but {line} by its line table"

    def _check_traces(self) -> Iterator[str]:
        for row, trace in enumerate(self.traces):
            if trace.kind == "own" and trace.node is not None:
                if not 0 <= self.addresses[trace.node] - trace.address < trace.bytes:
                    yield f"block {row}: node {trace.node} does not begin in it"


def preview_length(preview: Preview) -> int | None:
    """Length in the unit of `LENG`, 0 for kinds that have none; None if text is not UTF-8."""
    content = preview.content
    if preview.kind in (PREVIEW_STR, PREVIEW_NAME):
        try:
            return len(text(content))
        except Corrupt:
            return None
    if preview.kind == PREVIEW_BYTES:
        return len(content)
    if preview.kind == PREVIEW_INT:
        return int.from_bytes(content, "little", signed=True).bit_length()
    if preview.kind == PREVIEW_BIG_INT:
        return int.from_bytes(content[:8], "little")
    return 0
