"""Tables of a database that belong to its readings: their cards, their texts, names of clients and spreads."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from tarot_data import lexicon
from tarot_data.cards import card_fields
from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.labels import known_fields
from tarot_data.sources.text_choice import label_score
from tarot_data.text.cleanup import plain
from tarot_data.text.normalise import fold

MAX_ROWS = 1_000_000


@lexicon.cached
def _words(kind: str) -> tuple[str, ...]:
    """Return the folded names of a kind of the table database.csv, the most specific first."""
    return tuple(map(fold, lexicon.words("database", kind)))


_POINTED = {"person", "spread", "reader", "deck", "cards"}
"""Fields that a key may point to; `reading_id` is not the text of a reading."""
_WHO_AND_WHAT = {"person", "question", "spread", "cards", "date"}


@dataclass(frozen=True)
class Table:
    """key: the column other tables point to. links: column to the table it points to, None if that is not known."""

    name: str
    columns: tuple[str, ...]
    key: str | None
    links: dict[str, str | None]

    @property
    def fields(self) -> set[str]:
        """Return the fields of its columns and of the rows they point to (`client_id`)."""
        pointed = {known[0] for column in self.links if (known := field_of(stem_of(column) or ""))}
        return known_fields([column for column in self.columns if column not in self.links]) | pointed & _POINTED


@dataclass(frozen=True)
class Base:
    """A table of readings. cards, texts: the tables with these, and their column that points to it."""

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
        key = primary[0] if len(primary) == 1 else next((c for c, _ in columns if is_key(c)), None)
        links = {
            column: stated.get(column) or _table_called(stem_of(column), names, name)
            for column, _ in columns
            if column in stated or stem_of(column) and column != key
        }
        found[name] = Table(name, tuple(column for column, _ in columns), key, links)
    return found


def is_key(column: str) -> bool:
    """Check that a column identifies its row: id, uuid, 编号."""
    return fold(column) in _words("key")


def stem_of(column: str) -> str | None:
    """Return the table that a column's name points to: `client_id` and `ReadingId` to client and reading."""
    name = fold(column)
    suffixes = [word for word in _words("key") if name.endswith(word) and len(name) > len(word)]
    stem = name.removesuffix(max(suffixes, key=len)) if suffixes else ""
    return stem[:1] + stem[1:].rstrip(" _\t\n") or None


def _bare(name: str) -> str:
    return "".join(fold(name).replace("_", " ").split())


def _singular(name: str) -> str:
    return _bare(name).removesuffix("s")


def _table_called(stem: str, names: list[str], own: str) -> str | None:
    """Return the table that a stem names: its plural, or for card one whose name ends in it (`tarot_cards`)."""
    stem = _singular(stem)
    others = [name for name in names if name != own]
    exact = next((name for name in others if _singular(name) == stem), None)
    if exact or stem != "card":
        return exact
    return next(
        (name for name in others if fold(name) in _words("deck") or _singular(name).endswith(("tarotcard", "deck"))),
        None,
    )


def bases_of(tables: dict[str, Table]) -> list[Base]:
    """Return the tables of readings, those with most fields first; none that belongs to another of them."""
    found: list[Base] = []
    belongs: set[str] = set()
    for table in sorted(tables.values(), key=lambda table: -len(table.fields & {*_WHO_AND_WHAT, "content"})):
        if table.name in belongs:
            continue
        below = [
            (other, column)
            for other in tables.values()
            if other is not table
            and other.name not in belongs
            and not _is_whole(other)
            and (column := _link_to(table, other)) is not None
        ]
        if base := _base(table, below):
            found.append(base)
            belongs |= {other.name for other, _ in below} | set(filter(None, table.links.values()))
    return found


def _base(table: Table, below: list[tuple[Table, str]]) -> Base | None:
    """Return a table of readings with the tables below it that hold cards or texts; None if it is not one.

    below: the tables that point to it, with the column that does.
    """
    named = table.fields
    cards = tuple((other, column) for other, column in below if other.fields & {"cards", "orientation"})
    texts = tuple((other, column) for other, column in below if "content" in other.fields)
    if "content" in named:
        is_base, texts = bool(cards or named & {"person", "question", "cards"}), ()
    else:
        may_have_text = texts or any(not field_of(column) and label_score(column) > 0 for column in table.columns)
        is_base = bool(may_have_text) and len(named & _WHO_AND_WHAT) + bool(cards) >= 2
    return Base(table, () if "cards" in named else cards, texts) if is_base else None


def _is_whole(table: Table) -> bool:
    """Check for readings in a table that points to readings: follow-ups with their own cards and text."""
    return {"content", "cards", "question"} <= table.fields


def _link_to(base: Table, other: Table) -> str | None:
    """Return the column of another table that points to a table of readings."""
    stated = next((column for column, name in other.links.items() if name == base.name), None)
    if stated or base.key is None:
        return stated
    return next((c for c, name in other.links.items() if name is None and stem_of(c) in _words("reading")), None)


@dataclass(frozen=True)
class Joins:
    """Values of the readings of a table that other tables hold, by the key of the reading.

    names: column to {key in it: name}. cards: one dict a table of cards. texts: one dict a table of texts.
    """

    names: dict[str, dict[object, str]]
    cards: list[dict[object, list[list[dict]]]]
    texts: list[dict[object, list[str]]]

    def add_to(self, values: dict[str, object], key: str | None) -> dict[str, object]:
        """Add them to the values of a row, {column: value}, in place."""
        own = values.get(key) if key else None
        for column, names in self.names.items():
            if values.get(column) in names:
                values[field_of(stem_of(column) or "")[0]] = names[values.pop(column)]
        if draws := next((found[own] for found in self.cards if own in found), None):
            values["draws"] = [{"cards": draw} for draw in draws]
        if parts := [text for found in self.texts for text in found.get(own, ())]:
            values["content"] = parts
        return values


def joins_of(database: sqlite3.Connection, base: Base, tables: dict[str, Table]) -> Joins:
    return Joins(
        _names_for(database, base.table, tables),
        [_cards_of(database, child, link, tables) for child, link in base.cards],
        [_texts_of(database, child, link) for child, link in base.texts],
    )


def _names_for(database: sqlite3.Connection, table: Table, tables: dict[str, Table]) -> dict[str, dict[object, str]]:
    """Return, for each column that points to another table, its keys with their names: clients, spreads."""
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
    called = [column for column in table.columns if fold(column) in _words("name")]
    return next(iter([*by_field, *called]), None)


def _texts_of(database: sqlite3.Connection, child: Table, link: str) -> dict[object, list[str]]:
    """Return the texts of each reading from a table of their own, ordered by its column of numbers."""
    column = _column(child, "content")
    order = [column for column in child.columns if _bare(column) in _words("order")]
    found: dict[object, list[tuple]] = {}
    for owner, text, *numbers in _rows(database, child, [link, column, *order[:1]]):
        if text not in (None, ""):
            found.setdefault(owner, []).append((numbers, text))
    return {owner: [text for _, text in _ordered(rows)] for owner, rows in found.items()}


def _ordered(rows: list[tuple]) -> list[tuple]:
    """Sort rows by their numbers if each has one."""
    if all(isinstance(number, int | float) for numbers, *_ in rows for number in numbers):
        return sorted(rows, key=lambda row: row[0])
    return rows


def _column(table: Table, *names: str, without: tuple[str | None, ...] = ()) -> str | None:
    """Return the first column of one of the fields."""
    for column in table.columns:
        known = field_of(column)
        if known and known[0] in names and column not in without:
            return column
    return None


def _cards_of(
    database: sqlite3.Connection, child: Table, link: str, tables: dict[str, Table]
) -> dict[object, list[list[dict]]]:
    """Return the draws of each reading from a table with a row a card; a draw is a list of card objects in order."""
    by_id = next((column for column in child.links if stem_of(column) == "card"), None)
    names = _card_names(database, tables[child.links[by_id]]) if by_id and child.links[by_id] else {}
    draw = next((column for column in child.columns if _bare(column) in _words("draw")), None)
    written = _column(child, "cards", "person", "title", without=(draw, link))
    side, place = _column(child, "orientation"), _column(child, "position")
    wanted = [link, draw, by_id, written, side, place, *_order_of_cards(child)[:3]]
    found: dict[object, dict[object, list[tuple]]] = {}
    for owner, number, card_id, name, orientation, position, *order in _rows(database, child, wanted):
        card = {"card": names.get(card_id, card_id) if card_id is not None and name is None else name}
        if orientation is not None:
            card[side] = orientation
        if isinstance(position, str) and not position.isdigit():
            card["position"] = position
        found.setdefault(owner, {}).setdefault(number, []).append((order, card))
    return {
        owner: [[card for _, card in _by_number(draws[key])] for key in sorted(draws, key=plain)]
        for owner, draws in found.items()
    }


def _order_of_cards(child: Table) -> list[str]:
    """Return the columns that may number the cards (`position`, `card_order`, `序号`), the most specific first."""
    return [
        column
        for word in _words("order")
        for column in child.columns
        if _bare(column) in (word, f"{word}index", f"card{word}")
    ]


def _by_number(rows: list[tuple]) -> list[tuple]:
    """Sort cards by the first column of numbers that differ for all of them."""
    for index in range(len(rows[0][0])):
        numbers = [order[index] for order, _ in rows]
        if all(isinstance(number, int) for number in numbers) and len(set(numbers)) == len(numbers):
            return sorted(rows, key=lambda row: row[0][index])
    return rows


def _card_names(database: sqlite3.Connection, table: Table) -> dict[object, str]:
    """Return a deck's keys with its card names, from the first column that has only cards."""
    if table.key is None:
        return {}
    rows = list(_rows(database, table, [table.key, *table.columns]))[:10_000]
    for index in range(1, len(table.columns) + 1):
        cells = [row[index] for row in rows[:20]]
        if cells and all(isinstance(cell, str) and len(card_fields.listed(cell)) == 1 for cell in cells):
            return {row[0]: row[index] for row in rows}
    return {}


def _rows(database: sqlite3.Connection, table: Table, columns: list[str | None]) -> Iterator[tuple]:
    """Read rows of a table, with None for a column that it lacks."""
    asked = ", ".join(quoted(column) if column else "NULL" for column in columns)
    for row in database.execute(f"SELECT {asked} FROM {quoted(table.name)} LIMIT {MAX_ROWS}"):
        yield tuple(value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in row)
