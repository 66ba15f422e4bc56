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
from tarot_data.sources.labels import Fields, to_record
from tarot_data.sources.record import Blob, RawRecord, Rejected, Source, plain, source_of
from tarot_data.spreads import position_names, resolve_spread

WAITING_ROWS = 500
"""Rows that wait for a whole date below them, from which theirs get the year."""

HEADER_ROWS = 20
"""Rows among which the header is looked for: titles, notes and blank lines above it are few."""

Row = list[object]

_NTH_CARD = re.compile(r"第\s?([0-9]{1,2}|[一二三四五六七八九十]{1,2})\s?[张張]牌?")
"""A column of the first card, the second, …: its number says where the card lies."""


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
    numbered = [i for i, key in enumerate(keys) if key and key[0] == "position" and labels[i][-1:].isdigit()]
    for index in numbered if len(numbered) > 1 else ():
        keys[index] = None  # `位置1 | 位置2` hold cards; 位置 alone says where one lies
    positions = {
        index: position
        for index, label in enumerate(labels)
        if 0 < len(label) <= 60 and not keys[index] and (position := _position_in(label))
    }
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


_NTH_PLACE = re.compile(r"(?:位置|牌位|position)\s?[0-9]{1,2}")


def _position_in(label: str) -> str | None:
    """The position, or the number of the card, that a column of cards is called by: 过去, 过去牌, 第一张."""
    for name in (label, label.removesuffix("牌").removesuffix("的")):
        if fold(name) in position_names() or _NTH_CARD.fullmatch(name) or _NTH_PLACE.fullmatch(fold(name)):
            return name
    return None


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
    """A row of a reading, or of one card of it, under the columns and the hint that hold for it."""

    columns: Columns
    cells: Row
    source: Source
    hint: str | None


def _records(lines: Iterator[Line | Rejected]) -> Iterator[RawRecord | Rejected]:
    """A record a row; rows with one card each that say nothing else new are one reading."""
    held: list[Line] = []
    for line in lines:
        if held and isinstance(line, Line) and _continues(held[0], line):
            held.append(line)
            continue
        if held:
            yield _record(held)
        held = [line] if isinstance(line, Line) else []
        if not held:
            yield line
    if held:
        yield _record(held)


def _continues(first: Line, line: Line) -> bool:
    """Whether a row is one more card of the reading above: the rest of it is empty beside a column of orientations or
    places, or all as above, the text too (cells that were merged)."""
    columns = line.columns
    if columns is not first.columns or columns.positions or "cards" not in columns.names:
        return False
    same = 0
    for index, key in enumerate(columns.keys):
        above, cell = (cells[index] if index < len(cells) else None for cells in (first.cells, line.cells))
        if key and key[0] == "cards":
            if not all(isinstance(card, str) and _cards_in(card) == 1 for card in (above, cell)):
                return False
        elif key and key[0] in ("orientation", "position", "id") or cell in (None, ""):
            continue
        elif cell != above:
            return False
        elif key and key[0] == "content":
            same += 1
    listed = "orientation" in columns.names or "position" in columns.names
    return same > 0 or listed and not any(_at(columns, line.cells, name) for name in ("content", "question", "person"))


def _lines(
    rows: Iterable[tuple[int, Row]], blob: Blob, form: str, locator: str, hint: str | None
) -> Iterator[Line | Rejected]:
    rows = iter(rows)
    first = list(islice(rows, HEADER_ROWS + 1))
    found = find_header([row for _, row in first])
    if found is None:
        columns = _columns_by_content([row for _, row in first])
        if columns is None:
            return
        start = 0
    else:
        index, columns, taken = found
        start = index + taken
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
        yield Line(columns, cells, source, hint)


def _lone_masked(columns: Columns, cells: Row) -> list[str]:
    """Cells of a row that has slipped: an account may stand in any of them where a column is one of contact details."""
    texts = [plain(cell) for cell in cells]
    if any(privacy.announces(label) for label in columns.labels if label):
        return [privacy.mask_lone(text) for text in texts]
    return texts


def _record(lines: list[Line]) -> RawRecord:
    columns, cells, source, hint = lines[0]
    fields: Fields = {}
    extra: dict[str, object] = {}
    for index, cell in enumerate(cells[: columns.width]):
        if cell in (None, ""):
            continue
        key = columns.keys[index] if index < len(columns.keys) else None
        if key:
            fields.setdefault(key, []).append((columns.labels[index], cell))
    if columns.positions:
        cards = [
            {
                "card": cells[index],
                **({} if _NTH_CARD.fullmatch(position) else {"position": position}),
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
    if extras := [(columns.labels[i], cells[i]) for i in columns.extras if i < len(cells) and cells[i]]:
        fields[("extra", 1)] = extras
    return to_record(fields, source, date_hint=hint, extra=extra)


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
    if "cards" in names and len(rows) > 1 and "content" not in names:
        lines = ["牌："]
        for number, row in enumerate(rows[1:], 1):
            cells = {known[0]: cell for known, cell in zip(header, row, strict=False) if known}
            position = f"{cells['position']}：" if cells.get("position") else ""
            lines.append(f"{number}. {position}{cells.get('cards', '')} {cells.get('orientation', '')}".rstrip())
        return [*lines, ""]
    lines = []
    for row in rows:
        cells = [cell for cell in row if cell]
        if len(cells) == 2 and field_of(cells[0]):
            lines.append(f"{cells[0].rstrip('：:')}：{cells[1]}")
        elif len(cells) == 4 and field_of(cells[0]) and field_of(cells[2]):
            lines += [f"{cells[0].rstrip('：:')}：{cells[1]}", f"{cells[2].rstrip('：:')}：{cells[3]}"]
        else:
            lines.append("\t".join(row).strip())
    return lines
