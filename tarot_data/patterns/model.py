"""The sentence labeller: a conditional random field over the sentences of a reading. `teaching` trains it."""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache, lru_cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np

from schemas.deck import CARDS, LABELS
from tarot_data import lexicon
from tarot_data.patterns import card_attribution, crf, cues, features
from tarot_data.patterns.batch import Batch, to_batch
from tarot_data.patterns.card_evidence import Pairs, pairs_of

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

STATISTIC = "card_link.group"
"""The kind of cue that tells a statistic over the spread, which names no card."""

CUE_SCALE = 0.3
"""A cue's own weight beside that of its kind: its row is learned more slowly than an n-gram's."""

SECOND = 0.5
"""Probability from which a second label is given; below it costs more F1 in false ones than it gains."""

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
    cards: card_attribution.Weights
    version: str


class Looks(NamedTuple):
    """A batch as the labeller sees it."""

    batch: Batch
    pairs: Pairs
    grams: list[tuple[np.ndarray, np.ndarray]]
    cues: tuple[np.ndarray, np.ndarray, np.ndarray]
    dense: np.ndarray
    names: tuple[str, ...]


def look(readings: Sequence[dict]) -> Looks:
    batch = to_batch(readings)
    pairs = pairs_of(batch)
    padded, owner = features.signed(batch)
    grams = features.ngrams(padded, owner)
    found = cues.find(padded, owner)
    blocks, names = features.structure(batch, pairs)
    sentence, cue, place = found
    by_label, by_kind = cues.votes(sentence, cue, batch.size)
    pairs.statistic = by_kind[:, cues.kinds().index(STATISTIC)] > 0 if STATISTIC in cues.kinds() else pairs.statistic
    parts, part_names = [*blocks, np.minimum(by_label, 4) / 2, by_kind], [*names, *LABELS, *cues.kinds()]
    for name, inside in zip(("head", "tail"), features.ends(padded, owner, sentence, place), strict=True):
        votes, _ = cues.votes(sentence[inside], cue[inside], batch.size)
        parts.append(np.minimum(votes, 3) / 2)
        part_names += [f"{label}_{name}" for label in LABELS]
    return Looks(batch, pairs, grams, found, np.concatenate(parts, axis=1), tuple(part_names))


def matrices(looks: Looks, known: np.ndarray, rows_known: tuple[str, ...]) -> Iterator:
    """(sentences, known n-grams, then cues) as CSR matrices to be added up; not added, nothing needs sorting.

    An n-gram counts one by the root of how many the sentence has.
    """
    from scipy import sparse

    size, width = looks.batch.size, len(known) + len(rows_known)
    column = np.full(features.BUCKETS, -1, dtype=np.int32)
    column[known] = np.arange(len(known), dtype=np.int32)
    kept, counts = [], np.zeros(size, dtype=np.int64)
    for rows, buckets in looks.grams:
        columns = column[buckets]
        mine = columns >= 0
        rows, columns = rows[mine], columns[mine]
        count = np.bincount(rows, minlength=size)
        counts += count
        kept.append((rows, columns, count))
    scale = 1 / np.sqrt(np.maximum(counts, 8))
    for rows, columns, count in kept:
        # In the order of sentences already: what a row of the matrix begins with need not be sorted for.
        pointer = np.concatenate([[0], np.cumsum(count)])
        yield sparse.csr_matrix((scale[rows], columns, pointer), shape=(size, width))
    sentence, cue, _ = looks.cues
    place = {key: number for number, key in enumerate(rows_known)}
    column = np.array([place.get(key, -1) for key in cues.names()])[cue]
    sentence, column = sentence[column >= 0], column[column >= 0]
    values = np.full(len(column), CUE_SCALE)
    yield sparse.csr_matrix((values, (sentence, len(known) + column)), shape=(size, width))


def probabilities(looks: Looks, model: Model, scores: card_attribution.Scores | None = None) -> np.ndarray:
    """(sentences, states). scores: of looks by the model's card weights, where they are at hand."""
    scores = scores or card_attribution.scores_of(looks.pairs, model.cards)
    evidence = card_attribution.evidence(looks.batch, looks.pairs, model.cards, scores)
    number = {name: row for row, name in enumerate(model.names)}
    emissions = np.zeros((looks.batch.size, len(STATES)))
    for values, names in ((looks.dense, looks.names), (evidence, card_attribution.EVIDENCE)):
        # A feature the model was not trained with has no weight in it.
        weights = [model.weights.dense[number[name]] if name in number else np.zeros(len(STATES)) for name in names]
        emissions += values @ np.stack(weights)
    for matrix in matrices(looks, model.buckets, model.cues):
        emissions += matrix @ model.weights.sparse
    w = model.weights
    return crf.marginals(emissions, w.transitions, w.begin, w.end, crf.layout(looks.batch.s_reading))[0]


CARRIES = np.array([[label in state for label in LABELS] for state in STATES], dtype=float)


def decide(states: np.ndarray) -> tuple[list[list[str]], np.ndarray]:
    """Labels of every sentence, the more specific first, and the probability of just these labels."""
    chances = states @ CARRIES
    order = np.argsort(-chances, axis=1, kind="stable")
    first, second = order[:, 0], order[:, 1]
    rows = np.arange(len(states))
    other = LABELS.index("other")
    both = (chances[rows, second] > SECOND) & (first != other) & (second != other)
    labels, chosen = [], []
    for a, b, two in zip(first.tolist(), second.tolist(), both.tolist(), strict=True):
        pair = (LABELS[a], LABELS[b]) if two else (LABELS[a],)
        # Two labels are each likelier than not only where some state carries both.
        state = STATES.index(pair) if pair in STATES else STATES.index(pair[::-1])
        labels.append(list(STATES[state]))
        chosen.append(state)
    return labels, states[rows, np.array(chosen, dtype=np.int64)]


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


class Labelled(NamedTuple):
    """A batch with what the labeller makes of it. states: probabilities, (sentences, STATES). cards: ids."""

    looks: Looks
    states: np.ndarray
    labels: list[list[str]]
    confidence: np.ndarray
    cards: list[list[int]]


def label(readings: Sequence[dict], model: Model | None = None) -> Labelled:
    """Readings (dicts with content, cards, person, question) labelled by a model, by the one in force if none is given."""
    model = model or current()
    looks = look(readings)
    with one_thread():
        scores = card_attribution.scores_of(looks.pairs, model.cards)
        states = probabilities(looks, model, scores)
        labels, confidence = decide(states)
        naming_jobs = (states @ CARRIES)[:, [LABELS.index("card_interpretation"), LABELS.index("card_link")]]
        cards = card_attribution.name_cards(looks.batch, looks.pairs, labels, naming_jobs, model.cards, scores)
    return Labelled(looks, states, labels, confidence, cards)


def one_thread() -> AbstractContextManager[object]:
    """Matrices as narrow as ours are slower on two threads than on one, and cost up to three times the CPU time.

    Holds for the libraries that are loaded by then.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)


def predict(readings: Sequence[dict], model: Model | None = None) -> list[dict]:
    """One {id, sentences} a reading, as `annotated.score` takes them."""
    found = label(readings, model)
    return to_predictions(found.looks.batch, found.labels, found.cards, found.confidence)


def to_predictions(batch: Batch, labels: list[list[str]], cards: list[list[int]], confidence: np.ndarray) -> list[dict]:
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
        **card_attribution.to_arrays(model.cards),
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
        arrays["buckets"].astype(np.int64), tuple(arrays["cues"].tolist()), weights, tuple(arrays["names"].tolist()), card_attribution.from_arrays(arrays),
        str(arrays["version"]),
    )  # fmt: skip


@cache
def shipped() -> Model:
    """The model that comes with the package."""
    return load(Path(str(files("tarot_data.patterns") / "weights" / MODEL)))


def own_path() -> Path | None:
    """Where a model trained on the reader's corrections lies, beside the reader's tables; None where there are none."""
    folder = lexicon.active().folder
    return folder / "model" / MODEL if folder else None


def current() -> Model:
    """The model in force: the reader's own where there is one, else the shipped one."""
    own = own_path()
    return _kept(own, own.stat().st_mtime_ns) if own and own.exists() else shipped()


@lru_cache(maxsize=2)
def _kept(path: Path, changed: int) -> Model:
    return load(path)


def figures() -> dict:
    """What the shipped model's training reached on readings it had not seen."""
    return json.loads((files("tarot_data.patterns") / "weights" / FIGURES).read_text(encoding="utf-8"))


def version() -> str:
    """Model and lexicon that label: two stores with one version label alike."""
    return f"{current().version}-{lexicon.version()}"
