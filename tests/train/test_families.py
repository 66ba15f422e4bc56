"""Losses of tiny random models of families that scale or cap their logits: each equals the model's own."""

import pytest

from tarot_train import base_model, evaluate, training_rows
from tarot_train.trainer import kept_logits, plain_head_loss
from tests.train.conftest import READINGS, example

FAMILIES = {
    "qwen2": {},
    "gemma2": {"final_logit_softcapping": 5.0, "head_dim": 16, "query_pre_attn_scalar": 16},
    "granite": {"logits_scaling": 8.0, "embedding_multiplier": 12.0},
    "cohere": {"logit_scale": 0.0625},
}


@pytest.fixture(scope="module")
def tokenizer():
    return base_model.train_tokenizer([content for *_, content in READINGS], 400, base_model.read_template("r1"))


def tiny(family: str, tokenizer, **more):
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    tokens = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    config = AutoConfig.for_model(
        family,
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        initializer_range=0.2,
        **tokens,
        **more,
    )
    return AutoModelForCausalLM.from_config(config).eval()


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
