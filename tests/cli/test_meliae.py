"""Meliae's JSON lines, out and in: against its loader's regular expression, and an independent reader of snapshots."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import networkx
import pure_reader
import pytest
import tonnage
from cli_support import CLI, Cli
from hypothesis import example, given, settings
from hypothesis import strategies as st

# meliae/loader.py, _object_re
LINE = re.compile(
    rb'\{"address": (?P<address>\d+)'
    rb', "type": "(?P<type>[^"]*)"'
    rb', "size": (?P<size>\d+)'
    rb'(, "name": "(?P<name>.*)")?'
    rb'(, "len": (?P<len>\d+))?'
    rb'(, "value": (?P<valuequote>"?)(?P<value>.*)(?P=valuequote))?'
    rb', "refs": \[(?P<refs>[^]]*)\]'
    rb"\}"
)
OWN = 64
PROGRAM = """
import sys, tonnage
STRANGE = {"lone \\ud800": b"\\xff\\x00/", "quote \\" \\\\ / \\n \\x00": 2**70}
MORE = {"wide \\U0001f600": -5, 1.5: True, "é": "a" * 200}
STRANGER = type('we"ird\\\\\\nname', (), {})()
LISTS = [[i, str(i), (i,)] for i in range(1000, 1100)]
tonnage.snapshot(sys.argv[1])
"""


GOLDEN = Path(__file__).with_name("golden")


def words(verb: str, file: Path, *rest: str) -> list[str]:
    """Of the file in the current folder."""
    return [verb, file.name, *rest]


@pytest.mark.parametrize(
    ("name", "rest"),
    [
        ("export", ("--to", "meliae")),
        ("export", ("--to", "heapsnapshot")),
    ],
)
def test_text_is_the_golden_one(cli: Cli, shop: Path, name: str, rest: tuple[str, ...]) -> None:
    got = cli(*words(name, shop, *rest), cwd=shop.parent)
    slug = "-".join([name, *rest]).replace("--", "").translate(str.maketrans(":*.", "___"))
    assert (got.returncode, got.stderr) == (0, "")
    assert got.stdout == (GOLDEN / f"{slug}.txt").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("meliae") / "taken.tonnage"
    subprocess.run([sys.executable, "-c", PROGRAM, str(path)], check=True)
    return path


def lines(path: Path, *words: str) -> list[dict[str, Any]]:
    """What was exported: each line is what the loader's expression takes, and JSON."""
    data = subprocess.run([CLI, "export", path, "--to", "meliae", *words], check=True, capture_output=True).stdout
    assert data.isascii()
    found = []
    for line in data.splitlines():
        match = LINE.fullmatch(line)
        assert match, line
        assert b"\\" not in match["type"] and b"\\" not in (match["name"] or b"")
        found.append(json.loads(line))
        assert [int(ref) for ref in re.findall(rb"\d+", match["refs"])] == found[-1]["refs"]
    return found


def own(file: pure_reader.Snapshot, node: int) -> bool:
    return bool(file.flags[node] & OWN or file.type_of(node).flags & OWN)


def test_every_object_is_a_line_with_its_address_type_size_and_references(taken: Path) -> None:
    file = pure_reader.Snapshot.open(taken)
    ours = {i for i in range(file.n_objects) if not own(file, i)}
    found = {line["address"]: line for line in lines(taken)}
    assert list(found) == [file.addresses[i] for i in sorted(ours)]
    for i in ours:
        line = found[file.addresses[i]]
        assert line["size"] == file.sizes[i]
        assert line["type"] == re.sub(r'[^ -~]|["\\]', "?", file.type_of(i).full_name)
        owned: list[int] = []
        for r in file.references(i):
            if r.kind == "owning" and r.target in ours and r.style != "key":
                if r.style == "value" and r.label is not None:  # pairs are there whole or not at all
                    assert isinstance(r.label, int)
                    owned += [r.label, r.target] if r.label in ours else []
                else:
                    owned.append(r.target)
        assert line["refs"] == [file.addresses[node] for node in owned]


def test_values_are_as_the_scanner_writes_them(taken: Path) -> None:
    by_value = {(line["type"], line.get("value")): line for line in lines(taken)}
    assert by_value["str", "lone \ud800"]["len"] == 6
    assert by_value["str", 'quote " \\ / \n \x00']["len"] == 15
    assert by_value["str", "wide \U0001f600"]["len"] == 6
    assert by_value["str", "a" * 100]["len"] == 200
    assert by_value["bytes", "\xff\x00/"]["len"] == 3
    assert ("int", -5) in by_value
    assert ("bool", "True") in by_value
    assert by_value["__main__.we?ird??name", None]["refs"]
    assert {line["name"] for line in lines(taken) if line["type"] == "module"} >= {"sys", "builtins", "__main__"}


def test_what_is_selected_refers_to_what_is_selected_only(taken: Path) -> None:
    found = lines(taken, "--where", "-type:str -module:app")
    addresses = {line["address"] for line in found}
    assert not any(line["type"] == "str" for line in found)
    assert {ref for line in found for ref in line["refs"]} <= addresses
    assert sum(len(line["refs"]) for line in found) > 300


def run_import(dump: Path, out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([CLI, "import", dump, "-o", out, *words], capture_output=True, text=True, timeout=60)


def imported(tmp_path: Path, text: bytes) -> pure_reader.Snapshot:
    dump, out = tmp_path / "dump.json", tmp_path / "out.tonnage"
    dump.write_bytes(text)
    result = run_import(dump, out, "--force")
    assert result.returncode == 0, result.stderr
    return pure_reader.Snapshot.open(out)


def test_there_and_back_are_the_same_objects_sizes_and_references(taken: Path, tmp_path: Path) -> None:
    dump, out = tmp_path / "dump.json", tmp_path / "back.tonnage"
    subprocess.run([CLI, "export", taken, "-o", dump, "--to", "meliae"], check=True)
    result = run_import(dump, out)
    assert result.returncode == 0, result.stderr
    there, back = {line["address"]: line for line in lines(taken)}, pure_reader.Snapshot.open(out)
    assert list(back.addresses) == list(there)
    for node, line in enumerate(there.values()):
        assert back.sizes[node] == line["size"]
        assert back.type_of(node).full_name == line["type"]
        targets = [r.target for r in back.references(node)]
        assert [back.addresses[target] for target in targets if target is not None] == line["refs"]
    for again in lines(out):
        line = there[again["address"]]
        if line["type"] not in ("str", "bytes"):  # the number of references, in a file that has no other
            again.pop("len", None)
            line.pop("len", None)
        assert again == line
    assert back.facts["objects.bytes"] == sum(line["size"] for line in there.values())
    totals = [
        json.loads(subprocess.run([CLI, "summary", path, "--json"], check=True, capture_output=True).stdout)["total"]
        for path in (taken, out)
    ]
    assert totals[0] == totals[1]


def test_all_verbs_read_it_and_say_unknown(taken: Path, tmp_path: Path, cli: Cli) -> None:
    dump, out = tmp_path / "dump.json", tmp_path / "back.tonnage"
    subprocess.run([CLI, "export", taken, "-o", dump, "--to", "meliae"], check=True)
    assert "roots are unknown" in run_import(dump, out).stdout
    for verb in ("summary", "largest", "suspects", "groups", "dominators", "retained", "patterns", "info", "check"):
        words = ["--where", "type:list"] if verb in ("retained", "patterns") else []
        result = cli(verb, out, *words)
        assert result.returncode == 0, (verb, result.stderr)
        assert "garbage" not in result.stdout
        assert "unknown program" not in result.stdout and "(RSS)" not in result.stdout
        if verb in ("summary", "info", "suspects"):
            assert result.stdout.startswith("imported from a dump of meliae\n")
    assert "garbage is unknown" in cli("cycles", out).stdout
    cycles = json.loads(cli("cycles", out, "--json").stdout)
    assert cycles["collectable"] == {"count": None, "size": None}
    assert cycles["total"]["waiting"] is None
    audit = cli("audit", out)
    assert (audit.returncode, audit.stdout) != (0, "")
    assert "no reference counts" in audit.stderr
    assert "unknown holders" in cli("dominators", out, "--where", "type:dict").stdout
    with_lists = cli("dominators", out, "--where", "type:list", "--json")
    assert json.loads(with_lists.stdout)["rows"]


def line(address: int, type_: str = "object", size: int = 16, refs: tuple[int, ...] = (), **more: object) -> bytes:
    return json.dumps({"address": address, "type": type_, "size": size, **more, "refs": list(refs)}).encode() + b"\n"


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.lists(st.integers(0, 13), max_size=4), min_size=1, max_size=12), st.randoms(use_true_random=False)
)
def test_one_of_each_component_that_no_other_leads_to_is_held(
    tmp_path_factory: pytest.TempPathFactory, targets: list[list[int]], random: Any
) -> None:
    n = len(targets)
    text = [line(16 * (1 + i), refs=tuple(16 * (1 + t) for t in refs)) for i, refs in enumerate(targets)]
    random.shuffle(text)
    file = imported(tmp_path_factory.mktemp("components"), b"".join(text))
    graph: Any = networkx.DiGraph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from((i, t) for i, refs in enumerate(targets) for t in refs if t < n)
    components = networkx.condensation(graph)
    sources = [components.nodes[c]["members"] for c, entered in components.in_degree() if entered == 0]
    held = [r.target for r in file.references(n + 1)]
    assert len(held) == len(sources)
    assert all(any(node in members for node in held) for members in sources)
    assert file.facts["import.references_elsewhere"] == sum(t >= n for refs in targets for t in refs)


def test_blanks_order_of_keys_and_keys_that_are_not_known_do_not_matter(tmp_path: Path) -> None:
    file = imported(
        tmp_path,
        b'\n  \r\n{ "refs":[ 32 ,48],"more": {"deep": [1, {"x": "]}\\""}, null]}, '
        b'"size" : 7,"type":"app.T"\t,"address":16 }\r\n'
        b'{"address":32,"type":"str","size":50,"len":3,"value":"\\ud83d\\ude00\\ud800","refs":[]}\n'
        b'{"address":40960,"type":"float","size":24,"value":1.5e3,"refs":[]}\n'
        b'{"address": 0, "type": "<ex-reference>", "size": 0, "refs": []}\n'
        b'{"address":16,"type":"other","size":9,"refs":[]}',
    )
    assert [file.type_of(i).full_name for i in range(3)] == ["app.T", "str", "float"]
    assert (file.type_of(0).module, file.type_of(1).module) == ("app", "builtins")
    assert list(file.sizes)[:3] == [7, 50, 24]
    assert [r.target for r in file.references(0)] == [1, None]
    assert file.previews[1].content.decode("utf-8", "surrogatepass") == "\U0001f600\ud800"
    assert file.facts["import.repeated"] == 1
    assert file.facts["import.references_elsewhere"] == 1


BAD = {
    b"": "no object in it",
    b"\n\n": "no object in it",
    b"\x1f\x8b\x08\x00rest": "gzip cannot unpack it",
    b"hello\n": "line 1",
    b"[1]\n": "line 1",
    line(16) + b"{\n": "line 2",
    line(16)[:-5]: "line 1",
    b'{"address": 16, "type": "x", "size": 1}\n': "missing",
    b'{"address": 16, "type": "x", "size": 1, "refs": [1.5]}\n': "whole number",
    b'{"address": -16, "type": "x", "size": 1, "refs": []}\n': "whole number",
    b'{"address": 99999999999999999999, "type": "x", "size": 1, "refs": []}\n': "64 bits",
    b'{"address": 16, "address": 32, "type": "x", "size": 1, "refs": []}\n': "twice",
    b'{"address": 16, "type": "\\q", "size": 1, "refs": []}\n': "backslash",
    line(17): "multiple of 8",
    line(16) + line(24): "overlap",
    line(16, size=1 << 52): "larger than any memory",
    line(16)[:-1] + b"x\n": "behind the object",
    b'{"a": ' + b"[" * 100_000 + b"\n": "line 1",
}


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_what_is_no_dump_is_one_line_and_no_file(tmp_path: Path, text: bytes) -> None:
    dump, out = tmp_path / "dump.json", tmp_path / "out.tonnage"
    dump.write_bytes(text)
    result = run_import(dump, out)
    assert result.returncode == 5
    assert BAD[text] in result.stderr
    assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["dump.json"]


@settings(deadline=None, max_examples=80)
@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 30))
@example(b"\xff\xfe", 30, 3)
def test_any_bytes_give_a_file_that_is_sound_or_one_line(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int, gone: int
) -> None:
    whole = line(16, "str", 60, len=3, value="ab\u20ac") + line(32, "dict", 232, (16, 48), len=1)
    whole += line(48, "bytes", value="\xff")
    folder = tmp_path_factory.mktemp("junk")
    dump, out = folder / "dump.json", folder / "out.tonnage"
    dump.write_bytes(whole[:at] + junk + whole[at + gone :])
    result = run_import(dump, out)
    assert result.returncode in (0, 5)
    assert out.exists() == (result.returncode == 0)
    if out.exists():
        pure_reader.Snapshot.open(out)
        assert subprocess.run([CLI, "check", out], capture_output=True).returncode == 0
    else:
        assert result.stderr.count("\n") == 1


def test_python_exports_and_imports_the_same(taken: Path, tmp_path: Path) -> None:
    dump, out, graph = tmp_path / "dump.json", tmp_path / "out.tonnage", tmp_path / "it.heapsnapshot"
    with tonnage.load(taken) as snapshot:
        snapshot.export(dump, "meliae")
        snapshot.export(graph, max_nodes=500)
        with pytest.raises(tonnage.ArgumentError):
            snapshot.export(tmp_path / "bad", "meliae", max_nodes=9)
        with pytest.raises(tonnage.ArgumentError):
            snapshot.export(tmp_path / "bad", "heapsnapshot", what="types")
        with pytest.raises(tonnage.ArgumentError):
            snapshot.export(tmp_path / "bad", "heapsnapshot", where="type:str")
        with pytest.raises(tonnage.ExistsError):
            snapshot.export(graph)
    command = [CLI, "export", taken, "--to"]
    assert dump.read_bytes() == subprocess.run([*command, "meliae"], check=True, capture_output=True).stdout
    folded = subprocess.run([*command, "heapsnapshot", "--max-nodes", "500"], check=True, capture_output=True).stdout
    assert graph.read_bytes() == folded
    with tonnage.import_dump(dump, out) as back:
        assert back.where("").size == sum(line["size"] for line in lines(taken))
    with pytest.raises(tonnage.ExistsError):
        tonnage.import_dump(dump, out)
    with pytest.raises(tonnage.LimitError):
        tonnage.import_dump(dump, out, force=True, max_memory=1_000_000)
    dump.write_text("no dump")
    with pytest.raises(tonnage.FormatError, match="line 1"):
        tonnage.import_dump(dump, out, force=True)
    assert not (tmp_path / "bad").exists()


def test_a_file_that_exists_stays_and_memory_is_limited(tmp_path: Path, cli: Cli) -> None:
    dump, out = tmp_path / "dump.json", tmp_path / "out.tonnage"
    dump.write_bytes(b"".join(line(16 * i, refs=(16, 32)) for i in range(1, 20_000)))
    out.write_text("mine")
    assert run_import(dump, out).returncode == 2
    assert out.read_text() == "mine"
    limited = run_import(dump, out, "--force", "--max-memory", "3M")
    assert (limited.returncode, out.read_text()) == (5, "mine")
    assert "limit" in limited.stderr
    assert run_import(dump, out, "--force").returncode == 0
    assert cli("import", dump).returncode == 2
    assert run_import(tmp_path / "none", out, "--force").returncode == 5


def test_what_is_read_is_not_replaced(taken: Path, cli: Cli) -> None:
    before = taken.read_bytes()
    for verb, rest in (("export", ["--to", "csv"]), ("export", ["--to", "parquet"]), ("import", [])):
        done = cli(verb, taken, "-o", taken, "--force", *rest)
        said = f"tonnage: {taken} is the file that is read: choose another name behind -o\n"
        assert (done.returncode, done.stderr) == (2, said)
    assert taken.read_bytes() == before


def test_python_does_not_replace_what_it_reads_either(taken: Path, tmp_path: Path) -> None:
    before, dump, packed = taken.read_bytes(), tmp_path / "dump.json", tmp_path / "dump.json.gz"
    link = tmp_path / "link"
    link.symlink_to(taken)
    with tonnage.load(taken) as snapshot:
        for to in ("csv", "parquet", "meliae", "heapsnapshot"):
            for path in (taken, link):
                what = "types" if to == "parquet" else None
                with pytest.raises(tonnage.ArgumentError, match="is the file that is read"):
                    snapshot.export(path, to, what, force=True)
    assert taken.read_bytes() == before
    dump.write_bytes(line(16))
    packed.write_bytes(gzip.compress(line(16)))
    for path in (dump, packed):
        with pytest.raises(tonnage.ArgumentError, match="is the file that is read"):
            tonnage.import_dump(path, path, force=True)
    assert (dump.read_bytes(), gzip.decompress(packed.read_bytes())) == (line(16), line(16))


def test_a_dump_is_read_from_a_pipe_or_unpacked(tmp_path: Path, cli: Cli) -> None:
    lines = b"".join(line(16 * i, refs=(16, 32)) for i in range(1, 100_000))
    dump, packed, out = tmp_path / "dump.json", tmp_path / "dump.json.gz", tmp_path / "out.tonnage"
    dump.write_bytes(lines)
    packed.write_bytes(gzip.compress(lines))
    assert run_import(dump, out).returncode == 0
    expected = out.read_bytes()
    assert run_import(packed, out, "--force").returncode == 0
    assert out.read_bytes() == expected
    piped = subprocess.run([CLI, "import", "-", "-o", out, "--force"], input=lines, capture_output=True)
    assert (piped.returncode, piped.stderr, out.read_bytes()) == (0, b"", expected)
    with tonnage.import_dump(packed, out, force=True):
        assert out.read_bytes() == expected
    named = tmp_path / "pipe"
    os.mkfifo(named)
    with subprocess.Popen(["cp", dump, named]) as writer, tonnage.import_dump(named, out, force=True):
        assert (writer.wait(), out.read_bytes()) == (0, expected)


def test_a_damaged_packed_dump_is_one_line_and_no_file(tmp_path: Path, cli: Cli) -> None:
    packed, out = tmp_path / "dump.json.gz", tmp_path / "out.tonnage"
    whole = gzip.compress(b"".join(line(16 * i) for i in range(1, 1000)))
    for damaged in (whole[:-9], whole[:-8] + bytes(8), whole[:10] + bytes(100)):
        packed.write_bytes(damaged)
        done = run_import(packed, out)
        assert (done.returncode, done.stderr.count("\n")) == (5, 1)
        assert "cannot unpack it" in done.stderr
        with pytest.raises(tonnage.FormatError, match="cannot be unpacked"):
            tonnage.import_dump(packed, out)
    piped = subprocess.run([CLI, "import", "-", "-o", out], input=whole, capture_output=True)
    assert piped.returncode == 5 and b"unpack it with gunzip first" in piped.stderr
    assert [path.name for path in tmp_path.iterdir()] == [packed.name]
    refused = cli("import", packed, "-o", "-")
    assert refused.returncode == 2 and "a snapshot goes to a file" in refused.stderr
