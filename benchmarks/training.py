"""Benchmark of training on a CPU against TRL's trainer, at three shapes: `python -m benchmarks.training --write`.

All train the same rows with the same adapters, each in its own process; equal last losses show that they do the same work.
By default TRL recomputes activations, which can be switched off, and scores every position; ours does neither if memory
allows.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.pages import ROOT, measured, show
from benchmarks.processes import medians
from flows.runtime import environment

SHAPES = {
    "4 M, vocabulary 5k (tarot-tiny)": {
        "layers": 4, "hidden": 256, "ffn": 704, "heads": 4, "kv_heads": 2, "vocab": 5000
    },
    "135 M, vocabulary 49k (SmolLM2)": {
        "layers": 30, "hidden": 576, "ffn": 1536, "heads": 9, "kv_heads": 3, "vocab": 49152
    },
    "46 M, vocabulary 152k": {"layers": 4, "hidden": 256, "ffn": 1024, "heads": 4, "kv_heads": 2, "vocab": 151936},
}  # fmt: skip

WAYS = {"TRL": (True, False), "TRL without checkpointing": (False, False), "here": (False, True)}
"""Whether activations are recomputed, and whether only labelled positions are scored."""


def measure(shape: dict, way: str, updates: int) -> dict:
    """Return {tokens_per_second, loss, peak_mb} over so many updates of eight rows, the first left out of the time. Seconds are
    CPU seconds: other work on the machine changes them less."""
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
    recomputed, labelled_only = WAYS[way]
    settings = {"train.checkpointing": "on" if recomputed else "off", "lora.r": "32", "lora.dropout": "0"}
    settings |= {"train.max_steps": str(updates + 1), "train.eval_steps": "100000", "train.patience": "0"}
    used = recipe.load("tarot-tiny", settings)
    folder = Path(tempfile.mkdtemp())
    trainer = build_trainer(
        model, tokenizer, counted.rows, counted.rows[:1], folder, used, cpu=True, plain_head=labelled_only
    )
    trainer.args.eval_on_start, trainer.args.load_best_model_at_end = False, False
    marks = []

    class Clock(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            marks.append(time.process_time())

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


def apart(shape: str, way: str, updates: int) -> dict:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.training", "--one", shape, "--way", way, "--updates", str(updates)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def table(found: dict[str, dict[str, dict]]) -> str:
    """Write the figures as Markdown."""
    lines = [
        measured(),
        "",
        "| base | trainer | tokens a CPU second | here is | last loss | peak memory |",
        "|---|---|---|---|---|---|",
    ]
    for name, ways in found.items():
        ours = ways["here"]["tokens_per_second"]
        for way, row in ways.items():
            times = "" if way == "here" else f"{ours / row['tokens_per_second']:.2f} times as fast"
            lines.append(
                f"| {name} | {way} | {row['tokens_per_second']:.0f} | {times} | {row['loss']:.5f} | {row['peak_mb']:.0f} MB |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--one", choices=SHAPES, help=argparse.SUPPRESS)
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    environment.prepare(Path(tempfile.gettempdir()))
    if asked.one:
        print(json.dumps(measure(SHAPES[asked.one], asked.way, asked.updates)))
        return
    found: dict[str, dict[str, dict]] = {}
    for name in SHAPES:
        runs: dict[str, list[dict]] = {way: [] for way in WAYS}
        for _ in range(asked.repeats):
            for way, done in runs.items():
                done.append(apart(name, way, asked.updates))
        found[name] = {way: medians(done, "tokens_per_second", "loss", "peak_mb") for way, done in runs.items()}
        print(name, found[name], file=sys.stderr, flush=True)
    show("performance.md", "training", table(found), asked.write)


if __name__ == "__main__":
    main()
