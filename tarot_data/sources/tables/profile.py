"""The meaning of columns that their labels leave open, decided over the first rows of a table."""

from dataclasses import replace

from tarot_data.cards import card_fields
from tarot_data.sources.card_dictionary import is_dictionary
from tarot_data.sources.drawn_by_value import are_drawn
from tarot_data.sources.field_values import is_empty
from tarot_data.sources.records import not_a_reading, unreadable
from tarot_data.sources.tables.cells import Row, cell_at
from tarot_data.sources.tables.header import Columns
from tarot_data.sources.text_choice import TextChoice, choose_text
from tarot_data.text.cleanup import plain

REVERSED = "reversed_cards"
"""The field of a column that lists the reversed cards."""


def understood(columns: Columns, rows: list[Row]) -> Columns:
    """Return the columns with the one that holds the texts, if its label is not known, and the labels not understood.

    Raises SourceError if the table is a card dictionary, or if several columns may be the text.
    """
    if is_dictionary(columns.labels, rows):
        raise not_a_reading("card_dictionary")
    columns = _with_columns_of_cards(_with_lists_of_reversed(columns, rows), rows)
    recorded = any(not is_empty(cell_at(row, index)) for index in columns.by_name.get(REVERSED, ()) for row in rows)
    columns = replace(columns, lists_reversed=recorded)
    choice = _choice(columns, rows)
    if choice.rivals:
        first, second = choice.rivals
        raise unreadable("two_texts", first=first, second=second)
    keys = columns.keys
    at = next((index for index, label in enumerate(columns.labels) if label and label == choice.label), None)
    if at is not None and keys[at] is None:
        keys = tuple(None if key and key[0] == "content" else key for key in keys)
        keys = (*keys[:at], ("content", 1), *keys[at + 1 :])
    return replace(columns, keys=keys, unknown=choice.unknown)


def _with_lists_of_reversed(columns: Columns, rows: list[Row]) -> Columns:
    """Return the columns with those that ask for the orientation (`Reversed`) but list cards as lists of cards."""
    keys = list(columns.keys)
    for index in columns.by_name.get("orientation", ()):
        cells = [plain(cell_at(row, index) or "") for row in rows]
        if card_fields.asks_reversed(columns.labels[index]) and any(card_fields.listed(cell) for cell in cells if cell):
            keys[index] = (REVERSED, keys[index][1])
    return replace(columns, keys=tuple(keys)) if tuple(keys) != columns.keys else columns


def _with_columns_of_cards(columns: Columns, rows: list[Row]) -> Columns:
    """Return the columns with those of an unknown label (主牌, 选A的牌) whose cells are all card lists as cards of their
    own; the only column of cards, if its cells list several, as the cards: its label is no position."""
    found: dict[int, list[str]] = {}
    for index in _open_columns(columns):
        cells = [plain(cell) for row in rows if not is_empty(cell := cell_at(row, index))]
        if are_drawn(columns.labels[index], cells):
            found[index] = cells
    if len(found) == 1 and not columns.positions and not columns.extras and "cards" not in columns.by_name:
        ((index, cells),) = found.items()
        if max(len(card_fields.listed(cell)) for cell in cells) > 1:
            return replace(columns, keys=(*columns.keys[:index], ("cards", 1), *columns.keys[index + 1 :]))
    return replace(columns, extras=tuple(sorted({*columns.extras, *found}))) if found else columns


def _open_columns(columns: Columns) -> list[int]:
    """Return the columns with a label that mean nothing known."""
    used = {*columns.positions, *columns.sides.values(), *columns.extras}
    return [i for i, key in enumerate(columns.keys) if key is None and columns.labels[i] and i not in used]


def _choice(columns: Columns, rows: list[Row]) -> TextChoice:
    contents = columns.by_name.get("content", [])
    if len(contents) > 1 or len(columns.positions) > 1 and contents:
        return TextChoice()
    open_columns = _open_columns(columns)
    if not open_columns:
        return TextChoice()
    cells = {columns.labels[i]: [cell_at(row, i) for row in rows] for i in (*contents, *open_columns)}
    cards = columns.by_name.get("cards", [])
    drawn = ["、".join(str(cell_at(row, i) or "") for i in (*cards, *columns.positions)) for row in rows]
    return choose_text(cells, drawn)
