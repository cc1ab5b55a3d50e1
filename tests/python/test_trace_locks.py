"""The recorder beside locks, forks, hooks and libraries of others.

What hangs is ended by the program's own watchdog, which shows where each thread is.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
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
                    run_new("child")
                    trace.stop()
                    os._exit(7)
                visits[1] += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 7
            return 0
        def run_new(name):
            sys.modules[name] = types.ModuleType(name)  # as an import does
            exec(compile(f"def {name}():\\n    return [bytearray(1000)]\\n{name}()", name, "exec"), {})
        def walk():
            while not done.is_set():
                libc.dl_iterate_phdr(visit, None)
        trace.start()
        thread = threading.Thread(target=walk)
        thread.start()
        for i in range(100):
            run_new(f"new{i}")
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


# ---- words of libraries ----

TRACKS = """
    #include <stddef.h>
    #include <stdint.h>
    int PyTraceMalloc_Track(unsigned domain, uintptr_t address, size_t size);
    static volatile int data = 1;
    int track(unsigned domain, uintptr_t address, size_t size) { return PyTraceMalloc_Track(domain, address, size); }
    int poke(void) { return data++; }
"""
# In the program: what is recorded by name; and what an import does, so that libraries are looked through.
HEAD = """
    import ctypes, faulthandler, json, sys, types, _ctypes
    from tonnage import trace, _capture

    faulthandler.dump_traceback_later(60, exit=True)
    def tracked():
        return sorted([row[1], row[3], row[4]] for row in _capture.trace_sites() if row[2] and row[4])
    def look(name):
        sys.modules[name] = types.ModuleType(name)
        exec(compile(f"def {name}():\\n    return [bytearray(1000)]\\n{name}()", name, "exec"), {})
        for _ in range(10):
            pass
"""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A library that tracks memory by a word that is filled when it is first used, on a page with its data."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler")
    (tmp_path / "tracks.c").write_text(TRACKS)
    path = tmp_path / "tracks_1.so"
    words = [compiler, "-shared", "-fPIC", "-O1", "-fplt", "-Wl,-z,lazy,-z,relro", "-o", str(path)]
    subprocess.run([*words, str(tmp_path / "tracks.c")], check=True)
    return path


def test_a_library_that_comes_where_another_was_is_looked_through(library: Path, tmp_path: Path) -> None:
    shutil.copy(library, library.with_name("tracks_2.so"))
    code = (
        HEAD
        + """
    trace.start()
    for number, path in enumerate(sys.argv[1:], 1):
        library = ctypes.PyDLL(path)
        look(f"new{number}")
        library.track(number, ctypes.c_size_t(0x1000), ctypes.c_size_t(100 * number))
        _ctypes.dlclose(library._handle)
    print(json.dumps(tracked()))
    """
    )
    words = (str(library), str(library.with_name("tracks_2.so")))
    assert answer(code, tmp_path, *words) == [[1, 100, 1], [2, 200, 1]]


def test_a_child_looks_through_what_it_has_loaded_itself(library: Path, tmp_path: Path) -> None:
    code = (
        HEAD
        + """
    import os, warnings
    warnings.simplefilter("ignore", DeprecationWarning)  # of forks with threads
    trace.start()
    child = os.fork()
    library = ctypes.PyDLL(sys.argv[1])  # in both
    for i in range(2000):  # the first look may find out only that it can
        look(f"new{i}")
        library.track(1, ctypes.c_size_t(0x1000 + i), ctypes.c_size_t(100))
        if tracked():
            break
    if child == 0:
        os._exit(7 if tracked() == [[1, 100, 1]] else 1)
    print(json.dumps([tracked(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])]))
    """
    )
    assert answer(code, tmp_path, str(library)) == [[[1, 100, 1]], 7]


def test_a_page_with_data_is_left_writable(library: Path, tmp_path: Path) -> None:
    image = bytearray(library.read_bytes())
    first, size, n = struct.unpack_from("<Q", image, 32)[0], *struct.unpack_from("<HH", image, 54)
    headers = [first + i * size for i in range(n)]
    (relro,) = [at for at in headers if struct.unpack_from("<I", image, at)[0] == 0x6474E552]
    (bytes_,) = struct.unpack_from("<Q", image, relro + 40)
    struct.pack_into("<Q", image, relro + 40, bytes_ + 256)  # as with pages that are larger than the linker thought
    library.write_bytes(image)
    code = (
        HEAD
        + """
    library = ctypes.PyDLL(sys.argv[1])
    trace.start()
    library.track(1, ctypes.c_size_t(0x1000), ctypes.c_size_t(100))
    said = [tracked(), library.poke()]
    trace.stop()
    print(json.dumps([*said, library.poke()]))
    """
    )
    assert answer(code, tmp_path, str(library)) == [[[1, 100, 1]], 1, 2]


def word_of(library: Path, name: bytes) -> int:
    """Where in a library the word is through which it calls a function."""
    image = library.read_bytes()
    sections, size, n = struct.unpack_from("<Q", image, 40)[0], *struct.unpack_from("<HH", image, 58)
    rows = [struct.unpack_from("<IIQQQQIIQQ", image, sections + i * size) for i in range(n)]
    for _, kind, _, _, offset, length, link, _, _, _ in rows:
        if kind != 4:  # relocations
            continue
        symbols = rows[link]
        strings = rows[symbols[6]][4]
        for at in range(offset, offset + length, 24):
            where, info, _ = struct.unpack_from("<QQq", image, at)
            (text,) = struct.unpack_from("<I", image, symbols[4] + 24 * (info >> 32))
            if image[strings + text : image.index(0, strings + text)] == name:
                return int(where)
    raise AssertionError(f"{library} does not call {name!r}")


def test_a_word_that_another_tool_replaced_is_left_alone(library: Path, tmp_path: Path) -> None:
    shutil.copy(library, library.with_name("tracks_2.so"))
    code = (
        HEAD
        + """
    paths, offset = sys.argv[1:3], int(sys.argv[3])
    def base(path):
        with open("/proc/self/maps") as maps:
            return min(int(line.split("-")[0], 16) for line in maps if line.rstrip().endswith(path))
    libraries = [ctypes.PyDLL(path) for path in paths]
    (low, one), (_, tool) = sorted((base(path), i) for i, path in enumerate(paths))
    word = ctypes.c_size_t.from_address(low + offset)
    word.value = theirs = ctypes.cast(libraries[tool].poke, ctypes.c_void_p).value
    trace.start()
    same = [word.value == theirs]
    libraries[tool].track(1, ctypes.c_size_t(0x1000), ctypes.c_size_t(100))  # by a word that nobody used before
    said = tracked()
    trace.stop()
    print(json.dumps([*same, word.value == theirs, said]))
    """
    )
    words = (str(library), str(library.with_name("tracks_2.so")), str(word_of(library, b"PyTraceMalloc_Track")))
    assert answer(code, tmp_path, *words) == [True, True, [[1, 100, 1]]]
