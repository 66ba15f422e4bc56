"""Temporary copies of raw files are in the data directory, and go away whoever made them."""

import subprocess
import sys

import pytest

from tarot_data.store import tables
from tarot_data.system import scratch


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "_data_dir", None)  # put back afterwards
    scratch.use(tmp_path / "data")
    return tmp_path / "data"


def test_a_copy_is_made_in_the_data_directory(data):
    with scratch.folder() as elsewhere:
        assert data not in elsewhere.parents
    data.mkdir()
    with scratch.folder() as folder:
        assert folder.parent == data and folder.stat().st_mode & 0o077 == 0
    assert list(data.iterdir()) == []


def test_the_next_write_removes_a_killed_commands_copy(data):
    data.mkdir()
    code = "import os, sys; from pathlib import Path; from tarot_data.system import scratch\n"
    code += "scratch.use(Path(sys.argv[1]))\n"
    code += "with scratch.folder() as folder:\n    (folder / 'copy.db').write_text('13800138000')\n    os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code, str(data)])
    assert len(list(data.glob(".scratch.*.half/copy.db"))) == 1
    with tables.writing(data), scratch.folder() as mine:
        assert [path.name for path in data.glob(".*")] == [mine.name]
