"""Which drawn cards each sentence speaks of, by name, rank, picture, position or number: every sentence with every card."""

import re
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from schemas.deck import CARDS, MAJORS, RANKS, SUITS
from tarot_data import lexicon
from tarot_data.cards import mentions
from tarot_data.patterns import imagery
from tarot_data.patterns.batch import Batch, find_names
from tarot_data.patterns.vocabulary import vocabulary
from tarot_data.text import phrase_matcher
from tarot_data.text.normalise import fold


@dataclass
class Pairs:
    """Every sentence with every drawn card of its reading. Arrays p_… have one entry a pair, by sentence, then slot."""

    p_sentence: np.ndarray
    p_slot: np.ndarray
    p_card: np.ndarray
    first: np.ndarray
    named: np.ndarray
    image: np.ndarray
    rank: np.ndarray
    suit: np.ndarray
    position: np.ndarray
    ordinal: np.ndarray
    member: np.ndarray
    fits: np.ndarray
    whole: np.ndarray
    place: np.ndarray
    current: np.ndarray
    paragraph: np.ndarray
    two: np.ndarray
    back: np.ndarray
    many: np.ndarray
    group: np.ndarray
    statistic: np.ndarray


def pairs_of(batch: Batch) -> Pairs:
    """Which drawn cards each sentence speaks of, by name, rank, picture or position, and which it inherits."""
    sizes = np.array([len(d) for d in batch.drawn], dtype=np.int64)
    slots = sizes[batch.s_reading]
    first = np.concatenate([[0], np.cumsum(slots)])
    p_sentence = np.repeat(np.arange(batch.size), slots)
    p_slot = np.arange(len(p_sentence)) - first[p_sentence]
    slot_of = np.full((len(batch.drawn), len(CARDS)), -1, dtype=np.int64)
    for number, drawn in enumerate(batch.drawn):
        slot_of[number, drawn] = np.arange(len(drawn))
    drawn_flat = np.full((len(batch.drawn), max(1, sizes.max(initial=1))), -1, dtype=np.int64)
    for number, drawn in enumerate(batch.drawn):
        drawn_flat[number, : len(drawn)] = drawn
    p_card = drawn_flat[batch.s_reading[p_sentence], p_slot]
    total = len(p_sentence)

    def pair(sentence: np.ndarray, slot: np.ndarray) -> np.ndarray:
        return first[sentence] + slot

    named = np.zeros(total)
    inside = batch.m_sentence >= 0
    m_sentence, m_card = batch.m_sentence[inside], batch.m_card[inside]
    m_slot = slot_of[batch.s_reading[m_sentence], m_card]
    np.add.at(named, pair(m_sentence, m_slot)[m_slot >= 0], 1)

    _, matrix, kinds = imagery.words()
    found = batch.found["images"]
    free = ~_covered(batch.m_start, batch.m_end, found.start) & ~_covered(batch.m_start, batch.m_end, found.end - 1)
    found = phrase_matcher.Matches(*(column[free] for column in found))
    found = phrase_matcher.Matches(*(column[phrase_matcher.longest(found)] for column in found))
    sentence = batch.sentence_of(found.start)
    found = phrase_matcher.Matches(*(column[sentence >= 0] for column in found))
    sentence = sentence[sentence >= 0]
    candidates = matrix[found.phrase] & (slot_of[batch.s_reading[sentence]] >= 0)
    share = candidates.sum(axis=1)
    hit, card = np.nonzero(candidates)
    at = pair(sentence[hit], slot_of[batch.s_reading[sentence[hit]], card])
    weight = np.where(found.end - found.start > 1, 1.0, 0.5)[hit] / share[hit]
    image, rank, suit = np.zeros(total), np.zeros(total), np.zeros(total)
    kind = kinds[found.phrase][hit]
    np.add.at(image, at[kind == 0], weight[kind == 0])
    for values, number in ((rank, 1), (suit, 2)):
        np.add.at(values, at[kind == number], (1.0 / share[hit])[kind == number])

    position = np.zeros(total)
    places, sentence, slot = _positions(batch)
    np.add.at(position, pair(sentence, slot), 1)
    place = np.ones(total)
    width = np.maximum(batch.s_end - batch.s_start, 1)
    mine = m_slot >= 0
    where = (batch.m_start[inside] - batch.s_start[m_sentence]) / width[m_sentence]
    np.minimum.at(place, pair(m_sentence, m_slot)[mine], where[mine])
    pointed = _pointers(batch, sizes, first, p_sentence, p_card)
    newline = batch.codes == 10
    paragraph = newline[np.maximum(batch.s_start - 2, 0)] & newline[np.maximum(batch.s_start - 1, 0)]
    paragraph |= batch.s_index == 0
    return Pairs(
        p_sentence, p_slot, p_card, first, named, image, rank, suit, position, pointed.ordinal, pointed.member, pointed.fits,
        pointed.whole, place, _current(batch, named, first, p_slot), paragraph, **pointed.flags,
        statistic=np.zeros(batch.size, dtype=bool),
    )  # fmt: skip


GROUPS = ("major", "minor", "court", "upright", "reversed", *SUITS)
"""What the note of a `group` pointer may say."""

TURNS = {"upright": 1, "reversed": 2}


def _covered(start: np.ndarray, end: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Whether each place lies in one of the spans, which are in order and do not overlap."""
    span = np.searchsorted(start, at, side="right") - 1
    return (span >= 0) & (at < end[np.maximum(span, 0)]) if len(start) else np.zeros(len(at), dtype=bool)


FLAGS = ("two", "back", "many", "group")
"""Kinds of pointing words that say something of the sentence, not of one card."""


class _Pointed(NamedTuple):
    """ordinal, member, fits, whole: by pair. The card pointed at by number (第一张, 最后一张); in a group that is
    spoken of (逆位, 大牌); in a group of just as many as are spoken of (两张逆位); all of the draw (三张, of three)."""

    ordinal: np.ndarray
    member: np.ndarray
    fits: np.ndarray
    whole: np.ndarray
    flags: dict[str, np.ndarray]


def _pointers(
    batch: Batch, sizes: np.ndarray, first: np.ndarray, p_sentence: np.ndarray, p_card: np.ndarray
) -> _Pointed:
    rows = lexicon.read_table("pointers")
    found = batch.found["pointers"]
    index = {word: number for number, word in enumerate(vocabulary()["pointers"])}
    sentence = np.where(_covered(batch.m_start, batch.m_end, found.start), -1, batch.sentence_of(found.start))
    ordinal, member, fits, whole = (np.zeros(len(p_card)) for _ in range(4))
    flags = {kind: np.zeros(batch.size, dtype=bool) for kind in FLAGS}
    spoken = np.zeros(batch.size, dtype=np.int64)
    groups = []
    for row in rows:
        hit = sentence[(found.phrase == index[fold(row["word"])]) & (sentence >= 0)]
        if row["kind"] == "ordinal":
            size = sizes[batch.s_reading[hit]]
            for place in map(int, row["note"].split("|")):
                slot = np.where(place > 0, place - 1, np.where(place < 0, size + place, (size - 1) // 2))
                keep = (slot < size) & (slot >= 0) & ((place != 0) | (size % 2 == 1))
                ordinal[first[hit[keep]] + slot[keep]] = 1
        elif row["kind"] in FLAGS:
            flags[row["kind"]][hit] = True
            if row["kind"] == "group" and row["note"] in GROUPS:
                groups.append((row["note"], hit))
            elif row["kind"] == "many" and row["note"]:
                spoken[hit] = np.maximum(spoken[hit], int(row["note"]))
    spoken = np.where(flags["two"] & (spoken == 0), 2, spoken)
    size = sizes[batch.s_reading]
    everything = flags["many"] & ((spoken == 0) | (spoken == size)) | flags["two"] & (spoken == 2) & (size == 2)
    whole[everything[p_sentence]] = 1
    belongs = _members(batch, p_sentence, p_card) if groups else {}
    for group, hit in groups:
        here = np.zeros(batch.size, dtype=bool)
        here[hit] = True
        mine = here[p_sentence] & belongs[group]
        member[mine] = 1
        count = np.bincount(p_sentence[mine], minlength=batch.size)
        fits[mine & ((count == spoken) & (count < size))[p_sentence]] = 1
    return _Pointed(ordinal, member, fits, whole, flags)


def _members(batch: Batch, p_sentence: np.ndarray, p_card: np.ndarray) -> dict[str, np.ndarray]:
    """Of each of GROUPS, which pairs are of a card that belongs there."""
    is_major = np.array([card in MAJORS for card in CARDS])
    is_court = np.array([card[2:] in RANKS[-4:] for card in CARDS])
    turned = np.zeros((len(batch.readings), len(CARDS)), dtype=np.int8)
    for number, reading in enumerate(batch.readings):
        for card in reading.get("cards") or ():
            turned[number, mentions.CARD_ID[card["card"]]] = TURNS.get(card.get("orientation"), 0)
    lies = turned[batch.s_reading[p_sentence], p_card]
    major = is_major[p_card]
    suits = {suit: np.array([card.startswith(suit) for card in CARDS])[p_card] for suit in SUITS}
    return suits | {
        "major": major, "minor": ~major, "court": is_court[p_card], "upright": lies == 1, "reversed": lies == 2,
    }  # fmt: skip


_SHORT = "(?:^|(?<=[\\n。!?;:,、|·#*\\- ])){}(?=位|的位置|这个位置|上|组|[:,(|·是]| )"
"""How a position of one character (身, 火) is told from the word: it begins a clause and is marked as a place."""

_OPTION = re.compile("[a-f](?![a-z])|第([一二三四五六])组")
_CHOICE = "(?<![a-z0-9]){}(?=[组线边这那方路 ])"


@cache
def _ways(position: str) -> tuple[tuple[str, ...], tuple[re.Pattern, ...]]:
    """Words a folded position is called by, and patterns: 火(行动) is 火(行动), 行动, and 火 where it begins a clause."""
    parts = dict.fromkeys([position, *(part.strip() for part in re.split(r"[()/]", position))])
    plain = tuple(part for part in parts if len(part) > 1)
    patterns = [re.compile(_SHORT.format(re.escape(part))) for part in parts if len(part) == 1]
    option = _OPTION.search(position)
    if option:
        letter = "abcdef"["一二三四五六".index(option[1])] if option[1] else option[0][0]
        patterns.append(re.compile(_CHOICE.format(letter)))
    return plain, tuple(patterns)


def _positions(batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the names of positions stand: character, sentence, slot of the card that lies there."""
    ways = [[_ways(name) for name, _ in mine] for mine in batch.positions]
    names = [[(part, place) for place, way in enumerate(mine) for part in way[0]] for mine in ways]
    at, _, number = find_names(batch, [[part for part, _ in mine] for mine in names], 2)
    reading = np.searchsorted(batch.r_start, at, side="right") - 1
    found = [(a, r, names[r][n][1]) for a, r, n in zip(at.tolist(), reading.tolist(), number.tolist(), strict=True)]
    starts = batch.r_start.tolist()
    for r, mine in enumerate(ways):
        last = starts[r] + len(batch.readings[r]["content"])
        for place, (_, patterns) in enumerate(mine):
            for pattern in patterns:
                found += [(match.start(), r, place) for match in pattern.finditer(batch.text, starts[r], last)]
    table = np.array(found, dtype=np.int64).reshape(-1, 3)
    at, place = table[:, 0], table[:, 2]
    sentence = batch.sentence_of(at)
    keep = sentence >= 0
    at, place, sentence = at[keep], place[keep], sentence[keep]
    slots = [
        batch.positions[number][p][1]
        for number, p in zip(batch.s_reading[sentence].tolist(), place.tolist(), strict=True)
    ]
    return at, sentence, np.array(slots, dtype=np.int64)


def _current(batch: Batch, named: np.ndarray, first: np.ndarray, p_slot: np.ndarray) -> np.ndarray:
    """Slot of the card last named before each sentence (or by a heading), -1 where none was yet."""
    at = np.nonzero(named > 0)[0]
    sentence = np.searchsorted(first, at, side="right") - 1
    alone = np.bincount(sentence, minlength=batch.size)[sentence] == 1
    slot = np.full(batch.size, -1, dtype=np.int64)
    slot[sentence[alone]] = p_slot[at[alone]]
    told = np.maximum.accumulate(np.where(slot >= 0, np.arange(batch.size), -1))
    before = np.concatenate([[-1], told[:-1]])
    begin = np.arange(batch.size) - batch.s_index
    return np.where(before >= begin, slot[np.maximum(before, 0)], -1)


def per_pair_max(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Greatest value of each sentence's pairs, 0 where a reading has no cards."""
    out = np.zeros(len(first) - 1)
    full = first[1:] > first[:-1]
    if len(values):
        out[full] = np.maximum.reduceat(values, first[:-1][full])
    return out


def per_pair_sum(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return sums[first[1:]] - sums[first[:-1]]
