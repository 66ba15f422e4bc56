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

_DECORATION = " \t\u3000>#*-•"
_SIGN = "[\u2190-\u21ff\u2460-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
_LEAD = re.compile(
    rf"^[ \t>]*(?:[-*•·▪▫◆●]\s+|#{{1,6}}\s+|[0-9]{{1,2}}[.、)]\s*|[{NUMERALS}]{{1,2}}[、.]\s*)?"
    rf"(?:(?:{_SIGN}[\ufe0f\u20e3]?){{1,3}}\s?)?"
)
"""Marks before a label: of a list or a heading, a number, an emoji."""
_MARK = re.compile(r"[:：﹕∶︰＝=【\[『「]")


class Label(NamedTuple):
    """A label in a line. name: folded; start, end: of the label with its marks, so that its value begins at end."""

    name: str
    start: int
    end: int

    @property
    def key(self) -> tuple[str, int]:
        """Return field and number."""
        return field_of(self.name)


def labels_in(line: str) -> list[Label]:
    """Find the labels of a line that begins with one; return [] for any other line."""
    if not line.strip() or len(line) > LONGEST_LINE:
        return []
    start = len(line) - len(line.lstrip(_DECORATION))
    if not _MARK.search(line, 0, start + _REACH):
        # A colon further on is in the middle of prose.
        return _label_before_space(line) if len(line) < _LONGEST_WITHOUT_COLON or _MARK.search(line) else []
    folded = fold(line[:LABELLED])
    found = [
        Label(match["label"], match.start(), match.end())
        for pattern in _marked_label()
        for match in pattern.finditer(folded)
        if field_of(match["label"])
    ]
    kept: list[Label] = []
    for label in sorted(found, key=lambda label: label.start):
        if not kept or label.start >= kept[-1].end:
            kept.append(label)
    return kept if kept and kept[0].start <= start + 4 else _label_before_space(line)


@lexicon.cached
def _marked_label() -> tuple[re.Pattern, re.Pattern]:
    """Compile patterns for folded text: a label in brackets; a label before a colon, at the start of a line or after a
    gap."""
    any_label = label_pattern()
    return (
        re.compile(rf"[【\[『「]\s?(?P<label>(?:{any_label})\s?\d{{0,2}})\s?[】\]』」]\s?[:：]?"),
        re.compile(
            rf"(?:{_LEAD.pattern}|(?<=[\s;；|｜,，。]))(?:\*\*|__|[【\[『「])?\s?"
            rf"(?P<label>(?:{any_label})\s?[(（]?\d{{0,2}}[)）]?)\s?(?:[(\[][^()\[\]\n]{{1,20}}[)\]]\s?)?"
            r"(?:\*\*|__|[】\]』」])?\s?(?:::?|[＝=])\s?(?:\*\*|__)?",
            re.MULTILINE,
        ),
    )


def _label_before_space(line: str) -> list[Label]:
    """Find the label that begins a line and ends at a space or the end; a single character counts only alone in a
    heading."""
    near = line[: len(line) - len(line.lstrip()) + _REACH]
    if len(line) > _REACH and len(near.split(None, 1)) < 2:
        return []
    near = fold(near)
    start = _LEAD.match(near).end()
    start += 2 * near.startswith(("**", "__"), start)
    name = near[start:].split(None, 1)[0] if near[start : start + 1].strip() else ""
    end = start + len(name)
    name = name[:-2] if name.endswith(("**", "__")) else name
    after = line[end:].lstrip(" \t\u3000*")[:1]
    if name.isascii() and after.isascii() and after.isalpha():
        return []  # words of a title: `Tarot draw`
    alone = not line[end:].strip() and line.lstrip()[:1] in ("#", "*")
    if name not in label_words() or (len(name) == 1 and not alone):
        return []
    return [Label(name, 0, len(line) - len(line[end:].lstrip(" \t\u3000")))]


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
