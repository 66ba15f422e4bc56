"""Folders for temporary copies of raw files, which hold unmasked text.

They are in the data directory, so that `atomic.remove_leftovers` finds those of a killed command and a search for a
forgotten person covers them.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tarot_data.system.atomic import own_suffix, remove_if_left, remove_leftovers

_data_dir: Path | None = None
"""The data directory of this process."""

_PREFIX = ".scratch."


def use(data_dir: Path) -> None:
    """Make the folders in this data directory from now on; without one, or before it exists, the system's place is used."""
    global _data_dir
    _data_dir = data_dir


def sweep(data_dir: Path) -> None:
    """Remove what killed commands left in a data directory, and their copies in the system's place for temporary files."""
    remove_leftovers(data_dir, skip=frozenset({"inbox", "prefect"}))
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        remove_if_left(left)


@contextmanager
def folder() -> Iterator[Path]:
    """Yield an empty folder that is removed when the block ends."""
    parent = _data_dir if _data_dir and _data_dir.is_dir() else None
    with tempfile.TemporaryDirectory(prefix=_PREFIX, suffix=f".{own_suffix()}", dir=parent) as name:
        yield Path(name)
