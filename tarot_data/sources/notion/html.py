"""Notion pages exported as HTML: title, property rows, body."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.encoding import text_of
from tarot_data.sources.labelled_lines import Fields
from tarot_data.sources.notion import markdown
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, Rejected, source_of
from tarot_data.sources.sniff import Sample

FORM = "notion"
_BLOCKS = {
    "p",
    "div",
    "li",
    "h1",
    "h2",
    "h3",
    "tr",
    "ul",
    "ol",
    "blockquote",
    "figure",
    "hr",
    "aside",
    "details",
    "summary",
}
_VOID = {"br", "img", "hr", "meta", "link", "input", "col", "source", "wbr"}


def recognises(sample: Sample) -> bool:
    head = (sample.text or "")[:60_000]
    return "page-title" in head and "<article" in head or "property-row" in head


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.title, self.body = [], []
        self.properties: list[list[str]] = []
        self.identity: str | None = None
        self.where: list[tuple[str, str | None]] = []

    def _inside(self, name: str) -> bool:
        return any(mark == name for _, mark in self.where)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        classes = named.get("class") or ""
        mark = None
        if tag == "article":
            self.identity = re.sub(r"[^0-9a-f]", "", (named.get("id") or "").lower()) or None
        elif "page-title" in classes:
            mark = "title"
        elif "property-row" in classes:
            mark = "row"
            self.properties.append(["", ""])
        elif tag == "th" and self._inside("row"):
            mark = "name"
        elif tag == "td" and self._inside("row"):
            mark = "value"
        elif "page-body" in classes:
            mark = "body"
        elif tag in ("script", "style"):
            mark = "silent"
        if tag == "br" or tag in _BLOCKS:
            self._add("\n")
        elif "selected-value" in classes and self._inside("value") and self.properties[-1][1]:
            self.properties[-1][1] += ", "
        if tag not in _VOID:
            self.where.append((tag, mark))

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._add("\n\n" if tag in ("p", "h1", "h2", "h3") else "\n")
        for index in range(len(self.where) - 1, -1, -1):
            if self.where[index][0] == tag:
                del self.where[index:]
                break

    def _add(self, data: str) -> None:
        if self._inside("silent"):
            return
        if self._inside("title"):
            self.title.append(data)
        elif self._inside("name"):
            self.properties[-1][0] += data
        elif self._inside("value"):
            self.properties[-1][1] += data
        elif self._inside("body"):
            self.body.append(data)

    def handle_data(self, data: str) -> None:
        self._add(data)


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    text, _ = text_of(blob)
    page = _Page()
    page.feed(text)
    page.close()
    fields: Fields = {}
    for name, value in page.properties:
        if (key := field_of(name.strip())) and value.strip():
            fields.setdefault(key, []).append((name.strip(), value.strip()))
    identity = page.identity if page.identity and len(page.identity) == 32 else markdown.page_id(blob.name)
    if not fields and not "".join(page.body).strip():
        return
    yield to_record(
        fields,
        source_of(blob, f"page {identity}" if identity else "page", FORM),
        content=re.sub(r"\n{3,}", "\n\n", "".join(page.body)).strip(),
        title="".join(page.title).strip(),
        date_hint=blob.hint,
        record_id=identity,
    )
