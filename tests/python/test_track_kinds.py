"""Kinds of tracked classes: without end, of the same name, tracked again; and the end of the interpreter."""

from __future__ import annotations

import subprocess
import sys

from test_track import BEGIN, run


def test_trackings_and_types_without_end() -> None:
    """More than there are kinds of the engine: those that are over leave their sums."""
    run("""
import warnings
warnings.simplefilter("error")
t, other = Tracker(), Tracker()
other.track_class(Node)
for i in range(5000):
    t.track_class(Node)
    Node()
    t.detach_class(Node)
assert (kinds(t)["Node"].born, kinds(t)["Node"].died) == (5000, 5000)
assert (kinds(other)["Node"].born, kinds(other)["Node"].died) == (5000, 5000)
t.track_class(Node)
for i in range(6000):
    type("Derived", (Node,), {})()
    if i % 1000 == 0:
        t.create_snapshot()
        t.history()
assert sum(k.born for k in t.history().kinds) == sum(k.died for k in t.history().kinds) == 11000
""")


def test_types_that_were_not_seen_are_told() -> None:
    run("""
import warnings
t = Tracker()
t.track_class(Node)
for i in range(5000): type("Derived", (Node,), {})()
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    assert sum(k.born for k in t.history().kinds) < 5000
    t.history()
assert [w.category for w in told] == [RuntimeWarning] and "were not seen" in str(told[0].message)
""")


def test_what_is_known_stays_when_a_class_is_tracked_again() -> None:
    run("""
t = Tracker()
for n in (3, 2, 4):
    t.track_class(Node)
    for _ in range(n): Node()
    t.detach_all()
assert [(k.born, k.died) for k in t.history().kinds] == [(9, 9)]
assert len(t.history().instances) == 9
""")


def test_names_that_several_classes_have_and_classes_of_no_module() -> None:
    run("""
from collections import namedtuple
class Point(namedtuple("Point", "x y")): pass
there = {"__builtins__": __builtins__, "Node": Node}
exec("Lost = type('Lost', (), {}); Found = type('Found', (Node,), {})", there)
t = Tracker()
for cls in (Point, Point.__base__, there["Lost"], Node): t.track_class(cls)
x = Point(1, 2), Point.__base__(3, 4), there["Lost"](), there["Found"](), Node()
h = t.history()
names = [(k.name, [h.kinds[base].name for base in k.bases]) for k in h.kinds]
assert sorted(names) == [("Found", ["__main__.Node"]), ("Lost", []), ("__main__.Node", []), ("__main__.Point", []),
                         ("__main__.Point", ["__main__.Point"])], names
t.create_snapshot()
assert t.stats.tracked_classes == ["Found", "Lost", "__main__.Node", "__main__.Point", "__main__.Point"]
""")


def test_a_tracker_that_outlives_its_module_ends_without_a_word() -> None:
    program = "sys.kept = [sys.modules[name] for name in ('__main__', 'tonnage._tracker')]\n_t = Tracker()"
    done = subprocess.run([sys.executable, "-c", BEGIN + program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_each_word_of_a_type_is_as_it_was_when_nothing_is_tracked() -> None:
    """All slots of all types, but for those that show the interpreter's own caches: versions, subclasses."""
    run("""
import ctypes, enum, struct
FREE = {0, 21, 45}  # ob_refcnt, tp_flags (whether there is a version), tp_subclasses
WORDS = 48  # up to tp_version_tag
class Meta(type): pass
class A(Node, metaclass=Meta): pass
class E(enum.Enum): X = 1
def types(cls, found):
    if id(cls) not in found:
        found[id(cls)] = cls
        for sub in type.__subclasses__(cls): types(sub, found)
    return found
def words(cls): return struct.unpack(f"{WORDS}Q", ctypes.string_at(id(cls), 8 * WORDS))
def changed(): return {
    (cls.__name__, 8 * n) for at, cls in before_types.items() for n, word in enumerate(words(cls))
    if word != before[at][n] and n not in FREE}
Tracker().track_class(Node)  # what is made once is there
before_types = types(object, {})
before = {at: words(cls) for at, cls in before_types.items()}
t, other = Tracker(), Tracker()
for cls in (Node, A, E, object, type, dict, int, ValueError, tuple): t.track_class(cls, trace=True)
other.track_class(Node)
class Later(A): pass
x = Node(), A(), Later()
t.track_object(x[0])
t.create_snapshot()
assert changed() or sys.version_info >= (3, 13)  # births are told there
t.close()
other.detach_all()
del x
assert not changed(), changed()
assert words(Later)[38:40] == before[id(A)][38:40]  # tp_alloc, tp_new
""")


def test_sizes_have_no_depth() -> None:
    """Pympler's are cut at 100."""
    run("""
t = Tracker()
t.track_class(Node)
x = Node()
x.below = under = []
for _ in range(5000):
    under.append([])
    under = under[0]
under.append(bytearray(1_000_000))
del under
t.create_snapshot()
assert sizes(t)[id(x)][1] > 1_000_000 + 5000 * 56
""")
