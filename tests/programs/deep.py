"""Structures a million objects deep: a linked list of instances, and tuples in tuples.

Argument: depth.
"""

from __future__ import annotations

import gc
from typing import Any

from plant import ARGUMENTS, finish, plant, rss_bytes, take


class Link:
    def __init__(self, following: Any) -> None:
        self.following = following
        self.small = 1


def main() -> None:
    n = int(ARGUMENTS[0])
    chain: Any = None
    ids = []
    for index in range(n):
        chain = Link(chain)
        if index % (n // 10) == 0:
            ids.append(id(chain))
    nested: Any = plant("innermost", ())
    nested = (float("1.5"),)
    plant("innermost", nested)
    for _ in range(n):
        nested = (nested,)
    plant("outermost", nested)
    plant("head", chain)
    gc.collect()
    gc.collect()
    tracked_before = len(gc.get_objects())
    take(previews=0)
    rss_warm = rss_bytes()
    take_again = __import__("tonnage").snapshot(None, previews=0)
    rss_open = rss_bytes()
    take_again.close()
    rss_closed = rss_bytes()
    finish(
        links=ids,
        depth=n,
        tracked_before=tracked_before,
        tracked_after=len(gc.get_objects()),
        nested_tracked=gc.is_tracked(nested),
        rss=[rss_warm, rss_open, rss_closed],
    )
    __import__("os")._exit(0)  # do not spend the time to free it all


main()
