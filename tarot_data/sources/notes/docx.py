"""Readings from Word files: paragraphs and tables in document order, read from the zip with the standard library."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

from tarot_data.lexicon.field_names import field_of
from tarot_data.sources import archive
from tarot_data.sources.field_values import Fields
from tarot_data.sources.labelled_lines import read_head
from tarot_data.sources.labels import known_fields, labels_in
from tarot_data.sources.lines import Line
from tarot_data.sources.notes import markup
from tarot_data.sources.notes.beginnings import text_above
from tarot_data.sources.notes.embedded_tables import is_table_of_cards, table_lines
from tarot_data.sources.notes.plain import split
from tarot_data.sources.records import Blob, RawRecord, Rejected, unreadable, unsafe
from tarot_data.sources.sniff import Sample
from tarot_data.sources.tables.header import find_header
from tarot_data.sources.tables.rows import read_rows

FORM = "docx"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_PAGE_BREAK = "\f"
_HEADING_STYLE = re.compile(r"^(?:Heading|heading|标题|Title|(?=[1-9]$))\s?([1-9])?")


def recognises(sample: Sample) -> bool:
    return sample.head.startswith(b"PK") and "word/document.xml" in sample.entries


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    sections = _sections(_blocks(_body(blob)))
    common = _client_of_all(sections)
    for section in sections[1:] if common or _is_preface(sections) else sections:
        yield from _read_section(section, blob, common)


def text_of(blob: Blob) -> str:
    """Return all text of a document, one line a paragraph or table row. Raises SourceError."""
    lines = []
    for block in _blocks(_body(blob)):
        lines += block.lines if block.kind != "table" else ["\t".join(row) for row in block.value]
    return "\n".join(lines).strip("\n")


def _body(blob: Blob) -> ET.Element | None:
    with archive.opened(blob) as opened:
        entry = opened.getinfo("word/document.xml")
        data = archive.read_entry(opened, entry, archive.MAX_ENTRY, archive.Budget())
    if b"<!DOCTYPE" in data[:2000] or b"<!ENTITY" in data:
        raise unsafe("document_entities")
    try:
        root = ET.fromstring(data)
    except (ET.ParseError, RecursionError, ValueError) as error:
        raise unreadable("document_damaged", error=type(error).__name__) from error
    return root.find(f"{_W}body")


@dataclass(frozen=True)
class Block:
    """A piece of the body in its order. kind: title, heading, line, item, break (value text) or table (value rows).
    number: of the paragraph or table in the document, from 1."""

    kind: str
    value: object
    number: int

    @property
    def lines(self) -> list[str]:
        return str(self.value).split("\n") if isinstance(self.value, str) else []


def _blocks(body: ET.Element | None) -> list[Block]:
    found: list[Block] = []
    stack = list(reversed(body)) if body is not None else []
    number = 0
    while stack:
        element = stack.pop()
        tag = element.tag.removeprefix(_W) if isinstance(element.tag, str) else ""
        if tag in ("p", "tbl"):
            number += 1
            pieces = _paragraph(element) if tag == "p" else [("table", _rows(element))]
            found += [Block(kind, value, number) for kind, value in pieces]
        elif tag == "sdt":
            content = element.find(f"{_W}sdtContent")
            stack.extend(reversed(content if content is not None else ()))
        elif tag in ("ins", "customXml", "smartTag", "moveTo"):
            stack.extend(reversed(element))
    return found


def _paragraph(element: ET.Element) -> Iterator[tuple[str, str]]:
    style = element.find(f"{_W}pPr/{_W}pStyle")
    name = (style.get(f"{_W}val") or "") if style is not None else ""
    text = _text(element)
    kind = "line"
    if heading := _HEADING_STYLE.match(name):
        kind = "title" if heading[1] in ("", "1", None) else "heading"
    elif element.find(f"{_W}pPr/{_W}numPr") is not None or name.startswith("List"):
        kind = "item"
    elif len(text) <= 40 and _is_bold(element) and not labels_in(text):
        kind = "title"
    if kind in ("title", "heading") and not text.strip():
        kind = "line"
    if element.find(f"{_W}pPr/{_W}pageBreakBefore") is not None:
        yield "break", ""
    if element.find(f".//{_W}txbxContent") is not None:
        text = text.strip("\n")
    before, broke, after = text.partition(_PAGE_BREAK)
    if before or not broke:
        yield kind, before
    if broke:
        yield "break", ""
        if after.strip():
            yield kind, after.replace(_PAGE_BREAK, "")


def _is_bold(element: ET.Element) -> bool:
    """Check whether every run with text is bold, as in a title without a heading style."""
    runs = [run for run in element.iter(f"{_W}r") if any(t.text for t in run.iter(f"{_W}t"))]
    return bool(runs) and all(
        (bold := run.find(f"{_W}rPr/{_W}b")) is not None and bold.get(f"{_W}val") not in ("0", "false") for run in runs
    )


def _text(element: ET.Element) -> str:
    """Return the text of a paragraph: runs, links and inserted changes, without deleted changes and comments."""
    parts: list[str] = []
    stack = [element]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            parts.append(node)
            continue
        tag = node.tag.removeprefix(_W) if isinstance(node.tag, str) else ""
        if tag in ("del", "moveFrom", "instrText", "delText", "pPr", "rPr", "footnoteReference"):
            continue
        if tag == "t":
            parts.append(node.text or "")
        elif tag == "tab":
            parts.append("\t")
        elif tag == "br":
            parts.append(_PAGE_BREAK if node.get(f"{_W}type") == "page" else "\n")
        elif tag == "cr":
            parts.append("\n")
        elif node.tag.endswith("}AlternateContent"):
            # A text box is stored twice, for new and old programs; the first is enough.
            stack.extend(list(node)[:1])
        elif tag == "txbxContent":
            lines = "\n".join(_text(paragraph) for paragraph in node.findall(f"{_W}p"))
            parts.append(f"\n{lines}\n")
        elif tag == "tbl":
            parts.append("\n".join("\t".join(row) for row in _rows(node)))
        else:
            stack.extend(reversed(list(node)))
    return "".join(parts)


def _rows(table: ET.Element) -> list[list[str]]:
    rows = []
    for row in table.iter(f"{_W}tr"):
        rows.append(["\n".join(_text(p) for p in cell.findall(f".//{_W}p")).strip() for cell in row.findall(f"{_W}tc")])
    return rows


def _sections(blocks: list[Block]) -> list[list[Block]]:
    """Split blocks where readings begin: at a title or a page break that labels follow."""
    sections: list[list[Block]] = [[]]
    for index, block in enumerate(blocks):
        # A second-level heading may be part of a body; it begins a reading only if a person's name follows.
        wanted = {"title": _OF_A_READING, "break": _OF_A_READING, "heading": {"person"}}.get(block.kind, set())
        if wanted and _labels_follow(blocks, index + 1, wanted) and _has_labels(sections[-1]):
            sections.append([])
        if block.kind != "break":
            sections[-1].append(block)
    return [section for section in sections if any(block.value for block in section)]


def _has_labels(section: list[Block]) -> bool:
    return any(block.kind == "table" or any(labels_in(line) for line in block.lines) for block in section)


def _labels_follow(blocks: list[Block], index: int, wanted: set[str]) -> bool:
    """Check whether the next blocks after any titles begin with a wanted label or with a table of them."""
    for block in blocks[index : index + 4]:
        if block.kind in ("title", "break") or not block.value:
            continue
        if block.kind == "table":
            return bool(known_fields([cell for row in block.value[:4] for cell in row]) & wanted)
        labels = [label for line in block.lines for label in labels_in(line)]
        return bool(known_fields([label for label, _, _ in labels]) & wanted)
    return False


def _labelled(section: list[Block]) -> set[str]:
    """Return the fields that labels outside the tables of a section name."""
    lines = [line for block in section for line in block.lines]
    return known_fields([label for line in lines for label, _, _ in labels_in(line)])


def _client_of_all(sections: list[list[Block]]) -> Fields:
    """Return the person of the whole file if its first section has nothing else: `客户：阿宁`."""
    first = [line for block in sections[0] for line in block.lines if line.strip()] if len(sections) > 1 else []
    if len(first) != 1 or any(block.kind == "table" for block in sections[0]):
        return {}
    head = read_head(first, 0)
    return head.fields if head.names == {"person"} and head.body == 1 else {}


def _is_preface(sections: list[list[Block]]) -> bool:
    """Check whether the first of several sections belongs to no reading: title, author and date of the file."""
    first = sections[0] if len(sections) > 1 else []
    if not first or any(block.kind == "table" for block in first) or _labelled(first) & _NEEDED:
        return False
    return not text_above(_section_lines(first))


_NEEDED = {"person", "question", "cards"}
_OF_A_READING = {"person", "question", "spread", "cards", "date"}


def _read_section(section: list[Block], blob: Blob, common: Fields) -> Iterator[RawRecord | Rejected]:
    tables = [block for block in section if block.kind == "table" and is_table_of_readings(block.value)]
    readings = [block for block in tables if not is_table_of_cards(block.value)]
    if len(readings) < len(tables) and _labelled(section) & {"person", "question"}:
        tables = readings
    if not tables:
        yield from split(_section_lines(section), blob, FORM, locator="paragraph {}", common=common)
        return
    above = ""
    for block in section:
        if block in tables:
            place = f"table {block.number} row {{}}"
            yield from read_rows(enumerate(block.value, 1), blob, FORM, place, hint=f"{blob.hint} {above}".strip())
        elif block.lines and any(block.lines):
            above = str(block.value)[:60]  # it may name the month of the table's days


def _section_lines(section: list[Block]) -> list[Line]:
    """Convert a section to lines as in a note: prose with blank lines between paragraphs, tables as labelled lines."""
    lines: list[Line] = []
    for block, below in zip(section, [*section[1:], None], strict=True):
        is_prose = False
        if block.kind == "table":
            texts = table_lines(block.value)
        elif block.kind in ("title", "heading") and (not lines or field_of(str(block.value))):
            texts = [f"# {block.value}"]  # a heading that is a label (问题, 解读) has its value below it
        else:
            texts = block.lines
            is_prose = block.kind != "item" or below is None or below.kind != "item"
        lines += (Line(line.text, block.number) for line in markup.lines_of("\n".join(texts)))
        if is_prose and lines and lines[-1].stripped:
            lines.append(Line("", block.number))
    return lines


def is_table_of_readings(rows: list[list[str]]) -> bool:
    found = find_header(rows[:20])
    return bool(found) and "content" in found[1].names and len(rows) > 1
