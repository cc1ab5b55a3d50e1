"""What pytest-memray's documentation shows, and cases of its tests whose markers are ours as well, in our words.

What is missing here docs/testing.md says.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

pytest_plugins = "pytester"

Run = Callable[..., str]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """What a run of tests with the plugin alone prints."""
    for name in ("TONNAGE", "TONNAGE_TRACE", "PYTEST_ADDOPTS", "CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(tests: str, *words: str) -> str:
        pytester.makepyfile(test_it="import pytest, threading\nKEPT = []\n" + tests)
        options = ("-p", "tonnage", "-p", "no:cacheprovider", "-rA", "-Werror")
        return pytester.runpytest_subprocess(*options, *words).stdout.str()

    return run


def outcomes(text: str) -> dict[str, str]:
    rows = re.findall(r"^(PASSED|FAILED|ERROR) test_it\.py::(\w+)", text, re.M)
    return {name: outcome for outcome, name in rows}


def most(text: str) -> list[str]:
    """The summary at the end."""
    return re.findall(r"^ +[\d.]+ \w+  test_it\.py::test_(\w+)$", text, re.M)


DEMO = """
def test_track():
    from heapq import heappush

    h = []
    for value in range(1):
        heappush(h, value)
    assert [1] * 5_000


@pytest.mark.limit_memory("100 KB")
def test_memory_exceed():
    found = [[i] * 1_000 for i in range(15)]
    assert found
"""


def test_the_quick_introduction(run: Run, pytester: pytest.Pytester) -> None:
    """One test is tracked, one exceeds its limit; the summary has both, and the XML for other programs the failure."""
    path = pytester.path / "out.xml"
    text = run(DEMO, "--tonnage", f"--junit-xml={path}")
    assert outcomes(text) == {"test_track": "PASSED", "test_memory_exceed": "FAILED"}
    words = r"limit_memory: 1(1[7-9]|2\d)\.\d KiB were needed at the peak; the limit is 100\.0 KiB"
    assert re.search(words, text) and most(text) == ["memory_exceed", "track"]
    assert re.search(r'File ".*test_it\.py", line 1\d, in (<listcomp>|test_memory_exceed)', text)
    failures = [case.find("failure") for case in ET.parse(path).getroot().iter("testcase")]
    assert [bool(one is not None and re.search(words, one.text or "")) for one in failures] == [False, True]


MEMORY = """
def test_9(): bytearray(9 << 20)
def test_3(): bytearray(3 << 20)
def test_7(): bytearray(7 << 20)

@pytest.mark.limit_memory("24 MB")
def test_as_much_as_that(): bytearray((24 << 20) - 8192)

@pytest.mark.limit_memory("24 MB")
def test_a_byte_more(): bytearray((24 << 20) + 1)

counter = 0
def test_is_called_once():
    global counter
    counter += 1
    assert counter == 1
"""
SIZES = ["24MB", "24 MiB", "24M", "24576 KB", "0.0234375 GB", "25165824 B", "25165824"]
WRONG_SIZES = ["24 XB", "MB", "", "-1 MB", "24,5 MB"]


def test_limits_of_memory(run: Run) -> None:
    tests = MEMORY
    for n, size in enumerate(SIZES):
        tests += f'@pytest.mark.limit_memory("{size}")\ndef test_size_{n}(): bytearray(25 << 20)\n'
    for n, size in enumerate(WRONG_SIZES):
        tests += f'@pytest.mark.limit_memory("{size}")\ndef test_wrong_{n}(): pass\n'
    text = run(tests, "--tonnage", "--tonnage-top", "99")
    expected = {"test_9": "PASSED", "test_3": "PASSED", "test_7": "PASSED", "test_is_called_once": "PASSED"}
    expected |= {"test_as_much_as_that": "PASSED", "test_a_byte_more": "FAILED"}
    expected |= {f"test_size_{n}": "FAILED" for n in range(len(SIZES))}
    assert outcomes(text) == expected | {f"test_wrong_{n}": "ERROR" for n in range(len(WRONG_SIZES))}, text
    assert text.count("the limit is 24.0 MiB. Alive then:") == 1 + len(SIZES)
    assert [name for name in most(text) if name.isdecimal()] == ["9", "7", "3"]


def test_unasked_no_limit_holds(run: Run) -> None:
    """pytest-memray holds them without its option, too."""
    text = run('@pytest.mark.limit_memory("2 KB")\ndef test_it(): bytearray(4096)\n' + DEMO)
    assert set(outcomes(text).values()) == {"PASSED"} and most(text) == []


LEAKS = """
def leak(size):
    KEPT.append(bytearray(size))

def leaks(size):
    KEPT.extend(bytearray(size) for _ in range(10))

def in_a_thread(size):
    thread = threading.Thread(target=leaks, args=(size,))
    thread.start()
    thread.join()

def filtering_function(frames):
    for frame in frames:
        if frame.name == "leak":
            return False
    return True

@pytest.mark.limit_leaks("5KB", filter=filtering_function)
def test_is_filtered():
    for _ in range(10):
        leak(1024)

@pytest.mark.limit_leaks("5KB", filter=filtering_function)
def test_is_not_filtered():
    for _ in range(10):
        KEPT.append(bytearray(1024))

@pytest.mark.limit_leaks("1 MB")
@pytest.mark.limit_memory("1 MB")
def test_of_two_markers_each_is_told():
    leak(2 << 20)
"""


def test_limits_of_what_is_left(run: Run) -> None:
    tests, expected = LEAKS, {}
    for size, outcome in (1, "PASSED"), (102, "PASSED"), (1024, "FAILED"), (10240, "FAILED"):
        tests += f'@pytest.mark.limit_leaks("5KB")\ndef test_loop_{size}():\n    for _ in range(10): leak({size})\n'
        expected[f"test_loop_{size}"] = outcome
    for size, outcome in (4096, "PASSED"), (400 << 10, "PASSED"), (4 << 20, "FAILED"):
        tests += f'@pytest.mark.limit_leaks("20 MB")\ndef test_thread_{size}(): in_a_thread({size})\n'
        expected[f"test_thread_{size}"] = outcome
    text = run(tests, "--tonnage", "--tonnage-top", "0")
    expected |= {"test_is_filtered": "PASSED", "test_is_not_filtered": "FAILED"}
    assert outcomes(text) == expected | {"test_of_two_markers_each_is_told": "FAILED"}, text
    assert most(text) == []
    assert "limit_memory: 2.0 MiB were needed" in text and "left more than 1.0 MiB; 2.0 MiB are left of all" in text


OBJECTS = """
class Custom: pass
def objects(): return [[1, 2, 3, 4, 5], {"key": "value", "number": 42}, Custom()]

@pytest.mark.limit_objects(list, 0)
@pytest.mark.limit_objects(dict, 0)
@pytest.mark.limit_objects(Custom, 0)
def test_leaves_all(): KEPT.append(objects())

@pytest.mark.limit_objects("test_it.Custom", 0)
def test_leaves_one(): KEPT.append(objects())

@pytest.mark.limit_objects(set, 0)
def test_leaves_none_of_that_type(): KEPT.append(objects())

@pytest.mark.limit_objects(list, 0)
@pytest.mark.limit_objects(Custom, 0)
def test_leaves_nothing():
    temporary = objects()
    assert len(temporary) == 3
    temporary = None
"""


def test_limits_of_objects_that_are_left(run: Run) -> None:
    text = run(OBJECTS, "--tonnage")
    assert outcomes(text) == {
        "test_leaves_all": "FAILED",
        "test_leaves_one": "FAILED",
        "test_leaves_none_of_that_type": "PASSED",
        "test_leaves_nothing": "PASSED",
    }, text
    told = re.findall(r"limit_objects: (\d+) more (?:builtins\.)?([\w.]+) than before", text)
    assert sorted(set(told)) == [("1", "dict"), ("1", "test_it.Custom"), ("2", "list")]
