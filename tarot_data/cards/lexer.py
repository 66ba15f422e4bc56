"""The words a list of drawn cards is made of: names, orientations, numbers and marks, cut out longest first."""

import re
import string
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.cards.spreads import position_names, spread_words
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS


class Token(NamedTuple):
    """kind: card, orientation, all, extra, number, separator, open, close, colon, dash, text, space."""

    kind: str
    start: int
    end: int
    value: str = ""


_OPEN, _CLOSE = "([{<「『《〈“【〔", ")]}>」』》〉”】〕"
_SEPARATORS = "、,;|→＆&\n\t·•/+，；｜／＋。"
_DASHES = "-–—－~～_=＝"
_ARROW, _SHAFTS = re.compile("[-–—=]{1,3}>"), "-–—="
_MARKS = {
    **dict.fromkeys(_SEPARATORS, "separator"),
    **dict.fromkeys(_DASHES, "dash"),
    ":": "colon",
    **dict.fromkeys(_CLOSE, "close"),
    **dict.fromkeys(_OPEN, "open"),
}
_NUMBER = re.compile(
    rf"(?:第\s?(?:[0-9]{{1,2}}|[{NUMERALS}]{{1,3}})\s?[张位号组](?:牌|是|抽到)?|[0-9]{{1,2}}(?:\ufe0f?\u20e3|号位|号牌?(?=\s?[:：])"
    r"|[.、)．](?!\d)|[:：](?!\d)|\s?[|\t/](?!\s*(?:[0-9正逆|]|$)))|[(\[【〔][0-9]{1,2}[)\]】〕]|\[[ x√✓✔]\](?=\s)|[①-⑳]|[⑴-⒇]|[⒈-⒛]|[➀-➓]|[❶-❿])"
)
_COUNTED_IN_WORDS = re.compile(rf"[(【]?([{NUMERALS}]{{1,3}})[、.:)】]")
"""`一、恶魔 二、高塔`: only where the text begins with 一, for 二、 is also what is left of `圣杯一、二、三`."""

_BEGINS_NUMBER = frozenset("第0123456789([【〔" + "".join(map(chr, (*range(0x2460, 0x249C), *range(0x2776, 0x2794)))))
"""The first characters of all that `_NUMBER` matches, and more: looked at before it is tried."""

_WEAK = re.compile(r"^(?:大牌)?[0-9]{1,2}(?:号牌?)?$|^[ivx]{1,5}$|^[0-9]{1,2}$")
_ALNUM = frozenset(string.ascii_letters + string.digits)


@lexicon.cached
def aliases() -> tuple[dict[str, str], dict[str, str]]:
    """Folded names to cards: those that stand for themselves, and those that only a whole field can mean (塔, 0, XIII)."""
    strong, weak = {}, {}
    for row in lexicon.read_table("aliases"):
        name = fold(row["alias"])
        table = weak if _WEAK.match(name) or len(name) == 1 else strong
        table.setdefault(name, row["card"])
    for row in lexicon.read_table("deck"):
        strong[fold(row["card"])] = row["card"]
        strong.setdefault(fold(row["english"]), row["card"])
        strong.setdefault(fold(row["card_id"]), row["card"])
    return strong, weak


@lexicon.cached
def words() -> dict[str, tuple[str, str]]:
    """Folded words of a card list to (kind, value): card, orientation, all, extra, nothing."""
    found: dict[str, tuple[str, str]] = {}
    for row in lexicon.read_table("extras"):
        kind, _, value = row["kind"].partition(" ")
        if row["kind"] in ("no card", "extra label", "no place", "again", "doubt"):
            continue  # only a whole item or label can mean that
        if kind == "text":
            found[fold(row["word"])] = ("text", "")  # `正式的牌`: no 正
            continue
        kind = "nothing" if kind == "telling" else kind
        found[fold(row["word"])] = (kind, value or row["word"])
    for row in lexicon.read_table("orientation"):
        meaning = row["orientation"]
        if fold(row["word"]) in "+-":
            continue  # marks only where they end an item: see _closes
        if meaning in ("upright", "reversed"):
            found.setdefault(fold(row["word"]), ("orientation", meaning))
        elif meaning == "both":
            found.setdefault(fold(row["word"]), ("nothing", ""))
        elif meaning == "none":
            found.setdefault(fold(row["word"]), ("all", "upright"))
    for name, card in aliases()[0].items():
        found[name] = ("card", card)
    for name in spread_words():
        found.setdefault(name, ("text", ""))  # `圣三角`, `恋人三角`: no 圣三, no 恋人
    return found


def is_extra_word(folded: str) -> bool:
    """Whether a folded word is that for a card without a place: 底牌, 补牌."""
    return (words().get(folded) or ("",))[0] == "extra"


def _of_kind(kind: str) -> frozenset[str]:
    return frozenset(fold(row["word"]) for row in lexicon.read_table("extras") if row["kind"] == kind)


@lexicon.cached
def no_card() -> frozenset[str]:
    return _of_kind("no card")


@lexicon.cached
def extra_labels() -> frozenset[str]:
    """Words for an extra card that are too short to be looked for inside a text: 底, 补."""
    return _of_kind("extra label")


@lexicon.cached
def no_place() -> frozenset[str]:
    """What stands before a card as a position does and is none: 大牌, 韦特塔罗."""
    return _of_kind("no place")


@lexicon.cached
def repeating() -> frozenset[str]:
    """Words behind which a card is one of those named before: `恶魔、高塔，其中高塔逆位`."""
    return _of_kind("again")


@lexicon.cached
def doubting() -> tuple[str, ...]:
    """Words behind which a card was not drawn, or perhaps not: 没抽到, 好像是."""
    return tuple(_of_kind("doubt"))


@lexicon.cached
def telling() -> tuple[str, ...]:
    """What ends a sentence that leads to the cards (抽到的是, 分别是), longest first."""
    return tuple(sorted(_of_kind("telling"), key=len, reverse=True))


@lexicon.cached
def _lengths() -> dict[str, tuple[int, ...]]:
    """First character to the lengths of the words that begin with it, longest first."""
    lengths: dict[str, set[int]] = {}
    for word in words():
        lengths.setdefault(word[0], set()).add(len(word))
    return {character: tuple(sorted(sizes, reverse=True)) for character, sizes in lengths.items()}


_BEFORE_ITEM = frozenset({"separator", "card", "orientation", "close"})
_STILL_BEFORE = frozenset({"space", "open", "number", "dash"})


def tokens_of(folded: str) -> list[Token]:
    """The folded text as tokens that cover it, longest words first."""
    known, lengths = words(), _lengths()
    tokens: list[Token] = []
    place, size = 0, len(folded)
    fresh = True  # at the beginning of an item, where a number is a list number
    first = _COUNTED_IN_WORDS.match(folded)
    in_words = bool(first and first[1] == "一")
    splits, _ = _suits()
    while place < size:
        character = folded[place]
        match = _NUMBER.match(folded, place) if fresh and character in _BEGINS_NUMBER else None
        if fresh and in_words and match is None:
            match = _COUNTED_IN_WORDS.match(folded, place)
        if match:
            tokens.append(Token("number", place, match.end(), match[0]))
            place = match.end()
            continue
        if character in splits and (split := _split_name(folded, place)) is not None:
            tokens.append(split)
            place, fresh = split.end, True
            continue
        if character in _SHAFTS and (arrow := _ARROW.match(folded, place)):
            tokens.append(Token("dash", place, arrow.end()))
            place, fresh = arrow.end(), True
            continue
        for length in lengths.get(character, ()):
            word = folded[place : place + length]
            if len(word) == length and word in known and _bounded(folded, place, place + length):
                kind, value = known[word]
                tokens.append(Token(kind, place, place + length, value))
                place += length
                break
        else:
            kind, start = _MARKS.get(character) or ("space" if character.isspace() else "text"), place
            if kind == "space" and folded.startswith("  ", place):
                kind = "separator"
            place += 1
            if kind == "text":
                while place < size and not ((after := folded[place]) in lengths or after in _MARKS or after.isspace()):
                    place += 1
                if tokens and tokens[-1].kind == "text":
                    start = tokens.pop().start
            tokens.append(Token(kind, start, place))
        fresh = kind in _BEFORE_ITEM or (fresh and kind in _STILL_BEFORE)
    return _with_short_names(folded, tokens)


@lexicon.cached
def _suits() -> tuple[frozenset[str], re.Pattern]:
    """First characters of suits, and a pattern for a suit and a rank with a mark between them: `圣杯 三`, `权杖-国王`."""
    strong = aliases()[0]
    cards = [(name, card[2:]) for name, card in strong.items() if not name.isascii()]
    suits = {name[:-1] for name, rank in cards if name[-1] in "三3" and rank == "三" and len(name) > 2}
    ends = {name[len(suit) :] for name, _ in cards for suit in suits if name.startswith(suit)} - {""}
    suit = "|".join(sorted(map(re.escape, suits), key=len, reverse=True))
    rank = "|".join(sorted(map(re.escape, ends), key=len, reverse=True))
    mark = r" ?[-–—·•.] ?| (?=[^\s])"
    pattern = (
        rf"(?:(?P<suit>{suit})(?:{mark})(?P<rank>{rank})|(?P<suit_>{suit})[(\[【「](?P<rank_>{rank})[)\]】」]"
        rf"|[(\[【「](?P<suit__>{suit})[)\]】」] ?(?P<rank__>{rank}))(?![0-9a-z])"
    )
    return frozenset({name[0] for name in suits} | set("([【「")), re.compile(pattern)


def _split_name(folded: str, place: int) -> Token | None:
    """A suit and a rank that stand apart, as two cells of a table do."""
    match = _suits()[1].match(folded, place)
    if match is None:
        return None
    parts = [part for part in match.groups() if part]
    card = aliases()[0].get("".join(parts))
    return Token("card", place, match.end(), card) if card else None


def _with_short_names(folded: str, tokens: list[Token]) -> list[Token]:
    """Tokens in which a one-character name between two others, or for itself between spaces, is a card: `恶魔塔星星`,
    `塔 星星 月亮`, `过去 塔 正`."""
    weak = aliases()[1]
    for index, token in enumerate(tokens):
        name = folded[token.start : token.end]
        if token.kind != "text" or len(name) != 1 or name not in weak or name.isascii():
            continue
        before = tokens[index - 1].kind if index else None
        after = tokens[index + 1].kind if index + 1 < len(tokens) else None
        if before == "space":
            former = tokens[index - 2] if index > 1 else None
            placed = former is not None and folded[former.start : former.end] in position_names()
            before = None if former is None else "orientation" if placed else former.kind
        if before not in (None, "card", "orientation", "separator", "close"):
            continue
        alone = before in (None, "separator", "close")
        if after in (
            ("space", "orientation") if alone else (None, "card", "orientation", "separator", "open", "space")
        ):
            tokens[index] = Token("card", token.start, token.end, weak[name])
    return tokens


def _bounded(folded: str, start: int, end: int) -> bool:
    """Whether an ASCII edge of a word is the edge of an ASCII word: `Sun` is not in `Sunday`, 权杖1 not in 权杖10."""
    if folded[start] in _ALNUM and start and folded[start - 1] in _ALNUM:
        return False
    return not (folded[end - 1] in _ALNUM and folded[end : end + 1] in _ALNUM)
