"""Labelled lines at the top of a reading (`咨询者：Mel`) to fields, for every form that has them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from tarot_data.cards import card_fields, content_cards
from tarot_data.cards.options import blocks_of, option_in
from tarot_data.cards.spreads import resolve_spread
from tarot_data.lexicon.field_names import CARD_LISTS, LISTS_APART
from tarot_data.sources.field_values import Fields
from tarot_data.sources.labels import Label, is_title, labels_in, position_in, without_tags
from tarot_data.sources.lines import DAY, Kind, Line
from tarot_data.sources.noise import noise_words
from tarot_data.text.normalise import fold

LONGEST_UNDER_HEADING = 80
"""Characters of a value that is a blank line below its label's heading; longer ones are prose."""
LONGEST_UNKNOWN_CARD = 30
"""Characters of a list item with an unknown name that still belongs to a card list, so that the name is reported."""
LONGEST_LIST_LINE = 120
"""Characters of a line of cards; a longer one is prose."""
LONGEST_POSITION, LONGEST_CARD, LONGEST_PLACED_CARD = 12, 31, 60
"""Characters of a position, of its card, and of a line of both."""
LONGEST_REMARKED = 40
"""Characters of an item of a card list with a remark."""
MOST_UNKNOWN_LABELS = 4
"""Lines of labels of no field that may be between two labels of a block."""

MOST_ABOVE = 6
"""Lines of a message in which its labelled block begins, if it has one."""

LINES_OF_A_READING, SHORTEST_PROSE = 40, 20
"""Lines below a card in which others of the same reading are, and characters of a line of prose."""

LONGEST_VALUE_LINES = 12
"""Lines under a label in which its value may end at the next label."""

SHORTEST_STORY = 4
"""Chinese characters of the client's words that may go on in the next lines without a label below them."""

_HAN = re.compile("[\u4e00-\u9fff]")
_UNKNOWN_LABEL = re.compile(r"\W{0,6}\w{1,8}\s?[:：]\s*\S.{0,80}$")
_AFTER_UNKNOWN = {"person", "question", "date", "spread", "cards", "content"}
_AFTER_TEXT = {*_AFTER_UNKNOWN, "background", "reader", "deck", "tags", "id", "consent", "ignored", *LISTS_APART}
_MAY_REPEAT = {"ignored", "background", "tags", "id", "reader", "deck"}
_SPREAD, _LAID = "牌阵", "牌"
_AROUND_NAME = " \t\u3000>#*-•·【】[]「」『』🔮✨"
_CARDS = ("cards", 1)
_OF_CLIENT = ("background", "ignored")
"""Fields of the client's own words and data, which are never content."""
_TEXTS = ("question", "title", "outcome", *_OF_CLIENT)
"""Fields whose value may take several lines."""
_GOES_ON = ("，", ",", "、", "；", ";")
"""Ends of a line whose sentence goes on in the next."""
_DAY_IN_PERSON = re.compile(rf"[\s/／|｜,，·(（]*({DAY})")


@dataclass
class Head:
    """The labelled block of a reading. fields: its labels and values; body: index of the first line after it."""

    fields: Fields = field(default_factory=dict)
    body: int = 0
    inline: str = ""
    """Text after a content label on its own line: the beginning of the body."""

    @property
    def names(self) -> set[str]:
        return {name for name, _ in self.fields}

    @property
    def draws(self) -> bool:
        """Check whether one of the labels is that of a list of cards."""
        return not self.names.isdisjoint(CARD_LISTS)


def start_of_head(lines: Sequence[str]) -> int | None:
    """Find the first line with a label among the first lines of a message; None if there is none."""
    return next((index for index, line in enumerate(lines[:MOST_ABOVE]) if labels_in(line)), None)


def read_head(lines: Sequence[str] | Sequence[Line], start: int, title: str | None = None) -> Head:
    """Read the labelled block that begins at a line; a Head without fields if none does.

    It ends at the first line of prose, at a label whose field has a value (that is body: `牌阵：马蹄铁` restated), and
    after a content label. A value may be in the lines under its label; a card list may run over several lines.
    title: the heading above, which may ask the question already.
    """
    typed = lines if lines and isinstance(lines[0], Line) else _Lines(lines)
    return _HeadReader(typed, start, title).read()


class _Lines(Sequence[Line]):
    """Lines of texts, each created on first access, because a head is short and the text may be long."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        self.made: dict[int, Line] = {}

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, index: int | slice) -> Line | list[Line]:
        if isinstance(index, slice):
            return [self[each] for each in range(*index.indices(len(self)))]
        if index not in self.made:
            self.made[index] = Line(self.texts[index])
        return self.made[index]


class _HeadReader:
    """The block read so far. open: the field whose value may continue; text: the field of the last label, if its value
    may take several lines; blanks: blank lines since the last label or line of a value.

    Each rule consumes the lines at `index` that it recognises and returns True, or returns False.
    """

    def __init__(self, lines: Sequence[Line], start: int, title: str | None) -> None:
        self.lines = lines
        self.title = title
        self.index = start
        self.head = Head(body=start)
        self.fields = self.head.fields
        self.open: tuple[str, int] | None = None
        self.text: tuple[str, int] | None = None
        self.blanks = 0
        self.under_heading = False
        self.has_cards = False
        self.ended = False

    def read(self) -> Head:
        while not self.ended and self.index < len(self.lines):
            line = self.lines[self.index]
            for rule in _RULES if line.stripped else (_HeadReader.blank,):
                if rule(self, line):
                    break
            else:
                break
        self.finish()
        return self.head

    @property
    def value(self) -> object:
        """Return the value of the open field so far."""
        return self.fields[self.open][-1][1]

    def take(self, count: int) -> bool:
        self.index += count
        self.head.body = self.index
        return True

    def extend(self, more: str) -> bool:
        label, value = self.fields[self.open][-1]
        self.fields[self.open][-1] = (label, f"{value}\n{more}" if value else more)
        return self.take(more.count("\n") + 1)

    def count_while(self, is_part: Callable[[Line], bool]) -> int:
        end = self.index
        while end < len(self.lines) and is_part(self.lines[end]):
            end += 1
        return end - self.index

    def blank(self, line: Line) -> bool:
        self.blanks += 1
        self.index += 1
        if self.open and self.open[0] not in CARD_LISTS and self.value:
            self.open = None
        return True

    def more_cards(self, line: Line) -> bool:
        """Read `1. 过去：隐士 正位` under a card label, or a table of cards."""
        if not self.open or self.open[0] not in CARD_LISTS or line.field in LISTS_APART:
            return False
        if line.field in CARD_LISTS and self.value and not card_fields.listed(self.value):
            return False  # `牌组：韦特` over `牌：愚人`
        if not self.value and (count := self.count_option_lines()):
            return self.extend("\n".join(each.stripped for each in self.lines[self.index : self.index + count]))
        text = _without_remarks(line.stripped)
        if _continues_cards(Line(text), self.value, self.blanks):
            self.extend(text)
            return True
        if self.value or line.stripped[0] != "|":
            return False
        count = self.count_while(lambda row: row.stripped[:1] == "|")
        table = "\n".join(row.text for row in self.lines[self.index : self.index + count])
        return bool(card_fields.listed(table)) and self.extend(table)

    def cards_without_label(self, line: Line) -> bool:
        """Read lines of a position and a card each (`过去：隐士正位`), or of cards alone, if no label has named the cards."""
        if not self.fields or self.has_cards or self.blanks > 1:
            return False
        count = self.count_option_lines() or self.count_while(_is_placed_card)
        if count < 2:
            known = line.field not in ("", "background")  # `目前状况 愚人` is a position
            count = 0 if known else self.count_card_lines(line)
        if not count:
            return False
        self.fields[_CARDS] = [(_LAID, "")]
        self.open, self.blanks, self.has_cards = _CARDS, 0, True
        return self.extend("\n".join(found.stripped for found in self.lines[self.index : self.index + count]))

    def count_option_lines(self) -> int:
        """Count the lines of the cards of a choice (`A：愚人、力量`, `B组` above its cards); 0 if it has no options."""
        if option_in(self.lines[self.index].stripped) is None:
            return 0
        count = self.count_while(lambda each: _is_card_line(each) or option_in(each.stripped) is not None)
        while count > 1:
            text = "\n".join(each.stripped for each in self.lines[self.index : self.index + count])
            if blocks_of(text) and card_fields.listed(text):
                return count
            count -= 1
        return 0

    def count_card_lines(self, line: Line) -> int:
        """Count the lines of cards alone: one line of several cards or of the only one, or several lines of different ones;
        else 0."""
        if (cards := _count_cards(line)) != 1:
            return int(cards > 1)
        if self.is_only_card():
            return 1
        count = self.count_while(lambda below: _count_cards(below) > 0)
        text = "\n".join(below.text for below in self.lines[self.index : self.index + count])
        return count if count > 1 and not card_fields.duplicates(card_fields.listed(text)) else 0

    def is_only_card(self) -> bool:
        """Check that a line of one card has prose below it, and that no other line of a card follows in this reading."""
        below = self.lines[self.index + 1 : self.index + 1 + LINES_OF_A_READING]
        text = next((line for line in below if line.stripped), Line(""))
        if text.labels or len(text.stripped) < SHORTEST_PROSE or not text.ends_sentence:
            return False
        own = takewhile(lambda each: each.field not in _AFTER_UNKNOWN, below)
        return not any(_count_cards(each) or _is_placed_card(each) for each in own)

    def known_labels(self, line: Line) -> bool:
        if not line.labels:
            return False
        name = line.field
        if not self.is_new(line, line.labels[0]):
            return False
        if name == "title" and self.blanks > 1 and len(self.fields) >= 4:
            return False
        self.under_heading = line.stripped[0] == "#"
        self.blanks = 0
        labels = _without_card_labels(line.labels)
        ends = [*(label.start for label in labels[1:]), None]
        for label, end in zip(labels, ends, strict=True):
            key = label.key
            pairs = self.fields.setdefault(key, [])
            if key[0] == "content" and self.has_cards_below(line.text[label.end :]):
                del self.fields[key]
                return self.take(1)
            if key[0] == "content":
                self.head.inline = line.text[label.end :].strip().lstrip("/／|｜ ")
                pairs.append((label.name, ""))
                self.ended = True
                return self.take(1) and self.answer_below()
            value = without_tags(_own_cell(line.text[label.end : end])).strip().strip("*_").strip(" \t;；|｜/／")
            pairs.append((label.name, value))
            if key[0] in ("person", *CARD_LISTS):
                self.split_day(key)
            self.open = key
            self.text = key if key[0] in _TEXTS else None
            self.has_cards = self.has_cards or key[0] in CARD_LISTS
        return self.take(1)

    def has_cards_below(self, value: str) -> bool:
        """Check for the label of the cards right below the mark of an answer without a text (`A:` over `牌：…`)."""
        below = next(iter(self.lines[self.index + 1 : self.index + 2]), Line(""))
        return not value.strip() and not self.has_cards and below.field in CARD_LISTS and bool(below.value.strip())

    def answer_below(self) -> bool:
        """Take the text behind the mark of an answer under a content label (`A：…`) for the beginning of the body."""
        line = next(iter(self.lines[self.index : self.index + 1]), None)
        if line and not self.head.inline and line.labels and line.labels[0].name in noise_words("answer label"):
            self.head.inline = line.value.strip()
            self.take(1)
        return True

    def split_day(self, key: tuple[str, int]) -> None:
        """Move the day behind a name or cards to the date: `客户 小葵 / 2024.7.7 晚上`."""
        label, value = self.fields[key][-1]
        match = _DAY_IN_PERSON.search(value)
        if match and value[: match.start()].strip():
            self.fields[key][-1] = (label, value[: match.start()].strip())
            self.fields.setdefault(("date", 1), [("日期", match[1])])

    def spread_alone(self, line: Line) -> bool:
        """Read the name of a spread without a label above the cards, or before them: `圣三角：愚人、力量、星星`."""
        if not self.fields or self.has_cards or self.blanks > 1 or line.labels or ("spread", 1) in self.fields:
            return False
        name, _, cards = line.stripped.replace("：", ":").partition(":")
        name = name.strip(_AROUND_NAME)
        if not 1 < len(name) <= LONGEST_POSITION or resolve_spread(name)[0] is None:
            return False
        below = next((each for each in self.lines[self.index + 1 : self.index + 3] if each.stripped), Line(""))
        if not (card_fields.listed(cards) if cards.strip(_AROUND_NAME) else _is_card_line(below)):
            return False
        self.fields["spread", 1] = [(_SPREAD, name)]
        self.fields[_CARDS] = [(_LAID, cards.strip())]
        self.open, self.text, self.blanks, self.has_cards = _CARDS, None, 0, True
        return self.take(1)

    def task(self, line: Line) -> bool:
        """Skip a line with a checkbox."""
        return bool(self.fields) and line.is_task and self.take(1)

    def more_text(self, line: Line) -> bool:
        """Read further lines of a value: until the next label, or as far as its sentence or its block of lines goes."""
        if not self.text or line.labels or line.kind in (Kind.SEPARATOR, Kind.DATE, Kind.HEADING):
            return False
        going_on = str(self.fields[self.text][-1][1]).endswith(_GOES_ON)
        if not going_on and _UNKNOWN_LABEL.match(line.text):
            return not _is_placed_card(line) and self.unknown_text(line)
        count = self.lines_to_label()
        if not count and not self.blanks:
            count = int(going_on) or self.lines_of_block(line)
        if not count:
            return False
        self.open, self.blanks = self.text, 0
        below = self.lines[self.index : self.index + count]
        return self.extend("\n".join(each.stripped for each in below))

    def unknown_text(self, line: Line) -> bool:
        """Read a label of no field, with a value of one or several lines, before further labels (`年龄：28`)."""
        before, self.text = self.text, ("ignored", 1)
        if not self.lines_to_label():
            self.text = before
            return False
        label, _, value = line.stripped.replace("：", ":").partition(":")
        self.fields.setdefault(self.text, []).append((label, value.strip()))
        return self.take(1)

    def lines_to_label(self) -> int:
        """Count the lines above the next label of this block; 0 if none follows, or if they may be the body.

        Below a blank line, or below the cards, only the client's words and what a content label ends can go on.
        """
        client = self.text[0] in _OF_CLIENT
        for index in range(self.index, min(self.index + LONGEST_VALUE_LINES, len(self.lines))):
            line = self.lines[index]
            if line.labels:
                follows = line.field == "content" if self.has_cards else line.field in _AFTER_TEXT
                return index - self.index if follows and self.is_new(line, line.labels[0]) else 0
            if line.kind in (Kind.SEPARATOR, Kind.DATE, Kind.HEADING):
                return 0
            if (self.blanks or not line.stripped) and not client:
                return 0
            if index > self.index and not self.has_cards and _is_placed_card(line):
                return index - self.index
        return 0

    def lines_of_block(self, line: Line) -> int:
        """Count the lines up to a blank line if text follows it and they are no body: the client's words, or lines
        indented under their label."""
        indented = line.text[:2].isspace() and not self.lines[self.index - 1].text[:1].isspace()
        if self.text[0] not in _OF_CLIENT and not (indented and line.text[0] != "\u3000"):
            return 0
        if len(_HAN.findall(str(self.fields[self.text][-1][1]))) < SHORTEST_STORY:
            return 0  # `价格：88`: nothing that could go on
        end = self.index + self.count_while(lambda each: bool(each.stripped) and not each.labels)
        if self.names_drawn_cards("".join(each.text for each in self.lines[self.index : end])):
            return 0
        below = next((each for each in self.lines[end : end + 3] if each.stripped), None)
        return end - self.index if below and below.kind in (Kind.TEXT, Kind.HEADING) else 0

    def names_drawn_cards(self, text: str) -> bool:
        """Check whether a text names a card that the head has, as the body of a reading does."""
        lists = [value for name in CARD_LISTS for _, value in self.fields.get((name, 1), ())]
        return any(card["card"] in fold(text) for value in lists for card in card_fields.listed(value))

    def value_below(self, line: Line) -> bool:
        """Read the value in the line under its label, or skip a blank line below a heading."""
        if not self.open or self.value:
            return False
        if line.labels and line.labels[0].name in noise_words("answer label"):
            return self.extend(line.value.strip())
        if line.labels or line.level and line.count:
            return False
        near_heading = self.under_heading and self.blanks == 1 and len(line.stripped) <= LONGEST_UNDER_HEADING
        return (not self.blanks or near_heading) and self.extend(line.stripped)

    def finish(self) -> None:
        """Remove the list marks of values in several lines."""
        for key in [key for key in self.fields if key[0] in _TEXTS]:
            self.fields[key] = [(label, _without_bullets(value)) for label, value in self.fields[key]]

    def unknown_labels(self, line: Line) -> bool:
        """Read labels of no field (`年龄：28`) before further labels; after the cards such a line may be the body."""
        if not self.fields or self.has_cards or self.blanks or line.labels:
            return False
        for index in range(self.index, min(self.index + MOST_UNKNOWN_LABELS + 1, len(self.lines))):
            below = self.lines[index]
            if below.labels:
                if below.field not in _AFTER_UNKNOWN or not self.is_new(below, below.labels[0]):
                    return False
                self.index = index
                self.open = None
                return True
            if not _UNKNOWN_LABEL.match(below.text):
                return False
        return False

    def is_new(self, line: Line, label: Label) -> bool:
        """Check whether a label adds to the block: a field that it lacks, or another word for one that it has
        (`主题：感情`, `问题：他会回来吗`), which must not be below a blank line and the cards.

        Below the cards and a blank line, a question under a title that already asks it is the first line of the body
        (`Q：他这周会联系我吗`).
        """
        key = label.key
        may_be_place = key[0] == "background" or key[0] == "content" and position_in(label.name)
        if may_be_place and card_fields.listed(line.text[label.end :]):
            return False  # a position: `背景：愚人`, `结果：愚人`
        if key not in self.fields:
            return not (key[0] == "question" and self.has_cards and self.blanks and is_title(self.title))
        if key[0] in CARD_LISTS and not any(value for _, value in self.fields[key]):
            return True
        if key[0] in _MAY_REPEAT:
            return not self.blanks
        others = {name for name, _ in self.fields[key]}
        other = label.name not in others and not (self.blanks and self.has_cards) and key[0] != "content"
        return other and (key[0] not in CARD_LISTS or bool(card_fields.listed(line.text[label.end :])))


_RULES = (
    _HeadReader.task,
    _HeadReader.more_cards,
    _HeadReader.cards_without_label,
    _HeadReader.spread_alone,
    _HeadReader.value_below,
    _HeadReader.known_labels,
    _HeadReader.more_text,
    _HeadReader.unknown_labels,
)
"""Rules for a line of a head that is not blank, in the order in which they are tried."""


def _without_card_labels(labels: list[Label]) -> list[Label]:
    """Return the labels of a line without those inside its list of cards: `牌：位置1：愚人 位置2：力量`."""
    kept: list[Label] = []
    for label in labels:
        listing = bool(kept) and kept[-1].key[0] == "cards"
        numbered = label.key[0] == "position" and label.name[-1:].isdigit()
        numbered = (
            numbered or label.key[0] == "background" or label.key[0] == "content" and bool(position_in(label.name))
        )
        if not (listing and (numbered or card_fields.orientation_of(label.name) or label.key == kept[-1].key)):
            kept.append(label)
    return kept


def _own_cell(value: str) -> str:
    """Return the value of a label in a row of cells without further pairs of a label and a value, which are of no field."""
    cells = value.strip().split("\t")
    pairs = len(cells) > 2 and len(cells) % 2 == 1
    return cells[0] if pairs and len(cells[1]) <= LONGEST_POSITION and not card_fields.listed(cells[1]) else value


def _without_remarks(item: str) -> str:
    """Return a list item without the columns behind its card and orientation (`- 力量 | reversed | blocked`), or without
    the words behind a dash (`1. 力量（逆）— 勉强`)."""
    parts = item.split("|")
    if len(parts) > 2 and parts[0].strip() and card_fields.orientation_of(parts[1]) is not None:
        return f"{parts[0]}|{parts[1]}".rstrip()
    may_explain = len(item) <= LONGEST_REMARKED and not card_fields.listed(item)
    return may_explain and content_cards.explained_card(item) or item


def _without_bullets(value: str) -> str:
    return (
        "\n".join(line.lstrip("-*• \t") for line in value.split("\n")) if "\n" in value or value[:2] == "- " else value
    )


def _is_placed_card(line: Line) -> bool:
    text = line.stripped
    if len(text) > LONGEST_PLACED_CARD or not (":" in text or "：" in text):
        return False
    mark = line.item
    position, _, card = (line.text[mark.end() :] if mark else text).replace("：", ":").partition(":")
    position, card = position.rstrip(), card.lstrip()
    if not 0 < len(position) <= LONGEST_POSITION or not 0 < len(card) <= LONGEST_CARD:
        return False
    return len(position.split()) == 1 and position_in(position) is not None and len(card_fields.listed(card)) == 1


def _count_cards(line: Line) -> int:
    """Count the cards of a line that has nothing else in it."""
    prose = not line.stripped or len(line.text) > LONGEST_LIST_LINE or line.ends_sentence
    return 0 if prose else len(card_fields.listed(line.text))


def _is_card_line(line: Line) -> bool:
    return _is_placed_card(line) or _count_cards(line) > 0


def _continues_cards(line: Line, before: object, blanks: int) -> bool:
    """Check whether a line under a card label continues its list. blanks: empty lines above it."""
    if len(line.stripped) > LONGEST_LIST_LINE or line.ends_sentence:
        return False
    parsed = card_fields.parse_cards(line.stripped)
    if parsed.unknown:
        listing = not before or "\n" in str(before)
        return line.item is not None and listing and len(line.stripped) < LONGEST_UNKNOWN_CARD
    more = {card["card"] for card in parsed.cards}
    if not more or (not blanks and _is_next_item(line, str(before))):
        return bool(more)
    # A card named again is a restatement that begins the body; under the next number it was drawn twice.
    return more.isdisjoint(card["card"] for card in card_fields.listed(before))


def _is_next_item(line: Line, before: str) -> bool:
    """Check whether a list item has the number after that of the last item."""
    numbers = [int(item[1]) for text in (*before.split("\n"), line.text) if (item := Line(text).item) and item[1]]
    return len(numbers) > 1 and numbers[-1] == numbers[-2] + 1 and line.stripped[0].isdigit()
