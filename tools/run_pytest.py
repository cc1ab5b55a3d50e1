#!/usr/bin/env python3
"""Runs pytest, and once more what failed, when that are at most three tests.

    tools/run_pytest.py REPORT.xml ARGUMENT…        the interpreter's own pytest

The report is pytest's junit file; that of the second run is REPORT.again.xml. Thousands of tests run real programs and
look at their memory; where one depends on what a busy machine did, it passes alone, and tools/run_tests.py names it as
unsteady. What fails twice has failed. Standard library only.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

AT_MOST = 3


def failures(report: Path) -> int:
    if not report.exists():
        return 0
    cases = ET.parse(report).getroot().iter("testcase")
    return sum(case.find("failure") is not None or case.find("error") is not None for case in cases)


def main(argv: list[str]) -> int:
    report, arguments = Path(argv[0]), argv[1:]
    again = report.with_suffix(".again.xml")
    again.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "pytest", "-q", "-o", f"cache_dir={cache}", *arguments]
        status = subprocess.run([*command, f"--junitxml={report}"], check=False).returncode
        if status != 1 or not 0 < failures(report) <= AT_MOST:
            return status
        alone = ["-n", "0", "--last-failed", "--last-failed-no-failures", "none"]
        return subprocess.run([*command, *alone, f"--junitxml={again}"], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
