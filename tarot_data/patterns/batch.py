"""Batch of readings: one folded text with its sentences and the cards it names, as numpy arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from schemas.deck import CARDS
from tarot_data.cards import mentions
from tarot_data.patterns import sentence_splitter
from tarot_data.patterns.vocabulary import vocabulary
from tarot_data.text import phrase_matcher
from tarot_data.text.normalise import code_folds, fold

SEPARATOR = "\n\n\n"


@dataclass
class Batch:
    """Many readings as one folded text. Arrays named s_… have one entry a sentence, m_… one a mention of a card.

    codes, written: code points of the text, folded and as written. found: matches of each lexicon table's words.
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
    found: dict[str, phrase_matcher.Matches]

    @property
    def size(self) -> int:
        return len(self.s_start)

    @cached_property
    def owner(self) -> np.ndarray:
        """Return the sentence at each character and one past the last, -1 between sentences."""
        number = np.full(2 * self.size + 1, -1, dtype=np.int64)
        number[1::2] = np.arange(self.size)
        edges = np.empty(2 * self.size + 2, dtype=np.int64)
        edges[0], edges[1:-1:2], edges[2::2], edges[-1] = 0, self.s_start, self.s_end, len(self.codes) + 1
        return np.repeat(number, np.diff(edges))

    def sentence_of(self, position: np.ndarray) -> np.ndarray:
        """Return the sentence at each character position, -1 between sentences."""
        return self.owner[position]

    @cached_property
    def spans(self) -> np.ndarray:
        """Return start and end of each sentence in the content of its own reading: (sentences, 2)."""
        return np.stack([self.s_start, self.s_end], axis=1) - self.r_start[self.s_reading][:, None]

    @cached_property
    def texts(self) -> list[str]:
        """Return the text of each sentence, as written."""
        return [
            self.readings[reading]["content"][start:end]
            for reading, (start, end) in zip(self.s_reading.tolist(), self.spans.tolist(), strict=True)
        ]

    @cached_property
    def persons(self) -> tuple[np.ndarray, np.ndarray]:
        """Return start and end of every occurrence of the name of a reading's person in that reading."""
        names = [[fold((reading.get("person") or "").strip())] for reading in self.readings]
        return find_names(self, names, shortest=2, longest=12)[:2]

    @cached_property
    def positions(self) -> list[list[tuple[str, int]]]:
        """Return for each reading the folded position (empty if it has none) and the slot of each card."""
        out = []
        for drawn, reading in zip(self.drawn, self.readings, strict=True):
            slots = {card: slot for slot, card in enumerate(drawn)}
            out.append(
                [
                    (fold((card.get("position") or "").strip()), slots[mentions.CARD_ID[card["card"]]])
                    for card in reading.get("cards") or ()
                ]
            )
        return out


def to_batch(readings: Sequence[dict]) -> Batch:
    """Build the batch of readings: dicts with content and cards (dicts with card, position).

    A reading without cards gets those its text names.
    """
    readings = list(readings)
    written_text = "".join(reading["content"] + SEPARATOR for reading in readings) or SEPARATOR
    lengths = np.array([len(reading["content"]) + len(SEPARATOR) for reading in readings], dtype=np.int64)
    starts = np.cumsum(lengths) - lengths
    written = np.frombuffer(written_text.encode("utf-32-le"), dtype=np.uint32)
    codes = code_folds()[written]
    text = codes.tobytes().decode("utf-32-le")
    found = phrase_matcher.find_tables(text, vocabulary())
    s_start, s_end = sentence_splitter.split_lines(written_text, written)
    s_reading = np.searchsorted(starts, s_start, side="right") - 1
    counts = np.bincount(s_reading, minlength=len(readings))
    s_index = np.arange(len(s_start)) - (np.cumsum(counts) - counts)[s_reading]
    drawn = [
        list(dict.fromkeys(mentions.CARD_ID[c["card"]] for c in reading.get("cards") or ())) for reading in readings
    ]
    known = [[CARDS[c] for c in d] or None for d in drawn]
    m_start, m_end, m_card = mentions.choose(text, found["cards"], starts, known)
    edges = np.searchsorted(m_start, [*starts, len(written)])
    for number, mine in enumerate(drawn):
        named = m_card[edges[number] : edges[number + 1]].tolist()
        if not mine or not set(mine) <= set(named):
            # If no card is given, or one that is never named, the cards named in the text count as well.
            drawn[number] = list(dict.fromkeys([*mine, *named]))
    batch = Batch(
        readings, text, codes, starts, s_reading, s_index, s_start, s_end, counts[s_reading], m_start, m_end, m_card,
        np.zeros(0, dtype=np.int64), drawn, written, found,
    )  # fmt: skip
    batch.m_sentence = batch.sentence_of(m_start)
    return batch


def find_names(
    batch: Batch, names: list[list[str]], shortest: int = 1, longest: int = 1 << 30
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the names of each reading in that reading: start, end, and number of the name within its reading.

    Names shorter than `shortest` or longer than `longest` characters are ignored.
    """
    found = []
    starts = batch.r_start.tolist()
    for number, mine in enumerate(names):
        first = starts[number]
        last = first + len(batch.readings[number]["content"])
        for place, name in enumerate(mine):
            if not shortest <= len(name) <= longest:
                continue
            at = batch.text.find(name, first, last)
            while at >= 0:
                found.append((at, at + len(name), place))
                at = batch.text.find(name, at + len(name), last)
    table = np.array(found, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def to_rows(readings: pl.DataFrame) -> list[dict]:
    """Convert a frame of readings to dicts of reading_id, content, cards (card, position, orientation), person, question."""
    count = readings.height
    columns = {
        name: readings[name].cast(pl.String).to_list() if name in readings.columns else [None] * count
        for name in ("reading_id", "content", "person", "question")
    }
    cards: list[list[dict]] = [[] for _ in range(count)]
    if "cards" in readings.columns and readings["cards"].dtype != pl.Null:
        # One column at a time: a list of structs turned into Python objects row by row costs more than labelling.
        flat = readings.select(cards="cards").with_row_index("row").explode("cards").drop_nulls("cards").unnest("cards")
        fields = [name for name in ("card", "position", "orientation") if name in flat.columns]
        values = [flat[name].cast(pl.String).to_list() for name in fields]
        for row, *card in zip(flat["row"].to_list(), *values, strict=True):
            cards[row].append(dict(zip(fields, card, strict=True)))
    keys = list(columns)
    return [
        {**dict(zip(keys, values, strict=True)), "cards": cards[row]}
        for row, values in enumerate(zip(*columns.values(), strict=True))
    ]
