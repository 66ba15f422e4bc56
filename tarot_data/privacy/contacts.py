"""Contact details in text, found by the recognisers of `lexicon/recognisers.toml`, without overlaps.

Boundaries are look-arounds on ASCII letters and digits: `\\b` does not exist between a Chinese character and a digit.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from tarot_data.privacy.recognisers import Look, Recogniser, groups, recognisers, spelt_number, triggers
from tarot_data.text.normalise import code_table, translated, width_table

SHORTEST, SHORTEST_PIECE = 5, 4
"""Characters of a text that may hold a contact detail, and of the rest of one that overlaps another."""

_WIDE = re.compile(
    "[\uff03\uff0b\uff10-\uff19\uff20-\uff5a\uff0e\uff0d\uff08\uff09\uff0f\uff3f\u3000\xa0\u00ad\u200b-\u200f\u2010-\u2013\u2212\u2060\ufeff\U0001d7ce-\U0001d7ff]"
)
_KEYCAP = str.maketrans("", "", "\ufe0f\u20e3")


@dataclass(frozen=True)
class Contact:
    """A contact detail found: text[start:end], and its kind, a row of contacts.csv."""

    start: int
    end: int
    kind: str


def find_contacts(text: str) -> list[Contact]:
    """Return every contact detail of a text, in order, not overlapping: of two that overlap, the earlier recogniser's."""
    if len(text) < SHORTEST:
        return []
    if not triggers()["worth_a_look"](text):
        return []
    if _WIDE.search(text):
        text = translated(text, _plain_codes())
    look = Look(text)
    found: list[Contact] = []
    for trigger, members in groups():
        if not look[trigger]:
            continue
        for recogniser in members:
            if not recogniser.cue or recogniser.kind in look.announced:
                for match in recogniser.pattern.finditer(text):
                    for start, end in recogniser.details(match):
                        _add(found, Contact(start, end, recogniser.kind), recogniser.pieces)
    if look["spelt"]:
        for contact in _spelt_out(text):
            _add(found, contact)
    return sorted(found, key=lambda contact: contact.start)


def found_by(recogniser: Recogniser, text: str) -> bool:
    """Test whether a recogniser finds a detail in a text, were it the only one."""
    text = translated(text, _plain_codes()) if _WIDE.search(text) else text
    look = Look(text)
    tried = look["worth_a_look"] and look[recogniser.when] and (not recogniser.cue or recogniser.kind in look.announced)
    return tried and any(True for _ in recogniser.spans(text))


def _add(found: list[Contact], contact: Contact, pieces: bool = False) -> None:
    """Add a contact that overlaps none found yet; of one that does, the pieces between the others, if wanted."""
    start, end = contact.start, contact.end
    meets = sorted((other.start, other.end) for other in found if start < other.end and end > other.start)
    if not meets and start < end:
        found.append(contact)
    elif pieces:
        for left, right in zip([start, *(b for _, b in meets)], [*(a for a, _ in meets), end], strict=True):
            if right - left >= SHORTEST_PIECE:
                found.append(Contact(left, right, contact.kind))


def _spelt_out(text: str) -> Iterator[Contact]:
    """Yield the contact details among numbers that are spelt out or framed as keycaps."""
    pattern, digits = spelt_number()
    for match in pattern.finditer(text):
        number = match[0].translate(digits)
        bare = number.translate(_KEYCAP)
        for recogniser in recognisers():
            for start, end in recogniser.spans(bare) if recogniser.spelt else ():
                if bare == number:
                    yield Contact(match.start() + start, match.start() + end, recogniser.kind)
                else:
                    yield Contact(match.start(), match.end(), recogniser.kind)


@cache
def _plain_codes() -> np.ndarray:
    """Return the translation to half width, one kind of digit, dash and invisible character, as of `code_table`."""
    table = dict(width_table())
    table |= {0x1D7CE + place: str(place % 10) for place in range(50)}
    table |= dict.fromkeys((*range(0x2010, 0x2014), 0x2212), "-")
    return code_table(table | dict.fromkeys((0xAD, *range(0x200C, 0x2010), 0x2060, 0xFEFF), "\u200b"))
