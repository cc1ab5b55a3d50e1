"""What `tonnage.trace` and `tonnage.sample` share: calls of the extension, and the values they give."""

from __future__ import annotations

from tonnage import _errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")


class Record:
    """Named values, equal when all of them are."""

    __slots__: tuple[str, ...] = ()

    def __init__(self, *values: object) -> None:
        for name, value in zip(self.__slots__, values, strict=True):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__}.{name} cannot be set")

    def _values(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in self.__slots__)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, Record) and other._values() == self._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        values = (f"{name}={value!r}" for name, value in zip(self.__slots__, self._values(), strict=True))
        return f"{type(self).__name__}({', '.join(values)})"


def call(function: Callable[[Any], T]) -> T:
    """Calls something of the extension with it, and raises what is ours."""
    try:
        from tonnage import _capture
    except ImportError as error:
        raise _errors.of_import(error) from None
    try:
        return function(_capture)
    except _capture.Error as error:
        raise _errors.from_status(*error.args) from None


def wrong(message: object) -> _errors.ArgumentError:
    """The exception for an argument that makes no sense."""
    return _errors.ArgumentError(str(message), -8)
