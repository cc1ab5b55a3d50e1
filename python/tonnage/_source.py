"""Lines of source for pages that name them: a snapshot holds names of files and numbers of lines, no text.

    a file that a stack of the snapshot names -> as it was when that was taken? regular, text? -> some of its lines

A file of this name need not be the one that ran: of another machine, or changed since, it is not shown.
"""

from __future__ import annotations

import os
from weakref import WeakKeyDictionary

from tonnage._errors import ArgumentError, NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping, Sequence
    from typing import Any

    from tonnage._core import Snapshot as Core
    from tonnage._snapshot import Snapshot

SUFFIX = ".py"
_MOST_BYTES = 2 << 20  # of a file
_MOST_TEXT = 500  # characters of a line

# By file: all that is on a stack. Of recorded allocations sorted by what no longer need be alive, where that is known.
_TABLES: tuple[Callable[[Core], str], ...] = (
    lambda core: core.sites("sites", json=True, by="file", cumulative=True, sort="allocated"),
    lambda core: core.sites("sites", json=True, by="file", cumulative=True),
    lambda core: core.profile("table", json=True, by="file", cumulative=True),
)
_named: MutableMapping[Snapshot, frozenset[str]] = WeakKeyDictionary()


def _files(snapshot: Snapshot) -> frozenset[str]:
    """Files of code that stacks of the snapshot name."""
    from tonnage._json_text import loads

    if snapshot not in _named:
        found: set[str] = set()
        for ask in _TABLES:
            try:
                found.update(row["file"] for row in loads(ask(snapshot._core))["rows"] if row["file"])
            except ArgumentError:
                pass  # it holds nothing of the kind
        _named[snapshot] = frozenset(found)
    return _named[snapshot]


class _AbsentError(Exception):
    """There is no source of it; why, in words."""


def _read(path: str, taken_ns: int) -> bytes:
    """A regular file that is as it was then. Nothing else is waited for, or read."""
    from errno import ELOOP
    from stat import S_ISREG

    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            stat = os.fstat(fd)
            if not S_ISREG(stat.st_mode):
                raise _AbsentError("not a regular file")
            if stat.st_mtime_ns > taken_ns:
                raise _AbsentError("changed since the snapshot was taken")
            with open(fd, "rb", closefd=False) as file:
                data = file.read(_MOST_BYTES + 1)
        finally:
            os.close(fd)
    except (OSError, ValueError) as error:
        is_link = isinstance(error, OSError) and error.errno == ELOOP
        why = "a symbolic link" if is_link else getattr(error, "strerror", None)
        raise _AbsentError(why or "no name of a file") from None
    if len(data) > _MOST_BYTES:
        raise _AbsentError("larger than 2 MiB")
    return data


def _lines(path: str, facts: dict[str, Any]) -> list[str]:
    from io import BytesIO, TextIOWrapper
    from tokenize import detect_encoding

    if not path.endswith(SUFFIX) or not os.path.isabs(path):
        raise _AbsentError("not the whole name of a .py file")
    taken_ns, host = facts.get("capture.wall_time_ns"), facts.get("process.host")
    if not isinstance(taken_ns, int):
        raise _AbsentError("it is not known when the snapshot was taken")
    if host is not None and host != os.uname().nodename:
        raise _AbsentError("the snapshot is of another machine")
    data = _read(path, taken_ns)
    try:
        encoding = detect_encoding(BytesIO(data).readline)[0]
        return [line.removesuffix("\n") for line in TextIOWrapper(BytesIO(data), encoding)]
    except (SyntaxError, LookupError, UnicodeError):  # no cookie, no such one, none of its text
        raise _AbsentError("not text in the encoding that it names") from None


def lines(snapshot: Snapshot, path: str) -> tuple[list[str], str | None]:
    """The lines of a file that the snapshot names, or none of them and why."""
    try:
        return _lines(path, snapshot.facts), None
    except _AbsentError as error:
        return [], str(error)


def answer(path: str, line: int, limit: int, known: Sequence[str], why: str | None) -> dict[str, Any]:
    """The view `source`: `limit` lines, the one that is asked for in the middle."""
    first = min(max(line - limit // 2, 1), max(len(known) - limit + 1, 1))
    rows = [
        {"line": number, "text": text if len(text) <= _MOST_TEXT else f"{text[:_MOST_TEXT]}…"}
        for number, text in enumerate(known[first - 1 : first - 1 + limit], first)
    ]
    return {
        "schema": 1, "view": "source", "path": path, "line": line, "rows": rows, "total": len(known), "why": why,
    }  # fmt: skip


def ask(snapshot: Snapshot, path: str, line: int, limit: int) -> str:
    """The same as JSON, of a file that stacks of the snapshot name; no other one is looked at."""
    import json

    if path not in _files(snapshot):
        raise NotFoundError(f"no stack of the snapshot is in {path[:200]!r}", -9)
    return json.dumps(answer(path, line, limit, *lines(snapshot, path)))
