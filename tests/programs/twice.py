"""Two snapshots one after the other, the first one open and used meanwhile."""

from __future__ import annotations

import gc
import sys

import tonnage
from plant import SNAPSHOT, finish, plant


def main() -> None:
    tonnage.snapshot(SNAPSHOT + ".warm").close()
    kept = plant("kept", [object() for _ in range(100)])
    gc.collect()
    first = tonnage.snapshot(SNAPSHOT + ".first")
    # Views, objects and sequences of the first are alive while the second is taken.
    summary = first.summary(limit=0)
    rows = summary.rows
    things = [first[id(kept)], first[id(kept)].children, first[id(kept)].parents, *first[id(kept)].references]
    plant("first", first)
    plant("view", summary)
    plant("object", things[0])
    second = tonnage.snapshot(SNAPSHOT)
    own_ids = [id(module) for name, module in sys.modules.items() if name.split(".")[0] == "tonnage"]
    own_types = [id(tonnage.Snapshot), id(tonnage.Object), id(tonnage.Error)]
    finish(rows=len(rows), own_ids=own_ids, own_types=own_types, first=len(first), second=len(second))


main()
