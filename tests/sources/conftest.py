"""Fixtures that write files to a test inbox and read them."""

from pathlib import Path

import pytest

from tarot_data.sources import reader
from tarot_data.sources.inbox import discover


@pytest.fixture
def inbox(tmp_path):
    """Return a function that writes files (name to bytes or text) and returns the inbox."""

    def write(files: dict[str, bytes | str]) -> Path:
        root = tmp_path / "inbox"
        root.mkdir(exist_ok=True)
        for name, data in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data.encode() if isinstance(data, str) else data)
        return root

    return write


@pytest.fixture
def read(inbox):
    """Return a function that writes files and reads every one that is discovered."""

    def records(files: dict[str, bytes | str] | None = None, **named: bytes | str) -> list:
        root = inbox({**(files or {}), **named})
        return [record for file in discover([root]) for record in reader.read(file.path, file.root)]

    return records
