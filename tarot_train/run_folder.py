"""The folder of a training run: checkpoints, manifest, finished or not."""

import json
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

from tarot_train.loss_curve import loss_svg

FORMAT = 2
"""Format of a manifest. 1: the identity of a base was a hash of the names and sizes of its weights."""

TRIAL = ".trial"
"""Folder below the runs for smoke tests, so that none is taken for a run."""

CHECKPOINT = ("adapter_model.safetensors", "optimizer.pt", "scheduler.pt", "trainer_state.json")
"""Files a checkpoint needs to resume with the same losses, besides the random states of its processes."""

COMPUTING = ("torch", "transformers", "trl", "peft", "accelerate", "datasets", "tokenizers", "bitsandbytes")
"""Packages whose other versions may give other losses."""


def finished_run(runs_dir: Path, key: str) -> Path | None:
    """Return the folder of the finished run with this key."""
    for path in sorted(runs_dir.glob("*/manifest.json")):
        if json.loads(path.read_text(encoding="utf-8")).get("key") == key:
            return path.parent
    return None


def packages() -> dict[str, dict[str, str]]:
    """List every installed package with its version."""
    found = {dist.metadata["Name"]: dist.version for dist in metadata.distributions() if dist.metadata["Name"]}
    return {"packages": dict(sorted(found.items(), key=lambda item: item[0].lower()))}


def git_commit() -> str | None:
    """Commit of the code if it runs from a checkout, with `+` if files differ from it."""
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


def whole_checkpoint(folder: Path, processes: int = 1) -> Path | None:
    """Return the newest complete checkpoint; one cut short by a kill is skipped."""
    found = [path for path in folder.glob("checkpoint-*") if path.name.split("-")[-1].isdigit()]
    for path in sorted(found, key=lambda path: -int(path.name.split("-")[-1])):
        if _is_whole(path, processes):
            return path
    return None


def _is_whole(checkpoint: Path, processes: int) -> bool:
    states = ["rng_state.pth"] if processes == 1 else [f"rng_state_{number}.pth" for number in range(processes)]
    if not all((checkpoint / name).exists() for name in (*CHECKPOINT, *states)):
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


def settings_of(used: dict, device: dict, packages: dict[str, str]) -> dict[str, object]:
    """List by dotted name what decides the losses of a run. used: its recipe; the other arguments as in a manifest."""
    base = {name: value for name, value in used["base"].items() if name not in ("name", "shape")}
    parts = {
        "base": base,
        "lora": used["lora"],
        "train": used["train"],
        "device": {name: device[name] for name in ("kind", "name", "bfloat16", "threads", "processes")},
        "packages": {name: packages.get(name) for name in COMPUTING},
    }
    return {f"{part}.{name}": value for part, values in parts.items() for name, value in values.items()}


def open_work(work: Path, settings: dict[str, object], processes: int = 1) -> tuple[Path | None, list[str]]:
    """Make the working folder; returns (checkpoint to resume from, settings that forbid to resume from an older one).

    With another device or version of torch a resumed run would give other losses, so its checkpoints are removed and it
    starts over.
    """
    note = work / "settings.json"
    text = json.dumps(settings, sort_keys=True, ensure_ascii=False)
    before = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {}
    now = json.loads(text)
    if before == now:
        return whole_checkpoint(work / "checkpoints", processes), []
    kept = list((work / "checkpoints").glob("checkpoint-*"))
    names = sorted(name for name in now.keys() | before.keys() if before.get(name) != now.get(name))
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    note.write_text(text, encoding="utf-8")
    return None, [f"{name} {before.get(name)} → {now.get(name)}" for name in names] if kept else []


def bases_dir(run_dir: Path) -> Path | None:
    """Return the folder of bases of the data directory that a run is in, None if it is in none."""
    runs = next((path for path in run_dir.resolve().parents if path.name == "runs"), None)
    return runs.parent / "bases" if runs else None


def finish(work: Path, runs_dir: Path, key: str, about: dict) -> Path:
    """Move adapter, log and manifest into a new run folder, atomically."""
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


def step_of(checkpoint: str | Path | None) -> int | None:
    return int(str(checkpoint).rsplit("-", 1)[-1]) if checkpoint else None
