"""The committed layout table of this interpreter's minor version is what its own headers say.

`capture/cpython/probe.c` is compiled against the internal headers of the interpreter that runs the
test, and its output is compared with the table line by line. The first line names the patch release
and may differ.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CPYTHON = ROOT / "capture" / "cpython"
HEADERS = Path(sysconfig.get_path("include"))
COMPILER = shutil.which("cc") or shutil.which("gcc")


@pytest.mark.skipif(COMPILER is None, reason="no C compiler")
@pytest.mark.skipif(not (HEADERS / "internal").is_dir(), reason="this interpreter came without internal headers")
def test_the_table_is_what_the_headers_say(tmp_path: Path) -> None:
    assert COMPILER is not None
    probe = tmp_path / "probe"
    subprocess.run(
        [COMPILER, "-w", f"-I{HEADERS}", f"-I{HEADERS / 'internal'}", "-o", probe, CPYTHON / "probe.c"],
        check=True,
        timeout=100,
    )
    printed = subprocess.run([probe], capture_output=True, text=True, check=True, timeout=20).stdout
    table = (CPYTHON / f"layout_3_{sys.version_info.minor}.h").read_text()
    assert len(printed.splitlines()) > 100
    assert printed.splitlines()[1:] == table.splitlines()[1:]
