"""What is known of tracked classes: rules, kinds, instances, and moments at which they were sized (docs/track.md).

A tracker fills a `History`; `_tracked_file.py` packs it, for a file or for the pages. Times are of the monotonic clock,
in nanoseconds, unless they say otherwise.
"""

from __future__ import annotations

from _collections_abc import Mapping
from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    Frame = tuple[str, int, str]  # file, line (0: not known), function
    Part = tuple[int, str, str, int, int]  # depth, label, type, size, how many more of its parts are not told
    Row = tuple[int, int, int, tuple[Part, ...]]  # flat, part, retained, tree

AGES = 40  # classes of age at death: below 1 ms, 2 ms, 4 ms, …
ROWS_MAX = 100_000  # instances that are told one by one of a moment
TREES_MAX = 1_000  # of these with a tree
DEAD_MAX = 8_192  # dead instances that are remembered without keep=True


class Fields:
    """Named values with defaults; a default that is callable is called."""

    __slots__: tuple[str, ...] = ()
    _DEFAULTS: dict[str, Any] = {}

    def __init__(self, **values: Any) -> None:
        for name in self.__slots__:
            if name in values:
                value = values.pop(name)
            else:
                value = self._DEFAULTS[name]
                value = value() if callable(value) else value
            setattr(self, name, value)
        if values:
            raise TypeError(f"{type(self).__name__} has no {', '.join(values)}")

    def __repr__(self) -> str:
        values = (f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"{type(self).__name__}({', '.join(values)})"


class Rule(Fields):
    """What was asked for, of a class, or of objects that are tracked one by one and alike.

    name: of the class, `module.Qualname`; None: a rule of such objects, each of which has its own label. label: what
    `name=` said of the class, or None.
    """

    __slots__ = ("keep", "label", "name", "resolution_level", "subclasses", "trace")
    _DEFAULTS = {
        "keep": False, "label": None, "name": None, "resolution_level": 0, "subclasses": True, "trace": False,
    }  # fmt: skip

    keep: bool
    label: str | None
    name: str | None
    resolution_level: int
    subclasses: bool
    trace: bool


class Kind(Fields):
    """An exact type that has tracked instances.

    index: its place in `History.kinds`. name: `module.Qualname`. bases: indexes of the kinds in its MRO, most
    specialised first, itself left out. rule: index of the rule that it goes by. born: made since tracking began;
    found: were there then. died, of these morphed: of another type by then. lifetime_ns: sum over deaths. ages: deaths
    by age.
    """

    __slots__ = ("ages", "bases", "born", "died", "found", "index", "lifetime_ns", "morphed", "name", "rule")
    _DEFAULTS = {
        "ages": lambda: [0] * AGES, "bases": (), "born": 0, "died": 0, "found": 0, "lifetime_ns": 0, "morphed": 0,
    }  # fmt: skip

    ages: list[int]
    bases: tuple[int, ...]
    born: int
    died: int
    found: int
    index: int
    lifetime_ns: int
    morphed: int
    name: str
    rule: int


class Instance(Fields):
    """One tracked object.

    death_ns: None while it lives. found: it was there when tracking began, which birth_ns is then. morphed_to: the name
    of its type by now. stack: its birthplace, innermost first. preview: as the last snapshot has it.
    """

    __slots__ = (
        "address", "birth_ns", "death_ns", "found", "kind", "label", "morphed_to", "preview", "serial", "stack",
    )  # fmt: skip
    _DEFAULTS = {
        "address": 0, "death_ns": None, "found": False, "label": None, "morphed_to": None, "preview": None,
        "stack": None,
    }  # fmt: skip

    address: int
    birth_ns: int
    death_ns: int | None
    found: bool
    kind: int
    label: str | None
    morphed_to: str | None
    preview: str | None
    serial: int
    stack: list[Frame] | None


class Sizes(Mapping["int", "Row"]):
    """Sizes of instances by serial number, in four columns of u64: as {serial: (flat, part, retained, tree)} is read.

    Serials ascend. Trees stand apart, as few instances have one: {serial: parts in pre-order}.
    """

    __slots__ = ("_places", "flat", "part", "retained", "serials", "trees")

    def __init__(
        self,
        serials: array[int],
        flat: array[int],
        part: array[int],
        retained: array[int],
        trees: dict[int, tuple[Part, ...]],
    ) -> None:
        self.serials = serials
        self.flat = flat
        self.part = part
        self.retained = retained
        self.trees = trees
        self._places: dict[int, int] | None = None

    @classmethod
    def of(cls, rows: Iterable[tuple[int, Row]]) -> Sizes:
        """From pairs of a serial and its row, in any order."""
        ordered = sorted(rows, key=lambda pair: pair[0])
        return cls(
            array("Q", [serial for serial, _ in ordered]),
            array("Q", [row[0] for _, row in ordered]),
            array("Q", [row[1] for _, row in ordered]),
            array("Q", [row[2] for _, row in ordered]),
            {serial: tuple(row[3]) for serial, row in ordered if row[3]},
        )

    def __getitem__(self, serial: int) -> Row:
        if self._places is None:
            self._places = {one: at for at, one in enumerate(self.serials)}
        at = self._places[serial]
        return self.flat[at], self.part[at], self.retained[at], self.trees.get(serial, ())

    def __iter__(self) -> Iterator[int]:
        return iter(self.serials)

    def __len__(self) -> int:
        return len(self.serials)


def no_sizes() -> Sizes:
    """Of a moment that has none."""
    return Sizes(array("Q"), array("Q"), array("Q"), array("Q"), {})


class Moment(Fields):
    """A snapshot of a tracker: what instances took then.

    seconds: how long it took; pause_ns: how long the program stood still; rss: of the process, 0: not known; own_bytes:
    tonnage's own. heap_count, heap_bytes: of all objects, None where `compute_total` was not asked for. tracked_bytes:
    what tracked instances keep, the shared part included; shared_bytes, shared_count: kept by several of them together
    and by no single one. kinds: {index: (active, bytes, flat_bytes, retained)}; bytes add up, flat_bytes are the
    instances' own, retained is that of the set. instances: sizes one by one, of the largest; more: how many are left
    out.
    """

    __slots__ = (
        "description", "heap_bytes", "heap_count", "instances", "kinds", "monotonic_ns", "more", "number", "own_bytes",
        "pause_ns", "rss", "seconds", "shared_bytes", "shared_count", "tracked_bytes", "wall_ns",
    )  # fmt: skip
    _DEFAULTS = {
        "description": "", "heap_bytes": None, "heap_count": None, "instances": no_sizes, "kinds": dict, "more": 0,
        "own_bytes": 0, "pause_ns": 0, "rss": 0, "seconds": 0.0, "shared_bytes": 0, "shared_count": 0,
        "tracked_bytes": 0,
    }  # fmt: skip

    description: str
    heap_bytes: int | None
    heap_count: int | None
    instances: Sizes
    kinds: dict[int, tuple[int, int, int, int]]
    monotonic_ns: int
    more: int
    number: int
    own_bytes: int
    pause_ns: int
    rss: int
    seconds: float
    shared_bytes: int
    shared_count: int
    tracked_bytes: int
    wall_ns: int


class History(Fields):
    """All that a tracker knows: the state of its tables, copied.

    instances: {serial: Instance}: those alive, the last dead ones, and all dead ones of rules with keep=True.
    stopped_ns: when it was closed; None: it goes on, and `now_ns` is when this was made. The program and its
    interpreter are facts of the file.
    """

    __slots__ = (
        "instances", "kinds", "moments", "now_ns", "rules", "started_ns", "started_wall_ns", "stopped_ns",
    )  # fmt: skip
    _DEFAULTS = {"instances": dict, "kinds": list, "moments": list, "rules": list, "stopped_ns": None}

    instances: dict[int, Instance]
    kinds: list[Kind]
    moments: list[Moment]
    now_ns: int
    rules: list[Rule]
    started_ns: int
    started_wall_ns: int
    stopped_ns: int | None
