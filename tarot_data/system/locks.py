"""Locks between processes, on files; the kernel frees the lock of a process that dies."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from schemas.errors import Problem

WAIT_SECONDS = 10.0
"""How long a command waits for another one on the same data directory before it stops with a message."""


@contextmanager
def exclusive(path: Path, busy: Problem, wait_seconds: float = 0.0) -> Iterator[None]:
    """Lock a file until the block ends. Raises `busy` if it stays locked by another process for wait_seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=wait_seconds)
    try:
        lock.acquire()
    except Timeout:
        raise busy from None
    try:
        yield
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Check whether the file is locked now, by another process or elsewhere in this one.

    On a disk that cannot be written nobody holds a lock.
    """
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        return False
    lock.release()
    return False
