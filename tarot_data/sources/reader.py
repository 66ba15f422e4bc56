"""Raw files in, raw records out: one file a form, told by content and not by name, one way in: `read`.

A new form is one module with `recognises(sample)` and `read(blob)`, and its place in FORMS.
"""

import fnmatch
import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from types import ModuleType

from schemas.errors import Problem
from tarot_data.sources.records import (
    Blob,
    Corrected,
    RawDraw,
    RawRecord,
    Rejected,
    Source,
    SourceError,
    masked_name,
    source_of,
    unreadable,
)
from tarot_data.sources.sniff import Sample, sample_of

__all__ = [
    "Corrected",
    "InboxFile",
    "RawDraw",
    "RawRecord",
    "Rejected",
    "Source",
    "discover",
    "find_file",
    "masked_name",
    "read",
    "read_again",
]

FORMS = (
    "tables.sqlite",
    "notes.docx",
    "tables.xlsx",
    "notion.archive",
    "zip_folder",
    "chats.wechat_json",
    "finetune",
    "json_records",
    "chats.wechat_html",
    "notion.html",
    "tables.html",
    "notion.markdown",
    "chats.wechat_text",
    "tables.delimited",
    "notes.plain",
)
"""Modules of this package in the order in which they are asked; the first that recognises a file reads it."""

MAX_FILE = 4 * 1024 * 1024 * 1024
MAX_FILES = 200_000

_NOISE_PARTS = {
    "__MACOSX",
    ".git",
    ".obsidian",
    ".trash",
    ".Trash",
    ".Spotlight-V100",
    ".fseventsd",
    "@eaDir",
    "$RECYCLE.BIN",
}
_NOISE_NAMES = (
    ".DS_Store",
    "._*",
    "Thumbs.db",
    "desktop.ini",
    "~$*",
    ".~lock*#",
    "*.icloud",
    ".gitignore",
    ".gitkeep",
    "*.crdownload",
    "*.part",
    "*.tmp",
)
_DATABASE_PARTS = ("-wal", "-shm", "-journal")
_SIGNATURES = (
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "an old Office file (.doc, .xls) or an encrypted one; save it as .docx or .xlsx without a password",
    ),
    (b"%PDF", "a PDF; export the text as .docx or .md"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it"),
    (b"Rar!", "a RAR archive; unpack it"),
    (b"\x1f\x8b", "a gzip file; unpack it"),
    (b"BZh", "a bzip2 file; unpack it"),
    (b"\xfd7zXZ", "an xz file; unpack it"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"BM", "a picture"),
    (b"RIFF", "a picture or sound"),
    (b"ID3", "a sound file"),
    (b"\xff\xfb", "a sound file"),
    (b"#!AMR", "a voice message"),
    (b"\x02#!SILK", "a voice message"),
    (b"OggS", "a sound file"),
    (b"MZ", "a program"),
    (b"\x7fELF", "a program"),
    (b"{\\rtf", "an RTF file; save it as .docx or .txt"),
)


@dataclass(frozen=True, kw_only=True)
class InboxFile:
    """A file to read. path: where it lies; root: the inbox it was found under; name: its path below the inbox with
    `/`, contact details masked; sha256: of its bytes, and of the write-ahead log beside a database; size: in bytes."""

    path: Path
    root: Path
    name: str
    sha256: str
    size: int


def discover(paths: list[Path]) -> list[InboxFile]:
    """Every file worth reading under the paths, sorted by name, each once. Noise and links are passed over.

    Raises Problem `no_such_path` where a path given does not exist.
    """
    files = [
        InboxFile(path=path, root=root, name=_name(path, root), sha256=_digest(path), size=_size(path))
        for path, root in _places(paths)
    ]
    return sorted(files, key=lambda file: file.name)


def names(paths: list[Path]) -> list[str]:
    """The names `discover` would find, without a byte being read."""
    return [_name(path, root) for path, root in _places(paths)]


def _places(paths: list[Path]) -> list[tuple[Path, Path]]:
    """Every file worth reading with the inbox it lies in."""
    found: dict[Path, tuple[Path, Path]] = {}
    for given in paths:
        given = Path(given)
        if not given.exists():
            raise Problem("no_such_path", path=str(given))
        if given.is_dir():
            for path in _walk(given):
                found.setdefault(path.absolute(), (path, given))
        elif given.is_file():
            found.setdefault(given.absolute(), (given, given.parent))
    return [(path, root) for path, root in found.values() if not _belongs_to_another(path)]


def is_noise(name: str) -> bool:
    """Whether a path below the inbox is nobody's reading: system files, lock files, cloud placeholders."""
    parts = name.replace("\\", "/").split("/")
    return any(part in _NOISE_PARTS for part in parts[:-1]) or any(
        fnmatch.fnmatchcase(parts[-1], pattern) for pattern in _NOISE_NAMES
    )


def _walk(folder: Path) -> Iterator[Path]:
    """Regular files under a folder, links not followed, devices and pipes left alone."""
    count = 0
    for place, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in _NOISE_PARTS)
        for name in sorted(names):
            path = Path(place) / name
            try:
                mode = path.lstat().st_mode
            except OSError:
                continue
            if stat.S_ISREG(mode) and not is_noise(name):
                count += 1
                if count > MAX_FILES:
                    raise Problem("too_many_files", path=folder, limit=MAX_FILES)
                yield path


def _belongs_to_another(path: Path) -> bool:
    """Files that are read with their neighbour: a database's log, a Notion database's CSV beside its pages,
    attachments inside a Notion export, a chat's name list."""
    name = path.name
    for part in _DATABASE_PARTS:
        if name.endswith(part) and path.with_name(name.removesuffix(part)).is_file():
            return True
    from tarot_data.sources.chats import wechat_text
    from tarot_data.sources.notion import markdown

    return markdown.belongs_to_pages(path) or wechat_text.belongs_to_chat(path)


def _name(path: Path, root: Path) -> str:
    return masked_name(unicodedata.normalize("NFC", path.relative_to(root).as_posix()))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _digest(path: Path) -> str:
    try:
        state = path.stat()
        log = path.with_name(path.name + "-wal")
        logged = log.stat() if log.is_file() and not log.is_symlink() else None
    except OSError:
        return hashlib.sha256(b"").hexdigest()
    return _hashed(path, state.st_mtime_ns, state.st_size, logged and (logged.st_mtime_ns, logged.st_size))


@lru_cache(maxsize=1024)
def _hashed(path: Path, modified: int, size: int, logged: tuple[int, int] | None) -> str:
    digest = hashlib.sha256()
    for part in (path, path.with_name(path.name + "-wal")) if logged else (path,):
        try:
            with part.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        except OSError:
            break
    return digest.hexdigest()


def read(path: Path, root: Path) -> Iterator[RawRecord | Rejected]:
    """The records of a file, and a Rejected for each that gives none, or one for the whole file. Raises nothing."""
    path, root = Path(path), Path(root)
    try:
        name = _name(path, root)
    except ValueError:
        name = masked_name(path.name)
    blob = Blob(file=name, member=None, name=path.name, sha256=hashlib.sha256(b"").hexdigest(), path=path)
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise unreadable("a link, a device or a pipe, not a file")
        if path.stat().st_size > MAX_FILE:
            raise unreadable(f"{path.stat().st_size} bytes; the limit is {MAX_FILE}")
        with path.open("rb"):
            pass
    except SourceError as error:
        yield rejected(blob, error)
        return
    except OSError as error:
        yield rejected(blob, unreadable(f"cannot be opened ({type(error).__name__})"))
        return
    yield from read_blob(replace(blob, sha256=_digest(path)))


def read_blob(blob: Blob) -> Iterator[RawRecord | Rejected]:
    """The records of a file or of an archive's entry; see `read`."""
    try:
        sample = sample_of(blob)
        form = form_of(sample)
        yield from form.read(blob)
    except SourceError as error:
        yield rejected(blob, error)
    except Exception as error:  # noqa: BLE001
        # The border to hostile bytes: whatever a parser trips over costs this file and no other. The message is left
        # out, for it may quote the file.
        yield rejected(blob, unreadable(f"this file could not be read ({type(error).__name__})"))


def form_of(sample: Sample) -> ModuleType:
    """The module that reads a file. Raises SourceError where none recognises it."""
    head = sample.head
    if not head:
        raise unreadable("an empty file (0 bytes)")
    if not head.startswith((b"PK", b"SQLite format 3\0")):
        for signature, meaning in _SIGNATURES:
            if head.startswith(signature) and not (len(signature) < 4 and _is_text(sample)):
                raise unreadable(meaning)
        if head[4:8] == b"ftyp":
            raise unreadable("a picture, film or sound file")
    for name in FORMS:
        module = import_module(f"tarot_data.sources.{name}")
        if module.recognises(sample):
            return module
    if sample.text is None:
        raise unreadable("binary data of no known form")
    raise unreadable("no form fits: no labels, no table, no chat, no pages")


def _is_text(sample: Sample) -> bool:
    return sample.text is not None


def rejected(blob: Blob, error: SourceError, locator: str = "file") -> Rejected:
    form = "unknown"
    return Rejected(source=source_of(blob, locator, form), stage="read", reason=error.reason, detail=error.detail)


def find_file(root: Path, name: str) -> Path | None:
    """The file under an inbox whose stored name is this one, None where it is not there any more.

    A name with contact details is stored masked, so there the names of all files are compared.
    """
    root = Path(root)
    if (root / name).is_file() and _name(root / name, root) == name:
        return root / name
    return next((path for path in _walk(root) if _name(path, root) == name), None) if root.is_dir() else None


def read_again(path: Path, member: str | None, locator: str, form: str) -> RawRecord | Rejected:
    """The record that stands at a place of a file, read anew from its bytes; unmasked, as it lies there.

    Raises Problem `no_such_path` where the file is gone, and `no_such_record` where nothing stands at that place
    any more.
    """
    path = Path(path)
    if not path.is_file():
        raise Problem("no_such_path", path=str(path))
    for record in read(path, path.parent):
        if record.source.member == member and record.source.locator == locator:
            return record
    raise Problem("no_such_record", path=path.name, place=f"{member or ''} {locator}".strip())
