"""Classes of words, by which the labeller knows how a sentence with unknown words is built."""

import numpy as np
import pytest

from tarot_data.patterns import features, word_classes
from tarot_data.patterns.batch import to_batch


@pytest.fixture(scope="module")
def classes():
    return word_classes.from_dictionary()


def grams(classes, *texts):
    """Return the buckets of the n-grams of each text."""
    batch = to_batch([{"content": text} for text in texts])
    found = word_classes.ngrams(*features.encode(batch), classes)
    return [sorted(int(b) for rows, buckets in found for b in buckets[rows == n]) for n in range(batch.size)]


@pytest.mark.parametrize(
    ("one", "other"), [("先把箱子搬走", "先把桌子搬走"), ("去买牛奶", "去买面包"), ("請幫我", "请帮我")]
)
def test_sentences_built_alike_have_the_same_ngrams(classes, one, other):
    first, second = grams(classes, f"{one}。\n{other}。")[0:2]
    assert first == second


def test_sentences_built_otherwise_differ(classes):
    first, second = grams(classes, "先把箱子搬走。\n箱子很重。")
    assert first != second


def test_sentences_are_cut_into_the_longest_words(classes):
    padded, _ = features.encode(to_batch([{"content": "我们为什么要搬家？"}]))
    length, _ = word_classes._longest_words(padded, classes)
    at = word_classes._from_left(padded, length)
    words = ["".join(map(chr, padded[start : start + size])) for start, size in zip(at, length[at], strict=True)]
    assert words[1:-1] == ["我们", "为什么", "要", "搬家", "?"]


def test_ngrams_of_classes_are_none_of_characters(classes):
    assert min(grams(classes, "先把箱子搬走。")[0]) >= features.BUCKETS


@pytest.mark.parametrize("text", ["", " \n", "🌸", "abc 123", "\U00020000"])
def test_any_text_has_classes(classes, text):
    assert all(np.array(found).size for found in grams(classes, text))


def test_a_model_without_classes_has_no_ngrams_of_them():
    assert grams(word_classes.none(), "先把箱子搬走。") == [[]]
