"""SQLite databases, read from a copy, with the write-ahead log beside them; never opened where they lie."""

import shutil
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tarot_data.sources import json_records
from tarot_data.sources.fields import field_of
from tarot_data.sources.labels import known_fields
from tarot_data.sources.record import Blob, RawRecord, Rejected, plain, source_of, unreadable
from tarot_data.sources.sample import Sample

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


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _read_database(database: sqlite3.Connection, blob: Blob) -> Iterator[RawRecord | Rejected]:
    tables = {
        name: [row[1] for row in database.execute(f"PRAGMA table_info({_quoted(name)})")]
        for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        )
    }
    scores = {name: len(known_fields(columns)) for name, columns in tables.items()}
    whole = [
        name
        for name, columns in tables.items()
        if (named := known_fields(columns)) and "content" in named and named & {"person", "question", "cards"}
    ]
    if not whole:
        raise unreadable("no table with a column for the reading's text; tables: " + ", ".join(sorted(tables))[:200])
    for name in sorted(whole, key=lambda table: -scores[table]):
        yield from _read_table(database, name, tables, blob)


def _read_table(
    database: sqlite3.Connection, name: str, tables: dict[str, list[str]], blob: Blob
) -> Iterator[RawRecord | Rejected]:
    columns = [column for column in tables[name] if (key := field_of(column)) is None or key[0] != "ignored"]
    identity = next((column for column in columns if column.lower() in ("id", "uuid", "编号")), None)
    lists = _child_cards(database, name, tables) if "cards" not in known_fields(columns) else {}
    query = f"SELECT {', '.join(map(_quoted, columns))} FROM {_quoted(name)} LIMIT {MAX_ROWS}"
    number = 0
    cursor = database.execute(query)
    while True:
        try:
            row = cursor.fetchone()
        except _DAMAGED as error:
            # What was read before the damage is kept.
            yield Rejected(
                source=source_of(blob, f"table {name} after row {number}", FORM),
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
        locator = f"table {name} id {plain(key)}" if key is not None else f"table {name} row {number}"
        if key in lists:
            values["cards"] = lists[key]
        record = json_records.record_of(values, blob, locator, FORM)
        yield record


def _value(value: object) -> object:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _child_cards(database: sqlite3.Connection, parent: str, tables: dict[str, list[str]]) -> dict[object, list[dict]]:
    """Cards kept in a table of their own: the parent's id to its card objects, in their order."""
    found: dict[object, list[dict]] = {}
    for name, columns in tables.items():
        lowered = {column.lower(): column for column in columns}
        link = next(
            (
                column
                for low, column in lowered.items()
                if low in (f"{parent.lower()}_id", f"{parent.lower().rstrip('s')}_id", "reading_id", "record_id")
            ),
            None,
        )
        if name == parent or not link or not known_fields(columns) & {"cards", "orientation", "position"}:
            continue
        card_table = next(
            (other for other in tables if other.lower() in ("cards", "card", "tarot_cards", "deck") and other != name),
            None,
        )
        names: dict[object, str] = {}
        if card_table:
            named = next(
                (
                    column
                    for column in tables[card_table]
                    if column.lower() in ("name", "card", "name_zh", "card_name", "牌名", "名称")
                ),
                None,
            )
            key = next((column for column in tables[card_table] if column.lower() == "id"), None)
            if named and key:
                names = dict(
                    database.execute(f"SELECT {_quoted(key)}, {_quoted(named)} FROM {_quoted(card_table)} LIMIT 10000")
                )
        order = next(
            (
                column
                for low, column in lowered.items()
                if low in ("position", "place", "seq", "sort", "idx", "order_index", "id")
            ),
            "rowid",
        )
        for row in database.execute(
            f"SELECT {', '.join(map(_quoted, columns))} FROM {_quoted(name)} ORDER BY {_quoted(link)}, {_quoted(order)} LIMIT {MAX_ROWS}"
        ):
            values = {column: _value(value) for column, value in zip(columns, row, strict=True) if value is not None}
            owner = values.pop(link, None)
            card_id = values.get(lowered.get("card_id", ""))
            if "cards" not in known_fields(list(values)) or card_id in names:
                values["card"] = names.get(card_id, card_id)
            values.pop(lowered.get("id", ""), None)
            values.pop(lowered.get("card_id", ""), None)
            found.setdefault(owner, []).append(values)
    return found
