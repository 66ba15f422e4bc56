"""Evidence for every pair of a sentence and a drawn card: names, ranks, pictures, positions, pointing words.

Input: a batch of readings; output: arrays of one value a pair.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from schemas.deck import CARDS, MAJORS, RANKS, SUITS
from tarot_data import lexicon
from tarot_data.cards import mentions
from tarot_data.patterns import imagery
from tarot_data.patterns.batch import Batch, find_names
from tarot_data.patterns.vocabulary import mark_words, marks, vocabulary
from tarot_data.text import phrase_matcher
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS


@dataclass
class Pairs:
    """Every sentence with every drawn card of its reading, by sentence, then slot.

    first: (sentences + 1,) index of each sentence's first pair. sizes: (readings,) number of cards. slot_of: (readings,
    CARDS), -1 if not drawn.

    One value a pair, from p_sentence to place. named: how often by name; place: where first, 0 to 1 of the sentence, 1
    if nowhere. image, rank, suit: weight of the words that show the card, shared among the drawn cards they fit.
    ordinal: by its number (第一张, 最后一张). member: in a group that is mentioned (逆位, 大牌). fits: in a group of just as
    many as are mentioned (两张逆位). whole: all of the draw (三张, of three). learned: by words of the model (`learned_words`).

    One value a sentence, from current on. current: slot of the card named last before, -1 for none. paragraph: whether
    it begins one. two, back, many, group: whether it has such a pointing word. statistic: whether it is one over the
    spread.
    """

    p_sentence: np.ndarray
    p_slot: np.ndarray
    p_card: np.ndarray
    first: np.ndarray
    sizes: np.ndarray
    slot_of: np.ndarray
    named: np.ndarray
    image: np.ndarray
    rank: np.ndarray
    suit: np.ndarray
    position: np.ndarray
    ordinal: np.ndarray
    member: np.ndarray
    fits: np.ndarray
    whole: np.ndarray
    learned: np.ndarray
    place: np.ndarray
    current: np.ndarray
    paragraph: np.ndarray
    two: np.ndarray
    back: np.ndarray
    many: np.ndarray
    group: np.ndarray
    statistic: np.ndarray

    def at(self, sentence: np.ndarray, slot: np.ndarray) -> np.ndarray:
        """Return the index of the pairs of these sentences and slots."""
        return self.first[sentence] + slot

    def of(self, sentence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the index of every pair of these sentences, and the row in `sentence` of each."""
        return spread(self.first[sentence], self.first[sentence + 1] - self.first[sentence])


def spread(first: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """List first, first + 1 … of every row, `count` numbers each; return them and the row of each."""
    row = np.repeat(np.arange(len(first)), count)
    return first[row] + np.arange(len(row)) - (np.cumsum(count) - count)[row], row


def pairs_of(batch: Batch) -> Pairs:
    """Find which drawn cards each sentence may refer to: by name, rank, picture, position or pointing word."""
    pairs = _all_pairs(batch)
    _add_names(batch, pairs)
    _add_pictures(batch, pairs)
    np.add.at(pairs.position, pairs.at(*_positions(batch)), 1)
    _add_pointers(batch, pairs)
    return pairs


_VALUES = ("named", "image", "rank", "suit", "position", "ordinal", "member", "fits", "whole", "learned")


def _all_pairs(batch: Batch) -> Pairs:
    """Make the pairs of a batch without evidence."""
    sizes = np.array([len(drawn) for drawn in batch.drawn], dtype=np.int64)
    slots = sizes[batch.s_reading]
    first = np.concatenate([[0], np.cumsum(slots)])
    p_sentence = np.repeat(np.arange(batch.size), slots)
    p_slot = np.arange(len(p_sentence)) - first[p_sentence]
    slot_of = np.full((len(batch.drawn), len(CARDS)), -1, dtype=np.int64)
    card_of = np.full((len(batch.drawn), max(1, sizes.max(initial=1))), -1, dtype=np.int64)
    for number, drawn in enumerate(batch.drawn):
        slot_of[number, drawn] = np.arange(len(drawn))
        card_of[number, : len(drawn)] = drawn
    newline = batch.codes == 10
    paragraph = newline[np.maximum(batch.s_start - 2, 0)] & newline[np.maximum(batch.s_start - 1, 0)]
    return Pairs(
        p_sentence, p_slot, card_of[batch.s_reading[p_sentence], p_slot], first, sizes, slot_of,
        **{name: np.zeros(len(p_sentence)) for name in _VALUES}, place=np.ones(len(p_sentence)),
        current=np.full(batch.size, -1), paragraph=paragraph | (batch.s_index == 0),
        **{name: np.zeros(batch.size, dtype=bool) for name in (*FLAGS, "statistic")},
    )  # fmt: skip


def _add_names(batch: Batch, pairs: Pairs) -> None:
    """Fill named, place and current."""
    slot = pairs.slot_of[batch.s_reading[batch.m_sentence], batch.m_card]
    drawn = (batch.m_sentence >= 0) & (slot >= 0)
    sentence, slot = batch.m_sentence[drawn], slot[drawn]
    at = pairs.at(sentence, slot)
    np.add.at(pairs.named, at, 1)
    width = np.maximum(batch.s_end - batch.s_start, 1)
    np.minimum.at(pairs.place, at, (batch.m_start[drawn] - batch.s_start[sentence]) / width[sentence])
    pairs.current = _current(batch, pairs)


def _current(batch: Batch, pairs: Pairs) -> np.ndarray:
    """Find the slot of the card last named alone before each sentence, or by a heading; -1 if there is none yet."""
    at = np.nonzero(pairs.named > 0)[0]
    sentence = pairs.p_sentence[at]
    alone = np.bincount(sentence, minlength=batch.size)[sentence] == 1
    slot = np.full(batch.size, -1, dtype=np.int64)
    slot[sentence[alone]] = pairs.p_slot[at[alone]]
    latest = np.maximum.accumulate(np.where(slot >= 0, np.arange(batch.size), -1))
    before = np.concatenate([[-1], latest])[:-1]
    begin = np.arange(batch.size) - batch.s_index
    return np.where(before >= begin, slot[np.maximum(before, 0)], -1)


def _add_pictures(batch: Batch, pairs: Pairs) -> None:
    """Fill image, rank and suit."""
    _, matrix, kinds = imagery.words()
    found = batch.found["images"]
    free = ~_covered(batch.m_start, batch.m_end, found.start) & ~_covered(batch.m_start, batch.m_end, found.end - 1)
    found = phrase_matcher.Matches(*(column[free] for column in found))
    chosen = phrase_matcher.longest(found)
    chosen = chosen[batch.sentence_of(found.start[chosen]) >= 0]
    found = phrase_matcher.Matches(*(column[chosen] for column in found))
    sentence = batch.sentence_of(found.start)
    at, hit = pairs.of(sentence)
    fits = matrix[found.phrase[hit], pairs.p_card[at]]
    at, hit = at[fits], hit[fits]
    share, kind = np.bincount(hit, minlength=len(sentence)), kinds[found.phrase][hit]
    # A picture of one character is ambiguous: 水, 光.
    weight = np.where((found.end - found.start > 1)[hit] | (kind != imagery.PICTURE), 1.0, 0.5) / share[hit]
    for number, values in ((imagery.PICTURE, pairs.image), (imagery.RANK, pairs.rank), (imagery.SUIT, pairs.suit)):
        np.add.at(values, at[kind == number], weight[kind == number])


GROUPS = ("major", "minor", "court", "upright", "reversed", *SUITS)
"""Values of the note of a `group` pointer."""

TURNS = {"upright": 1, "reversed": 2}


def _covered(start: np.ndarray, end: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Check which places are inside one of the spans, which are in order and do not overlap."""
    span = np.searchsorted(start, at, side="right") - 1
    return (span >= 0) & (at < end[np.maximum(span, 0)]) if len(start) else np.zeros(len(at), dtype=bool)


FLAGS = ("two", "back", "many", "group")
"""Kinds of pointing words that are about the sentence, not about one card."""


def _add_pointers(batch: Batch, pairs: Pairs) -> None:
    """Fill ordinal, member, fits, whole and FLAGS."""
    spoken = np.zeros(batch.size, dtype=np.int64)
    groups = []
    for kind, note, hit in _pointing_words(batch):
        if kind in FLAGS:
            getattr(pairs, kind)[hit] = True
        if kind == "ordinal":
            pairs.ordinal[_numbered(batch, pairs, note, hit)] = 1
        elif kind == "group" and note in GROUPS:
            groups.append((note, hit))
        elif kind == "many" and note:
            spoken[hit] = np.maximum(spoken[hit], int(note))
    spoken = np.where(pairs.two & (spoken == 0), 2, spoken)
    size = pairs.sizes[batch.s_reading]
    everything = pairs.many & ((spoken == 0) | (spoken == size)) | pairs.two & (spoken == 2) & (size == 2)
    pairs.whole[everything[pairs.p_sentence]] = 1
    belongs = _members(batch, pairs) if groups else {}
    for group, hit in groups:
        here = np.zeros(batch.size, dtype=bool)
        here[hit] = True
        mine = here[pairs.p_sentence] & belongs[group]
        pairs.member[mine] = 1
        count = np.bincount(pairs.p_sentence[mine], minlength=batch.size)
        pairs.fits[mine & ((count == spoken) & (count < size))[pairs.p_sentence]] = 1


def _pointing_words(batch: Batch) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield kind and note of each row of the table, and the sentences with its word outside names of cards."""
    found = batch.found["pointers"]
    number = {word: index for index, word in enumerate(vocabulary()["pointers"])}
    sentence = np.where(_covered(batch.m_start, batch.m_end, found.start), -1, batch.sentence_of(found.start))
    for row in lexicon.read_table("pointers"):
        yield row["kind"], row["note"], sentence[(found.phrase == number[fold(row["word"])]) & (sentence >= 0)]


def _numbered(batch: Batch, pairs: Pairs, note: str, hit: np.ndarray) -> np.ndarray:
    """Find the pairs of the cards with these numbers. note: `1|-1`; negative from the end, 0 the middle of an odd draw."""
    size = pairs.sizes[batch.s_reading[hit]]
    found = []
    for number in map(int, note.split("|")):
        slot = np.where(number > 0, number - 1, np.where(number < 0, size + number, (size - 1) // 2))
        keep = (slot < size) & (slot >= 0) & ((number != 0) | (size % 2 == 1))
        found.append(pairs.at(hit[keep], slot[keep]))
    return np.concatenate(found)


def _members(batch: Batch, pairs: Pairs) -> dict[str, np.ndarray]:
    """Mark for each of GROUPS the pairs whose card belongs to it."""
    is_major = np.array([card in MAJORS for card in CARDS])
    is_court = np.array([card[2:] in RANKS[-4:] for card in CARDS])
    turned = np.zeros((len(batch.readings), len(CARDS)), dtype=np.int8)
    for number, reading in enumerate(batch.readings):
        for card in reading.get("cards") or ():
            turned[number, mentions.CARD_ID[card["card"]]] = TURNS.get(card.get("orientation"), 0)
    turn = turned[batch.s_reading[pairs.p_sentence], pairs.p_card]
    major = is_major[pairs.p_card]
    suits = {suit: np.array([card.startswith(suit) for card in CARDS])[pairs.p_card] for suit in SUITS}
    return suits | {
        "major": major, "minor": ~major, "court": is_court[pairs.p_card], "upright": turn == 1, "reversed": turn == 2,
    }  # fmt: skip


_BEFORE = r"\n。!?;:,、|·#*\- "
_AFTER = ":,(|· "
"""Marks before and after a position of one character (身, 火): it begins a clause and is marked as a position."""


@lexicon.cached
def _ways(position: str) -> tuple[tuple[str, ...], tuple[re.Pattern, ...]]:
    """List the words for a folded position, and patterns: for 火(行动) the words 火(行动), 行动, and 火 at the start of a clause.

    Options (A组, 第二组) are also found by their letter alone.
    """
    parts = dict.fromkeys([position, *(part.strip() for part in re.split(r"[()/]", position))])
    after = "|".join(map(re.escape, (*mark_words("after_place"), *_AFTER)))
    patterns = [rf"(?:^|(?<=[{_BEFORE}])){re.escape(part)}(?={after})" for part in parts if len(part) == 1]
    options = "|".join(re.escape(word).replace("…", f"[{NUMERALS[:6]}]") for word in mark_words("option"))
    if option := re.search(rf"[a-f](?![a-z])|{options}", position):
        letter = next(("abcdef"[NUMERALS.index(sign)] for sign in option[0] if sign in NUMERALS), option[0])
        patterns.append(rf"(?<![a-z0-9]){letter}(?=[{marks('after_option')} ])")
    return tuple(part for part in parts if len(part) > 1), tuple(map(re.compile, patterns))


def _positions(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Find the names of positions in the text: the sentence, and the slot of the card at that position."""
    ways = [[_ways(name) for name, _ in mine] for mine in batch.positions]
    names = [[(part, place) for place, way in enumerate(mine) for part in way[0]] for mine in ways]
    at, _, number = find_names(batch, [[part for part, _ in mine] for mine in names], shortest=2)
    reading = np.searchsorted(batch.r_start, at, side="right") - 1
    found = [(a, r, names[r][n][1]) for a, r, n in zip(at.tolist(), reading.tolist(), number.tolist(), strict=True)]
    for r, (start, mine) in enumerate(zip(batch.r_start.tolist(), ways, strict=True)):
        end = start + len(batch.readings[r]["content"])
        for place, (_, patterns) in enumerate(mine):
            found += [(m.start(), r, place) for pattern in patterns for m in pattern.finditer(batch.text, start, end)]
    at, reading, place = np.array(found, dtype=np.int64).reshape(-1, 3).T
    sentence = batch.sentence_of(at)
    keep = sentence >= 0
    slots = [batch.positions[r][p][1] for r, p in zip(reading[keep].tolist(), place[keep].tolist(), strict=True)]
    return sentence[keep], np.array(slots, dtype=np.int64)


def per_pair_max(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Return the greatest value of each sentence's pairs, 0 for a reading without cards."""
    out = np.zeros(len(first) - 1)
    full = first[1:] > first[:-1]
    if len(values):
        out[full] = np.maximum.reduceat(values, first[:-1][full])
    return out


def per_pair_sum(values: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Sum the values of each sentence's pairs."""
    sums = np.concatenate([[0.0], np.cumsum(values)])
    return sums[first[1:]] - sums[first[:-1]]
