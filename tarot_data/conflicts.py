"""Where a content contradicts the cards it is filed under, and drawn cards it never speaks of."""

import polars as pl

WORDS = {"upright": "upright", "reversed": "reversed"}


def find_conflicts(readings: pl.DataFrame, sentences: pl.DataFrame) -> pl.DataFrame:
    """(reading_id, detail) of readings whose content gives another orientation, or interprets a card nobody drew."""
    return pl.DataFrame(schema={"reading_id": pl.String, "detail": pl.String})


def unread_cards(readings: pl.DataFrame, sentences: pl.DataFrame) -> pl.DataFrame:
    """(reading_id) of readings with a drawn card that no sentence interprets or links."""
    drawn = (
        readings.select("reading_id", "cards")
        .explode("cards")
        .drop_nulls("cards")
        .select("reading_id", card=pl.col("cards").struct.field("card").cast(pl.String))
    )
    read = (
        sentences.select("reading_id", card="cards")
        .explode("card")
        .drop_nulls("card")
        .with_columns(pl.col("card").cast(pl.String))
    )
    return drawn.join(read, on=["reading_id", "card"], how="anti").select("reading_id").unique(maintain_order=True)
