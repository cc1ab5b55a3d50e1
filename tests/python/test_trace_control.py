"""The recorder is started, stopped, cleared and found gone: what it says afterwards is right all the same."""

from __future__ import annotations

import sys
from pathlib import Path

import pure_reader
import pytest
from trace_support import answer


def test_a_child_that_starts_after_its_parent_stopped_has_a_record_for_each_thread(tmp_path: Path) -> None:
    code = """
        import json, os, sys, threading
        from tonnage import trace, _capture

        trace.start(), trace.stop()
        said, go = [], threading.Event()
        def told():
            x = bytearray(500)
            said.append([trace.site_of(x).frames[-1].name, _capture.trace_cost()["threads"]])
        def work(ready):
            told(), ready.set(), go.wait()
        if (pid := os.fork()) == 0:
            trace.start()
            told()
            threads = []
            for _ in range(3):
                ready = threading.Event()
                threads.append(threading.Thread(target=work, args=(ready,), name="worker"))
                threads[-1].start(), ready.wait()
                told()
            go.set()
            [t.join() for t in threads]
            print(json.dumps(said))
        else:
            os.waitpid(pid, 0)
    """
    main, worker = "<main thread>", "<thread worker>"
    assert answer(code, tmp_path) == [[main, 1], [worker, 2], [main, 2], [worker, 3], [main, 3], [worker, 4], [main, 4]]


def test_where_the_interpreter_is_refused_no_object_has_a_site(library: Path, tmp_path: Path) -> None:
    code = """
        import json
        from tonnage import trace, FileError

        said = []
        try:
            trace.start()
        except FileError as error:
            said.append(str(error))
        said += [trace.is_on(), trace.site_of(said), trace.memory().traced]
        trace.stop(), trace.clear(), trace.reset_peak()
        print(json.dumps(said))
    """
    preloaded = {"LD_PRELOAD": str(library), "TONNAGE_FAIL": "open:1+:EMFILE"}
    message, *rest = answer(code, tmp_path, **preloaded)
    assert "/proc/self/maps" in message
    assert rest == [False, None, 0]


def test_another_interpreter_whose_snapshot_is_refused_is_not_collected(tmp_path: Path) -> None:
    code = """
        import json, os, sys
        import tonnage
        from tonnage import trace
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters

        # one that shares our lock: in others tonnage cannot be imported
        shared = {11: (), 12: ()}.get(sys.version_info[1], ("legacy",))
        other = interpreters.create(*shared, **({"isolated": False} if sys.version_info[1] == 12 else {}))
        trace.start(free_lists="flush")
        interpreters.run_string(other, '''if True:
            import gc, tonnage
            gc.set_threshold(1 << 30)
            class Noisy:
                def __del__(self): open("noise", "a").write("finalizer ")
            noisy = Noisy()
            noisy.me = noisy
            del noisy
            gc.callbacks.append(lambda *words: open("noise", "a").write("callback "))
            for refused in lambda: tonnage.snapshot("x.tonnage"), tonnage.trace.clear, tonnage.trace.reset_peak:
                try:
                    refused()
                    open("noise", "a").write("done ")
                except tonnage.Error as error:
                    open("noise", "a").write("refused ")
            gc.callbacks.clear(), gc.collect()
        ''')
        print(json.dumps(open("noise").read().split()))
        interpreters.destroy(other)
    """
    assert answer(code, tmp_path) == ["refused", "done", "done", "finalizer"]


def test_recording_starts_again_after_tracemalloc_took_hooks_along(tmp_path: Path) -> None:
    code = """
        import json, tracemalloc
        from tonnage import trace

        tracemalloc.start(), trace.start(), tracemalloc.stop(), trace.stop(), trace.start()
        x = bytearray(1000)
        print(json.dumps([trace.site_of(x) is not None, trace.cost().reconnected]))
    """
    assert answer(code, tmp_path) == [True, 0]


def test_hooks_of_samples_that_come_back_are_not_taken_for_exact_ones(tmp_path: Path) -> None:
    code = """
        import json, threading, tracemalloc
        from tonnage import trace

        trace.start("sampled")
        tracemalloc.start()
        other = threading.Thread(target=lambda: trace.switch("exact"))  # a thread with another countdown
        other.start(), other.join()
        tracemalloc.stop()
        reconnected = trace.cost().reconnected
        print(json.dumps([reconnected, trace.site_of(bytearray(1000)) is not None]))
    """
    assert answer(code, tmp_path) == [1, True]


def test_whatever_the_order_of_starts_and_ends_all_three_allocators_are_recorded(tmp_path: Path) -> None:
    code = """
        import ctypes, json, random, sys, tracemalloc
        from tonnage import ArgumentError, trace
        from trace_support import of_lines

        raw, free = ctypes.pythonapi.PyMem_RawMalloc, ctypes.pythonapi.PyMem_RawFree
        raw.restype, raw.argtypes, free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
        free.restype = None

        def look():
            memory = raw(7000)  # raw
            keep = [bytes(9000), [None] * 1000]  # objects
            live = of_lines(__file__, "raw", domains=(2,)) + of_lines(__file__, "objects", domains=(0, 1))
            free(memory)
            del keep
            return live, of_lines(__file__, "raw", domains=(2,)) + of_lines(__file__, "objects", domains=(0, 1))
        def attempt(call):
            try:
                call()
            except ArgumentError:
                pass
        steps = {
            "tracemalloc starts": tracemalloc.start, "and ends": tracemalloc.stop,
            "exact": lambda: attempt(trace.start), "samples": lambda: attempt(lambda: trace.start(1)),
            "end": trace.stop,
            "to exact": lambda: attempt(lambda: trace.switch("exact")),
            "to samples": lambda: attempt(lambda: trace.switch(1)),
        }
        random.seed(5)
        wrong, seen, order = [], 0, []
        for _ in range(150):
            order.append(random.choice(list(steps)))
            steps[order[-1]]()
            if trace.is_on():  # which notices what is gone
                live, dead = look()
                # tracemalloc's own tables, and what goes to free lists, stay
                (one, two), seen = [a - b for (a, _), (b, _) in zip(live, dead, strict=True)], seen + 1
                if not 7_000 <= one < 14_000 or not 17_000 <= two < 18_000:
                    wrong.append([order[-9:], live, dead])
        print(json.dumps([seen, wrong[:3]]))
    """
    seen, wrong = answer(code, tmp_path)
    assert seen > 70 and wrong == []


def test_what_was_missed_names_nothing_that_comes_to_its_address(tmp_path: Path) -> None:
    code = """
        import json, tracemalloc
        from tonnage import trace

        def make(n):
            space = {}
            exec(compile("def f():\\n    return bytearray(1000)\\n", f"module{n}.py", "exec"), space)
            return space["f"]
        tracemalloc.start()
        trace.start()
        functions = [make(n) for n in range(200)]
        known = [f() for f in functions]
        tracemalloc.stop()
        del functions
        functions = [make(n) for n in range(1000, 1200)]
        lost = trace.cost().reconnected
        made = [f() for f in functions]
        files = [trace.site_of(x).frames[0].file for x in made]
        print(json.dumps([lost, [f for n, f in enumerate(files, 1000) if f != f"module{n}.py"]]))
    """
    assert answer(code, tmp_path) == [1, []]


def test_objects_at_addresses_of_those_freed_unseen_are_not_taken_for_them(tmp_path: Path) -> None:
    code = """
        import json, sys, tracemalloc
        from tonnage import trace, _capture

        def old():
            return [bytearray(2000) for _ in range(50)]
        def new():
            return [bytearray(2000) for _ in range(50)]
        said = []
        for ask in (lambda: any(trace.site_of(x) for x in b),
                    lambda: any("old" in [f[2] for f in _capture.trace_frames(row[0])] for row in _capture.trace_sites()
                                if row[4]),
                    trace.clear, trace.reset_peak, lambda: trace.switch("exact"), trace.is_on):
            tracemalloc.start()
            trace.start()
            a = old()
            tracemalloc.stop()
            del a
            b = new()
            said.append([ask() or None, trace.site_of(bytearray(9)) is not None, trace.memory().traced < 20_000])
            trace.stop()
            del b
        print(json.dumps(said))
    """
    assert answer(code, tmp_path) == [[None, True, True]] * 5 + [[True, True, True]]


def test_births_are_counted_from_when_all_was_forgotten(tmp_path: Path) -> None:
    code = """
        import json, tracemalloc
        import tonnage
        from tonnage import trace, _capture

        births = []
        def forgotten(name):
            births.append(_capture.trace_now()["births"])
            keep = [bytes(100) for _ in range(1000)]
            tonnage.snapshot(f"{name}.tonnage").close()
        tracemalloc.start()
        trace.start()
        forgotten("start")
        trace.reset_peak()  # which forgets nothing
        tonnage.snapshot("reset.tonnage").close()
        trace.clear()
        forgotten("clear")
        tracemalloc.stop()
        forgotten("lost")
        trace.switch("sampled"), trace.switch("exact")
        forgotten("exact")
        print(json.dumps(births))
    """
    start, clear, lost, exact = answer(code, tmp_path)
    facts = {path.stem: pure_reader.Snapshot.open(path).facts for path in tmp_path.glob("*.tonnage")}
    told = {name: values["trace.started_births"] for name, values in facts.items()}
    assert told["start"] == told["reset"] <= start
    assert start + 1000 < told["clear"] <= clear
    assert clear + 1000 < told["lost"] <= lost
    assert lost + 1000 < told["exact"] <= exact
    assert {name: values["trace.reconnected"] for name, values in facts.items()} == {
        "start": 0, "reset": 0, "clear": 0, "lost": 1, "exact": 1,
    }  # fmt: skip


@pytest.mark.skipif(sys.version_info < (3, 13), reason="before 3.13 the interpreter does not tell")
def test_free_lists_are_said_to_be_followed_only_where_they_are(tmp_path: Path) -> None:
    code = """
        import json
        from tonnage import trace, _capture

        said = []
        trace.start(free_lists="track")
        for mode in "exact", "sampled", "exact":
            trace.switch(mode)
            said.append(_capture.trace_now()["free_lists"])
        print(json.dumps(said))
    """
    assert answer(code, tmp_path) == ["track", "ignore", "track"]


@pytest.mark.parametrize("way", ["ignore", "flush"])
def test_free_lists_are_emptied_at_marks_in_code_where_that_was_asked_for(way: str, tmp_path: Path) -> None:
    code = """
        import json, sys
        from tonnage import trace

        trace.start(free_lists=sys.argv[1])
        freed = []
        for mark in trace.clear, trace.reset_peak, trace.clear:
            floats = [float(n) for n in range(90)]
            del floats
            before = sys.getallocatedblocks()
            mark()
            freed.append(before - sys.getallocatedblocks())
        print(json.dumps(freed))
    """
    for freed in answer(code, tmp_path, way):
        assert freed >= 70 if way == "flush" else freed < 20


def test_marks_in_callbacks_of_the_collector_empty_nothing_and_do_no_harm(tmp_path: Path) -> None:
    code = """
        import gc, json
        from tonnage import trace

        trace.start(free_lists="flush")
        class Noisy:
            def __del__(self): marks("finalizer")
        called = []
        def marks(*words):
            called.append(words[0])
            trace.clear(), trace.reset_peak()
        gc.callbacks.append(marks)
        for _ in range(3):
            noisy = Noisy()
            noisy.me = noisy
            del noisy
            gc.collect()
        gc.callbacks.clear()
        print(json.dumps(called))
    """
    assert answer(code, tmp_path) == ["start", "finalizer", "stop"] * 3


def test_what_could_not_be_allocated_makes_no_sample_of_the_next_block(tmp_path: Path) -> None:
    code = """
        import json
        from tonnage import trace, _capture

        def allocated():
            return sum(row[5] for row in _capture.trace_sites())
        _capture.trace_start("sampled", seed=7)
        keep = []
        for i in range(200):
            try:
                bytes(1 << 60)
            except MemoryError:
                keep.append(bytes(33 + i))
        before = allocated()
        keep += [bytes(1000) for _ in range(20_000)]
        print(json.dumps([len(keep), before, allocated() - before]))
    """
    count, failed, after = answer(code, tmp_path)
    assert count == 20_200
    assert failed < 20 * (1 << 19)  # were 200; some 60 KB are allocated
    assert 10 * (1 << 19) < after < 90 * (1 << 19)  # 39 on average
