"""Turned cards: contents that give a card another orientation than the drawn one, and the drawn one nowhere.

Input: a folded content, its mentions of cards, its draw; output: code and values of a conflict. An orientation is plain if
nothing follows it in its clause (`塔，正的，`); else the text near the name may still take it back (`正位是…，你这张倒了`).
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from schemas.deck import OTHER_SIDE
from tarot_data import lexicon
from tarot_data.cards.mentions import orientation_near
from tarot_data.ingest.conflict_words import (
    STOPS,
    Drawn,
    Mention,
    after_last,
    around,
    own_clause,
    pattern,
    until_first,
    without_orientation,
    words,
)
from tarot_data.lexicon.word_lists import any_of, hedges

_PICTURED_TURNED = frozenset({"倒吊人", "高塔"})
"""Cards whose picture is upside down or falls: only a word next to the name says that they are reversed."""


CLAUSES = 40
"""Characters after a name that may say its orientation in clauses of their own."""


class Claim(NamedTuple):
    """An orientation that the text gives a mentioned card. plain: its clause says nothing else."""

    mention: Mention
    orientation: str
    plain: bool


@lexicon.cached
def _clause() -> re.Pattern:
    """Return a pattern of a clause that says an orientation and nothing else (也是倒着的), and of the mark after it."""
    first, last = (any_of(words(kind)) for kind in ("before clause", "after clause"))
    ways = "|".join(rf"(?P<{way}>{any_of(words(f'{way} clause'))})" for way in OTHER_SIDE)
    return re.compile(rf"[\s*_」』》”\"(]*(?:{first})*(?:{ways})(?:{last})*[\s*)」』》”\"]*(?=[,。!?:;|/\n]|$)")


@lexicon.cached
def _ways() -> re.Pattern:
    """Return a pattern of the words that say an orientation in a clause of its own: a quick test."""
    return re.compile(any_of([word for way in OTHER_SIDE for word in words(f"{way} clause")]))


def claim_of(text: str, mention: Mention, mentions: list[Mention]) -> Claim | None:
    """Return the orientation that the text gives a mentioned card, next to its name or as a clause right after it."""
    near = orientation_near(text, mention.start, mention.end)
    if not _ways().search(text, mention.end, mention.end + CLAUSES):
        return Claim(mention, near, False) if near != "unknown" else None
    last = around(mention, mentions, 0, CLAUSES)[1]
    after = until_first(text[mention.end : last], STOPS) + "。" * (last < mention.end + CLAUSES)
    for clause in _clauses(after):
        if (match := _clause().match(after, clause)) and (near != "unknown" or mention.card not in _PICTURED_TURNED):
            way = match.lastgroup
            if near in ("unknown", way):
                return Claim(mention, way, True)
    return Claim(mention, near, False) if near != "unknown" else None


def _clauses(after: str) -> Iterator[int]:
    """Yield where the first three clauses of a text begin; the first is the rest of a clause."""
    yield 0
    place = -1
    for _ in range(2):
        place = min((at for mark in ",:; " if (at := after.find(mark, place + 1)) >= 0), default=-1)
        if place < 0:
            return
        yield place + 1


def find_turned(text: str, mentions: list[Mention], drawn: dict[str, Drawn]) -> tuple[str, dict[str, str]] | None:
    """Return code and values if the text gives a card another orientation than the drawn one, and that one nowhere."""
    sure = {card: way for card, mine in drawn.items() for way in mine.ways if len(mine.ways) == 1 and way in OTHER_SIDE}
    claims: dict[str, list[Claim]] = {}
    for mention in mentions:
        if mention.card not in sure:
            continue
        # Most names have the drawn orientation next to them: no clause has to be read.
        near = orientation_near(text, mention.start, mention.end)
        claim = None if near == sure[mention.card] else claim_of(text, mention, mentions)
        if near == sure[mention.card] or claim and claim.orientation == sure[mention.card]:
            del sure[mention.card]
        elif claim:
            claims.setdefault(mention.card, []).append(claim)
    for card, right in sure.items():
        for claim in claims.get(card, ()):
            if not _is_supposed(text, claim, mentions) and not _takes_back(text, claim, right, mentions):
                start, end = claim.mention.start, claim.mention.end
                return f"says_{OTHER_SIDE[right]}", {"card": card, "written": text[start : end + 8].split("\n")[0]}
    return None


def _is_supposed(text: str, claim: Claim, mentions: list[Mention]) -> bool:
    """Test whether the clause of a claim, without its orientation, makes it a supposition, comparison or memory."""
    before, after = own_clause(text, claim.mention, mentions)
    before = without_orientation(before)
    after = "" if claim.plain else re.sub(rf"^.{{0,2}}(?:{any_of(words('turned over'))})(?![就才会则便变])", "", after)
    return hedges("hypothetical", "comparison", "absent", "earlier").search(before + "x" + after) is not None


def _takes_back(text: str, claim: Claim, right: str, mentions: list[Mention]) -> bool:
    """Test whether the text near this or another mention of the card has the drawn orientation after all."""
    card = claim.mention.card
    return any(
        pattern(right, f"not {right}").search(_neighbourhood(text, mention, mentions, claim)) is not None
        for mention in mentions
        if mention.card == card
    )


def _neighbourhood(text: str, mention: Mention, mentions: list[Mention], claim: Claim) -> str:
    """Return the text around a mention up to the next card; of a plain claim's own mention only its sentence."""
    first, last = around(mention, mentions, 6, 60)
    after = text[mention.end : last]
    if claim.plain:
        after = until_first(after, STOPS)
    elif "\n" in after.rstrip():
        after = after[: after.index("\n")]
    # An orientation right before the next name belongs to that card.
    after = without_orientation(after)
    return after_last(text[first : mention.start], STOPS + ",;、") + text[mention.start : mention.end] + after
