"""Tables of the knowledge that a tarot reader may edit: one CSV a kind, checked when read, shipped with the package.

A reader's own folder (`use(folder)`) may have tables of the same names. Their rows precede the shipped ones; a row with
the same key (`KEYS`) replaces a shipped row. Code caches what it computes from rows with `cached`, so that it is
computed again when other rows become active.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, lru_cache, wraps
from hashlib import blake2b
from importlib.resources import files
from inspect import CO_VARARGS
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
    "chats": ("pattern", "kind", "program"),
    "settings": ("setting",),
}
"""Columns in which an own row equals the shipped row it replaces; rows of other tables are only ever added."""


@dataclass(frozen=True)
class Row:
    """One row of a table, with its place for error messages. folder: None if it is shipped."""

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
    """The active rows. own: a table's rows that are not shipped. folder: the reader's own, with these and the model.

    made: by function, its cache, or its value if it has no arguments (see `cached`).
    """

    own: dict[str, tuple[Row, ...]] = field(default_factory=dict)
    folder: Path | None = None
    made: dict[Callable, object] = field(default_factory=dict)

    def rows(self, table: str) -> tuple[Row, ...]:
        own = tuple(row for row in self.own.get(table, ()) if row[main_column(table)])
        if not own:
            return shipped_rows(table)
        key = KEYS.get(table)
        taken = {tuple(row[column] for column in key) for row in own} if key else set()
        return (*own, *(r for r in shipped_rows(table) if not key or tuple(r[column] for column in key) not in taken))

    def plus(self, table: str, values: dict[str, str]) -> "Lexicon":
        """Add an own row in memory, to try it before it is written.

        Raises Problem `lexicon_column` if the table has no such column.
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
    """Return the active lexicon: of this block (`using`), else of the process (`use`), else the shipped one."""
    return _here.get() or _in_force


def use(folder: Path | None) -> Lexicon:
    """Activate the current tables of the reader's folder for the whole process; None: the shipped ones only."""
    global _in_force
    _in_force = load(folder)
    return _in_force


def change(table: str, values: dict[str, str]) -> None:
    """Activate an own row for the whole process without writing it."""
    global _in_force
    _in_force = _in_force.plus(table, values)


def setting(name: str) -> str:
    """Return the value of a setting: the reader's own, else the shipped one."""
    return next(row["value"] for row in read_table("settings") if row["setting"] == name)


@contextmanager
def using(lexicon: Lexicon) -> Iterator[Lexicon]:
    """Activate a lexicon for a block, in this thread only."""
    token = _here.set(lexicon)
    try:
        yield lexicon
    finally:
        _here.reset(token)


def read_table(name: str) -> tuple[Row, ...]:
    """Return the active rows of a table, the reader's own first."""
    return active().rows(name)


def cached(function: Function | None = None, *, maxsize: int | None = None) -> Function:
    """Like `functools.lru_cache`, scoped to the active lexicon."""
    if function is None:
        return lambda inner: cached(inner, maxsize=maxsize)
    code = function.__code__
    if not (code.co_argcount or code.co_kwonlyargcount or code.co_flags & CO_VARARGS):
        return _cached_value(function)

    @wraps(function)
    def call(*arguments: object) -> object:
        # `active()` is inlined: this is called a hundred times a reading.
        made = (_here.get() or _in_force).made
        call_cached = made.get(function)
        if call_cached is None:
            call_cached = made.setdefault(function, lru_cache(maxsize)(function))
        return call_cached(*arguments)

    return call


def _cached_value(function: Function) -> Function:
    """Like `cached`, for a function without arguments: its value is found twice as fast as a call in a cache."""

    @wraps(function)
    def value() -> object:
        made = (_here.get() or _in_force).made
        try:
            return made[function]
        except KeyError:
            return made.setdefault(function, function())

    return value


@cached
def words(table: str, kind: str) -> tuple[str, ...]:
    """Return the words, as written, of one kind of a table whose rows have a `kind` and several `words` joined by |."""
    rows = [row for row in read_table(table) if row["kind"] == kind]
    return tuple(word for row in rows for word in row["words"].split("|") if word)


def load(folder: Path | None) -> Lexicon:
    """Load the shipped tables and the folder's own; the same object as long as no byte of them changes.

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
    """Read the rows of an own table with every column of the shipped one; missing columns are empty."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # The default of Excel and WPS for a CSV on a Chinese Windows.
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
    """Parse a CSV text into its header and (line, cells), without empty rows and comments."""
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
    """List the names of all tables a reader may add rows to."""
    return tuple(sorted(p.name.removesuffix(".csv") for p in _folder().iterdir() if p.name.endswith(".csv")))


@cache
def columns(table: str) -> tuple[str, ...]:
    header, _ = _cells(f"{table}.csv", _shipped_text(table))
    return tuple(header)


@cache
def main_column(table: str) -> str:
    """Return the column that an own row must fill, or else it is ignored: its words, or the first of its key."""
    names = columns(table)
    return next((name for name in ("words", "synonyms") if name in names), KEYS.get(table, names)[0])


@cache
def shipped_rows(table: str) -> tuple[Row, ...]:
    header, lines = _cells(f"{table}.csv", _shipped_text(table))
    return tuple(Row(table, line, dict(zip(header, cells, strict=True))) for line, cells in lines)


def _folder():
    return files("tarot_data.lexicon")


def _shipped_text(table: str) -> str:
    return (_folder() / f"{table}.csv").read_text(encoding="utf-8-sig")


def version() -> str:
    """Hash the active tables to 16 hex digits: two lexicons with the same version label alike."""
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
    """Append rows to the reader's own table, which is created if it is missing; return its path.

    The file is written atomically. Raises Problem `lexicon_column` if the table has no such column.
    """
    lexicon = load(folder)
    for row in rows:
        lexicon = lexicon.plus(table, row)
    path = folder / f"{table}.csv"
    header = columns(table)
    with replacing(path) as half, half.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows([row[column] for column in header] for row in lexicon.own.get(table, ()))
    return path
