"""Parquet opened by Spark, in local mode, has the totals of `tonnage summary`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import tonnage
from soak_support import ROOT

PYTHON = Path(os.environ.get("TONNAGE_SPARK_PYTHON", ROOT / ".venv-soak" / "bin" / "python"))
READ = """
import json, sys
from pyspark.sql import SparkSession
quiet = {"spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
builder = SparkSession.builder.master("local[1]")
for key, value in quiet.items():
    builder = builder.config(key, value)
spark = builder.getOrCreate()
tables = {name: spark.read.parquet(f"{sys.argv[1]}/{name}.parquet") for name in sys.argv[3:]}
found = {name: table.count() for name, table in tables.items()}
found["size"] = tables["objects"].groupBy().sum("size").collect()[0][0]
found["types"] = {row["type"]: row["sum(size)"] for row in tables["objects"].groupBy("type").sum("size").collect()}
known = tables["references"].target == tables["objects"].address
found["known"] = tables["references"].join(tables["objects"], known).count()
open(sys.argv[2], "w").write(json.dumps(found))
"""
PROGRAM = """
import sys, tonnage
kept = [{"n": n, "text": str(n)} for n in range(2000)]
tonnage.snapshot(sys.argv[1]).close()
"""


@pytest.mark.timeout(600)
def test_spark_reads_the_totals_of_the_summary(tmp_path: Path) -> None:
    if shutil.which("java") is None:
        pytest.skip("no Java: tools/bootstrap.sh soak installs one where there is apt")
    file, out = tmp_path / "a.tonnage", tmp_path / "found.json"
    subprocess.run([sys.executable, "-c", PROGRAM, file], check=True)
    names = ("objects", "references", "types", "roots")
    with tonnage.load(file) as snapshot:
        snapshot.export(tmp_path / "p", to="parquet")
        total = snapshot.summary().total
        types = {row["type"]: row["size"] for row in snapshot.summary(limit=0).rows}
        counts = {name: snapshot.table(name).to_arrow().num_rows for name in ("references", "roots")}
    done = subprocess.run([PYTHON, "-c", READ, tmp_path / "p", out, *names], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(out.read_text())
    assert (found["objects"], found["size"]) == (total["count"], total["size"])
    assert found["types"] == types
    assert (found["references"], found["roots"]) == (counts["references"], counts["roots"])
    assert found["known"] == counts["references"]
