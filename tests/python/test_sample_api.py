"""tonnage.sample: what it tells the sampler, what it refuses, and when it ends."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tonnage
from sample_support import Sampler, replace_sampler
from tonnage import ArgumentError, _helper, sample, trace
from tonnage._take import defaults


@pytest.fixture
def sampler(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sampler]:
    sampler = replace_sampler(monkeypatch)
    yield sampler
    sample.stop()
    trace.stop()


@pytest.mark.parametrize(
    ("clock", "interval", "told"),
    [
        (None, None, (1, 10_000_000, 65536)),
        ("prof", 0.001, (1, 1_000_000, 65536)),
        ("real", "5ms", (0, 5_000_000, 65536)),
        ("virtual", "100us", (2, 100_000, 65536)),
        ("gil", 1, (3, 1_000_000_000, 65536)),
    ],
)
def test_the_sampler_is_told_clock_interval_and_bound(
    clock: str | None, interval: Any, told: tuple[int, int, int], sampler: Sampler
) -> None:
    with sample.start(clock, interval) as sampling:
        assert (sampler.told, sampler.on, sampling.active, sample.is_on()) == (told, True, True, True)
        assert (sampling.clock, sampling.interval) == (clock or "prof", told[1] / 1e9)
    assert (sampler.on, sampling.active, sample.is_on()) == (False, False, False)
    sample.start(clock, interval, max_stacks=12)
    assert sampler.told == (*told[:2], 12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sample.start("cpu"), "unknown clock 'cpu': it is prof, real, virtual, gil or alloc"),
        (lambda: sample.start("prof", "64K"), "the interval of prof takes a time such as 10ms, not '64K'"),
        (lambda: sample.start("alloc", "10ms"), "the interval of alloc takes a size"),
        (lambda: sample.start(interval=0.00009), "9e-05 is out of range: 0.0001 s to 3600 s"),
        (lambda: sample.start("alloc", 255), "too few: 256 at least"),
        (lambda: sample.start(max_stacks=0), "a number of stacks, at least 1"),
        (lambda: sample.start(duration=0), "sample_duration: 0 is out of range"),
        (lambda: sample.start(duration="soon"), "takes seconds such as 30"),
        (lambda: sample.save(), "nothing was sampled"),
    ],
)
def test_a_wrong_argument_is_named_and_nothing_starts(
    call: Callable[[], object], message: str, sampler: Sampler
) -> None:
    with pytest.raises(ArgumentError, match=re.escape(message)):
        call()
    assert (sampler.told, trace.is_on(), sample.status()) == (None, False, None)


def test_it_samples_by_one_clock_at_a_time(sampler: Sampler) -> None:
    with sample.start("gil"):
        for clock in "gil", "real", "alloc":
            with pytest.raises(ArgumentError, match="already, by gil"):
                sample.start(clock)
        assert not trace.is_on()
    with sample.start("alloc"), pytest.raises(ArgumentError, match="already, by alloc"):
        sample.start("prof")


def test_an_older_handle_does_not_stop_a_newer_one(sampler: Sampler) -> None:
    first = sample.start()
    sample.stop()
    second = sample.start()
    first.stop()
    assert second.active and sampler.on
    with pytest.raises(KeyError), second:
        raise KeyError
    assert not sampler.on
    sample.stop()


def test_status_tells_what_was_sampled_and_what_it_took(sampler: Sampler) -> None:
    assert sample.status() is None
    sample.start("real", "2ms")
    sampler.seconds = 12.5
    status = sample.status()
    assert status is not None
    assert (status.clock, status.interval, status.on, status.seconds) == ("real", 0.002, True, 12.5)
    assert (status.samples, status.missed, status.lost, status.threads) == (70, 3, 0, 2)
    assert (status.rejected, status.own_bytes, status.ticks) == ({"torn": 2, "unmapped": 0}, 4096, 6250)
    assert status.overhead == pytest.approx(0.005)
    assert str(status) == "12.5 s by real each 2ms, 70 samples, missed ticks: 3, rejected: 2, overhead 0.50 %"
    sample.stop()
    assert sample.status() is not None
    sample.clear()
    assert sample.status() is None


def test_a_file_gets_a_name_or_has_none(sampler: Sampler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tonnage"
    sample.start()
    with sample.save() as nameless, sample.save(path) as named:
        assert (nameless.path, named.path) == (None, str(path))
        assert nameless.file_bytes == named.file_bytes == path.stat().st_size
    with pytest.raises(tonnage.ExistsError):
        sample.save(path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(defaults, "redact", True)  # as `tonnage run --redact` does
    sample.save("a.tonnage", force=True).close()
    assert sampler.saved == [(None, False, False), (str(path), False, False), (str(path), False, False),
                             (str(path), True, True)]  # fmt: skip


def test_a_duration_ends_it_in_the_helper_thread(sampler: Sampler, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks: dict[str, tuple[float, Callable[[], object]]] = {}
    monkeypatch.setattr(_helper, "schedule", lambda name, seconds, function: tasks.update({name: (seconds, function)}))
    monkeypatch.setattr(_helper, "cancel", lambda name: tasks.pop(name, None))
    sampling = sample.start(duration="5m")
    seconds, end = tasks["sample"]
    assert (seconds, sampling.active) == (300, True)
    end()
    assert (sampler.on, sampling.active) == (False, False)
    sample.start(duration=2)
    sample.stop()
    assert tasks == {}


def test_a_duration_that_cannot_be_kept_leaves_it_off(sampler: Sampler, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("no thread")

    monkeypatch.setattr(_helper, "schedule", refuse)
    with pytest.raises(RuntimeError, match="no thread"):
        sample.start(duration=1)
    assert not sampler.on and not sample.is_on()


# ---- the clock alloc ----


def test_bytes_are_sampled_by_the_recorder_of_allocations(sampler: Sampler) -> None:
    with sample.start(interval="64K") as sampling:
        assert (sampling.clock, sampling.interval, trace.is_on(), sampler.on) == ("alloc", 65536, True, False)
        status = sample.status()
        assert status is not None and (status.on, status.interval, status.samples) == (True, 65536, None)
        assert str(status).startswith("0.0 s by alloc each 64KiB, overhead ")
    assert not trace.is_on() and not sample.is_on()
    status = sample.status()
    assert status is not None and not status.on and status.own_bytes > 0


def test_what_the_recorder_knew_can_be_saved_after_its_end(sampler: Sampler, tmp_path: Path) -> None:
    with sample.start("alloc"):
        pass
    assert len(sampler.saved) == 1
    for path in tmp_path / "a.tonnage", None, tmp_path / "b.tonnage":
        with sample.save(path) as snapshot:
            assert snapshot.file_bytes == len(sampler.data)
    with pytest.raises(tonnage.ExistsError):
        sample.save(tmp_path / "a.tonnage")
    assert len(sampler.saved) == 1
    sample.clear()
    with pytest.raises(ArgumentError, match="nothing was sampled"):
        sample.save()


def test_a_trace_that_is_on_is_left_alone(sampler: Sampler) -> None:
    trace.start("exact")
    kept = bytes(5000)
    with sample.start("alloc", "1K") as sampling:
        assert sampling.interval == 0  # exact: every byte
        sample.clear()
        assert trace.site_of(kept) is not None
    assert trace.is_on() and trace.site_of(kept) is not None
    assert sampler.saved == []
    sample.save().close()
    assert len(sampler.saved) == 1


def test_a_trace_that_was_ended_by_another_is_no_failure(sampler: Sampler) -> None:
    sampling = sample.start("alloc")
    trace.stop()
    sampling.stop()
    assert sampler.saved == [] and not sample.is_on()
