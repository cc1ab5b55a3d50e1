"""The pytest plugin: options, markers and the fixture. Nothing is measured, and no extension loaded, until asked.

Pytest loads it by its entry point, `tonnage`; docs/testing.md tells what it does. What measures is _pytest_limits.py.
"""

from __future__ import annotations

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tonnage import Snapshot

MARKERS = (
    'limit_memory(size): the test fails if more is alive at once of what it allocates: "24 MB" (with --tonnage)',
    "limit_leaks(size, *, warmups=0, filter=None): the test fails if a stack of calls allocates more than size bytes"
    " that are alive after it (with --tonnage)",
    "limit_objects(type, n): the test fails if it leaves more than n more objects of a type, or of one derived from"
    ' it: a class, or its name such as "app.Session" (with --tonnage)',
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Pytest calls it."""
    group = parser.getgroup("tonnage", "memory of tests")
    group.addoption("--tonnage", action="store_true", help="measure the memory of tests, and mind limit_… markers")
    group.addoption(
        "--tonnage-top",
        type=int,
        default=5,
        metavar="N",
        help="tests to report that needed most (5); 0: only tests with limits are measured",
    )
    parser.addini("tonnage", "as --tonnage", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Pytest calls it."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    if config.getoption("tonnage") or config.getini("tonnage"):
        from tonnage._pytest_limits import Limits

        config.pluginmanager.register(Limits(config), "tonnage-limits")


@pytest.fixture
def tonnage_snapshot() -> Iterator[Callable[[], Snapshot]]:
    """Takes snapshots of this process, garbage collected: `tonnage_snapshot()`. They are closed after the test."""
    import gc

    from tonnage._take import take

    taken = []

    def shot() -> Snapshot:
        gc.collect()
        taken.append(take(None, None, None, None, None, False, None, None, named=False))
        return taken[-1]

    yield shot
    for snapshot in taken:
        snapshot.close()
