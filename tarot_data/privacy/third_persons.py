"""Names of third persons in readings, found by the role or title next to them (同事王建国, 李婉清经理).

A name is a surname of persons.csv and one or two characters that are no function words. Names without a role are not found.
"""

import re
from collections.abc import Iterable

from tarot_data import lexicon
from tarot_data.lexicon.word_lists import any_of
from tarot_data.text import chinese_words

COMMON = 20
"""Frequency in jieba's dictionary from which a surname and a character are a word (周末, 方案) and not a name."""


def names_in(texts: Iterable[str | None]) -> list[str]:
    """Return the names of third persons in texts, sorted, each once."""
    found = {name for text in texts if text for match in _named().finditer(text) for name in _name(match)}
    return sorted(found)


@lexicon.cached
def _named() -> re.Pattern:
    kinds = ("surname", "role", "title", "called")
    surname, role, title, called = (any_of(lexicon.words("persons", kind)) for kind in kinds)
    given = r"[\u4e00-\u9fff]"
    return re.compile(
        rf"(?:{role})(?:{title})?(?:{called})?[\s:：]?(?P<surname>{surname})(?P<given>{given}{{1,2}})"
        rf"|(?P<surname_2>{surname})(?P<given_2>{given}{{1,2}}?)(?={role})"
    )


def _name(match: re.Match) -> list[str]:
    """Return the name of a match, without what does not belong to it; none if it is a word."""
    surname, given = (match["surname"], match["given"]) if match["surname"] else (match["surname_2"], match["given_2"])
    ends = lexicon.words("persons", "no name")
    if given[0] in ends or any(given.startswith(word) for word in lexicon.words("persons", "title")):
        return []
    if len(given) > 1 and (given[1] in ends or _is_word(given[1], match.string[match.end() : match.end() + 1])):
        given = given[:1]
    return [] if _is_common(surname + given[0]) or _is_common(surname + given) else [surname + given]


def _is_word(character: str, following: str) -> bool:
    """Test whether a character begins a word or is a verb and no part of a name: 孙立建议, 冯刚抢了."""
    ends = lexicon.words("persons", "no name")
    return following in lexicon.words("persons", "after verb") or (
        bool(following) and following not in ends and _is_common(character + following)
    )


def _is_common(word: str) -> bool:
    return word in chinese_words.frequent(COMMON)
