"""Benchmark of training on a GPU: a base with the shape of the shipped recipe and random weights.

`python -m benchmarks.gpu` trains it once per variant (as shipped; loss of all positions at once, or of labelled ones only; packed;
with activation checkpointing) and prints tokens per second, the share of peak throughput (MFU) and peak memory.
Each variant is a process of its own, so that one that does not fit says so and costs no other. `--tiny` takes a base of
a few hundred thousand weights, on whatever device is here: it tries the path and measures nothing worth telling.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import MethodType

from benchmarks.pipeline import ROOT
from flows.runtime import environment

RECIPE = "r1-distill-qwen-7b"
TINY = {"layers": 2, "hidden": 64, "ffn": 128, "heads": 4, "kv_heads": 2, "vocab": 4096, "positions": 4096}

OFF = {"train.checkpointing": "off"}
VARIANTS: dict[str, tuple[dict[str, str], str]] = {
    "as shipped": (OFF, "chunks"),
    "all positions at once": (OFF, "whole"),
    "labelled positions only": (OFF, "labelled"),
    "packed": (OFF | {"train.packing": "true"}, "chunks"),
    "recomputed": ({"train.checkpointing": "on"}, "chunks"),
}
"""Settings of the recipe, and the loss: TRL's chunks, all positions at once, labelled ones only."""


def measure(variant: str, tiny: bool, updates: int) -> dict:
    """Return {tokens_per_second, mfu, peak_gib, loss, device} over so many updates, the first left out of the time."""
    import torch
    from transformers import Qwen2ForCausalLM, Trainer, TrainerCallback

    from tarot_train import base_model, device, plan, recipe, training_rows
    from tarot_train.pretraining import train_tokenizer
    from tarot_train.trainer import build_trainer
    from tests.train.conftest import example

    here = device.find()
    settings, loss = VARIANTS[variant]
    settings = settings | {"train.max_steps": str(updates + 1), "train.eval_steps": "100000", "train.patience": "0"}
    used = recipe.load(RECIPE, settings)
    shape = replace(used.base.shape, **TINY) if tiny else used.base.shape
    dtype = torch.bfloat16 if here.kind == "cuda" and here.bfloat16 else torch.float32
    made = [example(number, "train") for number in range(used.train.accumulation * (updates + 1))]
    for number, row in enumerate(made):
        # Readings of 30 to 800 tokens in random order.
        row["completion"][0]["content"] *= 1 + number % 16
    tokenizer = train_tokenizer([row["completion"][0]["content"] for row in made], 4096, base_model.read_template("r1"))
    counted = training_rows.to_rows(made, tokenizer, used.train.max_tokens)
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    with torch.device("cuda" if here.kind == "cuda" else "cpu"):
        model = Qwen2ForCausalLM(base_model.config_of(shape))
    torch.set_default_dtype(torch.float32)
    packs = plan.packed_rows(counted.tokens, used.train.max_tokens) if used.train.packing else None
    with tempfile.TemporaryDirectory() as folder:
        trainer = build_trainer(
            model, tokenizer, counted.rows, counted.rows[:1], Path(folder), used, cpu=here.kind == "cpu",
            plain_head=loss == "labelled", packs=packs,
        )  # fmt: skip
        if loss == "whole":
            trainer.model.get_base_model().forward = MethodType(
                Qwen2ForCausalLM.forward, trainer.model.get_base_model()
            )
            trainer.compute_loss = MethodType(Trainer.compute_loss, trainer)
        trainer.args.eval_on_start, trainer.args.load_best_model_at_end = False, False
        marks, seen = [], []

        class Clock(TrainerCallback):
            def on_step_end(self, args, state, control, **kwargs):
                if here.kind == "cuda":
                    torch.cuda.synchronize()
                marks.append(time.perf_counter())
                seen.append(state.num_input_tokens_seen)

        trainer.args.include_num_input_tokens_seen = "all"
        trainer.add_callback(Clock())
        trainer.train()
    rate = (seen[-1] - seen[0]) / (marks[-1] - marks[0])
    mean = sum(counted.tokens) / len(counted.tokens)
    work = plan.flops_a_token(shape, mean, checkpointing=False)  # what the model needs: recomputing is no progress
    mfu = rate * work / (plan.tflops(here) * 1e12) if here.kind == "cuda" else None
    peak = torch.cuda.max_memory_allocated() / 2**30 if here.kind == "cuda" else device.peak_memory_gib()
    losses = [line["loss"] for line in trainer.state.log_history if "loss" in line]
    return {
        "tokens_per_second": round(rate),
        "mfu": mfu and round(mfu, 3),
        "peak_gib": round(peak, 2),
        "loss": round(losses[-1], 4),
        "device": here.name,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=4)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--variant", choices=VARIANTS)
    arguments = parser.parse_args()
    if arguments.variant:
        environment.prepare(Path(tempfile.gettempdir()))
        print(json.dumps(measure(arguments.variant, arguments.tiny, arguments.updates)))
        return
    for variant in VARIANTS:
        command = [sys.executable, "-m", "benchmarks.gpu", "--variant", variant, "--updates", str(arguments.updates)]
        done = subprocess.run(
            [*command, *(["--tiny"] if arguments.tiny else [])], cwd=ROOT, capture_output=True, text=True
        )
        said = done.stdout.splitlines()[-1] if done.returncode == 0 else done.stderr.strip().splitlines()[-1][:300]
        print(json.dumps({"variant": variant, **(json.loads(said) if done.returncode == 0 else {"failed": said})}))


if __name__ == "__main__":
    main()
