"""What the viewer is answered is what the command prints: the same question, asked of both; and reports as files."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import graph_files
import pure_writer
import pytest
import sample_files
import shop_snapshot
import sites_snapshot
import tonnage
from cli_support import Cli
from tonnage import _queries, _report, _report_ranges, _viewer

PRICES = f"{shop_snapshot.PRICES:#x}"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a file of each kind; times go up with names."""
    folder = tmp_path_factory.mktemp("viewer")
    (folder / "old.tonnage").write_bytes(shop_snapshot.older())
    (folder / "new.tonnage").write_bytes(shop_snapshot.newer())
    (folder / "sites-1.tonnage").write_bytes(sites_snapshot.data(10))
    (folder / "sites-2.tonnage").write_bytes(sites_snapshot.data(20))
    sample_files.shop().write(folder / "time.tonnage")
    sample_files.any_profile(5).write(folder / "before.tonnage")
    return folder


# name of the file, what the viewer asks, what is asked of the command
SAME = [
    ("new", "summary?limit=3&sort=count", "summary --limit 3 --sort count"),
    ("new", "summary?by=module&where=type:dict+or+type:str", "summary --by module --where {type:dict or type:str}"),
    ("new", "summary?threshold=100", "summary --threshold 100"),
    ("new", "groups?by=rcs", "groups --by rcs"),
    ("new", "groups?heads=type%3Ashop.cart.Cart%2B&fold=1", "groups --heads type:shop.cart.Cart+ --fold"),
    ("new", "largest?where=type%3Astr", "largest --where type:str"),
    ("new", "suspects", "suspects"),
    ("new", "suspects?fold=0&by=module", "suspects --no-fold --by module"),
    ("new", "waste?limit=0", "waste --limit 0"),
    ("new", "audit?by=type&limit=3", "audit --by type --limit 3"),
    ("new", "cycles?garbage=1", "cycles --garbage"),
    ("new", "info?limit=1", "info --limit 1"),
    ("new", "check", "check"),
    ("new", f"show?object={PRICES}&sort=size", f"show {PRICES} --sort size"),
    ("new", f"why?object={shop_snapshot.PRICES}", f"why {PRICES}"),
    ("new", "why?where=type%3Astr&by=type", "why type:str --by type"),
    ("new", "dominators?depth=3", "dominators --depth 3"),
    ("new", "treemap?limit=3", "treemap --limit 3"),
    ("new", f"dominators?object={PRICES}&fold=0", f"dominators {PRICES} --no-fold"),
    ("new", f"retained?object={PRICES}", f"retained {PRICES}"),
    ("new", "retained?where=type%3Adict&by=module", "retained --where type:dict --by module"),
    ("new", f"paths?object={PRICES}&limit=2&avoid=caches", f"paths {PRICES} --limit 2 --avoid caches"),
    ("new", "paths?where=type%3Astr&merge=1", "paths --where type:str --merge"),
    ("new", f"refs?object={PRICES}&depth=2", f"refs {PRICES} --depth 2"),
    ("new", "referrers?where=type%3Astr&by=module", "referrers --where type:str --by module"),
    ("new", "patterns?where=type%3Astr&width=3", "patterns --where type:str --width 3"),
    ("new", "graph?limit=3", "graph --limit 3"),
    ("new", "graph?cycles=1", "graph --cycles"),
    ("sites-2", "sites?by=function&cumulative=1", "sites --by function --cumulative"),
    ("sites-2", "sites?include=any%3Amain.py&include=json", "sites --include any:main.py --include json"),
    ("sites-2", "sites?retained=1&where=type%3Adict", "sites --retained --where type:dict"),
    ("sites-2", "creators?depth=2&from=work.py%3A11", "creators --depth 2 --from work.py:11"),
    ("sites-2", "peak", "peak"),
    ("sites-2", "temporary?threshold=1k", "temporary --threshold 1k"),
    ("sites-2", "survivors?by=file", "survivors --by file"),
    ("sites-2", "flame", "flame"),
    ("sites-2", "flame?what=count&invert=1&by=file&limit=7", "flame --what count --invert --by file --limit 7"),
    ("sites-2", "flame?what=retained&include=any%3Amain.py", "flame --what retained --include any:main.py"),
    ("sites-2", "flame?born=1-100&where=type%3Adict", "flame --born 1-100 --where type:dict"),
    ("sites-2", "timeline", "timeline"),
    ("time", "flame?what=cpu&exclude=%3Cgc%3E", "flame --what cpu --exclude <gc>"),
    ("time", "profile?by=line&limit=4", "profile --by line --limit 4"),
    ("time", "profile?tree=1&depth=3", "profile --tree --depth 3"),
    ("time", "profile?graph=1", "profile --graph"),
    ("time", "profile?callers=load", "profile --callers load"),
    ("time", "profile?callees=load", "profile --callees load"),
]  # fmt: skip


def ask(opened: list[tonnage.Snapshot], question: str) -> Any:
    return json.loads(_queries.ask(opened, *_report._split(question)))


def command(cli: Cli, files: Path, words: str) -> Any:
    """Words in braces are one."""
    verb, *rest = [word.strip("{}") for word in re.findall(r"\{[^}]*\}|\S+", words)]
    got = cli(verb, *rest, "--json", cwd=files)
    assert (got.returncode, got.stderr) == (0, ""), words
    return json.loads(got.stdout)


@pytest.mark.parametrize(("name", "question", "words"), SAME, ids=[question for _, question, _ in SAME])
def test_an_answer_is_what_the_command_prints(cli: Cli, files: Path, name: str, question: str, words: str) -> None:
    verb, _, rest = words.partition(" ")
    with tonnage.load(files / f"{name}.tonnage") as snapshot:
        assert ask([snapshot], question) == command(cli, files, f"{verb} {name}.tonnage {rest}")


@pytest.mark.parametrize(
    ("old", "new", "question", "words"),
    [
        ("old", "new", "diff?by=module", "diff old.tonnage new.tonnage --by module"),
        ("old", "new", "groups", "groups new.tonnage --against old.tonnage"),
        ("old", "new", "suspects", "suspects new.tonnage --against old.tonnage"),
        ("old", "new", "why", "why new.tonnage --against old.tonnage"),
        ("sites-1", "sites-2", "sites", "sites sites-1.tonnage sites-2.tonnage"),
        ("before", "time", "profile", "profile time.tonnage --against before.tonnage"),
    ],
)
def test_two_files_are_compared_as_the_command_does(
    cli: Cli, files: Path, old: str, new: str, question: str, words: str
) -> None:
    with tonnage.load(files / f"{old}.tonnage") as before, tonnage.load(files / f"{new}.tonnage") as after:
        pairs = f"{question}{'&' if '?' in question else '?'}against=0&file=1"
        assert ask([before, after], pairs) == command(cli, files, words)


def test_growth_is_that_of_all_files(cli: Cli, files: Path) -> None:
    with tonnage.load(files / "old.tonnage") as old, tonnage.load(files / "new.tonnage") as new:
        got = ask([old, new, new._again()], "growth")
        told = command(cli, files, "diff old.tonnage new.tonnage new.tonnage")
        for snapshots in (got["snapshots"], told["snapshots"]):
            for row in snapshots:
                row.pop("file", None)
        assert got == told


def test_a_group_is_named_by_its_place(files: Path) -> None:
    with tonnage.load(files / "new.tonnage") as snapshot:
        groups = ask([snapshot], "groups?by=module&limit=0")["rows"]
        assert len(groups) > 1
        for row in groups:
            largest = ask([snapshot], f"largest?limit=0&group=module%3A{row['index']}")
            assert (largest["total"]["count"], largest["total"]["size"]) == (row["count"], row["size"])
        within = ask([snapshot], "groups?where=type%3Astr")["rows"]
        assert ask([snapshot], "largest?where=type%3Astr&group=type%3A0")["total"]["size"] == within[0]["size"]


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("nope", "there is no view 'nope'; views are summary, groups, "),
        ("summary?depth=2", "summary takes file, limit, where, group, sort, against, by, threshold, not 'depth'"),
        ("summary?limit=-1", "limit takes a number from 0 to 100000, not '-1'"),
        ("summary?limit=100001", "limit takes a number from 0 to 100000"),
        ("summary?limit=1&limit=2", "limit is there twice"),
        ("summary?by=nope", "unknown grouping 'nope'"),
        ("summary?where=size%3A", "size"),
        ("summary?where=a%00b", "where holds a NUL"),
        ("summary?file=1", "file is a number from 0 to 0, not 1"),
        ("summary?against=0", "against is the file itself"),
        ("summary?threshold=x", "threshold takes a size such as 64k, not 'x'"),
        ("show", "show: of what? object is needed"),
        ("show?object=0xzz", "object takes an address such as"),
        ("show?object=0x1", "no object starts at 0x1"),
        ("refs", "refs: of what? object or where or group or against is needed"),
        ("largest?group=module", "group takes a kind and a number, as in module:3"),
        ("largest?group=module:99", "by module there are 2 groups"),
        ("growth", "growth is of three files or more"),
        ("diff", "diff: of what? against is needed"),
        ("profile", "the snapshot does not say where time goes"),
        ("profile?tree=1&graph=1", "one page at a time: tree or graph"),
        ("graph?refs=1", "graph: of what?"),
    ],
)
def test_what_makes_no_sense_is_one_line(files: Path, question: str, message: str) -> None:
    with tonnage.load(files / "new.tonnage") as snapshot:
        with pytest.raises((tonnage.ArgumentError, tonnage.NotFoundError)) as told:
            ask([snapshot], question)
        assert message in str(told.value) and "\n" not in str(told.value)


# ---- reports ----


class Scripts(HTMLParser):
    """What a browser takes for the text of scripts, and everything that would be asked for."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: dict[str | None, str] = {}
        self.links: list[str] = []
        self._in: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if tag == "script":
            self._in = found.get("id") or ""
            self.texts[self._in] = ""
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._in = None

    def handle_data(self, data: str) -> None:
        if self._in is not None:
            self.texts[self._in] += data


def data_of(page: str) -> Any:
    data = json.loads(Scripts(page).texts["tonnage-data"])
    return json.loads(gzip.decompress(base64.b64decode(data["gzip"]))) if "gzip" in data else data


def report(cli: Cli, tmp_path: Path, *words: str | Path) -> Any:
    out = tmp_path / "report.html"
    got = cli("report", *words, "-o", out)
    assert (got.returncode, got.stdout) == (0, "")
    assert re.fullmatch(r"tonnage: wrote .*report\.html \([0-9.]+ [KM]iB\); open it in a browser\n", got.stderr)
    assert out.stat().st_mode & 0o777 == 0o600
    return data_of(out.read_text("utf-8"))


def without_info(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key != "info"}


def test_a_report_has_what_the_command_prints(cli: Cli, files: Path, tmp_path: Path) -> None:
    data = report(cli, tmp_path, files / "new.tonnage")
    assert (data["schema"], data["mode"], data["tool_version"]) == (1, "report", tonnage.__version__)
    file = data["files"][0]
    assert (file["name"], file["index"], file["pid"], file["has"]) == ("new.tonnage", 0, 4242, ["objects"])
    answers = data["answers"]
    assert answers["summary?"] == command(cli, files, "summary new.tonnage")
    assert answers["info?"] == command(cli, files, "info new.tonnage")
    for key, words in (
        ("suspects?limit=0", "suspects new.tonnage --limit 0"),
        ("groups?by=module&limit=1000", "groups new.tonnage --by module --limit 1000"),
        (f"why?object={PRICES}", f"why new.tonnage {PRICES}"),
    ):
        assert answers[key] == without_info(command(cli, files, words)), key
    path = command(cli, files, f"paths new.tonnage {PRICES} --limit 1")
    assert answers[f"paths?limit=1&object={PRICES}"] == {**without_info(path), "more": None, "where": None}
    assert not [key for key, answer in answers.items() if "error" in answer]
    assert any("1000 rows" in line for line in data["bounds"])


def test_a_report_of_several_files_compares_them_in_order_of_time(cli: Cli, files: Path, tmp_path: Path) -> None:
    data = report(cli, tmp_path, files / "new.tonnage", files / "old.tonnage")
    assert [file["name"] for file in data["files"]] == ["old.tonnage", "new.tonnage"]
    told = command(cli, files, "diff old.tonnage new.tonnage --limit 1000")
    assert data["answers"]["diff?against=0&file=1&limit=1000"] == without_info(told)


def test_what_suspects_of_a_comparison_name_has_a_page(cli: Cli, files: Path, tmp_path: Path) -> None:
    answers = report(cli, tmp_path, files / "old.tonnage", files / "new.tonnage")["answers"]
    rows = answers["suspects?against=0&file=1&limit=0"]["rows"]
    assert rows
    for row in rows:
        assert f"show?file=1&limit=50&object={row.get('address') or row['example']}" in answers


def test_rows_that_have_no_room_leave_the_first_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_report._Answers.ask, "__defaults__", (50_000,))
    edges = [[(i, graph_files.OWNING) for i in range(1, 900)], *([] for _ in range(1, 900))]
    described = graph_files.describe(graph_files.Graph(edges, roots=[0]))[0]
    (tmp_path / "wide.tonnage").write_bytes(pure_writer.write(described))
    with tonnage.load(tmp_path / "wide.tonnage") as snapshot:
        snapshot.report(tmp_path / "report.html")
        answers = data_of((tmp_path / "report.html").read_text("utf-8"))["answers"]
        assert "largest?limit=1000" not in answers
        assert answers["largest?limit=100"] == without_info(json.loads(snapshot.largest(limit=100).json()))


def test_a_report_of_samples_or_of_sites_has_their_pages(cli: Cli, files: Path, tmp_path: Path) -> None:
    data = report(cli, tmp_path, files / "time.tonnage", files / "sites-2.tonnage", "--force")
    has = {file["name"]: file["has"] for file in data["files"]}
    assert has == {"time.tonnage": ["objects", "samples"], "sites-2.tonnage": ["objects", "sites"]}
    at = {file["name"]: file["index"] for file in data["files"]}
    for question, name in (("profile?limit=200", "time"), ("sites?limit=200", "sites-2")):
        index = at[f"{name}.tonnage"]
        key = question if index == 0 else question.replace("?", f"?file={index}&")
        words = f"{question.partition('?')[0]} {name}.tonnage --limit 200"
        assert data["answers"][key] == without_info(command(cli, files, words))
    assert f"profile?{'file=1&' if at['sites-2.tonnage'] else ''}limit=200" not in data["answers"]


def test_a_report_has_the_ranges_of_allocations_that_its_page_offers(cli: Cli, files: Path, tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.tonnage" for n in range(3)]
    program = "import sys, tonnage\ntonnage.trace.start()\nkeep = []\n" + "".join(
        f"keep += [bytes(100) for _ in range({100 * (n + 1)})]\ntonnage.snapshot(sys.argv[{n + 1}])\n" for n in range(3)
    )
    subprocess.run([sys.executable, "-c", program, *paths], check=True)
    answers = report(cli, tmp_path, *paths)["answers"]
    ends = []
    for index, path in enumerate(paths):
        past = command(cli, files, f"timeline {path}")
        ends.append(past["now"]["births"])
        parts = past["alive"][:: -(-len(past["alive"]) // 10)]
        assert 8 <= len(parts) <= 10
        lasts = [part["first"] - 1 for part in parts[1:]] + [past["alive"][-1]["last"]]
        for i, part in enumerate(parts):
            for last in lasts[i : -1 if i == 0 else None]:
                key = f"flame?born={part['first']}-{last}{f'&file={index}' if index else ''}&limit=500&what=live"
                told = command(cli, files, f"flame {path} --born {part['first']}-{last} --limit 500")
                assert answers[key] == without_info(told), key
    for first, last in ((1, ends[1]), (ends[0] + 1, ends[1]), (ends[0] + 1, ends[2]), (ends[1] + 1, ends[2])):
        assert f"flame?born={first}-{last}&file=2&limit=500&what=live" in answers


def born(data: dict[str, Any]) -> list[str]:
    return [key for key in data["answers"] if "born=" in key]


def test_ranges_of_allocations_are_bounded_and_go_first(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last snapshot is of when nothing is recorded any more, the one before it of another recording."""
    paths = [str(tmp_path / f"{n}.tonnage") for n in range(4)]
    program = """
import sys, tonnage
tonnage.trace.start()
keep = [[bytes(100) for _ in range(100)]]
tonnage.snapshot(sys.argv[1])
keep.append([bytes(100) for _ in range(100)])
tonnage.snapshot(sys.argv[2])
tonnage.trace.clear()
keep.append([bytes(100) for _ in range(100)])
tonnage.snapshot(sys.argv[3])
tonnage.trace.stop()
tonnage.snapshot(sys.argv[4])
"""
    subprocess.run([sys.executable, "-c", program, *paths], check=True)
    files = [tonnage.load(path) for path in paths]
    ends = [file.facts["trace.births"] for file in files[:3]]

    def made() -> dict[str, Any]:
        files[0].report(tmp_path / "r.html", files[1:], force=True)
        return data_of((tmp_path / "r.html").read_text("utf-8"))

    data = made()
    pairs = [(1, ends[0]), (1, ends[1]), (ends[0] + 1, ends[1]), (ends[0] + 1, ends[2]), (ends[1] + 1, ends[2])]
    assert [key.partition("&")[0] for key in born(data)][: len(pairs)] == [f"flame?born={a}-{b}" for a, b in pairs]
    assert any("ranges of allocations are of whole tenths" in line for line in data["bounds"])
    of_file = [re.search(r"&file=(\d)", key) for key in born(data)]
    assert list(dict.fromkeys(found[1] if found else "0" for found in of_file)) == ["2", "1", "0"]
    monkeypatch.setattr(_report, "_RANGES", 3)
    data = made()
    assert len(born(data)) == 3 and any("there was room for 3" in line for line in data["bounds"])
    others = len(data["answers"]) - 3
    monkeypatch.setattr(_report, "MOST_BYTES", len((tmp_path / "r.html").read_text("utf-8")) - 1)
    data = made()
    assert born(data) == [] and len(data["answers"]) == others
    assert [line for line in data["bounds"] if "ranges" in line] == [
        "there was no room for flame graphs of ranges of allocations"
    ]
    monkeypatch.setattr(_report, "MOST_BYTES", 5 << 20)
    monkeypatch.setattr(_report, "_ALL_BYTES", sum(map(len, data["answers"].values())) // 2)
    data = made()
    assert born(data) == [] and not any("born=" in line for line in data["bounds"])
    assert data["bounds"][-1] == "there was no room for flame graphs of ranges of allocations"
    for file in files:
        file.close()


def test_ranges_between_snapshots_are_those_that_the_page_asks_for() -> None:
    page = (Path(__file__).parents[2] / "web" / "src" / "pages" / "Changes.tsx").read_text("utf-8")
    assert f"REPORT_PARTS = {_report_ranges._PARTS};" in page and f"REPORT_MARKS = {_report_ranges.MARKS};" in page
    between = _report_ranges._between
    assert between([5, 5]) == between([5]) == between([0]) == []
    assert between([0, 5, 10]) == [(1, 5), (1, 5), (6, 10)]
    assert set(between([10, 10, 20])) == {(1, 10), (11, 20)}
    ends = [0, *range(30, 110, 10)]  # of ten the last eight
    pairs = {(a + 1, b) for a in ends for b in ends if a < b} - {(1, 100)}
    assert set(between(list(range(10, 110, 10)))) == pairs


def test_hostile_text_stays_text(cli: Cli, tmp_path: Path) -> None:
    """A tag that ends the script, text from right to left, lone surrogates, and a name of 1 MB."""
    heap = shop_snapshot.describe(
        **{"process.argv.1": "</script><script>alert(1)</script><!--", "process.host": "\u202egnp.\u2028"}
    )
    heap.types[4].name = "</SCRIPT><img src=x>"
    heap.types[5].name = "N" * (1 << 20)
    import pure_writer

    (tmp_path / "evil.tonnage").write_bytes(pure_writer.write(heap))
    data = report(cli, tmp_path, tmp_path / "evil.tonnage")
    page = Scripts((tmp_path / "report.html").read_text("utf-8"))
    assert [name for name in page.texts if name] == ["tonnage-data"] and "x" not in page.links
    assert data["files"][0]["command"] == "shop.py </script><script>alert(1)</script><!--"
    assert data["files"][0]["host"] == "\u202egnp.\u2028"
    assert any("</SCRIPT>" in str(answer) for answer in data["answers"].values())
    assert (tmp_path / "report.html").stat().st_size < _report.MOST_BYTES
    assert any("no room" in line for line in data["bounds"])


def test_a_large_report_is_packed_and_bounded(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tonnage.load(files / "new.tonnage") as snapshot:
        snapshot.report(tmp_path / "plain.html")
        plain = data_of((tmp_path / "plain.html").read_text("utf-8"))
        monkeypatch.setattr(_report, "_PACKED_FROM", 1 << 10)
        snapshot.report(tmp_path / "packed.html")
        packed = (tmp_path / "packed.html").read_text("utf-8")
        assert '"gzip"' in packed and data_of(packed) == plain
        snapshot.report(tmp_path / "packed.html", force=True)
        assert (tmp_path / "packed.html").read_text("utf-8") == packed, "the same file gives the same page"
        monkeypatch.setattr(_report, "_PACKED_FROM", 1 << 30)
        monkeypatch.setattr(_report, "MOST_BYTES", len(_viewer.page("")) + 30_000)
        snapshot.report(tmp_path / "small.html")
        small = (tmp_path / "small.html").read_text("utf-8")
        assert len(small) <= _report.MOST_BYTES
        assert "there was no room for" in data_of(small)["bounds"][-1]
        assert "summary?" in data_of(small)["answers"]


def test_a_report_of_many_objects_leaves_out_what_takes_long(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_report, "_FEW", 3)
    with tonnage.load(files / "new.tonnage") as snapshot:
        snapshot.report(tmp_path / "r.html")
    data = data_of((tmp_path / "r.html").read_text("utf-8"))
    assert not [key for key in data["answers"] if key.startswith(("why?", "groups?by=root"))]
    assert any("no page says why" in line for line in data["bounds"])
    assert f"show?limit=50&object={PRICES}" in data["answers"]


def test_a_report_takes_other_snapshots_from_code(files: Path, tmp_path: Path) -> None:
    with tonnage.load(files / "new.tonnage") as new, tonnage.load(files / "old.tonnage") as old:
        new.report(tmp_path / "r.html", [old])
        with pytest.raises(tonnage.ExistsError):
            new.report(tmp_path / "r.html")
        with pytest.raises(TypeError, match="others must be a Snapshot"):
            new.report(tmp_path / "r2.html", ["old.tonnage"])  # type: ignore[list-item]
    assert len(data_of((tmp_path / "r.html").read_text("utf-8"))["files"]) == 2
    assert os.listdir(tmp_path) == ["r.html"]


@pytest.fixture
def nothing_left(tmp_path: Path) -> Iterator[None]:
    yield
    assert os.listdir(tmp_path) == []


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "see tonnage report --help"),
        (("{new}",), 2, "see tonnage report --help"),
        (("{new}", "-o", "{tmp}/none/r.html"), 5, "No such file or directory"),
        (("{new}", "-o", "{tmp}", "--force"), 5, "it is a folder"),
        (("{new}", "-o", "{new}", "--force"), 2, "is the file that is read: choose another name"),
        (("{new}", "-o", "{old}"), 2, "exists: choose another name, or --force to replace it"),
        (("{new}", "-o", "{tmp}/r.html", "--max-memory", "x"), 2, "--max-memory takes a size such as 2G, not 'x'"),
        (("{new}", "-o", "{tmp}/r.html", "--max-memory", "1k"), 5, ""),
        (("{tmp}/none.tonnage", "-o", "{tmp}/r.html"), 5, "cannot open"),
    ],
)
def test_a_report_that_cannot_be_made_is_one_line_and_no_file(
    cli: Cli, files: Path, tmp_path: Path, words: tuple[str, ...], code: int, message: str
) -> None:
    named = {"new": files / "new.tonnage", "old": files / "old.tonnage", "tmp": tmp_path}
    got = cli("report", *(word.format(**named) for word in words))
    assert (got.returncode, got.stdout, got.stderr.count("\n")) == (code, "", 1), got.stderr
    assert message in got.stderr


def test_a_full_disk_leaves_nothing(cli: Cli, files: Path, tmp_path: Path) -> None:
    def full() -> None:
        import resource
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 13, 1 << 13))

    got = cli("report", files / "new.tonnage", "-o", tmp_path / "r.html", preexec_fn=full)
    assert (got.returncode, got.stderr.count("\n")) == (5, 1) and "File too large" in got.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("verb", ["report", "serve"])
def test_help_names_every_option_and_an_example_of_each(cli: Cli, verb: str) -> None:
    got = cli(verb, "--help")
    assert (got.returncode, got.stderr) == (0, "") and got.stdout.startswith(f"usage: tonnage {verb} ")
    options, examples = got.stdout.split("examples:")
    for option in re.findall(r"^  (-\S+)", options, re.M):
        assert option in examples or option == "--help", option
    assert f"  {verb} " in cli("--help").stdout
