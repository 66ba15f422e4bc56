"""Validation of rows with pandera before they are written; a row that fails is rejected with its reason.

Earlier stages, which know the cause, find the reasons that people can act on; a row that only fails here breaks an
unforeseen rule, and the run continues without it.
"""

import polars as pl

from schemas.contracts import Readings, Sentences
from schemas.tables import READINGS, REJECTIONS, SENTENCES, STORED
from tarot_data.ingest.rejections import to_rejections

REASON_OF = {
    "content": "too_short",
    "cards": "no_cards",
    "cards.drawn": "no_cards",
    "cards.once_a_draw": "duplicate_card",
    "cards.complete": "unknown_card",
}
"""Column or check that failed -> reason; anything else is `unreadable`, with the check's name in the values."""


def contract(stored: pl.DataFrame, sentences: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Split rows into those that meet the contract (STORED), and the others as REJECTIONS.

    Raises pandera's SchemaErrors if the frame itself is wrong (a column missing or of another type): that is a bug, not
    a faulty reading.
    """
    readings = stored.select(list(READINGS))
    failures = _failures(Readings, readings)
    bad_sentences = _failures(Sentences, sentences.select(list(SENTENCES)))
    by_reading = (
        sentences.with_row_index("row")
        .join(bad_sentences, on="row")
        .select("reading_id", sentence_rule="rule")
        .unique("reading_id", keep="first", maintain_order=True)
    )
    marked = (
        stored.with_row_index("row")
        .join(failures, on="row", how="left", maintain_order="left")
        .join(by_reading, on="reading_id", how="left", maintain_order="left")
        .with_columns(rule=pl.coalesce("rule", "sentence_rule"))
    )
    failed = marked.filter(pl.col("rule").is_not_null())
    return marked.filter(pl.col("rule").is_null()).select(list(STORED)), _rejections(failed)


def _failures(model: type, frame: pl.DataFrame) -> pl.DataFrame:
    """Return row and rule (`column: check`) of the first failure of every row, without failure_case, which is private
    text."""
    import pandera.errors

    try:
        model.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        if cases.filter(pl.col("index").is_null()).height:
            raise
        return cases.select(
            row=pl.col("index").cast(pl.UInt32), rule=pl.format("{}: {}", pl.col("column"), pl.col("check"))
        ).unique("row", keep="first", maintain_order=True)
    return pl.DataFrame(schema={"row": pl.UInt32, "rule": pl.String})


def _rejections(failed: pl.DataFrame) -> pl.DataFrame:
    verdict = {"code": pl.lit("contract"), "values": pl.struct("rule").struct.json_encode()}
    rows = to_rejections(failed.with_columns(**verdict), "validate", "unreadable")
    column = failed["rule"].str.extract(r"^(\w+): ")
    check = failed["rule"].str.extract(r"^\w+: (.*)$")
    reason = pl.select(
        pl.coalesce(
            check.replace_strict(REASON_OF, default=None, return_dtype=pl.String),
            column.replace_strict(REASON_OF, default="unreadable", return_dtype=pl.String),
        )
    ).to_series()
    return rows.with_columns(reason=reason.cast(REJECTIONS["reason"]))
