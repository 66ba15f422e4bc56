"""Undrawn cards: names in a content that replace a drawn card it never names.

A name counts if it is in the place of the unnamed card: after its position, or between the first names of the cards drawn
before and after it. It must also be read as drawn (`_is_read`), and no hedge near it (`hedges.csv`) may make it a
comparison, a memory, a supposition or an extra card.
"""

from typing import NamedTuple

import numpy as np

from schemas.deck import CARDS, MAJORS
from tarot_data import lexicon
from tarot_data.cards import mentions as names
from tarot_data.ingest.conflict_words import (
    STOPS,
    Drawn,
    Mention,
    own_clause,
    pattern,
    until_first,
    without_orientation,
    words,
)
from tarot_data.ingest.turned_cards import claim_of
from tarot_data.lexicon.word_lists import hedges
from tarot_data.patterns import imagery
from tarot_data.text import phrase_matcher
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS


class Content(NamedTuple):
    """A folded content with its draw. named: mentions, ordinary words only if drawn or marked as cards. all_named: every
    ordinary word that may be a name, too. shows: (place, cards it may show) of each word of a picture. spans: (start, end, interprets) of its sentences, in order."""

    text: str
    drawn: dict[str, Drawn]
    named: list[Mention]
    all_named: list[Mention]
    shows: list[tuple[int, np.ndarray]]
    spans: list[tuple[int, int, bool]]


def missing_cards(drawn: dict[str, Drawn], mentions: list[Mention]) -> list[str]:
    """Return the drawn cards that the text never names."""
    named = {mention.card for mention in mentions}
    return [card for card in drawn if card not in named]


class Words(NamedTuple):
    """Every name of a card in a content, ordinary words included, and its words of pictures; see `Content`."""

    named: list[Mention]
    shows: list[tuple[int, np.ndarray]]


def find_words(contents: list[str]) -> list[Words]:
    """Find the words of many contents in one pass."""
    folded = [fold(content) + "\n\n\n" for content in contents]
    text = "".join(folded)
    starts = np.cumsum([0, *map(len, folded)])
    known, matrix, kinds = imagery.words()
    found = phrase_matcher.find_tables(text, {"names": names.phrases(), "pictures": known})
    out = [Words([], []) for _ in contents]
    start, end, card = names.choose(text, found["names"], starts[:-1], [CARDS] * len(contents))
    owners = np.searchsorted(starts, start, side="right") - 1
    for owner, s, e, c in zip(owners.tolist(), start.tolist(), end.tolist(), card.tolist(), strict=True):
        out[owner].named.append(Mention(s - int(starts[owner]), e - int(starts[owner]), CARDS[c]))
    pictures = found["pictures"]
    # A picture of one character is ambiguous: 水, 光.
    keep = (kinds[pictures.phrase] == imagery.PICTURE) & (pictures.end - pictures.start > 1)
    owners = np.searchsorted(starts, pictures.start[keep], side="right") - 1
    places = pictures.start[keep] - starts[owners]
    for owner, place, phrase in zip(owners.tolist(), places.tolist(), pictures.phrase[keep].tolist(), strict=True):
        out[owner].shows.append((place, matrix[phrase]))
    return out


def find_undrawn(content: Content) -> tuple[str, dict[str, str]] | None:
    """Return code and values if the text interprets a card that was not drawn in place of one it never names."""
    missing = missing_cards(content.drawn, content.named)
    if not missing:
        return None
    taken = {place for mention in content.named for place in range(mention.start, mention.end)}
    more = [m for m in content.all_named if taken.isdisjoint((m.start, m.end - 1)) and m.card not in content.drawn]
    mentions = [m for m in (*content.named, *more) if m.card not in content.drawn]
    for mention in sorted(mentions):
        for card in missing if not any(alike(mention.card, other) for other in missing) else ():
            if _replaces(content, mention, card, missing):
                return "undrawn_card", {"card": mention.card, "missing": card}
    return None


def _replaces(content: Content, mention: Mention, card: str, missing: list[str]) -> bool:
    """Test whether a mention of an undrawn card is read in place of a drawn one."""
    at = next((i for i, (start, end, _) in enumerate(content.spans) if start <= mention.start < end), None)
    if at is None:
        return False
    places = tuple(content.drawn[card].places())
    signs = _signs_of(content, mention, card, at, places)
    if not signs.read or _is_hedged(content, mention, at, signs):
        return False
    if signs.position:
        return True
    shown = _is_shown(content, mention, card) and not _is_pictured(content, mention)
    return (signs.strong or not shown) and (
        _is_in_order(content, mention, card) or signs.strong and len(missing) <= 2 and not shown
    )


def _is_shown(content: Content, mention: Mention, card: str) -> bool:
    """Test whether the content has words of the picture of a card that no other named card has."""
    own = names.CARD_ID[card]
    others = [names.CARD_ID[other.card] for other in (*content.named, mention)]
    return any(cards[own] and not cards[others].any() for _, cards in content.shows)


class _Signs(NamedTuple):
    """Signs that a mention is read as a drawn card. claim: with its orientation. position: after the position of the
    card it replaces. strong: as drawn, not only as a clause with a picture. read: all together are enough."""

    claim: bool
    position: bool
    strong: bool
    read: bool


def _signs_of(content: Content, mention: Mention, card: str, at: int, places: tuple[str, ...]) -> _Signs:
    text = content.text
    start, end, _ = content.spans[at]
    before = text[start : mention.start]
    near = sorted({*content.named, mention})
    if claim := claim_of(text, mention, near):
        ways = content.drawn[card].ways
        agrees = claim.orientation in ways or ways == {"unknown"}
        return _Signs(agrees, agrees and _ends_with_place(before, places), agrees, agrees)
    if _is_listed(content, mention, near):
        return _Signs(False, False, True, True)
    if any(start <= other.start < end and other.card != mention.card for other in content.named):
        return _Signs(False, False, False, False)
    return _signs_around(content, mention, at, places)


def _signs_around(content: Content, mention: Mention, at: int, places: tuple[str, ...]) -> _Signs:
    """Return the signs of a mention without an orientation that is alone in its sentence."""
    text = content.text
    start, end, interprets = content.spans[at]
    before, after = text[start : mention.start], text[mention.end : end]
    sure = names.is_sure(text, names.Mention(*mention, "unknown"))
    pictured = _is_pictured(content, mention)
    begins, closes = _is_open(before), _is_closed(after)
    position = _ends_with_place(before, places) and (sure or closes or pictured)
    heads = _is_heading(content, at)
    drawn = (interprets or heads) and len(before) <= 12 and (heads or _is_placed(before, after))
    strong = position or drawn and (sure or pictured)
    return _Signs(
        False, position, strong, strong or sure and (pictured or begins and closes) or begins and closes and pictured
    )


def _is_hedged(content: Content, mention: Mention, at: int, signs: _Signs) -> bool:
    """Test whether a hedge near a mention makes it no card of this draw."""
    start, end, _ = content.spans[at]
    text = content.text
    before, after = own_clause(text, mention, content.named)
    if signs.claim:
        before, after = without_orientation(before), ""
    lead = text[start : mention.start]
    # Named in a clause of its own, then its picture: what is supposed or compared before the comma is not this card.
    alone = _is_open(lead) and _is_pictured(content, mention)
    if not alone and hedges("hypothetical", "comparison").search(before + "|" + after):
        return True
    if not signs.strong and not alone and len(lead) <= 12:
        lead = text[max(0, start - 24) : start].split("\n")[-1] + lead
    mine = "|".join(position for drawn in content.drawn.values() for position in map(fold, drawn.positions))
    for found in hedges("absent", "earlier", "extra", "aside").finditer(lead + "|" + after):
        if found[0] not in mine:
            return True
    ahead = until_first(text[mention.end : min(end, mention.end + 24)], STOPS[:-1])
    return hedges("correction").search(ahead) is not None


def _is_in_order(content: Content, mention: Mention, card: str) -> bool:
    """Test whether a mention is between the first names of the cards drawn before and after a card."""
    first: dict[str, int] = {}
    for other in content.named:
        first.setdefault(other.card, other.start)
    cards = list(content.drawn)
    place = cards.index(card)
    before = [first[other] for other in cards[:place] if other in first]
    after = [first[other] for other in cards[place + 1 :] if other in first]
    return max(before, default=-1) < mention.start < min(after, default=1 << 30)


def _is_listed(content: Content, mention: Mention, near: list[Mention]) -> bool:
    """Test whether a mention is right next to the name of a drawn card, in a list of names."""
    at = near.index(mention)
    for side in (*near[max(0, at - 1) : at], *near[at + 1 : at + 2]):
        first, second = sorted((side, mention))
        between = content.text[first.end : second.start]
        if side.card in content.drawn and len(between) <= 8 and not _said(between):
            return True
    return False


def _said(between: str) -> bool:
    """Test whether the text between two names says more than orientations, numbers and marks."""
    rest = pattern("upright clause").sub("", pattern("reversed clause").sub("", between))
    return any(character.isalpha() and character not in _NUMBER for character in rest) or not between.strip()


def _is_open(before: str) -> bool:
    """Test whether a name begins a clause."""
    before = before.rstrip('「『【《“"*')
    return not before or before[-1] in _MARKS


def _is_closed(after: str) -> bool:
    """Test whether a name ends a clause."""
    after = _behind_noun(after).lstrip('」』】》”"*')
    return not after or after[0] in _MARKS


def _behind_noun(after: str) -> str:
    """Return the text after a name without the word for a card (牌)."""
    for word in words("card"):
        after = after.removeprefix(word)
    return after


_MARKS = ",。.:;!?|·-=→>()[]\n\t "
_NUMBER = f"{NUMERALS}0123456789"


def _is_pictured(content: Content, mention: Mention) -> bool:
    """Test whether the text right after a name has words of that card's picture."""
    ahead = content.text[mention.end : mention.end + 40].split("\n\n")[0]
    card, last = names.CARD_ID[mention.card], mention.end + len(ahead)
    return any(mention.end <= place < last and cards[card] for place, cards in content.shows)


def _is_heading(content: Content, at: int) -> bool:
    """Test whether a sentence is the heading of an interpretation that names no card itself."""
    if at + 1 == len(content.spans):
        return False
    (start, end, _), (after, after_end, interprets) = content.spans[at : at + 2]
    return (
        interprets
        and end - start <= 20
        and "\n" in content.text[end:after]
        and not any(after <= mention.start < after_end for mention in content.named)
    )


def _endings(before: str, marks: str) -> set[str]:
    """Return the text before a card's name without marks at its end, with and without an orientation (逆位的)."""
    texts = {before} | {before.removesuffix(word) for word in words("before name")}
    return {_stripped(text, marks) for text in texts}


def _stripped(text: str, marks: str) -> str:
    while text and (text[-1] in marks or text[-1].isspace()):
        text = text[:-1]
    return text


def _ends_with_place(before: str, places: tuple[str, ...]) -> bool:
    """Test whether the text before a card's name puts it in one of these positions: 现况的位置上是."""
    ends = _endings(before, ',:|·=→「『【《“"*-')
    for kind in ("place verb", "place side", "place noun"):
        ends |= {end.removesuffix(word) for end in ends for word in words(kind)}
    return any(end.endswith(places) for end in ends)


def _is_placed(before: str, after: str) -> bool:
    """Test whether a card's name is introduced as drawn (抽到了…), followed by its orientation, or a heading."""
    if any(map(_ends_as_drawn, _endings(before, '「『【《“"*,'))):
        return True
    after = _behind_noun(after)
    first = after[:1]
    if pattern("after name").match(after.lstrip().replace("( ", "(", 1)):
        return True
    is_alone = not after or first in "(,:。.!?|" or first.isspace() or first in words("alone after name")
    return is_alone and not any(character.isalpha() for character in before)


def _ends_as_drawn(before: str) -> bool:
    """Test whether a text ends with a word or mark after which a drawn card is named. `{数}`: a number."""
    for word in words("said to be drawn"):
        head, number, tail = word.partition("{数}")
        rest = before.removesuffix(tail) if number else ""
        if number and rest != before and rest.rstrip(_NUMBER) != rest and rest.rstrip(_NUMBER).endswith(head):
            return True
    return before.endswith((*words("said to be drawn"), ":", "|", "·"))


@lexicon.cached
def _alike_names() -> frozenset[frozenset[str]]:
    """Return pairs of cards, or of a major and a rank, that readings confuse."""
    rows = (row for row in lexicon.read_table("card_conflicts") if row["kind"] == "alike")
    return frozenset(frozenset(row["words"].split("|")) for row in rows)


def alike(card: str, other: str) -> bool:
    """Test whether readings write one card and mean the other: 皇后 for a queen, 国王 or 皇帝 for a king."""
    pair = frozenset(name if name in MAJORS else name[2:] for name in (card, other))
    return card == other or (card in MAJORS or other in MAJORS) and pair in _alike_names()
