"""In a process of one's own: what is new since a snapshot, and whether memory grows with calls."""

from __future__ import annotations

import json
from typing import Any

import pytest
from capture_support import python

BEGIN = """
import json, tonnage
class Session:
    def __init__(self): self.history = []
CACHE, ONCE = [], {}
"""


def result(code: str) -> Any:
    """What a fresh process prints last, as JSON."""
    done = python(["-c", BEGIN + code])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def grown(function: str, options: str = "") -> Any:
    return result(f"""
def f():
    {function}
g = tonnage.grows(f{options})
print(json.dumps([bool(g), g.types, g.collections, repr(g), len(g.objects)]))
""")


@pytest.mark.parametrize(("times", "each"), [(7, 1), (7, 3), (4, 2)])
def test_what_each_call_leaves_is_reported_by_type_and_collection(times: int, each: int) -> None:
    truth, types, collections, text, n = grown(f"CACHE.extend(Session() for _ in range({each}))", f", times={times}")
    assert truth
    found = {row["type"]: (row["count"], row["per_call"]) for row in types}
    assert found["__main__.Session"] == (times * each, each)
    assert found["list"] == (times * each, each)  # the histories
    assert [(row["path"], row["per_call"], row["lengths"][-1]) for row in collections] == [
        ("__main__.CACHE", each, (2 + 2 * times) * each)
    ]
    assert f"{each} __main__.Session a call" in text
    assert n >= 2 * times * each


@pytest.mark.parametrize(
    "function",
    [
        "Session()",
        "a = Session(); a.history.append(a)",  # garbage, but nothing that stays
        "ONCE[1] = Session()",
        "ONCE.setdefault(len(ONCE) // 100, Session())",
        "CACHE.append(Session()); del CACHE[:-1]",
        "import decimal, json.tool",  # what the first call loads stays
    ],
)
def test_what_a_call_gives_back_or_the_first_one_makes_is_no_growth(function: str) -> None:
    truth, types, collections, text, n = grown(function)
    assert (truth, types, collections, n) == (False, [], [], 0), text
    assert text == "nothing grows with 7 calls"


def test_a_failed_assertion_says_what_grows() -> None:
    done = python(["-c", BEGIN + "assert not tonnage.grows(lambda: CACHE.append(Session())), 'no leak'"])
    assert done.returncode == 1
    answer = result("""
try:
    tonnage.grows(print, times=1)
except tonnage.ArgumentError as error:
    print(json.dumps(str(error)))
""")
    assert answer == "times must be 2 or more and warmup 0 or more, not 1 and 2"


def test_new_objects_are_those_of_the_program() -> None:
    """The first snapshot, what was asked of it and what it is made with count for nothing."""
    names, n, growing = result("""
s1 = tonnage.snapshot()
repr(s1), len(s1), s1.facts, s1[id(CACHE)].children, s1.where("type:Session")
CACHE.extend(Session() for _ in range(1000))
d = tonnage.snapshot() - s1
names = {row["type"]: row["count"] for row in d.summary(limit=0)}
diff = tonnage.snapshot().diff(s1)
print(json.dumps([names, len(d.where("type:Session")), [row["path"] for row in diff.growing]]))
""")
    assert n == names["__main__.Session"] == 1000
    assert names["list"] == 1000
    assert not [name for name in names if name.startswith("tonnage")]
    assert sum(names.values()) <= 2000 + 400, names  # names and numbers that loading the reader has made
    assert growing[0] == "__main__.CACHE"


def test_snapshots_are_compared_from_several_threads_in_either_order() -> None:
    assert result("""
import threading
a = tonnage.snapshot(); CACHE.append(Session()); b = tonnage.snapshot()
found = []
def work(new, old):
    for _ in range(20):
        found.append(len((new - old).where("type:Session")))
threads = [threading.Thread(target=work, args=pair) for pair in ((a, b), (b, a), (a, b), (b, a))]
for t in threads: t.start()
for t in threads: t.join()
print(json.dumps([len(found), sorted(set(found))]))
""") == [80, [0, 1]]
