"""Profiles and snapshots of a running ASGI server, on demand.

    >>> from tonnage.asgi import Middleware
    >>> app = Middleware(app, token=os.environ["DEBUG_TOKEN"])  # doctest: +SKIP

    curl -OJ -H "Authorization: Bearer $DEBUG_TOKEN" 'http://localhost:8000/debug/tonnage/profile?seconds=30'

docs/guides/profiling-a-server.md tells what can be asked for, and how it is guarded. The loop is asyncio's, or one that
works like it. For WSGI there is tonnage.wsgi.
"""

from __future__ import annotations

import asyncio
import threading

from tonnage._web import Answer, Guarded, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping
    from typing import Any

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]
    Application = Callable[[Message, Receive, Send], Awaitable[None]]

__all__ = ["Middleware"]


class Middleware(Guarded["Application"]):
    """An ASGI application that answers below one path and leaves all else to another application.

    Args:
        app: the application.
        token: what requests must bring, as `Authorization: Bearer TOKEN` or `?token=TOKEN`. None: they need none where
            they come from this machine and through no proxy, and are refused where they do not.
        path: below which it answers.
        max_seconds: the longest profile that may be asked for.

    Raises:
        ArgumentError: an argument makes no sense.

    Cost: other requests, a look at their path. The loop goes on meanwhile: a thread of its executor does the work.
    """

    __slots__ = ()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        rest = self._door.rest(_path(scope)) if scope["type"] == "http" else None
        if rest is None:
            await self._app(scope, receive, send)
            return
        answer = await self._answer(_request(scope, rest), receive)
        if answer is None:
            return
        try:
            await _send(answer, send)
        finally:
            answer.close()

    async def _answer(self, request: Request, receive: Receive) -> Answer | None:
        """None: the one who asked has gone."""
        nobody_waits = threading.Event()
        work = asyncio.ensure_future(asyncio.to_thread(self._door.answer, request, nobody_waits.wait))
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            has_gone = not work.done()
        finally:
            nobody_waits.set()
            gone.cancel()
        answer = await work
        return None if has_gone else answer


def _path(scope: Message) -> str:
    """Below where the application stands: some servers begin paths with that, as the standard says, some do not."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _request(scope: Message, rest: str) -> Request:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    peer = scope.get("client")
    return Request(scope["method"], rest, scope["query_string"].decode("latin-1"), headers, peer[0] if peer else "")


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(answer: Answer, send: Send) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    at = 0
    while piece := await asyncio.to_thread(answer.piece, at):
        at += len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
