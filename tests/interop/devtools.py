"""Chromium without a window, and the loader of its DevTools in it: what they say of a heap snapshot.

The port for remote debugging serves the front end of DevTools, too. A page of that origin imports the module that reads
heap snapshots there, gives it the file as the panel does, and is asked over the protocol what the module found.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

PATIENCE_SECONDS = 120
CHUNK = 1_000_000  # characters at once, as the panel gives them
MODULE = "/devtools/entrypoints/heap_snapshot_worker/heap_snapshot_worker.js"

LOAD = """
(async () => {
  const {HeapSnapshot, HeapSnapshotLoader} = await import(%(module)s);
  const text = await (await fetch(%(url)s)).text();
  const warnings = [];
  for (const name of ['warn', 'error', 'assert'])
    console[name] = (...words) => { if (name !== 'assert' || !words[0]) warnings.push(words.join(' ')); };
  const loader = new HeapSnapshotLoader.HeapSnapshotLoader({sendEvent() {}});
  for (let at = 0; at < text.length; at += %(chunk)d)
    loader.write(text.slice(at, at + %(chunk)d));
  loader.close();
  await loader.parsingComplete;
  const channel = new MessageChannel();
  new HeapSnapshot.SecondaryInitManager(channel.port2);
  const snapshot = await loader.buildSnapshot(channel.port1);
  const nodes = [];
  for (const it = snapshot.allNodes(); it.hasNext(); it.next()) {
    const node = it.item();
    nodes.push([node.id(), node.type(), node.name(), node.className(), node.selfSize(), node.retainedSize(),
                node.distance(), node.edgesCount()]);
  }
  const duplicated = [];
  const filter = snapshot.createNamedFilter('duplicatedStrings');
  for (const it = snapshot.allNodes(); it.hasNext(); it.next())
    if (filter(it.item())) duplicated.push(it.item().id());
  const statistics = snapshot.getStatistics();
  window.found = JSON.stringify({nodes, duplicated, warnings, statistics, total: snapshot.totalSize});
  return window.found.length;
})()
"""


class Socket:
    """As much of a web socket as the protocol needs."""

    def __init__(self, host: str, port: int, path: str) -> None:
        self.socket = socket.create_connection((host, port), timeout=PATIENCE_SECONDS)
        key = base64.b64encode(os.urandom(16)).decode()
        head = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        self.socket.sendall(f"{head}Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
        self.file = self.socket.makefile("rb")
        assert b" 101 " in self.file.readline()
        while self.file.readline() != b"\r\n":
            pass

    def send(self, text: str) -> None:
        data, mask = text.encode(), os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(data))
        n = len(data)
        long = b"\xfe" + struct.pack(">H", n) if n < 65536 else b"\xff" + struct.pack(">Q", n)
        size = bytes([0x80 | n]) if n < 126 else long
        self.socket.sendall(b"\x81" + size + mask + masked)

    def receive(self) -> str:
        data = b""
        while True:
            first, second = self.file.read(2)
            n = second & 127
            if n > 125:
                n = int.from_bytes(self.file.read(2 if n == 126 else 8), "big")
            part = self.file.read(n)
            if first & 15 < 3:  # neither ping nor close
                data += part
                if first & 128:
                    return data.decode()

    def close(self) -> None:
        self.file.close()
        self.socket.close()


class Page:
    """A page of the origin that serves DevTools."""

    def __init__(self, port: int) -> None:
        here = f"http://127.0.0.1:{port}/json"
        request = urllib.request.Request(f"{here}/new?{here}/version", method="PUT")
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            target = json.load(answer)
        self.socket = Socket("127.0.0.1", port, target["webSocketDebuggerUrl"].split(str(port), 1)[1])
        self.n = 0

    def evaluate(self, expression: str) -> Any:
        self.n += 1
        parameters = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        self.socket.send(json.dumps({"id": self.n, "method": "Runtime.evaluate", "params": parameters}))
        while True:
            answer = json.loads(self.socket.receive())
            if answer.get("id") == self.n:
                break
        assert "exceptionDetails" not in answer.get("result", answer), answer
        return answer["result"]["result"].get("value")


class _Files(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Browser:
    """Chromium, and a folder that it can fetch files of."""

    def __init__(self, port: int, files: int, folder: Path) -> None:
        self.port, self.files, self.folder, self.n = port, files, folder, 0

    def load(self, data: bytes) -> dict[str, Any]:
        """What DevTools find in a heap snapshot."""
        self.n += 1  # a name of its own: what was fetched may be kept
        name = f"{self.n}.heapsnapshot"
        (self.folder / name).write_bytes(data)
        url = f"http://127.0.0.1:{self.files}/{name}"
        page = Page(self.port)
        for _ in range(100):  # until it stands on its origin
            if page.evaluate("location.href").endswith("/json/version"):
                break
            time.sleep(0.05)
        n = page.evaluate(LOAD % {"module": json.dumps(MODULE), "url": json.dumps(url), "chunk": CHUNK})
        step = 4_000_000
        text = "".join(page.evaluate(f"found.slice({at}, {at + step})") for at in range(0, n, step))
        page.socket.close()
        return dict(json.loads(text))


@contextmanager
def browser() -> Iterator[Browser]:
    """Runs until the block ends."""
    program = shutil.which("chromium")
    if not program:
        pytest.skip("no chromium: tools/bootstrap.sh interop installs it")
    with tempfile.TemporaryDirectory() as profile, tempfile.TemporaryDirectory() as folder:
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        words = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        process = subprocess.Popen(
            [program, *words, "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            told = Path(profile, "DevToolsActivePort")
            deadline = time.monotonic() + PATIENCE_SECONDS
            while not told.exists() or not told.read_text().strip():
                assert process.poll() is None and time.monotonic() < deadline, "chromium does not start"
                time.sleep(0.05)
            yield Browser(int(told.read_text().split()[0]), server.server_address[1], Path(folder))
        finally:
            process.terminate()
            process.wait(PATIENCE_SECONDS)
            server.shutdown()
            server.server_close()
