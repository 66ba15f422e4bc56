"""Scores, evaluations and comparisons through the command line."""

import json
import shutil
from xml.etree import ElementTree

import pytest

from schemas.errors import Problem
from tarot_train.scores import DIMENSIONS
from tests.train.test_read import call

READING = {
    "id": "1",
    "person": "Mel",
    "question": "要不要换工作",
    "cards": "愚人(正位) | 力量(逆位)",
    "content": "Mel，你问要不要换工作。愚人正位，你已经站在崖边。力量正位，你的底气很足。下周一之前先把简历写好。祝你走得轻快。",
}


def test_a_score_shows_the_sentences_it_rests_on(tmp_path):
    path = tmp_path / "readings.jsonl"
    path.write_text(json.dumps(READING, ensure_ascii=False), encoding="utf-8")
    shown = call(tmp_path, "score", str(path), "--explain").stdout
    assert "- reads 力量 as upright:  力量正位，你的底气很足。" in shown
    assert "+ names the person:  Mel，你问要不要换工作。" in shown
    assert "下周一之前先把简历写好。" in shown
    found = json.loads(call(tmp_path, "score", str(path), "--explain", "--json").stdout)
    assert set(found) == {"id", *DIMENSIONS, "overall", "explain"}
    assert found["explain"]["fidelity"][0] == {
        "sign": "-",
        "code": "turned",
        "values": {"card": "力量", "way": "upright"},
        "text": "力量正位，你的底气很足。",
    }
    assert "explain" not in json.loads(call(tmp_path, "score", str(path), "--json").stdout)


@pytest.fixture
def own(run, tmp_path):
    """Return a writable copy of the trained data directory."""
    shutil.copytree(run[0], tmp_path / "data")
    return tmp_path / "data", run[1].name


@pytest.mark.slow
def test_an_evaluation_shows_all_its_figures(own):
    shown = call(own[0], "evaluate").stdout
    assert "4 held-out readings" in shown and "95% interval of the change -" in shown
    assert "perplexity: base" in shown and "copied from the training text" in shown
    assert "distance to your style" in shown and "champion" in shown
    assert "# Mel · 当前的人生方向 · 愚人(正位) | 力量(正位) | 星币十(正位)  [base" in shown
    assert "# 新咨询者 · 感情发展 · 恋人(正位) | 圣杯二(正位)  [tuned" in shown


@pytest.mark.slow
def test_a_judge_rates_every_reading(own, judge_server):
    url, asked, answers = judge_server
    # One answer that fits both questions: marks, and the text that is shown first as the better one.
    answers += [json.dumps(dict.fromkeys(DIMENSIONS, mark) | {"better": "A"}) for mark in [2, 3, 4, 5, 6, 7, 8, 9] * 8]
    result = json.loads(call(own[0], "evaluate", "--judge", url, "--json").stdout)
    opinion = result["scores"]["judge"]
    assert opinion["model"] == "first-model" and opinion["url"] == url
    assert set(opinion) == {"url", "model", "base", "tuned", "reader", "difference", "prefers", "agreement"}
    pairs = opinion["prefers"]["neither"]
    assert opinion["prefers"] == {"base": 0, "tuned": 0, "neither": pairs} and pairs > 0
    assert opinion["agreement"] == {"votes": 0, "agree": 0}
    lines = (own[0] / "runs" / own[1] / "generations.jsonl").read_text(encoding="utf-8").splitlines()
    written = [json.loads(line) for line in lines]
    assert len(asked) == sum(bool(line["content"].strip()) for line in written) + 2 * pairs
    tuned = [line["judge"]["overall"] for line in written if line["model"] == "tuned"]
    assert opinion["tuned"]["overall"] == pytest.approx(sum(tuned) / len(tuned), abs=1e-4)
    assert json.loads((own[0] / "runs" / own[1] / "scores.json").read_text(encoding="utf-8")) == result["scores"]


@pytest.mark.slow
def test_an_unreachable_judge_leaves_the_evaluation_complete(own):
    with pytest.raises(Problem, match="does not answer"):
        call(own[0], "evaluate", "--judge", "http://127.0.0.1:9/v1", "--judge-model", "m")
    assert (own[0] / "runs" / own[1] / "scores.json").exists()


@pytest.mark.slow
def test_runs_and_bases_are_compared(own):
    data_dir, name = own
    rows = [json.loads(line) for line in call(data_dir, "compare", "--json").stdout.splitlines()]
    assert [(row["model"], row["run"]) for row in rows] == [("base", None), ("tuned", name)]
    assert rows[1]["bits_per_character"] < rows[0]["bits_per_character"]
    picture = ElementTree.parse(rows[0]["chart"]).getroot()
    bars = picture.findall("{http://www.w3.org/2000/svg}rect[@class='bar']")
    assert len(bars) == 2 * (len(DIMENSIONS) + 1)
    shown = call(data_dir, "compare", name[:4]).stdout
    assert "tuned" in shown and f"{rows[1]['loss']:.3f}" in shown and "compare.svg" in shown


@pytest.mark.slow
def test_an_untrained_base_is_measured(own):
    """A copy with one more note in its settings is another base with the same weights: the scores must be the same."""
    data_dir, name = own
    folder = copied_base(data_dir, name)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"note": "another base"}), encoding="utf-8")
    lines = call(data_dir, "compare", name, str(folder), "--json").stdout.splitlines()
    mine, _, other = [json.loads(line) for line in lines]
    assert (other["base"], other["run"], other["model"]) == (str(folder), None, "base")
    assert other["loss"] == pytest.approx(mine["loss"], abs=1e-6)
    assert len(list((data_dir / "runs" / ".bases").iterdir())) == 1


@pytest.mark.slow
def test_a_copied_base_is_listed_once(own):
    data_dir, name = own
    lines = call(data_dir, "compare", name, str(copied_base(data_dir, name)), "--json").stdout.splitlines()
    assert [json.loads(line)["model"] for line in lines] == ["base", "tuned"]
    assert not (data_dir / "runs" / ".bases").exists()


def copied_base(data_dir, run: str):
    """Copy the base of a run into the data directory."""
    about = json.loads((data_dir / "runs" / run / "manifest.json").read_text(encoding="utf-8"))
    return shutil.copytree(about["base"]["folder"], data_dir / "some-base")


@pytest.mark.slow
def test_an_unknown_name_lists_runs_and_bases(own):
    with pytest.raises(Problem, match=f"neither a run nor a base.*{own[1]}"):
        call(own[0], "compare", "0099")
    with pytest.raises(Problem, match="hf download Qwen/Qwen1.5-1.8B-Chat"):
        call(own[0], "compare", "Qwen/Qwen1.5-1.8B-Chat")
