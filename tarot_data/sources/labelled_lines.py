"""Labelled lines (`咨询者：Mel`, `【问题】搬家`, `**牌阵**: 单张`) and records made of fields, for every form that has them."""

import itertools
import re
from dataclasses import dataclass, field

from tarot_data import lexicon
from tarot_data.cards import card_fields
from tarot_data.cards.spreads import position_names
from tarot_data.lexicon.field_names import field_of, label_pattern
from tarot_data.sources.field_values import Fields
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS


@dataclass
class Head:
    """The labelled lines at the top of a reading. fields: what they say; body: index of the first line after them."""

    fields: Fields = field(default_factory=dict)
    body: int = 0
    inline: str = ""
    """What stands behind a content label on its own line: the beginning of the body."""

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.fields}


_SIGN = "[\u2190-\u21ff\u2460-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
_LEAD = (
    rf"^[ \t>]*(?:[-*•·▪▫◆●]\s+|#{{1,6}}\s+|[0-9]{{1,2}}[.、)]\s*|[{NUMERALS}]{{1,2}}[、.]\s*)?"
    rf"(?:(?:{_SIGN}[\ufe0f\u20e3]?){{1,3}}\s?)?"
)
"""What may stand before a label: marks of a list or a heading, a number, an emoji."""
_NAME_END = r"(?:\*\*|__|[】\]』」])?"


@lexicon.cached
def _colon_label() -> re.Pattern:
    """A label before a colon, at the start of a line or after a gap; folded text."""
    return re.compile(
        rf"(?:{_LEAD}|(?<=[\s;；|｜，,。]))(?:\*\*|__|[【\[『「])?\s?(?P<label>(?:{label_pattern()})\s?[(（]?\d{{0,2}}[)）]?)\s?"
        rf"(?:[(\[][^()\[\]\n]{{1,20}}[)\]]\s?)?{_NAME_END}\s?(?:::?|[＝=])\s?(?:\*\*|__)?",
        re.MULTILINE,
    )


@lexicon.cached
def _bracket_label() -> re.Pattern:
    return re.compile(rf"[【\[『「]\s?(?P<label>(?:{label_pattern()})\s?\d{{0,2}})\s?[】\]』」]\s?[:：]?")


@lexicon.cached
def _bare_label() -> re.Pattern:
    """A label of two characters or more, then a space, tab or wide space; or a label alone on its line."""
    return re.compile(rf"{_LEAD}(?:\*\*|__)?(?P<label>(?:{label_pattern()}))(?:\*\*|__)?(?:[ \t\u3000]+|$)")


def _heads_alone(line: str, match: re.Match) -> bool:
    """Whether a label is all of a marked line: `## 牌`, `**牌**`."""
    return match.end() >= len(line.rstrip()) and line.lstrip()[:1] in ("#", "*")


_REACH = 100
"""Characters of a line among which a label that begins it ends; the longest of ours has 20, before it stand marks."""

_MARK = re.compile(r"[:：﹕∶︰＝=【\[『「]")


def labels_in(line: str) -> list[tuple[str, int, int]]:
    """Labels of one line: name, where it begins, where its value begins. Empty where the line begins with none."""
    if not line.strip() or len(line) > 20_000:
        return []
    if not _MARK.search(line):
        # Only a label and a space can be left: `问题 要不要换组`.
        near = len(line) - len(line.lstrip()) + _REACH
        match = _bare_label().match(fold(line[:near])) if len(line) < 300 else None
        if match is not None and match.end() == near:
            match = _bare_label().match(fold(line))
        long = match is not None and (len(match["label"]) > 1 or _heads_alone(line, match))
        named = long and field_of(match["label"]) is not None
        return [(match["label"], match.start(), match.end())] if named else []
    folded = fold(line[:2000])
    start = len(folded) - len(folded.lstrip(" \t>#*-•"))
    if not _MARK.search(line, 0, start + _REACH):
        # What a colon in the middle of prose follows is no label; only the beginning of a line can be one.
        match = _bare_label().match(folded)
        named = match is not None and len(match["label"]) > 1 and field_of(match["label"]) is not None
        return [(match["label"], match.start(), match.end())] if named else []
    found = [
        (match["label"], match.start(), match.end())
        for pattern in (_bracket_label(), _colon_label())
        for match in pattern.finditer(folded)
        if field_of(match["label"])
    ]
    found.sort(key=lambda label: label[1])
    kept: list[tuple[str, int, int]] = []
    for label in found:
        if not kept or label[1] >= kept[-1][2]:
            kept.append(label)
    if not kept or kept[0][1] > start + 4:
        match = _bare_label().match(folded)
        if match and len(match["label"]) > 1 and field_of(match["label"]):
            return [(match["label"], match.start(), match.end())]
        return []
    return kept


LONGEST_UNDER_HEADING = 80
"""Characters of a value that stands a blank line below its label's heading; longer ones are prose."""


def read_head(lines: list[str], start: int, title: str | None = None) -> Head:
    """The labelled block that begins at a line; a Head without fields where none does.

    It ends at the first line of prose, at a label whose field is already told (that is body: `牌阵：马蹄铁` restated),
    and behind a content label. A value may stand on the lines under its label; a card list may run over lines.
    """
    head = Head(body=start)
    open_key: tuple[str, int] | None = None
    index = start
    blanks = 0
    under_heading = False
    while index < len(lines):
        line = lines[index]
        stripped = line.strip()
        if not stripped:
            blanks += 1
            index += 1
            if open_key and open_key[0] != "cards" and head.fields[open_key][-1][1]:
                open_key = None
            continue
        if open_key and open_key[0] == "cards" and _continues_cards(stripped, head.fields[open_key][-1][1], blanks):
            _extend(head, open_key, stripped)
            index += 1
            head.body = index
            continue
        if open_key and open_key[0] == "cards" and stripped[0] == "|" and not head.fields[open_key][-1][1]:
            rows = list(itertools.takewhile(lambda row: row.lstrip()[:1] == "|", lines[index:]))
            if card_fields.listed("\n".join(rows)):
                _extend(head, open_key, "\n".join(rows))
                index += len(rows)
                head.body = index
                continue
        labels = labels_in(line)
        if head.fields and "cards" not in head.names and blanks < 2 and (laid := _laid_lines(lines, index, not labels)):
            open_key = ("cards", 1)
            head.fields[open_key] = [("牌", "\n".join(filter(None, map(str.strip, laid))))]
            index += len(laid)
            head.body, blanks = index, 0
            continue
        fresh = bool(labels) and _is_fresh(field_of(labels[0][0]), head, title, blanks)
        if fresh and not (blanks > 1 and len(head.fields) >= 4 and field_of(labels[0][0])[0] in ("title",)):
            under_heading = stripped.startswith("#")
            labels = _without_places(labels)
            for place, (label, _, value_start) in enumerate(labels):
                key = field_of(label)
                end = labels[place + 1][1] if place + 1 < len(labels) else len(line)
                value = line[value_start:end].strip().strip("*").strip(" \t;；|｜")
                if key[0] == "content":
                    head.inline = line[value_start:].strip()
                    head.fields.setdefault(key, []).append((label, ""))
                    head.body = index + 1
                    return head
                head.fields.setdefault(key, []).append((label, value))
                open_key = key
            index += 1
            head.body = index
            blanks = 0
            continue
        below = not blanks or (under_heading and blanks == 1 and len(stripped) <= LONGEST_UNDER_HEADING)
        if open_key and not head.fields[open_key][-1][1] and below and not labels:
            _extend(head, open_key, stripped)
            index += 1
            head.body = index
            continue
        # Behind the cards such a line may be the reading's own.
        if (
            head.fields
            and "cards" not in head.names
            and not blanks
            and not labels
            and (aside := _aside(lines, index, head, title))
        ):
            index, open_key = aside, None
            continue
        break
    return head


def _without_places(labels: list[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """Labels of a line without those that are part of its list of cards: `牌：位置1：愚人 位置2：力量`."""
    kept: list[tuple[str, int, int]] = []
    for label in labels:
        key = field_of(label[0])
        listing = bool(kept) and field_of(kept[-1][0])[0] == "cards"
        numbered = key[0] == "position" and label[0][-1:].isdigit()
        if not (listing and (numbered or card_fields.orientation_of(label[0]) or key == field_of(kept[-1][0]))):
            kept.append(label)
    return kept


NTH_CARD = re.compile(
    rf"第\s?(?:[0-9]{{1,2}}|[{NUMERALS}]{{1,2}})\s?[张張]牌?|(?:位置|牌位|position)\s?[0-9]{{1,2}}", re.IGNORECASE
)
"""What the first card, the second, … is called: its number says where the card lies."""


def position_in(label: str) -> str | None:
    """The position, or the number of the card, that a label names: 过去, 过去牌, 第一张."""
    for name in (label, label.removesuffix("牌").removesuffix("的")):
        if fold(name) in position_names() or NTH_CARD.fullmatch(name):
            return name
    return None


_PLACED = re.compile(r"^\s*(?:[-*•]\s+|[0-9]{1,2}[.、)]\s*)?([^\s:：]{1,12})\s?[:：]\s*(\S.{0,30})$")


def _laid_lines(lines: list[str], index: int, bare: bool) -> list[str]:
    """Lines from one on that lay a card each at a place (`过去：隐士正位`), where there are two or more of them; of one
    card with a word behind it more could be meant."""
    end = index
    while end < len(lines):
        placed = _PLACED.match(lines[end])
        if not (placed and position_in(placed[1]) and len(card_fields.listed(placed[2])) == 1):
            break
        end += 1
    if end - index > 1:
        return lines[index:end]
    end = index
    while bare and end < len(lines) and len(lines[end]) <= 120 and (count := _cards_alone(lines[end])):
        if count > 1:
            return lines[index : end + 1] if end == index else []
        end += 1
    return lines[index:end] if end - index > 1 else []


def _cards_alone(line: str) -> int:
    """How many cards a line lists that holds nothing else."""
    return 0 if not line.strip() or re.search(r"[。！？!?]", line) else len(card_fields.listed(line))


_ASIDE = re.compile(r"^\W{0,6}[\w\u4e00-\u9fff]{1,8}\s?[:：]\s*\S.{0,80}$")
_TELLING = {"person", "question", "date", "spread", "cards", "content"}


def _aside(lines: list[str], index: int, head: Head, title: str | None) -> int | None:
    """Where the block goes on behind lines with labels that mean no field (`年龄：28`), None where it does not."""
    for below in range(index, min(index + 5, len(lines))):
        labels = labels_in(lines[below])
        if labels:
            key = field_of(labels[0][0])
            return below if key[0] in _TELLING and _is_fresh(key, head, title, 0) else None
        if not _ASIDE.match(lines[below]):
            return None
    return None


_BESIDE = {"ignored", "tags", "id", "reader", "deck"}


def _is_fresh(key: tuple[str, int], head: Head, title: str | None, blanks: int) -> bool:
    """Whether a label tells the head something new (what is never used may come twice, but not below a blank line). Once the cards lie, a question under a title that already asks it is
    the body's first line (`Q：他这周会联系我吗`)."""
    if key in head.fields:
        return key[0] in _BESIDE and not blanks
    return not (key[0] == "question" and is_title(title) and "cards" in head.names)


def _extend(head: Head, key: tuple[str, int], more: str) -> None:
    label, value = head.fields[key][-1]
    head.fields[key][-1] = (label, f"{value}\n{more}" if value else more)


def _continues_cards(line: str, before: object, blanks: int) -> bool:
    """Whether a line under a card label is more of the list: `1. 过去：隐士 正位`. blanks: empty lines above it."""
    if len(line) > 120 or re.search(r"[。！？!?]", line):
        return False
    parsed = card_fields.parse_cards(line)
    if parsed.unknown:
        # A list item with an unknown name belongs to the list too, so that the name is reported.
        return (
            bool(re.match(r"^\s*(?:[0-9]{1,2}[.、)]|[①-⑳]|[-*•]\s)", line))
            and (not before or "\n" in str(before))
            and len(line) < 30
        )
    more = {card["card"] for card in parsed.cards}
    # A card of the list before is a restatement, with which the body begins; under the next number it is drawn twice.
    # The number is compared first, since that needs no parsing of the list before.
    return bool(more) and not ((blanks > 0 or not _follows(line, str(before))) and more & _laid(before))


def _follows(line: str, before: str) -> bool:
    """Whether a list item has the number after the last one's."""
    numbers = re.findall(r"^\s*([0-9]{1,2})[.、)]", f"{before}\n{line}", re.MULTILINE)
    return len(numbers) > 1 and int(numbers[-1]) == int(numbers[-2]) + 1 and bool(re.match(r"\s*[0-9]", line))


def _laid(value: object) -> set[str]:
    return {card["card"] for card in card_fields.listed(value)}


def known_fields(labels: list[str]) -> set[str]:
    """Fields that some of the labels mean."""
    return {known[0] for label in labels if (known := field_of(label))}


@lexicon.cached
def _untitled() -> frozenset[str]:
    return frozenset(
        fold(word) for row in lexicon.read_table("noise") if row["kind"] == "title" for word in row["words"].split("|")
    )


def is_title(text: str | None) -> bool:
    """Whether a title says anything: not `Untitled`, not `新建页面 2`, not a bare date."""
    bare = re.sub(r"[\s\d\-./年月日()（）_]+", "", fold(text or ""))
    return bool(bare) and bare not in _untitled()
