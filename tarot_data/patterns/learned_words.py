"""Words by which readers refer to a card, learned from annotated readings, beside those of `images.csv`.

A word is a hashed n-gram of characters (`features.ngrams`). It counts by the log-odds that a sentence with it refers to
a drawn card, over those of any sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from schemas.deck import CARDS
from tarot_data.patterns.batch import Batch
from tarot_data.patterns.card_evidence import Pairs, spread

Grams = Sequence[tuple[np.ndarray, np.ndarray]]

SHORTEST = 2
"""Characters of the shortest n-gram; single ones are shared by too many cards."""

VOICES, LEAST, PRIOR = 2, 1.0, 5.0
"""Voices a word must be used in, smallest log-odds that count, and weight of the prior in sentences. Chosen with whole
writers left out."""

SCALE, MOST = 6.0, 2.0
"""The log-odds of a sentence's words are divided by SCALE and end at MOST."""

_BUCKETS = 1 << 20


@dataclass(frozen=True, eq=False)
class Words:
    """keys: bucket * len(CARDS) + card, ascending. weights: log-odds of each."""

    keys: np.ndarray
    weights: np.ndarray

    @cached_property
    def index(self) -> "_Index":
        return _index(self.keys)


class _Index(NamedTuple):
    """number: (_BUCKETS,) of each bucket that has keys, -1 for the others. first, count: its keys. card: of each key."""

    number: np.ndarray
    first: np.ndarray
    count: np.ndarray
    card: np.ndarray


def _index(keys: np.ndarray) -> _Index:
    buckets, first, count = np.unique(keys // len(CARDS), return_index=True, return_counts=True)
    number = np.full(_BUCKETS, -1, dtype=np.int32)
    number[buckets] = np.arange(len(buckets), dtype=np.int32)
    return _Index(number, first, count, keys % len(CARDS))


def none() -> Words:
    """Return no words, as a model of an older version has."""
    return Words(np.zeros(0, dtype=np.int64), np.zeros(0))


def evidence(batch: Batch, pairs: Pairs, grams: Grams, words: Words) -> np.ndarray:
    """Sum the weights of the words of each sentence for each drawn card: (pairs,), 0 to MOST."""
    pair, entry, _ = _matches(batch, pairs, grams, words.index)
    return _summed(pair, words.weights[entry], len(pairs.p_sentence))


def _summed(pair: np.ndarray, weights: np.ndarray, size: int) -> np.ndarray:
    return np.minimum(np.bincount(pair, weights=weights, minlength=size) / SCALE, MOST)


def learn(
    batch: Batch, pairs: Pairs, grams: Grams, truth: np.ndarray, counted: np.ndarray, voices: np.ndarray
) -> tuple[Words, np.ndarray]:
    """Learn words, and compute their evidence in the sentences learned from.

    truth: (pairs,) whether the sentence is annotated with the card. counted: (sentences,) those that interpret or link
    cards, each once. voices: (sentences,) number of the voice of each. The evidence of a voice is by the words of the
    others, as it will be for a new one.
    """
    keys, share = _common(batch, pairs, grams, truth, counted, voices)
    pair, entry, sentence = _matches(batch, pairs, grams, _index(keys))
    size, many = len(keys), int(voices.max(initial=0)) + 1
    place = entry * many + voices[sentence]
    own = counted[sentence]
    seen = np.bincount(place[own], minlength=size * many).reshape(size, many)
    hits = np.bincount(place[own], weights=truth[pair[own]], minlength=size * many).reshape(size, many)
    weights = _log_odds(hits.sum(axis=1), seen.sum(axis=1), share)
    by_others = _log_odds(
        hits.sum(axis=1, keepdims=True) - hits, seen.sum(axis=1, keepdims=True) - seen, share
    ).ravel()[place]  # fmt: skip
    kept = weights > 0
    return Words(keys[kept], weights[kept]), _summed(pair, by_others, len(truth))


def _log_odds(hits: np.ndarray, seen: np.ndarray, share: float) -> np.ndarray:
    """Compute how much likelier than `share` a hit is, in nats; 0 if less than LEAST."""
    odds = np.log((hits + PRIOR * share) / (seen - hits + PRIOR * (1 - share))) - np.log(share / (1 - share))
    return np.where((odds >= LEAST) & (hits > 0), odds, 0.0)


def _common(
    batch: Batch, pairs: Pairs, grams: Grams, truth: np.ndarray, counted: np.ndarray, voices: np.ndarray
) -> tuple[np.ndarray, float]:
    """Find the keys of words and cards that go together in at least VOICES voices, and the share of true pairs."""
    many, found, true, total = int(voices.max(initial=0)) + 1, [], 0.0, 0
    for sentence, bucket in grams[SHORTEST - 1 :]:
        mine = counted[sentence]
        sentence, bucket = sentence[mine].astype(np.int64), bucket[mine].astype(np.int64)
        pair, row = pairs.of(sentence)
        hit = truth[pair]
        true, total = true + hit.sum(), total + len(hit)
        pair, row = pair[hit], row[hit]
        found.append(np.unique((bucket[row] * len(CARDS) + pairs.p_card[pair]) * many + voices[sentence[row]]))
    keys, count = np.unique(np.concatenate(found) // many, return_counts=True)
    return keys[count >= VOICES], min(max(true / max(total, 1), 0.01), 0.99)


def _matches(batch: Batch, pairs: Pairs, grams: Grams, index: _Index) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the words of drawn cards in the sentences: index of the pair, of the key, and the sentence."""
    found = []
    for sentence, mine in grams[SHORTEST - 1 :]:
        known = index.number[mine]
        here = np.nonzero(known >= 0)[0]
        entry, row = spread(index.first[known[here]], index.count[known[here]])
        sentence = sentence[here][row].astype(np.int64)
        slot = pairs.slot_of[batch.s_reading[sentence], index.card[entry]]
        drawn = slot >= 0
        found.append((pairs.at(sentence[drawn], slot[drawn]), entry[drawn], sentence[drawn]))
    pair, entry, sentence = map(np.concatenate, zip(*found, strict=True))
    return pair, entry, sentence
