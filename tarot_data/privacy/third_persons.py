"""Names of third persons in readings, found by the role or title next to them (同事王建国, 李婉清经理).

A name is a surname of persons.csv and one or two characters that are no function words. Names without a role are not found.
"""

import re
from collections.abc import Iterable

from tarot_data import lexicon
from tarot_data.lexicon.word_lists import any_of
from tarot_data.text.chinese_words import frequent, of_classes

COMMON, COMMON_NAME = 20, 500
"""Frequency in jieba's dictionary from which a surname and a character are a word (周末, 方案) and not a name; from which
they are one although the dictionary calls them a name (安静 1199, but 孙悦 32, 汪洋 275)."""


def names_in(texts: Iterable[str | None]) -> list[str]:
    """Return the names of third persons in texts, sorted, each once."""
    found = {name for text in texts if text for match in _named().finditer(text) for name in _name(match)}
    return sorted(found)


@lexicon.cached
def _named() -> re.Pattern:
    kinds = (("surname", "rare surname"), ("role",), ("title",), ("called",), ("relation",))
    words = ([word for one in kind for word in lexicon.words("persons", one)] for kind in kinds)
    surname, role, title, called, relation = map(any_of, words)
    given = r"[\u4e00-\u9fff]"
    return re.compile(
        rf"(?:{role})(?:{title})?(?:{called})?[\s:：]?(?P<surname>{surname})(?P<given>{given}{{1,2}})"
        rf"|(?P<surname_2>{surname})(?P<given_2>{given}{{1,2}}?)(?={role})"
        rf"|(?<![\u4e00-\u9fff])(?P<surname_3>{surname})(?P<given_3>{given}{{1,2}}?)(?=(?:{relation}){given}{{0,3}}(?:{role}))"
    )


def _name(match: re.Match) -> list[str]:
    """Return the name of a match, without what does not belong to it; none if it is a word."""
    surname, given = (group for group in match.groups() if group)
    ends = lexicon.words("persons", "no name")
    if given[0] in ends or any(given.startswith(word) for word in lexicon.words("persons", "title")):
        return []
    following = match.string[match.end() : match.end() + 1]
    if len(given) > 1 and (given[1] in ends or _is_word(given[1], following) or _is_name(surname + given[0], given[1])):
        given = given[:1]
    ordinary = _is_common(surname + given[0]) or _is_common(surname + given) or given in of_classes(frozenset("t"))
    return [] if ordinary else [surname + given]


def _is_word(character: str, following: str) -> bool:
    """Test whether a character begins a word or is a verb and no part of a name: 孙立建议, 冯刚抢了."""
    ends = lexicon.words("persons", "no name")
    return (
        following in lexicon.words("persons", "after verb")
        or (character in of_classes(frozenset("v")) and following in of_classes(frozenset("r")))
        or (bool(following) and following not in ends and _is_common(character + following))
    )


def _is_name(word: str, following: str) -> bool:
    """Test whether a word is a name in jieba's dictionary, and a verb follows it: 汪洋讲."""
    return word in of_classes(frozenset(["nr"])) and following in of_classes(frozenset("v"))


def _is_common(word: str) -> bool:
    return word in frequent(COMMON_NAME) or (word in frequent(COMMON) and word not in of_classes(frozenset(["nr"])))
