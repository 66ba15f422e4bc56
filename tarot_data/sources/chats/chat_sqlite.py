"""Chats in a database: by a query of chat_programs.toml, or from a table whose columns are those of messages."""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import replace

from tarot_data.sources.chats.message_table import are_a_chat, cells_of, chats_of, is_message, parts_of_keys
from tarot_data.sources.chats.programs import Program, programs_of
from tarot_data.sources.chats.sittings import Message, to_records
from tarot_data.sources.labels import known_fields
from tarot_data.sources.records import Blob, RawRecord, Rejected, SourceError, rejected, unreadable
from tarot_data.sources.tables.sqlite_joins import quoted

MAX_ROWS = 1_000_000
_LOOKED_AT = 200
"""Rows by which a table of messages is recognised."""
_MISSING = re.compile(r"no such column: (?:(\w+)\.)?(\w+)")
_MOST_MISSING = 20
"""Columns of a query that an older version of a program may lack."""


def program_of(tables: Iterable[str]) -> Program | None:
    """Return the program whose tables a database has. A mark that ends in _ is the beginning of a table's name."""
    names = set(tables)

    def has(mark: str) -> bool:
        return mark in names or mark.endswith("_") and any(name.startswith(mark) for name in names)

    return next((program for program in programs_of("sqlite") if program.marks and all(map(has, program.marks))), None)


def message_tables(columns: dict[str, Iterable[str]]) -> list[str]:
    """Return the tables of messages of a database of no known program. columns: those of each table."""
    found = []
    for table, names in columns.items():
        parts = parts_of_keys(names)
        whole = {"text", "time"} <= parts and bool(parts & {"sender", "mine", "account"})
        if whole and not known_fields(list(names)) & {"cards", "spread", "draws"}:
            found.append(table)
    return found


def read(database: sqlite3.Connection, program: Program, blob: Blob) -> Iterator[RawRecord | Rejected]:
    """Read the chats of a known program. Raises SourceError if its databases are not read, and sqlite3.Error."""
    if program.refused or program.query is None:
        raise unreadable("chat_database_refused", program=program.name)
    yield from _records(chats(database, program), blob)


def read_table(database: sqlite3.Connection, table: str, blob: Blob) -> Iterator[RawRecord | Rejected] | None:
    """Read a table of messages; None if its rows are not those of a chat."""
    cells = [cells_of(row) for row in _rows_of(database, table, _LOOKED_AT)]
    if not are_a_chat(cells) or not all(map(is_message, cells[:3])):
        return None
    names = _people(database)
    placed = ((f"table {table} row {number}", row) for number, row in enumerate(_rows_of(database, table, MAX_ROWS), 1))
    return _records(chats_of(placed, names=names), blob)


_PEOPLE, _MOST_PEOPLE = ("user", "contact", "member", "people", "person", "entit"), 5000
_IDS, _NAMES = (
    ("id", "user_id", "uid", "wxid"),
    ("remark", "display_name", "nickname", "first_name", "name", "username"),
)


def _people(database: sqlite3.Connection) -> dict[str, str]:
    """Map ids to names by the tables of people (`users`, `contacts`) of a database."""
    found: dict[str, str] = {}
    for (table,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if any(word in table.lower() for word in _PEOPLE):
            for row in _rows_of(database, table, _MOST_PEOPLE):
                account = next((row[key] for key in _IDS if row.get(key) is not None), None)
                name = next((row[key] for key in _NAMES if isinstance(row.get(key), str) and row[key]), None)
                if account is not None and name:
                    found[str(account)] = name
    return found


def _records(found: list[list[Message]], blob: Blob) -> Iterator[RawRecord | Rejected]:
    if not any(found):
        raise unreadable("chat_empty")
    for messages in filter(None, found):
        try:
            yield from to_records(messages, blob)
        except SourceError as error:
            verdict = rejected(blob, error)
            yield replace(verdict, source=replace(verdict.source, locator=f"chat of {messages[0].place}"))


def chats(database: sqlite3.Connection, program: Program) -> list[list[Message]]:
    """Return the messages of each chat. Columns that the database lacks are empty."""
    query = program.query or ""
    for _ in range(_MOST_MISSING):
        try:
            rows = list(_rows(database.execute(f"{query} LIMIT {MAX_ROWS}")))
            break
        except sqlite3.OperationalError as error:
            missing = _MISSING.search(str(error))
            if missing is None:
                raise
            prefix = rf"\b{missing[1]}\." if missing[1] else r"\b"
            query = re.sub(rf"{prefix}{missing[2]}\b", "NULL", query)
    else:
        return []
    return chats_of(((f"row {number}", row) for number, row in enumerate(rows, 1)), program=program)


def _rows_of(database: sqlite3.Connection, table: str, limit: int) -> Iterator[dict]:
    return _rows(database.execute(f"SELECT * FROM {quoted(table)} LIMIT {limit}"))


def _rows(cursor: sqlite3.Cursor) -> Iterator[dict]:
    names = [column[0] for column in cursor.description]
    for values in cursor:
        row = dict(zip(names, values, strict=True))
        archived = row.pop("archived", None)
        if not row.get("text") and isinstance(archived, bytes):
            row["text"] = _archived_text(archived)
        yield {
            name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value for name, value in row.items()
        }


def _archived_text(data: bytes) -> str:
    """Return the text of an archived NSAttributedString (macOS 13 and later keep messages only so).

    The string follows the name of its class, a few type bytes, `+`, and its length: a byte, or 0x81 and two bytes.
    """
    _, found, rest = data.partition(b"NSString")
    start = rest.find(b"+", 0, 16) + 1
    if not found or not start or start >= len(rest):
        return ""
    length, start = rest[start], start + 1
    if length == 0x81:
        length, start = int.from_bytes(rest[start : start + 2], "little"), start + 2
    return rest[start : start + length].decode("utf-8", "replace")
