"""Reading, chatting and exporting through the command line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from flows import cli
from schemas.errors import Problem
from schemas.messages import say
from tarot_data.cards.shuffle import draw_cards
from tests.train.conftest import annotate, example, write_version
from tests.train.small import SHAPE, small

ROOT = Path(__file__).parents[2]


def call(data_dir: Path, *arguments: str, typed: str = "", lang: str = "en"):
    runner = CliRunner()
    return runner.invoke(
        cli.build(lang), [*arguments, "--data-dir", str(data_dir)], input=typed, catch_exceptions=False
    )


def test_a_seed_draws_the_same_distinct_cards():
    drawn = draw_cards("圣三角", 7)
    assert [card["position"] for card in drawn] == ["过去的经验", "问题的现状", "将来的预测"]
    assert [card["place"] for card in drawn] == [1, 2, 3]
    assert draw_cards("圣三角", 7) == drawn != draw_cards("圣三角", 8)
    assert len({card["card"] for card in draw_cards("凯尔特十字", 1)}) == 10
    assert {card["orientation"] for card in draw_cards("凯尔特十字", 1)} == {"upright", "reversed"}
    assert [card["position"] for card in draw_cards("三张牌", 1)] == [None] * 3


def test_an_unknown_spread_says_what_to_do():
    with pytest.raises(Problem, match="not known how many cards .*spreads.csv"):
        draw_cards("我自己的牌阵", 1)


@pytest.mark.slow
def test_the_same_call_writes_the_same_reading(run):
    data_dir, run_dir = run
    asked = ("read", "--cards", "愚人正位、力量逆位", "--person", "Mel", "--question", "要不要换组", "--json")
    found = json.loads(call(data_dir, *asked).stdout)
    assert (found["run"], found["stand_in"], found["trace"]) == (run_dir.name, True, None)
    assert [(card["card"], card["orientation"]) for card in found["cards"]] == [
        ("愚人", "upright"),
        ("力量", "reversed"),
    ]
    assert found["prompt"].splitlines()[2:5] == ["咨询者：Mel", "问题：要不要换组", "抽到的牌：愚人(正位) | 力量(逆位)"]
    assert json.loads(call(data_dir, *asked).stdout) == found


@pytest.mark.slow
def test_a_draw_is_shown_with_its_seed(run):
    found = json.loads(call(run[0], "read", "--draw", "时间之流", "--json").stdout)
    assert found["cards"] == draw_cards("时间之流", found["seed"])
    assert "牌阵：时间之流" in found["prompt"] and "过去：" in found["prompt"]
    shown = call(run[0], "read", "--draw", "时间之流", "--seed", "5").stderr
    assert f"过去：{draw_cards('时间之流', 5)[0]['card']}" in shown and "--seed 5" in shown


@pytest.mark.slow
@pytest.mark.parametrize(
    "wrong", [("read",), ("read", "--cards", "愚人", "--draw", "单张"), ("export",), ("export", "--gguf", "--merged")]
)
def test_a_call_that_is_not_clear_is_wrong(run, wrong):
    result = CliRunner().invoke(cli.build("en"), [*wrong, "--data-dir", str(run[0])])
    assert result.exit_code == 2


@pytest.mark.slow
def test_a_chat_remembers_until_an_empty_line(run, monkeypatch):
    from tarot_train import generate

    heard = []
    inner = generate.stream

    def listen(model, tokenizer, messages, manner, say):
        heard.append([message["role"] for message in messages])
        return inner(model, tokenizer, messages, manner, say)

    monkeypatch.setattr(generate, "stream", listen)
    result = call(run[0], "read", "--cards", "愚人正位", "--chat", "--json", typed="那我该等吗？\n多久？\n\n不再问\n")
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert [line["prompt"] for line in lines][1:] == ["那我该等吗？", "多久？"]
    assert heard == [["user"], ["user", "assistant", "user"], ["user", "assistant", "user", "assistant", "user"]]


TRACE = "先看牌，再看人。"


@pytest.fixture(scope="module")
def thoughtful(tmp_path_factory):
    """Return data_dir of a run on readings that all have the same short trace, on a base that has learned it."""
    from tarot_train import recipe, sft
    from tarot_train.pretraining import pretrain
    from tarot_train.training_rows import to_row

    def think(row: dict) -> dict:
        return row | {"completion": [row["completion"][0] | {"reasoning_content": TRACE}]}

    data_dir = tmp_path_factory.mktemp("thoughtful")
    rows = [to_row(think(example(number, "train"))) for number in range(600)]
    base = pretrain(recipe.load("tarot-tiny", SHAPE), rows, data_dir / "thinker")
    settings = small() | {
        "base.name": str(base),
        "train.epochs": "10",
        "train.accumulation": "1",
        "generation.temperature": "0",
    }
    sft.train(write_version(data_dir, change=think), overrides=settings, data_dir=data_dir)
    return data_dir


@pytest.mark.slow
def test_a_thinking_run_shows_its_trace_apart(thoughtful):
    result = call(thoughtful, "read", "--cards", "愚人正位")
    assert f"— thinking —\n{TRACE}\n— reading —" in result.stderr
    assert result.stdout.strip() and TRACE not in result.stdout
    found = json.loads(call(thoughtful, "read", "--cards", "愚人正位", "--json").stdout)
    assert found["trace"] == TRACE and found["content"] == result.stdout.strip()


@pytest.mark.slow
def test_evaluation_scores_the_reading_without_its_trace(thoughtful):
    from tarot_train import evaluate

    (run_dir,) = (thoughtful / "runs").glob("0*")
    evaluate.evaluate(run_dir, data_dir=thoughtful, annotate=annotate)
    lines = [json.loads(line) for line in (run_dir / "generations.jsonl").read_text(encoding="utf-8").splitlines()]
    tuned = [line for line in lines if line["model"] == "tuned"]
    # So small a model may stop within a trace, depending on the machine.
    assert all(line["trace"] and TRACE not in line["content"] for line in tuned)
    assert 2 * sum(line["trace"] == TRACE for line in tuned) > len(tuned)


@pytest.mark.slow
def test_a_closed_pipe_ends_generation_silently(run):
    """Run `tarot read … | head -c 1` in a real shell."""
    command = f"set -o pipefail; {sys.executable} -m flows.cli read --cards 愚人正位 --seed 11 --data-dir {run[0]} | head -c 0"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert "tarot-tiny" in done.stderr or "替身" in done.stderr
    said = [line for line in done.stderr.strip().splitlines() if not line.startswith(say("doing.read"))]
    assert len(said) == 1, done.stderr


@pytest.mark.slow
def test_an_export_overwrites_nothing(run, tmp_path):
    data_dir, run_dir = run
    for form in ("merged", "ollama", "adapter"):
        found = json.loads(call(data_dir, "export", run_dir.name, f"--{form}", "--json").stdout)
        assert found["run"] == run_dir.name
        assert Path(found["path"]) == data_dir / "exports" / f"{run_dir.name}-{form}"
        with pytest.raises(Problem, match="exists already"):
            call(data_dir, "export", run_dir.name, f"--{form}")
    found = json.loads(call(data_dir, "export", "--gguf", "--kind", "Q8_0", "--out", str(tmp_path), "--json").stdout)
    assert Path(found["path"]) == tmp_path / f"{run_dir.name}.gguf"
    assert (data_dir / "exports" / f"{run_dir.name}-ollama" / "Modelfile").read_text(encoding="utf-8").startswith("# ")
    assert not [path for path in (data_dir / "exports").iterdir() if path.name.startswith(".")]
