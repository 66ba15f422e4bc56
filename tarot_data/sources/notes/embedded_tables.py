"""A table inside a text (a form, the cards of a reading) as the labelled lines a note would have."""

from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.labelled_lines import known_fields, position_in
from tarot_data.sources.tables.header import WHO_WHAT_WHEN, cards_in


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
        elif 1 < len(cells) <= 3 and position_in(cells[0]) and cards_in(cells[1]) == 1 and laid:
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
    if WHO_WHAT_WHEN & set(header):
        return False
    at = header.index("cards")
    return all(len(row) > at and cards_in(row[at]) == 1 for row in rows[1:])


def _labels_only(cells: list[str]) -> bool:
    """Whether a row of a form names who and what, with the values in the row below."""
    keys = [field_of(cell) for cell in cells]
    return all(keys) and {key[0] for key in keys if key} <= {
        *WHO_WHAT_WHEN,
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
    return len(cells) == count > 1 and all(cards_in(cell) == 1 for cell in cells)
