"""Smoke test of a training: five updates through the whole path."""

import json
import shutil
from math import isfinite
from pathlib import Path

from schemas.errors import Problem
from tarot_train import run_folder, sft, trainer
from tarot_train.evaluate import fixed_cases, load_run, read_manifest
from tarot_train.generate import Manner, ask, generate
from tarot_train.recipe import Generation


def trial(
    version_dir: Path,
    base: str | None = None,
    recipe: str | Path | None = None,
    overrides: dict[str, str] | None = None,
    *,
    data_dir: Path,
    progress: trainer.Progress = None,
) -> dict:
    """Train five updates, save, load, generate, and remove everything.

    Returns {updates, seconds_an_update, first_eval_loss, best_eval_loss, memory_gib, written}; written: number of characters.
    Raises Problem as `sft.train`, and `trial_loss` if the loss is not finite.
    """
    try:
        run_dir = sft.train(version_dir, base, recipe, overrides, data_dir=data_dir, progress=progress, smoke=True)
        about = read_manifest(run_dir)
        lines = [json.loads(line) for line in (run_dir / "log.jsonl").read_text(encoding="utf-8").splitlines()]
        for loss in (line[name] for line in lines for name in ("loss", "eval_loss") if name in line):
            if not isfinite(loss):
                raise Problem("trial_loss", loss=loss)
        model, tokenizer = load_run(run_dir, about)
        manner = Manner(settings=Generation(max_new_tokens=32), thinking=about["thinking"])
        (written,) = generate(model, tokenizer, [ask(fixed_cases()[0]["prompt"])], manner)
    finally:
        shutil.rmtree(data_dir / "runs" / run_folder.TRIAL, ignore_errors=True)
    return {
        "updates": about["steps"],
        "seconds_an_update": about["seconds_an_update"],
        "first_eval_loss": about["first_eval_loss"],
        "best_eval_loss": about["best_eval_loss"],
        "memory_gib": about["memory_gib"]["peak"],
        "written": len(written.content + (written.trace or "")),
    }
