"""A recipe: every setting of a training, from one TOML file a base model in `recipes/`.

A recipe says what somebody wants. What a given number of examples on a given device makes of it, and why, is decided
in `tarot_train.plan`; the result is a recipe too, so that what was used reads like what was asked for.
"""

import dataclasses
import tomllib
import types
import typing
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path

from schemas.errors import Problem


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The shape of a Qwen2 base, from its published config.json. Enough to count weights and memory without it."""

    layers: int
    """Blocks of the model."""
    hidden: int
    """Width of the residual stream."""
    ffn: int
    """Width inside the feed-forward part."""
    heads: int
    """Attention heads."""
    kv_heads: int
    """Key and value heads; fewer than heads where groups share them."""
    vocab: int
    """Rows of the embedding, padding rows included."""
    tied: bool = False
    """Whether output head and embedding are one matrix."""
    positions: int = 4096
    """Longest context the base was made for, in tokens."""


@dataclass(frozen=True, kw_only=True)
class Base:
    """The model that is adapted."""

    name: str
    """`tarot-tiny` (made on the spot), a local folder, or a hub name that is on this machine already."""
    template: str = "r1"
    """Chat template, a file of `templates/`, or `own` for the one that comes with the tokenizer. It is used for
    training and for reading alike, and kept with the adapter."""
    dtype: str = "auto"
    """Precision of the weights: auto (bfloat16 on a GPU, float32 on a CPU), bfloat16, float16, float32."""
    quantize: str = "none"
    """none, or nf4: weights in 4 bit with double quantisation (QLoRA, arXiv:2305.14314). Needs CUDA and bitsandbytes."""
    shape: Shape | None = None
    """Shape for planning before the base is on this machine; where its config.json is there, that one counts."""


@dataclass(frozen=True, kw_only=True)
class Lora:
    """Low-rank adapters (arXiv:2106.09685)."""

    r: int = 32
    """Rank. Trainable weights grow with it in proportion. Recipe card: 32."""
    alpha: int = 64
    """Scale of the update is alpha / r. Recipe card: 64."""
    dropout: float = 0.05
    """Share of the adapter's inputs dropped while training, 0 to 1. Recipe card: .05."""
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """Linear layers that get an adapter, by the end of their names. Recipe card: all seven of a block."""
    modules_to_save: tuple[str, ...] = ()
    """Whole modules trained and stored beside the adapters. The card names embedding and head, which makes 81 million
    trainable weights 1.17 billion and serves nothing where no token is added; the planner leaves them out."""


@dataclass(frozen=True, kw_only=True)
class Train:
    """The optimisation."""

    learning_rate: float = 2e-4
    """Peak of AdamW's rate, a weight and update. Recipe card: 2e-4."""
    schedule: str = "cosine"
    """Course of the rate after warmup: cosine, linear or constant. Recipe card: cosine."""
    warmup: float = 0.1
    """Updates until the peak; below 1 a share of all updates. Recipe card: 100 updates."""
    weight_decay: float = 0.01
    """AdamW's decay of the adapters."""
    batch: int = 1
    """Examples that go through the model together. Recipe card: 1."""
    accumulation: int = 8
    """Batches an update adds up. Recipe card: 8."""
    epochs: float = 3.0
    """Times every example is seen. Recipe card: 3."""
    max_steps: int = -1
    """Updates at most; -1 leaves it to the epochs. Recipe card: 1000, which silently overrules its 3 epochs."""
    max_tokens: int = 2048
    """Longest example, prompt and reading together, in tokens. Longer ones are left out and counted, never cut.
    Recipe card: 2048."""
    eval_steps: int = 0
    """Updates between two evaluations on the validation split; 0 is a third of an epoch. Recipe card: 100."""
    save_steps: int = 0
    """Updates between two checkpoints; 0 is the same as eval_steps. Recipe card: 100."""
    patience: int = 3
    """Evaluations without a better loss until training stops early; 0 never stops."""
    checkpointing: str = "auto"
    """Recompute activations to save memory: auto (where they would not fit), on, off."""
    packing: bool = False
    """Put several examples into one row. Saves padding only where batch is over 1. Recipe card: off."""
    seed: int = 42
    """Of order, dropout and adapter initialisation. Two runs with one seed on one CPU give one adapter."""
    as_written: bool = False
    """Train with the values as they stand, even where the planner knows better. It still refuses what cannot work."""


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """How the stand-in base `tarot-tiny` is made. Other bases ignore it."""

    vocab: int = 4096
    """Tokens of its byte-level BPE at most, special ones included."""
    steps: int = 200
    """Updates of its first training on the train split's text."""
    rows: int = 8
    """Rows of packed text an update."""
    row_tokens: int = 64
    """Tokens a row."""
    learning_rate: float = 5e-4
    """Peak rate of AdamW for the blocks; warmup a tenth, then cosine."""
    embedding_rate: float = 1.5e-2
    """Peak rate for embedding and norms. In so few updates most of what is learnt is which tokens are frequent; thirty
    times the blocks' rate took the held-out loss from 7.1 to 4.6 nats a token in 200 updates."""
    seed: int = 0
    """Of its weights and of the order of its text."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """How a reading is written, in training's evaluation and by `tarot read`."""

    temperature: float = 0.6
    """0 takes the likeliest token always. 0.6 is what the authors of R1 advise (arXiv:2501.12948)."""
    top_p: float = 0.95
    """Smallest set of likeliest tokens with this probability is drawn from. From the same source."""
    max_new_tokens: int = 1024
    """Longest reading, in tokens."""
    held_out: int = 8
    """Test prompts that are read by base and tuned for the evaluation."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All settings of a training."""

    base: Base
    lora: Lora = field(default_factory=Lora)
    train: Train = field(default_factory=Train)
    pretraining: Pretraining = field(default_factory=Pretraining)
    generation: Generation = field(default_factory=Generation)


def names() -> list[str]:
    """The recipes that come with the package."""
    return sorted(
        path.name.removesuffix(".toml")
        for path in (files("tarot_train") / "recipes").iterdir()
        if path.name.endswith(".toml")
    )


def load(name_or_path: str | Path, overrides: dict[str, str] | None = None) -> Recipe:
    """The recipe of that name, or of a TOML file. overrides: dotted key to text, `{"lora.r": "16"}`.

    Raises Problem `no_recipe`, `recipe_key` (naming the nearest key), `recipe_value`.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml":
        if str(name_or_path) not in names():
            raise Problem("no_recipe", name=name_or_path, have=", ".join(names()))
        path = files("tarot_train") / "recipes" / f"{name_or_path}.toml"
    elif not path.exists():
        raise Problem("no_recipe", name=name_or_path, have=", ".join(names()))
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise Problem("recipe_toml", name=name_or_path, why=str(error)) from None
    for key, text in (overrides or {}).items():
        _set(values, key, text)
    return build(values)


def for_base(base: str) -> str:
    """Name of the packaged recipe that is written for a base; the nearest in size is the reader's choice.

    Falls back to `qwen1.5-1.8b`, whose settings suit any small chat model, with the tokenizer's own template.
    """
    for name in names():
        if load(name).base.name == base:
            return name
    return "qwen1.5-1.8b"


def build(values: dict) -> Recipe:
    """A recipe of nested dicts, as TOML or a manifest holds them. Raises Problem `recipe_key`, `recipe_value`."""
    return _build(Recipe, values, "")


def as_dict(recipe: Recipe) -> dict:
    """Nested dicts that `build` makes the same recipe of; fit for JSON."""
    return dataclasses.asdict(recipe)


def keys(kind: type = Recipe, prefix: str = "") -> list[str]:
    """All dotted keys, `lora.r` and so on."""
    found = []
    for spec in dataclasses.fields(kind):
        inner = _dataclass_of(typing.get_type_hints(kind)[spec.name])
        found += keys(inner, f"{prefix}{spec.name}.") if inner else [f"{prefix}{spec.name}"]
    return found


def replace(recipe: Recipe, key: str, value: object) -> Recipe:
    """The recipe with one value changed, by its dotted key."""
    table, name = key.split(".")
    return dataclasses.replace(recipe, **{table: dataclasses.replace(getattr(recipe, table), **{name: value})})


def get(recipe: Recipe, key: str) -> object:
    table, name = key.split(".")
    return getattr(getattr(recipe, table), name)


def _set(values: dict, key: str, text: str) -> None:
    if key not in keys():
        raise _unknown(key)
    *tables, name = key.split(".")
    for table in tables:
        values = values.setdefault(table, {})
    values[name] = text


def _unknown(key: str) -> Problem:
    nearest = get_close_matches(key, keys(), n=1, cutoff=0.0)
    return Problem("recipe_key", setting=key, nearest=nearest[0])


def _build(kind: type, values: object, prefix: str):
    if not isinstance(values, dict):
        raise Problem("recipe_value", setting=prefix.rstrip("."), value=values, kind="table")
    hints = typing.get_type_hints(kind)
    arguments = {}
    for name, value in values.items():
        if name not in hints:
            raise _unknown(f"{prefix}{name}")
        arguments[name] = _convert(hints[name], value, f"{prefix}{name}")
    for spec in dataclasses.fields(kind):
        needed = spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING
        if needed and spec.name not in arguments:
            raise Problem("recipe_missing", setting=f"{prefix}{spec.name}")
    return kind(**arguments)


def _dataclass_of(hint: object) -> type | None:
    for kind in (hint, *typing.get_args(hint)):
        if dataclasses.is_dataclass(kind):
            return kind
    return None


_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

_CHOICES = {
    "base.dtype": ("auto", "bfloat16", "float16", "float32"),
    "base.quantize": ("none", "nf4"),
    "train.schedule": ("cosine", "linear", "constant"),
    "train.checkpointing": ("auto", "on", "off"),
}


def _convert(hint: object, value: object, key: str):
    """A value of TOML, JSON or the command line in the field's type. Raises Problem `recipe_value`."""
    inner = _dataclass_of(hint)
    if inner:
        if value is None and isinstance(hint, types.UnionType):
            return None
        return _build(inner, value, f"{key}.")
    try:
        if typing.get_origin(hint) is tuple:
            parts = value.split(",") if isinstance(value, str) else value
            return tuple(str(part).strip() for part in parts if str(part).strip())
        if hint is bool:
            return value if isinstance(value, bool) else _TRUTH[str(value).lower()]
        if isinstance(value, bool):
            raise ValueError
        if hint is int and isinstance(value, float) and not value.is_integer():
            raise ValueError
        converted = hint(value)
    except (ValueError, TypeError, KeyError, AttributeError):
        raise Problem("recipe_value", setting=key, value=value, kind=getattr(hint, "__name__", "list")) from None
    if key in _CHOICES and converted not in _CHOICES[key]:
        raise Problem("recipe_value", setting=key, value=value, kind=" | ".join(_CHOICES[key]))
    return converted
