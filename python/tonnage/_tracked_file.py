"""Tracked classes as bytes of a file: records of the chunk TRAK (docs/format.md), and files of these alone."""

from __future__ import annotations

import os
from array import array
from struct import pack as _pack

from tonnage._records import call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tonnage._snapshot import Snapshot
    from tonnage._tracked_data import Frame, History, Instance, Kind, Moment, Part, Sizes

_RUN, _TEXTS, _RULE, _KIND, _STACK, _INSTANCES, _MOMENT, _SIZES, _TREE = range(9)
_UNKNOWN = (1 << 64) - 1
_CHUNK = 1 << 22  # bytes after which another chunk begins; a record is at most as long as what is told of a moment
_ROWS = 10_000  # of instances in a record


def _known(number: int | None) -> int:
    return _UNKNOWN if number is None else number


class Packed(tuple[tuple[int, bytes], ...]):
    """Chunks: how many records, their bytes. Of a class of ours, so that a snapshot counts all that as tonnage's."""

    __slots__ = ()


class _Packer:
    """Records in order. A text or a stack comes once, before the first record that names it."""

    __slots__ = ("_bytes", "_chunks", "_n", "_new_stacks", "_new_texts", "_redact", "_size", "_stacks", "_texts")

    def __init__(self, redact: bool) -> None:
        self._redact = redact
        self._bytes: list[bytes] = []
        self._chunks: list[tuple[int, bytes]] = []
        self._n = self._size = 0
        self._texts: dict[str, int] = {}
        self._new_texts: list[bytes] = []
        self._stacks: dict[tuple[Frame, ...], int] = {}
        self._new_stacks: list[bytes] = []

    def text(self, text: str | None) -> int:
        """Its number; 0: none."""
        if text is None:
            return 0
        number = self._texts.get(text)
        if number is None:
            number = self._texts[text] = len(self._texts) + 1
            self._new_texts.append(text.encode("utf-8", "surrogatepass"))
        return number

    def said(self, text: str | None) -> int:
        """The same of what the program's data may be in."""
        return 0 if self._redact else self.text(text)

    def stack(self, frames: list[Frame] | None) -> int:
        """Its number; 0: none."""
        if frames is None or self._redact:
            return 0
        key = tuple(frames)
        number = self._stacks.get(key)
        if number is None:
            words = [_pack("<3I", self.text(file), self.text(function), line) for file, line, function in key]
            self._new_stacks.append(_pack("<2I", len(key), 0) + b"".join(words))
            number = self._stacks[key] = len(self._stacks) + 1
        return number

    def add(self, kind: int, content: bytes) -> None:
        """A record, behind those of texts and stacks that it is the first to name."""
        if self._new_texts:
            texts, self._new_texts = self._new_texts, []
            lengths = _pack(f"<{len(texts) + 1}I", len(texts), *map(len, texts))
            self._put(_TEXTS, lengths + b"".join(texts))
        if self._new_stacks:
            stacks, self._new_stacks = self._new_stacks, []
            for one in stacks:
                self._put(_STACK, one)
        self._put(kind, content)

    def _put(self, kind: int, content: bytes) -> None:
        content += bytes(-len(content) % 8)
        if self._size + len(content) > _CHUNK:
            self._end_chunk()
        self._bytes += (_pack("<2I", kind, len(content)), content)
        self._size += 8 + len(content)
        self._n += 1

    def _end_chunk(self) -> None:
        if self._n:
            self._chunks.append((self._n, b"".join(self._bytes)))
        self._bytes, self._n, self._size = [], 0, 0

    def done(self) -> Packed:
        """All of it."""
        self._end_chunk()
        return Packed(self._chunks)


def _kind(p: _Packer, kind: Kind) -> bytes:
    bases = array("I", kind.bases)
    return (
        _pack("<4I", p.text(kind.name), kind.rule, len(bases), 0)
        + _pack("<5Q", kind.born, kind.found, kind.died, kind.morphed, kind.lifetime_ns)
        + _pack("<40Q", *kind.ages)
        + bases.tobytes()
    )


def _instance(p: _Packer, one: Instance) -> bytes:
    return _pack(
        "<4Q6I", one.serial, one.birth_ns, _known(one.death_ns), one.address, one.kind, p.said(one.label),
        p.text(one.morphed_to), p.stack(one.stack), p.said(one.preview), int(one.found),
    )  # fmt: skip


def _moment(p: _Packer, moment: Moment, left_out: int) -> bytes:
    sums = sorted(moment.kinds.items())
    return (
        _pack(
            "<13Q", moment.number, moment.wall_ns, moment.monotonic_ns, round(moment.seconds * 1e9), moment.pause_ns,
            moment.rss, moment.own_bytes, _known(moment.heap_count), _known(moment.heap_bytes), moment.tracked_bytes,
            moment.shared_bytes, moment.shared_count, moment.more + left_out,
        )
        + _pack("<2I", p.text("" if p._redact else moment.description), len(sums))
        + b"".join(_pack("<2I4Q", kind, 0, *numbers) for kind, numbers in sums)
    )  # fmt: skip


def _columns(sizes: Sizes, known: dict[int, Instance]) -> tuple[list[array[int]], int]:
    """Of instances that are still known; and how many are not."""
    columns = [sizes.serials, sizes.flat, sizes.part, sizes.retained]
    places = [at for at, serial in enumerate(sizes.serials) if serial in known]
    missing = len(sizes.serials) - len(places)
    if missing:
        columns = [array("Q", [column[at] for at in places]) for column in columns]
    return columns, missing


def _tree(p: _Packer, serial: int, parts: tuple[Part, ...]) -> bytes:
    rows = [
        _pack("<4IQ", depth, p.text("" if p._redact else label), p.text(name), more, size)
        for depth, label, name, size, more in parts
    ]
    return _pack("<Q2I", serial, len(rows), 0) + b"".join(rows)


def pack(history: History, redact: bool = False) -> Packed:
    """The records of TRAK in chunks. Redacted: without names that were given, previews, descriptions and birthplaces.

    Sizes of instances that are forgotten are left out, and counted.
    """
    p = _Packer(redact)
    p.add(
        _RUN,
        _pack(
            "<4Q", history.started_wall_ns, history.started_ns, max(history.started_ns, history.now_ns),
            _known(history.stopped_ns),
        ),
    )  # fmt: skip
    for rule in history.rules:
        flags = rule.keep + 2 * rule.trace + 4 * rule.subclasses
        p.add(_RULE, _pack("<4I", p.text(rule.name), p.said(rule.label), rule.resolution_level, flags))
    for kind in history.kinds:
        p.add(_KIND, _kind(p, kind))
    instances = [history.instances[serial] for serial in sorted(history.instances)]
    for at in range(0, len(instances), _ROWS):
        p.add(_INSTANCES, b"".join([_instance(p, one) for one in instances[at : at + _ROWS]]))
    for moment in history.moments:
        columns, missing = _columns(moment.instances, history.instances)
        p.add(_MOMENT, _moment(p, moment, missing))
        if columns[0]:
            p.add(_SIZES, _pack("<Q", len(columns[0])) + b"".join(column.tobytes() for column in columns))
        for serial, parts in sorted(moment.instances.trees.items()):
            if serial in history.instances:
                p.add(_TREE, _tree(p, serial, parts))
    return p.done()


def write(packed: Packed, path: str, force: bool, redact: bool) -> None:
    """Writes a file without objects."""
    call(lambda c: c.sample_save(path, -1, force, redact, packed))


def save(history: History, path: str | os.PathLike[str] | None, force: bool = False) -> Snapshot:
    """Writes a file without objects, and opens it. path None: one without a name."""
    from tonnage import _files
    from tonnage._snapshot import Snapshot, load
    from tonnage._take import defaults

    packed = pack(history, defaults.redact)
    if path is not None:
        name = os.path.abspath(os.fspath(path))
        write(packed, name, force, defaults.redact)
        return load(name)
    fd = _files.open_unlinked()
    try:
        call(lambda c: c.sample_save(None, fd, False, defaults.redact, packed))
    except BaseException:
        os.close(fd)
        raise
    return Snapshot(fd, None)
