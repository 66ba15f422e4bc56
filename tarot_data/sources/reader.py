"""Raw records from files of any form. The form is detected from the content, not from the file name.

A new form is a module with `recognises(sample)` and `read(blob)`, and its place in FORMS. `read` yields records,
rejections and, for an archive, the blobs of entries to be read by their own form.
"""

import hashlib
import stat
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from schemas.errors import Problem
from tarot_data.sources.inbox import digest_of, stored_name
from tarot_data.sources.records import (
    Blob,
    RawRecord,
    Rejected,
    SourceError,
    masked_name,
    rejected,
    unreadable,
)
from tarot_data.sources.sniff import Sample, sample_of

FORMS = (
    "tables.sqlite",
    "notes.docx",
    "tables.xlsx",
    "notion.archive",
    "zip_folder",
    "own_readings",
    "notes.siyuan",
    "notes.app_json",
    "mhtml",
    "chats.chat_json",
    "finetune",
    "json_files.records",
    "chats.unknown_json",
    "notes.json_strings",
    "json_files.unknown",
    "chats.chat_html",
    "notion.html",
    "notes.joplin",
    "chats.sms_xml",
    "notes.xml_notes",
    "notes.pages",
    "tables.html",
    "notes.card_page",
    "notion.markdown",
    "chats.text",
    "tables.prompts",
    "tables.delimited",
    "notes.plain",
)
"""Modules of this package in the order in which they are tried; the first that recognises a file reads it."""

MAX_FILE = 4 * 1024 * 1024 * 1024
_SIGNATURES = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old_office"),
    (b"%PDF", "pdf"),
    (b"7z\xbc\xaf\x27\x1c", "packed", "7z"),
    (b"Rar!", "packed", "RAR"),
    (b"\x1f\x8b", "packed", "gzip"),
    (b"BZh", "packed", "bzip2"),
    (b"\xfd7zXZ", "packed", "xz"),
    (b"\x89PNG", "media"),
    (b"\xff\xd8\xff", "media"),
    (b"GIF8", "media"),
    (b"BM", "media"),
    (b"RIFF", "media"),
    (b"ID3", "media"),
    (b"\xff\xfb", "media"),
    (b"#!AMR", "media"),
    (b"\x02#!SILK", "media"),
    (b"OggS", "media"),
    (b"MZ", "program"),
    (b"\x7fELF", "program"),
    (b"{\\rtf", "rtf"),
)


def read(path: Path, root: Path) -> Iterator[RawRecord | Rejected]:
    """Read the records of a file, and rejections of those that cannot be read or of the whole file. Raises nothing."""
    path, root = Path(path), Path(root)
    try:
        name = stored_name(path, root)
    except ValueError:
        name = masked_name(path.name)
    blob = Blob(file=name, member=None, name=path.name, sha256=hashlib.sha256(b"").hexdigest(), path=path)
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise unreadable("not_a_file")
        if path.stat().st_size > MAX_FILE:
            raise unreadable("file_too_large", size=path.stat().st_size, limit=MAX_FILE)
        with path.open("rb"):
            pass
    except SourceError as error:
        yield rejected(blob, error)
        return
    except OSError as error:
        yield rejected(blob, unreadable("cannot_open", error=type(error).__name__))
        return
    yield from read_blob(replace(blob, sha256=digest_of(path)))


def read_blob(blob: Blob) -> Iterator[RawRecord | Rejected]:
    """Read the records of a file or of an archive's entry; see `read`."""
    try:
        sample = sample_of(blob)
        form = form_of(sample)
        for found in form.read(blob):
            if isinstance(found, Blob):
                yield from read_blob(found)
            else:
                yield found
    except SourceError as error:
        yield rejected(blob, error)
    except Exception as error:  # noqa: BLE001
        # Hostile bytes may raise anything in a parser, and must not stop the other files. The message is left out
        # because it may quote the file.
        yield rejected(blob, unreadable("unforeseen", error=type(error).__name__))


def form_of(sample: Sample) -> ModuleType:
    """Return the module that reads a file. Raises SourceError if none recognises it."""
    head = sample.head
    if not head:
        raise unreadable("empty_file")
    if not head.startswith((b"PK", b"SQLite format 3\0")):
        for signature, code, *kind in _SIGNATURES:
            if head.startswith(signature) and not (len(signature) < 4 and sample.text is not None):
                raise unreadable(code, **({"kind": kind[0]} if kind else {}))
        if head[4:8] == b"ftyp":
            raise unreadable("media")
    for name in FORMS:
        module = _module(name)
        if module.recognises(sample):
            return module
    if sample.text is None:
        raise unreadable("unknown_binary")
    raise unreadable("unknown_form")


@cache
def _module(name: str) -> ModuleType:
    return import_module(f"tarot_data.sources.{name}")


def read_again(path: Path, member: str | None, locator: str) -> RawRecord | Rejected:
    """Read one record of a file again, unmasked.

    Raises Problem `no_such_path` if the file is gone, and `no_such_record` if nothing is at that place any more.
    """
    path = Path(path)
    if not path.is_file():
        raise Problem("no_such_path", path=str(path))
    for record in read(path, path.parent):
        if record.source.member == member and record.source.locator == locator:
            return record
    raise Problem("no_such_record", path=path.name, place=f"{member or ''} {locator}".strip())
