"""A small web service on a large heap: `python service.py WORKLOAD N FOLDER SECONDS`; production.py puts it under load.

HTTP/1.1 with keep-alive on a free port of 127.0.0.1, by asyncio.  A request reads 20 objects anywhere in the heap,
changes two of them, and answers with JSON, about 1.6 KB.  /hot keeps to a hundredth of the heap, as services with a
working set do; /any is the worst case for a process whose pages are copied when they change.

Answers with one line on stdout to each line on stdin: `on` begins snapshots, every SECONDS into FOLDER in mode fork,
`off` ends them.  The first line, when it listens, is its port.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import json
import os
import pathlib
import random
import sys
from typing import Any

PICKED, CHANGED = 20, 2


def read_graph_heap(node: Any) -> object:
    return {"ident": node.ident, "name": node.name, "links": len(node.links), **node.extra}


def change_graph_heap(node: Any) -> None:
    node.ident += 1


def read_json_like(record: Any) -> object:
    return record


def change_json_like(record: Any) -> None:
    record["price"] += 1.0


class Connection(asyncio.Protocol):
    def __init__(self, items: list[Any], workload: str):
        self.items = items
        self.read = globals()[f"read_{workload}"]
        self.change = globals()[f"change_{workload}"]
        self.buffer = b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        *requests, self.buffer = (self.buffer + data).split(b"\r\n\r\n")
        for request in requests:
            self.answer(len(self.items) // 100 if request.startswith(b"GET /hot") else len(self.items))

    def answer(self, among: int) -> None:
        picked = [self.items[int(random.random() * among)] for _ in range(PICKED)]
        for item in picked[:CHANGED]:
            self.change(item)
        body = json.dumps([self.read(item) for item in picked]).encode()
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def answer_commands(folder: str, every: float) -> None:
    import tonnage

    recording = None

    def command() -> None:
        nonlocal recording
        word = sys.stdin.readline().strip()
        if word == "on":
            path = f"{folder}/{{n}}.tonnage"
            recording = tonnage.every(every, path, mode="fork", at_exit=False, quiet=True)
        elif word == "off" and recording:
            recording.stop()
            recording = None
        elif not word:
            os._exit(0)
        print(word, flush=True)

    asyncio.get_running_loop().add_reader(sys.stdin, command)


async def serve(workload: str, n: int, folder: str, every: float) -> None:
    sys.path.insert(0, str(pathlib.Path(__file__).parent / "workloads"))
    items, _ = importlib.import_module(workload).build(n)
    gc.collect()
    answer_commands(folder, every)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(items, workload), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def main() -> None:
    workload, n, folder, every = sys.argv[1:]
    asyncio.run(serve(workload, int(n), folder, float(every)))


main()
