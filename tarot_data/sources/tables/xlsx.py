"""Readings from workbooks: cells by fastexcel; merged ranges, epoch and extent from the XML, which it does not expose."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import fastexcel

from tarot_data.lexicon.dates import parse_date
from tarot_data.sources import archive
from tarot_data.sources.chats import message_table
from tarot_data.sources.name_evidence import are_names
from tarot_data.sources.noise import noise_words
from tarot_data.sources.records import Blob, RawRecord, Rejected, source_of, unreadable
from tarot_data.sources.sniff import Sample
from tarot_data.sources.tables.header import HEADER_ROWS, find_header
from tarot_data.sources.tables.rows import read_rows
from tarot_data.sources.tables.transposed import is_transposed
from tarot_data.text.cleanup import plain
from tarot_data.text.normalise import fold

FORM = "xlsx"
MAX_CELLS = 5_000_000
"""Cells of the rectangle a sheet spans: fastexcel allocates all of it, and one cell at XFD1048576 spans 17 billion."""
MAX_DECIMALS = 100_000
"""Cells of a sheet whose decimals are written as they are shown."""
MAX_SHEET = 512 * 1024 * 1024

_CELL = re.compile(rb'<c r="([A-Z]{1,3})(\d{1,7})"(?: s="(\d{1,5})")?(?:[^>]*[^/])?>')
_MERGE = re.compile(rb'<mergeCell ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


@dataclass(frozen=True)
class Extent:
    """The used rectangle of a sheet. first_row (from 1) and first_column (from 0): of the first cell that is not empty.
    merges: (first row, first column, last row, last column). decimals: row and column of cells that show a fixed number of
    decimals, and that number."""

    first_row: int
    first_column: int
    cells: int
    merges: tuple[tuple[int, int, int, int], ...]
    decimals: dict[tuple[int, int], int] = field(default_factory=dict)


def recognises(sample: Sample) -> bool:
    return sample.head.startswith(b"PK") and (
        "xl/workbook.xml" in sample.entries or "xl/workbook.bin" in sample.entries
    )


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    with archive.opened(blob) as opened:
        sheets, epoch_1904 = _workbook(opened)
        shown = _decimals_shown(opened)
        extents = {name: _extent(opened, part, shown) for name, part, _ in sheets}
    reader = _opened(blob)
    known, persons = False, are_names(name for name, _, _ in sheets)
    for name, _, hidden in sheets:
        extent = extents[name]
        if extent is None or extent.cells == 0 or any(word in fold(name) for word in noise_words("sheet")):
            continue
        sheet = _too_large(blob, name, extent)
        if sheet is None:
            sheet = _read_sheet(blob, name, _rows(reader, name, extent, epoch_1904), hidden, name in persons)
        if sheet is not None:
            known = True
            yield from sheet
    if not known:
        raise unreadable("no_reading_sheet")


def _too_large(blob: Blob, name: str, extent: Extent) -> list[Rejected] | None:
    if extent.cells <= MAX_CELLS:
        return None
    return [_rejected(blob, name, "unsafe", "sheet_too_large", cells=extent.cells, limit=MAX_CELLS)]


def _read_sheet(
    blob: Blob, name: str, rows: list[tuple[int, list]], hidden: bool, is_person: bool
) -> Iterable[RawRecord | Rejected] | None:
    """Read a sheet of messages or of readings; None if it is neither. is_person: the sheet has the name of a client; a sheet
    called like a day has that date."""
    table = [row for _, row in rows]
    locator = f"sheet {name} row {{}}"
    if message_table.header_of(table):
        return message_table.read_table(iter(rows), blob, locator=locator)
    has_labels = find_header(table) is not None or is_transposed(table[: HEADER_ROWS + 1])
    if hidden:
        return [_rejected(blob, name, "unreadable", "hidden_sheet")] if has_labels else None
    is_day = not is_person and parse_date(name, blob.hint).day is not None
    above = (("person" if is_person else "date", name),) if is_person or is_day else ()
    records = read_rows(rows, blob, FORM, locator, hint=f"{blob.hint} {name}", above=above)
    if has_labels:
        return records
    first = next(records, None)
    return None if first is None else chain([first], records)


def _rejected(blob: Blob, name: str, reason: str, code: str, **values: object) -> Rejected:
    source = source_of(blob, f"sheet {name}", FORM)
    return Rejected(source=source, stage="read", reason=reason, code=code, values=values)


def _workbook(opened: object) -> tuple[list[tuple[str, str, bool]], bool]:
    """Return sheets as (name, part of the zip, hidden), and whether dates count from 1904."""
    if "xl/workbook.xml" not in opened.namelist():
        raise unreadable("xlsb")
    budget = archive.Budget()
    try:
        book = ET.fromstring(archive.read_entry(opened, opened.getinfo("xl/workbook.xml"), 2**24, budget))
        links = {
            link.get("Id"): link.get("Target", "")
            for link in ET.fromstring(
                archive.read_entry(opened, opened.getinfo("xl/_rels/workbook.xml.rels"), 2**24, budget)
            )
        }
    except (ET.ParseError, KeyError, RecursionError, ValueError) as error:
        raise unreadable("workbook_damaged", error=type(error).__name__) from error
    sheets, epoch = [], False
    for element in book.iter():
        tag = element.tag.rpartition("}")[2]
        if tag == "workbookPr":
            epoch = element.get("date1904") in ("1", "true")
        elif tag == "sheet":
            target = links.get(element.get(_R), "").lstrip("/")
            part = target if target.startswith("xl/") else f"xl/{target}"
            sheets.append((element.get("name", ""), part, element.get("state", "visible") != "visible"))
    return sheets, epoch


_DECIMALS = re.compile(r"0\.(0{1,4})(?:_.)?")
_BUILT_IN = {"2": 2}
"""Number formats of Excel with fixed decimals that no file has to define: `0.00`."""


def _decimals_shown(opened: object) -> dict[bytes, int]:
    """Return the numbers of the cell styles that show a fixed number of decimals, and that number: `3.10` is kept as 3.1."""
    if "xl/styles.xml" not in opened.namelist():
        return {}
    try:
        data = archive.read_entry(opened, opened.getinfo("xl/styles.xml"), 2**24, archive.Budget())
        styles = ET.fromstring(data)
    except (ET.ParseError, RecursionError, ValueError) as error:
        raise unreadable("workbook_damaged", error=type(error).__name__) from error
    formats = dict(_BUILT_IN)
    for each in styles.iterfind("{*}numFmts/{*}numFmt"):
        if match := _DECIMALS.fullmatch(each.get("formatCode", "")):
            formats[each.get("numFmtId", "")] = len(match[1])
    cells = enumerate(styles.iterfind("{*}cellXfs/{*}xf"))
    return {b"%d" % number: formats[key] for number, xf in cells if (key := xf.get("numFmtId", "")) in formats}


def _extent(opened: object, part: str, shown: dict[bytes, int]) -> Extent | None:
    """Scan a sheet's XML, without parsing it, for the cells that are not empty and the merged ranges. shown: see
    `_decimals_shown`."""
    if part not in opened.namelist():
        return None
    top, left, bottom, right = 1 << 30, 1 << 30, 0, -1
    merges: list[tuple[int, int, int, int]] = []
    decimals: dict[tuple[int, int], int] = {}
    tail, size = b"", 0
    try:
        with opened.open(part) as file:
            while block := file.read(1 << 20):
                size += len(block)
                if size > MAX_SHEET:
                    return Extent(1, 0, MAX_CELLS + 1, ())
                data = tail + block
                for match in _CELL.finditer(data):
                    row, column = int(match[2]), _column(match[1])
                    top, bottom = min(top, row), max(bottom, row)
                    left, right = min(left, column), max(right, column)
                    if match[3] in shown and len(decimals) < MAX_DECIMALS:
                        decimals[row, column] = shown[match[3]]
                for match in _MERGE.finditer(data):
                    if len(merges) < 100_000:
                        merges.append((int(match[2]), _column(match[1]), int(match[4]), _column(match[3])))
                tail = data[-120:]
    except archive.BROKEN as error:
        raise unreadable("sheet_damaged", error=type(error).__name__) from error
    if right < 0:
        return Extent(1, 0, 0, ())
    return Extent(top, left, (bottom - top + 1) * (right - left + 1), tuple(dict.fromkeys(merges)), decimals)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _opened(blob: Blob) -> object:
    return _guarded(lambda: fastexcel.read_excel(blob.data if blob.data is not None else str(blob.path)))


def _guarded(call: Callable[[], Any]) -> Any:
    """Call the Rust reader. Raises SourceError for its errors and its panics, which are not an Exception."""
    try:
        return call()
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise unreadable("workbook_unreadable", error=type(error).__name__) from error


def _rows(reader: Any, name: str, extent: Extent, epoch_1904: bool) -> list[tuple[int, list[str | None]]]:
    """Return numbered rows of text; a cell merged downwards fills every row it covers."""
    frame = _guarded(lambda: reader.load_sheet(name, header_row=None, dtypes="string").to_polars())
    rows = [list(row) for row in frame.iter_rows()]
    for (row, column), count in extent.decimals.items():
        cells = rows[row - extent.first_row] if 0 <= row - extent.first_row < len(rows) else []
        _show_decimals(cells, column - extent.first_column, count)
    _fill_merged(rows, extent)
    if epoch_1904:
        rows = [[_from_1904(cell) for cell in row] for row in rows]
    return [(extent.first_row + index, row) for index, row in enumerate(rows)]


def _show_decimals(cells: list[str | None], index: int, count: int) -> None:
    """Write a number with at most so many decimals as its cell shows it."""
    whole, _, decimals = (cells[index] or "").partition(".") if 0 <= index < len(cells) else ("", "", "")
    if whole.isdecimal() and len(decimals) <= count and (decimals.isdecimal() or not decimals):
        cells[index] = f"{whole}.{decimals.ljust(count, '0')}"


def _fill_merged(rows: list[list[str | None]], extent: Extent) -> None:
    first = extent.first_row
    for top, left, bottom, right in extent.merges:
        if bottom == top or right - left > 20:
            continue
        row, column = top - first, left - extent.first_column
        if not (0 <= row < len(rows) and 0 <= column < len(rows[row])):
            continue
        value = rows[row][column]
        for below in range(row + 1, min(bottom - first + 1, len(rows))):
            if rows[below][column] in (None, ""):
                rows[below][column] = value


def _from_1904(cell: str | None) -> str | None:
    """Convert a date serial counted from 1904 to one counted from 1900."""
    if cell and re.fullmatch(r"[2-5]\d{4}(?:\.\d+)?", plain(cell)):
        return str(float(cell) + 1462)
    return cell
