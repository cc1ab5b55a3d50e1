"""CPython's own regression tests pass and fail under us as they do without."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import pytest
from soak_support import MODES, PLAN, SAMPLES, TRACES, Suite, run_both

WHOLE = os.environ.get("SOAK", "") == "whole"


def chosen() -> list[tuple[str, tuple[str, ...]]]:
    """Modules and modes. Of the quick ones each in one mode, which changes from release to release."""
    quick, traced = list(PLAN["cpython"]["quick"]), list(PLAN["cpython"]["traced"])
    if only := os.environ.get("SOAK_MODULES", "").split():
        return [(name, modes) for name in only for modes in (MODES, TRACES, SAMPLES)]
    if WHOLE:
        names = quick + PLAN["cpython"]["whole"]
        return [(name, MODES + SAMPLES) for name in names] + [(name, TRACES) for name in sorted({*names, *traced})]
    found: dict[str, tuple[str, ...]] = {}
    for names, modes in ((quick, MODES), (traced, TRACES), (PLAN["cpython"]["sampled"], SAMPLES)):
        for i, name in enumerate(names):
            found[name] = (*found.get(name, ()), modes[(i + sys.version_info.minor) % len(modes)])
    return list(found.items())


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("module", "modes"), chosen(), ids=lambda it: it if isinstance(it, str) else "-".join(it))
def test_a_module_of_cpython_fails_where_it_fails_without_us(
    module: str, modes: tuple[str, ...], tmp_path: Path
) -> None:
    if importlib.util.find_spec(f"test.{module}") is None:
        pytest.skip(f"this Python has no test.{module}")
    untraced = [row["id"] for row in PLAN["cpython"]["untraced"] if row["in"] == module and set(modes) & set(TRACES)]
    ignored = [word for name in untraced for word in ("-i", name)]
    words = ("-m", "test", "-v", "--fail-env-changed", "--tempdir", str(tmp_path), *ignored, module)
    suite = Suite(module, words, "--junit-xml")
    control, differences = run_both(suite, Path(sys.executable), tmp_path, modes)
    assert not differences, "\n".join(differences)
    if not control.ran:
        pytest.skip(f"{module} without us: {', '.join(control.fatal) or 'runs no test here'}")
