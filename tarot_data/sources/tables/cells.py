"""Cells of a table row, which may be text, numbers, blank or missing."""

from tarot_data.text.cleanup import plain

Row = list[object]
"""The cells of one row, as its file format types them; None or "" is blank."""


def is_blank(cell: object) -> bool:
    return cell in (None, "")


def cell_text(cell: object) -> str:
    """Return a cell as text without spaces around it; blank is ""."""
    return plain(cell).strip()


def cell_at(row: Row, index: int) -> object:
    """Return the cell in a column, None if the row is shorter."""
    return row[index] if index < len(row) else None


def filled(row: Row) -> Row:
    """Return the cells that are not blank."""
    return [cell for cell in row if not is_blank(cell)]
