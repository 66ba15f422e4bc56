"""Which drawn cards each sentence speaks of, by name, rank, picture, position or number: every sentence with every card."""

from dataclasses import dataclass

import numpy as np

from schemas.deck import CARDS
from tarot_data import cards, lexicon, matching, pictures
from tarot_data.batch import Batch
from tarot_data.folding import fold


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
    covered = np.zeros(len(batch.codes) + 1, dtype=np.int64)
    np.add.at(covered, batch.m_start, 1)
    np.add.at(covered, batch.m_end, -1)
    covered = np.cumsum(covered) > 0
    free = ~covered[found.start] & ~covered[found.end - 1]
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
        p_sentence, p_slot, p_card, first, named, image, rank, suit, position, ordinal, place, _current(batch), paragraph,
        **flags,
    )  # fmt: skip


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
    found = []
    for number, reading in enumerate(batch.readings):
        slots = {card: slot for slot, card in enumerate(batch.drawn[number])}
        first, last = batch.r_start[number], batch.r_start[number] + len(reading["content"])
        for card in reading.get("cards") or ():
            name = fold((card.get("position") or "").strip())
            if len(name) < 2:
                continue
            at = batch.text.find(name, first, last)
            while at >= 0:
                found.append((at, slots[cards.CARD_ID[card["card"]]]))
                at = batch.text.find(name, at + len(name), last)
    table = np.array(found, dtype=np.int64).reshape(-1, 2)
    sentence = batch.sentence_of(table[:, 0])
    keep = sentence >= 0
    return table[keep, 0], sentence[keep], table[keep, 1]


def _current(batch: Batch) -> np.ndarray:
    """Slot of the card last named before each sentence (or by a heading), -1 where none was yet."""
    current = np.full(batch.size, -1, dtype=np.int64)
    last, owner = -1, -1
    named_slots = [[] for _ in range(batch.size)]
    order = np.argsort(batch.m_start, kind="stable")
    slot_of = [{card: slot for slot, card in enumerate(drawn)} for drawn in batch.drawn]
    for m in order.tolist():
        s = int(batch.m_sentence[m])
        if s >= 0:
            slot = slot_of[batch.s_reading[s]].get(int(batch.m_card[m]))
            if slot is not None:
                named_slots[s].append(slot)
    for s in range(batch.size):
        if batch.s_reading[s] != owner:
            last, owner = -1, batch.s_reading[s]
        current[s] = last
        distinct = set(named_slots[s])
        if len(distinct) == 1:
            last = named_slots[s][-1]
    return current


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
