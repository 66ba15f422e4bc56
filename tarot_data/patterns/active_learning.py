"""Active learning: the stored sentences whose labels are least certain, to be corrected first."""

import numpy as np
import polars as pl

from schemas.deck import LABELS
from schemas.tables import SENTENCES
from tarot_data.patterns import model as labeller
from tarot_data.patterns.annotate import lists, sentence_columns
from tarot_data.patterns.batch import to_rows

UNCERTAIN = pl.Schema(
    {
        **{name: SENTENCES[name] for name in ("reading_id", "index", "start", "end")},
        "text": pl.String,
        **{name: SENTENCES[name] for name in ("labels", "cards", "confidence")},
        "margin": pl.Float32,
        "instead": pl.List(pl.Enum(LABELS)),
    }
)
"""confidence: probability of just these labels. instead: the next likeliest; margin: how much likelier the first are."""

LOOKED_AT = 500
"""Readings of a large store that are labelled again for their margins: those with the least certain sentences."""


def uncertain_sentences(stored: pl.DataFrame, done: pl.DataFrame | None = None, limit: int = 50) -> pl.DataFrame:
    """Find the sentences of stored readings that the labeller is least sure of, least sure first (UNCERTAIN).

    stored: STORED schema. done: `corrections.CORRECTIONS`; a sentence that a person has judged is not asked again.
    """
    least = stored.select(
        "reading_id", least=pl.col("sentences").list.eval(pl.element().struct.field("confidence").min())
    )
    chosen = least.sort(pl.col("least").list.first(), "reading_id", nulls_last=True).head(LOOKED_AT)
    mine = stored.join(chosen, on="reading_id", how="semi", maintain_order="left")
    found = labeller.label(to_rows(mine))
    if not found.batch.size:
        return pl.DataFrame(schema=UNCERTAIN)
    first = np.array([labeller.STATES.index(tuple(labels)) for labels in found.labels])
    best = np.argsort(-found.states, axis=1, kind="stable")[:, :2]
    other = np.where(best[:, 0] == first, best[:, 1], best[:, 0])
    rows = np.arange(found.batch.size)
    columns = sentence_columns(found, mine["reading_id"]) | {
        "text": found.batch.texts,
        "margin": (found.states[rows, first] - found.states[rows, other]).astype(np.float32),
        "instead": lists([list(labeller.STATES[state]) for state in other], pl.Enum(LABELS)),
    }
    table = pl.DataFrame({name: columns[name] for name in UNCERTAIN}, schema=UNCERTAIN)
    if done is not None:
        table = table.join(done.select("reading_id", "start"), on=["reading_id", "start"], how="anti")
    return table.sort("margin", "reading_id", "start").head(limit)
