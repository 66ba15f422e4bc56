"""Tables in JSON, by columns or by rows of cells, to objects with the columns' names as keys.

A new layout is one function in LAYOUTS.
"""

from collections.abc import Callable

from tarot_data.sources.labels import known_fields

MAX_ROWS = 1_000_000


def is_header(names: object) -> bool:
    """Check for the names of columns of readings: at least two known fields, cards or content among them."""
    if not isinstance(names, list) or not 2 <= len(names) <= 500 or not all(isinstance(n, str) for n in names):
        return False
    fields = known_fields(names)
    return len(fields) >= 2 and bool(fields & {"content", "cards"})


def objects_of(value: dict) -> list[dict]:
    """Return the rows of an object that is a table; [] if it is none."""
    return next((found for layout in LAYOUTS if (found := layout(value))), [])


def _columns_by_row(value: dict) -> list[dict]:
    """Read `{"person": {"0": "阿一", "1": "阿二"}, "cards": {"0": …, "1": …}}`: each column an object of the same keys."""
    if not all(isinstance(column, dict) for column in value.values()) or not is_header([*value]):
        return []
    rows = next(iter(value.values()))
    if not rows or known_fields(list(map(str, rows))) or any(column.keys() != rows.keys() for column in value.values()):
        return []
    return [{name: column[row] for name, column in value.items()} for row in rows]


def _lists_by_column(value: dict) -> list[dict]:
    """Read `{"person": ["阿一", "阿二"], "cards": […, …]}`: each column a list, as long as the others.

    Lists of the cards and paragraphs of one reading may be as long as each other, but it has one person or question.
    """
    if not all(isinstance(column, list) for column in value.values()) or not is_header([*value]):
        return []
    if not known_fields([*value]) & {"person", "question", "date", "id"}:
        return []
    if len({len(column) for column in value.values()}) != 1:
        return []
    return _rows([*value], [list(row) for row in zip(*value.values(), strict=True)])


def _names_and_rows(value: dict) -> list[dict]:
    """Read `{"columns": ["person", "cards"], "data": [["阿一", …], …]}`, whatever the two keys are called."""
    lists = [child for child in value.values() if isinstance(child, list) and child]
    names = next((found for child in lists if is_header(found := [_name_of(item) for item in child])), None)
    rows = next((child for child in lists if all(isinstance(row, list) for row in child)), None)
    if names is None and rows and len(rows) > 1 and is_header(rows[0]):
        names, rows = rows[0], rows[1:]
    return _rows(names, rows) if names and rows and max(map(len, rows)) <= len(names) else []


LAYOUTS: tuple[Callable[[dict], list[dict]], ...] = (_columns_by_row, _lists_by_column, _names_and_rows)


def _name_of(item: object) -> object:
    """Return the name of a column, which may be an object with its type: `{"name": "person", "type": "text"}`."""
    if isinstance(item, dict):
        return next((item[key] for key in ("name", "title", "label", "field") if isinstance(item.get(key), str)), None)
    return item


def _rows(names: list[str], rows: list[list]) -> list[dict]:
    return [dict(zip(names, row, strict=False)) for row in rows[:MAX_ROWS]]


class Header:
    """The header of a list of lists (`[["person", "cards"], ["阿一", …]]`), once it was met."""

    def __init__(self) -> None:
        self.names: list[str] | None = None

    def objects_of(self, value: object) -> object:
        """Return a row as an object, None for the header; any other value as it is."""
        if not isinstance(value, list):
            return value
        if self.names is None and is_header(value):
            self.names = value
            return None
        return dict(zip(self.names, value, strict=False)) if self.names and len(value) <= len(self.names) else value
