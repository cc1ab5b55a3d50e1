"""tools/check_layers.py finds each kind of violation when one is planted in a copy of nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECK = ROOT / "tools" / "check_layers.py"

SOUND = {
    "include/tonnage.h": "#include <stdint.h>\n",
    "lib/base/base.h": '#include "tonnage.h"\n',
    "lib/base/sys.c": '#include "base/base.h"\n#include <unistd.h>\n#include <sys/mman.h>\n',
    "lib/snapshot/reader.h": '#include "base/base.h"\n',
    "lib/snapshot/writer.h": '#include "base/base.h"\n',
    "lib/graph/graph.h": '#include "snapshot/reader.h"\n',
    "lib/view/view.h": '#include "graph/graph.h"\n/* #include <Python.h> says a comment */\n',
    "capture/cpython/layout.h": '#include "base/base.h"\n',
    "capture/cpython/probe.c": "#include <Python.h>\n#if PY_VERSION_HEX >= 0x030c0000\n#endif\n",
    "capture/engine/engine.h": '#include "cpython/layout.h"\n#include "snapshot/writer.h"\n#include <sys/mman.h>\n',
    "capture/inside/inside.h": '#include "engine/engine.h"\n',
    "cli/main.c": '#include "tonnage.h"\n#include <unistd.h>\n',
    "python/ext/_capture.c": '#include <Python.h>\n#include "inside/inside.h"\n',
    "python/tonnage/__init__.py": "import os\nfrom ._core import x\nif TYPE_CHECKING:\n    import numpy\n",
    "python/tonnage/compat/heapy.py": "from tonnage import load\nimport tonnage\n",
    "python/tonnage/_pytest.py": "import pytest\n",
}

# what is planted, and a piece of the finding that must name it
PLANTED = [
    ("lib/base/err.c", '#include "snapshot/reader.h"\n', "lib/base/ may not use lib/snapshot/"),
    ("lib/snapshot/a.c", '#include "graph/graph.h"\n', "lib/snapshot/ may not use lib/graph/"),
    ("lib/graph/a.c", '#include "view/view.h"\n', "lib/graph/ may not use lib/view/"),
    ("lib/view/a.c", '#include "snapshot/writer.h"\n', "not for lib/view/"),
    ("lib/view/a.c", '#include "../../capture/engine/engine.h"\n', "lib/view/ may not use capture/engine/"),
    ("lib/graph/a.c", "#include <unistd.h>\n", "uses the operating system"),
    ("lib/graph/a.c", "#include <sys/mman.h>\n", "uses the operating system"),
    ("lib/graph/a.c", "#include <Python.h>\n", "no CPython header in lib/graph/"),
    ("lib/graph/a.c", "int f(void) { printf(0); }\n", "never prints or exits"),
    ("lib/graph/a.c", '#include "nowhere/b.h"\n', "is not in the tree"),
    ("lib/graph/a.c", '#include "Python.h"\n', "no CPython header in lib/graph/"),
    ("lib/graph/sys.c", "int x;\n", "lib/base/sys.c has the same name"),
    ("lib/new/a.c", "int x;\n", "no row in the dependency table"),
    ("capture/engine/a.c", "#include <Python.h>\n", "no CPython header in capture/engine/"),
    ("capture/engine/a.c", '#include "snapshot/reader.h"\n', "not for capture/engine/"),
    ("capture/engine/a.c", '#include "inside/inside.h"\n', "capture/engine/ may not use capture/inside/"),
    ("capture/engine/a.c", "#if PY_VERSION_HEX > 1\n#endif\n", "PY_VERSION_HEX: CPython's version is tested"),
    ("capture/inside/a.c", "int v = Py_Version;\n", "Py_Version: CPython's version is tested"),
    ("cli/cmd.c", '#include "view/view.h"\n', "cli/ may not use lib/view/"),
    ("cli/cmd.c", "#include <Python.h>\n", "no CPython header in cli/"),
    ("python/ext/_core.c", '#include "view/view.h"\n', "python/ext/ may not use lib/view/"),
    ("python/ext/_core.c", '#include "inside/inside.h"\n', "python/ext/ may not use capture/inside/"),
    ("python/tonnage/a.py", "import numpy\n", "standard library only"),
    ("python/tonnage/a.py", "def f():\n    from numpy import x\n", "standard library only"),
    ("python/tonnage/a.py", "import pytest\n", "standard library only"),
    ("python/tonnage/a.py", "import sys\nsys.version_info > (3, 12)\n", "CPython's version is tested"),
    ("python/tonnage/compat/a.py", "from tonnage import _core\n", "public names of tonnage only"),
    ("python/tonnage/compat/a.py", "from .._core import x\n", "public names of tonnage only"),
]


def _check(tree: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, CHECK, tree], capture_output=True, text=True, check=False)


def _make(tree: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_this_tree_keeps_the_table() -> None:
    done = _check(ROOT)
    assert (done.returncode, done.stdout) == (0, "")


def test_sound_tree_has_no_finding(tmp_path: Path) -> None:
    _make(tmp_path, SOUND)
    done = _check(tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("path", "text", "message"), PLANTED)
def test_planted_violation_is_found(tmp_path: Path, path: str, text: str, message: str) -> None:
    _make(tmp_path, SOUND | {path: text})
    done = _check(tmp_path)
    assert done.returncode == 1, done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert done.stdout.startswith(f"{path}:") and message in done.stdout
