"""The page of the viewer: viewer.html of this package, with the data that it draws."""

from __future__ import annotations

import os

from tonnage._errors import FileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from tonnage._snapshot import Snapshot

_DATA = '<script type="application/json" id="tonnage-data">'
_OFFLINE = "connect-src 'none'"


def _app() -> str:
    path = os.path.join(os.path.dirname(__file__), "viewer.html")
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError as error:
        raise FileError(f"cannot open {path}: {error.strerror}; install the package again", -2) from None


def in_script(text: str) -> str:
    """JSON that no tag ends: `<` stands in strings only."""
    return text.replace("<", "\\u003c")


def page(data: str, *, connects: bool = False) -> str:
    """The whole page.

    Args:
        data: JSON text.
        connects: it asks the server that it came from; else its policy forbids every request.
    """
    head, mark, rest = _app().partition(_DATA)
    if connects:
        head = head.replace(_OFFLINE, "connect-src 'self'")
    return f"{head}{mark}{in_script(data)}{rest}"


def _kind(facts: dict[str, Any], has: list[str]) -> str:
    if "import.format" in facts:
        return f"dump of {facts['import.format']}"
    if "objects" in has:
        return "snapshot"
    kinds = {"samples": "samples", "sites": "allocations", "tracked": "tracked classes"}
    return next((kinds[what] for what in kinds if what in has), "")


def described(snapshot: Snapshot, name: str, index: int) -> dict[str, Any]:
    """What pages say of a file, and what can be asked of it."""
    facts = snapshot.facts
    there = {
        "objects": snapshot._core.n_objects > 0,
        "sites": "trace.births" in facts or facts.get("import.format") == "tracemalloc",
        "samples": bool(facts.get("sample.samples")) or facts.get("import.format") == "plop",
        "tracked": snapshot._core.n_tracked > 0,
    }
    has = [what for what, is_there in there.items() if is_there]
    words = [str(facts[f"process.argv.{n}"]) for n in range(100) if f"process.argv.{n}" in facts]
    return {
        "name": name,
        "index": index,
        "kind": _kind(facts, has),
        "size": snapshot.file_bytes,
        "pid": facts.get("process.pid"),
        "wall_time_ns": facts.get("capture.wall_time_ns"),
        "python_version": facts.get("python.version"),
        "host": facts.get("process.host"),
        "command": " ".join(words) or None,
        "rss_bytes": facts.get("memory.rss_bytes"),
        "n_objects": facts.get("objects.count", snapshot._core.n_objects),
        "size_bytes": facts.get("objects.bytes"),
        "has": has,
    }
