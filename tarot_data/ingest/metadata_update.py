"""Readings whose words and cards the store has, but of which something told beside them has changed."""

import polars as pl

from schemas.tables import READINGS
from tarot_data.ingest.identity import Edits
from tarot_data.privacy import suppression_list

TOLD = ("person", "question", "date", "outcome", "consent")
"""What is told of a reading beside its words and cards."""


def found(readings: pl.DataFrame, by_print: dict[str, tuple], edits: Edits) -> dict[int, dict]:
    """Number in the lot -> the reading of the store that has its words and cards, from the same file, but of which something
    else has changed: the outcome that came later, a consent given or taken back, a date put right."""
    mine = {}
    for number, (fingerprint, source) in enumerate(readings.select("fingerprint", "source").iter_rows()):
        twin = by_print.get(fingerprint)
        if twin is not None and twin[1][0] == source["file"]:
            mine[number] = (twin[0], twin[1] == tuple(source[name] for name in ("file", "member", "locator")))
    if not mine:
        return {}
    columns = ["reading_id", "content", "draws", *TOLD]
    rows = edits.fetch(sorted({one for one, _ in mine.values()}), columns).with_columns(
        pl.col("consent").cast(pl.String)
    )
    old = {row["reading_id"]: row for row in rows.iter_rows(named=True)}
    new = readings.select(*columns[1:]).with_columns(pl.col("consent").cast(pl.String))
    anew = {}
    for number, (reading_id, same_place) in mine.items():
        row, was = new.row(number, named=True), old.get(reading_id)
        # The words of one person sent to another are a template, and which of two rows stands first decides nothing.
        if was and (same_place or row["person"] == was["person"]) and _differs(row, was):
            anew[number] = was
    return anew


def _differs(row: dict, was: dict) -> bool:
    spreads = [[draw["spread"] for draw in one["draws"]] for one in (row, was)]
    return spreads[0] != spreads[1] or any(_veil_kept(row[name], was[name]) != was[name] for name in TOLD)


def _veil_kept(text: object, was: object) -> object:
    """A text as the store has it where the two differ only by the name of somebody who was forgotten."""
    if (
        not isinstance(text, str)
        or not isinstance(was, str)
        or len(text) != len(was)
        or suppression_list.MASK not in was
    ):
        return text
    return was if all(b in (a, suppression_list.MASK) for a, b in zip(text, was, strict=True)) else text


def as_kept(readings: pl.DataFrame, retold: dict[int, dict]) -> pl.DataFrame:
    """The lot with the words of what is told anew as the store has them, in which a forgotten name may be masked."""
    if not retold:
        return readings
    texts = {}
    for name in ("content", "question", "outcome"):
        values = readings[name].to_list()
        for number, was in retold.items():
            hidden = name == "content" and suppression_list.MASK in was[name]
            values[number] = was[name] if hidden else _veil_kept(values[number], was[name])
        texts[name] = pl.Series(values, dtype=READINGS[name])
    return readings.with_columns(**texts)
