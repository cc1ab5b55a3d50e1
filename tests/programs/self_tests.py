"""Runs modules of CPython's own tests in this process and leaves a snapshot: self_tests.py FILE MODULE...

What the tests print goes nowhere. Prints how many tests of each module ran; a module that this release or machine lacks
is left out. test.regrtest would run each in a process of its own.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import sys
import unittest


def run(name: str) -> int:
    try:
        module = importlib.import_module("test." + name)
        suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    except (ImportError, unittest.SkipTest):
        return 0
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        return unittest.TextTestRunner(stream=io.StringIO(), verbosity=0).run(suite).testsRun


def main() -> None:
    path, *names = sys.argv[1:]
    own = os.getpid()
    sys.modules["numpy"] = None  # type: ignore[assignment]  # some tests import it; what it loses is not theirs
    ran = {name: run(name) for name in names}
    if os.getpid() != own:  # a test forked, and its child came through
        os._exit(0)
    import tonnage

    gc.collect()
    tonnage.snapshot(path, scan=True)
    print(json.dumps(ran), flush=True)
    os._exit(0)  # threads and children of tests may be left


if __name__ == "__main__":  # tests start processes that import this
    main()
