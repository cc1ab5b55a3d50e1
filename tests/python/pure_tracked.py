"""Records of the chunk TRAK, read and written from docs/format.md alone."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

NONE64 = 2**64 - 1


class WrongRecord(ValueError):
    """A rule of the format is broken."""


def require(true: bool, what: str) -> None:
    if not true:
        raise WrongRecord(f"TRAK: {what}")


# ---- reading ----


@dataclass
class Tracked:
    """Everything in the chunk; texts are resolved, 0 is None."""

    beginning: tuple[int, int, int, int] | None = None  # wall, start, now, stop
    texts: list[str] = field(default_factory=list)
    rules: list[tuple[str | None, str | None, int, int]] = field(default_factory=list)
    classes: list[tuple[str, int, tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = field(default_factory=list)
    stacks: list[tuple[tuple[str, int, str], ...]] = field(default_factory=list)
    instances: dict[int, dict[str, object]] = field(default_factory=dict)
    moments: list[dict[str, object]] = field(default_factory=list)


class _Reader:
    def __init__(self) -> None:
        self.found = Tracked()

    def text(self, number: int, needed: bool = True) -> str | None:
        require(number <= len(self.found.texts), f"text {number}")
        require(number > 0 or not needed, "no text")
        return self.found.texts[number - 1] if number else None

    def record(self, kind: int, content: bytes) -> None:
        require((kind == 0) == (self.found.beginning is None), f"record {kind} and the beginning")
        names = ("run", "texts", "rule", "cls", "stack", "instances", "moment", "sizes", "tree")
        if kind < len(names):
            left = getattr(self, names[kind])(content)
            require(0 <= left < 8, f"record {kind} ends elsewhere")

    def run(self, content: bytes) -> int:
        require(len(content) >= 32, "beginning")
        self.found.beginning = struct.unpack_from("<4Q", content)
        require(self.found.beginning[2] >= self.found.beginning[1], "now is before the beginning")
        return len(content) - 32

    def texts(self, content: bytes) -> int:
        require(len(content) >= 4, "texts")
        (n,) = struct.unpack_from("<I", content)
        require(len(content) >= 4 + 4 * n, "lengths of texts")
        at = 4 + 4 * n
        for length in struct.unpack_from(f"<{n}I", content, 4):
            require(at + length <= len(content), "a text ends outside")
            try:
                self.found.texts.append(content[at : at + length].decode("utf-8", "surrogatepass"))
            except UnicodeDecodeError:
                require(False, "a text is not UTF-8")
            at += length
        return len(content) - at

    def rule(self, content: bytes) -> int:
        require(len(content) >= 16, "rule")
        name, label, level, flags = struct.unpack_from("<4I", content)
        self.found.rules.append((self.text(name, False), self.text(label, False), level, flags))
        return len(content) - 16

    def cls(self, content: bytes) -> int:
        require(len(content) >= 16 + 40 + 320, "class")
        name, rule, n, _ = struct.unpack_from("<4I", content)
        require(rule < len(self.found.rules), f"rule {rule}")
        require(len(content) >= 376 + 4 * n, "bases")
        numbers, ages = struct.unpack_from("<5Q", content, 16), struct.unpack_from("<40Q", content, 56)
        text = self.text(name)
        assert text is not None
        self.found.classes.append((text, rule, numbers, ages, struct.unpack_from(f"<{n}I", content, 376)))
        return len(content) - 376 - 4 * n

    def stack(self, content: bytes) -> int:
        require(len(content) >= 8, "stack")
        n, _ = struct.unpack_from("<2I", content)
        require(len(content) >= 8 + 12 * n, "frames")
        frames = [struct.unpack_from("<3I", content, 8 + 12 * at) for at in range(n)]
        named = ((self.text(file), line, self.text(function)) for file, function, line in frames)
        self.found.stacks.append(tuple(named))  # type: ignore[arg-type]
        return len(content) - 8 - 12 * n

    def instances(self, content: bytes) -> int:
        for at in range(0, len(content) - 55, 56):
            serial, birth, death, address, *words = struct.unpack_from("<4Q6I", content, at)
            kind, label, morphed, stack, preview, flags = words
            require(serial > max(self.found.instances, default=0), "serials do not ascend")
            require(death >= birth and kind < len(self.found.classes) and stack <= len(self.found.stacks), "instance")
            self.found.instances[serial] = {
                "birth": birth, "death": None if death == NONE64 else death, "address": address, "class": kind,
                "label": self.text(label, False), "morphed": self.text(morphed, False),
                "stack": self.found.stacks[stack - 1] if stack else None, "preview": self.text(preview, False),
                "found": bool(flags & 1),
            }  # fmt: skip
        return len(content) % 56

    def moment(self, content: bytes) -> int:
        require(len(content) >= 112, "moment")
        numbers = struct.unpack_from("<13Q", content)
        description, n = struct.unpack_from("<2I", content, 104)
        require(len(content) >= 112 + 40 * n, "sums")
        sums = [struct.unpack_from("<2I4Q", content, 112 + 40 * at) for at in range(n)]
        order = [row[0] for row in sums]
        require(order == sorted(set(order)) and all(k < len(self.found.classes) for k in order), "classes of sums")
        if self.found.moments:
            before = self.found.moments[-1]["numbers"]
            require(numbers[0] > before[0] and numbers[2] >= before[2], "order of moments")  # type: ignore[index]
        self.found.moments.append({
            "numbers": numbers, "description": self.text(description), "sums": {row[0]: row[2:] for row in sums},
            "sizes": None, "trees": [],
        })  # fmt: skip
        return len(content) - 112 - 40 * n

    def sizes(self, content: bytes) -> int:
        require(bool(self.found.moments) and self.found.moments[-1]["sizes"] is None, "sizes of no moment, or again")
        require(len(content) >= 8, "sizes")
        (n,) = struct.unpack_from("<Q", content)
        require(n <= (len(content) - 8) // 32, "columns of sizes")
        columns = [struct.unpack_from(f"<{n}Q", content, 8 + 8 * n * column) for column in range(4)]
        require(all(a < b for a, b in zip(columns[0], columns[0][1:], strict=False)), "serials of sizes")
        require(set(columns[0]) <= set(self.found.instances), "sizes of nobody")
        self.found.moments[-1]["sizes"] = {row[0]: row[1:] for row in zip(*columns, strict=True)}
        return len(content) - 8 - 32 * n

    def tree(self, content: bytes) -> int:
        require(bool(self.found.moments) and len(content) >= 16, "tree")
        serial, n, _ = struct.unpack_from("<Q2I", content)
        moment = self.found.moments[-1]
        require(serial in (moment["sizes"] or {}), "tree of nobody")  # type: ignore[operator]
        require(0 < n <= (len(content) - 16) // 24, "rows of a tree")
        rows = []
        for at in range(n):
            depth, label, name, more, size = struct.unpack_from("<4IQ", content, 16 + 24 * at)
            require(depth == 0 if not rows else 1 <= depth <= rows[-1][0] + 1, "depth")
            rows.append((depth, self.text(label), self.text(name), size, more))
        last = max((one for one, _ in moment["trees"]), default=-1)  # type: ignore[attr-defined]
        require(serial > last, "order of trees")
        moment["trees"].append((serial, tuple(rows)))  # type: ignore[attr-defined]
        return len(content) - 16 - 24 * n


def records(payload: bytes, n_rows: int) -> Iterator[tuple[int, bytes]]:
    at = 0
    for _ in range(n_rows):
        require(at + 8 <= len(payload), "a record begins outside")
        kind, n = struct.unpack_from("<2I", payload, at)
        require(n % 8 == 0 and at + 8 + n <= len(payload), "a record ends outside")
        yield kind, payload[at + 8 : at + 8 + n]
        at += 8 + n
    require(at == len(payload), "bytes are left over")


def read(chunks: Iterable[tuple[bytes, int]]) -> Tracked:
    """What the chunks, (payload, rows), hold; `WrongRecord` where a rule is broken."""
    reader = _Reader()
    for payload, n_rows in chunks:
        for kind, content in records(payload, n_rows):
            reader.record(kind, content)
    found = reader.found
    require(found.beginning is not None, "no beginning")
    for at, cls in enumerate(found.classes):
        require(all(base < len(found.classes) and base != at for base in cls[4]), "a base")
    return found


# ---- writing ----


def record(kind: int, content: bytes) -> bytes:
    content += bytes(-len(content) % 8)
    return struct.pack("<2I", kind, len(content)) + content


def run(*numbers: int) -> bytes:
    return record(0, struct.pack("<4Q", *(numbers or (10**18, 100, 10**10, NONE64))))


def texts(*words: str | bytes) -> bytes:
    encoded = [word.encode("utf-8", "surrogatepass") if isinstance(word, str) else word for word in words]
    return record(1, struct.pack(f"<{len(encoded) + 1}I", len(encoded), *map(len, encoded)) + b"".join(encoded))


def rule(name: int = 1, label: int = 0, level: int = 0, flags: int = 4) -> bytes:
    return record(2, struct.pack("<4I", name, label, level, flags))


def cls(name: int = 1, rule: int = 0, bases: tuple[int, ...] = (), n_bases: int | None = None) -> bytes:
    ages = [0] * 40
    ages[3], ages[8] = 5, 2
    head = struct.pack("<4I", name, rule, len(bases) if n_bases is None else n_bases, 0)
    return record(3, head + struct.pack("<45Q", 10, 1, 7, 1, 3 * 10**9, *ages) + struct.pack(f"<{len(bases)}I", *bases))


def stack(*frames: tuple[int, int, int]) -> bytes:
    return record(4, struct.pack("<2I", len(frames), 0) + b"".join(struct.pack("<3I", *frame) for frame in frames))


def instance(serial: int, kind: int = 0, birth: int = 200, death: int = NONE64, address: int = 4096, label: int = 0,
             morphed: int = 0, stack: int = 0, preview: int = 0, found: int = 0) -> bytes:  # fmt: skip
    row = (serial, birth, death, address, kind, label, morphed, stack, preview, found)
    return record(5, struct.pack("<4Q6I", *row))


def moment(number: int = 1, at: int = 300, sums: tuple[tuple[int, ...], ...] = (), text: int = 2) -> bytes:
    numbers = (number, 10**18 + at, at, 7, 5, 2**25, 2**20, NONE64, NONE64, 5000, 300, 2, 0)
    rows = b"".join(struct.pack("<2I4Q", kind, 0, *rest) for kind, *rest in sums)
    return record(6, struct.pack("<13Q2I", *numbers, text, len(sums)) + rows)


def sizes(*rows: tuple[int, int, int, int]) -> bytes:
    """Rows (serial, flat, part, retained)."""
    columns = b"".join(struct.pack(f"<{len(rows)}Q", *(row[at] for row in rows)) for at in range(4))
    return record(7, struct.pack("<Q", len(rows)) + columns)


def tree(serial: int, *rows: tuple[int, int, int, int, int]) -> bytes:
    """Rows (depth, label, type, more, size)."""
    return record(8, struct.pack("<Q2I", serial, len(rows), 0) + b"".join(struct.pack("<4IQ", *row) for row in rows))


WORDS = ("app.Node", "", "app.Leaf", "the \xe9 \udc80", "/srv/app.py", "main", ".x", "dict")


def sample() -> list[bytes]:
    """A record of each kind, and one of a later version."""
    return [
        run(), texts(*WORDS), rule(), rule(0, 4, 2, 3), record(99, b"of a later version"), cls(), cls(3, 1, (0,)),
        stack((5, 6, 12), (5, 6, 0)), instance(3, stack=1, preview=4), instance(5, 1, death=250, label=4, morphed=8),
        instance(9, 1, found=1), moment(1, 300, ((0, 1, 900, 48, 1000), (1, 2, 90, 80, 100))),
        sizes((3, 48, 900, 1000), (5, 40, 50, 60), (9, 40, 40, 40)),
        tree(3, (0, 2, 1, 0, 900), (1, 7, 8, 3, 800)), moment(4, 300), moment(5, 10**9, ((1, 1, 40, 40, 40),)),
        sizes((9, 40, 40, 40)),
    ]  # fmt: skip


def broken() -> dict[str, list[bytes]]:
    """Rows of TRAK that break a rule, by what is wrong."""
    begin = [run(), texts(*WORDS), rule(), cls(), instance(3), instance(5)]
    at = [*begin, moment()]
    sized = [*at, sizes((3, 1, 2, 3))]
    return {
        "nothing at the beginning": [texts("a"), run()],
        "two beginnings": [run(), run()],
        "now before the beginning": [run(1, 5, 4, 3)],
        "no records": [],
        "a short beginning": [record(0, bytes(24))],
        "text of a number too high": [run(), rule(1)],
        "texts that end outside": [run(), record(1, struct.pack("<2I", 1, 9) + b"abc")],
        "lengths that end outside": [run(), record(1, struct.pack("<2I", 2**31, 9))],
        "text that is not UTF-8": [run(), texts(b"\xff\xfe")],
        "class without a name": [*begin, cls(0)],
        "class of no rule": [*begin, cls(rule=1)],
        "class that is its own base": [*begin, cls(bases=(1,))],
        "class with a base that is none": [*begin, cls(bases=(2,))],
        "class with too many bases": [*begin, cls(n_bases=2**30)],
        "short class": [*begin, record(3, bytes(64))],
        "short rule": [*begin, record(2, bytes(8))],
        "frames that end outside": [*begin, record(4, struct.pack("<2I", 2**30, 0))],
        "frame without a file": [*begin, stack((0, 1, 1))],
        "serial again": [*begin, instance(5)],
        "serial 0": [run(), texts(*WORDS), rule(), cls(), instance(0)],
        "death before birth": [*begin, instance(6, birth=9, death=8)],
        "instance of no class": [*begin, instance(6, 1)],
        "instance of no stack": [*begin, instance(6, stack=1)],
        "instance of no label": [*begin, instance(6, label=99)],
        "part of an instance": [*begin, record(5, bytes(40))],
        "short moment": [*begin, record(6, bytes(96))],
        "moment without description": [*begin, moment(text=0)],
        "moment of too many classes": [*begin, record(6, struct.pack("<13Q2I", *[1] * 13, 2, 2**31))],
        "sum of no class": [*begin, moment(sums=((1, 1, 1, 1, 1),))],
        "sums out of order": [*begin, cls(), moment(sums=((1, 1, 1, 1, 1), (0, 1, 1, 1, 1)))],
        "number of a moment again": [*at, moment(1, 400)],
        "moments back in time": [*at, moment(2, 299)],
        "sizes of no moment": [*begin, sizes()],
        "sizes twice": [*sized, sizes((5, 1, 1, 1))],
        "sizes of nobody": [*at, sizes((4, 1, 1, 1))],
        "sizes out of order": [*at, sizes((5, 1, 1, 1), (3, 1, 1, 1))],
        "sizes that end outside": [*at, record(7, struct.pack("<2Q", 2**60, 1))],
        "tree of no moment": [*begin, tree(3, (0, 2, 1, 0, 1))],
        "tree of one without a size": [*sized, tree(5, (0, 2, 1, 0, 1))],
        "tree of nothing": [*sized, tree(3)],
        "tree that begins deep": [*sized, tree(3, (1, 2, 1, 0, 1))],
        "tree with two tops": [*sized, tree(3, (0, 2, 1, 0, 1), (0, 2, 1, 0, 1))],
        "trees out of order": [
            *at, sizes((3, 1, 2, 3), (5, 1, 1, 1)), tree(5, (0, 2, 1, 0, 1)), tree(3, (0, 2, 1, 0, 1))
        ],
        "tree that jumps": [*sized, tree(3, (0, 2, 1, 0, 1), (2, 2, 1, 0, 1))],
        "tree without a type": [*sized, tree(3, (0, 2, 0, 0, 1))],
        "tree that ends outside": [*sized, record(8, struct.pack("<Q2I", 3, 2**30, 0))],
        "record of an odd length": [*begin, struct.pack("<2I", 99, 4) + bytes(4)],
        "record that ends outside": [*begin, struct.pack("<2I", 99, 16) + bytes(8)],
        "more than a record needs": [*begin, record(2, bytes(24))],
    }
