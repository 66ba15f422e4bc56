"""Which readings a model learns from, is watched on and is tested on: by person, so that nobody stands in two."""

from hashlib import blake2b

import numpy as np
import polars as pl

from schemas.deck import SPLITS, THEMES
from tarot_data import persons

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
"""Wanted share of readings. Test at least a tenth, as the recipe card asks; validation as much, for early stopping."""


def assign(readings: pl.DataFrame, before: pl.DataFrame | None = None) -> pl.DataFrame:
    """reading_id and split of every reading.

    readings: reading_id, person, themes, draws. before: person, reading_id and split of the parent version: a person
    who has a split keeps it. Readings of nobody known, or of 匿名, are each a group of their own. Groups are taken largest first
    and put where the counts, the themes and the spreads then come nearest to the wanted shares (the idea of
    scikit-learn's StratifiedGroupKFold); ties are broken by a hash of the group, so the outcome depends neither on
    the order of rows nor on the machine.
    """
    if readings.is_empty():
        return pl.DataFrame(schema={"reading_id": pl.String, "split": pl.String})
    marked = readings.select(
        "reading_id",
        group=_group(),
        themes=pl.col("themes").cast(pl.List(pl.String)),
        spread=pl.col("draws").list.first().struct.field("spread_id"),
    )
    spreads = sorted(marked["spread"].drop_nulls().unique())
    columns = {name: place for place, name in enumerate([*THEMES, *spreads])}
    counts: dict[str, np.ndarray] = {}
    for group, themes, spread in marked.select("group", "themes", "spread").iter_rows():
        row = counts.setdefault(group, np.zeros(1 + len(columns)))
        row[0] += 1
        for name in [*themes, spread] if spread else themes:
            row[1 + columns[name]] += 1
    totals = np.sum(list(counts.values()), axis=0)
    # The number of readings weighs as much as all themes and spreads together; a rare spread hardly counts.
    weights = np.concatenate([[1.0], np.full(len(columns), 1.0 / max(1, len(columns)))]) / totals[0] ** 2
    wanted = np.array([SHARES[name] for name in SPLITS])[:, None] * totals
    have = np.zeros((len(SPLITS), 1 + len(columns)))

    taken = _before(before, set(counts))
    for group, split in taken.items():
        have[SPLITS.index(split)] += counts[group]
    rest = sorted((g for g in counts if g not in taken), key=lambda g: (-counts[g][0], _hash(g)))
    for place, group in enumerate(rest):
        empty = [s for s in range(len(SPLITS)) if have[s, 0] == 0]
        # The last groups fill splits that would stay empty: without validation or test nothing can be measured.
        choices = empty if empty and len(rest) - place <= len(empty) else range(len(SPLITS))
        cost = [_cost(have, wanted, weights, s, counts[group]) for s in choices]
        split = list(choices)[int(np.argmin(np.round(cost, 12)))]
        taken[group] = SPLITS[split]
        have[split] += counts[group]
    _fill(taken, rest, counts, have)
    return marked.select("reading_id", split=pl.col("group").replace_strict(taken, return_dtype=pl.String))


def _fill(taken: dict[str, str], free: list[str], counts: dict[str, np.ndarray], have: np.ndarray) -> None:
    """Move the smallest free groups out of train until test and validation hold their share, where groups allow."""
    total, train = have[:, 0].sum(), SPLITS.index("train")
    movable = sorted((g for g in free if taken[g] == "train"), key=lambda g: (counts[g][0], _hash(g)))
    for name in ("test", "validation"):
        split = SPLITS.index(name)
        while movable and have[split, 0] < SHARES[name] * total and have[train, 0] - counts[movable[0]][0] > total / 2:
            group = movable.pop(0)
            taken[group] = name
            have[train] -= counts[group]
            have[split] += counts[group]


def _cost(have: np.ndarray, wanted: np.ndarray, weights: np.ndarray, split: int, row: np.ndarray) -> float:
    """How far from the wanted counts the splits would be with this group in that split."""
    moved = have.copy()
    moved[split] += row
    return float((((moved - wanted) ** 2) * weights).sum())


def _before(before: pl.DataFrame | None, groups: set[str]) -> dict[str, str]:
    if before is None:
        return {}
    rows = before.select(_group(), pl.col("split").cast(pl.String))
    return {group: split for group, split in rows.iter_rows() if group in groups}


def _group() -> pl.Expr:
    return pl.coalesce(persons.named(), pl.format("\0{}", "reading_id"))


def _hash(group: str) -> bytes:
    return blake2b(group.encode(), digest_size=8).digest()
