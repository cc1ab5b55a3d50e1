"""Meliae's own loader reads what tonnage exports, by its regular expression and as JSON."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from cli_support import CLI, ROOT

ASK = """
import json, sys
from meliae import loader
found = loader.load(sys.argv[1], using_json=sys.argv[2] == "json", show_prog=False, collapse=sys.argv[3] == "collapse")
summary = found.summarize()
dicts = [len(d.refs_as_dict()) for d in found.get_all("dict")] if sys.argv[3] == "plain" else []
print(json.dumps({
    "total": summary.total_size, "count": summary.total_count,
    "types": {name: row.count for name, row in summary.type_summaries.items()},
    "values": sorted(str(o.value) for o in found.get_all("str") if "twice" in str(o.value)),
    "sessions": [[len(o.c), len(o.p)] for o in found.get_all("__main__.Session")],
    "entries": sum(dicts),
}))
"""


@pytest.mark.skipif(not (ROOT / ".venv-interop" / ".meliae").exists(), reason="tools/bootstrap.sh interop builds it")
@pytest.mark.parametrize("how", ["regex", "json"])
@pytest.mark.parametrize("collapse", ["collapse", "plain"])
@pytest.mark.parametrize("where", ["", "-type:str"])
def test_its_totals_are_those_of_the_summary(
    taken: tuple[Path, Path], tmp_path: Path, how: str, collapse: str, where: str
) -> None:
    path = tmp_path / "dump.json"
    subprocess.run([CLI, "export", str(taken[0]), "--to", "meliae", "--where", where, "-o", str(path)], check=True)
    python = ROOT / ".venv-interop" / "bin" / "python"
    asked = subprocess.run([python, "-c", ASK, str(path), how, collapse], check=True, capture_output=True)
    found = json.loads(asked.stdout)
    summary = subprocess.run(
        [CLI, "summary", str(taken[0]), "--json", "--limit", "0", "--where", where], check=True, capture_output=True
    )
    expected = json.loads(summary.stdout)
    assert found["total"] == expected["total"]["size"]
    if collapse == "plain":
        assert found["count"] == expected["total"]["count"]
        types = {row["type"].translate({34: "?", 92: "?", 10: "?"}): row["count"] for row in expected["rows"]}
        assert found["types"] == types
        assert where or found["entries"] > 1000
    if not where:
        assert len(found["values"]) >= 2
        assert len(found["sessions"]) == 300
        assert all(children >= 3 for children, _ in found["sessions"])
