"""Who a person is: somebody with a name, nobody in particular (匿名, 网友, 大众), or the reader themself (自占)."""

import re

import polars as pl

from tarot_data import lexicon
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS


@lexicon.cached
def _kinds() -> dict[str, str]:
    return {fold(word): row["kind"] for row in lexicon.read_table("persons") for word in row["words"].split("|")}


_COUNTED = re.compile(rf"^第?\s?[0-9{NUMERALS}a-z]{{1,3}}\s?[号位组組个]?(?:连麦|客人|读者|网友)?$")
"""`第二组`, `3号`, `七号连麦`: a turn, not a name. A single letter is one too only with its word."""


def kind_of(person: str | None) -> str:
    """`named`, `nobody` or `self`."""
    if not person:
        return "nobody"
    word = fold(person).strip(" ()（）[]【】「」\"'")
    if word in _kinds():
        return _kinds()[word]
    return "nobody" if len(word) > 1 and _COUNTED.match(word) and not word.isascii() else "named"


def named(column: str = "person") -> pl.Expr:
    """The person where the column holds a name, else null."""
    kinds = pl.col(column).map_elements(kind_of, return_dtype=pl.String, skip_nulls=True)
    return pl.when(kinds == "named").then(pl.col(column))
