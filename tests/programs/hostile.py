"""Types whose every special method ends the process, planted in each kind of place."""

from __future__ import annotations

import collections
import os
import weakref
from typing import Any

from plant import finish, holds, planted, take

ARMED = False
NAMES = """
__abs__ __add__ __aenter__ __aexit__ __aiter__ __and__ __anext__ __await__ __bool__ __bytes__ __call__ __ceil__
__complex__ __contains__ __copy__ __deepcopy__ __del__ __delattr__ __delete__ __delitem__ __dir__ __divmod__ __enter__
__eq__ __exit__ __float__ __floor__ __floordiv__ __format__ __fspath__ __ge__ __get__ __getattr__ __getattribute__
__getitem__ __getnewargs__ __getstate__ __gt__ __hash__ __iadd__ __index__ __init_subclass__ __instancecheck__ __int__
__invert__ __iter__ __le__ __len__ __length_hint__ __lshift__ __lt__ __matmul__ __missing__ __mod__ __mul__ __ne__
__neg__ __next__ __or__ __pos__ __pow__ __radd__ __reduce__ __reduce_ex__ __repr__ __reversed__ __round__ __rshift__
__set__ __setattr__ __setitem__ __setstate__ __sizeof__ __str__ __sub__ __subclasscheck__ __subclasshook__ __truediv__
__trunc__ __xor__ __buffer__ __release_buffer__
""".split()


def bomb(name: str, base: type) -> Any:
    original = getattr(base, name, None)

    def method(*arguments: Any, **keywords: Any) -> Any:
        if ARMED:
            os.write(2, f"{name} was called\n".encode())
            os.abort()
        return original(*arguments, **keywords) if original is not None else NotImplemented

    return method


def hostile(base: type, meta: type, slots: bool = False) -> Any:
    space: dict[str, Any] = {}
    for name in NAMES:
        if name not in ("__init_subclass__", "__subclasshook__", "__buffer__", "__release_buffer__"):
            space[name] = bomb(name, base)
    space["__class__"] = property(bomb("__class__", object))
    space["__doc__"] = property(bomb("__doc__", object))
    space["__module__"] = "__main__"
    space["__qualname__"] = f"Hostile{base.__name__.capitalize()}{'Slots' if slots else ''}"
    if slots:
        space["__slots__"] = ()
    return type.__call__(meta, space["__qualname__"], (base,), space)


def hostile_meta() -> type:
    space: dict[str, Any] = {name: bomb(name, type) for name in NAMES if name not in ("__new__", "__init__")}
    space["mro"] = bomb("mro", type)
    space["__prepare__"] = classmethod(bomb("__prepare__", object))
    space["__class__"] = property(bomb("meta.__class__", object))
    for name in ("__init_subclass__", "__subclasshook__", "__buffer__", "__release_buffer__"):
        del space[name]
    return type("HostileMeta", (type,), space)


def main() -> None:
    global ARMED
    meta = hostile_meta()
    kept: list[Any] = []
    makers: dict[type, Any] = {
        object: lambda kind: object.__new__(kind),
        list: lambda kind: list.__new__(kind),
        dict: lambda kind: dict.__new__(kind),
        tuple: lambda kind: tuple.__new__(kind, (1, 2)),
        set: lambda kind: set.__new__(kind),
        int: lambda kind: int.__new__(kind, 10**30),
        str: lambda kind: str.__new__(kind, "hostile text"),
        bytes: lambda kind: bytes.__new__(kind, b"hostile bytes"),
        float: lambda kind: float.__new__(kind, 1.5),
        bytearray: lambda kind: bytearray.__new__(kind),
        Exception: lambda kind: Exception.__new__(kind, 1),
        collections.OrderedDict: lambda kind: collections.OrderedDict.__new__(kind),
    }
    for base, make in makers.items():
        for slots in (False, True):
            if slots and base in (int, tuple, bytes):
                continue
            kind = hostile(base, meta, slots)
            made = make(kind)
            label = f"{base.__name__}{' slots' if slots else ''}"
            qualname = type.__dict__["__qualname__"].__get__(kind)
            planted[label] = {"id": id(made), "type": f"__main__.{qualname}", "getsizeof": 0}
            planted[f"type of {label}"] = {"id": id(kind), "type": "__main__.HostileMeta", "getsizeof": 0}
            if base is object and not slots:
                object.__setattr__(made, "attribute", held := object())
                holds.append([label, id(made), id(held), f"__main__.{qualname}"])
            kept.append(made)
    key, value = kept[0], kept[1]
    table = {key: value}
    kept += [table, [key], (key,), {key}, collections.deque([key]), weakref.ref(kept[0])]
    planted["dict with a hostile key"] = {"id": id(table), "type": "dict", "getsizeof": 0}
    ARMED = True
    hostile_local = kept[0]  # noqa: F841 - in a frame as well
    take()
    ARMED = False
    finish()
    os._exit(0)


main()
