"""Chats as HTML pages: messages in elements, or in the data of a script, which is read and never run."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape

from tarot_data.sources.chats import page_elements
from tarot_data.sources.chats.message_table import cells_of, chats_of
from tarot_data.sources.chats.programs import Program
from tarot_data.sources.chats.script_data import parse_literal
from tarot_data.sources.chats.sittings import Message, to_records
from tarot_data.sources.companions import FIRST_PAGE, LATER_PAGE
from tarot_data.sources.encoding import text_of
from tarot_data.sources.records import Blob, RawRecord, Rejected, unreadable
from tarot_data.sources.sniff import Sample

_MAX_PAGE = 2**26
"""Bytes of a later page of a chat."""

_DATA = re.compile(
    r"(?:chatMessages|WEFLOW_DATA|local_msg_list|msg_list|moreWechatMessages|chatData)\s*=\s*(?=\[)|__WEFLOW_CHUNK_LOADED__\(\d+,\s*(?=\[)"
)
_TITLE = re.compile(
    r"<(?:title|h1)\b[^>]*>\s*([^<]{1,60}?)\s*(?:[-–—|·_]\s*(?:微信)?聊天[记記][录錄]\s*)?</", re.IGNORECASE
)
_TAGS = re.compile(r"<[^>]*>")
_LINE_ENDS = re.compile(r"<br\s*/?>|</p>|</div>", re.IGNORECASE)
_HAS_TAG = re.compile(r"</?[a-zA-Z]")


def recognises(sample: Sample) -> bool:
    if sample.text is None or "<" not in sample.text[:4000]:
        return False
    return _DATA.search(sample.text) is not None or page_elements.program_of(sample.text) is not None


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    for messages in chats(blob):
        yield from to_records(messages, blob)


def chats(blob: Blob) -> list[list[Message]]:
    """Return the messages of a page and of its later pages. Raises SourceError if there are none."""
    text, _ = text_of(blob)
    program = page_elements.program_of(text)
    values = [value for page in (text, *_later_pages(blob)) for value in _objects(page, program)]
    numbered = enumerate(page_elements.completed(values), 1)
    found = chats_of((f"message {number}", value) for number, value in numbered)
    if not any(found):
        raise unreadable("chat_page_empty")
    return [_with_client(messages, text) for messages in found]


def _later_pages(blob: Blob) -> Iterator[str]:
    """Return the texts of a chat's later pages: scripts in a folder with the page's name, or Telegram's `messages2.html`."""
    if blob.path is None:
        return
    pages = [*blob.path.with_name(blob.path.stem + "_files").glob("msg-*.js")]
    pages += [page for page in blob.path.parent.glob("*/chunk-*.js") if page.parent.name.startswith(blob.path.stem)]
    if blob.path.name == FIRST_PAGE:
        pages += [page for page in blob.path.parent.glob("messages*.html") if LATER_PAGE.fullmatch(page.name)]
    for page in sorted(pages, key=lambda page: int("".join(filter(str.isdecimal, page.name)) or 0)):
        if page.is_file() and not page.is_symlink() and page.stat().st_size < _MAX_PAGE:
            yield page.read_text(encoding="utf-8", errors="replace")


def _with_client(messages: list[Message], text: str) -> list[Message]:
    """Name the client by the page's title if no message of theirs has a name, as in WeFlow's page of two people."""
    title = _TITLE.search(text[:4000])
    if title is None or any(message.sender for message in messages if not message.mine):
        return messages
    client = unescape(title[1]).strip()
    return [message if message.mine else replace(message, sender=client) for message in messages]


def _objects(text: str, program: Program | None) -> Iterator[dict]:
    """Yield the messages of a page or a script as objects with names of message_columns.csv."""
    match = _DATA.search(text)
    if match is None:
        yield from page_elements.elements_of(text, program) if program else ()
        return
    values = parse_literal(text, match.end())
    for value in values if isinstance(values, list) else []:
        if isinstance(value, str):
            yield from page_elements.elements_of(value, program) if program else ()
        elif isinstance(value, dict):
            yield _short(value, program) if "b" in value and "t" in value else _without_tags(value)


def _without_tags(value: dict) -> dict:
    texts = cells_of(value).get("text", ())
    return {key: _plain(child) if isinstance(child, str) and child in texts else child for key, child in value.items()}


def _short(value: dict, program: Program | None) -> dict:
    """Convert a message of WeFlow's page: `b` is its HTML, `s` whether the reader sent it, `t` its time."""
    body = value["b"] if isinstance(value["b"], str) else ""
    wrapped = f'<div class="message">{body}</div>'
    found = page_elements.elements_of(wrapped, program) if program and "class=" in body else []
    text = "".join(element["text"] for element in found) if found else _plain(body)
    sender = "".join(element["sender"] for element in found).strip()
    return {"sender": sender, "text": text, "is_send": value.get("s"), "time": value["t"]}


def _plain(html: str) -> str:
    text = _LINE_ENDS.sub("\n", html)
    return unescape(_TAGS.sub("", text) if _HAS_TAG.search(text) else text).strip()
