"""Temporary copies of raw files are in the data directory, and go away whoever made them."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tarot_data.dataset import versions
from tarot_data.store import tables
from tarot_data.system import scratch
from tests.ingest.test_fixes import GOOD, lay, take_in

ROOT = Path(__file__).parents[2]


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


def test_copies_outside_the_data_directory_are_removed_too(data, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead, mine = tmp_path / f".scratch.a.{os.getpid()}-1.half", tmp_path / ".somebody-elses.1.half"
    dead.mkdir()
    mine.mkdir()
    scratch.sweep(data)
    assert list(tmp_path.iterdir()) == [mine]


READS = """
import os, sys
from pathlib import Path
from tarot_data.sources import reader
from tarot_data.system import scratch
scratch.use(Path(sys.argv[1]))
while True:
    list(reader.read(Path(sys.argv[2]), Path(sys.argv[2]).parent))
"""

REPORTS = """
import sys
from pathlib import Path
from flows.report import write_report
from flows.training.gate_checks import newest_gate
data = Path(sys.argv[1])
while True:
    write_report(data, newest_gate(data), "zh")
"""


@pytest.fixture
def written(data, tmp_path):
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    lay(inbox, {**GOOD, "person": "欧阳雪岭"})
    take_in(data, inbox)
    versions.publish(data)
    with sqlite3.connect(tmp_path / "chats.db") as database:
        database.execute("CREATE TABLE notes (person, content)")
        database.executemany("INSERT INTO notes VALUES (?, ?)", [("Mel", "13800138000")] * 20_000)
    database.close()
    return data


@pytest.mark.slow
@pytest.mark.parametrize("script", [READS, REPORTS], ids=["reading a database", "writing a report"])
def test_the_next_command_removes_what_a_kill_left(written, tmp_path, script):
    command = [sys.executable, "-c", script, str(written), str(tmp_path / "chats.db")]
    for _ in range(20):
        killed = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
        while not (left := list(written.rglob(".*.half"))):
            assert killed.poll() is None, killed.stderr.read().decode()
            time.sleep(0.0005)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        if left := list(written.rglob(".*.half")):
            break
    assert left and list(Path(tempfile.gettempdir()).glob(f".scratch.*.{killed.pid}-*")) == []
    status = [sys.executable, "-m", "flows.cli", "status", "--data-dir", str(written)]
    subprocess.run(status, cwd=ROOT, check=True, capture_output=True)
    assert list(written.rglob(".*.half")) == []
