"""What stands before or behind a card in a list: its position, its number, the word for an extra card; and what people
write around these.
"""

import re

from tarot_data import lexicon
from tarot_data.cards.lexer import aliases, extra_labels, is_extra_word, no_place, telling
from tarot_data.cards.spreads import is_spread, places
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS, to_int

_DIGITS = re.compile(r"[0-9]{1,2}")

AROUND = " :：-—()（）【】[]「」*#.、=＝>"

_NUMBERED_PLACE = re.compile(
    rf"(?:no\.?|#|第|牌|card|位置)?\s?([0-9]{{1,2}}|[{NUMERALS}]{{1,2}})(?:[张位号]牌?)?\s?[.:、)\]】\- ]+(?=\S)"
)
"""A list number before a position, which the position is not called by: `No.1 过去`, `牌1：过去`, `1-过去`."""

_ONLY_NUMBER = re.compile(
    rf"(?:no\.?|#|第|牌|card|位置?)?\s?([0-9]{{1,2}}|(?<![^牌第置位])[{NUMERALS}]{{1,3}})(?:[张位号]牌?)?"
)

_SAID = re.compile(
    r"^(?:[0-9]{1,2}|(?:代表|表示|对应|象征|是|为|指|在)*)(.+?)(?:的?(?:位置|牌位|那张牌|牌|位))?[的是为]*$"
)
"""What a sentence puts around a position: `代表过去的是恶魔`, `过去的牌是恶魔`, `恶魔代表过去`."""

HOW_MANY = re.compile(rf"(?:(?:一?共|总共|合计)\s?)?(?:单|[0-9]{{1,2}}|[两{NUMERALS}]{{1,3}})张(?:牌|卡)?(?:塔罗牌?)?")

_MARKS_AROUND = re.compile(r"^[^\w(]+|[^\w)?!]+$")

_LONGEST_PLACE = 80
"""Characters from which text before a card is prose, of which no position is cut."""


@lexicon.cached(maxsize=4096)
def plain_place(position: str) -> str:
    """A position without the marks (`●`, an emoji), the spread and the words of a sentence around it; empty where these
    are all there is: `我抽到的是`, `共3张`."""
    position = position.strip(AROUND)
    if len(position) > _LONGEST_PLACE:
        return position
    folded = fold(position)
    left = _MARKS_AROUND.match(folded)
    right = next((mark for mark in _MARKS_AROUND.finditer(folded) if mark.end() == len(folded) and mark.start()), None)
    position = position[left.end() if left else 0 : right.start() if right else len(position)].strip(AROUND)
    folded = fold(position)
    if folded in no_place():
        return ""
    if not folded or folded in places() or is_extra_label(folded):
        return position
    head, colon, tail = folded.rpartition(":")
    if colon and (is_spread(head) or not plain_place(head)):
        return plain_place(position[len(head) + 1 :])
    head, space, tail = folded.partition(" ")
    if space and is_spread(head):
        return plain_place(position[len(head) + 1 :])  # `凯尔特十字 现状`
    if said := next((word for word in telling() if folded.endswith(word)), None):
        before = position[: len(position) - len(said)].strip(AROUND)
        # `我抽到的是`: 我 is who drew; `过去抽到`: 过去 is the place.
        return before if len(before) > 1 and fold(before) in places() else ""
    if HOW_MANY.fullmatch(folded):
        return ""
    inner = _SAID.match(folded)
    if is_extra_label(bare := folded.rstrip("的是为")):
        return position[: len(bare)]  # `底牌是月亮`
    if (
        inner
        and inner[1] in places()
        and (len(inner[1]) > 1 or inner.start(1) or folded[1:] in ("是", "为", "的牌", "的是"))
    ):
        return position[inner.start(1) : inner.end(1)]
    return position


def is_extra_label(folded: str) -> bool:
    """底牌, 补牌2, and 底 where it is all of a label."""
    return any(
        word in extra_labels() or is_extra_word(word)
        for word in (folded, folded.rstrip(f"0123456789{NUMERALS[:5]} "))
        if word
    )


def put_at(card: dict, position: str) -> None:
    """Set the position of a card: an extra card's word puts it at place 0, a bare number is its place."""
    position = position.strip(AROUND)
    if numbered := _NUMBERED_PLACE.match(fold(position)):
        card["number"] = card.get("number") or number_of(numbered[1])
        position = position[numbered.end() :].strip(AROUND)
    position = plain_place(position)
    folded = fold(position)
    if not position or is_spread(position) or aliases()[1].get(folded) == card["card"]:
        return  # `XV 恶魔`: the card's own number
    if is_extra_label(folded):
        card["place"] = 0
    elif only := _ONLY_NUMBER.fullmatch(folded):
        if aliases()[1].get(only[1]) != card["card"]:
            card["number"] = card.get("number") or number_of(only[1])
        return
    card["position"] = position[:60]


def number_of(written: str) -> int | None:
    if digits := _DIGITS.search(written):
        return int(digits[0])
    return to_int("".join(character for character in written if character in NUMERALS) or written[0])


def is_place(text: str) -> bool:
    place = fold(text).strip(" :-*")
    numbered = _NUMBERED_PLACE.match(place)
    return bool(place) and fold(plain_place((place[numbered.end() :] if numbered else place).strip(" :-*"))) in places()
