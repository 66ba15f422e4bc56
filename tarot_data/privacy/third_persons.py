"""Names of third persons in readings, found by their form and by what is next to them.

A full name (王建国) is a surname of persons.csv and one or two characters that are no function words. It counts behind or before
a role (同事王建国), behind a word that mentions somebody (对方叫陆一鸣), and with two characters that make no word also alone. A surname with
its title (赵总), a nickname (小田, 阿辉) and, behind a role, a doubled or Latin name (女儿乐乐, 主管Kevin) count as well.

Kinds of persons.csv: `role` is next to a name on either side, `party` only before it; `office` is a title; `mentioned` leads to
a name, `with` and `between` are around one; `before free` are characters before a name alone; a `word surname` is a word too, a
character of `begins name` begins a given name although it is a function word; `no person` has the form of a name.
"""

import re
from collections.abc import Iterable, Iterator

from tarot_data import lexicon
from tarot_data.lexicon.word_lists import any_of
from tarot_data.text.chinese_words import frequent, of_classes

COMMON, COMMON_NAME, COMMON_VERB = 20, 500, 2000
"""Frequency in jieba's dictionary from which a surname and a character are a word (周末, 方案) and not a name; from which
they are one although the dictionary calls them a name (安静 1199, but 孙悦 32, 汪洋 275); and of a character that is a verb behind
a name (讲 13587, but 辉 510, 涵 325)."""

_HAN = r"[\u4e00-\u9fff]"


def names_in(texts: Iterable[str | None]) -> list[str]:
    """Return the names of third persons in texts, sorted, each once."""
    return sorted({name for text in texts if text for name in _names(text)})


def _names(text: str) -> Iterator[str]:
    """Yield the names of a text; one may come more than once."""
    for match in _full().finditer(text):
        yield from _full_name(match)
    for pattern, bounded in _others():
        for match in pattern.finditer(text):
            name = match["name"]
            if not (bounded and _goes_on(text, match.end())) and not _is_no_name(name, text[match.end() :][:1]):
                yield name


@lexicon.cached
def _full() -> re.Pattern:
    """Return the pattern of full names next to a word that announces a person."""
    surname, role, mentioned = _any("surname", "rare surname"), _any("role"), _any("mentioned")
    return re.compile(
        rf"{_role()}(?P<surname>{surname})(?P<given>{_HAN}{{1,2}})"
        rf"|{mentioned}[“「]?(?P<surname_4>{surname})(?P<given_4>{_HAN}{{1,2}})"
        rf"|(?P<surname_2>{surname})(?P<given_2>{_HAN}{{1,2}}?)(?={role})"
        rf"|(?<!{_HAN})(?P<surname_3>{surname})(?P<given_3>{_HAN}{{1,2}}?)(?={_any('relation')}{_HAN}{{0,3}}{role})"
        rf"|{_any('with')}(?P<surname_5>{surname})(?P<given_5>{_HAN}{{1,2}}?)(?={_any('between')})"
    )


@lexicon.cached
def _others() -> tuple[tuple[re.Pattern, bool], ...]:
    """Return the patterns of full names alone, of surnames with a title, and of short names; whether a word must follow."""
    surname = _any("surname", "rare surname")
    long, short = (any_of(word for word in _titles() if (len(word) > 1) == is_long) for is_long in (True, False))
    led = rf"(?:{_role()}|{_any('mentioned')}[“「]?)"
    start = rf"(?:(?<!{_HAN})|(?<=[{''.join(lexicon.words('persons', 'before free'))}]))"
    telling = rf"(?!{_any('word surname')}){surname}"
    nickname = rf"{_any('before name')}{surname}|大{telling}|阿{_HAN}"
    forms = (
        (rf"{start}(?P<name>{telling}(?:(?!{_any('no name')}){_HAN}){{2}})", True),
        (rf"(?:{led}|{start}|(?={telling}))(?P<name>{surname}(?:{long}))", False),
        (rf"(?:{led}|{start})(?P<name>{surname}(?:{short}))", True),
        (rf"{led}(?P<name>{nickname}|[A-Z][a-z]{{1,15}}(?![A-Za-z]))", False),
        (rf"{start}(?P<name>{nickname})", True),
        (rf"(?:{led}|{start})(?P<name>阿[A-Za-z]{{2,10}})", False),
        (rf"{led}(?P<name>(?P<twice>(?!{_any('no name')}){_HAN})(?P=twice))", True),
    )
    return tuple((re.compile(pattern), bounded) for pattern, bounded in forms)


def _role() -> str:
    """Return the pattern of a role before a name: 同事, HR总监, 现任叫."""
    return rf"{_any('role', 'party')}{_any('title', 'office')}?{_any('called')}?[\s:：]?"


def _any(*kinds: str) -> str:
    """Return a pattern of the words of some kinds of persons.csv."""
    return f"(?:{any_of(word for kind in kinds for word in lexicon.words('persons', kind))})"


def _full_name(match: re.Match) -> list[str]:
    """Return the name of a match, without what does not belong to it; none if it is a word."""
    surname, given = (group for group in match.groups() if group)
    ends = lexicon.words("persons", "no name")
    if given.startswith(tuple(_titles())):
        return []
    whole = len(given) > 1 and not _ends_early(surname, given, match.string[match.end() : match.end() + 1])
    if not whole:
        given = given[:1]
    bounded = whole and not _goes_on(match.string, match.end())
    begins = bounded or given[0] in lexicon.words("persons", "begins name")
    if given[0] in ends and not (whole and begins and given not in frequent(1)):
        return []
    name, start = surname + given, surname + given[0]
    of_word = _is_common(start) and not (bounded and start in of_classes(frozenset(["nr"])))
    ordinary = of_word or _is_common(name) or given in of_classes(frozenset("t"))
    return [] if ordinary or start in lexicon.words("persons", "no person") else [name]


def _ends_early(surname: str, given: str, following: str) -> bool:
    """Test whether the second of two characters behind a surname does not belong to the name: 孙立建议, 冯刚抢了, 汪洋讲."""
    return (
        given[1] in lexicon.words("persons", "no name")
        or _is_word(given[1], following)
        or _is_name(surname + given[0], given[1])
    )


def _goes_on(text: str, end: int) -> bool:
    """Test whether what follows may belong to a name: a Chinese character that is no function word and begins no word."""
    following = text[end : end + 2]
    return (
        bool(re.match(_HAN, following))
        and following[0] not in lexicon.words("persons", "no name")
        and (len(following) == 1 or following not in frequent(COMMON_NAME))
    )


def _is_no_name(name: str, following: str) -> bool:
    """Test whether a name alone, with a title or short is or has a word. following: the character behind it."""
    full = len(name) == 3 and not name.endswith(tuple(_titles()))
    return (
        name in frequent(COMMON_NAME)
        or name in lexicon.words("persons", "no person")
        or (full and _is_in_words(name, following))
    )


def _is_in_words(name: str, following: str) -> bool:
    """Test whether a full name, or two characters of it or around its end, are a word."""
    return _is_word(name[2], following) or any(word in frequent(COMMON) for word in (name, name[:2], name[1:]))


def _titles() -> list[str]:
    return [word for kind in ("title", "office") for word in lexicon.words("persons", kind)]


def _is_word(character: str, following: str) -> bool:
    """Test whether a character begins a word or is a verb and no part of a name: 孙立建议, 冯刚抢了."""
    ends = lexicon.words("persons", "no name")
    return (
        following in lexicon.words("persons", "after verb")
        or (character in of_classes(frozenset("v")) and following in of_classes(frozenset("r")))
        or (bool(following) and character + following in frequent(COMMON_NAME if following in ends else COMMON))
    )


def _is_name(word: str, following: str) -> bool:
    """Test whether a word is a name in jieba's dictionary, and a verb follows it: 汪洋讲."""
    return word in of_classes(frozenset(["nr"])) and following in of_classes(frozenset("v")) & frequent(COMMON_VERB)


def _is_common(word: str) -> bool:
    return word in frequent(COMMON_NAME) or (word in frequent(COMMON) and word not in of_classes(frozenset(["nr"])))
