"""The line written when a run ends, retries, and what is withheld from Prefect."""

import errno
import json
import pickle
import re
import threading
import traceback
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from flows.runtime import run_log
from flows.runtime.artifacts import summary
from flows.runtime.error_redaction import Withheld, original_errors, withhold_errors
from flows.runtime.retries import can_pass
from flows.training.gate import gate
from schemas.errors import Problem

RESULT = {
    "ingest": {
        "files": 3, "accepted": 40, "updated": 1, "unchanged": 2, "rejected": 2, "redacted": 1, "readings": 43,
        "reasons": {"no_cards": 2}, "masked": {"phone": 1},
    },
    "version": {"version": 2, "hash": "ab" * 32, "new": True, "name": "v", "counts": {"readings": 43, "train": 34, "validation": 4, "test": 5, "persons": 9, "synthetic": 0}},
    "gate": gate({"hash": "ab" * 32, "counts": {"readings": 43}}),
    "report": "/somewhere/reports/report-v000002.html",
    "outcome": "published",
}  # fmt: skip


@contextmanager
def listener(status=200):
    """Run a webhook that records its requests."""
    heard = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_line_has_the_counts_and_no_path():
    line = run_log.figures(RESULT)
    assert line["accepted"] == 40 and line["reasons"] == {"no_cards": 2} and line["validated"] == 43
    assert line["gate"] == {"ready": False, "missing": 157, "missing_new": 0, "shut": ["readings"]}
    assert "somewhere" not in json.dumps(line)


def test_a_torn_log_line_is_skipped(tmp_path):
    for number in range(2):
        run_log.note(tmp_path, {"flow": "ingest", "number": number})
    with (tmp_path / "runs.jsonl").open("a") as file:
        file.write('{"flow": "in')
    assert run_log.last(tmp_path) == {"flow": "ingest", "number": 1}
    assert run_log.last(tmp_path / "nowhere") is None


def test_a_webhook_gets_the_line():
    with listener() as (url, heard):
        assert run_log.notify(url, {"flow": "ingest"})
    assert heard == [{"flow": "ingest"}]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/nobody", "no address"])
def test_an_unreachable_webhook_is_no_failure(url, capsys):
    assert not run_log.notify(url, {"flow": "ingest"})
    assert url not in capsys.readouterr().err


def test_redacted_errors_hold_no_content():
    def fail():
        raise FileNotFoundError(2, "No such file", "客户13912345678.docx")

    with pytest.raises(Withheld) as caught:
        withhold_errors(withhold_errors(fail))()
    assert re.fullmatch(r"FileNotFoundError \(test_run_log.py:\d+\)", str(caught.value))
    assert "13912345678" not in "".join(traceback.format_exception(caught.value))
    assert "13912345678" not in str(pickle.loads(pickle.dumps(caught.value)).cause)
    with pytest.raises(FileNotFoundError, match="13912345678"), original_errors():
        withhold_errors(fail)()


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (OSError(errno.EBUSY, "in use"), True),
        (OSError(errno.ENOSPC, "disk full"), False),
        (FileNotFoundError(errno.ENOENT, "gone"), False),
        (PermissionError(errno.EACCES, "forbidden"), False),
        (Problem("store_conflict", path="x"), True),
        (Problem("busy", path="x"), False),
        (ValueError("wrong"), False),
    ],
)
def test_only_what_can_pass_is_tried_again(error, again):
    def fail():
        raise error

    assert can_pass(error) is again
    with pytest.raises(Withheld) as caught:
        withhold_errors(fail)()
    assert can_pass(caught.value) is again


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_summary_shows_counts_reasons_gate_and_report(lang):
    text = summary(RESULT, lang)
    for part in {
        "zh": ["| 新收下的解读 | 40 |", "| 没有牌 | 2 |", "还差 157 条"],
        "en": ["| readings taken in | 40 |", "| no cards | 2 |", "157 more"],
    }[lang]:
        assert part in text
    assert "file:///somewhere/reports/report-v000002.html" in text
