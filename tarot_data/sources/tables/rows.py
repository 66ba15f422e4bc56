"""Rows to records, for every form that is a table: CSV, XLSX, HTML tables, tables in a database."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import islice
from typing import NamedTuple

from tarot_data.cards import card_fields
from tarot_data.lexicon.field_names import field_of
from tarot_data.privacy import mask
from tarot_data.sources.labelled_lines import NTH_CARD, Fields, position_in
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, Rejected, Source, source_of
from tarot_data.sources.tables.header import (
    HEADER_ROWS,
    WHO_WHAT_WHEN,
    Columns,
    Row,
    cards_in,
    columns_by_content,
    columns_of,
    find_header,
)
from tarot_data.text.cleanup import plain
from tarot_data.text.dates import parse_date
from tarot_data.text.normalise import fold

WAITING_ROWS = 500
"""Rows that wait for a whole date below them, from which theirs get the year."""


def read_rows(
    rows: Iterable[tuple[int, Row]], blob: Blob, form: str, locator: str, hint: str | None = None
) -> Iterator[RawRecord | Rejected]:
    """Records of numbered rows. locator: `row {}` or `sheet 1月 row {}`. hint: where a year may stand.

    Nothing comes of a table without a header that names cards or a body, unless its columns show what they are.
    """
    yield from _dated_by_neighbours(_records(_lines(rows, blob, form, locator, hint)))


def _dated_by_neighbours(records: Iterator[RawRecord | Rejected]) -> Iterator[RawRecord | Rejected]:
    """Records in which a date without its year (`1月6日`) has it from the nearest whole date above it, or else below."""
    last: date | None = None
    waiting: list[RawRecord | Rejected] = []
    for record in records:
        written = None if isinstance(record, Rejected) else record.date
        day = parse_date(written, record.date_hint if written is not None else None)
        if day.day and not day.inferred:
            last = day.day
            yield from _near_backwards(waiting, last)
            waiting.clear()
        elif written is not None and day.day is None and last:
            record = _near(record, last)
            last = parse_date(record.date, record.date_hint).day or last
        elif waiting or written is not None and day.day is None and parse_date(written, "2024年1月").day:
            waiting.append(record)
            if len(waiting) > WAITING_ROWS:
                yield from waiting
                waiting.clear()
            continue
        yield record
    yield from waiting


def _near_backwards(records: list[RawRecord | Rejected], day: date) -> list[RawRecord | Rejected]:
    """Records above a whole date, each dated by the one below it."""
    dated = []
    for record in reversed(records):
        near = _near(record, day)
        if not isinstance(near, Rejected):
            day = parse_date(near.date, near.date_hint).day or day
        dated.append(near)
    return dated[::-1]


def _near(record: RawRecord | Rejected, day: date) -> RawRecord | Rejected:
    """The record with a hint under which its date is the nearest to a day; as it is where none is."""
    if isinstance(record, Rejected) or record.date is None or parse_date(record.date, record.date_hint).day:
        return record
    years = [f"{day.year + step}年" for step in (0, -1, 1)]
    months = [f"{month.year}年{month.month}月" for step in (0, -28, 28) if (month := day + timedelta(days=step))]
    for hints in (years, months):
        near = [(abs(found - day), hint) for hint in hints if (found := parse_date(record.date, hint).day)]
        if near:
            return replace(record, date_hint=f"{record.date_hint or ''} {min(near)[1]}".strip())
    return record


class Line(NamedTuple):
    """A row of a reading, or of one card of it, under the columns and the hint that hold for it. above: labels and values
    above the header, which hold for every row that does not say otherwise."""

    columns: Columns
    cells: Row
    source: Source
    hint: str | None
    above: tuple[tuple[str, object], ...] = ()


def _records(lines: Iterator[Line | Rejected]) -> Iterator[RawRecord | Rejected]:
    """A record a row; rows with one card each that say nothing else new are one reading."""
    held: list[Line] = []
    for line in lines:
        if held and isinstance(line, Line) and _continues(held, line):
            held.append(line)
            continue
        if held:
            yield _record(held)
        held = [line] if isinstance(line, Line) else []
        if not held:
            yield line
    if held:
        yield _record(held)


def _continues(held: list[Line], line: Line) -> bool:
    """Whether a row is one more card of the reading above: all it says of who asked what and when is said there too, and
    its text is the same (cells that were merged), or none beside a column of orientations or places, or, at another
    place than the cards above, what is said of its card."""
    first, columns = held[0], line.columns
    if columns is not first.columns or columns.positions or "cards" not in columns.names:
        return False
    same, differs, told = 0, False, set()
    for index, key in enumerate(columns.keys):
        above, cell = (cells[index] if index < len(cells) else None for cells in (first.cells, line.cells))
        if key and key[0] == "cards":
            if not all(isinstance(card, str) and cards_in(card) == 1 for card in (above, cell)):
                return False
        elif key and key[0] == "content" and cell not in (None, ""):
            same += cell == above
            differs = differs or cell != above
        elif key and key[0] in ("orientation", "position", "id") or cell in (None, ""):
            if key and key[0] in WHO_WHAT_WHEN and above not in (None, ""):
                told.add(key[0])
            continue
        elif cell != above:
            return False
        elif key:
            told.add(key[0])
    if "position" in columns.names:
        places = [_cell(columns, other.cells, "position") for other in (*held, line)]
        if differs:
            return all(places) and len(set(places)) == len(places) and len(told & WHO_WHAT_WHEN) > 1
        if places[-1] and places[-1] in places[:-1]:
            return False
    return not differs and (same > 0 or "orientation" in columns.names or "position" in columns.names)


def _cell(columns: Columns, cells: Row, name: str) -> object:
    """What a row has in a field's first column."""
    index = next((index for index, key in enumerate(columns.keys) if key and key[0] == name), len(cells))
    return cells[index] if index < len(cells) else None


def _lines(
    rows: Iterable[tuple[int, Row]], blob: Blob, form: str, locator: str, hint: str | None
) -> Iterator[Line | Rejected]:
    rows = iter(rows)
    first = list(islice(rows, HEADER_ROWS + 1))
    above: tuple[tuple[str, object], ...] = ()
    found = find_header([row for _, row in first])
    if found is None and is_upright([row for _, row in first]):
        yield from _upright([*first, *rows], blob, form, locator, hint)
        return
    if found is None:
        columns = columns_by_content([row for _, row in first])
        if columns is None:
            return
        start = 0
    else:
        index, columns, taken = found
        start = index + taken
        above = tuple(_labelled_above([row for _, row in first[:index]]))
        hint = " ".join(
            [hint or "", *(" ".join(plain(cell) for cell in row if cell) for _, row in first[:index])]
        ).strip()

    def rest() -> Iterator[tuple[int, Row]]:
        yield from first[start:]
        yield from rows

    for number, row in rest():
        cells = [plain(cell).strip() if isinstance(cell, str) else cell for cell in row]
        filled = [cell for cell in cells if cell not in (None, "")]
        if not filled:
            continue
        if _is_header_again(cells, columns):
            again = columns_of(cells)
            columns = again[0] if again else columns
            continue
        if len(filled) == 1 and columns.width > 2 and not _at(columns, cells, "content"):
            # A title between months; its year and month hold for what follows.
            if re.search(r"\d", plain(filled[0])):
                hint = f"{hint or ''} {plain(filled[0])[:60]}"
            continue
        source = source_of(blob, locator.format(number), form)
        if len(cells) > columns.width and any(cell not in (None, "") for cell in cells[columns.width :]):
            over = len(cells) - columns.width
            yield Rejected(
                source=source,
                stage="read",
                reason="unreadable",
                detail=f"the row has {len(cells)} cells, the header {columns.width}: {over} too many; put cells with commas in double quotes",
                raw={"line": " | ".join(_lone_masked(columns, cells))[:2000]},
            )
            continue
        if not columns.positions and not any(_at(columns, cells, name) for name in ("content", "cards", "question")):
            continue
        yield Line(columns, cells, source, hint, above)


def is_upright(rows: list[Row]) -> bool:
    """Whether the labels stand in the first column, their values beside them: a form, or a table on its side."""
    labels = [label for row in rows if (label := _label(row)) is not None and len(row) > 1]
    names = {key[0] for label in labels if (key := field_of(label))}
    laid = "cards" in names or sum(position_in(label) is not None for label in labels) > 1
    return laid and "content" in names and len(names - {"cards"}) >= 2


def _label(row: Row) -> str | None:
    """What the first cell of a row says, where it is short and something stands beside it."""
    first = plain(row[0]).strip() if row and row[0] is not None else ""
    beside = any(plain(cell).strip() for cell in row[1:] if cell is not None)
    return first if first and beside and len(first) <= 40 else None


def _upright(rows: list[tuple[int, Row]], blob: Blob, form: str, locator: str, hint: str | None) -> Iterator[Line]:
    """Lines of a table whose labels stand in the first column: a reading a column, or one below the other, each
    beginning with the label that began the first."""
    blocks: list[list[tuple[int, Row]]] = []
    begins: str | None = None
    for number, row in rows:
        label = _label(row)
        if label is None:
            continue
        if begins is None:
            if not field_of(label) and not position_in(label):
                continue
            begins = fold(label)
        if fold(label) == begins:
            blocks.append([])
        blocks[-1].append((number, row))
    for block in blocks:
        keys = [field_of(_label(row)) for _, row in block]
        width = max(
            (
                sum(cell not in (None, "") for cell in row[1:])
                for key, (_, row) in zip(keys, block, strict=True)
                if key and key[0] == "content"
            ),
            default=1,
        )
        if width > 1:
            labels = [_label(row) for _, row in block]
            for column in range(1, max(len(row) for _, row in block)):
                cells = [row[column] if column < len(row) else None for _, row in block]
                if any(cell not in (None, "") for cell in cells) and (found := columns_of(labels)):
                    yield Line(
                        found[0],
                        cells,
                        source_of(blob, locator.format(block[0][0]) + f" column {column + 1}", form),
                        hint,
                    )
            continue
        labels, cells = _pairs_of([row for _, row in block])
        if found := columns_of(labels):
            yield Line(found[0], cells, source_of(blob, locator.format(block[0][0]), form), hint)


def _pairs_of(rows: list[Row]) -> tuple[list[str], Row]:
    """Labels and values of a form: `客户 | 阿宁 | 日期 | 5月1日` are two, `过去 | 隐士 | 逆位` is a card with its side."""
    labels: list[str] = []
    values: Row = []
    for row in rows:
        cells = [cell for cell in row if cell not in (None, "")]
        names = [plain(cell).strip() for cell in cells]
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


_OF_EVERY_ROW = {"person", "date", "spread", "reader", "deck"}


def _labelled_above(rows: list[Row]) -> Iterator[tuple[str, object]]:
    """Labels with their values in the rows above a header: `客户：阿宁` in a cell, or 客户 and 阿宁 in two."""
    for row in rows:
        cells = [plain(cell).strip() for cell in row if cell not in (None, "")]
        for index, cell in enumerate(cells):
            label, colon, value = (part.strip() for part in cell.replace("：", ":").partition(":"))
            if not value and field_of(cell) != field_of(label):
                continue
            value = value or (cells[index + 1] if index + 1 < len(cells) else "")
            key = field_of(label) if len(label) <= 12 else None
            if key and key[0] in _OF_EVERY_ROW and value and not field_of(value):
                yield label, value


def _lone_masked(columns: Columns, cells: Row) -> list[str]:
    """Cells of a row that has slipped: an account may stand in any of them where a column is one of contact details."""
    texts = [plain(cell) for cell in cells]
    if any(mask.announces(label) for label in columns.labels if label):
        return [mask.mask_lone(text) for text in texts]
    return texts


def _record(lines: list[Line]) -> RawRecord:
    columns, cells, source, hint, above = lines[0]
    fields: Fields = {}
    extra: dict[str, object] = {}
    for index, cell in enumerate(cells[: columns.width]):
        if cell in (None, ""):
            continue
        key = columns.keys[index] if index < len(columns.keys) else None
        if key:
            fields.setdefault(key, []).append((columns.labels[index], cell))
    if day := _day_of(columns, cells):
        fields[("date", 1)] = [("日期", day)]
    told = {key[0] for key in fields}
    for label, value in above:
        if (key := field_of(label)) and key[0] not in told:
            fields.setdefault(key, []).append((label, value))
    if columns.positions:
        cards = [
            {
                "card": cells[index],
                **({} if NTH_CARD.fullmatch(position) else {"position": position}),
                **_side(columns, cells, index),
            }
            for index, position in columns.positions.items()
            if index < len(cells) and cells[index] not in (None, "")
        ]
        if cards:
            fields[("cards", 1)] = [("牌", cards)]
    if len(lines) > 1:
        fields = {key: held for key, held in fields.items() if key[0] not in ("orientation", "position")}
        fields[("cards", 1)] = [("牌", [_card(line) for line in lines])]
        texts = [text for line in lines if (text := _cell(columns, line.cells, "content")) not in (None, "")]
        if len(set(texts)) > 1:
            fields[("content", 1)] = [("解读", texts)]
    if extras := [(columns.labels[i], cells[i]) for i in columns.extras if i < len(cells) and cells[i]]:
        fields[("extra", 1)] = extras
    return to_record(fields, source, date_hint=hint, extra=extra)


def _day_of(columns: Columns, cells: Row) -> str | None:
    """The day of a row that tells month and day, perhaps the year, in a column each."""
    parts = {
        label: match[1]
        for label, cell in zip(columns.labels, cells, strict=False)
        if label in _UNITS and (match := re.match(rf"^\s*(\d{{1,4}})(?:\.0)?{label}?\s*$", plain(cell)))
    }
    return "".join(f"{parts[unit]}{unit}" for unit in _UNITS if unit in parts) if {"月", "日"} <= set(parts) else None


_UNITS = ("年", "月", "日")


def _side(columns: Columns, cells: Row, index: int) -> dict[str, object]:
    """The orientation of the card in a column, where it has one beside it: a word for it, or whether it is reversed."""
    side = columns.sides.get(index, len(cells))
    if side >= len(cells) or cells[side] in (None, ""):
        return {}
    return {"orientation" if card_fields.orientation_of(plain(cells[side])) else "is_reversed": cells[side]}


def _card(line: Line) -> dict[str, object]:
    """The card object of a row that holds one card."""
    card: dict[str, object] = {}
    for index, key in enumerate(line.columns.keys):
        cell = line.cells[index] if index < len(line.cells) else None
        if key and key[0] in ("cards", "orientation", "position") and cell not in (None, ""):
            card["card" if key[0] == "cards" else line.columns.labels[index]] = cell
    return card


def _at(columns: Columns, cells: Row, name: str) -> bool:
    """Whether a row has anything in a field's column."""
    return any(
        key and key[0] == name and index < len(cells) and cells[index] not in (None, "")
        for index, key in enumerate(columns.keys)
    )


def _is_header_again(cells: Row, columns: Columns) -> bool:
    """The header repeated after each month, perhaps in another order of columns."""
    labels = {fold(label) for label in columns.labels if label}
    widest = max(map(len, labels), default=0)
    named = [plain(cell) for cell in cells if cell not in (None, "")]
    named = [fold(cell) if len(cell) <= widest else "" for cell in named]
    return len(named) >= 2 and sum(name in labels for name in named) >= max(2, len(named) - 1)
