"""Pictures: of a snapshot and its sets, and of live objects."""

from __future__ import annotations

import os

from tonnage._errors import ArgumentError, FileError, NotFoundError
from tonnage._object import Object
from tonnage._sets import ObjectSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from tonnage._core import Picture as Core
    from tonnage._core import Set
    from tonnage._snapshot import Snapshot

    Selected = str | ObjectSet | Callable[[Object], object]

_TEXT = ("dot", "gv")
_DRAWN = ("svg", "png", "pdf", "ps", "eps", "jpg")
_MOST_DRAWN = 5000
_LINES = ("addresses", "refcounts", "retained", "full_names")


def _rendered(text: str, kind: str, wanted: str) -> bytes:
    """What the command dot makes of the text.

    Raises:
        NotFoundError: Graphviz is not here.
    """
    import subprocess

    try:
        done = subprocess.run(
            ["dot", f"-T{kind}"], input=text.encode("utf-8", "replace"), capture_output=True, check=False
        )
    except FileNotFoundError:
        raise NotFoundError(
            f"{wanted} needs the command dot of Graphviz, which is not here; a name ending in .dot needs nothing", -9
        ) from None
    if done.returncode or not done.stdout:
        raise FileError(f"dot failed to draw {wanted}: {done.stderr.decode(errors='replace').strip()[:200]}", -2)
    return done.stdout


class Picture:
    """Nodes and edges, few enough to be looked at; in a notebook it shows itself, where Graphviz is installed.

    `.dot` is its text for Graphviz, `.save("x.svg")` draws it, `.nodes` and `.edges` are the same as data.
    """

    __slots__ = ("_core", "_data", "_of", "_snapshot")

    def __init__(self, snapshot: Snapshot, core: Core, of: str) -> None:
        self._snapshot = snapshot  # one that nobody holds is closed
        self._core = core
        self._of = of
        self._data: dict[str, Any] | None = None

    def __repr__(self) -> str:
        return f"<picture of {self._of}: {len(self)} nodes, {len(self.edges)} edges>"

    def __len__(self) -> int:
        """How many nodes there are."""
        return len(self._core)

    @property
    def dot(self) -> str:
        """Text that Graphviz draws, always the same for the same snapshot and arguments."""
        return self._core.dot()

    @property
    def svg(self) -> str:
        """Drawn by Graphviz.

        Raises:
            NotFoundError: the command dot is not there.
        """
        return _rendered(self.dot, "svg", "SVG").decode()

    def _repr_svg_(self) -> str | None:
        try:
            return self.svg
        except NotFoundError:
            return None

    def json(self) -> str:
        """The picture as JSON text, that of the command with `--json`."""
        return self._core.json()

    @property
    def data(self) -> dict[str, Any]:
        """The whole JSON object (docs/view-json.md)."""
        if self._data is None:
            import json

            self._data = json.loads(self.json())
        assert self._data is not None
        return self._data

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """Each a dict with the keys of docs/view-json.md: id, kind, title, lines, type and more; address is an int."""
        return [{**row, "address": int(row["address"], 16) if row["address"] else None} for row in self.data["rows"]]

    @property
    def edges(self) -> list[dict[str, Any]]:
        """Each a dict: from, to (ids of nodes), label, kind, count (of references)."""
        return list(self.data["edges"])

    def save(self, path: str | os.PathLike[str]) -> str:
        """Writes a file in the format that the name ends in; one that is there is replaced.

        Args:
            path: ends in .dot or .gv, which needs nothing, or in .svg, .png, .pdf, .ps, .eps or .jpg: Graphviz draws.

        Returns:
            The path.

        Raises:
            ArgumentError: it ends in something else.
            NotFoundError: the command dot is not there.
            FileError: the file cannot be written.
        """
        name = os.fspath(path)
        kind = _kind_of(name)
        content = self.dot.encode("utf-8", "replace") if kind in _TEXT else _rendered(self.dot, kind, name)
        part = f"{name}.{os.getpid()}.part"
        try:
            try:
                fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
                with open(fd, "wb") as file:
                    file.write(content)
                os.replace(part, name)
            except BaseException:
                if os.path.exists(part):
                    os.unlink(part)
                raise
        except OSError as error:
            raise FileError(f"cannot write {name}: {error.strerror}", -2) from None
        return name


def _kind_of(name: str) -> str:
    kind = os.path.splitext(name)[1].removeprefix(".")
    if kind not in _TEXT + _DRAWN:
        known = ", ".join(f".{word}" for word in _TEXT + _DRAWN)
        raise ArgumentError(f"a picture's name ends in {known}, not {name!r}", -8)
    return kind


class _Maker:
    """Makes one picture, over again where functions of the caller decide what is in it."""

    __slots__ = ("_of", "_options", "_snapshot")

    def __init__(self, snapshot: Snapshot, of: str, options: dict[str, Any]) -> None:
        self._snapshot = snapshot
        self._of = of
        self._options = options

    def make(self, rejected: set[int]) -> Core:
        without = _set_of(self._snapshot, rejected) if rejected else None
        return self._snapshot._core.picture(self._of, without=without, **self._options)

    def objects(self, core: Core) -> list[tuple[int, Object, bool]]:
        """Those of the picture that are objects, not roots: (place, object, whether it is asked for)."""
        found = ((place, Object(self._snapshot, node), asked) for place, node, asked in core.objects())
        return [(place, item, asked) for place, item, asked in found if item.address]

    def without(self, rejected: set[int], keep: Callable[[Object], object]) -> Core:
        """A picture in which all objects but those asked for are kept.

        A node of which one neighbour is not kept has all of them asked: of a long list the next ones would come else.
        """
        known: dict[int, bool] = dict.fromkeys(rejected, False)
        asked_all: set[int] = set()

        def ask(item: Object) -> None:
            if item._node not in known:
                known[item._node] = bool(keep(item))
                if not known[item._node]:
                    rejected.add(item._node)

        while True:
            core = self.make(rejected)
            n = len(rejected)
            shown = self.objects(core)
            for _, item, asked in shown:
                if not asked:
                    ask(item)
            if len(rejected) == n:
                return core
            for holder in self._holders(core, {place: item for place, item, _ in shown}, known):
                if holder._node not in asked_all:
                    asked_all.add(holder._node)
                    for near in holder.parents if self._of == "backrefs" else holder.children:
                        if near.address:
                            ask(near)

    def _holders(self, core: Core, shown: dict[int, Object], known: dict[int, bool]) -> list[Object]:
        """Objects of a picture next to such as are not kept."""
        import json

        begin, end = ("to", "from") if self._of == "backrefs" else ("from", "to")
        edges = [(shown.get(edge[begin]), shown.get(edge[end])) for edge in json.loads(core.json())["edges"]]
        return [item for item, other in edges if item and other and not known.get(other._node, True)]


def make(
    asked: ObjectSet,
    of: str,
    *,
    only: Selected | None = None,
    highlight: Selected | None = None,
    extra_info: Callable[[Object], object] | None = None,
    without: set[int] | None = None,
    **options: Any,
) -> Picture:
    """A picture of a set; see `Snapshot.graph`."""
    snapshot = asked._snapshot
    lines = sum(1 << bit for bit, word in enumerate(_LINES) if options.pop(word))
    options |= {"set": None if asked._is_all else asked._set, "lines": lines}
    if only is not None and not callable(only):
        options["only"] = _chosen(snapshot, only)
    if highlight is not None and not callable(highlight):
        options["highlight"] = _chosen(snapshot, highlight)
    maker = _Maker(snapshot, of, options)
    rejected = set(without or ())
    core = maker.without(rejected, only) if callable(only) else maker.make(rejected)
    if callable(highlight):
        options["highlight"] = _set_of(snapshot, {item._node for _, item, _ in maker.objects(core) if highlight(item)})
        core = maker.make(rejected)
    if extra_info is not None:
        for place, item, _ in maker.objects(core):
            core.note(place, str(extra_info(item)))
    return Picture(snapshot, core, of)


def _set_of(snapshot: Snapshot, nodes: set[int]) -> Set:
    from array import array

    return snapshot._core.set_of(array("I", sorted(nodes)).tobytes())


def _chosen(snapshot: Snapshot, selected: str | ObjectSet) -> Set:
    if isinstance(selected, str):
        return snapshot._core.select(selected)
    members = snapshot.objects._other(selected)
    if members is None:
        raise TypeError(f"needs a selection, an ObjectSet or a function, not {type(selected).__name__}")
    return members


# ---- live objects ----


def show(
    of: str,
    objs: object,
    filename: str | os.PathLike[str] | None,
    max_depth: int,
    too_many: int,
    limit: int,
    filter: Selected | None,
    highlight: Selected | None,
    extra_info: Callable[[Object], object] | None,
    refcounts: bool,
    shortnames: bool,
) -> str | Picture:
    """A picture of live objects; see `tonnage.show_refs`."""
    from tonnage._take import take

    if max_depth < 1 or too_many < 1:
        raise ArgumentError(f"max_depth and too_many must be 1 or more, not {max_depth} and {too_many}", -8)
    if limit < 0:
        raise ArgumentError(f"limit must be 0, which is all, or more, not {limit}", -8)
    if filename is not None:
        _kind_of(os.fspath(filename))
    listed = isinstance(objs, (list, tuple))
    begin = tuple(objs) if isinstance(objs, (list, tuple)) else (objs,)
    addresses = [id(item) for item in begin]
    roots = begin if of == "refs" else None  # what refers to them may be anywhere
    snapshot = take(None, None, None, None, roots, False, None, None, named=False)
    found = [snapshot._core.at(address) for address in addresses]
    nodes = {node for node in found if node is not None}
    if None in found:
        raise NotFoundError("there is an object which is in no snapshot: is it one of tonnage's own?", -9)
    asked = ObjectSet(snapshot, _set_of(snapshot, nodes))
    own = snapshot._core.at(id(objs)) if listed else None
    picture = make(
        asked,
        of,
        only=filter,
        highlight=highlight,
        extra_info=extra_info,
        without=None if own is None or own in nodes else {own},
        depth=max_depth,
        width=too_many,
        limit=limit,
        sort="size" if limit else None,
        refcounts=refcounts,
        full_names=not shortnames,
        addresses=False,
        retained=False,
    )
    if filename is None:
        return picture
    if len(picture) > _MOST_DRAWN and _kind_of(os.fspath(filename)) not in _TEXT:
        raise ArgumentError(
            f"{len(picture)} nodes are more than Graphviz draws in reasonable time ({_MOST_DRAWN}): "
            "ask for fewer, or for a name ending in .dot",
            -8,
        )
    name = picture.save(filename)
    print(f"Graph written to {name} ({len(picture)} node{'' if len(picture) == 1 else 's'})")
    return name
