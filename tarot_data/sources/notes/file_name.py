"""The person and the day in the name of a note's file: `2024-03-05 小鹿.md`, `塔罗-小鹿-0305.docx`.

A file may be named after its topic, so a word is a person only with evidence, which is added up: the form of a name, a
place next to a day or a topic, other files of the same shape, a text that addresses it.
"""

import re
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.lexicon.word_lists import any_of
from tarot_data.sources.addressee import is_of_clients
from tarot_data.sources.name_evidence import NameForm, asks, form_of_name, may_be_name
from tarot_data.sources.noise import leading_word, noise_words
from tarot_data.sources.notes.front_matter import day_in_name
from tarot_data.sources.notes.head_words import words_of
from tarot_data.sources.records import Blob
from tarot_data.text.normalise import fold

ENOUGH = 3
"""Points at which a word is a person; see `_points`."""
_FORM = {NameForm.SURE: 2, NameForm.LIKELY: 1, NameForm.NONE: 0}
_BESIDE, _ALIKE, _CALLED = 1, 1, 2
FEWEST_ALIKE = 3
"""Files of one shape, each with another name in it, that are evidence for one another."""
MOST_FILES = 2000
"""Files of a folder whose names are compared."""
_BEFORE_NAME = " \n#*>【"
"""Before the name that a text begins with."""
LONGEST_STEM = 40
LONGEST_TOPIC = 4
LOOKED_AT = 20_000
"""Characters of a text in which the name is searched."""


class Named(NamedTuple):
    """What a file name has. word: may be the person's name; beside: a day, a topic or a question is next to it; shape:
    the name with its day and word left out; day: as written, None if it has none; known: nothing else is in the name but known words."""

    word: str | None = None
    beside: bool = False
    shape: str = ""
    day: str | None = None
    known: bool = False


def person_in_name(blob: Blob, text: str) -> str | None:
    """Return the person after whom a note's file is named; None without enough evidence."""
    named = _named(blob.name)
    if named.word is None:
        return None
    if _is_below_clients(blob.hint):
        return named.word
    points = _points(named, text)
    if points < ENOUGH and points + _ALIKE >= ENOUGH and blob.path is not None and blob.member is None:
        points += _ALIKE * (named.shape in _shapes_of_names(blob.path.parent, _stamp(blob.path.parent)))
    return named.word if points >= ENOUGH else None


def day_of_file(blob: Blob, person: str | None) -> str | None:
    """Return the day in the name of a note's file: at its beginning, or anywhere next to its person or a topic alone."""
    named = _named(blob.name)
    return day_in_name(blob.name) or (named.day if person or named.known else None)


def _points(named: Named, text: str) -> int:
    called = _CALLED * bool(_called(named.word).search(fold(text[:LOOKED_AT])))
    first = text.lstrip(_BEFORE_NAME).startswith(named.word)
    return _FORM[form_of_name(named.word)] + _BESIDE * (named.beside + first) + called


@lru_cache(maxsize=4096)
def _named(name: str) -> Named:
    stem = name.rsplit(".", 1)[0].strip()
    if not stem or len(stem) > LONGEST_STEM:
        return Named()
    found, rest, dated, topic = words_of(stem)
    day = next((value for label, value in found if label == "日期"), None)
    others = rest[1:]
    if not rest or not may_be_name(rest[0]) or not all(asks(word) or len(word) <= LONGEST_TOPIC for word in others):
        return Named(day=day, known=not rest)
    if any(form_of_name(word) is not NameForm.NONE for word in others):
        return Named(day=day)  # `小鹿 阿宁`: two people
    for_whom = leading_word(rest[0], "head for")
    rest[0] = rest[0].removeprefix(for_whom) or rest[0]
    shape = re.sub(r"\d+", "0", stem.replace(rest[0], "\0", 1))
    return Named(rest[0], dated or topic or bool(others or for_whom), shape, day)


@lexicon.cached(maxsize=1024)
def _called(name: str) -> re.Pattern:
    """Compile the ways in which a text addresses a name: 亲爱的小鹿, 小鹿你好; `小鹿，` at the start of a sentence only
    for what has the form of a name, since `搬家，` may begin a sentence too."""
    word = re.escape(fold(name))
    ways = [
        rf"(?:{any_of(noise_words('calls before'))})[\s,]?{word}(?![a-z])",
        rf"(?<![a-z]){word}\s?(?:{any_of(noise_words('calls after'))})",
    ]
    if form_of_name(name) is not NameForm.NONE:
        ways.append(rf"(?:^|[。！？!?~…\n”」])\s*{word}(?:[,、!~…]|你|您)")
    return re.compile("|".join(ways))


def _is_below_clients(hint: str) -> bool:
    """Check for a file in a folder of clients: `客户/小鹿.md`."""
    return "/" in hint and is_of_clients(hint.rsplit("/", 2)[-2])


def _stamp(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=64)
def _shapes_of_names(folder: Path, stamp: int) -> frozenset[str]:
    """Return the shapes of a folder's file names whose words are names: different ones, most in the form of a name."""
    try:
        names = [path.name for path, _ in zip(folder.iterdir(), range(MOST_FILES), strict=False)]
    except OSError:
        return frozenset()
    words: dict[str, set[str]] = {}
    for named in map(_named, names):
        if named.word:
            words.setdefault(named.shape, set()).add(named.word)
    forms = {shape: Counter(form_of_name(word) for word in found) for shape, found in words.items()}
    return frozenset(
        shape
        for shape, found in words.items()
        if len(found) >= FEWEST_ALIKE and forms[shape][NameForm.NONE] * 2 < len(found)
    )
