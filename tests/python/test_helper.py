"""The helper thread: tasks, signals, the resident set, forks, the end of the interpreter; and the time line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from capture_support import TIMEOUT_SECONDS
from pure_reader import Snapshot as PureSnapshot
from tonnage._helper import Schedule


def run(code: str, *options: str, arguments: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """A program with an interpreter of its own, without a word about what it forgot."""
    words = [sys.executable, *options, "-c", textwrap.dedent(code), *arguments]
    return subprocess.run(words, capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False)


def clean(code: str, *options: str, arguments: tuple[str, ...] = ()) -> str:
    """What a program prints that ends well and has nothing to complain about, in the developers' mode."""
    done = run(code, "-X", "dev", "-W", "error", *options, arguments=arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


# ---- the schedule, with a clock of its own ----


class Bench:
    """A schedule whose time is told."""

    def __init__(self) -> None:
        self.now = 100.0
        self.alarm: float | None = None
        self.log: list[str] = []
        self.schedule = Schedule(lambda: self.now, self.arm)

    def arm(self, seconds: float | None) -> None:
        self.alarm = None if seconds is None else self.now + seconds

    def pass_time(self, seconds: float) -> None:
        """Lets time pass; alarms come when they are due."""
        end = self.now + seconds
        while self.alarm is not None and self.alarm <= end:
            self.now = max(self.now, self.alarm)
            self.alarm = None
            self.schedule.run_due()
        self.now = end

    def note(self, word: str) -> Callable[[], None]:
        return lambda: self.log.append(f"{word} {self.now:g}")


def test_tasks_come_in_order_and_once() -> None:
    bench = Bench()
    bench.schedule.add("late", 3, bench.note("late"))
    bench.schedule.add("soon", 1, bench.note("soon"))
    bench.schedule.add("never", 2, bench.note("never"))
    bench.schedule.cancel("never")
    bench.schedule.cancel("unknown")
    bench.pass_time(10)
    assert bench.log == ["soon 101", "late 103"]
    assert bench.alarm is None


def test_a_repeated_task_counts_from_its_end() -> None:
    bench = Bench()

    def slow() -> None:
        bench.log.append(f"{bench.now:g}")
        bench.now += 5

    bench.schedule.add("slow", 2, slow, repeat=True)
    bench.pass_time(12)
    assert bench.log == ["102", "109"]


def test_a_task_of_the_same_name_takes_the_place() -> None:
    bench = Bench()
    bench.schedule.add("one", 5, bench.note("first"), repeat=True)
    bench.schedule.add("one", 1, bench.note("second"))
    bench.pass_time(20)
    assert bench.log == ["second 101"]


def test_a_task_may_cancel_and_schedule_itself() -> None:
    bench = Bench()

    def cancels() -> None:
        bench.log.append("cancels")
        bench.schedule.cancel("cancels")

    def again() -> None:
        bench.log.append(f"again {bench.now:g}")
        bench.schedule.add("again", 4, bench.note("other"))

    bench.schedule.add("cancels", 1, cancels, repeat=True)
    bench.schedule.add("again", 2, again, repeat=True)
    bench.pass_time(30)
    assert bench.log == ["cancels", "again 102", "other 106"]


def test_a_task_that_raises_does_not_keep_others_from_running() -> None:
    bench = Bench()
    bench.schedule.add("bad", 1, lambda: 1 // 0, repeat=True)
    bench.schedule.add("good", 1, bench.note("good"))
    bench.now += 1
    with pytest.raises(ZeroDivisionError):
        bench.schedule.run_due()
    assert bench.alarm == bench.now
    bench.schedule.run_due()
    assert bench.log == ["good 101"]
    assert bench.alarm == 102
    assert "bad" in bench.schedule and "good" not in bench.schedule


def test_what_changes_while_the_alarm_is_set_is_not_lost() -> None:
    """A signal handler, or another thread, adds an earlier task between looking and arming."""
    bench = Bench()
    real, interfered = bench.arm, False

    def arm(seconds: float | None) -> None:
        nonlocal interfered
        if not interfered:
            interfered = True
            bench.schedule.add("earlier", 1, bench.note("earlier"))
        real(seconds)

    bench.schedule = Schedule(lambda: bench.now, arm)
    bench.schedule.add("later", 9, bench.note("later"))
    assert bench.alarm == 101


# ---- the thread ----


def test_the_timer_calls_again_and_again_in_one_thread_of_its_own() -> None:
    clean("""
        import _thread, threading, tonnage
        seen, enough = [], threading.Event()
        def func(a, *, b):
            seen.append((_thread.get_ident(), a, b))
            if len(seen) == 3:
                enough.set()
        handle = tonnage.timer(0.001, func, 1, b=2)
        assert handle.active
        assert enough.wait(60)
        handle.stop()
        assert not handle.active
        assert len(set(seen)) == 1 and seen[0][0] != _thread.get_ident() and seen[0][1:] == (1, 2)
    """)


def test_there_is_one_timer() -> None:
    clean("""
        import threading, tonnage
        first = tonnage.timer(3600, print, "never")
        enough = threading.Event()
        with tonnage.timer(0.001, enough.set) as second:
            assert not first.active and second.active
            first.stop()
            assert second.active and enough.wait(60)
            assert tonnage.timer(1, None).active is False
            assert not second.active
    """)
    for delay in ("0", "-1", "float('nan')"):
        assert "ValueError" in run(f"import tonnage; tonnage.timer({delay}, print)").stderr
    assert "TypeError" in run("import tonnage; tonnage.timer(1, 2)").stderr


def test_a_call_that_raises_is_reported_and_the_next_comes() -> None:
    out = clean("""
        import sys, threading, tonnage
        enough, seen = threading.Event(), []
        def hook(args):
            seen.append(args.exc_type)
            if len(seen) == 2:
                enough.set()
        sys.unraisablehook = hook
        tonnage.timer(0.001, lambda: 1 / 0)
        assert enough.wait(60)
        tonnage.timer(1, None)
        print(seen[0].__name__)
    """)
    assert out == "ZeroDivisionError\n"


def test_signals_and_the_resident_set_call() -> None:
    clean("""
        import os, signal, threading, tonnage
        from tonnage import _helper
        usr1, usr2, rss = threading.Event(), threading.Event(), threading.Semaphore(0)
        _helper.on_signal(signal.SIGUSR1, usr1.set)
        _helper.on_signal(signal.SIGUSR2, usr2.set)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert usr1.wait(60) and not usr2.is_set()
        os.kill(os.getpid(), signal.SIGUSR2)
        assert usr2.wait(60)
        _helper.on_rss(1 << 50, rss.release)
        _helper.on_rss(1, rss.release)
        assert rss.acquire(timeout=60)
        _helper.on_rss(1, rss.release)
        assert rss.acquire(timeout=60)
    """)


def test_a_signal_switched_off_does_what_it_did_before() -> None:
    done = run("""
        import os, signal
        from tonnage import _helper
        _helper.on_signal(signal.SIGUSR2, print)
        _helper.on_signal(signal.SIGUSR2, None)
        os.kill(os.getpid(), signal.SIGUSR2)
    """)
    assert done.returncode == -signal.SIGUSR2


def test_a_handler_of_the_program_takes_the_place_of_ours() -> None:
    clean("""
        import os, signal
        from tonnage import _helper
        seen = []
        _helper.on_signal(signal.SIGUSR2, lambda: seen.append("ours"))
        signal.signal(signal.SIGUSR2, lambda *rest: seen.append("theirs"))
        os.kill(os.getpid(), signal.SIGUSR2)
        _helper.on_signal(signal.SIGUSR2, None)
        os.kill(os.getpid(), signal.SIGUSR2)
        assert seen == ["theirs", "theirs"], seen
    """)


def test_the_program_sees_nothing_of_a_signal() -> None:
    """System calls that wait are restarted; ours is the only handler, so that Python has no part in it."""
    clean("""
        import ctypes, os, signal, subprocess, sys
        from tonnage import _helper
        read = ctypes.CDLL(None, use_errno=True).read  # not os.read: Python would try again itself
        count = []
        heard, seen = os.pipe()
        def called():
            count.append(1)
            if len(count) == 2:
                os.close(seen)
        _helper.on_signal(signal.SIGUSR2, called)
        inside, outside = os.pipe()
        sender = subprocess.Popen([sys.executable, "-c", '''if 1:
            import os, select, signal, sys, time
            sent, heard = 0, int(sys.argv[3])
            # However late the other thread gets its turn.
            while sent < 50 or (not select.select([heard], [], [], 0)[0] and sent < 20_000):
                os.kill(int(sys.argv[1]), signal.SIGUSR2)
                time.sleep(0.002)
                sent += 1
            os.write(int(sys.argv[2]), b"x")
        ''', *map(str, [os.getpid(), outside, heard])], pass_fds=[outside, heard])
        buffer = ctypes.create_string_buffer(1)
        assert read(inside, buffer, 1) == 1, os.strerror(ctypes.get_errno())
        sender.wait()
        assert len(count) > 1
    """)


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGSEGV, 0, 65])
def test_a_signal_that_cannot_be_handled_is_refused(signum: int) -> None:
    done = run(f"from tonnage import _helper; _helper.on_signal({int(signum)}, print)")
    assert "ValueError: signal" in done.stderr


def test_callbacks_run_with_the_signals_of_the_program() -> None:
    """A program that a callback starts must not inherit that all signals are blocked."""
    clean("""
        import signal, threading, tonnage
        masks, enough = [], threading.Event()
        def look():
            masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, []))
            enough.set()
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGHUP])
        tonnage.timer(0.001, look)
        assert enough.wait(60)
        assert masks[0] == {signal.SIGHUP}, masks[0]
    """)


# ---- forks ----

FORK = """
        import os, time, warnings
        def fork():  # warns where it has waited alone: for a call, or for the kernel to forget a thread that has ended
            begun = time.monotonic()
            with warnings.catch_warnings(record=True, action="always") as told:
                child = os.fork()
            assert not told or time.monotonic() - begun >= 0.02, str(told[0].message)
            return child
"""


def test_forks_know_nothing_of_the_helper() -> None:
    """No warning in the parent, which has no thread of its own; it goes on; the child has none, until it starts one."""
    code = """
        import os, signal, sys, time, tonnage
        from tonnage import _helper

        def threads():
            return len(os.listdir("/proc/self/task"))

        calls = []
        handle = tonnage.timer(0.001, calls.append, 1)
        _helper.on_signal(signal.SIGUSR2, print)
        for n in range(20):
            child = fork()
            if child == 0:
                good = threads() == 1 and not handle.active
                good = good and signal.getsignal(signal.SIGUSR2) == signal.SIG_DFL
                calls.clear()
                tonnage.timer(0.001, calls.append, 1)
                while not calls:
                    time.sleep(0.001)
                os._exit(0 if good else 1)
            assert os.waitpid(child, 0)[1] == 0
            calls.clear()
            while not calls:
                time.sleep(0.001)
        tonnage.timer(1, None)
    """
    clean(FORK + code)


def test_a_child_dies_of_the_signal_again() -> None:
    code = """
        import os, signal
        from tonnage import _helper
        _helper.on_signal(signal.SIGUSR2, print)
        child = fork()
        if child == 0:
            os.kill(os.getpid(), signal.SIGUSR2)
            os._exit(0)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGUSR2
    """
    clean(FORK + code)


def test_forks_of_threads_and_of_callbacks_end() -> None:
    clean("""
        import os, threading, time, tonnage, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # here there is another thread
        calls, statuses = [], []
        def fork():
            child = os.fork()
            if child == 0:
                os._exit(0)
            statuses.append(os.waitpid(child, 0)[1])
        tonnage.timer(0.001, calls.append, 1)
        thread = threading.Thread(target=lambda: [fork() for _ in range(10)])
        thread.start()
        thread.join()
        calls.clear()
        while not calls:
            time.sleep(0.001)
        statuses.clear()
        tonnage.timer(0.001, fork)
        while len(statuses) < 3:
            time.sleep(0.001)
        tonnage.timer(1, None)
        assert not any(statuses)
    """)


LOCKS = {
    "of the program": "lock = threading.Lock()",
    "of logging, whose hooks come first": "import logging; lock = logging._lock",
}


@pytest.mark.parametrize("whose", LOCKS)
def test_a_fork_does_not_wait_for_a_call_that_waits_for_the_forking_thread(whose: str) -> None:
    out = run(f"""
        import os, threading, tonnage
        inside, go_on, over = threading.Event(), threading.Event(), threading.Event()
        def func():
            inside.set()
            with lock:
                over.set()
        tonnage.timer(3600, print)  # the hooks of the helper are registered before those of logging
        {LOCKS[whose]}
        with lock:
            tonnage.timer(0.001, func)
            inside.wait()
            child = os.fork()
            if child == 0:
                os._exit(len(os.listdir("/proc/self/task")))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), over.wait(60), flush=True)
    """)
    assert (out.returncode, out.stdout) == (0, "1 True\n"), out.stderr


def test_a_timer_that_logs_stands_forks() -> None:
    out = run("""
        import os, threading, time, tonnage
        n = 0
        def func():
            global n
            logging.getLogger().warning("line")
            n += 1
        tonnage.timer(0.0001, lambda: None)
        import logging
        logging.basicConfig(stream=open(os.devnull, "w"))
        tonnage.timer(1e-6, func)
        for _ in range(20):
            if (child := os.fork()) == 0:
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        before = n
        while n == before:
            time.sleep(0.001)
        print("end", flush=True)
        os._exit(0)
    """)
    assert (out.returncode, out.stdout) == (0, "end\n"), out.stderr


def test_a_thread_that_cannot_start_after_a_fork_is_not_raised_in_the_program() -> None:
    done = run("""
        import os, resource, sys, tonnage, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork that has waited
        def limit():
            resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        os.register_at_fork(after_in_parent=limit)  # before that of the helper
        tonnage.timer(3600, print)
        seen = []
        sys.unraisablehook = lambda args: seen.append(str(args.exc_value))
        if os.getuid() == 0:
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)
        try:
            if os.fork() == 0:
                os._exit(0)
            for _ in range(100):
                pass
        except RuntimeError as error:
            print("raised", error)
        print(seen)
    """)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("['the system gives no thread")


def test_a_program_may_become_another() -> None:
    out = clean("""
        import os, signal, sys, tonnage
        from tonnage import _helper
        tonnage.timer(0.001, len, "")
        _helper.on_signal(signal.SIGUSR2, print)
        code = "import os, signal; print(len(os.listdir('/proc/self/task')), signal.getsignal(signal.SIGUSR2).name)"
        os.execv(sys.executable, [sys.executable, "-c", code])
    """)
    assert out == "1 SIG_DFL\n"


# ---- the end ----


def test_the_interpreter_ends_with_the_helper_on() -> None:
    code = """
        import sys, tonnage
        from tonnage import _helper
        _helper.timeline(0.001)
        tonnage.timer(1e-6, lambda: [object() for _ in range(100)])
        sys.exit(7)
    """
    words = [sys.executable, "-c", textwrap.dedent(code)]
    for _ in range(50):
        done = subprocess.run(words, capture_output=True, timeout=TIMEOUT_SECONDS, check=False)
        assert (done.returncode, done.stderr) == (7, b"")


def test_a_signal_while_the_interpreter_ends_does_not_end_the_program() -> None:
    done = run("""
        import atexit, os, signal
        atexit.register(lambda: print("end"))
        atexit.register(lambda: os.kill(os.getpid(), signal.SIGUSR2))  # runs after the helper's own
        from tonnage import _helper
        _helper.on_signal(signal.SIGUSR2, len)
    """)
    assert (done.returncode, done.stdout) == (0, "end\n")


def test_nothing_is_scheduled_while_the_interpreter_ends() -> None:
    done = run("""
        import atexit
        import tonnage
        atexit.register(lambda: tonnage.timer(1, print))  # runs after tonnage's own, which is registered later
        tonnage.timer(1, print)
    """)
    assert "RuntimeError: the interpreter is ending" in done.stderr


def test_a_call_in_progress_is_waited_for() -> None:
    out = clean("""
        import threading, time, tonnage
        inside = threading.Event()
        def slow():
            inside.set()
            time.sleep(0.1)
            print("done")
        tonnage.timer(0.001, slow)
        inside.wait()
    """)
    assert out == "done\n"


def test_a_subinterpreter_cannot_start_it() -> None:
    done = run("""
        import tonnage._capture
        try:
            import _interpreters as interpreters
            make = lambda: interpreters.create("legacy")
        except ImportError:
            import _xxsubinterpreters as interpreters
            make = lambda: interpreters.create(isolated=False)
        code = '''if 1:
            from tonnage import _capture
            try:
                _capture.helper_start(print)
            except (RuntimeError, ImportError) as error:
                print(error)
        '''
        interpreters.run_string(make(), code)
    """)
    assert "subinterpreter" in done.stdout, done.stderr


def test_importing_tonnage_starts_nothing() -> None:
    out = clean("""
        import sys, tonnage
        print([name for name in ("tonnage._helper", "tonnage._capture", "threading") if name in sys.modules])
    """)
    assert out == "[]\n"


# ---- the time line ----

PROGRAM = """
    import sys, threading, time, tonnage
    from tonnage import _helper
    before = time.monotonic_ns()
    _helper.timeline(0.001)
    keep = bytearray(8 << 20)
    while len(tonnage.snapshot(mode="stop", threads=1).timeline) < 4:
        pass
    tonnage.snapshot(sys.argv[1], mode=sys.argv[2], threads=1)
    print(before, time.monotonic_ns())
"""


@pytest.mark.parametrize("mode", ["stop", "fork"])
def test_the_time_line_is_in_the_file(tmp_path: Path, mode: str) -> None:
    """As the reader of docs/format.md reads it, tonnage.load() and the command do."""
    import tonnage

    path = tmp_path / "a.tonnage"
    before, after = map(int, clean(PROGRAM, arguments=(str(path), mode)).split())
    pure = PureSnapshot.open(path)
    assert pure.check() == []
    assert len(pure.times) > 3
    assert before <= pure.times[0].time_ns and pure.times[-1].time_ns <= after
    for time in pure.times:
        assert time.rss is not None and 1 << 20 < time.rss < 1 << 40
        assert time.threads == 2
        assert time.traced is None
        assert all(count is not None and count < 1 << 24 for count in time.generations)
    with tonnage.load(path) as snapshot:
        assert [
            (sample.time_ns, sample.rss, sample.traced, sample.generations, sample.threads)
            for sample in snapshot.timeline
        ] == [tuple(time) for time in pure.times]
        assert "Time line\n  samples  " in str(snapshot.info())
        rows = json.loads(snapshot.info().json())["timeline"]
        assert [(*row.values(),) for row in rows] == [
            (time.time_ns, time.rss, time.traced, list(time.generations), time.threads) for time in pure.times
        ]
        assert snapshot.check() == []


def test_without_a_time_line_there_is_none(tmp_path: Path) -> None:
    import tonnage

    path = tmp_path / "a.tonnage"
    clean("""
        import sys, tonnage
        from tonnage import _helper
        _helper.timeline(0.001)
        _helper.timeline(0)
        tonnage.snapshot(sys.argv[1])
    """, arguments=(str(path),))  # fmt: skip
    assert "TIME" not in PureSnapshot.open(path).chunks
    with tonnage.load(path) as snapshot:
        assert snapshot.timeline == ()
        assert "Time line" not in str(snapshot.info())
        assert json.loads(snapshot.info().json())["timeline"] == []
