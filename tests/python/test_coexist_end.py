"""The end of a program, however it comes, while snapshots are taken: no hang, no crash, nothing half written."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest
from coexist_support import MODES, ROUNDS, run, start, whole

HEAD = """
    import atexit, os, signal, sys, threading, time, types, tonnage
    from tonnage import _capture
    how = sys.argv[1]
    kept = [[n] for n in range(20_000)]
    handle = tonnage.every(0.02, "a-{pid}-{n}.tonnage", mode=how, quiet=True)
    def take(n=1):
        for again in range(n):
            tonnage.snapshot(mode=how).close()
            time.sleep(0.005)  # so that others get their turn
    def ask(signum):
        threading.Timer(0.06, os.kill, (os.getpid(), signum)).start()
"""

# What a program does, and the code it ends with.
ENDS = {
    "atexit": ("atexit.register(take)", 0),
    "daemon threads": (
        "for n in range(3): threading.Thread(target=take, args=(10**9,), daemon=True).start()\ntime.sleep(0.05)",
        0,
    ),
    "a thread outlives main": (
        "def late():\n"
        "    time.sleep(0.05); take(); tonnage.every(0.02, 'b-{pid}-{n}.tonnage', mode=how, quiet=True); take()\n"
        "threading.Thread(target=late).start()",
        0,
    ),
    "sys.exit in threads": (
        "def leave():\n    take(); sys.exit(3)\n"
        "threads = [threading.Thread(target=leave) for n in range(4)]\n"
        "for one in threads: one.start()\n"
        "for one in threads: one.join()",
        0,
    ),
    "interrupted": ("try:\n    ask(signal.SIGINT)\n    while True: take()\nexcept KeyboardInterrupt: sys.exit(4)", 4),
    "interrupted in a recording": (
        "try:\n    ask(signal.SIGINT)\n    while True: time.sleep(0.001)\nexcept KeyboardInterrupt: sys.exit(4)",
        4,
    ),
    "terminated": ("ask(signal.SIGTERM)\nwhile True: take()", -signal.SIGTERM),
    "terminated, handled": (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))\nask(signal.SIGTERM)\nwhile True: take()",
        5,
    ),
    "os._exit": ("take()\ntime.sleep(0.03)\nos._exit(6)", 6),
    "finalizer": (
        "class Last:\n"
        "    def __del__(self, take=_capture.snapshot, write=os.write, how=how):\n"
        "        take(b'last.tonnage', mode=how, force=True); write(1, b'taken')\n"
        "holder = sys.modules['holder'] = types.ModuleType('holder')\n"
        "holder.last = Last(); del holder, Last\n"
        "for n in range(3): threading.Thread(target=take, args=(10**9,), daemon=True).start()\n"
        "time.sleep(0.1)",
        0,
    ),
}  # fmt: skip


@MODES
@pytest.mark.parametrize("end", ENDS)
def test_a_program_ends_as_without_us(end: str, how: str, tmp_path: Path) -> None:
    act, code = ENDS[end]
    for again in range(2 * ROUNDS):
        folder = tmp_path / f"files{again}"
        program = "\n".join([HEAD, *(f"    {line}" for line in act.splitlines())])
        done = start(program, folder, how)
        assert (done.returncode, done.stderr) == (code, "")
        assert done.stdout == ("taken" if end == "finalizer" else "")
        names = whole(folder)
        if code >= 0 and end != "os._exit":
            assert any(re.fullmatch(r"[ab]-\d+-\d+\.tonnage", name) for name in names)
        assert ("last.tonnage" in names) is (end == "finalizer")


def test_a_recording_that_begins_too_late_is_refused_or_ends_with_the_interpreter(tmp_path: Path) -> None:
    """A handler that runs at exit, and a finalizer that runs after all of them."""
    code = """
    import atexit, sys, time, types
    def late():
        import tonnage
        from tonnage import _helper
        tonnage.every(0.02, "a-{n}.tonnage", quiet=True)
        class Last:
            def __del__(self, start=_helper._start, sleep=time.sleep, write=print):
                sleep(0.05)
                _helper._state = "new"
                try:
                    start()
                    write("started")
                except RuntimeError as error:
                    write(error)
        holder = sys.modules["holder"] = types.ModuleType("holder")
        holder.last = Last()
    atexit.register(late)
    """
    for again in range(5 * ROUNDS):
        said = run(code, tmp_path / f"files{again}")
        assert said == "the interpreter is ending: no more tasks can be scheduled\n"
