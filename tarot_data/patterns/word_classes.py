"""What the labeller knows of words: their classes (noun, verb, particle …) and vectors of their use.

By n-grams of classes it knows how a sentence with unknown words is built; by the vectors, what it is about: rain is like
snow, a blessing like a wish. A sentence is cut from its start into the longest words of a table, without the meaning of
what follows: quicker than a real segmentation, and enough for both.
"""

import sys
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from tarot_data.patterns import features, word_vectors
from tarot_data.patterns.cues import CARD_SIGN, PERSON_SIGN, TURN_SIGN, plain
from tarot_data.text import chinese_words

COMMON, LONGEST = 20_000, 3
"""Words of two or more characters that are known, and characters of the longest. With 60,000 words the labels of unseen
writers are no better."""

_SIGNS = (
    chr(features.START),
    chr(features.END),
    CARD_SIGN,
    TURN_SIGN,
    PERSON_SIGN,
    "0",
    ",;:、",
    "?",
    "!",
    "。",
    "…",
    "~",
    '"“”',
)
_OTHER, _LATIN, _CHINESE = range(len(_SIGNS) + 1, len(_SIGNS) + 4)
_FIRST = _CHINESE + 1
"""Classes of characters that are in no word: 1 to len(_SIGNS) of _SIGNS, then these; from _FIRST on those of words."""

_SLOTS = 1 << 20


@dataclass(frozen=True, eq=False)
class Classes:
    """words: folded, of one to LONGEST characters, the most frequent first, as array of str. numbers: their classes.
    vectors: (words, dimensions) of their use, as int8, all 0 of a word without one; scale: (dimensions,) of these steps.
    """

    words: np.ndarray
    numbers: np.ndarray
    vectors: np.ndarray
    scale: np.ndarray

    @cached_property
    def index(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the key of each word, (_SLOTS,) the word in each slot, and (0x110000,) the word that each character is, or -1."""
        letters = self.words.view(np.uint32).reshape(-1, LONGEST).astype(np.uint64)
        keys = letters[:, 0] << 42 | letters[:, 1] << 21 | letters[:, 2]
        # Of two words in one slot the more frequent one is written last.
        slots = np.zeros(_SLOTS, dtype=np.int32)
        slots[_slot(keys)[::-1]] = np.arange(len(keys))[::-1]
        alone = np.full(0x110000, -1, dtype=np.int32)
        known = np.nonzero((letters[:, 1] == 0) & (slots[_slot(keys)] == np.arange(len(keys))))[0]
        alone[letters[known, 0]] = known
        return keys, slots, alone

    @cached_property
    def meanings(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the vectors in float32, and whether each word has one; the last, of no word, has none."""
        return self.vectors * self.scale, np.append(self.vectors.any(axis=1), False)


class Cut(NamedTuple):
    """Sentences cut into words. sentence: of each word. number: its class. word: its index in the table, -1 of none."""

    sentence: np.ndarray
    number: np.ndarray
    word: np.ndarray


def none() -> Classes:
    """Return no classes, as a model of an older version has."""
    return without_vectors(np.zeros(0, dtype=f"<U{LONGEST}"), np.zeros(0, dtype=np.int8))


def without_vectors(words: np.ndarray, numbers: np.ndarray) -> Classes:
    """Return classes alone, as a model of an older version has."""
    return Classes(words, numbers, np.zeros((len(words), 0), dtype=np.int8), np.zeros(0, dtype=np.float32))


def from_dictionary() -> Classes:
    """Take all characters and the COMMON most frequent words from jieba's dictionary, and their vectors from the table."""
    found = without_vectors(*_dictionary())
    vectors, scale = word_vectors.of(found.words)
    return replace(found, vectors=vectors, scale=scale)


def _dictionary() -> tuple[np.ndarray, np.ndarray]:
    """Return the words and their classes."""
    found = {}
    short = chinese_words.rows().filter(pl.col("word").str.len_chars() <= LONGEST)
    for word, count, kind in short.iter_rows():
        written = plain(word)
        if len(written) == len(word) and all(0x3400 <= ord(character) < 0xA000 for character in written):
            found[written] = max(found.get(written, (0, "")), (count, kind))
    ordered = sorted(found, key=lambda word: (-found[word][0], word))
    many = [word for word in ordered if len(word) > 1][:COMMON]
    ordered = [word for word in ordered if len(word) == 1] + many
    named = [(len(word) > 1, _broad(found[word][1])) for word in ordered]
    number = {kind: _FIRST + place for place, kind in enumerate(sorted(set(named)))}
    return np.array(ordered), np.array([number[kind] for kind in named], dtype=np.int8)


NAMES = ("nr", "ns", "nt", "nz")
"""Names of persons, places, organisations and others: the only classes told apart by their second letter."""


def _broad(kind: str) -> str:
    return kind[:2] if kind[:2] in NAMES else kind[:1]


def cut(padded: np.ndarray, owner: np.ndarray, classes: Classes) -> Cut:
    """Cut sentences, encoded by `features.encode`, into the longest words from their start."""
    if not len(classes.words) or not len(padded):
        return Cut(*np.zeros((3, 0), dtype=np.int64))
    length, word = _longest_words(padded, classes)
    at = _from_left(padded, length)
    word = word[at]
    number = np.where(word >= 0, classes.numbers[word], _classes_of_characters()[padded[at]])
    return Cut(owner[at], number.astype(np.uint32), word)


def ngrams(words: Cut) -> list[tuple[np.ndarray, np.ndarray]]:
    """Hash the n-grams of one to three classes of each sentence, as `features.ngrams` does those of characters.

    The buckets follow those of characters, from `features.BUCKETS` on.
    """
    found = features.ngrams(words.number, words.sentence, longest=3)
    return [(sentence, bucket + np.int32(features.BUCKETS)) for sentence, bucket in found]


FEWEST = 4
"""Words that a sentence is counted to have at least, so that one of two words is not as sure as a long one."""


def meanings(words: Cut, classes: Classes, size: int) -> np.ndarray:
    """Sum the vectors of each sentence's words, divided by the root of their number: (size, dimensions)."""
    # Takes 0.4 s, and most commands label nothing.
    from scipy import sparse

    vectors, has_one = classes.meanings
    known = has_one[words.word]
    word = words.word[known]
    counts = np.bincount(words.sentence[known], minlength=size)
    rows = (np.ones(len(word), dtype=np.float32), word, np.concatenate([[0], np.cumsum(counts)]))
    chosen = sparse.csr_matrix(rows, shape=(size, len(classes.words)))
    return chosen @ vectors / np.sqrt(np.maximum(counts, FEWEST), dtype=np.float32)[:, None]


def _longest_words(padded: np.ndarray, classes: Classes) -> tuple[np.ndarray, np.ndarray]:
    """Find the longest word that begins at each character: its length, and its index; 1 and -1 if there is none."""
    keys, slots, alone = classes.index
    length = np.ones(len(padded), dtype=np.int64)
    word = alone[padded]
    text = np.concatenate([padded, np.zeros(LONGEST - 1, dtype=padded.dtype)]).astype(np.uint64)
    key = text[: len(padded)] << 21 * (LONGEST - 1)
    for size in range(2, LONGEST + 1):
        key |= text[size - 1 :][: len(padded)] << 21 * (LONGEST - size)
        entry = slots[_slot(key)]
        hit = np.nonzero(keys[entry] == key)[0]
        length[hit], word[hit] = size, entry[hit]
    return length, word


def _slot(keys: np.ndarray) -> np.ndarray:
    return (keys * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(44)


def _from_left(padded: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Return where the words of all sentences begin, if each follows the one before."""
    begins = np.zeros(len(padded), dtype=bool)
    at = np.nonzero(padded == features.START)[0]
    while len(at):
        begins[at] = True
        at = at[padded[at] != features.END]
        at = at + length[at]
    return np.nonzero(begins)[0]


@cache
def _classes_of_characters() -> np.ndarray:
    """Return the class of every code point that is in no word."""
    table = np.full(0x110000, _OTHER, dtype=np.uint8)
    table[0x3400:0xA000], table[97:123] = _CHINESE, _LATIN
    for number, characters in enumerate(_SIGNS, 1):
        table[list(map(ord, characters))] = number
    return table


if __name__ == "__main__":
    print(word_vectors.make(Path(sys.argv[1]), _dictionary()[0].tolist()), "words")
