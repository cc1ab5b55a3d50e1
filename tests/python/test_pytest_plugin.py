"""The pytest plugin: limits are kept or told, with who allocated and who keeps it, and nothing happens unasked."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

pytest_plugins = "pytester"

# One folder of a program and its tests: what a test is limited to, and what it does, are numbers of bytes and objects.
APP = """
KEPT = {}
class Session:
    def __init__(self): self.history = bytearray(1 << 12)
class Guest(Session): pass
def load(n): return bytearray(n)
def keep(name, n): KEPT[name] = [Session() for _ in range(n)]
"""


class Ran:
    """A run of pytest in a process of its own."""

    def __init__(self, pytester: pytest.Pytester, tests: str, *words: str) -> None:
        pytester.makepyfile(app=APP)
        path = pytester.makepyfile(test_it="import pytest, app\n" + tests)
        self.path = path
        self.result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rA", *words)
        self.text = self.result.stdout.str() + self.result.stderr.str()

    def outcomes(self) -> dict[str, str]:
        """Of each test by name: PASSED, FAILED, ERROR, XFAIL, …"""
        rows = re.findall(r"^(PASSED|FAILED|ERROR|XFAIL|XPASS) \S*::(\w+(?:\[\w+\])?)", self.text, re.M)
        return {name: outcome for outcome, name in rows}

    def section(self, name: str) -> str:
        """What stands below the head of a failed test."""
        head = rf"^_+ (?:ERROR at setup of )?(?:\w+\.)?{re.escape(name)} _+$\n"
        found = re.search(rf"{head}(.*?)(?=^(?:_|=)+ )", self.text, re.M | re.S)
        assert found, f"no section of {name}:\n{self.text}"
        return found[1]


Start = Callable[..., Ran]


@pytest.fixture
def ran(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Runs tests in a folder, with the plugin alone."""
    for name in ("TONNAGE", "TONNAGE_TRACE", "PYTEST_ADDOPTS", "CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return lambda tests, *words: Ran(pytester, tests, "-p", "tonnage", *words)


# What the documentation of pytest-memray shows, with our option and our words.
EXAMPLES = """
@pytest.mark.limit_memory("24 MB")
def test_foobar():
    app.load(20 << 20)

@pytest.mark.limit_memory("24 MB")
def test_foobar_too_large():
    app.load(25 << 20)

@pytest.mark.limit_leaks("1 MB")
def test_looped():
    for _ in range(100):
        app.load(1 << 16)

@pytest.mark.limit_leaks("1 MB")
def test_looped_and_kept():
    app.KEPT["loop"] = [app.load(1 << 16) for _ in range(100)]

@pytest.mark.limit_leaks("1 MB", filter=lambda frames: all(frame.name != "load" for frame in frames))
def test_known_to_be_kept():
    app.KEPT["known"] = app.load(1 << 21)

@pytest.mark.limit_leaks("1 MB", warmups=2)
def test_kept_by_the_first_run():
    app.KEPT.setdefault("once", app.load(1 << 21))

@pytest.mark.limit_objects(app.Session, 5)
def test_five_are_kept():
    app.keep("five", 5)

@pytest.mark.limit_objects("app.Session", 5)
def test_six_are_kept():
    app.keep("six", 6)
"""


def test_the_known_examples_fail_and_pass_as_they_say(ran: Start) -> None:
    done = ran(EXAMPLES, "--tonnage")
    assert done.outcomes() == {
        "test_foobar": "PASSED",
        "test_foobar_too_large": "FAILED",
        "test_looped": "PASSED",
        "test_looped_and_kept": "FAILED",
        "test_known_to_be_kept": "PASSED",
        "test_kept_by_the_first_run": "PASSED",
        "test_five_are_kept": "PASSED",
        "test_six_are_kept": "FAILED",
    }, done.text
    memory = done.section("test_foobar_too_large")
    assert "limit_memory: 25.0 MiB were needed at the peak; the limit is 24.0 MiB" in memory
    assert re.search(r'  25\.0 MiB in \d blocks\n    File ".*app\.py", line 5, in load\n    File ".*test_it', memory)
    assert "_pytest" not in memory
    leaks = done.section("test_looped_and_kept")
    assert "limit_leaks: 1 stack left more than 1.0 MiB; 6.3 MiB are left of all" in leaks
    # From 3.15 on a bytearray has a bytes object, which is most of it.
    assert re.search(r"byte(s|array) of 64\.\d KiB; path: app\.KEPT\['loop'\]\[\d+\]", leaks)
    objects = done.section("test_six_are_kept")
    assert "limit_objects: 6 more app.Session than before (5, now 11); the limit is 5" in objects
    assert re.search(r'  6 made at\n    File ".*app\.py", line 6, in ', objects)
    assert re.search(r"app\.Session of \d+ B; path: app\.KEPT\['six'\]\[\d\]", objects)
    rows = re.findall(r"^ +([\d.]+) MiB  test_it\.py::(\w+)$", done.text, re.M)
    assert rows[:2] == [("25.0", "test_foobar_too_large"), ("20.0", "test_foobar")]
    assert "5 of 8 that needed most" in done.text


OWN = """
import app, pytest

@pytest.mark.limit_objects(dict, 0)
@pytest.mark.limit_objects(list, 0)
def test_makes_nothing():
    pass

@pytest.mark.limit_leaks("1 KB", filter=lambda frames: bytearray(1 << 24) and 1 / 0)
def test_asks_a_filter():
    app.KEPT["asked"] = app.load(1 << 20)
"""


def test_what_measuring_makes_does_not_count(ran: Start) -> None:
    done = ran(OWN, "--tonnage")
    assert done.outcomes() == {
        "test_makes_nothing": "PASSED", "test_asks_a_filter": "FAILED",
    }, done.text  # fmt: skip
    assert "1.0 MiB were needed at the peak" in done.section("test_asks_a_filter")


@pytest.mark.parametrize("words", [(), ("-p", "no:tonnage")])
def test_unasked_it_does_nothing_and_loads_no_extension(
    words: tuple[str, ...], ran: Start, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    if words:  # against the entry point, which -p tonnage would load all the same
        monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    loads = "def test_loaded():\n    import sys\n    print([m for m in sys.modules if 'tonnage' in m])\n"
    done = Ran(pytester, EXAMPLES + loads, *(words or ("-p", "tonnage")))
    assert set(done.outcomes().values()) == {"PASSED"}
    assert ("PytestUnknownMarkWarning" in done.text) == bool(words)
    assert "memory of tests" not in done.text
    (loaded,) = re.findall(r"^\[.*tonnage.*\]$|^\[\]$", done.text, re.M)
    if words:
        assert loaded == "[]"
    for name in ("_capture", "_core", "_region", "_pytest_limits"):
        assert f"tonnage.{name}'" not in loaded


def test_the_ini_file_switches_it_on(ran: Start, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ntonnage = true\n")
    assert ran(EXAMPLES).outcomes()["test_foobar_too_large"] == "FAILED"


KINDS = """
import unittest

@pytest.mark.limit_memory("1 MB")
@pytest.mark.parametrize("n", [100, 1 << 21])
def test_parametrised(n):
    app.load(n)

@pytest.fixture
def large():
    made = app.load(1 << 21)
    yield made
    app.load(1 << 22)

@pytest.mark.limit_memory("1 MB")
def test_fixtures_do_not_count(large):
    app.load(1 << 16)

@pytest.mark.limit_memory("1 MB")
class TestOfClass:
    def test_method(self):
        app.load(1 << 21)
    @pytest.mark.limit_memory("3 MB")
    def test_the_nearest_marker_counts(self):
        app.load(1 << 21)

@pytest.mark.limit_memory("1 MB")
class TestCase(unittest.TestCase):
    def test_of_unittest(self):
        app.load(1 << 21)

@pytest.mark.limit_memory("1 MB")
async def test_awaited():
    app.load(1 << 21)

@pytest.mark.xfail(strict=True)
@pytest.mark.limit_memory("1 MB")
def test_expected():
    app.load(1 << 21)

@pytest.mark.limit_memory("1 MB")
def test_skipped():
    kept = app.load(1 << 21)
    pytest.skip("not here")

@pytest.mark.limit_memory("1 MB")
@pytest.mark.limit_objects(app.Session, 0)
def test_fails_by_itself():
    app.keep("failed", 1)
    n = len(app.load(1 << 21))
    assert n == 3

@pytest.mark.limit_objects(app.Session, 1)
@pytest.mark.limit_objects("bytearray", 0)
@pytest.mark.limit_leaks("1 MB")
@pytest.mark.limit_memory("1 MB")
def test_each_limit_is_told():
    app.KEPT["guests"] = [app.Guest() for _ in range(500)]
"""

RUNS_ASYNC = """
import asyncio, pytest
@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    if asyncio.iscoroutinefunction(pyfuncitem.obj):
        asyncio.run(pyfuncitem.obj())
        return True
"""


def test_tests_of_every_kind_have_limits(ran: Start, pytester: pytest.Pytester) -> None:
    pytester.makeconftest(RUNS_ASYNC)
    done = ran(KINDS, "--tonnage", "--tonnage-top=0")
    assert done.outcomes() == {
        "test_parametrised[100]": "PASSED",
        "test_parametrised[2097152]": "FAILED",
        "test_fixtures_do_not_count": "PASSED",
        "test_method": "FAILED",
        "test_the_nearest_marker_counts": "PASSED",
        "test_of_unittest": "FAILED",
        "test_awaited": "FAILED",
        "test_expected": "XFAIL",
        "test_fails_by_itself": "FAILED",
        "test_each_limit_is_told": "FAILED",
    }, done.text
    done.result.assert_outcomes(passed=3, failed=6, skipped=1, xfailed=1)
    assert "memory of tests" not in done.text
    assert "2.0 MiB were needed" in done.section("test_of_unittest")
    assert "in test_awaited" in done.section("test_awaited")
    own = done.section("test_fails_by_itself")
    assert "assert 2097152 == 3" in own and "limit_objects:" not in own
    assert "Captured memory call" in own and "2.0 MiB were needed at the peak; the limit is 1.0 MiB" in own
    told = done.section("test_each_limit_is_told")
    assert [line.partition(":")[0] for line in told.splitlines() if line.startswith("limit")] == [
        "limit_memory", "limit_leaks", "limit_objects", "limit_objects"
    ]  # fmt: skip
    assert "500 more bytearray than before" in told and "500 more app.Session than before" in told


@pytest.mark.parametrize(
    ("marker", "message"),
    [
        ('limit_memory("24 MX")', "limit_memory takes a size such as 500M or 2GiB, not '24 MX'"),
        ("limit_memory(-1)", "limit_memory takes a size such as 500M or 2GiB, not -1"),
        ("limit_memory()", "limit_memory: missing 1 required positional argument: 'size'"),
        ('limit_leaks("1 MB", 3)', "limit_leaks: takes 1 positional argument but 2 were given"),
        ('limit_leaks("1 MB", warmups=-1)', "limit_leaks takes warmups, a number of runs, not -1"),
        ('limit_leaks("1 MB", filter=3)', "limit_leaks takes a filter, a function of frames, not 3"),
        ('limit_leaks("1 MB", color=3)', "limit_leaks: got an unexpected keyword argument 'color'"),
        ("limit_objects(3, 3)", "limit_objects takes a class, or its name such as 'app.Session', not 3"),
        ("limit_objects(int, 1.5)", "limit_objects takes n, a number of objects, not 1.5"),
    ],
)
def test_a_marker_that_makes_no_sense_is_one_line_of_its_test(marker: str, message: str) -> None:
    from tonnage._pytest_limits import _Asked

    class Item:
        def iter_markers(self, name: str) -> list[pytest.Mark]:
            found: pytest.Mark = eval(f"pytest.mark.{marker}").mark
            return [found] if found.name == name else []

    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        _Asked(Item())  # type: ignore[arg-type]


def test_an_error_of_a_marker_is_an_error_of_its_test_alone(ran: Start) -> None:
    done = ran('@pytest.mark.limit_memory("24 MX")\ndef test_wrong(): pass\ndef test_right(): pass\n', "--tonnage")
    assert done.outcomes() == {"test_wrong": "ERROR", "test_right": "PASSED"}
    assert done.section("test_wrong") == "limit_memory takes a size such as 500M or 2GiB, not '24 MX'\n"
    done = ran("def test_right(): pass\n", "--tonnage", "--tonnage-top=-1")
    assert done.result.ret == pytest.ExitCode.USAGE_ERROR
    assert "ERROR: --tonnage-top takes a number of tests, 0 for none, not -1" in done.text


def test_only_what_this_test_has_made_is_told(ran: Start) -> None:
    done = ran("""
@pytest.mark.parametrize(("name", "n"), [("first", 4), ("second", 2)])
@pytest.mark.limit_leaks("1 KB")
def test_keeps(name, n):
    app.KEPT[name] = app.load(n << 20)
@pytest.mark.limit_leaks("1 KB")
def test_line():
    app.KEPT["line"] = [{i: [i]} for i in range(500)]
""", "--tonnage")  # fmt: skip
    for name, n in (("first", 4), ("second", 2)):
        told = done.section(f"test_keeps[{name}-{n}]")
        assert f"limit_leaks: 1 stack left more than 1.0 KiB; {n}.0 MiB are left of all" in told
        assert f"  {n}.0 MiB in 2 blocks\n" in told and f"path: app.KEPT['{name}']" in told
    assert "limit_leaks: 1 stack left more than 1.0 KiB" in done.section("test_line")


def test_workers_of_xdist_report_to_the_one_summary(ran: Start) -> None:
    pytest.importorskip("xdist")
    done = ran(EXAMPLES, "--tonnage", "-p", "xdist", "-n2")
    assert [name for name, outcome in sorted(done.outcomes().items()) if outcome == "FAILED"] == [
        "test_foobar_too_large", "test_looped_and_kept", "test_six_are_kept"
    ]  # fmt: skip
    rows = re.findall(r"^ +([\d.]+ MiB)  test_it\.py::(\w+)$", done.text, re.M)
    assert rows[:2] == [("25.0 MiB", "test_foobar_too_large"), ("20.0 MiB", "test_foobar")]


RECORDED = """
from tonnage import trace

@pytest.mark.limit_leaks("1 MB")
@pytest.mark.limit_memory("3 MB")
def test_limits_beside_a_recording():
    app.KEPT["a"] = app.load(1 << 21)

def test_the_recording_is_as_it_was():
    assert trace.is_on()
    assert trace.site_of(app.KEPT) and trace.memory().peak > 1 << 21

@pytest.mark.limit_memory("1 MB")
def test_forgets():
    trace.clear()

def test_stops():
    trace.stop()

@pytest.mark.limit_memory("1 MB")
def test_without_again():
    assert trace.is_on()
"""


def test_a_recording_that_is_on_is_left_on(ran: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONNAGE_TRACE", "1")
    done = ran(RECORDED, "--tonnage")
    assert done.outcomes() == {
        "test_limits_beside_a_recording": "FAILED",
        "test_the_recording_is_as_it_was": "PASSED",
        "test_forgets": "FAILED",
        "test_stops": "PASSED",
        "test_without_again": "PASSED",
    }, done.text
    assert "PytestAssertRewriteWarning" not in done.text
    told = done.section("test_limits_beside_a_recording")
    assert "limit_leaks: 1 stack left more" in told and "path: app.KEPT['a']" in told and "limit_memory" not in told
    assert done.section("test_forgets") == (
        "the recording was stopped or cleared meanwhile: what was needed is not known\n"
    )
    monkeypatch.setenv("TONNAGE_TRACE", "64K")
    done = ran(RECORDED, "--tonnage", "-k", "beside or is_as")
    assert "allocations are recorded by samples" in done.section("test_limits_beside_a_recording")


def test_the_fixture_takes_snapshots_that_end_with_the_test(ran: Start) -> None:
    done = ran("""
taken = []
def test_new(tonnage_snapshot):
    before = tonnage_snapshot()
    app.keep("new", 7)
    taken.append(tonnage_snapshot())
    assert len((taken[0] - before).where("type:app.Session")) == 7
def test_closed():
    with pytest.raises(ValueError, match="closed"):
        len(taken[0])
""")
    assert set(done.outcomes().values()) == {"PASSED"}, done.text


def test_the_plugin_is_found_by_its_entry_point(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    done = pytester.runpytest_subprocess("--markers")
    for name in ("limit_memory", "limit_leaks", "limit_objects"):
        assert f"@pytest.mark.{name}(" in done.stdout.str()


def test_every_marker_and_option_is_in_the_guide() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()
    for word in ("limit_memory", "limit_leaks", "limit_objects", "tonnage_snapshot", "--tonnage", "--tonnage-top"):
        assert word in guide
