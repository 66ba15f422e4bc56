"""Ingest pipeline. Each stage reads a folder of Parquet batches and writes the next.

Memory stays bounded, and a flow passes paths instead of frames. Nothing is in the store before `commit`; staged batches
have masked text only.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path

import polars as pl

from schemas.tables import READINGS, REJECTIONS, STORED, typed
from tarot_data import lexicon
from tarot_data.ingest import fixes, rejections
from tarot_data.ingest.batches import (
    BATCH,
    IDENTIFIED,
    UNCHANGED,
    batch_numbers,
    fresh_folder,
    keys_of,
    read_batches,
    write_batch,
)
from tarot_data.ingest.identity import Known, match
from tarot_data.privacy import mask, suppression_list
from tarot_data.sources import inbox, reader
from tarot_data.sources.records import Blob, Corrected, RawRecord, masked_name
from tarot_data.store import delta, tables
from tarot_data.system.memory import release_memory, without_gc

CODE_VERSION = "5"
"""Raise it if reading or cleaning gives other results: the next ingest then reads all files again."""

SHARD_BYTES = 16 * 1024 * 1024
"""Bytes of raw files that one process cleans at a time, at least: ten seconds of work at 1.7 MB a CPU second."""

SHARD_BATCHES = 6
"""Batches that one process labels at a time: 12,000 readings, at least ten seconds of work."""

PART_BATCHES = 25
"""Batches in one file of the store: 50,000 readings, about 60 MB."""

COLUMNS = pl.Schema({"file": pl.String, "label": pl.String})
LONGEST_LABEL = 60
"""Characters of a label of a column that are kept."""

NOTHING = sha256(b"").hexdigest()
"""Digest of an empty file, and of one that could not be opened."""

Progress = Callable[[str, int, int], None] | None


def pipeline() -> str:
    """Return the version of code and lexicon, on which the result of reading a file depends."""
    return f"{CODE_VERSION}-{lexicon.version()}"


def new_files(data_dir: Path, paths: list[Path | inbox.Piped]) -> tuple[list[inbox.InboxFile], int, list[str]]:
    """Return the files that are not in the store, the number of those that are, and the reading_ids of these.

    A file is known by name, bytes and pipeline, so it only has to be hashed.
    """
    forgotten = suppression_list.read(data_dir)
    found = inbox.discover(paths)
    if forgotten:
        found = [replace(file, name=_without_names(file.name, forgotten)) for file in found]
    known = {
        (row["name"], row["sha256"]): row["kept"]
        for row in tables.files(data_dir).filter(pl.col("pipeline") == pipeline()).iter_rows(named=True)
    }
    new = [file for file in found if (file.name, file.sha256) not in known]
    kept = [key for file in found for key in known.get((file.name, file.sha256), ())]
    return new, len(found) - len(new), kept


def read_and_clean(data_dir: Path, files: list[inbox.InboxFile], staging: Path, progress: Progress = None) -> Path:
    """Convert raw files, with the corrections a person made, to clean readings and rejections; return their folder."""
    out = fresh_folder(staging / "clean")
    done = 0
    for number, shard in enumerate(shards(files)):
        clean_shard(data_dir, shard, out, number, progress and _from(progress, done, len(files)))
        done += len(shard)
    return out


def _from(progress: Callable[[str, int, int], None], before: int, total: int) -> Callable[[str, int, int], None]:
    """Return a callback that reports the progress of a part as that of the whole."""
    return lambda stage, done, _: progress(stage, before + done, total)


def shards(files: list[inbox.InboxFile]) -> list[list[inbox.InboxFile]]:
    """Divide the files, in order, into shards of at least SHARD_BYTES (the last may be smaller) for one process each.

    Shards and their batches do not depend on the number of processes.
    """
    found: list[list[inbox.InboxFile]] = []
    size = SHARD_BYTES
    for file in files:
        if size >= SHARD_BYTES:
            found.append([])
            size = 0
        found[-1].append(file)
        size += file.size
    return found


def clean_shard(
    data_dir: Path, files: list[inbox.InboxFile], out: Path, number: int, progress: Progress = None
) -> None:
    """Write the batches of a shard into the folder `out`. number: of the shard, which orders the batches."""
    _clean(_records(files, progress), out, f"{number:04}-", fixes.stored(data_dir))


def clean(records: Iterator[object], staging: Path, corrected: Corrected | None = None) -> Path:
    """Convert raw records to clean readings and rejections; return their folder."""
    out = fresh_folder(staging / "clean")
    _clean(records, out, "", corrected)
    return out


def _clean(records: Iterator[object], out: Path, prefix: str, corrected: Corrected | None) -> None:
    from tarot_data.ingest.clean import to_readings

    number = 0
    while True:
        with without_gc():
            if not (batch := list(islice(records, BATCH))):
                break
            columns = not_understood(batch)
            readings, refused = to_readings(batch, corrected)
        write_batch(typed(readings, READINGS), out / f"readings-{prefix}{number:05}.parquet")
        write_batch(columns, out / f"columns-{prefix}{number:05}.parquet")
        write_batch(rejections.identified(typed(refused, REJECTIONS)), out / f"rejections-{prefix}{number:05}.parquet")
        number += 1
        release_memory()


def not_understood(batch: list[object]) -> pl.DataFrame:
    """Return the labels of columns with text that were not understood, masked: one row (file, label) each."""
    found = dict.fromkeys(
        (record.source.file, label) for record in batch if isinstance(record, RawRecord) for label in record.unknown
    )
    rows = [(file, mask.mask_short(label)[0][:LONGEST_LABEL]) for file, label in found]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row").unique(maintain_order=True)


def _labels_of(clean: Path) -> dict[str, list[str]]:
    """Return the files of a run with the labels of `not_understood`."""
    found = read_batches(clean, "columns", COLUMNS)
    return {file: sorted(set(labels)) for file, labels in found.group_by("file").agg("label").sort("file").iter_rows()}


def decide(
    data_dir: Path,
    clean: Path,
    staging: Path,
    progress: Progress = None,
    overruled: Iterable[str] = (),
    replayed: bool = False,
) -> Path:
    """Run `identify`, `label_batches` and `compare_batches` in this process; return the folder of the last."""
    from tarot_data.ingest.compare import compare_batches

    identified = identify(data_dir, clean, staging, replayed)
    labelled = staging / "labelled"
    labelled.mkdir()
    numbers = batch_numbers(identified)
    for done, number in enumerate(numbers, 1):
        label_batches(identified, labelled, [number])
        if progress:
            progress("label", done, len(numbers))
    return compare_batches(data_dir, identified, labelled, staging, overruled)


def identify(data_dir: Path, clean: Path, staging: Path, replayed: bool = False) -> Path:
    """Give new and changed readings their id and revision, and note the unchanged ones; return the folder of batches.

    A reading whose fingerprint the store has from the same file is unchanged, or an update if its metadata (outcome,
    consent, …) differ. A reading that is an edit of one the file no longer has (`tarot_data.ingest.identity`) is an update
    under the same reading_id. Records of forgotten persons are skipped and counted. replayed: the readings are
    rejections fed back; their file may have accepted twins.
    """
    out = fresh_folder(staging / "identified")
    gone = suppression_list.read(data_dir)
    batches = sorted(clean.glob("readings-*.parquet"))
    known = Known(tables.index(data_dir, keys_of(batches)), partial(tables.chosen, data_dir))
    for path in batches:
        known.note_present(pl.read_parquet(path, columns=["fingerprint"], glob=False)["fingerprint"])
    for number, path in enumerate(batches):
        readings = typed(pl.read_parquet(path, glob=False), READINGS)
        refused = pl.read_parquet(path.with_name(path.name.replace("readings-", "rejections-")), glob=False)
        readings, refused, passed_over = suppression_list.without(gone, readings, refused)
        write_batch(pl.DataFrame({"records": [passed_over]}), out / f"forgotten-{number:05}.parquet")
        write_batch(refused, out / f"rejections-{number:05}.parquet")
        readings, matched = match(readings, known, replayed)
        write_batch(
            matched.filter(pl.col("unchanged")).select("reading_id", "file", "source"),
            out / f"unchanged-{number:05}.parquet",
        )
        write_batch(readings, out / f"readings-{number:05}.parquet")
    return out


def label_batches(identified: Path, labelled: Path, numbers: list[int]) -> None:
    """Label the sentences of some batches into the folder `labelled`. Needs neither other batches nor the store."""
    from tarot_data.patterns.annotate import annotated

    for number in numbers:
        readings = typed(pl.read_parquet(identified / f"readings-{number:05}.parquet", glob=False), IDENTIFIED)
        # Twins have the same id, which is made of their words: one annotation serves both until `compare` rejects one.
        found = annotated(readings.unique("reading_id", keep="first", maintain_order=True))
        write_batch(found.sentences, labelled / f"sentences-{number:05}.parquet")
        write_batch(found.notes, labelled / f"annotations-{number:05}.parquet")
        write_batch(found.mentions, labelled / f"mentions-{number:05}.parquet")
        release_memory()


def commit(data_dir: Path, decided: Path, files: list[inbox.InboxFile]) -> dict[str, object]:
    """Append the batches of these files to the store; return the counts of this run."""
    columns = _labels_of(decided.parent / "clean")
    counts = commit_batches(data_dir, decided, "ingest", partial(_entries, data_dir, files, columns))
    return {**counts, "columns": columns}


def commit_batches(data_dir: Path, decided: Path, run: str, entries: Callable[..., pl.DataFrame]) -> dict[str, object]:
    """Append batches to the store; return the counts of this run.

    Order matters: rejections and signatures first, then readings, and the files last, which are complete then.
    entries: makes the FILES rows of readings, unchanged and rejected.
    """
    from schemas.contracts import Rejections

    readings = read_batches(decided, "readings", STORED, ["reading_id", "revision", "masked", "synthetic", "source"])
    refused = Rejections.validate(read_batches(decided, "rejections", REJECTIONS), lazy=True)
    unchanged = read_batches(decided, "unchanged", UNCHANGED)
    counts = {
        "accepted": readings.filter(pl.col("revision") == 1).height,
        "updated": readings.filter(pl.col("revision") > 1).height,
        "unchanged": unchanged["reading_id"].n_unique(),
        "rejected": refused.height,
        "forgotten": sum(
            pl.read_parquet(path, glob=False)["records"].sum() for path in decided.glob("forgotten-*.parquet")
        ),
    }
    note = {"run": run, "pipeline": pipeline(), **counts}
    tables.append_rejections(data_dir, refused, note)
    for path in sorted(decided.glob("signatures-*.parquet")):
        tables.append_signatures(data_dir, pl.read_parquet(path, glob=False), note)
    batches = sorted(decided.glob("readings-*.parquet"))
    if batches:
        columns = [pl.col(name).cast(kind) for name, kind in STORED.items()]
        parts = [
            pl.scan_parquet(batches[first : first + PART_BATCHES], glob=False).select(columns)
            for first in range(0, len(batches), PART_BATCHES)
        ]
        delta.append(data_dir, "readings", parts, note)
    delta.append(data_dir, "files", entries(readings, unchanged, refused), note)
    by_kind = pl.concat([readings["masked"], refused["masked"]]).list.explode().drop_nulls().value_counts(sort=True)
    return {
        **counts,
        "redacted": readings.filter(pl.col("masked").list.len() > 0).height
        + refused.filter(pl.col("masked").list.len() > 0).height,
        "masked": dict(by_kind.iter_rows()),
        "reasons": dict(refused["reason"].cast(pl.String).value_counts(sort=True).iter_rows()),
        "synthetic": readings["synthetic"].sum(),
    }


NOTHING_NEW = {
    **dict.fromkeys(("accepted", "updated", "unchanged", "rejected", "redacted", "forgotten", "synthetic"), 0),
    "masked": {},
    "reasons": {},
    "columns": {},
}
"""Counts of a run without a new file."""


def tally(data_dir: Path, files: int, kept: list[str], counts: dict[str, object]) -> dict[str, object]:
    """Return the counts of a run and the totals of the store after it.

    files: number of files, known ones included. kept: reading_ids of the known ones.
    """
    return {
        "files": files,
        **counts,
        "unchanged": counts["unchanged"] + len(set(kept)),
        "readings": tables.count(data_dir),
        "rejected_open": tables.rejections(data_dir).height,
    }


def nothing_new(data_dir: Path, paths: list[Path | inbox.Piped]) -> dict[str, object] | None:
    """Return the `tally` if there is no new file and nothing to clean up, else None."""
    if (data_dir / "staging").exists() or not delta.exists(data_dir, "files"):
        return None
    forgotten = suppression_list.read(data_dir)
    read = set(tables.files(data_dir).filter(pl.col("pipeline") == pipeline())["name"])
    # An unknown name is a new file, without hashing anything: the run itself will hash all files.
    if any(_without_names(name, forgotten) not in read for name in inbox.names(paths)):
        return None
    files, known, kept = new_files(data_dir, paths)
    return None if files else tally(data_dir, known, kept, NOTHING_NEW)


def _records(files: list[inbox.InboxFile], progress: Progress) -> Iterator[object]:
    for number, file in enumerate(files):
        if file.data is None:
            yield from reader.read(file.path, file.root)
        else:
            name = file.path.name
            yield from reader.read_blob(
                Blob(file=file.name, member=None, name=name, sha256=file.sha256, data=file.data)
            )
        if progress:
            progress("read", number + 1, len(files))


def _entries(
    data_dir: Path,
    files: list[inbox.InboxFile],
    columns: dict[str, list[str]],
    readings: pl.DataFrame,
    unchanged: pl.DataFrame,
    refused: pl.DataFrame,
) -> pl.DataFrame:
    """Return one FILES row for each file of this run. columns: see `_labels_of`."""
    kept = pl.concat(
        [readings.select("reading_id", file=pl.col("source").struct.field("file")), unchanged.drop("source")]
    )
    by_kept = dict(kept.group_by("file").agg("reading_id").iter_rows())
    source = pl.col("source").struct
    by_rejected = dict(refused.group_by(source.field("file")).agg("rejection_id").iter_rows())
    # A file that was missing during the run is stored without its digest, so that it is read when it is back.
    gone = refused.filter(source.field("sha256") == NOTHING, source.field("locator") == "file")
    gone = set(gone["source"].struct.field("file"))
    first = next_sequence(data_dir)
    forgotten = suppression_list.read(data_dir)
    return pl.DataFrame(
        [
            {
                "name": file.name,
                "sha256": NOTHING if file.name in gone else file.sha256,
                "pipeline": pipeline(),
                "kept": sorted(set(by_kept.get(file.name, []))),
                "rejected": sorted(by_rejected.get(file.name, [])),
                "root": _without_names(masked_name(str(file.root.absolute())), forgotten),
                "columns": [_without_names(label, forgotten) for label in columns.get(file.name, [])],
                "sequence": first + number,
            }
            for number, file in enumerate(files)
        ],
        schema=tables.FILES,
    )


def _without_names(text: str, forgotten: suppression_list.Forgotten | None) -> str:
    """Mask forgotten names in the name of a file or folder, or the label of a column."""
    return suppression_list.mask_place(forgotten, "file", text) if forgotten else text


def next_sequence(data_dir: Path) -> int:
    """Return the number of the next entry of `files`."""
    last = tables.files(data_dir)["sequence"].max()
    return 0 if last is None else last + 1
