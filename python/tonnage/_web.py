"""What tonnage.wsgi and tonnage.asgi share: who may ask a server about itself, what for, and the file that answers.

    Request -> Door: may it? -> Profile or Heap: the work, which waits and may take long -> Answer

The two differ in how they wait and how they send. A request that is not for the door costs a look at its path.
"""

from __future__ import annotations

import os
import time
from typing import Generic, TypeVar

from tonnage import sample
from tonnage._errors import Busy, Error, VersionError
from tonnage._records import wrong
from tonnage._take import take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tonnage._snapshot import Snapshot

    Headers = list[tuple[str, str]]

App = TypeVar("App")

PATH = "/debug/tonnage"
SECONDS_MAX = 300.0
_SECONDS = "30"
_PIECE = 1 << 16
_FIELDS_MAX = 16
_UNCUT = 1 << 20  # columns: no line is cut
_FORWARDED = ("forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip")
# of a profile: the end of the file's name, and what a browser takes it for
_FORMATS = {
    "file": ("tonnage", "application/octet-stream"),
    "collapsed": ("collapsed", "text/plain; charset=utf-8"),
    "speedscope": ("speedscope.json", "application/json"),
    "pprof": ("pprof", "application/octet-stream"),
    "pstats": ("pstats", "application/octet-stream"),
    "text": ("txt", "text/plain; charset=utf-8"),
}
_STATUSES: dict[type[Error], int] = {VersionError: 501, Busy: 503}
_busy: dict[tuple[int, str], object] = {}  # by process, which may have been forked meanwhile, and kind: the job


class Refused(Exception):
    """An answer that is no file: its status, and why, in a line."""

    def __init__(self, status: int, why: str, headers: Headers | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.headers = headers or []


class Answer:
    """A response: status, headers, and a body in pieces, from memory or from a file that has no name any more."""

    __slots__ = ("_body", "_fd", "_size", "headers", "status")

    def __init__(self, status: int, headers: Headers, body: bytes = b"", fd: int = -1) -> None:
        self.status = status
        self._body = body
        self._fd = fd  # owned
        self._size = len(body) if fd < 0 else os.fstat(fd).st_size
        self.headers = [
            ("Content-Length", str(self._size)), ("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"),
            *headers,
        ]  # fmt: skip

    @classmethod
    def of(cls, refused: Refused) -> Answer:
        """The one that says why."""
        text = f"tonnage: {refused}\n".encode(errors="backslashreplace")
        return cls(refused.status, [("Content-Type", "text/plain; charset=utf-8"), *refused.headers], text)

    def piece(self, at: int) -> bytes:
        """What stands there, up to some size; nothing at the end."""
        if self._fd < 0:
            return self._body[at : at + _PIECE]
        return os.pread(self._fd, min(_PIECE, self._size - at), at)

    def __iter__(self) -> Iterator[bytes]:
        at = 0
        while piece := self.piece(at):
            at += len(piece)
            yield piece

    def close(self) -> None:
        """Gives the file back."""
        fd, self._fd, self._body = self._fd, -1, b""
        if fd >= 0:
            os.close(fd)

    def __del__(self) -> None:
        self.close()


# ---- what is done ----


def _attached(name: str, content_type: str, fd: int) -> Answer:
    stem, dot, suffix = name.partition(".")
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    file = f"{stem}-{os.getpid()}-{moment}{dot}{suffix}"
    return Answer(
        200, [("Content-Type", content_type), ("Content-Disposition", f'attachment; filename="{file}"')], fd=fd
    )


def _exported(snapshot: Snapshot, to: str, what: str) -> int:
    """A descriptor of what another program reads; its file has no name any more."""
    from tempfile import TemporaryDirectory

    with TemporaryDirectory(prefix="tonnage") as folder:
        path = os.path.join(folder, "profile")
        if to == "text":
            with open(path, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(snapshot.profile()._render(width=_UNCUT))
        else:
            snapshot.export(path, to=to, what=what)
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


class Profile:
    """Samples for some seconds."""

    kind = "profile"

    def __init__(self, fields: dict[str, str], seconds_max: float) -> None:
        from tonnage._settings import BY_NAME

        clock = fields.pop("clock", None)
        self._interval = fields.pop("interval", None)
        self._format = fields.pop("format", "file")
        if self._format not in _FORMATS:
            raise Refused(400, f"formats are {', '.join(_FORMATS)}, not {self._format!r}")
        try:
            self._seconds = BY_NAME["sample-duration"].read_text(fields.pop("seconds", _SECONDS), "seconds") or 0.0
            self._clock, _ = sample.check(clock, self._interval)
        except ValueError as error:
            raise Refused(400, str(error)) from None
        if self._clock == "alloc" and self._format == "pstats":
            raise Refused(400, "pstats is of time: of alloc there are the other formats")
        if not 0 < self._seconds <= seconds_max:
            raise Refused(400, f"seconds may be at most {seconds_max:g} here, not {self._seconds:g}")

    def run(self, wait: Callable[[float], object]) -> Answer:
        """Begins anew: what the program sampled before, and has not saved, is gone."""
        if sample.is_on():
            raise Refused(409, "the program samples itself already")
        sample.clear()
        try:
            # Where this thread does not come back, the helper stops it a minute later.
            with sample.start(self._clock, self._interval, duration=self._seconds + 60) as sampling:
                wait(self._seconds)
            with sampling.save() as snapshot:
                return self._answer(snapshot)
        finally:
            sample.clear()

    def _answer(self, snapshot: Snapshot) -> Answer:
        suffix, content_type = _FORMATS[self._format]
        if self._format == "file":
            fd = os.dup(snapshot._fd)
        elif self._format == "text" or self._has_any(snapshot.facts):
            fd = _exported(snapshot, self._format, "allocated" if self._clock == "alloc" else "cpu")
        else:
            raise Refused(404, f"nothing was sampled in {self._seconds:g} s by {self._clock}")
        return _attached(f"profile.{suffix}", content_type, fd)

    def _has_any(self, facts: Mapping[str, object]) -> bool:
        if self._clock == "alloc":  # births are counted since the process began
            return facts.get("trace.births") != facts.get("trace.started_births")
        return bool(facts.get("sample.samples"))


class Heap:
    """Takes a snapshot."""

    kind = "snapshot"

    def __init__(self, fields: dict[str, str], seconds_max: float) -> None:
        pass

    def run(self, wait: Callable[[float], object]) -> Answer:
        """Under `tonnage run`, too, the file is of the one who asked alone."""
        with take(None, None, None, None, None, False, None, None, named=False) as snapshot:
            return _attached("heap.tonnage", "application/octet-stream", os.dup(snapshot._fd))


_JOBS: dict[str, type[Profile] | type[Heap]] = {"/profile": Profile, "/heap": Heap}

# ---- who may ask ----


class Request:
    """What the two protocols say of a request; names of headers are small letters, an unknown peer is ""."""

    __slots__ = ("headers", "method", "peer", "query", "rest")

    def __init__(self, method: str, rest: str, query: str, headers: dict[str, str], peer: str) -> None:
        self.method = method
        self.rest = rest  # of the path
        self.query = query
        self.headers = headers
        self.peer = peer


def _is_loopback(host: str) -> bool:
    from ipaddress import ip_address

    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _why_not_local(request: Request) -> str | None:
    """Without a token all must say that the request comes from a program of this machine, and none that it may not."""
    if not _is_loopback(request.peer):
        return f"it comes from {request.peer or 'an unknown peer'}"
    for name in request.headers:
        if name in _FORWARDED or name.startswith("x-forwarded"):
            return f"it came through a proxy, which added {name}"
    host = request.headers.get("host", "localhost")
    name = host.rpartition("]")[0].removeprefix("[") or host.partition(":")[0]
    if name != "localhost" and not _is_loopback(name):
        return f"it is for the host {host}"
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return "the page of another site made a browser send it"
    return None


class Door:
    """The address that answers, and to whom.

    Args:
        token: what a request must bring. None: requests of this machine need none, all others are refused.
        path: where it stands.
        max_seconds: of one profile.

    Raises:
        ArgumentError: one of them makes no sense.
    """

    __slots__ = ("_max_seconds", "_path", "_token")

    def __init__(self, token: str | None, path: str, max_seconds: float) -> None:
        if token is not None and not isinstance(token, str):
            raise TypeError(f"token must be a str or None, not {type(token).__name__}")
        if token == "":
            raise wrong("the token is empty; without one, None, only requests of this machine are answered")
        if not path.startswith("/") or path.endswith("/") or not path.isascii():
            raise wrong(f"the path must be ASCII, begin with / and end with none, not {path!r}")
        if not max_seconds > 0:
            raise wrong(f"max_seconds must be more than 0, not {max_seconds!r}")
        self._token = token
        self._path = path
        self._max_seconds = max_seconds

    def rest(self, path: str) -> str | None:
        """What follows behind the door in a path; None: the path leads elsewhere."""
        if not path.startswith(self._path):
            return None
        rest = path[len(self._path) :]
        return rest if not rest or rest[0] == "/" else None

    def _check(self, request: Request, said: str | None) -> None:
        if self._token is None:
            if (why := _why_not_local(request)) is not None:
                raise Refused(403, f"without a token only this machine is answered, and {why}")
            return
        from hmac import compare_digest

        kind, _, bearer = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            brought = bearer.strip().encode("latin-1", "replace")  # bytes as they came
        else:
            brought = (said or "").encode(errors="replace")
        if not compare_digest(brought, self._token.encode(errors="replace")):
            raise Refused(401, "the token is missing or wrong", [("WWW-Authenticate", "Bearer")])

    def _job(self, request: Request) -> Profile | Heap:
        from urllib.parse import parse_qsl

        try:
            pairs = parse_qsl(request.query, keep_blank_values=True, max_num_fields=_FIELDS_MAX)
        except ValueError:
            raise Refused(400, f"the query has more than {_FIELDS_MAX} fields") from None
        fields = dict(pairs)
        self._check(request, fields.pop("token", None))
        if request.method != "GET":
            raise Refused(405, "only GET is answered", [("Allow", "GET")])
        made = _JOBS.get(request.rest)
        if made is None:
            raise Refused(404, f"there are {' and '.join(self._path + name for name in _JOBS)}")
        job = made(fields, self._max_seconds)
        if fields:
            raise Refused(400, f"unknown: {', '.join(fields)}")
        return job

    def answer(self, request: Request, wait: Callable[[float], object]) -> Answer:
        """Does what a request asks for, one profile and one snapshot at a time, and gives what is to be sent.

        Args:
            request: what came.
            wait: returns after so many seconds, or when nobody waits any more.
        """
        try:
            job = self._job(request)
            key = os.getpid(), job.kind
            if _busy.setdefault(key, job) is not job:
                raise Refused(409, f"another request has a {job.kind} made: one at a time")
            try:
                return job.run(wait)
            finally:
                del _busy[key]
        except Refused as refused:
            return Answer.of(refused)
        except (Error, OSError, ImportError, MemoryError, RuntimeError) as error:
            status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 500)
            return Answer.of(Refused(status, str(error)))


class Guarded(Generic[App]):
    """An application with the door beside it; what the door does not answer is the application's."""

    __slots__ = ("_app", "_door")

    def __init__(
        self, app: App, *, token: str | None = None, path: str = PATH, max_seconds: float = SECONDS_MAX
    ) -> None:
        self._app = app
        self._door = Door(token, path, max_seconds)
