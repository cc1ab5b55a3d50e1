"""What rows of sites say: functions, modules, units, and intervals that what they are of lies in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import site_files
import tonnage


@pytest.mark.parametrize("names", [("f", "<listcomp>"), ("f", "f")])
def test_a_line_has_a_function_where_there_is_but_one(tmp_path: Path, names: tuple[str, str]) -> None:
    program, row = site_files.empty(2), None
    for number, name in enumerate(names):
        row = program.frame(row, program.code(name, "/srv/app/main.py", 1), 1)
        program.block(64, row, birth=number + 1, node=program.objects[number], kind=1)
    snapshot = tonnage.load(program.write(tmp_path / "line.tonnage"))
    of_all = names[0] if len(set(names)) == 1 else None
    for by in ("line", "type"):
        assert {(row["line"], row["function"]) for row in snapshot.sites(by=by)} == {(1, of_all)}
    assert {row["function"] for row in snapshot.sites(by="function")} == set(names)


@pytest.mark.parametrize(
    ("file", "module"),
    [
        ("/usr/lib64/python3.13/json/decoder.py", "json.decoder"),
        ("/opt/lib/python3.14t/asyncio/__init__.py", "asyncio"),
        ("/srv/lib/python3.old/app/main.py", "main"),
        ("/usr/lib/python3.11/site-packages/numpy/core/a.py", "numpy.core.a"),
    ],
)
def test_a_file_of_the_library_has_the_path_below_it(tmp_path: Path, file: str, module: str) -> None:
    program = site_files.empty(1)
    program.block(64, program.frame(None, program.code("f", file, 1), 1), birth=1)
    assert [row["name"] for row in tonnage.load(program.write(tmp_path / "a.tonnage")).sites(by="module")] == [module]


def test_each_column_of_numbers_has_a_unit_and_nothing_else_has(
    tmp_path: Path,
) -> None:
    words = {"name", "file", "line", "function", "cohorts", "text", "significant", "depth", "traceback", "maybe_stale"}
    snapshot, older = (
        tonnage.load(site_files.any_program(seed).write(tmp_path / f"{seed}.tonnage")) for seed in (1, 2)
    )
    for view in (
        snapshot.sites(),
        snapshot.sites(by="type", against=older),
        snapshot.sites(by="traceback"),
        snapshot.peak(),
        snapshot.temporary(),
        snapshot.survivors(),
    ):
        assert view.data["units"].keys() == set(view.data["columns"]) - words


def test_what_is_rounded_up_lies_within_its_interval(tmp_path: Path) -> None:
    program = site_files.empty(1)
    row = program.frame(None, program.code("f", "/srv/app/main.py", 1), 1)
    for cohort in range(10):
        program.block(10, row, birth=35 + 70 * cohort)
    program.facts.update({"trace.started_births": 0, "trace.births": 700})  # 142.86 bytes of a thousand
    page = str(tonnage.load(program.write(tmp_path / "a.tonnage")).survivors())
    assert re.search(r" 143 B +142 B to 143 B ", page), page
