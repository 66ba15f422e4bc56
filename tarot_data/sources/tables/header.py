"""Columns of a table of readings, found by its header of one or two rows, or by its cells."""

import re
from dataclasses import dataclass, field
from functools import cached_property

from tarot_data import lexicon
from tarot_data.cards import card_fields
from tarot_data.cards.spreads import resolve_spread
from tarot_data.lexicon.dates import parse_date
from tarot_data.lexicon.field_names import LISTS_APART, SIDES, field_of
from tarot_data.sources.field_values import ANSWERS, is_placeholder
from tarot_data.sources.labels import NTH_CARD, labels_in, position_in
from tarot_data.sources.name_evidence import NameForm, are_names, asks, form_of_name
from tarot_data.sources.noise import noise_words
from tarot_data.sources.tables.cells import Row, cell_at, cell_text, filled, is_blank
from tarot_data.sources.text_choice import SHORTEST_TEXT, label_score
from tarot_data.text.cleanup import plain
from tarot_data.text.normalise import fold

HEADER_ROWS = 20
"""Rows among which the header is searched: titles, notes and blank lines above it are few."""

LONGEST_LABEL = 12
"""Characters of a label that is not known, above columns that their cells prove."""

MIN_BODY = 40
"""Mean characters of a cell from which a column without a header is the reading's text."""

WHO_WHAT_WHEN = {"person", "question", "date"}

Key = tuple[str, int]
"""Field and number, see `field_names.field_of`."""


@dataclass(frozen=True)
class Columns:
    """The meaning of each column of a table.

    keys: one entry a column, None if it is not used. positions: column to the position of its card, if every card has
    a column of its own. sides: column of such a card to the column of its orientation. extras: columns of cards
    without a place (底牌, 补牌). unknown: labels of columns with text that were not understood. lists_reversed: the
    reversed cards are in a column of their own, so that a row without any has none.
    """

    labels: tuple[str, ...]
    keys: tuple[Key | None, ...]
    positions: dict[int, str] = field(default_factory=dict)
    extras: tuple[int, ...] = ()
    sides: dict[int, int] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    lists_reversed: bool = False

    @cached_property
    def by_name(self) -> dict[str, list[int]]:
        """Map fields to their columns."""
        found: dict[str, list[int]] = {}
        for index, key in enumerate(self.keys):
            if key:
                found.setdefault(key[0], []).append(index)
        return found

    @property
    def names(self) -> set[str]:
        return set(self.by_name)

    @property
    def width(self) -> int:
        return len(self.labels)

    @cached_property
    def _answers(self) -> set[int]:
        """Return the columns in which a word for nothing may be an answer."""
        return {i for i, key in enumerate(self.keys) if key and key[0] in ANSWERS} | {*self.sides.values()}

    def without_placeholders(self, row: Row) -> Row:
        """Return a row in which the cells with a word for nothing (`nan`, 无) are blank."""
        if not any(map(is_placeholder, row)):
            return row
        return ["" if is_placeholder(cell) and i not in self._answers else cell for i, cell in enumerate(row)]

    def cells(self, row: Row, name: str) -> Row:
        """Return the cells of a field that are not blank."""
        return [row[i] for i in self.by_name.get(name, ()) if i < len(row) and not is_blank(row[i])]


@dataclass
class Draft:
    """A header while its layouts are tried. labels and keys: one a column. below: the row under it. rows: rows it
    takes, 1 or 2. The other fields are those of `Columns`."""

    labels: list[str]
    keys: list[Key | None]
    below: Row
    positions: dict[int, str] = field(default_factory=dict)
    sides: dict[int, int] = field(default_factory=dict)
    rows: int = 1

    @property
    def names(self) -> set[str]:
        return {key[0] for key in self.keys if key}

    def columns(self, name: str) -> list[int]:
        """Return the columns of a field."""
        return [index for index, key in enumerate(self.keys) if key and key[0] == name]

    def place(self, positions: dict[int, str]) -> None:
        """Use columns that hold one card each."""
        self.positions |= positions
        for index in positions:
            self.keys[index] = None

    def is_blank(self, index: int) -> bool:
        return not any(self.labels[index : index + 1])


def columns_of(header: Row, below: Row | None = None) -> tuple[Columns, int] | None:
    """Return the columns by a header row and the number of rows it takes.

    below: the row under it, which may be the lower half of the header or hold the first reading. None if the row is
    no header of readings: it names neither text nor cards, or only one field.
    """
    labels = [cell_text(cell) for cell in header]
    if sum(map(bool, labels)) < 2:
        return None
    keys = [field_of(label) if label else None for label in labels]
    keys = [None if key and key[0] == "ignored" else key for key in keys]
    if not any(keys):
        return None  # a row of readings, as most are
    draft = Draft(labels, keys, below or [])
    for layout in LAYOUTS:
        layout(draft)
    return _columns(draft)


def _columns(draft: Draft) -> tuple[Columns, int] | None:
    """Return a draft as columns, None if it names too few fields."""
    names = draft.names
    if len(draft.positions) >= 2 and "cards" not in names:
        names.add("cards")
    elif draft.rows == 1:
        draft.positions, draft.sides = {}, {}
    if len(names) < 2 or not names & {"content", "cards"} and not _has_open_text(draft, names):
        return None
    sides = set(draft.sides.values())
    keys = [None if index in sides else key for index, key in enumerate(draft.keys)]
    width = len(draft.labels)
    while width and not draft.labels[width - 1] and width - 1 not in sides and width - 1 not in draft.positions:
        width -= 1
    labels = tuple(draft.labels[:width])
    extras = tuple(index for index, label in enumerate(labels) if not keys[index] and card_fields.is_extra(label))
    return Columns(labels, tuple(keys[:width]), draft.positions, extras, draft.sides), draft.rows


def _has_open_text(draft: Draft, names: set[str]) -> bool:
    """Check for a column called like a reader's text, with a long cell below, next to who, what or when."""
    return len(names & WHO_WHAT_WHEN) > 1 and any(
        not draft.keys[index]
        and label_score(label) > 0
        and len(plain(cell_at(draft.below, index) or "")) > SHORTEST_TEXT
        for index, label in enumerate(draft.labels)
        if label
    )


def _numbered_places(draft: Draft) -> None:
    """Recognise `位置1 | 位置2` without a column of cards: the cards are in these columns.

    With `牌1 | 牌2` they name the positions of those cards, and so does 位置 alone.
    """
    numbered = [index for index in draft.columns("position") if NTH_CARD.fullmatch(draft.labels[index])]
    if len(numbered) > 1 and not draft.columns("cards"):
        for index in numbered:
            draft.keys[index] = None


def _column_a_position(draft: Draft) -> None:
    """Recognise `过去 | 现在 | 未来`, or `过去-牌 | 现在-牌`: one column per card."""
    positions = {
        index: position
        for index, label in enumerate(draft.labels)
        if 0 < len(label) <= 60 and (position := (None if draft.keys[index] else position_in(label)) or _card_at(label))
    }
    if len(positions) > 1:
        draft.place(positions)
    else:
        draft.positions = positions


_AT = re.compile(r"^(.+?)[\s_\-·]+(.+)$")
_WITH_REMARK = re.compile(r"^([^(（]+)[(（]([^()（）]{1,12})[)）]$")


def _card_at(label: str) -> str | None:
    """Return the position in a label that names both the card and its position: `过去-牌`, `past_card`, `牌（过去）`."""
    for pattern, place, named in ((_AT, 1, 2), (_WITH_REMARK, 2, 1)):
        if match := pattern.match(label):
            key = field_of(match[named])
            if key and key[0] == "cards" and (position := position_in(match[place])):
                return position
    return None


def _cards_under_one_label(draft: Draft) -> None:
    """Recognise `牌 | | | 解读` over `愚人 | 力量 | 月亮 | …`: one label over several columns with one card each."""
    start = draft.keys.index(("cards", 1)) if draft.keys.count(("cards", 1)) == 1 else None
    if start is None:
        return
    end = start + 1
    while end < min(len(draft.labels), len(draft.below)) and not draft.labels[end]:
        end += 1
    cells = [plain(cell) for cell in draft.below[start:end]]
    if len(cells) > 1 and all(cards_in(cell) == 1 for cell in cells):
        draft.keys[start] = None
        draft.positions |= {index: f"第{index - start + 1}张" for index in range(start, end)}


def _repeated_cards(draft: Draft) -> None:
    """Recognise `牌 | 正逆 | 牌 | 正逆`: columns of cards with the same label, numbered from left to right."""
    found = [index for index, key in enumerate(draft.keys) if key == ("cards", 1)]
    if len(found) < 2 or len({draft.labels[index] for index in found}) > 1:
        return
    for number, index in enumerate(found, 1):
        draft.keys[index] = ("cards", number)
        if draft.keys[index + 1 : index + 2] and draft.keys[index + 1] in [(name, 1) for name in SIDES]:
            draft.keys[index + 1] = ("orientation", number)


def _side_after_card(draft: Draft) -> None:
    """Recognise `牌1 | 正逆 | 牌2 | 正逆`: an orientation without a number is of the numbered card before it."""
    for index in draft.columns("orientation")[:]:
        before = draft.keys[index - 1] if index else None
        if draft.keys[index] == ("orientation", 1) and before and before[0] == "cards":
            draft.keys[index] = ("orientation", before[1])


def _text_and_summary(draft: Draft) -> None:
    """Recognise `解读 | 建议 | 总结`: columns that continue the text, unless there is a card in them, as under 建议."""
    if not draft.columns("content"):
        return
    more_text = noise_words("beside")
    found = [i for i, label in enumerate(draft.labels) if not draft.keys[i] and fold(label) in more_text]
    placed = len(set(draft.positions) - set(found)) > 1
    for index in found:
        cell = plain(cell_at(draft.below, index) or "")
        if not cards_in(cell[:200]) and (cell or not placed):
            draft.keys[index] = ("content", 200 + index)
            draft.positions.pop(index, None)


def _text_a_card(draft: Draft) -> None:
    """Recognise `过去 | 过去解读 | 现在 | 现在解读`, or 解读 several times: one column of text per card."""
    labels, positions = draft.labels, list(draft.positions.values())
    for index, label in enumerate(labels):
        of_position = not draft.keys[index] and any(
            label.startswith(position) and _is_text(label[len(position) :]) for position in positions
        )
        if of_position or label and labels.count(label) > 1 and _is_text(label):
            draft.keys[index] = ("content", 100 + index)


def _is_text(label: str) -> bool:
    bare = label.strip(_JOINING)
    key = field_of(bare) if bare else None
    return key is not None and key[0] == "content"


_JOINING = " 的-_"
"""Characters between a position and the field of its column: 过去的解读, past_card."""


def _positions_below(draft: Draft) -> None:
    """Recognise `牌 | | | 解读` over `过去 | 现在 | 未来 | `: a label over the positions in the next row."""
    start = next(iter(draft.columns("cards")), None)
    if start is None:
        return
    end = start + 1
    while end < len(draft.below) and (end >= len(draft.labels) or not draft.labels[end]):
        end += 1
    cells = [cell_text(cell) for cell in draft.below]
    named = {index: cells[index] for index in range(start, min(end, len(cells))) if 0 < len(cells[index]) <= 12}
    # A header cell merged over both rows has its label in both.
    others = [
        cell for index, cell in enumerate(cells) if index not in named and cell and cell not in draft.labels[index:][:1]
    ]
    if len(named) >= 2 and len(others) <= 1 and not any(map(cards_in, named.values())):
        draft.positions, draft.rows = {}, 2
        draft.place(named)


def _sides_below(draft: Draft) -> None:
    """Recognise `过去 | | 现在 | ` over `牌 | 正逆 | 牌 | 正逆`: positions over two columns each, named in the next row."""
    if draft.rows == 2 or len(draft.positions) < 2 or not draft.below:
        return
    keys = [field_of(label) if (label := cell_text(cell)) else None for cell in draft.below]
    names = [key[0] if key else None for key in keys]
    if all(
        names[index : index + 2] == ["cards", "orientation"] and draft.is_blank(index + 1) for index in draft.positions
    ):
        draft.sides = {index: index + 1 for index in draft.positions}
        draft.rows = 2


def _side_a_position(draft: Draft) -> None:
    """Recognise `过去 | 正逆 | 现在 | 正逆`, or `过去 | 过去逆位？`: the orientation in the column after its card."""
    if draft.rows == 1:
        draft.sides = {
            index: index + 1
            for index, position in draft.positions.items()
            if _is_side(draft.labels[index + 1 : index + 2], position)
        }
        if 0 < len(draft.sides) < len(draft.positions):
            # `过去 | 现在 | 未来 | 逆位`: the last column lists the reversed cards of all.
            lists = [index for index, side in draft.sides.items() if (draft.keys[side] or ("",))[0] in LISTS_APART]
            draft.sides = {index: side for index, side in draft.sides.items() if index not in lists}


def _is_side(label: Row, position: str) -> bool:
    rest = label[0].removeprefix(position).strip(_JOINING + "?？") if label else ""
    key = field_of(rest) if rest else None
    return key[0] in SIDES if key else len(rest) <= 6 and "逆" in rest


LAYOUTS = (
    _numbered_places,
    _column_a_position,
    _cards_under_one_label,
    _repeated_cards,
    _side_after_card,
    _text_a_card,
    _text_and_summary,
    _positions_below,
    _sides_below,
    _side_a_position,
)
"""Layouts of a header, in the order in which they are applied: each changes the draft if the header has it."""


@lexicon.cached(maxsize=4096)
def cards_in(text: str) -> int:
    """Count the cards that a cell lists."""
    return len(card_fields.listed(text))


def find_header(rows: list[Row]) -> tuple[int, Columns, int] | None:
    """Return the index of the header among the first rows, its columns and the number of rows it takes."""
    best = None
    for index, row in enumerate(rows[:HEADER_ROWS]):
        if best and best[2] > 1 and index == best[0] + 1:
            # The lower half of a header: cells merged over both rows are filled into it.
            continue
        found = columns_of(row, rows[index + 1] if index + 1 < len(rows) else None)
        if found and (best is None or len(found[0].names) > len(best[1].names)):
            best = (index, *found)
    return best


def columns_by_content(rows: list[Row], labels: Row | None = None) -> Columns | None:
    """Return the columns of a table without a known header if the cells prove them: cards, dates, spreads, one long text,
    names, questions that all ask. labels: short cells above them, of which the known ones count.
    """
    rows = [row for row in rows if len(filled(row)) >= 3]
    if not rows:
        return None
    width = max(map(len, rows))
    columns = [[plain(cell_at(row, index)) for row in rows] for index in range(width)]
    keys = _keys_by_content(columns)
    words = [cell_text(cell_at(labels or [], index) or "") for index in range(width)]
    if any(len(word) > LONGEST_LABEL for word in words):
        return None
    keys = [key or (field_of(word) if word else None) for key, word in zip(keys, words, strict=True)]
    names = [key[0] for key in keys if key]
    if "cards" not in names or "content" not in names or len(names) != len(set(names)):
        return None
    return Columns(tuple(words) if labels else ("?",) * width, tuple(keys))


def _keys_by_content(columns: list[list[str]]) -> list[Key | None]:
    """Return the field of each column: by its cells, the longest other one is the text, the only one of names the person."""
    keys = [_key_by_cells([cell for cell in column if cell.strip()]) for column in columns]
    sizes = [0 if key else sum(map(len, column)) for key, column in zip(keys, columns, strict=True)]
    if max(sizes) >= MIN_BODY * len(columns[0]):
        keys[sizes.index(max(sizes))] = ("content", 1)
    named = [index for index, column in enumerate(columns) if keys[index] is None and _are_persons(column)]
    if len(named) == 1:
        keys[named[0]] = ("person", 1)
    asking = [index for index, column in enumerate(columns) if keys[index] is None and all(map(asks, column))]
    if len(asking) == 1:
        keys[asking[0]] = ("question", 1)
    return keys


def _are_persons(cells: list[str]) -> bool:
    """Check for a name in every cell, half of them of a form that only names have. The same in all rows is the reader's."""
    forms = [form_of_name(cell) for cell in cells]
    return len({*cells}) > 1 and len(are_names(cells)) == len(cells) and forms.count(NameForm.SURE) * 2 >= len(cells)


LINES_OF_NOTE = 5
"""Lines of a cell, blank ones apart, of which two have labels if the cell is a labelled note."""


def columns_by_notes(rows: list[Row]) -> Columns | None:
    """Return the columns of a table in which one has labelled notes, whatever its label; None if none has.

    The first row has the labels if no cell of it is a note.
    """
    width = max(map(len, rows), default=0)
    columns = [[plain(cell_at(row, index)) for row in rows] for index in range(width)]
    at = next((index for index, column in enumerate(columns) if any(map(_is_note, column))), None)
    if at is None:
        return None
    headed = not any(_is_note(column[0]) for column in columns)
    keys: list[Key | None] = []
    for column in columns:
        key = field_of(column[0]) if headed else None
        keys.append(key or _key_by_cells([cell for cell in column[headed:] if cell.strip()]))
    keys = [None if key and key[0] in ("content", "cards") else key for key in keys]
    keys[at] = ("content", 1)
    return Columns(tuple(column[0] for column in columns) if headed else ("?",) * width, tuple(keys))


def _is_note(cell: str) -> bool:
    if "\n" not in cell:
        return False
    top = [line for line in cell[:2000].split("\n") if line.strip()][:LINES_OF_NOTE]
    named = {labels[0].key[0] for line in top if (labels := labels_in(line))}
    return len(named) > 1 and bool(named & {"person", "question", "cards"})


def _key_by_cells(cells: list[str]) -> Key | None:
    """Return the field of a column whose cells all are cards, dates or spreads."""
    if not cells:
        return None
    if max(map(len, cells)) < 2000 and all(map(cards_in, cells)):
        return ("cards", 1)
    if all(parse_date(cell).day for cell in cells):
        return ("date", 1)
    return ("spread", 1) if all(resolve_spread(cell)[0] for cell in cells) else None
