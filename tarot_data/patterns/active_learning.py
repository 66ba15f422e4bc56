"""Sentences of the store whose label is least certain, to be corrected first."""

import numpy as np
import polars as pl

from schemas.deck import CARDS, LABELS
from tarot_data.patterns import model as labeller
from tarot_data.patterns.annotate import lists
from tarot_data.patterns.batch import to_rows

UNCERTAIN = pl.Schema(
    {
        "reading_id": pl.String,
        "index": pl.Int32,
        "start": pl.Int32,
        "end": pl.Int32,
        "text": pl.String,
        "labels": pl.List(pl.Enum(LABELS)),
        "cards": pl.List(pl.Enum(CARDS)),
        "confidence": pl.Float32,
        "margin": pl.Float32,
        "instead": pl.List(pl.Enum(LABELS)),
    }
)
"""confidence: probability of just these labels. instead: the next likeliest; margin: how much likelier the first are."""

LOOKED_AT = 500
"""Readings of a large store that are labelled again for their margins: those with the least sure sentences."""


def uncertain_sentences(stored: pl.DataFrame, done: pl.DataFrame | None = None, limit: int = 50) -> pl.DataFrame:
    """The sentences of stored readings that the labeller is least sure of, least sure first (UNCERTAIN).

    stored: STORED schema. done: `corrections.CORRECTIONS`; a sentence a person has spoken of is not asked for again.
    """
    least = stored.select(
        "reading_id", least=pl.col("sentences").list.eval(pl.element().struct.field("confidence").min())
    )
    chosen = least.sort(pl.col("least").list.first(), "reading_id", nulls_last=True).head(LOOKED_AT)
    mine = stored.join(chosen, on="reading_id", how="semi", maintain_order="left")
    found = labeller.label(to_rows(mine))
    batch = found.looks.batch
    if not batch.size:
        return pl.DataFrame(schema=UNCERTAIN)
    base = batch.r_start[batch.s_reading]
    order = np.argsort(-found.states, axis=1, kind="stable")
    first = np.array([labeller.STATES.index(tuple(labels)) for labels in found.labels])
    other = np.where(order[:, 0] == first, order[:, 1], order[:, 0])
    rows = np.arange(batch.size)
    table = pl.DataFrame(
        {
            "reading_id": mine["reading_id"].gather(batch.s_reading),
            "index": batch.s_index.astype(np.int32),
            "start": (batch.s_start - base).astype(np.int32),
            "end": (batch.s_end - base).astype(np.int32),
            "text": [
                batch.readings[r]["content"][s:e]
                for r, s, e in zip(
                    batch.s_reading.tolist(),
                    (batch.s_start - base).tolist(),
                    (batch.s_end - base).tolist(),
                    strict=True,
                )
            ],
            "labels": lists(found.labels, pl.Enum(LABELS)),
            "cards": lists([[CARDS[card] for card in named] for named in found.cards], pl.Enum(CARDS)),
            "confidence": found.confidence.astype(np.float32),
            "margin": (found.states[rows, first] - found.states[rows, other]).astype(np.float32),
            "instead": lists([list(labeller.STATES[state]) for state in other], pl.Enum(LABELS)),
        },
        schema=UNCERTAIN,
    )
    if done is not None:
        table = table.join(done.select("reading_id", "start"), on=["reading_id", "start"], how="anti")
    return table.sort("margin", "reading_id", "start").head(limit)
