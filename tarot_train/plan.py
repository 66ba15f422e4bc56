"""Training plan: what a training would do, need and cost, and which settings of its recipe are changed and why.

Arithmetic only: weights and memory from `sizes`, time from formulas fitted on the three bases of `recipes/`
(docs/training.md has the table).
"""

from bisect import bisect_left, insort
from dataclasses import dataclass, replace
from math import ceil

from schemas.errors import Problem
from schemas.messages import say
from tarot_train.device import Device
from tarot_train.recipe import Recipe, Shape, get
from tarot_train.recipe import replace as with_value
from tarot_train.sizes import (
    GIB,
    adapter_parameters,
    can_quantize,
    fits_into,
    matrices,
    memory,
    parameters,
    saved_parameters,
    shape_of,
    trainable,
    usable_gib,
)
from tarot_train.tables import read_table

MOST_EPOCHS = 10
"""More epochs than this over so few readings are memorised."""

MOST_WARMUP = 0.2
"""A warmup over this share of all updates is replaced: the rate would hardly reach its peak."""

FEWEST_EVALUATIONS = 3
"""With fewer evaluations the best checkpoint is missed; then every third of an epoch is used."""

WARMUP = 0.1
"""Share of all updates used for warmup if the recipe's number does not fit."""

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
    follow_ups: int = 0
    """Training examples that answer a question asked after the reading."""
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


def packed_rows(lengths: list[int], most: int) -> int:
    """Count rows after packing: longest example first, each into the fullest row that it fits, as TRL's `bfd` does."""
    left: list[int] = []
    for length in sorted(lengths, reverse=True):
        at = bisect_left(left, length)
        free = left.pop(at) if at < len(left) else most
        insort(left, free - length)
    return len(left)


def rows_of(data: Data, recipe: Recipe) -> int:
    """Return the rows per epoch: examples, or packs of them."""
    return data.packed if recipe.train.packing and data.packed else data.train


def longest_row(data: Data, recipe: Recipe) -> int:
    """Return the tokens of the longest row."""
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
    _share_rows(decision, device.processes)
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
    against = [*_uneven(recipe, device.processes), *obstacles(decision.used, data, device, shape)]
    return decision.used, decision.changes, against


def _share_rows(decision: Decision, processes: int) -> None:
    """Divide the rows of an update over the processes, so that it keeps their number; see `_uneven`."""
    train = decision.used.train
    share, rest = divmod(train.batch * train.accumulation, processes)
    if processes > 1 and not rest:
        batch = max(size for size in range(1, train.batch + 1) if share % size == 0)
        decision.change("train.batch", batch, "processes", processes=processes)
        decision.change("train.accumulation", share // batch, "processes", processes=processes)


def _uneven(recipe: Recipe, processes: int) -> list[Obstacle]:
    """Return an obstacle if the rows of an update cannot be divided over the processes."""
    train = recipe.train
    rows = train.batch * train.accumulation
    if rows % processes == 0:
        return []
    values = {"processes": processes, "rows": rows, "fitting": ", ".join(str(n) for n in divisors(rows))}
    needed = next(n for n in range(train.accumulation, rows * processes + 1) if train.batch * n % processes == 0)
    return [Obstacle(code="processes", values=values, change={"train.accumulation": str(needed)})]


def divisors(number: int) -> list[int]:
    return [n for n in range(1, number + 1) if number % n == 0]


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
    there = {matrix.name for matrix in matrices(shape)}
    linear = tuple(name for name in lora.targets if name in there)
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


def obstacles(recipe: Recipe, data: Data, device: Device, shape: Shape) -> list[Obstacle]:
    """List why a training with this recipe must not start; empty if it may."""
    found = []
    counted = steps(rows_of(data, recipe), recipe, device.processes)
    if data.train == 0:
        code = "all_too_long" if data.too_long else "no_train"
        longest = {"train.max_tokens": str(data.longest_tokens)} if data.too_long else {}
        values = {"too_long": data.too_long, "max_tokens": recipe.train.max_tokens}
        return [Obstacle(code=code, values=values, change=longest)]
    if device.gpus > 1 and device.processes == 1:
        found.append(Obstacle(code="several_gpus", values={"gpus": device.gpus}, change={}))
    strange = sorted(set(recipe.lora.targets) - {matrix.name for matrix in matrices(shape)})
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
    """Return the smallest change that makes it fit into memory, or {} if none of those tried does."""
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


def flops_a_token(shape: Shape, tokens: float, checkpointing: bool) -> float:
    """Return the floating-point operations of forward, backward and, with checkpointing, the second forward, of one token.

    The base's own weights need no gradient: forward 2, backward 2 operations per weight.
    """
    counted = parameters(shape)
    attention = 2 * shape.layers * shape.hidden * tokens
    passes = 3 if checkpointing else 2
    return passes * (2 * (counted["linear"] + counted["embedding"]) + attention)


def hours(shape: Shape, recipe: Recipe, data: Data, device: Device) -> tuple[float, float]:
    """Return the least and most hours of training without evaluation; computed, not measured."""
    seen = steps(rows_of(data, recipe), recipe, device.processes)["epochs"] * data.train * data.mean_tokens
    work = seen * flops_a_token(shape, data.mean_tokens, recipe.train.checkpointing == "on")
    if device.kind == "cpu":
        rate = CPU_GFLOPS_A_THREAD * 1e9 * max(1, device.threads)
        return work / (2 * rate) / 3600, 2 * work / rate / 3600
    peak = tflops(device) * 1e12 * device.processes
    low, high = UTILISATION
    return work / (peak * high) / 3600, work / (peak * low) / 3600


def tflops(device: Device) -> float:
    """Return the dense 16-bit TFLOPS of a GPU by its name; 60 if the table does not have it."""
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


def plan(
    recipe: Recipe,
    data: Data,
    device: Device,
    shape: Shape | None = None,
    price: float | None = None,
    base_bytes: int | None = None,
) -> dict:
    """Say what a training would do, as JSON.

    price: of the device, an hour, in any currency; cost is null without it. base_bytes: of the base's weights on disk;
    without it 16 bit a weight.
    """
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
        "examples": {name: getattr(data, name) for name in ("train", "validation", "test", "too_long", "follow_ups")},
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
        "processes": _several(used, data, device, shape),
        "disk_gib": round(((base_bytes or weights * 2) + kept) / GIB, 2),
        "adapter_mb": round(adapter_bytes / 1e6, 1),
        "device": device.as_dict() | {"usable_gib": usable_gib(device)},
        "hours": round(most, 4),
        "hours_range": [round(least, 4), round(most, 4)],
        "cost": None if price is None else round(most * price, 2),
        "go": not against,
        "obstacles": [obstacle.as_dict() for obstacle in against],
        "changes": [change.as_dict() for change in changes],
        "remarks": remarks(used),
    }


LEAST_RATE, MOST_RATE = 5e-5, 2e-3
"""Rates that adapters learn with. Low ranks want some ten times the rate of training all weights (1e-5 to 1e-4), whatever
the rank: "LoRA Without Regret", Thinking Machines, 2025; published recipes lie between 1e-4 and 1e-3."""

HIGH_RANK = 64
"""From this rank on alpha / r leaves updates so small that a higher rank learns no more (arXiv:2312.03732)."""


def remarks(used: Recipe) -> list[dict]:
    """Return what the options of a recipe do, and rates that adapters rarely learn with: {code, values, why} of `remark.`."""
    lora, train = used.lora, used.train
    scale = lora.alpha / (lora.r**0.5 if lora.rslora else lora.r)
    found = {
        "rslora": lora.rslora and {"scale": round(scale, 2), "plain": round(lora.alpha / lora.r, 2)},
        "high_rank": lora.r >= HIGH_RANK and not lora.rslora and {"r": lora.r},
        "dora": lora.dora and {},
        "neftune": train.neftune > 0 and {"alpha": train.neftune},
        "rate_low": train.learning_rate < LEAST_RATE and {"rate": train.learning_rate, "least": LEAST_RATE},
        "rate_high": train.learning_rate * max(scale / 2, 1) > MOST_RATE
        and {"rate": train.learning_rate, "scale": round(scale, 2), "most": MOST_RATE},
    }
    kept = {code: values for code, values in found.items() if values is not False}
    return [
        {"code": code, "values": values, "why": say(f"remark.{code}", "en", **values)} for code, values in kept.items()
    ]


def _several(used: Recipe, data: Data, device: Device, shape: Shape) -> list[dict]:
    """Return the GiB that each process needs, with a whole copy of the base each (DDP) and with the base divided (FSDP)."""
    found = []
    for processes in (1, 2, 8):
        team = replace(device, processes=processes, sharded=False)
        whole = memory(shape, used, longest_row(data, used), team)["total"]
        divided = memory(shape, used, longest_row(data, used), replace(team, sharded=processes > 1))["total"]
        found.append({"processes": processes, "whole_gib": round(whole, 2), "divided_gib": round(divided, 2)})
    return found


def _on_a_gpu(recipe: Recipe, used: Recipe, data: Data, device: Device, shape: Shape) -> dict:
    """Return the GiB on a GPU in 16 and in 4 bit, and what the recipe as written would take."""
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
