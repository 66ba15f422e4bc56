"""Drawn cards of a text that states them nowhere but in its sentences: the cards that it names and reads.

A card that is cited is left out: from an earlier reading, for a comparison, as one that did not come, or as a slip of the
tongue (`hedges.csv`). A text about cards that reads none for anybody (a card dictionary, an essay) has none: see `is_essay`.
"""

import re
from collections import Counter
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.cards.mentions import Mention, find_cards, is_sure
from tarot_data.lexicon.word_lists import any_of, any_of_kind, hedges, of_kind
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS

CITED_BEFORE, CITED_AFTER, EXTRA_BEFORE = 24, 10, 6
"""Characters of a sentence before and after a name in which words decide whether it is cited, or an extra card."""

MOST_CARDS = 15
"""Cards that a reading names, at most: annotated readings draw up to 13. A text that names more is about the deck."""

_CLOCK = re.compile(r"(?<![0-9:])[0-9]{1,2}:[0-9]{2}(?![0-9])")
_SPEAKER = re.compile(r"^[ \t>*]*([^\s:]{1,12})[ \t]?:", re.MULTILINE)

_SPEAKER_ABOVE = re.compile(r"(?:^|\n[ \t]*\n)[ \t]*([^\s:，。,.!?]{1,12})[ \t]*\n(?=\S)")
_SENTENCE_ENDS = "。!?\n;…"
_CLAUSE_ENDS = _SENTENCE_ENDS + ","


class _Patterns(NamedTuple):
    """supposed, example, denied: before a card that was not drawn. corrected: behind a slip of the tongue. essay: in texts about
    cards. you: in texts to somebody. sitting: in texts about cards that were drawn."""

    supposed: re.Pattern
    example: re.Pattern
    denied: re.Pattern
    corrected: re.Pattern
    essay: re.Pattern
    you: re.Pattern
    sitting: re.Pattern


@lexicon.cached
def _patterns() -> _Patterns:
    ordinal, measure = any_of_kind("ordinal"), any_of_kind("measure")
    return _Patterns(
        re.compile(any_of_kind("supposed")),
        re.compile(any_of_kind("example")),
        re.compile(rf"(?:{any_of_kind('not drawn')})(?:{any_of_kind('drawn')})"),
        re.compile(rf"[\s,.…—\-]*(?:{any_of_kind('corrected')})"),
        re.compile(any_of_kind("essay")),
        re.compile(any_of(map(fold, lexicon.words("marks", "you")))),
        re.compile(rf"{any_of_kind('sitting')}|(?:{ordinal})[{NUMERALS}0-9]+(?:{measure})"),
    )


def named_and_read(content: str, asked: bool = False) -> list[dict]:
    """Return the cards that a text names and reads, in order of their first mention; [] if it is no reading.

    asked: its client or question is known.
    """
    folded = fold(content)
    if _patterns().essay.search(folded):
        return []
    cards = mentioned_cards(content, folded)
    return cards if 0 < len(cards) <= MOST_CARDS and _is_reading(folded, cards, asked) else []


def mentioned_cards(content: str, folded: str) -> list[dict]:
    """Return the cards that a text names and does not only cite, in order of their first mention.

    An orientation is `unknown` unless it is next to the name, or if the text gives both.
    """
    mentions = [(mention, _is_cited(folded, mention)) for mention in find_cards(content)]
    cited = {mention.card for mention, is_cited in mentions if is_cited}
    cards: dict[str, dict] = {}
    for mention, is_cited in mentions:
        if is_cited or mention.card in cited and not is_sure(folded, mention):
            continue
        raw, side = content[mention.start : mention.end], mention.orientation
        new = {"place": len(cards) + 1, "position": None, "card": mention.card, "orientation": None, "raw": raw}
        card = cards.setdefault(mention.card, new)
        if side != "unknown" and not _is_supposed(folded, mention):
            card["orientation"] = "unknown" if card["orientation"] not in (None, side) else side
        if card is new and (label := _extra_label(folded, mention)):
            card |= {"place": 0, "position": label}
    return _numbered(list(cards.values()))


def _numbered(cards: list[dict]) -> list[dict]:
    place = 0
    for card in cards:
        card["orientation"] = card["orientation"] or "unknown"
        if card["place"]:
            place += 1
            card["place"] = place
    return cards


def is_chat(folded: str) -> bool:
    """Check whether several persons speak in a text: two lines with a time of day, or two names that both begin lines
    twice, or are alone in the line above what they say. It may hold anybody's words, so a reader of chats must split it."""
    if len(_CLOCK.findall(folded)) > 1 and sum(_CLOCK.search(line) is not None for line in folded.split("\n")) > 1:
        return True
    speakers = Counter(_SPEAKER.findall(folded) or _SPEAKER_ABOVE.findall(folded))
    return sum(count > 1 for count in speakers.values()) > 1


def addresses(folded: str) -> bool:
    """Check for a text to somebody."""
    return _patterns().you.search(folded) is not None


def _is_reading(folded: str, cards: list[dict], asked: bool) -> bool:
    """Check whether three signs say that the cards were drawn for somebody: an address, words of a sitting, an orientation,
    several cards (three count double). If somebody asked, two are enough, or three cards."""
    patterns = _patterns()
    stated = any(card["orientation"] != "unknown" for card in cards)
    signs = [addresses(folded), patterns.sitting.search(folded), stated, len(cards) > 1, len(cards) > 2]
    return sum(map(bool, signs)) >= (2 if asked else 3)


def _is_cited(folded: str, mention: Mention) -> bool:
    patterns = _patterns()
    before = _before(folded, mention.start, _SENTENCE_ENDS, CITED_BEFORE)
    clause = _before(folded, mention.start, _CLAUSE_ENDS, CITED_BEFORE)
    after = _after(folded, mention.end)
    if hedges("earlier").search(before) or patterns.example.search(before):
        return True
    if any(pattern.search(clause) for pattern in (hedges("comparison", "absent"), patterns.supposed, patterns.denied)):
        return True
    return bool(hedges("absent").search(after) or patterns.corrected.match(folded, mention.end))


def _is_supposed(folded: str, mention: Mention) -> bool:
    """Check whether the orientation next to a name is only supposed: `如果是逆位的力量`."""
    clause = _before(folded, mention.start, _CLAUSE_ENDS, CITED_BEFORE) + _after(folded, mention.end)
    return hedges("hypothetical").search(clause) is not None


def _extra_label(folded: str, mention: Mention) -> str | None:
    before = _before(folded, mention.start, _CLAUSE_ENDS, EXTRA_BEFORE)
    return next((word for word in of_kind("extra") if word in before), None)


def _before(folded: str, at: int, ends: str, most: int) -> str:
    start = at
    while start > max(0, at - most) and folded[start - 1] not in ends:
        start -= 1
    return folded[start:at]


def _after(folded: str, at: int) -> str:
    end = at
    while end < min(len(folded), at + CITED_AFTER) and folded[end] not in _CLAUSE_ENDS:
        end += 1
    return folded[at:end]
