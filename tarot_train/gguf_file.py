"""GGUF files of a model or an adapter, for llama.cpp and programs based on it.

llama.cpp has code of its own for every family and for every way of splitting text before the BPE. A file that names the
wrong one loads and answers, only worse; so families and tokenizers that are not in the tables below are refused.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import Problem

KINDS = ("F16", "F32", "Q8_0")

ARCHITECTURES = {"qwen2": "qwen2", "qwen3": "qwen3", "llama": "llama", "mistral": "llama"}
"""transformers' model_type -> llama.cpp's architecture."""

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+"
OTHERS = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SPLITTERS = {
    ("split " + CONTRACTIONS + r"|\p{N}|" + OTHERS, "bytes"): ("qwen2", False),
    ("split " + CONTRACTIONS + r"|\p{N}{1,3}|" + OTHERS, "bytes"): ("llama-bpe", True),
    ("digits", "bytes and words"): ("smollm", False),
    ("bytes and words",): ("gpt-2", False),
}
"""Pre-tokenizer of a tokenizer.json, step by step -> llama.cpp's name for it, and whether a word that is a token is taken
whole without its merges (`ignore_merges`)."""


@dataclass(frozen=True)
class Rope:
    """Scaling of positions beyond the trained context. kind: none, linear, yarn or llama3."""

    kind: str
    base: float
    settings: dict


def write_model(model, tokenizer, path: Path, kind: str, thinking: bool = False) -> None:
    """Write weights and tokenizer. kind: of KINDS. thinking: whether the model was trained to think.

    Raises Problem `gguf_family`, `gguf_rope`, `gguf_tokenizer`.
    """
    from gguf import GGUFWriter, LlamaFileType  # needed for this export only

    config, architecture = model.config, architecture_of(model.config)
    rope, splitter = rope_of(config), splitter_of(tokenizer)
    files = {"F32": LlamaFileType.ALL_F32, "F16": LlamaFileType.MOSTLY_F16, "Q8_0": LlamaFileType.MOSTLY_Q8_0}
    writer = GGUFWriter(str(path), architecture)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    width = head_width(config)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_dimension_count(width)
    writer.add_vocab_size(config.vocab_size)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    _add_rope(writer, rope)
    writer.add_file_type(files[kind])
    _add_tokenizer(writer, tokenizer, config.vocab_size, splitter)
    writer.add_chat_template(pinned(tokenizer.chat_template, thinking))
    _add_weights(writer, model, kind)
    if rope.kind == "llama3":
        writer.add_tensor("rope_freqs.weight", frequency_factors(config))
    _close(writer)


def write_adapter(model, path: Path) -> None:
    """Write the adapter of a peft model. Raises Problem `gguf_family`, `gguf_adapter` if it is more than two matrices."""
    from gguf import GGUFWriter

    settings = model.peft_config["default"]
    if settings.use_dora or settings.modules_to_save:
        raise Problem("gguf_adapter", what="DoRA" if settings.use_dora else ", ".join(settings.modules_to_save))
    config = model.get_base_model().config
    architecture = architecture_of(config)
    name_of = _names(architecture, config.num_hidden_layers)
    writer = GGUFWriter(str(path), architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    # llama.cpp scales by alpha / rank; with rsLoRA peft does by alpha / sqrt(rank).
    scale = settings.lora_alpha * (settings.r**0.5 if settings.use_rslora else 1)
    writer.add_float32("adapter.lora.alpha", float(scale))
    for name, parameter in model.named_parameters():
        for side, tail in ((".lora_A.", ".lora_a"), (".lora_B.", ".lora_b")):
            if side in name:
                plain = name.replace("base_model.model.", "").split(".lora_")[0] + ".weight"
                array = parameter.detach().float().cpu().numpy()
                writer.add_tensor(name_of(plain) + tail, _ordered(array, plain, config) if tail == ".lora_b" else array)
    _close(writer)


def architecture_of(config) -> str:
    """Return llama.cpp's architecture for a model. Raises Problem `gguf_family` if the file would be another model."""
    family = config.model_type
    wrong = family not in ARCHITECTURES
    # llama.cpp's graphs of these families attend to all positions and turn all dimensions.
    window = getattr(config, "sliding_window", None) if getattr(config, "use_sliding_window", True) else None
    if window and window < config.max_position_embeddings:
        wrong, family = True, f"{family} (sliding_window {window})"
    if getattr(config, "partial_rotary_factor", 1.0) not in (None, 1.0):
        wrong, family = True, f"{family} (partial_rotary_factor)"
    if wrong:
        raise Problem("gguf_family", family=family, have=", ".join(ARCHITECTURES))
    return ARCHITECTURES[config.model_type]


def head_width(config) -> int:
    return getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads


def rope_of(config) -> Rope:
    """Read the scaling of positions from a config. Raises Problem `gguf_rope` if llama.cpp has no counterpart."""
    found = dict(getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {})
    kind = found.get("rope_type") or found.get("type") or "default"
    base = float(found.get("rope_theta") or getattr(config, "rope_theta", None) or 10000.0)
    own = [name for name in ("attention_factor", "mscale", "mscale_all_dim") if found.get(name)]
    if kind not in ("default", "linear", "yarn", "llama3") or own:
        raise Problem("gguf_rope", kind=" ".join([kind, *own]))
    return Rope("none" if kind == "default" else kind, base, found)


def _add_rope(writer, rope: Rope) -> None:
    from gguf import RopeScalingType

    writer.add_rope_freq_base(rope.base)
    if rope.kind in ("linear", "yarn"):
        writer.add_rope_scaling_type(RopeScalingType[rope.kind.upper()])
        writer.add_rope_scaling_factor(float(rope.settings["factor"]))
    if rope.kind == "yarn":
        writer.add_rope_scaling_orig_ctx_len(int(rope.settings["original_max_position_embeddings"]))
        if "beta_fast" in rope.settings:
            writer.add_rope_scaling_yarn_beta_fast(float(rope.settings["beta_fast"]))
        if "beta_slow" in rope.settings:
            writer.add_rope_scaling_yarn_beta_slow(float(rope.settings["beta_slow"]))


def frequency_factors(config):
    """Compute what llama.cpp divides each frequency by, so that Llama 3's scaling comes out: (head width / 2,) float32."""
    import torch
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, torch.device("cpu"))
    width = head_width(config)
    plain = 1.0 / (rope_of(config).base ** (torch.arange(0, width, 2, dtype=torch.float32) / width))
    return (plain / scaled).numpy()


def splitter_of(tokenizer) -> str:
    """Return llama.cpp's name of a tokenizer's pre-tokenizer. Raises Problem `gguf_tokenizer`."""
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    steps = tuple(map(_step, _flat(state.get("pre_tokenizer"))))
    name, whole_words = SPLITTERS.get(steps, (None, None))
    if state["model"]["type"] != "BPE" or name is None:
        raise Problem("gguf_tokenizer", what=f"{state['model']['type']}: {' + '.join(steps) or '–'}"[:120])
    if bool(state["model"].get("ignore_merges")) != whole_words:
        raise Problem("gguf_tokenizer", what=f"{name}, ignore_merges {not whole_words}")
    return name


def _flat(part: dict | None) -> list[dict]:
    if part is None:
        return []
    return [inner for one in part["pretokenizers"] for inner in _flat(one)] if part["type"] == "Sequence" else [part]


def _step(part: dict) -> str:
    """Describe a step of a pre-tokenizer as SPLITTERS does."""
    if part["type"] == "Split" and part["behavior"] == "Isolated" and not part["invert"]:
        return f"split {part['pattern'].get('Regex')}"
    if part["type"] == "Digits" and part["individual_digits"]:
        return "digits"
    if part["type"] == "ByteLevel" and not part["add_prefix_space"]:
        return "bytes and words" if part["use_regex"] else "bytes"
    return part["type"]


def adds_first_token(tokenizer) -> bool:
    """Check whether a runtime must put the first token before the text that it is given.

    So it is if the tokenizer does, or if the chat template writes it: the templates for Ollama leave it out.
    """
    ids = tokenizer("塔")["input_ids"]
    own = tokenizer.bos_token_id is not None and ids[0] == tokenizer.bos_token_id
    return own or (tokenizer.bos_token is not None and "bos_token" in tokenizer.chat_template)


def _add_tokenizer(writer, tokenizer, size: int, splitter: str) -> None:
    """size: rows of the embedding table; ids without a token are padded."""
    from gguf import TokenType

    state = json.loads(tokenizer.backend_tokenizer.to_str())
    tokens = [f"[PAD{i}]" for i in range(size)]
    types = [TokenType.UNUSED] * size
    for token, i in state["model"]["vocab"].items():
        tokens[i], types[i] = token, TokenType.NORMAL
    for added in state["added_tokens"]:
        special = TokenType.CONTROL if added["special"] else TokenType.USER_DEFINED
        tokens[added["id"]], types[added["id"]] = added["content"], special
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(splitter)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in state["model"]["merges"]])
    if tokenizer.bos_token_id is not None:
        writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_add_bos_token(adds_first_token(tokenizer))
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)


def pinned(template: str, thinking: bool) -> str:
    """Fix in a chat template whether it opens a thought: a server has a default of its own, llama.cpp's is to think."""
    return f"{{%- set enable_thinking = {str(thinking).lower()} -%}}" + template


def _names(architecture: str, blocks: int):
    """Return a function from transformers' name of a tensor to llama.cpp's."""
    from gguf import MODEL_ARCH, get_tensor_name_map

    known = get_tensor_name_map(MODEL_ARCH[architecture.upper()], blocks)

    def name_of(name: str) -> str:
        found = known.get_name(name, (".weight", ".bias"))
        if found is None:
            raise Problem("gguf_family", family=f"{architecture} ({name})", have=", ".join(ARCHITECTURES))
        return found

    return name_of


def _ordered(array, name: str, config):
    """Order the rows of q and k as llama.cpp's Llama turns them: pairs next to each other, not half a head apart."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
    if heads is None or ARCHITECTURES[config.model_type] != "llama":
        return array
    halves = array.reshape(heads, 2, array.shape[0] // heads // 2, *array.shape[1:])
    return halves.swapaxes(1, 2).reshape(array.shape)


def _add_weights(writer, model, kind: str) -> None:
    """kind: F32, F16 or Q8_0; vectors stay F32."""
    import numpy as np
    from gguf import GGMLQuantizationType, quants

    config, quant = model.config, GGMLQuantizationType[kind]
    name_of = _names(architecture_of(config), config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        if name == "lm_head.weight" and config.tie_word_embeddings:
            continue
        array = _ordered(tensor.detach().float().cpu().numpy(), name, config)
        if array.ndim == 1 or kind == "F32":
            writer.add_tensor(name_of(name), array)
        elif kind == "F16":
            writer.add_tensor(name_of(name), array.astype(np.float16))
        else:
            writer.add_tensor(name_of(name), quants.quantize(array, quant), raw_dtype=quant)


def _close(writer) -> None:
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
