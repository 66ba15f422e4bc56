"""Labelled lines (`咨询者：Mel`, `【问题】搬家`, `**牌阵**: 单张`) and records made of fields, for every form that has them."""

import itertools
import json
import re
from dataclasses import dataclass, field, replace

from tarot_data import lexicon
from tarot_data.cards import card_fields
from tarot_data.cards.spreads import places_of, position_names, resolve_spread
from tarot_data.lexicon.field_names import field_of, label_pattern, rank_of
from tarot_data.privacy.person_names import kind_of
from tarot_data.sources.records import RawDraw, RawRecord, Source, plain
from tarot_data.text.normalise import fold

Fields = dict[tuple[str, int], list[tuple[str, object]]]
"""(field, number) to the labels that named it and their values, in order. The field `extra` holds cards without a place,
under their own words (底牌)."""


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


_PAGE_NAMES = ("name", "名称")
_DECK_OR_CARDS = ("牌组",)
_SIGN = "[\u2190-\u21ff\u2460-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
_LEAD = (
    r"^[ \t>]*(?:[-*•·▪▫◆●]\s+|#{1,6}\s+|[0-9]{1,2}[.、)]\s*|[一二三四五六七八九十]{1,2}[、.]\s*)?"
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
    r"第\s?(?:[0-9]{1,2}|[一二三四五六七八九十]{1,2})\s?[张張]牌?|(?:位置|牌位|position)\s?[0-9]{1,2}", re.IGNORECASE
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
    try:
        more = {card["card"] for card in card_fields.parse_cards(line)}
        # A card that lies already is a restatement, with which the body begins; under the next number it is drawn twice.
        if not more:
            return False
        # The number is looked at first: it is there without parsing what lies already once more.
        again = (blanks > 0 or not _follows(line, str(before))) and bool(more & _laid(before))
        return not again
    except card_fields.UnknownCard:
        # A list item with an unknown name belongs to the list too, so that the name is reported.
        return (
            bool(re.match(r"^\s*(?:[0-9]{1,2}[.、)]|[①-⑳]|[-*•]\s)", line))
            and (not before or "\n" in str(before))
            and len(line) < 30
        )


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


def to_record(
    fields: Fields,
    source: Source,
    *,
    content: str | None = None,
    title: str | None = None,
    date_hint: str | None = None,
    record_id: str | None = None,
    extra: dict[str, object] | None = None,
) -> RawRecord:
    """A raw record of labelled values, the clashes of the synonyms settled.

    content: the body, where it is not itself a field. title: the page's or file's, the question where no field asks
    one. What no field means goes into extra, except what is never used (prices, addresses, birthdays).
    """
    extra = dict(extra or {})
    values = {key: kept for key, held in fields.items() if (kept := [pair for pair in held if not _is_blank(pair[1])])}
    named: dict[str, list[tuple[str, object]]] = {}
    for key, held in values.items():
        named.setdefault(key[0], []).extend(held)
    for name, held in named.items():
        if len(held) > 1 and name not in ("content", "cards", "spread"):
            held.sort(key=lambda pair: rank_of(pair[0]))
            extra.update({label: value for label, value in held[1:] if label not in extra})

    # Two columns for one field: beside a `Person`, a `Name` is the page's, so the title.
    people = named.get("person", [])
    if len(people) > 1 and (page := next((pair for pair in people[1:] if fold(pair[0]).strip() in _PAGE_NAMES), None)):
        named.setdefault("title", []).append(page)

    def first(name: str) -> object:
        held = named.get(name)
        return held[0][1] if held else None

    draws = _draws(values, named, extra)
    if extras := [{"position": label, "card": value} for label, value in named.get("extra", ())]:
        first_draw = draws[0] if draws else RawDraw(spread=None, cards=None)
        laid = first_draw.cards if isinstance(first_draw.cards, list) else [first_draw.cards]
        draws = (replace(first_draw, cards=[*laid, *extras]), *draws[1:])
    texts = [_joined(value) for _, value in named.get("content", ())]
    if len(parts := sorted(key[1] for key in values if key[0] == "content")) > 1 and len(texts) == len(parts):
        # `解读1 | 解读2 | 解读3`: what is said of each card is one text.
        texts = ["\n\n".join(_joined(values[("content", number)][0][1]) for number in parts)]
    if content is not None and content.strip():
        texts.append(content)
    body = texts[0] if len(texts) == 1 else max(texts, key=lambda text: len("".join(text.split())), default="")

    if not named.get("person") and (name := _addressed(body, first("question"), title, date_hint)):
        named["person"] = [("person", name)]
    question = first("question")
    page_title = first("title") or title
    if question is None and page_title and is_title(str(page_title)):
        question = page_title
    for name in ("reader", "deck", "tags"):
        if (value := first(name)) is not None:
            extra.setdefault(name, value)
    return RawRecord(
        source=source,
        person=_text(first("person")),
        question=_text(question),
        draws=draws,
        content=body,
        date=first("date"),
        date_hint=date_hint,
        outcome=_text(first("outcome")),
        consent=first("consent"),
        synthetic="synthetic" in named and bool(card_fields.answer_of(first("synthetic"))),
        record_id=record_id,
        extra=extra,
    )


_PARTS = re.compile(r"[\s/\\_·|｜.,，、:：()（）【】\[\]\-—–#]+")
_NAME = re.compile(r"[\u4e00-\u9fff]{2,4}|[A-Za-z]{2,12}|[A-Za-z\u4e00-\u9fff]{2,6}")
NEAR = 15
"""Characters of a text's beginning among which whom it is for is addressed: `诶KK你好`, `雨停了吗，苏晚。`"""


def _addressed(body: str, question: object, title: str | None, hint: str | None) -> str | None:
    """The name in a heading, or else in the name of a file, a folder or a sheet, with which the text itself addresses
    somebody. None where the text does not: a heading may name a topic, a file a month."""
    start = fold(body.lstrip()[: 2 * NEAR]).lstrip("# *>")[:NEAR]
    asked = fold(question) if isinstance(question, str) else ""
    for place in (title if asked else None, hint):
        for part in _PARTS.split((place or "")[-200:])[::-1]:
            name = fold(part)
            if not _NAME.fullmatch(part) or _NOT_IN_NAMES.search(part) or name in asked:
                continue
            at = re.search(_called(name), start)
            if at and not _OF_THE_READER.search(start[: at.start()]) and not _is_word(part):
                return part
    return None


_NOT_IN_NAMES = re.compile("[周週月日年今明本运運牌阵陣测測第一二三四五六七八九十]")
_OF_THE_READER = re.compile(r"(?:我是|我叫|i'?m |i am )$")


def _called(name: str) -> str:
    """A name as somebody is called by it: with a greeting, a `你` or a stop behind it."""
    return (
        rf"(?<![a-z]){re.escape(name)}(?![a-z])\s*"
        r"(?:宝贝|寶貝|宝|寶|亲|親|你|妳|您|早|晚上|哈喽|在[吗嗎]|姐|哥|女士|先生|小姐|同学|同學|[,，.。!！~～、:：]|$)"
    )


def _is_word(text: str) -> bool:
    """Whether a text is a word of ours and nobody's name: a field, a place, a spread, a topic, a card, a greeting."""
    folded = fold(text)
    if field_of(text) or position_in(text) or folded in _topics() or folded in _greetings() or card_fields.listed(text):
        return True
    return resolve_spread(text)[0] is not None or kind_of(text) != "named"


@lexicon.cached
def _greetings() -> frozenset[str]:
    rows = [row for row in lexicon.read_table("noise") if row["kind"] in ("greeting", "title", "sheet")]
    return frozenset(fold(word) for row in rows for word in row["words"].split("|"))


def _draws(values: Fields, named: dict[str, list], extra: dict[str, object]) -> tuple[RawDraw, ...]:
    """Spreads and cards paired by their number; a spread without cards stays, for it says what was laid.

    Clashes: `牌组` may be the deck, `类型` the spread, `结果` the cards. Takes what is cards out of named["content"].
    """
    spreads = {key[1]: held[0][1] for key, held in values.items() if key[0] == "spread"}
    lists = {key[1]: list(held) for key, held in values.items() if key[0] == "cards"}
    for number, held in list(lists.items()):
        decks = [pair for pair in held if fold(pair[0]).strip() in _DECK_OR_CARDS and not card_fields.listed(pair[1])]
        if decks:
            named.setdefault("deck", decks)
            lists[number] = [pair for pair in held if pair not in decks]
    lists = {number: held for number, held in lists.items() if held}
    if not spreads and (kinds := named.get("tags")) and _is_kind_of_spread(kinds[0][1]):
        spreads[1] = kinds[0][1]
    bodies = named.get("content", [])
    if not lists and len(bodies) > 1:
        results = [
            pair for pair in bodies if isinstance(pair[1], str) and len(pair[1]) < 200 and card_fields.listed(pair[1])
        ]
        if 0 < len(results) < len(bodies):
            lists[1] = results
            named["content"] = [pair for pair in bodies if pair not in results]
    cards: dict[int, object] = {}
    for number, held in lists.items():
        if len(held) > 1:
            held.sort(key=lambda pair: (rank_of(pair[0]) >= 1000, -len(str(pair[1]))))
            if all(isinstance(value, str) for _, value in held):
                held.sort(key=lambda pair: not card_fields.listed(pair[1]))
            for label, value in held[1:]:
                extra.setdefault(label, value)
        cards[number] = held[0][1]
    if "orientation" in named or "position" in named:
        sides = {key[1]: held[0] for key, held in values.items() if key[0] == "orientation"}
        places = {key[1]: held[0][1] for key, held in values.items() if key[0] == "position"}
        for number, value in cards.items():
            cards[number] = _parallel(value, *sides.get(number, ("orientation", None)), places.get(number))
    if len(cards) > 1 and len(spreads) <= 1 and _one_each(cards, spreads):
        # `牌1 | 牌2 | 牌3`: one card a column is one draw, not three.
        return (RawDraw(spread=_text(next(iter(spreads.values()), None)), cards=[cards[key] for key in sorted(cards)]),)
    return tuple(
        RawDraw(spread=_text(spreads.get(number)), cards=cards.get(number)) for number in sorted({*spreads, *cards})
    )


def _is_kind_of_spread(value: object) -> bool:
    """Whether a `类型` names a spread and not what the reading is about (感情, 事业)."""
    text = _text(value)
    return resolve_spread(text)[0] is not None and fold(text) not in _topics()


@lexicon.cached
def _topics() -> frozenset[str]:
    return frozenset(fold(word) for row in lexicon.read_table("themes") for word in (row["word"], row["theme"]))


def _one_each(cards: dict[int, object], spreads: dict[int, object]) -> bool:
    """Whether every numbered field holds a single card, three or more of them or as many as the spread has places."""
    places = places_of(_text(next(iter(spreads.values()), None)))
    if len(cards) < 3 and places != len(cards):
        return False
    return all(len(card_fields.listed(value)) == 1 for value in cards.values())


def _parallel(cards: object, label: str, orientations: object, positions: object) -> object:
    """Cards with orientations and positions from lists of their own, where these are as long. label: what the
    orientations are called, for a yes under `is_reversed` is another than under `upright`."""
    label = "reversed" if card_fields.asks_reversed(label) else "orientation"
    cards = _as_list(cards)
    if not isinstance(cards, list):
        laid = cards if orientations is None else _single(cards, label, orientations)
        if orientations is None and isinstance(cards, str) and isinstance(positions, str):
            names, listed = (
                [part for part in re.split(r"[、,，;；|｜/\n]+", positions) if part.strip()],
                card_fields.listed(cards),
            )
            if 1 < len(names) == len(listed) and not any(card["position"] for card in listed):
                return [
                    {"card": card["card"], "orientation": card["orientation"], "position": name.strip()}
                    for card, name in zip(listed, names, strict=True)
                ]
        one = isinstance(positions, str) and isinstance(laid, str | dict) and len(card_fields.listed(cards)) == 1
        return {**(laid if isinstance(laid, dict) else {"card": laid}), "position": positions} if one else laid
    sides, places = _as_list(orientations), _as_list(positions)
    if isinstance(sides, list) and len(sides) == len(cards) and all(isinstance(card, str) for card in cards):
        return [
            {
                "card": card,
                label: side,
                "position": places[index] if isinstance(places, list) and len(places) == len(cards) else None,
            }
            for index, (card, side) in enumerate(zip(cards, sides, strict=True))
        ]
    return cards


def _single(card: object, label: str, orientation: object) -> object:
    """One card, or as many as there are orientations, with its orientation in another column."""
    try:
        alone = isinstance(card, str) and len(card_fields.parse_cards(card)) == 1
    except card_fields.UnknownCard:
        return card
    if alone:
        return {"card": card, label: orientation}
    names = [part for part in re.split(r"[、,，;；|｜/\s]+", str(card)) if part]
    sides = [part for part in re.split(r"[、,，;；|｜/\s]+", str(orientation)) if part]
    if len(sides) == 1 < len(names) == len(sides[0]):
        sides = list(sides[0])  # `正逆正`
    if len(names) == len(sides):
        return [{"card": name, label: side} for name, side in zip(names, sides, strict=True)]
    return card


def _as_list(value: object) -> object:
    """JSON text of a list as the list it means."""
    if isinstance(value, str) and value.strip()[:1] == "[" and len(value) < 100_000:
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return parsed if isinstance(parsed, list) else value
    return value


_EXCEL_ERROR = re.compile(r"#{3,}|#(?:NAME|REF|VALUE|N/A|DIV/0|NUM|NULL)[?!]?")


def _is_blank(value: object) -> bool:
    """Nothing, white space, or what Excel puts where it had no value."""
    if not isinstance(value, str):
        return value is None
    text = value.strip()
    return not text or (text[0] == "#" and _EXCEL_ERROR.fullmatch(text) is not None)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, list):
        value = "、".join(plain(item) for item in value if isinstance(item, str | int | float))
    elif isinstance(value, dict):
        value = next(
            (item for key, item in value.items() if isinstance(item, str) and key in ("name", "title", "text")), ""
        )
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return plain(value).strip() or None


def _joined(value: object) -> str:
    """A body: text, or a list of paragraphs."""
    if isinstance(value, list):
        return "\n\n".join(text for item in value if (text := _joined(item)))
    if isinstance(value, dict):
        return next((plain(value[key]) for key in ("text", "content", "value") if isinstance(value.get(key), str)), "")
    return plain(value) if isinstance(value, str) else ""
