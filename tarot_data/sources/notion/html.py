"""Readings from Notion pages in HTML: title, property rows, body."""

import re
from collections.abc import Iterator

from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.encoding import text_of
from tarot_data.sources.field_values import Fields
from tarot_data.sources.html_text import BlockParser
from tarot_data.sources.notion.names import page_id
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, Rejected, source_of
from tarot_data.sources.sniff import Sample

FORM = "notion"
_VOID = {"br", "img", "hr", "meta", "link", "input", "col", "source", "wbr"}
_PARTS = {"page-title": "title", "property-row": "row", "page-body": "body"}
"""Class of an element to the part of the page in it."""


def recognises(sample: Sample) -> bool:
    head = (sample.text or "")[:60_000]
    return "page-title" in head and "<article" in head or "property-row" in head


class _Page(BlockParser):
    """title, body: texts in order. properties: [name, value]. open: open elements with the part that each begins."""

    ENDS = {**BlockParser.ENDS, "h1": "\n\n", "h2": "\n\n", "h3": "\n\n"}

    def __init__(self) -> None:
        super().__init__()
        self.title, self.body = [], []
        self.properties: list[list[str]] = []
        self.identity: str | None = None
        self.open: list[tuple[str, str | None]] = []

    def _inside(self, part: str) -> bool:
        return any(name == part for _, name in self.open)

    def _part(self, tag: str, classes: str) -> str | None:
        if tag in ("th", "td") and self._inside("row"):
            return "name" if tag == "th" else "value"
        return next((part for name, part in _PARTS.items() if name in classes and tag != "article"), None)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        classes = named.get("class") or ""
        part = self._part(tag, classes)
        if tag == "article":
            self.identity = re.sub(r"[^0-9a-f]", "", (named.get("id") or "").lower()) or None
        if part == "row":
            self.properties.append(["", ""])
        super().handle_starttag(tag, attributes)
        if "selected-value" in classes and self._inside("value") and self.properties[-1][1]:
            self.properties[-1][1] += ", "
        if tag not in _VOID:
            self.open.append((tag, part))

    def handle_endtag(self, tag: str) -> None:
        super().handle_endtag(tag)
        for index in range(len(self.open) - 1, -1, -1):
            if self.open[index][0] == tag:
                del self.open[index:]
                break

    def add(self, text: str) -> None:
        if self._inside("title"):
            self.title.append(text)
        elif self._inside("name"):
            self.properties[-1][0] += text
        elif self._inside("value"):
            self.properties[-1][1] += text
        elif self._inside("body"):
            self.body.append(text)


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    text, _ = text_of(blob)
    page = _Page()
    page.feed(text)
    page.close()
    fields: Fields = {}
    for name, value in page.properties:
        if (key := field_of(name.strip())) and value.strip():
            fields.setdefault(key, []).append((name.strip(), value.strip()))
    identity = page.identity if page.identity and len(page.identity) == 32 else page_id(blob.name)
    body = re.sub(r"\n{3,}", "\n\n", "".join(page.body)).strip()
    if not fields and not body:
        return
    yield to_record(
        fields,
        source_of(blob, f"page {identity}" if identity else "page", FORM),
        content=body,
        title="".join(page.title).strip(),
        date_hint=blob.hint,
        record_id=identity,
    )
