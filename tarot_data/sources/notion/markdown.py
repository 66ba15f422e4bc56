"""Readings from Notion pages in Markdown: `# title`, properties, body."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

from tarot_data.cards import card_fields
from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.encoding import MAX_TEXT, text_of, with_newlines
from tarot_data.sources.field_values import Fields, without_paths
from tarot_data.sources.labelled_lines import read_head
from tarot_data.sources.labels import is_title
from tarot_data.sources.lines import Line, to_lines
from tarot_data.sources.notes.body_end import trimmed, without_tags, without_tasks
from tarot_data.sources.notes.front_matter import day_in_name
from tarot_data.sources.notion.names import page_id
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, Rejected, source_of
from tarot_data.sources.sniff import Sample

FORM = "notion"
_INDEX_LINE = re.compile(r"^\s*(?:[-*]\s+)?\[[^\]]*\]\([^)]*\.(?:md|csv|html)\)\s*$")


@dataclass(frozen=True)
class Siblings:
    """The table of the database a page belongs to. columns: property names. rows: by title, those with a unique title;
    the others cannot be distinguished because a row has no id."""

    columns: frozenset[str] = frozenset()
    rows: dict[str, dict[str, str]] = field(default_factory=dict)


def siblings_of(lines: Iterable[str]) -> Siblings:
    """Parse the lines of a database's CSV; its first column has the titles. Raises csv.Error."""
    rows = list(csv.reader(lines))
    if not rows:
        return Siblings()
    titles = Counter(row[0] for row in rows[1:] if row)
    once = {row[0]: dict(zip(rows[0][1:], row[1:], strict=False)) for row in rows[1:] if row and titles[row[0]] == 1}
    return Siblings(frozenset(rows[0]), once)


def recognises(sample: Sample) -> bool:
    if sample.text is None:
        return False
    text = sample.text.lstrip("\n")
    if not text.startswith("# "):
        return False
    if page_id(sample.blob.name) and sample.blob.name.lower().endswith(".md"):
        return True
    lines = text.split("\n")
    fields, _ = properties(lines, frozenset())
    return len(fields) >= 2 and any(key[0] in ("person", "cards", "spread", "date") for key in fields)


def properties(lines: list[str], columns: frozenset[str]) -> tuple[Fields, int]:
    """Return the fields of the property block under a title, and the index of the first line of the body.

    columns: the columns of the sibling CSV, which are property names too. It is a property block only if its first line
    fits and a name is known; a line without a name continues the value above.
    """
    index = first_line(lines, 1)
    end = index
    while end < len(lines) and lines[end].strip():
        end += 1
    pairs: list[list[str]] = []
    for line in lines[index:end]:
        name, value = _property(line)
        if name is not None and (field_of(name) or name in columns or (not columns and _is_name(name))):
            pairs.append([name, value])
        elif pairs:
            pairs[-1][1] += f"\n{line}"
        else:
            return {}, index
    if not any(field_of(name) or name in columns for name, _ in pairs):
        return {}, index
    fields: Fields = {}
    for name, value in pairs:
        if key := field_of(name) or (("extra", 1) if card_fields.is_extra(name) else None):
            fields.setdefault(key, []).append((name, without_paths(value)))
    return fields, end


def first_line(lines: list[str], start: int = 0) -> int:
    """Return the index of the first line from one on that is not blank, or the number of lines."""
    return next((index for index in range(start, len(lines)) if lines[index].strip()), max(start, len(lines)))


def _property(line: str) -> tuple[str | None, str]:
    """Split `Name: value`; the name is None if the line is not a property."""
    name, colon, value = line.partition(":")
    if not colon or not 0 < len(name) <= 60 or value and value[0] != " ":
        return None, ""
    return name.strip(), value.strip()


def _is_name(name: str) -> bool:
    return len(name) <= 24 and "http" not in name and not any(mark in name for mark in '，。？！,.?!;；“”"')


def read(blob: Blob, siblings: Siblings | None = None) -> Iterator[RawRecord | Rejected]:
    if siblings is None:
        siblings = _siblings_next_to(blob.path) if blob.path is not None else Siblings()
    text, _ = text_of(blob)
    record = parse_page(text, blob, siblings)
    if record is not None:
        yield record


def parse_page(text: str, blob: Blob, siblings: Siblings) -> RawRecord | None:
    """Parse one page; None for a page that only lists links, such as the page of a database.

    A property that the page does not have is taken from its row of the table.
    """
    lines = with_newlines(text).lstrip("\ufeff\n").split("\n")
    title = lines[0].removeprefix("# ").strip()
    fields, start = properties(lines, siblings.columns)
    fields, body = _with_labels(fields, lines[start:])
    solid = [line.text for line in body if line.stripped]
    if not fields and solid and all(map(_INDEX_LINE.match, solid)):
        return None
    _add_row(fields, siblings.rows.get(title, {}))
    identity = page_id(blob.name)
    if (day := day_in_name(title)) and not any(name == "date" for name, _ in fields):
        fields["date", 1] = [("日期", day)]
    title = re.sub(r"\s*[(（]?\d*[)）]?$", "", title) if not is_title(title) else title
    return to_record(
        fields,
        source_of(blob, f"page {identity}" if identity else "page", FORM),
        content="\n".join(line.text for line in body).strip("\n"),
        title=title,
        date_hint=unquote(blob.hint),
        record_id=identity,
    )


def _with_labels(fields: Fields, body: list[str]) -> tuple[Fields, list[Line]]:
    """Move labelled lines of the body to the fields: all at its top if the page has no properties, or the cards under a
    heading of their own (`## 抽牌`). Return the fields and the lines of the text."""
    lines = to_lines(body)
    first = first_line(body)
    if not any(name == "cards" for name, _ in fields):
        if fields:
            first = next((index for index, line in enumerate(lines) if _heads_cards(line)), first)
        head = read_head(lines, first)
        if "cards" in head.names if fields else len(head.names) >= 2:
            fields = {**head.fields, **fields}
            lines = [*([Line(head.inline)] if head.inline else []), *lines[head.body :]]
    return fields, without_tags(trimmed(without_tasks(lines)))


def _heads_cards(line: Line) -> bool:
    """Check for the label of the cards in a heading."""
    return line.level > 0 and line.field == "cards"


def _add_row(fields: Fields, row: dict[str, str]) -> None:
    """Add the values of a page's row in its table, {label: value}, if the page has none for their field."""
    names = {name for name, _ in fields}
    for label, value in row.items():
        if value and (key := field_of(label)) and key[0] not in {*names, "content"}:
            fields.setdefault(key, []).append((label, without_paths(value)))


def _siblings_next_to(path: Path) -> Siblings:
    """Read the CSV of a page's database, which is next to its folder."""
    folder = path.parent
    for candidate in (folder.with_name(folder.name + "_all.csv"), folder.with_name(folder.name + ".csv")):
        if candidate.is_file() and not candidate.is_symlink():
            state = candidate.stat()
            return _read_siblings(candidate, state.st_mtime_ns, state.st_size)
    return Siblings()


@lru_cache(maxsize=16)
def _read_siblings(path: Path, modified: int, size: int) -> Siblings:
    if size > MAX_TEXT:
        return Siblings()
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return siblings_of(file)
    except (OSError, UnicodeDecodeError, csv.Error):
        return Siblings()
