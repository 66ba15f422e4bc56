"""Second look at a reading: the probabilities of its sentences, calibrated and revised by those of the other sentences.

Whether a sentence closes the reading depends on what is left of it: on cards that are still interpreted below, on advice
that has already been given.
"""

from typing import NamedTuple

import numpy as np

from tarot_data.patterns import calibration, crf
from tarot_data.patterns.batch import Batch
from tarot_data.patterns.features import STEPS, before, running, whole
from tarot_data.patterns.states import CARRIES, STATES

DECAY = 5.0
"""Weight decay. Chosen with whole writers left out."""

NEAR = (1, -1, 2, -2, 3, -3)
"""Distances of the sentences whose labels count one by one; of all others, only how many there are."""


class Revision(NamedTuple):
    """calibration: of the first look, by `calibration`. weights: of the second, None without one."""

    calibration: np.ndarray
    weights: crf.Weights | None


class Seen(NamedTuple):
    """A batch at its first look. probabilities: (sentences, states), not calibrated. steps: by `features.steps`."""

    batch: Batch
    steps: np.ndarray
    probabilities: np.ndarray


def none() -> Revision:
    """Return the revision that changes nothing."""
    return Revision(calibration.none(len(STATES)), None)


def revised(seen: Seen, revision: Revision) -> np.ndarray:
    """Calibrate the probabilities, and take their mean with those of the second look: (sentences, states)."""
    first = calibration.calibrated(seen.probabilities, revision.calibration)
    w = revision.weights
    if w is None:
        return first
    values = _features(seen.batch, first)
    emissions = values @ w.dense + np.tanh(values @ w.inner) @ w.outer
    grid = crf.layout(seen.batch.s_reading, seen.steps)
    return (first + crf.marginals(emissions, w.transitions, w.begin, w.end, grid)[0]) / 2


def fit(parts: list[tuple[Seen, np.ndarray]]) -> Revision:
    """Fit a revision to batches of voices that their models had not seen, and the annotated state of each sentence."""
    # Takes 0.4 s, and only training needs it.
    from scipy import sparse

    states = np.concatenate([found for _, found in parts])
    fixed = calibration.fit(np.concatenate([seen.probabilities for seen, _ in parts]), states)
    values = [_features(seen.batch, calibration.calibrated(seen.probabilities, fixed)) for seen, _ in parts]
    edges = np.cumsum([0, *(len(seen.batch.readings) for seen, _ in parts)])
    sequence = [seen.batch.s_reading + edge for (seen, _), edge in zip(parts, edges, strict=False)]
    nothing = sparse.csr_matrix((len(states), 0))
    weights = crf.train(
        nothing, np.concatenate(values), states, np.concatenate(sequence), np.concatenate([s.steps for s, _ in parts]),
        (STEPS, len(STATES)), 1.0, DECAY,
    )  # fmt: skip
    return Revision(fixed, weights)


def _features(batch: Batch, chances: np.ndarray) -> np.ndarray:
    """Compute for each sentence its own probabilities, those of labels around it, and how many it has before and after."""
    labels = chances @ CARRIES
    so_far, mean = running(batch, labels), whole(batch, labels)
    earlier, later = so_far - labels, mean * batch.s_count[:, None] - so_far
    counts = [form for count in (earlier, later) for form in (np.minimum(count, 3) / 3, np.exp(-count))]
    near = [before(batch, labels, back) for back in NEAR]
    blocks = [np.log(np.maximum(chances, 1e-4)) / 3, labels, *near, *counts, mean, np.ones((batch.size, 1))]
    return np.concatenate(blocks, axis=1)


def to_arrays(revision: Revision) -> dict[str, np.ndarray]:
    """Convert a revision to the named arrays of a model file."""
    w = revision.weights
    named = {} if w is None else {f"second_{name}": getattr(w, name) for name in _PARTS}
    arrays = {"calibration": revision.calibration, **named}
    return {name: values.astype(np.float32) for name, values in arrays.items()}


def from_arrays(arrays: dict[str, np.ndarray]) -> Revision:
    """Convert the arrays of a model file to a revision; a model of an older version has none, or only a calibration."""
    fixed = arrays.get("calibration", none().calibration).astype(np.float64)
    if "second_dense" not in arrays:
        return Revision(fixed, None)
    parts = {name: arrays[f"second_{name}"].astype(np.float64) for name in _PARTS}
    return Revision(fixed, crf.Weights(sparse=np.zeros((0, len(STATES))), **parts))


_PARTS = ("dense", "transitions", "begin", "end", "inner", "outer")
