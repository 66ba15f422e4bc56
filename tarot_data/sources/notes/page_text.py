"""Text of a note in HTML (ENML, pages of note tools) with its tables as Markdown tables, one line a block."""

import re

from tarot_data.sources.html_text import BLOCKS, SILENT, BlockParser

_CELLS = ("td", "th")
_HEADINGS = {"h1": "# ", "h2": "## ", "h3": "### "}
_HTML = re.compile(r"<(?:p|div|br|li)\b", re.IGNORECASE)
_BLANK_LINES = re.compile(r"\n{3,}")


class NoteText(BlockParser):
    """text: parts so far. rows: of the open outermost table. line_open: whether the last line has text."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.rows: list[list[str]] = []
        self.tables = 0
        self.line_open = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tables += tag == "table"
        if self.tables == 1 and tag == "tr":
            self.rows.append([])
        elif self.tables == 1 and tag in _CELLS and self.rows:
            self.rows[-1].append("")
            self.line_open = False
        elif tag == "br":
            self.add("\n")
        elif tag == "en-todo" or tag == "input" and ("type", "checkbox") in attributes:
            done = dict(attributes).get("checked", "false") != "false"
            self.add("☑ " if done else "☐ ")
        elif tag in BLOCKS:
            self.end_line()
            self.add("---\n" if tag == "hr" else _HEADINGS.get(tag, ""))
        else:
            super().handle_starttag(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        if tag == "table" and self.tables:
            self.tables -= 1
            if not self.tables:
                rows, self.rows = self.rows, []
                self.end_line()
                self.add(_table_text(rows))
        elif tag in SILENT:
            super().handle_endtag(tag)
        elif tag == "dt":
            self.add(self.ENDS[tag])
        elif tag in BLOCKS and tag != "tr" or tag == "dd":
            self.end_line()

    def handle_data(self, data: str) -> None:
        super().handle_data(re.sub(r"\s+", " ", data))

    def end_line(self) -> None:
        if self.line_open:
            self.add("\n")

    def add(self, text: str) -> None:
        if self.tables and self.rows and self.rows[-1]:
            self.rows[-1][-1] += text
        else:
            self.add_outside(text)
        self.line_open = not text.endswith("\n") and (self.line_open or bool(text.strip()))

    def add_outside(self, text: str) -> None:
        """Add text that is in no table."""
        self.text.append(text)

    def taken(self) -> str:
        """Return the text so far and forget it."""
        text, self.text = tidy("".join(self.text)), []
        return text


def tidy(text: str) -> str:
    """Return a text without white space around its lines, at most one of them blank between two others."""
    return _BLANK_LINES.sub("\n\n", "\n".join(line.strip() for line in text.split("\n"))).strip()


def _table_text(rows: list[list[str]]) -> str:
    """Return a Markdown table; the lines of the cells if it has one column, as a table for the layout has."""
    rows = [row for row in rows if row]
    if max(map(len, rows), default=0) < 2:
        return "".join(f"{tidy(cell)}\n" for row in rows for cell in row)
    return markdown_table([[" ".join(cell.split()).replace("|", "｜") for cell in row] for row in rows])


def markdown_table(rows: list[list[str]]) -> str:
    """Return a Markdown table of rows, at least one, of cells without line ends."""
    first, *below = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([first, "|" + " --- |" * len(rows[0]), *below, ""])


def text_of_page(page: str) -> str:
    """Return the text of a page or of a note's HTML."""
    parser = NoteText()
    parser.feed(page)
    parser.close()
    return parser.taken()


def text_of_value(text: str) -> str:
    """Return the text of a cell or a string, which may be HTML."""
    return text_of_page(text) if "<" in text and _HTML.search(text) else text
