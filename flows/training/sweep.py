"""Search for rank and learning rate within a budget of hours; the validation loss decides.

Every try is an ordinary run on the version, so that an interrupted search goes on where it was: a finished try is not
trained again.
"""

import time
from collections.abc import Callable
from pathlib import Path

from tarot_train import evaluate, sft

RATES, RANKS = (1.0, 0.5, 2.0, 4.0), (0.5, 2.0)
"""Multiples of the recipe's rate, tried with its rank, then of its rank, tried with the best rate. Six tries instead of the
twelve of a grid: for adapters the best rate hardly depends on the rank ("LoRA Without Regret", Thinking Machines, 2025)."""


def sweep(
    version_dir: Path,
    base: str | None,
    recipe: str | None,
    overrides: dict[str, str],
    hours: float,
    *,
    data_dir: Path,
    tried: Callable[[dict], None] | None = None,
    **hooks: object,
) -> dict:
    """Train with other rates and ranks; returns {best, tries, left_out}, the tries with their validation loss in nats a token.

    A try is left out if the time used so far and that of the longest try would exceed the budget; the first one always
    runs. tried: called with every try. hooks: progress, watch and notice of `sft.train`.
    """
    asked = sft.recipe_for(base, recipe, overrides)
    tries: list[dict] = []
    left_out: list[dict] = []
    began = time.monotonic()

    def attempt(rate: float, r: int) -> None:
        longest = max((found["seconds"] for found in tries), default=0.0)
        if tries and time.monotonic() - began + longest > 3600 * hours:
            left_out.append({"rate": rate, "r": r})
            return
        started = time.monotonic()
        alpha = round(asked.lora.alpha * r / asked.lora.r)
        settings = {"train.learning_rate": repr(rate), "lora.r": str(r), "lora.alpha": str(alpha)}
        run = sft.train(version_dir, base, recipe, overrides | settings, data_dir=data_dir, **hooks)
        loss = evaluate.read_manifest(run)["best_eval_loss"]
        seconds = round(time.monotonic() - started, 1)
        tries.append({"run": run.name, "rate": rate, "r": r, "validation_loss": loss, "seconds": seconds})
        if tried:
            tried(tries[-1])

    for factor in RATES:
        attempt(asked.train.learning_rate * factor, asked.lora.r)
    rate = best_of(tries)["rate"]
    for factor in RANKS:
        attempt(rate, max(1, round(asked.lora.r * factor)))
    return {"best": best_of(tries)["run"], "tries": tries, "left_out": left_out}


def best_of(tries: list[dict]) -> dict:
    """Return the try with the least validation loss, of equal ones the first."""
    return min(tries, key=lambda found: found["validation_loss"])
