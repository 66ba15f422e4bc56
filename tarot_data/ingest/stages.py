"""The road of raw files into the store, in stages that hand each other folders of Parquet lots.

Each stage reads one folder and writes the next, a lot of readings at a time, so that memory stays bounded and a flow
passes paths, not frames. Nothing is in the store before `commit`; a staged lot holds masked text only.
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
from tarot_data.ingest.identity import Known, match
from tarot_data.ingest.lots import IDENTIFIED, LOT, UNCHANGED, fresh_folder, lot_numbers, lots_of, write_lot
from tarot_data.privacy import suppression_list
from tarot_data.sources import inbox, reader
from tarot_data.sources.records import Corrected, RawRecord, masked_name
from tarot_data.store import delta, tables
from tarot_data.system.memory import give_back, no_cycles

CODE_VERSION = "4"
"""Raised whenever reading or cleaning changes its verdicts: files are then read again at the next ingest."""

SHARD_BYTES = 16 * 1024 * 1024
"""Of raw files that one process cleans at a time, at least: ten seconds' work, of which 1.7 MB a CPU second are done."""

SHARD_LOTS = 6
"""Lots that one process labels at a time: 12,000 readings, ten seconds' work and more."""

PART_LOTS = 25
"""Lots a file of the store: 50,000 readings, about 60 MB."""

NOTHING = sha256(b"").hexdigest()
"""Digest of an empty file, and of one that could not be opened."""

Progress = Callable[[str, int, int], None] | None


def pipeline() -> str:
    """Version of what decides a file's verdict: code and lexicon."""
    return f"{CODE_VERSION}-{lexicon.version()}"


def new_files(data_dir: Path, paths: list[Path]) -> tuple[list[inbox.InboxFile], int, list[str]]:
    """Files that are not in the store as they are; how many are; and the reading_ids of those.

    A file is known by name, bytes and pipeline: knowing it costs hashing and nothing more.
    """
    veil = suppression_list.read(data_dir)
    found = inbox.discover(paths)
    if veil:
        found = [replace(file, name=suppression_list.veiled(veil, "file", file.name)) for file in found]
    known = {
        (row["name"], row["sha256"]): row["kept"]
        for row in tables.files(data_dir).filter(pl.col("pipeline") == pipeline()).iter_rows(named=True)
    }
    new = [file for file in found if (file.name, file.sha256) not in known]
    kept = [key for file in found for key in known.get((file.name, file.sha256), ())]
    return new, len(found) - len(new), kept


def read_and_clean(data_dir: Path, files: list[inbox.InboxFile], staging: Path, progress: Progress = None) -> Path:
    """Raw files to lots of clean readings and of rejections, with what a person corrected in them before; returns the
    folder of lots."""
    out = fresh_folder(staging / "clean")
    done = 0
    for number, shard in enumerate(shards(files)):
        clean_shard(data_dir, shard, out, number, progress and _from(progress, done, len(files)))
        done += len(shard)
    return out


def _from(progress: Callable[[str, int, int], None], before: int, total: int) -> Callable[[str, int, int], None]:
    """progress of a part as progress of the whole."""
    return lambda stage, done, _: progress(stage, before + done, total)


def shards(files: list[inbox.InboxFile]) -> list[list[inbox.InboxFile]]:
    """The files, in order, in runs of at least SHARD_BYTES each, the last apart: what one process cleans at a time.

    However many processes there are, the shards are the same, and so are the lots that come of them.
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
    """One shard's lots into the folder `out`; the number puts them in their place."""
    decided = fixes.read(data_dir)

    def corrected(record: RawRecord, key: str) -> RawRecord | None:
        fix = decided.get(key)
        return fixes.corrected(record, fix.fields) if fix and fix.fields else None

    _clean(_records(files, progress), out, f"{number:04}-", corrected if decided else None)


def clean(records: Iterator[object], staging: Path, corrected: Corrected | None = None) -> Path:
    """Raw records to lots of clean readings and of rejections; returns the folder of lots."""
    out = fresh_folder(staging / "clean")
    _clean(records, out, "", corrected)
    return out


def _clean(records: Iterator[object], out: Path, prefix: str, corrected: Corrected | None) -> None:
    from tarot_data.ingest.clean import to_readings

    number = 0
    while True:
        with no_cycles():
            if not (lot := list(islice(records, LOT))):
                break
            readings, refused = to_readings(lot, corrected)
        write_lot(typed(readings, READINGS), out / f"readings-{prefix}{number:05}.parquet")
        write_lot(rejections.identified(typed(refused, REJECTIONS)), out / f"rejections-{prefix}{number:05}.parquet")
        number += 1
        give_back()


def decide(
    data_dir: Path,
    clean: Path,
    staging: Path,
    progress: Progress = None,
    overruled: Iterable[str] = (),
    replayed: bool = False,
) -> Path:
    """Clean readings to those worth keeping, labelled, and to further rejections; returns the folder of lots.

    `identify`, `label_lots` and `compare_lots` in one process; see there.
    """
    from tarot_data.ingest.compare import compare_lots

    identified = identify(data_dir, clean, staging, replayed)
    labelled = staging / "labelled"
    labelled.mkdir()
    numbers = lot_numbers(identified)
    for done, number in enumerate(numbers, 1):
        label_lots(identified, labelled, [number])
        if progress:
            progress("label", done, len(numbers))
    return compare_lots(data_dir, identified, labelled, staging, overruled)


def identify(data_dir: Path, clean: Path, staging: Path, replayed: bool = False) -> Path:
    """Clean readings to those that are new or changed, under their id and revision; returns the folder of lots.

    A reading whose fingerprint the store has from the same file is unchanged, unless what is told beside its words is
    another (its outcome, its consent): then it is an update too. One that is an edit of what its file had
    and has no more (`tarot_data.ingest.identity`) is an update of it, under the same reading_id. Records of persons who were forgotten
    are passed over and counted. replayed: the readings are rejections fed back, of which a file may hold twins that
    were kept.
    """
    out = fresh_folder(staging / "identified")
    gone = suppression_list.read(data_dir)
    known = Known(tables.index(data_dir), partial(tables.chosen, data_dir))
    lots = sorted(clean.glob("readings-*.parquet"))
    for path in lots:
        known.note_present(pl.read_parquet(path, columns=["fingerprint"], glob=False)["fingerprint"])
    for number, path in enumerate(lots):
        readings = typed(pl.read_parquet(path, glob=False), READINGS)
        refused = pl.read_parquet(path.with_name(path.name.replace("readings-", "rejections-")), glob=False)
        readings, refused, passed_over = suppression_list.without(gone, readings, refused)
        write_lot(pl.DataFrame({"records": [passed_over]}), out / f"forgotten-{number:05}.parquet")
        write_lot(refused, out / f"rejections-{number:05}.parquet")
        readings, matched = match(readings, known, replayed)
        write_lot(
            matched.filter(pl.col("unchanged")).select("reading_id", "file", "source"),
            out / f"unchanged-{number:05}.parquet",
        )
        write_lot(readings, out / f"readings-{number:05}.parquet")
    return out


def label_lots(identified: Path, labelled: Path, numbers: list[int]) -> None:
    """Label the sentences of some lots, into the folder `labelled`: no lot needs another, nor the store."""
    from tarot_data.patterns.annotate import annotated

    for number in numbers:
        readings = typed(pl.read_parquet(identified / f"readings-{number:05}.parquet", glob=False), IDENTIFIED)
        # Twins share an id, which is made of their words: one of them speaks for both until they are told apart.
        found = annotated(readings.unique("reading_id", keep="first", maintain_order=True))
        write_lot(found.sentences, labelled / f"sentences-{number:05}.parquet")
        write_lot(found.notes, labelled / f"annotations-{number:05}.parquet")
        write_lot(found.mentions, labelled / f"mentions-{number:05}.parquet")
        give_back()


def commit(data_dir: Path, decided: Path, files: list[inbox.InboxFile]) -> dict[str, object]:
    """Append the decided lots of these files to the store and return the counts of this run."""
    return commit_lots(data_dir, decided, "ingest", partial(_entries, data_dir, files))


def commit_lots(data_dir: Path, decided: Path, run: str, entries: Callable[..., pl.DataFrame]) -> dict[str, object]:
    """Append the decided lots to the store and return the counts of this run.

    Order matters: rejections and signatures first, readings next, the files that are thereby done last.
    entries: of readings, unchanged and refused the FILES rows that say so.
    """
    from schemas.contracts import Rejections

    readings = lots_of(decided, "readings", STORED, ["reading_id", "revision", "masked", "synthetic", "source"])
    refused = Rejections.validate(lots_of(decided, "rejections", REJECTIONS), lazy=True)
    unchanged = lots_of(decided, "unchanged", UNCHANGED)
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
    lots = sorted(decided.glob("readings-*.parquet"))
    if lots:
        columns = [pl.col(name).cast(kind) for name, kind in STORED.items()]
        parts = [
            pl.scan_parquet(lots[first : first + PART_LOTS], glob=False).select(columns)
            for first in range(0, len(lots), PART_LOTS)
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
}
"""Counts of a run that met no new file."""


def tally(data_dir: Path, files: int, kept: list[str], counts: dict[str, object]) -> dict[str, object]:
    """What a run tells: its counts, and totals of the store after it. files: seen, known ones too. kept: reading_ids of
    those that were known."""
    return {
        "files": files,
        **counts,
        "unchanged": counts["unchanged"] + len(set(kept)),
        "readings": tables.count(data_dir),
        "rejected_open": tables.rejections(data_dir).height,
    }


def nothing_new(data_dir: Path, paths: list[Path]) -> dict[str, object] | None:
    """What a run would tell where it would find no file that is new and nothing to clear away, else None."""
    if (data_dir / "staging").exists() or not delta.exists(data_dir, "files"):
        return None
    veil = suppression_list.read(data_dir)
    read = set(tables.files(data_dir).filter(pl.col("pipeline") == pipeline())["name"])
    # A name that is not known is a new file before a byte of it is hashed: the run itself will hash them all.
    if any((suppression_list.veiled(veil, "file", name) if veil else name) not in read for name in inbox.names(paths)):
        return None
    files, known, kept = new_files(data_dir, paths)
    return None if files else tally(data_dir, known, kept, NOTHING_NEW)


def _records(files: list[inbox.InboxFile], progress: Progress) -> Iterator[object]:
    for number, file in enumerate(files):
        yield from reader.read(file.path, file.root)
        if progress:
            progress("read", number + 1, len(files))


def _entries(
    data_dir: Path,
    files: list[inbox.InboxFile],
    readings: pl.DataFrame,
    unchanged: pl.DataFrame,
    refused: pl.DataFrame,
) -> pl.DataFrame:
    """One FILES row a file of this run."""
    kept = pl.concat(
        [readings.select("reading_id", file=pl.col("source").struct.field("file")), unchanged.drop("source")]
    )
    by_kept = dict(kept.group_by("file").agg("reading_id").iter_rows())
    source = pl.col("source").struct
    by_rejected = dict(refused.group_by(source.field("file")).agg("rejection_id").iter_rows())
    # A file that was gone when it was to be read is not known by the bytes it had before: it is read when it is back.
    gone = refused.filter(source.field("sha256") == NOTHING, source.field("locator") == "file")
    gone = set(gone["source"].struct.field("file"))
    first = next_sequence(data_dir)
    veil = suppression_list.read(data_dir)
    return pl.DataFrame(
        [
            {
                "name": file.name,
                "sha256": NOTHING if file.name in gone else file.sha256,
                "pipeline": pipeline(),
                "kept": sorted(set(by_kept.get(file.name, []))),
                "rejected": sorted(by_rejected.get(file.name, [])),
                "root": _root(file, veil),
                "sequence": first + number,
            }
            for number, file in enumerate(files)
        ],
        schema=tables.FILES,
    )


def _root(file: inbox.InboxFile, veil: suppression_list.Forgotten | None) -> str:
    name = masked_name(str(file.root.absolute()))
    return suppression_list.veiled(veil, "file", name) if veil else name


def next_sequence(data_dir: Path) -> int:
    """Number of the next entry of `files`."""
    last = tables.files(data_dir)["sequence"].max()
    return 0 if last is None else last + 1
