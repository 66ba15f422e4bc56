"""CSV and its relatives: UTF-8, GB18030, Big5, UTF-16 with tabs; comma, semicolon, tab or `，` between the cells."""

import csv
import io
import re
from collections import deque
from collections.abc import Iterator

from tarot_data.sources.encoding import HEAD, encoding_of
from tarot_data.sources.records import Blob, RawRecord, Rejected, source_of, unreadable
from tarot_data.sources.sniff import Sample
from tarot_data.sources.tables.header import columns_by_content, columns_of, find_header
from tarot_data.sources.tables.rows import read_rows
from tarot_data.sources.tables.transposed import is_transposed

FORM = "csv"
MAX_CELL = 4 * 1024 * 1024
_SEPARATORS = ",\t;，|"
_SEP_LINE = re.compile(r"^\ufeff?\"?sep=(.)\"?\s*$", re.IGNORECASE)


def recognises(sample: Sample) -> bool:
    return sample.text is not None and separator_of(sample.text) is not None


def separator_of(text: str) -> str | None:
    """The separator under which the head of a text is a table of readings, else None."""
    first, _, rest = text.partition("\n")
    if match := _SEP_LINE.match(first):
        return match[1]
    best, names = None, 1
    for separator in _SEPARATORS:
        if separator not in text[:20_000]:
            continue
        rows = [row for row in _rows_of(text[:200_000], separator, 60) if any(cell.strip() for cell in row)]
        found = find_header(rows)
        if found and "content" not in found[1].names and _is_ruled(rows[found[0] + 1 :]):
            continue  # a note's Markdown table of its cards
        if found and len(found[1].names) > names and _holds_rows(found[1].width, rows[found[0] + 1 :]):
            best, names = separator, len(found[1].names)
    if best is None:
        for separator in _SEPARATORS:
            if separator not in text[:200_000]:
                continue
            rows = [row for row in _rows_of(text[:200_000], separator, 60) if any(cell.strip() for cell in row)]
            if (
                len(rows) >= 2
                and len({len(row) for row in rows}) == 1
                and len(rows[0]) >= 3
                and columns_by_content(rows)
                and not is_transposed(rows)
            ):
                return separator
    if best is None:
        # A Markdown table on its side is part of a note.
        for separator in ",\t;":
            if separator in text[:200_000] and is_transposed(_rows_of(text[:200_000], separator, 21)):
                return separator
    return best


def _holds_rows(width: int, rows: list[list[str]]) -> bool:
    """Whether what follows a header is a table: most rows have about as many cells."""
    if not rows:
        return width >= 3
    fitting = sum(2 <= len(row) <= width + 3 for row in rows)
    return fitting * 2 >= len(rows) and width >= 2


def _is_ruled(rows: list[list[str]]) -> bool:
    """Whether Markdown's rule (`|---|---|`) is the first of the rows."""
    return bool(rows) and all(re.fullmatch(r"\s*:?-+:?\s*|", cell) for cell in rows[0])


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
    text = head.decode(name, "replace").replace("\r\n", "\n").replace("\r", "\n")
    separator = separator_of(text.removeprefix("\ufeff"))
    if separator is None:
        raise unreadable("no table with known column names")
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
            raise unreadable("a table without a column for the reading's text and cards")


def _is_empty_table(text: str, separator: str) -> bool:
    """Only a header, which is a table of no readings."""
    rows = [row for row in _rows_of(text, separator, 5) if any(cell.strip() for cell in row)]
    return len(rows) <= 1 and bool(rows) and columns_of(rows[0]) is not None


def numbered_rows(
    lines: io.TextIOWrapper, separator: str, blob: Blob, form: str
) -> Iterator[tuple[int, list[str]] | Rejected]:
    """Rows with their number (from 1, as a spreadsheet counts them); a row that never closes its quote is refused and
    the lines it swallowed are read again."""
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
                if not (number == 1 and len(fed) == 1 and _SEP_LINE.match("".join(row))):
                    yield number, row
        except StopIteration:
            return
        except csv.Error as error:
            # What the open quote swallowed is read again from the next line on.
            number += 1
            yield _refused(blob, form, number, f"the quotes of a cell do not fit ({error})", fed[:1])
            waiting.extendleft(reversed(fed[1:]))


def _refused(blob: Blob, form: str, number: int, detail: str, lines: list[str]) -> Rejected:
    return Rejected(
        source=source_of(blob, f"row {number}", form),
        stage="read",
        reason="unreadable",
        detail=detail,
        raw={"line": "".join(lines)[:2000]},
    )
