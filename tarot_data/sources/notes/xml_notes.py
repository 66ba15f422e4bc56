"""Notes in XML: Evernote's .enex, outlines in OPML. Other XML is rejected with the name of its root element."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from datetime import datetime
from xml.parsers import expat

from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.encoding import MAX_TEXT
from tarot_data.sources.notes import markup, outline, plain
from tarot_data.sources.notes.documents import Document, records_of
from tarot_data.sources.notes.page_text import text_of_page, text_of_value
from tarot_data.sources.records import Blob, RawRecord, Rejected, unreadable, unsafe
from tarot_data.sources.sniff import Sample

_ROOT = re.compile(
    r"\A\s*(?:<\?[^>]*\?>\s*|<!--.*?-->\s*|<!DOCTYPE[^>\[]*(?:\[[^\]]*\])?>\s*){1,9}<([A-Za-z][\w:.-]{0,40})",
    re.DOTALL,
)
_DROPPED = ("resource", "note-attributes", "data", "recognition")
"""Elements whose content is not kept: attachments, which may have hundreds of megabytes."""
_DEEPEST, _CHUNK = 200, 1 << 20


def recognises(sample: Sample) -> bool:
    root = root_of(sample.text)
    return root is not None and not root.lower().startswith("html")


def root_of(text: str | None) -> str | None:
    """Return the name of the root element of XML with a declaration or document type, or of OPML and .enex without."""
    head = (text or "")[:4000].lstrip("\ufeff \t\n")
    match = _ROOT.match(head)
    return match[1] if match else next((name for name in _READERS if head.startswith(f"<{name}")), None)


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    with blob.open() as file:
        root = str(root_of(file.read(4000).decode("utf-8", "replace")))
    form, item, document_of = _READERS.get(root, ("xml", root, None))
    if document_of:
        documents: Iterable[Document] = map(document_of, elements(blob, item))
    elif not (documents := _labelled(blob, root)):
        raise unreadable("other_xml", root=root)
    yield from records_of(documents, blob, form)


def _labelled(blob: Blob, root: str) -> list[Document]:
    """Return the labelled notes in XML of any other kind: elements under which one has the text."""
    if blob.size > MAX_TEXT:
        return []
    return [
        document
        for tree in elements(blob, root)
        for element in tree.iter()
        if (document := _of_fields(element)) and plain.find_readings(markup.lines_of(document.text))
    ]


def _of_fields(element: ET.Element) -> Document | None:
    """Return the note of an element whose parts are called `text` or `content`, `title`, `date` and the like."""
    texts: dict[str, str] = {}
    for child in element:
        known = next((key for part in child.tag.split(":") if (key := field_of(part))), None)
        if known and known[0] in ("content", "title", "date"):
            paragraphs = [part.text or "" for part in child.iter("text")] if child.tag != "text" else []
            texts.setdefault(known[0], "\n".join(paragraphs) or "".join(child.itertext()))
    text = texts.get("content", "").replace("\r\n", "\n")
    if not text.strip():
        return None
    return Document(text=text_of_value(text), title=texts.get("title"), date=texts.get("date"))


def elements(blob: Blob, name: str) -> Iterator[ET.Element]:
    """Yield the outermost elements of a name, while the file is read. Raises SourceError if it declares entities, is
    nested too deep or is damaged."""
    parser = expat.ParserCreate()
    builder = _Builder(name)
    parser.StartElementHandler, parser.EndElementHandler = builder.start, builder.end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = _refuse
    parser.buffer_text = True
    try:
        with blob.open() as file:
            while data := file.read(_CHUNK):
                parser.Parse(data, False)
                yield from builder.taken()
            parser.Parse(b"", True)
    except expat.ExpatError as error:
        yield from builder.taken()
        raise unreadable("document_damaged", error=expat.ErrorString(error.code)) from error
    yield from builder.taken()


def _refuse(*_: object) -> None:
    raise unsafe("document_entities")


class _Builder:
    """Trees of the elements of one name. path: names of the open elements. dropped: depth of an element not kept."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.depth = self.dropped = self.inside = 0
        self.tree: ET.TreeBuilder | None = None
        self.done: list[ET.Element] = []

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise unreadable("too_deep", limit=_DEEPEST)
        if self.tree is None and name == self.name:
            self.tree, self.inside = ET.TreeBuilder(), self.depth
        if self.tree is not None and not self.dropped:
            if name in _DROPPED and self.depth > self.inside:
                self.dropped = self.depth
            else:
                self.tree.start(name, attributes)

    def end(self, name: str) -> None:
        if self.dropped:
            self.dropped = 0 if self.dropped == self.depth else self.dropped
        elif self.tree is not None:
            self.tree.end(name)
            if self.inside == self.depth:
                self.done.append(self.tree.close())
                self.tree = None
        self.depth -= 1

    def data(self, text: str) -> None:
        if self.tree is not None and not self.dropped:
            self.tree.data(text)

    def taken(self) -> list[ET.Element]:
        done, self.done = self.done, []
        return done


def _of_evernote(note: ET.Element) -> Document:
    return Document(
        text=text_of_page(note.findtext("content") or ""),
        title=note.findtext("title"),
        date=_moment(note.findtext("created") or note.findtext("updated")),
        tags=tuple(tag.text for tag in note.findall("tag") if tag.text),
    )


def _moment(text: str | None) -> str | None:
    """Return 20240610T130000Z with its marks, so that its time zone counts."""
    try:
        return datetime.fromisoformat(text).isoformat() if text else None
    except ValueError:
        return text


def _of_outline(body: ET.Element) -> Document:
    """Return an outline as bullets, each with its note."""
    return Document(text=outline.text_of(body, lines=_lines_of_bullet, under=list))


def _lines_of_bullet(bullet: ET.Element) -> list[str]:
    texts = (bullet.get("text") or bullet.get("title") or "", bullet.get("_note") or bullet.get("note") or "")
    first, *more = (line for text in texts for line in text_of_page(text).split("\n"))
    return [first, *filter(str.strip, more)]


_READERS = {
    "en-export": ("evernote", "note", _of_evernote),
    "opml": ("outline", "body", _of_outline),
}
"""Root element to form, element of a note, and its document."""
