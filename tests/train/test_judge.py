"""A language model as judge, against a real server on this machine that answers as such servers do."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from schemas.problems import Problem
from tarot_train.judge import judge

GOOD = {"reasoning": 8, "personalisation": 7, "coherence": 9, "terminology": 6, "advice": 5, "fidelity": 10}
READING = {
    "person": "Mel",
    "question": "要不要换工作",
    "spread": None,
    "cards": "愚人(正位)",
    "content": "愚人说走吧。",
}


@pytest.fixture
def server():
    """(url, what it was asked, what it will answer)."""
    asked, answers = [], []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append((self.path, self.headers.get("Authorization"), body))
            text = json.dumps({"choices": [{"message": {"content": answers.pop(0)}}]}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *arguments):
            pass

    found = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{found.server_port}/v1", asked, answers
    found.shutdown()
    found.server_close()


def test_a_judge_gives_every_dimension_from_0_to_1(server):
    url, asked, answers = server
    answers.append(f"<think>嗯{{不}}</think>\n```json\n{json.dumps(GOOD)}\n```")
    found = judge([READING], url, "some-model", key="secret")
    assert found == [{name: value / 10 for name, value in GOOD.items()} | {"overall": pytest.approx(0.75)}]
    path, authorization, body = asked[0]
    assert (path, authorization, body["model"], body["temperature"]) == (
        "/v1/chat/completions",
        "Bearer secret",
        "some-model",
        0,
    )
    text = body["messages"][0]["content"]
    assert "愚人说走吧。" in text and "要不要换工作" in text and "愚人(正位)" in text and "牌阵：–" in text


@pytest.mark.parametrize("answer", ["很好！", json.dumps(GOOD | {"advice": 11}), json.dumps({"reasoning": 3})])
def test_an_answer_that_is_not_what_was_asked_for_is_an_error(server, answer):
    url, _, answers = server
    answers.append(answer)
    with pytest.raises(Problem, match="some-model"):
        judge([READING], url, "some-model")


def test_a_judge_that_is_away_is_said_with_its_address():
    with pytest.raises(Problem, match="http://127.0.0.1:9/v1"):
        judge([READING], "http://127.0.0.1:9/v1", "some-model")
