"""The recorder beside tracemalloc, forks, other interpreters, greenlets, numpy; and the program beside the recorder."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from coexist_support import needs
from trace_support import answer


def test_tracemalloc_that_ends_takes_our_hooks_along_and_they_come_back(tmp_path: Path) -> None:
    code = """
        import json, tracemalloc
        from tonnage import trace
        from trace_support import of_lines

        keep = [None] * 100
        tracemalloc.start()
        trace.start()
        for i in range(100):
            keep[i] = bytes(1000)  # before
        tracemalloc.stop()
        keep[:] = [None] * 100  # freed, and nobody tells us
        lost = trace.cost().reconnected
        for i in range(100):
            keep[i] = bytes(1000)  # after
        lines = of_lines(__file__, "before", "after", domains=(1,))
        tracemalloc.start(), tracemalloc.stop()
        again = trace.cost().reconnected
        del keep[:]
        print(json.dumps([lost, lines, again, of_lines(__file__, "after", domains=(1,))]))
    """
    assert answer(code, tmp_path) == [1, [[0, 0], [103300, 100]], 1, [[0, 0]]]


@pytest.mark.parametrize("mode", ["exact", "sampled"])
def test_hooks_below_tracemalloc_pass_through_after_the_end_and_serve_again(mode: str, tmp_path: Path) -> None:
    code = """
        import json, sys, tracemalloc
        from tonnage import trace
        from trace_support import of_lines

        keep = [None] * 200
        trace.start(sys.argv[1])
        tracemalloc.start()
        trace.stop()
        for i in range(100):
            keep[i] = bytes(1000)
        trace.start()
        for i in range(100, 200):
            keep[i] = bytes(1000)  # exact
        lines = [of_lines(__file__, "exact", domains=(1,))]
        trace.switch(64)
        for i in range(100):
            keep[i] = bytes(10_000)  # sampled
        lines += [of_lines(__file__, "exact", "sampled", domains=(1,))]
        tracemalloc.stop()
        on = trace.memory().traced
        keep.clear()
        lines += [of_lines(__file__, "exact", "sampled", domains=(1,)), trace.cost().reconnected]
        trace.stop()
        print(json.dumps(lines))
    """
    exact, (once, sampled), (gone, gone_too), reconnected = answer(code, tmp_path, mode)
    assert exact == [[103300, 100]]
    assert once[1] == pytest.approx(100, abs=1e-3) and once[0] == pytest.approx(103300, rel=1e-3)
    assert sampled == [pytest.approx(100 * 10_033, rel=1e-3), pytest.approx(100, rel=1e-3)]
    assert (gone, gone_too, reconnected) == ([0, 0], [0, 0], 0)


def test_starts_and_stops_while_threads_allocate(tmp_path: Path) -> None:
    code = """
        import json, random, sys, threading, lzma
        from tonnage import trace, Error

        done, errors = threading.Event(), []
        def churn(n):
            r, keep = random.Random(n), [None] * 200
            while not done.is_set():
                for _ in range(200):
                    keep[r.randrange(200)] = r.choice([bytes, bytearray, range, str])(r.randrange(50))  \
                        if r.random() < .8 else {}
                lzma.compress(b"x" * 1000, preset=0)
        def control(n):
            r = random.Random(100 + n)
            for _ in range(60):
                try:
                    r.choice([trace.start, lambda: trace.start("sampled"), lambda: trace.start(200), trace.stop,
                              trace.clear, trace.reset_peak, lambda: trace.switch("exact"), trace.memory,
                              lambda: trace.switch(r.randrange(100, 5000)), lambda: trace.site_of(done), trace.cost])()
                except Error:
                    pass
                except BaseException as error:
                    errors.append(repr(error))
        sys.setswitchinterval(1e-5)
        churners = [threading.Thread(target=churn, args=(n,)) for n in range(4)]
        controllers = [threading.Thread(target=control, args=(n,)) for n in range(3)]
        [t.start() for t in churners + controllers]
        [t.join() for t in controllers]
        trace.stop()
        trace.start()
        done.set()
        [t.join() for t in churners]
        del churners, controllers
        dropped = trace.cost().dropped
        trace.stop()
        print(json.dumps([errors, dropped, trace.memory().traced, trace.is_on()]))
    """
    errors, dropped, traced, is_on = answer(code, tmp_path)
    assert (errors, traced, is_on) == ([], 0, False)
    assert set(dropped.values()) == {0}


@pytest.mark.parametrize("mode", ["exact", "sampled"])
def test_children_of_forks_go_on_with_what_they_inherit(mode: str, tmp_path: Path) -> None:
    code = """
        import json, os, random, sys, threading, lzma, warnings
        from tonnage import trace
        from trace_support import of_lines

        warnings.simplefilter("ignore")  # threads and forks
        trace.start("exact" if sys.argv[1] == "exact" else 16)
        keep = [bytes(2000) for _ in range(100)]  # before
        done = threading.Event()
        def churn():
            while not done.is_set():
                bytearray(5000).extend(bytes(5000))
                lzma.compress(b"x" * 1000, preset=0)
        threads = [threading.Thread(target=churn, daemon=True) for _ in range(3)]
        [t.start() for t in threads]
        ends = []
        for _ in range(15):
            pid = os.fork()
            if pid == 0:
                del keep[50:]
                more = [bytes(3000) for _ in range(70)]  # child
                t = threading.Thread(target=lambda: more.extend(bytes(4000) for _ in range(30)))  # thread
                t.start(), t.join()
                (a, n), (b, m), (c, k) = of_lines(__file__, "before", "child", "thread", domains=(1,))
                # and what a comprehension leaves in free lists
                good = [abs(n - 50) < 6, abs(m - 70) < 6, abs(k - 30) < 6, trace.is_on()]
                os._exit(0 if all(good) else 1)
            ends.append(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        done.set()
        [t.join() for t in threads]
        print(json.dumps([ends, of_lines(__file__, "before", "child", domains=(1,))]))
    """
    ends, (before, child) = answer(code, tmp_path, mode)
    assert ends == [0] * 15
    assert before[1] == pytest.approx(100, abs=6) and child == [0, 0]


def test_subprocesses_and_multiprocessing_work_while_we_record(tmp_path: Path) -> None:
    code = """
        import json, multiprocessing, subprocess, sys
        from tonnage import trace

        def work(n):
            return [trace.is_on(), len(bytes(n))]
        if __name__ == "__main__":
            trace.start()
            run = subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True, preexec_fn=lambda: None)
            with multiprocessing.get_context("fork").Pool(2) as pool:
                print(json.dumps([run.stdout.decode(), pool.map(work, range(5))]))
    """
    assert answer(code, tmp_path, options=("-W", "ignore")) == ["1\n", [[True, n] for n in range(5)]]


def test_greenlets_have_stacks_of_their_own(tmp_path: Path) -> None:
    needs("greenlet")
    code = """
        import json
        from greenlet import greenlet
        from tonnage import trace
        from trace_support import of_lines

        def deep(n, other):
            if n:
                return deep(n - 1, other)
            kept = []
            for _ in range(100):
                kept.append(bytes(500))  # made
                other().switch()
            return kept
        trace.start()
        a = greenlet(lambda: deep(5, lambda: b))
        b = greenlet(lambda: deep(9, lambda: a))
        a.switch()
        names = [f.name for f in trace.site_of(a.gr_frame.f_locals["kept"][3]).frames] if a.gr_frame else None
        print(json.dumps([of_lines(__file__, "made", domains=(1,)), names]))
    """
    ((size, count),), names = answer(code, tmp_path)
    assert count >= 100 and size >= 100 * 533
    assert names is None or names == ["deep"] * 6 + ["<lambda>", "<main thread>"]


NEEDS_TRACER = pytest.mark.skipif(sys.version_info < (3, 13), reason="before 3.13 the interpreter does not tell")


@pytest.mark.parametrize("mode", ["exact", "100", pytest.param("track", marks=NEEDS_TRACER)])
def test_other_interpreters_are_recorded_and_do_no_harm(mode: str, tmp_path: Path) -> None:
    code = """
        import json, sys, threading
        from tonnage import trace, _capture
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        run = getattr(interpreters, "exec", None) or interpreters.run_string

        if sys.argv[1] == "track":  # what one has just made is no object of a free list for another, which runs at once
            trace.start(free_lists="track")
        else:
            trace.start("exact" if sys.argv[1] == "exact" else int(sys.argv[1]))
        CODE = '''if True:
            import json, collections
            keep = []
            def planted():
                return set()  # no free list, and no arguments, which might come from one
            for i in range(300):
                keep.append(planted())
            for i in range(50):  # code that dies
                exec(compile("def f(): return [1] * 50\\\\nx = f()", f"sub{i}.py", "exec"), {})
        '''
        def one():
            i = interpreters.create()
            run(i, CODE)
            interpreters.destroy(i)
        for _ in range(3):
            threads = [threading.Thread(target=one) for _ in range(3)]
            [t.start() for t in threads]
            [t.join() for t in threads]
        made = live = 0
        for row in _capture.trace_sites():
            frames = _capture.trace_frames(row[0])
            if frames and frames[0][2] == "planted":
                made, live = made + row[6], live + row[4]
        print(json.dumps([made, live, trace.cost().dropped]))
    """
    made, live, dropped = answer(code, tmp_path, mode)
    assert made == pytest.approx(9 * 300, rel=0.1 if mode == "100" else 0.01 if mode == "exact" else 0.001)
    assert live <= 9
    assert dropped["memory"] == 0
    # 3.12 puts its own raw allocator in place of all hooks for a moment as it begins an interpreter: what is freed then
    assert dropped["replaced"] <= (9 if sys.version_info[:2] == (3, 12) else 0)


def test_arrays_of_numpy_are_seen_with_their_domain(tmp_path: Path) -> None:
    needs("numpy")
    code = """
        import json
        from tonnage import trace
        from trace_support import of_lines

        trace.start()
        import numpy  # loaded after the start
        a = numpy.zeros(100_000)  # zeros
        b = [numpy.empty(1000, "u1") for _ in range(10)]  # empty
        lines = [of_lines(__file__, "zeros", "empty", tracked=True)]
        assert of_lines(__file__, "zeros")[0][0] < 1000  # from 2.5 on its memory is RAW's, and counts by its name alone
        a = None
        del b[5:]
        lines += [of_lines(__file__, "zeros", "empty", tracked=True)]
        trace.stop()
        c = numpy.zeros(1000)
        trace.start()
        d = numpy.zeros(2000)  # again
        c = None
        lines += [of_lines(__file__, "again", tracked=True)]
        print(json.dumps(lines))
    """
    first, second, third = answer(code, tmp_path)
    assert first == [[800_000, 1], [10_000, 10]]
    assert second == [[0, 0], [5000, 5]]
    assert third == [[16_000, 1]]


@pytest.mark.parametrize("tracing", [False, True])
def test_what_is_tracked_by_name_is_recorded_and_told_to_tracemalloc(tracing: bool, tmp_path: Path) -> None:
    pytest.importorskip("_testcapi")
    code = """
        import json, sys, tracemalloc, _testcapi
        try:
            import _testinternalcapi
        except ImportError:
            _testinternalcapi = None
        from tonnage import trace, _capture
        home = _testcapi if hasattr(_testcapi, "tracemalloc_track") else _testinternalcapi
        def track(*words):
            try:
                home.tracemalloc_track(*words)
            except RuntimeError:  # which is what it says while tracemalloc is off
                assert not tracemalloc.is_tracing()
        def untrack(*words):
            try:
                home.tracemalloc_untrack(*words)
            except RuntimeError:
                assert not tracemalloc.is_tracing()
        if sys.argv[1] == "True":
            tracemalloc.start()
        trace.start()
        def now():
            return [[row[1], row[3], row[4]] for row in _capture.trace_sites() if row[2] and row[4]]
        track(5, 0xdeadbeef, 1000)
        track(5, 0xdeadbeef, 3000)  # again: another size
        track(7, 0xdeadbeef, 50, True)  # another domain, without the interpreter lock
        said = [now()]
        theirs = tracemalloc.take_snapshot().filter_traces([tracemalloc.DomainFilter(True, 5)]) \\
            if tracemalloc.is_tracing() else None
        untrack(5, 0xdeadbeef)
        said += [now()]
        untrack(7, 0xdeadbeef)
        said += [now(), sum(t.size for t in theirs.traces) if theirs else None]
        print(json.dumps(said))
    """
    both, one, none, theirs = answer(code, tmp_path, str(tracing))
    assert sorted(both) == [[5, 3000, 1], [7, 50, 1]]
    assert (one, none) == ([[7, 50, 1]], [])
    assert theirs == (3000 if tracing else None)


@pytest.mark.parametrize("tracing", [False, True])
@pytest.mark.parametrize("mode", ["exact", "sampled"])
def test_memory_of_an_allocator_that_is_tracked_by_name_counts_once(mode: str, tracing: bool, tmp_path: Path) -> None:
    pytest.importorskip("_testcapi")
    code = """
        import ctypes, json, sys, tracemalloc, _testcapi
        try:
            import _testinternalcapi
        except ImportError:
            _testinternalcapi = None
        from tonnage import trace, _capture
        from trace_support import RAW, of_lines
        home = _testcapi if hasattr(_testcapi, "tracemalloc_track") else _testinternalcapi
        def call(name, *words):
            try:
                getattr(home, name)(*words)
            except RuntimeError:  # which is what it says while tracemalloc is off
                assert not tracemalloc.is_tracing()
        api = ctypes.pythonapi
        api.PyMem_RawMalloc.restype = api.PyMem_RawRealloc.restype = ctypes.c_void_p
        api.PyMem_RawMalloc.argtypes = [ctypes.c_size_t]
        api.PyMem_RawRealloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        api.PyMem_RawFree.argtypes = [ctypes.c_void_p]
        if sys.argv[2] == "True":
            tracemalloc.start()
        trace.start() if sys.argv[1] == "exact" else trace.start(256)
        said = []
        def tell():
            said.append([of_lines(__file__, "raw", domains=(RAW,))[0][1],
                         of_lines(__file__, "resized", domains=(RAW,))[0][1],
                         sum(row[4] for row in _capture.trace_sites() if row[2])])
        p = api.PyMem_RawMalloc(1_000_000)  # raw
        tell()
        call("tracemalloc_untrack", 0, p)
        call("tracemalloc_track", 5, p, 1_000_000)
        tell()
        p = api.PyMem_RawRealloc(p, 2_000_000)  # resized
        call("tracemalloc_untrack", 0, p)
        tell()
        api.PyMem_RawFree(p)
        tell()
        print(json.dumps([[round(n) for n in row] for row in said]))
    """
    raw, named, resized, freed = answer(code, tmp_path, mode, str(tracing))
    assert (raw, named) == ([1, 0, 0], [0, 0, 1])
    assert resized == [0, 1, 1]  # nobody tracked it again: what RAW has is alive
    assert freed == [0, 0, 1]  # until the name is told to be gone, as in tracemalloc


def untouched(folder: Path, start: str) -> Any:
    code = f"""
        import gc, json, sys
        from tonnage import trace

        class C:
            pass
        def f(n):
            return [C() for _ in range(n)], {{i: str(i) for i in range(n)}}, (float(n), n)
        things = [f(10), C, f, f.__code__, C(), {{}}, sys.modules, "text" * 3]
        def state():
            gc.collect()
            return [[sys.getrefcount(x) for x in things], [sys.getsizeof(x) for x in things],
                    [len(gc.get_referrers(x)) for x in things], gc.get_threshold(), gc.isenabled()]
        def used():
            a = f(50)
            del a
            gc.collect()
            return sys.getallocatedblocks()
        used()
        {start}
        trace.stop()
        used()
        before, after, blocks = state(), state(), used()
        blocks = used()
        for _ in range(5):
            {start}
            f(2000)
            trace.stop()
        after = state()
        used()
        print(json.dumps([before == after, used() - blocks]))
    """
    return answer(code, folder)


@pytest.mark.parametrize("start", ["trace.start()", "trace.start('sampled')", "trace.start(100)"])
def test_after_the_end_the_program_is_as_it_was(start: str, tmp_path: Path) -> None:
    same, blocks = untouched(tmp_path, start)
    assert same
    assert abs(blocks) <= 3


def test_emptying_free_lists_is_not_seen_by_the_program(tmp_path: Path) -> None:
    code = """
        import gc, json, sys
        from tonnage import trace

        trace.is_on()
        called = []
        gc.callbacks.append(lambda *words: called.append(words))
        cycle = []
        cycle.append(cycle)
        del cycle  # garbage, which is to stay
        gc.disable()
        gc.set_threshold(100, 50, 50)
        gc.freeze()
        later = [[] for _ in range(5)]
        floats = [float(n) for n in range(60)]
        del floats
        def state():
            return [len(gc.get_objects(g)) for g in range(3)], gc.get_stats(), gc.get_freeze_count(), gc.isenabled()
        state()
        gc.set_debug(gc.DEBUG_STATS)  # prints a line for each collection
        before, blocks = state(), sys.getallocatedblocks()
        trace.start()
        freed = blocks - sys.getallocatedblocks()
        debug = gc.get_debug()
        gc.set_debug(0)
        after = state()
        print(json.dumps([freed, before[0][1:] == after[0][1:], after[0][0] - before[0][0],
                          before[1:] == after[1:] and debug == gc.DEBUG_STATS, called]))
        gc.enable(), gc.unfreeze(), gc.collect()
    """
    freed, older, younger, rest, called = answer(code, tmp_path)
    assert freed >= 60
    assert older and rest and 0 <= younger < 20 and called == []


@pytest.mark.parametrize("way", ["ignore", "flush"])
def test_free_lists_are_emptied_before_a_snapshot_where_that_was_asked_for(way: str, tmp_path: Path) -> None:
    code = """
        import json, sys, tonnage
        from tonnage import trace

        def shoot(name):
            tonnage.snapshot(name).close()
        shoot("first.tonnage")
        trace.start(free_lists=sys.argv[1])
        shoot("second.tonnage")
        floats = [float(n) for n in range(90)]
        before = sys.getallocatedblocks()
        del floats
        between = sys.getallocatedblocks()
        shoot("third.tonnage")
        print(json.dumps([before - between, between - sys.getallocatedblocks()]))
    """
    dropped, freed = answer(code, tmp_path, way)
    assert dropped < 20  # they are dead, their blocks are not
    assert freed >= 70 if way == "flush" else freed < 20


@pytest.mark.skipif(sys.version_info < (3, 13), reason="before 3.13 the interpreter does not tell")
def test_objects_from_free_lists_get_stacks_of_their_own(tmp_path: Path) -> None:
    code = """
        import json, sys
        from tonnage import trace

        def one():
            return [float(n) for n in range(60)]
        def other():
            return [float(n) for n in range(60)]
        said = []
        for way in "ignore", "track":
            trace.start(free_lists=way)
            del (x := one())[:]
            y = other()
            said.append(sum(trace.site_of(f).frames[0].qualified_name.startswith("other") for f in y))
            trace.stop()
        print(json.dumps(said))
    """
    ignored, tracked = answer(code, tmp_path)
    assert ignored < 60 and tracked == 60


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="it can be followed")
def test_following_free_lists_is_refused_where_the_interpreter_does_not_tell(tmp_path: Path) -> None:
    code = """
        import json
        from tonnage import trace, VersionError

        try:
            trace.start(free_lists="track")
        except VersionError as error:
            print(json.dumps([str(error), trace.is_on()]))
    """
    message, is_on = answer(code, tmp_path)
    assert "3.13" in message and not is_on
