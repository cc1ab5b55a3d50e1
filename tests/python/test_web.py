"""The two middlewares: who is answered, with what, and that all other requests pass as if they were not there."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
import tonnage
from sample_support import Sampler, replace_sampler
from tonnage import ArgumentError, _web, asgi, sample, trace, wsgi
from tonnage._take import defaults

TOKEN = "täglich"
BEARER = {"Authorization": f"Bearer {TOKEN.encode().decode('latin-1')}"}
PROFILE = "/debug/tonnage/profile?seconds=0.01"


class Got(NamedTuple):
    status: int
    headers: dict[str, str]  # names in small letters
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


class Failure(Exception):
    pass


# ---- two ways to ask ----

Ask = Callable[..., Got]


def wsgi_app(environ: Any, start_response: Any) -> list[bytes]:
    if environ["PATH_INFO"] == "/fail":
        raise Failure
    start_response("200 OK", [("X-Mine", "1")])
    return [f"app {environ['PATH_INFO']}".encode()]


async def asgi_app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        await send({"type": "app." + scope["type"]})
        return
    if scope["path"] == "/fail":
        raise Failure
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-mine", b"1")]})
    await send({"type": "http.response.body", "body": b"app " + scope["path"].encode()})


def ask_wsgi(
    target: str, headers: dict[str, str] | None = None, *, method: str = "GET", peer: str = "127.0.0.1", **options: Any
) -> Got:
    """By a dict, as a server would."""
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query, "REMOTE_ADDR": peer}
    for name, value in (headers or {}).items():
        environ["HTTP_" + name.upper().replace("-", "_")] = value
    said: list[Any] = []
    body = wsgi.Middleware(wsgi_app, **options)(environ, lambda status, headers: said.extend([status, headers]))
    try:
        data = b"".join(body)
    finally:
        getattr(body, "close", lambda: None)()
    return Got(int(said[0].split()[0]), {name.lower(): value for name, value in said[1]}, data)


def ask_asgi(
    target: str, headers: dict[str, str] | None = None, *, method: str = "GET", peer: str = "127.0.0.1", **options: Any
) -> Got:
    path, _, query = target.partition("?")
    scope = {
        "type": "http", "method": method, "path": path, "query_string": query.encode(),
        "client": (peer, 1) if peer else None,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()],
    }  # fmt: skip
    sent = asyncio.run(drive(asgi.Middleware(asgi_app, **options), scope))
    start = sent[0]
    assert start["type"] == "http.response.start"
    assert [message.get("more_body", False) for message in sent[1:]] == [True] * (len(sent) - 2) + [False]
    body = b"".join(message["body"] for message in sent[1:])
    return Got(start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, body)


async def drive(app: Any, scope: Any, messages: list[Any] | None = None) -> list[Any]:
    """What an application sends. The one who asks stays to the end, unless messages say that it goes."""
    sent: list[Any] = []
    waiting = [{"type": "http.request", "body": b"", "more_body": False}] if messages is None else messages

    async def receive() -> Any:
        return waiting.pop(0) if waiting else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


@pytest.fixture(params=[ask_wsgi, ask_asgi], ids=["wsgi", "asgi"])
def ask(request: pytest.FixtureRequest) -> Ask:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def sampler(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sampler]:
    sampler = replace_sampler(monkeypatch)
    yield sampler
    assert not sampler.on and not trace.is_on() and _web._busy == {}


# ---- other requests ----


@pytest.mark.parametrize("path", ["/", "", "/debug", "/debug/tonnage2", "/debug/tonnag", "/x/debug/tonnage/profile"])
def test_other_requests_pass(path: str, ask: Ask) -> None:
    assert ask(path) == (200, {"x-mine": "1"}, f"app {path}".encode())


def test_failures_of_the_application_are_its_own(ask: Ask) -> None:
    with pytest.raises(Failure) as caught:
        ask("/fail")
    assert caught.value.__context__ is None


def test_other_protocols_pass() -> None:
    for kind in "lifespan", "websocket":
        scope = {"type": kind, "path": "/debug/tonnage/profile"}
        assert asyncio.run(drive(asgi.Middleware(asgi_app), scope)) == [{"type": f"app.{kind}"}]


# ---- who is answered ----


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
@pytest.mark.parametrize("host", [None, "localhost", "localhost:8000", "127.0.0.1:80", "[::1]:8000"])
def test_without_a_token_this_machine_is_answered(peer: str, host: str | None, ask: Ask) -> None:
    got = ask(PROFILE, {} if host is None else {"Host": host}, peer=peer)
    assert (got.status, got.headers["content-type"]) == (200, "application/octet-stream")


@pytest.mark.parametrize(
    ("peer", "headers", "why"),
    [
        ("192.0.2.7", {}, "it comes from 192.0.2.7"),
        ("::ffff:192.0.2.7", {}, "it comes from"),
        ("", {}, "an unknown peer"),
        ("/run/server.sock", {}, "it comes from /run/server.sock"),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, "a proxy, which added x-forwarded-for"),
        ("127.0.0.1", {"X-Forwarded-Host": "a"}, "a proxy"),
        ("127.0.0.1", {"Forwarded": "for=127.0.0.1"}, "a proxy"),
        ("127.0.0.1", {"Via": "1.1 x"}, "a proxy"),
        ("127.0.0.1", {"X-Real-IP": "127.0.0.1"}, "a proxy"),
        ("127.0.0.1", {"Host": "evil.example:8000"}, "it is for the host evil.example:8000"),
        ("127.0.0.1", {"Host": "localhost.evil.example"}, "it is for the host"),
        ("127.0.0.1", {"Sec-Fetch-Site": "cross-site"}, "another site"),
    ],
)
def test_without_a_token_nobody_else_is(
    peer: str, headers: dict[str, str], why: str, ask: Ask, sampler: Sampler
) -> None:
    got = ask(PROFILE, headers, peer=peer)
    assert (got.status, sampler.told) == (403, None)
    assert got.text.startswith("tonnage: without a token only this machine is answered, and ") and why in got.text


@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-For": "192.0.2.8"}])
def test_with_the_token_everybody_is(headers: dict[str, str], ask: Ask) -> None:
    assert ask(PROFILE, headers | BEARER, peer="192.0.2.7", token=TOKEN).status == 200
    assert ask(f"{PROFILE}&token=t%C3%A4glich", headers, peer="", token=TOKEN).status == 200
    assert ask(PROFILE, {"authorization": "bearer  abc "}, token="abc").status == 200


@pytest.mark.parametrize(
    "target", [PROFILE, "/debug/tonnage/heap", "/debug/tonnage", "/debug/tonnage/profile?seconds=x"]
)
@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({}, ""),
        ({}, "token="),
        ({}, "token=taglich"),
        ({"Authorization": "Bearer täglic"}, ""),
        ({"Authorization": "Basic dGFnbGljaA=="}, ""),
        ({"Authorization": "Bearer "}, f"token={TOKEN}"),
    ],
)
def test_without_the_token_nobody_is_and_learns_nothing(
    target: str, headers: dict[str, str], query: str, ask: Ask, sampler: Sampler
) -> None:
    got = ask(f"{target}{'&' if '?' in target else '?'}{query}", headers, token=TOKEN)
    assert (got.status, got.headers["www-authenticate"], sampler.told) == (401, "Bearer", None)
    assert got.text == "tonnage: the token is missing or wrong\n"


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"token": ""}, "the token is empty"),
        ({"path": "debug"}, "must be ASCII, begin with / and end with none"),
        ({"path": "/"}, "end with none"),
        ({"max_seconds": 0}, "max_seconds must be more than 0"),
    ],
)
def test_a_middleware_that_makes_no_sense_is_not_made(options: dict[str, Any], why: str) -> None:
    for kind in wsgi.Middleware, asgi.Middleware:
        with pytest.raises(ArgumentError, match=re.escape(why)):
            kind(None, **options)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="token must be a str or None, not bytes"):
            kind(None, token=b"abc")  # type: ignore[arg-type]


# ---- what they get ----


@pytest.mark.parametrize(
    ("query", "status", "why"),
    [
        ("seconds=x", 400, "seconds takes seconds such as 30"),
        ("seconds=0", 400, "seconds: 0 is out of range"),
        ("seconds=off", 400, "at most 300"),
        ("seconds=301", 400, "seconds may be at most 300 here, not 301"),
        ("clock=cpu", 400, "unknown clock 'cpu'"),
        ("interval=1us", 400, "1us is out of range"),
        ("clock=prof&interval=64K", 400, "the interval of prof takes a time"),
        ("format=svg", 400, "formats are file, collapsed, speedscope, pprof, pstats, text, not 'svg'"),
        ("format=pstats&clock=alloc", 400, "pstats is of time"),
        ("second=3", 400, "unknown: second"),
        ("&".join(f"a{n}=1" for n in range(20)), 400, "more than 16 fields"),
    ],
)
def test_what_is_asked_wrongly_is_named(query: str, status: int, why: str, ask: Ask, sampler: Sampler) -> None:
    got = ask(f"/debug/tonnage/profile?{query}")
    assert (got.status, got.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    assert why in got.text and got.text.count("\n") == 1
    assert sampler.told is None


def test_only_get_is_answered_and_only_at_two_addresses(ask: Ask) -> None:
    for method in "POST", "HEAD", "PUT":
        got = ask(PROFILE, method=method)
        assert (got.status, got.headers["allow"]) == (405, "GET")
    for rest in "", "/", "/profiles", "/heap/":
        got = ask("/debug/tonnage" + rest)
        assert (got.status, got.text) == (404, "tonnage: there are /debug/tonnage/profile and /debug/tonnage/heap\n")
    got = ask("/status/me/profile?seconds=0.01", path="/status/me")
    assert got.status == 200


def test_a_profile_is_a_file_and_leaves_nothing(ask: Ask, sampler: Sampler, tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = os.listdir("/proc/self/fd")
    got = ask(PROFILE + "&clock=real&interval=2ms")
    assert (got.status, got.body, got.headers["content-length"]) == (200, sampler.data, str(len(sampler.data)))
    assert re.fullmatch(r'attachment; filename="profile-\d+-\d{8}T\d{6}Z\.tonnage"', got.headers["content-disposition"])
    assert (got.headers["cache-control"], got.headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert (sampler.told, sample.status()) == ((0, 2_000_000, 65536), None)
    assert list(tmp_path.iterdir()) == [] and len(os.listdir("/proc/self/fd")) <= len(before)


def test_bytes_are_profiled_and_a_trace_that_is_on_stays_on(ask: Ask) -> None:
    assert ask(PROFILE + "&interval=64K").status == 200
    assert not trace.is_on()
    trace.start("exact")
    try:
        assert ask(PROFILE + "&clock=alloc").status == 200
        assert trace.is_on()
    finally:
        trace.stop()


def test_a_program_that_samples_itself_is_left_alone(ask: Ask, sampler: Sampler) -> None:
    with sample.start("gil") as sampling:
        got = ask(PROFILE)
        assert (got.status, got.text) == (409, "tonnage: the program samples itself already\n")
        assert sampling.active


def test_a_heap_is_a_snapshot_of_the_one_who_asks_alone(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(defaults, "name", lambda: str(tmp_path / "named.tonnage"))  # as under `tonnage run`
    got = ask("/debug/tonnage/heap")
    assert got.status == 200 and 'filename="heap-' in got.headers["content-disposition"]
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a.tonnage").write_bytes(got.body)
    with tonnage.load(tmp_path / "a.tonnage") as snapshot:
        assert snapshot.check() == [] and snapshot.pid == os.getpid()
        assert len(snapshot.where("type:module")) > 10


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (tonnage.Busy("it collects"), 503),
        (tonnage.VersionError("CPython 9 is not supported"), 501),
        (tonnage.FileError("no room"), 500),
        (MemoryError("no memory"), 500),
        (RuntimeError("the interpreter is ending"), 500),
    ],
)
def test_a_failure_is_one_line_and_the_next_is_answered(
    error: Exception, status: int, ask: Ask, sampler: Sampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(_web, "take", fail)
        got = ask("/debug/tonnage/heap")
        assert (got.status, got.text) == (status, f"tonnage: {error}\n")
        patch.setattr(sample, "save", fail)
        assert ask(PROFILE).status == status
        assert sample.status() is None
    assert ask(PROFILE).status == 200


# ---- a server with threads ----


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving(app: Any) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, WSGIServer, Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fetch(url: str, **headers: str) -> Got:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
            return Got(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Got(error.code, {k.lower(): v for k, v in error.headers.items()}, error.read())


def test_a_server_of_the_library_answers(sampler: Sampler) -> None:
    with serving(wsgi.Middleware(wsgi_app)) as address:
        got = fetch(address + PROFILE)
        assert (got.status, got.body) == (200, sampler.data)
        assert fetch(address + "/hello").text == "app /hello"
        assert fetch(address + PROFILE, **{"X-Forwarded-For": "192.0.2.1"}).status == 403


@contextmanager
def serving_asgi(app: Any) -> Iterator[int]:
    """Its port. The server's own thread runs the loop."""
    uvicorn = pytest.importorskip("uvicorn")
    server = uvicorn.Server(uvicorn.Config(app, port=0, lifespan="off", log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.001)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()


def test_a_server_of_asgi_answers_and_notices_who_goes(sampler: Sampler) -> None:
    data = sampler.data = os.urandom(3 * _web._PIECE + 1)
    with serving_asgi(asgi.Middleware(asgi_app)) as port:
        address = f"http://127.0.0.1:{port}"
        got = fetch(address + PROFILE)
        assert (got.status, got.body, got.headers["content-length"]) == (200, data, str(len(data)))
        assert fetch(address + "/hello").text == "app /hello"
        # The server takes such a header for the peer, which does not make it one of this machine.
        assert fetch(address + PROFILE, **{"X-Forwarded-For": "127.0.0.1"}).status == 403
        with socket.create_connection(("127.0.0.1", port)) as going:
            going.sendall(b"GET /debug/tonnage/profile?seconds=200 HTTP/1.1\r\nHost: localhost\r\n\r\n")
            while not sampler.on:
                time.sleep(0.001)
            assert fetch(address + "/hello").text == "app /hello"
            assert fetch(address + PROFILE).status == 409
        while sampler.on or _web._busy:
            time.sleep(0.001)
        assert fetch(address + PROFILE).status == 200


def test_one_profile_at_a_time() -> None:
    began, may_end = threading.Event(), threading.Event()
    door = _web.Door(None, _web.PATH, 300)
    request = _web.Request("GET", "/profile", "seconds=20", {}, "127.0.0.1")
    answers: list[_web.Answer] = []

    def wait(seconds: float) -> None:
        assert seconds == 20
        began.set()
        may_end.wait()

    thread = threading.Thread(target=lambda: answers.append(door.answer(request, wait)))
    thread.start()
    began.wait()
    second = door.answer(request, lambda _: None)
    may_end.set()
    thread.join()
    assert (second.status, answers[0].status) == (409, 200)
    assert b"".join(second) == b"tonnage: another request has a profile made: one at a time\n"
    assert door.answer(request, lambda _: None).status == 200


# ---- a loop ----


def scope_of(seconds: float) -> dict[str, Any]:
    return {
        "type": "http", "method": "GET", "path": "/debug/tonnage/profile", "client": ("127.0.0.1", 1),
        "query_string": f"seconds={seconds}".encode(), "headers": [],
    }  # fmt: skip


def test_the_loop_goes_on_meanwhile(sampler: Sampler) -> None:
    """The profile ends when the other task says so: a loop that were blocked would never come to it."""

    async def both() -> list[Any]:
        app = asgi.Middleware(asgi_app)
        profile = asyncio.ensure_future(drive(app, scope_of(200)))
        while not sampler.on:
            await asyncio.sleep(0.001)
        assert (await drive(app, {"type": "http", "path": "/other"}))[1]["body"] == b"app /other"
        refused = await drive(app, scope_of(1))
        profile.cancel()
        with pytest.raises(asyncio.CancelledError):
            await profile
        while sampler.on or _web._busy:
            await asyncio.sleep(0.001)
        return refused

    assert asyncio.run(both())[0]["status"] == 409


def test_one_who_goes_ends_the_profile(sampler: Sampler) -> None:
    going = [{"type": "http.request"}, {"type": "http.disconnect"}]
    assert asyncio.run(drive(asgi.Middleware(asgi_app), scope_of(200), going)) == []
    assert not sampler.on


def test_paths_begin_with_where_the_application_stands_or_not() -> None:
    for path in "/debug/tonnage/profile", "/mounted/debug/tonnage/profile":
        scope = scope_of(0.01) | {"path": path, "root_path": "/mounted"}
        assert asyncio.run(drive(asgi.Middleware(asgi_app), scope))[0]["status"] == 200


def test_a_file_is_sent_in_pieces(sampler: Sampler) -> None:
    data = sampler.data = os.urandom(3 * _web._PIECE + 1)
    for got in ask_wsgi(PROFILE), ask_asgi(PROFILE):
        assert (got.body, got.headers["content-length"]) == (data, str(len(data)))
