"""A backup is a data directory itself: complete, checked, and never half there."""

import subprocess
import sys
from pathlib import Path

import pytest

from flows.backup import backup
from schemas.errors import Problem
from tarot_data.dataset import versions
from tarot_data.store import tables
from tarot_data.system.locks import exclusive
from tests.flows.test_disk_errors import OTHER
from tests.ingest.test_fixes import GOOD, lay, take_in


@pytest.fixture
def data(tmp_path):
    inbox, data = tmp_path / "inbox", tmp_path / "data"
    inbox.mkdir()
    lay(inbox, GOOD, OTHER)
    take_in(data, inbox)
    versions.publish(data)
    (data / "prefect").mkdir()
    (data / "prefect" / "prefect.db").write_bytes(b"state")
    (data / ".a.txt.123.half").write_text("half")
    return data


def test_a_backup_is_a_data_directory(data, tmp_path):
    result = backup(data, tmp_path / "copy")
    copy = Path(result["path"])
    assert (result["readings"], result["versions"]) == (2, 1)
    assert tables.readings(copy).equals(tables.readings(data))
    assert [versions.verify(copy, manifest) for manifest in versions.listed(copy)] == [[]]
    assert not (copy / "prefect").exists() and not list(copy.rglob("*.half"))


def test_forgetting_names_the_backups(data, tmp_path):
    backup(data, tmp_path / "copy")
    assert versions.copies(data, frozenset()) == [str(tmp_path / "copy")]


def test_no_backup_is_made_during_a_training(data, tmp_path):
    lock = data / "locks" / "train-0123456789abcdef.lock"
    with exclusive(lock, Problem("busy", path=data)), pytest.raises(Problem) as refused:
        backup(data, tmp_path / "copy")
    assert refused.value.code == "training" and not (tmp_path / "copy").exists()


def test_a_backup_waits_for_a_writing_command(data, tmp_path):
    code = "import sys, time; from pathlib import Path; from tarot_data.store import tables\n"
    code += "with tables.writing(Path(sys.argv[1])):\n    print(flush=True)\n    time.sleep(0.5)\n"
    code += "    (Path(sys.argv[1]) / 'written').touch()"
    with subprocess.Popen([sys.executable, "-c", code, str(data)], stdout=subprocess.PIPE) as writer:
        writer.stdout.readline()
        backup(data, tmp_path / "copy")
    assert (tmp_path / "copy" / "written").exists()


@pytest.mark.parametrize(
    ("place", "code"), [("data/inside", "backup_inside"), ("inbox", "target_exists"), ("empty", "nothing_to_back_up")]
)
def test_a_wrong_place_for_a_backup_is_refused(data, tmp_path, place, code):
    source = tmp_path / "void" if place == "empty" else data
    with pytest.raises(Problem) as refused:
        backup(source, tmp_path / place)
    assert refused.value.code == code


def test_a_damaged_version_is_not_backed_up(data, tmp_path):
    (damaged,) = data.glob("versions/*/readings.parquet")
    damaged.chmod(0o600)
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    with pytest.raises(Problem) as refused:
        backup(data, tmp_path / "copy")
    assert refused.value.code == "damaged_version" and not (tmp_path / "copy").exists()
