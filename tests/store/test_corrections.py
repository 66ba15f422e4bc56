"""Corrections of single sentence labels by the user, and the labeller trained on them."""

import json

import numpy as np
import polars as pl
import pytest

from schemas.errors import Problem
from tarot_data import lexicon
from tarot_data.ingest.batches import to_stored
from tarot_data.ingest.relabel import relabel
from tarot_data.patterns import annotate, crf, model, train
from tarot_data.patterns import gold as annotated
from tarot_data.store import corrections, delta, tables
from tests.builders import card, reading, readings

BODY = "过去的愚人正位，悬崖边那只小狗一直在叫。\n他就这么往前走了。\n三月之前先把手上的项目收尾。\n他就这么往前走了。"
WHEN = "2024-05-01T12:00:00Z"


def stored_of(*rows):
    frame = readings(*rows)
    return to_stored(frame, *annotate.annotate(frame))


@pytest.fixture(scope="module")
def stored():
    return stored_of(reading(1, content=BODY, cards=[card()]), reading(2, content=BODY[:-10], cards=[card()]))


def of(stored, number, text, labels=("closing",), cards=(), content=None):
    content = content or stored["content"][number]
    start = content.index(text)
    return corrections.to_correction(
        stored["reading_id"][number], content, start, start + len(text), labels, cards, WHEN
    )


def sentences(stored, number=0):
    return stored["sentences"][number].to_list()


def test_a_correction_replaces_one_label(stored, tmp_path):
    corrections.add(tmp_path, [of(stored, 0, "三月之前先把手上的项目收尾。", ["other"], ["力量"])])
    after = corrections.apply(stored, corrections.read(tmp_path))
    assert sentences(after)[2] | {"start": 0, "end": 0} == {
        "start": 0, "end": 0, "labels": ["other"], "cards": ["力量"], "confidence": 1.0,
    }  # fmt: skip
    assert [s for i, s in enumerate(sentences(after)) if i != 2] == [
        s for i, s in enumerate(sentences(stored)) if i != 2
    ]
    assert after.tail(1).equals(stored.tail(1)) and after.schema == stored.schema


def test_the_last_word_on_a_sentence_counts(stored, tmp_path):
    text = "三月之前先把手上的项目收尾。"
    corrections.add(tmp_path, [of(stored, 0, text, ["other"])])
    corrections.add(tmp_path, [of(stored, 0, text, ["advice", "closing"])])
    assert corrections.read(tmp_path)["labels"].to_list() == [["advice", "closing"]]


def test_a_correction_follows_its_sentence(stored, tmp_path):
    said = [of(stored, 0, "三月之前先把手上的项目收尾。", ["other"]), of(stored, 0, "他就这么往前走了。", ["other"])]
    corrections.add(tmp_path, said)
    said = corrections.read(tmp_path)
    moved = stored_of(reading(1, content="先说一句。\n" + BODY, cards=[card()]))
    found = [s["confidence"] == 1 for s in sentences(corrections.apply(moved, said))]
    # The third sentence is identified by its text; the second occurs twice, and neither is at the old position.
    assert found == [False, False, False, True, False]
    rewritten = stored_of(reading(1, content=BODY.replace("三月", "四月"), cards=[card()]))
    found = [s["confidence"] == 1 for s in sentences(corrections.apply(rewritten, said))]
    assert found == [False, True, False, False]


def test_corrections_hold_no_text(stored, tmp_path):
    corrections.add(tmp_path, [of(stored, 0, "他就这么往前走了。"), of(stored, 1, "他就这么往前走了。")])
    assert "往前走" not in corrections.path_of(tmp_path).read_text(encoding="utf-8")
    assert corrections.forget(tmp_path, [stored["reading_id"][0]]) == 1
    assert corrections.read(tmp_path)["reading_id"].to_list() == [stored["reading_id"][1]]


def test_a_torn_line_costs_no_other_correction(stored, tmp_path):
    said = [of(stored, number, "他就这么往前走了。", cards=["愚人"]) for number in (0, 1)]
    corrections.add(tmp_path, said[:1])
    with corrections.path_of(tmp_path).open("ab") as file:
        # A process was killed while writing; the line ends within a character.
        file.write(json.dumps(said[1], ensure_ascii=False).encode().partition("愚".encode())[0] + "愚".encode()[:2])
    assert corrections.read(tmp_path)["reading_id"].to_list() == [stored["reading_id"][0]]
    corrections.add(tmp_path, said[1:])
    assert corrections.read(tmp_path).height == 2
    assert corrections.forget(tmp_path, [stored["reading_id"][1]]) == 2


@pytest.mark.parametrize(
    ("labels", "cards", "start", "what"),
    [
        (["advise"], [], 0, "advise"),
        ([], [], 0, "–"),
        (["advice", "advice"], [], 0, "advice"),
        (["advice"], ["小狗"], 0, "小狗"),
        (["advice"], [], 9, "9–4"),
    ],
)
def test_a_correction_that_says_nothing_known_is_refused(labels, cards, start, what):
    with pytest.raises(Problem, match=what):
        corrections.to_correction("r1", "愚人来了。", start, 4, labels, cards, WHEN)


def test_corrections_survive_relabelling(stored, tmp_path):
    old = stored.with_columns(labeller=pl.lit("older"))
    delta.append(tmp_path, "readings", old, {})
    corrections.add(tmp_path, [of(stored, 0, "三月之前先把手上的项目收尾。", ["other"])])
    assert sentences(tables.readings(tmp_path))[2]["labels"] == ["other"]
    assert relabel(tmp_path) == {"readings": 2, "relabelled": 2, "sentences": 0}
    after = tables.readings(tmp_path)
    assert after["revision"].to_list() == [2, 2] and set(after["labeller"]) == {model.version()}
    assert sentences(after)[2]["labels"] == ["other"]
    assert relabel(tmp_path)["relabelled"] == 0


def test_unknown_labels_are_summed_over():
    """Two states, three steps, the middle one hidden: the other two alone decide the fixed point of the gradient."""
    from scipy import sparse

    states = np.array([0, 0, 1, 1, 0, 1])
    dense = np.array([[1.0], [0.2], [-1.0], [-1.0], [0.5], [-0.8]])
    sequence = np.array([0, 0, 0, 1, 1, 1])
    empty = sparse.csr_matrix((6, 1))
    hidden = np.array([False, True, False, False, True, False])

    def trained(states, hidden=None):
        kind = np.zeros(len(states), dtype=int)
        return crf.train(empty, dense, states, sequence, kind, (1, 2), 1.0, 0.5, iterations=200, hidden=hidden)

    learned, other = trained(states, hidden), trained(np.where(hidden, 1 - states, states), hidden)
    assert np.allclose(learned.dense, other.dense, atol=1e-4) and np.allclose(
        learned.transitions, other.transitions, atol=1e-4
    )
    told = trained(states)
    assert not np.allclose(learned.transitions, told.transitions, atol=1e-3)


HABIT = "小铺老规矩，同一件事三个月内不接第二次。"


@pytest.fixture(scope="module")
def taught(tmp_path_factory):
    """Train on a user who ends every reading with the same sentence and labels it advice."""
    gold = annotated.read_all(train.ANNOTATED)
    stored = stored_of(
        *(
            reading(i, content=r["content"] + "\n" + HABIT, question=r["question"], cards=r["cards"])
            for i, r in enumerate([r for r in gold if r["writer"] == "g"][:6])
        )
    )
    said = [of(stored, number, HABIT, ["advice"]) for number in range(stored.height)]
    folder = tmp_path_factory.mktemp("own")
    corrections.add(folder, said)
    corrected = train.corrected(stored, corrections.read(folder))
    base = [r for r in gold if r["writer"] in "ce"]
    return corrected, folder, train.learn_corrections(corrected, folder / "lexicon" / "model", base=base)


@pytest.mark.slow
def test_training_on_corrections_reports_before_and_after(taught):
    corrected, folder, figures = taught
    assert figures["readings"] == figures["corrections"] == len(corrected) == 6
    assert figures["before"]["exact"] < 0.5 and figures["after"]["exact"] > 0.8
    written = json.loads((folder / "lexicon" / "model" / model.FIGURES).read_text(encoding="utf-8"))
    assert written == figures


@pytest.mark.slow
def test_the_own_labeller_belongs_to_own_tables(taught):
    _, folder, figures = taught
    shipped = model.version()
    with lexicon.using(lexicon.load(folder / "lexicon")):
        assert model.version().startswith(figures["labeller"]) and model.version() != shipped
        assert model.current().version == figures["labeller"]
    assert model.version() == shipped


def test_one_corrected_reading_is_too_few(tmp_path):
    with pytest.raises(Problem, match="two at least"):
        train.learn_corrections([{"sentences": []}], tmp_path)


def test_a_forgotten_person_leaves_no_correction(stored, tmp_path):
    from tarot_data.erasure import forget_person
    from tarot_data.erasure.person import Person

    delta.append(tmp_path, "readings", stored, {})
    corrections.add(tmp_path, [of(stored, 0, "他就这么往前走了。"), of(stored, 1, "他就这么往前走了。")])
    person = Person(names=("Mel",), reading_ids=frozenset([stored["reading_id"][1]]))
    assert forget_person.forget_store(tmp_path, person)["corrections"] == 1
    assert corrections.read(tmp_path)["reading_id"].to_list() == [stored["reading_id"][0]]
