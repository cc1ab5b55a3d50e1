"""Objects of every kind are found, and each holder is known: what other analysers miss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tonnage
from capture_support import Run, Shot, environment, python, shown_by_links

HIDDEN, STATIC, IMMORTAL, TRACKED = 1 << 7, 1 << 4, 1 << 3, 1


def test_every_kind_of_object_is_found_with_its_type(shared_run: Callable[..., Run]) -> None:
    result = shared_run("containers")
    shot = result.shot
    missing = [name for name, one in result.side["planted"].items() if shot.find(one["id"]) is None]
    assert not missing
    wrong = {
        name: (one["type"], shot.type(result.node(name)))
        for name, one in result.side["planted"].items()
        if shot.type(result.node(name)) != one["type"]
    }
    assert not wrong


def test_what_a_holder_of_any_kind_holds_has_that_holder(shared_run: Callable[..., Run]) -> None:
    result = shared_run("containers")
    shot = result.shot
    assert len(result.side["holds"]) > 80
    lost = []
    for name, holder, held, holder_type in result.side["holds"]:
        target = shot.at(held)
        if target not in shot.children(shot.at(holder)) and held not in shown_by_links(shot, shot.at(holder)):
            lost.append((name, holder_type, [shot.type(parent) for parent in shot.parents(target)]))
    assert not lost, f"{len(lost)} holders do not show what they hold: (case, holder, holders found) {lost}"


def test_what_a_holder_holds_is_reached_from_the_root(shared_run: Callable[..., Run]) -> None:
    result = shared_run("containers")
    shot = result.shot
    names = [name for name in result.side["planted"] if name.endswith(": held")]
    assert not [name for name in names if not shot.is_reached(result.node(name))]


def test_no_planted_object_is_called_hidden(shared_run: Callable[..., Run]) -> None:
    result = shared_run("containers")
    hidden = [name for name in result.side["planted"] if result.shot.has(result.node(name), HIDDEN)]
    assert not hidden


@pytest.mark.parametrize(
    ("case", "labels"),
    [
        ("list", {("items", 0)}),
        ("tuple", {("items", 1)}),
        ("deque", {("items", 1)}),
        ("slots", {("attribute", "value")}),
        ("slots of a base", {("attribute", "value")}),
        ("dataclass with slots", {("attribute", "value")}),
        ("instance", {("attribute", "value")}),
        ("set", {("members", None)}),
        ("frozenset", {("members", None)}),
        ("generator", {("local", "value")}),
        ("coroutine", {("local", "value")}),
        ("async generator", {("local", "value")}),
    ],
)
def test_a_reference_says_where_it_stands(
    shared_run: Callable[..., Run], case: str, labels: set[tuple[str, object]]
) -> None:
    result = shared_run("containers")
    holder = next(holder for name, holder, _, _ in result.side["holds"] if name == case)
    found = result.shot.label(result.shot.at(holder), result.node(f"{case}: held"))
    assert {(style, label) for style, label, _ in found} == labels
    assert {kind for _, _, kind in found} == {"owning"}


@pytest.mark.parametrize("case", ["dict value", "dict of 1000", "OrderedDict value", "Counter", "defaultdict value"])
def test_the_value_of_a_dict_stands_under_its_key(shared_run: Callable[..., Run], case: str) -> None:
    result = shared_run("containers")
    shot = result.shot
    holder = next(holder for name, holder, _, _ in result.side["holds"] if name == case)
    ((style, key, _),) = shot.label(shot.at(holder), result.node(f"{case}: held"))
    if case == "Counter":
        assert style == "key"
    else:
        assert style == "value"
        assert isinstance(key, int)
        assert shot.type(key) == "str"


def test_types_that_end_the_process_when_called_are_not_called(run: Callable[..., Run]) -> None:
    result = run("hostile")
    shot = result.shot
    for name, one in result.side["planted"].items():
        assert shot.type(result.node(name)) == one["type"], name
    for name, holder, held, _ in result.side["holds"]:
        assert shot.at(held) in shot.children(shot.at(holder)), name


def test_a_million_links_deep_is_no_depth(run: Callable[..., Run]) -> None:
    result = run("deep", "1000000")
    with tonnage.load(result.path) as snapshot:
        counts = {row["type"]: row["count"] for row in snapshot.summary(limit=0).rows}
        assert counts["__main__.Link"] == result.side["depth"]
        assert counts["tuple"] >= result.side["depth"] + 1
        assert all(snapshot[address].type == "__main__.Link" for address in result.side["links"])
        assert snapshot[result.id("outermost")].children[0].type == "tuple"
        assert snapshot[result.id("innermost")].children[0].type == "float"


def test_nothing_stays_in_memory_after_a_snapshot_of_a_deep_heap(run: Callable[..., Run]) -> None:
    """Resident memory is back when the snapshot is closed, and no instance has got a `__dict__`."""
    side = run("deep", "1000000").side
    warm, _, closed = side["rss"]
    assert closed - warm < 4_000_000, side["rss"]
    assert side["tracked_after"] - side["tracked_before"] < 1000


@pytest.mark.parametrize(
    ("asked", "told"), [("malloc", "malloc"), ("debug", "debug"), ("malloc_debug", "debug"), ("pymalloc", "pymalloc")]
)
def test_a_small_snapshot_is_whole_with_each_allocator(run: Callable[..., Run], asked: str, told: str) -> None:
    """Without pymalloc's pools, what the collector and references lead to is still found."""
    result = run("containers", env=environment(PYTHONMALLOC=asked))
    shot = result.shot
    assert shot.facts["python.allocator"] == told
    missing = [name for name, one in result.side["planted"].items() if shot.find(one["id"]) is None]
    assert not missing


@pytest.mark.parametrize(
    "variable", [("PYTHONMALLOC", "debug"), ("PYTHONTRACEMALLOC", "5"), ("PYTHONDEVMODE", "1"), ("MALLOC_CHECK_", "3")]
)
def test_debugging_aids_hide_no_object(run: Callable[..., Run], variable: tuple[str, str]) -> None:
    result = run("containers", env=environment(**dict([variable])))
    shot = result.shot
    missing = [name for name, one in result.side["planted"].items() if shot.find(one["id"]) is None]
    assert not missing
    assert not {key: value for key, value in shot.facts.items() if key.endswith(".failed") and value}


def test_another_interpreter_in_the_process_does_no_harm_and_is_told(tmp_path: Path) -> None:
    code = """
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
import tonnage
tonnage.snapshot(sys.argv[1]).close()
other = interpreters.create()
interpreters.run_string(other, "class Other: pass\\nkept = [Other() for _ in range(500)]")
kept = [object() for _ in range(100)]
snapshot = tonnage.snapshot(sys.argv[2])
assert all(id(one) in snapshot for one in kept)
assert snapshot.check() == []
assert not any(value for key, value in snapshot.facts.items() if key.endswith(".failed"))
snapshot.close()
interpreters.destroy(other)
"""
    paths = [tmp_path / "alone.tonnage", tmp_path / "with another.tonnage"]
    done = python(["-c", code, *map(str, paths)])
    assert done.returncode == 0, done.stderr
    assert [Shot(path).facts["python.interpreters"] for path in paths] == [1, 2]
    alone, both = (python(["-m", "tonnage", "summary", str(path)]).stdout for path in paths)
    assert "interpreters are in the process" not in alone
    assert "2 interpreters are in the process" in both


# ---- threads ----


@pytest.mark.parametrize(
    ("planted", "function", "label"),
    [
        ("20 MB", "sleeper", "only_here"),
        ("untracked dict", "sleeper", "table"),
        ("float", "sleeper", "number"),
        ("list of the locker", "locker", "held_while_locking"),
        ("str of the selector", "selector", "in_select"),
        ("argument", "outer", "argument"),
        ("argument", "inner", "value"),
        ("local of main", "main", "mine"),
    ],
)
def test_a_local_of_a_thread_is_held_by_its_frame(
    shared_run: Callable[..., Run], planted: str, function: str, label: str
) -> None:
    shot, node = shared_run("threads").shot, shared_run("threads").node(planted)
    labels = [
        (style, name)
        for parent in shot.parents(node)
        for style, name, _ in shot.label(parent, node)
        if style == "local"
    ]
    assert ("local", label) in labels
    assert shot.is_reached(node)
    with tonnage.load(shot.path) as snapshot:
        frames = [frame for thread in snapshot.threads for frame in thread.frames if frame.name == function]
        assert any(
            reference.target.address == shot.address(node) and reference.label.strip().endswith(label)
            for frame in frames
            for reference in frame.locals
        )


def test_the_size_of_what_a_thread_holds_is_counted(shared_run: Callable[..., Run]) -> None:
    result = shared_run("threads")
    assert result.shot.file.sizes[result.node("20 MB")] >= 20_000_000
    assert result.shot.facts["objects.bytes"] > 20_000_000


def test_a_cell_of_a_running_function_is_reached(shared_run: Callable[..., Run]) -> None:
    shot, node = shared_run("threads").shot, shared_run("threads").node("in a cell")
    assert any(shot.type(parent) == "cell" for parent in shot.parents(node))
    assert shot.is_reached(node)


def test_a_local_of_a_running_generator_is_reached(shared_run: Callable[..., Run]) -> None:
    shot, node = shared_run("threads").shot, shared_run("threads").node("in a running generator")
    assert shot.is_reached(node)


def test_a_temporary_of_a_calling_frame_is_reached(shared_run: Callable[..., Run]) -> None:
    shot, node = shared_run("threads").shot, shared_run("threads").node("on a value stack")
    assert shot.is_reached(node)
    assert any(style == "stack" for parent in shot.parents(node) for style, _, _ in shot.label(parent, node))


def test_every_thread_is_listed_with_name_and_frames(shared_run: Callable[..., Run]) -> None:
    result = shared_run("threads")
    with tonnage.load(result.path) as snapshot:
        threads = {thread.name: thread for thread in snapshot.threads}
        assert set(result.side["names"]) <= set(threads)
        for name in ("sleeper", "locker", "selector"):
            frames = threads[name].frames
            assert frames[0].name == name
            assert frames[0].file.endswith("threads.py")
            assert frames[-1].name == "_bootstrap"
            assert not threads[name].holds_gil
        holder = [thread for thread in snapshot.threads if thread.holds_gil]
        assert [thread.ident for thread in holder] == [result.side["main_ident"]]


def test_the_line_of_a_blocked_frame_is_where_it_waits(shared_run: Callable[..., Run]) -> None:
    from capture_support import PROGRAMS

    lines = (PROGRAMS / "threads.py").read_text().splitlines()
    with tonnage.load(shared_run("threads").path) as snapshot:
        threads = {thread.name: thread for thread in snapshot.threads}
        for name, text in (("sleeper", "time.sleep"), ("locker", "LOCK.acquire"), ("selector", "select.select")):
            line = threads[name].frames[0].line
            assert line is not None and text in lines[line - 1]


# ---- code, C code, frozen heaps ----


def test_constants_names_and_tables_of_code_are_found_in_it(shared_run: Callable[..., Run]) -> None:
    result = shared_run("hidden")
    shot = result.shot
    lost = []
    for name, holder, held, _ in result.side["holds"]:
        if "part" not in name:
            continue
        node = shot.find(held)
        if node is None:
            lost.append((name, "not found"))
        elif shot.at(holder) not in ancestors(shot, node, 2):
            lost.append((name, shot.type(node)))
    assert not lost


def ancestors(shot: object, node: int, levels: int) -> set[int]:
    """Nodes from which a path of at most so many references leads to a node."""
    found = {node}
    edge = {node}
    for _ in range(levels):
        edge = {parent for one in edge for parent in shot.parents(one)}  # type: ignore[attr-defined]
        found |= edge
    return found


@pytest.mark.parametrize(
    "name", ["leaked float", "leaked str", "leaked bytes", "leaked tuple", "leaked dict", "leaked list"]
)
def test_an_object_that_only_c_code_holds_is_found(shared_run: Callable[..., Run], name: str) -> None:
    result = shared_run("hidden")
    node = result.node(name)
    assert result.shot.type(node) == name.split()[1]
    assert result.shot.file.refcounts[node] == 1


@pytest.mark.parametrize("name", ["leaked float", "leaked str", "leaked bytes"])
def test_an_object_that_only_c_code_holds_is_flagged_hidden(shared_run: Callable[..., Run], name: str) -> None:
    result = shared_run("hidden")
    assert result.shot.has(result.node(name), HIDDEN)
    assert result.shot.facts["check.objects.hidden"] >= 3


def test_a_weak_reference_is_of_kind_weak(shared_run: Callable[..., Run]) -> None:
    result = shared_run("hidden")
    shot = result.shot
    target = result.node("target")
    for name, holder, _, _ in result.side["holds"]:
        if name.startswith("weak"):
            assert {kind for _, _, kind in shot.label(shot.at(holder), target)} == {"weak"}, name


def test_the_table_of_interned_strings_owns_none_of_them(shared_run: Callable[..., Run]) -> None:
    result = shared_run("hidden")
    shot = result.shot
    node = result.node("interned")
    for parent in shot.parents(node):
        for _, _, kind in shot.label(parent, node):
            if kind == "owning":
                assert shot.type(parent) != "dict" or len(shot.children(parent)) < 1000
    owning = sum(kind == "owning" for parent in set(shot.parents(node)) for _, _, kind in shot.label(parent, node))
    # An immortal string has no count at all.
    assert owning <= result.side["interned_refcount"] or shot.has(node, IMMORTAL)


def test_static_types_and_what_their_dictionaries_hold_are_found(shared_run: Callable[..., Run]) -> None:
    result = shared_run("hidden")
    shot = result.shot
    for name in result.side["planted"]:
        if not name.startswith("static type"):
            continue
        node = result.node(name)
        assert shot.type(node) == "type"
        if name != "static type deque":  # a heap type in some versions
            assert shot.has(node, STATIC)
            assert shot.file.sizes[node] - sum(shot.buffers(node).values()) == 0
        tables = [child for child in shot.children(node) if shot.type(child) == "dict"]
        kind = name.rpartition(" ")[2]
        for attribute in ("__doc__", "__new__"):
            held = shot.at(result.id(f"{kind}.{attribute}"))
            assert any(held in shot.children(table) for table in tables), (kind, attribute)


def test_a_frozen_heap_is_found_whole_in_the_permanent_generation(shared_run: Callable[..., Run]) -> None:
    result = shared_run("hidden")
    shot = result.shot
    for name in ("frozen", "frozen target"):
        flags = shot.file.flags[result.node(name)]
        assert flags & TRACKED and flags >> 1 & 3 == 3
    flags = shot.file.flags[result.node("after the freeze")]
    assert flags & TRACKED and flags >> 1 & 3 != 3
    assert shot.facts["gc.permanent.objects"] == result.side["frozen_count"]
