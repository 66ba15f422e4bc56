"""Mentions of a person in texts that others wrote: search for the rows, masking of the name."""

import polars as pl

from tarot_data.privacy import suppression_list

NAMED_AFTER = frozenset("file member locator name root columns".split())
"""Fields with names of files and sheets."""

TEXTS = NAMED_AFTER | frozenset(
    "person question content outcome spread position raw values excerpt record fields reasoning_content".split()
)
"""Fields with text of a person, in which a name may occur. The others hold codes, numbers and closed lists."""


def mentioning(frame: pl.DataFrame, name: str) -> pl.Series:
    """Return a mask of the rows with the name in one of their texts."""
    texts = [column for column in frame.columns if column in TEXTS or frame[column].dtype.is_nested()]
    rows = frame.lazy().select(row=pl.struct(texts).struct.json_encode()).with_row_index("place")
    rows = rows.filter(pl.col("row").str.contains(suppression_list.pattern(name))).collect()
    places = {place for place, row in rows.iter_rows() if suppression_list.spans(row, name)}
    return pl.Series([place in places for place in range(frame.height)], dtype=pl.Boolean)


def mask_mentions(frame: pl.DataFrame, name: str, everywhere: bool) -> tuple[pl.DataFrame, int]:
    """Mask a name in the rows of a table; return the table and the number of changed rows.

    everywhere: in all texts; otherwise only in names of files and sheets.
    """
    hit = mentioning(frame, name)
    if not hit.any():
        return frame, 0
    marked = frame.with_row_index("_place")
    keys = TEXTS if everywhere else NAMED_AFTER
    before = marked.filter(hit).to_dicts()
    after = [_masked(row, name, keys) for row in before]
    whole = pl.concat([marked.filter(~hit), pl.DataFrame(after, schema=marked.schema)]).sort("_place").drop("_place")
    return whole, sum(one != other for one, other in zip(before, after, strict=True))


def _masked(value: object, name: str, keys: frozenset[str], key: str = "") -> object:
    if isinstance(value, dict):
        return {inner: _masked(below, name, keys, inner) for inner, below in value.items()}
    if isinstance(value, list):
        return [_masked(below, name, keys, key) for below in value]
    if not isinstance(value, str) or key not in keys:
        return value
    return suppression_list.masked(value, suppression_list.place_spans(key, value, name))
