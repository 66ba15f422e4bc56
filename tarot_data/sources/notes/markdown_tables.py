"""Tables at the top of a reading, in Markdown or in columns of spaces, to labelled lines."""

import re

from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.labels import known_fields
from tarot_data.sources.lines import Kind, Line
from tarot_data.sources.notes.embedded_tables import table_lines

_GAP = re.compile(r"\s{2,}|[\t\u3000]+")
"""Between the cells of a row in columns of spaces."""
_MAY_BE_ROW = re.compile(r"\||[^\S\n]{2,}\S|[\t\u3000]")
LINES_ABOVE = 8
"""Lines above a table among which the labels of its reading are."""


def without_tables(lines: list[Line]) -> list[Line]:
    """Convert the tables at the top of a reading to labelled lines with the line number of the table."""
    if not _MAY_BE_ROW.search("\n".join(line.text for line in lines)):
        return lines
    found: list[Line] = []
    index = 0
    while index < len(lines):
        rows, end = _table_at(lines, index)
        if rows and _heads_reading(rows, [line for line in found[-LINES_ABOVE:] if line.stripped]):
            found += (Line(text, lines[index].number) for text in table_lines(rows))
        else:
            end = index + 1
            found.append(lines[index])
        index = end
    return found


def _table_at(lines: list[Line], index: int) -> tuple[list[list[str]], int]:
    """Return the rows of the Markdown table that begins at a line, without the rule below its header, and the index
    after it."""
    if not _is_row(lines[index]) or index + 1 == len(lines):
        return _aligned_at(lines, index)
    end = next((below for below in range(index, len(lines)) if not _is_row(lines[below])), len(lines))
    rows = [[cell.strip(" *") for cell in line.stripped.strip("|").split("|")] for line in lines[index:end]]
    if _is_rule(lines[index + 1]):
        more, end = _next_part(lines, end, lines[index].stripped)
        return [rows[0], *rows[2:], *more], end
    # Without a rule below its first row a table is one only if every row is a label and its value.
    return (rows, end) if all(len(row) == 2 and field_of(row[0]) for row in rows) else ([], index)


def _next_part(lines: list[Line], end: int, header: str) -> tuple[list[list[str]], int]:
    """Return the rows of a table with the same header that follows one, as in columns side by side, and the index after
    it; none if no such table follows."""
    start = next((index for index in range(end, len(lines)) if lines[index].stripped), end)
    if lines[start : start + 1] and lines[start].stripped == header:
        rows, below = _table_at(lines, start)
        return rows[1:], below
    return [], end


def _aligned_at(lines: list[Line], index: int) -> tuple[list[list[str]], int]:
    """Return the rows of cards in columns of spaces or tabs under a header of known labels, rules between them left out,
    and the index after them."""
    header = _GAP.split(lines[index].stripped)
    if len(header) < 2 or not {"cards"} < known_fields(header):
        return [], index
    rows, end = [header], index + 1
    while end < len(lines) and lines[end].stripped:
        cells = _GAP.split(lines[end].stripped)
        if len(cells) == len(header):
            rows.append(cells)
        elif lines[end].kind != Kind.SEPARATOR:
            break
        end += 1
    return (rows, end) if len(rows) > 1 else ([], index)


def _is_row(line: Line) -> bool:
    return line.stripped[:1] == "|"


def _is_rule(line: Line) -> bool:
    return _is_row(line) and "-" in line.stripped and not "".join(line.stripped.split()).strip("|:-")


def _heads_reading(rows: list[list[str]], above: list[Line]) -> bool:
    """Check whether a table is the head of a reading: labels and their values, or the cards that the labels above it
    lack."""
    labelled = known_fields([row[0] for row in rows if len(row) == 2])
    if {"person", "question", "cards"} & labelled and len(labelled) > 1:
        return True
    named = {label.key[0] for line in above[-6:] for label in line.labels}
    return "cards" in known_fields(rows[0]) and bool(above and above[-1].labels) and "cards" not in named
