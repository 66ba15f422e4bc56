"""One holder at a time, across processes, with or without a server; the kernel frees the lock of a process that dies."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from schemas.errors import Problem

WAIT_SECONDS = 10.0
"""How long a command waits for another one on the same data directory before it says so and stops."""


@contextmanager
def only_one(path: Path, busy: Problem, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock file until the block ends. Raises busy where another process holds it for longer than the wait."""
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


def held(path: Path) -> bool:
    """Whether another process, or another holder in this one, has the lock at this moment."""
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    lock.release()
    return False
