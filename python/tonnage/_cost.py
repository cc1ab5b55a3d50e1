"""`tonnage.cost_of`: what one more object costs, from the recorder's sums."""

from __future__ import annotations

import gc

from tonnage._errors import ArgumentError, Error
from tonnage._records import Record
from tonnage._region import Region, now, sums

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_BATCHES = 10
_STUDENT = 2.2622  # 97.5 % of Student's t with _BATCHES - 1 degrees of freedom
_WARMUP = 100  # what first calls make for good is no cost of an instance


class InstanceCost(Record):
    """What one instance costs on average: bytes as they were asked for, blocks, and how sure the bytes are.

    interval is the 95 % confidence interval of bytes, from how much batches differ; n is how many were made.
    """

    __slots__ = ("blocks", "bytes", "interval", "n")

    blocks: float
    bytes: float
    interval: tuple[float, float]
    n: int

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.bytes:.1f} B in {self.blocks:.2f} blocks (95 % interval {low:.1f} to {high:.1f} B, n={self.n})"


class _Reading:
    """Bytes and blocks that are alive before and after, kept where no object is made of them."""

    __slots__ = ("_numbers",)

    def __init__(self) -> None:
        self._numbers = memoryview(bytearray(32)).cast("q")

    def before(self) -> None:
        gc.collect()
        self._numbers[1] = self._blocks()
        gc.collect()  # empties free lists, too: each object takes a block
        self._numbers[0] = self._bytes()

    def after(self) -> None:
        gc.collect()
        self._numbers[2] = self._bytes()
        gc.collect()
        self._numbers[3] = self._blocks()

    def each(self, n: int) -> tuple[float, float]:
        begin_bytes, begin_blocks, end_bytes, end_blocks = self._numbers
        return (end_bytes - begin_bytes) / n, (end_blocks - begin_blocks) / n

    @staticmethod
    def _bytes() -> int:
        return int(now()["traced"])

    @staticmethod
    def _blocks() -> int:
        return sum(sums()[2::3])


def _batch(factory: Callable[[], object], places: Sequence[int], reading: _Reading) -> tuple[float, float]:
    kept: list[object] = [None] * len(places)
    reading.before()
    for place in places:
        kept[place] = factory()
    reading.after()
    return reading.each(len(places))


def cost_of(factory: Callable[[], object], n: int) -> InstanceCost:
    """See `tonnage.cost_of`."""
    if not callable(factory):
        raise TypeError(f"factory must be a function without arguments, not {type(factory).__name__}")
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"n must be an int, not {type(n).__name__}")
    if n < _BATCHES:
        raise ArgumentError(f"n must be {_BATCHES} or more, not {n}", -8)
    places = list(range(n // _BATCHES))  # made before: numbers are objects, too
    region, reading = Region(by_stack=False), _Reading()
    region.begin()
    try:
        _batch(factory, places[:_WARMUP], reading)
        found = [_batch(factory, places, reading) for _ in range(_BATCHES)]
        if region.is_lost:
            raise Error("the recording was stopped or cleared meanwhile: what was needed is not known")
    finally:
        region.close()
    sizes = [size for size, _ in found]
    mean = sum(sizes) / _BATCHES
    spread = (sum((size - mean) ** 2 for size in sizes) / (_BATCHES - 1) / _BATCHES) ** 0.5 * _STUDENT
    blocks = sum(blocks for _, blocks in found) / _BATCHES
    return InstanceCost(blocks, mean, (mean - spread, mean + spread), _BATCHES * len(places))
