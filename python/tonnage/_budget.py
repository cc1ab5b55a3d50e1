"""`tonnage.budget`: a part of a program that may need so much memory, and no more."""

from __future__ import annotations

from tonnage import _limits
from tonnage._errors import ArgumentError, BudgetExceeded
from tonnage._live_text import size as shown
from tonnage._region import Region, renew_peak

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])


class Budget:
    """See `tonnage.budget`.

    Attributes:
        limit: bytes that are allowed.
        peak: bytes that the block needed, when it was largest, above what was alive at its begin; None before its end.
        left: bytes of the block that are alive after it, garbage collected; None before its end, or if it raised.
    """

    __slots__ = ("_region", "left", "limit", "peak")

    def __init__(self, limit: int | str) -> None:
        try:
            self.limit = _limits.size_given(limit, "limit")
        except ValueError as error:
            raise ArgumentError(str(error), -8) from None
        self.peak: int | None = None
        self.left: int | None = None
        self._region: Region | None = None

    def __enter__(self) -> Budget:
        if self._region is not None:
            raise RuntimeError("this budget is in use: make another one for a block inside, or in another thread")
        self.peak = self.left = None
        self._region = region = Region(by_stack=True)
        try:
            region.begin()
        except BaseException:
            self._region = None
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        region, self._region = self._region, None
        assert region is not None
        try:
            if kind is not None:
                renew_peak()
                self.peak = None if region.is_lost else region.peak
                return
            region.finish()
            self.peak, self.left = region.peak, region.left
            text = _limits.peak(region, self.limit)
        finally:
            region.close()
        if text is not None:
            raise BudgetExceeded(text, self.limit, self.peak)

    def __call__(self, func: F) -> F:
        """A function each call of which has this budget."""
        import functools
        import inspect

        if inspect.iscoroutinefunction(func):

            @functools.wraps(func)
            async def awaited(*args: Any, **kwargs: Any) -> Any:
                with Budget(self.limit):
                    return await func(*args, **kwargs)

            return awaited  # type: ignore[return-value]

        @functools.wraps(func)
        def called(*args: Any, **kwargs: Any) -> Any:
            with Budget(self.limit):
                return func(*args, **kwargs)

        return called  # type: ignore[return-value]

    def __repr__(self) -> str:
        words = (("peak", self.peak), ("left", self.left))
        told = (f", {name}={shown(size)}" for name, size in words if size is not None)
        return f"<tonnage.budget {shown(self.limit)}{''.join(told)}>"
