"""A text that lists drawn cards, as people write one (`1. 过去：愚人 正位`, `恶魔逆位高塔正位`), to its cards.

Known names are cut out first, separators come second. What is left must be an orientation, a position or a number;
anything else is a card of another deck, and one such card makes the whole draw suspect.
"""

import re

from tarot_data import lexicon
from tarot_data.cards.lexer import Token, aliases, doubting, is_extra_word, no_card, repeating, tokens_of
from tarot_data.cards.position_labels import AROUND, HOW_MANY, is_extra_label, is_place, number_of, put_at
from tarot_data.cards.spreads import is_spread, places, position_names, resolve_spread
from tarot_data.text.normalise import fold


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


@lexicon.cached(maxsize=4096)
def other_deck(text: str | None) -> str | None:
    """The name of another deck (雷诺曼, Lenormand, oracle) in the words for a spread or a deck, or None: some of its
    cards are called like ours, so their names alone do not tell."""
    folded = fold(text or "")
    return next((name for name in _other_deck_names() if name in folded), None)


_IN_A_ROW = ("|", "｜", "\t", "/", "／", "·", "•")
"""Separators that also stand between a card and what is said of it."""

_HEAD = re.compile(r"\s*\|?\s*(?:牌阵\s?:\s?)?([^:\n]{2,80}?)\s*\|?\s*(?:[:\n][\s|:\-]*)(?=\S)")

_SPREAD_FIRST = re.compile(r"\s*牌阵\s?[: ]\s?([^:,;、\s]{2,20})[:,;、\s]+(?=\S)")

_BETWEEN_PLACES = re.compile(r"[\s/、,|>→\-–—()\[\]【】]+")


@lexicon.cached(maxsize=4096)
def cards_of(text: str) -> tuple[dict, ...]:
    """Cards of one text. Cached: the same few hundred spellings make up most lists."""
    folded = fold(text)
    if (named := _SPREAD_FIRST.match(folded)) and resolve_spread(named[1])[0]:
        text, folded = text[named.end() :], folded[named.end() :]
    head = _HEAD.match(folded)
    if not head:
        return _listed(text, folded)
    pieces = [piece for piece in _BETWEEN_PLACES.split(folded[head.start(1) : head.end(1)]) if piece]
    if pieces and (is_spread(pieces[0]) or pieces[0] not in places() and resolve_spread(pieces[0])[0]):
        pieces = pieces[1:]
    if len(pieces) < 2 or len(set(pieces)) < len(pieces) or not set(pieces) <= places():
        return _listed(text, folded)
    # `过去、现在、未来：恶魔、高塔、星星`
    try:
        cards = [dict(card) for card in _listed(text[head.end() :], folded[head.end() :])]
    except UnknownCard:
        return _listed(text, folded)
    laid = [card for card in cards if card["place"] != 0]
    if len(laid) != len(pieces) or any(card["position"] for card in laid):
        return _listed(text, folded)
    written = [piece for piece in _BETWEEN_PLACES.split(text[head.start(1) : head.end(1)].replace("（", "(")) if piece]
    for card, piece in zip(laid, written[-len(pieces) :], strict=True):
        card["position"] = piece.strip("）)")
    return tuple(cards)


def _listed(text: str, folded: str) -> tuple[dict, ...]:
    """`cards_of` of a text, and the same folded, without a heading of positions."""
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
            parted = parted if is_place(place) else ""
        name = name.strip() if parted else word
        place = place if parted else ""
        if HOW_MANY.fullmatch(word) or is_spread(word):
            return  # `恶魔、高塔、星星 共三张`
        if name in no_card() or is_extra_word(name):
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
        if mine is None or mine["position"] or not is_place("".join(position)):
            return False
        put_at(mine, "".join(position))
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
        again = bool(position) and fold("".join(position)).strip(AROUND) in repeating()
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
            if fold(place).strip(AROUND).endswith(doubting()):
                raise UnknownCard(place + raw)
            if other := _of_another_deck(place):
                if not place.rstrip().endswith((":", "：")) or other in _other_deck_names():
                    raise UnknownCard(other)
                others.append(other)
            put_at(last, place)
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
            if following and following.kind == "colon" and not (last and is_place(_item(text, tokens, index + 2))):
                if "".join(position).strip():  # `过去逆位：恶魔`; but `前两张逆位：` holds for none that we know
                    pending = token.value
                    if not is_place("".join(position)):
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
                put_at(last, written)
            else:
                position.append(written)
                last = None
        elif token.kind == "number" and last is not None and index and _own_number(text, tokens, index, last):
            pass
        elif token.kind == "number":
            behind() or flush()
            number = number_of(token.value)
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
                or (is_place("".join(position)) or is_extra_label(fold("".join(position)).strip()))
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
                    put_at(last, inside)
                    if last["position"] and last["place"] != 0 and not is_place(inside):
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
    if not cards or not is_place("".join(left)) or cards[0]["position"] or not all(c["position"] for c in cards[1:]):
        return False
    for card, following in zip(cards, cards[1:], strict=False):
        card["position"] = following["position"]
    cards[-1]["position"] = None
    put_at(cards[-1], "".join(left))
    left.clear()
    return True


def _glued(text: str, card: Token, following: Token) -> bool:
    """Whether text stands right behind a card's name and is no more than punctuation: `月亮女神` is not 月亮."""
    return bool(re.match(r"[^\W\d_]", text[following.start])) and not (
        text[card.end - 1].isascii()
        and not text[following.start].isascii()
        or HOW_MANY.match(fold(text[following.start : following.start + 6]))  # `恶魔、高塔两张`
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
    number = number_of(tokens[index].value)
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
    if any(part.startswith(_other_deck_names()) for part in parts):
        return next(name for name in _other_deck_names() for part in parts if part.startswith(name))
    return next((part for part in parts if part in _other_decks() and part not in position_names()), None)
