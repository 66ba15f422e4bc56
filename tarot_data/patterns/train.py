"""How the labeller learns: from the annotated readings, and from what a reader corrects.

`python -m tarot_data.patterns.train` trains the model that is shipped on every annotated reading, and writes what the same
training reaches on readings it has not seen: in five folds by reading, and with each writer left out in turn.
"""

import json
import sys
from collections.abc import Callable, Sequence
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from schemas.errors import Problem
from tarot_data import lexicon
from tarot_data.patterns import card_attribution, card_training, crf, cues
from tarot_data.patterns import gold as annotated
from tarot_data.patterns.batch import Batch
from tarot_data.patterns.model import (
    FIGURES,
    MODEL,
    STATES,
    Inputs,
    Model,
    matrices,
    one_thread,
    predict,
    save,
    shipped,
    to_inputs,
)
from tarot_data.store import corrections, tables
from tarot_data.store.corrections import found

SPARSE_DECAY, DENSE_DECAY, ITERATIONS = 0.2, 1.0, 120
SEEN_IN = 2
"""An n-gram counts from the second reading it stands in: one writer's quirk is no rule."""

MORE = "more"
"""Folder beside the annotated readings with further ones, written for this project after the manner of printed cases,
forums and blogs: always learned from, never scored."""

ANNOTATED = Path(__file__).parents[2] / "data" / "annotated"

Progress = Callable[[str, int, int], None] | None


class Taught(NamedTuple):
    """What people said of the sentences of a batch. states: index into STATES. named: cards. sure: whether a person
    said so, or only the labeller."""

    states: np.ndarray
    named: list[set[str]]
    sure: np.ndarray


def states_of(batch: Batch, readings: Sequence[dict]) -> Taught:
    """What the annotated sentences that cover each sentence of the batch say; all of them are sure in a reading whose
    sentences do not tell (`sure`)."""
    states = np.full(batch.size, STATES.index(("other",)))
    named: list[set[str]] = [set() for _ in range(batch.size)]
    partly = np.array(
        [any("sure" in sentence for sentence in reading["sentences"]) for reading in readings], dtype=bool
    )
    sure = ~partly[batch.s_reading]
    for number, reading in enumerate(readings):
        rows = np.nonzero(batch.s_reading == number)[0]
        base = batch.r_start[number]
        found = [{"start": batch.s_start[s] - base, "end": batch.s_end[s] - base, "s": s} for s in rows]
        for sentence, covering in annotated.aligned(reading["sentences"], found):
            for other in covering:
                states[other["s"]] = _state(sentence["labels"])
                named[other["s"]] |= set(sentence["cards"])
                sure[other["s"]] |= sentence.get("sure", False)
    return Taught(states, named, sure)


def _state(labels: list[str]) -> int:
    for known in (tuple(labels), tuple(reversed(labels))):
        if known in STATES:
            return STATES.index(known)
    return STATES.index(("advice",) if "advice" in labels else (labels[0],))


def _known(inputs: Inputs, chosen: np.ndarray) -> np.ndarray:
    """Buckets that stand in at least SEEN_IN readings of the chosen sentences."""
    rows, buckets = map(np.concatenate, zip(*inputs.grams, strict=True))
    mine = chosen[rows]
    keys = np.unique(buckets[mine].astype(np.int64) * (1 << 22) + inputs.batch.s_reading[rows[mine]])
    buckets, count = np.unique(keys >> 22, return_counts=True)
    return buckets[count >= SEEN_IN]


def _fit(inputs: Inputs, taught: Taught, chosen: np.ndarray) -> Model:
    import scipy.optimize  # noqa: F401 (brings a matrix library of its own, to be held to one thread)

    states, named, sure = taught
    known = _known(inputs, chosen)
    gold = [list(STATES[state]) for state in states]
    with one_thread():
        cards = card_training.train(inputs.batch, inputs.pairs, gold, named, chosen & sure)
        scores = card_attribution.scores_of(inputs.pairs, cards)
        dense = np.concatenate(
            [inputs.dense, card_attribution.evidence(inputs.batch, inputs.pairs, cards, scores)], axis=1
        )
        weights = crf.train(
            sum(matrices(inputs, known, cues.names()))[chosen], dense[chosen], states[chosen],
            inputs.batch.s_reading[chosen], len(STATES), SPARSE_DECAY, DENSE_DECAY, iterations=ITERATIONS,
            hidden=~sure[chosen],
        )  # fmt: skip
    return Model(known, cues.names(), weights, (*inputs.names, *card_attribution.EVIDENCE), cards, "")


def cross_validate(
    readings: list[dict], groups: Sequence[object], progress: Progress = None, more: Sequence[dict] = ()
) -> tuple[dict, list[dict]]:
    """The score over all readings, each predicted by a model that saw no reading of its group; and the predictions.

    more: readings every model may learn from and none is scored on.
    """
    learned = [*readings, *more]
    inputs = to_inputs(learned)
    taught = states_of(inputs.batch, learned)
    groups = [*groups, *(None for _ in more)]
    kinds = sorted(set(groups) - {None})
    predicted: dict[str, dict] = {}
    for number, kind in enumerate(kinds):
        held = np.array([group == kind for group in groups])
        model = _fit(inputs, taught, ~held[inputs.batch.s_reading])
        mine = [reading for reading, out in zip(learned, held.tolist(), strict=True) if out]
        predicted |= {answer["id"]: answer for answer in predict(mine, model)}
        if progress:
            progress("cross-validate", number + 1, len(kinds))
    answers = [predicted[reading["id"]] for reading in readings]
    return annotated.score(readings, answers), answers


def folds(readings: list[dict], count: int = 5) -> list[int]:
    """A fold for every reading, by a hash of its id: the same whatever else is annotated."""
    order = sorted(range(len(readings)), key=lambda i: blake2b(readings[i]["id"].encode(), digest_size=8).digest())
    fold_of = {index: place % count for place, index in enumerate(order)}
    return [fold_of[i] for i in range(len(readings))]


def train(readings: list[dict]) -> Model:
    """A model of all the readings given (as `annotated.read_all` or `corrections.corrected` gives them)."""
    inputs = to_inputs(readings)
    return _fit(inputs, states_of(inputs.batch, readings), np.ones(inputs.batch.size, dtype=bool))


def annotated_readings(folder: Path | None = None) -> tuple[list[dict], list[dict]]:
    """The readings that are learned from and scored, and those that are learned from only.

    Raises Problem `no_annotated` where the folder has none.
    """
    folder = folder or ANNOTATED
    readings = annotated.read_all(folder)
    if not readings:
        raise Problem("no_annotated", path=str(folder))
    return readings, annotated.read_all(folder / MORE)


def learn_corrections(
    corrected: list[dict], target: Path, progress: Progress = None, base: list[dict] | None = None
) -> dict:
    """Train on the annotated readings and a reader's corrections (`corrections.corrected`), keep model and figures in
    target, and tell what corrected readings it has not seen are labelled like before and after.

    Returns {labeller, lexicon, corrections, readings, before, after}; before and after as `annotated.score` gives it,
    over the corrected sentences alone: before by the shipped model, after by models that saw the other corrected
    readings, in up to five folds. base: other annotated readings than ours. Raises Problem `few_corrections` where fewer than two readings have any.
    """
    if len(corrected) < 2:
        raise Problem("few_corrections", readings=len(corrected))
    base = [reading for part in annotated_readings() for reading in part] if base is None else base
    asked = [{**reading, "sentences": [s for s in reading["sentences"] if s["sure"]]} for reading in corrected]
    before = annotated.score(asked, predict(corrected, shipped()))
    groups = folds(corrected, min(5, len(corrected)))
    _, answers = cross_validate(corrected, groups, progress, base)
    model = train([*base, *corrected])
    figures = {
        "labeller": _keep(model, target),
        "lexicon": lexicon.version(),
        "corrections": sum(len(reading["sentences"]) for reading in asked),
        "readings": len(corrected),
        "before": before,
        "after": annotated.score(asked, answers),
    }
    _write(figures, target)
    return figures


def learn_from(data_dir: Path, target: Path, progress: Progress = None) -> dict:
    """`learn_corrections` of all that the reader of a store has corrected."""
    said = corrections.read(data_dir)
    return learn_corrections(corrected(tables.readings(data_dir), said), target, progress)


def train_and_save(folder: Path | None = None, target: Path | None = None, progress: Progress = None) -> dict:
    """Train on all annotated readings, write model and figures into target (the package by default); the figures.

    Raises Problem `no_annotated` where the folder has none.
    """
    readings, more = annotated_readings(folder)
    by_reading, _ = cross_validate(readings, folds(readings), progress, more)
    by_writer, _ = cross_validate(readings, [reading["writer"] for reading in readings], progress, more)
    target = target or Path(str(files("tarot_data.patterns") / "weights"))
    figures = {
        "labeller": _keep(train([*readings, *more]), target),
        "lexicon": lexicon.version(),
        **by_reading,
        "by_writer": by_writer,
        "how": "5 folds by reading; by_writer: each writer (a to g) left out in turn; the model itself saw all readings",
    }
    _write(figures, target)
    shipped.cache_clear()
    return figures


def _keep(model: Model, target: Path) -> str:
    """Write the model whole or not at all; returns its version."""
    target.mkdir(parents=True, exist_ok=True)
    half = target / f".half-{MODEL}"
    version = save(model, half)
    half.replace(target / MODEL)
    return version


def _write(figures: dict, target: Path) -> None:
    (target / FIGURES).write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    result = train_and_save()
    json.dump(result, sys.stdout, ensure_ascii=False, indent=1)


def corrected(stored: pl.DataFrame, corrections: pl.DataFrame) -> list[dict]:
    """The readings that have corrections, as the labeller learns from them: {id, content, cards, person, question,
    sentences: [{start, end, labels, cards, sure}]}. sure: whether the reader said so, or only the labeller."""
    from tarot_data.patterns.batch import to_rows

    mine = stored.join(corrections.select("reading_id").unique(), on="reading_id", how="semi")
    said: dict[str, list[dict]] = {}
    for correction in corrections.iter_rows(named=True):
        said.setdefault(correction["reading_id"], []).append(correction)
    out = []
    for row, key, sentences in zip(
        to_rows(mine), mine["reading_id"].to_list(), mine["sentences"].to_list(), strict=True
    ):
        sentences = [{**sentence, "sure": False} for sentence in sentences or ()]
        for place, correction in found(row["content"], sentences, said[key]):
            sentences[place] |= {"labels": correction["labels"], "cards": correction["cards"], "sure": True}
        if any(sentence["sure"] for sentence in sentences):
            out.append({**row, "id": key, "sentences": sentences})
    return out
