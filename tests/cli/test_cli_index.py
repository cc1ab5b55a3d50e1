"""FILE.index: made when asked for, used when it is right, ignored with one line when it is not."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import tonnage
import xxhash
from cli_support import Cli


def index_of(path: Path) -> Path:
    return path.with_name(path.name + ".index")


@pytest.mark.parametrize("verb", [("dominators",), ("retained", "--where", "type:str")])
def test_an_index_changes_no_answer(cli: Cli, shop: Path, verb: tuple[str, ...]) -> None:
    name, *rest = verb
    index = index_of(shop)
    index.unlink(missing_ok=True)
    first = cli(name, shop, *rest)
    assert not index.exists()
    made = cli(name, shop, *rest, "--index")
    assert index.stat().st_mode & 0o777 == 0o600
    stamp = index.stat().st_mtime_ns
    for again in (cli(name, shop, *rest), cli(name, shop, *rest, "--index")):
        assert (again.returncode, again.stderr, again.stdout) == (0, "", first.stdout) == (0, "", made.stdout)
    assert index.stat().st_mtime_ns == stamp
    index.unlink()


def varint(value: int) -> bytes:
    parts = []
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    return bytes([*parts, value])


def wrong_indexes(good: bytes) -> dict[str, bytes]:
    """Ones with a right hash whose content is of no use, and others."""

    def resealed(head: bytes, payload: bytes) -> bytes:
        head = head[:24] + struct.pack("<Q", len(payload))
        return head + struct.pack("<Q", xxhash.xxh3_64_intdigest(head + payload)) + payload

    head, payload = good[:32], good[40:]
    assert resealed(head, payload) == good
    n_nodes = struct.unpack_from("<I", good, 12)[0]
    rest = varint(15) + varint(0) * 2
    after_two = [place + 1 for place, byte in enumerate(payload) if byte < 128][5]  # of six varints
    cycle = varint(4) + varint(1) * 2 + varint(6) + varint(1) * 2 + payload[after_two:]
    return {
        "empty": b"",
        "cut": good[:-1],
        "longer": good + b"\0",
        "damaged": good[:50] + bytes([good[50] ^ 1]) + good[51:],
        "a cycle": resealed(head, cycle),
        "beyond the nodes": resealed(head, varint(4 * n_nodes) + payload[1:]),
        "before the first": resealed(head, varint(6) + payload[1:]),
        "its own dominator": resealed(head, varint(0) + payload[1:]),
        "an unknown hold": resealed(head, varint(11) + payload[1:]),
        "two roots": resealed(head, varint(15) + payload[1:]),
        "no root": resealed(head, payload[: -len(rest)] + varint(4) + varint(0) * 2),
        "too many bits": resealed(head, b"\xff" * 12 + payload),
        "another version": resealed(head[:8] + struct.pack("<I", 2) + head[12:], payload),
        "another snapshot": resealed(head[:16] + bytes(8) + head[24:], payload),
    }


def test_an_index_of_no_use_is_ignored_with_one_line(cli: Cli, shop: Path) -> None:
    index = index_of(shop)
    good_text = cli("dominators", shop, "--index").stdout
    good = index.read_bytes()
    for name, content in wrong_indexes(good).items():
        if content == good:
            continue
        index.write_bytes(content)
        got = cli("dominators", shop)
        assert (got.returncode, got.stdout) == (0, good_text), name
        assert got.stderr.count("\n") == 1, (name, got.stderr)
        assert "is ignored" in got.stderr
        assert cli("dominators", shop, "--index").returncode == 0
        assert index.read_bytes() == good, name
    index.unlink()


def test_an_index_that_cannot_be_written_is_said(cli: Cli, shop: Path) -> None:
    index = index_of(shop)
    index.mkdir()
    got = cli("dominators", shop, "--index")
    index.rmdir()
    assert got.returncode != 0
    assert got.stdout.startswith("shop.py")
    assert str(index) in got.stderr


def test_python_makes_and_uses_an_index(shop: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.index"
    with tonnage.load(shop) as snapshot:
        assert not snapshot.index(path)
        expected = [(item.retained, item.hold, item.dominator) for item in snapshot]
    with tonnage.load(shop) as snapshot:
        assert snapshot.index(path)
        assert [(item.retained, item.hold, item.dominator and item.dominator.address) for item in snapshot] == [
            (size, hold, above and above.address) for size, hold, above in expected
        ]
