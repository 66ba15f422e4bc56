"""Labels in one line of text (`咨询者：Mel`, `【问题】搬家`, `**牌阵**: 单张`, `问题 搬家`), and words that name a position."""

import re
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.cards.spreads import position_names
from tarot_data.lexicon.field_names import field_of, label_pattern, label_words
from tarot_data.sources.noise import noise_words
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS

LONGEST_LINE = 20_000
LABELLED = 2000
"""Characters of a line in which labels are searched, in a line of at most LONGEST_LINE."""
_REACH = 100
"""Characters after the marks at the start of a line in which its first label ends; the longest of ours has 20."""
_LONGEST_WITHOUT_COLON = 300
"""Characters of a line without a colon that a label may begin; a longer one is prose."""

LONGEST_COUNT = 3
"""Characters of the mark of a numbered question (`Q1`), whose words are the label."""

_DECORATION = " \t\u3000>#*-•"
_SIGN = "[\u2190-\u21ff\u2460-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
_LEAD = re.compile(
    rf"^[ \t>]*(?:#{{1,6}}\s+)?(?:[-*•·▪▫◆●]\s+|[0-9]{{1,2}}[.、)]\s*|[{NUMERALS}]{{1,2}}[、.]\s*)?"
    rf"(?:\[[ xX]\]\s+)?(?:#[^\s#]{{1,30}}\s+)*(?:(?:{_SIGN}[\ufe0f\u20e3]?){{1,3}}\s?)?"
)
"""Marks before a label: of a list or a heading, a number, a checkbox, tags, an emoji."""
_MARK = re.compile(r"[:：﹕∶︰＝=→【\[『「?？]")
_DASH = re.compile(r"[-\u2013\u2014|]{1,2}\s+")
"""Between a label and its value: `问题 - 搬家`, `问题 | 搬家`."""
_GLUE, _LONGEST_GLUED = " —–", 9
"""Marks directly behind a label, and the characters in which they are."""
_ASKED = re.compile(rf"{_LEAD.pattern}(?P<label>[^?:\n]{{2,24}}?)\s?(?P<mark>[?:])[?:]?\s*")
_TAG = re.compile(r"(?:^|\s)#(?P<label>[^\s#/]{1,8})/(?P<value>[^\s#/]{1,20})")
_TAGS_AT_END = re.compile(r"(?:(?:^|\s+)#(?!\d)[^\s#]{1,30})+\s*$")


_QUESTION = ("question", 1)
_OPENING = "【[『「"
"""Brackets around a label; few lines have one."""


class Label(NamedTuple):
    """A label in a line. name: folded; start, end: of the label with its marks, so that its value begins at end."""

    name: str
    start: int
    end: int

    @property
    def key(self) -> tuple[str, int]:
        """Return field and number."""
        return field_of(self.name)


@lexicon.cached(maxsize=1024)
def labels_in(line: str) -> tuple[Label, ...]:
    """Find the labels of a line that begins with one; return () for any other line.

    Cached because the form of a file is found by the labels of its lines before these are read.
    """
    if not line.strip() or len(line) > LONGEST_LINE:
        return ()
    start = len(line) - len(line.lstrip(_DECORATION))
    if "#" in line[: start + 1] and (tag := _person_in_tags(line)):
        below = len(line[: tag.end]) + len(line[tag.end :].split(None, 1)[0])
        return (
            tag,
            *(label._replace(start=label.start + below, end=label.end + below) for label in labels_in(line[below:])),
        )
    if not _MARK.search(line, 0, start + _REACH):
        # A colon further on is in the middle of prose.
        return _label_before_space(line) if len(line) < _LONGEST_WITHOUT_COLON or _MARK.search(line) else ()
    folded = fold(line[:LABELLED])
    kept = _marked_labels(folded)
    if kept and kept[0].start <= start + 4:
        numbered = len(kept) == 1 and kept[0].name[-1].isdigit() and len(kept[0].name) <= LONGEST_COUNT
        return (_asked_in_value(kept[0], folded),) if numbered else tuple(kept)
    return _question_label(folded) or _label_before_space(line)


def _marked_labels(folded: str) -> list[Label]:
    """Find the labels with marks in a folded line; of two that overlap, the first."""
    in_brackets, before_colon = _marked_label()
    patterns = (in_brackets, before_colon) if any(map(folded.__contains__, _OPENING)) else (before_colon,)
    found = [
        Label(match["label"], match.start(), match.end())
        for pattern in patterns
        for match in pattern.finditer(folded)
        if field_of(match["label"])
    ]
    kept: list[Label] = []
    for label in sorted(found, key=lambda label: label.start):
        if not kept or label.start >= kept[-1].end:
            kept.append(label)
    return kept


def _asked_in_value(label: Label, folded: str) -> Label:
    """Return the label that a numbered question asks for (`Q1：您的称呼？`), or the label itself."""
    asked = folded[label.end :].strip(" ?:")
    return Label(asked, label.start, len(folded)) if label.key[0] == "question" and field_of(asked) else label


def _person_in_tags(line: str) -> Label | None:
    """Find the tag that names the person among the tags that begin a line: `#塔罗 #客户/小樱`."""
    for match in _TAG.finditer(line[:_REACH]):
        if not line[: match.start()].strip().strip("#") or line[: match.start()].lstrip().startswith("#"):
            known = field_of(match["label"])
            if known and known[0] == "person":
                return Label(fold(match["label"]), 0, match.start("value"))
    return None


def _question_label(folded: str) -> tuple[Label, ...]:
    """Find the label in the words of a questionnaire that begins a line: `1. 您想问的问题是？`.

    Before a question mark it has a number, or the words that begin a question to a client.
    """
    match = _ASKED.match(folded)
    if match is None or not field_of(match["label"]):
        return ()
    numbered = folded[: match.start("label")].strip(" \t>#*-")[:1].isdigit()
    asks = match["label"] not in label_words() and match["label"].startswith(noise_words("label lead"))
    return (Label(match["label"], 0, match.end()),) if match["mark"] == ":" or numbered or asks else ()


def without_tags(value: str) -> str:
    """Remove the tags at the end of a value: `小樱 #塔罗 #回访`."""
    return _TAGS_AT_END.sub("", value) if "#" in value else value


@lexicon.cached
def _marked_label() -> tuple[re.Pattern, re.Pattern]:
    """Compile patterns for folded text: a label in brackets; a label before a colon, at the start of a line or after a
    gap."""
    any_label = label_pattern()
    return (
        re.compile(
            rf"[{re.escape(_OPENING)}]\s?(?P<label>(?:{any_label})\s?\d{{0,2}})\s?(?:[(\[][^()\[\]\n]{{1,30}}[)\]]\s?)?[】\]』」]\s?[:：]?"
        ),
        re.compile(
            rf"(?:{_LEAD.pattern}|(?<=[\s;；|｜,，。?!]))(?:\*\*|__|[【\[『「])?\s?"
            rf"(?P<label>(?:{any_label})\s?[(（]?\d{{0,2}}[)）]?)\s?(?:[(\[][^()\[\]\n]{{1,30}}[)\]]\s?)?"
            r"(?:\*\*|__|[】\]』」])?\s?(?:::?|[＝=→])\s?(?:\*\*|__)?",
            re.MULTILINE,
        ),
    )


def _beginning(line: str) -> str:
    """Return the folded first characters of a line, among which a label ends; nothing if its first word is longer."""
    near = line[: len(line) - len(line.lstrip()) + _REACH]
    return "" if len(line) > _REACH and len(near.split(None, 1)) < 2 else fold(near)


def _first_word(text: str, start: int) -> tuple[str, int]:
    """Return the word that begins at start, without marks of bold type behind it, and where it ends with them."""
    word = text[start:].split(None, 1)[0] if text[start : start + 1].strip() else ""
    return word[:-2] if word.endswith(("**", "__")) else word, start + len(word)


def _label_before_space(line: str) -> tuple[Label, ...]:
    """Find the label that begins a line and ends at a space or the end; a single character counts only alone in a
    heading, or if it is a letter for the question (`Q 他会来吗`)."""
    if not _may_begin_label(line.lstrip(" \t>")[:2]):
        return ()
    glued, near = _label_glued(line), _beginning(line)
    if glued or not near:
        return glued
    start = _LEAD.match(near).end()
    start += 2 * near.startswith(("**", "__"), start)
    name, end = _first_word(near, start)
    if _goes_on(name, line[end:].lstrip(" \t\u3000*")[:1]):
        return ()
    alone = not line[end:].strip() and line.lstrip()[:1] in ("#", "*")
    begin = len(line) - len(line[end:].lstrip(" \t\u3000"))
    dash = _DASH.match(line, begin) if begin > end else None
    if dash and name.endswith((")", "]")):
        name = name.replace("[", "(").partition("(")[0]  # `问题（原话） - 搬家`
    bold = near.startswith("**", start - 2) and line[begin - 1 : begin].isspace() and "**" in line[start:begin]
    letter = name.isascii() and begin > end and field_of(name) == _QUESTION
    if name not in label_words() or (len(name) == 1 and not (alone or dash or bold or letter)):
        return ()
    return (Label(name, 0, dash.end() if dash else begin),)


def _goes_on(name: str, after: str) -> bool:
    """Check for a word that goes on behind the space: a title (`Tarot draw`), an answer to somebody (`回复 @不加糖：…`)."""
    return after == "@" or name.isascii() and after.isascii() and after.isalpha()


def _label_glued(line: str) -> tuple[Label, ...]:
    """Find a sign that is a label (`👤 橘子`), or a label that a dash joins to its value (`解读—愚人…`), at the beginning."""
    start = len(line) - len(line.lstrip())
    for mark in _GLUE:
        at = line.find(mark, start + 1, start + _LONGEST_GLUED)
        name = fold(line[start:at]) if at > 0 else ""
        fits = len(name) == 1 and not name.isalnum() if mark == " " else len(name) > 1
        if fits and name in label_words() and line[at + 1 :].strip():
            return (Label(name, 0, at + 1),)
    return ()


def _may_begin_label(start: str) -> bool:
    """Check quickly, by the first two characters of a line, whether a label may begin it: nearly all lines begin with
    others."""
    if not start[:1].isalpha() or start[0] in NUMERALS:
        return True
    folded = fold(start)
    return folded in _beginnings() or folded[0] in _beginnings() and not folded[1:].isalnum()


@lexicon.cached
def _beginnings() -> frozenset[str]:
    """Return the first two characters of labels, and labels of one character."""
    return frozenset(word[:2] for word in label_words() if word)


def known_fields(labels: list[str]) -> set[str]:
    """Return the fields that any of the labels mean."""
    return {known[0] for label in labels if (known := field_of(label))}


NTH_CARD = re.compile(
    rf"第\s?(?:[0-9]{{1,2}}|[{NUMERALS}]{{1,2}})\s?[张張]牌?|(?:位置|牌位|position)\s?[0-9]{{1,2}}", re.IGNORECASE
)
"""The first card, the second, …: the number is the place of the card."""


def position_in(label: str) -> str | None:
    """Return the position, or the number of the card, that a label names: 过去, 过去牌, 第一张."""
    for name in (label, label.removesuffix("牌").removesuffix("的")):
        if fold(name) in position_names() or NTH_CARD.fullmatch(name):
            return name
    return None


def is_title(text: str | None) -> bool:
    """Check whether a title has a meaning: not `Untitled`, `新建页面 2` or a bare date."""
    folded = fold(text or "")
    bare = "".join(c for c in folded if not (c.isspace() or c.isdecimal() or c in "-./年月日()（）_"))
    return bool(bare) and bare not in noise_words("title")
