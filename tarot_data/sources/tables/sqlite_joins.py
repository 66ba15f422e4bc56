"""What a database keeps in other tables than the readings': their cards, their text, the names their numbers stand for."""

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from tarot_data.cards import card_fields
from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.labelled_lines import known_fields
from tarot_data.text.cleanup import plain
from tarot_data.text.normalise import fold

MAX_ROWS = 1_000_000

_LINK = re.compile(r"^(.+?)[\s_]*(?:id|uuid|编号)$")
_KEYS = ("id", "uuid", "编号")
_ANY_READING = ("reading", "record")
_DECKS = ("deck", "牌", "牌表", "塔罗牌", "卡牌")
_ORDER = (
    "position",
    "place",
    "seq",
    "sort",
    "idx",
    "index",
    "ord",
    "order",
    "number",
    "no",
    "n",
    "序号",
    "位置",
    "顺序",
)
_DRAW = ("draw", "drawno", "drawnumber", "drawindex", "组", "第几组")
_POINTED = {"person", "spread", "reader", "deck", "cards"}
"""Fields that a number may stand for; `reading_id` is no text of a reading."""
_WHO_AND_WHAT = {"person", "question", "spread", "cards", "date"}


@dataclass(frozen=True)
class Table:
    """key: the column other tables point to. links: column to the table it points to, None where that is not known."""

    name: str
    columns: tuple[str, ...]
    key: str | None
    links: dict[str, str | None]

    @property
    def fields(self) -> set[str]:
        """What its columns say, by themselves and by the rows they point to (`client_id`)."""
        pointed = {known[0] for column in self.links if (known := field_of(stem_of(column) or ""))}
        return known_fields([column for column in self.columns if column not in self.links]) | pointed & _POINTED


@dataclass(frozen=True)
class Base:
    """A table of readings. cards, texts: the tables that hold these for it, with the column that points to it."""

    table: Table
    cards: tuple[tuple[Table, str], ...]
    texts: tuple[tuple[Table, str], ...]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def tables_of(database: sqlite3.Connection) -> dict[str, Table]:
    names = [
        name
        for (name,) in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND sql NOT LIKE 'CREATE VIRTUAL%'"
        )
    ]
    found = {}
    for name in names:
        columns = [(row[1], row[5]) for row in database.execute(f"PRAGMA table_info({quoted(name)})")]
        stated = {row[3]: row[2] for row in database.execute(f"PRAGMA foreign_key_list({quoted(name)})")}
        primary = [column for column, place in columns if place]
        key = primary[0] if len(primary) == 1 else next((c for c, _ in columns if fold(c) in _KEYS), None)
        links = {
            column: stated.get(column) or _table_called(stem_of(column), names, name)
            for column, _ in columns
            if column in stated or stem_of(column) and column != key
        }
        found[name] = Table(name, tuple(column for column, _ in columns), key, links)
    return found


def stem_of(column: str) -> str | None:
    """What a column like `client_id` or `ReadingId` points to: client, reading."""
    match = _LINK.match(fold(column))
    return match[1] if match else None


def _singular(name: str) -> str:
    return re.sub(r"[\s_]+", "", fold(name)).removesuffix("s")


def _table_called(stem: str, names: list[str], own: str) -> str | None:
    """The table a stem names: itself in the plural, or one whose name ends in it (`tarot_cards`)."""
    stem = _singular(stem)
    others = [name for name in names if name != own]
    exact = next((name for name in others if _singular(name) == stem), None)
    if exact or stem != "card":
        return exact
    return next(
        (name for name in others if fold(name) in _DECKS or _singular(name).endswith(("tarotcard", "deck"))), None
    )


def bases_of(tables: dict[str, Table]) -> list[Base]:
    """The tables of readings, those whose columns say most first; none that belongs to another of them."""
    found: list[Base] = []
    belongs: set[str] = set()
    for table in sorted(tables.values(), key=lambda table: -len(table.fields & {*_WHO_AND_WHAT, "content"})):
        if table.name in belongs:
            continue
        below = [
            (other, column)
            for other in tables.values()
            if other is not table and not _is_whole(other) and (column := _link_to(table, other)) is not None
        ]
        cards = [(other, column) for other, column in below if other.fields & {"cards", "orientation"}]
        texts = [(other, column) for other, column in below if "content" in other.fields]
        named = table.fields
        whole = "content" in named and named & {"person", "question", "cards"}
        split = "content" not in named and texts and len(named & _WHO_AND_WHAT) + bool(cards) >= 2
        if not (whole or split or "content" in named and cards):
            continue
        found.append(Base(table, tuple(cards if "cards" not in named else ()), tuple(texts if split else ())))
        belongs |= {other.name for other, _ in below} | set(filter(None, table.links.values()))
    return found


def _is_whole(table: Table) -> bool:
    """Whether a table that points to readings holds readings itself: follow-ups with cards and a text of their own."""
    return {"content", "cards", "question"} <= table.fields


def _link_to(base: Table, other: Table) -> str | None:
    """The column of another table that points to a table of readings."""
    stated = next((column for column, name in other.links.items() if name == base.name), None)
    if stated or base.key is None:
        return stated
    return next((c for c, name in other.links.items() if name is None and stem_of(c) in _ANY_READING), None)


def names_for(database: sqlite3.Connection, table: Table, tables: dict[str, Table]) -> dict[str, dict[object, str]]:
    """Column of a table to what its numbers stand for: the client's name, the spread's."""
    found = {}
    for column, target in table.links.items():
        known = field_of(stem_of(column) or "")
        if target is None or known is None or known[0] not in _POINTED - {"cards"}:
            continue
        name = _name_column(tables[target], known[0])
        if name and tables[target].key:
            found[column] = dict(_rows(database, tables[target], [tables[target].key, name]))
    return found


def _name_column(table: Table, field: str) -> str | None:
    by_field = [column for column in table.columns if (known := field_of(column)) and known[0] == field]
    called = [column for column in table.columns if fold(column) in ("name", "title", "名称", "label")]
    return next(iter([*by_field, *called]), None)


def texts_of(database: sqlite3.Connection, child: Table, link: str) -> dict[object, list[str]]:
    """The text of each reading, in the order in which it lies in a table of its own."""
    column = next(column for column in child.columns if (known := field_of(column)) and known[0] == "content")
    order = [column for column in child.columns if re.sub(r"[\s_]+", "", fold(column)) in _ORDER]
    held: dict[object, list[tuple]] = {}
    for owner, text, *numbers in _rows(database, child, [link, column, *order[:1]]):
        if text not in (None, ""):
            held.setdefault(owner, []).append((numbers, text))
    return {owner: [text for _, text in _ordered(rows)] for owner, rows in held.items()}


def _ordered(rows: list[tuple]) -> list[tuple]:
    """Rows by their numbers where all have one, else as they lie."""
    if all(isinstance(number, int | float) for numbers, *_ in rows for number in numbers):
        return sorted(rows, key=lambda row: row[0])
    return rows


def cards_of(
    database: sqlite3.Connection, child: Table, link: str, tables: dict[str, Table]
) -> dict[object, list[list[dict]]]:
    """The draws of each reading, each a list of card objects in their order."""
    fields = {column: known[0] for column in child.columns if (known := field_of(column))}
    by_id = next((column for column in child.links if stem_of(column) == "card"), None)
    names = _card_names(database, tables[child.links[by_id]]) if by_id and child.links[by_id] else {}
    bare = {column: re.sub(r"[\s_]+", "", fold(column)) for column in child.columns}
    draw = next((column for column in child.columns if bare[column] in _DRAW), None)
    written = next(
        (c for c in child.columns if c not in (draw, link) and fields.get(c) in ("cards", "person", "title")), None
    )
    side = next((column for column in child.columns if fields.get(column) == "orientation"), None)
    place = next((column for column in child.columns if fields.get(column) == "position"), None)
    numbers = [c for word in _ORDER for c in child.columns if bare[c] in (word, f"{word}index", f"card{word}")]
    wanted = [link, draw, by_id, written, side, place, *numbers[:3]]
    held: dict[object, dict[object, list[tuple]]] = {}
    for owner, number, card_id, name, orientation, position, *order in _rows(database, child, wanted):
        card = {"card": names.get(card_id, card_id) if card_id is not None and name is None else name}
        if orientation is not None:
            card[side] = orientation
        if isinstance(position, str) and not position.isdigit():
            card["position"] = position
        held.setdefault(owner, {}).setdefault(number, []).append((order, card))
    return {
        owner: [[card for _, card in _by_number(draws[key])] for key in sorted(draws, key=plain)]
        for owner, draws in held.items()
    }


def _by_number(rows: list[tuple]) -> list[tuple]:
    """Cards by the first column of numbers that tells them all apart, else as they lie."""
    for index in range(len(rows[0][0])):
        numbers = [order[index] for order, _ in rows]
        if all(isinstance(number, int) for number in numbers) and len(set(numbers)) == len(numbers):
            return sorted(rows, key=lambda row: row[0][index])
    return rows


def _card_names(database: sqlite3.Connection, table: Table) -> dict[object, str]:
    """A deck's keys to its cards' names: the first column in which only cards stand."""
    if table.key is None:
        return {}
    rows = list(_rows(database, table, [table.key, *table.columns]))[:10_000]
    for index in range(1, len(table.columns) + 1):
        cells = [row[index] for row in rows[:20]]
        if cells and all(isinstance(cell, str) and len(card_fields.listed(cell)) == 1 for cell in cells):
            return {row[0]: row[index] for row in rows}
    return {}


def _rows(database: sqlite3.Connection, table: Table, columns: list[str | None]) -> Iterator[tuple]:
    """Rows of a table, None for a column that it lacks."""
    asked = ", ".join(quoted(column) if column else "NULL" for column in columns)
    for row in database.execute(f"SELECT {asked} FROM {quoted(table.name)} LIMIT {MAX_ROWS}"):
        yield tuple(value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in row)
