"""A language model as judge, tested with a local HTTP server that answers like a real endpoint."""

import json

import pytest

from schemas.errors import Problem
from tarot_train.endpoint import at_home, first_model
from tarot_train.judge import agreement, judge, prefer

GOOD = {"reasoning": 8, "personalisation": 7, "coherence": 9, "terminology": 6, "advice": 5, "fidelity": 10}
READING = {
    "person": "Mel",
    "question": "要不要换工作",
    "spread": None,
    "cards": "愚人(正位)",
    "content": "愚人说走吧。",
}


def test_a_judge_rates_every_dimension(judge_server):
    url, asked, answers = judge_server
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
def test_an_unusable_answer_is_an_error(judge_server, answer):
    url, _, answers = judge_server
    answers.append(answer)
    with pytest.raises(Problem, match="some-model"):
        judge([READING], url, "some-model")


PAIR = {"asked": READING, "base": "底文{second}", "tuned": "调文"}


def test_a_judge_sees_both_texts_in_both_orders(judge_server):
    url, asked, answers = judge_server
    answers += ['{"better": "A"}', '{"better": "B"}']
    assert prefer([PAIR], url, "some-model") == ["base"]
    texts = [body["messages"][0]["content"] for _, _, body in asked]
    assert [text.index("底文{second}") < text.index("调文") for text in texts] == [True, False]


def test_a_judge_is_told_who_asked_and_how_was_drawn(judge_server, tmp_path):
    from flows.commands.scoring import _preferred

    url, asked, answers = judge_server
    answers += ['{"better": "A"}', '{"better": "B"}']
    about = {"id": "r1", **READING, "spread": "圣三角", "cards": "愚人(正位) | 力量(正位)"}
    lines = [about | {"model": model, "content": f"{model}说走吧。"} for model in ("base", "tuned", "reader")]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (tmp_path / "generations.jsonl").write_text(text, encoding="utf-8")
    assert _preferred(tmp_path, url, "some-model", None)["prefers"] == {"base": 1, "tuned": 0, "neither": 0}
    said = [body["messages"][0]["content"] for _, _, body in asked]
    for line in ("咨询者：Mel", "问题：要不要换工作", "牌阵：圣三角", "抽到的牌：愚人(正位) | 力量(正位)"):
        assert all(line in prompt for prompt in said)
    assert [prompt.index("base说") < prompt.index("tuned说") for prompt in said] == [True, False]
    assert not any("reader说" in prompt for prompt in said)


@pytest.mark.parametrize("given", [["A", "A"], ["tie", "tie"], ["B", "tie"]])
def test_a_judge_that_follows_the_position_decides_nothing(judge_server, given):
    url, _, answers = judge_server
    answers += [json.dumps({"better": better}, ensure_ascii=False) for better in given]
    assert prefer([PAIR], url, "some-model") == ["neither"]


def test_agreement_counts_pairs_that_both_decided():
    preferred = {"1": "tuned", "2": "base", "3": "neither", "4": "tuned"}
    assert agreement(preferred, {"1": "tuned", "2": "tuned", "3": "base"}) == {"votes": 2, "agree": 1}


def test_the_first_model_judges_by_default(judge_server):
    assert first_model(judge_server[0]) == "first-model"


@pytest.mark.parametrize(
    ("url", "home"),
    [
        ("http://localhost:11434/v1", True),
        ("http://127.0.0.1:8000/v1", True),
        ("http://192.168.1.20:8000/v1", True),
        ("http://[::1]/v1", True),
        ("http://studio.local/v1", True),
        ("https://api.example.com/v1", False),
        ("https://8.8.8.8/v1", False),
    ],
)
def test_remote_endpoints_are_recognised(url, home):
    assert at_home(url) is home


def test_an_unreachable_judge_is_named():
    with pytest.raises(Problem, match="http://127.0.0.1:9/v1"):
        judge([READING], "http://127.0.0.1:9/v1", "some-model")
