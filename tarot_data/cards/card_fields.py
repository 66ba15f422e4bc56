"""Cards as a field holds them, text, list, object or JSON (`["The Fool (R)"]`), to drawn cards."""

import json
import re
from collections import Counter

from tarot_data import lexicon
from tarot_data.cards.card_list import UnknownCard, cards_of, other_deck
from tarot_data.cards.lexer import aliases, is_extra_word, words
from tarot_data.cards.position_labels import put_at
from tarot_data.cards.spreads import resolve_spread
from tarot_data.text.normalise import fold

_MAX_CARDS = 400

_CARD_NAME = re.compile(r"(?:card_?)?name_?(?:zh|cn|tw|en|chinese|english)")
"""A key of a card object that holds its name in one of several languages, the first of which counts."""

_THOTH = re.compile(r"thoth|透特|托特", re.IGNORECASE)

_KNIGHT = re.compile(r"骑士|騎士|knight", re.IGNORECASE)


def parse_cards(value: object, spread: str | None = None, deck: str | None = None) -> list[dict]:
    """Drawn cards of a field: text, a list of texts or objects, an object of positions, or JSON of these.

    Each has place (from 1; 0 for an extra card), position, card, orientation, raw. spread names the positions where
    the cards do not. deck: the name of the deck where the source says it. Raises UnknownCard where a name is no card of
    this deck, or the deck is another.
    """
    cards = _parsed(value, 0)
    deck = deck or (value[:12] if isinstance(value, str) and _THOTH.match(value.lstrip("【[ ")) else None)
    if name := other_deck(spread) or other_deck(deck):
        raise UnknownCard(name)
    if deck and _THOTH.search(deck):
        for card in cards:
            # Thoth's knight is the king of the other decks (deck.csv, column thoth).
            if card["card"].endswith("骑士") and _KNIGHT.search(card["raw"]):
                card["card"] = card["card"].replace("骑士", "国王")
    if len(cards) > _MAX_CARDS:
        raise UnknownCard(f"{len(cards)} cards in one draw")
    _, positions = resolve_spread(spread)
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
    return cards


def listed(value: object) -> list[dict]:
    """`parse_cards` of what may be a list of cards and something else as well: none where a name is no card."""
    try:
        return parse_cards(value)
    except UnknownCard:
        return []


def _parsed(value: object, depth: int) -> list[dict]:
    if value is None or isinstance(value, bool) or depth > 4:
        return []
    if isinstance(value, int | float):
        raise UnknownCard(str(value))
    if isinstance(value, str):
        text = value.strip()
        if text[:1] in "[{" and text[-1:] in "]}" and ('"' in text or "'" in text):
            try:
                return _parsed(json.loads(text), depth + 1)
            except (ValueError, RecursionError):
                pass
        return [dict(card) for card in cards_of(text)] if len(text) < 20_000 else _too_long(text)
    if isinstance(value, dict):
        return _from_object(value, depth)
    if isinstance(value, list | tuple):
        if len(value) > _MAX_CARDS:
            raise UnknownCard(f"{len(value)} cards in one draw")
        if pair := _as_pair(value):
            return pair
        cards, unknown = [], []
        for item in value:
            try:
                cards += _parsed(item, depth + 1)
            except UnknownCard as error:
                unknown.append(error.name)
        if unknown:
            raise UnknownCard("、".join(unknown))
        return cards
    raise UnknownCard(type(value).__name__)


def _as_pair(value: list | tuple) -> list[dict]:
    """`["隐士", "逆位"]`, `["隐士", true]` (reversed): one card and its orientation; of anything else nothing."""
    if len(value) != 2 or not isinstance(value[0], str) or len(value[0]) > 40 or not isinstance(value[1], str | bool):
        return []
    side = _orientation(value[1], "reversed") if isinstance(value[1], bool) else orientation_of(value[1])
    if side is None or orientation_of(value[0]):
        return []
    cards = _parsed(value[0], 4)
    return [{**cards[0], "orientation": side}] if len(cards) == 1 else []


def _too_long(text: str) -> list[dict]:
    raise UnknownCard(text)


def _from_object(value: dict, depth: int) -> list[dict]:
    """A card object (`name`, `orientation`, `position`), or places as keys and cards as values."""
    from tarot_data.lexicon.field_names import field_of

    fields: dict[str, object] = {}
    for key, item in value.items():
        known = field_of(str(key))
        name = known[0] if known else "cards" if _CARD_NAME.fullmatch(fold(str(key))) else str(key).lower()
        # In a card object `name` is the card, not the client, and `id` only counts where the name is missing.
        fields.setdefault(
            {"person": "cards", "title": "cards", "cardid": "cards", "card_id": "cards"}.get(name, name), item
        )
    if isinstance(fields.get("cards"), str | dict | list):
        cards = _parsed(fields["cards"], depth + 1)
        position, orientation = fields.get("position"), fields.get("orientation")
        if isinstance(position, str) and (meant := orientation_of(position)):
            position, orientation = None, orientation if orientation is not None else meant
        if isinstance(position, dict):
            position = next((item for item in position.values() if isinstance(item, str)), None)
        for card in cards:
            if orientation is not None and len(cards) == 1:
                key = next((str(key) for key in value if asks_reversed(str(key))), None)
                card["orientation"] = (
                    _orientation(orientation, asked="reversed" if key else "upright") or card["orientation"]
                )
            if isinstance(position, int) and not isinstance(position, bool):
                card["number"] = card.get("number") or position
            elif position not in (None, ""):
                put_at(card, str(position).strip())
        return cards
    if name := _suit_and_rank(value):
        return _from_object(
            {**{k: v for k, v in value.items() if not _PART_OF_NAME.fullmatch(fold(k))}, "card": name}, depth
        )
    if "id" in fields and len(value) <= 3:
        raise UnknownCard(f"id {fields['id']}")
    cards = []
    for key, item in value.items():
        for card in _parsed(item, depth + 1):
            if side := orientation_of(str(key)):  # `{"逆位": ["恶魔"]}`
                card["orientation"] = side if card["orientation"] == "unknown" else card["orientation"]
            elif not card["position"]:
                put_at(card, str(key).strip())
            cards.append(card)
    return cards


_PART_OF_NAME = re.compile(r"(?P<suit>suit|花色|牌组)|(?P<rank>rank|number|value|数字|点数|等级)")


def _suit_and_rank(value: dict) -> str | None:
    """The name of a card whose object has it in two fields: `{"suit": "Cups", "rank": "Three"}`."""
    parts = {}
    for key, item in value.items():
        if (match := _PART_OF_NAME.fullmatch(fold(str(key)))) and isinstance(item, str | int):
            parts.setdefault(match.lastgroup, str(item).strip())
    if len(parts) < 2:
        return None
    names = (f"{parts['suit']}{parts['rank']}", f"{parts['rank']} of {parts['suit']}")
    return next((name for name in names if fold(name) in aliases()[0]), None)


def is_extra(label: str) -> bool:
    """Whether a label is the word for a card without a place: 底牌, 补牌."""
    return is_extra_word(fold(label))


def asks_reversed(key: str) -> bool:
    """Whether a yes in a field of this name means reversed."""
    return any(word in fold(key) for word in ("revers", "逆", "rev"))


def _orientation(value: object, asked: str) -> str | None:
    """What an orientation field says. asked: reversed for a field like `is_reversed`, upright for `upright`."""
    if isinstance(value, bool | int | float):
        other = "upright" if asked == "reversed" else "reversed"
        return asked if value else other
    text = fold(str(value)).strip()
    if meant := orientation_of(text):
        return meant
    answer = answer_of(text)
    if answer is None:
        return None
    return asked if answer else ("upright" if asked == "reversed" else "reversed")


def orientation_of(text: str) -> str | None:
    """The orientation a whole field names (逆, `R`, `reversed`, ↓), or None."""
    bare = fold(text).strip(" ()[]")
    meant = {words().get(part, ("",)) for part in (bare, *re.split(r"[\s/|()·]+", bare)) if part}
    known = [word for word in meant if word[0] in ("orientation", "all")]
    whole = words().get(bare)
    if whole and whole in known:
        return whole[1]
    # `逆位 Reversed`: said twice, and nothing else
    return known[0][1] if len(bare) <= 40 and len(known) == len(meant - {("",)}) == 1 and len(meant) == 2 else None


@lexicon.cached
def _answers() -> dict[str, bool]:
    return {
        fold(word): row["meaning"] == "yes" for row in lexicon.read_table("answers") for word in row["words"].split("|")
    }


def answer_of(value: object) -> bool | None:
    """Yes (True), no (False) or neither (None) as people write it: 是, `no`, 同意, 不同意, ✓, 1."""
    if isinstance(value, bool):
        return value
    return _answers().get(fold(str(value)).strip())


def duplicates(cards: list[dict]) -> list[str]:
    """Cards that lie twice in one draw, which one deck cannot do."""
    counts = Counter(card["card"] for card in cards)
    return [card for card, count in counts.items() if count > 1]
