"""A small web service that leaks in two ways, to look at with tonnage.

    tonnage run -o leaky.tonnage examples/leaky_service.py
    tonnage summary leaky.tonnage --limit 10

Who made what it keeps:

    tonnage run --trace -o made.tonnage examples/leaky_service.py
    tonnage survivors made.tonnage --limit 5

Serves requests on 127.0.0.1, sends itself 3000 of them (or as many as the argument says), and ends. The leaks:

- SESSIONS holds a Session for every visitor; log-out only marks it, nothing ever removes it;
- AUDIT takes a line for each request and is never written out.
"""

from __future__ import annotations

import http.client
import http.server
import secrets
import sys
import threading
import time
from urllib.parse import parse_qs, urlsplit

SESSIONS: dict[str, Session] = {}
AUDIT: list[str] = []


class Session:
    """What the service knows of a visitor."""

    def __init__(self, user: str) -> None:
        self.user = user
        self.started = time.time()
        self.open = True
        self.history: list[str] = []
        self.page = bytearray(f"<h1>Hello {user}</h1>".encode().ljust(2048))  # as last sent, kept "to be fast"


class Handler(http.server.BaseHTTPRequestHandler):
    """GET /login?user=U opens a session, /view?token=T uses it, /logout?token=T forgets to forget it."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer in one packet: the client need not wait for the second

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        AUDIT.append(f"{self.client_address[0]} {self.command} {self.path}")
        if url.path == "/login":
            token = secrets.token_hex(16)
            SESSIONS[token] = Session(query["user"][0])
            self.answer(token)
            return
        session = SESSIONS[query["token"][0]]
        session.history.append(url.path)
        if url.path == "/logout":
            session.open = False  # should be: del SESSIONS[token]
        self.answer(f"hello {session.user}, page {len(session.history)}")

    def answer(self, text: str) -> None:
        body = text.encode()
        self.send_response_only(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def get(client: http.client.HTTPConnection, path: str) -> str:
    client.request("GET", path)
    return client.getresponse().read().decode()


def main(n_requests: int) -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = http.client.HTTPConnection("127.0.0.1", server.server_port)
    for visitor in range(n_requests // 3):
        token = get(client, f"/login?user=visitor{visitor}")
        get(client, f"/view?token={token}")
        get(client, f"/logout?token={token}")
    client.close()
    server.shutdown()
    print(f"{len(AUDIT)} requests, {sum(s.open for s in SESSIONS.values())} sessions open, {len(SESSIONS)} kept")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3000)
