"""Registry of runs and the champion, the run whose evaluation no later run has beaten (one file in the runs folder)."""

import json
from collections.abc import Callable
from math import sqrt
from pathlib import Path

from tarot_train.bootstrap import mean_difference, ratio_difference
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
    """Return the name of the champion, None if there is none or its folder is gone."""
    path = runs_dir / CHAMPION
    if not path.exists():
        return None
    name = json.loads(path.read_text(encoding="utf-8"))["run"]
    return name if (runs_dir / name / "manifest.json").exists() else None


Tally = Callable[[Path], dict[str, int]]
"""Folder of a run -> {base, tuned, neither}: blind votes between its two models."""

ENOUGH_VOTES = 20
"""Least number of votes of each run for its votes to count: then an interval of their share is at most 0.45 wide."""


def challenge(runs_dir: Path, name: str, votes: Tally | None = None) -> dict:
    """Compare an evaluated run with the champion; return {champion, before, replaced, why}.

    Its adapter must have beaten its own base. It becomes champion if there is none, or if it is better by the first of
    three comparisons whose 95 % interval excludes no difference: loss on held-out readings, blind votes, overall score.
    If none does, the champion stays. A run on the stand-in never replaces one on a real base. why: a code of the
    catalogue's `champion.` table.
    """
    before = champion(runs_dir)
    why = _verdict(runs_dir, name, before, votes)
    replaced = why in ("first", "real_base", "lower_loss", "more_votes", "higher_score")
    if replaced:
        half = runs_dir / f".{CHAMPION}.half"
        half.write_text(json.dumps({"run": name, "before": before, "why": why}) + "\n", encoding="utf-8")
        half.replace(runs_dir / CHAMPION)
    return {"champion": name if replaced else before, "before": before, "replaced": replaced, "why": why}


def _verdict(runs_dir: Path, name: str, before: str | None, votes: Tally | None) -> str:
    new, scores = read_manifest(runs_dir / name), read_scores(runs_dir / name)
    if scores is None:
        return "not_evaluated"
    if before == name:
        return "is_champion"
    if scores["tuned"]["loss"] >= scores["base"]["loss"] or _gain(scores)[1] >= 0:
        return "no_better_than_base"
    if before is None:
        return "first"
    old, old_scores = read_manifest(runs_dir / before), read_scores(runs_dir / before)
    if old["base"]["stand_in"] != new["base"]["stand_in"]:
        return "stand_in" if new["base"]["stand_in"] else "real_base"
    same_base = old["base"]["identity"] == new["base"]["identity"]
    same_texts = old["dataset"]["hash"] == new["dataset"]["hash"]
    folders = (runs_dir / before, runs_dir / name)
    compared = {
        "lower_loss": _losses(old_scores, scores, same_texts, same_base),
        "more_votes": _shares_of_votes([votes(folder) for folder in folders]) if votes and same_base else None,
        "higher_score": _overalls([_overall_by_text(folder) for folder in folders]),
    }
    for why, interval in compared.items():
        if interval and interval[0] > 0:
            return why
        if interval and interval[1] < 0:
            return "not_better"
    return "undecided"


Interval = tuple[float, float] | None
"""Low and high of how much better the new run is; None if the two cannot be compared."""


def _gain(scores: dict) -> tuple[float, float]:
    """Return the interval of the loss of a run minus that of its base, negative if it learned something."""
    change = scores.get("difference", {}).get("loss")
    if change:
        return change["low"], change["high"]
    point = scores["tuned"]["loss"] - scores["base"]["loss"]
    return point, point


def _losses(old: dict, new: dict, same_texts: bool, same_base: bool) -> Interval:
    """Compare the losses per character of the same held-out readings, else the gains over one base on other readings."""
    before, after = old.get("by_example"), new.get("by_example")
    if same_texts and before and after and before["characters"] == after["characters"]:
        pairs = [list(zip(found["tuned"], found["characters"], strict=True)) for found in (before, after)]
        change = ratio_difference(*pairs)
        return -change["high"], -change["low"]
    if same_base and not same_texts and "difference" in old and "difference" in new:
        (low, high), (old_low, old_high) = _gain(new), _gain(old)
        return old_low - high, old_high - low
    return None


def _shares_of_votes(tallies: list[dict[str, int]]) -> Interval:
    """Return the interval of the difference of the shares of votes for the tuned model, by the normal approximation."""
    counts = [sum(tally[name] for name in ("base", "tuned", "neither")) for tally in tallies]
    if min(counts) < ENOUGH_VOTES:
        return None
    shares = [(t["tuned"] + t["neither"] / 2) / count for t, count in zip(tallies, counts, strict=True)]
    # One vote more for each side keeps the interval open if all votes agree.
    smooth = [(share * count + 1) / (count + 2) for share, count in zip(shares, counts, strict=True)]
    half = 1.96 * sqrt(sum(s * (1 - s) / count for s, count in zip(smooth, counts, strict=True)))
    return shares[1] - shares[0] - half, shares[1] - shares[0] + half


def _overall_by_text(folder: Path) -> dict[str, float]:
    """Map the id of a prompt to the overall score of what the tuned model wrote for it."""
    path = folder / "generations.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return {line["id"]: line["scores"]["overall"] for line in lines if line["model"] == "tuned"}


def _overalls(scored: list[dict[str, float]]) -> Interval:
    """Compare the overall scores for the prompts that both runs answered."""
    both = sorted(scored[0].keys() & scored[1].keys())
    if len(both) < 2:
        return None
    change = mean_difference([scored[0][key] for key in both], [scored[1][key] for key in both])
    return change["low"], change["high"]


def read_scores(run_dir: Path) -> dict | None:
    path = run_dir / "scores.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
