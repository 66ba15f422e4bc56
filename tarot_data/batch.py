"""Many readings as one folded text, with their sentences and the cards they name, as numpy arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from schemas.deck import CARDS
from tarot_data import cards, cues, lexicon, matching, pictures, sentences, style, themes
from tarot_data.folding import fold

SEPARATOR = "\n\n\n"


@dataclass
class Batch:
    """Many readings as one folded text. Arrays named s_… have one entry a sentence, m_… one a mention of a card.

    codes, written: code points of the text, folded and as it stands. found: where each table's words stand in it.
    """

    readings: list[dict]
    text: str
    codes: np.ndarray
    r_start: np.ndarray
    s_reading: np.ndarray
    s_index: np.ndarray
    s_start: np.ndarray
    s_end: np.ndarray
    s_count: np.ndarray
    m_start: np.ndarray
    m_end: np.ndarray
    m_card: np.ndarray
    m_sentence: np.ndarray
    drawn: list[list[int]]
    written: np.ndarray
    found: dict[str, matching.Matches]

    @property
    def size(self) -> int:
        return len(self.s_start)

    def sentence_of(self, position: np.ndarray) -> np.ndarray:
        """Sentence at each character position, -1 between sentences."""
        index = np.searchsorted(self.s_start, position, side="right") - 1
        inside = (index >= 0) & (position < self.s_end[np.maximum(index, 0)])
        return np.where(inside, index, -1)


@cache
def _folds() -> np.ndarray:
    """The fold of every code point, as code points."""
    table = np.arange(0x110000, dtype=np.uint32)
    below = "".join(map(chr, range(0xD800)))
    above = "".join(map(chr, range(0xE000, 0x10000)))
    for first, characters in ((0, below), (0xE000, above)):
        table[first : first + len(characters)] = np.frombuffer(fold(characters).encode("utf-32-le"), dtype=np.uint32)
    return table


@lexicon.cached
def vocabulary() -> dict[str, list[str]]:
    """Per table its folded words, as `Batch.found` numbers them."""
    return {
        "cards": cards.phrases(),
        "turns": list(cues.turn_words()),
        "images": pictures.words()[0],
        "pointers": list(dict.fromkeys(fold(row["word"]) for row in lexicon.read_table("pointers"))),
        "themes": themes.words(),
        "style": style.words(),
    }


def to_batch(readings: Sequence[dict]) -> Batch:
    """readings: dicts with content and cards (dicts with card, position; may be empty: then those the text names)."""
    readings = list(readings)
    parts, r_start, spans, at = [], [], [], 0
    for number, reading in enumerate(readings):
        content = reading["content"]
        r_start.append(at)
        spans += [(number, index, at + s, at + e) for index, (s, e) in enumerate(sentences.split(content))]
        parts.append(content)
        at += len(content) + len(SEPARATOR)
    written = np.frombuffer((SEPARATOR.join(parts) + SEPARATOR).encode("utf-32-le"), dtype=np.uint32)
    codes = _folds()[written]
    text = codes.tobytes().decode("utf-32-le")
    found = matching.find_tables(text, vocabulary())
    table = np.array(spans, dtype=np.int64).reshape(-1, 4)
    drawn = [list(dict.fromkeys(cards.CARD_ID[c["card"]] for c in reading.get("cards") or ())) for reading in readings]
    starts = np.array(r_start, dtype=np.int64)
    known = [[CARDS[c] for c in d] or None for d in drawn]
    m_start, m_end, m_card = cards.choose(text, found["cards"], starts, known)
    edges = np.searchsorted(m_start, [*r_start, at])
    for number, mine in enumerate(drawn):
        named = m_card[edges[number] : edges[number + 1]].tolist()
        if not mine or not set(mine) <= set(named):
            # Where no card is filed, or one that is never named, what the text names is read too.
            drawn[number] = list(dict.fromkeys([*mine, *named]))
    s_reading = table[:, 0]
    counts = np.bincount(s_reading, minlength=len(readings)) if len(table) else np.zeros(len(readings), dtype=np.int64)
    batch = Batch(
        readings, text, codes, starts, s_reading, table[:, 1], table[:, 2], table[:, 3],
        counts[s_reading] if len(table) else s_reading, m_start, m_end, m_card, np.zeros(0, dtype=np.int64), drawn, written, found,
    )  # fmt: skip
    batch.m_sentence = batch.sentence_of(m_start)
    return batch


def persons(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    found = []
    for number, reading in enumerate(batch.readings):
        name = fold((reading.get("person") or "").strip())
        if 2 <= len(name) <= 12:
            first, last = batch.r_start[number], batch.r_start[number] + len(reading["content"])
            at = batch.text.find(name, first, last)
            while at >= 0:
                found.append((at, at + len(name)))
                at = batch.text.find(name, at + len(name), last)
    table = np.array(found, dtype=np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]
