"""SQLite databases, read from a copy, with the write-ahead log beside them; never opened where they lie."""

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tarot_data.lexicon.field_names import field_of
from tarot_data.sources import json_records
from tarot_data.sources.records import Blob, RawRecord, Rejected, source_of, unreadable
from tarot_data.sources.sniff import Sample
from tarot_data.sources.tables import sqlite_joins
from tarot_data.text.cleanup import plain

FORM = "sqlite"
MAX_BYTES = 1024 * 1024 * 1024
MAX_ROWS = 1_000_000
MAX_SECONDS = 60.0
_DAMAGED = (sqlite3.Error, UnicodeDecodeError)
"""What a damaged file raises; the second where the damage is in a name that an error message quotes."""


def recognises(sample: Sample) -> bool:
    return sample.head.startswith(b"SQLite format 3\0")


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    if blob.size > MAX_BYTES:
        raise unreadable(f"a database of {blob.size} bytes; the limit is {MAX_BYTES}")
    with tempfile.TemporaryDirectory(prefix="tarot-db-") as scratch:
        copy = _copied(blob, Path(scratch))
        try:
            with closing(_opened(copy)) as database:
                yield from _read_database(database, blob)
        except _DAMAGED as error:
            raise unreadable(f"a damaged or locked database ({type(error).__name__})") from error


def _copied(blob: Blob, scratch: Path) -> Path:
    """The database and its log in a folder of our own: opening it there leaves no trace beside the original."""
    copy = scratch / "copy.db"
    if blob.path is None:
        copy.write_bytes(blob.data)
        return copy
    shutil.copyfile(blob.path, copy)
    for part in ("-wal", "-shm"):
        beside = blob.path.with_name(blob.path.name + part)
        if beside.is_file() and not beside.is_symlink() and beside.stat().st_size <= MAX_BYTES:
            shutil.copyfile(beside, scratch / f"copy.db{part}")
    return copy


def _opened(path: Path) -> sqlite3.Connection:
    """A read-only connection on which nothing of the file's own runs: no extensions, no trusted schema, bounded time."""
    database = sqlite3.connect(f"file:{path.as_posix()}?mode=ro", uri=True, timeout=5)
    database.text_factory = lambda data: data.decode("utf-8", "replace")
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA query_only = ON")
    database.execute("PRAGMA cell_size_check = ON")
    end = time.monotonic() + MAX_SECONDS
    database.set_progress_handler(lambda: time.monotonic() > end, 100_000)
    return database


def _read_database(database: sqlite3.Connection, blob: Blob) -> Iterator[RawRecord | Rejected]:
    tables = sqlite_joins.tables_of(database)
    bases = sqlite_joins.bases_of(tables)
    if not bases:
        raise unreadable("no table with a column for the reading's text; tables: " + ", ".join(sorted(tables))[:200])
    for base in bases:
        yield from _read_table(database, base, tables, blob)


def _read_table(
    database: sqlite3.Connection, base: sqlite_joins.Base, tables: dict[str, sqlite_joins.Table], blob: Blob
) -> Iterator[RawRecord | Rejected]:
    table = base.table
    columns = [column for column in table.columns if (key := field_of(column)) is None or key[0] != "ignored"]
    identity = next((column for column in columns if column.lower() in ("id", "uuid", "编号")), None)
    names = sqlite_joins.names_for(database, table, tables)
    cards = [sqlite_joins.cards_of(database, child, link, tables) for child, link in base.cards]
    texts = [sqlite_joins.texts_of(database, child, link) for child, link in base.texts]
    query = (
        f"SELECT {', '.join(map(sqlite_joins.quoted, columns))} FROM {sqlite_joins.quoted(table.name)} LIMIT {MAX_ROWS}"
    )
    number, met = 0, set()
    cursor = database.execute(query)
    while True:
        try:
            row = cursor.fetchone()
        except _DAMAGED as error:
            # What was read before the damage is kept.
            yield Rejected(
                source=source_of(blob, f"table {table.name} after row {number}", FORM),
                stage="read",
                reason="unreadable",
                detail=f"the rest of the table is damaged ({type(error).__name__})",
            )
            return
        if row is None:
            return
        number += 1
        values = {column: _value(value) for column, value in zip(columns, row, strict=True) if value is not None}
        key = values.get(identity) if identity else None
        # A column called id may hold one twice; then it names no row.
        named = key is not None and key not in met
        met.add(key)
        locator = f"table {table.name} id {plain(key)}" if named else f"table {table.name} row {number}"
        own = values.get(table.key) if table.key else None
        for column, held in names.items():
            if values.get(column) in held:
                values[field_of(sqlite_joins.stem_of(column) or "")[0]] = held[values.pop(column)]
        if draws := next((held[own] for held in cards if own in held), None):
            values["draws"] = [{"cards": draw} for draw in draws]
        if parts := [text for held in texts for text in held.get(own, ())]:
            values["content"] = parts
        yield json_records.record_of(values, blob, locator, FORM)


def _value(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
