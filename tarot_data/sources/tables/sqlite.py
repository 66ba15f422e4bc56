"""Readings from SQLite databases, opened as a copy with their write-ahead log, never in place."""

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import chain, islice
from pathlib import Path

from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.chats import chat_sqlite
from tarot_data.sources.json_files import profile
from tarot_data.sources.json_files.records import record_of
from tarot_data.sources.records import Blob, RawRecord, Rejected, SourceError, source_of, unreadable
from tarot_data.sources.sniff import Sample
from tarot_data.sources.tables import sqlite_joins
from tarot_data.sources.text_choice import SAMPLE_ROWS
from tarot_data.system import scratch
from tarot_data.text.cleanup import plain

FORM = "sqlite"
MAX_BYTES = 1024 * 1024 * 1024
MAX_ROWS = 1_000_000
MAX_SECONDS = 60.0
_DAMAGED = (sqlite3.Error, UnicodeDecodeError)
"""Errors of a damaged file; the second one if the damage is in a name that an error message quotes."""


def recognises(sample: Sample) -> bool:
    return sample.head.startswith(b"SQLite format 3\0")


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    if blob.size > MAX_BYTES:
        raise unreadable("database_too_large", size=blob.size, limit=MAX_BYTES)
    with scratch.folder() as folder:
        copy = _copied(blob, folder)
        try:
            with closing(_opened(copy)) as database:
                yield from _read_database(database, blob)
        except _DAMAGED as error:
            raise unreadable("database_damaged", error=type(error).__name__) from error


def _copied(blob: Blob, folder: Path) -> Path:
    """Copy the database and its log to a folder of our own: opening it there writes nothing next to the original."""
    copy = folder / "copy.db"
    if blob.path is None:
        copy.write_bytes(blob.data)
        return copy
    shutil.copyfile(blob.path, copy)
    for part in ("-wal", "-shm"):
        log = blob.path.with_name(blob.path.name + part)
        if log.is_file() and not log.is_symlink() and log.stat().st_size <= MAX_BYTES:
            shutil.copyfile(log, folder / f"copy.db{part}")
    return copy


def _opened(path: Path) -> sqlite3.Connection:
    """Open a read-only connection that runs no code of the file: no extensions, no trusted schema, bounded time."""
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
    program = chat_sqlite.program_of(tables)
    if program is not None:
        yield from chat_sqlite.read(database, program, blob)
        return
    messages = chat_sqlite.message_tables({name: table.columns for name, table in tables.items()})
    found = [chat for name in messages if (chat := chat_sqlite.read_table(database, name, blob)) is not None]
    for chat in found:
        yield from chat
    bases = sqlite_joins.bases_of(tables) if not found else ()
    if not bases and not found:
        raise unreadable("no_reading_table", tables=", ".join(sorted(tables)))
    for base in bases:
        yield from _read_table(database, base, tables, blob)


def _read_table(
    database: sqlite3.Connection, base: sqlite_joins.Base, tables: dict[str, sqlite_joins.Table], blob: Blob
) -> Iterator[RawRecord | Rejected]:
    table = base.table
    columns = [column for column in table.columns if (field_of(column) or [""])[0] != "ignored"]
    identity = next((column for column in columns if sqlite_joins.is_key(column)), None)
    joins = sqlite_joins.joins_of(database, base, tables)
    seen = set()
    rows = _fetched(database, table.name, columns)
    head = list(islice(rows, SAMPLE_ROWS))
    sample = [dict(zip(columns, row, strict=True)) for row in head if not isinstance(row, Exception)]
    try:
        choice = profile.understood(sample)
    except SourceError as error:
        yield Rejected(source=source_of(blob, f"table {table.name}", FORM), stage="read", **error.verdict)
        return
    for number, row in enumerate(chain(head, rows), 1):
        if isinstance(row, Exception):
            # The rows before the damage are kept.
            yield Rejected(
                source=source_of(blob, f"table {table.name} after row {number - 1}", FORM),
                stage="read",
                reason="unreadable",
                code="table_damaged",
                values={"error": type(row).__name__},
            )
            return
        values = {column: _value(value) for column, value in zip(columns, row, strict=True) if value is not None}
        key = values.get(identity) if identity else None
        # A column called id may have a value twice, which then identifies no row.
        place = f"row {number}" if key is None or key in seen else f"id {plain(key)}"
        seen.add(key)
        whole, place = joins.add_to(values, table.key), f"table {table.name} {place}"
        yield record_of(whole, blob, place, FORM, choice=choice)


def _fetched(database: sqlite3.Connection, table: str, columns: list[str]) -> Iterator[tuple | Exception]:
    """Read the rows of a table; at the first damaged one yield its error and stop."""
    names = ", ".join(map(sqlite_joins.quoted, columns))
    cursor = database.execute(f"SELECT {names} FROM {sqlite_joins.quoted(table)} LIMIT {MAX_ROWS}")
    while True:
        try:
            row = cursor.fetchone()
        except _DAMAGED as error:
            yield error
            return
        if row is None:
            return
        yield row


def _value(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
