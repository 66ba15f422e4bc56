"""The base model, found on this machine; the package has a small one, `tarot-tiny`.

Nothing is downloaded: a missing base is a Problem that says how to bring it. Code from a model folder is never run. The
flows set HF_HUB_OFFLINE=1, HF_HUB_DISABLE_TELEMETRY=1, TOKENIZERS_PARALLELISM=false and TRANSFORMERS_VERBOSITY=error
before the first import; no environment is read here.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

from schemas.errors import Problem
from tarot_train.recipe import Shape

TINY = "tarot-tiny"
"""The base of the package, made by `tarot_train.pretraining`: a stand-in for a real one."""

PROBE = "塔罗牌：愚人（正位）与圣杯二（逆位），愿你平安。\n\n2024 hello World"
"""Must survive tokenisation: some releases of transformers drop every Chinese character of the R1 tokenizer."""


def find(name: str) -> Path:
    """Find the folder of a base: in the package, by path, or by hub name in the local cache. Raises Problem `base_missing`."""
    folder = Path(str(files("tarot_train"))) / "bases" / TINY if name == TINY else Path(name).expanduser()
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
    # From its own file if there is one: AutoTokenizer goes by a class name, and the class that the R1 files name drops
    # every Chinese character in several releases; with a config.json it replaces the pre-tokenizer. It also imports torch.
    if (folder / "tokenizer.json").exists():
        from transformers import PreTrainedTokenizerFast as kind
    else:
        from transformers import AutoTokenizer as kind
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
