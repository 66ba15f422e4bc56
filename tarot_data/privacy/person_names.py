"""Kinds of persons: somebody with a name, nobody in particular (匿名, 网友, 大众), or the reader themself (自占)."""

import re

import polars as pl

from tarot_data import lexicon
from tarot_data.lexicon.word_lists import any_of
from tarot_data.privacy.name_search import spans
from tarot_data.text.normalise import fold, words
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
    "rare surname",
    "role",
    "party",
    "office",
    "called",
    "mentioned",
    "before free",
    "word surname",
    "begins name",
    "no person",
    "with",
    "between",
    "relation",
    "no name",
    "after verb",
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


def person_key(name: str) -> str:
    """Return what is the same in all spellings of a name: its letters and digits, folded. 桑 桑, 桑桑🌸 and 桑桑 are one person."""
    return words(fold(name)) or fold(name.strip())


def plain_name(name: str) -> str:
    """Return a name without the signs around it: 桑桑 of 桑桑🌸～."""
    return re.sub(r"^[\W_]+|[\W_]+$", "", name) or name.strip()


def may_be_one(name: str, other: str) -> bool:
    """Check whether two names may be of one person: one is part of the other (桑桑老师), or both are forms of one (小桑, 桑桑).

    Names with different titles (林女士, 林先生) are not.
    """
    short, long = sorted((name, other), key=lambda written: len(person_key(written)))
    if len(person_key(short)) > 1 and spans(long, (plain_name(short),)):
        return True
    (one, title), (two, another) = _core(person_key(short)), _core(person_key(long))
    return one == two and not (title and another)


def _core(key: str) -> tuple[str, str]:
    """Return a name without what makes a nickname or an address of it, and its title: 桑, 姐 of 小桑姐."""
    title = next((title for title in _affixes("title") if key.endswith(title) and key != title), "")
    core = key.removesuffix(title)
    before = next((prefix for prefix in _affixes("before name") if core.startswith(prefix) and core != prefix), "")
    core = core.removeprefix(before)
    return core[:1] if len(core) == 2 and core[0] == core[1] else core, title


@lexicon.cached
def _affixes(kind: str) -> tuple[str, ...]:
    return tuple(sorted({fold(word) for word in lexicon.words("persons", kind)}, key=len, reverse=True))
