"""Search for a person's names in running text and in names of files, and masking of them."""

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from tarot_data.text.normalise import fold, widths

MASK = "某"
"""Replaces every character of a forgotten name in other persons' texts, so that sentence offsets stay right."""

_SPACES = " \t\u3000\xa0\u200b\u200c\u200d\ufeff·•・"
_GAP = f"[{_SPACES}]{{0,2}}"
"""What may separate the characters of a Chinese name, or the words of another one: people write 桑 桑 and 桑桑."""


def spans(text: str, names: tuple[str, ...]) -> list[tuple[int, int]]:
    """Find names in a text, ignoring width, case, script and spaces; Latin names only as whole words. Offsets in characters."""
    names = tuple(filter(str.strip, names))
    found = _compiled(names).finditer(text) if names else ()
    return [match.span() for match in found if is_word(text, *match.span())]


def place_spans(key: str, text: str, names: tuple[str, ...]) -> list[tuple[int, int]]:
    """Like `spans`, but ignore numbers in a locator: they are lines or rows."""
    return spans(text, tuple(name for name in names if key != "locator" or not fold(name.strip()).isdigit()))


@lru_cache(maxsize=64)
def _compiled(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(pattern(names))


def pattern(names: Iterable[str], any_case: bool = True) -> str:
    """Return a regular expression of Python and Polars for names as `spans` finds them, without word boundaries."""
    return "|".join(_one_pattern(name.strip(), any_case) for name in sorted(names, key=len, reverse=True))


def _one_pattern(name: str, any_case: bool) -> str:
    out, before = [], ""
    for written, character in zip(name, fold(name), strict=True):
        if character in _SPACES:
            before = " "
            continue
        if out and not (_latin(before) and _latin(character)):
            out.append(_GAP)
        forms = _variants().get(character, set()) | {character}
        if _latin(character) and not any_case:
            forms = {form for form in forms if widths(form) == widths(written)}
        out.append(f"[{re.escape(''.join(sorted(forms)))}]")
        before = character
    return "".join(out) or re.escape(name)


@cache
def _variants() -> dict[str, set[str]]:
    """Return folded character -> the characters that are folded to it."""
    out: dict[str, set[str]] = {}
    for code in range(0x10000):
        if not 0xD800 <= code < 0xE000 and (plain := fold(chr(code))) != chr(code):
            out.setdefault(plain, set()).add(chr(code))
    return out


def masked(text: str, found: list[tuple[int, int]]) -> str:
    for start, end in found:
        text = text[:start] + MASK * (end - start) + text[end:]
    return text


def is_word(text: str, start: int, end: int) -> bool:
    """Test that text[start:end] does not begin or end inside a longer Latin word or number."""
    before, after = text[start - 1 : start] if start else "", text[end : end + 1]
    inside = [(before, text[start]), (text[end - 1], after)]
    return not any(_latin(fold(one)) and _latin(fold(other)) for one, other in inside)


def _latin(character: str) -> bool:
    return character.isascii() and character.isalnum()
