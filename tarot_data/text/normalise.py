"""Text normalised for comparison: width, script, case. The stored text is not changed.

Every function but `words` keeps the length of a text, so that an index is the same in the normalised text.
"""

import re
import unicodedata
from functools import cache, lru_cache

import numpy as np
import opencc


@cache
def width_table() -> dict[int, str]:
    """Map full-width and other compatibility characters to NFKC if it is one character. List numbers (①, ⑴) stay."""
    table = {}
    for code in (*range(0xFE10, 0xFE20), *range(0xFE30, 0xFE70), *range(0xFF01, 0xFFEF), 0x3000, 0xA0, 0x202F, 0x2236):
        plain = unicodedata.normalize("NFKC", chr(code))
        if len(plain) == 1 and plain != chr(code):
            table[code] = plain
    # Text pasted from a PDF may have radicals instead of characters.
    for code in (*range(0x2E80, 0x2FE0), *range(0xF900, 0xFB00)):
        plain = unicodedata.normalize("NFKC", chr(code))
        if len(plain) == 1 and plain != chr(code):
            table[code] = plain
    table[0x2236] = ":"
    table[0xFE55] = ":"
    return table


@cache
def simplifier() -> opencc.OpenCC:
    """Return the converter of traditional to simplified script, which takes some milliseconds to load."""
    return opencc.OpenCC("t2s")


@cache
def script_table() -> dict[int, str]:
    """Map traditional characters to simplified ones: OpenCC's t2s, character by character, and five that it leaves."""
    characters = "\n".join(map(chr, range(0x4E00, 0xA000)))
    simple = simplifier().convert(characters)
    table = {ord(a): b for a, b in zip(characters, simple, strict=True) if a != b}
    return {**table, ord("妳"): "你", ord("祢"): "你", ord("著"): "着", ord("暱"): "昵", ord("覆"): "复"}


@cache
def _label_table() -> dict[int, str]:
    lower = {code: chr(code + 32) for code in range(ord("A"), ord("Z") + 1)}
    table = {**script_table(), **width_table(), **lower}
    return {code: lower.get(ord(plain), plain) for code, plain in table.items()}


def code_table(table: dict[int, str]) -> np.ndarray:
    """Return an array (0x110000,) with what a table makes of every code point, one code point each."""
    codes = np.arange(0x110000, dtype=np.uint32)
    for code, plain in table.items():
        codes[code] = ord(plain)
    return codes


def translated(text: str, codes: np.ndarray) -> str:
    """Replace every character of a text by that of its code point in an array of `code_table`."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    return codes.take(points).tobytes().decode("utf-32-le", "surrogatepass")


@cache
def code_folds() -> np.ndarray:
    """Return an array (0x110000,) with the folded code point of every code point."""
    return code_table(_label_table())


@cache
def _code_widths() -> np.ndarray:
    return code_table(width_table())


LONG = 40
"""Characters from which a text is folded as an array: ten times as fast as by character, but 4 µs at least."""


SHORT = 16
"""Characters up to which a folded text is cached: names of cards, orientations and fields are repeated."""

LINE = 1000
"""Characters up to which the last folded texts are kept: several rules in turn look at the same line or message."""


@lru_cache(maxsize=16_384)
def _fold_short(text: str) -> str:
    return text.translate(_label_table())


@lru_cache(maxsize=512)
def _fold_line(text: str) -> str:
    return text.translate(_label_table()) if len(text) < LONG else translated(text, code_folds())


def fold(text: str) -> str:
    """Fold a text to half width, simplified script and lower case, character for character."""
    if len(text) <= SHORT:
        return _fold_short(text)
    return _fold_line(text) if len(text) <= LINE else translated(text, code_folds())


def widths(text: str) -> str:
    """Fold a text to half width only, character for character."""
    return text.translate(width_table()) if len(text) < LONG else translated(text, _code_widths())


_NOT_WORD = re.compile(r"[\W_]+")


_OTHER = 0xFFFFFFFF


@cache
def _word_codes() -> np.ndarray:
    """Return an array (0x20000,) of what `words` makes of a code point: 0 if it is dropped, _OTHER if that depends on
    its neighbours or is more than one code point."""
    characters = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x20000))))
    kept = _NOT_WORD.sub("", characters)
    table = np.zeros(0x20000, dtype=np.uint32)
    table[0xD800:0xE000] = _OTHER
    for start in range(0, len(kept), 256):
        block = kept[start : start + 256]
        codes = [ord(character) for character in block]
        if unicodedata.is_normalized("NFKC", block) and len(block.lower()) == len(block) and "Σ" not in block:
            table[codes] = [ord(character) for character in block.lower()]
        else:
            table[codes] = [
                ord(character.lower())
                if unicodedata.is_normalized("NFKC", character) and len(character.lower()) == 1 and character != "Σ"
                else _OTHER
                for character in block
            ]
    table[0x1100:0x1200] = _OTHER  # parts of Korean syllables, which NFKC joins
    return table


def words(text: str) -> str:
    """Return only the letters, digits and Chinese characters of a text, NFKC, lower case."""
    if len(text) >= LONG:
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        if codes.max() < 0x20000 and (found := _word_codes()[codes]).max() != _OTHER:
            return found[found > 0].tobytes().decode("utf-32-le")
    text = _NOT_WORD.sub("", text)
    if not unicodedata.is_normalized("NFKC", text):
        text = _NOT_WORD.sub("", unicodedata.normalize("NFKC", text))
    return text.lower()
