"""Readings from HTML: tables, which some programs save as .xls, or the page's text."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from tarot_data.cards import content_cards
from tarot_data.sources.encoding import text_of
from tarot_data.sources.html_text import BLOCKS, BlockParser
from tarot_data.sources.labels import labels_in
from tarot_data.sources.lines import to_lines
from tarot_data.sources.noise import noise_words
from tarot_data.sources.notes import plain
from tarot_data.sources.notes.embedded_tables import is_table_of_cards
from tarot_data.sources.notes.page_text import text_of_page
from tarot_data.sources.records import Blob, RawRecord, Rejected, unreadable
from tarot_data.sources.sniff import Sample
from tarot_data.sources.tables.header import find_header
from tarot_data.sources.tables.rows import read_rows

FORM = "html"


def recognises(sample: Sample) -> bool:
    head = (sample.text or "")[:20_000].lower()
    return "<html" in head or "<!doctype html" in head or head.lstrip()[:1] == "<" and "<table" in head


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    text, _ = text_of(blob)
    tables = tables_of(text)
    found = False
    if any(map(is_table_of_cards, tables)) and plain.find_readings(lines := to_lines(text_of_page(text).split("\n"))):
        # The cards of a note, which has its labels and its text around the table.
        yield from plain.read_lines(lines, blob, FORM)
        return
    for number, rows in enumerate(tables, 1):
        if find_header(rows[:30]):
            found = True
            place = "row {}" if len(tables) == 1 else f"table {number} row {{}}"
            yield from read_rows(enumerate(rows, 1), blob, FORM, place, hint=blob.hint)
    if not found:
        page = _Text()
        page.feed(text)
        page.close()
        texts = page.lines()
        lines = to_lines(texts)
        if not plain.find_readings(lines) and not content_cards.names_card("\n".join(texts)[:20_000]):
            raise unreadable("page_without_readings")
        yield from plain.split(lines, blob, FORM)


class _Text(BlockParser):
    """A page as text, with headings as in Markdown, without the parts of the site around it. part: the tag of the open
    element that is such a part; level: open elements of that tag since."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self.part, self.level = "", 0

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if not self.level and _is_page_part(tag, attributes):
            self.part = tag
        self.level += tag == self.part
        if tag in ("h1", "h2", "h3"):
            self.add("\n" + "#" * int(tag[1]) + " ")
        elif tag == "hr":
            self.add("\n---\n")
        elif tag in ("td", "th"):
            self.add("\t")
        else:
            super().handle_starttag(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        super().handle_endtag(tag)
        if self.level and tag == self.part:
            self.level -= 1
            self.part = self.part if self.level else ""

    def handle_data(self, data: str) -> None:
        super().handle_data(re.sub(r"\s+", " ", data))

    def add(self, text: str) -> None:
        if not self.level:
            self.parts.append(text)

    def lines(self) -> list[str]:
        text = re.sub(r"[ \t]*\n[ \t]*", "\n", "".join(self.parts)).strip()
        # Labels in a paragraph each are one block of labels, not blocks with blank lines between them.
        found = re.sub(r"\n{3,}", "\n\n", text).split("\n")
        return [
            line
            for index, line in enumerate(found)
            if line or not (index + 1 < len(found) and labels_in(found[index - 1]) and labels_in(found[index + 1]))
        ]


def _is_page_part(tag: str, attributes: list[tuple[str, str | None]]) -> bool:
    """Check for a sidebar, comments, links to share and the like, by its tag or the first word of a class (`related-posts`)."""
    words = noise_words("page part")
    return tag in words or any(
        re.split(r"[^a-z]", token, maxsplit=1)[0] in words
        for name, value in attributes
        if name in ("class", "id", "role") and value and tag in BLOCKS
        for token in value.lower().split()
    )


class _Tables(HTMLParser):
    """tables: rows of cell texts. cell: parts of the open cell. silent: open elements without visible text. spans: column ->
    rows below, and text, of a cell that goes on in them."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.cell: list[str] | None = None
        self.silent = 0
        self.rows_below = 0
        self.spans: dict[int, tuple[int, str]] = {}

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self.silent += 1
        elif tag == "table":
            self.tables.append([])
            self.spans = {}
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
            self._fill_spans()
        elif tag in ("td", "th") and self.tables and self.tables[-1]:
            self.cell = []
            span = dict(attributes).get("rowspan") or ""
            self.rows_below = int(span) - 1 if span.isdecimal() and len(span) < 4 else 0
            self.tables[-1][-1].append("")
        elif tag in ("br", "p", "div") and self.cell is not None:
            self.cell.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self.silent = max(0, self.silent - 1)
        elif tag in ("td", "th") and self.cell is not None and self.tables and self.tables[-1] and self.tables[-1][-1]:
            text = "".join(self.cell).strip()
            row = self.tables[-1][-1]
            row[-1] = text
            self.cell = None
            if self.rows_below > 0:
                self.spans[len(row) - 1] = (self.rows_below, text)
            self._fill_spans()

    def _fill_spans(self) -> None:
        """Repeat the cells of rows above that go on in the next columns of the open row."""
        row = self.tables[-1][-1]
        while span := self.spans.pop(len(row), None):
            below, text = span
            if below > 1:
                self.spans[len(row)] = (below - 1, text)
            row.append(text)

    def handle_data(self, data: str) -> None:
        if self.cell is not None and not self.silent:
            self.cell.append(data)


def tables_of(text: str) -> list[list[list[str]]]:
    """Return every table of a page as rows of cell texts."""
    parser = _Tables()
    parser.feed(text)
    parser.close()
    return [table for table in parser.tables if table]
