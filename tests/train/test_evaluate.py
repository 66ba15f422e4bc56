"""Base against tuned by one function, on what neither has seen; what is written, scored, copied, exported and kept."""

import json
import shutil
from pathlib import Path

import pytest

from schemas.problems import Problem
from tarot_train import evaluate, export, generate, registry, rows
from tarot_train.intervals import mean_difference, ratio_difference
from tarot_train.memorised import copied_shares, longest_copied
from tests.train.conftest import annotate

slow = pytest.mark.slow


def scores_of(run_dir: Path) -> dict:
    return json.loads((run_dir / "scores.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tuned(run):
    return evaluate.load_run(run[1])


@slow
def test_the_tuned_model_has_the_lower_loss_on_readings_nobody_trained_on(run):
    scores = scores_of(run[1])
    assert scores["split"] == "test" and scores["held_out"]["examples"] == 4
    assert scores["tuned"]["loss"] < scores["base"]["loss"]
    assert scores["difference"]["loss"]["high"] < 0
    assert scores["stand_in"] is True


@slow
def test_the_loss_is_that_of_transformers_itself(run, tuned):
    """Summed token losses over tokens, against the model's own loss with the prompt masked."""
    import torch

    data_dir, run_dir = run
    model, tokenizer = tuned
    folder = data_dir / "versions" / evaluate.read_manifest(run_dir)["dataset"]["name"]
    made = rows.to_rows(rows.read_examples(folder, "test"), tokenizer, 2048).rows
    for untouched in (False, True):
        mine = evaluate.row_losses(model, tokenizer, made, untouched=untouched)
        for (loss, count), row in zip(mine, made, strict=True):
            prompt, whole = rows.render(tokenizer, row)
            ids = torch.tensor([whole])
            labels = ids.clone()
            labels[0, : len(prompt)] = -100
            with torch.no_grad(), model.disable_adapter() if untouched else torch.no_grad():
                theirs = model(input_ids=ids, labels=labels).loss.item()
            assert count == len(whole) - len(prompt)
            assert loss / count == pytest.approx(theirs, abs=1e-4)


@slow
def test_both_models_read_the_held_out_prompts_and_the_cards_two_cases(run):
    lines = [json.loads(line) for line in (run[1] / "generations.jsonl").read_text(encoding="utf-8").splitlines()]
    read = {(line["id"], line["model"]) for line in lines}
    assert {("fixed-mel", "base"), ("fixed-mel", "tuned"), ("fixed-new", "base"), ("fixed-new", "tuned")} <= read
    assert sum(line["model"] == "reader" for line in lines) == 2
    assert scores_of(run[1])["generated"] == 4
    for line in lines:
        assert set(line["scores"]) == {
            "reasoning",
            "personalisation",
            "coherence",
            "terminology",
            "advice",
            "fidelity",
            "overall",
        }


@slow
def test_the_human_readings_are_scored_beside_the_models(run):
    scores = scores_of(run[1])
    assert scores["reader"]["scores"]["overall"] > scores["tuned"]["scores"]["overall"]


@slow
def test_a_version_that_is_not_the_one_trained_on_is_refused(run, tmp_path):
    data_dir, run_dir = run
    shutil.copytree(data_dir, tmp_path / "data")
    folder = tmp_path / "data" / "versions" / evaluate.read_manifest(run_dir)["dataset"]["name"]
    about = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").write_text(json.dumps(about | {"hash": "0" * 64}), encoding="utf-8")
    with pytest.raises(Problem, match="not the one|not what"):
        evaluate.evaluate(tmp_path / "data" / "runs" / run_dir.name, data_dir=tmp_path / "data", annotate=annotate)


@slow
def test_an_adapter_on_another_base_is_refused(run, tmp_path):
    data_dir, run_dir = run
    shutil.copytree(run_dir, tmp_path / "run")
    about = evaluate.read_manifest(run_dir)
    about["base"]["identity"] = "0" * 16
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(about), encoding="utf-8")
    with pytest.raises(Problem, match="its adapter does not fit"):
        evaluate.load_run(tmp_path / "run")


@slow
def test_one_seed_gives_one_reading_and_the_base_another(tuned):
    model, tokenizer = tuned
    prompt = [evaluate.fixed_cases()[0]["prompt"]]
    first = generate.generate(model, tokenizer, prompt, max_new_tokens=16, seed=3)
    assert generate.generate(model, tokenizer, prompt, max_new_tokens=16, seed=3) == first
    assert generate.generate(model, tokenizer, prompt, max_new_tokens=16, seed=3, untouched=True) != first


@slow
def test_a_batch_reads_as_each_prompt_would_alone(tuned):
    """Padding on the left changes nothing."""
    model, tokenizer = tuned
    prompts = [evaluate.fixed_cases()[0]["prompt"], "抽到的牌：愚人(正位)"]
    together = generate.generate(model, tokenizer, prompts, max_new_tokens=12, temperature=0.0)
    alone = [generate.generate(model, tokenizer, [p], max_new_tokens=12, temperature=0.0)[0] for p in prompts]
    assert together == alone


@slow
def test_a_stream_says_what_a_batch_says(tuned):
    model, tokenizer = tuned
    prompt = evaluate.fixed_cases()[0]["prompt"]
    whole = generate.generate(model, tokenizer, [prompt], max_new_tokens=16, temperature=0.0)[0]
    pieces = list(generate.stream(model, tokenizer, prompt, max_new_tokens=16, temperature=0.0))
    assert len(pieces) > 1 and "".join(pieces).strip() == whole


def test_the_distance_of_a_style_is_none_to_itself_and_all_to_its_opposite():
    chatty = [{"style": {"emoji_per_100": 2.0, "sentence_chars": 10.0, "address": "你"}}]
    bare = [{"style": {"emoji_per_100": 0.0, "sentence_chars": 10.0, "address": "您"}}]
    assert evaluate.style_distance(chatty, chatty) == 0.0
    assert evaluate.style_distance(chatty, bare) == 0.5
    assert evaluate.style_distance([{"style": None}], bare) is None


def test_a_trace_is_told_from_the_reading():
    assert generate.split_trace("先看牌。\n</think>\n\n愚人说走吧。") == ("先看牌。", "愚人说走吧。")
    assert generate.split_trace("愚人说走吧。") == (None, "愚人说走吧。")


def test_the_longest_copied_passage_is_found():
    train = "愚人站在崖边，风很大。力量抚着狮子。"
    assert longest_copied("你看，愚人站在崖边，他不怕。", train) == "愚人站在崖边，"
    assert longest_copied("abc", train) == ""
    found = copied_shares(["力量抚着狮子。"], [train])
    assert found == [{"characters": 7, "share": 1.0, "passage": "力量抚着狮子。"}]


def test_a_passage_across_two_training_readings_is_not_copied():
    assert copied_shares(["甲乙丙丁"], ["甲乙", "丙丁"])[0]["passage"] == "甲乙"


def test_an_interval_of_a_clear_difference_lies_on_one_side_and_of_none_on_both():
    base = [0.5, 0.6, 0.4, 0.55, 0.45, 0.5, 0.6, 0.4]
    clear = mean_difference(base, [value + 0.2 for value in base])
    assert clear["mean"] == pytest.approx(0.2) and clear["low"] == pytest.approx(0.2)
    none = mean_difference(base, list(reversed(base)))
    assert none["low"] < 0 < none["high"]
    assert none == mean_difference(base, list(reversed(base)))


def test_a_ratio_weighs_long_readings_by_their_tokens():
    found = ratio_difference([(10.0, 10), (300.0, 100)], [(10.0, 10), (200.0, 100)])
    assert found["mean"] == pytest.approx(210 / 110 - 310 / 110)


def test_an_interval_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="0 pairs"):
        mean_difference([], [])


@slow
def test_the_merged_model_gives_the_same_logits_in_plain_transformers(run, tuned, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = tuned
    found = export.merged(run[1], tmp_path / "merged")
    assert found["same_tokens"] is True
    plain = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32).eval()
    other = AutoTokenizer.from_pretrained(tmp_path / "merged")
    assert other.chat_template == tokenizer.chat_template
    ids = torch.tensor([tokenizer("愚人正位说明你要出发了。")["input_ids"]])
    with torch.no_grad():
        assert torch.allclose(plain(ids).logits, model(ids).logits, atol=1e-5)
        with model.disable_adapter():
            assert not torch.allclose(plain(ids).logits, model(ids).logits, atol=1e-3)
    with pytest.raises(Problem, match="exists already"):
        export.merged(run[1], tmp_path / "merged")


@slow
def test_the_adapter_alone_carries_no_embeddings(run, tmp_path):
    from safetensors import safe_open

    export.adapter(run[1], tmp_path / "adapter")
    with safe_open(tmp_path / "adapter" / "adapter_model.safetensors", "pt") as tensors:
        assert all(".lora_" in name for name in tensors.keys())  # noqa: SIM118
    assert (tmp_path / "adapter" / "chat_template.jinja").exists()


@slow
@pytest.mark.parametrize("kind", ["F32", "F16", "Q8_0"])
def test_a_gguf_file_read_back_gives_the_same_logits(run, tuned, tmp_path, kind):
    pytest.importorskip("gguf", reason="the optional package gguf is not installed")
    import torch
    from transformers import AutoModelForCausalLM

    model, tokenizer = tuned
    export.gguf(run[1], tmp_path / "model.gguf", kind)
    back = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="model.gguf", dtype=torch.float32).eval()
    ids = torch.tensor([tokenizer("愚人正位说明你要出发了。")["input_ids"]])
    near = {"F32": 1e-4, "F16": 2e-2, "Q8_0": 0.3}[kind]
    with torch.no_grad():
        assert torch.allclose(back(ids).logits, model(ids).logits, atol=near)


@slow
def test_a_modelfile_renders_what_was_trained_and_stops_where_it_stops(run, tuned):
    _, tokenizer = tuned
    text = export.modelfile(tokenizer, evaluate.read_manifest(run[1]), "model.gguf")
    assert "FROM ./model.gguf" in text
    assert 'PARAMETER stop "<｜end▁of▁sentence｜>"' in text
    trained = tokenizer.apply_chat_template(
        [{"role": "user", "content": "问"}], add_generation_prompt=True, tokenize=False, enable_thinking=False
    )
    template = text.split('TEMPLATE """')[1].split('"""')[0]
    assert rendered_by_go(template, [{"Role": "user", "Content": "问"}]) == trained.removeprefix(tokenizer.bos_token)


def rendered_by_go(template: str, messages: list[dict]) -> str:
    """The few words of Go's template language that ours uses, for messages of users."""
    import re

    head, loop, tail = re.fullmatch(r"(.*?)\{\{ range \.Messages \}\}(.*)\{\{ end \}\}([^{]*)", template, re.S).groups()
    user = re.search(r'\{\{ if eq \.Role "user" \}\}(.*?)\{\{ else if', loop, re.S)[1]
    body = "".join(user.replace("{{ .Content }}", m["Content"]) for m in messages)
    return head.replace("{{ .System }}", "") + body + tail


def made_run(runs_dir: Path, name: str, loss: float, overall: float, stand_in=False, base="b1", dataset="d1", own=3.0):
    folder = runs_dir / name
    folder.mkdir(parents=True)
    about = {
        "run": name,
        "base": {"name": base, "identity": base, "stand_in": stand_in},
        "dataset": {"hash": dataset},
    }
    (folder / "manifest.json").write_text(json.dumps(about), encoding="utf-8")
    scores = {
        "base": {"loss": own, "scores": {"overall": 0.1}},
        "tuned": {"loss": loss, "scores": {"overall": overall}},
    }
    (folder / "scores.json").write_text(json.dumps(scores), encoding="utf-8")


def test_only_a_better_evaluation_replaces_the_champion(tmp_path):
    made_run(tmp_path, "0001-a", 2.5, 0.4)
    made_run(tmp_path, "0002-b", 2.6, 0.9)
    made_run(tmp_path, "0003-c", 2.4, 0.3)
    made_run(tmp_path, "0004-d", 9.0, 0.5, base="b2", own=9.5)
    made_run(tmp_path, "0005-e", 9.9, 0.9, base="b2", own=9.5)
    made_run(tmp_path, "0006-f", 0.1, 0.9, base="b3", stand_in=True)
    found = [registry.challenge(tmp_path, f"000{n}-{c}")["why"] for n, c in enumerate("abcdef", 1)]
    assert found == ["first", "not_better", "lower_loss", "higher_score", "no_better_than_base", "stand_in"]
    assert registry.champion(tmp_path) == "0004-d"
    assert [run["run"] for run in registry.runs(tmp_path) if run["champion"]] == ["0004-d"]
    assert registry.challenge(tmp_path, "0004-d")["why"] == "is_champion"


def test_a_real_base_takes_the_place_of_a_stand_in(tmp_path):
    made_run(tmp_path, "0001-a", 0.5, 0.9, stand_in=True)
    made_run(tmp_path, "0002-b", 2.6, 0.4, base="b2")
    registry.challenge(tmp_path, "0001-a")
    assert registry.challenge(tmp_path, "0002-b") == {
        "champion": "0002-b",
        "before": "0001-a",
        "replaced": True,
        "why": "real_base",
    }


def test_a_champion_whose_folder_is_gone_is_none(tmp_path):
    made_run(tmp_path, "0001-a", 0.5, 0.9)
    registry.challenge(tmp_path, "0001-a")
    shutil.rmtree(tmp_path / "0001-a")
    assert registry.champion(tmp_path) is None
