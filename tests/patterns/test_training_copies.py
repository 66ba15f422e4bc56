"""Altered copies of annotated readings: sentences, offsets, cards and layout."""

from collections import Counter

import pytest

from tarot_data.patterns import gold, train, training_copies


@pytest.fixture(scope="module")
def made():
    """Return [(reading, its copy, its excerpt)] of all annotated readings."""
    readings = gold.read_all(train.ANNOTATED)
    altered = training_copies.altered(readings)
    return list(zip(readings, altered[::2], altered[1::2], strict=True))


@pytest.fixture(scope="module")
def pairs(made):
    return [(reading, copy) for reading, copy, _ in made]


def test_sentences_of_a_copy_keep_their_labels_and_offsets(made):
    for reading, *altered in made:
        for copy in altered:
            rest = iter([s["labels"] for s in reading["sentences"]])
            for sentence in copy["sentences"]:
                assert copy["content"][sentence["start"] : sentence["end"]].strip()
                assert any(sentence["labels"] == mine for mine in rest)


def test_an_excerpt_is_short_and_has_only_its_cards(made):
    lengths = Counter(len(excerpt["sentences"]) for _, _, excerpt in made)
    assert set(lengths) == {1, 2, 3} and min(lengths.values()) > len(made) / 5
    for reading, _, excerpt in made:
        assert excerpt["content"] in reading["content"]
        named = {card for sentence in excerpt["sentences"] for card in sentence["cards"]}
        assert {card["card"] for card in excerpt["cards"]} <= named


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
    assert training_copies.altered([reading for reading, _ in pairs[:5]])[::2] == [copy for _, copy in pairs[:5]]
