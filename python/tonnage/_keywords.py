"""Answers to a misspelt keyword: the names there are."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    C = TypeVar("C", bound=type)


def told(cls: C) -> C:
    """Lets public methods of a class that take keywords name them where one is misspelt."""
    for name, method in list(vars(cls).items()):
        code = getattr(method, "__code__", None)
        if code is not None and not name.startswith("_") and (method.__defaults__ or method.__kwdefaults__):
            setattr(cls, name, _checked(method, code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]))
    return cls


def _checked(method: Callable[..., Any], names: tuple[str, ...]) -> Callable[..., Any]:
    def call(self: object, *args: Any, **keywords: Any) -> Any:
        for name in keywords:
            if name not in names:
                raise TypeError(f"{method.__name__}() has no argument '{name}': it takes {', '.join(names)}")
        return method(self, *args, **keywords)

    for name in "__module__", "__name__", "__qualname__", "__doc__", "__annotations__":
        setattr(call, name, getattr(method, name))
    call.__wrapped__ = method  # type: ignore[attr-defined]  # help() and inspect show its signature
    return call
