"""Readings from a Notion export as downloaded: a zip of pages and tables, or a zip of such zips (`…-Part-1.zip`)."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator

from tarot_data.sources import archive
from tarot_data.sources.encoding import HEAD
from tarot_data.sources.noise import is_noise
from tarot_data.sources.notes import card_page
from tarot_data.sources.notion import markdown
from tarot_data.sources.notion.names import ID
from tarot_data.sources.records import Blob, RawRecord, Rejected, SourceError, masked_name, not_a_reading, rejected
from tarot_data.sources.sniff import Sample

FORM = "notion"

MAX_TABLE, MAX_TABLES = 16 * 1024 * 1024, 64 * 1024 * 1024
"""Bytes read of one table, and of all, for the properties of their pages: some 50,000 rows each."""

_PART = re.compile(r"(?:-Part-\d+|^(?:ExportBlock|Export)-[0-9a-f][0-9a-f\-]{6,}[^/]*)\.zip$", re.IGNORECASE)
_PAGES = re.compile(r"\.(?:md|csv|html?)$", re.IGNORECASE)


def recognises(sample: Sample) -> bool:
    if not sample.head.startswith(b"PK"):
        return False
    for name in sample.entries:
        if "/" not in name and _PART.search(name):
            return True
        if re.search(r"[ _-][0-9a-f]{32}(?:_all)?(?:\.(?:md|csv|html)|/)", name):
            return True
    return False


def read(blob: Blob) -> Iterator[Blob | RawRecord | Rejected]:
    budget = archive.Budget()
    with archive.opened(blob) as outer:
        parts = [
            entry
            for entry in outer.infolist()
            if "/" not in archive.entry_name(entry) and _PART.search(archive.entry_name(entry))
        ]
        # All parts are checked before the first page is read: one unsafe entry rejects the whole export.
        inner = []
        for entry in sorted(parts, key=archive.entry_name):
            name = archive.entry_name(entry)
            data = archive.read_entry(outer, entry, archive.MAX_PART, budget)
            part = Blob(file=blob.file, member=masked_name(name), name=name, sha256=blob.sha256, data=data)
            inner.append((part, archive.opened(part)))
        try:
            yield from _read_export([(blob, outer), *inner], budget)
        finally:
            for _, opened in inner:
                opened.close()


def _read_export(
    parts: list[tuple[Blob, zipfile.ZipFile]], budget: archive.Budget
) -> Iterator[Blob | RawRecord | Rejected]:
    """Read the pages and the tables without pages of an export; a table may be in another part than its pages."""
    names = {
        archive.entry_name(entry)
        for _, opened in parts
        for entry in opened.infolist()
        if not entry.is_dir() and not is_noise(archive.entry_name(entry))
    }
    tables = _tables(parts)
    for blob, opened in parts:
        for entry in archive.blobs(blob, opened, budget, wanted=_PAGES):
            if isinstance(entry, archive.Unread):
                yield rejected(entry.blob, entry.error)
                continue
            inside = entry.member.removeprefix(f"{blob.member}/") if blob.member else entry.member
            yield from _read_entry(entry, inside, names, tables)


def _read_entry(
    entry: Blob, inside: str, names: set[str], tables: dict[str, markdown.Siblings]
) -> Iterator[Blob | RawRecord | Rejected]:
    """Read a page with its table; other files are read by their own form. inside: the path in its part."""
    name = entry.name.lower()
    if name.endswith(".md") and card_page.is_card_page(entry.name, entry.data[:HEAD].decode("utf-8-sig", "replace")):
        yield rejected(entry, not_a_reading("card_page"), FORM)
    elif name.endswith(".md") and entry.data[:3].lstrip(b"\xef\xbb\xbf\n").startswith(b"#"):
        try:
            yield from markdown.read(entry, tables.get(inside.rpartition("/")[0], markdown.Siblings()))
        except SourceError as error:
            yield rejected(entry, error)
    elif name != "index.html" and not (name.endswith(".csv") and _has_pages(inside, names)):
        yield entry


def _has_pages(table: str, names: set[str]) -> bool:
    """Check for the pages of a table in the export, or for the same table with all columns."""
    stem = table[:-4]
    if not stem.endswith("_all") and f"{stem}_all.csv" in names:
        return True
    stem = stem.removesuffix("_all")
    folders = (f"{stem}/", f"{ID.sub('', stem)}/")
    return any(name.startswith(folders) and name.lower().endswith((".md", ".html")) for name in names)


def _tables(parts: list[tuple[Blob, zipfile.ZipFile]]) -> dict[str, markdown.Siblings]:
    """Return folders of pages with their table, the one with all columns and rows if there are two."""
    found: dict[str, markdown.Siblings] = {}
    entries = [
        (archive.entry_name(entry), opened, entry)
        for _, opened in parts
        for entry in opened.infolist()
        if archive.entry_name(entry).lower().endswith(".csv") and entry.file_size <= archive.MAX_ENTRY
    ]
    left = MAX_TABLES
    # The tables with all columns come first, before the limit of bytes is reached.
    for name, opened, entry in sorted(entries, key=lambda each: not each[0].endswith("_all.csv")):
        try:
            with opened.open(entry) as file:
                data = file.read(min(MAX_TABLE, left))
            left -= len(data)
            text = data.decode("utf-8-sig", "replace")
            table = markdown.siblings_of(io.StringIO(text, newline=""))
        except (*archive.BROKEN, csv.Error):
            continue
        stem = name[:-4].removesuffix("_all")
        for folder in (stem, ID.sub("", stem)):
            found.setdefault(folder, table)
    return found
