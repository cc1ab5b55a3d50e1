"""Rewrites tests/cli/golden from what the command prints now; look at the difference before you keep it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "python")]


def main() -> None:
    """One file for each case of test_text_is_the_golden_one."""
    import cycles_snapshot
    import sample_files
    import shop_snapshot
    import sites_snapshot
    import test_cli_answers
    import test_cli_cycles
    import test_cli_graph
    import test_cli_profile
    import test_cli_profiles
    import test_cli_reading
    import test_cli_sites
    import test_cli_tracked
    import test_meliae
    import tracked_files

    test_cli_reading.GOLDEN.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "shop.tonnage"
        file.write_bytes(shop_snapshot.data())
        file.with_name("cycles.tonnage").write_bytes(cycles_snapshot.data())
        (HERE.parent / "c" / "cycles.tonnage").write_bytes(cycles_snapshot.data())
        (HERE.parent / "c" / "sites.tonnage").write_bytes(sites_snapshot.data())
        (HERE.parent / "c" / "sites-part.tonnage").write_bytes(sites_snapshot.data(10, 4096))
        sample_files.shop(recorded=True).write(HERE.parent / "c" / "samples.tonnage")
        tracked_files.shop(HERE.parent / "c" / "tracked.tonnage")
        file.with_name("old.tonnage").write_bytes(shop_snapshot.older())
        file.with_name("new.tonnage").write_bytes(shop_snapshot.newer())
        for tests in (test_cli_reading, test_cli_answers, test_cli_cycles, test_cli_graph, test_cli_sites, test_meliae):
            update(tests, file)
        update(test_cli_profile, file)
        update(test_cli_tracked, file)
        file.with_name("traced.tonnage").write_bytes(test_cli_profiles.data())
        update(test_cli_profiles, file)


def update(tests: ModuleType, file: Path) -> None:
    """The cases of one module."""
    (cases,) = (mark.args[1] for mark in tests.test_text_is_the_golden_one.pytestmark)
    for name, rest in cases:
        slug = "-".join([name, *rest]).replace("--", "").translate(str.maketrans(":*./", "____"))
        cli = os.environ.get("TONNAGE_CLI", "tonnage")
        got = subprocess.run([cli, *tests.words(name, file, *rest)], capture_output=True, check=True, cwd=file.parent)
        (tests.GOLDEN / f"{slug}.txt").write_bytes(got.stdout)


main()
