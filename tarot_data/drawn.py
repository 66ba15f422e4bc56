"""Cards as people write them in a field: `1. 过去：愚人 正位`, `恶魔逆位高塔正位`, `["The Fool (R)"]`, to drawn cards.

Known names are cut out first, separators come second. What is left must be an orientation, a position or a number;
anything else is a card of another deck, and one such card makes the whole draw suspect.
"""

import json
import re
from collections import Counter

from tarot_data import lexicon
from tarot_data.folding import fold
from tarot_data.listing import (
    Token,
    aliases,
    doubting,
    extra_labels,
    no_card,
    no_place,
    repeating,
    telling,
    tokens_of,
    words,
)
from tarot_data.spreads import NUMERALS, is_spread, numeral, places, position_names, resolve_spread

_MAX_CARDS = 400
_CARD_NAME = re.compile(r"(?:card_?)?name_?(?:zh|cn|tw|en|chinese|english)")
"""A key of a card object that holds its name in one of several languages, the first of which counts."""
_DIGITS = re.compile(r"[0-9]{1,2}")
_THOTH = re.compile(r"thoth|透特|托特", re.IGNORECASE)
_KNIGHT = re.compile(r"骑士|騎士|knight", re.IGNORECASE)


class UnknownCard(Exception):
    """A name that is no card of this deck. name: as written, at most 40 characters."""

    def __init__(self, name: str) -> None:
        self.name = name.strip()[:40]
        super().__init__(self.name)


@lexicon.cached
def _other_decks() -> frozenset[str]:
    return frozenset(fold(name) for row in lexicon.read_table("other_decks") for name in row["names"].split("|"))


@lexicon.cached
def _other_deck_names() -> tuple[str, ...]:
    return tuple(fold(name) for row in lexicon.read_table("other_decks") for name in row["called"].split("|") if name)


def other_deck(text: str | None) -> str | None:
    """The name of another deck (雷诺曼, Lenormand, oracle) in the words for a spread or a deck, or None: some of its
    cards are called like ours, so their names alone do not tell."""
    folded = fold(text or "")
    return next((name for name in _other_deck_names() if name in folded), None)


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
        return [dict(card) for card in _from_text(text)] if len(text) < 20_000 else _too_long(text)
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
    from tarot_data.sources.fields import field_of

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
                _place(card, str(position).strip())
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
                _place(card, str(key).strip())
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
    return (words().get(fold(label)) or ("",))[0] == "extra"


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


_IN_A_ROW = ("|", "｜", "\t", "/", "／", "·", "•")
"""Separators that also stand between a card and what is said of it."""

_AROUND_PLACE = " :：-—()（）【】[]「」*#.、=＝>"
_NUMBERED_PLACE = re.compile(
    r"(?:no\.?|#|第|牌|card|位置)?\s?([0-9]{1,2}|[一二三四五六七八九十]{1,2})(?:[张位号]牌?)?\s?[.:、)\]】\- ]+(?=\S)"
)
"""A list number before a position, which the position is not called by: `No.1 过去`, `牌1：过去`, `1-过去`."""


_ONLY_NUMBER = re.compile(
    r"(?:no\.?|#|第|牌|card|位置?)?\s?([0-9]{1,2}|(?<![^牌第置位])[一二三四五六七八九十]{1,3})(?:[张位号]牌?)?"
)
_SAID = re.compile(
    r"^(?:[0-9]{1,2}|(?:代表|表示|对应|象征|是|为|指|在)*)(.+?)(?:的?(?:位置|牌位|那张牌|牌|位))?[的是为]*$"
)
"""What a sentence puts around a position: `代表过去的是恶魔`, `过去的牌是恶魔`, `恶魔代表过去`."""

_HOW_MANY = re.compile(
    r"(?:(?:一?共|总共|合计)\s?)?(?:单|[0-9]{1,2}|[一二两三四五六七八九十]{1,3})张(?:牌|卡)?(?:塔罗牌?)?"
)
_MARKS_AROUND = re.compile(r"^[^\w(]+|[^\w)?!]+$")


_LONGEST_PLACE = 80
"""Characters from which text before a card is prose, of which no position is cut."""


@lexicon.cached(maxsize=4096)
def _plain_place(position: str) -> str:
    """A position without the marks (`●`, an emoji), the spread and the words of a sentence around it; empty where these
    are all there is: `我抽到的是`, `共3张`."""
    position = position.strip(_AROUND_PLACE)
    if len(position) > _LONGEST_PLACE:
        return position
    folded = fold(position)
    left = _MARKS_AROUND.match(folded)
    right = next((mark for mark in _MARKS_AROUND.finditer(folded) if mark.end() == len(folded) and mark.start()), None)
    position = position[left.end() if left else 0 : right.start() if right else len(position)].strip(_AROUND_PLACE)
    folded = fold(position)
    if folded in no_place():
        return ""
    if not folded or folded in places() or _is_extra_label(folded):
        return position
    head, colon, tail = folded.rpartition(":")
    if colon and (is_spread(head) or not _plain_place(head)):
        return _plain_place(position[len(head) + 1 :])
    head, space, tail = folded.partition(" ")
    if space and is_spread(head):
        return _plain_place(position[len(head) + 1 :])  # `凯尔特十字 现状`
    if said := next((word for word in telling() if folded.endswith(word)), None):
        before = position[: len(position) - len(said)].strip(_AROUND_PLACE)
        # `我抽到的是`: 我 is who drew; `过去抽到`: 过去 is the place.
        return before if len(before) > 1 and fold(before) in places() else ""
    if _HOW_MANY.fullmatch(folded):
        return ""
    inner = _SAID.match(folded)
    if _is_extra_label(bare := folded.rstrip("的是为")):
        return position[: len(bare)]  # `底牌是月亮`
    if (
        inner
        and inner[1] in places()
        and (len(inner[1]) > 1 or inner.start(1) or folded[1:] in ("是", "为", "的牌", "的是"))
    ):
        return position[inner.start(1) : inner.end(1)]
    return position


def _is_extra_label(folded: str) -> bool:
    """底牌, 补牌2, and 底 where it is all of a label."""
    return any(
        word in extra_labels() or (words().get(word) or ("",))[0] == "extra"
        for word in (folded, folded.rstrip("0123456789一二三四五 "))
        if word
    )


def _place(card: dict, position: str) -> None:
    """Set the position of a card: an extra card's word puts it at place 0, a bare number is its place."""
    position = position.strip(_AROUND_PLACE)
    if numbered := _NUMBERED_PLACE.match(fold(position)):
        card["number"] = card.get("number") or _number(numbered[1])
        position = position[numbered.end() :].strip(_AROUND_PLACE)
    position = _plain_place(position)
    folded = fold(position)
    if not position or is_spread(position) or aliases()[1].get(folded) == card["card"]:
        return  # `XV 恶魔`: the card's own number
    if _is_extra_label(folded):
        card["place"] = 0
    elif only := _ONLY_NUMBER.fullmatch(folded):
        if aliases()[1].get(only[1]) != card["card"]:
            card["number"] = card.get("number") or _number(only[1])
        return
    card["position"] = position[:60]


_HEAD = re.compile(r"\s*\|?\s*(?:牌阵\s?:\s?)?([^:\n]{2,80}?)\s*\|?\s*(?:[:\n][\s|:\-]*)(?=\S)")
_SPREAD_FIRST = re.compile(r"\s*牌阵\s?[: ]\s?([^:,;、\s]{2,20})[:,;、\s]+(?=\S)")
_BETWEEN_PLACES = re.compile(r"[\s/、,|>→\-–—()\[\]【】]+")


@lexicon.cached(maxsize=4096)
def _from_text(text: str) -> tuple[dict, ...]:
    """Cards of one text. Cached: the same few hundred spellings make up most lists."""
    folded = fold(text)
    if (named := _SPREAD_FIRST.match(folded)) and resolve_spread(named[1])[0]:
        text, folded = text[named.end() :], folded[named.end() :]
    head = _HEAD.match(folded)
    if not head:
        return _listed(text)
    pieces = [piece for piece in _BETWEEN_PLACES.split(folded[head.start(1) : head.end(1)]) if piece]
    if pieces and (is_spread(pieces[0]) or pieces[0] not in places() and resolve_spread(pieces[0])[0]):
        pieces = pieces[1:]
    if len(pieces) < 2 or len(set(pieces)) < len(pieces) or not set(pieces) <= places():
        return _listed(text)
    # `过去、现在、未来：恶魔、高塔、星星`
    try:
        cards = [dict(card) for card in _listed(text[head.end() :])]
    except UnknownCard:
        return _listed(text)
    laid = [card for card in cards if card["place"] != 0]
    if len(laid) != len(pieces) or any(card["position"] for card in laid):
        return _listed(text)
    written = [piece for piece in _BETWEEN_PLACES.split(text[head.start(1) : head.end(1)].replace("（", "(")) if piece]
    for card, piece in zip(laid, written[-len(pieces) :], strict=True):
        card["position"] = piece.strip("）)")
    return tuple(cards)


def _listed(text: str) -> tuple[dict, ...]:
    """`_from_text` of a text without a heading of positions."""
    folded = fold(text)
    tokens = tokens_of(folded)
    cards: list[dict] = []
    unknown: list[str] = []
    others: list[str] = []
    position: list[str] = []  # text waiting for the card it stands before
    pending: str | None = None  # orientation waiting for its card
    standing: str | None = None  # `逆位：` holds until the line ends or another takes its place
    number: int | None = None
    last: dict | None = None  # the card that a suffix or a bracket belongs to
    loose: list[dict] = []  # cards with words in brackets behind them that may be a remark
    mine: dict | None = None  # the card of this item, which a position behind it belongs to
    called = ""  # the name it has there
    aside = ""  # the word for an extra card in the bracket that is open
    fallback: str | None = None
    depth = 0
    index = 0
    before = next((token.kind == "open" for token in tokens if token.kind in ("open", "card")), False)

    def flush() -> None:
        """Text before a separator that no card followed: a weak name, nothing, or a card of another deck."""
        nonlocal number, pending, last
        text_left = "".join(position).strip()
        position.clear()
        if not text_left:
            return
        word = fold(text_left).strip(" .!?…'\"*#")
        if not re.search(r"[^\W_]", word):
            if set("?？") & set(text_left):
                unknown.append(text_left)  # `恶魔、？、星星`: a card was there
            return
        place, parted, name = word.rpartition(":")
        if not parted:
            place, parted, name = word.rpartition(" ")  # `过去 0号 正`
            parted = parted if _is_place(place) else ""
        name = name.strip() if parted else word
        place = place if parted else ""
        if _HOW_MANY.fullmatch(word) or is_spread(word):
            return  # `恶魔、高塔、星星 共三张`
        if name in no_card() or (words().get(name) or ("",))[0] == "extra":
            return
        if card := aliases()[1].get(name.removesuffix("牌")) or aliases()[1].get(name):
            if place.strip():
                position.append(text_left[: len(place)])
            add(card, text_left[-len(name) :], name)
            return
        if cards and len(re.findall(r"[\u4e00-\u9fff]", word)) > 8:
            return  # a remark: no deck has names this long
        unknown.append(text_left)

    def behind() -> bool:
        """`恶魔 - 过去 逆`: whether what stands here is the position of the item's card; if so it has it."""
        nonlocal pending, last
        if mine is None or mine["position"] or not _is_place("".join(position)):
            return False
        _place(mine, "".join(position))
        position.clear()
        if pending and mine["orientation"] == "unknown":
            mine["orientation"], pending = pending, None
        last = mine  # `恶魔|过去|逆`
        return True

    def add(card: str, raw: str, name: str) -> None:
        nonlocal pending, number, last, mine, called, aside
        twice = mine is not None and mine["card"] == card and not "".join(position).strip()
        if twice and (depth or called.isascii() != name.isascii()):
            # `恶魔 The Devil 逆位`, `愚者（愚人）`: the same card by another name.
            mine["orientation"] = pending or mine["orientation"]
            pending, last = None, mine
            position.clear()
            return
        before = next((old for old in cards if old["card"] == card), None)
        again = bool(position) and fold("".join(position)).strip(_AROUND_PLACE) in repeating()
        if (standing or again) and before and before["orientation"] == "unknown":
            before["orientation"] = pending or standing or "unknown"
            pending, last = None, before
            position.clear()
            return
        last = {
            "place": None,
            "position": None,
            "card": card,
            "orientation": pending or standing or "unknown",
            "raw": raw,
        }
        if number is not None:
            last["number"] = number
        cards.append(last)
        mine, called = last, name
        place = "".join(position)
        position.clear()
        if place.strip():
            if fold(place).strip(_AROUND_PLACE).endswith(doubting()):
                raise UnknownCard(place + raw)
            if other := _of_another_deck(place):
                if not place.rstrip().endswith((":", "：")) or other in _other_deck_names():
                    raise UnknownCard(other)
                others.append(other)
            _place(last, place)
        elif aside:
            last["place"], last["position"] = 0, aside  # `（补牌：星星、月亮）`
        aside = last["position"] or "" if depth and last["place"] == 0 else ""
        pending, number = None, None

    while index < len(tokens):
        token = tokens[index]
        written = text[token.start : token.end]
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        if token.kind == "card":
            if following and following.kind == "text" and _glued(text, token, following):
                unknown.append(_whole_name(text, tokens, index))
                position.clear()
                while index + 1 < len(tokens) and tokens[index + 1].kind in ("text", "card"):
                    index += 1
            elif (
                following
                and following.kind == "colon"
                and _holds_card(tokens, index + 2)
                and not _own_orientation(tokens, index + 1, "colon")
            ):
                position.append(written)  # `力量：圣杯三`: a position that is called like a card
            else:
                add(token.value, _raw(text, tokens, index), written)
        elif token.kind == "orientation":
            after = _next_solid(tokens, index)
            if following and following.kind == "colon" and not (last and _is_place(_item(text, tokens, index + 2))):
                if "".join(position).strip():  # `过去逆位：恶魔`; but `前两张逆位：` holds for none that we know
                    pending = token.value
                    if not _is_place("".join(position)):
                        unknown.append("".join(position) + written)
                else:
                    standing, last = token.value, None
                    index += 1
            elif last is not None and last["orientation"] == "unknown" and (depth or not position):
                last["orientation"] = token.value
            elif (
                last is not None
                and (depth or not position)
                and not standing
                and (after is None or after.kind == "separator")
            ):
                if last["orientation"] != token.value and not (after and text[after.start] in "·•"):
                    last["orientation"] = "unknown"  # `恶魔 正位→逆位`
            elif (
                after is not None
                and after.kind in ("card", "text")
                and last is None
                or position
                or last is None
                and after is not None
                or after is not None
                and after.kind == "card"
            ):
                pending = token.value
        elif token.kind == "all" or token.kind == "rest":
            fallback = token.value
        elif token.kind == "extra":
            if last is not None and depth and last["position"] is None and not _card_in_bracket(tokens, index):
                _place(last, written)
            else:
                position.append(written)
                last = None
        elif token.kind == "number" and last is not None and index and _own_number(text, tokens, index, last):
            pass
        elif token.kind == "number":
            behind() or flush()
            number = _number(token.value)
            last = mine = None
        elif token.kind == "separator" and fold(written) == "+" and _closes(tokens, index) and last is not None:
            if last["orientation"] == "unknown":
                last["orientation"] = "upright"
        elif token.kind == "separator" and depth and last is not None and not _card_in_bracket(tokens, index):
            position.append(" ")  # `愚人（过去，逆位）`: all of the bracket belongs to the card before it
        elif token.kind == "separator":
            colon_before = bool(position) and bool(tokens[index - 1].kind == "colon")
            held = not behind() and (
                colon_before
                and text[token.start] in "\n\t "
                or (_is_place("".join(position)) or _is_extra_label(fold("".join(position)).strip()))
                and _holds_next(tokens, index)
            )
            if not held:
                flush()
                if text[token.start] != "/" or not (following and following.kind == "orientation"):
                    own = following and _only_orientation(tokens, index + 1)
                    last = last if own or written in "·•" and _own_orientation(tokens, index, "separator") else None
            if written not in _IN_A_ROW:
                mine = None
            if text[token.start] == "\n":
                standing = None
        elif token.kind == "dash":
            if last is not None and last["orientation"] == "unknown" and _closes(tokens, index):
                if fold(written) in "-–—−":
                    last["orientation"] = "reversed"
            elif position and position[-1].strip():
                position.append(written)
        elif token.kind == "open":
            depth += 1
        elif token.kind == "close":
            depth, aside = max(0, depth - 1), ""
            inside = "".join(position).strip()
            if inside and last is not None and not (before and _holds_card(tokens, index + 1, glue=True)):
                # `愚人（过去）`: the bracket after a card is its position, unless it already has one. Where the list begins
                # with a bracket (`（过去）愚人（现在）恶魔`) each stands before its card.
                if not last["position"]:
                    _place(last, inside)
                    if last["position"] and last["place"] != 0 and not _is_place(inside):
                        loose.append(last)
                position.clear()
        elif token.kind == "colon" and last is not None and not position and _own_orientation(tokens, index, "colon"):
            pass  # `恶魔：逆位`: what follows is the card's own orientation
        elif token.kind == "colon":
            position.append(written)
            if depth == 0 and last is not None:
                last = None
        elif token.kind == "text":
            if last is not None and depth == 0 and not position and _trailing(text, token):
                pass
            else:
                position.append(written)
                if depth == 0:
                    last = None
        elif token.kind == "space":
            if position:
                position.append(" ")
        elif token.kind == "nothing" and position and position[-1].strip() not in ("", ":"):
            position.append(written)
        index += 1
    behind() or _take_behind(cards, position) or flush()
    if len(others) > 1 and len(others) == len(cards):
        # One such word before a colon is a position (`孩子：愚人`); where all are, the other deck was laid.
        raise UnknownCard(others[0])
    if unknown:
        raise UnknownCard("、".join(name.strip() for name in unknown))
    laid = [card for card in cards if card["place"] != 0]
    if len(laid) > 2 and laid[0]["position"] and not any(card["position"] for card in laid[1:]):
        start = next(token.start for token in tokens if token.kind == "card")
        if ":" in folded[:start]:
            laid[0]["position"] = None  # `感情：恶魔、高塔、星星`: a heading of all
    if loose and (
        len(laid) == 1 or not all(c["position"] for c in laid) or any(_REMARK.search(c["position"]) for c in loose)
    ):
        # `恶魔逆位（好吓人）、高塔`: where positions are given, every card has one.
        for card in loose:
            card["position"] = None
    if sides := _sides_in_a_row(tokens):
        if len(cards) == len(sides):
            for card, side in zip(cards, sides, strict=True):
                card["orientation"] = side
        elif len(set(sides)) > 1:
            cards[-1]["orientation"] = "unknown"
    if fallback:
        for card in cards:
            if card["orientation"] == "unknown":
                card["orientation"] = fallback
    return tuple(cards)


def _take_behind(cards: list[dict], left: list[str]) -> bool:
    """`恶魔 过去 高塔 现在`: where a position is left behind the last card and only the first has none, each stands behind
    its card and not before it. Returns whether that is so; the cards then have them."""
    if not cards or not _is_place("".join(left)) or cards[0]["position"] or not all(c["position"] for c in cards[1:]):
        return False
    for card, following in zip(cards, cards[1:], strict=False):
        card["position"] = following["position"]
    cards[-1]["position"] = None
    _place(cards[-1], "".join(left))
    left.clear()
    return True


def _glued(text: str, card: Token, following: Token) -> bool:
    """Whether text stands right behind a card's name and is no more than punctuation: `月亮女神` is not 月亮."""
    return bool(re.match(r"[^\W\d_]", text[following.start])) and not (
        text[card.end - 1].isascii()
        and not text[following.start].isascii()
        or _HOW_MANY.match(fold(text[following.start : following.start + 6]))  # `恶魔、高塔两张`
    )


def _whole_name(text: str, tokens: list[Token], index: int) -> str:
    start, end = tokens[index].start, tokens[index].end
    for token in tokens[index + 1 :]:
        if token.kind not in ("text", "card"):
            break
        end = token.end
    for token in reversed(tokens[:index]):
        if token.kind != "text":
            break
        start = token.start
    return text[start:end]


def _raw(text: str, tokens: list[Token], index: int) -> str:
    """The card's name and what belongs to it up to the next card or separator, as written."""
    end = tokens[index].end
    for token in tokens[index + 1 :]:
        if token.kind in ("card", "separator", "number", "text", "colon", "extra"):
            break
        if token.kind in ("orientation", "close"):
            end = token.end
    return text[tokens[index].start : end]


def _number(written: str) -> int | None:
    if digits := _DIGITS.search(written):
        return int(digits[0])
    for base in ("①", "⑴", "⒈", "➀", "❶"):
        if 0 <= ord(written[0]) - ord(base) < 20:
            return ord(written[0]) - ord(base) + 1
    chinese = re.sub(r"[^一二三四五六七八九十]", "", written)
    if not chinese:
        return None
    return numeral(chinese) if "十" in chinese else NUMERALS[chinese[0]]


def _next_solid(tokens: list[Token], index: int) -> Token | None:
    """The next token that is not a space or a bracket."""
    return next((token for token in tokens[index + 1 :] if token.kind not in ("space", "open", "close")), None)


def _only_orientation(tokens: list[Token], index: int) -> bool:
    """Whether the item from here to the next separator is an orientation and nothing else."""
    kinds = []
    for token in tokens[index:]:
        if token.kind in ("separator", "number"):
            break
        kinds.append(token.kind)
    return "orientation" in kinds and not {"card", "text", "extra", "colon"} & set(kinds)


def _card_in_bracket(tokens: list[Token], index: int) -> bool:
    """Whether a card stands between here and the end of the bracket, or the bracket has no end."""
    kinds = (token.kind for token in tokens[index + 1 :])
    return next((kind for kind in kinds if kind in ("card", "close")), "card") == "card"


def _own_orientation(tokens: list[Token], index: int, mark: str) -> bool:
    """Whether the orientation behind a mark is that of the card before it (`恶魔：逆位 高塔：正位`) and not of a card that
    it touches (`力量：逆位圣杯三`), unless that one has the mark behind it again."""
    place = index + 1
    while place < len(tokens) and tokens[place].kind in ("space", "open"):
        place += 1
    if place >= len(tokens) or tokens[place].kind != "orientation":
        return False
    kinds = [token.kind for token in tokens[place + 1 : place + 3]]
    return kinds[:1] != ["card"] or kinds[1:] == [mark]


def _closes(tokens: list[Token], index: int) -> bool:
    """Whether a dash ends its item: `权杖三-`, `死神(-)` say reversed; one that touches the name may have a space behind."""
    rest = tokens[index + 1 :]
    if rest and rest[0].kind == "space" and index and tokens[index - 1].kind == "card":
        rest = rest[1:]
    return not rest or rest[0].kind in ("separator", "close")


def _holds_card(tokens: list[Token], index: int, glue: bool = False) -> bool:
    """Whether a card follows in the same item (with glue: right behind)."""
    for token in tokens[index:]:
        if token.kind == "card":
            return True
        if token.kind == "separator" or glue and token.kind not in ("space", "colon", "orientation", "dash"):
            return False
    return False


def _sides_in_a_row(tokens: list[Token]) -> list[str]:
    """`恶魔、高塔、星星（逆、正、正）`: the orientations of all cards in their order, where there are no others."""
    last = max((index for index, token in enumerate(tokens) if token.kind == "card"), default=-1)
    sides = [token.value for token in tokens[last + 1 :] if token.kind == "orientation"]
    alone = all(token.kind in ("orientation", "separator", "space", "open", "close") for token in tokens[last + 1 :])
    if last < 0 or len(sides) < 2 or not alone or any(token.kind == "orientation" for token in tokens[:last]):
        return []
    return sides


def _own_number(text: str, tokens: list[Token], index: int, card: dict) -> bool:
    """Whether a number in brackets that touches a card is said of that card: `愚人(0)逆`, `恶魔（2）逆、高塔`."""
    if tokens[index - 1].kind != "card" or text[tokens[index].start] not in "(（[【":
        return False
    number = _number(tokens[index].value)
    if card["card"] in (aliases()[1].get(f"{number}号"), aliases()[1].get(str(number))):
        return True
    rest = [token.kind for token in tokens[index + 1 :] if token.kind != "space"][:2]
    return rest[:1] == ["orientation"] and rest[1:] != ["card"]


def _item(text: str, tokens: list[Token], index: int) -> str:
    """The text from here to the next separator."""
    end = next((token.start for token in tokens[index:] if token.kind == "separator"), len(text))
    return text[tokens[index].start : end] if index < len(tokens) else ""


def _holds_next(tokens: list[Token], index: int) -> bool:
    """Whether the item behind a separator begins with a card or an orientation."""
    after = next((token for token in tokens[index + 1 :] if token.kind not in ("space", "separator", "open")), None)
    return after is not None and after.kind in ("card", "orientation")


def _is_place(text: str) -> bool:
    place = fold(text).strip(" :-*")
    numbered = _NUMBERED_PLACE.match(place)
    return (
        bool(place) and fold(_plain_place((place[numbered.end() :] if numbered else place).strip(" :-*"))) in places()
    )


_REMARK = re.compile(r"[了吗嗎呢啊呀哎唉吧哈嘛啦哦！!？?~～…]$")
_TRAILING = re.compile(r"^[\s!！?？…。.*'\"’‘✨⭐️🌟❤💕~～x×0-9]+$")


def _trailing(text: str, token: Token) -> bool:
    """Punctuation, emoji and counts behind a card mean nothing."""
    return bool(_TRAILING.match(text[token.start : token.end])) or not re.search(
        r"[^\W_]", text[token.start : token.end]
    )


def _of_another_deck(place: str) -> str | None:
    """The card of another deck that stands before one of ours."""
    parts = re.split(r"[\s:：\-]+", fold(place))
    if deck := next((name for name in _other_deck_names() for part in parts if part.startswith(name)), None):
        return deck
    return next((part for part in parts if part in _other_decks() and part not in position_names()), None)


def duplicates(cards: list[dict]) -> list[str]:
    """Cards that lie twice in one draw, which one deck cannot do."""
    counts = Counter(card["card"] for card in cards)
    return [card for card, count in counts.items() if count > 1]
