"""Readings of a table whose labels are in the first column: a form, or a table with one column per reading."""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from tarot_data.cards import card_fields
from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.labels import known_fields, position_in
from tarot_data.sources.tables.cells import Row, cell_at, cell_text, filled, is_blank
from tarot_data.sources.tables.header import Columns, columns_of
from tarot_data.sources.text_choice import label_score
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
    names = known_fields(labels)
    has_cards = "cards" in names or sum(position_in(label) is not None for label in labels) > 1
    return has_cards and any(map(_is_text, labels)) and len(names - {"cards", "content"}) >= 1


def _label(row: Row) -> str | None:
    """Return the text of the first cell if it is short and another cell has text."""
    first = cell_text(row[0]) if row else ""
    return first if 0 < len(first) <= 40 and any(map(cell_text, row[1:])) else None


def readings(rows: list[tuple[int, Row]]) -> Iterator[Transposed]:
    """Read a reading a column (`客户 | 阿宁 | 小鹿`, `牌 | … | …`), or forms below each other."""
    if all(field_of(cell_text(cell)) for cell in rows[0][1] if not is_blank(cell)):
        rows = rows[1:]  # `问题 | 回答` above the form
    for block in _blocks(rows):
        number, rows_of_block = block[0][0], [row for _, row in block]
        texts = [len(filled(row[1:])) for row in rows_of_block if _is_text(_label(row) or "")]
        if max(texts, default=1) > 1:
            yield from _reading_a_column(number, rows_of_block)
        else:
            labels, cells = _form(rows_of_block)
            if columns := _columns(labels):
                yield Transposed(number, None, columns, cells)


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
    columns = _columns([_label(row) for row in rows])
    for column in range(1, max(map(len, rows)) if columns else 0):
        cells = [cell_at(row, column) for row in rows]
        if not all(map(is_blank, cells)):
            yield Transposed(number, column + 1, columns, cells)


def _is_text(label: str) -> bool:
    """Check for a label of the content, or one that is not known and named like a reader's text."""
    key = field_of(label)
    return key[0] == "content" if key else label_score(label) > 0


def _columns(labels: list[str]) -> Columns | None:
    """Return the columns of labels; without a label of the content, the one named like a reader's text has it."""
    found = columns_of(labels)
    if found is None or "content" in found[0].names:
        return found and found[0]
    keys = list(found[0].keys)
    texts = [index for index, label in enumerate(found[0].labels) if label and keys[index] is None and _is_text(label)]
    for index in texts[:1]:
        keys[index] = ("content", 1)
    return replace(found[0], keys=tuple(keys))


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
