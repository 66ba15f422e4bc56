"""Rows of rejections: masked values, whatever their length."""

import json

from tarot_data.ingest.rejections import LONGEST_VALUE, rejection_row
from tarot_data.sources.records import Rejected, Source


def test_values_are_masked_before_they_are_cut():
    source = Source(file="a.db", member=None, locator="file", form="sqlite", sha256="0" * 64)
    tables = "字" * (LONGEST_VALUE - 5) + "电话13912345678"
    rejected = Rejected(
        source=source, stage="read", reason="unreadable", code="no_reading_table", values={"tables": tables}
    )
    row = rejection_row(rejected)
    kept = json.loads(row["values"])["tables"]
    assert len(kept) <= LONGEST_VALUE and "139" not in kept
    assert row["masked"] == ["phone"]
