"""Front matter and Obsidian markup of a Markdown note to labelled fields and a body without markup."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.field_values import Fields
from tarot_data.sources.labelled_lines import read_head
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, source_of
from tarot_data.text.normalise import fold, words

FORM = "notes"

MAX_FRONT_MATTER = 200
"""Lines within which front matter must end."""

# No bracket inside: `[[[[[[…` would be searched from each of them to the end of its line.
_WIKI_LINK = re.compile(r"(?<!!)\[\[([^\[\]|\n]*\|)?([^\[\]\n]*)\]\]")
_DAY_AT_START = re.compile(r"((?:19|20)\d{2}[-._年]?\d{1,2}[-._月]?\d{1,2})日?(?!\d)")
_LIST_COMMA = re.compile(r",(?![^(（]*[)）])")
_TITLE_MARKS = str.maketrans(dict.fromkeys("-—_·|", " "))
_YAML_COMMENT = re.compile(r"\s+#\s.*$")


def day_in_name(name: str) -> str | None:
    """Return the day at the beginning of a file name, as daily notes have it: `2024-01-05 阿宁.md`."""
    match = _DAY_AT_START.match(name)
    return match[1].replace("_", "-") if match else None


class FrontMatter(NamedTuple):
    """Fields of the front matter, the text below it, and the index of its first line."""

    fields: Fields
    body: str
    line: int


def front_matter(text: str) -> FrontMatter | None:
    """Parse the front matter of a note; return None if it has none or no value in it."""
    start = text.removeprefix("\ufeff")
    lines = start.lstrip().split("\n")
    indent = len(start) - len(start.lstrip())
    if len(lines) < 2 or lines[0].rstrip(" \t") != "---" or indent > 4:
        return None
    end = next((i for i, line in enumerate(lines[:MAX_FRONT_MATTER]) if i and line.strip() in ("---", "...")), None)
    fields = _parse_yaml(lines[1:end]) if end else None
    return FrontMatter(fields, "\n".join(lines[end + 1 :]), end + 1) if fields else None


@dataclass
class _Entry:
    """A key of the front matter with the text, or list of texts and mappings, read for it so far."""

    label: str
    value: str | list

    def add_item(self, text: str) -> None:
        values = self.value if isinstance(self.value, list) else [self.value] if self.value else []
        self.value = [*values, _unquoted(text)]

    def add_to_mapping(self, text: str) -> bool:
        """Add `orientation: 逆位` to the list item that `- name: 愚人` began; return False if there is none."""
        pair = _mapping_pair(text)
        if not pair or not isinstance(self.value, list) or not self.value:
            return False
        if isinstance(self.value[-1], str) and (begun := _mapping_pair(self.value[-1])):
            self.value[-1] = dict([begun])
        if not isinstance(self.value[-1], dict):
            return False
        self.value[-1].update([pair])
        return True

    def add_line(self, text: str) -> None:
        if isinstance(self.value, str):
            self.value = f"{self.value}\n{text}" if self.value else text
        elif self.value:
            self.value[-1] = f"{self.value[-1]} {text}"


def _parse_yaml(lines: list[str]) -> Fields:
    """Parse keys, texts, lists and lists of mappings, line by line.

    A YAML parser turns `no` into false, `21:03` into 1263 and `[[阿宁]]` into nested lists, and fails on `a: b: c`.
    """
    entries: dict[tuple[str, int], list[_Entry]] = {}
    entry: _Entry | None = None
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        is_item = text[0] == "-" and line.lstrip()[1:2].isspace()
        if is_item and entry:
            entry.add_item(text[1:])
        elif entry and not is_item and line[:1] in " \t" and entry.add_to_mapping(text):
            continue
        elif pair := _key_and_value(line):
            entry = _Entry(pair[0].strip("\"' "), _value(pair[1]))
            entries.setdefault(field_of(entry.label) or (f"other {entry.label}", 1), []).append(entry)
        elif entry:
            entry.add_line(text)
    return {key: [(entry.label, entry.value) for entry in found] for key, found in entries.items()}


def _split_at_colon(text: str) -> tuple[str, str, str]:
    """Return the name before the first colon, the colon, and the text after it."""
    at = text.replace("：", ":").find(":")
    return (text[:at].rstrip(), text[at], text[at + 1 :]) if at > 0 else ("", "", "")


def _key_and_value(line: str) -> tuple[str, str] | None:
    name, colon, value = _split_at_colon(line)
    if not name or len(name) > 41 or name[0] == "-" or name[0].isspace():
        return None
    return (name, value) if colon == "：" or not value or value[0].isspace() else None


def _mapping_pair(text: str) -> tuple[str, str] | None:
    name, _, value = _split_at_colon(text)
    if not name.replace("_", "a").isalnum() or len(name) > 20 or not value[:1].isspace() or not value.strip():
        return None
    return name, _unquoted(value)


def _value(text: str) -> str | list[str]:
    value = _unquoted(text)
    if value in ("|", ">", "|-", ">-"):
        return ""
    if value.startswith("[") and value.endswith("]") and value[1:2] != "[":
        return [_unquoted(part) for part in _LIST_COMMA.split(value[1:-1]) if part.strip()]
    return value


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].replace('\\"', '"').replace("''", "'")
    return _YAML_COMMENT.sub("", value)


def record_of_note(blob: Blob, fields: Fields, body: str) -> RawRecord:
    """Build the one record of a note with front matter. Labels at the top of the body add fields."""
    fields, body = _with_labels(fields, body)
    stem = blob.name.rsplit(".", 1)[0]
    title, below = _split_heading(body)
    if title and _repeats(title, stem, fields):
        body = below
    day = day_in_name(blob.name)
    if day and not any(name == "date" for name, _ in fields):
        fields[("date", 1)] = [("日期", day)]
    fields = {
        key: [(label, _without_links(value)) for label, value in pairs]
        for key, pairs in fields.items()
        if not key[0].startswith("other ")
    }
    source = source_of(blob, "line 1", FORM)
    return to_record(fields, source, content=body.strip(), title=title or stem, date_hint=blob.hint)


def _with_labels(fields: Fields, body: str) -> tuple[Fields, str]:
    """Move the labels at the top of a body to the fields, unless the front matter has all of them."""
    lines = body.strip("\n").split("\n")
    first = next((index for index, line in enumerate(lines) if line.strip()), 0)
    head = read_head(lines, first)
    if not head.names - {"title", *(name for name, _ in fields)}:
        return fields, body
    added = {key: pairs for key, pairs in head.fields.items() if key not in fields}
    return {**fields, **added}, "\n".join(([head.inline] if head.inline else []) + lines[head.body :])


def _split_heading(body: str) -> tuple[str | None, str]:
    """Return the first-level heading that begins a body, and the text below it."""
    marked = body.lstrip()
    if not marked.startswith("#") or not marked[1:2].isspace() or not marked[1:].strip():
        return None, body
    title, _, below = marked[1:].lstrip().partition("\n")
    return title.strip(), below


def _repeats(title: str, stem: str, fields: Fields) -> bool:
    """Check whether a heading only repeats the file name, the question, or person and question (`# 阿宁 搬家`)."""
    filled = [(name, str(pairs[0][1])) for (name, _), pairs in fields.items() if pairs]
    asked = next((value for name, value in filled if name == "question"), "")
    if words(fold(title)) in {words(fold(stem)), words(fold(asked))} - {""}:
        return True
    known = fold(" ".join(value for name, value in filled if name in ("person", "question", "date")))
    parts = fold(title).translate(_TITLE_MARKS).split()
    return bool(parts) and all(part in known for part in parts)


def _without_links(value: object) -> object:
    if isinstance(value, list):
        return [_without_links(item) for item in value]
    return _WIKI_LINK.sub(r"\2", value).strip() if isinstance(value, str) else value
