"""DPO (arXiv:2305.18290): from a finished run and preference pairs to a new run, through TRL's DPOTrainer.

The reference is the run's own adapter, which TRL keeps as a copy, so that base, template and export stay those of the run.
"""

import json
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from schemas.errors import Problem
from tarot_train import base_model as bases
from tarot_train import evaluate
from tarot_train import recipe as recipes
from tarot_train.run_folder import finish, finished_run, packages
from tarot_train.trainer import log_lines, shared_arguments

FEWEST = 50
"""Pairs from which preferences are trained on: fewer only teach the votes by heart."""

RATE, BETA = 1e-5, 0.1
"""Learning rate and strength of the reference: TRL's advice for adapters (ten times the rate of all weights), and its
default."""


def train(
    run_dir: Path, pairs: list[dict], *, data_dir: Path, progress: Callable[[str, int, int], None] | None = None
) -> Path:
    """Train one epoch on pairs {prompt, chosen, rejected, id}; returns the folder of the new run.

    The same run and pairs are trained once. Raises Problem `few_preferences`, and those of `evaluate.load_run`.
    """
    manifest, given = evaluate.read_manifest(run_dir), len(pairs)
    if given >= FEWEST:
        most = manifest["used"]["train"]["max_tokens"]
        pairs = fitting(pairs, bases.load_tokenizer(run_dir / "adapter", "own"), most)
    if len(pairs) < FEWEST:
        raise Problem("few_preferences", have=len(pairs), need=FEWEST)
    key = sha256(json.dumps([manifest["key"], pairs], ensure_ascii=False, sort_keys=True).encode()).hexdigest()[:16]
    runs_dir = data_dir / "runs"
    if found := finished_run(runs_dir, key):
        return found
    work = runs_dir / ".work" / key
    work.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    history = _fit(run_dir, manifest, pairs, work, progress)
    about = {name: value for name, value in manifest.items() if name not in ("run", "resumed_from", "started_over")}
    about |= {
        "key": key,
        "seconds": round(time.monotonic() - started, 1),
        "steps": history[-1]["step"],
        "preferences": {
            "from": manifest["run"],
            "pairs": len(pairs),
            "too_long": given - len(pairs),
            "ids": sorted({pair["id"] for pair in pairs}),
            "learning_rate": RATE,
            "beta": BETA,
        },
        **packages(),
    }
    return finish(work, runs_dir, key, about)


def fitting(pairs: list[dict], tokenizer, max_tokens: int) -> list[dict]:
    """Leave out pairs of which a text does not fit with its prompt; TRL would cut it, and with it its end."""

    def tokens(messages: list[dict]) -> int:
        return len(tokenizer.apply_chat_template(messages, tokenize=True, return_dict=True)["input_ids"])

    sides = ("chosen", "rejected")
    return [pair for pair in pairs if all(tokens(pair["prompt"] + pair[side]) <= max_tokens for side in sides)]


def _fit(run_dir: Path, manifest: dict, pairs: list[dict], work: Path, progress) -> list[dict]:
    """Train; leaves `adapter/` and `log.jsonl` in the working folder and returns the lines of the log."""
    import datasets
    from transformers import PrinterCallback, TrainerCallback, set_seed
    from trl import DPOTrainer

    used = recipes.build(manifest["used"])
    set_seed(used.train.seed)
    model, tokenizer = evaluate.load_run(run_dir, manifest)
    model.set_adapter("default")  # loaded for inference, with frozen adapters
    rows = [{name: pair[name] for name in ("prompt", "chosen", "rejected")} for pair in pairs]
    datasets.disable_progress_bars()
    trainer = DPOTrainer(
        model=model,
        args=_arguments(work / "checkpoints", used, cpu=model.device.type == "cpu"),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer,
    )
    trainer.remove_callback(PrinterCallback)

    class Ticker(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            if progress:
                progress("train", state.global_step, state.max_steps)

    trainer.add_callback(Ticker())
    trainer.train()
    trainer.model.save_pretrained(str(work / "adapter"), selected_adapters=["default"])
    tokenizer.save_pretrained(str(work / "adapter"))
    (work / "adapter" / "README.md").unlink(missing_ok=True)
    wanted = {"rewards/accuracies": "preferred", "rewards/margins": "margin"}
    entries = [entry for entry in trainer.state.log_history if "loss" in entry]
    lines = [
        line | {name: entry[logged] for logged, name in wanted.items() if logged in entry}
        for line, entry in zip(log_lines(entries), entries, strict=True)
    ]
    (work / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return lines


def _arguments(out: Path, used: recipes.Recipe, *, cpu: bool):
    """Translate a recipe to TRL's DPOConfig: its batch, length, seed and precision, with the rate of DPO."""
    from trl import DPOConfig

    train = used.train
    return DPOConfig(
        output_dir=str(out),
        beta=BETA,
        learning_rate=RATE,
        lr_scheduler_type="cosine",
        warmup_steps=0.1,
        num_train_epochs=1,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=train.accumulation * train.batch,
        max_length=train.max_tokens,
        save_strategy="no",
        **shared_arguments(DPOConfig, used, cpu=cpu),
    )
