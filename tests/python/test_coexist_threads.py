"""Threads, event loops and greenlets go on while snapshots are taken, and a second capture waits or is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from coexist_support import MODES, ROUNDS, needs, run, whole


@MODES
def test_a_hundred_threads_that_come_and_go(how: str, tmp_path: Path) -> None:
    code = f"""
    import sys, threading, tonnage
    done, handle = [], tonnage.every(0.02, "a-{{n}}.tonnage", mode={how!r}, quiet=True, at_exit=False)
    def brief(n):
        kept = [[n], str(n)] * 100
        done.append(n)
    def busy():
        while len(handle.files) < 3:
            threads = [threading.Thread(target=brief, args=(n,)) for n in range(10)]
            for one in threads: one.start()
            for one in threads: one.join()
    threads = [threading.Thread(target=busy) for n in range(100)]
    for one in threads: one.start()
    tonnage.snapshot("b.tonnage", mode={how!r}).close()
    for one in threads: one.join()
    handle.stop()
    print(len(handle.files) >= 3, len(done) % 10)
    """
    assert run(code, tmp_path / "files") == "True 0\n"
    assert "b.tonnage" in whole(tmp_path / "files")


LOOP = """
    import asyncio, sys, tonnage
    kept = [[n] for n in range(200_000)]
    ticks = 0
    async def tick():
        global ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)
    async def main():
        task = asyncio.create_task(tick())
        (await asyncio.to_thread(tonnage.snapshot, "a.tonnage", mode="{how}")).close()
        during = ticks
        with tonnage.every(0.02, "e-{{n}}.tonnage", mode="{how}", quiet=True, at_exit=False) as handle:
            while len(handle.files) < 3:
                await asyncio.sleep(0.01)
        task.cancel()
        print(during > 10, ticks > during + 10)
"""


@MODES
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_an_event_loop_ticks_while_snapshots_are_taken(how: str, loop: str, tmp_path: Path) -> None:
    needs(*(["uvloop"] if loop == "uvloop" else []))
    main = "asyncio.run(main())" if loop == "asyncio" else "import uvloop; uvloop.run(main())"
    assert run(f"{LOOP.format(how=how)}\n    {main}\n", tmp_path / "files") == "True True\n"
    assert "a.tonnage" in whole(tmp_path / "files")


@MODES
def test_the_hub_of_gevent_runs_on_and_callbacks_may_use_gevent(how: str, tmp_path: Path) -> None:
    """The thread of tonnage is none that gevent knows: a callback that waits gets a hub of its own."""
    needs("gevent")
    code = f"""
    from gevent import monkey; monkey.patch_all()
    import gevent, tonnage
    ticks, seen = 0, []
    def tick():
        global ticks
        while True:
            ticks += 1
            gevent.sleep(0.001)
    gevent.spawn(tick)
    with tonnage.every(0.02, "a-{{n}}.tonnage", mode={how!r}, quiet=True, at_exit=False) as handle:
        while len(handle.files) < 3: gevent.sleep(0.01)
    print(ticks > 3)
    def called():
        gevent.sleep(0.001)
        gevent.spawn(seen.append, "ok").join()
    with tonnage.timer(0.001, called):
        while len(seen) < 20: gevent.sleep(0.01)
    tonnage.snapshot("b.tonnage", mode={how!r}).close()
    print(set(seen))
    """
    assert run(code, tmp_path / "files") == "True\n{'ok'}\n"
    assert "b.tonnage" in whole(tmp_path / "files")


@MODES
def test_greenlets_that_wait_and_that_run(how: str, tmp_path: Path) -> None:
    needs("greenlet")
    code = f"""
    import greenlet, threading, tonnage
    def waits(n):
        kept = [n] * 10
        greenlet.getcurrent().parent.switch()
        return kept
    waiting = [greenlet.greenlet(waits) for n in range(500)]
    for n, one in enumerate(waiting): one.switch(n)
    def deep(n):
        if n: return deep(n - 1)
        tonnage.snapshot("in.tonnage", mode={how!r}).close()
    greenlet.greenlet(deep).switch(50)
    handle = tonnage.every(0.02, "a-{{n}}.tonnage", mode={how!r}, quiet=True, at_exit=False)
    def switches():
        here = greenlet.getcurrent()
        def other():
            while True: here.switch()
        one = greenlet.greenlet(other)
        while len(handle.files) < 3: one.switch()
    threads = [threading.Thread(target=switches) for n in range(3)]
    for one in threads: one.start()
    switches()
    for one in threads: one.join()
    handle.stop()
    print(sum(len(one.switch()) for one in waiting))
    """
    assert run(code, tmp_path / "files") == "5000\n"
    assert "in.tonnage" in whole(tmp_path / "files")


# ---- a second capture while one is taken ----


@MODES
def test_captures_of_threads_timers_and_handlers_all_end(how: str, tmp_path: Path) -> None:
    code = f"""
    import signal, threading, time, tonnage
    kept, said = [[n] for n in range(100_000)], []
    tonnage.snapshot().close()  # imports what it needs: imports of 3.11 break when a handler interrupts them to import
    def take(*_):
        try:
            tonnage.snapshot(mode={how!r}).close()
            said.append("taken")
        except tonnage.Busy:
            said.append("Busy")
    signal.signal(signal.SIGALRM, take)
    for n in range({8 * ROUNDS}):
        signal.setitimer(signal.ITIMER_REAL, 0.002 + n * 0.011 % 0.2)
        take()
        while len(said) < 2: time.sleep(0.001)
        assert set(said) <= {{"taken", "Busy"}} and "taken" in said, said
        said.clear()
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    with tonnage.timer(0.001, take):
        threads = [threading.Thread(target=take) for n in range(4)]
        for one in threads: one.start()
        for one in threads: one.join()
        while len(said) < 8: time.sleep(0.001)
    print(set(said))
    """
    assert run(code, tmp_path / "files") == "{'taken'}\n"


@MODES
def test_a_capture_in_the_collector_is_refused_and_in_a_finalizer_taken(how: str, tmp_path: Path) -> None:
    code = f"""
    import gc, tonnage
    def take(*_):
        try:
            tonnage.snapshot(mode={how!r}).close()
            print("taken")
        except tonnage.Busy as error:
            print("Busy", "collect" in str(error))
    gc.disable()
    gc.callbacks.append(take)
    gc.collect()
    gc.callbacks.remove(take)
    class Last:
        __del__ = take
    last = Last()
    last.itself = last
    del last
    gc.collect()
    last = Last()
    del last
    """
    assert run(code, tmp_path / "files") == "Busy True\n" * 3 + "taken\n"
