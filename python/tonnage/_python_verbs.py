"""What verbs of the command that are written in Python share: their words, their files, and how they fail."""

from __future__ import annotations

import os

from tonnage._errors import ArgumentError, Error
from tonnage._export import fail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tonnage._snapshot import Snapshot


def parser_of(verb: str) -> Any:
    """A parser that complains as the command does."""
    from argparse import ArgumentParser

    class Parser(ArgumentParser):
        def error(self, message: str) -> Any:
            fail(verb, ArgumentError(f"{message}; see tonnage {verb} --help", -8))

    return Parser(prog=f"tonnage {verb}", add_help=False, allow_abbrev=False)


def memory_of(text: str | None) -> int:
    """What --max-memory allows; without it half of the machine's memory, at least 1 GiB."""
    from tonnage import _core

    if text is None:
        return max(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2, 1 << 30)
    try:
        return _core.parse_bytes(text)
    except ValueError:
        raise ArgumentError(f"--max-memory takes a size such as 2G, not {text!r}", -8) from None


def by_time(snapshots: Sequence[Snapshot]) -> list[Snapshot]:
    """The oldest first."""
    return sorted(snapshots, key=lambda snapshot: int(snapshot.facts.get("capture.wall_time_ns") or 0))


def open_all(verb: str, names: Sequence[str], memory: int) -> list[Snapshot]:
    """The snapshots of these files, the oldest first; what is wrong with one ends the process."""
    from tonnage import load

    try:
        return by_time([load(name, max_memory=memory) for name in names])
    except (Error, OSError) as error:
        fail(verb, error)
