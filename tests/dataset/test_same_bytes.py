"""Reproducible output: the same files give the same bytes in any locale, time zone, file order and hash seed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tarot_data.synthetic.generate import write_sample

ROOT = Path(__file__).parents[2]
SCRIPT = """
import json, sys, time
from pathlib import Path
from random import Random
from tarot_data.dataset import versions
from tarot_data.ingest import stages
from tarot_data.store import tables

data, seed, *paths = sys.argv[1:]
data, paths = Path(data), sorted(map(Path, paths))
Random(int(seed)).shuffle(paths)
with tables.writing(data):
    files, _, _ = stages.new_files(data, paths)
    clean = stages.read_and_clean(data, files, data / "staging")
    counts = stages.commit(data, stages.decide(data, clean, data / "staging"), files)
    manifest, _ = versions.publish(data)
refused = sorted(tables.rejections(data)["rejection_id"])
print(json.dumps({"hash": manifest["hash"], "files": manifest["files"], "counts": counts, "refused": refused, "zone": time.strftime("%Z")}))
"""
MACHINES = [
    {"LC_ALL": "C", "TZ": "UTC", "PYTHONHASHSEED": "0"},
    {"LC_ALL": "zh_CN.UTF-8", "TZ": "Asia/Shanghai", "PYTHONHASHSEED": "1", "POLARS_MAX_THREADS": "1"},
    {"LC_ALL": "tr_TR.UTF-8", "TZ": "America/New_York", "PYTHONHASHSEED": "4711"},
]


@pytest.mark.slow
def test_three_environments_make_the_same_bytes(tmp_path):
    write_sample(12, tmp_path / "made up", seed=5)
    sample = ROOT / "data" / "sample" / "inbox"
    paths = [*sample.iterdir(), *(tmp_path / "made up").iterdir()]
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    found = []
    for number, machine in enumerate(MACHINES):
        command = [sys.executable, str(script), str(tmp_path / f"data {number}"), str(number), *map(str, paths)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | machine
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8")
        assert done.returncode == 0, done.stderr[-2000:]
        found.append(json.loads(done.stdout.splitlines()[-1]))
    zones = [one.pop("zone") for one in found]
    assert len(set(zones)) == 3 and found[0]["counts"]["accepted"] > 30
    assert found[1] == found[0] and found[2] == found[0]
