"""Train, validation and test splits by person, so that nobody is in two."""

from hashlib import blake2b
from itertools import combinations, product

import numpy as np
import polars as pl

from schemas.deck import SPLITS, THEMES
from tarot_data.privacy import person_names

SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}
"""Target shares of readings. Test at least a tenth, as in the published recipe; validation the same, for early stopping."""

ROUNDS, CANDIDATES = 30, 48
"""Rounds of exchanges, and groups of one size per split that are tried: half a second at most."""


def assign(
    readings: pl.DataFrame, before: pl.DataFrame | None = None, twins: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Assign a split to every reading: reading_id, split; null for a reading that is withheld.

    readings: reading_id, person, themes, draws. before: person, reading_id and split of the parent version: a person
    who has a split keeps it. twins: one and other, the reading_ids of near-duplicates and excerpts, which stay in one split: their
    persons are one group. If both persons have different splits already, one of the two readings is withheld: the new one,
    else the one in train, so that nothing is tested that was trained on.

    A reading without a person, or of 匿名, is a group of its own. Groups are placed largest first, where counts, themes and
    spreads come nearest to the target shares (the idea of scikit-learn's StratifiedGroupKFold). Ties are broken by a hash
    of the group, so the result depends neither on the order of rows nor on the machine.
    """
    if readings.is_empty():
        return pl.DataFrame(schema={"reading_id": pl.String, "split": pl.String})
    marked = readings.select(
        "reading_id",
        group=_group(),
        themes=pl.col("themes").cast(pl.List(pl.String)),
        spread=pl.col("draws").list.first().struct.field("spread_id"),
    )
    owners = dict(marked.select("reading_id", "group").iter_rows())
    fixed = _before(before, set(owners.values()))
    pairs = (
        []
        if twins is None
        else sorted(row for row in twins.select("one", "other").iter_rows() if set(row) <= set(owners))
    )
    heads = _joined([(owners[one], owners[other]) for one, other in pairs], fixed)
    marked = marked.with_columns(pl.col("group").replace(heads))
    taken = _placed(marked, {heads.get(group, group): split for group, split in fixed.items()})
    assigned = marked.select("reading_id", split=pl.col("group").replace_strict(taken, return_dtype=pl.String))
    withheld = _withheld(pairs, dict(assigned.iter_rows()), set(before["reading_id"]) if before is not None else set())
    out = pl.col("reading_id").is_in(sorted(withheld))
    return assigned.with_columns(split=pl.when(~out).then("split")) if withheld else assigned


def _joined(pairs: list[tuple[str, str]], fixed: dict[str, str]) -> dict[str, str]:
    """Map each group to the first of its joined groups; groups with different splits are not joined."""
    heads: dict[str, str] = {}
    split = dict(fixed)

    def head(group: str) -> str:
        while group in heads and heads[group] != group:
            group = heads[group]
        return group

    for pair in pairs:
        one, other = sorted(map(head, pair))
        kept = {split[group] for group in (one, other) if group in split}
        if one != other and len(kept) < 2:
            heads[other] = one
            split |= dict.fromkeys((one,), *kept) if kept else {}
    return {group: head(group) for pair in pairs for group in pair}


def _withheld(pairs: list[tuple[str, str]], splits: dict[str, str], old: set[str]) -> set[str]:
    """Choose one reading of every pair of near-duplicates in two splits."""
    out: set[str] = set()
    for pair in pairs:
        if splits[pair[0]] != splits[pair[1]] and not out & set(pair):
            out.add(min(pair, key=lambda key: (key in old, SPLITS.index(splits[key]), key)))
    return out


def _placed(marked: pl.DataFrame, taken: dict[str, str]) -> dict[str, str]:
    """Map every group of marked (group, themes, spread) to a split. taken: groups that have one already."""
    spreads = sorted(marked["spread"].drop_nulls().unique())
    columns = {name: place for place, name in enumerate([*THEMES, *spreads])}
    counts: dict[str, np.ndarray] = {}
    for group, themes, spread in marked.select("group", "themes", "spread").iter_rows():
        row = counts.setdefault(group, np.zeros(1 + len(columns), dtype=np.int64))
        row[0] += 1
        for name in [*themes, spread] if spread else themes:
            row[1 + columns[name]] += 1
    # Integers throughout, in thousandths of a reading, so that every machine decides alike.
    thousandths = np.array([round(1000 * SHARES[name]) for name in SPLITS])
    wanted = thousandths[:, None] * np.sum(list(counts.values()), axis=0)
    # The number of readings weighs as much as all themes and spreads together; a rare spread hardly counts.
    weights = np.array([len(columns), *[1] * len(columns)])
    have = np.zeros((len(SPLITS), 1 + len(columns)), dtype=np.int64)

    for group, split in taken.items():
        have[SPLITS.index(split)] += counts[group]
    rest = sorted((g for g in counts if g not in taken), key=lambda g: (-counts[g][0], _hash(g)))
    for place, group in enumerate(rest):
        empty = [s for s in range(len(SPLITS)) if have[s, 0] == 0]
        # The last groups fill empty splits: without validation or test nothing can be measured.
        choices = empty if empty and len(rest) - place <= len(empty) else list(range(len(SPLITS)))
        # Growth of the squared distance to the target counts, without the part that is equal for all splits.
        cost = ((1000 * have[choices] - wanted[choices]) * (counts[group] * weights)).sum(axis=1)
        split = choices[int(np.argmin(cost))]
        taken[group] = SPLITS[split]
        have[split] += counts[group]
    _fill(taken, rest, counts, have)
    _exchange(taken, rest, counts, have, wanted, weights)
    return taken


def _exchange(
    taken: dict[str, str],
    free: list[str],
    counts: dict[str, np.ndarray],
    have: np.ndarray,
    wanted: np.ndarray,
    weights: np.ndarray,
) -> None:
    """Exchange free groups of one size between splits while themes and spreads come nearer to the target counts."""
    alike: dict[tuple[int, int], list[str]] = {}
    for group in free:
        found = alike.setdefault((SPLITS.index(taken[group]), int(counts[group][0])), [])
        if len(found) < CANDIDATES:
            found.append(group)
    sizes = sorted({size for _, size in alike})
    for _ in range(ROUNDS):
        moved = False
        for (one, other), size in product(combinations(range(len(SPLITS)), 2), sizes):
            here, there = alike.get((one, size), []), alike.get((other, size), [])
            if not here or not there:
                continue
            gained = np.array([counts[group] for group in there])[None] - np.array([counts[g] for g in here])[:, None]
            apart = (1000 * have[one] - wanted[one]) - (1000 * have[other] - wanted[other])
            change = ((gained * apart + 1000 * gained**2) * weights).sum(axis=2)
            best = np.unravel_index(np.argmin(change), change.shape)
            if change[best] < 0:
                here[best[0]], there[best[1]] = there[best[1]], here[best[0]]
                taken[here[best[0]]], taken[there[best[1]]] = SPLITS[one], SPLITS[other]
                have[one] += gained[best]
                have[other] -= gained[best]
                moved = True
        if not moved:
            return


def _fill(taken: dict[str, str], free: list[str], counts: dict[str, np.ndarray], have: np.ndarray) -> None:
    """Move the smallest free groups out of train until test and validation have their share, if groups allow."""
    total, train = have[:, 0].sum(), SPLITS.index("train")
    movable = sorted((g for g in free if taken[g] == "train"), key=lambda g: (counts[g][0], _hash(g)))
    for name in ("test", "validation"):
        split = SPLITS.index(name)
        while movable and have[split, 0] < SHARES[name] * total and have[train, 0] - counts[movable[0]][0] > total / 2:
            group = movable.pop(0)
            taken[group] = name
            have[train] -= counts[group]
            have[split] += counts[group]


def _before(before: pl.DataFrame | None, groups: set[str]) -> dict[str, str]:
    if before is None:
        return {}
    rows = before.select(_group(), pl.col("split").cast(pl.String))
    found: dict[str, str] = {}
    for group, split in rows.iter_rows():
        # Two spellings of a name may have two splits in an older version; what was trained on stays in train.
        if group in groups and SPLITS.index(split) <= SPLITS.index(found.get(group, SPLITS[-1])):
            found[group] = split
    return found


def _group() -> pl.Expr:
    """Return the person of a reading, one for all spellings (Mel, mel, Ｍel, Mel🌸), or the reading itself."""
    names = person_names.named().map_elements(person_names.person_key, return_dtype=pl.String)
    return pl.coalesce(names, pl.format("\0{}", "reading_id"))


def _hash(group: str) -> bytes:
    return blake2b(group.encode(), digest_size=8).digest()
