"""Words of cards that are learned from annotated readings."""

import numpy as np
import pytest

from schemas.deck import CARDS
from tarot_data.patterns import learned_words, word_classes
from tarot_data.patterns.model import to_inputs

TEXTS = (
    "隐士说，他提着风灯。", "隐士呢，提着风灯站着。", "还是那个提着风灯的人。",
    "太阳说，他晒着麦子。", "太阳呢，晒着麦子站着。", "还是那个晒着麦子的人。",
)  # fmt: skip


DRAWN = [{"card": card} for card in ("隐士", "太阳", "月亮", "星星", "世界")]


@pytest.fixture(scope="module")
def inputs():
    return to_inputs([{"id": text, "content": text, "cards": DRAWN} for text in TEXTS], word_classes.none())


def learned(inputs, voices):
    right = np.array([0, 0, 0, 1, 1, 1])[inputs.batch.s_reading[inputs.pairs.p_sentence]]
    truth = inputs.pairs.p_slot == right
    counted = np.ones(inputs.batch.size, dtype=bool)
    return learned_words.learn(inputs.batch, inputs.pairs, inputs.grams, truth, counted, np.array(voices))


def test_a_word_of_two_voices_refers_to_its_card(inputs):
    words, _ = learned(inputs, [0, 1, 2, 0, 1, 2])
    asked = to_inputs([{"content": "提着风灯的那位", "cards": DRAWN}], word_classes.none())
    hermit, *others = learned_words.evidence(asked.batch, asked.pairs, asked.grams, words)
    assert hermit > 0 and not any(others)
    assert {CARDS[key % len(CARDS)] for key in words.keys.tolist()} == {"隐士", "太阳"}


def test_a_word_of_one_voice_does_not_count(inputs):
    words, evidence = learned(inputs, [0, 0, 0, 1, 1, 1])
    assert not len(words.keys) and not evidence.any()


def test_a_voice_has_evidence_of_other_voices_only(inputs):
    _, evidence = learned(inputs, [0, 1, 2, 0, 1, 2])
    words, _ = learned(inputs, [0, 1, 2, 0, 1, 2])
    assert evidence.any()
    assert (evidence <= learned_words.evidence(inputs.batch, inputs.pairs, inputs.grams, words)).all()


def test_without_words_nothing_is_evidence(inputs):
    found = learned_words.evidence(inputs.batch, inputs.pairs, inputs.grams, learned_words.none())
    assert found.shape == (len(inputs.pairs.p_sentence),) and not found.any()
