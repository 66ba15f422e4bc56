"""Vocabulary of card lists: lexicon tables to dictionaries, sets and patterns over folded text."""

import re

from schemas.deck import MAJORS, RANKS
from tarot_data import lexicon
from tarot_data.cards.spreads import position_names, spread_words
from tarot_data.lexicon.word_lists import any_of, any_of_kind, of_kind
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS, roman_numerals, spellings

KINDS = {"extra": "e", "text": "t", "nothing": "w", "telling": "w", "all": "a", "rest": "a"}
"""Kind of a row of extras.csv to the kind of its token; words of other kinds are looked for in whole labels only."""

_ORIENTATIONS = {
    "upright": ("o", "upright"),
    "reversed": ("o", "reversed"),
    "both": ("w", ""),
    "none": ("a", "upright"),
}
_WEAK = re.compile(r"[0-9]{1,2}|[ivx]{1,5}")
_LIST_NUMBERS = r"[①-⑳]|[⑴-⒇]|[⒈-⒛]|[➀-➓]|[❶-❿]"


@lexicon.cached
def _in_tables() -> tuple[dict[str, str], dict[str, str]]:
    """Map the folded names of the tables to cards, as `aliases` does."""
    strong, weak = {}, {}
    bare = re.compile(rf"(?:{any_of_kind('no place')})?(?:{_WEAK.pattern})(?:{any_of_kind('counter')})?")
    for row in lexicon.read_table("aliases"):
        name = fold(row["alias"])
        table = weak if len(name) == 1 or bare.fullmatch(name) else strong
        table.setdefault(name, row["card"])
    for row in lexicon.read_table("deck"):
        strong[fold(row["card"])] = row["card"]
        strong.setdefault(fold(row["english"]), row["card"])
        strong.setdefault(fold(row["card_id"]), row["card"])
    return strong, weak


@lexicon.cached
def aliases() -> tuple[dict[str, str], dict[str, str]]:
    """Map folded names to cards: names that are cards anywhere in a list, and names only as a whole item (塔, 0, XIII).

    Besides the names of the tables these are all suits with all ranks, and short names with their numbers.
    """
    strong, weak = map(dict, _in_tables())
    courts = [(fold(row["word"]), row["value"]) for row in lexicon.read_table("ranks") if row["kind"] == "rank"]
    for suit, card in suits().items():
        for written, rank in courts:
            strong.setdefault(suit + written, card + rank)
        for number, rank in enumerate(RANKS[:10], 1):
            for written in spellings(number):
                strong.setdefault(suit + written, card + rank)
    for name, card in short_names(weak).items():
        number = MAJORS.index(card)
        for written in (*roman_numerals(number), str(number)):
            strong.update(dict.fromkeys((written + name, name + written, written + card), card))
    for number, card in enumerate(MAJORS[1:], 1):
        for written in roman_numerals(number):
            weak.setdefault(written, card)
    return strong, weak


@lexicon.cached
def date_words() -> frozenset[str]:
    """Return the folded words for a month and a day, two of which are short names of cards (月, 日)."""
    return frozenset(fold(word) for kind in ("month", "day") for word in lexicon.words("dates", kind))


def short_names(weak: dict[str, str]) -> dict[str, str]:
    """Return the names of one Chinese character (塔) that are not words of a date."""
    one = {name: card for name, card in weak.items() if len(name) == 1 and name.isalpha() and not name.isascii()}
    return {name: card for name, card in one.items() if name not in date_words()}


@lexicon.cached
def suits() -> dict[str, str]:
    """Return the folded names of suits (圣杯, 杯) with the suit of a card, found in the names of the threes."""
    three = NUMERALS[2]
    return {
        name[:-1]: card.removesuffix(three)
        for name, card in _in_tables()[0].items()
        if name[-1] in f"{three}3" and card.endswith(three) and not name.isascii()
    }


@lexicon.cached
def card_marks() -> dict[str, str]:
    """Map marks that mean an orientation only behind a card (❌, x) to it. Those for upright (✅) count only in a list that
    has one for reversed, because alone they tick cards off."""
    rows = lexicon.read_table("orientation")
    return {fold(row["word"]): row["orientation"] for row in rows if row["ambiguous"] == "mark"}


@lexicon.cached
def words() -> dict[str, tuple[str, str]]:
    """Map folded words of a card list to (kind, value): c card, o orientation, a orientation of all, e extra card, s
    spread, w without meaning, t text that only looks like one of these."""
    found: dict[str, tuple[str, str]] = {}
    for row in lexicon.read_table("extras"):
        kind, _, value = row["kind"].partition(" ")
        if row["kind"] in KINDS or kind in ("all", "rest"):
            found[fold(row["word"])] = (KINDS[kind], value)
    for row in lexicon.read_table("orientation"):
        # The marks + and - mean an orientation only at the end of an item: see lexer.
        if row["orientation"] in _ORIENTATIONS and fold(row["word"]) not in "+-":
            found.setdefault(fold(row["word"]), _ORIENTATIONS[row["orientation"]])
    found.update((name, ("c", card)) for name, card in aliases()[0].items())
    for name in spread_words():
        found.setdefault(name, ("s", ""))
    return found


@lexicon.cached
def word_lengths() -> dict[str, tuple[int, ...]]:
    """Map the first character and the first two characters of words to the lengths of the words that may begin there,
    longest first; for one character, of words that are no longer."""
    lengths: dict[str, set[int]] = {}
    for word in words():
        lengths.setdefault(word[0], set())
        lengths.setdefault(word[:2], set()).add(len(word))
    for start, sizes in lengths.items():
        sizes |= lengths[start[0]]
    return {start: tuple(sorted(sizes, reverse=True)) for start, sizes in lengths.items()}


@lexicon.cached
def extra_labels() -> frozenset[str]:
    """Return folded words for a card without a place (底牌), with those too short to be searched inside a text (底)."""
    return frozenset(of_kind("extra") + of_kind("extra label"))


def is_extra_word(folded: str) -> bool:
    """Check whether a folded word means a card without a place: 底牌, 补牌."""
    return folded in of_kind("extra")


def is_extra_label(folded: str) -> bool:
    """Check whether a whole folded label means a card without a place, perhaps with a number: 底牌, 补牌2, 底."""
    return folded in extra_labels() or folded.rstrip(f"0123456789{NUMERALS} ") in extra_labels()


@lexicon.cached
def list_number() -> re.Pattern:
    """Compile a pattern for a number that begins an item: `1.`, `2:`, `第三张`, `(4)`, ⑤. A number before a cell matches
    unless the cell after it holds an orientation or a number, because then it names a card."""
    counters = any_of(of_kind("counter") + of_kind("measure"))
    short = "".join(short_names(aliases()[1]))
    turns = "".join({re.escape(word[0]) for word, (kind, _) in words().items() if kind == "o"})
    return re.compile(
        rf"(?:{any_of_kind('ordinal')})\s?(?:[0-9]{{1,2}}|[{NUMERALS}]{{1,3}})\s?(?:{counters})"
        rf"|[ivx]{{1,5}}[.)](?=\s?[^\W0-9])"
        rf"|[0-9]{{1,2}}(?:\ufe0f?\u20e3|(?:{counters})(?=\s?[:{short}])|[.、)](?!\d)|:(?!\d)|\s?[|\t/](?!\s*(?:[0-9{turns}|]|$)))"
        rf"|[(\[【〔][0-9]{{1,2}}[)\]】〕]|\[[ x√✓✔]\](?=\s)|{_LIST_NUMBERS}"
    )


@lexicon.cached
def number_starts() -> frozenset[str]:
    """Return the first characters of all that `list_number` matches, and more."""
    circled = map(chr, (*range(0x2460, 0x249C), *range(0x2776, 0x2794)))
    return frozenset("0123456789ivx([【〔").union(circled, (word[0] for word in of_kind("ordinal")))


@lexicon.cached
def how_many() -> re.Pattern:
    """Compile a pattern for a count of cards (三张, 10张牌, 共2张) at the beginning of a text."""
    filler = any_of_kind("nothing")
    return re.compile(
        rf"(?:(?:{filler})\s?)?(?:[0-9]{{1,2}}|[两{NUMERALS}]{{1,3}})(?:{any_of_kind('measure')})(?:{filler})*"
    )


@lexicon.cached
def split_names() -> tuple[frozenset[str], re.Pattern]:
    """Return the first characters of the names that the pattern matches: suit and rank with a mark between (`圣杯 三`,
    `权杖-国王`), or a number before the thing (七剑) or a rank and a dot before the suit (`骑士·圣杯`), whose groups are `rank` and `suit`."""
    cards = [name for name in aliases()[0] if not name.isascii()]
    long = {name for name in suits() if len(name) > 1}
    ends = {name[size:] for name in cards for size in {len(suit) for suit in long} if name[:size] in long} - {""}
    things = {fold(row["word"]) for row in lexicon.read_table("ranks") if row["kind"] in ("thing", "suit")}
    things &= suits().keys()
    courts = {end for end in ends if not end.isascii()}
    suit, rank, thing, court = (any_of(parts) for parts in (long, ends, things, courts))
    later = any_of(end for end in ends if not end.isalpha() or not end.isascii())
    mark = r" ?[-–—·•.] ?| (?=[^\s])"
    pattern = (
        rf"(?:(?:{suit})(?:{mark})(?:{rank})|(?:{suit})[(\[【「](?:{rank})[)\]】」]"
        rf"|[(\[【「](?:{suit})[)\]】」] ?(?:{rank})|(?P<rank>[{NUMERALS}]|10|[1-9]|(?:{court})(?=[·•]))(?P<dot>[·•])?(?P<suit>(?(dot)(?:{suit})|(?:{thing})))(?!{later}))(?![0-9]|[a-z]{{4}})"
    )
    first = {name[0] for name in long | courts} | set("([【「123456789" + NUMERALS)
    return frozenset(first), re.compile(pattern)


@lexicon.cached
def other_deck_names() -> tuple[str, ...]:
    """Return the folded names of other decks: 雷诺曼, lenormand, oracle."""
    return tuple(fold(name) for row in lexicon.read_table("other_decks") for name in row["called"].split("|") if name)


@lexicon.cached
def other_deck_cards() -> frozenset[str]:
    """Return the folded names of cards of other decks, without those that positions have."""
    named = {fold(name) for row in lexicon.read_table("other_decks") for name in row["names"].split("|")}
    return frozenset(named - position_names())


@lexicon.cached(maxsize=4096)
def other_deck(text: str | None) -> str | None:
    """Return the name of another deck in the words for a spread or a deck, or None.

    Some cards of other decks have the same names as tarot cards, so the names alone do not decide.
    """
    folded = fold(text or "")
    return next((name for name in other_deck_names() if name in folded), None)
