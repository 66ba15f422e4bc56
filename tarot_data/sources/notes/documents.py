"""Notes of a note tool's file, with title, date and tags beside their text, to raw records."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files

from tarot_data.sources.addressee import addressee_of
from tarot_data.sources.labels import is_title
from tarot_data.sources.name_evidence import split_asker
from tarot_data.sources.notes import markup, plain
from tarot_data.sources.notes.in_records import completed
from tarot_data.sources.records import Blob, RawRecord, Rejected, source_of

_TAG = r"#(?!#)[^\s#]{1,40}#?"
_TAGS_ALONE = re.compile(rf"\A(?:\s*{_TAG}(?:[ \t]+{_TAG})*[ \t]*\n)+|(?:\n[ \t]*{_TAG}(?:[ \t]+{_TAG})*)+\s*\Z")
"""Lines of hash tags above and below a note, which the tool has as its tags."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A note. text: Markdown or plain text. date: of its creation. folder: notebooks that it is in."""

    text: str
    title: str | None = None
    date: object = None
    tags: tuple[str, ...] = ()
    folder: str | None = None
    identity: str | None = None


Tool = dict[str, str | list[str]]


@cache
def tools(kind: str) -> list[Tool]:
    """Return the entries of note_tools.toml of a kind, `page` or `json`."""
    return tomllib.loads(files("tarot_data.lexicon").joinpath("note_tools.toml").read_text(encoding="utf-8"))[kind]


def tool_of(kind: str, head: str) -> Tool | None:
    """Return the tool whose marks are all in the beginning of a file."""
    return next((tool for tool in tools(kind) if all(mark in head for mark in tool["marks"])), None)


def keys_of(tool: Tool, name: str) -> list[str]:
    """Return the names that a tool has for something, in their order."""
    return str(tool.get(name, "")).split("|") if tool.get(name) else []


def records_of(documents: Iterable[Document], blob: Blob, form: str) -> Iterator[RawRecord | Rejected]:
    """Read documents by the grammar of notes: located as `note 3`, `note 3 part 2`. A blank one is left out."""
    for number, document in enumerate(documents, 1):
        if document.text.strip():
            yield from _records(document, blob, form, f"note {number}")


def _records(document: Document, blob: Blob, form: str, locator: str) -> Iterator[RawRecord | Rejected]:
    title = (document.title or "").strip()
    named, asked = split_asker(title)
    around = RawRecord(
        source=source_of(blob, locator, form),
        person=named,
        question=asked if is_title(title) else None,
        date=document.date,
        record_id=document.identity,
        extra={"tags": list(document.tags)} if document.tags else {},
    )
    # A title may begin with the day, as the name of a note's file may.
    named = replace(blob, name=title)
    text = _TAGS_ALONE.sub("", document.text)
    found = list(plain.read_lines(markup.lines_of(text), named, form, locator))
    for number, note in enumerate(found, 1):
        place = replace(around.source, locator=locator if number == 1 else f"{locator} part {number}")
        note = completed(replace(note, source=place), around, alone=len(found) == 1)
        hint = " ".join(filter(None, [document.folder, title]))
        person = note.person or addressee_of(note.content, note.question, title, document.folder)
        yield replace(note, person=person, date_hint=f"{note.date_hint or ''} {hint}".strip())
