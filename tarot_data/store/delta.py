"""Delta tables of the store: scan, append, rewrite, purge, roll back."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import polars as pl

from schemas.errors import Problem
from schemas.tables import stored
from tarot_data.store import migrations

TABLES = ("readings", "rejections", "files", "signatures", "fixes")


AWKWARD = frozenset("[]^|")
MISREAD = re.compile("%[0-9A-Fa-f]{2}")
"""deltalake 1.6 reads a table's path as an address. It dies of the characters of AWKWARD unless an `@` comes after them,
and takes what MISREAD finds for another character."""


def table_path(data_dir: Path, name: str) -> Path:
    """The folder of a table. Raises Problem `data_dir_name` where no table can lie below such a name."""
    path, beside = data_dir / "store" / name, data_dir / "store" / "@" / name
    where = str(data_dir.resolve())
    if MISREAD.search(where):
        raise Problem("data_dir_name", path=data_dir, part=MISREAD.search(where).group())
    if beside.exists():
        return beside
    if AWKWARD.isdisjoint(where):
        return path
    if path.exists():
        # The data directory was renamed.
        beside.parent.mkdir(exist_ok=True)
        path.rename(beside)
    return beside


@contextmanager
def as_it_was(data_dir: Path) -> Iterator[None]:
    """Where the block fails, every table reads as before it: several commits, all or none. The caller holds `writing`.

    A process that dies in between leaves what it committed; `files` is written last, so the next run finishes it.
    """
    before = {name: delta_version(data_dir, name) for name in TABLES}
    try:
        yield
    except BaseException:
        for name, version in before.items():
            if version is None:
                shutil.rmtree(table_path(data_dir, name), ignore_errors=True)
            elif delta_version(data_dir, name) != version:
                _take_back(data_dir, name, version)
        raise


def _take_back(data_dir: Path, name: str, version: int) -> None:
    """Have a table read as it did at that version. The caller holds `writing`."""
    from deltalake import DeltaTable

    table = DeltaTable(str(table_path(data_dir, name)))
    try:
        table.restore(version)
    except Exception:  # noqa: BLE001
        # To restore is a commit, and where the disk is full there is no room for one; to take commits away needs none.
        current = set(table.file_uris())
        log = table_path(data_dir, name) / "_delta_log"
        for path in sorted(log.iterdir(), reverse=True):
            if path.name[:20].isdigit() and int(path.name[:20]) > version:
                path.unlink()
        kept = set(DeltaTable(str(table_path(data_dir, name))).file_uris())
        for uri in current - kept:
            (table_path(data_dir, name) / uri.rsplit("/", 1)[-1]).unlink(missing_ok=True)


def exists(data_dir: Path, name: str) -> bool:
    """Whether the table has a commit: a process killed in its very first write leaves a log without one."""
    log = table_path(data_dir, name) / "_delta_log"
    return log.is_dir() and any(path.name[:20].isdigit() for path in log.iterdir())


def scan(data_dir: Path, name: str, version: int | None = None) -> pl.LazyFrame | None:
    """The rows of a table as they lie on disk, closed lists as strings; None where there is no table yet.

    Raises Problem `store_newer` where a later release wrote them.
    """
    shape = migrations.found(data_dir / "store")
    if not exists(data_dir, name):
        return None
    from deltalake import DeltaTable

    table = DeltaTable(str(table_path(data_dir, name)), version=version)
    # Not pl.scan_delta: it brings pyarrow to read a schema (40 MB, 0.1 s), and asks for files below a percent-encoded
    # folder, so that a data directory with Chinese characters or a space in its path could be written and not be read
    # (polars 2.1).
    schema = pl.Schema(table.schema())
    rows = (
        pl.scan_parquet(files, glob=False, schema=schema, missing_columns="insert", extra_columns="ignore")
        if (files := _files(data_dir, name, table))
        else pl.LazyFrame(schema=schema)
    )
    return migrations.forward(name, rows, shape)


def parts(data_dir: Path, name: str = "readings") -> list[str]:
    """The Parquet files a table consists of now; what one of them holds never changes."""
    if not exists(data_dir, name):
        return []
    from deltalake import DeltaTable

    return _files(data_dir, name, DeltaTable(str(table_path(data_dir, name))))


def _files(data_dir: Path, name: str, table) -> list[str]:
    """Paths of the table's files, all of which lie in its folder: no table of ours is partitioned."""
    return [str(table_path(data_dir, name) / uri.rsplit("/", 1)[-1]) for uri in table.file_uris()]


def delta_version(data_dir: Path, name: str = "readings") -> int | None:
    """Number of the table's newest commit, from 0; None where there is no table yet."""
    if not exists(data_dir, name):
        return None
    from deltalake import DeltaTable

    return DeltaTable(str(table_path(data_dir, name))).version()


KEYS = {
    "readings": ["reading_id", "revision"],
    "rejections": ["rejection_id", "sequence"],
    "files": ["sequence"],
    "signatures": ["reading_id", "revision"],
    "fixes": ["sequence"],
}
"""What a row of each table is known by."""

CONFIGURATION = {
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
    # Column statistics would keep names and words in the log after a person is forgotten.
    "delta.dataSkippingNumIndexedCols": "0",
}

GROUP_ROWS = 4096
"""Rows a row group: 10 MB of readings, the least that is read for one of them and that is held to write them."""


def append(
    data_dir: Path, name: str, rows: pl.DataFrame | pl.LazyFrame | list[pl.LazyFrame], note: dict[str, object]
) -> int:
    """Append the rows whose key (KEYS) is not in the table yet, as one commit; returns how many. The caller holds
    `writing`.

    rows: a LazyFrame is streamed into a Parquet file a few thousand rows at a time, several into one file each, so that
    a commit may be larger than the memory. The files are Polars' own: delta-rs holds a whole batch, and of several
    writes whichever is ready first, which would give the same rows other bytes.
    """
    known = scan(data_dir, name)
    known = None if known is None else known.select(KEYS[name]).collect()
    path = table_path(data_dir, name)
    path.mkdir(parents=True, exist_ok=True)
    added = []
    try:
        for frame in rows if isinstance(rows, list) else [rows.lazy()]:
            schema = stored(frame.collect_schema())
            frame = frame.cast(dict(schema))
            if known is not None:
                frame = frame.join(known.lazy(), on=KEYS[name], how="anti", maintain_order="left")
            if one := _part(path, frame):
                added.append(one)
        if not added:
            return 0
        if not any(exists(data_dir, table) for table in TABLES):
            migrations.mark(data_dir / "store")
        _commit(path, [action for action, _ in added], schema, note, new=known is None)
    except BaseException:
        for action, _ in added:
            (path / action.path).unlink(missing_ok=True)
        raise
    return sum(count for _, count in added)


def _part(table: Path, rows: pl.LazyFrame) -> tuple[object, int] | None:
    """A Parquet file of the rows in the folder of a table, as what Delta's log says of it, and how many they are."""
    from deltalake.transaction import AddAction

    name = f"part-{uuid4()}.parquet"
    half = table / f"{name}#1"  # the name `sweep` looks for
    try:
        rows.sink_parquet(half, compression="zstd", compression_level=3, row_group_size=GROUP_ROWS)
        count = pl.scan_parquet(half, glob=False).select(pl.len()).collect().item()
        if not count:
            half.unlink()
            return None
        half.rename(table / name)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
    there = (table / name).stat()
    stats = json.dumps({"numRecords": count})
    return AddAction(name, there.st_size, {}, int(there.st_mtime * 1000), True, stats), count


def _commit(path: Path, actions: list, schema: pl.Schema, note: dict[str, object], new: bool) -> None:
    """Have Delta's log say that these files belong to the table; a table that is new is made by it."""
    from deltalake import CommitProperties, DeltaTable, Schema
    from deltalake.transaction import create_table_with_add_actions

    properties = CommitProperties(custom_metadata={key: str(value) for key, value in note.items()})
    shape = Schema.from_arrow(schema)
    if new:
        create_table_with_add_actions(
            str(path), shape, actions, mode="append", configuration=CONFIGURATION, commit_properties=properties
        )
    else:
        DeltaTable(str(path)).create_write_transaction(actions, "append", shape, commit_properties=properties)


def rewrite(data_dir: Path, name: str, frame: pl.DataFrame, note: dict[str, object]) -> None:
    """Put the rows of frame in place of all rows of a table, as one commit, and forget what was there before.

    The caller holds `writing`. Afterwards no earlier version of the table can be read; its numbers go on. A process
    killed in between leaves the old rows or the new ones; `purge` then removes what is left of the old.
    """
    from deltalake import CommitProperties

    frame.cast(dict(stored(frame.schema))).write_delta(
        str(table_path(data_dir, name)),
        mode="overwrite",
        delta_write_options={
            "schema_mode": "overwrite",
            "writer_properties": _compressed(),
            "commit_properties": CommitProperties(custom_metadata={key: str(value) for key, value in note.items()}),
        },
    )
    purge(data_dir, name)


def purge(data_dir: Path, name: str) -> int:
    """Remove every file of a table that its newest version does not name, and the log before it; returns how many.

    The caller holds `writing`. Delta's own vacuum leaves the files of killed writes and the log where they are.
    """
    from deltalake import DeltaTable

    path = table_path(data_dir, name)
    table = DeltaTable(str(path))
    table.create_checkpoint()
    current = {uri.rsplit("/", 1)[-1] for uri in table.file_uris()}
    log = path / "_delta_log"
    stale = [
        file for file in path.rglob("*") if file.is_file() and log not in file.parents and file.name not in current
    ]
    newest = f"{table.version():020}"
    stale += [file for file in log.iterdir() if file.name[:20].isdigit() and file.name[:20] < newest]
    for file in stale:
        file.unlink()
    return len(stale)


def _compressed() -> object:
    from deltalake import WriterProperties

    return WriterProperties(compression="ZSTD", compression_level=3)
