"""How many words in all the writable memory of a process are an address: so many references to it may there be at most.

What has fewer than its reference count was forgotten by somebody, whatever an audit says: an oracle that knows nothing
of objects. (Nobody hides pointers in the programs that are asked.)
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

PIECE, PAGE = 1 << 26, os.sysconf("SC_PAGE_SIZE")


def count_words(pid: int, addresses: Iterable[int]) -> Counter[int]:
    import numpy as np

    wanted = np.array(sorted(addresses), dtype=np.uint64)
    counts = np.zeros(len(wanted), dtype=np.int64)
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            start, end, rights = re.match(r"(\w+)-(\w+) (....)", line).groups()  # type: ignore[union-attr]
            at, end_at = int(start, 16), int(end, 16) if rights.startswith("rw") else 0
            while at < end_at:
                memory.seek(at)
                try:
                    piece = memory.read(min(PIECE, end_at - at))
                except OSError:  # a guard page of a stack
                    at += PAGE
                    continue
                at += len(piece)
                words = np.frombuffer(piece, dtype=np.uint64)
                index = np.searchsorted(wanted, words).clip(max=len(wanted) - 1)
                np.add.at(counts, index[wanted[index] == words], 1)
    return Counter(dict(zip(wanted.tolist(), counts.tolist(), strict=True)))
