"""Notion pages (`# title`, properties, body) as Markdown files; the archive they come in is `notion_zip`."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from urllib.parse import unquote

from tarot_data.cards import card_fields
from tarot_data.lexicon.field_names import field_of
from tarot_data.sources.encoding import MAX_TEXT, text_of
from tarot_data.sources.labelled_lines import Fields, Head, is_title, labels_in, read_head
from tarot_data.sources.record_builder import to_record
from tarot_data.sources.records import Blob, RawRecord, Rejected, source_of
from tarot_data.sources.sniff import Sample

FORM = "notion"
ID = re.compile(r"(?:^|[ _-])([0-9a-f]{32})(?:_all)?(?:\.\w+)?$")

_PROPERTY = re.compile(r"^([^:\n]{1,60}?):(?: (.*))?$")
_RELATION = re.compile(r"\s{0,20}\((?:[^()]|\([^()]*\))*\.(?:md|csv|html)\)")
_INDEX_LINE = re.compile(r"^\s*(?:[-*]\s+)?\[[^\]]*\]\([^)]*\.(?:md|csv|html)\)\s*$")
_MEDIA = re.compile(r"\.(?:jpe?g|png|gif|heic|webp|bmp|svg|pdf|mp[34]|mov|m4a|wav|amr|zip|docx?|pptx?)$", re.IGNORECASE)


@dataclass(frozen=True)
class Siblings:
    """The table of the database a page belongs to. columns: property names. rows: by title, those whose title stands
    once; the others cannot be told apart, for a row has no id."""

    columns: frozenset[str] = frozenset()
    rows: dict[str, dict[str, str]] = field(default_factory=dict)


def siblings_of(lines: Iterable[str]) -> Siblings:
    """The lines of a database's CSV; its first column holds the titles. Raises csv.Error."""
    rows = list(csv.reader(lines))
    if not rows:
        return Siblings()
    titles = Counter(row[0] for row in rows[1:] if row)
    once = {row[0]: dict(zip(rows[0][1:], row[1:], strict=False)) for row in rows[1:] if row and titles[row[0]] == 1}
    return Siblings(frozenset(rows[0]), once)


def page_id(name: str) -> str | None:
    """The 32 hex digits at the end of a page's, folder's or table's name."""
    match = ID.search(name)
    return match[1] if match else None


def belongs_to_pages(path: Path) -> bool:
    """Whether a file on disk is passed over for the pages beside it: a database's CSV, or an attachment."""
    name = path.name
    if name.lower().endswith(".csv"):
        if page_id(name):
            stem = name[:-4]
            if not stem.endswith("_all") and path.with_name(f"{stem}_all.csv").is_file():
                return True
            stem = stem.removesuffix("_all")
            folders = (path.with_name(stem), path.with_name(stem.rsplit(" ", 1)[0]))
            return any(folder.is_dir() and any(folder.glob("*.md")) for folder in folders)
        return False
    if _MEDIA.search(name):
        folder = path.parent
        for _ in range(4):
            if page_id(folder.name) or (folder / ".obsidian").is_dir() or _holds_pages(folder):
                return True
            if folder.parent == folder:
                break
            folder = folder.parent
    return False


def _holds_pages(folder: Path) -> bool:
    """Whether Notion pages lie in a folder, which may have lost its own id."""
    return any(page_id(page.name) for page in islice(folder.glob("*.md"), 200))


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
    """Fields of the property block under a title, and the index of the first body line.

    columns: the columns of the sibling CSV, which are property names too. The block is one only if its first line
    fits and a name is known; a line without a name continues the value above.
    """
    index = 1
    while index < len(lines) and not lines[index].strip():
        index += 1
    end = index
    while end < len(lines) and lines[end].strip():
        end += 1
    pairs: list[list] = []
    for line in lines[index:end]:
        match = _PROPERTY.match(line)
        name = match[1].strip() if match else ""
        if match and (field_of(name) or name in columns or (not columns and _is_name(name))):
            pairs.append([name, (match[2] or "").strip()])
        elif pairs:
            pairs[-1][1] += f"\n{line}"
        else:
            return {}, index
    if not any(field_of(name) or name in columns for name, _ in pairs):
        return {}, index
    fields: Fields = {}
    for name, value in pairs:
        if key := field_of(name) or (("extra", 1) if card_fields.is_extra(name) else None):
            fields.setdefault(key, []).append((name, _plain_value(value)))
    return fields, end


def _is_name(name: str) -> bool:
    return len(name) <= 24 and not re.search(r"[，。？！,.?!;；“”\"]|https?", name)


def _plain_value(value: str) -> str:
    """A relation's title without the path behind it; a mention without its @."""
    return _RELATION.sub("", value) if "](" not in value and ".md)" in value or ".csv)" in value else value


def read(blob: Blob, siblings: Siblings | None = None) -> Iterator[RawRecord | Rejected]:
    if siblings is None:
        siblings = _siblings_beside(blob.path) if blob.path is not None else Siblings()
    text, _ = text_of(blob)
    record = parse_page(text, blob, siblings)
    if record is not None:
        yield record


def parse_page(text: str, blob: Blob, siblings: Siblings) -> RawRecord | None:
    """One page; None for a page that is only a list of links, such as the one a database stands on. A property that
    the page does not have is taken from its row of the table."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff\n").split("\n")
    title = lines[0].removeprefix("# ").strip()
    fields, start = properties(lines, siblings.columns)
    body_lines = lines[start:]
    if not fields:
        first = next((index for index, line in enumerate(body_lines) if line.strip()), 0)
        if body_lines and labels_in(body_lines[first]):
            head = read_head(body_lines, first)
            if len(head.names) >= 2:
                fields = head.fields
                body_lines = ([head.inline] if head.inline else []) + body_lines[head.body :]
    elif not any(key[0] == "cards" for key in fields):
        # The cards lie below a heading of their own: `## 抽牌`.
        first = next((index for index, line in enumerate(body_lines) if line.strip()), 0)
        head = read_head(body_lines, first) if body_lines and labels_in(body_lines[first]) else Head()
        if "cards" in head.names:
            fields = {**head.fields, **fields}
            body_lines = ([head.inline] if head.inline else []) + body_lines[head.body :]
    solid = [line for line in body_lines if line.strip()]
    if not fields and solid and all(_INDEX_LINE.match(line) for line in solid):
        return None
    told = {name for name, _ in fields}
    for label, value in siblings.rows.get(title, {}).items():
        if value and (key := field_of(label)) and key[0] not in {*told, "content"}:
            fields.setdefault(key, []).append((label, _plain_value(value)))
    identity = page_id(blob.name)
    title = re.sub(r"\s*[(（]?\d*[)）]?$", "", title) if not is_title(title) else title
    return to_record(
        fields,
        source_of(blob, f"page {identity}" if identity else "page", FORM),
        content="\n".join(body_lines).strip("\n"),
        title=title,
        date_hint=unquote(blob.hint),
        record_id=identity,
    )


def _siblings_beside(path: Path) -> Siblings:
    """The CSV of the database a page lies in, looked up beside its folder."""
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
