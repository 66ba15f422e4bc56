"""Losses of tiny random models of families that scale or cap their logits: each equals the model's own."""

import json
from pathlib import Path

import pytest

from tarot_train import base_model, evaluate, recipe, sizes, training_rows
from tarot_train.pretraining import train_tokenizer
from tarot_train.trainer import kept_logits, plain_head_loss
from tests.train.conftest import READINGS, example
from tests.train.small import tiny

FAMILIES = {
    "qwen2": {},
    "gemma2": {"final_logit_softcapping": 5.0, "head_dim": 16, "query_pre_attn_scalar": 16},
    "granite": {"logits_scaling": 8.0, "embedding_multiplier": 12.0},
    "cohere": {"logit_scale": 0.0625},
}


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([content for *_, content in READINGS], 400, base_model.read_template("r1"))


def labelled(tokenizer, numbers):
    """Return ids, labels and the rows of some examples, padded on the right."""
    import torch

    rows = training_rows.to_rows([example(n, "train") for n in numbers], tokenizer, 2048).rows
    both = [training_rows.render(tokenizer, row) for row in rows]
    width = max(len(whole) for _, whole in both)
    ids = torch.full((len(rows), width), tokenizer.pad_token_id)
    labels = torch.full((len(rows), width), -100)
    for row, (prompt, whole) in enumerate(both):
        ids[row, : len(whole)] = torch.tensor(whole)
        labels[row, len(prompt) : len(whole)] = torch.tensor(whole[len(prompt) :])
    return ids, labels, rows


@pytest.mark.parametrize("family", FAMILIES)
def test_the_loss_is_the_models_own(family, tokenizer):
    """Scoring labelled positions only, in training and in evaluation."""
    import torch

    model = tiny(family, tokenizer, **FAMILIES[family])
    ids, labels, rows = labelled(tokenizer, range(3))
    with torch.no_grad():
        own = model(input_ids=ids, labels=labels, attention_mask=torch.ones_like(ids)).loss.item()
        mine = plain_head_loss(None, model, {"input_ids": ids, "labels": labels}).item()
    assert mine == pytest.approx(own, abs=1e-5)
    losses = evaluate.row_losses(model, tokenizer, rows)
    for (summed, count), number in zip(losses, range(3), strict=True):
        one, marks, _ = labelled(tokenizer, [number])
        with torch.no_grad():
            assert summed / count == pytest.approx(model(input_ids=one, labels=marks).loss.item(), abs=1e-5)


@pytest.mark.parametrize(
    ("family", "more"),
    [
        ("qwen2", {}),
        ("qwen3", {"head_dim": 32}),
        ("llama", {"tie_word_embeddings": True}),
        ("gemma2", {"head_dim": 32}),
        ("mixtral", {}),
    ],
)
@pytest.mark.parametrize("dora", [False, True])
def test_a_base_is_counted_as_peft_counts_it(family, more, dora, tokenizer, tmp_path):
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = tiny(family, tokenizer, **more)
    model.config.save_pretrained(tmp_path)
    asked = recipe.load("qwen1.5-1.8b", {"lora.r": "4", "lora.dora": str(dora)})
    shape = sizes.shape_of(asked, tmp_path)
    assert sizes.parameters(shape)["total"] == sum(p.numel() for p in model.parameters())
    with torch.device("meta"):
        lora = LoraConfig(task_type="CAUSAL_LM", r=4, use_dora=dora, target_modules=list(asked.lora.targets))
        adapted = get_peft_model(AutoModelForCausalLM.from_config(model.config), lora)
    assert sizes.trainable(shape, asked.lora) == sum(p.numel() for p in adapted.parameters() if p.requires_grad)


def test_qwen3_has_its_published_size(tmp_path):
    """Qwen3-0.6B: heads wider than hidden / heads; the shape alone counts all but its 7,168 norms of heads, and biases."""
    config = {"model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "vocab_size": 151936, "hidden_size": 1024}
    config |= {"intermediate_size": 3072, "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8}
    config |= {"head_dim": 128, "tie_word_embeddings": True, "max_position_embeddings": 40960}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    shape = sizes.shape_of(recipe.load("qwen1.5-1.8b"), tmp_path)
    assert sizes.parameters(shape)["total"] == 596_049_920
    read = sizes._read_shape(config)
    assert sizes.parameters(read)["total"] == pytest.approx(596_049_920, rel=1e-3)
    assert sizes._read_shape({"text_config": config}) == read


def test_fsdp_divides_the_base_by_its_own_blocks(tokenizer, monkeypatch):
    """Both configurations leave the class of the block to accelerate, which asks the model."""
    from accelerate.utils import FullyShardedDataParallelPlugin
    from accelerate.utils.fsdp_utils import fsdp2_prepare_auto_wrap_policy
    from peft import LoraConfig, get_peft_model

    launch = Path(evaluate.__file__).parent / "launch"
    for path in launch.glob("fsdp-*.yaml"):
        assert "layer_cls_to_wrap" not in path.read_text(encoding="utf-8")
    plugin = FullyShardedDataParallelPlugin(fsdp_version=2, auto_wrap_policy="transformer_based_wrap")
    for family, block in (("llama", "LlamaDecoderLayer"), ("gemma2", "Gemma2DecoderLayer")):
        model = get_peft_model(tiny(family, tokenizer), LoraConfig(task_type="CAUSAL_LM", target_modules=["q_proj"]))
        wrapped = fsdp2_prepare_auto_wrap_policy(plugin, model)
        found = {type(module).__name__ for module in model.modules() if wrapped(module)}
        assert block in found


def test_a_model_that_scores_everything_keeps_its_loss(tokenizer):
    import torch

    model = tiny("qwen2", tokenizer)
    ids, labels, _ = labelled(tokenizer, range(2))
    inputs = {"input_ids": ids, "labels": labels}
    expected = plain_head_loss(None, model, inputs)
    assert kept_logits(model, torch.arange(2))
    forward = type(model).forward

    class Whole(type(model)):
        def forward(self, input_ids, use_cache=None):
            return forward(self, input_ids=input_ids, use_cache=use_cache)

    model.__class__ = Whole
    assert not kept_logits(model, torch.arange(2))
    assert torch.allclose(plain_head_loss(None, model, inputs), expected)
