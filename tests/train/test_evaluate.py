"""Base and tuned model evaluated by one function on held-out data; generations, scores, export and retention."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from schemas.errors import Problem
from tarot_train import base_model, evaluate, export, generate, training_rows
from tarot_train.bootstrap import mean_difference, ratio_difference
from tarot_train.memorisation import copied_shares, longest_copied
from tarot_train.pretraining import train_tokenizer
from tarot_train.recipe import Generation
from tests.train.conftest import annotate

slow = pytest.mark.slow


def scores_of(run_dir: Path) -> dict:
    return json.loads((run_dir / "scores.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tuned(run):
    return evaluate.load_run(run[1])


@pytest.fixture(scope="module")
def tokenizers(real_tokenizers):
    return [
        train_tokenizer(["愚人站在崖边。"], 300, base_model.read_template("r1")),
        *real_tokenizers.values(),
    ]


@slow
def test_tuning_lowers_the_held_out_loss(run):
    scores = scores_of(run[1])
    assert scores["split"] == "test" and scores["held_out"]["examples"] == 4
    assert scores["tuned"]["loss"] < scores["base"]["loss"]
    assert scores["difference"]["loss"]["high"] < 0
    assert scores["stand_in"] is True


@slow
def test_the_loss_is_that_of_transformers_itself(run, tuned):
    """Compare summed token losses per token with the model's own loss with the prompt masked."""
    import torch

    data_dir, run_dir = run
    model, tokenizer = tuned
    folder = data_dir / "versions" / evaluate.read_manifest(run_dir)["dataset"]["name"]
    made = training_rows.to_rows(training_rows.read_examples(folder, "test"), tokenizer, 2048).rows
    for untouched in (False, True):
        mine = evaluate.row_losses(model, tokenizer, made, untouched=untouched)
        for (loss, count), row in zip(mine, made, strict=True):
            prompt, whole = training_rows.render(tokenizer, row)
            ids = torch.tensor([whole])
            labels = ids.clone()
            labels[0, : len(prompt)] = -100
            with torch.no_grad(), model.disable_adapter() if untouched else torch.no_grad():
                theirs = model(input_ids=ids, labels=labels).loss.item()
            assert count == len(whole) - len(prompt)
            assert loss / count == pytest.approx(theirs, abs=1e-4)


@slow
def test_both_models_write_for_all_prompts(run):
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
def test_human_readings_are_scored_with_the_models(run):
    scores = scores_of(run[1])
    assert scores["reader"]["scores"]["overall"] > scores["tuned"]["scores"]["overall"]


@slow
def test_another_version_than_the_trained_one_is_refused(run, tmp_path):
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


def manner(tokens=16, temperature=0.6, **values) -> generate.Manner:
    return generate.Manner(settings=Generation(max_new_tokens=tokens, temperature=temperature), **values)


MEL = evaluate.fixed_cases()[0]["prompt"]


@slow
def test_one_seed_gives_one_reading(tuned):
    how = manner(64, seed=8)
    first = generate.generate(*tuned, [generate.ask(MEL)], how)
    assert first[0].content
    assert generate.generate(*tuned, [generate.ask(MEL)], how) == first
    assert generate.generate(*tuned, [generate.ask(MEL)], replace(how, untouched=True)) != first


@slow
def test_a_batch_reads_as_each_prompt_would_alone(tuned):
    """Padding on the left changes nothing."""
    asked = [generate.ask(MEL), generate.ask("抽到的牌：愚人(正位)")]
    how = manner(12, 0.0, untouched=True)
    together = generate.generate(*tuned, asked, how)
    assert all(written.content for written in together)
    assert together == [generate.generate(*tuned, [one], how)[0] for one in asked]


@slow
@pytest.mark.parametrize("thinking", [False, True])
def test_a_stream_says_what_a_batch_says(tuned, thinking):
    pieces = []
    how = manner(24, 1.0, seed=1, untouched=True, thinking=thinking)
    (whole,) = generate.generate(*tuned, [generate.ask(MEL)], how)
    streamed = generate.stream(*tuned, generate.ask(MEL), how, lambda part, text: pieces.append((part, text)))
    assert streamed == whole and len(pieces) > 1
    for part in ("trace", "content"):
        assert "".join(text for name, text in pieces if name == part) == (getattr(whole, part) or "")


@slow
def test_follow_ups_are_answered_without_a_trace(tuned):
    how = manner(24, 1.0, seed=1, untouched=True, thinking=True)
    said = [*generate.ask(MEL), {"role": "assistant", "content": "愚人正位，走吧。"}, *generate.ask("那他呢？")]
    first, later = generate.generate(*tuned, [generate.ask(MEL), said], how)
    assert first.trace and later.trace is None and later.content
    assert generate.stream(*tuned, said, how, lambda part, text: None).trace is None


@slow
def test_an_exception_of_the_listener_ends_generation(tuned):
    heard = []

    def leave(part: str, text: str) -> None:
        heard.append(text)
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        generate.stream(*tuned, generate.ask(MEL), manner(200, 1.0, untouched=True), leave)
    assert len(heard) == 1


@slow
def test_generation_config_of_the_base_is_ignored(run):
    """A repetition penalty in the base's generation_config.json would change every reading."""
    from transformers import GenerationConfig

    data_dir, run_dir = run
    about, how = evaluate.read_manifest(run_dir), manner(20, 0.0, untouched=True)
    folder = Path(about["base"]["folder"])
    plain = generate.generate(*generate.load(run_dir / "adapter", folder), [generate.ask(MEL)], how)
    assert len(set(plain[0].content)) < len(plain[0].content)  # a repetition, which the penalty would change
    other = data_dir / "with-penalty"
    shutil.copytree(folder, other)
    GenerationConfig(repetition_penalty=5.0, eos_token_id=300).save_pretrained(other)
    assert generate.generate(*generate.load(run_dir / "adapter", other), [generate.ask(MEL)], how) == plain


@slow
def test_long_prompts_are_refused_and_chats_trimmed(tuned):
    model, tokenizer = tuned
    with pytest.raises(Problem, match="tokens; this model reads"):
        generate.generate(model, tokenizer, [generate.ask("牌" * 9000)], manner())
    talk = generate.ask(MEL)
    for number in range(40):
        talk += [
            {"role": "assistant", "content": f"第{number}次。" + "愚人站在崖边。" * 30},
            *generate.ask(f"问{number}"),
        ]
    short = generate.shortened(model, tokenizer, talk, manner())
    assert short[0] == talk[0] and short[-1] == talk[-1] and 3 < len(short) < len(talk)
    assert [message["role"] for message in short] == ["user", "assistant"] * (len(short) // 2) + ["user"]
    generate.generate(model, tokenizer, [short], manner(1))


def test_style_distance_is_0_to_itself():
    chatty = [{"style": {"emoji_per_100": 2.0, "sentence_chars": 10.0, "address": "你"}}]
    bare = [{"style": {"emoji_per_100": 0.0, "sentence_chars": 10.0, "address": "您"}}]
    assert evaluate.style_distance(chatty, chatty) == 0.0
    assert evaluate.style_distance(chatty, bare) == 0.5
    assert evaluate.style_distance([{"style": None}], bare) is None


def test_trace_and_reading_split_for_any_tokenizer(tokenizers):
    """`</think>` is a special token (tarot-tiny), a plain added one (R1) or text (Qwen1.5)."""
    for tokenizer in tokenizers:
        ids = tokenizer("先看牌。\n</think>\n\n愚人说走吧。", add_special_tokens=False)["input_ids"]
        text = generate._text(tokenizer, [*ids, tokenizer.eos_token_id, *ids])
        assert generate._written(text, True) == generate.Written("愚人说走吧。", "先看牌。")
        assert generate._written("愚人说", True) == generate.Written("", "愚人说")
        assert generate._written("愚人说走吧。", False) == generate.Written("愚人说走吧。", None)


def test_the_longest_copied_passage_is_found():
    train = "愚人站在崖边，风很大。力量抚着狮子。"
    assert longest_copied("你看，愚人站在崖边，他不怕。", train) == "愚人站在崖边，"
    assert longest_copied("abc", train) == ""
    found = copied_shares(["力量抚着狮子。"], [train])
    assert found == [{"characters": 7, "share": 1.0, "passage": "力量抚着狮子。"}]


def test_a_passage_across_two_readings_is_not_copied():
    assert copied_shares(["甲乙丙丁"], ["甲乙", "丙丁"])[0]["passage"] == "甲乙"


def test_intervals_exclude_zero_for_clear_differences():
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
def test_the_merged_model_has_the_same_logits(run, tuned, tmp_path):
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
def test_a_gguf_file_has_the_same_logits(run, tuned, tmp_path, kind):
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
def test_a_modelfile_renders_what_was_trained(run, tuned):
    _, tokenizer = tuned
    text = export.modelfile(tokenizer, evaluate.read_manifest(run[1]), "model.gguf")
    assert "FROM ./model.gguf" in text
    assert 'PARAMETER stop "<｜end▁of▁sentence｜>"' in text
    trained = tokenizer.apply_chat_template(
        [{"role": "user", "content": "问"}], add_generation_prompt=True, tokenize=False, enable_thinking=False
    )
    template = text.split('TEMPLATE """')[1].split('"""')[0]
    assert rendered_by_go(template, [{"Role": "user", "Content": "问"}]) == trained.removeprefix(tokenizer.bos_token)


@pytest.mark.parametrize(("name", "thinks"), [("r1", False), ("r1", True), ("chatml", False), ("chatml", True)])
def test_ollama_prompts_as_the_run_was_trained(real_tokenizers, tokenizers, name, thinks):
    tokenizer = tokenizers[0] if name == "r1" else real_tokenizers.get(name)
    if tokenizer is None:
        pytest.skip("the Qwen2 tokenizer is not available")
    about = {"run": "0001-a", "base": {"name": "b"}, "dataset": {"hash": "d" * 16}, "thinking": thinks}
    about["used"] = {"generation": {"temperature": 0.6, "top_p": 0.95, "max_new_tokens": 9}}
    text = export.modelfile(tokenizer, about, "model.gguf")
    trained = tokenizer.apply_chat_template(
        [{"role": "user", "content": "问"}], add_generation_prompt=True, tokenize=False, enable_thinking=thinks
    )
    template = text.split('TEMPLATE """')[1].split('"""')[0]
    _, begins = trained.split("问")
    assert begins.endswith(template.rsplit("{{ end }}", 1)[1]) and template.endswith("<think>\n") is thinks


def test_every_export_names_its_server(tmp_path):
    about = {"base": {"folder": "/models/Base X"}, "used": {"lora": {"r": 24}}}
    (adapter,) = export.serving("adapter", tmp_path / "a", about)
    assert adapter.startswith("vllm serve '/models/Base X' --enable-lora --max-lora-rank 32 ")
    for form, program in (("merged", "vllm"), ("gguf", "llama-server"), ("ollama", "ollama")):
        assert export.serving(form, tmp_path / "a", about)[0].startswith(program)
    about["used"]["lora"]["dora"] = True
    assert export.serving("adapter", tmp_path / "a", about) == []


def test_a_bare_base_generates_without_its_penalties():
    from types import SimpleNamespace

    from transformers import GenerationConfig

    model = SimpleNamespace(generation_config=GenerationConfig(repetition_penalty=1.3, temperature=0.1))
    generate.forget_generation(model, SimpleNamespace(bos_token_id=1, eos_token_id=2, pad_token_id=3))
    assert model.generation_config.repetition_penalty is None and model.generation_config.eos_token_id == 2


def rendered_by_go(template: str, messages: list[dict]) -> str:
    """Render the subset of Go's template language that our template uses, for user messages."""
    import re

    head, loop, tail = re.fullmatch(r"(.*?)\{\{ range \.Messages \}\}(.*)\{\{ end \}\}([^{]*)", template, re.S).groups()
    user = re.search(r'\{\{ if eq \.Role "user" \}\}(.*?)\{\{ else if', loop, re.S)[1]
    body = "".join(user.replace("{{ .Content }}", m["Content"]) for m in messages)
    return head.replace("{{ .System }}", "") + body + tail
