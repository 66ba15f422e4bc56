"""Training plan: what a training would do, need and cost, and which settings of its recipe are changed and why.

Arithmetic only, without torch: weights from the base's shape, memory and time from formulas fitted on the three bases of
`recipes/` (docs/training.md has the table).
"""

import json
from bisect import bisect_left, insort
from dataclasses import dataclass, replace
from importlib.util import find_spec
from math import ceil
from pathlib import Path

from schemas.errors import Problem
from schemas.messages import say
from tarot_train.device import Device
from tarot_train.recipe import Lora, Recipe, Shape, get
from tarot_train.recipe import replace as with_value
from tarot_train.tables import read_table

GIB = 2**30

MOST_EPOCHS = 10
"""More epochs than this over so few readings are memorised."""

MOST_WARMUP = 0.2
"""A warmup over this share of all updates is replaced: the rate would hardly reach its peak."""

FEWEST_EVALUATIONS = 3
"""With fewer evaluations the best checkpoint is missed; then every third of an epoch is used."""

WARMUP = 0.1
"""Share of all updates used for warmup if the recipe's number does not fit."""

CUDA_RUNTIME_GIB = 1.3
"""GiB that the CUDA context and its libraries take of a GPU before any weight."""

CPU_RUNTIME_GIB = 0.6
"""GiB that Python, torch, transformers and trl take on a CPU before any weight; measured."""

HEAD_CHUNK = 32768
"""Columns of the vocabulary TRL scores at a time on a GPU."""

UTILISATION = (0.15, 0.40)
"""Share of a GPU's data-sheet throughput that training reaches: with batch 1, with a full batch."""

CPU_GFLOPS_A_THREAD = 20.0
"""Throughput of one thread in float32 training; measured with tarot-tiny on a server core of 2021."""

BIG = 1_000_000_000
"""Number of weights from which a base is kept in bfloat16 on a CPU: float32 would only double its memory."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """The examples planned for. Tokens are those of prompt and reading together."""

    train: int
    validation: int
    test: int = 0
    mean_tokens: float
    longest_tokens: int
    too_long: int = 0
    """Examples over max_tokens, which are left out."""
    packed: int | None = None
    """Number of rows of max_tokens after packing; None if the lengths are unknown."""
    counted: str = "tokenizer"
    """How tokens were counted: tokenizer, characters (`schemas.token_estimate`) or given."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A setting changed from the recipe. code and values: key under `change.` in the catalogue."""

    setting: str
    recipe: object
    used: object
    code: str
    values: dict[str, object]

    def as_dict(self) -> dict[str, object]:
        why = say(f"change.{self.code}", "en", **self.values)
        own = {"setting": self.setting, "recipe": _plain(self.recipe), "used": _plain(self.used), "why": why}
        return own | {"code": self.code, "values": self.values}


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """Why a training must not start. change: the smallest setting that would let it, `{"base.quantize": "nf4"}`."""

    code: str
    values: dict[str, object]
    change: dict[str, str]

    @property
    def problem(self) -> Problem:
        options = [
            f"--base {value}" if key == "base.name" else f"--set {key}={value}" for key, value in self.change.items()
        ]
        return Problem(f"no_go_{self.code}", **self.values, fix=" ".join(options) or "–")

    def as_dict(self) -> dict[str, object]:
        problem = self.problem
        return {"code": problem.code, "why": str(problem), "values": problem.values, "change": self.change}


# Counting


def parameters(shape: Shape) -> dict[str, int]:
    """Count the weights of a Qwen2 model: total, linear (those of the blocks' matrices), embedding, head."""
    head_width = shape.hidden // shape.heads
    kv = shape.kv_heads * head_width
    linear = sum(inputs * outputs for inputs, outputs in modules(shape).values()) * shape.layers
    biases_and_norms = shape.layers * (shape.hidden + 2 * kv + 2 * shape.hidden) + shape.hidden
    embedding = shape.vocab * shape.hidden
    head = 0 if shape.tied else embedding
    return {
        "total": linear + biases_and_norms + embedding + head,
        "linear": linear,
        "embedding": embedding,
        "head": head,
    }


def modules(shape: Shape) -> dict[str, tuple[int, int]]:
    """Map the seven matrices of a block to (inputs, outputs)."""
    kv = shape.kv_heads * (shape.hidden // shape.heads)
    return {
        "q_proj": (shape.hidden, shape.hidden),
        "k_proj": (shape.hidden, kv),
        "v_proj": (shape.hidden, kv),
        "o_proj": (shape.hidden, shape.hidden),
        "gate_proj": (shape.hidden, shape.ffn),
        "up_proj": (shape.hidden, shape.ffn),
        "down_proj": (shape.ffn, shape.hidden),
    }


def adapter_parameters(shape: Shape, lora: Lora) -> int:
    return lora.r * shape.layers * sum(sum(sizes) for name, sizes in modules(shape).items() if name in lora.targets)


def saved_parameters(shape: Shape, lora: Lora) -> int:
    """Count the weights of modules_to_save."""
    counted = parameters(shape)
    sizes = {"embed_tokens": counted["embedding"], "lm_head": counted["head"]}
    return sum(sizes.get(name, 0) for name in lora.modules_to_save)


def trainable(shape: Shape, lora: Lora) -> int:
    return adapter_parameters(shape, lora) + saved_parameters(shape, lora)


def packed_rows(lengths: list[int], most: int) -> int:
    """Number of rows after packing: longest example first, each into the fullest row with room, as TRL's `bfd` does."""
    left: list[int] = []
    for length in sorted(lengths, reverse=True):
        at = bisect_left(left, length)
        room = left.pop(at) if at < len(left) else most
        insort(left, room - length)
    return len(left)


def rows_of(data: Data, recipe: Recipe) -> int:
    """Rows per epoch: examples, or packs of them."""
    return data.packed if recipe.train.packing and data.packed else data.train


def longest_row(data: Data, recipe: Recipe) -> int:
    """Tokens of the longest row."""
    return recipe.train.max_tokens if recipe.train.packing else data.longest_tokens


def steps(examples: int, recipe: Recipe, processes: int = 1) -> dict[str, int | float]:
    """Compute {per_epoch, total, warmup, every, epochs} for so many rows, by the recipe as it is.

    batch and accumulation are those of each process.
    """
    train = recipe.train
    per_epoch = max(1, ceil(ceil(examples / (train.batch * processes)) / train.accumulation))
    total = ceil(per_epoch * train.epochs)
    if train.max_steps > 0:
        total = train.max_steps
    warmup = ceil(total * train.warmup) if train.warmup < 1 else int(train.warmup)
    every = train.eval_steps or max(1, per_epoch // 3)
    return {
        "per_epoch": per_epoch,
        "total": total,
        "warmup": warmup,
        "every": every,
        "epochs": round(total / per_epoch, 2),
    }


# Deciding


class Decision:
    """The recipe as it becomes, with every change and its reason."""

    def __init__(self, recipe: Recipe) -> None:
        self.used = recipe
        self.changes: list[Change] = []

    def change(self, key: str, value: object, code: str, **values: object) -> None:
        """Set a key of the recipe. code, values: the reason, a key of the catalogue."""
        before = get(self.used, key)
        if before != value:
            self.used = with_value(self.used, key, value)
            self.changes.append(Change(setting=key, recipe=before, used=value, code=code, values=values))


def decide(recipe: Recipe, data: Data, device: Device, shape: Shape) -> tuple[Recipe, list[Change], list[Obstacle]]:
    """Adapt a recipe to data and device: (the recipe used, what was changed and why, what forbids to start)."""
    decision = Decision(recipe)
    _follow_device(decision, device, shape)
    accumulation = max(1, decision.used.train.accumulation // device.processes)
    decision.change("train.accumulation", accumulation, "processes", processes=device.processes)
    if shape.tied and "lm_head" in decision.used.lora.modules_to_save:
        kept = tuple(name for name in decision.used.lora.modules_to_save if name != "lm_head")
        decision.change("lora.modules_to_save", kept, "tied")
    train = decision.used.train
    if train.packing and (device.kind == "cpu" or train.batch == 1) and not recipe.train.as_written:
        decision.change("train.packing", False, "packing")
    if not recipe.train.as_written:
        _follow_size(decision, data, device, shape)
    if not recipe.train.as_written or recipe.train.checkpointing == "auto":
        _fit_memory(decision, data, device, shape)
    return decision.used, decision.changes, obstacles(decision.used, data, device, shape)


def _follow_device(decision: Decision, device: Device, shape: Shape) -> None:
    base, change = decision.used.base, decision.change
    big = parameters(shape)["total"] >= BIG
    if device.kind == "cpu":
        want = "bfloat16" if big else "float32"
        if base.dtype in ("float16", "auto") or (base.dtype == "bfloat16" and not big):
            change("base.dtype", want, "dtype_cpu", used=want)
    elif not device.bfloat16 and base.dtype in ("auto", "bfloat16"):
        change("base.dtype", "float16", "dtype_old_card", device=device.name)
    elif device.bfloat16 and base.dtype in ("auto", "float16"):
        change("base.dtype", "bfloat16", "dtype_gpu" if base.dtype == "float16" else "dtype_auto", device=device.name)
    if base.quantize == "nf4" and not can_quantize(device):
        change("base.quantize", "none", "no_quantize", device=device.name)


def _follow_size(decision: Decision, data: Data, device: Device, shape: Shape) -> None:
    recipe, change = decision.used, decision.change
    train, lora = recipe.train, recipe.lora
    natural = steps(rows_of(data, recipe), with_value(recipe, "train.max_steps", -1), device.processes)
    if train.max_steps > natural["total"]:
        epochs = round(train.max_steps / natural["per_epoch"], 1)
        values = {"steps": train.max_steps, "epochs": epochs, "natural": natural["total"], "examples": data.train}
        change("train.max_steps", -1, "max_steps", **values)
        total = natural["total"]
    else:
        total = train.max_steps if train.max_steps > 0 else natural["total"]
    if train.warmup >= 1 and train.warmup > MOST_WARMUP * total:
        share = round(100 * train.warmup / total)
        code = "warmup_never_ends" if train.warmup >= total else "warmup_long"
        change("train.warmup", WARMUP, code, warmup=int(train.warmup), steps=total, share=share)
    every = max(1, natural["per_epoch"] // 3)
    evaluated = train.eval_steps
    if FEWEST_EVALUATIONS * train.eval_steps > total:
        evaluated = every
        change("train.eval_steps", every, "eval_steps", every=train.eval_steps, steps=total, used=every)
    if train.save_steps and train.save_steps != evaluated:
        change("train.save_steps", 0, "save_steps", every=train.save_steps)
    if lora.modules_to_save:
        before, after = trainable(shape, lora), adapter_parameters(shape, lora)
        names = ", ".join(lora.modules_to_save)
        change("lora.modules_to_save", (), "modules_to_save", names=names, before=f"{before:,}", after=f"{after:,}")
    linear = tuple(name for name in lora.targets if name in modules(shape))
    if linear != lora.targets:
        change("lora.targets", linear, "targets", names=", ".join(set(lora.targets) - set(linear)))


def _fit_memory(decision: Decision, data: Data, device: Device, shape: Shape) -> None:
    """Choose checkpointing, then 4 bit, then a smaller batch, as far as memory asks for."""

    def fits() -> bool:
        return fits_into(memory(shape, decision.used, longest_row(data, decision.used), device), device)

    before = decision.used
    if before.train.checkpointing != "on":
        without = memory(shape, with_value(before, "train.checkpointing", "off"), data.longest_tokens, device)
        if fits_into(without, device):
            decision.change("train.checkpointing", "off", "checkpointing_off")
        elif before.train.checkpointing == "auto" or not before.train.as_written:
            decision.change("train.checkpointing", "on", "checkpointing_on", device=device.name)
    batch, accumulation = decision.used.train.batch, decision.used.train.accumulation
    if not fits() and batch > 1:
        decision.change("train.batch", 1, "batch", batch=batch)
        decision.change("train.accumulation", batch * accumulation, "accumulation", rows=batch * accumulation)
    if not fits() and decision.used.base.quantize == "none" and can_quantize(device):
        decision.change("base.quantize", "nf4", "quantize", device=device.name, memory=device.memory_gib)


def can_quantize(device: Device) -> bool:
    """Whether 4-bit weights can be used: on CUDA with bitsandbytes. A GPU that is only planned for is assumed to have it."""
    return device.kind == "gpu" or (device.kind == "cuda" and find_spec("bitsandbytes") is not None)


def obstacles(recipe: Recipe, data: Data, device: Device, shape: Shape) -> list[Obstacle]:
    """List why a training with this recipe must not start; empty if it may."""
    found = []
    counted = steps(rows_of(data, recipe), recipe, device.processes)
    if data.train == 0:
        code = "all_too_long" if data.too_long else "no_train"
        longest = {"train.max_tokens": str(data.longest_tokens)} if data.too_long else {}
        values = {"too_long": data.too_long, "max_tokens": recipe.train.max_tokens}
        return [Obstacle(code=code, values=values, change=longest)]
    strange = sorted(set(recipe.lora.targets) - set(modules(shape)))
    if strange:
        change = {"lora.targets": ",".join(name for name in recipe.lora.targets if name not in strange)}
        found.append(Obstacle(code="targets", values={"names": ", ".join(strange)}, change=change))
    if data.validation == 0:
        found.append(Obstacle(code="no_validation", values={}, change={}))
    if counted["epochs"] > MOST_EPOCHS:
        values = {"epochs": counted["epochs"], "most": MOST_EPOCHS}
        found.append(Obstacle(code="epochs", values=values, change={"train.max_steps": "-1", "train.epochs": "3"}))
    if counted["warmup"] >= counted["total"] > 1:
        values = {"warmup": counted["warmup"], "steps": counted["total"]}
        found.append(Obstacle(code="warmup", values=values, change={"train.warmup": str(WARMUP)}))
    need = memory(shape, recipe, longest_row(data, recipe), device)
    if not fits_into(need, device):
        values = {"need": round(need["total"], 1), "have": usable_gib(device), "device": device.name}
        found.append(Obstacle(code="memory", values=values, change=_smaller(recipe, data, device, shape)))
    return found


def _smaller(recipe: Recipe, data: Data, device: Device, shape: Shape) -> dict[str, str]:
    """The smallest change that makes it fit into memory, or {} if none of those tried does."""
    tries = [{"train.checkpointing": "on"}, {"base.quantize": "nf4"}]
    tries += [{"train.max_tokens": str(tokens)} for tokens in (1536, 1024, 512) if tokens < data.longest_tokens]
    tries += [{"lora.r": str(r)} for r in (16, 8, 4) if r < recipe.lora.r]
    tries += [{"base.name": "deepseek-ai/DeepSeek-R1-Distill-Qwen-1.5B"}]
    for attempt in tries:
        if "base.name" in attempt:
            return attempt if parameters(shape)["total"] > 2 * BIG else {}
        if "base.quantize" in attempt and device.kind == "cpu":
            continue
        changed, longest = recipe, data.longest_tokens
        for key, text in attempt.items():
            kind = type(get(recipe, key))
            changed = with_value(changed, key, kind(text))
            longest = int(text) if key == "train.max_tokens" else longest
        if fits_into(memory(shape, changed, longest, device), device):
            return attempt
    return {}


# Memory, time, money


def memory(shape: Shape, recipe: Recipe, tokens: int, device: Device) -> dict[str, float]:
    """Compute GiB by part for rows of so many tokens: weights, adapters, optimizer, activations, logits, runtime, total.

    On a CPU, total holds the runtime, as the process shows it; that of a GPU is subtracted in `usable_gib`.
    """
    counted, lora, train = parameters(shape), recipe.lora, recipe.train
    wide = 4 if recipe.base.dtype == "float32" else 2
    adapter, saved = adapter_parameters(shape, lora), saved_parameters(shape, lora)
    if recipe.base.quantize == "nf4":
        # 4 bits and, with double quantisation, 0.127 bits of constants per weight; what is not linear stays in 16 bit.
        weights = counted["linear"] * 4.127 / 8 + (counted["total"] - counted["linear"]) * 2
    else:
        weights = counted["total"] * wide
    rows = tokens * train.batch
    block = activation_bytes(shape, lora, wide) * rows
    if train.checkpointing == "on":
        activations = 2 * shape.hidden * shape.layers * rows * wide / 2 + block
    else:
        activations = block * shape.layers
    if device.kind == "cpu" or train.as_written:
        # A plain head: logits in the weights' precision and in float32, and their gradient.
        logits = rows * shape.vocab * 10
    else:
        logits = rows * HEAD_CHUNK * 2
    parts = {
        "weights": weights,
        # peft keeps adapters in float32 for any base; saved modules have the base's precision.
        "adapters": adapter * 4 + saved * wide,
        "optimizer": adapter * 12 + saved * (6 if wide == 2 else 12),
        "activations": activations,
        "logits": logits,
    }
    gib = {name: size / GIB for name, size in parts.items()}
    gib["runtime"] = CPU_RUNTIME_GIB if device.kind == "cpu" else CUDA_RUNTIME_GIB
    gib["total"] = sum(size / GIB for size in parts.values()) + (gib["runtime"] if device.kind == "cpu" else 0.0)
    return gib


def activation_bytes(shape: Shape, lora: Lora, wide: int = 2) -> float:
    """Bytes per token that one block keeps for its backward pass, with adapters on all its matrices.

    Fitted on the measured blocks of the three bases in bfloat16 (within 1 %); dropout keeps a mask and a copy of every
    adapter's input. Precision other than 16 bit scales it.
    """
    kv = shape.kv_heads * (shape.hidden // shape.heads)
    plain = 24.3 * shape.hidden + 8.1 * shape.ffn + 4.1 * kv + 14 * lora.r
    dropped = 4 * (6 * shape.hidden + shape.ffn) if lora.dropout else 0
    return (plain + dropped) * wide / 2


def usable_gib(device: Device) -> float:
    """GiB of a device's memory that a training may use."""
    if device.kind == "cpu":
        return round(0.9 * device.memory_gib, 1)
    if device.kind == "mps":
        return round(0.7 * device.memory_gib, 1)
    return round(device.memory_gib - CUDA_RUNTIME_GIB, 1)


def fits_into(need: dict[str, float], device: Device) -> bool:
    return need["total"] <= usable_gib(device)


def flops_a_token(shape: Shape, tokens: float, checkpointing: bool) -> float:
    """Floating-point operations of forward, backward and, with checkpointing, the second forward, of one token.

    The base's own weights need no gradient: forward 2, backward 2 operations per weight.
    """
    counted = parameters(shape)
    attention = 2 * shape.layers * shape.hidden * tokens
    passes = 3 if checkpointing else 2
    return passes * (2 * (counted["linear"] + counted["embedding"]) + attention)


def hours(shape: Shape, recipe: Recipe, data: Data, device: Device) -> tuple[float, float]:
    """Least and most hours of training without evaluation; computed, not measured."""
    seen = steps(rows_of(data, recipe), recipe, device.processes)["epochs"] * data.train * data.mean_tokens
    work = seen * flops_a_token(shape, data.mean_tokens, recipe.train.checkpointing == "on")
    if device.kind == "cpu":
        rate = CPU_GFLOPS_A_THREAD * 1e9 * max(1, device.threads)
        return work / (2 * rate) / 3600, 2 * work / rate / 3600
    peak = tflops(device) * 1e12 * device.processes
    low, high = UTILISATION
    return work / (peak * high) / 3600, work / (peak * low) / 3600


def tflops(device: Device) -> float:
    """Dense 16-bit TFLOPS of a GPU by its name; 60 if the table does not have it."""
    for row in read_table("gpus"):
        if row["name"] == device.name or row["as"].split("-")[0] in device.name.lower().replace(" ", ""):
            return float(row["tflops"])
    return 60.0


def gpu(name: str) -> Device:
    """Return a GPU of `tables/gpus.csv` to plan for. Raises Problem `no_gpu`."""
    for row in read_table("gpus"):
        if row["as"] == name.lower():
            return Device(
                kind="gpu", name=row["name"], memory_gib=float(row["memory_gib"]), bfloat16=row["bfloat16"] == "yes"
            )
    raise Problem("no_gpu", name=name, have=", ".join(row["as"] for row in read_table("gpus")))


# The plan


def shape_of(recipe: Recipe, folder: Path | None) -> Shape:
    """Read the base's shape from its config.json if it is here, else from the recipe. Raises Problem `no_shape`."""
    config = folder / "config.json" if folder else None
    if config and config.exists():
        values = json.loads(config.read_text(encoding="utf-8"))
        if {"num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads"} <= set(values):
            return Shape(
                layers=values["num_hidden_layers"],
                hidden=values["hidden_size"],
                ffn=values["intermediate_size"],
                heads=values["num_attention_heads"],
                kv_heads=values.get("num_key_value_heads") or values["num_attention_heads"],
                vocab=values["vocab_size"],
                tied=bool(values.get("tie_word_embeddings")),
                positions=values.get("max_position_embeddings", 4096),
            )
    if recipe.base.shape is None:
        raise Problem("no_shape", name=recipe.base.name)
    return recipe.base.shape


def plan(recipe: Recipe, data: Data, device: Device, shape: Shape | None = None, price: float | None = None) -> dict:
    """Say what a training would do, as JSON. price: of the device, an hour, in any currency; cost is null without it."""
    shape = shape or shape_of(recipe, None)
    used, changes, against = decide(recipe, data, device, shape)
    counted = steps(rows_of(data, used), used, device.processes)
    need = memory(shape, used, longest_row(data, used), device)
    least, most = hours(shape, used, data, device)
    weights = parameters(shape)["total"]
    adapter_bytes = 4 * adapter_parameters(shape, used.lora) + 4 * saved_parameters(shape, used.lora)
    kept = 2 * (3 * adapter_bytes) + adapter_bytes
    return {
        "base": recipe.base.name,
        "examples": {"train": data.train, "validation": data.validation, "test": data.test, "too_long": data.too_long},
        "tokens": {
            "mean": round(data.mean_tokens, 1),
            "longest": data.longest_tokens,
            "epoch": round(data.train * data.mean_tokens),
            "counted": data.counted,
        },
        "steps": counted["total"],
        "steps_per_epoch": counted["per_epoch"],
        "epochs": counted["epochs"],
        "warmup_steps": counted["warmup"],
        "eval_every": counted["every"],
        "parameters": weights,
        "trainable_parameters": trainable(shape, used.lora),
        "memory_gib": {name: round(value, 2) for name, value in need.items()},
        **_on_a_gpu(recipe, used, data, device, shape),
        "disk_gib": round((weights * 2 + kept) / GIB, 2),
        "adapter_mb": round(adapter_bytes / 1e6, 1),
        "device": device.as_dict() | {"usable_gib": usable_gib(device)},
        "hours": round(most, 4),
        "hours_range": [round(least, 4), round(most, 4)],
        "cost": None if price is None else round(most * price, 2),
        "go": not against,
        "obstacles": [obstacle.as_dict() for obstacle in against],
        "changes": [change.as_dict() for change in changes],
    }


def _on_a_gpu(recipe: Recipe, used: Recipe, data: Data, device: Device, shape: Shape) -> dict:
    """GiB on a GPU in 16 and in 4 bit, and what the recipe as written would take."""
    card = replace(device, kind="gpu")
    written = replace(recipe, train=replace(recipe.train, as_written=True, checkpointing="off"))
    four_bit = with_value(with_value(used, "base.quantize", "nf4"), "base.dtype", "bfloat16")
    four_bit = with_value(four_bit, "train.checkpointing", "on")
    sixteen = with_value(four_bit, "base.quantize", "none")
    return {
        "memory_16_bit_gib": round(memory(shape, sixteen, data.longest_tokens, card)["total"], 1),
        "memory_4_bit_gib": round(memory(shape, four_bit, data.longest_tokens, card)["total"], 1),
        "as_written": {
            "trainable_parameters": trainable(shape, recipe.lora),
            "memory_gib": round(memory(shape, written, recipe.train.max_tokens, card)["total"], 1),
            "epochs": steps(rows_of(data, recipe), recipe)["epochs"],
        },
    }


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
