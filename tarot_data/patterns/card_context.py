"""Features that relate a sentence to each drawn card: of the pair itself, and of the cards referred to before it.

The first sentences of all readings are processed together, then the second ones, and so on, so that the card that a
reading has reached is known at each sentence.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tarot_data.patterns.batch import Batch
from tarot_data.patterns.card_evidence import Pairs, per_pair_max, per_pair_sum

INTERPRETS, LINKS, ADVISES, OTHER = range(4)
"""Jobs of a sentence, which decide how it refers to cards."""

_JOBS = (("card_link", LINKS), ("card_interpretation", INTERPRETS), ("advice", ADVISES))

STATIC = (
    "named", "named_alone", "named_before", "image", "image_share", "image_most", "rank", "rank_most", "suit", "position",
    "ordinal", "last", "first", "group", "many", "two_drawn", "bias", "member", "fits", "whole", "image_alone",
    "image_one", "rank_alone", "suit_alone", "position_alone", "ordinal_alone",
    "statistic", "third", "third_image",
    "learned", "learned_alone", "learned_most", "learned_most_alone",
)  # fmt: skip
"""Features of a pair of sentence and card by itself. `_alone`: in a sentence that names no card."""

MOVING = (
    "current", "previous", "next", "met", "current_unnamed", "current_one_named", "previous_unnamed",
    "previous_one_named", "next_unnamed", "current_paragraph", "next_paragraph", "current_image", "previous_image",
    "next_image", "pair_current", "pair_previous", "back_current", "back_previous",
    "just", "just_unnamed", "just_linked", "just_pair", "just_image",
)  # fmt: skip
"""Features of a pair that depend on the cards spoken of before: is it the current card, the one before, the next …"""

FEATURES = (*STATIC, *MOVING)

_GROUPS = ((1, 4), (5, 7), (8, 1 << 30))
"""Least and most cards of the readings that are processed together: a step costs as much as its longest draw."""


def jobs_of(labels: list[list[str]]) -> np.ndarray:
    """Return the job of every sentence by its labels."""
    return np.fromiter(map(_job_of, map(tuple, labels)), dtype=np.int64, count=len(labels))


@lru_cache
def _job_of(labels: tuple[str, ...]) -> int:
    return next((job for label, job in _JOBS if label in labels), OTHER)


def static_features(pairs: Pairs) -> Iterator[np.ndarray]:
    """Yield the features of STATIC, each (pairs,); all at once would be the largest array of a batch."""
    p, first, sentence = pairs, pairs.first, pairs.p_sentence
    named = p.named > 0
    count = per_pair_sum(named, first)[sentence]
    alone, several = count == 0, (count > 1) & ~named
    sizes = np.diff(first)[sentence]
    image, rank, suit = np.minimum(p.image, 2), np.minimum(p.rank, 1), np.minimum(p.suit, 1)
    position, ordinal = np.minimum(p.position, 1), np.minimum(p.ordinal, 1)
    yield np.minimum(p.named, 1)
    yield named & (count == 1)
    yield named * (1 - np.minimum(p.place, 1))
    yield image
    yield p.image / np.maximum(per_pair_sum(p.image, first)[sentence], 0.5)
    yield (p.image == per_pair_max(p.image, first)[sentence]) & (p.image > 0)
    yield rank
    yield (p.rank == per_pair_max(p.rank, first)[sentence]) & (p.rank > 0)
    yield from (suit, position, ordinal)
    yield p.p_slot == sizes - 1
    yield p.p_slot == 0
    yield p.group[sentence] & ~named
    yield p.many[sentence] & ~named
    yield sizes == 2
    yield np.ones(len(sentence))
    yield from (p.member * alone, p.fits * alone, p.whole * alone)
    yield image * alone
    yield image * ((count == 1) & ~named)
    yield from (rank * alone, suit * alone, position * alone, ordinal * alone)
    yield p.statistic[sentence] & ~named
    yield several
    yield image * several
    yield p.learned
    yield p.learned * alone
    most = (p.learned == per_pair_max(p.learned, first)[sentence]) & (p.learned > 0)
    yield most
    yield most * alone


class Steps(NamedTuple):
    """The sentences of one step and their cards, in a grid of (sentences, slots).

    at: index of the pair, 0 if real is False. moving: (len(MOVING), sentences, slots).
    """

    sentences: np.ndarray
    job: np.ndarray
    at: np.ndarray
    real: np.ndarray
    moving: np.ndarray


Choose = Callable[[Steps], np.ndarray]
"""Chooses the cards of the sentences of a step: (sentences, slots) bool."""


def choose_in_order(batch: Batch, pairs: Pairs, jobs: np.ndarray, choose: Choose) -> np.ndarray:
    """Choose cards from the first sentences to the last; return (pairs,) whether the sentence refers to the card."""
    chosen = np.zeros(len(pairs.p_sentence), dtype=bool)
    if not batch.size:
        return chosen
    sizes = np.array([len(drawn) for drawn in batch.drawn])
    starts = np.full(len(sizes), -1)
    firsts = np.nonzero(batch.s_index == 0)[0]
    starts[batch.s_reading[firsts]] = firsts
    counts = np.bincount(batch.s_reading, minlength=len(sizes))
    for low, high in _GROUPS:
        mine = np.nonzero((sizes >= low) & (sizes <= high) & (counts > 0))[0]
        if len(mine):
            state = _State.of(pairs, sizes[mine])
            for step in range(int(counts[mine].max())):
                live = np.nonzero(counts[mine] > step)[0]
                sentences = starts[mine[live]] + step
                steps = state.observe(live, sentences, jobs[sentences])
                found = choose(steps) & steps.real
                chosen[steps.at[found]] = True
                state.advance(live, steps, found)
    return chosen


@dataclass
class _State:
    """Readings between two sentences. current, previous: slots, (readings,), -1 for none. met, just: (readings, slots).

    sizes: number of cards of each. evident: (pairs,) whether the sentence points at the card without doubt. met: cards
    spoken of so far; just: by the last sentence that spoke of any; linking: whether that one linked several.
    """

    pairs: Pairs
    evident: np.ndarray
    sizes: np.ndarray
    grid: np.ndarray
    current: np.ndarray
    previous: np.ndarray
    met: np.ndarray
    just: np.ndarray
    linking: np.ndarray

    @classmethod
    def of(cls, pairs: Pairs, sizes: np.ndarray) -> "_State":
        """Create the state of readings with these numbers of cards."""
        count, slots = len(sizes), int(sizes.max())
        evident = (pairs.named > 0) | (pairs.position > 0) | (pairs.ordinal > 0)
        none, empty = np.full(count, -1), np.zeros((count, slots), dtype=bool)
        grid = np.arange(slots)[None, :]
        return cls(pairs, evident, sizes, grid, none, none.copy(), empty, empty.copy(), np.zeros(count, dtype=bool))

    def observe(self, live: np.ndarray, sentences: np.ndarray, job: np.ndarray) -> Steps:
        """Compute the features of MOVING for the next sentences. live: the readings they belong to."""
        p, grid = self.pairs, self.grid
        real = grid < self.sizes[live][:, None]
        at = np.where(real, p.first[sentences][:, None] + grid, 0)
        named = (p.named[at] > 0) & real
        image = np.minimum(p.image[at], 2) * real
        met = self.met[live]
        reached = np.where(met, grid, -1).max(axis=1)
        current = (grid == self.current[live][:, None]) & real
        previous = (grid == self.previous[live][:, None]) & real
        following = (grid == reached[:, None] + 1) & real
        just = self.just[live] & real
        count = named.sum(axis=1, keepdims=True)
        none, one = count == 0, (count == 1) & ~named
        new, pair, back = (flag[sentences][:, None] for flag in (p.paragraph, p.two, p.back))
        columns = (
            current, previous, following, met & real,
            current & none, current & one, previous & none, previous & one, following & none,
            current & new, following & new,
            current * image, previous * image, following * image,
            current & pair & ~named, previous & pair & ~named, current & back & ~named, previous & back & ~named,
            just, just & none, just & none & self.linking[live][:, None], just & none & pair, just * image,
        )  # fmt: skip
        moving = np.empty((len(MOVING), *real.shape))
        for number, column in enumerate(columns):
            moving[number] = column
        return Steps(sentences, job, at, real, moving)

    def advance(self, live: np.ndarray, steps: Steps, chosen: np.ndarray) -> None:
        """Note the cards chosen for the sentences of a step."""
        named = (self.pairs.named[steps.at] > 0) & steps.real
        # The reading has reached the one card just spoken of, or named by a heading.
        evident = np.where((steps.job == OTHER)[:, None], self.evident[steps.at] & steps.real, chosen)
        evident &= ~(steps.job == ADVISES)[:, None] | named
        single = evident.sum(axis=1) == 1
        slot = evident.argmax(axis=1)
        linked = (steps.job == LINKS) & (chosen.sum(axis=1) > 1)
        now = self.current[live]
        away = linked & ~chosen[np.arange(len(live)), np.maximum(now, 0)]
        slot = np.where(away, np.where(chosen, self.grid, -1).max(axis=1), slot)
        moved = (single & (steps.job != LINKS) | away) & (slot != now)
        self.previous[live[moved]] = now[moved]
        self.current[live[moved]] = slot[moved]
        self.met[live[single], slot[single]] = True
        self.met[live] |= chosen
        spoke = chosen.any(axis=1)
        self.just[live[spoke]] = chosen[spoke]
        self.linking[live] = linked
