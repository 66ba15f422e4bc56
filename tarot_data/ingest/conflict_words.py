"""Words of `card_conflicts.csv`, and the text around a mention of a card, for the card conflicts."""

import re
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.lexicon.word_lists import any_of, any_phrase
from tarot_data.text.normalise import fold

STOPS = "。!?\n"
"""Marks that end a sentence, in folded text."""


class Mention(NamedTuple):
    """A name of a card at start:end of a folded content."""

    start: int
    end: int
    card: str


class Drawn(NamedTuple):
    """A card of the draw: the orientations it was drawn in, and its positions as written."""

    ways: set[str]
    positions: set[str]

    def places(self) -> set[str]:
        """Return the folded words of its positions."""
        parts = (part for position in self.positions for part in fold(position).translate(_TO_SPACES).split())
        return {part for part in parts if len(part) > 1}


_TO_SPACES = str.maketrans("()/", "   ")


@lexicon.cached
def words(kind: str) -> tuple[str, ...]:
    """Return the folded words of a kind of card_conflicts.csv."""
    return tuple(map(fold, lexicon.words("card_conflicts", kind)))


@lexicon.cached
def pattern(kind: str, but: str = "") -> re.Pattern:
    """Return a pattern of the words of a kind, not at the start of a word of the kind `but`."""
    return any_phrase(words(kind), words(but))


def after_last(text: str, marks: str) -> str:
    """Return the text after the last of these marks."""
    return text[max(map(text.rfind, marks)) + 1 :]


def until_first(text: str, marks: str) -> str:
    """Return the text before the first of these marks."""
    return text[: min((place for mark in marks if (place := text.find(mark)) >= 0), default=len(text))]


def around(mention: Mention, mentions: list[Mention], back: int, ahead: int) -> tuple[int, int]:
    """Return start and end of the text around a mention, at most up to the next card on both sides."""
    first = max([mention.start - back, 0, *(m.end for m in mentions if m.end <= mention.start)])
    return first, min([mention.end + ahead, *(m.start for m in mentions if m.start >= mention.end)])


def own_clause(text: str, mention: Mention, mentions: list[Mention]) -> tuple[str, str]:
    """Return the text around a mention: before it in its sentence, and after it up to the end of its clause.

    Text after a comma is about the card, not about whether it was drawn.
    """
    first, last = around(mention, mentions, 24, 24)
    return after_last(text[first : mention.start], STOPS), until_first(text[mention.end : last], STOPS + ",;:")


def without_orientation(before: str) -> str:
    """Return the text before a name without an orientation of that name at its end (倒着的)."""
    return re.sub(rf"(?:{any_of(words('before name'))})[ *「『【《“\"]*$", "", before)
