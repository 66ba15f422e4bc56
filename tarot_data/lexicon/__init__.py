"""The knowledge a tarot reader edits: one CSV a kind, read once, checked as it is read.

Every table may be replaced by one of the same name in a folder of the reader's own (`load(folder)`).
"""

import csv
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path

from schemas.problems import Problem


@dataclass(frozen=True)
class Row:
    """One row of a table, with where it stands, so that an error can name it."""

    table: str
    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    @property
    def place(self) -> str:
        return f"{self.table}.csv line {self.line}"


@cache
def read_table(name: str, folder: Path | None = None) -> tuple[Row, ...]:
    """The rows of `<name>.csv`, from the reader's folder where it has one, else from the package.

    Raises Problem `lexicon_row` where a row has another number of cells than the header.
    """
    own = folder / f"{name}.csv" if folder else None
    path = own if own and own.exists() else files("tarot_data.lexicon") / f"{name}.csv"
    rows = []
    reader = csv.reader(path.read_text(encoding="utf-8-sig").splitlines())
    header = next(reader)
    for cells in reader:
        if not cells or cells[0].startswith("#"):
            continue
        if len(cells) != len(header):
            raise Problem(
                "lexicon_row", table=f"{name}.csv", line=reader.line_num, cells=len(cells), columns=len(header)
            )
        rows.append(Row(name, reader.line_num, dict(zip(header, (cell.strip() for cell in cells), strict=True))))
    return tuple(rows)


@cache
def version(folder: Path | None = None) -> str:
    """16 hex digits over the bytes of all tables: two lexicons with one version label alike."""
    digest = blake2b(digest_size=8)
    tables = {path.name: path for path in files("tarot_data.lexicon").iterdir() if path.name.endswith(".csv")}
    tables |= {path.name: path for path in sorted(folder.glob("*.csv"))} if folder else {}
    for name in sorted(tables):
        digest.update(name.encode() + tables[name].read_bytes())
    return digest.hexdigest()
