"""What `tonnage run` and variables of the environment switch on besides snapshots: records, samples, pages, classes."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tonnage._settings import Settings


def switch_on(settings: Settings) -> None:
    """Records, samples and shows from now on what the settings say; all or nothing."""
    from tonnage import sample, trace
    from tonnage._records import wrong

    try:
        settings.sampling()
    except ValueError as error:
        raise wrong(error) from None
    if settings.trace_mode is not None:
        trace.start(settings.trace_mode, depth=settings.depth or None)
    try:
        if settings.sample is not None:
            sample.start(
                settings.sample,
                settings.sample_interval,
                max_stacks=settings.sample_stacks,
                duration=settings.sample_duration,
            )
        if settings.top is not None:
            from tonnage import _top_pages

            _top_pages.start(settings)
        if settings.is_tracked:
            from tonnage import _track_names

            _track_names.start(settings)
    except BaseException:
        sample.stop()
        trace.stop()
        raise


def told_trace(settings: Settings) -> str:
    """How allocations are recorded, in words."""
    mode = settings.text("trace") if settings.trace else "exact"
    frames = f"{settings.depth} innermost frames" if settings.depth else "all frames"
    return f"{mode}, {frames}" if mode in ("exact", "sampled") else f"sampled each {mode}, {frames}"


def told_sample(settings: Settings) -> str:
    """How it samples, in words."""
    from tonnage._settings import show_interval

    if settings.sample == "alloc" and settings.trace_mode is not None:
        return "alloc, of what is recorded"
    clock, interval = settings.sampling()
    return f"{clock} each {show_interval(clock, interval)}"
