"""A small process, described by hand, so that every number the views print can be checked by hand."""

from __future__ import annotations

import struct

import pure_writer as writer
from pure_writer import Description, Fact, Node, Shape, Type

CART, PRICES, NAMES, EVIL = 0x7F0000000100, 0x7F0000000200, 0x7F0000000300, 0x7F0000000400
TRACKED, GENERATION_2, OWN, PYMALLOC = 1, 4, 64, 1 << 10

FACTS: dict[str, Fact] = {
    "capture.tool_version": "0.1.0",
    "capture.mode": "stop",
    "capture.wall_time_ns": 1_700_000_000_000_000_000,
    "capture.monotonic_ns": 5,
    "capture.pause_ns": 41_200_000,
    "process.pid": 4242,
    "process.host": "box",
    "process.argv.0": "shop.py",
    "process.argv.1": "--port 80",
    "python.version": "3.12.1",
    "memory.rss_bytes": 8192,
    "ledger.rss_bytes": 8192,
    "ledger.objects_bytes": 2048,
    "ledger.tonnage_bytes": 0,
    "ledger.mapped_files_bytes": 6400,
    "ledger.not_resident_bytes": 256,
    "thread.0.ident": 1,
    "thread.0.name": "MainThread",
    "thread.0.holds_gil": 1,
    "check.pools.failed": 0,
}


def describe(**facts: Fact) -> Description:
    """Five objects and one of tonnage; 2048 bytes in all."""
    object_type = Type("object")
    dict_type = Type("dict", flags=2, base=object_type)
    str_type = Type("str", base=object_type)
    float_type = Type("float", base=object_type)
    cart_type = Type("Cart", "shop.cart", flags=19, base=object_type)
    big_type = Type("BigCart", "shop.cart", flags=19, base=cart_type)
    ours = Type("Recorder", "tonnage", flags=64, base=object_type)
    roots = Type("roots", "tonnage", flags=4, mro=())
    pairs = Shape(dict_type, run_style=2, has_capacity=True)
    text, number = Shape(str_type, has_length=True), Shape(float_type)
    cart = Shape(cart_type, [("prices", 0, 0), ("watcher", 0, 2)])
    big, recorder, root = Shape(big_type), Shape(ours), Shape(roots, [("modules", 4, 0)], 4)

    name = Node(text, NAMES, 64, 3, PYMALLOC, length=7, preview=(1, b"it's\x1b[\xed\xa0\x80"))
    evil = Node(text, EVIL, 128, 1, PYMALLOC, length=99, preview=(1 | 0x8000, "größer".encode()))
    price = Node(number, 0x7F0000000500, 32, 1, PYMALLOC, preview=(4, struct.pack("<d", 0.1)))
    prices = Node(
        pairs, PRICES, 1720, 1, TRACKED | GENERATION_2 | PYMALLOC, [name, price, evil, None],
        capacity=10, buffers=[(1656, 1)],
    )  # fmt: skip
    basket = Node(cart, CART, 56, 2, TRACKED | PYMALLOC, [prices, evil])
    huge = Node(big, 0x7F0000000600, 48, 1, TRACKED | PYMALLOC)
    spy = Node(recorder, 0x7F0000000700, 500, 1, PYMALLOC)
    kept = Node(pairs, 0x7F0000000800, 300, 1, TRACKED | OWN | PYMALLOC)
    return Description(
        [basket, prices, name, evil, price, huge, spy, kept, Node(root, references=[basket, huge])],
        [object_type, dict_type, str_type, float_type, cart_type, big_type, ours, roots],
        [pairs, text, number, cart, big, recorder, root],
        {**FACTS, **facts},
    )


def data(**facts: Fact) -> bytes:
    """The file."""
    return writer.write(describe(**facts))


STARTED: dict[str, Fact] = {"process.start_time_ns": 1_699_999_000_000_000_000}


def newer() -> bytes:
    """The file with what a comparison wants to know."""
    return data(**STARTED, **{"capture.monotonic_ns": 60_000_000_000})


def older() -> bytes:
    """The shop a minute before: fewer prices, another text in the place of one, one cart that is gone by now."""
    now = describe()
    nodes = {node.address: node for node in now.nodes}
    prices, name, evil, basket = nodes[PRICES], nodes[NAMES], nodes[EVIL], nodes[CART]
    evil.preview, evil.length = (1, b"small"), 5
    prices.references, prices.size, prices.buffers = [name, evil], 400, [(336, 1)]
    sold = Node(nodes[0x7F0000000600].shape, 0x7F0000000900, 48, 1, TRACKED | PYMALLOC)
    gone = (0x7F0000000500, 0x7F0000000600)
    now.nodes = [sold, *(node for node in now.nodes if node.address not in gone)]
    now.nodes[-1].references = [basket, sold]
    now.facts |= {
        **STARTED,
        "capture.wall_time_ns": 1_699_999_940_000_000_000,
        "capture.monotonic_ns": 0,
        "memory.rss_bytes": 4096,
    }
    return writer.write(now)
