"""Snapshots through the Python API: taking, naming, loading, closing, errors, views."""

from __future__ import annotations

import contextlib
import errno
import gc
import itertools
import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import tonnage
from capture_support import environment
from tonnage import _core


class Thing:
    pass


things = [Thing() for _ in range(123)]


def test_a_file_is_made_and_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tonnage"
    with tonnage.snapshot(path) as taken:
        assert (taken.path, taken.file_bytes) == (str(path), path.stat().st_size)
        assert path.stat().st_mode & 0o777 == 0o600
        with tonnage.load(path) as loaded:
            assert len(loaded) == len(taken)
            assert loaded.facts == taken.facts


def test_without_a_path_no_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with tonnage.snapshot() as taken:
        assert taken.path is None
        assert os.listdir(tmp_path) == []
        assert len(taken) > 1000
        taken.save(tmp_path / "kept.tonnage")
        assert taken.path == str(tmp_path / "kept.tonnage")
    with tonnage.load(tmp_path / "kept.tonnage") as loaded:
        assert not loaded.check()
        assert (tmp_path / "kept.tonnage").stat().st_mode & 0o777 == 0o600


def without_nameless_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on a file system that does not know them."""

    def refuse(path: str, flags: int, *rest: int) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(95, "not supported")
        return real(path, flags, *rest)

    real = os.open
    monkeypatch.setattr(os, "open", refuse)


def without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, **options: Any) -> os.stat_result:
        if path.startswith("/proc/"):
            raise FileNotFoundError(2, "No such file or directory")
        return real(path, **options)

    real = os.stat
    monkeypatch.setattr(os, "stat", refuse)


def with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    pass


def test_a_file_system_without_nameless_files_does_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    without_nameless_files(monkeypatch)
    with tonnage.snapshot() as taken:
        assert len(taken) > 1000
        assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("world", [with_all, without_nameless_files, without_proc])
def test_save_replaces_only_by_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, world: Callable[[pytest.MonkeyPatch], None]
) -> None:
    world(monkeypatch)
    path = tmp_path / "a.tonnage"
    path.write_bytes(b"mine")
    with tonnage.snapshot(of=things) as taken:
        with pytest.raises(tonnage.ExistsError, match="force=True"):
            taken.save(path)
        with pytest.raises(FileExistsError):
            tonnage.snapshot(path)
        assert path.read_bytes() == b"mine"
        taken.save(path, force=True)
        with pytest.raises(tonnage.FileError, match="No such file"):
            taken.save(tmp_path / "none" / "a.tonnage")
        monkeypatch.chdir(tmp_path)
        taken.save("b.tonnage")
    assert sorted(os.listdir(tmp_path)) == ["a.tonnage", "b.tonnage"]
    for name in "a.tonnage", "b.tonnage":
        assert os.stat(name).st_mode & 0o777 == 0o600
        assert os.stat(name).st_nlink == 1
        with tonnage.load(name) as loaded:
            assert not loaded.check()


def test_a_file_being_saved_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def end(fd: int) -> None:
        seen.append(os.listdir(tmp_path))
        raise KeyboardInterrupt

    seen: list[list[str]] = []
    monkeypatch.setattr(os, "fsync", end)
    with tonnage.snapshot(of=things) as taken:
        for world in with_all, without_nameless_files:
            world(monkeypatch)
            with pytest.raises(KeyboardInterrupt):
                taken.save(tmp_path / "a.tonnage")
            assert os.listdir(tmp_path) == []
    assert seen == [[], [f"a.tonnage.{os.getpid()}.0.part"]]


def test_save_beyond_the_limit_of_file_sizes_is_an_error(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # as where Python is embedded without handlers
    try:
        with tonnage.snapshot(of=things) as taken:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
            with pytest.raises(tonnage.FileError, match="File too large"):
                taken.save(tmp_path / "a.tonnage")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert os.listdir(tmp_path) == []


def test_save_does_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*words: object, **options: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    def made_meanwhile(*words: object, **options: object) -> None:
        path.write_bytes(b"mine")
        refuse()

    path = tmp_path / "a.tonnage"
    without_nameless_files(monkeypatch)
    with tonnage.snapshot(of=things) as taken:
        monkeypatch.setattr(os, "link", refuse)
        taken.save(path)
        with pytest.raises(tonnage.ExistsError):
            taken.save(path)
        with tonnage.load(path) as loaded:
            assert not loaded.check()
        path.unlink()
        monkeypatch.setattr(os, "link", made_meanwhile)
        with pytest.raises(tonnage.ExistsError):
            taken.save(path)
        assert path.read_bytes() == b"mine"
        monkeypatch.setattr(os, "rename", refuse)
        path.unlink()
        monkeypatch.setattr(os, "link", refuse)
        with pytest.raises(tonnage.FileError, match="not permitted"):
            taken.save(path)
    assert os.listdir(tmp_path) == []


def test_a_part_of_the_process(tmp_path: Path) -> None:
    root = {"key": things[:10]}
    with tonnage.snapshot(of=root) as one, tonnage.snapshot(of=[root]) as listed, tonnage.snapshot() as whole:
        assert len(one) == len(listed) < len(whole) // 10
        assert {id(thing) for thing in things[:10]} <= {item.address for item in one}
        assert one.facts["capture.scope"] == "reachable"
        with pytest.raises(KeyError, match="without of="):
            one[id(things)]


def test_a_list_of_objects_is_not_itself_an_object() -> None:
    roots: list[object] = [Thing()]
    with tonnage.snapshot(of=roots) as without, tonnage.snapshot(of=[roots]) as within:
        assert id(roots) not in without
        assert id(roots) in within


def test_closing_frees_and_later_use_is_refused() -> None:
    gc.collect()  # files of other tests
    before = len(os.listdir("/proc/self/fd"))
    taken = tonnage.snapshot()
    item = taken[id(things)]
    taken.close()
    taken.close()
    assert len(os.listdir("/proc/self/fd")) == before
    assert "closed" in repr(taken)
    for use in (lambda: len(taken), lambda: taken.facts["x"], lambda: item.children, lambda: taken.save("x")):
        with pytest.raises(ValueError, match="closed"):
            use()


def test_a_forgotten_snapshot_closes_its_file() -> None:
    gc.collect()  # files of other tests
    before = len(os.listdir("/proc/self/fd"))
    tonnage.snapshot(of=things).summary()
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_snapshot_that_outlives_its_module_is_closed_in_silence() -> None:
    """At the end of the interpreter modules lose their names, the youngest first; these two are kept till then."""
    code = """
import json, tonnage._snapshot, ctypes
json.kept = tonnage.snapshot(of=[1])
for module in json, tonnage._snapshot:
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(module))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_facts_stand_as_attributes() -> None:
    began = datetime.now(UTC)
    with tonnage.snapshot(mode="stop") as taken:
        assert taken.pid == os.getpid()
        assert taken.host == os.uname().nodename
        assert taken.mode == "stop"
        assert (taken.version or "").startswith(".".join(map(str, sys.version_info[:3])))
        assert taken.time is not None
        assert abs((taken.time - began).total_seconds()) < 60
        assert taken.rss is not None and taken.rss > 5 << 20
        assert taken.pause is not None and 0 < taken.pause < 60
        assert Path(taken.argv[0]).name.startswith("python") or taken.argv
        assert any(thread.ident == threading.get_ident() for thread in taken.threads)


def test_a_summary_prints_the_table_and_gives_rows() -> None:
    with tonnage.snapshot() as taken:
        view = taken.summary(limit=5)
        assert len(view) == len(view.rows) == 5
        assert [row["type"] for row in view] == [row["type"] for row in view.rows]
        assert all(row["type"][:10] in str(view) for row in view)
        assert isinstance(taken[view[0]["largest_address"]], tonnage.Object)
        assert json.loads(view.json())["total"] == view.total
        assert view.total["count"] == len(taken)
        assert repr(taken) == repr(taken.summary(limit=10))


def test_a_summary_selects_groups_and_cuts() -> None:
    with tonnage.snapshot() as taken:
        (row,) = taken.summary(where=f"type:{__name__}.Thing")
        assert (row["count"], row["type"]) == (123, f"{__name__}.Thing")
        assert all(row["size"] >= 65536 for row in taken.summary(threshold="64k", limit=0))
        assert all(row["size"] >= 65536 for row in taken.summary(threshold=65536, limit=0))
        assert __name__ in [row["module"] for row in taken.summary(by="module", limit=0)]
        assert "each" in taken.summary(by="size")[0]
        names = [row["type"] for row in taken.summary(sort="type", limit=0)]
        assert names == sorted(names, key=lambda name: name.encode())


def test_the_largest_come_first_and_can_be_looked_up() -> None:
    big = [None] * 5_000_000
    with tonnage.snapshot() as taken:
        first = taken.largest(limit=1)[0]
        assert (first["address"], first["type"]) == (id(big), "list")
        assert taken[first["address"]].capacity == 5_000_000


def test_every_view_takes_the_options_of_its_verb() -> None:
    held = ["x" * 100, "y" * 3000, ("a", "b"), "z" * 1000]
    with tonnage.snapshot(of=[held]) as taken:
        big = taken.largest(threshold=1000, where="type:str")
        assert [row["address"] for row in big] == [id(held[1]), id(held[3])]
        assert [row["address"] for row in taken.largest(sort="address", threshold=1000)] == sorted(
            id(one) for one in held[1:] if len(one) > 2
        )
        shown = taken[id(held)].show(sort="-size", where="type:str", threshold="0.5k", limit=1)
        (row,) = shown.data["references"]["rows"]
        assert (row["label"], row["address"], shown.data["references"]["more"]) == ("[3]", hex(id(held[3])), 1)
        (row,) = taken.info(where="text:memory.", threshold="1M", sort="size", limit=1)
        assert (row["name"], row["value"]) == ("memory.rss_bytes", taken.rss)
        assert "\nFile\n" in repr(taken.info(limit=1))
        for wrong in taken.largest, taken.info, taken[id(held)].show:
            with pytest.raises(tonnage.ArgumentError):
                wrong(sort="nonsense")


def test_info_is_the_page_of_the_command() -> None:
    with tonnage.snapshot() as taken:
        assert taken.info().data["info"]["pid"] == os.getpid()
        with pytest.raises(tonnage.ArgumentError):
            _ = taken.info().total


@pytest.mark.parametrize(
    "options",
    [{"where": "nonsense:1"}, {"sort": "nonsense"}, {"by": "nonsense"}, {"threshold": "many"}, {"limit": -1}],
    ids=["where", "sort", "by", "threshold", "limit"],
)
def test_a_wrong_argument_of_a_view_is_an_argument_error(options: dict[str, Any]) -> None:
    with tonnage.snapshot(of=things) as taken, pytest.raises(tonnage.ArgumentError) as caught:
        taken.summary(**options)
    assert isinstance(caught.value, ValueError)


def test_a_number_must_be_an_int() -> None:
    with tonnage.snapshot(of=things) as taken:
        with pytest.raises(TypeError, match="limit must be an int, not str"):
            taken.summary(limit="x")  # type: ignore[arg-type]
        assert len(taken.summary(limit=1 << 40)) == len(taken.summary(limit=0))
    for word in "previews", "threads":
        with pytest.raises(TypeError, match=f"{word} must be an int, not str"):
            tonnage.snapshot(**{word: "x"})  # type: ignore[arg-type]


@pytest.mark.parametrize("options", [{"mode": "later"}, {"previews": -1}, {"previews": 100000}])
def test_a_wrong_argument_of_a_snapshot_is_an_argument_error(options: dict[str, object]) -> None:
    with pytest.raises(tonnage.ArgumentError):
        tonnage.snapshot(**options)  # type: ignore[arg-type]


def test_damaged_files_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.tonnage"
    tonnage.snapshot(path, of=things).close()
    whole = path.read_bytes()
    path.write_bytes(b"#!/bin/sh\n" * 10)
    with pytest.raises(tonnage.FormatError) as caught:
        tonnage.load(path)
    assert type(caught.value) is tonnage.FormatError
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(tonnage.TruncatedError):
        tonnage.load(path)
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 255
    path.write_bytes(damaged)
    with pytest.raises(tonnage.CorruptError) as found:
        with tonnage.load(path) as loaded:
            raise loaded.check()[0]
    assert found.value.offset > 0
    with pytest.raises(tonnage.FileError, match=r"No such file or directory; give the path of a file"):
        tonnage.load(tmp_path / "none")
    with pytest.raises(tonnage.FormatError, match=tmp_path.name):
        tonnage.load(tmp_path)


def test_a_limit_on_memory_is_kept(tmp_path: Path) -> None:
    tonnage.snapshot(tmp_path / "a.tonnage").close()
    with pytest.raises(tonnage.LimitError):
        with tonnage.load(tmp_path / "a.tonnage", max_memory=100_000) as loaded:
            _ = loaded[id(things)].parents


def test_errors_can_be_pickled() -> None:
    error = pickle.loads(pickle.dumps(tonnage.CorruptError("bad", -6, 77)))
    assert (type(error), str(error), error.status, error.offset) == (tonnage.CorruptError, "bad", -6, 77)


def test_threads_may_share_a_snapshot() -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(20):
                assert taken.summary(limit=3).total["count"] == len(taken)
                found = taken[id(things)]
                assert len(found.children) == 123
                assert found.references[100].target == found.children[100]
                assert found in found.children[0].parents
        except BaseException as error:
            failures.append(error)

    with tonnage.snapshot() as taken:
        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


@pytest.mark.parametrize("rounds", [0, 1, 20])
def test_closing_while_others_read_is_safe(rounds: int) -> None:
    """Readers, of which one has read this many times, end with a ValueError each; none reads on, none fails."""
    taken = tonnage.snapshot(of=[things])
    has_read, ends = threading.Event(), []

    def work() -> None:
        try:
            for n in itertools.count():
                if n == rounds:
                    has_read.set()
                for item in taken[id(things)].children:
                    _ = repr(item), item.parents, item.type
                taken.summary()
        except BaseException as error:
            ends.append(repr(error))
            has_read.set()  # or it never would be

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    has_read.wait()
    taken.close()
    for thread in threads:
        thread.join()
    assert ends == ["ValueError('the snapshot is closed')"] * 4


@pytest.mark.parametrize("closing", ["thread", "signal handler"])
def test_closing_while_another_opens_the_file_closes(closing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening runs without the interpreter lock, so close() may come before it ends."""

    def opened_late(*arguments: Any, **options: Any) -> Any:
        handle = open_file(*arguments, **options)
        if closing == "thread":
            closer.start()
            closer.join(0.05)  # it can go on only when this is done
        else:
            taken.close()  # what runs between two lines of this thread
        return handle

    from tonnage import _core

    open_file = _core.Snapshot
    taken = tonnage.snapshot(of=[things])
    closer = threading.Thread(target=taken.close)
    monkeypatch.setattr(_core, "Snapshot", opened_late)
    with contextlib.suppress(ValueError):
        len(taken)
    if closing == "thread":
        closer.join()
    with pytest.raises(ValueError, match="closed"):
        len(taken)


def test_closing_while_another_thread_opens_the_file_closes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = tonnage.snapshot()
    threads = [threading.Thread(target=taken.close)]
    real = _core.Snapshot

    def opening(*words: object, **options: object) -> object:
        threads[0].start()
        threads[0].join(0.2)  # done by then, unless it waits for us
        return real(*words, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(_core, "Snapshot", opening)
    with contextlib.suppress(ValueError):
        taken.summary()
    threads[0].join()
    with pytest.raises(ValueError, match="closed"):
        taken.summary()


def test_deep_size_counts_what_is_reached_once() -> None:
    inner = [1.5, 2.5]
    size = tonnage.deep_size([inner, inner])
    assert size == (4, size.bytes)
    assert (size.count, size[0]) == (4, 4)
    assert size.bytes >= tonnage.size_of(inner) + 48
    assert tonnage.deep_size([inner], inner).count == 4
    assert "count=4" in repr(size)


def test_importing_is_cheap() -> None:
    code = (
        "import sys; before = set(sys.modules); import tonnage; new = set(sys.modules) - before;"
        "new -= set(sys.builtin_module_names);"
        "print(sorted(name for name in new if not name.startswith('tonnage'))); print('tonnage._core' in new)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), check=True, timeout=60
    )
    assert done.stdout.splitlines() == ["['__future__']", "False"]


def test_taking_a_snapshot_does_not_load_the_reader(tmp_path: Path) -> None:
    code = "import tonnage, sys; tonnage.snapshot(sys.argv[1]).close(); print('tonnage._core' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.tonnage")],
        capture_output=True, text=True, env=environment(), check=True, timeout=60,
    )  # fmt: skip
    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    "code",
    [
        "import code; code.interact(banner='', exitmsg='')",
        "breakpoint()",
    ],
    ids=["interact", "breakpoint"],
)
def test_it_works_at_a_prompt(code: str) -> None:
    typed = "import tonnage; s = tonnage.snapshot(); n = len(s); print('found', n > 1000)\n"
    typed += "exit()\n" if code.startswith("import code") else "continue\n"
    done = subprocess.run(
        [sys.executable, "-c", code + "\n"], input=typed, capture_output=True, text=True, env=environment(), timeout=60
    )
    assert "found True" in done.stdout, done.stderr


def test_it_works_in_threads_atexit_and_asyncio() -> None:
    code = """
import asyncio, atexit, threading, tonnage
def take(where):
    with tonnage.snapshot() as s:
        print(where, len(s) > 1000, len(s.threads))
async def main():
    take("asyncio")
atexit.register(take, "atexit")
asyncio.run(main())
thread = threading.Thread(target=take, args=("thread",))
thread.start(); thread.join()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=60, check=True
    )
    assert done.stdout == "asyncio True 1\nthread True 2\natexit True 1\n"


def test_a_finalizer_during_a_collection_gets_busy() -> None:
    seen: list[str] = []

    class Late:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            try:
                tonnage.snapshot().close()
                seen.append("taken")
            except tonnage.Busy:
                seen.append("busy")

    gc.collect()
    Late()
    gc.collect()
    assert seen == ["busy"]


def test_version_is_that_of_the_library() -> None:
    from tonnage import _core

    assert tonnage.__version__ == _core.VERSION


def test_a_table_outlives_the_name_of_its_snapshot(tmp_path: Path) -> None:
    """As in the last line of a notebook's cell."""
    path = tmp_path / "app.tonnage"
    tonnage.snapshot(path).close()
    gc.collect()  # files of other tests
    before = len(os.listdir("/proc/self/fd"))
    table = tonnage.load(path).summary()
    assert table.rows and table._repr_html_().startswith("<table>")
    del table
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before
