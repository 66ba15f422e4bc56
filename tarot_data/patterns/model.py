"""The sentence labeller: a conditional random field over the sentences of a reading, trained by `train`."""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache, lru_cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from schemas.deck import CARDS, LABELS
from tarot_data import lexicon
from tarot_data.patterns import card_attribution, crf, cues, features, learned_words, revision, word_classes
from tarot_data.patterns.batch import Batch, to_batch
from tarot_data.patterns.card_evidence import Pairs, pairs_of
from tarot_data.patterns.states import CARRIES, STATE_OF, STATES
from tarot_data.system import atomic

STATISTIC = "card_link.group"
"""Kind of the cues of a statistic over the spread, which names no card."""

CUE_SCALE = 0.3
"""Value of a cue's own feature, added to that of its kind: its row is learned more slowly than an n-gram's."""

CLASS_SCALE = 0.5
"""Value of an n-gram of classes of words, of which a sentence has many, by one of characters."""

SECOND = 0.5
"""Probability from which a second label is given; below it costs more F1 in false ones than it gains."""

MODEL = "labeller.npz"
FIGURES = "figures.json"


class Model(NamedTuple):
    """buckets: hashes of the n-grams it knows, ascending. cues: keys of the rows it was trained with.

    names: of the dense features, in order. A cue added later has only the weight of its kind. words: by which
    cards are referred to. classes: of words, with their vectors. revision: of the probabilities.
    """

    buckets: np.ndarray
    cues: tuple[str, ...]
    weights: crf.Weights
    names: tuple[str, ...]
    cards: card_attribution.Weights
    words: learned_words.Words
    classes: word_classes.Classes
    revision: revision.Revision
    version: str


class Inputs(NamedTuple):
    """Features of a batch. grams, class_grams: n-grams of characters and of classes of words. dense: (sentences, names).
    cues: (sentence, cue, place) of each match. steps: how each sentence follows the one before, by `features.steps`."""

    batch: Batch
    pairs: Pairs
    grams: list[tuple[np.ndarray, np.ndarray]]
    class_grams: list[tuple[np.ndarray, np.ndarray]]
    cues: tuple[np.ndarray, np.ndarray, np.ndarray]
    dense: np.ndarray
    names: tuple[str, ...]
    steps: np.ndarray


def to_inputs(readings: Sequence[dict], classes: word_classes.Classes) -> Inputs:
    """Compute the features of readings. classes: of the model that is to label them."""
    batch = to_batch(readings)
    pairs = pairs_of(batch)
    padded, owner = features.encode(batch)
    grams = features.ngrams(padded, owner)
    found = cues.find(padded, owner)
    blocks, names = features.structure(batch, pairs)
    sentence, cue, place = found
    by_label, by_kind = cues.votes(sentence, cue, batch.size)
    if STATISTIC in cues.kinds():
        pairs.statistic = by_kind[:, cues.kinds().index(STATISTIC)] > 0
    strength = np.minimum(by_label, 4) / 2
    around = [features.before(batch, strength, back) for back in (1, -1)]
    words = word_classes.cut(padded, owner, classes)
    parts = [*blocks, strength, *around, by_kind, word_classes.meanings(words, classes, batch.size)]
    part_names = [*names, *LABELS, *(f"{label}@{place}" for place in (-1, 1) for label in LABELS), *cues.kinds()]
    part_names += [f"meaning_{number}" for number in range(classes.vectors.shape[1])]
    for name, inside in zip(("head", "tail"), features.head_and_tail(padded, owner, sentence, place), strict=True):
        votes, _ = cues.votes(sentence[inside], cue[inside], batch.size)
        parts.append(np.minimum(votes, 3) / 2)
        part_names += [f"{label}_{name}" for label in LABELS]
    return Inputs(
        batch,
        pairs,
        grams,
        word_classes.ngrams(words),
        found,
        np.concatenate(parts, axis=1, dtype=np.float32),
        tuple(part_names),
        features.steps(batch, blocks[0][:, names.index("new_card")]),
    )


def matrices(inputs: Inputs, known: np.ndarray, rows_known: tuple[str, ...]) -> Iterator:
    """Yield CSR matrices (sentences, known n-grams, then cues) whose sum is wanted; separate, none has to be sorted.

    An n-gram counts 1 / sqrt(number of n-grams of its kind in its sentence), one of classes CLASS_SCALE times that.
    """
    # Takes 0.4 s, and most commands label nothing.
    from scipy import sparse

    size, width = inputs.batch.size, len(known) + len(rows_known)
    column = np.full(2 * features.BUCKETS, -1, dtype=np.int32)
    column[known] = np.arange(len(known), dtype=np.int32)
    for grams, weight in ((inputs.grams, 1.0), (inputs.class_grams, CLASS_SCALE)):
        kept, counts = [], np.zeros(size, dtype=np.int64)
        for rows, buckets in grams:
            columns = column[buckets]
            mine = np.nonzero(columns >= 0)[0]
            rows, columns = rows[mine], columns[mine]
            count = np.bincount(rows, minlength=size)
            counts += count
            kept.append((rows, columns, count))
        scale = weight / np.sqrt(np.maximum(counts, 8))
        for rows, columns, count in kept:
            # Already in the order of sentences, so the rows of the matrix need no sorting.
            pointer = np.concatenate([[0], np.cumsum(count)])
            yield sparse.csr_matrix((scale[rows], columns, pointer), shape=(size, width))
    sentence, cue, _ = inputs.cues
    place = {key: number for number, key in enumerate(rows_known)}
    column = np.array([place.get(key, -1) for key in cues.names()])[cue]
    sentence, column = sentence[column >= 0], column[column >= 0]
    values = np.full(len(column), CUE_SCALE)
    yield sparse.csr_matrix((values, (sentence, len(known) + column)), shape=(size, width))


def probabilities(inputs: Inputs, model: Model, scores: card_attribution.Scores) -> np.ndarray:
    """Compute the probability of each state at first look: (sentences, states).

    scores: of the pairs by the model's card weights.
    """
    evidence = card_attribution.evidence(inputs.batch, inputs.pairs, model.cards, scores)
    w, number = model.weights, {name: row for row, name in enumerate(model.names)}
    emissions = np.zeros((inputs.batch.size, len(STATES)))
    units = np.zeros((inputs.batch.size, len(w.outer)))
    for values, names in ((inputs.dense, inputs.names), (evidence, card_attribution.EVIDENCE)):
        # A feature that the model was not trained with has no weight.
        known = [column for column, name in enumerate(names) if name in number]
        rows = [number[names[column]] for column in known]
        values = values if len(known) == len(names) else values[:, known]
        both = values @ np.concatenate([w.dense[rows], w.inner[rows]], axis=1, dtype=values.dtype)
        emissions += both[:, : len(STATES)]
        units += both[:, len(STATES) :]
    emissions += np.tanh(units) @ w.outer
    for matrix in matrices(inputs, model.buckets, model.cues):
        emissions += matrix @ w.sparse
    grid = crf.layout(inputs.batch.s_reading, inputs.steps)
    return crf.marginals(emissions, w.transitions, w.begin, w.end, grid)[0]


def decide(states: np.ndarray) -> tuple[list[list[str]], np.ndarray]:
    """Choose the labels of every sentence, the more specific first, and the probability of just these labels."""
    chances = states @ CARRIES
    order = np.argsort(-chances, axis=1, kind="stable")
    first, second = order[:, 0], order[:, 1]
    other = LABELS.index("other")
    both = (chances[np.arange(len(states)), second] > SECOND) & (first != other) & (second != other)
    chosen = STATE_OF[first, np.where(both, second, first)]
    return [list(STATES[state]) for state in chosen.tolist()], states[np.arange(len(states)), chosen]


def pull_of(model: Model, cue: cues.Cue, label: str) -> float:
    """Compute what a cue adds to the score of a label over the mean label, in nats, by its row, kind and vote."""
    state = STATES.index((label,))
    total = np.zeros(len(STATES))
    if cue.key in model.cues:
        total += model.weights.sparse[len(model.buckets) + model.cues.index(cue.key)] * CUE_SCALE
    for name, amount in ((cue.full_kind, 1.0), (cue.label, cue.weight / 2)):
        if name in model.names:
            total += model.weights.dense[model.names.index(name)] * amount
    return float(total[state] - total.mean())


class Labelled(NamedTuple):
    """A labelled batch. first: probabilities at first look; states: revised, (sentences, STATES). cards: ids of the cards
    of each sentence."""

    inputs: Inputs
    first: np.ndarray
    states: np.ndarray
    labels: list[list[str]]
    confidence: np.ndarray
    cards: list[list[int]]

    @property
    def batch(self) -> Batch:
        return self.inputs.batch


def label(readings: Sequence[dict], model: Model | None = None) -> Labelled:
    """Label readings (dicts with content, cards, person, question) by a model; by default the active one."""
    model = model or current()
    inputs = to_inputs(readings, model.classes)
    with one_thread():
        inputs.pairs.learned = learned_words.evidence(inputs.batch, inputs.pairs, inputs.grams, model.words)
        scores = card_attribution.scores_of(inputs.pairs, model.cards)
        first = probabilities(inputs, model, scores)
        states = revision.revised(revision.Seen(inputs.batch, inputs.steps, first), model.revision)
        labels, confidence = decide(states)
        chances = (states @ CARRIES)[:, [LABELS.index("card_interpretation"), LABELS.index("card_link")]]
        cards = card_attribution.attribute(inputs.batch, inputs.pairs, labels, chances, model.cards, scores)
    return Labelled(inputs, first, states, labels, confidence, cards)


def one_thread() -> AbstractContextManager[object]:
    """Limit the matrix libraries loaded so far to one thread.

    Matrices as narrow as ours are slower on two threads than on one, and cost up to three times the CPU time.
    """
    return threadpool_limits(1)


def predict(readings: Sequence[dict], model: Model | None = None) -> list[dict]:
    """Label readings: one {id, sentences} a reading, as `gold.score` takes them."""
    found = label(readings, model)
    out = [{"id": reading["id"], "sentences": []} for reading in found.batch.readings]
    owners, spans = found.batch.s_reading.tolist(), found.batch.spans.tolist()
    for owner, (start, end), labels, cards, confidence in zip(
        owners, spans, found.labels, found.cards, found.confidence.tolist(), strict=True
    ):
        names = [CARDS[card] for card in cards]
        out[owner]["sentences"].append(
            {"start": start, "end": end, "labels": labels, "cards": names, "confidence": confidence}
        )
    return out


def save(model: Model, path: Path) -> str:
    """Write the model as one compressed .npz of plain arrays; return its version, 12 hex digits of its weights."""
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
        "inner": w.inner.astype(np.float32),
        "outer": w.outer.astype(np.float32),
        "names": np.array(model.names),
        "class_words": model.classes.words,
        "class_numbers": model.classes.numbers,
        "class_vectors": model.classes.vectors,
        "class_scale": model.classes.scale,
        "word_keys": model.words.keys.astype(np.int32),
        "word_weights": model.words.weights.astype(np.float16),
        **revision.to_arrays(model.revision),
        **card_attribution.to_arrays(model.cards),
    }
    digest = blake2b(digest_size=6)
    for name in sorted(arrays):
        digest.update(name.encode() + np.ascontiguousarray(arrays[name]).tobytes())
    with atomic.replacing(path) as half, half.open("wb") as file:
        np.savez_compressed(file, version=np.array(digest.hexdigest()), **arrays)
    return digest.hexdigest()


def load(path: Path) -> Model:
    """Read a model that `save` has written.

    A reader's own labeller may be of 0.1.0, which had one kind of transition, no hidden units, no learned words, no
    classes of words, no vectors of them and no revision.
    """
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    sparse = arrays["sparse"].astype(np.float64) * arrays["step"]
    dense, transitions, begin, end = (
        arrays[name].astype(np.float64) for name in ("dense", "transitions", "begin", "end")
    )
    inner = arrays.get("inner", np.zeros((len(dense), 0))).astype(np.float64)
    outer = arrays.get("outer", np.zeros((0, len(STATES)))).astype(np.float64)
    if transitions.ndim == 2:
        transitions = np.repeat(transitions[None], features.STEPS, axis=0)
    words = learned_words.none()
    if "word_keys" in arrays:
        words = learned_words.Words(arrays["word_keys"].astype(np.int64), arrays["word_weights"].astype(np.float64))
    classes = word_classes.none()
    if "class_words" in arrays:
        classes = word_classes.without_vectors(arrays["class_words"], arrays["class_numbers"])
    if "class_vectors" in arrays:
        classes = replace(classes, vectors=arrays["class_vectors"], scale=arrays["class_scale"])
    return Model(
        buckets=arrays["buckets"].astype(np.int64),
        cues=tuple(arrays["cues"].tolist()),
        weights=crf.Weights(sparse, dense, transitions, begin, end, inner, outer),
        names=tuple(arrays["names"].tolist()),
        cards=card_attribution.from_arrays(arrays),
        words=words,
        classes=classes,
        revision=revision.from_arrays(arrays),
        version=str(arrays["version"]),
    )


@cache
def shipped() -> Model:
    """Load the model that comes with the package."""
    return load(Path(str(files("tarot_data.patterns") / "weights" / MODEL)))


def own_path() -> Path | None:
    """Return the path of a model trained on the reader's corrections; None if the reader has no tables of their own."""
    folder = lexicon.active().folder
    return folder / "model" / MODEL if folder else None


def current() -> Model:
    """Load the active model: the reader's own if there is one, else the shipped one."""
    own = own_path()
    return _load_own(own, own.stat().st_mtime_ns) if own and own.exists() else shipped()


@lru_cache(maxsize=2)
def _load_own(path: Path, changed: int) -> Model:
    return load(path)


def figures() -> dict:
    """Read the scores that the shipped model's training reached on readings it had not seen."""
    return json.loads((files("tarot_data.patterns") / "weights" / FIGURES).read_text(encoding="utf-8"))


def version() -> str:
    """Return the version of model and lexicon together: two stores with the same one are labelled alike."""
    return f"{current().version}-{lexicon.version()}"
