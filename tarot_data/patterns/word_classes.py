"""Classes of words (noun, verb, particle …), by which the labeller knows how a sentence with unknown words is built.

A sentence is cut from its start into the longest words of a table, without the meaning of what follows: quicker than a
real segmentation, and enough for n-grams of classes.
"""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import polars as pl

from tarot_data.patterns import features
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
    """words: folded, of one to LONGEST characters, the most frequent first, as array of str. numbers: their classes."""

    words: np.ndarray
    numbers: np.ndarray

    @cached_property
    def index(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the key of each word, and (_SLOTS,) the word in each slot."""
        letters = self.words.view(np.uint32).reshape(-1, LONGEST).astype(np.uint64)
        keys = letters[:, 0] << 42 | letters[:, 1] << 21 | letters[:, 2]
        # Of two words in one slot the more frequent one is written last.
        slots = np.zeros(_SLOTS, dtype=np.int32)
        slots[_slot(keys)[::-1]] = np.arange(len(keys))[::-1]
        return keys, slots


def none() -> Classes:
    """Return no classes, as a model of an older version has."""
    return Classes(np.zeros(0, dtype=f"<U{LONGEST}"), np.zeros(0, dtype=np.int8))


def from_dictionary() -> Classes:
    """Take the classes of all characters and of the COMMON most frequent words from jieba's dictionary."""
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
    return Classes(np.array(ordered), np.array([number[kind] for kind in named], dtype=np.int8))


NAMES = ("nr", "ns", "nt", "nz")
"""Names of persons, places, organisations and others: the only classes told apart by their second letter."""


def _broad(kind: str) -> str:
    return kind[:2] if kind[:2] in NAMES else kind[:1]


def ngrams(padded: np.ndarray, owner: np.ndarray, classes: Classes) -> list[tuple[np.ndarray, np.ndarray]]:
    """Hash the n-grams of one to three classes of each sentence, as `features.ngrams` does those of characters.

    padded, owner: of `features.encode`. The buckets follow those of characters, from `features.BUCKETS` on.
    """
    if not len(classes.words) or not len(padded):
        return []
    length, number = _longest_words(padded, classes)
    at = _from_left(padded, length)
    found = features.ngrams(number[at], owner[at], longest=3)
    return [(sentence, bucket + np.int32(features.BUCKETS)) for sentence, bucket in found]


def _longest_words(padded: np.ndarray, classes: Classes) -> tuple[np.ndarray, np.ndarray]:
    """Find the longest word that begins at each character: its length, and its class; 1 and the character's if none."""
    keys, slots = classes.index
    length = np.ones(len(padded), dtype=np.int64)
    number = _classes_of_characters()[padded].astype(np.uint32)
    text = np.concatenate([padded, np.zeros(LONGEST - 1, dtype=padded.dtype)]).astype(np.uint64)
    key = np.zeros(len(padded), dtype=np.uint64)
    for size in range(1, LONGEST + 1):
        key |= text[size - 1 :][: len(padded)] << 21 * (LONGEST - size)
        entry = slots[_slot(key)]
        hit = np.nonzero(keys[entry] == key)[0]
        length[hit], number[hit] = size, classes.numbers[entry[hit]]
    return length, number


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
