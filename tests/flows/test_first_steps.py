"""Faults that a new user meets: empty folders, wrong names, other terminals, an early Ctrl-C."""

import json
import logging
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import polars as pl
import pytest

from flows import cli
from flows.commands import scoring
from flows.commands.declare import Context
from flows.runtime import environment, store_lock
from flows.runtime.progress import bar
from flows.service.schedules import every_of, seconds_of
from schemas.errors import Problem
from schemas.messages import LANGUAGES, say
from schemas.tables import STORED
from tarot_data.dataset import versions
from tarot_data.store import delta, tables
from tests.builders import stored_row, unlike
from tests.flows.test_cli import ROOT
from tests.flows.test_cli import run as tarot


def test_an_empty_inbox_ends_at_once(tmp_path):
    (tmp_path / "inbox").mkdir()
    done = tarot("run", str(tmp_path / "inbox"), "--data-dir", str(tmp_path / "data"))
    assert (done.returncode, done.stdout) == (1, "")
    assert say("problem.empty_inbox", path=tmp_path / "inbox") in done.stderr
    assert not (tmp_path / "data" / "prefect").exists()


@pytest.mark.parametrize(
    "words", ["report", "status", "readings", "rejected", "patterns", "dataset list", "compare", "doctor"]
)
def test_a_misspelt_data_directory_is_not_made(tmp_path, words):
    try:
        cli.main([*words.split(), "--data-dir", str(tmp_path / "TYPO")])
    except SystemExit as end:
        assert end.code == 1
    assert not (tmp_path / "TYPO").exists()


def test_a_missing_data_directory_is_named(tmp_path, capsys):
    cli.main(["status", "--data-dir", str(tmp_path / "TYPO")])
    assert "请检查 --data-dir" in capsys.readouterr().out
    for words in ("report", "readings", "rejected"):
        with pytest.raises(SystemExit) as end:
            cli.main([words, "--data-dir", str(tmp_path / "TYPO")])
        assert end.value.code == 1
        assert str(tmp_path / "TYPO") in capsys.readouterr().err, words


def test_without_a_training_no_name_is_missing(tmp_path, capsys):
    for words in (["compare"], ["read", "--cards", "愚人"], ["evaluate"], ["export", "--gguf"]):
        with pytest.raises(SystemExit) as end:
            cli.main([*words, "--data-dir", str(tmp_path)])
        assert end.value.code == 1
        assert "还没有训练过" in capsys.readouterr().err, words


def test_every_is_shown_as_it_was_given():
    for every in ("5s", "90s", "15m", "90m", "1h", "2h", "1d"):
        assert every_of(seconds_of(every)) == every
    assert every_of(3600) == "1h" and every_of(120) == "2m"


class Terminal:
    """A standard output that is a terminal and keeps what is written."""

    encoding = "utf-8"

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text

    def flush(self):
        pass

    def isatty(self):
        return True


def test_compare_sends_no_escape_codes(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Terminal())
    row = {
        "base": "tarot-tiny",
        "run": "0001",
        "model": "tuned",
        "champion": True,
        "loss": 1.0,
        "scores": {"advice": 0.5},
    }
    row |= {"copied": {"longest": 3}, "style_distance": None}
    scoring.print_table(Context(Path("data"), False, "zh"), [row])
    assert "0001" in sys.stdout.text and "\x1b" not in sys.stdout.text


ALL_FOUR = """
import sys
from flows import cli
for words in (["doctor"], ["rejected"], ["status"], ["lexicon", "try", "愚人正位✓ 🌙，说明你要出发了。"]):
    try:
        cli.main([*words, "--data-dir", sys.argv[1]])
    except SystemExit as end:
        assert not end.code, words
"""


@pytest.mark.parametrize("encoding", ["gbk", "ascii"])
def test_other_terminals_get_what_they_can_show(tmp_path, encoding):
    variables = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C.UTF-8"}
    done = subprocess.run([sys.executable, "-c", ALL_FOUR, str(tmp_path)], cwd=ROOT, env=variables, capture_output=True)
    assert done.returncode == 0, done.stderr.decode(encoding)
    assert ("Python" if encoding == "ascii" else "处理器核数") in done.stdout.decode(encoding)


@pytest.mark.parametrize("module", ["flows.cli", "click", "polars", "tarot_data.store.tables"])
def test_an_early_interrupt_shows_no_traceback(module, tmp_path):
    code = f"""
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            raise KeyboardInterrupt
sys.meta_path.insert(0, Finder())
sys.argv = ["tarot", "patterns", "--data-dir", "nowhere"]
from flows.entry import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 130 and "Traceback" not in done.stderr, done.stderr


def test_a_library_error_after_an_interrupt_is_one():
    error = ImportError("cannot load")
    assert not cli.came_of_interrupt(error)
    error.__context__ = KeyboardInterrupt()
    assert cli.came_of_interrupt(error)


def test_prefect_queues_do_not_warn():
    from prefect.events.worker import EventsWorker
    from prefect.logging.handlers import APILogWorker

    for worker in (EventsWorker, APILogWorker):
        assert not logging.getLogger(worker.__name__).isEnabledFor(logging.WARNING)


def test_the_version_is_printed():
    done = tarot("--version")
    assert (done.returncode, done.stdout) == (0, f"tarot {version('tarot-curation')}\n")


def test_every_option_of_sample_speaks_of_sample():
    for lang in LANGUAGES:
        assert say("option.sample_seed", lang) != say("option.seed", lang)
    assert say("option.sample_seed") in " ".join(tarot("sample", "--help").stdout.split())


def test_hints_keep_text_of_values(monkeypatch):
    monkeypatch.delenv("TAROT_DATA_DIR", raising=False)
    sentence = environment.say_for("a {b}", "problem.no_reading", "zh", id="tarot run")
    assert sentence == "资料库里没有编号 tarot run 的解读。用 tarot readings --data-dir 'a {b}' 查看全部。"
    assert "--data-dir" not in environment.say_for("data", "problem.no_reading", "zh", id="r1")


def test_only_calls_name_the_data_directory(monkeypatch):
    monkeypatch.delenv("TAROT_DATA_DIR", raising=False)
    assert "--data-dir" not in environment.say_for("elsewhere", "summary.synthetic", "en", count=2)
    assert say("summary.status_rejected", "en", count=2) == "2 rejections open: tarot rejected"


def test_one_of_a_kind_has_no_plural():
    assert say("summary.status_rejected", "en", count=1).startswith("1 rejection open")
    assert say("summary.total", "en", readings=1234) == "The store holds 1,234 readings."


def test_a_command_says_that_it_waits_for_another(tmp_path, monkeypatch):
    monkeypatch.setenv("TAROT_WAIT", "0")
    with tables.writing(tmp_path), bar.command("…"):
        with pytest.raises(Problem) as refused, store_lock.writing(tmp_path):
            pass
        assert refused.value.code == "busy" and bar.title() == say("progress.waiting", bar.lang)


def test_plan_refuses_what_train_refuses(tmp_path, capsys):
    rows = [stored_row(n, content=unlike(n), sentences=[]) for n in range(1, 4)]
    delta.append(tmp_path, "readings", pl.DataFrame(rows, schema=STORED), {})
    versions.publish(tmp_path)
    place = ["--data-dir", str(tmp_path), "--lang", "en"]
    with pytest.raises(SystemExit):
        cli.main(["train", *place])
    refused = capsys.readouterr().err.splitlines()[-1]
    cli.main(["plan", *place])
    assert refused in capsys.readouterr().out
    cli.main(["plan", *place, "--json", "--recipe", "r1-distill-qwen-1.5b"])
    plan = json.loads(capsys.readouterr().out)
    assert not plan["go"] and {one["code"] for one in plan["obstacles"]} >= {"gate_shut", "base_missing"}
