"""`tonnage.budget` and `tonnage.cost_of`: sums that are known beforehand, or that sys.getsizeof has."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import tonnage
from trace_support import answer

BEGIN = """
import asyncio, gc, json, sys, threading
import tonnage
from tonnage import trace
def load(n): return bytearray(n)
def tried(block):
    try:
        block()
    except AssertionError as error:
        assert type(error) is tonnage.BudgetExceeded
        return [str(error), error.limit, error.peak]
"""


def test_what_is_needed_and_left_is_measured_and_the_recording_ends(tmp_path: Path) -> None:
    peak, left, limit, is_on, old = answer(BEGIN + """
old = load(1 << 22)
with tonnage.budget("50 MB") as budget:
    kept = load(1 << 20)
    load(1 << 23)
    cycle = [load(1 << 21)]
    cycle.append(cycle)
    del cycle, old
print(json.dumps([budget.peak, budget.left, budget.limit, trace.is_on(), repr(budget)]))
""", tmp_path)  # fmt: skip
    assert limit == 50 << 20
    assert 0 <= peak - (1 << 20) - (1 << 23) < 4096
    assert 0 <= left - (1 << 20) < 4096
    assert not is_on
    assert old == "<tonnage.budget 50.0 MiB, peak=9.0 MiB, left=1.0 MiB>"


def test_more_than_the_budget_is_a_failed_assertion_that_names_lines(tmp_path: Path) -> None:
    first, fits, function, awaited, other = answer(BEGIN + """
def over():
    with tonnage.budget(1 << 20):
        load(1 << 21)
def fits():
    with tonnage.budget(1 << 22):
        load(1 << 21)
@tonnage.budget("1 MB")
def function(n): return load(n)
@tonnage.budget("1 MB")
async def awaited(n): return load(n)
assert len(function(5)) == 5 and function.__name__ == "function"
def in_thread():
    with tonnage.budget(1 << 20):
        thread = threading.Thread(target=load, args=(1 << 21,))
        thread.start(); thread.join()
print(json.dumps([tried(over), tried(fits), tried(lambda: function(1 << 21)),
                  tried(lambda: asyncio.run(awaited(1 << 21))), tried(in_thread)]))
""", tmp_path)  # fmt: skip
    text, limit, peak = first
    assert limit == 1 << 20 and 0 <= peak - (1 << 21) < 4096
    lines = text.splitlines()
    assert lines[0] == "2.0 MiB were needed at the peak; the limit is 1.0 MiB. Alive then:"
    assert lines[1].startswith("  2.0 MiB in ")
    assert [line.partition("program.py")[2] for line in lines[2:4]] == ['", line 5, in load', '", line 15, in over']
    assert fits is None
    for found in (function, awaited, other):
        assert found[0].startswith("2.0 MiB were needed"), found
        assert "_budget.py" not in found[0]
    assert "in load" in other[0]


def test_budgets_stand_inside_one_another_and_beside_a_recording(tmp_path: Path) -> None:
    """Each has the peak of its own time: an inner one begins its own, and takes none away."""
    many = "KEPT = []; exec(chr(10).join(f'KEPT.append([{i}])' for i in range(5000)))\n"  # stacks
    for begin in ("", "trace.start(); load(1 << 25)\n", "trace.start(); load(1 << 25)\n" + many):
        outer, inner, later, left, peak = answer(BEGIN + begin + """
with tonnage.budget("1 GB") as outer:
    load(1 << 24)
    kept = load(1 << 20)
    with tonnage.budget("1 GB") as inner:
        load(1 << 21)
    with tonnage.budget("1 GB") as later:
        load(1 << 22)
print(json.dumps([outer.peak, inner.peak, later.peak, outer.left, trace.memory().peak if trace.is_on() else None]))
""", tmp_path)  # fmt: skip
        assert abs(outer - (1 << 24)) < 16384
        assert abs(inner - (1 << 21)) < 16384
        assert abs(later - (1 << 22)) < 16384
        assert abs(left - (1 << 20)) < 16384
        assert (peak is not None) == bool(begin)
        if peak is not None:
            assert 0 <= peak - (1 << 25) < 1 << 16  # the recording's own is as it was


def test_a_peak_within_an_inner_budget_is_told_by_the_outer_one(tmp_path: Path) -> None:
    told = answer(BEGIN + """
def nested():
    with tonnage.budget("2 MB"):
        kept = load(1 << 20)
        with tonnage.budget("1 GB"):
            load(1 << 22)
        load(1 << 20)
print(json.dumps(tried(nested)))
""", tmp_path)  # fmt: skip
    assert told[0].startswith("5.0 MiB were needed") and "  4.0 MiB in " in told[0] and "  1.0 MiB in " in told[0]


def test_a_fork_while_another_thread_measures_can_measure(tmp_path: Path) -> None:
    assert answer(BEGIN + """
import os, signal, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # that it forks beside a thread is what is tried
begun, forked = threading.Event(), threading.Event()
class Slow:
    def __del__(self):
        begun.set()
        forked.wait()
def measure():
    with tonnage.budget("50 MB"):
        slow = Slow()
        slow.me = slow
        del slow
thread = threading.Thread(target=measure)
thread.start()
begun.wait()
pid = os.fork()
if pid == 0:
    signal.alarm(30)  # it would wait for ever
    with tonnage.budget("50 MB") as budget:
        load(1 << 20)
    os._exit(abs(budget.peak - (1 << 20)) >= 1 << 16)
status = os.waitpid(pid, 0)[1]
forked.set()
thread.join()
print(json.dumps(status))
""", tmp_path) == 0  # fmt: skip


def test_what_cannot_be_measured_is_an_error_and_its_own_exception_stays(tmp_path: Path) -> None:
    found = answer(BEGIN + """
found = []
def note(block):
    try:
        block()
    except Exception as error:
        found.append([type(error).__name__, str(error), trace.is_on()])
def clears():
    with tonnage.budget("1 GB"): trace.clear()
def stops():
    with tonnage.budget("1 GB"): trace.stop()
def raises():
    with tonnage.budget(1) as found_peak:
        kept = load(1 << 20)
        raise KeyError("its own")
def sampled():
    trace.start("sampled")
    with tonnage.budget("1 GB"): pass
def twice():
    trace.stop()
    budget = tonnage.budget("1 GB")
    with budget:
        with budget: pass
for block in (clears, stops, raises, sampled, twice): note(block)
print(json.dumps(found))
""", tmp_path)  # fmt: skip
    lost = "the recording was stopped or cleared meanwhile: what was needed is not known"
    samples = (
        "allocations are recorded by samples, but each block is needed here: call trace.stop() before, or"
        " trace.switch('exact')"
    )
    assert found == [
        ["Error", lost, False],
        ["Error", lost, False],
        ["KeyError", "'its own'", False],
        ["ArgumentError", samples, True],
        ["RuntimeError", "this budget is in use: make another one for a block inside, or in another thread", False],
    ]


@pytest.mark.parametrize("limit", ["", "24 MX", "-1", -1, 0, 1.5, None, True])
def test_a_limit_that_is_no_size_is_refused_at_once(limit: object) -> None:
    with pytest.raises(tonnage.ArgumentError, match="^limit takes a size such as 500M or 2GiB, not "):
        tonnage.budget(limit)  # type: ignore[arg-type]


def test_the_exception_keeps_its_numbers_when_pickled() -> None:
    again = pickle.loads(pickle.dumps(tonnage.BudgetExceeded("text", 1, 2)))
    assert (type(again), str(again), again.limit, again.peak) == (tonnage.BudgetExceeded, "text", 1, 2)


def test_the_cost_of_an_instance_is_what_getsizeof_adds_up_to(tmp_path: Path) -> None:
    for begin in ("", "trace.start()\n"):
        rows = answer(BEGIN + begin + """
class Slots:
    __slots__ = ("a", "b")
class Tree:
    __slots__ = ("left", "right")
    def __init__(self): self.left, self.right = [1, 2], bytes(100)
def tree():
    made = Tree()
    return sum(map(sys.getsizeof, (made, made.left, made.right))), made
def cycle():
    made = [None]
    made[0] = made
    return made
SHARED = [1, 2, 3]
cases = [(object, 1), (Slots, 1), (lambda: [None] * 3, 2), (lambda: bytes(100), 1), (lambda: {1: 2}, 2), (cycle, 2)]
rows = [[sys.getsizeof(make()), blocks, make] for make, blocks in cases]
rows += [[tree()[0], 4, Tree], [0, 0, lambda: SHARED], [0, 0, lambda: sum([[1] * 50], []) and None]]
rows.append([sys.getsizeof([]) + 16 * 8, 2, lambda: list(range(16))])
tonnage.cost_of(dict, 10)
alive = trace.memory().traced if trace.is_on() else 0
found = []
for bytes_, blocks, make in rows:
    cost = tonnage.cost_of(make, 2000)
    found.append([bytes_, blocks, cost.bytes, cost.blocks, *cost.interval, cost.n])
assert gc.get_count()[2] >= 0 and trace.is_on() == bool(alive)
left = trace.memory().traced - alive if alive else 0
print(json.dumps([found, left, str(tonnage.cost_of(lambda: [None] * 3))]))
""", tmp_path)  # fmt: skip
        found, left, text = rows
        for expected, blocks, mean, n_blocks, low, high, n in found:
            assert abs(mean - expected) < 0.5, found
            assert abs(n_blocks - blocks) < 0.01, found
            assert low <= mean <= high and high - low < 1 and n == 2000
        assert left < 100_000  # 20,000 instances take at least 320,000
        assert text == "80.0 B in 2.00 blocks (95 % interval 80.0 to 80.0 B, n=100000)"


def test_sums_of_stacks_are_those_of_sites(tmp_path: Path) -> None:
    now, high, stacks = answer(BEGIN + """
from tonnage import _capture
trace.start()
kept = [load(1 << 16) for _ in range(10)]
more = [load(1 << 16) for _ in range(5)]
del more
sites, now, high = _capture.trace_sites(), _capture.trace_sums(False), _capture.trace_sums(True)
large = {row[0] for row in sites if row[10] > 1 << 17}
def of(table):
    rows = zip(*[iter(memoryview(table).cast("q"))] * 3)
    return sorted(row for row in rows if row[0] in large)
def told(size, count):
    return sorted([row[0], row[size], row[count]] for row in sites if row[0] in large and row[count])
print(json.dumps([[of(now), told(3, 4)], [of(high), told(10, 11)], len(large)]))
""", tmp_path)  # fmt: skip
    assert stacks == 2
    assert now[0] == now[1] and high[0] == high[1]
    assert len({row[0] for row in now[0]}) == 1 and len({row[0] for row in high[0]}) == 2


def test_a_cost_that_varies_has_an_interval_that_holds_the_mean(tmp_path: Path) -> None:
    low, high, mean = answer(BEGIN + """
import random
made = random.Random(7)
cost = tonnage.cost_of(lambda: bytes(made.randrange(2000)), 2000)
print(json.dumps([*cost.interval, cost.bytes]))
""", tmp_path)  # fmt: skip
    assert low < 33 + 999.5 < high and low < mean < high
    assert 20 < high - low < 200


@pytest.mark.parametrize(("words", "error"), [((3,), TypeError), ((int, 9), ValueError), ((int, 2.5), TypeError)])
def test_a_factory_that_is_none_or_too_few_instances_are_refused(words: tuple[object, ...], error: type) -> None:
    with pytest.raises(error):
        tonnage.cost_of(*words)  # type: ignore[arg-type]
