"""Readings are intimate: what a command writes is readable by its owner only, whichever library writes it."""

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from flows.runtime import environment
from tarot_data.store import tables
from tests.flows.test_flows import FIRST, SECOND, write

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes of files are those of POSIX systems")


def open_to_others(folder: Path) -> list[str]:
    paths = [folder, *folder.rglob("*")]
    return [f"{path} {stat.filemode(path.stat().st_mode)}" for path in paths if path.stat().st_mode & 0o077]


@pytest.mark.slow
def test_no_file_of_a_run_is_readable_by_others(tmp_path):
    write(tmp_path / "inbox" / "a.jsonl", FIRST, SECOND, {**FIRST, "content": "短"})
    data, out = tmp_path / "data", tmp_path / "out"
    code = "import os; os.umask(0o022); from flows.cli import main; main()"
    out.mkdir()
    commands = f"ingest {tmp_path / 'inbox'}|dataset publish|report|rejected --export {out / 'fixes.xlsx'}"
    commands += f"|dataset checkout 1 {out / 'v'}|dataset export 1 {out / 'e'}|backup {out / 'b'}"
    variables = os.environ | {"PREFECT_HOME": str(data / "prefect")}
    for command in map(str.split, commands.split("|")):
        done = subprocess.run(
            [sys.executable, "-c", code, *command, "--data-dir", str(data)],
            capture_output=True,
            text=True,
            env=variables,
        )
        assert done.returncode == 0, done.stderr
    assert list(data.glob("store/*")) and list(data.glob("reports/*.html"))
    assert list(data.glob("prefect/*.db")) and len(list(out.iterdir())) == 4
    assert open_to_others(data) == [] and [line for path in out.iterdir() for line in open_to_others(path)] == []


@pytest.mark.slow
def test_copies_of_prefects_pages_are_private(tmp_path):
    code = """
import os
os.umask(0o022)
from flows.runtime import environment
from flows.service.prefect_server import _create_app
environment.prepare(environment.prefect_home().parent)
_create_app(temporary=False)
"""
    home = tmp_path / "data" / "prefect"
    variables = {"PREFECT_HOME": str(home), "PREFECT_UI_STATIC_DIRECTORY": str(home / "ui")}
    subprocess.run([sys.executable, "-c", code], env=os.environ | variables, check=True)
    assert len(list(home.glob("ui/**/*.js"))) > 10
    assert open_to_others(tmp_path / "data") == []


def write_delta(path: Path) -> None:
    pl.DataFrame({"a": [1]}).write_delta(path)


def write_sqlite(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE a (b)")
    database.close()


def write_workbook(path: Path) -> None:
    openpyxl.Workbook().save(path)


def write_weights(path: Path) -> None:
    import torch
    from safetensors.torch import save_file

    path.mkdir()
    save_file({"a": torch.zeros(2)}, path / "adapter.safetensors")
    torch.save({"a": torch.zeros(2)}, path / "optimizer.pt")


@pytest.mark.parametrize(
    "written",
    [write_delta, write_sqlite, write_workbook, write_weights, pl.DataFrame({"a": [1]}).write_parquet],
    ids=["delta", "sqlite", "workbook", "weights", "parquet"],
)
def test_files_of_every_library_are_private(tmp_path, monkeypatch, written):
    before = os.umask(0o022)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    try:
        environment.prepare(tmp_path)
        written(tmp_path / "made")
    finally:
        os.umask(before)
    assert open_to_others(tmp_path / "made") == []


def test_first_write_closes_an_open_data_directory(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    data.chmod(0o755)
    with tables.writing(data):
        assert stat.S_IMODE(data.stat().st_mode) == 0o700
