"""Shared by the planted programs: what was planted, and a snapshot beside it.

Every program of this folder is run as `python NAME.py SNAPSHOT SIDE [ARGUMENT ...]` in a fresh process.  It plants
objects, takes a snapshot of itself into the file SNAPSHOT, and writes to SIDE, as JSON, what a test must find there.
Only ids, names and numbers are kept here, never the planted objects: nothing but the program itself holds them.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TypeVar

import tonnage
from tonnage._take import defaults as _defaults

T = TypeVar("T")

_defaults.mode = os.environ.get("PLANTED_MODE", "auto")

SNAPSHOT = sys.argv[1] if len(sys.argv) > 2 else ""
SIDE = sys.argv[2] if len(sys.argv) > 2 else ""
ARGUMENTS = sys.argv[3:]

planted: dict[str, dict[str, Any]] = {}
holds: list[list[Any]] = []


def type_name(obj: object) -> str:
    """Name of an object's type as tonnage prints it: qualified by module unless that is builtins."""
    kind = type(obj)
    if kind.__module__ == "builtins":
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def plant(name: str, obj: T) -> T:
    """Notes an object by its id, type and reported size, and returns it."""
    planted[name] = {"id": id(obj), "type": type_name(obj), "getsizeof": sys.getsizeof(obj)}
    return obj


def hold(name: str, holder: object, held: object) -> None:
    """Notes that holder refers to held directly."""
    holds.append([name, id(holder), id(held), type_name(holder)])


def take(**options: Any) -> None:
    """Writes the snapshot of this process and drops the handle at once."""
    tonnage.snapshot(SNAPSHOT, **options).close()


def finish(**extra: Any) -> None:
    """Writes the side file."""
    with open(SIDE, "w", encoding="utf-8") as file:
        json.dump(
            {"planted": planted, "holds": holds, "pid": os.getpid(), "version": list(sys.version_info[:3]), **extra},
            file,
        )


def rss_bytes() -> int:
    """Resident set size of this process."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
