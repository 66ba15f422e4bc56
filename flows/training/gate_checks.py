"""What the gate looks at in a version and in the runs folder."""

import json
from pathlib import Path

import polars as pl

from flows.training.gate import MIN_NEW, MIN_READINGS, gate
from flows.training.runs import run_dirs
from tarot_data.dataset import versions
from tarot_data.ingest.stages import pipeline
from tarot_data.privacy.contacts import find_contacts
from tarot_data.system.atomic import write_text

TEXTS = ("person", "question", "content", "outcome")
"""Columns of a version in which a contact detail may stand."""


def look(data_dir: Path, required: int = MIN_READINGS, min_new: int = MIN_NEW) -> dict[str, object]:
    """The gate before the newest version, or before nothing where there is none."""
    return look_at(data_dir, versions.newest(data_dir), required, min_new)


def look_at(
    data_dir: Path, manifest: dict | None, required: int = MIN_READINGS, min_new: int = MIN_NEW
) -> dict[str, object]:
    found = examine(data_dir, manifest) if manifest else None
    return gate(manifest, last_training(data_dir), found, required=required, min_new=min_new)


def last_training(data_dir: Path) -> dict | None:
    """{run, version, readings, hashes}: the newest finished run that is no smoke test and how many readings it had; the
    hashes of all versions that were trained on. None before the first."""
    abouts = [
        (folder.name, json.loads((folder / "manifest.json").read_text(encoding="utf-8")))
        for folder in run_dirs(data_dir)
    ]
    trained = [(name, about["dataset"]) for name, about in abouts if not about.get("smoke")]
    if not trained:
        return None
    run, dataset = trained[-1]
    return {
        "run": run,
        "version": dataset.get("version"),
        "readings": (dataset.get("counts") or {}).get("readings", 0),
        "hashes": sorted({dataset["hash"] for _, dataset in trained}),
    }


def finished(data_dir: Path, hash: str) -> bool:
    """Whether a version was trained on and the run evaluated: one that was killed in between is not done."""
    for folder in run_dirs(data_dir):
        about = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if about["dataset"]["hash"] == hash and not about.get("smoke") and (folder / "scores.json").exists():
            return True
    return False


def examine(data_dir: Path, manifest: dict) -> dict[str, object]:
    """{integrity, contacts, coverage}: sentences about files that are not as published, contact details that can still
    be read in the version, and the share of its sentences with a label other than `other`.

    Files are hashed every time. What follows from the hash alone (contacts, coverage) is kept under `checks`, for the
    code and lexicon that found it; of a damaged version it is not known.
    """
    damage = versions.verify(data_dir, manifest)
    if damage:
        return {"integrity": damage, "contacts": 0, "coverage": None}
    made_by = {"hash": manifest["hash"], "pipeline": pipeline()}
    kept = data_dir / "checks" / f"{manifest['name']}.json"
    if kept.exists():
        known = json.loads(kept.read_text(encoding="utf-8"))
        if {name: known.get(name) for name in made_by} == made_by:
            return {"integrity": [], "contacts": known["contacts"], "coverage": known["coverage"]}
    published = versions.read(data_dir, manifest)
    found = {"contacts": contacts(published), "coverage": label_coverage(published)}
    write_text(kept, json.dumps(made_by | found))
    return {"integrity": []} | found


def contacts(published) -> int:
    """Contact details that today's rules find in the texts of a version, published under whichever rules."""
    return sum(len(find_contacts(text)) for name in TEXTS for text in published[name] if text)


def label_coverage(published) -> float | None:
    """Share of sentences whose first label says what they are for; None where there is no sentence."""
    first = published.select(pl.col("sentences").list.explode().struct.field("labels").list.first().cast(pl.String))
    known = first.to_series().drop_nulls()
    return None if known.is_empty() else float((known != "other").mean())
