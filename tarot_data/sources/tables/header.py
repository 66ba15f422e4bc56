"""What the columns of a table of readings are: by its header, of one row or two, or by what stands in them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from tarot_data import lexicon
from tarot_data.cards import card_fields
from tarot_data.cards.spreads import resolve_spread
from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.labelled_lines import NTH_CARD, position_in
from tarot_data.text.cleanup import plain
from tarot_data.text.dates import parse_date
from tarot_data.text.normalise import fold

HEADER_ROWS = 20
"""Rows among which the header is looked for: titles, notes and blank lines above it are few."""

Row = list[object]

WHO_WHAT_WHEN = {"person", "question", "date"}


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
        return _named(self.keys)

    @property
    def width(self) -> int:
        return len(self.labels)


def _named(keys: Iterable[tuple[str, int] | None]) -> set[str]:
    return {key[0] for key in keys if key}


def columns_of(header: Row, below: Row | None = None) -> tuple[Columns, int] | None:
    """Columns by a header row (and, where cards have a column each, by the row below it) and how many rows it takes;
    None where the row is no header of readings: it names no body and no cards, or only one field."""
    labels = [plain(cell).strip() if cell is not None else "" for cell in header]
    if sum(map(bool, labels)) < 2:
        return None
    keys: list[tuple[str, int] | None] = [field_of(label) if label else None for label in labels]
    keys = [None if key and key[0] in ("ignored",) else key for key in keys]
    if not any(keys):
        return None  # a row of readings, which is what most are
    numbered = [i for i, key in enumerate(keys) if key and key[0] == "position" and NTH_CARD.fullmatch(labels[i])]
    if len(numbered) > 1 and "cards" not in _named(keys):
        # `位置1 | 位置2` hold cards; beside `牌1 | 牌2` they say where those lie, and so does 位置 alone.
        keys = [None if index in numbered else key for index, key in enumerate(keys)]
    positions = {
        index: position
        for index, label in enumerate(labels)
        if 0 < len(label) <= 60 and (position := (None if keys[index] else position_in(label)) or _card_at(label))
    }
    if len(positions) > 1:
        keys = [None if index in positions else key for index, key in enumerate(keys)]
    if "cards" in _named(keys):
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
    names = _named(keys)
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
    extras = tuple(index for index, label in enumerate(labels) if not keys[index] and card_fields.is_extra(label))
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
        if len(cells) > 1 and all(cards_in(cell) == 1 for cell in cells):
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
    return [index for index in found if not cards_in(cells[index][:200]) and (cells[index] or not placed)]


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
    return {} if any(cards_in(cell) for cell in named.values()) else named


@lexicon.cached(maxsize=4096)
def cards_in(text: str) -> int:
    """How many cards a cell lists."""
    return len(card_fields.listed(text))


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


def columns_by_content(rows: list[Row]) -> Columns | None:
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
        if all(cards_in(cell) for cell in filled if len(cell) < 2000) and max(map(len, filled)) < 2000:
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
