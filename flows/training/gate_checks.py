"""The gate's checks of a version and of the runs folder."""

import json
from contextlib import suppress
from pathlib import Path

import polars as pl

from flows.training.gate import MIN_NEW, MIN_READINGS, gate
from flows.training.runs import run_dirs
from tarot_data.dataset import versions
from tarot_data.ingest.stages import pipeline
from tarot_data.privacy.contacts import find_contacts
from tarot_data.system.atomic import write_text

TEXTS = ("person", "question", "content", "outcome")
"""Columns of a version that may contain a contact detail."""


def newest_gate(data_dir: Path, required: int = MIN_READINGS, min_new: int = MIN_NEW) -> dict[str, object]:
    """Evaluate the gate for the newest version, or for no data if there is none."""
    return gate_of(data_dir, versions.newest(data_dir), required, min_new)


def gate_of(
    data_dir: Path, manifest: dict | None, required: int = MIN_READINGS, min_new: int = MIN_NEW
) -> dict[str, object]:
    found = examine(data_dir, manifest) if manifest else None
    return gate(manifest, last_training(data_dir), found, required=required, min_new=min_new)


def last_training(data_dir: Path) -> dict | None:
    """Return {run, version, readings, hashes}, or None before the first training.

    The newest finished run that is no smoke test, its number of readings, and the hashes of all versions trained on.
    """
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
    """Check whether a version was trained on and the run evaluated; a run killed in between does not count."""
    for folder in run_dirs(data_dir):
        about = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        if about["dataset"]["hash"] == hash and not about.get("smoke") and (folder / "scores.json").exists():
            return True
    return False


def examine(data_dir: Path, manifest: dict) -> dict[str, object]:
    """Return {integrity, contacts, coverage} of a version.

    integrity: messages about files that differ from those published. contacts: contact details that can still be read.
    coverage: share of sentences with a label other than `other`. Files are hashed every time. contacts and coverage
    depend on the hash alone and are cached under `checks`, by code and lexicon; for a damaged version they are 0 and
    None.
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
    with suppress(OSError):  # a disk that cannot be written only costs the next call its time
        write_text(kept, json.dumps(made_by | found))
    return {"integrity": []} | found


def contacts(published) -> int:
    """Count the contact details that today's rules find in the texts of a version published under any rules."""
    columns = [*(published[name] for name in TEXTS), published["follow_ups"].list.explode().struct.field("asked")]
    return sum(len(find_contacts(text)) for column in columns for text in column if text)


def label_coverage(published) -> float | None:
    """Return the share of sentences whose first label is not `other`; None if there is no sentence."""
    first = published.select(pl.col("sentences").list.explode().struct.field("labels").list.first().cast(pl.String))
    known = first.to_series().drop_nulls()
    return None if known.is_empty() else float((known != "other").mean())
