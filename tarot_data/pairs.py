"""Which drawn cards each sentence speaks of, by name, rank, picture, position or number: every sentence with every card."""

from dataclasses import dataclass

import numpy as np

from schemas.deck import CARDS
from tarot_data import lexicon, matching, pictures
from tarot_data.batch import Batch, standing


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
    place: np.ndarray
    current: np.ndarray
    paragraph: np.ndarray
    two: np.ndarray
    back: np.ndarray
    many: np.ndarray
    group: np.ndarray


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

    _, matrix, kinds = pictures.words()
    found = batch.found["images"]
    free = ~_covered(batch.m_start, batch.m_end, found.start) & ~_covered(batch.m_start, batch.m_end, found.end - 1)
    found = matching.Matches(*(column[free] for column in found))
    found = matching.Matches(*(column[matching.longest(found)] for column in found))
    sentence = batch.sentence_of(found.start)
    found = matching.Matches(*(column[sentence >= 0] for column in found))
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
    ordinal, flags = _pointers(batch, sizes, first, total)
    newline = batch.codes == 10
    paragraph = newline[np.maximum(batch.s_start - 2, 0)] & newline[np.maximum(batch.s_start - 1, 0)]
    paragraph |= batch.s_index == 0
    return Pairs(
        p_sentence, p_slot, p_card, first, named, image, rank, suit, position, ordinal, place, _current(batch, named, first, p_slot), paragraph,
        **flags,
    )  # fmt: skip


def _covered(start: np.ndarray, end: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Whether each place lies in one of the spans, which are in order and do not overlap."""
    span = np.searchsorted(start, at, side="right") - 1
    return (span >= 0) & (at < end[np.maximum(span, 0)]) if len(start) else np.zeros(len(at), dtype=bool)


def _pointers(
    batch: Batch, sizes: np.ndarray, first: np.ndarray, total: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Pairs pointed at by number (第一张, 最后一张), and which sentences have the other pointing words, by kind."""
    rows = lexicon.read_table("pointers")
    found = batch.found["pointers"]
    sentence = batch.sentence_of(found.start)
    ordinal = np.zeros(total)
    flags = {kind: np.zeros(batch.size, dtype=bool) for kind in ("two", "back", "many", "group")}
    for number, row in enumerate(rows):
        hit = sentence[(found.phrase == number) & (sentence >= 0)]
        if row["kind"] == "advice_place":
            continue
        if row["kind"] != "ordinal":
            flags[row["kind"]][hit] = True
            continue
        size = sizes[batch.s_reading[hit]]
        slot = np.full(len(hit), int(row["note"]) - 1) if int(row["note"]) > 0 else size - 1
        keep = (slot < size) & (slot >= 0)
        ordinal[first[hit[keep]] + slot[keep]] = 1
    return ordinal, flags


def _positions(batch: Batch) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the names of positions stand: character, sentence, slot of the card that lies there."""
    at, _, place = standing(batch, [[name for name, _ in mine] for mine in batch.positions], 2)
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
