"""The store: what was kept, what was left out and which files were read, as append-only Delta tables.

`readings` holds one row a revision of a reading, annotation included, so that one commit is all or nothing; the
current revision is the highest. `rejections` holds one row a rejected record or file. `files` names the files that
are wholly in the store and is written last: a run that was killed is simply done again, and the anti-joins below keep
it from doubling anything. Every write happens under one lock (`writing`), across processes, with or without a server.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from schemas.errors import Problem
from schemas.tables import REJECTIONS, STORED, stored, typed
from tarot_data.store import corrections, migrations
from tarot_data.store.delta import TABLES, append, delta_version, exists, rewrite, scan, table_path
from tarot_data.system.locks import WAIT_SECONDS, only_one

FILES = pl.Schema(
    {
        "name": pl.String,
        "sha256": pl.String,
        "pipeline": pl.String,
        "kept": pl.List(pl.String),
        "rejected": pl.List(pl.String),
        "root": pl.String,
        "sequence": pl.Int32,
    }
)
"""A file that is wholly in the store. name: path below the inbox. root: the inbox it was last read from, so that a
record can be looked up in its file. pipeline: version of the code and lexicon that read
it. kept: reading_id of every reading it holds, new or not. rejected: rejection_id of what it holds besides. sequence:
counts the entries, so that the newest of a name is known without a clock."""

FIXES = pl.Schema(
    {"key": pl.String, "fields": pl.String, "accepted": pl.Boolean, "dismissed": pl.Boolean, "sequence": pl.Int32}
)
"""What a person decided about a rejection, see `tarot_data.ingest.fixes`. fields: JSON, masked."""


@contextmanager
def writing(data_dir: Path, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """The only writer of this data directory, until the block ends or the process dies; a store of an earlier release is
    brought forward first.

    Raises Problem `busy` where another process writes and does not finish within wait_seconds, `store_newer`.
    """
    with only_one(data_dir / "locks" / "store.lock", Problem("busy", path=data_dir), wait_seconds):
        _bring_forward(data_dir)
        yield


def _bring_forward(data_dir: Path) -> None:
    version = migrations.found(data_dir / "store")
    if version == migrations.VERSION or not any(exists(data_dir, name) for name in TABLES):
        return
    for name in migrations.changed(version):
        if (rows := scan(data_dir, name)) is not None:
            rewrite(data_dir, name, rows.collect(), {"run": "migrate"})
    migrations.mark(data_dir / "store")


def readings(data_dir: Path) -> pl.DataFrame:
    """Every current reading, STORED schema, sorted by reading_id, as its reader has corrected it; empty where the store is.

    Its consent is no where a copy of it that was left out says so.
    """
    rows = scan(data_dir, "readings")
    if rows is None:
        return pl.DataFrame(schema=STORED)
    found = typed(current(rows).collect(), STORED).sort("reading_id")
    refused = pl.col("reading_id").is_in(_refused_by_twins(data_dir).implode())
    found = found.with_columns(consent=pl.when(refused).then(pl.lit("no", STORED["consent"])).otherwise("consent"))
    return corrections.apply(found, corrections.read(data_dir))


def index(data_dir: Path) -> pl.DataFrame:
    """What identity needs of every current reading and no content: reading_id, revision, fingerprint, source."""
    columns = ["reading_id", "revision", "fingerprint", "source"]
    rows = scan(data_dir, "readings")
    if rows is None:
        return pl.DataFrame(schema={name: stored(STORED)[name] for name in columns})
    return current(rows.select(columns)).collect()


def count(data_dir: Path) -> int:
    rows = scan(data_dir, "readings")
    return 0 if rows is None else rows.select(pl.col("reading_id").n_unique()).collect().item()


def contents(data_dir: Path, reading_ids: list[str]) -> dict[str, str]:
    """reading_id -> content of its current revision, for the ids given."""
    return dict(chosen(data_dir, reading_ids, ["reading_id", "content"]).iter_rows())


def chosen(data_dir: Path, reading_ids: list[str], columns: list[str]) -> pl.DataFrame:
    """Columns of the current revision of the readings given, as they lie on disk."""
    rows = scan(data_dir, "readings")
    if rows is None or not reading_ids:
        return pl.DataFrame(schema={name: stored(STORED)[name] for name in columns})
    wanted = rows.filter(pl.col("reading_id").is_in(reading_ids)).select(
        *{"reading_id": 0, "revision": 0} | dict.fromkeys(columns)
    )
    return current(wanted).select(columns).collect()


def reading(data_dir: Path, reading_id: str) -> dict | None:
    """The current revision of one reading, STORED with closed lists as strings; None where there is none."""
    version = delta_version(data_dir)
    if version is None:
        return None
    rows = scan(data_dir, "readings", version)
    # By its place in the table: 20 ms among 100,000 readings, where a filter decodes every row and takes a second.
    places = rows.select("reading_id", "revision").with_row_index("at").filter(pl.col("reading_id") == reading_id)
    found = places.collect().sort("revision")["at"]
    return rows.slice(found[-1], 1).collect().to_dicts()[0] if found.len() else None


def rejections(data_dir: Path) -> pl.DataFrame:
    """Every open rejection, REJECTIONS schema, sorted by file, member, locator and id.

    A rejection is open while the newest verdict on its file names it and no person dismissed it.
    """
    rows = scan(data_dir, "rejections")
    if rows is None:
        return pl.DataFrame(schema=REJECTIONS)
    opened = files(data_dir).select(pl.col("rejected").list.explode().alias("rejection_id")).unique()
    source = pl.col("source").struct
    dismissed = fixes(data_dir).filter("dismissed")
    return (
        typed(_newest(rows).collect(), REJECTIONS)
        .join(opened, on="rejection_id", how="semi")
        .join(dismissed, on="key", how="anti")
        .sort(source.field("file"), source.field("member"), source.field("locator"), "rejection_id")
    )


def append_rejections(data_dir: Path, rejected: pl.DataFrame, note: dict[str, object]) -> int:
    """Append REJECTIONS unless the newest row of their id says the same; returns how many. The caller holds `writing`."""
    rows, last = scan(data_dir, "rejections"), -1
    if rows is not None:
        same = ["rejection_id", "reason", "code", "values"]
        known = typed(_newest(rows).collect(), REJECTIONS).select(same)
        rejected = rejected.join(known, on=same, how="anti", maintain_order="left")
        last = rows.select(pl.col("sequence").max()).collect().item()
    sequence = pl.lit(0 if last is None else last + 1, dtype=pl.Int32)
    return append(data_dir, "rejections", rejected.with_columns(sequence=sequence), note)


def _newest(rejections: pl.LazyFrame) -> pl.LazyFrame:
    """The row that counts of every rejection_id: its values and its record may have changed since."""
    return rejections.filter(pl.col("sequence") == pl.col("sequence").max().over("rejection_id"))


def _refused_by_twins(data_dir: Path) -> pl.Series:
    """reading_ids of which another source of the same words, left out as a twin, says that the person said no.

    Whether the rejection is open or dismissed: what was dismissed is the copy, not the person's word.
    """
    rows = scan(data_dir, "rejections")
    if rows is None:
        return pl.Series("reading_id", [], dtype=pl.String)
    said = files(data_dir).select(pl.col("rejected").list.explode().alias("rejection_id"))
    twins = (
        _newest(rows)
        .filter(
            pl.col("reason").cast(pl.String).is_in(["duplicate", "near_duplicate"]),
            pl.col("record").str.json_path_match("$.consent") == "no",
        )
        .select("rejection_id", reading_id=pl.col("values").str.json_path_match("$.twin"))
    )
    return twins.collect().join(said, on="rejection_id", how="semi")["reading_id"].drop_nulls().unique()


def files(data_dir: Path) -> pl.DataFrame:
    """The newest entry of every file in the store, FILES schema."""
    rows = scan(data_dir, "files")
    if rows is None:
        return pl.DataFrame(schema=FILES)
    return rows.collect().sort("sequence").unique("name", keep="last", maintain_order=True).sort("name")


def fixes(data_dir: Path) -> pl.DataFrame:
    """The newest decision on every rejection a person decided about, FIXES schema."""
    rows = scan(data_dir, "fixes")
    if rows is None:
        return pl.DataFrame(schema=FIXES)
    return rows.collect().sort("sequence").unique("key", keep="last", maintain_order=True)


def signatures(data_dir: Path) -> pl.DataFrame | None:
    """The near-duplicate signatures of what is kept, `duplicates.SIGNATURES`; None where the store is empty."""
    rows = scan(data_dir, "signatures")
    return None if rows is None else current(rows).drop("revision").with_columns(_signed("bands", False)).collect()


def append_signatures(data_dir: Path, frame: pl.DataFrame, note: dict[str, object]) -> int:
    """Append signatures with the revision they were made of; Delta knows no unsigned integers, so the same 64 bits are kept as signed ones."""
    return append(data_dir, "signatures", frame.with_columns(_signed("bands", True)), note)


def _signed(column: str, signed: bool) -> pl.Expr:
    return pl.col(column).list.eval(pl.element().reinterpret(signed=signed))


def sweep(data_dir: Path) -> None:
    """Remove what a killed run left: staged lots and half-written Delta files. The caller holds `writing`."""
    shutil.rmtree(data_dir / "staging", ignore_errors=True)
    hour_ago = time.time() - 3600
    for name in TABLES:
        for left in table_path(data_dir, name).glob("*.parquet#*"):
            if left.stat().st_mtime < hour_ago:
                left.unlink()


def current(rows: pl.LazyFrame) -> pl.LazyFrame:
    newest = pl.col("revision") == pl.col("revision").max().over("reading_id")
    return rows.filter(newest)
