"""A history of tracked classes of which every number is known, and a file of it that tonnage did not write."""

from __future__ import annotations

from pathlib import Path

import pure_writer as writer
from pure_tracked import NONE64, WORDS, cls, instance, moment, run, sizes, stack, texts, tree
from pure_tracked import rule as rule_record
from pure_writer import Description, Node, Shape, Type
from tonnage._tracked_data import History, Instance, Kind, Moment, Rule, Sizes

SYNTHETIC, UNLABELLED = 1 << 2, 4
S = 10**9
STACK = [("/srv/shop.py", 12, "populate"), ("/srv/shop.py", 40, "main")]
TREE = ((0, "", "shop.Node", 3072, 0), (1, ".__dict__", "dict", 900, 0), (2, "['x']", "list", 600, 4))
SERIALS = (1, 2, 3, 4, 5, 6, 7, 9)


def history() -> History:
    """Nodes 1 to 4, of which 2 dies as another type; Leaves 5 to 7; a factory that was there, 9. Three snapshots."""
    found = History(started_wall_ns=1_700_000_000 * S, started_ns=100 * S, now_ns=110 * S)
    found.rules = [Rule(name="shop.Node", resolution_level=2, trace=True), Rule(label="factory", subclasses=False)]
    ages = [0] * 40
    ages[3], ages[8] = 5, 2
    found.kinds = [
        Kind(index=0, name="shop.Node", rule=0, born=10, found=1, died=7, morphed=1, lifetime_ns=3 * S, ages=ages),
        Kind(index=1, name="shop.Leaf", bases=(0,), rule=0, born=3),
        Kind(index=2, name="shop.Factory", rule=1, found=1),
    ]
    for n in SERIALS[:-1]:
        found.instances[n] = Instance(
            serial=n, kind=0 if n < 5 else 1, birth_ns=(100 + n) * S, address=0x7F00_0000_0000 + 64 * n, stack=STACK,
            preview=f"<Node {n}>",
        )  # fmt: skip
    found.instances[2].death_ns, found.instances[2].morphed_to = 104 * S, "shop.Other"
    found.instances[9] = Instance(serial=9, kind=2, label="factory", birth_ns=100 * S, found=True)
    for k in range(1, 4):
        rows = [(n, (48, 100 * n * k, 300 * n * k, TREE if n == 3 else ())) for n in SERIALS if (n, k) != (2, 3)]
        sums = {0: (4 - (k == 3), 500 * k, 192, 2000 * k), 1: (3, 500 * k, 144, 1000 * k), 2: (1, 100, 48, 5000)}
        found.moments.append(Moment(
            number=k, description=("Before juggling", "", "Juggling <aftermath>")[k - 1], seconds=0.25,
            wall_ns=(1_700_000_000 + 2 * k) * S, monotonic_ns=(100 + 2 * k) * S, pause_ns=2_100_000, rss=40 << 20,
            own_bytes=1 << 20, heap_count=50_000 if k == 2 else None, heap_bytes=(8 << 20) if k == 2 else None,
            tracked_bytes=1000 * k + 400, shared_bytes=300, shared_count=2, kinds=sums, instances=Sizes.of(rows),
        ))  # fmt: skip
    return found


def hostile() -> list[bytes]:
    """Records with texts that a terminal or a page must not take as they come."""
    words = (*WORDS, "evil\x1b[2J</script>", "\u202egnp.exe", "x" * 5000, "a\udc80b")
    return [
        run(), texts(*words), rule_record(9, 10), cls(9), cls(11, 0, (0,)), stack((12, 9, 1)),
        instance(1, 0, label=9, preview=10, morphed=11, stack=1), instance(2, 1, death=250, label=12),
        moment(1, 300, ((0, 1, 5, 5, 5), (1, 1, 2**63, 1, NONE64)), text=9),
        sizes((1, 1, 2, 3), (2, NONE64, NONE64, NONE64)), tree(1, (0, 10, 9, 7, NONE64), (1, 11, 12, 0, 0)),
    ]  # fmt: skip


def file_of(records: list[bytes]) -> bytes:
    """A file without objects that has these records."""
    roots = Type("roots", "tonnage", SYNTHETIC)
    shape = Shape(roots, run_style=UNLABELLED)
    facts: dict[str, int | str] = {"process.pid": 77, "process.argv.0": "shop.py", "python.version": "3.11.7",
                                   "capture.wall_time_ns": 1_700_000_010 * S}  # fmt: skip
    return writer.write(Description([Node(shape)], [roots], [shape], facts, tracked=records))


def packed() -> list[bytes]:
    """Records of `history` as tonnage packs them, one by one."""
    from pure_tracked import record, records
    from tonnage._tracked_file import pack

    return [record(*one) for n_rows, payload in pack(history()) for one in records(payload, n_rows)]


def shop(path: Path) -> Path:
    """The file of `history`."""
    path.write_bytes(file_of(packed()))
    return path
