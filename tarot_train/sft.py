"""A dataset version to an adapter: LoRA through TRL's SFTTrainer, loss on the reading only.

A run is made in a working folder that survives a kill; the finished folder `runs/<number>-<key>` appears whole, by
rename, with its manifest. The flows set DO_NOT_TRACK=1, HF_HUB_DISABLE_TELEMETRY=1, HF_HUB_OFFLINE=1,
TOKENIZERS_PARALLELISM=false, TRL_EXPERIMENTAL_SILENCE=1 and TRANSFORMERS_VERBOSITY=error before the first import.
"""

import json
import platform
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from importlib import metadata
from math import isfinite, nan
from pathlib import Path

from schemas.errors import Problem
from tarot_train import base_model as bases
from tarot_train import device as devices
from tarot_train import plan, training_rows
from tarot_train import recipe as recipes
from tarot_train.loss_curve import loss_svg
from tarot_train.recipe import Recipe

Progress = Callable[[str, int, int], None] | None
Watch = Callable[[list[dict]], None] | None
"""Called with the log so far, as `log_lines` gives it, whenever something is logged."""

FORMAT = 1

TRIAL = ".trial"
"""Folder below the runs where trials are, so that none is ever taken for a run."""

CHECKPOINT = ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "trainer_state.json")
"""What a checkpoint must hold to go on from it to the same losses."""


def train(
    version_dir: Path,
    base: str | None = None,
    recipe: str | Path | None = None,
    overrides: dict[str, str] | None = None,
    *,
    data_dir: Path,
    progress: Progress = None,
    watch: Watch = None,
    smoke: bool = False,
) -> Path:
    """Train on a dataset version; the folder of the finished run.

    A version that was trained already with the same recipe and base is not trained again: its run is returned. A run
    that was killed goes on from its newest whole checkpoint, to the same losses. smoke: five updates through the whole
    path, into a folder apart from the runs. Raises Problem where the plan says no-go, before any weight is loaded.
    """
    asked = recipe_for(base, recipe, overrides)
    if smoke:
        asked = _smoke(asked)
    manifest = training_rows.manifest_of(version_dir)
    examples = {split: training_rows.read_examples(version_dir, split, manifest) for split in training_rows.SPLITS}
    if not examples["train"]:
        raise Problem("no_go_no_train")
    folder = None if asked.base.name == bases.TINY else bases.find(asked.base.name)
    key = key_of(manifest, asked, folder)
    runs_dir = data_dir / "runs" / (TRIAL if smoke else "")
    finished = finished_run(runs_dir, key)
    if finished:
        return finished
    here = devices.find()
    team = _team(here)
    here = replace(here, processes=team.num_processes)
    progress = progress if team.is_main_process else None
    with team.main_process_first():
        folder = bases.prepare(asked, texts_of(examples["train"]), data_dir / "bases", progress)
    tokenizer = bases.load_tokenizer(folder, asked.base.template)
    counted = {
        split: training_rows.to_rows(found, tokenizer, asked.train.max_tokens) for split, found in examples.items()
    }
    shape = plan.shape_of(asked, folder)
    if len(tokenizer) > shape.vocab:
        raise Problem("tokenizer_size", tokens=len(tokenizer), rows=shape.vocab, folder=folder)
    used, changes, against = plan.decide(asked, data_of(counted, asked.train.max_tokens), here, shape)
    if against:
        raise against[0].problem
    work = runs_dir / ".work" / key
    with team.main_process_first():
        resumed = _open_work(work, {"key": key, "used": _recipe_dict(used), "device": here.as_dict()} | packages())
    started = time.monotonic()
    try:
        result = _fit(work, folder, tokenizer, counted, used, here, team, progress, watch, resumed)
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        raise Problem("out_of_memory", setting=_first_to_lower(used, here), why=_why(error)) from None
    template = tokenizer.chat_template
    about = {
        "format": FORMAT,
        "key": key,
        "dataset": {name: manifest.get(name) for name in ("version", "hash", "name", "counts")},
        "base": {
            "name": asked.base.name,
            "folder": str(folder.resolve()),
            "identity": bases.identity(folder),
            "stand_in": bases.is_stand_in(folder),
        },
        "recipe": _recipe_dict(asked),
        "used": _recipe_dict(used),
        "changes": [change.as_dict() for change in changes],
        "rows": {split: len(found.rows) for split, found in counted.items()},
        "tokens": {split: sum(found.tokens) for split, found in counted.items()},
        "too_long": {split: found.too_long for split, found in counted.items() if found.too_long},
        "escaped": {split: found.escaped for split, found in counted.items() if found.escaped},
        "thinking": _thinks(counted["train"].rows),
        "template_sha256": sha256(template.encode()).hexdigest(),
        "seed": used.train.seed,
        "device": here.as_dict(),
        "python": platform.python_version(),
        "git_commit": git_commit(),
        "smoke": smoke,
        "resumed_from": resumed.name if resumed else None,
        "seconds": round(time.monotonic() - started, 1),
        **packages(),
        **result,
    }
    with team.main_process_first():
        return _finish(work, runs_dir, key, about) if team.is_main_process else finished_run(runs_dir, key)


def recipe_for(base: str | None, name: str | Path | None, overrides: dict[str, str] | None = None) -> Recipe:
    """The recipe of a call: the one named, else the one written for the base, else tarot-tiny's."""
    if name is None and base is None:
        name = bases.TINY
    if name is None:
        name = recipes.for_base(base)
    loaded = recipes.load(name, overrides)
    if base is None or base == loaded.base.name:
        return loaded
    known = Path(base).name == loaded.base.name.split("/")[-1]
    changed = recipes.replace(loaded, "base.name", base)
    if not known and loaded.base.template != "own":
        changed = recipes.replace(changed, "base.template", "auto")
    return changed if known else recipes.replace(changed, "base.shape", None)


def key_of(manifest: dict, asked: Recipe, folder: Path | None) -> str:
    """16 hex digits that tell a training from another: of dataset, recipe and base."""
    about = [manifest["hash"], _recipe_dict(asked), bases.identity(folder) if folder else None]
    return sha256(json.dumps(about, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def finished_run(runs_dir: Path, key: str) -> Path | None:
    """Folder of the finished run of that key."""
    for path in sorted(runs_dir.glob("*/manifest.json")):
        if json.loads(path.read_text(encoding="utf-8")).get("key") == key:
            return path.parent
    return None


def texts_of(examples: list[dict]) -> list[str]:
    """The readings of examples, as the reader wrote them; what a stand-in base is made of."""
    return [training_rows.escape(example["completion"][0]["content"]) for example in examples]


def data_of(counted: dict[str, training_rows.Counted], max_tokens: int) -> plan.Data:
    lengths = counted["train"].tokens
    return plan.Data(
        train=len(counted["train"].rows),
        validation=len(counted["validation"].rows),
        test=len(counted["test"].rows),
        mean_tokens=sum(lengths) / len(lengths) if lengths else 0.0,
        longest_tokens=max(lengths + counted["validation"].tokens, default=0),
        too_long=len(counted["train"].too_long),
        packed=plan.packed_rows(lengths, max_tokens),
    )


def _thinks(train_rows: list[dict]) -> bool:
    """Whether most rows hold a thinking trace: the model is then served as it was mostly trained."""
    return 2 * sum(row["chat_template_kwargs"]["enable_thinking"] for row in train_rows) > len(train_rows)


def packages() -> dict[str, dict[str, str]]:
    """Every package installed here, with its version."""
    found = {dist.metadata["Name"]: dist.version for dist in metadata.distributions() if dist.metadata["Name"]}
    return {"packages": dict(sorted(found.items(), key=lambda item: item[0].lower()))}


def git_commit() -> str | None:
    """Commit of the code, where it runs from a checkout; `+` where files differ from it."""
    try:
        here = Path(__file__).parent
        commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, timeout=10)
        if commit.returncode:
            return None
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            cwd=here,
            capture_output=True,
            text=True,
            timeout=10,
        )
        return commit.stdout.strip() + ("+" if changed.stdout.strip() else "")
    except (OSError, subprocess.TimeoutExpired):
        return None


# The trainer


def _fit(
    work: Path,
    folder: Path,
    tokenizer,
    counted: dict[str, training_rows.Counted],
    used: Recipe,
    here: devices.Device,
    team,
    progress: Progress,
    watch: Watch,
    resumed: Path | None,
) -> dict:
    """Train in the working folder; leaves `adapter/` and `log.jsonl` there and returns figures for the manifest."""
    from transformers import set_seed

    set_seed(used.train.seed)
    before = devices.peak_memory_gib()
    model = bases.load_model(folder, used.base.dtype, team.device, used.base.quantize)
    trainer = build_trainer(
        model,
        tokenizer,
        counted["train"].rows,
        counted["validation"].rows,
        work / "checkpoints",
        used,
        cpu=here.kind == "cpu",
        plain_head=here.kind == "cpu" and here.processes == 1,
        processes=here.processes,
        packs=plan.packed_rows(counted["train"].tokens, used.train.max_tokens) if used.train.packing else None,
        progress=progress,
        resumed=resumed is not None,
    )
    clock = _clock(watch, work / "tensorboard", _step_of(resumed))
    if team.is_main_process:
        trainer.add_callback(clock)
    trainable = sum(parameter.numel() for parameter in trainer.model.parameters() if parameter.requires_grad)
    trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    history = log_lines(trainer.state.log_history)
    trainer.save_model(str(work / "adapter"))
    clock.close()
    if team.is_main_process:
        for name in ("training_args.bin", "README.md"):  # A pickle of paths of this machine, and an empty model card.
            (work / "adapter" / name).unlink(missing_ok=True)
        (work / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in history), encoding="utf-8")
    evaluated = [line["eval_loss"] for line in history if "eval_loss" in line]
    return {
        "trainable_parameters": trainable,
        "steps": trainer.state.global_step,
        "seconds_an_update": round(clock.seconds / clock.updates, 4) if clock.updates else None,
        "planned_steps": trainer.state.max_steps,
        "stopped_early": trainer.state.global_step < trainer.state.max_steps,
        "best_step": _step_of(trainer.state.best_model_checkpoint),
        "first_eval_loss": evaluated[0] if evaluated else None,
        "best_eval_loss": trainer.state.best_metric,
        "memory_gib": {"before": round(before, 3), "peak": round(_peak(here), 3)},
    }


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
    """TRL's trainer with the settings of a decided recipe, for the plain model and prompt/completion rows.

    plain_head: score labelled positions only; default on a CPU. It calls the model inside its wrapper, so several
    processes, whose wrapper sums gradients, cannot use it. packs: rows that packing makes of the examples. resumed: whether it will go on from a checkpoint; an
    evaluation more at its start would count against the patience of early stopping.
    """
    import datasets
    from peft import LoraConfig
    from transformers import EarlyStoppingCallback, PrinterCallback, ProgressCallback
    from trl import SFTConfig, SFTTrainer

    datasets.disable_progress_bars()
    train, lora = used.train, used.lora
    every = plan.steps(packs or len(train_rows), used, processes)["every"]
    checkpointing = {_checkpointing_name(SFTConfig): train.checkpointing == "on"}
    arguments = SFTConfig(
        output_dir=str(out),
        # Rows that do not fit were left out. None makes sure that nothing is ever cut; a pack needs to know its size.
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
        optim="adamw_torch",
        seed=train.seed,
        data_seed=train.seed,
        eval_strategy="steps",
        eval_steps=every,
        save_strategy="steps",
        save_steps=every,
        save_total_limit=2,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
        greater_is_better=False,
        eval_on_start=not resumed,
        restore_callback_states_from_checkpoint=True,  # The patience already used up, or a resumed run stops later.
        prediction_loss_only=True,
        logging_steps=1,
        report_to="none",
        disable_tqdm=True,
        use_cpu=cpu,
        bf16=not cpu and used.base.dtype == "bfloat16",
        fp16=not cpu and used.base.dtype == "float16",
        dataloader_pin_memory=not cpu,
        **checkpointing,
    )
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.r,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        bias="none",
        target_modules=list(lora.targets),
        modules_to_save=list(lora.modules_to_save) or None,
        ensure_weight_tying=bool(lora.modules_to_save and model.config.tie_word_embeddings),
    )
    callbacks = [_ticker(progress)] if progress else []
    if train.patience:
        callbacks.append(EarlyStoppingCallback(train.patience))
    kind = SFTTrainer
    if cpu if plain_head is None else plain_head:
        kind = type("PlainHeadTrainer", (SFTTrainer,), {"compute_loss": plain_head_loss})
    trainer = kind(
        model=model,
        args=arguments,
        train_dataset=datasets.Dataset.from_list(train_rows),
        eval_dataset=datasets.Dataset.from_list(eval_rows),
        processing_class=tokenizer,
        peft_config=config,
        callbacks=callbacks,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.remove_callback(ProgressCallback)
    return trainer


def plain_head_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
    """Mean cross-entropy over the labelled positions, in nats a token, scoring only those.

    TRL scores every position on a CPU; with 152,000 tokens in the vocabulary that is two thirds of the time. The same
    loss to 1e-6.
    """
    import torch.nn.functional as F

    inputs = dict(inputs)
    labels = inputs.pop("labels")[:, 1:]
    base = model.get_base_model()
    inputs.pop("use_cache", None)
    hidden = base.model(**inputs, use_cache=False).last_hidden_state[:, :-1]
    keep = labels != -100
    loss = F.cross_entropy(base.lm_head(hidden[keep]).float(), labels[keep], reduction="sum")
    loss = loss / (num_items_in_batch if num_items_in_batch is not None else keep.sum())
    return (loss, {}) if return_outputs else loss


def _checkpointing_name(config: type) -> str:
    """The name the installed class has for recomputing activations; it was renamed."""
    names = {name for kind in config.__mro__ for name in getattr(kind, "__dataclass_fields__", {})}
    return "activation_checkpointing" if "activation_checkpointing" in names else "gradient_checkpointing"


def _ticker(progress: Progress):
    from transformers import TrainerCallback

    class Ticker(TrainerCallback):
        def on_step_end(self, args, state, control, **kwargs):
            progress("train", state.global_step, state.max_steps)

    return Ticker()


def _clock(watch: Watch, folder: Path, resumed: int | None):
    """What measures updates, and tells of losses while they come: to `watch`, and to TensorBoard in `folder`.

    resumed: the update it goes on from; what TensorBoard holds from beyond it is void.
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
"""Figures of the log and what TensorBoard calls them."""


def log_lines(history: list[dict]) -> list[dict]:
    """The trainer's history as {step, loss, learning_rate} and {step, eval_loss} lines; step 0 is the base itself."""
    lines = []
    for entry in history:
        kept = {name: entry[name] for name in ("step", "loss", "eval_loss", "learning_rate", "epoch") if name in entry}
        if "loss" in kept or "eval_loss" in kept:
            lines.append(kept)
    return lines


def whole_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that holds everything to go on from; one cut short by a kill is passed over."""
    found = [path for path in folder.glob("checkpoint-*") if path.name.split("-")[-1].isdigit()]
    for path in sorted(found, key=lambda path: -int(path.name.split("-")[-1])):
        if _is_whole(path):
            return path
    return None


def _is_whole(checkpoint: Path) -> bool:
    if not all((checkpoint / name).exists() for name in CHECKPOINT):
        return False
    import pickle

    import torch
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(checkpoint / "adapter_model.safetensors", "pt") as tensors:
            tensors.keys()
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
        for name in ("optimizer.pt", "scheduler.pt"):
            torch.load(checkpoint / name, map_location="cpu", weights_only=True)
    except (SafetensorError, ValueError, OSError, RuntimeError, EOFError, pickle.UnpicklingError):
        return False
    return True


def _open_work(work: Path, about: dict) -> Path | None:
    """Make the working folder; the checkpoint to go on from where it was left by the same settings and packages.

    With other packages, device or threads a resumed run would not give the same losses: it starts anew.
    """
    note = work / "settings.json"
    text = json.dumps(about, sort_keys=True, ensure_ascii=False)
    if note.exists() and note.read_text(encoding="utf-8") == text:
        return whole_checkpoint(work / "checkpoints")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    note.write_text(text, encoding="utf-8")
    return None


def _finish(work: Path, runs_dir: Path, key: str, about: dict) -> Path:
    """Put adapter, log and manifest into a new run folder, whole or not at all."""
    half = runs_dir / ".work" / f"{key}.half"
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir()
    shutil.move(work / "adapter", half / "adapter")
    shutil.copy(work / "log.jsonl", half / "log.jsonl")
    if (work / "tensorboard").exists():
        shutil.move(work / "tensorboard", half / "tensorboard")
    log = [json.loads(line) for line in (half / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    (half / "loss.svg").write_text(loss_svg(log, about["base"]["name"]), encoding="utf-8")
    while True:
        taken = [int(path.name.split("-")[0]) for path in runs_dir.glob("*-*") if path.name.split("-")[0].isdigit()]
        target = runs_dir / f"{max(taken, default=0) + 1:04}-{key[:8]}"
        about = {"run": target.name} | about
        (half / "manifest.json").write_text(json.dumps(about, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        try:
            half.rename(target)
            break
        except OSError:
            if not target.exists():
                raise
    shutil.rmtree(work, ignore_errors=True)
    return target


def _smoke(asked: Recipe) -> Recipe:
    for key, value in (("train.max_steps", 5), ("train.warmup", 1.0), ("train.eval_steps", 2), ("train.save_steps", 0)):
        asked = recipes.replace(asked, key, value)
    return asked


def _first_to_lower(used: Recipe, here: devices.Device) -> str:
    if used.train.batch > 1:
        return "train.batch=1"
    if used.train.checkpointing != "on":
        return "train.checkpointing=on"
    if used.base.quantize == "none" and plan.can_quantize(here):
        return "base.quantize=nf4"
    return f"train.max_tokens={used.train.max_tokens // 2}"


def _is_out_of_memory(error: BaseException) -> bool:
    """On a card torch says so by a type of its own, on a CPU only in words."""
    import torch

    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "allocate memory" in str(error)


def _why(error: BaseException) -> str:
    return str(error).split("\n")[0][-120:] or type(error).__name__


def _team(here: devices.Device):
    """The processes that train together, as `accelerate launch` or torchrun started them; one where nobody did."""
    from accelerate import PartialState

    return PartialState(cpu=here.kind == "cpu")


def _peak(here: devices.Device) -> float:
    if here.kind == "cuda":
        import torch

        return torch.cuda.max_memory_allocated() / 2**30
    return devices.peak_memory_gib()


def _step_of(checkpoint: str | Path | None) -> int | None:
    return int(str(checkpoint).rsplit("-", 1)[-1]) if checkpoint else None


def _recipe_dict(asked: Recipe) -> dict:
    return json.loads(json.dumps(recipes.as_dict(asked)))
