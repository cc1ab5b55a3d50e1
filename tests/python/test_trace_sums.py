"""Files without objects: sums by stack of what is recorded, equal to those of a snapshot with objects."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pure_reader
import pytest
import tonnage
from capture_support import python
from trace_support import answer

PROGRAM = """
import sys, tonnage
from tonnage import trace
{start}
keep = [str(i) * 50 for i in range(1000)]  # kept
gone = [bytes(5000) for _ in range(1000)]
del gone
{end}
"""


def sums(file: pure_reader.Snapshot) -> list[tuple[int, ...]]:
    assert file.sites is not None
    large = (site for site in file.sites if site.live_bytes > 20000)
    return sorted((site.live_bytes, int(site.live_count), site.peak_bytes) for site in large)


def test_sums_are_those_of_a_snapshot_and_no_object_is_there(tmp_path: Path) -> None:
    both = 'trace.save("sums.tonnage", force=True).close(); tonnage.snapshot("whole.tonnage", force=True).close()'
    end = f"for again in range(2):\n    {both}"  # the first time they import
    program = tmp_path / "app.py"
    program.write_text(PROGRAM.format(start="trace.start()", end=end))
    python([program], cwd=tmp_path)
    alone, whole = (pure_reader.Snapshot.open(tmp_path / f"{name}.tonnage") for name in ("sums", "whole"))
    assert sums(alone) == sums(whole)
    assert len(sums(alone)) >= 1
    assert not alone.traces
    with tonnage.load(tmp_path / "sums.tonnage") as file:
        assert len(file) == 0
    assert (tmp_path / "sums.tonnage").stat().st_size * 10 < (tmp_path / "whole.tonnage").stat().st_size


def test_its_pages_are_those_of_stacks_and_others_say_what_lacks(tmp_path: Path) -> None:
    program = tmp_path / "app.py"
    program.write_text(PROGRAM.format(start="", end=""))
    words = ["-m", "tonnage", "run", "--trace", "--no-objects", "-o", "a.tonnage", program]
    done = python(words, cwd=tmp_path)
    assert done.stderr.rstrip().endswith("next: tonnage sites a.tonnage")

    def page(*words: str) -> Any:
        return python(["-m", "tonnage", *words], cwd=tmp_path)

    line = f"{program}:5"
    for verb in "sites", "peak", "creators":
        assert line in page(verb, "a.tonnage").stdout, verb
    assert f"{program}:6" in page("temporary", "a.tonnage").stdout
    for verb in ("survivors",), ("sites", "--by", "type"), ("sites", "--retained"):
        refused = page(verb[0], "a.tonnage", *verb[1:])
        assert (refused.returncode, refused.stdout) == (2, ""), verb
        assert "file without objects, which has sums by stack alone" in refused.stderr


def test_they_come_again_and_again_and_are_compared(tmp_path: Path) -> None:
    code = """
    import time, tonnage
    from tonnage import trace
    keep = []
    for i in range(2):
        keep.append([str(j) * 50 for j in range(1000)])  # kept
        trace.save(f"a{i}.tonnage").close()
    """
    program = tmp_path / "app.py"
    program.write_text(textwrap.dedent(code))
    python(["-m", "tonnage", "run", "--trace=exact", "--no-at-exit", program], cwd=tmp_path)
    with tonnage.load(tmp_path / "a0.tonnage") as old, tonnage.load(tmp_path / "a1.tonnage") as new:
        row = next(row for row in new.sites(against=old) if str(row).startswith(f"{program}:6"))
        assert 1000 <= row["count_change"] <= 1010


def test_nothing_recorded_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tonnage.ArgumentError, match="nothing is recorded"):
        tonnage.trace.save(tmp_path / "a.tonnage")
    done = python(["-m", "tonnage", "run", "--no-objects", "-c", "print(1)"], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    refused = "without objects nothing is left to write: give --trace, --sample or --track as well"
    assert done.stderr == f"tonnage: {refused}\n"
    assert not list(tmp_path.iterdir())


def test_tracked_classes_alone_are_something_to_write(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("class Session: pass\nkept = [Session() for _ in range(3)]\n")
    words = ["run", "--track", "__main__.Session", "--no-objects", "-o", "a.tonnage", "app.py"]
    done = python(["-m", "tonnage", *words], cwd=tmp_path)
    assert done.returncode == 0 and done.stderr.endswith("next: tonnage tracked a.tonnage\n"), done.stderr
    with tonnage.load(tmp_path / "a.tonnage") as snapshot:
        assert [row["alive"] for row in snapshot.tracked().classes] == [3]


def test_a_file_without_a_name_is_read_at_once(tmp_path: Path) -> None:
    code = """
    import json, tonnage
    from tonnage import trace
    trace.start()
    keep = [str(i) * 50 for i in range(1000)]
    with trace.save() as sums:
        print(json.dumps([len(sums), sums.sites(limit=1)[0]["count"], sums.path]))
    """
    objects, count, path = answer(code, tmp_path)
    assert (objects, path) == (0, None)
    assert 1000 <= count <= 1010


def test_recording_without_objects_tells_when_there_is_nothing_to_write(tmp_path: Path) -> None:
    with tonnage.every(None, tmp_path / "a.tonnage", objects=False, at_exit=False) as recording:
        with pytest.raises(tonnage.ArgumentError, match="nothing is recorded, sampled or tracked"):
            recording.take()
        tonnage.trace.start()
        try:
            with tonnage.load(recording.take()) as sums:
                assert (len(sums), len(sums.sites().rows) > 0) == (0, True)
        finally:
            tonnage.trace.stop()
