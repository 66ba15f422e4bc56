"""LoRA training: from a dataset version to an adapter, through TRL's SFTTrainer, with the loss on the reading only.

A run is written to a working folder that survives a kill, and renamed to `runs/<number>-<key>` with its manifest once it
is complete. The flows set DO_NOT_TRACK=1, HF_HUB_DISABLE_TELEMETRY=1, HF_HUB_OFFLINE=1,
TOKENIZERS_PARALLELISM=false, TRL_EXPERIMENTAL_SILENCE=1 and TRANSFORMERS_VERBOSITY=error before the first import.
"""

import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from schemas.errors import Problem
from tarot_train import base_model as bases
from tarot_train import device as devices
from tarot_train import plan, training_rows
from tarot_train import recipe as recipes
from tarot_train.recipe import Recipe
from tarot_train.run_folder import (
    FORMAT,
    TRIAL,
    finish,
    finished_run,
    git_commit,
    open_work,
    packages,
    settings_of,
    step_of,
)
from tarot_train.trainer import Progress, Watch, build_trainer, log_lines, update_clock

Notice = Callable[[str, dict[str, object]], None] | None
"""Called with a code of the catalogue's `notice.` table and its values, if something is done that nobody asked for."""


def train(
    version_dir: Path,
    base: str | None = None,
    recipe: str | Path | None = None,
    overrides: dict[str, str] | None = None,
    *,
    data_dir: Path,
    progress: Progress = None,
    watch: Watch = None,
    notice: Notice = None,
    smoke: bool = False,
) -> Path:
    """Train on a dataset version and return the folder of the finished run.

    If the version was trained with the same recipe and base before, that run is returned. A run that was killed resumes
    from its newest complete checkpoint, with the same losses. smoke: five updates through the whole path, into a folder
    apart from the runs. Raises Problem if the plan says no-go, before any weight is loaded.
    """
    asked = recipe_for(base, recipe, overrides)
    if smoke:
        asked = _smoke(asked)
    manifest = training_rows.manifest_of(version_dir)
    examples = {split: training_rows.read_examples(version_dir, split, manifest) for split in training_rows.SPLITS}
    if not examples["train"]:
        raise Problem("no_go_no_train")
    folder = bases.find(asked.base.name)
    key = key_of(manifest, asked, folder, data_dir / "bases")
    runs_dir = data_dir / "runs" / (TRIAL if smoke else "")
    if finished := finished_run(runs_dir, key):
        return finished
    device = devices.find()
    team = _team(device)
    device = replace(device, processes=team.num_processes, sharded=_shards())
    progress = progress if team.is_main_process else None
    job = _decided(asked, folder, examples, device)
    work = runs_dir / ".work" / key
    resumed, differs = _open(work, job, team, notice)
    started = time.monotonic()
    result = _fit_in_memory(work, job, team, progress, watch, resumed)
    about = {
        "format": FORMAT,
        "key": key,
        "dataset": {name: manifest.get(name) for name in ("version", "hash", "name", "counts")},
        **_job_dict(job, data_dir),
        "smoke": smoke,
        "resumed_from": resumed.name if resumed else None,
        "started_over": differs,
        "seconds": round(time.monotonic() - started, 1),
        **packages(),
        **result,
    }
    with team.main_process_first():
        return finish(work, runs_dir, key, about) if team.is_main_process else finished_run(runs_dir, key)


def _open(work: Path, job: "Job", team, notice: Notice) -> tuple[Path | None, list[str]]:
    """Open the working folder (`open_work`) and say if older checkpoints were removed."""
    with team.main_process_first():
        settings = settings_of(_recipe_dict(job.used), job.device.as_dict(), packages()["packages"])
        resumed, differs = open_work(work, settings, job.device.processes)
    if differs and notice and team.is_main_process:
        notice("starts_over", {"differs": ", ".join(differs)})
    return resumed, differs


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a training works on: recipe as asked and as used here, base, tokenizer, rows of every split, device."""

    asked: Recipe
    used: Recipe
    changes: list[plan.Change]
    folder: Path
    tokenizer: object
    counted: dict[str, training_rows.Counted]
    device: devices.Device


def _decided(asked: Recipe, folder: Path, examples: dict[str, list[dict]], device: devices.Device) -> Job:
    """Tokenise the examples and adapt the recipe to data and device. Raises the Problem of the first obstacle."""
    tokenizer = bases.load_tokenizer(folder, asked.base.template)
    counted = {
        split: training_rows.to_rows(found, tokenizer, asked.train.max_tokens) for split, found in examples.items()
    }
    shape = plan.shape_of(asked, folder)
    if len(tokenizer) > shape.vocab:
        raise Problem("tokenizer_size", tokens=len(tokenizer), rows=shape.vocab, folder=folder)
    used, changes, obstacles = plan.decide(asked, data_of(counted, asked.train.max_tokens), device, shape)
    if obstacles:
        raise obstacles[0].problem
    return Job(
        asked=asked, used=used, changes=changes, folder=folder, tokenizer=tokenizer, counted=counted, device=device
    )


def _job_dict(job: Job, data_dir: Path) -> dict:
    """Return what the manifest of a run says of its job."""
    return {
        "base": {
            "name": job.asked.base.name,
            "folder": str(job.folder.resolve()),
            "identity": bases.identity(job.folder, data_dir / "bases"),
            "stand_in": bases.is_stand_in(job.folder),
        },
        "recipe": _recipe_dict(job.asked),
        "used": _recipe_dict(job.used),
        "changes": [change.as_dict() for change in job.changes],
        "rows": {split: len(found.rows) for split, found in job.counted.items()},
        "tokens": {split: sum(found.tokens) for split, found in job.counted.items()},
        "too_long": {split: found.too_long for split, found in job.counted.items() if found.too_long},
        "escaped": {split: found.escaped for split, found in job.counted.items() if found.escaped},
        "thinking": _thinks(job.counted["train"].rows),
        "template_sha256": sha256(job.tokenizer.chat_template.encode()).hexdigest(),
        "seed": job.used.train.seed,
        "device": job.device.as_dict(),
        "python": platform.python_version(),
        "git_commit": git_commit(),
    }


def recipe_for(base: str | None, name: str | Path | None, overrides: dict[str, str] | None = None) -> Recipe:
    """Load the recipe of a call: the one named, else the one written for the base, else that of tarot-tiny."""
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


def key_of(manifest: dict, asked: Recipe, folder: Path, bases_dir: Path) -> str:
    """Hash dataset, recipe and base to 16 hex digits, the identity of a training.

    A base is its files: by another name, or moved to another place, it is the same.
    """
    asked = recipes.replace(recipes.replace(asked, "base.name", ""), "base.shape", None)
    about = [manifest["hash"], _recipe_dict(asked), bases.identity(folder, bases_dir)]
    return sha256(json.dumps(about, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


def data_of(counted: dict[str, training_rows.Counted], max_tokens: int) -> plan.Data:
    lengths = counted["train"].tokens
    return plan.Data(
        train=len(counted["train"].rows),
        validation=len(counted["validation"].rows),
        test=len(counted["test"].rows),
        mean_tokens=sum(lengths) / len(lengths) if lengths else 0.0,
        longest_tokens=max(lengths + counted["validation"].tokens, default=0),
        too_long=len(counted["train"].too_long),
        follow_ups=sum(map(training_rows.is_follow_up, counted["train"].rows)),
        packed=plan.packed_rows(lengths, max_tokens),
    )


def _thinks(train_rows: list[dict]) -> bool:
    """Check whether most readings have a thinking trace: the model is then served as it was mostly trained."""
    readings = [row for row in train_rows if not training_rows.is_follow_up(row)]
    return 2 * sum(row["chat_template_kwargs"]["enable_thinking"] for row in readings) > len(readings)


def _fit_in_memory(work: Path, job: Job, team, progress: Progress, watch: Watch, resumed: Path | None) -> dict:
    """Train (`_fit`) and release the device's memory. Raises Problem `out_of_memory`, with a setting to lower."""
    try:
        return _fit(work, job, team, progress, watch, resumed)
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        raise Problem("out_of_memory", setting=_first_to_lower(job.used, job.device), why=_why(error)) from None
    finally:
        devices.release()  # or the evaluation loads a second base next to the trained one


def _fit(work: Path, job: Job, team, progress: Progress, watch: Watch, resumed: Path | None) -> dict:
    """Train in the working folder; leaves `adapter/` and `log.jsonl` there and returns figures for the manifest."""
    from transformers import set_seed  # transformers takes seconds to import

    used, device, rows = job.used, job.device, job.counted["train"]
    set_seed(used.train.seed)
    before = devices.peak_memory_gib()
    trainer = build_trainer(
        # FSDP moves to each GPU its part only.
        bases.load_model(job.folder, used.base.dtype, "cpu" if device.sharded else team.device, used.base.quantize),
        job.tokenizer,
        rows.rows,
        job.counted["validation"].rows,
        work / "checkpoints",
        used,
        cpu=device.kind == "cpu",
        plain_head=device.kind == "cpu" and device.processes == 1,
        processes=device.processes,
        packs=plan.packed_rows(rows.tokens, used.train.max_tokens) if used.train.packing else None,
        progress=progress,
        resumed=resumed is not None,
    )
    clock = update_clock(watch, work / "tensorboard", step_of(resumed))
    if team.is_main_process:
        trainer.add_callback(clock)
    trainable = sum(parameter.numel() for parameter in trainer.model.parameters() if parameter.requires_grad)
    trainer.train(resume_from_checkpoint=str(resumed) if resumed else None)
    history = log_lines(trainer.state.log_history)
    trainer.save_model(str(work / "adapter"))
    clock.close()
    if team.is_main_process:
        for name in ("training_args.bin", "README.md"):  # a pickle with paths of this machine, an empty model card
            (work / "adapter" / name).unlink(missing_ok=True)
        (work / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in history), encoding="utf-8")
    return {
        "trainable_parameters": trainable,
        **_outcome(trainer.state, history),
        "seconds_an_update": round(clock.seconds / clock.updates, 4) if clock.updates else None,
        "memory_gib": {"before": round(before, 3), "peak": round(_peak(device), 3)},
    }


def _outcome(state, history: list[dict]) -> dict:
    """Return the steps and losses of a trainer's state, for the manifest."""
    evaluated = [line["eval_loss"] for line in history if "eval_loss" in line]
    return {
        "steps": state.global_step,
        "planned_steps": state.max_steps,
        "stopped_early": state.global_step < state.max_steps,
        "best_step": step_of(state.best_model_checkpoint),
        "first_eval_loss": evaluated[0] if evaluated else None,
        "best_eval_loss": state.best_metric,
    }


def _smoke(asked: Recipe) -> Recipe:
    for key, value in (("train.max_steps", 5), ("train.warmup", 1.0), ("train.eval_steps", 2), ("train.save_steps", 0)):
        asked = recipes.replace(asked, key, value)
    return asked


def _first_to_lower(used: Recipe, device: devices.Device) -> str:
    if used.train.batch > 1:
        return "train.batch=1"
    if used.train.checkpointing != "on":
        return "train.checkpointing=on"
    if used.base.quantize == "none" and plan.can_quantize(device):
        return "base.quantize=nf4"
    return f"train.max_tokens={used.train.max_tokens // 2}"


def _is_out_of_memory(error: BaseException) -> bool:
    """Check whether memory ran out: torch has an error class for a GPU, and only a message for a CPU."""
    import torch  # takes seconds to import

    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "allocate memory" in str(error)


def _why(error: BaseException) -> str:
    return str(error).split("\n")[0][-120:] or type(error).__name__


def _team(device: devices.Device):
    """Return the processes that `accelerate launch` or torchrun started together; a single one without a launcher."""
    from accelerate import PartialState  # imports torch

    return PartialState(cpu=device.kind == "cpu")


def _shards() -> bool:
    """Check whether accelerate was started with a configuration that divides the base over the processes."""
    from accelerate.utils import parse_flag_from_env  # imports torch

    return parse_flag_from_env("ACCELERATE_USE_FSDP")


def is_first_process() -> bool:
    """Check whether this process is alone, or the first of those that a launcher started together."""
    return _team(devices.find()).is_main_process


def _peak(device: devices.Device) -> float:
    if device.kind == "cuda":
        import torch

        return torch.cuda.max_memory_allocated() / 2**30
    return devices.peak_memory_gib()


def _recipe_dict(asked: Recipe) -> dict:
    return json.loads(json.dumps(recipes.as_dict(asked)))
