"""Comparison of runs and bases, all measured in the same way; a base without a run is evaluated here."""

import json
from pathlib import Path

from flows.runtime.progress import bar
from flows.training.runs import champion_of, read_run, run_dirs
from schemas.errors import Problem
from schemas.short_ids import whole_id
from tarot_data.dataset import versions
from tarot_data.patterns.annotate_records import annotate_records
from tarot_train import base_model as bases
from tarot_train import evaluate, sft


def compared(data_dir: Path, names: tuple[str, ...]) -> list[dict]:
    """Return {run, base, model, dataset, champion, loss, perplexity, bits_per_character, scores, votes, …} per model.

    names: runs, by name or number, and bases, by name or folder; all evaluated runs if empty. Each run gives two rows:
    tuned, and its untuned base, which is listed once. votes: people's blind votes between the two
    (`review.votes.tally`), in the tuned model's row. Raises Problem `no_run_or_base`, `not_evaluated`.
    """
    folders = {folder.name: folder for folder in run_dirs(data_dir)}
    best, rows = champion_of(data_dir), []
    for name in names or [name for name, folder in folders.items() if (folder / "scores.json").exists()]:
        run = _run_of(name, folders)
        rows += _rows_of_run(folders[run], best) if run else [_row_of_base(data_dir, name, folders)]
    seen, kept = set(), []
    for row in rows:
        key = (row["run"], row["base"], row["dataset"]) if row["model"] == "tuned" else (row["base"], row["dataset"])
        if key not in seen:
            seen.add(key)
            kept.append(row)
    return kept


def _run_of(name: str, folders: dict[str, Path]) -> str | None:
    """Return the run that a name is or begins, None if it is no run. Raises Problem `ambiguous_id`."""
    missing = Problem("no_run", name=name, have=list(folders))
    try:
        return whole_id(name, folders, missing)
    except Problem as problem:
        if problem is not missing:
            raise
        return None


def _rows_of_run(folder: Path, best: str | None) -> list[dict]:
    found = read_run(folder)
    if not found["scores"]:
        raise Problem("not_evaluated", run=folder.name)
    about = found["manifest"]
    common = {"base": about["base"]["name"], "dataset": about["dataset"]["hash"], "stand_in": about["base"]["stand_in"]}
    rows = []
    for model in ("base", "tuned"):
        run = folder.name if model == "tuned" else None
        rows.append({"run": run, "model": model, **common, "champion": run == best and run is not None})
        rows[-1] |= found["scores"][model] | {"votes": found["votes"] if run else None}
    return rows


def _row_of_base(data_dir: Path, name: str, folders: dict[str, Path]) -> dict:
    """Return the base's row from the newest run on it, else evaluate it on the newest version."""
    here = _folder_of(name)
    for folder in reversed(folders.values()):
        found = read_run(folder)
        about = found["manifest"]
        same = evaluate.is_base_of(here, about, data_dir / "bases") if here else about["base"]["name"] == name
        if same and found["scores"]:
            return _rows_of_run(folder, None)[0]
    scores = evaluate_base(data_dir, name, list(folders))
    about = {"run": None, "model": "base", "base": name, "dataset": scores["dataset"], "champion": False}
    return about | {"stand_in": scores["stand_in"]} | scores["base"]


def _folder_of(name: str) -> Path | None:
    """Return the folder of a base, None if it is not on this machine."""
    try:
        return bases.find(name)
    except Problem:
        return None


def evaluate_base(data_dir: Path, name: str, runs: list[str]) -> dict:
    """Evaluate an untuned base on the held-out splits of the newest version; stored, and measured once per version."""
    try:
        folder = bases.find(name)
    except Problem as problem:
        if "/" in name:
            raise
        raise Problem("no_run_or_base", name=name, have=list(runs)) from problem
    version = versions.find(data_dir, None)
    out = data_dir / "runs" / ".bases" / f"{bases.identity(folder, data_dir / 'bases')}-{version['hash'][:8]}"
    if (out / "scores.json").exists():
        return json.loads((out / "scores.json").read_text(encoding="utf-8"))
    used = sft.recipe_for(name, None)
    try:
        return evaluate.evaluate_base(
            folder, used, versions.path_of(data_dir, version), out, annotate=annotate_records, progress=bar
        )
    finally:
        bar.close()
