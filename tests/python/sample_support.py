"""A sampler for tests of what stands on it: it keeps what it was told, and its clock is turned by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import format_samples
import pytest
from tonnage import _capture, sample

CLOCKS = ["real", "prof", "virtual", "gil"]


class Sampler:
    """In place of the functions of the extension. Its file is one without objects, of a fixed size."""

    def __init__(self) -> None:
        self.told: tuple[int, int, int] | None = None  # clock, nanoseconds, stacks of the last start
        self.on = False
        self.is_new = True
        self.seconds = 0.0
        self.saved: list[tuple[str | None, bool, bool]] = []
        self.data = format_samples.no_objects()

    def start(self, clock: int, interval_ns: int, max_stacks: int) -> None:
        assert not self.on
        self.told, self.on, self.is_new = (clock, interval_ns, max_stacks), True, False

    def stop(self) -> None:
        self.on = False

    def clear(self) -> None:
        self.is_new = not self.on

    def status(self) -> dict[str, Any]:
        if self.is_new or self.told is None:
            return {}
        duration = round(self.seconds * 1e9)
        return {
            "on": int(self.on),
            "clock": CLOCKS[self.told[0]],
            "interval_ns": self.told[1],
            "duration_ns": duration,
            "ticks": duration // self.told[1],
            "missed": 3,
            "samples": 70,
            "rejected": {"torn": 2, "unmapped": 0},
            "lost_stacks": 0,
            "own_cpu_ns": duration // 200,
            "own_bytes": 4096,
            "threads": 2,
        }

    def save(self, path: str | None, fd: int, force: bool, redact: bool) -> None:
        self.saved.append((path, force, redact))
        if path is None:
            with open(fd, "wb", closefd=False) as file:
                file.write(self.data)
            return
        if Path(path).exists() and not force:
            raise _capture.Error(-13, f"{path} exists")
        Path(path).write_bytes(self.data)


def replace_sampler(monkeypatch: pytest.MonkeyPatch) -> Sampler:
    """Has `tonnage.sample` use such a one."""
    sampler = Sampler()
    for name in ("start", "stop", "clear", "status", "save"):
        monkeypatch.setattr(_capture, f"sample_{name}", getattr(sampler, name), raising=False)
    monkeypatch.setattr(sample, "_current", None)
    monkeypatch.setattr(sample, "_began", False)
    return sampler
