"""Cues: the phrases of `lexicon/cues.csv`, found in the sentences of a batch.

A cue is written as plain words, with `…` for anything up to 24 characters of the same sentence; `^` and `$` for the
sentence's first and last word; `{牌}` any card, `{位}` any word for an orientation, `{人}` the querent's name, `{。}` the end
of a clause. Scripts, width, case and spaces do not matter.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from schemas.deck import LABELS
from tarot_data import lexicon
from tarot_data.text import phrase_matcher
from tarot_data.text.normalise import fold

CARD_SIGN, TURN_SIGN, PERSON_SIGN = "\ue000", "\ue001", "\ue002"
GAP = 24
"""Most characters `…` may match: two clauses of the annotated readings (their median is 11 characters)."""

PERSON, CLAUSE_END = "{人}", "{。}"
_SIGNS = {"{牌}": CARD_SIGN, "{位}": TURN_SIGN, PERSON: PERSON_SIGN}
_CLAUSE_ENDS = np.array([ord(c) for c in ",。!?;:~…\x02"], dtype=np.uint32)


class Cue(NamedTuple):
    """A parsed row of the table. parts: the words between gaps. first, last: anchored; clause: ends in `{。}`."""

    row: lexicon.Row
    parts: tuple[str, ...]
    first: bool
    last: bool
    clause: bool
    label: str
    weight: float
    kind: str

    @property
    def key(self) -> str:
        """Return `label cue`, by which the model identifies a row, wherever it is in the table."""
        return f"{self.label} {self.row['cue']}"

    @property
    def full_kind(self) -> str:
        """Return `label.kind`."""
        return f"{self.label}.{self.kind}"


def parse(row: lexicon.Row, text: str | None = None) -> Cue:
    """Parse a row of the table, or one of several phrases of a row. Raises ValueError if its weight is not a number."""
    text = row["cue"] if text is None else text
    first, last, clause = text.startswith("^"), text.endswith("$"), text.endswith(CLAUSE_END)
    text = text.removeprefix("^").removesuffix("$").removesuffix(CLAUSE_END)
    parts = tuple(part for part in (plain(part) for part in text.split("…")) if part)
    return Cue(row, parts, first, last, clause, row["label"], float(row["weight"] or 1), row["kind"])


def plain(text: str) -> str:
    """Write a cue as `features.encode` writes sentences: folded, without spaces, placeholders and digits as signs."""
    for written, sign in _SIGNS.items():
        text = text.replace(written, sign)
    text = "".join("0" if character.isdecimal() else character for character in "".join(fold(text).split()))
    for word in sorted(turn_words(), key=len, reverse=True):
        text = text.replace(word, TURN_SIGN)
    return text.translate(dialect())


@lexicon.cached
def dialect() -> dict[int, int]:
    """Return the code points of folded characters that say the same as a more frequent one (恁: 你), and that one's."""
    rows = lexicon.read_table("dialect")
    return {ord(character): ord(fold(row["as"])) for row in rows for character in fold(row["characters"])}


@lexicon.cached
def turn_words() -> tuple[str, ...]:
    """Return the folded words that name an orientation and nothing else."""
    rows = [
        row
        for row in lexicon.read_table("orientation")
        if row["orientation"] in ("upright", "reversed") and row["ambiguous"] == "no" and row["position"] != "prefix"
    ]
    return tuple(sorted({fold(row["word"]) for row in rows if len(row["word"]) > 1 and ord(row["word"][0]) >= 0x4E00}))


@lexicon.cached
def cues() -> tuple[Cue, ...]:
    """Parse every row with a weight; a reader switches a shipped row off with the weight 0."""
    return tuple(cue for cue in map(parse, lexicon.read_table("cues")) if cue.weight and cue.parts)


@lexicon.cached
def names() -> tuple[str, ...]:
    """Return the key of every cue."""
    return tuple(cue.key for cue in cues())


@lexicon.cached
def style_cues() -> tuple[Cue, ...]:
    """Parse the phrases of `sub_styles.csv`, which tell how a sentence does its job, not what its label is."""
    rows = lexicon.read_table("sub_styles")
    return tuple(cue for row in rows for cue in (parse(row, text) for text in row["words"].split("|")) if cue.parts)


@lexicon.cached
def _phrases(table: Callable[[], tuple[Cue, ...]]) -> list[str]:
    return sorted({part for cue in table() for part in cue.parts})


@lexicon.cached
def kinds() -> tuple[str, ...]:
    """Return `label.kind` of every cue, sorted: the names of the features they give."""
    return tuple(sorted({cue.full_kind for cue in cues()}))


def find(
    padded: np.ndarray, owner: np.ndarray, table: Callable[[], tuple[Cue, ...]] = cues
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find all cues: (sentence, cue, place), each sentence and cue once. place: index of its last part into padded.

    padded: code points of all sentences as `features.encode` gives them, each between the signs 1 and 2. owner: the
    sentence of every code point. table: `cues` or `style_cues`.
    """
    empty = np.zeros(0, dtype=np.int64)
    found = []
    if len(padded):
        text = _Text(padded, owner, _phrases(table))
        for number, cue in enumerate(table()):
            start = text.ends_of(cue)[0]
            if len(start):
                # Of several places in a sentence the last.
                last = np.concatenate([owner[start[1:]] != owner[start[:-1]], [True]])
                found.append((owner[start[last]], np.full(last.sum(), number), start[last]))
    if not found:
        return empty, empty, empty
    sentence, cue, place = map(np.concatenate, zip(*found, strict=True))
    return sentence, cue, place


class _Text:
    """All occurrences of the parts of cues in the sentences of a batch."""

    def __init__(self, padded: np.ndarray, owner: np.ndarray, phrases: list[str]) -> None:
        self.padded, self.owner = padded, owner
        found = phrase_matcher.find_in(padded, phrases)
        # Numbers of 16 bits are sorted by radix.
        order = np.argsort(found.phrase.astype(np.uint16), kind="stable")
        self.bounds = np.searchsorted(found.phrase[order], np.arange(len(phrases) + 1))
        self.start, self.end = found.start[order], found.end[order]
        self.number = {phrase: number for number, phrase in enumerate(phrases)}
        self.first = np.searchsorted(owner, np.arange(owner[-1] + 1)) + 1
        self.first_word, self.last_word = _word_bounds(padded, owner)

    def find(self, part: str) -> tuple[np.ndarray, np.ndarray]:
        """Return start and end of every occurrence of a part."""
        number = self.number[part]
        mine = slice(self.bounds[number], self.bounds[number + 1])
        return self.start[mine], self.end[mine]

    def ends_of(self, cue: Cue) -> tuple[np.ndarray, np.ndarray]:
        """Return start and end of the last part of every occurrence of a cue."""
        owner = self.owner
        start, end = self.find(cue.parts[0])
        if cue.first and len(start):
            wordlike = cue.parts[0][0].isalnum() or cue.parts[0][0] >= CARD_SIGN
            keep = start == (self.first_word if wordlike else self.first)[owner[start]]
            start, end = start[keep], end[keep]
        for part in cue.parts[1:]:
            if len(start):
                start, end = self._after(end, *self.find(part))
        if cue.last and len(start):
            keep = end == self.last_word[owner[end - 1]]
            start, end = start[keep], end[keep]
        if cue.clause and len(start):
            keep = np.isin(self.padded[end], _CLAUSE_ENDS)
            start, end = start[keep], end[keep]
        return start, end

    def _after(self, before: np.ndarray, start: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Keep the spans that follow one of the ends in `before` within GAP characters of the same sentence."""
        nearest = np.searchsorted(before, start, side="right") - 1
        near = nearest >= 0
        near[near] &= start[near] - before[nearest[near]] <= GAP
        near[near] &= self.owner[start[near]] == self.owner[before[nearest[near]] - 1]
        return start[near], end[near]


def _word_bounds(codes: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first and one past the last word character of every sentence, -1 if it has none."""
    word = (codes >= 0x3400) & (codes < 0xFE00) | (codes >= 97) & (codes <= 122) | (codes >= 48) & (codes <= 57)
    at = np.nonzero(word)[0]
    count = owner[-1] + 1
    first, last = np.full(count, -1), np.full(count, -1)
    first[owner[at][::-1]] = at[::-1]
    last[owner[at]] = at + 1
    return first, last


@lexicon.cached
def _tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return for every cue its weight, the index of its label and that of its kind."""
    table, names = cues(), {name: number for number, name in enumerate(kinds())}
    weight = np.array([cue.weight for cue in table])
    label = np.array([LABELS.index(cue.label) for cue in table])
    return weight, label, np.array([names[cue.full_kind] for cue in table])


def votes(sentence: np.ndarray, cue: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Sum the weights of cues: (sentences, labels), and (sentences, kinds) whether there is a cue of that kind."""
    weight, label, kind = _tables()
    by_label = np.zeros((size, len(LABELS)))
    np.add.at(by_label, (sentence, label[cue]), weight[cue])
    by_kind = np.zeros((size, len(kinds())))
    by_kind[sentence, kind[cue]] = 1
    return by_label, by_kind


def kind_weights(sentence: np.ndarray, cue: np.ndarray, size: int) -> np.ndarray:
    """Sum the weights of cues by their kind: (sentences, kinds)."""
    weight, _, kind = _tables()
    by_kind = np.zeros((size, len(kinds())))
    np.add.at(by_kind, (sentence, kind[cue]), weight[cue])
    return by_kind


def strongest(weights: np.ndarray, names: Sequence[str]) -> list[list[str]]:
    """Return the names of the kinds of each sentence, the one of the most weight first. weights: (sentences, kinds)."""
    return [[names[kind] for kind in np.argsort(-row, kind="stable") if row[kind] > 0] for row in weights]
