"""Objects that only C code holds, contents of code, a frozen heap, weak references, interned text, static types."""

from __future__ import annotations

import collections
import ctypes
import gc
import sys
import weakref
from typing import Any

from plant import finish, hold, plant, take


class Target:
    pass


def leak(name: str, obj: Any) -> None:
    """Takes a reference that nobody will ever drop, as a leak in C code does."""
    plant(name, obj)
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(obj))


def counted_by_the_call() -> int:
    """What sys.getrefcount says beyond the references there are: its own argument, which 3.14 no longer counts."""
    alone = object()
    return sys.getrefcount(alone) - 1


def with_contents(argument: Any) -> Any:
    text = "a constant of with_contents"
    number = 123456.789

    def nested() -> Any:
        return argument, "a constant of nested", b"bytes of nested", (1.0625, "in a tuple")

    return text, number, nested


def main() -> None:
    leak("leaked float", float("12345.678"))
    leak("leaked str", "".join(["leaked ", "text ", "of C"]))
    leak("leaked bytes", bytes(bytearray(b"leaked" * 10)))
    leak("leaked tuple", tuple([float("7.125")]))
    leak("leaked dict", {"leaked": float("8.125")})
    leak("leaked large bytes", bytes(10_000))
    leak("leaked list", [float("9.5")])
    target = plant("target", Target())
    plant("weak reference", weakref.ref(target))
    reference = weakref.ref(target)
    values: weakref.WeakValueDictionary[str, Any] = weakref.WeakValueDictionary(a=target)
    hold("weak", reference, target)
    keyed = next(iter(values.data.values()))  # type: ignore[attr-defined]
    hold("weak value", keyed, target)
    interned = plant("interned", sys.intern("".join(["inter", "ned_by_the_program"])))
    code = with_contents.__code__
    plant("code", code)
    for index, part in enumerate(
        [
            *code.co_consts,
            code.co_names,
            code.co_linetable,
            code.co_filename,
            code.co_qualname,
            code.co_exceptiontable,
        ]
    ):
        plant(f"code part {index}", part)
        hold(f"code part {index}", code, part)
    inner = next(x for x in code.co_consts if hasattr(x, "co_code"))
    for index, part in enumerate([*inner.co_consts, inner.co_linetable]):
        plant(f"inner part {index}", part)
        hold(f"inner part {index}", inner, part)
    for kind in (int, dict, type, collections.deque, BaseException):
        plant(f"static type {kind.__name__}", kind)
        for name in ("__doc__", "__new__"):
            plant(f"{kind.__name__}.{name}", kind.__dict__[name])
    frozen = plant("frozen", [Target(), {"frozen": [1.5]}])
    plant("frozen target", frozen[0])
    gc.collect()
    gc.freeze()
    thawed = plant("after the freeze", [Target()])
    take()
    finish(
        frozen_count=gc.get_freeze_count(),
        interned_refcount=sys.getrefcount(interned) - counted_by_the_call(),
        thawed=len(thawed),
        allocated=sys.getallocatedblocks(),
    )


main()
