"""Takes a snapshot from an unusual place.  Argument: which."""

from __future__ import annotations

import asyncio
import atexit
import code
import gc
import os
import signal
import sys
import threading
from typing import Any

import tonnage
from plant import ARGUMENTS, SNAPSHOT, finish, plant

OUTCOME: list[str] = []


def attempt(path: str = SNAPSHOT) -> None:
    try:
        tonnage.snapshot(path).close()
        OUTCOME.append("taken")
    except tonnage.Busy as error:
        OUTCOME.append(f"Busy: {error}")
    except BaseException as error:
        OUTCOME.append(f"{type(error).__name__}: {error}")


def in_collector_callback() -> None:
    done = []

    def callback(phase: str, _: Any) -> None:
        if not done:
            done.append(phase)
            attempt()

    gc.callbacks.append(callback)
    gc.collect()
    gc.callbacks.remove(callback)


class Dying:
    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        attempt()


def in_finalizer() -> None:
    """A finalizer that the collector runs."""
    Dying()
    gc.collect()


def in_destructor() -> None:
    """A finalizer that the last reference runs, with no collection going on."""
    dying = Dying()
    del dying.me


def in_weakref_callback() -> None:
    import weakref

    target = Dying.__new__(type("Plain", (), {}))
    reference = weakref.ref(target, lambda _: attempt())
    del target
    assert reference() is None


def in_thread() -> None:
    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()


def in_many_threads() -> None:
    threads = [threading.Thread(target=attempt, args=(f"{SNAPSHOT}.{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    attempt()


def under_asyncio() -> None:
    async def other(event: asyncio.Event) -> None:
        in_other_task = plant("local of a task", object())
        await event.wait()
        assert in_other_task

    async def run() -> None:
        event = asyncio.Event()
        task = asyncio.create_task(other(event))
        await asyncio.sleep(0)
        attempt()
        event.set()
        await task

    asyncio.run(run())


def in_generator() -> None:
    def generator() -> Any:
        attempt()
        yield 1

    next(generator())


def in_signal_handler() -> None:
    signal.signal(signal.SIGUSR1, lambda *_: attempt())
    os.kill(os.getpid(), signal.SIGUSR1)
    for _ in range(1000):
        pass


def in_trace_function() -> None:
    done = []

    def trace(*_: Any) -> None:
        if not done:
            done.append(1)
            attempt()

    sys.settrace(trace)
    (lambda: None)()
    sys.settrace(None)


def in_interact() -> None:
    lines = iter([f"import tonnage; tonnage.snapshot({SNAPSHOT!r}).close()", "made = 'taken'"])

    def read(_: str = "") -> str:
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    space: dict[str, Any] = {}
    code.interact(banner="", readfunc=read, local=space, exitmsg="")
    OUTCOME.append(space.get("made", "no"))


def at_breakpoint() -> None:
    local_at_breakpoint = plant("local at a breakpoint", object())
    breakpoint()  # noqa: T100
    OUTCOME.append("taken" if os.path.exists(SNAPSHOT) else "no")
    assert local_at_breakpoint


def deep_in_recursion() -> None:
    def down(level: int) -> None:
        if level:
            down(level - 1)
        else:
            attempt()

    sys.setrecursionlimit(100_000)
    down(20_000)


def with_collector_disabled() -> None:
    gc.disable()
    attempt()
    OUTCOME.append(str(gc.isenabled()))


def in_subclass_hook() -> None:
    class Meta(type):
        def mro(cls) -> Any:
            attempt()
            return type.mro(cls)

    Meta("Made", (), {})


def in_audit_hook() -> None:
    done = []

    def hook(event: str, _: Any) -> None:
        if event == "os.listdir" and not done:
            done.append(1)
            attempt()

    sys.addaudithook(hook)
    os.listdir(".")


def in_child_of_fork() -> None:
    attempt(SNAPSHOT + ".parent")
    pid = os.fork()
    if pid == 0:
        attempt()
        os._exit(0 if OUTCOME[-1] == "taken" else 1)
    OUTCOME.append("taken" if os.waitpid(pid, 0)[1] == 0 else "no")


def at_exit() -> None:
    def last() -> None:
        attempt()
        finish(outcome=OUTCOME)

    atexit.register(last)


PLACES = {name: value for name, value in globals().items() if callable(value) and getattr(value, "__code__", None)}


def main() -> None:
    PLACES[ARGUMENTS[0]]()
    if ARGUMENTS[0] != "at_exit":
        finish(outcome=OUTCOME)


main()
