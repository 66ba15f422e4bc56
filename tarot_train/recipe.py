"""Recipes: every setting of a training, one TOML file per base model in `recipes/`.

A recipe says what is wanted. `tarot_train.plan` adapts it to the number of examples and the device; the result is a recipe
too.
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
    """The shape of a Qwen2 base, from its published config.json. Enough to count weights and memory.

    A base on this machine is counted on the model itself (`sizes.Built`).
    """

    layers: int
    """Blocks of the model."""
    hidden: int
    """Width of the residual stream."""
    ffn: int
    """Width inside the feed-forward part."""
    heads: int
    """Attention heads."""
    kv_heads: int
    """Key and value heads; fewer than heads if groups share them."""
    vocab: int
    """Rows of the embedding, padding rows included."""
    tied: bool = False
    """Whether output head and embedding are one matrix."""
    positions: int = 4096
    """Longest context of the base, in tokens."""
    head_dim: int = 0
    """Width of an attention head; 0 is hidden / heads."""


@dataclass(frozen=True, kw_only=True)
class Base:
    """The base model."""

    name: str
    """`tarot-tiny` (in the package), a local folder, or a hub name in the local cache."""
    template: str = "r1"
    """Chat template, a file of `templates/`, or `own` for that of the tokenizer. Used for training
    and generation, and kept with the adapter."""
    dtype: str = "auto"
    """Precision of the weights: auto (bfloat16 on a GPU, float32 on a CPU), bfloat16, float16, float32."""
    quantize: str = "none"
    """none, or nf4: weights in 4 bit with double quantisation (QLoRA, arXiv:2305.14314). Needs CUDA and bitsandbytes."""
    shape: Shape | None = None
    """Shape for planning before the base is on this machine; if its config.json is there, that is used."""


@dataclass(frozen=True, kw_only=True)
class Lora:
    """Low-rank adapters (arXiv:2106.09685)."""

    r: int = 32
    """Rank. Trainable weights grow with it in proportion. Published recipe: 32."""
    alpha: int = 64
    """Scale of the update is alpha / r. Published recipe: 64."""
    dropout: float = 0.05
    """Share of the adapter's inputs dropped while training, 0 to 1. Published recipe: .05."""
    rslora: bool = False
    """Scale the update by alpha / sqrt(r) instead of alpha / r (rsLoRA, arXiv:2312.03732), so that a high rank still learns."""
    dora: bool = False
    """Learn the length of every column apart from its direction (DoRA, arXiv:2402.09353). Slower by half and more."""
    targets: tuple[str, ...] = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
    """Linear layers that get an adapter, by the end of their names. Published recipe: all seven of a block."""
    modules_to_save: tuple[str, ...] = ()
    """Whole modules trained and stored with the adapters. The published recipe names embedding and head, which makes 81
    million trainable weights 1.17 billion and is useless if no token is added; the plan leaves them out."""


@dataclass(frozen=True, kw_only=True)
class Train:
    """Optimisation."""

    learning_rate: float = 2e-4
    """Peak learning rate of AdamW. Published recipe: 2e-4."""
    schedule: str = "cosine"
    """Schedule of the rate after warmup: cosine, linear or constant. Published recipe: cosine."""
    warmup: float = 0.1
    """Updates until the peak; below 1, a share of all updates. Published recipe: 100 updates."""
    weight_decay: float = 0.01
    """AdamW's weight decay of the adapters."""
    batch: int = 1
    """Examples per forward pass. Published recipe: 1."""
    accumulation: int = 8
    """Batches accumulated per update. Published recipe: 8."""
    epochs: float = 3.0
    """Epochs. Published recipe: 3."""
    max_steps: int = -1
    """Most updates; -1 leaves it to the epochs. Published recipe: 1000, which silently overrules the 3 epochs."""
    max_tokens: int = 2048
    """Longest example, prompt and reading together, in tokens. Longer ones are left out and counted, never cut.
    Published recipe: 2048."""
    eval_steps: int = 0
    """Updates between two evaluations on the validation split; 0 is a third of an epoch. Published recipe: 100."""
    save_steps: int = 0
    """Updates between two checkpoints; 0 is the same as eval_steps. Published recipe: 100."""
    patience: int = 3
    """Evaluations without a better loss until training stops early; 0 never stops."""
    checkpointing: str = "auto"
    """Recompute activations to save memory: auto (if they would not fit), on, off."""
    neftune: float = 0.0
    """Noise on the embeddings while training (NEFTune, arXiv:2310.05914); its authors use 5. 0 is none."""
    packing: bool = False
    """Put several examples into one row. Saves padding only if batch is over 1. Published recipe: off."""
    seed: int = 42
    """Seed of order, dropout and adapter initialisation. Two runs with one seed on one CPU give one adapter."""
    as_written: bool = False
    """Train with the values as written, against the advice of the plan. What cannot work is still refused."""


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """How the small base of the package was trained (`python -m flows.base`). Other bases ignore it."""

    vocab: int = 5000
    """Vocabulary of its byte-level BPE at most, special tokens included."""
    made_up: int = 8000
    """Made-up readings of its text."""
    repeats: int = 4
    """Times the annotated readings are in its text."""
    drills: int = 1000
    """Short texts that list the drawn cards of a prompt, from which copying is learned; in the second stage with an opening."""
    copies: int = 0
    """Texts to be repeated word for word, before all others."""
    batch_tokens: int = 4096
    """Tokens of an update, padding included; as many again of drills, until they are used up."""
    row_tokens: int = 1024
    """Longest text, in tokens; longer ones are left out."""
    learning_rate: float = 5e-3
    """Peak rate of Muon for the matrices of the blocks."""
    embedding_rate: float = 4e-3
    """Peak rate of AdamW for embedding and norms."""
    seed: int = 0
    """Seed of its weights and of the order of its text."""


@dataclass(frozen=True, kw_only=True)
class Generation:
    """Generation, in evaluation and by `tarot read`."""

    temperature: float = 0.6
    """0 always takes the likeliest token. The authors of R1 advise 0.6 (arXiv:2501.12948)."""
    top_p: float = 0.95
    """Nucleus sampling: draw from the smallest set of tokens with this probability. Same source."""
    max_new_tokens: int = 1024
    """Longest reading, in tokens."""
    held_out: int = 8
    """Held-out prompts that base and tuned model write for in the evaluation."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All settings of a training."""

    base: Base
    lora: Lora = field(default_factory=Lora)
    train: Train = field(default_factory=Train)
    pretraining: Pretraining = field(default_factory=Pretraining)
    second: Pretraining = field(default_factory=Pretraining)
    """The second stage of `pretraining`, which goes on from the weights of the first."""
    generation: Generation = field(default_factory=Generation)


def names() -> list[str]:
    """List the recipes of the package."""
    return sorted(
        path.name.removesuffix(".toml")
        for path in (files("tarot_train") / "recipes").iterdir()
        if path.name.endswith(".toml")
    )


def load(name_or_path: str | Path, overrides: dict[str, str] | None = None) -> Recipe:
    """Load a recipe by name or from a TOML file. overrides: dotted key to text, `{"lora.r": "16"}`.

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
    """Return the name of the packaged recipe for a base.

    A folder that is called like the base has its recipe too. Falls back to `qwen1.5-1.8b`, whose settings suit any small
    chat model, with the tokenizer's own template.
    """
    for name in names():
        if load(name).base.name.split("/")[-1] == Path(base).name:
            return name
    return "qwen1.5-1.8b"


def build(values: dict) -> Recipe:
    """Build a recipe from nested dicts, as in TOML or a manifest. Raises Problem `recipe_key`, `recipe_value`."""
    return _build(Recipe, values, "")


def as_dict(recipe: Recipe) -> dict:
    """Convert to nested dicts for JSON; `build` restores the recipe."""
    return dataclasses.asdict(recipe)


def keys(kind: type = Recipe, prefix: str = "") -> list[str]:
    """List all dotted keys, such as `lora.r`."""
    found = []
    for spec in dataclasses.fields(kind):
        inner = _dataclass_of(typing.get_type_hints(kind)[spec.name])
        found += keys(inner, f"{prefix}{spec.name}.") if inner else [f"{prefix}{spec.name}"]
    return found


def replace(recipe: Recipe, key: str, value: object) -> Recipe:
    """Return the recipe with one value changed, by its dotted key."""
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
    """Convert a value of TOML, JSON or the command line to the field's type. Raises Problem `recipe_value`."""
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
