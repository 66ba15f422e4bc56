"""Files of JSON lines next to the store that are appended to: one record a line, each with a `reading_id`.

A process that is killed while writing leaves a part of a line; it is skipped, and the next record begins a new line.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tarot_data.system.atomic import write_text


def add(path: Path, records: Iterable[dict]) -> None:
    """Append records. The caller has entered `tables.writing`."""
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, 2)
            if file.read(1) != b"\n":
                file.write(b"\n")
        file.write(lines.encode())


def read(path: Path) -> Iterator[dict]:
    """Yield the records, oldest first; none if there is no file."""
    for line in _lines(path):
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and "reading_id" in record:
            yield record


def forget(path: Path, reading_ids: Iterable[str]) -> int:
    """Remove the records of some readings; return how many. The caller has entered `tables.writing`."""
    gone, lines = set(reading_ids), _lines(path)
    kept = [line for line in lines if not any(reading_id in line for reading_id in gone)]
    if path.exists():
        write_text(path, "".join(kept))
    return len(lines) - len(kept)


def _lines(path: Path) -> list[str]:
    # A part of a line may end within a character.
    return path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True) if path.exists() else []
