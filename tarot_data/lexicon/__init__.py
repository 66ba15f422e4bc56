"""The knowledge a tarot reader edits: one CSV a kind, checked as it is read, shipped with the package.

A reader's own folder (`use(folder)`) may hold tables of the same names. Their rows stand beside the shipped ones and
before them; one that says the same thing of the same word (`KEYS`) stands in a shipped row's stead. Whatever code makes
of the rows it keeps with `cached`, so that it is made anew when other rows come into force.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, lru_cache, wraps
from hashlib import blake2b
from importlib.resources import files
from pathlib import Path
from typing import TypeVar

from schemas.errors import Problem
from tarot_data.system.atomic import replacing

Function = TypeVar("Function", bound=Callable)

KEYS = {
    "aliases": ("alias",),
    "cues": ("cue", "label"),
    "themes": ("word", "theme"),
    "times": ("pattern",),
    "style": ("word",),
    "speech": ("word",),
    "hedges": ("word", "kind"),
    "signs": ("word", "side"),
    "pointers": ("word", "kind"),
    "ranks": ("word", "value"),
    "ordinary": ("phrase",),
    "orientation": ("word",),
    "extras": ("word",),
    "label_words": ("word", "kind"),
    "prose_words": ("word", "kind"),
    "kinds": ("label", "kind"),
    "spreads": ("spread_id",),
    "chats": ("kind", "pattern"),
}
"""Columns in which an own row equals the shipped row it replaces; rows of other tables are only ever added."""


@dataclass(frozen=True)
class Row:
    """One row of a table, with where it stands, so that an error can name it. folder: None where it is shipped."""

    table: str
    line: int
    values: dict[str, str]
    folder: str | None = None

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    @property
    def file(self) -> str:
        return f"{self.folder}/{self.table}.csv" if self.folder else f"{self.table}.csv"

    @property
    def place(self) -> str:
        return f"{self.file} line {self.line}"


@dataclass(frozen=True, eq=False)
class Lexicon:
    """The rows in force. own: a table's rows that are not shipped. folder: where they and the reader's model lie.

    made: what code has made of the rows, by function (see `cached`).
    """

    own: dict[str, tuple[Row, ...]] = field(default_factory=dict)
    folder: Path | None = None
    made: dict[Callable, Callable] = field(default_factory=dict)

    def rows(self, table: str) -> tuple[Row, ...]:
        own = self.own.get(table, ())
        if not own:
            return shipped_rows(table)
        key = KEYS.get(table)
        taken = {tuple(row[column] for column in key) for row in own} if key else set()
        return (*own, *(r for r in shipped_rows(table) if not key or tuple(r[column] for column in key) not in taken))

    def plus(self, table: str, values: dict[str, str]) -> "Lexicon":
        """The same with one more own row, in memory: for trying a row before it is written.

        Raises Problem `lexicon_column` where the table has no such column.
        """
        header = columns(table)
        folder = str(self.folder) if self.folder else "lexicon"
        for column in values:
            if column not in header:
                raise Problem("lexicon_column", table=f"{table}.csv", column=column, columns=", ".join(header))
        own = self.own.get(table, ())
        line = max((row.line for row in own), default=1) + 1
        row = Row(table, line, {column: values.get(column, "").strip() for column in header}, folder)
        return Lexicon({**self.own, table: (*own, row)}, self.folder)


_SHIPPED = Lexicon()
_in_force = _SHIPPED
_here: ContextVar[Lexicon | None] = ContextVar("lexicon", default=None)


def active() -> Lexicon:
    """The lexicon in force: of this block (`using`), else of the process (`use`), else what is shipped."""
    return _here.get() or _in_force


def use(folder: Path | None) -> Lexicon:
    """Put the reader's folder in force for the whole process, in whatever state its tables are now; None: shipped."""
    global _in_force
    _in_force = load(folder)
    return _in_force


@contextmanager
def using(lexicon: Lexicon) -> Iterator[Lexicon]:
    """Put a lexicon in force for a block and for this thread only."""
    token = _here.set(lexicon)
    try:
        yield lexicon
    finally:
        _here.reset(token)


def read_table(name: str) -> tuple[Row, ...]:
    """The rows of a table in force, the reader's own first."""
    return active().rows(name)


def cached(function: Function | None = None, *, maxsize: int | None = None) -> Function:
    """`functools.lru_cache` for what is made of the rows: held by the lexicon in force, gone with it."""
    if function is None:
        return lambda inner: cached(inner, maxsize=maxsize)

    @wraps(function)
    def call(*arguments: object) -> object:
        # `active()`, written out: this is called a hundred times a reading.
        made = (_here.get() or _in_force).made
        held = made.get(function)
        if held is None:
            held = made.setdefault(function, lru_cache(maxsize)(function))
        return held(*arguments)

    return call


def load(folder: Path | None) -> Lexicon:
    """Shipped tables and the folder's own; one object as long as no byte of them changes.

    Raises Problem `lexicon_row` or `lexicon_column` naming file and line.
    """
    if folder is None or not folder.is_dir():
        return _SHIPPED if folder is None else _loaded(folder, ())
    names = set(tables())
    own = {path.stem: path.read_bytes() for path in sorted(folder.glob("*.csv")) if path.stem in names}
    return _loaded(folder, tuple(own.items()))


@lru_cache(maxsize=4)
def _loaded(folder: Path, own: tuple[tuple[str, bytes], ...]) -> Lexicon:
    return Lexicon({name: tuple(_own_rows(name, folder, data)) for name, data in own}, folder)


def _own_rows(name: str, folder: Path, data: bytes) -> Iterator[Row]:
    """Rows of an own table, with every column of the shipped one; those it leaves out are empty."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # As Excel and WPS save a CSV on a Chinese Windows unless told otherwise.
        text = data.decode("gb18030", errors="replace")
    shown = f"{folder}/{name}.csv"
    wanted = columns(name)
    header, lines = _cells(shown, text)
    for column in header:
        if column not in wanted:
            raise Problem("lexicon_column", table=shown, column=column, columns=", ".join(wanted))
    for line, cells in lines:
        values = dict(zip(header, cells, strict=True))
        yield Row(name, line, {column: values.get(column, "") for column in wanted}, str(folder))


def _cells(shown: str, text: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Header and (line, cells) of a CSV text, without empty rows and comments."""
    reader = csv.reader(text.splitlines())
    header = [cell.strip() for cell in next(reader, [])]
    lines = []
    for cells in reader:
        if not any(cells) or cells[0].startswith("#"):
            continue
        if len(cells) != len(header):
            raise Problem("lexicon_row", table=shown, line=reader.line_num, cells=len(cells), columns=len(header))
        lines.append((reader.line_num, [cell.strip() for cell in cells]))
    return header, lines


@cache
def tables() -> tuple[str, ...]:
    """The names of all tables a reader may add rows to."""
    return tuple(sorted(p.name.removesuffix(".csv") for p in _folder().iterdir() if p.name.endswith(".csv")))


@cache
def columns(table: str) -> tuple[str, ...]:
    header, _ = _cells(f"{table}.csv", _shipped_text(table))
    return tuple(header)


@cache
def shipped_rows(table: str) -> tuple[Row, ...]:
    header, lines = _cells(f"{table}.csv", _shipped_text(table))
    return tuple(Row(table, line, dict(zip(header, cells, strict=True))) for line, cells in lines)


def _folder():
    return files("tarot_data.lexicon")


def _shipped_text(table: str) -> str:
    return (_folder() / f"{table}.csv").read_text(encoding="utf-8-sig")


def version() -> str:
    """16 hex digits over the tables in force: two lexicons with one version label alike."""
    own = active().own
    if not any(own.values()):
        return _shipped_version()
    digest = blake2b(_shipped_version().encode(), digest_size=8)
    for name in sorted(own):
        for row in own[name]:
            digest.update("\0".join((name, *row.values.values())).encode() + b"\1")
    return digest.hexdigest()


@cache
def _shipped_version() -> str:
    digest = blake2b(digest_size=8)
    for name in tables():
        digest.update(f"{name}.csv".encode() + (_folder() / f"{name}.csv").read_bytes())
    return digest.hexdigest()


def add(folder: Path, table: str, rows: Sequence[dict[str, str]]) -> Path:
    """Append rows to the reader's own table, which is made where it is not there; returns its path.

    The file is written whole or not at all. Raises Problem `lexicon_column` where the table has no such column.
    """
    before = load(folder)
    held = before
    for row in rows:
        held = held.plus(table, row)
    path = folder / f"{table}.csv"
    header = columns(table)
    with replacing(path) as half, half.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([row[column] for column in header] for row in held.own.get(table, ()))
    return path
