"""Notes in the JSON that note tools export (Day One, Google Keep, Simplenote): keys from note_tools.toml."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from tarot_data.sources.encoding import text_of, with_newlines
from tarot_data.sources.json_files.records import looks_like_json
from tarot_data.sources.json_files.stream import MAX_DEPTH, depth_over
from tarot_data.sources.notes import outline
from tarot_data.sources.notes.documents import Document, Tool, keys_of, records_of, tool_of
from tarot_data.sources.records import Blob, RawRecord, Rejected, unreadable
from tarot_data.sources.sniff import Sample

FORM = "note_json"
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
"""A mark of Markdown after a backslash."""


def recognises(sample: Sample) -> bool:
    return looks_like_json(sample) and tool_of("json", sample.text) is not None


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    text, _ = text_of(blob)
    tool = tool_of("json", text)
    try:
        value = json.loads(text, strict=False)
    except (ValueError, RecursionError) as error:
        raise unreadable("cut_json", why=getattr(error, "msg", "error").lower()) from error
    if depth_over(value):
        raise unreadable("too_deep", limit=MAX_DEPTH)
    notes = (note for note in _notes(value, tool) if _is_note(note, tool))
    yield from records_of((_document(note, tool) for note in notes), blob, FORM)


def _notes(value: object, tool: Tool) -> list:
    found = at(value, str(tool["notes"])) if tool["notes"] else value
    return found if isinstance(found, list) else [found]


def at(value: object, path: str) -> object:
    """Return the value at a path of keys (`content.text`); None if there is none."""
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _first(note: dict, tool: Tool, name: str) -> object:
    return next((found for path in keys_of(tool, name) if (found := at(note, path))), None)


def _is_note(note: object, tool: Tool) -> bool:
    if not isinstance(note, dict):
        return False
    key, _, wanted = str(tool.get("only", "")).partition("=")
    return (not key or at(note, key) == wanted) and not _first(note, tool, "unless")


def _document(note: dict, tool: Tool) -> Document:
    if tool.get("children"):
        text = _outline(note, tool)
    elif tool.get("lines"):
        lines = at(note, str(tool["lines"]))
        text = "\n".join("".join(_pieces(line, tool["pieces"])) for line in lines) if isinstance(lines, list) else ""
    else:
        text = _text(_first(note, tool, "text"))
    title = _first(note, tool, "title")
    tags = _first(note, tool, "tags")
    return Document(
        text=_ESCAPE.sub(r"\1", text) if tool.get("escaped") else text,
        title=title if isinstance(title, str) else None,
        date=_local(_first(note, tool, "created"), _first(note, tool, "zone")),
        tags=tuple(map(_name, tags)) if isinstance(tags, list) else (),
    )


def _text(value: object) -> str:
    """Return a text, or the texts of a list's items as lines."""
    if isinstance(value, list):
        return "\n".join(_text(item.get("text") if isinstance(item, dict) else item) for item in value)
    return with_newlines(value) if isinstance(value, str) else ""


def _pieces(value: object, key: str) -> Iterator[str]:
    """Yield the texts under a key, in order, at any depth (`read` has checked it)."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, child in children:
        if name == key and isinstance(child, str):
            yield child
        else:
            yield from _pieces(child, key)


def _outline(note: dict, tool: Tool) -> str:
    """Return the bullets under a note as an outline."""
    return outline.text_of(
        _under(note, tool),
        lines=lambda bullet: _text(_first(bullet, tool, "text")).split("\n"),
        under=lambda bullet: _under(bullet, tool),
    )


def _under(note: dict, tool: Tool) -> list[dict]:
    found = _first(note, tool, "children")
    return [bullet for bullet in found if isinstance(bullet, dict)] if isinstance(found, list) else []


def _name(tag: object) -> str:
    return str(tag.get("name", "")) if isinstance(tag, dict) else str(tag)


def _local(moment: object, zone: object) -> object:
    """Return the day of a moment in the time zone that the note names; the moment as it is if it names none."""
    if not isinstance(moment, str) or not isinstance(zone, str):
        return moment
    try:
        return datetime.fromisoformat(moment).astimezone(ZoneInfo(zone)).date().isoformat()
    except (ValueError, ZoneInfoNotFoundError, OSError):
        return moment
