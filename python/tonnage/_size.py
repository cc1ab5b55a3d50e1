"""Sizes of live objects, at once and without a file."""

from __future__ import annotations

from tonnage import _errors


class DeepSize(tuple[int, int]):
    """Number and bytes of a group of objects."""

    __slots__ = ()

    def __new__(cls, count: int, bytes: int) -> DeepSize:
        return super().__new__(cls, (count, bytes))

    def __getnewargs__(self) -> tuple[int, int]:
        return self.count, self.bytes

    @property
    def count(self) -> int:  # type: ignore[override]
        """Number of objects."""
        return self[0]

    @property
    def bytes(self) -> int:
        """Their bytes."""
        return self[1]

    def __repr__(self) -> str:
        return f"DeepSize(count={self.count}, bytes={self.bytes})"


def size_of(x: object) -> int:
    """Size of one object in bytes, as in a snapshot: what it takes from the allocator.

    Its own block as the allocator rounds it, the header before it, and the buffers that it alone owns: the items of a
    list, the table of a dict. Not what it refers to; 0 for objects in static memory.

    Args:
        x: any object.

    Returns:
        Bytes. Cost: some microseconds; nothing is allocated for the object.

    Example:
        >>> import tonnage
        >>> tonnage.size_of([None] * 1000) > 8000  # doctest: +SKIP
        True
    """
    try:
        from tonnage import _capture
    except ImportError as error:
        raise _errors.of_import(error) from None

    try:
        return _capture.size_of(x)[0]
    except _capture.Error as error:
        raise _errors.from_status(*error.args) from None


def deep_size(*objects: object) -> DeepSize:
    """Number and bytes of everything reachable from some objects, themselves included.

    Except modules, classes, functions and code: what only these lead to is not counted. What several of the objects
    reach counts once; what others in the process use as well counts, too.

    Args:
        objects: one or more objects.

    Returns:
        `DeepSize(count, bytes)`. Cost: some hundred nanoseconds an object of the process; no file.

    Example:
        >>> import tonnage
        >>> tonnage.deep_size({"a": [1, 2, 3]}).count  # doctest: +SKIP
        4
    """
    try:
        from tonnage import _capture
    except ImportError as error:
        raise _errors.of_import(error) from None

    try:
        return DeepSize(*_capture.deep_size(objects))
    except _capture.Error as error:
        raise _errors.from_status(*error.args) from None
