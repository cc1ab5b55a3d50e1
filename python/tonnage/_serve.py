"""`tonnage serve`: the viewer over files that are too large for a report, or over a folder of them.

    browser -> _Handler -> Host: may it? -> the page, or /api/VIEW -> Shelf: open files -> _queries.ask

It listens on 127.0.0.1 alone, answers who brings the token of its address, and writes nothing. Requests run side by
side; those of one file wait for one another in the library, without the interpreter lock. What was answered is kept.
"""

from __future__ import annotations

import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tonnage import _queries
from tonnage._errors import ArgumentError, Error, LimitError, NoMemoryError, NotFoundError
from tonnage._viewer import described, page

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, NoReturn

    from tonnage._snapshot import Snapshot

    Headers = list[tuple[str, str]]
    Identity = tuple[int, ...]

SUFFIX = ".tonnage"
_MOST_FILES = 10_000  # of a folder
_MOST_COMPARED = 16
_MOST_DIGITS = 20  # of a number; int() raises where there are thousands
_MOST_OPEN = 4  # of a folder, that nobody looks at any more
_KEPT_BYTES = 64 << 20  # of answers
_UNKNOWN = ("pid", "wall_time_ns", "python_version", "host", "command", "rss_bytes", "n_objects", "size_bytes")
_STATUSES: dict[type[BaseException], int] = {
    NotFoundError: 404,
    ArgumentError: 400,
    LimitError: 503,
    NoMemoryError: 503,
    MemoryError: 503,
}

# ---- files ----


class Shelf:
    """Files, by numbers that stay theirs, and the snapshots of those that are looked at.

    Args:
        paths: files; or of a folder, whose files are found anew for each index.
        memory: bytes that a snapshot may take; 0: no limit.
    """

    def __init__(self, paths: Sequence[str], folder: str | None, memory: int) -> None:
        self.folder = folder
        self._memory = memory
        self._paths = list(paths)
        self._opened: dict[int, Snapshot] = {}  # the one that was asked last at the end
        self._rows: dict[int, tuple[tuple[int, int], dict[str, Any]]] = {}
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._paths)

    def _find(self, folder: str) -> None:
        known = set(self._paths)
        for where, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                path = os.path.join(where, name)
                if name.endswith(SUFFIX) and path not in known and len(self._paths) < _MOST_FILES:
                    self._paths.append(path)

    def open(self, numbers: Sequence[int]) -> list[Snapshot]:
        """The snapshots of these files, in this order."""
        from tonnage import load

        with self._lock:
            for number in numbers:
                if number >= len(self._paths):
                    raise NotFoundError(f"there is no file of number {number}", -9)
                found = self._opened.pop(number, None) or load(self._paths[number], max_memory=self._memory)
                self._opened[number] = found
            if self.folder is not None:  # one that a request still reads is closed when that ends
                for number in [number for number in self._opened if number not in numbers][:-_MOST_OPEN]:
                    del self._opened[number]
            return [self._opened[number] for number in numbers]

    def rows_of(self, numbers: Sequence[int]) -> list[dict[str, Any]]:
        """What pages say of these files, numbered anew."""
        opened = self.open(numbers)
        names = [os.path.basename(self._paths[number]) for number in numbers]
        if len(set(names)) < len(names):
            names = [self._paths[number] for number in numbers]
        return [described(one, name, index) for index, (one, name) in enumerate(zip(opened, names, strict=True))]

    def index(self) -> list[dict[str, Any]]:
        """A row for each file of the folder that is there; one that cannot be read says why."""
        assert self.folder is not None
        rows = []
        with self._lock:
            self._find(self.folder)
            for number, path in enumerate(self._paths):
                try:
                    stat = os.stat(path)
                except OSError:
                    continue  # gone
                state = stat.st_mtime_ns, stat.st_size
                if self._rows.get(number, (None,))[0] != state:
                    self._opened.pop(number, None)
                    self._rows[number] = state, self._row(number, path, stat.st_size)
                rows.append(self._rows[number][1])
        return rows

    def _row(self, number: int, path: str, size: int) -> dict[str, Any]:
        from tonnage import load

        where = {"folder": os.path.relpath(os.path.dirname(path), self.folder).removeprefix(".")}
        try:
            with load(path, max_memory=self._memory) as snapshot:
                return {**described(snapshot, os.path.basename(path), number), **where}
        except (Error, OSError) as error:
            row: dict[str, Any] = dict.fromkeys(_UNKNOWN)
            why = str(error).removeprefix(f"{path}: ")
            row.update(name=os.path.basename(path), index=number, kind="", size=size, has=[], error=why)
            return {**row, **where}


# ---- answers ----


def _identity(snapshot: Snapshot) -> Identity:
    """Which file is open: another one may have taken its name."""
    stat = os.fstat(snapshot._fd)
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size


class Reply:
    """What is sent."""

    __slots__ = ("body", "content_type", "headers", "status")

    def __init__(self, status: int, content_type: str, body: bytes, headers: Headers | None = None) -> None:
        self.status = status
        self.content_type = content_type
        self.body = body
        self.headers = headers or []


def _refused(status: int, why: str) -> Reply:
    return Reply(status, "text/plain; charset=utf-8", f"tonnage: {why}\n".encode(errors="backslashreplace"))


def _failed(status: int, why: str) -> Reply:
    return Reply(status, "application/json", json.dumps({"error": " ".join(why.split())}).encode())


class App:
    """What is answered to whom.

    Args:
        shelf: the files.
        token: what a request must bring: in the address of a page, in a header of a question.
        port: where it listens, which the name of the host in requests must agree with.
    """

    def __init__(self, shelf: Shelf, token: str, port: int) -> None:
        self._shelf = shelf
        self._token = token
        self._hosts = (f"127.0.0.1:{port}", f"localhost:{port}")
        self._kept: dict[tuple[tuple[Identity, ...], str], bytes] = {}
        self._kept_bytes = 0
        self._lock = threading.Lock()

    def answer(self, target: str, headers: Any) -> Reply:
        """To a GET of this target."""
        from urllib.parse import parse_qsl, urlsplit

        # A name that leads here by a trick of its owner's DNS is not ours.
        if headers.get("Host", "") not in self._hosts:
            return _refused(403, f"this is {self._hosts[0]}, and answers to no other name")
        try:
            parts = urlsplit(target)
            pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=100, errors="strict")
        except ValueError:
            return _refused(400, "the address makes no sense")
        if parts.path == "/favicon.ico":
            return Reply(204, "image/x-icon", b"")
        words = parts.path.removeprefix("/").split("/")
        numbers = self._numbers(words[0])
        if numbers is not None:
            words = words[1:]
        elif self._shelf.folder is None:
            numbers = tuple(range(len(self._shelf)))
        if words == [""]:
            return self._page(numbers, dict(pairs))
        if len(words) == 2 and words[0] == "api" and numbers is not None:
            if not self._is_token(headers.get("X-Tonnage-Token", "")):
                return _failed(403, "the token is missing or wrong: open the address that tonnage serve printed")
            return self._question(numbers, words[1], pairs)
        return _refused(404, "there is nothing of this name")

    def _numbers(self, word: str) -> tuple[int, ...] | None:
        """Files of a folder that an address names."""
        if self._shelf.folder is None or not word or not word.isascii() or not word.replace(",", "").isdecimal():
            return None
        numbers = [number for number in word.split(",") if number]
        if len(numbers) > _MOST_COMPARED or any(len(number) > _MOST_DIGITS for number in numbers):
            return None
        return tuple(int(number) for number in numbers)

    def _is_token(self, brought: str) -> bool:
        from hmac import compare_digest

        return compare_digest(brought.encode(errors="replace"), self._token.encode())

    def _page(self, numbers: tuple[int, ...] | None, fields: dict[str, str]) -> Reply:
        from urllib.parse import urlencode

        from tonnage import __version__

        if not self._is_token(fields.get("token", "")):
            return _refused(403, "the token is missing or wrong: open the address that tonnage serve printed")
        said = urlencode({"token": self._token})
        if numbers is None and "open" in fields:
            chosen = self._numbers(fields["open"])
            if not chosen:
                return _refused(400, f"open takes numbers of files with commas between them, {_MOST_COMPARED} at most")
            try:
                times = [row["wall_time_ns"] or 0 for row in self._shelf.rows_of(chosen)]
            except (Error, OSError) as error:
                return _refused(400, str(error))
            ordered = [str(number) for _, number in sorted(zip(times, chosen, strict=True), key=lambda one: one[0])]
            return Reply(302, "text/plain", b"", [("Location", f"/{','.join(ordered)}/?{said}")])
        try:
            files = self._shelf.index() if numbers is None else self._shelf.rows_of(numbers)
        except (Error, OSError) as error:
            return _refused(400, str(error))
        data = {
            "schema": 1,
            "mode": "folder" if numbers is None else "served",
            "tool_version": __version__,
            "token": self._token,
            "folder": f"../?{said}" if self._shelf.folder is not None and numbers is not None else None,
            "files": files,
        }
        text = page(json.dumps(data), connects=True)
        return Reply(
            200,
            "text/html; charset=utf-8",
            text.encode(errors="replace"),
            [("Content-Security-Policy", "frame-ancestors 'none'; base-uri 'none'; form-action 'none'")],
        )

    def _question(self, numbers: tuple[int, ...], view: str, pairs: list[tuple[str, str]]) -> Reply:
        try:
            opened = self._shelf.open(numbers)
            name = tuple(_identity(snapshot) for snapshot in opened), _queries.key(view, pairs)
            with self._lock:
                body = self._kept.get(name)
            if body is None:
                body = _queries.ask(opened, view, pairs).encode()
                if view not in _queries.PASSING:
                    self._keep(name, body)
        except Exception as error:  # whatever it is: the page tells it, and the server goes on
            status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 500)
            return _failed(status, str(error) or type(error).__name__)
        return Reply(200, "application/json", body)

    def _keep(self, name: tuple[tuple[Identity, ...], str], body: bytes) -> None:
        with self._lock:
            if name in self._kept or len(body) > _KEPT_BYTES // 4:
                return
            self._kept[name] = body
            self._kept_bytes += len(body)
            while self._kept_bytes > _KEPT_BYTES:
                self._kept_bytes -= len(self._kept.pop(next(iter(self._kept))))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "tonnage"
    sys_version = ""
    timeout = 60  # of a connection on which nothing comes
    error_message_format = "tonnage: %(message)s\n"  # to what is no GET, or too long
    error_content_type = "text/plain; charset=utf-8"
    server: Server

    def do_GET(self) -> None:
        reply = self.server.app.answer(self.path, self.headers)
        self.send_response(reply.status)
        for name, value in (
            ("Content-Type", reply.content_type),
            ("Content-Length", str(len(reply.body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
            *reply.headers,
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    """Listens on 127.0.0.1.

    Args:
        shelf: what it is about.
        port: 0: one that is free.

    Attributes:
        url: the address of the page, with the token.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, shelf: Shelf, port: int = 0) -> None:
        from secrets import token_urlsafe

        super().__init__(("127.0.0.1", port), _Handler)
        token = token_urlsafe(24)
        port = self.server_address[1]
        self.app = App(shelf, token, port)
        self.url = f"http://127.0.0.1:{port}/?token={token}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away: nobody is to be told."""


# ---- the command ----

USAGE = """\
usage: tonnage serve [--python PATH] FILE… [options]
       tonnage serve [--python PATH] FOLDER [options]

The pages of tonnage report over files of any size: what is asked is computed then. Of a folder they begin with an index
of the files in it. Prints the address, which has a token in it: who does not know that gets no answer. Only programs of
this machine can connect, and nothing is written. Ctrl-C ends it.

  --port N               where to listen on 127.0.0.1 (default 0: one that is free)
  --no-open              do not open a browser
  --max-memory SIZE      give up beyond SIZE for a file (default half of the machine's memory)
  --help                 this page

examples:
  tonnage serve app.tonnage
  tonnage serve app-1.tonnage app-2.tonnage --port 8080 --no-open --max-memory 2G
  tonnage serve /var/tmp/snapshots
"""


def _shelf(files: Sequence[str], memory: int) -> Shelf:
    from tonnage._python_verbs import open_all

    folders = [name for name in files if os.path.isdir(name)]
    if len(files) == 1 and folders:
        return Shelf([], os.path.abspath(files[0]), memory)
    if folders:
        raise ArgumentError(f"{folders[0]} is a folder: name it alone, or files", -8)
    paths = [snapshot.path or "" for snapshot in open_all("serve", files, memory)]
    return Shelf(paths, None, memory)


def _open_browser(url: str) -> None:
    """Where there is a display: a browser in the terminal would take that."""
    if any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")):
        import webbrowser

        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def _listen(shelf: Shelf, port: int) -> Server:
    try:
        return Server(shelf, port)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or "a port is a number from 0 to 65535"
        raise ArgumentError(f"cannot listen on port {port}: {why}; --port 0 takes one that is free", -8) from None


def main(words: list[str]) -> NoReturn | None:
    """Entry of the verb."""
    from tonnage._export import fail
    from tonnage._options import print_out
    from tonnage._python_verbs import memory_of, parser_of

    if {"-h", "--help"} & set(words):
        print_out(USAGE)
        return None
    parser = parser_of("serve")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--no-open", action="store_true")
    parser.add_argument("--max-memory")
    parser.add_argument("files", metavar="FILE", nargs="+")
    asked = parser.parse_intermixed_args(words)
    try:
        server = _listen(_shelf(asked.files, memory_of(asked.max_memory)), asked.port)
    except (Error, OSError) as error:
        fail("serve", error)
    print_out(f"{server.url}\n")
    if not asked.no_open:
        _open_browser(server.url)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass  # as it is meant to end
    finally:
        server.server_close()
    return None
