"""Rows of REJECTIONS: those made from readings, and their ids."""

from hashlib import blake2b

import polars as pl

from schemas.tables import REJECTIONS


def to_rejections(readings: pl.DataFrame, stage: str, reason: str) -> pl.DataFrame:
    """Convert clean readings with columns `code` and `values` to REJECTIONS; the masked reading is the record to fix."""
    fixed = pl.col("flags").list.contains("fixed").alias("fixed")
    record = pl.struct(
        "person", "question", "date", "draws", "cards", "content", "outcome", "consent", "synthetic", fixed
    )
    return readings.select(
        rejection_id=pl.lit(""),
        source="source",
        stage=pl.lit(stage, dtype=REJECTIONS["stage"]),
        reason=pl.lit(reason, dtype=REJECTIONS["reason"]),
        key="fingerprint",
        code="code",
        values="values",
        excerpt=pl.col("content").str.slice(0, 60),
        record=record.struct.json_encode(),
        masked="masked",
    )


def identified(rejections: pl.DataFrame) -> pl.DataFrame:
    """Rejections with their id: the same place in the same bytes, rejected for the same code, has the same id."""
    ids = [
        "x" + blake2b("\0".join(map(str, (*source.values(), code))).encode(), digest_size=8).hexdigest()
        for source, code in rejections.select("source", "code").iter_rows()
    ]
    return rejections.with_columns(rejection_id=pl.Series(ids, dtype=pl.String)).unique(
        "rejection_id", keep="first", maintain_order=True
    )
