"""Kinds of persons: somebody with a name, nobody in particular (匿名, 网友, 大众), or the reader themself (自占)."""

import re

import polars as pl

from tarot_data import lexicon
from tarot_data.lexicon.word_lists import any_of
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS

KINDS = (
    "nobody",
    "self",
    "ordinal",
    "counter",
    "counted",
    "title",
    "addressed",
    "before name",
    "surname",
    "role",
    "called",
    "no name",
)
"""Kinds of rows of persons.csv: the first two are kinds of persons, the others parts of how persons are called."""


@lexicon.cached
def _kinds() -> dict[str, str]:
    return {fold(word): kind for kind in ("nobody", "self") for word in lexicon.words("persons", kind)}


@lexicon.cached
def _turn() -> re.Pattern:
    """Return the pattern of a turn, which is not a name: 第二组, 3号, 七号连麦."""
    kinds = ("ordinal", "counter", "counted")
    ordinal, counter, counted = (any_of(lexicon.words("persons", kind)) for kind in kinds)
    return re.compile(rf"(?:{ordinal})?\s?[0-9{NUMERALS}a-z]{{1,3}}\s?(?:{counter})?(?:{counted})?")


def kind_of(person: str | None) -> str:
    """Classify a person as `named`, `nobody` or `self`."""
    if not person:
        return "nobody"
    word = fold(person).strip(" ()（）[]【】「」\"'")
    if word in _kinds():
        return _kinds()[word]
    # A single letter without a counter (K) is a name.
    return "nobody" if len(word) > 1 and not word.isascii() and _turn().fullmatch(word) else "named"


def named(column: str = "person") -> pl.Expr:
    """Return the persons of a column that have a name; null for the others."""
    kinds = pl.col(column).map_elements(kind_of, return_dtype=pl.String, skip_nulls=True)
    return pl.when(kinds == "named").then(pl.col(column))


def name_pattern(name: str) -> str:
    """Return the pattern of a name in running text: a Latin name only as a whole word (Mel, not in Melissa)."""
    pattern = re.escape(name)
    return rf"(?<![0-9A-Za-z]){pattern}(?![0-9A-Za-z])" if name.isascii() else pattern
