"""Cards in prose: which words of a text name one of the 78, and which only look like it.

`lexicon/aliases.csv` says of each name how it may stand: `prose` anywhere; `marked` only with a sign that a card is
meant (`signs.csv`: 正位, 这张, brackets, the head of a list), because the word is an ordinary one; `field` never in prose.
`ordinary.csv` has the phrases in which a card's name is no card (晒太阳, 世界那么大, 塔罗). Where the drawn cards of the
reading are known, a marked name of a drawn card needs no sign.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from schemas.deck import CARDS
from tarot_data import lexicon
from tarot_data.text import phrase_matcher
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS

CARD_ID = {card: number for number, card in enumerate(CARDS)}


@dataclass(frozen=True)
class Mention:
    """A card named at text[start:end]. orientation: what stands beside the name, or unknown."""

    start: int
    end: int
    card: str
    orientation: str


@lexicon.cached
def _names() -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Folded phrases; per phrase its card (-1: an ordinary phrase), whether it needs a sign, and its Latin ends."""
    cards: dict[str, tuple[int, bool]] = {}
    for row in lexicon.read_table("aliases"):
        if row["use"] in ("prose", "marked"):
            cards.setdefault(fold(row["alias"]), (CARD_ID[row["card"]], row["use"] == "marked"))
    for row in lexicon.read_table("ordinary"):
        cards.setdefault(fold(row["phrase"]), (-1, False))
    phrases = list(cards)
    latin = np.array([[_is_latin(p[0]), _is_latin(p[-1])] for p in phrases])
    return phrases, np.array([c for c, _ in cards.values()]), np.array([m for _, m in cards.values()]), latin


def phrases() -> list[str]:
    """Folded names of cards that may stand in prose, and the phrases that only look like one."""
    return _names()[0]


def _is_latin(character: str) -> bool:
    return character.isascii() and character.isalnum()


@lexicon.cached
def _sign_patterns() -> tuple[re.Pattern, re.Pattern]:
    before = "|".join(re.escape(fold(r["word"])) for r in lexicon.read_table("signs") if r["side"] == "before")
    after = "|".join(re.escape(fold(r["word"])) for r in lexicon.read_table("signs") if r["side"] == "after")
    return (
        re.compile(rf"(?:{before}|第[{NUMERALS}0-9]+张|[【「『《〈\[*])\s?[*【「『《“\"]*$"),
        re.compile(rf"[*】」』》”\"]*\s?(?:{after}|[】」』》〉]|·?[正逆](?![一-鿿])|\s?r(?![a-z]))"),
    )


_COUNTED = re.compile("[张根把只枚个支朵柄位月天年号点块周日分](?!牌)")
"""After a rank that is a number it counts something: 没有一张权杖一张圣杯."""

_ONE = re.compile("[大小头直样起边下般旦共眼松紧冷热进退高低里外明暗动静阴阳快慢左右种](?!牌)")
"""After 一 it begins a word of its own: 两只杯子一大一小."""

_OPENS, _CLOSES = (
    re.compile(r"(?:^|[\s,。!?;:|·•—\-.、*]|(?<![不或还])[是为出位])$"),
    re.compile(r"[\s*]*(?:[,。!:|\n]|$)"),
)
"""A name that is a clause by itself, or all that 是 leads to, is a card: 他的位置是隐者，一盏灯."""

_JOIN = re.compile(r"[ *]*(?:[、/|+&→>·;]|和|与|跟|加|配)?[ *]*(?:\d{1,2}[.、]?)?$")


def find_cards(text: str, drawn: Collection[str] | None = None) -> list[Mention]:
    """Every card the text names, in order. drawn: canonical names of the reading's cards, where they are known."""
    folded = fold(text)
    found = phrase_matcher.find_all(folded, phrases())
    start, end, card = choose(folded, found, np.array([0]), [drawn])
    return [
        Mention(s, e, CARDS[c], orientation_beside(folded, s, e))
        for s, e, c in zip(start.tolist(), end.tolist(), card.tolist(), strict=True)
    ]


def choose(
    folded: str, found: phrase_matcher.Matches, starts: np.ndarray, drawn: Sequence[Collection[str] | None]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """start, end, card id of the mentions in many readings joined into one folded text.

    found: where `phrases()` stand in it. starts: where each reading begins. drawn: per reading its cards, or None where they are not known; then a card
    that is once named beyond doubt counts as drawn for the rest of that reading.
    """
    _, cards, marked, latin = _names()
    keep = np.ones(len(found.start), dtype=bool)
    codes = np.frombuffer(folded.encode("utf-32-le"), dtype=np.uint32)
    alnum = (codes >= 97) & (codes <= 122) | (codes >= 48) & (codes <= 57)
    padded = np.concatenate([[False], alnum, [False]])
    keep &= ~(latin[found.phrase, 0] & padded[found.start]) & ~(latin[found.phrase, 1] & padded[found.end + 1])
    found = phrase_matcher.Matches(*(column[keep] for column in found))
    # An ordinary phrase is met first, whatever it overlaps; then the longest name.
    ordinary = cards[found.phrase] < 0
    covered = np.zeros(len(codes), dtype=bool)
    covered[phrase_matcher.inside(found.start[ordinary], found.end[ordinary])] = True
    keep = ~ordinary & ~(covered[found.start] & covered[found.end - 1])
    found = phrase_matcher.Matches(*(column[keep] for column in found))
    found = phrase_matcher.Matches(*(column[phrase_matcher.longest(found)] for column in found))
    return _decide(folded, found, starts, drawn, cards, marked)


def _decide(folded, found, starts, drawn, cards, marked):
    before, after = _sign_patterns()
    owner = np.searchsorted(starts, found.start, side="right") - 1
    known = [None if cards_ is None else {CARD_ID[card] for card in cards_} for cards_ in drawn]
    sure: dict[int, set[int]] = {}
    rows, doubtful = [], []
    last_end, last_owner = -1, -1
    for s, e, p, o in zip(found.start.tolist(), found.end.tolist(), found.phrase.tolist(), owner.tolist(), strict=True):
        card = int(cards[p])
        if folded[e - 1] in NUMERALS and _COUNTED.match(folded, e):
            continue
        if folded[e - 1] == "一" and _ONE.match(folded, e):
            continue
        accepted = not marked[p]
        if not accepted and known[o] is not None and card in known[o]:
            accepted = True
        if not accepted:
            accepted = bool(before.search(folded[max(0, s - 8) : s]) or after.match(folded, e))
        if not accepted and last_owner == o and last_end >= 0 and s - last_end <= 6:
            accepted = _JOIN.match(folded[last_end:s]) is not None
        if not accepted and known[o] is None:
            accepted = _OPENS.search(folded[max(0, s - 2) : s]) is not None and _CLOSES.match(folded, e) is not None
        if accepted:
            rows.append((s, e, card))
            sure.setdefault(o, set()).add(card)
            last_end, last_owner = e, o
        elif known[o] is None:
            doubtful.append((s, e, card, o))
    rows += [(s, e, card) for s, e, card, o in doubtful if card in sure.get(o, ())]
    rows.sort()
    table = np.array(rows, dtype=np.int64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


@lexicon.cached
def _orientations() -> tuple[re.Pattern, re.Pattern, dict[str, str]]:
    words = {
        fold(row["word"]): row["orientation"]
        for row in lexicon.read_table("orientation")
        if row["orientation"] in ("upright", "reversed")
    }
    long = sorted((w for w in words if len(w) > 1 and w not in ("(+)", "(-)")), key=len, reverse=True)
    before = [w for w in long if w[0] >= "一" or w in ("upright", "reversed")]
    after = re.compile(
        r"(?:牌)?[\s*_」』】》”\"]*(?:"
        r"\(\s*(?P<bracket>"
        + "|".join(map(re.escape, [*long, "正", "逆", "反", "倒", "r", "u", "+", "-"]))
        + r")[\s)位]"
        r"|[·•\-—,:]?\s?(?:这张|它|他|她|的)?(?:是|为|以|呈|出|又|却|竟|也)?(?:个)?\s?(?P<word>"
        + "|".join(map(re.escape, long))
        + r")(?![a-z])(?!也好|还是|或|时|的时候|的话)"
        r"|[·•]?\s?(?P<single>逆(?![转境流向袭反风天光行])|r(?![a-z])|[正反倒](?=[\s,。;!?、|)\]】/]|$)))"
    )
    return re.compile("(" + "|".join(map(re.escape, before)) + r")的?(?:这张|那张)?[ 「『【《“\"*]*$"), after, words


def orientation_beside(folded: str, start: int, end: int) -> str:
    """upright, reversed or unknown: what the words right beside the name folded[start:end] say."""
    before, after, words = _orientations()
    match = after.match(folded, end)
    if match:
        word = match["bracket"] or match["word"] or match["single"]
        return words.get(word) or ("upright" if word in ("正", "u", "+") else "reversed")
    match = before.search(folded[max(0, start - 12) : start])
    return words[match[1]] if match else "unknown"
