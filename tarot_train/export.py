"""Export an adapter: merged safetensors, GGUF, and a folder for Ollama that serves exactly what was trained."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from shlex import quote

from schemas.errors import Problem
from tarot_train import base_model as bases
from tarot_train import gguf_file
from tarot_train.evaluate import fixed_cases, load_run, read_manifest
from tarot_train.generate import OPEN, Manner, ask, generate
from tarot_train.recipe import Generation

GO_TEMPLATES = {
    "r1": (
        '{{ .System }}{{ range .Messages }}{{ if eq .Role "user" }}<｜User｜>{{ .Content }}'
        '{{ else if eq .Role "assistant" }}<｜Assistant｜><think>\n\n</think>\n\n{{ .Content }}<｜end▁of▁sentence｜>'
        "{{ end }}{{ end }}<｜Assistant｜>"
    ),
    "chatml": (
        "{{ if .System }}<|im_start|>system\n{{ .System }}<|im_end|>\n{{ end }}{{ range .Messages }}"
        "<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"
    ),
}
"""The package's templates in Ollama's template language, without the first token, which its runtime adds, and without what
follows the last mark of the assistant: `REPLY_BEGINS`."""

REPLY_BEGINS = {("r1", False): "<think>\n\n</think>\n\n", ("chatml", False): ""}
"""What the prompt of a template ends in, by whether the run thinks; with thinking it opens the thought."""


def merged(run_dir: Path, out: Path) -> dict:
    """Merge base and adapter to a model in `out`, for plain transformers; returns {path, same_tokens, parameters, dtype}.

    A 4-bit run is merged into its 16-bit base. Afterwards both generate greedily for the same prompts; same_tokens says
    whether they agree; rounding to 16 bit may change one. Raises Problem `target_exists`, `base_missing`,
    `merge_differs`.
    """
    from transformers import GenerationConfig

    manifest = read_manifest(run_dir)
    with _made(out) as half:
        model, tokenizer = load_run(run_dir, manifest, four_bit=False)
        before = _greedy(model, tokenizer)
        whole = model.merge_and_unload()
        settings = manifest["used"]["generation"]
        whole.generation_config = GenerationConfig(
            do_sample=True,
            temperature=settings["temperature"],
            top_p=settings["top_p"],
            top_k=0,
            max_new_tokens=settings["max_new_tokens"],
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        whole.save_pretrained(half)
        if manifest.get("thinking"):
            tokenizer.chat_template = gguf_file.pinned(tokenizer.chat_template, True)
        tokenizer.save_pretrained(half)
        parameters = sum(parameter.numel() for parameter in whole.parameters())
        dtype, device = str(whole.dtype).removeprefix("torch."), whole.device.type
        del model, whole  # Two models of 7B weights at once would be one too many.
        again = bases.load_model(half, dtype, device), bases.load_tokenizer(half, "own")
        same = before == _greedy(*again)
        if not same and dtype == "float32":
            raise Problem("merge_differs", path=out)
        _note(half, manifest)
    return {"path": str(out), "same_tokens": same, "parameters": parameters, "dtype": dtype}


def adapter(run_dir: Path, out: Path) -> dict:
    """Copy the adapter folder with tokenizer and template, as vLLM and peft take it; returns {path, bytes}."""
    manifest = read_manifest(run_dir)
    with _made(out) as half:
        shutil.copytree(run_dir / "adapter", half)
        _note(half, manifest)
    return {"path": str(out), "bytes": sum(path.stat().st_size for path in out.rglob("*") if path.is_file())}


def gguf(run_dir: Path, out: Path, kind: str = "F16", only_adapter: bool = False) -> dict:
    """Write a GGUF file of the merged model, or of the adapter alone, for llama.cpp and programs based on it.

    kind: F32, F16 or Q8_0 (for others run llama-quantize afterwards). Raises Problem `no_gguf` if the package
    `gguf` is not installed, `gguf_kind`, `target_exists`, and those of `gguf_file`.
    """
    if find_spec("gguf") is None:
        raise Problem("no_gguf")
    if kind not in gguf_file.KINDS:
        raise Problem("gguf_kind", kind=kind, have=", ".join(gguf_file.KINDS))
    manifest = read_manifest(run_dir)
    with _made(out) as half:
        model, tokenizer = load_run(run_dir, manifest, four_bit=False)
        if only_adapter:
            gguf_file.write_adapter(model, half)
        else:
            thinking = manifest.get("thinking", False)
            gguf_file.write_model(model.merge_and_unload(), tokenizer, half, kind, thinking)
    return {"path": str(out), "bytes": out.stat().st_size, "kind": kind}


def ollama(run_dir: Path, out: Path, kind: str = "F16") -> dict:
    """Write a folder with `model.gguf` and a Modelfile whose template renders what was trained; returns {path, modelfile}.

    Raises Problem `no_ollama_template` if the run has a template of its own, which has no counterpart here.
    """
    manifest = read_manifest(run_dir)
    text = modelfile(bases.load_tokenizer(run_dir / "adapter", "own"), manifest, "model.gguf")
    with _made(out) as half:
        half.mkdir()
        gguf(run_dir, half / "model.gguf", kind)
        (half / "Modelfile").write_text(text, encoding="utf-8")
    return {"path": str(out), "modelfile": str(out / "Modelfile")}


def serving(form: str, path: Path, manifest: dict) -> list[str]:
    """List the commands that serve an export. form: merged, adapter, gguf or ollama."""
    here, used = quote(str(path)), manifest["used"]
    base = quote(manifest["base"]["folder"])
    commands = {
        "merged": [f"vllm serve {here} --served-model-name tarot"],
        "adapter": [
            f"vllm serve {base} --enable-lora --max-lora-rank {_vllm_rank(used['lora']['r'])} --lora-modules tarot={here}"
        ],
        "gguf": [f"llama-server --jinja -m {here}"],
        "ollama": [f"ollama create tarot -f {quote(str(path / 'Modelfile'))} && ollama run tarot"],
    }
    return [] if form == "adapter" and used["lora"].get("dora") else commands[form]


def _vllm_rank(r: int) -> int:
    """Return the smallest rank that vLLM knows and that holds r."""
    return next((rank for rank in (8, 16, 32, 64, 128, 256, 320, 512) if rank >= r), r)


@contextmanager
def _made(out: Path) -> Iterator[Path]:
    """Yield a path next to `out` that is renamed to `out` on success and removed on failure.

    Raises Problem `target_exists`.
    """
    if out.exists():
        raise Problem("target_exists", path=out)
    out.parent.mkdir(parents=True, exist_ok=True)
    half = out.with_name(f".{out.name}.half")
    _remove(half)
    try:
        yield half
        half.rename(out)
    finally:
        _remove(half)


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def modelfile(tokenizer, manifest: dict, weights: str) -> str:
    """Write the text of a Modelfile. Raises Problem `no_ollama_template`."""
    name = _template_name(tokenizer)
    if name not in GO_TEMPLATES:
        raise Problem("no_ollama_template", have=", ".join(GO_TEMPLATES))
    settings = manifest["used"]["generation"]
    return "\n".join(
        [
            f"# {manifest['run']}, {manifest['base']['name']}, dataset {manifest['dataset']['hash'][:8]}",
            "# No SYSTEM line: it was trained without one. Ask as it was asked in training:",
            *("# | " + line for line in fixed_cases()[0]["prompt"].splitlines()),
            f"FROM ./{weights}",
            f'TEMPLATE """{GO_TEMPLATES[name]}{REPLY_BEGINS.get((name, manifest.get("thinking", False)), OPEN)}"""',
            f'PARAMETER stop "{tokenizer.eos_token}"',
            f"PARAMETER temperature {settings['temperature']}",
            f"PARAMETER top_p {settings['top_p']}",
            f"PARAMETER num_predict {settings['max_new_tokens']}",
            "",
        ]
    )


def _template_name(tokenizer) -> str | None:
    digest = sha256(tokenizer.chat_template.removesuffix("\n").encode()).hexdigest()
    for name in GO_TEMPLATES:
        if sha256(bases.read_template(name).encode()).hexdigest() == digest:
            return name
    return None


def _greedy(model, tokenizer) -> list[str]:
    conversations = [ask(case["prompt"]) for case in fixed_cases()]
    manner = Manner(settings=Generation(max_new_tokens=32, temperature=0.0))
    return [written.content for written in generate(model, tokenizer, conversations, manner)]


def _note(folder: Path, manifest: dict) -> None:
    about = {name: manifest[name] for name in ("run", "dataset", "base", "used", "template_sha256")}
    (folder / "tarot_run.json").write_text(json.dumps(about, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
