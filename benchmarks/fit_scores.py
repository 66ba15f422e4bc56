"""Fit the tables of the scores on the annotated readings: `python -m benchmarks.fit_scores`.

Writes `card_words.csv` (what readers say of each card), `rarity.csv`, `questions.csv`, `places.csv` and `scale.csv` into
`tarot_train/tables/`. Places and weights are fitted on readings of writers that the words were not counted on; the closed
half of the fluent bad readings is not used.
"""

import csv
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np

from tarot_train import scores
from tarot_train.score_lines import lines_of, pairs
from tarot_train.score_measures import MEASURES
from tarot_train.score_place import Place, logit
from tarot_train.score_text import prepare, use_tables

WORDS_A_CARD = 120
"""Pairs of letters kept for a card; with 60, one in five identified cards is lost."""


def card_words(readings: list[dict]) -> dict[str, dict[str, float]]:
    """Map a card to the pairs of letters that tell it best, with log-odds; sentences on one card only are counted."""
    names = re.compile("|".join(sorted({c["card"] for r in readings for c in r["cards"]})) + "|正位|逆位")
    used: dict[str, Counter] = defaultdict(Counter)
    count, all_used = Counter(), Counter()
    for reading in readings:
        texts = defaultdict(set)
        for s in reading["sentences"]:
            if len(set(s["cards"])) == 1 and "card_interpretation" in s["labels"]:
                texts[s["cards"][0]] |= pairs(names.sub("，", s["text"]))
        for card, found in texts.items():
            used[card].update(found)
            all_used.update(found)
            count[card] += 1
    whole = sum(count.values())
    out = {}
    for card, found in used.items():
        share = {pair: all_used[pair] / whole for pair in found}
        odds = {
            pair: math.log((n + 2 * share[pair]) / (count[card] + 2) / share[pair])
            for pair, n in found.items()
            if n >= 2 or all_used[pair] >= 3
        }
        # A pair that identifies a card and is used often comes first.
        best = sorted((p for p in odds if odds[p] > 0.3), key=lambda p: (-odds[p] * math.log1p(found[p]), p))
        out[card] = {pair: round(odds[pair], 1) for pair in best[:WORDS_A_CARD]}
    return out


def rarity(readings: list[dict]) -> dict[str, float]:
    """Map the pairs of letters that at least five readings use to the log of how rare they are."""
    count = Counter(pair for reading in readings for pair in pairs(reading["content"]))
    return {pair: round(math.log(len(readings) / n), 1) for pair, n in sorted(count.items()) if n >= 5}


# Places


def usual(values: np.ndarray, weights: np.ndarray, shares: tuple[float, ...]) -> list[float]:
    """Weighted quantiles of a column."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    return [float(values[order][min(np.searchsorted(reached, share), len(values) - 1)]) for share in shares]


ADDRESS = ("person", "you")
"""Readers differ most in these, so that only the highest fifth costs."""


def ranges(measured: list[dict], weights: np.ndarray) -> dict[str, Place]:
    """The places of all measures, still without weights."""
    out = {}
    for name in MEASURES:
        column = np.array([values[name] for values in measured])
        high = 0.8 if name in ADDRESS else 0.6
        least, low, top, most = (round(x, 3) for x in usual(column, weights, (0.05, 0.4, high, 0.95)))
        out[name] = Place(low, top, least, most, 1.0, 1.0)
    return out


def features(measured: list[dict], places: dict[str, Place]) -> np.ndarray:
    """Log-odds of the mean, and the negative distance of each measure on the side that counts."""
    rows = []
    for values in measured:
        row = [logit(values["mean"])]
        for name, (_, side, _) in MEASURES.items():
            below, above = places[name].distance(values[name])
            row.append(-(below * (side != "high") + above * (side != "low")))
        rows.append(row)
    return np.array(rows)


LEAST = {"low": 0.0, "high": 0.3, "both": 0.1}
"""Least weight by side, so that a fault which none of the texts has still costs."""

WEIGHT = {"spoilt": 1.5, "bad": 1.0, "question": 0.3}
"""Weight of each set of pairs."""


def weights_of(better: np.ndarray, worse: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Fit weights so that the better of each pair has the higher sum (logistic loss, weights not negative)."""
    from scipy.optimize import minimize

    apart, weight = better - worse, weight / weight.sum()
    least = [0.05, *(LEAST[side] for _, side, _ in MEASURES.values())]

    def loss(given: np.ndarray) -> tuple[float, np.ndarray]:
        margin = apart @ given
        value = (weight * np.logaddexp(0, -margin)).sum() + 0.0015 * (given[1:] ** 2).sum()
        return value, -apart.T @ (weight / (1 + np.exp(margin))) + np.r_[0, 0.003 * given[1:]]

    start = np.maximum(least, 0.3)
    return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(low, 8) for low in least]).x


def measure(reading: dict) -> dict[str, float]:
    """All measures of an annotated reading, and the `mean` of its figures before they count."""
    lines = lines_of(reading)
    text = prepare(reading, lines)
    content = {name: max(0.0, min(1.0, part(reading, lines)[0])) for name, part in scores.PARTS.items()}
    return {name: float(of(text).value) for name, (_, _, of) in MEASURES.items()} | {
        "mean": scores.content_mean(content)
    }


FOLDS = 3


def use(readings: list[dict]) -> dict[str, list[dict]]:
    """Count the tables of words on readings, measure with them from now on, and return their rows."""
    words, rare = card_words(readings), rarity(readings)
    tables = {
        "card_words": [
            {"card": card, "words": " ".join(f"{pair}{odds:g}" for pair, odds in found.items())}
            for card, found in sorted(words.items())
        ],
        "rarity": [{"pair": pair, "rarity": value} for pair, value in rare.items()],
        "questions": [{"question": q} for q in sorted({r["question"] for r in readings if r["question"]})],
    }
    use_tables(tables)
    return tables


def by_unseen_writers(human: list[dict]) -> Iterator[list[dict]]:
    """Yield the readings in parts, each while the tables of words are those counted on the other writers only."""
    writers = sorted({reading["writer"] for reading in human})
    part_of = {writer: number % FOLDS for number, writer in enumerate(writers)}
    try:
        for part in range(FOLDS):
            use([{**r, "sentences": r["gold"]} for r in human if part_of[r["writer"]] != part])
            yield [reading for reading in human if part_of[reading["writer"]] == part]
    finally:
        use_tables({})


def fit(human: list[dict], spoilt: list[tuple[str, str, dict]], bad: list[dict]) -> dict[str, list[dict]]:
    """Fit all tables. Return name -> rows.

    human: annotated readings, with `voice`, `writer`, and `gold`: the sentences that people labelled. spoilt: (id of the human
    reading, way, annotated copy). bad: annotated fluent bad readings.
    """
    chance = Random(3)
    by_hand = [{**reading, "sentences": reading["gold"]} for reading in human]
    place_of = {reading["id"]: number for number, reading in enumerate(human)}
    measured: list[dict] = [{}] * len(human)
    asked_else: list[dict] = [{}] * len(human)
    copies: list[dict] = [{}] * len(spoilt)
    for part in by_unseen_writers(human):
        here = {reading["id"] for reading in part}
        for reading in part:
            number = place_of[reading["id"]]
            measured[number] = measure(reading)
            other = chance.choice([r for r in human if r["question"] and r["writer"] != reading["writer"]])
            asked_else[number] = measure({**reading, "question": other["question"]})
        for number, (key, _, copy) in enumerate(spoilt):
            if key in here:
                copies[number] = measure(copy)
    tables = use(by_hand)
    per_voice = Counter(reading["voice"] for reading in human)
    equal = np.array([1 / per_voice[reading["voice"]] for reading in human])
    places = ranges(measured, equal)
    at, at_else, at_copy, at_bad = (
        features(found, places) for found in (measured, asked_else, copies, [measure(reading) for reading in bad])
    )
    parents = [place_of[key] for key, _, _ in spoilt]
    picked = np.random.default_rng(1).choice(len(human), size=(len(bad), 80), p=equal / equal.sum())
    shuffled = np.random.default_rng(2).permutation(len(human))
    better = np.vstack([at[parents], at[picked].reshape(-1, at.shape[1]), at, at[shuffled]])
    worse = np.vstack([at_copy, np.repeat(at_bad, 80, axis=0), at_else, at_else])
    weight = np.concatenate(
        [
            np.full(len(parents), WEIGHT["spoilt"] / len(parents)),
            np.full(len(bad) * 80, WEIGHT["bad"] / len(bad) / 80),
            np.full(2 * len(human), WEIGHT["question"] / len(human)),
        ]
    )
    found = weights_of(better, worse, weight)
    tables["places"] = [
        {"measure": name}
        | places[name]
        ._replace(below=round(value, 2) if side != "high" else 0.0, above=round(value, 2) if side != "low" else 0.0)
        ._asdict()
        for (name, (_, side, _)), value in zip(MEASURES.items(), found[1:], strict=True)
    ]
    tables["prose"] = prose(human, bad)
    # Half of the readings of persons are above 0.6.
    bias = math.log(0.6 / 0.4) - usual(at @ found, equal, (0.5,))[0]
    tables["scale"] = [{"name": "mean", "value": round(found[0], 3)}, {"name": "bias", "value": round(bias, 3)}]
    return tables


PROSE_A_WRITER, TEMPLATES = 3, 20


def prose(human: list[dict], bad: list[dict]) -> list[dict]:
    """Generic prose for `tarot_train/reader_voice.py`: readings of every writer, bad readings, and texts from templates."""
    from tarot_data.synthetic.generate import make_reading

    by_writer = defaultdict(list)
    for reading in human:
        by_writer[reading["writer"]].append(reading["content"])
    texts = [text for found in by_writer.values() for text in found[:PROSE_A_WRITER]]
    texts += [reading["content"] for reading in bad[::2]]
    texts += [make_reading(0, number, "jsonl", number, 0.0).content for number in range(TEMPLATES)]
    return [{"text": " ".join(text.split())} for text in texts]


HEADS = {
    "prose": "Generic prose, for the discriminator of a reader's voice.",
    "card_words": "Pairs of letters that readers use of a card, with their log-odds.",
    "rarity": "Pairs of letters of the annotated readings, with the log of how rare they are.",
    "questions": "Questions of the annotated readings, for the swap test.",
    "places": "Measures of a reading: where costs begin, the range of nine in ten readers, and the costs.",
    "scale": "How the figures and the costs make the overall score.",
}


def write(tables: dict[str, list[dict]], folder: Path) -> None:
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            file.write(f"# {HEADS[name]} Fitted on the annotated readings by benchmarks/fit_scores.py; do not edit.\n")
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def gather(copies_a_way: int = 170) -> tuple[list[dict], list[tuple[str, str, dict]], list[dict]]:
    """Annotate all that `fit` needs; human readings and their copies by a labeller that has not seen them."""
    from tarot_data.patterns.annotate_records import annotate_records
    from tests.train.fluent import read_bad
    from tests.train.worse import annotated_halves

    human, spoilt = annotated_halves()
    chance = Random(1)
    by_way = defaultdict(list)
    for (key, way), copy in spoilt.items():
        by_way[way].append((key, way, copy))
    picked = [
        item for way in sorted(by_way) for item in chance.sample(by_way[way], min(copies_a_way, len(by_way[way])))
    ]
    return human, picked, annotate_records([bad.record for bad in read_bad("open")])


if __name__ == "__main__":
    write(fit(*gather()), Path(scores.__file__).parent / "tables")
