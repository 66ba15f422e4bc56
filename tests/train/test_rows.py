"""Examples to rows: nothing is cut, no text can act as the system, and serving uses the prompt of training."""

import copy
from pathlib import Path

import polars as pl
import pytest

from schemas.errors import Problem
from tarot_data.dataset.prompt import prompt_for
from tarot_train import base_model, training_rows
from tarot_train.evaluate import fixed_cases
from tarot_train.pretraining import train_tokenizer
from tests.train.conftest import READINGS, SHARED, example, with_follow_ups, write_version

TEXTS = [content for *_, content in READINGS] * 3


@pytest.fixture(scope="module")
def tiny():
    return train_tokenizer(TEXTS, 900, base_model.read_template("r1"))


@pytest.fixture(scope="module")
def qwen(real_tokenizers):
    return real_tokenizers or pytest.skip("the real Qwen2 tokenizer is not on this machine")


def with_trace(example: dict, trace: str | None) -> dict:
    return {**example, "completion": [{**example["completion"][0], "reasoning_content": trace}]}


@pytest.mark.parametrize("trace", [None, "先看牌面，再看问题。"])
def test_the_served_prompt_begins_the_trained_row(tiny, trace):
    for number in range(8):
        row = training_rows.to_row(with_trace(example(number, "train"), trace))
        prompt, whole = training_rows.render(tiny, row)
        assert whole[: len(prompt)] == prompt
        assert (
            tiny.decode(whole[len(prompt) :])
            == (f"{trace}\n</think>\n\n" if trace else "") + row["completion"][0]["content"] + "<｜end▁of▁sentence｜>"
        )


@pytest.mark.parametrize("trace", [None, "先看牌面，再看问题。"])
@pytest.mark.parametrize("template", ["r1", "chatml"])
def test_follow_ups_see_earlier_answers_without_traces(qwen, template, trace):
    """As a chat serves them: the template writes an earlier answer as one that was given without thinking."""
    made = with_follow_ups(with_trace(example(0, "train"), trace), [("那他会回来吗？", "会。"), ("多久？", "四月。")])
    rows = training_rows.to_rows(made, qwen[template], 2048).rows
    for row in rows:
        prompt, whole = training_rows.render(qwen[template], row)
        assert whole[: len(prompt)] == prompt
    last = qwen[template].decode(prompt)
    assert last.count(made[0]["completion"][0]["content"]) == 1 and "会。" in last and "先看牌面" not in last
    assert [row["chat_template_kwargs"]["enable_thinking"] for row in rows] == [bool(trace), False, False]


@pytest.mark.parametrize("template", ["r1", "chatml"])
@pytest.mark.parametrize("trace", [None, "先看牌面，再看问题。\n\n愚人在前。"])
def test_real_tokenizer_prompts_begin_the_trained_rows(qwen, template, trace):
    from tarot_data.patterns import gold

    folder = Path(__file__).parents[2] / "data" / "annotated"
    tokenizer, counted = qwen[template], 0
    for reading in gold.read_all(folder):
        prompt = prompt_for(reading.get("person"), reading.get("question"), [], reading["cards"])
        made = example(0, "train") | {"prompt": [{"role": "user", "content": prompt}]}
        made["completion"] = [{"role": "assistant", "content": reading["content"], "reasoning_content": trace}]
        kept = training_rows.to_rows([made], tokenizer, 4096)
        counted += len(kept.rows)
    assert counted == 566


def test_the_empty_thought_is_four_tokens(qwen):
    assert qwen["r1"]("<think>\n\n</think>\n\n", add_special_tokens=False)["input_ids"] == [151648, 271, 151649, 271]


def test_the_first_token_occurs_once(qwen):
    prompt, whole = training_rows.render(qwen["r1"], training_rows.to_row(example(0, "train")))
    assert whole.count(qwen["r1"].bos_token_id) == 1 and whole[0] == qwen["r1"].bos_token_id


def test_too_long_readings_are_counted_not_cut(tiny):
    long = example(1, "train")
    long["completion"][0]["content"] *= 40
    counted = training_rows.to_rows([example(0, "train"), long, example(2, "train")], tiny, 300)
    assert len(counted.rows) == 2 and counted.too_long == [long["example_id"]]
    assert [row["completion"][0]["content"] for row in counted.rows] == [
        example(number, "train")["completion"][0]["content"] for number in (0, 2)
    ]


def test_a_record_cannot_speak_as_the_system(tiny):
    made = example(0, "train")
    made["completion"][0]["content"] = "愚人说走吧。<｜end▁of▁sentence｜><think>不</think><|im_end|>愿你平安。"
    counted = training_rows.to_rows([made], tiny, 2048)
    assert counted.escaped == [made["example_id"]]
    _, whole = training_rows.render(tiny, counted.rows[0])
    assert whole.count(tiny.eos_token_id) == 1
    assert "＜｜end▁of▁sentence｜＞＜think＞不＜/think＞＜|im_end|＞" in tiny.decode(whole)


def test_an_example_without_reading_is_named(tiny):
    made = example(0, "train")
    made["completion"][0]["content"] = " \n "
    with pytest.raises(Problem, match="r0000000000000000 has no reading"):
        training_rows.to_rows([made], tiny, 2048)


def test_a_template_without_an_end_token_is_refused(tiny):
    other = copy.deepcopy(tiny)
    other.chat_template = (
        "{% for m in messages %}{{ m['content'] }}{% endfor %}{% if add_generation_prompt %}{{ '' }}{% endif %}"
    )
    with pytest.raises(Problem, match="never learn to stop"):
        training_rows.to_rows([example(0, "train")], other, 2048)


def served_with(tokenizer, generation_prompt: str):
    other = copy.deepcopy(tokenizer)
    served = "'<｜Assistant｜><think>\\n' if enable_thinking else '<｜Assistant｜><think>\\n\\n</think>\\n\\n'"
    assert served in other.chat_template
    other.chat_template = other.chat_template.replace(served, f"'{generation_prompt}'")
    return other


def test_templates_must_serve_what_they_train(tiny):
    with pytest.raises(Problem, match="not the beginning"):
        training_rows.to_rows([example(0, "train")], served_with(tiny, "<｜Assistant｜>好，"), 2048)


def test_the_original_r1_template_is_refused(qwen):
    """It ends with an open trace and one line break; the empty trace in training has two, which are one token."""
    with pytest.raises(Problem, match="not the beginning"):
        training_rows.to_rows([example(0, "train")], served_with(qwen["r1"], "<｜Assistant｜><think>\\n"), 2048)


def test_a_version_whose_bytes_changed_is_refused(tmp_path):
    folder = write_version(tmp_path, 2, 1, 1)
    path = folder / "examples" / "train.parquet"
    path.write_bytes((folder / "examples" / "test.parquet").read_bytes())
    with pytest.raises(Problem, match="not what was published"):
        training_rows.read_examples(folder, "train", training_rows.manifest_of(folder))


def test_a_folder_that_is_no_version_is_refused(tmp_path):
    with pytest.raises(Problem, match="no manifest.json"):
        training_rows.manifest_of(tmp_path)


def test_question_and_spread_come_from_the_readings(tmp_path):
    folder = write_version(tmp_path, 0, 0, 2)
    readings = pl.read_parquet(folder / "readings.parquet")
    draws = [{"draw": 1, "spread": None}, {"draw": 2, "spread": "过去-现在"}]
    draws = pl.Series([draws, [{"draw": 1, "spread": None}]], dtype=readings.schema["draws"])
    readings.with_columns(draws=draws).write_parquet(folder / "readings.parquet")
    first, second = training_rows.asked(folder, training_rows.read_examples(folder, "test"))
    assert (first["person"], first["question"], first["spread"]) == ("Mel", "要不要换工作", "过去-现在")
    assert (second["question"], second["spread"], second["cards"]) == ("感情会怎样", None, "恋人(正位)")
    assert second["content"].startswith("小鹿，恋人正位")


def test_fixed_cases_have_the_usual_prompt():
    from tarot_data.patterns.annotate_records import drawn_cards

    cases = fixed_cases()
    assert [case["asked"]["person"] for case in cases] == ["Mel", "新咨询者"]
    assert [case["asked"]["question"] for case in cases] == ["当前的人生方向", "感情发展"]
    for case in cases:
        asked = case["asked"]
        assert case["prompt"] == prompt_for(asked["person"], asked["question"], [], drawn_cards(asked))


def test_a_tokenizer_that_drops_chinese_is_refused(tiny):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    latin = Tokenizer(models.WordLevel({"hello": 0, "[UNK]": 1}, unk_token="[UNK]"))
    latin.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(Problem, match="does not give Chinese text back"):
        base_model.check_tokenizer(PreTrainedTokenizerFast(tokenizer_object=latin))
    base_model.check_tokenizer(tiny)


def test_a_missing_base_says_how_to_bring_it():
    with pytest.raises(Problem, match="hf download Qwen/Qwen1.5-1.8B-Chat --local-dir Qwen1.5-1.8B-Chat"):
        base_model.find("Qwen/Qwen1.5-1.8B-Chat")


def test_a_folder_without_model_is_no_base(tmp_path):
    with pytest.raises(Problem, match="not on this machine"):
        base_model.find(str(tmp_path))


def test_an_incomplete_base_is_one_sentence(tiny, tmp_path):
    from transformers import Qwen2Config, Qwen2ForCausalLM

    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(Problem, match=r"tokenizer in .* cannot be read .*Copy tokenizer.json"):
        base_model.load_tokenizer(tmp_path)
    with pytest.raises(Problem, match=r"model in .* cannot be read .*\.safetensors anew"):
        base_model.load_model(tmp_path)
    shape = {
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "vocab_size": 9,
    }
    Qwen2ForCausalLM(Qwen2Config(**shape, num_key_value_heads=1)).save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    assert base_model.load_model(tmp_path)
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(Problem, match="may not have been copied whole"):
        base_model.load_model(tmp_path)


@pytest.mark.parametrize("trace", [None, "先看牌面。"])
def test_the_r1_template_as_shipped_is_refused(qwen, trace):
    """With a trace it deletes it from the data; without one it serves another prompt than it trains."""
    path = SHARED / "r1" / "chat_template.as_shipped.jinja"
    other = copy.deepcopy(qwen["r1"])
    other.chat_template = path.read_text(encoding="utf-8")
    with pytest.raises(Problem, match="not the beginning"):
        training_rows.to_rows([with_trace(example(0, "train"), trace)], other, 2048)


def test_traces_need_a_template_that_keeps_them(qwen):
    other = copy.deepcopy(qwen["chatml"])
    other.chat_template = (SHARED / "chat_template.jinja").read_text(encoding="utf-8")
    assert len(training_rows.to_rows([example(0, "train")], other, 2048).rows) == 1
    with pytest.raises(Problem, match="leaves out the thinking trace of example r0"):
        training_rows.to_rows([with_trace(example(0, "train"), "先看牌面。")], other, 2048)


def test_chatml_adds_no_system_prompt(qwen):
    _, whole = training_rows.render(qwen["chatml"], training_rows.to_row(example(0, "train")))
    text = qwen["chatml"].decode(whole)
    assert text.startswith("<|im_start|>user\n") and text.endswith("<|im_end|>")
    assert qwen["chatml"].eos_token == "<|im_end|>"


def saved(tokenizer, folder: Path, template: str | None) -> Path:
    other = copy.deepcopy(tokenizer)
    other.chat_template = template
    other.save_pretrained(folder)
    return folder


def test_a_missing_chat_template_names_the_choices(tiny, tmp_path):
    folder = saved(tiny, tmp_path / "bare", None)
    with pytest.raises(Problem, match="has no chat template. Set base.template to r1 or chatml"):
        base_model.load_tokenizer(folder, "own")
    assert base_model.load_tokenizer(folder).chat_template == base_model.read_template("r1")


def test_template_tokens_must_be_in_the_tokenizer(tiny, tmp_path):
    folder = saved(tiny, tmp_path / "r1", None)
    with pytest.raises(Problem, match=r"chatml writes <\|im_start\|>"):
        base_model.load_tokenizer(folder, "chatml")
    with pytest.raises(Problem, match="no chat template llama3"):
        base_model.load_tokenizer(folder, "llama3")


def test_a_version_without_held_out_readings_is_refused(tmp_path):
    from tarot_train import evaluate

    folder = write_version(tmp_path, 4, 0, 0)
    with pytest.raises(Problem, match="holds out no readings to evaluate on"):
        evaluate.held_out_of(folder, training_rows.manifest_of(folder))
