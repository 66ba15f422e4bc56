"""The phrases of `lexicon/cues.csv` in the sentences of a batch.

How a cue is written: plain words; `…` for anything up to 24 characters of the same sentence; `^` and `$` for the
sentence's first and last word; `{牌}` any card, `{位}` any word for an orientation, `{人}` the querent's name, `{。}` the end
of a clause. Scripts, width, case and spaces do not matter.
"""

import re
from typing import NamedTuple

import numpy as np

from schemas.deck import LABELS
from tarot_data import lexicon
from tarot_data.text import phrase_matcher
from tarot_data.text.normalise import fold

CARD_SIGN, TURN_SIGN, PERSON_SIGN = "\ue000", "\ue001", "\ue002"
GAP = 24
"""Characters `…` may stand for: two clauses of the annotated readings (their median is 11 characters)."""

_SIGNS = {"{牌}": CARD_SIGN, "{位}": TURN_SIGN, "{人}": PERSON_SIGN}
_CLAUSE_ENDS = np.array([ord(c) for c in ",。!?;:~…\x02"], dtype=np.uint32)


class Cue(NamedTuple):
    """A row of the table, taken apart. parts: what stands between the gaps. first, last: anchored; clause: `{。}`."""

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
        """`label cue`, by which the model knows a row, wherever it is in the table."""
        return f"{self.label} {self.row['cue']}"

    @property
    def full_kind(self) -> str:
        """`label.kind`"""
        return f"{self.label}.{self.kind}"


def parse(row: lexicon.Row) -> Cue:
    text = row["cue"]
    first, last, clause = text.startswith("^"), text.endswith("$"), text.endswith("{。}")
    text = text.removeprefix("^").removesuffix("$").removesuffix("{。}")
    parts = tuple(part for part in (plain(part) for part in text.split("…")) if part)
    return Cue(row, parts, first, last, clause, row["label"], float(row["weight"] or 1), row["kind"])


def plain(text: str) -> str:
    """As the sentences are compared: folded, without spaces, orientations and placeholders as their signs."""
    for written, sign in _SIGNS.items():
        text = text.replace(written, sign)
    text = re.sub(r"\s", "", fold(text))
    text = re.sub(r"\d", "0", text)
    for word in sorted(turn_words(), key=len, reverse=True):
        text = text.replace(word, TURN_SIGN)
    return text


@lexicon.cached
def turn_words() -> tuple[str, ...]:
    """Folded words that name an orientation and nothing else."""
    rows = [r for r in lexicon.read_table("orientation") if r["orientation"] in ("upright", "reversed")]
    words = {fold(r["word"]) for r in rows if r["ambiguous"] == "no" and len(r["word"]) > 1 and r["word"][0] >= "一"}
    return tuple(sorted(word for word in words if not word.endswith("的")))


@lexicon.cached
def cues() -> tuple[Cue, ...]:
    """Every row with a weight; a reader gives a shipped row the weight 0 to switch it off."""
    return tuple(cue for cue in map(parse, lexicon.read_table("cues")) if cue.weight)


@lexicon.cached
def names() -> tuple[str, ...]:
    """Return the key of every cue."""
    return tuple(cue.key for cue in cues())


@lexicon.cached
def _phrases() -> list[str]:
    return sorted({part for cue in cues() for part in cue.parts})


@lexicon.cached
def kinds() -> tuple[str, ...]:
    """`label.kind` of every cue, sorted: the names of the features they give."""
    return tuple(sorted({cue.full_kind for cue in cues()}))


def find(padded: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(sentence, cue, place) of every cue that stands in a sentence, each pair once; place: index into padded.

    padded: code points of all sentences as `features.encode` gives them, each between the signs 1 and 2. owner: the
    sentence of every code point.
    """
    empty = np.zeros(0, dtype=np.int64)
    if not len(padded):
        return empty, empty, empty
    text = padded.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
    phrases = _phrases()
    found = phrase_matcher.find_all(text, phrases)
    order = np.argsort(found.phrase, kind="stable")
    bounds = np.searchsorted(found.phrase[order], np.arange(len(phrases) + 1))
    starts, ends = found.start[order], found.end[order]
    index = {phrase: number for number, phrase in enumerate(phrases)}
    word = (padded >= 0x3400) & (padded < 0xFE00) | (padded >= 97) & (padded <= 122) | (padded >= 48) & (padded <= 57)
    body_first, body_last = _bodies(word, owner)
    raw_first = np.searchsorted(owner, np.arange(owner[-1] + 1)) + 1
    sentences, numbers, places = [], [], []
    for number, cue in enumerate(cues()):
        at = index[cue.parts[0]]
        start, end = starts[bounds[at] : bounds[at + 1]], ends[bounds[at] : bounds[at + 1]]
        if cue.first and len(start):
            wordlike = cue.parts[0][0].isalnum() or cue.parts[0][0] >= "\ue000"
            keep = start == (body_first if wordlike else raw_first)[owner[start]]
            start, end = start[keep], end[keep]
        for part in cue.parts[1:]:
            if not len(start):
                break
            at = index[part]
            next_start, next_end = starts[bounds[at] : bounds[at + 1]], ends[bounds[at] : bounds[at + 1]]
            before = np.searchsorted(end, next_start, side="right") - 1
            near = before >= 0
            near[near] &= next_start[near] - end[before[near]] <= GAP
            near[near] &= owner[next_start[near]] == owner[end[before[near]] - 1]
            start, end = next_start[near], next_end[near]
        if cue.last and len(start):
            keep = end == body_last[owner[end - 1]]
            start, end = start[keep], end[keep]
        if cue.clause and len(start):
            keep = np.isin(padded[end], _CLAUSE_ENDS)
            start, end = start[keep], end[keep]
        if len(start):
            # Of several places in a sentence the last.
            last = np.concatenate([owner[start[1:]] != owner[start[:-1]], [True]])
            sentences.append(owner[start[last]])
            numbers.append(np.full(last.sum(), number))
            places.append(start[last])
    if not sentences:
        return empty, empty, empty
    return np.concatenate(sentences), np.concatenate(numbers), np.concatenate(places)


def _bodies(word: np.ndarray, owner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and one past the last word character of every sentence."""
    at = np.nonzero(word)[0]
    count = owner[-1] + 1
    first, last = np.full(count, -1), np.full(count, -1)
    first[owner[at][::-1]] = at[::-1]
    last[owner[at]] = at + 1
    return first, last


@lexicon.cached
def _tables() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every cue its weight, the number of its label, and that of its kind."""
    table, names = cues(), {name: number for number, name in enumerate(kinds())}
    weight = np.array([cue.weight for cue in table])
    label = np.array([LABELS.index(cue.label) for cue in table])
    return weight, label, np.array([names[cue.full_kind] for cue in table])


def votes(sentence: np.ndarray, cue: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(sentences, labels) summed weights and (sentences, kinds) whether a cue of that kind stands there."""
    weight, label, kind = _tables()
    by_label = np.zeros((size, len(LABELS)))
    np.add.at(by_label, (sentence, label[cue]), weight[cue])
    by_kind = np.zeros((size, len(kinds())))
    by_kind[sentence, kind[cue]] = 1
    return by_label, by_kind
