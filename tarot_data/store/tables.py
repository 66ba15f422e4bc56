"""The store: accepted readings, rejections and the files that were read, as append-only Delta tables.

`readings` has one row a revision of a reading with its annotation, so that a commit is all or nothing; the highest
revision is current. `rejections` has one row a rejected record or file; a later row with the same id replaces it.
`files` lists the files that are wholly in the store and is written last: a killed run is repeated, and the anti-joins in
`delta.append` prevent duplicates. Every write needs one lock (`writing`), which works across processes.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import polars as pl

from schemas.errors import Problem
from schemas.tables import REJECTIONS, STORED, stored, typed
from tarot_data.store import corrections, migrations, part_index
from tarot_data.store.delta import TABLES, append, delta_version, exists, rewrite, scan, table_path
from tarot_data.system.atomic import remove_leftovers
from tarot_data.system.locks import WAIT_SECONDS, exclusive

FILES = pl.Schema(
    {
        "name": pl.String,
        "sha256": pl.String,
        "pipeline": pl.String,
        "kept": pl.List(pl.String),
        "rejected": pl.List(pl.String),
        "root": pl.String,
        "columns": pl.List(pl.String),
        "sequence": pl.Int32,
    }
)
"""A file that is wholly in the store. name: path below the inbox. root: the inbox it was last read from, so that a
record can be looked up in its file. pipeline: version of the code and lexicon that read it. kept: reading_id of every
reading in it, new or not. rejected: rejection_id of its other records. columns: labels of its columns with text that
were not understood, masked. sequence: number of the entry, so that the newest
one of a name is known without a clock."""

FIXES = pl.Schema(
    {"key": pl.String, "fields": pl.String, "accepted": pl.Boolean, "dismissed": pl.Boolean, "sequence": pl.Int32}
)
"""A person's decision about a rejection, see `tarot_data.ingest.fixes`. fields: JSON, masked."""


@contextmanager
def writing(data_dir: Path, wait_seconds: float = WAIT_SECONDS) -> Iterator[None]:
    """Lock the data directory for writing, close it to other users, remove what killed commands left, and migrate an older store.

    Raises Problem `busy` if another process writes and does not finish within wait_seconds, `store_newer`.
    """
    with exclusive(data_dir / "locks" / "store.lock", Problem("busy", path=data_dir), wait_seconds):
        _close_to_others(data_dir)
        remove_leftovers(data_dir, skip=frozenset({"inbox", "prefect"}))
        _migrate(data_dir)
        yield


def _close_to_others(data_dir: Path) -> None:
    """Set the mode of the data directory to 0700: 0.1.0 left it, and all in it, open to other users."""
    if data_dir.stat().st_mode & 0o077:
        with suppress(OSError):  # of another owner, or on a file system without modes
            data_dir.chmod(0o700)


def _migrate(data_dir: Path) -> None:
    version = migrations.found(data_dir / "store")
    if version == migrations.VERSION or not any(exists(data_dir, name) for name in TABLES):
        return
    for name in migrations.changed(version):
        if (rows := scan(data_dir, name)) is not None:
            rewrite(data_dir, name, rows.collect(), {"run": "migrate"})
    migrations.mark(data_dir / "store")


def readings(data_dir: Path) -> pl.DataFrame:
    """Return every current reading (STORED) with the reader's corrections, sorted by reading_id.

    Consent is no if a rejected duplicate of the reading has it as no.
    """
    rows = scan(data_dir, "readings")
    if rows is None:
        return pl.DataFrame(schema=STORED)
    found = typed(current(rows).collect(), STORED).sort("reading_id")
    refused = pl.col("reading_id").is_in(_without_consent(data_dir).implode())
    found = found.with_columns(consent=pl.when(refused).then(pl.lit("no", STORED["consent"])).otherwise("consent"))
    return corrections.apply(found, corrections.read(data_dir))


def index(data_dir: Path, near: pl.DataFrame | None = None) -> pl.DataFrame:
    """Return reading_id, revision, fingerprint and source of every current reading, which identity needs.

    near: reading_id, fingerprint and file of new readings; then only of readings that share one of these, so that adding
    ten readings to a million takes no memory for the others.
    """
    columns = ["reading_id", "revision", "fingerprint", "source"]
    if near is not None:
        return chosen(data_dir, _sharing(data_dir, near), columns)
    rows = scan(data_dir, "readings")
    if rows is None:
        return pl.DataFrame(schema={name: stored(STORED)[name] for name in columns})
    return current(rows.select(columns)).collect()


def _sharing(data_dir: Path, near: pl.DataFrame) -> list[str]:
    """Return the ids of stored readings that share reading_id, fingerprint or file with new ones, as of `index`."""
    wanted = {name: near[name].unique() for name in ("reading_id", "fingerprint", "file")}
    hashes = np.concatenate([part_index.hashes_of(values) for values in wanted.values()])
    rows = scan(data_dir, "readings", only=part_index.parts_with(data_dir, "readings", hashes))
    if rows is None:
        return []
    keys = rows.select("reading_id", "fingerprint", file=pl.col("source").struct.field("file"))
    shares = [pl.col(name).is_in(values.implode()) for name, values in wanted.items()]
    return (
        keys.filter(pl.any_horizontal(shares)).select(pl.col("reading_id").unique()).collect()["reading_id"].to_list()
    )


def count(data_dir: Path) -> int:
    """Count the readings. Each has its first revision as long as it is in the store."""
    rows = scan(data_dir, "readings")
    return 0 if rows is None else rows.select((pl.col("revision") == 1).sum()).collect().item()


def contents(data_dir: Path, reading_ids: list[str]) -> dict[str, str]:
    """Return reading_id -> content of its current revision."""
    return dict(chosen(data_dir, reading_ids, ["reading_id", "content"]).iter_rows())


def chosen(data_dir: Path, reading_ids: list[str], columns: list[str]) -> pl.DataFrame:
    """Return columns of the current revision of some readings, uncorrected."""
    parts = part_index.parts_with(data_dir, "readings", part_index.hashes_of(reading_ids)) if reading_ids else []
    rows = scan(data_dir, "readings", only=parts)
    if rows is None or not reading_ids:
        return pl.DataFrame(schema={name: stored(STORED)[name] for name in columns})
    wanted = rows.filter(pl.col("reading_id").is_in(reading_ids)).select(
        *{"reading_id": 0, "revision": 0} | dict.fromkeys(columns)
    )
    return current(wanted).select(columns).collect()


def reading(data_dir: Path, reading_id: str) -> dict | None:
    """Return the current revision of one reading, STORED with closed lists as strings, or None."""
    version = delta_version(data_dir)
    if version is None:
        return None
    rows = scan(data_dir, "readings", version)
    # By its row number: 20 ms among 100,000 readings; a filter decodes every row and takes a second.
    places = rows.select("reading_id", "revision").with_row_index("at").filter(pl.col("reading_id") == reading_id)
    found = places.collect().sort("revision")["at"]
    return rows.slice(found[-1], 1).collect().to_dicts()[0] if found.len() else None


def earlier_contents(data_dir: Path, reading_ids: list[str]) -> list[tuple[str, str]]:
    """List (reading_id, content) of the revisions of some readings before the current one, oldest first."""
    rows = scan(data_dir, "readings")
    if rows is None:
        return []
    wanted = rows.select("reading_id", "revision", "content").filter(pl.col("reading_id").is_in(reading_ids))
    older = wanted.filter(pl.col("revision") < pl.col("revision").max().over("reading_id"))
    return older.sort("reading_id", "revision").select("reading_id", "content").collect().rows()


def rejections(data_dir: Path) -> pl.DataFrame:
    """Return every open rejection (REJECTIONS), sorted by file, member, locator and id.

    A rejection is open if the newest entry of its file lists it and no person dismissed it.
    """
    rows = scan(data_dir, "rejections")
    if rows is None:
        return pl.DataFrame(schema=REJECTIONS)
    opened = _listed(data_dir)
    source = pl.col("source").struct
    dismissed = fixes(data_dir).filter("dismissed")
    return (
        typed(_newest(rows).collect(), REJECTIONS)
        .join(opened, on="rejection_id", how="semi")
        .join(dismissed, on="key", how="anti")
        .sort(source.field("file"), source.field("member"), source.field("locator"), "rejection_id")
    )


def open_ids(data_dir: Path) -> pl.DataFrame:
    """Return rejection_id, source and code of every rejection that the newest entry of its file lists."""
    rows = scan(data_dir, "rejections")
    columns = ["rejection_id", "source", "code"]
    if rows is None:
        return pl.DataFrame(schema={name: stored(REJECTIONS)[name] for name in columns})
    return (
        _newest(rows.select(*columns, "sequence"))
        .join(_listed(data_dir).lazy(), on="rejection_id", how="semi")
        .collect()
    )


def _listed(data_dir: Path) -> pl.DataFrame:
    """Return the ids of rejections that the newest entries of files list."""
    return files(data_dir).select(pl.col("rejected").list.explode().alias("rejection_id")).unique()


def append_rejections(data_dir: Path, rejected: pl.DataFrame, note: dict[str, object]) -> int:
    """Append REJECTIONS that differ from the newest row of their id; return how many. The caller has entered `writing`."""
    rows, last = scan(data_dir, "rejections"), -1
    if rows is not None:
        same = ["rejection_id", "reason", "code", "values"]
        known = typed(_newest(rows).collect(), REJECTIONS).select(same)
        rejected = rejected.join(known, on=same, how="anti", maintain_order="left")
        last = rows.select(pl.col("sequence").max()).collect().item()
    sequence = pl.lit(0 if last is None else last + 1, dtype=pl.Int32)
    return append(data_dir, "rejections", rejected.with_columns(sequence=sequence), note)


def _newest(rejections: pl.LazyFrame) -> pl.LazyFrame:
    """Keep the newest row of every rejection_id: its values and record may have changed."""
    return rejections.filter(pl.col("sequence") == pl.col("sequence").max().over("rejection_id"))


def _without_consent(data_dir: Path) -> pl.Series:
    """Return the ids of readings whose rejected duplicate says that the person did not consent.

    Dismissed rejections count too: the reader dismissed the copy, not the refusal.
    """
    rows = scan(data_dir, "rejections")
    if rows is None:
        return pl.Series("reading_id", [], dtype=pl.String)
    twins = (
        _newest(rows)
        .filter(
            pl.col("reason").cast(pl.String).is_in(["duplicate", "near_duplicate"]),
            pl.col("record").str.json_path_match("$.consent") == "no",
        )
        .select("rejection_id", reading_id=pl.col("values").str.json_path_match("$.twin"))
    )
    return twins.collect().join(_listed(data_dir), on="rejection_id", how="semi")["reading_id"].drop_nulls().unique()


def files(data_dir: Path) -> pl.DataFrame:
    """Return the newest entry of every file (FILES)."""
    rows = scan(data_dir, "files")
    if rows is None:
        return pl.DataFrame(schema=FILES)
    return rows.collect().sort("sequence").unique("name", keep="last", maintain_order=True).sort("name")


def fixes(data_dir: Path) -> pl.DataFrame:
    """Return the newest decision about every rejection that has one (FIXES)."""
    rows = scan(data_dir, "fixes")
    if rows is None:
        return pl.DataFrame(schema=FIXES)
    return rows.collect().sort("sequence").unique("key", keep="last", maintain_order=True)


def signatures(data_dir: Path) -> pl.DataFrame | None:
    """Return the `near_duplicates.SIGNATURES` of the current readings, or None if the store is empty."""
    rows = scan(data_dir, "signatures")
    return None if rows is None else current(rows).drop("revision").with_columns(_signed("bands", False)).collect()


def signature_parts(data_dir: Path, bands: np.ndarray) -> Iterator[pl.DataFrame]:
    """Yield the rows of `signatures` in parts, without parts that have none of these bands.

    It is for a run that compares few readings: a million need 200 MB at once.
    """
    rows = scan(data_dir, "signatures")
    if rows is None:
        return
    newest = rows.filter(pl.col("revision") > 1).group_by("reading_id").agg(newest=pl.col("revision").max()).collect()
    files = part_index.parts_with(data_dir, "signatures", part_index.hashes_of_bands(bands))
    rows = scan(data_dir, "signatures", only=files)
    for part in rows.with_columns(_signed("bands", False)).collect_batches(chunk_size=PART, maintain_order=True):
        if not newest.is_empty():
            part = part.join(newest, on="reading_id", how="left", maintain_order="left")
            part = part.filter(pl.col("revision") == pl.col("newest").fill_null(pl.col("revision"))).drop("newest")
        yield part.drop("revision")


PART = 50_000
"""Signatures in memory at once, 10 MB."""


def append_signatures(data_dir: Path, frame: pl.DataFrame, note: dict[str, object]) -> int:
    """Append signatures with their revision. Delta has no unsigned integers: the same 64 bits are stored as signed ones."""
    return append(data_dir, "signatures", frame.with_columns(_signed("bands", True)), note)


def _signed(column: str, signed: bool) -> pl.Expr:
    return pl.col(column).list.eval(pl.element().reinterpret(signed=signed))


def sweep(data_dir: Path) -> None:
    """Remove staged batches and partial Delta files of a killed run. The caller has entered `writing`."""
    shutil.rmtree(data_dir / "staging", ignore_errors=True)
    hour_ago = time.time() - 3600
    for name in TABLES:
        for left in table_path(data_dir, name).glob("*.parquet#*"):
            if left.stat().st_mtime < hour_ago:
                left.unlink()


def current(rows: pl.LazyFrame) -> pl.LazyFrame:
    newest = pl.col("revision") == pl.col("revision").max().over("reading_id")
    return rows.filter(newest)
