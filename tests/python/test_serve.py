"""`tonnage serve`: who is answered, with what, over which files; and that a hostile page gets nothing."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import graph_files
import pure_writer
import pytest
import tonnage
from tonnage import _serve

TOKEN = "of the test"
HOST = "127.0.0.1:1"


class Asker(NamedTuple):
    """Asks an application without a network."""

    app: _serve.App

    def get(self, target: str, **headers: str) -> _serve.Reply:
        said = {"Host": HOST, "X-Tonnage-Token": TOKEN}
        said.update({name.replace("_", "-"): value for name, value in headers.items()})
        return self.app.answer(target, said)

    def json(self, target: str) -> Any:
        reply = self.get(target)
        assert (reply.status, reply.content_type) == (200, "application/json"), reply.body
        return json.loads(reply.body)

    def error(self, target: str, status: int) -> str:
        reply = self.get(target)
        assert (reply.status, reply.content_type) == (status, "application/json")
        told: str = json.loads(reply.body)["error"]
        assert "\n" not in told
        return told

    def page(self, target: str) -> Any:
        joint = "&" if "?" in target else "?"
        reply = self.get(f"{target}{joint}token={urllib.parse.quote(TOKEN)}", X_Tonnage_Token="")
        assert reply.status == 200 and reply.content_type.startswith("text/html"), reply.body
        text = reply.body.decode()
        assert "connect-src 'self'" in text and "connect-src 'none'" not in text
        head = '<script type="application/json" id="tonnage-data">'
        return json.loads(text.split(head, 1)[1].split("</script>", 1)[0])


def heap(path: Path, n: int, time: int) -> Path:
    """A file of n objects and a table of modules; the first object refers to all others."""
    edges = [[(i, graph_files.OWNING) for i in range(1, n)], *([] for _ in range(1, n))]
    described = graph_files.describe(graph_files.Graph(edges, roots=[0]))[0]
    described.facts.update({"capture.wall_time_ns": time, "process.pid": 100 + n})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pure_writer.write(described))
    return path


def asker(paths: list[Path], folder: Path | None = None) -> Asker:
    shelf = _serve.Shelf([str(path) for path in paths], None if folder is None else str(folder), 0)
    return Asker(_serve.App(shelf, TOKEN, 1))


@pytest.fixture
def two(tmp_path: Path) -> Asker:
    return asker([heap(tmp_path / "a.tonnage", 5, 10), heap(tmp_path / "b.tonnage", 9, 20)])


def test_the_page_says_what_is_open_and_asks_this_server(two: Asker) -> None:
    data = two.page("/")
    assert (data["schema"], data["mode"], data["token"], data["folder"]) == (1, "served", TOKEN, None)
    assert [(file["name"], file["index"], file["pid"]) for file in data["files"]] == [
        ("a.tonnage", 0, 105),
        ("b.tonnage", 1, 109),
    ]


def test_a_question_is_answered_by_the_library(two: Asker, tmp_path: Path) -> None:
    for index, name in enumerate(("a", "b")):
        with tonnage.load(tmp_path / f"{name}.tonnage") as snapshot:
            told = json.loads(snapshot.groups(limit=3).json())
        assert two.json(f"/api/groups?limit=3&file={index}") == told
    assert two.json("/api/groups?limit=3") == two.json("/api/groups?limit=3"), "kept answers are the same"


@pytest.mark.parametrize(
    ("target", "status", "message"),
    [
        ("/api/nope", 404, "there is no view 'nope'"),
        ("/api/show?object=0x1", 404, "no object starts at 0x1"),
        ("/api/summary?where=type:a+or", 400, "or"),
        ("/api/summary?file=2", 400, "file is a number from 0 to 1, not 2"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_line(two: Asker, target: str, status: int, message: str) -> None:
    assert message in two.error(target, status)


def test_memory_that_is_not_there_is_told(tmp_path: Path) -> None:
    shelf = _serve.Shelf([str(heap(tmp_path / "a.tonnage", 50, 1))], None, 1000)
    told = Asker(_serve.App(shelf, TOKEN, 1)).get("/api/dominators")
    assert told.status == 503 and "error" in json.loads(told.body)


@pytest.mark.parametrize("host", ["", "evil.example", "evil.example:1", "127.0.0.1", "127.0.0.1:2", "127.0.0.1:1.evil"])
def test_another_name_of_this_machine_is_not_answered(two: Asker, host: str) -> None:
    for target in ("/", f"/?token={TOKEN}", "/api/summary", "/favicon.ico"):
        assert two.get(target, Host=host).status == 403


def test_localhost_is_this_machine(two: Asker) -> None:
    assert two.get("/api/summary", Host="localhost:1").status == 200


@pytest.mark.parametrize("token", ["", "of the tes", "of the testx", "\udcff"])
def test_without_the_token_nothing_is_told(two: Asker, token: str) -> None:
    reply = two.get("/api/summary", X_Tonnage_Token=token)
    assert reply.status == 403 and b"rows" not in reply.body
    said = urllib.parse.quote(token, errors="surrogateescape")
    for target in ("/", f"/?token={said}", f"/?open=0&token={said}"):
        page = two.get(target)
        assert page.status in (400, 403) and b"tonnage-data" not in page.body and TOKEN.encode() not in page.body


def test_the_token_of_the_address_is_none_of_a_question(two: Asker) -> None:
    """Another site can make a browser ask for an address, not send a header."""
    assert two.get("/api/summary?token=" + urllib.parse.quote(TOKEN), X_Tonnage_Token="").status == 403


@pytest.mark.parametrize(
    "target", ["/api/../../etc/passwd", "/etc/passwd", "//", "/api/", "/0/", "/0/api/summary", "*", "/api/summary/x"]
)
def test_there_is_nothing_else(two: Asker, target: str) -> None:
    reply = two.get(target)
    assert reply.status in (400, 403, 404) and b"tonnage-data" not in reply.body


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    heap(tmp_path / "new.tonnage", 5, 20)
    heap(tmp_path / "old.tonnage", 9, 10)
    heap(tmp_path / "deep" / "er" / "other.tonnage", 3, 30)
    heap(tmp_path / ".hidden" / "x.tonnage", 3, 30)
    (tmp_path / "broken.tonnage").write_bytes(b"no snapshot")
    (tmp_path / "notes.txt").write_text("not a snapshot")
    return tmp_path


def test_a_folder_is_an_index_of_its_files(folder: Path) -> None:
    data = asker([], folder).page("/")
    assert data["mode"] == "folder"
    rows = {row["name"]: row for row in data["files"]}
    assert sorted(rows) == ["broken.tonnage", "new.tonnage", "old.tonnage", "other.tonnage"]
    assert rows["new.tonnage"]["pid"] == 105 and rows["new.tonnage"]["size"] == (folder / "new.tonnage").stat().st_size
    assert (rows["old.tonnage"]["folder"], rows["other.tonnage"]["folder"]) == ("", "deep/er")
    assert rows["broken.tonnage"]["has"] == [] and "no snapshot" not in rows["new.tonnage"]
    assert rows["broken.tonnage"]["error"].startswith("not a tonnage snapshot")


def test_files_of_a_folder_keep_their_numbers(folder: Path) -> None:
    asked = asker([], folder)
    before = {row["name"]: row["index"] for row in asked.page("/")["files"]}
    (folder / "old.tonnage").unlink()
    heap(folder / "aaa.tonnage", 4, 5)
    after = {row["name"]: row["index"] for row in asked.page("/")["files"]}
    assert "old.tonnage" not in after and after["aaa.tonnage"] not in before.values()
    assert {name: after[name] for name in after if name != "aaa.tonnage"} == {
        name: number for name, number in before.items() if name != "old.tonnage"
    }


def test_files_of_a_folder_are_opened_in_order_of_time(folder: Path) -> None:
    asked = asker([], folder)
    number = {row["name"]: row["index"] for row in asked.page("/")["files"]}
    old, new = number["old.tonnage"], number["new.tonnage"]
    token = urllib.parse.quote(TOKEN)
    reply = asked.get(f"/?token={token}&open={new},{old}")
    (place,) = [value for name, value in reply.headers if name == "Location"]
    assert reply.status == 302 and place.startswith(f"/{old},{new}/?token=")
    data = asked.page(f"/{old},{new}/")
    assert [file["name"] for file in data["files"]] == ["old.tonnage", "new.tonnage"]
    assert data["folder"].startswith("../?token=")
    assert asked.json(f"/{old},{new}/api/summary?file=1")["total"]["count"] == 6
    assert asked.json(f"/{old},{new}/api/diff?against=0&file=1")["view"] == "diff"
    assert asked.get("/api/summary").status == 404, "of no file"
    assert "there is no file of number 99" in asked.error("/99/api/summary", 404)
    broken = number["broken.tonnage"]
    assert asked.get(f"/?token={token}&open={broken}").status == 400
    assert asked.get(f"/?token={token}&open=x").status == 400


def test_few_files_of_a_folder_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_serve, "_MOST_OPEN", 2)
    shelf = _serve.Shelf([str(heap(tmp_path / f"{n}.tonnage", 3, n)) for n in range(6)], str(tmp_path), 0)
    for n in range(6):
        shelf.open([n])
    assert list(shelf._opened) == [3, 4, 5]
    held = shelf.open([5, 0])
    shelf.open([1])
    shelf.open([2])
    shelf.open([3])
    assert [len(snapshot) for snapshot in held] == [4, 4], "one that is read is not closed"


def test_answers_are_kept_within_bounds(two: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_serve, "_KEPT_BYTES", 20_000)
    for limit in range(1, 40):
        two.json(f"/api/groups?limit={limit}")
    assert 0 < sum(len(body) for body in two.app._kept.values()) == two.app._kept_bytes <= 20_000


def test_a_file_that_is_replaced_has_no_old_answers(folder: Path) -> None:
    asked = asker([], folder)
    number = {file["name"]: file["index"] for file in asked.page("/")["files"]}["new.tonnage"]
    assert asked.json(f"/{number}/api/summary")["info"]["pid"] != 177
    heap(folder / "next", 77, 50).replace(folder / "new.tonnage")
    asked.page("/")
    assert asked.json(f"/{number}/api/summary")["info"]["pid"] == 177


@pytest.mark.parametrize("target", ["/" + "9" * 5000 + "/", "/" + ",".join(["0"] * 17) + "/"])
def test_numbers_of_files_are_few_and_short(folder: Path, target: str) -> None:
    assert asker([], folder).get(target).status == 404


def test_a_pipe_in_a_folder_is_not_waited_for(folder: Path) -> None:
    os.mkfifo(folder / "pipe.tonnage")
    told = {file["name"]: file.get("error") for file in asker([], folder).page("/")["files"]}
    assert told["pipe.tonnage"] is not None and "not a regular file" in told["pipe.tonnage"]


# ---- over the network ----


@pytest.fixture
def server(tmp_path: Path) -> Iterator[_serve.Server]:
    made = _serve.Server(_serve.Shelf([str(heap(tmp_path / "a.tonnage", 5, 10))], None, 0))
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def fetch(server: _serve.Server, target: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=30)
    try:
        connection.request(method, target, headers={name.replace("_", "-"): value for name, value in headers.items()})
        reply = connection.getresponse()
        return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read()
    finally:
        connection.close()


def test_only_this_machine_can_connect_and_the_token_is_not_guessed(server: _serve.Server, tmp_path: Path) -> None:
    assert server.server_address[0] == "127.0.0.1"
    token = urllib.parse.parse_qs(urllib.parse.urlsplit(server.url).query)["token"][0]
    assert len(token) >= 32
    other = _serve.Server(_serve.Shelf([], None, 0))
    other.server_close()
    assert token not in other.url


def test_what_a_browser_gets(server: _serve.Server) -> None:
    parts = urllib.parse.urlsplit(server.url)
    status, headers, body = fetch(server, f"/?{parts.query}")
    assert status == 200 and b"tonnage-data" in body
    token = urllib.parse.parse_qs(parts.query)["token"][0]
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert headers["referrer-policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    status, headers, body = fetch(server, "/api/summary", X_Tonnage_Token=token)
    assert status == 200 and json.loads(body)["view"] == "summary"
    assert headers["content-length"] == str(len(body)) and "access-control-allow-origin" not in headers
    assert fetch(server, "/favicon.ico")[0] == 204
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        status, headers, body = fetch(server, "/api/summary", method, X_Tonnage_Token=token)
        assert (status, headers["content-type"], body.count(b"\n")) == (501, "text/plain; charset=utf-8", 1)
    assert fetch(server, "/api/summary", X_Tonnage_Token=token, Host="evil.example")[0] == 403


def test_requests_run_side_by_side(server: _serve.Server, tmp_path: Path) -> None:
    token = urllib.parse.parse_qs(urllib.parse.urlsplit(server.url).query)["token"][0]
    kinds = ["type", "size", "module", "generation", "via"]
    got: list[tuple[str, bytes]] = []

    def ask() -> None:
        for kind in kinds:
            got.append((kind, fetch(server, f"/api/groups?by={kind}", X_Tonnage_Token=token)[2]))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with tonnage.load(tmp_path / "a.tonnage") as snapshot:
        told = {kind: snapshot.groups(kind).json().encode() for kind in kinds}
    assert len(got) == 40 and all(body == told[kind] for kind, body in got)


def run(*words: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tonnage", "serve", "--no-open", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a job in the background ignores it
    )


def test_the_command_prints_its_address_and_ends_with_an_interrupt(tmp_path: Path) -> None:
    path = heap(tmp_path / "a.tonnage", 5, 10)
    before = path.read_bytes(), sorted(os.listdir(tmp_path))
    with run(path) as process:
        assert process.stdout is not None
        url = urllib.parse.urlsplit(process.stdout.readline().strip())
        connection = http.client.HTTPConnection(url.netloc, timeout=30)
        connection.request("GET", f"/?{url.query}")
        assert connection.getresponse().status == 200
        connection.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0 and process.stderr is not None and process.stderr.read() == ""
    assert (path.read_bytes(), sorted(os.listdir(tmp_path))) == before, "nothing is written"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "see tonnage serve --help"),
        (("{none}",), 5, "cannot open"),
        (("{folder}", "{file}"), 2, "is a folder: name it alone, or files"),
        (("{file}", "--port", "70000"), 2, "a port is a number from 0 to 65535; --port 0 takes one that is free"),
        (("{file}", "--port", "{taken}"), 2, "Address already in use; --port 0 takes one that is free"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    tmp_path: Path, server: _serve.Server, words: tuple[str, ...], code: int, message: str
) -> None:
    named = {
        "none": tmp_path / "none", "folder": tmp_path, "file": tmp_path / "a.tonnage",
        "taken": server.server_address[1],
    }  # fmt: skip
    with run(*(word.format(**named) for word in words)) as process:
        assert process.stdout is not None and process.stderr is not None
        told = process.stderr.read()
        assert (process.wait(30), process.stdout.read(), told.count("\n")) == (code, "", 1)
        assert told.startswith("tonnage: serve: ") and message in told
