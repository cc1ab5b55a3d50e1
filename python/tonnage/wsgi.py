"""Profiles and snapshots of a running WSGI server, on demand.

    >>> from tonnage.wsgi import Middleware
    >>> application = Middleware(application, token=os.environ["DEBUG_TOKEN"])  # doctest: +SKIP

    curl -OJ -H "Authorization: Bearer $DEBUG_TOKEN" 'http://localhost:8000/debug/tonnage/profile?seconds=30'

docs/guides/profiling-a-server.md tells what can be asked for, and how it is guarded. For ASGI there is tonnage.asgi.
"""

from __future__ import annotations

import time
from http import HTTPStatus

from tonnage._web import Guarded, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    Application = WSGIApplication

__all__ = ["Middleware"]


class Middleware(Guarded["Application"]):
    """A WSGI application that answers below one path and leaves all else to another application.

    Args:
        app: the application.
        token: what requests must bring, as `Authorization: Bearer TOKEN` or `?token=TOKEN`. None: they need none where
            they come from this machine and through no proxy, and are refused where they do not.
        path: below which it answers.
        max_seconds: the longest profile that may be asked for.

    Raises:
        ArgumentError: an argument makes no sense.

    Cost: other requests, a look at their path. The thread that answers is occupied for as long as the profile takes.
    """

    __slots__ = ()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        rest = self._door.rest(environ.get("PATH_INFO", ""))
        if rest is None:
            return self._app(environ, start_response)
        names = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
        peer = environ.get("REMOTE_ADDR", "")
        request = Request(environ["REQUEST_METHOD"], rest, environ.get("QUERY_STRING", ""), names, peer)
        answer = self._door.answer(request, lambda seconds: time.sleep(seconds))
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", answer.headers)
        return answer
