"""Web pages saved with their pictures in one file (MHTML), as QQ's message manager exports chats, and mails."""

import re
from collections.abc import Iterator
from dataclasses import replace
from email.message import Message
from email.parser import BytesParser
from pathlib import PurePath

from tarot_data.sources.chats import text as chat_text
from tarot_data.sources.encoding import MAX_TEXT, decoded
from tarot_data.sources.html_text import BlockParser
from tarot_data.sources.records import Blob, RawRecord, Rejected, unreadable
from tarot_data.sources.sniff import Sample

_HEADER = re.compile(rb"[A-Z][\w-]*:")
_MARKS = (b"multipart/related", b"\nmime-version:")
_LONGEST_HEADER = 4000
_ROW = re.compile(r"(?=<tr\b)", re.IGNORECASE)


def recognises(sample: Sample) -> bool:
    head = sample.head.removeprefix(b"\xef\xbb\xbf")[:_LONGEST_HEADER]
    return _HEADER.match(head) is not None and any(mark in head.lower() for mark in _MARKS)


def read(blob: Blob) -> Iterator[RawRecord | Rejected | Blob]:
    """Read a chat from the page's text, or yield the page, or the text of a mail without one, to be read by its own form."""
    with blob.open() as file:
        # The page comes before its pictures.
        parsed = BytesParser().parsebytes(file.read(MAX_TEXT).removeprefix(b"\xef\xbb\xbf"))
    page = next((part for part in parsed.walk() if part.get_content_type() == "text/html"), None)
    if page is None:
        text = next((part for part in parsed.walk() if part.get_content_type() == "text/plain"), None)
        yield replace(blob, name=f"{PurePath(blob.name).stem}.txt", path=None, data=_bytes_of(text) if text else b"")
        return
    data = _bytes_of(page) if page is not None else b""
    if not data.strip():
        raise unreadable("page_empty")
    html, _ = decoded(data)
    lines = [line for row in _ROW.split(html) for line in _lines_of(row)]
    if chat_text.format_of(lines[:400], blob.name) is not None:
        yield from chat_text.read_lines(lines, blob)
    else:
        yield replace(blob, name=f"{PurePath(blob.name).stem}.html", path=None, data=data)


class _RowText(BlockParser):
    """Visible text of one row of a page's table."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def add(self, text: str) -> None:
        self.parts.append(text)


def _lines_of(row: str) -> list[str]:
    """Return the lines of a row: sender and time, then the text with its blank lines."""
    parser = _RowText()
    parser.feed(row)
    lines = "".join(parser.parts).replace("\xa0", " ").strip().split("\n")
    solid = [index for index, line in enumerate(lines) if line.strip()]
    head, rest = solid[:2], solid[2:3]
    return [lines[index] for index in head] + (lines[rest[0] :] if rest else [])


def _bytes_of(part: Message) -> bytes:
    """Return the bytes of a part, decoded as its header says."""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
