"""Delta tables of the store: scan, append, rewrite, purge, roll back.

deltalake is imported inside functions: it takes 0.2 s, which commands that do not open a table save.
"""

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
from tarot_data.store.folders import folders

TABLES = ("readings", "rejections", "files", "signatures", "fixes")


AWKWARD = frozenset("[]^|")
MISREAD = re.compile(r"%[0-9A-Fa-f]{2}|[\\\x00-\x1f\x7f]")
"""deltalake 1.6 parses a table's path as a URL. It fails on the characters of AWKWARD unless an `@` follows them, and
decodes what MISREAD finds as another character, or fails: control characters, and a backslash that separates nothing."""


def table_path(data_dir: Path, name: str) -> Path:
    """Return the folder of a table. Raises Problem `data_dir_name` if no table can be written below such a path."""
    path, after_at = folders(data_dir, name)
    where = data_dir.resolve().as_posix()
    if misread := MISREAD.search(where):
        part = misread.group()
        raise Problem("data_dir_name", path=data_dir, part=part if part.isprintable() else ascii(part)[1:-1])
    if after_at.exists():
        return after_at
    if AWKWARD.isdisjoint(where):
        return path
    if path.exists():
        # The data directory was renamed.
        after_at.parent.mkdir(exist_ok=True)
        path.rename(after_at)
    return after_at


@contextmanager
def all_or_none(data_dir: Path) -> Iterator[None]:
    """Roll back every table if the block raises. The caller has entered `writing`.

    After a kill, completed commits remain; `files` is written last, so the next run completes the rest.
    """
    before = {name: delta_version(data_dir, name) for name in TABLES}
    try:
        yield
    except BaseException:
        for name, version in before.items():
            if version is None:
                shutil.rmtree(table_path(data_dir, name), ignore_errors=True)
            elif delta_version(data_dir, name) != version:
                _roll_back(data_dir, name, version)
        raise


def _roll_back(data_dir: Path, name: str, version: int) -> None:
    """Restore a table to a version. The caller has entered `writing`."""
    table = _open(data_dir, name)
    try:
        table.restore(version)
    except Exception:  # noqa: BLE001
        # Restoring is a commit, which needs disk space; removing commits needs none.
        current = set(table.file_uris())
        log = table_path(data_dir, name) / "_delta_log"
        for path in sorted(log.iterdir(), reverse=True):
            if path.name[:20].isdigit() and int(path.name[:20]) > version:
                path.unlink()
        kept = set(_open(data_dir, name).file_uris())
        for uri in current - kept:
            (table_path(data_dir, name) / uri.rsplit("/", 1)[-1]).unlink(missing_ok=True)


def exists(data_dir: Path, name: str) -> bool:
    """Check whether the table has a commit. A process killed in its first write leaves a log without one."""
    log = table_path(data_dir, name) / "_delta_log"
    return log.is_dir() and any(path.name[:20].isdigit() for path in log.iterdir())


def scan(data_dir: Path, name: str, version: int | None = None, only: list[str] | None = None) -> pl.LazyFrame | None:
    """Return the rows of a table in today's shape, closed lists as strings, or None if there is no table yet.

    only: some of its `parts`, whose rows are wanted. Raises Problem `store_newer` if a later release wrote the store.
    """
    shape = migrations.found(data_dir / "store")
    if not exists(data_dir, name):
        return None
    table = _open(data_dir, name, version)
    # Not pl.scan_delta (polars 2.1): it imports pyarrow to read a schema (40 MB, 0.1 s), and percent-encodes the folder,
    # so that a data directory with Chinese characters or a space in its path cannot be read.
    schema = pl.Schema(table.schema())
    rows = (
        pl.scan_parquet(files, glob=False, schema=schema, missing_columns="insert", extra_columns="ignore")
        if (files := _files(data_dir, name, table) if only is None else only)
        else pl.LazyFrame(schema=schema)
    )
    return migrations.forward(name, rows, shape)


def parts(data_dir: Path, name: str = "readings") -> list[str]:
    """Return the current Parquet files of a table. The content of a file never changes."""
    if not exists(data_dir, name):
        return []
    return _files(data_dir, name, _open(data_dir, name))


def _files(data_dir: Path, name: str, table) -> list[str]:
    """Return the paths of a table's files, all in its folder: no table is partitioned."""
    return [str(table_path(data_dir, name) / uri.rsplit("/", 1)[-1]) for uri in table.file_uris()]


def delta_version(data_dir: Path, name: str = "readings") -> int | None:
    """Return the number of the table's newest commit, from 0, or None if there is no table yet."""
    if not exists(data_dir, name):
        return None
    return _open(data_dir, name).version()


def _open(data_dir: Path, name: str, version: int | None = None):
    from deltalake import DeltaTable

    return DeltaTable(str(table_path(data_dir, name)), version=version)


KEYS = {
    "readings": ["reading_id", "revision"],
    "rejections": ["rejection_id", "sequence"],
    "files": ["sequence"],
    "signatures": ["reading_id", "revision"],
    "fixes": ["sequence"],
}
"""Columns that identify a row of each table."""

CONFIGURATION = {
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 3650 days",
    # Column statistics would keep names and words in the log after a person is forgotten.
    "delta.dataSkippingNumIndexedCols": "0",
}

GROUP_ROWS = 4096
"""Rows a row group: 10 MB of readings, the least that is read for one reading and the memory needed to write."""


def append(
    data_dir: Path, name: str, rows: pl.DataFrame | pl.LazyFrame | list[pl.LazyFrame], note: dict[str, object]
) -> int:
    """Append the rows whose key (KEYS) is not in the table yet, as one commit; return how many.

    The caller has entered `writing`. rows: a LazyFrame is streamed into a Parquet file, a list of them into one file
    each, so that a commit may be larger than the memory. Polars writes the files because delta-rs keeps a whole batch
    in memory, and orders parallel writes by which is ready first, so that equal rows would give different bytes.
    """
    known = scan(data_dir, name)
    keys = None if known is None else known.select(KEYS[name])
    path = table_path(data_dir, name)
    path.mkdir(parents=True, exist_ok=True)
    added = []
    try:
        for frame in rows if isinstance(rows, list) else [rows.lazy()]:
            schema = stored(frame.collect_schema())
            frame = frame.cast(dict(schema))
            if keys is not None:
                # Only the keys of these rows: a table of a million has many more than are asked for.
                mine = keys.join(frame.select(KEYS[name]), on=KEYS[name], how="semi").collect()
                frame = frame.join(mine.lazy(), on=KEYS[name], how="anti", maintain_order="left")
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
    """Write the rows as a Parquet file of a table; return its entry for Delta's log and the number of rows."""
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
    """Add files to a table in Delta's log; create the table if it is new."""
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
    """Replace all rows of a table, as one commit, and remove its earlier versions from the disk.

    The caller has entered `writing`. Version numbers go on. A killed process leaves the old rows or the new ones; `purge`
    removes the rest of the old.
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
    """Remove the files of a table that its newest version does not use, and the log before it; return how many.

    The caller has entered `writing`. Delta's own vacuum keeps the log and the files of killed writes.
    """
    path = table_path(data_dir, name)
    table = _open(data_dir, name)
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
