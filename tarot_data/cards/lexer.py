"""Lexer of card lists: text to tokens, and tokens to the phrases that `card_list` groups (names, labels and marks)."""

import re
import string
from functools import partial
from typing import NamedTuple

from tarot_data import lexicon
from tarot_data.cards.card_words import (
    aliases,
    card_marks,
    date_words,
    how_many,
    list_number,
    number_starts,
    split_names,
    word_lengths,
    words,
)
from tarot_data.cards.position_labels import Label, read_label
from tarot_data.cards.spreads import places
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS, to_int


class Token(NamedTuple):
    """kind: c card, o orientation, a orientation of all, n number, e extra card, s spread, w without meaning, t text,
    a space, or a mark: ( ) : - , (also between cards of a line) | (a cell) / (a line break). In phrases there is no e,
    s, w, t and space, but the kinds of labels (see `Label`) and x, an unknown name."""

    kind: str
    start: int
    end: int
    value: str = ""
    label: Label | None = None


_token = partial(tuple.__new__, Token)
"""Make a token of a tuple of all its values: half the time of `Token(…)`, for the most frequent tokens."""

_EDGE = Token("^", -1, -1)
"""Placed before the first phrase and after the last token, so that each has neighbours."""

_MARKS = {
    **dict.fromkeys("、,;→＆&+，；＋。", ","),
    **dict.fromkeys("|\t/·•｜／", "|"),
    "\n": "/",
    "\ufe0f": " ",  # after an emoji
    **dict.fromkeys("-–—－―~～_=＝", "-"),
    ":": ":",
    **dict.fromkeys(")]}>」』》〉”】〕", ")"),
    **dict.fromkeys("([{<「『《〈“【〔", "("),
}
_SIGNS = {"+": "upright", **dict.fromkeys("-–—−", "reversed")}
"""Marks that mean an orientation at the end of an item: `权杖三-`, `死神(+)`."""

_ARROW = re.compile("[-–—=]{1,3}>")
_COUNTED_IN_WORDS = re.compile(rf"[(【]?([{NUMERALS}]{{1,3}})[、.:)】]")
"""`一、恶魔 二、高塔`: only in a text that begins with 一, because 二、 is also the rest of `圣杯一、二、三`."""

_INTRODUCTION = frozenset("l,/:-")
_LISTING = re.compile("[、|/]")
_COPIES = re.compile(r"[*x×]\s?([1-9])(?![0-9.)])")
_CROSSES = frozenset("x×✖")
_AFTER_CARD = frozenset("*x×!?…")

_ALNUM = frozenset(string.ascii_letters + string.digits)
_BEFORE_ITEM = frozenset(",|/co)")
_STILL_BEFORE = frozenset(" (n-")
_ITEM_ENDS = frozenset("co")
_SHORT_BEHIND, _SHORT_BEFORE = frozenset(["", *"co,|/)wn:"]), frozenset(["", *"co,|/( n"])
"""Kinds of tokens before and after a short name that is a card."""


# Tokens


class _Vocabulary(NamedTuple):
    """Tables of the active lexicon, fetched once a text."""

    known: dict[str, tuple[str, str]]
    lengths: dict[str, tuple[int, ...]]
    starts: frozenset[str]
    number: re.Pattern
    split_starts: frozenset[str]
    split: re.Pattern
    strong: dict[str, str]
    weak: dict[str, str]
    marks: dict[str, str]
    places: frozenset[str]
    dates: frozenset[str]


@lexicon.cached
def _vocabulary() -> _Vocabulary:
    return _Vocabulary(
        words(),
        word_lengths(),
        number_starts(),
        list_number(),
        *split_names(),
        *aliases(),
        card_marks(),
        places(),
        date_words(),
    )


def tokens_of(folded: str) -> list[Token]:
    """Split folded text into tokens that cover it, longest words first."""
    vocabulary = _vocabulary()
    number_starts, in_words = _numbering(folded, vocabulary.starts)
    lengths, weak = vocabulary.lengths, vocabulary.weak
    tokens: list[Token] = []
    place, size = 0, len(folded)
    fresh = True  # at the beginning of an item, where a number is a list number
    while place < size:
        token, character = None, folded[place]
        if fresh and character in number_starts:
            token = _list_number(folded, place, vocabulary.number, in_words)
        if token is None:
            token = _word_at(folded, place, vocabulary, tokens)
        if token is None and (kind := _MARKS.get(character)) and kind != "-":
            token = _token((kind, place, place + 1, "", None))
        token = token or _mark(folded, place) or _text(folded, place, lengths, tokens)
        tokens.append(token)
        kind, place = token.kind, token.end
        fresh = kind in _BEFORE_ITEM or (
            fresh and (kind in _STILL_BEFORE or kind == "t" and folded[token.start : place] in weak)
        )
    return _with_short_names(folded, tokens, vocabulary)


def _numbering(folded: str, starts: frozenset[str]) -> tuple[frozenset[str], bool]:
    """Return the characters that a list number may begin with, and whether numbers are in words."""
    first = _COUNTED_IN_WORDS.match(folded)
    in_words = first is not None and first[1] == NUMERALS[0]
    return starts.union(NUMERALS, "(【") if in_words else starts, in_words


def _word_at(folded: str, place: int, vocabulary: _Vocabulary, tokens: list[Token]) -> Token | None:
    """Read a name in two parts, a word, or what only has a meaning after a card."""
    token, character, lengths = None, folded[place], vocabulary.lengths
    if character in vocabulary.split_starts:
        token = _split_name(folded, place, vocabulary)
    if token is None and character in lengths:
        sizes = lengths.get(folded[place : place + 2]) or lengths[character]
        token = _word(folded, place, sizes, vocabulary, tokens) if sizes else None
    if token is None and character in _AFTER_CARD and tokens:
        token = _after_card(folded, place, tokens)
    return token


def _list_number(folded: str, place: int, number: re.Pattern, in_words: bool) -> Token | None:
    """Read the number of an item. in_words: numbers in words count."""
    match = number.match(folded, place)
    if match is None and in_words:
        match = _COUNTED_IN_WORDS.match(folded, place)
    return Token("n", place, match.end(), match[0]) if match else None


def _split_name(folded: str, place: int, vocabulary: _Vocabulary) -> Token | None:
    """Read a suit and a rank with a mark between them, or a number before the thing."""
    match = vocabulary.split.match(folded, place)
    name = match and (match["suit"] or "") + "".join(filter(str.isalnum, match["rank"] or match[0]))
    card = match and vocabulary.strong.get(name)
    return Token("c", place, match.end(), card) if card else None


def _word(
    folded: str, place: int, lengths: tuple[int, ...], vocabulary: _Vocabulary, tokens: list[Token]
) -> Token | None:
    known = vocabulary.known
    for length in lengths:
        word = folded[place : place + length]
        if (found := known.get(word)) is None:
            continue
        end = place + len(word)
        if (word[0].isascii() or word[-1].isascii()) and not _bounded(folded, place, end):
            continue
        if word not in vocabulary.marks or _is_mark_of_card(folded, word, tokens, vocabulary.marks):
            if word in _CROSSES and _is_between(folded, place, end):
                return Token(",", place, end)
            return _token((found[0], place, end, found[1], None))
    return None


def _is_between(folded: str, start: int, end: int) -> bool:
    """Check whether a cross joins two cards (`恶魔×高塔`, `恶魔 x 高塔`) instead of turning the one before it (`恶魔x、高塔x`)."""
    after = folded[end : end + 1]
    spaced = folded[start - 1].isspace()
    return bool(folded[end:].strip()) and after not in _MARKS and after.isspace() == spaced


def _is_mark_of_card(folded: str, word: str, tokens: list[Token], marks: dict[str, str]) -> bool:
    """Check whether a mark (❌, ✅, x) means an orientation here: see `card_marks`."""
    if (first := folded.lstrip()[:1]) in marks and not first.isascii():
        return False  # `❌恶魔 ✅高塔`: ticks before the items
    before = next((token.kind for token in reversed(tokens) if token.kind not in " w"), "")
    paired = marks[word] == "reversed" or any(
        mark in folded for mark, side in marks.items() if side == "reversed" and not mark.isascii()
    )
    return before in ("c", "(") and paired


def _after_card(folded: str, place: int, tokens: list[Token]) -> Token | None:
    """Read what only has a meaning after a card or its orientation: a number of copies (`愚人*2`), `!` and `?` (`恋人正？`)."""
    last, character = tokens[-1], folded[place]
    if last.kind == "c" and (copies := _COPIES.match(folded, place)):
        copy = last._replace(end=copies.end())
        tokens += [copy] * (int(copies[1]) - 2)
        return copy if copies[1] != "1" else Token(" ", place, copies.end())
    if character in "!?…" and (last.kind in "o)" or last.kind == "c" and character == "!"):
        return Token(",", place, place + 1)
    return None


def _mark(folded: str, place: int) -> Token | None:
    """Read a dash or a space; other marks are read in the loop, because they are a third of all tokens."""
    character = folded[place]
    if character in _MARKS:
        arrow = _ARROW.match(folded, place)
        return Token("-", place, arrow.end() if arrow else place + 1)
    if character.isspace():
        return _token(("," if folded.startswith("  ", place) else " ", place, place + 1, "", None))
    return None


def _text(folded: str, place: int, lengths: dict[str, tuple[int, ...]], tokens: list[Token]) -> Token:
    """Read text up to the next character that may begin another token, and join it to text before it."""
    end, size = place + 1, len(folded)
    while end < size and not ((after := folded[end]) in lengths or after in _MARKS or after.isspace()):
        end += 1
    start = tokens.pop().start if tokens and tokens[-1].kind == "t" else place
    return Token("t", start, end)


def _bounded(folded: str, start: int, end: int) -> bool:
    """Check that an ASCII edge of a word is the edge of an ASCII word or number: `Sun` is not in `Sunday`, 权杖1 not in
    权杖10, but both parts of 权杖1R are words."""
    return not (start and _runs_together(folded, start) or end < len(folded) and _runs_together(folded, end))


def _runs_together(folded: str, at: int) -> bool:
    """Check whether the characters before and at an index are both ASCII letters or both digits."""
    before, after = folded[at - 1], folded[at]
    return before in _ALNUM and after in _ALNUM and before.isdigit() == after.isdigit()


def _with_short_names(folded: str, tokens: list[Token], vocabulary: _Vocabulary) -> list[Token]:
    """Read short names as cards: one character that is an item or cell of its own (`恶魔塔星星`, `塔/星星`, `愚人和塔`), any
    behind a position or the card's number (`过去 XVI 逆`, `XVI 塔`). Before a colon or in brackets it stays a label."""
    weak = vocabulary.weak
    for index, token in enumerate(tokens):
        if token.kind != "t" or (name := folded[token.start : token.end]) not in weak:
            continue
        before, placed = _before_short_name(folded, tokens, index, vocabulary)
        after = tokens[index + 1].kind if index + 1 < len(tokens) else ""
        if after == " " and not (placed or before in _ITEM_ENDS):
            after = _after_space(folded, tokens, index + 2, weak)
        one = len(name) == 1 and name.isalpha() and not name.isascii()
        if after in ("-", ":"):
            after = "" if _is_turned(tokens, index + 2) else after
        if (placed or one and before in _SHORT_BEHIND) and after in _SHORT_BEFORE:
            tokens[index] = Token("c", token.start, token.end, weak[name])
    return tokens


def _is_turned(tokens: list[Token], index: int) -> bool:
    """Check whether an orientation and no card follows a mark after a short name: `塔-逆`, `塔：逆`. In a list whose last
    card has a sign, the mark itself is the orientation: `塔-恶魔+`."""
    if _is_signed(tokens):
        return True
    kinds = [token.kind for token in tokens[index : index + 3] if token.kind != " "]
    return kinds[:1] == ["o"] and kinds[1:2] != ["c"]


def _is_signed(tokens: list[Token]) -> bool:
    return len(tokens) > 1 and tokens[-1].kind in ",-" and tokens[-2].kind == "c"


def _before_short_name(folded: str, tokens: list[Token], index: int, vocabulary: _Vocabulary) -> tuple[str, bool]:
    """Return the kind of the token before a short name, over a space, and whether that is a position. A number is `n`."""
    former = tokens[index - 1] if index else None
    if former is None or former.kind != " ":
        return (former.kind if former else ""), False
    former = tokens[index - 2] if index > 1 else None
    text = folded[former.start : former.end] if former else ""
    if text.isdigit() and folded[tokens[index].start] in vocabulary.dates:
        return "t", False  # `3 月 5 日`
    is_number = text.isdigit() or text.isascii() and text in vocabulary.weak
    return ("n" if is_number else former.kind if former else ""), text in vocabulary.places


def _after_space(folded: str, tokens: list[Token], index: int, weak: dict[str, str]) -> str:
    """Return the kind of the token at an index, `c` for another short name, `` at the end."""
    if index >= len(tokens):
        return ""
    token = tokens[index]
    return "c" if token.kind == "t" and folded[token.start : token.end] in weak else token.kind


# Phrases


def phrases_of(text: str) -> list[Token]:
    """Join runs of words to labels and assign their roles; drop spaces and words without meaning.

    A name that runs on into other words (月亮女神) is an unknown name.
    """
    folded = fold(text)
    tokens = [*tokens_of(folded), _EDGE]
    out = [_EDGE]
    for index, token in enumerate(tokens[:-1]):
        kind, last, following = token.kind, out[-1], tokens[index + 1].kind
        touches = last.end == token.start
        if kind in "tc" and touches and last.kind == "x":
            out[-1] = Token("x", last.start, token.end)
        elif kind == "c" and following == "t" and _runs_on(folded, token.end):
            joined = touches and last.kind == "l"
            out.append(Token("x", out.pop().start if joined else token.start, token.end))
        elif kind in ",-" and _is_sign(folded, tokens, index, last.kind):
            out.append(Token("o", token.start, token.end, _SIGNS[folded[token.start : token.end]]))
        elif kind in "tew" or kind == "-" and last.kind == "l" and following == "t":
            _add_word(out, token, folded)
        elif kind != " ":
            out.append(token)
    return _with_roles(out[1:], folded)


def _add_word(out: list[Token], token: Token, folded: str) -> None:
    """Join a word to the label before it, or begin a label."""
    last, written = out[-1], folded[token.start : token.end]
    if last.kind == "l" and not folded[last.end : token.start].strip():
        out[-1] = Token("l", last.start, token.end)
    elif token.kind in "te" and ("?" in written or any(map(str.isalnum, written))):
        out.append(Token("l", token.start, token.end))


def _with_roles(phrases: list[Token], folded: str) -> list[Token]:
    """Assign roles to labels; drop those without meaning, and the sentences before one that leads to the cards."""
    out: list[Token] = []
    for index, phrase in enumerate(phrases):
        kind = phrase.kind
        if kind == "l":
            label = read_label(folded[phrase.start : phrase.end])
            kind = label.kind
            phrase = _token((kind, phrase.start, phrase.end, "", label))
        unlabelled = kind == ":" and out and out[-1].kind in ",/-"
        if kind and kind != "s" and not unlabelled:
            out.append(phrase)
        elif out and _is_introduction(out, folded[: phrase.start]) and _leads_to_cards(phrases[index + 1 :], folded):
            out.clear()
    return out


def _is_introduction(phrases: list[Token], folded: str) -> bool:
    """Check whether text before the cards is sentences (`抱抱你。我给你抽了三张：`) and not part of a list."""
    return _INTRODUCTION.issuperset([phrase.kind for phrase in phrases]) and not _LISTING.search(folded)


def _leads_to_cards(phrases: list[Token], folded: str) -> bool:
    """Check whether a card or its orientation is the next phrase, marks and numbers apart."""
    for phrase in phrases:
        written = folded[phrase.start : phrase.end]
        if phrase.kind not in ":/|-(n" and not (phrase.kind == "l" and (written.isdigit() or written in aliases()[1])):
            return phrase.kind in ("c", "o")
    return False


def _runs_on(folded: str, at: int) -> bool:
    """Check whether a word continues after a name; a count (`高塔两张`) does not belong to it."""
    if not folded[at].isalpha() or folded[at - 1].isascii() and not folded[at].isascii():
        return False
    return not how_many().match(folded, at)


def _is_sign(folded: str, tokens: list[Token], index: int, last: str) -> bool:
    """Check whether a mark means an orientation: it ends its item; a space may follow one that touches the name.

    last: kind of the phrase before it.
    """
    if last not in ("c", "(") or folded[tokens[index].start : tokens[index].end] not in _SIGNS:
        return False
    rest = [token.kind for token in tokens[index + 1 : index + 3]]
    if rest[0] == " " and tokens[index - 1].kind == "c":
        rest = rest[1:]
    return rest[0] in ",|/)^" or tokens[index - 1].kind == "c" and _is_signed(tokens[-3:-1])


def number_of(written: str) -> int | None:
    """Return the number in a list number: 3 of `第三张`, 2 of ②."""
    return to_int("".join(filter(str.isnumeric, written)))
