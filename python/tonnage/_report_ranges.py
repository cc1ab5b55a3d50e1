"""Ranges of allocations that a report has flame graphs of: whole parts of all, and between snapshots of a process."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_PARTS = 10  # of all allocations, where ranges of them begin and end; web/src/pages/Changes.tsx has the same number
MARKS = 8  # snapshots of a process, the latest, between which there are ranges; the same number is there


def _parts(alive: list[dict[str, int]]) -> list[tuple[int, int]]:
    """First and last allocation of each range of whole parts, but of that of all."""
    each = -(-len(alive) // _PARTS) or 1
    parts = [alive[i : i + each] for i in range(0, len(alive), each)]
    pairs = [(part[0]["first"], end[-1]["last"]) for i, part in enumerate(parts) for end in parts[i:]]
    return [pair for pair in pairs if pair != (parts[0][0]["first"], parts[-1][-1]["last"])]


def _between(births: list[int]) -> list[tuple[int, int]]:
    """First and last allocation between any two snapshots of a process, or its start, but of all up to the last."""
    marks = [0, *births[-MARKS:]]
    pairs = [(old + 1, new) for i, old in enumerate(marks) for new in marks[i + 1 :] if new > old]
    return [pair for pair in pairs if pair != (1, marks[-1])]


def of(rows: list[dict[str, Any]], pasts: dict[int, dict[str, Any]]) -> list[tuple[int, int, int]]:
    """File, first and last allocation of each range, those of latest files first.

    Args:
        rows: files with recorded allocations, as the page describes them, oldest first.
        pasts: of each of these what `timeline` answers, by index.
    """
    parts: dict[int, list[tuple[int, int]]] = {}  # by file
    births: dict[int, list[int]] = {}  # allocations that each snapshot of a process had seen
    latest: dict[int, tuple[int, list[int]]] = {}  # file of each process where any is alive, and births up to it
    for row in rows:
        past = pasts[row["index"]]
        marks = births.setdefault(row["pid"], [])
        if past.get("now") and past["now"]["births"] is not None:
            marks.append(past["now"]["births"])
        if past.get("alive"):
            parts[row["index"]] = _parts(past["alive"])
            if marks and row["pid"] is not None:
                latest[row["pid"]] = row["index"], list(marks)
    found = [(index, *pair) for index, marks in latest.values() for pair in _between(marks)]
    newest = {index for index, _ in latest.values()}
    for index in sorted(parts, key=lambda index: (index not in newest, -index)):
        found += [(index, *pair) for pair in parts[index]]
    return list(dict.fromkeys(found))
