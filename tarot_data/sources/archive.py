"""Zip archives, read in memory under limits: nothing is extracted to a path that the archive chooses.

An archive is rejected as a whole if one entry leaves its folder, is a link, has the name of another or unpacks to too
much.
"""

import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tarot_data.sources.noise import is_noise
from tarot_data.sources.records import Blob, SourceError, masked_name, unreadable, unsafe

MAX_ENTRIES = 50_000
MAX_ENTRY = 64 * 1024 * 1024
MAX_PART = 512 * 1024 * 1024
"""Bytes of an inner archive (`Export-…-Part-1.zip`), which is kept in memory."""
MAX_TOTAL = 2 * 1024 * 1024 * 1024
MAX_RATIO = 200
"""Unpacked to packed bytes of an entry above a mebibyte. Chinese text packs to a tenth, tables to a fortieth."""

BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)


def opened(blob: Blob) -> zipfile.ZipFile:
    """Open an archive and check every entry's name, kind and declared size. Raises SourceError."""
    try:
        archive = zipfile.ZipFile(blob.open())
    except (*BROKEN, MemoryError, OverflowError) as error:
        raise unreadable("damaged_zip", error=type(error).__name__) from error
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise unsafe("too_many_entries", entries=len(entries), limit=MAX_ENTRIES)
    seen, total = set(), 0
    for entry in entries:
        if not entry.filename:
            raise unreadable("nameless_entry")
        name = entry_name(entry)
        if _escapes(name) or _escapes(entry.filename):
            raise unsafe("path_outside")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise unsafe("symbolic_link")
        if entry.flag_bits & 1:
            raise unreadable("encrypted_entry")
        if entry.filename in seen and not entry.is_dir():
            raise unsafe("same_entry_name")
        seen.add(entry.filename)
        total += entry.file_size
        if entry.file_size > 2**20 and entry.file_size > MAX_RATIO * max(1, entry.compress_size):
            raise unsafe("entry_ratio", times=MAX_RATIO)
    if total > MAX_TOTAL:
        raise unsafe("unpacked_size", size=total, limit=MAX_TOTAL)
    return archive


def entry_name(entry: zipfile.ZipInfo) -> str:
    """Return an entry's name. Without the UTF-8 flag zipfile decodes it as cp437; decode its bytes again as UTF-8 or
    GB18030."""
    name = entry.filename
    if not entry.flag_bits & 0x800 and not name.isascii():
        try:
            data = name.encode("cp437")
        except UnicodeEncodeError:
            return name
        for encoding in ("utf-8", "gb18030"):
            try:
                return unicodedata.normalize("NFC", data.decode(encoding))
            except UnicodeDecodeError:
                continue
    return unicodedata.normalize("NFC", name)


def _escapes(name: str) -> bool:
    parts = re.split(r"[/\\]", name)
    return name.startswith(("/", "\\")) or ".." in parts or bool(re.match(r"^[A-Za-z]:", name)) or "\0" in name


def names(blob: Blob) -> tuple[str, ...]:
    """List the names of the entries that are files."""
    with opened(blob) as archive:
        return tuple(entry_name(entry) for entry in archive.infolist() if not entry.is_dir())


class Budget:
    """Bytes that may still be unpacked from one archive and all archives in it."""

    def __init__(self, total: int = MAX_TOTAL) -> None:
        self.left = total


def read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int, budget: Budget) -> bytes:
    """Read an entry and count its bytes, because declared sizes may be wrong. Raises SourceError."""
    parts, size = [], 0
    try:
        with archive.open(entry) as file:
            while part := file.read(1 << 20):
                size += len(part)
                budget.left -= len(part)
                if budget.left < 0 or size > MAX_RATIO * 10 * max(1024, entry.compress_size):
                    raise unsafe("unpacks_too_far")
                if size > limit:
                    raise unreadable("entry_too_large", limit=limit)
                parts.append(part)
    except BROKEN as error:
        if isinstance(error, SourceError):
            raise
        raise unreadable("damaged_entry", error=type(error).__name__) from error
    return b"".join(parts)


@dataclass(frozen=True)
class Unread:
    """An entry that could not be read. blob: without its bytes."""

    blob: Blob
    error: SourceError


def blobs(
    blob: Blob, archive: zipfile.ZipFile, budget: Budget, wanted: re.Pattern | None = None
) -> Iterator[Blob | Unread]:
    """Yield the entries, sorted by name, without noise files.

    wanted: names to read; the others are attachments and are not unpacked. Raises SourceError if an entry is unsafe.
    """
    prefix = f"{blob.member}/" if blob.member else ""
    for entry in sorted(archive.infolist(), key=entry_name):
        name = entry_name(entry)
        if entry.is_dir() or is_noise(name) or (wanted and not wanted.search(name)):
            continue
        last = name.rsplit("/", 1)[-1]
        entry_blob = Blob(file=blob.file, member=masked_name(prefix + name), name=last, sha256=blob.sha256)
        try:
            data = read_entry(archive, entry, MAX_ENTRY, budget)
        except SourceError as error:
            if error.reason == "unsafe":
                raise
            yield Unread(entry_blob, error)
            continue
        yield replace(entry_blob, data=data)
