"""Words of texts, segmented by jieba with the lexicon's names of cards, and words distinctive of some of the texts."""

import logging
from collections import Counter

import jieba
import numpy as np

from schemas.deck import CARDS
from tarot_data import lexicon

MOST_COUNTED = 4000
"""Texts whose words are counted, evenly taken from more."""

Counts = tuple[Counter, int]
"""In how many texts each word occurs, and the number of texts."""


@lexicon.cached
def _segmenter():
    """Load jieba's dictionary with the names of cards, which takes 0.7 s."""
    jieba.setLogLevel(logging.ERROR)
    for row in lexicon.read_table("aliases"):
        if row["use"] == "prose" and len(row["alias"]) > 1 and ord(row["alias"][0]) >= 0x4E00:
            jieba.add_word(row["alias"])
    for card in CARDS:
        jieba.add_word(card)
    return jieba


@lexicon.cached(maxsize=100_000)
def words_of(text: str) -> frozenset[str]:
    """Return the different words of two Chinese or Latin letters or more."""
    return frozenset(word for word in _segmenter().lcut(text) if len(word) > 1 and all(map(_is_letter, word)))


def _is_letter(character: str) -> bool:
    return 0x4E00 <= ord(character) < 0xA000 or character.isascii() and character.isalpha()


def document_counts(texts: list[str]) -> Counts:
    """Count in how many texts each word occurs."""
    sample = evenly(texts, MOST_COUNTED)
    return Counter(word for text in sample for word in words_of(text)), max(len(sample), 1)


def evenly(values, most: int):
    """Take at most so many of a list or array, at even distances."""
    return values[:: max(1, len(values) // most)][:most]


def distinctive_words(part: list[str], whole: Counts, most: int = 6) -> list[str]:
    """Find the words that are more frequent in the part than in the whole, by log-likelihood ratio."""
    inside, size = document_counts(part)
    total, all_size = whole
    scores = {
        word: count * np.log((count / size) / (max(total[word], 1) / all_size))
        for word, count in inside.items()
        if count > 1
    }
    best = [word for word in sorted(scores, key=lambda w: (-scores[w], w))[:most] if scores[word] > 0]
    # Sets of words have no order, so equal counts are ordered by the words.
    frequent = sorted(inside, key=lambda word: (-inside[word], word))[:most]
    return best or [word for word in frequent if inside[word] > 1]
