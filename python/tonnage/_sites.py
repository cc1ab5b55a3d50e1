"""Who allocated what is alive: tables whose rows are sets, and the tree of creators."""

from __future__ import annotations

from _collections_abc import Mapping

from tonnage._errors import ArgumentError, NotFoundError
from tonnage._set_view import SetRow, SetView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from tonnage._core import Set
    from tonnage._sets import ObjectSet
    from tonnage._snapshot import Snapshot

    Place = tuple[str, int]


def places(given: str | Sequence[str], name: str) -> tuple[str, ...]:
    """One place or several, as the library takes them."""
    found = (given,) if isinstance(given, str) else tuple(given)
    for place in found:
        if not isinstance(place, str):
            raise TypeError(f"{name} takes text such as 'app.py:88', or several, not {type(place).__name__}")
    return found


def _frame_text(frame: dict[str, Any]) -> str:
    file, line, function = frame["file"], frame["line"], frame["function"]
    place = f"{file}:{line}" if line else file
    return place if file == function else f"{place} {function}()"


def _whole_name(row: SetRow) -> str:
    """Of a traceback, which may share its name with others, all frames."""
    name: str = row["name"]
    return "\n".join(map(_frame_text, row.get("traceback", ()))) or name


class SiteRow(SetRow):
    """A row of sites: its `str` is "app.py:88: size=408 KiB (+408 KiB), count=5379 (+5379), average=77 B"."""

    __slots__ = ()

    def __str__(self) -> str:
        text: str = self["text"]
        return text


class Sites(SetView):
    """The page of `tonnage sites`, `peak`, `temporary` or `survivors`.

    Rows have their `objects`: those that have a block which counts in the row. Cumulative rows, and those of the peak
    and of what was soon freed, have none. Slices are lists of rows.
    """

    __slots__ = ("_page",)

    def __init__(
        self, asked: ObjectSet, page: str, against: Snapshot | None = None, before: Set | None = None, **options: Any
    ) -> None:
        self._page = page
        for name in ("include", "exclude"):
            options[name] = places(options[name], name)
        if before is not None:
            options["old_set"] = before
        super().__init__(asked, page, None if asked._is_all else asked._set, against, **options)

    def _render(self, **form: Any) -> str:
        return self._core.sites(self._page, **form, **self._options)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows that are shown, each a dict with the keys of docs/view-json.md."""
        if self._made is None:
            self._made = [SiteRow(self, row) for row in self.data["rows"]]
        return self._made  # type: ignore[return-value]

    def _members(self, row: SetRow) -> Set:
        options = self._options
        return self._core.site_members(
            row=_whole_name(row),
            by=options["by"],
            include=options["include"],
            exclude=options["exclude"],
            set=self._now(),
            page=self._page,
            cumulative=options.get("cumulative", False),
        )

    def _now(self) -> Set | None:
        where = self._options.get("where")
        if self._asked._is_all and not where:
            return None
        return self._asked._narrowed(where, None)._set


class Creators:
    """What one way of calls has allocated: `size` and `count` of what is alive, `members`, and `back`, who called it.

    `creators.back[(file, line)]` is what a line has allocated, its `.back[(file, line)]` what it allocated when it was
    called from that line, and so on. Where nothing called the outermost line `.back[None]` has the rest.
    """

    __slots__ = ("_asked", "_back", "_exclude", "_include", "_numbers", "_path", "_where")

    def __init__(
        self,
        asked: ObjectSet,
        where: str | None,
        include: tuple[str, ...],
        exclude: tuple[str, ...],
        path: tuple[str | None, ...] = (),
        numbers: tuple[int, int] | None = None,
    ) -> None:
        self._asked = asked
        self._where = where
        self._include = include
        self._exclude = exclude
        self._path = path
        self._numbers = numbers
        self._back: Back | None = None

    @property
    def size(self) -> int:
        """Bytes of the blocks that are alive."""
        return self._sums()[0]

    @property
    def count(self) -> int:
        """Blocks that are alive."""
        return self._sums()[1]

    @property
    def members(self) -> ObjectSet:
        """The objects of these blocks, a set. Blocks that are no object's are in `count` alone."""
        asked = self._asked
        return asked._of(
            asked._snapshot._core.site_members(
                by="line", include=self._include, exclude=self._exclude, path=self._path, set=self._within()
            )
        )

    @property
    def back(self) -> Back:
        """The lines that called it, the one that made most first; of `snapshot.creators()` all that made anything."""
        if self._back is None:
            self._back = Back(self)
        return self._back

    def _within(self) -> Set | None:
        if self._asked._is_all and not self._where:
            return None
        return self._asked._narrowed(self._where, None)._set

    def _data(self) -> dict[str, Any]:
        from tonnage._json_text import loads

        asked = self._asked
        data: dict[str, Any] = loads(
            asked._snapshot._core.sites(
                "creators",
                json=True,
                depth=1,
                include=self._include,
                exclude=self._exclude,
                path=self._path,
                where=self._where,
                set=None if asked._is_all else asked._set,
            )
        )
        return data

    def _sums(self) -> tuple[int, int]:
        if self._numbers is None:
            total = self._data()["total"]
            self._numbers = total["size"], total["count"]
        return self._numbers

    def __repr__(self) -> str:
        places = ("(bottom)" if place is None else place.removeprefix("=").removesuffix(":0") for place in self._path)
        way = " <- ".join(places)
        return f"<tonnage.Creators {way or 'of all'}: {self.size} B in {self.count} blocks>"


class Back(Mapping["Place | None", Creators]):
    """Who called a place: (file, line), or None for the bottom of the stack, to `Creators`.

    What has no line, such as ("<native>", 0), is called by 0.
    """

    __slots__ = ("_found", "_of")

    def __init__(self, of: Creators) -> None:
        self._of = of
        self._found: dict[Place | None, Creators] = {}
        ended = of._path and of._path[-1] is None
        for row in [] if ended else of._data()["rows"]:
            self._found[self._key(row)] = self._creators(row)

    @staticmethod
    def _key(row: dict[str, Any]) -> Place | None:
        return None if row["file"] is None else (row["file"], row["line"] or 0)

    def _creators(self, row: dict[str, Any]) -> Creators:
        of = self._of
        step = None if row["file"] is None else f"={row['name']}{'' if row['line'] else ':0'}"
        numbers = row["size"], row["count"]
        return Creators(of._asked, of._where, of._include, of._exclude, (*of._path, step), numbers)

    def __getitem__(self, place: Place | None) -> Creators:
        found = self._found.get(place)
        if found is None:
            if place is not None and not (isinstance(place, tuple) and len(place) == 2):
                raise ArgumentError(f"needs (file, line), or None for the bottom of the stack, not {place!r}", -8)
            raise NotFoundError(f"{place!r} has not called it; .back lists those that have", -9)
        return found

    def __iter__(self) -> Iterator[Place | None]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def __repr__(self) -> str:
        rows = (f"{key!r}: {creators.size} B in {creators.count} blocks" for key, creators in self._found.items())
        return "{" + ", ".join(rows) + "}"
