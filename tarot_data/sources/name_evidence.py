"""Evidence that a text without a label (a key, a sheet, a folder, a file's name) is somebody's name."""

import re
from collections.abc import Iterable
from enum import Enum

from tarot_data import lexicon
from tarot_data.cards import card_fields
from tarot_data.cards.spreads import resolve_spread
from tarot_data.lexicon.dates import parse_date
from tarot_data.lexicon.field_names import field_of
from tarot_data.privacy.person_names import kind_of
from tarot_data.sources.field_draws import topics
from tarot_data.sources.labels import position_in
from tarot_data.sources.noise import has_word, leading_word, noise_words
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS

LONGEST = 12
"""Characters of a name without evidence of its own that others of its kind confirm."""

_HAN_NAME = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]{2,4}")
_LATIN_NAME = re.compile(r"[A-Z][a-z]{1,11}(?: [A-Z][a-z]{1,11})?")
_LATIN_CALLED = re.compile(r"[A-Z][a-z]{0,11}")
_ANY_NAME = re.compile(r"[A-Za-z\u3400-\u4dbf\u4e00-\u9fff][\w. ·•-]*")
_ASKER = re.compile(
    r"[\s#*>【\[]*(?P<name>[\u4e00-\u9fff]{2,4}|[\u4e00-\u9fff]?[A-Z][a-z]{1,11})[】\]]?\s*(?P<mark>[:：|｜·–—\-/,，、】\]]|[(（][^()（）]{1,6}[)）]|\s)[\s:：–—-]*(?P<rest>\S.+)"
)
_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
"""Words of a key: saved and Readings in `savedReadings`."""


class NameForm(Enum):
    """SURE: hardly any other word has it (阿宁, 林女士, Mel). LIKELY: other words have it too (林月 and 任务, 糖糖 and 抱抱)."""

    SURE = "sure"
    LIKELY = "likely"
    NONE = "none"


def looks_like_name(text: str) -> bool:
    """Check for the form of a name: 阿宁, 阿May, 糖糖, 林月, 林女士, Mel."""
    return form_of_name(text.strip()) is not NameForm.NONE


@lexicon.cached(maxsize=4096)
def form_of_name(text: str) -> NameForm:
    """Return how surely the form of a word is that of a name."""
    if is_no_name(text):
        return NameForm.NONE
    called = text[1:] if text.startswith(_words("before name")) else ""
    if _LATIN_NAME.fullmatch(text) or _LATIN_CALLED.fullmatch(called):
        return NameForm.SURE
    if not _HAN_NAME.fullmatch(text):
        return NameForm.NONE
    title = next((title for title in _words("title") if text.endswith(title) and text != title), "")
    if len(title) > 1 or len(called) == 1 or _is_doubled(called):
        return NameForm.SURE
    return NameForm.LIKELY if title or called or _is_doubled(text) or _has_surname(text) else NameForm.NONE


def _is_doubled(text: str) -> bool:
    return len(text) == 2 and text[0] == text[1]


def are_names(texts: Iterable[str]) -> list[str]:
    """Return the names among texts of one kind: if one looks like a name, those that are no other word are names too."""
    texts = list(texts)
    if not any(map(looks_like_name, texts)):
        return []
    return [text for text in texts if not is_no_name(text)]


@lexicon.cached(maxsize=4096)
def is_no_name(text: str) -> bool:
    """Check for a word of a file's structure (`sessions`, 记录, a month) or of a reading (a field, topic, card, spread)."""
    text = text.strip()
    folded = fold(text)
    if not _ANY_NAME.fullmatch(text) or len(text) > LONGEST or kind_of(text) != "named":
        return True
    if field_of(text) or position_in(text) or folded in topics() or card_fields.listed(text) or resolve_spread(text)[0]:
        return True
    if any(folded in noise_words(kind) for kind in ("title", "sheet", "greeting", "beside", "no value")):
        return True
    if parse_date(text).day or any(character.isdigit() for character in text):
        return True
    if len(text) == 1 and not text.isascii() or has_word(folded, "in no name"):
        return True
    return _is_of_structure(text, folded)


def _is_of_structure(text: str, folded: str) -> bool:
    words = noise_words("container")
    if folded in words:
        return True
    parts = [fold(part) for part in _PARTS.findall(text) if text.isascii()]  # `阿May` is no month
    if any(part in words or part.removesuffix("s") in words for part in parts):
        return True
    return has_word(folded, "in container")


def may_be_name(word: str) -> bool:
    """Check for a word that is no everyday word or topic; without the sure form of a name also no word with a number, a
    unit of time and the like."""
    folded = fold(word)
    if is_no_name(word) or asks(word) or folded in noise_words("no file name"):
        return False
    if any(topic in folded for topic in topics() if len(topic) > 1):
        return False
    plain = form_of_name(word) is not NameForm.SURE
    return not (plain and not set(folded).isdisjoint((*noise_words("not in name"), *NUMERALS)))


def is_sure_name(text: str) -> bool:
    """Check for a Chinese word that hardly is anything but a name: 阿宁, 小满, 林女士."""
    return not text.isascii() and form_of_name(text) is NameForm.SURE and may_be_name(text)


def asks(text: str) -> bool:
    """Check whether a text has a word that asks, or a verb and its negation (`要不要`, `做唔做`)."""
    folded = fold(text)
    middles = noise_words("negation")
    return has_word(folded, "asks") or any(
        one == other and middle in middles for one, middle, other in zip(folded, folded[1:], folded[2:], strict=False)
    )


def _without_verb(name: str) -> str:
    """Return a name without the word that asks behind it: `阿池问：…`."""
    verb = next((word for word in noise_words("head asks") if name.endswith(word) and len(name) > len(word) + 1), "")
    return name.removesuffix(verb)


def split_asker(text: str, known: str | None = None) -> tuple[str | None, str]:
    """Split a title before what its person asks: `阿芮 要不要生二胎`, `豆豆：要不要换组`. Without such a name, (None, text).

    known: the person, if known. A word with the sure form of a name may be before a space or comma too; in Latin letters,
    only before a question.
    """
    match = _ASKER.match(text.removeprefix(leading_word(text, "head for")))
    if match is not None and match["mark"].isspace() and match["name"].isascii() and match["rest"][:1].islower():
        match = None  # `How to find …`
    name = _without_verb(match["name"]) if match else ""
    if match is None or known not in (None, name) or not (known or may_be_name(name)):
        return None, text
    if known:
        return known, match["rest"]
    form, question = form_of_name(name), asks(match["rest"])
    sure = form is NameForm.SURE and (question or not name.isascii())
    likely = form is NameForm.LIKELY and question and not match["mark"].isspace() and match["mark"] not in ",，、"
    return (name, match["rest"]) if sure or likely else (None, text)


@lexicon.cached
def _words(kind: str) -> tuple[str, ...]:
    return lexicon.words("persons", kind)


def _has_surname(text: str) -> bool:
    """Check for a surname and one or two characters after it."""
    return any(text.startswith(name) and 1 <= len(text) - len(name) <= 2 for name in _words("surname"))
