"""Annotation of readings: labels and cards of their sentences, themes, style, mentions of cards."""

from typing import NamedTuple

import numpy as np
import polars as pl

from schemas.deck import CARDS, LABELS, THEMES
from schemas.tables import ANNOTATIONS, SENTENCES, Style
from tarot_data.patterns import model as labeller
from tarot_data.patterns.batch import Batch, to_rows
from tarot_data.patterns.style import styles_of
from tarot_data.patterns.themes import themes_of
from tarot_data.system.memory import without_gc

LOT = 1000
"""Readings labelled at a time: 150 MB. Half as many take 10 % more time; twice as many save none."""

NOTES = pl.Schema({name: ANNOTATIONS[name] for name in ("reading_id", "themes", "style", "labeller")})
MENTIONS = pl.Schema({"reading_id": pl.String, "start": pl.Int32, "end": pl.Int32, "card": pl.Enum(CARDS)})


class Annotated(NamedTuple):
    """sentences: SENTENCES. notes: NOTES, one row a reading. mentions: MENTIONS, every card called by its name."""

    sentences: pl.DataFrame
    notes: pl.DataFrame
    mentions: pl.DataFrame


def annotate(readings: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Label readings: sentences (SENTENCES) and one row of NOTES a reading, in the order of readings.

    readings: reading_id, content, cards; person and question are used if present. Offsets are characters of content
    as given. The same input gives the same output.
    """
    found = annotated(readings)
    return found.sentences, found.notes


def annotated(readings: pl.DataFrame) -> Annotated:
    """Label readings like `annotate`, and list the mentions of cards."""
    with without_gc():
        found = [_annotate(readings.slice(start, LOT)) for start in range(0, readings.height, LOT)]
    if not found:
        return Annotated(*(pl.DataFrame(schema=schema) for schema in (SENTENCES, NOTES, MENTIONS)))
    return Annotated(*(pl.concat(frames) for frames in zip(*found, strict=True)))


def _annotate(readings: pl.DataFrame) -> Annotated:
    found = labeller.label(to_rows(readings))
    ids = readings["reading_id"]
    return Annotated(_sentences(found, ids), _notes(found, ids), _mentions(found.batch, ids))


def _sentences(found: labeller.Labelled, ids: pl.Series) -> pl.DataFrame:
    batch = found.batch
    return pl.DataFrame(
        {
            "reading_id": ids.gather(batch.s_reading),
            "index": batch.s_index.astype(np.int32),
            "start": batch.spans[:, 0].astype(np.int32),
            "end": batch.spans[:, 1].astype(np.int32),
            "labels": _lists(found.labels, pl.Enum(LABELS)),
            "cards": _lists([[CARDS[card] for card in named] for named in found.cards], pl.Enum(CARDS)),
            "confidence": np.clip(found.confidence, 0, 1).astype(np.float32),
        },
        schema=SENTENCES,
    )


def _notes(found: labeller.Labelled, ids: pl.Series) -> pl.DataFrame:
    inputs = found.inputs
    style = styles_of(found.batch, inputs.dense[:, inputs.names.index("asks")] > 0)
    style["markers"] = _lists(style["markers"], pl.String())
    return pl.DataFrame(
        {
            "reading_id": ids,
            "themes": _lists(themes_of(found.batch), pl.Enum(THEMES)),
            "style": pl.DataFrame(style, schema=dict(Style)).to_struct(),
            "labeller": pl.repeat(labeller.version(), len(ids), dtype=pl.String, eager=True),
        },
        schema=NOTES,
    )


def _mentions(batch: Batch, ids: pl.Series) -> pl.DataFrame:
    reading = np.searchsorted(batch.r_start, batch.m_start, side="right") - 1
    base = batch.r_start[reading]
    return pl.DataFrame(
        {
            "reading_id": ids.gather(reading),
            "start": (batch.m_start - base).astype(np.int32),
            "end": (batch.m_end - base).astype(np.int32),
            "card": pl.Series(CARDS, dtype=pl.Enum(CARDS)).gather(batch.m_card),
        },
        schema=MENTIONS,
    )


def _lists(values: list[list[str]], inner: pl.DataType) -> pl.Series:
    """Convert lists of words without `|` to a list column; through joined strings, as polars takes nested lists slowly."""
    joined = pl.DataFrame({"": pl.Series(["|".join(value) for value in values], dtype=pl.String)})
    empty = pl.lit([], dtype=pl.List(pl.String))
    return joined.select(
        pl.when(pl.col("") == "").then(empty).otherwise(pl.col("").str.split("|")).cast(pl.List(inner))
    ).to_series()
