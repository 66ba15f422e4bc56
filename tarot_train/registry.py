"""Registry of runs and the champion, the run whose evaluation no later run has beaten (one file in the runs folder)."""

import json
from pathlib import Path

from tarot_train.evaluate import read_manifest

CHAMPION = "champion.json"


def runs(runs_dir: Path) -> list[dict]:
    """List finished runs, oldest first: {run, base, dataset, stand_in, loss, overall, gain, champion}; gain: loss of base minus tuned.

    loss, overall and gain are null if a run has not been evaluated.
    """
    best = champion(runs_dir)
    out = []
    for path in sorted(runs_dir.glob("*/manifest.json")):
        about, scores = read_manifest(path.parent), read_scores(path.parent)
        tuned = scores["tuned"] if scores else None
        out.append(
            {
                "run": path.parent.name,
                "base": about["base"]["name"],
                "stand_in": about["base"]["stand_in"],
                "dataset": about["dataset"]["hash"],
                "loss": tuned["loss"] if tuned else None,
                "overall": tuned["scores"]["overall"] if tuned else None,
                "gain": scores["base"]["loss"] - tuned["loss"] if tuned else None,
                "champion": path.parent.name == best,
            }
        )
    return out


def champion(runs_dir: Path) -> str | None:
    """Name of the champion, None if there is none or its folder is gone."""
    path = runs_dir / CHAMPION
    if not path.exists():
        return None
    name = json.loads(path.read_text(encoding="utf-8"))["run"]
    return name if (runs_dir / name / "manifest.json").exists() else None


def challenge(runs_dir: Path, name: str) -> dict:
    """Compare an evaluated run with the champion; returns {champion, before, replaced, why}.

    It becomes champion if there is none, or if it is better: on the same held-out readings by a lower loss per token (only
    between bases with one tokenizer), else by a higher overall score. Its adapter must have beaten its own base. A run on
    the stand-in never replaces one on a real base. why: a code of the catalogue's
    `champion.` table.
    """
    before = champion(runs_dir)
    why = _verdict(runs_dir, name, before)
    replaced = why in ("first", "real_base", "lower_loss", "higher_score")
    if replaced:
        half = runs_dir / f".{CHAMPION}.half"
        half.write_text(json.dumps({"run": name, "before": before, "why": why}) + "\n", encoding="utf-8")
        half.replace(runs_dir / CHAMPION)
    return {"champion": name if replaced else before, "before": before, "replaced": replaced, "why": why}


def _verdict(runs_dir: Path, name: str, before: str | None) -> str:
    new, scores = read_manifest(runs_dir / name), read_scores(runs_dir / name)
    if scores is None:
        return "not_evaluated"
    if before == name:
        return "is_champion"
    if scores["tuned"]["loss"] >= scores["base"]["loss"]:
        return "no_better_than_base"
    if before is None:
        return "first"
    old, old_scores = read_manifest(runs_dir / before), read_scores(runs_dir / before)
    if old["base"]["stand_in"] != new["base"]["stand_in"]:
        return "stand_in" if new["base"]["stand_in"] else "real_base"
    same_ruler = (old["base"]["identity"], old["dataset"]["hash"]) == (new["base"]["identity"], new["dataset"]["hash"])
    if same_ruler:
        return "lower_loss" if scores["tuned"]["loss"] < old_scores["tuned"]["loss"] else "not_better"
    better = scores["tuned"]["scores"]["overall"] > old_scores["tuned"]["scores"]["overall"]
    return "higher_score" if better else "not_better"


def read_scores(run_dir: Path) -> dict | None:
    path = run_dir / "scores.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
