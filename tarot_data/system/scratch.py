"""Folders for temporary copies of raw files, which hold unmasked text.

They are in the data directory, so that `atomic.remove_leftovers` finds those of a killed command and a search for a
forgotten person covers them.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_parents: list[Path] = []
"""The data directory of this process, at most one."""


def use(data_dir: Path) -> None:
    """Make the folders in this data directory from now on; without one, or before it exists, the system's place is used."""
    _parents[:] = [data_dir]


@contextmanager
def folder() -> Iterator[Path]:
    """Yield an empty folder that is removed when the block ends."""
    parent = next((place for place in _parents if place.is_dir()), None)
    with tempfile.TemporaryDirectory(prefix=".scratch.", suffix=f".{os.getpid()}.half", dir=parent) as name:
        yield Path(name)
