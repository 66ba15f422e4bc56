"""The base model: found on this machine or, for `tarot-tiny`, trained on the spot.

Nothing is downloaded: a missing base is a Problem that says how to bring it. Code from a model folder is never run. The
flows set HF_HUB_OFFLINE=1, HF_HUB_DISABLE_TELEMETRY=1, TOKENIZERS_PARALLELISM=false and TRANSFORMERS_VERBOSITY=error
before the first import; no environment is read here.
"""

import dataclasses
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.resources import files
from math import cos, pi
from pathlib import Path

from schemas.errors import Problem
from tarot_train.recipe import Recipe, Shape

TINY = "tarot-tiny"

STAND_IN = (
    "tarot-tiny is a stand-in made on the spot from the dataset's own text; its scores say nothing about a real model."
)

PROBE = "塔罗牌：愚人（正位）与圣杯二（逆位），愿你平安。\n\n2024 hello World"
"""Must survive tokenisation: some releases of transformers drop every Chinese character of the R1 tokenizer."""

SPECIAL = ["<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜begin▁of▁sentence｜>", "<think>", "</think>"]
SPECIAL += ["<|endoftext|>"]
"""Special tokens of tarot-tiny: those of the R1 family that its template writes, with end of text first (also the padding),
and the one transformers adds to any tokenizer of a Qwen2 model, past the end of the embedding if it is missing."""

Progress = Callable[[str, int, int], None] | None


def prepare(recipe: Recipe, texts: list[str], bases_dir: Path, progress: Progress = None) -> Path:
    """Return the folder of a recipe's base. texts: the train split, from which `tarot-tiny` is trained once.

    Raises Problem `base_missing` if the base is not on this machine.
    """
    if recipe.base.name == TINY:
        return make_tiny(recipe, texts, bases_dir, progress)
    return find(recipe.base.name)


def find(name: str) -> Path:
    """Find the folder of a base by path, or by hub name in the local cache. Raises Problem `base_missing`."""
    folder = Path(name).expanduser()
    if (folder / "config.json").exists():
        return folder
    if not folder.exists() and re.fullmatch(r"[\w.-]+/[\w.-]+", name):
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError

        try:
            cached = Path(snapshot_download(name, local_files_only=True))
        except (LocalEntryNotFoundError, OSError):
            cached = None
        if cached and (cached / "config.json").exists() and any(cached.glob("*.safetensors")):
            return cached
    raise Problem("base_missing", name=name, folder=name.split("/")[-1])


def identity(folder: Path, bases_dir: Path | None = None) -> str:
    """Hash config, tokenizer and weights of a base to 16 hex digits; neither its name nor its place counts.

    bases_dir: keeps the hashes of weights, by path, size and time of change: 15 GB take ten seconds and more.
    """
    known = _WeightHashes(bases_dir)
    found = _identity(folder, (".safetensors", ".model"), known.hash_of)
    known.keep()
    return found


def identity_of_format_1(folder: Path) -> str:
    """Hash a base as runs of version 0.1.0 did: weights by name and size only."""
    return _identity(folder, (".safetensors", ".bin"), lambda path: path.stat().st_size)


def _identity(folder: Path, weights: tuple[str, ...], about: Callable[[Path], object]) -> str:
    digest = sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in (".json", ".jinja") and path.name != "manifest.json":
            digest.update(path.name.encode() + path.read_bytes())
        elif path.suffix in weights:
            digest.update(f"{path.name} {about(path)}".encode())
    return digest.hexdigest()[:16]


class _WeightHashes:
    """Hashes of files that have not changed since they were read, kept in `weights.json` of the bases folder."""

    def __init__(self, bases_dir: Path | None) -> None:
        self.path = bases_dir / "weights.json" if bases_dir else None
        self.hashes: dict[str, list] = {}
        self.new = False
        if self.path and self.path.exists():
            # A file cut short only costs the time to read the weights again.
            with suppress(ValueError):
                self.hashes = json.loads(self.path.read_text(encoding="utf-8"))

    def hash_of(self, path: Path) -> str:
        path = path.resolve()
        about = path.stat()
        # ctime too: a copy may carry over the mtime of its original.
        stamp = [about.st_size, about.st_mtime_ns, about.st_ctime_ns]
        *seen, found = self.hashes.get(str(path), [None])
        if seen != stamp:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            self.hashes[str(path)], self.new = [*stamp, found], True
        return found

    def keep(self) -> None:
        if self.path and self.new:
            with suppress(OSError):  # a disk that cannot be written only costs the next command its time
                self.path.parent.mkdir(parents=True, exist_ok=True)
                half = self.path.with_name(f".{self.path.name}.{os.getpid()}")
                half.write_text(json.dumps(self.hashes), encoding="utf-8")
                half.replace(self.path)


def is_stand_in(folder: Path) -> bool:
    manifest = folder / "manifest.json"
    return manifest.exists() and bool(json.loads(manifest.read_text(encoding="utf-8")).get("stand_in"))


def read_template(name: str) -> str:
    """Read a chat template of the package. Raises Problem `no_template`."""
    path = files("tarot_train") / "templates" / f"{name}.jinja"
    if not path.is_file():
        raise Problem("no_template", name=name)
    return path.read_text(encoding="utf-8").removesuffix("\n")


def load_tokenizer(folder: Path, template: str = "auto"):
    """Load the tokenizer of a base or of an adapter folder, with the template for training and generation.

    template: a file of `templates/`, `own`, or `auto`: `r1` or `chatml` by its tokens, else the base's own. Raises
    Problem `tokenizer` if Chinese text does not survive, `template_tokens` if the template writes tokens that the
    tokenizer lacks, `no_chat_template`, `base_broken_tokenizer` if its files cannot be read.
    """
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    # From its own file if there is one: AutoTokenizer goes by a class name, and the class that the R1 files name drops
    # every Chinese character in several releases; with a config.json it replaces the pre-tokenizer.
    kind = PreTrainedTokenizerFast if (folder / "tokenizer.json").exists() else AutoTokenizer
    with _readable(folder, "tokenizer"):
        tokenizer = kind.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    check_tokenizer(tokenizer)
    vocabulary = tokenizer.get_vocab()
    if template == "auto":
        template = "r1" if "<｜User｜>" in vocabulary else "chatml" if "<|im_start|>" in vocabulary else "own"
    if template != "own":
        tokenizer.chat_template = read_template(template)
    if not tokenizer.chat_template:
        raise Problem("no_chat_template", folder=folder)
    missing = [token for token in written_tokens(tokenizer.chat_template) if token not in vocabulary]
    if missing and template != "own":
        raise Problem("template_tokens", template=template, tokens=" ".join(missing), folder=folder)
    if "<|im_end|>" in tokenizer.chat_template and "<|im_end|>" in vocabulary:
        tokenizer.eos_token = "<|im_end|>"
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def written_tokens(template: str) -> list[str]:
    """List the special tokens a template writes around messages, in order, each once.

    `<think>` is not included: without such a token it is plain text, in training and serving alike.
    """
    return list(dict.fromkeys(re.findall(r"<[|｜][^<>|｜]+[|｜]>", template)))


def _round_trips(tokenizer) -> bool:
    return tokenizer.decode(tokenizer(PROBE, add_special_tokens=False)["input_ids"]) == PROBE


def check_tokenizer(tokenizer) -> None:
    """Raise Problem `tokenizer` if Chinese text does not survive tokenisation."""
    if not _round_trips(tokenizer):
        ids = tokenizer(PROBE, add_special_tokens=False)["input_ids"]
        raise Problem("tokenizer", kind=type(tokenizer).__name__, got=tokenizer.decode(ids)[:40])


def load_model(folder: Path, dtype: str = "float32", device: str = "cpu", quantize: str = "none"):
    """Load the weights of a base, in evaluation mode. dtype: a torch name. quantize: none or nf4 (CUDA, bitsandbytes).

    Raises Problem `base_broken_weights` if its files cannot be read.
    """
    import torch
    from transformers import AutoModelForCausalLM

    arguments = {"dtype": getattr(torch, dtype), "local_files_only": True, "trust_remote_code": False}
    # The other format is a pickle, which is a program.
    arguments["use_safetensors"] = True
    if quantize == "nf4":
        from transformers import BitsAndBytesConfig

        arguments["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=getattr(torch, dtype),
        )
        arguments["device_map"] = {"": device}
    with _readable(folder, "weights"):
        model = AutoModelForCausalLM.from_pretrained(folder, **arguments)
    return (model if quantize != "none" else model.to(device)).eval()


@contextmanager
def _readable(folder: Path, part: str) -> Iterator[None]:
    """Convert errors of transformers about missing or damaged files to a Problem. part: tokenizer or weights. Other errors,
    such as running out of memory, pass through."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        why = str(error).strip().split("\n")[0][:200]
        raise Problem(f"base_broken_{part}", folder=folder, why=f"{type(error).__name__}: {why}") from error


# The stand-in


def make_tiny(recipe: Recipe, texts: list[str], bases_dir: Path, progress: Progress = None) -> Path:
    """Train a small Qwen2 model and its tokenizer on the texts; the same texts and settings give the same folder.

    A short pre-training gives an adapter something to adapt. Raises Problem `no_texts` without texts.
    """
    texts = [text for text in texts if text.strip()]
    if not texts:
        raise Problem("no_texts")
    template = read_template("r1")
    settings = {"shape": dataclasses.asdict(recipe.base.shape), **dataclasses.asdict(recipe.pretraining)}
    digest = sha256(json.dumps([settings, template, SPECIAL, texts], ensure_ascii=False).encode()).hexdigest()
    folder = bases_dir / f"{TINY}-{digest[:12]}"
    if (folder / "manifest.json").exists():
        return folder
    tokenizer = train_tokenizer(texts, recipe.pretraining.vocab, template)
    model = tiny_model(recipe, tokenizer)
    loss = _pretrain(model, tokenizer, texts, recipe, progress)
    half = bases_dir / f".{folder.name}.half"
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    model.save_pretrained(half)
    tokenizer.save_pretrained(half)
    manifest = {
        "name": TINY,
        "stand_in": True,
        "note": STAND_IN,
        "hash": digest,
        "settings": settings,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "texts": len(texts),
        "last_loss": round(loss, 4),
    }
    (half / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if folder.exists():
        shutil.rmtree(folder)
    half.rename(folder)
    return folder


def train_tokenizer(texts: list[str], vocab: int, template: str):
    """Train a byte-level BPE tokenizer, special tokens first; any NFC text survives it.

    It pre-tokenises as Qwen2 does, since AutoTokenizer takes any tokenizer of a Qwen2 model for Qwen2's.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast
    from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

    model = Tokenizer(models.BPE())
    model.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated")
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    model.pre_tokenizer = pre_tokenizers.Sequence([split, bytes_only])
    model.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    model.train_from_iterator(texts, trainer)
    end, _, _, begin, *_, unknown = SPECIAL
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=model, bos_token=begin, eos_token=end, pad_token=end, unk_token=unknown
    )
    tokenizer.chat_template = template
    check_tokenizer(tokenizer)
    return tokenizer


def config_of(shape: Shape, **more: object):
    """Configure a Qwen2 model of a shape. more: other settings, such as special tokens."""
    from transformers import Qwen2Config

    return Qwen2Config(
        **{
            "vocab_size": shape.vocab,
            "hidden_size": shape.hidden,
            "intermediate_size": shape.ffn,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "num_key_value_heads": shape.kv_heads,
            "max_position_embeddings": shape.positions,
            "tie_word_embeddings": shape.tied,
        }
        | more
    )


def tiny_model(recipe: Recipe, tokenizer):
    """Make a Qwen2 model of the recipe's shape with random weights."""
    import torch
    from transformers import Qwen2ForCausalLM

    tokens = {f"{name}_token_id": getattr(tokenizer, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    torch.manual_seed(recipe.pretraining.seed)
    return Qwen2ForCausalLM(config_of(recipe.base.shape, vocab_size=len(tokenizer), **tokens))


def _pretrain(model, tokenizer, texts: list[str], recipe: Recipe, progress: Progress) -> float:
    """Train on the packed texts (next token); return the loss of the last update, in nats per token."""
    import torch

    settings = recipe.pretraining
    ids = []
    for text in texts:
        ids += tokenizer(text, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
    width = settings.row_tokens + 1
    if len(ids) < width:
        ids = ids * (width // len(ids) + 1)
    stream = torch.tensor(ids)
    generator = torch.Generator().manual_seed(settings.seed)
    blocks = [p for name, p in model.named_parameters() if p.ndim == 2 and ".layers." in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or ".layers." not in name]
    peaks = (settings.learning_rate, settings.embedding_rate)
    groups = [{"params": found, "lr": peak} for found, peak in zip((blocks, others), peaks, strict=True)]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.01, betas=(0.9, 0.95))
    warmup = max(1, settings.steps // 10)
    model.train()
    loss = torch.tensor(0.0)
    for step in range(settings.steps):
        share = (step - warmup) / max(1, settings.steps - warmup)
        rate = (step + 1) / warmup if step < warmup else 0.1 + 0.45 * (1 + cos(pi * share))
        for group, peak in zip(optimizer.param_groups, peaks, strict=True):
            group["lr"] = peak * rate
        starts = torch.randint(0, len(stream) - width + 1, (settings.rows,), generator=generator)
        rows = torch.stack([stream[start : start + width] for start in starts])
        logits = model(input_ids=rows[:, :-1], use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1).float(), rows[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if progress:
            progress("base", step + 1, settings.steps)
    model.eval()
    return loss.item()
