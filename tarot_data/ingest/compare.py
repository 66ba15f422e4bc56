"""Comparison of labelled readings with their cards and with other readings: rejects conflicts and duplicates."""

import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import polars as pl

from schemas.tables import REJECTIONS, STORED, stored, typed
from tarot_data.ingest import fixes, validate
from tarot_data.ingest.batches import (
    IDENTIFIED,
    Texts,
    batch_numbers,
    fresh_folder,
    keys_of,
    to_stored,
    write_batch,
)
from tarot_data.ingest.card_conflicts import find_conflicts, unread_cards
from tarot_data.ingest.rejections import former_ids, to_rejections
from tarot_data.ingest.rejections import identified as with_ids
from tarot_data.patterns.annotate import MENTIONS, NOTES, SENTENCES
from tarot_data.store import tables
from tarot_data.system.memory import release_memory, without_gc
from tarot_data.text.near_duplicates import Kept, near_duplicates, signatures

FEW_BATCHES = 2
"""Batches up to which the signatures of the store are read for each, part by part, instead of held in memory."""


@without_gc()
def compare_batches(
    data_dir: Path, identified: Path, labelled: Path, staging: Path, overruled: Iterable[str] = ()
) -> Path:
    """Write the accepted readings, their signatures and all rejections of a run; return the folder of batches.

    overruled: fingerprints of readings that a person wants accepted anyway, in addition to those in the store.
    """
    out = fresh_folder(staging / "decided")
    numbers = batch_numbers(identified)
    keys = keys_of([identified / f"readings-{number:05}.parquet" for number in numbers])
    comparison = Comparison(data_dir, Texts(staging / "texts"), overruled, keys, len(numbers) > FEW_BATCHES)
    former = former_ids(tables.open_ids(data_dir))
    for number in numbers:
        for name in ("forgotten", "unchanged"):
            shutil.copyfile(identified / f"{name}-{number:05}.parquet", out / f"{name}-{number:05}.parquet")
        readings = typed(pl.read_parquet(identified / f"readings-{number:05}.parquet", glob=False), IDENTIFIED)
        sentences, annotations, mentions = (
            typed(pl.read_parquet(labelled / f"{name}-{number:05}.parquet", glob=False), schema)
            for name, schema in (("sentences", SENTENCES), ("annotations", NOTES), ("mentions", MENTIONS))
        )
        rejected = [pl.read_parquet(identified / f"rejections-{number:05}.parquet", glob=False)]
        readings, signed, left_out = comparison.split(readings, sentences, mentions)
        kept, failed = validate.contract(to_stored(readings, sentences, annotations), sentences)
        rejected = [part.cast(dict(stored(REJECTIONS))) for part in (*rejected, *left_out, failed)]
        write_batch(kept, out / f"readings-{number:05}.parquet")
        signed = signed.join(kept.select("reading_id", "revision"), on="reading_id", maintain_order="left")
        write_batch(signed, out / f"signatures-{number:05}.parquet")
        write_batch(with_ids(pl.concat(rejected), former), out / f"rejections-{number:05}.parquet")
        release_memory()
    return out


class Comparison:
    """The readings of the store and of the batches so far, which a batch is compared with."""

    def __init__(self, data_dir: Path, texts: Texts, overruled: Iterable[str], keys: pl.DataFrame, hold: bool) -> None:
        """Index what may be compared. keys: of the new readings (`keys_of`). hold: the signatures of the store in memory."""
        self.data_dir, self.texts = data_dir, texts
        decided = fixes.accepted(fixes.read(data_dir))
        self.overruled = pl.Series("fingerprint", [*decided, *overruled], dtype=pl.String)
        index = tables.index(data_dir, keys)
        self.in_store = dict(index.select("fingerprint", "reading_id").iter_rows())
        self.in_run: dict[str, str] = {}
        stored_ones = tables.signatures(data_dir) if hold else partial(tables.signature_parts, data_dir)
        self.kept = Kept(stored_ones, partial(tables.contents, data_dir))

    def split(
        self, readings: pl.DataFrame, sentences: pl.DataFrame, mentions: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame, list[pl.DataFrame]]:
        """Return the readings to keep with their flags, their signatures, and the rejections of the others."""
        conflicts = find_conflicts(readings, sentences, mentions)
        readings, conflicts, overruled = self._without(readings, conflicts)
        twins = self._twins(readings)
        readings = readings.join(twins, on="row", how="anti", maintain_order="left")

        self.texts.add(readings)
        signed = signatures(readings)
        near = near_duplicates(readings, self.kept, self._contents, signed=signed).with_columns(
            code=pl.lit("near_reading"),
            values=pl.struct(pl.col("similarity").round(2).cast(pl.String).alias("share"), "twin").struct.json_encode(),
        )
        readings, near, also_overruled = self._without(readings, near)
        signed = signed.join(readings, on="reading_id", how="semi", maintain_order="left")
        self.kept.add(signed, readings.filter(pl.col("revision") > 1)["reading_id"])

        readings = _flagged(readings, unread_cards(readings, sentences)["reading_id"], "unread_card")
        readings = _flagged(readings, pl.concat([overruled, also_overruled]), "fixed").drop("row")
        rejected = [
            to_rejections(conflicts, "annotate", "card_conflict"),
            to_rejections(twins, "deduplicate", "duplicate"),
            to_rejections(near, "deduplicate", "near_duplicate"),
        ]
        return readings, signed, rejected

    def _without(self, readings: pl.DataFrame, found: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.Series]:
        """Split readings by reading_id into those not found, those found, and the ids of those found but overruled."""
        wanted = readings.filter(pl.col("fingerprint").is_in(self.overruled.implode()))
        overruled = found.join(wanted, on="reading_id", how="semi")["reading_id"]
        found = readings.join(found.join(wanted, on="reading_id", how="anti", maintain_order="left"), on="reading_id")
        return readings.join(found, on="row", how="anti", maintain_order="left"), found, overruled

    def _contents(self, reading_ids: list[str]) -> dict[str, str]:
        return {**tables.contents(self.data_dir, reading_ids), **self.texts.of(reading_ids)}

    def _twins(self, readings: pl.DataFrame) -> pl.DataFrame:
        """Find readings whose fingerprint the store or this run already has, with the code and values of a rejection."""
        rows, twins = [], []
        columns = ("row", "fingerprint", "reading_id", "revision")
        for row, fingerprint, reading_id, revision in readings.select(columns).iter_rows():
            twin = self.in_store.get(fingerprint) or self.in_run.get(fingerprint)
            if twin == reading_id and revision > 1:
                continue
            if twin is None:
                self.in_run[fingerprint] = reading_id
            else:
                rows.append(row)
                twins.append(twin)
        found = pl.DataFrame({"row": rows, "twin": twins}, schema={"row": pl.UInt32, "twin": pl.String}).with_columns(
            code=pl.lit("same_reading"), values=pl.struct("twin").struct.json_encode()
        )
        return readings.join(found, on="row")


def _flagged(readings: pl.DataFrame, reading_ids: pl.Series, flag: str) -> pl.DataFrame:
    """Add a flag, once, to the readings with these ids."""
    marked = pl.col("reading_id").is_in(reading_ids.implode()) & ~pl.col("flags").list.contains(flag)
    added = pl.concat_list("flags", pl.lit(flag, dtype=STORED["flags"].inner))
    return readings.with_columns(flags=pl.when(marked).then(added).otherwise("flags"))
