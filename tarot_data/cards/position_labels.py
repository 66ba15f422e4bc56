"""Role of the text next to a card in a list: position, extra card, number, remark, unknown name."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.cards.card_words import (
    aliases,
    how_many,
    is_extra_label,
    other_deck_cards,
    other_deck_names,
    short_names,
)
from tarot_data.cards.spreads import places, spread_words
from tarot_data.lexicon.word_lists import any_of, any_of_kind, of_kind
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS, to_int

LONGEST_LABEL = 80
"""Characters from which text next to a card is prose and not searched for a position."""

LONGEST_POSITION = 60


class Label(NamedTuple):
    """One label. kind: p position, e extra card, n number, r a card is named again, d a card not drawn or in doubt,
    l other text, "" says nothing. text[start:end]: the name of the position. number: before the position. card: the
    card that the whole label names if it is not a position (塔, XVI). other: the card of another deck it names."""

    kind: str
    start: int = 0
    end: int = 0
    number: int | None = None
    card: str | None = None
    other: str | None = None


@lexicon.cached
def _numbered() -> re.Pattern:
    """Compile a pattern for a number before a position or instead of one: `No.1 过去`, `牌1：`, `1-过去`, `第二张`. Groups: a
    word before the number, the number, a word after it."""
    before, after = of_kind("number word") + of_kind("ordinal"), of_kind("counter") + of_kind("measure")
    return re.compile(
        rf"({any_of(before)})?\.?\s?([0-9]{{1,2}}|[{NUMERALS}]{{1,3}})({any_of(after)})?(?:$|\s?[.:、)\]】\- ]+(?=[^\s0-9]))"
    )


class _Words(NamedTuple):
    """Folded words of labels, fetched once a label."""

    again: tuple[str, ...]
    doubt: tuple[str, ...]
    telling: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    silent: frozenset[str]
    remark: str
    other_decks: tuple[str, ...]
    short: frozenset[str]
    numbers: re.Pattern


@lexicon.cached
def _words() -> _Words:
    telling = of_kind("telling")
    return _Words(
        of_kind("again"),
        of_kind("doubt"),
        telling,
        of_kind("before position"),
        telling + of_kind("after position"),
        spread_words().union(of_kind("no place"), of_kind("no card")),
        "".join(of_kind("remark")),
        other_deck_names(),
        frozenset(short_names(aliases()[1])),
        re.compile(rf"[\s\-0-9.]+(?:{any_of_kind('counter')})?"),
    )


@lexicon.cached(maxsize=4096)
def read_label(folded: str) -> Label:
    """Parse the folded label of a card."""
    start, end = _trimmed(folded, 0, len(folded))
    if end - start > LONGEST_LABEL:
        return Label("l", start, end)
    if start == end:
        return Label("l" if "?" in folded else "")
    if says_nothing(folded[start:end]):
        return Label("", start, end)
    number = None
    if match := _numbered().match(folded[start:end]):
        number = to_int(match[2])
        if start + match.end() == end:
            return Label("n" if match[1] or match[3] else "l", start, start, number, card_named(folded[start:end]))
        start, end = _trimmed(folded, start + match.end(), end)
    word, words = folded[start:end], _words()
    if word in words.again:
        return Label("r", start, end, number)
    if word.endswith(words.doubt):
        return Label("d", start, end, number)
    if known := _known_place(word):
        kind, name = known
        start = folded.find(name, start)
        return Label(kind, start, start + len(name), number, None, _other_card(word))
    if word.endswith(words.telling) or _dealt().fullmatch(word):
        return Label("", start, end, number)
    if _has_short_name(word):
        return Label("d", start, end, number)
    return Label("l", start, end, number, card_named(word), _other_card(word))


def _known_place(word: str) -> tuple[str, str] | None:
    """Return the kind (e: without a place, p: a position) and the name of a place that a label means; None if none."""
    for name in _variants(word):
        kind = "e" if is_extra_label(name) else "p" if name in places() else ""
        # `我抽到的是`: 我 is who drew; `过去抽到`: 过去 is the position.
        if kind == "e" or kind and (len(name) > 1 or not word.endswith(_words().telling)):
            return kind, name
    return None


def _has_short_name(word: str) -> bool:
    """Check whether a short name of a card is a word of a longer label: `16号塔 17号`."""
    words = _words()
    if words.short.isdisjoint(word):
        return False
    parts = words.numbers.split(word)
    return len(parts) > 1 and not words.short.isdisjoint(parts)


def _variants(word: str) -> Iterator[str]:
    """Yield the word, and the word without what a sentence puts around a position: `代表过去的`, `过去的牌是`."""
    before, after = _words().before, _words().after
    while word:
        yield word
        bare = word.lstrip("0123456789")
        while bare.startswith(before):
            bare = next(bare[len(phrase) :] for phrase in before if bare.startswith(phrase))
        if bare != word:
            yield bare
        if not word.endswith(after):
            return
        word = word[: -len(next(phrase for phrase in after if word.endswith(phrase)))]


def _trimmed(folded: str, start: int, end: int) -> tuple[int, int]:
    """Strip marks and emoji at both ends, but no closing bracket whose other half is inside."""
    while start < end and not folded[start].isalnum():
        start += 1
    while start < end and not (folded[end - 1].isalnum() or folded[end - 1] in "?!"):
        if folded[end - 1] == ")" and "(" in folded[start:end]:
            break
        end -= 1
    return start, end


def says_nothing(word: str) -> bool:
    """Check whether a folded label is a count, a spread or a word around cards: `共3张`, 圣三角, 牌面."""
    words = _words()
    return word in words.silent or not word.strip(words.remark) or how_many().fullmatch(word) is not None


@lexicon.cached
def _dealt() -> re.Pattern:
    """Compile a pattern for a count of cards and who dealt them: `我给你抽了三张`."""
    return re.compile(rf".{{0,12}}(?:{any_of_kind('dealt')}).?(?:{how_many().pattern})")


def card_named(word: str) -> str | None:
    known = aliases()[1]
    return known.get(word) or next(
        (known.get(word.removesuffix(phrase)) for phrase in of_kind("nothing") if word.endswith(phrase)), None
    )


def _other_card(word: str) -> str | None:
    """Return the card of another deck, or that deck, that a label names."""
    parts = re.split(r"[\s\-]+", word)
    names = _words().other_decks
    for part in parts:
        if part.startswith(names):
            return next(name for name in names if part.startswith(name))
    return next((part for part in parts if part in other_deck_cards()), None)


def put_at(card: dict, written: str) -> None:
    """Set the position of a card from its label: the word for an extra card means place 0, a number is its place."""
    label = read_label(fold(written))
    set_position(card, written[label.start : label.end], label)


def set_position(card: dict, name: str, label: Label) -> None:
    if not label.kind or label.card and (label.card == card["card"] or fold(name).isascii()):
        return  # `XV 恶魔`: the card's own number, or that of another deck (`XI 力量`)
    if label.number is not None:
        card["number"] = card.get("number") or label.number
    if label.kind == "e":
        card["place"] = 0
    if name:
        card["position"] = name[:LONGEST_POSITION]


def is_position(text: str) -> bool:
    return read_label(fold(text)).kind == "p"
