"""Words of one kind of the tables extras.csv, label_words.csv and prose_words.csv, and patterns made of words."""

import re
from collections.abc import Iterable

from tarot_data import lexicon
from tarot_data.text.normalise import fold

TABLES = ("extras", "label_words", "prose_words")


@lexicon.cached
def of_kind(kind: str) -> tuple[str, ...]:
    """Return the folded words of one kind, longest first."""
    found = {fold(row["word"]) for table in TABLES for row in lexicon.read_table(table) if row["kind"] == kind}
    return tuple(sorted(found, key=len, reverse=True))


def any_of(words: Iterable[str]) -> str:
    """Return a pattern for any of the words, longest first."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))


def any_of_kind(kind: str) -> str:
    """Return a pattern for any word of one kind."""
    return any_of(of_kind(kind))
