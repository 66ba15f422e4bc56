"""A text that lists drawn cards (`1. 过去：愚人 正位`, `恶魔逆位高塔正位`) to the cards: phrases, gaps, cards.

Cards are fixed points. The phrases between two cards are a gap, and a gap is divided once: its left part belongs to the
card before it, its right part to the card after it. Marks decide (a line break, a comma, a colon, a bracket); if a gap
has none, the style of the list does: whether labels and orientations stand before their cards or behind them, read from
the phrases before the first card and behind the last. All of this depends on the kinds of the phrases alone, so it is
computed on strings of their letters (see `Token` and `Label`) and remembered.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.cards.card_words import of_kind, other_deck_names
from tarot_data.cards.lexer import Token, number_of, phrases_of
from tarot_data.cards.position_labels import Label, is_position, read_label, set_position
from tarot_data.cards.spreads import BETWEEN_POSITIONS, resolve_spread
from tarot_data.text.normalise import fold

LONGEST_WORD = 4
"""Characters of a word beside a card that may be its position, though no table has it (旧我)."""

LONGEST_NAME = 8
"""Chinese characters of the longest card name of any deck; longer text behind the cards is a remark."""

_PLACES, _LABELS, _OTHER_LABELS = frozenset("pe"), frozenset("pelrd"), frozenset("pelrdx")
_LABEL_AT_END = re.compile("[pelrd]:?$")
_LABEL_LIKE_A_CARD = re.compile("c(?=:o?c(?!:))")
_IN_BRACKETS, _BESIDE = re.compile(r"[o|\-]*\("), re.compile(r"[o|\-(]*")
_HEADING, _ONLY_TURNS = re.compile(r"[:/|][(),/|\-]*$"), re.compile(r"[o,/|()\-]*")


class CardList(NamedTuple):
    """cards in order, each with place (0 for an extra card, else None), position, card, orientation, raw and perhaps
    number. unknown: names that are no card of this deck. is_prose: too much of the text is neither cards nor what a
    list says of them, so that it is no card list, though it names cards."""

    cards: Sequence[dict]
    unknown: Sequence[str]
    is_prose: bool = False


class _Style(NamedTuple):
    """Whether labels, orientations and brackets stand before the card they belong to."""

    labels: bool
    turns: bool
    brackets: bool


class _Before(NamedTuple):
    """Indices of phrases in the part of a gap that belongs to the card after it. labels: of its position. closed: a bracket
    behind these belongs to them. held: an orientation for all cards up to the line break. left: labels of no card."""

    number: int | None = None
    labels: tuple[int, ...] = ()
    colon: bool = False
    closed: bool = False
    again: bool = False
    turn: int | None = None
    line: bool = False
    held: int | None = None
    everyone: int | None = None
    left: tuple[int, ...] = ()


class _After(NamedTuple):
    """Indices of phrases in the part of a gap that belongs to the card before it. inside: the label is in brackets.
    end: of the last phrase that counts as written with the card, or -1."""

    turns: tuple[int, ...] = ()
    label: int | None = None
    inside: bool = False
    everyone: int | None = None
    left: tuple[int, ...] = ()
    end: int = -1


@lexicon.cached(maxsize=4096)
def cards_of(text: str) -> CardList:
    """Parse a text as a card list. Remembered: the same few hundred spellings make up most lists."""
    phrases = _with_one_name(_with_names(phrases_of(text)), text)
    kinds = _kinds(phrases)
    drawn = _Drawn(text, phrases)
    at = [index for index, kind in enumerate(kinds) if kind == "c"]
    if not at:
        drawn.leave(range(len(phrases)))
        return drawn.result([])
    head, tail = kinds[: at[0]], kinds[at[-1] + 1 :]
    style = _style(head, tail)
    heading = _heading(text, phrases[: at[0]], head, len(at))
    turns = _turns_in_a_row(kinds[: at[-1]], tail)
    start = at[0] if heading else 0  # of the part of a gap before the next card
    for number, index in enumerate(at):
        end = at[number + 1] if number + 1 < len(at) else len(kinds)
        gap = kinds[index + 1 : end]
        cut = index + 1 + (0 if turns and end == len(kinds) else _divide(gap, style, end == len(kinds)))
        drawn.add(index, start, kinds[start:index], kinds[index + 1 : cut], heading[number : number + 1])
        start = cut
    drawn.leave(index for index in range(start, len(kinds)) if kinds[index] != "o")
    return drawn.result([phrase.value for phrase in phrases[at[-1] + 1 :] if phrase.kind == "o"] if turns else [])


def _kinds(phrases: Iterable[Token]) -> str:
    return "".join([phrase.kind for phrase in phrases])


# Names


def _with_names(phrases: list[Token]) -> list[Token]:
    """Cards that can only be labels (`力量：圣杯三`) as labels; in an item without a card, the label that can only be one
    (塔, XVI) as a card."""
    kinds = _kinds(phrases)
    if "c:" in kinds:
        for match in _LABEL_LIKE_A_CARD.finditer(kinds):
            name = phrases[match.start()]
            label = Label("l", 0, name.end - name.start)
            phrases[match.start()] = Token("l", name.start, name.end, "", label)
        kinds = _kinds(phrases)
    for index, phrase in enumerate(phrases):
        if phrase.label is not None and phrase.label.card and _is_name(kinds, index):
            phrases[index] = Token("c", phrase.start, phrase.end, phrase.label.card)
    return phrases


def _is_name(kinds: str, index: int) -> bool:
    """Whether a label is the last one of its cell in an item without a card."""
    start = max(kinds.rfind(",", 0, index), kinds.rfind("/", 0, index), kinds.rfind("o:", 0, index))
    ends = [end for end in (kinds.find(mark, index) for mark in ",/") if end >= 0]
    end = min(ends, default=len(kinds))
    cell = kinds[index + 1 : end].split("|")[0]
    return "c" not in kinds[start + 1 : end] and not set("pelrdn") & set(cell)


def _with_one_name(phrases: list[Token], text: str) -> list[Token]:
    """A card named twice in a row, in brackets or in two scripts (`恶魔 The Devil`), is one card."""
    out: list[Token] = []
    last = None
    for phrase in phrases:
        if phrase.kind == "c":
            if last is not None and out[last].value == phrase.value:
                between = _kinds(out[last + 1 :])
                scripts = text[out[last].start].isascii() != text[phrase.start].isascii()
                if _IN_BRACKETS.fullmatch(between) or scripts and _BESIDE.fullmatch(between):
                    continue
            last = len(out)
        out.append(phrase)
    return out


# Gaps


def _style(head: str, tail: str) -> _Style:
    labels = not _LABELS.isdisjoint(head)
    first = labels or _PLACES.isdisjoint(tail)
    return _Style(first, head.endswith("o"), labels and head[0] == "(" and head[-1] == ")")


@lru_cache(4096)
def _divide(kinds: str, style: _Style, last: bool) -> int:
    """Return how many phrases of a gap belong to the card before it."""
    opened = _unclosed(kinds)
    cut = _first_break(kinds[:opened])
    if cut is None:
        return len(kinds) if last else _first_of_next(kinds, opened, style)
    label = _LABEL_AT_END.search(kinds, 0, cut)
    if last or not label:
        return cut
    start = label.start()
    behind = kinds[start] in _PLACES or start and kinds[start - 1] in ":-"
    return start if label[0].endswith(":") or not behind else cut


def _unclosed(kinds: str) -> int:
    """Index of the first bracket that is still open at the end, so that a card is inside it."""
    opened: list[int] = []
    for index, kind in enumerate(kinds):
        if kind == "(":
            opened.append(index)
        elif kind == ")" and opened:
            opened.pop()
    return opened[0] if opened else len(kinds)


def _first_break(kinds: str) -> int | None:
    depth = 0
    for index, kind in enumerate(kinds):
        if kind in ",/" and not depth:
            return index
        depth = max(0, depth + (kind == "(") - (kind == ")"))
    return None


def _first_of_next(kinds: str, opened: int, style: _Style) -> int:
    """In a gap without a break: index of the first phrase that belongs to the card after it."""
    at = 0
    while at < opened:
        kind, following = kinds[at], kinds[at + 1 : at + 2]
        if kind == "(":
            if style.brackets:
                return at
            at = kinds.index(")", at)
        elif kind == "o":
            twice = "o" in kinds[:at] and "-" not in kinds[:at]
            if following == ":" or twice or style.turns:
                return at
        elif kind in _LABELS:
            behind = not style.labels or at > 0 and kinds[at - 1] == ":" and following != "-"
            if following == ":" or not behind or kind not in _PLACES:
                return at
        elif kind in "nx":
            return at
        at += 1
    return opened


def _heading(text: str, phrases: list[Token], kinds: str, count: int) -> list[str]:
    """Positions in a row before the whole list, as many as cards: `过去、现在、未来：恶魔、高塔、星星`."""
    if count < 2 or not _HEADING.search(kinds):
        return []
    labels = [text[phrase.start : phrase.end] for phrase in phrases if phrase.kind in _LABELS]
    parts = [part for label in labels for part in BETWEEN_POSITIONS.split(label) if part]
    if len(parts) > count and resolve_spread(parts[0])[0] is not None:
        parts = parts[1:]
    return parts if len(set(parts)) == len(parts) == count and all(map(is_position, parts)) else []


def _turns_in_a_row(kinds: str, tail: str) -> bool:
    """Whether there are orientations behind the whole list and no others: `恶魔、高塔（逆、正）`."""
    return tail.count("o") > 1 and "o" not in kinds and _ONLY_TURNS.fullmatch(tail) is not None


# Cards


@lru_cache(4096)
def _before(kinds: str) -> _Before:
    """Read the part of a gap before a card."""
    found, labels = _Before(), ()
    for index, kind in enumerate(kinds):
        following = kinds[index + 1 : index + 2]
        if kind in ",/|n":
            held = labels and (
                kinds[index - 1] == ":" or kinds[labels[-1]] in _PLACES and _OTHER_LABELS.isdisjoint(kinds[index + 1 :])
            )
            if not held or kind == "n":
                found, labels = found._replace(left=found.left + labels), ()
            if kind == "n":
                found = found._replace(number=index)
            elif kind == "/":
                found = found._replace(line=True, held=None)
        elif kind == "r":
            found = found._replace(again=True)
        elif kind in _LABELS:
            labels += (index,)
        elif kind == "x":
            found = found._replace(left=(*found.left, index))
        elif kind == "a":
            found = found._replace(everyone=index)
        elif kind == "o" and following == ":" and not labels:
            found = found._replace(held=index)
        elif kind == "o":
            found = found._replace(turn=index)
            if following == ":" and kinds[labels[-1]] not in _PLACES:
                found = found._replace(left=(*found.left, labels[-1]))
    if not labels:
        return found
    between, behind = kinds[labels[0] : labels[-1]], kinds[labels[-1] + 1 :]
    closed = behind.startswith(")") and between.count("(") > between.count(")")
    return found._replace(labels=labels, colon=behind.startswith(":"), closed=closed)


@lru_cache(4096)
def _after(kinds: str) -> _After:
    """Read the part of a gap behind a card."""
    found, depth = _After(), 0
    for index, kind in enumerate(kinds):
        depth = max(0, depth + (kind == "(") - (kind == ")"))
        if kind == "o":
            found = found._replace(turns=(*found.turns, index), end=index)
        elif kind == ")" and found.turns:
            found = found._replace(end=index)
        elif kind == "a":
            found = found._replace(everyone=index)
        elif kind == "x":
            found = found._replace(left=(*found.left, index))
        elif kind in _LABELS:
            if found.label is None and (depth or kind in _PLACES):
                found = found._replace(label=index, inside=depth > 0)
            elif not depth:
                found = found._replace(left=(*found.left, index))
    return found


class _Drawn:
    """The cards so far, and what holds from one to the next: `逆位：` to the end of the line, 补牌 to that of its bracket."""

    def __init__(self, text: str, phrases: list[Token]) -> None:
        self.text, self.phrases = text, phrases
        self.cards: list[dict] = []
        self.unknown: list[str] = []
        self.remarks: list[dict] = []
        self.others: list[str] = []
        self.standing = self.aside = self.everyone = None
        self.headed = False
        self.depth = 0

    def add(self, index: int, start: int, before: str, after: str, heading: list[str]) -> None:
        """Add the card of phrase `index`. before, after: kinds of the phrases that are its own; before begins at `start`."""
        name = self.phrases[index]
        card = {"place": None, "position": None, "card": name.value, "orientation": "unknown"}
        card["raw"] = self.text[name.start : name.end]
        again = False
        if before:
            again = self._read_before(card, start, _before(before))
        else:
            card["orientation"] = self.standing or "unknown"
        if heading:
            self._place(card, heading[0], read_label(fold(heading[0])), True)
        self._set_aside(card, before)
        end = name.end
        if after:
            end = max(end, self._read_after(card, index + 1, _after(after)))
            self.depth = max(0, self.depth + after.count("(") - after.count(")"))
        card["raw"] = self.text[name.start : end]
        known = (
            next((old for old in self.cards if old["card"] == card["card"]), None) if again or self.standing else None
        )
        if known and known["orientation"] == "unknown":
            known["orientation"] = card["orientation"]
        else:
            self.cards.append(card)

    def _set_aside(self, card: dict, before: str) -> None:
        """Keep the word for an extra card while its bracket is open: `（补牌：星星、月亮）`."""
        self.depth = max(0, self.depth + before.count("(") - before.count(")"))
        if not self.depth:
            self.aside = None
        elif card["place"] == 0:
            self.aside = card["position"]
        elif self.aside:
            card["place"], card["position"] = 0, self.aside

    def _read_before(self, card: dict, start: int, found: _Before) -> bool:
        """Set number, orientation and position; return whether the card is one of those before (`其中`)."""
        phrases = self.phrases
        self.leave(start + index for index in found.left)
        if found.line:
            self.standing = None
        if found.held is not None:
            self.standing = phrases[start + found.held].value
        if found.everyone is not None:
            self.everyone = phrases[start + found.everyone].value
        if found.number is not None:
            self._number(card, phrases[start + found.number])
        turn = phrases[start + found.turn].value if found.turn is not None else None
        card["orientation"] = turn or self.standing or "unknown"
        if found.labels:
            self.headed |= found.colon and not self.cards
            first, last = phrases[start + found.labels[0]], phrases[start + found.labels[-1]]
            if first is last:
                written, label = self.text[first.start : last.end], last.label
            else:
                end = last.end + (found.closed and 1)
                written = self.text[first.start : end]
                label = read_label(fold(written))
            self._place(card, written, label, found.colon)
        return found.again

    def _number(self, card: dict, phrase: Token) -> None:
        number = phrase.label.number if phrase.label else number_of(phrase.value)
        if number is not None and not (phrase.label and phrase.label.card == card["card"]):
            card["number"] = number

    def _place(self, card: dict, written: str, label: Label, colon: bool) -> None:
        if label.kind == "d":
            self.unknown.append(written + card["raw"])
        elif label.other and (not colon or label.other in other_deck_names()):
            self.unknown.append(label.other)
        elif label.other:
            self.others.append(label.other)
        set_position(card, written[label.start : label.end], label)

    def _read_after(self, card: dict, start: int, found: _After) -> int:
        """Set orientation and position; return where the last phrase of the card ends in the text."""
        phrases = self.phrases
        turns = {phrases[start + index].value for index in found.turns}
        if turns:
            card["orientation"] = turns.pop() if len(turns) == 1 else "unknown"  # `恶魔 正位→逆位`
        if found.everyone is not None:
            self.everyone = phrases[start + found.everyone].value
        self.leave((start + index for index in found.left), behind=True)
        if found.label is not None:
            phrase = phrases[start + found.label]
            if card["position"] is None and card["place"] != 0:
                set_position(
                    card, self.text[phrase.start : phrase.end][phrase.label.start : phrase.label.end], phrase.label
                )
                if phrase.kind not in _PLACES and card["position"]:
                    self.remarks.append(card)
            elif not found.inside:
                self.leave([start + found.label], behind=True)
        return phrases[start + found.end].end if found.end >= 0 else -1

    def leave(self, indices: Iterable[int], behind: bool = False) -> None:
        """Report phrases that belong to no card: an unknown name, unless it is a long remark behind the cards."""
        for index in indices:
            phrase = self.phrases[index]
            written = self.text[phrase.start : phrase.end].strip()
            if phrase.kind == "a":
                self.everyone = phrase.value
            elif (
                phrase.kind == "x"
                or phrase.kind in "plrd"
                and not (
                    (behind or self.cards)
                    and sum("\u4e00" <= character <= "\u9fff" for character in written) > LONGEST_NAME
                )
            ):
                self.unknown.append(written)

    def result(self, turns: list[str]) -> CardList:
        """Finish the list. turns: orientations in a row behind it."""
        if len(self.others) > 1 and len(self.others) == len(self.cards):
            # One such word before a colon is a position (`孩子：愚人`); if all are, they are cards of the other deck.
            self.unknown.insert(0, self.others[0])
        drawn = [card for card in self.cards if card["place"] != 0]
        placed = [card for card in drawn if card["position"]]
        if self.headed and len(drawn) > 2 and placed == drawn[:1]:
            drawn[0]["position"] = None  # `感情：恶魔、高塔、星星`: a heading of all
        remarked = any(card["position"].endswith(of_kind("remark")) for card in self.remarks)
        if remarked or len(drawn) == 1 or len(placed) < len(drawn):
            for card in self.remarks:
                card["position"] = None
        if len(turns) == len(self.cards):
            for card, turn in zip(self.cards, turns, strict=True):
                card["orientation"] = turn
        for card in self.cards:
            if card["orientation"] == "unknown" and self.everyone:
                card["orientation"] = self.everyone
        return CardList(tuple(self.cards), tuple(self.unknown), self._is_prose())

    def _is_prose(self) -> bool:
        """Whether more than a third of the text is long words that are no position and have no colon or dash beside them."""
        kinds, prose = _kinds(self.phrases), 0
        if _OTHER_LABELS.isdisjoint(kinds):
            return False
        for index, phrase in enumerate(self.phrases):
            marked = kinds[index + 1 : index + 2] == ":" or index > 0 and kinds[index - 1] in ":-"
            if phrase.kind in "ldx" and not marked and phrase.end - phrase.start > LONGEST_WORD:
                prose += phrase.end - phrase.start
        return 3 * prose > len("".join(self.text.split()))
