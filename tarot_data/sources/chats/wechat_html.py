"""WeChat chats as HTML: the data in a script is read, the script is never run."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser

from tarot_data.sources.chats import message_table
from tarot_data.sources.chats.sittings import Message, to_records
from tarot_data.sources.encoding import text_of
from tarot_data.sources.records import Blob, RawRecord, Rejected, unreadable
from tarot_data.sources.sniff import Sample

MAX_VALUES = 5_000_000
_DATA = re.compile(r"(?:chatMessages|WEFLOW_DATA|local_msg_list|msg_list|moreWechatMessages|chatData)\s*=\s*(?=\[)")
_TITLE = re.compile(
    r"<(?:title|h1)\b[^>]*>\s*([^<]{1,60}?)\s*(?:[-–—|·_]\s*(?:微信)?聊天[记記][录錄]\s*)?</", re.IGNORECASE
)
_TAGS = re.compile(r"<[^>]*>")


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
    found = list(_messages(text))
    if blob.path is not None:
        for page in sorted(blob.path.with_name(blob.path.stem + "_files").glob("msg-*.js"), key=_number):
            if page.is_file() and not page.is_symlink() and page.stat().st_size < 2**26:
                found += _messages(page.read_text(encoding="utf-8", errors="replace"))
    # Only a chat with both sides tells by the side who the reader is.
    sided = {value["is_send"] for value in found if "page" in value} == {"0", "1"}
    messages = []
    for index, value in enumerate(found, 1):
        if not sided and "page" in value:
            value = {**value, "is_send": None}
        if message := _of_object(value, f"message {index}"):
            messages.append(message)
    called = _TITLE.search(text[:4000])
    if called and not any(message.sender for message in messages if not message.mine):
        # WeFlow's page names nobody beside the messages: a chat of two is called like the other one.
        client = unescape(called[1]).strip()
        messages = [message if message.mine else replace(message, sender=client) for message in messages]
    if not messages:
        raise unreadable("chat_page_empty")
    yield from to_records(messages, blob)


def _number(path: object) -> int:
    return int(re.sub(r"\D", "", path.name) or 0)


def _messages(text: str) -> Iterator[dict]:
    """Messages of a page or a script as objects, as they stand there."""
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
    """A message of MemoTrace (`text`, `is_send`, `timestamp`), WeFlow (`b`, `s`, `t`) or PyWxDump (`msg`, `is_sender`)."""
    if "b" in value and "t" in value:
        return _short(value, place)
    cells = message_table.cells_of(value)
    if isinstance(cells.get("text"), str):
        cells["text"] = _plain(cells["text"])
    return message_table.message_of(cells, place)


def _short(value: dict, place: str) -> Message | None:
    body = value.get("b")
    if not isinstance(body, str):
        return None
    name = re.search(r'class="[^"]*(?:sender|name)[^"]*"[^>]*>([^<]{1,60})<', body)
    content = re.search(r'class="[^"]*(?:message-text|content|text|bubble)[^"]*"[^>]*>(.*?)</div>', body, re.DOTALL)
    sender = unescape(name[1]) if name else None
    cells = {"text": _plain(content[1] if content else body), "mine": value.get("s"), "sender": sender}
    return message_table.message_of({**cells, "time": value.get("t")}, place)


def _plain(html: str) -> str:
    text = re.sub(r"<br\s*/?>|</p>|</div>", "\n", html, flags=re.IGNORECASE)
    return unescape(_TAGS.sub("", text) if re.search(r"</?[a-zA-Z]", text) else text).strip()


def parse_literal(text: str, place: int) -> object:
    """The JavaScript literal that begins at a place: lists, objects with or without quotes round their keys, strings in
    any quotes, numbers and words. Whatever else stands there reads as None; nothing is run, nothing nests deeper than 30."""
    root: list = []
    stack: list[list | dict] = [root]
    keys: list[str | None] = [None]
    count = 0
    token = re.compile(
        r"\s+|//[^\n]*|/\*.*?\*/|([\[{])|([\]}])|([,:])|\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`|([^\s,:\[\]{}\"'`]+)",
        re.DOTALL,
    )
    while match := token.match(text, place):
        place = match.end()
        opening, closing, mark, *strings, word = match.groups()
        if opening:
            fresh: list | dict = [] if opening == "[" else {}
            _add(stack[-1], keys, fresh)
            stack.append(fresh)
            keys.append(None)
            if len(stack) > 30:
                break
        elif closing:
            stack.pop()
            keys.pop()
            if len(stack) == 1:
                break
        elif mark == ":":
            continue
        elif mark == ",":
            keys[-1] = None
        else:
            string = next((string for string in strings if string is not None), None)
            if string is None and word is None:
                continue
            value = _unescaped(string) if string is not None else _word(word)
            following = re.compile(r"\s*:").match(text, place)
            if isinstance(stack[-1], dict) and keys[-1] is None and following:
                keys[-1] = str(string if string is not None else word)
                place = following.end()
            else:
                _add(stack[-1], keys, value)
        count += 1
        if count > MAX_VALUES:
            break
    return root[0] if root else None


def _add(container: list | dict, keys: list, value: object) -> None:
    if isinstance(container, list):
        container.append(value)
    elif keys[-1] is not None:
        container[keys[-1]] = value


def _word(word: str) -> object:
    if word in ("true", "false"):
        return word == "true"
    if re.fullmatch(r"-?\d{1,18}", word):
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


class _Page(HTMLParser):
    """WechatExporter's page: `div.msg.chat`, a name in `.dspname`, a time in `.msg-time`, the text in `pre`."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict] = []
        self.field: str | None = None

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        classes = (named.get("class") or "").split()
        if "msg" in classes and ("chat" in classes or "right" in classes or "left" in classes):
            side = (
                "1" if "right" in classes or "me" in classes or "self" in classes else "0" if "left" in classes else ""
            )
            self.messages.append({"page": True, "is_send": side, "sender": "", "text": "", "timestamp": "", "type": ""})
            self.field = None
        elif self.messages and "dspname" in classes:
            self.field = "sender"
        elif self.messages and {"msg-time", "time", "chat-time"} & set(classes):
            self.field = "timestamp"
        elif self.messages and (tag == "pre" or {"msg-text", "content-box"} & set(classes)):
            self.field = "text"
        elif tag == "br" and self.field == "text":
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
