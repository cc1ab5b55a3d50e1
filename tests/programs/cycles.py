"""Cycles of known kinds, some alive and some garbage.  Argument: links of the long ring.

What a collection frees is asked of the interpreter itself, after the snapshot and by DEBUG_SAVEALL: of what was there
before it.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections.abc import Callable
from typing import Any

from plant import ARGUMENTS, finish, plant, take

PAIRS, FORGOTTEN, LISTED = 40, 30, 3


class Node:
    def __init__(self) -> None:
        self.children: list[Node] = []
        self.parent: Node | None = None


class Link:
    __slots__ = ("next",)

    def __init__(self, after: Any) -> None:
        self.next = after


class Closing:
    """Has a finalizer, and refers to itself."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        pass


class Plain:
    """Can be referred to weakly."""


def pair() -> Node:
    parent, child = Node(), Node()
    parent.children.append(child)
    child.parent = parent
    return parent


def ring(n: int) -> Link:
    first = last = Link(None)
    for _ in range(n - 1):
        last.next = Link(None)
        last = last.next
    last.next = first
    return first


def closure() -> Callable[[], Any]:
    def again() -> Any:
        return again

    return again


KEPT = [pair() for _ in range(PAIRS)]
AGAIN = closure()
TABLE: dict[str, Any] = {}
TABLE["me"] = TABLE
CLOSING = Closing()
WEAK: weakref.WeakValueDictionary[int, Plain] = weakref.WeakValueDictionary()
PLAIN = [Plain() for _ in range(7)]


def forget() -> None:
    """Garbage: pairs, a class, a ring with something that hangs from it, one with a finalizer."""
    for _ in range(FORGOTTEN):
        pair()
    type("Forgotten", (), {})
    held = ring(5)
    held.next.next = Link([held, [bytes(3000)]])
    Closing()


def main() -> None:
    n = int(ARGUMENTS[0])
    for number, one in enumerate(PLAIN):
        WEAK[number] = one
    called = [weakref.ref(PLAIN[0], lambda _: None)]
    gone = [weakref.ref(Plain()) for _ in range(4)]
    long_ring = plant("ring", ring(n))
    plant("kept", KEPT[0])
    plant("closure", AGAIN)
    plant("table", TABLE)
    plant("weak", WEAK)
    gc.collect()
    gc.disable()
    gc.garbage.extend(pair() for _ in range(LISTED))
    plant("listed", gc.garbage[0])
    forget()
    n_listed = len(gc.garbage)
    before = {id(one) for one in gc.get_objects()}
    take()
    gc.set_debug(gc.DEBUG_SAVEALL)
    gc.collect()
    freed = [id(one) for one in gc.garbage[n_listed:] if id(one) in before]
    gc.set_debug(0)
    gc.garbage.clear()
    assert long_ring and called and gone and sys.modules
    finish(freed=freed)


main()
