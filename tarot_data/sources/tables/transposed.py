"""Readings of a table whose labels are in the first column: a form, or a table with one column per reading."""

from collections.abc import Iterator
from typing import NamedTuple

from tarot_data.cards import card_fields
from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.labels import position_in
from tarot_data.sources.tables.cells import Row, cell_at, cell_text, filled, is_blank
from tarot_data.sources.tables.header import Columns, columns_of
from tarot_data.text.normalise import fold


class Transposed(NamedTuple):
    """One reading. number: its first row. column: from 1, None if the reading takes all columns."""

    number: int
    column: int | None
    columns: Columns
    cells: Row


def is_transposed(rows: list[Row]) -> bool:
    """Check that the first column names cards, the text and one more field."""
    labels = [label for row in rows if (label := _label(row))]
    names = {key[0] for label in labels if (key := field_of(label))}
    has_cards = "cards" in names or sum(position_in(label) is not None for label in labels) > 1
    return has_cards and "content" in names and len(names - {"cards"}) >= 2


def _label(row: Row) -> str | None:
    """Return the text of the first cell if it is short and another cell has text."""
    first = cell_text(row[0]) if row else ""
    return first if 0 < len(first) <= 40 and any(map(cell_text, row[1:])) else None


def readings(rows: list[tuple[int, Row]]) -> Iterator[Transposed]:
    """Read a reading a column (`客户 | 阿宁 | 小鹿`, `牌 | … | …`), or forms below each other."""
    for block in _blocks(rows):
        number, rows_of_block = block[0][0], [row for _, row in block]
        texts = [len(filled(row[1:])) for row in rows_of_block if (field_of(_label(row)) or [""])[0] == "content"]
        if max(texts, default=1) > 1:
            yield from _reading_a_column(number, rows_of_block)
        else:
            labels, cells = _form(rows_of_block)
            if found := columns_of(labels):
                yield Transposed(number, None, found[0], cells)


def _blocks(rows: list[tuple[int, Row]]) -> list[list[tuple[int, Row]]]:
    """Split labelled rows before each repetition of their first known label."""
    blocks: list[list[tuple[int, Row]]] = []
    first: str | None = None
    for number, row in rows:
        label = _label(row)
        if label is None or first is None and not (field_of(label) or position_in(label)):
            continue
        first = first or fold(label)
        if fold(label) == first:
            blocks.append([])
        blocks[-1].append((number, row))
    return blocks


def _reading_a_column(number: int, rows: list[Row]) -> Iterator[Transposed]:
    found = columns_of([_label(row) for row in rows])
    for column in range(1, max(map(len, rows)) if found else 0):
        cells = [cell_at(row, column) for row in rows]
        if not all(map(is_blank, cells)):
            yield Transposed(number, column + 1, found[0], cells)


def _form(rows: list[Row]) -> tuple[list[str], Row]:
    """Return labels and values of a form: `客户 | 阿宁 | 日期 | 5月1日` has two, `过去 | 隐士 | 逆位` is one card."""
    labels: list[str] = []
    values: Row = []
    for row in rows:
        cells = filled(row)
        names = [cell_text(cell) for cell in cells]
        if len(cells) == 3 and position_in(names[0]) and card_fields.orientation_of(names[2]):
            labels.append(names[0])
            values.append(f"{names[1]} {names[2]}")
        elif len(cells) % 2 == 0 and all(field_of(name) or position_in(name) for name in names[::2]):
            labels += names[::2]
            values += cells[1::2]
        else:
            labels.append(names[0])
            values.append(cells[1])
    return labels, values
