"""Planted programs: what the recorder says of each line is what the line allocated, whatever else goes on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from trace_support import answer

BYTES = sys.getsizeof(b"")
SETTINGS: list[tuple[tuple[str, ...], dict[str, str]]] = [
    *(((), {"PYTHONMALLOC": name}) for name in ("default", "pymalloc", "malloc", "debug", "malloc_debug")),
    (("-X", "dev"), {}),
    (("-OO",), {}),
    ((), {"PYTHONTRACEMALLOC": "1"}),
    (("-X", "dev", "-X", "tracemalloc=25"), {"PYTHONMALLOC": "malloc_debug"}),
]

PLANTED = """
    import json, sys
    from tonnage import trace
    from trace_support import of_lines

    small, large, mixed = [None] * 1000, [None] * 50, [None] * 600
    trace.start()
    for i in range(1000):
        small[i] = bytes(100)  # small
    for i in range(50):
        large[i] = bytes(100_000)  # large
    for i in range(600):
        mixed[i] = bytes(i)  # mixed
    for i in range(0, 1000, 2):
        small[i] = None
    del large[10:]
    print(json.dumps(of_lines(__file__, "small", "large", "mixed", domains=(1,))))
"""


@pytest.mark.parametrize(("options", "variables"), SETTINGS, ids=str)
def test_live_bytes_and_counts_of_lines_are_exact(
    options: tuple[str, ...], variables: dict[str, str], tmp_path: Path
) -> None:
    small, large, mixed = answer(PLANTED, tmp_path, options=options, **variables)
    assert small == [500 * (BYTES + 100), 500]
    assert large == [10 * (BYTES + 100_000), 10]
    assert mixed == [sum(BYTES + i for i in range(1, 600)), 599]  # b"" was there before


def test_large_blocks_are_not_counted_once_more_for_what_pymalloc_asks_of_the_system(tmp_path: Path) -> None:
    code = PLANTED.replace("domains=(1,)", "domains=(0, 2)")
    assert answer(code, tmp_path) == [[0, 0], [0, 0], [0, 0]]


def test_each_thread_has_its_own_bytes(tmp_path: Path) -> None:
    code = """
        import gc, json, threading, random
        from tonnage import trace
        from trace_support import FOLLOWED, sums

        N = 8
        space = {}
        for n in range(N):  # each in a function of its own line
            work = f"def work{n}(keep, r): keep[r.randrange(len(keep))] = bytes(r.randrange(10, 2000))"
            exec(compile("\\n" * n + work, "planted.py", "exec"), space)
        keeps = [[None] * 300 for _ in range(N)]
        def run(n):
            r, work = random.Random(n), space[f"work{n}"]
            for _ in range(4000):
                work(keeps[n], r)
        trace.start(**FOLLOWED)
        threads = [threading.Thread(target=run, args=(n,)) for n in range(N)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        gc.collect()  # dead arguments and numbers in free lists
        found = sums("planted.py", domains=(1,))
        said = [found[("planted.py", n + 1)] for n in range(N)]
        import sys
        true = [[sum(map(sys.getsizeof, filter(None, keep))), sum(k is not None for k in keep)] for keep in keeps]
        print(json.dumps([said, true, trace.cost().dropped]))
    """
    said, true, dropped = answer(code, tmp_path)
    assert said == true
    assert set(dropped.values()) == {0}


def test_storms_of_realloc_leave_what_is_there(tmp_path: Path) -> None:
    code = """
        import gc, json, random, sys
        from tonnage import trace
        from trace_support import FOLLOWED, of_lines

        r = random.Random(1)
        arrays = [None] * 200
        trace.start(**FOLLOWED)
        for i in range(200):
            arrays[i] = bytearray(r.randrange(1, 3000))  # made
        for _ in range(20_000):
            array = r.choice(arrays)
            if r.random() < 0.5:
                array.extend(b"x" * r.randrange(1, 700))  # grown
            else:
                del array[r.randrange(len(array) + 1):]  # cut
        gc.collect()  # dead numbers in free lists
        lines = of_lines(__file__, "made", "grown", "cut", domains=(0, 1))
        print(json.dumps([lines, sum(map(sys.getsizeof, arrays)), trace.cost().dropped]))
    """
    lines, size, dropped = answer(code, tmp_path)
    assert sum(line[0] for line in lines) == size
    assert lines[0][1] >= 200  # the objects; buffers that were never freed in between keep their birth, too
    assert set(dropped.values()) == {0}


def test_a_realloc_keeps_the_birth_of_its_block(tmp_path: Path) -> None:
    code = """
        import json
        from tonnage import trace, _capture
        from trace_support import of_lines

        trace.start()
        x = bytearray(600)  # made
        before = of_lines(__file__, "made", domains=(0, 1))
        x.extend(bytes(100_000))  # grown
        print(json.dumps([before, of_lines(__file__, "made", "grown", domains=(0, 1))]))
    """
    before, after = answer(code, tmp_path)
    assert before[0][1] == after[0][1] == 2
    assert after[0][0] - before[0][0] >= 100_000
    assert after[1][0] < 1000


def test_a_block_that_moves_from_thread_to_thread_is_freed_where_it_ends(tmp_path: Path) -> None:
    code = """
        import gc, json, queue, threading
        from tonnage import trace
        from trace_support import FOLLOWED, of_lines

        q = queue.SimpleQueue()
        def make():
            for i in range(20_000):
                q.put(bytes(50 + i % 500))  # made
            q.put(None)
        def drop():
            while q.get() is not None:
                pass
        trace.start(**FOLLOWED)
        threads = [threading.Thread(target=f) for f in (make, drop, make, drop)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        gc.collect()  # dead numbers in free lists
        print(json.dumps(of_lines(__file__, "made", domains=(1,))))
    """
    assert answer(code, tmp_path) == [[0, 0]]


def test_raw_memory_of_threads_without_the_interpreter_lock_is_under_their_lines(tmp_path: Path) -> None:
    pytest.importorskip("lzma")
    code = """
        import json, lzma, threading
        from tonnage import trace, _capture
        from trace_support import of_lines, line

        data = bytes(range(256)) * 2000
        def pack():
            for _ in range(5):
                out = lzma.compress(data, preset=1)  # packed
        trace.start()
        threads = [threading.Thread(target=pack) for _ in range(6)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        made = live = 0
        for row in _capture.trace_sites():
            if row[1] == 2 and not row[2] and any(f[:2] == (__file__, line("packed", __file__))
                                                  for f in _capture.trace_frames(row[0])):
                made, live = made + row[5], live + row[3]
        print(json.dumps([made, live, trace.cost().dropped]))
    """
    made, live, dropped = answer(code, tmp_path)
    assert made > 30 * 1_000_000  # an encoder takes megabytes
    assert live == 0
    assert set(dropped.values()) == {0}


def test_stacks_are_those_of_tracebacks(tmp_path: Path) -> None:
    code = """
        import json, sys
        from tonnage import trace

        def told():
            frame, out = sys._getframe(1), []
            while frame:
                out.append([frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name])
                frame = frame.f_back
            return out
        wrong, n = [], 0
        def check(depth):
            global n
            x, stack = bytes(1000), told()  # told on the same line
            said = [[f.file, f.line, f.name] for f in trace.site_of(x).frames if f.file]
            stack[0][1] = said[0][1] if said else 0
            n += 1
            if said != stack:
                wrong.append([said, stack])
            return x
        def down(depth, how):
            if depth == 0:
                return check(depth)
            if depth % 4 == 0:
                return [down(depth - 1, how) for _ in range(1)]
            if depth % 4 == 1:
                return next(g(depth))
            if depth % 4 == 2:
                return sorted([1], key=lambda _: down(depth - 1, how) and 0)
            return (lambda: down(depth - 1, how))()
        def g(depth):
            yield down(depth - 1, None)
        class C:
            def __getattr__(self, name): return check(0)
            def __del__(self): check(0)
            def __add__(self, other): return check(0)
        trace.start()
        for depth in range(60):
            down(depth, None)
        C().missing, C() + 1
        del C
        print(json.dumps([wrong[:2], n]))
    """
    wrong, n = answer(code, tmp_path)
    assert wrong == []
    assert n >= 60


def test_stacks_of_programs_that_wander_are_those_of_tracebacks(tmp_path: Path) -> None:
    """Calls from different lines of frames at the same place, and generators that are resumed at other depths."""
    code = """
        import json, random, sys
        from tonnage import trace

        chance, wrong, n, kept = random.Random(7), [], 0, []
        def check():
            global n
            x, frame, stack = bytes(1000), sys._getframe(1), []
            site = trace.site_of(x)
            while frame:
                stack.append([frame.f_code.co_name, frame.f_lineno])
                frame = frame.f_back
            said = [[f.name, f.line] for f in site.frames if f.file][1:]
            n += 1
            if said != stack:
                wrong.append([said, stack])
        def any_of_them(depth):
            return chance.choice(others) if depth > 0 and n < 3000 else end
        def thrice(depth):
            f = any_of_them(depth)
            f(depth - 1)
            f(depth - 1); check()
            f(depth - 1)
        def twice(depth):
            f = any_of_them(depth)
            f(depth - 1)
            check(); f(depth - 1)
        def resumed(depth):
            if not kept or chance.random() < 0.3:
                kept.append(steps())
            one = chance.choice(kept)
            if not one.gi_running:
                next(one, None)
            check()
        def steps():
            for depth in range(4):
                any_of_them(depth)(depth - 1)
                check()
                yield
                check()
        def end(depth):
            check()
        def caught(depth):
            try:
                deeper(depth - 1)
            except ValueError:
                check()
        def deeper(depth):
            check()
            if depth < 1:
                raise ValueError
            deeper(depth - 1)
        def sorted_by(depth):
            sorted([1, 2], key=lambda _: any_of_them(depth)(depth - 1) or check() or 1)
        others = [twice, thrice, resumed, caught, sorted_by]
        trace.start()
        while n < 3000:
            any_of_them(7)(6)
        print(json.dumps([wrong[:2], n]))
    """
    wrong, n = answer(code, tmp_path)
    assert wrong == []
    assert n >= 3000


def test_code_that_comes_to_the_address_of_code_that_died_is_not_taken_for_it(tmp_path: Path) -> None:
    code = """
        import json
        from tonnage import trace

        trace.start()
        addresses, wrong = set(), 0
        for i in range(3000):
            space = {}
            exec(compile("\\n" * (i % 50) + "def f(): return bytes(2000)", f"file{i}.py", "exec"), space)
            x = space["f"]()
            frame = trace.site_of(x).frames[0]
            wrong += (frame.file, frame.line) != (f"file{i}.py", i % 50 + 1)
            addresses.add(id(space["f"].__code__))
        print(json.dumps([wrong, len(addresses)]))
    """
    wrong, addresses = answer(code, tmp_path)
    assert addresses < 2500  # addresses were used again
    assert wrong == 0


@pytest.mark.parametrize("mode", ["exact", "4096"])
def test_depth_keeps_the_innermost_frames(mode: str, tmp_path: Path) -> None:
    code = """
        import json, sys
        from tonnage import trace

        def down(n):
            return bytes(100_000) if n == 0 else down(n - 1)
        trace.start(sys.argv[1] if sys.argv[1] == "exact" else int(sys.argv[1]), depth=3)
        x = down(40)
        print(json.dumps([[f.name for f in trace.site_of(x).frames], trace.site_of(x).interval]))
    """
    names, interval = answer(code, tmp_path, mode)
    assert names == ["down", "down", "down", "<truncated>", "<main thread>"]
    assert interval == (None if mode == "exact" else 4096)


def test_deep_recursion_is_recorded_to_its_end(tmp_path: Path) -> None:
    code = """
        import json, sys
        from tonnage import trace

        sys.setrecursionlimit(10_000)
        def down(n):
            return bytes(1000) if n == 0 else down(n - 1)
        trace.start()
        x = down(5000)
        print(json.dumps([f.name for f in trace.site_of(x).frames].count("down")))
    """
    assert answer(code, tmp_path) == 5001


def test_what_the_system_refuses_changes_nothing(tmp_path: Path) -> None:
    code = """
        import json, sys
        from tonnage import trace
        from trace_support import of_lines

        trace.start("exact" if sys.argv[1] == "exact" else 10)
        x = bytearray(5000)  # made
        before, refused = of_lines(__file__, "made", domains=(0, 1)), 0
        for _ in range(50):
            try:
                bytearray(1 << 55)
            except MemoryError:
                refused += 1
            try:
                x *= 1 << 42
            except MemoryError:
                refused += 1
        after = of_lines(__file__, "made", domains=(0, 1))
        x.extend(bytes(10))
        del x
        print(json.dumps([refused, before == after, of_lines(__file__, "made", domains=(0, 1))]))
    """
    for mode in "exact", "sampled":
        refused, same, left = answer(code, tmp_path, mode)
        assert refused == 100
        assert same and left == [[0, 0]]


def test_a_recorder_without_memory_drops_and_says_so_and_the_program_goes_on(tmp_path: Path) -> None:
    code = """
        import json
        from tonnage import trace, _capture

        _capture.trace_start("exact", max_bytes=4 << 20)
        keep = [[bytes(3000) for _ in range(100)] for _ in range(300)]  # ninety megabytes have a shadow of 45
        cost = trace.cost()
        own = sum(cost.own.values())
        del keep
        trace.stop()
        print(json.dumps([cost.dropped["memory"], own]))
    """
    dropped, own = answer(code, tmp_path)
    assert dropped > 10_000
    assert 1 << 20 < own <= 4 << 20


def test_samples_that_are_too_many_are_thinned_and_stay_right(tmp_path: Path) -> None:
    code = """
        import json
        from tonnage import trace, _capture
        from trace_support import of_lines

        keep = [None] * 30_000
        _capture.trace_start("sampled", interval=100, seed=7, max_samples=500)
        for i in range(30_000):
            keep[i] = bytes(300)  # made
        now, lines = _capture.trace_now(), of_lines(__file__, "made", domains=(1,))
        del keep[:]
        print(json.dumps([now["interval"], now["first_interval"], lines, of_lines(__file__, "made", domains=(1,))]))
    """
    interval, first, made, left = answer(code, tmp_path)
    assert first == 100 and interval >= 1600 and interval % 100 == 0
    assert made[0][0] == pytest.approx(30_000 * (BYTES + 300), rel=0.25)  # four deviations of some 300 samples
    assert left == [[0, 0]]
