"""HTML tables of readings: what some programs save as .xls."""

from collections.abc import Iterator
from html.parser import HTMLParser

from tarot_data.sources.decode import text_of
from tarot_data.sources.record import Blob, RawRecord, Rejected, unreadable
from tarot_data.sources.sample import Sample
from tarot_data.sources.tables import find_header, read_rows

FORM = "html"


def recognises(sample: Sample) -> bool:
    head = (sample.text or "")[:20_000].lower()
    return "<table" in head and ("<html" in head or "<!doctype" in head or head.lstrip().startswith("<table"))


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    text, _ = text_of(blob)
    tables = tables_of(text)
    found = False
    for number, rows in enumerate(tables, 1):
        if find_header(rows[:30]):
            found = True
            place = "row {}" if len(tables) == 1 else f"table {number} row {{}}"
            yield from read_rows(enumerate(rows, 1), blob, FORM, place, hint=blob.hint)
    if not found:
        raise unreadable("a page without a table of readings")


class _Tables(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.cell: list[str] | None = None
        self.silent = 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self.silent += 1
        elif tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in ("td", "th") and self.tables and self.tables[-1]:
            self.cell = []
            self.tables[-1][-1].append("")
        elif tag in ("br", "p", "div") and self.cell is not None:
            self.cell.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self.silent = max(0, self.silent - 1)
        elif tag in ("td", "th") and self.cell is not None and self.tables and self.tables[-1] and self.tables[-1][-1]:
            self.tables[-1][-1][-1] = "".join(self.cell).strip()
            self.cell = None

    def handle_data(self, data: str) -> None:
        if self.cell is not None and not self.silent:
            self.cell.append(data)


def tables_of(text: str) -> list[list[list[str]]]:
    """Every table of a page as rows of cell texts."""
    parser = _Tables()
    parser.feed(text)
    parser.close()
    return [table for table in parser.tables if table]
