"""The words of a line of a head, or of a file's name: its day, its spread, a topic, and words that may be a name."""

import re
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.cards.spreads import resolve_spread
from tarot_data.lexicon.field_names import field_of
from tarot_data.privacy.person_names import kind_of
from tarot_data.sources.field_draws import topics
from tarot_data.sources.lines import NTH
from tarot_data.sources.name_evidence import NameForm, form_of_name
from tarot_data.sources.noise import noise_words
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS

PERSON, DATE, QUESTION, SPREAD, CARDS = "咨询者", "日期", "问题", "牌阵", "牌"
FIELDS = {PERSON: "person", DATE: "date", QUESTION: "question", SPREAD: "spread", CARDS: "cards"}
"""Labels that a part is written with, and their fields."""
ENDS = ("。", "！", "!", "…")
"""Ends of a sentence that does not ask."""
DAY = re.compile(
    r"(?<![\d:：])(?:(?:(?:(?:19|20)?\d{2}|1[01]\d)\s?[-/.年]\s?)?\d{1,2}\s?[-/.月]\s?\d{1,2}\s?[日号號]?|(?:19|20)\d{6}|(?:0[1-9]|1[0-2])[0-3]\d)(?![\d:：])"
)
TIME = re.compile(r"(?<!\d)\d{1,2}[:：]\d{2}(?:[:：]\d{2})?(?!\d)")
_COMPACT = re.compile(r"(\d{2})(\d{2})")
BREAK = re.compile(r"[\s@＠|｜/·•,，、。;；:：~～—–_【】\[\]「」『』（）()#*>→-]+")
"""Between the words of a line."""

Part = tuple[str, str]
"""A label and its value."""


class Words(NamedTuple):
    """A line of short parts. found: its day and spread; rest: its words that are no day, topic, spread or filler; day,
    topic: one is in the line, so that a word beside it may be anybody's name."""

    found: list[Part]
    rest: list[str]
    day: bool
    topic: bool


def words_of(text: str) -> Words:
    """Split a line or the name of a file into its parts: `0611 阿沁 事业`, `塔罗-小鹿-0305`."""
    found: list[Part] = []
    if day := DAY.search(text):
        compact = _COMPACT.fullmatch(day[0])
        found.append((DATE, f"{int(compact[1])}月{int(compact[2])}日" if compact else day[0]))
        text = f"{text[: day.start()]} {text[day.end() :]}"
    rest: list[str] = []
    topic = False
    for segment in filter(None, BREAK.split(TIME.sub(" ", text))):
        folded = fold(segment)
        if folded in topics() or _calls_client(segment, folded):
            topic = True
        elif folded.isdecimal() or not any(map(str.isalnum, segment)) or _says_nobody(segment, folded):
            continue
        elif resolve_spread(segment)[0]:
            found.append((SPREAD, segment))
        else:
            rest.append(_without_channel(segment))
    return Words(found, rest, day is not None, topic)


def _without_channel(word: str) -> str:
    """Return a name without the program in which its bearer asked: 阿颜微信."""
    name = word.removesuffix(next((end for end in noise_words("head channel") if word.endswith(end)), ""))
    return name if form_of_name(name) is NameForm.SURE else word


def _says_nobody(word: str, folded: str) -> bool:
    """Check for a word that is part of a head but names nobody: a weekday, a turn (`连麦1`)."""
    if folded in noise_words("head filler") or folded in noise_words("head channel"):
        return True
    unit = "".join(character for character in folded if character not in NTH + "0123456789" + NUMERALS)
    units = (*lexicon.words("persons", "counted"), *noise_words("head unit"))
    counted = unit != folded and (unit in units or bool(unit) and all(character in units for character in unit))
    return counted or len(word) > 1 and kind_of(word) == "nobody"


def _calls_client(word: str, folded: str) -> bool:
    """Check for a word for the client, next to which a word is a name: 老客户, 网名."""
    known = field_of(word)
    return folded in noise_words("head client") or known is not None and known[0] == "person"
