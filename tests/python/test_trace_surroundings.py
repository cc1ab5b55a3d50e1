"""Planted programs wherever programs run: threads that end, forks of forks, greenlets, interpreters, without memory.

What each line holds is known to the byte; what dies is gone from it.
"""

from __future__ import annotations

import textwrap
from pathlib import Path

import failing_calls
import pytest
from coexist_support import needs
from trace_support import answer


@pytest.mark.parametrize("how", ["threading", "_thread", "C"])
def test_threads_that_end_leave_what_they_made(how: str, tmp_path: Path) -> None:
    if how == "C":
        pytest.importorskip("_testcapi")
    code = """
        import gc, json, sys, threading, _thread
        from tonnage import trace
        from trace_support import of_lines

        keep = [None] * 1000
        work = [[(i, 100 + i) for i in range(n * 10, n * 10 + 10)] for n in range(100)]
        def run(rows):
            for i, size in rows:
                keep[i] = bytes(size)  # made
        def in_thread(rows):
            if sys.argv[1] == "threading":
                t = threading.Thread(target=run, args=(rows,))
                t.start(), t.join()
            elif sys.argv[1] == "_thread":
                lock = _thread.allocate_lock()
                lock.acquire()
                _thread.start_new_thread(lambda: (run(rows), lock.release()), ())
                lock.acquire()
            else:
                import _testcapi
                _testcapi.call_in_temporary_c_thread(lambda: run(rows))
        trace.start()
        for rows in work:
            in_thread(rows)
        gc.collect()  # dead arguments in free lists
        said = [of_lines(__file__, "made", domains=(0, 1)), sum(map(sys.getsizeof, keep))]
        del keep[100:]
        said += [of_lines(__file__, "made", domains=(0, 1)), sum(map(sys.getsizeof, keep))]
        in_thread([])  # somebody else ends
        keep.clear()
        print(json.dumps([*said, of_lines(__file__, "made", domains=(0, 1)), trace.cost().dropped]))
    """
    all_of_it, size, some, size_of_some, none, dropped = answer(code, tmp_path, how)
    assert all_of_it == [[size, 1000]]
    assert some == [[size_of_some, 100]]
    assert none == [[0, 0]]
    assert set(dropped.values()) == {0}


def test_children_of_children_are_exact(tmp_path: Path) -> None:
    code = """
        import json, os, sys
        from tonnage import trace
        from trace_support import of_lines

        sizes = [(i, 1000 + i) for i in range(90)]
        keep, more = [None] * 90, [None] * 270
        def generation(n):
            "Frees a third, makes ninety and resizes them; then has a child. Its children's answers follow its own."
            for i, size in sizes:
                more[90 * n + i] = bytearray(size)  # made
            for x in more[90 * n:90 * n + 90]:
                x.extend(rest)  # grown
            keep[30 * n:30 * n + 30] = [None] * 30
            said = [of_lines(__file__, "before", "made", "grown", domains=(0, 1))]
            said += [[sum(map(sys.getsizeof, filter(None, x))) for x in (keep, more)]]
            if n < 2:
                ours, theirs = os.pipe()
                pid = os.fork()
                if pid == 0:
                    os.write(theirs, json.dumps(generation(n + 1)).encode())
                    os._exit(0)
                os.close(theirs)
                with open(ours) as answer:
                    said += json.load(answer)
                os.waitpid(pid, 0)
            return said
        rest = bytes(3000)
        trace.start()
        for i, size in sizes:
            keep[i] = bytes(size)  # before
        print(json.dumps(generation(0)))
    """
    said = answer(code, tmp_path)
    assert len(said) == 6
    for n in range(3):
        (before, made, grown), (kept, more) = said[2 * n], said[2 * n + 1]
        assert before == [kept, 60 - 30 * n]
        assert made == [more, 180 * (n + 1)]  # objects and their buffers
        assert grown == [0, 0]


def test_what_greenlets_make_by_turns_stands_on_their_own_stacks(tmp_path: Path) -> None:
    needs("greenlet")
    code = """
        import json, sys
        from greenlet import greenlet
        from tonnage import trace, _capture
        from trace_support import line

        keep = {"a": [None] * 100, "b": [None] * 100}
        def deep(n, name, size, other):
            if n:
                return deep(n - 1, name, size, other)
            mine = keep[name]
            for i in range(100):
                mine[i] = bytes(size)  # made
                other().switch()
        trace.start()
        a = greenlet(lambda: deep(5, "a", 500, lambda: b))
        b = greenlet(lambda: deep(9, "b", 900, lambda: a))
        a.switch()
        found = {}
        for row in _capture.trace_sites():
            frames = _capture.trace_frames(row[0])
            if row[4] and frames and frames[0][:2] == (__file__, line("made", __file__)):
                found[" ".join(frame[2] for frame in frames)] = [row[3], row[4]]
        print(json.dumps([found, [sum(map(sys.getsizeof, x)) for x in keep.values()]]))
    """
    found, (size_a, size_b) = answer(code, tmp_path)
    assert found == {
        " ".join(["deep"] * 6 + ["<lambda>", "<main thread>"]): [size_a, 100],
        " ".join(["deep"] * 10 + ["<lambda>", "<main thread>"]): [size_b, 100],
    }


def test_other_interpreters_hold_what_they_keep_until_they_end(tmp_path: Path) -> None:
    code = """
        import json
        from tonnage import trace, _capture
        try:
            import _interpreters as interpreters
        except ImportError:
            import _xxsubinterpreters as interpreters
        run = getattr(interpreters, "exec", None) or interpreters.run_string

        CODE = '''if True:
            keep = [None] * 200
            def planted():
                for i in range(200):
                    keep[i] = bytes(700)
            planted()
        '''
        def held():
            live = [0, 0]
            for row in _capture.trace_sites():
                frames = _capture.trace_frames(row[0])
                if frames and frames[0][1:3] == (5, "planted"):
                    live = [live[0] + row[3], live[1] + row[4]]
            return live
        trace.start()
        made, said = [interpreters.create() for _ in range(3)], []
        for one in made:
            run(one, CODE)
            said.append(held())
        run(made[0], "del keep[50:]")
        said.append(held())
        for one in made:
            interpreters.destroy(one)
            said.append(held())
        print(json.dumps([said, len(bytes(700)) + bytes.__basicsize__]))
    """
    said, size = answer(code, tmp_path)
    assert said == [[n * size, n] for n in (200, 400, 600, 450, 400, 200, 0)]


REFUSED = """
    import json, resource
    from tonnage import trace
    from trace_support import of_lines

    # Room for which no system call is needed: what is free in arenas of which a part is in use.
    keep = [bytes(300) for _ in range(60_000)]
    free = [i for i in range(60_000) if i % 60]
    again = [None] * 1000
    for i in free:
        keep[i] = None
    trace.start()
    trace.cost()
    with open("/proc/self/statm") as pages:
        now = int(pages.read().split()[0]) * resource.getpagesize()
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (now, hard))
    for i in free:
        keep[i] = bytes(300)  # made
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    dropped = trace.cost().dropped
    said = [len(free), of_lines(__file__, "made", domains=(0, 1)), dropped]
    for i in range(1000):
        again[i] = bytes(2000)  # again
    said += [of_lines(__file__, "again", domains=(0, 1)), trace.cost().dropped == dropped]
    keep.clear(), again.clear()
    print(json.dumps([*said, of_lines(__file__, "made", "again", domains=(0, 1))]))
"""


def test_a_program_that_may_have_no_more_address_space_goes_on_and_what_was_dropped_is_counted(tmp_path: Path) -> None:
    n, ((size, count),), dropped, again, same, left = answer(REFUSED, tmp_path, PYTHONMALLOC="pymalloc")
    assert size == count * (300 + bytes.__basicsize__)
    assert 0 < n - count <= dropped.pop("memory")
    assert set(dropped.values()) == {0}
    assert (again, same) == ([[1000 * (2000 + bytes.__basicsize__), 1000]], True)
    assert left == [[0, 0], [0, 0]]


FAILING = """
    import json
    from tonnage import trace, NoMemoryError

    def work():
        keep = [None] * 600
        for i in range(600):
            keep[i] = bytearray(i)
        for x in keep[::2]:
            x.extend(bytes(500))
        return sum(map(len, keep))
    trace.is_on()  # the extension is there
    true, started, tried = work(), 0, []
    for mode in "exact", 10_000:
        for later in "", "+":
            for n in numbers():
                plan(f"mmap:{n}{later}:ENOMEM")
                try:
                    trace.start(mode)
                    started += 1
                except NoMemoryError:
                    pass
                assert work() == true
                n_failed = failed()
                plan("")
                assert work() == true
                if trace.is_on():
                    lost = trace.cost().dropped
                    trace.stop()
                    assert any(lost.values()) or not n_failed or not later, (mode, n, lost)
                if not n_failed:
                    break
            tried.append(n)
    print(json.dumps([started, tried]))
"""


def test_no_mapping_that_the_recorder_is_refused_is_seen_by_the_program(tmp_path: Path, library: Path) -> None:
    code = failing_calls.PRELUDE + "\n" + textwrap.dedent(FAILING)
    started, tried = answer(code, tmp_path, LD_PRELOAD=str(library))
    print(started, tried)
    assert started > 30 and min(tried) > 10
