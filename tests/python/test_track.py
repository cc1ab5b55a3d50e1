"""Tracked classes: what was planted is told exactly. In processes of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import tonnage

BEGIN = """
import gc, os, sys, tonnage
from tonnage import Tracker

class Node:
    def __init__(self, n=0): self.data = bytes(n)

def kinds(t):
    return {k.name.split(".")[-1]: k for k in t.history().kinds}

def last(t):
    moment = t.history().moments[-1]
    names = [k.name.split(".")[-1] for k in t.history().kinds]
    return moment, {names[kind]: row for kind, row in moment.kinds.items()}

def sizes(t):
    "Flat size, part, what it retains, and its tree, of each instance by its address."
    h = t.history()
    return {h.instances[serial].address: row for serial, row in h.moments[-1].instances.items()}

def near(size, planted):
    return planted <= size < planted + 8192  # a block of its own has whole pages
"""


def run(program: str, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, *options, "-c", BEGIN + program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_births_deaths_and_sizes_are_those_that_were_planted() -> None:
    run("""
t = Tracker()
t.track_class(Node)
before = Node(10)
nodes = [Node(100_000 * (i + 1)) for i in range(5)]
t.create_snapshot("first")
moment, rows = last(t)
assert rows["Node"][0] == 6 and 1_500_000 <= rows["Node"][1] < 1_550_000
found = sizes(t)
assert set(found) == {id(x) for x in (before, *nodes)}
for i, x in enumerate(nodes):
    flat, part, retained, tree = found[id(x)]
    assert flat < 512 and near(part, 100_000 * (i + 1)) and part == retained and tree == ()
gone = [id(x) for x in nodes[:2]]
del nodes[:2], x
t.create_snapshot("second", compute_total=True)
moment, rows = last(t)
assert rows["Node"][0] == 4 and 1_200_000 <= rows["Node"][1] < 1_250_000
assert moment.tracked_bytes == rows["Node"][1] and moment.shared_bytes == moment.shared_count == 0
assert moment.heap_count > 1000 and moment.heap_bytes > moment.tracked_bytes
assert [m.description for m in t.history().moments] == ["first", "second"]
kind = kinds(t)["Node"]
assert (kind.born, kind.died, kind.found, kind.morphed, sum(kind.ages)) == (6, 2, 0, 0, 2)
dead = [one for one in t.history().instances.values() if one.death_ns is not None]
assert [one.address for one in dead] == gone and all(one.birth_ns <= one.death_ns for one in dead)
assert t.history().moments[0].pause_ns > 0
""")


def test_what_is_shared_belongs_to_nobody() -> None:
    run("""
class A: pass
t = Tracker()
a, b = A(), A()
t.track_object(a, name="a")
t.track_object(b, name="b")
b.content = [bytes(100_000), bytes(100_000)]
t.create_snapshot()
found = sizes(t)
assert found[id(a)][1] < 1000 and near(found[id(b)][1], 200_000)
a.notmine = b.content
t.create_snapshot()
found, (moment, rows) = sizes(t), last(t)
assert found[id(a)][1] < 1000 and found[id(b)][1] < 1000
assert near(moment.shared_bytes, 200_000) and moment.shared_count == 3
assert moment.tracked_bytes == rows["A"][1] + moment.shared_bytes == rows["A"][3]
keeper = b.content  # what somebody else holds is not the tracked ones'
t.create_snapshot()
assert last(t)[0].shared_bytes == last(t)[0].shared_count == 0
h = t.history()
assert [i.label for i in h.instances.values()] == ["a", "b"] and all(i.found for i in h.instances.values())
assert h.kinds[0].found == 2 and h.kinds[0].born == 0
""")


def test_a_tracked_object_inside_another_is_counted_once() -> None:
    run("""
class Box: pass
t = Tracker()
t.track_class(Node)
t.track_class(Box)
outer = Box(); outer.own = bytes(50_000)
outer.inside = [Node(100_000), Box()]
outer.inside[1].deep = Node(200_000)
t.create_snapshot()
moment, rows = last(t)
assert near(rows["Node"][1], 300_000) and near(rows["Box"][1], 50_000)
found = sizes(t)
flat, part, retained, _ = found[id(outer)]
assert near(part, 50_000) and near(retained, 350_000)
assert sum(row[1] for row in found.values()) == moment.tracked_bytes == retained
assert near(rows["Box"][3], 350_000) and near(rows["Node"][3], 300_000)
""")


def test_the_most_specialised_rule_wins_and_parents_are_known() -> None:
    run("""
class Base: pass
class Middle(Base): pass
class Leaf(Middle): pass
t = Tracker()
t.track_class(Base, name="base", resolution_level=0)
t.track_class(Middle, name="middle", resolution_level=1)
kept = [Base(), Middle(), Leaf()]
for x in kept: x.value = bytes(1000)
t.create_snapshot()
h, by = t.history(), kinds(t)
assert [h.rules[by[n].rule].label for n in ("Base", "Middle", "Leaf")] == ["base", "middle", "middle"]
assert [[h.kinds[i].name.split(".")[-1] for i in by[n].bases] for n in ("Base", "Middle", "Leaf")] == [
    [], ["Base"], ["Middle", "Base"]]
trees = {name: bool(sizes(t)[id(x)][3]) for name, x in zip(("Base", "Middle", "Leaf"), kept)}
assert trees == {"Base": False, "Middle": True, "Leaf": True}
alone = Tracker()
alone.track_class(Middle, subclasses=False)
a, b, c = Base(), Middle(), Leaf()
alone.create_snapshot()
assert set(sizes(alone)) == {id(b)} and set(kinds(alone)) == {"Middle"}
assert kinds(t)["Leaf"].born == 2
""")


def test_another_class_by_now() -> None:
    run("""
class Other: pass
t = Tracker()
t.track_class(Node)
a, b, c = Node(), Node(), Node()
a.__class__ = Other
t.create_snapshot()
by = {one.address: one for one in t.history().instances.values()}
assert by[id(a)].morphed_to.endswith("Other") and by[id(b)].morphed_to is None
serials = by[id(a)].serial, by[id(b)].serial, by[id(c)].serial
b.__class__ = Other
del a, b, c
one, two, three = (t.history().instances[s] for s in serials)
assert one.morphed_to.endswith("Other") and two.morphed_to == "unknown" and three.morphed_to is None
assert (kinds(t)["Node"].died, kinds(t)["Node"].morphed) == (3, 2)
""")


def test_any_class_may_be_tracked() -> None:
    run("""
import dataclasses, enum
class Strange(type):
    __hash__ = None
    def __eq__(self, other): raise RuntimeError
    def __getattribute__(self, name): raise RuntimeError(name)
    def __bool__(self): raise RuntimeError
    def __instancecheck__(self, x): raise RuntimeError
    def __len__(self): raise RuntimeError
class Hard(metaclass=Strange): pass
class Slots: __slots__ = ("x",)
class NoWeakref: __slots__ = ("__dict__",)
class Int(int): pass
class Tuple(tuple): pass
class Error(Exception): pass
@dataclasses.dataclass(slots=True)
class Data: x: int
class Rude:
    def __getattribute__(self, name): raise RuntimeError
    def __eq__(self, other): raise RuntimeError
    def __repr__(self): raise RuntimeError
    __hash__ = None
makers = [Slots, NoWeakref, lambda: Int(7 ** 50), lambda: Tuple((1, 2)), Error, lambda: Data(1), Rude, Hard]
t = Tracker()
for cls in (Slots, NoWeakref, Int, Tuple, Error, Data, Rude, Hard): t.track_class(cls, keep=True)
made = [make() for make in makers]
t.create_snapshot()
assert set(sizes(t)) == set(map(id, made)), (sizes(t), list(map(id, made)))
assert all(row[1] >= row[0] > 0 for row in sizes(t).values())
del made[:], t
s = Tracker()
one = [{"a": 1}, [1, 2], "text " * 3, {1, 2}, range(5, 9), lambda: 0, Slots]
for x in one: s.track_object(x)
s.create_snapshot()
assert set(sizes(s)) == set(map(id, one))
""")


def test_trackers_know_their_own_only() -> None:
    run("""
first, second = Tracker(), Tracker()
first.track_class(Node)
old = [Node() for _ in range(3)]
second.track_class(Node)
second.track_object(old[0])
new = [Node() for _ in range(2)]
first.detach_class(Node)
later = [Node() for _ in range(4)]
counts = lambda t: (kinds(t)["Node"].born, kinds(t)["Node"].found, kinds(t)["Node"].died)
assert counts(first) == (5, 0, 0) and counts(second) == (6, 1, 0)
first.create_snapshot(); second.create_snapshot()
assert set(sizes(first)) == set(map(id, old + new))
assert set(sizes(second)) == set(map(id, [old[0], *new, *later]))
del old[0], new[0], later[0]
assert counts(first) == (5, 0, 2) and counts(second) == (6, 1, 3)
first.close()
assert first.closed and counts(first) == (5, 0, 2)
del old[:], new[:], later[:]
assert counts(first) == (5, 0, 2) and counts(second) == (6, 1, 7)
second.close()
x = Node()
from tonnage import _capture
assert _capture.lives_cost()[0] <= 1  # the class itself
""")


def test_an_object_outlives_the_tracking_of_its_class() -> None:
    run("""
from tonnage import _capture
first, second, third = Tracker(), Tracker(), Tracker()
first.track_class(Node)
x, y = Node(), Node()
second.track_object(x)
third.track_class(Node)
first.close()
assert "Node" not in kinds(third)
z = Node()
serials = [set(t.history().instances) for t in (second, third)]
assert [len(s) for s in serials] == [1, 1] and serials[0] != serials[1]
second.detach_object(x)
third.close()
assert _capture.lives_cost()[0] <= 1  # the class itself
second.track_object(x)
del x
assert (kinds(second)["Node"].found, kinds(second)["Node"].died) == (2, 1)
""")


def test_a_tracker_that_is_dropped_is_closed() -> None:
    run("""
from tonnage import _capture
for i in range(5000):  # more than there are kinds of the engine
    t = Tracker()
    t.track_class(Node)
    x = Node()
    if i % 1000 == 0: assert kinds(t)["Node"].born == 1
del t, x
assert _capture.lives_cost()[0] <= 1  # the class itself
assert not [row for row in _capture.lives_kinds() if row[4] > row[5]]
""")


def test_detached_objects_changes_and_what_is_wrong() -> None:
    run("""
t = Tracker()
t.track_class(Node, name="n")
a, b = Node(), [bytes(50_000)]
t.track_object(b)
t.track_object(a, name="special", resolution_level=1)
t.track_change(b, resolution_level=1, name="list")
t.create_snapshot()
assert sizes(t)[id(a)][3] and sizes(t)[id(b)][3]
(depth, label, kind, size, more), below = sizes(t)[id(b)][3]
assert (depth, label, kind, more) == (0, "", "list", 0) and near(size, 50_000)
assert below[:3] == (1, "[0]", "bytes") and near(below[3], 50_000)
t.track_change(Node, resolution_level=2)
assert {one.label for one in t.history().instances.values()} == {"special", "list"}
t.detach_object(b)
t.detach_object(a)  # an instance of the class all the same
t.create_snapshot()
assert set(sizes(t)) == {id(a)} and sizes(t)[id(a)][3]
def refused(error, call, *args, **keywords):
    try: call(*args, **keywords)
    except error as e: return str(e)
    raise AssertionError(call)
assert "not tracked" in refused(tonnage.NotFoundError, t.detach_object, b)
assert "not tracked" in refused(tonnage.NotFoundError, t.detach_class, int)
assert "not tracked" in refused(tonnage.NotFoundError, t.track_change, b, keep=True)
assert "track_object() tracks an object" in refused(TypeError, t.track_class, b)
assert "0 to 100" in refused(tonnage.ArgumentError, t.track_class, Node, resolution_level=-1)
refused(TypeError, t.track_object, b, resolution_level="2")
t.detach_all()
Node()
t.create_snapshot()
assert t.history().moments[-1].tracked_bytes == 0 and len(t.history().moments) == 3
t.clear()
assert t.history().moments == [] and t.history().kinds == []
t.track_class(Node)
with t: x = Node()
assert "closed" in refused(tonnage.ArgumentError, t.track_class, Node)
assert "closed" in refused(tonnage.ArgumentError, t.create_snapshot)
assert kinds(t)["Node"].born == 1 and t.history().stopped_ns is not None
""")


def test_with_keep_no_dead_one_is_forgotten() -> None:
    run("""
t, u = Tracker(), Tracker()
t.track_class(Node, keep=True)
u.track_class(Node)
for _ in range(20_000): Node()
assert len(t.history().instances) == 20_000
assert kinds(u)["Node"].died == 20_000 and len(u.history().instances) == 8192
assert sorted(t.history().instances)[-8192:] == sorted(u.history().instances)
""")


def test_a_server_may_track_an_object_of_each_request() -> None:
    run("""
t = Tracker()
t.track_class(Node, name="all")
for i in range(20_000):
    one = Node() if i % 2 else {i}
    t.track_object(one, name=f"request {i}", resolution_level=i % 3)
h = t.history()
assert len(h.rules) == 1 + 3
assert len(t._state.labels) == len(t._state.special) == 1
assert [one.label for one in list(h.instances.values())[-3:]] == [f"request {i}" for i in range(19_997, 20_000)]
t.track_object(one)
assert list(t.history().instances.values())[-1].label is None
t.track_change(one, name="again", keep=True)
t.track_change(one, resolution_level=5)
assert list(t.history().instances.values())[-1].label == "again"
t.detach_object(one)
assert list(t.history().instances.values())[-1].label == "all"
assert not t._state.labels and len(t.history().rules) <= 1 + 5
""")


def test_an_object_tracked_by_itself_changes_nothing_for_its_class() -> None:
    run("""
t = Tracker()
before = Node()
t.track_class(Node, name="all")
after = Node()
t.track_object(before, name="one", resolution_level=3, keep=True)
h = t.history()
(kind,) = h.kinds
assert (h.rules[kind.rule].label, h.rules[kind.rule].resolution_level) == ("all", 0)
assert [one.label for one in h.instances.values()] == ["all", "one"]
t.track_change(Node, name="each")
assert t.history().rules[kind.rule].label == "each"
del before, after
h = t.history()
assert [one.label for one in h.instances.values()] == ["each", "one"]
assert all(one.death_ns for one in h.instances.values())
""")


def test_sizes_along_what_is_referred_to_add_up() -> None:
    run("""
common = bytes(70_000)
class Tree: pass
t = Tracker()
t.track_class(Tree, resolution_level=2)
x = Tree()
x.left = [bytes(10_000), [bytes(20_000)]]
x.right = {"k": bytes(40_000)}
x.both = x.left[1]
x.left.append(bytes(30_000))
x.right["z"] = x.left[2]
x.common = common
x.child = Tree(); x.child.data = bytes(80_000)
x.many = [bytes(i) for i in range(1000, 1300)]
t.create_snapshot()
flat, part, retained, tree = sizes(t)[id(x)]
rows = {row[1]: row for row in tree if row[0] == 1}
assert near(rows[".left"][3], 10_000) and near(rows[".right"][3], 40_000)
assert near(rows[".both"][3], 20_000)
assert rows[".common"][3] == rows[".child"][3] == 0
assert rows[".many"][4] == 200 and 1 < rows[".many"][3] / sum(range(1000, 1300)) < 1.1
assert tree[0][3] == part and near(retained - part, 80_000)
held = sum(row[3] for row in rows.values())
assert near(part - flat - held, 30_000)  # what two of its parts hold is in neither
assert any(row[:3] == (2, "['k']", "bytes") and near(row[3], 40_000) for row in tree), tree
assert not any(row[0] > 2 for row in tree)
""")


def test_who_made_it() -> None:
    run("""
def maker(): return Node()
t, u = Tracker(), Tracker()
t.track_class(Node, trace=True)
u.track_class(Node)
x = maker()
one = next(iter(t.history().instances.values()))
assert [f[2] for f in one.stack][:2] == ["maker", "<module>"] and one.stack[0][1] == maker.__code__.co_firstlineno
y = maker()
del x
assert all(i.stack for i in t.history().instances.values())
""")


def test_classes_look_and_behave_as_before() -> None:
    run("""
import inspect, pickle
class Plain:
    "doc"
    def __init__(self, a, b=2): self.a = a
def seen():
    return (str(inspect.signature(Plain)), dict(vars(Plain)), Plain.__mro__, Plain.__doc__,
            Plain.__new__ is object.__new__, Plain.__subclasses__(), type.__new__, sys.getsizeof(Plain))
pickle.dumps(Plain(0))  # leaves __slotnames__
before = seen()
t = Tracker()
t.track_class(Plain, trace=True, keep=True)
assert seen() == before
x = pickle.loads(pickle.dumps(Plain(1)))
assert x.a == 1 and kinds(t)["Plain"].born == 2
try: Plain()
except TypeError: pass
t.close()
assert seen() == before
""")


def test_threads_and_forks() -> None:
    run("""
import threading
t = Tracker()
t.track_class(Node)
def churn():
    kept = []
    for i in range(3000):
        kept.append(Node())
        if i % 3: kept.pop()
    alive.extend(kept)
alive = []
threads = [threading.Thread(target=churn) for _ in range(6)]
for one in threads: one.start()
while any(one.is_alive() for one in threads):
    t.create_snapshot()
for one in threads: one.join()
assert (kinds(t)["Node"].born, kinds(t)["Node"].died) == (18000, 12000)
t.create_snapshot()
assert set(sizes(t)) == set(map(id, alive))
for moment in t.history().moments:
    for active, n_bytes, flat, retained in moment.kinds.values():
        assert active == len(moment.instances)  # who was alive in the pause stands in the snapshot
pid = os.fork()
if pid == 0:
    more = [Node() for _ in range(10)]
    t.create_snapshot("child")
    os._exit(0 if set(sizes(t)) == set(map(id, alive + more)) else 1)
assert os.waitpid(pid, 0)[1] == 0
assert kinds(t)["Node"].born == 18000
""")


@pytest.mark.parametrize("mode", ["stop", "fork"])
def test_sizes_are_of_one_moment(mode: str) -> None:
    """While another thread moves data between two instances."""
    run(f"""
import threading
from tonnage._take import defaults
defaults.mode = {mode!r}
class Bin: pass
t = Tracker()
t.track_class(Bin)
a, b = Bin(), Bin()
a.data, b.data = bytes(1_000_000), None
go = True
def shift():
    while go: a.__dict__, b.__dict__ = b.__dict__, a.__dict__
mover = threading.Thread(target=shift)
mover.start()
for _ in range(5): t.create_snapshot()
go = False
mover.join()
for moment in t.history().moments:
    assert near(moment.tracked_bytes, 1_000_000), moment.tracked_bytes
""")


def test_periodic_snapshots_also_of_nothing() -> None:
    run("""
from tonnage import _helper
t = Tracker()
t.start_periodic_snapshots(3600)
assert _helper.is_scheduled(t._periodic._task)
t._periodic._run()
t.track_class(Node)
x = Node(100_000)
t._periodic._run()
first, second = t.history().moments
assert first.rss > 1_000_000 and first.kinds == {} and first.pause_ns == 0 and second.pause_ns > 0
assert near(second.tracked_bytes, 100_000)
task = t._periodic._task
t.stop_periodic_snapshots()
assert not _helper.is_scheduled(task)
t.stop_periodic_snapshots()
try: t.start_periodic_snapshots(0)
except ValueError: pass
else: assert False
""")


def test_the_functions_of_the_module_have_one_tracker() -> None:
    out = run("""
assert "tonnage.track" not in sys.modules
tonnage.track.track_class(Node)
x = Node(300_000)
tonnage.track.create_snapshot("only")
tonnage.track.stats.print_summary()
with tonnage.Tracker() as other: pass
assert other.history().moments == [] and len(tonnage.track.history().moments) == 1
""")
    assert "__main__.Node" in out and "296.3 KiB" in out


def test_old_sizes_are_thinned() -> None:
    run("""
from tonnage import _tracker
_tracker._ROWS_KEPT = 10
t = Tracker()
t.track_class(Node)
x = [Node() for _ in range(4)]
for _ in range(4):
    t.create_snapshot()
    t.history()
moments = t.history().moments
assert [len(m.instances) for m in moments] == [0, 0, 4, 4] and [m.more for m in moments] == [4, 4, 0, 0]
assert [m.kinds[0][0] for m in moments] == [4] * 4
""")


def test_memory_of_the_process_alone_from_outside(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tonnage", "run", "--track-every", "1h", "--no-at-exit", "-o", "a.tonnage", "-c", "1"],
        capture_output=True, text=True, cwd=tmp_path, check=True,
    )  # fmt: skip
    assert "never" not in done.stderr
    with tonnage.load(tmp_path / "a.tonnage") as snapshot:
        (moment,) = snapshot.tracked().snapshots
    assert moment["classes"] == [] and moment["rss"] > 1_000_000


MODELS = """
import collections, dataclasses
@dataclasses.dataclass(slots=True)
class Session:
    x: int
first = Session(1)
Point = collections.namedtuple("Point", "x y")
class Outer:
    class Inner: pass
kept = [Outer.Inner() for _ in range(3)]
"""
PROGRAM = """
class Node: pass
nodes = [Node() for _ in range(10)]
import models
more = [models.Session(i) for i in range(5)]
del more[3:]
point = models.Point(1, 2)
"""


@pytest.mark.parametrize("options", [["-o", "a.tonnage"], ["-o", "a.tonnage", "--no-at-exit"]])
def test_by_name_from_outside(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "app.py").write_text(PROGRAM)
    names = ["--track", "models.Session,models.Point,__main__.Node"]
    names += ["--track", "models.Outer.Inner", "--track", "no.One"]
    done = subprocess.run(
        [sys.executable, "-m", "tonnage", "run", *names, "--track-every", "1h", *options, "app.py"],
        capture_output=True, text=True, cwd=tmp_path, check=True,
    )  # fmt: skip
    assert "there was never a class no.One" in done.stderr and done.stderr.count("never") == 1
    with tonnage.load(tmp_path / "a.tonnage") as snapshot:
        rows = {row["class"]: (row["born"], row["died"]) for row in snapshot.tracked().classes}
    assert rows == {
        "__main__.Node": (10, 0), "models.Session": (6, 2), "models.Outer.Inner": (3, 0), "models.Point": (1, 0),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["Node", "a b.c", "x.1", ","])
def test_what_is_no_name_of_a_class(name: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tonnage", "run", "--track", name, "-c", "1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "--track" in done.stderr and len(done.stderr.splitlines()) == 1


def test_by_the_environment(tmp_path: Path) -> None:
    program = "import tonnage\nclass A: pass\nx = A()\nprint(tonnage.track.history().kinds[0].born)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True,
        env={"TONNAGE_TRACK": "__main__.A", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.stdout == "1\n" and "tracks instances in process" in done.stderr


def test_what_is_written_of_them_is_no_part_of_the_program(tmp_path: Path) -> None:
    program = "class Node: pass\nnodes = [Node() for _ in range(5000)]\nimport tonnage\ntonnage.track.create_snapshot()"
    (tmp_path / "app.py").write_text(program)
    words = ["run", "--track", "__main__.Node", "--track-every", "1h", "--mode", "stop", "-o", "a.tonnage", "app.py"]
    subprocess.run([sys.executable, "-m", "tonnage", *words], capture_output=True, cwd=tmp_path, check=True)
    with tonnage.load(tmp_path / "a.tonnage") as snapshot:
        assert snapshot.tracked().classes[0]["born"] == 5000
        largest = snapshot.largest(where="type:bytes", limit=1).rows
    assert largest[0]["size"] < 100_000
