"""Benchmark of training on a CPU against TRL's trainer with its defaults, at three shapes: `python -m
benchmarks.training --write`.

Both train the same rows with the same adapters, each in its own process; equal last losses show that they do the same work.
By default TRL recomputes activations and scores every position; ours does neither if memory allows.
"""

import argparse
import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.pipeline import ROOT, put, where
from flows.runtime import environment

BEGIN, END = "<!-- training: written by benchmarks/training.py -->", "<!-- training: end -->"

SHAPES = {
    "11 M, vocabulary 4k": {"layers": 8, "hidden": 320, "ffn": 896, "heads": 5, "kv_heads": 1, "vocab": 4096},
    "49 M, vocabulary 4k": {"layers": 13, "hidden": 576, "ffn": 1568, "heads": 9, "kv_heads": 3, "vocab": 4096},
    "46 M, vocabulary 152k": {"layers": 4, "hidden": 256, "ffn": 1024, "heads": 4, "kv_heads": 2, "vocab": 151936},
}


def measure(shape: dict, ours: bool, updates: int) -> dict:
    """{tokens_per_second, loss, peak_mb} over so many updates of eight rows, the first left out of the time."""
    import torch
    from transformers import Qwen2ForCausalLM, TrainerCallback

    from tarot_train import base_model, recipe, training_rows
    from tarot_train.pretraining import train_tokenizer
    from tarot_train.trainer import build_trainer
    from tests.train.conftest import example

    made = [example(number, "train") for number in range(8 * (updates + 1))]
    for number, row in enumerate(made):
        row["completion"][0]["content"] *= 1 + number % 8
    tokenizer = train_tokenizer([row["completion"][0]["content"] for row in made], 4096, base_model.read_template("r1"))
    counted = training_rows.to_rows(made, tokenizer, 2048)
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(base_model.config_of(recipe.Shape(tied=True, **shape)))
    settings = {"train.checkpointing": "off" if ours else "on", "lora.r": "32", "lora.dropout": "0"}
    settings |= {"train.max_steps": str(updates + 1), "train.eval_steps": "100000", "train.patience": "0"}
    used = recipe.load("tarot-tiny", settings)
    folder = Path(tempfile.mkdtemp())
    trainer = build_trainer(model, tokenizer, counted.rows, counted.rows[:1], folder, used, cpu=True, plain_head=ours)
    trainer.args.eval_on_start, trainer.args.load_best_model_at_end = False, False
    marks = []

    class Clock(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            marks.append(time.perf_counter())

    trainer.add_callback(Clock())
    trainer.train()
    shutil.rmtree(folder)
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    tokens = sum(counted.tokens) * updates / (updates + 1)
    return {
        "tokens_per_second": tokens / (marks[-1] - marks[0]),
        "loss": losses[-1],
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def apart(shape: str, ours: bool, updates: int, repeats: int) -> dict:
    """Medians of measurements in separate processes, one after the other."""
    command = [sys.executable, "-m", "benchmarks.training", "--one", shape, "--updates", str(updates)]
    command += ["--ours"] if ours else []
    runs = [
        json.loads(
            subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
        )
        for _ in range(repeats)
    ]
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def table(found: dict[str, tuple[dict, dict]]) -> str:
    """Write the figures as Markdown."""
    lines = [
        where(),
        "",
        "| base | TRL, tokens a second | here | times | last loss, TRL | here | peak memory, TRL | here |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, (trl, ours) in found.items():
        times = ours["tokens_per_second"] / trl["tokens_per_second"]
        lines.append(
            f"| {name} | {trl['tokens_per_second']:.0f} | {ours['tokens_per_second']:.0f} | {times:.2f} "
            f"| {trl['loss']:.5f} | {ours['loss']:.5f} | {trl['peak_mb']:.0f} MB | {ours['peak_mb']:.0f} MB |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--one", choices=SHAPES, help=argparse.SUPPRESS)
    parser.add_argument("--ours", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    environment.prepare(Path(tempfile.gettempdir()))
    if asked.one:
        print(json.dumps(measure(SHAPES[asked.one], asked.ours, asked.updates)))
        return
    found = {}
    for name in SHAPES:
        found[name] = tuple(apart(name, ours, asked.updates, asked.repeats) for ours in (False, True))
        print(name, *found[name], file=sys.stderr, flush=True)
    print(table(found))
    if asked.write:
        put(table(found), BEGIN, END)


if __name__ == "__main__":
    main()
