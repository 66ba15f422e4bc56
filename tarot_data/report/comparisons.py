"""Comparisons in the report: a version with the previous one, a tuned model with its base and the reader."""

import math

from tarot_data.report.anonymise import Names

GENERATIONS = 4
LONGEST_GENERATION = 1500
POINTS = 300
"""Most points of a loss curve; a longer log is thinned evenly."""

SHARES = ("label", "without", "theme")

RATES = ("sentence_chars", "particles_per_100", "emoji_per_100", "hedges_per_100")


def key_figures(figures: dict) -> dict[str, float]:
    """Flatten the figures by which two versions are compared: name -> number. Shares end in `_share` or begin with one of
    SHARES."""
    kept = figures["readings"]["kept"]
    return {
        "readings": kept,
        "persons": figures["persons"]["persons"],
        "sentences": figures["readings"]["sentences"],
        "rejected": figures["readings"]["rejected"],
        "cards_covered": figures["cards"]["covered"],
        "cards_a_reading": figures["cards"]["a_reading"],
        "reversed_share": figures["cards"]["reversed_share"],
        "median_chars": figures["lengths"]["chars"]["median"],
        "over_budget_share": part_of(figures["lengths"]["over"], kept),
        "top_person_share": figures["persons"]["top"][0]["share"] if figures["persons"]["top"] else 0.0,
        "synthetic_share": part_of(figures["readings"]["synthetic"], kept),
        "masked_share": part_of(figures["masked"]["readings"], kept),
        "unsure_share": figures["labels"]["unsure_share"],
        "questions_share": figures["style"]["rates"]["questions_share"]["mean"] or 0.0,
        **{name: figures["style"]["rates"][name]["mean"] or 0.0 for name in RATES},
        **{f"label.{row['label']}": row["share"] for row in figures["labels"]["labels"]},
        **{f"without.{row['label']}": row["share"] for row in figures["labels"]["without"]},
        **{f"theme.{row['theme']}": part_of(row["readings"], kept) for row in figures["themes"]["themes"]},
    }


def is_share(name: str) -> bool:
    return name.endswith("_share") or name.partition(".")[0] in SHARES


COUNTS = ("readings", "persons", "sentences", "rejected")
"""Key figures that grow with the dataset: reported as growth, not as drift."""


def drift(previous: dict | None, key: dict[str, float], at_most: int = 8) -> dict | None:
    """Return the key figures that moved most since the previous version: [{name, old, new, moved}], most first.

    moved: for a share the difference; for others the difference over the larger of the two, but at least over 1: for
    rates below 1 per 100 characters a fraction of a character would look huge. growth: counts, old
    and new. rows and growth are null if the previous version has no figures. None without a previous.
    """
    if previous is None:
        return None
    out = {"version": previous.get("version"), "rows": None, "growth": None}
    old = (previous.get("figures") or {}).get("key")
    if not old:
        return out
    rows = []
    for name, new in key.items():
        before = old.get(name)
        if name in COUNTS or before is None:
            continue
        scale = 1.0 if is_share(name) else max(abs(before), abs(new), 1.0)
        rows.append({"name": name, "old": before, "new": new, "moved": round((new - before) / scale, 4)})
    rows = sorted((row for row in rows if row["moved"]), key=lambda row: (-abs(row["moved"]), row["name"]))
    out["rows"] = rows[:at_most]
    out["growth"] = [{"name": name, "old": old[name], "new": key[name]} for name in COUNTS if name in old]
    return out


def training(run: dict | None, names: Names) -> dict | None:
    """Return the curves, scores and texts of a training; None without a run.

    run: {name, manifest, log, scores, generations} as `tarot_train` writes them. loss: held-out, nats per token, and
    the difference tuned minus base. scores: [{dimension, base, tuned, reader, difference}]; a difference is
    {mean, low, high} of a 95 % interval, or null. copied: the longest passage copied from the training text, in
    characters. votes: {base, tuned, neither, open} of blind votes. style_distance: to the reader's own, 0 to 1.
    generations: [{person, question, spread, cards, reader, base, tuned}], one per prompt.
    """
    if run is None:
        return None
    manifest, scores, log = (run.get(name) or {} for name in ("manifest", "scores", "log"))
    sides = {side: scores.get(side) or {} for side in ("base", "tuned", "reader")}
    base = manifest.get("base") or {}
    written = _side_by_side(run.get("generations") or [], names)
    return {
        "run": run.get("name"),
        "base": base.get("name"),
        "stand_in": bool(scores.get("stand_in", base.get("stand_in", False))),
        "split": scores.get("split"),
        "held_out": (scores.get("held_out") or {}).get("examples"),
        "train": _curve(log or [], "loss"),
        "eval": _curve(log or [], "eval_loss"),
        **_scores(sides, scores.get("difference") or {}),
        "copied": {side: (sides[side].get("copied") or {}).get("longest") for side in sides},
        "style_distance": {side: number(sides[side].get("style_distance")) for side in ("base", "tuned")},
        "votes": run.get("votes"),
        "generations": written[:GENERATIONS],
        "more": max(0, len(written) - GENERATIONS),
    }


def _scores(sides: dict[str, dict], differences: dict) -> dict:
    """Return {loss, scores} of base, tuned model and reader."""
    dimensions = list(dict.fromkeys(name for side in sides.values() for name in side.get("scores") or {}))
    return {
        "loss": {
            "base": number(sides["base"].get("loss")),
            "tuned": number(sides["tuned"].get("loss")),
            "difference": _interval(differences.get("loss")),
        },
        "scores": [
            {
                "dimension": name,
                **{side: number((values.get("scores") or {}).get(name)) for side, values in sides.items()},
                "difference": _interval(differences.get(name)),
            }
            for name in dimensions
        ],
    }


def _curve(log: list[dict], name: str) -> list[list[float]]:
    points = [[row["step"], number(row[name])] for row in log if row.get("step") is not None and name in row]
    points = [point for point in points if point[1] is not None]
    stride = math.ceil(len(points) / POINTS) or 1
    # The last point matters most, so it is kept for any stride.
    return points[::stride] + (points[-1:] if points and (len(points) - 1) % stride else [])


def _interval(difference: dict | None) -> dict | None:
    found = {name: number((difference or {}).get(name)) for name in ("mean", "low", "high")}
    return None if None in found.values() else found


def _side_by_side(lines: list[dict], names: Names) -> list[dict]:
    """Join generations, one line per text with its `model`, to one row per prompt."""
    rows: dict[str, dict] = {}
    for line in lines:
        own = line.get("person")
        asked = {key: names.hide(line.get(key), own) for key in ("question", "spread", "cards")}
        row = rows.setdefault(
            line["id"], {"person": names.of(own), **asked, "reader": None, "base": None, "tuned": None}
        )
        row[line["model"]] = names.hide(_cut(line.get("content") or ""), own)
    return list(rows.values())


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_GENERATION else text[:LONGEST_GENERATION] + "…"


def part_of(part: float, whole: float) -> float:
    return round(part / whole, 4) if whole else 0.0


def number(value: object) -> float | None:
    """Round a finite number to four places; others give None, since JSON has no NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return round(float(value), 4)
