"""The recorder and locks of others: of the dynamic linker, of forks, of hooks that are exchanged.

What hangs is ended by the program's own watchdog, which shows where each thread is.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from trace_support import answer


def test_callbacks_of_the_dynamic_linker_may_be_python_while_new_code_runs(tmp_path: Path) -> None:
    code = """
        import ctypes, faulthandler, json, os, sys, threading, types, warnings
        from tonnage import trace

        faulthandler.dump_traceback_later(60, exit=True)
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks with threads
        sys.setswitchinterval(1e-5)
        libc, done, visits = ctypes.CDLL(None), threading.Event(), [0, 0]
        @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p)
        def visit(info, size, data):
            visits[0] += 1
            if visits[0] % 100 == 1:  # who forks has the linker's lock
                child = os.fork()
                if child == 0:
                    os._exit(7)
                visits[1] += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 7
            return 0
        def walk():
            while not done.is_set():
                libc.dl_iterate_phdr(visit, None)
        trace.start()
        thread = threading.Thread(target=walk)
        thread.start()
        for i in range(100):
            name = f"new{i}"
            sys.modules[name] = types.ModuleType(name)  # as an import does
            exec(compile(f"def {name}():\\n    return [bytearray(1000)]\\n{name}()", name, "exec"), {})
            if i % 25 == 24:
                trace.stop()
                trace.start()
        done.set()
        thread.join()
        print(json.dumps(visits))
    """
    visits, failed = answer(code, tmp_path)
    assert visits > 0 and failed == 0


def test_a_thread_without_the_lock_may_fork_while_another_forks(tmp_path: Path) -> None:
    code = """
        import ctypes, faulthandler, json, os, threading, warnings
        from tonnage import trace

        faulthandler.dump_traceback_later(60, exit=True)
        warnings.simplefilter("ignore", DeprecationWarning)  # of forks with threads
        libc, python = ctypes.CDLL(None), ctypes.pythonapi
        fork = libc.fork
        python.PyMem_RawMalloc.restype = ctypes.c_void_p
        forks, main = [], threading.get_ident()
        ready, begin, forked, end = locks = [threading.Lock() for _ in range(4)]  # to wait for one takes no memory
        for lock in locks:
            lock.acquire()
        def other():
            ready.release()
            begin.acquire()
            forks.append(fork())
            forked.release()
            end.acquire()
        @ctypes.CFUNCTYPE(None)
        def before():  # ours has been called: handlers of before come first at the end
            if threading.get_ident() == main:
                begin.release()
                forked.acquire(timeout=5)  # in vain where the system lets one fork at a time
        libc.__register_atfork(before, None, libc._exit, None)  # children end at once
        trace.start()
        thread = threading.Thread(target=other)
        thread.start()
        ready.acquire()
        forks.append(os.fork())
        end.release()
        python.PyMem_RawFree(ctypes.c_void_p(python.PyMem_RawMalloc(ctypes.c_size_t(1000))))  # the gate is open
        thread.join()
        for child in forks:
            os.waitpid(child, 0)
        print(json.dumps([len(forks), trace.site_of(bytearray(1000)) is not None]))
    """
    assert answer(code, tmp_path) == [2, True]


@pytest.mark.parametrize("mode", ["exact", "sampled"])
def test_hooks_stand_over_the_context_of_what_they_replace(mode: str, tmp_path: Path) -> None:
    code = """
        import ctypes, json, sys, tracemalloc
        from tonnage import trace

        class Allocator(ctypes.Structure):
            _fields_ = [(name, ctypes.c_void_p) for name in ("ctx", "malloc", "calloc", "realloc", "free")]
        def now():
            found = [Allocator() for _ in range(3)]
            for domain, allocator in enumerate(found):
                ctypes.pythonapi.PyMem_GetAllocator(domain, ctypes.byref(allocator))
            return [[a.ctx, a.malloc] for a in found]
        tracemalloc.start()
        before = now()
        trace.start(sys.argv[1])
        within = now()
        trace.stop()
        print(json.dumps([before, within, now()]))
    """
    before, within, after = answer(code, tmp_path, mode)
    assert before == after
    for (context, function), (context_within, function_within) in zip(before, within, strict=True):
        assert context and context_within == context
        assert function_within != function
