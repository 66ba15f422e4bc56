"""Readings to annotated sentences: labels, cards, themes, style. One call a batch, same input, same output."""

from typing import NamedTuple

import numpy as np
import polars as pl

from schemas.deck import CARDS, LABELS, THEMES
from schemas.tables import ANNOTATIONS, SENTENCES, Style
from tarot_data.patterns import model as labeller
from tarot_data.patterns.batch import to_rows
from tarot_data.patterns.style import styles_of
from tarot_data.patterns.themes import themes_of
from tarot_data.system.memory import no_cycles

LOT = 1000
"""Readings labelled at a time: 150 MB. Half as many take a tenth more time, twice as many none less."""


class Annotated(NamedTuple):
    """sentences: SENTENCES. notes: NOTES, one row a reading. mentions: MENTIONS, every card that is called by name."""

    sentences: pl.DataFrame
    notes: pl.DataFrame
    mentions: pl.DataFrame


def annotate(readings: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sentences (SENTENCES) and one row of (reading_id, themes, style, labeller) a reading, in the order of readings.

    readings: reading_id, content, cards; person and question are used where they are there. Offsets are characters of
    content as given.
    """
    found = annotated(readings)
    return found.sentences, found.notes


def annotated(readings: pl.DataFrame) -> Annotated:
    """`annotate`, and where the readings name which card."""
    with no_cycles():
        found = [_annotate(readings.slice(start, LOT)) for start in range(0, readings.height, LOT)]
    if not found:
        return Annotated(*(pl.DataFrame(schema=schema) for schema in (SENTENCES, NOTES, MENTIONS)))
    return Annotated(*(pl.concat(frames) for frames in zip(*found, strict=True)))


NOTES = pl.Schema({name: ANNOTATIONS[name] for name in ("reading_id", "themes", "style", "labeller")})
MENTIONS = pl.Schema({"reading_id": pl.String, "start": pl.Int32, "end": pl.Int32, "card": pl.Enum(CARDS)})


def lists(values: list[list[str]], inner: pl.DataType) -> pl.Series:
    """A list column of closed values; through joined strings, as polars takes nested Python lists slowly."""
    joined = pl.DataFrame({"": pl.Series(["|".join(value) for value in values], dtype=pl.String)})
    empty = pl.lit([], dtype=pl.List(pl.String))
    return joined.select(
        pl.when(pl.col("") == "").then(empty).otherwise(pl.col("").str.split("|")).cast(pl.List(inner))
    ).to_series()


def _annotate(readings: pl.DataFrame) -> Annotated:
    looks, _, labels, confidence, cards = labeller.label(to_rows(readings))
    batch = looks.batch
    base = batch.r_start[batch.s_reading]
    sentences = pl.DataFrame(
        {
            "reading_id": readings["reading_id"].gather(batch.s_reading),
            "index": batch.s_index.astype(np.int32),
            "start": (batch.s_start - base).astype(np.int32),
            "end": (batch.s_end - base).astype(np.int32),
            "labels": lists(labels, pl.Enum(LABELS)),
            "cards": lists([[CARDS[card] for card in named] for named in cards], pl.Enum(CARDS)),
            "confidence": np.clip(confidence, 0, 1).astype(np.float32),
        },
        schema=SENTENCES,
    )
    asks = looks.dense[:, looks.names.index("asks")] > 0
    style = styles_of(batch, asks)
    markers = lists(style.pop("markers"), pl.String())
    annotations = pl.DataFrame(
        {
            "reading_id": readings["reading_id"],
            "themes": lists(themes_of(batch), pl.Enum(THEMES)),
            "style": pl.DataFrame({**style, "markers": markers}, schema=dict(Style)).to_struct(),
            "labeller": pl.repeat(labeller.version(), batch.r_start.size, dtype=pl.String, eager=True),
        },
        schema=NOTES,
    )
    reading = np.searchsorted(batch.r_start, batch.m_start, side="right") - 1
    base = batch.r_start[reading]
    mentions = pl.DataFrame(
        {
            "reading_id": readings["reading_id"].gather(reading),
            "start": (batch.m_start - base).astype(np.int32),
            "end": (batch.m_end - base).astype(np.int32),
            "card": pl.Series(CARDS, dtype=pl.Enum(CARDS)).gather(batch.m_card),
        },
        schema=MENTIONS,
    )
    return Annotated(sentences, annotations, mentions)
