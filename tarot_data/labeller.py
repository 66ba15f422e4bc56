"""The sentence labeller: a conditional random field over the sentences of a reading, trained on the annotated ones.

`python -m tarot_data.labeller` (or `tarot lexicon train`) trains on every annotated reading, and reports what the same
training reaches on readings it has not seen: in five folds by reading, and with each writer left out in turn.
"""

import json
import sys
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np

from schemas.deck import CARDS, LABELS
from schemas.problems import Problem
from tarot_data import annotated, crf, cues, features, lexicon, naming

STATES = (
    ("opening",),
    ("card_interpretation",),
    ("card_link",),
    ("advice",),
    ("closing",),
    ("other",),
    ("card_interpretation", "advice"),
    ("card_link", "opening"),
    ("card_link", "advice"),
)
"""What a sentence may carry. Two rarer pairs (one sentence each of 3,098) are learned as their first label."""

SPARSE_DECAY, DENSE_DECAY, ITERATIONS = 0.2, 1.0, 120
SEEN_IN = 2
"""An n-gram counts from the second reading it stands in: one writer's quirk is no rule."""

CUE_SCALE = 0.3
"""A cue's own weight beside that of its kind: its row is learned more slowly than an n-gram's."""

SECOND = 0.5
"""Probability from which a second label is given; below it costs more F1 in false ones than it gains."""

MORE = "more"
"""Folder beside the annotated readings with further ones, written for this project after the manner of printed cases,
forums and blogs: always learned from, never scored."""

ANNOTATED = Path(__file__).parents[1] / "data" / "annotated"
MODEL = "labeller.npz"
FIGURES = "figures.json"


class Model(NamedTuple):
    """buckets: hashes of the n-grams it knows, ascending. cues: the rows it was trained with, as `label cue`.

    names: of the dense features, in order. A cue added later has no weight of its own, but that of its kind.
    """

    buckets: np.ndarray
    cues: tuple[str, ...]
    weights: crf.Weights
    names: tuple[str, ...]
    cards: naming.Weights
    version: str


def states_of(batch: features.Batch, readings: Sequence[dict]) -> tuple[np.ndarray, list[set[str]]]:
    """State and cards of every sentence of the batch, taken from the annotated sentence that covers it."""
    states = np.full(batch.size, STATES.index(("other",)))
    named: list[set[str]] = [set() for _ in range(batch.size)]
    for number, reading in enumerate(readings):
        rows = np.nonzero(batch.s_reading == number)[0]
        base = batch.r_start[number]
        found = [{"start": batch.s_start[s] - base, "end": batch.s_end[s] - base, "s": s} for s in rows]
        for sentence, covering in annotated.aligned(reading["sentences"], found):
            for other in covering:
                states[other["s"]] = _state(sentence["labels"])
                named[other["s"]] |= set(sentence["cards"])
    return states, named


def _state(labels: list[str]) -> int:
    for known in (tuple(labels), tuple(reversed(labels))):
        if known in STATES:
            return STATES.index(known)
    return STATES.index(("advice",) if "advice" in labels else (labels[0],))


class Looks(NamedTuple):
    """A batch as the labeller sees it."""

    batch: features.Batch
    pairs: features.Pairs
    rows: np.ndarray
    buckets: np.ndarray
    cues: tuple[np.ndarray, np.ndarray, np.ndarray]
    dense: np.ndarray
    names: tuple[str, ...]


def look(readings: Sequence[dict]) -> Looks:
    batch = features.to_batch(readings)
    pairs = features.pairs_of(batch)
    padded, owner = features.signed(batch)
    rows, buckets = features.ngrams(padded, owner)
    found = cues.find(padded, owner)
    dense, names = features.structure(batch, pairs)
    sentence, cue, place = found
    by_label, by_kind = cues.votes(sentence, cue, batch.size)
    parts, part_names = [dense, np.minimum(by_label, 4) / 2, by_kind], [*names, *LABELS, *cues.kinds()]
    for name, inside in zip(("head", "tail"), features.ends(padded, owner, sentence, place), strict=True):
        votes, _ = cues.votes(sentence[inside], cue[inside], batch.size)
        parts.append(np.minimum(votes, 3) / 2)
        part_names += [f"{label}_{name}" for label in LABELS]
    return Looks(batch, pairs, rows, buckets, found, np.concatenate(parts, axis=1), tuple(part_names))


def _known(looks: Looks, chosen: np.ndarray) -> np.ndarray:
    """Buckets that stand in at least SEEN_IN readings of the chosen sentences."""
    mine = chosen[looks.rows]
    keys = np.unique(looks.buckets[mine] * (1 << 22) + looks.batch.s_reading[looks.rows[mine]])
    buckets, count = np.unique(keys >> 22, return_counts=True)
    return buckets[count >= SEEN_IN]


def _matrices(looks: Looks, known: np.ndarray, rows_known: tuple[str, ...]) -> list:
    """(sentences, known n-grams, then cues) as CSR matrices to be added up; not added, nothing needs sorting.

    An n-gram counts one by the root of how many the sentence has.
    """
    from scipy import sparse

    size, width = looks.batch.size, len(known) + len(rows_known)
    column = np.full(features.BUCKETS, -1, dtype=np.int32)
    column[known] = np.arange(len(known), dtype=np.int32)
    columns = column[looks.buckets]
    mine = columns >= 0
    rows, columns = looks.rows[mine], columns[mine]
    values = (1 / np.sqrt(np.maximum(np.bincount(rows, minlength=size), 8)))[rows]
    # The n-grams of one length stand in the order of sentences: each run of rows is a matrix by itself.
    edges = [0, *(np.nonzero(np.diff(rows) < 0)[0] + 1).tolist(), len(rows)]
    out = []
    for first, last in zip(edges, edges[1:], strict=False):
        pointer = np.concatenate([[0], np.cumsum(np.bincount(rows[first:last], minlength=size))])
        out.append(sparse.csr_matrix((values[first:last], columns[first:last], pointer), shape=(size, width)))
    sentence, cue, _ = looks.cues
    place = {key: number for number, key in enumerate(rows_known)}
    column = np.array([place.get(key, -1) for key in cues.names()])[cue]
    sentence, column = sentence[column >= 0], column[column >= 0]
    values = np.full(len(column), CUE_SCALE)
    return [*out, sparse.csr_matrix((values, (sentence, len(known) + column)), shape=(size, width))]


def _fit(looks: Looks, states: np.ndarray, named: list[set[str]], chosen: np.ndarray) -> Model:
    known = _known(looks, chosen)
    gold = [list(STATES[state]) for state in states]
    cards = naming.train(looks.batch, looks.pairs, gold, named, chosen)
    scores = naming.scores_of(looks.batch, looks.pairs, cards)
    dense = np.concatenate([looks.dense, naming.evidence(looks.batch, looks.pairs, cards, scores)], axis=1)
    weights = crf.train(
        sum(_matrices(looks, known, cues.names()))[chosen], dense[chosen], states[chosen],
        crf.layout(looks.batch.s_reading[chosen]), len(STATES), SPARSE_DECAY, DENSE_DECAY, iterations=ITERATIONS,
    )  # fmt: skip
    return Model(known, cues.names(), weights, (*looks.names, *naming.EVIDENCE), cards, "")


def probabilities(looks: Looks, model: Model, scores: naming.Scores | None = None) -> np.ndarray:
    """(sentences, states). scores: of looks by the model's card weights, where they are at hand."""
    scores = scores or naming.scores_of(looks.batch, looks.pairs, model.cards)
    dense = np.concatenate([looks.dense, naming.evidence(looks.batch, looks.pairs, model.cards, scores)], axis=1)
    names = (*looks.names, *naming.EVIDENCE)
    if names != model.names:
        place = {name: number for number, name in enumerate(names)}
        dense = np.stack([dense[:, place[n]] if n in place else np.zeros(len(dense)) for n in model.names], axis=1)
    emissions = model.weights.emissions(_matrices(looks, model.buckets, model.cues), dense)
    w = model.weights
    return crf.marginals(emissions, w.transitions, w.begin, w.end, crf.layout(looks.batch.s_reading))[0]


CARRIES = np.array([[label in state for label in LABELS] for state in STATES], dtype=float)


def decide(states: np.ndarray) -> tuple[list[list[str]], np.ndarray]:
    """Labels of every sentence, the more specific first, and the probability of the first."""
    chances = states @ CARRIES
    order = np.argsort(-chances, axis=1, kind="stable")
    first, second = order[:, 0], order[:, 1]
    rows = np.arange(len(states))
    other = LABELS.index("other")
    both = (chances[rows, second] > SECOND) & (first != other) & (second != other)
    labels = []
    for a, b, two in zip(first.tolist(), second.tolist(), both.tolist(), strict=True):
        if two:
            pair = (LABELS[a], LABELS[b])
            labels.append(list(pair if pair in STATES else reversed(pair) if pair[::-1] in STATES else pair))
        else:
            labels.append([LABELS[a]])
    return labels, chances[rows, first]


def pull_of(model: Model, cue: cues.Cue, label: str) -> float:
    """What a cue adds to the score of a label over the mean of all labels, in nats: by its row, its kind, its vote."""
    state = STATES.index((label,))
    total = np.zeros(len(STATES))
    key = f"{cue.label} {cue.row['cue']}"
    if key in model.cues:
        total += model.weights.sparse[len(model.buckets) + model.cues.index(key)] * CUE_SCALE
    for name, amount in ((f"{cue.label}.{cue.kind}", 1.0), (cue.label, cue.weight / 2)):
        if name in model.names:
            total += model.weights.dense[model.names.index(name)] * amount
    return float(total[state] - total.mean())


def label(readings: Sequence[dict], model: Model | None = None):
    """(looks, labels, confidence, cards) for readings: dicts with content, cards, person, question."""
    model = model or shipped()
    looks = look(readings)
    scores = naming.scores_of(looks.batch, looks.pairs, model.cards)
    states = probabilities(looks, model, scores)
    labels, confidence = decide(states)
    naming_jobs = (states @ CARRIES)[:, [LABELS.index("card_interpretation"), LABELS.index("card_link")]]
    cards = naming.name_cards(looks.batch, looks.pairs, labels, naming_jobs, model.cards, scores)
    return looks, labels, confidence, cards


def predict(readings: Sequence[dict], model: Model | None = None) -> list[dict]:
    """One {id, sentences} a reading, as `annotated.score` takes them."""
    looks, labels, confidence, cards = label(readings, model)
    return to_predictions(looks.batch, labels, cards, confidence)


def to_predictions(
    batch: features.Batch, labels: list[list[str]], cards: list[list[int]], confidence: np.ndarray
) -> list[dict]:
    out = [{"id": reading["id"], "sentences": []} for reading in batch.readings]
    base = batch.r_start[batch.s_reading]
    for s, (number, start, end) in enumerate(
        zip(batch.s_reading.tolist(), (batch.s_start - base).tolist(), (batch.s_end - base).tolist(), strict=True)
    ):
        names = [CARDS[card] for card in cards[s]]
        out[number]["sentences"].append(
            {"start": start, "end": end, "labels": labels[s], "cards": names, "confidence": float(confidence[s])}
        )
    return out


Progress = Callable[[str, int, int], None] | None


def cross_validate(
    readings: list[dict], groups: Sequence[object], progress: Progress = None, more: Sequence[dict] = ()
) -> tuple[dict, list[dict]]:
    """The score over all readings, each predicted by a model that saw no reading of its group; and the predictions.

    more: readings every model may learn from and none is scored on.
    """
    learned = [*readings, *more]
    looks = look(learned)
    states, named = states_of(looks.batch, learned)
    groups = [*groups, *(None for _ in more)]
    labels: list[list[str]] = [[] for _ in range(looks.batch.size)]
    cards: list[list[int]] = [[] for _ in range(looks.batch.size)]
    confidence = np.zeros(looks.batch.size)
    kinds = sorted(set(groups) - {None})
    for number, kind in enumerate(kinds):
        held = np.array([group == kind for group in groups])[looks.batch.s_reading]
        model = _fit(looks, states, named, ~held)
        mine = [reading for reading, group in zip(learned, groups, strict=True) if group == kind]
        _, found, confidence[held], cards_found = label(mine, model)
        for s, one, two in zip(np.nonzero(held)[0].tolist(), found, cards_found, strict=True):
            labels[s], cards[s] = one, two
        if progress:
            progress("cross-validate", number + 1, len(kinds))
    predicted = to_predictions(looks.batch, labels, cards, confidence)[: len(readings)]
    return annotated.score(readings, predicted), predicted


def folds(readings: list[dict], count: int = 5) -> list[int]:
    """A fold for every reading, by a hash of its id: the same whatever else is annotated."""
    order = sorted(range(len(readings)), key=lambda i: blake2b(readings[i]["id"].encode(), digest_size=8).digest())
    fold_of = {index: place % count for place, index in enumerate(order)}
    return [fold_of[i] for i in range(len(readings))]


def train(readings: list[dict]) -> Model:
    """A model of all the readings given (as `annotated.read_all` gives them)."""
    looks = look(readings)
    states, named = states_of(looks.batch, readings)
    return _fit(looks, states, named, np.ones(looks.batch.size, dtype=bool))


def train_and_save(folder: Path | None = None, target: Path | None = None, progress: Progress = None) -> dict:
    """Train on all annotated readings, write model and figures into target (the package by default); the figures.

    Raises Problem `no_annotated` where the folder has none.
    """
    readings = annotated.read_all(folder or ANNOTATED)
    if not readings:
        raise Problem("no_annotated", path=str(folder or ANNOTATED))
    more = annotated.read_all((folder or ANNOTATED) / MORE)
    by_reading, _ = cross_validate(readings, folds(readings), progress, more)
    by_writer, _ = cross_validate(readings, [reading["writer"] for reading in readings], progress, more)
    model = train([*readings, *more])
    target = target or Path(str(files("tarot_data") / "model"))
    target.mkdir(parents=True, exist_ok=True)
    version = save(model, target / MODEL)
    figures = {
        "labeller": version,
        "lexicon": lexicon.version(),
        **by_reading,
        "by_writer": by_writer,
        "how": "5 folds by reading; by_writer: each writer (a to g) left out in turn; the model itself saw all readings",
    }
    (target / FIGURES).write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    shipped.cache_clear()
    return figures


def save(model: Model, path: Path) -> str:
    """Write the model as one compressed .npz of plain arrays; returns its version, 12 hex digits of its weights."""
    w = model.weights
    step = np.maximum(np.abs(w.sparse).max(axis=1, keepdims=True), 1e-9) / 127
    arrays = {
        "buckets": model.buckets.astype(np.int32),
        "cues": np.array(model.cues),
        "sparse": np.round(w.sparse / step).astype(np.int8),
        "step": step.astype(np.float32),
        "dense": w.dense.astype(np.float32),
        "transitions": w.transitions.astype(np.float32),
        "begin": w.begin.astype(np.float32),
        "end": w.end.astype(np.float32),
        "names": np.array(model.names),
        **naming.to_arrays(model.cards),
    }
    digest = blake2b(digest_size=6)
    for name in sorted(arrays):
        digest.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    np.savez_compressed(path, version=np.array(digest.hexdigest()), **arrays)
    return digest.hexdigest()


def load(path: Path) -> Model:
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    weights = crf.Weights(
        arrays["sparse"].astype(np.float64) * arrays["step"],
        *(arrays[name].astype(np.float64) for name in ("dense", "transitions", "begin", "end")),
    )
    return Model(
        arrays["buckets"].astype(np.int64), tuple(arrays["cues"].tolist()), weights, tuple(arrays["names"].tolist()), naming.from_arrays(arrays),
        str(arrays["version"]),
    )  # fmt: skip


@cache
def shipped() -> Model:
    """The model that comes with the package."""
    return load(Path(str(files("tarot_data") / "model" / MODEL)))


def figures() -> dict:
    """What the shipped model's training reached on readings it had not seen."""
    return json.loads((files("tarot_data") / "model" / FIGURES).read_text(encoding="utf-8"))


def version() -> str:
    """Model and lexicon that label: two stores with one version label alike."""
    return f"{shipped().version}-{lexicon.version()}"


if __name__ == "__main__":
    result = train_and_save()
    json.dump(result, sys.stdout, ensure_ascii=False, indent=1)
