"""Weights of a base and of its adapters, and the memory that training and evaluation need.

Arithmetic, without torch, for a base that is only planned for: weights from its shape, memory from formulas fitted on the
three bases of `recipes/`. A base on this machine is built without memory (`Built`), so that every family is counted right.
"""

import json
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from schemas.errors import Problem
from tarot_train.device import Device
from tarot_train.recipe import Lora, Recipe, Shape

GIB = 2**30

CUDA_RUNTIME_GIB = 1.3
"""GiB that the CUDA context and its libraries take of a GPU before any weight."""

CPU_RUNTIME_GIB = 0.6
"""GiB that Python, torch, transformers and trl take on a CPU before any weight; measured."""

HEAD_CHUNK = 32768
"""Columns of the vocabulary TRL scores at a time on a GPU."""

GENERATED_TOGETHER = 8
"""Readings that the evaluation writes at a time (`generate.generate`)."""


@dataclass(frozen=True)
class Matrix:
    """Linear layers of one name and size. number: how many of them the model has."""

    name: str
    inputs: int
    outputs: int
    number: int


@dataclass(frozen=True, kw_only=True)
class Built(Shape):
    """Shape of a base counted on the model itself."""

    weights: int
    embedding: int
    head: int
    linear: tuple[Matrix, ...]


def parameters(shape: Shape) -> dict[str, int]:
    """Count the weights of a model: total, linear (those of the blocks' matrices), embedding, head."""
    linear = sum(matrix.inputs * matrix.outputs * matrix.number for matrix in matrices(shape))
    if isinstance(shape, Built):
        return {"total": shape.weights, "linear": linear, "embedding": shape.embedding, "head": shape.head}
    queries, keys = shape.heads * head_width(shape), shape.kv_heads * head_width(shape)
    biases_and_norms = shape.layers * (queries + 2 * keys + 2 * shape.hidden) + shape.hidden
    embedding = shape.vocab * shape.hidden
    head = 0 if shape.tied else embedding
    return {
        "total": linear + biases_and_norms + embedding + head,
        "linear": linear,
        "embedding": embedding,
        "head": head,
    }


def head_width(shape: Shape) -> int:
    return shape.head_dim or shape.hidden // shape.heads


def matrices(shape: Shape) -> tuple[Matrix, ...]:
    """List the matrices of all blocks: those of the model if it was built, else the seven of a Qwen2 block."""
    if isinstance(shape, Built):
        return shape.linear
    hidden, ffn = shape.hidden, shape.ffn
    queries, keys = shape.heads * head_width(shape), shape.kv_heads * head_width(shape)
    sizes = {
        "q_proj": (hidden, queries),
        "k_proj": (hidden, keys),
        "v_proj": (hidden, keys),
        "o_proj": (queries, hidden),
        "gate_proj": (hidden, ffn),
        "up_proj": (hidden, ffn),
        "down_proj": (ffn, hidden),
    }
    return tuple(Matrix(name, inputs, outputs, shape.layers) for name, (inputs, outputs) in sizes.items())


def adapter_parameters(shape: Shape, lora: Lora) -> int:
    adapted = [matrix for matrix in matrices(shape) if matrix.name in lora.targets]
    lengths = int(lora.dora)
    return sum(
        (lora.r * (matrix.inputs + matrix.outputs) + lengths * matrix.outputs) * matrix.number for matrix in adapted
    )


def saved_parameters(shape: Shape, lora: Lora) -> int:
    """Count the weights of modules_to_save."""
    counted = parameters(shape)
    sizes = {"embed_tokens": counted["embedding"], "lm_head": counted["head"]}
    return sum(sizes.get(name, 0) for name in lora.modules_to_save)


def trainable(shape: Shape, lora: Lora) -> int:
    return adapter_parameters(shape, lora) + saved_parameters(shape, lora)


# The base on this machine


def shape_of(recipe: Recipe, folder: Path | None) -> Shape:
    """Count a base on this machine by building it without memory, or by its config.json if torch is not installed.

    The arithmetic is that of Qwen2, so such a base is not built: importing torch and transformers takes seconds. A base that
    is not here has the shape of its recipe. Raises Problem `no_shape`.
    """
    config = folder / "config.json" if folder else None
    if config and config.exists():
        values = json.loads(config.read_text(encoding="utf-8"))
        read = _read_shape(values)
        if read and values.get("model_type") == "qwen2":
            return read
        built = _build(folder, read) if find_spec("torch") and find_spec("transformers") else None
        if built or read:
            return built or read
    if recipe.base.shape is None:
        raise Problem("no_shape", name=recipe.base.name)
    return recipe.base.shape


def _read_shape(values: dict) -> Shape | None:
    """Read a config.json; None if a size is missing. A model of text and images has its sizes in `text_config`."""
    values = values | values.get("text_config", {})
    if not {"num_hidden_layers", "hidden_size", "intermediate_size", "num_attention_heads"} <= set(values):
        return None
    return Shape(
        layers=values["num_hidden_layers"],
        hidden=values["hidden_size"],
        ffn=values["intermediate_size"],
        heads=values["num_attention_heads"],
        kv_heads=values.get("num_key_value_heads") or values["num_attention_heads"],
        vocab=values.get("vocab_size") or 0,
        tied=bool(values.get("tie_word_embeddings")),
        positions=values.get("max_position_embeddings", 4096),
        head_dim=values.get("head_dim") or 0,
    )


def _build(folder: Path, read: Shape | None) -> Built | None:
    """Build the model of a folder on torch's meta device, without its weights; None if transformers cannot."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RuntimeError):
        return None
    return built_shape(model, read)


def built_shape(model, read: Shape | None = None) -> Built | None:
    """Count the weights of a model. read: its shape by the config.json, else taken from the model's own config."""
    from torch import nn

    read = read or _read_shape(model.config.get_text_config().to_dict())
    if read is None:
        return None
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    counted: dict[tuple[str, int, int], int] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and module is not head:
            key = (name.split(".")[-1], module.in_features, module.out_features)
            counted[key] = counted.get(key, 0) + 1
    tied = head is None or head.weight is embedding.weight
    about = {name: getattr(read, name) for name in Shape.__dataclass_fields__}
    about |= {"tied": tied, "vocab": embedding.weight.shape[0]}
    return Built(
        **about,
        weights=sum(parameter.numel() for parameter in model.parameters()),
        embedding=embedding.weight.numel(),
        head=0 if tied else head.weight.numel(),
        linear=tuple(Matrix(*key, number) for key, number in counted.items()),
    )


def base_bytes(folder: Path | None) -> int | None:
    """Return the bytes of a base's weights on disk; None if it is not on this machine."""
    sizes = [path.stat().st_size for path in folder.glob("*.safetensors")] if folder else []
    return sum(sizes) or None


# Memory


def memory(shape: Shape, recipe: Recipe, tokens: int, device: Device) -> dict[str, float]:
    """Compute GiB a process needs, by part, for rows of so many tokens.

    weights, adapters, optimizer, activations and logits are those of training; evaluation is all that the evaluation
    afterwards needs, once training has given its memory back; total is the larger of both. On a CPU both hold the
    runtime, as the process shows it; that of a GPU is subtracted in `usable_gib`.
    """
    counted, lora, train = parameters(shape), recipe.lora, recipe.train
    wide = 4 if recipe.base.dtype == "float32" else 2
    adapter, saved = adapter_parameters(shape, lora), saved_parameters(shape, lora)
    weights = weight_bytes(shape, recipe)
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
    # peft keeps adapters in float32 for any base; saved modules have the base's precision.
    parts = {
        "weights": weights,
        "adapters": adapter * 4 + saved * wide,
        "optimizer": adapter * 12 + saved * (6 if wide == 2 else 12),
        "activations": activations,
        "logits": logits,
    }
    if device.processes > 1 and device.sharded:
        # A process has its part, and whole only the block it computes, the next one, embedding and head.
        whole = (2 * counted["linear"] / shape.layers + counted["embedding"] + counted["head"]) * wide
        for name in ("weights", "adapters", "optimizer"):
            parts[name] /= device.processes
        parts["weights"] += whole
    elif device.processes > 1:
        parts["optimizer"] += adapter * 4  # gradients again, in the buckets that are summed over the processes
    gib = {name: size / GIB for name, size in parts.items()}
    gib["runtime"] = CPU_RUNTIME_GIB if device.kind == "cpu" else CUDA_RUNTIME_GIB
    runtime = gib["runtime"] if device.kind == "cpu" else 0.0
    training = sum(parts.values()) / GIB + runtime
    gib["evaluation"] = evaluation_bytes(shape, recipe, tokens) / GIB + runtime
    gib["total"] = max(training, gib["evaluation"])
    return gib


def weight_bytes(shape: Shape, recipe: Recipe) -> float:
    counted = parameters(shape)
    if recipe.base.quantize == "nf4":
        # 4 bits and, with double quantisation, 0.127 bits of constants per weight; what is not linear stays in 16 bit.
        return counted["linear"] * 4.127 / 8 + (counted["total"] - counted["linear"]) * 2
    return counted["total"] * (4 if recipe.base.dtype == "float32" else 2)


def evaluation_bytes(shape: Shape, recipe: Recipe, tokens: int) -> float:
    """Return the bytes of base and adapter, and of the larger of a row's logits and the cache of readings being written."""
    wide = 4 if recipe.base.dtype == "float32" else 2
    scored = tokens * shape.vocab * wide
    cached = 2 * shape.layers * shape.kv_heads * head_width(shape) * wide
    written = GENERATED_TOGETHER * (tokens + recipe.generation.max_new_tokens) * cached
    return weight_bytes(shape, recipe) + trainable(shape, recipe.lora) * 4 + max(scored, written)


def activation_bytes(shape: Shape, lora: Lora, wide: int = 2) -> float:
    """Return the bytes per token that one block keeps for its backward pass, with adapters on all its matrices.

    Fitted on the measured blocks of the three bases in bfloat16 (within 1 %); dropout keeps a mask and a copy of every
    adapter's input. Precision other than 16 bit scales it.
    """
    kv = shape.kv_heads * head_width(shape)
    plain = 24.3 * shape.hidden + 8.1 * shape.ffn + 4.1 * kv + 14 * lora.r
    dropped = 4 * (6 * shape.hidden + shape.ffn) if lora.dropout else 0
    return (plain + dropped) * wide / 2


def usable_gib(device: Device) -> float:
    """Return the GiB of a device's memory that a process of a training may use; on a CPU all processes share it."""
    if device.kind == "cpu":
        return round(0.9 * device.memory_gib / device.processes, 1)
    if device.kind == "mps":
        return round(0.7 * device.memory_gib, 1)
    return round(device.memory_gib - CUDA_RUNTIME_GIB, 1)


def fits_into(need: dict[str, float], device: Device) -> bool:
    return need["total"] <= usable_gib(device)


def can_quantize(device: Device) -> bool:
    """Check whether 4-bit weights can be used: on CUDA with bitsandbytes, whole on each GPU.

    A GPU that is only planned for is assumed to have it.
    """
    if device.sharded:
        return False
    return device.kind == "gpu" or (device.kind == "cuda" and find_spec("bitsandbytes") is not None)
