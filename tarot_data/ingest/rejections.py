"""Rows of REJECTIONS, from rejected records and from readings, and their ids."""

import json
from hashlib import blake2b

import polars as pl

from schemas.rejections import values_json
from schemas.tables import REJECTIONS
from tarot_data.privacy import mask
from tarot_data.privacy.mask_records import masked_object
from tarot_data.sources.records import Rejected, Source
from tarot_data.text.cleanup import clean_text, plain

LONGEST_VALUE, LONGEST_EXCERPT = 500, 60
"""Characters of a value that fills a rejection's sentence, and of the excerpt."""


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
        excerpt=pl.col("content").str.slice(0, LONGEST_EXCERPT),
        record=record.struct.json_encode(),
        masked="masked",
    )


def identified(rejections: pl.DataFrame, former: dict[str, str] | None = None) -> pl.DataFrame:
    """Add ids: the same place in the same bytes, rejected for the same code, has the same id. former: see `former_ids`."""
    ids = _ids(rejections)
    if former:
        ids = [former.get(name, name) for name in ids]
    return rejections.with_columns(rejection_id=pl.Series(ids, dtype=pl.String)).unique(
        "rejection_id", keep="first", maintain_order=True
    )


def former_ids(opened: pl.DataFrame) -> dict[str, str]:
    """Map today's id of open rejections (rejection_id, source, code) to theirs, if an earlier release made it otherwise."""
    return {name: old for name, old in zip(_ids(opened), opened["rejection_id"], strict=True) if name != old}


def _ids(rejections: pl.DataFrame) -> list[str]:
    return [
        "x" + blake2b("\0".join(map(str, (*source.values(), code))).encode(), digest_size=8).hexdigest()
        for source, code in rejections.select("source", "code").iter_rows()
    ]


def source_row(source: Source) -> dict:
    """Return a source as a row of a table."""
    return {
        "file": source.file,
        "member": source.member,
        "locator": source.locator,
        "sha256": source.sha256,
        "form": source.form,
    }


def rejection_row(rejected: Rejected) -> dict:
    """Return a row of REJECTIONS with every text masked. The excerpt is of the content, else of the raw line."""
    raw, masked = masked_object(rejected.raw)
    texts = {name: plain(value) for name, value in rejected.values.items() if isinstance(value, str)}
    shown, kinds = mask.mask_all(list(texts.values()))
    shown = [text[:LONGEST_VALUE] for text in shown]  # masked first: a number across the cut would not be recognised
    values = {name: str(value) for name, value in rejected.values.items()} | dict(zip(texts, shown, strict=True))
    excerpt = clean_text(str(raw.get("content") or raw.get("line") or ""))[:LONGEST_EXCERPT] or None
    row = source_row(rejected.source)
    record = json.dumps(raw, ensure_ascii=False, default=str) if raw else None
    return {
        "rejection_id": "",
        "source": row,
        "stage": rejected.stage,
        "reason": rejected.reason,
        "key": _key(raw, row),
        "code": rejected.code,
        "values": values_json(values),
        "excerpt": excerpt,
        "record": record,
        "masked": masked + kinds,
    }


def _key(raw: dict, source: dict) -> str:
    """Hash the values of a record, independent of file and place; for a whole file, its bytes."""
    identity = {name: value for name, value in raw.items() if name not in ("date_hint", "record_id", "fixed")}
    if not identity:
        identity = {name: source[name] for name in ("member", "locator", "sha256")}
    return blake2b(json.dumps(identity, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()
