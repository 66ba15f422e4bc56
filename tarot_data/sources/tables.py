"""Rows to records, for every form that is a table: CSV, XLSX, HTML tables, tables in a database."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import islice
from typing import NamedTuple

from tarot_data import drawn, lexicon, privacy
from tarot_data.dates import parse_date
from tarot_data.folding import fold
from tarot_data.sources.fields import field_of
from tarot_data.sources.labels import NTH_CARD, Fields, known_fields, position_in, to_record
from tarot_data.sources.record import Blob, RawRecord, Rejected, Source, plain, source_of
from tarot_data.spreads import resolve_spread

WAITING_ROWS = 500
"""Rows that wait for a whole date below them, from which theirs get the year."""

HEADER_ROWS = 20
"""Rows among which the header is looked for: titles, notes and blank lines above it are few."""

Row = list[object]


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are. keys: column to (field, number), None for one that is not used.

    positions: column to the position its card lies at, where every card has a column of its own. sides: column of such
    a card to that of its orientation. extras: columns of cards without a place (底牌, 补牌).
    """

    labels: tuple[str, ...]
    keys: tuple[tuple[str, int] | None, ...]
    positions: dict[int, str] = field(default_factory=dict)
    extras: tuple[int, ...] = ()
    sides: dict[int, int] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        return {key[0] for key in self.keys if key}

    @property
    def width(self) -> int:
        return len(self.labels)


def columns_of(header: Row, below: Row | None = None) -> tuple[Columns, int] | None:
    """Columns by a header row (and, where cards have a column each, by the row below it) and how many rows it takes;
    None where the row is no header of readings: it names no body and no cards, or only one field."""
    labels = [plain(cell).strip() if cell is not None else "" for cell in header]
    if sum(map(bool, labels)) < 2:
        return None
    keys: list[tuple[str, int] | None] = [field_of(label) if label else None for label in labels]
    keys = [None if key and key[0] in ("ignored",) else key for key in keys]
    numbered = [i for i, key in enumerate(keys) if key and key[0] == "position" and NTH_CARD.fullmatch(labels[i])]
    if len(numbered) > 1 and "cards" not in {key[0] for key in keys if key}:
        # `位置1 | 位置2` hold cards; beside `牌1 | 牌2` they say where those lie, and so does 位置 alone.
        keys = [None if index in numbered else key for index, key in enumerate(keys)]
    positions = {
        index: position
        for index, label in enumerate(labels)
        if 0 < len(label) <= 60 and (position := (None if keys[index] else position_in(label)) or _card_at(label))
    }
    if len(positions) > 1:
        keys = [None if index in positions else key for index, key in enumerate(keys)]
    if "cards" in {key[0] for key in keys if key}:
        keys, spanned = _numbered(labels, keys, below)
        positions |= spanned
    for index in _texts_beside(labels, keys, positions, below):
        keys[index] = ("content", 200 + index)
        positions.pop(index, None)
    for index in _texts_of_cards(labels, keys, positions):
        keys[index] = ("content", 100 + index)
    rows, sides = 1, {}
    if below is not None:
        under = _positions_below(labels, keys, below)
        if under:
            positions, rows = under, 2
            keys = [None if index in under else key for index, key in enumerate(keys)]
        elif len(positions) >= 2 and (sides := _sides_below(labels, positions, below)):
            rows = 2
    names = {key[0] for key in keys if key}
    if len(positions) >= 2 and "cards" not in names:
        names.add("cards")
    elif rows == 1:
        positions = {}
    if len(names) < 2 or not names & {"content", "cards"}:
        return None
    if rows == 1:
        sides = {
            index: index + 1
            for index, position in positions.items()
            if _is_side(labels[index + 1 : index + 2], position)
        }
    keys = [None if index in sides.values() else key for index, key in enumerate(keys)]
    while labels and not labels[-1] and not {len(labels) - 1} & {*positions, *sides.values()}:
        labels.pop()
    extras = tuple(index for index, label in enumerate(labels) if not keys[index] and drawn.is_extra(label))
    return Columns(tuple(labels), tuple(keys[: len(labels)]), positions, extras, sides), rows


_AT = re.compile(r"^(.+?)[\s_\-·]+(.+)$")
_WITH_REMARK = re.compile(r"^([^(（]+)[(（]([^()（）]{1,12})[)）]$")


def _card_at(label: str) -> str | None:
    """The position of a column that says both what it holds and where: `过去-牌`, `past_card`, `牌（过去）`."""
    for pattern, place, named in ((_AT, 1, 2), (_WITH_REMARK, 2, 1)):
        if match := pattern.match(label):
            key = field_of(match[named])
            if key and key[0] == "cards" and (position := position_in(match[place])):
                return position
    return None


def _numbered(labels: list[str], keys: list, below: Row | None) -> tuple[list, dict[int, str]]:
    """Columns of cards under one and the same name: `牌 | 正逆 | 牌 | 正逆` numbered, or one 牌 over several columns in
    each of which the row below has a card."""
    keys = list(keys)
    found = [index for index, key in enumerate(keys) if key == ("cards", 1)]
    if len(found) > 1 and len({labels[index] for index in found}) == 1:
        for number, index in enumerate(found, 1):
            keys[index] = ("cards", number)
            if keys[index + 1 : index + 2] == [("orientation", 1)]:
                keys[index + 1] = ("orientation", number)
    elif len(found) == 1 and below is not None:
        start, end = found[0], found[0] + 1
        while end < min(len(labels), len(below)) and not labels[end]:
            end += 1
        cells = [plain(cell) if cell is not None else "" for cell in below[start:end]]
        if len(cells) > 1 and all(_cards_in(cell) == 1 for cell in cells):
            keys[start] = None
            return keys, {index: f"第{index - start + 1}张" for index in range(start, end)}
    return keys, {}


def _texts_of_cards(labels: list[str], keys: list, positions: dict[int, str]) -> list[int]:
    """Columns of what is said of one card each: 过去解读, or 解读 again and again."""
    named = list(positions.values())
    found = [
        index
        for index, label in enumerate(labels)
        if not keys[index] and any(label.startswith(name) and _is_text(label[len(name) :]) for name in named)
    ]
    again = [index for index, label in enumerate(labels) if label and labels.count(label) > 1 and _is_text(label)]
    return found + again


@lexicon.cached
def _beside() -> frozenset[str]:
    rows = [row for row in lexicon.read_table("noise") if row["kind"] == "beside"]
    return frozenset(fold(word) for row in rows for word in row["words"].split("|"))


def _texts_beside(labels: list[str], keys: list, positions: dict[int, str], below: Row | None) -> list[int]:
    """Columns of advice or a summary beside that of the text, which they go on with; not where a card lies there, as
    it may at the place 建议."""
    if not any(key and key[0] == "content" for key in keys):
        return []
    found = [index for index, label in enumerate(labels) if not keys[index] and fold(label) in _beside()]
    cells = {index: plain(below[index]) if below and index < len(below) and below[index] else "" for index in found}
    placed = len(set(positions) - set(found)) > 1
    return [index for index in found if not _cards_in(cells[index][:200]) and (cells[index] or not placed)]


def _is_text(label: str) -> bool:
    key = field_of(label.strip(" 的-_")) if label.strip(" 的-_") else None
    return key is not None and key[0] == "content"


def _is_side(label: Row, position: str) -> bool:
    """Whether the column behind a card is that of its orientation: 正逆, 过去正逆, 逆位？."""
    rest = label[0].removeprefix(position).strip(" 的-_?？") if label else ""
    key = field_of(rest) if rest else None
    return key[0] == "orientation" if key else len(rest) <= 6 and "逆" in rest


def _sides_below(labels: list[str], positions: dict[int, str], below: Row) -> dict[int, int]:
    """Columns under positions that span two, named by the row below: 过去 over 牌 | 正逆, 现在 over 牌 | 正逆."""
    named = [field_of(label) if (label := plain(cell).strip()) else None for cell in below]
    names = [key[0] if key else None for key in named]
    pairs = {
        index: index + 1
        for index in positions
        if names[index : index + 2] == ["cards", "orientation"] and not any(labels[index + 1 : index + 2])
    }
    return pairs if len(pairs) == len(positions) else {}


def _positions_below(labels: list[str], keys: list, below: Row) -> dict[int, str]:
    """Columns under a spanning `牌`, named by the row below: 过去 | 现在 | 未来."""
    start = next((index for index, key in enumerate(keys) if key and key[0] == "cards"), None)
    if start is None:
        return {}
    end = start + 1
    while end < len(below) and (end >= len(labels) or not labels[end]):
        end += 1
    cells = [plain(cell).strip() if cell is not None else "" for cell in below]
    named = {
        index: cells[index] for index in range(start, min(end, len(cells))) if cells[index] and len(cells[index]) <= 12
    }
    # A header cell merged over both rows says the same twice.
    others = [
        cell for index, cell in enumerate(cells) if index not in named and cell and cell not in labels[index:][:1]
    ]
    if len(named) < 2 or len(others) > 1:
        return {}
    return {} if any(_cards_in(cell) for cell in named.values()) else named


@lexicon.cached(maxsize=4096)
def _cards_in(text: str) -> int:
    """How many cards a cell lists."""
    return len(drawn.listed(text))


def find_header(rows: list[Row]) -> tuple[int, Columns, int] | None:
    """Index of the header among the first rows, its columns, and how many rows it takes."""
    best = None
    for index, row in enumerate(rows[:HEADER_ROWS]):
        if best and best[2] > 1 and index == best[0] + 1:
            # The lower half of a header, into which what is merged over both rows was filled.
            continue
        found = columns_of(row, rows[index + 1] if index + 1 < len(rows) else None)
        if found and (best is None or len(found[0].names) > len(best[1].names)):
            best = (index, *found)
    return best


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
            if not all(isinstance(card, str) and _cards_in(card) == 1 for card in (above, cell)):
                return False
        elif key and key[0] == "content" and cell not in (None, ""):
            same += cell == above
            differs = differs or cell != above
        elif key and key[0] in ("orientation", "position", "id") or cell in (None, ""):
            if key and key[0] in _WHO_WHAT_WHEN and above not in (None, ""):
                told.add(key[0])
            continue
        elif cell != above:
            return False
        elif key:
            told.add(key[0])
    if "position" in columns.names:
        places = [_cell(columns, other.cells, "position") for other in (*held, line)]
        if differs:
            return all(places) and len(set(places)) == len(places) and len(told & _WHO_WHAT_WHEN) > 1
        if places[-1] and places[-1] in places[:-1]:
            return False
    return not differs and (same > 0 or "orientation" in columns.names or "position" in columns.names)


_WHO_WHAT_WHEN = {"person", "question", "date"}


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
        columns = _columns_by_content([row for _, row in first])
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
        if len(cells) == 3 and position_in(names[0]) and drawn.orientation_of(names[2]):
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
    if any(privacy.announces(label) for label in columns.labels if label):
        return [privacy.mask_lone(text) for text in texts]
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
    return {"orientation" if drawn.orientation_of(plain(cells[side])) else "is_reversed": cells[side]}


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


def _columns_by_content(rows: list[Row]) -> Columns | None:
    """Columns of a table without a header, as far as the cells prove them: cards that parse, days that parse, a long
    text. Who asked and what cannot be told apart from their shape, so they stay out."""
    rows = [row for row in rows if sum(cell not in (None, "") for cell in row) >= 3]
    if not rows:
        return None
    width = max(len(row) for row in rows)
    texts = [
        [plain(row[index]) if index < len(row) and row[index] is not None else "" for row in rows]
        for index in range(width)
    ]
    keys: list[tuple[str, int] | None] = [None] * width
    for index, column in enumerate(texts):
        filled = [cell for cell in column if cell.strip()]
        if not filled:
            continue
        if all(_cards_in(cell) for cell in filled if len(cell) < 2000) and max(map(len, filled)) < 2000:
            keys[index] = ("cards", 1)
        elif all(parse_date(cell).day for cell in filled):
            keys[index] = ("date", 1)
        elif all(resolve_spread(cell)[0] for cell in filled):
            keys[index] = ("spread", 1)
    body = max(range(width), key=lambda index: sum(map(len, texts[index])) if keys[index] is None else -1)
    if keys[body] is None and sum(map(len, texts[body])) >= 40 * len(rows):
        keys[body] = ("content", 1)
    names = [key[0] for key in keys if key]
    if "cards" not in names or "content" not in names or len(names) != len(set(names)):
        return None
    return Columns(tuple("?" for _ in range(width)), tuple(keys))


def table_lines(rows: list[list[str]]) -> list[str]:
    """A table as labelled lines: label and value side by side, or cards with their places."""
    if not rows:
        return []
    header = [field_of(cell) for cell in rows[0]]
    names = {known[0] for known in header if known}
    if is_table_of_cards(rows) or "cards" in names and len(rows) > 1 and "content" not in names:
        lines, texts = ["牌："], []
        for number, row in enumerate(rows[1:], 1):
            cells = {known[0]: cell for known, cell in zip(header, row, strict=False) if known}
            position = f"{cells['position']}：" if cells.get("position") else ""
            lines.append(f"{number}. {position}{cells.get('cards', '')} {cells.get('orientation', '')}".rstrip())
            texts.append(cells.get("content", ""))
        said = ["解读：", *(line for text in texts if text for line in (*text.split("\n"), ""))] if any(texts) else []
        return [*lines, *said, ""]
    lines, below, laid, over = [], [], False, -1
    for index, row in enumerate(rows):
        cells = [cell for cell in row if cell]
        below_row = [cell for cell in rows[index + 1] if cell] if index + 1 < len(rows) else []
        if len(cells) == 1 and field_of(cells[0]) and {"position", "cards"} <= known_fields(below_row):
            continue  # a heading over the cards
        alone = len(cells) == 1 and (key := field_of(cells[0])) and key[0] in ("cards", "content", "question")
        if alone and len(below_row) == 1 and not field_of(below_row[0]):
            lines.append(f"{cells[0].rstrip('：:')}：{below_row[0]}")
            over = index + 1
            continue
        if len(cells) > 1 and len(cells) == len(below_row) and _labels_only(cells) and not _any_label(below_row):
            lines += [f"{cell.rstrip('：:')}：{value}" for cell, value in zip(cells, below_row, strict=True)]
            over = index + 1
            continue
        if index == over:
            continue
        if _are_positions(cells) and index + 1 < len(rows) and _are_cards(rows[index + 1], len(cells)):
            cards = zip(cells, filter(None, rows[index + 1]), strict=True)
            lines += ["牌：", *(f"{number}. {place}：{card}" for number, (place, card) in enumerate(cards, 1))]
        elif index and _are_positions([cell for cell in rows[index - 1] if cell]) and _are_cards(row, len(cells)):
            continue
        elif 1 < len(cells) <= 3 and position_in(cells[0]) and _cards_in(cells[1]) == 1 and laid:
            lines.append(f"{cells[0]}：{' '.join(cells[1:])}")
        elif known_fields(cells) >= {"position", "cards"}:
            laid = True
            lines.append("牌：")
        elif len(cells) == 2 and (key := field_of(cells[0])):
            # The text comes last: what a form says below it is not part of it.
            said = below if key[0] == "content" else lines
            said.append(f"{cells[0].rstrip('：:')}：{cells[1]}")
        elif len(cells) == 4 and field_of(cells[0]) and field_of(cells[2]):
            lines += [f"{cells[0].rstrip('：:')}：{cells[1]}", f"{cells[2].rstrip('：:')}：{cells[3]}"]
        elif below:
            below.append("\t".join(row).strip())
        else:
            lines.append("\t".join(row).strip())
    return lines + below


def is_table_of_cards(rows: list[list[str]]) -> bool:
    """Whether every row below the header is one card of one reading, with its place or side and what is said of it."""
    header = [known[0] if (known := field_of(cell)) else None for cell in rows[0]]
    if "cards" not in header or len(rows) < 3 or not {"position", "orientation"} & set(header):
        return False
    if {"person", "question", "date"} & set(header):
        return False
    at = header.index("cards")
    return all(len(row) > at and _cards_in(row[at]) == 1 for row in rows[1:])


def _labels_only(cells: list[str]) -> bool:
    """Whether a row of a form names who and what, with the values in the row below."""
    keys = [field_of(cell) for cell in cells]
    return all(keys) and {key[0] for key in keys if key} <= {
        *_WHO_WHAT_WHEN,
        "spread",
        "ignored",
        "id",
        "tags",
        "reader",
    }


def _any_label(cells: list[str]) -> bool:
    return any(field_of(cell) for cell in cells)


def _are_positions(cells: list[str]) -> bool:
    return len(cells) > 1 and all(position_in(cell) for cell in cells)


def _are_cards(row: list[str], count: int) -> bool:
    cells = [cell for cell in row if cell]
    return len(cells) == count > 1 and all(_cards_in(cell) == 1 for cell in cells)
