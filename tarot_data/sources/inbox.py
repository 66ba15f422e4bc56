"""Files of an inbox, with the name and the hash they are stored under."""

import hashlib
import os
import stat
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from schemas.errors import Problem
from tarot_data.sources.companions import is_companion
from tarot_data.sources.noise import NOISE_PARTS, is_noise
from tarot_data.sources.records import masked_name

MAX_FILES = 200_000


@dataclass(frozen=True, kw_only=True)
class InboxFile:
    """A file to read. root: the inbox it was found under. name: its path below the inbox with `/`, contact details
    masked. sha256: of its bytes, followed by those of a database's write-ahead log. size: in bytes. data: its bytes if they
    were piped in, so that they need not be written anywhere."""

    path: Path
    root: Path
    name: str
    sha256: str
    size: int
    data: bytes | None = None


@dataclass(frozen=True)
class Piped:
    """What a person piped in, as a file named PIPED."""

    data: bytes


PIPED = "-"
"""Name under which all that is piped in is stored: a second pipe replaces the first, as a new export under an old name."""


def discover(paths: list[Path | Piped]) -> list[InboxFile]:
    """List the files to read under the paths, sorted by name, each once, without noise and links.

    Raises Problem `no_such_path` if a path does not exist.
    """
    files = [
        InboxFile(path=path, root=root, name=stored_name(path, root), sha256=digest_of(path), size=_size(path))
        for path, root in _places(paths)
    ]
    for given in paths:
        if isinstance(given, Piped):
            digest = hashlib.sha256(given.data).hexdigest()
            about = {"name": PIPED, "sha256": digest, "size": len(given.data), "data": given.data}
            files.append(InboxFile(path=Path(PIPED), root=Path(PIPED), **about))
    return sorted(files, key=lambda file: file.name)


def names(paths: list[Path | Piped]) -> list[str]:
    """List the names that `discover` would return, without reading a file."""
    piped = [PIPED for given in paths if isinstance(given, Piped)]
    return [stored_name(path, root) for path, root in _places(paths)] + piped


def changed_after(paths: list[Path | Piped], when: float) -> bool:
    """Check whether a file was written, moved or renamed after a time (seconds since 1970), or something is piped in."""
    if any(isinstance(given, Piped) for given in paths):
        return True
    try:
        return any(path.stat().st_ctime > when for path, _ in _places(paths))
    except FileNotFoundError:
        return True


def not_opened(paths: list[Path]) -> list[str]:
    """List the names under the folders that `discover` leaves out because they are links, pipes, sockets or devices.

    A pipe would block for ever; a link may lead out of the inbox. Raises Problem `not_a_file` if a given path is one.
    """
    for given in map(Path, paths):
        if given.exists() and not (given.is_dir() or given.is_file()):
            raise Problem("not_a_file", path=given)
    return [
        stored_name(path, Path(given))
        for given in paths
        if Path(given).is_dir()
        for path, mode in _entries(Path(given))
        if not stat.S_ISREG(mode) and not is_noise(path.name)
    ]


def _places(paths: list[Path | Piped]) -> list[tuple[Path, Path]]:
    """List the files to read with the inbox of each."""
    found: dict[Path, tuple[Path, Path]] = {}
    for given in paths:
        if isinstance(given, Piped):
            continue
        given = Path(given)
        if not given.exists():
            raise Problem("no_such_path", path=str(given))
        if given.is_dir():
            for path in _walk(given):
                found.setdefault(path.absolute(), (path, given))
        elif given.is_file():
            found.setdefault(given.absolute(), (given, given.parent))
    return [(path, root) for path, root in found.values() if not is_companion(path)]


def _walk(folder: Path) -> Iterator[Path]:
    """List the regular files under a folder without following links."""
    count = 0
    for path, mode in _entries(folder):
        if stat.S_ISREG(mode) and not is_noise(path.name):
            count += 1
            if count > MAX_FILES:
                raise Problem("too_many_files", path=folder, limit=MAX_FILES)
            yield path


def _entries(folder: Path) -> Iterator[tuple[Path, int]]:
    """List everything but folders under a folder, sorted, with its mode."""
    for place, folders, names in os.walk(folder, followlinks=False):
        links = [name for name in folders if (Path(place) / name).is_symlink()]
        folders[:] = sorted(name for name in folders if name not in NOISE_PARTS)
        for name in sorted([*names, *links]):
            path = Path(place) / name
            try:
                yield path, path.lstat().st_mode
            except OSError:
                continue


def stored_name(path: Path, root: Path) -> str:
    return masked_name(unicodedata.normalize("NFC", path.relative_to(root).as_posix()))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def digest_of(path: Path) -> str:
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
    """Find the file of an inbox by its stored name; None if it is gone.

    A name with contact details is stored masked, so the names of all files are compared.
    """
    root = Path(root)
    if (root / name).is_file() and stored_name(root / name, root) == name:
        return root / name
    return next((path for path in _walk(root) if stored_name(path, root) == name), None) if root.is_dir() else None
