"""Answers to a misspelt keyword and to an argument of another type: the names there are, and what each takes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    C = TypeVar("C", bound=type)


_NONE = type(None)
_NUMBER = ((int,), "an int")
_TAKES: dict[str, tuple[tuple[type, ...], str]] = {
    "where": ((str, _NONE), 'text such as "type:app.Session"'),
    "by": ((str, _NONE), 'a kind such as "type"'),
    "kind": ((str,), 'a kind such as "type"'),
    "sort": ((str, _NONE), 'a column such as "size"'),
    "key": ((str,), 'a column such as "size"'),
    "kinds": ((str, _NONE), 'words such as "owning weak"'),
    "at": ((str, _NONE), 'the name of a row such as "a2b"'),
    "threshold": ((int, str, _NONE), 'an int or text such as "64k"'),
    "limit": _NUMBER,
    "depth": _NUMBER,
    "width": _NUMBER,
    "none": _NUMBER,
}
_OF_METHODS = {("where", "selection"): ((str,), _TAKES["where"][1]), ("column", "name"): _TAKES["key"]}


def told(cls: C) -> C:
    """Lets public methods of a class say what they take, where a keyword is misspelt or an argument of another type."""
    for name, found in list(vars(cls).items()):
        method = getattr(found, "__wrapped__", found)  # that of another class, under another name
        code = getattr(method, "__code__", None)
        if code is not None and not name.startswith("_") and (method.__defaults__ or method.__kwdefaults__):
            setattr(cls, name, _checked(name, method, code.co_varnames[1 : code.co_argcount + code.co_kwonlyargcount]))
    return cls


def must_take(method: str, name: str, value: object) -> None:
    """TypeError where an argument of this name is of another type."""
    takes = _TAKES.get(name) or _OF_METHODS.get((method, name))
    if takes is not None and not isinstance(value, takes[0]):
        raise TypeError(f"{name} must be {takes[1]}, not {type(value).__name__}")


def _checked(own: str, method: Callable[..., Any], names: tuple[str, ...]) -> Callable[..., Any]:
    def call(self: object, *args: Any, **keywords: Any) -> Any:
        for name in keywords:
            if name not in names:
                raise TypeError(f"{own}() has no argument '{name}': it takes {', '.join(names)}")
        for name, value in (*zip(names, args, strict=False), *keywords.items()):
            must_take(own, name, value)
        return method(self, *args, **keywords)

    for name in "__module__", "__name__", "__qualname__", "__doc__", "__annotations__":
        setattr(call, name, getattr(method, name))
    call.__name__ = own
    call.__wrapped__ = method  # type: ignore[attr-defined]  # help() and inspect show its signature
    return call
