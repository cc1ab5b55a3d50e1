"""What all trackers of the process together have the engine follow (docs/decisions/lives.md).

The engine has one table. A *kind* of it is instances of one exact type, made while the same trackers wanted them: when
a tracker comes or goes, instances that are made from then on are of new kinds. So the sums of a kind belong to all its
owners whole, and a tracker's are those of its kinds.

    wishes   by class: which tracker wants its instances, and how
    kinds    of the engine: their type, and who owns them by which rule, found out when first seen
    deaths   go to the owners, and to who tracks the object by itself
"""

from __future__ import annotations

import os
from _thread import RLock

from tonnage._records import call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any
    from weakref import ReferenceType

    from tonnage._tracked_state import State

    Ref = ReferenceType[State]
    # serial, kind, address, birth, death, morphed, stack
    Death = tuple[int, int, int, int, int, bool, int]

_getters: Any = type.__dict__  # a metaclass may have attributes of its own in their place


def full_name(cls: type) -> str:
    """As snapshots have it: module and qualified name, of builtins without the module."""
    name: str = _getters["__qualname__"].__get__(cls)
    try:
        module = _getters["__module__"].__get__(cls)
    except AttributeError:  # made by code without a __name__
        return name
    return name if module == "builtins" or not isinstance(module, str) else f"{module}.{name}"


def bare_name(cls: type) -> str:
    """Its `__name__`."""
    found: str = _getters["__name__"].__get__(cls)
    return found


def members(cls: type) -> Mapping[str, object]:
    """Its `__dict__`."""
    found: Mapping[str, object] = _getters["__dict__"].__get__(cls)
    return found


class Type:
    """An exact type, as it was when an instance was first seen."""

    __slots__ = ("address", "ids", "names")

    def __init__(self, cls: type | None, name: str, base: type | None, address: int) -> None:
        """cls: None where it has died since; then what is known is its name, and a class that it is derived from."""
        known = base if cls is None else cls
        bases = () if known is None else _getters["__mro__"].__get__(known)
        self.address = address
        self.ids = tuple(map(id, bases)) if cls is not None else (0, *map(id, bases))
        self.names = tuple(map(full_name, bases)) if cls is not None else (name, *map(full_name, bases))


class Wish:
    """What a tracker wants of a class."""

    __slots__ = ("keep", "owner", "rule", "stacks", "subclasses")

    def __init__(self, owner: Ref, rule: int, stacks: bool, keep: bool, subclasses: bool) -> None:
        self.owner = owner
        self.rule = rule  # its number among those of the tracker
        self.stacks = stacks
        self.keep = keep
        self.subclasses = subclasses


_KINDS_MANY = 256
_KINDS_MAX = 4_094  # of the engine

lock = RLock()
_classes: dict[int, type] = {}  # those that are wished for, which are kept alive
_wishes: dict[int, list[Wish]] = {}
_types: dict[int, Type] = {}
_owners: dict[int, list[Ref]] = {}
_singles: dict[int, list[Ref]] = {}  # by serial number
_after = 0  # the number of the last death that was told
_is_full = False
_pid = 0


def _begin() -> None:
    """In a child after fork the lock may be that of a thread that is not there."""
    global _pid
    if _pid == 0:
        os.register_at_fork(after_in_child=_new_lock)
    _pid = os.getpid()


def _new_lock() -> None:
    global lock
    lock = RLock()


# ---- classes ----


def follow(cls: type, wish: Wish) -> None:
    """A tracker wants the instances that are made from now on, in place of what it wanted of the class before."""
    with lock:
        if not _pid:
            _begin()
        wishes = [other for other in _wishes.get(id(cls), ()) if other.owner is not wish.owner]
        _change(cls, [*wishes, wish])


def follow_no_more(cls: type, owner: Ref) -> None:
    """A tracker does not want what is made from now on. What was made before stays its own."""
    with lock:
        _change(cls, [other for other in _wishes.get(id(cls), ()) if other.owner is not owner])


def _change(cls: type, wishes: list[Wish]) -> None:
    """What was made until the engine changed goes by the wishes of before."""
    if wishes:
        stacks, keep = any(wish.stacks for wish in wishes), any(wish.keep for wish in wishes)
        subclasses = any(wish.subclasses for wish in wishes)
        until: int = call(lambda c: c.follow_class(cls, stacks, keep, subclasses))
    else:
        until = call(lambda c: c.follow_no_class(cls, True))
    if len(_look(until)) > _KINDS_MANY:
        poll()
    if wishes:
        _wishes[id(cls)], _classes[id(cls)] = wishes, cls
    else:
        _wishes.pop(id(cls), None)
        _classes.pop(id(cls), None)


def _look(until: int | None = None) -> list[tuple[Any, ...]]:
    """Gives kinds that were not seen before to their owners; rows of all."""
    rows: list[tuple[Any, ...]] = call(lambda c: c.lives_kinds())
    for kind, address, rule, name, born, *_, made, single, _ in rows:
        if kind in _types or not born or (until is not None and made > until):
            continue
        cls = call(lambda c, kind=kind: c.lives_class(kind))  # type: ignore[misc]
        found = _types[kind] = Type(cls, name, _classes.get(rule), address)
        owners: dict[Ref, int] = {}
        for place, base in enumerate(found.ids):  # the most specialised comes first
            for wish in () if single else _wishes.get(base, ()):
                if wish.subclasses or place == 0:
                    owners.setdefault(wish.owner, wish.rule)
        for owner, number in owners.items():
            tracker = owner()
            if tracker is not None:
                tracker.has_kind(kind, found, number)
                _owners.setdefault(kind, []).append(owner)
    return rows


def release(kinds: Iterable[int], owner: Ref) -> None:
    """A tracker has no interest in instances of these any more."""
    with lock:
        for kind in kinds:
            owners = _owners.get(kind, [])
            if owner in owners:
                owners.remove(owner)
            if not owners:
                _forget(kind)


def _forget(kind: int) -> None:
    """Nobody has it: unless single objects are of it, another may have its number."""
    if call(lambda c: c.lives_forget(kind)):
        _owners.pop(kind, None)
        _types.pop(kind, None)


# ---- single objects ----


def follow_object(x: object, owner: Ref) -> tuple[int, int, int, int, int]:
    """Serial number, kind, block, birth and stack of an object that is followed from now on, if it was not before."""
    with lock:
        if not _pid:
            _begin()
        call(lambda c: c.follow_object(x))
        found: tuple[int, int, int, int, int] = call(lambda c: c.lives_of(x))
        owners = _singles.setdefault(found[0], [])
        if owner not in owners:
            owners.append(owner)
        return found


def find(x: object) -> tuple[int, int] | None:
    """Serial number and kind of an object that is followed."""
    found = call(lambda c: c.lives_of(x))
    return None if found is None else found[:2]


def type_of(kind: int) -> Type:
    """Of a kind of the engine."""
    with lock:
        if kind not in _types:
            _look()
        return _types[kind]


def release_object(serial: int, kind: int, block: int, owner: Ref) -> None:
    """A tracker has no interest in this one any more."""
    with lock:
        owners = _singles.get(serial, [])
        if owner in owners:
            owners.remove(owner)
        if not owners:
            _singles.pop(serial, None)
            forget = not _owners.get(kind)
            call(lambda c: c.lives_drop(block, serial, forget))
            if forget:
                _forget(kind)


# ---- what became of them ----


def poll() -> dict[int, tuple[Any, ...]]:
    """Tells trackers of kinds and deaths that are new to them.

    Returns:
        Rows of all kinds, as `_capture.lives_kinds()` has them, by kind.
    """
    global _after
    with lock:
        rows = _look()
        after = _after
        for number, *death in call(lambda c: c.lives_deaths(after)):
            _after = number
            _tell(tuple(death))
        for _, *death in call(lambda c: c.lives_logged()):
            _tell(tuple(death))
        if len(rows) > _KINDS_MANY:
            _retire(rows)
        return {row[0]: row for row in rows}


def _retire(rows: list[tuple[Any, ...]]) -> None:
    """Kinds that there will be no more of, and whose instances are all dead, leave their sums to their owners."""
    global _is_full
    for row in rows:
        kind, born, died, is_over = row[0], row[4], row[5], row[11]
        owners = [state for owner in _owners.get(kind, ()) if (state := owner()) is not None]
        if is_over and born == died and kind in _types and not any(state.waiting for state in owners):
            for state in owners:
                state.has_ended(kind, row)
            _owners.pop(kind, None)
            _forget(kind)
    if len(rows) >= _KINDS_MAX and not _is_full:
        import warnings

        _is_full = True
        warnings.warn(
            f"{_KINDS_MAX} types were followed since the last look at tracked instances: those of others were not "
            "seen; take snapshots more often, or track fewer",
            RuntimeWarning,
            stacklevel=2,
        )


def _tell(death: Any) -> None:
    serial, kind = death[:2]
    singles, owners = _singles.pop(serial, ()), _owners.get(kind, ())
    for owner in {*singles, *owners}:
        tracker = owner()
        if tracker is not None:
            tracker.has_death(death)
