"""Readings from delimited text: comma, semicolon, tab, `，`, `|` or `｜` between cells; UTF-8, GB18030, Big5, UTF-16."""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator

from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.encoding import HEAD, encoding_of, with_newlines
from tarot_data.sources.records import Blob, RawRecord, Rejected, source_of, unreadable
from tarot_data.sources.sniff import Sample
from tarot_data.sources.tables.header import HEADER_ROWS, columns_by_content, columns_by_notes, columns_of, find_header
from tarot_data.sources.tables.rows import read_rows
from tarot_data.sources.tables.transposed import is_transposed

FORM = "csv"
LONGEST_LABEL = 30
MAX_CELL = 4 * 1024 * 1024
SEPARATORS = ",\t;，|｜"
_SEP_LINE = re.compile(r"^\ufeff?\"?sep=(.)\"?\s*$", re.IGNORECASE)


def recognises(sample: Sample) -> bool:
    return sample.text is not None and separator_of(sample.text) is not None


def separator_of(text: str) -> str | None:
    """Return the separator under which the head of a text is a table of readings, else None."""
    if match := _SEP_LINE.match(text.partition("\n")[0]):
        return match[1]
    head = text[:200_000]
    return next((separator for layout in LAYOUTS if (separator := layout(head))), None)


def _by_header(head: str) -> str | None:
    """Return the separator under which a header (`日期,客户,牌,解读`) over rows of about as many cells has most fields."""
    best, names = None, 1
    for separator in SEPARATORS:
        if separator not in head[:20_000]:
            continue
        rows = _filled_rows(head, separator)
        found = find_header(rows)
        if found is None:
            continue
        index, columns, _ = found
        below = rows[index + 1 :]
        if "content" not in columns.names and _is_ruled(below):
            continue  # a Markdown table of a note's cards
        if len(columns.names) > names and _has_rows(columns.width, below):
            best, names = separator, len(columns.names)
    return best


def _by_cells(head: str) -> str | None:
    """Return the separator of rows without a header (`2024-01-05,阿宁,愚人正位,a long text`), of equal width, with cards and
    text."""
    for separator in SEPARATORS:
        rows = _filled_rows(head, separator) if separator in head else []
        if len(rows) < 2 or len(rows[0]) < 3 or len({len(row) for row in rows}) > 1:
            continue
        if columns_by_content(rows) and not is_transposed(rows):
            return separator
    return None


def _by_first_column(head: str) -> str | None:
    """Return the separator of `客户,阿宁` over `牌,愚人` over `解读,…`. A Markdown table of this kind is part of a note."""
    for separator in ",\t;":
        if separator in head and is_transposed(_rows_of(head, separator, HEADER_ROWS + 1)):
            return separator
    return None


def _by_notes(head: str) -> str | None:
    """Return the separator of rows of which a quoted cell has a labelled note."""
    for separator in ",\t;":
        if '"' in head and separator in head:
            rows = _filled_rows(head, separator)
            if len({len(row) for row in rows}) == 1 and len(rows[0]) > 1 and columns_by_notes(rows):
                return separator
    return None


def _by_labels(head: str) -> str | None:
    """Return the separator of rows of equal width under short labels, one of which is known: a table without a text that is
    understood, which is no note."""
    for separator in ",\t":
        rows = _filled_rows(head, separator) if separator in head[:2000] else []
        labels = [cell.strip() for cell in rows[0]] if len(rows) > 2 else []
        if len(labels) < 3 or len({len(row) for row in rows[:-1]}) > 1 or len({*labels}) < len(labels):
            continue
        if all(0 < len(label) <= LONGEST_LABEL for label in labels) and any(map(field_of, labels)):
            return separator
    return None


LAYOUTS = (_by_header, _by_cells, _by_first_column, _by_notes, _by_labels)


def _filled_rows(head: str, separator: str) -> list[list[str]]:
    return [row for row in _rows_of(head, separator, 60) if any(cell.strip() for cell in row)]


def _has_rows(width: int, rows: list[list[str]]) -> bool:
    """Check that most rows under a header have about as many cells."""
    if not rows:
        return width >= 3
    fitting = sum(2 <= len(row) <= width + 3 for row in rows)
    return fitting * 2 >= len(rows) and width >= 2


def _is_ruled(rows: list[list[str]]) -> bool:
    """Check that the first row is the rule of a Markdown table (`|---|---|`)."""
    return bool(rows) and all(not cell or "-" in cell and not cell.strip(" :").strip("-") for cell in rows[0])


def _rows_of(text: str, separator: str, limit: int) -> list[list[str]]:
    csv.field_size_limit(MAX_CELL)
    rows = []
    try:
        for row in csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=separator):
            rows.append(row)
            if len(rows) >= limit:
                break
    except csv.Error:
        pass
    return rows


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    with blob.open() as file:
        head = file.read(HEAD)
    name = encoding_of(head)
    text = with_newlines(head.decode(name, "replace"))
    separator = separator_of(text.removeprefix("\ufeff"))
    if separator is None:
        raise unreadable("no_columns")
    with blob.open() as binary, io.TextIOWrapper(binary, encoding=name, errors="replace", newline="") as lines:
        rows = numbered_rows(lines, separator, blob, FORM)
        broken: list[Rejected] = []

        def sound() -> Iterator[tuple[int, list[str]]]:
            for row in rows:
                if isinstance(row, Rejected):
                    broken.append(row)
                else:
                    yield row

        count = 0
        for record in read_rows(sound(), blob, FORM, "row {}", hint=blob.hint):
            count += 1
            yield from broken
            broken.clear()
            yield record
        yield from broken
        if not count and not broken and not _is_empty_table(text, separator):
            first = next(iter(_filled_rows(text[:HEAD], separator)), [])
            labels = "、".join(cell.strip() for cell in first[:20] if cell.strip())
            raise unreadable("unknown_columns", columns=labels) if labels else unreadable("no_text_column")


def _is_empty_table(text: str, separator: str) -> bool:
    """Check for a header without rows, which is a table of no readings."""
    rows = [row for row in _rows_of(text, separator, 5) if any(cell.strip() for cell in row)]
    return len(rows) <= 1 and bool(rows) and columns_of(rows[0]) is not None


def numbered_rows(
    lines: io.TextIOWrapper, separator: str, blob: Blob, form: str
) -> Iterator[tuple[int, list[str]] | Rejected]:
    """Read rows with their number (from 1, as in a spreadsheet).

    A row whose quote is never closed is rejected, and the lines inside the quote are read again.
    """
    csv.field_size_limit(MAX_CELL)
    fed: list[str] = []
    waiting: deque[str] = deque()

    def feed() -> Iterator[str]:
        while True:
            line = waiting.popleft() if waiting else lines.readline(MAX_CELL)
            if not line:
                return
            line = line.replace("\0", "").removeprefix("\ufeff")
            fed.append(line)
            yield line

    number = 0
    while True:
        reader = csv.reader(feed(), delimiter=separator, strict=True)
        try:
            while True:
                fed.clear()
                row = next(reader)
                number += 1
                ruled = separator == "|" and _is_ruled([row])
                if not (ruled or number == 1 and len(fed) == 1 and _SEP_LINE.match("".join(row))):
                    yield number, row
        except StopIteration:
            return
        except csv.Error as error:
            number += 1
            yield _open_quote(blob, form, number, str(error), fed[:1])
            waiting.extendleft(reversed(fed[1:]))


def _open_quote(blob: Blob, form: str, number: int, error: str, lines: list[str]) -> Rejected:
    return Rejected(
        source=source_of(blob, f"row {number}", form),
        stage="read",
        reason="unreadable",
        code="open_quote",
        values={"error": error},
        raw={"line": "".join(lines)[:2000]},
    )
