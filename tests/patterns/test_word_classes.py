"""Classes and vectors of words, by which the labeller knows how a sentence is built, and of what, with unknown words."""

import numpy as np
import pytest

from tarot_data.patterns import features, word_classes, word_vectors
from tarot_data.patterns.batch import to_batch


@pytest.fixture(scope="module")
def classes():
    return word_classes.from_dictionary()


def grams(classes, *texts):
    """Return the buckets of the n-grams of each text."""
    batch = to_batch([{"content": text} for text in texts])
    found = word_classes.ngrams(word_classes.cut(*features.encode(batch), classes))
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


def likeness(classes, one, other):
    """Return the cosine of the meanings of two sentences."""
    batch = to_batch([{"content": text} for text in (one, other)])
    first, second = word_classes.meanings(word_classes.cut(*features.encode(batch), classes), classes, batch.size)
    return first @ second / np.sqrt((first @ first) * (second @ second))


@pytest.mark.parametrize(
    ("one", "like", "unlike"),
    [
        ("下雨", "大雨", "祝福"),
        ("猫睡着了", "狗睡着了", "合同睡着了"),
        ("祝福", "祝愿", "桌子"),
        ("請買蘋果", "请买水果", "请买房子"),
    ],
)
def test_sentences_of_like_words_have_like_meanings(classes, one, like, unlike):
    assert likeness(classes, one, like) > likeness(classes, one, unlike) + 0.05


@pytest.mark.parametrize("text", ["🌸", "abc 123", "\U00020000"])
def test_unknown_words_have_no_meaning(classes, text):
    batch = to_batch([{"content": text}])
    words = word_classes.cut(*features.encode(batch), classes)
    assert not word_classes.meanings(words, classes, batch.size).any()


def test_a_sentence_means_the_sum_of_its_words(classes):
    batch = to_batch([{"content": text} for text in ("我们为什么要搬家", "我们", "为什么", "要", "搬家")])
    whole, *parts = word_classes.meanings(word_classes.cut(*features.encode(batch), classes), classes, batch.size)
    assert np.allclose(whole, np.sum(parts, axis=0), atol=1e-5)


def test_only_the_wanted_words_of_a_tree_are_kept(tmp_path, monkeypatch):
    from sklearn.neighbors import BallTree

    rng = np.random.default_rng(0)
    names = [f"词{n}" for n in range(40)] + ["下雨", "C", "祝願"]
    tree = BallTree(rng.normal(size=(len(names), 36)))
    joblib = pytest.importorskip("joblib")
    joblib.dump({"model": tree, "words": names}, tmp_path / "tree.m", protocol=4)
    monkeypatch.setattr(word_vectors, "_path", lambda: tmp_path / "table.npz")
    assert word_vectors.make(tmp_path / "tree.m", ["下雨", "祝愿", "晴天"]) == 2
    vectors, scale = word_vectors.of(["祝愿", "晴天", "下雨"])
    assert vectors.any(axis=1).tolist() == [True, False, True] and scale.shape == (2,)


def test_a_model_without_classes_has_no_ngrams_of_them():
    assert grams(word_classes.none(), "先把箱子搬走。") == [[]]
