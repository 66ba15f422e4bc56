"""Word files: paragraphs, tables, headers' neighbours in their order, read from the zip with the standard library."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator

from tarot_data.sources import archive
from tarot_data.sources.labels import known_fields
from tarot_data.sources.notes import split
from tarot_data.sources.record import Blob, RawRecord, Rejected, unreadable, unsafe
from tarot_data.sources.sample import Sample

FORM = "docx"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_PAGE_BREAK = "\f"


def recognises(sample: Sample) -> bool:
    return sample.head.startswith(b"PK") and "word/document.xml" in sample.entries


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    with archive.opened(blob) as opened:
        entry = opened.getinfo("word/document.xml")
        data = archive.read_entry(opened, entry, archive.MAX_ENTRY, archive.Budget())
    if b"<!DOCTYPE" in data[:2000] or b"<!ENTITY" in data:
        raise unsafe("the document declares entities")
    try:
        root = ET.fromstring(data)
    except (ET.ParseError, RecursionError, ValueError) as error:
        raise unreadable(f"the document is damaged ({type(error).__name__})") from error
    blocks = list(_blocks(root.find(f"{_W}body")))
    for section in _sections(blocks):
        yield from _read_section(section, blob)


def _blocks(body: ET.Element | None) -> Iterator[tuple[str, object]]:
    """("heading", text), ("line", text), ("break", "") and ("table", rows) in the order of the body."""
    for element in body if body is not None else ():
        tag = element.tag.removeprefix(_W)
        if tag == "p":
            yield from _paragraph(element)
        elif tag == "tbl":
            yield "table", _rows(element)
        elif tag in ("sdt", "ins", "customXml", "smartTag"):
            inner = element.find(f"{_W}sdtContent") if tag == "sdt" else element
            yield from _blocks(inner)


def _paragraph(element: ET.Element) -> Iterator[tuple[str, object]]:
    style = element.find(f"{_W}pPr/{_W}pStyle")
    name = (style.get(f"{_W}val") or "") if style is not None else ""
    text = _text(element)
    if element.find(f"{_W}pPr/{_W}pageBreakBefore") is not None:
        yield "break", ""
    before, broke, after = text.partition(_PAGE_BREAK)
    heading = re.match(r"^(?:Heading|heading|标题|Title|[1-3]$)\s?[1-3]?", name)
    kind = "heading" if heading and text.strip() else "line"
    if element.find(f"{_W}pPr/{_W}numPr") is not None or name.startswith("List"):
        kind = "item"
    if before or not broke:
        yield kind, before
    if broke:
        yield "break", ""
        if after.strip():
            yield kind, after.replace(_PAGE_BREAK, "")


def _text(element: ET.Element) -> str:
    """Text of a paragraph: runs, links, inserted changes; deleted changes and comments stay out."""
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
            # A text box stands twice, for new and old programs: the first is enough.
            stack.extend(list(node)[:1])
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


def _sections(blocks: list[tuple[str, object]]) -> list[list[tuple[str, object]]]:
    """Blocks cut where readings begin: at headings, at page breaks."""
    sections: list[list[tuple[str, object]]] = [[]]
    for kind, value in blocks:
        current = sections[-1]
        labelled = any(kind_ != "heading" and value_ for kind_, value_ in current)
        if (kind == "break" or kind == "heading") and labelled and _is_whole(current):
            sections.append([])
        if kind != "break":
            sections[-1].append((kind, value))
    return [section for section in sections if any(value for _, value in section)]


def _is_whole(section: list[tuple[str, object]]) -> bool:
    """Whether blocks make a reading of their own: two labels or more, and text."""
    from tarot_data.sources.labels import labels_in

    lines = [line for kind, value in section if kind in ("line", "item") for line in str(value).split("\n")]
    named = known_fields([labels_in(line)[0][0] for line in lines if labels_in(line)])
    tabled = any(kind == "table" for kind, _ in section)
    prose = sum(len(line) for line in lines if not labels_in(line))
    return (len(named) >= 2 or tabled) and prose >= 20


def _read_section(section: list[tuple[str, object]], blob: Blob) -> Iterator[RawRecord | Rejected]:
    lines: list[str] = []
    kinds = [kind for kind, _ in section[1:]] + ["line"]
    for (kind, value), following in zip(section, kinds, strict=True):
        if kind == "table":
            table = _table_lines(value)
            lines += table
        elif kind == "heading":
            lines += [f"# {value}" if not lines else f"## {value}"]
        else:
            lines += str(value).split("\n")
            # A paragraph of prose is a paragraph: the next one is set apart as it is on the page. Items of a list are not.
            if kind == "line" or following != "item":
                lines.append(_GAP)
    yield from split(_joined(lines), blob, FORM, locator="paragraph {}")


_GAP = "\0"


def _joined(lines: list[str]) -> list[str]:
    """Lines with one blank one for every gap between paragraphs."""
    found: list[str] = []
    for line in lines:
        if line != _GAP:
            found.append(line)
        elif found and found[-1].strip():
            found.append("")
    return found


def _table_lines(rows: list[list[str]]) -> list[str]:
    """A table as labelled lines: label and value side by side, or cards with their places."""
    from tarot_data.sources.fields import field_of

    if not rows:
        return []
    header = [field_of(cell) for cell in rows[0]]
    names = {known[0] for known in header if known}
    if "cards" in names and len(rows) > 1 and "content" not in names:
        lines = ["牌："]
        for number, row in enumerate(rows[1:], 1):
            cells = {known[0]: cell for known, cell in zip(header, row, strict=False) if known}
            position = f"{cells['position']}：" if cells.get("position") else ""
            lines.append(f"{number}. {position}{cells.get('cards', '')} {cells.get('orientation', '')}".rstrip())
        return [*lines, ""]
    lines = []
    for row in rows:
        cells = [cell for cell in row if cell]
        if len(cells) == 2 and field_of(cells[0]):
            lines.append(f"{cells[0].rstrip('：:')}：{cells[1]}")
        elif len(cells) == 4 and field_of(cells[0]) and field_of(cells[2]):
            lines += [f"{cells[0].rstrip('：:')}：{cells[1]}", f"{cells[2].rstrip('：:')}：{cells[3]}"]
        else:
            lines.append("\t".join(row).strip())
    return lines
