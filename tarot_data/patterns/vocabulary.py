"""Folded words of the lexicon tables for the features."""

from functools import cache

import numpy as np

from schemas.deck import THEMES
from tarot_data import lexicon
from tarot_data.cards import mentions
from tarot_data.patterns import cues, imagery
from tarot_data.text.normalise import fold

MARK_KINDS = (
    "you", "me", "other", "plain_you", "formal_you", "around_card", "after_place", "after_option", "option",
    "both_scripts", "digit",
)  # fmt: skip
"""Kinds of the table `marks`."""


@lexicon.cached
def theme_words() -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return the folded words of the theme table, the index of each word's theme in THEMES, and its weight."""
    rows = lexicon.read_table("themes")
    words = [fold(row["word"]) for row in rows]
    theme = np.array([THEMES.index(row["theme"]) for row in rows])
    return words, theme, np.array([float(row["weight"] or 1) for row in rows])


@lexicon.cached
def style_words() -> tuple[list[str], list[str]]:
    """Return the folded words of the style table, each once, and their kinds."""
    kinds: dict[str, str] = {}
    for row in lexicon.read_table("style"):
        kinds.setdefault(fold(row["word"]), row["kind"])
    return list(kinds), list(kinds.values())


@lexicon.cached
def marks(kind: str) -> str:
    """Return the characters of one kind of the table `marks`."""
    return "".join(mark_words(kind))


@lexicon.cached
def mark_words(kind: str) -> tuple[str, ...]:
    """Return the words of one kind of the table `marks`."""
    return tuple(word for row in lexicon.read_table("marks") if row["kind"] == kind for word in row["words"].split("|"))


@cache
def code_table(characters: str) -> np.ndarray:
    """Return a bool for every code point: whether it is one of the characters. Faster than `np.isin` on long texts."""
    table = np.zeros(0x110000, dtype=bool)
    table[[ord(character) for character in characters]] = True
    return table


@cache
def code_bits(*sets: str) -> np.ndarray:
    """Return for every code point a uint16 whose bit n is set if it is one of the characters of set n, of at most 16."""
    table = np.zeros(0x110000, dtype=np.uint16)
    for bit, characters in enumerate(sets):
        table[list(map(ord, set(characters)))] |= np.uint16(1 << bit)
    return table


@lexicon.cached
def vocabulary() -> dict[str, list[str]]:
    """Return for each table its folded words, as `Batch.found` numbers them."""
    return {
        "cards": mentions.phrases(),
        "turns": list(cues.turn_words()),
        "images": imagery.words()[0],
        "pointers": list(dict.fromkeys(fold(row["word"]) for row in lexicon.read_table("pointers"))),
        "themes": theme_words()[0],
        "style": style_words()[0],
    }
