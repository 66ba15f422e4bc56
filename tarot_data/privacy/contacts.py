"""Contact details in text, found by the recognisers of `lexicon/recognisers.toml`, without overlaps.

Boundaries are look-arounds on ASCII letters and digits: `\\b` does not exist between a Chinese character and a digit.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache

import numpy as np

from tarot_data.privacy.recognisers import Look, Recogniser, groups, has_sign, spelt_number
from tarot_data.text.normalise import code_table, translated, width_table

SHORTEST, SHORTEST_PIECE = 5, 4
"""Characters of a text that may hold a contact detail, and of the rest of one that overlaps another."""

_WIDE = re.compile(
    "[\uff03\uff0b\uff10-\uff19\uff20-\uff5a\uff0e\uff0d\uff08\uff09\uff0f\uff3f\u3000\xa0\u2010-\u2014\u2212\ufe63\u1d20\u1d21\u1d2c-\u1d6a\u2174\u2164"
    "\u2179\u2169\u0445\u0425\u03bd\u03c7\u03c9\u0461\u0448\u0475\u2228\u221a\u2716\u00d7\u3128\u24b6-\u24e9\U0001d400-\U0001d7ff\U0001f130-\U0001f189]"
)
_HYPHENS = str.maketrans("、，,—–~/_", "--------")
# Keycaps, variation selectors and what else cannot be seen.
_INVISIBLE = re.compile("[\xad\u200b-\u200f\u2060\ufe0e\ufe0f\u20e3\ufeff]+")


# Letters of other scripts that are written for v, w and x.
_LOOK_ALIKES = {
    ord(character): letter
    for characters, letter in (("ᴠⅴⅤνѵ∨√", "v"), ("ᴡωѡш", "w"), ("ⅹⅩхХχㄨ✖", "x"))
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
    if not has_sign(text):
        return []
    length = len(text)
    look, places = _plain_look(Look(text))
    found: list[Contact] = []
    for trigger, starts, members in groups():
        if not look.announced if not trigger else starts.isdisjoint(look.characters) or not look[trigger]:
            continue
        for recogniser in members:
            if not recogniser.cue or recogniser.kind in look.announced:
                for start, end in recogniser.spans(look):
                    _add(found, Contact(start, end, recogniser.kind), recogniser.pieces)
    found.sort(key=lambda contact: contact.start)
    if places is None:
        return found
    places.append(length)
    return [Contact(places[one.start], places[one.end], one.kind) for one in found]


def plain_form(text: str) -> tuple[str, list[int] | None]:
    """Return the form of a text that is searched, and the place in the text of each of its characters.

    Half width, invisible characters removed, long numbers that are spelt out in digits. places: None if equal.
    """
    look, places = _plain_look(Look(text))
    return look.text, places


def _plain_look(look: Look) -> tuple[Look, list[int] | None]:
    """Return the triggers of the plain form of a text, the same object if it is in plain form, and the places."""
    text, places = look.text, None
    if _INVISIBLE.search(text):
        places = _visible_places(text)
        text = _INVISIBLE.sub("", text)
    if _WIDE.search(text):
        text = translated(text, _plain_codes())
    look = look if text == look.text else Look(text)
    if look["spelt"]:
        pattern, digits = spelt_number()
        text = pattern.sub(lambda match: _in_digits(match[0], digits), text)
    return look if text == look.text else Look(text), places


def _visible_places(text: str) -> list[int]:
    places: list[int] = []
    last = 0
    for match in _INVISIBLE.finditer(text):
        places += range(last, match.start())
        last = match.end()
    return [*places, *range(last, len(text))]


def _in_digits(number: str, digits: dict[int, str]) -> str:
    """Translate a number that is spelt out; one in plain digits stays."""
    written = number.translate(digits)
    return written.translate(_HYPHENS) if written != number else number


def found_by(recogniser: Recogniser, text: str) -> bool:
    """Test whether a recogniser finds a detail in a text, were it the only one."""
    look, _ = _plain_look(Look(text))
    tried = (
        has_sign(text)
        and (not recogniser.when or look[recogniser.when])
        and (not recogniser.cue or recogniser.kind in look.announced)
    )
    return tried and any(True for _ in recogniser.spans(look))


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


@cache
def _plain_codes() -> np.ndarray:
    """Return the translation to half width, one kind of digit and dash, as of `code_table`."""
    table = dict(width_table())
    table |= {code: unicodedata.normalize("NFKC", chr(code)) for codes in _STYLED for code in codes}
    table |= {first + place: chr(65 + place) for first in (0x1F150, 0x1F170) for place in range(26)}
    table = {code: plain for code, plain in table.items() if len(plain) == 1}
    table |= _LOOK_ALIKES
    return code_table(table | dict.fromkeys((*range(0x2010, 0x2014), 0x2212, 0xFE63), "-"))
