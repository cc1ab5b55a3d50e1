"""Two small processes made by hand or by hypothesis; what a diff of them must say, by the rules of docs/diff.md."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pure_writer as writer
from hypothesis import strategies as st
from pure_writer import Description, Fact, Node, Shape, Type

FIRST = 0x7F0000000000
TRACKED, IMMORTAL, STATIC, FINALIZED, OWN, PYMALLOC = 1, 8, 16, 32, 64, 1 << 10
STR, LIST, TUPLE, SESSION, FLOAT, DICT, RECORDER, BYTEARRAY, TYPE = range(9)
NAMES = ("str", "list", "tuple", "app.Session", "float", "dict", "tonnage.Recorder", "bytearray", "type")
SECOND = 1_000_000_000


@dataclass(frozen=True)
class Thing:
    """An object: all that a file says of it. `text` is its hash, its preview or its length, as the kind has it."""

    kind: int
    flags: int = 0
    own: int = 64
    buffer: int = 0
    text: int = 0
    targets: tuple[int, ...] = ()  # addresses


Heap = dict[int, Thing]  # by address


@dataclass
class Facts:
    """Of the process and the moment."""

    pid: int = 4242
    host: str = "box"
    start: int = 1_700_000_000 * SECOND
    at: float = 0.0  # seconds
    more: dict[str, Fact] = field(default_factory=dict)

    def all(self) -> dict[str, Fact]:
        now = round(self.at * SECOND)
        return {
            "process.pid": self.pid,
            "process.host": self.host,
            "process.start_time_ns": self.start,
            "process.argv.0": "app.py",
            "python.version": "3.13.1",
            "python.hexversion": 0x030D01F0,
            "capture.monotonic_ns": 50 * SECOND + now,
            "capture.wall_time_ns": 1_700_000_100 * SECOND + now,
            "memory.rss_bytes": 1 << 20,
            **self.more,
        }


def describe(heap: Heap, facts: Facts | None = None, session_type: int = 0) -> Description:
    """The file of a heap; session_type is the address of the type object of app.Session, 0: it has none."""
    object_type = Type("object")
    types = [Type(name.rpartition(".")[2], name.rpartition(".")[0] or "builtins", base=object_type) for name in NAMES]
    types[RECORDER].flags = 64
    roots = Type("root", None, flags=4, mro=())
    shapes = [
        Shape(types[STR], has_length=True, has_hash=True),
        Shape(types[LIST], run_style=1, has_capacity=True),
        Shape(types[TUPLE], run_style=1),
        Shape(types[SESSION], [("user", 0, 0), ("peer", 0, 2), ("lent", 0, 1)]),
        Shape(types[FLOAT]),
        Shape(types[DICT], run_style=2, has_capacity=True),
        Shape(types[RECORDER]),
        Shape(types[BYTEARRAY], has_length=True, has_capacity=True),
        Shape(types[TYPE]),
        Shape(roots, run_style=1),
    ]
    nodes = {address: Node(shapes[thing.kind], address, thing.own + thing.buffer) for address, thing in heap.items()}
    for address, thing in heap.items():
        node = nodes[address]
        node.flags, node.refcount = thing.flags, 1
        node.buffers = [(thing.buffer, 0)] if thing.buffer else []
        node.hash = node.length = thing.text
        if thing.kind in (LIST, TUPLE, SESSION, DICT):
            node.references = [nodes.get(target) for target in thing.targets]
        if thing.kind == SESSION:
            node.references = (node.references + [None] * 3)[:3]
        if thing.kind == DICT and len(node.references) % 2:
            node.references.append(None)
        if thing.kind == FLOAT:
            node.preview = (4, struct.pack("<d", thing.text))
        if thing.kind == BYTEARRAY:
            node.preview = (2, str(thing.text).encode())
    if session_type:
        types[SESSION].node = nodes[session_type]
    root = Node(shapes[-1], references=list(nodes.values())[:3])
    return Description([*nodes.values(), root], [object_type, *types, roots], shapes, (facts or Facts()).all())


def write(heap: Heap, facts: Facts | None = None, **options: int) -> bytes:
    return writer.write(describe(heap, facts, **options))


# ---- the rules, from docs/diff.md alone ----


def is_own(thing: Thing) -> bool:
    return thing.kind == RECORDER or bool(thing.flags & OWN)


def grade(old: Thing, new: Thing, same: set[int], before: Heap, here: Heap, incremental: bool) -> str:
    """certain, likely or reused; same: addresses whose object is taken for the same."""
    if old.kind != new.kind:
        return "reused"
    if old.flags & FINALIZED and not new.flags & FINALIZED:
        return "reused"
    ages = [thing.flags >> 1 & 3 for thing in (old, new)]
    least = min(ages[0], 1) if incremental else ages[0]
    tracked = old.flags & new.flags & TRACKED and not new.flags & FINALIZED
    if tracked and old.kind not in (DICT, TUPLE) and ages[0] < 3 and ages[1] < least:
        return "reused"
    if old.flags & new.flags & (IMMORTAL | STATIC):
        return "certain"
    if old.own != new.own:
        return "reused"
    if old.kind == TUPLE:
        mine = [target if target in before else None for target in old.targets]
        there = [target if target in here else None for target in new.targets]
        return "certain" if mine == there and all(target in same for target in mine if target) else "reused"
    if old.kind in (STR, FLOAT):
        return "certain" if old.text == new.text else "reused"
    return "likely"


@dataclass
class Expected:
    new: set[int]
    gone: set[int]
    survived: set[int]
    likely: set[int]  # of survived
    grades: dict[str, int]


def expected(old: Heap, new: Heap, incremental: bool = False) -> Expected:
    """Grades until they change no more: an object that always held the same has gone when one of these has."""
    same, grades, last = old.keys() & new.keys(), {}, None
    while last != grades:
        last = grades
        grades = {a: grade(old[a], new[a], same, old, new, incremental) for a in old.keys() & new.keys()}
        same = {a for a, found in grades.items() if found != "reused"}
    counted = {a for a in grades if not is_own(old[a]) and not is_own(new[a])}
    return Expected(
        {a for a in new.keys() - same if not is_own(new[a]) and (a not in grades or a in counted)},
        {a for a in old.keys() - same if not is_own(old[a]) and (a not in grades or a in counted)},
        same & counted,
        {a for a in counted if grades[a] == "likely"},
        {name: sum(grades[a] == name for a in counted) for name in ("certain", "likely", "reused")},
    )


# ---- made by hypothesis ----

_ages = st.sampled_from([0, TRACKED, TRACKED | 2, TRACKED | 4, TRACKED | 6])
_flags = st.one_of(_ages, st.sampled_from([IMMORTAL, STATIC, OWN, TRACKED | FINALIZED, TRACKED | FINALIZED | 4]))


def _address(slot: int) -> int:
    """Some in a second region, some at an odd place."""
    return FIRST + (slot % 3 == 0) * (3 << 20) + 16 * slot + 8 * (slot % 5 == 4)


_things = st.builds(
    Thing,
    st.integers(0, BYTEARRAY),
    _flags,
    st.sampled_from([32, 48, 64, 1024]),
    st.sampled_from([0, 0, 32, 80]),
    st.integers(0, 2),
    st.lists(st.integers(0, 40).map(_address), max_size=3).map(tuple),
)


@st.composite
def pairs(draw: Callable[..., object]) -> tuple[Heap, Heap]:
    """What a process held, and what it holds later: some gone, some new, some changed, some in the place of others."""
    n: int = draw(st.integers(0, 40))  # type: ignore[assignment]
    old: Heap = {}
    new: Heap = {}
    for slot in range(n):
        address = _address(slot)
        fate = draw(st.sampled_from(["stays", "stays", "changes", "other", "gone", "new", "beside", "never"]))
        thing: Thing = draw(_things)  # type: ignore[assignment]
        if fate in ("stays", "changes", "other", "gone"):
            old[address] = thing
        if fate in ("stays", "new"):
            new[address] = thing
        elif fate == "changes":
            new[address] = replace(
                thing,
                flags=draw(_flags),
                buffer=draw(st.sampled_from([0, 32, 96])),
                targets=draw(st.sampled_from([(), thing.targets, (*thing.targets, FIRST)])),
            )
        elif fate == "other":
            new[address] = draw(_things)  # type: ignore[assignment]
        elif fate == "beside":  # in the other half of the granule
            old[address], new[address ^ 8] = thing, thing
    return old, new
