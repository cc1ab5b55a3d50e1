#!/usr/bin/env python3
"""Measures what the pytest plugin costs a run of tests.

    bench/testing.py [--quick] [--python PATH ...] [--output FILE]

Each figure is of fresh processes that run one folder of tests, with and without the plugin by turns; the median of the
ratios of their processor times counts, with the second least and the second largest beside it. *small*: many tests that
do next to nothing; *large*: few that read and write JSON.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import median, processor, table

PAIRS = 5
MARKERS = {
    "limit_memory": 'pytest.mark.limit_memory("1 GB")',
    "limit_leaks": 'pytest.mark.limit_leaks("1 GB")',
    "limit_objects": 'pytest.mark.limit_objects("test_it.Nothing", 0)',
}
MODES: dict[str, tuple[tuple[str, ...], str]] = {
    "loaded, not asked": (("-p", "tonnage"), ""),
    "--tonnage": (("-p", "tonnage", "--tonnage"), ""),
    "--tonnage --tonnage-top 0": (("-p", "tonnage", "--tonnage", "--tonnage-top", "0"), ""),
    **{
        f"the same, {name} on each test": (("-p", "tonnage", "--tonnage", "--tonnage-top", "0"), marker)
        for name, marker in MARKERS.items()
    },
}
BODIES = {"small": "assert n >= 0", "large": "assert json.loads(json.dumps(DATA)) == DATA"}
TESTS = {"small": 300, "large": 40}


def seconds(python: str, body: str, n: int, words: tuple[str, ...], marker: str) -> float:
    """Processor time of a run."""
    with tempfile.TemporaryDirectory() as folder:
        text = "import json, pytest\nDATA = [{'number': i, 'name': f'name {i}'} for i in range(5000)]\n"
        text += f"pytestmark = {marker or '[]'}\n"
        text += f"@pytest.mark.parametrize('n', range({n}))\ndef test_it(n): {BODIES[body]}\n"
        Path(folder, "test_it.py").write_text(text, encoding="utf-8")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *words],
            cwd=folder,
            env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONHASHSEED": "0"},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(python: str, quick: bool) -> str:
    load = os.getloadavg()[0]
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
    rows = []
    for body, tests in TESTS.items():
        for mode, (words, marker) in MODES.items():
            n = max(2, tests // (50 if quick else 10 if "limit_objects" in marker else 1))
            pairs = [
                (seconds(python, body, n, (), ""), seconds(python, body, n, words, marker))
                for _ in range(1 if quick else PAIRS)
            ]
            ratios = sorted(with_it / plain for plain, with_it in pairs)
            beside = f" ({ratios[1]:.2f}–{ratios[-2]:.2f})" if len(ratios) > 2 else ""
            plain = median([pair[0] for pair in pairs])
            each = median([with_it - without for without, with_it in pairs]) / n * 1e3
            rows.append([body, mode, f"{plain:.2f} s", f"{median(ratios):.2f}{beside}", f"{each:+.2f} ms"])
    head = f"### CPython {version}, {processor()}, medians of {PAIRS} pairs, load of others {load:.1f}"
    return f"{head}\n\n" + table(["tests", "mode", "without", "ratio", "a test"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="little work: a check that it works, not a measurement")
    parser.add_argument("--python", action="append", help="interpreter that has tonnage and pytest (default: this one)")
    parser.add_argument("--output", type=Path, help="write the tables there as well")
    options = parser.parse_args()
    pieces = [measure(python, options.quick) for python in options.python or [sys.executable]]
    print("\n\n".join(pieces), flush=True)
    if options.output:
        options.output.write_text("\n\n".join(pieces) + "\n", encoding="utf-8")


main()
