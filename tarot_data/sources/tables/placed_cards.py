"""Readings of a sheet that is a form over a table of its cards: `客户 | 阿宁`, then `位置 | 牌 | 解读`, then `总结 | …`.

A sheet may have several of them below each other.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from tarot_data.cards import card_fields
from tarot_data.lexicon.field_names import SIDES, field_of
from tarot_data.sources.field_values import Fields, is_placeholder
from tarot_data.sources.labels import known_fields
from tarot_data.sources.noise import noise_words
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import RawRecord, Source
from tarot_data.sources.tables.cells import Row, cell_text, filled
from tarot_data.sources.tables.header import WHO_WHAT_WHEN, cards_in
from tarot_data.sources.text_choice import label_score
from tarot_data.text.normalise import fold

LONGEST_LABEL, SHORTEST_PROSE = 20, 15

Labels = list[tuple[str, str]]


def is_form(rows: list[Row]) -> bool:
    """Check for the header of a table of cards that names no client, question or day, over rows with one card each.

    It has a column of positions, or a question above it: otherwise each row may be a reading.
    """
    texts = [[cell_text(cell) for cell in row] for row in rows]
    for index, row in enumerate(texts):
        names = known_fields([cell for cell in row if 0 < len(cell) <= LONGEST_LABEL])
        if "cards" not in names or len(names) < 2:
            continue
        asked = any(key == "question" for above in texts[:index] for key, *_ in _pairs(above))
        at = _column_of(row, "cards")
        below = [cells for cells in texts[index + 1 :] if any(cells)][:2]
        one_each = len(below) == 2 and all(len(cells) > at and cards_in(cells[at]) == 1 for cells in below)
        return one_each and not names & {*WHO_WHAT_WHEN, "spread", "id"} and ("position" in names or asked)
    return False


@dataclass
class _Form:
    """A reading while its rows are read. number: of its first row. header: of its table of cards, once it was met."""

    number: int
    labels: Labels = field(default_factory=list)
    header: list[str] = field(default_factory=list)
    cards: list[dict] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def has(self, name: str) -> bool:
        return any(_name_of(label) == name for label, _ in self.labels)


def readings(
    rows: Iterable[tuple[int, Row]], source: Callable[[int], Source], hint: str | None, above: Labels
) -> Iterator[RawRecord]:
    """Yield the readings of numbered rows. above: labels and values for those that lack them."""
    form: _Form | None = None
    for number, row in rows:
        cells = [cell_text(cell) for cell in row]
        if not any(cells):
            continue
        if form and form.cards and _begins(form, cells):
            yield _record(form, source, hint, above)
            form = None
        form = form or _Form(number)
        _add(form, cells)
    if form and form.cards:
        yield _record(form, source, hint, above)


def _begins(form: _Form, cells: list[str]) -> bool:
    """Check whether a row begins the next reading: a label that the form has, another table, a position again."""
    if any(form.has(name) and name in WHO_WHAT_WHEN for name, *_ in _pairs(cells)) or _is_header(cells):
        return True
    card = _card_of(form.header, cells)
    return bool(card) and any(
        card.get("position") and card["position"] == other.get("position") for other in form.cards
    )


def _add(form: _Form, cells: list[str]) -> None:
    """Add a row to a form."""
    if _is_header(cells):
        form.header = cells
    elif card := _card_of(form.header, cells):
        text = card.pop("text", "")
        form.cards.append(card)
        if text and text not in form.texts:
            form.texts.append(text)
    elif pairs := _pairs(cells):
        for name, label, value in pairs:
            if name in ("content", "summary"):
                form.texts.append(value)
            else:
                form.labels.append((label, value))
    elif form.cards and len(present := filled(cells)) == 1 and len(present[0]) >= SHORTEST_PROSE:
        form.texts.append(present[0])


def _is_header(cells: list[str]) -> bool:
    names = known_fields([cell for cell in cells if 0 < len(cell) <= LONGEST_LABEL])
    return "cards" in names and len(names) > 1 and all(cards_in(cell) == 0 for cell in cells if cell)


def _card_of(header: list[str], cells: list[str]) -> dict | None:
    """Return the card of a row below a header, with its text; None if it has none."""
    found: dict[str, str] = {}
    for label, cell in zip(header, cells, strict=False):
        name = _name_of(label)
        if not cell or is_placeholder(cell) and name != "orientation":
            continue
        if name == "cards":
            found["card"] = cell
        elif name in SIDES:
            found["is_reversed" if card_fields.asks_reversed(label) else "orientation"] = cell
        elif name == "position":
            found["position"] = cell
        elif name == "content" or not name and label_score(label) > 0:
            found["text"] = "\n".join(filter(None, (found.get("text"), cell)))
    return found if "card" in found and cards_in(found["card"]) == 1 else None


def _pairs(cells: list[str]) -> list[tuple[str, str, str]]:
    """Return field, label and value of `客户：阿宁` in a cell, or of 客户 and 阿宁 in two; `summary` for 总结."""
    present = [cell for cell in cells if cell]
    found = []
    index = 0
    while index < len(present):
        label, colon, value = present[index].replace("：", ":", 1).partition(":")
        label, value = label.strip(), value.strip()
        step = 1
        if not value and index + 1 < len(present):
            value, step = present[index + 1], 2
        name = _name_of(label) or ("summary" if _is_summary(label) else "")
        if name and value and len(label) <= LONGEST_LABEL and (colon or step == 2):
            found.append((name, label, value))
            index += step
        else:
            index += 1
    return found


def _is_summary(label: str) -> bool:
    return fold(label) in noise_words("beside") or len(label) <= LONGEST_LABEL and label_score(label) > 0


def _name_of(label: str) -> str:
    known = field_of(label) if 0 < len(label) <= LONGEST_LABEL else None
    return known[0] if known else ""


def _column_of(row: list[str], name: str) -> int:
    return next(index for index, label in enumerate(row) if _name_of(label) == name)


def _record(form: _Form, source: Callable[[int], Source], hint: str | None, above: Labels) -> RawRecord:
    fields: Fields = {}
    for label, value in [*form.labels, *((label, value) for label, value in above if not form.has(_name_of(label)))]:
        if (key := field_of(label)) and key[0] not in ("ignored", "cards"):
            fields.setdefault(key, []).append((label, value))
    fields[("cards", 1)] = [("cards", form.cards)]
    if form.texts:
        fields[("content", 1)] = [("content", form.texts)]
    return to_record(fields, source(form.number), date_hint=hint)
