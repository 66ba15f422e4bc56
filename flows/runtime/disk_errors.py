"""What a disk refuses, as a sentence: no room, no permission to write. Python, Polars and Delta each say it their own way."""

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from schemas.errors import Problem

ROOM_BYTES = 16 * 1024 * 1024
"""Free space below which Prefect is not started: its state alone is a few MB, and without room for it a flow waits two
minutes for a server that cannot start."""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LOCKED = {errno.EROFS, errno.EACCES, errno.EPERM}
_MUTE = {"polars", "deltalake", "_internal"}
"""Packages whose errors may not say what the system said: Parquet on a full disk is "transport error" (polars 2.1)."""

_OS_ERROR = re.compile(r"\(os error (\d+)\)")


def refused(error: BaseException, data_dir: Path) -> Problem | None:
    """The Problem behind an error: `disk_full`, `not_writable`, None where the disk has nothing to do with it."""
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (said := _OS_ERROR.search(str(error))):
        number = int(said.group(1))
    if number is None and type(error).__module__.partition(".")[0] in _MUTE:
        number = _tried(data_dir)
    if number in _FULL:
        return Problem("disk_full", path=data_dir)
    below = Path(str(getattr(error, "filename", None) or data_dir)).absolute().is_relative_to(data_dir.absolute())
    if number == errno.EROFS or (number in _LOCKED and below):
        return Problem("not_writable", path=data_dir, why=errno.errorcode[number])
    return None


def _tried(data_dir: Path) -> int | None:
    """The number of the error that a file of a MiB meets in the data directory, None where it can be written."""
    try:
        with NamedTemporaryFile(dir=data_dir) as file:
            file.write(bytes(1 << 20))
            file.flush()
    except OSError as error:
        return error.errno
    return None


@contextmanager
def explained(data_dir: Path) -> Iterator[None]:
    """Errors of the block that the disk refused something with are told as Problems."""
    try:
        yield
    except Problem:
        raise
    except Exception as error:
        if problem := refused(error, data_dir):
            raise problem from error
        raise


def room(data_dir: Path) -> None:
    """Raises Problem `disk_full` where less than ROOM_BYTES are free. The folder need not be there yet."""
    there = next(place for place in (data_dir.resolve(), *data_dir.resolve().parents) if place.exists())
    if shutil.disk_usage(there).free < ROOM_BYTES:
        raise Problem("disk_full", path=data_dir)
