"""Remarks that turn the cards of a list by their places: `愚人、力量、星星（第2、3张逆位）`, `除了最后一张都是逆位`."""

import re
from typing import NamedTuple

from schemas.deck import OTHER_SIDE
from tarot_data import lexicon
from tarot_data.cards.card_words import words
from tarot_data.cards.lists_apart import merge_lists
from tarot_data.lexicon.word_lists import any_of, any_of_kind, of_kind
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS, to_int

_LONGEST_REMARK, _MOST_REMARKS = 60, 3
_TWO = "两"
_OPEN, _CLOSE, _CLOSING = "([【", ")]】", " )]】。.!~"
_NOT_OPEN = f"[^{re.escape(_OPEN)}]*"
_IN_BRACKET = re.compile(rf"[{re.escape(_OPEN)}]{_NOT_OPEN}[0-9{_TWO}{NUMERALS}]{_NOT_OPEN}$")
"""A number in the last bracket."""


class Remark(NamedTuple):
    """side: an orientation; places: words for the places of the cards that have it."""

    side: str
    places: str


def remarks_at_end(text: str) -> tuple[str, list[Remark]]:
    """Return a text without the remarks at its end, and these."""
    rest, found = text, []
    while len(found) < _MOST_REMARKS and (remark := _remark_at_end(rest)):
        rest, found = rest[: remark[0]], [*found, remark[1]]
    return rest, found


def _remark_at_end(text: str) -> tuple[int, Remark] | None:
    """Return where the last remark of a text begins, and the remark; None if it does not end in one."""
    start = max(0, len(text) - _LONGEST_REMARK)
    folded = fold(text)[start:]
    if not (_leading().search(folded) or _IN_BRACKET.search(folded)) or not folded.rstrip(_CLOSING).endswith(_ends()):
        return None
    match = _remark().search(folded)
    if match is None:
        return None
    places = match["places"] or match["listed"]
    if match["listed"] and not names_places(places):
        return None
    before = folded[: match.start("lead")]
    if not (_has_ordinal(places) or match["lead"] or sum(map(before.count, _OPEN)) > sum(map(before.count, _CLOSE))):
        return None  # `圣杯一、二逆`: ranks
    side = words()[match["turn"] or match["heading"]][1]
    return start + match.start(), Remark(OTHER_SIDE[side] if match["except"] else side, places)


def turned(cards: list[dict], remarks: list[Remark]) -> list[dict]:
    """Set the orientations of drawn cards by remarks. A place without a card sets none, nor does a count (`两张逆位`), unless
    it is of all cards."""
    drawn = [card for card in cards if card["place"] != 0]
    lists: dict[str, list[dict]] = {}
    for side, written in remarks:
        places = places_in(written, len(drawn))
        if not names_places(written):
            places = range(1, len(drawn) + 1) if places == [len(drawn)] else []
        if places:
            lists.setdefault(side, []).extend(dict(drawn[place - 1]) for place in places)
    return merge_lists(cards, lists) if lists else cards


def names_places(written: str) -> bool:
    """Check that words are places and no count: several, or one with an ordinal (第二张, 最后一张)."""
    return _has_ordinal(written) or len(_place().findall(fold(written))) > 1


def places_in(written: str, count: int) -> list[int]:
    """Return the places, from 1, that words name among a count of cards (`第二、四张`, `前两张`); [] if one has no card."""
    found: list[int] = []
    for match in _place().finditer(fold(written)):
        number = to_int(match["number"] or match["of"] or NUMERALS[0]) or 0
        if match["edge"]:
            first = 1 if match["edge"] in of_kind("first places") else count - number + 1
            found += range(first, first + number)
        else:
            found.append(number)
    return found if all(1 <= place <= count for place in found) else []


def _has_ordinal(written: str) -> bool:
    return any(match["edge"] or match["ordinal"] for match in _place().finditer(fold(written)))


@lexicon.cached
def _turns() -> tuple[str, ...]:
    return tuple(word for word, (kind, _) in words().items() if kind == "o" and word.isalpha())


@lexicon.cached
def _ends() -> tuple[str, ...]:
    """Return what a remark may end in."""
    return (*_turns(), *of_kind("measure"), *of_kind("counter"), *of_kind("nothing"), *NUMERALS, *"0123456789")


@lexicon.cached
def _leading() -> re.Pattern:
    """Compile a pattern for the words of which a remark has one, unless it is in brackets."""
    kinds = ("ordinal", "first places", "last places", "place lead", "place except")
    return re.compile(any_of(word for kind in kinds for word in of_kind(kind)))


@lexicon.cached
def _place() -> re.Pattern:
    """Compile a pattern for one place in folded text: `第2`, 四张, `前两张`."""
    number, measure = rf"(?:[0-9]{{1,2}}|[{_TWO}{NUMERALS}]{{1,3}})", any_of(of_kind("measure") + of_kind("counter"))
    edge = any_of(of_kind("first places") + of_kind("last places"))
    return re.compile(
        rf"(?:(?P<edge>{edge})\s?(?P<of>{number})?\s?(?:{measure})"
        rf"|(?P<ordinal>{any_of_kind('ordinal')})?\s?(?P<number>{number})\s?(?:{measure})?)"
    )


@lexicon.cached
def _places() -> str:
    place = re.sub(r"\?P<\w+>", "?:", _place().pattern)
    return rf"{place}(?:(?:[、,;/|&+\s]|{any_of_kind('nothing')})*{place})*"


@lexicon.cached
def only_places() -> re.Pattern:
    """Compile a pattern for folded text of places alone: `2、3`, `第二张和第四张`."""
    return re.compile(_places())


@lexicon.cached
def _remark() -> re.Pattern:
    """Compile a pattern for a remark at the end of a folded text: `(其中第2、4张是逆位)`, `(逆位:2、4)`."""
    filler = rf"(?:{any_of(of_kind('nothing') + of_kind('place filler'))}|\s)*"
    lead = rf"(?:(?P<except>{any_of_kind('place except')})|{any_of_kind('place lead')}|\s)*"
    own = f"{any_of_kind('ordinal')}|{any_of(of_kind('first places') + of_kind('last places') + of_kind('place lead'))}"
    turns = any_of(_turns())
    return re.compile(
        rf"(?:[(\[【,;、。\s]+|(?={own}|{any_of_kind('place except')}))(?P<lead>{lead})"
        rf"(?:(?P<places>{_places()}){filler}(?P<turn>{turns}){filler}|(?P<heading>{turns}){filler}:\s?(?P<listed>{_places()}))"
        rf"[)\]】。.!~\s]*$"
    )
