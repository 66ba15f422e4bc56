"""JSON objects streamed from a file of any size: lines, arrays, containers, damaged parts."""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import BinaryIO

from tarot_data.sources.encoding import MAX_TEXT, encoding_of, line_of
from tarot_data.sources.json_files.layouts import readings_in
from tarot_data.sources.json_files.tables import Header, is_header
from tarot_data.sources.records import Blob, Rejected, source_of

MAX_LINE = 8 * 1024 * 1024
"""Bytes of one line, or characters of one object: a reading has a thousand."""
MAX_DEPTH = 40
_CHUNK = 1 << 20
_DECODER = json.JSONDecoder(strict=False)
_COMMENTS = ("#", "//")
_BLANK = re.compile(r"[\s,\ufeff]*")
_NEXT = re.compile(r"\n[ \t]*(?=\{)")
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")

ItemsOf = Callable[[object], list]


class _BadObject(ValueError):
    """An object that could not be read, as code and values of a rejection. text: its beginning."""

    def __init__(self, code: str, text: str, **values: object) -> None:
        self.code, self.text, self.values = code, text, values
        super().__init__(code)


def depth_over(value: object, limit: int = MAX_DEPTH) -> bool:
    """Check whether an object is nested deeper than the limit; without recursion."""
    level: list[object] = [value]
    for _ in range(limit):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def objects(
    blob: Blob, *, items_of: ItemsOf = readings_in, limit: int = MAX_LINE
) -> Iterator[tuple[str, dict] | Rejected]:
    """Yield (locator, object) for every object of a JSON or JSONL file, and a Rejected for each that cannot be read.

    items_of: takes the objects out of a parsed value. limit: characters of one value that is not on a line.

    A file whose first line is a whole object is read by lines; otherwise object by object, out of one list, out of a
    list under `data`, `items` or `records`, or one after another.
    """
    with blob.open() as file:
        head = file.read(_CHUNK)
    name = encoding_of(head)
    if _is_lines(head, name):
        yield from _by_line(blob, name, items_of)
    else:
        yield from _by_object(blob, name, items_of, limit)


def whole_values(blob: Blob) -> Iterator[tuple[str, object] | Rejected]:
    """Yield the top-level values of a file with their places, whole: a chat is one object of many megabytes."""
    return objects(blob, items_of=lambda value: [value], limit=MAX_TEXT)


def _is_lines(head: bytes, name: str) -> bool:
    """Check whether each line is an object: the first that begins with { also ends, or a second one begins with {.

    Or each is a list, the first one of the names of columns.
    """
    text = head.decode(name, "replace").removeprefix("\ufeff")
    lines = [line.strip() for line in text.split("\n")[:50]]
    solid = [line for line in lines if line and not line.startswith(_COMMENTS)]
    if len(solid) > 1 and solid[0].startswith("[") and solid[1].startswith("["):
        return _is_header_line(solid[0])
    if not solid or not solid[0].startswith("{"):
        return False
    first = solid[0].rstrip(",")
    if first.endswith("}") and len(first) > 2:
        try:
            _DECODER.decode(first)
        except (ValueError, RecursionError):
            pass
        else:
            return True
    if first.endswith(("[", "{")) or solid[0].endswith(","):
        return False  # a container whose items are on the lines below
    return sum(line.startswith('{"') or line.startswith('{ "') for line in solid) >= 2 and len(solid[0]) > 2


def _is_header_line(line: str) -> bool:
    try:
        return is_header(_DECODER.decode(line))
    except (ValueError, RecursionError):
        return False


def _by_line(blob: Blob, name: str, items_of: ItemsOf) -> Iterator[tuple[str, dict] | Rejected]:
    header = Header()
    with blob.open() as file:
        for number, value, text in _values(_decoded_lines(file, name)):
            if isinstance(value, _BadObject):
                yield _refused(blob, f"line {number}", value)
                continue
            value = header.objects_of(value)
            if value is None:
                continue
            items = items_of(value)
            if not items and text not in ("[]", "{}"):
                yield _refused(blob, f"line {number}", _BadObject("no_reading_object", text))
            for index, item in enumerate(items, 1):
                yield f"line {number}" if len(items) == 1 else f"line {number} item {index}", item


def _values(lines: Iterator[str | _BadObject]) -> Iterator[tuple[int, object, str]]:
    """Parse each line: its number, the value or a _BadObject, and its text. Empty lines and comments are skipped.

    A line that ends inside a string has a raw line break in it: the lines below belong to it, up to one that ends the
    object. If that fails, or the next object starts before, the line is bad.
    """
    cut: tuple[int, str, _BadObject] | None = None
    for number, text in enumerate(lines, 1):
        if isinstance(text, _BadObject):
            yield number, text, ""
            continue
        if cut and (text.startswith("{") or len(cut[1]) > MAX_LINE):
            yield cut[0], cut[2], cut[1]
            cut = None
        if cut:
            number, text = cut[0], f"{cut[1]}\n{text}"
            cut = (number, text, cut[2])
            if not text.endswith(("}", "},")):
                continue
        elif not text or text.startswith(_COMMENTS):
            continue
        try:
            value = parse(text.rstrip(",") if text.endswith("},") else text)
        except _BadObject as error:
            if cut:
                continue
            if text.startswith("{") and "unterminated string" in error.values.get("why", ""):
                cut = (number, text, error)
            else:
                yield number, error, text
            continue
        cut = None
        yield number, value, text
    if cut:
        yield cut[0], cut[2], cut[1]


def _decoded_lines(file: BinaryIO, name: str) -> Iterator[str | _BadObject]:
    """Decode each line, without white space around it; a _BadObject for one that is too long or in another encoding."""
    if name.startswith(("utf-16", "utf-32")):
        whole = file.read(64 * 1024 * 1024).decode(name, "replace")
        yield from (line.removeprefix("\ufeff").strip() for line in whole.split("\n"))
        return
    for data in _lines(file):
        text = None if data is None else line_of(data, "utf-8" if name == "utf-8-sig" else name)
        if data is None:
            yield _BadObject("line_too_long", "", limit=MAX_LINE)
        elif text is None:
            yield _BadObject("line_encoding", data.decode("utf-8", "replace"))
        else:
            yield text.removeprefix("\ufeff").strip()


def _lines(file: BinaryIO) -> Iterator[bytes | None]:
    """Yield lines of bytes; None for one that is longer than MAX_LINE, which is skipped to its end in blocks."""
    while line := file.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(_CHUNK)) and not rest.endswith(b"\n"):
                pass
            yield None
        else:
            yield line


def parse(text: str) -> object:
    """Parse one JSON value; NaN, raw line breaks and trailing commas are allowed. Raises _BadObject."""
    try:
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        try:
            value = _DECODER.decode(_TRAILING_COMMA.sub(r"\1", text)) if _TRAILING_COMMA.search(text) else None
        except (ValueError, RecursionError):
            value = None
        if value is None:
            where = getattr(error, "msg", "not JSON")
            why = f"{where.lower()} at character {getattr(error, 'pos', 0) + 1}"
            raise _BadObject("cut_json", text[:2000], why=why) from error
    if depth_over(value):
        raise _too_deep()
    return value


def _by_object(blob: Blob, name: str, items_of: ItemsOf, limit: int) -> Iterator[tuple[str, dict] | Rejected]:
    """Yield objects one after another, or the items of one list, parsed while the text comes in."""
    with blob.open() as file:
        text = _Text(file, name, limit)
        text.skip_comments()
        text.enter_list()
        number, header = 0, Header()
        while text.has_value():
            number += 1
            try:
                value = header.objects_of(text.value())
            except _BadObject as error:
                yield _refused(blob, f"item {number}", error)
            else:
                yield from _numbered(value, number, blob, items_of) if value is not None else ()


class _Text:
    """The text of a file, decoded as it is needed. Only the part from `place` on is kept, a chunk or an object long."""

    def __init__(self, file: BinaryIO, encoding: str, limit: int) -> None:
        self.file, self.limit = file, limit
        self.decoder = codecs.getincrementaldecoder(encoding)("replace")
        self.buffer, self.place = "", 0
        self.done = self.in_list = False

    def _read(self, size: int, kept: int | None = None) -> None:
        """Add the next bytes. kept: index of the first character to keep, `place` by default."""
        data = self.file.read(size)
        self.done = not data
        self.buffer = self.buffer[self.place if kept is None else kept :] + self.decoder.decode(data, final=self.done)
        self.place = 0

    def _skip_blank(self) -> bool:
        """Go to the next character that is not white space or a comma; return False at the end of the file."""
        while True:
            self.place = _BLANK.match(self.buffer, self.place).end()
            if self.place < len(self.buffer) or self.done:
                return self.place < len(self.buffer)
            self._read(_CHUNK)

    def skip_comments(self) -> None:
        while self._skip_blank() and self.buffer.startswith(_COMMENTS, self.place):
            end = self.buffer.find("\n", self.place)
            if end < 0:
                return
            self.place = end + 1

    def enter_list(self) -> None:
        self.in_list = self._skip_blank() and self.buffer[self.place] == "["
        self.place += self.in_list

    def has_value(self) -> bool:
        return self._skip_blank() and not (self.in_list and self.buffer[self.place] == "]")

    def value(self) -> object:
        """Read the value at `place`. Raises _BadObject, with `place` after it."""
        while True:
            try:
                value, end = _DECODER.raw_decode(self.buffer, self.place)
                break
            except RecursionError as error:
                self.buffer, self.place, self.done = "", 0, True
                raise _too_deep() from error
            except ValueError as error:
                if self.done or len(self.buffer) - self.place >= self.limit:
                    return self._damaged(error)
                self._read(max(_CHUNK, len(self.buffer) - self.place))
        self.place = end
        if depth_over(value):
            raise _too_deep()
        if self.place > _CHUNK:
            self.buffer, self.place = self.buffer[self.place :], 0
        return value

    def _damaged(self, error: ValueError) -> object:
        """Repair the piece up to the next object. Raises _BadObject if that fails, with `place` at the next object."""
        following = _next_object(self.buffer, self.place)
        piece = self.buffer[self.place : following].rstrip().rstrip(",")
        try:
            value = parse(piece)
        except _BadObject:
            # An item that is too long is one rejection: skip to where the next may begin.
            while following is None and not self.done:
                self._read(_CHUNK, kept=-64)
                following = _next_object(self.buffer, -1)
            self.place = len(self.buffer) if following is None else following
            raise _BadObject("cut_json", piece[:2000], why=getattr(error, "msg", "error").lower()) from error
        self.place = len(self.buffer) if following is None else following
        return value


def _numbered(value: object, number: int, blob: Blob, items_of: ItemsOf) -> Iterator[tuple[str, dict] | Rejected]:
    items = items_of(value)
    if not items:
        yield _refused(blob, f"item {number}", _BadObject("no_object", json.dumps(value, ensure_ascii=False)))
    for index, item in enumerate(items, 1):
        yield f"item {number}" if len(items) == 1 else f"item {number}.{index}", item


def _next_object(buffer: str, place: int) -> int | None:
    """Find the start of the next object after a damaged one: a line that begins with {."""
    match = _NEXT.search(buffer, place + 1)
    return match.end() if match else None


def _too_deep() -> _BadObject:
    return _BadObject("too_deep", "", limit=MAX_DEPTH)


def _refused(blob: Blob, locator: str, error: _BadObject) -> Rejected:
    return Rejected(
        source=source_of(blob, locator, "jsonl"),
        stage="read",
        reason="unreadable",
        code=error.code,
        values=error.values,
        raw={"line": error.text[:2000]} if error.text else {},
    )
