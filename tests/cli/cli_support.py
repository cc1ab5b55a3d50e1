"""The command that tests of it run, and the type of what runs it. TONNAGE_CLI names another binary."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLI = os.environ.get("TONNAGE_CLI", str(ROOT / ".venv" / "bin" / "tonnage"))

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
