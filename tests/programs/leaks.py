"""Programs with one known leak each.  Argument: which.

What is planted is told by the address of the object that keeps it all, and its size by what the leak is made of.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import logging.handlers
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from plant import ARGUMENTS, finish, plant, take

N = 6000


class Session:
    """About 500 bytes that nobody shares."""

    def __init__(self, number: int) -> None:
        self.number = number + 1000
        self.data = bytes(400)


class Registry:
    items: list[Session] = []


class Buffer(logging.handlers.BufferingHandler):
    """Keeps its records and never writes them."""

    def shouldFlush(self, record: logging.LogRecord) -> bool:
        return False


class Node:
    def __init__(self) -> None:
        self.me = self
        self.data = bytes(400)


class Closing(Node):
    def __del__(self) -> None:
        pass


class Link:
    __slots__ = ("data", "next")

    def __init__(self, after: Link | None) -> None:
        self.next = after
        self.data = bytes(400)


CACHE: dict[str, Session] = {}
BY_NUMBER: dict[int, Session] = {}
BY_NAME: dict[str, Session] = {}
ERRORS: list[BaseException] = []
TASKS: list[asyncio.Task[None]] = []
KEPT: list[Any] = []


def in_cache() -> None:
    for i in range(N):
        CACHE[f"user:{i}"] = Session(i)
    plant("held", CACHE)


def in_thread() -> None:
    ready, done = threading.Event(), threading.Event()

    def serve() -> None:
        batch = [Session(i) for i in range(N)]
        plant("held", batch)
        ready.set()
        done.wait()
        del batch

    thread = threading.Thread(target=serve, name="worker-2", daemon=True)
    thread.start()
    ready.wait()
    while not done._cond._waiters:  # type: ignore[attr-defined]  # until it is in done.wait()
        time.sleep(0.001)
    KEPT.append(done)


def in_class() -> None:
    Registry.items.extend(Session(i) for i in range(N))
    plant("held", Registry.items)


def in_closure() -> None:
    big = [Session(i) for i in range(N)]
    plant("held", big)

    def answer() -> int:
        return len(big)

    globals()["answer"] = answer


@functools.lru_cache(maxsize=None)
def load(number: int) -> Session:
    return Session(number)


def in_lru_cache() -> None:
    for i in range(N):
        load(i)
    plant("held", load)


def numbers() -> Iterator[int]:
    seen = [Session(i) for i in range(N)]
    plant("held", seen)
    for session in seen:
        yield session.number


def in_generator() -> None:
    stopped = numbers()
    next(stopped)
    globals()["stopped"] = stopped


def fail(number: int) -> None:
    request = [Session(i) for i in range(60)]
    raise ValueError(number, len(request))


def in_errors() -> None:
    for i in range(N // 60):
        try:
            fail(i)
        except ValueError as error:
            ERRORS.append(error)
    plant("held", ERRORS)


def in_garbage() -> None:
    gc.collect()
    gc.disable()
    for _ in range(N):
        Node()


def in_finalizers() -> None:
    gc.collect()
    gc.disable()
    for _ in range(N):
        Closing()


async def wait(forever: asyncio.Future[None]) -> None:
    request = [Session(i) for i in range(60)]
    await forever
    del request


async def never_awaited() -> None:
    forever: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    for _ in range(N // 60):
        TASKS.append(asyncio.create_task(wait(forever)))
    await asyncio.sleep(0)
    plant("held", TASKS)
    take()
    forever.set_result(None)


def in_handler() -> None:
    handler = Buffer(10**9)
    log = logging.getLogger("shop")
    log.addHandler(handler)
    log.propagate = False
    for i in range(N):
        log.warning("order %s", f"{i:0100}")
    plant("held", handler.buffer)


def in_two() -> None:
    """Each in two dicts: nothing single holds them."""
    for i in range(N):
        session = Session(i)
        BY_NUMBER[i] = session
        BY_NAME[f"user:{i}"] = session


def in_chain() -> None:
    link = None
    for _ in range(N):
        link = Link(link)
    globals()["chain"] = link
    plant("held", link)


def in_last_error() -> None:
    """An exception that nobody caught: sys keeps it."""
    try:
        request = [Session(i) for i in range(N)]
        plant("held", request)
        raise RuntimeError
    except RuntimeError as error:
        sys.last_traceback = error.__traceback__


PLACES: dict[str, Callable[[], None]] = {
    name.removeprefix("in_"): place for name, place in list(globals().items()) if name.startswith("in_")
}


def main() -> None:
    (which,) = ARGUMENTS
    if which == "tasks":
        asyncio.run(never_awaited())
    else:
        PLACES[which]()
        take()
    finish()


main()
