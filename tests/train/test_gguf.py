"""GGUF files of tiny random models of several families, read back by transformers and by llama.cpp itself."""

import json

import pytest

from schemas.errors import Problem
from tarot_train import base_model, gguf_file
from tests.train.conftest import READINGS
from tests.train.llama_cpp import llama_cpp, post
from tests.train.small import tiny

gguf = pytest.importorskip("gguf", reason="the optional package gguf is not installed")

TEXTS = [content for *_, content in READINGS] + ["2024年3月5日 KK's 3,141 yuan\n\n- 先写下来🙂  再看", "Ａ１ x"]
LLAMA_3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
ROPES = {
    "default": {"rope_type": "default", "rope_theta": 10000.0},
    "linear": {"rope_type": "linear", "rope_theta": 10000.0, "factor": 4.0},
    "yarn": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 64},
    "llama3": {
        "rope_type": "llama3",
        "rope_theta": 10000.0,
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 64,
    },
}


def tokenizer_of(splitter: str):
    """Train a tokenizer that splits text as a family does, with the chat marks of ChatML."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    model = Tokenizer(models.BPE(ignore_merges=splitter == "llama-bpe"))
    if splitter == "llama-bpe":
        steps = [pre_tokenizers.Split(Regex(LLAMA_3), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    elif splitter == "smollm":
        steps = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    else:
        steps = [pre_tokenizers.ByteLevel(add_prefix_space=False)]
    model.pre_tokenizer, model.decoder = pre_tokenizers.Sequence(steps), decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    model.train_from_iterator(TEXTS, trainer)
    found = PreTrainedTokenizerFast(
        tokenizer_object=model, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    found.chat_template = base_model.read_template("chatml")
    return found


MODELS = {
    "smollm": ("llama", "smollm", {"tie_word_embeddings": True, "rope_parameters": ROPES["default"]}),
    "llama 3": ("llama", "llama-bpe", {"rope_parameters": ROPES["llama3"]}),
    "llama, linear": ("llama", "gpt-2", {"rope_parameters": ROPES["linear"]}),
    "qwen3, wide heads": ("qwen3", "gpt-2", {"head_dim": 32, "rope_parameters": ROPES["default"]}),
    "qwen3, yarn": ("qwen3", "gpt-2", {"head_dim": 32, "rope_parameters": ROPES["yarn"]}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_llama_cpp_reads_texts_and_weights_alike(name, tmp_path):
    """The tokens of every text, and the likeliest next tokens with their probabilities, are those of transformers."""
    import torch

    family, splitter, more = MODELS[name]
    tokenizer = tokenizer_of(splitter)
    model = tiny(family, tokenizer, **more)
    thinks = family == "qwen3"
    gguf_file.write_model(model, tokenizer, tmp_path / "model.gguf", "F32", thinks)
    with llama_cpp(tmp_path / "model.gguf") as url:
        for text in TEXTS:
            mine = tokenizer(text)["input_ids"]
            assert post(f"{url}/tokenize", {"content": text, "add_special": True})["tokens"] == mine
        asked = [{"role": "user", "content": "愚人(正位)"}]
        served = post(f"{url}/apply-template", {"messages": asked})["prompt"]
        wanted = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": thinks}
        assert served == tokenizer.apply_chat_template(asked, **wanted)
        assert post(f"{url}/v1/chat/completions", {"messages": asked, "max_tokens": 2})["usage"]["completion_tokens"]
        ids = tokenizer("".join(TEXTS))["input_ids"]
        with torch.no_grad():
            expected = model(torch.tensor([ids])).logits[0].log_softmax(-1)
        # llama.cpp gives no figures for a token that is a part of a character.
        end = next(n for n in range(len(ids), 0, -1) if "\ufffd" not in tokenizer.decode(expected[n - 1].argmax()))
        asked = {"prompt": ids[:end], "n_predict": 1, "n_probs": 5, "temperature": 0.0}
        (first,) = post(f"{url}/completion", asked)["completion_probabilities"]
    for found in first["top_logprobs"]:
        assert found["logprob"] == pytest.approx(expected[end - 1, found["id"]].item(), abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["smollm", "llama, linear"])  # of Qwen3 its reader ignores the width of heads
def test_transformers_reads_the_same_logits_back(name, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM

    family, splitter, more = MODELS[name]
    tokenizer = tokenizer_of(splitter)
    model = tiny(family, tokenizer, **more)
    gguf_file.write_model(model, tokenizer, tmp_path / "model.gguf", "F32")
    back = AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="model.gguf", dtype=torch.float32).eval()
    if "linear" in name:  # transformers does not read the scaling of a GGUF file
        back = type(back)(model.config).eval()
        back.load_state_dict(AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file="model.gguf").state_dict())
    ids = torch.tensor([tokenizer(TEXTS[0])["input_ids"]])
    with torch.no_grad():
        assert torch.allclose(back(ids).logits, model(ids).logits, atol=1e-4)


@pytest.mark.parametrize(
    ("family", "more"),
    [
        ("gemma2", {}),
        ("granite", {}),
        ("phi3", {"pad_token_id": 0}),
        ("mistral", {"sliding_window": 64, "max_position_embeddings": 512}),
    ],
)
def test_other_families_are_refused(family, more):
    from transformers import AutoConfig

    with pytest.raises(Problem, match=f"GGUF export supports qwen2, .*{family}"):
        gguf_file.architecture_of(AutoConfig.for_model(family, **more))


def test_unknown_scaling_of_positions_is_refused():
    from transformers import LlamaConfig

    dynamic = LlamaConfig(rope_parameters={"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0})
    with pytest.raises(Problem, match="dynamic"):
        gguf_file.rope_of(dynamic)


@pytest.mark.parametrize("splitter", ["smollm", "llama-bpe", "gpt-2"])
def test_the_splitter_comes_from_the_tokenizer(splitter):
    assert gguf_file.splitter_of(tokenizer_of(splitter)) == splitter


def test_an_unknown_splitter_is_refused():
    from tokenizers import pre_tokenizers

    tokenizer = tokenizer_of("gpt-2")
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    with pytest.raises(Problem, match="Whitespace"):
        gguf_file.splitter_of(tokenizer)
    tokenizer = tokenizer_of("llama-bpe")
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    state["model"]["ignore_merges"] = False
    tokenizer._tokenizer = tokenizer.backend_tokenizer.from_str(json.dumps(state))
    with pytest.raises(Problem, match="ignore_merges"):
        gguf_file.splitter_of(tokenizer)


def test_the_first_token_is_added_only_if_trained_so(real_tokenizers):
    assert not gguf_file.adds_first_token(tokenizer_of("smollm"))
    for name, adds in (("r1", True), ("chatml", False)):
        if name in real_tokenizers:
            assert gguf_file.adds_first_token(real_tokenizers[name]) is adds
            assert gguf_file.splitter_of(real_tokenizers[name]) == "qwen2"


@pytest.mark.slow
def test_an_adapter_file_gives_the_tuned_model(tmp_path):
    """llama.cpp's names, the order of rows and the scale of rsLoRA, put together by hand."""
    import numpy as np
    import torch
    from gguf import GGUFReader
    from peft import LoraConfig, get_peft_model

    tokenizer = tokenizer_of("smollm")
    settings = LoraConfig(
        task_type="CAUSAL_LM", r=4, lora_alpha=8, use_rslora=True, target_modules=["q_proj", "v_proj"]
    )
    model = get_peft_model(tiny("llama", tokenizer), settings)
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    gguf_file.write_adapter(model, tmp_path / "adapter.gguf")
    read = GGUFReader(tmp_path / "adapter.gguf")
    found = {tensor.name: np.array(tensor.data) for tensor in read.tensors}
    alpha = float(read.fields["adapter.lora.alpha"].parts[-1][0])
    before = {name: tensor for name, tensor in model.state_dict().items() if "base_layer" in name and "q_proj" in name}
    base = next(iter(before.values())).numpy()
    update = found["blk.0.attn_q.weight.lora_b"] @ found["blk.0.attn_q.weight.lora_a"] * alpha / 4
    merged = gguf_file._ordered(base, "model.layers.0.self_attn.q_proj.weight", model.config) + update
    whole = model.merge_and_unload().state_dict()["model.layers.0.self_attn.q_proj.weight"].numpy()
    assert np.allclose(
        merged, gguf_file._ordered(whole, "model.layers.0.self_attn.q_proj.weight", model.config), atol=1e-5
    )
