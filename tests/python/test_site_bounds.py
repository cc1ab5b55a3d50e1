"""What tables of sites take of files whose stacks are many, deep or without lines: no more than the file has."""

from __future__ import annotations

import json
import random
import re
from collections import Counter, defaultdict
from pathlib import Path

import pytest
import site_files
import tonnage
from pure_reader import Snapshot as Pure
from pure_reader import code_lines
from pure_writer import Code, Site
from stack_files import file_of

Place = tuple[str, int]


def way_out(pure: Pure, stack: int | None) -> list[Place]:
    """From the place of the allocation to the bottom."""
    frames = [(file, line) for file, line, _ in site_files.stack_of(pure, stack)] or [("<lost>", 0)]
    return [*(frames[:-1] if len(frames) > 1 else frames), ("(bottom of the stack)", 0)]  # without the thread


def creators(pure: Pure, depth: int, limit: int) -> list[tuple[int, str, int, int]]:
    """The rows that the tree must have, row by row: depth, name, bytes, blocks."""
    blocks = [(way_out(pure, pure.sites[t.site].stack), t.bytes) for t in pure.traces]
    rows = []

    def level(at: int, here: list[tuple[list[Place], int]]) -> None:
        parts: dict[Place, list[tuple[list[Place], int]]] = defaultdict(list)
        for way, size in here:
            parts[way[at]].append((way, size))
        ordered = sorted(parts.items(), key=lambda part: -sum(size for _, size in part[1]))
        for place, part in ordered[: limit or None]:
            rows.append((at, site_files.place(*place), sum(size for _, size in part), len(part)))
            if at + 1 < depth and len(part[0][0]) > at + 1 and place != ("<lost>", 0):
                level(at + 1, part)

    level(0, blocks)
    return rows


@pytest.mark.parametrize("limit", [0, 2])
@pytest.mark.parametrize("seed", range(12))
def test_the_tree_of_creators_has_every_way_out(tmp_path: Path, seed: int, limit: int) -> None:
    path = site_files.any_program(seed).write(tmp_path / "a.tonnage")
    pure, snapshot = Pure.open(path), tonnage.load(path)
    for depth in (1, 3, 64):
        page = json.loads(snapshot._core.sites("creators", json=True, depth=depth, limit=limit))
        found = [(row["depth"], row["name"], row["size"], row["count"]) for row in page["rows"]]
        wanted = creators(pure, depth, limit)
        if limit:  # of equal ones any may be left out
            assert [row[0::2] for row in found if row[0] == 0] == [row[0::2] for row in wanted if row[0] == 0]
        else:
            assert sorted(found) == sorted(wanted)
            assert [row[0::2] for row in found if row[0] == 0] == [row[0::2] for row in wanted if row[0] == 0]


def test_tracebacks_take_memory_for_their_frames_and_not_for_their_text(tmp_path: Path) -> None:
    program = site_files.empty()
    function = program.code("a_function_of_some_name", "/srv/a/folder/of/some/length/app.py", 1)
    trunk = None
    for i in range(500):
        trunk = program.frame(trunk, function, i + 1)
    for i in range(1500):
        program.block(100, program.frame(trunk, function, 2000 + i), birth=i + 1)
    path = program.write(tmp_path / "now.tonnage")
    del program.blocks[1000:]
    older = program.write(tmp_path / "old.tonnage")
    now, old = (tonnage.load(file, max_memory=8 << 20) for file in (path, older))  # as text: 45 MB
    for against in (None, old):
        page = now.sites(by="traceback", against=against, limit=8, sort="name")
        assert (len(page.rows), page.data["more"]) == (8, 1492)
        assert {len(row["traceback"]) for row in page.rows} == {501}
        assert page.total["size"] == 150_000 and page.total.get("size_change", 50_000) == 50_000
    whole = tonnage.load(path).sites(by="traceback", against=tonnage.load(older), limit=501, sort="change")
    assert Counter(row["size_change"] for row in whole.rows) == {100: 500, 0: 1}


def test_lines_of_instructions_are_those_of_the_table(tmp_path: Path) -> None:
    codes, rng = [], random.Random(7)
    for name in ("a.py", "b.py", "c.py"):
        form = [bytes([0x80 | rng.choice((0, 2, 10, 11, 12)) << 3 | rng.randrange(8)]) for _ in range(300)]
        operands = {0: b"\x11", 2: b"\x22", 10: b"\x01\x02", 11: b"\x01\x02", 12: b"\x01\x02"}
        table = b"".join(head + operands[head[0] >> 3 & 15] for head in form)
        codes.append(Code("f", "f", name, 3, table + bytes([0x80 | 15 << 3 | 7])))
    known = [
        {at: line for start, end, line in code_lines(code.line_table, 3) for at in range(start, end, 2)}
        for code in codes
    ]
    places = [(code, rng.choice(list(known[code]))) for code in (rng.randrange(3) for _ in range(2000))]
    stack = [(0, code, at, 0) for code, at in places]
    data = file_of(codes, stack, [Site(1 + row, 1, 1, 1) for row in range(len(stack))], **{"trace.mode": "exact"})
    (tmp_path / "a.tonnage").write_bytes(data)
    sizes: dict[str, int] = defaultdict(int)
    for code, at in places:
        sizes[site_files.place(codes[code].file, known[code][at] or 0)] += 1
    rows = tonnage.load(tmp_path / "a.tonnage").sites(limit=0).rows
    assert {row["name"]: row["size"] for row in rows} == sizes


@pytest.mark.parametrize("to", ["collapsed", "speedscope"])
def test_stacks_of_long_names_that_would_fill_a_disk_are_refused(tmp_path: Path, to: str) -> None:
    n, flat = (95, False) if to == "collapsed" else (5000, True)
    code = Code("f", "f" * 4_000_000, "/srv/app.py", 1)
    stack = [(0 if flat else row, 0, 0, 1 + row) for row in range(n)]
    (tmp_path / "a.tonnage").write_bytes(file_of([code], stack, [Site(1 + row, 1, 1, 1) for row in range(n)]))
    with tonnage.load(tmp_path / "a.tonnage") as snapshot:
        with pytest.raises(tonnage.LimitError, match="more than 16 GiB as text"):
            snapshot.export(tmp_path / "out", to=to)
        assert not (tmp_path / "out").exists()
        snapshot.export(tmp_path / "out", to="pprof")


def test_intervals_that_end_beyond_64_bits_are_told(tmp_path: Path) -> None:
    sizes, pages = (0, 9_200_000_000_000_000_000), []
    for size in sizes:
        program = site_files.empty()
        line = program.frame(None, program.code("f", "/srv/app.py", 1), 3)
        program.block(100, line, birth=1, interval=1 << 48)
        program.ever[line, 1] = (size, 10, 0, 0, size, 10)
        pages.append(tonnage.load(program.write(tmp_path / f"{size}.tonnage")))
    found = re.search(r"([+-])[0-9.]+ EiB to ([+-])[0-9.]+ EiB +yes", str(pages[1].peak(against=pages[0])))
    assert found is not None and found.groups() == ("+", "+"), "its upper end is 8.1 EiB"
