"""A worker that grows: every job leaves its result behind.

    tonnage run --every 10 --keep 3 -o worker.tonnage examples/growing_worker.py

Works through 2000 jobs in a minute (or as many seconds as the argument says), then ends.
"""

from __future__ import annotations

import sys
import time

JOBS = 2000
DONE: dict[int, Result] = {}


class Result:
    """What became of a job."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.report = bytearray(f"report of job {number} ".encode() * 1000)


def work(number: int) -> None:
    DONE[number] = Result(number)  # nobody ever asks for it, and nobody removes it


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    for number in range(JOBS):
        work(number)
        time.sleep(seconds / JOBS)
    print(f"{JOBS} jobs done")


if __name__ == "__main__":
    main()
