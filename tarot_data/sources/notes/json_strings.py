"""Labelled notes in JSON of any other kind: strings under keys that are not known."""

import json
from collections.abc import Iterator

from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.encoding import HEAD, text_of
from tarot_data.sources.json_files.records import looks_like_json
from tarot_data.sources.json_files.stream import depth_over
from tarot_data.sources.notes import markup, plain
from tarot_data.sources.notes.documents import Document, records_of
from tarot_data.sources.notes.page_text import text_of_value
from tarot_data.sources.records import Blob, RawRecord, Rejected, SourceError
from tarot_data.sources.sniff import Sample

FORM = "note_json"


def recognises(sample: Sample) -> bool:
    """Check whether a string of a file that can be read whole is a labelled note."""
    if not looks_like_json(sample) or "\\n" not in sample.text:
        return False
    return sample.blob.size <= 16 * HEAD and any(True for _ in _documents(sample.blob))


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    yield from records_of(_documents(blob), blob, FORM)


def _documents(blob: Blob) -> Iterator[Document]:
    """Yield the notes in the strings of a file's objects, with title and date under keys next to them."""
    try:
        value = json.loads(text_of(blob)[0], strict=False)
    except (ValueError, RecursionError, SourceError):
        return
    if depth_over(value):
        return
    stack = [value]
    while stack:
        found = stack.pop()
        if isinstance(found, list):
            stack += reversed(found)
        elif isinstance(found, dict):
            stack += reversed(found.values())
            yield from _of_object(found)


def _of_object(found: dict) -> Iterator[Document]:
    beside = {key[0]: value for name, value in found.items() if (key := field_of(str(name)))}
    for value in found.values():
        text = text_of_value(value) if isinstance(value, str) and "\n" in value.strip() else ""
        if text and plain.find_readings(markup.lines_of(text)):
            title = beside.get("title")
            yield Document(text=text, title=title if isinstance(title, str) else None, date=beside.get("date"))
