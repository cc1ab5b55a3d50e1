"""The tables of who allocated what, which a snapshot has of all that was traced, and a set of its members' blocks."""

from __future__ import annotations

from tonnage._keywords import told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from tonnage._sets import ObjectSet
    from tonnage._sites import Creators, Sites
    from tonnage._snapshot import Snapshot


@told
class SiteTables:
    """Methods that need a traced process: `tonnage run --trace`, or `tonnage.trace.start()` (docs/sites.md)."""

    __slots__ = ()

    @property
    def _subject(self) -> ObjectSet:
        raise NotImplementedError

    def _sites(self, page: str, against: Snapshot | None, **options: Any) -> Sites:
        from tonnage._sites import Sites

        subject, before = self._subject, None
        if against is not None and not subject._is_all:
            against, before = subject._before(against)
        return Sites(subject, page, against, before, **options)

    def sites(
        self,
        by: str = "line",
        against: Snapshot | None = None,
        *,
        cumulative: bool = False,
        where: str | None = None,
        include: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        retained: bool = False,
        sort: str | None = None,
        limit: int = 20,
        threshold: int | str | None = None,
    ) -> Sites:
        """Who allocated what is alive: the page of `tonnage sites`.

        Args:
            by: what a row stands for: "line", "file", "function", "module", "distribution", "traceback", "thread", or
                "type", of the object that has the block, line by line.
            against: a snapshot to compare with; the change of a row is what it has more than there.
            cumulative: a row has what was called from it, too.
            where: only blocks of these objects.
            include: only stacks that one of these places names: "app.py", "app.py:88", "any:app.py" (any frame),
                "domain:raw"; "*" and "?" as in names of files.
            exclude: no stack that one of these names.
            retained: also what the objects of a row keep alive.
            sort: "size", "count", "average" or "name", "change" where it is compared, "retained" where that is asked
                for, "allocated" and "freed", of all there ever was, where it is of all blocks and not by type; "-"
                before it turns the order around.
            limit: rows, 0 for all.
            threshold: only rows of at least this many bytes, now or before; an int or text such as "64k".

        Returns:
            A view; rows have the keys of docs/view-json.md and `.objects`, and their `str` is
            "app.py:88: size=408 KiB (+408 KiB), count=5379 (+5379), average=77 B".

        Raises:
            ArgumentError: nothing was traced.

        Cost: a pass over stacks and sites; with `where`, by type and where it was sampled over blocks.

        Example:
            >>> for row in s2.sites(by="line", against=s1)[:10]:  # doctest: +SKIP
            ...     print(row)
        """
        return self._sites(
            "sites",
            against,
            by=by,
            cumulative=cumulative,
            where=where,
            include=include,
            exclude=exclude,
            retained=retained,
            sort=sort,
            limit=limit,
            threshold=threshold,
        )

    def creators(
        self,
        where: str | None = None,
        *,
        include: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
    ) -> Creators:
        """Which lines made what is alive, who called them, and who called these.

        Args:
            where: only blocks of these objects.
            include: as `sites` has it.
            exclude: likewise.

        Returns:
            `creators().back[(file, line)]` is what a line made: `size`, `count`, `members`, and `back`, its callers.

        Cost: each step a pass over stacks and sites.

        Example:
            >>> s.creators().back["app.py", 11].back["app.py", 3].size  # doctest: +SKIP
        """
        from tonnage._sites import Creators, places

        return Creators(self._subject, where, places(include, "include"), places(exclude, "exclude"))

    def peak(
        self,
        by: str = "line",
        against: Snapshot | None = None,
        *,
        cumulative: bool = False,
        include: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        sort: str | None = None,
        limit: int = 20,
        threshold: int | str | None = None,
    ) -> Sites:
        """Who had allocated what was alive when most of all was: the page of `tonnage peak`. See `sites`.

        It is of stacks, and knows neither types nor sets: of a set it raises ArgumentError.
        """
        return self._sites(
            "peak",
            against,
            by=by,
            cumulative=cumulative,
            include=include,
            exclude=exclude,
            sort=sort,
            limit=limit,
            threshold=threshold,
        )

    def temporary(
        self,
        by: str = "line",
        against: Snapshot | None = None,
        *,
        cumulative: bool = False,
        include: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        sort: str | None = None,
        limit: int = 20,
        threshold: int | str | None = None,
    ) -> Sites:
        """Who allocates what is freed at once: the page of `tonnage temporary`. See `sites`.

        It is of stacks, and knows neither types nor sets: of a set it raises ArgumentError.
        """
        return self._sites(
            "temporary",
            against,
            by=by,
            cumulative=cumulative,
            include=include,
            exclude=exclude,
            sort=sort,
            limit=limit,
            threshold=threshold,
        )

    def survivors(
        self,
        by: str = "line",
        *,
        where: str | None = None,
        include: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        sort: str | None = None,
        limit: int = 20,
        threshold: int | str | None = None,
    ) -> Sites:
        """How old what is alive is, and what stays all along: the page of `tonnage survivors`. See `sites`."""
        return self._sites(
            "survivors",
            None,
            by=by,
            where=where,
            include=include,
            exclude=exclude,
            sort=sort,
            limit=limit,
            threshold=threshold,
        )
