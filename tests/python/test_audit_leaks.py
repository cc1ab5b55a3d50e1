"""What an extension forgets is told: short texts, objects in cycles, references to what lives, in any thread."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections import Counter
from pathlib import Path

import pytest
import tonnage
from capture_support import build_extension, python
from pure_reader import Snapshot as PureSnapshot


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_extension("careless", tmp_path_factory.mktemp("careless"))


def run(extension: Path, folder: Path, code: str) -> str:
    head = f"import sys\nsys.path.insert(0, {str(extension)!r})\nimport careless, tonnage\n"
    done = python(["-c", head + textwrap.dedent(code)], cwd=folder)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr}"
    return done.stdout


# An old pointer hides what is lost: these fill the places where something has been before.
FILLED = """
filler = [
    [float(n), ("%06d" % n * 8)[: n % 48 + 1], "\\u20ac" * (n % 48 + 1), (str(n),), [n + 0.5]] for n in range(30000)
]
"""


def test_lost_texts_of_every_length_are_found(extension: Path, tmp_path: Path) -> None:
    run(
        extension,
        tmp_path,
        FILLED
        + textwrap.dedent("""
        careless.forget("short", 2000)
        careless.forget("wide", 2000)
        careless.scrub()
        tonnage.snapshot("a.tonnage", scan=True, previews=200)
        tonnage.snapshot("plain.tonnage")
        """),
    )
    with tonnage.load(tmp_path / "a.tonnage") as snapshot, tonnage.load(tmp_path / "plain.tonnage") as plain:
        texts = [one.preview.strip("'") for one in snapshot.audited("lost").where("type:str")]
        assert set("".join(texts)) == {"q", "€"}
        for character in "q€":
            lengths = Counter(len(text) for text in texts if text[0] == character)
            assert set(lengths) == set(range(1, 41))
            assert all(46 <= n <= 50 for n in lengths.values()), lengths
        possible = plain.audited("possible").where("type:str")
        assert len(possible) >= len(texts)
        assert len(snapshot.where("type:str")) >= 30000 + len(texts)


CYCLES = """
class Plain: pass
class Self: pass
class Node: pass
class Tree: pass
class Shared: pass
def tree():
    top = Tree()
    top.children = [Tree() for _ in range(5)]
    for child in top.children:
        child.parent = top
    return top
def recursive():
    def function(): return function
    return function
def lose():
    payload = bytearray(1_000_000)
    for _ in range(100):
        one = Plain()
        careless.add_one(one)
        one = Self()
        one.me = one
        careless.add_one(one)
        one, two = Node(), Node()
        one.other, two.other = two, one
        careless.add_one(one)
        careless.add_one(tree())
        one = Shared()
        one.payload = payload
        careless.add_one(one)
        careless.add_one(recursive())
    for _ in range(10):
        careless.add_one(type("Forgotten", (), {}))
"""
LOST = {"Plain": 100, "Self": 100, "Node": 100, "Tree": 100, "Shared": 100}


@pytest.fixture(scope="module")
def cycles(extension: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cycles")
    run(
        extension,
        folder,
        f"""
{CYCLES}
lose()
alive = [Self() for _ in range(20)]
for one in alive:
    one.me = one
x = [object() for _ in range(100_000)]
del x, one
import gc
gc.collect()
careless.scrub()
tonnage.snapshot("a.tonnage", scan=True)
""",
    )
    return folder / "a.tonnage"


def test_what_only_itself_refers_to_is_lost(cycles: Path) -> None:
    with tonnage.load(cycles) as snapshot:
        lost = snapshot.audited("lost")
        counts = Counter(one.type.removeprefix("__main__.") for one in lost)
        for name, n in LOST.items():
            assert n - 3 <= counts[name] <= n, name
        assert 97 <= counts["function"] <= 100
        assert 9 <= counts["type"] <= 10
        assert set(counts) == {*LOST, "function", "type"}
        assert len(snapshot.audited("leaked")) == 0


def test_what_a_row_retains_is_what_its_objects_retain_together(cycles: Path) -> None:
    with tonnage.load(cycles) as snapshot:
        rows = [row for row in snapshot.audit(limit=0) if row["grade"] == "lost"]
        assert len(rows) == len(LOST) + 2
        for row in rows:
            members = snapshot.audited("lost").where(f"type:{row['kind']}")
            assert row["retained"] == snapshot._core.retained_set(members._set)[1], row["kind"]
        (shared,) = (row for row in rows if row["kind"] == "__main__.Shared")
        assert shared["retained"] > 1_000_000
        one_by_one = [row for row in snapshot.audit(by="id", where="type:__main__.Shared", limit=0)]
        assert len(one_by_one) == shared["count"]
        assert all(row["retained"] < 1000 for row in one_by_one)


def test_references_lost_to_what_lives_are_counted(extension: Path, tmp_path: Path) -> None:
    planted = {"'some text to intern'": 1000, "Settings": 50, "[1]": 300, "settings": 5000, "function": 70}
    run(
        extension,
        tmp_path,
        """
        class Settings: pass
        class Kept: pass
        def function(): pass
        settings, numbers, text = Settings(), [1], sys.intern("some text to intern")
        kept = [Kept() for _ in range(10)]
        for one, n in ((text, 1000), (Settings, 50), (numbers, 300), (settings, 5000), (function, 70)):
            for _ in range(n):
                careless.add_one(one)
        del one
        careless.scrub()
        tonnage.snapshot("a.tonnage", scan=True)
        tonnage.snapshot("plain.tonnage")
        """,
    )
    with tonnage.load(tmp_path / "a.tonnage") as snapshot, tonnage.load(tmp_path / "plain.tonnage") as plain:
        rows = [row for row in snapshot.audit(by="id", limit=0) if row["grade"] == "leaked"]
        if sys.version_info[:2] == (3, 12):  # interned texts are immortal there
            del planted["'some text to intern'"]
        assert len(rows) == len(snapshot.audited("leaked")) == len(planted)
        found = sorted(row["unseen"] for row in rows)
        for n, told in zip(sorted(planted.values()), found, strict=True):
            assert n - 5 <= told <= n  # old tables of interned texts have pointers too: 1 to 4, by the names of files
        assert snapshot.audit().total["grades"]["leaked"]["unseen"] == sum(found)
        assert all(row["unseen"] <= row["excess"] for row in rows)
        assert "References lost, or hidden" in str(snapshot.audit())
        assert len(plain.audited("leaked")) == 0
        assert snapshot.audited("leaked") <= snapshot.objects
        held = {one.address for one in plain.audited("held")}
        assert {one.address for one in snapshot.audited("leaked")} <= held


def test_as_many_pointers_as_references_lose_none(extension: Path, tmp_path: Path) -> None:
    run(
        extension,
        tmp_path,
        """
        class Kept: pass
        one, two = Kept(), Kept()
        careless.alternate(one, two, 50_000)
        tonnage.snapshot("a.tonnage", scan=True)
        """,
    )
    file = PureSnapshot.open(tmp_path / "a.tonnage")
    assert file.seen is not None
    words = [sum(row[2] for row in rows if row[0] == "malloc") for rows in file.seen.values()]
    assert [n for n in sorted(words) if n >= 50_000] == pytest.approx([50_000, 50_000], abs=5)
    with tonnage.load(tmp_path / "a.tonnage") as snapshot:
        assert {one.type for one in snapshot.audited("held").where("type:__main__.Kept")} == {"__main__.Kept"}
        assert len(snapshot.audited("leaked")) == 0


def test_large_objects_that_a_thread_has_lost_are_found(extension: Path, tmp_path: Path) -> None:
    """Their memory is that of another arena of malloc's."""
    run(
        extension,
        tmp_path,
        """
        import threading
        def work():
            careless.forget("bytes", 60)
            careless.forget("huge", 3)
        for _ in range(3):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
        careless.scrub()
        tonnage.snapshot("a.tonnage", scan=True)
        """,
    )
    with tonnage.load(tmp_path / "a.tonnage") as snapshot:
        lost = [one.preview[2] for one in snapshot.audited("lost").where("type:bytes")]
        counts = Counter(lost)
        assert 175 <= counts["b"] <= 180
        assert 6 <= counts["h"] <= 9  # old pointers may stand on the stacks of threads that have ended


def test_entries_of_an_lru_cache_are_owned_by_it(extension: Path, tmp_path: Path) -> None:
    run(
        extension,
        tmp_path,
        """
        import functools
        @functools.lru_cache(maxsize=64)
        def squared(n): return n * n
        for n in range(100): squared(n + 1000)
        tonnage.snapshot("a.tonnage", scan=True)
        """,
    )
    with tonnage.load(tmp_path / "a.tonnage") as snapshot:
        links = snapshot.where("type:functools._lru_list_elem")
        assert len(links) >= 64
        assert links.audit().rows == []
        assert len(snapshot.audited("leaked")) == 0


@pytest.mark.parametrize("name", ["libpython_like.so", "python_like.so", "_capture.like.so"])
def test_a_library_called_like_the_interpreter_is_c_code(extension: Path, tmp_path: Path, name: str) -> None:
    (library,) = extension.glob("careless*.so")
    shutil.copy(library, tmp_path / name)
    run(
        extension,
        tmp_path,
        f"""
        import importlib.machinery, importlib.util
        loader = importlib.machinery.ExtensionFileLoader("careless", {str(tmp_path / name)!r})
        other = importlib.util.module_from_spec(importlib.util.spec_from_loader("careless", loader))
        other.keep("static", 17)
        tonnage.snapshot("a.tonnage", scan=True)
        """.replace("import careless, tonnage", ""),
    )
    with tonnage.load(tmp_path / "a.tonnage") as snapshot:
        (row,) = snapshot.where("type:float").audit(limit=0).rows
        assert (row["grade"], row["count"], row["holder"]) == ("held", 17, f"static data of {name}")
        holders = {row["holder"] for row in snapshot.audit(limit=0) if row["grade"] == "explained"}
        assert "static data of the interpreter" in holders
        assert not [one for one in holders if one and "tonnage" in one]


def test_without_a_search_nobody_is_blamed(cycles: Path, tmp_path: Path) -> None:
    done = python(["-c", "import tonnage\ntonnage.snapshot('a.tonnage')"], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with tonnage.load(tmp_path / "a.tonnage") as plain, tonnage.load(cycles) as searched:
        assert "Held by C code or the interpreter\n" in str(plain.audit())
        assert "Held by C code or the interpreter" not in str(searched.audit())
        with pytest.raises(tonnage.ArgumentError, match="unknown grade 'even': it is lost, leaked, possible"):
            plain.audited("even")


def test_what_it_is_compared_with_is_told_once(cycles: Path) -> None:
    with tonnage.load(cycles) as new, tonnage.load(cycles) as old:
        assert str(new.audit(against=old)).count("only what is new") == 1
