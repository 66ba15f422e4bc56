"""Card conflicts: contents that contradict the cards they are filed under, and drawn cards that no sentence reads.

A false alarm rejects a good reading, so several conditions must hold. Another orientation: it is directly next to the
card's name, no hedge nearby makes it a supposition (`hedges.csv`), and no text near any mention of the card has the
drawn orientation. An undrawn card: an interpreting sentence puts it in a position of the spread, it is not an extra
card, comparison or memory, and a drawn card is missing from the text. The words are rows of `card_conflicts.csv`.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

import polars as pl

from schemas.deck import MAJORS
from schemas.rejections import values_json
from tarot_data import lexicon
from tarot_data.cards.mentions import orientation_near
from tarot_data.text.normalise import fold
from tarot_data.text.numerals import NUMERALS

MENTIONED = ("reading_id", "start", "end", "card")

SCHEMA = pl.Schema({"reading_id": pl.String, "code": pl.String, "values": pl.String})


class _Mention(NamedTuple):
    start: int
    end: int
    card: str


@lexicon.cached
def _hedges(*kinds: str) -> re.Pattern:
    """Return a pattern of the words of hedges.csv of these kinds."""
    return _any_of(fold(row["word"]) for row in lexicon.read_table("hedges") if row["kind"] in kinds)


@lexicon.cached
def _words(kind: str) -> tuple[str, ...]:
    """Return the folded words of a kind of card_conflicts.csv."""
    return tuple(map(fold, lexicon.words("card_conflicts", kind)))


@lexicon.cached
def _pattern(kind: str, but: str = "") -> re.Pattern:
    """Return a pattern of the words of a kind, not at the start of a word of the kind `but`."""
    return _any_of(_words(kind), _words(but))


def _any_of(words: Iterable[str], but: Iterable[str] = ()) -> re.Pattern:
    """Compile words: `…` is a gap, `$` the end of the text, Latin words are whole words."""
    patterns = {word: re.escape(word.removesuffix("$")).replace("…", ".{0,6}") for word in words}
    parts = (
        (rf"(?<![a-z]){part}(?![a-z])" if word.isascii() else part) + "$" * word.endswith("$")
        for word, part in patterns.items()
    )
    excluded = "|".join(map(re.escape, but))
    return re.compile((f"(?!{excluded})" if excluded else "") + f"(?:{'|'.join(parts)})")


@lexicon.cached
def _alike_names() -> frozenset[frozenset[str]]:
    """Return pairs of cards, or of a major and a rank, that readings confuse."""
    rows = (row for row in lexicon.read_table("card_conflicts") if row["kind"] == "alike")
    return frozenset(frozenset(row["words"].split("|")) for row in rows)


def find_conflicts(readings: pl.DataFrame, sentences: pl.DataFrame, mentions: pl.DataFrame) -> pl.DataFrame:
    """Return (reading_id, code, values) of readings whose content contradicts their cards; see the module.

    sentences, mentions: what `patterns.annotated` found in these readings, or in some of them.
    """
    rows = readings.select("reading_id", "content").rows()
    drawn = _drawn(readings)
    named: dict[str, list[_Mention]] = {}
    for key, start, end, card in mentions.select(MENTIONED).iter_rows():
        named.setdefault(key, []).append(_Mention(start, end, card))
    spans = _spans(
        sentences, [key for (key, _), mine in zip(rows, drawn, strict=True) if _missing(mine, named.get(key, []))]
    )
    out = []
    for (key, content), mine in zip(rows, drawn, strict=True):
        if not mine or key not in named:
            continue
        text = fold(content)
        if conflict := _turned(text, named[key], mine) or _undrawn(text, named[key], mine, spans.get(key, [])):
            code, values = conflict
            out.append((key, code, values_json(values)))
    return pl.DataFrame(out, schema=SCHEMA, orient="row")


_TO_SPACES = str.maketrans("()/", "   ")


class _Drawn(NamedTuple):
    """A card of the draw: the orientations it was drawn in, and its positions as written."""

    ways: set[str]
    positions: set[str]

    def places(self) -> set[str]:
        """Return the folded words of its positions."""
        parts = (part for position in self.positions for part in fold(position).translate(_TO_SPACES).split())
        return {part for part in parts if len(part) > 1}


def _drawn(readings: pl.DataFrame) -> list[dict[str, _Drawn]]:
    card = pl.col("cards").struct
    fields = {field.name for field in readings.schema["cards"].inner.fields}
    place = card.field("position") if "position" in fields else pl.lit(None, pl.String)
    flat = (
        readings.select("cards").with_row_index("row").explode("cards").drop_nulls("cards").select(
            "row",
            card.field("card").cast(pl.String), card.field("orientation").cast(pl.String), position=place,
        )
    )  # fmt: skip
    out: list[dict[str, _Drawn]] = [{} for _ in range(readings.height)]
    for row, name, orientation, position in flat.rows():
        mine = out[row].setdefault(name, _Drawn(set(), set()))
        mine.ways.add(orientation)
        if position:
            mine.positions.add(position)
    return out


def _missing(drawn: dict[str, _Drawn], mentions: list[_Mention]) -> list[str]:
    """Return the drawn cards that the text never names."""
    named = {mention.card for mention in mentions}
    return [card for card in drawn if card not in named]


def _spans(sentences: pl.DataFrame, wanted: list[str]) -> dict[str, list[tuple[int, int, bool]]]:
    """Return reading_id to (start, end, interprets) of the sentences of the readings wanted, in order."""
    table = sentences.filter(pl.col("reading_id").is_in(wanted)).select(
        "reading_id", "start", "end", pl.col("labels").cast(pl.List(pl.String)).list.contains("card_interpretation")
    )
    out: dict[str, list[tuple[int, int, bool]]] = {}
    for key, start, end, interprets in table.rows():
        out.setdefault(key, []).append((start, end, interprets))
    return out


STOPS = "。!?\n"
"""Marks that end a sentence, in folded text."""


def _after_last(text: str, marks: str) -> str:
    return text[max(map(text.rfind, marks)) + 1 :]


def _until_first(text: str, marks: str) -> str:
    return text[: min((place for mark in marks if (place := text.find(mark)) >= 0), default=len(text))]


def _around(mention: _Mention, mentions: list[_Mention], back: int, ahead: int) -> tuple[int, int]:
    """Return start and end of the text around a mention, at most up to the next card on both sides."""
    first = max([mention.start - back, 0, *(m.end for m in mentions if m.end <= mention.start)])
    return first, min([mention.end + ahead, *(m.start for m in mentions if m.start >= mention.end)])


def _own_clause(text: str, mention: _Mention, mentions: list[_Mention]) -> str:
    """Return the sentence around a mention up to the end of its clause.

    Text after a comma is about the card, not about whether it was drawn.
    """
    first, last = _around(mention, mentions, 24, 24)
    before = _after_last(text[first : mention.start], STOPS)
    return before + text[mention.start : mention.end] + _until_first(text[mention.end : last], STOPS + ",;:")


def _neighbourhood(text: str, mention: _Mention, mentions: list[_Mention]) -> str:
    """Return the text around a mention up to the next card, also beyond its sentence."""
    first, last = _around(mention, mentions, 6, 60)
    return _after_last(text[first : mention.start], STOPS + ",;、") + text[mention.start : last]


def _turned(text: str, mentions: list[_Mention], drawn: dict[str, _Drawn]) -> tuple[str, dict[str, str]] | None:
    """Return code and values if the text gives a card another orientation than the drawn one, and that one nowhere."""
    mentioned: dict[str, dict[str, list[_Mention]]] = {}
    sure = {card for card, mine in drawn.items() if len(mine.ways) == 1 and "unknown" not in mine.ways}
    for mention in mentions:
        if mention.card in sure:
            orientation = orientation_near(text, mention.start, mention.end)
            if orientation != "unknown":
                mentioned.setdefault(mention.card, {}).setdefault(orientation, []).append(mention)
    for card, by_orientation in mentioned.items():
        right = next(iter(drawn[card].ways))
        wrong = "reversed" if right == "upright" else "upright"
        if right in by_orientation:
            continue
        for mention in by_orientation[wrong]:
            if _is_supposed(text, mention, mentions, "absent", "earlier"):
                continue
            if not any(_says(right, text, other, mentions) for other in mentions if other.card == card):
                written = text[mention.start : mention.end + 8].split("\n")[0]
                return f"says_{wrong}", {"card": card, "written": written}
    return None


def _is_supposed(text: str, mention: _Mention, mentions: list[_Mention], *more: str) -> bool:
    """Test whether the clause of a mention makes it a supposition or a comparison."""
    return _hedges("hypothetical", "comparison", *more).search(_own_clause(text, mention, mentions)) is not None


def _says(orientation: str, text: str, mention: _Mention, mentions: list[_Mention]) -> bool:
    pattern = _pattern(orientation, f"not {orientation}")
    return pattern.search(_neighbourhood(text, mention, mentions)) is not None


def _undrawn(
    text: str, mentions: list[_Mention], drawn: dict[str, _Drawn], spans: list[tuple[int, int, bool]]
) -> tuple[str, dict[str, str]] | None:
    """Return code and values if the text interprets a card that was not drawn in place of one it never names."""
    missing = _missing(drawn, mentions)
    places = tuple(place for card in missing for place in drawn[card].places())
    for mention in mentions if missing else ():
        if mention.card in drawn or any(_alike(mention.card, other) for other in missing):
            continue
        at = next((i for i, (start, end, _) in enumerate(spans) if start <= mention.start < end), None)
        if (
            at is not None
            and _names_only_undrawn(mentions, spans[at], drawn)
            and _is_read_in_place(text, mention, mentions, spans, at, places)
            and not _hedges("absent", "earlier", "extra").search(text[max(0, spans[at][0] - 24) : spans[at][1]])
            and not _is_supposed(text, mention, mentions)
        ):
            return "undrawn_card", {"card": mention.card, "missing": missing[0]}
    return None


def _names_only_undrawn(mentions: list[_Mention], span: tuple[int, int, bool], drawn: dict[str, _Drawn]) -> bool:
    """Test whether a sentence names one card, which was not drawn."""
    inside = {mention.card for mention in mentions if span[0] <= mention.start < span[1]}
    return len(inside) == 1 and not inside & drawn.keys()


def _is_read_in_place(
    text: str,
    mention: _Mention,
    mentions: list[_Mention],
    spans: list[tuple[int, int, bool]],
    at: int,
    places: tuple[str, ...],
) -> bool:
    """Test whether sentence `at` interprets the mentioned card as drawn. places: positions of the unnamed cards."""
    start, end, interprets = spans[at]
    before, after = text[start : mention.start], text[mention.end : end]
    if _ends_with_place(before, places):
        return True
    heads = _is_heading(text, mentions, spans, at)
    return (interprets or heads) and len(before) <= 12 and (heads or _is_placed(before, after))


def _is_heading(text: str, mentions: list[_Mention], spans: list[tuple[int, int, bool]], at: int) -> bool:
    """Test whether a sentence is the heading of an interpretation that names no card itself."""
    if at + 1 == len(spans):
        return False
    (start, end, _), (after, after_end, interprets) = spans[at : at + 2]
    return (
        interprets
        and end - start <= 20
        and "\n" in text[end:after]
        and not any(after <= mention.start < after_end for mention in mentions)
    )


def _endings(before: str, marks: str) -> set[str]:
    """Return the text before a card's name without marks at its end, with and without an orientation (逆位的)."""
    texts = {before} | {before.removesuffix(word) for word in _words("before name")}
    return {_stripped(text, marks) for text in texts}


def _stripped(text: str, marks: str) -> str:
    while text and (text[-1] in marks or text[-1].isspace()):
        text = text[:-1]
    return text


def _ends_with_place(before: str, places: tuple[str, ...]) -> bool:
    """Test whether the text before a card's name puts it in one of these positions: 现况的位置上是."""
    ends = _endings(before, ',:|·=→「『【《“"*-')
    for kind in ("place verb", "place side", "place noun"):
        ends |= {end.removesuffix(word) for end in ends for word in _words(kind)}
    return any(end.endswith(places) for end in ends)


def _is_placed(before: str, after: str) -> bool:
    """Test whether a card's name is introduced as drawn (抽到了…), followed by its orientation, or a heading."""
    if any(map(_ends_as_drawn, _endings(before, '「『【《“"*,'))):
        return True
    for word in _words("card"):
        after = after.removeprefix(word)
    first = after[:1]
    if _pattern("after name").match(after.lstrip().replace("( ", "(", 1)):
        return True
    is_alone = not after or first in "(,:。.!?|" or first.isspace() or first in _words("alone after name")
    return is_alone and not any(character.isalpha() for character in before)


def _ends_as_drawn(before: str) -> bool:
    """Test whether a text ends with a word or mark after which a drawn card is named. `{数}`: a number."""
    for word in _words("said to be drawn"):
        head, number, tail = word.partition("{数}")
        rest = before.removesuffix(tail) if number else ""
        if number and rest != before and rest.rstrip(_NUMBER) != rest and rest.rstrip(_NUMBER).endswith(head):
            return True
    return before.endswith((*_words("said to be drawn"), ":", "|", "·"))


_NUMBER = f"{NUMERALS}0123456789"


def _alike(card: str, other: str) -> bool:
    """Test whether readings write one card and mean the other: 皇后 for a queen, 国王 or 皇帝 for a king."""
    names = frozenset(name if name in MAJORS else name[2:] for name in (card, other))
    return card == other or not (card not in MAJORS and other not in MAJORS) and names in _alike_names()


def unread_cards(readings: pl.DataFrame, sentences: pl.DataFrame) -> pl.DataFrame:
    """Return (reading_id) of readings with a drawn card that no sentence interprets or links."""
    drawn = (
        readings.select("reading_id", "cards")
        .explode("cards")
        .drop_nulls("cards")
        .select("reading_id", card=pl.col("cards").struct.field("card").cast(pl.String))
    )
    read = (
        sentences.filter(pl.col("labels").cast(pl.List(pl.String)).list.first() != "other")
        .select("reading_id", card="cards")
        .explode("card")
        .drop_nulls("card")
        .with_columns(pl.col("card").cast(pl.String))
    )
    return drawn.join(read, on=["reading_id", "card"], how="anti").select("reading_id").unique(maintain_order=True)
