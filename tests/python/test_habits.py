"""What users of other tools type, and what newcomers mistype."""

from __future__ import annotations

import html.parser
import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tonnage
from tonnage._groups import Groups
from tonnage._sets import ObjectSet
from tonnage._view import View

PAGE = Path(__file__).parents[2] / "docs" / "python.md"
TOOLS = ("PySizer", "Meliae", "heapy", "objgraph", "Pympler")


class Session:
    """What the page calls app.Session."""

    def __init__(self) -> None:
        self.items = {"user": [1.5 * n for n in range(20)]}


held = [Session() for _ in range(30)]
thing = held[3].items


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The names that the page explains."""
    folder = tmp_path_factory.mktemp("habits")
    lost = [bytes(54321)]
    old = tonnage.snapshot()
    del lost[:]
    more = [Session() for _ in range(5)]
    file = folder / "s.tonnage"
    s = tonnage.snapshot(file)
    a = id(thing)
    y_old = old.where("type:dict")
    yield {
        "tonnage": tonnage, "s": s, "old": old, "a": a,
        "x": s.where(f"type:dict or type:{__name__}.Session or type:list or type:str"),
        "y": s.where(f"type:{__name__}.Session"), "y_old": y_old, "w": s[a], "thing": thing, "file": file, "more": more,
        "path": folder / "path.tonnage", "other": folder / "other.tonnage", "function": lambda: None,
    }  # fmt: skip
    s.close()
    old.close()


def rows(tool: str) -> list[tuple[str, str]]:
    text = PAGE.read_text()
    start = text.index(f"| {tool} | tonnage |")
    lines = text[start : text.index("\n\n", start)].splitlines()[2:]
    return [tuple(re.split(r"(?<!\\)\|", line.strip("|"))) for line in lines]  # type: ignore[misc]


# What expressions of the page are, beside not empty.
VALUES: dict[str, Callable[[dict[str, Any], Any], object]] = {
    "s[id(thing)]": lambda n, found: found.obj is thing,
    "s[a]": lambda n, found: found.obj is thing,
    "s[a].obj": lambda n, found: found is thing,
    "w.obj": lambda n, found: found is thing,
    "w.type": lambda n, found: found == "dict",
    "w.keys": lambda n, found: [key.obj for key in found] == list(thing),
    "w.values": lambda n, found: [value.obj for value in found] == list(thing.values()),
    "w.parents": lambda n, found: id(held[3].__dict__) in found or id(held[3]) in found,
    "dict(zip(w.keys, w.values))": lambda n, found: {key.obj: value.obj for key, value in found.items()} == thing,
    'x.where("type:app.Session")': lambda n, found: found == n["y"],
    's.where("type:app.Session")': lambda n, found: found == n["y"],
    'x.where("-type:str")': lambda n, found: found == n["x"] - n["s"].where("type:str"),
    'x.where("size:1k..2M")': lambda n, found: all(1 << 10 <= item.size <= 2 << 20 for item in found),
    "x.filter(lambda o: o.n_refs > 3)": lambda n, found: all(item.n_refs > 3 for item in found),
    'x.sort("size").top(10)': lambda n, found: [item.size for item in found]
    == sorted((item.size for item in n["x"]), reverse=True)[:10],
    'x.sort("size")[2]': lambda n, found: found.size == sorted(item.size for item in n["x"])[-3],
    'x.by("type")': lambda n, found: {g.kind for g in found} == {"dict", "list", "str", f"{__name__}.Session"},
    "s - old": lambda n, found: {id(one) for one in n["more"]} <= {item.address for item in found},
    "s.diff(old).new": lambda n, found: found == n["s"] - n["old"],
    "x.group_by(y)": lambda n, found: found[id(held[0])].head.obj is held[0],
    "tonnage.deep_size(thing)": lambda n, found: found.count > 20 and found.bytes > 20 * 24,
    "s.objects": lambda n, found: len(found) == len(n["s"]),
    "~s.objects": lambda n, found: len(found) == 0,
    "x.immediate_dominators()": lambda n, found: not found & n["x"],
    "x.backrefs()": lambda n, found: {"dict", f"{__name__}.Session"} & {row["type"] for row in found},
    's.where(f"address:{a:#x}")': lambda n, found: [item.obj for item in found] == [thing],
    's.where("flag:tracked") - s.where("flag:tracked").referents("owning")': lambda n, found: id(held) not in found,
    'len(s.where("type:dict"))': lambda n, found: found == sum(item.type == "dict" for item in n["s"]),
    '(s - old).column("address")': lambda n, found: {id(one) for one in n["more"]} <= set(found),
    'w.chain_to(lambda o: o.type == "int")': lambda n, found: found is None,
    "w.path().nodes[0]": lambda n, found: found.address == 0,
    "w in x": lambda n, found: found is True,
    "x <= y": lambda n, found: found is False,
    "x < y": lambda n, found: found is False,
    "x == y": lambda n, found: found is False,
    "not x & y": lambda n, found: found is False,
}
EMPTY = {  # nothing of the kind is in this process, or is to be
    's.where("root:interned")',
    's.where("root:unreachable")',
    's.where("root:unreachable").by("type")',
    'w.paths(3, avoid="modules,classes,frames")',
    "s.timeline",
    "tonnage.growth()",
    "s.save(other, force=True)",
    "w.preview",
    "w.length",
    "x[0].obj",
}


@pytest.mark.parametrize(("tool", "theirs", "ours"), [(tool, *row) for tool in TOOLS for row in rows(tool)])
def test_what_the_page_says_works(names: dict[str, Any], tool: str, theirs: str, ours: str) -> None:
    code = [found.replace(r"\|", "|") for found in re.findall(r"`([^`]+)`", ours)]
    assert code or ours.strip().startswith(("not yet", "not needed"))
    for expression in code:
        found = eval(expression.replace("app.Session", f"{__name__}.Session"), dict(names))
        if isinstance(found, Iterator):
            found = list(found)
        assert repr(found)
        assert found is not NotImplemented
        if expression in VALUES:
            assert VALUES[expression](names, found), expression
        elif expression not in EMPTY:
            assert found is not None, expression
            if isinstance(found, View):
                assert found.rows or "rows" not in found.data, expression
            elif hasattr(found, "__len__"):
                assert len(found) > 0, expression


def test_what_is_expected_of_the_page_is_on_it() -> None:
    written = {
        found.replace(r"\|", "|")
        for tool in TOOLS
        for _, ours in rows(tool)
        for found in re.findall(r"`([^`]+)`", ours)
    }
    assert VALUES.keys() | EMPTY <= written


CALLS = {
    "PySizer": "Objects children keys values markparents parents printsizes printsizesop filtertype filterouttype "
    "filtersize filterd fix sorted toplist pos bytype bysize diff findcreators groupby simplegroupby members "
    "makegraph",
    "Meliae": "dump_all_objects dump_gc_objects dump_all_referenced get_recursive_size get_recursive_items "
    "find_interned_dict size_of get_referents dump_object_info add_special_size load iter_objs summarize "
    "get_all compute_parents compute_total_size collapse_instance_dicts remove_expensive_references "
    "guess_intern_dict refs_as_dict refs_as_list max_address by_size by_count total_size iter_recursive_refs "
    "all track_memory",
    "heapy": "heap heapu iso idset Anything Nothing union setref setrelheap load loadall dumph dump bytype byclodo "
    "byrcs byvia byid bymodule bysize byprod findex disjoint dictof biper sokind count size domisize dominos "
    "imdom referrers referents owners pathsin pathsout maprox nodes theone parts partition more all kind sp "
    "shpaths get_shpaths Paths rp get_rp stat prod Root pb monitor xmemstats",
    "objgraph": "count typestats most_common_types show_most_common_types by_type growth show_growth get_new_ids at "
    "at_addrs is_proper_module get_leaking_objects find_ref_chain find_backref_chain show_chain show_refs "
    "show_backrefs",
    "Pympler": "asizeof asizesof asized basicsize flatsize leng refs named_refs get_objects get_size sort filter "
    "get_referents get_diff ObjectTracker summarize print_ SummaryTracker refbrowser ReferenceGraph "
    "GarbageGraph process ClassTracker HtmlStats web MemoryPanel",
}


@pytest.mark.parametrize("tool", TOOLS)
def test_every_call_of_the_other_tool_has_a_row(tool: str) -> None:
    written = set(re.findall(r"\w+", " ".join(theirs for theirs, _ in rows(tool))))
    assert set(CALLS[tool].split()) - written == set()


# ---- heapy's habits ----


def test_a_difference_prints_and_parts_as_heapy_does(names: dict[str, Any]) -> None:
    d: ObjectSet = names["s"] - names["old"]
    head, columns, *_ = str(d.by("rcs")).splitlines()
    assert head.startswith(f"Partition of a set of {len(d)} objects. Total size = ")
    assert columns.split()[:2] == ["Index", "Count"]
    first = d.by("rcs")[0]
    assert str(first.by("id")).splitlines()[0].startswith(f"Set of {len(first)} objects. Total size = ")
    assert {id(one) for one in names["more"]} <= {item.address for item in d}


def test_more_goes_from_page_to_page(names: dict[str, Any]) -> None:
    everything = names["s"].objects
    pages, page = [], everything.by("clodo")
    while len(pages) < 3:
        lines = [line.split() for line in str(page).splitlines()[2:] if not line.startswith("<")]
        pages.append([int(line[0]) for line in lines])
        page = page.more
    assert pages == [list(range(10)), list(range(10, 20)), list(range(20, 30))]
    assert str(everything.more) == str(everything.by("clodo").more)


def test_groups_are_a_sequence_of_sets(names: dict[str, Any]) -> None:
    x, y = names["x"], names["y"]
    groups: Groups = x.by("type")
    assert [group.kind for group in groups] == [groups[n].kind for n in range(len(groups))]
    counts = {group.kind: len(group) for group in groups}
    assert counts == {kind: sum(item.type == kind for item in x) for kind in counts}
    three = groups[:3]
    assert {item.address for item in three} == {item.address for n in range(min(3, len(groups))) for item in groups[n]}
    assert len(groups[::-1]) == len(x)
    assert len(groups[2:2]) == 0
    sessions = next(group for group in groups if group.kind == f"{__name__}.Session")
    assert sessions & y == y == sessions
    assert (sessions <= x, sessions < x, sessions <= y, sessions < y) == (True, True, True, False)
    assert names["w"] in groups
    assert id(held) in groups
    assert id(held[0]) not in names["s"].where("type:dict").by("type")
    assert groups.sort("count")[0].count == max(counts.values())
    assert sorted(group.kind for group in groups.sort("kind")) == [group.kind for group in groups.sort("kind")]


# ---- what is mistyped ----

MISTAKES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "kind of groups": (
        lambda n: n["x"].by("typ"),
        "unknown grouping 'typ': it is type, size, module, .*, rcs, via, .*id",
    ),
    "by of a table": (lambda n: n["s"].summary(by="typ"), "unknown grouping 'typ': it is type, size, module, .*id"),
    "by of a diff": (lambda n: n["s"].diff(n["old"], by="typ"), "unknown grouping 'typ': it is type, size, .*id"),
    "by of dominators": (
        lambda n: n["s"].dominators(by="typ"),
        "unknown grouping 'typ': it is type, size, module, .*id",
    ),
    "column": (
        lambda n: n["x"].column("len"),
        "unknown column 'len': it is size, address, type, refcount, length, flags",
    ),
    "sort of a set": (lambda n: n["x"].sort("count"), "unknown column 'count': it is size, address, type, .*retained"),
    "sort of groups": (
        lambda n: n["x"].by("type").sort("name"),
        "unknown column 'name': it is size, count, largest, kind",
    ),
    "sort of a table": (
        lambda n: n["s"].largest(sort="count"),
        'cannot sort by "count"; columns here: size, address, type',
    ),
    "sort of a diff": (lambda n: n["s"].diff(n["old"], sort="x"), 'by "x"; columns here: size, count, new, gone, type'),
    "word of a selection": (lambda n: n["s"].where("typ:x"), r'"typ:x".*use type: module: .* is:'),
    "kind of references": (lambda n: n["x"].referrers("strong"), "kinds are owning, borrowed, weak, interned, guessed"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_an_unknown_word_is_answered_with_the_known_ones(names: dict[str, Any], name: str) -> None:
    call, message = MISTAKES[name]
    with pytest.raises(ValueError, match=message) as caught:
        call(names)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda n: n["s"].largest(limt=3),
            "largest.. has no argument 'limt': it takes limit, where, sort, threshold, .*",
        ),
        (lambda n: n["x"].by("type", folded=True), "by.. has no argument 'folded': it takes kind, fold"),
        (
            lambda n: n["w"].paths(3, avoids="frames"),
            "paths.. has no argument 'avoids': it takes limit, avoid, all_shortest",
        ),
        (lambda n: n["s"].referrers(kinds="weak"), "referrers.. has no argument 'kinds': it takes where, limit"),
    ],
)
def test_a_misspelt_keyword_is_answered_with_the_known_ones(
    names: dict[str, Any], call: Callable[[dict[str, Any]], object], message: str
) -> None:
    with pytest.raises(TypeError, match=message) as caught:
        call(names)
    assert "\n" not in str(caught.value)


OTHER_TYPES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "old of a diff": (lambda n: n["s"].diff(5), "old must be a Snapshot, not int"),
    "old of a diff of a set": (lambda n: n["x"].diff(None), "old must be a Snapshot or a set of one, not None"),
    "against": (lambda n: n["s"].summary(against="old.tonnage"), "against must be a Snapshot, not str"),
    "where of retained": (lambda n: n["s"].retained(5), 'where must be text such as "type:app.Session", not int'),
    "selection": (lambda n: n["s"].where(123), 'selection must be text such as "type:app.Session", not int'),
    "selection of a set": (lambda n: n["x"].where(None), "selection must be text .*, not NoneType"),
    "kind": (lambda n: n["x"].by(5), 'kind must be a kind such as "type", not int'),
    "limit": (lambda n: n["s"].largest(None), "limit must be an int, not NoneType"),
    "depth": (lambda n: n["w"].refs(depth="2"), "depth must be an int, not str"),
    "threshold": (lambda n: n["x"].largest(threshold=1.5), 'threshold must be an int or text such as "64k", not float'),
    "sort": (lambda n: n["x"].sort(5), 'key must be a column such as "size", not int'),
    "column": (lambda n: n["x"].column(5), 'name must be a column such as "size", not int'),
    "heads of a table": (lambda n: n["s"].groups(heads=5), "heads are a set, a list of objects .*, not int"),
    "heads": (lambda n: n["x"].group_by(n["w"]), "heads are a set, a list of objects .*, not Object"),
    "predicate": (lambda n: n["x"].filter(None), "predicate must be a function of an Object, not NoneType"),
    "avoid of a path": (lambda n: n["w"].path(avoid=5.5), "avoid takes words, objects .* and sets, not float"),
    "avoid of a list": (lambda n: n["s"].paths("type:x", avoid=[None]), "avoid takes words, .* not NoneType"),
    "avoid of what is reached": (lambda n: n["x"].reachable(avoid=5), "avoid must be an ObjectSet, not int"),
    "goal": (lambda n: n["w"].chain_to(5), "goal must be a function, a selection or an ObjectSet, not int"),
    "paths of a diff": (lambda n: tonnage.diff("a.tonnage"), "snapshots must be a list .*, oldest first, not str"),
    "path of a diff": (lambda n: tonnage.diff([n["s"], 5]), "snapshots must be snapshots or paths, not int"),
    "a set in a set": (lambda n: n["y"] in n["x"], "x <= y says whether all of x are in y"),
}


@pytest.mark.parametrize("name", OTHER_TYPES)
def test_an_argument_of_another_type_is_answered_with_what_it_takes(names: dict[str, Any], name: str) -> None:
    call, message = OTHER_TYPES[name]
    with pytest.raises(TypeError, match=message) as caught:
        call(names)
    assert "\n" not in str(caught.value)


def test_methods_keep_their_signatures_and_texts() -> None:
    for cls in tonnage.Snapshot, ObjectSet, tonnage.Object:
        for name, method in inspect.getmembers(cls, inspect.isfunction):
            if not name.startswith("_"):
                assert method.__name__ == name
                assert inspect.getdoc(method), f"{cls.__name__}.{name}"
                assert "keywords" not in inspect.signature(method).parameters


# ---- tables ----


def test_addresses_are_in_tables_of_a_narrow_terminal(names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((30, 24)))
    x = names["x"]
    for view in (
        x.summary(limit=3),
        x.largest(3),
        x.groups(limit=3),
        x.dominators(limit=3),
        x.refs(limit=3),
        x.by("rcs"),
    ):
        for row in view.rows[:3]:
            address = row.get("address") or row.get("largest_address")
            assert f"{address:#x}" in str(view)
    assert f"{names['a']:#x}" in str(names["w"].show())


def test_length_of_what_has_none(names: dict[str, Any]) -> None:
    x = names["s"].where("type:str or type:float")
    lengths = {item.address: item.length for item in x}
    for none in 0, 7, 2**64 - 1:
        column = x.column("length", none=none)
        assert dict(zip(x.column("address"), column, strict=True)) == {
            address: none if length is None else length for address, length in lengths.items()
        }
    assert list(x.column("length")) == list(x.column("length", none=0))
    assert len(x.where("len:0..")) == sum(length is not None for length in lengths.values()) < len(x)
    with pytest.raises(ValueError, match="out of range"):
        x.column("length", none=-1)


def test_a_set_says_of_what_file_it_is(names: dict[str, Any]) -> None:
    file, head, *_ = repr(names["x"]).splitlines()
    assert file == str(names["file"])
    assert head.startswith(f"Partition of a set of {len(names['x'])} objects. Total size = ")
    assert repr(names["old"].objects).startswith("Partition of a set of ")
    with tonnage.snapshot(of=[held]) as taken:
        gone = taken.objects
    assert re.fullmatch(
        r"<tonnage ObjectSet of \d+ objects of a snapshot without a name: the snapshot is closed>", repr(gone)
    )


def test_tab_offers_what_an_object_has(names: dict[str, Any]) -> None:
    assert {"keys", "values", "parents", "retained"} <= set(dir(names["w"]))
    other = dir(names["s"][id(held)])
    assert "children" in other
    assert not {"keys", "values"} & set(other)


class Cells(html.parser.HTMLParser):
    """The cells of an HTML table, row by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.inside = tag in ("td", "th")
        if tag == "tr":
            self.rows.append([])
        if self.inside:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


def test_notebooks_show_rows_as_html(names: dict[str, Any]) -> None:
    strings = names["s"].where("text:app.Session")
    for view in strings.largest(5), strings.by("clodo"), names["s"].diff(names["old"], limit=5):
        head, *found = Cells(view._repr_html_()).rows
        assert len(found) == min(len(view.rows), 10)
        for cells, row in zip(found, view.rows, strict=False):
            assert len(cells) == len(head)
            for column, cell in zip(head, cells, strict=True):
                value = row[column]
                if value is None:
                    assert cell == ""
                elif "address" in column:
                    assert int(cell, 16) == value
                elif isinstance(value, str):
                    assert cell == value
    assert names["x"]._repr_html_() == names["x"].by("clodo")._repr_html_()
    page = names["w"].why()._repr_html_()
    assert html.unescape(page.removeprefix("<pre>").removesuffix("</pre>")) == repr(names["w"].why())
