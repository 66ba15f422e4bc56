"""Card mentions in prose: words that name one of the 78 cards, and not those that only look like one.

`lexicon/aliases.csv` says for each name where it counts: `prose` anywhere; `marked` only with a sign that a card is
meant (`signs.csv`: 正位, 这张, brackets, the head of a list), because the word is an ordinary one; `signed` the same, also if
the card is drawn (塔); `field` never in prose.
`ordinary.csv` has the phrases in which a card's name is not a card (晒太阳, 世界那么大, 塔罗). If the drawn cards of the reading
are known, a marked name of a drawn card needs no sign.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from schemas.deck import CARDS
from tarot_data import lexicon
from tarot_data.lexicon.word_lists import any_of, any_of_kind
from tarot_data.text import phrase_matcher
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS

LONGEST_JOIN = 6
"""Characters between two names that are joined (`力量、 2. 星星`)."""

CARD_ID = {card: number for number, card in enumerate(CARDS)}


@dataclass(frozen=True)
class Mention:
    """A card named at text[start:end]. orientation: written next to the name, or unknown."""

    start: int
    end: int
    card: str
    orientation: str


_NEEDS_SIGN = {"prose": 0, "marked": 1, "signed": 2}
"""By use: whether a name needs a sign never, unless its card is drawn, or always."""


@lexicon.cached
def _names() -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Return folded phrases, and per phrase its card (-1: an ordinary phrase), its _NEEDS_SIGN, and its Latin
    ends."""
    cards: dict[str, tuple[int, int]] = {}
    for row in lexicon.read_table("aliases"):
        if row["use"] in _NEEDS_SIGN:
            cards.setdefault(fold(row["alias"]), (CARD_ID[row["card"]], _NEEDS_SIGN[row["use"]]))
    for row in lexicon.read_table("ordinary"):
        cards.setdefault(fold(row["phrase"]), (-1, 0))
    phrases = list(cards)
    latin = np.array([[_is_latin(p[0]), _is_latin(p[-1])] for p in phrases])
    return phrases, np.array([c for c, _ in cards.values()]), np.array([m for _, m in cards.values()]), latin


def phrases() -> list[str]:
    """Return folded names of cards that may occur in prose, and the phrases that only look like one."""
    return _names()[0]


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


class _Signs(NamedTuple):
    """Patterns for the text next to a name. before, after: a card is meant. counts: a number at the end of the name
    counts something (没有一张权杖一张圣杯). one: 一 begins a word of its own (两只杯子一大一小). opens, closes: the name is a clause by
    itself, or all that a clause leads to (他的位置是隐者，一盏灯). joins: between two names."""

    before: re.Pattern
    after: re.Pattern
    counts: re.Pattern
    one: re.Pattern
    opens: re.Pattern
    closes: re.Pattern
    joins: re.Pattern


@lexicon.cached
def _signs() -> _Signs:
    sides = {
        side: any_of(fold(row["word"]) for row in lexicon.read_table("signs") if row["side"] == side)
        for side in ("before", "after", "end")
    }
    ordinal, measure = any_of_kind("ordinal"), any_of_kind("measure")
    after, lead, no_lead = sides["after"], any_of_kind("clause lead"), any_of_kind("no lead")
    return _Signs(
        re.compile(
            rf"(?:{sides['before']}|(?:{ordinal})[{NUMERALS}0-9]+(?:{measure})|[【「『《〈\[*])\s?[*【「『《“\"]*$"
        ),
        re.compile(rf"[*】」』》”\"]*\s?(?:{after}|[】」』》〉]|·?(?:{sides['end']})(?![a-z\u4e00-\u9fff]))"),
        re.compile(rf"(?:{any_of_kind('counted')})(?!{after})"),
        re.compile(rf"(?:{any_of_kind('after one')})(?!{after})"),
        re.compile(rf"(?:^|[\s,。!?;:|·•—\-.、*]|(?<!{no_lead})(?:{lead}))$"),
        re.compile(r"[\s*]*(?:[,。!:|\n]|$)"),
        re.compile(rf"[ *]*(?:[、/|+&→>·;]|{any_of_kind('joins')})?[ *]*(?:\d{{1,2}}[.、]?)?$"),
    )


def find_cards(text: str, drawn: Collection[str] | None = None) -> list[Mention]:
    """Find every card the text names, in order. drawn: canonical names of the reading's cards, if known."""
    folded = fold(text)
    found = phrase_matcher.find_all(folded, phrases())
    start, end, card = choose(folded, found, np.array([0]), [drawn])
    return [
        Mention(s, e, CARDS[c], orientation_near(folded, s, e))
        for s, e, c in zip(start.tolist(), end.tolist(), card.tolist(), strict=True)
    ]


def choose(
    folded: str, found: phrase_matcher.Matches, starts: np.ndarray, drawn: Sequence[Collection[str] | None]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Choose the mentions in many readings joined into one folded text: start, end, card id.

    found: matches of `phrases()` in it. starts: offset of each reading. drawn: the cards of each reading, or None if
    unknown; then a card that is once named beyond doubt counts as drawn for the rest of that reading.
    """
    _, cards, marked, latin = _names()
    keep = np.ones(len(found.start), dtype=bool)
    codes = np.frombuffer(folded.encode("utf-32-le"), dtype=np.uint32)
    alnum = (codes >= 97) & (codes <= 122) | (codes >= 48) & (codes <= 57)
    padded = np.concatenate([[False], alnum, [False]])
    keep &= ~(latin[found.phrase, 0] & padded[found.start]) & ~(latin[found.phrase, 1] & padded[found.end + 1])
    found = phrase_matcher.Matches(*(column[keep] for column in found))
    # Ordinary phrases win over every name that they overlap, then the longest name.
    ordinary = cards[found.phrase] < 0
    covered = np.zeros(len(codes), dtype=bool)
    covered[phrase_matcher.inside(found.start[ordinary], found.end[ordinary])] = True
    keep = ~ordinary & ~(covered[found.start] & covered[found.end - 1])
    found = phrase_matcher.Matches(*(column[keep] for column in found))
    found = phrase_matcher.Matches(*(column[phrase_matcher.longest(found)] for column in found))
    return _decide(folded, found, starts, drawn, cards, marked)


def _decide(folded, found, starts, drawn, cards, marked):
    signs = _signs()
    owner = np.searchsorted(starts, found.start, side="right") - 1
    known = [None if cards_ is None else {CARD_ID[card] for card in cards_} for cards_ in drawn]
    sure: dict[int, set[int]] = {}
    rows, doubtful = [], []
    last_end, last_owner = -1, -1
    for s, e, p, o in zip(found.start.tolist(), found.end.tolist(), found.phrase.tolist(), owner.tolist(), strict=True):
        if _counts(signs, folded, e):
            continue
        card, drawn_here = int(cards[p]), known[o]
        if (
            not marked[p]
            or drawn_here is not None
            and marked[p] == _NEEDS_SIGN["marked"]
            and card in drawn_here
            or _has_sign(signs, folded, s, e, drawn_here is None)
            or last_owner == o
            and s - last_end <= LONGEST_JOIN
            and signs.joins.match(folded[last_end:s])
        ):
            rows.append((s, e, card))
            sure.setdefault(o, set()).add(card)
            last_end, last_owner = e, o
        elif drawn_here is None and marked[p] == _NEEDS_SIGN["marked"]:
            doubtful.append((s, e, card, o))
    rows += [(s, e, card) for s, e, card, o in doubtful if card in sure.get(o, ())]
    rows.sort()
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def _counts(signs: _Signs, folded: str, end: int) -> bool:
    """Check whether a number at the end of a name is not a rank."""
    last = folded[end - 1]
    if last not in NUMERALS:
        return False
    return bool(signs.counts.match(folded, end) or last == NUMERALS[0] and signs.one.match(folded, end))


@lexicon.cached
def _ordinary_names() -> frozenset[str]:
    return frozenset(fold(row["alias"]) for row in lexicon.read_table("aliases") if _NEEDS_SIGN.get(row["use"]))


def is_sure(folded: str, mention: Mention) -> bool:
    """Check whether a mention by itself means the card: its name is no ordinary word, or has a sign."""
    ordinary = folded[mention.start : mention.end] in _ordinary_names()
    return not ordinary or _has_sign(_signs(), folded, mention.start, mention.end, True)


def _has_sign(signs: _Signs, folded: str, start: int, end: int, alone: bool) -> bool:
    """Check whether a name that is also an ordinary word means the card. alone: a clause by itself is a sign."""
    if signs.before.search(folded[max(0, start - 8) : start]) or signs.after.match(folded, end):
        return True
    clause = alone and signs.opens.search(folded[max(0, start - 2) : start])
    return bool(clause and signs.closes.match(folded, end))


@lexicon.cached
def _orientations() -> tuple[re.Pattern, re.Pattern, dict[str, str]]:
    words = {
        fold(row["word"]): row["orientation"]
        for row in lexicon.read_table("orientation")
        if row["orientation"] in ("upright", "reversed") and row["ambiguous"] != "mark"
    }
    long = [w for w in words if len(w) > 1 and w not in ("(+)", "(-)")]
    short = any_of(w for w in words if len(w) == 1 and w not in "+-")
    before = any_of(w for w in long if w[0].isalpha() and (not w.isascii() or len(w) >= len("upright")))
    of_card, alone = any_of_kind("of the card"), any_of_kind("alone")
    after = re.compile(
        rf"(?:{any_of_kind('card noun')})?[\s*_」』】》”\"]*(?:"
        rf"\(\s*(?P<bracket>{any_of(long)}|{short}|[+-])[\s),]"
        rf"|[·•\-—,:]?\s?(?:{of_card})?(?:{any_of_kind('is')})*\s?"
        rf"(?P<word>{any_of(long)})(?![a-z])(?!{any_of_kind('not said')})"
        rf"|[·•]?\s?(?!{any_of_kind('text')})(?P<single>(?:{alone}|r)(?![a-z])|(?:{short})(?=[\s,。;!?、|)\]】/]|$)))"
    )
    return re.compile(rf"({before})(?:{of_card})*[ 「『【《“\"*]*$"), after, words


def orientation_near(folded: str, start: int, end: int) -> str:
    """Return upright, reversed or unknown by the words right before and after the name folded[start:end]."""
    before, after, words = _orientations()
    if match := after.match(folded, end):
        return words[match["bracket"] or match["word"] or match["single"]]
    match = before.search(folded[max(0, start - 12) : start])
    return words[match[1]] if match else "unknown"
