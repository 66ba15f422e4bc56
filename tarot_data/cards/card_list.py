"""Card list parser: a text (`1. 过去：愚人 正位`, `恶魔逆位高塔正位`) to its cards.

The phrases between two cards are a gap. A gap is divided once: its left part belongs to the card before it, its right
part to the card after it. Marks decide (a line break, a comma, a colon, a bracket). If a gap has none, the style of the
list decides: whether labels and orientations come before or after their cards, according to the phrases before the
first card and after the last. All of this depends on the kinds of the phrases alone, so it is computed on strings of
their letters (see `Token` and `Label`) and cached.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.cards.card_words import other_deck_names
from tarot_data.cards.lexer import Token, number_of, phrases_of
from tarot_data.cards.options import blocks_of
from tarot_data.cards.position_labels import LONGEST_POSITION, Label, is_position, read_label, set_position
from tarot_data.cards.spreads import BETWEEN_POSITIONS, resolve_spread
from tarot_data.cards.turned_places import remarks_at_end, turned
from tarot_data.lexicon.word_lists import of_kind
from tarot_data.text.normalise import fold

LONGEST_WORD = 4
"""Characters of a word next to a card that may be its position although no table has it (旧我)."""

LONGEST_NAME = 8
"""Chinese characters of the longest card name of any deck; longer text behind the cards is a remark."""

_PLACES, _LABELS, _WORDS = frozenset("pe"), frozenset("pelrd"), frozenset("ldx")
_HAN = re.compile("[\u4e00-\u9fff]")
_LABEL_AT_END = re.compile("[pelrd]:?$")
_LABEL_LIKE_A_CARD = re.compile("c(?=:o?c(?!:))")
_IN_BRACKETS, _BESIDE = re.compile(r"[o|\-]*\("), re.compile(r"[o|\-(]*")
_TURN_AS_ITEM = re.compile(r"[,/]\(?o\)?(?=[,/]|$)")
_HEADING, _ONLY_TURNS = re.compile(r"[:/|][(),/|\-]*$"), re.compile(r"[o,/|():\-]*")


class CardList(NamedTuple):
    """cards in order, each with place (0 for an extra card, else None), position, card, orientation, raw and perhaps
    number. unknown: names that are not cards of this deck. is_prose: too much of the text is neither cards nor
    labels, so that it is not a card list although it names cards."""

    cards: Sequence[dict]
    unknown: Sequence[str]
    is_prose: bool = False


class _Style(NamedTuple):
    """Whether labels, orientations and brackets come before the card they belong to."""

    labels: bool
    turns: bool
    brackets: bool


@lexicon.cached(maxsize=4096)
def cards_of(text: str) -> CardList:
    """Parse a text as a card list, with remarks on the places of turned cards at its end. Cached: a few hundred spellings
    make up most lists."""
    rest, remarks = remarks_at_end(text)
    found = _list_of_options(rest) or _list_of(rest)
    if remarks and (found.unknown or len(found.cards) < 2):
        return _list_of(text)
    return found._replace(cards=turned([dict(card) for card in found.cards], remarks)) if remarks else found


def _list_of_options(text: str) -> CardList | None:
    """Parse the list of each option by itself; None if the text has no options or not every option has cards.

    A card's position is its option, before the position that it has within it (`选A 过去`). A position that only the last
    option has is one of the whole spread.
    """
    lists = [(block, _list_of(block.text)) for block in blocks_of(text)]
    if not lists or any(found.unknown or found.is_prose or not found.cards for _, found in lists):
        return None
    positions = [[card["position"] for card in found.cards] for block, found in lists if block.option]
    whole = {*positions[-1]} - {position for each in positions[:-1] for position in each} if positions[0][0] else set()
    cards = []
    for block, found in lists:
        for card in found.cards:
            if block.option and card["place"] != 0 and card["position"] not in whole:
                names = (block.option, card["position"])
                card = {**card, "position": " ".join(filter(None, names))[:LONGEST_POSITION]}
            cards.append(card)
    return CardList(tuple(cards), ())


def _list_of(text: str) -> CardList:
    phrases = phrases_of(text)
    kinds = _with_names(phrases, _kinds(phrases))
    if kinds.count("c") > 1:
        phrases = _with_one_name(phrases, text)
        kinds = _kinds(phrases) if len(phrases) < len(kinds) else kinds
    drawn = _Drawn(text)
    at = [index for index, kind in enumerate(kinds) if kind == "c"]
    size = len(kinds)
    head, tail = (kinds[: at[0]], kinds[at[-1] + 1 :]) if at else (kinds, "")
    style = _style(head, tail)
    heading = _heading(text, phrases[: len(head)], head, len(at))
    turns = _turns_in_a_row(kinds[: size - len(tail)], tail)
    start = len(head) if heading else 0  # of the part of a gap before the next card
    for number, (index, end) in enumerate(zip(at, [*at[1:], size], strict=False)):
        cut = index + 1
        if end < size or not turns:
            cut += _divide(kinds[cut:end], style, end == size)
        before = (phrases[start:index], kinds[start:index])
        drawn.add(*before, phrases[index], phrases[index + 1 : cut], heading[number : number + 1])
        start = cut
    drawn.leave(phrases[start:])
    sides = [phrase.value for phrase in phrases[size - len(tail) :] if phrase.kind == "o"] if turns else []
    return CardList(drawn.finished(sides), tuple(drawn.unknown), _is_prose(text, phrases, kinds))


def _kinds(phrases: Iterable[Token]) -> str:
    return "".join([phrase.kind for phrase in phrases])


# Names


def _with_names(phrases: list[Token], kinds: str) -> str:
    """Read cards that can only be labels (`力量：圣杯三`) as labels; in an item without a card, read the label that can only
    be one (塔, XVI) as a card. Return the kinds of the phrases, which are changed in place."""
    if "c:" in kinds:
        for match in _LABEL_LIKE_A_CARD.finditer(kinds):
            name = phrases[match.start()]
            label = Label("l", 0, name.end - name.start)
            phrases[match.start()] = Token("l", name.start, name.end, "", label)
        kinds = _kinds(phrases)
    named = [index for index, phrase in enumerate(phrases) if phrase.label is not None and phrase.label.card]
    for index in [index for index in named if _is_name(kinds, index)]:
        phrase = phrases[index]
        phrases[index] = Token("c", phrase.start, phrase.end, phrase.label.card)
        kinds = f"{kinds[:index]}c{kinds[index + 1 :]}"
    return kinds


def _is_name(kinds: str, index: int) -> bool:
    """Check whether a label is the last one of its cell in an item without a card."""
    start = max(kinds.rfind(",", 0, index), kinds.rfind("/", 0, index), kinds.rfind("o:", 0, index))
    ends = [end for end in (kinds.find(mark, index) for mark in ",/") if end >= 0]
    end = min(ends, default=len(kinds))
    cell = kinds[index + 1 : end].split("|")[0]
    return "c" not in kinds[start + 1 : end] and not set("pelrdn") & set(cell)


def _with_one_name(phrases: list[Token], text: str) -> list[Token]:
    """Merge two names in a row for one card: in brackets, in two scripts (`恶魔 The Devil`), in a link (`[[宝剑二|宝剑2]]`)."""
    out: list[Token] = []
    last = None
    for phrase in phrases:
        if phrase.kind == "c":
            if last is not None and out[last].value == phrase.value:
                between = _kinds(out[last + 1 :])
                scripts = text[out[last].start].isascii() != text[phrase.start].isascii()
                linked = between in ("", "|") and last > 0 and out[last - 1].kind == "("
                if linked or _IN_BRACKETS.fullmatch(between) or scripts and _BESIDE.fullmatch(between):
                    continue
            last = len(out)
        out.append(phrase)
    return out


# Gaps


def _style(head: str, tail: str) -> _Style:
    labels = not _LABELS.isdisjoint(head)
    first = labels or _PLACES.isdisjoint(tail)
    turns = head.rstrip("),/|-").endswith("o")
    return _Style(first, turns, (labels or turns) and head[0] == "(" and head[-1] == ")")


@lru_cache(4096)
def _divide(kinds: str, style: _Style, last: bool) -> int:
    """Return how many phrases of a gap belong to the card before it."""
    if not style.turns and (turn := _TURN_AS_ITEM.match(kinds)):
        return turn.end()  # `恶魔、逆位、高塔、正位`
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
    """Return the index of the first bracket that is still open at the end, so that a card is inside it."""
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
    """Return the index of the first phrase that belongs to the card after a gap without a break."""
    at = 0
    while at < opened:
        kind, following = kinds[at], kinds[at + 1 : at + 2]
        if kind == "(":
            if style.brackets and (style.turns if kinds[at + 1] == "o" else style.labels):
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
    """Return the positions in a row before the whole list, as many as cards: `过去、现在、未来：恶魔、高塔、星星`."""
    if count < 2 or not _HEADING.search(kinds):
        return []
    labels = [text[phrase.start : phrase.end] for phrase in phrases if phrase.kind in _LABELS]
    parts = [part for label in labels for part in BETWEEN_POSITIONS.split(label) if part]
    if len(parts) > count and resolve_spread(parts[0])[0] is not None:
        parts = parts[1:]
    return parts if len(set(parts)) == len(parts) == count and all(map(is_position, parts)) else []


def _turns_in_a_row(kinds: str, tail: str) -> bool:
    """Check for orientations after the whole list and nowhere else: `恶魔、高塔（逆、正）`."""
    return tail.count("o") > 1 and "o" not in kinds and _ONLY_TURNS.fullmatch(tail) is not None


# Cards


class _Drawn:
    """The cards so far, and the state that carries over: `逆位：` to the end of its line, 补牌 to the end of its bracket."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.cards: list[dict] = []
        self.unknown: list[str] = []
        self.remarks: list[dict] = []
        self.others: list[str] = []
        self.standing = self.aside = self.everyone = None
        self.labelled: dict | None = None  # the last card behind a label and a colon, on this line
        self.colons = 0
        self.sharing: list[tuple[dict, dict]] = []  # cards with the labelled one before them on their line
        self.headed = ""  # kind of a label with a colon before the first card
        self.depth = 0

    def add(self, before: list[Token], kinds: str, name: Token, after: list[Token], heading: list[str]) -> None:
        """Add the card of a name and of the phrases before and after it that belong to it. kinds: of those before."""
        raw = self.text[name.start : name.end]
        card = {"place": None, "position": None, "card": name.value, "orientation": "unknown", "raw": raw}
        again = self._read_before(card, before, kinds)
        self._share_place(card, before)
        if heading:
            self._place(card, heading[0], read_label(fold(heading[0])), True)
        self._set_aside(card)
        end = self._read_after(card, after)
        card["raw"] = self.text[name.start : max(end, name.end)]
        known = (
            next((old for old in self.cards if old["card"] == card["card"]), None) if again or self.standing else None
        )
        if known and known["orientation"] == "unknown":
            known["orientation"] = card["orientation"]
        else:
            self.cards.append(card)

    def _share_place(self, card: dict, before: list[Token]) -> None:
        """Note that a card without a position follows one on its line that has a label and a colon: `选A：恶魔、高塔`."""
        if self.labelled is None:
            return
        if self.labelled is card:
            self.colons += 1
        elif any(phrase.kind == "/" for phrase in before):
            self.labelled = None
        elif not card["position"]:
            self.sharing.append((card, self.labelled))

    def _read_before(self, card: dict, phrases: list[Token], kinds: str) -> bool:
        """Set number, orientation and position; return whether the card is one of those before (`其中`)."""
        labels, again, turn = [], False, None
        for index, phrase in enumerate(phrases):
            kind, following = phrase.kind, kinds[index + 1 : index + 2]
            if kind in ",/|n":
                if kind == "n" or not _goes_on(labels, kinds, index):
                    self.leave(labels)
                    labels = []
                if kind == "n":
                    _set_number(card, phrase)
                self.standing = None if kind == "/" else self.standing
            elif kind in "()":
                self._count_bracket(kind)
            elif kind == "r":
                again = True
            elif kind in _LABELS:
                labels.append(phrase)
            elif kind == "o" and following == ":" and not labels:
                self.standing = phrase.value
            elif kind == "o":
                turn = phrase.value
                if following == ":" and labels[-1].kind not in _PLACES:
                    self.leave(labels)  # `前两张逆位：`
            else:
                self.leave([phrase])
        card["orientation"] = turn or self.standing or "unknown"
        if labels:
            self._place_by(card, labels, kinds[phrases.index(labels[-1]) + 1 :])
        return again

    def _place_by(self, card: dict, labels: list[Token], behind: str) -> None:
        """Set the position that labels before a card give. behind: kinds of the phrases between them and the card."""
        colon = behind.removeprefix(")").startswith(":")
        if colon:
            self.labelled = None if self.depth else card
            self.headed = self.headed if self.cards else labels[-1].kind
        written, label = self.text[labels[0].start : labels[-1].end], labels[-1].label
        if len(labels) > 1:
            closed = behind.startswith(")") and "(" in fold(written)
            written = self.text[labels[0].start : labels[-1].end + closed]
            label = read_label(fold(written))
        self._place(card, written, label, colon)

    def _place(self, card: dict, written: str, label: Label, colon: bool) -> None:
        if label.kind == "d":
            self.unknown.append(written + card["raw"])
        elif label.other and (not colon or label.other in other_deck_names()):
            self.unknown.append(label.other)
        elif label.other:
            self.others.append(label.other)
        set_position(card, written[label.start : label.end], label)

    def _set_aside(self, card: dict) -> None:
        """Keep the word for an extra card while its bracket is open: `（补牌：星星、月亮）`."""
        if not self.depth:
            self.aside = None
        elif card["place"] == 0:
            self.aside = card["position"]
        elif self.aside:
            card["place"], card["position"] = 0, self.aside

    def _read_after(self, card: dict, phrases: list[Token]) -> int:
        """Set orientation and position; return the end offset of the last phrase that belongs to the card."""
        end, outside, turns = 0, self.depth, set()
        for phrase in phrases:
            kind = phrase.kind
            if kind in "()":
                self._count_bracket(kind)
                end = phrase.end if turns and kind == ")" else end
            elif kind == "o":
                turns.add(phrase.value)
                end = phrase.end
            elif kind in _LABELS:
                self._place_behind(card, phrase, self.depth > outside)
            elif kind in "xa":
                self.leave([phrase], behind=True)
        if turns:
            card["orientation"] = turns.pop() if len(turns) == 1 else "unknown"  # `恶魔 正位→逆位`
        return end

    def _place_behind(self, card: dict, phrase: Token, inside: bool) -> None:
        """Set the position that a label behind a card gives; in brackets it may be a remark, which `finished` decides."""
        known = phrase.kind in _PLACES
        if card["position"] is None and card["place"] != 0 and (inside or known):
            start = phrase.start
            set_position(card, self.text[start + phrase.label.start : start + phrase.label.end], phrase.label)
            if not known and card["position"]:
                self.remarks.append(card)
        elif not inside:
            self.leave([phrase], behind=True)

    def _count_bracket(self, kind: str) -> None:
        self.depth = max(0, self.depth + (1 if kind == "(" else -1))

    def leave(self, phrases: Iterable[Token], behind: bool = False) -> None:
        """Report phrases that belong to no card as unknown names, except long remarks behind the cards."""
        for phrase in phrases:
            if phrase.kind == "a":
                self.everyone = phrase.value
            elif phrase.kind in "xplrd":
                written = self.text[phrase.start : phrase.end].strip()
                remark = phrase.kind != "x" and (behind or self.cards) and len(_HAN.findall(written)) > LONGEST_NAME
                if not remark:
                    self.unknown.append(written)

    def finished(self, turns: list[str]) -> tuple[dict, ...]:
        """Resolve what needs the whole list. turns: orientations in a row after it."""
        if len(self.others) > 1 and len(self.others) == len(self.cards):
            # One such word before a colon is a position (`孩子：愚人`); if all are, they are cards of the other deck.
            self.unknown.insert(0, self.others[0])
        self._settle_positions()
        if len(turns) == len(self.cards):
            for card, turn in zip(self.cards, turns, strict=True):
                card["orientation"] = turn
        if self.everyone:
            for card in self.cards:
                card["orientation"] = self.everyone if card["orientation"] == "unknown" else card["orientation"]
        return tuple(self.cards)

    def _settle_positions(self) -> None:
        """Drop positions that were a heading or remarks, and set those that cards share."""
        drawn = [card for card in self.cards if card["place"] != 0]
        placed = [card for card in drawn if card["position"]]
        if self.headed and len(drawn) > (2 if self.headed in _PLACES else 1) and placed == drawn[:1]:
            drawn[0]["position"] = None  # `感情：恶魔、高塔、星星`: a heading of all
        remarked = any(fold(card["position"]).endswith(of_kind("remark")) for card in self.remarks)
        if remarked or len(drawn) == 1 or len(placed) < len(drawn):
            for card in self.remarks:
                card["position"] = None
        for card, former in self.sharing:
            if self.colons > 1 or former["place"] == 0:
                card |= {"place": former["place"], "position": former["position"]}


def _goes_on(labels: list[Token], kinds: str, index: int) -> bool:
    """Check whether labels before a mark still belong to the card after it: a colon is between, or they name a position
    and no other label follows."""
    if not labels:
        return False
    return kinds[index - 1] == ":" or labels[-1].kind in _PLACES and _LABELS.isdisjoint(kinds[index + 1 :])


def _set_number(card: dict, phrase: Token) -> None:
    number = phrase.label.number if phrase.label else number_of(phrase.value)
    if number is not None and not (phrase.label and phrase.label.card == card["card"]):
        card["number"] = number


def _is_prose(text: str, phrases: list[Token], kinds: str) -> bool:
    """Check whether more than a third of the text is long words that are not positions and have no colon or dash next
    to them."""
    if _WORDS.isdisjoint(kinds):
        return False
    prose = 0
    for index, phrase in enumerate(phrases):
        marked = kinds[index + 1 : index + 2] == ":" or index > 0 and kinds[index - 1] in ":-"
        if phrase.kind in _WORDS and not marked and phrase.end - phrase.start > LONGEST_WORD:
            prose += phrase.end - phrase.start
    return 3 * prose > len("".join(text.split()))
