"""What `suspects` names: the planted holder and bytes in the first sentence; nothing where nothing is wrong."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tonnage
from capture_support import Run, Shot, python, run_program
from graph_model import IMMORTAL, STATIC

OWN = 1 << 6
FRESH = "import tonnage, sys; {imports}; tonnage.snapshot(sys.argv[1])"
PLANTED = {
    # program: path of the holder, what it is, about, holder
    "cache": ("__main__.CACHE", "a dict of 6000 entries", "named_cache", "module"),
    "thread": ("thread 'worker-2' › serve() › local 'batch'", "a list of 6000 items", None, "local"),
    "class": ("__main__.Registry.items", "a list of 6000 items", None, "class"),
    "closure": (r"__main__.answer.__closure__[0].cell_contents", "a list of 6000 items", "closure", "module"),
    "lru_cache": (r"__main__.load", "a dict of 6000 entries", "lru_cache", "module"),
    "generator": ("__main__.stopped.gi_frame.f_locals['seen']", "a list of 6000 items", "suspended", "module"),
    "errors": ("__main__.ERRORS", "a list of 100 items", None, "module"),
    "handler": (".handlers[0].buffer", "a list of 6000 items", "logging", "instance"),
    "chain": ("__main__.chain", "the first of a chain of 6000 __main__.Link", None, "module"),
    "last_error": ("sys.last_traceback.tb_frame.f_locals['request']", "a list of 6000 items", "traceback", None),
}


@pytest.fixture(scope="module")
def leak(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Run]:
    """A program of leaks.py, once for this module."""
    done: dict[str, Run] = {}

    def start(which: str) -> Run:
        if which not in done:
            done[which] = run_program("leaks", tmp_path_factory.mktemp(which), which, mode="stop")
        return done[which]

    return start


def retained_by_hand(shot: Shot, nodes: set[int]) -> int:
    """Bytes that cannot be reached without these nodes from the root or from what nothing that was found holds."""
    file = shot.file
    targets = [
        [r.target for r in shot.references(n) if (r.kind == "owning" if n < len(shot) else r.kind != "interned")]
        for n in range(file.n_nodes)
    ]
    found = [0] * file.n_nodes
    for node in range(file.n_nodes):
        for reference in shot.references(node):
            if reference.kind == "owning":
                found[reference.target] += 1  # type: ignore[index]
    held = [n for n in range(len(shot)) if file.flags[n] & (STATIC | IMMORTAL) or file.refcounts[n] > found[n]]

    def reached(without: set[int]) -> set[int]:
        seen = set(without)
        todo: list[Any] = [len(shot), *held]
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                todo += targets[node]
        return seen - without

    gone = reached(set()) - reached(nodes)
    own = {row for row, type_ in enumerate(file.types) if type_.flags & OWN}
    return sum(
        file.sizes[n] for n in gone if not file.flags[n] & OWN and file.shape_table[file.shapes[n]].type not in own
    )


@pytest.mark.parametrize("which", PLANTED)
def test_the_first_sentence_names_the_planted_holder(leak: Callable[[str], Run], which: str) -> None:
    path, what, about, holder = PLANTED[which]
    run = leak(which)
    with tonnage.load(run.path) as snapshot:
        view = snapshot.suspects()
        (row,) = view.rows
        shown = re.sub(r"\s+", " ", str(view))
        assert f"1. {row['text']}" in shown
        assert row["kind"] == "object"
        assert row["about"] == about
        assert (row["holder"] and row["holder"]["kind"]) == holder
        assert path in row["path"]
        assert row["text"].startswith(f"{row['path']}, {what}, retains ")
        if which != "lru_cache":
            assert row["address"] == run.id("held")
        assert row["size"] == snapshot[row["address"]].retained
        assert row["size"] == retained_by_hand(run.shot, {run.shot.at(row["address"])})
        assert row["size_pct"] == pytest.approx(100 * row["size"] / view.total["size"], abs=1e-4)


def test_a_local_variable_is_told_with_function_file_and_line(leak: Callable[[str], Run]) -> None:
    with tonnage.load(leak("thread").path) as snapshot:
        (row,) = snapshot.suspects().rows
        holder = row["holder"]
        assert holder["function"].endswith("in_thread.<locals>.serve")
        lines = Path(holder["file"]).read_text(encoding="utf-8").splitlines()
        assert lines[holder["line"] - 1].strip() == "done.wait()"


LISTS = "KEPT = [[None] for n in range(20000)]"
ATTRIBUTES = """
class Kept: pass
KEPT = Kept()
for n in range(5000, 25000): vars(KEPT)[f"attribute {n}"] = str(n).encode()
"""


@pytest.mark.parametrize(
    ("program", "expected"),
    [(LISTS, {"list": 20000}), (ATTRIBUTES, {"bytes": 20000})],
)
def test_what_is_in_a_suspect_is_all_but_itself(program: str, expected: dict[str, int], tmp_path: Path) -> None:
    """Of its own type, too; the dict of an instance is no more in it than the table of a list is."""
    done = python(["-c", f"import sys, tonnage\n{program}\ntonnage.snapshot(sys.argv[1])", tmp_path / "x"])
    assert done.returncode == 0, done.stderr
    with tonnage.load(tmp_path / "x") as snapshot:
        (row,) = snapshot.suspects()
        contents = {part["type"]: part["count"] for part in row["content"]}
        contents.pop("str", None)  # keys, some of which the class has
        assert contents == expected


@pytest.mark.parametrize(
    ("which", "kind", "members"), [("two", "__main__.Session", 6000), ("tasks", "_asyncio.Task", 101)]
)
def test_objects_that_no_single_one_holds_are_told_by_type(
    leak: Callable[[str], Run], which: str, kind: str, members: int
) -> None:
    run = leak(which)
    with tonnage.load(run.path) as snapshot:
        (row,) = snapshot.suspects().rows
        assert (row["kind"], row["type"], row["count"]) == ("type", kind, members)
        assert row["carried"] >= 0.8 * row["sampled"] > 0
        common = snapshot[row["address"]]
        if which == "tasks":
            assert common.address == run.id("held")
        else:
            assert row["path"] in ("__main__.BY_NUMBER", "__main__.BY_NAME")
            found = {run.shot.file.node_at(item.address) for item in snapshot.where(f"type:{kind}")}
            assert row["size"] == retained_by_hand(run.shot, found)  # type: ignore[arg-type]


@pytest.mark.parametrize(("which", "type_"), [("garbage", "__main__.Node"), ("finalizers", "__main__.Closing")])
def test_garbage_is_told_first_and_that_the_collector_is_off(
    leak: Callable[[str], Run], which: str, type_: str
) -> None:
    with tonnage.load(leak(which).path) as snapshot:
        view = snapshot.suspects()
        assert view.rows == []
        garbage = view.data["findings"][0]
        assert garbage["kind"] == "garbage"
        assert garbage["count"] >= 12000
        contents = {part["type"]: part["count"] for part in garbage["content"]}
        assert contents[type_] == 6000
        assert re.search(r"\n1\. \d+ objects are unreachable .*which is\s+switched off", str(view))
        assert "--where root:unreachable" in str(view)
        selected = snapshot.where("root:unreachable").summary().total
        assert selected["count"] == garbage["count"]
        assert 0 <= garbage["size"] - selected["size"] < 10_000  # tables of keys that a class shares are no objects
        finalizers = [finding for finding in view.data["findings"] if finding["kind"] == "finalizers"]
        assert [finding["waiting"] for finding in finalizers] == ([6000] if which == "finalizers" else [])


def test_tracebacks_that_exceptions_keep_are_told(leak: Callable[[str], Run]) -> None:
    with tonnage.load(leak("errors").path) as snapshot:
        (finding,) = snapshot.suspects().data["findings"]
        assert (finding["kind"], finding["count"]) == ("tracebacks", 200)
        assert finding["path"].startswith("__main__.ERRORS[")
        assert finding["size"] >= 100 * 60 * 400


TOLD = """
import sys, tonnage
class Broken(Exception): pass
LAST = None
def fail():
    payload = bytearray(20000)
    raise Broken
for _ in range(100):
    try: fail()
    except Broken as error: error.__context__, LAST = LAST, error
tonnage.snapshot(sys.argv[1]).close()
"""


def test_what_a_suspect_tells_is_no_finding(leak: Callable[[str], Run], tmp_path: Path) -> None:
    path = tmp_path / "told.tonnage"
    done = python(["-c", TOLD, path])
    assert (done.returncode, done.stderr) == (0, "")
    with tonnage.load(path) as snapshot:
        (row,) = snapshot.suspects().data["rows"]
        assert {"traceback", "frame"} < {inside["type"] for inside in row["content"]}
        assert snapshot.suspects().data["findings"] == []
        assert [f["kind"] for f in snapshot.suspects(where="type:traceback").data["findings"]] == ["tracebacks"]


def test_findings_are_only_of_selected_objects_and_under_the_limit(leak: Callable[[str], Run]) -> None:
    with tonnage.load(leak("errors").path) as snapshot:
        assert snapshot.suspects(where="type:nosuch").data["findings"] == []
        limited = snapshot.suspects(where="type:traceback or type:frame or address:0x1", limit=1).data
        assert len(limited["rows"]) + len(limited["findings"]) == 1
    with tonnage.load(leak("garbage").path) as snapshot:
        (whole,) = (f for f in snapshot.suspects().data["findings"] if f["kind"] == "garbage")
        assert snapshot.suspects(where="type:nosuch").data["findings"] == []
        some = snapshot.suspects(where=f"address:{whole['address']}").data["findings"]
        assert all(f["count"] == 1 and f["size"] < whole["size"] for f in some if f["kind"] == "garbage")
        first = snapshot.suspects(limit=1)
        assert (first.data["rows"], [f["kind"] for f in first.data["findings"]]) == ([], ["garbage"])
        assert "\n2. " not in str(first)


def test_unfinished_tasks_are_told_once(leak: Callable[[str], Run]) -> None:
    with tonnage.load(leak("tasks").path) as snapshot:
        data = snapshot.suspects().data
        ((kind, name, count, example),) = [(r["kind"], r["type"], r["count"], r["example"]) for r in data["rows"]]
        assert (kind, name, count, data["findings"]) == ("type", "_asyncio.Task", 101, [])
        others = snapshot.suspects(where=f"type:_asyncio.Task -address:{example}").data
        assert (others["rows"], [(f["kind"], f["count"]) for f in others["findings"]]) == ([], [("tasks", 100)])
        (finding,) = others["findings"]
        assert finding["pending"] == 100
        assert "100 asyncio tasks; 100 have not ended; they retain" in finding["text"]


@pytest.mark.parametrize(
    "imports",
    ["pass", "import json, logging, argparse", "import asyncio, unittest, sqlite3, email.message, http.client"],
)
def test_nothing_stands_out_in_a_fresh_interpreter(tmp_path: Path, imports: str) -> None:
    path = tmp_path / "fresh.tonnage"
    done = python(["-c", FRESH.format(imports=imports), path])
    assert (done.returncode, done.stderr) == (0, "")
    with tonnage.load(path) as snapshot:
        view = snapshot.suspects()
        assert view.rows == []
        assert view.data["findings"] == []
        assert "Nothing stands out" in str(view)


GROWING = """
import sys, tonnage
class Session: pass
KEPT = [bytes(1000) for _ in range(2000)]
CACHE = {}
def grow():
    for i in range(len(CACHE), len(CACHE) + 2000):
        CACHE[i] = bytes(700)
grow()
tonnage.snapshot(sys.argv[1]).close()
grow()
tonnage.snapshot(sys.argv[2]).close()
"""


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two snapshots of a process whose cache doubles between them."""
    folder = tmp_path_factory.mktemp("growing")
    files = folder / "1.tonnage", folder / "2.tonnage"
    done = python(["-c", GROWING, *files])
    assert (done.returncode, done.stderr) == (0, "")
    return files


def check_growth(view: Any) -> None:
    (row,) = view.rows
    assert row["path"] == "__main__.CACHE"
    assert 2000 * 700 < row["size"] - row["size_before"] < 2000 * 900
    assert re.search(r"MiB more\s+than\s+before", str(view))


def test_growth_is_told_and_what_stayed_is_not(growing: tuple[Path, Path]) -> None:
    with tonnage.load(growing[0]) as old, tonnage.load(growing[1]) as new:
        assert {row["path"] for row in new.suspects().rows} == {"__main__.CACHE", "__main__.KEPT"}
        view = new.suspects(against=old)
        assert view.data["same_process"] is True
        check_growth(view)
        assert new.suspects(against=new).rows == []
        assert old.suspects(against=new).rows == []


def test_growth_between_two_processes_goes_by_path(growing: tuple[Path, Path], tmp_path: Path) -> None:
    other = tmp_path / "other.tonnage"
    done = python(["-c", GROWING, other, tmp_path / "unused.tonnage"])
    assert (done.returncode, done.stderr) == (0, "")
    with tonnage.load(other) as old, tonnage.load(growing[1]) as new:
        view = new.suspects(against=old)
        assert view.data["same_process"] is False
        check_growth(view)


def test_only_selected_suspects_are_told(leak: Callable[[str], Run]) -> None:
    with tonnage.load(leak("cache").path) as snapshot:
        assert len(snapshot.suspects(where="type:dict").rows) == 1
        assert snapshot.suspects(where="type:list").rows == []


# ---- the prompt ----


def shell(path: Path, text: str) -> subprocess.CompletedProcess[str]:
    return python(["-m", "tonnage", "shell", path], stdin=text)


def test_the_shell_runs_what_is_piped_in(leak: Callable[[str], Run]) -> None:
    run = leak("cache")
    done = shell(
        run.path, f"print(s.pid, len(s[{run.id('held')}].keys))\nfor row in s.suspects():\n  print(row['path'])\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{run.side['pid']} 6000\n__main__.CACHE\n"


def test_an_error_in_the_shell_is_the_programs(leak: Callable[[str], Run]) -> None:
    done = shell(leak("cache").path, "print(1)\nno_such_name\nprint(2)\n")
    assert (done.returncode, done.stdout) == (1, "1\n")
    assert done.stderr.rstrip().endswith("NameError: name 'no_such_name' is not defined")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "FILE is missing"),
        (["a", "b"], 2, "one file at a time"),
        (["nothing.tonnage"], 5, "cannot open nothing.tonnage"),
    ],
)
def test_the_shell_refuses_in_one_line(tmp_path: Path, words: list[str], code: int, message: str) -> None:
    done = python(["-m", "tonnage", "shell", *words], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(f"tonnage: shell: {message}")
    assert done.stderr.count("\n") == 1
