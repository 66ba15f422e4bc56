"""Fit the tables of the scores on the annotated readings: `python -m benchmarks.fit_scores`.

Writes `card_words.csv` and `card_sides.csv` (what readers say of each card), `rarity.csv`, `questions.csv`, `places.csv` and
`scale.csv` into `tarot_train/tables/`. Places and weights are fitted on readings of writers that the words were not counted on; the closed
halves of the fluent bad readings are not used.
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
from tarot_train.score_lines import drawn, fold, lines_of, pairs
from tarot_train.score_meaning import sides_used
from tarot_train.score_measures import MEASURES
from tarot_train.score_place import Place, between, logit, mixed
from tarot_train.score_text import prepare, use_tables
from tarot_train.tables import read_table

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


EXPECTED, SPREAD = 4, 6
"""Words that a row of `sides.csv` counts as, and words of all cards that are mixed in."""


def card_sides(readings: list[dict]) -> list[dict[str, str]]:
    """Return the rows of `card_sides.csv`: per card and orientation the log-odds of the words of each side, against all cards."""
    said: dict[tuple[str, str], Counter] = defaultdict(Counter)
    for reading in readings:
        ways, texts = drawn(reading), defaultdict(list)
        for s in reading["sentences"]:
            if len(set(s["cards"])) == 1 and "card_interpretation" in s["labels"]:
                texts[s["cards"][0]].append(s["text"].replace(s["cards"][0], ""))
        for card, found in texts.items():
            said[card, ways.get(card, "unknown")].update(set(sides_used(found)))
    whole = sum((said[key] for key in sorted(said)), Counter())
    axes = [row["axis"] for row in read_table("axes")]
    usual = {axis: (whole[axis, True] + 5) / (whole[axis, True] + whole[axis, False] + 10) for axis in axes}
    rows = []
    for row in read_table("sides"):
        for way in ("upright", "reversed"):
            expected = {word[1:]: word[0] == "+" for word in row[way].split()}
            odds = (_odds(axis, usual[axis], said[row["card"], way], expected.get(axis)) for axis in axes)
            rows.append({"card": row["card"], "orientation": way, "sides": " ".join(odds)})
    return rows


def _odds(axis: str, usual: float, said: Counter, expected: bool | None) -> str:
    """Write `axis:odds of its first side:odds of the other`; expected: the side that a row of `sides.csv` names."""
    extra = 0 if expected is None else EXPECTED
    first = said[axis, True] + SPREAD * usual + (extra if expected else 0)
    share = first / (said[axis, True] + said[axis, False] + SPREAD + extra)
    return f"{axis}:{math.log(share / usual):.2f}:{math.log((1 - share) / (1 - usual)):.2f}"


def rarity(readings: list[dict]) -> dict[str, float]:
    """Map the letters and pairs of letters that at least five readings use to the log of how rare they are."""
    texts = [reading["content"] for reading in readings]
    count = Counter(part for text in texts for part in pairs(text) | set(fold(text)))
    return {pair: round(math.log(len(readings) / n), 1) for pair, n in sorted(count.items()) if n >= 5}


# Places


def usual(values: np.ndarray, weights: np.ndarray, shares: tuple[float, ...]) -> list[float]:
    """Weighted quantiles of a column."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order]) / weights.sum()
    return [float(values[order][min(np.searchsorted(reached, share), len(values) - 1)]) for share in shares]


USUAL = {"low": (0.4, 0.6), "both": (0.25, 0.75), "high": (0.4, 0.8)}
"""Shares of readings between which nothing costs, by side."""

ADDRESS = ("person", "you")
"""Readers differ most in these, so that only the highest fifth costs."""


LENGTHS, NEAR = (100, 180, 320), 0.35
"""Letters of the readings that ranges are given for, and the width (in logarithms) of the lengths that count for each."""


def near(measured: list[dict], letters: int) -> np.ndarray:
    """Return how much each reading counts at a length."""
    apart = np.log(np.array([values["letters"] for values in measured]) / letters)
    if letters == LENGTHS[-1]:
        apart = np.minimum(apart, 0)
    return np.exp(-((apart / NEAR) ** 2) / 2)


def ranges(measured: list[dict], weights: np.ndarray) -> dict[int, dict[str, Place]]:
    """Return the places of all measures by length, still without weights."""
    out: dict[int, dict[str, Place]] = {}
    for letters in LENGTHS:
        here = weights * near(measured, letters)
        out[letters] = {}
        for name in MEASURES:
            column = np.array([values[name] for values in measured])
            begin, end = USUAL[MEASURES[name][1]]
            shares = (0.05, begin, max(end, 0.8 * (name in ADDRESS)), 0.95)
            least, low, top, most = (round(x, 3) for x in usual(column, here, shares))
            out[letters][name] = Place(low, top, least, most, 1.0, 1.0)
    return out


def features(measured: list[dict], fitted: dict[int, dict[str, Place]]) -> np.ndarray:
    """Return the log-odds of the six figures, and the negative distance of each measure on the side that counts."""
    rows = []
    for values in measured:
        places = mixed(values["letters"], fitted)
        row = [logit(values[name]) for name in scores.DIMENSIONS]
        for name, (_, side, _) in MEASURES.items():
            below, above = places[name].distance(values[name])
            row.append(-(below * (side != "high") + above * (side != "low")))
        rows.append(row)
    return np.array(rows)


LEAST = {"low": 0.05, "high": 0.3, "both": 0.1}
"""Least weight by side, so that a fault which none of the texts has still costs."""

WEIGHT = {"spoilt": 4.0, "bad": 3.0, "question": 0.3, "prompt": 0.5}
"""Weight of each set of pairs."""

LEAST_FIGURE = dict.fromkeys(scores.DIMENSIONS, 0.35) | {"coherence": 1.0, "terminology": 0.85}
"""Least weight of each figure. Fluent bad texts have good order and many terms, so that the fit gives both none; with 0.35 for
all, shuffled copies won 14 of 100 pairs, and copies without terms 11."""


def weights_of(better: np.ndarray, worse: np.ndarray, weight: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Fit weights so that the better of each pair has the higher sum (logistic loss, weights not negative).

    given: what the better one has before, by its length.
    """
    from scipy.optimize import minimize

    apart, weight = better - worse, weight / weight.sum()
    figures = len(scores.DIMENSIONS)
    least = [*LEAST_FIGURE.values(), *(LEAST[side] for _, side, _ in MEASURES.values())]

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        margin = apart @ weights + given
        value = (weight * np.logaddexp(0, -margin)).sum() + 0.0015 * (weights[figures:] ** 2).sum()
        return value, -apart.T @ (weight / (1 + np.exp(margin))) + np.r_[np.zeros(figures), 0.003 * weights[figures:]]

    start = np.maximum(least, 0.3)
    return minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(low, 8) for low in least]).x


def measure(reading: dict) -> dict[str, float]:
    """Return all measures of an annotated reading, its figures before those count, and its `letters`."""
    lines = lines_of(reading)
    text = prepare(reading, lines)
    figures = {name: max(0.0, min(1.0, part(reading, lines)[0])) for name, part in scores.PARTS.items()}
    return {name: float(of(text).value) for name, (_, _, of) in MEASURES.items()} | figures | {"letters": text.length}


FOLDS = 3


def use(readings: list[dict]) -> dict[str, list[dict]]:
    """Count the tables of words on readings, measure with them from now on, and return their rows."""
    words, rare = card_words(readings), rarity(readings)
    tables = {
        "card_words": [
            {"card": card, "words": " ".join(f"{pair}{odds:g}" for pair, odds in found.items())}
            for card, found in sorted(words.items())
        ],
        "card_sides": card_sides(readings),
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


def measure_apart(human: list[dict], spoilt: list[tuple[str, str, dict]]) -> tuple[list[dict], list[dict], list[dict]]:
    """Measure readings with words of other writers: as they are, with a question of somebody else, and their spoilt copies."""
    chance = Random(3)
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
    return measured, asked_else, copies


def fit(
    human: list[dict], spoilt: list[tuple[str, str, dict]], bad: list[dict], good: list[dict | None]
) -> dict[str, list[dict]]:
    """Fit all tables. Return name -> rows.

    human: annotated readings, with `voice`, `writer`, and `gold`: the sentences that people labelled. spoilt: (id of the human
    reading, way, annotated copy). bad: annotated fluent bad readings. good: for each of them the good reading of its prompt, if
    it is none of `human`.
    """
    measured, asked_else, copies = measure_apart(human, spoilt)
    tables = use([{**reading, "sentences": reading["gold"]} for reading in human])
    per_voice = Counter(reading["voice"] for reading in human)
    equal = np.array([1 / per_voice[reading["voice"]] for reading in human])
    places = ranges(measured, equal)
    bad_measured = [measure(reading) for reading in bad]
    answered = [number for number, reading in enumerate(good) if reading]
    good_measured = [measure(good[number]) for number in answered]
    sets = (measured, asked_else, copies, bad_measured, good_measured)
    at, at_else, at_copy, at_bad, at_good = (features(found, places) for found in sets)
    place_of = {reading["id"]: number for number, reading in enumerate(human)}
    parents = [place_of[key] for key, _, _ in spoilt]
    picked = np.random.default_rng(1).choice(len(human), size=(len(bad), 80), p=equal / equal.sum())
    shuffled = np.random.default_rng(2).permutation(len(human))
    better = np.vstack([at[parents], at[picked].reshape(-1, at.shape[1]), at, at[shuffled], at_good])
    worse = np.vstack([at_copy, np.repeat(at_bad, 80, axis=0), at_else, at_else, at_bad[answered]])
    weight = np.concatenate(
        [
            np.full(len(parents), WEIGHT["spoilt"] / len(parents)),
            np.full(len(bad) * 80, WEIGHT["bad"] / len(bad) / 80),
            np.full(2 * len(human), WEIGHT["question"] / len(human)),
            np.full(len(answered), WEIGHT["prompt"] / len(answered)),
        ]
    )
    letters = [np.array([v["letters"] for v in found]) for found in sets]
    bias = dict.fromkeys(LENGTHS, 0.0)
    for _ in range(ROUNDS):
        own, else_, copied, of_bad, of_good = (biases(found, bias) for found in letters)
        for_better = np.concatenate((own[parents], own[picked].ravel(), own, own[shuffled], of_good))
        for_worse = np.concatenate((copied, np.repeat(of_bad, 80), else_, else_, of_bad[answered]))
        found = weights_of(better, worse, weight, for_better - for_worse)
        # Half of the long readings of persons are above 0.6.
        middle = {
            size: math.log(0.6 / 0.4) - usual(at @ found, equal * near(measured, size), (0.5,))[0] for size in LENGTHS
        }
        long = middle[LENGTHS[-1]]
        bias = {size: long + EVEN * (value - long) for size, value in middle.items()}
    tables["places"] = [
        {"letters": size, "measure": name}
        | places[size][name]
        ._replace(below=round(value, 2) if side != "high" else 0.0, above=round(value, 2) if side != "low" else 0.0)
        ._asdict()
        for size in LENGTHS
        for (name, (_, side, _)), value in zip(MEASURES.items(), found[len(scores.DIMENSIONS) :], strict=True)
    ]
    tables["prose"] = prose(human, bad)
    weights = {name: round(value, 3) for name, value in zip(scores.DIMENSIONS, found, strict=False)}
    tables["scale"] = [{"letters": size} | weights | {"bias": round(value, 3)} for size, value in bias.items()]
    return tables


EVEN = 0.5
"""How much of the difference between short and long readings of persons the overall score makes even. With all of it, spoilt
copies that lack a part gain from being shorter: 1 in 100 more of them wins."""

ROUNDS = 3
"""Weights and the bias of each length depend on one another."""


def biases(letters: np.ndarray, bias: dict[int, float]) -> np.ndarray:
    return np.array([sum(share * bias[size] for size, share in between(int(n), LENGTHS)) for n in letters])


PROSE_A_WRITER, TEMPLATES = 3, 20


def prose(human: list[dict], bad: list[dict]) -> list[dict]:
    """Return generic prose for `tarot_train/reader_voice.py`: readings of every writer, bad ones, texts from templates."""
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
    "rarity": "Letters and pairs of letters of the annotated readings, with the log of how rare they are.",
    "questions": "Questions of the annotated readings, for the swap test.",
    "places": "Measures of a reading by its length: where costs begin, the range of nine in ten readers, and the costs.",
    "card_sides": "Log-odds of the words of each side of opposite ideas, by card and orientation.",
    "scale": "How the figures and the costs make the overall score.",
}


def write(tables: dict[str, list[dict]], folder: Path) -> None:
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            file.write(f"# {HEADS[name]} Fitted on the annotated readings by benchmarks/fit_scores.py; do not edit.\n")
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def gather(copies_a_way: int = 170) -> tuple[list[dict], list[tuple[str, str, dict]], list[dict], list[dict | None]]:
    """Annotate all that `fit` needs; human readings and their copies by a labeller that has not seen them."""
    from tarot_data.patterns.annotate_records import annotate_records
    from tests.train.fluent import read_bad, read_prompts
    from tests.train.worse import annotated_halves

    human, spoilt = annotated_halves()
    chance = Random(1)
    by_way = defaultdict(list)
    for (key, way), copy in spoilt.items():
        by_way[way].append((key, way, copy))
    picked = [
        item for way in sorted(by_way) for item in chance.sample(by_way[way], min(copies_a_way, len(by_way[way])))
    ]
    prompts = read_prompts("open") + read_prompts("voices_open")
    bad = read_bad("open") + [one for _, texts in prompts for one in texts]
    good = {reading["id"]: reading for reading in annotate_records([reading for reading, _ in prompts])}
    return human, picked, annotate_records([one.record for one in bad]), [good.get(one.prompt) for one in bad]


if __name__ == "__main__":
    write(fit(*gather()), Path(scores.__file__).parent / "tables")
