"""Stream JSON objects from a file of any size: lines, arrays, containers, damaged parts."""

import json
import re
from collections.abc import Iterator
from typing import Any

from tarot_data.lexicon.dates import parse_date
from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.encoding import encoding_of, line_of
from tarot_data.sources.labelled_lines import known_fields
from tarot_data.sources.records import Blob, Rejected, source_of

MAX_LINE = 8 * 1024 * 1024
"""Bytes of one line, or characters of one object: a reading has a thousand."""
MAX_DEPTH = 40
_CHUNK = 1 << 20
_NESTED = ("data", "items", "records", "readings", "results", "rows", "list", "messages", "conversations")
_DECODER = json.JSONDecoder(strict=False)
_ASIDE = ("metadata", "meta", "info", "extra")
_HAN = re.compile("[一-鿿]")
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")


class _BadObject(ValueError):
    """An object that could not be read, as code and values of a rejection. text: its beginning."""

    def __init__(self, code: str, text: str, **values: object) -> None:
        self.code, self.text, self.values = code, text, values
        super().__init__(code)


def is_reading(item: dict) -> bool:
    names = known_fields([str(key) for key in item][:200])
    return bool(names & {"content", "cards"}) and len(names) >= 2 or "draws" in item


def depth_over(value: object, limit: int = MAX_DEPTH) -> bool:
    """Whether an object is nested deeper than the limit; without recursion."""
    level: list[object] = [value]
    for _ in range(limit):
        level = [
            held
            for item in level
            if isinstance(item, dict | list)
            for held in (item.values() if isinstance(item, dict) else item)
            if isinstance(held, dict | list)
        ]
        if not level:
            return False
    return True


def objects(blob: Blob) -> Iterator[tuple[str, dict] | Rejected]:
    """(locator, object) for every object of a JSON or JSONL file, or a Rejected for each that cannot be read.

    A file whose first line is a whole object is read by lines; otherwise object by object, out of one list, out of a
    list under `data`, `items` or `records`, or one after another.
    """
    with blob.open() as file:
        head = file.read(_CHUNK)
    name = encoding_of(head)
    if _is_lines(head, name):
        yield from _by_line(blob, name)
    else:
        yield from _by_object(blob, name)


def _is_lines(head: bytes, name: str) -> bool:
    """Whether each line is an object: the first that begins with { also ends, or a second one begins with {."""
    text = head.decode(name, "replace").removeprefix("\ufeff")
    lines = [line.strip() for line in text.split("\n")[:50]]
    solid = [line for line in lines if line and not line.startswith(("#", "//"))]
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
    return sum(line.startswith('{"') or line.startswith('{ "') for line in solid) >= 2 and len(solid[0]) > 2


def _by_line(blob: Blob, name: str) -> Iterator[tuple[str, dict] | Rejected]:
    wide = name.startswith("utf-16") or name.startswith("utf-32")
    with blob.open() as file:
        lines = _decoded_lines(file.read(64 * 1024 * 1024), name) if wide else _lines(file)
        cut: tuple[str, str, _BadObject] | None = None  # an object whose text breaks off inside a string
        for number, data in enumerate(lines, 1):
            locator = f"line {number}"
            if data is None:
                yield _refused(blob, locator, _BadObject("line_too_long", "", limit=MAX_LINE))
                continue
            text = data if isinstance(data, str) else line_of(data, "utf-8" if name == "utf-8-sig" else name)
            if text is None:
                yield _refused(blob, locator, _BadObject("line_encoding", data.decode("utf-8", "replace")))
                continue
            text = text.removeprefix("\ufeff").strip()
            if cut and (text.startswith("{") or len(cut[1]) > MAX_LINE):
                yield _refused(blob, cut[0], cut[2])
                cut = None
            if cut:
                # A raw line break in a string: the object goes on here.
                locator, text = cut[0], f"{cut[1]}\n{text}"
                cut = (locator, text, cut[2])
                if not text.endswith(("}", "},")):
                    continue
            elif not text or text.startswith(("#", "//")):
                continue
            try:
                value = parse(text.rstrip(",") if text.endswith("},") else text)
            except _BadObject as error:
                if not cut and text.startswith("{") and "unterminated string" in error.values.get("why", ""):
                    cut = (locator, text, error)
                elif not cut:
                    yield _refused(blob, locator, error)
                continue
            cut = None
            items = opened_up(value)
            if not items and text not in ("[]", "{}"):
                yield _refused(blob, locator, _BadObject("no_reading_object", text))
            for index, item in enumerate(items):
                yield locator if len(items) == 1 else f"{locator} item {index + 1}", item
        if cut:
            yield _refused(blob, cut[0], cut[2])


def _lines(file: Any) -> Iterator[bytes | None]:
    """Lines of bytes; None for one that is longer than MAX_LINE, which is skipped to its end in blocks."""
    while line := file.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE and not line.endswith(b"\n"):
            while (rest := file.readline(_CHUNK)) and not rest.endswith(b"\n"):
                pass
            yield None
        else:
            yield line


def _decoded_lines(data: bytes, name: str) -> Iterator[str]:
    yield from data.decode(name, "replace").split("\n")


def parse(text: str) -> object:
    """One JSON value of a text: NaN, raw line breaks and trailing commas allowed, nesting bounded. Raises _BadObject."""
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


def opened_up(value: object, depth: int = 0) -> list[dict]:
    """The objects a value stands for: itself, the items of a list, those under `data` or `records`, one per client."""
    if isinstance(value, list):
        return [item for held in value for item in opened_up(held, depth)] if depth < 4 else []
    if not isinstance(value, dict):
        return []
    if is_reading(value) or depth >= 4:
        return [value]
    for key in _NESTED:
        held = value.get(key)
        if isinstance(held, list) and held and all(isinstance(item, dict) for item in held[:50]):
            if key in ("messages", "conversations") and not any(
                "cards" in known_fields(list(item)) for item in held[:5]
            ):
                return [value]
            around = {**_whose(value), **{k: v for k, v in value.items() if k != key and _is_shared(k)}}
            items = [{**around, **item} for item in held if isinstance(item, dict)]
            return [opened for item in items for opened in ([item] if is_reading(item) else opened_up(item, depth + 1))]
        if isinstance(held, dict) and key in ("data", "records", "readings"):
            return opened_up(held, depth + 1)
    groups = [
        (key, held)
        for key, held in value.items()
        if isinstance(held, list) and held and all(isinstance(item, dict) for item in held[:50])
    ]
    if (
        groups
        and len(groups) == len(value)
        and any(is_reading({"person": 1, **item}) for _, held in groups for item in held[:3])
    ):
        # One list a client, under the client's name.
        return [{**_under(key, item), **item} for key, held in groups for item in held if isinstance(item, dict)]
    return _within(value, depth) or [value]


def _within(value: dict, depth: int) -> list[dict]:
    """Readings that lie in an object under names of its own: `{"id": 1, "fields": {…}}`, `{"clients": […]}`, one object
    an id or a client (`{"阿宁": {…}}`); what stands beside them about person, spread and date holds for each."""
    if known_fields(list(map(str, value))) & {"content", "cards"}:
        return []
    around = {key: held for key, held in value.items() if not isinstance(held, dict | list) and _is_shared(key)}
    # Several objects of one shape: what they are called is who they are.
    alike = len(value) > 1 and all(isinstance(held, dict) and key not in _NESTED for key, held in value.items())
    alike = alike and len({frozenset(held) for held in value.values()}) == 1 and not any(map(str.isdigit, value))
    found = []
    for key, held in value.items():
        if not isinstance(held, dict | list) or key in _ASIDE:
            continue
        for item in opened_up(held, depth + 1):
            named = parse_date(key).day or isinstance(held, dict) and not field_of(key) and (_HAN.search(key) or alike)
            opened = {**around, **(_under(key, {**around, **item}) if named else {}), **item}
            if is_reading(opened):
                found.append(opened)
    return found


def _whose(value: dict) -> dict:
    """The person whom an object beside a list of readings describes: `{"profile": {"name": …}, "readings": […]}`."""
    for key, held in value.items():
        if isinstance(held, dict) and not field_of(str(key)) and not is_reading(held):
            name = next((held[k] for k in held if known_fields([str(k)]) == {"person"}), None)
            if isinstance(name, str):
                return {"person": name}
    return {}


def _under(key: str, item: dict) -> dict:
    """What the name says under which a reading lies: the day, or who asked, where the reading itself does not."""
    names = known_fields([str(name) for name in item][:200])
    if parse_date(key).day:
        return {} if "date" in names else {"date": key}
    return {} if "person" in names else {"person": key}


def _is_shared(key: str) -> bool:
    """Whether a field beside a list of readings is that of each of them."""
    known = field_of(str(key))
    return known is not None and known[0] in ("person", "spread", "date", "synthetic", "consent")


def _by_object(blob: Blob, name: str) -> Iterator[tuple[str, dict] | Rejected]:
    """Objects one after another, or the items of one list, parsed as the text comes in."""
    import codecs

    decoder = codecs.getincrementaldecoder(name)("replace")
    with blob.open() as file:
        buffer, place, number, done = "", 0, 0, False
        inside_list: bool | None = None
        while True:
            # Enough text for the next object, or all there is.
            while True:
                match = re.compile(r"[\s,\ufeff]*").match(buffer, place)
                place = match.end()
                if inside_list is None and place < len(buffer):
                    if buffer[place] == "#" or buffer.startswith("//", place):
                        end = buffer.find("\n", place)
                        if end >= 0:
                            place = end + 1
                            continue
                    inside_list = buffer[place] == "["
                    if inside_list:
                        place += 1
                        continue
                if place < len(buffer) or done:
                    break
                buffer, place = buffer[place:], 0
                data = file.read(_CHUNK)
                done = not data
                buffer += decoder.decode(data, final=done)
            if place >= len(buffer) or (inside_list and buffer[place] == "]"):
                return
            try:
                value, end = _DECODER.raw_decode(buffer, place)
            except RecursionError:
                number += 1
                yield _refused(blob, f"item {number}", _too_deep())
                return
            except ValueError as error:
                if not done and len(buffer) - place < MAX_LINE:
                    data = file.read(max(_CHUNK, len(buffer) - place))
                    done = not data
                    buffer = buffer[place:] + decoder.decode(data, final=done)
                    place = 0
                    continue
                number += 1
                following = _next_object(buffer, place)
                end = following if following is not None else len(buffer)
                piece = buffer[place:end].rstrip().rstrip(",")
                try:
                    value = parse(piece)
                except _BadObject:
                    yield _refused(
                        blob,
                        f"item {number}",
                        _BadObject("cut_json", piece[:2000], why=getattr(error, "msg", "error").lower()),
                    )
                    while following is None:
                        # An item longer than can be read is one refusal: on to where the next may begin.
                        if done:
                            return
                        data = file.read(_CHUNK)
                        done = not data
                        buffer = buffer[-64:] + decoder.decode(data, final=done)
                        following = _next_object(buffer, -1)
                    place = following
                    continue
                yield from _numbered(value, number, blob)
                place = end
                continue
            number += 1
            place = end
            if depth_over(value):
                yield _refused(blob, f"item {number}", _too_deep())
                continue
            yield from _numbered(value, number, blob)
            if place > _CHUNK:
                buffer, place = buffer[place:], 0


def _numbered(value: object, number: int, blob: Blob) -> Iterator[tuple[str, dict] | Rejected]:
    items = opened_up(value)
    if not items:
        yield _refused(blob, f"item {number}", _BadObject("no_object", json.dumps(value, ensure_ascii=False)))
    for index, item in enumerate(items, 1):
        yield f"item {number}" if len(items) == 1 else f"item {number}.{index}", item


def _next_object(buffer: str, place: int) -> int | None:
    """Where the next object begins after a broken one: a line that begins with {."""
    match = re.compile(r"\n[ \t]*(?=\{)").search(buffer, place + 1)
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
