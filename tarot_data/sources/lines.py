"""Lines of a note, each classified once: blank, separator, date, heading or text, and its labels."""

import re
import string
from collections.abc import Iterable
from enum import Enum

from tarot_data import lexicon
from tarot_data.lexicon.dates import parse_date
from tarot_data.lexicon.word_lists import any_of
from tarot_data.sources.labels import Label, labels_in
from tarot_data.sources.noise import noise_words
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS, to_int

WHITESPACE = string.whitespace + "\u3000\xa0"
ORNAMENTS = WHITESPACE + "#*_~=—―─–-●○•◆■▪★☆📅🗓\ufe0f【】[]「」（）()"
"""Around the date of a date line."""
_SEPARATING = "-=_*~～—―─━－＝＊·•#.＿〰◆◇■□●○★☆✿❀※▪▫"
_DASHES = "-=_*~—─"
NTH = "第"

DAY = r"(?:(?:19|20)\d{2}|1[01]\d)\s?[-/.年]\s?\d{1,2}\s?[-/.月]\s?\d{1,2}\s?[日号]?"
_DAY_AT_START = re.compile(rf"{DAY}|(?:19|20)\d{{6}}(?!\d)|[A-Z][a-z]{{2,8}} \d{{1,2}}, (?:19|20)\d{{2}}")
_DAY_ALONE = re.compile(r"\d{1,2}月\d{1,2}[日号號]?(?:\s\S{1,3})?")
"""A heading of a day without its year. A line of text like it may be inside a forecast."""
_LONGEST_DATE_LINE = _LONGEST_SEPARATOR = 60
_MOST_ORNAMENTS = 12
_AFTER_DATE = 8
"""Characters that a date line may have after its date, of a weekday or a name."""

_TASK = re.compile(r"[\s>]*(?:(?:[-*+]|[0-9]{1,2}[.)])\s+\[[ xX/-]\](?:\s|$)|(?:[-*+]\s+)?[☐☑☒])")
_TASK_STARTS = tuple("-*+>☐☑☒0123456789")
_ITEM = re.compile(r"\s*(?:([0-9]{1,2})[.、)]|[①-⑳]|[-*•]\s)\s*")
_COUNTED = re.compile(
    rf"\W{{0,3}}(?:([0-9]{{1,3}}|[{NUMERALS}]{{1,3}})(?:\ufe0f?\u20e3|\s?[.、:：)）】])|([①-⑳]))(?![0-9])\s*(?=\S.{{0,30}}$)"
)

BULLETS = ("- ", "* ", "• ", "+ ")

SENTENCE_ENDS = "。！？!?"


class Kind(Enum):
    """Kind of a line, by its marks alone."""

    BLANK = "blank"
    SEPARATOR = "separator"
    DATE = "date"
    HEADING = "heading"
    TEXT = "text"


class Line:
    """One line. number: its line number in the file, from 1. guessed: its label was not written. Kind, labels and field are
    computed on first use."""

    __slots__ = ("_field", "_kind", "_labels", "guessed", "number", "stripped", "text")

    def __init__(self, text: str, number: int = 0, guessed: bool = False) -> None:
        self.text = text
        self.number = number
        self.guessed = guessed
        self.stripped = text.strip()
        self._kind: Kind | None = None
        self._labels: tuple[Label, ...] | None = None
        self._field: str | None = None

    @property
    def kind(self) -> Kind:
        if self._kind is None:
            self._kind = _kind_of(self)
        return self._kind

    @property
    def labels(self) -> tuple[Label, ...]:
        if self._labels is None:
            self._labels = labels_in(self.text)
        return self._labels

    @property
    def field(self) -> str:
        """Return the field of the first label; empty if the line begins with none."""
        if self._field is None:
            self._field = self.labels[0].key[0] if self.labels else ""
        return self._field

    @property
    def value(self) -> str:
        """Return the text behind the first label, of a line that begins with one."""
        return self.text[self.labels[0].end :]

    @property
    def level(self) -> int:
        """Return the level of a Markdown heading, 1 to 3; 0 for any other line. A date line may be a heading too."""
        if self.stripped[:1] != "#":
            return 0
        marked = self.stripped.lstrip("#")
        marks = len(self.stripped) - len(marked)
        return marks if marks <= 3 and marked[:1].isspace() and len(self.text) - len(self.text.lstrip()) <= 3 else 0

    @property
    def title(self) -> str:
        """Return the text without the marks of a heading."""
        return self.stripped[self.level :].strip()

    @property
    def count(self) -> int:
        """Return the number that a short title begins with (`2️⃣ 阿宁`, `二、阿宁`, `② 阿宁`); 0 if there is none."""
        match = _COUNTED.match(self.text)
        return to_int(match[1] or match[2]) or 0 if match else 0

    @property
    def without_count(self) -> str:
        """Return the text without the marks of a heading and the number that a short title begins with."""
        match = _COUNTED.match(self.text)
        return self.text[match.end() :].strip() if match else self.title

    @property
    def item(self) -> re.Match | None:
        """Match the mark of a list item, its number in group 1."""
        return _ITEM.match(self.text)

    @property
    def is_task(self) -> bool:
        """Check for a line with a checkbox that is no label: `- [ ] 回访`, `☑ 已付款`."""
        return self.stripped.startswith(_TASK_STARTS) and _TASK.match(self.text) is not None and not self.is_labelled

    @property
    def is_ornament(self) -> bool:
        """Check for a line of signs without a letter or digit: `✨`."""
        return not any(map(str.isalnum, self.stripped))

    @property
    def is_labelled(self) -> bool:
        """Check for a label of a field that is read: not `收款 66`, nor 回访 without a value."""
        if self.field in ("", "ignored"):
            return False
        return self.field != "outcome" or bool(self.value.strip())

    @property
    def ends_sentence(self) -> bool:
        """Check whether the line contains the end of a sentence, which a card list does not."""
        return any(mark in self.text for mark in SENTENCE_ENDS)


def to_lines(texts: Iterable[str], numbers: Iterable[int] | None = None) -> list[Line]:
    """Number the lines of texts, by default from 1."""
    if numbers is None:
        return [Line(text, number) for number, text in enumerate(texts, 1)]
    return [Line(text, number) for text, number in zip(texts, numbers, strict=True)]


@lexicon.cached
def _letters_of_marks() -> frozenset[str]:
    """Return the letters that a separator or a date line may begin with; nearly all text begins with another one."""
    words = (*noise_words("separator"), *lexicon.words("dates", "era"))
    return frozenset(string.ascii_uppercase).union(NTH, (word[0] for word in words))


def _kind_of(line: Line) -> Kind:
    if not line.stripped:
        return Kind.BLANK
    if line.stripped[0].isalpha() and line.stripped[0] not in _letters_of_marks():
        return Kind.TEXT
    if _is_separator(line.text, line.stripped):
        return Kind.SEPARATOR
    if len(line.text) <= _LONGEST_DATE_LINE and (
        _is_date(line.text) or line.level and _DAY_ALONE.fullmatch(line.title)
    ):
        return Kind.DATE
    return Kind.HEADING if line.level else Kind.TEXT


def _is_separator(text: str, stripped: str) -> bool:
    """Check for a rule of dashes or stars (a long dash counts as two), `—— 分割线 ——`, `第3位`, `- 3 -`."""
    if stripped[0] in _SEPARATING and len(text) + text.count("—") >= 3 and not "".join(text.split()).strip(_SEPARATING):
        return True
    if len(stripped) > _LONGEST_SEPARATOR:
        return False
    inner = stripped.strip(_DASHES + " ")
    if inner.isdecimal():
        return len(inner) <= 4
    if inner in noise_words("separator"):
        return True
    if stripped[0] != NTH:
        return False
    number = "".join(fold(stripped[1:]).split())
    unit = number.lstrip(string.digits + NUMERALS + "百")
    return 0 < len(number) - len(unit) <= 4 and unit in noise_words("counter")


def may_begin_with_day(text: str) -> bool:
    """Check quickly whether a day may be in the first word of a text: a digit is in the text, or an era begins it."""
    return _day_sign().search(text) is not None


@lexicon.cached
def _day_sign() -> re.Pattern:
    return re.compile(rf"\d|^[{re.escape(ORNAMENTS)}]*(?:{any_of(lexicon.words('dates', 'era'))})")


def _is_date(text: str) -> bool:
    """Check for a line of a date and little else: `【2024-01-05】`, `2024年1月5日 阿宁`."""
    start = len(text) - len(text.lstrip(ORNAMENTS))
    match = _DAY_AT_START.match(text, start)
    if start > _MOST_ORNAMENTS:
        return False
    if match is None:
        return text[start:].startswith(lexicon.words("dates", "era")) and parse_date(text).day is not None
    after = text[match.end() :]
    return len(after) <= _AFTER_DATE + _MOST_ORNAMENTS and not after[_AFTER_DATE:].strip(ORNAMENTS)
