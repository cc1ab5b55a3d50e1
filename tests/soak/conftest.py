"""What the soak's tests import and which are for `make soak` only."""

import os
import signal
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "python")]

# Once is enough: they have an environment of their own.
_IS_MAIN = Path(sys.prefix).name == ".venv"
_LONG = ["test_soak_packages.py", "test_soak_spark.py"]
collect_ignore = [] if os.environ.get("SOAK") == "whole" and _IS_MAIN else _LONG

# A shell starts background jobs with interrupts ignored, and so would every suite be: then tests of interrupts hang.
signal.signal(signal.SIGINT, signal.default_int_handler)
