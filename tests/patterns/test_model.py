"""The labeller: its scores on unseen writers, and reproducible training."""

import json

import numpy as np
import pytest

from schemas.errors import Problem
from tarot_data import lexicon
from tarot_data.patterns import calibration, crf, gold, train
from tarot_data.patterns import model as labeller


@pytest.fixture(scope="module")
def readings():
    return gold.read_all(train.ANNOTATED)


@pytest.fixture(scope="module")
def held_out(readings):
    """Return the scores on the writers of the first fold of a model trained on the others."""
    folds = train.voice_folds(readings)
    learned = [reading for reading, fold in zip(readings, folds, strict=True) if fold]
    learned += gold.read_all(train.ANNOTATED / train.MORE)
    unseen = [reading for reading, fold in zip(readings, folds, strict=True) if not fold]
    model = train.train(learned)._replace(revision=labeller.shipped().revision)
    bare = [{**reading, "cards": []} for reading in unseen]
    return [gold.score(unseen, labeller.predict(asked, model)) for asked in (unseen, bare)]


@pytest.mark.slow
def test_labels_of_unseen_writers_reach_the_floor(held_out):
    given, bare = held_out
    assert given["macro_f1"] >= 0.87
    assert min(row["f1"] for row in given["labels"].values()) >= 0.78
    assert bare["macro_f1"] >= 0.84


@pytest.mark.slow
def test_cards_of_unseen_writers_reach_the_floor(held_out):
    assert held_out[0]["cards_f1"] >= 0.88


def test_labels_of_writers_kept_back_reach_the_floor():
    readings = gold.read_all(train.ANNOTATED / "held_out")
    given = gold.score(readings, labeller.predict(readings, labeller.shipped()))
    assert given["readings"] == 144
    assert given["macro_f1"] >= 0.85
    assert given["exact"] >= 0.88
    assert given["cards_f1"] >= 0.94


def test_nobody_learns_from_the_writers_kept_back(readings):
    learned, more = train.annotated_readings()
    kept = {reading["content"] for reading in gold.read_all(train.ANNOTATED / "held_out")}
    assert not kept & {reading["content"] for reading in [*learned, *more]}


def test_shipped_figures_reach_the_floor():
    figures = labeller.figures()
    assert figures["macro_f1"] >= 0.892
    assert figures["voices"]["worst_tenth"] >= 0.77
    assert figures["cards_f1"] >= 0.91
    assert figures["labeller"] == labeller.shipped().version
    assert figures["readings"] == 566 and figures["sentences"] == 10294


@pytest.mark.parametrize("contents", [[], [""], [" \n"], ["", "愚人正位。", ""]])
def test_empty_content_gets_no_sentences(contents):
    cards = [{"card": "愚人", "orientation": "upright"}]
    asked = [{"id": str(number), "content": text, "cards": cards} for number, text in enumerate(contents)]
    found = labeller.predict(asked)
    assert [len(answer["sentences"]) for answer in found] == [bool(text.strip()) for text in contents]


def test_no_writer_is_in_two_folds(readings):
    pairs = set(zip(train.voice_folds(readings), (reading["writer"] for reading in readings), strict=True))
    assert len(pairs) == len({writer for _, writer in pairs}) == 20


def test_training_twice_gives_the_same_model(readings, tmp_path):
    few = readings[:12]
    one = labeller.save(train.train(few), tmp_path / "one.npz")
    two = labeller.save(train.train(few), tmp_path / "two.npz")
    assert one == two


def test_a_saved_model_labels_as_the_trained_one(readings, tmp_path):
    model = train.train(readings[:30])
    labeller.save(model, tmp_path / "model.npz")
    loaded = labeller.load(tmp_path / "model.npz")
    some = readings[40:60]
    labels = [[s["labels"] for s in reading["sentences"]] for reading in labeller.predict(some, model)]
    again = [[s["labels"] for s in reading["sentences"]] for reading in labeller.predict(some, loaded)]
    same = sum(a == b for x, y in zip(labels, again, strict=True) for a, b in zip(x, y, strict=True))
    assert same >= 0.99 * sum(map(len, labels))


def test_a_model_of_the_first_release_still_labels(readings, tmp_path):
    labeller.save(train.train(readings[:12]), tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as stored:
        later = ("inner", "outer", "calibration", "word_keys", "word_weights", "class_words", "class_numbers")
        later += ("class_vectors", "class_scale")
        old = {name: stored[name] for name in stored.files if name not in later}
    np.savez(tmp_path / "old.npz", **{**old, "transitions": old["transitions"][0]})
    answers = labeller.predict(readings[12:14], labeller.load(tmp_path / "old.npz"))
    assert all(sentence["labels"] for answer in answers for sentence in answer["sentences"])


def test_a_model_without_vectors_of_words_still_labels(readings, tmp_path):
    labeller.save(train.train(readings[:12]), tmp_path / "new.npz")
    with np.load(tmp_path / "new.npz") as stored:
        old = {name: stored[name] for name in stored.files if name not in ("class_vectors", "class_scale")}
    np.savez(tmp_path / "old.npz", **old)
    answers = labeller.predict(readings[12:14], labeller.load(tmp_path / "old.npz"))
    assert all(sentence["labels"] for answer in answers for sentence in answer["sentences"])


def test_the_shipped_model_is_small_without_pickle():
    from importlib.resources import files

    path = files("tarot_data.patterns") / "weights" / labeller.MODEL
    assert len(path.read_bytes()) < 5_000_000
    with np.load(str(path), allow_pickle=False) as stored:
        assert {stored[name].dtype.kind for name in stored.files} <= set("fiU")


def test_the_gradient_equals_the_change_of_the_loss(monkeypatch):
    import scipy.optimize
    from scipy import sparse

    seen = []
    monkeypatch.setattr(scipy.optimize, "minimize", lambda loss, start, **_: seen.append((loss, start)) or Found(start))
    rng = np.random.default_rng(0)
    states, kind = np.array([0, 1, 2, 1, 0]), np.array([0, 1, 0, 1, 1])
    crf.train(
        sparse.csr_matrix(rng.normal(size=(5, 4))), rng.normal(size=(5, 3)), states, np.array([0, 0, 0, 1, 1]), kind,
        (2, 3), 0.2, 1.0,
    )  # fmt: skip
    loss, start = seen[0]
    at = start + rng.normal(0, 0.3, len(start))
    gradient = loss(at)[1]
    for place in rng.choice(len(at), 40, replace=False).tolist():
        step = np.zeros(len(at))
        step[place] = 1e-5
        assert (loss(at + step)[0] - loss(at - step)[0]) / 2e-5 == pytest.approx(gradient[place], abs=1e-5)


class Found:
    """Result of a minimisation that stays where it starts."""

    def __init__(self, start):
        self.x = start


def test_calibration_finds_the_sharpness_of_too_sure_probabilities():
    rng = np.random.default_rng(0)
    score = rng.normal(0, 2, (4000, 3))
    true = np.exp(score) / np.exp(score).sum(axis=1, keepdims=True)
    states = np.array([rng.choice(3, p=row) for row in true])
    sure = calibration.calibrated(true, np.array([2.0, 0.0, 0.0, 0.0]))
    found = calibration.calibrated(sure, calibration.fit(sure, states))
    assert np.abs(found - true).max() < 0.05
    assert np.allclose(calibration.calibrated(true, calibration.none(3)), true)


def test_a_folder_without_annotated_readings_is_an_error(tmp_path):
    with pytest.raises(Problem, match="no annotated readings"):
        train.train_and_save(tmp_path, tmp_path)


def test_figures_are_written_next_to_the_model(readings, tmp_path):
    source = tmp_path / "annotated"
    source.mkdir()
    for name in ("dev_c.txt", "dev_d1.txt"):
        (source / name).write_text((train.ANNOTATED / name).read_text(encoding="utf-8"), encoding="utf-8")
    seen = []
    figures = train.train_and_save(source, tmp_path / "model", progress=lambda *step: seen.append(step))
    assert json.loads((tmp_path / "model" / labeller.FIGURES).read_text(encoding="utf-8")) == figures
    assert figures["lexicon"] == lexicon.version()
    assert seen[-1][1] == seen[-1][2]


def test_marginals_equal_the_count_of_all_paths():
    rng = np.random.default_rng(0)
    emissions, transitions = rng.normal(size=(3, 2)), rng.normal(size=(2, 2, 2))
    begin, end = rng.normal(size=2), rng.normal(size=2)
    grid = crf.layout(np.zeros(3, dtype=int), np.array([0, 1, 0]))
    found, _, log_partition = crf.marginals(emissions, transitions, begin, end, grid)
    total, wanted = 0.0, np.zeros((3, 2))
    for path in np.ndindex(2, 2, 2):
        score = begin[path[0]] + end[path[2]] + sum(emissions[t, path[t]] for t in range(3))
        weight = np.exp(score + transitions[1, path[0], path[1]] + transitions[0, path[1], path[2]])
        total += weight
        for t in range(3):
            wanted[t, path[t]] += weight
    assert np.allclose(found, wanted / total)
    assert log_partition == pytest.approx(np.log(total))
