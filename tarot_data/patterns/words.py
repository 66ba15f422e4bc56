"""Words of texts, segmented by jieba with the lexicon's names of cards, and words distinctive of some of the texts."""

from collections import Counter
from typing import NamedTuple

import numpy as np

from schemas.deck import CARDS
from tarot_data import lexicon
from tarot_data.text import chinese_words

MOST_COUNTED = 4000
"""Texts whose words are counted, evenly taken from more."""


class Counts(NamedTuple):
    """In how many texts each word occurs, and the sum over all words."""

    words: Counter
    total: int


@lexicon.cached
def _segmenter():
    """Return jieba's segmenter with the names of cards."""
    aliases = [row["alias"] for row in lexicon.read_table("aliases") if row["use"] == "prose"]
    return chinese_words.segmenter([*(name for name in aliases if len(name) > 1 and ord(name[0]) >= 0x4E00), *CARDS])


@lexicon.cached(maxsize=100_000)
def words_of(text: str) -> frozenset[str]:
    """Return the different words of two Chinese or Latin letters or more."""
    return frozenset(word for word in _segmenter().lcut(text) if len(word) > 1 and all(map(_is_letter, word)))


def _is_letter(character: str) -> bool:
    return 0x4E00 <= ord(character) < 0xA000 or character.isascii() and character.isalpha()


FUNCTION = frozenset(("c", "d", "f", "m", "p", "q", "r", "t", "u", "y"))
"""Classes of jieba's dictionary that say nothing of a card: conjunctions, adverbs, directions, numerals, prepositions,
measures, pronouns, times, particles."""


def is_function_word(word: str) -> bool:
    """Check whether a word has no meaning of its own, or is made of such words only."""
    known = chinese_words.of_classes(FUNCTION)
    return word in known or all(character in known for character in word)


def document_counts(texts: list[str]) -> Counts:
    """Count in how many texts each word occurs."""
    sample = evenly(texts, MOST_COUNTED)
    found = Counter(word for text in sample for word in words_of(text))
    return Counts(found, found.total())


def evenly(values, most: int):
    """Take at most so many of a list or array, at even distances."""
    return values[:: max(1, len(values) // most)][:most]


PRIOR_WORDS = 200
"""Weight of the prior, in words, about those of 25 sentences; at most a fifth of the text it is taken from."""

LEAST_Z = 1.0
"""Smallest difference that counts, in standard deviations. Most cards have some 20 sentences, in which 2 is rare."""


def without(whole: Counts, part: Counts) -> Counts:
    """Subtract the counts of some texts from those of all of them; only words of the part are listed."""
    return Counts(Counter({word: whole.words[word] - n for word, n in part.words.items()}), whole.total - part.total)


def differences(part: Counts, rest: Counts, prior: Counts) -> dict[str, float]:
    """Return the words that the part has more often than the rest, with z, the most different first.

    z: log-odds ratio with an informative Dirichlet prior, in standard deviations (Monroe, Colaresi and Quinn 2008,
    Fightin' Words). It does not prefer common words, as differences of shares do, nor words that occur once, as plain
    log-odds do. prior: counts of a larger text of the same kind.
    """
    mass = min(PRIOR_WORDS, prior.total / 5)
    sizes = [counts.total + mass for counts in (part, rest)]
    out = {}
    for word, count in part.words.items():
        if count < 2:
            continue
        expected = mass * max(prior.words[word], 1) / prior.total
        here, there = count + expected, rest.words[word] + expected
        odds = np.log(here / (sizes[0] - here)) - np.log(there / (sizes[1] - there))
        z = float(odds / np.sqrt(1 / here + 1 / there))
        if z >= LEAST_Z:
            out[word] = round(z, 2)
    # Sets of words have no order, so equal ones are ordered by the words.
    return dict(sorted(out.items(), key=lambda item: (-item[1], item[0])))


def distinctive_words(part: Counts, rest: Counts, prior: Counts, most: int = 6) -> list[str]:
    """Return the most different words, as `differences` finds them."""
    return list(differences(part, rest, prior))[:most]
