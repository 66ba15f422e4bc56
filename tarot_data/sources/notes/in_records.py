"""Labelled notes in the text of a record: a cell of a note app's table, a string of its JSON."""

from collections.abc import Iterator
from dataclasses import replace

from tarot_data.sources.labels import LABELLED
from tarot_data.sources.lines import Line
from tarot_data.sources.notes import markup, plain
from tarot_data.sources.notes.page_text import text_of_value
from tarot_data.sources.records import Blob, RawRecord, Rejected

LINES_ABOVE = 3
"""Lines of a text, blank ones apart, among which its first label is: below a title and a date."""


def notes_in(record: RawRecord | Rejected, blob: Blob) -> Iterator[RawRecord | Rejected]:
    """Yield the readings of the labelled note that is the record's text, or the record itself if it is none.

    The note's labels count; the record's other values fill what they lack. A record with cards of its own is no note.
    """
    lines = _note_lines(record) if isinstance(record, RawRecord) else []
    if not lines or not plain.find_readings(lines):
        yield record
        return
    source = record.source
    # Braces are no fields of the locator.
    locator = source.locator.replace("{", "{{").replace("}", "}}")
    # The day in the file's name is that of the export.
    found = list(plain.split(lines, replace(blob, name=""), source.form, locator=locator))
    for note in found:
        yield completed(note, record, alone=len(found) == 1)


def _note_lines(record: RawRecord) -> list[Line]:
    """Return the lines of a record's text if a label is near its top and no field has the cards."""
    if any(draw.cards for draw in record.draws):
        return []
    text = text_of_value(record.content)
    if "\n" not in text.strip():
        return []
    top = markup.lines_of("\n".join(line for line in text[:LABELLED].split("\n") if line.strip()))[:LINES_ABOVE]
    return markup.lines_of(text) if any(line.labels for line in top) else []


def completed(note: RawRecord, record: RawRecord, alone: bool) -> RawRecord:
    """Fill what a note lacks from the record around it. alone: the note is its only one, so that a title and an id are
    the note's."""
    filled = {
        name: getattr(record, name)
        for name in ("person", "date", "outcome", "consent", *(("question", "record_id") if alone else ()))
        if getattr(note, name) is None
    }
    draws = note.draws or record.draws
    synthetic = note.synthetic or record.synthetic
    return replace(note, draws=draws, synthetic=synthetic, extra={**record.extra, **note.extra}, **filled)
