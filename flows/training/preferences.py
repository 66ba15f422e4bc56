"""Preference pairs from a reader's decisions, in TRL's format: blind votes, and texts that were corrected."""

from pathlib import Path

import polars as pl

from flows.training.runs import is_marked, run_dirs
from tarot_data.dataset.prompt import prompts
from tarot_data.review import blind_votes
from tarot_data.store import tables
from tarot_data.text.near_duplicates import folded
from tarot_train import evaluate, training_rows


def preferences(data_dir: Path) -> list[dict]:
    """List {prompt, chosen, rejected, source, run, id}: messages as TRL's DPOTrainer takes them; source: vote or correction.

    A pair is listed once. Runs that were trained on a forgotten person's readings and readings without consent are left out.
    """
    found = {}
    for pair in [*_voted(data_dir), *_corrected(data_dir)]:
        found.setdefault((pair["prompt"], pair["chosen"], pair["rejected"]), pair)
    return [
        pair
        | {
            "prompt": [{"role": "user", "content": pair["prompt"]}],
            "chosen": [{"role": "assistant", "content": pair["chosen"]}],
            "rejected": [{"role": "assistant", "content": pair["rejected"]}],
        }
        for pair in found.values()
    ]


def _voted(data_dir: Path) -> list[dict]:
    """List the votes for one of two texts; of two models that wrote the same nothing is preferred."""
    pairs = []
    for folder in run_dirs(data_dir):
        given = blind_votes.votes(folder)
        if not given or is_marked(folder):
            continue
        asked = _prompts_of(data_dir, folder)
        for pair in blind_votes.pairs(folder):
            winner = given.get(pair["texts"])
            if winner not in blind_votes.SIDES or pair["id"] not in asked:
                continue
            (loser,) = (side for side in blind_votes.SIDES if side != winner)
            chosen, rejected = pair[winner].strip(), pair[loser].strip()
            if chosen and rejected and chosen != rejected:
                about = {"source": "vote", "run": folder.name, "id": pair["id"]}
                pairs.append({"prompt": asked[pair["id"]], "chosen": chosen, "rejected": rejected, **about})
    return pairs


def _prompts_of(data_dir: Path, folder: Path) -> dict[str, str]:
    """Map the ids of generated texts to their prompts: those of the run's version, and the fixed cases."""
    version = data_dir / "versions" / evaluate.read_manifest(folder)["dataset"]["name"]
    examples = [example for split in training_rows.SPLITS for example in training_rows.read_examples(version, split)]
    found = {example["example_id"]: example["prompt"][-1]["content"] for example in examples}
    return found | {case["id"]: case["prompt"] for case in evaluate.fixed_cases()}


def _corrected(data_dir: Path) -> list[dict]:
    """List readings whose text the reader corrected (`tarot fix`): the corrected text against the one before."""
    readings = tables.readings(data_dir).filter(pl.col("consent") != "no", pl.col("revision") > 1)
    fixed = readings.filter(pl.col("flags").list.contains("fixed"))
    if fixed.is_empty():
        return []
    before: dict[str, list[str]] = {}
    for reading_id, content in tables.earlier_contents(data_dir, fixed["reading_id"].to_list()):
        before.setdefault(reading_id, []).append(content)
    pairs = []
    for reading_id, content, prompt in zip(fixed["reading_id"], fixed["content"], prompts(fixed), strict=True):
        other = [text for text in before.get(reading_id, []) if folded(text) != folded(content)]
        if other:
            about = {"source": "correction", "run": None, "id": reading_id}
            pairs.append({"prompt": prompt, "chosen": content.strip(), "rejected": other[-1].strip(), **about})
    return pairs
