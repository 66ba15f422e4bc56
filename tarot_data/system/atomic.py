"""Atomic writes: a file or folder appears whole under its name, or not at all."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LEFTOVER = re.compile(r"\..*\.(\d+)(?:-(\d+))?\.half", re.DOTALL)
"""Name of a temporary file or folder: number and start of the process that makes it; 0.1.0 had no start."""


@contextmanager
def replacing(path: Path, mode: int | None = None, sync: bool = False) -> Iterator[Path]:
    """Yield an empty file next to `path` that replaces it when the block ends; if the block raises, `path` stays.

    mode: permissions of the file, set before anything is written. sync: wait until the bytes are on the disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{own_suffix()}")
    try:
        half.unlink(missing_ok=True)
        half.touch(mode=0o666 if mode is None else mode)
        yield half
        if sync:
            with half.open("rb+") as file:
                os.fsync(file.fileno())
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)


def own_suffix() -> str:
    """Return how the names of this process's temporary files and folders end."""
    return f"{os.getpid()}-{_start(os.getpid())}.half"


def is_leftover(name: str) -> bool:
    """Check whether a file or folder has the name of one that is not complete."""
    return name.startswith(".") and name.endswith(".half")


def remove_leftovers(folder: Path, skip: frozenset[str] = frozenset()) -> None:
    """Remove the temporary files and folders below a folder that killed commands left. They may hold anybody's words.

    skip: names of folders that are not searched.
    """
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in skip]
        for name in (*names, *folders):
            remove_if_left(Path(place) / name)


def remove_if_left(left: Path) -> None:
    """Remove a temporary file or folder whose process is gone, if it can be removed."""
    if is_leftover(left.name) and not _is_being_made(left.name):
        remove(left)


def remove(left: Path) -> None:
    """Remove a file, or a folder with its content; leave what cannot be removed."""
    if left.is_dir() and not left.is_symlink():
        shutil.rmtree(left, ignore_errors=True)
    else:
        with suppress(OSError):  # a disk that cannot be written
            left.unlink()


def _is_being_made(name: str) -> bool:
    """Check whether the process that makes a temporary file runs; True if the name does not say which one it is."""
    found = _LEFTOVER.fullmatch(name)
    if not found:
        return True
    number, start = int(found[1]), found[2]
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    # In a container the commands of every start have the same few numbers.
    return start is None or int(start) == _start(number)


def _start(process: int) -> int:
    """Return when a process started, in clock ticks since the system did; 0 if the system does not say."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return int(fields[19])
    except (OSError, IndexError):
        return 0


def write_text(path: Path, text: str, mode: int | None = None, sync: bool = False) -> None:
    """Replace a file by one with this text, as UTF-8. See `replacing`."""
    with replacing(path, mode, sync) as half:
        half.write_text(text, encoding="utf-8")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder next to `path` that gets its name when the block ends; if the block raises, it is removed.

    A killed process leaves the folder behind; the next call for the same path removes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    before = f".{path.name}."
    for left in path.parent.iterdir():
        if left.name.startswith(before):
            remove_if_left(left)
    shutil.rmtree(path.with_name(f"{before}half"), ignore_errors=True)  # of 0.1.0
    half = path.with_name(before + own_suffix())
    try:
        half.mkdir(parents=True)
        yield half
        half.rename(path)
    finally:
        shutil.rmtree(half, ignore_errors=True)
