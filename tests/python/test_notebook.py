"""`%%tonnage` and what notebooks show: in a shell that stands in for IPython's, whose file runs cells as that does."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import graph_files
import pytest
import sample_files
import tonnage
from tonnage._flame_html import flame

# The cell magic needs a process of its own: it records allocations.
SHELL = '''
import linecache
import tonnage

class Shell:
    def __init__(self):
        self.magics, self.names, self.cells = {}, {}, 0

    def register_magic_function(self, function, magic_kind="line", magic_name=None):
        self.magics[magic_kind, magic_name] = function

    def run_cell(self, cell):
        self.cells += 1
        name = f"<ipython-input-{self.cells}-0>"
        linecache.cache[name] = (len(cell), None, cell.splitlines(True), name)
        try:
            exec(compile(cell, name, "exec"), self.names)
        except Exception as error:
            print("raised", error)

shell = Shell()
tonnage.load_ipython_extension(shell)
magic = shell.magics["cell", "tonnage"]
'''


def run(tmp_path: Path, text: str) -> list[str]:
    """Lines that a program prints which has the shell; its file has the name of IPython's."""
    (tmp_path / "interactiveshell.py").write_text(SHELL)
    (tmp_path / "main.py").write_text("from interactiveshell import *\n" + text)
    done = subprocess.run([sys.executable, "main.py"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_a_cell_tells_what_it_needed_and_what_it_keeps(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
cell = "def make(n):\\n    return bytearray(n)\\nkept = make(1 << 20)\\ndropped = make(3 << 20)\\ndel dropped\\n"
told = magic("", cell)
print(told.peak >> 20, told.left >> 20, told.allocations > 2)
for title, rows in (("needed", told.needed), ("kept", told.kept)):
    for size, count, place, text in rows:
        if size >= 1 << 20:
            print(title, size >> 20, count, place, text)
print(len(shell.names["kept"]))
print(told)
""",
    )
    assert lines[:3] == ["4 1 True", "needed 4 4 line 2 return bytearray(n)", "kept 1 2 line 2 return bytearray(n)"]
    assert lines[3] == "1048576"
    assert re.match(r"4\.0 MiB needed at the peak, 1\.0 MiB kept; \d+ allocations", lines[4])


def test_what_is_called_counts_for_the_line_of_the_cell(tmp_path: Path) -> None:
    (tmp_path / "library.py").write_text("def load():\n    return bytearray(1 << 20)\n")
    lines = run(
        tmp_path,
        """
import library
(first, *_) = magic("", "import library\\nx = [\\n    library.load(),\\n]\\n").kept
print(first[2:])
""",
    )
    assert lines == ["('line 3', 'library.load(),')"]


def test_what_a_cell_raises_is_the_shells_and_the_recording_ends(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        """
from tonnage import trace
told = magic("2", "x = bytearray(1 << 20)\\n1 / 0\\n")
print(told.left >> 20, trace.is_on())
magic("a b", "print('not run')")
""",
    )
    assert lines[:2] == ["raised division by zero", "1 False"] and lines[2].startswith("usage: %%tonnage")
    assert "not run" not in lines[2:]


def test_samples_are_told_in_a_line(tmp_path: Path) -> None:
    lines = run(tmp_path, "from tonnage import trace\ntrace.start(4096)\nprint(magic('', 'x = 1'))\n")
    assert lines[0].startswith("tonnage: allocations are recorded by samples") and lines[1] == "None"


def test_rows_are_shown_as_html_with_hostile_lines_as_text(tmp_path: Path) -> None:
    lines = run(
        tmp_path,
        "print(magic('1', 'x = bytearray(1 << 20) # <script>\\ny = bytearray(1 << 19)\\n')._repr_html_())\n",
    )
    page = "\n".join(lines)
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "<caption>kept; 1 more rows</caption>" in page and "1.0 MiB" in page


@pytest.mark.parametrize("closed", [False, True])
def test_a_snapshot_shows_itself(tmp_path: Path, closed: bool) -> None:
    graph = graph_files.Graph([[(1, graph_files.OWNING)], []], roots=[0])
    (tmp_path / "a.tonnage").write_bytes(graph_files.write(graph))
    snapshot = tonnage.load(tmp_path / "a.tonnage")
    if closed:
        snapshot.close()
    page = snapshot._repr_html_()
    assert ("closed" in page and page.startswith("<pre>")) if closed else "app.Thing" in page and "<table>" in page
    snapshot.close()


class Boxes(HTMLParser):
    """Of each box what is written in it, its tip, and where it stands."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.boxes: list[tuple[str, float, float, int]] = []  # tip, left, width, top
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        place = re.search(r"left:([\d.]+)%;width:([\d.]+)%;top:(\d+)px", said["style"])
        if place:
            self.boxes.append((said["title"], float(place[1]), float(place[2]), int(place[3])))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.mark.parametrize("inverted", [False, True])
def test_a_flame_graph_is_boxes_as_wide_as_their_share(tmp_path: Path, inverted: bool) -> None:
    sample_files.shop().write(tmp_path / "time.tonnage")
    with tonnage.load(tmp_path / "time.tonnage") as snapshot:
        view = snapshot.flame("cpu", by="function", inverted=inverted)
        found, total = Boxes(view._repr_html_()), view.data["total"]["total"]
    shares = sorted((node["name"], round(100 * node["total"] / total, 3)) for node in view.rows)
    assert sorted((tip.rpartition(": ")[0], width) for tip, _, width, _ in found.boxes) == shares
    assert found.tags == {"div"}
    by_level: dict[int, list[tuple[float, float]]] = {}
    for _, left, width, top in found.boxes:
        by_level.setdefault(top, []).append((left, left + width))
    below = [(0.0, 100.0)]
    for _, level in sorted(by_level.items()):
        level.sort()
        assert all(end <= start + 0.01 for (_, end), (start, _) in zip(level, level[1:], strict=False)), "side by side"
        for start, end in level:
            assert any(left - 0.01 <= start and end <= right + 0.01 for left, right in below), "under its caller"
        below = level


def test_names_in_a_flame_graph_stay_text() -> None:
    name = '"><script>alert(1)</script>\udc80'
    data = {
        "what": "cpu", "unit": "ns", "total": {"total": 10, "count": 1}, "frames": [{"name": name}],
        "nodes": [{"parent": None, "frame": 0, "total": 10, "own": 10, "count": 1}],
    }  # fmt: skip
    found = Boxes(flame(data))
    assert found.tags == {"div"} and name in found.texts and found.boxes[0][0].startswith(name)
