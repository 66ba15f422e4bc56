"""Contact details in text, found by the recognisers of `lexicon/recognisers.toml`, without overlaps.

Boundaries are look-arounds on ASCII letters and digits: `\\b` does not exist between a Chinese character and a digit.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cache
from operator import attrgetter

import numpy as np

from tarot_data.privacy.recognisers import Look, Recogniser, groups, signed_parts, spelt_number
from tarot_data.text.normalise import code_table, script_table, translated, width_table

SHORTEST, SHORTEST_PIECE = 5, 4
"""Characters of a text that may hold a contact detail, and of the rest of one that overlaps another."""

_HYPHENS = str.maketrans("、，,—–~/_", "--------")
HIDDEN = "\0"
"""Keycaps, variation selectors and what else cannot be seen become this, and are left out."""

_INVISIBLE = (0xAD, *range(0x200B, 0x2010), 0x2060, 0xFE0E, 0xFE0F, 0x20E3, 0xFEFF)


# Letters of other scripts that are written for v, w and x.
_LOOK_ALIKES = {
    ord(character): letter
    for characters, letter in (("ᴠⅴⅤνѵ∨√✌", "v"), ("ᴡωѡш", "w"), ("ⅹⅩхХχㄨ✖", "x"))
    for character in characters
}


# Letters and digits in circles, squares, mathematical and raised forms.
_STYLED = (range(0x1D2C, 0x1D6B), range(0x24B6, 0x24EA), range(0x1D400, 0x1D800), range(0x1F130, 0x1F14A))


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
    hidden, plain = _plain(text)
    found = [
        Contact(one.start + start, one.end + start, one.kind)
        for start, end in signed_parts(plain)
        for one in _found_in(_with_digits(plain[start:end], plain))
    ]
    if not found or not hidden:
        return found
    places = [*_visible(hidden), len(text)]
    return [_in_text(text, places, one) for one in found]


def _in_text(text: str, places: list[int], found: Contact) -> Contact:
    """Return a detail of the plain form at its place in the text, with the invisible characters behind it, without a space."""
    start, end = places[found.start], places[found.end]
    return Contact(start, start + len(text[start:end].rstrip()), found.kind)


def _found_in(look: Look) -> list[Contact]:
    """Return the contact details of a text in plain form."""
    found: list[Contact] = []
    for trigger, members in groups():
        if not (look[trigger] if trigger else look.announced):
            continue
        for recogniser in members:
            if not recogniser.cue or recogniser.kind in look.announced:
                for start, end in recogniser.spans(look):
                    _add(found, Contact(start, end, recogniser.kind), recogniser.pieces)
    return found


def plain_form(text: str) -> tuple[str, list[int] | None]:
    """Return the form of a text that is searched, and the place in the text of each of its characters.

    Half width, simplified script, invisible characters removed, long numbers that are spelt out in digits. places: None if equal.
    """
    hidden, plain = _plain(text)
    return _with_digits(plain).text, _visible(hidden) if hidden else None


def _plain(text: str) -> tuple[str, str]:
    """Return the plain form of a text with HIDDEN for what cannot be seen ("" if there is none) and without it."""
    plain = translated(text, _plain_codes())
    if " " in plain:
        plain = _SPACING.sub(HIDDEN, plain)
    return ("", plain) if HIDDEN not in plain else (plain, plain.replace(HIDDEN, ""))


_SPACING = re.compile(r" (?:(?<=[^\W0-9A-Za-z_] )(?=[0-9])|(?<=[0-9] )(?=[^\W0-9A-Za-z_])|(?<=  ))")
"""Spaces that part digits from Chinese (8 幢 602 室), and every further one in a row."""


def _visible(hidden: str) -> list[int]:
    return [place for place, character in enumerate(hidden) if character != HIDDEN]


def _with_digits(plain: str, whole: str = "") -> Look:
    """Return a look at a text, or at a part of a whole one, with its long numbers in digits."""
    look = Look(plain, whole)
    if not look["spelt"]:
        return look
    pattern, digits = spelt_number()
    text = pattern.sub(lambda match: _in_digits(match[0], digits), plain)
    return look if text == plain else Look(text, whole)


def _in_digits(number: str, digits: dict[int, str]) -> str:
    """Translate a number that is spelt out; one in plain digits stays."""
    written = number.translate(digits)
    return written.translate(_HYPHENS) if written != number else number


def found_by(recogniser: Recogniser, text: str) -> bool:
    """Test whether a recogniser finds a detail in a text, were it the only one."""
    _, plain = _plain(text)
    look = _with_digits(plain)
    tried = (
        bool(signed_parts(plain))
        and (not recogniser.when or look[recogniser.when])
        and (not recogniser.cue or recogniser.kind in look.announced)
    )
    return tried and any(True for _ in recogniser.spans(look))


def _add(found: list[Contact], contact: Contact, pieces: bool = False) -> None:
    """Insert a contact that overlaps none found yet; of one that does, the pieces between the others, if wanted.

    found: sorted and apart.
    """
    start, end = contact.start, contact.end
    first, last = bisect_right(found, start, key=attrgetter("end")), bisect_left(found, end, key=attrgetter("start"))
    meets = found[first:last]
    if not meets and start < end:
        found.insert(first, contact)
    elif pieces:
        starts, ends = [start, *(one.end for one in meets)], [*(one.start for one in meets), end]
        for left, right in zip(starts, ends, strict=True):
            if right - left >= SHORTEST_PIECE:
                _add(found, Contact(left, right, contact.kind))


@cache
def _plain_codes() -> np.ndarray:
    """Return the translation to half width, simplified script, one kind of digit and dash, as of `code_table`."""
    table = script_table() | width_table()
    table |= {code: unicodedata.normalize("NFKC", chr(code)) for codes in _STYLED for code in codes}
    table |= {first + place: chr(65 + place) for first in (0x1F150, 0x1F170) for place in range(26)}
    table = {code: plain for code, plain in table.items() if len(plain) == 1}
    table |= _LOOK_ALIKES
    table |= dict.fromkeys((*range(0x2010, 0x2014), 0x2212, 0xFE63), "-")
    return code_table(table | dict.fromkeys(_INVISIBLE, HIDDEN))
