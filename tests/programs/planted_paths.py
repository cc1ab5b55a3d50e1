"""Holds objects in every way a path can be written, and evaluates those paths of its own snapshot that are flagged.

Arguments: a workload of WORKLOADS, and how many objects to try. Prints one JSON line.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import gc
import importlib
import io
import json
import random
import sys
import threading
import types
import weakref
from typing import Any

import tonnage

KEPT: dict[str, Any] = {}
WORKLOADS = {
    "planted": [],
    "redacted": [],
    "stdlib": [
        "asyncio", "concurrent.futures", "ctypes", "dataclasses", "decimal", "email.message", "http.server", "json",
        "logging.config", "sqlite3", "unittest", "xml.dom.minidom",
    ],
    "numpy": ["numpy"],
}  # fmt: skip


class Thing:
    """Held in some way, and known by its number."""

    def __init__(self, number: int) -> None:
        self.number = number


class Slotted:
    __slots__ = ("a", "hidden", "__private")

    def __init__(self) -> None:
        self.a = Thing(1)
        self.hidden = Thing(2)
        self.__private = Thing(3)


class Hiding(Slotted):
    hidden = None  # in front of the slot


class Property:
    def __init__(self) -> None:
        self.__dict__["shown"] = Thing(4)
        self.__dict__["plain"] = Thing(5)
        self.__dict__["not a name"] = Thing(6)
        self.__dict__["class"] = Thing(7)
        self.__dict__["größe"] = Thing(8)

    @property
    def shown(self) -> Thing:
        return Thing(0)


class Data:
    """A data descriptor in disguise."""

    def __get__(self, instance: object, owner: object = None) -> object:
        return Thing(0)

    def __set__(self, instance: object, value: object) -> None:
        pass


class Described:
    described = Data()

    def __init__(self) -> None:
        self.__dict__["described"] = Thing(9)


class NonData:
    def __get__(self, instance: object, owner: object = None) -> object:
        return Thing(0)


class Gotten:
    gotten = NonData()
    thing = Thing(10)

    def __init__(self) -> None:
        self.gotten = Thing(11)


class Refusing:
    def __init__(self) -> None:
        object.__setattr__(self, "inner", Thing(12))

    def __getattribute__(self, name: str) -> object:
        return 0


class Fallback:
    def __init__(self) -> None:
        self.real = Thing(13)

    def __getattr__(self, name: str) -> object:
        return Thing(0)


class Meta(type):
    @property
    def shadowed(cls) -> Thing:
        return Thing(0)


class WithMeta(metaclass=Meta):
    shadowed = Thing(14)
    seen = Thing(15)

    @staticmethod
    def static() -> list[Thing]:
        return KEPT["never"]

    @classmethod
    def of_class(cls, argument: tuple[int, ...] = (1, 2, 123456)) -> None:
        """A default to find."""


class Other(dict):  # type: ignore[type-arg]
    def __getitem__(self, key: object) -> object:
        return Thing(0)


class Backwards(list):  # type: ignore[type-arg]
    def __getitem__(self, index: Any) -> Any:
        return Thing(0)


class Key:
    """Equal to others of its kind."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __hash__(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Key)


class Named(str):
    """Kept as it is by C code that takes a str."""

    __slots__ = ()


class File(io.TextIOWrapper):
    """Has attributes of its own beside the fields of C, which C shows under their names."""


class Number(int):
    """An int that is no number to itself."""

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = int.__hash__


Pair = collections.namedtuple("Pair", "left right")


def closed_over() -> Any:
    inner = Thing(16)

    def function(default: list[Thing] = [Thing(17)], *, keyword: Any = Thing(18)) -> Thing:  # noqa: B006, B008
        return inner

    function.attribute = Thing(19)  # type: ignore[attr-defined]
    return function


def generator(argument: Any) -> Any:
    local = Thing(20)
    cell = Thing(21)
    yield lambda: cell
    yield local, argument


def plant() -> None:
    keys: list[Any] = [
        "text",
        "quo'te",
        "\ud800",
        "größe",
        b"\x00bytes",
        -5,
        10**30,
        1.5,
        float("inf"),
        float("nan"),
        -0.5,
    ]
    keys += [
        None,
        True,
        (1, "a", (None,)),
        (),
        (1,),
        ...,
        Key(1),
        Number(7),
        Thing,
        frozenset([1]),
        2j,
        "x" * 300,
        "y" * 81,
    ]
    KEPT["keys"] = {key: Thing(100 + n) for n, key in enumerate(keys)}
    KEPT["as keys"] = {Thing(n): n for n in range(5)}
    del KEPT["as keys"][next(iter(KEPT["as keys"]))]
    KEPT["slots"] = [Slotted(), Hiding()]
    KEPT["attributes"] = [Property(), Described(), Gotten(), Refusing(), Fallback(), WithMeta()]
    KEPT["subclasses"] = [Other(a=Thing(30)), Backwards([Thing(31)]), Pair(Thing(32), Thing(33))]
    KEPT["containers"] = [
        collections.deque([Thing(40), Thing(41)]), collections.OrderedDict(a=Thing(42)),
        collections.defaultdict(Thing, {1: Thing(43)}), {Thing(44)}, frozenset([Thing(45)]), (Thing(46),),
        collections.ChainMap({"a": Thing(47)}), types.MappingProxyType({"a": Thing(48)}),
        types.SimpleNamespace(a=Thing(49)), slice(Thing(50), Thing(51), None),
    ]  # fmt: skip
    KEPT["calls"] = [
        functools.partial(print, Thing(60), end=Thing(61)), closed_over(), Thing(62).__init__, [].append,
        functools.lru_cache(closed_over()), staticmethod(closed_over()), property(closed_over()),
    ]  # fmt: skip
    KEPT["file"] = File(io.BytesIO(), errors=Named("ignore"))
    KEPT["file"].thing = Thing(71)
    running = generator(Thing(70))
    KEPT["generators"] = [running, next(running)]
    KEPT["weak"] = [weakref.ref(KEPT["slots"][0].a) if hasattr(Slotted, "__weakref__") else None]
    try:
        kept_by_traceback = Thing(80)
        raise ValueError(kept_by_traceback)
    except ValueError as error:
        error.__cause__ = KeyError(Thing(81))
        error.note = Thing(82)  # type: ignore[attr-defined]
        KEPT["error"] = error
    local = threading.local()
    local.thing = Thing(83)
    KEPT["local"] = local
    data = dataclasses.make_dataclass("Data", ["x"], slots=True)
    KEPT["dataclass"] = data(Thing(84))
    made = types.ModuleType("made")
    made.thing = Thing(85)  # type: ignore[attr-defined]
    made.__dict__["__annotations__"] = {"a": Thing(86)}
    KEPT["module"] = made
    deep: Any = Thing(87)
    for _ in range(2000):
        deep = [deep]
    KEPT["deep"] = deep
    sys.modules["planted.dotted"] = types.ModuleType("planted.dotted")
    sys.modules["planted.dotted"].thing = Thing(88)  # type: ignore[attr-defined]
    sys.modules["not a name"] = types.ModuleType("not a name")
    sys.modules["not a name"].thing = Thing(89)  # type: ignore[attr-defined]
    sys.modules["no_module"] = Property()  # type: ignore[assignment]


def main() -> None:
    workload, most = sys.argv[1], int(sys.argv[2])
    for name in WORKLOADS[workload]:
        importlib.import_module(name)
    plant()
    gc.collect()
    gc.disable()
    snapshot = tonnage.snapshot(redact=workload == "redacted")
    objects = list(snapshot)
    chosen = [item for item in objects if item.module == "__main__"]
    chosen += random.Random(5).sample(objects, min(most, len(objects)))
    paths = [(item, item.path()) for item in chosen]
    space = dict(sys.modules)
    wrong, flagged, things = [], 0, set()
    for item, path in paths:
        if path is None or not path.evaluable:
            continue
        flagged += 1
        try:
            found: Any = eval(path.expression, dict(space))  # noqa: S307
        except BaseException as error:
            wrong.append(f"{path}: {error!r}")
            continue
        if id(found) != item.address:
            wrong.append(f"{path}: {item!r}")
        elif item.type == "__main__.Thing":
            things.add(found.number)
    print(json.dumps({"paths": len(paths), "flagged": flagged, "wrong": wrong, "things": sorted(things)}))


main()
