"""Where a content contradicts the cards it is filed under, and drawn cards it never speaks of.

A false alarm throws a good reading out, so an alarm needs several things at once. Another orientation: it stands right
beside the card's name, nothing near makes it a supposition (`hedges.csv`), and the drawn orientation is said nowhere of
that card. A card nobody drew: an interpreting sentence puts it in a place of the spread, it is no extra card, comparison
or memory, and a drawn card is missing from the text in its stead.
"""

import re
from typing import NamedTuple

import polars as pl

from schemas.deck import MAJORS
from schemas.rejections import values_json
from tarot_data import lexicon
from tarot_data.cards.mentions import CARD_ID, orientation_beside
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
    words = [fold(row["word"]) for row in lexicon.read_table("hedges") if row["kind"] in kinds]
    return re.compile("|".join(re.escape(word).replace("…", ".{0,6}") for word in words))


_TURNED = {
    "upright": re.compile("正位|正着|正的|正立|upright|顺位"),
    "reversed": re.compile(
        "逆(?![风流袭境])|[倒反](?:[过着了置立位转悬挂的]|$)|[掉颠]倒|翻[过转倒了]|reversed|(?<![a-z])rx?(?![a-z])|upside ?down"
    ),
}
_PLACED = re.compile(
    rf"(?:位置?上?的?|[位是为得:：|｜·]|出现了?|出了|给了?到?|抽到了?|来了|翻出|翻到|落在|第[{NUMERALS}0-9]+张|[这那一头后]一?张|最后)"
    r"[「『【《“\"*\s,，]*(?:正位的|逆位的|倒置的|倒立的|颠倒的)?$"
)
_LIES = (
    r"(?:的?位置?|这个位置)?上?(?:的|是|为|得|见|出|给了?|出现了?|落着|坐着)?[\s,:|·=→「『【《“\"*\-]*"
    r"(?:正位的|逆位的|倒置的|倒立的|颠倒的)?$"
)
"""What may stand between the name of a place and the card that lies there."""

_BESIDE = re.compile(r"牌?\s?(?:[正逆倒反][位着立置了]|[(（]\s?[正逆倒反r]|逆|r(?![a-z])|upright|reversed)")
_ALONE = re.compile(r"牌?\s?[正逆(（,，:：。.!！?？|\s]|$")


def find_conflicts(readings: pl.DataFrame, sentences: pl.DataFrame, mentions: pl.DataFrame) -> pl.DataFrame:
    """(reading_id, code, values) of readings whose content gives another orientation, or interprets a card nobody drew.

    sentences, mentions: what `patterns.annotated` found in them, or in those of them that differ.
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


class _Drawn(NamedTuple):
    """A card of the draw: the orientations it was drawn in, and its positions as they are written."""

    ways: set[str]
    positions: set[str]

    def places(self) -> set[str]:
        """The folded words its positions are called by."""
        parts = (part for position in self.positions for part in re.split(r"[()/\s]", fold(position)))
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
    """The drawn cards that the text never names."""
    named = {mention.card for mention in mentions}
    return [card for card in drawn if card not in named]


def _spans(sentences: pl.DataFrame, wanted: list[str]) -> dict[str, list[tuple[int, int, bool]]]:
    """reading_id to (start, end, interprets) of the sentences of the readings wanted, in order."""
    table = sentences.filter(pl.col("reading_id").is_in(wanted)).select(
        "reading_id", "start", "end", pl.col("labels").cast(pl.List(pl.String)).list.contains("card_interpretation")
    )
    out: dict[str, list[tuple[int, int, bool]]] = {}
    for key, start, end, interprets in table.rows():
        out.setdefault(key, []).append((start, end, interprets))
    return out


def _own_clause(text: str, mention: _Mention, mentions: list[_Mention], back: int = 24) -> str:
    """The sentence round a mention from at most `back` characters before to the end of its clause, but nothing of
    another card's: what comes after a comma is said of the card, no longer of whether it lies there."""
    first = max([mention.start - back, *(m.end for m in mentions if m.end <= mention.start)])
    last = min([mention.end + 24, *(m.start for m in mentions if m.start >= mention.end)])
    before = re.split("[。！？!?\n]", text[max(0, first) : mention.start])[-1]
    return before + text[mention.start : mention.end] + re.split("[。！？!?\n,;:]", text[mention.end : last])[0]


def _round(text: str, mention: _Mention, mentions: list[_Mention], back: int = 6, ahead: int = 60) -> str:
    """What stands round a mention up to the next card, beyond its sentence too."""
    first = max([mention.start - back, 0, *(m.end for m in mentions if m.end <= mention.start)])
    last = min([mention.end + ahead, *(m.start for m in mentions if m.start >= mention.end)])
    return re.split("[。！？!?\n,;、]", text[first : mention.start])[-1] + text[mention.start : last]


def _turned(text: str, mentions: list[_Mention], drawn: dict[str, _Drawn]) -> tuple[str, dict[str, str]] | None:
    said: dict[str, dict[str, list[_Mention]]] = {}
    sure = {card for card, mine in drawn.items() if len(mine.ways) == 1 and "unknown" not in mine.ways}
    for mention in mentions:
        if mention.card in sure:
            orientation = orientation_beside(text, mention.start, mention.end)
            if orientation != "unknown":
                said.setdefault(mention.card, {}).setdefault(orientation, []).append(mention)
    for card, by_orientation in said.items():
        right = next(iter(drawn[card].ways))
        wrong = "reversed" if right == "upright" else "upright"
        if wrong not in by_orientation or right in by_orientation:
            continue
        for mention in by_orientation[wrong]:
            if _hedges("hypothetical", "absent", "earlier", "comparison").search(_own_clause(text, mention, mentions)):
                continue
            if any(_TURNED[right].search(_round(text, m, mentions)) for m in mentions if m.card == card):
                continue
            written = text[mention.start : mention.end + 8].split("\n")[0]
            return f"says_{wrong}", {"card": card, "written": written}
    return None


def _undrawn(
    text: str, mentions: list[_Mention], drawn: dict[str, _Drawn], spans: list[tuple[int, int, bool]]
) -> tuple[str, dict[str, str]] | None:
    missing = _missing(drawn, mentions)
    if not missing:
        return None
    places = "|".join(re.escape(place) for card in missing for place in sorted(drawn[card].places()))
    in_place = re.compile(f"(?:{places}){_LIES}") if places else None
    for mention in mentions:
        card = mention.card
        if card in drawn or any(_alike(card, other) for other in missing):
            continue
        at = next((i for i, (a, b, _) in enumerate(spans) if a <= mention.start < b), None)
        if at is None:
            continue
        span = spans[at]
        # A heading counts where an interpretation follows that names no card of its own.
        heads = (
            at + 1 < len(spans)
            and spans[at + 1][2]
            and span[1] - span[0] <= 20
            and "\n" in text[span[1] : spans[at + 1][0]]
        )
        if heads and any(spans[at + 1][0] <= m.start < spans[at + 1][1] for m in mentions):
            heads = False
        sentence = text[span[0] : span[1]]
        before = sentence[: mention.start - span[0]]
        in_its_place = in_place is not None and in_place.search(before) is not None
        if not span[2] and not heads and not in_its_place:
            continue
        inside = [m for m in mentions if span[0] <= m.start < span[1]]
        if any(m.card in drawn for m in inside) or len({m.card for m in inside}) > 1:
            continue
        after = sentence[mention.end - span[0] :]
        placed = (
            _PLACED.search(before) or _BESIDE.match(after) or not re.sub(r"[\W\d_]", "", before) and _ALONE.match(after)
        )
        if not in_its_place and (not placed and not heads or len(before) > 12):
            continue
        if _hedges("absent", "earlier", "extra").search(text[max(0, span[0] - 24) : span[1]]):
            continue
        if _hedges("hypothetical", "comparison").search(_own_clause(text, mention, mentions)):
            continue
        return "undrawn_card", {"card": card, "missing": missing[0]}
    return None


def _alike(card: str, other: str) -> bool:
    """Whether readers write one and mean the other: 皇后 for a queen, 国王 or 皇帝 for a king, a suit left out."""
    pairs = {"皇后": "王后", "皇帝": "国王", "女祭司": "王后", "教皇": "国王"}
    if card in MAJORS and other not in MAJORS:
        return pairs.get(card) == other[2:]
    if card not in MAJORS and other in MAJORS:
        return pairs.get(other) == card[2:]
    return CARD_ID[card] == CARD_ID[other] or {card, other} <= {"力量", "正义"} or {card, other} <= {"女祭司", "教皇"}


def unread_cards(readings: pl.DataFrame, sentences: pl.DataFrame) -> pl.DataFrame:
    """(reading_id) of readings with a drawn card that no sentence interprets or links."""
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
