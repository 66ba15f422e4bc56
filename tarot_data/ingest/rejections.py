"""Rejections made of readings, and the id by which a person names one."""

from hashlib import blake2b

import polars as pl

from schemas.tables import REJECTIONS


def to_rejections(readings: pl.DataFrame, stage: str, reason: str) -> pl.DataFrame:
    """Clean readings with a `detail` column as REJECTIONS rows; the masked reading becomes the record to fix."""
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
        detail="detail",
        excerpt=pl.col("content").str.slice(0, 60),
        record=record.struct.json_encode(),
        masked="masked",
    )


def identified(rejections: pl.DataFrame) -> pl.DataFrame:
    """Rejections with their id: the same record of the same bytes, refused for the same reason, is the same one."""
    ids = [
        "x"
        + blake2b(
            "\0".join(str(part) for part in (*source.values(), reason, detail)).encode(), digest_size=8
        ).hexdigest()
        for source, reason, detail in rejections.select("source", "reason", "detail").iter_rows()
    ]
    return rejections.with_columns(rejection_id=pl.Series(ids, dtype=pl.String)).unique(
        "rejection_id", keep="first", maintain_order=True
    )
