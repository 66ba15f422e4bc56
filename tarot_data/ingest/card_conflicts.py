"""Card conflicts: contents that contradict the cards they are filed under, and drawn cards that no sentence reads.

A false alarm rejects a good reading, so each kind of conflict asks for several signs: see `turned_cards` (another
orientation) and `undrawn_cards` (another card). The words are rows of `card_conflicts.csv` and `hedges.csv`.
"""

import polars as pl

from schemas.rejections import values_json
from tarot_data.ingest.conflict_words import Drawn, Mention
from tarot_data.ingest.turned_cards import find_turned
from tarot_data.ingest.undrawn_cards import Content, find_undrawn, find_words, missing_cards
from tarot_data.text.normalise import fold

MENTIONED = ("reading_id", "start", "end", "card")

SCHEMA = pl.Schema({"reading_id": pl.String, "code": pl.String, "values": pl.String})


def find_conflicts(readings: pl.DataFrame, sentences: pl.DataFrame, mentions: pl.DataFrame) -> pl.DataFrame:
    """Return (reading_id, code, values) of readings whose content contradicts their cards; see the module.

    sentences, mentions: what `patterns.annotated` found in these readings, or in some of them.
    """
    rows = readings.select("reading_id", "content").rows()
    drawn = _drawn(readings)
    named: dict[str, list[Mention]] = {}
    for key, start, end, card in mentions.select(MENTIONED).iter_rows():
        named.setdefault(key, []).append(Mention(start, end, card))
    wanted = {
        key: content
        for (key, content), mine in zip(rows, drawn, strict=True)
        if missing_cards(mine, named.get(key, []))
    }
    spans = _spans(sentences, list(wanted))
    words = dict(zip(wanted, find_words(list(wanted.values())), strict=True))
    out = []
    for (key, content), mine in zip(rows, drawn, strict=True):
        text, names = fold(content), named.get(key, [])
        conflict = find_turned(text, names, mine)
        if not conflict and key in spans:
            conflict = find_undrawn(Content(text, mine, names, *words[key], spans[key]))
        if conflict:
            code, values = conflict
            out.append((key, code, values_json(values)))
    return pl.DataFrame(out, schema=SCHEMA, orient="row")


def _drawn(readings: pl.DataFrame) -> list[dict[str, Drawn]]:
    card = pl.col("cards").struct
    fields = {field.name for field in readings.schema["cards"].inner.fields}
    place = card.field("position") if "position" in fields else pl.lit(None, pl.String)
    flat = (
        readings.select("cards").with_row_index("row").explode("cards").drop_nulls("cards").select(
            "row",
            card.field("card").cast(pl.String), card.field("orientation").cast(pl.String), position=place,
        )
    )  # fmt: skip
    out: list[dict[str, Drawn]] = [{} for _ in range(readings.height)]
    for row, name, orientation, position in flat.rows():
        mine = out[row].setdefault(name, Drawn(set(), set()))
        mine.ways.add(orientation)
        if position:
            mine.positions.add(position)
    return out


def _spans(sentences: pl.DataFrame, wanted: list[str]) -> dict[str, list[tuple[int, int, bool]]]:
    """Return reading_id to (start, end, interprets) of the sentences of the readings wanted, in order."""
    table = sentences.filter(pl.col("reading_id").is_in(wanted)).select(
        "reading_id", "start", "end", pl.col("labels").cast(pl.List(pl.String)).list.contains("card_interpretation")
    )
    out: dict[str, list[tuple[int, int, bool]]] = {}
    for key, start, end, interprets in table.rows():
        out.setdefault(key, []).append((start, end, interprets))
    return out


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
