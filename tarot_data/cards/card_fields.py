"""Drawn cards from the value of a field: text, list, object or JSON (`["The Fool (R)"]`)."""

import ast
import json
import re
from collections import Counter

from schemas.deck import OTHER_SIDE, RANKS
from tarot_data import lexicon
from tarot_data.cards.card_list import CardList, cards_of
from tarot_data.cards.card_words import aliases, card_marks, is_extra_word, other_deck, words
from tarot_data.cards.lists_apart import merge_lists
from tarot_data.cards.position_labels import put_at
from tarot_data.cards.spreads import resolve_spread
from tarot_data.cards.turned_places import names_places, only_places, places_in
from tarot_data.lexicon.field_names import LISTS_APART, field_of
from tarot_data.lexicon.word_lists import of_kind
from tarot_data.text.normalise import fold

_MAX_CARDS = 400
_LONGEST_TEXT = 20_000
_LONGEST_UNKNOWN = 40
_LONGEST_PRINTED = 4000
"""Characters of a value in Python's notation, which is parsed as a syntax tree."""

_CARD_NAME = re.compile(r"(?:card_?)?name_?(?:zh|cn|tw|en|chinese|english)")
"""A key of a card object that holds its name in one of several languages, the first of which counts."""

_SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)+")
"""A card's id made of its name: `six-of-swords`."""

_IN_CARD = {"person": "cards", "title": "cards", "cardid": "cards", "card_id": "cards"}
"""In a card object `name` is the card, not the client, and `id` only counts if the name is missing."""


def parse_cards(value: object, spread: str | None = None, deck: str | None = None) -> CardList:
    """Parse the drawn cards of a field: text, a list of texts or objects, an object of positions, or JSON of these.

    Each card has place (from 1; 0 for an extra card), position, card, orientation, raw. spread: names the positions if
    the cards do not. deck: the name of the deck if the source says it. If `unknown` is not empty, cards are missing.
    """
    unknown: list[str] = []
    cards = _parsed(value, 0, unknown)
    deck = deck or (value[:12] if isinstance(value, str) and _is_thoth(value.lstrip("【[ "), start=True) else None)
    if name := other_deck(spread) or other_deck(deck):
        unknown = [name]
    if deck and _is_thoth(deck):
        _name_as_thoth(cards)
    if len(cards) > _MAX_CARDS:
        unknown = [f"{len(cards)} cards in one draw"]
    if not unknown:
        _set_places(cards, resolve_spread(spread)[1])
    return CardList(cards, unknown)


def unknown_name(parsed: CardList) -> str:
    """Return the names that are not cards of this deck, as a rejection shows them."""
    return "、".join(name.strip() for name in parsed.unknown).strip()[:_LONGEST_UNKNOWN]


def listed(value: object) -> list[dict]:
    """Like `parse_cards`, but return [] unless all of the value, or nearly all, is a card list."""
    if isinstance(value, str) and len(value) < _LONGEST_TEXT and cards_of(value.strip()).is_prose:
        return []
    parsed = parse_cards(value)
    return [] if parsed.unknown else parsed.cards


def _set_places(cards: list[dict], positions: list[str]) -> None:
    """Set places from the numbers written with the cards if these count them, or else in order. Set the positions of
    the spread if the cards have none and are as many."""
    numbers = [card.pop("number", None) for card in cards]
    drawn = [index for index, card in enumerate(cards) if card["place"] != 0]
    given = [numbers[index] for index in drawn]
    if None in given or len(set(given)) < len(given) or (given and (min(given) < 1 or max(given) > len(given) + 2)):
        given = list(range(1, len(drawn) + 1))
    fits = len(positions) == len(drawn)
    for index, place in zip(drawn, given, strict=True):
        cards[index]["place"] = place
        if fits and not cards[index]["position"] and place <= len(positions):
            cards[index]["position"] = positions[place - 1]


def _is_thoth(text: str, start: bool = False) -> bool:
    folded = fold(text)
    return folded.startswith(of_kind("thoth")) if start else any(word in folded for word in of_kind("thoth"))


def _name_as_thoth(cards: list[dict]) -> None:
    """Rename Thoth's knights to kings of the other decks (deck.csv, column thoth)."""
    _, knight, _, king = RANKS[-4:]
    for card in cards:
        if card["card"].endswith(knight) and any(word in fold(card["raw"]) for word in (knight, "knight")):
            card["card"] = card["card"].replace(knight, king)


def _parsed(value: object, depth: int, unknown: list[str]) -> list[dict]:
    """Parse a value to cards without places. Adds names that are not cards to `unknown`."""
    if value is None or isinstance(value, bool) or depth > 4:
        return []
    if isinstance(value, str):
        return _from_text(value.strip(), depth, unknown)
    if isinstance(value, dict):
        return _from_object(value, depth, unknown)
    if isinstance(value, list | tuple) and len(value) <= _MAX_CARDS:
        return _as_pair(value) or [card for item in value for card in _parsed(item, depth + 1, unknown)]
    if isinstance(value, list | tuple):
        unknown.append(f"{len(value)} cards in one draw")
    else:
        unknown.append(str(value) if isinstance(value, int | float) else type(value).__name__)
    return []


def _from_text(text: str, depth: int, unknown: list[str]) -> list[dict]:
    if text[:1] in "[{" and text[-1:] in "]}" and ('"' in text or "'" in text):
        value = _decoded(text)
        if value is not None:
            return _parsed(value, depth + 1, unknown)
    if _SLUG.fullmatch(text) and text not in aliases()[0]:
        text = text.replace("-", " ").replace("_", " ")
    if len(text) >= _LONGEST_TEXT:
        unknown.append(text[:_LONGEST_UNKNOWN])
        return []
    found = cards_of(text)
    unknown += found.unknown
    return [dict(card) for card in found.cards]


def _decoded(text: str) -> object:
    """Decode a list or object in JSON, or as Python prints it (`[{'name': '星星', 'reversed': True}]`); None if it is
    neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return ast.literal_eval(text) if len(text) <= _LONGEST_PRINTED else None
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None


def _as_pair(value: list | tuple) -> list[dict]:
    """Parse `["隐士", "逆位"]` or `["隐士", true]` (reversed) to one card with its orientation; [] for anything else."""
    if len(value) != 2 or not isinstance(value[0], str) or len(value[0]) > 40 or not isinstance(value[1], str | bool):
        return []
    side = _orientation(value[1], "reversed") if isinstance(value[1], bool) else orientation_of(value[1])
    if side is None or orientation_of(value[0]):
        return []
    unknown: list[str] = []
    cards = _parsed(value[0], 4, unknown)
    return [{**cards[0], "orientation": side}] if len(cards) == 1 and not unknown else []


def _from_object(value: dict, depth: int, unknown: list[str]) -> list[dict]:
    """Parse a card object (`name`, `orientation`, `position`), or an object with places as keys and cards as values."""
    fields: dict[str, object] = {}
    for key, item in value.items():
        known = field_of(str(key))
        name = known[0] if known else "cards" if _is_card_name(fold(str(key))) else str(key).lower()
        fields.setdefault(_IN_CARD.get(name, name), item)
    if isinstance(fields.get("cards"), str | dict | list):
        cards = _parsed(fields["cards"], depth + 1, unknown)
        _set_fields(cards, value, fields)
        return _with_lists_apart(cards, fields, depth, unknown)
    if name := _suit_and_rank(value):
        rest = {key: item for key, item in value.items() if _part_of_name(str(key)) is None}
        return _from_object({**rest, "card": name}, depth, unknown)
    if "id" in fields and len(value) <= 3:
        unknown.append(f"id {fields['id']}")
        return []
    cards = []
    for key, item in value.items():
        for card in _parsed(item, depth + 1, unknown):
            if side := orientation_of(str(key)):  # `{"逆位": ["恶魔"]}`
                card["orientation"] = side if card["orientation"] == "unknown" else card["orientation"]
            elif not card["position"]:
                put_at(card, str(key).strip())
            cards.append(card)
    return cards


def _is_card_name(key: str) -> bool:
    return _CARD_NAME.fullmatch(key) is not None or key in of_kind("name field")


def _set_fields(cards: list[dict], value: dict, fields: dict[str, object]) -> None:
    """Set position and orientation of the cards of an object from its other fields."""
    position, orientation = fields.get("position"), fields.get("orientation")
    if isinstance(position, str) and (meant := orientation_of(position)):
        position, orientation = None, orientation if orientation is not None else meant
    if isinstance(position, dict):
        position = next((item for item in position.values() if isinstance(item, str)), None)
    if orientation is not None and len(cards) == 1:
        asked = "reversed" if any(asks_reversed(str(key)) for key in value) else "upright"
        cards[0]["orientation"] = _orientation(orientation, asked) or cards[0]["orientation"]
    for card in cards:
        if isinstance(position, int) and not isinstance(position, bool):
            card["number"] = card.get("number") or position
        elif position not in (None, ""):
            put_at(card, str(position).strip())


def _with_lists_apart(cards: list[dict], fields: dict[str, object], depth: int, unknown: list[str]) -> list[dict]:
    """Merge the lists of one orientation; an answer in their place (`逆位：无`, `逆位：全部`) is for all cards."""
    lists: dict[str, list[dict]] = {}
    for name in [name for name in fields if name in LISTS_APART and fields[name] is not None]:
        side, value = LISTS_APART[name], fields[name]
        answer = answer_of(value) if isinstance(value, str | bool) else None
        if answer is None:
            named = isinstance(value, str) and only_places().fullmatch(fold(value).strip())
            named = named and (value.strip().isdecimal() or names_places(value))
            if named and (places := places_in(value, len(cards))):
                lists[side] = [dict(cards[place - 1]) for place in places]
            else:
                lists[side] = _parsed(value, depth + 1, unknown)
        else:
            lists[side] = [dict(card) for card in cards] if answer else []
    return merge_lists(cards, lists) if lists else cards


def _part_of_name(key: str) -> str | None:
    """Return suit or rank if a key of a card object holds that part of its name."""
    return next((part for part in ("suit", "rank") if fold(key) in of_kind(f"{part} field")), None)


def _suit_and_rank(value: dict) -> str | None:
    """Return the name of a card whose object has it in two fields: `{"suit": "Cups", "rank": "Three"}`."""
    parts: dict[str, str] = {}
    for key, item in value.items():
        if isinstance(item, str | int) and (part := _part_of_name(str(key))):
            parts.setdefault(part, str(item).strip())
    if len(parts) < 2:
        return None
    names = (f"{parts['suit']}{parts['rank']}", f"{parts['rank']} of {parts['suit']}")
    return next((name for name in names if fold(name) in aliases()[0]), None)


def side_of_label(label: str) -> str | None:
    """Return the orientation that a label names (`逆位牌`, `reversed`), or None."""
    return LISTS_APART.get(known[0] if (known := field_of(label)) else "") or orientation_of(label)


def is_extra(label: str) -> bool:
    """Check whether a label is the word for a card without a place: 底牌, 补牌."""
    return is_extra_word(fold(label))


def asks_reversed(key: str) -> bool:
    """Check whether a yes in a field of this name means reversed."""
    return any(word in fold(key) for word in of_kind("reversed field"))


def _orientation(value: object, asked: str) -> str | None:
    """Parse the orientation in a field. asked: reversed for a field like `is_reversed`, upright for `upright`."""
    if isinstance(value, bool | int | float):
        return asked if value else OTHER_SIDE[asked]
    text = fold(str(value)).strip()
    if (answer := answer_of(text)) is not None:
        return asked if answer else OTHER_SIDE[asked]
    return orientation_of(text)


def orientation_of(text: str) -> str | None:
    """Return the orientation that a whole field names (逆, `R`, `reversed`, ↓), or None."""
    bare = fold(text).strip(" ()[]")
    whole = words().get(bare) if bare not in card_marks() else None
    if whole and whole[0] in "oa":
        return whole[1]
    # `逆位 Reversed`: the same orientation twice and nothing else
    parts = re.split(r"[\s/|()·]+", bare) if len(bare) <= 40 and not whole else []
    known = {words()[part] for part in parts if part in words()}
    return next((value for kind, value in known if kind in "oa"), None) if len(known) == 1 else None


@lexicon.cached
def _answers() -> dict[str, bool]:
    return {
        fold(word): row["meaning"] == "yes" for row in lexicon.read_table("answers") for word in row["words"].split("|")
    }


def answer_of(value: object) -> bool | None:
    """Parse yes (True), no (False) or neither (None) as people write it: 是, `no`, 同意, 不同意, ✓, 1."""
    if isinstance(value, bool):
        return value
    return _answers().get(fold(str(value)).strip())


def duplicates(cards: list[dict]) -> list[str]:
    """Return the cards that are in one draw twice, which is impossible with one deck."""
    counts = Counter(card["card"] for card in cards)
    return [card for card, count in counts.items() if count > 1]
