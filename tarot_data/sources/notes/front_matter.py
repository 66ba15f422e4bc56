"""Fields in the front matter and inline markup of Markdown notes (YAML, Obsidian)."""

import re

from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.labelled_lines import Fields, read_head
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, source_of
from tarot_data.text.normalise import fold

FORM = "notes"
_COMMENT = re.compile(r"%%.*?%%", re.DOTALL)
_CALLOUT = re.compile(r"^([^\S\n]*>+)[^\S\n]*\[!\w+\][+-]?[^\S\n]*", re.MULTILINE)
_INLINE_FIELD = re.compile(r"^[^\S\n]*(?:[-*][^\S\n]*)?[\w\u4e00-\u9fff ]{1,20}::\s.*$\n?", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{\{[^{}\n]{1,40}\}\}|<%[^%\n]{0,200}%>")
_BLOCK_ID = re.compile(r"\s\^[A-Za-z0-9-]{2,20}$", re.MULTILINE)
# No bracket inside: `[[[[[[…` would be looked through from every one of them to the end of its line.
_WIKI = re.compile(r"(?<!!)\[\[([^\[\]|\n]*\|)?([^\[\]\n]*)\]\]")


def _day_of(name: str) -> str | None:
    """The day a note's name begins with, as daily notes are called: `2024-01-05 阿宁.md`."""
    match = re.match(r"^((?:19|20)\d{2}[-._年]?\d{1,2}[-._月]?\d{1,2})日?(?!\d)", name)
    return match[1].replace("_", "-") if match else None


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
        if key and not item and line[:1] in " \t" and _goes_on(fields[key], line):
            continue
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


def _goes_on(held: list[tuple[str, object]], line: str) -> bool:
    """Takes a line of a mapping (`orientation: 逆位`) into the item of a list that began it (`- name: 愚人`)."""
    values = held[-1][1]
    pair = _PAIR.match(line.strip())
    if not pair or not isinstance(values, list) or not values:
        return False
    if isinstance(values[-1], str) and (begun := _PAIR.match(values[-1])):
        values[-1] = {begun[1]: _unquoted(begun[2])}
    if not isinstance(values[-1], dict):
        return False
    values[-1][pair[1]] = _unquoted(pair[2])
    return True


_PAIR = re.compile(r"^([\w\u4e00-\u9fff]{1,20})\s*[:：]\s+(\S.*)$")


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].replace('\\"', '"').replace("''", "'")
    return re.sub(r"\s+#\s.*$", "", value)


def _of_front_matter(blob: Blob, fields: Fields, body: str) -> RawRecord:
    lines = body.strip("\n").split("\n")
    first = next((index for index, text in enumerate(lines) if text.strip()), 0)
    head = read_head(lines, first)
    # Labels that say what the front matter says already are the reader's own lines.
    if head.names - {"title", *(key[0] for key in fields)}:
        for key, held in head.fields.items():
            fields.setdefault(key, held)
        if len(head.fields) >= 1:
            body = "\n".join(([head.inline] if head.inline else []) + lines[head.body :])
    body = _PLACEHOLDER.sub("", without_obsidian(body))
    title = None
    heading = re.match(r"^\s*#\s+(.+)\n?", body)
    stem = blob.name.rsplit(".", 1)[0]
    if heading:
        title = heading[1].strip()
        asked = next((str(held[0][1]) for key, held in fields.items() if key[0] == "question" and held), "")
        if _same(title, stem) or _same(title, asked) or _names_parts(title, fields):
            body = body[heading.end() :]
    if not any(key[0] == "date" for key in fields) and (day := _day_of(blob.name)):
        fields[("date", 1)] = [("日期", day)]
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
