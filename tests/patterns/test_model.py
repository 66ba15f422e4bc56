"""The labeller: its scores on unseen writers, and reproducible training."""

import json

import numpy as np
import pytest

from schemas.errors import Problem
from tarot_data import lexicon
from tarot_data.patterns import crf, gold, train
from tarot_data.patterns import model as labeller


@pytest.fixture(scope="module")
def readings():
    return gold.read_all(train.ANNOTATED)


@pytest.fixture(scope="module")
def held_out(readings):
    """Return the scores on the writers d, f and g of a model trained on a, b, c and e."""
    learned = [reading for reading in readings if reading["writer"] in "abce"]
    learned += gold.read_all(train.ANNOTATED / train.MORE)
    unseen = [reading for reading in readings if reading["writer"] in "dfg"]
    model = train.train(learned)
    return gold.score(unseen, labeller.predict(unseen, model))


def test_labels_of_unseen_writers_reach_the_floor(held_out):
    # Trained on four writers, tested on three; the goal of 0.92 is for five folds by reading, in figures.json.
    assert held_out["macro_f1"] >= 0.89
    assert min(row["f1"] for row in held_out["labels"].values()) >= 0.84


def test_cards_of_unseen_writers_reach_the_floor(held_out):
    assert held_out["cards_f1"] >= 0.93


def test_shipped_figures_reach_the_floor():
    figures = labeller.figures()
    assert figures["macro_f1"] >= 0.88
    assert figures["voices"]["worst_tenth"] >= 0.73
    assert figures["cards_f1"] >= 0.89
    assert figures["labeller"] == labeller.shipped().version
    assert figures["readings"] == 566 and figures["sentences"] == 10294


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


def test_the_shipped_model_is_small_without_pickle():
    from importlib.resources import files

    path = files("tarot_data.patterns") / "weights" / labeller.MODEL
    assert len(path.read_bytes()) < 5_000_000
    with np.load(str(path), allow_pickle=False) as stored:
        assert {stored[name].dtype.kind for name in stored.files} <= set("fiU")


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
    emissions, transitions = rng.normal(size=(3, 2)), rng.normal(size=(2, 2))
    begin, end = rng.normal(size=2), rng.normal(size=2)
    found, _, log_partition = crf.marginals(emissions, transitions, begin, end, crf.layout(np.zeros(3, dtype=int)))
    total, wanted = 0.0, np.zeros((3, 2))
    for path in np.ndindex(2, 2, 2):
        score = begin[path[0]] + end[path[2]] + sum(emissions[t, path[t]] for t in range(3))
        weight = np.exp(score + transitions[path[0], path[1]] + transitions[path[1], path[2]])
        total += weight
        for t in range(3):
            wanted[t, path[t]] += weight
    assert np.allclose(found, wanted / total)
    assert log_partition == pytest.approx(np.log(total))
