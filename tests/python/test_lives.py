"""Instances followed from birth to death, by the engine's own calls: in processes of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

BEGIN = """
import struct, sys
from tonnage import _capture as c

class A:
    def __init__(self, a=0): self.a = a

def alive():
    rows = {}
    names = {k[0]: k[3] for k in c.lives_kinds()}
    for block, birth, serial, stack, kind, before in struct.iter_unpack("<QQQIHH", c.lives()):
        if kind in names:  # the others are types, whose deaths are watched
            rows[block + before] = (names[kind], serial)
    return rows

def sums():
    found = {}
    for kind, type_, rule, name, born, died, morphed, ns, ages, made, single, over in c.lives_kinds():
        assert sum(ages) == died and morphed <= died <= born
        found[name] = (born, died, morphed)
    return found
"""


def run(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", BEGIN + program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_births_and_deaths_are_all_seen() -> None:
    run("""
c.follow_class(A)
kept = [A(i) for i in range(1000)]
assert {id(x) for x in kept} == set(alive())
assert sorted(serial for _, serial in alive().values()) == [alive()[id(x)][1] for x in kept]
gone = [id(x) for x in kept[::2]]
del kept[::2]
assert {id(x) for x in kept} == set(alive())
assert sums() == {"A": (1000, 500, 0)}
assert {row[3] for row in c.lives_deaths()} >= set(gone) - {id(x) for x in kept}
assert len(c.lives_deaths()) == 500
loop = [A(), A()]
loop[0].other, loop[1].other = loop
del loop
import gc; gc.collect()
assert sums() == {"A": (1002, 502, 0)}
""")


@pytest.mark.parametrize(
    "made",
    [
        "A.__new__(A)",
        "object.__new__(A)",
        "copy.copy(A())",
        "pickle.loads(pickle.dumps(A()))",
        "Slots()",
        "NoWeakref()",
        "Tuple((1, 2))",
        "Int(5)",
        "Dict(a=1)",
        "Error('x')",
        "Data(1)",
        "Named(1, 2)",
        "Meta()",
        "MetaWithNew()",
        "Abstract()",
        "Later()",
        "LaterMeta()",
    ],
)
def test_however_it_is_made(made: str) -> None:
    run(f"""
import abc, collections, copy, dataclasses, pickle
class Slots: __slots__ = ("x",)
class NoWeakref: __slots__ = ("__dict__",)
class Tuple(tuple): pass
class Int(int): pass
class Dict(dict): pass
class Error(Exception): pass
@dataclasses.dataclass
class Data: x: int
class Named(collections.namedtuple("Named", "x y")): pass
class M(type): pass
class MNew(type):
    def __new__(meta, *a): return super().__new__(meta, *a)
class Meta(metaclass=M): pass
class MetaWithNew(metaclass=MNew): pass
class Abstract(abc.ABC): pass
for class_ in (A, Slots, NoWeakref, Tuple, Int, Dict, Error, Data, Named, Meta, MetaWithNew, Abstract):
    c.follow_class(class_)
class Later(A, abc.ABC): pass
class LaterMeta(A, metaclass=MNew): pass
for i in range(100):  # specialised code sees it, too
    x = {made}
    assert alive().get(id(x), [0])[0].split(".")[-1] == type(x).__name__, (alive(), id(x))
name = alive()[id(x)][0]
born, died, _ = sums()[name]
before = born - died
del x
born, died, _ = sums()[name]
assert before - (born - died) == 1 and born - died == 0
""")


def test_what_is_not_followed() -> None:
    run("""
class Other: pass
class Parent: pass
class Child(Parent): pass
c.follow_class(Child)
before = [A(), Other(), Parent(), Child()]
assert list(alive()) == [id(before[-1])]
c.follow_no_class(Child)
assert not alive() and sums() == {"Child": (1, 0, 0)}
later = Child()
assert not alive()
""")


def test_the_most_derived_rule_wins() -> None:
    run("""
class B(A): pass
class C(B): pass
c.follow_class(A)
c.follow_class(B)
x, y = B(), C()
rules = {row[3]: row[2] for row in c.lives_kinds()}
assert rules == {"A": id(A), "B": id(B), "C": id(B)}
c.follow_no_class(B)
rules = {row[3]: row[2] for row in c.lives_kinds()}
assert rules == {"A": id(A), "B": id(A), "C": id(A)} and len(alive()) == 2
c.follow_no_class(A)
assert not alive()
""")


def test_one_object() -> None:
    run("""
x, y = A(), [1, 2]
first = c.follow_object(x)
assert c.follow_object(x) == first and c.follow_object(y) == first + 1
assert set(alive()) == {id(x), id(y)}
c.follow_no_object(y)
del y
z = A()
assert set(alive()) == {id(x)}
del x
assert not alive() and sums()["A"] == (1, 1, 0)
""")


def test_another_class_by_the_time_it_dies() -> None:
    run("""
class B(A): pass
c.follow_class(A)
x, y = A(), A()
x.__class__ = B
del x, y
assert sums() == {"A": (2, 2, 1)}
""")


def test_a_derived_class_that_dies_is_forgotten() -> None:
    run("""
import gc
def make(base):
    class Local(base): pass
    return Local
c.follow_class(A)
Local = make(A)
x = Local()
del x, Local
gc.collect()
assert sums() == {"A": (0, 0, 0), "Local": (1, 1, 0)}
assert c.lives_kinds()[1][1] == 0
for _ in range(50):  # one of them has its memory
    Local = make(object)
    x = Local()
    assert not alive()
    del x, Local
    gc.collect()
""")


@pytest.mark.parametrize("how", ["metaclass", "metaclass no more", "object", "object no more"])
def test_a_class_that_is_followed_itself_dies(how: str) -> None:
    run(f"""
import gc
how = {how!r}
class Meta(type): pass
class Other: pass
if how.startswith("metaclass"): c.follow_class(Meta)
c.follow_class(A)
Local = Meta("Local", (A,), {{}})
if how.startswith("object"): c.follow_object(Local)
Local()
assert id(Local) in [row[1] for row in c.lives_kinds()]
if how == "metaclass no more": c.follow_no_class(Meta)
if how == "object no more": c.follow_no_object(Local)
names = {{name for name, _ in alive().values()}}
assert ("Meta" in names) == (not how.endswith("no more")), names
del Local
gc.collect()
assert [row[1] for row in c.lives_kinds() if row[3] == "Local"] == [0]
assert not alive()
c.follow_class(Other)  # all that have a kind are looked at
""")


def test_a_followed_class_stays() -> None:
    run("""
import gc, weakref
class B: pass
there = weakref.ref(B)
c.follow_class(B)
del B
gc.collect()
x = there()()
assert set(alive()) == {id(x)}
del x
c.follow_no_class(there())
gc.collect()
assert there() is None
""")


def test_classes_are_as_they_were() -> None:
    run("""
import inspect, pickle
class Plain:
    "doc"
    def __init__(self, a, b=2): pass
def seen(k):
    return (str(inspect.signature(k)), dict(vars(k)), k.__mro__, k.__basicsize__, k.__flags__ & ~(1 << 19),
            k.__doc__, k.__new__ is object.__new__, type.__new__, k.__subclasses__())
before = seen(Plain)
c.follow_class(Plain)
assert seen(Plain) == before
c.follow_no_class(Plain)
assert seen(Plain) == before
""")


def test_threads_and_forks() -> None:
    run("""
import os, threading
c.follow_class(A)
def churn():
    for _ in range(20000): A()
threads = [threading.Thread(target=churn) for _ in range(8)]
for t in threads: t.start()
for t in threads: t.join()
assert sums() == {"A": (160000, 160000, 0)} and not alive()
x = A()
pid = os.fork()
if pid == 0:
    del x
    y = A()
    os._exit(0 if sums()["A"] == (160002, 160001, 0) and set(alive()) == {id(y)} else 1)
assert os.waitpid(pid, 0)[1] == 0 and set(alive()) == {id(x)}
""")


@pytest.mark.parametrize("own", [False, True], ids=["shared lock", "own lock"])
def test_what_other_interpreters_make_is_not_followed(own: bool) -> None:
    if own and sys.version_info < (3, 12):
        pytest.skip("interpreters with a lock of their own came with 3.12")
    run(f"""
import threading
try: import _interpreters as them
except ImportError: import _xxsubinterpreters as them
if sys.version_info < (3, 12): other = them.create()
elif sys.version_info < (3, 13): other = them.create(isolated={own})
else: other = them.create("isolated" if {own} else "legacy")
c.follow_class(A)
c.follow_class(dict)
failures = []
work = '''if True:
    for i in range(2000):
        class Dict(dict): pass
        class A(Dict): pass
        kept = [A(), Dict(), dict(a=i)]
'''
thread = threading.Thread(target=lambda: failures.append(them.run_string(other, work)))
thread.start()
kept = []
for i in range(2000):
    class B(A): pass
    kept.append(B())
thread.join()
assert failures == [None]
assert {{row[3] for row in c.lives_kinds()}} == {{"A", "B", "dict"}}
assert {{id(x) for x in kept}} <= set(alive())
assert sum(row[4] for row in c.lives_kinds() if row[3] == "B") == 2000
kept.clear()
them.destroy(other)
""")


@pytest.mark.parametrize("allocator", ["malloc", "debug", "malloc_debug"])
def test_other_allocators(allocator: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + "c.follow_class(A)\nx = [A() for _ in range(10)]\ndel x[:5]\n"
         "assert sums() == {'A': (10, 5, 0)} and set(alive()) == set(map(id, x))"],
        env={"PYTHONMALLOC": allocator}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_beside_the_recorder_and_tracemalloc() -> None:
    run("""
import tracemalloc
from tonnage import trace
tracemalloc.start()
c.follow_class(A)
trace.start()
x = [A() for _ in range(10)]
trace.stop()
del x[:5]
tracemalloc.stop()  # puts back what it found: without us
del x[0]
assert sums() == {"A": (10, 5, 0)} and c.lives_cost()[3] == 1 and not alive()
y = A()
del y
assert sums() == {"A": (11, 6, 0)}
""")


def test_what_is_no_class() -> None:
    run("""
for bad in (5, A(), None):
    try: c.follow_class(bad)
    except TypeError as e: assert "a class is needed" in str(e)
    else: assert False
""")
