"""Previews are what Python's repr would print."""

from __future__ import annotations

import json
import random
import struct
from pathlib import Path

from cli_support import Cli

FLOATS = [0.0, -0.0, 0.1, 1e15, 1e16, 1.5e16, 123456789012345680.0, 1e-4, 1e-5, 1.7976931348623157e308, 5e-324]
FLOATS += [float("inf"), float("-inf"), float("nan"), 100.0, 1 / 3, 2.0**53, 9007199254740993.0, -2.5]
COMPLEX = [1 + 2j, 0j, -0.0 + 1j, complex(0, -1), complex(1, float("inf")), complex(float("nan"), -0.0), 1e20 + 3j]
INTS = [0, -1, 2**63 - 1, -(2**63), 255]
TEXTS = ["", "it's", 'say "x"', "both ' and \"", "a\\b", "tab\tline\nreturn\r", "\x00\x7f\x85\xa0\xad", "größer 東京"]
TEXTS += ["\u200b\u2028\u202e\ufeff", "\ud800\udfff", "🙂\U000e0001", "e\u0301"]
BYTES = [b"", b"it's", b"\x00\xff\n\\", b"'\""]


def previews() -> list[tuple[str, int, bytes]]:
    """Expected text, kind and content of a preview."""
    chance = random.Random(7)
    many = FLOATS + [struct.unpack("<d", chance.randbytes(8))[0] for _ in range(400)]
    many += [round(chance.uniform(-1e6, 1e6), chance.randrange(9)) for _ in range(200)]
    rows = [(repr(x), 4, struct.pack("<d", x)) for x in many]
    rows += [(repr(z), 6, struct.pack("<dd", z.real, z.imag)) for z in COMPLEX]
    rows += [(repr(n), 3, struct.pack("<q", n)) for n in INTS]
    rows += [(repr(text), 1, text.encode("utf-8", "surrogatepass")) for text in TEXTS]
    return rows + [(repr(data), 2, data) for data in BYTES]


def test_previews_equal_repr(cli: Cli, tmp_path: Path) -> None:
    import pure_writer as writer
    from pure_writer import Description, Node, Shape, Type

    rows = previews()
    kind = Type("object")
    shape = Shape(kind)
    nodes = [Node(shape, 0x10000 + 32 * i, 32, 1, preview=(k, data)) for i, (_, k, data) in enumerate(rows)]
    path = tmp_path / "previews.tonnage"
    path.write_bytes(writer.write(Description([*nodes, Node(shape)], [kind], [shape])))
    got = json.loads(cli("largest", path, "--json", "--limit", "0").stdout)["rows"]
    wrong = [(row["preview"], text) for row, (text, _, _) in zip(got, rows, strict=True) if row["preview"] != text]
    assert not wrong
