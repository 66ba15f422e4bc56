"""Altered copies of annotated readings: sentences, offsets, cards and layout."""

import pytest

from tarot_data.patterns import gold, train, training_copies


@pytest.fixture(scope="module")
def pairs():
    readings = gold.read_all(train.ANNOTATED)
    return list(zip(readings, training_copies.altered(readings), strict=True))


def test_sentences_of_a_copy_keep_their_labels_and_offsets(pairs):
    for reading, copy in pairs:
        labels = [s["labels"] for s in reading["sentences"]]
        rest = iter(labels)
        for sentence in copy["sentences"]:
            assert copy["content"][sentence["start"] : sentence["end"]].strip()
            assert any(sentence["labels"] == mine for mine in rest)


def test_copies_lack_cards_and_blocks_about_half_of_the_time(pairs):
    copies = [copy for _, copy in pairs]
    assert 0.4 < sum(not copy["cards"] for copy in copies) / len(copies) < 0.6
    for label in training_copies.DROPPED:
        lacking = [copy for copy in copies if all(s["labels"] != [label] for s in copy["sentences"])]
        assert 0.4 < len(lacking) / len(copies) < 0.7


def test_some_copies_have_other_layouts(pairs):
    def in_lines(reading):
        return reading["content"].count("\n") == len(reading["sentences"]) - 1 and "，" not in reading["content"]

    before, after = (sum(map(in_lines, side)) for side in zip(*pairs, strict=True))
    assert after > before + 0.15 * len(pairs)


def test_copies_are_the_same_every_time(pairs):
    assert training_copies.altered([reading for reading, _ in pairs[:5]]) == [copy for _, copy in pairs[:5]]
