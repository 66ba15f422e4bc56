"""Shapes of the store's tables, and migrations from those of earlier releases.

`store/schema.json` has the number of the shape; a store without it is of shape 1. To change a table's columns or their
meaning, raise VERSION and add a row to MIGRATIONS. An older store is converted while it is read, and rewritten at the
first write; a newer one is refused.
"""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl

from schemas.errors import Problem
from schemas.rejections import values_json
from schemas.tables import FollowUp
from tarot_data.store.old_rejections import verdict_of
from tarot_data.system.atomic import write_text

VERSION = 5

FILE = "schema.json"


def _keyed_rejections(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Add the key of decisions about a rejection, and the kinds of contact details masked in it."""
    key = pl.lit("0" * 16) + pl.col("rejection_id").str.slice(1)
    return _added(rows, key=key, masked=pl.lit([], dtype=pl.List(pl.String)))


def _rooted_files(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Add the inbox that a file was read from."""
    return _added(rows, root=pl.lit(""))


def _files_with_columns(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Add the labels of columns that were not understood; they are not known of files that were read before."""
    return _added(rows, columns=pl.lit([], dtype=pl.List(pl.String)))


def _coded_rejections(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Replace the English sentence by a code and values. Ids stay: `files` refers to them."""
    if "detail" not in rows.collect_schema().names():
        return rows
    verdict = pl.col("detail").map_elements(_verdict, return_dtype=pl.Struct({"code": pl.String, "values": pl.String}))
    verdicts = rows.with_columns(verdict=verdict, sequence=pl.lit(0, dtype=pl.Int32)).drop("detail")
    return verdicts.with_columns(pl.col("verdict").struct.unnest()).drop("verdict")


def _readings_with_follow_ups(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Add the follow-ups of readings; they are not known of chats that were read before."""
    return _added(rows, follow_ups=pl.lit([], dtype=pl.List(FollowUp)))


def _verdict(sentence: str) -> dict[str, str]:
    code, values = verdict_of(sentence)
    return {"code": code, "values": values_json(values)}


MIGRATIONS: dict[int, dict[str, Callable[[pl.LazyFrame], pl.LazyFrame]]] = {
    1: {"rejections": _keyed_rejections, "files": _rooted_files},
    2: {"rejections": _coded_rejections},
    3: {"files": _files_with_columns},
    4: {"readings": _readings_with_follow_ups},
}
"""Shape -> table -> conversion of its rows to the next shape. A conversion must accept rows that are already converted:
a kill may come between two tables."""


def found(store: Path) -> int:
    """Return the shape of the store in this folder. Raises Problem `store_newer` if a later release wrote it."""
    path = store / FILE
    version = json.loads(path.read_text(encoding="utf-8"))["version"] if path.exists() else 1
    if version > VERSION:
        raise Problem("store_newer", path=store, found=version, known=VERSION)
    return version


def mark(store: Path) -> None:
    """Record that the store has today's shape."""
    write_text(store / FILE, json.dumps({"version": VERSION}) + "\n")


def changed(version: int) -> list[str]:
    """Return the tables that have changed since a shape."""
    return sorted({name for step in range(version, VERSION) for name in MIGRATIONS[step]})


def forward(name: str, rows: pl.LazyFrame, version: int) -> pl.LazyFrame:
    """Convert rows of a table from a shape to today's."""
    for step in range(version, VERSION):
        rows = MIGRATIONS[step].get(name, lambda same: same)(rows)
    return rows


def _added(rows: pl.LazyFrame, **columns: pl.Expr) -> pl.LazyFrame:
    have = rows.collect_schema().names()
    return rows.with_columns(**{name: value for name, value in columns.items() if name not in have})
