"""The contract on what is written: pandera, row by row. What fails it is rejected with its reason, never dropped.

Reasons people can act on are found earlier, where the cause is known (`cleaning`, `conflicts`, `duplicates`); what
fails only here is a rule nobody foresaw, and the run goes on without that row.
"""

import polars as pl

from schemas.tables import READINGS, REJECTIONS, SENTENCES, STORED, Readings, Sentences
from tarot_data.rejections import to_rejections

REASON_OF = {
    "content": "too_short",
    "cards": "no_cards",
    "cards.drawn": "no_cards",
    "cards.once_a_draw": "duplicate_card",
    "cards.complete": "unknown_card",
}
"""Column or check that failed -> reason; anything else is `unreadable`, with the check's name in the detail."""


def contract(stored: pl.DataFrame, sentences: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows that hold the contract (STORED), and the others as REJECTIONS.

    Raises pandera's SchemaErrors where the frame itself is wrong (a column missing or of another type): that is a
    fault of ours, not of a reading.
    """
    readings = stored.select(list(READINGS))
    failures = _failures(Readings, readings)
    bad_sentences = _failures(Sentences, sentences.select(list(SENTENCES)))
    by_id: dict[str, str] = dict(
        sentences.with_row_index("index_")
        .join(bad_sentences, left_on="index_", right_on="row")
        .select("reading_id", "check")
        .iter_rows()
    )
    checks = dict(failures.select("row", "check").iter_rows())
    why = [checks.get(row) or by_id.get(key) for row, key in enumerate(stored["reading_id"])]
    marked = stored.with_columns(_check=pl.Series(why, dtype=pl.String))
    failed = marked.filter(pl.col("_check").is_not_null())
    return marked.filter(pl.col("_check").is_null()).drop("_check").select(list(STORED)), _rejections(failed)


def _failures(model: type, frame: pl.DataFrame) -> pl.DataFrame:
    """row and check of every failure of the model, one a row. failure_case holds private text and is left behind."""
    import pandera.errors

    try:
        model.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        cases = errors.failure_cases
        if cases.filter(pl.col("index").is_null()).height:
            raise
        return (
            cases.select(row=pl.col("index").cast(pl.UInt32), column="column", check="check")
            .with_columns(check=pl.when(pl.col("check").is_in(list(REASON_OF))).then("check").otherwise("column"))
            .unique("row", keep="first", maintain_order=True)
        )
    return pl.DataFrame(schema={"row": pl.UInt32, "column": pl.String, "check": pl.String})


def _rejections(failed: pl.DataFrame) -> pl.DataFrame:
    rows = to_rejections(
        failed.with_columns(detail=pl.format("fails the contract of a reading: {}", "_check")), "validate", "unreadable"
    )
    reason = failed["_check"].replace_strict(REASON_OF, default="unreadable").cast(REJECTIONS["reason"])
    return rows.with_columns(reason=reason)
