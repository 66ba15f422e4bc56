"""The TRL trainer of a run: data collation, loss, callbacks, progress."""

import time
from collections.abc import Callable
from inspect import signature
from math import isfinite, nan
from pathlib import Path

from tarot_train import plan
from tarot_train.recipe import Recipe

Progress = Callable[[str, int, int], None] | None
Watch = Callable[[list[dict]], None] | None
"""Called with the log so far (see `log_lines`) whenever something is logged."""


def build_trainer(
    model,
    tokenizer,
    train_rows: list[dict],
    eval_rows: list[dict],
    out: Path,
    used: Recipe,
    *,
    cpu: bool,
    progress: Progress = None,
    plain_head: bool | None = None,
    processes: int = 1,
    packs: int | None = None,
    resumed: bool = False,
):
    """Build TRL's trainer with the settings of a decided recipe, for the bare model and prompt/completion rows.

    plain_head: score labelled positions only; default on a CPU. Its loss is not divided over several processes, which
    cannot use it. packs: number of rows after packing. resumed: whether it
    resumes from a checkpoint; one more evaluation at its start would count against the patience of early stopping.
    """
    # torch and the libraries above it take seconds to import
    import datasets
    from transformers import EarlyStoppingCallback, PrinterCallback, ProgressCallback
    from trl import SFTTrainer

    datasets.disable_progress_bars()
    every = plan.steps(packs or len(train_rows), used, processes)["every"]
    callbacks = [_ticker(progress)] if progress else []
    if used.train.patience:
        callbacks.append(EarlyStoppingCallback(used.train.patience))
    kind = SFTTrainer
    if cpu if plain_head is None else plain_head:
        kind = type("PlainHeadTrainer", (SFTTrainer,), {"compute_loss": plain_head_loss})
    trainer = kind(
        model=model,
        args=_arguments(out, used, every, cpu=cpu, resumed=resumed),
        train_dataset=datasets.Dataset.from_list(train_rows),
        eval_dataset=datasets.Dataset.from_list(eval_rows),
        processing_class=tokenizer,
        peft_config=_adapter(used, tied=model.config.tie_word_embeddings),
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    return trainer


def _arguments(out: Path, used: Recipe, every: int, *, cpu: bool, resumed: bool):
    """Translate a recipe to TRL's SFTConfig. every: updates between evaluations and checkpoints."""
    from trl import SFTConfig

    train = used.train
    return SFTConfig(
        output_dir=str(out),
        # Rows that do not fit were left out, and None makes sure that nothing is ever cut; packing needs the size.
        max_length=train.max_tokens if train.packing else None,
        packing=train.packing,
        eval_packing=False,
        completion_only_loss=True,
        num_train_epochs=train.epochs,
        max_steps=train.max_steps if train.max_steps > 0 else -1,
        per_device_train_batch_size=train.batch,
        per_device_eval_batch_size=1,
        gradient_accumulation_steps=train.accumulation,
        learning_rate=train.learning_rate,
        lr_scheduler_type="constant_with_warmup" if train.schedule == "constant" else train.schedule,
        warmup_steps=train.warmup,
        weight_decay=train.weight_decay,
        neftune_noise_alpha=train.neftune or None,
        optim="adamw_torch",
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        eval_on_start=not resumed,
        restore_callback_states_from_checkpoint=True,  # the patience already used up, or a resumed run stops later
        prediction_loss_only=True,
        **shared_arguments(SFTConfig, used, cpu=cpu),
    )


def shared_arguments(config: type, used: Recipe, *, cpu: bool) -> dict[str, object]:
    """Return the arguments that every TRL config of this project has: seed, precision, place, and a quiet log of every update."""
    return {
        "seed": used.train.seed,
        "data_seed": used.train.seed,
        "logging_steps": 1,
        "report_to": "none",
        "disable_tqdm": True,
        "use_cpu": cpu,
        "bf16": not cpu and used.base.dtype == "bfloat16",
        "fp16": not cpu and used.base.dtype == "float16",
        "dataloader_pin_memory": not cpu,
        checkpointing_name(config): used.train.checkpointing == "on",
    }


def _adapter(used: Recipe, *, tied: bool):
    """Translate a recipe to peft's LoraConfig. tied: whether the base shares embeddings and head."""
    from peft import LoraConfig

    lora = used.lora
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        use_rslora=lora.rslora,
        use_dora=lora.dora,
        bias="none",
        target_modules=list(lora.targets),
        modules_to_save=list(lora.modules_to_save) or None,
        ensure_weight_tying=bool(lora.modules_to_save and tied),
    )


def plain_head_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
    """Return the mean cross-entropy over the labelled positions, in nats a token, scoring only those.

    TRL scores every position on a CPU; with 152,000 tokens in the vocabulary that is two thirds of the time. The same
    loss to 1e-6. The logits are the model's own, which scales or caps them in some families.
    """
    import torch.nn.functional as F

    inputs = dict(inputs)
    labels = inputs.pop("labels")[:, 1:]
    inputs.pop("use_cache", None)
    keep = (labels != -100).any(dim=0).nonzero().flatten()
    logits = model(**inputs, use_cache=False, **kept_logits(model, keep)).logits
    logits = logits if logits.shape[1] == len(keep) else logits[:, keep]
    labels = labels[:, keep]
    loss = F.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), ignore_index=-100, reduction="sum")
    loss = loss / (num_items_in_batch if num_items_in_batch is not None else (labels != -100).sum())
    return (loss, {}) if return_outputs else loss


def kept_logits(model, positions) -> dict[str, object]:
    """Return the argument that lets a model score only these positions, (n,); {} if it can only score all."""
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model
    return {"logits_to_keep": positions} if "logits_to_keep" in signature(type(plain).forward).parameters else {}


def checkpointing_name(config: type) -> str:
    """Return the name of the setting that recomputes activations; TRL renamed it."""
    names = {name for kind in config.__mro__ for name in getattr(kind, "__dataclass_fields__", {})}
    return "activation_checkpointing" if "activation_checkpointing" in names else "gradient_checkpointing"


def _ticker(progress: Progress):
    from transformers import TrainerCallback

    class Ticker(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            progress("train", state.global_step, state.max_steps)

    return Ticker()


def update_clock(watch: Watch, folder: Path, resumed: int | None):
    """Return a callback that times updates and passes losses on as they come: to `watch`, and to TensorBoard in `folder`.

    resumed: the update it resumes from; TensorBoard drops what it holds from later ones.
    """
    from tensorboardX import SummaryWriter
    from transformers import TrainerCallback

    class Clock(TrainerCallback):
        seconds, updates, board = 0.0, 0, None

        def on_step_begin(self, args, state, control, **kwargs):
            self.began = time.perf_counter()

        def on_step_end(self, args, state, control, **kwargs):
            self.seconds, self.updates = self.seconds + time.perf_counter() - self.began, self.updates + 1

        def on_log(self, args, state, control, **kwargs):
            lines = log_lines(state.log_history)
            if not lines or "train_runtime" in state.log_history[-1]:
                return
            self.board = self.board or SummaryWriter(
                str(folder), purge_step=resumed + 1 if resumed is not None else None
            )
            for name, tag in TAGS.items():
                if isfinite(lines[-1].get(name, nan)):
                    self.board.add_scalar(tag, lines[-1][name], lines[-1]["step"])
            self.board.flush()
            if watch:
                watch(lines)

        def close(self):
            if self.board:
                self.board.close()

    return Clock()


TAGS = {"loss": "loss/train", "eval_loss": "loss/validation", "learning_rate": "learning_rate"}
"""Name of a figure in the log -> its tag in TensorBoard."""


def log_lines(history: list[dict]) -> list[dict]:
    """Convert the trainer's history to {step, loss, learning_rate} and {step, eval_loss} lines; step 0 is the base itself."""
    lines = []
    for entry in history:
        kept = {name: entry[name] for name in ("step", "loss", "eval_loss", "learning_rate", "epoch") if name in entry}
        if "loss" in kept or "eval_loss" in kept:
            lines.append(kept)
    return lines
