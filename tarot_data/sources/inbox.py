"""Find the files of an inbox, with the name and hash each is known by."""

import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from schemas.errors import Problem
from tarot_data.sources.noise import NOISE_PARTS, is_noise
from tarot_data.sources.records import masked_name

MAX_FILES = 200_000
_DATABASE_PARTS = ("-wal", "-shm", "-journal")


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


def _walk(folder: Path) -> Iterator[Path]:
    """Regular files under a folder, links not followed, devices and pipes left alone."""
    count = 0
    for place, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if name not in NOISE_PARTS)
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


def find_file(root: Path, name: str) -> Path | None:
    """The file under an inbox whose stored name is this one, None where it is not there any more.

    A name with contact details is stored masked, so there the names of all files are compared.
    """
    root = Path(root)
    if (root / name).is_file() and _name(root / name, root) == name:
        return root / name
    return next((path for path in _walk(root) if _name(path, root) == name), None) if root.is_dir() else None
