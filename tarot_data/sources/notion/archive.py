"""A Notion export as it is downloaded: a zip of pages and tables, or a zip of such zips (`…-Part-1.zip`)."""

import csv
import io
import re
import zipfile
from collections.abc import Iterator

from tarot_data.sources import archive
from tarot_data.sources.notion import markdown
from tarot_data.sources.records import Blob, RawRecord, Rejected, SourceError, masked_name
from tarot_data.sources.sniff import Sample

FORM = "notion"

MAX_TABLE, MAX_TABLES = 16 * 1024 * 1024, 64 * 1024 * 1024
"""Bytes of one table, and of all, that are looked through for the properties of their pages: some 50,000 rows each."""

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


def read(blob: Blob) -> Iterator[RawRecord | Rejected]:
    budget = archive.Budget()
    with archive.opened(blob) as outer:
        parts = [
            entry
            for entry in outer.infolist()
            if "/" not in archive.entry_name(entry) and _PART.search(archive.entry_name(entry))
        ]
        # Every part is opened and checked before the first page is read: one entry that escapes refuses the export.
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


def _read_export(parts: list[tuple[Blob, zipfile.ZipFile]], budget: archive.Budget) -> Iterator[RawRecord | Rejected]:
    """Pages and lone tables of an export, whose parts belong together: a table may lie in another part than its pages."""
    from tarot_data.sources.noise import is_noise
    from tarot_data.sources.reader import read_blob, rejected

    names = {
        archive.entry_name(entry)
        for _, opened in parts
        for entry in opened.infolist()
        if not entry.is_dir() and not is_noise(archive.entry_name(entry))
    }
    tables = _tables(parts)
    for blob, opened in parts:
        for entry in archive.blobs(blob, opened, budget, wanted=_PAGES):
            if isinstance(entry, SourceError):
                broken = Blob(file=blob.file, member=entry.member, name="", sha256=blob.sha256)
                yield rejected(broken, entry)
                continue
            inside = entry.member.removeprefix(f"{blob.member}/") if blob.member else entry.member
            if entry.name.lower().endswith(".csv"):
                if not _has_pages(inside, names):
                    yield from read_blob(entry)
            elif entry.name.lower().endswith(".md") and entry.data[:3].lstrip(b"\xef\xbb\xbf\n").startswith(b"#"):
                try:
                    yield from markdown.read(entry, tables.get(inside.rpartition("/")[0], markdown.Siblings()))
                except SourceError as error:
                    yield rejected(entry, error)
            elif entry.name.lower() != "index.html":
                yield from read_blob(entry)


def _has_pages(table: str, names: set[str]) -> bool:
    """Whether a table is passed over: its pages are in the export, or the same table with all columns is."""
    stem = table[:-4]
    if not stem.endswith("_all") and f"{stem}_all.csv" in names:
        return True
    stem = stem.removesuffix("_all")
    folders = (f"{stem}/", f"{markdown.ID.sub('', stem)}/")
    return any(name.startswith(folders) and name.lower().endswith((".md", ".html")) for name in names)


def _tables(parts: list[tuple[Blob, zipfile.ZipFile]]) -> dict[str, markdown.Siblings]:
    """Folder of pages to its table, the one with all columns and rows where there are two."""
    found: dict[str, markdown.Siblings] = {}
    entries = [
        (archive.entry_name(entry), opened, entry)
        for _, opened in parts
        for entry in opened.infolist()
        if archive.entry_name(entry).lower().endswith(".csv") and entry.file_size <= archive.MAX_ENTRY
    ]
    left = MAX_TABLES
    # The tables with all columns first, so that these are looked at before the bytes are used up.
    for name, opened, entry in sorted(entries, key=lambda each: not each[0].endswith("_all.csv")):
        try:
            with opened.open(entry) as file:
                data = file.read(min(MAX_TABLE, left))
            left -= len(data)
            text = data.decode("utf-8-sig", "replace")
            table = markdown.siblings_of(io.StringIO(text, newline=""))
        except (*archive._BROKEN, csv.Error):
            continue
        stem = name[:-4].removesuffix("_all")
        for folder in (stem, markdown.ID.sub("", stem)):
            found.setdefault(folder, table)
    return found
