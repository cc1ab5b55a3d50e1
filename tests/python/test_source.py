"""Lines of source: of files that stacks name, as they were when the snapshot was taken, and of nothing else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import stack_files
import tonnage
from pure_writer import Code, Fact, Sample, Site
from tonnage import _queries, _serve

TAKEN = 1_700_000_000_000_000_000
TEXT = "".join(f"line {n}\n" for n in range(1, 21))


def write(path: Path, data: bytes | str, at: int = TAKEN) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    os.utime(path, ns=(at, at))
    return path


def snapshot(folder: Path, *names: str, sampled: bool = False, live: int = 0, **facts: Fact) -> Path:
    """A file in whose stacks each name calls the one behind it; who calls has allocated nothing itself."""
    codes = [Code(f"f{i}", f"f{i}", name, 1) for i, name in enumerate(names)]
    stack = [(i, i, 0, 5) for i in range(len(names))]
    sites = None if sampled else [Site(len(names), 1, live, 10, live_count=live / 10, allocated_count=1)]
    samples = [Sample(len(names))] if sampled else None
    path = folder / "app.tonnage"
    facts = {"sample.samples" if sampled else "trace.births": 1, **facts}
    path.write_bytes(stack_files.file_of(codes, stack, sites, samples, **facts))
    return path


def ask(path: Path, source: str | Path, **more: object) -> Any:
    with tonnage.load(path) as opened:
        pairs = {"path": str(source), **{name: str(value) for name, value in more.items()}}
        return json.loads(_queries.ask([opened], "source", list(pairs.items())))


@pytest.mark.parametrize("sampled", [False, True])
def test_lines_around_the_one_that_is_asked_for(tmp_path: Path, sampled: bool) -> None:
    """Of any frame of a stack, whether what it made is alive or not."""
    outer, inner = write(tmp_path / "outer.py", TEXT), write(tmp_path / "inner.py", TEXT)
    path = snapshot(tmp_path, str(outer), str(inner), sampled=sampled)
    for source in (outer, inner):
        told = ask(path, source, line=9)
        rows = [{"line": n, "text": f"line {n}"} for n in range(6, 13)]
        assert told == {
            "schema": 1, "view": "source", "path": str(source), "line": 9, "rows": rows, "total": 20, "why": None,
        }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "limit", "first", "last"),
    [(1, 7, 1, 7), (20, 7, 14, 20), (9, 1, 9, 9), (9, 0, 1, 20), (99, 7, 14, 20), (0, 3, 1, 3)],
)
def test_at_the_ends_there_are_as_many(tmp_path: Path, line: int, limit: int, first: int, last: int) -> None:
    source = write(tmp_path / "a.py", TEXT)
    rows = ask(snapshot(tmp_path, str(source)), source, line=line, limit=limit)["rows"]
    assert [row["line"] for row in rows] == list(range(first, last + 1))


def test_no_other_file_is_looked_at(tmp_path: Path) -> None:
    named, other = write(tmp_path / "a.py", TEXT), write(tmp_path / "b.py", TEXT)
    path = snapshot(tmp_path, str(named))
    for source in (other, f"{tmp_path}/./a.py", "a.py", f"{tmp_path}/../{tmp_path.name}/a.py", "", "/etc/passwd"):
        with pytest.raises(tonnage.NotFoundError, match="no stack of the snapshot is in"):
            ask(path, source)


def _changed(folder: Path) -> str:
    return str(write(folder / "a.py", TEXT, TAKEN + 1))


def _pipe(folder: Path) -> str:
    os.mkfifo(folder / "a.py")  # that nobody writes to
    return str(folder / "a.py")


def _link(folder: Path) -> str:
    write(folder / "b.py", TEXT)
    (folder / "a.py").symlink_to(folder / "b.py")
    return str(folder / "a.py")


def _folder(folder: Path) -> str:
    (folder / "a.py").mkdir()
    return str(folder / "a.py")


ABSENT = [
    (_changed, "changed since the snapshot was taken"),
    (_pipe, "not a regular file"),
    (_folder, "not a regular file"),
    (_link, "a symbolic link"),
    (lambda folder: str(folder / "a.py"), "No such file or directory"),
    (lambda folder: str(write(folder / "key.pem", TEXT)), "not the whole name of a .py file"),
    (lambda folder: os.path.relpath(write(folder / "a.py", TEXT)), "not the whole name of a .py file"),
    (lambda folder: str(write(folder / "a.py", b"#" * ((2 << 20) + 1))), "larger than 2 MiB"),
    (lambda folder: str(write(folder / "a.py", b"a\n" * 3 + b"\xff\n")), "not text in the encoding that it names"),
    (lambda folder: str(write(folder / "a.py", "# coding: nope\n")), "not text in the encoding that it names"),
    (lambda folder: str(write(folder / "a.py", "# coding: zlib\n")), "not text in the encoding that it names"),
]  # fmt: skip


@pytest.mark.parametrize(("made", "why"), ABSENT, ids=range(len(ABSENT)))
def test_what_is_no_source_of_it_says_why(tmp_path: Path, made: Any, why: str) -> None:
    name = made(tmp_path)
    told = ask(snapshot(tmp_path, name), name, line=3)
    assert (told["rows"], told["total"], told["why"]) == ([], 0, why)


def test_another_machine_has_other_files(tmp_path: Path) -> None:
    source = write(tmp_path / "a.py", TEXT)
    host = os.uname().nodename
    assert ask(snapshot(tmp_path, str(source), **{"process.host": host}), source)["why"] is None
    told = ask(snapshot(tmp_path, str(source), **{"process.host": f"{host}2"}), source)
    assert (told["rows"], told["why"]) == ([], "the snapshot is of another machine")


def test_text_is_that_of_its_cookie_and_lines_those_of_python(tmp_path: Path) -> None:
    source = write(tmp_path / "a.py", b"# coding: latin-1\r\nx = '\xe4\x0c\x85\x1c'\r" + b"y" * 501 + b"\nend")
    rows = ask(snapshot(tmp_path, str(source)), source)["rows"]
    assert [row["text"] for row in rows] == ["# coding: latin-1", "x = 'ä\x0c\x85\x1c'", "y" * 500 + "…", "end"]


def test_a_file_that_is_changed_later_is_not_told_from_memory(tmp_path: Path) -> None:
    source = write(tmp_path / "a.py", TEXT)
    shelf = _serve.Shelf([str(snapshot(tmp_path, str(source)))], None, 0)
    app = _serve.App(shelf, "token", 1)
    said = {"Host": "127.0.0.1:1", "X-Tonnage-Token": "token"}

    def why() -> Any:
        return json.loads(app.answer(f"/api/source?path={source}&line=3", said).body)["why"]

    assert why() is None
    os.utime(source, ns=(TAKEN + 1, TAKEN + 1))
    assert why() == "changed since the snapshot was taken"
    assert app.answer("/api/source?path=/etc/passwd", said).status == 404
    assert app.answer(f"/api/source?path={source}", {**said, "X-Tonnage-Token": ""}).status == 403


def page(path: Path) -> Any:
    text = path.read_text("utf-8")
    return json.loads(text.split('id="tonnage-data">', 1)[1].split("</script>", 1)[0])


def test_a_report_has_source_only_when_that_is_asked_for(tmp_path: Path) -> None:
    made = write(tmp_path / "made.py", TEXT.replace("line 5", "</script>\u202e5"))
    gone = tmp_path / "gone.py"
    files = []
    for i, sampled in enumerate((False, True)):
        path = snapshot(tmp_path, str(made), str(gone), str(made), sampled=sampled, live=10, **{"process.pid": 7 + i})
        files.append(path.rename(tmp_path / f"{i}.tonnage"))
    with tonnage.load(files[0]) as allocated, tonnage.load(files[1]) as timed:
        allocated.report(tmp_path / "plain.html", [timed])
        allocated.report(tmp_path / "with.html", [timed], sources=True)
    assert "\\u202e5" not in (tmp_path / "plain.html").read_text("utf-8")
    plain, data = page(tmp_path / "plain.html"), page(tmp_path / "with.html")
    assert not [key for key in plain["answers"] if key.startswith("source")]
    found = {key: answer for key, answer in data["answers"].items() if key.startswith("source")}
    quoted = str(made).replace("/", "%2F")
    assert set(found) == {f"source?{file}limit=1&line=5&path={quoted}" for file in ("", "file=1&")}
    assert set(data["answers"]) - set(found) == set(plain["answers"])
    for answer in found.values():
        assert answer["rows"] == [{"line": 5, "text": "</script>\u202e5"}]
    assert "2 of 3 lines of code have their text" in data["bounds"]
