"""The stacks that made followed instances, by the engine's own calls: in processes of their own. Python's frames tell
what is right."""

from __future__ import annotations

import subprocess
import sys

import pytest

BEGIN = """
import gc, struct, sys
from tonnage import _capture as c

class A: pass
class B(A): pass

def stack_at(x):
    for block, birth, serial, stack, kind, before in struct.iter_unpack("<QQQIHH", c.lives()):
        if block + before == id(x):
            return stack
    raise KeyError(x)

def frames_of(stack):
    rows = [(name, line) for file, line, name, qualname in c.trace_frames(stack)]
    assert rows[-1][0].startswith("<"), rows  # what stacks of a thread stand on
    return rows[:-1]

def made(x):
    return frames_of(stack_at(x))

def here():
    f, rows = sys._getframe(1), []
    while f:
        rows.append((f.f_code.co_name, f.f_lineno))
        f = f.f_back
    return rows
"""


def run(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", BEGIN + program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_each_instance_has_the_stack_that_made_it() -> None:
    run("""
c.follow_class(A, True)
def deep(n):
    if n:
        return deep(n - 1)
    x = A(); want = here()
    return x, want
def generate():
    for n in range(3):
        yield deep(n)
class Maker:
    def __init__(self):
        self.x = B(); self.want = here()
for _ in range(50):  # specialised code, too
    for x, want in [deep(0), deep(7), deep(300), *generate()]:
        assert made(x) == want, (made(x)[:5], want[:5])
    maker = Maker()
    assert made(maker.x) == maker.want
    for x, line in [(A(), here()), *((A(), here()) for _ in range(2)), *[(B(), here()) for _ in range(2)]]:
        assert made(x) == line
y, want = deep(1)
stack = stack_at(y)
del y
assert frames_of(c.lives_deaths()[-1][7]) == want and c.lives_deaths()[-1][7] == stack
""")


def test_only_where_it_was_asked_for() -> None:
    run("""
class Other: pass
c.follow_class(A)
c.follow_class(B, True)
c.follow_class(Other)
a, b, o = A(), B(), Other()
assert stack_at(a) == stack_at(o) == 0 < stack_at(b)
c.follow_class(A, True)
a, b, o = A(), B(), Other()
assert stack_at(a) and stack_at(b) and not stack_at(o)
c.follow_class(B, False)
assert stack_at(B())
c.follow_class(A, False)
assert not stack_at(B()) and not stack_at(A())
assert stack_at(a) and made(a)
""")


@pytest.mark.parametrize("beside", ["", "c.trace_start('exact')", "c.trace_start('sampled', interval=64)"])
def test_code_that_dies_is_not_taken_for_its_successor(beside: str) -> None:
    run(f"""
c.follow_class(A, True)
{beside}
addresses = set()
for i in range(500):
    space = {{"A": A}}
    exec("\\n" * (i % 50) + f"def f{{i}}(): return A()", space)
    f = space.pop(f"f{{i}}")
    addresses.add(id(f.__code__))
    assert made(f())[0] == (f"f{{i}}", i % 50 + 1), (i, made(f()))
    del f, space
assert len(addresses) < 250
""")


def test_the_recorder_and_the_sampler_come_and_go() -> None:
    run("""
from tonnage import trace
def make():
    return A()
def check(depth=None):
    for n in range(3):
        space = {"A": A}
        exec("\\n" * n + "def g(): return A()", space)
        x = space["g"]()
        rows = made(x)
        assert rows[0] == ("g", n + 1) and (depth or rows[1] == ("check", x_line)), rows
    old.append((make(), made(make())))
    for x, rows in old:
        assert made(x) == rows and rows[0] == ("make", make.__code__.co_firstlineno + 1)
        assert rows[0] == made(make())[0]
x_line = check.__code__.co_firstlineno + 4
old = []
c.follow_class(A, True)
check()
for mode, depth in ("exact", 0), ("exact", 1), ("sampled", 0):
    c.trace_start(mode, depth=depth)
    check(depth=1)
    c.trace_clear()
    check(depth=1)
    c.trace_stop()
    check()
    c.trace_stop()
import tonnage
from tonnage import sample
sample.start(interval=0.001)
check()
sample.stop()
check()
""")


def test_deaths_of_code_that_were_missed() -> None:
    run("""
import tracemalloc
tracemalloc.start()
c.follow_class(A, True)
for i in range(50):
    space = {"A": A}
    exec(f"def f{i}(): return A()", space)
    space[f"f{i}"]()
tracemalloc.stop()  # puts back what it found: without us
del space
gc.collect()
exec("def other(): return A()")
before = set(map(id, (f for f in gc.get_objects() if hasattr(f, "__code__"))))
assert c.lives_cost()[3] == 1
for i in range(50):
    space = {"A": A}
    exec(f"def g{i}(): return A()", space)
    assert made(space[f"g{i}"]())[0] == (f"g{i}", 1)
""")


def test_threads_and_forks() -> None:
    run("""
import os, threading
c.follow_class(A, True)
failures = []
def work(n):
    def inner():
        x = A(); want = here()
        return made(x) == want[:len(made(x))] and len(made(x)) == len(want)
    for _ in range(200):
        if not inner(): failures.append(n)
threads = [threading.Thread(target=work, args=(i,), name=f"crew-{i}") for i in range(8)]
for t in threads: t.start()
for t in threads: t.join()
assert not failures
assert c.trace_frames(stack_at(A_ := A()))[-1][2] == "<main thread>"
x = A(); want = here()
pid = os.fork()
if pid == 0:
    y = A(); again = here()
    os._exit(0 if made(x) == want and made(y) == again else 1)
assert os.waitpid(pid, 0)[1] == 0
""")
