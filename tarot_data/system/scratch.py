"""Folders for temporary copies of raw files, which hold unmasked text.

They are in the data directory, so that `atomic.remove_leftovers` finds those of a killed command and a search for a
forgotten person covers them.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_data_dir: Path | None = None
"""The data directory of this process."""


def use(data_dir: Path) -> None:
    """Make the folders in this data directory from now on; without one, or before it exists, the system's place is used."""
    global _data_dir
    _data_dir = data_dir


@contextmanager
def folder() -> Iterator[Path]:
    """Yield an empty folder that is removed when the block ends."""
    parent = _data_dir if _data_dir and _data_dir.is_dir() else None
    with tempfile.TemporaryDirectory(prefix=".scratch.", suffix=f".{os.getpid()}.half", dir=parent) as name:
        yield Path(name)
