"""Raw records from the rows of a table: CSV, XLSX, HTML, docx, a database."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import NamedTuple

from tarot_data.cards import card_fields
from tarot_data.lexicon.field_names import CARD_LISTS, SIDES, field_of
from tarot_data.privacy import mask
from tarot_data.sources.field_values import Fields, without_paths
from tarot_data.sources.labels import NTH_CARD
from tarot_data.sources.notes.in_records import notes_in
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, Rejected, Source, SourceError, source_of
from tarot_data.sources.tables import placed_cards, transposed
from tarot_data.sources.tables.cells import Row, cell_at, cell_text, filled, is_blank
from tarot_data.sources.tables.header import (
    HEADER_ROWS,
    WHO_WHAT_WHEN,
    Columns,
    Key,
    cards_in,
    columns_by_content,
    columns_by_notes,
    columns_of,
    find_header,
)
from tarot_data.sources.tables.neighbour_dates import dated_by_neighbours
from tarot_data.sources.tables.profile import REVERSED, understood
from tarot_data.sources.text_choice import SAMPLE_ROWS
from tarot_data.text.cleanup import plain
from tarot_data.text.normalise import fold

NumberedRows = Iterable[tuple[int, Row]]


def read_rows(
    rows: NumberedRows,
    blob: Blob,
    form: str,
    locator: str,
    hint: str | None = None,
    above: tuple[tuple[str, str], ...] = (),
) -> Iterator[RawRecord | Rejected]:
    """Read the records of numbered rows. locator: `row {}` or `sheet 1月 row {}`. hint: text that may hold the year.
    above: labels and values for every row without its own.

    Yields nothing if neither the labels nor the cells show which columns are the cards and the text.
    """
    table, rows = Table(blob, form, locator, hint, above), iter(rows)
    head = list(islice(rows, SAMPLE_ROWS))
    if placed_cards.is_form([row for _, row in head[: HEADER_ROWS + 1]]):
        records = placed_cards.readings(chain(head, rows), table.source, hint, [*above])
    else:
        records = _records(_lines(head, rows, table))
    return dated_by_neighbours(found for record in records for found in notes_in(record, blob))


@dataclass(frozen=True)
class Table:
    """The origin of rows. above: labels and values above the header, valid for every row without its own."""

    blob: Blob
    form: str
    locator: str
    hint: str | None
    above: tuple[tuple[str, object], ...] = ()

    def source(self, number: int, place: str = "") -> Source:
        return source_of(self.blob, self.locator.format(number) + place, self.form)


class Line(NamedTuple):
    """A row of a reading, or of one of its cards."""

    columns: Columns
    cells: Row
    source: Source
    table: Table


def _lines(head: list[tuple[int, Row]], rows: NumberedRows, table: Table) -> Iterator[Line | Rejected]:
    found = (lines for layout in LAYOUTS if (lines := layout(head, rows, table)) is not None)
    return next(found, iter(()))


def _header_above(head: list[tuple[int, Row]], rows: NumberedRows, table: Table) -> Iterator[Line | Rejected] | None:
    """Read `日期 | 客户 | 牌 | 解读` over the readings; titles and `客户：阿宁` may be above it."""
    near = [row for _, row in head[: HEADER_ROWS + 1]]
    found = find_header(near)
    if found is None or max(len(filled(row)) for row in near) == 2 and transposed.is_transposed(near):
        return None  # `问题 | 回答` over the labels and values of a form
    index, columns, taken = found
    try:
        columns = understood(columns, [row for _, row in head[index + taken :] if filled(row)])
    except SourceError as error:
        return iter([Rejected(source=table.source(head[index][0]), stage="read", **error.verdict)])
    titles = [row for _, row in head[:index]]
    hint = " ".join([table.hint or "", *(" ".join(plain(cell) for cell in row if cell) for row in titles)]).strip()
    table = replace(table, hint=hint, above=(*_labelled_above(titles), *table.above))
    return _body(chain(head[index + taken :], rows), columns, table)


def _labels_in_first_column(
    head: list[tuple[int, Row]], rows: NumberedRows, table: Table
) -> Iterator[Line | Rejected] | None:
    """Read `客户 | 阿宁`, `牌 | 愚人`, `解读 | …` below each other; see `transposed`."""
    if not transposed.is_transposed([row for _, row in head[: HEADER_ROWS + 1]]):
        return None
    return (
        Line(columns, cells, table.source(number, f" column {column}" if column else ""), table)
        for number, column, columns, cells in transposed.readings([*head, *rows])
    )


def _no_labels(head: list[tuple[int, Row]], rows: NumberedRows, table: Table) -> Iterator[Line | Rejected] | None:
    """Read `2024-01-05 | 阿宁 | 愚人正位 | a long text`: columns identified by their cells."""
    columns = columns_by_content([row for _, row in head[: HEADER_ROWS + 1]])
    return columns and _body(chain(head, rows), columns, table)


def _unknown_labels(head: list[tuple[int, Row]], rows: NumberedRows, table: Table) -> Iterator[Line | Rejected] | None:
    """Read columns identified by their cells under labels that are not known."""
    if len(head) < 2:
        return None
    first, *body = (row for _, row in head[: HEADER_ROWS + 1])
    columns = columns_by_content(body, labels=first)
    return columns and _body(chain(head[1:], rows), columns, table)


def _notes_in_cells(head: list[tuple[int, Row]], rows: NumberedRows, table: Table) -> Iterator[Line | Rejected] | None:
    """Read the export of a note app whose labels are not known: one column has labelled notes."""
    columns = columns_by_notes([row for _, row in head])
    return columns and _body(chain(head, rows), columns, table)


LAYOUTS: tuple[Callable, ...] = (_header_above, _labels_in_first_column, _no_labels, _notes_in_cells, _unknown_labels)
"""Layouts of a table, tried in order on its first rows; None if a table does not have it."""

_OF_EVERY_ROW = {"person", "date", "spread", "reader", "deck"}


def _labelled_above(rows: list[Row]) -> Iterator[tuple[str, object]]:
    """Return labels and values in rows above a header: `客户：阿宁` in a cell, or 客户 and 阿宁 in two."""
    for row in rows:
        cells = [cell_text(cell) for cell in filled(row)]
        for cell, after in zip(cells, [*cells[1:], ""], strict=False):
            label, _, value = (part.strip() for part in cell.replace("：", ":").partition(":"))
            if not value and field_of(cell) != field_of(label):
                continue
            value = value or after
            key = field_of(label) if len(label) <= 12 else None
            if key and key[0] in _OF_EVERY_ROW and value and not field_of(value):
                yield label, value


def _body(rows: NumberedRows, columns: Columns, table: Table) -> Iterator[Line | Rejected]:
    for number, row in rows:
        cells = [cell_text(cell) if isinstance(cell, str) else cell for cell in row]
        cells = columns.without_placeholders(cells)
        present = filled(cells)
        if not present:
            continue
        if _is_header_again(present, columns):
            again = columns_of(cells)
            columns = again[0] if again else columns
        elif len(present) == 1 and columns.width > 2 and not columns.cells(cells, "content"):
            # A title between months; its year and month apply to the rows below.
            title = plain(present[0])
            if any(map(str.isdecimal, title)):
                table = replace(table, hint=f"{table.hint or ''} {title[:60]}")
        elif filled(cells[columns.width :]):
            yield _too_many(columns, cells, table.source(number))
        elif columns.positions or any(columns.cells(cells, name) for name in ("content", "cards", "question")):
            yield Line(columns, cells, table.source(number), table)


def _is_header_again(present: Row, columns: Columns) -> bool:
    """Check for the header repeated after each month, perhaps with its columns in another order."""
    labels = {fold(label) for label in columns.labels if label}
    widest = max(map(len, labels), default=0)
    named = [plain(cell) for cell in present]
    named = [fold(cell) if len(cell) <= widest else "" for cell in named]
    return len(named) >= 2 and sum(name in labels for name in named) >= max(2, len(named) - 1)


def _too_many(columns: Columns, cells: Row, source: Source) -> Rejected:
    over = len(cells) - columns.width
    return Rejected(
        source=source,
        stage="read",
        reason="unreadable",
        code="too_many_cells",
        values={"cells": len(cells), "columns": columns.width, "over": over},
        raw={"line": " | ".join(_lone_masked(columns, cells))[:2000]},
    )


def _lone_masked(columns: Columns, cells: Row) -> list[str]:
    """Mask the cells of a row that has slipped: an account may be in any of them if a column holds contact details."""
    texts = [plain(cell) for cell in cells]
    if any(mask.announces(label) for label in columns.labels if label):
        return [mask.mask_lone(text) for text in texts]
    return texts


def _records(lines: Iterator[Line | Rejected]) -> Iterator[RawRecord | Rejected]:
    """Make a record of each row; consecutive rows with one card each of the same reading are one record."""
    group: list[Line] = []
    for line in lines:
        if group and isinstance(line, Line) and _continues(group, line):
            group.append(line)
            continue
        if group:
            yield _record(group)
        group = [line] if isinstance(line, Line) else []
        if not group:
            yield line
    if group:
        yield _record(group)


def _continues(group: list[Line], line: Line) -> bool:
    """Check that a row is one more card of the reading above it: person, question and date are not different.

    Its text is the same (merged cells), or there is none and a column of orientations or positions; or, at another
    position, the text is about its card.
    """
    first, columns = group[0], line.columns
    if columns is not first.columns or columns.positions or "cards" not in columns.names:
        return False
    pairs = [(cell_at(first.cells, index), cell_at(line.cells, index)) for index in range(len(columns.keys))]
    if not all(_agrees(key, *pair) for key, pair in zip(columns.keys, pairs, strict=True)):
        return False
    texts = [pair for index in columns.by_name.get("content", ()) if not is_blank((pair := pairs[index])[1])]
    other_text = any(above != cell for above, cell in texts)
    if "position" not in columns.names:
        return not other_text and (bool(texts) or bool(columns.names & {*SIDES}))
    *places, place = [_first(columns, other.cells, "position") for other in (*group, line)]
    if not other_text:
        return not place or place not in places
    known = sum(bool(columns.cells(first.cells, name)) for name in WHO_WHAT_WHEN)
    return known > 1 and all([*places, place]) and len({*places, place}) > len(places)


_OF_ONE_CARD = {"content", *SIDES, "position", "id"}
"""Fields that may differ between the cards of a reading."""


def _agrees(key: Key | None, above: object, cell: object) -> bool:
    name = key[0] if key else None
    if name == "cards":
        return all(isinstance(card, str) and cards_in(card) == 1 for card in (above, cell))
    return name in _OF_ONE_CARD or is_blank(cell) or cell == above


def _first(columns: Columns, cells: Row, name: str) -> object:
    """Return the cell in a field's first column."""
    return cell_at(cells, columns.by_name[name][0]) if name in columns.names else None


def _record(lines: list[Line]) -> RawRecord:
    columns, cells, source, table = lines[0]
    fields = _fields(columns, cells, table)
    if columns.positions and (cards := _cards_at_positions(columns, cells)):
        fields[("cards", 1)] = [("牌", cards)]
    if len(lines) > 1:
        fields = {key: values for key, values in fields.items() if key[0] not in (*SIDES, "position")}
        fields[("cards", 1)] = [("牌", [_card(line) for line in lines])]
        texts = [text for line in lines if not is_blank(text := _first(columns, line.cells, "content"))]
        if len(set(texts)) > 1:
            fields[("content", 1)] = [("解读", texts)]
    if extras := [(columns.labels[index], cell) for index in columns.extras if (cell := cell_at(cells, index))]:
        fields[("extra", 1)] = extras
    return to_record(fields, source, date_hint=table.hint, unknown=columns.unknown)


def _fields(columns: Columns, cells: Row, table: Table) -> Fields:
    """Return the fields of a row, those above the header included."""
    fields: Fields = {}
    for label, key, cell in zip(columns.labels, columns.keys, cells, strict=False):
        if key and not is_blank(cell):
            short = isinstance(cell, str) and key[0] in _RELATED
            fields.setdefault(key, []).append((label, without_paths(cell) if short else cell))
        elif key and columns.lists_reversed and key[0] == REVERSED:
            fields[key] = [(label, False)]
    if day := _day_of(columns, cells):
        fields[("date", 1)] = [("日期", day)]
    names = {key[0] for key in fields}
    for label, value in table.above:
        if (key := field_of(label)) and key[0] not in names:
            fields.setdefault(key, []).append((label, value))
    return fields


_RELATED = ("person", "spread", *CARD_LISTS)
"""Fields that may be relations to other pages."""

_UNITS = ("年", "月", "日")


def _day_of(columns: Columns, cells: Row) -> str | None:
    """Return the day of a row that has month and day, perhaps the year, in separate columns."""
    parts = {}
    for label, cell in zip(columns.labels, cells, strict=False):
        if label in _UNITS:
            number = cell_text(cell).removesuffix(label).removesuffix(".0")
            if number.isdecimal() and len(number) <= 4:
                parts[label] = number
    month, day = _UNITS[1:]
    return "".join(f"{parts[unit]}{unit}" for unit in _UNITS if unit in parts) if {month, day} <= set(parts) else None


def _cards_at_positions(columns: Columns, cells: Row) -> list[dict[str, object]]:
    """Return the card objects of a row with a column a card."""
    cards = []
    for index, position in columns.positions.items():
        cell = cell_at(cells, index)
        if not is_blank(cell):
            place = {} if NTH_CARD.fullmatch(position) else {"position": position}
            cards.append({"card": cell, **place, **_side(columns, cells, index)})
    return cards


def _side(columns: Columns, cells: Row, index: int) -> dict[str, object]:
    """Return the orientation of the card in a column: a word for it, or whether it is reversed."""
    cell = cell_at(cells, columns.sides.get(index, len(cells)))
    if is_blank(cell):
        return {}
    return {"orientation" if card_fields.orientation_of(plain(cell)) else "is_reversed": cell}


def _card(line: Line) -> dict[str, object]:
    """Return the card object of a row with one card."""
    card: dict[str, object] = {}
    for label, key, cell in zip(line.columns.labels, line.columns.keys, line.cells, strict=False):
        if key and key[0] in ("cards", *SIDES, "position") and not is_blank(cell):
            card["card" if key[0] == "cards" else label] = cell
    return card
