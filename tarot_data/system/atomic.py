"""Atomic writes: a file or folder appears whole under its name, or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path, mode: int | None = None, sync: bool = False) -> Iterator[Path]:
    """Yield an empty file next to `path` that replaces it when the block ends; if the block raises, `path` stays.

    mode: permissions of the file, set before anything is written. sync: wait until the bytes are on the disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}.half")
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


def is_leftover(name: str) -> bool:
    """Check whether a file or folder has the name of one that is not complete."""
    return name.startswith(".") and name.endswith(".half")


def remove_leftovers(folder: Path, skip: frozenset[str] = frozenset()) -> None:
    """Remove the temporary files and folders below a folder that killed commands left. They may hold anybody's words.

    skip: names of folders that are not searched.
    """
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in skip]
        for name in filter(is_leftover, [*names, *folders]):
            number = name.split(".")[-2]
            if not number.isdigit() or _is_running(int(number)):
                continue
            left = Path(place) / name
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True


def write_text(path: Path, text: str, mode: int | None = None, sync: bool = False) -> None:
    """Replace a file by one with this text, as UTF-8. See `replacing`."""
    with replacing(path, mode, sync) as half:
        half.write_text(text, encoding="utf-8")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder next to `path` that gets its name when the block ends; if the block raises, it is removed.

    A killed process leaves the folder behind; the next call for the same path removes it.
    """
    half = path.with_name(f".{path.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    try:
        half.mkdir(parents=True)
        yield half
        half.rename(path)
    finally:
        shutil.rmtree(half, ignore_errors=True)
