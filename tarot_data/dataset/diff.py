"""Diff of two versions: readings, statistics, code and lexicon."""

import polars as pl

from schemas.deck import PATTERNS, SPLITS, THEMES
from tarot_data.privacy.person_names import named

FIELDS = (
    "person",
    "question",
    "date",
    "draws",
    "cards",
    "content",
    "follow_ups",
    "outcome",
    "consent",
    "flags",
    "sentences",
    "themes",
    "style",
)
"""Fields whose change makes a reading `changed`; source, split and labeller are not among them."""


def diff(old: pl.DataFrame, new: pl.DataFrame, old_manifest: dict, new_manifest: dict) -> dict[str, object]:
    """Compute {added, removed, changed: [{reading_id, fields}], moved: [{reading_id, from, to}], figures, made_with}.

    old, new: readings of two versions, with `split`. added and removed are reading_ids, all lists sorted. figures:
    name -> [old, new] if they differ. made_with: code, lexicon, labeller or settings -> [old, new] if they differ.
    """
    both = old.join(new, on="reading_id", how="inner", suffix="_new")
    differs = [pl.col(name).ne_missing(pl.col(f"{name}_new")).alias(name) for name in FIELDS]
    flags = both.select("reading_id", *differs).filter(pl.any_horizontal(FIELDS)).sort("reading_id")
    moved = both.filter(pl.col("split") != pl.col("split_new")).sort("reading_id")
    figures_old, figures_new = figures(old), figures(new)
    made = ("lexicon", "labeller", "settings", "code")
    return {
        "added": sorted(new.join(old, on="reading_id", how="anti")["reading_id"]),
        "removed": sorted(old.join(new, on="reading_id", how="anti")["reading_id"]),
        "changed": [
            {"reading_id": row["reading_id"], "fields": [name for name in FIELDS if row[name]]}
            for row in flags.iter_rows(named=True)
        ],
        "moved": [
            {"reading_id": key, "from": before, "to": after}
            for key, before, after in moved.select("reading_id", "split", "split_new").iter_rows()
        ],
        "figures": {
            name: [figures_old.get(name, 0), figures_new.get(name, 0)]
            for name in figures_old | figures_new
            if figures_old.get(name, 0) != figures_new.get(name, 0)
        },
        "made_with": {
            name: [old_manifest.get(name), new_manifest.get(name)]
            for name in made
            if old_manifest.get(name) != new_manifest.get(name)
        },
    }


def figures(readings: pl.DataFrame) -> dict[str, float]:
    """Compute counts and shares of one version, by name: readings, persons, cards of the 78, median characters, the share of
    sentences under each label, readings under each theme and in each split."""
    labels = readings.select(pl.col("sentences").list.explode().struct.field("labels").list.first().alias("label"))
    sentences = max(1, labels.height)
    by_label = dict(labels["label"].cast(pl.String).value_counts().iter_rows())
    themes = readings.select(pl.col("themes").list.explode().cast(pl.String).alias("theme"))["theme"]
    by_theme = dict(themes.drop_nulls().value_counts().iter_rows())
    by_split = dict(readings["split"].cast(pl.String).value_counts().iter_rows())
    drawn = readings.select(pl.col("cards").list.explode().struct.field("card").alias("card"))["card"]
    return {
        "readings": readings.height,
        "persons": readings.select(named())["person"].drop_nulls().n_unique(),
        "cards_covered": drawn.drop_nulls().n_unique(),
        "median_chars": readings["content"].str.len_chars().median() or 0,
        **{f"label_share.{name}": round(by_label.get(name, 0) / sentences, 4) for name in PATTERNS},
        **{f"theme.{name}": by_theme.get(name, 0) for name in THEMES},
        **{f"split.{name}": by_split.get(name, 0) for name in SPLITS},
    }
