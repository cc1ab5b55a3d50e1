"""Programs with a known split of a clock per function and line, and how far what was sampled of them is from it.

Each line of a program that counts has a label, `measured("many 1", spend, 2.0)`: function and number. The program
measures there, thread by thread, what it has used of the clock that it is sampled by: its own processor time, the time
that passed, that with the interpreter's lock, the bytes that it asked for. That, and no constant, is what shares are
compared with, so that a loaded machine is as good as another. A program goes on until it has as many samples as it is
told: of the virtual clock, that the system moves on by some milliseconds at a time, so many steps.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pure_reader import Snapshot
from trace_support import answer

CLOCKS = ("real", "prof", "virtual", "gil", "alloc")
ENOUGH = 10_000
TIMEOUT_SECONDS = 1800  # of so many, of which each takes milliseconds of a processor: others may want theirs
MOST_APART = 0.02  # of all, at so many samples: four standard deviations of a share of one half

BEGIN = """
import asyncio, hashlib, json, sys, threading, time
from collections import Counter
from contextlib import nullcontext
from itertools import repeat
from tonnage import sample

CLOCK, SAMPLES = sys.argv[1], int(sys.argv[2])
BYTES = 65536  # between samples of alloc
SCALE = 10 if CLOCK == "virtual" else 1  # the system counts it in ticks of some milliseconds
TAKES_TURNS = CLOCK == "gil"  # else who holds the lock cannot be told from within
asked = threading.local()
spent = Counter()

def virtual():
    return time.clock_gettime(~threading.get_native_id() << 3 | 5)  # CPUCLOCK_VIRT of a thread

def grain():
    # How far the system lets that go on at a time: some milliseconds, or as little as it is asked for.
    begun = virtual()
    while (first := virtual()) == begun: pass
    while (second := virtual()) == first: pass
    return max(second - first, 0.0005)

GRAIN = grain() if CLOCK == "virtual" else 0

used = {
    "real": time.monotonic, "prof": time.thread_time, "virtual": virtual, "gil": time.monotonic,
    "alloc": lambda: getattr(asked, "bytes", 0),
}[CLOCK]

def measured(label, function, *arguments):
    begun = used()
    function(*arguments)
    spent[label] += used() - begun

def unlocked(label, function, *arguments):
    # Without the interpreter's lock.
    if CLOCK != "gil":
        return measured(label, function, *arguments)
    function(*arguments)
    spent[label] += 0

def spend(amount):
    # Milliseconds of a processor or of the day, or 100 kB.
    if CLOCK == "alloc":
        for _ in repeat(None, round(amount * 1000)):  # no ints
            bytes(67)
        asked.bytes = used() + round(amount * 1000) * sys.getsizeof(bytes(67))
        return
    clock = time.monotonic if CLOCK in ("real", "gil") else time.thread_time
    end = clock() + SCALE * amount / 1000
    while clock() < end:
        for _ in range(1000): pass

def often(function, *arguments):
    for _ in range(SCALE):
        function(*arguments)

def enough():
    if CLOCK == "alloc":
        return spent.total() >= SAMPLES * BYTES
    if CLOCK == "virtual":
        return spent.total() >= SAMPLES * GRAIN
    return sample.status().samples >= SAMPLES

sampling = sample.start(CLOCK, {"alloc": BYTES, "prof": "2ms"}.get(CLOCK, "500us"))  # prof: as long as what it looks at
"""

END = """
sampling.stop()
sampling.save("out.tonnage").close()
print(json.dumps([spent, sample.status().missed, sample.status().ticks, GRAIN]))
"""

PROGRAMS = {
    "loops": """
def many():
    measured("many 1", spend, 2.0)
    measured("many 2", spend, 1.5)

def some():
    measured("some 1", spend, 0.4)
    measured("some 2", spend, 0.8)

def few(): measured("few 1", spend, 0.5)

while not enough():
    many(), some(), few()
""",
    "calls of C": """
data, numbers = bytes(2_000_000), list(range(100_000))

def spins(): measured("spins 1", spend, 2.0)
def holds(): measured("holds 1", often, numbers.count, -1)
def releases(): unlocked("releases 1", often, hashlib.sha256, data)
def sleeps(): unlocked("sleeps 1", time.sleep, 0.002)

while not enough():
    spins(), holds(), releases(), sleeps()
""",
    "threads": """
turn = threading.Lock() if TAKES_TURNS else nullcontext()

def first():
    measured("first 1", spend, 2.0)
    measured("first 2", spend, 1.0)

def second(): measured("second 1", spend, 2.0)
def third(): measured("third 1", spend, 1.0)

ready = threading.Barrier(3)

def work(function):
    ready.wait()
    while not enough():
        with turn:
            function()

threads = [threading.Thread(target=work, args=(f,)) for f in (first, second, third)]
for thread in threads: thread.start()
for thread in threads: thread.join()
""",
    "generators and coroutines": """
def numbers():
    while True:
        measured("numbers 1", spend, 1.0)
        yield

def through():
    yield from numbers()

async def alpha(): measured("alpha 1", spend, 2.0)

async def beta():
    measured("beta 1", spend, 1.0)
    await asyncio.sleep(0)
    measured("beta 2", spend, 0.5)

async def task(coroutine):
    steps = through()
    while not enough():
        await coroutine()
        next(steps)
        await asyncio.sleep(0)

async def main():
    await asyncio.gather(task(alpha), task(beta))

asyncio.run(main())
""",
}
# Of alloc nothing is known of what C code allocates.
CASES = [(name, clock) for name in PROGRAMS for clock in CLOCKS if (name, clock) != ("calls of C", "alloc")]


@dataclass
class Shares:
    """Of each label, what was sampled of it and what the program has measured, in one unit."""

    found: Counter[str]
    spent: dict[str, float]
    unclear: Counter[str]  # what ends outside of all labels, by the innermost name
    samples: int
    missed: float  # share of ticks

    def apart(self) -> dict[str, float]:
        """How much a share is more than was measured."""
        all_found, all_spent = self.found.total(), sum(self.spent.values())
        return {name: self.found[name] / all_found - spent / all_spent for name, spent in self.spent.items()}

    def __str__(self) -> str:
        all_spent = sum(self.spent.values())
        told = [f"{name}: {100 * self.spent[name] / all_spent:.2f}{100 * d:+.2f} %" for name, d in self.apart().items()]
        whole = self.found.total() + self.unclear.total()
        told += [f"outside, {name}: {100 * n / whole:.2f} %" for name, n in self.unclear.most_common()]
        return f"{self.samples} samples, {100 * self.missed:.0f} % of ticks missed; " + "; ".join(told)


def _lines(program: str, labels: list[str]) -> dict[tuple[str, int], str]:
    """(function, line) to label."""
    lines = program.splitlines()
    return {
        (label.split()[0], number): label
        for label in labels
        for number, text in enumerate(lines, 1)
        if f'"{label}"' in text
    }


def sampled_shares(name: str, clock: str, samples: int, folder: Path) -> Shares:
    """Runs a program under a clock until it has so many samples."""
    program = BEGIN + PROGRAMS[name] + END
    spent, missed, ticks, grain = answer(program, folder, clock, str(samples), timeout=TIMEOUT_SECONDS)
    snapshot = Snapshot((folder / "out.tonnage").read_bytes())
    label_of = _lines(program, list(spent))
    shares = Shares(Counter(), spent, Counter(), 0, missed / (missed + ticks) if ticks else 0.0)
    for row in (snapshot.sites if clock == "alloc" else snapshot.samples) or ():
        entries = [] if row.stack is None else snapshot.stack(row.stack)
        frames = [(snapshot.codes[entry.code].name, entry.line) for entry in entries]
        label = next((label_of[frame] for frame in frames if frame in label_of), None)
        n = row.allocated_bytes if clock == "alloc" else row.ns
        shares.samples += 0 if clock == "alloc" else row.samples
        if label:
            shares.found[label] += n
        else:
            shares.unclear[frames[0][0] if frames else "<lost>"] += n
    shares.samples = shares.samples or samples
    if grain:
        shares.samples = round((shares.found.total() + shares.unclear.total()) / 1e9 / grain)
    return shares


def most_apart(clock: str, shares: Shares) -> float:
    """As wide for fewer samples as chance makes it.

    The sampler does not know whose a missed tick was, and gives it to the next sample: samples of different weight are
    worth fewer of the same. Of time that passes shares are apart by as much as was missed where a loaded machine lets
    the sampler run when the program waits; of processor time by some of it, for who waits for ours counts as running.
    """
    worth = max(shares.samples, 1) * (1 - shares.missed)
    missed = shares.missed if clock in ("real", "gil") else shares.missed / 4
    if worth >= ENOUGH:
        return MOST_APART + missed
    wide = 1.5 if clock == "alloc" else 1  # bytes are drawn each by itself; of a clock each interval has its look
    return MOST_APART * wide * math.sqrt(ENOUGH / worth) + missed


def assert_shares(clock: str, shares: Shares) -> None:
    """Of each label what was sampled is what was measured, and little is nobody's because a stack was not believed."""
    print(shares)
    bound = most_apart(clock, shares)
    assert all(abs(apart) <= bound for apart in shares.apart().values()), shares
    uncertain = shares.unclear["<changing>"] + shares.unclear["<lost>"]
    assert uncertain <= bound * (shares.found.total() + shares.unclear.total()), shares
