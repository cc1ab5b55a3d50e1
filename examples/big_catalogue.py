"""A catalogue that is large for no reason. `python big_catalogue.py` keeps it as most programs would; with `lean` it
keeps the same data after the changes that docs/guides/smaller-heap.md comes to. Prints the resident set.
"""

from __future__ import annotations

import array
import sys
from collections.abc import Iterator

ITEMS = 100_000
CITIES = ["Aarhus", "Bologna", "Cádiz", "Dresden", "Esbjerg", "Faro", "Ghent"]


class Item:
    def __init__(self, name: str, city: str) -> None:
        self.name = name
        self.city = city
        self.tags: list[str] = []
        self.notes: dict[str, str] = {}


class LeanItem:
    __slots__ = ("city", "name", "notes", "tags")

    def __init__(self, name: str, city: str) -> None:
        self.name = name
        self.city = sys.intern(city)
        self.tags: list[str] | tuple[()] = ()
        self.notes: dict[str, str] | None = None


def rows() -> Iterator[tuple[str, str, float]]:
    """What a database driver hands out: new objects in each row."""
    for number in range(ITEMS):
        yield f"item {number}", CITIES[number % len(CITIES)].encode().decode(), number * 0.25


CATALOGUE: list[Item | LeanItem] = []
PRICES: list[float] | array.array[float] = []


def load(lean: bool) -> None:
    global PRICES
    PRICES = array.array("d") if lean else []
    for name, city, price in rows():
        CATALOGUE.append(LeanItem(name, city) if lean else Item(name, city))
        PRICES.append(price)


def resident() -> str:
    with open("/proc/self/status") as lines:
        return next(line.split()[1] for line in lines if line.startswith("VmRSS"))


if __name__ == "__main__":
    before = int(resident())
    load(lean=sys.argv[1:] == ["lean"])
    print(f"{len(CATALOGUE)} items, {(int(resident()) - before) / 1024:.1f} MiB")
