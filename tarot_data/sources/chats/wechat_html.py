"""WeChat chats as HTML: the data in a script is read, the script is never run."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape
from html.parser import HTMLParser

from tarot_data.sources.chats import message_table
from tarot_data.sources.chats.message import Message
from tarot_data.sources.chats.sittings import to_records
from tarot_data.sources.encoding import text_of
from tarot_data.sources.records import Blob, RawRecord, Rejected, unreadable
from tarot_data.sources.sniff import Sample

MAX_TOKENS = 10_000_000
MAX_DEPTH = 30
_MAX_PAGE = 2**26
"""Limits of a script: tokens and nesting of its data, bytes of a later page."""

_DATA = re.compile(r"(?:chatMessages|WEFLOW_DATA|local_msg_list|msg_list|moreWechatMessages|chatData)\s*=\s*(?=\[)")
_TITLE = re.compile(
    r"<(?:title|h1)\b[^>]*>\s*([^<]{1,60}?)\s*(?:[-–—|·_]\s*(?:微信)?聊天[记記][录錄]\s*)?</", re.IGNORECASE
)
_TAGS = re.compile(r"<[^>]*>")
_LINE_ENDS = re.compile(r"<br\s*/?>|</p>|</div>", re.IGNORECASE)
_HAS_TAG = re.compile(r"</?[a-zA-Z]")
_SHORT_NAME = re.compile(r'class="[^"]*(?:sender|name)[^"]*"[^>]*>([^<]{1,60})<')
_SHORT_TEXT = re.compile(r'class="[^"]*(?:message-text|content|text|bubble)[^"]*"[^>]*>(.*?)</div>', re.DOTALL)


def recognises(sample: Sample) -> bool:
    if sample.text is None:
        return False
    head = sample.text
    if _DATA.search(head):
        return True
    lowered = head[:4000].lower()
    return ("<html" in lowered or "<!doctype" in lowered) and ('class="msg chat' in head or 'class="dspname"' in head)


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    text, _ = text_of(blob)
    found = [value for page in (text, *_later_pages(blob)) for value in _messages(page)]
    # The side of a message identifies the reader only if the chat has both sides.
    if {value["is_send"] for value in found if "page" in value} != {"0", "1"}:
        found = [{**value, "is_send": None} if "page" in value else value for value in found]
    messages = [message for index, value in enumerate(found, 1) if (message := _of_object(value, f"message {index}"))]
    if not messages:
        raise unreadable("chat_page_empty")
    yield from to_records(_with_client(messages, text), blob)


def _later_pages(blob: Blob) -> Iterator[str]:
    """Return the texts of the scripts with later pages, in a folder next to a page on disk."""
    if blob.path is None:
        return
    folder = blob.path.with_name(blob.path.stem + "_files")
    for page in sorted(folder.glob("msg-*.js"), key=lambda page: int("".join(filter(str.isdecimal, page.name)) or 0)):
        if page.is_file() and not page.is_symlink() and page.stat().st_size < _MAX_PAGE:
            yield page.read_text(encoding="utf-8", errors="replace")


def _with_client(messages: list[Message], text: str) -> list[Message]:
    """Name the client by the page's title if no message of theirs has a name, as in WeFlow's page of two people."""
    title = _TITLE.search(text[:4000])
    if title is None or any(message.sender for message in messages if not message.mine):
        return messages
    client = unescape(title[1]).strip()
    return [message if message.mine else replace(message, sender=client) for message in messages]


def _messages(text: str) -> Iterator[dict]:
    """Yield the messages of a page or a script as objects, with the program's own keys."""
    match = _DATA.search(text)
    if not match:
        yield from _of_page(text)
        return
    values = parse_literal(text, match.end())
    for value in values if isinstance(values, list) else []:
        if isinstance(value, str):
            yield from _of_page(value)
        elif isinstance(value, dict):
            yield value


def _of_object(value: dict, place: str) -> Message | None:
    """Convert an object of WeFlow (`b`, `s`, `t`), or one whose keys are in message_columns.csv."""
    if "b" in value and "t" in value:
        return _short(value, place)
    cells = message_table.cells_of(value)
    cells["text"] = [_plain(text) if isinstance(text, str) else text for text in cells.get("text", ())]
    return message_table.message_of(cells, place)


def _short(value: dict, place: str) -> Message | None:
    """Convert a message of WeFlow's page: `b` is its HTML, `s` whether the reader sent it, `t` its time."""
    body = value.get("b")
    if not isinstance(body, str):
        return None
    name, text = _SHORT_NAME.search(body), _SHORT_TEXT.search(body)
    cells = {"text": [_plain(text[1] if text else body)], "mine": [value.get("s")], "time": [value.get("t")]}
    return message_table.message_of({**cells, "sender": [unescape(name[1])] if name else []}, place)


def _plain(html: str) -> str:
    text = _LINE_ENDS.sub("\n", html)
    return unescape(_TAGS.sub("", text) if _HAS_TAG.search(text) else text).strip()


_TOKEN = re.compile(
    r"\s+|//[^\n]*|/\*.*?\*/|(?P<open>[\[{])|(?P<close>[\]}])|(?P<comma>,)|:"
    r"|\"(?P<double>(?:[^\"\\]|\\.)*)\"|'(?P<single>(?:[^'\\]|\\.)*)'|`(?P<back>(?:[^`\\]|\\.)*)`"
    r"|(?P<word>[^\s,:\[\]{}\"'`]+)",
    re.DOTALL,
)
_COLON = re.compile(r"\s*:")


@dataclass
class _Open:
    """A list or object that is being read. key: the key whose value comes next."""

    container: list | dict
    key: str | None = None

    def add(self, value: object) -> None:
        if isinstance(self.container, list):
            self.container.append(value)
        elif self.key is not None:
            self.container[self.key] = value


def parse_literal(text: str, place: int) -> object:
    """Parse the JavaScript literal at an offset; no code is run.

    Accepts lists, objects with or without quotes around their keys, strings in any quotes, numbers and words. Code in
    between is read as words. Parsing stops at MAX_DEPTH levels or MAX_TOKENS tokens.
    """
    root: list = []
    stack = [_Open(root)]
    for _ in range(MAX_TOKENS):
        match = _TOKEN.match(text, place)
        if match is None:
            break
        place, kind, inner = match.end(), match.lastgroup, stack[-1]
        if kind == "open":
            fresh: list | dict = [] if match[0] == "[" else {}
            inner.add(fresh)
            stack.append(_Open(fresh))
        elif kind == "close":
            stack.pop()
        elif kind == "comma":
            inner.key = None
        elif kind:
            colon = _COLON.match(text, place) if isinstance(inner.container, dict) and inner.key is None else None
            if colon:
                inner.key, place = match[kind], colon.end()
            else:
                inner.add(_word(match[kind]) if kind == "word" else _unescaped(match[kind]))
        if kind in ("open", "close") and not 1 < len(stack) <= MAX_DEPTH:
            break
    return root[0] if root else None


def _word(word: str) -> object:
    if word in ("true", "false"):
        return word == "true"
    if len(word) < 19 and word.removeprefix("-").isdecimal():
        return int(word)
    return None if word in ("null", "undefined") else word


_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "", "f": "", "0": "", "\n": ""}


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(
        lambda match: chr(int(match[1] or match[2], 16)) if match[1] or match[2] else _ESCAPES.get(match[3], match[3]),
        text,
    )
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_CLASSES = {
    "sender": {"dspname"},
    "timestamp": {"msg-time", "time", "chat-time"},
    "text": {"msg-text", "content-box"},
}
"""Parts of a message and the classes of their elements."""


class _Page(HTMLParser):
    """WechatExporter's page: `div.msg.chat`, a name in `.dspname`, a time in `.msg-time`, the text in `pre`."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict] = []
        self.field: str | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        classes = {*(dict(attributes).get("class") or "").split()}
        if "msg" in classes and classes & {"chat", "right", "left"}:
            side = "1" if classes & {"right", "me", "self"} else "0" if "left" in classes else ""
            self.messages.append({"page": True, "is_send": side, "sender": "", "text": "", "timestamp": "", "type": ""})
            self.field = None
        elif self.messages:
            named = next((field for field, names in _CLASSES.items() if names & classes), None)
            self.field = named or ("text" if tag == "pre" else self.field)
            if tag == "br" and self.field == "text":
                self.messages[-1]["text"] += "\n"

    def handle_endtag(self, tag: str) -> None:
        if tag in ("pre", "span", "p") or (tag == "div" and self.field == "text"):
            self.field = None

    def handle_data(self, data: str) -> None:
        if self.messages and self.field:
            self.messages[-1][self.field] += data


def _of_page(text: str) -> Iterator[dict]:
    page = _Page()
    page.feed(text)
    yield from page.messages
