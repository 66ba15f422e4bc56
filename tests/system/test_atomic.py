"""Atomic writes: files and folders appear completely or not at all."""

import os
import subprocess
import sys

import pytest

from tarot_data.system.atomic import new_folder, own_suffix, remove_leftovers, replacing, write_text


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_text_replaces_the_file(tmp_path):
    path = tmp_path / "deep" / "a.json"
    write_text(path, "旧")
    write_text(path, "新", sync=True)
    assert path.read_text("utf-8") == "新" and names(path.parent) == ["a.json"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(OSError, match="full"), replacing(path) as half:
        half.write_text("ne")
        raise OSError("full")
    assert path.read_text() == "old" and names(tmp_path) == ["a.txt"]


def test_a_private_file_is_never_readable_by_others(tmp_path):
    with replacing(tmp_path / "key", mode=0o600) as half:
        assert half.stat().st_mode & 0o777 == 0o600
        half.write_text("secret")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_what_killed_writes_left_is_removed(tmp_path):
    code = "import os; from tarot_data.system.atomic import replacing; from pathlib import Path\n"
    code += f"with replacing(Path({str(tmp_path / 'deep' / 'a.json')!r})) as half:\n"
    code += "    half.write_text('words')\n    os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code])
    (left,) = names(tmp_path / "deep")
    with replacing(tmp_path / "b.json"):
        remove_leftovers(tmp_path)
        assert names(tmp_path) == [f".b.json.{own_suffix()}", "deep"]
    assert left.endswith(".half") and names(tmp_path) == ["b.json", "deep"] and names(tmp_path / "deep") == []


def test_a_process_with_a_dead_ones_number_keeps_nothing(tmp_path):
    (tmp_path / f".a.txt.{os.getpid()}-1.half").write_text("of an earlier process")
    (tmp_path / f".b.txt.{os.getpid()}.half").write_text("of 0.1.0, perhaps of this one")
    (tmp_path / ".c.half").write_text("of somebody else")
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [f".b.txt.{os.getpid()}.half", ".c.half"]


@pytest.mark.parametrize("left", [".v1.half", ".v1.{dead}-77.half", ".v1.{dead}.half"])
def test_a_folder_appears_with_all_its_files(tmp_path, left):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = tmp_path / left.format(dead=ended.pid)
    left.mkdir()
    (left / "left.txt").write_text("of a killed process")
    with new_folder(tmp_path / "v1") as half:
        (half / "a.txt").write_text("a")
        assert not (tmp_path / "v1").exists()
    assert names(tmp_path) == ["v1"] and names(tmp_path / "v1") == ["a.txt"]


def test_a_folder_that_fails_is_removed(tmp_path):
    with pytest.raises(ValueError, match="no"), new_folder(tmp_path / "v1"):
        raise ValueError("no")
    assert names(tmp_path) == []
