"""File names and output under locales that are not UTF-8."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

from flows import cli
from tests.flows.test_flows import FIRST, SECOND, write

ROOT = Path(__file__).parents[2]
ASCII = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.fixture(scope="module")
def locales(tmp_path_factory):
    """Compile a Chinese locale of the encoding GB18030, which few machines have."""
    folder = tmp_path_factory.mktemp("locales")
    made = shutil.which("localedef") and subprocess.run(
        ["localedef", "-i", "zh_CN", "-f", "GB18030", str(folder / "zh_CN.GB18030")], capture_output=True
    )
    if not made or made.returncode:
        pytest.skip("this system cannot compile a locale of GB18030")
    return {"LC_ALL": "zh_CN.GB18030", "LOCPATH": str(folder), "PYTHONUTF8": "0"}


def tarot(variables: dict, *arguments: object) -> bytes:
    command = [sys.executable, "-m", "flows.cli", *map(str, arguments)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHON"))}
    done = subprocess.run(
        command, env=environment | {"PYTHONPATH": str(ROOT)} | variables, capture_output=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-2000:]
    return done.stdout


@pytest.mark.slow
def test_chinese_names_are_read_under_any_locale(tmp_path, locales, prefect, capsys):
    inbox = tmp_path / "收件"
    write(inbox / "解读.jsonl", FIRST)
    book = openpyxl.Workbook()
    book.active.append(list(SECOND))
    book.active.append(["、".join(value) if isinstance(value, list) else value for value in SECOND.values()])
    book.save(inbox / "五月 的解读.xlsx")
    found = []
    for number, variables in enumerate(({"LC_ALL": "C.UTF-8"}, ASCII, locales)):
        data = tmp_path / f"数据{number}"
        tarot(prefect | variables, "ingest", inbox, "--data-dir", data)
        cli.main(["readings", "--json", "--data-dir", str(data)])
        found.append([json.loads(line) for line in capsys.readouterr().out.splitlines()])
    assert {row["source"]["file"] for row in found[0]} == {"解读.jsonl", "五月 的解读.xlsx"}
    assert found[1] == found[0] and found[2] == found[0]


def test_output_shows_what_the_encoding_has(tmp_path, locales):
    listed = tarot(locales, "status", "--data-dir", tmp_path / "data").decode("gb18030")
    assert "还没有" in listed
    assert b"?" in tarot(ASCII, "status", "--data-dir", tmp_path / "data")
