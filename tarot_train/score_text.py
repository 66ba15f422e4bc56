"""A reading prepared for measuring, and the tables that are fitted on annotated readings."""

import re
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from tarot_train.score_lines import Line, fold
from tarot_train.tables import read_table


class Measured(NamedTuple):
    value: float
    lines: list[Line]


class Text(NamedTuple):
    """A reading prepared for measuring. clauses: (folded text, its sentence), without empty ones."""

    reading: dict
    lines: list[Line]
    clauses: list[tuple[str, Line]]
    length: int

    def density(self, count: int) -> float:
        """Return a count per 100 letters, of at least 250: one word in a short reading is no habit."""
        return 100 * count / max(250, self.length)


def prepare(reading: dict, lines: list[Line]) -> Text:
    clauses = [(fold(part), line) for line in lines for part in _BREAK.split(line.text)]
    return Text(reading, lines, [c for c in clauses if c[0]], max(1, len(fold(reading["content"]))))


_BREAK = re.compile(r"[，。！？；：、…,;!?:~～\s]+")


_given: dict[str, tuple[dict[str, str], ...]] = {}
_caches: list[Callable[[], None]] = []


def fitted(name: str) -> tuple[dict[str, str], ...]:
    """Return the rows of a table that is fitted on annotated readings."""
    return _given.get(name) or read_table(name)


def of_fitted(function: Callable) -> Callable:
    """Cache what a function makes of fitted tables, until others are used."""
    cached = cache(function)
    _caches.append(cached.cache_clear)
    return cached


def use_tables(tables: dict[str, list[dict]]) -> None:
    """Use other rows in place of the fitted tables that the package has, while new ones are fitted; {} ends it."""
    _given.clear()
    _given.update({name: tuple({k: str(v) for k, v in row.items()} for row in rows) for name, rows in tables.items()})
    for clear in _caches:
        clear()


def bigrams(text: str) -> list[str]:
    return [text[i : i + 2] for i in range(len(text) - 1)]
