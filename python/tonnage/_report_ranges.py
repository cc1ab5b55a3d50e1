"""Ranges of allocations that a report has flame graphs of: whole parts of all, and between snapshots of a process."""

from __future__ import annotations

from tonnage._json_text import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tonnage._report import Answers

_PARTS = 10  # of all allocations, where ranges of them begin and end; web/src/pages/Changes.tsx has the same number
NODES = 500  # of a flame graph of such a range
MARKS = 8  # snapshots of a process, the latest, between which there are ranges; the same number is there
MOST = 300  # of all files


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


def ask(answers: Answers, rows: list[dict[str, Any]]) -> tuple[list[str], bool]:
    """Who made what is alive of ranges of allocations: keys of the answers, those of latest files first; and whether
    these are all ranges.

    Args:
        answers: what is asked.
        rows: the files, as the page describes them, oldest first.
    """
    parts: dict[int, list[tuple[int, int]]] = {}  # by file
    births: dict[int, list[int]] = {}  # allocations that each snapshot of a process had seen
    latest: dict[int, tuple[int, list[int]]] = {}  # file of each process where any is alive, and births up to it
    for row in rows:
        past = loads(answers.text(answers.ask("timeline", file=row["index"]))) if "sites" in row["has"] else {}
        marks = births.setdefault(row["pid"], [])
        if past.get("now") and past["now"]["births"] is not None:
            marks.append(past["now"]["births"])
        if past.get("alive"):
            parts[row["index"]] = _parts(past["alive"])
            if marks and row["pid"] is not None:
                latest[row["pid"]] = row["index"], list(marks)
    asked = [(index, pair) for index, marks in latest.values() for pair in _between(marks)]
    newest = {index for index, _ in latest.values()}
    files = sorted(parts, key=lambda index: (index not in newest, -index))
    asked += [(index, pair) for index in files for pair in parts[index]]
    asked = list(dict.fromkeys(asked))
    keys = [
        answers.ask(f"flame?born={first}-{last}&limit={NODES}&what=live", file=index)
        for index, (first, last) in asked[:MOST]
    ]
    return keys, len(keys) == len(asked)
