"""Readings to annotated sentences: labels, cards, themes, style. One call a batch, same input, same output."""

import numpy as np
import polars as pl

from schemas.deck import CARDS, LABELS
from schemas.tables import ANNOTATIONS, SENTENCES
from tarot_data import labeller
from tarot_data.style import styles_of
from tarot_data.themes import themes_of

LOT = 500
"""Readings labelled at a time: bounds memory to some 100 MB without costing speed."""


def annotate(readings: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sentences (SENTENCES) and one row of (reading_id, themes, style, labeller) a reading, in the order of readings.

    readings: reading_id, content, cards; person and question are used where they are there. Offsets are characters of
    content as given.
    """
    columns = [c for c in ("reading_id", "content", "cards", "person", "question") if c in readings.columns]
    rows = readings.select(columns)
    sentences, annotations = [], []
    for start in range(0, rows.height, LOT):
        one, two = _annotate(rows.slice(start, LOT).to_dicts())
        sentences.append(one)
        annotations.append(two)
    schema = {name: ANNOTATIONS[name] for name in ("reading_id", "themes", "style", "labeller")}
    if not sentences:
        return pl.DataFrame(schema=SENTENCES), pl.DataFrame(schema=schema)
    return pl.concat(sentences), pl.concat(annotations)


def _annotate(rows: list[dict]) -> tuple[pl.DataFrame, pl.DataFrame]:
    looks, labels, confidence, cards = labeller.label(rows)
    batch = looks.batch
    ids = np.array([row["reading_id"] for row in rows])
    base = batch.r_start[batch.s_reading]
    sentences = pl.DataFrame(
        {
            "reading_id": pl.Series(ids[batch.s_reading].tolist(), dtype=pl.String),
            "index": batch.s_index.astype(np.int32),
            "start": (batch.s_start - base).astype(np.int32),
            "end": (batch.s_end - base).astype(np.int32),
            "labels": pl.Series(labels, dtype=pl.List(pl.Enum(LABELS))),
            "cards": pl.Series([[CARDS[c] for c in named] for named in cards], dtype=pl.List(pl.Enum(CARDS))),
            "confidence": np.clip(confidence, 0, 1).astype(np.float32),
        },
        schema=SENTENCES,
    )
    asks = looks.dense[:, looks.names.index("asks")] > 0
    annotations = pl.DataFrame(
        {
            "reading_id": [row["reading_id"] for row in rows],
            "themes": themes_of(batch),
            "style": styles_of(batch, asks),
            "labeller": [labeller.version()] * len(rows),
        },
        schema={name: ANNOTATIONS[name] for name in ("reading_id", "themes", "style", "labeller")},
    )
    return sentences, annotations
