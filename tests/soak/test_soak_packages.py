"""Test suites of other packages pass and fail under us as they do without."""

from __future__ import annotations

from pathlib import Path

import pytest
from soak_support import MODES, PLAN, ROOT, SAMPLES, Suite, run_both

PYTHON = ROOT / ".venv-soak" / "bin" / "python"


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("package", PLAN["packages"])
def test_a_package_fails_where_it_fails_without_us(package: str, tmp_path: Path) -> None:
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", *PLAN["packages"][package])
    suite = Suite(package, words, "--junitxml")
    control, differences = run_both(suite, PYTHON, tmp_path, MODES + SAMPLES)
    assert not differences, "\n".join(differences)
    assert control.ran
