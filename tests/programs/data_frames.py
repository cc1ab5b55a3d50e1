"""Uses numpy and, where it is there, pandas, errors included, and leaves a snapshot: data_frames.py FILE [ROUNDS].

Then it lives until its standard input ends."""

from __future__ import annotations

import contextlib
import gc
import io
import sys

import numpy as np

try:
    import pandas as pd
except ImportError:
    pd = None  # type: ignore[assignment]

TABLE = "a,b,c\n" + "".join(f"{n},{n * 1.5},name{n % 7}\n" for n in range(500))
MISTAKES = (
    "frame['no such']",
    "frame.loc[99999]",
    "pd.to_datetime('x')",
    "frame.astype({'c': int})",
    "frame.merge(other, on='z')",
)


def arrays(seed: int) -> None:
    numbers = np.arange(1000.0).reshape(10, 100)
    things = np.array([object() for _ in range(50)] + [str(n) for n in range(50)], dtype=object)
    np.linalg.svd(numbers[:, :10])
    np.fft.fft(numbers)
    np.sort(numbers)
    np.unique(things[50:])
    rows = np.zeros(10, dtype=[("a", "i4"), ("o", "O")])
    rows["o"] = "x"
    np.random.default_rng(seed).normal(size=100)
    for wrong in (lambda: np.array([1, 2]) @ np.array([1, 2, 3]), lambda: np.dtype("no such"), lambda: numbers[11]):
        with contextlib.suppress(ValueError, TypeError, IndexError):
            wrong()
    repr(numbers)
    np.frombuffer(numbers.tobytes()).astype("c16").astype("S8")


def frames() -> None:
    frame = pd.read_csv(io.StringIO(TABLE))
    frame["d"] = pd.to_datetime("2024-01-01") + pd.to_timedelta(frame["a"], unit="D")
    other = pd.DataFrame({"c": [f"name{n}" for n in range(7)], "x": range(7)})
    frame.groupby("c")[["a", "b"]].agg(["sum", "mean", "max"])
    merged = frame.merge(other, on="c")
    merged.pivot_table(values="b", index="c", columns="x")
    merged["c"].astype("category").cat.codes.value_counts()
    frame.set_index("d").resample("D")["b"].mean()
    frame["c"].str.upper().str.contains("A")
    for wrong in MISTAKES:
        with contextlib.suppress(Exception):
            eval(wrong, {"pd": pd, "frame": frame, "other": other})
    pd.read_json(io.StringIO(frame.to_json()))
    str(frame), frame.describe(), frame.sort_values("b").head(), frame.apply(lambda row: row["a"], axis=1)


def main() -> None:
    path, rounds = sys.argv[1], int((*sys.argv[2:], "3")[0])
    for n in range(rounds):
        arrays(n)
        if pd is not None:
            frames()
    gc.collect()
    import tonnage

    tonnage.snapshot(path, scan=True)
    print(np.__version__, pd.__version__ if pd is not None else "", flush=True)
    sys.stdin.read()


main()
