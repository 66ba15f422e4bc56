"""Tables inside a text (a form, the cards of a reading) to labelled lines as in a note."""

from collections.abc import Callable
from dataclasses import dataclass, field

from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.labels import known_fields, position_in
from tarot_data.sources.tables.header import WHO_WHAT_WHEN, cards_in

_CARDS, _CONTENT = "牌：", "解读："
_LABEL_OVER_VALUE = {"cards", "content", "question"}
"""Fields whose label may have a row to itself, with the value in the row below."""
_LABELS_OVER_VALUES = {*WHO_WHAT_WHEN, "spread", "ignored", "id", "tags", "reader"}
"""Fields whose labels may share a row, with their values in the row below."""


def table_lines(rows: list[list[str]]) -> list[str]:
    """Convert a table to lines: label and value with a colon between, or a numbered list of cards."""
    if not rows:
        return []
    header = known_fields(rows[0])
    if is_table_of_cards(rows) or "cards" in header and len(rows) > 1 and "content" not in header:
        return _card_table_lines(rows)
    form = _Form([[cell for cell in row if cell] for row in rows], rows)
    index = 0
    while index < len(rows):
        index += next(taken for rule in _RULES if (taken := rule(form, index)))
    return form.lines + form.last


def _header_of(rows: list[list[str]]) -> list[str | None]:
    """Return the fields of a header; a first column without a label beside the cards has their positions."""
    header = [known[0] if (known := field_of(cell)) else None for cell in rows[0]]
    if rows[0] and not rows[0][0] and "cards" in header and "position" not in header:
        header[0] = "position"
    return header


def _card_table_lines(rows: list[list[str]]) -> list[str]:
    header = _header_of(rows)
    lines, texts = [_CARDS], []
    for number, row in enumerate(rows[1:], 1):
        cells = {name: cell for name, cell in zip(header, row, strict=False) if name}
        position = f"{cells['position']}：" if cells.get("position") else ""
        lines.append(f"{number}. {position}{cells.get('cards', '')} {cells.get('orientation', '')}".rstrip())
        if text := cells.get("content"):
            texts += [*text.split("\n"), ""]
    return [*lines, *([_CONTENT, *texts] if texts else []), ""]


@dataclass
class _Form:
    """A form, read from the top. cells: the filled cells of each row. last: the content and the lines after it, which
    come last, so that fields below the text do not become part of it."""

    cells: list[list[str]]
    rows: list[list[str]]
    lines: list[str] = field(default_factory=list)
    last: list[str] = field(default_factory=list)
    lists_cards: bool = False

    def below(self, index: int) -> list[str]:
        return self.cells[index + 1] if index + 1 < len(self.cells) else []


_Rule = Callable[[_Form, int], int]
"""Adds the lines of the row at an index and returns how many rows they are of; 0 if the rule does not apply."""


def _pair(label: str, value: str) -> str:
    return f"{label.rstrip('：:')}：{value}"


def _heading_of_cards(form: _Form, index: int) -> int:
    cells = form.cells[index]
    return int(
        len(cells) == 1 and bool(field_of(cells[0])) and {"position", "cards"} <= known_fields(form.below(index))
    )


def _labels_over_values(form: _Form, index: int) -> int:
    cells, below = form.cells[index], form.below(index)
    keys = [field_of(cell) for cell in cells]
    fields = _LABEL_OVER_VALUE if len(cells) == 1 else _LABELS_OVER_VALUES
    if not cells or len(cells) != len(below) or known_fields(below) or not all(k and k[0] in fields for k in keys):
        return 0
    form.lines += map(_pair, cells, below)
    return 2


def _positions_over_cards(form: _Form, index: int) -> int:
    cells, below = form.cells[index], form.below(index)
    if not 1 < len(cells) == len(below) or not all(map(position_in, cells)) or any(cards_in(c) != 1 for c in below):
        return 0
    pairs = zip(cells, below, strict=True)
    form.lines += [_CARDS, *(f"{number}. {place}：{card}" for number, (place, card) in enumerate(pairs, 1))]
    return 2


def _position_and_card(form: _Form, index: int) -> int:
    cells = form.cells[index]
    if not form.lists_cards or not 1 < len(cells) <= 3 or not position_in(cells[0]) or cards_in(cells[1]) != 1:
        return 0
    form.lines.append(f"{cells[0]}：{' '.join(cells[1:])}")
    return 1


def _header_of_cards(form: _Form, index: int) -> int:
    if not known_fields(form.cells[index]) >= {"position", "cards"}:
        return 0
    form.lists_cards = True
    form.lines.append(_CARDS)
    return 1


def _labels_and_values(form: _Form, index: int) -> int:
    cells = form.cells[index]
    if len(cells) not in (2, 4) or not all(keys := [field_of(cell) for cell in cells[::2]]):
        return 0
    lines = form.last if len(cells) == 2 and keys[0][0] == "content" else form.lines
    lines += map(_pair, cells[::2], cells[1::2])
    return 1


def _text(form: _Form, index: int) -> int:
    (form.last or form.lines).append("\t".join(form.rows[index]).strip())
    return 1


_RULES: tuple[_Rule, ...] = (
    _heading_of_cards,
    _labels_over_values,
    _positions_over_cards,
    _position_and_card,
    _header_of_cards,
    _labels_and_values,
    _text,
)


def is_table_of_cards(rows: list[list[str]]) -> bool:
    """Check whether every row below the header is one card of one reading, with its position, orientation and text."""
    header = _header_of(rows)
    if "cards" not in header or len(rows) < 3 or not {"position", "orientation"} & set(header):
        return False
    at = header.index("cards")
    return not WHO_WHAT_WHEN & set(header) and all(len(row) > at and cards_in(row[at]) == 1 for row in rows[1:])
