"""Labelled fields to draws: spreads, cards, orientations and positions paired by their numbers."""

import json
import re
from dataclasses import replace

from tarot_data import lexicon
from tarot_data.cards import card_fields
from tarot_data.cards.spreads import places_of, resolve_spread
from tarot_data.lexicon.field_names import LISTS_APART, SIDES, rank_of
from tarot_data.sources.field_values import FieldValues, Pair, text_of
from tarot_data.sources.records import RawDraw
from tarot_data.text.normalise import fold

_DECK_OR_CARDS = "牌组"
"""A label that may name the deck or the cards."""

LONGEST_CARD_LIST = 200
"""Characters of a content field that may hold the cards (`结果`)."""

_NAME_BREAK = re.compile(r"[、,，;；|｜/\s]+")
_POSITION_BREAK = re.compile(r"[、,，;；|｜/\n]+|(?:^|\s)[0-9]{1,2}(?:[.、)）]\s?|\s)|[①-⑳]")


def draws_of(values: FieldValues) -> tuple[RawDraw, ...]:
    """Pair spreads and cards by their number; a spread without cards is kept.

    Fields that hold cards under another name (`结果`), or a deck under the name of cards, are moved within `values`.
    """
    _sort_orientations(values)
    spreads = {number: pairs[0][1] for number, pairs in values.numbered("spread").items()}
    lists = _without_decks(values.numbered("cards"), values)
    if not spreads and (tags := values.named.get("tags")) and _is_spread_and_no_topic(tags[0][1]):
        spreads[1] = tags[0][1]
    if not lists:
        lists = _cards_in_contents(values)
    cards = {number: _best_list(pairs, values) for number, pairs in lists.items()}
    if "orientation" in values.named or "position" in values.named:
        cards = _with_columns(cards, values)
    if len(cards) > 1 and len(spreads) <= 1 and _one_each(cards, spreads):
        # `牌1 | 牌2 | 牌3`: one card per column is one draw, not three.
        draws = [
            RawDraw(spread=text_of(next(iter(spreads.values()), None)), cards=[cards[key] for key in sorted(cards)])
        ]
    else:
        numbers = sorted({*spreads, *cards})
        draws = [RawDraw(spread=text_of(spreads.get(number)), cards=cards.get(number)) for number in numbers]
    return _with_lists_apart(_with_extras(draws, values), values)


def _sort_orientations(values: FieldValues) -> None:
    """Move orientations that list cards (`reversed: ["The Tower"]`) to the lists of one orientation, and orientations of
    single cards under the name of such a list (`逆位1：是`) to the orientations."""
    each = len(values.numbered("cards")) > 1
    for name, number in [key for key in values.fields if key[0] in SIDES]:
        for pair in values.fields[name, number][:]:
            target = _field_of_orientation(name, *pair, each)
            if target != name:
                values.fields[name, number].remove(pair)
                values.named[name].remove(pair)
                values.fields.setdefault((target, number), []).append(pair)
                values.named.setdefault(target, []).append(pair)
    for key in [key for key, pairs in values.fields.items() if not pairs]:
        del values.fields[key]
    for name in [name for name, pairs in values.named.items() if not pairs]:
        del values.named[name]


def _field_of_orientation(name: str, label: str, value: object, each: bool) -> str:
    """Return the field of a value under a label of orientations. each: every card has a field of its own."""
    if name in LISTS_APART:
        alone = card_fields.answer_of(value) is not None and not each
        return "orientation" if not alone and _are_sides(value) else name
    side = card_fields.side_of_label(label)
    lists = [field for field, listed_side in LISTS_APART.items() if listed_side == side]
    return lists[0] if lists and card_fields.listed(value) else name


def _are_sides(value: object) -> bool:
    """Check for orientations or answers, one or a list of them, and nothing else."""
    parts = value if isinstance(value, list) else [value]
    if isinstance(value, str):
        parts = _NAME_BREAK.split(value.strip())
    return all(card_fields.answer_of(part) is not None or card_fields.orientation_of(str(part)) for part in parts)


def _with_lists_apart(draws: tuple[RawDraw, ...], values: FieldValues) -> tuple[RawDraw, ...]:
    """Add the lists of reversed and of upright cards to the draw of their number; `card_fields` merges them."""
    for field, number in [key for key in values.fields if key[0] in LISTS_APART]:
        listed = [value for _, value in values.fields[field, number]]
        index = min(number, max(len(draws), 1)) - 1
        draw = draws[index] if draws else RawDraw(spread=None, cards=None)
        cards = draw.cards if isinstance(draw.cards, dict) and "cards" in draw.cards else {"cards": draw.cards or []}
        draw = replace(draw, cards={**cards, field: listed[0] if len(listed) == 1 else listed})
        draws = (*draws[:index], draw, *draws[index + 1 :])
    return draws


def _with_extras(draws: list[RawDraw], values: FieldValues) -> tuple[RawDraw, ...]:
    """Add the cards without a place (底牌) to the first draw."""
    extras = [{"position": label, "card": value} for label, value in values.named.get("extra", ())]
    if not extras:
        return tuple(draws)
    first = draws[0] if draws else RawDraw(spread=None, cards=None)
    cards = first.cards if isinstance(first.cards, list) else [first.cards]
    return (replace(first, cards=[*cards, *extras]), *draws[1:])


def _without_decks(lists: dict[int, list[Pair]], values: FieldValues) -> dict[int, list[Pair]]:
    kept = {}
    for number, pairs in lists.items():
        decks = [pair for pair in pairs if fold(pair[0]).strip() == _DECK_OR_CARDS and not card_fields.listed(pair[1])]
        if decks:
            values.named.setdefault("deck", decks)
        if cards := [pair for pair in pairs if pair not in decks]:
            kept[number] = cards
    return kept


def _cards_in_contents(values: FieldValues) -> dict[int, list[Pair]]:
    """Take the card lists out of several content fields, if another content is left."""
    contents = values.named.get("content", [])
    lists = [
        pair
        for pair in contents
        if isinstance(pair[1], str) and len(pair[1]) < LONGEST_CARD_LIST and card_fields.listed(pair[1])
    ]
    if len(lists) in (0, len(contents)):
        return {}
    values.named["content"] = [pair for pair in contents if pair not in lists]
    return {1: lists}


def _best_list(pairs: list[Pair], values: FieldValues) -> object:
    """Choose one value if several labels have cards; the others go to `extra`."""
    pairs = sorted(pairs, key=lambda pair: (rank_of(pair[0]) >= 1000, -len(str(pair[1]))))
    if len(pairs) > 1:
        pairs.sort(key=lambda pair: not card_fields.listed(pair[1]))
    for label, value in pairs[1:]:
        values.extra.setdefault(label, value)
    return pairs[0][1]


def _is_spread_and_no_topic(value: object) -> bool:
    """Check whether the value of `类型` names a spread and not a topic (感情, 事业)."""
    text = text_of(value)
    return resolve_spread(text)[0] is not None and fold(text) not in topics()


@lexicon.cached
def topics() -> frozenset[str]:
    return frozenset(fold(word) for row in lexicon.read_table("themes") for word in (row["word"], row["theme"]))


def _one_each(cards: dict[int, object], spreads: dict[int, object]) -> bool:
    """Check whether every numbered field holds a single card: at least three fields, or as many as the spread has
    places."""
    places = places_of(text_of(next(iter(spreads.values()), None)))
    if len(cards) < 3 and places != len(cards):
        return False
    return all(len(card_fields.listed(value)) == 1 for value in cards.values())


def _with_columns(cards: dict[int, object], values: FieldValues) -> dict[int, object]:
    """Add to the cards the orientations and positions that fields of the same number hold.

    Yes under `is_reversed` and yes under `upright` mean different orientations, so the label's meaning is kept.
    """
    sides, places = values.numbered("orientation"), values.numbered("position")
    found = {}
    for number, value in cards.items():
        label, side = sides[number][0] if number in sides else ("orientation", None)
        label = "reversed" if card_fields.asks_reversed(label) else "orientation"
        position = places[number][0][1] if number in places else None
        value = _as_list(value)
        merge = _with_lists if isinstance(value, list) else _with_values
        found[number] = merge(value, label, side, position)
    return found


def _with_lists(cards: list, label: str, orientations: object, positions: object) -> list:
    sides, places = _as_list(orientations), _as_list(positions)
    if not isinstance(sides, list) or len(sides) != len(cards) or not all(isinstance(card, str) for card in cards):
        return cards
    if not isinstance(places, list) or len(places) != len(cards):
        places = [None] * len(cards)
    return [
        {"card": card, label: side, "position": place} for card, side, place in zip(cards, sides, places, strict=True)
    ]


def _with_values(cards: object, label: str, orientation: object, position: object) -> object:
    if orientation is not None:
        cards_with_sides = _with_sides(cards, label, orientation)
    elif isinstance(cards, str) and isinstance(position, str) and (placed := _with_places(cards, position)):
        return placed
    else:
        cards_with_sides = cards
    if (
        not isinstance(position, str)
        or not isinstance(cards_with_sides, str | dict)
        or len(card_fields.listed(cards)) != 1
    ):
        return cards_with_sides
    card = cards_with_sides if isinstance(cards_with_sides, dict) else {"card": cards_with_sides}
    return {**card, "position": position}


def _with_places(cards: str, positions: str) -> list[dict] | None:
    """Pair the cards of one field with as many positions of another (`过去、现在`); None if their numbers differ."""
    names = [part.strip() for part in _POSITION_BREAK.split(positions) if part.strip()]
    listed = card_fields.listed(cards)
    if not 1 < len(names) == len(listed) or any(card["position"] for card in listed):
        return None
    return [
        {"card": card["card"], "orientation": card["orientation"], "position": name}
        for card, name in zip(listed, names, strict=True)
    ]


def _with_sides(cards: object, label: str, orientation: object) -> object:
    """Add orientations to one card or to as many cards as orientations; return the cards unchanged otherwise."""
    parsed = card_fields.parse_cards(cards if isinstance(cards, str) else None)
    if parsed.unknown:
        return cards
    if len(parsed.cards) == 1:
        return {"card": cards, label: orientation}
    names = [part for part in _NAME_BREAK.split(str(cards)) if part]
    sides = [part for part in _NAME_BREAK.split(str(orientation)) if part]
    if len(sides) == 1 < len(names) == len(sides[0]):
        sides = list(sides[0])  # `正逆正`
    if len(names) != len(sides):
        return cards
    return [{"card": name, label: side} for name, side in zip(names, sides, strict=True)]


def _as_list(value: object) -> object:
    """Decode the JSON text of a list; return any other value unchanged."""
    if isinstance(value, str) and value.strip()[:1] == "[" and len(value) < 100_000:
        try:
            parsed = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return parsed if isinstance(parsed, list) else value
    return value
