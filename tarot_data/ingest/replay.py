"""Replay of rejections through cleaning, labelling and comparison, with the decisions of a person about them."""

import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import polars as pl

from schemas.errors import Problem
from schemas.tables import READINGS, REJECTIONS, STORED
from tarot_data.ingest import fixes
from tarot_data.ingest.batches import UNCHANGED, read_batches
from tarot_data.ingest.fixes import Fix
from tarot_data.ingest.raw_json import to_record
from tarot_data.ingest.stages import Progress, clean, commit_batches, decide, next_sequence
from tarot_data.privacy.mask_records import LONGEST_KEPT
from tarot_data.sources.records import RawRecord, Source
from tarot_data.store import tables

BECAME = pl.Schema(
    {
        "rejection_id": pl.String,
        "became": pl.String,
        "reading_id": pl.String,
        "reason": pl.String,
        "code": pl.String,
        "values": pl.String,
        "new_id": pl.String,
    }
)
"""became: accepted, dismissed, refused (for another reason, as new_id), or same (for the same reason and values).
reading_id: of the accepted reading, else null."""


def replay(
    data_dir: Path,
    rejected: pl.DataFrame,
    staging: Path,
    decided: dict[str, Fix] | None = None,
    progress: Progress = None,
) -> pl.DataFrame:
    """Feed rejections (REJECTIONS) back and commit the result; return BECAME, one row a rejection.

    decided: rejection_id -> Fix. Fixes are stored for the next time the same record is read, unless the record is
    rejected as before. Not fed back: records too long to be stored whole, and rejected files or lines, which have no
    record and wait for the next ingest. Raises Problem like `fixes.check`, and `too_long_to_fix`. The caller has
    entered `tables.writing` and removes staging.
    """
    decided = decided or {}
    rows = {row["rejection_id"]: row for row in rejected.iter_rows(named=True)}
    for rejection_id, fix in decided.items():
        fixes.check(rows[rejection_id], fix)
    dismissed = [rejection_id for rejection_id, fix in decided.items() if fix.dismissed]
    whole = pl.col("record").str.len_chars() < LONGEST_KEPT
    fed = rejected.filter(fixes.with_record() & whole & ~pl.col("rejection_id").is_in(dismissed))
    for rejection_id in {*decided} - {*fed["rejection_id"], *dismissed}:
        raise Problem("too_long_to_fix", id=rejection_id, longest=LONGEST_KEPT)
    cleaned = clean(_records(fed, decided), staging, fixes.stored(data_dir))
    overruled = _overruled(rows, decided, cleaned)
    out = decide(data_dir, cleaned, staging, progress, overruled=overruled, replayed=True)
    became = _became(rows, dismissed, out)
    same = set(became.filter(became="same")["rejection_id"])
    kept = {key: Fix(accepted=True) for key in overruled}
    kept |= {rows[name]["key"]: fix for name, fix in decided.items() if name not in same}
    if kept:
        fixes.write(data_dir, kept)
    commit_batches(data_dir, out, "replay", partial(_entries, data_dir, fed))
    return became


def feed_back(
    data_dir: Path, decided: dict[str, Fix], ids: list[str] | None = None, progress: Progress = None
) -> pl.DataFrame:
    """Run `replay` on open rejections under the writer's lock; return BECAME.

    ids: the rejections to feed back, by default those in `decided`. Rejections that are not open are ignored.
    """
    staging = data_dir / "staging"
    with tables.writing(data_dir):
        tables.sweep(data_dir)
        opened = tables.rejections(data_dir)
        chosen = opened.filter(pl.col("rejection_id").is_in(list(decided) if ids is None else ids))
        decided = {name: fix for name, fix in decided.items() if name in set(chosen["rejection_id"])}
        try:
            return replay(data_dir, chosen, staging, decided, progress=progress)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _records(rejected: pl.DataFrame, decided: dict[str, Fix]) -> Iterator[RawRecord]:
    for row in rejected.iter_rows(named=True):
        record = to_record(json.loads(row["record"]), Source(**row["source"]))
        fix = decided.get(row["rejection_id"])
        yield fixes.corrected(record, fix.fields) if fix else record


def _place(source: dict) -> tuple:
    return source["file"], source["member"], source["locator"]


def _overruled(rows: dict[str, dict], decided: dict[str, Fix], cleaned: Path) -> list[str]:
    """Return the fingerprints of the readings, with their corrections, that a person accepted."""
    wanted = {_place(rows[name]["source"]) for name, fix in decided.items() if fix.accepted}
    if not wanted:
        return []
    readings = read_batches(cleaned, "readings", READINGS).select("fingerprint", "source")
    return [fingerprint for fingerprint, source in readings.iter_rows() if _place(source) in wanted]


def _became(rows: dict[str, dict], dismissed: list[str], out: Path) -> pl.DataFrame:
    found = {}
    for name, schema in (("readings", STORED), ("unchanged", UNCHANGED)):
        for row in read_batches(out, name, schema).select("reading_id", "source").iter_rows(named=True):
            found[_place(row["source"])] = {"became": "accepted", "reading_id": row["reading_id"]}
    for row in read_batches(out, "rejections", REJECTIONS).iter_rows(named=True):
        found[_place(row["source"])] = _verdict(row) | {"new_id": row["rejection_id"]}
    results = []
    for rejection_id, row in rows.items():
        result = dict.fromkeys(BECAME) | {"rejection_id": rejection_id}
        result |= found.get(_place(row["source"]), _verdict(row))
        if rejection_id in dismissed:
            result["became"] = "dismissed"
        elif not result["became"]:
            result["became"] = "same" if _verdict(result) == _verdict(row) else "refused"
        results.append({name: result[name] for name in BECAME})
    return pl.DataFrame(results, schema=BECAME)


def _verdict(row: dict) -> dict:
    return {name: row[name] for name in ("reason", "code", "values")}


def _entries(
    data_dir: Path,
    fed: pl.DataFrame,
    readings: pl.DataFrame,
    unchanged: pl.DataFrame,
    refused: pl.DataFrame,
) -> pl.DataFrame:
    """Return new FILES entries of the files concerned. Their pipeline stays the same: the file was not read."""
    source_file = pl.col("source").struct.field("file").alias("file")
    kept = pl.concat([readings.select("reading_id", source_file), unchanged.select("reading_id", "file")])
    by_kept = dict(kept.group_by("file").agg("reading_id").iter_rows())
    by_new = dict(refused.group_by(source_file).agg("rejection_id").iter_rows())
    by_old = dict(fed.group_by(source_file).agg("rejection_id").iter_rows())
    entries = tables.files(data_dir).filter(pl.col("name").is_in(list(by_old)))
    first = next_sequence(data_dir)
    return pl.DataFrame(
        [
            row
            | {
                "kept": sorted({*row["kept"], *by_kept.get(row["name"], [])}),
                "rejected": sorted({*row["rejected"]} - {*by_old[row["name"]]} | {*by_new.get(row["name"], [])}),
                "sequence": first + number,
            }
            for number, row in enumerate(entries.iter_rows(named=True))
        ],
        schema=tables.FILES,
    )
