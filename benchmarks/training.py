"""Speed of training on this CPU against TRL's trainer as it comes, at two shapes: `python -m benchmarks.training`.

Both train the same rows with the same adapters; the last loss shows that they do the same. TRL as it comes recomputes
activations and scores every position; ours does neither where memory allows.
"""

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

from flows import environment

SHAPES = {
    "11 M, vocabulary 4k": {"layers": 8, "hidden": 320, "ffn": 896, "heads": 5, "kv_heads": 1, "vocab": 4096},
    "46 M, vocabulary 152k": {"layers": 4, "hidden": 256, "ffn": 1024, "heads": 4, "kv_heads": 2, "vocab": 151936},
}


def measure(shape: dict, ours: bool, updates: int) -> dict:
    """{tokens_per_second, loss} over so many updates of eight rows, the first left out of the time."""
    import torch
    from transformers import Qwen2ForCausalLM, TrainerCallback

    from tarot_train import base, recipe, rows, sft
    from tests.train.conftest import example

    made = [example(number, "train") for number in range(8 * (updates + 1))]
    for number, row in enumerate(made):
        row["completion"][0]["content"] *= 1 + number % 8
    tokenizer = base.train_tokenizer(sft.texts_of(made), 4096, base.read_template("r1"))
    counted = rows.to_rows(made, tokenizer, 2048)
    torch.manual_seed(0)
    model = Qwen2ForCausalLM(base.config_of(recipe.Shape(tied=True, **shape)))
    settings = {"train.checkpointing": "off" if ours else "on", "lora.r": "32", "lora.dropout": "0"}
    settings |= {"train.max_steps": str(updates + 1), "train.eval_steps": "100000", "train.patience": "0"}
    used = recipe.load("tarot-tiny", settings)
    folder = Path(tempfile.mkdtemp())
    trainer = sft.build_trainer(
        model, tokenizer, counted.rows, counted.rows[:1], folder, used, cpu=True, plain_head=ours
    )
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
    return {"tokens_per_second": round(tokens / (marks[-1] - marks[0])), "loss": round(losses[-1], 5)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--updates", type=int, default=4)
    updates = parser.parse_args().updates
    environment.prepare(Path(tempfile.gettempdir()))
    for name, shape in SHAPES.items():
        trl, ours = (measure(shape, mine, updates) for mine in (False, True))
        times = round(ours["tokens_per_second"] / trl["tokens_per_second"], 2)
        print(json.dumps({"shape": name, "trl": trl, "ours": ours, "times": times}, ensure_ascii=False), flush=True)
