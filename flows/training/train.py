"""The training flow: a dataset version to an adapter, evaluated against the untuned base. Once per version.

Prefect alone does not guarantee that a version is trained once; a lock and a finished run's manifest do.
"""

import json
from collections.abc import Callable
from pathlib import Path

from prefect import flow, task

from flows.runtime.artifacts import progress_for
from flows.runtime.error_redaction import original_errors, withhold_errors
from flows.runtime.progress import bar
from flows.runtime.run_log import HOOKS
from flows.training.sweep import sweep
from schemas.errors import Problem
from tarot_data.dataset import versions
from tarot_data.patterns.annotate_records import annotate_records
from tarot_data.review import blind_votes
from tarot_data.system.locks import exclusive
from tarot_train import evaluate, preference_training, registry, sft
from tarot_train.smoke_test import trial


@task(name="fine-tune with LoRA")
@withhold_errors
def fine_tune(data_dir: Path, manifest: dict, base: str | None, recipe: str | None, overrides: dict) -> Path:
    return sft.train(
        version_dir=versions.path_of(data_dir, manifest),
        base=base,
        recipe=recipe,
        overrides=overrides,
        data_dir=data_dir,
        progress=progress_for("training"),
        watch=bar.watch,
        notice=bar.notice,
    )


@task(name="try five updates")
@withhold_errors
def try_out(data_dir: Path, manifest: dict, base: str | None, recipe: str | None, overrides: dict) -> dict:
    return trial(
        versions.path_of(data_dir, manifest), base, recipe, overrides, data_dir=data_dir, progress=progress_for("trial")
    )


@task(name="evaluate against the base")
@withhold_errors
def evaluate_run(data_dir: Path, run_dir: Path) -> dict:
    return evaluate.evaluate(run_dir, data_dir=data_dir, annotate=annotate_records, progress=progress_for("evaluation"))


def search(
    data_dir: Path,
    manifest: dict,
    base: str | None,
    recipe: str | None,
    overrides: dict[str, str],
    hours: float,
    tried: Callable[[dict], None] | None = None,
) -> dict:
    """Search rank and rate without a flow (`sweep.sweep`), and evaluate the best run; see `evaluate_again`."""
    version = manifest["hash"]
    with exclusive(data_dir / "locks" / f"train-{version[:16]}.lock", Problem("training", version=version[:8])):
        try:
            folder = versions.path_of(data_dir, manifest)
            hooks = {"progress": bar, "watch": bar.watch, "notice": bar.notice, "tried": tried}
            found = sweep(folder, base, recipe, overrides, hours, data_dir=data_dir, **hooks)
        finally:
            bar.close()
    return found | evaluate_again(data_dir, data_dir / "runs" / found["best"])


def prefer(data_dir: Path, run_dir: Path, pairs: list[dict]) -> Path:
    """Train a run further on preference pairs, without a flow; returns the new run's folder."""
    manifest = evaluate.read_manifest(run_dir)
    version = manifest["dataset"]["hash"]
    with exclusive(data_dir / "locks" / f"train-{version[:16]}.lock", Problem("training", version=version[:8])):
        try:
            return preference_training.train(run_dir, pairs, data_dir=data_dir, progress=bar)
        finally:
            bar.close()


def challenge(data_dir: Path, run_dir: Path) -> dict:
    """Compare an evaluated run with the champion; return {champion, before, replaced, why}."""
    return registry.challenge(data_dir / "runs", run_dir.name, blind_votes.tally)


def evaluate_again(data_dir: Path, run_dir: Path) -> dict:
    """Evaluate a finished run once more, without a flow; return {run, scores, champion}."""
    bar("libraries")
    try:
        with original_errors():
            scores = evaluate_run.fn(data_dir, run_dir)
    finally:
        bar.close()
    return {"run": run_dir.name, "scores": scores, "champion": challenge(data_dir, run_dir)}


@flow(name="train", validate_parameters=False, **HOOKS)
@withhold_errors
def train(
    data_dir: Path,
    version: int | None = None,
    base: str | None = None,
    recipe: str | None = None,
    overrides: dict[str, str] | None = None,
    smoke: bool = False,
    tried: Callable[[dict], None] | None = None,
) -> dict:
    """Train and evaluate one version; return {run, adapter, scores, already, champion, trial}.

    A version that was trained with the same base and recipe is not trained again: its run is returned. smoke: first run
    five updates through the whole pipeline and pass the result to `tried`; train only if they succeed.
    """
    manifest = versions.find(data_dir, version)
    bar("libraries")
    lock = data_dir / "locks" / f"train-{manifest['hash'][:16]}.lock"
    try:
        with exclusive(lock, Problem("training", version=manifest["hash"][:8])):
            trial = try_out(data_dir, manifest, base, recipe, overrides or {}) if smoke else None
            bar.close()
            if trial and tried:
                tried(trial)
            run_dir = fine_tune(data_dir, manifest, base, recipe, overrides or {})
            scores = run_dir / "scores.json"
            already = scores.exists()
            if not already:
                evaluate_run(data_dir, run_dir)
    finally:
        bar.close()
    return {
        "run": run_dir.name,
        "adapter": str(run_dir / "adapter"),
        "scores": json.loads(scores.read_text(encoding="utf-8")),
        "already": already,
        "champion": challenge(data_dir, run_dir),
        "trial": trial,
    }
