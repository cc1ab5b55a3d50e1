"""Sites of a real program whose allocations are known: lines, callers, births, what is freed, what is new."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tonnage
from capture_support import Shot

PROGRAM = """
import sys
import tonnage

class Box:
    def __init__(self):
        self.data = bytearray(10_000)  # line 7

def by_one():
    return [Box() for _ in range(50)]  # line 10

def by_two():
    return [Box() for _ in range(150)]  # line 13

def busy():
    for _ in range(1000):
        float("1.5"), str(123456)  # line 17

one = by_one()
two = by_two()
busy()
big = bytearray(5_000_000)
del big
tonnage.snapshot(sys.argv[1])
more = by_one()  # line 25
tonnage.snapshot(sys.argv[2])
"""
BUFFERS = "type:bytearray or type:bytes"  # of which a bytearray has its data since 3.15


@pytest.fixture(scope="module", params=["exact", "5000"])
def taken(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[Path]]]:
    folder = tmp_path_factory.mktemp("traced")
    (folder / "prog.py").write_text(PROGRAM)
    paths = [folder / "1.tonnage", folder / "2.tonnage"]
    subprocess.run(
        [sys.executable, "-m", "tonnage", "run", f"--trace={request.param}", "-o", folder / "end.tonnage",
         folder / "prog.py", *paths],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    yield request.param, paths


def row_of(view: tonnage._sites.Sites, end: str) -> dict[str, object]:
    (row,) = (row for row in view.rows if row["name"].endswith(end))
    return row


def is_near(row: dict[str, object], truth: int, size: str = "size", low: str = "low", high: str = "high") -> bool:
    """Within an interval three times as wide, out of which chance goes once in a hundred million runs."""
    value, least, most = (float(row[key]) for key in (size, low, high))  # type: ignore[arg-type]
    return value - 3 * (value - least) < truth < value + 3 * (most - value)


def test_a_line_has_what_it_allocated(taken: tuple[str, list[Path]]) -> None:
    mode, paths = taken
    planted = 200 * 10_001
    with tonnage.load(paths[0]) as snapshot:
        row = row_of(snapshot.sites(limit=0), "prog.py:7")
        if mode == "exact":
            assert planted <= row["size"] < planted * 1.02  # type: ignore[operator]
            assert row["size_low"] is None
        else:
            assert is_near(row, planted, low="size_low", high="size_high")
            assert 0.8 * planted < row["size"] < 1.2 * planted  # type: ignore[operator]


def test_callers_share_what_a_line_made(taken: tuple[str, list[Path]]) -> None:
    mode, paths = taken
    with tonnage.load(paths[0]) as snapshot:
        back = snapshot.creators(BUFFERS, include="prog.py:7").back  # tuples of calls may be of free lists
        ((place, made),) = back.items()
        assert place is not None and place[0].endswith("prog.py")
        sizes = {key[1]: caller.size for key, caller in made.back.items() if key is not None}
        assert set(sizes) == {10, 13} and sum(sizes.values()) == made.size
        if mode == "exact":
            assert sizes[13] == 3 * sizes[10]
            assert len(made.members.where("type:bytearray")) == 200


def test_objects_know_their_line(taken: tuple[str, list[Path]]) -> None:
    mode, paths = taken
    with tonnage.load(paths[0]) as snapshot:
        found = snapshot.where("site:prog.py:7 type:bytearray")
        assert len(found) <= 200
        if mode == "exact":
            assert len(found) == 200
            assert len(snapshot.where("site:any:prog.py:13 type:bytearray")) == 150
        for item in found:
            assert item.site is not None
            assert (item.site.frames[0].line, item.site.frames[0].name) == (7, "__init__")


def test_stacks_are_the_programs_and_tonnage_is_one_name(taken: tuple[str, list[Path]]) -> None:
    """By a second reader: outermost are a thread's and the program's frames, and none is of a file of the package."""
    mode, paths = taken
    file = Shot(paths[1]).file
    package = str(Path(tonnage.__file__).parent)
    bottoms: set[str] = set()
    names: set[str] = set()
    for site in file.sites or ():
        stack = [file.codes[entry.code] for entry in file.stack(site.stack)] if site.stack is not None else []
        assert not any(code.file.startswith(package) or code.file == "<frozen runpy>" for code in stack)
        names.update(code.name for code in stack if not code.file)
        own = [code.name for code in stack].count("<tonnage>")
        assert own <= 1, "one frame stands for all that tonnage called"
        if len(stack) > 1 and stack[-1].name == "<main thread>":
            bottoms.add(Path(stack[-2].file).name or stack[-2].name)
    assert bottoms <= {"prog.py", "<tonnage>", "<native>"} and "prog.py" in bottoms
    assert mode != "exact" or "<tonnage>" in names
    with tonnage.load(paths[1]) as snapshot:
        files = [row["name"] for row in snapshot.sites(limit=0, by="file")]
    assert not any(file.startswith(package) for file in files)
    assert files.count("<tonnage>") == 1 or (mode != "exact" and "<tonnage>" not in files)


def test_the_package_of_a_module_that_runs_is_traced(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("first = bytearray(70_000)\nimport colorsys\n")
    (tmp_path / "app" / "__main__.py").write_text("from tonnage import trace\nprint(trace.site_of(bytearray(9)))\n")
    done = subprocess.run(
        [sys.executable, "-m", "tonnage", "run", "--trace", "-o", "end.tonnage", "-m", "app"],
        check=True, capture_output=True, text=True, timeout=120, cwd=tmp_path,
    )  # fmt: skip
    main = tmp_path / "app" / "__main__.py"
    assert done.stdout == f'  <main thread>\n  File "{main}", line 2, in <module>\n'
    with tonnage.load(tmp_path / "end.tonnage") as snapshot:
        assert row_of(snapshot.sites(limit=0), "app/__init__.py:1")["size"] >= 70_000  # type: ignore[operator]
        lines = str(snapshot.sites(by="traceback", include="any:app/__init__.py:2", limit=0)).splitlines()
    imports = [line.startswith("    <frozen importlib.") for line in lines]
    assert any(line.endswith("frames of the import") for line in lines)
    assert not any(one and two for one, two in zip(imports, imports[1:], strict=False)), "they are one line"


def test_what_is_new_is_more_than_chance(taken: tuple[str, list[Path]]) -> None:
    mode, paths = taken
    with tonnage.load(paths[0]) as old, tonnage.load(paths[1]) as new:
        row = row_of(new.sites(against=old, where=BUFFERS, limit=0), "prog.py:7")
        assert row["significant"] is True
        if mode == "exact":
            assert row["size_change"] * 4 == row["old_size"]  # type: ignore[operator]
        else:
            assert is_near(row, 50 * 10_001, "size_change", "change_low", "change_high")


def test_the_peak_has_what_is_gone_and_temporaries_are_told(taken: tuple[str, list[Path]]) -> None:
    mode, paths = taken
    with tonnage.load(paths[0]) as snapshot:
        peak = row_of(snapshot.peak(limit=0), "prog.py:22")
        assert peak["size"] > 4_900_000 and peak["size_now"] < 1000  # type: ignore[operator]
        assert all("prog.py:22" not in row["name"] or row["size"] < 1000 for row in snapshot.sites(limit=0))
        if mode == "exact":
            busy = row_of(snapshot.temporary(limit=0), "prog.py:17")
            assert busy["count"] >= 1000  # type: ignore[operator]


def test_a_diff_says_where_the_new_objects_were_made(taken: tuple[str, list[Path]]) -> None:
    mode, paths = taken
    with tonnage.load(paths[0]) as old, tonnage.load(paths[1]) as new:
        diff = new.diff(old)
        sites = {row["site"].rpartition("/")[2]: row["count"] for row in diff.data["sites"]}
        assert sum(sites.values()) + diff.data["sites_more"] >= diff.total["new"]["count"] * 0.5
        if mode == "exact":
            assert sites["prog.py:7 Box.__init__()"] >= 50
            assert "Where new objects were made" in str(diff)
