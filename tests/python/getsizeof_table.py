"""Each way in which an object's size in a snapshot differs from sys.getsizeof, with the reason.

A rule says which objects it is about and what their size must then be, given sys.getsizeof: an object counts as
explained only where a rule's arithmetic holds.  At most UNEXPLAINED_SHARE of all objects may be left over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

UNEXPLAINED_SHARE = 0.001


class Row(NamedTuple):
    """One object: what the interpreter said, and what the snapshot says."""

    type: str
    bases: list[str]  # names of its classes, without modules, itself first
    getsizeof: int
    own: int  # its own block
    parts: dict[str, int]  # its private buffers
    allocator: int  # 0 none, 1 pymalloc, 2 malloc
    capacity: int | None
    version: tuple[int, ...]

    @property
    def total(self) -> int:
        return self.own + sum(self.parts.values())


def block(n_bytes: int) -> int:
    """Bytes of the block that a request of n_bytes gets: a pymalloc class, or a chunk of glibc with its header."""
    if n_bytes <= 512:
        return (n_bytes + 15) // 16 * 16
    return (n_bytes + 8 + 15) // 16 * 16


def is_block_of(size: int, n_bytes: int) -> bool:
    """Whether size is a block for n_bytes: glibc may add 16 bytes that are too few for a chunk, or round to pages."""
    exact = block(n_bytes)
    if n_bytes <= 512:
        return size == exact
    return size in (exact, exact + 16) or (n_bytes >= 128 * 1024 and size == (n_bytes + 16 + 4095) // 4096 * 4096)


def is_shrunk_block_of(size: int, n_bytes: int) -> bool:
    """Whether size is a block that was made smaller in place.

    pymalloc keeps a block unless less than three quarters of it are left; glibc cuts its chunk, also below 512 bytes.
    """
    return is_block_of(size, n_bytes) or block(n_bytes) <= size < n_bytes * 4 / 3 or size == (n_bytes + 23) // 16 * 16


def adds_up(row: Row, n_blocks: int) -> bool:
    """Whether the parts add up to sys.getsizeof but for the rounding of n_blocks blocks."""
    return 0 <= row.total - row.getsizeof <= 24 * n_blocks


def _deque_blocks(row: Row) -> bool:
    blocks, rest = divmod(row.parts.get("blocks", 0), 544)
    return rest in (0, 16) and 0 <= row.total - row.getsizeof <= 16 * (blocks + 1)


def _type_size(row: Row) -> bool:
    base = next((base for base in (row.getsizeof, row.getsizeof - 768) if base > 0 and row.own >= base), 0)
    return bool(base) and any(is_block_of(row.own, size) for size in range(base, base + 40 * 64, 40))


@dataclass(frozen=True)
class Rule:
    """Why and where a size differs.  `holds` is asked only of objects that `about` accepts."""

    name: str
    why: str
    about: Callable[[Row], bool]
    holds: Callable[[Row], bool]


RULES: tuple[Rule, ...] = (
    Rule(
        "static memory",
        "objects in the data of the interpreter or of a library were not allocated: 0 bytes",
        lambda row: row.allocator == 0,
        lambda row: row.own == 0,
    ),
    Rule(
        "rounding",
        "one block, as the allocator rounds it: classes of 16 bytes up to 512, then chunks with a header of 8 bytes",
        lambda row: not row.parts,
        lambda row: is_block_of(row.own, row.getsizeof),
    ),
    Rule(
        "list items",
        "getsizeof adds the array of items; here it is a block of its own, which may have shrunk in place",
        lambda row: "list" in row.bases and set(row.parts) <= {"items", "values"} and row.capacity is not None,
        lambda row: (
            is_block_of(row.own, row.getsizeof - 8 * (row.capacity or 0))
            and is_shrunk_block_of(row.parts.get("items", 0), 8 * (row.capacity or 0))
        ),
    ),
    Rule(
        "dict keys",
        "getsizeof adds the table of keys; here it is a block of its own",
        lambda row: "dict" in row.bases and "keys" in row.parts and set(row.parts) <= {"keys", "other"},
        lambda row: adds_up(row, 2),
    ),
    Rule(
        "dict with shared keys",
        "keys shared by the dictionaries of a class belong to the class; getsizeof counts them in the last one left; "
        "values are a block with a head of their own, or lie inside the instance",
        lambda row: row.type == "dict" and set(row.parts) <= {"values"},
        lambda row: row.own == 64 and row.total <= row.getsizeof + 64,
    ),
    Rule(
        "ctypes' dictionaries",
        "ctypes extends dict by fields and a format string that getsizeof counts and that only C code knows",
        lambda row: row.type == "StgDict",
        lambda row: row.own == 208,
    ),
    Rule(
        "set table",
        "getsizeof adds the table of more than eight slots; here it is a block of its own",
        lambda row: bool({"set", "frozenset"} & set(row.bases)) and set(row.parts) == {"table"},
        lambda row: adds_up(row, 2),
    ),
    Rule(
        "deque blocks",
        "blocks of 64 places take 528 bytes each; a chunk for one takes 544",
        lambda row: "deque" in row.bases and set(row.parts) == {"blocks"},
        _deque_blocks,
    ),
    Rule(
        "data in a buffer",
        "getsizeof adds the buffer of a bytearray or array; here it is a block of its own",
        lambda row: bool({"bytearray", "array"} & set(row.bases)) and set(row.parts) == {"data"},
        lambda row: adds_up(row, 2),
    ),
    Rule(
        "buffers of io",
        "getsizeof adds the buffer: of a BytesIO that is a bytes object, counted as an object of its own",
        lambda row: row.type.startswith("_io."),
        lambda row: 0 < row.own <= 256 and (adds_up(row, 2) or row.total < row.getsizeof),
    ),
    Rule(
        "text with a UTF-8 copy",
        "made when C code asks for it, kept in a block of its own",
        lambda row: "str" in row.bases and set(row.parts) == {"utf8"},
        lambda row: adds_up(row, 2),
    ),
    Rule(
        "subclass of str",
        "the characters are a block of their own",
        lambda row: "str" in row.bases and row.type != "str" and set(row.parts) <= {"data", "values", "utf8"},
        lambda row: 0 <= row.total - row.getsizeof <= 48 + row.parts.get("values", 0) + row.own // 2,
    ),
    Rule(
        "shrunk in place",
        "a str, bytes, tuple or int that was made larger and then cut keeps the larger block",
        lambda row: not row.parts and bool({"str", "bytes", "tuple", "int"} & set(row.bases)),
        lambda row: is_shrunk_block_of(row.own, row.getsizeof),
    ),
    Rule(
        "subclass of int",
        "int.__sizeof__ leaves out what a subclass adds: the place of its __dict__",
        lambda row: "int" in row.bases and row.type != "int",
        lambda row: 0 <= row.own - row.getsizeof <= 32,
    ),
    Rule(
        "hidden fields of a tuple type",
        "getsizeof counts the visible items of a result such as sys.flags, not its further fields or its __dict__",
        lambda row: "tuple" in row.bases and row.type != "tuple",
        lambda row: 0 <= row.own - row.getsizeof <= 160,
    ),
    Rule(
        "attributes inside the instance",
        "from 3.13 on the attributes lie behind the object in its own block; getsizeof leaves them out",
        lambda row: row.version >= (3, 13) and not row.parts,
        lambda row: 8 <= row.own - row.getsizeof <= 30 * 8 + 32 + 32,
    ),
    Rule(
        "attributes in a block of their own",
        "up to 3.12 the attributes of an instance without a __dict__ are a block that getsizeof leaves out",
        lambda row: row.version < (3, 13) and set(row.parts) == {"values"},
        lambda row: is_block_of(row.own, row.getsizeof) and row.parts["values"] <= 30 * 8 + 32 + 32,
    ),
    Rule(
        "classes",
        "a class has 40 bytes more for each slot and one for the end, and getsizeof adds its table of shared keys",
        lambda row: "type" in row.bases,
        _type_size,
    ),
    Rule(
        "code",
        "the copy of the bytecode and of names that code makes when asked, in blocks of their own",
        lambda row: row.type == "code",
        lambda row: is_block_of(row.own, row.getsizeof) or is_shrunk_block_of(row.own, row.getsizeof),
    ),
    Rule(
        "codes of a Struct",
        "the compiled format is a block that only C code knows",
        lambda row: row.type == "_struct.Struct",
        lambda row: row.own == 80,
    ),
    Rule(
        "mapped memory",
        "getsizeof of an mmap is the length of the mapping, which the allocator does not know",
        lambda row: row.type == "mmap.mmap",
        lambda row: 0 < row.own <= 256,
    ),
    Rule(
        "lru_cache and other objects of C code with known buffers",
        "a cache, a wide-character copy or other buffer stands beside the object's block",
        lambda row: bool(row.parts) and set(row.parts) <= {"cache", "wide", "other", "data"},
        lambda row: is_block_of(row.own, row.getsizeof),
    ),
)


def explain(row: Row) -> str | None:
    """Name of the first rule that explains an object's size; None where none does."""
    for rule in RULES:
        if rule.about(row) and rule.holds(row):
            return rule.name
    return None
