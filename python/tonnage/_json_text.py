"""JSON of the library as Python's values, without the package json: in a process that takes snapshots of itself, that
package and what it imports (re, enum, functools) would be objects of the program that were not there before."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Rules:
    """What `json.JSONDecoder` has for the scanner when nothing is asked of it."""

    strict = True
    object_hook = object_pairs_hook = array_hook = None
    parse_float = parse_constant = float
    parse_int = int


def loads(text: str) -> Any:
    """The value that a text of the library stands for: it is whole and begins with it."""
    try:
        from _json import make_scanner
    except ImportError:  # an interpreter without it
        import json

        return json.loads(text)
    scanner: Any = make_scanner
    return scanner(_Rules)(text, 0)[0]
