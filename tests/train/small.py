"""Small models: a base of a few thousand weights, made once a process, with settings to train on it in seconds; and random ones."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tarot_train import recipe
from tarot_train.pretraining import pretrain

SHAPE = {
    "base.shape.layers": "2",
    "base.shape.hidden": "64",
    "base.shape.ffn": "128",
    "base.shape.heads": "4",
    "base.shape.kv_heads": "2",
    "pretraining.vocab": "900",
    "pretraining.batch_tokens": "512",
}

TRAINING = {
    "base.template": "r1",
    "lora.r": "8",
    "train.learning_rate": "1e-3",
    "train.epochs": "2",
    "generation.max_new_tokens": "24",
    "generation.held_out": "2",
}

_FOLDER = TemporaryDirectory(prefix="tarot-small-base-")


def rows(number: int) -> list[dict]:
    """Rows of so many examples, as `pretrain` takes them."""
    from tarot_train.training_rows import to_row
    from tests.train.conftest import example

    return [to_row(example(i, "train")) for i in range(number)]


@cache
def small_base() -> Path:
    """Return the folder of the small base."""
    return pretrain(recipe.load("tarot-tiny", SHAPE), rows(192), Path(_FOLDER.name) / "small")


def small() -> dict[str, str]:
    """Return overrides of the recipe tarot-tiny that train on the small base."""
    return {"base.name": str(small_base()), **TRAINING}


def small_toml(**train: object) -> str:
    """Return the same settings as a recipe file."""
    lines = [
        f'[base]\nname = "{small_base().as_posix()}"\ntemplate = "r1"\ndtype = "float32"',
        "[lora]\nr = 8\nalpha = 16",
    ]
    settings = {"learning_rate": 1e-3, "epochs": 1, **train}
    lines += ["[train]", *(f"{name} = {value}" for name, value in settings.items()), 'checkpointing = "off"']
    lines += ["[generation]\nmax_new_tokens = 24\nheld_out = 2"]
    return "\n".join(lines) + "\n"


def tiny(family: str, tokenizer, **more):
    """Return a random model of a family with two layers. more: further settings of its config."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    torch.manual_seed(0)
    tokens = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    config = AutoConfig.for_model(
        family,
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        initializer_range=0.2,
        **tokens,
        **more,
    )
    return AutoModelForCausalLM.from_config(config).eval()
