#!/usr/bin/env python3
"""Which layout table a CPython release has, as capture/cpython/layout.c says.

    tools/layout_ranges.py X.Y.Z        prints the name of its table; `unlisted` for a release within no range

Standard library only.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent / "capture" / "cpython" / "layout.c"
ROW = re.compile(r"\{0x([0-9a-f]{6}), 0x([0-9a-f]{6}), &tn_layout_(\w+)\}")


def tables() -> dict[str, tuple[int, int]]:
    """First and last release (PY_VERSION_HEX >> 8) of each table, newest first."""
    rows = ROW.findall(SOURCE.read_text(encoding="utf-8"))
    return {name.replace("_", "."): (int(first, 16), int(last, 16)) for first, last, name in rows}


def table_of(version: str) -> str:
    parts = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", version)
    number = int.from_bytes(bytes(int(part) for part in parts.groups())) if parts else 0
    return next((name for name, (first, last) in tables().items() if first <= number <= last), "unlisted")


if __name__ == "__main__":
    print(table_of(sys.argv[1]))
