"""Access to the runs folder, for report and status."""

import json
from pathlib import Path

from schemas.errors import Problem
from schemas.short_ids import whole_id
from tarot_data.review import blind_votes
from tarot_train.registry import champion

MARK = "forgotten.json"
"""File in a run's folder: its adapter was trained on readings of a person who has been forgotten since."""


def run_dirs(data_dir: Path) -> list[Path]:
    """Return the folders of finished runs, oldest first by their number."""
    return sorted(path.parent for path in (data_dir / "runs").glob("*/manifest.json"))


def find_run(data_dir: Path, name: str | None) -> Path:
    """Return the folder of a run by its name or the beginning of it, by default of the newest.

    Raises Problem `no_run`, `no_runs`, `ambiguous_id`.
    """
    folders = run_dirs(data_dir)
    if not folders:
        raise Problem("no_runs")
    if name is None:
        return folders[-1]
    missing = Problem("no_run", name=name, have=", ".join(folder.name for folder in folders))
    return data_dir / "runs" / whole_id(name, [folder.name for folder in folders], missing)


def best_run(data_dir: Path, name: str | None = None) -> Path:
    """Return the folder of the named run, else of the champion, else of the newest. Raises Problem `no_run`."""
    return find_run(data_dir, name or champion_of(data_dir))


def champion_of(data_dir: Path) -> str | None:
    """Return the name of the run that no later evaluation has beaten, or None if no run was evaluated."""
    return champion(data_dir / "runs")


def is_marked(folder: Path) -> bool:
    """Check whether a run was trained on readings of a person who has been forgotten since."""
    return (folder / MARK).exists()


def newest_run(data_dir: Path) -> dict | None:
    """Return {manifest, log, scores, generations} of the newest finished run, or None."""
    folders = run_dirs(data_dir)
    return read_run(folders[-1]) if folders else None


def read_run(folder: Path) -> dict:
    return {
        "name": folder.name,
        "manifest": _json(folder / "manifest.json"),
        "log": _lines(folder / "log.jsonl"),
        "scores": _json(folder / "scores.json"),
        "generations": _lines(folder / "generations.jsonl"),
        "votes": blind_votes.tally(folder),
    }


def _json(path: Path) -> dict | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
