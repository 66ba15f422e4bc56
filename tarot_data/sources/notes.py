"""Labelled notes in .txt and .md, several readings a file, and Obsidian notes with front matter."""

import re
from collections.abc import Iterator

from tarot_data import drawn
from tarot_data.folding import fold
from tarot_data.sources.decode import text_of
from tarot_data.sources.fields import field_of
from tarot_data.sources.labels import Fields, Head, labels_in, read_head, to_record
from tarot_data.sources.record import Blob, RawRecord, Rejected, source_of
from tarot_data.sources.sample import Sample

FORM = "notes"

_SEPARATOR = re.compile(
    r"^\s*(?:[-=_*~～—―─━－＝·•#\s]{3,}|第\s?[0-9一二三四五六七八九十百]{1,4}\s?[位个條条则份页頁]\s?(?:客人|客户)?|[-—]?\s?\d{1,4}\s?[-—]?)\s*$"
)
_DATE_LINE = re.compile(r"^\s*#{0,3}\s*(?:(?:19|20)\d{2}\s?[-/.年]\s?\d{1,2}\s?[-/.月]\s?\d{1,2}\s?[日号]?)[^\n]{0,8}$")
_COMMENT = re.compile(r"%%.*?%%", re.DOTALL)
_CALLOUT = re.compile(r"^(\s*>+)\s*\[!\w+\][+-]?\s*", re.MULTILINE)
_INLINE_FIELD = re.compile(r"^\s*[-*]?\s*[\w\u4e00-\u9fff ]{1,20}::\s.*$\n?", re.MULTILINE)
_BLOCK_ID = re.compile(r"\s\^[A-Za-z0-9-]{2,20}$", re.MULTILINE)
_WIKI = re.compile(r"(?<!!)\[\[([^\]|\n]*\|)?([^\]\n]*)\]\]")


def recognises(sample: Sample) -> bool:
    if sample.text is None:
        return False
    if front_matter(sample.text) is not None:
        return True
    lines = sample.text.split("\n")[:400]
    for index, line in enumerate(lines):
        if labels_in(line):
            head = read_head(lines, index)
            if len(head.names) >= 2:
                return True
    return len(drawn.named_cards(sample.text[:20_000])) >= 1 and bool(re.search(r"[\u4e00-\u9fff]{4}", sample.text))


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    text, _ = text_of(blob)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    matter = front_matter(text)
    if matter is not None:
        fields, body, line = matter
        yield _of_front_matter(blob, fields, body, line)
        return
    yield from split(text.split("\n"), blob, FORM)


def split(lines: list[str], blob: Blob, form: str, locator: str = "line {}") -> Iterator[RawRecord | Rejected]:
    """The readings of labelled lines, in order; a file without any label is one record, kept whole."""
    starts = _starts(lines)
    if not starts:
        body = "\n".join(lines).strip()
        heading = re.match(r"^#\s+(.+)$", body)
        title = heading[1].strip() if heading else None
        yield to_record({}, source_of(blob, locator.format(1), form), content=body, title=title, date_hint=blob.hint)
        return
    ends = [*(start for start, _ in starts[1:]), len(lines)]
    day_above: str | None = None
    previous_end = 0
    for (start, head), end in zip(starts, ends, strict=True):
        above = [line for line in lines[max(previous_end, start - 4) : start] if line.strip()]
        title = None
        for line in above:
            if _DATE_LINE.match(line):
                day_above = line.strip(" #\t")
            elif heading := re.match(r"^#{1,3}\s+(.+)$", line):
                title = heading[1].strip()
        body_lines = lines[head.body : end]
        body_lines = _without_tail(body_lines, len(lines) > end)
        body = "\n".join(([head.inline] if head.inline else []) + body_lines).strip()
        fields = dict(head.fields)
        if day_above and ("date", 1) not in fields:
            fields[("date", 1)] = [("日期", day_above)]
        yield to_record(
            fields, source_of(blob, locator.format(start + 1), form), content=body, title=title, date_hint=blob.hint
        )
        previous_end = head.body


def _starts(lines: list[str]) -> list[tuple[int, Head]]:
    """Where readings begin, with their heads.

    The first is the first labelled block. A later one begins with a word that began an earlier one, or stands under a
    separator: labels inside a body (`问题：`, even `客户：` under a heading) are body.
    """
    found: list[tuple[int, Head]] = []
    words: set[str] = set()
    index = 0
    while index < len(lines):
        labels = labels_in(lines[index])
        if not labels:
            index += 1
            continue
        head = read_head(lines, index, title=_title_above(lines, index))
        names = head.names
        word = fold(labels[0][0]).strip()
        asks = bool(names & {"person", "question", "cards"}) and (len(names) >= 2 or head.inline != "")
        above = _above(lines, index)
        if not found:
            begins = asks
        elif _SEPARATOR.match(above) or _DATE_LINE.match(above):
            begins = asks and len(names) >= 2 and ("person" in names or word in words)
        else:
            begins = asks and len(names) >= 2 and word in words and "person" in names
        if begins:
            found.append((index, head))
            words.add(word)
            index = max(head.body, index + 1)
        else:
            index += 1
    return found


def _above(lines: list[str], index: int) -> str:
    """The last line with anything on it above a line, titles passed over; a separator at the top of the file."""
    for line in reversed(lines[max(0, index - 6) : index]):
        if line.strip() and not re.match(r"^#{1,3}\s", line):
            return line
    return "" if index > 6 else "---"


def _title_above(lines: list[str], index: int) -> str | None:
    """The heading right above a labelled block, or the line `第3位`."""
    for line in reversed(lines[max(0, index - 3) : index]):
        if line.strip():
            heading = re.match(r"^#{1,3}\s+(.+)$", line)
            return heading[1].strip() if heading else None
    return None


def _without_tail(lines: list[str], more: bool) -> list[str]:
    """Body lines without the separator, date or heading that belongs to the next reading."""
    lines = list(lines)
    while lines and (not lines[-1].strip() or (more and (_SEPARATOR.match(lines[-1]) or _DATE_LINE.match(lines[-1])))):
        lines.pop()
    if more and lines and re.match(r"^#{1,3}\s+\S", lines[-1]):
        lines.pop()
        return _without_tail(lines, more)
    if lines and _SEPARATOR.match(lines[-1]):
        lines.pop()
    return lines


# Obsidian


def front_matter(text: str) -> tuple[Fields, str, int] | None:
    """Fields of a note's front matter, its body and the line the body begins at; None where it has none."""
    if not re.match(r"^\ufeff?\s{0,4}---[ \t]*\n", text[:20]):
        return None
    lines = text.lstrip("\ufeff").lstrip().split("\n")
    end = next((index for index, line in enumerate(lines[1:200], 1) if line.strip() in ("---", "...")), None)
    if end is None:
        return None
    fields = _lenient_yaml(lines[1:end])
    if not fields:
        return None
    return fields, "\n".join(lines[end + 1 :]), end + 1


def _lenient_yaml(lines: list[str]) -> Fields:
    """Keys and values of front matter, line by line: YAML itself turns `no` into false, `21:03` into 1263 and
    `[[阿宁]]` into nested lists, and fails on `a: b: c`."""
    fields: Fields = {}
    key: tuple[str, int] | None = None
    label = ""
    for line in lines:
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        item = re.match(r"^\s*-\s+(.*)$", line)
        pair = re.match(r"^([^\s\-:：][^:：]{0,40}?)\s*[:：](?:\s+|$)(.*)$", line) or re.match(
            r"^([^\s\-:：][^:：]{0,40}?)\s*：\s*(.*)$", line
        )
        if item and key:
            value = _unquoted(item[1])
            held = fields[key][-1][1]
            fields[key][-1] = (
                label,
                [*held, value] if isinstance(held, list) else [value] if not held else [held, value],
            )
        elif pair and not line.startswith((" ", "\t")):
            label = pair[1].strip("\"' ")
            known = field_of(label)
            key = known or (f"other {label}", 1)
            value: object = _unquoted(pair[2])
            if value in ("|", ">", "|-", ">-"):
                value = ""
            elif isinstance(value, str) and re.match(r"^\[(?!\[).*\]$", value):
                value = [_unquoted(part) for part in re.split(r",(?![^(（]*[)）])", value[1:-1]) if part.strip()]
            fields.setdefault(key, []).append((label, value))
        elif key:
            held = fields[key][-1][1]
            if isinstance(held, str):
                fields[key][-1] = (label, f"{held}\n{stripped}" if held else stripped)
            elif isinstance(held, list) and held:
                held[-1] = f"{held[-1]} {stripped}"
    return fields


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].replace('\\"', '"').replace("''", "'")
    return re.sub(r"\s+#\s.*$", "", value)


def _of_front_matter(blob: Blob, fields: Fields, body: str, line: int) -> RawRecord:
    lines = body.strip("\n").split("\n")
    first = next((index for index, text in enumerate(lines) if text.strip()), 0)
    head = read_head(lines, first)
    if head.fields and not (head.names <= {"title"}):
        for key, held in head.fields.items():
            fields.setdefault(key, held)
        if head.names - {key[0] for key in fields} or len(head.names) >= 2:
            body = "\n".join(([head.inline] if head.inline else []) + lines[head.body :])
    body = without_obsidian(body)
    title = None
    heading = re.match(r"^\s*#\s+(.+)\n?", body)
    stem = blob.name.rsplit(".", 1)[0]
    if heading:
        title = heading[1].strip()
        asked = next((str(held[0][1]) for key, held in fields.items() if key[0] == "question" and held), "")
        if _same(title, stem) or _same(title, asked) or _names_parts(title, fields):
            body = body[heading.end() :]
    fields = {
        key: [
            (label, [_unlinked(item) for item in value] if isinstance(value, list) else _unlinked(value))
            for label, value in held
        ]
        for key, held in fields.items()
        if not key[0].startswith("other ")
    }
    return to_record(
        fields,
        source_of(blob, "line 1", FORM),
        content=body.strip(),
        title=title or stem,
        date_hint=blob.hint,
    )


def _names_parts(title: str, fields: Fields) -> bool:
    """Whether a heading is made of the person and the question, as in `# 阿宁 搬家`."""
    said = fold(
        " ".join(str(held[0][1]) for key, held in fields.items() if key[0] in ("person", "question", "date") and held)
    )
    parts = [part for part in re.split(r"[\s\-—_·|｜]+", fold(title)) if part]
    return bool(parts) and all(part in said for part in parts)


def _same(one: str, other: str) -> bool:
    return re.sub(r"\W+", "", fold(one)) == re.sub(r"\W+", "", fold(other)) != ""


def _unlinked(value: object) -> object:
    return _WIKI.sub(r"\2", value).strip() if isinstance(value, str) else value


def without_obsidian(body: str) -> str:
    """The body without what is Obsidian's and not the reader's: private comments, block ids, inline fields, link brackets."""
    body = _COMMENT.sub("", body)
    body = _CALLOUT.sub(r"\1 ", body)
    body = _INLINE_FIELD.sub("", body)
    body = _BLOCK_ID.sub("", body)
    return _WIKI.sub(r"\2", body)
