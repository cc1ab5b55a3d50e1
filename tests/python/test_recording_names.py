"""Names of files that a recording makes: templates, and which name comes next."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tonnage._templates import Names, Template, escape

NOON = 1795262400.0  # 2026-11-21 12:00:00 UTC


def names(template: str, folder: Path, **options: bool) -> Names:
    return Names(Template(template), str(folder), clock=lambda: NOON, **options)


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("a.tonnage", "a.tonnage"),
        ("{pid}-{n}.tonnage", "PID-1.tonnage"),
        ("{time}.tonnage", "20261121T120000Z.tonnage"),
        ("{host}", "HOST"),
        ("$pid-$timestamp-$counter.tonnage", "PID-20261121T120000Z-1.tonnage"),
        ("a${pid}b", "aPIDb"),
        ("{{pid}}", "{pid}"),
        ("}}{{", "}{"),
        ("$$pid", "$pid"),
        ("{{{n}}}", "{1}"),
        ("é {n}", "é 1"),
    ],
)
def test_fields_are_filled_in(template: str, name: str, tmp_path: Path) -> None:
    name = name.replace("PID", str(os.getpid())).replace("HOST", os.uname().nodename)
    assert names(template, tmp_path).new() == str(tmp_path / name)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{user}", "no field {user}"),
        ("{pid:04}", "no field {pid:04}"),
        ("{}", "no field {}"),
        ("{PID}", "no field {PID}"),
        ("a{n", "without its }"),
        ("a}b", "without its {"),
        ("$user", "no field $user"),
        ("$n", "no field $n"),
        ("$pids", "no field $pids"),
        ("cost$", "no field $"),
        ("", "empty"),
    ],
)
def test_anything_else_in_brackets_is_an_error(template: str, why: str) -> None:
    with pytest.raises(ValueError, match=f"^.*{why.replace('$', '[$]').replace('{', '[{]')}"):
        Template(template)


@pytest.mark.parametrize("text", ["{n}", "$$", "{{", "a}b$pid", "plain"])
def test_an_escaped_text_gives_itself(text: str) -> None:
    assert Template(escape(text)).render({}) == text


@pytest.mark.parametrize(
    ("template", "several", "child", "text"),
    [
        ("a.tonnage", True, False, "a-{n}.tonnage"),
        ("a-{n}.tonnage", True, False, "a-{n}.tonnage"),
        ("a-{time}.tonnage", True, False, "a-{time}.tonnage"),
        ("a-{pid}.tonnage", True, False, "a-{pid}-{n}.tonnage"),
        ("a.tonnage", False, True, "a-{pid}.tonnage"),
        ("$pid.tonnage", False, True, "$pid.tonnage"),
        ("x.y/a", True, True, "x.y/a-{pid}-{n}"),
        ("a.tonnage", False, False, "a.tonnage"),
    ],
)
def test_what_tells_files_apart_goes_before_the_suffix(
    template: str, several: bool, child: bool, text: str, tmp_path: Path
) -> None:
    assert names(template, tmp_path, several=several, child=child).template.text == text


def test_numbers_that_are_taken_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a-1.tonnage").touch()
    (tmp_path / "a-3.tonnage").symlink_to("nowhere")
    given = names("a.tonnage", tmp_path, several=True)
    assert [Path(given.new()).name for _ in range(2)] == ["a-2.tonnage", "a-4.tonnage"]


def test_force_gives_names_that_are_taken_but_none_twice(tmp_path: Path) -> None:
    (tmp_path / "a-1.tonnage").touch()
    numbered = names("a.tonnage", tmp_path, several=True, force=True)
    assert [Path(numbered.new()).name for _ in range(2)] == ["a-1.tonnage", "a-2.tonnage"]
    timed = names("{time}.tonnage", tmp_path, several=True, force=True)
    assert len({timed.new() for _ in range(3)}) == 3


def test_two_in_one_second_differ(tmp_path: Path) -> None:
    given = names("{time}.tonnage", tmp_path, several=True)
    first, second = given.new(), given.new()  # neither exists yet
    assert [Path(name).name for name in (first, second)] == ["20261121T120000Z.tonnage", "20261121T120000Z-2.tonnage"]
    Path(first).touch()
    again = names("{time}.tonnage", tmp_path, several=True).new()
    assert Path(again).name == "20261121T120000Z-1.tonnage"


def test_a_template_without_fields_gives_one_name(tmp_path: Path) -> None:
    (tmp_path / "a.tonnage").touch()
    given = names("a.tonnage", tmp_path)
    assert given.is_one
    assert given.new() == str(tmp_path / "a.tonnage")  # the writer refuses it
