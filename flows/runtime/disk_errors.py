"""Disk errors as Problems: disk full, no permission. Python, Polars and Delta raise different errors for them."""

import errno
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from schemas.errors import Problem

MIN_FREE_BYTES = 16 * 1024 * 1024
"""Minimum free space for starting Prefect.

Its state alone is a few MB, and without space a flow waits two minutes for a server that cannot start.
"""

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_LOCKED = {errno.EROFS, errno.EACCES, errno.EPERM}
_VAGUE_PACKAGES = {"polars", "deltalake", "_internal"}
"""Packages whose errors may not contain the system's error: Parquet on a full disk is "transport error" (polars 2.1).
"""

_OS_ERROR = re.compile(r"\(os error (\d+)\)|\[Errno (\d+)\]")
"""The number in errors of Rust, and in those of Python that report others, such as `shutil.Error`."""


def to_problem(error: BaseException, data_dir: Path, targets: Iterable[Path] = ()) -> Problem | None:
    """Return the Problem behind an error, `disk_full` or `not_writable`, or None if the disk is not the cause.

    targets: other files or folders that the command writes. Of several disks, the one with least space is the full one.
    """
    places = (*targets, data_dir)
    number = error.errno if isinstance(error, OSError) else None
    if number is None and (said := _OS_ERROR.search(str(error))):
        number = int(said.group(1) or said.group(2))
    if number is None and type(error).__module__.partition(".")[0] in _VAGUE_PACKAGES:
        number = _write_errno(data_dir)
    if number in _FULL:
        return Problem("disk_full", path=min(places, key=_free_bytes))
    if number not in _LOCKED:
        return None
    file = Path(str(getattr(error, "filename", None) or data_dir)).absolute()
    denied = next((place for place in places if file.is_relative_to(place.absolute())), None)
    if denied is None and number == errno.EROFS:
        denied = data_dir
    return denied and Problem("not_writable", path=denied, why=errno.errorcode[number])


def _write_errno(data_dir: Path) -> int | None:
    """Write a file of 1 MiB to the data directory; return the errno of the failure, or None if it succeeds."""
    try:
        with NamedTemporaryFile(dir=data_dir) as file:
            file.write(bytes(1 << 20))
            file.flush()
    except OSError as error:
        return error.errno
    return None


@contextmanager
def disk_problems(data_dir: Path, targets: Iterable[Path] = ()) -> Iterator[None]:
    """Convert disk errors of the block to Problems, see `to_problem`."""
    try:
        yield
    except Problem:
        raise
    except Exception as error:
        if problem := to_problem(error, data_dir, targets):
            raise problem from error
        raise


def require_space(data_dir: Path) -> None:
    """Raise Problem `disk_full` if less than MIN_FREE_BYTES are free. The folder need not exist yet."""
    if _free_bytes(data_dir) < MIN_FREE_BYTES:
        raise Problem("disk_full", path=data_dir)


def _free_bytes(place: Path) -> int:
    """Return the free bytes of the disk that has a path, which need not exist yet."""
    there = next(part for part in (place.resolve(), *place.resolve().parents) if part.exists())
    return shutil.disk_usage(there).free
