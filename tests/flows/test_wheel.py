"""The wheel: outside the checkout it has every data file that the commands read."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CALLS = """
from flows.entry import main
import sys, flows, schemas, tarot_data, tarot_train
assert all(sys.argv[1] in module.__path__[0] for module in (flows, schemas, tarot_data, tarot_train))
for words in sys.argv[2:]:
    sys.argv = ["tarot", *words.split(), "--data-dir", "data"]
    try:
        main()
    except SystemExit as end:
        assert not end.code, words
from flows.service.prefect_database import is_ready
from pathlib import Path
Path("home").mkdir()
assert is_ready(Path("home"))
"""


def packaged(suffixes: set[str]) -> set[str]:
    """Return the data files of the packages in the checkout, relative to it."""
    tops = ("schemas", "tarot_data", "tarot_train", "flows")
    listed = subprocess.run(["git", "ls-files", *tops], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {name for name in listed.splitlines() if Path(name).suffix in suffixes}


@pytest.mark.slow
@pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="no checkout of git: it says which files belong to the packages"
)
def test_the_wheel_works_outside_the_checkout(tmp_path):
    build = "from setuptools import build_meta; import sys; print(build_meta.build_wheel(sys.argv[1]))"
    copy = tmp_path / "source"
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, files.split("\0")):
        if not name.startswith(("tests/", "docs/", "data/")) and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, "-c", build, str(tmp_path)], cwd=copy, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as content:
        missing = packaged({".toml", ".csv", ".sql", ".html", ".css", ".js", ".mo", ".yaml", ".txt", ".npz", ".json"})
        assert missing - set(content.namelist()) == set()
        content.extractall(tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-P", "-c", CALLS, str(tmp_path / "site")]
        + [
            "doctor",
            "sample --n 3 --out inbox",
            "lexicon try 愚人正位说明你要出发了。",
            "plan --examples 200",
            "status",
        ],
        cwd=tmp_path,
        env={name: value for name, value in os.environ.items() if name != "TAROT_DATA_DIR"}
        | {"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "✓" in done.stdout
