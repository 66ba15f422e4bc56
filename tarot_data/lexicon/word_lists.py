"""Words of one kind of the tables extras.csv, label_words.csv, prose_words.csv and hedges.csv, and patterns made of words."""

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


def any_of_many(words: Iterable[str]) -> str:
    """Return a pattern like `any_of` for hundreds of words: nearly all positions of a text fail at their first character."""
    by_first: dict[str, list[str]] = {}
    for word in sorted(filter(None, words), key=len, reverse=True):
        by_first.setdefault(word[0], []).append(word[1:])
    firsts = "".join(map(re.escape, by_first))
    groups = (f"{re.escape(first)}(?:{'|'.join(map(re.escape, rests))})" for first, rests in by_first.items())
    return f"(?=[{firsts}])(?:{'|'.join(groups)})"


def any_of_kind(kind: str) -> str:
    """Return a pattern for any word of one kind."""
    return any_of(of_kind(kind))


def any_phrase(words: Iterable[str], but: Iterable[str] = ()) -> re.Pattern:
    """Compile phrases: `…` is a gap, `$` the end of the text, Latin words are whole words. but: words none may begin."""
    patterns = {word: re.escape(word.removesuffix("$")).replace("…", ".{0,6}") for word in words}
    parts = (
        (rf"(?<![a-z]){part}(?![a-z])" if word.isascii() else part) + "$" * word.endswith("$")
        for word, part in patterns.items()
    )
    excluded = any_of(but)
    return re.compile((f"(?!{excluded})" if excluded else "") + f"(?:{'|'.join(parts)})")


@lexicon.cached
def hedges(*kinds: str) -> re.Pattern:
    """Return a pattern of the words of hedges.csv of these kinds."""
    return any_phrase(fold(row["word"]) for row in lexicon.read_table("hedges") if row["kind"] in kinds)
