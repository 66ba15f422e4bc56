"""Training of the labeller, on annotated readings and on a reader's corrections.

`python -m tarot_data.patterns.train` trains the shipped model on every annotated reading and writes the scores of the
same training on unseen voices: in folds of whole writers, and by voice.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from schemas.errors import Problem
from tarot_data import lexicon
from tarot_data.patterns import (
    card_attribution,
    card_training,
    crf,
    cues,
    learned_words,
    revision,
    training_copies,
    word_classes,
)
from tarot_data.patterns import gold as annotated
from tarot_data.patterns.batch import Batch, to_rows
from tarot_data.patterns.features import STEPS
from tarot_data.patterns.model import (
    FIGURES,
    MODEL,
    Inputs,
    Model,
    label,
    matrices,
    one_thread,
    predict,
    save,
    shipped,
    to_inputs,
)
from tarot_data.patterns.states import STATES
from tarot_data.store import corrections, tables
from tarot_data.system import atomic

SPARSE_DECAY, DENSE_DECAY, ITERATIONS = 0.2, 1.0, 40
SEEN_IN = 4
"""Voices an n-gram must occur in: one writer's quirk is no rule. A reader's own readings are a voice each. With 2, more
than twice as many n-grams label unseen writers no better."""

MORE = "more"
"""Subfolder of further annotated readings, always learned from, never scored: in the style of printed cases, forums and
blogs (`wild`), and in voices written for what the labeller often mistakes (`voices`)."""

REFERS = ("card_interpretation", "card_link")
"""Labels of the sentences that refer to cards."""

ANNOTATED = Path(__file__).parents[2] / "data" / "annotated"

Progress = Callable[[str, int, int], None] | None


class Gold(NamedTuple):
    """Annotation of the sentences of a batch. states: indices into STATES. named: cards. sure: by a person, not only by
    the labeller. voices: (readings,) number of the voice of each."""

    states: np.ndarray
    named: list[set[str]]
    sure: np.ndarray
    voices: np.ndarray


def _gold_of(batch: Batch, readings: Sequence[dict]) -> Gold:
    """Align the sentences of a batch with the annotated ones that cover them.

    All are sure in a reading whose sentences have no `sure`.
    """
    states = np.full(batch.size, STATES.index(("other",)))
    named: list[set[str]] = [set() for _ in range(batch.size)]
    partly = np.array(
        [any("sure" in sentence for sentence in reading["sentences"]) for reading in readings], dtype=bool
    )
    sure = ~partly[batch.s_reading]
    for number, reading in enumerate(readings):
        rows = np.nonzero(batch.s_reading == number)[0]
        found = [{"start": start, "end": end, "s": s} for s, (start, end) in zip(rows, batch.spans[rows], strict=True)]
        for sentence, covering in annotated.aligned(reading["sentences"], found):
            for other in covering:
                states[other["s"]] = _state(sentence["labels"])
                named[other["s"]] |= set(sentence["cards"])
                sure[other["s"]] |= sentence.get("sure", False)
    voices = [reading.get("voice") or reading["id"] for reading in readings]
    return Gold(states, named, sure, np.unique(voices, return_inverse=True)[1])


def _state(labels: list[str]) -> int:
    for known in (tuple(labels), tuple(reversed(labels))):
        if known in STATES:
            return STATES.index(known)
    return STATES.index(("advice",) if "advice" in labels else (labels[0],))


def _known(inputs: Inputs, voices: np.ndarray) -> np.ndarray:
    """Return the buckets that occur in at least SEEN_IN voices, or in all if these are fewer."""
    rows, buckets = map(np.concatenate, zip(*inputs.grams, *inputs.class_grams, strict=True))
    keys = np.unique(buckets.astype(np.int64) * (1 << 22) + voices[inputs.batch.s_reading[rows]])
    buckets, count = np.unique(keys >> 22, return_counts=True)
    return buckets[count >= min(SEEN_IN, int(voices.max(initial=0)) + 1)]


def _fit(inputs: Inputs, gold: Gold) -> Model:
    """Train a model on a batch."""
    # Loads its own matrix library, which `one_thread` limits only if it is loaded before.
    import scipy.optimize  # noqa: F401

    known = _known(inputs, gold.voices)
    labels = [list(STATES[state]) for state in gold.states]
    truth = card_training.annotated_pairs(inputs.pairs, gold.named)
    words, inputs.pairs.learned = learned_words.learn(
        inputs.batch,
        inputs.pairs,
        inputs.grams,
        truth,
        _counted(inputs.batch, gold),
        gold.voices[inputs.batch.s_reading],
    )
    with one_thread():
        cards = card_training.train(inputs.batch, inputs.pairs, labels, truth, gold.sure)
        scores = card_attribution.scores_of(inputs.pairs, cards)
        dense = np.concatenate(
            [inputs.dense, card_attribution.evidence(inputs.batch, inputs.pairs, cards, scores)], axis=1
        )
        weights = crf.train(
            sum(matrices(inputs, known, cues.names())), dense, gold.states, inputs.batch.s_reading, inputs.steps,
            (STEPS, len(STATES)), SPARSE_DECAY, DENSE_DECAY, iterations=ITERATIONS, hidden=~gold.sure,
        )  # fmt: skip
    names = (*inputs.names, *card_attribution.EVIDENCE)
    return Model(known, cues.names(), weights, names, cards, words, word_classes.none(), revision.none(), "")


def _counted(batch: Batch, gold: Gold) -> np.ndarray:
    """Mark the annotated sentences that refer to cards, without those of altered copies, which have the same id."""
    refers = np.array([any(label in state for label in REFERS) for state in STATES])
    _, originals = np.unique([reading["id"] for reading in batch.readings], return_index=True)
    return refers[gold.states] & gold.sure & np.isin(batch.s_reading, originals)


class Validation(NamedTuple):
    """Result of a cross-validation. answers: of `predict`, in the order of readings. revision: by all of them. models:
    of each group, trained without it."""

    score: dict
    answers: list[dict]
    revision: revision.Revision
    models: dict[object, Model]


def cross_validate(
    readings: list[dict],
    groups: Sequence[object],
    progress: Progress = None,
    more: Sequence[dict] = (),
    fixed: revision.Revision | None = None,
) -> Validation:
    """Predict all readings, each by a model that saw no reading of its group, and score the predictions.

    more: readings every model may learn from and none is scored on. The revision of a model is fitted on the other groups,
    or it is the fixed one.
    """
    parts: dict[object, tuple[Model, revision.Seen, np.ndarray]] = {}
    for number, kind in enumerate(kinds := sorted(set(groups))):
        left_out = [reading for reading, group in zip(readings, groups, strict=True) if group == kind]
        learned = [reading for reading, group in zip(readings, groups, strict=True) if group != kind]
        model = train([*learned, *more])
        found = label(left_out, model)
        seen = revision.Seen(found.batch, found.inputs.steps, found.first)
        parts[kind] = model, seen, _gold_of(found.batch, left_out).states
        if progress:
            progress("cross-validate", number + 1, len(kinds))

    def revision_without(left_out: object) -> revision.Revision:
        with one_thread():
            return fixed or revision.fit([part[1:] for kind, part in parts.items() if kind != left_out])

    models = {kind: part[0]._replace(revision=revision_without(kind)) for kind, part in parts.items()}
    answers = predict_left_out(readings, groups, models)
    return Validation(annotated.score(readings, answers), answers, revision_without(None), models)


def predict_left_out(readings: list[dict], groups: Sequence[object], models: dict[object, Model]) -> list[dict]:
    """Predict every reading by the model of its group; in the order of readings."""
    predicted: dict[str, dict] = {}
    for kind, model in models.items():
        mine = [reading for reading, group in zip(readings, groups, strict=True) if group == kind]
        predicted |= {answer["id"]: answer for answer in predict(mine, model)}
    return [predicted[reading["id"]] for reading in readings]


def folds(readings: list[dict], count: int = 5) -> list[int]:
    """Assign a fold to every reading, in the order of a hash of their ids."""
    order = sorted(range(len(readings)), key=lambda i: blake2b(readings[i]["id"].encode(), digest_size=8).digest())
    fold_of = {index: place % count for place, index in enumerate(order)}
    return [fold_of[i] for i in range(len(readings))]


def voice_folds(readings: list[dict], count: int = 10) -> list[int]:
    """Assign a fold to every reading, so that all voices of a writer are in one fold and the folds are about equal.

    A writer has several voices, which may share habits: to leave out one of them alone would be too easy.
    """
    sizes = Counter(reading["writer"] for reading in readings)
    filled = [0] * min(count, len(sizes))
    fold_of = {}
    for writer, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        fold_of[writer] = filled.index(min(filled))
        filled[fold_of[writer]] += size
    return [fold_of[reading["writer"]] for reading in readings]


def train(readings: list[dict]) -> Model:
    """Train a model on readings as `gold.read_all` or `corrected` gives them."""
    learned = [*readings, *training_copies.altered(readings)]
    classes = word_classes.from_dictionary()
    inputs = to_inputs(learned, classes)
    return _fit(inputs, _gold_of(inputs.batch, learned))._replace(classes=classes)


def annotated_readings(folder: Path | None = None) -> tuple[list[dict], list[dict]]:
    """Read the annotated readings to learn from and score, and those to learn from only.

    Raises Problem `no_annotated` if the folder has none.
    """
    folder = folder or ANNOTATED
    readings = annotated.read_all(folder)
    if not readings:
        raise Problem("no_annotated", path=str(folder))
    return readings, annotated.read_all(folder / MORE)


def learn_corrections(
    corrected: list[dict], target: Path, progress: Progress = None, base: list[dict] | None = None
) -> dict:
    """Train on the annotated readings and a reader's corrections (`corrected`), and write model and figures to target.

    Returns {labeller, lexicon, corrections, readings, before, after}. before, after: scores (`gold.score`) over the
    corrected sentences alone, before by the shipped model, after by models that saw only the other corrected readings,
    in up to five folds. base: annotated readings instead of ours. Raises Problem `few_corrections` if fewer than two
    readings have any.
    """
    if len(corrected) < 2:
        raise Problem("few_corrections", readings=len(corrected))
    base = [reading for part in annotated_readings() for reading in part] if base is None else base
    asked = [{**reading, "sentences": [s for s in reading["sentences"] if s["sure"]]} for reading in corrected]
    before = annotated.score(asked, predict(corrected, shipped()))
    groups = folds(corrected, min(5, len(corrected)))
    # Too few corrections to fit one on.
    fixed = shipped().revision
    answers = cross_validate(corrected, groups, progress, base, fixed).answers
    model = train([*base, *corrected])._replace(revision=fixed)
    figures = {
        "labeller": save(model, target / MODEL),
        "lexicon": lexicon.version(),
        "corrections": sum(len(reading["sentences"]) for reading in asked),
        "readings": len(corrected),
        "before": before,
        "after": annotated.score(asked, answers),
    }
    _write(figures, target)
    return figures


def learn_from(data_dir: Path, target: Path, progress: Progress = None) -> dict:
    """Train as `learn_corrections` does, on all corrections of a store."""
    return learn_corrections(corrected(tables.readings(data_dir), corrections.read(data_dir)), target, progress)


def train_and_save(folder: Path | None = None, target: Path | None = None, progress: Progress = None) -> dict:
    """Train on all annotated readings, write model and figures to target (by default the package); return the figures.

    Raises Problem `no_annotated` if the folder has none.
    """
    readings, more = annotated_readings(folder)
    found = cross_validate(readings, voice_folds(readings), progress, more)
    model = train([*readings, *more])._replace(revision=found.revision)
    target = target or Path(str(files("tarot_data.patterns") / "weights"))
    figures = {
        "labeller": save(model, target / MODEL),
        "lexicon": lexicon.version(),
        **found.score,
        "voices": annotated.score_voices(readings, found.answers),
        "how": "10 folds of whole writers, so that every voice is unseen; the model itself saw all readings",
    }
    _write(figures, target)
    shipped.cache_clear()
    return figures


def _write(figures: dict, target: Path) -> None:
    atomic.write_text(target / FIGURES, json.dumps(figures, ensure_ascii=False, indent=1) + "\n")


def corrected(stored: pl.DataFrame, done: pl.DataFrame) -> list[dict]:
    """Select the readings that have corrections (`corrections.CORRECTIONS`), to learn from.

    Returns {id, content, cards, person, question, sentences: [{start, end, labels, cards, sure}]}. sure: labelled by
    the reader, not only by the labeller.
    """
    mine = stored.join(done.select("reading_id").unique(), on="reading_id", how="semi")
    by_reading: dict[str, list[dict]] = {}
    for correction in done.iter_rows(named=True):
        by_reading.setdefault(correction["reading_id"], []).append(correction)
    out = []
    for row, sentences in zip(to_rows(mine), mine["sentences"].to_list(), strict=True):
        sentences = [{**sentence, "sure": False} for sentence in sentences or ()]
        for place, correction in corrections.found(row["content"], sentences, by_reading[row["reading_id"]]):
            sentences[place] |= {"labels": correction["labels"], "cards": correction["cards"], "sure": True}
        if any(sentence["sure"] for sentence in sentences):
            out.append({**row, "id": row["reading_id"], "sentences": sentences})
    return out


if __name__ == "__main__":
    result = train_and_save()
    json.dump(result, sys.stdout, ensure_ascii=False, indent=1)
