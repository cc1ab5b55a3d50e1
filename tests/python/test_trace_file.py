"""What is recorded of allocations in a snapshot file: joined with objects, in any mode, and equal to what is recorded.

The file is read by `pure_reader`, which shares no code with the library.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pure_reader
import pytest
from capture_support import Shot
from coexist_support import needs
from pure_reader import Site, Trace
from trace_support import answer

STATIC_OR_OWN = pure_reader.FLAG_STATIC | pure_reader.FLAG_OWN
# Types whose dead objects the interpreter keeps, blocks and all, for the next of their kind (3.11 to 3.15).
FREE_LISTS = {"list", "dict", "tuple", "float", "int", "builtin_function_or_method", "method", "generator", "slice"}

PLANTED = """
    import json, sys, tonnage
    from collections import OrderedDict, deque
    from tonnage import trace
    from trace_support import line

    class Slots:
        __slots__ = ("text",)
    class Plain:
        def __init__(self, n):
            self.n = n  # plain
    keep = {name: [None] * 3000 for name in ("slots", "text", "bytes", "bytearray", "list", "dict", "set", "deque",
                                             "odict", "plain")}
    old = [bytes(500) for _ in range(100)]
    trace.start(*(json.loads(sys.argv[3:] and sys.argv[3] or "[]")))
    for i in range(3000):
        x = keep["slots"][i] = Slots()  # slots
        x.text = keep["text"][i] = "%d and more" % i  # text
        keep["bytes"][i] = bytes(1 + i)  # bytes
        keep["bytearray"][i] = bytearray(100 + i)  # bytearray
        keep["set"][i] = {f"{i}/{n}" for n in range(i % 40)}  # set
    for i in range(600):
        keep["list"][i] = [None] * (i + 1)  # list
        keep["dict"][i] = dict.fromkeys(range(i % 50))  # dict
        keep["deque"][i] = deque(range(i))  # deque
        keep["odict"][i] = OrderedDict.fromkeys(range(i % 20))  # odict
        keep["plain"][i] = Plain(i)
    keep["bytes"][::3] = [None] * 1000
    lines = {name: line(name, __file__) for name in keep}
    ids = {name: [id(x) for x in kept if x is not None] for name, kept in keep.items()}
    now = [trace.memory().traced, trace.memory().peak]
    tonnage.snapshot(sys.argv[1], mode=sys.argv[2], redact=len(sys.argv) > 4)
    print(json.dumps({"ids": ids, "lines": lines, "old": [id(x) for x in old], "file": __file__, "now": now}))
"""
WHERE_LINES_ARE = ("slots", "text", "bytes", "bytearray", "set", "list", "dict", "deque", "odict")


class Traced:
    """A snapshot of the program above, and what the program said."""

    def __init__(self, folder: Path, *words: str) -> None:
        path = folder / "a.tonnage"
        self.said: Any = answer(PLANTED, folder, str(path), *words)
        self.file = Shot(path).file
        self.own = {trace.node: trace for trace in self.file.traces if trace.kind == "own"}
        self.blocks: dict[int, list[Trace]] = defaultdict(list)
        for trace in self.file.traces:
            if trace.node is not None:
                self.blocks[trace.node].append(trace)

    def nodes(self, name: str) -> list[int]:
        found = [self.file.node_at(address) for address in self.said["ids"][name]]
        assert None not in found
        return [node for node in found if node is not None]

    def site(self, trace: Trace) -> Site:
        assert self.file.sites is not None
        return self.file.sites[trace.site]

    def line(self, trace: Trace) -> tuple[str, int]:
        """File and line of the innermost frame."""
        stack = self.site(trace).stack
        assert stack is not None
        entry = self.file.stack_entries[stack]
        return self.file.codes[entry.code].file, entry.line


@pytest.fixture(scope="module", params=["stop", "fork"])
def traced(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Traced:
    return Traced(tmp_path_factory.mktemp("traced"), request.param)


def test_the_file_keeps_the_rules(traced: Traced) -> None:
    import tonnage

    assert traced.file.check() == []
    with tonnage.load(Path(traced.said["file"]).with_name("a.tonnage")) as snapshot:
        assert snapshot.check() == []


def test_sums_of_sites_are_those_of_their_blocks(traced: Traced) -> None:
    live: Counter[int] = Counter()
    count: Counter[int] = Counter()
    for trace in traced.file.traces:
        live[trace.site] += trace.bytes
        count[trace.site] += 1
    sites = traced.file.sites
    assert sites and len({(site.stack, site.domain) for site in sites}) == len(sites)
    for row, site in enumerate(sites):
        assert (site.live_bytes, site.live_count) == (live[row], count[row])
        assert site.live_bytes <= site.peak_bytes and site.live_count <= site.allocated_count
        assert site.temporary_count <= site.allocated_count - site.live_count
        assert site.live_bytes + site.temporary_bytes <= site.allocated_bytes
    facts = traced.file.facts
    assert facts["trace.traced_bytes"] == sum(live.values())
    assert facts["trace.peak_bytes"] == sum(site.at_peak_bytes for site in sites)
    assert facts["trace.peak_bytes"] >= traced.said["now"][1] >= traced.said["now"][0] > 10 << 20


def test_objects_born_after_the_start_have_their_line(traced: Traced) -> None:
    born = explained = 0
    for name in WHERE_LINES_ARE:
        for node in traced.nodes(name):
            born += 1
            trace = traced.own.get(node)
            if trace is None or traced.line(trace) != (traced.said["file"], traced.said["lines"][name]):
                assert traced.file.type_of(node).full_name in FREE_LISTS, traced.file.type_of(node)
                explained += 1
    assert born > 15_000
    assert explained <= 200  # the longest free lists have 80 to 100 places


def test_births_follow_the_order_of_making(traced: Traced) -> None:
    births = [traced.own[node].birth for node in traced.nodes("bytes")]
    known = [birth for birth in births if birth is not None]
    assert known == births and known == sorted(known)
    assert traced.file.facts["trace.started_births"] < known[0] and known[-1] <= traced.file.facts["trace.births"]


def test_what_is_older_has_no_birthplace(traced: Traced) -> None:
    nodes = [traced.file.node_at(address) for address in traced.said["old"]]
    assert len(nodes) == 100 and not set(nodes) & set(traced.own)


def test_blocks_of_an_object_are_its_size(traced: Traced) -> None:
    """Sizes are what the allocator took: what was asked for, rounded up, and glibc's word before it above 512 bytes."""
    for name in WHERE_LINES_ARE:
        for node in traced.nodes(name):
            blocks = traced.blocks[node]
            if node not in traced.own or (name in ("odict", "deque") and traced.file.type_of(node).name in FREE_LISTS):
                continue
            assert [trace.kind for trace in blocks].count("own") == 1
            rounded = sum((trace.bytes + 15) // 16 * 16 if trace.bytes <= 512 else trace.bytes for trace in blocks)
            assert rounded <= traced.file.sizes[node] <= rounded + 24 * len(blocks), (name, blocks)


def test_every_private_buffer_of_a_new_object_is_a_block(traced: Traced) -> None:
    for name in ("bytearray", "set", "list", "dict"):
        for node in traced.nodes(name):
            said = Counter(buffer.kind for buffer in traced.file.buffers(node) if buffer.size)
            found = Counter(trace.kind for trace in traced.blocks[node] if trace.kind != "own")
            assert found == said, (name, traced.file.type_of(node))


def test_blocks_of_deques_and_links_of_ordered_dicts_are_theirs(traced: Traced) -> None:
    for i, node in enumerate(traced.nodes("deque")):
        kinds = Counter(trace.kind for trace in traced.blocks[node])
        assert kinds["blocks"] >= max(1, i // 64)
    for i, node in enumerate(traced.nodes("odict")):
        assert Counter(trace.kind for trace in traced.blocks[node])["other"] == i % 20


def test_what_has_no_birthplace_is_counted(traced: Traced) -> None:
    file = traced.file
    missing = [
        node
        for node in range(file.n_objects)
        if file.flags[node] >> 10 & 3 and not file.flags[node] & STATIC_OR_OWN and node not in traced.own
    ]
    assert file.facts["trace.unjoined.count"] == len(missing)
    assert file.facts["trace.unjoined.bytes"] == sum(file.sizes[node] for node in missing)


def test_few_blocks_are_nobodys(traced: Traced) -> None:
    nobodys = [trace for trace in traced.file.traces if trace.node is None]
    assert len(nobodys) < len(traced.file.traces) / 50


def test_stacks_end_in_the_main_thread_with_lines_from_their_tables(traced: Traced) -> None:
    seen = set()
    for site in traced.file.sites or ():
        if site.stack is None or not site.live_count:
            continue
        *frames, root = (traced.file.codes[entry.code] for entry in traced.file.stack(site.stack))
        seen.add((root.name, root.file, root.first_line, len(root.line_table)))
        assert all(code.file or code.name in ("<native>", "<tonnage>") for code in frames)
    assert ("<main thread>", "", 0, 0) in seen


def test_facts_say_how_it_was_recorded(traced: Traced) -> None:
    facts = traced.file.facts
    assert (facts["trace.mode"], facts["trace.depth"], facts["trace.free_lists"]) == ("exact", 0, "ignore")
    assert facts["trace.calls.alloc"] >= facts["trace.births"] - facts["trace.started_births"] > 15_000
    assert "trace.interval_bytes" not in facts and "TINT" not in traced.file.chunks
    assert not any(value for key, value in facts.items() if key.startswith("trace.dropped."))
    assert 0 < facts["trace.own.resident_bytes"] <= facts["ledger.tonnage_bytes"]
    for part in ("shadow", "blocks", "stacks", "sites", "codes", "threads"):
        assert f"trace.own.{part}_bytes" in facts


def test_summary_and_info_say_what_is_recorded(traced: Traced) -> None:
    import tonnage

    sites = traced.file.sites or []
    live, count = sum(site.live_bytes for site in sites), sum(site.live_count for site in sites)
    with tonnage.load(Path(traced.said["file"]).with_name("a.tonnage")) as snapshot:
        page = str(snapshot.summary())
        said = json.loads(snapshot.info().json())["recorded"]
        info = str(snapshot.info())
    assert f"\nRecorded: {count:.0f} blocks, {live / 2**20:.1f} MiB, from {len(sites)} sites\n" in page
    assert (said["sites"], said["blocks"]) == (len(sites), len(traced.file.traces))
    assert (said["size"], said["count"], said["interval"]) == (live, count, None)
    assert f"sites of allocations             {len(sites)}\n" in info
    assert "Recorded allocations\n" in info


@pytest.mark.parametrize("mode", ["stop", "fork"])
def test_samples_stand_for_more_than_themselves(tmp_path: Path, mode: str) -> None:
    import tonnage

    traced = Traced(tmp_path, mode, "[4096]")
    assert traced.file.check() == []
    facts = traced.file.facts
    assert (facts["trace.mode"], facts["trace.first_interval_bytes"]) == ("sampled", 4096)
    assert "trace.unjoined.count" not in facts
    sums: defaultdict[int, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for trace in traced.file.traces:
        assert trace.interval == facts["trace.interval_bytes"] >= 4096
        sums[trace.site][0] += trace.bytes * trace.weight
        sums[trace.site][1] += trace.weight
    for row, site in enumerate(traced.file.sites or ()):
        assert site.live_bytes == pytest.approx(sums[row][0], rel=1e-3, abs=2)
        assert site.live_count == pytest.approx(sums[row][1], rel=1e-3, abs=1e-2)
    samples = [node for name in WHERE_LINES_ARE for node in traced.nodes(name) if node in traced.own]
    assert len(samples) > 200
    for name in ("bytes", "bytearray"):
        for node in traced.nodes(name):
            if node in traced.own:
                assert traced.line(traced.own[node]) == (traced.said["file"], traced.said["lines"][name])
    with tonnage.load(tmp_path / "a.tonnage") as snapshot:
        assert f", by a sample every {facts['trace.interval_bytes'] // 1024}.0 KiB\n" in str(snapshot.summary())
        assert json.loads(snapshot.info().json())["recorded"]["interval"] == facts["trace.interval_bytes"]


def test_a_redacted_file_has_no_names_of_the_program(tmp_path: Path) -> None:
    file = Traced(tmp_path, "stop", "[]", "redact").file
    assert file.check() == [] and len(file.traces) > 15_000
    assert {code.name for code in file.codes} <= {"", "<native>", "<truncated>", "<lost>", "<tonnage>"}
    assert {code.file for code in file.codes} == {""}


def test_nothing_recorded_is_nothing_in_the_file(tmp_path: Path) -> None:
    code = """
        import json, sys, tonnage
        from tonnage import trace
        if len(sys.argv) > 2:
            trace.start()
            keep = [str(n) for n in range(100)]
            trace.stop()
        tonnage.snapshot(sys.argv[1])
        print("null")
    """
    never, stopped = tmp_path / "never.tonnage", tmp_path / "stopped.tonnage"
    answer(code, tmp_path, str(never))
    answer(code, tmp_path, str(stopped), "and stops")
    for path, mode in ((never, None), (stopped, "off")):
        file = pure_reader.Snapshot.open(path)
        assert file.sites is None and not file.traces
        assert {key: value for key, value in file.facts.items() if key.startswith("trace.")} == (
            {} if mode is None else {"trace.mode": mode}
        )


def test_recording_may_end_while_the_forked_child_writes(tmp_path: Path) -> None:
    code = """
        import json, sys, tonnage
        from tonnage import trace
        trace.start()
        keep = [str(n) * 3 for n in range(50_000)]
        tonnage.snapshot(sys.argv[1], mode="fork")
        trace.stop()
        print(len(keep))
    """
    path = tmp_path / "a.tonnage"
    assert answer(code, tmp_path, str(path)) == 50_000
    assert len(pure_reader.Snapshot.open(path).traces) > 50_000


def test_a_resized_block_keeps_its_birth(tmp_path: Path) -> None:
    code = """
        import array, json, sys, tonnage
        from tonnage import trace
        trace.start()
        first = array.array("b", bytes(100))
        between = [bytes(10 + n) for n in range(500)]
        first.frombytes(bytes(1 << 20))
        last = array.array("b", bytes(100))
        tonnage.snapshot(sys.argv[1])
        print(json.dumps([id(first), id(last)]))
    """
    path = tmp_path / "a.tonnage"
    addresses = answer(code, tmp_path, str(path))
    file = pure_reader.Snapshot.open(path)
    nodes = [file.node_at(address) for address in addresses]
    first, last = (
        next(trace for trace in file.traces if trace.node == node and trace.kind == "data") for node in nodes
    )
    assert first.bytes > 1 << 20 and first.birth is not None and last.birth is not None
    assert first.birth + 400 < last.birth


def test_memory_that_is_tracked_by_name_is_an_array_s_buffer(tmp_path: Path) -> None:
    needs("numpy")
    code = """
        import json, sys, tonnage
        import numpy
        from tonnage import trace
        keep = [None] * 300
        trace.start()
        for i in range(300):
            keep[i] = numpy.zeros(1000 + i)
        tonnage.snapshot(sys.argv[1])
        print(json.dumps([[id(x), x.ctypes.data] for x in keep]))
    """
    path = tmp_path / "a.tonnage"
    addresses = answer(code, tmp_path, str(path))
    file = pure_reader.Snapshot.open(path)
    assert file.check() == [] and file.sites is not None
    numpys = {trace.address: trace for trace in file.traces if file.sites[trace.site].domain == 389047}
    of = {trace.address: trace.node for trace in file.traces if trace.kind == "data"}
    for i, (array, data) in enumerate(addresses):
        assert numpys[data].bytes == 8 * (1000 + i)
        assert of[data] == file.node_at(array)
    assert not any(trace.address in numpys and trace is not numpys[trace.address] for trace in file.traces)


def test_the_time_line_has_traced_bytes_while_something_records(tmp_path: Path) -> None:
    code = """
        import json, sys, time, tonnage
        from tonnage import _helper, trace
        def wait():
            began, busy = time.monotonic_ns(), bytes(1000)
            while sum(one.time_ns > began for one in tonnage.snapshot().timeline) < 3:
                busy.count(b"x")
        _helper.timeline(0.001)
        wait()
        began = time.monotonic_ns()
        trace.start()
        started = time.monotonic_ns()
        keep = bytearray(8 << 20)
        kept = time.monotonic_ns()
        wait()
        tonnage.snapshot(sys.argv[1])
        print(json.dumps([began, started, kept]))
    """
    path = tmp_path / "a.tonnage"
    began, started, kept = answer(code, tmp_path, str(path))
    times = pure_reader.Snapshot.open(path).times
    before = [time.traced for time in times if time.time_ns < began]
    assert set(before[:-1]) == {None}  # the last may have been under way when it began
    after = [time.traced for time in times if time.time_ns > kept]
    assert after and all(traced is not None and 8 << 20 <= traced < 9 << 20 for traced in after)
    assert started > began


@pytest.mark.parametrize("allocator", ["malloc", "pymalloc_debug"])
def test_own_blocks_are_found_under_any_allocator(allocator: str, tmp_path: Path) -> None:
    code = """
        import json, sys, tonnage
        from tonnage import trace
        trace.start()
        keep = [(bytearray(10 + n), {n: n}, {str(n)}, [[n]]) for n in range(2000)]
        tonnage.snapshot(sys.argv[1])
        print(json.dumps([id(x) for row in keep for x in (*row, row)]))
    """
    path = tmp_path / "a.tonnage"
    addresses = answer(code, tmp_path, str(path), PYTHONMALLOC=allocator)
    file = pure_reader.Snapshot.open(path)
    assert file.check() == []
    own = {trace.node for trace in file.traces if trace.kind == "own"}
    nodes = [file.node_at(address) for address in addresses]
    missing = Counter(file.type_of(node).name for node in nodes if node is not None and node not in own)
    assert set(missing) <= FREE_LISTS and sum(missing.values()) <= 200


def test_a_large_heap_is_joined_by_several_threads(tmp_path: Path) -> None:
    code = """
        import array, json, sys, tonnage
        from tonnage import trace
        trace.start()
        keep = [array.array("b", bytes(n & 31)) for n in range(300_000)]
        tonnage.snapshot(sys.argv[1], mode="stop", threads=3)
        print(json.dumps([id(keep[0]), len(keep)]))
    """
    path = tmp_path / "a.tonnage"
    first, n = answer(code, tmp_path, str(path))
    file = pure_reader.Snapshot.open(path)
    assert file.check() == [] and len(file.chunks["SHAP"]) > 1 and len(file.chunks["TADR"]) > 1
    site = next(trace.site for trace in file.traces if trace.kind == "own" and file.addresses[trace.node or 0] == first)
    of_line: Counter[str | None] = Counter()
    buffers: set[int | None] = set()
    for trace in file.traces:
        if file.sites and file.sites[trace.site].stack == file.sites[site].stack:
            of_line[trace.kind] += trace.node is not None
            buffers |= {trace.node} if trace.kind == "data" else set()
    assert n - 100 <= of_line["own"] <= n + 100  # the list of them is made there as well
    assert of_line["data"] == len(buffers) and n * 31 // 32 - 100 <= of_line["data"] <= n


def test_who_needs_no_lock_may_go_on_while_it_is_copied(tmp_path: Path) -> None:
    code = """
        import ctypes, json, sys, threading, tonnage
        from tonnage import trace
        c = ctypes.CDLL(None)  # gives the lock back around calls
        c.PyMem_RawMalloc.restype = ctypes.c_void_p
        c.PyMem_RawRealloc.restype = ctypes.c_void_p
        c.PyMem_RawRealloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        c.PyMem_RawFree.argtypes = [ctypes.c_void_p]
        going = True
        def churn(n):
            held = []
            while going:
                held.append(c.PyMem_RawMalloc(ctypes.c_size_t(16 + n)))
                held[0] = c.PyMem_RawRealloc(held[0], 100 + len(held))
                if len(held) > 50:
                    [c.PyMem_RawFree(p) for p in held]
                    held.clear()
        trace.start()
        threads = [threading.Thread(target=churn, args=(n,)) for n in range(4)]
        [t.start() for t in threads]
        for k in range(6):
            tonnage.snapshot(f"{sys.argv[1]}{k}", mode=("stop", "fork")[k % 2])
        going = False
        [t.join() for t in threads]
        print("null")
    """
    answer(code, tmp_path, str(tmp_path / "a"))
    for k in range(6):
        file = pure_reader.Snapshot.open(tmp_path / f"a{k}")
        assert file.check() == []
        sums: Counter[int] = Counter()
        for trace in file.traces:
            sums[trace.site] += trace.bytes
        for row, site in enumerate(file.sites or ()):
            assert site.domain == "raw" or site.live_bytes == sums[row]


def test_blocks_of_16_bytes_have_a_birth_and_are_temporary_like_any(tmp_path: Path) -> None:
    code = """
        import json, sys, tonnage
        from tonnage import trace
        from trace_support import line

        kept = [None] * 1000
        trace.start()
        for n in range(1000):
            object()  # gone
            [n]  # listed
        for n in range(1000):
            kept[n] = object()  # kept
        tonnage.snapshot(sys.argv[1], mode="stop")
        lines = {name: line(name, __file__) for name in ("gone", "listed", "kept")}
        print(json.dumps([lines, [id(x) for x in kept]]))
    """
    lines, ids = answer(code, tmp_path, str(tmp_path / "a.tonnage"))
    file = Shot(tmp_path / "a.tonnage").file
    temporary: Counter[str] = Counter()
    for site in file.sites or ():
        entry = file.stack_entries[site.stack or 0]
        if file.codes[entry.code].file == str(tmp_path / "program.py"):
            temporary.update({name: int(site.temporary_count) for name, at in lines.items() if at == entry.line})
    assert (temporary["gone"], temporary["kept"]) == (1000, 0)
    assert temporary["listed"] >= 1000  # the items; lists themselves come from a free list
    own = {trace.node: trace for trace in file.traces if trace.kind == "own"}
    blocks = [own[file.node_at(address)] for address in ids]
    births = [block.birth for block in blocks]
    assert {block.bytes for block in blocks} == {16}
    assert None not in births and births == sorted(set(births))
    assert all(trace.birth for trace in file.traces)
