"""Expressions of time in advice, found by spaCy's matcher for the patterns of `times.csv` over single characters."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.patterns.vocabulary import marks
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS

NUMBER = "{数}"
"""Placeholder of a pattern for any number."""


class Time(NamedTuple):
    """An expression of time at text[start:end]. kind: deadline, duration, frequency or moment."""

    start: int
    end: int
    text: str
    kind: str


def _spacy():
    """Import spaCy, which takes half a second, when it is first needed, and without torch and spaCy's command line.

    thinc, which spaCy uses, imports torch if it is installed (2 s and 250 MB), only to ask whether it can pass it
    tensors; spaCy imports its commands (a third of its time) for its function `info`.
    """
    if "spacy" not in sys.modules:
        info = ModuleType("spacy.cli.info")
        info.info = None
        with _in_place_of({"torch": None, "spacy.cli": ModuleType("spacy.cli"), "spacy.cli.info": info}):
            import spacy  # noqa: F401
    return sys.modules["spacy"]


@contextmanager
def _in_place_of(modules: dict[str, ModuleType | None]) -> Iterator[None]:
    """Put modules that are not imported yet into sys.modules for the block; None is one that cannot be imported."""
    there = {name: module for name, module in modules.items() if name not in sys.modules}
    sys.modules.update(there)
    try:
        yield
    finally:
        for name in there:
            del sys.modules[name]


@cache
def chinese():
    """Make a blank Chinese pipeline: one token a character, so that a token's index is its place in the text."""
    return _spacy().blank("zh")


@lexicon.cached
def _digits() -> list[str]:
    return [*"0123456789", *NUMERALS, *marks("digit")]


@lexicon.cached
def _matcher():
    number = {"TEXT": {"IN": _digits()}, "OP": "+"}
    matcher = _spacy().matcher.Matcher(chinese().vocab)
    for row in lexicon.read_table("times"):
        first, *others = ([{"TEXT": character} for character in fold(part)] for part in row["pattern"].split(NUMBER))
        tokens = first + [token for part in others for token in (number, *part)]
        matcher.add(f"{row['kind']}:{row.line}", [tokens])
    return matcher


@lexicon.cached
def _any_time() -> re.Pattern[str]:
    """Compile all patterns into one: two of three sentences of advice have no time, and spaCy is slow."""
    number = f"[{''.join(_digits())}]+"
    patterns = (map(re.escape, map(fold, row["pattern"].split(NUMBER))) for row in lexicon.read_table("times"))
    return re.compile("|".join(map(number.join, patterns)))


def find_times(texts: list[str]) -> list[list[Time]]:
    """Find the expressions of time of each text, in order; of overlapping ones the longest."""
    return [_find(text) if _any_time().search(fold(text)) else [] for text in texts]


def _find(text: str) -> list[Time]:
    vocab = chinese().vocab
    # Every character is a token, spaces too: offsets of tokens are offsets of characters.
    doc = _spacy().tokens.Doc(vocab, words=list(fold(text)), spaces=[False] * len(text))
    found = [(start, end, vocab.strings[key].split(":")[0]) for key, start, end in _matcher()(doc)]
    taken: list[Time] = []
    for start, end, kind in sorted(found, key=lambda match: (match[0] - match[1], match[0])):
        if all(end <= time.start or start >= time.end for time in taken):
            taken.append(Time(start, end, text[start:end], kind))
    return sorted(taken)
