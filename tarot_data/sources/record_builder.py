"""Convert labelled fields to a raw record: person, question, date, draws, content."""

import json
import re
from dataclasses import replace

from tarot_data import lexicon
from tarot_data.cards import card_fields
from tarot_data.cards.spreads import places_of, resolve_spread
from tarot_data.lexicon.field_names import field_of, rank_of
from tarot_data.privacy.person_names import kind_of
from tarot_data.sources.labelled_lines import Fields, is_title, position_in
from tarot_data.sources.records import RawDraw, RawRecord, Source
from tarot_data.text.cleanup import plain
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS

_PAGE_NAMES = ("name", "名称")
_DECK_OR_CARDS = ("牌组",)


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


_NOT_IN_NAMES = re.compile(f"[周週月日年今明本运運牌阵陣测測第{NUMERALS}]")
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
