"""The first line of every command, and what it shows while it is silent."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

from flows.commands.declare import say
from flows.runtime.progress import Bar
from tests.flows.test_cli import ROOT, every_command

NEEDED = {
    "ingest": ["."],
    "annotate": ["-"],
    "score": ["-"],
    "fix": ["x1", "--accept"],
    "remove": ["r1"],
    "forget": ["--person", "Mel"],
    "sample": ["--out", "made-up"],
    "read": ["--cards", "愚人"],
    "export": ["--gguf"],
    "backup": ["copy"],
    "dataset diff": ["1", "2"],
    "dataset checkout": ["1", "copy"],
    "dataset export": ["1", "copy"],
    "dataset preferences": ["pairs.jsonl"],
    "lexicon try": ["愚人"],
    "lexicon add": ["cues", "cue=愚人"],
}
"""Arguments of the commands that have required ones."""

HEAVY = {
    "polars",
    "numpy",
    "prefect",
    "pandera",
    "deltalake",
    "spacy",
    "jieba",
    "sklearn",
    "torch",
    "transformers",
    "rich",
}

# Prints a JSON object for each command: its first line, and which heavy packages were loaded when it was written. The
# write ends the command, so that the next one starts from the same modules.
FIRST_LINES = f"""
import io, json, sys
from flows.cli import build
class Written(BaseException): pass
class Stream(io.StringIO):
    def write(self, text): raise Written(text)
for words in json.loads(sys.argv[1]):
    out, sys.stderr = sys.stdout, Stream()
    try:
        build("zh").main(words, standalone_mode=False)
    except Written as line:
        found = str(line)
    sys.stdout, sys.stderr = out, sys.__stderr__
    print(json.dumps([found, sorted({HEAVY!r} & set(sys.modules))]))
"""


def test_every_command_speaks_before_heavy_imports(tmp_path):
    names = list(every_command())
    calls = [[*name.split(), *NEEDED.get(name, ()), "--data-dir", str(tmp_path)] for name in names]
    code = [sys.executable, "-c", FIRST_LINES, json.dumps(calls)]
    done = subprocess.run(
        code, cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines == [[say(f"doing.{name.replace(' ', '_')}"), []] for name in names], done.stderr


def tarot(*arguments: object, data_dir: Path) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "flows.cli", *map(str, arguments), "--data-dir", str(data_dir)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_first_line_keeps_output_and_json_clean(tmp_path):
    shown = tarot("dataset", "list", data_dir=tmp_path)
    assert shown.stdout == say("summary.status_none") + "\n"
    assert all(line.startswith(say("doing.dataset_list")) for line in shown.stderr.splitlines())
    assert tarot("dataset", "list", "--json", data_dir=tmp_path).stderr == ""


def watched(seconds: list[float], actions: dict[float, str]) -> list[str]:
    """Return what a bar without a terminal has printed after a look at each second. actions: second -> stage, or rest."""
    now, stream = [0.0], io.StringIO()
    bar = Bar("en", stream, lambda: now[0])
    with bar.command("Working …"):
        for second in seconds:
            now[0] = second
            if action := actions.get(second):
                bar.rest() if action == "rest" else bar(action)
            bar.tick()
    return stream.getvalue().splitlines()


def test_silence_is_filled_after_two_seconds():
    assert watched([1, 2, 4, 7, 8], {}) == ["Working …", "Working … 2 s", "Working … 7 s"]
    assert watched([1, 2.5, 4], {1: "publish"}) == ["Working …", "Publishing the dataset 3 s"]


def test_nothing_is_shown_after_output_until_the_next_stage():
    assert watched([1, 5, 9], {1: "rest"}) == ["Working …"]
    assert watched([1, 5, 9], {1: "rest", 5: "server"}) == ["Working …", "Starting Prefect 4 s"]
