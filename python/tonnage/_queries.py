"""Questions of the viewer: a view's name and parameters, as an address has them, to the JSON that the command prints.

    "groups", [("by", "module"), ("limit", "500")] -> checked by VIEWS -> one call of the library -> text

A verb of the command is a view of the same name; parameters have the names of its options and mean the same. `object`
is the ADDRESS; `file` and `against` are places among the open files. Only `source` is no verb. Asked by _report.py and
_serve.py.
"""

from __future__ import annotations

from tonnage._errors import ArgumentError, NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from tonnage._core import Snapshot as Core
    from tonnage._snapshot import Snapshot

    Pairs = Iterable[tuple[str, str]]

MOST_ROWS = 100_000  # of one answer: more is no page

# ---- parameters: text to value ----


def _number(name: str, text: str, least: int, most: int) -> int:
    if not (text.isascii() and text.isdecimal()) or not least <= int(text) <= most:
        raise ArgumentError(f"{name} takes a number from {least} to {most}, not {text[:40]!r}", -8)
    return int(text)


def _rows(name: str, text: str) -> int:
    return _number(name, text, 0, MOST_ROWS) or MOST_ROWS


def _group(name: str, text: str) -> tuple[str, int]:
    """`module:3`, the fourth group of `by("module")`."""
    kind, colon, index = text.rpartition(":")
    if not colon:
        raise ArgumentError(f"{name} takes a kind and a number, as in module:3, not {text[:40]!r}", -8)
    return kind, _count(name, index)


def _count(name: str, text: str) -> int:
    return _number(name, text, 0, (1 << 32) - 2)


def _flag(name: str, text: str) -> bool:
    return bool(_number(name, text, 0, 1))


def _address(name: str, text: str) -> int:
    try:
        address = int(text, 16 if text[:2] in ("0x", "0X") else 10)
    except ValueError:
        address = -1
    if not 0 <= address < 1 << 64:
        raise ArgumentError(f"{name} takes an address such as 0x7f0a12345680, not {text[:40]!r}", -8)
    return address


def _at_least(name: str, text: str) -> str:
    """A threshold, as a selection on rows."""
    from tonnage._core import parse_bytes

    try:
        return f"size:>={parse_bytes(text)}"
    except ValueError:
        raise ArgumentError(f"{name} takes a size such as 64k, not {text[:40]!r}", -8) from None


def _born(name: str, text: str) -> tuple[int, int]:
    """`1000-2000`, allocations by their numbers."""
    first, dash, last = text.partition("-")
    if not dash:
        raise ArgumentError(f"{name} takes two numbers of allocations such as 1000-2000, not {text[:40]!r}", -8)
    most = (1 << 64) - 1
    return _number(name, first, 0, most), _number(name, last, 1, most)


def _text(name: str, text: str) -> str:
    return text


# Everything that is in no row here is text.
_READ: dict[str, Callable[[str, str], Any]] = {
    **dict.fromkeys(("file", "against", "skip", "depth", "width", "line"), _count),
    **dict.fromkeys(("fold", "all", "merge", "garbage", "cumulative", "retained", "invert"), _flag),
    **dict.fromkeys(("tree", "graph", "proportional", "refs", "backrefs", "paths", "cycles"), _flag),
    **dict.fromkeys(("refcounts", "addresses", "full-names"), _flag),
    "limit": _rows,
    "object": _address,
    "group": _group,
    "born": _born,
    "threshold": _at_least,
}
_REPEATED = ("include", "exclude", "from")
# Names that the library has for them, where they are others.
_LIBRARY = {
    "threshold": "where_rows", "width": "branches", "from": "path", "full-names": "full_names", "invert": "inverted",
}  # fmt: skip

# ---- views ----


class _View:
    """What one takes, and what makes it.

    Attributes:
        takes: parameters.
        ask: the call; options have the library's names.
        limit: rows where none are asked for.
        fold: what that is by default; None: it is not taken.
        needs: what must be named, one of these.
    """

    __slots__ = ("ask", "fold", "limit", "needs", "takes")

    def __init__(
        self,
        ask: Callable[[Core, str, dict[str, Any]], str],
        takes: str,
        *,
        limit: int = 20,
        fold: bool | None = None,
        needs: str = "",
    ) -> None:
        self.ask = ask
        self.takes = ("file", "limit", *takes.split(), *(("fold",) if fold is not None else ()))
        self.limit = limit
        self.fold = fold
        self.needs = needs.split()


def _table(core: Core, view: str, options: dict[str, Any]) -> str:
    return core.view(view, json=True, **options)


def _sites(core: Core, view: str, options: dict[str, Any]) -> str:
    return core.sites(view, json=True, **options)


def _profile(core: Core, view: str, options: dict[str, Any]) -> str:
    pages = [page for page in ("tree", "graph", "callers", "callees") if options.get(page)]
    if len(pages) > 1:
        raise ArgumentError(f"one page at a time: {' or '.join(pages)}", -8)
    asked = {page: options.pop(page, None) for page in ("tree", "graph", "callers", "callees")}
    page = pages[0] if pages else "table"
    return core.profile(page, json=True, function=asked["callers"] or asked["callees"], **options)


def _flame(core: Core, view: str, options: dict[str, Any]) -> str:
    return core.flame(json=True, **options)


def _tracked(core: Core, view: str, options: dict[str, Any]) -> str:
    return core.tracked(options.pop("by", "all"), json=True, **options)


_PICTURES = ("refs", "backrefs", "paths", "cycles")
_LINES = ("refcounts", "addresses", "retained", "full_names")


def _graph(core: Core, view: str, options: dict[str, Any]) -> str:
    of = [name for name in _PICTURES if options.pop(name, False)]
    if len(of) > 1:
        raise ArgumentError(f"one picture at a time: {' or '.join(of)}", -8)
    where, node = options.pop("where", None), options.pop("node", None)
    if where is not None and node is not None:
        raise ArgumentError("graph: object or where, not both", -8)
    picture = of[0] if of else "groups" if node is None else "refs"
    if picture in ("refs", "backrefs", "paths") and where is None and node is None:
        raise ArgumentError("graph: of what? object or where is needed", -8)
    options["lines"] = sum(1 << bit for bit, name in enumerate(_LINES) if options.pop(name, False))
    options["width"] = options.pop("branches", 0)
    options.setdefault("fold", picture != "groups")
    for name in ("only", "highlight"):
        if name in options:
            options[name] = core.select(options[name])
    if node is not None:
        where = f"address:{core.node(node)[3]:#x}"
    return core.picture(picture, set=None if where is None else core.select(where), **options).json()


def _diff(core: Core, view: str, options: dict[str, Any]) -> str:
    from tonnage import _core

    return _core.growth_view((options.pop("against"), core), json=True, **options)


def _growth(core: Core, view: str, options: dict[str, Any]) -> str:
    from tonnage import _core

    cores = options.pop("cores")
    if len(cores) < 3:
        raise ArgumentError("growth is of three files or more; diff compares two", -8)
    return _core.growth_view(cores, json=True, **options)


def _source(core: Core, view: str, options: dict[str, Any]) -> str:
    from tonnage import _source

    return _source.ask(options["snapshot"], options["path"], options.get("line", 1), options["limit"])


_OBJECTS = "where group sort against by"  # `group`: of these objects, parted, those of one group
_SITES = "where group sort by threshold against cumulative include exclude"
_SOME = "object where group against"
_SUMS = "sort by threshold against cumulative include exclude"
VIEWS: dict[str, _View] = {
    "summary": _View(_table, f"{_OBJECTS} threshold"),
    "groups": _View(_table, f"{_OBJECTS} threshold heads skip", fold=False),
    "largest": _View(_table, "where group sort against threshold"),
    "suspects": _View(_table, _OBJECTS, fold=True),
    "waste": _View(_table, f"{_OBJECTS} threshold"),
    "audit": _View(_table, _OBJECTS),
    "cycles": _View(_table, f"{_OBJECTS} garbage"),
    "info": _View(_table, "where sort threshold"),
    "check": _View(_table, "where sort"),
    "show": _View(_table, "where sort threshold object", needs="object"),
    "why": _View(_table, f"{_OBJECTS} object", limit=5, fold=True, needs=_SOME),
    "dominators": _View(_table, f"{_OBJECTS} threshold depth object", fold=True),
    "treemap": _View(_table, "where group against threshold depth object", limit=50, fold=True),
    "retained": _View(_table, f"{_OBJECTS} object", fold=False, needs=_SOME),
    "paths": _View(_table, f"{_OBJECTS} threshold avoid all merge object", fold=False, needs=_SOME),
    "refs": _View(_table, f"{_OBJECTS} threshold depth object", fold=False, needs=_SOME),
    "referrers": _View(_table, f"{_OBJECTS} threshold depth object", fold=False, needs=_SOME),
    "patterns": _View(_table, f"{_OBJECTS} depth width at skip", fold=True),
    "graph": _View(
        _graph,
        f"where sort by threshold heads depth width avoid all garbage fold object {' '.join(_PICTURES)} proportional"
        " only highlight refcounts addresses retained full-names",
        limit=15,
    ),
    "sites": _View(_sites, f"{_SITES} retained"),
    "creators": _View(_sites, "where group sort include exclude from depth", limit=5),
    "peak": _View(_sites, _SUMS),
    "temporary": _View(_sites, _SUMS),
    "survivors": _View(_sites, "where group sort by threshold include exclude"),
    "profile": _View(
        _profile, "sort by against depth cumulative include exclude tree graph callers callees thread task state clock"
    ),
    "flame": _View(_flame, "where group by what invert born include exclude", limit=40),
    "timeline": _View(_table, ""),
    "tracked": _View(_tracked, "where sort by"),
    "diff": _View(_diff, "where sort against by", needs="against"),
    "growth": _View(_growth, "where sort by"),
    "source": _View(_source, "path line", limit=7, needs="path"),
}
PASSING = ("source",)  # an answer is another one when a file was changed


def _one_of(view: str, pairs: Pairs) -> tuple[_View, dict[str, Any]]:
    """The view, and its parameters as values."""
    found = VIEWS.get(view)
    if found is None:
        raise NotFoundError(f"there is no view {view[:40]!r}; views are {', '.join(VIEWS)}", -9)
    fields: dict[str, Any] = {}
    for name, text in pairs:
        if name not in found.takes:
            raise ArgumentError(f"{view} takes {', '.join(found.takes)}, not {name[:40]!r}", -8)
        if "\0" in text:
            raise ArgumentError(f"{name} holds a NUL", -8)
        if name in _REPEATED:
            fields.setdefault(name, []).append(text)
        elif name in fields:
            raise ArgumentError(f"{name} is there twice", -8)
        else:
            fields[name] = _READ.get(name, _text)(name, text)
    if found.needs and not set(found.needs) & set(fields):
        raise ArgumentError(f"{view}: of what? {' or '.join(found.needs)} is needed", -8)
    return found, fields


def _file(files: Sequence[Snapshot], name: str, index: int) -> Snapshot:
    if index >= len(files):
        raise ArgumentError(f"{name} is a number from 0 to {len(files) - 1}, not {index}", -8)
    return files[index]


def _set_object(view: str, options: dict[str, Any], core: Core) -> None:
    """The address as what the library takes: a node, or of `why` a selection."""
    address = options.pop("object", None)
    if address is None:
        return
    node = core.at(address)
    if node is None:
        raise NotFoundError(f"no object starts at {address:#x}", -9)
    if view == "why":
        if "where" in options or "set" in options:
            raise ArgumentError("why: object, or a selection, not both", -8)
        options["where"] = f"address:{address:#x}"
    else:
        options["node"] = node


def ask(files: Sequence[Snapshot], view: str, pairs: Pairs) -> str:
    """The answer to one question, as JSON text.

    Args:
        files: what is open, oldest first.
        view: name of a view.
        pairs: parameters.

    Raises:
        NotFoundError: there is no such view, or no such object.
        ArgumentError: a parameter makes no sense.
    """
    found, fields = _one_of(view, pairs)
    snapshot = _file(files, "file", fields.pop("file", 0))
    options: dict[str, Any] = {_LIBRARY.get(name, name): value for name, value in fields.items()}
    options.setdefault("limit", found.limit)
    if found.fold is not None:
        options.setdefault("fold", found.fold)
    if "against" in options:
        older = _file(files, "against", options["against"])
        if older is snapshot:
            raise ArgumentError("against is the file itself: name another one", -8)
        options["against"] = older._core
    if "group" in options:
        kind, index = options.pop("group")
        groups = snapshot._core.groups(kind, where=options.get("where"))
        if index >= len(groups):
            raise ArgumentError(f"by {kind} there are {len(groups)} groups: there is none of number {index}", -8)
        options["set"] = groups.members(index)
    if view == "growth":
        options["cores"] = [one._core for one in files]
    if view == "source":
        options["snapshot"] = snapshot
    _set_object(view, options, snapshot._core)
    return found.ask(snapshot._core, view, options)


def key(view: str, pairs: Pairs) -> str:
    """The name under which a report has the answer: parameters in order of name."""
    from urllib.parse import urlencode

    return f"{view}?{urlencode(sorted(pairs))}"
