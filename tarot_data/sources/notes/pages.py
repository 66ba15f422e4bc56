"""Notes in the HTML pages that note tools export (flomo, Google Keep, Apple Journal): classes from note_tools.toml."""

from collections import Counter
from collections.abc import Iterator

from tarot_data.sources.encoding import text_of
from tarot_data.sources.notes.documents import Document, Tool, keys_of, records_of, tool_of
from tarot_data.sources.notes.page_text import NoteText, tidy
from tarot_data.sources.records import Blob, RawRecord, Rejected, unreadable
from tarot_data.sources.sniff import Sample

FORM = "note_page"
HEAD = 40_000
"""Characters in which the marks of a tool are searched."""
_DEEPEST = 500
"""Open elements that are followed; a page of a tool has ten."""
_VOID = frozenset("br img hr meta link input col source wbr area base embed track en-media en-todo".split())
_PARTS = ("note", "created", "title", "text", "tags", "dropped")


def recognises(sample: Sample) -> bool:
    head = (sample.text or "")[:HEAD]
    return "<div" in head and tool_of("page", head) is not None


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    text, _ = text_of(blob)
    parser = _Notes(tool_of("page", text.replace("\r\n", "\n")[:HEAD]))
    parser.feed(text)
    parser.close()
    notes = parser.notes()
    if not any(note.text for note in notes):
        raise unreadable("page_without_readings")
    yield from records_of(notes, blob, FORM)


class _Notes(NoteText):
    """found: notes so far, as their parts. open: open elements, each with the part of a note that it begins; count: of
    each of their names; parts: their parts."""

    def __init__(self, tool: Tool) -> None:
        super().__init__()
        self.part_of = {name: part for part in _PARTS for name in keys_of(tool, part)}
        self.whole = not tool.get("text")
        self.found: list[dict[str, list[str]]] = [] if tool.get("note") else [{}]
        self.open: list[tuple[str, str | None]] = []
        self.count: Counter[str] = Counter()
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        classes = (dict(attributes).get("class") or "").split()
        part = next((self.part_of[name] for name in classes if name in self.part_of), None)
        if part:
            self.end_line()
        if part == "note":
            self.found.append({})
        super().handle_starttag(tag, attributes)
        if part == "tags":
            self.found[-1].setdefault("tags", []).append("\n") if self.found else None
        if tag not in _VOID and len(self.open) < _DEEPEST:
            self.open.append((tag, part))
            self.count[tag] += 1
            self.parts += [part] if part else []

    def handle_endtag(self, tag: str) -> None:
        super().handle_endtag(tag)
        while self.count[tag]:
            name, part = self.open.pop()
            self.count[name] -= 1
            if part:
                self.parts.pop()
            if name == tag:
                break

    def add_outside(self, text: str) -> None:
        if part := self.part():
            self.found[-1].setdefault(part, []).append(text)

    def part(self) -> str | None:
        """Return the part of the current note that text belongs to; None if it belongs to none."""
        if not self.found or "dropped" in self.parts:
            return None
        if not self.parts or self.parts[-1] == "note":
            return "text" if self.whole else None
        return self.parts[-1]

    def notes(self) -> list[Document]:
        texts = [{part: tidy("".join(pieces)) for part, pieces in note.items()} for note in self.found]
        return [
            Document(
                text=note.get("text", ""),
                title=note.get("title"),
                date=note.get("created") or None,
                tags=tuple(note.get("tags", "").split("\n")) if note.get("tags") else (),
            )
            for note in texts
        ]
