"""Readings are intimate: what a command writes is readable by its owner only, whichever library writes it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tarot_data.store import tables
from tests.flows.test_flows import FIRST, SECOND, write

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes of files are those of POSIX systems")


def open_to_others(folder: Path) -> list[str]:
    paths = [folder, *folder.rglob("*")]
    return [f"{path} {stat.filemode(path.stat().st_mode)}" for path in paths if path.stat().st_mode & 0o077]


@pytest.mark.slow
def test_no_file_of_a_run_is_readable_by_others(tmp_path):
    write(tmp_path / "inbox" / "a.jsonl", FIRST, SECOND)
    data = tmp_path / "data"
    code = "import os; os.umask(0o022); from flows.cli import main; main()"
    for command in (["ingest", str(tmp_path / "inbox")], ["dataset", "publish"], ["report"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *command, "--data-dir", str(data)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
    assert list(data.glob("store/*")) and list(data.glob("reports/*.html"))
    assert open_to_others(data) == []


def test_first_write_closes_an_open_data_directory(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o755)
    with tables.writing(data):
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
