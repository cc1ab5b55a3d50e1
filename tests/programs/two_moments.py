"""Two snapshots of one process, SNAPSHOT.before and SNAPSHOT, and which planted objects are there at each.

Every planted object has a serial number of its own. Addresses are used again on purpose: of each kind objects are
freed and others made, some of them at addresses of the freed ones.
"""

from __future__ import annotations

import gc
from typing import Any

import tonnage
from plant import SNAPSHOT, finish


class Session:
    def __init__(self, serial: int) -> None:
        self.serial = serial
        self.history = [serial]


class Slotted:
    __slots__ = ("serial",)

    def __init__(self, serial: int) -> None:
        self.serial = serial


class Named(tuple[Any, ...]):
    __slots__ = ()


# Each makes a planted object from a serial number; two of one number are never alive at once.
MAKERS = {
    "session": Session,
    "slotted": Slotted,
    "tuple": lambda serial: (serial, "planted"),
    "named": lambda serial: Named((serial, serial + 1)),
    "str": lambda serial: f"planted text {serial:07}",
    "bytes": lambda serial: b"planted bytes %07d" % serial,
    "int": lambda serial: 10**15 + serial,
    "float": lambda serial: serial + 0.25,
    "list": lambda serial: [serial, serial],
    "frozenset": lambda serial: frozenset((serial, "planted")),
}
LIVING: dict[str, dict[int, Any]] = {name: {} for name in MAKERS}
N = 400


def census() -> dict[str, dict[str, int]]:
    """Serial number to address, of each kind."""
    return {name: {str(serial): id(thing) for serial, thing in kind.items()} for name, kind in LIVING.items()}


def make(name: str, serials: range) -> None:
    for serial in serials:
        LIVING[name][serial] = MAKERS[name](serial)


def main() -> None:
    for name in MAKERS:
        make(name, range(1000, 1000 + N))
    gc.collect()
    gc.collect()  # the planted ones are old from here on
    gc.disable()  # those made from here on stay young
    tonnage.snapshot(SNAPSHOT + ".before").close()
    before = census()
    for name, kind in LIVING.items():
        for serial in range(1000, 1000 + N, 2):
            del kind[serial]
    for name in MAKERS:
        make(name, range(5000, 5000 + N))  # many at the addresses of those freed
    for thing in LIVING["list"].values():
        thing.extend(range(20))  # survivors may change what may change
    tonnage.snapshot(SNAPSHOT).close()
    finish(before=before, after=census())


if __name__ == "__main__":
    main()
