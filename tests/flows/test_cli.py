"""The command line: help, languages, exit codes."""

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from click.testing import CliRunner

from flows import cli
from flows.commands import declare
from flows.runtime import run_log
from schemas import click_catalogue
from schemas.messages import LANGUAGES, catalogue, say

ROOT = Path(__file__).parents[2]


def every_command():
    for name, module in cli.COMMANDS.items():
        yield from [f"{name} {below}" for below in module] if isinstance(module, dict) else [name]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_command_has_help_with_an_example(lang):
    for name in every_command():
        result = CliRunner().invoke(cli.build(lang), [*name.split(), "--help"])
        assert result.exit_code == 0
        assert say("help.example", lang) in result.output, name
        assert f"tarot {name}" in result.output.split(say("help.example", lang))[1], name


def test_every_listed_command_is_declared_and_no_other():
    declared = set()
    for module in {path.stem for path in (ROOT / "flows" / "commands").glob("*.py")}:
        found = vars(import_module(f"flows.commands.{module}")).values()
        declared |= {(module, command.key) for command in found if isinstance(command, declare.Command)}
    listed = set()
    for name, module in cli.COMMANDS.items():
        below = (
            {f"{name}_{inner}": area for inner, area in module.items()} if isinstance(module, dict) else {name: module}
        )
        listed |= {(area, key) for key, area in below.items()}
    assert declared == listed


def test_the_gettext_catalogue_is_that_of_the_messages():
    assert click_catalogue.path_of("zh").read_bytes() == click_catalogue.to_mo("zh")


def test_every_message_exists_in_every_language():
    for key, sentences in catalogue().items():
        assert set(sentences) == set(LANGUAGES), key
        assert all(sentences.values()), key


def test_both_languages_take_the_same_values():
    from string import Formatter

    for key, sentences in catalogue().items():
        if key.startswith(("click.", "help.")):
            continue
        names = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in sentences.values()]
        assert names[0] == names[1], key


def run(*arguments, **settings):
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments], cwd=ROOT, capture_output=True, text=True, **settings
    )


def test_a_wrong_option_exits_2():
    result = run("status", "--nonsense")
    assert result.returncode == 2
    assert "没有选项" in result.stderr and "--nonsense" in result.stderr


def test_a_missing_path_exits_2(tmp_path):
    result = run("ingest", str(tmp_path / "nirgends"), "--lang", "en")
    assert result.returncode == 2
    assert "nirgends" in result.stderr and "does not exist" in result.stderr


def test_failed_work_exits_1(tmp_path):
    result = run("dataset", "publish", "--data-dir", str(tmp_path), "--lang", "en")
    assert result.returncode == 1
    assert (
        result.stderr.splitlines()[-1]
        == f"{tmp_path} holds no readings yet. Run tarot ingest --data-dir {tmp_path} FOLDER first."
    )


def test_the_language_may_stand_before_the_command():
    assert "Usage:" in run("--lang", "en", "status", "--help").stdout
    assert "用法：" in run("status", "--help").stdout


def test_help_of_every_command_imports_nothing_heavy():
    code = (
        "import sys\nfrom flows.cli import COMMANDS, build\n"
        "names = [name if isinstance(below, str) else f'{name} {inner}' for name, below in COMMANDS.items()"
        " for inner in ([''] if isinstance(below, str) else below)]\n"
        "for words in ('', 'dataset', 'lexicon', *names):\n"
        "    build('zh').main([*words.split(), '--help'], standalone_mode=False)\n"
        "heavy = {'polars', 'prefect', 'spacy', 'torch', 'pandera', 'rich', 'numpy'} & set(sys.modules)\n"
        "assert len(names) > 20 and not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def test_status_shows_last_run_and_gate(tmp_path):
    run_log.note(
        tmp_path,
        {"at": "2026-01-05T03:00:00+00:00", "flow": "ingest", "name": "x", "state": "failed", "error": "OSError"},
    )
    result = run("status", "--data-dir", str(tmp_path), "--json", "--min-readings", "7")
    found = json.loads(result.stdout)
    assert found["last_run"]["error"] == "OSError" and found["last_training"] is None
    assert (found["missing"], found["shut"]) == (7, ["readings"])
    shanghai = os.environ | {"TZ": "Asia/Shanghai"}
    said = run("status", "--data-dir", str(tmp_path), "--lang", "en", env=shanghai).stdout
    assert "What ran last: ingest, 2026-01-05 11:00: failed" in said
