"""No English in the Chinese interface: help, what commands print about a small store, and their errors."""

import json
import re
import shutil
import subprocess
import sys
import time

import openpyxl
import polars as pl
import pytest
from click.testing import CliRunner

from flows import cli
from flows.runtime import environment, run_log
from schemas.errors import Problem
from schemas.messages import LANGUAGES, catalogue, say
from schemas.rejections import in_words, place_of
from schemas.tables import STORED
from tarot_data.dataset import versions
from tarot_data.ingest import stages
from tarot_data.store import delta, tables
from tarot_data.synthetic.generate import write_sample
from tests.builders import stored_row, unlike
from tests.flows.test_cli import ROOT, every_command

NOT_WORDS = re.compile(
    r"tarot-readings-v\d+-[0-9a-f]+|\b(?:\d{4}-)?[rxv]?[0-9a-f]{8,}\b|--?[a-z][a-z-]*|\S*[./]\S*|\btarot( [a-z]+)+|TAROT_\w+|\[[A-Z|a-z_0-9.]+\]|=>?|x(?=[<>])",
    re.ASCII,  # or an id would not end before a Chinese character
)
"""Options, ids, paths and addresses, calls, variables, choices, and bounds such as `x>=1`."""

PLAIN = {
    "HOURS",
    "prefect",
    "polars",
    "pandera",
    "deltalake",
    "torch",
    "cpu",
    "cuda",
    "mps",
    "RAR",
    "x",
    "ingest",
    "ARGS",
    "ID",
    "IDS",
}
PLAIN |= {
    "other",
    "PATHS",
    "FOLDER",
    "VERSION",
    "OLD",
    "NEW",
    "TEXT",
    "COLUMN",
    "VALUE",
    "KEY",
    "URL",
    "REPO",
    "SPREAD",
    "BASE",
}
"""Names of packages and devices, and words of usage lines that help explains."""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a data directory with readings, rejections in several kinds of file, two versions and a last run."""
    folder = tmp_path_factory.mktemp("zh")
    data = folder / "data"
    for number, name in enumerate(("first", "second")):
        inbox = folder / name
        write_sample(12, inbox, seed=number, broken=0.3)
        if number:
            book = openpyxl.Workbook()
            book.active.title = "一月"
            for row in (["咨询者", "牌", "解读"], ["阿宁", "愚仁正位", "愚仁正位，先看看。" * 8], ["阿宁", "", "好"]):
                book.active.append(row)
            book.save(inbox / "一月.xlsx")
            (inbox / "图.jpg").write_bytes(b"\xff\xd8\xff\xe0 no reading")
            (inbox / "包.rar").write_bytes(b"Rar!\x1a\x07 no reading")
        with tables.writing(data):
            files, _, _ = stages.new_files(data, [inbox])
            clean = stages.read_and_clean(data, files, data / "staging")
            stages.commit(data, stages.decide(data, clean, data / "staging"), files)
            shutil.rmtree(data / "staging")
        versions.publish(data)
    run_log.note(data, {"at": "2026-01-05T23:30:00+00:00", "flow": "watch the inbox", "state": "failed"})
    return data


def shown(*words: str, data=None) -> str:
    """Return what a command prints in Chinese, with its own errors."""
    place = ["--data-dir", str(data)] if data else []
    result = CliRunner().invoke(cli.build("zh"), [*words, *place])
    if isinstance(result.exception, Problem):
        return result.output + say(result.exception.key, "zh", **result.exception.values)
    assert result.exception is None or isinstance(result.exception, SystemExit), (words, result.exception)
    return result.output


def english(text: str) -> set[str]:
    """Return the English words of a text that no Chinese sentence of the catalogue has."""
    known = {
        word for both in catalogue().values() for word in re.findall(r"[A-Za-z]+", re.sub(r"\{.*?\}", "", both["zh"]))
    }
    return set(re.findall(r"[A-Za-z]{2,}", NOT_WORDS.sub(" ", text))) - known - PLAIN


def test_sweep_finds_words_but_no_ids():
    ids = "tarot-readings-v000001-0baa1234与 0001-ab1baa23、r0baa2e8ba33d000a号 x00cab7721bed0123的 0baa1234"
    assert english(ids) == set()
    assert english(f"{ids} unread错误") == {"unread"}


@pytest.fixture(autouse=True)
def in_chinese():
    cli.translate_click("zh")


HELP = """
import sys
from flows import cli
cli.translate_click("zh")
for words in sys.argv[1:]:
    cli.build("zh").main([*words.split(), "--help"], standalone_mode=False)
    print("end of help")
"""


def test_help_is_chinese():
    """In a process of its own, because click keeps the words of the language that was asked for first."""
    names = ["", "dataset", "lexicon", *every_command()]
    done = subprocess.run([sys.executable, "-c", HELP, *names], cwd=ROOT, check=True, capture_output=True, text=True)
    for name, text in zip(names, done.stdout.split("end of help"), strict=False):
        assert english(text) == set(), name


@pytest.mark.parametrize(
    "words",
    [
        "stat",
        "dataset lis",
        "status --langu zh",
        "status x",
        "train --recipe",
        "plan --examples x",
        "sample --out a --n 0",
        "fix x1 --consent maybe",
        "ingest",
        "report --reason",
        "patterns --card",
    ],
)
def test_wrong_calls_are_answered_in_chinese(words, capsys):
    with pytest.raises(SystemExit) as end:
        cli.main(words.split())
    assert end.value.code == 2
    text = capsys.readouterr().err
    assert english(re.sub("'[^']*'", "", text)) <= set(words.split()), text


@pytest.mark.parametrize(
    "words",
    ["status", "doctor", "rejected", "readings", "dataset list", "dataset show", "dataset diff 1 2", "dataset verify"]
    + [
        "report",
        "plan",
        "compare",
        "evaluate",
        "lexicon try 愚人正位说明你要出发了。",
        "readings --id x",
        "read --cards 愚人",
    ],
)
def test_what_commands_print_is_chinese(place, words):
    excerpts, readings = tables.rejections(place)["excerpt"], tables.readings(place)
    theirs = " ".join(filter(None, [*excerpts, *readings["person"], *readings["question"], *readings["content"]]))
    assert english(shown(*words.split(), data=place)) <= english(theirs) | set(words.split())


def test_a_place_is_said_in_words():
    assert in_words("sheet 一月 row 4", "zh") == "工作表 一月 第 4 行"
    assert in_words("line 3 part 2", "zh") == "第 3 行 第 2 部分"
    assert place_of({"file": "a.md", "member": None, "locator": "file"}, "zh") == "a.md › 整个文件"
    for locator in ("sheet a b row 4", "table 2 row 1", "chat of 阿宁 and me", "paragraph 7", "42"):
        assert in_words(locator, "en") == locator


def test_status_speaks_of_here_and_now(place, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    text = shown("status", data=place)
    monkeypatch.delenv("TZ")
    time.tzset()
    assert "2026-01-06 07:30" in text and "查看收件文件夹" in text
    assert text.splitlines()[1] == f"数据文件夹：{place}"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_hints_name_the_data_directory(place, lang):
    result = CliRunner().invoke(cli.build(lang), ["rejected", "--data-dir", str(place)])
    assert f"tarot fix --data-dir {place} x" in result.output
    assert "tarot sample --data-dir" not in result.output


def test_status_and_report_count_the_same(place):
    status, report = (json.loads(shown(name, "--json", data=place)) for name in ("status", "report"))
    assert status["readings"] == report["readings"]["kept"] and not status["unpublished"]
    assert "要发布" not in shown("status", data=place) + shown("report", data=place)


def test_status_and_report_say_to_publish(tmp_path):
    for expected in ("summary.status_publish_first", "summary.status_publish"):
        rows = [stored_row(n, content=unlike(n), sentences=[]) for n in range(tables.count(tmp_path), 9)]
        delta.append(tmp_path, "readings", pl.DataFrame(rows, schema=STORED), {})
        hint = environment.say_for(str(tmp_path), expected, "zh")
        assert hint in shown("status", data=tmp_path) and hint in shown("report", data=tmp_path)
        versions.publish(tmp_path)
        delta.append(tmp_path, "readings", pl.DataFrame([stored_row(90, revision=2)], schema=STORED), {})
